"""The bot: how soon it answers each command that looks or acts, a tap, a halt and a picture."""

import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.chat_loop import first_answer, running
from tests.bench.figures import Aim, Figure, scaled, summed_up
from tests.support.engine_process import EngineHome
from tests.support.phone import to_phone
from tests.support.telegram import GROUP, Sent, Telegram, in_thread
from trader.domain.control import LiftHalt
from trader.port.local import Request, send

VIEWS = (
    *("status", "metrics", "guards", "why", "spread", "positions", "orders", "trades", "balance"),
    *("pnl", "alerts", "logs", "config", "audit", "health", "version", "whoami", "help", "live"),
    "start",
)
"""Every command that only looks, but those that come with a picture."""
ACTS = (
    *("/pause", "/pause upbit 30m", "/paper", "/flatten", "/close T1", "/ack 1"),
    *("/mute started 1h", "/drill started", "/resume"),
)
"""Every command that acts or asks, but the halt."""
_YES = "▶️ Yes, resume"
_FILES = ("sendPhoto", "sendDocument")
_NEXT_S = 0.02
_ANSWER_WITHIN_S = 10.0


def chat(scale: float) -> list[Figure]:
    """Answers on loopback, from the command's writing to what Telegram has."""
    rounds = scaled(150, scale)
    with tempfile.TemporaryDirectory(prefix="bench-") as directory, in_thread() as api:
        home = EngineHome(
            Path(directory) / "bot", {"alert": to_phone(api.base), "bot": {"language": "en"}}
        )
        with running(home):
            first_answer(api)
            drawn = [_asked(api, "/chart")[0] for _ in range(rounds // 10 + 2)]
            few = rounds // 10 + 2
            looked = {f"/{name}": _rounds(api, f"/{name}", few) for name in VIEWS}
            summed = _rounds(api, "/summary", few)
            acted = {text: _rounds(api, text, few) for text in ACTS}
            tapped = _tapped(api, few)
            halted = _halted(api, home, rounds)
    return [
        _answers("chat.view", f"any of {len(VIEWS)} views, from its command to its answer", looked),
        _slowest("chat.view.slowest", looked),
        _answers("chat.act", f"any of {len(ACTS)} acts or questions, the same way", acted),
        _slowest("chat.act.slowest", acted),
        _answers("chat.tap", "a tap that confirms, the same way", {_YES: tapped}),
        summed_up(
            "chat.halt",
            "/halt to its answer at the Bot API, the synced commit included",
            "ms",
            [halted],
            Aim(100),
            aims_at_worst=True,
        ),
        _answers("chat.summary", "/summary with its picture", {"/summary": summed}),
        Figure("chat.chart.first", "the first /chart to its picture", "ms", *[drawn[0]] * 2, 1),
        summed_up("chat.chart", "every later one", "ms", [drawn[1:]]),
    ]


def _answers(name: str, what: str, found: dict[str, list[float]]) -> Figure:
    samples = [sample for one in found.values() for sample in one]
    return summed_up(name, what, "ms", [samples], Aim(300), aims_at_worst=True)


def _slowest(name: str, found: dict[str, list[float]]) -> Figure:
    said, samples = max(found.items(), key=lambda one: max(one[1]))
    return summed_up(name, f"the slowest of them, {said}", "ms", [samples])


def _rounds(api: Telegram, text: str, rounds: int) -> list[float]:
    return [_asked(api, text)[0] for _ in range(rounds)]


def _tapped(api: Telegram, rounds: int) -> list[float]:
    """Pause, ask to resume, and the tap that does."""
    # A resume yields to a demotion of its own second.
    time.sleep(1.1)
    took = []
    for _ in range(rounds):
        _asked(api, "/pause")
        _asked(api, "/resume")
        took.append(_until_answered(api, lambda: api.taps_label(_YES, GROUP), "resumed")[0])
    return took


def _halted(api: Telegram, home: EngineHome, rounds: int) -> list[float]:
    took = []
    path = home.directory / "state" / "engine.sock"
    for _ in range(rounds):
        milliseconds, answer = _asked(api, "/halt")
        assert "Halted" in answer.text, answer.text
        took.append(milliseconds)
        (revision,) = re.findall(r"revision (\d+)", answer.text)
        lifted = send(path, Request(command=LiftHalt("bench", int(revision))))
        assert lifted is not None
        assert lifted.reply is not None
        assert lifted.reply.level == "PAPER", lifted.reply
    return took


def _asked(api: Telegram, text: str) -> tuple[float, Sent]:
    """Milliseconds from a command's writing to the acceptance of its answer, and the answer."""
    return _until_answered(api, lambda: api.says(text, GROUP))


def _until_answered(
    api: Telegram, act: Callable[[], object], words: str = ""
) -> tuple[float, Sent]:
    time.sleep(_NEXT_S)
    after, began = len(api.sent), time.monotonic_ns()
    act()
    give_up_ns = began + int(_ANSWER_WITHIN_S * 1e9)
    while time.monotonic_ns() < give_up_ns:
        for sent in api.sent[after:]:
            # A picture or a file does not hang under its command, a page does.
            is_answer = sent.reply_to is not None or sent.method in _FILES
            if words in sent.text if words else is_answer:
                return (sent.mono_ns - began) / 1e6, sent
        time.sleep(0.001)
    raise AssertionError(f"no answer within {_ANSWER_WITHIN_S} s")
