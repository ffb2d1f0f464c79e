"""Instruments follow the rules their venues state; a lost stream voids what was approved."""

from decimal import Decimal

from msgspec.structs import replace

from tests.support.builders import UPBIT, UPBIT_BTC, UPBIT_USDT, an_instrument
from tests.support.live_desk import LiveDesk
from trader.domain.events import AccountLost, InstrumentStated
from trader.domain.facts import FeeChanged
from trader.domain.instrument import FeeSchedule


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
