"""Binance's public frames become books, and a book never mixes times the wrong way round."""

from pathlib import Path

import msgspec
import pytest

from tests.support.builders import BINANCE_BTC
from trader.domain.clock import Stamp
from trader.domain.errors import FeedError, FrameInvalid
from trader.domain.instrument import InstrumentId
from trader.domain.market import BookFlaw, Level, OrderBook, flaw_of
from trader.feeds.binance import BinanceFeed
from trader.feeds.codec import FeedEnding
from trader.wire.http import HttpAnswer

BIDS = (("100.0", "1"), ("99.9", "2"), ("99.8", "3"))
ASKS = (("100.1", "4"), ("100.2", "5"), ("100.3", "6"))
AT = Stamp(1_000_000, 1_000)
LATER = Stamp(2_000_000, 2_000)


def levels(update_id: int, bids: object = BIDS, asks: object = ASKS) -> bytes:
    """A frame of partial depth."""
    data = {"lastUpdateId": update_id, "bids": bids, "asks": asks}
    return msgspec.json.encode({"stream": "btcusdt@depth20@100ms", "data": data})


def ticker(
    update_id: int,
    bid: str = "100.0",
    ask: str = "100.1",
    sizes: tuple[str, str] = ("7", "8"),
    symbol: str = "BTCUSDT",
) -> bytes:
    """A frame of bookTicker."""
    data = {"u": update_id, "s": symbol, "b": bid, "B": sizes[0], "a": ask, "A": sizes[1]}
    return msgspec.json.encode({"stream": "btcusdt@bookTicker", "data": data})


def a_feed() -> BinanceFeed:
    """A codec of one instrument."""
    return BinanceFeed([BINANCE_BTC])


def book_of(feed: BinanceFeed, frame: bytes | str, stamp: Stamp = AT) -> OrderBook:
    """The book a frame leads to."""
    book = feed.decode(frame, stamp)
    assert isinstance(book, OrderBook)
    return book


class TestAsking:
    """One address asks for two streams an instrument, in lower case."""

    def test_names_every_stream(self) -> None:
        """Nothing is left to be sent once connected."""
        feed = BinanceFeed([BINANCE_BTC, InstrumentId("binance:ETH-USDT")])

        assert feed.address("wss://stream.binance.com:9443/") == (
            "wss://stream.binance.com:9443/stream?streams="
            "btcusdt@depth20@100ms/btcusdt@bookTicker/ethusdt@depth20@100ms/ethusdt@bookTicker"
        )
        assert feed.hello() == ()
        assert feed.keepalive is None

    def test_snapshots_are_as_deep_as_the_stream(self) -> None:
        """Weight 5, whatever of up to a hundred levels is asked for."""
        (request,) = a_feed().snapshot([BINANCE_BTC])

        assert (request.method, request.target) == (
            "GET",
            "/api/v3/depth?symbol=BTCUSDT&limit=20",
        )
        assert (request.weight, request.headers, request.body) == (5, (), b"")


class TestLevels:
    """Partial depth is the whole book as far as it reaches; the stream's name says whose it is."""

    @pytest.mark.parametrize("is_text", [True, False])
    def test_becomes_a_book(self, is_text: bool) -> None:
        """Text and binary frames alike."""
        frame = levels(10)

        assert a_feed().decode(frame.decode() if is_text else frame, AT) == OrderBook(
            BINANCE_BTC,
            ((100.0, 1.0), (99.9, 2.0), (99.8, 3.0)),
            ((100.1, 4.0), (100.2, 5.0), (100.3, 6.0)),
            AT.at_ns,
            AT.mono_ns,
            None,
        )

    def test_the_same_again_confirms_it(self) -> None:
        """Nothing moved, and the venue says so now."""
        feed = a_feed()
        feed.decode(levels(10), AT)

        assert book_of(feed, levels(10), LATER).mono_ns == LATER.mono_ns

    def test_older_ones_say_nothing(self) -> None:
        """The count of updates decides, not the order of arrival."""
        feed = a_feed()
        feed.decode(levels(10), AT)

        assert feed.decode(levels(9), LATER) is None

    def test_a_new_connection_begins_anew(self) -> None:
        """Its counts are compared with nothing that another one told."""
        feed = a_feed()
        feed.decode(levels(10), AT)
        feed.decode(ticker(20), AT)

        feed.address("wss://host")

        assert book_of(feed, levels(5), LATER).bids[0] == (100.0, 1.0)

    @pytest.mark.parametrize(
        ("bids", "flaw"),
        [
            ((), BookFlaw.ONE_SIDED),
            ((("nan", "1"),), BookFlaw.NOT_A_NUMBER),
            ((("100.2", "1"),), BookFlaw.CROSSED),
            ((("100.0", "0"),), BookFlaw.NOT_A_NUMBER),
        ],
    )
    def test_what_may_not_be_traded_on_is_handed_on(self, bids: object, flaw: BookFlaw) -> None:
        """The market view judges books; a codec that mended one would hide it."""
        feed = a_feed()
        assert flaw_of(book_of(feed, levels(1, bids))) is flaw


class TestTicker:
    """A best bid and ask newer than the levels replaces their top, and nothing else does."""

    def test_waits_for_levels(self) -> None:
        """A top alone is no book to trade a size on."""
        assert a_feed().decode(ticker(10), AT) is None

    def test_replaces_sizes(self) -> None:
        """The prices stand as they were."""
        feed = a_feed()
        feed.decode(levels(10), AT)

        book = book_of(feed, ticker(11), LATER)

        assert book.bids == ((100.0, 7.0), (99.9, 2.0), (99.8, 3.0))
        assert book.asks == ((100.1, 8.0), (100.2, 5.0), (100.3, 6.0))

    def test_what_stood_better_is_gone(self) -> None:
        """The best bid is the best: nothing above it stands any more."""
        feed = a_feed()
        feed.decode(levels(10), AT)

        book = book_of(feed, ticker(11, "99.9", "100.3"), LATER)

        assert book.bids == ((99.9, 7.0), (99.8, 3.0))
        assert book.asks == ((100.3, 8.0),)

    def test_what_is_better_stands_before(self) -> None:
        """A new level goes before those known, and never crosses them."""
        feed = a_feed()
        feed.decode(levels(10), AT)

        book = book_of(feed, ticker(11, "100.15", "100.16"), LATER)

        assert book.bids == ((100.15, 7.0), (100.0, 1.0), (99.9, 2.0), (99.8, 3.0))
        assert book.asks == ((100.16, 8.0), (100.2, 5.0), (100.3, 6.0))
        assert flaw_of(book) is None

    def test_beyond_every_known_level(self) -> None:
        """Then the top is all that is known."""
        feed = a_feed()
        feed.decode(levels(10), AT)

        book = book_of(feed, ticker(11, "90", "110"), LATER)

        assert (book.bids, book.asks) == (((90.0, 7.0),), ((110.0, 8.0),))

    @pytest.mark.parametrize("update_id", [9, 10])
    def test_older_than_the_levels_says_nothing(self, update_id: int) -> None:
        """They hold what it tells already."""
        feed = a_feed()
        feed.decode(levels(10), AT)

        assert feed.decode(ticker(update_id, "1", "2"), LATER) is None
        assert book_of(feed, levels(10), LATER).best_bid == 100.0

    def test_older_levels_do_not_bring_back_an_older_top(self) -> None:
        """Levels of before the last ticker have their deep end taken and its top laid over them."""
        feed = a_feed()
        feed.decode(levels(10), AT)
        feed.decode(ticker(20, "99.85", "100.2"), AT)

        book = book_of(feed, levels(15, (("100.0", "9"), ("99.8", "9"))), LATER)

        assert book.bids == ((99.85, 7.0), (99.8, 9.0))
        assert book.asks == ((100.2, 8.0), (100.3, 6.0))

    def test_newer_levels_end_its_reign(self) -> None:
        """What it said is in them."""
        feed = a_feed()
        feed.decode(levels(10), AT)
        feed.decode(ticker(20, "99.85", "100.2"), AT)

        assert book_of(feed, levels(20), LATER).bids[0] == (100.0, 1.0)

    def test_older_than_the_last_says_nothing(self) -> None:
        """Two tickers out of order leave the newer."""
        feed = a_feed()
        feed.decode(levels(10), AT)
        feed.decode(ticker(20, "99.9", "100.2"), AT)

        assert feed.decode(ticker(19, "100.0", "100.1"), LATER) is None

    def test_a_side_that_did_not_change_is_the_same_object(self) -> None:
        """Whoever judged it needs no second look."""
        feed = a_feed()
        feed.decode(levels(10), AT)
        book = book_of(feed, ticker(11))

        after = book_of(feed, ticker(12, "99.9"))

        assert after.asks is book.asks
        assert after.bids == ((99.9, 7.0), (99.8, 3.0))

    def test_other_levels_come_under_the_same_best(self) -> None:
        """Nothing is kept of levels that newer ones replaced."""
        feed = a_feed()
        feed.decode(levels(10), AT)
        feed.decode(ticker(11), AT)
        feed.decode(levels(12, (("100.0", "7"), ("99.5", "5"))), AT)

        assert book_of(feed, ticker(13)).bids == ((100.0, 7.0), (99.5, 5.0))

    def test_an_empty_side_is_empty(self) -> None:
        """The venue writes zeros where nobody bids."""
        feed = a_feed()
        feed.decode(levels(10), AT)

        book = book_of(feed, ticker(11, "0.00000000", "100.1", ("0.00000000", "8")), LATER)

        assert book.bids == ()
        assert flaw_of(book) is BookFlaw.ONE_SIDED


class TestAge:
    """A book of two parts is as old as the older of them."""

    def test_tickers_do_not_keep_levels_fresh(self) -> None:
        """Or a dead depth stream would go unnoticed behind a lively ticker."""
        feed = a_feed()
        feed.decode(levels(10), AT)

        book = book_of(feed, ticker(11), LATER)

        assert (book.at_ns, book.mono_ns) == (AT.at_ns, AT.mono_ns)

    def test_levels_do_not_keep_a_ticker_fresh(self) -> None:
        """The top laid over older levels was read before them."""
        feed = a_feed()
        feed.decode(levels(10), AT)
        feed.decode(ticker(20), AT)

        assert book_of(feed, levels(15), LATER).mono_ns == AT.mono_ns


class TestOtherFrames:
    """What is no book is nothing, the end of a connection is told, all else is wrong."""

    @pytest.mark.parametrize(
        "frame",
        [
            b'{"result":null,"id":1}',
            b'{"id":"a","result":["btcusdt@depth"]}',
            b'{"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT","p":"0.1","m":true}}',
            b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","b":[["1","2"]],"a":[]}}',
        ],
    )
    def test_no_book(self, frame: bytes) -> None:
        """Answers, and other streams of our instruments."""
        assert a_feed().decode(frame, AT) is None

    @pytest.mark.parametrize(
        "frame",
        [
            b'{"e":"serverShutdown","E":1770123456789}',
            b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}',
        ],
    )
    def test_the_venue_ends_the_connection(self, frame: bytes) -> None:
        """Told raw and combined."""
        assert a_feed().decode(frame, AT) == FeedEnding("serverShutdown")

    @pytest.mark.parametrize(
        "frame",
        [
            b"",
            b"null",
            b"[]",
            b"{}",
            b'{"stream":"btcusdt@depth20@100ms"',
            b'{"stream":"btcusdt@depth20@100ms","data":{}}',
            b'{"stream":"btcusdt@depth20@100ms","data":{"lastUpdateId":1,"bids":[]}}',
            b'{"stream":"btcusdt@depth20@100ms","data":{"lastUpdateId":1,"bids":[["x","1"]],"asks":[]}}',
            b'{"stream":"btcusdt@depth20@100ms","data":{"lastUpdateId":1,"bids":[["1"]],"asks":[]}}',
            b'{"stream":"ethusdt@depth20@100ms","data":{"lastUpdateId":1,"bids":[],"asks":[]}}',
            b'{"stream":"!ticker@arr","data":[]}',
            b'{"error":{"code":2,"msg":"Invalid request"},"id":1}',
            ticker(1, "nan"),
            ticker(1, "inf"),
            ticker(1, "1e308", "1.1e308"),
            ticker(1, "-1"),
            ticker(1, sizes=("nan", "8")),
            ticker(1, sizes=("7", "inf")),
            ticker(1, sizes=("7", "-8")),
            ticker(-1),
            ticker(1, symbol="ETHUSDT"),
            b"\xff\xfe",
            b"[" * 100_000,
            "\ud800",
        ],
    )
    def test_wrong(self, frame: bytes | str) -> None:
        """One error of our own, whatever is wrong."""
        with pytest.raises(FrameInvalid):
            a_feed().decode(frame, AT)


class TestSnapshot:
    """A REST snapshot counts only while the stream has told nothing newer."""

    def test_becomes_a_book(self) -> None:
        """Stamped with when it was asked for."""
        feed = a_feed()
        (request,) = feed.snapshot([BINANCE_BTC])
        body = b'{"lastUpdateId":10,"bids":[["100.0","1"]],"asks":[["100.1","4"]]}'

        (book,) = feed.read_snapshot(request, HttpAnswer(200, {}, body), AT)

        assert book == OrderBook(
            BINANCE_BTC, ((100.0, 1.0),), ((100.1, 4.0),), AT.at_ns, AT.mono_ns
        )

    @staticmethod
    def ask(feed: BinanceFeed, stamp: Stamp) -> tuple[OrderBook, ...]:
        """The books of a snapshot at count 10 that was asked for then."""
        (request,) = feed.snapshot([BINANCE_BTC])
        body = b'{"lastUpdateId":10,"bids":[["100.0","9"]],"asks":[["100.1","9"]]}'
        return feed.read_snapshot(request, HttpAnswer(200, {}, body), stamp)

    @pytest.mark.parametrize("update_id", [10, 11])
    def test_nothing_where_the_stream_was_quicker(self, update_id: int) -> None:
        """An answer may come long after what the stream has told since."""
        feed = a_feed()
        feed.decode(levels(update_id), LATER)

        assert self.ask(feed, AT) == ()

    def test_confirms_a_quiet_market(self) -> None:
        """Nothing moved since, so the stream is silent, and the venue says so when asked."""
        feed = a_feed()
        feed.decode(levels(10), AT)

        (book,) = self.ask(feed, LATER)

        assert book.mono_ns == LATER.mono_ns

    def test_gives_a_ticker_its_levels(self) -> None:
        """One newer than the answer keeps its top, and the book is as old as the older part."""
        feed = a_feed()
        feed.decode(ticker(11, "99.9", "100.2"), LATER)

        (book,) = self.ask(feed, AT)

        assert (book.bids, book.asks) == (((99.9, 7.0),), ((100.2, 8.0),))
        assert book.mono_ns == AT.mono_ns

    @pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b'{"lastUpdateId":1,"bids":[["x"]]}'])
    def test_wrong(self, body: bytes) -> None:
        """What does not decode is never guessed."""
        feed = a_feed()
        (request,) = feed.snapshot([BINANCE_BTC])

        with pytest.raises(FrameInvalid):
            feed.read_snapshot(request, HttpAnswer(200, {}, body), AT)

    def test_refused(self) -> None:
        """A refusal is no frame that does not decode."""
        feed = a_feed()
        (request,) = feed.snapshot([BINANCE_BTC])

        with pytest.raises(FeedError, match="429"):
            feed.read_snapshot(request, HttpAnswer(429, {}, b""), AT)


class TestCaptures:
    """Real traffic decodes, line by line."""

    def test_every_line(self, captures_dir: Path) -> None:
        """Tickers become the top of a book; klines, trades and differences are no books."""
        lines = (captures_dir / "binance-ws-2021-10-12.txt").read_text().splitlines()
        frames = [line.partition(": ")[2] for line in lines if ": {" in line]
        names = ("NKN-USDT", "BLZ-ETH", "LRC-BTC", "RUNE-EUR")
        feed = BinanceFeed([InstrumentId(f"binance:{name}") for name in names])
        for name in names:
            (request,) = feed.snapshot([InstrumentId(f"binance:{name}")])
            body = b'{"lastUpdateId":0,"bids":[],"asks":[]}'
            feed.read_snapshot(request, HttpAnswer(200, {}, body), AT)

        told = [(frame, feed.decode(frame, AT)) for frame in frames]

        assert len(told) > 250
        for frame, book in told:
            said = msgspec.json.decode(frame)
            if not said["stream"].endswith("@bookTicker"):
                assert book is None
                continue
            assert isinstance(book, OrderBook)
            top: tuple[tuple[Level, ...], ...] = (
                ((float(said["data"]["b"]), float(said["data"]["B"])),),
                ((float(said["data"]["a"]), float(said["data"]["A"])),),
            )
            assert (book.bids, book.asks) == top
            assert flaw_of(book) is None
