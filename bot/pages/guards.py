"""``/guards``: every predicate and limit, what fails first and in full. Pure."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct

from bot.buttons import rows
from bot.pages.pen import MAX_NAME_CHARS, MAX_REASON_CHARS, Pen, View, clean, joined
from bot.paging import GAP, Block, Line, Page, bold, line
from trader.port import (
    UNKNOWN,
    BlockReason,
    Effective,
    Language,
    Mode,
    Origin,
    explain_block,
    name_block,
)

MOST_PAGES = 2
_MAX_ROWS = 60
_NOT_SEEN = frozenset({"no file", "not known", "not asked"})
_BOUNDS = {"below": "<", "above": ">", "at least": "≥", "at most": "≤"}


class GuardLatch(Struct, frozen=True):
    """Who lowered the authority last, when and why."""

    reason: str = ""
    who: str = ""
    at_ns: int | None = None


class GuardRow(Struct, frozen=True):
    """A predicate or limit: ``state`` is pass, fail or later (only a run can settle it)."""

    code: str = ""
    name: str = ""
    state: str = "fail"
    loss: str = ""
    value: str = ""
    limit: str = ""
    bound: str = ""
    unit: str = ""
    why: str = ""
    mend: str = ""
    since_ns: int | None = None
    blocks_today: int | None = None


class Guards(Struct, frozen=True):
    """The figures of the gate as the engine answers them; ``at_ns`` is when they were taken."""

    mode: Mode
    live: bool
    entries: str
    closings: str
    authority: str
    revision: int
    latch: GuardLatch | None = None
    used_up: bool = False
    halt_file: bool = False
    predicates: tuple[GuardRow, ...] = ()
    limits: tuple[GuardRow, ...] = ()
    engine: str = ""
    at_ns: int | None = None
    effective: Effective | None = None


def guards_of(figures: Mapping[str, object]) -> Guards:
    """The figures of the gate from an answer.

    Raises:
        msgspec.ValidationError: they are not figures of a gate.
    """
    return msgspec.convert(figures, Guards)


def guards_page(guards: Guards, view: View) -> Page:
    """What fails with its way out, then everything that holds; two messages at most."""
    page = _page(guards, view, in_full=True, with_passing=True)
    if len(page) > MOST_PAGES:
        page = _page(guards, view, in_full=False, with_passing=True)
    if len(page) > MOST_PAGES:
        page = _page(guards, view, in_full=False, with_passing=False)
    return page[:MOST_PAGES]


def _page(guards: Guards, view: View, *, in_full: bool, with_passing: bool) -> Page:
    pen = Pen(view)
    origin = Origin(guards.engine, guards.mode, guards.at_ns or view.now_ns)
    every = (*guards.predicates[:_MAX_ROWS], *guards.limits[:_MAX_ROWS])
    failing = [row for row in every if row.state == "fail"]
    later = [row for row in every if row.state not in ("fail", "pass")]
    passing = [row for row in every if row.state == "pass"]
    blocks = [Block((GAP, *_gate(guards, origin, pen)))]
    if failing:
        blocks.append(Block((GAP, pen.title("guards.failing", count=len(failing)))))
        blocks += [Block(tuple(_failing(row, pen, origin, in_full=in_full))) for row in failing]
    if later:
        blocks.append(Block((GAP, pen.title("guards.later", count=len(later)))))
        blocks += [Block((line(f"… {_name(row, pen)}"),)) for row in later]
    blocks += _passing(passing, pen, with_passing=with_passing)
    blocks.append(pen.taken(origin))
    head = pen.headline(origin, guards.effective)
    return pen.page("guards", head, blocks, rows(pen.refresh("guards")))


def _gate(guards: Guards, origin: Origin, pen: Pen) -> Iterator[Line]:
    yield pen.title("gate.open" if guards.live else "gate.shut")
    yield line(
        pen.say(
            "gate.goes",
            entries=pen.name("goes", guards.entries),
            closings=pen.name("goes", guards.closings),
        )
    )
    level = clean(guards.authority, MAX_NAME_CHARS).upper()
    yield line(pen.say("authority", level=level, revision=guards.revision))
    latch = guards.latch
    if latch is not None:
        by = clean(latch.who, MAX_NAME_CHARS) or UNKNOWN
        told = pen.say("latch", by=by, at=pen.clock(latch.at_ns, origin.at_ns))
        yield joined(told, pen.reason(latch.reason))
    if guards.used_up:
        yield from pen.care(pen.say("used_up"), pen.say("used_up.mend"))
    if guards.halt_file:
        yield from pen.care(pen.say("halt_file"), pen.say("halt_file.mend"))


def _failing(row: GuardRow, pen: Pen, origin: Origin, *, in_full: bool) -> Iterator[Line]:
    since = ""
    if row.since_ns is not None:
        since = pen.say("guards.since", at=pen.clock(row.since_ns, origin.at_ns))
    today = ""
    if row.blocks_today is not None:
        today = pen.say("guards.today", count=pen.count(row.blocks_today))
    yield joined(bold(f"✗ {_name(row, pen)}"), _figures(row, pen, "limit.missed"), since, today)
    why, mend = _explained(row, pen.view.language)
    if in_full and why:
        yield line(clean(why, 2 * MAX_REASON_CHARS))
    if mend:
        yield line(f"→ {clean(mend, 2 * MAX_REASON_CHARS if in_full else 60)}")


def _passing(passing: Sequence[GuardRow], pen: Pen, *, with_passing: bool) -> list[Block]:
    if not passing:
        return []
    title = Block((GAP, pen.title("guards.passing", count=len(passing))))
    if not with_passing:
        return [title]
    return [
        title,
        *(Block((joined(f"✓ {_name(row, pen)}", _figures(row, pen)),)) for row in passing),
    ]


def _name(row: GuardRow, pen: Pen) -> str:
    reason = _reason(row)
    name = row.name or row.code if reason is None else name_block(reason, pen.view.language)
    return clean(name, 2 * MAX_NAME_CHARS)


def _explained(row: GuardRow, language: Language) -> tuple[str, str]:
    reason = _reason(row)
    if reason is None:
        return row.why, row.mend
    words = explain_block(reason, language)
    return words.sentence, words.mend


def _reason(row: GuardRow) -> BlockReason | None:
    """The code in our words, since the engine may explain in another language than is read."""
    return BlockReason(row.code) if row.code in BlockReason.__members__.values() else None


def _figures(row: GuardRow, pen: Pen, key: str = "limit") -> str:
    """What was seen, and beside a figure what it may be; the name says what words mean."""
    bound = _BOUNDS.get(row.bound)
    if not _is_figure(row.value):
        # That it holds is what the mark says; only what was not even looked at is worth a word.
        is_told = row.state != "pass" or row.value in _NOT_SEEN
        return pen.name("value", clean(row.value)) if is_told else ""
    if bound is None or not _is_figure(row.limit):
        return _in_unit(row.value, row.unit, pen)
    # The unit stands once, but a time in milliseconds may be said in seconds.
    seen = _in_unit(row.value, row.unit if row.unit == "ms" else "", pen)
    return f"{seen} {pen.say(key, bound=bound, limit=_in_unit(row.limit, row.unit, pen))}"


def _in_unit(figure: str, unit: str, pen: Pen) -> str:
    if unit == "ms":
        return pen.lasting(float(figure))
    whole, dot, rest = figure.partition(".")
    shown = f"{int(whole):,}{dot}{rest}"
    return f"{shown} {pen.name('unit', unit)}" if unit else shown


def _is_figure(text: str) -> bool:
    whole, dot, rest = text.partition(".")
    return (
        whole.isdecimal()
        and whole.isascii()
        and len(whole) <= 15
        and (not dot or (rest.isdecimal() and len(rest) <= 15))
    )
