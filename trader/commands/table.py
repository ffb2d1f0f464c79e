"""A plain table for a terminal: columns as wide as what they hold, Hangul counted double."""

import unicodedata
from collections.abc import Collection, Sequence

WIDTH = 100
"""The terminal a page is made for, in columns."""
_BETWEEN = 2
_NARROWEST = 8


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    wraps: Collection[int] = (),
    width: int = WIDTH,
) -> str:
    """The rows under their head, two spaces between columns, the last one ragged.

    The columns named in ``wraps`` become narrower, the widest first, until the table is at most
    ``width`` wide; what they hold goes on below. An empty head is left out.
    """
    lines = [head, *rows] if any(head) else list(rows)
    widths = [max((_width(line[place]) for line in lines), default=0) for place in range(len(head))]
    _narrow(widths, wraps, width)
    return "\n".join(shown for line in lines for shown in _line(line, widths, wraps))


def wrapped(text: str, width: int) -> list[str]:
    """``text`` in lines of at most ``width`` columns, broken between words where that can be."""
    lines, line = [], ""
    for word in text.split():
        rest = word
        if line and _width(line) + 1 + _width(rest) <= width:
            line = f"{line} {rest}"
            continue
        if line:
            lines.append(line)
        while _width(rest) > width:
            cut = _cut(rest, width)
            lines.append(rest[:cut])
            rest = rest[cut:]
        line = rest
    return [*lines, line] if line or not lines else lines


def _narrow(widths: list[int], wraps: Collection[int], width: int) -> None:
    between = _BETWEEN * (len(widths) - 1)
    while sum(widths) + between > width:
        widest = max(wraps, key=lambda place: widths[place], default=None)
        if widest is None or widths[widest] <= _NARROWEST:
            return
        widths[widest] -= 1


def _line(line: Sequence[str], widths: Sequence[int], wraps: Collection[int]) -> list[str]:
    cells = [
        wrapped(cell, widths[place]) if place in wraps else [cell]
        for place, cell in enumerate(line)
    ]
    shown = []
    for number in range(max(map(len, cells))):
        parts = [cell[number] if number < len(cell) else "" for cell in cells]
        padded = [part + " " * (widths[place] - _width(part)) for place, part in enumerate(parts)]
        shown.append((" " * _BETWEEN).join(padded).rstrip())
    return shown


def _cut(word: str, width: int) -> int:
    """How many signs of a word fit into ``width`` columns; at least one."""
    used = 0
    for place, sign in enumerate(word):
        used += _width(sign)
        if used > width:
            return max(place, 1)
    return len(word)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)
