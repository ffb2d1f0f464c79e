"""Telling: rules, the durable outbox and its relay, and ``AlertSystem`` for scripts."""

from trader.alerts.system import AlertSystem
from trader.alerts.teller import AlertResult, Delivery

__all__ = ["AlertResult", "AlertSystem", "Delivery"]
