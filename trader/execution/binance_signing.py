"""Signatures of Binance: HMAC-SHA256 or Ed25519 over percent-encoded parameters.

The secret's text enters here and leaves only as a signature.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Protocol
from urllib.parse import quote

from trader.credentials import Secret
from trader.domain.errors import ConfigError

Parameters = Sequence[tuple[str, str]]

_PEM_BEGINS = "-----BEGIN"
_PEM_DASHES = "-----"
# The same twelve bytes open every unencrypted PKCS8 Ed25519 key; no HMAC secret begins so.
_ED25519_BEGINS = "MC4CAQAwBQYDK2Vw"


class Signer(Protocol):
    """Signs text with one key."""

    def sign(self, payload: str) -> str:
        """The signature as it stands in JSON; in an address it must be percent-encoded."""
        ...


class HmacSigner:
    """HMAC-SHA256 in hex, for keys with a secret."""

    __slots__ = ("_key",)

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def sign(self, payload: str) -> str:
        """64 hex digits."""
        return hmac.digest(self._key, payload.encode(), hashlib.sha256).hex()


class Ed25519Signer:
    """Ed25519 in base64, for keys whose private half we hold.

    Raises:
        ConfigError: the text is no unencrypted Ed25519 private key in PKCS8.
    """

    __slots__ = ("_key",)

    def __init__(self, key: str) -> None:
        # Imported by those who have such a key only: it is large, and most have none.
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_der_private_key

        try:
            private = load_der_private_key(_der_of(key), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            # Not chained: a parser's error may carry bytes of the key.
            private = None
        if not isinstance(private, Ed25519PrivateKey):
            raise ConfigError(
                "binance secret_key: a private key, but no unencrypted Ed25519 one (PKCS8)"
            ) from None
        self._key = private

    def sign(self, payload: str) -> str:
        """64 bytes in base64."""
        return base64.b64encode(self._key.sign(payload.encode())).decode()


def signer_of(secret: Secret) -> Signer:
    """Who signs with this secret: a private key by its form, anything else is an HMAC secret.

    Raises:
        ConfigError: it is a private key of another kind, or one that cannot be read.
    """
    text = secret.reveal().strip()
    if text.startswith((_PEM_BEGINS, _ED25519_BEGINS)):
        return Ed25519Signer(text)
    return HmacSigner(text)


def encoded(parameters: Parameters) -> str:
    """Parameters as they stand in an address. What is signed is this text, already encoded."""
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters)


def signed_query(parameters: Parameters, signer: Signer) -> str:
    """The encoded parameters with their signature last."""
    payload = encoded(parameters)
    return f"{payload}&signature={quote(signer.sign(payload), safe='')}"


def signed_parameters(parameters: Mapping[str, str | int], signer: Signer) -> dict[str, str | int]:
    """Parameters of a WebSocket API request with their signature.

    There they are sorted by name and signed as they are, for JSON needs no percent-encoding.
    """
    payload = "&".join(f"{name}={parameters[name]}" for name in sorted(parameters))
    return {**parameters, "signature": signer.sign(payload)}


def _der_of(key: str) -> bytes:
    # In an environment variable the line breaks of a PEM are often spaces, or written as \n.
    text = key
    if text.startswith(_PEM_BEGINS):
        # BEGIN line, content, END line: what stands between the second and the third dashes.
        text = [*text.split(_PEM_DASHES), "", ""][2]
    text = "".join(text.replace("\\n", "").split())
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
