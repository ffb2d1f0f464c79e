"""Strategy: the extension point. A user's own class, named in the config by its dotted path."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from trader.domain.instrument import Instrument, InstrumentId
from trader.domain.market import MarketView
from trader.domain.order import LedgerName, PairName, Proposal
from trader.domain.trade import Trade

MayOpen = Callable[[PairName, str], bool]
"""Whether a pair and direction has room for one more trade; asked only once a signal is there."""


class StrategyPair(Struct, frozen=True):
    """Two instruments of one coin whose spread is watched."""

    name: PairName
    first: InstrumentId
    second: InstrumentId


class StrategyParameters(Struct, frozen=True):
    """The config section ``strategy``; percentages in percent, money in won.

    ``options`` is the free mapping ``strategy.options``, for a user's own class.
    """

    pairs: tuple[StrategyPair, ...]
    exit_spread_pct: Decimal
    min_profit_pct: Decimal
    position_size_krw: Decimal
    max_unwind_slippage_pct: Decimal
    usdt_krw: InstrumentId | None = None
    options: Mapping[str, object] = {}


class Strategy(Protocol):
    """Wishes to trade, from books alone. Every method is synchronous and must not do I/O.

    The engine constructs it as ``cls(parameters, instruments)``. Checks, ledgers, order ids, both
    legs together, unwinding and stop-losses are the engine's: a strategy cannot get around them.
    """

    def __init__(
        self, parameters: StrategyParameters, instruments: Mapping[InstrumentId, Instrument]
    ) -> None: ...

    @property
    def directions(self) -> Sequence[tuple[PairName, str, InstrumentId, InstrumentId]]:
        """Every (pair, direction, sold instrument, bought instrument) it may ever propose."""
        ...

    def revise(self, instrument: Instrument) -> None:
        """Take over an instrument's rules or fees as its venue states them now."""
        ...

    def propose(
        self, instrument: InstrumentId, market: MarketView, ledger: LedgerName, may_open: MayOpen
    ) -> Proposal | None:
        """An opening seen on the newest book of ``instrument``, or None. On the hot path."""
        ...

    def is_signal(self, pair: PairName, direction: str, market: MarketView) -> bool:
        """Whether a signal of this direction stands now, whatever room there is for it."""
        ...

    def wants_exit(self, trade: Trade, market: MarketView) -> bool:
        """Whether the trade has done what it was opened for."""
        ...

    def complete(self, trade: Trade, market: MarketView, signal_ns: int) -> Proposal | None:
        """Fill up the missing leg of an opening if that is still worth it; None to unwind."""
        ...
