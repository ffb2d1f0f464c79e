"""What a user's streams say is held against what they promise; what they raise ends no process."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

import pytest
from msgspec.structs import replace

from tests.unit.app.own_desk import MIRROR, MIRROR_BTC, STAMP, Odd
from tests.unit.app.test_own_client import FILL, VIEW
from trader.app.own_checks import Unsound
from trader.app.own_streams import ContainedFeed, ContainedStream
from trader.domain.clock import Stamp
from trader.domain.errors import FeedError, FrameInvalid, InvariantBroken
from trader.domain.instrument import KRW, InstrumentId
from trader.domain.market import OrderBook
from trader.execution.venue import (
    Balance,
    BalancesSeen,
    OrderSeen,
    OrderView,
    PrivateEnding,
    PrivateStream,
)
from trader.feeds.codec import FeedCodec, FeedEnding
from trader.wire.http import HttpAnswer, HttpRequest

BOOK = OrderBook(
    MIRROR_BTC, ((100.0, 1.0),), ((101.0, 2.0),), STAMP.at_ns, STAMP.mono_ns, STAMP.at_ns
)
REQUEST, ANSWER = HttpRequest("GET", "/books"), HttpAnswer(200, {}, b"")
LATER = Stamp(STAMP.at_ns + 1, STAMP.mono_ns + 1)

UNSOUND_BOOKS = [
    "book",
    {"bids": []},
    replace(BOOK, instrument=InstrumentId("upbit:BTC-KRW")),
    replace(BOOK, mono_ns=STAMP.mono_ns + 1),
    replace(BOOK, at_ns=0),
    replace(BOOK, venue_ns=STAMP.at_ns // 1_000_000),
    replace(BOOK, venue_ns=cast(int, float(STAMP.at_ns))),
    replace(BOOK, bids=cast(Any, [(100.0, 1.0)])),
    replace(BOOK, asks=cast(Any, ([101.0, 2.0],))),
    replace(BOOK, asks=cast(Any, ((101.0, 2.0, 3.0),))),
    replace(BOOK, asks=cast(Any, (("101", "2"),))),
    replace(BOOK, bids=cast(Any, ((Decimal(100), Decimal(1)),))),
    replace(BOOK, bids=((float("nan"), 1.0),)),
    replace(BOOK, bids=((100.0, float("inf")),)),
]


def a_feed(answer: object) -> ContainedFeed:
    """A feed that answers so, whatever it is asked."""
    return ContainedFeed(cast(FeedCodec, Odd(answer)), MIRROR, (MIRROR_BTC,))


def a_stream(answer: object) -> ContainedStream:
    """A private stream that answers so, whatever it is asked."""
    return ContainedStream(cast(PrivateStream, Odd(answer)), (MIRROR_BTC,))


class TestFeed:
    @pytest.mark.parametrize(
        "said", [BOOK, replace(BOOK, venue_ns=None, bids=()), FeedEnding("bye"), None]
    )
    def test_a_frame_is_what_it_says(self, said: object) -> None:
        """A book, an ending, or nothing."""
        assert a_feed(said).decode(b"", STAMP) == said

    @pytest.mark.parametrize("said", [*UNSOUND_BOOKS, FeedEnding(cast(str, 5))])
    def test_a_frame_that_says_what_cannot_be_does_not_decode(self, said: object) -> None:
        """It is counted and dropped; the engine would have taken it for granted."""
        with pytest.raises(FrameInvalid, match="decoded to "):
            a_feed(said).decode(b"", STAMP)

    @pytest.mark.parametrize("said", UNSOUND_BOOKS)
    def test_nor_does_a_snapshot(self, said: object) -> None:
        """One book of it spoils it."""
        with pytest.raises(FrameInvalid, match="decoded to "):
            a_feed([BOOK, said]).read_snapshot(REQUEST, ANSWER, STAMP)

    def test_a_snapshot_is_as_old_as_the_question(self) -> None:
        """A book from before it would be believed too long."""
        assert a_feed([BOOK]).read_snapshot(REQUEST, ANSWER, STAMP) == (BOOK,)
        with pytest.raises(FrameInvalid, match="another stamp"):
            a_feed([BOOK]).read_snapshot(REQUEST, ANSWER, LATER)

    def test_requests_are_requests(self) -> None:
        """Any number of them."""
        assert a_feed([REQUEST]).snapshot((MIRROR_BTC,)) == (REQUEST,)
        with pytest.raises(Unsound):
            a_feed(["GET /books"]).snapshot((MIRROR_BTC,))

    @pytest.mark.parametrize(
        "asked",
        [
            lambda feed: feed.decode(b"", STAMP),
            lambda feed: feed.address("wss://x"),
            lambda feed: feed.hello(),
            lambda feed: feed.snapshot(()),
            lambda feed: feed.read_snapshot(REQUEST, ANSWER, STAMP),
        ],
    )
    def test_what_would_end_the_process_ends_the_connection(
        self, asked: Callable[[ContainedFeed], object]
    ) -> None:
        """Only this program may say of itself that it is wrong."""
        with pytest.raises(FeedError, match=r"broke: InvariantBroken in own_desk\.py:") as raised:
            asked(a_feed(InvariantBroken("hunter2")))

        assert not isinstance(raised.value, FrameInvalid)
        assert "hunter2" not in str(raised.value)

    def test_everything_else_is_the_stream_s_to_survive(self) -> None:
        """It costs the connection, and is told once."""
        with pytest.raises(ZeroDivisionError):
            a_feed(ZeroDivisionError()).decode(b"", STAMP)
        with pytest.raises(FrameInvalid, match="as it is"):
            a_feed(FrameInvalid("as it is")).decode(b"", STAMP)


class TestPrivateStream:
    @pytest.mark.parametrize(
        "news",
        [
            OrderSeen(VIEW),
            BalancesSeen((Balance(KRW, Decimal(5), Decimal(0)),)),
            PrivateEnding("bye"),
        ],
    )
    def test_news_are_handed_on(self, news: object) -> None:
        """All of them, in order."""
        assert a_stream([news, PrivateEnding("x")]).decode(b"", STAMP) == (
            news,
            PrivateEnding("x"),
        )

    def test_an_order_in_what_is_not_traded_here_is_left_out(self) -> None:
        """It is not ours, and need not be such as we could read."""
        foreign = replace(VIEW, instrument=InstrumentId("mirror:ETH-KRW"), fills=())

        assert a_stream([OrderSeen(foreign)]).decode(b"", STAMP) == ()

    @pytest.mark.parametrize(
        "news",
        [
            "order",
            OrderSeen(replace(VIEW, executed=Decimal("NaN"))),
            OrderSeen(replace(VIEW, fills=(replace(FILL, instrument="upbit:BTC-KRW"),))),
            BalancesSeen((Balance(KRW, Decimal(-5), Decimal(0)),)),
            PrivateEnding(cast(str, None)),
        ],
    )
    def test_what_cannot_be_does_not_decode(self, news: object) -> None:
        """The order is settled by asking."""
        with pytest.raises(FrameInvalid, match="decoded to "):
            a_stream([news]).decode(b"", STAMP)

    @pytest.mark.parametrize("news", [None, 5, [OrderSeen(cast(OrderView, None))]])
    def test_what_is_not_even_news_costs_the_connection(self, news: object) -> None:
        """As everything that raises does."""
        with pytest.raises((TypeError, AttributeError)):
            a_stream(news).decode(b"", STAMP)

    @pytest.mark.parametrize(("said", "expected"), [(True, True), (False, False), ("yes", False)])
    def test_it_is_ready_when_it_says_so(self, said: object, expected: bool) -> None:
        """And in no other word."""
        assert a_stream(said).is_ready(b"") is expected

    @pytest.mark.parametrize(
        "asked",
        [
            lambda stream: stream.decode(b"", STAMP),
            lambda stream: stream.address("wss://x"),
            lambda stream: stream.headers(STAMP),
            lambda stream: stream.hello(STAMP),
            lambda stream: stream.is_ready(b""),
        ],
    )
    def test_what_would_end_the_process_ends_the_connection(
        self, asked: Callable[[ContainedStream], object]
    ) -> None:
        """As for books."""
        with pytest.raises(FeedError, match="broke: InvariantBroken"):
            asked(a_stream(InvariantBroken("hunter2")))
