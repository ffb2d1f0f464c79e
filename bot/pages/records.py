"""What was told, done and written down, and how the program itself fares. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from bot.buttons import ACKNOWLEDGE, Rows, buttons, rows
from bot.locales import sender_words
from bot.pages.pen import MAX_NAME_CHARS, MAX_REASON_CHARS, Pen, View, clean, is_beyond, joined
from bot.pages.table import table
from bot.paging import GAP, Block, Line, Page, bold, code, line, pre
from trader.port import (
    UNKNOWN,
    ActLine,
    AlertLine,
    AlertsAnswer,
    AuditAnswer,
    HealthAnswer,
    Mode,
    Origin,
    Severity,
    TextAnswer,
    VersionAnswer,
)

MAX_ACKNOWLEDGED = 5
"""So many alerts of one page can be acknowledged by a tap."""
_MAX_LINE_CHARS = 500
_HASH_CHARS = 12
_MARKS = {Severity.CRITICAL: "🚨", Severity.WARNING: "⚠️", Severity.INFO: "ℹ️"}


def alerts_page(answer: AlertsAnswer, view: View) -> Page:
    """Unacknowledged criticals first, each with its button; then the rest, newest first."""
    pen = Pen(view)
    waiting = [one for one in answer.alerts if _wants_a_person(one)]
    others = [one for one in answer.alerts if not _wants_a_person(one)]
    blocks: list[Block] = []
    if waiting:
        told = pen.say("alerts.waiting", count=pen.count(len(waiting)))
        blocks.append(Block((GAP, *pen.care(told, pen.say("alerts.waiting.mend")))))
        blocks += [_alert(one, pen) for one in waiting]
    if answer.open:
        keys = ", ".join(_condition(key, pen) for key in answer.open[:MAX_ACKNOWLEDGED])
        rest = len(answer.open) - MAX_ACKNOWLEDGED
        more = f" +{rest}" if rest > 0 else ""
        blocks.append(Block((GAP, line(pen.say("alerts.open", keys=f"{keys}{more}")))))
    if others:
        zone = pen.zone_name(view.now_ns)
        blocks.append(Block((GAP, pen.title("alerts.others", zone=zone))))
        blocks += [_alert(one, pen) for one in others]
    if not answer.alerts:
        blocks.append(Block((GAP, line(pen.say("alerts.none")))))
    return pen.page("alerts", pen.headline(answer.origin), blocks, rows(pen.refresh("alerts")))


def logs_page(answer: TextAnswer, view: View) -> Page:
    """The newest lines of the log, as they were written."""
    return _text_page("logs", answer, view)


def config_page(answer: TextAnswer, view: View) -> Page:
    """The config in force, without its secrets."""
    return _text_page("config", answer, view)


def audit_page(
    answer: AuditAnswer,
    view: View,
    chat: Sequence[ActLine] = (),
    head: str = "",
    flaw: str = "",
) -> Page:
    """Who did what to what is permitted; ``chat`` is the bot's own record, newest first.

    ``head`` is the newest hash of the bot's chain, ``flaw`` what is wrong with it, if anything.
    """
    pen = Pen(view)
    zone = pen.zone_name(answer.origin.at_ns)
    blocks: list[Block] = []
    if flaw:
        told = pen.say("audit.flaw", flaw=clean(flaw, MAX_REASON_CHARS))
        blocks.append(Block((GAP, *pen.care(told, pen.say("audit.flaw.mend")))))
    for key, acts in (("audit.engine", answer.acts), ("audit.chat", chat)):
        if acts:
            blocks.append(Block((GAP, pen.title(key, zone=zone))))
            blocks += [Block(tuple(_act(act, pen))) for act in acts]
    if not answer.acts and not chat:
        blocks.append(Block((GAP, line(pen.say("audit.none")))))
    if head:
        short = clean(head)[:_HASH_CHARS]
        blocks.append(Block((GAP, joined(pen.say("audit.head"), code(short)))))
    return pen.page("audit", pen.headline(answer.origin), blocks)


def health_page(answer: HealthAnswer, view: View) -> Page:
    """What is wrong with the program first; then its figures."""
    pen = Pen(view)
    cares = tuple(_health_cares(answer, pen)) or (line(pen.say("care.none")),)
    check = answer.worst_check
    name = UNKNOWN if check is None else pen.name("check", check)
    worst = line(pen.say("health.worst", check=name))
    blocks = [
        Block((GAP, *cares)),
        Block((GAP, pen.title("health.process"), *table(_process(answer, pen)), worst)),
        Block((GAP, pen.title("health.alerts"), *table(_delivery(answer, pen)))),
        Block((GAP, pen.title("health.telegram"), *table(_telegram(answer, pen)))),
        pen.taken(answer.origin),
    ]
    return pen.page("health", pen.headline(answer.origin), blocks, rows(pen.refresh("health")))


def version_page(answer: VersionAnswer, view: View) -> Page:
    """Which program runs, on what, and since when."""
    pen = Pen(view)
    lines = (
        line(bold(pen.say("version", version=clean(answer.version, MAX_NAME_CHARS) or UNKNOWN))),
        line(f"Python {clean(answer.python, MAX_NAME_CHARS) or UNKNOWN}"),
        line(
            pen.say(
                "version.started",
                at=pen.clock(answer.started_ns),
                age=pen.between(answer.started_ns, view.now_ns),
            )
        ),
    )
    return pen.page("version", pen.headline(answer.origin), [Block((GAP, *lines))])


def metrics_page(figures: Mapping[str, object], view: View) -> Page:
    """Every figure by the name it has in ``/metrics.json``, as it stands there."""
    pen = Pen(view)
    mode = figures.get("mode")
    engine = str(figures.get("name", ""))
    head = line(bold(clean(engine, MAX_NAME_CHARS) or UNKNOWN))
    if isinstance(mode, str) and mode in Mode.__members__.values():
        head = pen.headline(Origin(engine, Mode(mode), view.now_ns))
    shown = [
        line(f"{clean(name)}: ", bold(clean(_figure(value), 2 * MAX_REASON_CHARS)))
        for name, value in figures.items()
    ]
    blocks = [Block((GAP, *shown))] if shown else [Block((GAP, line(pen.say("metrics.none"))))]
    return pen.page("metrics", head, blocks, rows(pen.refresh("metrics")))


def _condition(key: str, pen: Pen) -> str:
    """What a key stands for: the kind of its alert in words, and what it is about."""
    code, _, about = key.partition(":")
    kind = sender_words(pen.view.language).kinds.get(code)
    if kind is None:
        return clean(key, MAX_NAME_CHARS)
    return f"{kind} ({clean(about, MAX_NAME_CHARS)})" if about else kind


def _wants_a_person(one: AlertLine) -> bool:
    return one.severity is Severity.CRITICAL and one.acknowledged_ns is None


def _alert(one: AlertLine, pen: Pen) -> Block:
    # The engine's own first line begins with the same mark.
    text = clean(one.text, MAX_REASON_CHARS).removeprefix(_MARKS[one.severity]).strip()
    times = pen.say("alerts.times", count=pen.count(one.count)) if one.count > 1 else ""
    title = bold(text or pen.name("alert", one.code))
    if one.sent_ns is not None:
        after = pen.between(one.created_ns, one.sent_ns)
        fate = pen.say("alerts.sent", age=after)
    else:
        error = clean(one.last_error) or UNKNOWN
        key = "alerts.failing" if one.attempts else "alerts.pending"
        fate = pen.say(key, attempts=pen.count(one.attempts), error=error)
    seen = ""
    if one.acknowledged_ns is not None:
        seen = pen.say("alerts.seen", at=pen.brief(one.acknowledged_ns))
    lines = (
        joined(f"{_MARKS[one.severity]} {pen.brief(one.created_ns)}", title, times),
        joined(f"#{one.id}", fate, seen),
    )
    ack: Rows = ()
    if _wants_a_person(one):
        word = pen.say("button.ack", id=one.id)
        ack = rows(buttons(word, ACKNOWLEDGE, pen.view.instance, str(one.id)))
    return Block(lines, ack)


def _text_page(command: str, answer: TextAnswer, view: View) -> Page:
    pen = Pen(view)
    texts = [_printable(text) for text in answer.lines]
    blocks = [Block((GAP, pen.title(f"{command}.title", count=pen.count(len(texts)))))]
    # Each line is a block of its own, and a page of them is still one fixed-width block.
    blocks += [Block(pre((text,))) for text in texts]
    if not texts:
        blocks = [Block((GAP, line(pen.say(f"{command}.none"))))]
    blocks += pen.more(answer.more)
    return pen.page(command, pen.headline(answer.origin), blocks)


def _printable(text: str) -> str:
    """One line with its indentation, since in a config that has a meaning."""
    kept = "".join(sign if sign.isprintable() else " " for sign in text[:_MAX_LINE_CHARS]).rstrip()
    return f"{kept}…" if len(text) > _MAX_LINE_CHARS else kept


def _act(act: ActLine, pen: Pen) -> Iterator[Line]:
    what = pen.name("act", act.what)
    who = pen.say("audit.who", who=clean(act.who, MAX_NAME_CHARS) or UNKNOWN)
    revision = "" if act.revision is None else pen.say("audit.revision", revision=act.revision)
    yield joined(pen.brief(act.at_ns), bold(what))
    yield joined(who, revision, pen.reason(act.reason))


def _health_cares(answer: HealthAnswer, pen: Pen) -> Iterator[Line]:
    if answer.telegram_refused:
        refused = clean(answer.telegram_refused, MAX_REASON_CHARS)
        yield from pen.care(pen.say("health.refused", why=refused), pen.say("health.refused.mend"))
    if answer.faults:
        told = pen.say("health.faults", count=pen.count(answer.faults))
        yield from pen.care(told, pen.say("health.faults.mend"))
    if answer.alerts_unacknowledged:
        told = pen.say("health.unseen", count=pen.count(answer.alerts_unacknowledged))
        yield from pen.care(told, pen.say("health.unseen.mend"))
    if answer.log_lines_lost:
        told = pen.say("health.lost", count=pen.count(answer.log_lines_lost))
        yield from pen.care(told, pen.say("health.lost.mend"))


def _process(answer: HealthAnswer, pen: Pen) -> list[tuple[str, str]]:
    return [
        (pen.say("health.up"), pen.lasting(answer.uptime_s * 1_000)),
        (pen.say("health.latency"), pen.lasting(answer.loop_latency_ms)),
        (pen.say("health.lag"), pen.lasting(answer.loop_lag_ms)),
        (pen.say("health.quotes"), pen.lasting(answer.ws_lag_ms)),
        (pen.say("health.disk"), _megabytes(answer.disk_free_mb, pen)),
        (pen.say("health.journal"), _megabytes(answer.journal_mb, pen)),
        (pen.say("health.facts"), pen.count(answer.journal_facts)),
        (pen.say("health.suspensions"), pen.count(answer.suspensions)),
    ]


def _delivery(answer: HealthAnswer, pen: Pen) -> list[tuple[str, str]]:
    oldest = answer.oldest_pending_s
    waiting = pen.lasting(None if oldest is None else oldest * 1_000)
    return [
        (pen.say("health.sent"), pen.count(answer.alerts_sent)),
        (pen.say("health.late"), pen.count(answer.alerts_late)),
        (pen.say("health.pending"), pen.count(answer.alerts_pending)),
        (pen.say("health.oldest"), waiting),
        (pen.say("health.unacknowledged"), pen.count(answer.alerts_unacknowledged)),
    ]


def _telegram(answer: HealthAnswer, pen: Pen) -> list[tuple[str, str]]:
    def ago(at_ns: int | None) -> str:
        if at_ns is None:
            return UNKNOWN
        return pen.say("ago", age=pen.between(at_ns, pen.view.now_ns))

    return [
        (pen.say("health.telegram.sent"), ago(answer.telegram_sent_ns)),
        (pen.say("health.telegram.polled"), ago(answer.telegram_polled_ns)),
    ]


def _megabytes(value: float | None, pen: Pen) -> str:
    if value is None:
        return UNKNOWN
    exact = Decimal(repr(value))
    if not exact.is_finite():
        return UNKNOWN
    shown = exact if is_beyond(exact) else exact.quantize(Decimal("0.1"))
    return pen.quantity(shown, "MB")


def _figure(value: object) -> str:
    """A figure as it stands in the JSON form, with separators where it is a number."""
    match value:
        case None | "" | [] | ():
            return UNKNOWN
        case bool():
            return "true" if value else "false"
        case int() | float() if abs(value) < 1e18:
            return f"{value:,}"
        case list() | tuple():
            return ", ".join(str(one) for one in value)
        case _:
            return str(value)
