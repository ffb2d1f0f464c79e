"""Questions about the process and its surroundings: alerts, log, config, health, version."""

import asyncio
import platform
from pathlib import Path

from trader.app.answers.archive import Archive
from trader.app.answers.arguments import Given
from trader.app.answers.ground import AnswerGround, figures
from trader.app.answers.host import (
    alert_line,
    config_lines,
    health_answer,
    last_lines,
    megabytes,
)
from trader.domain.answers import (
    MAX_ROWS,
    Question,
)
from trader.domain.control import Language
from trader.domain.delivery import BotHealth
from trader.domain.host_answers import (
    AlertsAnswer,
    TextAnswer,
    VersionAnswer,
)
from trader.execution.lookups import fact_count
from trader.ops.sensors import disk_free_mb
from trader.port.local import Figures, Questions

_SOME = 10
_SOME_LINES = 20
_MOST_SETTINGS = 10_000


class AroundAnswers:
    """Alerts, log, config, health and version."""

    def __init__(self, ground: AnswerGround, archive: Archive) -> None:
        self._ground = ground
        self._archive = archive
        self._sections = tuple(
            dict.fromkeys(key.partition(".")[0] for key, _ in ground.settings.shown())
        )
        self.bot = BotHealth()
        """How the bot said it fares, last."""

    def questions(self) -> Questions:
        """Every question answered here."""
        return {
            Question.ALERTS: self.alerts,
            Question.LOGS: self.logs,
            Question.CONFIG: self.config,
            Question.HEALTH: self.health,
            Question.VERSION: self.version,
        }

    def alerts(self, arguments: Figures) -> Figures:
        """The newest alerts by their first lines, and the conditions that stand."""
        given = Given(Question.ALERTS, arguments, ("limit", "language"))
        limit = given.whole("limit", _SOME, 1, MAX_ROWS)
        languages = tuple(one.value for one in Language)
        preferred = self._ground.settings.bot.language or Language.EN.value
        language = Language(given.choice("language", languages, preferred))
        shelf = self._ground.alerts
        lines = tuple(alert_line(stored, language) for stored in shelf.recent(limit))
        standing = tuple(sorted(shelf.conditions())[:MAX_ROWS])
        return figures(AlertsAnswer(self._ground.origin(), lines, standing))

    async def logs(self, arguments: Figures) -> Figures:
        """The last lines of the log file, masked."""
        limit = Given(Question.LOGS, arguments, ("limit",)).whole("limit", _SOME_LINES, 1, MAX_ROWS)
        file = Path(self._ground.settings.logging.file)
        lines = await asyncio.to_thread(last_lines, file, limit, self._ground.redact)
        return figures(TextAnswer(self._ground.origin(), lines))

    def config(self, arguments: Figures) -> Figures:
        """Every setting, or those of a section, masked; ``after`` is how many to pass over."""
        given = Given(Question.CONFIG, arguments, ("section", "after"))
        section = given.choice("section", ("", *self._sections), "")
        after = given.whole("after", 0, 0, _MOST_SETTINGS)
        shown = self._ground.settings.shown()
        lines, more = config_lines(shown, section, after, self._ground.redact)
        return figures(TextAnswer(self._ground.origin(), lines, more))

    async def health(self, arguments: Figures) -> Figures:
        """Disk, loop, journal, alerts, and how the bot fares."""
        Given(Question.HEALTH, arguments)
        ground = self._ground
        facts = await self._archive.ask(fact_count)
        size_mb = await asyncio.to_thread(megabytes, ground.journal)
        answer = health_answer(
            ground.origin(),
            ground.engine.snapshot(),
            ground.state,
            ground.cycle(),
            ground.alerts,
            self.bot,
            uptime_s=ground.uptime_s,
            disk_free_mb=disk_free_mb(ground.journal.parent),
            journal_facts=facts,
            journal_mb=size_mb,
            log_lines_lost=ground.log_lines_lost(),
        )
        return figures(answer)

    def version(self, arguments: Figures) -> Figures:
        """What runs, on which Python, since when."""
        Given(Question.VERSION, arguments)
        ground = self._ground
        return figures(
            VersionAnswer(
                ground.origin(), ground.version, platform.python_version(), ground.started_ns
            )
        )
