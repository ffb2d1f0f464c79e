"""Samples: one alert of every kind with likely figures, for ``alert-test`` and for drills. Pure."""

from collections.abc import Mapping

from trader.domain.control import Alert, AlertCode, BlockReason, CheckName, Severity
from trader.domain.facts import BreakerCode
from trader.texts.alerts import SEPARATOR, VARIANT

_CRITICAL, _WARNING, _INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO
_TRADE = {
    "ledger": "paper",
    "pair": "upbit-binance",
    "direction": "upbit>binance",
    "trade_id": "T42",
}
_MOVE = {"from_venue": "upbit", "to_venue": "binance"}

_SAMPLES: Mapping[AlertCode, tuple[Severity, Mapping[str, object]]] = {
    AlertCode.STOP_LOSS: (_CRITICAL, {**_TRADE, "change_krw": "-1205", "limit_krw": "-1198"}),
    AlertCode.LIVE_BLOCKED: (
        _WARNING,
        {"blocks": SEPARATOR.join((BlockReason.CONFIRM_FILE_MISSING, BlockReason.DRY_RUN))},
    ),
    AlertCode.LIVE_ALLOWED: (_WARNING, {}),
    AlertCode.SAFETY_REJECTION: (
        _WARNING,
        {**_TRADE, "check": CheckName.SLIPPAGE, "value": "0.34", "limit": "0.3"},
    ),
    AlertCode.DAILY_LOSS_LIMIT: (
        _CRITICAL,
        {"ledger": "live", "loss_krw": "150300", "limit_krw": "150000"},
    ),
    AlertCode.TRADE_OPENED: (
        _INFO,
        {**_TRADE, "entry_notional_krw": "99777", "spread_pct": "0.62"},
    ),
    AlertCode.TRADE_CLOSED: (
        _INFO,
        {**_TRADE, "pnl_krw": "412", "fees_krw": "298", "reason": "exit"},
    ),
    AlertCode.REBALANCE: (
        _WARNING,
        {**_TRADE, "exposure_krw": "1050000", "limit_krw": "1000000", "share_pct": "50"},
    ),
    AlertCode.LEG_UNHEDGED: (
        _CRITICAL,
        {
            **_TRADE,
            "instrument": "upbit:BTC-KRW",
            "quantity": "-0.00066",
            "notional_krw": "99777",
        },
    ),
    AlertCode.ORDER_UNKNOWN: (
        _CRITICAL,
        {"ledger": "live", "client_order_id": "tr-main-k3x9a7q2-42", "reason": "timeout"},
    ),
    AlertCode.FEED_STALE: (_WARNING, {"instrument": "binance:BTC-USDT", "age_ms": "3200"}),
    AlertCode.FEED_RECOVERED: (_INFO, {"instrument": "binance:BTC-USDT", "silent_ms": "8400"}),
    AlertCode.HEARTBEAT_LOST: (_CRITICAL, {"subject": "main", "age_ms": "10400"}),
    AlertCode.RECONCILIATION_MISMATCH: (
        _WARNING,
        {"venue": "upbit", "message": "BTC: 0.0500 expected, 0.0493 found"},
    ),
    AlertCode.SYSTEM_ERROR: (_WARNING, {"where": "feed upbit", "message": "frame not decoded"}),
    AlertCode.STARTED: (_INFO, {"name": "main", "mode": "paper"}),
    AlertCode.STOPPED: (_INFO, {"reason": "asked to stop"}),
    AlertCode.DEMOTED: (_CRITICAL, {"reason": BlockReason.BREAKER_TRIPPED, "by": "engine"}),
    AlertCode.HALTED: (_CRITICAL, {"reason": "HALT", "by": "operator"}),
    AlertCode.SUMMARY: (
        _INFO,
        {"ledger": "paper", "message": "a quiet day", "pnl_krw": "1835", "trades": "18"},
    ),
    AlertCode.BREAKER_TRIPPED: (
        _CRITICAL,
        {"ledger": "live", "breaker": BreakerCode.REJECT_RATE, "value": "60", "limit": "50"},
    ),
    AlertCode.CLOSING_STUCK: (
        _CRITICAL,
        {**_TRADE, "purpose": "stop_loss", "checks": CheckName.BALANCE, "waited_ms": "31000"},
    ),
    AlertCode.DIRECTION_EMPTY: (
        _INFO,
        {**_TRADE, **_MOVE, "asset": "KRW", "amount": "100000"},
    ),
    AlertCode.INVENTORY_SKEW: (
        _INFO,
        {"ledger": "paper", **_MOVE, "asset": "BTC", "share_pct": "78", "amount": "0.0021"},
    ),
    AlertCode.POSITION_UNGUARDED: (_CRITICAL, {"ledger": "live", "count": "2", "mode": "mock"}),
    AlertCode.DUST: (
        _INFO,
        {**_TRADE, "instrument": "upbit:BTC-KRW", "quantity": "0.00001", "cost_krw": "1509"},
    ),
    AlertCode.PAUSED: (_INFO, {"by": "operator", "reason": "lunch"}),
    AlertCode.RESUMED: (_INFO, {"by": "operator"}),
}


def sample(code: AlertCode, at_ns: int) -> Alert:
    """A likely alert of this kind, as of ``at_ns``; its key is no real condition's."""
    severity, fields = _SAMPLES[code]
    known = {name: str(value) for name, value in fields.items() if name != VARIANT}
    clears = code in (AlertCode.LIVE_ALLOWED, AlertCode.FEED_RECOVERED, AlertCode.RESUMED)
    return Alert(code, severity, f"sample:{code}", at_ns, known, clears=clears)


def samples(at_ns: int) -> tuple[Alert, ...]:
    """One of every kind."""
    return tuple(sample(code, at_ns) for code in AlertCode)
