"""What can go wrong with a request, and what to do with one: the words ``faults.py`` decides in."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from trader.sim.lanes import StreamKind
from trader.sim.model import Code


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


def verdict_of(fault: Fault) -> Verdict:
    """What one fault, when it strikes, does to a request."""
    match fault.kind:
        case FaultKind.DELAY:
            return Verdict(delay_ms=fault.delay_ms)
        case FaultKind.DELAY_ANSWER:
            return Verdict(answer_delay_ms=fault.delay_ms)
        case FaultKind.HANG_AFTER:
            return Verdict(after=After.HANG, answer_delay_ms=fault.delay_ms)
        case FaultKind.ERROR_BEFORE:
            return Verdict(before=Before.ERROR, status=fault.status or 503)
        case FaultKind.ERROR_AFTER:
            return Verdict(after=After.ERROR, status=fault.status or 502)
        case FaultKind.TOO_MANY | FaultKind.BANNED:
            before = Before.BANNED if fault.kind is FaultKind.BANNED else Before.TOO_MANY
            return Verdict(before=before, retry_after_s=fault.retry_after_s)
        case FaultKind.REJECT:
            return Verdict(twist=Twist(reject=fault.code))
        case FaultKind.PARTIAL:
            return Verdict(twist=Twist(share=fault.share))
        case _:
            return _PLAIN.get(fault.kind, CLEAN)


_PLAIN = {
    FaultKind.DROP_BEFORE: Verdict(before=Before.CLOSE),
    FaultKind.DROP_AFTER: Verdict(after=After.CLOSE),
    FaultKind.RESET_BEFORE: Verdict(before=Before.RESET),
    FaultKind.RESET_AFTER: Verdict(after=After.RESET),
    FaultKind.MAINTENANCE: Verdict(before=Before.MAINTENANCE),
}


def merged(first: Verdict, second: Verdict) -> Verdict:
    """Both at once: waits add up, of everything else the one set earlier counts."""
    before = first if first.before is not Before.PROCEED else second
    after = first if first.after is not After.ANSWER else second
    grave = before if before.before is not Before.PROCEED else after
    return Verdict(
        delay_ms=first.delay_ms + second.delay_ms,
        before=before.before,
        after=after.after,
        answer_delay_ms=first.answer_delay_ms + second.answer_delay_ms,
        status=grave.status,
        retry_after_s=before.retry_after_s,
        twist=Twist(
            reject=first.twist.reject or second.twist.reject,
            share=second.twist.share if first.twist.share is None else first.twist.share,
        ),
    )
