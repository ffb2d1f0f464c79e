"""JWT as the Korean venues want them: signed with a plain HMAC, the request's parameters hashed.

Nothing is verified here and no other algorithm exists, so the standard library suffices.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

from trader.execution.keys import Keys

Pairs = tuple[tuple[str, str], ...]
"""Parameters in the order they are sent; an array repeats its name, which ends in ``[]``."""


class Algorithm(StrEnum):
    """How a token is signed."""

    HS256 = "HS256"
    HS512 = "HS512"


_DIGEST = {Algorithm.HS256: "sha256", Algorithm.HS512: "sha512"}


def query_text(pairs: Iterable[tuple[str, str]]) -> str:
    """The parameters as one line, nothing encoded."""
    return "&".join(f"{name}={value}" for name, value in pairs)


def query_claims(query: str) -> Mapping[str, str]:
    """The claims that bind a token to these parameters; none where there are none."""
    if not query:
        return {}
    digest = hashlib.sha512(query.encode()).hexdigest()
    return {"query_hash": digest, "query_hash_alg": "SHA512"}


def token(keys: Keys, claims: Mapping[str, str | int], algorithm: Algorithm) -> str:
    """A signed token with these claims after ``access_key``, in this order."""
    header = {"alg": str(algorithm), "typ": "JWT"}
    body = {"access_key": keys.access.reveal(), **claims}
    text = _encoded(msgspec.json.encode(header)) + b"." + _encoded(msgspec.json.encode(body))
    # The secret is the text itself, although it may look like base64.
    signature = hmac.digest(keys.secret.reveal().encode(), text, _DIGEST[algorithm])
    return (text + b"." + _encoded(signature)).decode()


def _encoded(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")
