"""``/why``: one decision in full, what refused it first. Pure."""

from collections.abc import Iterator
from decimal import Decimal

from bot.pages.pen import MAX_NAME_CHARS, Pen, View, clean, is_beyond, joined
from bot.pages.table import table
from bot.paging import GAP, Block, Line, Page, bold, code, line
from trader.port import (
    CHECK_UNITS,
    CheckName,
    CheckResult,
    Decision,
    QuoteSeen,
    TradeLine,
    Unit,
    WhyAnswer,
    explain_check,
)

MAX_RECENT = 8
_ABOVE = frozenset({CheckName.NET_PROFIT, CheckName.CONFIDENCE, CheckName.LIQUIDITY})
_BELOW = frozenset(
    {
        CheckName.SLIPPAGE,
        CheckName.POSITION_SIZE,
        CheckName.DAILY_LOSS,
        CheckName.ORDER_DELAY,
        CheckName.VENUE_GAP,
    }
)
COUNTED = frozenset({CheckName.OPEN_TRADES, CheckName.ORDER_RATE})
"""Checks of plain numbers against a limit; other plain numbers ask that nothing be amiss."""


def why_page(answer: WhyAnswer, view: View) -> Page:
    """What came of it and why, the quotes, the signal, every check; then what else to ask for."""
    pen, decision = Pen(view), answer.decision
    blocks: list[Block] = []
    if decision is None:
        blocks.append(Block((GAP, line(pen.say("why.none")))))
    else:
        blocks += _decision(decision, answer, pen)
    if answer.recent:
        blocks.append(Block((GAP, pen.title("why.recent"))))
        blocks += [
            Block((joined(code(f"/why {clean(name)}"), _word(word, pen)),))
            for name, word in answer.recent[:MAX_RECENT]
        ]
    return pen.page("why", pen.headline(answer.origin), blocks)


def _word(word: str, pen: Pen) -> str:
    """What became of another decision: its purpose, or the check that refused it."""
    if word in CheckName.__members__.values():
        return f"✗ {pen.name('check', word)}"
    return f"✓ {pen.name('purpose', word)}"


def bound_of(check: CheckName) -> str:
    """How a check's value must stand to its limit."""
    if check in _ABOVE:
        return ">"
    return "<" if check in _BELOW else "≤"


def figures(result: CheckResult, pen: Pen, key: str = "limit") -> str:
    """A check's value against its limit, in the check's unit."""
    value, limit = result.value, result.limit
    unit = CHECK_UNITS.get(result.check, Unit.NUMBER)
    places = 2
    if value != limit and _shown(value, unit, pen, 2) == _shown(limit, unit, pen, 2):
        # Two places would make what differs look alike.
        places = 4
    shown = (_shown(one, unit, pen, places) for one in (value, limit))
    return f"{next(shown)} {pen.say(key, bound=bound_of(result.check), limit=next(shown))}"


def _decision(decision: Decision, answer: WhyAnswer, pen: Pen) -> Iterator[Block]:
    approved = "✅" if decision.approved else "⛔"
    verdict = pen.say("why.approved" if decision.approved else "why.refused")
    at = pen.clock(decision.at_ns, answer.origin.at_ns)
    lines = [
        line(f"{approved} ", bold(f"{clean(decision.pair, MAX_NAME_CHARS)}: {verdict}")),
        line(pen.route(decision.direction)),
        joined(pen.name("purpose", decision.purpose), pen.ledger(decision.ledger), at),
    ]
    if answer.outcome and answer.outcome != "refused":
        lines.append(line(pen.say("why.outcome", outcome=pen.name("outcome", answer.outcome))))
    if answer.trade is not None:
        lines.append(_trade(answer.trade, pen))
    yield Block((GAP, *lines))
    failed = [result for result in decision.checks if not result.passed]
    # Those that could be judged come first: they are the cause.
    for result in sorted(failed, key=_is_unjudged):
        yield Block((GAP, *_failed(result, pen)))
    if decision.quotes:
        quotes = (line_ for quote in decision.quotes for line_ in _quote(quote, pen))
        yield Block((GAP, pen.title("why.quotes"), *quotes))
    if decision.evidence is not None:
        yield Block((GAP, *_signal(decision, pen)))
    yield from _passed(decision, pen)
    yield Block((GAP, joined(pen.say("why.id"), code(clean(decision.id)))))


def _trade(trade: TradeLine, pen: Pen) -> Line:
    pnl = ""
    if trade.pnl_krw is not None:
        pnl = pen.say("why.pnl", pnl=pen.won(trade.pnl_krw, signed=True))
    notional = pen.say("position.notional", notional=pen.won(trade.notional_krw))
    return joined(code(clean(trade.trade_id, MAX_NAME_CHARS)), notional, pnl)


def _failed(result: CheckResult, pen: Pen) -> Iterator[Line]:
    name = bold(f"✗ {pen.name('check', result.check)}")
    if _is_unjudged(result):
        # Its number was never held against its limit, so what it refuses for is not the cause.
        yield joined(name, pen.say("fault", fault=pen.name("fault", result.fault)))
        return
    yield joined(name, "" if _is_plain(result) else figures(result, pen, "limit.missed"))
    words = explain_check(result.check, pen.view.language)
    yield line(words.sentence)
    yield line(f"→ {words.mend}")


def _is_unjudged(result: CheckResult) -> bool:
    """Whether it refuses for its input; of an old book the age itself is judged all the same."""
    return bool(result.fault) and result.check is not CheckName.BOOK_AGE


def _passed(decision: Decision, pen: Pen) -> Iterator[Block]:
    passed = [result for result in decision.checks if result.passed]
    if not passed:
        return
    counts = {"passed": len(passed), "total": len(decision.checks)}
    yield Block((GAP, pen.title("why.passed", **counts)))
    for result in passed:
        if not _is_plain(result):
            yield Block((line(f"✓ {pen.name('check', result.check)} {figures(result, pen)}"),))
    plain = ", ".join(pen.name("check", result.check) for result in passed if _is_plain(result))
    if plain:
        yield Block((line(f"✓ {plain}"),))


def _is_plain(result: CheckResult) -> bool:
    """Whether the check only asks that nothing be amiss, so that its figure says nothing more."""
    return result.check not in CHECK_UNITS and not (
        result.check in COUNTED or result.check is CheckName.CONFIDENCE
    )


def _quote(quote: QuoteSeen, pen: Pen) -> Iterator[Line]:
    venue, _, symbol = clean(quote.instrument).partition(":")
    currency = symbol.rpartition("-")[2]
    bid, ask = pen.quantity(quote.bid), pen.quantity(quote.ask, currency)
    yield line(f"• {venue} {symbol} · {pen.say('age', age=pen.lasting(quote.age_ms))}")
    yield line(f"   {bid} / {ask}")


def _signal(decision: Decision, pen: Pen) -> Iterator[Line]:
    evidence = decision.evidence
    if evidence is None:
        return
    spread, fees, slippage = evidence.spread_pct, evidence.fees_pct, evidence.slippage_pct
    net = evidence.expected_net_pct
    known = all(one.is_finite() and not is_beyond(one) for one in (spread, fees, slippage, net))
    # What neither fees nor slippage take is kept for the spread that is left at the exit.
    kept = spread - fees - slippage - net if known else None
    yield pen.title("why.signal")
    yield from table(
        (
            (pen.say("signal.spread"), pen.percent(spread)),
            (pen.say("signal.fees"), pen.percent(-fees if known else fees)),
            (pen.say("signal.slippage"), pen.percent(-slippage if known else slippage)),
            (pen.say("signal.exit"), pen.percent(-kept if kept is not None else None)),
            (pen.say("signal.net"), pen.percent(net)),
        )
    )
    sure = pen.quantity(_hundredths(evidence.confidence))
    confidence = pen.say("signal.confidence", confidence=sure)
    dollar = ""
    if evidence.usdt_krw is not None:
        dollar = pen.say("signal.dollar", rate=pen.quantity(evidence.usdt_krw, "KRW"))
    yield joined(confidence, dollar)


def _hundredths(value: Decimal) -> Decimal:
    if not value.is_finite() or is_beyond(value):
        return value
    return value.quantize(Decimal("0.01"))


def _shown(value: Decimal | None, unit: Unit, pen: Pen, places: int) -> str:
    match unit:
        case Unit.WON:
            return pen.won(value)
        case Unit.PERCENT:
            return pen.percent(value, places=places)
        case Unit.MILLISECONDS:
            return pen.lasting(None if value is None else float(value))
        case Unit.SECONDS:
            return pen.lasting(None if value is None else float(value) * 1_000)
        case Unit.NUMBER:
            return pen.quantity(value if value is None or places > 2 else _hundredths(value))
