"""Masks secrets in text: the configured ones in their usual spellings, and what looks like one."""

import base64
import json
import re
from collections.abc import Collection, Iterator
from urllib.parse import quote, quote_plus

from trader.credentials import MASK

_MIN_SECRET_CHARS = 6
"""Shorter ones are words of any line: masking them would blank the log and protect nothing."""
_MIN_FRAGMENT_CHARS = 6
_PERCENT_CODE = re.compile(r"%[0-9A-F]{2}")

_PATTERNS = (
    # A Telegram token, also inside a URL and with its colon percent-encoded.
    (re.compile(r"\d{5,}(?::|%3[aA])[A-Za-z0-9_-]{16,}"), MASK),
    # A signed token of three base64 parts.
    (re.compile(r"eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*"), MASK),
    (
        re.compile(r"(?i)\b(bearer|authorization\W{1,4}basic)(?:\s+|%20)[A-Za-z0-9._~+/-]{8,}=*"),
        rf"\1 {MASK}",
    ),
    # The password of a URL, as client libraries put it into their errors.
    (re.compile(r"(://[^\s:/@\"']*:)[^\s/@\"']+@"), rf"\1{MASK}@"),
)


class Redactor:
    """``redactor(text)`` is the text with every secret replaced by ``***``.

    Knows each secret of at least six characters plain, URL-quoted, escaped as JSON and ``repr`` do,
    and in base64 at any offset (as ``user:secret`` in a header). It does not know other encodings.
    """

    def __init__(self, secrets: Collection[str]) -> None:
        # Longest first, so that a secret that contains another leaves no tail.
        forms = sorted({form for secret in secrets for form in _spellings(secret)}, key=len)
        self._known = re.compile("|".join(map(re.escape, reversed(forms)))) if forms else None

    def __call__(self, text: str) -> str:
        """``text`` with what is secret masked; any text is accepted."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text


def _spellings(secret: str) -> Iterator[str]:
    secret = secret.strip()
    if len(secret) < _MIN_SECRET_CHARS:
        return
    yield secret
    for quoted in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield quoted
        yield _PERCENT_CODE.sub(lambda code: code.group().lower(), quoted)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    raw = secret.encode("utf-8", "surrogatepass")
    for offset in range(3):
        fragment = _base64_core(raw, offset)
        if len(fragment) >= _MIN_FRAGMENT_CHARS:
            yield fragment
            yield fragment.replace("+", "-").replace("/", "_")


def _base64_core(raw: bytes, offset: int) -> str:
    """The base64 characters that ``raw`` alone decides after ``offset`` other bytes (mod 3)."""
    encoded = base64.b64encode(bytes(offset) + raw).decode("ascii").rstrip("=")
    first = -(-offset * 8 // 6)
    last = (offset + len(raw)) * 8 // 6
    return encoded[first:last]
