"""A story: Telegram delivers again what it never saw confirmed, and it acts once."""

from pathlib import Path

import pytest
from msgspec import Struct

from tests.acceptance.stories import HALT, PAPER, at_home, audited, noted, playing, stop
from tests.support.engine_process import wait_until
from tests.support.phone import Phone
from tests.support.telegram import OWNER, faults

pytestmark = pytest.mark.slow


class Words(Struct, frozen=True):
    """What the story hears and reads in one language."""

    pause: str
    paused: tuple[str, ...]
    halt: str
    halted: tuple[str, ...]
    status: str
    states: tuple[str, str]


WORDS = {
    "en": Words(
        pause="pause",
        paused=("Entries paused", "main · mode"),
        halt="halt",
        halted=("Halted", "main · mode"),
        status="status",
        states=("entries paused", "halted"),
    ),
    "ko": Words(
        pause="신규진입 중지",
        paused=("신규진입을 중지했습니다", "main · 모드"),
        halt="정지",
        halted=("긴급정지했습니다", "main · 모드"),
        status="상태",
        states=("신규진입 중지", "긴급정지"),
    ),
}


class TestWhatTelegramRepeats:
    @pytest.mark.parametrize("act", ["pause", "halt"])
    def test_acts_once_also_over_a_crash(
        self, tmp_path: Path, phone: Phone, language: str, act: str
    ) -> None:
        """What acted, was never confirmed to Telegram and so comes again after kill -9 does
        nothing more, though the host has lifted it meanwhile, and has no second answer.
        """
        words = WORDS[language]
        is_halt = act == "halt"
        said, answer = (words.halt, words.halted) if is_halt else (words.pause, words.paused)
        home = at_home(tmp_path, phone, language)
        with playing(home) as engine:
            phone.says("/whoami", str(OWNER.id))
            wait_until(lambda: phone.all_read() and phone.api.polls > 0)
            # The poll that waits is answered; the next, which would confirm it, never is.
            phone.api.faults.always(faults.HANG, methods=("getUpdates",))
            seen = phone.seen
            update_id = phone.api.says(said)
            phone.awaited(*answer, since=seen)
            # Cut off before this it would run once more, as what lowers risk does.
            wait_until(lambda: noted(home, update_id))
            engine.kill()
        assert len(phone.api.waiting_updates) == 1
        assert home.run("resume").code == 0
        phone.api.faults.clear()
        since = phone.seen

        with playing(home) as engine:
            wait_until(phone.all_read)
            stands = phone.says(words.status, "🕘", "0.1.0").text
            stop(engine)

        assert not [state for state in words.states if state in stands.splitlines()[0]], stands
        assert len(audited(home, f"/{act}")) == 1
        assert phone.found(*answer, since=since) == []
        assert len(home.facts("EntriesPaused")) == (not is_halt)
        levels = [str(fact["authority"]["level"]) for fact in home.facts("AuthorityChanged")]
        assert levels == ([HALT, PAPER] if is_halt else [])
