"""The sender: tells what waits in an engine's outbox, one chat, the same for Telegram and the stub.

Telegram accepts, then the store notes it, then the engine's outbox: a crash in between costs one
duplicate at most and never a loss. What comes next is decided in ``stories``, when it may go in
``line``, and ``telling`` carries it out.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from bot.line import SENT_EVERY_S, Clock, Line, NotNow
from bot.memory import Memory
from bot.messenger import Messenger, OutMessage
from bot.pacing import Pace, is_group
from bot.render import Speech
from bot.store import Store
from bot.stories import (
    Repeat,
    SendCritical,
    SendDigest,
    SendInfos,
    SendWarning,
    Step,
    Told,
    View,
    Wait,
    choose,
    is_quiet,
)
from bot.telling import Teller
from trader.port import (
    BotHealth,
    DeliveryNote,
    Language,
    NoteKind,
    PortError,
    Severity,
    StoredAlert,
    TraderPort,
    Waiting,
)
from trader.port.settings import BotSettings

_logger = logging.getLogger("bot.sender")

FETCH = 50
FETCH_MOST = 5_000
"""More than the outbox keeps singly of infos, so that one digest tells them all."""
MAX_STANDING = 500
"""Of how many conditions that stand the repeating is taken up at a start."""
REPORT_EVERY_S = 30.0
UNDER_WAY_S = 1.0
SAY_WITHIN_S = 5.0
"""How long what is no alert waits for its turn."""
LOOK_GAP_S = 0.05
"""Between two looks with nothing to do, so that a storm of news does not eat the engine's time."""

_NS_PER_S = 1_000_000_000
_MAX_TRIED = 10_000
_SENT_SHARE = 0.4
_RETRY_S = (0.2, 1.0, 5.0, 15.0)


class Sender:
    """Sends alerts until cancelled; outlives every error of messenger, store and port.

    ``paced`` False is for the stub: no pace, no gathering, no health reports. ``pace`` may be given
    to share it with others who write to the same chat.
    """

    def __init__(
        self,
        port: TraderPort,
        messenger: Messenger,
        store: Store,
        settings: BotSettings,
        clock: Clock,
        *,
        paced: bool = True,
        pace: Pace | None = None,
        instance: str = "",
        is_muted: Callable[[str, int, Severity], bool] = lambda *_: False,
    ) -> None:
        """``instance`` marks the buttons, once somebody answers them. ``is_muted`` says of a kind,
        at a time (UTC ns) and of a severity, whether its messages make no sound.

        Raises:
            ZoneInfoNotFoundError: the settings name no time zone.
        """
        self._port = port
        self._settings = settings
        self._engine = settings.engine
        self._clock = clock
        self._paced = paced
        if paced and pace is None:
            pace = Pace(is_group=is_group(settings.chat_id))
        # Often enough that a chat with nothing to tell does not count as out of reach.
        every_s = min(SENT_EVERY_S, settings.unreachable_minutes * 60 * _SENT_SHARE)
        self._line = Line(messenger, clock, settings.timeout_s, pace if paced else None, every_s)
        self._memory = Memory(store, settings.engine, clock)
        self._zone = ZoneInfo(settings.zone)
        speech = Speech(settings.language or Language.EN, self._zone, instance)
        self._teller = Teller(port, settings.engine, self._line, self._memory, clock, speech)
        self._is_muted = is_muted
        self._one_turn = asyncio.Lock()
        self._wake = asyncio.Event()
        self._tried: set[int] = set()
        self._infos_since: int | None = None
        self._reported: tuple[int, tuple[str, bool, bool, bool]] | None = None
        self._retries = 0
        self._is_idle = False
        self._has_resumed = False
        self._total = 0

    @property
    def health(self) -> BotHealth:
        """How the operator is reached."""
        return self._line.health

    @property
    def answered_mono(self) -> int | None:
        """When Telegram last took or answered something, monotonic nanoseconds."""
        return self._line.answered_mono

    def has_told(self, alert_id: int, created_ns: int) -> bool:
        """Whether a message has told this alert, though the engine may not know it yet.

        ``created_ns`` is when it entered the outbox, UTC.
        """
        return alert_id in self._memory.told({alert_id: created_ns})

    def polled(self, at_ns: int, refused: str = "") -> None:
        """Note that polling had an answer at ``at_ns`` (UTC), or why Telegram refuses it."""
        before = self._line.fortune
        self._line.polled(at_ns, refused)
        if self._line.fortune != before:
            self._wake.set()

    async def run(self) -> None:
        """Send what waits, until cancelled. A message under way is still noted when it ends."""
        while True:
            # Shielded, so that a message which Telegram takes just now is not told again later.
            wait_s = await asyncio.shield(asyncio.ensure_future(self._turn()))
            await self._report()
            if wait_s <= 0:
                await self._clock.sleep(0)
                continue
            began = self._clock.mono_ns()
            await self._news(min(wait_s, REPORT_EVERY_S))
            passed_s = (self._clock.mono_ns() - began) / _NS_PER_S
            await self._clock.sleep(max(min(wait_s, LOOK_GAP_S) - passed_s, 0))

    async def drain(self, timeout_s: float) -> int:
        """Send what waits for ``timeout_s`` at most; returns how many alerts still wait.

        Gathers nothing and gives up at the first failure: what is left waits for the next start.
        A message under way when time is up has ``UNDER_WAY_S`` more to be taken and noted.
        """
        deadline = self._clock.mono_ns() + int(timeout_s * _NS_PER_S)
        turn: asyncio.Future[float] | None = None
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    turn = asyncio.ensure_future(self._turn(hurry=True))
                    wait_s = await asyncio.shield(turn)
                    has_failed = self._retries > 0 or (wait_s > 0 and self._line.is_failing)
                    too_long = self._clock.mono_ns() + int(wait_s * _NS_PER_S) > deadline
                    if self._is_idle or has_failed or too_long:
                        break
                    await self._clock.sleep(wait_s)
        except TimeoutError:
            if turn is not None and not turn.done():
                await asyncio.wait((turn,), timeout=UNDER_WAY_S)
        with contextlib.suppress(PortError):
            self._total = (await self._port.alerts(1, self._engine)).total
        return self._total

    async def say(self, message: OutMessage, png: bytes | None = None) -> int:
        """Send what is no alert, under ``png`` where there is one; returns the message's id.

        Waits for its turn, but not for a line that is down.

        Raises:
            NotNow: nothing goes at the moment; nothing is tried again in here.
            Unsendable: this message does not go.
        """
        while True:
            async with self._one_turn:
                ready, now = self._line.ready_ns(critical=False), self._clock.mono_ns()
                if ready is None:
                    raise NotNow(self._line.health.refused)
                wait_s = (ready - now) / _NS_PER_S
                if wait_s <= 0:
                    if png is None:
                        return await self._line.send(message)
                    return await self._line.show(png, message)
            if wait_s > SAY_WITHIN_S:
                raise NotNow(f"nothing may be sent for {wait_s:.0f} s")
            await self._clock.sleep(wait_s)

    async def seen(self, alert_id: int, by: str) -> bool:
        """Note that a person acknowledged an alert; True if that ends its repeating.

        Raises:
            PortError: the engine could not note it; the repeating ends all the same.
        """
        story = self._memory.story_of(alert_id)
        now_ns = self._clock.now_ns()
        ends = story is not None and story.repeatable
        if story is not None and story.seen_ns is None:
            self._memory.keep(replace(story, seen_ns=now_ns, seen_by=by, dirty=True))
            self._wake.set()
        note = DeliveryNote(alert_id, NoteKind.SEEN, now_ns, by=by)
        await self._port.acknowledge([note], self._engine)
        return ends

    async def _news(self, timeout_s: float) -> None:
        news = asyncio.ensure_future(self._port.news(timeout_s, self._engine))
        woken = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait((news, woken), return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
            if not news.done():
                news.cancel()
        self._wake.clear()
        if not news.cancelled() and news.done() and news.exception() is not None:
            # Not at once again, for whatever keeps the news away may do so for long.
            await self._clock.sleep(min(timeout_s, _RETRY_S[1]))

    async def _report(self) -> None:
        if not self._paced:
            return
        now, fortune = self._clock.mono_ns(), self._line.fortune
        if self._reported is not None:
            at, told = self._reported
            if told == fortune and now - at < int(REPORT_EVERY_S * _NS_PER_S):
                return
        try:
            await self._port.report(self._line.health, self._engine)
        except PortError as error:
            _logger.debug("Telegram: the engine did not take the report: %s", error)
        self._reported = (now, fortune)

    async def _turn(self, *, hurry: bool = False) -> float:
        """Do the most urgent thing; returns for how many seconds there is nothing to do."""
        async with self._one_turn:
            try:
                wait_s = await self._work(hurry=hurry)
            except PortError as error:
                reason: Exception = error
            except Exception as error:  # The task's outer edge: alerts go on whatever happens.
                _logger.exception("Telegram: the sender stumbled")
                reason = error
            else:
                self._retries = 0
                return wait_s
            retry_s = _RETRY_S[min(self._retries, len(_RETRY_S) - 1)]
            if self._retries == 0:
                _logger.warning("Telegram: the outbox cannot be worked off: %s", reason)
            self._retries += 1
            return retry_s

    async def _work(self, *, hurry: bool) -> float:
        self._is_idle = False
        # Here and below the time is read last: what is due now must not seem to lie ahead.
        probe_at = self._line.probe_due_ns()
        is_refused = self._line.ready_ns(critical=True) is None
        now = self._clock.mono_ns()
        # First of all, and after a refusal, hear whether Telegram will have us at all.
        if is_refused or self._line.answered_mono is None:
            if probe_at is not None and probe_at <= now:
                await self._line.probe()
                return 0
            if is_refused:
                self._is_idle = True
                return REPORT_EVERY_S if probe_at is None else (probe_at - now) / _NS_PER_S
        soonest = self._line.ready_ns(critical=True, untried=True)
        now = self._clock.mono_ns()
        if soonest is not None and soonest > now:
            return (soonest - now) / _NS_PER_S

        quiet = is_quiet(self._clock.now_ns(), self._settings.quiet_hours, self._zone)
        step = await self._next(hurry=hurry, quiet=quiet)
        if isinstance(step, Wait):
            return await self._rest(step, probe_at, hurry=hurry)
        is_urgent = isinstance(step, SendCritical | Repeat)
        is_untried = isinstance(step, SendCritical) and step.row.id not in self._tried
        ready = self._line.ready_ns(critical=is_urgent, untried=is_untried)
        now = self._clock.mono_ns()
        if ready is None or ready > now:
            return REPORT_EVERY_S if ready is None else (ready - now) / _NS_PER_S
        if isinstance(step, SendCritical):
            if len(self._tried) >= _MAX_TRIED:
                self._tried.clear()
            self._tried.add(step.row.id)
        if isinstance(step, SendWarning):
            alert = step.row.alert
            is_muted = self._is_muted(alert.code, self._clock.now_ns(), alert.severity)
            step = replace(step, silent=step.silent or is_muted)
        await self._teller.tell(step, quiet=quiet)
        return 0

    async def _rest(self, step: Wait, probe_at: int | None, *, hurry: bool) -> float:
        now = self._clock.mono_ns()
        self._is_idle = True
        if probe_at is not None and probe_at <= now and not hurry:
            await self._line.probe()
            return 0
        until = [at for at in (step.until_mono, probe_at) if at is not None]
        return max((min(until) - now) / _NS_PER_S, LOOK_GAP_S) if until else REPORT_EVERY_S

    async def _next(self, *, hurry: bool, quiet: bool) -> Step:
        """What to do now; looks at all that waits only where the first few do not decide it."""
        waiting = await self._port.alerts(FETCH, self._engine)
        step, conditions = await self._choose(waiting, hurry=hurry, quiet=quiet)
        is_last = isinstance(step, SendInfos | SendDigest | Wait)
        if is_last and waiting.total > len(waiting.alerts):
            waiting = await self._port.alerts(FETCH_MOST, self._engine)
            step, conditions = await self._choose(waiting, hurry=hurry, quiet=quiet)
        self._total = waiting.total
        if isinstance(step, Wait) and waiting.total <= len(waiting.alerts):
            self._forget(waiting, conditions)
        return step

    async def _choose(
        self, waiting: Waiting, *, hurry: bool, quiet: bool
    ) -> tuple[Step, frozenset[str]]:
        self._memory.look(waiting)
        if not self._has_resumed:
            self._memory.resume(await self._port.standing(MAX_STANDING, self._engine))
            self._has_resumed = True
        told = self._memory.told({row.id: row.created_ns for row in waiting.alerts})
        await self._settle(waiting, told)
        folded = await self._memory.settle_folded(waiting.folded, self._port)
        rows = tuple(row for row in waiting.alerts if not _is_told(row, told.get(row.id)))
        conditions = await self._port.conditions(self._engine)
        mono_ns = self._clock.mono_ns()
        if not folded and all(row.alert.severity is not Severity.INFO for row in rows):
            self._infos_since = None
        elif self._infos_since is None:
            self._infos_since = mono_ns
        view = View(
            rows,
            self._clock.now_ns(),
            mono_ns,
            folded,
            told,
            self._memory.stories,
            conditions,
            self._teller.troubled,
            self._infos_since if self._paced else None,
            quiet,
            hurry,
        )
        return choose(view), conditions

    async def _settle(self, waiting: Waiting, told: Mapping[int, Told]) -> None:
        """Tell the engine again what it does not know was told: a crash lies between."""
        lost = {
            row.id: told[row.id]
            for row in waiting.alerts
            if _is_told(row, told.get(row.id)) and self._memory.may_tell_again(row.id)
        }
        if lost:
            await self._teller.acknowledge(lost)

    def _forget(self, waiting: Waiting, conditions: frozenset[str]) -> None:
        ids = {row.id for row in waiting.alerts}
        self._teller.forget(ids)
        self._tried &= ids
        self._memory.forget_finished({row.alert.key for row in waiting.alerts}, conditions)


def _is_told(row: StoredAlert, told: Told | None) -> bool:
    """Whether nothing of the alert is left to tell."""
    if told is None:
        return False
    return told.count >= row.count and (told.over or row.over_ns is None)
