"""Accounts: what venues state of our orders, our balances and their own rules, taken in."""

from trader.domain.events import AccountStated, InstrumentStated
from trader.domain.facts import FeeChanged
from trader.domain.instrument import Instrument
from trader.engine.adopting import Adopting
from trader.engine.balances import Balances
from trader.engine.state import State
from trader.strategy.protocol import Strategy


class Accounts:
    """The live ledger follows what venues state; instruments follow their rules."""

    def __init__(
        self, state: State, strategy: Strategy, balances: Balances, adopting: Adopting
    ) -> None:
        self._state = state
        self._strategy = strategy
        self._balances = balances
        self._adopting = adopting

    def take_statement(self, event: AccountStated) -> None:
        """One verdict on a look at an account: its orders first, since they explain balances."""
        self._adopting.take(event)
        self._balances.take(event)

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
