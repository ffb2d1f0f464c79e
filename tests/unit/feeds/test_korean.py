"""Books of Upbit and Bithumb: frames, answers, and what is none."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.builders import AT_NS, BITHUMB_BTC, UPBIT_BTC, UPBIT_USDT
from trader.domain.clock import Stamp
from trader.domain.errors import FeedError, FrameInvalid
from trader.domain.market import BookFlaw, OrderBook, flaw_of
from trader.feeds.bithumb import BithumbFeed
from trader.feeds.codec import FeedCodec, FeedEnding
from trader.feeds.upbit import UpbitFeed
from trader.wire.http import HttpAnswer

STAMP = Stamp(AT_NS, 7)
MS = 1_746_602_359_173
UNITS = [[101.0, 99.0, 2.0, 3.0], [102.0, 98.0, 4.0, 5.0]]
UPBIT = UpbitFeed((UPBIT_BTC, UPBIT_USDT))
BITHUMB = BithumbFeed((BITHUMB_BTC,))
CODECS = pytest.mark.parametrize("codec", [UPBIT, BITHUMB], ids=["upbit", "bithumb"])


def simple(units: Sequence[Sequence[object]] = UNITS, **changes: Any) -> str:
    """A book in the short names; each unit is ask, bid and their sizes."""
    rows = [dict(zip(("ap", "bp", "as", "bs"), unit, strict=True)) for unit in units]
    frame = {"ty": "orderbook", "cd": "KRW-BTC", "tms": MS, "tas": 1.0, "tbs": 1.0, "obu": rows}
    return json.dumps(frame | {"st": "REALTIME", "lv": 0} | changes)


def full(units: Sequence[Sequence[object]] = UNITS, **changes: Any) -> str:
    """The same book in the long names."""
    names = ("ask_price", "bid_price", "ask_size", "bid_size")
    rows = [dict(zip(names, unit, strict=True)) for unit in units]
    frame = {"type": "orderbook", "code": "KRW-BTC", "timestamp": MS, "total_ask_size": 1.0}
    return json.dumps(frame | {"orderbook_units": rows, "stream_type": "SNAPSHOT"} | changes)


def book_of(codec: FeedCodec, frame: bytes | str) -> OrderBook:
    said = codec.decode(frame, STAMP)
    assert isinstance(said, OrderBook)
    return said


def answer(content: object, status: int = 200) -> HttpAnswer:
    body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
    return HttpAnswer(status, {}, body)


class TestAsking:
    """One frame asks for everything: a second one would replace the first."""

    def test_upbit(self) -> None:
        """Fifteen levels of each, in the short names."""
        (hello,) = UPBIT.hello()

        ticket, books, tickers, form = json.loads(hello)
        assert ticket["ticket"]
        assert books == {"type": "orderbook", "codes": ["KRW-BTC.15", "KRW-USDT.15"]}
        assert tickers == {"type": "ticker", "codes": ["KRW-BTC", "KRW-USDT"]}
        assert form == {"format": "SIMPLE"}
        assert UPBIT.address("wss://api.upbit.com") == "wss://api.upbit.com/websocket/v1"

    def test_bithumb(self) -> None:
        """Plain codes, in the long names."""
        (hello,) = BITHUMB.hello()

        _, books, tickers, form = json.loads(hello)
        assert books == {"type": "orderbook", "codes": ["KRW-BTC"]}
        assert tickers == {"type": "ticker", "codes": ["KRW-BTC"]}
        assert form == {"format": "DEFAULT"}
        assert BITHUMB.address("ws://127.0.0.1:8/b/") == "ws://127.0.0.1:8/b/websocket/v1"

    @CODECS
    def test_an_idle_connection_is_kept_open(self, codec: FeedCodec) -> None:
        """By a text frame."""
        assert codec.keepalive == "PING"


@CODECS
class TestBooks:
    """Either format, as text or bytes, numbers as numbers or text: one and the same book."""

    @pytest.mark.parametrize("frame", [simple(), full()])
    @pytest.mark.parametrize("is_binary", [False, True])
    def test_a_book(self, codec: FeedCodec, frame: str, is_binary: bool) -> None:
        """Best levels first, both clocks of the stamp, the venue's time in nanoseconds."""
        book = book_of(codec, frame.encode() if is_binary else frame)

        assert book == OrderBook(
            BITHUMB_BTC if codec is BITHUMB else UPBIT_BTC,
            ((99.0, 3.0), (98.0, 5.0)),
            ((101.0, 2.0), (102.0, 4.0)),
            STAMP.at_ns,
            STAMP.mono_ns,
            MS * 1_000_000,
        )
        assert flaw_of(book) is None

    def test_numbers_as_text(self, codec: FeedCodec) -> None:
        """As in Bithumb's own frames."""
        units = [[str(number) for number in unit] for unit in UNITS]

        frame = full(units, timestamp=str(MS), total_ask_size="3.4", level="0")

        assert book_of(codec, frame) == book_of(codec, full())

    def test_microseconds(self, codec: FeedCodec) -> None:
        """Bithumb's books are timed in microseconds, everything else in milliseconds."""
        book = book_of(codec, full(timestamp=1_785_397_747_576_054))

        assert book.venue_ns == 1_785_397_747_576_054_000

    def test_ranks_that_only_one_side_has(self, codec: FeedCodec) -> None:
        """Zeros that stand for no level are none."""
        for write in (simple, full):
            book = book_of(codec, write([*UNITS, [103.0, 0.0, 1.0, 0.0], [104.0, 0, 1.0, 0]]))

            assert len(book.bids) == 2
            assert len(book.asks) == 4
            assert flaw_of(book) is None

    def test_a_book_without_levels(self, codec: FeedCodec) -> None:
        """Is a book nobody may trade on, and takes the last one's place."""
        assert flaw_of(book_of(codec, full([]))) is BookFlaw.ONE_SIDED

    @pytest.mark.parametrize("number", [-1.0, "nan", "inf", "-0.0001"])
    @pytest.mark.parametrize("place", range(4))
    def test_numbers_that_make_no_sense(self, codec: FeedCodec, number: object, place: int) -> None:
        """Never become a book without a flaw."""
        unit: list[object] = list(UNITS[0])
        unit[place] = number

        assert flaw_of(book_of(codec, full([unit, UNITS[1]]))) is not None


@CODECS
class TestNoBooks:
    """What is no book says nothing, ends the connection, or is no frame."""

    @pytest.mark.parametrize(
        "frame",
        [
            '{"status":"UP"}',
            b'{"status":"UP"}',
            '{"ty":"trade","cd":"KRW-BTC","tp":1.0,"tms":1}',
            '{"type":"trade","code":"KRW-BTC","trade_price":1,"timestamp":1}',
            '{"method":"LIST_SUBSCRIPTIONS","result":[],"ticket":"x"}',
        ],
    )
    def test_nothing(self, codec: FeedCodec, frame: bytes | str) -> None:
        """Signs of life, trades, lists of subscriptions."""
        assert codec.decode(frame, STAMP) is None

    @pytest.mark.parametrize("name", ["WRONG_FORMAT", 400])
    def test_a_refusal(self, codec: FeedCodec, name: str | int) -> None:
        """Nothing would come any more: connect anew, and say why."""
        frame = json.dumps({"error": {"name": name, "message": "no"}})

        assert codec.decode(frame, STAMP) == FeedEnding(f"{name}: no")

    @pytest.mark.parametrize(
        "frame",
        [
            "",
            b"",
            "PONG",
            "[]",
            "{}",
            "null",
            b"\xff\xfe",
            "\ud800",
            simple()[:-1],
            simple(cd="KRW-XRP"),
            simple(cd=""),
            simple(ty="orderbok"),
            simple(tms=0),
            simple(tms=-1),
            simple(tms=10**30),
            simple(tms=1.5),
            simple(obu=None),
            simple(obu={}),
            simple(obu=[{"ap": 1.0}]),
            simple([[1.0, 1.0, 1.0, None]]),
            simple([["x", 1.0, 1.0, 1.0]]),
            simple().replace("101.0", "1e999"),
            "[" * 100_000,
            '{"ty":' + "[" * 100_000,
            '{"x":' + '{"a":' * 100_000,
        ],
    )
    def test_no_frame(self, codec: FeedCodec, frame: bytes | str) -> None:
        """Counted and dropped by whoever reads; never guessed."""
        with pytest.raises(FrameInvalid):
            codec.decode(frame, STAMP)


@CODECS
class TestSnapshots:
    """The same books over REST, before the stream's first word."""

    def rest(self, market: str, **changes: Any) -> dict[str, Any]:
        row: dict[str, Any] = json.loads(full(code=""))
        return {"market": market, **row, **changes}

    def test_several_in_one_request(self, codec: FeedCodec) -> None:
        """None where nothing is asked."""
        ours = (BITHUMB_BTC,) if codec is BITHUMB else (UPBIT_BTC, UPBIT_USDT)

        (request,) = codec.snapshot(ours)

        names = "KRW-BTC" if codec is BITHUMB else "KRW-BTC,KRW-USDT"
        assert request.target == f"/v1/orderbook?markets={names}"
        assert (request.method, request.group, request.headers) == ("GET", "orderbook", ())
        assert codec.snapshot(()) == ()

    def test_the_books(self, codec: FeedCodec) -> None:
        """Fifteen levels of the thirty there may be."""
        units = [[101.0 + at, 99.0 - at, 1.0, 1.0] for at in range(30)]
        row = self.rest("KRW-BTC", orderbook_units=json.loads(full(units))["orderbook_units"])
        (request,) = codec.snapshot((UPBIT_BTC,))

        (book,) = codec.read_snapshot(request, answer([row]), STAMP)

        assert (len(book.bids), len(book.asks)) == (15, 15)
        assert book.bids[0] == (99.0, 1.0)
        assert (book.at_ns, book.mono_ns, book.venue_ns) == (AT_NS, 7, MS * 1_000_000)

    @pytest.mark.parametrize(
        "refusal",
        [
            answer({"error": {"name": 404, "message": "Code not found"}}, 404),
            answer("<html>", 503),
            answer("", 429),
            answer({"error": {"name": "invalid_parameter", "message": "no"}}),
        ],
    )
    def test_a_refusal(self, codec: FeedCodec, refusal: HttpAnswer) -> None:
        """By status or, with a success, by the error in the body."""
        (request,) = codec.snapshot((UPBIT_BTC,))

        with pytest.raises(FeedError) as caught:
            codec.read_snapshot(request, refusal, STAMP)
        assert not isinstance(caught.value, FrameInvalid)

    @pytest.mark.parametrize("content", ["", "[", "{}", [{}], [{"market": "KRW-BTC"}]])
    def test_no_answer(self, codec: FeedCodec, content: object) -> None:
        """What does not decode is no book."""
        (request,) = codec.snapshot((UPBIT_BTC,))

        with pytest.raises(FrameInvalid):
            codec.read_snapshot(request, answer(content), STAMP)
        with pytest.raises(FrameInvalid):
            codec.read_snapshot(request, answer([self.rest("KRW-XRP")]), STAMP)
        with pytest.raises(FrameInvalid):
            codec.read_snapshot(request, answer([self.rest("KRW-BTC", timestamp=5)]), STAMP)
