"""Answers as an engine would give them: typical, empty and extreme ones."""

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from bot.pages import Guards, View, guards_of
from bot.pages.guards import GuardRow
from tests.unit.bot.test_periods import ns
from trader.app.figures import guard_figures
from trader.domain.authority import Authority
from trader.domain.instrument import Asset, InstrumentId, Venue
from trader.domain.order import ClientOrderId, DecisionId, Evidence, PairName, TradeId
from trader.domain.readiness import Readiness
from trader.port import (
    ActLine,
    AlertCode,
    AlertLine,
    AlertsAnswer,
    AuditAnswer,
    BalanceAnswer,
    BalanceLine,
    BlockReason,
    CheckName,
    CheckResult,
    Decision,
    Effective,
    FeedLine,
    HealthAnswer,
    Language,
    LedgerLine,
    LedgerName,
    LegLine,
    Mode,
    OrderLine,
    OrderState,
    Origin,
    PauseView,
    PnlAnswer,
    PnlLine,
    PositionLine,
    Purpose,
    QuoteSeen,
    Severity,
    Side,
    SpreadAnswer,
    SpreadLine,
    StatusAnswer,
    TextAnswer,
    TradeLine,
    VersionAnswer,
    WhyAnswer,
)
from trader.risk.live_guard import LiveGuard
from trader.risk.predicates import GuardRules

SEOUL = ZoneInfo("Asia/Seoul")
NOW = ns("2026-11-22 19:20") + 6 * 10**9
SECOND = 10**9
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
NASTY = "a_b & <b>c</b> *d* [e](f) `g`\n\ud800\u202e" + "h" * 5_000
HUGE = Decimal("-99999999999999999999999999999999999999.5")
ROUTE = "upbit>bithumb"
D = Decimal


def a_view(language: Language = Language.EN, **fields: Any) -> View:
    """Somebody in Seoul looking at a phone that may tap buttons."""
    shown: dict[str, Any] = {
        "zone": SEOUL,
        "now_ns": NOW,
        "instance": "aB3_-x",
        "effective": Effective.LIVE,
    }
    return View(language, **(shown | fields))


def an_origin(mode: Mode = Mode.LIVE, engine: str = "main") -> Origin:
    """An answer given just now."""
    return Origin(engine, mode, NOW)


def a_ledger(ledger: LedgerName = LedgerName.LIVE, **fields: Any) -> LedgerLine:
    """A day with a small loss."""
    shown: dict[str, Any] = {
        "pnl_today_krw": D("-12345.4"),
        "realised_today_krw": D("-2345"),
        "unrealised_krw": D("-10000.4"),
        "exposure_krw": D("402118"),
        "open_trades": 2,
        "trades_today": 7,
        "loss_today_krw": D("12345.4"),
        "loss_limit_krw": D("100000"),
    }
    return LedgerLine(ledger, **(shown | fields))


def an_empty_ledger(ledger: LedgerName) -> LedgerLine:
    """A day without anything."""
    zero = D(0)
    return LedgerLine(ledger, zero, zero, zero, zero, 0, 0, zero, D("100000"))


def a_feed(instrument: str = "upbit:BTC-KRW", age_ms: float | None = 1_240.0) -> FeedLine:
    """A fresh book."""
    return FeedLine(InstrumentId(instrument), age_ms, age_ms is not None and age_ms < 3_000)


def a_status(effective: Effective = Effective.LIVE, **fields: Any) -> StatusAnswer:
    """An engine that trades live."""
    shown: dict[str, Any] = {
        "origin": an_origin(),
        "effective": effective,
        "level": "LIVE",
        "revision": 4,
        "live": effective is Effective.LIVE,
        "blocks": (),
        "latch_reason": "",
        "latch_by": "",
        "latch_ns": None,
        "used_up": False,
        "pauses": (),
        "feeds": (a_feed(), a_feed("bithumb:BTC-KRW", 380.0)),
        "ledgers": (
            a_ledger(),
            a_ledger(
                LedgerName.PAPER,
                open_trades=0,
                exposure_krw=D(0),
                unrealised_krw=D(0),
                realised_today_krw=D(812),
                pnl_today_krw=D(812),
                loss_today_krw=D(0),
                trades_today=1,
            ),
        ),
        "breakers": (),
        "nearest_stop_pct": D("0.381"),
        "uptime_s": 11_520.0,
        "version": "0.1.0",
    }
    return StatusAnswer(**(shown | fields))


def a_demoted_status() -> StatusAnswer:
    """Live trading was lost to a breaker and the file not touched since."""
    return a_status(
        Effective.DEMOTED,
        level="PAPER",
        blocks=(
            BlockReason.DEMOTED,
            BlockReason.CONFIRM_FILE_NOT_ARMED,
            BlockReason.BREAKER_TRIPPED,
            BlockReason.DRY_RUN,
        ),
        latch_reason="BREAKER_TRIPPED",
        latch_by="engine",
        latch_ns=NOW - 12 * MINUTE,
        breakers=("DAILY_LOSS ",),
        pauses=(PauseView("bithumb", NOW - 3 * MINUTE, "kim", "maintenance", NOW + HOUR),),
    )


def a_leg(instrument: str = "upbit:BTC-KRW", quantity: str = "-0.0014") -> LegLine:
    """A leg with a price."""
    return LegLine(InstrumentId(instrument), D(quantity), D("143250000"), D("143310000"))


def a_position(trade: str = "T12", **fields: Any) -> PositionLine:
    """A hedged trade."""
    shown: dict[str, Any] = {
        "ledger": LedgerName.LIVE,
        "pair": PairName("BTC"),
        "direction": ROUTE,
        "opened_ns": NOW - 3 * HOUR - 12 * MINUTE,
        "phase": "open",
        "notional_krw": D("200550"),
        "unrealised_krw": D("-1234.5"),
        "to_stop_krw": D("764"),
        "to_stop_pct": D("0.381"),
        "unhedged": False,
        "stuck": False,
        "legs": (a_leg(), a_leg("bithumb:BTC-KRW", "0.0014")),
    }
    return PositionLine(TradeId(trade), **(shown | fields))


def an_order(state: OrderState = OrderState.SENDING, **fields: Any) -> OrderLine:
    """An order on its way."""
    shown: dict[str, Any] = {
        "ledger": LedgerName.LIVE,
        "trade_id": TradeId("T12"),
        "instrument": InstrumentId("upbit:BTC-KRW"),
        "side": Side.SELL,
        "quantity": D("0.0014"),
        "limit_price": D("143250000"),
        "executed": D("0.0004"),
        "state": state,
        "purpose": Purpose.OPEN,
        "since_ns": NOW - 4 * SECOND,
    }
    return OrderLine(ClientOrderId("tk-7f3a-000124"), **(shown | fields))


def a_trade(trade: str = "T11", **fields: Any) -> TradeLine:
    """A trade that won."""
    shown: dict[str, Any] = {
        "ledger": LedgerName.LIVE,
        "pair": PairName("BTC"),
        "direction": ROUTE,
        "state": "closed",
        "opened_ns": NOW - 5 * HOUR,
        "closed_ns": NOW - 4 * HOUR - 48 * MINUTE,
        "notional_krw": D("200550"),
        "pnl_krw": D("1234"),
        "fees_krw": D("300"),
        "reason": "exit",
    }
    return TradeLine(TradeId(trade), **(shown | fields))


def a_decision(**fields: Any) -> Decision:
    """An opening that one check refused."""
    shown: dict[str, Any] = {
        "at_ns": NOW - 20 * SECOND,
        "pair": PairName("BTC"),
        "direction": ROUTE,
        "purpose": Purpose.OPEN,
        "ledger": LedgerName.LIVE,
        "quotes": (
            QuoteSeen(InstrumentId("upbit:BTC-KRW"), 143_900_000.0, 143_910_000.0, 120.0),
            QuoteSeen(InstrumentId("bithumb:BTC-KRW"), 142_380_000.0, 142_400_000.0, 310.0),
        ),
        "evidence": Evidence(D("1.053"), D("0.18"), D("0.041"), D("0.632"), D("0.8213")),
        "checks": (
            CheckResult(CheckName.BOOK_VALID, True, D(0), D(0)),
            CheckResult(CheckName.BOOK_AGE, True, D("310"), D("3000"), 310.0),
            CheckResult(CheckName.NET_PROFIT, True, D("0.632"), D("0.2")),
            CheckResult(CheckName.CONFIDENCE, True, D("0.8213"), D("0.6")),
            CheckResult(CheckName.LIQUIDITY, False, D("3210000"), D("5000000"), 310.0),
            CheckResult(CheckName.EXPOSURE, True, D("600000"), D("2000000")),
            CheckResult(CheckName.OPEN_TRADES, True, D(3), D(5)),
            CheckResult(CheckName.TICK, True, D(0), D(0)),
            CheckResult(CheckName.BREAKERS, True, D(0), D(0)),
        ),
        "approved": False,
    }
    shown["id"] = DecisionId("D-20261122-000871")
    return Decision(**(shown | fields))


def a_why(**fields: Any) -> WhyAnswer:
    """That decision, and others to ask for."""
    shown: dict[str, Any] = {
        "decision": a_decision(),
        "outcome": "refused",
        "recent": ((DecisionId("D-20261122-000870"), "NET_PROFIT"),),
    }
    return WhyAnswer(an_origin(), **(shown | fields))


def a_spread_line(direction: str = ROUTE, **fields: Any) -> SpreadLine:
    """A direction that is not worth it yet."""
    shown: dict[str, Any] = {
        "spread_pct": D("0.412"),
        "costs_pct": D("0.352"),
        "net_pct": D("0.06"),
        "needed_pct": D("0.552"),
        "trades_left": 3,
        "age_ms": 412.0,
    }
    return SpreadLine(PairName("BTC"), direction, **(shown | fields))


def an_alert(number: int = 481, **fields: Any) -> AlertLine:
    """A critical alert nobody acknowledged."""
    shown: dict[str, Any] = {
        "code": AlertCode.LEG_UNHEDGED,
        "severity": Severity.CRITICAL,
        "key": "leg:T12",
        "text": "🚨 One leg stands alone: BTC",
        "created_ns": NOW - 9 * MINUTE,
        "count": 1,
        "sent_ns": NOW - 9 * MINUTE + SECOND,
        "acknowledged_ns": None,
        "attempts": 1,
    }
    return AlertLine(number, **(shown | fields))


def a_health(**fields: Any) -> HealthAnswer:
    """A program that fares well."""
    shown: dict[str, Any] = {
        "uptime_s": 273_600.0,
        "disk_free_mb": 41_233.4,
        "loop_lag_ms": 3.2,
        "loop_latency_ms": 1.4,
        "ws_lag_ms": 41.0,
        "journal_facts": 18_201,
        "journal_mb": 12.4,
        "faults": 0,
        "log_lines_lost": 0,
        "alerts_pending": 0,
        "alerts_sent": 212,
        "alerts_late": 1,
        "alerts_unacknowledged": 0,
        "oldest_pending_s": None,
        "telegram_sent_ns": NOW - 41 * SECOND,
        "telegram_polled_ns": NOW - 2 * SECOND,
        "telegram_refused": "",
        "suspensions": 3,
        "worst_check": CheckName.NET_PROFIT,
    }
    return HealthAnswer(an_origin(), **(shown | fields))


def guards_of_the_engine(
    language: Language = Language.EN, readiness: Readiness | None = None, **fields: Any
) -> Guards:
    """The gate's own figures, of a live start that lacks this and that."""
    if readiness is None:
        readiness = Readiness(
            mode=Mode.LIVE,
            env_flag=True,
            confirm_file=False,
            disk_free_mb=41_233.4,
            lock_held=True,
            keys_cannot_withdraw=True,
            operator_credentials=True,
            operator_reachable=True,
            fresh_pairs=1,
            clock_skew_ms=12.0,
            reconciled=True,
            loop_lag_ms=3.2,
            safety_holds=True,
        )
    guard = LiveGuard(GuardRules(operator_needed=True))
    figures = guard_figures(guard, Authority(), guard.begin(), readiness, language=language)
    return guards_of(figures | {"engine": "main", "at_ns": NOW, "effective": "paper"} | fields)


def a_balance(
    ledger: LedgerName = LedgerName.LIVE,
    venue: str = "upbit",
    asset: str = "KRW",
    quantity: str = "3214500",
    worth: str | None = "3214500",
) -> BalanceLine:
    """What a venue holds of an asset."""
    known = None if worth is None else D(worth)
    return BalanceLine(ledger, Venue(venue), Asset(asset), D(quantity), known)


def some_balances() -> BalanceAnswer:
    """Two venues, won and coin, in both ledgers."""
    live, paper = LedgerName.LIVE, LedgerName.PAPER
    return BalanceAnswer(
        an_origin(),
        (
            a_balance(live),
            a_balance(live, "upbit", "BTC", "0.0142", "2034150"),
            a_balance(live, "bithumb", "KRW", "2880120", "2880120"),
            a_balance(live, "bithumb", "BTC", "0.01713", None),
            a_balance(paper, "upbit", "KRW", "10000000", "10000000"),
        ),
    )


def some_pnl(span: str = "7d") -> PnlAnswer:
    """Three days live, one on paper."""
    live, paper = LedgerName.LIVE, LedgerName.PAPER
    return PnlAnswer(
        an_origin(),
        span,
        (
            PnlLine("2026-11-20", live, D("12034"), D("2410"), 8, 7),
            PnlLine("2026-11-21", live, D("-2210"), D("900"), 3, 1),
            PnlLine("2026-11-22", live, D("-2345"), D("1210"), 5, 2),
            PnlLine("2026-11-22", paper, D("812"), D("200"), 1, 1),
        ),
        ((live, D("-10000.4")), (paper, D(0))),
    )


def some_alerts() -> AlertsAnswer:
    """A critical one to acknowledge, a warning that was edited, an info, one not yet told."""
    warning, info = Severity.WARNING, Severity.INFO
    return AlertsAnswer(
        an_origin(),
        (
            an_alert(),
            an_alert(
                480,
                code=AlertCode.FEED_STALE,
                severity=warning,
                text="⚠️ Stale quotes: bithumb:BTC-KRW",
                count=1_234,
                created_ns=NOW - 31 * MINUTE,
                sent_ns=NOW - 31 * MINUTE + 800_000_000,
            ),
            an_alert(
                479,
                code=AlertCode.TRADE_OPENED,
                severity=info,
                text="ℹ️ Opened: BTC",
                created_ns=NOW - HOUR,
                sent_ns=None,
                attempts=3,
                last_error="502 Bad Gateway",
            ),
        ),
        ("leg:T12",),
    )


def an_audit() -> AuditAnswer:
    """A demotion and what came before."""
    return AuditAnswer(
        an_origin(),
        (
            ActLine(NOW - 12 * MINUTE, "engine", "paper", "BREAKER_TRIPPED", 5),
            ActLine(NOW - 9 * HOUR, "host", "live", "confirm file touched", 4),
        ),
    )


def some_lines(count: int = 3) -> TextAnswer:
    """Lines of a log."""
    texts = tuple(
        f"2026-11-22 19:20:{n % 60:02d} INFO  engine: [METRICS] pnl=0₩ trades={n}"
        for n in range(count)
    )
    return TextAnswer(an_origin(), texts)


def a_version() -> VersionAnswer:
    """A version that runs since the morning."""
    return VersionAnswer(an_origin(), "0.1.0", "3.12.7", NOW - 9 * HOUR)


def some_spreads() -> SpreadAnswer:
    """Both directions of a pair, one of them out of coin."""
    other = a_spread_line(
        "bithumb>upbit",
        spread_pct=D("-0.431"),
        net_pct=D("-0.783"),
        trades_left=0,
    )
    return SpreadAnswer(an_origin(), (other, a_spread_line()))


def an_extreme_row(number: int) -> GuardRow:
    """A guard that fails, with much to say."""
    return GuardRow(f"X{number}", f"guard {number}", why="why " * 60, mend="do this " * 40)
