"""What an account shows is told from what is ours; what was lost comes with its fills."""

from decimal import Decimal

import pytest

from tests.support.builders import AT_NS, UPBIT_BTC, UPBIT_USDT, a_fill
from tests.support.fake_venue import FakeVenue
from trader.domain.client_ids import Whose
from trader.domain.errors import HeldBack, VenueUnavailable
from trader.domain.order import ClientOrderId, OrderState, Side
from trader.execution.account_look import OVERLAP_NS, first_since_ns, look_at
from trader.execution.venue import OrderView

HOUR_NS = 3_600 * 1_000_000_000
DAY_NS = 24 * HOUR_NS


class Records:
    """Whose an order is stands in its id."""

    known_until_ns = AT_NS

    def whose(self, client_order_id: ClientOrderId) -> Whose:
        """By the word before the dash."""
        word = client_order_id.partition("-")[0]
        return Whose(word) if word in Whose.__members__.values() else Whose.OTHERS


def a_view(
    order_id: str, executed: str = "0.00066", *, told: bool = False, created_ns: int = AT_NS
) -> OrderView:
    """An order that ended; its fills are not told unless wanted."""
    fills = (a_fill(quantity=executed, order=order_id),) if told else ()
    return OrderView(
        ClientOrderId(order_id),
        f"v-{order_id}-{created_ns}",
        UPBIT_BTC,
        Side.SELL,
        OrderState.FILLED,
        Decimal(executed),
        fills,
        "",
        Decimal("0.00066"),
        Decimal(150_900_000),
        created_ns,
    )


class TestSince:
    def test_a_first_look_begins_before_the_journal_s_newest_fact(self) -> None:
        """Only what came after it can be lost; clocks may differ."""
        assert first_since_ns(AT_NS, AT_NS - HOUR_NS) == AT_NS - HOUR_NS - OVERLAP_NS

    def test_also_where_the_engine_was_off_for_days(self) -> None:
        """The orders of the last moment are as old as that."""
        assert first_since_ns(AT_NS, AT_NS - 3 * DAY_NS) == AT_NS - 3 * DAY_NS - OVERLAP_NS

    def test_never_further_than_a_week(self) -> None:
        """It is bounded."""
        assert first_since_ns(AT_NS, AT_NS - 300 * DAY_NS) == AT_NS - 7 * DAY_NS

    def test_a_fresh_journal_looks_a_day_back(self) -> None:
        """For another engine's orders."""
        assert first_since_ns(AT_NS, 0) == AT_NS - DAY_NS - OVERLAP_NS

    def test_a_journal_from_the_future_begins_now(self) -> None:
        """The host's clock was ahead once."""
        assert first_since_ns(AT_NS, AT_NS + DAY_NS) == AT_NS - OVERLAP_NS


class TestLook:
    async def test_only_lost_and_foreign_ones_are_told(self) -> None:
        """What the journal knows is the settling's, the operator's own is his."""
        venue = FakeVenue()
        ids = ["ours-1", "lost-1", "foreign-1", "accepted-1", "by hand"]
        venue.ended = tuple(a_view(one, told=True) for one in ids)

        look = await look_at(venue, Records(), AT_NS)

        assert [one.client_order_id for one in look.orders] == ["lost-1", "foreign-1"]
        assert look.others == (UPBIT_BTC,)
        assert len(look.views) == 5

    async def test_a_lost_one_is_looked_up_for_its_fills(self) -> None:
        """Lists do not name them; one that does needs no question."""
        venue = FakeVenue()
        venue.ended = (a_view("lost-1"), a_view("lost-2", told=True), a_view("foreign-1"))
        venue.found["lost-1"] = a_view("lost-1", told=True)

        look = await look_at(venue, Records(), AT_NS)

        lost, *_ = look.orders
        assert [one for one in venue.asked if one.startswith("find")] == ["find lost-1"]
        assert (lost.quantity, lost.limit_price) == (Decimal("0.00066"), Decimal(150_900_000))
        assert len(lost.fills) == 1

    async def test_one_whose_fills_are_not_told_yet_is_told_without(self) -> None:
        """It is adopted, and waits for them."""
        venue = FakeVenue()
        venue.ended = (a_view("lost-1"),)

        look = await look_at(venue, Records(), AT_NS)

        assert [(one.executed, one.fills) for one in look.orders] == [(Decimal("0.00066"), ())]

    async def test_an_order_that_ends_between_the_questions_is_told_ended(self) -> None:
        """And once."""
        venue = FakeVenue()
        ended = a_view("lost-1", told=True)
        venue.open = (
            OrderView(
                ended.client_order_id,
                ended.venue_order_id,
                UPBIT_BTC,
                Side.SELL,
                OrderState.ACKNOWLEDGED,
                Decimal(0),
            ),
        )
        venue.ended = (ended,)

        look = await look_at(venue, Records(), AT_NS)

        assert [one.state for one in look.orders] == [OrderState.FILLED]

    async def test_is_bounded_and_says_so(self) -> None:
        """The oldest of ours come first, and of a stranger's the newest."""
        venue = FakeVenue()
        lost = [a_view(f"lost-{n}", told=True, created_ns=AT_NS + n) for n in range(300)]
        foreign = [a_view(f"foreign-{n}", told=True, created_ns=AT_NS + n) for n in range(300)]
        venue.ended = (*reversed(lost), *foreign)

        look = await look_at(venue, Records(), AT_NS)

        ids = [one.client_order_id for one in look.orders]
        assert not look.is_whole
        assert ids[:200] == [f"lost-{n}" for n in range(200)]
        assert ids[200:] == [f"foreign-{n}" for n in range(250, 300)]

    async def test_other_instruments_are_named_once(self) -> None:
        """However many orders an operator had in them."""
        venue = FakeVenue()
        venue.ended = tuple(a_view("", created_ns=AT_NS + n) for n in range(10))

        look = await look_at(venue, Records(), AT_NS)

        assert look.others == (UPBIT_BTC,)
        assert UPBIT_USDT not in look.others


class TestPatience:
    async def test_waits_for_its_own_budget(self) -> None:
        """A look is many questions."""
        venue = FakeVenue()
        venue.held_back_s = [0.001, 0.001, 0.001]

        await look_at(venue, Records(), AT_NS)

        assert venue.asked == ["open orders", "closed orders"]

    @pytest.mark.parametrize("hold_s", [60.0, float("inf")])
    async def test_but_not_for_long(self, hold_s: float) -> None:
        """A ban, or a question that may never leave, is a failure."""
        venue = FakeVenue()
        venue.held_back_s = [hold_s]

        with pytest.raises(HeldBack):
            await look_at(venue, Records(), AT_NS)

    async def test_a_venue_that_is_away_fails_at_once(self) -> None:
        """Whoever asked tries again."""
        venue = FakeVenue()
        venue.is_away = True

        with pytest.raises(VenueUnavailable):
            await look_at(venue, Records(), AT_NS)
