"""Inventory: what ledgers hold where, directions that ran dry, the transfers that mend it."""

from decimal import Decimal

from trader.domain.account import Holding
from trader.domain.facts import (
    DirectionEmptied,
    DirectionRefilled,
    InventoryLevelled,
    InventoryRebased,
    InventorySkewed,
)
from trader.domain.instrument import Asset, InstrumentId, Venue
from trader.domain.market import exact
from trader.domain.order import LedgerName
from trader.engine.state import Route, State
from trader.portfolio.ledger import Ledger
from trader.portfolio.rebalancer import skews
from trader.strategy.protocol import Strategy

_ZERO = Decimal(0)
_COIN_STEP = Decimal("0.00000001")


class InventoryWatch:
    """Funds the paper ledger once, and tells of directions and assets out of balance."""

    def __init__(self, state: State, strategy: Strategy) -> None:
        self._state = state
        self._strategy = strategy

    def fund_paper(self) -> None:
        """Give the paper ledger each of its balances once, when there is a price to measure it by.

        Each by itself: a venue that is silent must not keep the others from being rehearsed.
        """
        state = self._state
        paper = state.ledgers[LedgerName.PAPER]
        for instrument in state.instruments.values():
            if instrument.id == state.market.usdt_krw:
                continue
            held = (instrument.venue, instrument.quote), (instrument.venue, instrument.base)
            if all(holding in paper.balances for holding in held):
                continue
            book = state.market.books.get(instrument.id)
            rate = state.market.won_mid(instrument.quote)
            if book is None or rate is None:
                continue
            funds = state.rules.paper_balance_krw
            for holding, won in zip(held, (rate, exact(book.mid) * rate), strict=True):
                if holding not in paper.balances:
                    self._fund(holding, (funds / won).quantize(_COIN_STEP))

    def _fund(self, holding: Holding, quantity: Decimal) -> None:
        state, (venue, asset) = self._state, holding
        state.record(
            InventoryRebased(
                state.now_ns, LedgerName.PAPER, venue, asset, quantity, "paper balance"
            )
        )

    def watch_directions(self, ledger: Ledger) -> None:
        """Tell of directions that lack what one more trade needs, and of those refilled."""
        if not ledger.balances:
            return
        # What open trades need to close at their stops is not there for one more.
        free = ledger.free()
        for holding, amount in self._state.reserved(ledger).items():
            free[holding] = free.get(holding, _ZERO) - amount
        for pair, direction, sold, bought in self._strategy.directions:
            route: Route = (ledger.name, pair, direction)
            lack = self._lack(free, sold, bought)
            if lack is None:
                if route in self._state.empty:
                    self._state.record(
                        DirectionRefilled(self._state.now_ns, ledger.name, pair, direction)
                    )
            elif route not in self._state.empty:
                asset, amount, source, target = lack
                self._state.record(
                    DirectionEmptied(
                        self._state.now_ns,
                        ledger.name,
                        pair,
                        direction,
                        asset,
                        amount,
                        source,
                        target,
                    )
                )

    def _lack(
        self,
        free: dict[tuple[Venue, Asset], Decimal],
        sold: InstrumentId,
        bought: InstrumentId,
    ) -> tuple[Asset, Decimal, Venue, Venue] | None:
        """(asset, amount, from, to) of the transfer one more trade wants, or None."""
        state = self._state
        sell, buy = state.instruments[sold], state.instruments[bought]
        ask, rate = state.market.last_good.get(bought), state.market.won_mid(buy.quote)
        bid, sell_rate = state.market.last_good.get(sold), state.market.won_mid(sell.quote)
        if ask is None or bid is None or rate is None or sell_rate is None:
            return None
        size = state.rules.strategy.position_size_krw
        coin = size / (exact(bid.best_bid) * sell_rate)
        money = size / rate * (1 + buy.fees.taker_share)
        if free.get((sell.venue, sell.base), _ZERO) < coin:
            return sell.base, coin.quantize(_COIN_STEP), buy.venue, sell.venue
        if free.get((buy.venue, buy.quote), _ZERO) < money:
            source = sell.venue if sell.quote == buy.quote else _dollar_source(state, buy.venue)
            return buy.quote, money.quantize(_COIN_STEP), source, buy.venue
        return None

    def watch_skew(self, ledger: Ledger) -> None:
        """Tell of assets of which one venue holds too much, and of those levelled."""
        state = self._state
        venues: dict[Asset, list[Venue]] = {}
        for pair in state.rules.strategy.pairs:
            for leg in (pair.first, pair.second):
                known = state.instruments[leg]
                places: list[Venue] = venues.setdefault(known.base, [])
                if known.venue not in places:
                    places.append(known.venue)
        limit = state.rules.rebalance.inventory_skew_pct
        found = {skew.asset: skew for skew in skews(ledger.balances, venues, limit)}
        for asset, skew in found.items():
            if (ledger.name, asset) not in state.skewed:
                state.record(
                    InventorySkewed(
                        state.now_ns,
                        ledger.name,
                        asset,
                        skew.share_pct,
                        skew.amount,
                        skew.from_venue,
                        skew.to_venue,
                    )
                )
        for name, asset in sorted(state.skewed):
            if name is ledger.name and asset not in found:
                state.record(InventoryLevelled(state.now_ns, ledger.name, asset))


def _dollar_source(state: State, target: Venue) -> Venue:
    """Where dollars for ``target`` are bought: the venue of the KRW-USDT book."""
    dollar = state.market.usdt_krw
    return state.instruments[dollar].venue if dollar in state.instruments else target
