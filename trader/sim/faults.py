"""Faults on demand, decided in one place. Faces ask; nothing here touches a socket or a book.

A face asks :meth:`Faults.on_request` once per request and acts on the :class:`Verdict` (or leaves
both to ``trader.sim.faulty.answer``), and sends the frames of every stream through a
:class:`Lane`, which swallows, doubles or swaps them while a fault says so.
"""

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from random import Random
from typing import Annotated

from msgspec import Meta, Struct

from trader.domain.instrument import Venue
from trader.sim.lanes import Frame, Lane, StreamKind
from trader.sim.model import Code

MAX_FAULTS = 1_000
_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000


class Operation(StrEnum):
    """What a request is about."""

    PLACE = "place"
    CANCEL = "cancel"
    QUERY = "query"
    """Orders, balances, fees, keys: whatever is signed and changes nothing."""
    PUBLIC = "public"
    """Unsigned requests."""
    STREAM = "stream"
    """The handshake of a WebSocket, public or private."""


class FaultKind(StrEnum):
    """What goes wrong."""

    DELAY = "delay"
    """The request is read, and worked on ``delay_ms`` later."""
    DELAY_ANSWER = "delay_answer"
    """Worked on at once, answered ``delay_ms`` later."""
    DROP_BEFORE = "drop_before"
    """The connection closes and nothing was done."""
    DROP_AFTER = "drop_after"
    """It was done; the connection closes without an answer."""
    HANG_AFTER = "hang_after"
    """It was done; the connection stays open and silent for ``delay_ms``, then closes."""
    RESET_BEFORE = "reset_before"
    """The connection is reset (RST) and nothing was done."""
    RESET_AFTER = "reset_after"
    """It was done; the connection is reset."""
    ERROR_BEFORE = "error_before"
    """Answered with ``status`` (503), and nothing was done."""
    ERROR_AFTER = "error_after"
    """It was done; answered with ``status`` (502)."""
    TOO_MANY = "too_many"
    """429, and nothing was done."""
    BANNED = "banned"
    """418 for ``retry_after_s`` seconds from the first request on, and nothing is done."""
    MAINTENANCE = "maintenance"
    """Every request answers 503 with a page that is not JSON; streams close."""
    REJECT = "reject"
    """An order is refused with ``code``."""
    PARTIAL = "partial"
    """Only ``share`` of what an order could take is filled."""
    SILENCE = "silence"
    """A stream says nothing any more; pings are still answered."""
    CUT = "cut"
    """Streams are closed with ``close_code``, at once and once."""
    GAP = "gap"
    """Frames of a stream are left out."""
    DUPLICATE = "duplicate"
    """Frames of a stream come twice."""
    REORDER = "reorder"
    """A frame of a stream comes after its successor."""
    SKEW = "skew"
    """The venue's clock is off by ``skew_ms``."""


class Fault(Struct, frozen=True, forbid_unknown_fields=True):
    """One fault as asked for. An empty ``venue`` is every venue, no ``operation`` every one.

    It lets ``skip`` chances pass, then strikes with ``probability`` (drawn from ``seed``) up to
    ``count`` times, for ``for_ms`` from when it was set; zero is without end.
    """

    kind: FaultKind
    venue: str = ""
    operation: Operation | None = None
    stream: StreamKind | None = None
    count: Annotated[int, Meta(ge=0)] = 0
    skip: Annotated[int, Meta(ge=0)] = 0
    probability: Annotated[float, Meta(ge=0, le=1)] = 1.0
    seed: int = 0
    for_ms: Annotated[int, Meta(ge=0)] = 0
    delay_ms: Annotated[int, Meta(ge=0, le=600_000)] = 1_000
    status: Annotated[int, Meta(ge=0, le=599)] = 0
    retry_after_s: Annotated[int, Meta(ge=0, le=864_000)] = 1
    code: Code = Code.REJECTED
    share: Decimal = Decimal("0.5")
    close_code: Annotated[int, Meta(ge=1000, le=4999)] = 1001
    skew_ms: int = 0


class After(StrEnum):
    """What becomes of the answer once the request was carried out."""

    ANSWER = "answer"
    CLOSE = "close"
    RESET = "reset"
    HANG = "hang"
    ERROR = "error"


class Before(StrEnum):
    """What keeps a request from being carried out."""

    PROCEED = "proceed"
    CLOSE = "close"
    RESET = "reset"
    ERROR = "error"
    TOO_MANY = "too_many"
    BANNED = "banned"
    MAINTENANCE = "maintenance"


class Twist(Struct, frozen=True):
    """What a fault does to the order itself; handed on to ``Exchange.place``."""

    reject: Code | None = None
    share: Decimal | None = None


NO_TWIST = Twist()


class Verdict(Struct, frozen=True):
    """What to do with one request: wait, then ``before``, then carry it out, then ``after``."""

    delay_ms: int = 0
    before: Before = Before.PROCEED
    after: After = After.ANSWER
    answer_delay_ms: int = 0
    status: int = 0
    """The HTTP status of ERROR (before or after)."""
    retry_after_s: int = 0
    """For TOO_MANY and BANNED."""
    twist: Twist = NO_TWIST


CLEAN = Verdict()


class _Installed:
    """A fault that was asked for, and what it has done so far."""

    def __init__(self, number: int, fault: Fault, now_ns: int) -> None:
        self.id = number
        self.fault = fault
        self.struck = 0
        self.seen = 0
        self.ends_ns = now_ns + fault.for_ms * _NS_PER_MS if fault.for_ms else 0
        self.banned_until_ns: dict[Venue, int] = {}
        self._chance = Random(f"{fault.seed}/{fault.kind}/{fault.venue}/{fault.operation}")

    def strikes(self) -> bool:
        """Whether this chance is one; each call is one chance."""
        self.seen += 1
        if self.seen <= self.fault.skip:
            return False
        if self.fault.probability < 1.0 and self._chance.random() >= self.fault.probability:
            return False
        self.struck += 1
        return True

    def is_over(self, now_ns: int) -> bool:
        """Whether it can strike no more."""
        if any(until > now_ns for until in self.banned_until_ns.values()):
            return False
        spent = bool(self.fault.count) and self.struck >= self.fault.count
        return spent or bool(self.ends_ns and now_ns >= self.ends_ns)


class Faults:
    """Every fault in force. ``clock`` is the host's time in ns, which no skew touches."""

    def __init__(self, clock: Callable[[], int]) -> None:
        raise NotImplementedError

    def on_request(self, venue: Venue, operation: Operation) -> Verdict:
        """What is to become of a request that has arrived. Ask exactly once per request."""
        raise NotImplementedError

    def lane(
        self,
        venue: Venue,
        stream: StreamKind,
        deliver: Callable[[Frame], None],
        cut: Callable[[int], None],
    ) -> Lane[Frame]:
        """A lane for the frames of one WebSocket.

        ``deliver`` sends (or queues) a frame; ``cut(close_code)`` closes the socket when a fault
        wants so. Close the lane when the socket is gone.
        """
        raise NotImplementedError

    def skew_ns(self, venue: Venue) -> int:
        """How far the venue's clock is ahead of the host's."""
        raise NotImplementedError
