"""Signatures equal the published vectors, with either kind of key."""

import base64

import pytest

from trader.credentials import Secret
from trader.domain.errors import ConfigError
from trader.execution.binance_signing import (
    encoded,
    signed_parameters,
    signed_query,
    signer_of,
)

ACCESS = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = Secret("NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j")
ED25519 = Secret("MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f")

OWN = (
    ("symbol", "BTCUSDT"),
    ("side", "BUY"),
    ("type", "LIMIT"),
    ("timeInForce", "GTC"),
    ("quantity", "0.001"),
    ("price", "60000.00"),
    ("newClientOrderId", "arb-20261122-0001"),
    ("recvWindow", "5000"),
    ("timestamp", "1763800000000"),
)


def published(symbol: str) -> tuple[tuple[str, str], ...]:
    """The order the venue signs in its documentation."""
    return (
        ("symbol", symbol),
        ("side", "BUY"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("quantity", "1"),
        ("price", "0.1"),
        ("recvWindow", "5000"),
        ("timestamp", "1499827319559"),
    )


class TestRest:
    """What is signed is what stands in the address, already percent-encoded."""

    def test_published(self) -> None:
        """Vector 1."""
        query = signed_query(published("LTCBTC"), signer_of(SECRET))

        assert query == (
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
            "&recvWindow=5000&timestamp=1499827319559"
            "&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
        )

    def test_published_with_a_symbol_beyond_ascii(self) -> None:
        """Vector 1 again: percent-encoded first, then signed."""
        query = signed_query(published("１２３４５６"), signer_of(SECRET))

        assert query.startswith("symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&")
        assert query.endswith(
            "&signature=e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"
        )

    def test_own(self) -> None:
        """Vector 2."""
        signature = signer_of(SECRET).sign(encoded(OWN))

        assert signature == "620b57aea0791a668489875495ac6d62fd5d0f8defe2acbcca7e30758fcaa5d3"

    def test_own_with_ed25519(self) -> None:
        """Vector 3."""
        signature = signer_of(ED25519).sign(encoded(OWN))

        assert signature == (
            "vhSyROkvGwdsd1OLOd1q4ntwUJs/SqPGSxLcmlRvRdoolm8we04SYuOluI8cdv5+5lImpiD3aLACrqBN5x2tBg=="
        )

    def test_base64_is_encoded_in_an_address(self) -> None:
        """Its slashes, pluses and equal signs would be read as something else."""
        query = signed_query(OWN, signer_of(ED25519))

        assert query.endswith(
            "&signature=vhSyROkvGwdsd1OLOd1q4ntwUJs%2FSqPGSxLcmlRvRdoolm8we04SYuOluI8cdv5%2B5l"
            "ImpiD3aLACrqBN5x2tBg%3D%3D"
        )

    def test_encodes_what_is_not_plain(self) -> None:
        """Brackets and quotes of a list, and what separates parameters."""
        assert encoded((("symbols", '["A","B"]'), ("x", "a/b:c&d=e f"))) == (
            "symbols=%5B%22A%22%2C%22B%22%5D&x=a%2Fb%3Ac%26d%3De%20f"
        )


class TestWebSocketApi:
    """There parameters are sorted by name and signed as they are."""

    @pytest.mark.parametrize(
        ("secret", "signature"),
        [
            (SECRET, "4a914482e7f4cd200c112840ed4a2213c155b37475613065ba79dbd48593f643"),
            (
                ED25519,
                "aqPC4j786bUwy2eYw8/KRmkMFZIocCATVVGSiHF8JeF4gaC966/bPW+JTz7VAe0OhaGJgYR572kJ2oViWb"
                "bkBw==",
            ),
        ],
    )
    def test_subscription(self, secret: Secret, signature: str) -> None:
        """Vector 4, whatever order the parameters are given in."""
        signed = signed_parameters(
            {"timestamp": 1763800000000, "apiKey": ACCESS, "recvWindow": 5000}, signer_of(secret)
        )

        assert signed["signature"] == signature
        assert signed["timestamp"] == 1763800000000

    def test_published_order(self) -> None:
        """Vector 5."""
        signed = signed_parameters(
            {
                "symbol": "BTCUSDT",
                "side": "SELL",
                "type": "LIMIT",
                "timeInForce": "GTC",
                "quantity": "0.01000000",
                "price": "52000.00",
                "recvWindow": 100,
                "timestamp": 1645423376532,
                "apiKey": ACCESS,
            },
            signer_of(SECRET),
        )

        assert signed["signature"] == (
            "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"
        )


class TestKindsOfKeys:
    """A secret is known by its form; one that cannot sign is refused at the start."""

    @pytest.mark.parametrize(
        "text",
        [
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            "-----BEGIN PRIVATE KEY----- {} -----END PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\\n{}\\n-----END PRIVATE KEY-----\\n",
            "  {}\n",
        ],
    )
    def test_private_keys_in_any_wrapping(self, text: str) -> None:
        """As a file holds them, and as environment variables leave them."""
        signer = signer_of(Secret(text.format(ED25519.reveal())))

        assert signer.sign("x") == signer_of(ED25519).sign("x")

    def test_other_private_keys_are_refused(self) -> None:
        """RSA is not offered, and an HMAC over a key's text would be refused at every order."""
        from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
        from cryptography.hazmat.primitives.serialization import (
            Encoding,
            NoEncryption,
            PrivateFormat,
        )

        other = generate_private_key(SECP256R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )

        with pytest.raises(ConfigError, match="Ed25519"):
            signer_of(Secret(other.decode()))

    @pytest.mark.parametrize(
        "text",
        [
            "-----BEGIN",
            "-----BEGIN PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\n!!!\n-----END PRIVATE KEY-----",
            "MC4CAQAwBQYDK2VwBCIEIAAB",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nTUM0Q0FRQQ==\n-----END ENCRYPTED PRIVATE KEY",
        ],
    )
    def test_broken_private_keys_are_refused_without_being_told(self, text: str) -> None:
        """The message names the setting and shows nothing of the key."""
        with pytest.raises(ConfigError) as caught:
            signer_of(Secret(text))

        assert str(caught.value).startswith("binance secret_key: ")
        assert "MC4C" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__

    def test_an_hmac_secret_may_be_valid_base64(self) -> None:
        """64 characters decode to as many bytes as a private key has; only its beginning counts."""
        secret = base64.b64encode(bytes(range(48))).decode()

        assert len(signer_of(Secret(secret)).sign("x")) == 64

    def test_a_signer_does_not_show_its_key(self) -> None:
        """Neither kind."""
        for secret in (SECRET, ED25519):
            assert secret.reveal()[:8] not in repr(signer_of(secret))
