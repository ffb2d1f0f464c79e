"""Dust: remainders too small for any venue to take, which go to inventory at their entry price."""

from decimal import Decimal

from trader.domain.facts import DustMoved
from trader.domain.instrument import InstrumentId
from trader.domain.trade import Trade
from trader.engine.state import State
from trader.portfolio.closing import ClosingDesk
from trader.portfolio.ledger import Ledger


class Dust:
    """Tells dust from what can still be closed, and sweeps it."""

    def __init__(self, state: State, desk: ClosingDesk) -> None:
        self._state = state
        self._desk = desk

    def is_dust(self, trade: Trade, quantity: Decimal | None = None) -> bool:
        """Whether a hedged trade, or ``quantity`` of it, is too small to close at any venue."""
        market = self._state.market
        return any(
            self._desk.is_dust(
                leg,
                position.quantity if quantity is None else quantity.copy_sign(position.quantity),
                market,
            )
            for leg, position in trade.legs
        )

    def sweep(self, ledger: Ledger, trade: Trade) -> None:
        """Move all that is left of a trade to inventory."""
        for leg, position in trade.legs:
            if position.quantity != 0:
                self.move(ledger, trade, leg, position.quantity)

    def move(
        self, ledger: Ledger, trade: Trade, instrument: InstrumentId, quantity: Decimal
    ) -> None:
        """Move ``quantity`` (signed) of a leg to inventory."""
        cost = trade.position(instrument).share_krw(quantity)
        self._state.record(
            DustMoved(self._state.now_ns, ledger.name, trade.id, instrument, quantity, cost)
        )
