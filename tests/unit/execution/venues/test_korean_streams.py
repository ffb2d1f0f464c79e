"""The private streams of the Korean venues."""

from decimal import Decimal
from typing import Any

import pytest

from tests.support.builders import AT_NS, BITHUMB_BTC, UPBIT_BTC
from tests.unit.execution.venues.korean_desk import (
    ORDER_ID,
    STAMP,
    Venue,
    at_bithumb,
    at_upbit,
    bithumb,
    upbit,
    view_in,
)
from trader.domain.instrument import KRW, Asset
from trader.domain.order import Fill, OrderState, Side
from trader.execution.venue import (
    Balance,
    BalancesSeen,
    OrderView,
)


class TestUpbit:
    """A fill has its own fee; what is cumulative is taken as such."""

    def test_a_fill(self) -> None:
        """With the price, quantity and fee of the fill and not of the order."""
        view = view_in(upbit().private_stream(), at_upbit().encode())

        assert view == OrderView(
            ORDER_ID,
            "u-1",
            UPBIT_BTC,
            Side.BUY,
            OrderState.PARTIAL,
            Decimal("0.004"),
            (
                Fill(
                    "t-1",
                    ORDER_ID,
                    UPBIT_BTC,
                    Side.BUY,
                    Decimal(139_990_000),
                    Decimal("0.004"),
                    Decimal("279.98"),
                    KRW,
                    AT_NS,
                ),
            ),
        )

    @pytest.mark.parametrize(
        ("changes", "state"),
        [
            ({"remaining_volume": 0}, OrderState.FILLED),
            ({"remaining_volume": 0, "prevented_volume": 0.006}, OrderState.PARTIAL),
            ({"state": "wait", "volume": 0.01, "executed_volume": 0}, OrderState.ACKNOWLEDGED),
            ({"state": "done", "volume": 0.01, "executed_volume": 0.01}, OrderState.FILLED),
            ({"state": "cancel", "volume": 0.01}, OrderState.EXPIRED),
            ({"state": "cancel", "volume": 0.01, "executed_volume": 0.01}, OrderState.FILLED),
            ({"state": "cancel", "volume": 0.01, "time_in_force": None}, OrderState.CANCELLED),
            ({"state": "prevented", "volume": 0.01}, OrderState.PARTIAL),
            ({"state": "cancel", "executed_volume": None}, OrderState.UNKNOWN),
            ({"state": "wait", "executed_volume": None}, OrderState.ACKNOWLEDGED),
        ],
    )
    def test_state(self, changes: dict[str, Any], state: OrderState) -> None:
        """A filled order may end as ``cancel``; an end without its quantity is none."""
        assert view_in(upbit().private_stream(), at_upbit(**changes)).state is state

    @pytest.mark.parametrize("missing", ["trade_fee", "price", "volume", "trade_uuid"])
    def test_a_fill_without_all_its_numbers(self, missing: str) -> None:
        """Left to a look-up, and the executed quantity says that there is one."""
        view = view_in(upbit().private_stream(), at_upbit(**{missing: None}))

        assert view.fills == ()
        assert view.executed == Decimal("0.004")

    def test_every_digit_of_a_number(self) -> None:
        """From the token as it stands, never through a float."""
        frame = at_upbit().replace('"trade_fee": 279.98', '"trade_fee": 22.46766002828301771234')

        view = view_in(upbit().private_stream(), frame)

        assert view.fills[0].fee == Decimal("22.46766002828301771234")

    async def test_look_up_and_stream_agree(self) -> None:
        """The trade the stream told costs the same in the order; the other has the rest."""
        order = {
            "uuid": "u-1",
            "identifier": "tr-test-1",
            "market": "KRW-BTC",
            "side": "bid",
            "time_in_force": "ioc",
            "volume": "0.01",
            "executed_volume": "0.01",
            "paid_fee": "700.1",
            "state": "done",
            "trades": [
                {"uuid": "t-1", "price": "139990000", "volume": "0.004"},
                {"uuid": "t-2", "price": "140000000", "volume": "0.006"},
            ],
        }
        client = upbit(Venue({"GET /v1/order": order}))
        told = view_in(client.private_stream(), at_upbit())

        looked_up = await client.find(ORDER_ID, UPBIT_BTC, 0)

        assert isinstance(looked_up, OrderView)
        assert looked_up.fills[0].fee == told.fills[0].fee
        assert looked_up.fills[1].fee == Decimal("420.12")

    def test_balances(self) -> None:
        """Also one that became nothing."""
        frame = (
            '{"type":"myAsset","assets":[{"currency":"KRW","balance":1386929.3723106677134820712,'
            '"locked":10329.67},{"currency":"BTC","balance":0,"locked":0}]}'
        )

        assert upbit().private_stream().decode(frame, STAMP) == (
            BalancesSeen(
                (
                    Balance(KRW, Decimal("1397259.0423106677134820712"), Decimal("10329.67")),
                    Balance(Asset("BTC"), Decimal(0), Decimal(0)),
                )
            ),
        )


class TestBithumb:
    """A fill's fee is by how much the order's fee grew, where nothing was missed."""

    def test_fills_in_their_turn(self) -> None:
        """Each has the difference to the one before."""
        stream = bithumb().private_stream()

        first = view_in(stream, at_bithumb())
        second = view_in(
            stream,
            at_bithumb(
                trade_id="T2", trade_quantity=0.006, executed_quantity=0.01, paid_fee="3500"
            ),
        )

        assert (first.state, first.side) == (OrderState.PARTIAL, Side.BUY)
        assert first.fills == (
            Fill(
                "T1",
                ORDER_ID,
                BITHUMB_BTC,
                Side.BUY,
                Decimal(140_000_000),
                Decimal("0.004"),
                Decimal(1400),
                KRW,
                AT_NS,
            ),
        )
        assert second.state is OrderState.FILLED
        assert [fill.fee for fill in second.fills] == [Decimal(2100)]

    def test_a_repeated_message(self) -> None:
        """The same fill with the same fee."""
        stream = bithumb().private_stream()

        assert view_in(stream, at_bithumb()) == view_in(stream, at_bithumb())

    def test_a_missed_message(self) -> None:
        """Whose fee the difference is cannot be told: a look-up names the fill."""
        view = view_in(bithumb().private_stream(), at_bithumb(executed_quantity=0.009))

        assert view.fills == ()
        assert view.executed == Decimal("0.009")

    def test_after_a_missed_message(self) -> None:
        """The next difference is the next fill's own again."""
        stream = bithumb().private_stream()
        view_in(stream, at_bithumb(executed_quantity=0.009, paid_fee=3150))

        view = view_in(
            stream,
            at_bithumb(trade_id="T3", trade_quantity=0.001, executed_quantity=0.01, paid_fee=3500),
        )

        assert [fill.fee for fill in view.fills] == [Decimal(350)]

    @pytest.mark.parametrize("paid", [0, None])
    def test_a_fee_that_is_not_told_yet(self, paid: int | None) -> None:
        """Not booked as free where a fee is taken, nor put on the next fill."""
        stream = bithumb().private_stream()

        first = view_in(stream, at_bithumb(paid_fee=paid))
        second = view_in(
            stream,
            at_bithumb(trade_id="T2", trade_quantity=0.006, executed_quantity=0.01, paid_fee=3500),
        )

        assert (first.fills, second.fills) == ((), ())
        assert second.executed == Decimal("0.01")

    def test_a_fee_that_lags_by_a_message(self) -> None:
        """What the paid fee grew by is another fill's: each is left to a look-up."""
        stream = bithumb().private_stream()
        frames = [
            at_bithumb(trade_id="T1", trade_quantity=0.004, executed_quantity=0.004, paid_fee=0),
            at_bithumb(trade_id="T2", trade_quantity=0.003, executed_quantity=0.007, paid_fee=1400),
            at_bithumb(trade_id="T3", trade_quantity=0.002, executed_quantity=0.009, paid_fee=2450),
        ]

        assert [view_in(stream, frame).fills for frame in frames] == [(), (), ()]

    def test_a_rate_other_than_the_known_one(self) -> None:
        """Nothing tells it from a fee that lags."""
        assert view_in(bithumb().private_stream(), at_bithumb(paid_fee=1401)).fills == ()

    async def test_a_market_that_is_free(self) -> None:
        """Where the account is told a fee of nothing, nothing is the fee."""
        chance = {"bid_fee": "0", "ask_fee": "0", "market": {}}
        client = bithumb(Venue({"GET /v1/orders/chance": chance}))
        await client.fees()

        view = view_in(client.private_stream(), at_bithumb(paid_fee=0))

        assert [fill.fee for fill in view.fills] == [Decimal(0)]

    @pytest.mark.parametrize(
        ("changes", "executed", "state"),
        [
            ({"state": "wait", "executed_quantity": 0}, "0", OrderState.ACKNOWLEDGED),
            (
                {"state": "wait", "executed_quantity": None, "remaining_quantity": None},
                "0",
                OrderState.ACKNOWLEDGED,
            ),
            ({"state": "done"}, "0.004", OrderState.EXPIRED),
            ({"state": "done", "executed_quantity": 0.01}, "0.01", OrderState.FILLED),
            ({"state": "cancel"}, "0.004", OrderState.EXPIRED),
            ({"state": "cancel", "time_in_force": None}, "0.004", OrderState.CANCELLED),
            ({"state": "cancel", "executed_quantity": None}, "0.004", OrderState.EXPIRED),
            (
                {"state": "cancel", "executed_quantity": None, "remaining_quantity": None},
                "0",
                OrderState.UNKNOWN,
            ),
        ],
    )
    def test_state(self, changes: dict[str, Any], executed: str, state: OrderState) -> None:
        """A part ends as ``done``; an end from which no quantity follows is none."""
        view = view_in(bithumb().private_stream(), at_bithumb(**changes))

        assert (view.executed, view.state) == (Decimal(executed), state)

    def test_why_it_was_cancelled(self) -> None:
        """The venue's word is kept."""
        view = view_in(
            bithumb().private_stream(), at_bithumb(state="cancel", cancel_type="stp_cancel")
        )

        assert view.reason == "stp_cancel"

    async def test_look_up_and_stream_agree(self) -> None:
        """Whichever tells a trade first, it costs the same from the other."""
        order = {
            "uuid": "C1",
            "client_order_id": "tr-test-1",
            "market": "KRW-BTC",
            "side": "bid",
            "volume": "0.01",
            "executed_volume": "0.01",
            "paid_fee": "3500",
            "state": "done",
            "trades": [
                {"uuid": "T1", "price": "140000000", "volume": "0.004"},
                {"uuid": "T2", "price": "140000000", "volume": "0.006"},
            ],
        }
        client = bithumb(Venue({"GET /v1/order": order}))
        told = view_in(client.private_stream(), at_bithumb(paid_fee=1400))

        looked_up = await client.find(ORDER_ID, BITHUMB_BTC, 0)

        assert isinstance(looked_up, OrderView)
        assert looked_up.fills[0].fee == told.fills[0].fee == 1400
        assert looked_up.fills[1].fee == 2100
