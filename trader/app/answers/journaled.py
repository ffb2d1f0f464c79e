"""Questions about what was: answered from the journal, in a thread."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from trader.app.answers import past
from trader.app.answers.archive import Archive
from trader.app.answers.arguments import Given
from trader.app.answers.ground import AnswerGround, figures
from trader.app.answers.spread import Spreads
from trader.app.answers.standing import ledgers_of
from trader.domain.answers import (
    MAX_ROWS,
    ChartAnswer,
    ChartLine,
    PnlAnswer,
    Question,
    TradesAnswer,
    WhyAnswer,
)
from trader.domain.host_answers import (
    AuditAnswer,
)
from trader.domain.order import LedgerName
from trader.engine.views import ledger_view
from trader.execution.history import TradeState
from trader.port.local import Figures, Questions

_HOUR_NS = 3_600 * 1_000_000_000
_DAYS: Mapping[str, int] = {"1d": 1, "7d": 7, "30d": 30}
_SPANS: Mapping[str, int] = {
    "1h": _HOUR_NS,
    "6h": 6 * _HOUR_NS,
    "1d": 24 * _HOUR_NS,
    "7d": 7 * 24 * _HOUR_NS,
    "30d": 30 * 24 * _HOUR_NS,
}
_LEDGERS = ("", *(name.value for name in LedgerName))
_SOME = 10


class PastAnswers:
    """Decisions, trades, days, curves, and acts on authority."""

    def __init__(self, ground: AnswerGround, archive: Archive, spreads: Spreads) -> None:
        self._ground = ground
        self._archive = archive
        self._spreads = spreads
        self._zone = ZoneInfo(ground.settings.schedule.timezone)

    def questions(self) -> Questions:
        """Every question answered here."""
        return {
            Question.WHY: self.why,
            Question.TRADES: self.trades,
            Question.PNL: self.pnl,
            Question.CHART: self.chart,
            Question.AUDIT: self.audit,
        }

    async def why(self, arguments: Figures) -> Figures:
        """A decision by its id or by its trade's, or the newest, and what became of it."""
        asked = Given(Question.WHY, arguments, ("id",)).text("id")
        told = await self._archive.ask(lambda history: past.told(history, asked))
        decision, record = told.decision, told.record
        answer = WhyAnswer(
            origin=self._ground.origin(),
            decision=decision,
            outcome=self._outcome(told),
            recent=told.recent,
            trade=None if record is None else past.trade_line(record),
            refused=()
            if decision is None
            else tuple(check.check for check in decision.checks if not check.passed),
        )
        return figures(answer)

    async def trades(self, arguments: Figures) -> Figures:
        """The newest trades, of one ledger or of both."""
        given = Given(Question.TRADES, arguments, ("limit", "ledger"))
        limit = given.whole("limit", _SOME, 1, MAX_ROWS)
        name = given.choice("ledger", _LEDGERS, "")
        ledger = LedgerName(name) if name else None
        found = await self._archive.ask(lambda history: history.trades(limit, ledger))
        return figures(TradesAnswer(self._ground.origin(), tuple(map(past.trade_line, found))))

    async def pnl(self, arguments: Figures) -> Figures:
        """The last days one by one, and what is unrealised now."""
        span = Given(Question.PNL, arguments, ("span",)).choice("span", tuple(_DAYS), "1d")
        days, names = self._days(_DAYS[span]), self._names()
        lines = await self._archive.ask(lambda history: past.day_lines(history, names, days))
        state = self._ground.state
        open_now = tuple(
            (one.name, ledger_view(state, one).unrealised_krw) for one in ledgers_of(state)
        )
        return figures(PnlAnswer(self._ground.origin(), span, lines, open_now))

    async def chart(self, arguments: Figures) -> Figures:
        """Curves to be drawn: equity, the spread of each direction, or what each day brought."""
        given = Given(Question.CHART, arguments, ("kind", "span"))
        kind = given.choice("kind", ("equity", "spread", "pnl"), "equity")
        span = given.choice("span", tuple(_SPANS), "1d")
        match kind:
            case "equity":
                answer = await self._equity(span)
            case "spread":
                answer = self._spread(span)
            case _:
                answer = await self._days_drawn(span)
        return figures(answer)

    async def audit(self, arguments: Figures) -> Figures:
        """What was done to what is permitted, newest first."""
        limit = Given(Question.AUDIT, arguments, ("limit",)).whole("limit", _SOME, 1, MAX_ROWS)
        found = await self._archive.ask(lambda history: past.acts(history, limit))
        return figures(AuditAnswer(self._ground.origin(), found))

    def _outcome(self, told: past.Told) -> str:
        if told.decision is None:
            return ""
        if not told.decision.approved:
            return "refused"
        for ledger in self._ground.state.ledgers.values():
            if told.trade_id in ledger.trades:
                return ledger.trades[told.trade_id].phase.value
        record = told.record
        # One the journal still calls open, and the engine no more, ended this very moment.
        is_over = record is not None and record.state is not TradeState.OPEN
        return record.state.value if record is not None and is_over else "sent"

    async def _equity(self, span: str) -> ChartAnswer:
        now_ns, names = self._ground.market_now_ns(), self._names()
        since_ns = now_ns - _SPANS[span]
        curves = await self._archive.ask(
            lambda history: past.equity(history, names, since_ns, _SPANS[span])
        )
        lines, firsts = [], []
        for curve in past.worth_drawing(curves):
            # Sampled once a minute; what is now comes from the engine.
            now = self._ground.state.equity(self._ground.state.ledgers[curve.ledger])
            last = [] if now is None else [(self._ground.state.now_ns, float(now[0]))]
            lines.append(past.curve_line(curve.ledger.value, [*curve.points, *last]))
            firsts.append(curve.first_ns or now_ns)
        return self._drawn("equity", span, "₩", lines, min(firsts))

    def _spread(self, span: str) -> ChartAnswer:
        since_ns = self._ground.state.now_ns - _SPANS[span]
        lines = list(self._spreads.curves(since_ns))
        since = self._spreads.since_ns or self._ground.state.now_ns
        levels = tuple(self._spreads.needed())
        return self._drawn("spread", span, "%", lines, since, levels)

    async def _days_drawn(self, span: str) -> ChartAnswer:
        # No day is shorter than a day.
        days, names = self._days(_DAYS.get(span, 1)), self._names()
        lines = await self._archive.ask(lambda history: past.pnl_curves(history, names, days))
        return self._drawn("pnl", span, "₩", lines, 0)

    def _drawn(
        self,
        kind: str,
        span: str,
        unit: str,
        lines: Sequence[ChartLine],
        first_ns: int,
        levels: tuple[tuple[str, float], ...] = (),
    ) -> ChartAnswer:
        begins_ns = self._ground.market_now_ns() - _SPANS[span]
        return ChartAnswer(
            origin=self._ground.origin(),
            kind=kind,
            span=span,
            unit=unit,
            lines=tuple(lines),
            levels=levels,
            since_ns=first_ns if first_ns > begins_ns else 0,
        )

    def _days(self, count: int) -> tuple[past.Day, ...]:
        return past.days_until(self._ground.market_now_ns(), count, self._zone)

    def _names(self) -> tuple[LedgerName, ...]:
        return tuple(ledger.name for ledger in ledgers_of(self._ground.state))
