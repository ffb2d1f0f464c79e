"""Inventory and rates are each ledger's own, and empty means what the checks mean."""

from decimal import Decimal

from tests.support.builders import BINANCE, BINANCE_BTC, UPBIT, UPBIT_BTC, USDT
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


def test_a_silent_venue_does_not_keep_the_others_from_paper() -> None:
    """Each balance is given when there is a price to measure it by, and once."""
    desk = Desk()
    desk.start()
    desk.book(UPBIT_BTC, 150_110_000, 150_120_000)
    desk.dollar()
    desk.wait(2)

    paper = desk.engine.state.ledgers[LedgerName.PAPER].balances
    assert {venue for venue, _ in paper} == {UPBIT}

    before = dict(paper)
    desk.book(BINANCE_BTC, 107_990, 108_000)
    desk.wait(2)
    assert (BINANCE, USDT) in paper
    assert {holding: paper[holding] for holding in before} == before
