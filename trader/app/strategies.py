"""The strategy the config names: found, constructed, and kept from taking the engine down."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from trader.app.dotted import class_at, demand_members, said
from trader.app.wiring import strategy_parameters
from trader.config import Settings
from trader.domain.errors import ConfigError
from trader.domain.instrument import Instrument, InstrumentId
from trader.domain.market import MarketView
from trader.domain.order import LedgerName, PairName, Proposal
from trader.domain.trade import Trade
from trader.strategy.protocol import MayOpen, Strategy

_LOG = logging.getLogger("trader.strategy")
_T = TypeVar("_T")
_BUILT_IN = "trader.strategy."
_MEMBERS = ("directions", "revise", "propose", "is_signal", "wants_exit", "complete")


def load_strategy(settings: Settings, instruments: Mapping[InstrumentId, Instrument]) -> Strategy:
    """The strategy named by ``strategy.class``, constructed.

    Raises:
        ConfigError: the class cannot be imported, refuses its parameters, or is no strategy.
    """
    key, path = "strategy.class", settings.strategy.class_path
    factory = class_at(key, path)
    try:
        strategy = factory(strategy_parameters(settings), instruments)
    except Exception as error:
        raise ConfigError(f"{key} is {path}: it refused its parameters: {said(error)}") from error
    demand_members(key, path, strategy, _MEMBERS, "trader.strategy.protocol.Strategy")
    checked: Strategy = strategy
    return checked if path.startswith(_BUILT_IN) else Contained(checked, path)


class Contained:
    """A user's strategy whose errors stop its entries and nothing else.

    After its first error it proposes nothing more in this process; stops, unwindings and what the
    operator orders do not depend on it. Exits it would have wished for wait for the holding time.
    """

    def __init__(self, strategy: Strategy, path: str) -> None:
        self._strategy = strategy
        self._path = path
        self._is_broken = False

    @property
    def directions(self) -> Sequence[tuple[PairName, str, InstrumentId, InstrumentId]]:
        """As the strategy says."""
        return self._strategy.directions

    def revise(self, instrument: Instrument) -> None:
        """Hand an instrument's new rules on."""
        self._ask(lambda: self._strategy.revise(instrument), None)

    def propose(
        self, instrument: InstrumentId, market: MarketView, ledger: LedgerName, may_open: MayOpen
    ) -> Proposal | None:
        """Its proposal, if it is one."""
        if self._is_broken:
            return None
        found: object = self._ask(
            lambda: self._strategy.propose(instrument, market, ledger, may_open), None
        )
        if found is None or isinstance(found, Proposal):
            return found
        self._break(f"propose returned {type(found).__name__}, not a Proposal")
        return None

    def is_signal(self, pair: PairName, direction: str, market: MarketView) -> bool:
        """Whether it still sees a signal."""
        return bool(self._ask(lambda: self._strategy.is_signal(pair, direction, market), False))

    def wants_exit(self, trade: Trade, market: MarketView) -> bool:
        """Whether it wishes to close."""
        return bool(self._ask(lambda: self._strategy.wants_exit(trade, market), False))

    def complete(self, trade: Trade, market: MarketView, signal_ns: int) -> Proposal | None:
        """Its completion of a missing leg; without one the leg is unwound."""
        return self._ask(lambda: self._strategy.complete(trade, market, signal_ns), None)

    def _ask(self, question: Callable[[], _T], otherwise: _T) -> _T:
        try:
            return question()
        except Exception as error:  # noqa: BLE001 - the outer edge of somebody else's code
            self._break(said(error))
            return otherwise

    def _break(self, what: str) -> None:
        if not self._is_broken:
            self._is_broken = True
            _LOG.error("strategy %s failed and proposes nothing more: %s", self._path, what)
