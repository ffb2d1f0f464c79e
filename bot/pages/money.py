"""What is held and what came of it: positions, orders, trades, balances, PnL. Pure.

Paper and live stand apart: nothing here ever adds one to the other.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import TypeVar

from bot.buttons import CLOSE, buttons, rows
from bot.pages.pen import MAX_NAME_CHARS, Pen, View, clean, joined
from bot.pages.table import table
from bot.paging import GAP, Block, Line, Page, bold, code, line
from trader.port import (
    UNKNOWN,
    BalanceAnswer,
    BalanceLine,
    LedgerName,
    LegLine,
    Mode,
    OrderLine,
    OrdersAnswer,
    OrderState,
    Origin,
    PnlAnswer,
    PnlLine,
    PositionLine,
    PositionsAnswer,
    TradeLine,
    TradesAnswer,
)

_Row = TypeVar("_Row", PositionLine, BalanceLine, PnlLine)
_UNSETTLED = frozenset({OrderState.UNKNOWN, OrderState.QUARANTINED})
_STATES = {"open": "🔓", "closed": "✅", "abandoned": "⚪"}


def positions_page(answer: PositionsAnswer, view: View) -> Page:
    """Open trades, those that need care first, each with the button that closes it."""
    pen = Pen(view)
    blocks: list[Block] = []
    for ledger, found in _by_ledger(answer.positions, answer.origin):
        total = _total([one.unrealised_krw for one in found]) if not answer.more else None
        title = joined(
            bold(pen.book(ledger)),
            pen.say("positions.count", count=pen.count(len(found))),
            pen.say("positions.total", pnl=pen.won(total, signed=True))
            if total is not None
            else "",
        )
        blocks.append(Block((GAP, title)))
        ordered = sorted(found, key=lambda one: not (one.unhedged or one.stuck))
        blocks += _spaced([_position(one, answer.origin, pen) for one in ordered])
    if not answer.positions:
        blocks.append(Block((GAP, line(pen.say("positions.none")))))
    blocks += [*pen.more(answer.more), pen.taken(answer.origin)]
    standing = rows(pen.refresh("positions"))
    return pen.page("positions", pen.headline(answer.origin), blocks, standing)


def orders_page(answer: OrdersAnswer, view: View) -> Page:
    """Orders of unknown outcome first, with what to do about them; then those on their way."""
    pen = Pen(view)
    unsettled = [one for one in answer.orders if one.state in _UNSETTLED]
    others = [one for one in answer.orders if one.state not in _UNSETTLED]
    blocks: list[Block] = []
    if unsettled:
        told = pen.say("orders.unknown", count=pen.count(len(unsettled)))
        blocks.append(Block((GAP, *pen.care(told, pen.say("orders.unknown.mend")))))
        blocks += _spaced([_order(one, answer.origin, pen) for one in unsettled])
    if others:
        title = pen.title("orders.flying", count=pen.count(len(others)))
        blocks.append(Block((GAP, title)))
        blocks += _spaced([_order(one, answer.origin, pen) for one in others])
    if not answer.orders:
        blocks.append(Block((GAP, line(pen.say("orders.none")))))
    blocks += [*pen.more(answer.more), pen.taken(answer.origin)]
    return pen.page("orders", pen.headline(answer.origin), blocks, rows(pen.refresh("orders")))


def trades_page(answer: TradesAnswer, view: View) -> Page:
    """Trades, newest first, with what each brought after fees."""
    pen = Pen(view)
    zone = pen.zone_name(answer.origin.at_ns)
    title = pen.title("trades.title", count=pen.count(len(answer.trades)), zone=zone)
    blocks = [Block((GAP, title)), *_spaced([_trade(one, pen) for one in answer.trades])]
    if not answer.trades:
        blocks = [Block((GAP, line(pen.say("trades.none"))))]
    return pen.page("trades", pen.headline(answer.origin), blocks)


def balance_page(answer: BalanceAnswer, view: View) -> Page:
    """What each venue holds, per ledger, and its worth where a price is known."""
    pen = Pen(view)
    blocks: list[Block] = []
    for ledger, found in _by_ledger(answer.balances, answer.origin):
        worths = [one.worth_krw for one in found]
        total = _total([worth for worth in worths if worth is not None])
        key = "balance.total" if None not in worths and not answer.more else "balance.part"
        title = joined(
            bold(pen.book(ledger)),
            pen.say(key, worth=pen.won(total)) if total is not None else "",
        )
        blocks.append(Block((GAP, title)))
        for venue in dict.fromkeys(one.venue for one in found):
            held = [one for one in found if one.venue == venue]
            blocks.append(Block((line(clean(venue, MAX_NAME_CHARS)), *_held(held, pen))))
    for moved in answer.transfers:
        route = f"{clean(moved.pair, MAX_NAME_CHARS)}: {pen.route(moved.direction)}"
        told = pen.say("balance.empty", ledger=pen.ledger(moved.ledger), route=route)
        blocks.insert(0, Block((GAP, *pen.care(told, pen.transfer(moved)))))
    if not answer.balances:
        blocks.append(Block((GAP, line(pen.say("balance.none")))))
    blocks += [*pen.more(answer.more), pen.taken(answer.origin)]
    return pen.page("balance", pen.headline(answer.origin), blocks, rows(pen.refresh("balance")))


def pnl_page(answer: PnlAnswer, view: View) -> Page:
    """Realised PnL day by day, per ledger, and what is unrealised now."""
    pen = Pen(view)
    unrealised = dict(answer.unrealised_krw)
    days = dict(_by_ledger(answer.lines, answer.origin))
    blocks: list[Block] = []
    for ledger in _own_first(answer.origin):
        if ledger in days or unrealised.get(ledger):
            blocks += _pnl(ledger, days.get(ledger, []), unrealised.get(ledger), answer, pen)
    if not blocks:
        blocks.append(Block((GAP, line(pen.say("pnl.none")))))
    blocks.append(pen.taken(answer.origin))
    return pen.page("pnl", pen.headline(answer.origin), blocks)


def _position(one: PositionLine, origin: Origin, pen: Pen) -> Block:
    pair = clean(one.pair, MAX_NAME_CHARS)
    phase = "" if one.phase == "open" else pen.name("phase", one.phase)
    result = pen.won(one.unrealised_krw, signed=True)
    lines = [joined(bold(f"{pair} {result}"), code(clean(one.trade_id, MAX_NAME_CHARS)), phase)]
    if one.unhedged:
        lines += pen.care(pen.say("position.unhedged"), pen.say("position.unhedged.mend"))
    if one.stuck:
        lines += pen.care(pen.say("position.stuck"), pen.say("position.stuck.mend"))
    notional = pen.say("position.notional", notional=pen.won(one.notional_krw))
    lines.append(line(pen.route(one.direction)))
    lines.append(joined(notional, pen.held(one.opened_ns, origin)))
    stop = dict.fromkeys((pen.percent(one.to_stop_pct), pen.won(one.to_stop_krw)))
    to_stop = pen.say("position.stop", distance=", ".join(stop))
    lines.append(line(to_stop))
    lines += [line(_leg(leg, pen)) for leg in one.legs]
    word = pen.say("button.close", pair=pair, trade=clean(one.trade_id, MAX_NAME_CHARS))
    close = buttons(word, CLOSE, pen.view.instance, one.trade_id)
    return Block(tuple(lines), rows(close))


def _leg(leg: LegLine, pen: Pen) -> str:
    venue, _, symbol = clean(leg.instrument).partition(":")
    base, _, quote = symbol.rpartition("-")
    return pen.say(
        "leg",
        venue=venue,
        quantity=pen.quantity(leg.quantity, base, signed=True),
        entry=pen.average(leg.entry_price),
        price=pen.average(leg.price, quote),
    )


def _order(one: OrderLine, origin: Origin, pen: Pen) -> Block:
    base, _, quote = clean(one.instrument).rpartition(":")[2].rpartition("-")
    what = pen.say(
        "order.what",
        side=pen.name("side", one.side),
        quantity=pen.quantity(one.quantity, base),
        price=pen.quantity(one.limit_price, quote),
    )
    executed = pen.say("order.executed", executed=pen.quantity(one.executed, base))
    since = pen.held(one.since_ns, origin)
    return Block(
        (
            joined(bold(clean(one.instrument)), pen.name("order", one.state)),
            line(what),
            joined(executed, pen.name("purpose", one.purpose), since),
            joined(pen.ledger(one.ledger), clean(one.trade_id, MAX_NAME_CHARS)),
            line(code(clean(one.client_order_id))),
        )
    )


def _trade(one: TradeLine, pen: Pen) -> Block:
    mark = _STATES.get(one.state, "•")
    result = pen.won(one.pnl_krw, signed=True)
    pair = clean(one.pair, MAX_NAME_CHARS)
    held = pen.between(one.opened_ns, one.closed_ns) if one.closed_ns is not None else ""
    state = "" if one.state == "closed" else pen.name("trade", one.state)
    return Block(
        (
            joined(f"{mark} {pen.brief(one.opened_ns)}", bold(f"{pair} {result}"), state),
            joined(
                pen.ledger(one.ledger),
                clean(one.trade_id, MAX_NAME_CHARS),
                pen.route(one.direction),
            ),
            joined(
                pen.say("position.notional", notional=pen.won(one.notional_krw)),
                pen.say("trade.fees", fees=pen.won(one.fees_krw)),
                pen.say("trade.held", age=held) if held else "",
                pen.name("purpose", one.reason) if one.reason else "",
            ),
        )
    )


def _held(held: Sequence[BalanceLine], pen: Pen) -> tuple[Line, ...]:
    return table(
        [
            (
                f" {clean(one.asset, MAX_NAME_CHARS)}",
                pen.holding(one.quantity, one.asset),
                pen.won(one.worth_krw),
            )
            for one in held
        ]
    )


def _pnl(
    ledger: LedgerName,
    days: Sequence[PnlLine],
    unrealised: Decimal | None,
    answer: PnlAnswer,
    pen: Pen,
) -> Iterator[Block]:
    span = pen.name("span", answer.span)
    yield Block((GAP, joined(bold(pen.book(ledger)), span)))
    trades, wins = sum(one.trades for one in days), sum(one.wins for one in days)
    total = _total([one.realised_krw for one in days])
    fees = _total([one.fees_krw for one in days])
    rate = pen.percent(Decimal(wins) / trades * 100) if trades > 0 else UNKNOWN
    known = bool(days)
    yield Block(
        table(
            (
                (pen.say("pnl.realised"), pen.won(total if known else None, signed=True)),
                (pen.say("pnl.fees"), pen.won(fees if known else None)),
                (pen.say("pnl.unrealised.now"), pen.won(unrealised, signed=True)),
            )
        )
    )
    counts = {"trades": pen.count(trades), "wins": pen.count(wins), "rate": rate}
    yield Block(
        (line(pen.say("pnl.trades", **counts) if trades > 0 else pen.say("pnl.no_trades")),)
    )
    shown = [one for one in days if one.trades or one.realised_krw]
    if len(days) > 1 and shown:
        yield Block((line(pen.say("pnl.days")),))
        yield Block(
            table(
                [
                    (
                        clean(one.date, MAX_NAME_CHARS).removeprefix(f"{_year(days)}-"),
                        pen.won(one.realised_krw, signed=True),
                        pen.say("pnl.wins", wins=one.wins, trades=one.trades),
                    )
                    for one in shown
                ]
            )
        )


def _spaced(items: Sequence[Block]) -> list[Block]:
    """The items with a gap before each but the first."""
    return [
        Block((GAP, *item.lines) if place else item.lines, item.buttons)
        for place, item in enumerate(items)
    ]


def _year(days: Sequence[PnlLine]) -> str:
    """The year all the days are in; where they are in several, what no date begins with."""
    years = {one.date.partition("-")[0] for one in days}
    return years.pop() if len(years) == 1 else "\0"


def _by_ledger(lines: Iterable[_Row], origin: Origin) -> list[tuple[LedgerName, list[_Row]]]:
    """The rows of each ledger that has any, the mode's own ledger first."""
    found: dict[LedgerName, list[_Row]] = {}
    for one in lines:
        found.setdefault(one.ledger, []).append(one)
    return [(ledger, found[ledger]) for ledger in _own_first(origin) if ledger in found]


def _own_first(origin: Origin) -> tuple[LedgerName, LedgerName]:
    if origin.mode is Mode.LIVE:
        return LedgerName.LIVE, LedgerName.PAPER
    return LedgerName.PAPER, LedgerName.LIVE


def _total(amounts: Sequence[Decimal | None]) -> Decimal | None:
    """The sum, or None where an amount is not known."""
    total = Decimal(0)
    for amount in amounts:
        if amount is None or not amount.is_finite():
            return None
        total += amount
    return total
