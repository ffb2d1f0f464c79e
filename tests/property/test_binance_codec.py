"""Binance's codec against hostile frames, and its merged books against a slow definition."""

import os
from decimal import Decimal
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.property.book_rules import first_flaw, laid_over
from tests.support.builders import BINANCE_BTC
from trader.credentials import Secret
from trader.domain.clock import Stamp
from trader.domain.errors import FrameInvalid
from trader.domain.market import Level, MarketView, OrderBook
from trader.domain.order import (
    ApprovedOrder,
    ClientOrderId,
    Intent,
    LedgerName,
    PairName,
    Purpose,
    Side,
    TradeId,
)
from trader.execution.binance import BinanceClient
from trader.execution.binance_signing import signer_of
from trader.execution.binance_stream import BinanceStream
from trader.execution.keys import Keys
from trader.execution.venue import Accepted, Rejected, Throttled, Unknown
from trader.feeds.binance import BinanceFeed
from trader.feeds.codec import FeedEnding
from trader.wire.http import HttpAnswer, HttpRequest

pytestmark = pytest.mark.fast

MUTATIONS = min(int(os.environ.get("CODEC_MUTATIONS", "20000")), 1_000_000)
SEEDS = (
    b'{"stream":"btcusdt@depth20@100ms","data":{"lastUpdateId":160,'
    b'"bids":[["0.0024","10"],["0.0023","11.50000000"]],"asks":[["0.0026","100"],["0.0027","1"]]}}',
    b'{"stream":"btcusdt@bookTicker","data":{"u":400900217,"s":"BTCUSDT","b":"25.35190000",'
    b'"B":"31.21000000","a":"25.36520000","A":"40.66000000"}}',
    b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1672515782136,"s":"BTCUSDT","t":12345,'
    b'"p":"0.001","q":"100","T":1672515782136,"m":true,"M":true}}',
    b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}',
    b'{"result":null,"id":1}',
)
SPLICES = (
    b'"', b"{", b"}", b"[", b"]", b",", b":", b"null", b"true", b"-1", b"1e999", b"NaN", b"0",
    b"9" * 400, b"1e999999", b"\x00", b"\xff", b"\\ud800", b'"nan"', b'"inf"', b'"-0"', b"[" * 3000,
    b'"data"', b'"lastUpdateId"', b'"stream"', b"18446744073709551616",
)  # fmt: skip


def mutated(frame: bytes, random: Random) -> bytes:
    """A frame with some of its bytes changed, lost, doubled or replaced by what hurts parsers."""
    spoilt = bytearray(frame)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(spoilt) + 1)
        until = min(at + random.randint(0, 12), len(spoilt))
        match random.randrange(5):
            case 0:
                spoilt[at:until] = b""
            case 1:
                spoilt[at:at] = random.choice(SPLICES)
            case 2:
                spoilt[at:until] = random.choice(SPLICES)
            case 3:
                spoilt[at:at] = spoilt[at:until]
            case _:
                spoilt[at:until] = random.randbytes(until - at)
    return bytes(spoilt)


class TestHostileFrames:
    """Whatever arrives, the codec answers, or raises its own error."""

    def test_raises_nothing_else(self) -> None:
        """``CODEC_MUTATIONS`` frames, the same ones in every run, as bytes and as text."""
        random = Random("binance")
        feed = BinanceFeed([BINANCE_BTC])
        feed.decode(SEEDS[0], Stamp(0, 0))
        outcomes = {"book": 0, "nothing": 0, "ending": 0, "invalid": 0}

        for number in range(MUTATIONS):
            frame = mutated(random.choice(SEEDS), random)
            given_frame = frame.decode("utf-8", "surrogateescape") if number % 2 else frame
            try:
                said = feed.decode(given_frame, Stamp(number, number))
            except FrameInvalid:
                outcomes["invalid"] += 1
                continue
            match said:
                case OrderBook():
                    outcomes["book"] += 1
                case FeedEnding():
                    outcomes["ending"] += 1
                case None:
                    outcomes["nothing"] += 1
            if number % 1000 == 0:
                feed.address("wss://host")
                feed.decode(SEEDS[0], Stamp(0, 0))

        # A test that only ever met one of them would prove little.
        assert all(outcomes.values()), outcomes


REPORT = (
    b'{"subscriptionId":0,"event":{"e":"executionReport","E":1499405658658,"s":"BTCUSDT",'
    b'"c":"tr-7-1","S":"BUY","o":"LIMIT","f":"IOC","q":"1.00000000","p":"0.10264410","C":"",'
    b'"x":"TRADE","X":"PARTIALLY_FILLED","r":"NONE","i":4293153,"l":"0.5","z":"0.5","L":"0.1",'
    b'"n":"0.0005","N":"BTC","T":1499405658657,"t":77}}'
)
POSITION = (
    b'{"subscriptionId":0,"event":{"e":"outboundAccountPosition","E":1564034571105,'
    b'"u":1564034571073,"B":[{"a":"ETH","f":"10000.000000","l":"0.000000"}]}}'
)
REFUSED = b'{"id":"x","status":400,"error":{"code":-2035,"msg":"m"}}'
PLACED = (
    b'{"symbol":"BTCUSDT","orderId":28,"clientOrderId":"tr-7-1","transactTime":1507725176595,'
    b'"price":"60000.00","origQty":"0.001","executedQty":"0.001","status":"FILLED",'
    b'"timeInForce":"IOC","type":"LIMIT","side":"BUY","fills":[{"price":"59999.99","qty":"0.001",'
    b'"commission":"0.000001","commissionAsset":"BTC","tradeId":56}]}'
)
ORDER = ApprovedOrder(
    client_order_id=ClientOrderId("tr-7-1"),
    trade_id=TradeId("T1"),
    pair=PairName("upbit-binance"),
    ledger=LedgerName.LIVE,
    purpose=Purpose.OPEN,
    intent=Intent(BINANCE_BTC, Side.BUY, Decimal("0.001"), Decimal("60000")),
    generation=0,
    signal_ns=0,
)


async def unanswered(request: HttpRequest) -> HttpAnswer:
    """Nothing is asked here."""
    raise AssertionError(request.target)


class TestHostileAccount:
    """The same for what tells of our orders: an answer, an error of our own, or unknown."""

    def test_the_private_stream_raises_nothing_else(self) -> None:
        """And is never taken for ready by a mutated frame."""
        random = Random("binance private")
        stream = BinanceStream(
            Secret("access"), signer_of(Secret("secret")), {"BTCUSDT": BINANCE_BTC}, 2000
        )
        stream.hello(Stamp(0, 0))
        told = invalid = 0

        for _ in range(MUTATIONS // 4):
            frame = mutated(random.choice((REPORT, POSITION, REFUSED)), random)
            assert not stream.is_ready(frame)
            try:
                told += len(stream.decode(frame, Stamp(0, 0)))
            except FrameInvalid:
                invalid += 1

        assert told
        assert invalid

    def test_reading_a_placement_raises_nothing(self) -> None:
        """Whatever the status; what is accepted is of this very order."""
        random = Random("binance placement")
        client = BinanceClient(
            Keys(Secret("access"), Secret("secret")),
            [BINANCE_BTC],
            unanswered,
            lambda: Stamp(0, 0),
            Decimal("0.1"),
        )
        kinds: set[type] = set()

        for _ in range(MUTATIONS // 4):
            body = mutated(random.choice((PLACED, b'{"code":-2010,"msg":"m"}')), random)
            answer = HttpAnswer(random.choice((200, 200, 400, 429, 500)), {}, body)
            said = client.read_placement(ORDER, answer, Stamp(0, 0))
            kinds.add(type(said))
            if isinstance(said, Accepted):
                assert said.view.client_order_id == ORDER.client_order_id
                assert said.view.instrument == BINANCE_BTC

        assert kinds == {Accepted, Rejected, Throttled, Unknown}


PRICES = st.integers(1, 12)
SIZES = st.integers(1, 3)
SIDES = st.dictionaries(PRICES, SIZES, max_size=5)
LEVELS = st.tuples(st.just("levels"), SIDES, SIDES)
TICKERS = st.tuples(st.just("ticker"), st.tuples(PRICES, SIZES), st.tuples(PRICES, SIZES))


@given(st.lists(st.tuples(st.integers(0, 8), st.one_of(LEVELS, TICKERS)), max_size=12))
def test_merging_equals_its_definition(
    told: list[tuple[int, tuple[str, object, object]]],
) -> None:
    """The top is the newest told, levels behind it the newest levels', and the age the older's."""
    feed = BinanceFeed([BINANCE_BTC])
    best_levels: tuple[int, int, dict[int, int], dict[int, int]] | None = None
    best_ticker: tuple[int, int, tuple[int, int], tuple[int, int]] | None = None
    for at, (update_id, (kind, bids, asks)) in enumerate(told):
        if kind == "levels":
            assert isinstance(bids, dict)
            assert isinstance(asks, dict)
            is_news = best_levels is None or update_id >= best_levels[0]
            if is_news:
                best_levels = (update_id, at, bids, asks)
            frame = _levels(update_id, bids, asks)
        else:
            assert isinstance(bids, tuple)
            assert isinstance(asks, tuple)
            newest = max([one[0] for one in (best_levels, best_ticker) if one], default=-1)
            is_news = update_id > newest
            if is_news:
                best_ticker = (update_id, at, bids, asks)
            frame = _ticker(update_id, bids, asks)

        book = feed.decode(frame, Stamp(at, at))

        if not is_news or best_levels is None:
            assert book is None
            continue
        assert isinstance(book, OrderBook)
        expected_bids = _sorted(best_levels[2], falling=True)
        expected_asks = _sorted(best_levels[3], falling=False)
        age = best_levels[1]
        if best_ticker is not None and best_ticker[0] > best_levels[0]:
            bid, ask = best_ticker[2], best_ticker[3]
            expected_bids = [_level(bid), *(one for one in expected_bids if one[0] < bid[0])]
            expected_asks = [_level(ask), *(one for one in expected_asks if one[0] > ask[0])]
            age = min(age, best_ticker[1])
        assert (list(book.bids), list(book.asks), book.mono_ns) == (
            expected_bids,
            expected_asks,
            age,
        )


ANY_SIDES = st.lists(st.tuples(PRICES, st.integers(0, 3)), max_size=5)
ANY_BEST = st.tuples(st.integers(0, 12), st.integers(0, 3))


@given(ANY_SIDES, ANY_SIDES, st.lists(st.tuples(ANY_BEST, ANY_BEST), min_size=1, max_size=6))
def test_what_is_laid_over_levels_depends_on_no_earlier_ticker(
    bids: list[tuple[int, int]],
    asks: list[tuple[int, int]],
    tickers: list[tuple[tuple[int, int], tuple[int, int]]],
) -> None:
    """Sides that are kept because nothing changed are those that would have been made.

    And are judged alike, whatever the levels are: unsorted, doubled, without a size, none at all.
    """
    feed, market = BinanceFeed([BINANCE_BTC]), MarketView()
    sides = tuple(map(_level, bids)), tuple(map(_level, asks))
    first = feed.decode(_depth(1, bids, asks), Stamp(0, 0))
    assert isinstance(first, OrderBook)
    assert (first.bids, first.asks) == sides
    market.update(first)

    for update_id, (bid, ask) in enumerate(tickers, start=2):
        book = feed.decode(_ticker(update_id, bid, ask), Stamp(0, 0))

        assert isinstance(book, OrderBook)
        expected_bids = laid_over(_level(bid), sides[0], falling=True)
        expected_asks = laid_over(_level(ask), sides[1], falling=False)
        assert (book.bids, book.asks) == (expected_bids, expected_asks)
        assert market.update(book) is first_flaw(expected_bids, expected_asks)


def _level(pair: tuple[int, int]) -> Level:
    return float(pair[0]), float(pair[1])


def _sorted(side: dict[int, int], *, falling: bool) -> list[Level]:
    return [_level(pair) for pair in sorted(side.items(), reverse=falling)]


def _levels(update_id: int, bids: dict[int, int], asks: dict[int, int]) -> bytes:
    return _depth(update_id, sorted(bids.items(), reverse=True), sorted(asks.items()))


def _depth(update_id: int, bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> bytes:
    written = {
        "lastUpdateId": update_id,
        "bids": [[str(price), str(size)] for price, size in bids],
        "asks": [[str(price), str(size)] for price, size in asks],
    }
    return msgspec.json.encode({"stream": "btcusdt@depth20@100ms", "data": written})


def _ticker(update_id: int, bid: tuple[int, int], ask: tuple[int, int]) -> bytes:
    written = {
        "u": update_id,
        "s": "BTCUSDT",
        "b": str(bid[0]),
        "B": str(bid[1]),
        "a": str(ask[0]),
        "A": str(ask[1]),
    }
    return msgspec.json.encode({"stream": "btcusdt@bookTicker", "data": written})
