"""Each venue has its own law of client ids."""

import pytest
from msgspec.structs import replace

from tests.support.sim_floor import BINANCE_BTC, BITHUMB_BTC, Floor, a_limit
from trader.domain.instrument import BINANCE, BITHUMB
from trader.sim.model import Code, Refused, TimeInForce
from trader.sim.rules import RULES, ClientIds

IOC = TimeInForce.IOC


class TestUpbit:
    """An id is burned once sent, even with an order that was refused."""

    def test_duplicate_is_refused(self) -> None:
        """Also after the first is final."""
        floor = Floor()
        order = a_limit("150000000", "0.001", time_in_force=IOC, client_id="once")
        floor.exchange.place(floor.account(), order)

        with pytest.raises(Refused, match=Code.DUPLICATE_CLIENT_ID):
            floor.exchange.place(floor.account(), order)

    def test_a_refused_order_burns_its_id(self) -> None:
        """Off tick first, then right: still refused."""
        floor = Floor()
        with pytest.raises(Refused, match=Code.OFF_TICK):
            floor.exchange.place(floor.account(), a_limit("1500001.5", "1", client_id="burned"))

        with pytest.raises(Refused, match=Code.DUPLICATE_CLIENT_ID):
            floor.exchange.place(floor.account(), a_limit("150000000", "0.001", client_id="burned"))


class TestBithumb:
    """The second request is answered with the first one's order, or refused, as configured."""

    def test_answers_the_existing_order(self) -> None:
        """Nothing happens a second time."""
        floor = Floor()
        order = a_limit("149000000", "0.001", client_id="same", instrument=BITHUMB_BTC)
        first = floor.exchange.place(floor.account(BITHUMB), order)
        floor.events.clear()

        second = floor.exchange.place(floor.account(BITHUMB), order)

        assert second == first
        assert floor.events == []

    def test_or_refuses(self) -> None:
        """But only once an order was accepted under the id."""
        rules = RULES | {BITHUMB: replace(RULES[BITHUMB], client_ids=ClientIds.UNIQUE)}
        floor = Floor(rules)
        with pytest.raises(Refused, match=Code.OFF_TICK):
            floor.exchange.place(
                floor.account(BITHUMB),
                a_limit("1500001.5", "1", client_id="same", instrument=BITHUMB_BTC),
            )
        order = a_limit("149000000", "0.001", client_id="same", instrument=BITHUMB_BTC)
        floor.exchange.place(floor.account(BITHUMB), order)

        with pytest.raises(Refused, match=Code.DUPLICATE_CLIENT_ID):
            floor.exchange.place(floor.account(BITHUMB), order)


class TestBinance:
    """An id is unique among open orders only."""

    def test_refused_while_open_and_free_when_final(self) -> None:
        """A blind resend of a filled order fills again: the trap is there."""
        floor = Floor()
        account = floor.account(BINANCE)
        resting = a_limit("100000", "0.001", client_id="x", instrument=BINANCE_BTC)
        first = floor.exchange.place(account, resting)
        with pytest.raises(Refused, match=Code.DUPLICATE_CLIENT_ID):
            floor.exchange.place(account, resting)
        floor.exchange.cancel(account, client_id="x")

        second = floor.exchange.place(account, resting)

        assert second.id != first.id
        found = floor.exchange.find(account, client_id="x")
        assert found is not None
        assert found.id == second.id
