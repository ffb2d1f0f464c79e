"""The figures of a summary, against sums made another way from the same facts."""

import asyncio
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
import pytest

from tests.support.builders import SECOND_NS, engine_rules, some_instruments
from tests.support.engine_harness import Desk, Rehearsal, an_engine
from tests.support.facts import (
    AT_NS,
    DIRECTION,
    PAIR,
    UPBIT_BTC,
    a_booking,
    a_closing,
    a_refusal,
    a_sample,
    an_abandonment,
    an_opening,
)
from trader.alerts.outbox import MIGRATIONS, Outbox
from trader.app.summary import (
    AlertLedger,
    LoopRecord,
    Span,
    market_span,
    summary_figures,
    summary_question,
)
from trader.domain.authority import Authority, Latch, Level
from trader.domain.control import Alert, AlertCode, CheckName, Mode, Pause, Severity
from trader.domain.delivery import LedgerFigures
from trader.domain.errors import JournalError
from trader.domain.events import CycleTicked
from trader.domain.facts import (
    AuthorityChanged,
    BreakerCode,
    BreakerTripped,
    DirectionEmptied,
    DustMoved,
    EngineStarted,
    EntriesPaused,
    EntriesResumed,
    EquitySampled,
    Fact,
    FaultRecorded,
    FeedRecovered,
    FeedWentStale,
    FillBooked,
    LegUnhedged,
    StopLossTriggered,
    TradeClosed,
    TradeOpened,
)
from trader.domain.instrument import Asset, Venue
from trader.domain.order import LedgerName, OrderState, Purpose, Side, TradeId
from trader.domain.readiness import Readiness
from trader.domain.summary import MAX_NOTES, MAX_POINTS, CareCode, SummaryFigures
from trader.engine.engine import Engine
from trader.execution import digest as digest_module
from trader.execution.digest import MAX_SPAN_NS, Digest, digest, thinned
from trader.execution.history import History
from trader.execution.journal import Journal
from trader.portfolio.ledger import Ledger

PAPER, LIVE = LedgerName.PAPER, LedgerName.LIVE
HOUR_NS = 3_600 * SECOND_NS
DAY_NS = 24 * HOUR_NS
ZERO = Decimal(0)
_F = TypeVar("_F", bound=Fact)


class Ran(NamedTuple):
    """A mock run and the journal that holds it."""

    facts: Sequence[Fact]
    history: History
    engine: Engine
    journal: Journal


class Quiet:
    """An outbox in which all is well, or what the test says."""

    def __init__(self, within: LedgerFigures | None = None, pending: int = 0) -> None:
        self.within = within or LedgerFigures()
        self.pending = pending
        self.asked: list[tuple[int, int]] = []

    def ledger_between(self, from_ns: int, to_ns: int) -> LedgerFigures:
        """What the test says."""
        self.asked.append((from_ns, to_ns))
        return self.within

    def pending_count(self) -> int:
        """What the test says."""
        return self.pending


def written(journal: Journal, facts: Sequence[Fact]) -> None:
    """Append facts, each in a commit of its own."""
    for fact in facts:
        with journal.transaction() as tx:
            journal.append(tx, [fact])


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """Five hours of the simulated market."""
    rehearsal = Rehearsal(7)
    rehearsal.run(60)
    path = tmp_path_factory.mktemp("summary") / "journal.db"
    with Journal.open(path, migrations={"outbox": MIGRATIONS}) as journal:
        written(journal, rehearsal.facts)
        history = History(path)
        yield Ran(rehearsal.facts, history, rehearsal.engine, journal)
        history.close()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """An empty journal."""
    with Journal.open(tmp_path / "journal.db", migrations={"outbox": MIGRATIONS}) as journal:
        yield journal


@pytest.fixture
def history(journal: Journal) -> Iterator[History]:
    """A reader beside it."""
    history = History(journal.path)
    yield history
    history.close()


def spans(ran: Ran) -> list[Span]:
    """The whole run, and stretches of it that cut through trades, minutes and hours."""
    first, last = ran.facts[0].at_ns, ran.facts[-1].at_ns + 1
    fills = [fact.at_ns for fact in ran.facts if isinstance(fact, FillBooked)]
    middle = fills[len(fills) // 2]
    return [
        Span(first, last),
        Span(first, middle),
        Span(middle, last),
        Span(middle, middle + HOUR_NS + 17),
        Span(fills[3] + 1, fills[-3]),
        Span(last, last + HOUR_NS),
    ]


def within(facts: Sequence[Fact], kind: type[_F], span: Span, ledger: LedgerName) -> list[_F]:
    """The facts of a kind in a span that are about a ledger."""
    return [
        fact
        for fact in facts
        if isinstance(fact, kind)
        and span.from_ns <= fact.at_ns < span.to_ns
        and getattr(fact, "ledger", ledger) is ledger
    ]


def folded_until(facts: Sequence[Fact], at_ns: int) -> Ledger:
    """The engine's own ledger over the facts before an instant."""
    ledger = Ledger(PAPER, some_instruments())
    for fact in facts:
        if fact.at_ns < at_ns:
            ledger.apply(fact)
    return ledger


def one_day(history: History) -> Digest:
    """The day that begins at AT_NS."""
    return digest(history, AT_NS, AT_NS + DAY_NS)


class TestMoneyOfARun:
    def test_the_run_had_something_to_sum_up(self, ran: Ran) -> None:
        """Else every check below would compare nothing with nothing."""
        kinds = [type(fact) for fact in ran.facts]

        assert kinds.count(TradeClosed) >= 5
        assert StopLossTriggered in kinds

    def test_realised_is_what_the_ledger_booked_in_the_span(self, ran: Ran) -> None:
        """To the last digit, also of trades that the span cuts in two."""
        for span in spans(ran):
            before, after = (folded_until(ran.facts, at) for at in (span.from_ns, span.to_ns))

            paper = digest(ran.history, span.from_ns, span.to_ns).paper

            assert paper.prices_krw == after.realised_krw - before.realised_krw
            assert paper.fees_krw == after.fees_krw - before.fees_krw
            assert paper.realised_krw == after.booked_krw - before.booked_krw

    def test_stretches_add_up_to_the_whole(self, ran: Ran) -> None:
        """Nothing is counted twice at a seam, nothing falls through."""
        whole, first, second, *_ = (
            digest(ran.history, span.from_ns, span.to_ns).paper for span in spans(ran)
        )

        assert first.prices_krw + second.prices_krw == whole.prices_krw
        assert first.fees_krw + second.fees_krw == whole.fees_krw
        assert first.closed + second.closed == whole.closed
        assert first.opened + second.opened == whole.opened

    def test_trades_are_those_of_the_facts(self, ran: Ran) -> None:
        """Opened, closed, won, best, worst, and what stop-losses took."""
        for span in spans(ran):
            closed = within(ran.facts, TradeClosed, span, PAPER)
            results = sorted(fact.pnl_krw for fact in closed)
            stopped = [f.pnl_krw for f in closed if f.reason is Purpose.STOP_LOSS]

            paper = digest(ran.history, span.from_ns, span.to_ns).paper

            assert paper.opened == len(within(ran.facts, TradeOpened, span, PAPER))
            assert paper.closed == len(results)
            assert paper.wins == sum(pnl > 0 for pnl in results)
            assert paper.stop_loss_krw == sum(stopped, ZERO)
            assert paper.stop_losses == len(within(ran.facts, StopLossTriggered, span, PAPER))
            extremes = [at.pnl_krw for at in (paper.worst, paper.best) if at is not None]
            assert extremes == ([results[0], results[-1]] if results else [])

    def test_equity_is_sampled(self, ran: Ran) -> None:
        """From what stood when the span began to its last minute; drawdown from the best."""
        for span in spans(ran):
            samples = within(ran.facts, EquitySampled, span, PAPER)
            earlier = within(ran.facts, EquitySampled, Span(0, span.from_ns), PAPER)
            curve = [earlier[-1].equity_krw if earlier else ZERO]
            curve += [sample.equity_krw for sample in samples]
            falls = [max(curve[: at + 1]) - value for at, value in enumerate(curve)]

            paper = digest(ran.history, span.from_ns, span.to_ns).paper

            if not samples:
                assert (paper.equity_first_krw, paper.equity_last_krw) == (None, None)
                assert paper.unrealised_change_krw is None
                continue
            assert paper.equity_first_krw == curve[0]
            assert paper.equity_last_krw == curve[-1]
            assert paper.drawdown_krw == max(falls)
            assert paper.exposure_worst_krw == max(sample.exposure_krw for sample in samples)
            before = earlier[-1].unrealised_krw if earlier else ZERO
            assert paper.unrealised_change_krw == samples[-1].unrealised_krw - before

    def test_the_parts_make_the_whole_change_of_equity(self, ran: Ran) -> None:
        """Between two samples, realised and unrealised explain equity to the last digit."""
        samples = within(ran.facts, EquitySampled, spans(ran)[0], PAPER)
        first, last = samples[10], samples[-10]

        paper = digest(ran.history, first.at_ns + 1, last.at_ns + 1).paper

        assert paper.unrealised_change_krw is not None
        change = last.equity_krw - first.equity_krw
        assert paper.realised_krw + paper.unrealised_change_krw == change

    def test_live_stays_empty(self, ran: Ran) -> None:
        """Paper is not live."""
        whole = spans(ran)[0]

        live = digest(ran.history, whole.from_ns, whole.to_ns).live

        assert (live.closed, live.fees_krw, live.equity) == (0, ZERO, ())


class TestLedgersApart:
    def test_each_counts_its_own(self, journal: Journal, history: History) -> None:
        """The same trades in both would be two of each."""
        written(
            journal,
            [
                an_opening("t-1", ledger=LIVE),
                a_booking("k-1", trade="t-1", ledger=LIVE),
                a_closing("t-1", ledger=LIVE, pnl_krw="10"),
                an_opening("t-2"),
                a_booking("k-2", trade="t-2"),
                a_closing("t-2", pnl_krw="-20"),
                an_abandonment("t-3"),
                StopLossTriggered(AT_NS, LIVE, TradeId("t-1"), PAIR, DIRECTION, ZERO, ZERO),
            ],
        )

        day = one_day(history)

        assert (day.live.opened, day.live.wins, day.live.stop_losses) == (1, 1, 1)
        assert (day.paper.opened, day.paper.wins, day.paper.stop_losses) == (1, 0, 0)
        assert day.live.fees_krw == day.paper.fees_krw == Decimal("500.10")

    def test_dust_that_left_a_trade_realises_nothing(
        self, journal: Journal, history: History
    ) -> None:
        """What is sold after it is measured against what the trade still held."""
        sold, bought = a_booking("k-1"), a_booking("k-2")
        later = msgspec.structs.replace(
            bought,
            at_ns=AT_NS + 20,
            value_krw=Decimal(990000),
            fill=msgspec.structs.replace(bought.fill, side=Side.BUY),
        )
        dust = DustMoved(
            AT_NS + 10, PAPER, TradeId("t-1"), UPBIT_BTC, Decimal("-0.001"), Decimal(-100000)
        )
        written(journal, [sold, dust, later])

        paper = digest(history, AT_NS + 15, AT_NS + DAY_NS).paper

        assert paper.prices_krw == Decimal(900000 - 891000)
        assert paper.fees_krw == Decimal("500.10")


class TestNotes:
    def test_commands_breakers_feeds_starts_and_faults_are_told(
        self, journal: Journal, history: History
    ) -> None:
        """Those of the span, oldest first."""
        latch = Latch("storm", "telegram:5", AT_NS, None)
        written(
            journal,
            [
                EntriesPaused(AT_NS - 1, "early"),
                EngineStarted(AT_NS, "dev", Mode.MOCK, "0"),
                EntriesPaused(AT_NS + 1, "telegram:5", "lunch"),
                EntriesResumed(AT_NS + 2, "telegram:5"),
                AuthorityChanged(AT_NS + 3, Authority(Level.HALT, 1, latch)),
                BreakerTripped(AT_NS + 4, LIVE, BreakerCode.DAILY_LOSS, "live", ZERO, ZERO),
                FeedWentStale(AT_NS + 5, UPBIT_BTC, 3_000.0),
                FeedRecovered(AT_NS + 6, UPBIT_BTC, 4_000.0),
                FeedWentStale(AT_NS + 7, UPBIT_BTC, 3_000.0),
                FeedRecovered(AT_NS + 8, UPBIT_BTC, 9_000.0),
                FaultRecorded(AT_NS + 9, "feeds", "boom"),
                a_refusal("d-1", at_ns=AT_NS + 10),
                EntriesPaused(AT_NS + DAY_NS, "late"),
            ],
        )

        day = one_day(history)

        told = [(note.action, note.by, note.reason) for note in day.commands]
        assert told == [
            ("pause", "telegram:5", "lunch"),
            ("resume", "telegram:5", ""),
            ("authority halt", "telegram:5", "storm"),
        ]
        assert [(note.breaker, note.ledger) for note in day.breakers] == [("DAILY_LOSS", LIVE)]
        feeds = day.feeds
        assert (feeds.stale, feeds.longest_ms, feeds.longest_instrument) == (2, 9_000.0, UPBIT_BTC)
        assert (day.starts, day.faults) == (1, 1)
        assert [(one.check, one.count) for one in day.refusals] == [(CheckName.NET_PROFIT, 1)]

    def test_lists_are_bounded_and_say_what_they_leave_out(
        self, journal: Journal, history: History
    ) -> None:
        """The newest are kept."""
        pauses = [EntriesPaused(AT_NS + n, f"who{n}") for n in range(MAX_NOTES + 7)]
        trips = [
            BreakerTripped(AT_NS + n, PAPER, BreakerCode.REPEATED_RESTS, f"d{n}", ZERO, ZERO)
            for n in range(MAX_NOTES + 5)
        ]
        written(journal, [*pauses, *trips])

        day = one_day(history)

        assert (len(day.commands), day.commands_left_out) == (MAX_NOTES, 7)
        assert day.commands[-1].by == f"who{MAX_NOTES + 6}"
        assert (len(day.breakers), day.breakers_left_out) == (MAX_NOTES, 5)
        assert day.breakers[0].subject == "d5"

    @pytest.mark.parametrize("length_ns", [0, -1, MAX_SPAN_NS + 1])
    def test_a_span_that_is_none_or_too_long_is_refused(
        self, history: History, length_ns: int
    ) -> None:
        """A summary is bounded whatever is asked."""
        with pytest.raises(ValueError, match="span"):
            digest(history, AT_NS, AT_NS + length_ns)

    def test_a_journal_that_does_not_answer_is_told(self, journal: Journal) -> None:
        """Not knowing is not zero."""
        history = History(journal.path)
        history.close()

        with pytest.raises(JournalError):
            one_day(history)


class TestCurve:
    def test_a_month_of_minutes_fits_the_chart(self, journal: Journal, history: History) -> None:
        """Bounded, in order, and its deepest minute still in it."""
        samples = [a_sample(AT_NS + n * 60 * SECOND_NS) for n in range(4_000)]
        deepest = msgspec.structs.replace(samples[2_345], equity_krw=Decimal(-77))
        samples[2_345] = deepest
        with journal.transaction() as tx:
            journal.append(tx, samples)

        paper = digest(history, AT_NS, AT_NS + 4_000 * 60 * SECOND_NS).paper

        times = [at_ns for at_ns, _ in paper.equity]
        assert len(times) <= MAX_POINTS
        assert times == sorted(times)
        assert (times[0], times[-1]) == (samples[0].at_ns, samples[-1].at_ns)
        assert (deepest.at_ns, -77.0) in paper.equity

    @pytest.mark.parametrize("count", [0, 1, 5, 1_499, 1_500, 1_501, 3_001, 43_200])
    def test_thinning_keeps_ends_and_bound(self, count: int) -> None:
        """Short curves stay as they are."""
        points = [(n, float(n % 7)) for n in range(count)]

        kept = thinned(points)

        assert len(kept) <= MAX_POINTS
        assert list(kept[:1] + kept[-1:]) == (points[:1] + points[-1:])
        if count <= MAX_POINTS:
            assert list(kept) == points


class TestIndexes:
    @pytest.mark.parametrize("statement", ["_COUNT", "_FACTS", "_FILLS", "_CLOSED", "_SAMPLES"])
    def test_no_question_reads_a_table_from_end_to_end(
        self, history: History, statement: str
    ) -> None:
        """A journal of years answers as fast as one of days."""
        sql = getattr(digest_module, statement)
        named = {"ledger": "paper", "from_ns": 1, "to_ns": 2}
        values = ["paper", 1, 2, 3][: sql.count("?")]

        plan = [str(row[3]) for row in history.rows(f"EXPLAIN QUERY PLAN {sql}", values or named)]

        assert not [step for step in plan if step.startswith("SCAN")]


async def figures_of(
    history: History,
    engine: Engine,
    span: Span | None = None,
    *,
    alerts: AlertLedger | None = None,
    loop: LoopRecord | None = None,
    unguarded: int = 0,
) -> SummaryFigures:
    """The figures of a span, with an outbox where all is well."""
    return await summary_figures(
        history,
        engine,
        alerts or Quiet(),
        loop or LoopRecord(),
        span or Span(AT_NS, AT_NS + DAY_NS),
        made_ns=AT_NS + DAY_NS,
        unguarded=unguarded,
    )


def cares_of(figures: SummaryFigures) -> list[CareCode]:
    """What needs care, by code."""
    return [care.code for care in figures.cares]


class TestPutTogether:
    async def test_the_present_is_the_engines(self, ran: Ran) -> None:
        """Open trades, exposure and unrealised are those of its snapshot."""
        snapshot = ran.engine.snapshot()

        figures = await figures_of(ran.history, ran.engine)

        now = figures.paper.now
        assert now.unrealised_krw == snapshot.paper.unrealised_krw
        assert now.exposure_krw == snapshot.paper.exposure_krw
        assert now.open_trades == snapshot.paper.open_trades
        assert (figures.engine, figures.mode) == (snapshot.name, Mode.MOCK)

    async def test_on_the_simulated_market_the_span_is_its_newest_of_that_length(
        self, ran: Ran
    ) -> None:
        """Its clock has nothing to do with ours, while alerts keep to ours."""
        ours = Span(AT_NS + 400 * DAY_NS, AT_NS + 400 * DAY_NS + 2 * HOUR_NS)
        last = ran.engine.state.now_ns
        alerts = Quiet()

        figures = await figures_of(ran.history, ran.engine, ours, alerts=alerts)

        assert (figures.market_from_ns, figures.market_to_ns) == (last + 1 - 2 * HOUR_NS, last + 1)
        assert (figures.from_ns, figures.to_ns) == (ours.from_ns, ours.to_ns)
        assert alerts.asked == [(ours.from_ns, ours.to_ns)]
        theirs = digest(ran.history, last + 1 - 2 * HOUR_NS, last + 1).paper
        assert figures.paper.span == theirs
        assert theirs.closed > 0

    def test_elsewhere_the_markets_time_is_ours(self) -> None:
        """Paper and live quotes carry this world's time."""
        span = Span(AT_NS, AT_NS + DAY_NS)

        assert market_span(Mode.LIVE, 5, span) == span
        assert market_span(Mode.PAPER, 5, span) == span

    async def test_crosses_the_hatch_whole(self, ran: Ran) -> None:
        """As JSON and back, with every digit."""
        span = Span(AT_NS, AT_NS + DAY_NS)
        ask = summary_question(
            ran.history, ran.engine, Quiet(), LoopRecord(), now_ns=lambda: AT_NS + DAY_NS
        )

        answer = await ask({"from_ns": span.from_ns, "to_ns": span.to_ns})

        wire = msgspec.json.decode(msgspec.json.encode(answer))
        direct = await figures_of(ran.history, ran.engine, span)
        assert msgspec.convert(wire, SummaryFigures) == direct

    async def test_arguments_that_are_none_are_refused(self, ran: Ran) -> None:
        """The asker reads what is wrong with them."""
        ask = summary_question(ran.history, ran.engine, Quiet(), LoopRecord())

        with pytest.raises(msgspec.ValidationError, match="to_ns"):
            await ask({"from_ns": 1})
        with pytest.raises(ValueError, match="span"):
            await ask({"from_ns": 1, "to_ns": 1})

    async def test_alerts_are_the_outboxs(self, ran: Ran) -> None:
        """Created, waiting and unacknowledged as its ledger has them."""
        outbox = Outbox(ran.journal, ran.journal, now_ns=lambda: AT_NS + HOUR_NS)
        alert = Alert(AlertCode.HALTED, Severity.CRITICAL, "halted:engine", AT_NS, {}, lasting=True)
        with ran.journal.transaction() as tx:
            outbox.enqueue(tx, [alert])
        wide = Span(AT_NS, AT_NS + 2 * HOUR_NS)

        inside = await figures_of(ran.history, ran.engine, wide, alerts=outbox)
        after = Span(wide.to_ns, wide.to_ns + HOUR_NS)
        outside = await figures_of(ran.history, ran.engine, after, alerts=outbox)

        assert (inside.alerts.created, inside.alerts.unacknowledged) == (1, 1)
        assert (outside.alerts.created, outside.alerts.unacknowledged) == (0, 0)
        assert inside.alerts.waiting == outside.alerts.waiting == 1
        assert CareCode.UNACKNOWLEDGED in cares_of(inside)
        assert CareCode.ALERTS_WAITING in cares_of(outside)

    async def test_asking_does_not_hold_up_the_loop(self, ran: Ran) -> None:
        """The journal is read in a thread, several questions at a time."""
        whole = await asyncio.gather(*[figures_of(ran.history, ran.engine) for _ in range(4)])

        assert all(figures == whole[0] for figures in whole)


class TestCares:
    async def test_a_healthy_engine_has_none(self, history: History) -> None:
        """Fresh books, nothing open, nobody commanded anything."""
        desk = Desk()
        desk.begin()

        assert cares_of(await figures_of(history, desk.engine)) == []

    async def test_a_pause_and_a_lost_feed_are_named(self, history: History) -> None:
        """As long as they stand."""
        desk = Desk()
        desk.begin()
        desk.command(Pause("telegram:5"))
        desk.pass_ms(60_000)
        desk.again(but=[UPBIT_BTC])
        desk.tick()

        figures = await figures_of(history, desk.engine)

        assert cares_of(figures) == [CareCode.PAUSED, CareCode.FEED_STALE]
        assert figures.cares[1].fields["instrument"] == UPBIT_BTC

    async def test_an_order_without_an_end_is_named(self, history: History) -> None:
        """By its id, to be looked up at the venue."""
        desk = Desk()
        desk.begin()
        desk.signal()
        order = desk.take_orders()[0]
        desk.report(order, OrderState.UNKNOWN)

        figures = await figures_of(history, desk.engine)

        (care,) = [care for care in figures.cares if care.code is CareCode.ORDER_UNKNOWN]
        assert care.fields["order_id"] == order.client_order_id

    async def test_what_stands_in_the_engine_is_named_in_order_of_urgency(
        self, history: History
    ) -> None:
        """A halt, a lone leg, a breaker and an empty direction."""
        desk = Desk()
        trade = desk.opened()
        latch = Latch("storm", "telegram:5", AT_NS, None)
        at_ns = desk.at_ns
        for fact in (
            LegUnhedged(at_ns, PAPER, trade.id, trade.pair, UPBIT_BTC, Decimal(1), Decimal(1)),
            AuthorityChanged(at_ns, Authority(Level.HALT, 1, latch)),
            BreakerTripped(at_ns, PAPER, BreakerCode.LEG_UNHEDGED, trade.id, ZERO, ZERO),
            DirectionEmptied(
                at_ns,
                PAPER,
                trade.pair,
                trade.direction,
                Asset("BTC"),
                Decimal("0.02"),
                Venue("binance"),
                Venue("upbit"),
            ),
        ):
            desk.engine.state.apply(fact)

        figures = await figures_of(history, desk.engine, unguarded=3)

        assert cares_of(figures) == [
            CareCode.POSITION_UNGUARDED,
            CareCode.LEG_UNHEDGED,
            CareCode.HALTED,
            CareCode.BREAKER_TRIPPED,
            CareCode.DIRECTION_EMPTY,
        ]
        assert figures.cares[0].fields == {"count": "3"}
        assert figures.cares[2].fields == {"reason": "storm", "by": "telegram:5"}

    async def test_a_disk_nearly_full_is_named(self, history: History) -> None:
        """With what is left; one that was never sensed is not."""
        desk = Desk()
        desk.begin()
        now = desk.engine.state.now_mono_ns
        sensed = Readiness(mode=Mode.MOCK, disk_free_mb=312.4)
        desk.process(CycleTicked(desk.at_ns, now, 2, sensed))

        figures = await figures_of(history, desk.engine)

        assert cares_of(figures) == [CareCode.DISK_LOW]
        assert figures.cares[0].fields == {"free_mb": "312"}

    async def test_demotion_matters_in_live_mode_only(self, history: History) -> None:
        """Elsewhere paper is what was asked for."""
        latch = Latch("LOOP_SLOW", "engine", AT_NS, None)
        demoted = AuthorityChanged(AT_NS, Authority(Level.PAPER, 1, latch))
        found = {}
        for mode in (Mode.PAPER, Mode.LIVE):
            engine = an_engine(engine_rules(mode=mode))
            engine.restore([demoted])
            found[mode] = cares_of(await figures_of(history, engine))

        assert CareCode.DEMOTED in found[Mode.LIVE]
        assert CareCode.DEMOTED not in found[Mode.PAPER]

    async def test_a_live_position_without_a_way_out_is_named(self, history: History) -> None:
        """Before the first look of the gate nothing may close it."""
        live = Desk(mode=Mode.LIVE)
        fill = a_booking("k-1", ledger=LIVE)
        live.engine.restore([fill])

        figures = await figures_of(history, live.engine)

        assert figures.cares[0].code is CareCode.POSITION_UNGUARDED
        assert figures.live.now.open_trades == 1

    async def test_late_alerts_and_faults_are_counted(
        self, journal: Journal, history: History
    ) -> None:
        """Each with its number."""
        desk = Desk()
        desk.begin()
        at_ns = desk.engine.state.now_ns
        written(journal, [FaultRecorded(at_ns, "feeds", "boom")] * 2)

        figures = await figures_of(
            history, desk.engine, alerts=Quiet(LedgerFigures(created=9, sent=9, late=4), pending=1)
        )

        counted = {care.code: care.fields["count"] for care in figures.cares}
        assert counted == {
            CareCode.ALERTS_LATE: "4",
            CareCode.ALERTS_WAITING: "1",
            CareCode.FAULTS: "2",
        }


class TestLoopRecord:
    def test_keeps_the_worst_of_a_span(self) -> None:
        """By the hour; what is outside does not count."""
        record = LoopRecord()
        record.note(AT_NS - 2 * HOUR_NS, 99.0, 999.0)
        record.note(AT_NS, 5.0, None)
        record.note(AT_NS + 1, 3.0, 80.0)
        record.note(AT_NS + HOUR_NS, 4.0, 20.0)
        record.note(AT_NS + 3 * HOUR_NS, 98.0, 998.0)

        worst = record.between(AT_NS, AT_NS + 2 * HOUR_NS)

        assert (worst.latency_ms, worst.lag_ms, worst.since_ns) == (5.0, 80.0, None)

    def test_says_since_when_where_it_began_within(self) -> None:
        """A restart forgets what was before it."""
        record = LoopRecord()
        record.note(AT_NS + 5, 1.0, None)

        worst = record.between(AT_NS, AT_NS + HOUR_NS)

        assert (worst.latency_ms, worst.lag_ms, worst.since_ns) == (1.0, None, AT_NS + 5)

    def test_a_clock_that_steps_back_loses_nothing(self) -> None:
        """It goes on in the hour that was reached."""
        record = LoopRecord()
        record.note(AT_NS, 1.0, 1.0)
        record.note(AT_NS - 5 * HOUR_NS, 7.0, 2.0)

        assert record.between(AT_NS, AT_NS + 1).latency_ms == 7.0

    def test_is_bounded(self) -> None:
        """Forty days of hours, however long it runs."""
        record = LoopRecord()
        for hour in range(50 * 24):
            record.note(AT_NS + hour * HOUR_NS, float(hour), None)

        assert record.between(AT_NS, AT_NS + 9 * DAY_NS).latency_ms is None
        assert record.between(AT_NS, AT_NS + 50 * DAY_NS).latency_ms == 50 * 24 - 1.0
