"""Questions to a running engine's answers, against its snapshot, its metrics and its journal."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from tests.support.answer_desk import HOST_NS, AnswerDesk
from tests.support.builders import AT_NS, BINANCE_BTC, SECOND_NS, SELL_UPBIT, UPBIT_BINANCE
from tests.support.engine_harness import Desk, Rehearsal
from tests.support.engine_process import wait_until
from tests.support.live_desk import LiveDesk
from trader.app.answers.past import days_until
from trader.domain.answers import (
    BalanceAnswer,
    ChartAnswer,
    ImpactAnswer,
    OrdersAnswer,
    PnlAnswer,
    PositionsAnswer,
    Question,
    SpreadAnswer,
    StatusAnswer,
    TradesAnswer,
    WhyAnswer,
)
from trader.domain.authority import Sight
from trader.domain.control import (
    Alert,
    AlertCode,
    CheckName,
    Halt,
    LiftHalt,
    Mode,
    Pause,
    Resume,
    Severity,
    ToPaper,
)
from trader.domain.delivery import BotHealth
from trader.domain.errors import JournalError, PortError
from trader.domain.events import CycleTicked
from trader.domain.facts import (
    DayRolled,
    EquitySampled,
    Fact,
    OrdersApproved,
    RefusalBegan,
    TradeAbandoned,
    TradeClosed,
)
from trader.domain.host_answers import (
    AlertsAnswer,
    AuditAnswer,
    HealthAnswer,
    TextAnswer,
    VersionAnswer,
)
from trader.domain.order import LedgerName, OrderState, Purpose
from trader.engine.engine import Outcome
from trader.ops.metrics import Metrics
from trader.port.local import LocalPort, PortSocket, Request, send
from trader.runtime import SystemClock

PAPER, LIVE = LedgerName.PAPER, LedgerName.LIVE
DAY_NS = 24 * 3_600 * SECOND_NS
SEOUL = ZoneInfo("Asia/Seoul")
KINDS: Mapping[Question, Any] = {
    Question.STATUS: StatusAnswer,
    Question.WHY: WhyAnswer,
    Question.SPREAD: SpreadAnswer,
    Question.POSITIONS: PositionsAnswer,
    Question.ORDERS: OrdersAnswer,
    Question.TRADES: TradesAnswer,
    Question.BALANCE: BalanceAnswer,
    Question.PNL: PnlAnswer,
    Question.CHART: ChartAnswer,
    Question.ALERTS: AlertsAnswer,
    Question.LOGS: TextAnswer,
    Question.CONFIG: TextAnswer,
    Question.AUDIT: AuditAnswer,
    Question.HEALTH: HealthAnswer,
    Question.VERSION: VersionAnswer,
}


class Ran:
    """From nine in the morning to past midnight on the simulated market, answered for."""

    def __init__(self, directory: Path) -> None:
        rehearsal = Rehearsal(8, step_ms=20_000)
        rehearsal.run(17, 3_600)
        self.facts, self.engine = rehearsal.facts, rehearsal.engine
        self.desk = AnswerDesk(self.engine, directory)
        self.desk.write(self.facts)

    def all(self, *kinds: type[Fact]) -> list[Any]:
        """Every fact of these kinds."""
        return [fact for fact in self.facts if isinstance(fact, kinds)]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """One for all that only read."""
    ran = Ran(tmp_path_factory.mktemp("answers"))
    yield ran
    ran.desk.close()


@pytest.fixture
def desk() -> Desk:
    """An engine with the documented trade open."""
    desk = Desk()
    desk.opened()
    return desk


@pytest.fixture
def asked(desk: Desk, tmp_path: Path) -> Iterator[AnswerDesk]:
    """Its answers."""
    found = AnswerDesk(desk.engine, tmp_path)
    found.write(desk.facts)
    yield found
    found.close()


async def test_every_question_is_answered_and_names_its_engine(ran: Ran) -> None:
    """Who, in which mode, when by the host's clock; in a form that reads back."""
    assert ran.desk.answers.questions().keys() == {*KINDS, Question.IMPACT}
    for question, kind in KINDS.items():
        answer = await ran.desk.ask(kind, question)
        assert (answer.origin.engine, answer.origin.mode) == ("test", Mode.MOCK)
        assert answer.origin.at_ns == HOST_NS


async def test_what_is_not_known_is_refused_with_what_is_allowed(ran: Ran) -> None:
    """No question guesses what was meant."""
    for question in KINDS:
        with pytest.raises(PortError, match="allowed"):
            await ran.desk.ask(StatusAnswer, question, nonsense=1)
    for asked_for, arguments, allowed in (
        ("trades", {"limit": 101}, "1 to 100"),
        ("pnl", {"span": "2d"}, "1d, 7d, 30d"),
        ("chart", {"kind": "pie"}, "equity, spread, pnl"),
        ("spread", {"pair": "x"}, "upbit-binance"),
        ("alerts", {"language": "fr"}, "en, ko"),
        ("config", {"section": "x"}, "safety"),
        ("impact", {}, "live"),
        ("impact", {"ledger": "paper", "trade_id": "T1"}, "either"),
        ("impact", {"trade_id": "T0"}, "not open"),
    ):
        with pytest.raises(PortError, match=allowed):
            await ran.desk.ask(StatusAnswer, asked_for, **arguments)


class TestAgreement:
    async def test_status_agrees_with_the_metrics(self, ran: Ran) -> None:
        """The same engine at the same instant: one figure."""
        metrics, snapshot = Metrics(), ran.engine.snapshot()
        metrics.observe_cycle(
            snapshot, loop_latency_ms=1.0, ws_lag_ms=None, redis_heartbeat_age_ms=None
        )
        shown: Any = metrics.to_json()
        status = await ran.desk.ask(StatusAnswer, "status")
        paper = status.ledgers[0]

        assert round(float(paper.unrealised_krw), 4) == shown["unrealized_pnl_krw"]
        assert round(float(paper.exposure_krw), 4) == shown["exposure_krw"]
        assert round(float(paper.loss_today_krw), 4) == shown["loss_today_krw"]
        assert paper.open_trades == shown["open_pos"]
        assert paper.trades_today == shown["num_paper_trades_today"]
        assert (status.live, ";".join(status.blocks)) == (
            shown["live"],
            shown["live_block_reasons"],
        )

    async def test_days_add_up_to_what_the_ledger_realised(self, ran: Ran) -> None:
        """What ended, and what open trades have realised so far; nothing else."""
        pnl = await ran.desk.ask(PnlAnswer, "pnl", span="30d")
        ledger = ran.engine.state.ledgers[PAPER]
        still_open = sum((one.pnl_krw for one in ledger.trades.values()), Decimal(0))

        ended = sum((line.realised_krw for line in pnl.lines), Decimal(0))

        assert ended + still_open == ledger.booked_krw
        assert sum(line.trades for line in pnl.lines) == ledger.trades_closed > 5
        assert dict(pnl.unrealised_krw)[PAPER] == ran.engine.snapshot().paper.unrealised_krw
        assert {line.ledger for line in pnl.lines} == {PAPER}

    async def test_each_day_is_that_of_the_zone(self, ran: Ran) -> None:
        """Sums made another way from the same facts, by the calendar of Seoul."""
        pnl = await ran.desk.ask(PnlAnswer, "pnl", span="7d")
        sums: dict[str, Decimal] = {}
        for fact in ran.all(TradeClosed, TradeAbandoned):
            day = datetime.fromtimestamp(fact.at_ns / SECOND_NS, SEOUL).date().isoformat()
            sums[day] = sums.get(day, Decimal(0)) + fact.pnl_krw

        assert len(pnl.lines) == 7
        assert {line.date: line.realised_krw for line in pnl.lines if line.realised_krw} == sums
        assert len(sums) == 2
        assert [line.date for line in pnl.lines] == sorted(line.date for line in pnl.lines)

    async def test_trades_agree_with_the_facts(self, ran: Ran) -> None:
        """The newest first."""
        trades = (await ran.desk.ask(TradesAnswer, "trades", limit=100)).trades
        closed = {fact.trade_id: fact for fact in ran.all(TradeClosed)}

        shown = {one.trade_id: one for one in trades if one.state == "closed"}

        assert shown.keys() == closed.keys()
        assert all(shown[name].pnl_krw == fact.pnl_krw for name, fact in closed.items())
        assert all(shown[name].reason == fact.reason for name, fact in closed.items())
        assert all(a.opened_ns >= b.opened_ns for a, b in pairwise(trades))
        assert len((await ran.desk.ask(TradesAnswer, "trades", limit=3)).trades) == 3
        assert (await ran.desk.ask(TradesAnswer, "trades", ledger="live")).trades == ()

    async def test_today_s_parts_are_those_since_midnight(self, ran: Ran) -> None:
        """Realised of today is what was booked since the day roll's own figures."""
        roll = [fact for fact in ran.all(DayRolled) if fact.ledger is PAPER][-1]
        status = await ran.desk.ask(StatusAnswer, "status")
        line, view = status.ledgers[0], ran.engine.snapshot().paper
        booked = roll.equity_krw - sum((one.unrealised_krw for one in roll.marks), Decimal(0))

        assert line.realised_today_krw == view.realised_krw - booked
        assert line.pnl_today_krw == view.pnl_krw - roll.equity_krw

    async def test_the_equity_curve_ends_at_the_equity_of_now(self, ran: Ran) -> None:
        """And keeps the lowest and the highest of every stretch of it."""
        chart = await ran.desk.ask(ChartAnswer, "chart", kind="equity", span="7d")
        (curve,) = chart.lines
        samples = [
            float(fact.equity_krw) for fact in ran.all(EquitySampled) if fact.ledger is PAPER
        ]

        assert curve.values[-1] == float(ran.engine.snapshot().paper.pnl_krw)
        assert min(curve.values) == min([*samples, curve.values[-1]])
        assert max(curve.values) == max([*samples, curve.values[-1]])
        assert list(curve.times_ns) == sorted(curve.times_ns)
        assert len(curve.values) <= 2 * 241 + 1
        assert (chart.unit, curve.label) == ("₩", "paper")
        assert chart.since_ns == ran.all(EquitySampled)[0].at_ns

    async def test_the_pnl_chart_is_the_table(self, ran: Ran) -> None:
        """A bar for each day."""
        table = await ran.desk.ask(PnlAnswer, "pnl", span="7d")
        chart = await ran.desk.ask(ChartAnswer, "chart", kind="pnl", span="7d")

        (curve,) = chart.lines
        assert curve.values == tuple(float(line.realised_krw) for line in table.lines)
        assert {after - before for before, after in pairwise(curve.times_ns)} == {DAY_NS}
        shortest = await ran.desk.ask(ChartAnswer, "chart", kind="pnl", span="1h")
        assert len(shortest.lines[0].values) == 1


class TestWhy:
    async def test_tells_an_approved_decision_by_its_trade_s_fate(self, ran: Ran) -> None:
        """By the decision's id, or by the trade's, which names the one that opened it."""
        approved = ran.all(OrdersApproved)
        closed = {fact.trade_id for fact in ran.all(TradeClosed)}
        one = next(fact for fact in approved if fact.trade_id in closed)

        why = await ran.desk.ask(WhyAnswer, "why", id=one.decision.id)

        assert why.decision == one.decision
        assert (why.outcome, why.refused) == ("closed", ())
        assert why.trade is not None
        assert why.trade.trade_id == one.trade_id
        assert (await ran.desk.ask(WhyAnswer, "why", id=one.trade_id)).decision == one.decision

    async def test_tells_a_refused_one_by_its_checks(self, ran: Ran) -> None:
        """Every one that refused, with the numbers in the decision."""
        refusal = ran.all(RefusalBegan)[0]
        why = await ran.desk.ask(WhyAnswer, "why", id=refusal.decision.id)

        assert why.outcome == "refused"
        assert refusal.check in why.refused
        assert why.trade is None

    async def test_without_an_id_tells_the_newest(self, ran: Ran) -> None:
        """With others to ask for."""
        newest = max(
            (fact.decision for fact in ran.all(OrdersApproved, RefusalBegan)),
            key=lambda decision: decision.at_ns,
        )
        why = await ran.desk.ask(WhyAnswer, "why")

        assert why.decision is not None
        assert why.decision.at_ns == newest.at_ns
        words = {purpose.value for purpose in Purpose} | {check.value for check in CheckName}
        assert len(why.recent) == 10
        assert {word for _, word in why.recent} <= words
        assert why.decision.id not in dict(why.recent)

    async def test_of_an_id_that_is_none_is_nothing(self, ran: Ran) -> None:
        """But what may be asked for."""
        why = await ran.desk.ask(WhyAnswer, "why", id="D0")

        assert (why.decision, why.outcome) == (None, "")
        assert why.recent

    async def test_follows_a_trade_from_its_opening_on(self, tmp_path: Path) -> None:
        """What the engine knows now is newer than what was written of it."""
        desk = Desk()
        desk.begin()
        desk.signal()
        found = AnswerDesk(desk.engine, tmp_path)
        found.write(desk.facts)
        (decision,) = (fact.decision for fact in desk.all(OrdersApproved))
        seen = []
        for step in (lambda: None, desk.fill_all, desk.even):
            step()
            why = await found.ask(WhyAnswer, "why", id=decision.id)
            seen.append(why.outcome)
        found.close()

        assert seen == ["opening", "open", "closing"]


async def test_positions_are_entered_at_the_venue_s_own_price(
    desk: Desk, asked: AnswerDesk
) -> None:
    """The dollar leg in dollars, from the fills in the journal."""
    answer = await asked.ask(PositionsAnswer, "positions")
    (line,) = answer.positions

    assert [leg.entry_price for leg in line.legs] == [150_900_000, 108_000]
    assert line.unrealised_krw == Decimal("-15.7707")
    assert answer.more == 0
    desk.book(BINANCE_BTC, "108090", "108100")
    (moved,) = (await asked.ask(PositionsAnswer, "positions")).positions
    assert moved.legs[1].price == 108_090


async def test_orders_tell_since_when_they_are_out(tmp_path: Path) -> None:
    """By the record's own time, which a restart does not change."""
    desk = Desk()
    desk.begin()
    desk.signal()
    first, second = desk.take_orders()
    desk.report(first, OrderState.UNKNOWN, 0)
    found = AnswerDesk(desk.engine, tmp_path)
    found.write(desk.facts)

    answer = await found.ask(OrdersAnswer, "orders")
    found.close()

    (approved,) = desk.all(OrdersApproved)
    assert {one.client_order_id: one.state for one in answer.orders} == {
        first.client_order_id: OrderState.UNKNOWN,
        second.client_order_id: OrderState.PLANNED,
    }
    assert {one.since_ns for one in answer.orders} == {approved.at_ns}


async def test_impact_is_of_the_engine_s_own_result(desk: Desk, asked: AnswerDesk) -> None:
    """By ledger or by trade."""
    whole = await asked.ask(ImpactAnswer, "impact", ledger="paper")
    one = await asked.ask(ImpactAnswer, "impact", trade_id=desk.trade.id)

    assert whole.result_krw == one.result_krw
    assert whole.may_go
    assert (one.trades[0].pair, one.trades[0].direction) == (UPBIT_BINANCE, SELL_UPBIT)


async def test_audit_tells_who_did_what_newest_first(tmp_path: Path) -> None:
    """Acts of people and of the host, each with the revision it led to."""
    desk = LiveDesk()
    desk.go_live()
    for command in (Pause("ann", "lunch"), Resume("ann"), ToPaper("bob", "news"), Halt("eve")):
        desk.command(command)
        desk.pass_ms(1_000)
    desk.command(Halt("eve", now=True))
    desk.command(LiftHalt("host", desk.authority.revision))
    found = AnswerDesk(desk.engine, tmp_path)
    found.write(desk.facts)

    acts = (await found.ask(AuditAnswer, "audit", limit=100)).acts
    newest = (await found.ask(AuditAnswer, "audit", limit=2)).acts
    found.close()

    assert [(one.who, one.what) for one in acts] == [
        ("host", "lift"),
        ("eve", "halt_now"),
        ("eve", "halt"),
        ("bob", "paper"),
        ("ann", "resume"),
        ("ann", "pause"),
        ("host", "live"),
    ]
    assert [one.reason for one in acts][5] == "lunch"
    assert acts[0].revision == desk.authority.revision
    assert newest == acts[:2]


async def test_a_day_s_beginning_is_heard_or_read(ran: Ran, tmp_path: Path) -> None:
    """By the process that lived through midnight, and by the one started after it."""
    heard = AnswerDesk(ran.engine, tmp_path)
    for listener in heard.answers.listeners:
        listener(CycleTicked(AT_NS, 0, 1), Outcome(tuple(ran.facts)))

    lived_through = await heard.ask(StatusAnswer, "status")
    heard.close()
    started_after = await ran.desk.ask(StatusAnswer, "status")

    assert lived_through.ledgers == started_after.ledgers
    line = lived_through.ledgers[0]
    assert line.realised_today_krw + line.unrealised_krw != line.pnl_today_krw


async def test_alerts_are_those_of_the_outbox(asked: AnswerDesk) -> None:
    """The newest first, in the asked language, with the conditions that stand."""
    raised = [
        Alert(AlertCode.PAUSED, Severity.WARNING, "paused", 1, {"by": "ann"}, lasting=True),
        Alert(AlertCode.RESUMED, Severity.INFO, "x", 2, {"by": "ann"}),
    ]
    with asked.journal.transaction() as tx:
        asked.outbox.enqueue(tx, raised)

    english = await asked.ask(AlertsAnswer, "alerts", limit=10, language="en")
    korean = await asked.ask(AlertsAnswer, "alerts", limit=1, language="ko")

    assert [one.code for one in english.alerts] == [AlertCode.RESUMED, AlertCode.PAUSED]
    assert english.open == ("paused",)
    assert len(korean.alerts) == 1
    assert korean.alerts[0].text != english.alerts[0].text


async def test_health_tells_what_the_bot_reported(asked: AnswerDesk, desk: Desk) -> None:
    """And counts what the journal holds."""
    asked.answers.heard(BotHealth(sent_ns=5, polled_ns=6, refused="401"))

    health = await asked.ask(HealthAnswer, "health")

    assert (health.telegram_sent_ns, health.telegram_polled_ns) == (5, 6)
    assert health.telegram_refused == "401"
    assert health.journal_facts == len(desk.facts)
    assert health.journal_mb > 0
    assert health.alerts_pending == 0


async def test_what_was_closed_answers_no_more(asked: AnswerDesk) -> None:
    """A stopping engine says so; it does not open the file again."""
    await asked.ask(TradesAnswer, "trades")
    asked.answers.close()

    with pytest.raises(JournalError, match="stopping"):
        await asked.ask(TradesAnswer, "trades")


async def test_a_host_asks_over_the_socket(asked: AnswerDesk, tmp_path: Path) -> None:
    """The same answers, one line of JSON each."""
    port = LocalPort(
        "test",
        SystemClock(),
        lambda _: None,
        lambda: Sight(0, None),
        lambda: None,
        asked.answers.questions(),
    )
    path = tmp_path / "engine.sock"
    serving = asyncio.create_task(PortSocket(port, path).run())
    await asyncio.to_thread(wait_until, path.exists)

    answers = {
        question: await asyncio.to_thread(send, path, Request(question=question))
        for question in KINDS
    }
    refused = await asyncio.to_thread(
        send, path, Request(question="trades", arguments={"limit": 0})
    )
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)

    for question, kind in KINDS.items():
        answer = answers[question]
        assert answer is not None
        assert answer.error == ""
        assert msgspec.convert(answer.figures, kind, strict=False).origin.engine == "test"
    assert refused is not None
    assert "1 to 100" in refused.error


class TestDays:
    def test_reach_from_midnight_to_midnight(self) -> None:
        """09:00 in Seoul is midnight UTC; the day began nine hours before."""
        (day,) = days_until(AT_NS, 1, SEOUL)

        assert day.date.isoformat() == "2026-01-05"
        assert (day.from_ns, day.to_ns) == (AT_NS - 9 * 3_600 * SECOND_NS, day.from_ns + DAY_NS)

    def test_are_as_long_as_their_zone_makes_them(self) -> None:
        """Where clocks are moved a day has 23 or 25 hours, and none is counted twice."""
        new_york = ZoneInfo("America/New_York")
        now = int(datetime(2026, 3, 9, 12, tzinfo=new_york).timestamp()) * SECOND_NS

        days = days_until(now, 3, new_york)

        assert [(day.to_ns - day.from_ns) // (3_600 * SECOND_NS) for day in days] == [24, 23, 24]
        assert all(before.to_ns == after.from_ns for before, after in pairwise(days))
