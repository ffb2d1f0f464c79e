"""The views that are pages: what to ask the engine for each, and what its arguments may be.

A view that is a picture, or says what it says in several ways, is in ``bot.queries``.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bot.audit import Audit, AuditLine
from bot.control_memory import ControlMemory, MemoryFailed
from bot.pages import (
    Caller,
    Page,
    View,
    alerts_page,
    audit_page,
    balance_page,
    config_page,
    guards_of,
    guards_page,
    health_page,
    help_page,
    live_page,
    logs_page,
    metrics_page,
    orders_page,
    pnl_page,
    positions_page,
    spread_page,
    start_page,
    status_page,
    trades_page,
    version_page,
    whoami_page,
    why_page,
)
from bot.pages.decided import told
from bot.query_words import say
from bot.schedule import Answers
from trader.port import (
    MAX_ROWS,
    ActLine,
    AlertsAnswer,
    AuditAnswer,
    BalanceAnswer,
    Effective,
    HealthAnswer,
    Language,
    OrdersAnswer,
    PnlAnswer,
    PortError,
    PositionsAnswer,
    Question,
    SpreadAnswer,
    StatusAnswer,
    TextAnswer,
    TradesAnswer,
    VersionAnswer,
    WhyAnswer,
)

MAX_ID_CHARS = 64
PNL_SPANS = ("1d", "7d", "30d")
_SOME_ACTS = 10
_MAX_PARTS = 20
T = TypeVar("T")


class NotAllowed(Exception):
    """An argument does not fit; the text is what is allowed."""


class Wanted(Struct, frozen=True):
    """A view as somebody asked for it. Times, zone and language are those of ``view``."""

    view: View
    caller: Caller
    args: tuple[str, ...] = ()

    def count(self, most: int = MAX_ROWS) -> Mapping[str, object]:
        """How many lines are asked for, as an argument of the question; empty for the usual.

        Raises:
            NotAllowed: it is no whole number from 1 to ``most``.
        """
        if not self.args:
            return {}
        (text, *others) = self.args
        is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(most))
        if others or not is_number or not 1 <= int(text) <= most:
            raise NotAllowed(say(self.view.language, "allowed.count", most=most))
        return {"limit": int(text)}

    def choice(self, name: str, *allowed: str) -> Mapping[str, object]:
        """One of a few words, as an argument called ``name``; empty where there is none.

        Raises:
            NotAllowed: it is none of them, or there is more.
        """
        if not self.args:
            return {}
        word = self.args[0].lower()
        if len(self.args) > 1 or word not in allowed:
            raise NotAllowed(", ".join(allowed))
        return {name: word}

    def id(self) -> Mapping[str, object]:
        """An id, as an argument; empty where there is none.

        Raises:
            NotAllowed: it is too long, or there is more.
        """
        if not self.args:
            return {}
        if len(self.args) > 1 or len(self.args[0]) > MAX_ID_CHARS:
            raise NotAllowed(say(self.view.language, "allowed.id", most=MAX_ID_CHARS))
        return {"id": self.args[0]}


Make = Callable[[Wanted], Awaitable[Page]]


class Asking:
    """Asks one engine, and reads its answers strictly."""

    def __init__(self, port: Answers, engine: str) -> None:
        self._port = port
        self._engine = engine

    async def ask(self, question: Question, kind: type[T], arguments: Mapping[str, object]) -> T:
        """The answer to a question.

        Raises:
            PortTimeout, PortError: there is none.
            msgspec.ValidationError: it cannot be read.
        """
        return msgspec.convert(await self.figures(question, arguments), kind)

    async def figures(
        self, question: Question, arguments: Mapping[str, object]
    ) -> Mapping[str, object]:
        """The answer as it came.

        Raises:
            PortTimeout, PortError: there is none.
        """
        return await self._port.ask(question.value, self._engine, arguments)

    async def status(self) -> StatusAnswer:
        """How the engine stands.

        Raises:
            PortTimeout, PortError, msgspec.ValidationError: as ``ask``.
        """
        return await self.ask(Question.STATUS, StatusAnswer, {})

    async def effective(self) -> Effective | None:
        """The state of the engine in one word; None where it does not say."""
        try:
            return (await self.status()).effective
        except (PortError, msgspec.ValidationError):
            return None


class Views:
    """Every view that is a page. A page may fail as ``Asking.ask`` does, or with NotAllowed."""

    def __init__(self, asking: Asking, memory: ControlMemory, audit: Audit) -> None:
        self._asking = asking
        self._memory = memory
        self._audit = audit

    def makers(self) -> Mapping[str, Make]:
        """Who makes the page of each command."""
        return {
            "status": self._status,
            "metrics": self._metrics,
            "guards": self._guards,
            "why": self._why,
            "spread": self._spread,
            "positions": partial(self._of, Question.POSITIONS, PositionsAnswer, positions_page),
            "orders": partial(self._of, Question.ORDERS, OrdersAnswer, orders_page),
            "trades": self._trades,
            "balance": partial(self._of, Question.BALANCE, BalanceAnswer, balance_page),
            "pnl": self._pnl,
            "alerts": self._alerts,
            "logs": self._logs,
            "config": self._config,
            "audit": self._acts,
            "health": partial(self._of, Question.HEALTH, HealthAnswer, health_page),
            "version": partial(self._of, Question.VERSION, VersionAnswer, version_page),
            "whoami": self._whoami,
            "help": self._help,
            "start": self._start,
            "live": self._live,
        }

    async def _of(
        self, question: Question, kind: type[T], page: Callable[[T, View], Page], wanted: Wanted
    ) -> Page:
        """A view without arguments."""
        return page(await self._asking.ask(question, kind, {}), await self._seen(wanted))

    async def _status(self, wanted: Wanted) -> Page:
        return status_page(await self._asking.status(), wanted.view)

    async def _metrics(self, wanted: Wanted) -> Page:
        figures = await self._asking.figures(Question.METRICS, {})
        return metrics_page(figures, await self._seen(wanted))

    async def _guards(self, wanted: Wanted) -> Page:
        guards = guards_of(await self._asking.figures(Question.GUARDS, {}))
        view = wanted.view if guards.effective is not None else await self._seen(wanted)
        return guards_page(guards, view)

    async def _why(self, wanted: Wanted) -> Page:
        answer = await self._asking.ask(Question.WHY, WhyAnswer, wanted.id())
        return why_page(answer, await self._seen(wanted))

    async def _spread(self, wanted: Wanted) -> Page:
        answer = await self._asking.ask(Question.SPREAD, SpreadAnswer, {})
        if wanted.args:
            # Chosen here and not by the engine: so one line can say which pairs there are.
            asked = " ".join(wanted.args).casefold()
            lines = tuple(one for one in answer.lines if one.pair.casefold() == asked)
            if not lines:
                raise NotAllowed(", ".join(dict.fromkeys(one.pair for one in answer.lines)))
            answer = replace(answer, lines=lines)
        return spread_page(answer, await self._seen(wanted))

    async def _trades(self, wanted: Wanted) -> Page:
        answer = await self._asking.ask(Question.TRADES, TradesAnswer, wanted.count())
        return trades_page(answer, await self._seen(wanted))

    async def _pnl(self, wanted: Wanted) -> Page:
        span = wanted.choice("span", *PNL_SPANS)
        answer = await self._asking.ask(Question.PNL, PnlAnswer, span)
        return pnl_page(answer, await self._seen(wanted))

    async def _alerts(self, wanted: Wanted) -> Page:
        asked = {**wanted.count(), "language": wanted.view.language.value}
        answer = await self._asking.ask(Question.ALERTS, AlertsAnswer, asked)
        return alerts_page(answer, await self._seen(wanted))

    async def _logs(self, wanted: Wanted) -> Page:
        answer = await self._asking.ask(Question.LOGS, TextAnswer, wanted.count())
        return logs_page(answer, await self._seen(wanted))

    async def _config(self, wanted: Wanted) -> Page:
        """Every setting, or those of one section; the engine gives them part by part."""
        section = {"section": wanted.args[0]} if wanted.args else {}
        answer = await self._asking.ask(Question.CONFIG, TextAnswer, section)
        for _ in range(_MAX_PARTS):
            if not answer.more:
                break
            after = {**section, "after": len(answer.lines)}
            part = await self._asking.ask(Question.CONFIG, TextAnswer, after)
            answer = replace(answer, lines=answer.lines + part.lines, more=part.more)
        return config_page(answer, await self._seen(wanted))

    async def _acts(self, wanted: Wanted) -> Page:
        """The engine's record beside the chat's own, whose chain is looked through whole."""
        limit = wanted.count()
        answer = await self._asking.ask(Question.AUDIT, AuditAnswer, limit)
        view = await self._seen(wanted)
        most = limit.get("limit", _SOME_ACTS)
        assert isinstance(most, int)
        try:
            # In a thread of its own: a long chain must not keep commands from being noted.
            flaw = await asyncio.to_thread(self._audit.verify)
            lines = await self._memory.apart(lambda: self._audit.recent(most))
            head = await self._memory.apart(self._audit.head)
        except MemoryFailed as error:
            unread = say(wanted.view.language, "audit.unread", why=error)
            return audit_page(answer, view, flaw=unread)
        broken = "" if flaw is None else f"{flaw.seq}: {flaw.why}"
        acts = [_act(one, view.language) for one in lines]
        return audit_page(answer, view, acts, head.hash, broken)

    async def _whoami(self, wanted: Wanted) -> Page:
        return whoami_page(wanted.caller, wanted.view)

    async def _help(self, wanted: Wanted) -> Page:
        return help_page(wanted.view)

    async def _start(self, wanted: Wanted) -> Page:
        """Also where no engine answers: whoever greets must find the halt button."""
        try:
            status = await self._asking.status()
        except (PortError, msgspec.ValidationError):
            return start_page(wanted.view)
        return start_page(replace(wanted.view, effective=status.effective), status.origin)

    async def _live(self, wanted: Wanted) -> Page:
        """Always no, also where no engine answers."""
        try:
            status = await self._asking.status()
        except (PortError, msgspec.ValidationError):
            return live_page(wanted.view)
        view = replace(wanted.view, effective=status.effective)
        return live_page(view, status.origin, status.blocks)

    async def _seen(self, wanted: Wanted) -> View:
        """The view, with the state that the first line of every page tells."""
        return replace(wanted.view, effective=await self._asking.effective())


def _act(line: AuditLine, language: Language) -> ActLine:
    """A line of the chat's record as one act: what was decided, and what it changed."""
    change = f"{line.before} → {line.after}" if line.after and line.after != line.before else ""
    reason = ": ".join(part for part in (told(line.decision, language), change) if part)
    return ActLine(line.at_ns, line.who.removeprefix("telegram:"), line.what, reason)
