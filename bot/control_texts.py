"""What the controls say: replies of the engine, questions before an act, short notes. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime

from bot.buttons import Rows
from bot.locales import control_en, control_ko, sender_words
from bot.messenger import OutMessage
from bot.pages.pen import Pen, View, clean
from bot.paging import MAX_UNITS, Line, bold, code, cut, html_of, line, plain_of, units
from trader.port import (
    Effective,
    Language,
    LedgerName,
    Reply,
    ReplyCode,
    Severity,
    StatusAnswer,
    explain_reply,
)

_C = ReplyCode
_NS_PER_S = 1_000_000_000
_MOST_CHARS = 300

SINCE = frozenset(
    {
        _C.RESUMED_SINCE,
        _C.LIFTED_SINCE,
        _C.LIVE_SINCE,
        _C.PAUSED_SINCE,
        _C.HALTED_SINCE,
        _C.DEMOTED_SINCE,
    }
)
"""Nothing was done, since a newer act is on record."""
_OPEN = frozenset({_C.HALTED, _C.ALREADY_HALTED, _C.HALT_IS_STRICTER})
_LIVE = frozenset({_C.DEMOTED, _C.DEMOTED_GUARDED, _C.DEMOTED_UNGUARDED, _C.ALREADY_PAPER})
_TRADES = frozenset({_C.CLOSING, _C.ALREADY_CLOSING, _C.CHANGED_SINCE})
_PAUSES = frozenset(
    {
        _C.PAUSED,
        _C.PAUSE_CHANGED,
        _C.ALREADY_PAUSED,
        _C.PAUSE_OVER,
        _C.RESUMED,
        _C.NOT_PAUSED,
        _C.AUTHORITY_CHANGED,
        _C.HALT_LIFTED,
        _C.PAUSE_LIFTED,
        _C.NOTHING_TO_LIFT,
    }
)
_MARKS = (
    (_OPEN, "🛑"),
    (_LIVE, "🟠"),
    (frozenset({_C.PAUSED, _C.PAUSE_CHANGED, _C.ALREADY_PAUSED}), "⏸"),
    (frozenset({_C.RESUMED, _C.PAUSE_LIFTED, _C.HALT_LIFTED}), "▶️"),
    (frozenset({_C.CLOSING, _C.ALREADY_CLOSING}), "🧹"),
    (frozenset({_C.NOT_PAUSED, _C.NOTHING_TO_LIFT, _C.NOTHING_OPEN, _C.NOT_OPEN}), "ℹ️"),
)
_REFUSED = "✋"


class Tongue:
    """The controls' words in one language, beside a pen for figures and times."""

    def __init__(self, view: View) -> None:
        self.pen = Pen(view)
        self.language = view.language
        self.instance = view.instance
        self._words = control_ko.WORDS if view.language is Language.KO else control_en.WORDS

    def say(self, key: str, **values: object) -> str:
        """The words of a key, with the values in their places."""
        return self._words[key].format_map(values)

    def kind(self, alert_code: str) -> str:
        """A kind of alert in words."""
        return sender_words(self.language).kinds.get(alert_code, clean(alert_code))

    def scope(self, scope: str) -> str:
        """A venue, a pair, or everything."""
        return clean(scope) if scope else self.say("pause.all")

    def ledger(self, name: str) -> str:
        """Whose money it is."""
        is_known = name in LedgerName.__members__.values()
        return self.pen.ledger(LedgerName(name)) if is_known else clean(name)

    def lasting(self, duration_ns: int) -> str:
        """A duration in words."""
        return self.pen.lasting(max(duration_ns, 0) / 1_000_000)


def message(
    lines: Sequence[Line], *, standing: Rows = (), severity: Severity = Severity.INFO
) -> OutMessage:
    """One message of these lines, the last of them left out where they are too many.

    A person who just asked is looking, so it makes no sound but as a warning and above.
    """
    kept = list(lines)
    while len(kept) > 1 and units(plain_of(kept)) > MAX_UNITS:
        kept.pop()
    return OutMessage(
        html_of(kept), plain_of(kept), severity is Severity.INFO, severity, buttons=standing
    )


def short(sentence: str, *more: str) -> OutMessage:
    """A sentence, and what there is to add to it."""
    return message([line(cut(sentence, MAX_UNITS // 2)), *(line(one) for one in more if one)])


def late(tongue: Tongue, age_ns: int, *, acted: bool = True) -> tuple[Line, ...]:
    """How late a command acted, in a line; none where it was fresh, which is an age of 0."""
    if age_ns <= 0:
        return ()
    return (line(tongue.say("late" if acted else "late.not", age=tongue.lasting(age_ns))),)


def reply_message(
    reply: Reply, engine: str, tongue: Tongue, age_ns: int = 0, guard: str = ""
) -> OutMessage:
    """What a command led to, as the engine says it. ``age_ns`` is how late it was, 0 if it was not.

    ``guard`` is what guards the live positions that remain, where the engine's words do not say it.
    """
    lines = [
        line(f"{_mark(reply)} ", bold(_sentence(reply, tongue))),
        line(_where(reply, engine, tongue)),
        *_since(reply, tongue),
        *late(tongue, age_ns, acted=reply.code not in SINCE),
        *_details(reply, tongue),
    ]
    if guard and reply.details:
        lines.append(line(guard))
    is_scoped_rest = reply.code in {_C.RESUMED, _C.NOT_PAUSED} and reply.level == "HALT"
    if is_scoped_rest:
        lines.append(line(tongue.say("halt.lift")))
    if reply.at_ns:
        lines.append(line(tongue.say("taken", at=tongue.pen.clock(reply.at_ns))))
    return message(lines)


def unknown_message(tongue: Tongue, what: str, *, is_halt: bool = False) -> OutMessage:
    """Nothing is known of what a command led to; what to look at."""
    mend = tongue.say("unknown.halt" if is_halt else "unknown.mend")
    return message(
        [line("❔ ", bold(tongue.say("unknown", what=clean(what)))), line(f"→ {mend}")],
        severity=Severity.CRITICAL if is_halt else Severity.WARNING,
    )


def silent_message(tongue: Tongue) -> OutMessage:
    """The engine could not be asked, so nothing was done."""
    return message(
        [line("❔ ", bold(tongue.say("silent"))), line(f"→ {tongue.say('silent.mend')}")],
        severity=Severity.WARNING,
    )


def guard_of(status: StatusAnswer, tongue: Tongue) -> str:
    """What guards the live positions that remain."""
    match status.effective:
        case Effective.DEMOTED:
            return tongue.say("guard.demoted")
        case Effective.HALTED:
            return tongue.say("guard.halted")
        case _:
            return tongue.say("guard.none")


def standing_of(status: StatusAnswer) -> str:
    """What is permitted, for records: ``LIVE r7, paused: all, upbit``."""
    return _standing(status.level, status.revision, [one.scope or "all" for one in status.pauses])


def standing_after(reply: Reply) -> str:
    """The same after a command."""
    scopes = list(reply.details) if reply.code in _PAUSES else ["all"] * reply.paused
    return _standing(reply.level, reply.revision, scopes)


def _standing(level: str, revision: int, scopes: Sequence[str]) -> str:
    paused = f", paused: {', '.join(scopes)}" if scopes else ""
    return f"{level} r{revision}{paused}"


def _mark(reply: Reply) -> str:
    return next((mark for codes, mark in _MARKS if reply.code in codes), _REFUSED)


def _sentence(reply: Reply, tongue: Tongue) -> str:
    if reply.code is None:
        return clean(reply.note, _MOST_CHARS)
    sentence = explain_reply(reply.code, tongue.language)
    if reply.code is _C.SCOPE_UNKNOWN:
        allowed = clean(", ".join(reply.details), _MOST_CHARS)
        sentence = tongue.say("allowed", sentence=sentence, allowed=allowed)
    return sentence[:1].upper() + sentence[1:]


def _where(reply: Reply, engine: str, tongue: Tongue) -> str:
    levels = ("HALT", "PAPER", "LIVE")
    level = tongue.say(f"level.{reply.level}") if reply.level in levels else clean(reply.level)
    return tongue.say(
        "where",
        engine=clean(engine),
        mode=clean(reply.mode),
        ledger=tongue.ledger(reply.ledger),
        level=level,
        revision=reply.revision,
    )


def _since(reply: Reply, tongue: Tongue) -> tuple[Line, ...]:
    if reply.changed or not reply.since_ns:
        return ()
    at = tongue.pen.clock(reply.since_ns)
    if reply.code in SINCE and reply.details:
        return (line(tongue.say("since.by", by=clean(reply.details[0]), at=at)),)
    return (line(tongue.say("since", at=at)),)


def _details(reply: Reply, tongue: Tongue) -> tuple[Line, ...]:
    found, details = reply.code, reply.details
    if found in _OPEN:
        return _listed("open", details, tongue)
    if found in _LIVE:
        return _listed("live", details, tongue)
    if found in _PAUSES:
        return _pauses(details, tongue)
    if found is _C.LOSS_GREW and details:
        return (line(tongue.say("now", result=clean(details[0]))),)
    if found is _C.CLOSINGS_REVOKED and details:
        return _listed("hand", details, tongue)
    if found in _TRADES and details:
        return _listed("trades", details, tongue)
    return ()


def _listed(key: str, details: Sequence[str], tongue: Tongue) -> tuple[Line, ...]:
    if not details:
        return (line(tongue.say(f"{key}.none")),)
    return (line(bold(tongue.say(key))), *(_row(one, tongue) for one in details))


def _row(detail: str, tongue: Tongue) -> Line:
    """A trade or an order, the ledger it begins with in words."""
    if detail.startswith("+"):
        return line(tongue.pen.say("more", count=clean(detail[1:])))
    first, _, rest = detail.partition(" ")
    if first.lower() not in LedgerName.__members__.values():
        return line(code(clean(detail, _MOST_CHARS)))
    return line(f"{tongue.ledger(first.lower())} ", code(clean(rest, _MOST_CHARS)))


def _pauses(details: Sequence[str], tongue: Tongue) -> tuple[Line, ...]:
    if not details:
        return (line(tongue.say("pauses.none")),)
    return (
        line(bold(tongue.say("pauses"))),
        *(line(f"• {_pause(one, tongue)}") for one in details),
    )


def _pause(detail: str, tongue: Tongue) -> str:
    scope, _, until = detail.partition(" until ")
    shown = tongue.scope("" if scope == "all" else scope)
    if not until:
        return shown
    try:
        at = datetime.strptime(until, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return clean(detail)
    until_ns = int(at.timestamp()) * _NS_PER_S
    return tongue.say("pause.until", scope=shown, at=tongue.pen.clock(until_ns))
