"""The pace to one chat, as a bucket: averages, the reserve, what the chat asks."""

import pytest

from bot.pacing import INTERVAL_NS, MAX_HOLD_NS, Pace, is_group

_NS = 1_000_000_000


class TestPace:
    def test_nothing_waits_at_first(self) -> None:
        """The first message goes at once."""
        assert Pace().ready_ns(7, critical=False) == 7

    def test_a_second_lies_between_lesser_ones(self) -> None:
        """One message a second."""
        pace = Pace()
        pace.took(0)

        assert pace.ready_ns(1, critical=False) == INTERVAL_NS >= _NS

    def test_a_critical_takes_the_reserve_and_the_next_lesser_one_pays(self) -> None:
        """It goes right after another message; the lesser one waits two seconds."""
        pace = Pace()
        pace.took(0)
        assert pace.ready_ns(1, critical=True) == 1
        pace.took(1)

        assert pace.ready_ns(2, critical=False) == 2 * INTERVAL_NS
        assert pace.ready_ns(2, critical=True) == INTERVAL_NS

    def test_criticals_keep_the_average(self) -> None:
        """A hundred criticals take a hundred seconds, but for the one in reserve."""
        pace, now = Pace(), 0
        for _ in range(100):
            now = pace.ready_ns(now, critical=True)
            pace.took(now)

        assert now == 98 * INTERVAL_NS

    @pytest.mark.parametrize("critical", [True, False])
    def test_a_group_takes_twenty_in_any_minute(self, critical: bool) -> None:
        """Whatever is sent, and however urgent."""
        pace, now, times = Pace(is_group=True), 0, []
        for _ in range(100):
            now = pace.ready_ns(now, critical=critical)
            pace.took(now)
            times.append(now)

        assert all(b - a > 60 * _NS for a, b in zip(times, times[20:], strict=False))

    def test_lesser_ones_leave_a_group_room_for_criticals(self) -> None:
        """After a minute of warnings two criticals go within a second or so."""
        pace, now = Pace(is_group=True), 0
        for _ in range(60):
            now = pace.ready_ns(now, critical=False)
            pace.took(now)
        for _ in range(2):
            ready = pace.ready_ns(now, critical=True)
            assert ready - now <= INTERVAL_NS
            pace.took(ready)
            now = ready

    @pytest.mark.parametrize("critical", [True, False])
    def test_what_the_chat_asks_holds_for_all(self, critical: bool) -> None:
        """17 s are 17 s, and a later, shorter wish takes nothing off."""
        pace = Pace()
        pace.hold(0, 17)
        pace.hold(0, 3)

        assert pace.ready_ns(5, critical=critical) == 17 * _NS

    def test_a_hold_is_bounded(self) -> None:
        """Nobody is silenced for good by one answer, nor by nonsense in it."""
        pace = Pace()
        pace.hold(0, 1e12)
        assert pace.ready_ns(0, critical=True) == MAX_HOLD_NS

        pace = Pace()
        pace.hold(5, -3)
        assert pace.ready_ns(5, critical=True) == 5


@pytest.mark.parametrize(
    ("chat", "group"), [("42", False), ("-42", True), ("-100123", True), ("@ch", True)]
)
def test_groups_go_by_their_id(chat: str, group: bool) -> None:
    """A group's id is negative."""
    assert is_group(chat) is group
