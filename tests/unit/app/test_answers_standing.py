"""How the engine stands, told from its state: agrees with its snapshot to the last digit."""

from decimal import Decimal
from typing import Any

import pytest

from tests.support.builders import (
    AT_NS,
    BINANCE_BTC,
    SECOND_NS,
    UPBIT_BINANCE,
    UPBIT_BTC,
    UPBIT_USDT,
)
from tests.support.engine_harness import Desk
from tests.support.live_desk import LiveDesk
from trader.app.answers.recall import Recall
from trader.app.answers.standing import (
    balances,
    effective,
    feeds,
    ledger_line,
    ledgers_of,
    pauses,
    transfers,
    worth_krw,
)
from trader.domain.answers import Effective
from trader.domain.control import Halt, Mode, Pause, Resume, ToPaper
from trader.domain.events import CycleTicked
from trader.domain.facts import DayRolled, DirectionEmptied, InventoryRebased, Mark
from trader.domain.instrument import BINANCE, BITHUMB, KRW, UPBIT, USDT, Asset
from trader.domain.order import LedgerName, TradeId
from trader.engine.engine import NOTHING, Outcome

BTC = Asset("BTC")
PAPER, LIVE = LedgerName.PAPER, LedgerName.LIVE
CYCLE = CycleTicked(AT_NS, 0, 1)


@pytest.fixture
def live() -> LiveDesk:
    """An engine that trades live."""
    desk = LiveDesk()
    desk.go_live()
    return desk


class TestEffective:
    def test_is_live_while_the_gate_is_open(self, live: LiveDesk) -> None:
        """Agrees with what the snapshot says of it."""
        assert effective(live.engine.state) is Effective.LIVE
        assert live.engine.snapshot().live

    def test_waits_suspended_until_the_first_look(self) -> None:
        """Nothing is known before it, and what is not known is not good."""
        assert effective(LiveDesk().engine.state) is Effective.SUSPENDED

    @pytest.mark.parametrize(
        ("lost", "word"),
        [
            ({"disk_free_mb": 1.0}, Effective.SUSPENDED),
            ({"breakers": ("DAILY_LOSS",)}, Effective.DEMOTED),
            ({"env_flag": False}, Effective.REVOKED),
            ({"halt_file": True}, Effective.HALTED),
        ],
    )
    def test_is_what_the_loss_costs(
        self, live: LiveDesk, lost: dict[str, Any], word: Effective
    ) -> None:
        """One of each kind in the gate's table."""
        live.sense(**lost)
        live.tick()

        assert effective(live.engine.state) is word
        assert not live.engine.snapshot().live

    def test_takes_the_strictest_of_several(self, live: LiveDesk) -> None:
        """Halted before revoked before demoted before suspended before paused."""
        seen = []
        live.command(Pause("p"))
        seen.append(effective(live.engine.state))
        live.sense(disk_free_mb=1.0)
        live.tick()
        seen.append(effective(live.engine.state))
        live.command(ToPaper("p"))
        seen.append(effective(live.engine.state))
        live.sense(env_flag=False)
        live.tick()
        seen.append(effective(live.engine.state))
        live.command(Halt("p"))
        seen.append(effective(live.engine.state))

        assert seen == [
            Effective.PAUSED,
            Effective.SUSPENDED,
            Effective.DEMOTED,
            Effective.REVOKED,
            Effective.HALTED,
        ]

    def test_elsewhere_is_the_mode_unless_an_operator_stopped_it(self) -> None:
        """The gate is shut by design there, and says nothing."""
        mock, paper = Desk(), Desk(mode=Mode.PAPER)
        for desk in (mock, paper):
            desk.begin()
        assert effective(mock.engine.state) is Effective.MOCK
        assert effective(paper.engine.state) is Effective.PAPER

        mock.command(Pause("p"))
        assert effective(mock.engine.state) is Effective.PAUSED
        mock.command(Halt("p"))
        assert effective(mock.engine.state) is Effective.HALTED


class TestPauses:
    def test_say_by_whom_since_when_and_why(self) -> None:
        """And are none once they are lifted."""
        desk = Desk()
        desk.begin()
        desk.command(Pause("ann", "lunch"))
        (pause,) = pauses(desk.engine.state)

        assert (pause.scope, pause.by, pause.reason, pause.until_ns) == ("", "ann", "lunch", 0)
        assert pause.since_ns > 0
        desk.command(Resume("ann"))
        assert pauses(desk.engine.state) == ()


class TestLedgerLine:
    def test_agrees_with_the_snapshot(self) -> None:
        """Both are read from one state."""
        desk = Desk()
        desk.opened()
        view = desk.engine.snapshot().ledger

        line = ledger_line(desk.engine.state, desk.paper, Recall())

        assert line.ledger is view.ledger
        assert line.unrealised_krw == view.unrealised_krw
        assert line.exposure_krw == view.exposure_krw
        assert (line.open_trades, line.trades_today) == (view.open_trades, view.trades_today)
        assert line.loss_today_krw == view.loss_today_krw == -line.pnl_today_krw > 0
        assert line.loss_limit_krw == 150_000

    def test_counts_a_day_from_its_midnight(self) -> None:
        """What an open trade had gained or lost before is not of today."""
        desk, recall = Desk(), Recall()
        desk.opened()
        entry_fees = desk.paper.booked_krw
        roll = DayRolled(
            desk.at_ns,
            PAPER,
            "2026-01-06",
            entry_fees - 15,
            (Mark(TradeId("T1"), Decimal(-15), stale=False),),
        )
        desk.engine.state.apply(roll)
        recall(CYCLE, Outcome((roll,)))
        desk.even()
        desk.fill_all()

        line = ledger_line(desk.engine.state, desk.paper, recall)

        assert line.realised_today_krw == desk.paper.booked_krw - entry_fees
        assert line.pnl_today_krw == desk.paper.booked_krw - (entry_fees - 15)
        assert line.unrealised_krw == 0

    def test_without_midnight_s_marks_takes_what_is_open_for_today_s(self) -> None:
        """Both parts still make the whole."""
        desk = Desk()
        desk.opened()
        line = ledger_line(desk.engine.state, desk.paper, Recall())

        assert line.realised_today_krw + line.unrealised_krw == line.pnl_today_krw

    def test_the_mode_s_own_comes_first(self, live: LiveDesk) -> None:
        """The others are there as well: paper is not live."""
        assert [one.name for one in ledgers_of(live.engine.state)] == [LIVE, PAPER]
        assert [one.name for one in ledgers_of(Desk().engine.state)] == [PAPER, LIVE]


class TestBalances:
    def test_are_what_the_ledger_holds_at_what_it_is_worth(self) -> None:
        """Coins at the mid of their own venue's book, dollars at that of KRW-USDT."""
        desk = Desk()
        desk.begin()
        lines = {(one.venue, one.asset): one for one in balances(desk.engine.state)}

        assert {key: one.quantity for key, one in lines.items()} == desk.paper.balances
        held = desk.paper.balances
        assert lines[UPBIT, KRW].worth_krw == held[UPBIT, KRW]
        assert lines[BINANCE, USDT].worth_krw == held[BINANCE, USDT] * Decimal("1389.5")
        assert lines[UPBIT, BTC].worth_krw == held[UPBIT, BTC] * 150_115_000
        assert lines[BINANCE, BTC].worth_krw == held[BINANCE, BTC] * 107_995 * Decimal("1389.5")

    def test_of_a_coin_without_a_price_the_worth_is_open(self) -> None:
        """Nothing is guessed; another venue's price is better than none."""
        desk = Desk()
        state = desk.engine.state
        state.record(InventoryRebased(desk.at_ns, PAPER, BITHUMB, BTC, Decimal(1), "test"))
        assert worth_krw(state, BITHUMB, BTC, Decimal(1)) is None

        desk.start()
        desk.book(UPBIT_BTC, 100, 102)
        assert worth_krw(state, BITHUMB, BTC, Decimal(1)) == 101

    def test_leave_out_what_is_not_held(self) -> None:
        """A zero says nothing."""
        desk = Desk()
        desk.engine.state.record(
            InventoryRebased(desk.at_ns, PAPER, UPBIT, BTC, Decimal(0), "test")
        )
        assert balances(desk.engine.state) == []


def test_transfers_mend_the_directions_that_are_empty() -> None:
    """As the engine found them."""
    desk = Desk()
    empty = DirectionEmptied(
        desk.at_ns, PAPER, UPBIT_BINANCE, "upbit>binance", BTC, Decimal("0.1"), BINANCE, UPBIT
    )
    desk.engine.state.record(empty)

    (found,) = transfers(desk.engine.state)

    assert (found.asset, found.amount) == (BTC, Decimal("0.1"))
    assert (found.from_venue, found.to_venue) == (BINANCE, UPBIT)


def test_feeds_tell_age_and_freshness() -> None:
    """Of every instrument, also one that never spoke."""
    desk = Desk()
    desk.begin()
    desk.pass_ms(5_000)
    desk.book(UPBIT_BTC, 150_110_000, 150_120_000)
    desk.tick()
    lines = {one.instrument: one for one in feeds(desk.engine.state)}

    assert lines[UPBIT_BTC].fresh
    assert lines[UPBIT_BTC].age_ms == 0
    assert not lines[BINANCE_BTC].fresh
    assert (lines[BINANCE_BTC].age_ms or 0) > 5_000
    assert not {one.instrument: one for one in feeds(Desk().engine.state)}[UPBIT_USDT].fresh


def test_recall_notes_only_day_rolls() -> None:
    """What it does not know it does not guess."""
    recall = Recall()
    recall(CYCLE, NOTHING)
    assert recall.booked_at_midnight(PAPER, "2026-01-06") is None
    roll = DayRolled(SECOND_NS, PAPER, "2026-01-06", Decimal(7))
    recall(CYCLE, Outcome((roll,)))

    assert recall.booked_at_midnight(PAPER, "2026-01-06") == 7
    assert recall.booked_at_midnight(PAPER, "2026-01-07") is None
    assert recall.booked_at_midnight(LIVE, "2026-01-06") is None
