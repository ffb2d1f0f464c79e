"""What follows a control's name: durations, scopes, reasons, numbers."""

import pytest

from bot.asked import (
    MAX_PAUSE_S,
    HaltAsked,
    PauseAsked,
    duration_s,
    halt_asked,
    id_asked,
    pause_asked,
    scope_asked,
)


class TestDuration:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("30m", 1_800),
            ("2h", 7_200),
            ("1h30m", 5_400),
            ("90s", 90),
            ("1D", 86_400),
            ("30d", 2_592_000),
        ],
    )
    def test_says_seconds(self, text: str, seconds: int) -> None:
        """Days, hours, minutes and seconds, in this order."""
        assert duration_s(text, MAX_PAUSE_S) == seconds

    @pytest.mark.parametrize(
        "text",
        ["", "30", "0m", "m", "30m2h", "-5m", "1.5h", "31d", "99999999h", "m30", "30분", "٣٠m"],
    )
    def test_is_nothing_else(self, text: str) -> None:
        """Neither nothing, nor more than allowed, nor anything one would have to guess."""
        assert duration_s(text, MAX_PAUSE_S) is None


class TestPause:
    @pytest.mark.parametrize(
        ("words", "asked"),
        [
            ("", PauseAsked()),
            ("30m", PauseAsked("", 1_800)),
            ("upbit", PauseAsked("upbit")),
            ("upbit-binance 2h", PauseAsked("upbit-binance", 7_200)),
            ("2h upbit", PauseAsked("upbit", 7_200)),
        ],
    )
    def test_takes_scope_and_time_in_any_order(self, words: str, asked: PauseAsked) -> None:
        """At most one of each."""
        assert pause_asked(tuple(words.split())) == asked

    @pytest.mark.parametrize("words", ["upbit bithumb", "2h 30m", "30", "0m", "<b>", "40d"])
    def test_does_not_guess(self, words: str) -> None:
        """What cannot be meant is None, so that the person learns what can."""
        assert pause_asked(tuple(words.split())) is None


class TestOthers:
    def test_a_resume_names_one_scope_at_most(self) -> None:
        """Everything, or one."""
        assert scope_asked(()) == ""
        assert scope_asked(("upbit",)) == "upbit"
        assert scope_asked(("upbit", "bithumb")) is None
        assert scope_asked(("30m",)) is None

    def test_a_halt_understands_every_word(self) -> None:
        """Nothing written after it may keep it from halting."""
        assert halt_asked(()) == HaltAsked()
        assert halt_asked(("NOW", "fat", "finger")) == HaltAsked(True, "fat finger")
        assert halt_asked(("즉시",)) == HaltAsked(True)
        assert halt_asked(("what", "now")) == HaltAsked(False, "what now")
        assert len(halt_asked(("x" * 5_000,)).reason) == 200

    @pytest.mark.parametrize(
        ("words", "number"),
        [("12", 12), ("#12", 12), ("", None), ("x", None), ("1 2", None), ("٣", None)],
    )
    def test_an_alert_is_named_by_its_number(self, words: str, number: int | None) -> None:
        """With its sign or without."""
        assert id_asked(tuple(words.split())) == number
