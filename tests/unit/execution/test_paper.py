"""Paper venues are honest: what a real order would have got, and not a won more."""

from decimal import Decimal

import pytest

from tests.support.builders import (
    AT_NS,
    BINANCE_BTC,
    MS_NS,
    UPBIT_BTC,
    Number,
    a_book,
    an_intent,
    some_instruments,
)
from trader.domain.clock import SimulatedClock
from trader.domain.events import Event, OrderReported
from trader.domain.instrument import InstrumentId
from trader.domain.market import OrderBook
from trader.domain.order import (
    ApprovedOrder,
    ClientOrderId,
    Intent,
    LedgerName,
    OrderState,
    PairName,
    Purpose,
    Side,
    TimeInForce,
    TradeId,
)
from trader.execution.paper import PaperVenues

ASKS = ((150_910_000, "0.001"), (150_920_000, "0.002"), (151_000_000, "1"))
BIDS = ((150_900_000, "0.001"), (150_890_000, "0.002"), (150_000_000, "1"))


class Venue:
    """Paper venues on simulated time, with one book."""

    def __init__(self, latency_ms: float = 80) -> None:
        self.clock = SimulatedClock(AT_NS)
        self.books: dict[InstrumentId, OrderBook] = {}
        self.reports: list[Event] = []
        self.paper = PaperVenues(
            some_instruments(), self.books, self.clock, self.reports.append, latency_ms
        )
        self.state_book()
        self._number = 0

    def state_book(self, name: InstrumentId = UPBIT_BTC) -> None:
        """The venue states its book anew."""
        self.books[name] = a_book(name, bids=BIDS, asks=ASKS)

    def send(self, intent: Intent) -> None:
        """Send an order; it is under way."""
        self._number += 1
        self.paper.submit(
            [
                ApprovedOrder(
                    ClientOrderId(f"tr-test-{self._number}"),
                    TradeId("T1"),
                    PairName("upbit-binance"),
                    LedgerName.PAPER,
                    Purpose.OPEN,
                    intent,
                    0,
                    0,
                )
            ]
        )

    def arrive(self) -> None:
        """Let time pass until everything sent has arrived."""
        while self.clock.advance(self.clock.now().mono_ns + 1000 * MS_NS):
            pass

    def trade(self, intent: Intent) -> OrderReported:
        """Send an order and hear what became of it."""
        self.send(intent)
        self.arrive()
        report = self.reports[-1]
        assert isinstance(report, OrderReported)
        return report


def a_purchase(quantity: Number, limit: Number = 151_000_000, **changes: TimeInForce) -> Intent:
    """A purchase at Upbit."""
    bought = an_intent(UPBIT_BTC, Side.BUY, quantity, limit)
    return Intent(bought.instrument, bought.side, bought.quantity, bought.limit_price, **changes)


def taken(report: OrderReported) -> list[tuple[Decimal, Decimal]]:
    """Price and quantity of every fill."""
    return [(fill.price, fill.quantity) for fill in report.fills]


class TestWalk:
    def test_takes_level_after_level(self) -> None:
        """A taker pays worse the deeper it goes."""
        report = Venue().trade(a_purchase("0.0025"))

        assert report.state is OrderState.FILLED
        assert report.executed == Decimal("0.0025")
        assert taken(report) == [
            (Decimal(150_910_000), Decimal("0.001")),
            (Decimal(150_920_000), Decimal("0.0015")),
        ]

    def test_a_sale_takes_bids(self) -> None:
        """The other side of the same book."""
        report = Venue().trade(an_intent(UPBIT_BTC, Side.SELL, "0.002", 150_000_000))

        assert taken(report) == [
            (Decimal(150_900_000), Decimal("0.001")),
            (Decimal(150_890_000), Decimal("0.001")),
        ]

    @pytest.mark.parametrize(
        ("side", "limit", "filled"),
        [
            (Side.BUY, 150_919_999, "0.001"),
            (Side.BUY, 150_920_000, "0.003"),
            (Side.BUY, 150_909_000, "0"),
            (Side.SELL, 150_890_001, "0.001"),
            (Side.SELL, 150_890_000, "0.003"),
            (Side.SELL, 150_901_000, "0"),
        ],
    )
    def test_never_beyond_its_limit(self, side: Side, limit: int, filled: str) -> None:
        """The limit itself may be paid, not a tick more."""
        report = Venue().trade(an_intent(UPBIT_BTC, side, "0.01", limit))

        assert report.executed == Decimal(filled)

    def test_the_rest_of_an_immediate_order_is_cancelled(self) -> None:
        """It ends with what it got, and says why."""
        report = Venue().trade(a_purchase("0.01", 150_920_000))

        assert report.state is OrderState.EXPIRED
        assert report.executed == Decimal("0.003")
        assert report.reason

    @pytest.mark.parametrize(("quantity", "filled"), [("0.003", "0.003"), ("0.0031", "0")])
    def test_fill_or_kill_is_all_or_nothing(self, quantity: str, filled: str) -> None:
        """What cannot be filled whole is not filled at all."""
        order = a_purchase(quantity, 150_920_000, time_in_force=TimeInForce.FOK)

        report = Venue().trade(order)

        assert report.executed == Decimal(filled)

    def test_a_kill_leaves_the_book_as_it_was(self) -> None:
        """An order that took nothing took nothing from the next one."""
        venue = Venue()
        venue.trade(a_purchase("0.0031", 150_920_000, time_in_force=TimeInForce.FOK))

        assert venue.trade(a_purchase("0.003", 150_920_000)).state is OrderState.FILLED


class TestDisplayed:
    def test_what_one_order_took_the_next_does_not_get(self) -> None:
        """A level is there once, until the venue states the book anew."""
        venue = Venue()
        venue.trade(a_purchase("0.0015"))

        second = venue.trade(a_purchase("0.002", 150_920_000))

        assert taken(second) == [(Decimal(150_920_000), Decimal("0.0015"))]

    def test_a_new_statement_shows_what_stands_now(self) -> None:
        """The venue knows what is left; we do not guess."""
        venue = Venue()
        venue.trade(a_purchase("0.001"))
        venue.state_book()

        assert taken(venue.trade(a_purchase("0.001")))[0][0] == Decimal(150_910_000)

    def test_sides_do_not_share_what_was_taken(self) -> None:
        """A purchase leaves the bids alone."""
        venue = Venue()
        venue.trade(a_purchase("0.001"))

        sold = venue.trade(an_intent(UPBIT_BTC, Side.SELL, "0.001", 150_900_000))

        assert sold.state is OrderState.FILLED

    def test_a_missing_book_fills_nothing(self) -> None:
        """No book, no trade; the order ends all the same."""
        venue = Venue()
        venue.books.clear()

        report = venue.trade(a_purchase("0.001"))

        assert report.state is OrderState.EXPIRED
        assert report.executed == 0
        assert report.fills == ()


class TestLatency:
    def test_it_meets_the_book_that_stands_when_it_arrives(self) -> None:
        """What moved away meanwhile is gone."""
        venue = Venue(latency_ms=80)
        venue.send(a_purchase("0.001", 150_910_000))
        venue.clock.advance(79 * MS_NS)
        none_yet = list(venue.reports)
        venue.books[UPBIT_BTC] = a_book(UPBIT_BTC, 150_950_000, 150_960_000)

        venue.arrive()

        (report,) = venue.reports
        assert none_yet == []
        assert isinstance(report, OrderReported)
        assert report.executed == 0
        assert report.mono_ns == 80 * MS_NS


class TestFees:
    def test_on_top_in_the_quote_asset(self) -> None:
        """Upbit takes its fee in won."""
        (fill,) = Venue().trade(a_purchase("0.001")).fills

        assert (fill.fee, fill.fee_asset) == (Decimal("75.455"), "KRW")

    def test_out_of_what_was_received(self) -> None:
        """Binance takes it in the coin bought, and in dollars when sold."""
        venue = Venue()
        venue.books[BINANCE_BTC] = a_book(BINANCE_BTC, 107_990, 108_000)

        bought = venue.trade(an_intent(BINANCE_BTC, Side.BUY, "0.00066", 108_000)).fills[0]
        sold = venue.trade(an_intent(BINANCE_BTC, Side.SELL, "0.00066", 107_990)).fills[0]

        assert (bought.fee, bought.fee_asset) == (Decimal("0.00000066"), "BTC")
        assert (sold.fee, sold.fee_asset) == (Decimal("0.0712734"), "USDT")

    def test_every_fill_has_a_key_of_its_own(self) -> None:
        """Fills are booked once by key, also those of one order."""
        keys = [fill.key for fill in Venue().trade(a_purchase("0.0025")).fills]

        assert len(keys) == len(set(keys)) == 2
