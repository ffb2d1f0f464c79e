"""Questions about what is now: answered from the engine's state, on its loop."""

from trader.app.answers.archive import Archive
from trader.app.answers.arguments import Given
from trader.app.answers.ground import AnswerGround, figures
from trader.app.answers.open_trades import (
    Entries,
    nearest_stop_pct,
    order_line,
    orders_out,
    position_line,
)
from trader.app.answers.recall import Recall
from trader.app.answers.spread import Spreads
from trader.app.answers.standing import (
    balances,
    effective,
    feeds,
    ledger_line,
    ledgers_of,
    pauses,
    transfers,
)
from trader.domain.answers import (
    MAX_ROWS,
    BalanceAnswer,
    OrdersAnswer,
    PositionsAnswer,
    Question,
    SpreadAnswer,
    StatusAnswer,
)
from trader.domain.errors import PortError
from trader.domain.order import LedgerName, TradeId
from trader.engine.impact import impact
from trader.execution.history import History
from trader.execution.lookups import approved_ns, fills_of
from trader.port.local import Figures, Questions

_LEDGERS = tuple(name.value for name in LedgerName)


class NowAnswers:
    """Status, positions, orders, balances, spreads, and what closing would do."""

    def __init__(
        self, ground: AnswerGround, archive: Archive, recall: Recall, spreads: Spreads
    ) -> None:
        self._ground = ground
        self._archive = archive
        self._recall = recall
        self._spreads = spreads

    def questions(self) -> Questions:
        """Every question answered here."""
        return {
            Question.STATUS: self.status,
            Question.SPREAD: self.spread,
            Question.POSITIONS: self.positions,
            Question.ORDERS: self.orders,
            Question.BALANCE: self.balance,
            Question.IMPACT: self.impact,
        }

    async def status(self, arguments: Figures) -> Figures:
        """What runs, what it may do, and how it fares."""
        Given(Question.STATUS, arguments)
        await self._recall.load(self._archive)
        ground, state = self._ground, self._ground.state
        snapshot = ground.engine.snapshot()
        authority, latch = state.authority, state.authority.latch
        answer = StatusAnswer(
            origin=ground.origin(),
            effective=effective(state),
            level=authority.level.name,
            revision=authority.revision,
            live=snapshot.live,
            blocks=snapshot.blocks,
            latch_reason="" if latch is None else latch.reason,
            latch_by="" if latch is None else latch.who,
            latch_ns=None if latch is None else latch.at_ns,
            used_up=authority.used_up,
            pauses=pauses(state),
            feeds=feeds(state),
            ledgers=tuple(ledger_line(state, one, self._recall) for one in ledgers_of(state)),
            breakers=snapshot.breakers,
            nearest_stop_pct=nearest_stop_pct(state, ground.stop),
            uptime_s=ground.uptime_s,
            version=ground.version,
            dry_run=state.rules.guard.dry_run_cycles > 0,
        )
        return figures(answer)

    async def spread(self, arguments: Figures) -> Figures:
        """Every direction of a pair, or of all, whether there is a signal or not.

        Raises:
            PortError: the pair is not known.
        """
        given = Given(Question.SPREAD, arguments, ("pair",))
        pair = given.choice("pair", ("", *self._spreads.pairs), "")
        lines = await self._spreads.lines(pair)
        return figures(SpreadAnswer(self._ground.origin(), lines[:MAX_ROWS]))

    async def positions(self, arguments: Figures) -> Figures:
        """Every open trade, the mode's ledger first."""
        Given(Question.POSITIONS, arguments)
        state = self._ground.state
        wanted = [(ledger.name, trade) for ledger in ledgers_of(state) for trade in ledger.trades]
        entries = await self._archive.ask(lambda past: _entries(past, wanted[:MAX_ROWS]))
        # Looked at again: while the journal was read, any of them may have moved or gone.
        trades = [trade for ledger in ledgers_of(state) for trade in ledger.trades.values()]
        lines = tuple(
            position_line(state, self._ground.stop, trade, entries) for trade in trades[:MAX_ROWS]
        )
        return figures(PositionsAnswer(self._ground.origin(), lines, len(trades[MAX_ROWS:])))

    async def orders(self, arguments: Figures) -> Figures:
        """Orders in flight and those whose outcome is not known."""
        Given(Question.ORDERS, arguments)
        ids = [one.approved.client_order_id for one in orders_out(self._ground.state)[:MAX_ROWS]]
        when = await self._archive.ask(lambda past: approved_ns(past, ids)) if ids else {}
        out = orders_out(self._ground.state)
        lines = tuple(order_line(order, when) for order in out[:MAX_ROWS])
        return figures(OrdersAnswer(self._ground.origin(), lines, len(out[MAX_ROWS:])))

    def balance(self, arguments: Figures) -> Figures:
        """What every ledger holds at every venue, and the transfers that would mend what lacks."""
        Given(Question.BALANCE, arguments)
        lines = balances(self._ground.state)
        missing = tuple(transfers(self._ground.state))[:MAX_ROWS]
        shown, more = tuple(lines[:MAX_ROWS]), len(lines[MAX_ROWS:])
        return figures(BalanceAnswer(self._ground.origin(), shown, more, missing))

    def impact(self, arguments: Figures) -> Figures:
        """What closing a ledger, or one trade, would do.

        Raises:
            PortError: neither or both are named, or the trade is not open.
        """
        given = Given(Question.IMPACT, arguments, ("ledger", "trade_id"))
        name, trade_id = given.choice("ledger", ("", *_LEDGERS), ""), given.text("trade_id")
        if bool(name) == bool(trade_id):
            raise PortError(f"question 'impact': name either trade_id or ledger: {_LEDGERS}")
        state, origin = self._ground.state, self._ground.origin()
        if name:
            return figures(impact(state, origin, LedgerName(name)))
        for ledger in state.ledgers.values():
            if trade_id in ledger.trades:
                return figures(impact(state, origin, ledger.name, TradeId(trade_id)))
        known = [trade for ledger in state.ledgers.values() for trade in ledger.trades]
        allowed = ", ".join(known[:MAX_ROWS]) or "none, nothing is open"
        raise PortError(f"question 'impact': trade {trade_id!r} is not open; allowed: {allowed}")


def _entries(past: History, trades: list[tuple[LedgerName, TradeId]]) -> Entries:
    return {(name, trade): fills_of(past, name, trade) for name, trade in trades}
