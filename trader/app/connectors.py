"""Connectors: what joins a process to real venues. Whoever starts the engine hands them in."""

from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec import Struct

from trader.domain.clock import Clock
from trader.domain.events import Event
from trader.domain.instrument import Instrument, InstrumentId, Venue
from trader.execution.gate import Lane


class VenueSight(Struct, frozen=True):
    """What is known of a venue now: whether its account was reconciled since the last connect, and
    how far its clock is from ours (signed; None not yet known).
    """

    reconciled: bool = False
    skew_ms: float | None = None


class KeySight(Struct, frozen=True):
    """The last answer of every venue to what our keys may do; None where one never answered."""

    cannot_withdraw: bool | None = None
    age_hours: float | None = None


class Connectors(Protocol):
    """The venues of one process. They deliver events; nothing else of theirs is visible."""

    @property
    def instruments(self) -> Mapping[InstrumentId, Instrument]:
        """The configured instruments with their venues' own rules."""
        ...

    @property
    def fingerprint(self) -> str:
        """Names the account by its keys, without telling them; empty where there are no keys."""
        ...

    def connect(self, clock: Clock, deliver: Callable[[Event], None]) -> None:
        """Say where events go, before anything runs."""
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
