"""What comes next, as a table: one view, one step."""

from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from bot.stories import (
    DIGEST,
    EDIT_GAP_NS,
    GATHER_NS,
    OLD_NS,
    EditStory,
    Repeat,
    SendCritical,
    SendDigest,
    SendInfos,
    SendWarning,
    Told,
    Tracked,
    View,
    Wait,
    begun,
    choose,
    is_finished,
    is_foreign,
    is_quiet,
    repeat_gap_ns,
    tracked_again,
    updated,
)
from tests.support.sender_desk import a_critical, a_warning, an_info, the_end_of
from trader.domain.control import Alert, AlertCode, Severity
from trader.domain.delivery import Folded, StoredAlert

_NS = 1_000_000_000
_MINUTE = 60 * _NS
NOW = 1_795_000_000 * _NS
MONO = 1_000 * _NS


def a_row(alert_id: int, alert: Alert, age_s: float = 1, **more: int | None) -> StoredAlert:
    """An alert that waits."""
    created = NOW - int(age_s * _NS)
    row = StoredAlert(alert_id, alert, created, last_ns=created)
    return replace(row, **more)


def a_view(*rows: StoredAlert, **more: object) -> View:
    """A look at the outbox."""
    return replace(View(rows, NOW, MONO, infos_since_mono=MONO - GATHER_NS), **more)


def tracked(alert: Alert, age_s: float = 30, **more: int | bool | None) -> Tracked:
    """A story told a while ago."""
    story = begun(a_row(1, alert, age_s), 77, NOW - int(age_s * _NS))
    return Tracked(replace(story, **more), edited_mono=MONO - EDIT_GAP_NS)


CRITICAL, WARNING, INFO = a_critical(), a_warning(), an_info()
STANDS = frozenset({CRITICAL.key, WARNING.key})
TOLD_WARNING = {WARNING.key: tracked(WARNING)}
DUE_CRITICAL = {CRITICAL.key: replace(tracked(CRITICAL), repeat_mono=MONO)}
ROWS = {
    "critical": a_row(10, a_critical("t-9")),
    "ending": a_row(11, the_end_of(WARNING, AlertCode.FEED_RECOVERED)),
    "warning": a_row(12, a_warning("other")),
    "counter": a_row(13, WARNING),
    "info": a_row(14, INFO),
}


class TestRank:
    @pytest.mark.parametrize(
        ("left_out", "kind"),
        [
            ((), SendCritical),
            (("critical",), EditStory),
            (("critical", "ending"), Repeat),
            (("critical", "ending", "repeat"), SendWarning),
            (("critical", "ending", "repeat", "warning"), EditStory),
            (("critical", "ending", "repeat", "warning", "counter"), SendInfos),
            (("critical", "ending", "repeat", "warning", "counter", "info"), Wait),
        ],
    )
    def test_goes_from_the_most_urgent_down(self, left_out: tuple[str, ...], kind: type) -> None:
        """Critical, ends, repeats, new warnings, counters, infos."""
        rows = [row for name, row in ROWS.items() if name not in left_out]
        stories = TOLD_WARNING | ({} if "repeat" in left_out else DUE_CRITICAL)
        stands = STANDS if "ending" in left_out else STANDS - {WARNING.key}

        step = choose(a_view(*rows, stories=stories, conditions=stands))

        assert type(step) is kind

    def test_the_oldest_of_a_kind_goes_first(self) -> None:
        """The order of the outbox is the order of telling."""
        first, second = a_row(1, a_warning("a")), a_row(2, a_warning("b"))

        assert choose(a_view(first, second)) == SendWarning(first, silent=False)

    def test_the_end_of_trading_overtakes_other_criticals(self) -> None:
        """Also those that wait longer."""
        halted = Alert(AlertCode.HALTED, Severity.CRITICAL, "halted", 1, {}, lasting=True)
        first, urgent, later = a_row(1, CRITICAL), a_row(2, halted), a_row(3, halted)

        assert choose(a_view(first, urgent, later)) == SendCritical(urgent)
        assert choose(a_view(first, urgent, troubled={2: MONO + 1})) == SendCritical(first)

    def test_live_again_sounds_at_night(self) -> None:
        """That orders for real money go again wakes its reader, as their end did."""
        live = Alert(AlertCode.LIVE_ALLOWED, Severity.WARNING, "live", 1, {}, clears=True)
        row = a_row(1, live)

        assert choose(a_view(row, quiet=True)) == SendWarning(row, silent=False)

    def test_the_longest_unedited_counter_goes_first(self) -> None:
        """So that few storms do not keep the others' counters still."""
        stories = {
            name: replace(tracked(a_warning(name)), edited_mono=MONO - age * _NS)
            for name, age in (("a", 20), ("b", 30))
        }
        stories = {one.story.key: one for one in stories.values()}
        rows = [a_row(2, a_warning("a")), a_row(3, a_warning("b"))]

        step = choose(a_view(*rows, stories=stories))

        assert isinstance(step, EditStory)
        assert step.rows == (rows[1],)


class TestJoining:
    @pytest.mark.parametrize(("age_s", "joins"), [(5, True), (40, False), (9_000, False)])
    def test_a_time_before_the_last_is_another_message(self, age_s: int, joins: bool) -> None:
        """The clock was set back; how much lies between nobody knows."""
        row = a_row(9, WARNING, age_s)

        step = choose(a_view(row, stories=TOLD_WARNING))

        assert isinstance(step, EditStory) is joins


class TestForeign:
    @pytest.mark.parametrize(
        ("alert_id", "age_s", "foreign"),
        [
            (5, 30, False),
            (5, 29, True),
            (5, 31, True),
            (4, 20, True),
            (4, 40, False),
            (6, 1, False),
        ],
    )
    def test_is_a_story_that_the_outbox_contradicts(
        self, alert_id: int, age_s: int, foreign: bool
    ) -> None:
        """One number with two times, or a lower number that entered later."""
        story = begun(a_row(5, WARNING, 30), 77, NOW)

        assert is_foreign(story, a_row(alert_id, WARNING, age_s)) is foreign


class TestWait:
    @pytest.mark.parametrize(
        ("view", "until"),
        [
            (a_view(), None),
            (a_view(a_row(1, INFO), infos_since_mono=MONO), MONO + GATHER_NS),
            (a_view(a_row(1, CRITICAL), troubled={1: MONO + 9}), MONO + 9),
            (
                a_view(
                    a_row(2, WARNING),
                    stories={WARNING.key: replace(tracked(WARNING), edited_mono=MONO)},
                ),
                MONO + EDIT_GAP_NS,
            ),
            (
                a_view(
                    stories={CRITICAL.key: replace(tracked(CRITICAL), repeat_mono=MONO + 3)},
                    conditions=STANDS,
                ),
                MONO + 3,
            ),
            (
                a_view(folded=(Folded(AlertCode.DUST, 1, 0, 0),), troubled={DIGEST: MONO + 4}),
                MONO + 4,
            ),
        ],
    )
    def test_lasts_until_the_next_thing_is_due(self, view: View, until: int | None) -> None:
        """Nothing sleeps past what is due, and nothing spins."""
        assert choose(view) == Wait(until)

    def test_is_cut_short_by_hurry(self) -> None:
        """At shutdown neither gathering nor gaps are waited for."""
        view = a_view(a_row(1, INFO), infos_since_mono=MONO, hurry=True)

        assert choose(view) == SendInfos(view.waiting)


class TestRepeats:
    @pytest.mark.parametrize(
        ("story", "stands"),
        [
            (tracked(CRITICAL, seen_ns=1), STANDS),
            (tracked(CRITICAL, over_ns=1), STANDS),
            (tracked(CRITICAL, closed=True), STANDS),
            (tracked(CRITICAL), frozenset()),
            (tracked(WARNING), STANDS),
        ],
    )
    def test_only_what_stands_unseen(self, story: Tracked, stands: frozenset[str]) -> None:
        """Seen, over, or no critical: silence."""
        due = {story.story.key: replace(story, repeat_mono=MONO - 1)}

        assert isinstance(choose(a_view(stories=due, conditions=stands)), Wait)

    def test_come_after_one_three_ten_thirty_minutes_then_hourly(self) -> None:
        """The gaps add up to the schedule."""
        at, times = 0, []
        for repeats in range(6):
            at += repeat_gap_ns(repeats)
            times.append(at // _MINUTE)

        assert times == [1, 3, 10, 30, 90, 150]

    @pytest.mark.parametrize(("ahead_s", "wait_s"), [(30, 30), (-5, 0), (3_600, 60), (0, 0)])
    def test_are_due_within_their_gap_after_a_restart(self, ahead_s: int, wait_s: int) -> None:
        """However far the wall clock has stepped back."""
        story = replace(tracked(CRITICAL).story, next_repeat_ns=NOW + ahead_s * _NS)

        assert tracked_again(story, NOW, MONO).repeat_mono == MONO + wait_s * _NS


class TestInfos:
    def test_old_ones_are_a_digest_of_all(self) -> None:
        """One old one is enough: an outage lies behind, and one message tells it."""
        rows = (a_row(1, INFO, OLD_NS / _NS + 1), a_row(2, an_info("b")))

        assert choose(a_view(*rows)) == SendDigest(rows, ())

    def test_one_alone_is_told_in_full_however_old(self) -> None:
        """A digest of one would say less than it."""
        row = a_row(1, INFO, OLD_NS / _NS + 1)

        assert choose(a_view(row)) == SendInfos((row,))

    def test_a_disliked_one_goes_alone(self) -> None:
        """It spoils nobody's company."""
        rows = (a_row(1, INFO), a_row(2, an_info("b")))

        assert choose(a_view(*rows, troubled={2: MONO})) == SendInfos((rows[1],))


class TestUpdated:
    def test_counts_what_was_not_told_yet(self) -> None:
        """Of 60 equal ones, 57 are known to have been told."""
        story = replace(tracked(WARNING).story, count=57)
        row = a_row(1, WARNING, count=60)

        assert updated(story, (row,), {1: Told(57)}, STANDS).count == 60

    def test_an_end_before_the_last_raise_is_no_end(self) -> None:
        """Raised again after it was over: it stands."""
        story = tracked(WARNING).story
        rows = (
            a_row(2, the_end_of(WARNING, AlertCode.FEED_RECOVERED), 9),
            a_row(3, WARNING, 2),
        )

        after = updated(story, rows, {}, STANDS)

        assert (after.over_ns, after.count) == (None, 2)

    def test_an_end_after_it_is_one(self) -> None:
        """The end wins, with the counter in the same edit."""
        story = tracked(WARNING).story
        end = a_row(2, the_end_of(WARNING, AlertCode.FEED_RECOVERED), 1)

        after = updated(story, (end, a_row(3, WARNING, 2)), {}, frozenset())

        assert (after.over_ns, after.count) == (end.created_ns, 2)

    def test_an_end_that_came_while_it_was_told_is_told_by_an_edit(self) -> None:
        """The row is told but for its end."""
        row = a_row(1, WARNING, over_ns=NOW - 5)
        view = a_view(row, stories=TOLD_WARNING, told={1: Told(1)})

        step = choose(view)

        assert isinstance(step, EditStory)
        assert step.story.over_ns == NOW - 5


class TestFinished:
    @pytest.mark.parametrize(
        ("one", "stands", "finished"),
        [
            (tracked(WARNING, 3_600), STANDS, False),
            (tracked(WARNING, 3_600), frozenset(), True),
            (tracked(WARNING, 60), frozenset(), False),
            (tracked(WARNING, 3_600, dirty=True), frozenset(), False),
            (tracked(WARNING, 3_600, over_ns=NOW), STANDS, True),
        ],
    )
    def test_is_what_nothing_can_join(
        self, one: Tracked, stands: frozenset[str], finished: bool
    ) -> None:
        """Only such a story may be let go of."""
        assert is_finished(one.story, NOW, stands) is finished


SEOUL, BERLIN = ZoneInfo("Asia/Seoul"), ZoneInfo("Europe/Berlin")
_2026_03_29_0030_UTC = 1_774_744_200 * _NS
_2026_10_25_0030_UTC = 1_792_888_200 * _NS


class TestQuietHours:
    @pytest.mark.parametrize(
        ("hours", "utc_hour", "quiet"),
        [
            (None, 15, False),
            ("", 15, False),
            ("23:00-07:00", 13, False),
            ("23:00-07:00", 14, True),
            ("23:00-07:00", 15, True),
            ("23:00-07:00", 21, True),
            ("23:00-07:00", 22, False),
            ("01:00-05:00", 16, True),
            ("01:00-05:00", 20, False),
        ],
    )
    def test_may_cross_midnight(self, hours: str | None, utc_hour: int, quiet: bool) -> None:
        """The beginning belongs to them, the end does not; Seoul is nine hours ahead."""
        midnight = NOW - NOW % (24 * 60 * _MINUTE)

        assert is_quiet(midnight + utc_hour * 60 * _MINUTE, hours, SEOUL) is quiet

    @pytest.mark.parametrize(
        ("at_ns", "quiet"),
        [
            # 01:30, then at once 03:30: the hour from two does not exist.
            (_2026_03_29_0030_UTC, True),
            (_2026_03_29_0030_UTC + 60 * _MINUTE, False),
            # 02:30 comes twice, first as summer time.
            (_2026_10_25_0030_UTC, True),
            (_2026_10_25_0030_UTC + 60 * _MINUTE, True),
            (_2026_10_25_0030_UTC + 120 * _MINUTE, False),
        ],
    )
    def test_go_by_the_clock_on_the_wall_when_it_changes(self, at_ns: int, quiet: bool) -> None:
        """On the days the clocks change as on others."""
        assert is_quiet(at_ns, "22:00-03:00", BERLIN) is quiet
