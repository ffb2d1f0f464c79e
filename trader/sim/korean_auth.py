"""Who is asking? The bearer tokens of Upbit and Bithumb, checked as their servers check them.

Pure but for the memory of nonces: no clock, no socket. Source: exchange fact sheet 1.2 and 2.2.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections import OrderedDict
from collections.abc import Iterator
from urllib.parse import unquote, unquote_plus

import msgspec
from msgspec import Struct

_DIGESTS = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}
_BEARER = "Bearer "
_BRACKETS = re.compile("%5[bd]", re.IGNORECASE)
_NONCES_KEPT = 100_000


class Unauthorised(Exception):
    """The token does not entitle; ``name`` is what the venue calls the reason, told with a 401."""

    def __init__(self, name: str, message: str):
        """Keep the name the venue gives and its words."""
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message


class TokenRules(Struct, frozen=True):
    """What a venue asks of a token.

    ``window_ms`` is how far its ``timestamp`` may be from the venue's clock, either way; None where
    tokens carry no time. ``expired_name`` is what a venue calls a token outside of it.
    """

    algorithms: frozenset[str]
    window_ms: int | None = None
    expired_name: str = "expired_jwt"


UPBIT_TOKENS = TokenRules(algorithms=frozenset(("HS256", "HS512")))
# The tolerance is not documented; 20 s is what the API before it allowed.
BITHUMB_TOKENS = TokenRules(algorithms=frozenset(("HS256",)), window_ms=20_000)


class Token(Struct, frozen=True):
    """A token taken apart, its signature not yet checked."""

    algorithm: str
    access_key: str
    nonce: str
    timestamp_ms: int | None
    query_hash: str | None
    query_hash_alg: str | None
    signed: bytes
    signature: bytes

    def is_signed_with(self, secret: str) -> bool:
        """Whether the signature was made with this secret, taken as plain text."""
        made = hmac.new(secret.encode(), self.signed, _DIGESTS[self.algorithm]).digest()
        return hmac.compare_digest(made, self.signature)

    def __repr__(self) -> str:
        """A token entitles whoever holds it, so it is never shown."""
        return f"Token({self.algorithm})"


class Nonces:
    """Nonces a venue has seen, per access key; the oldest are forgotten beyond a bound."""

    def __init__(self, kept: int = _NONCES_KEPT):
        """Remember that many."""
        self._kept = kept
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()

    def is_new(self, access_key: str, nonce: str) -> bool:
        """Note a nonce; False where it was used before."""
        if (access_key, nonce) in self._seen:
            return False
        self._seen[access_key, nonce] = None
        if len(self._seen) > self._kept:
            self._seen.popitem(last=False)
        return True


def read_token(authorization: str | None, rules: TokenRules) -> Token:
    """Take the bearer token of an ``Authorization`` header apart.

    Raises:
        Unauthorised: there is none, or it is no token this venue takes.
    """
    if not authorization or not authorization.startswith(_BEARER):
        raise Unauthorised("no_authorization_token", "인증 토큰이 없습니다.")
    text = authorization.removeprefix(_BEARER).strip()
    parts = text.split(".")
    if len(parts) != 3 or not text.isascii():
        raise _unreadable()
    header, claims = (_decoded_json(part) for part in parts[:2])
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in rules.algorithms:
        raise _unreadable()
    access_key, nonce = claims.get("access_key"), claims.get("nonce")
    if not (isinstance(access_key, str) and access_key and isinstance(nonce, str) and nonce):
        raise _unreadable()
    timestamp_ms = claims.get("timestamp")
    if rules.window_ms is not None and type(timestamp_ms) is not int:
        raise _unreadable()
    return Token(
        algorithm=algorithm,
        access_key=access_key,
        nonce=nonce,
        timestamp_ms=timestamp_ms if type(timestamp_ms) is int else None,
        query_hash=_text_or_none(claims.get("query_hash")),
        query_hash_alg=_text_or_none(claims.get("query_hash_alg")),
        signed=f"{parts[0]}.{parts[1]}".encode(),
        signature=_decoded(parts[2]),
    )


def check_time(token: Token, rules: TokenRules, now_ms: int) -> None:
    """Hold a token against the venue's clock, where the venue does that.

    Raises:
        Unauthorised: it was made too long ago, or too far ahead.
    """
    if rules.window_ms is None or token.timestamp_ms is None:
        return
    if abs(now_ms - token.timestamp_ms) > rules.window_ms:
        raise Unauthorised(rules.expired_name, "만료된 JWT 토큰입니다.")


def check_hash(token: Token, texts: frozenset[str]) -> None:
    """Hold the token's query hash against what was sent; ``texts`` are the spellings allowed.

    Without parameters ``texts`` is empty, and a hash is ignored.

    Raises:
        Unauthorised: it is missing, of another kind, or of something else.
    """
    if not texts:
        return
    if token.query_hash is None or token.query_hash_alg != "SHA512":
        raise _wrong_query()
    for text in texts:
        if _sha512(text) == token.query_hash:
            return
    raise _wrong_query()


def query_texts(raw_query: str, *, encoded_too: bool) -> frozenset[str]:
    """What may be hashed of a query string: its decoded form, in the order sent.

    Both ways of decoding a plus sign are right, as the sheet does not say which the venue does.
    With ``encoded_too`` also the string as it travelled, with plain brackets: Bithumb hashes that.
    """
    if not raw_query:
        return frozenset()
    texts = {unquote(raw_query), unquote_plus(raw_query)}
    if encoded_too:
        texts.add(_BRACKETS.sub(lambda found: unquote(found[0]), raw_query))
    return frozenset(texts)


def body_texts(body: bytes) -> frozenset[str]:
    """What is hashed of a JSON body: its keys in their order, values as text.

    Raises:
        ValueError: the body is no JSON object.
    """
    if not body:
        return frozenset()
    try:
        text = "&".join(f"{name}={value}" for name, value in _flattened("", parsed_body(body)))
        text.encode()
    except RecursionError as error:
        raise ValueError("the body nests too deeply") from error
    return frozenset((text,)) if text else frozenset()


def parsed_body(body: bytes) -> dict[str, object]:
    """A JSON body with its keys in order and its numbers as the text they were sent as.

    Raises:
        ValueError: the body is no JSON object.
    """
    try:
        found: object = json.loads(body, parse_float=str, parse_int=str, parse_constant=str)
    except RecursionError as error:
        raise ValueError("the body nests too deeply") from error
    if not isinstance(found, dict):
        raise ValueError("the body is no JSON object")
    return found


def _flattened(prefix: str, value: object) -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            for key, inner in value.items():
                yield from _flattened(f"{prefix}[{key}]" if prefix else key, inner)
        case list() if any(isinstance(inner, dict) for inner in value):
            for index, inner in enumerate(value):
                yield from _flattened(f"{prefix}[{index}]", inner)
        case list():
            for inner in value:
                yield from _flattened(f"{prefix}[]", inner)
        case bool():
            yield prefix, "true" if value else "false"
        case None:
            yield prefix, ""
        case _:
            yield prefix, str(value)


def _decoded(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError) as error:
        raise _unreadable() from error


def _decoded_json(part: str) -> dict[str, object]:
    try:
        return msgspec.json.decode(_decoded(part), type=dict[str, object])
    except msgspec.DecodeError as error:
        raise _unreadable() from error


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _sha512(text: str) -> str:
    return hashlib.sha512(text.encode(errors="surrogateescape")).hexdigest()


def _unreadable() -> Unauthorised:
    return Unauthorised("jwt_verification", "JWT 토큰 검증에 실패했습니다.")


def _wrong_query() -> Unauthorised:
    return Unauthorised("invalid_query_payload", "Jwt의 query를 검증하는데 실패하였습니다.")
