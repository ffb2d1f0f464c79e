"""An alert made of a fact: its key, and its fields by their names. Pure, no memory."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import asdict

from trader.domain.control import Alert, AlertCode, Severity
from trader.domain.facts import Fact
from trader.texts import SEPARATOR
from trader.texts.listing import spelled

_NS_PER_MS = 1_000_000
# An alert has a time of its own; these are for comparing commands.
_UNTOLD_FIELDS = frozenset({"at_ns", "host_ns", "written_ns"})


def told(
    fact: Fact,
    code: AlertCode,
    severity: Severity,
    subject: str = "",
    extra: Mapping[str, object] | None = None,
    *,
    key: str = "",
    lasting: bool = False,
    clears: bool = False,
) -> Alert:
    """An alert about ``fact``, under the key of its code and subject where none is given."""
    return Alert(
        code,
        severity,
        key or f"{code}:{subject}",
        fact.at_ns,
        _fields(fact, extra or {}),
        clears=clears,
        lasting=lasting,
    )


def over(
    fact: Fact, code: AlertCode, subject: str, extra: Mapping[str, object] | None = None
) -> Alert:
    """A condition is over: the alert that clears it, which does not sound."""
    return told(fact, code, Severity.INFO, subject, extra, clears=True)


def _fields(fact: Fact, extra: Mapping[str, object]) -> dict[str, str]:
    fields = {}
    for name, value in {**asdict(fact), **extra}.items():
        # What is not known is left out, so that its line is, too; a nested record is no figure.
        if name in _UNTOLD_FIELDS or value in (None, "", ()) or isinstance(value, Struct):
            continue
        fields[name] = _text(value)
    return fields


def _text(value: object) -> str:
    if not isinstance(value, tuple):
        return str(value)
    is_list = isinstance(value[0], Struct)
    return spelled(value) if is_list else SEPARATOR.join(value)


def milliseconds(nanoseconds: int) -> int:
    """A span in milliseconds; one that runs backwards is none."""
    return max(nanoseconds, 0) // _NS_PER_MS
