"""A reconciliation as a person reads it in a terminal of 100 columns."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from trader.commands.table import WIDTH, table, wrapped
from trader.domain.client_ids import Whose
from trader.domain.control import Language
from trader.domain.order import OrderState
from trader.domain.reconcile_answers import (
    ReconcileAnswer,
    SeenBalance,
    SeenOrder,
    SeenVenue,
    StandingKind,
)
from trader.texts import moment, quantity, words_of

_WHOSE = {
    Whose.OURS: "ours",
    Whose.LOST: "ours, LOST from the journal: adopted when the engine looks",
    Whose.FOREIGN: "FOREIGN: another engine or state",
    Whose.ACCEPTED: "foreign, accepted",
    Whose.OTHERS: "yours",
}
_KINDS = {
    StandingKind.BALANCE: "a balance missed: its live entries rest",
    StandingKind.SHORT: "a balance short: the breaker stands",
    StandingKind.FOREIGN: "foreign orders: the breaker stands",
}
_MAX_RECENT = 10


def page(answer: ReconcileAnswer) -> str:
    """Every venue, what is open, what stands, and the verdict below them."""
    lines = [f"engine {answer.origin.engine}, mode {answer.origin.mode.value}"]
    for venue in answer.venues:
        lines += ["", venue.venue.upper(), *_venue(venue)]
    for title, body in (
        ("ORDERS WITHOUT AN END", _unsettled(answer)),
        ("DIFFERENCES THAT STAND", _standing(answer)),
    ):
        if body:
            lines += ["", title, *body]
    return "\n".join([*lines, "", _verdict(answer)])


def _verdict(answer: ReconcileAnswer) -> str:
    if not answer.differs:
        return "nothing differs"
    return "something DIFFERS; once it is explained: deploy/run reconcile --accept [ID]"


def _venue(venue: SeenVenue) -> Iterator[str]:
    if venue.error:
        yield from wrapped(f"✗ not asked: {venue.error}", WIDTH)
        return
    yield from _balances(venue.balances)
    yield from _orders("open", venue.open_orders)
    recent = [order for order in venue.recent if order.whose is not Whose.OURS]
    known = [order for order in venue.recent if order.whose is Whose.OURS]
    shown = [*recent, *known[:_MAX_RECENT]]
    yield from _orders("ended", shown)
    left = len(venue.recent) - len(shown) + venue.more
    more = f"; {left} more of ours are known and not shown" if left else ""
    yield f"orders since {moment(venue.since_ns)}; of others: {venue.others}{more}"


def _balances(balances: Sequence[SeenBalance]) -> list[str]:
    causes = words_of(Language.EN).causes
    cells = [
        (
            "✗" if one.differs else "✓",
            one.asset,
            _figure(one.stated),
            _figure(one.counted),
            "" if one.counted is None or not one.change else _signed(one.change),
            _figure(one.needed) if one.needed else "",
            _remark(one, causes.get("" if one.cause is None else one.cause.value, "")),
        )
        for one in balances
    ]
    head = ("", "asset", "venue", "counted", "difference", "open legs need", "our guess")
    return table(head, cells, wraps=(6,)).splitlines()


def _remark(one: SeenBalance, guess: str) -> str:
    missed = f"{quantity(one.missing)} missed and not explained yet" if one.missing else ""
    return ": ".join(filter(None, (missed, guess)))


def _orders(title: str, orders: Sequence[SeenOrder]) -> list[str]:
    cells = [
        (
            title,
            order.client_order_id or "–",
            order.instrument.partition(":")[2],
            order.side.value,
            f"{_figure(order.executed)} of {_figure(order.quantity)}",
            order.state.value,
            _WHOSE[order.whose],
        )
        for order in orders
    ]
    head = ("", "order", "", "", "executed", "state", "whose")
    return table(head, cells, wraps=(6,)).splitlines() if cells else []


def _unsettled(answer: ReconcileAnswer) -> list[str]:
    cells = [
        (
            "✗" if one.state is OrderState.QUARANTINED else "…",
            one.client_order_id,
            one.instrument,
            one.side.value,
            f"{_figure(one.executed)} of {_figure(one.quantity)}",
            one.state.value,
        )
        for one in answer.unsettled
    ]
    head = ("", "order", "instrument", "", "executed", "state")
    return table(head, cells).splitlines() if cells else []


def _standing(answer: ReconcileAnswer) -> list[str]:
    cells = [
        ("✗", one.subject, _figure(one.amount) if one.amount else "", _KINDS[one.kind])
        for one in answer.standing
    ]
    return table(("", "ID", "amount", ""), cells).splitlines() if cells else []


def _signed(value: Decimal) -> str:
    return quantity(value) if value < 0 else f"+{quantity(value)}"


def _figure(value: Decimal | None) -> str:
    return "–" if value is None else quantity(value)
