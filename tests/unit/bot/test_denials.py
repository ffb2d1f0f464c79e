"""Of the denied so much is written that it shows, and never so much that it costs the disk."""

from bot.denials import HOURLY_LINES, MAX_STRANGERS, Denials
from bot.updates import Denied, DenyReason
from tests.support.updates import S_NS, WRITTEN_NS

HOUR_NS = 3_600 * S_NS


def denied(user_id: int = 6_666, why: DenyReason = DenyReason.OTHER_CHAT, chat: int = 5) -> Denied:
    return Denied(77, why, user_id, chat, "ab12cd")


class TestLines:
    def test_the_first_of_a_stranger_is_written(self) -> None:
        """Who, where, why, and a mark of the text."""
        (line,) = Denials().note(denied(), WRITTEN_NS)

        assert line.who == "telegram:6666"
        assert line.decision == "denied: other_chat"
        assert line.what == "update 77 in chat 5, text ab12cd"

    def test_the_next_of_the_hour_are_counted(self) -> None:
        """And told with the first of the hour after."""
        denials = Denials()
        denials.note(denied(), WRITTEN_NS)
        silent = [denials.note(denied(), WRITTEN_NS + second * S_NS) for second in range(1, 1_000)]

        (line,) = denials.note(denied(), WRITTEN_NS + HOUR_NS)

        assert not any(silent)
        assert "999 more" in line.what
        assert denials.counts[DenyReason.OTHER_CHAT] == 1_001

    def test_each_reason_and_chat_has_its_own(self) -> None:
        """Forwarding is not what the same stranger did before."""
        denials = Denials()
        denials.note(denied(), WRITTEN_NS)

        assert denials.note(denied(why=DenyReason.FORWARDED), WRITTEN_NS)
        assert denials.note(denied(chat=6), WRITTEN_NS)

    def test_pictures_in_our_own_chat_are_no_attempt(self) -> None:
        """Nor is what the chat says of our own pinning."""
        denials = Denials()

        assert not denials.note(denied(why=DenyReason.WORDLESS), WRITTEN_NS)
        assert denials.counts[DenyReason.WORDLESS] == 1

    def test_a_clock_that_is_set_back_silences_nobody(self) -> None:
        """The hour begins anew."""
        denials = Denials()
        denials.note(denied(), WRITTEN_NS)

        assert denials.note(denied(), WRITTEN_NS - 5 * HOUR_NS)


class TestBounds:
    def test_a_crowd_gets_so_many_lines_an_hour(self) -> None:
        """The rest becomes one number in the next hour."""
        denials = Denials()
        lines = [denials.note(denied(user), WRITTEN_NS) for user in range(50_000)]

        later = denials.note(denied(60_000), WRITTEN_NS + HOUR_NS)

        assert sum(map(len, lines)) == HOURLY_LINES
        assert (
            next(line.what for line in later)
            == f"{50_000 - HOURLY_LINES} more updates of strangers"
        )

    def test_only_so_many_strangers_are_remembered(self) -> None:
        """What was counted of the forgotten is not lost."""
        denials = Denials()
        for hour in range(100):
            for user in range(HOURLY_LINES):
                at_ns = WRITTEN_NS + hour * HOUR_NS
                denials.note(denied(hour * 1_000 + user), at_ns)
                denials.note(denied(hour * 1_000 + user), at_ns)

        assert len(denials._strangers) == MAX_STRANGERS
        (rest,) = denials.flush()
        assert sum(denials.counts.values()) == 100 * HOURLY_LINES * 2
        assert rest.what.endswith("more updates of strangers")

    def test_nothing_counted_is_nothing_to_say(self) -> None:
        """The last line of the day is written only where there is something in it."""
        denials = Denials()
        denials.note(denied(), WRITTEN_NS)
        denials.note(denied(), WRITTEN_NS)

        assert [line.what for line in denials.flush()] == ["1 more updates of strangers"]
        assert denials.flush() == ()
