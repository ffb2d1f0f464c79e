"""Ledger: facts in, one account out. Live and paper apart, exposure and free balance at worst."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.builders import (
    AT_NS,
    BINANCE_BTC,
    BTC,
    SELL_UPBIT,
    UPBIT_BINANCE,
    UPBIT_BTC,
    Number,
    a_closing,
    a_fill,
    a_proposal,
    dec,
    some_balances,
    some_evidence,
    some_instruments,
    some_limits,
)
from trader.domain.decision import Decision
from trader.domain.facts import (
    ClosingBegan,
    ClosingEnded,
    DayRolled,
    DustMoved,
    FillBooked,
    InventoryRebased,
    OrderMoved,
    OrdersApproved,
    TradeAbandoned,
    TradeClosed,
    TradeOpened,
    TradePeaked,
)
from trader.domain.instrument import BINANCE, KRW, UPBIT, USDT, Asset, InstrumentId
from trader.domain.order import (
    ApprovedOrder,
    ClientOrderId,
    DecisionId,
    LedgerName,
    OrderState,
    Proposal,
    Purpose,
    Side,
    TradeId,
)
from trader.domain.trade import TradePhase
from trader.portfolio.ledger import Ledger
from trader.risk.measure import Measured, Reading
from trader.risk.safety import CLOSING_CHECKS, ENTRY_CHECKS, Bound, SafetyValidator

T1 = TradeId("T1")
PAPER = LedgerName.PAPER


def approve(proposal: Proposal, *ids: str) -> OrdersApproved:
    """Approve a proposal's intents under these order ids, by the checks' own hand."""
    table = CLOSING_CHECKS if proposal.is_closing else ENTRY_CHECKS
    limits = some_limits()
    values: dict[str, Any] = {}
    for check in table:
        limit = getattr(limits, check.limit) if check.limit else Decimal(0)
        values[check.measure] = (Reading(limit * 2 if check.bound is Bound.ABOVE else Decimal(0)),)
    given = iter(ids)
    verdict = SafetyValidator(limits).validate(
        proposal, Measured(**values), T1, 0, lambda: ClientOrderId(next(given))
    )
    assert len(verdict.orders) == len(ids)
    decision = Decision(
        DecisionId("D1"),
        AT_NS,
        proposal.pair,
        proposal.direction,
        proposal.purpose,
        proposal.ledger,
        (),
        proposal.evidence,
        verdict.checks,
        approved=True,
    )
    return OrdersApproved(AT_NS, T1, decision, verdict.orders)


def booked(
    order: str,
    instrument: InstrumentId,
    side: Side,
    quantity: Number,
    price: Number,
    value_krw: Number,
    fee: Number = 0,
    fee_asset: Asset = KRW,
    fee_krw: Number = 0,
    ledger: LedgerName = PAPER,
) -> FillBooked:
    """A fill of an order, worth so many won."""
    fill = a_fill(
        instrument, side, quantity, price, fee=fee, fee_asset=fee_asset, order=order, key=order
    )
    return FillBooked(AT_NS, ledger, T1, fill, dec(value_krw), dec(fee_krw))


def moved(order: str, state: OrderState, executed: Number = 0) -> OrderMoved:
    """An order reached a state."""
    return OrderMoved(AT_NS, PAPER, ClientOrderId(order), T1, state, dec(executed))


SOLD = booked("o1", UPBIT_BTC, Side.SELL, "0.00066", 150_900_000, 99_594, "49.797", KRW, "49.797")
BOUGHT = booked(
    "o2", BINANCE_BTC, Side.BUY, "0.00066", 108_000, "99043.56", "0.00000066", BTC, "99.04356"
)
OPENED = TradeOpened(AT_NS, PAPER, T1, UPBIT_BINANCE, SELL_UPBIT, Decimal(99_594))


def a_ledger(*facts: Any) -> Ledger:
    """A paper ledger with plenty of everything, after these facts."""
    ledger = Ledger(PAPER, some_instruments())
    for (venue, asset), quantity in some_balances().items():
        ledger.apply(InventoryRebased(AT_NS, PAPER, venue, asset, quantity, "test"))
    for fact in facts:
        ledger.apply(fact)
    return ledger


def an_open_ledger(*facts: Any) -> Ledger:
    """After the documented entry, and these facts."""
    return a_ledger(
        approve(a_proposal(), "o1", "o2"),
        SOLD,
        moved("o1", OrderState.FILLED, "0.00066"),
        BOUGHT,
        moved("o2", OrderState.FILLED, "0.00066"),
        OPENED,
        *facts,
    )


class TestInFlight:
    def test_an_opening_holds_coin_and_money(self) -> None:
        """At its limit price and with its fee, until it is final."""
        ledger = a_ledger(approve(a_proposal(), "o1", "o2"))

        free = ledger.free()

        assert free[UPBIT, BTC] == Decimal("0.05") - Decimal("0.00066")
        assert free[BINANCE, USDT] == 5_000 - Decimal("71.28") * Decimal("1.001")
        assert free[UPBIT, KRW] == ledger.balances[UPBIT, KRW]

    def test_counts_at_its_worst_before_anything_filled(self) -> None:
        """The larger leg at its limit; dollars at the rate of the decision."""
        ledger = a_ledger(approve(a_proposal(), "o1", "o2"))

        assert ledger.exposure_krw == max(Decimal(99_594), Decimal("71.28") * 1_390)

    def test_dollars_may_be_the_larger_leg(self) -> None:
        """A cheaper sale beside a dear purchase."""
        intents = a_proposal().intents
        proposal = a_proposal(intents[0], replace(intents[1], limit_price=Decimal(109_000)))

        ledger = a_ledger(approve(proposal, "o1", "o2"))

        assert ledger.exposure_krw == Decimal("0.00066") * 109_000 * 1_390

    @pytest.mark.parametrize("state", [OrderState.ACKNOWLEDGED, OrderState.UNKNOWN])
    def test_an_order_not_final_holds_on(self, state: OrderState) -> None:
        """Unknown counts at its worst until it is settled."""
        ledger = a_ledger(approve(a_proposal(), "o1", "o2"), moved("o1", state))

        assert ledger.free()[UPBIT, BTC] == Decimal("0.05") - Decimal("0.00066")
        assert ledger.in_flight[T1] == {"o1", "o2"}

    def test_a_final_order_lets_go(self) -> None:
        """Cancelled with nothing filled."""
        ledger = a_ledger(
            approve(a_proposal(), "o1", "o2"),
            moved("o1", OrderState.CANCELLED),
            moved("o2", OrderState.EXPIRED),
        )

        assert ledger.free() == ledger.balances
        assert ledger.in_flight == {}

    def test_a_partial_fill_holds_only_the_rest(self) -> None:
        """What executed has left the balance already."""
        part = booked("o1", UPBIT_BTC, Side.SELL, "0.0002", 150_900_000, 30_180)
        ledger = a_ledger(
            approve(a_proposal(), "o1", "o2"), part, moved("o1", OrderState.PARTIAL, "0.0002")
        )

        assert ledger.balances[UPBIT, BTC] == Decimal("0.0498")
        assert ledger.free()[UPBIT, BTC] == Decimal("0.05") - Decimal("0.00066")


class TestExposure:
    def test_a_hedged_trade_counts_once(self) -> None:
        """By its larger leg at entry."""
        assert an_open_ledger().exposure_krw == Decimal(99_594)

    def test_a_lone_leg_counts_again(self) -> None:
        """One leg filled, the other did not: twice its notional, to the last digit."""
        ledger = a_ledger(
            approve(a_proposal(), "o1", "o2"),
            SOLD,
            moved("o1", OrderState.FILLED, "0.00066"),
            moved("o2", OrderState.EXPIRED),
        )

        assert ledger.exposure_krw == 2 * Decimal(99_594)

    def test_only_the_remainder_counts_again(self) -> None:
        """The hedged part counts once."""
        part = booked("o2", BINANCE_BTC, Side.BUY, "0.0005", 108_000, 75_033)
        ledger = a_ledger(
            approve(a_proposal(), "o1", "o2"),
            SOLD,
            moved("o1", OrderState.FILLED, "0.00066"),
            part,
            moved("o2", OrderState.EXPIRED, "0.0005"),
        )

        assert ledger.exposure_krw == 99_594 + Decimal("0.00016") * 150_900_000

    def test_in_flight_the_worse_of_plan_and_fills(self) -> None:
        """One leg filled while the other is still on its way."""
        ledger = a_ledger(approve(a_proposal(), "o1", "o2"), SOLD)

        assert ledger.exposure_krw == 2 * Decimal(99_594)


class TestClosing:
    def test_what_is_in_flight_is_not_closed_again(self) -> None:
        """Unknown orders may have closed it already."""
        ledger = an_open_ledger(approve(a_closing(), "c1", "c2"))

        assert ledger.reducible(ledger.trades[T1]) == {UPBIT_BTC: 0, BINANCE_BTC: 0}

    def test_a_final_order_frees_what_it_left(self) -> None:
        """0.0002 closed, the rest may be closed again."""
        ledger = an_open_ledger(
            approve(a_closing(), "c1", "c2"),
            booked("c1", UPBIT_BTC, Side.BUY, "0.0002", 150_910_000, 30_182),
            moved("c1", OrderState.EXPIRED, "0.0002"),
            moved("c2", OrderState.EXPIRED),
        )

        assert ledger.reducible(ledger.trades[T1]) == {
            UPBIT_BTC: Decimal("0.00046"),
            BINANCE_BTC: Decimal("0.00066"),
        }
        assert ledger.trades[T1].lone_leg == (BINANCE_BTC, Decimal("0.0002"))

    def test_begins_and_ends(self) -> None:
        """A partial closing leaves the trade standing."""
        ledger = an_open_ledger(
            ClosingBegan(AT_NS, PAPER, T1, Purpose.REBALANCE, Decimal("0.0004"))
        )
        during = ledger.trades[T1]
        ledger.apply(ClosingEnded(AT_NS, PAPER, T1))
        after = ledger.trades[T1]

        assert (during.phase, during.closing, during.keep) == (
            TradePhase.CLOSING,
            Purpose.REBALANCE,
            Decimal("0.0004"),
        )
        assert (after.phase, after.closing, after.keep) == (TradePhase.OPEN, None, Decimal(0))

    def test_a_trailing_stop_keeps_its_best_for_what_is_left(self) -> None:
        """Half of the trade closed, half of the best value: the stop neither jumps nor forgets."""
        ledger = an_open_ledger(
            TradePeaked(AT_NS, PAPER, T1, Decimal(600)),
            ClosingBegan(AT_NS, PAPER, T1, Purpose.REBALANCE, Decimal("0.00033")),
            booked("c1", UPBIT_BTC, Side.BUY, "0.00033", 150_000_000, 49_500),
            booked("c2", BINANCE_BTC, Side.SELL, "0.00033", 108_000, 49_000),
            ClosingEnded(AT_NS, PAPER, T1),
        )

        assert ledger.trades[T1].notional_krw == Decimal(99_594) / 2
        assert ledger.trades[T1].best_krw == Decimal(300)

    def test_an_exit_that_closed_nothing_keeps_the_best(self) -> None:
        """The spread turned before anything filled."""
        ledger = an_open_ledger(
            TradePeaked(AT_NS, PAPER, T1, Decimal(600)),
            ClosingBegan(AT_NS, PAPER, T1, Purpose.EXIT),
            ClosingEnded(AT_NS, PAPER, T1),
        )

        assert ledger.trades[T1].best_krw == Decimal(600)


class TestMoney:
    def test_fees_leave_in_the_asset_they_were_taken_in(self) -> None:
        """The leg keeps the filled quantity; the missing coin leaves inventory."""
        ledger = an_open_ledger()

        assert ledger.balances[UPBIT, KRW] == 5_000_000 + 99_594 - Decimal("49.797")
        assert ledger.balances[BINANCE, BTC] == Decimal("0.05") + Decimal("0.00065934")
        assert ledger.trades[T1].position(BINANCE_BTC).quantity == Decimal("0.00066")

    def test_a_fee_in_another_coin_leaves_that_coin(self) -> None:
        """Which may never have been heard of before."""
        bnb = Asset("BNB")
        fill = booked(
            "o2", BINANCE_BTC, Side.BUY, "0.00066", 108_000, "99043.56", "0.0001", bnb, "139"
        )
        ledger = a_ledger(approve(a_proposal(), "o1", "o2"), fill)

        assert ledger.balances[BINANCE, bnb] == Decimal("-0.0001")
        assert ledger.booked_krw == -139

    def test_dust_goes_to_inventory_at_entry_price(self) -> None:
        """The trade has less, the balances and the profit are as before."""
        before = an_open_ledger()
        quantity, cost = Decimal("0.00001"), Decimal("1500.66")
        after = an_open_ledger(DustMoved(AT_NS, PAPER, T1, BINANCE_BTC, quantity, cost))

        held = after.trades[T1].position(BINANCE_BTC)
        assert (held.quantity, held.average_krw) == (Decimal("0.00065"), Decimal(150_066_000))
        assert after.balances == before.balances
        assert after.booked_krw == before.booked_krw

    def test_a_late_fill_of_a_trade_that_is_gone_is_booked(self) -> None:
        """Money moves in every state: what it left is closed like a lone leg."""
        ledger = a_ledger(
            approve(a_proposal(), "o1", "o2"),
            moved("o1", OrderState.CANCELLED),
            moved("o2", OrderState.CANCELLED),
            TradeAbandoned(AT_NS, PAPER, T1, UPBIT_BINANCE, SELL_UPBIT, Decimal(0)),
            SOLD,
        )

        trade = ledger.trades[T1]
        assert (trade.phase, trade.pair) == (TradePhase.CLOSING, UPBIT_BINANCE)
        assert trade.position(UPBIT_BTC).quantity == Decimal("-0.00066")
        assert ledger.exposure_krw == Decimal(99_594)

    def test_a_closed_trade_keeps_its_money(self) -> None:
        """The profit stays in the ledger when the trade leaves it."""
        ledger = an_open_ledger()
        before = ledger.booked_krw
        ledger.apply(
            TradeClosed(
                AT_NS,
                PAPER,
                T1,
                UPBIT_BINANCE,
                SELL_UPBIT,
                Purpose.EXIT,
                before,
                Decimal(0),
                Decimal(99_594),
                AT_NS,
            )
        )

        assert (ledger.booked_krw, ledger.trades, ledger.trades_closed) == (before, {}, 1)


class TestTwoLedgers:
    def test_facts_of_the_other_ledger_change_nothing(self) -> None:
        """Live and paper are never one number."""
        live = Ledger(LedgerName.LIVE, some_instruments())
        for fact in (
            InventoryRebased(AT_NS, PAPER, UPBIT, KRW, Decimal(5), "test"),
            approve(a_proposal(), "o1", "o2"),
            SOLD,
            OPENED,
            DayRolled(AT_NS, PAPER, "2026-01-05", Decimal(9)),
        ):
            live.apply(fact)

        assert (live.balances, live.trades, live.orders) == ({}, {}, {})
        assert (live.booked_krw, live.date, live.trades_opened) == (Decimal(0), None, 0)

    def test_a_live_order_enters_the_live_ledger(self) -> None:
        """Decided by the proposal alone."""
        live = Ledger(LedgerName.LIVE, some_instruments())
        live.apply(approve(a_proposal(ledger=LedgerName.LIVE), "o1", "o2"))

        assert set(live.orders) == {"o1", "o2"}
        assert all(isinstance(order.approved, ApprovedOrder) for order in live.orders.values())


def test_a_day_counts_its_own_trades() -> None:
    """Midnight in Seoul starts the count and the loss anew."""
    ledger = an_open_ledger(DayRolled(AT_NS, PAPER, "2026-01-06", Decimal("-164.5")))

    assert (ledger.trades_opened, ledger.trades_today) == (1, 0)
    assert (ledger.date, ledger.day_open_krw) == ("2026-01-06", Decimal("-164.5"))


def test_replaying_the_facts_gives_the_same_account() -> None:
    """Start is recovery: nothing lives outside the facts."""
    facts = (
        approve(a_proposal(evidence=some_evidence()), "o1", "o2"),
        SOLD,
        moved("o1", OrderState.FILLED, "0.00066"),
        BOUGHT,
        OPENED,
    )
    first, again = a_ledger(*facts), a_ledger(*facts)

    assert (first.balances, first.trades, first.orders) == (
        again.balances,
        again.trades,
        again.orders,
    )
