"""Upbit and Bithumb: whatever comes in, nothing but the codecs' own error comes out.

``CODEC_MUTATIONS`` sets how many spoilt frames each codec reads. Recorded traffic of Upbit is read
from the folder ``CAPTURES_DIR`` names.
"""

import json
import os
import random
from ast import literal_eval
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from trader.credentials import Secret
from trader.domain.clock import Stamp
from trader.domain.errors import FeedError, FrameInvalid
from trader.domain.instrument import InstrumentId
from trader.domain.market import OrderBook, flaw_of
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
from trader.execution.bithumb import BithumbClient
from trader.execution.keys import Keys
from trader.execution.upbit import UpbitClient
from trader.execution.venue import Accepted, Rejected, Throttled, Unknown
from trader.feeds.bithumb import BithumbFeed
from trader.feeds.codec import FeedEnding, MarketTold
from trader.feeds.upbit import UpbitFeed
from trader.wire.http import HttpAnswer, HttpRequest

pytestmark = pytest.mark.fast

MUTATIONS = int(os.environ.get("CODEC_MUTATIONS", "20000"))
STAMP = Stamp(1_767_571_200_000_000_000, 7)
UPBIT_BTC = InstrumentId("upbit:BTC-KRW")
BITHUMB_BTC = InstrumentId("bithumb:BTC-KRW")
KEYS = Keys(Secret("access"), Secret("secret"))
BOOKS = (
    b'{"ty":"orderbook","cd":"KRW-BTC","tms":1746602359173,"tas":25.5,"tbs":14.4,"obu":['
    b'{"ap":125056000.0,"bp":124743000.0,"as":0.17,"bs":0.46371},'
    b'{"ap":125057000.0,"bp":124742000.0,"as":1.5,"bs":2.25}],"st":"REALTIME","lv":0}',
    b'{"type":"orderbook","code":"KRW-BTC","timestamp":1746602359173,"total_ask_size":0.68,'
    b'"total_bid_size":0.78,"orderbook_units":[{"ask_price":125056.0,"bid_price":124743.0,'
    b'"ask_size":0.17,"bid_size":0.17}],"level":0,"stream_type":"SNAPSHOT"}',
    b'{"type":"orderbook","code":"KRW-BTC","total_ask_size":"3.4","total_bid_size":"5.6",'
    b'"level":"0","orderbook_units":[{"ask_price":"101","ask_size":"2","bid_price":"99",'
    b'"bid_size":"3"}],"timestamp":1785397747576054,"stream_type":"SNAPSHOT"}',
    b'{"ty":"trade","cd":"KRW-BTC","tms":1618678262712,"tp":127.0,"tv":46.4,"ab":"BID"}',
    b'{"status":"UP"}',
    b'{"error":{"name":"WRONG_FORMAT","message":"\xec\x99\x9c"}}',
    b'{"ty":"ticker","cd":"KRW-BTC","tp":127.0,"ms":"ACTIVE","its":false,"dd":null,"tms":1}',
    b'{"type":"ticker","code":"KRW-BTC","trade_price":"37625","market_state":"ACTIVE",'
    b'"is_trading_suspended":false,"delisting_date":"2026-12-24","timestamp":1696585056910}',
)
PRIVATE = (
    b'{"type":"myOrder","code":"KRW-BTC","uuid":"u-1","ask_bid":"BID","state":"trade",'
    b'"trade_uuid":"t-1","price":139990000,"volume":0.004,"remaining_volume":0.006,'
    b'"executed_volume":0.004,"time_in_force":"ioc","trade_fee":279.98,"identifier":"tr-1",'
    b'"prevented_volume":0,"trade_timestamp":1746602359173}',
    b'{"type":"myOrder","code":"KRW-BTC","order_id":"C1","client_order_id":"tr-1","side":"buy",'
    b'"state":"trade","time_in_force":"ioc","order_quantity":0.01,"trade_id":"T1",'
    b'"trade_price":140000000,"trade_quantity":0.004,"executed_quantity":"0.004",'
    b'"remaining_quantity":0.006,"paid_fee":1400,"trade_timestamp":1746602359173}',
    b'{"type":"myAsset","assets":[{"currency":"KRW","balance":"2061832.35","locked":3824127.3}]}',
)
ACKS = (
    b'{"uuid":"u-1","identifier":"tr-1","market":"KRW-BTC","side":"bid","volume":"0.01",'
    b'"executed_volume":"0.004","paid_fee":"280","state":"cancel","trades":[{"uuid":"t-1",'
    b'"price":"140000000","volume":"0.004","funds":"560000","created_at":'
    b'"2026-01-05T09:00:00+09:00"}],"created_at":"2026-01-05T09:00:00+09:00"}',
    b'{"order_id":"C1","client_order_id":"tr-1","market":"KRW-BTC","side":"bid",'
    b'"order_type":"limit","created_at":"2026-01-05T09:00:00+09:00"}',
    b'{"error":{"name":"insufficient_funds_bid","message":"30 seconds"}}',
)
SPLICES = (
    b"null", b"-1", b"1e999", b"1e-999", b"1e308", b'"nan"', b'"-inf"', b'"1e99999999"', b"true",
    b"{}", b"[]", b'""', b"\xff", b"\x00", b"\\ud800", b"9" * 40, b"[" * 2000, b"-0.0", b",",
)  # fmt: skip


def spoilt(frames: tuple[bytes, ...], count: int, seed: int) -> Iterator[bytes]:
    """The frames with bytes changed, cut, doubled, or values replaced by odd ones."""
    chance = random.Random(seed)
    for _ in range(count):
        frame = bytearray(chance.choice(frames))
        for _ in range(chance.randint(1, 4)):
            at, end = sorted(chance.randrange(len(frame) + 1) for _ in range(2))
            match chance.randrange(6):
                case 0:
                    frame[at : at + 1] = bytes([chance.randrange(256)])
                case 1:
                    del frame[at : min(end, at + 12)]
                case 2:
                    frame[at:at] = frame[at:end]
                case 3:
                    frame[at : at + chance.randint(0, 6)] = chance.choice(SPLICES)
                case 4:
                    _replace_value(frame, chance)
                case _:
                    frame = frame[:at] if chance.random() < 0.2 else frame
            frame = frame[:20_000]
        yield bytes(frame)


def _replace_value(frame: bytearray, chance: random.Random) -> None:
    """Put something odd where a value stands: after a colon, up to what ends it."""
    colons = [at for at, byte in enumerate(frame) if byte == ord(":")]
    if not colons:
        return
    start = chance.choice(colons) + 1
    end = start
    while end < len(frame) and frame[end] not in b",}]":
        end += 1
    frame[start:end] = chance.choice(SPLICES)


def is_sound(book: OrderBook) -> bool:
    """Whether a book says only what a book can: its levels are judged by whoever trades."""
    is_timed = book.venue_ns is not None and 0 < book.venue_ns < 1 << 63
    return is_timed and all(
        type(number) is float for level in (*book.bids, *book.asks) for number in level
    )


@pytest.mark.parametrize(
    "codec", [UpbitFeed((UPBIT_BTC,)), BithumbFeed((BITHUMB_BTC,))], ids=["upbit", "bithumb"]
)
class TestSpoiltBooks:
    """A spoilt frame is a book, nothing, an ending, or invalid; it never does harm."""

    def test_frames(self, codec: UpbitFeed | BithumbFeed) -> None:
        """As bytes and, where they are text, as text."""
        outcomes = {"book": 0, "invalid": 0, "other": 0}
        for at, frame in enumerate(spoilt(BOOKS, MUTATIONS, seed=1)):
            data: bytes | str = frame.decode("utf-8", "surrogateescape") if at % 3 == 0 else frame
            try:
                said = codec.decode(data, STAMP)
            except FrameInvalid:
                outcomes["invalid"] += 1
                continue
            if isinstance(said, OrderBook):
                assert is_sound(said), frame
                flaw_of(said)
                outcomes["book"] += 1
            else:
                assert said is None or isinstance(said, FeedEnding | MarketTold), frame
                outcomes["other"] += 1
        # Spoiling must neither break everything nor nothing, or it would prove little.
        assert min(outcomes.values()) > MUTATIONS // 100

    def test_answers(self, codec: UpbitFeed | BithumbFeed) -> None:
        """Over REST too, where the venue may also refuse."""
        rows = tuple(
            b"[" + book.replace(b'"code"', b'"market"') + b"]" for book in (*BOOKS[1:3], BOOKS[5])
        )
        request = HttpRequest("GET", "/")
        for frame in spoilt(rows, MUTATIONS // 4, seed=2):
            try:
                books = codec.read_snapshot(request, HttpAnswer(200, {}, frame), STAMP)
            except FeedError:
                continue
            assert all(is_sound(book) for book in books), frame


async def _no_answer(request: HttpRequest) -> HttpAnswer:
    return HttpAnswer(500, {}, request.body)


CLIENTS = (
    UpbitClient(KEYS, (UPBIT_BTC,), _no_answer, lambda: STAMP, Decimal("0.05")),
    BithumbClient(KEYS, (BITHUMB_BTC,), _no_answer, lambda: STAMP, Decimal("0.25")),
)


@pytest.mark.parametrize("client", CLIENTS, ids=["upbit", "bithumb"])
class TestSpoiltReports:
    """What concerns our own money is read as it stands or not at all."""

    def test_private_frames(self, client: UpbitClient | BithumbClient) -> None:
        """Every number that gets through is one that can be meant."""
        stream = client.private_stream()
        read = 0
        for frame in spoilt(PRIVATE, MUTATIONS // 2, seed=3):
            try:
                news = stream.decode(frame, STAMP)
            except FrameInvalid:
                continue
            read += bool(news)
            for number in _numbers(news):
                assert number.is_finite(), frame
                assert 0 <= number < Decimal("1e32"), frame
        assert read > MUTATIONS // 200

    def test_placements(self, client: UpbitClient | BithumbClient) -> None:
        """Never raises, under whatever status: what cannot be read is unknown."""
        instrument = UPBIT_BTC if isinstance(client, UpbitClient) else BITHUMB_BTC
        intent = Intent(instrument, Side.BUY, Decimal("0.01"), Decimal(140_000_000))
        order = ApprovedOrder(
            ClientOrderId("tr-1"),
            TradeId("T"),
            PairName("p"),
            LedgerName.LIVE,
            Purpose.OPEN,
            intent,
            0,
            0,
        )
        statuses = (200, 201, 400, 401, 403, 404, 418, 422, 429, 500, 503)
        for at, body in enumerate(spoilt(ACKS, MUTATIONS // 2, seed=4)):
            answer = HttpAnswer(statuses[at % len(statuses)], {}, body)
            placement = client.read_placement(order, answer, STAMP)
            assert isinstance(placement, Accepted | Rejected | Throttled | Unknown)


def _numbers(told: object) -> Iterator[Decimal]:
    """Every decimal in what was told."""
    if isinstance(told, Decimal):
        yield told
    elif isinstance(told, tuple):
        for one in told:
            yield from _numbers(one)
    elif hasattr(told, "__struct_fields__"):
        for name in told.__struct_fields__:
            yield from _numbers(getattr(told, name))


@pytest.mark.skipif(
    not Path(os.environ.get("CAPTURES_DIR", "/nowhere"))
    .joinpath("upbit-ws-2021-04-17.txt")
    .is_file(),
    reason="CAPTURES_DIR names no folder with upbit-ws-2021-04-17.txt",
)
class TestRecorded:
    """Real traffic of Upbit decodes, every frame of it."""

    def test_every_frame(self) -> None:
        """A trade is nothing, every book is one that could be traded on."""
        text = (
            Path(os.environ["CAPTURES_DIR"]).joinpath("upbit-ws-2021-04-17.txt").read_text("utf-8")
        )
        frames = [
            literal_eval(line.partition(": ")[2])
            for line in text.splitlines()
            if line.partition(": ")[2].startswith("b'")
        ]
        codes = {json.loads(frame)["cd"] for frame in frames}
        names = tuple(InstrumentId(f"upbit:{c.split('-')[1]}-{c.split('-')[0]}") for c in codes)
        codec = UpbitFeed(names)

        books = 0
        for frame in frames:
            said = codec.decode(frame, STAMP)
            if json.loads(frame)["ty"] == "orderbook":
                assert isinstance(said, OrderBook)
                assert (len(said.bids), len(said.asks)) == (15, 15)
                assert flaw_of(said) is None
                books += 1
            else:
                assert said is None
        assert books > 100
