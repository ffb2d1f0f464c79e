"""AlertSystem: what a script of the user's calls, with one method for every kind of alert.

Importing this costs no event loop and no bot library. It sends directly and never touches the
engine's database; the engine's own alerts go by the outbox.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from trader.alerts.options import read_options
from trader.alerts.teller import AlertResult, Teller
from trader.domain.control import Alert, AlertCode, Severity
from trader.texts import SEPARATOR, VARIANT

Number = Decimal | int | float
"""A figure as a script may have it; floats are taken by the digits they print."""

_CRITICAL, _WARNING, _INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO
_WON = "₩"


class AlertSystem:
    """Tells alerts by Telegram, or in the log where Telegram is off or has no credentials.

    ``config`` is the ``alert`` section as a mapping: ``enabled``, ``telegram_enabled``,
    ``telegram`` with ``bot_token``, ``chat_id`` and ``timeout_seconds``; optionally ``language``
    ("en" or "ko") and ``telegram.api_base``. TELEGRAM_BOT_TOKEN and TELEGRAM_CHAT_ID in the
    environment, or files named by the same with _FILE, go first. Each method blocks for about
    ``timeout_seconds``, never raises for a message that could not be sent, and returns what
    became of it: an AlertResult, which is true unless it failed.

    Raises:
        ConfigError: the mapping is wrong; one line says where.
    """

    def __init__(
        self,
        config: Mapping[str, object],
        *,
        environ: Mapping[str, str] | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._teller = Teller(read_options(config, os.environ if environ is None else environ))
        self._now_ns = now_ns

    def tell(
        self,
        code: AlertCode,
        severity: Severity,
        fields: Mapping[str, object],
        *,
        subject: str = "",
        clears: bool = False,
    ) -> AlertResult:
        """Tell one alert of any kind; the methods below name the fields each kind knows."""
        known = {name: _text(value) for name, value in fields.items() if value not in (None, "")}
        key = f"{code}:{subject}" if subject else str(code)
        alert = Alert(code, severity, key, self._now_ns(), known, clears=clears)
        return self._teller.tell(alert)

    def alert_stoploss_triggered(self, symbol: str, price: Number) -> AlertResult:
        """A position in ``symbol`` reached its stop at ``price``, in its quote currency."""
        fields = {VARIANT: "price", "symbol": symbol, "price": price, "unit": _quote_of(symbol)}
        return self.tell(AlertCode.STOP_LOSS, _CRITICAL, fields, subject=symbol)

    def alert_live_blocked(self, reasons: Sequence[str] | str) -> AlertResult:
        """Live trading is blocked, for these reason codes, a list or joined by ``;``."""
        blocks = reasons if isinstance(reasons, str) else SEPARATOR.join(reasons)
        return self.tell(AlertCode.LIVE_BLOCKED, _WARNING, {"blocks": blocks})

    def alert_live_allowed(self) -> AlertResult:
        """Live trading is allowed from now on."""
        return self.tell(AlertCode.LIVE_ALLOWED, _WARNING, {}, clears=True)

    def alert_safety_rejection(
        self,
        check: str,
        value: Number | None = None,
        limit: Number | None = None,
        pair: str = "",
        direction: str = "",
        ledger: str = "",
    ) -> AlertResult:
        """A pre-trade check, named by its code, refused; figures in the check's own unit."""
        fields = {
            "check": check,
            "value": value,
            "limit": limit,
            "pair": pair,
            "direction": direction,
            "ledger": ledger,
        }
        return self.tell(AlertCode.SAFETY_REJECTION, _WARNING, fields, subject=check)

    def alert_daily_loss_limit(
        self, loss_krw: Number, limit_krw: Number, ledger: str = ""
    ) -> AlertResult:
        """The loss today reached its limit, both in won."""
        fields = {"loss_krw": loss_krw, "limit_krw": limit_krw, "ledger": ledger}
        return self.tell(AlertCode.DAILY_LOSS_LIMIT, _CRITICAL, fields, subject=ledger)

    def alert_trade_opened(
        self,
        pair: str,
        direction: str,
        entry_notional_krw: Number,
        ledger: str = "",
        spread_pct: Number | None = None,
    ) -> AlertResult:
        """A trade was opened."""
        fields = {
            "pair": pair,
            "direction": direction,
            "entry_notional_krw": entry_notional_krw,
            "ledger": ledger,
            "spread_pct": spread_pct,
        }
        return self.tell(AlertCode.TRADE_OPENED, _INFO, fields, subject=pair)

    def alert_trade_closed(
        self,
        pair: str,
        direction: str,
        pnl_krw: Number,
        ledger: str = "",
        fees_krw: Number | None = None,
        reason: str = "",
    ) -> AlertResult:
        """A trade was closed, with its whole profit or loss in won."""
        fields = {
            "pair": pair,
            "direction": direction,
            "pnl_krw": pnl_krw,
            "ledger": ledger,
            "fees_krw": fees_krw,
            "reason": reason,
        }
        return self.tell(AlertCode.TRADE_CLOSED, _INFO, fields, subject=pair)

    def alert_rebalance(
        self,
        pair: str,
        exposure_krw: Number,
        limit_krw: Number,
        share_pct: Number | None = None,
        ledger: str = "",
    ) -> AlertResult:
        """Exposure passed the rebalancer's limit, so a share of a trade is closed."""
        fields = {
            "pair": pair,
            "exposure_krw": exposure_krw,
            "limit_krw": limit_krw,
            "share_pct": share_pct,
            "ledger": ledger,
        }
        return self.tell(AlertCode.REBALANCE, _WARNING, fields, subject=pair)

    def alert_leg_unhedged(
        self, pair: str, instrument: str, quantity: Number, notional_krw: Number, ledger: str = ""
    ) -> AlertResult:
        """One leg stands alone; ``quantity`` in the base asset, sold is negative."""
        fields = {
            "pair": pair,
            "instrument": instrument,
            "quantity": quantity,
            "notional_krw": notional_krw,
            "ledger": ledger,
        }
        return self.tell(AlertCode.LEG_UNHEDGED, _CRITICAL, fields, subject=pair)

    def alert_order_unknown(
        self, client_order_id: str, reason: str = "", ledger: str = ""
    ) -> AlertResult:
        """Nobody knows what became of an order."""
        fields = {"client_order_id": client_order_id, "reason": reason, "ledger": ledger}
        return self.tell(AlertCode.ORDER_UNKNOWN, _CRITICAL, fields, subject=client_order_id)

    def alert_feed_stale(self, instrument: str, age_ms: Number) -> AlertResult:
        """A book was not confirmed for ``age_ms``."""
        return self.tell(
            AlertCode.FEED_STALE,
            _WARNING,
            {"instrument": instrument, "age_ms": age_ms},
            subject=instrument,
        )

    def alert_feed_recovered(self, instrument: str, silent_ms: Number) -> AlertResult:
        """A stale book is fresh again after ``silent_ms``."""
        return self.tell(
            AlertCode.FEED_RECOVERED,
            _INFO,
            {"instrument": instrument, "silent_ms": silent_ms},
            subject=instrument,
            clears=True,
        )

    def alert_heartbeat_lost(self, subject: str, age_ms: Number) -> AlertResult:
        """An engine, a bot or Redis was last heard ``age_ms`` ago."""
        return self.tell(
            AlertCode.HEARTBEAT_LOST,
            _CRITICAL,
            {"subject": subject, "age_ms": age_ms},
            subject=subject,
        )

    def alert_reconciliation_mismatch(self, venue: str, message: str) -> AlertResult:
        """A venue shows something else than the records do."""
        return self.tell(
            AlertCode.RECONCILIATION_MISMATCH,
            _WARNING,
            {"venue": venue, "message": message},
            subject=venue,
        )

    def alert_system_error(self, where: str, message: str) -> AlertResult:
        """A part of a program met a fault."""
        return self.tell(
            AlertCode.SYSTEM_ERROR, _WARNING, {"where": where, "message": message}, subject=where
        )

    def alert_started(self, name: str, mode: str, version: str = "") -> AlertResult:
        """An engine or a script began."""
        return self.tell(
            AlertCode.STARTED, _INFO, {"name": name, "mode": mode, "version": version}, subject=name
        )

    def alert_stopped(self, reason: str = "") -> AlertResult:
        """An engine or a script ended."""
        return self.tell(AlertCode.STOPPED, _INFO, {"reason": reason})

    def alert_demoted(self, reason: str, by: str = "") -> AlertResult:
        """Live trading was lost and is latched at paper."""
        return self.tell(AlertCode.DEMOTED, _CRITICAL, {"reason": reason, "by": by})

    def alert_halted(self, reason: str = "", by: str = "") -> AlertResult:
        """Everything was halted."""
        return self.tell(AlertCode.HALTED, _CRITICAL, {"reason": reason, "by": by})

    def alert_summary(
        self,
        message: str,
        pnl_krw: Number | None = None,
        trades: int | None = None,
        exposure_krw: Number | None = None,
        ledger: str = "",
    ) -> AlertResult:
        """A summary in the caller's words and figures."""
        fields = {
            "message": message,
            "pnl_krw": pnl_krw,
            "trades": trades,
            "exposure_krw": exposure_krw,
            "ledger": ledger,
        }
        return self.tell(AlertCode.SUMMARY, _INFO, fields)

    def alert_breaker_tripped(
        self,
        breaker: str,
        subject: str = "",
        value: Number | None = None,
        limit: Number | None = None,
        ledger: str = "",
    ) -> AlertResult:
        """A circuit breaker, named by its code, opened."""
        fields = {
            "breaker": breaker,
            "subject": subject,
            "value": value,
            "limit": limit,
            "ledger": ledger,
        }
        return self.tell(AlertCode.BREAKER_TRIPPED, _CRITICAL, fields, subject=breaker)

    def alert_closing_stuck(
        self, pair: str, purpose: str, checks: Sequence[str], waited_ms: Number, ledger: str = ""
    ) -> AlertResult:
        """A closing could not go out for ``waited_ms``, refused by these checks."""
        fields = {
            "pair": pair,
            "purpose": purpose,
            "checks": SEPARATOR.join(checks),
            "waited_ms": waited_ms,
            "ledger": ledger,
        }
        return self.tell(AlertCode.CLOSING_STUCK, _CRITICAL, fields, subject=pair)

    def alert_direction_empty(
        self,
        pair: str,
        direction: str,
        asset: str,
        amount: Number,
        from_venue: str,
        to_venue: str,
        ledger: str = "",
    ) -> AlertResult:
        """A direction lacks what one more trade needs; the transfer mends it."""
        fields = {
            "pair": pair,
            "direction": direction,
            "asset": asset,
            "amount": amount,
            "from_venue": from_venue,
            "to_venue": to_venue,
            "ledger": ledger,
        }
        return self.tell(AlertCode.DIRECTION_EMPTY, _INFO, fields, subject=f"{pair}:{direction}")

    def alert_inventory_skew(
        self,
        asset: str,
        share_pct: Number,
        amount: Number,
        from_venue: str,
        to_venue: str,
        ledger: str = "",
    ) -> AlertResult:
        """One venue holds too large a share of an asset; the transfer mends it."""
        fields = {
            "asset": asset,
            "share_pct": share_pct,
            "amount": amount,
            "from_venue": from_venue,
            "to_venue": to_venue,
            "ledger": ledger,
        }
        return self.tell(AlertCode.INVENTORY_SKEW, _INFO, fields, subject=asset)

    def alert_position_unguarded(
        self, count: int, orders: str = "", reason: str = ""
    ) -> AlertResult:
        """Live positions stand and nothing guards them; ``orders`` would close them."""
        return self.tell(
            AlertCode.POSITION_UNGUARDED,
            _CRITICAL,
            {"count": count, "orders": orders, "reason": reason, "ledger": "live"},
        )

    def alert_dust(
        self, instrument: str, quantity: Number, cost_krw: Number, ledger: str = ""
    ) -> AlertResult:
        """A remainder under the venue's minimum went to inventory."""
        fields = {
            "instrument": instrument,
            "quantity": quantity,
            "cost_krw": cost_krw,
            "ledger": ledger,
        }
        return self.tell(AlertCode.DUST, _INFO, fields, subject=instrument)

    def alert_paused(self, by: str, reason: str = "") -> AlertResult:
        """New entries were paused."""
        return self.tell(AlertCode.PAUSED, _INFO, {"by": by, "reason": reason})

    def alert_resumed(self, by: str) -> AlertResult:
        """New entries go again."""
        return self.tell(AlertCode.RESUMED, _INFO, {"by": by}, clears=True)


def _quote_of(symbol: str) -> str:
    # Upbit writes KRW-BTC, everybody else BTC-KRW; either way the won is the price's unit.
    parts = symbol.upper().replace("/", "-").split("-")
    if "KRW" in parts:
        return _WON
    return parts[-1] if len(parts) > 1 else ""


def _text(value: object) -> str:
    return str(Decimal(repr(value))) if isinstance(value, float) else str(value)
