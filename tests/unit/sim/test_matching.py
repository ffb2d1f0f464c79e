"""Orders take what is displayed, no more, and what they took is gone until the book is restated."""

from decimal import Decimal

import pytest

from tests.support.sim_floor import (
    ASKS,
    BIDS,
    BINANCE_BTC,
    BITHUMB_BTC,
    UPBIT_BTC,
    Floor,
    a_limit,
)
from trader.domain.instrument import BINANCE, BITHUMB, KRW, InstrumentId, split_id
from trader.domain.order import Side
from trader.sim.faults import NO_TWIST, Twist
from trader.sim.model import (
    BalancesChanged,
    BookChanged,
    Cause,
    Code,
    Kind,
    MarketStatus,
    NewOrder,
    OrderAccepted,
    OrderEnded,
    OrderFilled,
    OrderRefused,
    OrderState,
    Refused,
    SelfTrade,
    TimeInForce,
)

D = Decimal
DOGE = InstrumentId("upbit:DOGE-KRW")
IOC, FOK, POST_ONLY = TimeInForce.IOC, TimeInForce.FOK, TimeInForce.POST_ONLY


def refusal(floor: Floor, order: NewOrder, twist: Twist = NO_TWIST) -> Code:
    """The code an order is refused with."""
    account = floor.account(split_id(order.instrument)[0])
    with pytest.raises(Refused) as caught:
        floor.exchange.place(account, order, twist)
    return caught.value.code


class TestTaking:
    """A taking order walks the levels within its limit, each at its own price."""

    def test_walks_levels_up_to_its_limit(self) -> None:
        """Three levels stand, two are within the limit."""
        floor = Floor()

        order = floor.exchange.place(
            floor.account(), a_limit("150001000", "0.1", time_in_force=IOC)
        )

        assert [(each.price, each.quantity) for each in order.trades] == [
            (D("150000000"), D("0.01")),
            (D("150001000"), D("0.03")),
        ]
        assert (order.state, order.cause) == (OrderState.CANCELLED, Cause.IOC)
        assert order.executed == D("0.04")

    def test_what_was_taken_stays_taken(self) -> None:
        """Nobody refills a book between two statements of it."""
        floor = Floor()
        floor.exchange.place(floor.account(), a_limit("150000000", "0.004", time_in_force=IOC))

        second = floor.exchange.place(
            floor.account(), a_limit("150000000", "0.3", time_in_force=IOC)
        )

        assert second.executed == D("0.006")
        book = floor.exchange.book(UPBIT_BTC)
        assert book is not None
        assert book.asks == ASKS[1:]

    def test_a_restated_book_is_whole_again(self) -> None:
        """The market's word replaces everything."""
        floor = Floor()
        floor.exchange.place(floor.account(), a_limit("150000000", "0.01", time_in_force=IOC))

        floor.state()

        book = floor.exchange.book(UPBIT_BTC)
        assert book is not None
        assert (book.bids, book.asks) == (BIDS, ASKS)

    def test_fok_fills_whole_or_not_at_all(self) -> None:
        """A touch more than stands within the limit fills nothing."""
        floor = Floor()

        none = floor.exchange.place(
            floor.account(), a_limit("150001000", "0.04000001", time_in_force=FOK)
        )
        whole = floor.exchange.place(
            floor.account(), a_limit("150001000", "0.04", time_in_force=FOK)
        )

        assert (none.executed, none.cause) == (D(0), Cause.FOK)
        assert whole.state is OrderState.DONE

    def test_purchase_by_funds_spends_whole_lots(self) -> None:
        """What does not buy one lot more is given back, and the order says so."""
        floor = Floor()
        order = NewOrder(UPBIT_BTC, Side.BUY, Kind.MARKET, funds=D("100000"))

        bought = floor.exchange.place(floor.account(), order)

        assert bought.executed == D("0.00066666")
        assert (bought.state, bought.cause) == (OrderState.CANCELLED, Cause.UNSPENT)
        assert floor.account().balance(KRW).locked == 0

    def test_funds_spent_to_the_last_unit_are_done(self) -> None:
        """150,000,000 a coin, 0.01 of it."""
        floor = Floor()
        order = NewOrder(UPBIT_BTC, Side.BUY, Kind.MARKET, funds=D("1500000"))

        assert floor.exchange.place(floor.account(), order).state is OrderState.DONE

    def test_best_takes_the_best_level_only(self) -> None:
        """The rest is cancelled, although deeper levels stand."""
        floor = Floor()
        order = NewOrder(UPBIT_BTC, Side.SELL, Kind.BEST, quantity=D("0.5"), time_in_force=IOC)

        sold = floor.exchange.place(floor.account(), order)

        assert (sold.executed, sold.cause) == (D("0.02"), Cause.IOC)

    def test_market_order_beyond_the_book(self) -> None:
        """Upbit refuses it, Binance fills what it can and cancels the rest."""
        floor = Floor()
        at_upbit = NewOrder(UPBIT_BTC, Side.SELL, Kind.MARKET, quantity=D("0.5"))
        at_binance = NewOrder(BINANCE_BTC, Side.SELL, Kind.MARKET, quantity=D("0.5"))

        assert refusal(floor, at_upbit) is Code.BEYOND_BOOK
        sold = floor.exchange.place(floor.account(BINANCE), at_binance)
        assert (sold.executed, sold.cause) == (D("0.07"), Cause.NO_LIQUIDITY)

    def test_only_a_share_fills_on_demand(self) -> None:
        """The partial-fill fault leaves liquidity on the book."""
        floor = Floor()
        order = a_limit("150001000", "0.04", time_in_force=IOC)

        filled = floor.exchange.place(floor.account(), order, Twist(share=D("0.3")))

        assert filled.executed == D("0.012")
        assert filled.state is OrderState.CANCELLED


class TestResting:
    """A limit that stands waits for the market to cross it."""

    def test_fills_at_its_own_price_as_maker(self) -> None:
        """The market comes to the order, not the order to the market."""
        floor = Floor()
        order = floor.exchange.place(floor.account(), a_limit("149000000", "0.33"))

        floor.state(asks=((148_500_000.0, 0.2), (149_000_000.0, 0.1), (149_100_000.0, 9.0)))

        found = floor.exchange.find(floor.account(), order_id=order.id)
        assert found is not None
        assert found.state is OrderState.PARTLY_FILLED
        assert {(each.price, each.is_maker) for each in found.trades} == {(D("149000000"), True)}
        assert found.executed == D("0.3")

    def test_better_price_first_and_never_more_than_displayed(self) -> None:
        """Two orders, one crossing level."""
        floor = Floor()
        low = floor.exchange.place(floor.account(), a_limit("148000000", "0.1"))
        high = floor.exchange.place(floor.account(), a_limit("149000000", "0.1"))

        floor.state(bids=((1_000.0, 1.0),), asks=((147_000_000.0, 0.15),))

        fills = [floor.exchange.find(floor.account(), order_id=each.id) for each in (high, low)]
        assert [each.executed for each in fills if each] == [D("0.1"), D("0.05")]

    def test_rest_of_a_taking_limit_stands(self) -> None:
        """GTC takes what crosses and leaves the rest."""
        floor = Floor()

        order = floor.exchange.place(floor.account(), a_limit("150000000", "0.02"))

        assert (order.state, order.remaining) == (OrderState.PARTLY_FILLED, D("0.01"))
        assert floor.exchange.open_orders(floor.account()) == [order]

    def test_nothing_fills_while_halted(self) -> None:
        """A halted market shows its book and trades nothing."""
        floor = Floor()
        order = floor.exchange.place(floor.account(), a_limit("149000000", "0.33"))
        floor.exchange.set_status(UPBIT_BTC, MarketStatus.HALTED)

        floor.state(asks=((148_500_000.0, 0.2),))

        found = floor.exchange.find(floor.account(), order_id=order.id)
        assert found is not None
        assert found.executed == 0
        assert refusal(floor, a_limit("149000000", "0.33")) is Code.MARKET_OFFLINE

    def test_cancel_gives_the_reserve_back(self) -> None:
        """And a second one comes too late."""
        floor = Floor()
        before = floor.account().balance(KRW).free
        order = floor.exchange.place(floor.account(), a_limit("149000000", "0.1", client_id="a"))
        locked = floor.account().balance(KRW).locked

        ended = floor.exchange.cancel(floor.account(), client_id="a")

        assert locked == D("149000000") * D("0.1") * D("1.0005") == order.locked
        assert (ended.state, ended.cause) == (OrderState.CANCELLED, Cause.USER)
        assert floor.account().balance(KRW).free == before
        with pytest.raises(Refused, match=Code.ORDER_FINAL):
            floor.exchange.cancel(floor.account(), order_id=order.id)
        with pytest.raises(Refused, match=Code.ORDER_NOT_FOUND):
            floor.exchange.cancel(floor.account(), order_id="nobody's")


class TestRefusals:
    """What is refused leaves no trace but a word to the listeners."""

    @pytest.mark.parametrize(
        ("order", "code"),
        [
            (a_limit("150000500", "0.01"), Code.OFF_TICK),
            (a_limit("150000000", "0.000000001"), Code.OFF_LOT),
            (a_limit("150000000", "0.00001"), Code.BELOW_MINIMUM),
            (a_limit("150000000", "7"), Code.ABOVE_MAXIMUM),
            (a_limit("150000000", "0.5"), Code.INSUFFICIENT_FUNDS),
            (a_limit("150000000", "1.5", Side.SELL), Code.INSUFFICIENT_FUNDS),
            (a_limit("-1", "1"), Code.MALFORMED),
            (a_limit("NaN", "1"), Code.MALFORMED),
            (a_limit("1e99", "1e99"), Code.MALFORMED),
            (NewOrder(UPBIT_BTC, Side.BUY, quantity=D(1)), Code.MALFORMED),
            (NewOrder(UPBIT_BTC, Side.SELL, Kind.MARKET, funds=D(9000)), Code.MALFORMED),
            (NewOrder(UPBIT_BTC, Side.BUY, Kind.BEST, funds=D(9000)), Code.MALFORMED),
            (a_limit("1", "1", instrument=DOGE), Code.UNKNOWN_MARKET),
        ],
    )
    def test_says_why(self, order: NewOrder, code: Code) -> None:
        """Each by its own code, and no money moves."""
        floor = Floor()
        before = dict(floor.account().balances)

        assert refusal(floor, order) is code

        assert [type(event) for event in floor.events] == [OrderRefused]
        assert floor.account().balances == before

    def test_post_only_that_would_take(self) -> None:
        """Binance refuses it; the Korean venues accept and cancel it."""
        floor = Floor()
        at_binance = a_limit("108000", "0.01", time_in_force=POST_ONLY, instrument=BINANCE_BTC)
        at_bithumb = a_limit("150000000", "0.01", time_in_force=POST_ONLY, instrument=BITHUMB_BTC)

        assert refusal(floor, at_binance) is Code.WOULD_TAKE
        ended = floor.exchange.place(floor.account(BITHUMB), at_bithumb)
        assert (ended.state, ended.cause) == (OrderState.CANCELLED, Cause.POST_ONLY)

    def test_check_says_the_same_and_does_nothing(self) -> None:
        """An order test burns no client id and reserves nothing."""
        floor = Floor()
        order = a_limit("150000000", "0.01", client_id="once")

        floor.exchange.check(floor.account(), order)

        assert floor.events == []
        assert floor.exchange.place(floor.account(), order).state is OrderState.DONE

    def test_on_demand(self) -> None:
        """A rejected leg, for no reason of its own."""
        order = a_limit("150000000", "0.01")

        assert refusal(Floor(), order, Twist(reject=Code.REJECTED)) is Code.REJECTED


class TestSelfTrade:
    """What an order meets of its own account is settled by its own word."""

    def order_against_own(self, floor: Floor, self_trade: SelfTrade) -> NewOrder:
        floor.exchange.place(floor.account(), a_limit("150002000", "0.01", Side.SELL))
        return NewOrder(
            UPBIT_BTC,
            Side.BUY,
            quantity=D("0.1"),
            price=D("150005000"),
            time_in_force=IOC,
            self_trade=self_trade,
        )

    def test_cancel_maker(self) -> None:
        """The one at rest goes, the new one takes on."""
        floor = Floor()
        order = self.order_against_own(floor, SelfTrade.CANCEL_MAKER)

        taken = floor.exchange.place(floor.account(), order)

        assert taken.state is OrderState.DONE
        assert [each.cause for each in floor.exchange.orders(floor.account())] == [
            Cause.SELF_TRADE,
            Cause.NONE,
        ]

    def test_cancel_taker(self) -> None:
        """The new one stops where it would meet the other."""
        floor = Floor()
        order = self.order_against_own(floor, SelfTrade.CANCEL_TAKER)

        taken = floor.exchange.place(floor.account(), order)

        assert (taken.executed, taken.cause) == (D("0.04"), Cause.SELF_TRADE)
        assert len(floor.exchange.open_orders(floor.account())) == 1


class TestEvents:
    """Listeners hear in order, within the step, and what they got never changes."""

    def test_of_a_taking_order(self) -> None:
        """Accepted, filled, ended, balances, book."""
        floor = Floor()

        floor.exchange.place(floor.account(), a_limit("150001000", "0.02"))

        assert [type(event) for event in floor.events] == [
            OrderAccepted,
            OrderFilled,
            OrderFilled,
            OrderEnded,
            BalancesChanged,
            BookChanged,
        ]
        accepted = floor.events[0]
        assert isinstance(accepted, OrderAccepted)
        assert accepted.order.executed == 0

    def test_ends_when_told(self) -> None:
        """An unsubscribed listener hears nothing."""
        floor = Floor()
        heard: list[object] = []
        end = floor.exchange.subscribe(BINANCE, heard.append)
        end()

        floor.state()

        assert heard == []
