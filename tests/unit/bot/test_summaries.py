"""What a summary says: full, empty and extreme figures, in both languages."""

import string
from datetime import UTC
from decimal import Decimal
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from bot.locales import summary_en, summary_ko
from bot.messenger import OutMessage
from bot.summaries import (
    MAX_UNITS,
    caption_message,
    chart_spec,
    fits_caption,
    summary_message,
    units,
)
from bot.summary_sections import SummaryKind
from tests.unit.bot.test_periods import ns
from trader.domain.order import PairName, TradeId
from trader.domain.summary import MAX_CARES, MAX_NOTES
from trader.port import (
    AlertFigures,
    BlockReason,
    BreakerCode,
    BreakerNote,
    Care,
    CareCode,
    CheckName,
    CommandNote,
    FeedFigures,
    Language,
    LedgerName,
    LedgerNow,
    LedgerSpan,
    LedgerSummary,
    LoopFigures,
    Mode,
    RefusalFigures,
    SummaryFigures,
    TradeResult,
)

SEOUL = ZoneInfo("Asia/Seoul")
EN, KO = Language.EN, Language.KO
DAILY, WEEKLY, MONTHLY = SummaryKind.DAILY, SummaryKind.WEEKLY, SummaryKind.MONTHLY
FROM, TO = ns("2026-11-21 00:00"), ns("2026-11-22 00:00")
NASTY = "a_b & <b>c</b> *d* [e](f) `g`\n\ud800\u202e" + "h" * 5_000
HUGE = Decimal("99999999999999999999.5")


class Parsed(HTMLParser):
    """The text of a message as a chat shows it, and the markup it needed."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.tags = "", list[str]()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Note a tag."""
        self.tags.append(tag if not attrs else f"{tag} {attrs}")

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.text += data


def figures(mode: Mode = Mode.PAPER) -> SummaryFigures:
    """A day on which nothing happened."""
    return SummaryFigures(
        engine="dev",
        mode=mode,
        made_ns=TO,
        from_ns=FROM,
        to_ns=TO,
        market_from_ns=FROM,
        market_to_ns=TO,
        paper=LedgerSummary(LedgerName.PAPER),
        live=LedgerSummary(LedgerName.LIVE),
    )


def a_result(pnl_krw: str, pair: str = "btc") -> TradeResult:
    """What a trade brought."""
    return TradeResult(TradeId("T1"), PairName(pair), "upbit>binance", Decimal(pnl_krw))


def a_span() -> LedgerSpan:
    """A day of ten trades."""
    return LedgerSpan(
        prices_krw=Decimal("2657.6"),
        fees_krw=Decimal("2393.1"),
        stop_losses=1,
        stop_loss_krw=Decimal("-1491.3"),
        unrealised_change_krw=Decimal("79.9"),
        equity_first_krw=Decimal(0),
        equity_last_krw=Decimal("344.4"),
        opened=10,
        closed=9,
        wins=8,
        best=a_result("1331.7"),
        worst=a_result("-1491.3"),
        drawdown_krw=Decimal("2780.2"),
        exposure_worst_krw=Decimal("199973.9"),
        equity=((FROM, 0.0), (TO - 1, 344.4)),
    )


def full(mode: Mode = Mode.LIVE) -> SummaryFigures:
    """A day on which everything happened, in both ledgers."""
    now = LedgerNow(Decimal("79.9"), Decimal(99594), 1)
    return replace(
        figures(mode),
        paper=LedgerSummary(LedgerName.PAPER, a_span(), now),
        live=LedgerSummary(LedgerName.LIVE, replace(a_span(), prices_krw=Decimal(777)), now),
        blocks=(BlockReason.DEMOTED, BlockReason.PAUSED),
        refusals=(RefusalFigures(CheckName.NET_PROFIT, 1_234),),
        feeds=FeedFigures(3, 45_000.0, "upbit:BTC-KRW"),
        loop=LoopFigures(12.5, 80.0, FROM + 60_000_000_000),
        alerts=AlertFigures(120, 118, 2, 20, 3, 1),
        starts=2,
        faults=1,
        commands=(
            CommandNote(FROM, "pause", "telegram:5", "lunch"),
            CommandNote(FROM, "authority paper", "engine", "FEEDS_STALE"),
            CommandNote(FROM, "authority paper", "host", "HALT_LIFTED"),
        ),
        breakers=(BreakerNote(FROM, LedgerName.LIVE, "DAILY_LOSS", "live"),),
        cares=tuple(Care(code, fields_of(code)) for code in CareCode),
    )


def fields_of(code: CareCode) -> dict[str, str]:
    """What the engine tells beside each thing that needs care."""
    trade = {"ledger": "live", "trade_id": "T7", "pair": "btc"}
    transfer = {
        "ledger": "paper",
        "pair": "btc",
        "direction": "upbit>binance",
        "amount": "0.0200",
        "asset": "BTC",
        "from_venue": "binance",
        "to_venue": "upbit",
    }
    return {
        CareCode.LEG_UNHEDGED: trade,
        CareCode.CLOSING_STUCK: trade,
        CareCode.ORDER_UNKNOWN: {"ledger": "live", "order_id": "tr-dev-9"},
        CareCode.HALTED: {"reason": "storm", "by": "telegram:5"},
        CareCode.DEMOTED: {"reason": "LOOP_SLOW", "by": "engine"},
        CareCode.BREAKER_TRIPPED: {
            "ledger": "live",
            "breaker": BreakerCode.DAILY_LOSS.value,
            "subject": "live",
        },
        CareCode.FEED_STALE: {"instrument": "upbit:BTC-KRW", "age_ms": "90000"},
        CareCode.DIRECTION_EMPTY: transfer,
        CareCode.PAUSED: {},
        CareCode.DISK_LOW: {"free_mb": "312"},
    }.get(code, {"count": "1234"})


def extreme() -> SummaryFigures:
    """Every list at its bound, every text hostile, every amount as long as it gets."""
    result = a_result(str(-HUGE), NASTY)
    span = replace(
        a_span(),
        prices_krw=HUGE,
        fees_krw=HUGE,
        stop_loss_krw=-HUGE,
        unrealised_change_krw=-HUGE,
        equity_first_krw=-HUGE,
        equity_last_krw=HUGE,
        best=result,
        worst=result,
        drawdown_krw=HUGE,
        exposure_worst_krw=HUGE,
        opened=10**9,
        closed=10**9,
    )
    now = LedgerNow(-HUGE, HUGE, 10**9)
    return replace(
        full(),
        engine=NASTY,
        paper=LedgerSummary(LedgerName.PAPER, span, now),
        live=LedgerSummary(LedgerName.LIVE, span, now),
        blocks=tuple(BlockReason),
        refusals=tuple(RefusalFigures(check, 10**12) for check in CheckName),
        feeds=FeedFigures(10**9, 1e12, NASTY),
        commands=(CommandNote(FROM, NASTY, NASTY, NASTY),) * MAX_NOTES,
        commands_left_out=10**6,
        breakers=(BreakerNote(FROM, LedgerName.LIVE, NASTY, NASTY),) * MAX_NOTES,
        breakers_left_out=10**6,
        cares=tuple(
            Care(code, dict.fromkeys(fields_of(code) or {"by": ""}, NASTY)) for code in CareCode
        )
        * (MAX_CARES // len(CareCode)),
        cares_left_out=10**6,
    )


def told(given: SummaryFigures, language: Language = EN, kind: SummaryKind = DAILY) -> OutMessage:
    """The summary of these figures on Seoul's clocks."""
    return summary_message(given, language, SEOUL, kind)


class TestWords:
    def test_both_languages_say_the_same_things(self) -> None:
        """Equal names, each filled with the same fields."""

        def fields(words: dict[str, str]) -> dict[str, set[str]]:
            parse = string.Formatter().parse
            return {
                name: {field for _, field, _, _ in parse(text) if field}
                for name, text in words.items()
            }

        assert fields(dict(summary_en.WORDS)) == fields(dict(summary_ko.WORDS))

    def test_every_care_ledger_and_kind_has_words(self) -> None:
        """A code nobody can say would fail on the day it matters."""
        needed = {
            *(f"care.{code}" for code in CareCode),
            *(f"ledger.{name}" for name in LedgerName),
            *(f"title.{kind}" for kind in SummaryKind),
        }

        assert needed <= summary_en.WORDS.keys()

    def test_korean_words_are_korean(self) -> None:
        """None that says something in English was left so by mistake."""
        for name, english in summary_en.WORDS.items():
            said = "".join(text for text, *_ in string.Formatter().parse(english))
            korean = summary_ko.WORDS[name]
            if any(char.isalpha() for char in said):
                assert any("가" <= char <= "힣" for char in korean), name


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("kind", list(SummaryKind))
class TestForm:
    @pytest.mark.parametrize(
        "given",
        [figures(), full(), full(Mode.MOCK), extreme()],
        ids=["empty", "full", "mock", "extreme"],
    )
    def test_is_markup_a_chat_can_parse_and_short_enough(
        self, given: SummaryFigures, language: Language, kind: SummaryKind
    ) -> None:
        """Bold titles and nothing else; the words without markup are the same."""
        message = summary_message(given, language, SEOUL, kind, late=True, running=True)

        parsed = Parsed(message.html)
        assert parsed.text == message.plain
        assert set(parsed.tags) == {"b"}
        assert units(parsed.text) <= MAX_UNITS
        assert message.silent

    def test_no_field_is_left_unfilled(self, language: Language, kind: SummaryKind) -> None:
        """Neither a brace nor a dash where every figure is known."""
        lines = told(full(), language, kind).plain.splitlines()

        assert not [line for line in lines if "{" in line or "}" in line]
        # A span of days has a dash of its own.
        assert not [line for line in lines[1:] if "–" in line]

    def test_caption_is_one_short_line(self, language: Language, kind: SummaryKind) -> None:
        """A picture takes 1,024 units, however long the summary."""
        caption = caption_message(extreme(), language, SEOUL, kind)

        assert fits_caption(caption)
        assert len(caption.plain.splitlines()) == 1
        assert Parsed(caption.html).text == caption.plain


class TestTitle:
    def test_names_the_period_in_the_zone(self) -> None:
        """Midnight in Seoul is the afternoon before in UTC."""
        assert told(figures()).plain.startswith("📊 Daily summary 2026-11-21 (Sat)\n")
        assert told(figures(), KO).plain.startswith("📊 일간 요약 2026-11-21 (토)\n")
        in_utc = summary_message(figures(), EN, UTC, DAILY)
        assert in_utc.plain.startswith("📊 Daily summary 2026-11-20 (Fri)\n")

    def test_a_week_is_the_iso_one(self) -> None:
        """Also where it belongs to the year before."""
        week = replace(figures(), from_ns=ns("2026-12-28 00:00"), to_ns=ns("2027-01-04 00:00"))

        assert "2026-W53 (12-28 – 01-03)" in told(week, kind=WEEKLY).plain

    def test_late_and_running_are_marked(self) -> None:
        """And only then."""
        marked = summary_message(figures(), EN, SEOUL, DAILY, late=True, running=True).plain
        plain = told(figures()).plain

        assert "so far" in marked.splitlines()[0]
        assert "⏰ Late" in marked
        assert "so far" not in plain
        assert "Late" not in plain

    def test_a_simulated_market_says_whose_time_it_is(self) -> None:
        """Its days are not the calendar's."""
        mock = replace(
            figures(Mode.MOCK),
            market_from_ns=ns("2026-01-04 10:00"),
            market_to_ns=ns("2026-01-05 10:00"),
        )

        assert "own clock: 2026-01-04 10:00 – 2026-01-05 10:00" in told(mock).plain
        assert "own clock" not in told(figures()).plain


class TestCares:
    def test_come_before_the_figures(self) -> None:
        """What a person must do is read first."""
        text = told(full()).plain

        assert text.index("Needs care") < text.index("💰 Live")

    def test_none_is_said_as_well(self) -> None:
        """Silence could mean that nobody looked."""
        assert "✅ Nothing needs care." in told(figures()).plain

    def test_each_says_what_and_what_to_do(self) -> None:
        """With its numbers and units."""
        for code, expected in {
            CareCode.FEED_STALE: "upbit:BTC-KRW: no fresh quotes for 1 min 30 s. Check",
            CareCode.DIRECTION_EMPTY: "Paper btc, sell upbit, buy binance: lacks BTC. "
            "Transfer 0.02 BTC from binance to upbit.",
            CareCode.HALTED: "Halted by telegram:5: storm.",
            CareCode.BREAKER_TRIPPED: "Live: breaker DAILY_LOSS stands (live). ",
            CareCode.UNACKNOWLEDGED: "Critical alerts nobody acknowledged: 1,234.",
        }.items():
            one = replace(figures(), cares=(Care(code, fields_of(code)),))
            assert f"• {expected}" in told(one).plain

    def test_a_breaker_says_what_mends_it(self) -> None:
        """The words are the ones its alert has."""
        care = Care(CareCode.BREAKER_TRIPPED, fields_of(CareCode.BREAKER_TRIPPED))

        text = told(replace(figures(), cares=(care,))).plain

        assert "midnight" in next(line for line in text.splitlines() if "DAILY_LOSS" in line)

    def test_what_is_left_out_is_counted(self) -> None:
        """Of twelve eight are told."""
        cares = tuple(Care(CareCode.PAUSED) for _ in range(12))

        text = told(replace(figures(), cares=cares, cares_left_out=30)).plain

        assert text.count("• Entries are paused") == 8
        assert "… and 34 more" in text

    def test_a_field_nobody_sent_is_a_dash(self) -> None:
        """An engine of another version must not silence the summary."""
        text = told(replace(figures(), cares=(Care(CareCode.ORDER_UNKNOWN),))).plain

        assert "–: order – has no known outcome" in text


class TestLedgers:
    def test_money_has_parts_and_units(self) -> None:
        """Realised and unrealised, prices and fees, to the won."""
        text = told(full(Mode.PAPER)).plain

        assert "PnL +344 ₩: realised +264 ₩, unrealised change +80 ₩" in text
        assert "Realised: prices +2,658 ₩, fees -2,393 ₩" in text
        assert "Stop-losses: 1, together -1,491 ₩" in text
        assert "Trades: 10 opened, 9 closed, 8 won (88.9 %)" in text
        assert "Best +1,332 ₩: btc, sell upbit, buy binance" in text
        assert "Worst -1,491 ₩" in text
        assert "0 ₩ → 344 ₩, deepest fall 2,780 ₩" in text
        assert "Now: 1 open, exposure 99,594 ₩, unrealised +80 ₩" in text
        assert "Exposure at most 199,974 ₩" in text

    def test_live_and_paper_stand_apart_the_modes_own_first(self) -> None:
        """Never one number for both."""
        live, paper = told(full(Mode.LIVE)).plain, told(full(Mode.PAPER)).plain

        assert live.index("💰 Live") < live.index("💰 Paper")
        assert paper.index("💰 Paper") < paper.index("💰 Live")
        assert "prices +777 ₩" in live[live.index("💰 Live") : live.index("💰 Paper")]
        assert "prices +2,658 ₩" in live[live.index("💰 Paper") :]

    def test_the_other_ledger_is_left_out_while_idle(self) -> None:
        """The mode's own is shown even so."""
        text = told(figures(Mode.LIVE)).plain

        assert "💰 Live" in text
        assert "No trades." in text
        assert "💰 Paper" not in text

    def test_an_idle_ledger_with_an_open_trade_is_no_idle_ledger(self) -> None:
        """A live position must show in any mode."""
        held = LedgerSummary(LedgerName.LIVE, now=LedgerNow(open_trades=1))

        assert "💰 Live" in told(replace(figures(), live=held)).plain

    def test_an_unknown_change_is_a_dash(self) -> None:
        """No sample, no sum: zero would be a lie."""
        assert "PnL –: realised 0 ₩, unrealised change –" in told(figures()).plain

    def test_one_closed_trade_is_named_once(self) -> None:
        """It is the best and the worst at once."""
        one = replace(a_span(), opened=1, closed=1, wins=1, worst=a_result("1331.7"))

        text = told(replace(figures(), paper=LedgerSummary(LedgerName.PAPER, one))).plain

        assert "Best" in text
        assert "Worst" not in text


class TestSections:
    def test_are_there_only_where_there_is_something_to_say(self) -> None:
        """An empty day fits half a screen."""
        text = told(figures()).plain

        for absent in ("Refused", "Breakers", "Running", "Commands"):
            assert absent not in text
        assert len(text.splitlines()) <= 10

    def test_tell_blocks_feeds_loop_alerts_and_who_commanded(self) -> None:
        """Everything the day had."""
        text = told(full()).plain

        assert "live gate shut: DEMOTED, PAUSED" in text
        assert "• NET_PROFIT: 1,234" in text
        assert "• 2026-11-21 00:00 Live DAILY_LOSS (live)" in text
        assert "Feeds: stale 3 times, longest 45.0 s (upbit:BTC-KRW)" in text
        assert "slowest cycle 12 ms, slowest quote 80 ms (since 2026-11-21 00:01)" in text
        assert "120 raised, 118 sent, 2 late, 1 critical unacknowledged" in text
        assert "20 told by number only, 3 waiting" in text
        assert "• 2026-11-21 00:00 entries paused by telegram:5: lunch" in text
        assert "demoted to paper by engine: FEEDS_STALE" in text
        assert "halt lifted to paper by host" in text

    def test_an_open_gate_says_so(self) -> None:
        """In live mode only: elsewhere there is none to open."""
        assert "live gate open" in told(replace(full(), is_live=True)).plain
        assert "live gate" not in told(full(Mode.PAPER)).plain

    def test_the_newest_commands_are_kept(self) -> None:
        """They are the ones that still matter."""
        notes = tuple(CommandNote(FROM, "pause", f"who{n}") for n in range(9))

        text = told(replace(figures(), commands=notes, commands_left_out=4)).plain

        assert "who8" in text
        assert "who2" not in text
        assert "… and 7 more" in text


class TestChart:
    def test_has_a_line_for_each_ledger_that_moved(self) -> None:
        """With the words of its language and the zone of its axis."""
        spec = chart_spec(full(), KO, "Asia/Seoul")

        assert spec is not None
        assert [series.label for series in spec.series] == ["실거래", "모의"]
        assert spec.series[0].at_ns == (FROM, TO - 1)
        assert spec.series[0].values == (0.0, 344.4)
        assert spec.zone == "Asia/Seoul"

    def test_there_is_none_without_a_curve(self) -> None:
        """One point is no line."""
        one = LedgerSummary(LedgerName.PAPER, LedgerSpan(equity=((FROM, 1.0),)))

        assert chart_spec(replace(figures(), paper=one), EN, "Asia/Seoul") is None
