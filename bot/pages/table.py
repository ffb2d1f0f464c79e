"""Small tables for a phone: fixed width where they are narrow enough, bullets where not. Pure."""

import unicodedata
from collections.abc import Sequence

from bot.paging import Line, line, pre

WIDTH = 34
"""Columns of a fixed-width line that a phone shows without wrapping; Hangul takes two."""
_BETWEEN = 2


def table(rows: Sequence[Sequence[str]]) -> tuple[Line, ...]:
    """The rows aligned: the first cell to the left, the others to the right.

    Where they would be wider than a phone, each row becomes a line of its own with dots between
    its cells.
    """
    if not rows:
        return ()
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    if sum(widths) + _BETWEEN * (len(widths) - 1) > WIDTH:
        return tuple(_bullet(row) for row in rows)
    between = " " * _BETWEEN
    return pre(between.join(_aligned(row, widths)).rstrip() for row in rows)


def width(text: str) -> int:
    """How many columns a text takes."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    cells = []
    for place, cell in enumerate(row):
        room = " " * (widths[place] - width(cell))
        cells.append(cell + room if place == 0 else room + cell)
    return cells


def _bullet(row: Sequence[str]) -> Line:
    first, *rest = (cell.strip() for cell in row)
    return line(f"• {first}: {' · '.join(cell for cell in rest if cell)}")
