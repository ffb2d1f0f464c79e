"""Decisions: proposals through the checks, and how refusals at tick rate become few facts."""

from trader.domain.control import CheckName
from trader.domain.decision import CheckResult, Decision, QuoteSeen, RefusalCount
from trader.domain.facts import ActivityCounted, OrdersApproved, RefusalBegan, RefusalEnded
from trader.domain.instrument import KRW
from trader.domain.order import DecisionId, PairName, Proposal
from trader.domain.trade import Trade
from trader.engine.state import State
from trader.portfolio.stoploss import StopLoss
from trader.risk.measure import measure_closing, measure_entry
from trader.risk.safety import SafetyValidator, Verdict

# A refusal ends once its check has not refused for this long: flicker is one story.
_REFUSAL_ENDS_NS = 10_000_000_000
_Key = tuple[PairName, str, CheckName]


class _Refusing:
    """One check refusing one direction, since when and how often."""

    __slots__ = ("began_ns", "last_mono_ns", "total", "unwritten")

    def __init__(self, began_ns: int, mono_ns: int) -> None:
        self.began_ns = began_ns
        self.last_mono_ns = mono_ns
        self.total = 1
        self.unwritten = 0


class Decisions:
    """Judges proposals and writes down what came of it."""

    def __init__(self, state: State, stop: StopLoss) -> None:
        self._state = state
        self._stop = stop
        self._safety = SafetyValidator(state.rules.limits)
        self._refusing: dict[_Key, _Refusing] = {}
        self._on: dict[tuple[PairName, str], bool] = {}
        self._unwritten_signals = 0
        self.signals = self.executed = self.refusals = 0
        self.refusals_by_check: dict[CheckName, int] = {}

    def note_signal(self, pair: PairName, direction: str) -> None:
        """Count a signal when it begins, and again when it stands on after it was traded."""
        if self._on.get((pair, direction)) is not False:
            self._on[pair, direction] = False
            self.signals += 1
            self._unwritten_signals += 1

    def signal_traded(self, pair: PairName, direction: str) -> None:
        """The standing signal became a trade; a further proposal of it counts as a new one."""
        self._on[pair, direction] = True
        self.executed += 1

    @property
    def standing_signals(self) -> list[tuple[PairName, str]]:
        """Directions whose signal has not been seen to end."""
        return list(self._on)

    def signal_ended(self, pair: PairName, direction: str) -> None:
        """The signal is gone; the next one counts anew."""
        self._on.pop((pair, direction), None)

    def decide(self, proposal: Proposal, trade: Trade | None = None) -> Verdict:
        """Check a proposal; approved orders are recorded and handed to the gate."""
        state = self._state
        ledger = state.ledgers[proposal.ledger]
        account = state.account(
            ledger,
            trade,
            gate_shut=not state.may_go(proposal),
            paused=state.entry_is_stopped(proposal),
        )
        if proposal.is_closing:
            measured = measure_closing(
                proposal, account, state.instruments, state.market, state.now_mono_ns
            )
        else:
            measured = measure_entry(
                proposal,
                account,
                state.instruments,
                state.market,
                self._stop.distance_pct(proposal.pair),
                state.now_mono_ns,
            )
        trade_id = proposal.trade_id or state.next_trade_id()
        verdict = self._safety.validate(
            proposal, measured, trade_id, state.generation, state.next_order_id
        )
        if verdict.orders:
            decision = self._decision(proposal, verdict.checks, approved=True)
            state.record(OrdersApproved(state.now_ns, trade_id, decision, verdict.orders))
            state.send(verdict.orders)
        else:
            self._refuse(proposal, verdict)
        return verdict

    def write_counts(self) -> None:
        """Once a second: end what has ceased, and write down what was only counted."""
        state = self._state
        counts = []
        for key, refusing in list(self._refusing.items()):
            pair, direction, check = key
            if refusing.unwritten:
                counts.append(RefusalCount(pair, direction, check, refusing.unwritten))
                refusing.unwritten = 0
            if state.now_mono_ns - refusing.last_mono_ns >= _REFUSAL_ENDS_NS:
                del self._refusing[key]
                state.record(
                    RefusalEnded(
                        state.now_ns, pair, direction, check, refusing.total, refusing.began_ns
                    )
                )
        if counts or self._unwritten_signals:
            state.record(ActivityCounted(state.now_ns, self._unwritten_signals, tuple(counts)))
            self._unwritten_signals = 0

    def _refuse(self, proposal: Proposal, verdict: Verdict) -> None:
        state = self._state
        self.refusals += 1
        decision: Decision | None = None
        for result in verdict.refusals:
            self.refusals_by_check[result.check] = self.refusals_by_check.get(result.check, 0) + 1
            key = (proposal.pair, proposal.direction, result.check)
            refusing = self._refusing.get(key)
            if refusing is not None:
                refusing.total += 1
                refusing.unwritten += 1
                refusing.last_mono_ns = state.now_mono_ns
                continue
            self._refusing[key] = _Refusing(state.now_ns, state.now_mono_ns)
            # One decision serves all checks that began to refuse on it.
            decision = decision or self._decision(proposal, verdict.checks, approved=False)
            state.record(
                RefusalBegan(
                    state.now_ns, proposal.pair, proposal.direction, result.check, result, decision
                )
            )

    def _decision(
        self, proposal: Proposal, checks: tuple[CheckResult, ...], *, approved: bool
    ) -> Decision:
        state = self._state
        seen = [intent.instrument for intent in proposal.intents]
        dollar = state.market.usdt_krw
        if dollar is not None and any(state.instruments[leg].quote != KRW for leg in seen):
            seen.append(dollar)
        quotes = []
        for instrument in seen:
            book = state.market.last_good.get(instrument)
            if book is not None:
                age = (state.now_mono_ns - book.mono_ns) / 1e6
                quotes.append(QuoteSeen(instrument, book.best_bid, book.best_ask, age))
        return Decision(
            id=DecisionId(f"D{state.next_number()}"),
            at_ns=state.now_ns,
            pair=proposal.pair,
            direction=proposal.direction,
            purpose=proposal.purpose,
            ledger=proposal.ledger,
            quotes=tuple(quotes),
            evidence=proposal.evidence,
            checks=checks,
            approved=approved,
        )
