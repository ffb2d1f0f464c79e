"""The sections of a summary: its figures as lines of text, in one language. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from bot.locales import summary_en, summary_ko
from trader.port import (
    BreakerCode,
    Care,
    CommandNote,
    Language,
    LedgerName,
    LedgerSummary,
    Mode,
    SummaryFigures,
    TradeResult,
    explain_breaker,
    number,
    percent,
    quantity,
    span,
    won,
)

_MAX_VALUE_CHARS = 80
_MAX_REASON_CHARS = 120
_MAX_CARES = 8
_MAX_LISTED = 6
_MAX_BLOCKS = 4
_EPOCH = datetime.fromtimestamp(0, UTC)


class SummaryKind(StrEnum):
    """How much time a summary covers: a day, an ISO week, a month of the calendar."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class Line(Struct, frozen=True):
    """One line of a message, without markup."""

    text: str
    is_title: bool = False


def words_of_summary(language: Language) -> Mapping[str, str]:
    """The words of a language, by stable names that both languages have."""
    return summary_ko.WORDS if language is Language.KO else summary_en.WORDS


def own_first(figures: SummaryFigures) -> tuple[LedgerSummary, LedgerSummary]:
    """Both ledgers, the one this mode's money is in first."""
    if _own(figures) is LedgerName.LIVE:
        return figures.live, figures.paper
    return figures.paper, figures.live


class Sections:
    """The sections of one summary, each empty where there is nothing to say."""

    def __init__(self, figures: SummaryFigures, language: Language, zone: tzinfo) -> None:
        self._figures = figures
        self._language = language
        self._zone = zone
        self.words = words_of_summary(language)

    def title(self, kind: SummaryKind, *, running: bool) -> str:
        """What it is and which days it covers."""
        first = self._local(self._figures.from_ns)
        last = self._local(self._figures.to_ns - 1)
        if kind is SummaryKind.DAILY:
            weekday = self.words["weekdays"].split()[first.weekday()]
            period = f"{first:%Y-%m-%d} ({weekday})"
        elif kind is SummaryKind.WEEKLY:
            week = first.isocalendar()
            period = f"{week.year}-W{week.week:02d} ({first:%m-%d} – {last:%m-%d})"
        else:
            period = f"{first:%Y-%m}"
        title = self._say(f"title.{kind}", period=period)
        return self._say("title.running", title=title) if running else title

    def head(self, *, late: bool) -> Iterator[Line]:
        """Whose figures, which market's time, and whether it comes late."""
        figures = self._figures
        yield Line(self._say("engine", engine=plain(figures.engine), mode=figures.mode.value))
        if figures.mode is Mode.LIVE:
            blocks = _joined([block.value for block in figures.blocks], _MAX_BLOCKS)
            gate = "gate.open" if figures.is_live else "gate.shut"
            yield Line(self._say(gate, blocks=blocks or "–"))
        if figures.is_simulated:
            from_at, to_at = (
                self._minute(figures.market_from_ns),
                self._minute(figures.market_to_ns),
            )
            yield Line(self._say("simulated", from_at=from_at, to_at=to_at))
        if late:
            yield Line(f"⏰ {self._say('late')}")

    def cares(self) -> Iterator[Line]:
        """What a person should look at, the most urgent first."""
        cares = self._figures.cares
        yield from self._titled("⚠️" if cares else "✅", "care" if cares else "care.none")
        for care in cares[:_MAX_CARES]:
            yield Line(f"• {self._care(care)}")
        yield from self._more(len(cares[_MAX_CARES:]) + self._figures.cares_left_out)

    def ledgers(self) -> Iterator[Line]:
        """Each ledger by itself, the mode's own first; the other one only if it moved."""
        own = _own(self._figures)
        for ledger in own_first(self._figures):
            if ledger.ledger is own or not ledger.is_idle:
                yield from self._ledger(ledger)

    def refusals(self) -> Iterator[Line]:
        """How often each check refused."""
        refusals = self._figures.refusals
        if not refusals:
            return
        yield from self._titled("🛑", "refusals")
        for refusal in refusals[:_MAX_LISTED]:
            count = f"{refusal.count:,}"
            yield Line(f"• {self._say('refusal', check=refusal.check.value, count=count)}")
        yield from self._more(len(refusals[_MAX_LISTED:]))

    def breakers(self) -> Iterator[Line]:
        """Which circuit breakers tripped."""
        breakers = self._figures.breakers
        if not breakers:
            return
        yield from self._titled("⛔", "breakers")
        for note in breakers[-_MAX_LISTED:]:
            line = self._say(
                "breaker",
                at=self._minute(note.at_ns),
                ledger=self.words[f"ledger.{note.ledger}"],
                breaker=plain(note.breaker),
                subject=plain(note.subject),
            )
            yield Line(f"• {line}")
        yield from self._more(len(breakers[:-_MAX_LISTED]) + self._figures.breakers_left_out)

    def running(self) -> Iterator[Line]:
        """How feeds, loop, process and alerts did."""
        told = [*self._machinery(), *self._alerts()]
        if told:
            yield from self._titled("🩺", "running")
            yield from (Line(text) for text in told)

    def commands(self) -> Iterator[Line]:
        """Who commanded what, the newest last."""
        notes = self._figures.commands
        if not notes:
            return
        yield from self._titled("👤", "commands")
        for note in notes[-_MAX_LISTED:]:
            yield Line(f"• {self._command(note)}")
        yield from self._more(len(notes[:-_MAX_LISTED]) + self._figures.commands_left_out)

    def _ledger(self, ledger: LedgerSummary) -> Iterator[Line]:
        past, now = ledger.span, ledger.now
        yield from self._titled("💰", f"ledger.{ledger.ledger}")
        change = past.unrealised_change_krw
        total = None if change is None else past.realised_krw + change
        yield self._money("pnl", total=total, realised=past.realised_krw, unrealised=change)
        yield self._money("realised", prices=past.prices_krw, fees=-past.fees_krw)
        if past.stop_losses or past.stop_loss_krw:
            pnl = won(past.stop_loss_krw, signed=True)
            yield Line(self._say("stop_losses", count=f"{past.stop_losses:,}", pnl=pnl))
        yield from self._trades(ledger)
        if past.equity_first_krw is not None and past.equity_last_krw is not None:
            first, last = won(past.equity_first_krw), won(past.equity_last_krw)
            fall = won(past.drawdown_krw)
            yield Line(self._say("equity", first=first, last=last, drawdown=fall))
        if now.open_trades or now.exposure_krw:
            yield Line(
                self._say(
                    "exposure",
                    open=f"{now.open_trades:,}",
                    exposure=won(now.exposure_krw),
                    unrealised=won(now.unrealised_krw, signed=True),
                )
            )
        if past.exposure_worst_krw:
            yield Line(self._say("exposure.worst", worst=won(past.exposure_worst_krw)))

    def _trades(self, ledger: LedgerSummary) -> Iterator[Line]:
        past = ledger.span
        if not (past.opened or past.closed):
            yield Line(self._say("no_trades"))
            return
        line = self._say("trades", opened=f"{past.opened:,}", closed=f"{past.closed:,}")
        rate = past.win_rate_pct
        if rate is not None:
            line += self._say("wins", wins=f"{past.wins:,}", rate=percent(rate, 1))
        yield Line(line)
        if past.best is not None:
            yield self._result("best", past.best)
        # One trade is the best and the worst at once; once is enough to say it.
        if past.worst is not None and past.closed > 1:
            yield self._result("worst", past.worst)

    def _result(self, name: str, result: TradeResult) -> Line:
        direction = self._direction(result.direction)
        trade = self._say("trade", pair=plain(result.pair), direction=direction)
        return Line(self._say(name, pnl=won(result.pnl_krw, signed=True), trade=trade))

    def _machinery(self) -> Iterator[str]:
        figures = self._figures
        feeds, loop = figures.feeds, figures.loop
        if feeds.stale:
            line = self._say("feeds", count=f"{feeds.stale:,}")
            if feeds.longest_ms is not None:
                longest, instrument = self._span(feeds.longest_ms), plain(feeds.longest_instrument)
                line += self._say("feeds.longest", longest=longest, instrument=instrument)
            yield line
        if loop.latency_ms is not None:
            line = self._say("loop", latency=self._span(loop.latency_ms))
            if loop.lag_ms is not None:
                line += self._say("loop.lag", lag=self._span(loop.lag_ms))
            if loop.since_ns is not None:
                line += self._say("loop.since", at=self._minute(loop.since_ns))
            yield line
        if figures.starts:
            yield self._say("starts", count=f"{figures.starts:,}")
        if figures.faults:
            yield self._say("faults", count=f"{figures.faults:,}")

    def _alerts(self) -> Iterator[str]:
        alerts = self._figures.alerts
        if not (alerts.created or alerts.sent or alerts.waiting or alerts.unacknowledged):
            return
        line = self._say(
            "alerts",
            created=f"{alerts.created:,}",
            sent=f"{alerts.sent:,}",
            late=f"{alerts.late:,}",
            unacknowledged=f"{alerts.unacknowledged:,}",
        )
        if alerts.folded:
            line += self._say("alerts.folded", count=f"{alerts.folded:,}")
        if alerts.waiting:
            line += self._say("alerts.waiting", count=f"{alerts.waiting:,}")
        yield line

    def _command(self, note: CommandNote) -> str:
        # What lifting a halt leaves behind is a latch at paper; its reason tells it apart.
        lifted = note.action == "authority paper" and note.reason == "HALT_LIFTED"
        action = self.words.get("action.lifted" if lifted else f"action.{note.action}")
        line = self._say(
            "command",
            at=self._minute(note.at_ns),
            action=plain(note.action) if action is None else action,
            by=plain(note.by) or "–",
        )
        if note.reason and not lifted:
            line += self._say("command.reason", reason=plain(note.reason, _MAX_REASON_CHARS))
        return line

    def _care(self, care: Care) -> str:
        shown = {"mend": "", "age": "", "reason": "–", "by": "–"}
        for name, raw in care.fields.items():
            value = number(raw)
            if name == "age_ms" and value is not None:
                shown["age"] = self._say("age", age=self._span(float(value)))
            elif name == "ledger":
                shown[name] = self.words.get(f"ledger.{raw}", plain(raw))
            elif name == "direction":
                shown[name] = self._direction(raw)
            elif name in ("amount", "count", "free_mb") and value is not None:
                shown[name] = quantity(value)
            else:
                shown[name] = plain(raw)
        if shown.get("breaker") in BreakerCode.__members__:
            shown["mend"] = explain_breaker(BreakerCode[shown["breaker"]], self._language).mend
        return self.words[f"care.{care.code}"].format_map(_Dashed(shown)).strip()

    def _direction(self, direction: str) -> str:
        sold, arrow, bought = plain(direction).partition(">")
        return self._say("direction", sold=sold, bought=bought) if arrow else sold

    def _titled(self, mark: str, name: str) -> Iterator[Line]:
        yield Line("")
        yield Line(f"{mark} {self.words[name]}", is_title=True)

    def _more(self, count: int) -> Iterator[Line]:
        if count:
            yield Line(self._say("more", count=f"{count:,}"))

    def _money(self, name: str, **amounts: Decimal | None) -> Line:
        shown = {
            field: "–" if amount is None else won(amount, signed=True)
            for field, amount in amounts.items()
        }
        return Line(self.words[name].format_map(shown))

    def _say(self, name: str, **fields: str) -> str:
        return self.words[name].format_map(fields)

    def _span(self, milliseconds: float) -> str:
        return span(milliseconds, self._language)

    def _minute(self, at_ns: int) -> str:
        return f"{self._local(at_ns):%Y-%m-%d %H:%M}"

    def _local(self, at_ns: int) -> datetime:
        return (_EPOCH + timedelta(microseconds=at_ns // 1_000)).astimezone(self._zone)


class _Dashed(dict[str, str]):
    """Fields of a text; one that is not known shows as a dash."""

    def __missing__(self, key: str) -> str:
        return "–"


def _own(figures: SummaryFigures) -> LedgerName:
    return LedgerName.LIVE if figures.mode is Mode.LIVE else LedgerName.PAPER


def _joined(items: Sequence[str], most: int) -> str:
    rest = len(items) - most
    return ", ".join(items[:most]) + (f" +{rest}" if rest > 0 else "")


def plain(raw: str, most: int = _MAX_VALUE_CHARS) -> str:
    """What others wrote, as one line of printable text, cut where it is long."""
    # What others wrote may hold anything; one line of printable text is all a phone needs.
    printable = "".join(char if char.isprintable() else " " for char in raw)
    text = " ".join(printable.split())
    return text if len(text) <= most else text[: most - 1] + "…"
