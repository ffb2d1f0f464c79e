"""What closing would do is what closing then does: same prices, same checks, same result."""

from decimal import Decimal

import pytest

from tests.support.builders import AT_NS, BINANCE_BTC, UPBIT_BTC, Number, an_instrument
from tests.support.engine_harness import Desk
from tests.support.live_desk import GOOD_PAIR, LiveDesk
from trader.domain.answers import ImpactAnswer, Origin
from trader.domain.control import BlockReason, CheckName, Halt, Mode, ToPaper
from trader.domain.facts import InventoryRebased, OrdersApproved, TradeClosed
from trader.domain.instrument import KRW, UPBIT
from trader.domain.order import LedgerName, OrderState, Purpose, Side, TradeId
from trader.engine.fingerprint import fingerprint_of
from trader.engine.impact import closing_result_krw, impact

PAPER, LIVE = LedgerName.PAPER, LedgerName.LIVE


def shown(desk: Desk, ledger: LedgerName = PAPER, trade_id: TradeId | None = None) -> ImpactAnswer:
    """What an operator would see before he confirms."""
    return impact(desk.engine.state, Origin("test", Mode.MOCK, AT_NS), ledger, trade_id)


@pytest.fixture
def desk() -> Desk:
    """An engine with the documented trade open."""
    desk = Desk()
    desk.opened()
    return desk


@pytest.fixture
def live() -> LiveDesk:
    """The same, live."""
    desk = LiveDesk()
    desk.go_live()
    desk.signal()
    for order in desk.take_orders():
        desk.answer(order)
    assert desk.live.trades
    return desk


class TestImpact:
    def test_tells_the_result_the_closing_then_has(self, desk: Desk) -> None:
        """The documented round trip: +249.561873 won, fees of all four fills included."""
        desk.book(BINANCE_BTC, "108100", "108110")
        before = desk.facts[-1]
        answer = shown(desk)
        assert desk.facts[-1] is before

        desk.book(UPBIT_BTC, 150_200_000, 150_210_000)
        even = shown(desk)
        for order in desk.take_orders():
            instrument = order.intent.instrument
            price = 150_210_000 if instrument == UPBIT_BTC else Decimal(108_100)
            desk.report(order, price=price)

        (closed,) = desk.all(TradeClosed)
        assert even.result_krw == closed.pnl_krw == Decimal("249.561873")
        assert answer.result_krw is not None
        assert answer.result_krw < even.result_krw

    def test_orders_are_those_the_engine_then_sends(self, desk: Desk) -> None:
        """Side, quantity and limit price of every leg."""
        (line,) = shown(desk).trades
        desk.stop(flatten=True)
        approved = desk.all(OrdersApproved)[-1]

        assert [(leg.instrument, leg.side, leg.quantity, leg.limit_price) for leg in line.legs] == [
            (i.instrument, i.side, i.quantity, i.limit_price)
            for i in (order.intent for order in approved.orders)
        ]
        assert approved.orders[0].purpose is Purpose.FLATTEN
        assert [(one.check, one.passed, one.limit) for one in line.checks] == [
            (one.check, one.passed, one.limit) for one in approved.decision.checks
        ]

    def test_walks_the_book_for_the_whole_leg(self, desk: Desk) -> None:
        """Half at the best ask, half 1,000,000 higher, beyond the limit: that half comes later."""
        asks: list[tuple[Number, Number]] = [(150_910_000, "0.00033"), (151_910_000, 1)]
        desk.book(UPBIT_BTC, 0, 0, bids=[(150_900_000, 50)], asks=asks)

        (line,) = shown(desk).trades
        leg = line.legs[0]

        assert leg.average_price == 151_410_000
        assert leg.slippage_pct == abs(Decimal(151_410_000) / 150_910_000 - 1) * 100
        assert (leg.quantity, leg.later) == (Decimal("0.00033"), Decimal("0.00033"))
        # Both legs alike, so that nothing hangs half closed.
        assert line.legs[1].quantity == Decimal("0.00033")

    def test_a_balance_that_is_short_leaves_the_rest_for_later(self, desk: Desk) -> None:
        """The won to buy back what was sold are not all there."""
        desk.engine.state.record(
            InventoryRebased(desk.at_ns, PAPER, UPBIT, KRW, Decimal(50_000), "test")
        )
        (line,) = shown(desk).trades

        assert Decimal("0.0003") < line.legs[0].quantity < Decimal("0.00033")
        assert line.legs[0].quantity + line.legs[0].later == Decimal("0.00066")

    def test_a_leg_alone_is_unwound_first(self) -> None:
        """Only what stands there can be closed."""
        desk = Desk()
        desk.begin()
        desk.signal()
        sold, bought = desk.take_orders()
        desk.report(sold)
        desk.report(bought, OrderState.CANCELLED, 0)
        # What completes or unwinds it is out; the operator looks meanwhile.
        (line,) = shown(desk).trades

        assert [(leg.instrument, leg.side) for leg in line.legs] == [(UPBIT_BTC, Side.BUY)]
        assert line.legs[0].quantity == Decimal("0.00066")
        assert line.result_krw is not None

    def test_without_a_fresh_book_no_result_is_claimed(self, desk: Desk) -> None:
        """Neither a price nor a sum; and the check that would refuse says so."""
        desk.pass_ms(4_000)
        desk.book(UPBIT_BTC, 150_110_000, 150_120_000)

        answer = shown(desk)

        assert answer.result_krw is None
        assert closing_result_krw(desk.engine.state, PAPER) is None
        (line,) = answer.trades
        assert line.legs[0].average_price is not None
        assert line.legs[1].average_price is None
        refused = {one.check for one in line.checks if not one.passed}
        assert CheckName.BOOK_AGE in refused

    def test_dust_is_swept_and_has_no_order(self, desk: Desk) -> None:
        """A hedged trade under a venue's minimum moves to inventory at entry price."""
        desk.engine.state.instruments[UPBIT_BTC] = an_instrument(minimum=200_000)

        (line,) = shown(desk).trades

        assert line.legs == ()
        assert line.result_krw == desk.trade.pnl_krw

    def test_of_nothing_is_nothing(self) -> None:
        """It may go, too: there is nothing to hold back."""
        answer = shown(Desk())

        assert [answer.result_krw, answer.notional_krw] == [0, 0]
        assert answer.trades == ()
        assert answer.may_go

    def test_one_trade_is_asked_for_by_its_id(self, desk: Desk) -> None:
        """Its fingerprint is its own."""
        one, both = shown(desk, trade_id=desk.trade.id), shown(desk)

        assert one.result_krw == both.result_krw
        assert one.notional_krw == both.notional_krw == 99_594
        assert one.fingerprint == fingerprint_of(desk.engine.state, PAPER, desk.trade.id)
        assert one.fingerprint != both.fingerprint


class TestMayGo:
    def test_live_closings_go_while_the_gate_lets_them(self, live: LiveDesk) -> None:
        """Open, and demoted to paper while the file stands."""
        assert shown(live, LIVE).may_go
        live.command(ToPaper("p"))
        live.tick()
        assert shown(live, LIVE).may_go
        assert shown(live, LIVE).blocks == ()

    def test_revoked_closings_say_why(self, live: LiveDesk) -> None:
        """The gate would turn each of them away."""
        live.sense(env_flag=False)
        live.tick()
        answer = shown(live, LIVE)

        assert not answer.may_go
        assert BlockReason.ENV_FLAG_MISSING in answer.blocks
        gate = [one for one in answer.trades[0].checks if one.check is CheckName.LIVE_GATE]
        assert [one.passed for one in gate] == [False]

    def test_a_halt_leaves_them_to_the_operator_unless_nothing_goes(self, live: LiveDesk) -> None:
        """``/halt now`` forbids even the operator's own."""
        live.command(Halt("p"))
        assert shown(live, LIVE).may_go

        live.command(Halt("p", now=True))
        assert not shown(live, LIVE).may_go
        assert BlockReason.HALTED in shown(live, LIVE).blocks

    @pytest.mark.parametrize(
        ("lacks", "reason"),
        [("fresh", BlockReason.FEEDS_STALE), ("reconciled", BlockReason.NOT_RECONCILED)],
    )
    def test_a_pair_that_is_not_ready_holds_its_own_back(
        self, live: LiveDesk, lacks: str, reason: BlockReason
    ) -> None:
        """However open the gate is."""
        (name,) = {trade.pair for trade in live.live.trades.values()}
        pair = type(GOOD_PAIR)(
            **{field: field != lacks for field in ("fresh", "reconciled", "clock_holds")}
        )
        live.sense(pairs={name: pair})
        live.tick()

        assert shown(live, LIVE).blocks == (reason,)

    def test_before_the_first_look_nothing_live_goes(self) -> None:
        """Paper always does."""
        desk = LiveDesk()

        assert shown(desk, LIVE).blocks == (BlockReason.NOT_RECONCILED,)
        assert shown(desk, PAPER).may_go


class TestFingerprint:
    def test_is_of_what_stands_not_of_prices(self, desk: Desk) -> None:
        """A quote leaves it alone."""
        before = fingerprint_of(desk.engine.state, PAPER)
        desk.book(BINANCE_BTC, "107980", "107990")

        assert fingerprint_of(desk.engine.state, PAPER) == before
        assert len(before) == 12

    def test_changes_with_fills_phases_and_ends(self, desk: Desk) -> None:
        """And never comes back by itself."""
        state, seen = desk.engine.state, []
        seen.append(fingerprint_of(state, PAPER))
        desk.even()
        seen.append(fingerprint_of(state, PAPER))
        first, second = desk.take_orders()
        desk.report(first)
        seen.append(fingerprint_of(state, PAPER))
        desk.report(second)
        seen.append(fingerprint_of(state, PAPER))

        assert len(set(seen)) == 4

    def test_changes_with_every_act_on_authority(self, desk: Desk) -> None:
        """What was confirmed before it was confirmed of another state."""
        state, before = desk.engine.state, fingerprint_of(desk.engine.state, PAPER)
        desk.command(ToPaper("p"))
        demoted = fingerprint_of(state, PAPER)
        desk.command(Halt("p"))

        assert len({before, demoted, fingerprint_of(state, PAPER)}) == 3

    def test_is_of_one_ledger_and_of_one_trade(self, desk: Desk) -> None:
        """A trade that is not open has that of its absence."""
        state = desk.engine.state
        absent = fingerprint_of(state, PAPER, TradeId("T99"))

        assert fingerprint_of(state, PAPER) != fingerprint_of(state, LIVE)
        assert absent == fingerprint_of(state, PAPER, TradeId("T99"))
        assert absent != fingerprint_of(state, PAPER, TradeId("T98"))
        assert absent != fingerprint_of(state, PAPER, desk.trade.id)

    def test_is_the_same_in_every_process(self, desk: Desk) -> None:
        """A confirmation outlives a restart that changed nothing."""
        again = desk.restarted()

        assert fingerprint_of(again.engine.state, PAPER) == fingerprint_of(desk.engine.state, PAPER)
