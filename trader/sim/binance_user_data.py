"""Binance's user data events: what happens to an account, told to every subscription of it."""

from collections.abc import Callable, Iterator
from itertools import count

from trader.domain.instrument import BINANCE, InstrumentId
from trader.sim.binance_call import Desk
from trader.sim.binance_render import (
    REJECT_REASONS,
    Json,
    position,
    rejection,
    report,
    status_of,
    transfer,
)
from trader.sim.model import (
    BalancesChanged,
    Cause,
    OrderAccepted,
    OrderEnded,
    OrderFilled,
    OrderRefused,
    SimEvent,
    SimOrder,
    SimTrade,
)

Deliver = Callable[[Json], None]
_ENDINGS = {Cause.USER: "CANCELED", Cause.SELF_TRADE: "TRADE_PREVENTION"}


class UserData:
    """Who hears of which account. Each event is worded once, so every subscriber gets the same."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._executions: Iterator[int] = count(1)
        self._heard_by: dict[str, list[Deliver]] = {}
        self._held: tuple[str, Json] | None = None

    def subscribe(self, account: str, deliver: Deliver) -> Callable[[], None]:
        """Hear of an account from now on; nothing is told of what was. Returns what ends it."""
        self._heard_by.setdefault(account, []).append(deliver)

        def end() -> None:
            hearing = self._heard_by.get(account, [])
            if deliver in hearing:
                hearing.remove(deliver)

        return end

    def hear(self, event: SimEvent) -> None:
        """Tell an event of the exchange to those it concerns."""
        match event:
            case OrderAccepted(account=account, order=order):
                self._tell(account, self._report(order, "NEW"))
            case OrderFilled(account=account, order=order, trade=trade):
                told = self._report(order, "TRADE", trade)
                self._tell_held()
                # Whether a purchase by quote quantity is complete shows only in how it ends.
                if order.quantity is None:
                    self._held = account, told
                else:
                    self._tell(account, told)
            case OrderEnded(account=account, order=order):
                self._tell_ending(account, order)
            case OrderRefused(account=account, asked=asked, code=code) if code in REJECT_REASONS:
                reason, number = REJECT_REASONS[code], next(self._executions)
                symbol = self._symbols[asked.instrument]
                self._tell(account, rejection(asked, symbol, reason, number, self._desk.now_ns))
            case BalancesChanged(account=account, balances=balances, deltas=deltas):
                for asset, delta in deltas.items():
                    self._tell(account, transfer(asset, delta, self._desk.now_ns))
                self._tell(account, position(balances, self._desk.now_ns))
            case _:
                pass

    def _tell_ending(self, account: str, order: SimOrder) -> None:
        status = status_of(order)
        if self._held is not None and status == "FILLED":
            self._held[1]["X"] = status
        self._tell_held()
        # The last fill of a filled order has said all there is to say.
        if status != "FILLED":
            self._tell(account, self._report(order, _ENDINGS.get(order.cause, "EXPIRED")))

    def _tell_held(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            self._tell(*held)

    def _tell(self, account: str, told: Json) -> None:
        for deliver in tuple(self._heard_by.get(account, ())):
            deliver(told)

    def _report(self, order: SimOrder, execution: str, trade: SimTrade | None = None) -> Json:
        return report(order, execution, next(self._executions), self._desk.now_ns, trade)

    @property
    def _symbols(self) -> dict[InstrumentId, str]:
        return {listing.id: listing.symbol for listing in self._desk.exchange.listings(BINANCE)}
