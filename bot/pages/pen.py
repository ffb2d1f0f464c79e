"""How pages write: figures, ages, times and names in one language, and the line on top. Pure."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import ROUND_DOWN, Decimal
from math import isfinite

from msgspec import Struct

from bot.buttons import SHOW, Rows, buttons
from bot.locales import pages_en, pages_ko
from bot.messenger import Button
from bot.paging import GAP, Block, Footing, Line, Page, Part, bold, line, paged
from trader.port import (
    UNKNOWN,
    BlockReason,
    Effective,
    Language,
    LedgerName,
    Mode,
    Origin,
    Transfer,
    explain_block,
    percent,
    quantity,
)
from trader.port import span as span_text
from trader.port import won as won_text

MAX_VALUE_CHARS = 80
MAX_REASON_CHARS = 160
MAX_NAME_CHARS = 32
OLD_NS = 5 * 1_000_000_000
"""An answer older than this when it is shown says so."""

_HANGUL_UNIT = re.compile(r"(\d) ([가-힣])")
_MOST_DIGITS = 20
_EPOCH = datetime.fromtimestamp(0, UTC)
_NS_PER_MS = 1_000_000
_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS

MARKS = {
    Effective.MOCK: "⚪",
    Effective.PAPER: "🔵",
    Effective.LIVE: "🟢",
    Effective.PAUSED: "🟡",
    Effective.SUSPENDED: "🟡",
    Effective.DEMOTED: "🟠",
    Effective.REVOKED: "🔴",
    Effective.HALTED: "🔴",
}


class View(Struct, frozen=True):
    """For whom and when a page is made.

    ``zone`` is the zone of all times, ``now_ns`` this host's UTC. ``instance`` is the mark that the
    buttons of this installation carry; without it there are none. ``command`` is what was asked,
    with its arguments and without the slash, for turning pages. ``effective`` is the state of the
    engine, for the first line of answers that do not carry it; None where it is not known.
    """

    language: Language
    zone: tzinfo
    now_ns: int
    instance: str = ""
    command: str = ""
    effective: Effective | None = None


class Pen:
    """Writes for one view. What is not known is a dash, never a zero."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.words = pages_ko.WORDS if view.language is Language.KO else pages_en.WORDS

    def say(self, key: str, **values: object) -> str:
        """The words of a key, with the values in their places."""
        return self.words[key].format_map(values)

    def name(self, group: str, code: str) -> str:
        """The word for a code, or the code itself where there is none."""
        return self.words.get(f"{group}.{code}", clean(code))

    # Figures.

    def won(self, amount: Decimal | None, *, signed: bool = False) -> str:
        """Whole won with separators; ``signed`` puts a plus before a gain."""
        if amount is None:
            return UNKNOWN
        if is_beyond(amount):
            return f"{amount:.2e} ₩"
        return won_text(amount, signed=signed)

    def percent(self, value: Decimal | None, *, signed: bool = False, places: int = 2) -> str:
        """A value that is already in percent."""
        if value is None:
            return UNKNOWN
        if is_beyond(value):
            return f"{value:.2e} %"
        return percent(value, places, signed=signed)

    def quantity(
        self, value: Decimal | float | None, unit: str = "", *, signed: bool = False
    ) -> str:
        """Every digit that counts, and the unit; ₩ for KRW."""
        if value is None:
            return UNKNOWN
        exact = value if isinstance(value, Decimal) else Decimal(repr(value))
        text = f"{exact:.2e}" if is_beyond(exact) else quantity(exact)
        if signed and exact.is_finite() and exact > 0:
            text = f"+{text}"
        shown = "₩" if unit == "KRW" else clean(unit, MAX_NAME_CHARS)
        return f"{text} {shown}".rstrip()

    def average(self, price: Decimal | float | None, unit: str = "") -> str:
        """A price that was calculated, to nine digits or so; no book has more."""
        if price is None:
            return UNKNOWN
        exact = price if isinstance(price, Decimal) else Decimal(repr(price))
        if exact.is_finite() and exact and not is_beyond(exact):
            exact = round(exact, min(max(0, 8 - exact.adjusted()), _MOST_DIGITS))
        return self.quantity(exact, unit)

    def holding(self, value: Decimal, asset: str) -> str:
        """A holding to nine digits or so, never rounded up; won in whole ones."""
        if not value.is_finite() or is_beyond(value):
            return self.quantity(value)
        places = 0 if asset == "KRW" else max(0, min(8, 8 - max(value.adjusted(), 0)))
        return self.quantity(value.quantize(Decimal(1).scaleb(-places), ROUND_DOWN))

    def count(self, number: int | None) -> str:
        """A count with separators."""
        return UNKNOWN if number is None else f"{number:,}"

    # Times.

    def lasting(self, milliseconds: float | None) -> str:
        """A duration in words, two units at most: ``1.2 s``, ``3 min 5 s``, ``2 d 4 h``."""
        if milliseconds is None or not isfinite(milliseconds) or milliseconds < 0:
            return UNKNOWN
        if milliseconds >= 2 * _DAY_MS:
            days, rest = divmod(int(milliseconds), _DAY_MS)
            return self.say("days", days=f"{days:,}", hours=rest // _HOUR_MS)
        words = span_text(milliseconds, self.view.language).split(" ")
        if words[2:3] == ["0"]:
            words = words[:2]
        # Hangul follows its figure at once, Latin letters keep their distance.
        return _HANGUL_UNIT.sub(r"\1\2", " ".join(words))

    def between(self, from_ns: int | None, to_ns: int | None) -> str:
        """How long from one instant to another."""
        if from_ns is None or to_ns is None:
            return UNKNOWN
        return self.lasting(max(to_ns - from_ns, 0) / _NS_PER_MS)

    def held(self, from_ns: int, origin: Origin) -> str:
        """How long something stands; in mock since when, as its market has a clock of its own."""
        if origin.mode is Mode.MOCK:
            return self.say("held.since", at=self.clock(from_ns, origin.at_ns))
        return self.say("held", age=self.between(from_ns, origin.at_ns))

    def clock(self, at_ns: int | None, near_ns: int | None = None) -> str:
        """A time with its zone, and its date where that is not the day of ``near_ns``."""
        at = self._local(at_ns)
        near = self._local(self.view.now_ns if near_ns is None else near_ns)
        if at is None:
            return UNKNOWN
        is_near = near is not None and at.date() == near.date()
        return at.strftime("%H:%M:%S %Z" if is_near else "%m-%d %H:%M %Z")

    def brief(self, at_ns: int | None) -> str:
        """Date and time without the zone, for rows under a title that names it."""
        at = self._local(at_ns)
        return UNKNOWN if at is None else at.strftime("%m-%d %H:%M")

    def zone_name(self, near_ns: int) -> str:
        """The abbreviation of the zone."""
        at = self._local(near_ns)
        return "" if at is None else at.strftime("%Z")

    def _local(self, at_ns: int | None) -> datetime | None:
        if at_ns is None:
            return None
        try:
            return (_EPOCH + timedelta(microseconds=at_ns // 1_000)).astimezone(self.view.zone)
        except (OverflowError, ValueError):
            return None

    # Names.

    def reason(self, reason: str) -> str:
        """Why authority was lowered: a code in words, or what a person gave as the reason."""
        if reason in BlockReason.__members__.values():
            return explain_block(BlockReason(reason), self.view.language).sentence
        return self.words.get(f"latch.{reason}", clean(reason, MAX_REASON_CHARS))

    def ledger(self, ledger: LedgerName) -> str:
        """Whose money it is."""
        return self.words[f"ledger.{ledger}"]

    def book(self, ledger: LedgerName) -> str:
        """A ledger as a title."""
        return self.words[f"ledger.title.{ledger}"]

    def route(self, direction: str) -> str:
        """A direction in words; what is no direction stays as it is."""
        sold, arrow, bought = clean(direction, 2 * MAX_NAME_CHARS).partition(">")
        return self.say("route", sold=sold, bought=bought) if arrow else sold

    def transfer(self, moved: Transfer) -> str:
        """What must be moved, from where to where."""
        return self.say(
            "transfer",
            amount=self.quantity(moved.amount, moved.asset),
            from_venue=clean(moved.from_venue, MAX_NAME_CHARS),
            to_venue=clean(moved.to_venue, MAX_NAME_CHARS),
        )

    # What every page has.

    def headline(self, origin: Origin, effective: Effective | None = None) -> Line:
        """Engine, effective state and mode, as far as the latter says something else."""
        state = effective or self.view.effective
        engine = clean(origin.engine, MAX_NAME_CHARS) or UNKNOWN
        if state is None:
            return line(bold(f"{engine} · {self.say('mode', mode=origin.mode.value)}"))
        if state is Effective.PAPER and origin.mode is Mode.LIVE:
            mark, shown = "🟡", self.say("state.shut")
        else:
            mark, shown = MARKS[state], self.words[f"state.{state}"]
            if state.value != origin.mode.value:
                shown = self.say("state.mode", state=shown, mode=origin.mode.value)
        return line(f"{mark} ", bold(f"{engine} · {shown}"))

    def taken(self, origin: Origin, *, apart: bool = True) -> Block:
        """When the figures were taken, and how old they are if that matters."""
        at = self.clock(origin.at_ns, origin.at_ns)
        if self.view.now_ns - origin.at_ns > OLD_NS:
            at = self.say("taken.old", at=at, age=self.between(origin.at_ns, self.view.now_ns))
        shown = line(f"🕘 {at}")
        return Block((GAP, shown) if apart else (shown,))

    def care(self, sentence: str, mend: str = "") -> tuple[Line, ...]:
        """What needs a person, and below it what that person can do."""
        told = line("⚠️ ", bold(sentence))
        return (told, line(f"→ {mend}")) if mend else (told,)

    def title(self, key: str, **values: object) -> Line:
        """A line in bold over what follows."""
        return line(bold(self.say(key, **values)))

    def more(self, count: int) -> tuple[Block, ...]:
        """What was left out, if anything was."""
        if count <= 0:
            return ()
        return (Block((GAP, line(self.say("more", count=self.count(count))))),)

    def refresh(self, command: str) -> tuple[Button, ...]:
        """The button that asks for the same again."""
        asked = self.view.command or command
        return buttons(self.words["button.refresh"], SHOW, self.view.instance, f"1 {asked}")

    def page(
        self,
        command: str,
        head: Line,
        blocks: Sequence[Block],
        standing: Rows = (),
    ) -> Page:
        """The blocks as messages; ``standing`` are the buttons under each of them."""
        footing = Footing(self.view.command or command, self.view.instance, standing)
        return paged(head, blocks, footing)


def is_beyond(value: Decimal) -> bool:
    """Whether a figure has more digits than anybody could read."""
    return value.is_finite() and value != 0 and value.adjusted() > _MOST_DIGITS


def clean(raw: str, most: int = MAX_VALUE_CHARS) -> str:
    """What others wrote, as one line of printable text, cut where it is long."""
    printable = "".join(sign if sign.isprintable() else " " for sign in raw[: 8 * most])
    text = " ".join(printable.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def joined(*parts: str | Part) -> Line:
    """Parts with a dot between them; empty ones are left out."""
    found: list[Part] = []
    for part in parts:
        one = part if isinstance(part, Part) else Part(part)
        if one.text:
            found += [Part(" · "), one] if found else [one]
    return tuple(found)
