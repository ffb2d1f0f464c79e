"""An order's life as a table: where it stands, what is said of it, and where that leaves it.

The tables here were written from the rules, not from ``TRANSITIONS``; every cell is tried on the
engine, with nothing booked, part of it, all of it, and with a venue that counts more than it named.
"""

from collections.abc import Iterator
from decimal import Decimal
from itertools import permutations

import pytest
from msgspec import Struct
from msgspec.structs import replace

from tests.support.engine_harness import Desk
from trader.domain.events import OrderReported
from trader.domain.facts import FillBooked, OrderMoved
from trader.domain.order import ApprovedOrder, Fill, LedgerName, Order, OrderState

S = OrderState
PART, WHOLE = Decimal("0.0003"), Decimal("0.00066")
OVER = frozenset({S.FILLED, S.CANCELLED, S.EXPIRED, S.REJECTED, S.BLOCKED})
_LETTERS = {
    "s": S.SENDING,
    "a": S.ACKNOWLEDGED,
    "p": S.PARTIAL,
    "f": S.FILLED,
    "c": S.CANCELLED,
    "e": S.EXPIRED,
    "r": S.REJECTED,
    "b": S.BLOCKED,
    "u": S.UNKNOWN,
    "q": S.QUARANTINED,
}

# A dot: it stays where it is. What is over has no row: nothing brings it back.
NOTHING_BOOKED = """
said          planned sending acknowledged partial filled cancelled expired rejected blocked unknown quarantined
planned       .       s       a            p       a      c         e       r        b       u       .
sending       .       .       a            p       a      c         e       r        b       u       .
acknowledged  .       .       .            p       .      c         e       r        .       u       .
partial       .       .       .            .       .      c         e       .        .       u       .
unknown       .       .       a            p       a      c         e       r        .       .       q
quarantined   .       .       .            p       .      c         e       r        .       .       .
"""  # noqa: E501 - a table is read by its columns
# Of what something was executed can be neither rejected nor merely acknowledged.
PART_BOOKED = """
said          planned sending acknowledged partial filled cancelled expired rejected blocked unknown quarantined
planned       .       s       p            p       p      c         e       e        b       u       .
sending       .       .       p            p       p      c         e       e        b       u       .
acknowledged  .       .       p            p       p      c         e       e        .       u       .
partial       .       .       .            .       .      c         e       e        .       u       .
unknown       .       .       p            p       p      c         e       e        .       .       q
quarantined   .       .       p            p       p      c         e       e        .       .       .
"""  # noqa: E501
# An end of which fills are still missing is not the end.
MORE_COUNTED_THAN_NOTHING = """
said          planned sending acknowledged partial filled cancelled expired rejected blocked unknown quarantined
planned       .       s       a            p       a      a         a       a        a       u       .
sending       .       .       a            p       a      a         a       a        a       u       .
acknowledged  .       .       .            p       .      .         .       .        .       u       .
partial       .       .       .            .       .      .         .       .        .       u       .
unknown       .       .       a            p       a      a         a       a        a       .       q
quarantined   .       .       .            p       .      .         .       .        .       .       .
"""  # noqa: E501
MORE_COUNTED_THAN_PART = """
said          planned sending acknowledged partial filled cancelled expired rejected blocked unknown quarantined
planned       .       s       p            p       p      p         p       p        p       u       .
sending       .       .       p            p       p      p         p       p        p       u       .
acknowledged  .       .       p            p       p      p         p       p        p       u       .
partial       .       .       .            .       .      .         .       .        .       u       .
unknown       .       .       p            p       p      p         p       p        p       .       q
quarantined   .       .       p            p       p      p         p       p        p       .       .
"""  # noqa: E501


def cells(table: str) -> dict[tuple[OrderState, OrderState], OrderState]:
    """What follows from (where it stands, what is said), over orders included."""
    head, *rows = [line.split() for line in table.strip().splitlines()]
    said = [S(word) for word in head[1:]]
    found = {(S(name), word): S(name) for name in OVER for word in said}
    for name, *letters in rows:
        for word, letter in zip(said, letters, strict=True):
            found[S(name), word] = S(name) if letter == "." else _LETTERS[letter]
    assert len(found) == len(S) ** 2
    return found


class Standing(Struct):
    """A desk whose sale at Upbit stands as the test wants; the purchase is still in flight."""

    desk: Desk
    order: ApprovedOrder
    booked: tuple[Fill, ...]

    @property
    def now(self) -> Order:
        """The order, as the ledger has it."""
        return self.desk.paper.orders[self.order.client_order_id]

    def say(self, state: OrderState, executed: Decimal, *fills: Fill) -> None:
        """The venue reports it."""
        desk, name = self.desk, self.order.client_order_id
        desk.process(OrderReported(desk.at_ns, desk.mono_ns, name, state, executed, fills))


def standing(state: OrderState, booked: Decimal = Decimal(0)) -> Standing:
    """An order that came to this state with so much of it booked, by its journal."""
    desk = Desk()
    desk.begin()
    desk.signal()
    order, _ = desk.take_orders()
    fills = (desk.fill(order, booked),) if booked else ()
    if booked:
        desk.report(order, S.PARTIAL, booked)
        fills = (desk.all(FillBooked)[0].fill,)
    moved = OrderMoved(
        desk.at_ns, LedgerName.PAPER, order.client_order_id, order.trade_id, state, booked
    )
    return Standing(Desk(restored=[*desk.history, moved]), order, fills)


@pytest.mark.parametrize("state", list(S))
class TestEveryCell:
    @pytest.mark.parametrize(
        ("table", "booked", "counted"),
        [
            (NOTHING_BOOKED, Decimal(0), Decimal(0)),
            (PART_BOOKED, PART, PART),
            (MORE_COUNTED_THAN_NOTHING, Decimal(0), PART),
            (MORE_COUNTED_THAN_PART, PART, WHOLE),
        ],
        ids=["nothing booked", "part booked", "more counted", "more counted than part"],
    )
    def test_a_word_alone(
        self, state: OrderState, table: str, booked: Decimal, counted: Decimal
    ) -> None:
        """Whatever is said, the order goes where the table says, and no money moves."""
        expected = cells(table)
        for word in S:
            here = standing(state, booked)
            balances = dict(here.desk.paper.balances)

            here.say(word, counted)

            assert here.now.state is expected[state, word], word
            assert here.now.executed == booked
            assert here.desk.paper.balances == balances
            assert (here.desk.all(OrderMoved) == []) == (here.now.state is state), word

    def test_a_word_with_a_fill(self, state: OrderState) -> None:
        """The fill is booked in every state; the word then counts as of what is booked."""
        expected = cells(PART_BOOKED)
        for word in S:
            here = standing(state)
            fill = here.desk.fill(here.order, PART)

            here.say(word, PART, fill)

            assert here.now.executed == PART, word
            assert here.now.state is expected[state, word], word
            assert [fact.fill for fact in here.desk.all(FillBooked)] == [fill]

    def test_a_word_with_all_that_was_ordered(self, state: OrderState) -> None:
        """Filled, whatever the word; what was over keeps its name, and its money is booked."""
        for word in S:
            here = standing(state, PART)

            here.say(word, WHOLE, here.desk.fill(here.order, WHOLE - PART))

            assert here.now.executed == WHOLE
            assert here.now.state is (state if state in OVER else S.FILLED), word

    def test_a_word_with_a_fill_that_is_booked_already(self, state: OrderState) -> None:
        """Is the word alone."""
        expected = cells(PART_BOOKED)
        for word in S:
            here = standing(state, PART)
            balances = dict(here.desk.paper.balances)

            here.say(word, PART, *here.booked, *here.booked)

            assert here.now.state is expected[state, word], word
            assert here.now.executed == PART
            assert here.desk.paper.balances == balances

    def test_more_than_was_ordered(self, state: OrderState) -> None:
        """A venue that executed too much moved money: it is booked, and the order is filled."""
        here = standing(state, PART)

        here.say(S.PARTIAL, PART + WHOLE, here.desk.fill(here.order, WHOLE))

        assert here.now.executed == PART + WHOLE
        assert here.now.remaining == 0
        assert here.now.state is (state if state in OVER else S.FILLED)


class _Report(Struct, frozen=True):
    """A word, what it counts, and the names of the fills it carries."""

    word: OrderState
    executed: str = "0"
    fills: tuple[str, ...] = ()


_R = _Report
FILLS = {"one": PART, "two": Decimal("0.0002"), "rest": WHOLE - PART}
STORIES: dict[str, tuple[tuple[_Report, ...], OrderState]] = {
    "filled at once": (
        (_R(S.ACKNOWLEDGED), _R(S.FILLED, "0.00066", ("one", "rest"))),
        S.FILLED,
    ),
    "filled fill by fill": (
        (
            _R(S.ACKNOWLEDGED),
            _R(S.PARTIAL, "0.0003", ("one",)),
            _R(S.PARTIAL, "0.00066", ("rest",)),
            _R(S.FILLED, "0.00066"),
        ),
        S.FILLED,
    ),
    "filled, answered by a time-out": (
        (
            _R(S.UNKNOWN),
            _R(S.ACKNOWLEDGED),
            _R(S.PARTIAL, "0.0003", ("one",)),
            _R(S.FILLED, "0.00066", ("one", "rest")),
        ),
        S.FILLED,
    ),
    "filled in part": (
        (
            _R(S.ACKNOWLEDGED),
            _R(S.PARTIAL, "0.0003", ("one",)),
            _R(S.PARTIAL, "0.0005", ("two",)),
            _R(S.EXPIRED, "0.0005"),
        ),
        S.EXPIRED,
    ),
    "cancelled, its fills told elsewhere": (
        (
            _R(S.UNKNOWN),
            _R(S.CANCELLED, "0.0005"),
            _R(S.PARTIAL, "0.0003", ("one",)),
            _R(S.CANCELLED, "0.0005", ("one", "two")),
        ),
        S.CANCELLED,
    ),
    "cancelled but filled": (
        (_R(S.CANCELLED, "0.00066"), _R(S.PARTIAL, "0.00066", ("one", "rest")), _R(S.UNKNOWN)),
        S.FILLED,
    ),
    "nothing of it": (
        (_R(S.UNKNOWN), _R(S.ACKNOWLEDGED), _R(S.EXPIRED)),
        S.EXPIRED,
    ),
    "quarantined, then found": (
        (
            _R(S.UNKNOWN),
            _R(S.QUARANTINED),
            _R(S.PARTIAL, "0.0003", ("one",)),
            _R(S.EXPIRED, "0.0003", ("one",)),
        ),
        S.EXPIRED,
    ),
    "rejected": ((_R(S.UNKNOWN), _R(S.REJECTED)), S.REJECTED),
}
"""What venues say of an order, in the order in which it happens, and where it ends."""


def tellings(story: tuple[_Report, ...]) -> Iterator[tuple[_Report, ...]]:
    """The story in every order, and in every order with each of its reports told twice."""
    yield from permutations(story)
    for again in story:
        yield from permutations((*story, again))


@pytest.mark.parametrize("name", STORIES)
def test_a_story_ends_alike_in_whatever_order_it_is_told(name: str) -> None:
    """Late, repeated and reordered reports are harmless: state, quantity, balances, keys."""
    story, end = STORIES[name]
    told = {fill for report in story for fill in report.fills}
    fresh = standing(S.PLANNED)
    fills = {
        key: replace(fresh.desk.fill(fresh.order, FILLS[key], 150_900_000 + at), key=key)
        for at, key in enumerate(FILLS)
    }
    history = fresh.desk.history
    seen = set()
    for telling in tellings(story):
        here = Standing(Desk(restored=history), fresh.order, ())

        for report in telling:
            carried = [fills[key] for key in report.fills]
            here.say(report.word, Decimal(report.executed), *carried)

        ledger = here.desk.paper
        assert here.now.state is end, telling
        assert ledger.fill_keys.get(fresh.order.client_order_id, set()) == told
        seen.add(
            (here.now.executed, *ledger.balances.values(), ledger.realised_krw, ledger.fees_krw)
        )
    assert len(seen) == 1
