"""A user's own strategy: the spread strategy, but it waits for more than the usual profit."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec.structs import replace

from trader.domain.instrument import Instrument, InstrumentId
from trader.domain.market import MarketView
from trader.domain.order import LedgerName, PairName, Proposal
from trader.domain.trade import Trade
from trader.strategy.protocol import MayOpen, StrategyParameters
from trader.strategy.spread import SpreadStrategy


class Patient:
    """Trades what the spread strategy would, from ``options.least_profit_pct`` on."""

    def __init__(
        self, parameters: StrategyParameters, instruments: Mapping[InstrumentId, Instrument]
    ) -> None:
        least = Decimal(str(parameters.options["least_profit_pct"]))
        if least < parameters.min_profit_pct:
            raise ValueError(f"least_profit_pct is {least}; allowed: from min_profit_pct on")
        self._spread = SpreadStrategy(replace(parameters, min_profit_pct=least), instruments)

    @property
    def directions(self) -> Sequence[tuple[PairName, str, InstrumentId, InstrumentId]]:
        """The spread strategy's."""
        return self._spread.directions

    def revise(self, instrument: Instrument) -> None:
        """Take over an instrument's rules or fees."""
        self._spread.revise(instrument)

    def propose(
        self, instrument: InstrumentId, market: MarketView, ledger: LedgerName, may_open: MayOpen
    ) -> Proposal | None:
        """An opening that is worth the wait."""
        return self._spread.propose(instrument, market, ledger, may_open)

    def is_signal(self, pair: PairName, direction: str, market: MarketView) -> bool:
        """Whether one stands now."""
        return self._spread.is_signal(pair, direction, market)

    def wants_exit(self, trade: Trade, market: MarketView) -> bool:
        """As the spread strategy does."""
        return self._spread.wants_exit(trade, market)

    def complete(self, trade: Trade, market: MarketView, signal_ns: int) -> Proposal | None:
        """As the spread strategy does."""
        return self._spread.complete(trade, market, signal_ns)
