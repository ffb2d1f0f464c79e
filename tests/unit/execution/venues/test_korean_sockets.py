"""Connecting to the Korean venues' private streams, and frames that tell of no order."""

import json

import pytest

from tests.unit.execution.venues.korean_desk import (
    KEYS,
    STAMP,
    at_bithumb,
    at_upbit,
    bithumb,
    upbit,
)
from trader.domain.errors import FrameInvalid, VenueUnavailable
from trader.execution.upbit import UpbitClient
from trader.execution.venue import (
    PrivateEnding,
    PrivateStream,
)


class TestConnecting:
    """One connection for orders and balances, signed in the handshake."""

    def test_where(self) -> None:
        """Upbit's private path, and Bithumb's second version."""
        assert upbit().private_stream().address("wss://api.upbit.com/") == (
            "wss://api.upbit.com/websocket/v1/private"
        )
        assert bithumb().private_stream().address("ws://127.0.0.1:9/b") == (
            "ws://127.0.0.1:9/b/websocket/v2/private"
        )

    @pytest.mark.parametrize("stream", [upbit().private_stream(), bithumb().private_stream()])
    def test_what_is_asked_for(self, stream: PrivateStream) -> None:
        """Both kinds at once; balances must not carry codes."""
        (hello,) = stream.hello(STAMP)

        ticket, *kinds, form = json.loads(hello)
        assert ticket["ticket"]
        assert kinds == [{"type": "myOrder"}, {"type": "myAsset"}]
        assert form == {"format": "DEFAULT"}
        assert stream.keepalive == "PING"
        assert not stream.says_when_ready
        assert stream.is_ready("")

    @pytest.mark.parametrize("client", [upbit(), bithumb()])
    def test_the_handshake_is_signed(self, client: UpbitClient) -> None:
        """As a request without parameters."""
        headers = client.private_stream().headers(STAMP)

        assert headers["Authorization"].startswith("Bearer ey")
        assert KEYS.secret.reveal() not in repr(headers)

    def test_not_without_keys(self) -> None:
        """There is nothing to hear."""
        with pytest.raises(VenueUnavailable):
            upbit(keys=None).private_stream().headers(STAMP)


@pytest.mark.parametrize("stream", [upbit().private_stream(), bithumb().private_stream()])
class TestAsides:
    """Frames that are no news, and those that are no frames."""

    @pytest.mark.parametrize("frame", ['{"status":"UP"}', b'{"status":"UP"}'])
    def test_a_sign_of_life(self, stream: PrivateStream, frame: bytes | str) -> None:
        """Says nothing."""
        assert stream.decode(frame, STAMP) == ()

    def test_a_refusal(self, stream: PrivateStream) -> None:
        """The subscription does not stand: connect anew."""
        frame = '{"error":{"name":"INVALID_AUTH","message":"no"}}'

        assert stream.decode(frame, STAMP) == (PrivateEnding("INVALID_AUTH: no"),)

    def test_other_markets(self, stream: PrivateStream) -> None:
        """An operator may trade there by hand; it does not concern us."""
        frame = (at_upbit if stream.address("").endswith("v1/private") else at_bithumb)(
            code="KRW-XRP"
        )

        assert stream.decode(frame, STAMP) == ()

    @pytest.mark.parametrize(
        "frame",
        [
            "",
            "{}",
            "[]",
            b"\xff",
            '{"type":"ticker"}',
            '{"type":"myOrder"}',
            '{"type":"myOrder","code":"KRW-BTC","uuid":"u","order_id":"c","ask_bid":"X","side":"X",'
            '"state":"wait"}',
            '{"type":"myAsset","assets":[{"currency":"KRW","balance":"NaN"}]}',
            '{"type":"myAsset","assets":[{"currency":"KRW","balance":-1}]}',
            '{"type":"myAsset","assets":[{"currency":"KRW","balance":1e999999}]}',
            "\ud800",
        ],
    )
    def test_what_does_not_decode(self, stream: PrivateStream, frame: bytes | str) -> None:
        """Never guessed."""
        with pytest.raises(FrameInvalid):
            stream.decode(frame, STAMP)
