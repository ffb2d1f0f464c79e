"""The sections of ``check`` as a person reads them in a terminal of 100 columns."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import cast

from trader.commands.table import WIDTH, table, wrapped
from trader.texts import moment, number, percent, quantity, won

Row = Mapping[str, object]
_MARKS = {"pass": "✓", "fail": "✗", "later": "…", "unused": "–"}
_WHENCE = {
    "live": "at the engine's books of {}",
    "journal": "at the last prices journaled, {}",
    "none": "no prices yet",
}


def page(figures: Mapping[str, object]) -> str:
    """Every section, and the verdict below them."""
    verdict = "live could start" if figures["could_start"] else "live could NOT start"
    sections = (
        ("LIVE GATE", _gate(_rows(figures, "predicates"))),
        ("HOW TO MEND", _mends(_rows(figures, "predicates"), "fail")),
        (
            "LEFT TO A RUN (and what to do should it fail there)",
            _mends(_rows(figures, "predicates"), "later"),
        ),
        ("CREDENTIALS", _credentials(figures)),
        ("LIMITS", _limits(_rows(figures, "limits"))),
        ("TRADES LEFT PER DIRECTION", _trades_left(cast("Row", figures["trades"]))),
        ("BREAK-EVEN OF EACH PAIR", _break_even(cast("Row", figures["trades"]))),
        ("NOTES", _notes(cast("Sequence[str]", figures["notes"]))),
    )
    lines = list(_heading(figures))
    for title, body in sections:
        if body:
            lines += ["", title, *body]
    return "\n".join([*lines, "", f"{verdict} (✓ holds, ✗ fails, … settled by a run)"])


def _heading(figures: Mapping[str, object]) -> Iterator[str]:
    latch = cast("Row | None", figures["latch"])
    since = "" if latch is None else f", latched: {latch['reason']} by {latch['who']}"
    yield (
        f"engine {figures['engine']}, mode {figures['mode']},"
        f" authority {figures['authority']} (revision {figures['revision']}{since})"
    )
    yield f"entries go: {figures['entries']}; live closings go: {figures['closings']}"
    if figures["used_up"]:
        yield "the last touch of the confirm file came too early: touch it again"


def _gate(rows: Sequence[Row]) -> list[str]:
    cells = [
        (
            _MARKS[_text(row, "state")],
            _text(row, "code"),
            _text(row, "name"),
            _figure(_text(row, "value"), _text(row, "unit")),
            f"{_text(row, 'bound')} {_figure(_text(row, 'limit'), _text(row, 'unit'))}".strip(),
            _text(row, "loss"),
        )
        for row in rows
    ]
    head = ("", "code", "what it asks for", "value", "limit", "costs")
    return table(head, cells, wraps=(3, 4)).splitlines()


def _mends(rows: Sequence[Row], state: str) -> list[str]:
    cells = [
        (_MARKS[state], _text(row, "code"), _advice(row)) for row in rows if row["state"] == state
    ]
    return table(("", "", ""), cells, wraps=(2,)).splitlines() if cells else []


def _advice(row: Row) -> str:
    """Why it fails and what mends it; of what nobody knows yet only the latter."""
    is_settled = row["state"] == "fail"
    return f"{_text(row, 'why')} {_text(row, 'mend')}" if is_settled else _text(row, "mend")


def _credentials(figures: Mapping[str, object]) -> list[str]:
    cells = [
        (
            _MARKS[_text(row, "state")],
            _text(row, "name"),
            _text(row, "what"),
            _text(row, "source"),
            _noted(row),
        )
        for row in _rows(figures, "credentials")
    ]
    head = ("", "name", "what", "found in", "")
    rights = cast("Mapping[str, Sequence[str]]", figures["key_rights"])
    tick = f"Key rights to tick: {', '.join(rights['tick'])}; never {', '.join(rights['never'])}."
    return [*table(head, cells, wraps=(3, 4)).splitlines(), tick]


def _noted(row: Row) -> str:
    fingerprint, note = _text(row, "fingerprint"), _text(row, "note")
    return f"fingerprint {fingerprint}; {note}" if fingerprint else note


def _limits(rows: Sequence[Row]) -> list[str]:
    cells = [
        (
            _text(row, "name"),
            _text(row, "bound"),
            _figure(_text(row, "value"), _text(row, "unit")),
            _text(row, "key"),
        )
        for row in rows
    ]
    return table(("what", "", "limit", "key"), cells).splitlines()


def _trades_left(trades: Row) -> list[str]:
    cells = []
    for row in _rows(trades, "directions"):
        left, why = row["left"], _text(row, "why")
        shown = f"… later: {why}" if left is None else f"{cast('int', left):,}"
        cells.append((_text(row, "pair"), _text(row, "direction"), shown, why if left == 0 else ""))
    if not cells:
        return [f"… later: {_text(trades, 'why')}"]
    at_ns = cast("int", trades["at_ns"])
    whence = _WHENCE[_text(trades, "prices")].format(moment(at_ns))
    return [
        *table(("pair", "sell > buy", "left", ""), cells, wraps=(2, 3)).splitlines(),
        f"of {won(Decimal(_text(trades, 'size_krw')))} each, {_text(trades, 'ledger')} ledger,"
        f" {whence}",
    ]


def _break_even(trades: Row) -> list[str]:
    cells = []
    for row in _rows(trades, "directions"):
        if row["needed_pct"] is None:
            cells.append((_text(row, "pair"), _text(row, "direction"), *["…"] * 6))
            continue
        parts = ("needed_pct", "fees_pct", "exit_pct", "min_profit_pct", "slippage_pct")
        cells.append(
            (
                _text(row, "pair"),
                _text(row, "direction"),
                *(_percent(row[part]) for part in (*parts, "spread_pct")),
            )
        )
    if not cells:
        return []
    head = ("pair", "sell > buy", "must exceed", "= 4 fees", "+ exit", "+ profit", "+ slippage")
    lines = table((*head, "spread now"), cells).splitlines()
    if any(row["slippage_pct"] is None for row in _rows(trades, "directions") if _is_known(row)):
        lines.append("… slippage comes on top: it is walked from the books of a running engine")
    return lines


def _is_known(row: Row) -> bool:
    return row["needed_pct"] is not None


def _notes(notes: Sequence[str]) -> list[str]:
    lines = []
    for note in notes:
        first, *rest = wrapped(note, WIDTH)
        lines += [first, *(f"  {line}" for one in rest for line in wrapped(one, WIDTH - 2))]
    return lines


def _figure(value: str, unit: str) -> str:
    """A figure with its thousands and its unit; what is no number stays as it is."""
    exact = number(value)
    if exact is None or not exact.is_finite():
        return value
    one = unit.removesuffix("s") if exact == 1 and len(unit) > 2 else unit
    return f"{quantity(exact)} {one}".rstrip()


def _percent(value: object) -> str:
    return "…" if value is None else percent(Decimal(str(value)), 3)


def _rows(figures: Mapping[str, object], name: str) -> Sequence[Row]:
    return cast("Sequence[Row]", figures.get(name, ()))


def _text(row: Row, name: str) -> str:
    return str(row[name])
