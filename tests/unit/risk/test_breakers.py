"""Breakers: what trips a window, and when its cause is over."""

from decimal import Decimal

from tests.support.builders import AT_NS, SECOND_NS, breaker_rules
from trader.risk.breakers import RejectWindow, RestWindow

MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS


def a_window(rejected: int, accepted: int) -> RejectWindow:
    """A venue's window after so many orders, the rejected ones last."""
    window = RejectWindow(breaker_rules())
    for number in range(rejected + accepted):
        window.add(rejected=number >= accepted, at_ns=AT_NS)
    return window


class TestRejectWindow:
    def test_over_half_of_twenty_trips(self) -> None:
        """Ten of twenty are half, which is not over it; eleven are."""
        assert not a_window(10, 10).is_over
        assert a_window(11, 9).is_over
        assert a_window(11, 9).share_pct == Decimal(55)

    def test_is_measured_against_the_whole_window(self) -> None:
        """One rejection at the start of a day is not a hundred percent; eleven are enough."""
        assert a_window(1, 0).share_pct == Decimal(5)
        assert not a_window(10, 0).is_over
        assert a_window(11, 0).is_over

    def test_only_the_last_twenty_count(self) -> None:
        """What fell out of the window is forgotten."""
        window = a_window(11, 9)
        for _ in range(20):
            window.add(rejected=False, at_ns=AT_NS)

        assert window.share_pct == 0

    def test_stands_until_ten_quiet_minutes(self) -> None:
        """Not a moment less."""
        window = a_window(20, 0)

        assert not window.settle(AT_NS + 10 * MINUTE_NS - 1)
        assert window.is_over
        assert window.settle(AT_NS + 10 * MINUTE_NS)

    def test_starts_empty_when_it_settled(self) -> None:
        """The next rejection is the first of a new window."""
        window = a_window(20, 0)
        window.settle(AT_NS + 10 * MINUTE_NS)
        window.add(rejected=True, at_ns=AT_NS + 11 * MINUTE_NS)

        assert not window.is_over

    def test_another_rejection_prolongs_the_wait(self) -> None:
        """Ten minutes count from the last one."""
        window = a_window(20, 0)
        window.add(rejected=True, at_ns=AT_NS + 5 * MINUTE_NS)

        assert not window.settle(AT_NS + 14 * MINUTE_NS)
        assert window.settle(AT_NS + 15 * MINUTE_NS)

    def test_an_accepted_order_does_not_prolong_it(self) -> None:
        """Only rejections are the cause."""
        window = a_window(20, 0)
        window.add(rejected=False, at_ns=AT_NS + 9 * MINUTE_NS)

        assert window.settle(AT_NS + 10 * MINUTE_NS)


class TestRestWindow:
    def test_the_third_rest_in_an_hour_trips(self) -> None:
        """Two do not."""
        window = RestWindow(breaker_rules())
        window.add(AT_NS)
        window.add(AT_NS + MINUTE_NS)
        two = window.is_over(AT_NS + MINUTE_NS)
        window.add(AT_NS + 2 * MINUTE_NS)

        assert (two, window.is_over(AT_NS + 2 * MINUTE_NS)) == (False, True)

    def test_is_over_when_the_first_is_an_hour_old(self) -> None:
        """Under three in the hour, the breaker clears."""
        window = RestWindow(breaker_rules())
        for minute in (0, 20, 40):
            window.add(AT_NS + minute * MINUTE_NS)

        assert window.is_over(AT_NS + HOUR_NS - 1)
        assert not window.is_over(AT_NS + HOUR_NS)
        assert window.count(AT_NS + HOUR_NS) == 2

    def test_rests_over_more_than_an_hour_do_not_trip(self) -> None:
        """Three rests, but never three within one hour."""
        window = RestWindow(breaker_rules())
        for minute in (0, 31, 62):
            window.add(AT_NS + minute * MINUTE_NS)

        assert not window.is_over(AT_NS + 62 * MINUTE_NS)
