"""The simulator's reading of Binance's signatures and clocks, against the published vectors."""

import hmac
from base64 import b64decode
from decimal import Decimal
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trader.sim.binance_auth import (
    amount,
    check_key_format,
    check_signature,
    check_time,
    parameters_of,
    payload_of,
    websocket_payload,
)
from trader.sim.binance_errors import BinanceRefusal

KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
PUBLIC = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key().public_bytes_raw()
ORDER = (
    b"symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price=60000.00"
    b"&newClientOrderId=arb-20261122-0001&recvWindow=5000&timestamp=1763800000000"
)
ORDER_HMAC = "620b57aea0791a668489875495ac6d62fd5d0f8defe2acbcca7e30758fcaa5d3"
ORDER_ED25519 = (
    "vhSyROkvGwdsd1OLOd1q4ntwUJs/SqPGSxLcmlRvRdoolm8we04SYuOluI8cdv5+5lImpiD3aLACrqBN5x2tBg=="
)


def refusal_of(payload: bytes, signature: str | None, public_key: bytes | None = None) -> int:
    """The code a signature is refused with; 0 where it is taken."""
    try:
        check_signature(payload, signature, SECRET, public_key, encoded=True)
    except BinanceRefusal as refusal:
        return refusal.code
    return 0


class TestSignatures:
    """A signature is taken only over the percent-encoded bytes as they arrived."""

    @pytest.mark.parametrize(
        ("payload", "signature"),
        [
            (
                b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
                b"&recvWindow=5000&timestamp=1499827319559",
                "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
            ),
            (
                b"symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&side=BUY"
                b"&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
                b"&timestamp=1499827319559",
                "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
            ),
            (ORDER, ORDER_HMAC),
            (ORDER, ORDER_HMAC.upper()),
        ],
    )
    def test_hmac_of_the_published_vectors_in_either_case(
        self, payload: bytes, signature: str
    ) -> None:
        assert refusal_of(payload, signature) == 0

    def test_ed25519_of_the_vector_is_taken_and_another_case_is_not(self) -> None:
        """Base64 knows upper and lower case, hex does not."""
        assert refusal_of(ORDER, ORDER_ED25519, PUBLIC) == 0
        assert refusal_of(ORDER, ORDER_ED25519.swapcase(), PUBLIC) == -1022
        assert refusal_of(ORDER, "no base64!", PUBLIC) == -1022
        assert refusal_of(ORDER, ORDER_HMAC, PUBLIC) == -1022

    def test_a_changed_or_absent_signature_is_refused(self) -> None:
        assert refusal_of(ORDER + b"0", ORDER_HMAC) == -1022
        assert refusal_of(ORDER, None) == -1102

    def test_what_was_signed_before_it_was_encoded_is_refused(self) -> None:
        """Raw bytes on the wire have a right signature over the wrong text."""
        raw = "symbol=１２３&timestamp=1".encode()
        signature = hmac.new(SECRET.encode(), raw, "sha256").hexdigest()

        assert refusal_of(raw, signature) == -1022


class TestPayloads:
    """Query and body are signed as one text with nothing between them."""

    def test_query_and_body_are_joined_without_a_separator(self) -> None:
        payload = payload_of(
            b"symbol=LTCBTC&side=BUY", b"quantity=1&timestamp=5&signature=ab%2B%3D"
        )

        assert payload.signed == b"symbol=LTCBTC&side=BUYquantity=1&timestamp=5"
        assert payload.signature == "ab+="

    def test_a_signature_that_is_not_last_is_none(self) -> None:
        payload = payload_of(b"symbol=LTCBTC&signature=abc&timestamp=5", b"")

        assert payload.signature is None

    def test_the_query_wins_and_the_signature_is_no_parameter(self) -> None:
        found = parameters_of(b"symbol=A%2FB&signature=x", b"symbol=C&price=1")

        assert found == {"symbol": "A/B", "price": "1"}

    def test_a_parameter_given_twice_is_refused(self) -> None:
        with pytest.raises(BinanceRefusal, match="-1101"):
            parameters_of(b"symbol=A&symbol=B", b"")

    def test_the_websocket_api_signs_sorted_unencoded_parameters(self) -> None:
        payload = websocket_payload(
            {"timestamp": 1763800000000, "signature": "x", "recvWindow": 5000, "apiKey": KEY}
        )

        assert payload == f"apiKey={KEY}&recvWindow=5000&timestamp=1763800000000".encode()
        hmac_hex = "4a914482e7f4cd200c112840ed4a2213c155b37475613065ba79dbd48593f643"
        ed25519 = (
            "aqPC4j786bUwy2eYw8/KRmkMFZIocCATVVGSiHF8JeF4"
            "gaC966/bPW+JTz7VAe0OhaGJgYR572kJ2oViWbbkBw=="
        )
        check_signature(payload, hmac_hex, SECRET, None, encoded=False)
        check_signature(payload, ed25519, SECRET, PUBLIC, encoded=False)

    def test_the_websocket_order_of_the_documentation(self) -> None:
        params = {
            "symbol": "BTCUSDT",
            "side": "SELL",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": "0.01000000",
            "price": "52000.00",
            "recvWindow": 100,
            "timestamp": 1645423376532,
            "apiKey": KEY,
        }
        signature = "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"

        check_signature(websocket_payload(params), signature, SECRET, None, encoded=False)


class TestTime:
    """A request counts from a second ahead of the venue's clock to ``recvWindow`` behind it."""

    NOW = 1_763_800_000_000

    @pytest.mark.parametrize(
        ("params", "code"),
        [
            ({"timestamp": "1763799995000"}, 0),
            ({"timestamp": "1763799994999"}, -1021),
            ({"timestamp": "1763800000999"}, 0),
            ({"timestamp": "1763800001000"}, -1021),
            ({"timestamp": "1763799995000000"}, 0),
            ({"timestamp": "1763799994999000"}, -1021),
            ({"timestamp": "1763799999000", "recvWindow": "999.999"}, -1021),
            ({"timestamp": "1763799999000", "recvWindow": "1000"}, 0),
            ({"timestamp": "1763800000000", "recvWindow": "60001"}, -1131),
            ({"timestamp": "1763800000000", "recvWindow": "1.2345"}, -1100),
            ({"timestamp": "soon"}, -1100),
            ({"timestamp": ""}, -1102),
            ({}, -1102),
        ],
    )
    def test_window(self, params: dict[str, str], code: int) -> None:
        assert self.code_of(params) == code

    def code_of(self, params: dict[str, str]) -> int:
        """The code a time is refused with; 0 where it is taken."""
        try:
            check_time(params, self.NOW)
        except BinanceRefusal as refusal:
            return refusal.code
        return 0


class TestParameters:
    """Keys and amounts are what their patterns say, or are named in the refusal."""

    @pytest.mark.parametrize("key", [None, "", "short", "with space 0123456789", KEY + "/"])
    def test_what_cannot_be_a_key(self, key: str | None) -> None:
        with pytest.raises(BinanceRefusal, match="-2014") as refused:
            check_key_format(key)
        assert refused.value.status == 401

    @pytest.mark.parametrize(
        ("text", "code"),
        [("", -1105), ("1e5", -1100), ("-1", -1100), (".5", -1100), ("0", -1102), ("NaN", -1100)],
    )
    def test_what_is_no_amount(self, text: str, code: int) -> None:
        with pytest.raises(BinanceRefusal) as refused:
            amount({"price": text}, "price")
        assert refused.value.code == code

    def test_amounts_are_read_exactly(self) -> None:
        assert amount({"price": "60000.10"}, "price") == Decimal("60000.10")
        assert amount({}, "price") is None

    def test_base64_survives_the_url(self) -> None:
        query = b"timestamp=1&signature=" + quote(ORDER_ED25519, safe="").encode()

        signature = payload_of(query, b"").signature

        assert signature == ORDER_ED25519
        assert len(b64decode(signature)) == 64
