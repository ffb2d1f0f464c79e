"""What is shown before risk is raised or money is closed, with the button that does it. Pure."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from msgspec import Struct

from bot.buttons import CLOSE, buttons, rows
from bot.control_memory import OneTime
from bot.control_texts import Tongue, message
from bot.messenger import OutMessage
from bot.pages.pen import MAX_REASON_CHARS, clean
from bot.paging import GAP, Line, bold, code, line
from trader.port import (
    ImpactAnswer,
    ImpactLeg,
    ImpactLine,
    LedgerName,
    Mode,
    PauseView,
    PositionsAnswer,
    StatusAnswer,
    explain_block,
)

CONFIRM = "confirm"
"""The verb of a one-time button; its argument is the token."""
RESUME = "resume"
FLATTEN = "flatten"

MAX_TRADES = 6
MAX_BLOCKS = 3
MAX_LISTED = 10
_HUNDRED = Decimal(100)


class Lifting(Struct, frozen=True):
    """What a resume would do: to what stands it may be none of these."""

    halt: bool
    pauses: tuple[PauseView, ...]
    kept: tuple[PauseView, ...]

    def __bool__(self) -> bool:
        return self.halt or bool(self.pauses)


def lifting(status: StatusAnswer, scope: str) -> Lifting:
    """What a resume of a scope, empty for everything, would lift of what stands.

    A halt is lifted together with the pause of everything; those of a venue or a pair outlast it.
    """
    is_halted = status.level == "HALT"
    if scope:
        lifted = [one for one in status.pauses if one.scope == scope]
    else:
        lifted = [one for one in status.pauses if not (is_halted and one.scope)]
    kept = tuple(one for one in status.pauses if one not in lifted)
    return Lifting(is_halted and not scope, tuple(lifted), kept)


def state_mark(status: StatusAnswer) -> str:
    """What a resume is bound to: authority and the pauses, each by when it began."""
    pauses = (f"{one.scope}@{one.since_ns}-{one.until_ns}" for one in status.pauses)
    return " ".join((status.level, f"r{status.revision}", *pauses))


def resume_question(
    status: StatusAnswer, scope: str, one: OneTime, tongue: Tongue, *, again: bool = False
) -> OutMessage:
    """What a resume would lift, and what would go then; with its button."""
    what = lifting(status, scope)
    lines = [
        *_again(tongue, again=again),
        line("▶️ ", bold(tongue.say("ask.resume"))),
        tongue.pen.headline(status.origin, status.effective),
    ]
    if what.halt:
        by = clean(status.latch_by, MAX_REASON_CHARS)
        at = tongue.pen.clock(status.latch_ns)
        lines.append(line(f"• {tongue.say('ask.resume.halt', by=by, at=at)}"))
    for pause in what.pauses[:MAX_LISTED]:
        words = tongue.say(
            "ask.resume.pause",
            scope=tongue.scope(pause.scope),
            by=clean(pause.by),
            at=tongue.pen.clock(pause.since_ns),
        )
        lines.append(line(f"• {words}"))
    lines += [
        line(f"• {tongue.say('ask.resume.kept', scope=tongue.scope(pause.scope))}")
        for pause in what.kept[:MAX_LISTED]
    ]
    lines += [line(tongue.say(_then(status, what))), _valid(one, tongue)]
    return _asking(lines, tongue.say("button.resume"), one, tongue)


def impact_question(
    answer: ImpactAnswer, one: OneTime, tongue: Tongue, *, again: bool = False
) -> OutMessage:
    """What closing would bring and do to the books; with its button."""
    ledger = tongue.pen.ledger(answer.ledger)
    of_one = {"trade": clean(one.target), "ledger": ledger}
    is_all = one.action == FLATTEN
    words = {"ledger": ledger} if is_all else of_one
    lines = [
        *_again(tongue, again=again),
        line("🧹 ", bold(tongue.say(f"ask.{one.action}", **words))),
        line(_where(answer, tongue)),
        line(bold(_result(answer, tongue))),
        *(_blocks(answer, tongue)),
    ]
    for trade in answer.trades[:MAX_TRADES]:
        lines += [GAP, *_trade(trade, tongue)]
    rest = answer.more + len(answer.trades[MAX_TRADES:])
    if rest:
        lines += [GAP, line(tongue.pen.say("more", count=tongue.pen.count(rest)))]
    # Above the trades, so that it stands also where some of them do not fit.
    lines.insert(4 if again else 3, _valid(one, tongue))
    return _asking(lines, tongue.say(f"button.{one.action}", **words), one, tongue)


def nothing_open(answer: ImpactAnswer, tongue: Tongue) -> OutMessage:
    """There is nothing to close."""
    words = tongue.say("ask.none", ledger=tongue.pen.ledger(answer.ledger))
    return message([line("ℹ️ ", bold(words)), line(_where(answer, tongue))])


def which_trade(answer: PositionsAnswer, first: str, tongue: Tongue) -> OutMessage:
    """The open trades, each with a button that shows what closing it would do."""
    listed = answer.positions[:MAX_LISTED]
    lines = [line(bold(first))]
    for one in listed:
        ledger = tongue.pen.ledger(one.ledger)
        lines.append(line(f"{ledger} ", code(clean(one.trade_id)), f" {clean(one.pair)}"))
    found = [
        buttons(
            tongue.pen.say("button.close", pair=clean(one.pair), trade=clean(one.trade_id)),
            CLOSE,
            tongue.instance,
            one.trade_id,
        )
        for one in listed
    ]
    return message(lines, standing=rows(*found))


def _asking(lines: Sequence[Line], words: str, one: OneTime, tongue: Tongue) -> OutMessage:
    return message(lines, standing=rows(buttons(words, CONFIRM, tongue.instance, one.token)))


def _again(tongue: Tongue, *, again: bool) -> tuple[Line, ...]:
    return (line("⚠️ ", bold(tongue.say("ask.again"))),) if again else ()


def _valid(one: OneTime, tongue: Tongue) -> Line:
    return line(f"⏱ {tongue.say('ask.valid', at=tongue.pen.clock(one.expires_ns))}")


def _then(status: StatusAnswer, what: Lifting) -> str:
    if what.halt:
        return "ask.then.lifted"
    if status.level == "HALT":
        return "ask.then.halted"
    is_live = status.level == "LIVE" and status.origin.mode is Mode.LIVE
    return "ask.then.live" if is_live else "ask.then.paper"


def _where(answer: ImpactAnswer, tongue: Tongue) -> str:
    return tongue.say(
        "ask.where",
        engine=clean(answer.origin.engine),
        mode=answer.origin.mode.value,
        ledger=tongue.pen.ledger(answer.ledger),
    )


def _result(answer: ImpactAnswer, tongue: Tongue) -> str:
    pen = tongue.pen
    if answer.result_krw is None:
        return tongue.say("ask.result.none")
    share = None
    if answer.notional_krw > 0:
        share = answer.result_krw / answer.notional_krw * _HUNDRED
    return tongue.say(
        "ask.result",
        result=pen.won(answer.result_krw, signed=True),
        notional=pen.won(answer.notional_krw),
        share=pen.percent(share, signed=True),
    )


def _blocks(answer: ImpactAnswer, tongue: Tongue) -> Iterator[Line]:
    # The paper ledger asks no gate.
    if answer.may_go or answer.ledger is LedgerName.PAPER:
        return
    yield line(f"⚠️ {tongue.say('ask.blocked')}")
    for reason in answer.blocks[:MAX_BLOCKS]:
        words = explain_block(reason, tongue.language)
        yield line(f"✗ {words.sentence}")
        yield line(f"→ {words.mend}")


def _trade(trade: ImpactLine, tongue: Tongue) -> Iterator[Line]:
    pen = tongue.pen
    result = pen.won(trade.result_krw, signed=True)
    yield line(code(clean(trade.trade_id)), f" {clean(trade.pair)} · {result}")
    if not trade.legs:
        yield line(f"  {tongue.say('ask.dust')}")
    for leg in trade.legs:
        yield line(f"  {_leg(leg, tongue)}")
        if leg.later:
            later = tongue.say("ask.leg.later", quantity=pen.quantity(leg.later))
            yield line(f"  {later}")


def _leg(leg: ImpactLeg, tongue: Tongue) -> str:
    pen = tongue.pen
    return tongue.say(
        "ask.leg",
        side=tongue.say(f"side.{leg.side.value}"),
        quantity=pen.quantity(leg.quantity),
        instrument=clean(leg.instrument),
        price=pen.average(leg.average_price),
        slippage=pen.percent(leg.slippage_pct),
        limit=pen.quantity(leg.limit_price),
    )
