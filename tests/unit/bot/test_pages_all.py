"""Every page, in both languages, of typical, empty and extreme answers: taken by any chat."""

import string
from collections.abc import Callable
from decimal import Decimal

import pytest

from bot.locales import pages_en, pages_ko
from bot.pages import (
    Caller,
    Page,
    View,
    alerts_page,
    attached,
    audit_page,
    balance_page,
    config_page,
    guards_page,
    health_page,
    help_page,
    live_page,
    logs_page,
    metrics_page,
    orders_page,
    pnl_page,
    pointer_page,
    positions_page,
    spread_page,
    start_page,
    status_page,
    trades_page,
    version_page,
    whoami_page,
    why_page,
)
from bot.pages.guards import GuardLatch, GuardRow, Guards
from bot.paging import MAX_PAGES
from tests.support import page_answers as some
from tests.support.chat_html import check
from tests.support.page_answers import HUGE, NASTY, NOW, D, a_view, an_origin
from trader.domain.instrument import Asset, InstrumentId, Venue
from trader.domain.order import DecisionId, Evidence, PairName, TradeId
from trader.port import (
    ActLine,
    AlertLine,
    AlertsAnswer,
    AuditAnswer,
    BalanceAnswer,
    BlockReason,
    CheckName,
    CheckResult,
    Effective,
    FeedLine,
    Language,
    LedgerName,
    LegLine,
    Mode,
    OrdersAnswer,
    OrderState,
    Origin,
    PauseView,
    PnlAnswer,
    PnlLine,
    PositionLine,
    PositionsAnswer,
    QuoteSeen,
    SpreadAnswer,
    SpreadLine,
    StatusAnswer,
    TextAnswer,
    TradesAnswer,
    Transfer,
    VersionAnswer,
    WhyAnswer,
)

LIVE, PAPER = LedgerName.LIVE, LedgerName.PAPER
BAD = Origin(NASTY, Mode.LIVE, 2**70)
NAN, INF = Decimal("NaN"), Decimal("-Infinity")
PAIR = PairName(NASTY)
MOVED = Transfer(LIVE, PAIR, NASTY, Asset(NASTY), HUGE, Venue(NASTY), Venue(NASTY))
Make = Callable[[View], Page]


def an_extreme_why() -> WhyAnswer:
    """Every check failed for want of a number, on quotes that are none."""
    checks = tuple(CheckResult(name, False, None, None, fault=NASTY) for name in CheckName)
    passed = tuple(CheckResult(name, True, HUGE, NAN) for name in CheckName)
    decision = some.a_decision(
        id=DecisionId(NASTY),
        pair=PAIR,
        direction=f"{NASTY}>{NASTY}",
        quotes=(QuoteSeen(InstrumentId(NASTY), float("nan"), 1e300, float("inf")),) * 3,
        evidence=Evidence(HUGE, NAN, INF, HUGE, NAN, HUGE),
        checks=checks + passed,
    )
    recent = tuple((DecisionId(NASTY), NASTY) for _ in range(100))
    trade = some.a_trade(NASTY, pnl_krw=HUGE, notional_krw=NAN)
    return WhyAnswer(BAD, decision, NASTY, recent, trade, tuple(CheckName))


def an_extreme_status() -> StatusAnswer:
    """Everything at once, and nothing of it sound."""
    return some.a_status(
        Effective.REVOKED,
        origin=BAD,
        level=NASTY,
        blocks=tuple(BlockReason),
        latch_reason=NASTY,
        latch_by=NASTY,
        latch_ns=-(2**70),
        used_up=True,
        pauses=tuple(PauseView(NASTY, 0, NASTY, NASTY, 2**70) for _ in range(100)),
        feeds=tuple(FeedLine(InstrumentId(NASTY), None, False, NASTY) for _ in range(100)),
        ledgers=tuple(
            some.a_ledger(
                ledger,
                pnl_today_krw=HUGE,
                realised_today_krw=NAN,
                unrealised_krw=INF,
                exposure_krw=HUGE,
                open_trades=10**18,
                loss_today_krw=HUGE,
            )
            for ledger in LedgerName
        ),
        breakers=(f"DAILY_LOSS {NASTY}",) * 50 + (NASTY,),
        nearest_stop_pct=HUGE,
        uptime_s=1e18,
        version=NASTY,
        dry_run=False,
    )


def extreme_guards() -> Guards:
    """More rows than there are predicates, each as long as can be."""
    row = GuardRow(NASTY, NASTY, "fail", NASTY, NASTY, NASTY, NASTY, NASTY, NASTY, NASTY, 2**70, 9)
    return Guards(
        Mode.LIVE,
        False,
        NASTY,
        NASTY,
        NASTY,
        10**18,
        GuardLatch(NASTY, NASTY, 2**70),
        used_up=True,
        halt_file=True,
        predicates=(row,) * 100,
        limits=(row, GuardRow("x", "x", "pass", value="9" * 400, unit="ms")) * 50,
        engine=NASTY,
    )


def a_bare_position(number: int) -> PositionLine:
    """A position of which next to nothing is known."""
    return some.a_position(
        f"{NASTY}{number}",
        pair=PAIR,
        direction=NASTY,
        opened_ns=-(2**70),
        phase=NASTY,
        notional_krw=HUGE,
        unrealised_krw=None,
        to_stop_krw=None,
        to_stop_pct=None,
        unhedged=True,
        stuck=True,
        legs=(LegLine(InstrumentId(NASTY), HUGE, None, None),),
    )


def an_extreme_alert(number: int) -> AlertLine:
    """An alert told in vain."""
    return some.an_alert(
        number, text=NASTY, key=NASTY, sent_ns=None, attempts=10**9, last_error=NASTY, count=10**12
    )


TYPICAL: dict[str, Make] = {
    "status": lambda v: status_page(some.a_status(), v),
    "status demoted": lambda v: status_page(some.a_demoted_status(), v),
    "guards": lambda v: guards_page(some.guards_of_the_engine(v.language), v),
    "why": lambda v: why_page(some.a_why(), v),
    "spread": lambda v: spread_page(some.some_spreads(), v),
    "positions": lambda v: positions_page(
        PositionsAnswer(an_origin(), (some.a_position(), some.a_position("P3", ledger=PAPER))), v
    ),
    "orders": lambda v: orders_page(
        OrdersAnswer(an_origin(), tuple(some.an_order(state) for state in OrderState)), v
    ),
    "trades": lambda v: trades_page(TradesAnswer(an_origin(), (some.a_trade(),)), v),
    "balance": lambda v: balance_page(some.some_balances(), v),
    "pnl": lambda v: pnl_page(some.some_pnl(), v),
    "alerts": lambda v: alerts_page(some.some_alerts(), v),
    "logs": lambda v: logs_page(some.some_lines(), v),
    "config": lambda v: config_page(some.some_lines(40), v),
    "audit": lambda v: audit_page(
        some.an_audit(), v, (ActLine(NOW, "kim", "/pause 30m"),), "9f31c2ab77de0011"
    ),
    "health": lambda v: health_page(some.a_health(), v),
    "version": lambda v: version_page(some.a_version(), v),
    "metrics": lambda v: metrics_page({"name": "main", "mode": "live", "pnl_krw": -1.5}, v),
    "help": lambda v: help_page(v, an_origin()),
    "start": lambda v: start_page(v, an_origin()),
    "whoami": lambda v: whoami_page(Caller(1, "Kim", -100, 7, "ko"), v, an_origin()),
    "pointer": lambda v: pointer_page(v, an_origin()),
    "live": lambda v: live_page(v, an_origin(), (BlockReason.CONFIRM_FILE_MISSING,)),
}
EMPTY: dict[str, Make] = {
    "status": lambda v: status_page(
        some.a_status(
            Effective.SUSPENDED, feeds=(), ledgers=(), nearest_stop_pct=None, version="", level=""
        ),
        v,
    ),
    "guards": lambda v: guards_page(Guards(Mode.MOCK, False, "", "", "", 0), v),
    "why": lambda v: why_page(WhyAnswer(an_origin(), None), v),
    "why bare": lambda v: why_page(
        some.a_why(decision=some.a_decision(quotes=(), evidence=None, checks=()), recent=()), v
    ),
    "spread": lambda v: spread_page(SpreadAnswer(an_origin(), ()), v),
    "spread unknown": lambda v: spread_page(
        SpreadAnswer(
            an_origin(),
            (SpreadLine(PairName("BTC"), "a>b", None, None, None, None, None, None, "no_price"),),
        ),
        v,
    ),
    "positions": lambda v: positions_page(PositionsAnswer(an_origin(), ()), v),
    "orders": lambda v: orders_page(OrdersAnswer(an_origin(), ()), v),
    "trades": lambda v: trades_page(TradesAnswer(an_origin(), ()), v),
    "balance": lambda v: balance_page(BalanceAnswer(an_origin(), ()), v),
    "pnl": lambda v: pnl_page(PnlAnswer(an_origin(), "1d", (), ()), v),
    "pnl no days": lambda v: pnl_page(PnlAnswer(an_origin(), "1d", (), ((LIVE, D(0)),)), v),
    "alerts": lambda v: alerts_page(AlertsAnswer(an_origin(), ()), v),
    "logs": lambda v: logs_page(TextAnswer(an_origin(), ()), v),
    "logs blank": lambda v: logs_page(TextAnswer(an_origin(), ("", "", "")), v),
    "config": lambda v: config_page(TextAnswer(an_origin(), ()), v),
    "audit": lambda v: audit_page(AuditAnswer(an_origin(), ()), v),
    "health": lambda v: health_page(
        some.a_health(
            disk_free_mb=None,
            loop_lag_ms=None,
            loop_latency_ms=None,
            ws_lag_ms=None,
            telegram_sent_ns=None,
            telegram_polled_ns=None,
            worst_check=None,
        ),
        v,
    ),
    "version": lambda v: version_page(VersionAnswer(an_origin(), "", "", 0), v),
    "metrics": lambda v: metrics_page({}, v),
    "help": help_page,
    "start": start_page,
    "whoami": lambda v: whoami_page(Caller(0, "", 0), v),
    "pointer": pointer_page,
    "live": live_page,
}
EXTREME: dict[str, Make] = {
    "status": lambda v: status_page(an_extreme_status(), v),
    "guards": lambda v: guards_page(extreme_guards(), v),
    "why": lambda v: why_page(an_extreme_why(), v),
    "spread": lambda v: spread_page(
        SpreadAnswer(
            BAD,
            tuple(
                SpreadLine(
                    PAIR,
                    NASTY,
                    HUGE,
                    NAN,
                    INF,
                    HUGE,
                    -(10**18),
                    float("nan"),
                    NASTY,
                    MOVED,
                    2**70,
                )
                for _ in range(100)
            ),
        ),
        v,
    ),
    "positions": lambda v: positions_page(
        PositionsAnswer(BAD, tuple(a_bare_position(n) for n in range(100)), 10**18), v
    ),
    "orders": lambda v: orders_page(
        OrdersAnswer(
            BAD,
            tuple(
                some.an_order(
                    OrderState.UNKNOWN,
                    quantity=HUGE,
                    limit_price=NAN,
                    executed=INF,
                    instrument=InstrumentId(NASTY),
                    trade_id=TradeId(NASTY),
                )
                for _ in range(100)
            ),
            5,
        ),
        v,
    ),
    "trades": lambda v: trades_page(
        TradesAnswer(
            BAD,
            tuple(
                some.a_trade(
                    f"{NASTY}{n}",
                    pair=PAIR,
                    direction=NASTY,
                    pnl_krw=HUGE,
                    reason=NASTY,
                    state=NASTY,
                )
                for n in range(100)
            ),
        ),
        v,
    ),
    "balance": lambda v: balance_page(
        BalanceAnswer(
            BAD,
            tuple(some.a_balance(LIVE, f"{NASTY[n:]}", NASTY, str(HUGE), None) for n in range(100)),
            7,
            tuple(MOVED for _ in range(9)),
        ),
        v,
    ),
    "pnl": lambda v: pnl_page(
        PnlAnswer(
            BAD,
            NASTY,
            tuple(PnlLine(NASTY, ledger, HUGE, NAN, 10**12, 3) for ledger in LedgerName) * 50,
            ((LIVE, INF), (PAPER, HUGE)),
        ),
        v,
    ),
    "alerts": lambda v: alerts_page(
        AlertsAnswer(BAD, tuple(an_extreme_alert(n) for n in range(100)), (NASTY,) * 100), v
    ),
    "logs": lambda v: logs_page(TextAnswer(BAD, (NASTY, "</pre>&amp;") * 50, 10**9), v),
    "config": lambda v: config_page(TextAnswer(BAD, (NASTY,) * 100), v),
    "audit": lambda v: audit_page(
        AuditAnswer(BAD, tuple(ActLine(2**70, NASTY, NASTY, NASTY, 10**18) for _ in range(100))),
        v,
        tuple(ActLine(0, NASTY, NASTY) for _ in range(100)),
        NASTY,
        NASTY,
    ),
    "health": lambda v: health_page(
        some.a_health(
            disk_free_mb=float("inf"),
            journal_mb=1e300,
            loop_lag_ms=float("nan"),
            uptime_s=-5.0,
            faults=10**18,
            log_lines_lost=4,
            alerts_unacknowledged=10**18,
            telegram_refused=NASTY,
            telegram_sent_ns=2**70,
        ),
        v,
    ),
    "version": lambda v: version_page(VersionAnswer(BAD, NASTY, NASTY, -(2**70)), v),
    "metrics": lambda v: metrics_page(
        {
            "name": NASTY,
            "mode": NASTY,
            "a": [NASTY] * 9,
            "b": 1e300,
            NASTY: None,
            "c": float("nan"),
        },
        v,
    ),
    "help": lambda v: help_page(v, BAD),
    "start": lambda v: start_page(v, BAD),
    "whoami": lambda v: whoami_page(Caller(-(10**30), NASTY, 10**30, -1, NASTY), v, BAD),
    "live": lambda v: live_page(v, BAD, tuple(BlockReason)),
}
CASES = [
    pytest.param(make, id=f"{kind} {name}")
    for kind, group in (("typical", TYPICAL), ("empty", EMPTY), ("extreme", EXTREME))
    for name, make in group.items()
]


@pytest.mark.parametrize("language", Language)
class TestEveryPage:
    @pytest.mark.parametrize("make", CASES)
    def test_is_taken_by_a_chat_as_it_is(self, make: Make, language: Language) -> None:
        """Telegram's own tags, closed; plain as shown; short enough; buttons that can be read."""
        page = make(a_view(language))

        assert page
        for message in page:
            text = check(message)
            assert "\u202e" not in text
            assert "{" not in text.replace("{a", "")

    @pytest.mark.parametrize("make", [pytest.param(m, id=n) for n, m in TYPICAL.items()])
    def test_names_engine_mode_and_state_first(self, make: Make, language: Language) -> None:
        """Nobody may take one engine's figures for another's, or paper's for live's."""
        first = make(a_view(language))[0].plain.splitlines()[0]

        state = {Language.EN: ("live", "paper"), Language.KO: ("실거래", "모의")}[language]
        assert " main · " in first
        assert any(word in first for word in state)

    @pytest.mark.parametrize("make", [pytest.param(m, id=n) for n, m in TYPICAL.items()])
    def test_fits_one_message_as_a_rule(self, make: Make, language: Language) -> None:
        """A page to turn is for the unusual."""
        assert len(make(a_view(language))) == 1

    @pytest.mark.parametrize("make", [pytest.param(m, id=n) for n, m in TYPICAL.items()])
    def test_has_no_buttons_where_nobody_taps(self, make: Make, language: Language) -> None:
        """The stub has no chat."""
        assert all(not message.buttons for message in make(a_view(language, instance="")))

    def test_of_a_hundred_trades_becomes_a_file(self, language: Language) -> None:
        """Nobody turns seven pages."""
        view = a_view(language)
        rows = tuple(some.a_position(f"T{n}") for n in range(100))

        page = positions_page(PositionsAnswer(an_origin(), rows), view)
        found = attached(page, view, "positions")

        assert len(page) > MAX_PAGES
        assert found.name == "positions.txt"
        assert all(f" · T{n}\n" in found.text for n in range(100))
        assert str(len(page)) in check(found.caption)


class TestWords:
    def test_are_the_same_set_in_both_languages(self) -> None:
        """Languages are equals."""
        assert set(pages_en.WORDS) == set(pages_ko.WORDS)

    def test_take_the_same_values(self) -> None:
        """A figure named in one language must not be missing in the other."""

        def taken(text: str) -> set[str]:
            return {name for _, name, _, _ in string.Formatter().parse(text) if name}

        for key, text in pages_en.WORDS.items():
            assert taken(text) == taken(pages_ko.WORDS[key]), key

    def test_are_never_empty(self) -> None:
        """An empty word would leave a hole in a line."""
        for words in (pages_en.WORDS, pages_ko.WORDS):
            assert all(text.strip() for text in words.values())

    def test_belong_to_one_group_each(self) -> None:
        """A key in two groups would silently lose one of its texts."""
        for module in (pages_en, pages_ko):
            groups = [
                value
                for name, value in vars(module).items()
                if name.startswith("_") and isinstance(value, dict) and not name.startswith("__")
            ]
            assert sum(map(len, groups)) == len(module.WORDS)

    @pytest.mark.parametrize(
        ("group", "codes"),
        [
            ("check", list(CheckName)),
            ("order", list(OrderState)),
            ("state", list(Effective)),
            ("ledger", list(LedgerName)),
        ],
    )
    def test_know_every_code(self, group: str, codes: list[str]) -> None:
        """A bare code is no word for a person."""
        assert all(f"{group}.{code}" in pages_en.WORDS for code in codes)

    @pytest.mark.parametrize(
        "word",
        [
            "긴급정지",
            "신규진입 중지",
            "모의 전환",
            "재개",
            "실거래 해제(모의로 전환)",
            "일시 보류(자동 복귀)",
            "실거래 권한 상실(청산 불가)",
            "전량 청산",
            "한쪽만 체결",
            "결과 미확인 주문",
            "실현손익",
            "평가손익",
            "노출금액",
            "보유 재고",
            "확인했음",
        ],
    )
    def test_say_it_as_everywhere_else_in_korean(self, word: str) -> None:
        """One word for one thing."""
        assert any(word in text for text in pages_ko.WORDS.values())
