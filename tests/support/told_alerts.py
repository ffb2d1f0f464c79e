"""Whether the alerts that were noted as told were told: to the log, where nobody has a phone."""

import sqlite3
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path

from trader.alerts.outbox import Outbox
from trader.domain.control import Language, Severity, Transaction
from trader.domain.delivery import StoredAlert
from trader.texts import render

_MOST = 20_000
_MARK = "Telegram (stub) | "


def untold(journal: Path, log: Path) -> list[str]:
    """Critical alerts that are noted as told and that no line of the log tells.

    Criticals alone are a message each, and never merged. What waits will be told by another life.
    """
    lines = [line for line in log.read_text(encoding="utf-8").splitlines() if _MARK in line]
    connection = sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True)
    try:
        alerts = Outbox(_Nowhere(), connection).recent(_MOST)
    finally:
        connection.close()
    return list(_unsaid(alerts, lines))


def _unsaid(alerts: Iterable[StoredAlert], lines: list[str]) -> Iterable[str]:
    for one in alerts:
        if one.alert.severity is not Severity.CRITICAL or one.told < one.count:
            continue
        # The title and what to do change when its condition is over; what lies between does not.
        _, *body, _ = render(one.alert, Language.EN).splitlines()
        parts = [part for part in body if part.strip()]
        if not any(all(part in line for part in parts) for line in lines):
            yield f"alert {one.id} ({one.alert.code}) is noted as told, and the log has it not"


class _Nowhere:
    """Nothing is written here."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        raise AssertionError("the outbox of another process is only read")
