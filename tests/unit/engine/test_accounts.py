"""The live ledger follows what venues state, unless orders of our own may explain a difference."""

from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from tests.support.builders import BTC, KRW, UPBIT, UPBIT_BTC, UPBIT_USDT, an_instrument
from tests.support.live_desk import LiveDesk
from trader.domain.events import AccountLost, AccountStated, InstrumentStated
from trader.domain.facts import FaultRecorded, FeeChanged, InventoryRebased
from trader.domain.instrument import USDT, Asset, FeeSchedule
from trader.domain.order import LedgerName
from trader.engine.accounts import DECREASE, FIRST, INCREASE, ROUNDING


def state(desk: LiveDesk, *, asked_mono_ns: int | None = None, **holdings: Any) -> None:
    """Upbit states all it holds."""
    asked = desk.mono_ns if asked_mono_ns is None else asked_mono_ns
    desk.process(
        AccountStated(
            desk.at_ns,
            desk.mono_ns,
            UPBIT,
            asked,
            tuple((Asset(asset), Decimal(str(total))) for asset, total in holdings.items()),
        )
    )


def upbit(desk: LiveDesk) -> dict[str, Decimal]:
    """What the live ledger counts at Upbit."""
    return {asset: total for (venue, asset), total in desk.live.balances.items() if venue == UPBIT}


def rebased(desk: LiveDesk) -> list[tuple[Asset, str]]:
    """What was based anew, and why."""
    return [(fact.asset, fact.reason) for fact in desk.all(InventoryRebased)]


class TestFirstStatement:
    def test_gives_the_ledger_its_inventory(self) -> None:
        """What a venue holds at the first reconciliation is the operator's."""
        desk = LiveDesk(restored=[])

        state(desk, KRW=5_000_000, BTC="0.5", XRP=7)

        assert upbit(desk) == {BTC: Decimal("0.5"), KRW: Decimal(5_000_000), USDT: Decimal(0)}
        assert {reason for _, reason in rebased(desk)} == {FIRST}

    def test_an_asset_not_named_is_nothing(self) -> None:
        """A venue that does not list an asset holds none of it; that, too, is known then."""
        desk = LiveDesk(restored=[])

        state(desk, KRW=1)

        assert upbit(desk)[BTC] == 0


class TestLaterStatements:
    def test_the_same_again_changes_nothing(self) -> None:
        """No fact, no commit."""
        desk = LiveDesk(restored=[])
        state(desk, KRW=5_000_000, BTC="0.5")
        desk.facts.clear()

        state(desk, KRW=5_000_000, BTC="0.5")

        assert rebased(desk) == []

    def test_a_deposit_is_inventory_and_no_fault(self) -> None:
        """Any increase re-bases and trips nothing."""
        desk = LiveDesk(restored=[])
        state(desk, KRW=5_000_000, BTC="0.5")
        desk.facts.clear()

        state(desk, KRW=6_000_000, BTC="0.5")

        assert rebased(desk) == [(KRW, INCREASE)]
        assert desk.all(FaultRecorded) == []

    def test_a_decrease_is_told(self) -> None:
        """Money that left without an order of ours is looked at by a person."""
        desk = LiveDesk(restored=[])
        state(desk, KRW=5_000_000, BTC="0.5")
        desk.facts.clear()

        state(desk, KRW=5_000_000, BTC="0.3")

        assert rebased(desk) == [(BTC, DECREASE)]
        (fault,) = desk.all(FaultRecorded)
        assert "0.2 less than counted" in fault.message

    def test_less_than_a_lot_or_a_won_is_rounding(self) -> None:
        """A venue may round fees otherwise than we do."""
        desk = LiveDesk(restored=[])
        state(desk, KRW=5_000_000, BTC="0.5")
        desk.facts.clear()

        state(desk, KRW="4999999.5", BTC="0.499999999")

        assert dict(rebased(desk)) == {KRW: ROUNDING, BTC: ROUNDING}
        assert desk.all(FaultRecorded) == []

    def test_nothing_is_judged_while_an_order_is_out(self) -> None:
        """Its fill may be in the venue's figures and not yet in ours."""
        desk = LiveDesk()
        desk.go_live()
        desk.signal()
        before = upbit(desk)

        state(desk, KRW=1, BTC=0, USDT=0)

        assert {asset: upbit(desk)[Asset(asset)] for asset in before} == before

    def test_a_statement_asked_for_before_a_report_is_not_judged(self) -> None:
        """It may be older than the fill that was just booked."""
        desk = LiveDesk()
        desk.go_live()
        desk.signal()
        asked = desk.mono_ns
        desk.wait(1)
        for order in desk.take_orders():
            desk.answer(order)
        before = upbit(desk)

        state(desk, asked_mono_ns=asked, KRW=1, BTC=0, USDT=0)
        assert {asset: upbit(desk)[Asset(asset)] for asset in before} == before

        desk.wait(1)
        state(desk, KRW=1, BTC=0, USDT=0)
        assert upbit(desk)[KRW] == 1

    def test_paper_is_untouched(self) -> None:
        """Two ledgers, never one number for both."""
        desk = LiveDesk(restored=[])
        desk.begin()
        before = dict(desk.engine.state.ledgers[LedgerName.PAPER].balances)

        state(desk, KRW=1, BTC=2)

        assert desk.engine.state.ledgers[LedgerName.PAPER].balances == before


class TestRules:
    def test_a_venue_s_own_rules_replace_what_was_assumed(self) -> None:
        """Tick, lot, minimum and whether it may be traded count from then on."""
        desk = LiveDesk()
        stated = an_instrument(tick=500, minimum=10_000, tradable=False)

        desk.process(InstrumentStated(desk.at_ns, desk.mono_ns, stated))

        assert desk.engine.state.instruments[UPBIT_BTC] == stated

    def test_another_fee_is_told_and_the_same_is_not(self) -> None:
        """A rise is a warning and counts at once."""
        desk = LiveDesk()
        known = desk.engine.state.instruments[UPBIT_BTC]
        dearer = replace(known, fees=FeeSchedule(Decimal("0.25"), known.fees.charged_in))

        for _ in range(2):
            desk.process(InstrumentStated(desk.at_ns, desk.mono_ns, dearer))

        (fact,) = desk.all(FeeChanged)
        assert (fact.before_pct, fact.after_pct) == (Decimal("0.05"), Decimal("0.25"))

    def test_an_instrument_nobody_trades_is_ignored(self) -> None:
        """A connector that states more than it was asked for changes nothing."""
        desk = LiveDesk()
        stranger = replace(an_instrument(UPBIT_USDT), id="upbit:DOGE-KRW")

        desk.process(InstrumentStated(desk.at_ns, desk.mono_ns, stranger))

        assert stranger.id not in desk.engine.state.instruments


def test_a_lost_stream_voids_what_was_approved_before() -> None:
    """The generation rises with every reconnect."""
    desk = LiveDesk()
    desk.go_live()
    before = desk.engine.state.generation

    desk.process(AccountLost(desk.at_ns, desk.mono_ns, UPBIT, "reset"))

    assert desk.engine.state.generation == before + 1
