"""The second way out for criticals that Telegram does not take, and the dead man's switch.

Talks to the network only through :class:`Web`, which ``bot.web`` satisfies.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Protocol
from zoneinfo import ZoneInfo

from bot.line import Clock
from bot.messenger import SendFailed
from trader.port import (
    DeliveryNote,
    Language,
    NoteKind,
    PortError,
    Severity,
    StoredAlert,
    TraderPort,
    moment,
    render,
)
from trader.port.settings import BotSettings

_logger = logging.getLogger("bot.backup")

AFTER_S = 60.0
"""How long Telegram has for a critical before the second way out is taken as well."""
LOOK_EVERY_S = 2.0
DEADMAN_EVERY_S = 60.0
ANSWERED_WITHIN_S = 120.0
MAX_BACKOFF_S = 60.0
MAX_TAKEN = 10_000

_FETCH = 200
_FETCH_MOST = 5_000
_MAX_DOUBLINGS = 6
_NS_PER_S = 1_000_000_000


class Address(Protocol):
    """An address that nobody else needs to see."""

    def reveal(self) -> str:
        """The address itself."""
        ...


class Web(Protocol):
    """Two requests; each raises SendFailed unless it was accepted in time."""

    async def post(self, url: Address, payload: Mapping[str, object], timeout_s: float, /) -> None:
        """POST ``payload`` as JSON."""
        ...

    async def fetch(self, url: Address, timeout_s: float, /) -> None:
        """Visit an address."""
        ...


class Ways(Protocol):
    """What of the first way out must be known; the sender is it."""

    @property
    def answered_mono(self) -> int | None:
        """When Telegram last took or answered something, monotonic nanoseconds."""
        ...

    def has_told(self, alert_id: int, created_ns: int) -> bool:
        """Whether a message has told this alert, which entered the outbox at ``created_ns``."""
        ...


class Backup:
    """Both loops; an address that is not set costs nothing."""

    def __init__(
        self, port: TraderPort, web: Web, sender: Ways, settings: BotSettings, clock: Clock
    ) -> None:
        self._port = port
        self._web = web
        self._sender = sender
        self._settings = settings
        self._clock = clock
        self._zone = ZoneInfo(settings.zone)
        self._since: dict[int, int] = {}
        self._taken: dict[int, bool] = {}
        self._failures = 0
        self._retry_mono = 0
        self._visits_fail = False
        self._has_said = False

    async def run(self) -> None:
        """Both ways, until cancelled; outlives every error of theirs."""
        async with asyncio.TaskGroup() as tasks:
            if self._settings.webhook_url:
                tasks.create_task(self._each(LOOK_EVERY_S, "webhook"))
            if self._settings.deadman_url and not self._settings.speaks:
                self._say_unwatched()
            elif self._settings.deadman_url:
                tasks.create_task(self._each(DEADMAN_EVERY_S, "deadman"))

    async def _each(self, every_s: float, way: str) -> None:
        while True:
            try:
                await (self.look() if way == "webhook" else self.visit())
            except PortError as error:
                _logger.debug("second way out: the engine does not answer: %s", error)
            except Exception:  # The task's outer edge: the way out stays open whatever happens.
                _logger.exception("second way out: stumbled")
            await self._clock.sleep(every_s)

    def _say_unwatched(self) -> None:
        if not self._has_said:
            _logger.warning(
                "dead man's switch: not visited, as it watches Telegram, which is not set up"
            )
        self._has_said = True

    async def look(self) -> None:
        """Post each critical that has waited too long, until one is not accepted.

        Raises:
            PortError: the engine does not answer.
        """
        engine = self._settings.engine
        criticals = await self._criticals()
        now_ns, mono_ns = self._clock.now_ns(), self._clock.mono_ns()
        self._since = {row.id: self._since.get(row.id, mono_ns) for row in criticals}
        known = [row.id for row in criticals if row.id in self._taken]
        if known:
            # Accepted before, but the engine could not note it then.
            notes = [DeliveryNote(one, NoteKind.BACKUP, now_ns) for one in known]
            await self._port.acknowledge(notes, engine)
        for row in criticals:
            mono_ns = self._clock.mono_ns()
            if mono_ns < self._retry_mono:
                return
            if row.id in self._taken or not self._is_due(row, mono_ns):
                continue
            if not await self._posted(row):
                return
            self._taken[row.id] = True
            while len(self._taken) > MAX_TAKEN:
                del self._taken[next(iter(self._taken))]
            note = DeliveryNote(row.id, NoteKind.BACKUP, self._clock.now_ns())
            await self._port.acknowledge([note], engine)

    async def visit(self) -> None:
        """Visit the dead man's switch if the engine answers and Telegram did lately.

        Raises:
            PortError: the engine does not answer.
        """
        answered = self._sender.answered_mono
        within_ns = int(ANSWERED_WITHIN_S * _NS_PER_S)
        if answered is None or self._clock.mono_ns() - answered > within_ns:
            return
        await self._port.conditions(self._settings.engine)
        try:
            await self._web.fetch(self._settings.deadman_url, self._settings.timeout_s)
        except SendFailed as failure:
            if not self._visits_fail:
                _logger.warning("dead man's switch: not reached: %s", failure.reason)
            self._visits_fail = True
        else:
            if self._visits_fail:
                _logger.info("dead man's switch: reached again")
            self._visits_fail = False

    async def _criticals(self) -> Sequence[StoredAlert]:
        criticals = await self._fetched(_FETCH)
        if len(criticals) >= _FETCH:
            # Those that were posted already may hide the others.
            criticals = await self._fetched(_FETCH_MOST)
        return [row for row in criticals if row.backup_ns is None]

    async def _fetched(self, most: int) -> Sequence[StoredAlert]:
        rows = (await self._port.alerts(most, self._settings.engine)).alerts
        return [row for row in rows if row.alert.severity is Severity.CRITICAL]

    def _is_due(self, row: StoredAlert, mono_ns: int) -> bool:
        after_ns = int(AFTER_S * _NS_PER_S)
        waited_ns = self._clock.now_ns() - row.created_ns
        # By our own clock as well, for the wall clock may have stepped back since.
        is_old = waited_ns >= after_ns or mono_ns - self._since.get(row.id, mono_ns) >= after_ns
        return is_old and not self._sender.has_told(row.id, row.created_ns)

    async def _posted(self, row: StoredAlert) -> bool:
        try:
            await self._web.post(
                self._settings.webhook_url, self._payload(row), self._settings.timeout_s
            )
        except SendFailed as failure:
            self._failures += 1
            wait_s = min(2.0 ** min(self._failures - 1, _MAX_DOUBLINGS), MAX_BACKOFF_S)
            self._retry_mono = self._clock.mono_ns() + int(wait_s * _NS_PER_S)
            level = logging.WARNING if self._failures == 1 else logging.DEBUG
            _logger.log(level, "second way out: alert %d not taken: %s", row.id, failure.reason)
            return False
        if self._failures:
            _logger.info("second way out: works again after %d failures", self._failures)
        self._failures = 0
        _logger.warning("second way out: took alert %d (%s)", row.id, row.alert.code)
        return True

    def _payload(self, row: StoredAlert) -> Mapping[str, object]:
        alert = row.alert
        text = render(alert, self._settings.language or Language.EN, self._zone)
        return {
            "engine": self._settings.engine,
            "id": row.id,
            "code": str(alert.code),
            "severity": str(alert.severity),
            "key": alert.key,
            "at": moment(alert.at_ns, self._zone),
            "at_ns": alert.at_ns,
            "title": text.splitlines()[0],
            "text": text,
            "fields": dict(alert.fields),
        }
