"""A plain table for a terminal: columns as wide as what they hold, Hangul counted double."""

import unicodedata
from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The rows under their head, two spaces between columns, the last one ragged."""
    lines = [head, *rows]
    widths = [max(_width(line[place]) for line in lines) for place in range(len(head))]
    return "\n".join(
        "  ".join(
            cell + " " * (widths[place] - _width(cell)) if place < len(head) - 1 else cell
            for place, cell in enumerate(line)
        ).rstrip()
        for line in lines
    )


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)
