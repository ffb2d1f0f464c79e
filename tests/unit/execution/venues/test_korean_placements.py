"""What the answer to an order means at the Korean venues."""

from decimal import Decimal

import pytest

from tests.support.builders import BITHUMB_BTC
from tests.unit.execution.venues.korean_desk import (
    STAMP,
    an_answer,
    an_error,
    an_order,
    bithumb,
    upbit,
)
from trader.domain.order import OrderState, Side
from trader.execution.bithumb_errors import BITHUMB_ERRORS
from trader.execution.korean_errors import Kind, Table, ban_s
from trader.execution.upbit_errors import UPBIT_ERRORS
from trader.execution.venue import Accepted, Placement, Rejected, Throttled, Unknown
from trader.wire.http import HttpAnswer

UPBIT_ACK = {
    "uuid": "cdd92199-2897-4e14-9448-f923320408ad",
    "identifier": "tr-test-1",
    "market": "KRW-BTC",
    "side": "bid",
    "ord_type": "limit",
    "time_in_force": "ioc",
    "smp_type": "cancel_taker",
    "price": "140000000",
    "volume": "0.01",
    "remaining_volume": "0.01",
    "executed_volume": "0",
    "paid_fee": "0",
    "locked": "1400700",
    "trades_count": 0,
    "created_at": "2026-01-05T09:00:00+09:00",
    "state": "wait",
}
BITHUMB_ACK = {
    "order_id": "C0101000000001799231",
    "client_order_id": "tr-test-1",
    "market": "KRW-BTC",
    "side": "bid",
    "order_type": "limit",
    "created_at": "2026-01-05T09:00:00+09:00",
    "stp_type": "cancel_taker",
    "time_in_force": "ioc",
}


def at_upbit(answer: HttpAnswer) -> Placement:
    return upbit().read_placement(an_order(), answer, STAMP)


def at_bithumb(answer: HttpAnswer) -> Placement:
    return bithumb().read_placement(an_order(BITHUMB_BTC), answer, STAMP)


class TestAcknowledged:
    """An acknowledgement accepts; what it says of the outcome is taken, and no more."""

    def test_upbit(self) -> None:
        """Matching comes later: nothing is executed yet."""
        placement = at_upbit(an_answer(UPBIT_ACK, 201))

        assert isinstance(placement, Accepted)
        view = placement.view
        assert view.state is OrderState.ACKNOWLEDGED
        assert (view.executed, view.fills) == (Decimal(0), ())
        assert (view.client_order_id, view.side) == ("tr-test-1", Side.BUY)
        assert view.venue_order_id == "cdd92199-2897-4e14-9448-f923320408ad"

    def test_upbit_with_an_execution(self) -> None:
        """Executed in part, without the fills: a later word names them."""
        placement = at_upbit(an_answer(UPBIT_ACK | {"executed_volume": "0.004"}, 201))

        assert isinstance(placement, Accepted)
        assert placement.view.state is OrderState.PARTIAL
        assert placement.view.executed == Decimal("0.004")
        assert placement.view.fills == ()

    def test_bithumb(self) -> None:
        """Its acknowledgement has neither state nor fills."""
        placement = at_bithumb(an_answer(BITHUMB_ACK))

        assert isinstance(placement, Accepted)
        assert placement.view.state is OrderState.ACKNOWLEDGED
        assert placement.view.venue_order_id == "C0101000000001799231"
        assert placement.view.client_order_id == "tr-test-1"

    def test_bithumb_without_the_id(self) -> None:
        """What has no value is left out: the answer is to our order all the same."""
        ack = {name: value for name, value in BITHUMB_ACK.items() if name != "client_order_id"}

        placement = at_bithumb(an_answer(ack, 201))

        assert isinstance(placement, Accepted)
        assert placement.view.client_order_id == "tr-test-1"

    @pytest.mark.parametrize(
        "change",
        [
            {"identifier": "tr-test-2"},
            {"market": "KRW-ETH"},
            {"side": "ask"},
            {"uuid": ""},
            {"created_at": "2025-12-24T09:00:00+09:00"},
            {"executed_volume": "NaN"},
            {"executed_volume": "-1"},
            {"executed_volume": "1e999999"},
        ],
    )
    def test_one_of_something_else_is_unknown(self, change: dict[str, str]) -> None:
        """An answer that is not of this order says nothing of it."""
        assert isinstance(at_upbit(an_answer(UPBIT_ACK | change, 201)), Unknown)


class TestUnreadable:
    """Whatever cannot be read leaves the order's fate open; nothing ever raises."""

    @pytest.mark.parametrize("status", [200, 201, 302, 400, 401, 403, 404, 500, 502, 503])
    @pytest.mark.parametrize(
        "body", ["", "<html>점검 중</html>", "[]", "null", "{", '{"a":' * 5000]
    )
    def test_no_json_object_with_an_error(self, status: int, body: str) -> None:
        """Not even a 400 refuses in a language that is not the venue's."""
        assert isinstance(at_upbit(an_answer(body, status)), Unknown)
        assert isinstance(at_bithumb(an_answer(body, status)), Unknown)

    @pytest.mark.parametrize("status", [500, 503, 504])
    @pytest.mark.parametrize("name", ["insufficient_funds_bid", "server_error", 500])
    def test_a_failure_of_the_server(self, status: int, name: str | int) -> None:
        """A 5xx is no refusal, whatever it is called."""
        assert isinstance(at_upbit(an_error(name, status)), Unknown)
        assert isinstance(at_bithumb(an_error(name, status)), Unknown)


class TestRefused:
    """The name decides, then a number in its place, then the status."""

    @pytest.mark.parametrize(
        ("name", "kind", "table"),
        [
            *((name, kind, UPBIT_ERRORS) for name, kind in UPBIT_ERRORS.items()),
            *((name, kind, BITHUMB_ERRORS) for name, kind in BITHUMB_ERRORS.items()),
        ],
    )
    @pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 422])
    def test_by_name_under_any_status(
        self, name: str, kind: Kind, table: Table, status: int
    ) -> None:
        """Neither venue uses its statuses consistently; Bithumb refuses with a 200."""
        read = at_upbit if table is UPBIT_ERRORS else at_bithumb

        placement = read(an_error(name, status))

        match kind:
            case Kind.REJECTED | Kind.STALE_RULES | Kind.HALTS:
                assert placement == Rejected(
                    name, "왜", halts=kind is Kind.HALTS, stale_rules=kind is Kind.STALE_RULES
                )
            case Kind.THROTTLED:
                assert placement == Throttled(name, 1.0)
            case _:
                assert isinstance(placement, Unknown)

    @pytest.mark.parametrize(
        ("name", "status", "expected"),
        [
            ("something_new", 400, Rejected("something_new", "왜")),
            ("something_new", 401, Rejected("something_new", "왜", halts=True)),
            ("something_new", 403, Rejected("something_new", "왜", halts=True)),
            (400, 400, Rejected("400", "왜")),
            (400, 200, Rejected("400", "왜")),
            (429, 200, Throttled("429", 1.0)),
            ("something_new", 429, Throttled("something_new", 1.0)),
        ],
    )
    def test_what_is_not_in_the_table(
        self, name: str | int, status: int, expected: Placement
    ) -> None:
        """No published list is complete."""
        assert at_upbit(an_error(name, status)) == expected

    @pytest.mark.parametrize(
        ("name", "status"),
        [("something_new", 200), ("something_new", 409), (500, 200), (404, 404), ("", 200)],
    )
    def test_what_contradicts_itself_is_unknown(self, name: str | int, status: int) -> None:
        """A refusal under a success, a conflict, an absence in answer to a placing."""
        assert isinstance(at_upbit(an_error(name, status)), Unknown)


class TestAskedTooOften:
    """A 429 was not executed; a 418 shuts everything for as long as it says."""

    def test_a_limit_without_a_body(self) -> None:
        """The next second is another chance."""
        assert at_bithumb(an_answer("", 429)) == Throttled("HTTP_429", 1.0)

    def test_a_limit_that_tells_how_long(self) -> None:
        """The header counts where there is one."""
        answer = an_answer("", 429, {"retry-after": "7"})

        assert at_upbit(answer) == Throttled("HTTP_429", 7.0)

    @pytest.mark.parametrize(
        ("message", "wait_s"),
        [
            ("요청이 많아 30초 동안 차단되었습니다.", 30.0),
            ("You have been blocked for 5 minutes", 300.0),
            ("차단 시간: 1시간", 3600.0),
            ("blocked for 1500 ms", 1.5),
            ("차단 10 분", 600.0),
            ("차단되었습니다", 120.0),
            ("blocked for 999999999 hours", 259_200.0),
            ("3 strikes", 120.0),
        ],
    )
    def test_a_ban_tells_its_time_in_the_body(self, message: str, wait_s: float) -> None:
        """In words of either language; two minutes where it says nothing we can read."""
        placement = at_upbit(an_error("too_many_requests", 418, message))

        assert placement == Throttled("too_many_requests", wait_s, banned=True)

    def test_a_ban_in_a_header(self) -> None:
        """The header before the body."""
        assert ban_s(an_answer("blocked for 5 minutes", 418, {"retry-after": "9"})) == 9.0
