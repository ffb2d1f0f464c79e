"""What the pinned card says: how the engine stands, in a few lines. Pure."""

from msgspec import Struct

from bot.buttons import HALT, PAUSE, SHOW, Rows, buttons, rows
from bot.messenger import OutMessage
from bot.pages import Guards, View
from bot.pages.pen import Pen
from bot.paging import Line, bold, html_of, line, plain_of
from bot.query_words import say
from trader.port import LedgerName, Mode, StatusAnswer

CARD = "card"


class Face(Struct, frozen=True):
    """A card as it is shown. Faces of one ``gist`` say the same, but for ages and the time."""

    message: OutMessage
    gist: str


def face_of(status: StatusAnswer | None, guards: Guards | None, view: View) -> Face:
    """The card for these answers; None is what the engine did not answer."""
    pen, language = Pen(view), view.language
    taken = line(f"🕘 {say(language, 'card.taken', at=pen.clock(view.now_ns))}")
    if status is None:
        lines = [line("⚠️ ", bold(say(language, "card.away")))]
    else:
        lines = [pen.headline(status.origin, status.effective), *_money(status, pen)]
        lines += [line(_stop(status, pen)), line(_guards(guards, pen))]
    gist = plain_of(lines)
    if status is not None:
        stale = sum(not feed.fresh for feed in status.feeds)
        gist += f"\n{stale}/{len(status.feeds)}"
        lines.append(line(_quotes(status, pen)))
    lines.append(taken)
    message = OutMessage(html_of(lines), plain_of(lines), silent=True, buttons=_buttons(view, pen))
    return Face(message, gist)


def _money(status: StatusAnswer, pen: Pen) -> list[Line]:
    """The mode's own ledger first; of the other only what it made or holds."""
    own = LedgerName.LIVE if status.origin.mode is Mode.LIVE else LedgerName.PAPER
    shown = [
        one
        for one in status.ledgers
        if one.ledger is own or one.pnl_today_krw or one.open_trades or one.trades_today
    ]
    return [
        line(
            say(
                pen.view.language,
                "card.pnl",
                ledger=pen.ledger(one.ledger),
                pnl=pen.won(one.pnl_today_krw, signed=True),
            )
        )
        for one in sorted(shown, key=lambda one: one.ledger is not own)
    ]


def _stop(status: StatusAnswer, pen: Pen) -> str:
    if not any(one.open_trades for one in status.ledgers):
        return say(pen.view.language, "card.flat")
    return say(pen.view.language, "card.stop", distance=pen.percent(status.nearest_stop_pct))


def _guards(guards: Guards | None, pen: Pen) -> str:
    if guards is None:
        return say(pen.view.language, "card.guards.unknown")
    failing = sum(row.state == "fail" for row in (*guards.predicates, *guards.limits))
    key = "card.guards" if failing else "card.guards.hold"
    mark = "✗" if failing else "✓"
    return f"{mark} {say(pen.view.language, key, count=failing)}"


def _quotes(status: StatusAnswer, pen: Pen) -> str:
    if not status.feeds:
        return say(pen.view.language, "card.data.none")
    known = [feed.age_ms for feed in status.feeds if feed.age_ms is not None]
    return say(
        pen.view.language,
        "card.data",
        fresh=sum(feed.fresh for feed in status.feeds),
        total=len(status.feeds),
        oldest=pen.lasting(max(known)) if known else "–",
    )


def _buttons(view: View, pen: Pen) -> Rows:
    refresh = buttons(pen.words["button.refresh"], SHOW, view.instance, f"1 {CARD}")
    pause = buttons(pen.words["button.pause"], PAUSE, view.instance)
    halt = buttons(pen.words["button.halt"], HALT, view.instance)
    return rows((*refresh, *pause), halt)
