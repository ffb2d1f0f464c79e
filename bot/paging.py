"""Long answers in pages: split between lines, every page whole by itself, or one file. Pure.

A text is lines of parts, each with at most one mark, so a page's markup is closed where it ends
and opened again where the next begins, and the plain text is what a chat shows of the HTML.
"""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from html import escape
from itertools import groupby

from msgspec import Struct

from bot.buttons import SHOW, Rows, buttons, rows
from bot.messenger import Button, OutMessage

MAX_UNITS = 3_900
"""Telegram takes 4,096 UTF-16 units after parsing."""
MAX_PAGES = 4
"""What is longer goes as a file."""
MAX_BUTTON_ROWS = 10
"""Rows of buttons that belong to what a page lists; more would hide the page itself."""
CAPTION_UNITS = 1_000

_NOT_IN_NAME = re.compile(r"[^a-z0-9_-]")
_SURROGATE = range(0xDC00, 0xE000)


class Mark(StrEnum):
    """How a part stands out, by Telegram's own tags."""

    BOLD = "b"
    ITALIC = "i"
    CODE = "code"
    PRE = "pre"
    """A whole line in a fixed-width block; lines that follow each other share the block."""


class Part(Struct, frozen=True):
    """Text of one look, within a line."""

    text: str
    mark: Mark | None = None


Line = tuple[Part, ...]
"""One line; the empty one is a gap."""

Page = tuple[OutMessage, ...]
"""An answer: one message, or one for each of its pages."""

GAP: Line = ()


class Block(Struct, frozen=True):
    """Lines that stay together if a page can hold them, and the buttons that go with them."""

    lines: tuple[Line, ...]
    buttons: Rows = ()


class Footing(Struct, frozen=True):
    """What stands under every page: the command that asks for it again, and standing buttons.

    Without ``instance`` nobody answers taps, so there are no buttons.
    """

    command: str
    instance: str = ""
    buttons: Rows = ()


class TextFile(Struct, frozen=True):
    """An answer too long for a chat: a file of plain text, and the words that go with it."""

    name: str
    text: str
    caption: OutMessage


def line(*parts: str | Part) -> Line:
    """A line of texts, marked ones among them."""
    return tuple(part if isinstance(part, Part) else Part(part) for part in parts)


def bold(text: str) -> Part:
    """A part in bold."""
    return Part(text, Mark.BOLD)


def code(text: str) -> Part:
    """A part to be copied by a tap."""
    return Part(text, Mark.CODE)


def pre(texts: Iterable[str]) -> tuple[Line, ...]:
    """Lines of a fixed-width block."""
    return tuple((Part(text, Mark.PRE),) for text in texts)


def units(text: str) -> int:
    """How long Telegram finds a text: in units of UTF-16."""
    return len(text.encode("utf-16-le", "replace")) // 2


def html_of(lines: Sequence[Line]) -> str:
    """The lines as Telegram's HTML; everything in them is escaped."""
    pieces = []
    for is_pre, group in groupby(lines, _is_pre):
        if is_pre:
            text = "\n".join(_escaped(part.text) for one in group for part in one)
            pieces.append(f"<{Mark.PRE}>{text}</{Mark.PRE}>")
        else:
            pieces += ["".join(map(_html, one)) for one in group]
    return "\n".join(pieces)


def plain_of(lines: Sequence[Line]) -> str:
    """The same words without markup."""
    return "\n".join(_text(one) for one in lines)


def paged(head: Line, blocks: Sequence[Block], footing: Footing) -> Page:
    """The blocks under ``head``, in as many messages as it takes; each is silent.

    Every page begins with the head; where there are several it also says which one it is.
    """
    # Room for the page's number, and for the line break after the head.
    sheets = _sheets(blocks, MAX_UNITS - units(_text(head)) - len(" · 1234/1234") - 1)
    return tuple(
        _message(_numbered(head, number, len(sheets)), sheet, footing, number, len(sheets))
        for number, sheet in enumerate(sheets, 1)
    )


def goes_as_file(page: Page) -> bool:
    """Whether an answer is too long to be turned over page by page."""
    return len(page) > MAX_PAGES


def file_of(page: Page, name: str, note: str) -> TextFile:
    """The whole answer as a file; its caption is the first line and ``note``."""
    first = page[0]
    mark = f" · 1/{len(page)}"
    head_html, head = (text.split("\n", 1)[0] for text in (first.html, first.plain))
    rest = [message.plain.partition("\n")[2] for message in page]
    # The buttons of single rows are left out: one could not see what they belong to.
    caption = OutMessage(
        f"{head_html.replace(mark, '')}\n{escape(note, quote=False)}",
        f"{head.replace(mark, '')}\n{note}",
        silent=True,
    )
    kept = _NOT_IN_NAME.sub("", name.lower())
    text = "\n".join((head.replace(mark, ""), *rest))
    return TextFile(f"{kept or 'answer'}.txt", f"{text}\n", caption)


def cut(text: str, at_most: int) -> str:
    """``text`` in at most so many units, with a mark where it was cut."""
    if units(text) <= at_most:
        return text
    return _split(text, at_most - 1)[0] + "…"


def _message(head: Line, sheet: Block, footing: Footing, number: int, total: int) -> OutMessage:
    lines = (head, *sheet.lines)
    turns = _turns(footing, number, total)
    return OutMessage(
        html_of(lines),
        plain_of(lines),
        silent=True,
        buttons=rows(*sheet.buttons, turns, *footing.buttons) if footing.instance else (),
    )


def _turns(footing: Footing, number: int, total: int) -> tuple[Button, ...]:
    if total == 1:
        return ()
    pages = [(number - 1, "◀"), (number, f"{number}/{total}"), (number + 1, "▶")]
    turns: list[Button] = []
    for page, text in pages:
        if 1 <= page <= total:
            turns += buttons(text, SHOW, footing.instance, f"{page} {footing.command}")
    return tuple(turns)


def _numbered(head: Line, number: int, total: int) -> Line:
    return head if total == 1 else (*head, Part(f" · {number}/{total}"))


def _sheets(blocks: Sequence[Block], room: int) -> list[Block]:
    """The blocks of every page, as one block each; at least one, which may be empty."""
    sheets: list[Block] = []
    lines: list[Line] = []
    taken: list[tuple[Button, ...]] = []
    left = room
    for block in blocks:
        needed = sum(units(_text(one)) + 1 for one in block.lines)
        crowded = bool(block.buttons) and len(taken) + len(block.buttons) > MAX_BUTTON_ROWS
        if lines and (crowded or left < needed <= room):
            sheets.append(Block(tuple(lines), tuple(taken)))
            lines, taken, left = [], [], room
        for whole in block.lines:
            for one in _fitted(whole, room):
                size = units(_text(one)) + 1
                if size > left:
                    sheets.append(Block(tuple(lines), tuple(taken)))
                    lines, taken, left = [], [], room
                lines.append(one)
                left -= size
        taken += block.buttons
    if lines or taken or not sheets:
        sheets.append(Block(tuple(lines), tuple(taken)))
    return sheets


def _fitted(whole: Line, room: int) -> list[Line]:
    """A line as it is, or as several where it alone would not fit."""
    most = room - 1
    if units(_text(whole)) <= most:
        return [whole]
    found: list[Line] = []
    now: list[Part] = []
    left = most
    for part in whole:
        text = part.text
        while text:
            piece, text = _split(text, left)
            if piece:
                now.append(Part(piece, part.mark))
                left -= units(piece)
            if text:
                found.append(tuple(now))
                now, left = [], most
    return [*found, tuple(now)]


def _split(text: str, at_most: int) -> tuple[str, str]:
    """As much of a text as that many units hold, and the rest; no sign is torn."""
    encoded = text.encode("utf-16-le", "replace")
    place = 2 * max(at_most, 0)
    if len(encoded) <= place:
        return text, ""
    if place and int.from_bytes(encoded[place : place + 2], "little") in _SURROGATE:
        place -= 2
    return encoded[:place].decode("utf-16-le"), encoded[place:].decode("utf-16-le")


def _is_pre(one: Line) -> bool:
    return bool(one) and one[0].mark is Mark.PRE


def _text(one: Line) -> str:
    return "".join(part.text for part in one)


def _html(part: Part) -> str:
    text = _escaped(part.text)
    return text if part.mark is None or not text else f"<{part.mark}>{text}</{part.mark}>"


def _escaped(text: str) -> str:
    return escape(text, quote=False)
