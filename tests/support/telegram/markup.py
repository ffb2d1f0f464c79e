"""Telegram's HTML as its servers read it: markup in, plain text and entities out. Pure."""

import re
from typing import Any

TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "tg-emoji": "custom_emoji",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
}
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_ENTITY = re.compile(r"&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|(lt|gt|amp|quot)(?![A-Za-z]));?")
_SPACE = " \t\n\r\v\f"
_BLANK = _SPACE + "\u200b"

Entity = dict[str, Any]


class MarkupError(Exception):
    """The markup does not parse; the text is what Telegram says after its prefix."""


def units(text: str) -> int:
    """Length as Telegram counts it: UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def parse_html(markup: str) -> tuple[str, list[Entity]]:
    """Text without its tags, and where they stood. A bare ``&`` is text; a bare ``<`` never is.

    Raises:
        MarkupError: an unknown tag, one that is not closed, or closed out of turn.
    """
    return _Parser(markup).parse()


def trimmed(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """``text`` without blanks at either end, and the entities moved and cut to fit."""
    left = text.lstrip(_BLANK)
    shift = units(text) - units(left)
    kept = left.rstrip(_BLANK)
    end = units(kept)
    result = []
    for entity in entities:
        start = max(0, entity["offset"] - shift)
        stop = min(end, entity["offset"] + entity["length"] - shift)
        if stop > start:
            result.append({**entity, "offset": start, "length": stop - start})
    return kept, result


class _Parser:
    def __init__(self, markup: str) -> None:
        self._markup = markup
        self._at = 0
        self._text: list[str] = []
        self._units = 0
        self._open: list[tuple[str, int, Entity]] = []
        self._entities: list[Entity] = []

    def parse(self) -> tuple[str, list[Entity]]:
        while self._at < len(self._markup):
            char = self._markup[self._at]
            if char == "<":
                self._tag()
            elif char == "&":
                self._take(self._character())
            else:
                self._at += 1
                self._take(char)
        if self._open:
            name = self._open[-1][0]
            raise MarkupError(f'Can\'t find end tag corresponding to start tag "{name}"')
        self._entities.sort(key=lambda entity: (entity["offset"], -entity["length"]))
        return "".join(self._text), self._entities

    def _take(self, char: str) -> None:
        self._text.append(char)
        self._units += units(char)

    def _character(self) -> str:
        found = _ENTITY.match(self._markup, self._at)
        if found is None:
            self._at += 1
            return "&"
        decimal, hexadecimal, name = found.groups()
        if name is not None:
            char = _NAMED[name]
        else:
            code = int(decimal) if decimal is not None else int(hexadecimal, 16)
            if not 0 < code < 0x10FFFF or 0xD800 <= code < 0xE000:
                self._at += 1
                return "&"
            char = chr(code)
        self._at = found.end()
        return char

    def _tag(self) -> None:
        begin = self._at
        self._at += 1
        if self._peek() == "/":
            self._at += 1
            self._end_tag(begin)
        else:
            self._start_tag(begin)

    def _start_tag(self, begin: int) -> None:
        name = self._until(_SPACE + ">").lower()
        if not self._peek():
            raise MarkupError(f"Unclosed start tag at byte offset {self._bytes(begin)}")
        if name not in TAGS:
            raise MarkupError(f'Unsupported start tag "{name}" at byte offset {self._bytes(begin)}')
        attributes = self._attributes(name, begin)
        extra: Entity = {}
        if name == "a" and "href" in attributes:
            extra["url"] = attributes["href"]
        elif name == "code" and attributes.get("class", "").startswith("language-"):
            extra["language"] = attributes["class"].removeprefix("language-")
        elif name == "span" and attributes.get("class") != "tg-spoiler":
            raise MarkupError(
                f'Tag "span" must have class "tg-spoiler" at byte offset {self._bytes(begin)}'
            )
        elif name == "tg-emoji":
            extra["custom_emoji_id"] = attributes.get("emoji-id", "")
        elif name == "blockquote" and "expandable" in attributes:
            extra["type"] = "expandable_blockquote"
        self._open.append((name, self._units, extra))

    def _attributes(self, tag: str, begin: int) -> dict[str, str]:
        found: dict[str, str] = {}
        while True:
            self._skip_spaces()
            if self._peek() == ">":
                self._at += 1
                return found
            name = self._until(_SPACE + "=>").lower()
            where = f'the tag "{tag}" at byte offset {self._bytes(begin)}'
            if not self._peek():
                raise MarkupError(f"Unclosed start tag at byte offset {self._bytes(begin)}")
            if not name:
                raise MarkupError(f"Empty attribute name in {where}")
            self._skip_spaces()
            if self._peek() != "=":
                if tag == "blockquote" and name == "expandable":
                    found[name] = ""
                    continue
                raise MarkupError(f"Expected equal sign in declaration of an attribute of {where}")
            self._at += 1
            self._skip_spaces()
            found[name] = self._value(begin)

    def _value(self, begin: int) -> str:
        quote = self._peek()
        if quote not in ('"', "'"):
            start = self._at
            value = self._while(lambda char: char.isascii() and (char.isalnum() or char in ".-"))
            if self._peek() and self._peek() not in _SPACE + ">":
                raise MarkupError(
                    f"Unexpected end of name token at byte offset {self._bytes(start)}"
                )
        else:
            self._at += 1
            chars = []
            while self._peek() and self._peek() != quote:
                if self._peek() == "&":
                    chars.append(self._character())
                else:
                    chars.append(self._peek())
                    self._at += 1
            self._at += 1
            value = "".join(chars)
        if not self._peek():
            raise MarkupError(f"Unclosed start tag at byte offset {self._bytes(begin)}")
        return value

    def _end_tag(self, begin: int) -> None:
        if not self._open:
            raise MarkupError(f"Unexpected end tag at byte offset {self._bytes(begin)}")
        name = self._until(_SPACE + ">").lower()
        self._skip_spaces()
        if self._peek() != ">":
            raise MarkupError(f"Unclosed end tag at byte offset {self._bytes(begin)}")
        self._at += 1
        opened, start, extra = self._open.pop()
        if name and name != opened:
            raise MarkupError(
                f"Unmatched end tag at byte offset {self._bytes(begin)}, "
                f'expected "</{opened}>", found "</{name}>"'
            )
        worth_it = opened != "a" or "url" in extra
        if self._units > start and worth_it:
            place = {"offset": start, "length": self._units - start}
            self._entities.append({"type": TAGS[opened], **place, **extra})

    def _peek(self) -> str:
        return self._markup[self._at : self._at + 1]

    def _until(self, stops: str) -> str:
        return self._while(lambda char: char not in stops)

    def _while(self, wanted: Any) -> str:
        start = self._at
        while self._peek() and wanted(self._peek()):
            self._at += 1
        return self._markup[start : self._at]

    def _skip_spaces(self) -> None:
        self._while(lambda char: char in _SPACE)

    def _bytes(self, at: int) -> int:
        return len(self._markup[:at].encode("utf-8", "surrogatepass"))
