"""Binance's private stream: when it may be relied on, and what it tells of orders and balances."""

from decimal import Decimal

import msgspec
import pytest

from tests.support.builders import AT_NS, BINANCE_BTC, BTC, MS_NS
from trader.credentials import Secret
from trader.domain.clock import Stamp
from trader.domain.errors import FrameInvalid
from trader.domain.instrument import USDT, Asset
from trader.domain.order import Fill, OrderState, Side
from trader.execution.binance_signing import signer_of
from trader.execution.binance_stream import BinanceStream
from trader.execution.venue import (
    Balance,
    BalancesSeen,
    OrderSeen,
    OrderView,
    PrivateEnding,
    PrivateNews,
    PrivateStream,
)

NOW = Stamp(1_763_800_000_000 * MS_NS, 1)
ACCESS = Secret("vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A")
SECRET = Secret("NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j")
REPORT: dict[str, object] = {
    "e": "executionReport",
    "E": AT_NS // MS_NS,
    "s": "BTCUSDT",
    "c": "tr-7-1",
    "S": "BUY",
    "o": "LIMIT",
    "f": "IOC",
    "q": "0.00066000",
    "p": "108000.00000000",
    "P": "0.00000000",
    "F": "0.00000000",
    "g": -1,
    "C": "",
    "x": "NEW",
    "X": "NEW",
    "r": "NONE",
    "i": 28,
    "l": "0.00000000",
    "z": "0.00000000",
    "L": "0.00000000",
    "n": "0",
    "N": None,
    "T": AT_NS // MS_NS,
    "t": -1,
    "I": 8641984,
    "w": True,
    "m": False,
    "O": AT_NS // MS_NS,
    "Z": "0.00000000",
    "V": "EXPIRE_TAKER",
}
TRADE = {
    **REPORT,
    "x": "TRADE",
    "X": "PARTIALLY_FILLED",
    "l": "0.00040000",
    "z": "0.00040000",
    "L": "107990.00000000",
    "n": "0.00000040",
    "N": "BTC",
    "t": 56,
}


def a_stream() -> BinanceStream:
    """The stream of one account and one instrument."""
    return BinanceStream(ACCESS, signer_of(SECRET), {"BTCUSDT": BINANCE_BTC}, 5000)


def told(event: object) -> tuple[PrivateNews, ...]:
    """What an event of the subscription tells."""
    return a_stream().decode(msgspec.json.encode({"subscriptionId": 0, "event": event}), NOW)


def view_in(event: object) -> OrderView:
    """The order an event tells of."""
    (news,) = told(event)
    assert isinstance(news, OrderSeen)
    return news.view


class TestSubscribing:
    """One signed request, and nothing is relied on before its answer."""

    def test_is_signed_for_this_instant(self) -> None:
        """The fact sheet's vector, as the whole frame."""
        (frame,) = a_stream().hello(NOW)

        said = msgspec.json.decode(frame)
        assert said["method"] == "userDataStream.subscribe.signature"
        assert said["params"] == {
            "apiKey": ACCESS.reveal(),
            "recvWindow": 5000,
            "timestamp": 1763800000000,
            "signature": "4a914482e7f4cd200c112840ed4a2213c155b37475613065ba79dbd48593f643",
        }

    def test_is_ready_once_answered(self) -> None:
        """By the answer to this very request."""
        stream = a_stream()
        (frame,) = stream.hello(NOW)
        asked = msgspec.json.decode(frame)["id"]
        answer = {"id": asked, "status": 200, "result": {"subscriptionId": 0}}

        assert stream.says_when_ready
        assert stream.is_ready(msgspec.json.encode(answer))
        assert stream.decode(msgspec.json.encode(answer), NOW) == ()

    @pytest.mark.parametrize(
        "frame",
        [
            b"",
            b"nonsense",
            b'{"id":"another","status":200,"result":{"subscriptionId":0}}',
            b'{"id":"subscribe-1763800000000000000","status":400,"error":{"code":-2035}}',
            b'{"subscriptionId":0,"event":{"e":"executionReport"}}',
            b'{"status":200}',
        ],
    )
    def test_is_not_ready_by_anything_else(self, frame: bytes) -> None:
        """Nor by a refusal."""
        stream = a_stream()
        stream.hello(NOW)

        assert not stream.is_ready(frame)
        assert not a_stream().is_ready(frame)

    @pytest.mark.parametrize(
        "base", ["wss://host:443", "wss://host:443/", "wss://host:443/ws-api/v3"]
    )
    def test_address(self, base: str) -> None:
        """The WebSocket API below the configured base."""
        assert a_stream().address(base) == "wss://host:443/ws-api/v3"
        assert a_stream().headers(NOW) == {}
        assert a_stream().keepalive is None


class TestOrders:
    """Every report becomes what it says of the order; trades carry their fill."""

    def test_acknowledged(self) -> None:
        """Nothing executed."""
        assert view_in(REPORT) == OrderView(
            "tr-7-1",  # type: ignore[arg-type]
            "28",
            BINANCE_BTC,
            Side.BUY,
            OrderState.ACKNOWLEDGED,
            Decimal(0),
        )

    def test_a_trade(self) -> None:
        """Its key is the one REST gives it, its fee what was charged."""
        view = view_in(TRADE)

        assert (view.state, view.executed) == (OrderState.PARTIAL, Decimal("0.0004"))
        assert view.fills == (
            Fill(
                "BTCUSDT:56",
                view.client_order_id,
                BINANCE_BTC,
                Side.BUY,
                Decimal("107990.00000000"),
                Decimal("0.00040000"),
                Decimal("0.00000040"),
                BTC,
                AT_NS,
            ),
        )

    @pytest.mark.parametrize(("side", "asset"), [("BUY", BTC), ("SELL", USDT)])
    def test_a_trade_without_a_fee(self, side: str, asset: Asset) -> None:
        """The venue names no asset then; nothing is nothing of what was received."""
        (fill,) = view_in({**TRADE, "S": side, "n": "0", "N": None}).fills

        assert (fill.fee, fill.fee_asset) == (Decimal(0), asset)

    def test_the_last_trade(self) -> None:
        """Filled, by the cumulative quantity."""
        view = view_in({**TRADE, "X": "FILLED", "z": "0.00066000", "l": "0.00026000", "t": 57})

        assert (view.state, view.executed) == (OrderState.FILLED, Decimal("0.00066"))

    def test_the_remainder_expires(self) -> None:
        """The last trade's figures may still stand in it; they are not a second fill."""
        view = view_in({**TRADE, "x": "EXPIRED", "X": "EXPIRED", "eR": "UNFILLED_IOC"})

        assert (view.state, view.executed) == (OrderState.EXPIRED, Decimal("0.0004"))
        assert (view.fills, view.reason) == ((), "UNFILLED_IOC")

    def test_a_cancel_names_the_order_elsewhere(self) -> None:
        """``c`` is the cancel's own id, ``C`` the order's."""
        view = view_in({**REPORT, "x": "CANCELED", "X": "CANCELED", "c": "x1", "C": "tr-7-1"})

        assert (view.client_order_id, view.state) == ("tr-7-1", OrderState.CANCELLED)

    def test_a_rejection(self) -> None:
        """With its reason."""
        view = view_in({**REPORT, "x": "REJECTED", "X": "REJECTED", "r": "INSUFFICIENT_BALANCES"})

        assert (view.state, view.reason) == (OrderState.REJECTED, "INSUFFICIENT_BALANCES")

    def test_other_instruments_are_not_ours(self) -> None:
        """The operator may trade them on the same account."""
        assert told({**REPORT, "s": "ETHUSDT"}) == ()


class TestBalances:
    """A position states what is held now; a change alone says nothing that can be used."""

    def test_position(self) -> None:
        """Also an asset of which nothing is left."""
        event = {
            "e": "outboundAccountPosition",
            "E": 1,
            "u": 1,
            "B": [
                {"a": "BTC", "f": "1.50000000", "l": "0.25000000"},
                {"a": "USDT", "f": "0.00000000", "l": "0.00000000"},
            ],
        }

        assert told(event) == (
            BalancesSeen(
                (
                    Balance(BTC, Decimal("1.75"), Decimal("0.25")),
                    Balance(USDT, Decimal(0), Decimal(0)),
                )
            ),
        )

    @pytest.mark.parametrize(
        "event",
        [
            {"e": "balanceUpdate", "E": 1, "a": "BTC", "d": "100.00000000", "T": 1},
            {"e": "listStatus", "E": 1, "s": "ETHBTC"},
            {"e": "externalLockUpdate", "E": 1},
            {"e": "somethingNew"},
        ],
    )
    def test_nothing(self, event: object) -> None:
        """What does not concern orders and balances."""
        assert told(event) == ()


class TestEnding:
    """However the stream ends, it says so and is connected anew."""

    @pytest.mark.parametrize(
        ("frame", "reason"),
        [
            (
                b'{"subscriptionId":0,"event":{"e":"eventStreamTerminated","E":1}}',
                "eventStreamTerminated",
            ),
            (b'{"event":{"e":"serverShutdown","E":1}}', "serverShutdown"),
            (b'{"e":"serverShutdown","E":1}', "serverShutdown"),
            (
                b'{"id":"x","status":400,"error":{"code":-2035,"msg":"Already\\nactive."}}',
                "400 -2035 Already active.",
            ),
            (b'{"id":null,"status":401,"error":{"code":-2015,"msg":"no"}}', "401 -2015 no"),
            (b'{"id":1,"status":500}', "500 0"),
        ],
    )
    def test_ends(self, frame: bytes, reason: str) -> None:
        """By an event of the subscription, of the connection, or a refusal."""
        assert a_stream().decode(frame, NOW) == (PrivateEnding(reason),)


class TestWrongFrames:
    """One error of our own, which shows nothing of the account."""

    @pytest.mark.parametrize(
        "frame",
        [
            b"",
            b"null",
            b"[]",
            b"\xff",
            b"[" * 100_000,
            b'{"event":1}',
            b'{"event":{}}',
            b'{"event":{"e":"executionReport"}}',
            b'{"event":{"e":"outboundAccountPosition","B":[{"a":"BTC","f":"NaN","l":"0"}]}}',
        ],
    )
    def test_wrong(self, frame: bytes) -> None:
        """Counted and dropped."""
        with pytest.raises(FrameInvalid):
            a_stream().decode(frame, NOW)

    @pytest.mark.parametrize("changes", [{"z": "-1"}, {"S": "HOLD"}, {"L": "Infinity"}, {"i": "x"}])
    def test_impossible_reports(self, changes: dict[str, object]) -> None:
        """Money is never guessed."""
        with pytest.raises(FrameInvalid) as caught:
            told({**TRADE, **changes})

        assert "107990" not in str(caught.value)


def test_is_a_private_stream() -> None:
    """What the client hands out, by its type."""
    stream: PrivateStream = a_stream()

    assert stream.says_when_ready
