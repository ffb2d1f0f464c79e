"""What a refusal means: whether there is an order, whether there may be one, when to ask again."""

import msgspec
import pytest

from trader.domain.errors import OutcomeUnknown, VenueRejected
from trader.execution.binance_errors import CODES, Fate, code_of, fault_of, refusal_of
from trader.execution.binance_limits import LIMITS, RateLimitRow, read_limits, stated_limits
from trader.execution.venue import Rejected, Throttled, Unknown
from trader.wire.budget import Pause, Used
from trader.wire.http import HttpAnswer

BALANCE = "Account has insufficient balance for requested action."


def refused(
    status: int, code: int | None = None, message: str = "m", retry_after: str | None = None
) -> HttpAnswer:
    """A refusal as the venue writes it."""
    body = b"<html>" if code is None else msgspec.json.encode({"code": code, "msg": message})
    return HttpAnswer(status, {} if retry_after is None else {"retry-after": retry_after}, body)


class TestRejected:
    """The venue looked at it and said no: nothing rests and nothing was executed."""

    @pytest.mark.parametrize(
        ("code", "message", "halts", "stale_rules"),
        [
            (-1013, "Filter failure: LOT_SIZE", False, True),
            (-1111, "m", False, True),
            (-1121, "Invalid symbol.", False, True),
            (-1021, "m", False, True),
            (-1100, "m", False, False),
            (-1102, "m", False, False),
            (-1130, "m", False, False),
            (-1022, "m", True, False),
            (-1002, "m", True, False),
            (-2014, "m", True, False),
            (-2015, "m", True, False),
            (-2010, BALANCE, False, False),
            (-2010, "Order would immediately match and take.", False, False),
            (-2010, "Something else.", False, False),
            (-2010, "Market is closed.", False, True),
            (-2010, "This symbol is not permitted for this account.", False, True),
            (-2010, "This action is disabled on this account.", True, False),
        ],
    )
    def test_code(self, code: int, message: str, halts: bool, stale_rules: bool) -> None:
        """Whose fault it is: the order's, the rules' we go by, or the key's."""
        expected = Rejected(str(code), message, halts, stale_rules)

        assert refusal_of(refused(400, code, message)) == expected

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
    def test_the_code_counts_and_not_the_status(self, status: int) -> None:
        """Any refusal that carries a known code is one."""
        assert refusal_of(refused(status, -2015)) == Rejected("-2015", "m", halts=True)

    def test_a_message_is_one_short_line(self) -> None:
        """It goes into logs and alerts."""
        said = refusal_of(refused(400, -2010, "a\nb" + "x" * 500))

        assert isinstance(said, Rejected)
        assert said.message.startswith("a b")
        assert len(said.message) == 200


class TestUnknown:
    """Nobody can say: only a look-up settles it, and never a second order."""

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    @pytest.mark.parametrize("code", [None, -1000, -1001, -1006, -1007, -2010, -1013, -1022])
    def test_a_server_error_whatever_it_says(self, status: int, code: int | None) -> None:
        """It may have come from behind the point where the order was taken."""
        assert isinstance(refusal_of(refused(status, code)), Unknown)

    @pytest.mark.parametrize("code", [-1000, -1001, -1006, -1007, -1016, -9999, 0, 200])
    def test_codes(self, code: int) -> None:
        """Those that say so, and those that no table knows."""
        assert isinstance(refusal_of(refused(400, code)), Unknown)

    @pytest.mark.parametrize("status", [0, 301, 400, 403, 404, 408])
    def test_what_cannot_be_read(self, status: int) -> None:
        """A firewall's page says nothing of what it let through."""
        assert isinstance(refusal_of(refused(status)), Unknown)

    @pytest.mark.parametrize("message", ["Duplicate order sent.", "duplicate order sent"])
    def test_a_duplicate(self, message: str) -> None:
        """An order with this id is open: looked up, and never taken for refused."""
        assert isinstance(refusal_of(refused(400, -2010, message)), Unknown)

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b"\xff", b"[" * 100_000, b'{"code":"x"}', b"null"]
    )
    def test_any_body(self, body: bytes) -> None:
        """Never an exception."""
        assert isinstance(refusal_of(HttpAnswer(400, {}, body)), Unknown)


class TestThrottled:
    """Nobody looked at it; the venue says, or is known to mean, how long to wait."""

    @pytest.mark.parametrize(
        ("status", "code", "retry_after", "expected"),
        [
            (429, -1003, "7", Throttled("-1003", 7.0)),
            (429, -1015, "3", Throttled("-1015", 3.0)),
            (429, -1003, None, Throttled("-1003", 60.0)),
            (429, -1015, None, Throttled("-1015", 10.0)),
            (429, None, None, Throttled("429", 60.0)),
            (429, -1007, None, Throttled("-1007", 60.0)),
            (429, -1003, "soon", Throttled("-1003", 60.0)),
            (418, -1003, "3600", Throttled("-1003", 3600.0, banned=True)),
            (418, None, None, Throttled("418", 120.0, banned=True)),
            (418, -1003, "1e9", Throttled("-1003", 345_600.0, banned=True)),
            (400, -1008, None, Throttled("-1008", 1.0)),
            (503, -1008, None, Throttled("-1008", 1.0)),
            (400, -1015, None, Throttled("-1015", 10.0)),
            (400, -1034, None, Throttled("-1034", 60.0)),
        ],
    )
    def test_answer(
        self, status: int, code: int | None, retry_after: str | None, expected: Throttled
    ) -> None:
        """429 and 418 by their status, overload by its code."""
        assert refusal_of(refused(status, code, retry_after=retry_after)) == expected


class TestFaults:
    """The same meanings as exceptions, for everything that is asked and waited for."""

    def test_rejected(self) -> None:
        """With the code in the message."""
        fault = fault_of("order", refused(400, -2011, "Unknown order sent."))

        assert isinstance(fault, VenueRejected)
        assert str(fault) == "binance order: -2011 Unknown order sent."

    def test_throttled_is_a_refusal(self) -> None:
        """It left this machine, so it was not unavailable."""
        fault = fault_of("order", refused(429, -1003, retry_after="7"))

        assert isinstance(fault, VenueRejected)
        assert "not before 7 s" in str(fault)

    def test_unknown(self) -> None:
        """Whatever a server error says."""
        assert isinstance(fault_of("order", refused(502)), OutcomeUnknown)

    def test_a_server_error_has_no_code(self) -> None:
        """That an order does not exist is only believed from an answer that knows."""
        assert code_of(refused(400, -2013)) == -2013
        assert code_of(refused(500, -2013)) is None

    def test_all_that_the_fact_sheet_names_is_in_the_table(self) -> None:
        """And nothing that says unknown is missing from it by accident."""
        unknown = {code for code, meaning in CODES.items() if meaning.fate is Fate.UNKNOWN}

        assert unknown == {-1000, -1001, -1006, -1007, -1016}
        assert {-1003, -1008, -1015, -1034} == {
            code for code, meaning in CODES.items() if meaning.fate is Fate.THROTTLED
        }


class TestLimits:
    """The venue's own count corrects ours."""

    def test_counts_in_the_headers(self) -> None:
        """Weight by minute, orders by ten seconds and day."""
        headers = {
            "x-mbx-used-weight-1m": "42",
            "x-mbx-order-count-10s": "3",
            "x-mbx-order-count-1d": "77",
        }

        assert list(read_limits(HttpAnswer(200, headers, b""))) == [
            Used("weight", 42),
            Used("orders_10s", 3),
            Used("orders_1d", 77),
        ]

    @pytest.mark.parametrize("text", ["", "-1", "1e3", "x", "９", "1" * 40])
    def test_what_is_no_count_is_none(self, text: str) -> None:
        """Never raises."""
        assert not read_limits(HttpAnswer(200, {"x-mbx-used-weight-1m": text}, b""))

    def test_too_much_weight_stops_everything(self) -> None:
        """It counts per address, whatever is asked."""
        assert list(read_limits(refused(429, -1003, retry_after="7"))) == [Pause(7.0, "", False)]

    def test_too_many_orders_stop_orders(self) -> None:
        """Look-ups and cancels go on."""
        assert list(read_limits(refused(429, -1015, retry_after="7"))) == [
            Pause(7.0, "order", False)
        ]

    def test_a_ban_is_one(self) -> None:
        """Of everything."""
        assert list(read_limits(refused(418, -1003, retry_after="7"))) == [Pause(7.0, "", True)]

    def test_the_venue_states_them_itself(self) -> None:
        """Those we know are taken over by name, others are not ours to count."""
        rows = [
            RateLimitRow("REQUEST_WEIGHT", "MINUTE", 1, 5000),
            RateLimitRow("ORDERS", "SECOND", 10, 50),
            RateLimitRow("ORDERS", "HOUR", 1, 9),
        ]

        assert stated_limits(rows) == {"weight": 5000, "orders_10s": 50}
        assert {"weight", "orders_10s"} < {limit.name for limit in LIMITS}
