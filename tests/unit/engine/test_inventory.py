"""Inventory and rates are each ledger's own, and empty means what the checks mean."""

from decimal import Decimal

from tests.support.engine_harness import Desk
from trader.domain.facts import DirectionEmptied, RefusalBegan
from trader.domain.order import LedgerName


def test_the_reserve_of_open_trades_is_not_there_for_one_more() -> None:
    """A direction is empty before a check must refuse it for want of the stop reserve."""
    desk = Desk(paper_balance_krw=Decimal(150_000), max_trades_per_pair=2)
    desk.opened()
    desk.wait(2)

    assert {fact.direction for fact in desk.all(DirectionEmptied)} >= {"upbit>binance"}
    before = len(desk.all(RefusalBegan))
    desk.signal()
    assert desk.sent == []
    assert len(desk.all(RefusalBegan)) == before


def test_the_order_rate_of_one_ledger_is_not_the_others() -> None:
    """Paper traffic uses up no live order."""
    desk = Desk()
    desk.opened()

    state = desk.engine.state
    assert state.lately.orders_last_minute(LedgerName.PAPER, state.now_ns) == 2
    assert state.lately.orders_last_minute(LedgerName.LIVE, state.now_ns) == 0
