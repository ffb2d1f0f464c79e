"""A story: words that waited act by their age, and by what came after them."""

from pathlib import Path

import pytest
from msgspec import Struct

from tests.acceptance.stories import HALT, PAPER, at_home, playing, stop
from tests.support.phone import Phone, level_of
from tests.support.telegram import OWNER

pytestmark = pytest.mark.slow

HOURS_5_S = 18_000


class Words(Struct, frozen=True):
    """What the story hears and reads in one language."""

    old_halt: str
    halted_late: tuple[str, ...]
    yes: str
    outdated_halt: str
    outdated: tuple[str, ...]
    halt: str
    halted: str


WORDS = {
    "en": Words(
        old_halt="/halt flood",
        halted_late=("Halted", "5 h"),
        yes="▶️ Yes, resume",
        outdated_halt="Halt",
        outdated=("Nothing done", "a halt was lifted after this was written"),
        halt="/stop",
        halted="Halted",
    ),
    "ko": Words(
        old_halt="/halt 침수",
        halted_late=("긴급정지했습니다", "5시간"),
        yes="▶️ 네, 재개",
        outdated_halt="정지",
        outdated=("아무것도 하지 않았습니다", "이 말을 쓴 뒤 긴급정지가 풀렸습니다"),
        halt="긴급정지",
        halted="긴급정지했습니다",
    ),
}


class TestLateWords:
    def test_act_by_their_age_and_by_what_came_after_them(
        self, tmp_path: Path, phone: Phone, language: str
    ) -> None:
        """A halt five hours old halts, a resume forty seconds old does not resume, and a halt
        written before the host lifted one does not halt again.
        """
        words = WORDS[language]
        home = at_home(tmp_path, phone, language)
        phone.api.says(words.old_halt, date=phone.now_s - HOURS_5_S)
        with playing(home) as engine:
            phone.awaited(*words.halted_late)
            assert level_of(home) == HALT

            phone.api.says("/resume", date=phone.now_s - 40)
            phone.says("/whoami", str(OWNER.id))
            assert not phone.has_button(words.yes)

            assert home.run("resume").code == 0
            phone.says(words.outdated_halt, *words.outdated, date=phone.now_s - 60)
            assert level_of(home) == PAPER
            phone.says(words.halt, words.halted)
            stop(engine)

        levels = [str(fact["authority"]["level"]) for fact in home.facts("AuthorityChanged")]
        assert levels == [HALT, PAPER, HALT]
