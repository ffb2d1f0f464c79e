"""Named points of the engine's program at which it can be made to die as a power cut would kill it.

``install`` wraps the program's own functions in this process; nothing of the program knows of it.
A point has a name such as ``before leg 2 write`` and is passed again and again; the process ends
itself with SIGKILL the n-th time.
"""

import functools
import inspect
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from trader.alerts.outbox import Outbox
from trader.domain.facts import (
    AuthorityChanged,
    EntriesPaused,
    EntriesResumed,
    Fact,
    FillBooked,
    OrderMoved,
    OrdersApproved,
)
from trader.engine.engine import Engine
from trader.execution.gate import Gate
from trader.execution.journal import Journal
from trader.execution.lane import OrderLane
from trader.execution.session import VenueSession
from trader.execution.settling import Settling
from trader.port.local import LocalPort

APPROVAL, REPORT, COMMAND, OTHER = "approval", "report", "command", "other"
COMMITS = (APPROVAL, REPORT, COMMAND, OTHER)
RECOVERY_POINTS = (
    "after opening",
    "before replay",
    "after replay",
    "before reconciling",
    "before a look-up",
    "after a look-up",
    "after reconciling",
)
COMMAND_POINTS = ("before command commit", "after command commit", "before the reply")
TRADING_POINTS = (
    "before approval commit",
    "after approval commit",
    "before leg 1 write",
    "after leg 1 write",
    "before leg 2 write",
    "after leg 2 write",
    "answer arrived",
    "answer handed over",
    "stream report arrived",
    "before report commit",
    "after report commit",
    "before sync",
    "after sync",
    "before delivery note",
    "after delivery note",
    "before other commit",
    "after other commit",
)
POINTS = (*RECOVERY_POINTS, *COMMAND_POINTS, *TRADING_POINTS)

Told = Callable[[dict[str, object]], None]
"""Hears what happened here: facts committed, orders written, alerts noted, the point of death."""


class CrashPoints:
    """Counts the passing of points; dies at ``name``, the ``at``-th time (0 is never).

    Nothing counts before ``arm``.
    """

    def __init__(self, told: Told, name: str = "", at: int = 0) -> None:
        assert not name or name in POINTS, name
        self._told = told
        self._name = name
        self._left = at
        self._is_armed = False
        self._kinds: set[str] = set()
        self._facts: list[Fact] = []
        self._leg = 0

    def arm(self) -> None:
        """Count from now on."""
        self._is_armed = True

    def reach(self, name: str) -> None:
        """Pass a point, or die there."""
        if name != self._name or not self._is_armed:
            return
        self._left -= 1
        if self._left == 0:
            self._told({"died": name})
            os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """Wrap the program's functions.

        Raises:
            AttributeError: the program has no function of such a name any more.
        """
        around(Journal, "append", self._before_append, nothing)
        around(Journal, "_commit", self._before_commit, self._after_commit)
        around(Journal, "transaction", self._begins, nothing)
        around(Engine, "restore", self._at("before replay"), self._at("after replay"))
        around(Outbox, "acknowledge", self._at("before delivery note"), self._noted)
        around(Gate, "_submit", self._group, nothing)
        around(OrderLane, "_write", self._writes, self._wrote)
        around(OrderLane, "_tell", self._at("answer arrived"), self._at("answer handed over"))
        around(VenueSession, "_report", self._at("stream report arrived"), nothing)
        reconciling = self._at("before reconciling"), self._at("after reconciling")
        around(VenueSession, "_reconcile", *reconciling)
        around(Settling, "_look", self._at("before a look-up"), self._at("after a look-up"))
        around(LocalPort, "answered", self._at("before the reply"), nothing)
        self._around_opening()

    def _around_opening(self) -> None:
        """What syncs the log is handed in there."""
        opened = Journal.open

        def open_journal(*arguments: Any, **named: Any) -> Journal:
            flush = named.get("flush", os.fdatasync)

            def flushed(descriptor: int) -> None:
                self.reach("before sync")
                flush(descriptor)
                self.reach("after sync")

            journal = opened(*arguments, **{**named, "flush": flushed})
            self.reach("after opening")
            return journal

        Journal.open = open_journal  # type: ignore[method-assign]

    def _at(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: self.reach(name)

    # commits

    def _begins(self, *_: object) -> None:
        self._kinds.clear()
        self._facts.clear()

    def _before_append(self, _journal: Journal, _tx: object, facts: Sequence[Fact]) -> None:
        self._facts.extend(facts)
        self._kinds.update(map(_kind_of, facts))

    def _before_commit(self, *_: object) -> None:
        for kind in COMMITS:
            if kind in self._kinds:
                self.reach(f"before {kind} commit")

    def _after_commit(self, journal: Journal, *_: object) -> None:
        if self._facts:
            ((last,),) = journal.execute("SELECT MAX(seq) FROM facts").fetchall()
            self._told({"upto": last, "facts": [*self._facts]})
        for kind in COMMITS:
            if kind in self._kinds:
                self.reach(f"after {kind} commit")

    def _noted(self, _outbox: Outbox, notes: Sequence[Any]) -> None:
        self._told({"noted": [note.alert_id for note in notes]})
        self.reach("after delivery note")

    # orders

    def _group(self, *_: object) -> None:
        self._leg = 0

    def _writes(self, *_: object) -> None:
        self._leg += 1
        self.reach(f"before leg {self._leg} write")

    def _wrote(self, _lane: OrderLane, order: Any) -> None:
        self._told({"written": order.client_order_id})
        self.reach(f"after leg {self._leg} write")


def _kind_of(fact: Fact) -> str:
    if isinstance(fact, OrdersApproved):
        return APPROVAL
    if isinstance(fact, OrderMoved | FillBooked):
        return REPORT
    if isinstance(fact, AuthorityChanged | EntriesPaused | EntriesResumed):
        return COMMAND
    return OTHER


def nothing(*_: object, **__: object) -> None:
    """Nothing happens on this side."""


def around(owner: type, name: str, before: Callable[..., None], after: Callable[..., None]) -> None:
    """Call ``before`` and ``after`` with the arguments of every call that does not raise."""
    wrapped = getattr(owner, name)

    @functools.wraps(wrapped)
    def call(*arguments: Any, **named: Any) -> Any:
        before(*arguments, **named)
        result = wrapped(*arguments, **named)
        after(*arguments, **named)
        return result

    @functools.wraps(wrapped)
    async def call_later(*arguments: Any, **named: Any) -> Any:
        before(*arguments, **named)
        awaited: Awaitable[Any] = wrapped(*arguments, **named)
        result = await awaited
        after(*arguments, **named)
        return result

    setattr(owner, name, call_later if inspect.iscoroutinefunction(wrapped) else call)
