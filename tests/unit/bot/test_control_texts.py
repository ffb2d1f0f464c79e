"""The controls' words: two equal sets, and every reply sayable in both."""

import string

import pytest

from bot.control_texts import Tongue, reply_message, standing_after
from bot.locales import control_en, control_ko
from bot.pages.pen import View
from tests.support.chat_html import check
from tests.support.steered_desk import a_reply
from tests.support.updates import WRITTEN_NS
from trader.domain.control import Language, ReplyCode
from trader.texts import SEOUL


def names(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


class TestWords:
    def test_both_languages_have_the_same_keys(self) -> None:
        """They are equals."""
        assert control_en.WORDS.keys() == control_ko.WORDS.keys()

    @pytest.mark.parametrize("key", sorted(control_en.WORDS))
    def test_both_languages_fill_in_the_same(self, key: str) -> None:
        """What one tells, the other tells."""
        assert names(control_en.WORDS[key]) == names(control_ko.WORDS[key])
        assert control_en.WORDS[key].strip()
        assert control_ko.WORDS[key].strip()

    @pytest.mark.parametrize(
        ("key", "word"),
        [
            ("level.HALT", "긴급정지"),
            ("pauses", "신규진입 중지"),
            ("ask.resume", "재개"),
            ("ask.flatten", "전량 청산"),
            ("ask.close", "청산"),
            ("ack.done", "확인했음"),
        ],
    )
    def test_korean_uses_the_one_word_for_each(self, key: str, word: str) -> None:
        """As everywhere else in the product."""
        assert word in control_ko.WORDS[key]


class TestReplies:
    @pytest.mark.parametrize("language", list(Language))
    @pytest.mark.parametrize("code", [None, *ReplyCode])
    @pytest.mark.parametrize("details", [(), ("LIVE <T1> & x 1 ₩",), ("all until soon", "+7")])
    def test_every_reply_can_be_said(
        self, code: ReplyCode | None, language: Language, details: tuple[str, ...]
    ) -> None:
        """With where it holds, and within what a chat takes."""
        tongue = Tongue(View(language, SEOUL, WRITTEN_NS))
        reply = a_reply(code, changed=False, since_ns=1, details=details, level="HALT")

        message = reply_message(reply, "main", tongue, age_ns=1)

        check(message)
        assert "main" in message.plain

    def test_a_reply_too_long_is_cut_and_not_refused(self) -> None:
        """The result stands first."""
        tongue = Tongue(View(Language.EN, SEOUL, WRITTEN_NS))
        details = tuple(f"LIVE T{n} {'x' * 400}" for n in range(30))

        message = reply_message(a_reply(ReplyCode.HALTED, details=details), "main", tongue)

        assert check(message).startswith("🛑 Halted")

    def test_the_state_after_names_every_pause_that_is_known(self) -> None:
        """From the reply alone."""
        paused = a_reply(ReplyCode.PAUSED, details=("all", "upbit until x"))
        halted = a_reply(ReplyCode.HALTED, level="HALT", paused=True, details=("LIVE T1",))

        assert standing_after(paused) == "LIVE r7, paused: all, upbit until x"
        assert standing_after(halted) == "HALT r7, paused: all"
