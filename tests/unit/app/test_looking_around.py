"""What is gathered once a cycle beside the engine's snapshot."""

from decimal import Decimal

from tests.support.engine_harness import Desk
from trader.app.looking_around import LookAround, ledger_standing, orders_unknown
from trader.app.order_ends import OrderEnds
from trader.app.reach import Reach
from trader.config import Settings
from trader.domain.authority import Level
from trader.domain.control import Halt
from trader.domain.delivery import BotHealth
from trader.domain.order import LedgerName, OrderState
from trader.ops.around import LedgerStanding
from trader.ops.sensors import LoopLag

PAPER, LIVE = LedgerName.PAPER, LedgerName.LIVE
_NS = 1_000_000_000


def standing(desk: Desk, name: LedgerName = PAPER) -> LedgerStanding:
    """One ledger of this engine."""
    return ledger_standing(desk.engine.state, desk.engine.stop, desk.engine.state.ledgers[name])


class TestLedgerStanding:
    def test_of_the_documented_trade(self) -> None:
        """Entry notional 99,594; 1.2 % of it to the stop, less 15.7707 that it lost."""
        desk = Desk()
        trade = desk.opened()

        found = standing(desk)

        assert found.nearest_stop_ratio is not None
        expected = Decimal("0.012") - Decimal("15.7707") / 99_594
        assert abs(found.nearest_stop_ratio - expected) < Decimal("1e-20")
        assert found.pnl_today_krw == Decimal("-15.7707") - trade.fees_krw
        assert found.legs_unhedged == 0

    def test_of_an_idle_ledger_has_no_stop(self) -> None:
        """A zero would be a trade at its stop."""
        desk = Desk()
        desk.opened()

        assert standing(desk, LIVE).nearest_stop_ratio is None

    def test_of_a_ledger_without_a_day_has_no_pnl(self) -> None:
        """Nothing is known before the first second."""
        assert standing(Desk()).pnl_today_krw is None

    def test_counts_a_trade_on_one_leg(self) -> None:
        """From the fill on that makes it one, whatever was said of it yet."""
        desk = Desk()
        desk.begin()
        desk.signal()
        first, _ = desk.take_orders()
        desk.report(first)

        assert standing(desk).legs_unhedged == 1


class TestOrdersUnknown:
    def test_counts_by_venue_and_names_every_venue(self) -> None:
        """The quarantined included; the others stand at zero."""
        desk = Desk()
        desk.begin()
        desk.signal()
        first, second = desk.take_orders()
        desk.report(first, OrderState.UNKNOWN)
        desk.report(second, OrderState.UNKNOWN)
        desk.report(second, OrderState.QUARANTINED)

        found = orders_unknown(desk.engine.state)

        assert found == {"upbit": 1, "binance": 1, "bithumb": 0}


class TestLookAround:
    def test_gathers_bounds_authority_and_host(self) -> None:
        """Bounds by the config, in base units; what is not measured is not known."""
        desk = Desk()
        desk.begin()
        settings = Settings()
        engine = desk.engine

        around = LookAround(settings, engine, Reach(5.0), OrderEnds(engine.state))()

        assert around.bounds.max_daily_loss_krw == settings.safety.max_daily_loss_krw
        assert around.bounds.max_loop_lag_s == settings.safety.max_loop_lag_ms / 1_000
        assert around.bounds.min_disk_free_bytes == settings.engine.min_disk_free_mb * 1e6
        assert around.authority is Level.PAPER
        assert {one.ledger for one in around.ledgers} == set(LedgerName)
        assert (around.loop_lag_s, around.telegram_answer_age_s) == (None, None)
        assert around.venues == {}

        desk.command(Halt("test", "why"))

        again = LookAround(
            settings, engine, Reach(5.0), OrderEnds(engine.state), LoopLag(interval_s=1)
        )
        assert again().authority is Level.HALT
        assert again().loop_lag_s == 0.0


class TestTelegramAge:
    def test_is_that_of_the_older_of_both_ways(self) -> None:
        """Polling that works tells nothing of sending."""
        now = [10 * _NS]
        reach = Reach(5.0, mono_ns=lambda: now[0])
        reach.heard(BotHealth(sent_ns=1))
        assert reach.answer_age_s() is None
        now[0] += 7 * _NS
        reach.heard(BotHealth(sent_ns=1, polled_ns=2))

        assert reach.answer_age_s() == 7.0
