"""Names and messages of the simulated market streams."""

import pytest

from trader.domain.instrument import InstrumentId
from trader.sim.binance_subscriptions import (
    FAST_NS,
    SLOW_NS,
    BestStream,
    BookStream,
    StreamName,
    changes,
    parse,
)
from trader.sim.model import Book, Levels

BTC = InstrumentId("binance:BTC-USDT")


def a_book(sequence: int, bids: Levels = ((99.0, 1.0),), asks: Levels = ((101.0, 1.0),)) -> Book:
    """A book of one level a side."""
    return Book(BTC, bids, asks, sequence, 0)


class TestNames:
    """A name is a stream only as Binance spells it."""

    @pytest.mark.parametrize(
        ("name", "stream"),
        [
            ("btcusdt@depth", StreamName("BTCUSDT", "depth", 0, SLOW_NS)),
            ("btcusdt@depth@100ms", StreamName("BTCUSDT", "depth", 0, FAST_NS)),
            ("btcusdt@depth20@100ms", StreamName("BTCUSDT", "depth", 20, FAST_NS)),
            ("btcusdt@depth5", StreamName("BTCUSDT", "depth", 5, SLOW_NS)),
            ("btcusdt@bookTicker", StreamName("BTCUSDT", "bookTicker", 0, SLOW_NS)),
            ("btcusdt@trade", StreamName("BTCUSDT", "trade", 0, SLOW_NS)),
            ("BTCUSDT@trade", None),
            ("btcusdt@depth15", None),
            ("btcusdt@trade5", None),
            ("btcusdt@bookTicker@100ms", None),
            ("!ticker@arr", None),
        ],
    )
    def test_each(self, name: str, stream: StreamName | None) -> None:
        assert parse(name) == stream


class TestBooks:
    """Whole books come when something changed; changes join up without a gap."""

    def test_changes_join_up_over_what_was_not_sent(self) -> None:
        stream = BookStream(StreamName("BTCUSDT", "depth", 0, FAST_NS), a_book(7))

        assert stream.frame(a_book(7), 0, 0, int) is None
        first = stream.frame(a_book(8, bids=((99.0, 2.0),)), 0, 0, int)
        assert stream.frame(a_book(9), 0, FAST_NS - 1, int) is None
        second = stream.frame(a_book(11, asks=((102.0, 1.0),)), 0, FAST_NS, int)

        assert first is not None
        assert second is not None
        assert (first["U"], first["u"], second["U"], second["u"]) == (8, 8, 9, 11)
        assert first["b"] == [("99.00000000", "2.00000000")]
        assert second["a"] == [("102.00000000", "1.00000000"), ("101.00000000", "0.00000000")]

    def test_a_whole_book_comes_at_once_and_then_when_it_changed(self) -> None:
        stream = BookStream(StreamName("BTCUSDT", "depth", 5, FAST_NS), a_book(7))

        first = stream.frame(a_book(7), 0, 0, int)

        assert first is not None
        assert first["lastUpdateId"] == 7
        assert stream.frame(a_book(7), 0, FAST_NS, int) is None
        assert stream.frame(None, 0, FAST_NS, int) is None

    def test_best_levels_come_when_they_changed(self) -> None:
        stream = BestStream("BTCUSDT", a_book(7))

        assert stream.frame(a_book(8)) is None
        assert stream.frame(a_book(9, bids=())) is None
        told = stream.frame(a_book(10, bids=((99.0, 3.0),)))

        assert told is not None
        assert (told["u"], told["B"]) == (10, "3.00000000")

    def test_a_level_that_is_gone_has_quantity_zero(self) -> None:
        told = changes(((3.0, 1.0), (2.0, 1.0)), ((3.0, 1.0), (1.0, 4.0)))

        assert told == [("1.00000000", "4.00000000"), ("2.00000000", "0.00000000")]
