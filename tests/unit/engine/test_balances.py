"""Balances follow the venue; what nobody can explain rests its entries, and may trip a breaker."""

from decimal import Decimal

import pytest

from tests.support.account_looks import look, rebased
from tests.support.builders import BTC, UPBIT_BTC
from tests.support.live_desk import LiveDesk
from trader.domain.control import Accept, ReplyCode
from trader.domain.facts import (
    BalanceMissed,
    BalanceSettled,
    BreakerCleared,
    BreakerCode,
    BreakerTripped,
    Cause,
)
from trader.domain.instrument import BINANCE, KRW, UPBIT, USDT, Asset
from trader.domain.order import LedgerName, OrderState, Purpose
from trader.engine.balances import DECREASE, FIRST, INCREASE, ROUNDING


def upbit(desk: LiveDesk) -> dict[str, Decimal]:
    """What the live ledger counts at Upbit."""
    return {asset: total for (venue, asset), total in desk.live.balances.items() if venue == UPBIT}


def counted() -> LiveDesk:
    """A desk whose live ledger was based once on five million won and half a coin at Upbit."""
    desk = LiveDesk(restored=[])
    look(desk, KRW=5_000_000, BTC="0.5")
    desk.facts.clear()
    return desk


def traded() -> LiveDesk:
    """A live desk with a trade open: sold at Upbit, bought at Binance; all quiet since."""
    desk = LiveDesk()
    desk.go_live()
    desk.signal()
    for order in desk.take_orders():
        desk.answer(order)
    desk.quiet_books()
    desk.wait(5)
    look(desk, venue=UPBIT)
    look(desk, venue=BINANCE)
    desk.facts.clear()
    return desk


def short(desk: LiveDesk) -> list[str]:
    """What the standing breakers of short balances are about."""
    standing = desk.engine.state.breakers_of(LedgerName.LIVE)
    return [subject for code, subject in standing if code is BreakerCode.BALANCE_SHORT]


class TestFirstStatement:
    def test_gives_the_ledger_its_inventory(self) -> None:
        """What a venue holds at the first reconciliation is the operator's."""
        desk = LiveDesk(restored=[])

        look(desk, KRW=5_000_000, BTC="0.5", XRP=7)

        assert upbit(desk) == {BTC: Decimal("0.5"), KRW: Decimal(5_000_000), USDT: Decimal(0)}
        assert {reason for _, reason in rebased(desk)} == {FIRST}
        assert desk.all(BalanceMissed) == []

    def test_an_asset_not_named_is_nothing(self) -> None:
        """A venue that does not list an asset holds none of it; that, too, is known then."""
        desk = LiveDesk(restored=[])

        look(desk, KRW=1)

        assert upbit(desk)[BTC] == 0


class TestNothingToTell:
    def test_the_same_again_changes_nothing(self) -> None:
        """No fact, no commit."""
        desk = counted()

        outcome = look(desk)

        assert outcome.facts == ()

    def test_any_increase_is_inventory(self) -> None:
        """A deposit, interest, a reward: it re-bases and trips nothing."""
        desk = counted()

        look(desk, KRW=6_000_000, BTC="0.500001")

        assert dict(rebased(desk)) == {KRW: INCREASE, BTC: INCREASE}
        assert desk.all(BalanceMissed) == []
        assert short(desk) == []

    def test_less_than_a_lot_or_a_won_is_rounding(self) -> None:
        """A venue may round fees otherwise than we do."""
        desk = counted()

        look(desk, KRW="4999999.5", BTC="0.499999999")

        assert dict(rebased(desk)) == {KRW: ROUNDING, BTC: ROUNDING}
        assert desk.all(BalanceMissed) == []

    def test_dollars_are_rounded_by_about_a_won(self) -> None:
        """They have no lot at the venue where they are money."""
        desk = LiveDesk()
        desk.begin()

        look(desk, venue=BINANCE, USDT="4999.9991")

        assert (USDT, ROUNDING) in rebased(desk)
        assert desk.all(BalanceMissed) == []

    def test_paper_is_untouched(self) -> None:
        """Two ledgers, never one number for both."""
        desk = LiveDesk(restored=[])
        desk.begin()
        before = dict(desk.engine.state.ledgers[LedgerName.PAPER].balances)

        look(desk, KRW=1, BTC=2)

        assert desk.engine.state.ledgers[LedgerName.PAPER].balances == before


class TestDecrease:
    def test_is_told_with_its_size_and_a_guess(self) -> None:
        """Money that left without an order of ours is looked at by a person."""
        desk = counted()

        look(desk, BTC="0.3")

        assert rebased(desk) == [(BTC, DECREASE)]
        (missed,) = desk.all(BalanceMissed)
        assert (missed.expected, missed.found, missed.missing) == (
            Decimal("0.5"),
            Decimal("0.3"),
            Decimal("0.2"),
        )
        assert missed.cause is Cause.WITHDRAWAL
        assert short(desk) == []

    def test_an_order_placed_by_hand_is_the_better_guess(self) -> None:
        """The account shows one in that very instrument."""
        desk = counted()

        look(desk, BTC="0.3", others=[UPBIT_BTC])

        assert desk.all(BalanceMissed)[0].cause is Cause.OWN_ORDERS

    def test_what_goes_missing_adds_up(self) -> None:
        """The operator reads all that is unexplained, not the last of it."""
        desk = counted()
        look(desk, BTC="0.3")

        look(desk, BTC="0.25")

        assert desk.all(BalanceMissed)[-1].missing == Decimal("0.25")

    def test_is_told_once(self) -> None:
        """The ledger counts what is there; the next statement agrees."""
        desk = counted()
        look(desk, BTC="0.3")

        outcome = look(desk)

        assert outcome.facts == ()


class TestRests:
    def test_no_live_entry_that_needs_the_asset_goes(self) -> None:
        """Coin or money, at that venue."""
        for changes in ({"BTC": "0.04"}, {"KRW": 4_000_000}):
            desk = LiveDesk()
            desk.go_live()
            look(desk, **changes)

            desk.signal()

            assert desk.take_orders() == []

    def test_entries_that_do_not_need_it_go_on(self) -> None:
        """An asset at a venue that this trade does not touch."""
        desk = LiveDesk()
        desk.go_live()
        look(desk, USDT=5)
        look(desk, USDT=0)
        assert desk.all(BalanceMissed)

        desk.signal()

        assert len(desk.take_orders()) == 2

    def test_closings_are_not_touched(self) -> None:
        """What is open must be closable."""
        desk = traded()
        look(desk, KRW=upbit(desk)[KRW] - 1_000_000)
        assert desk.all(BalanceMissed)

        desk.even()

        assert {order.purpose for order in desk.take_orders()} == {Purpose.EXIT}

    def test_a_leg_is_not_completed_with_it(self) -> None:
        """Completing is an entry of its own: the remainder is unwound instead."""
        desk = LiveDesk()
        desk.go_live()
        desk.signal()
        sell, buy = desk.take_orders()
        desk.answer(buy, OrderState.EXPIRED)
        desk.wait(4)
        look(desk, venue=BINANCE, BTC="0.01")
        assert desk.all(BalanceMissed)

        desk.answer(sell)

        assert [order.purpose for order in desk.take_orders()] == [Purpose.UNWIND]

    def test_until_it_is_back(self) -> None:
        """What was withdrawn by mistake came back by itself."""
        desk = LiveDesk()
        desk.go_live()
        look(desk, BTC="0.04")

        look(desk, BTC="0.05")
        desk.signal()

        assert [(f.asset, f.by) for f in desk.all(BalanceSettled)] == [(BTC, "")]
        assert len(desk.take_orders()) == 2

    def test_a_smaller_increase_explains_nothing(self) -> None:
        """Interest is no return."""
        desk = counted()
        look(desk, BTC="0.3")

        look(desk, BTC="0.31")

        assert desk.all(BalanceSettled) == []

    @pytest.mark.parametrize("subject", ["", "upbit:BTC"])
    def test_until_an_operator_accepts_it(self, subject: str) -> None:
        """All that stands, or this one by its name."""
        desk = LiveDesk()
        desk.go_live()
        look(desk, BTC="0.04")

        reply = desk.command(Accept("host", subject)).reply
        desk.signal()

        assert reply is not None
        assert (reply.code, reply.details) == (ReplyCode.ACCEPTED, ("upbit:BTC",))
        assert [(f.asset, f.by) for f in desk.all(BalanceSettled)] == [(BTC, "host")]
        assert len(desk.take_orders()) == 2

    def test_over_a_restart(self) -> None:
        """It is a fact of the journal."""
        desk = LiveDesk()
        desk.go_live()
        look(desk, BTC="0.04")

        later = LiveDesk(restored=desk.history)

        assert list(later.engine.state.discrepancies.missing) == [(UPBIT, BTC)]


class TestNotJudged:
    def test_while_an_order_is_out(self) -> None:
        """Its fill may be in the venue's figures and not yet in ours."""
        desk = LiveDesk()
        desk.go_live()
        desk.signal()
        before = upbit(desk)

        look(desk, KRW=1, BTC=0)

        assert upbit(desk) == before | {USDT: Decimal(0)}

    def test_but_other_assets_are_while_an_order_stands_unknown(self) -> None:
        """One that is quarantined for days must not blind us to all the rest."""
        desk = LiveDesk()
        desk.go_live()
        look(desk, USDT=5)
        desk.signal()
        for order in desk.take_orders():
            desk.answer(order, OrderState.UNKNOWN)
        desk.wait(5)

        look(desk, USDT=0, BTC=0)

        assert [fact.asset for fact in desk.all(BalanceMissed)] == [USDT]

    def test_what_was_asked_for_before_a_report(self) -> None:
        """It may be older than the fill that was just booked."""
        desk = LiveDesk()
        desk.go_live()
        desk.signal()
        asked = desk.mono_ns
        desk.wait(1)
        for order in desk.take_orders():
            desk.answer(order)
        before = upbit(desk)

        look(desk, asked_mono_ns=asked, KRW=1, BTC=0)

        assert upbit(desk) == before | {USDT: Decimal(0)}

    def test_what_was_asked_for_a_moment_after_a_report(self) -> None:
        """A venue's balances may follow its reports a little later."""
        desk = LiveDesk()
        desk.go_live()
        desk.signal()
        for order in desk.take_orders():
            desk.answer(order)
        desk.wait(2)

        look(desk, BTC=0)
        early = desk.all(BalanceMissed)
        desk.wait(2)
        look(desk, BTC=0)

        assert early == []
        assert [fact.asset for fact in desk.all(BalanceMissed)] == [BTC]


class TestShort:
    def test_of_what_open_legs_need_trips(self) -> None:
        """The coin of a long is not all there."""
        desk = traded()

        look(desk, venue=BINANCE, BTC="0.0001")

        (tripped,) = desk.all(BreakerTripped)
        assert (tripped.breaker, tripped.subject) == (BreakerCode.BALANCE_SHORT, "binance:BTC")
        assert tripped.value == Decimal("0.00066") - Decimal("0.0001")
        assert desk.all(BalanceMissed)[0].cause is Cause.WITHDRAWAL

    def test_by_no_more_than_coin_fees_and_a_lot_does_not(self) -> None:
        """What a fee taken in coin leaves missing is dust: 0.00066 less its fee, less a lot."""
        needs, fee, lot = Decimal("0.00066"), Decimal("0.00000066"), Decimal("0.00001")
        for missing, trips in ((fee + lot, False), (fee + lot + Decimal("0.0000001"), True)):
            desk = traded()

            look(desk, venue=BINANCE, BTC=needs - missing)

            assert (short(desk) == ["binance:BTC"]) is trips

    def test_of_the_money_to_buy_back_a_short_trips(self) -> None:
        """0.00066 at 150,120,000 and its fee come to about 99,100 won."""
        for left, trips in ((99_000, True), (99_200, False)):
            desk = traded()

            look(desk, KRW=left)

            assert (short(desk) == ["upbit:KRW"]) is trips

    def test_a_decrease_that_leaves_enough_is_only_told(self) -> None:
        """Inventory is the operator's."""
        desk = traded()

        look(desk, venue=BINANCE, BTC="0.001")

        assert desk.all(BalanceMissed)
        assert short(desk) == []

    def test_clears_when_it_is_back(self) -> None:
        """Its cause is over."""
        desk = traded()
        look(desk, venue=BINANCE, BTC="0.0001")

        look(desk, venue=BINANCE, BTC="0.06")

        assert short(desk) == []
        assert [f.breaker for f in desk.all(BreakerCleared)] == [BreakerCode.BALANCE_SHORT]
        assert [f.asset for f in desk.all(BalanceSettled)] == [BTC]

    def test_clears_when_nothing_needs_it_any_more(self) -> None:
        """The trade was closed with what there was; the decrease itself stays unexplained."""
        desk = traded()
        look(desk, KRW=99_000)
        desk.even()
        for order in desk.take_orders():
            desk.answer(order)
        desk.wait(10)
        for order in desk.take_orders():
            desk.answer(order)
        desk.wait(5)
        assert desk.live.trades == {}

        look(desk)

        assert short(desk) == []
        assert desk.engine.state.discrepancies.missing

    def test_clears_when_it_is_accepted_and_does_not_trip_again(self) -> None:
        """Only a further decrease does."""
        desk = traded()
        look(desk, venue=BINANCE, BTC="0.0001")

        desk.command(Accept("host"))
        look(desk, venue=BINANCE)

        assert short(desk) == []

        look(desk, venue=BINANCE, BTC="0.00005")
        assert short(desk) == ["binance:BTC"]


class TestTiedToOurOrders:
    def test_trips_although_nothing_is_needed(self) -> None:
        """Since it last agreed only we moved it: our own records may be wrong."""
        desk = LiveDesk()
        desk.go_live()
        look(desk, venue=UPBIT)
        desk.signal()
        for order in desk.take_orders():
            desk.answer(order)
        desk.quiet_books()
        desk.wait(5)

        look(desk, BTC=upbit(desk)[Asset("BTC")] - Decimal("0.001"))

        assert short(desk) == ["upbit:BTC"]
        assert desk.all(BalanceMissed)[0].is_tied

    def test_not_once_it_agreed_after_them(self) -> None:
        """What came later is somebody else's doing."""
        desk = traded()

        look(desk, BTC=upbit(desk)[Asset("BTC")] - Decimal("0.001"))

        assert short(desk) == []

    def test_orders_on_their_way_over_a_restart_tie_it(self) -> None:
        """What they did while nobody listened is what may be missing."""
        desk = LiveDesk()
        desk.go_live()
        desk.signal()
        later = LiveDesk(restored=desk.history)
        later.begin()
        for order in desk.take_orders():
            later.answer(order)
        later.wait(5)

        look(later, BTC=upbit(later)[Asset("BTC")] - Decimal("0.001"))

        assert short(later) == ["upbit:BTC"]

    def test_stands_until_it_is_back_or_accepted(self) -> None:
        """That nothing is open does not end it."""
        desk = LiveDesk()
        desk.go_live()
        desk.signal()
        for order in desk.take_orders():
            desk.answer(order, OrderState.EXPIRED)
        desk.quiet_books()
        desk.wait(5)
        look(desk, BTC="0.04")
        assert short(desk) == ["upbit:BTC"]
        look(desk)
        assert short(desk) == ["upbit:BTC"]

        look(desk, BTC="0.05")

        assert short(desk) == []
