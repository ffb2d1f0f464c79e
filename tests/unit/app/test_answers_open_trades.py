"""Open trades and orders on their way, by the documented example's figures."""

from decimal import Decimal
from typing import Any

import pytest

from tests.support.builders import BINANCE_BTC, SELL_UPBIT, UPBIT_BINANCE, UPBIT_BTC
from tests.support.engine_harness import Desk
from trader.app.answers.open_trades import (
    nearest_stop_pct,
    order_line,
    orders_out,
    position_line,
    to_stop_krw,
)
from trader.domain.answers import PositionLine
from trader.domain.order import LedgerName, OrderState, Purpose, Side, TradeId
from trader.execution.lookups import PricedFill
from trader.portfolio.stoploss import StopLoss, StopMode, StopRules

PAPER = LedgerName.PAPER


def stop_of(desk: Desk) -> StopLoss:
    """The rules of this engine's stops."""
    return StopLoss(desk.rules.stop, desk.engine.state.instruments)


def line_of(desk: Desk, *fills: PricedFill) -> PositionLine:
    """The one trade, as it is shown."""
    entries = {(PAPER, desk.trade.id): fills}
    return position_line(desk.engine.state, stop_of(desk), desk.trade, entries)


class TestPositionLine:
    def test_is_the_documented_trade(self) -> None:
        """Entry notional 99,594; unrealised -15.7707; the stop is at -1,195.128."""
        desk = Desk()
        desk.opened()

        line = line_of(desk)

        assert (line.trade_id, line.ledger, line.pair) == (desk.trade.id, PAPER, UPBIT_BINANCE)
        assert (line.direction, line.phase) == (SELL_UPBIT, "open")
        assert line.notional_krw == 99_594
        assert line.unrealised_krw == Decimal("-15.7707")
        assert line.to_stop_krw == Decimal("1195.128") - Decimal("15.7707")
        assert (line.unhedged, line.stuck) == (False, False)

    def test_its_percent_is_of_the_entry_notional(self) -> None:
        """1.2 % less what it has lost already."""
        desk = Desk()
        desk.opened()

        found = line_of(desk).to_stop_pct

        assert found is not None
        expected = Decimal("1.2") - Decimal("15.7707") / 99_594 * 100
        assert abs(found - expected) < Decimal("1e-20")
        assert nearest_stop_pct(desk.engine.state, stop_of(desk)) == found

    def test_is_at_its_stop_where_the_engine_stops(self) -> None:
        """A thousand won before it there is a little left; the next tick stops it."""
        desk = Desk()
        desk.opened()
        desk.book(UPBIT_BTC, 152_000_000, 152_010_000)
        desk.book(BINANCE_BTC, "108700", "108710")
        desk.book(UPBIT_BTC, 153_673_000, 153_683_000)
        assert line_of(desk).to_stop_krw == Decimal("1195.128") - Decimal("1194.831")

        desk.book(UPBIT_BTC, 153_674_000, 153_684_000)

        assert line_of(desk).phase == "closing"
        assert line_of(desk).to_stop_krw == Decimal("1195.128") - Decimal("1195.491")

    def test_a_trailing_stop_follows_the_best_value(self) -> None:
        """As far below the best as the static one is below the entry."""
        desk = Desk(stop=StopRules(mode=StopMode.TRAILING))
        desk.opened()
        desk.book(BINANCE_BTC, "108030", "108040")
        best = desk.trade.best_krw
        assert best > 0
        desk.book(BINANCE_BTC, "107990", "108000")

        assert line_of(desk).to_stop_krw == Decimal("1195.128") - Decimal("15.7707") - best

    def test_prices_are_in_the_instrument_s_own_currency(self) -> None:
        """What it was entered at, and the side of the book it would close on."""
        desk = Desk()
        desk.opened()
        quantity = Decimal("0.00033")
        fills = [
            PricedFill(BINANCE_BTC, Side.BUY, Decimal(price), quantity)
            for price in (107_900, 108_100)
        ]

        sold, bought = line_of(desk, *fills).legs

        assert (sold.instrument, sold.quantity) == (UPBIT_BTC, Decimal("-0.00066"))
        assert [sold.entry_price, sold.price] == [150_900_000, 150_910_000]
        assert (bought.instrument, bought.quantity) == (BINANCE_BTC, Decimal("0.00066"))
        assert [bought.entry_price, bought.price] == [108_000, 107_990]

    def test_a_leg_alone_has_a_stop_of_its_own(self) -> None:
        """Sold at 150,900,000 it stops 1.2 % above; the fast ask is 10,000 above already."""
        desk = Desk()
        desk.begin()
        desk.signal()
        sold = next(one for one in desk.take_orders() if one.intent.instrument == UPBIT_BTC)
        desk.report(sold)

        line = line_of(desk)

        assert line.unhedged
        assert line.to_stop_krw == Decimal("99594") * Decimal("0.012") - Decimal("6.6")
        assert line.legs[1].quantity == 0
        assert (line.legs[1].entry_price, line.legs[1].price) == (None, None)

    def test_without_a_price_nothing_is_claimed(self) -> None:
        """After a restart, until the books come."""
        desk = Desk()
        desk.opened()
        again = desk.restarted()

        line = line_of(again)

        assert (line.unrealised_krw, line.to_stop_krw, line.to_stop_pct) == (None, None, None)
        assert nearest_stop_pct(again.engine.state, stop_of(again)) is None
        assert line.legs[0].price is None

    def test_an_opening_in_flight_has_no_stop_yet(self) -> None:
        """Nothing is held that could lose."""
        desk = Desk()
        desk.begin()
        desk.signal()

        assert line_of(desk).phase == "opening"
        assert to_stop_krw(desk.engine.state, stop_of(desk), desk.trade) is None


class TestOrders:
    def test_lists_what_is_out_until_it_ends(self) -> None:
        """With what has executed so far."""
        desk = Desk()
        desk.begin()
        desk.signal()
        first, second = desk.take_orders()
        desk.report(first, OrderState.PARTIAL, "0.0002")
        found = [
            order_line(one, {first.client_order_id: 7}) for one in orders_out(desk.engine.state)
        ]

        assert [one.client_order_id for one in found] == [
            first.client_order_id,
            second.client_order_id,
        ]
        assert (found[0].executed, found[0].state) == (Decimal("0.0002"), OrderState.PARTIAL)
        assert (found[0].since_ns, found[1].since_ns) == (7, 0)
        assert (found[0].side, found[0].limit_price) == (Side.SELL, Decimal(150_900_000))
        assert found[0].purpose is Purpose.OPEN
        assert found[0].trade_id == TradeId(desk.trade.id)

        desk.report(first, OrderState.CANCELLED, 0)
        desk.report(second, OrderState.UNKNOWN, 0)
        states = {one.approved.client_order_id: one for one in orders_out(desk.engine.state)}
        assert first.client_order_id not in states
        assert states[second.client_order_id].state is OrderState.UNKNOWN


@pytest.mark.parametrize("changes", [{}, {"stop": StopRules(static_pct=Decimal("0.5"))}])
def test_the_nearest_stop_is_of_the_trade_that_is_nearest(changes: dict[str, Any]) -> None:
    """None where nothing is open."""
    desk = Desk(**changes)
    desk.begin()
    assert nearest_stop_pct(desk.engine.state, stop_of(desk)) is None
    desk.signal()
    desk.fill_all()

    found = nearest_stop_pct(desk.engine.state, stop_of(desk))

    assert found == line_of(desk).to_stop_pct
    assert found is not None
    assert 0 < found < desk.rules.stop.static_pct
