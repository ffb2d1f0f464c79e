"""A YAML file as plain data, read strictly: nothing in it may mean something else than it seems to.

Against YAML 1.1 habits, only true and false are booleans, numbers are decimal, and a time of day or
a date stays a string. Anchors, tags and a key given twice are refused.
"""

import re
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Protocol

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.events import NodeEvent
from yaml.nodes import MappingNode, Node, ScalarNode
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from trader.credentials import mask_tokens, read_bounded, shown_path
from trader.domain.errors import ConfigError

MAX_BYTES = 1_048_576

_MAX_NODES = 20_000
_MAX_DEPTH = 20
_DIGITS = list("-+0123456789.")


def read_document(path: Path) -> dict[str, object]:
    """The top-level mapping of the file.

    Raises:
        ConfigError: one line: not there, not readable, not UTF-8, not YAML, not plain, no mapping.
    """
    shown = shown_path(path)
    try:
        content = read_bounded(path, MAX_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # Not chained: the decoder's error carries the bytes, and they may be a secret's.
        raise ConfigError(f"{shown}: not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise ConfigError(f"{shown}: {error.strerror}") from error
    except ValueError:
        raise ConfigError(f"{shown}: not a path") from None
    return _parsed(content, shown)


def _parsed(content: str, path: str) -> dict[str, object]:
    # Never chained: PyYAML quotes the line it stumbles over, and that may hold a secret.
    try:
        loader = _StrictLoader(content)
        found: object = loader.get_single_data()
    except _NotPlain as error:
        raise ConfigError(f"{path}: line {error.line}: {error.reason}") from None
    except yaml.MarkedYAMLError as error:
        raise ConfigError(f"{path}: {_problem(error)}") from None
    except yaml.YAMLError:
        raise ConfigError(f"{path}: holds characters that YAML does not allow") from None
    if found is None:
        raise ConfigError(f"{path}: is empty; allowed: a mapping of sections")
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: no mapping at the top; allowed: a mapping of sections")
    return found


class _Mark(Protocol):
    line: int


class _NotPlain(Exception):
    def __init__(self, node: Node | NodeEvent, reason: str) -> None:
        super().__init__(reason)
        self.line = _line(node.start_mark)
        self.reason = reason


class _PlainResolver(BaseResolver):
    """Null, true, false and decimal numbers; everything else is a string."""


_PLAIN = {
    "null": (r"null|Null|NULL|~|", ["n", "N", "~", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    # Thousands may be grouped as 1_000_000; a leading zero, as in 09, makes a string.
    "int": (r"[-+]?(0|[1-9][0-9]{0,2}(_[0-9]{3})+|[1-9][0-9]{0,99})", _DIGITS),
    "float": (
        r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]{1,3})?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        _DIGITS,
    ),
}
for _kind, (_pattern, _first) in _PLAIN.items():
    # PyYAML matches from the start only; the end has to be asked for.
    _PlainResolver.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}", re.compile(rf"(?:{_pattern})\Z"), _first
    )


class _StrictLoader(Reader, Scanner, Parser, Composer, SafeConstructor, _PlainResolver):
    """PyYAML's own parts, joined with a resolver and a composer that are less generous."""

    def __init__(self, content: str) -> None:
        Reader.__init__(self, content)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        SafeConstructor.__init__(self)
        _PlainResolver.__init__(self)
        # Untyped in PyYAML; the annotation says what it gives.
        self._peek: Callable[[], NodeEvent] = self.peek_event
        self._nodes = 0
        self._depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        """One node, unless it is more than plain data, too deep, or one too many."""
        event = self._peek()
        if event.anchor is not None:
            raise _NotPlain(event, "anchors and aliases are not allowed")
        if getattr(event, "tag", None) is not None:
            raise _NotPlain(event, "tags are not allowed")
        self._nodes += 1
        if self._nodes > _MAX_NODES:
            raise _NotPlain(event, f"more than {_MAX_NODES} values")
        if self._depth == _MAX_DEPTH:
            raise _NotPlain(event, f"more than {_MAX_DEPTH} levels deep")
        self._depth += 1
        node: Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, object]:
        """A mapping whose keys are names, none of them twice."""
        first_lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                raise _NotPlain(key, "a key must be a name")
            name = mask_tokens(key.value)
            if key.value in first_lines:
                raise _NotPlain(
                    key, f"{name} is given twice, first in line {first_lines[key.value]}"
                )
            first_lines[key.value] = _line(key.start_mark)
        return super().construct_mapping(node, deep=deep)


def _problem(error: yaml.MarkedYAMLError) -> str:
    # The part before a quoted character or name says what is wrong without repeating the file.
    text = (error.problem or error.context or "no reason given").partition("'")[0]
    reason = mask_tokens(" ".join(text.split())).rstrip(" ,:") or "unexpected text"
    if reason.endswith("expected"):
        # What was expected is quoted, too; what was being read says as much.
        reason = f"{error.context or 'in the document'}: something is missing or not closed"
    line = _line(error.problem_mark or error.context_mark)
    return f"line {line}: not valid YAML: {reason}"


def _line(mark: _Mark | None) -> int:
    return 1 if mark is None else mark.line + 1
