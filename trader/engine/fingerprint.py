"""Fingerprint: what an operator saw before an act that closes money, in a dozen characters.

Whoever shows the figures and whoever acts on them compute it alike. Prices are not in it: they move
with every quote, and the act looks at them again.
"""

from hashlib import sha256

from trader.domain.order import LedgerName, TradeId
from trader.domain.trade import Trade
from trader.engine.state import State

_CHARS = 12


def fingerprint_of(state: State, ledger: LedgerName, trade_id: TradeId | None = None) -> str:
    """Names a ledger's open trades, or one of them, and the authority, as they stand now.

    It changes with every fill, phase, opening, end and act on authority. A trade that is not open
    has a fingerprint, too: that of its absence.
    """
    trades = state.ledgers[ledger].trades
    shown = trades.values() if trade_id is None else filter(None, (trades.get(trade_id),))
    authority = state.authority
    parts = [ledger.value, trade_id or "", authority.level.name, str(authority.revision)]
    for trade in sorted(shown, key=lambda one: one.id):
        parts += _of_trade(trade)
    return sha256("\n".join(parts).encode()).hexdigest()[:_CHARS]


def _of_trade(trade: Trade) -> list[str]:
    # Quantities without the zeros behind them, which depend on how each was arrived at.
    legs = [f"{leg} {position.quantity.normalize():f}" for leg, position in trade.legs]
    return [trade.id, f"{trade.phase.value} {trade.closing or ''}", *legs]
