"""Lists in an alert: a line each, every digit of a price, and never a failure."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from msgspec import Struct
from msgspec.structs import replace

from tests.support.example_facts import THEIR_ENDS, a_revocation, an_order_at_halt, an_order_end
from trader.domain.control import Language
from trader.domain.instrument import InstrumentId
from trader.domain.order import OrderState, PairName
from trader.domain.trade_facts import HandOrder, OpenTrade
from trader.texts import words_of
from trader.texts.listing import MAX_LINES, lines_of, spelled

NAMES = ("hand_orders", "in_flight", "ends", "open_trades")


def english(name: str, records: str | Sequence[Struct]) -> list[str]:
    """The records as an English alert shows them."""
    raw = records if isinstance(records, str) else spelled(records)
    told = lines_of(name, raw, words_of(Language.EN), Language.EN)
    assert told is not None
    return told.splitlines()


def hand_order(**changes: object) -> HandOrder:
    """Buy 0.0123 BTC at Upbit, at a limit of now."""
    return replace(a_revocation().hand_orders[0], **changes)


class TestHandOrders:
    def test_are_ready_to_be_typed_in(self) -> None:
        """Venue, side, quantity, price, and what the price is worth."""
        assert english("hand_orders", a_revocation().hand_orders) == [
            "upbit: buy 0.0123 BTC at 51,234,000 ₩ (limit)",
            "binance: sell 0.0123 BTC at 36,890.155 USDT (last mid, 12.0 s old)",
            "upbit: sell 1.5 ETH at market (no price known)",
        ]

    def test_keep_every_digit_of_a_price(self) -> None:
        """A coin of a few hundred won has a tick under one won."""
        order = hand_order(instrument=InstrumentId("upbit:XRP-KRW"), price=Decimal("512.50"))

        assert english("hand_orders", [order]) == ["upbit: buy 0.0123 XRP at 512.5 ₩ (limit)"]

    def test_beyond_ten_are_counted(self) -> None:
        """They would not fit a phone."""
        lines = english("hand_orders", [hand_order()] * (MAX_LINES + 3))

        assert len(lines) == MAX_LINES + 1
        assert lines[-1] == "… and 3 more"


class TestEnds:
    def test_say_how_each_ended(self) -> None:
        """Filled, in part, not at all, or nobody knows."""
        ends = [line.partition("): ")[2] for line in english("ends", THEIR_ENDS.ends)]

        assert ends == [
            "filled at 150,900,000 ₩ on average",
            "filled 0.0003 of 0.00066 at 150,900,123 ₩ on average, cancelled",
            "cancelled, nothing filled",
            "rejected by the venue, nothing filled (insufficient_funds_bid)",
            "blocked at the gate, nothing filled (HALTED)",
            "outcome unknown",
            "filled 0.0003 of 0.00066 at 150,900,000 ₩ on average, outcome unknown",
        ]

    def test_begin_with_whose_money_it_is(self) -> None:
        """And the id the venue knows the order by."""
        (line,) = english("in_flight", [an_order_at_halt(3)])

        assert line == "[LIVE] upbit: sell 0.00066 BTC (tr-main-3)"

    def test_cut_what_a_venue_had_to_say(self) -> None:
        """It must not push the others off the screen, nor forge a line."""
        end = an_order_end(1, OrderState.REJECTED, reason="no\n" * 200)

        (line,) = english("ends", [end])
        assert len(line) < 160


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("state", OrderState)
def test_every_state_has_a_word(state: OrderState, language: Language) -> None:
    """An order may be in any of them when it is told."""
    words = words_of(language)

    assert words.orders.states[state]
    assert lines_of("ends", spelled([an_order_end(1, state)]), words, language)


class TestWhatDoesNotReadBack:
    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("raw", ["7", "[{}]", "{", "긴 글 " * 2_000, '[{"a":1}]'])
    def test_is_shown_as_it_is(self, name: str, raw: str) -> None:
        """An outbox may hold alerts that another version wrote."""
        (line,) = english(name, raw)

        assert line
        assert len(line) <= 400

    @pytest.mark.parametrize("figure", ["NaN", "sNaN", "Infinity", "1E+40"])
    def test_and_no_figure_breaks_it(self, figure: str) -> None:
        """An alert told poorly is better than none."""
        value = Decimal(figure)
        end = replace(an_order_end(1, OrderState.FILLED), executed=value, average_price=value)

        assert english("ends", [end])
        assert english("hand_orders", [hand_order(quantity=value, price=value)])
        assert english("open_trades", [OpenTrade(PairName("p"), "a>b", value)])

    def test_nor_does_a_name_that_is_no_instrument(self) -> None:
        """What cannot be taken apart is shown whole."""
        assert "moon" in english("hand_orders", [hand_order(instrument=InstrumentId("moon"))])[0]

    def test_other_fields_are_no_lists(self) -> None:
        """They are told by their own rules."""
        assert lines_of("price", "7", words_of(Language.EN), Language.EN) is None
