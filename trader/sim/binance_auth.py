"""How Binance knows who asks: payloads as they arrived, their signatures, and their time.

Nothing here decodes before it verifies: what was signed is the bytes on the wire.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from urllib.parse import unquote_to_bytes

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

from trader.sim import binance_errors as errors

DEFAULT_WINDOW_MS = Decimal(5_000)
MAX_WINDOW_MS = Decimal(60_000)
_AHEAD_MS = 1_000
_MICROSECONDS_FROM = 10**15
"""A timestamp this large counts microseconds; in milliseconds it would lie 30,000 years ahead."""
_WINDOW = re.compile(r"\d{1,5}(\.\d{1,3})?")
_KEY = re.compile(r"[A-Za-z0-9_-]{16,128}")
# Percent-encoded text: a client that signs first and encodes later signed other bytes than these.
_ENCODED = re.compile(rb"(?:[A-Za-z0-9\-._~&=]|%[0-9A-Fa-f]{2})*")


class Payload(Struct, frozen=True):
    """What a signed REST request carries: the bytes that were signed, and the signature."""

    signed: bytes
    signature: str | None


def payload_of(query: bytes, body: bytes) -> Payload:
    """Query and body put together as they arrived, without the ``signature`` at the end of either.

    A signature anywhere but at the end is left where it is, so nothing verifies.
    """
    signature: str | None = None
    parts = []
    for part in (query, body):
        head, found, tail = _cut_signature(part)
        if found and signature is None:
            signature = decoded(tail)
        parts.append(head if found else part)
    return Payload(b"".join(parts), signature)


def parameters_of(query: bytes, body: bytes) -> dict[str, str]:
    """The parameters of both, decoded, without the signature; the query's win.

    Raises:
        BinanceRefusal: one was given twice in the same place.
    """
    found: dict[str, str] = {}
    for part in (body, query):
        here: set[str] = set()
        for pair in part.split(b"&"):
            if not pair:
                continue
            name, _, value = pair.partition(b"=")
            key = decoded(name)
            if key in here:
                raise errors.duplicate_parameter()
            here.add(key)
            found[key] = decoded(value)
    found.pop("signature", None)
    return found


def websocket_payload(params: Mapping[str, object]) -> bytes:
    """What a WebSocket API request signs: all but the signature, sorted by name, not encoded."""
    return "&".join(
        f"{name}={as_text(value)}" for name, value in sorted(params.items()) if name != "signature"
    ).encode()


def check_key_format(key: str | None) -> str:
    """The key of ``X-MBX-APIKEY``.

    Raises:
        BinanceRefusal: -2014, absent or nothing that could be a key.
    """
    if key is None or not _KEY.fullmatch(key):
        raise errors.key_format()
    return key


def check_signature(
    payload: bytes, signature: str | None, secret: str, public_key: bytes | None, *, encoded: bool
) -> None:
    """Whether the key's owner signed these bytes: HMAC-SHA256 in hex, or Ed25519 in base64.

    ``public_key`` is the raw 32 bytes of an Ed25519 key; with it the secret counts for nothing.
    ``encoded`` for REST, whose payload has to be percent-encoded before it is signed.

    Raises:
        BinanceRefusal: -1102 without a signature, -1022 with a wrong one.
    """
    if not signature:
        raise errors.missing("signature")
    if encoded and not _ENCODED.fullmatch(payload):
        raise errors.bad_signature()
    if public_key is not None:
        _check_ed25519(payload, signature, public_key)
        return
    right = hmac.new(secret.encode(), payload, "sha256").hexdigest()
    if not hmac.compare_digest(right.encode(), signature.lower().encode()):
        raise errors.bad_signature()


def check_time(params: Mapping[str, str], now_ms: int) -> None:
    """Whether the request is neither too old nor too far ahead.

    Raises:
        BinanceRefusal: -1021 outside the window; -1102, -1100 or -1131 where it states none.
    """
    stated = params.get("timestamp", "")
    if not stated:
        raise errors.missing("timestamp")
    if not re.fullmatch(r"\d{1,20}", stated):
        raise errors.illegal_characters("timestamp", r"^[0-9]{1,20}$")
    timestamp = Decimal(stated)
    if timestamp >= _MICROSECONDS_FROM:
        timestamp /= 1_000
    window_ms = window_of(params)
    if timestamp >= now_ms + _AHEAD_MS:
        raise errors.ahead_of_time()
    if now_ms - timestamp > window_ms:
        raise errors.outside_window()


def window_of(params: Mapping[str, str]) -> Decimal:
    """``recvWindow`` in milliseconds, 5,000 unless stated.

    Raises:
        BinanceRefusal: -1100 for no such number, -1131 beyond a minute.
    """
    stated = params.get("recvWindow")
    if stated is None:
        return DEFAULT_WINDOW_MS
    if not _WINDOW.fullmatch(stated):
        raise errors.illegal_characters("recvWindow", r"^[0-9]{1,5}(\.[0-9]{1,3})?$")
    window_ms = Decimal(stated)
    if window_ms > MAX_WINDOW_MS:
        raise errors.window_too_wide()
    return window_ms


def amount(params: Mapping[str, str], name: str) -> Decimal | None:
    """A positive decimal parameter; None where it was not sent.

    Raises:
        BinanceRefusal: -1105 empty, -1100 not a plain decimal number, -1102 zero.
    """
    text = params.get(name)
    if text is None:
        return None
    if not text:
        raise errors.empty(name)
    if not re.fullmatch(r"\d{1,20}(\.\d{1,20})?", text):
        raise errors.illegal_characters(name, r"^([0-9]{1,20})(\.[0-9]{1,20})?$")
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise errors.missing(name) from None
    if value <= 0:
        raise errors.missing(name)
    return value


def decoded(value: bytes) -> str:
    """Form-decoded text; bytes that are no UTF-8 become characters that match nothing."""
    return unquote_to_bytes(value.replace(b"+", b" ")).decode("utf-8", "replace")


def as_text(value: object) -> str:
    """A JSON parameter as it enters the signed text: booleans lower-case, the rest as written."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _cut_signature(part: bytes) -> tuple[bytes, bool, bytes]:
    head, separator, last = part.rpartition(b"&")
    if last.startswith(b"signature="):
        return head, True, last[len(b"signature=") :]
    del separator
    return part, False, b""


def _check_ed25519(payload: bytes, signature: str, public_key: bytes) -> None:
    try:
        raw = base64.b64decode(signature, validate=True)
        Ed25519PublicKey.from_public_bytes(public_key).verify(raw, payload)
    except (InvalidSignature, binascii.Error, ValueError):
        raise errors.bad_signature() from None
