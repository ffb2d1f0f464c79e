"""Trades left and break-even are those of the engine: its strategy, its checks, its books."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from tests.support.builders import (
    BINANCE_BTC,
    UPBIT_BINANCE,
    UPBIT_BTC,
    a_proposal,
    an_instrument,
    some_evidence,
    some_instruments,
)
from tests.support.engine_harness import Desk
from trader.app.prospects import MOST_TRADES, Prospects, break_even_pct, last_known_books
from trader.config import Settings
from trader.domain.facts import InventoryRebased, OrdersApproved
from trader.domain.instrument import BINANCE, UPBIT, Asset, Instrument, InstrumentId, Venue
from trader.domain.market import MarketView
from trader.domain.order import LedgerName, PairName, Proposal

BTC, KRW, USDT = Asset("BTC"), Asset("KRW"), Asset("USDT")
SELL_UPBIT = "upbit>binance"


@pytest.fixture
def desk() -> Desk:
    """An engine at the documented books, with plenty everywhere."""
    desk = Desk()
    desk.begin()
    return desk


def holds(desk: Desk, venue: Venue, asset: Asset, quantity: str) -> None:
    """The paper ledger holds so much of it."""
    desk.engine.state.record(
        InventoryRebased(desk.at_ns, LedgerName.PAPER, venue, asset, Decimal(quantity), "test")
    )


def found(desk: Desk, direction: str = SELL_UPBIT, **changes: Any) -> dict[str, Any]:
    """The figures of one direction of Upbit against Binance."""
    figures: Any = Prospects(Settings(), some_instruments()).figures(desk.engine.state, **changes)
    (row,) = [
        row
        for row in figures["directions"]
        if (row["pair"], row["direction"]) == (UPBIT_BINANCE, direction)
    ]
    return dict(row)


class TestTradesLeft:
    def test_are_as_many_as_the_coin_covers(self, desk: Desk) -> None:
        """One trade is 0.00066 BTC at these books; the third takes it to 0.00198."""
        holds(desk, UPBIT, BTC, "0.00198")
        assert found(desk)["left"] == 3

        holds(desk, UPBIT, BTC, "0.00197")
        assert found(desk)["left"] == 2

    def test_are_as_many_as_the_money_covers(self, desk: Desk) -> None:
        """71.28 dollars each, at the best ask; the fee is taken in coin."""
        holds(desk, BINANCE, USDT, "142.56")

        assert found(desk)["left"] == 2

    def test_leave_what_open_trades_need_to_close(self, desk: Desk) -> None:
        """The won to buy back what was sold is not there for one more trade."""
        desk.signal()
        desk.fill_all()
        holds(desk, UPBIT, KRW, "0")

        assert found(desk)["left"] == 0

    def test_an_empty_direction_names_its_transfer(self, desk: Desk) -> None:
        """As the engine found it."""
        holds(desk, UPBIT, BTC, "0.0001")
        desk.wait(2)

        row = found(desk)

        assert row["left"] == 0
        assert row["why"].startswith("move 0.0006")
        assert row["why"].endswith("BTC from binance to upbit")
        assert found(desk, "binance>upbit")["why"] == ""

    def test_are_counted_up_to_a_bound(self, desk: Desk) -> None:
        """More is as good as any number."""
        for venue, asset in ((UPBIT, BTC), (UPBIT, KRW), (BINANCE, USDT), (BINANCE, BTC)):
            holds(desk, venue, asset, "1000000000000")

        assert found(desk)["left"] == MOST_TRADES

    def test_wait_for_prices_and_balances(self) -> None:
        """Nothing is guessed."""
        desk = Desk()
        assert found(desk)["left"] is None
        assert found(desk)["why"] == "needs the paper ledger's balances"

        holds(desk, UPBIT, BTC, "1")
        assert found(desk)["why"] == "needs prices"


class TestBreakEven:
    def test_is_the_spread_at_which_the_engine_begins_to_trade(self, desk: Desk) -> None:
        """A hair under it nothing is proposed; a hair over it there is a trade."""
        needed = Decimal(found(desk)["needed_pct"])
        cost = Decimal("108000") * 1390
        under = int(cost * (1 + needed / 100)) // 1_000 * 1_000

        desk.book(UPBIT_BTC, under, under + 10_000)
        assert desk.all(OrdersApproved) == []
        desk.book(UPBIT_BTC, under + 1_000, under + 10_000)
        assert len(desk.all(OrdersApproved)) == 1

    def test_is_made_of_fees_exit_profit_and_slippage(self, desk: Desk) -> None:
        """0.05 % and 0.10 %, twice; 0.05 % to close at, 0.05 % to gain."""
        row = found(desk)

        assert Decimal(row["fees_pct"]) == Decimal("0.30")
        parts = ("fees_pct", "exit_pct", "min_profit_pct", "slippage_pct")
        assert Decimal(row["needed_pct"]) == sum(Decimal(row[part]) for part in parts)

    def test_leaves_slippage_open_without_books_to_walk(self, desk: Desk) -> None:
        """Best prices alone do not tell it; the rest is known on any host."""
        for row in (found(desk, prices="journal"), found(Desk(), prices="none")):
            assert row["slippage_pct"] is None
            assert Decimal(row["needed_pct"]) == Decimal("0.40")

    def test_follows_the_fees_the_engine_knows(self, desk: Desk) -> None:
        """A venue may state others than the config."""
        desk.state_fees(UPBIT_BTC, "0.25")

        assert Decimal(found(desk)["fees_pct"]) == Decimal("0.70")

    def test_is_of_the_evidence(self) -> None:
        """Whatever a strategy takes off the spread, and the profit wanted."""
        evidence = some_evidence(spread_pct=Decimal("0.9"), expected_net_pct=Decimal("0.2"))

        assert break_even_pct(evidence, Decimal("0.05")) == Decimal("0.75")

    def test_of_a_strategy_that_says_nothing_is_open(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A user's own may state no evidence, or propose nothing at these books."""
        monkeypatch.setattr("trader.app.prospects.load_strategy", Silent)

        assert found(desk)["needed_pct"] is None
        assert found(desk)["left"] == found(desk)["left"]


class Silent:
    """Proposes the documented trade and says nothing of its costs."""

    def __init__(self, *_: object) -> None: ...

    @property
    def directions(self) -> Sequence[tuple[PairName, str, InstrumentId, InstrumentId]]:
        """The one."""
        return ((UPBIT_BINANCE, SELL_UPBIT, UPBIT_BTC, BINANCE_BTC),)

    def revise(self, instrument: Instrument) -> None:
        """Nothing to revise."""

    def propose(
        self, _instrument: InstrumentId, _market: MarketView, _ledger: LedgerName, _may: object
    ) -> Proposal:
        """Without evidence."""
        return a_proposal(evidence=None)


class TestLastKnownBooks:
    def test_are_those_of_the_newest_decision(self, desk: Desk) -> None:
        """Best prices with no end to them, and so old that they are fresh to nobody."""
        desk.signal()

        books, at_ns = last_known_books(desk.facts)

        assert at_ns == desk.all(OrdersApproved)[-1].at_ns
        assert (books[UPBIT_BTC].best_bid, books[UPBIT_BTC].best_ask) == (150_900_000, 150_910_000)
        again = Desk(restored=desk.facts)
        for book in books.values():
            again.engine.state.market.update(book)
        assert not again.engine.state.is_fresh(UPBIT_BTC)
        assert found(again, prices="journal")["left"] == found(desk)["left"]

    def test_are_none_where_nothing_was_decided(self) -> None:
        """A fresh journal knows no price."""
        assert last_known_books([]) == ({}, 0)


def test_its_own_strategy_leaves_the_engine_s_alone(desk: Desk) -> None:
    """No question makes the engine trade at a loss."""
    Prospects(Settings(), some_instruments(upbit_BTC=an_instrument())).figures(desk.engine.state)
    desk.quiet_books()

    assert desk.all(OrdersApproved) == []
