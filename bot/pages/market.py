"""``/spread``: every direction as the strategy sees it, the nearest to a trade first. Pure."""

from collections.abc import Iterator
from decimal import Decimal

from bot.buttons import rows
from bot.pages.pen import MAX_NAME_CHARS, Pen, View, clean, joined
from bot.paging import GAP, Block, Line, Page, bold, line
from trader.port import Origin, SpreadAnswer, SpreadLine

_FAR = Decimal("-Infinity")


def spread_page(answer: SpreadAnswer, view: View) -> Page:
    """Spread, costs, what remains and what is needed, per direction; and the trades left."""
    pen = Pen(view)
    blocks = [
        Block((GAP, *_direction(one, answer.origin, pen)))
        for one in sorted(answer.lines, key=_missing)
    ]
    if not blocks:
        blocks.append(Block((GAP, line(pen.say("spread.none")))))
    blocks.append(pen.taken(answer.origin))
    standing = rows(pen.refresh("spread"))
    return pen.page("spread", pen.headline(answer.origin), blocks, standing)


def _direction(one: SpreadLine, origin: Origin, pen: Pen) -> Iterator[Line]:
    wanted = _gap(one)
    mark = "✓" if wanted is not None and wanted > 0 else "✗"
    if wanted is None:
        mark = "–"
    yield line(bold(f"{mark} {clean(one.pair, MAX_NAME_CHARS)}"), f": {pen.route(one.direction)}")
    yield line(
        pen.say(
            "spread.of",
            spread=pen.percent(one.spread_pct, signed=True),
            needed=pen.percent(one.needed_pct),
        )
    )
    yield line(
        pen.say(
            "spread.net",
            costs=pen.percent(one.costs_pct),
            net=pen.percent(one.net_pct, signed=True),
        )
    )
    left = pen.say("spread.left", count=pen.count(one.trades_left))
    age = pen.say("age", age=pen.lasting(one.age_ms))
    yield joined(("⚠️ " if one.trades_left == 0 else "") + left, age)
    if one.fault:
        yield line(f"⚠️ {pen.name('fault', one.fault)}")
    if one.rests_until_ns:
        yield line(f"⚠️ {pen.say('spread.rests', at=pen.clock(one.rests_until_ns, origin.at_ns))}")
    if one.transfer is not None:
        yield line(f"→ {pen.transfer(one.transfer)}")


def _gap(one: SpreadLine) -> Decimal | None:
    """How far the spread is beyond what a signal needs; None where it is not to be relied on."""
    if one.fault or one.spread_pct is None or one.needed_pct is None:
        return None
    if not one.spread_pct.is_finite() or not one.needed_pct.is_finite():
        return None
    return one.spread_pct - one.needed_pct


def _missing(one: SpreadLine) -> Decimal:
    gap = _gap(one)
    return -(_FAR if gap is None else gap)
