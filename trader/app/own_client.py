"""ContainedClient: a user's own client, kept from taking the engine down.

What it raises beside ``VenueError`` and what it returns beside its protocol becomes an unknown
outcome, which everybody who asks a venue survives and nobody takes for an answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from msgspec.structs import replace

from trader.app.dotted import broke
from trader.app.own_checks import (
    Unsound,
    sound_balances,
    sound_fees,
    sound_instruments,
    sound_number,
    sound_placement,
    sound_request,
    sound_view,
    typed,
)
from trader.domain.clock import Stamp
from trader.domain.errors import OutcomeUnknown, VenueError
from trader.domain.instrument import FeeSchedule, Instrument, InstrumentId, Venue
from trader.domain.order import ApprovedOrder, ClientOrderId
from trader.execution.venue import (
    Absent,
    Balance,
    KeyScope,
    OrderView,
    Placement,
    PrivateStream,
    VenueClient,
)
from trader.wire.http import HttpAnswer, HttpRequest

_LONGEST_ANSWER_S = 60.0
"""A question may be many requests, each with a bound of its own; together they have this one."""

_T = TypeVar("_T")


class ContainedClient:
    """What the engine speaks to instead of the user's client.

    ``warming`` is that client's first answer to what keeps a connection open, ``stream`` its
    private stream where there are keys. With ``order_group`` orders draw on the rate limits of that
    group, whatever the client says.
    """

    def __init__(
        self,
        client: VenueClient,
        venue: Venue,
        instruments: tuple[InstrumentId, ...],
        warming: HttpRequest,
        stream: PrivateStream | None,
        order_group: str | None,
    ) -> None:
        self.venue = venue
        self._client = client
        self._instruments = frozenset(instruments)
        self._warming = warming
        self._stream = stream
        self._order_group = order_group

    # orders: the lane contains what these raise, but takes what they return for granted

    def placement(self, order: ApprovedOrder, stamp: Stamp) -> HttpRequest:
        """The signed request.

        Raises:
            Unsound: it is none. Whatever else the client raises; the lane sends nothing then.
        """
        request = sound_request(self._client.placement(order, stamp))
        return request if self._order_group is None else replace(request, group=self._order_group)

    def read_placement(self, order: ApprovedOrder, answer: HttpAnswer, stamp: Stamp) -> Placement:
        """What became of it.

        Raises:
            Unsound: no answer to that. Whatever else the client raises; the outcome is unknown.
        """
        found = self._client.read_placement(order, answer, stamp)
        return sound_placement(found, self._instruments, order)

    def warming(self) -> HttpRequest:
        """As it was at first: nothing of it depends on the moment."""
        return self._warming

    def private_stream(self) -> PrivateStream:
        """The stream that was opened with the client.

        Raises:
            OutcomeUnknown: there are no keys, and so there is none.
        """
        if self._stream is None:
            raise OutcomeUnknown(f"{self.venue}: no private stream without keys")
        return self._stream

    # everything else

    async def cancel(self, client_order_id: ClientOrderId, instrument: InstrumentId) -> None:
        """Ask for an order to be cancelled."""
        await self._asked(
            "cancel", lambda: self._client.cancel(client_order_id, instrument), lambda _: None
        )

    async def find(
        self, client_order_id: ClientOrderId, instrument: InstrumentId, sent_ns: int
    ) -> OrderView | Absent:
        """What the venue knows of an order."""

        def read(found: object) -> OrderView | Absent:
            if isinstance(found, Absent):
                return typed(found, Absent)
            return sound_view(found, (instrument,), client_order_id)

        return await self._asked(
            "find", lambda: self._client.find(client_order_id, instrument, sent_ns), read
        )

    async def open_orders(self) -> tuple[OrderView, ...]:
        """Every open order in the known instruments."""
        return await self._asked("open_orders", self._client.open_orders, self._views)

    async def closed_orders(self, since_ns: int) -> tuple[OrderView, ...]:
        """Orders that ended since then."""
        return await self._asked(
            "closed_orders", lambda: self._client.closed_orders(since_ns), self._views
        )

    async def balances(self) -> tuple[Balance, ...]:
        """Every balance that is not nothing."""
        return await self._asked("balances", self._client.balances, sound_balances)

    async def instruments(self) -> tuple[Instrument, ...]:
        """The known instruments with the venue's own rules."""
        return await self._asked(
            "instruments",
            self._client.instruments,
            lambda found: sound_instruments(found, self._instruments),
        )

    async def fees(self) -> Mapping[InstrumentId, FeeSchedule]:
        """What the account pays as a taker."""
        return await self._asked(
            "fees", self._client.fees, lambda found: sound_fees(found, self._instruments)
        )

    async def clock_skew_ms(self) -> float:
        """How far this host's clock is ahead of the venue's."""
        return await self._asked("clock_skew_ms", self._client.clock_skew_ms, sound_number)

    async def key_scope(self) -> KeyScope:
        """What our key may do."""
        return await self._asked(
            "key_scope", self._client.key_scope, lambda found: typed(found, KeyScope)
        )

    async def try_order(self, order: ApprovedOrder) -> Placement | None:
        """The venue's judgement of an order that is not placed."""

        def read(found: object) -> Placement | None:
            return None if found is None else sound_placement(found, self._instruments, order)

        return await self._asked("try_order", lambda: self._client.try_order(order), read)

    def _views(self, found: object) -> tuple[OrderView, ...]:
        if not isinstance(found, list | tuple):
            raise Unsound(f"{type(found).__name__}, not a tuple of OrderViews")
        return tuple(sound_view(one, self._instruments) for one in found)

    async def _asked(
        self, what: str, question: Callable[[], Awaitable[object]], read: Callable[[object], _T]
    ) -> _T:
        try:
            async with asyncio.timeout(_LONGEST_ANSWER_S):
                return read(await question())
        except VenueError:
            raise
        except Unsound as error:
            raise OutcomeUnknown(f"{self.venue}: {what} answered {error}") from error
        except Exception as error:
            raise OutcomeUnknown(f"{self.venue}: {what} broke: {broke(error)}") from error
