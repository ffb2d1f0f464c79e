"""Connectors: what joins a process to real venues. Whoever starts the engine hands them in."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from trader.domain.client_ids import Whose
from trader.domain.clock import Clock
from trader.domain.events import Event
from trader.domain.instrument import Instrument, InstrumentId, Venue
from trader.domain.order import ClientOrderId, Order
from trader.execution.account_look import AccountSeen
from trader.execution.gate import Lane
from trader.ops.around import VenueFigures


class VenueSight(Struct, frozen=True):
    """What is known of a venue now: whether its account was reconciled since the last connect, how
    far its clock is from ours (signed; None not yet known), and whether it would take an order:
    not while it has shut us out for a time.
    """

    reconciled: bool = False
    skew_ms: float | None = None
    takes_orders: bool = True


class KeySight(Struct, frozen=True):
    """The last answer of every venue to what our keys may do; None where one never answered."""

    cannot_withdraw: bool | None = None
    age_hours: float | None = None


SeeAccount = Callable[[int], Awaitable[AccountSeen]]
"""Asks a venue for its orders since then (UTC) and its balances; raises VenueError."""


class OurOrders(Protocol):
    """What the engine knows of its live orders, now."""

    @property
    def known_until_ns(self) -> int:
        """UTC of the newest fact when the process began; 0 where the journal was fresh."""
        ...

    def unsettled(self, venue: Venue) -> Sequence[Order]:
        """Those of a venue that have no end yet."""
        ...

    def whose(self, client_order_id: ClientOrderId) -> Whose:
        """Whose an order is that a venue shows."""
        ...


class Connectors(Protocol):
    """The venues of one process. They deliver events; nothing else of theirs is visible."""

    @property
    def instruments(self) -> Mapping[InstrumentId, Instrument]:
        """The configured instruments with their venues' own rules."""
        ...

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Each account by its key, without telling it; none where there are no keys."""
        ...

    def connect(
        self,
        clock: Clock,
        deliver: Callable[[Event], None],
        orders: OurOrders,
    ) -> None:
        """Say where events go and what is known of our orders, before anything runs."""
        ...

    async def run(self) -> None:
        """Hear and report until cancelled."""
        ...

    def lanes(self) -> Mapping[Venue, Lane]:
        """The order connections; asked for in live mode only."""
        ...

    def venue(self, venue: Venue) -> VenueSight:
        """What is known of a venue this instant."""
        ...

    def keys(self) -> KeySight:
        """What is known of our keys this instant."""
        ...

    def figures(self) -> Mapping[Venue, VenueFigures]:
        """What each venue's connections have counted; asked once a cycle."""
        ...

    def accounts(self) -> Mapping[Venue, SeeAccount]:
        """How to see the account of each venue that we have keys for, without acting on it."""
        ...

    def saw(self, event: Event) -> None:
        """The engine has processed an event, and its facts are on disk."""
        ...
