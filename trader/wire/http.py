"""Requests and answers as values: what a venue's file builds and reads, with no socket in it."""

from collections.abc import Mapping

from msgspec import Struct


class HttpRequest(Struct, frozen=True):
    """One request, signed where it must be, ready to leave as it stands.

    ``target`` is the path with its query, percent-encoded as the venue wants it; nothing encodes it
    again. ``group`` and ``weight`` say which of the venue's rate limits it draws on, and how much.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    group: str = "default"
    weight: int = 1


class HttpAnswer(Struct, frozen=True):
    """What came back. Header names are lower-case; a name given twice keeps its last value."""

    status: int
    headers: Mapping[str, str]
    body: bytes
