"""Faults on demand, decided in one place. Faces ask; nothing here touches a socket or a book.

A face asks :meth:`Faults.on_request` once per request and acts on the :class:`Verdict` (or leaves
both to ``trader.sim.faulty.answer``), and sends the frames of every stream through a
:class:`Lane`, which swallows, doubles or swaps them while a fault says so.
"""

from collections.abc import Callable
from itertools import count
from random import Random
from typing import Any

from msgspec import Struct

from trader.domain.instrument import BINANCE, BITHUMB, UPBIT, Venue
from trader.sim.lanes import Frame, Handling, Lane, StreamKind
from trader.sim.verdicts import (
    CLEAN,
    NO_TWIST,
    After,
    Before,
    Fault,
    FaultKind,
    Operation,
    Twist,
    Verdict,
    merged,
    verdict_of,
)

__all__ = [
    "CLEAN",
    "NO_TWIST",
    "After",
    "Before",
    "Fault",
    "FaultKind",
    "FaultStanding",
    "Faults",
    "Lane",
    "Operation",
    "StreamKind",
    "Twist",
    "Verdict",
]

MAX_FAULTS = 1_000
VENUES = (UPBIT, BITHUMB, BINANCE)
_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000


class FaultStanding(Struct, frozen=True):
    """A fault, how many chances it had, how often it struck, and whether it can again."""

    id: int
    fault: Fault
    seen: int
    struck: int
    is_over: bool


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


Watcher = Callable[[Venue, Operation, Verdict], None]


class Faults:
    """Every fault in force. ``clock`` is the host's time in ns, which no skew touches."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._installed: list[_Installed] = []
        self._lanes: list[Lane[Any]] = []
        self._numbers = count(1)
        self._skews: dict[Venue, int] = {}
        self.watcher: Watcher | None = None
        """Told of every request and its verdict: the referee's ear."""

    def on_request(self, venue: Venue, operation: Operation) -> Verdict:
        """What is to become of a request that has arrived. Ask exactly once per request."""
        verdict = CLEAN
        if self._installed:
            now_ns = self._clock()
            for installed in self._installed:
                if not _concerns(installed.fault, venue, operation):
                    continue
                until_ns = installed.banned_until_ns.get(venue, 0)
                if until_ns > now_ns:
                    left_s = -(-(until_ns - now_ns) // _NS_PER_S)
                    verdict = merged(verdict, Verdict(before=Before.BANNED, retry_after_s=left_s))
                elif not installed.is_over(now_ns) and installed.strikes():
                    if installed.fault.kind is FaultKind.BANNED:
                        lasts_ns = installed.fault.retry_after_s * _NS_PER_S
                        installed.banned_until_ns[venue] = now_ns + lasts_ns
                    verdict = merged(verdict, verdict_of(installed.fault))
        if self.watcher is not None:
            self.watcher(venue, operation, verdict)
        return verdict

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
        lane = Lane(venue, stream, deliver, self._handling, self._forget, cut)
        self._lanes.append(lane)
        return lane

    def skew_ns(self, venue: Venue) -> int:
        """How far the venue's clock is ahead of the host's."""
        if self._skews:
            self._renew()
        return self._skews.get(venue, 0)

    def install(self, fault: Fault) -> int:
        """Put a fault in force; returns its number.

        Raises:
            ValueError: as many are set as may be; remove some.
        """
        now_ns = self._clock()
        if len(self._installed) >= MAX_FAULTS:
            self._installed = [each for each in self._installed if not each.is_over(now_ns)]
        if len(self._installed) >= MAX_FAULTS:
            raise ValueError(f"{MAX_FAULTS} faults are in force, and no more may be")
        installed = _Installed(next(self._numbers), fault, now_ns)
        self._installed.append(installed)
        self._renew()
        if fault.kind in (FaultKind.CUT, FaultKind.MAINTENANCE):
            installed.struck += fault.kind is FaultKind.CUT
            for lane in [*self._lanes]:
                if _touches(fault, lane.venue, lane.stream):
                    lane.cut(fault.close_code)
        return installed.id

    def remove(self, number: int | None = None) -> int:
        """End one fault, or all; returns how many."""
        kept = [each for each in self._installed if number not in (None, each.id)]
        removed = len(self._installed) - len(kept)
        self._installed = kept
        self._renew()
        return removed

    def standing(self) -> list[FaultStanding]:
        """Every fault set since the last removal, with what it has done."""
        now_ns = self._clock()
        return [
            FaultStanding(each.id, each.fault, each.seen, each.struck, each.is_over(now_ns))
            for each in self._installed
        ]

    def _handling(self, venue: Venue, stream: StreamKind) -> Handling:
        if not self._installed:
            return Handling.PASS
        now_ns = self._clock()
        handling = Handling.PASS
        for installed in self._installed:
            wanted = _HANDLINGS.get(installed.fault.kind)
            if wanted is None or not _touches(installed.fault, venue, stream):
                continue
            if not installed.is_over(now_ns) and installed.strikes():
                handling = max(handling, wanted, key=_GRAVITY.index)
        return handling

    def _forget(self, lane: Lane[Any]) -> None:
        if lane in self._lanes:
            self._lanes.remove(lane)

    def _renew(self) -> None:
        """Work out anew which clocks are off; the latest fault of a venue says by how much."""
        self._skews.clear()
        now_ns = self._clock()
        for installed in self._installed:
            fault = installed.fault
            if fault.kind is FaultKind.SKEW and not installed.is_over(now_ns):
                for venue in VENUES:
                    if fault.venue in ("", venue):
                        self._skews[venue] = fault.skew_ms * _NS_PER_MS


_HANDLINGS = {
    FaultKind.DUPLICATE: Handling.DOUBLE,
    FaultKind.REORDER: Handling.HOLD,
    FaultKind.GAP: Handling.LOSE,
    FaultKind.SILENCE: Handling.LOSE,
    FaultKind.MAINTENANCE: Handling.LOSE,
}
_GRAVITY = (Handling.PASS, Handling.DOUBLE, Handling.HOLD, Handling.LOSE)
_OF_STREAMS = frozenset(_HANDLINGS) - {FaultKind.MAINTENANCE} | {FaultKind.CUT}
_OF_ORDERS = frozenset({FaultKind.REJECT, FaultKind.PARTIAL})


def _concerns(fault: Fault, venue: Venue, operation: Operation) -> bool:
    if fault.venue not in ("", venue) or fault.operation not in (None, operation):
        return False
    if fault.kind in _OF_ORDERS:
        return operation is Operation.PLACE
    return fault.kind not in _OF_STREAMS and fault.kind is not FaultKind.SKEW


def _touches(fault: Fault, venue: Venue, stream: StreamKind) -> bool:
    return fault.venue in ("", venue) and fault.stream in (None, stream)
