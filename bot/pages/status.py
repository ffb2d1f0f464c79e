"""``/status``: what needs care and how to mend it, then money, data and the rest. Pure."""

from collections.abc import Iterator
from decimal import Decimal

from bot.buttons import HALT, PAUSE, buttons, rows
from bot.pages.pen import MAX_NAME_CHARS, MAX_REASON_CHARS, Pen, View, clean, joined
from bot.pages.table import table
from bot.paging import GAP, Block, Line, Page, bold, line
from trader.port import (
    BlockReason,
    BreakerCode,
    Effective,
    FeedLine,
    LedgerLine,
    LedgerName,
    Mode,
    PauseView,
    StatusAnswer,
    explain_block,
    explain_breaker,
)

MAX_BLOCKS = 4
MAX_LISTED = 3
_HUNDRED = Decimal(100)
_LATCHED = {
    Effective.HALTED: BlockReason.HALTED,
    Effective.DEMOTED: BlockReason.DEMOTED,
    Effective.REVOKED: BlockReason.DEMOTED,
}
_TOLD_OTHERWISE = frozenset(
    {
        BlockReason.HALTED,
        BlockReason.DEMOTED,
        BlockReason.PAUSED,
        BlockReason.BREAKER_TRIPPED,
        BlockReason.MODE_NOT_LIVE,
    }
)
"""Blocks that stand elsewhere on the page; outside live mode the shut gate is no news at all."""


def status_page(answer: StatusAnswer, view: View) -> Page:
    """What runs, what it may do, how it fares; with the buttons to look again, pause and halt."""
    pen = Pen(view)
    cares = tuple(_cares(answer, pen)) or (line(pen.say("care.none")),)
    blocks = [Block((GAP, *cares))]
    for place, one in enumerate(_own_first(answer)):
        told = _ledger(one, pen) if place == 0 else _other_ledger(one, pen)
        blocks.append(Block((GAP, *told)))
    blocks.append(Block((GAP, *_rest(answer, pen))))
    blocks.append(pen.taken(answer.origin, apart=False))
    pause = buttons(pen.words["button.pause"], PAUSE, view.instance)
    halt = buttons(pen.words["button.halt"], HALT, view.instance)
    standing = rows((*pen.refresh("status"), *pause), halt)
    return pen.page("status", pen.headline(answer.origin, answer.effective), blocks, standing)


def _cares(answer: StatusAnswer, pen: Pen) -> Iterator[Line]:
    yield from _latch(answer, pen)
    yield from _blocks(answer, pen)
    for pause in answer.pauses[:MAX_LISTED]:
        yield from pen.care(_pause(pause, answer.origin.at_ns, pen), pen.say("pause.mend"))
    yield from _left_out(len(answer.pauses) - MAX_LISTED, pen)
    for breaker in answer.breakers[:MAX_LISTED]:
        yield from _breaker(breaker, pen)
    yield from _left_out(len(answer.breakers) - MAX_LISTED, pen)
    stale = [feed for feed in answer.feeds if not feed.fresh]
    for feed in stale[:MAX_LISTED]:
        yield from pen.care(_feed(feed, pen))
    if stale:
        yield from _left_out(len(stale) - MAX_LISTED, pen)
        yield line(f"→ {pen.say('feed.mend')}")
    if answer.origin.mode is Mode.LIVE and not answer.dry_run:
        yield from pen.care(pen.say("dry_run.off"), pen.say("dry_run.mend"))


def _latch(answer: StatusAnswer, pen: Pen) -> Iterator[Line]:
    """Why live trading was lost, by whom and when; only where it is lost."""
    reason = _LATCHED.get(answer.effective)
    # Live trading that was never allowed was not lost either, so there is nothing to explain.
    if reason is not None and (reason is BlockReason.HALTED or reason in answer.blocks):
        words = explain_block(reason, pen.view.language)
        yield from pen.care(words.sentence)
        if answer.latch_ns is not None:
            since = pen.say(
                "latch",
                by=clean(answer.latch_by, MAX_NAME_CHARS) or "–",
                at=pen.clock(answer.latch_ns, answer.origin.at_ns),
            )
            yield joined(since, pen.reason(answer.latch_reason))
        yield line(f"→ {words.mend}")
    holds = any(one.open_trades for one in answer.ledgers if one.ledger is LedgerName.LIVE)
    if answer.effective is Effective.REVOKED and holds:
        yield from pen.care(pen.say("revoked"), pen.say("revoked.mend"))
    if answer.used_up:
        yield from pen.care(pen.say("used_up"), pen.say("used_up.mend"))


def _blocks(answer: StatusAnswer, pen: Pen) -> Iterator[Line]:
    if answer.origin.mode is not Mode.LIVE or answer.live:
        return
    told = _TOLD_OTHERWISE
    if BlockReason.DEMOTED in answer.blocks:
        # That the file has to be touched again is said with the demotion.
        told = told | {BlockReason.CONFIRM_FILE_NOT_ARMED}
    if set(answer.blocks) - {BlockReason.DRY_RUN}:
        # It waits for everything else and needs nobody.
        told = told | {BlockReason.DRY_RUN}
    shown = [reason for reason in answer.blocks if reason not in told]
    for reason in shown[:MAX_BLOCKS]:
        words = explain_block(reason, pen.view.language)
        yield from pen.care(words.sentence, words.mend)
    yield from _left_out(len(shown) - MAX_BLOCKS, pen)


def _left_out(count: int, pen: Pen) -> tuple[Line, ...]:
    return (line(pen.say("care.more", count=pen.count(count))),) if count > 0 else ()


def _pause(pause: PauseView, at_ns: int, pen: Pen) -> str:
    scope = clean(pause.scope, MAX_NAME_CHARS) or pen.say("pause.all")
    told = pen.say(
        "pause",
        scope=scope,
        by=clean(pause.by, MAX_NAME_CHARS) or "–",
        at=pen.clock(pause.since_ns or None, at_ns),
    )
    if pause.until_ns:
        told += pen.say("pause.until", at=pen.clock(pause.until_ns, at_ns))
    reason = clean(pause.reason, MAX_REASON_CHARS)
    return f"{told}: {reason}" if reason else told


def _breaker(breaker: str, pen: Pen) -> tuple[Line, ...]:
    code, _, subject = breaker.partition(" ")
    if code not in BreakerCode.__members__.values():
        return pen.care(pen.say("breaker", subject=clean(breaker)))
    words = explain_breaker(BreakerCode(code), pen.view.language)
    told = pen.care(words.sentence, words.mend)
    about = clean(subject, MAX_NAME_CHARS)
    return (*told, line(pen.say("breaker.about", subject=about))) if about else told


def _feed(feed: FeedLine, pen: Pen) -> str:
    key = "feed.never" if feed.age_ms is None else "feed.stale"
    told = pen.say(key, instrument=clean(feed.instrument), age=pen.lasting(feed.age_ms))
    flaw = pen.name("flaw", feed.flaw) if feed.flaw else ""
    return f"{told} ({flaw})" if flaw else told


def _own_first(answer: StatusAnswer) -> list[LedgerLine]:
    """The mode's own ledger first; the live one elsewhere only if there is something in it."""
    in_live = answer.origin.mode is Mode.LIVE
    own = LedgerName.LIVE if in_live else LedgerName.PAPER
    shown = [one for one in answer.ledgers if one.ledger is own or in_live or not _is_empty(one)]
    return sorted(shown, key=lambda one: one.ledger is not own)


def _is_empty(one: LedgerLine) -> bool:
    return not (one.open_trades or one.trades_today or one.exposure_krw or one.pnl_today_krw)


def _ledger(one: LedgerLine, pen: Pen) -> Iterator[Line]:
    yield line(bold(pen.book(one.ledger)))
    yield from table(
        (
            (pen.say("pnl.today"), pen.won(one.pnl_today_krw, signed=True)),
            (f" {pen.say('pnl.realised')}", pen.won(one.realised_today_krw, signed=True)),
            (f" {pen.say('pnl.unrealised')}", pen.won(one.unrealised_krw, signed=True)),
            (pen.say("exposure"), pen.won(one.exposure_krw)),
        )
    )
    yield line(_counts(one, pen))
    limit = one.loss_limit_krw
    if limit > 0 and limit.is_finite() and one.loss_today_krw.is_finite():
        share = pen.percent(one.loss_today_krw / limit * _HUNDRED)
        mark = "⚠️ " if one.loss_today_krw * 2 >= limit else ""
        yield line(f"{mark}{pen.say('loss', share=share, limit=pen.won(limit))}")


def _other_ledger(one: LedgerLine, pen: Pen) -> Iterator[Line]:
    pnl = pen.won(one.pnl_today_krw, signed=True)
    yield joined(bold(pen.book(one.ledger)), f"{pen.say('pnl.today')} {pnl}")
    yield line(_counts(one, pen))


def _counts(one: LedgerLine, pen: Pen) -> str:
    return pen.say(
        "trades.counts", open=pen.count(one.open_trades), today=pen.count(one.trades_today)
    )


def _rest(answer: StatusAnswer, pen: Pen) -> Iterator[Line]:
    known = [feed.age_ms for feed in answer.feeds if feed.age_ms is not None]
    fresh = sum(feed.fresh for feed in answer.feeds)
    oldest = pen.lasting(max(known)) if known else "–"
    yield line(
        pen.say("data", fresh=fresh, total=len(answer.feeds), oldest=oldest)
        if answer.feeds
        else pen.say("data.none")
    )
    if any(one.open_trades for one in answer.ledgers):
        yield line(pen.say("stop.nearest", distance=pen.percent(answer.nearest_stop_pct)))
    up = pen.say("up", age=pen.lasting(answer.uptime_s * 1_000))
    yield joined(up, pen.say("version", version=clean(answer.version, MAX_NAME_CHARS) or "–"))
