"""A reader of PromQL, for the queries of rules and dashboard: does it parse, what does it name?

Knows what ours use and no more; a query beyond that fails here, and is either taught or rewritten.
"""

import re
from collections.abc import Iterator

from msgspec import Struct

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.]))
    | (?P<duration>\d+[smhd](?!\w))
    | (?P<text>"(?:[^"\\]|\\.)*")
    | (?P<name>[A-Za-z_:][\w:]*)
    | (?P<sign>=~|!~|!=|==|<=|>=|[-+*/%^<>={}()\[\],])
    )""",
    re.VERBOSE,
)
_LEVELS = (
    ("or",),
    ("and", "unless"),
    ("==", "!=", "<=", ">=", "<", ">"),
    ("+", "-"),
    ("*", "/", "%"),
)
_SETS = frozenset({"or", "and", "unless"})
_AGGREGATIONS = frozenset({"sum", "max", "min", "avg", "count"})
_OF_RANGES = frozenset(
    {"increase", "rate", "changes", "avg_over_time", "max_over_time", "min_over_time"}
)
_OF_VECTORS = frozenset({"absent", "sort", "sort_desc", "vector", "abs", "clamp_max", "clamp_min"})


class QueryInvalid(ValueError):
    """A query that this reader does not understand; the text says where."""


class Selector(Struct, frozen=True):
    """One series a query names, with its matchers as (label, operator, value)."""

    name: str
    matchers: tuple[tuple[str, str, str], ...]
    has_range: bool


class Query(Struct, frozen=True):
    """What a query names: its selectors, and the labels it groups or joins by."""

    selectors: tuple[Selector, ...]
    labels: frozenset[str]


def read_query(text: str) -> Query:
    """Read a whole query.

    Raises:
        QueryInvalid: it is not one, or uses what is not known here.
    """
    reader = _Reader(text)
    reader.binary(0)
    if reader.peek() is not None:
        raise QueryInvalid(f"{text!r}: what is {reader.peek()!r} doing there?")
    return Query(tuple(reader.selectors), frozenset(reader.labels))


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._at = 0
        self.selectors: list[Selector] = []
        self.labels: set[str] = set()

    def peek(self) -> str | None:
        """The next token, or None at the end."""
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def binary(self, level: int) -> None:
        """One operand, and whatever operators of this level follow."""
        if level == len(_LEVELS):
            self._operand()
            return
        self.binary(level + 1)
        while (operator := self.peek()) in _LEVELS[level]:
            self._at += 1
            self._matching(is_set=operator in _SETS)
            self.binary(level + 1)

    def _take(self, expected: str | None = None) -> str:
        token = self.peek()
        if token is None or (expected is not None and token != expected):
            raise QueryInvalid(f"{self._text!r}: {expected or 'more'} expected, {token!r} found")
        self._at += 1
        return token

    def _matching(self, *, is_set: bool) -> None:
        if self.peek() in ("on", "ignoring"):
            self._at += 1
            self._label_list()
            if self.peek() in ("group_left", "group_right"):
                if is_set:
                    raise QueryInvalid(f"{self._text!r}: a set operator takes no group")
                self._at += 1
                self._label_list()

    def _label_list(self) -> None:
        self._take("(")
        while self.peek() != ")":
            self.labels.add(self._take())
            if self.peek() == ",":
                self._at += 1
        self._take(")")

    def _operand(self) -> None:
        token = self._take()
        if token == "-":
            self._operand()
        elif token == "(":
            self.binary(0)
            self._take(")")
        elif token in _AGGREGATIONS:
            self._aggregation()
        elif token in _OF_RANGES or token in _OF_VECTORS:
            self._call(token)
        elif re.fullmatch(r"[A-Za-z_:][\w:]*", token):
            self._selector(token)
        elif not re.fullmatch(r"\d+(\.\d+)?(e[+-]?\d+)?", token):
            raise QueryInvalid(f"{self._text!r}: {token!r} is no operand")

    def _aggregation(self) -> None:
        if self.peek() in ("by", "without"):
            self._at += 1
            self._label_list()
        self._take("(")
        self.binary(0)
        self._take(")")

    def _call(self, name: str) -> None:
        self._take("(")
        first = len(self.selectors)
        self.binary(0)
        while self.peek() == ",":
            self._at += 1
            self.binary(0)
        self._take(")")
        wants_range = name in _OF_RANGES
        if any(one.has_range is not wants_range for one in self.selectors[first:]):
            raise QueryInvalid(f"{self._text!r}: {name} of the wrong kind of selector")

    def _selector(self, name: str) -> None:
        matchers = []
        if self.peek() == "{":
            self._at += 1
            while self.peek() != "}":
                label, operator, value = self._take(), self._take(), self._take()
                if operator not in ("=", "!=", "=~", "!~") or not value.startswith('"'):
                    raise QueryInvalid(f"{self._text!r}: {label}{operator}{value} is no matcher")
                matchers.append((label, operator, value[1:-1]))
                if self.peek() == ",":
                    self._at += 1
            self._take("}")
        has_range = self.peek() == "["
        if has_range:
            self._at += 1
            if not re.fullmatch(r"\d+[smhd]", self._take()):
                raise QueryInvalid(f"{self._text!r}: a range is a number with its unit")
            self._take("]")
        self.selectors.append(Selector(name, tuple(matchers), has_range))


def _tokens(text: str) -> Iterator[str]:
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            raise QueryInvalid(f"{text!r}: {text[at : at + 10]!r} is not understood")
        yield found.group().strip()
        at = found.end()
