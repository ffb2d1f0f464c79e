"""What may be asked of a venue now: limits as data, reserves, what answers teach, bans."""

import json
import math
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from trader.domain.clock import Stamp
from trader.wire.budget import Budget, Left, Limit, Pause, Told, Used, retry_after_s
from trader.wire.http import HttpAnswer

S = 1_000_000_000
MINUTE = 60 * S
START = Stamp(1_795_000_020 * S - 1_795_000_020 * S % MINUTE, 500 * S)
"""At the beginning of a minute."""


def after(seconds: float, wall_step_s: float = 0.0) -> Stamp:
    """So long after the start, the wall clock set by ``wall_step_s`` besides."""
    passed = int(seconds * S)
    return Stamp(START.at_ns + passed + int(wall_step_s * S), START.mono_ns + passed)


def an_answer(status: int = 200, **headers: str) -> HttpAnswer:
    """An answer with these headers, underscores for dashes."""
    return HttpAnswer(status, {name.replace("_", "-"): text for name, text in headers.items()}, b"")


ORDERS = Limit("orders", 12, 1.0, ("order",), reserve=4)
WEIGHT = Limit("weight", 100, 60.0, reserve=20, reserve_for=("cancel", "lookup"), aligned=True)


class TestSlidingLimit:
    """Never more than the tokens in any interval, wherever it begins."""

    def test_lets_through_up_to_the_reserve_and_says_how_long_to_wait(self) -> None:
        """What is not urgent leaves the reserve alone."""
        budget = Budget([ORDERS], START)

        for _ in range(8):
            assert budget.take("order", 1, after(0)) == 0.0
        assert budget.take("order", 1, after(0.25)) == pytest.approx(0.75)

    def test_urgent_takes_the_reserve_and_no_more(self) -> None:
        """A closing may use what is kept for closings; the venue's limit binds it too."""
        budget = Budget([ORDERS], START)
        for _ in range(8):
            budget.take("order", 1, after(0))

        assert [budget.take("order", 1, after(0), urgent=True) for _ in range(5)] == [
            0.0,
            0.0,
            0.0,
            0.0,
            pytest.approx(1.0),
        ]

    def test_no_interval_sees_more_than_the_limit(self) -> None:
        """A bucket that refills would let a burst and a refill into one second."""
        budget = Budget([ORDERS], START)
        passed: list[float] = []
        for step in range(300):
            at = step / 100
            if budget.take("order", 1, after(at), urgent=True) == 0:
                passed.append(at)

        assert max(sum(1 for at in passed if t <= at < t + 1) for t in passed) == 12

    def test_a_refused_take_takes_nothing(self) -> None:
        """Not from the other limits either."""
        budget = Budget([Limit("a", 1, 1.0), Limit("b", 9, 1.0)], START)
        budget.take("x", 1, after(0))
        assert budget.take("x", 1, after(0)) > 0

        assert budget.used(after(0)) == {"a": 1, "b": 1}

    def test_what_never_left_is_given_back(self) -> None:
        """An order prepared and not sent costs nothing."""
        budget = Budget([ORDERS, WEIGHT], START)
        budget.take("order", 3, after(5))

        budget.give_back("order", 3, after(5))

        assert budget.used(after(5)) == {"orders": 0, "weight": 0}

    def test_giving_back_twice_gives_nothing(self) -> None:
        """Only what still counts can be undone."""
        budget = Budget([ORDERS], START)
        budget.take("order", 1, after(0))
        budget.take("order", 1, after(0.1))
        budget.give_back("order", 1, after(0))

        budget.give_back("order", 1, after(0))

        assert budget.used(after(0.1)) == {"orders": 1}


class TestCalendarLimit:
    """Starts anew with the calendar's interval, and no step of the wall clock moves that."""

    def test_starts_anew_at_the_minute(self) -> None:
        """Not a minute after the first request."""
        budget = Budget([WEIGHT], START)
        assert budget.take("public", 80, after(50)) == 0.0
        assert budget.take("public", 1, after(51)) == pytest.approx(9.0)

        assert budget.take("public", 80, after(60)) == 0.0

    def test_a_clock_set_forward_opens_nothing(self) -> None:
        """The end of the interval is measured on the monotonic clock."""
        budget = Budget([WEIGHT], START)
        budget.take("public", 80, after(10))

        assert budget.take("public", 1, after(11, wall_step_s=3600)) == pytest.approx(49.0)

    def test_the_reserve_is_open_to_the_groups_it_is_for(self) -> None:
        """Cancels and look-ups go on when quotes have spent the rest."""
        budget = Budget([WEIGHT], START)
        budget.take("public", 80, after(1))

        assert budget.take("cancel", 20, after(1)) == 0.0

    def test_what_never_fits_may_never_leave(self) -> None:
        """Waiting would not help, and a caller must not wait for ever."""
        assert Budget([WEIGHT], START).take("public", 81, after(0)) == math.inf

    def test_a_group_without_a_limit_may_never_leave(self) -> None:
        """A missing row of the table is a refusal, never a licence."""
        assert Budget([ORDERS], START).take("default", 1, after(0)) == math.inf

    def test_counts_requests_where_the_venue_does(self) -> None:
        """Binance counts orders beside weights."""
        budget = Budget([Limit("orders", 2, 10.0, by_weight=False, aligned=True)], START)

        assert budget.take("order", 50, after(0)) == 0.0
        assert budget.used(after(0)) == {"orders": 1}

    def test_looking_takes_nothing(self) -> None:
        """Whoever only wants to know how long to wait leaves the tokens where they are."""
        budget = Budget([Limit("orders", 1, 1.0, ("order",))], START)

        assert [budget.wait_s("order", 1, after(0)) for _ in range(3)] == [0.0, 0.0, 0.0]
        assert budget.take("order", 1, after(0)) == 0.0
        assert budget.wait_s("order", 1, after(0.25)) == pytest.approx(0.75)

    def test_the_used_share_is_that_of_the_limit_nearest_to_its_end(self) -> None:
        """A venue refuses by whichever is used up first; without limits nothing is used."""
        budget = Budget([ORDERS, WEIGHT], START)
        budget.take("order", 3, after(0))

        assert budget.used_ratio(after(0)) == pytest.approx(3 / 12)
        assert budget.used_ratio(after(2)) == pytest.approx(3 / 100)
        assert Budget([], START).used_ratio(after(0)) == 0.0

    def test_a_restated_limit_binds_from_now_on(self) -> None:
        """The venue's own number wins over the table's."""
        budget = Budget([WEIGHT], START)
        budget.restate("weight", 10)

        assert budget.take("cancel", 11, after(0)) == math.inf
        assert budget.take("cancel", 10, after(0)) == 0.0


def reading(*told: Told) -> "Budget":
    """A budget whose venue says this in every answer."""

    def reader(answer: HttpAnswer) -> Sequence[Told]:
        del answer
        return told

    return Budget([ORDERS, WEIGHT], START, reader)


class TestWhatAnswersTeach:
    """The venue knows better than we: others may draw on the same limit."""

    def test_a_higher_count_is_believed(self) -> None:
        """Upbit tells what is left, Binance what is spent."""
        budget = reading(Left("orders", 3), Used("weight", 90))

        budget.heard("order", an_answer(), asked=after(5), now=after(5.1))

        assert budget.used(after(5.1)) == {"orders": 9, "weight": 90}

    def test_a_lower_count_is_not(self) -> None:
        """Requests under way are not in it yet."""
        budget = reading(Left("orders", 12), Used("weight", 0))
        budget.take("order", 2, after(5))

        budget.heard("order", an_answer(), asked=after(5), now=after(5.1))

        assert budget.used(after(5.1)) == {"orders": 2, "weight": 2}

    def test_a_count_of_the_last_interval_is_not(self) -> None:
        """It would shut us out for a whole minute."""
        budget = reading(Used("weight", 95))
        budget.take("public", 1, after(60))

        budget.heard("public", an_answer(), asked=after(59.9), now=after(60.1))
        budget.heard("public", an_answer(), asked=after(60.5), now=after(60.7))

        assert budget.used(after(61))["weight"] == 1

    def test_unknown_limits_in_answers_are_ignored(self) -> None:
        """Venues add headers without asking us."""
        reading(Used("surprise", 3)).heard("order", an_answer(), after(0), after(0))


class TestRefusals:
    """429 stops a group, 418 everything; both for as long as the venue says."""

    def test_429_stops_the_group_for_the_time_told(self) -> None:
        """Other groups go on; urgency changes nothing."""
        budget = Budget([ORDERS, WEIGHT], START)
        budget.heard("order", an_answer(429, retry_after="7"), after(0), after(0))

        assert budget.take("order", 1, after(1), urgent=True) == pytest.approx(6.0)
        assert budget.take("lookup", 1, after(1)) == 0.0
        assert budget.take("order", 1, after(7)) == 0.0

    def test_a_refusal_after_a_refusal_waits_longer(self) -> None:
        """Who goes on asking is banned; the wait doubles up to a minute and falls on success."""
        budget = Budget([ORDERS], START)
        waits = []
        for number in range(9):
            budget.heard("order", an_answer(429), after(100 * number), after(100 * number))
            waits.append(budget.take("order", 1, after(100 * number)))
        budget.heard("order", an_answer(200), after(1000), after(1000))
        budget.heard("order", an_answer(429), after(1000), after(1000))

        assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
        assert budget.take("order", 1, after(1000)) == 1
        assert budget.refusals == 10

    def test_a_ban_is_told_once(self) -> None:
        """Answers that were on their way when it began say nothing new."""
        told: list[float] = []
        budget = Budget([ORDERS], START, banned=told.append)
        for _ in range(3):
            budget.heard("order", an_answer(418, retry_after="60"), after(0), after(0))
        budget.heard("order", an_answer(418, retry_after="90"), after(100), after(100))

        assert told == [60.0, 90.0]
        assert (budget.bans, budget.refusals) == (2, 4)

    def test_what_the_body_says_replaces_the_default(self) -> None:
        """Upbit tells the time of a block in the body only."""
        budget = reading(Pause(300.0, banned=True))

        budget.heard("order", an_answer(418), after(0), after(0))

        assert budget.banned_s(after(0)) == 300.0
        assert budget.take("lookup", 1, after(100), urgent=True) == 200.0

    @pytest.mark.parametrize("told_s", [math.nan, -5.0, 0.0])
    def test_a_senseless_wait_is_the_shortest_one(self, told_s: float) -> None:
        """Never none."""
        budget = Budget([ORDERS], START)

        budget.throttled("order", told_s, after(0))
        budget.throttled("", told_s, after(0), banned=True)

        assert budget.banned_s(after(0)) == 120.0

    def test_no_wait_is_longer_than_any_ban(self) -> None:
        """Three days is the longest a venue here bans."""
        budget = Budget([ORDERS], START)

        budget.throttled("", math.inf, after(0), banned=True)

        assert budget.banned_s(after(0)) == 3 * 86_400

    @pytest.mark.parametrize(
        ("text", "expected"),
        [("30", 30.0), (" 1.5 ", 1.5), ("", None), ("soon", None), ("nan", None), ("-1", None)],
    )
    def test_retry_after_is_seconds_or_nothing(self, text: str, expected: float | None) -> None:
        """A date or nonsense is no number."""
        assert retry_after_s(an_answer(429, retry_after=text)) == expected


class TestBanAcrossRestarts:
    """A restart does not run into a ban again, whatever the clock did meanwhile."""

    def banned(self, path: Path) -> None:
        """A process is banned for an hour and ends."""
        Budget([ORDERS], START, bans=path).heard(
            "order", an_answer(418, retry_after="3600"), after(0), after(0)
        )

    def restarted(self, path: Path, now: Stamp) -> float:
        """How long the next process waits."""
        return Budget([ORDERS], now, bans=path).banned_s(now)

    def test_is_remembered(self, tmp_path: Path) -> None:
        """And over when it is over."""
        self.banned(tmp_path / "ban.json")

        assert self.restarted(tmp_path / "ban.json", after(600)) == 3000.0
        assert self.restarted(tmp_path / "ban.json", after(3601)) == 0.0

    def test_is_written_for_the_owner_alone(self, tmp_path: Path) -> None:
        """And leaves nothing beside it."""
        self.banned(tmp_path / "ban.json")

        assert stat.S_IMODE((tmp_path / "ban.json").stat().st_mode) == 0o600
        assert [path.name for path in tmp_path.iterdir()] == ["ban.json"]

    def test_a_clock_set_forward_shortens_nothing_while_the_host_runs(self, tmp_path: Path) -> None:
        """The monotonic clock outlives the process."""
        self.banned(tmp_path / "ban.json")

        assert self.restarted(tmp_path / "ban.json", after(600, wall_step_s=9000)) == 3000.0

    def test_a_clock_set_back_prolongs_to_no_more_than_the_ban(self, tmp_path: Path) -> None:
        """The whole ban from now is always enough."""
        self.banned(tmp_path / "ban.json")

        assert self.restarted(tmp_path / "ban.json", after(600, wall_step_s=-9e6)) == 3600.0

    def test_after_a_boot_the_wall_clock_tells(self, tmp_path: Path) -> None:
        """The monotonic clock began anew."""
        self.banned(tmp_path / "ban.json")
        record = json.loads((tmp_path / "ban.json").read_text())
        (tmp_path / "ban.json").write_text(json.dumps(record | {"boot": "another"}))

        assert self.restarted(tmp_path / "ban.json", Stamp(after(600).at_ns, 5)) == 3000.0

    @pytest.mark.parametrize("content", [b"", b"{}", b'{"ends_at_ns":"soon"}', b"\xff\xfe", b"[1"])
    def test_unreadable_means_a_minute(self, tmp_path: Path, content: bytes) -> None:
        """Nobody can say whether we are banned, so nothing is asked for a while."""
        (tmp_path / "ban.json").write_bytes(content)

        assert self.restarted(tmp_path / "ban.json", START) == 60.0

    def test_without_a_file_nothing_is_banned(self, tmp_path: Path) -> None:
        """The first start is an ordinary one."""
        assert self.restarted(tmp_path / "ban.json", START) == 0.0

    def test_a_file_that_cannot_be_written_stops_nothing(self, tmp_path: Path) -> None:
        """The ban holds in this process all the same."""
        budget = Budget([ORDERS], START, bans=tmp_path / "missing" / "ban.json")

        budget.throttled("", 10, after(0), banned=True)

        assert budget.banned_s(after(0)) == 10.0
