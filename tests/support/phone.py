"""An operator with a phone: a local Bot API, whose clock may be ahead, and an engine to steer."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.support.engine_process import EngineHome, wait_until
from tests.support.telegram import PRIVATE, TOKEN, Clock, Sent, Telegram, in_thread

CREDENTIALS = {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_CHAT_ID": str(PRIVATE)}
_NS_PER_S = 1_000_000_000

# The stand-in or the program itself, on a host whose clock has gone on by so many seconds.
LATER = """
import os, runpy, time
ahead_ns, read = int(os.environ["AHEAD_S"]) * 10**9, time.time_ns
time.time_ns = lambda: read() + ahead_ns
runpy.run_module(os.environ["PROGRAM"], run_name="__main__", alter_sys=True)
"""


def later(seconds: int, program: str) -> Mapping[str, str]:
    """The environment that tells ``LATER`` what to run, and how much later it is."""
    return {"AHEAD_S": str(seconds), "PROGRAM": program}


def to_phone(base: str) -> dict[str, Any]:
    """The config's part that lets an engine speak to the Bot API at ``base``."""
    return {"telegram_enabled": True, "telegram": {"api_base": base, "timeout_seconds": 2}}


class LaterClock(Clock):
    """The host's clocks, UTC ``ahead_s`` further on."""

    ahead_s = 0

    def now_ns(self) -> int:
        """UTC."""
        return time.time_ns() + self.ahead_s * _NS_PER_S


class Phone:
    """What the operator does with the chat, and what is read there."""

    def __init__(self, api: Telegram, clock: LaterClock) -> None:
        self.api = api
        self.clock = clock

    @property
    def now_s(self) -> int:
        """UTC, as the phone shows it."""
        return self.clock.now_ns() // _NS_PER_S

    @property
    def seen(self) -> int:
        """How many messages came so far; what came later is what ``awaited`` looks at."""
        return len(self.api.sent)

    def awaited(self, *words: str, since: int = 0, within_s: float = 30.0) -> Sent:
        """The first message after ``since`` that says all of it now, once it is there.

        Raises:
            AssertionError: none in time.
        """
        try:
            wait_until(lambda: bool(self.found(*words, since=since)), within_s)
        except AssertionError:
            told = "\n---\n".join(one.text for one in self.api.sent[since:])
            raise AssertionError(f"no message says {words}, but:\n{told}") from None
        return self.found(*words, since=since)[0]

    def found(self, *words: str, since: int = 0) -> list[Sent]:
        """The messages after ``since`` that say all of it now."""
        return [one for one in self.api.sent[since:] if all(word in one.text for word in words)]

    def says(self, text: str, *words: str, **how: Any) -> Sent:
        """Write ``text`` and await the message that says ``words``."""
        since = self.seen
        self.api.says(text, **how)
        return self.awaited(*words, since=since)

    def taps(self, label: str, *words: str) -> Sent:
        """Tap the newest button of that name and await the message that says ``words``."""
        since = self.seen
        self.api.taps_label(label)
        return self.awaited(*words, since=since)

    def has_button(self, label: str) -> bool:
        """Whether one hangs in the chat."""
        rows = (row for one in self.api.messages(PRIVATE) for row in one.buttons)
        return any(button["text"] == label for row in rows for button in row)

    def all_read(self) -> bool:
        """Whether the bot has confirmed everything that was said."""
        return not self.api.waiting_updates


@contextmanager
def a_phone() -> Iterator[Phone]:
    """A phone in the operator's hand for the length of the block."""
    clock = LaterClock()
    with in_thread(Telegram(clock=clock)) as api:
        yield Phone(api, clock)


def level_of(home: EngineHome) -> str:
    """The authority that the journal holds: 0 for HALT, 1 for PAPER, 2 for LIVE."""
    changes = home.facts("AuthorityChanged")
    return str(changes[-1]["authority"]["level"]) if changes else "1"
