"""A venue whose answers the test writes: a ``VenueClient`` without a network."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from trader.domain.clock import Stamp
from trader.domain.errors import HeldBack, VenueError, VenueRejected, VenueUnavailable
from trader.domain.instrument import UPBIT, FeeSchedule, Instrument, InstrumentId, Venue
from trader.domain.order import ApprovedOrder, ClientOrderId
from trader.execution.venue import (
    Absent,
    Balance,
    KeyScope,
    OrderView,
    Placement,
    PrivateNews,
    Unknown,
)
from trader.wire.http import HttpAnswer, HttpRequest


class FakeStream:
    """A private stream whose frames are the news themselves, by name."""

    keepalive: str | None = None

    def __init__(self, *, says_when_ready: bool = False) -> None:
        self.says_when_ready = says_when_ready
        self.news: dict[str, tuple[PrivateNews, ...]] = {}

    def address(self, ws_url: str) -> str:
        """As given."""
        return ws_url

    def headers(self, _stamp: Stamp) -> Mapping[str, str]:
        """None."""
        return {}

    def hello(self, _stamp: Stamp) -> tuple[str, ...]:
        """One frame."""
        return ("subscribe",)

    def is_ready(self, frame: bytes | str) -> bool:
        """Where it says so at all, by one word."""
        return not self.says_when_ready or frame == "ready"

    def decode(self, frame: bytes | str, _stamp: Stamp) -> tuple[PrivateNews, ...]:
        """What the test put under that name."""
        return self.news.get(str(frame), ())


class FakeVenue:
    """``found`` answers look-ups: a view, absence, or an error to raise; absent by default."""

    def __init__(self, *, says_when_ready: bool = False) -> None:
        self.stream = FakeStream(says_when_ready=says_when_ready)
        self.found: dict[str, OrderView | Absent | VenueError] = {}
        self.asked: list[str] = []
        self.holdings: tuple[Balance, ...] = ()
        self.listed: tuple[Instrument, ...] = ()
        self.open: tuple[OrderView, ...] = ()
        self.ended: tuple[OrderView, ...] = ()
        self.since_ns: list[int] = []
        self.held_back_s: list[float] = []
        """How long the budget holds each of the next questions back."""
        self.scope = KeyScope()
        self.skew_ms = 3.0
        self.is_away = False
        self.refusal: VenueRejected | None = None
        """What it answers to questions about the key."""

    @property
    def venue(self) -> Venue:
        """Upbit, as good as any."""
        return UPBIT

    def _ask(self, what: str) -> None:
        if self.held_back_s:
            raise HeldBack(f"{what}: held back", self.held_back_s.pop(0))
        self.asked.append(what)
        if self.is_away:
            raise VenueUnavailable(f"{what}: away")

    def placement(self, _order: ApprovedOrder, _stamp: Stamp) -> HttpRequest:
        """A request of no meaning."""
        return HttpRequest("POST", "/orders", group="order")

    def read_placement(
        self, _order: ApprovedOrder, _answer: HttpAnswer, _stamp: Stamp
    ) -> Placement:
        """Unknown."""
        return Unknown("fake")

    def warming(self) -> HttpRequest:
        """A request of no meaning."""
        return HttpRequest("GET", "/ping")

    async def cancel(self, client_order_id: ClientOrderId, _instrument: InstrumentId) -> None:
        """Asked."""
        self._ask(f"cancel {client_order_id}")

    async def find(
        self, client_order_id: ClientOrderId, _instrument: InstrumentId, _sent_ns: int
    ) -> OrderView | Absent:
        """What the test put there."""
        self._ask(f"find {client_order_id}")
        answer = self.found.get(client_order_id, Absent())
        if isinstance(answer, VenueError):
            raise answer
        return answer

    async def open_orders(self) -> tuple[OrderView, ...]:
        """As the test says."""
        self._ask("open orders")
        return self.open

    async def closed_orders(self, since_ns: int) -> tuple[OrderView, ...]:
        """As the test says."""
        self._ask("closed orders")
        self.since_ns.append(since_ns)
        return self.ended

    async def balances(self) -> tuple[Balance, ...]:
        """As the test says."""
        self._ask("balances")
        return self.holdings

    async def instruments(self) -> tuple[Instrument, ...]:
        """As the test says."""
        self._ask("instruments")
        return self.listed

    async def fees(self) -> Mapping[InstrumentId, FeeSchedule]:
        """Those of the instruments."""
        self._ask("fees")
        return {instrument.id: instrument.fees for instrument in self.listed}

    async def clock_skew_ms(self) -> float:
        """As the test says."""
        self._ask("clock")
        return self.skew_ms

    async def key_scope(self) -> KeyScope:
        """As the test says."""
        self._ask("key")
        if self.refusal is not None:
            raise self.refusal
        return self.scope

    async def try_order(self, _order: ApprovedOrder) -> Placement | None:
        """It has no such call."""
        return None

    def private_stream(self) -> FakeStream:
        """The one stream."""
        return self.stream


def balances(**amounts: str) -> Sequence[Balance]:
    """Balances by asset, nothing of them locked."""
    from trader.domain.instrument import Asset

    return tuple(
        Balance(Asset(asset), Decimal(text), Decimal(0)) for asset, text in amounts.items()
    )
