"""What the bot says of itself: every command, no way to live, and the halt at hand."""

import re

import pytest

from bot.buttons import buttons, data, rows
from bot.pages import Caller, help_page, live_page, menu, pointer_page, start_page, whoami_page
from tests.support.chat_html import check
from tests.support.page_answers import a_view, an_origin
from trader.port import BlockReason, Language, explain_block

SPOKEN = """
    status metrics guards why pause resume paper halt stop spread flatten close positions orders
    trades balance pnl chart summary alerts mute ack logs config audit health version whoami help
    start drill live
"""
COMMANDS = frozenset(SPOKEN.split())


@pytest.mark.parametrize("language", Language)
class TestHelp:
    def test_has_a_line_for_every_command(self, language: Language) -> None:
        """And for no other."""
        text = check(help_page(a_view(language), an_origin())[0])

        named = re.findall(r"^/(\w+)", text, re.MULTILINE)
        assert len(named) == len(set(named))
        assert set(named) == COMMANDS

    def test_has_a_menu_that_telegram_takes(self, language: Language) -> None:
        """Names of small letters, descriptions of 1 to 256."""
        found = menu(language)

        assert {name for name, _ in found} == COMMANDS
        assert len(found) == len(COMMANDS) <= 100
        assert all(re.fullmatch(r"[a-z0-9_]{1,32}", name) for name, _ in found)
        assert all(1 <= len(text) <= 256 for _, text in found)

    def test_names_no_command_it_does_not_have(self, language: Language) -> None:
        """Pages send people from one to the other."""
        view = a_view(language)
        pages = (start_page(view), pointer_page(view), live_page(view))

        for message in (one for page in pages for one in page):
            assert set(re.findall(r"(?<![\w/])/([a-z]+)\b", message.plain)) <= COMMANDS


@pytest.mark.parametrize("language", Language)
class TestStart:
    def test_greets_with_the_halt_button_on_a_row_of_its_own(self, language: Language) -> None:
        """The one thing that must be at hand."""
        (message,) = start_page(a_view(language), an_origin())

        assert [[one.data for one in row] for row in message.buttons] == [
            ["show:aB3_-x:1 status", "show:aB3_-x:1 help"],
            ["halt:aB3_-x:"],
        ]

    def test_says_that_it_cannot_go_live(self, language: Language) -> None:
        """Whoever steals the phone cannot, either."""
        word = {Language.EN: "only the host can", Language.KO: "호스트에서만 가능"}[language]

        assert word in check(start_page(a_view(language))[0])


@pytest.mark.parametrize("language", Language)
class TestLive:
    def test_refuses_and_names_what_the_host_must_do(self, language: Language) -> None:
        """All three parts, whatever the state."""
        text = check(live_page(a_view(language), an_origin())[0])

        assert {"LIVE_TRADING=1", "mode.current:", "touch"} <= set(text.split())
        assert ".live_trading_ok" in text

    def test_says_what_is_missing_now(self, language: Language) -> None:
        """With the way to mend each."""
        reason = BlockReason.CONFIRM_FILE_MISSING

        text = check(live_page(a_view(language), an_origin(), (reason,))[0])

        words = explain_block(reason, language)
        assert f"✗ {words.sentence}\n→ {words.mend}" in text

    def test_has_no_button(self, language: Language) -> None:
        """There is nothing to tap that could raise it."""
        assert live_page(a_view(language), an_origin())[0].buttons == ()


class TestWhoami:
    def test_shows_the_ids_to_copy(self) -> None:
        """They go into the config."""
        (message,) = whoami_page(Caller(123, "Kim", -1001, None, "ko"), a_view(), an_origin())

        assert "<code>123</code>" in message.html
        assert "<code>-1001</code>" in message.html
        assert "Topic · –" in check(message)


class TestPointer:
    def test_says_first_that_it_was_not_understood(self) -> None:
        """And how to stop everything, should that have been meant."""
        text = check(pointer_page(a_view(), an_origin())[0])

        assert "I did not understand that." in text
        assert "/halt" in text


class TestAButton:
    def test_carries_verb_instance_and_argument(self) -> None:
        """As they are read back."""
        assert data("close", "aB3_-x", "T12") == "close:aB3_-x:T12"

    @pytest.mark.parametrize(
        ("verb", "instance", "argument"),
        [("Close", "i", ""), ("close", "", ""), ("close", "a:b", ""), ("close", "i", "한" * 20)],
    )
    def test_that_could_not_be_read_back_is_none(
        self, verb: str, instance: str, argument: str
    ) -> None:
        """A cut id would close another trade."""
        with pytest.raises(ValueError, match="no button"):
            data(verb, instance, argument)
        assert rows(buttons("x", verb, instance, argument)) == ()
