"""The lattice of two legs: what becomes of one, times what becomes of the other.

For openings, exits and stops, with a restart in between and without, quick venues and slow ones,
and with the mending of a lone leg going well or not: cell by cell, on the real engine, with the
rules of ``WatchedDesk`` after every single event. ``python -m
tests.property.test_two_leg_lattice`` prints where each cell ends.
"""

import sys
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from itertools import product

import pytest
from msgspec import Struct

from tests.support.watched_desk import SIZE, WatchedDesk
from trader.domain.control import Pause
from trader.domain.facts import TradeAbandoned, TradeClosed
from trader.domain.order import ApprovedOrder, OrderState
from trader.domain.trade import TradePhase

PART, ALMOST = Decimal("0.0004"), Decimal("0.00064")
"""Filled in part; and but for dust."""
QUICK_S, SLOW_S = 4, 14
"""When what was not known is known: before a lone leg is an alarm, and after."""
_ENDS_WITHIN_S = 12
"""After the last word of a venue every trade is settled by then."""
_S = OrderState
_NOTHING = Decimal(0)


pytestmark = pytest.mark.slow


class Leg(StrEnum):
    """What becomes of one order."""

    FILLED = "filled"
    PART = "part"
    ALMOST = "almost"
    REJECTED = "rejected"
    UNKNOWN_FILLED = "unknown, filled"
    UNKNOWN_ABSENT = "unknown, absent"
    LATE = "late fill"
    CANCELLED_FILLED = "cancelled, filled"
    BLOCKED = "blocked"
    THROTTLED = "throttled"


class Act(StrEnum):
    """What the two legs are for."""

    OPENING = "opening"
    EXIT = "exit"
    STOP = "stop-loss"


class Mending(StrEnum):
    """How the orders that follow end."""

    FILLS = "fills"
    FAILS_ONCE = "fails once"
    FILLS_IN_PART = "fills in part"


class Cell(Struct, frozen=True):
    """One cell of the lattice."""

    act: Act
    first: Leg
    second: Leg
    later_s: int
    restarts: bool
    mending: Mending

    @property
    def is_told_wrong(self) -> bool:
        """Whether a venue fills what it called over while what followed fails elsewhere.

        The next attempt on both legs is out by then, and none can be called back.
        """
        is_late = Leg.LATE in (self.first, self.second)
        return is_late and self.act is not Act.OPENING and self.mending is not Mending.FILLS

    @property
    def name(self) -> str:
        """For people."""
        again = "restart" if self.restarts else "one process"
        return f"{self.act} {self.first} | {self.second}: {self.later_s} s, {again}, {self.mending}"


class Said(Struct, frozen=True):
    """A venue's word: ``filled`` is new with it, ``executed`` what it counts."""

    after_s: int
    state: OrderState
    filled: Decimal = _NOTHING
    executed: Decimal = _NOTHING


def script(leg: Leg, later_s: int) -> tuple[Said, ...]:
    """What a venue says of an order, and when."""
    match leg:
        case Leg.FILLED:
            return (Said(0, _S.FILLED, SIZE, SIZE),)
        case Leg.PART:
            return (Said(0, _S.PARTIAL, PART, PART), Said(0, _S.EXPIRED, _NOTHING, PART))
        case Leg.ALMOST:
            return (Said(0, _S.EXPIRED, ALMOST, ALMOST),)
        case Leg.REJECTED | Leg.THROTTLED:
            return (Said(0, _S.REJECTED),)
        case Leg.BLOCKED:
            return (Said(0, _S.BLOCKED),)
        case Leg.UNKNOWN_FILLED:
            return (Said(0, _S.UNKNOWN), Said(later_s, _S.FILLED, SIZE, SIZE))
        case Leg.UNKNOWN_ABSENT:
            return (Said(0, _S.UNKNOWN), Said(later_s, _S.EXPIRED))
        case Leg.LATE:
            return (Said(0, _S.EXPIRED), Said(later_s, _S.EXPIRED, SIZE, SIZE))
        case Leg.CANCELLED_FILLED:
            # The word comes first; the fills it counts are named by a look-up.
            named = Said(1, _S.CANCELLED, SIZE, SIZE)
            return (Said(0, _S.CANCELLED, _NOTHING, SIZE), named)


class End(Struct, frozen=True):
    """Where a cell ended: what still stands hedged, whether an alarm sounded, orders to mend it."""

    standing: Decimal
    alarm: bool
    mendings: int
    closed: int
    abandoned: int

    @property
    def sign(self) -> str:
        """A few letters of it, for the table."""
        gone = "closed" if self.closed else "gone"
        stands = "whole" if self.standing == SIZE else f"{self.standing / SIZE:.0%}"
        return f"{stands if self.standing else gone} {self.mendings}{'!' if self.alarm else ''}"


class Run:
    """Plays one cell."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.desk = WatchedDesk(most_alone=2 * SIZE if cell.is_told_wrong else SIZE)
        self._has_failed = self._has_filled_in_part = False
        self._alarm = False
        self._mendings = 0

    def play(self) -> End:
        """From the two orders to the end of the trade."""
        cell = self.cell
        legs = self._two_orders()
        said = [
            (word, order)
            for order, leg in zip(legs, (cell.first, cell.second), strict=True)
            for word in script(leg, cell.later_s)
        ]
        self._tell(said, 0)
        if cell.restarts:
            self._restart()
        for second in range(1, cell.later_s + _ENDS_WITHIN_S):
            self._answer()
            self.desk.wait(1)
            self._tell(said, second)
        return self._end()

    def _two_orders(self) -> list[ApprovedOrder]:
        desk = self.desk
        desk.go_live()
        desk.signal()
        if self.cell.act is Act.OPENING:
            return desk.live_orders()
        for order in desk.live_orders():
            desk.answer(order)
        desk.pass_ms(100)
        if self.cell.act is Act.EXIT:
            desk.even()
        else:
            desk.lose()
        return desk.live_orders()

    def _tell(self, said: list[tuple[Said, ApprovedOrder]], second: int) -> None:
        for word, order in said:
            if word.after_s == second:
                self.desk.tell(order, word.state, word.filled, word.executed)
                self._calm_if_gone()

    def _calm_if_gone(self) -> None:
        """Once the trade is over no other shall begin."""
        if not self.desk.live.trades and not self.desk.engine.state.paused:
            self.desk.command(Pause("op"))

    def _answer(self) -> None:
        """Every order that followed is answered at once."""
        for order in self.desk.live_orders():
            quantity, mending = order.intent.quantity, self.cell.mending
            was_blocked = Leg.BLOCKED in (self.cell.first, self.cell.second)
            if was_blocked and not order.is_closing:
                # The gate that turned a leg away lets no entry out before its dry run.
                self.desk.tell(order, _S.BLOCKED, _NOTHING, _NOTHING)
            elif mending is Mending.FAILS_ONCE and not self._has_failed:
                self._has_failed = True
                self.desk.tell(order, _S.EXPIRED, _NOTHING, _NOTHING)
            elif mending is Mending.FILLS_IN_PART and not self._has_filled_in_part:
                self._has_filled_in_part = True
                half = half_of(quantity)
                self.desk.tell(order, _S.EXPIRED, half, half)
            else:
                self.desk.tell(order, _S.FILLED, quantity, quantity)
            self._calm_if_gone()

    def _restart(self) -> None:
        """The process dies; what was out is answered to the next one."""
        waiting = self.desk.live_orders()
        self._alarm = self.desk.check_alarms()
        self._mendings = self.desk.mendings
        self.desk = self.desk.reborn()
        self.desk.sent[:0] = waiting

    def _end(self) -> End:
        desk = self.desk
        alarm = desk.check_alarms()
        desk.check_money()
        assert desk.live.in_flight == {}, "an order is still out"
        assert not any("UNHEDGED" in name or "UNKNOWN" in name for name in _breakers(desk))
        standing = _NOTHING
        for trade in desk.live.trades.values():
            assert trade.phase is TradePhase.OPEN, f"it hangs {trade.phase}"
            assert trade.net_quantity == 0, "a leg is left alone"
            assert trade.size > 0, "an empty trade"
            standing = trade.size
        mine = [fact for fact in desk.history if getattr(fact, "ledger", None) == "live"]
        return End(
            standing,
            alarm or self._alarm,
            desk.mendings + self._mendings,
            sum(isinstance(fact, TradeClosed) for fact in mine),
            sum(isinstance(fact, TradeAbandoned) for fact in mine),
        )


# What of an order is executed once it is over.
_AT_THE_END = {
    Leg.FILLED: SIZE,
    Leg.PART: PART,
    Leg.ALMOST: ALMOST,
    Leg.UNKNOWN_FILLED: SIZE,
    Leg.CANCELLED_FILLED: SIZE,
}
_BOOKED_SOON = frozenset({Leg.FILLED, Leg.PART, Leg.ALMOST, Leg.CANCELLED_FILLED})
_UNKNOWN = frozenset({Leg.UNKNOWN_FILLED, Leg.UNKNOWN_ABSENT})
_WAITED_FOR = _UNKNOWN | {Leg.CANCELLED_FILLED}


def expected(cell: Cell) -> Decimal | None:
    """What shall stand hedged at the end, by the rules; None where it hangs on an instant.

    A closing leaves nothing. Of an opening the smaller leg stands, and where the rest may be
    completed the larger: an entry, which goes neither after a restart, nor while the gate is shut
    behind a blocked order, nor with the alarm sounding.
    """
    if cell.act is not Act.OPENING:
        return _NOTHING
    legs = {cell.first, cell.second}
    if Leg.LATE in legs and legs & _UNKNOWN:
        return None
    low, high = sorted(_AT_THE_END.get(leg, _NOTHING) for leg in (cell.first, cell.second))
    if high - low in (_NOTHING, SIZE - ALMOST):
        return low
    sounds = cell.later_s == SLOW_S and legs & _UNKNOWN and legs & _BOOKED_SOON
    is_new_process = cell.restarts and legs & _WAITED_FOR
    if is_new_process or Leg.BLOCKED in legs or sounds or cell.mending is Mending.FAILS_ONCE:
        return low
    return high if cell.mending is Mending.FILLS else low + half_of(high - low)


def half_of(quantity: Decimal) -> Decimal:
    """Half of it, in whole lots."""
    return (quantity / 2).quantize(Decimal("0.00001"))


def _breakers(desk: WatchedDesk) -> tuple[str, ...]:
    return desk.engine.snapshot().breakers


def cells(act: Act, first: Leg, second: Leg) -> Iterator[Cell]:
    """Every case of two outcomes; where none is unknown or late, slow venues are no other case."""
    may_be_slow = {first, second} & (_UNKNOWN | {Leg.LATE})
    for restarts, mending in product((False, True), Mending):
        if restarts and mending is Mending.FILLS_IN_PART:
            continue
        for later_s in (QUICK_S, SLOW_S) if may_be_slow else (QUICK_S,):
            yield Cell(act, first, second, later_s, restarts, mending)


@pytest.mark.parametrize("second", Leg)
@pytest.mark.parametrize("first", Leg)
@pytest.mark.parametrize("act", Act)
def test_a_cell_ends_whole_or_gone(act: Act, first: Leg, second: Leg) -> None:
    """With no more than a leg alone meanwhile, and alarms exactly where they are due."""
    for cell in cells(act, first, second):
        end = Run(cell).play()

        wanted = expected(cell)
        assert wanted is None or end.standing == wanted, f"{cell.name}: {end.sign}"
        if act is not Act.OPENING:
            assert end.closed >= 1, cell.name


def _print_table(act: Act, later_s: int, mending: Mending, *, restarts: bool) -> None:
    again = ", a restart in between" if restarts else ""
    sys.stdout.write(f"\n{act}: venues settle after {later_s} s, mending {mending}{again}\n")
    width = max(len(leg) for leg in Leg) + 2
    sys.stdout.write(" " * width + "".join(f"{leg:>{width}}" for leg in Leg) + "\n")
    for first in Leg:
        row = [
            Run(Cell(act, first, second, later_s, restarts, mending)).play().sign for second in Leg
        ]
        sys.stdout.write(f"{first:<{width}}" + "".join(f"{one:>{width}}" for one in row) + "\n")


def main() -> int:
    """Print every table: what stands, orders that mended it, an alarm as an exclamation mark."""
    for act, restarts, mending, later_s in product(Act, (False, True), Mending, (QUICK_S, SLOW_S)):
        _print_table(act, later_s, mending, restarts=restarts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
