"""The referee: what the simulator itself knows it accepted, filled, refused and was asked.

It judges tests of whoever trades here, so it hears the exchange and asks nobody else.
"""

from collections import deque
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

import msgspec

from trader.domain.errors import ConfigError
from trader.domain.instrument import Asset, Venue
from trader.sim.exchange import Exchange
from trader.sim.faults import After, Before, Faults, Operation, Verdict
from trader.sim.model import (
    Balance,
    BalancesChanged,
    NewOrder,
    OrderAccepted,
    OrderEnded,
    OrderFilled,
    OrderRefused,
    SimEvent,
    SimOrder,
    SimTrade,
)

MAX_KEPT = 200_000
"""Orders, and refusals, kept in memory; the file keeps all."""
Row = dict[str, object]
_WRITTEN = frozenset({Operation.PLACE, Operation.CANCEL})


class Referee:
    """The ledger of one exchange, in memory and, where a file is named, on disk line by line."""

    def __init__(self, exchange: Exchange, faults: Faults, path: Path | None = None) -> None:
        """Begin to listen.

        Raises:
            ConfigError: the file cannot be written.
        """
        self._exchange = exchange
        self._orders: dict[tuple[Venue, str], SimOrder] = {}
        self._refused: deque[Row] = deque(maxlen=MAX_KEPT)
        self._requests: dict[tuple[Venue, Operation], int] = {}
        self._moved: deque[Row] = deque(maxlen=MAX_KEPT)
        self._file = _opened(path)
        for venue in exchange.venues:
            exchange.subscribe(venue, self._on_event)
        faults.watcher = self._on_request

    def ledger(self) -> Row:
        """Everything of every venue, as JSON can say it; amounts are decimal strings."""
        return {"venues": {venue: self._of_venue(venue) for venue in self._exchange.venues}}

    def reset(self) -> None:
        """Forget; the file notes it and keeps what it has."""
        self._orders.clear()
        self._refused.clear()
        self._requests.clear()
        self._moved.clear()
        self._write({"what": "reset"})

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _of_venue(self, venue: Venue) -> Row:
        counted = {
            operation: self._requests[venue, operation]
            for operation in Operation
            if (venue, operation) in self._requests
        }
        return {
            "requests": counted,
            "orders": [order_row(order) for key, order in self._orders.items() if key[0] == venue],
            "refused": [row for row in self._refused if row["venue"] == venue],
            "moved": [row for row in self._moved if row["venue"] == venue],
            "balances": {
                account.name: balance_rows(account.balances)
                for account in self._exchange.accounts(venue)
            },
        }

    def _on_event(self, event: SimEvent) -> None:
        match event:
            case OrderAccepted() | OrderEnded():
                what = "accepted" if isinstance(event, OrderAccepted) else "ended"
                self._keep(event.order)
                if self._file is not None:
                    self._write({"what": what, **order_row(event.order, with_trades=False)})
            case OrderFilled():
                self._keep(event.order)
                if self._file is not None:
                    self._write({"what": "filled", "venue": event.venue, **trade_row(event.trade)})
            case OrderRefused():
                row = {
                    "venue": event.venue,
                    "account": event.account,
                    "at_ns": event.at_ns,
                    "code": event.code,
                    **_asked_row(event.asked),
                }
                self._refused.append(row)
                self._write({"what": "refused", **row})
            case BalancesChanged() if event.deltas:
                row = {
                    "venue": event.venue,
                    "account": event.account,
                    "at_ns": event.at_ns,
                    "deltas": {asset: plain(delta) for asset, delta in event.deltas.items()},
                }
                self._moved.append(row)
                self._write({"what": "moved", **row})
            case _:
                pass

    def _on_request(self, venue: Venue, operation: Operation, verdict: Verdict) -> None:
        key = (venue, operation)
        self._requests[key] = self._requests.get(key, 0) + 1
        if operation in _WRITTEN and self._file is not None:
            row: Row = {"what": "request", "venue": venue, "operation": operation}
            if verdict.before is not Before.PROCEED or verdict.after is not After.ANSWER:
                row |= {"before": verdict.before, "after": verdict.after}
            self._write(row | {"at_ns": self._exchange.now_ns(venue)})

    def _keep(self, order: SimOrder) -> None:
        self._orders[order.venue, order.id] = order
        if len(self._orders) > MAX_KEPT:
            self._orders.pop(next(iter(self._orders)))

    def _write(self, row: Row) -> None:
        if self._file is not None:
            # One unbuffered write each: it is the file's even if this process is killed next.
            self._file.write(msgspec.json.encode(row) + b"\n")


def order_row(order: SimOrder, *, with_trades: bool = True) -> Row:
    """An order as JSON can say it."""
    row: Row = {
        "id": order.id,
        "venue": order.venue,
        "account": order.account,
        **_asked_row(order.asked),
        "state": order.state,
        "cause": order.cause,
        "executed": plain(order.executed),
        "executed_funds": plain(order.executed_funds),
        "paid_fee": plain(order.paid_fee),
        "fee_asset": order.fee_asset,
        "created_ns": order.created_ns,
        "updated_ns": order.updated_ns,
    }
    if with_trades:
        row["trades"] = [trade_row(trade) for trade in order.trades]
    return row


def trade_row(trade: SimTrade) -> Row:
    """A fill as JSON can say it."""
    return {
        "id": trade.id,
        "order_id": trade.order_id,
        "client_id": trade.client_id,
        "instrument": trade.instrument,
        "side": trade.side,
        "price": plain(trade.price),
        "quantity": plain(trade.quantity),
        "fee": plain(trade.fee),
        "fee_asset": trade.fee_asset,
        "is_maker": trade.is_maker,
        "at_ns": trade.at_ns,
    }


def balance_rows(balances: Mapping[Asset, Balance]) -> dict[str, dict[str, str]]:
    """Balances as JSON can say them."""
    return {
        asset: {"free": plain(balance.free), "locked": plain(balance.locked)}
        for asset, balance in balances.items()
    }


def plain(number: Decimal) -> str:
    """A decimal without exponent and without zeros at its end."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _asked_row(asked: NewOrder) -> Row:
    amounts = {"quantity": asked.quantity, "price": asked.price, "funds": asked.funds}
    return {
        "client_id": asked.client_id,
        "instrument": asked.instrument,
        "side": asked.side,
        "kind": asked.kind,
        "time_in_force": asked.time_in_force,
        **{name: None if amount is None else plain(amount) for name, amount in amounts.items()},
    }


def _opened(path: Path | None) -> BinaryIO | None:
    if path is None:
        return None
    try:
        return path.open("ab", buffering=0)
    except OSError as error:
        raise ConfigError(f"--ledger {path}: cannot be written: {error.strerror}") from error
