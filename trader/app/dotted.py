"""Classes that the config names by dotted path: found, and spoken of in one line when they are not.

A user's module may fail in any way there is; none of them may look like ours.
"""

import importlib
import sysconfig
from collections.abc import Callable, Iterable
from pathlib import Path
from traceback import walk_tb
from typing import Any

from trader.domain.errors import ConfigError

_ALLOWED = "allowed: a dotted path to a class that can be imported, such as package.module.Class"
_LIBRARY = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), "<frozen"})


def class_at(key: str, path: str) -> Callable[..., Any]:
    """What stands at ``path``, imported; ``key`` is the setting that names it.

    Raises:
        ConfigError: it cannot be imported, or is nothing that could be constructed.
    """
    module_name, _, class_name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except Exception as error:
        raise ConfigError(f"{key} is {path}: {said(error)}; {_ALLOWED}") from error
    if not callable(found):
        raise ConfigError(f"{key} is {path}: it is no class; {_ALLOWED}")
    factory: Callable[..., Any] = found
    return factory


def demand_members(key: str, path: str, made: object, names: Iterable[str], protocol: str) -> None:
    """Refuse what was constructed unless it has these members.

    Raises:
        ConfigError: some are missing; all of them are named.
    """
    missing = []
    for name in names:
        try:
            getattr(made, name)
        except AttributeError:
            missing.append(name)
        except Exception as error:
            raise ConfigError(f"{key} is {path}: its {name} failed: {said(error)}") from error
    if missing:
        raise ConfigError(
            f"{key} is {path}: it has no {', '.join(missing)}; allowed: a class with the members of"
            f" {protocol}"
        )


def said(error: BaseException) -> str:
    """An error in one line: its type and what it says."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def broke(error: BaseException) -> str:
    """An error by its type and the line it was raised on, and not by its text.

    The text may hold whatever the code was working with, a key among it. The line is the user's,
    where the error came up in a library.
    """
    kind = type(error).__name__
    frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    if not frames:
        return kind
    theirs = [one for one in frames if not one[0].startswith(_LIBRARY)] or frames
    file, line = theirs[-1]
    return f"{kind} in {Path(file).name}:{line}"
