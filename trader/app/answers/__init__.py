"""Answers to what the bot and the host ask of a running engine; see ``trader.domain.answers``."""

from trader.app.answers.archive import Archive
from trader.app.answers.around import AroundAnswers
from trader.app.answers.ground import AnswerGround
from trader.app.answers.journaled import PastAnswers
from trader.app.answers.now import NowAnswers
from trader.app.answers.recall import Recall
from trader.app.answers.spread import Spreads
from trader.app.prospects import Prospects
from trader.domain.delivery import BotHealth
from trader.port.local import Questions
from trader.runtime import Listener

__all__ = ["AnswerGround", "Answers"]


class Answers:
    """Every question of ``trader.domain.answers`` but ``metrics``, ``guards`` and ``summary``.

    ``listeners`` belong to the runtime's; ``heard`` takes what the bot reports of itself.
    """

    def __init__(self, ground: AnswerGround) -> None:
        """Nothing is opened yet.

        Raises:
            ConfigError: the strategy cannot be constructed once more.
        """
        state, settings = ground.state, ground.settings
        self._archive = Archive(ground.journal)
        recall = Recall()
        spreads = Spreads(
            state, Prospects(settings, state.instruments), settings.strategy.min_profit_pct
        )
        self._around = AroundAnswers(ground, self._archive)
        self._parts = (
            NowAnswers(ground, self._archive, recall, spreads),
            PastAnswers(ground, self._archive, spreads),
            self._around,
        )
        self.listeners: tuple[Listener, ...] = (recall, spreads)

    def questions(self) -> Questions:
        """What can be asked, by name, for the port."""
        return {
            str(name): answer for part in self._parts for name, answer in part.questions().items()
        }

    def heard(self, health: BotHealth) -> None:
        """Take in how the bot fares."""
        self._around.bot = health

    def close(self) -> None:
        """Let go of the journal; what is asked later is refused."""
        self._archive.close()
