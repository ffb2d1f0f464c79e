"""The hatch: all that a bot or a host command may see of an engine. The protocol; no I/O here."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from trader.domain.answers import (
    MAX_ROWS,
    BalanceAnswer,
    BalanceLine,
    ChartAnswer,
    ChartLine,
    Effective,
    FeedLine,
    ImpactAnswer,
    ImpactLeg,
    ImpactLine,
    LedgerLine,
    LegLine,
    OrderLine,
    OrdersAnswer,
    Origin,
    PauseView,
    PnlAnswer,
    PnlLine,
    PositionLine,
    PositionsAnswer,
    Question,
    SpreadAnswer,
    SpreadLine,
    StatusAnswer,
    TradeLine,
    TradesAnswer,
    Transfer,
    WhyAnswer,
)
from trader.domain.control import (
    Accept,
    Alert,
    AlertCode,
    BlockReason,
    CheckName,
    CloseTrade,
    Command,
    Flatten,
    Halt,
    Language,
    LiftHalt,
    Mode,
    Pause,
    Reply,
    ReplyCode,
    Resume,
    Severity,
    ToPaper,
)
from trader.domain.decision import CheckResult, Decision, QuoteSeen
from trader.domain.delivery import (
    URGENT,
    BotHealth,
    DeliveryNote,
    Folded,
    NoteKind,
    OutboxCounts,
    StoredAlert,
    Waiting,
)
from trader.domain.errors import CommandExpired, PortError, PortTimeout
from trader.domain.facts import BreakerCode
from trader.domain.host_answers import (
    ActLine,
    AlertLine,
    AlertsAnswer,
    AuditAnswer,
    HealthAnswer,
    TextAnswer,
    VersionAnswer,
)
from trader.domain.order import LedgerName, OrderState, Purpose, Side
from trader.domain.summary import (
    AlertFigures,
    BreakerNote,
    Care,
    CareCode,
    CommandNote,
    FeedFigures,
    LedgerNow,
    LedgerSpan,
    LedgerSummary,
    LoopFigures,
    RefusalFigures,
    SummaryFigures,
    TradeResult,
)
from trader.texts import (
    BREAKER_UNITS,
    CHECK_UNITS,
    SEOUL,
    UNKNOWN,
    Unit,
    explain_block,
    explain_breaker,
    explain_check,
    moment,
    number,
    percent,
    quantity,
    render,
    sample,
    span,
    won,
    words_of,
)
from trader.texts.reasons_gate import name_block
from trader.texts.replies import explain_reply

__all__ = [
    "BREAKER_UNITS",
    "CHECK_UNITS",
    "MAX_ROWS",
    "SEOUL",
    "UNKNOWN",
    "URGENT",
    "Accept",
    "ActLine",
    "Alert",
    "AlertCode",
    "AlertFigures",
    "AlertLine",
    "AlertsAnswer",
    "AuditAnswer",
    "BalanceAnswer",
    "BalanceLine",
    "BlockReason",
    "BotHealth",
    "BreakerCode",
    "BreakerNote",
    "Care",
    "CareCode",
    "ChartAnswer",
    "ChartLine",
    "CheckName",
    "CheckResult",
    "CloseTrade",
    "Command",
    "CommandExpired",
    "CommandNote",
    "Decision",
    "DeliveryNote",
    "Effective",
    "FeedFigures",
    "FeedLine",
    "Flatten",
    "Folded",
    "Halt",
    "HealthAnswer",
    "ImpactAnswer",
    "ImpactLeg",
    "ImpactLine",
    "Language",
    "LedgerLine",
    "LedgerName",
    "LedgerNow",
    "LedgerSpan",
    "LedgerSummary",
    "LegLine",
    "LiftHalt",
    "LoopFigures",
    "Mode",
    "NoteKind",
    "OrderLine",
    "OrderState",
    "OrdersAnswer",
    "Origin",
    "OutboxCounts",
    "Pause",
    "PauseView",
    "PnlAnswer",
    "PnlLine",
    "PortError",
    "PortTimeout",
    "PositionLine",
    "PositionsAnswer",
    "Purpose",
    "Question",
    "QuoteSeen",
    "RefusalFigures",
    "Reply",
    "ReplyCode",
    "Resume",
    "Severity",
    "Side",
    "SpreadAnswer",
    "SpreadLine",
    "StatusAnswer",
    "StoredAlert",
    "SummaryFigures",
    "TextAnswer",
    "ToPaper",
    "TradeLine",
    "TradeResult",
    "TraderPort",
    "TradesAnswer",
    "Transfer",
    "Unit",
    "VersionAnswer",
    "Waiting",
    "WhyAnswer",
    "explain_block",
    "explain_breaker",
    "explain_check",
    "explain_reply",
    "moment",
    "name_block",
    "number",
    "percent",
    "quantity",
    "render",
    "sample",
    "span",
    "won",
    "words_of",
]

NO_ARGUMENTS: Mapping[str, object] = {}


class TraderPort(Protocol):
    """One way in for everyone who watches or steers.

    ``to`` names an engine; empty means the only one. Every method may raise PortTimeout where no
    answer came in time, and PortError where the engine is not known or does not answer.
    """

    async def engines(self) -> tuple[str, ...]:
        """The engines that can be reached."""
        ...

    async def command(
        self,
        command: Command,
        to: str = "",
        id: str = "",  # noqa: A002 - what events and replies call it
    ) -> Reply:
        """Give a command and wait for what it led to, durable and read back.

        ``id`` names it, by chat and message for one; without it one is made up. A command that
        comes twice is harmless, and each who waits for it is answered.

        Raises:
            PortTimeout: no answer came in time; nothing is known of the effect.
        """
        ...

    async def ask(
        self, question: str, to: str = "", arguments: Mapping[str, object] = NO_ARGUMENTS
    ) -> Mapping[str, object]:
        """Ask for figures, such as ``guards`` or ``status``; the answer is JSON at heart.

        Raises:
            PortTimeout: no answer came in time.
            PortError: the engine does not know the question.
        """
        ...

    async def alerts(self, most: int, to: str = "") -> Waiting:
        """What waits to be told: criticals, then clearings, warnings and infos, each by age."""
        ...

    async def news(self, timeout_s: float, to: str = "") -> None:
        """Return once alerts were committed since the last call, or after ``timeout_s``."""
        ...

    async def acknowledge(self, notes: Sequence[DeliveryNote], to: str = "") -> None:
        """Note what became of alerts; on disk when it returns."""
        ...

    async def folded_told(self, folded: Sequence[Folded], to: str = "") -> None:
        """Note that these folded infos were told in a digest; on disk when it returns."""
        ...

    async def conditions(self, to: str = "") -> frozenset[str]:
        """Keys of the lasting conditions that stand."""
        ...

    async def standing(self, most: int, to: str = "") -> tuple[StoredAlert, ...]:
        """Of conditions that stand, the newest critical that was told and nobody has seen."""
        ...

    async def report(self, health: BotHealth, to: str = "") -> None:
        """Tell the engine whether its operator can be reached."""
        ...
