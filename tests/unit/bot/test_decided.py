"""Decisions of the chat's record, read in the language of whoever asks."""

import re

import pytest

from bot.control_memory import Fate, TapRefused
from bot.pages.decided import told
from bot.updates import DenyReason
from trader.port import Language, ReplyCode

EN, KO = Language.EN, Language.KO
LATIN = re.compile("[A-Za-z]{2}")
SAID = (
    *(f"denied: {why}" for why in DenyReason),
    *(f"skipped: {fate}" for fate in Fate),
    *(f"nothing done: {why}" for why in TapRefused),
    "asked to confirm, result -1,205 ₩",
    "nothing done: the engine does not answer",
    "refused: only the host raises",
)


class TestDecisions:
    @pytest.mark.parametrize("decision", SAID)
    def test_are_korean_to_the_last_word(self, decision: str) -> None:
        """Half a line in another language is half read."""
        words = told(decision, KO)

        assert not LATIN.search(words)
        assert words != decision

    @pytest.mark.parametrize("code", ReplyCode)
    def test_of_the_engine_are_what_its_reply_said(self, code: ReplyCode) -> None:
        """A code is for programs."""
        for language in (EN, KO):
            words = told(code, language)
            assert words
            assert "_" not in words

    def test_nobody_knows_stay_as_they_are(self) -> None:
        """A failure is named by its kind, and a name is the same everywhere."""
        assert told("failed: RuntimeError", KO) == "처리 실패: RuntimeError"
        assert told("denied: other_user", EN) == "denied: other user"
        assert told("<b>\n" * 3, EN) == "<b> <b> <b>"
