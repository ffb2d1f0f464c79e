"""Accounts: what venues state of our balances and of their own rules, taken into the books."""

from trader.domain.events import AccountStated, InstrumentStated
from trader.domain.facts import FaultRecorded, FeeChanged, InventoryRebased
from trader.domain.instrument import Instrument, Venue, split_id
from trader.domain.order import LedgerName
from trader.engine.state import State
from trader.portfolio.reconcile import BalanceDifference, balance_differences, is_rounding
from trader.strategy.protocol import Strategy

FIRST = "first reconciliation"
ROUNDING = "the venue's rounding"
INCREASE = "increase at the venue"
DECREASE = "decrease at the venue"


class Accounts:
    """The live ledger's balances follow what venues state; instruments follow their rules."""

    def __init__(self, state: State, strategy: Strategy) -> None:
        self._state = state
        self._strategy = strategy
        self._reported_mono_ns: dict[Venue, int] = {}

    def saw_report(self, venue: Venue, mono_ns: int) -> None:
        """An order of ours was reported: no statement asked for before that is judged."""
        self._reported_mono_ns[venue] = mono_ns

    def take_statement(self, event: AccountStated) -> None:
        """Base the ledger on what a venue states, where nothing of ours may explain a difference.

        Balances not counted yet are taken in any case: without them there is no ledger.
        """
        state = self._state
        ledger = state.ledgers[LedgerName.LIVE]
        is_quiet = not self._is_busy(event)
        known = tuple(state.instruments.values())
        for found in balance_differences(event.venue, dict(event.holdings), ledger.balances, known):
            if found.counted is None:
                self._rebase(found, FIRST)
            elif is_quiet:
                self._judge(found, known)

    def take_rules(self, event: InstrumentStated) -> None:
        """Go by an instrument's rules and fees as its venue states them from now on."""
        known = self._state.instruments.get(event.instrument.id)
        if known is not None and known != event.instrument:
            self.revise(known, event.instrument)

    def revise(self, known: Instrument, revised: Instrument) -> None:
        """Replace an instrument; another fee counts at once and is told."""
        state = self._state
        state.instruments[known.id] = revised
        self._strategy.revise(revised)
        if known.fees != revised.fees:
            state.record(
                FeeChanged(state.now_ns, known.id, known.fees.taker_pct, revised.fees.taker_pct)
            )

    def _is_busy(self, event: AccountStated) -> bool:
        state = self._state
        if self._reported_mono_ns.get(event.venue, -1) >= event.asked_mono_ns:
            return True
        ledger = state.ledgers[LedgerName.LIVE]
        return any(
            split_id(ledger.orders[order_id].approved.intent.instrument)[0] == event.venue
            for pending in ledger.in_flight.values()
            for order_id in pending
        )

    def _judge(self, found: BalanceDifference, known: tuple[Instrument, ...]) -> None:
        if is_rounding(found, known):
            self._rebase(found, ROUNDING)
        elif found.change > 0:
            self._rebase(found, INCREASE)
        else:
            self._rebase(found, DECREASE)
            self._state.record(
                FaultRecorded(
                    self._state.now_ns,
                    "reconciliation",
                    f"{found.venue} holds {found.stated:f} {found.asset},"
                    f" {-found.change:f} less than counted",
                )
            )

    def _rebase(self, found: BalanceDifference, reason: str) -> None:
        state = self._state
        state.record(
            InventoryRebased(
                state.now_ns, LedgerName.LIVE, found.venue, found.asset, found.stated, reason
            )
        )
