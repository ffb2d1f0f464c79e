"""What a person sees in chat for every command that only looks: answers as messages. Pure."""

from bot.pages.guards import Guards, guards_of, guards_page
from bot.pages.help import (
    Caller,
    help_page,
    live_page,
    menu,
    pointer_page,
    start_page,
    whoami_page,
)
from bot.pages.market import spread_page
from bot.pages.money import balance_page, orders_page, pnl_page, positions_page, trades_page
from bot.pages.pen import Pen, View
from bot.pages.records import (
    alerts_page,
    audit_page,
    config_page,
    health_page,
    logs_page,
    metrics_page,
    version_page,
)
from bot.pages.status import status_page
from bot.pages.why import why_page
from bot.paging import Page, TextFile, file_of

__all__ = [
    "Caller",
    "Guards",
    "Page",
    "TextFile",
    "View",
    "alerts_page",
    "attached",
    "audit_page",
    "balance_page",
    "config_page",
    "guards_of",
    "guards_page",
    "health_page",
    "help_page",
    "live_page",
    "logs_page",
    "menu",
    "metrics_page",
    "orders_page",
    "pnl_page",
    "pointer_page",
    "positions_page",
    "spread_page",
    "start_page",
    "status_page",
    "trades_page",
    "version_page",
    "whoami_page",
    "why_page",
]


def attached(page: Page, view: View, name: str) -> TextFile:
    """An answer of too many pages as a file called after ``name``, and the words under it."""
    return file_of(page, name, Pen(view).say("file", pages=len(page)))
