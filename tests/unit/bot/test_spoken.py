"""Commands, lone words and button data are read strictly: anything near them is plain words."""

import unicodedata

import pytest

from bot.spoken import Spoken, lone_word, split_command, split_tap, spoken, tap_data
from tests.support.updates import INSTANCE, a_heard, a_tap


class TestCommand:
    @pytest.mark.parametrize(
        ("text", "name", "addressed", "args"),
        [
            ("/halt", "halt", "", ()),
            ("/HALT now", "halt", "", ("now",)),
            ("/pause upbit  30m\n", "pause", "", ("upbit", "30m")),
            ("/status@Spread_Bot", "status", "spread_bot", ()),
            ("/status@other_bot x", "status", "other_bot", ("x",)),
            ("/halt 급락\n대응", "halt", "", ("급락", "대응")),
        ],
    )
    def test_splits(self, text: str, name: str, addressed: str, args: tuple[str, ...]) -> None:
        """Name and addressee in small letters, the words as they were written."""
        assert split_command(text) == (name, addressed, args)

    @pytest.mark.parametrize(
        "text",
        [
            "halt",
            " /halt",
            "/",
            "//halt",
            "/halt.",
            "/halt!",
            "/halt@",
            "/긴급정지",
            "/ha-lt",
            "/" + "h" * 33,
            "see /halt",
        ],
    )
    def test_is_none(self, text: str) -> None:
        """Anything else is words, to be answered with a pointer."""
        assert split_command(text) is None


class TestLoneWord:
    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("긴급정지", "halt"),
            ("정지", "halt"),
            ("halt", "halt"),
            ("HALT", "halt"),
            ("  Halt\n", "halt"),
            ("신규진입 중지", "pause"),
            ("신규진입   중지", "pause"),
            ("일시정지", "pause"),
            ("Pause", "pause"),
            ("상태", "status"),
            ("status", "status"),
            (unicodedata.normalize("NFD", "긴급정지"), "halt"),
        ],
    )
    def test_stands_for_a_command(self, text: str, name: str) -> None:
        """Alone in the message, in any case, as any keyboard composes it."""
        assert lone_word(text) == name

    @pytest.mark.parametrize(
        "text",
        [
            "halt.",
            "halt!",
            "halt now",
            "긴급정지!",
            "정지해",
            "do not halt",
            "신규진입",
            "resume",
            "재개",
            "",
            "h a l t",
            "halt" + " " * 100 + "x",
        ],
    )
    def test_needs_the_whole_message(self, text: str) -> None:
        """Talk about halting halts nothing."""
        assert lone_word(text) is None


class TestTap:
    def test_comes_back_as_it_was_made(self) -> None:
        """What a button is given is what its tap means."""
        data = tap_data("confirm", INSTANCE, "x:1")

        assert split_tap(data) == ("confirm", INSTANCE, "x:1")
        assert spoken(a_tap(data)) == Spoken("confirm", ("x:1",))
        assert spoken(a_tap(tap_data("halt", INSTANCE))) == Spoken("halt", ())

    @pytest.mark.parametrize(
        ("verb", "instance", "argument"),
        [
            ("Halt", "a", ""),
            ("", "a", ""),
            ("halt", "", ""),
            ("halt", "a:b", ""),
            ("halt", "a", "x" * 60),
            ("halt", "a", "한" * 20),
            ("ha lt", "a", ""),
        ],
    )
    def test_is_not_made_of_what_cannot_be_read_back(
        self, verb: str, instance: str, argument: str
    ) -> None:
        """A button that does nothing must not reach the chat; Telegram takes 64 bytes."""
        with pytest.raises(ValueError, match="no button"):
            tap_data(verb, instance, argument)

    @pytest.mark.parametrize("data", ["", "halt", "halt:a", ":a:", "HALT:a:", "halt:ä:", "x" * 65])
    def test_is_none_of_ours(self, data: str) -> None:
        """Data of any other form is nobody's command."""
        assert split_tap(data) is None


class TestSpoken:
    def test_knows_words_from_commands(self) -> None:
        """Unknown commands keep their name; unknown words have none."""
        assert spoken(a_heard("/nonsense 1")) == Spoken("nonsense", ("1",))
        assert spoken(a_heard("긴급정지")) == Spoken("halt")
        assert spoken(a_heard("good morning")) is None
        assert spoken(a_heard("/긴급정지")) is None
