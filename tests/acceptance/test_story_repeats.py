"""A story: Telegram delivers again what it never saw confirmed, and it acts once."""

from pathlib import Path

import pytest
from msgspec import Struct

from tests.acceptance.stories import at_home, audited, playing, stop, unfinished
from tests.support.engine_process import wait_until
from tests.support.phone import Phone
from tests.support.telegram import OWNER, faults

pytestmark = pytest.mark.slow


class Words(Struct, frozen=True):
    """What the story hears and reads in one language."""

    pause: str
    paused: tuple[str, ...]
    status: str
    stands: tuple[str, ...]


WORDS = {
    "en": Words(
        pause="pause",
        paused=("Entries paused", "main · mode"),
        status="status",
        stands=("Entries paused: all",),
    ),
    "ko": Words(
        pause="신규진입 중지",
        paused=("신규진입을 중지했습니다", "main · 모드"),
        status="상태",
        stands=("신규진입 중지: 전체",),
    ),
}


class TestWhatTelegramRepeats:
    def test_acts_once_also_over_a_crash(self, tmp_path: Path, phone: Phone, language: str) -> None:
        """A command that acted, was never confirmed to Telegram and so comes again after kill -9
        does nothing more, and has no second answer.
        """
        words = WORDS[language]
        home = at_home(tmp_path, phone, language)
        with playing(home) as engine:
            phone.says("/whoami", str(OWNER.id))
            wait_until(lambda: phone.all_read() and phone.api.polls > 0)
            # The poll that waits is answered; the next, which would confirm it, never is.
            phone.api.faults.always(faults.HANG, methods=("getUpdates",))
            phone.says(words.pause, *words.paused)
            # Cut off before this it would run once more, as what lowers risk does.
            wait_until(lambda: unfinished(home) == 0)
            engine.kill()
        assert len(phone.api.waiting_updates) == 1
        assert home.run("resume").code == 0
        phone.api.faults.clear()
        since = phone.seen

        with playing(home) as engine:
            wait_until(phone.all_read)
            stands = phone.says(words.status, "🕘")
            stop(engine)

        assert all(word not in stands.text for word in words.stands)
        assert len(home.facts("EntriesPaused")) == 1
        assert len(audited(home, "/pause")) == 1
        assert phone.found(*words.paused, since=since) == []
