"""What a second may bring about: feeds, the day, losses, samples, the last event."""

from decimal import Decimal
from typing import Any

import pytest

from tests.support.builders import (
    AT_NS,
    BINANCE_BTC,
    BTC,
    SECOND_NS,
    UPBIT_BTC,
    UPBIT_USDT,
    breaker_rules,
    some_limits,
)
from tests.support.engine_harness import Desk
from trader.domain.control import BlockReason, CheckName, Mode
from trader.domain.events import CycleTicked, FaultReported, ProcessStopping
from trader.domain.facts import (
    BreakerCleared,
    BreakerCode,
    BreakerTripped,
    DayRolled,
    EngineStopped,
    EquitySampled,
    FaultRecorded,
    FeedRecovered,
    FeedWentStale,
    GateChanged,
    InventoryRebased,
    RefusalBegan,
)
from trader.domain.instrument import BINANCE, KRW, UPBIT
from trader.domain.market import BookFlaw
from trader.domain.order import LedgerName
from trader.domain.readiness import Readiness
from trader.engine.housekeeping import seoul_date

HOUR_NS = 3_600 * SECOND_NS
BEFORE_MIDNIGHT_NS = AT_NS + 15 * HOUR_NS - 60 * SECOND_NS
"""23:59 in Seoul on the fifth of January."""


class TestFeeds:
    def test_a_silent_book_is_said_stale_once_and_recovered_once(self) -> None:
        """Silence past its bound is a warning; the next frame ends it."""
        desk = Desk()
        desk.begin()
        desk.wait(2, but=[UPBIT_BTC])
        early = desk.all(FeedWentStale)

        desk.wait(3, but=[UPBIT_BTC])
        desk.wait(1)

        (stale,), (recovered,) = desk.all(FeedWentStale), desk.all(FeedRecovered)
        assert early == []
        assert stale.instrument == recovered.instrument == UPBIT_BTC
        assert stale.age_ms > 3_000

    def test_a_flawed_book_is_stale_at_the_next_second(self) -> None:
        """A crossed book is no book, however young; the flaw is named."""
        desk = Desk()
        desk.begin()
        desk.book(UPBIT_BTC, 150_120_000, 150_110_000)
        desk.pass_ms(1000)
        desk.tick()

        assert [(f.instrument, f.flaw) for f in desk.all(FeedWentStale)] == [
            (UPBIT_BTC, BookFlaw.CROSSED)
        ]

    def test_a_lost_connection_voids_all_its_books(self) -> None:
        """Nothing is traded on a book whose connection is gone; other venues go on."""
        desk = Desk()
        desk.begin()

        desk.lose_feed(UPBIT)
        desk.pass_ms(1000)
        desk.tick()

        assert {f.instrument for f in desk.all(FeedWentStale)} == {UPBIT_BTC, UPBIT_USDT}
        assert BINANCE_BTC in desk.engine.state.market.books

    def test_a_venue_that_never_spoke_is_stale_after_the_bound(self) -> None:
        """A feed that never came is as stale as one that went."""
        desk = Desk()
        desk.start()
        for _ in range(5):
            desk.pass_ms(1000)
            desk.tick()

        assert len(desk.all(FeedWentStale)) == 4


class TestDay:
    def test_rolls_at_midnight_in_seoul(self) -> None:
        """Losses of the new day count from its first equity."""
        desk = Desk(at_ns=BEFORE_MIDNIGHT_NS)
        desk.begin()
        desk.wait(70)

        dates = [f.date for f in desk.all(DayRolled) if f.ledger is LedgerName.PAPER]
        assert dates == ["2026-01-05", "2026-01-06"]

    def test_waits_until_a_venues_clock_agrees(self) -> None:
        """A host whose clock jumps ahead must not forgive a loss."""
        desk = Desk(at_ns=BEFORE_MIDNIGHT_NS)
        desk.begin()
        for _ in range(70):
            desk.pass_ms(1000)
            desk.book(UPBIT_BTC, 150_110_000, 150_120_000, venue_ns=BEFORE_MIDNIGHT_NS)
            desk.tick()

        assert {f.date for f in desk.all(DayRolled)} == {"2026-01-05"}

    def test_waits_until_a_venue_was_heard_after_a_restart(self) -> None:
        """A restart with a wrong clock must not forgive a loss either."""
        desk = Desk()
        desk.begin()
        later = Desk(restored=desk.history, at_ns=AT_NS + 48 * HOUR_NS)
        later.start()
        later.pass_ms(1000)
        later.tick()

        assert later.all(DayRolled) == []

    def test_goes_no_further_than_the_venue(self) -> None:
        """With the host days ahead of the venue, the venue's day begins."""
        desk = Desk()
        desk.begin()
        later = Desk(restored=desk.history, at_ns=AT_NS + 72 * HOUR_NS)
        later.start()
        later.book(UPBIT_BTC, 150_110_000, 150_120_000, venue_ns=AT_NS + 24 * HOUR_NS)
        later.pass_ms(1000)
        later.tick()

        assert {f.date for f in later.all(DayRolled)} == {"2026-01-06"}

    def test_never_goes_back(self) -> None:
        """A host set back in time stays in the day it was."""
        desk = Desk()
        desk.begin()
        later = Desk(restored=desk.history, at_ns=AT_NS - 48 * HOUR_NS)
        later.begin()
        later.wait(2)

        assert later.all(DayRolled) == []
        assert later.paper.date == "2026-01-05"

    @pytest.mark.parametrize(
        ("at_ns", "date"),
        [
            (AT_NS, "2026-01-05"),
            (AT_NS + 15 * HOUR_NS - 1, "2026-01-05"),
            (AT_NS + 15 * HOUR_NS, "2026-01-06"),
            (0, "1970-01-01"),
        ],
    )
    def test_seoul_is_nine_hours_ahead(self, at_ns: int, date: str) -> None:
        """All year: Korea keeps no summer time."""
        assert seoul_date(at_ns) == date


def lossy(**rules: Any) -> Desk:
    """A desk that may lose no more than a thousand won a day, with an open trade."""
    desk = Desk(
        breakers=breaker_rules(max_daily_loss_krw=Decimal(1_000)),
        limits=some_limits(max_daily_loss_krw=1_000),
        **rules,
    )
    desk.opened()
    return desk


class TestDailyLoss:
    def test_at_its_limit_trips_the_breaker_once(self) -> None:
        """Realised and unrealised together, fees included."""
        desk = lossy()
        desk.lose()
        desk.fill_all()
        desk.wait(3)

        tripped = [f for f in desk.all(BreakerTripped) if f.ledger is LedgerName.PAPER]
        assert [f.breaker for f in tripped] == [BreakerCode.DAILY_LOSS]
        assert tripped[0].value >= 1_000

    def test_refuses_entries_while_it_stands(self) -> None:
        """And lets closings go, of course: they are what is left to do."""
        desk = lossy()
        desk.lose()
        desk.fill_all()
        desk.wait(3)
        desk.quiet_books()

        desk.signal()

        assert desk.sent == []
        refused = {f.check for f in desk.all(RefusalBegan)}
        assert {CheckName.DAILY_LOSS, CheckName.BREAKERS} <= refused

    def test_a_stale_mark_trips_nothing(self) -> None:
        """An hour-old book is no loss, and no reason to trade either."""
        desk = lossy()
        desk.lose_feed(BINANCE)
        desk.wait(5, but=[BINANCE_BTC])
        desk.book(UPBIT_BTC, 155_000_000, 155_010_000)
        desk.pass_ms(1000)
        desk.tick()

        assert (desk.engine.state.loss_today(desk.paper) or (0, 0))[0] > 1_000
        assert desk.all(BreakerTripped) == []

    def test_on_paper_stands_until_midnight(self) -> None:
        """A recovery of the marks does not bring the paper day back."""
        desk = lossy()
        desk.book(BINANCE_BTC, "108700", "108710")
        desk.book(UPBIT_BTC, 153_190_000, 153_200_000)
        desk.wait(2)
        assert desk.engine.snapshot().breakers

        desk.book(UPBIT_BTC, 152_890_000, 152_900_000)
        desk.wait(3)

        assert (desk.engine.state.loss_today(desk.paper) or (2_000, 0))[0] < 1_000
        assert desk.all(BreakerCleared) == []

    def test_is_over_at_midnight(self) -> None:
        """A new day begins without the old one's loss."""
        desk = lossy(at_ns=BEFORE_MIDNIGHT_NS)
        desk.lose()
        desk.fill_all()
        desk.wait(3)
        standing = desk.engine.snapshot().breakers

        desk.wait(70)

        assert standing
        assert [f.breaker for f in desk.all(BreakerCleared)] == [BreakerCode.DAILY_LOSS]
        assert desk.engine.snapshot().paper.loss_today_krw == 0


class TestAccount:
    def test_paper_is_funded_once_all_prices_are_there(self) -> None:
        """So much in won, in dollars and in each coin at every venue."""
        desk = Desk()
        desk.begin()
        desk.wait(2)

        funded = desk.all(InventoryRebased)
        assert len(funded) == len({(f.venue, f.asset) for f in funded}) == 6
        assert desk.paper.balances[UPBIT, KRW] == 5_000_000
        coins = desk.paper.balances[UPBIT, BTC] * 150_115_000
        assert abs(coins - 5_000_000) < 2

    def test_equity_is_sampled_once_a_minute(self) -> None:
        """A chart needs no more."""
        desk = Desk()
        desk.begin()
        desk.wait(121)

        samples = [f.at_ns for f in desk.all(EquitySampled) if f.ledger is LedgerName.PAPER]
        assert 2 <= len(samples) <= 3


class TestCycle:
    def test_the_gate_is_said_when_it_changes(self) -> None:
        """The first verdict, and every other one; what was approved before is of another age."""
        desk = Desk()
        desk.begin()
        before = desk.engine.state.generation
        flagged = Readiness(mode=Mode.MOCK, env_flag=True)
        desk.process(CycleTicked(desk.at_ns, desk.mono_ns, 2, flagged))
        desk.process(CycleTicked(desk.at_ns, desk.mono_ns, 3, flagged))
        assert desk.engine.state.generation == before

        bare = Readiness(mode=Mode.MOCK)
        desk.process(CycleTicked(desk.at_ns, desk.mono_ns, 4, bare))

        told = [BlockReason.ENV_FLAG_MISSING in f.blocks for f in desk.all(GateChanged)]
        assert told == [True, False, True]
        assert desk.engine.state.generation == before + 1

    def test_a_fault_is_recorded_and_counted(self) -> None:
        """Someone should look."""
        desk = Desk()
        desk.process(FaultReported(desk.at_ns, desk.mono_ns, "feed", "no answer"))

        assert [f.where for f in desk.all(FaultRecorded)] == ["feed"]
        assert desk.engine.snapshot().faults == 1


class TestLastEvent:
    def test_sends_nothing_and_is_the_last_fact(self) -> None:
        """After it nobody is left to hear how an order ended."""
        desk = Desk(max_holding_minutes=1)
        desk.opened()
        desk.wait(59)
        desk.pass_ms(5_000)
        desk.take_orders()

        outcome = desk.process(ProcessStopping(desk.at_ns, desk.mono_ns, "asked"))

        assert outcome.orders == ()
        assert isinstance(outcome.facts[-1], EngineStopped)
