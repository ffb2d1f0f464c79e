"""Faults for the local Bot API to play: scripted one by one, standing, or drawn at random. Pure."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from random import Random
from threading import Lock

from msgspec import Struct

_EVERY: tuple[str, ...] = ()


class FaultKind(StrEnum):
    """What happens to one request."""

    ERROR = "error"  # Telegram's own JSON error; nothing is accepted
    RAW = "raw"  # any status and body, such as a proxy's page; nothing is accepted
    HANG = "hang"  # no answer ever; nothing is accepted
    RESET = "reset"  # the connection is reset; nothing is accepted
    ACCEPT_HANG = "accept_hang"  # accepted, and no answer ever
    ACCEPT_RESET = "accept_reset"  # accepted, and the connection is reset
    DELAY = "delay"  # answered as usual after ``seconds``


class Fault(Struct, frozen=True):
    """One request's misfortune."""

    kind: FaultKind
    status: int = 0
    description: str = ""
    parameters: dict[str, int] = {}
    body: bytes = b""
    seconds: float = 0.0


def error(status: int, description: str, **parameters: int) -> Fault:
    """An answer in Telegram's own form; ``parameters`` as in ``retry_after=3``."""
    return Fault(FaultKind.ERROR, status, description, dict(parameters))


def too_many(retry_after: int) -> Fault:
    """429 with ``retry_after`` in seconds."""
    words = f"Too Many Requests: retry after {retry_after}"
    return error(429, words, retry_after=retry_after)


def unauthorized() -> Fault:
    """401, as after the token was revoked."""
    return error(401, "Unauthorized")


def conflict() -> Fault:
    """409, as when another instance polls with the same token."""
    return error(
        409,
        "Conflict: terminated by other getUpdates request; "
        "make sure that only one bot instance is running",
    )


def bad_gateway() -> Fault:
    """502 with a page of HTML, as a proxy in front of Telegram answers."""
    return raw(502, b"<html><head><title>502 Bad Gateway</title></head></html>")


def raw(status: int, body: bytes) -> Fault:
    """Any status with any body."""
    return Fault(FaultKind.RAW, status, body=body)


HANG = Fault(FaultKind.HANG)
RESET = Fault(FaultKind.RESET)
ACCEPT_HANG = Fault(FaultKind.ACCEPT_HANG)
ACCEPT_RESET = Fault(FaultKind.ACCEPT_RESET)


def delay(seconds: float) -> Fault:
    """A slow answer."""
    return Fault(FaultKind.DELAY, seconds=seconds)


class Faults:
    """Which fault meets the next request: scripted ones first, then a standing, then chance."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._script: list[tuple[Fault | None, frozenset[str]]] = []
        self._standing: list[tuple[Fault, frozenset[str]]] = []
        self._chance = 0.0
        self._drawn: Sequence[Fault] = ()
        self._random = Random(0)
        self._drawn_for: frozenset[str] = frozenset()

    def then(self, *faults: Fault | None, methods: Iterable[str] = _EVERY) -> None:
        """The next requests (of ``methods``, else of any) meet these in turn; None passes one."""
        only = _folded(methods)
        with self._lock:
            self._script.extend((fault, only) for fault in faults)

    def always(self, fault: Fault, methods: Iterable[str] = _EVERY) -> None:
        """Every request of ``methods`` meets this fault until ``clear``."""
        with self._lock:
            self._standing.append((fault, _folded(methods)))

    def at_random(
        self, chance: float, seed: int, faults: Sequence[Fault], methods: Iterable[str] = _EVERY
    ) -> None:
        """Each request meets one of ``faults`` with ``chance`` (0 to 1), drawn from ``seed``."""
        with self._lock:
            self._chance, self._drawn = chance, tuple(faults)
            self._random, self._drawn_for = Random(seed), _folded(methods)

    def clear(self) -> None:
        """No faults from here on."""
        with self._lock:
            self._script.clear()
            self._standing.clear()
            self._chance = 0.0

    @property
    def left(self) -> int:
        """How many scripted faults nobody met yet."""
        return len(self._script)

    def draw(self, method: str) -> Fault | None:
        """The fault that ``method`` meets now; a scripted one is spent by it."""
        name = method.lower()
        with self._lock:
            for index, (fault, only) in enumerate(self._script):
                if not only or name in only:
                    del self._script[index]
                    return fault
            for standing, only in self._standing:
                if not only or name in only:
                    return standing
            wanted = not self._drawn_for or name in self._drawn_for
            if self._chance and wanted and self._random.random() < self._chance:
                return self._random.choice(self._drawn)
        return None


def _folded(methods: Iterable[str]) -> frozenset[str]:
    return frozenset(method.lower() for method in methods)
