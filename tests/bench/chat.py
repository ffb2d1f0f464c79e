"""The bot: how soon it answers each view and a halt, and what a flood of words costs the engine."""

import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM

from tests.bench.figures import Aim, Figure, scaled, summed_up
from tests.support.engine_process import EngineHome, EngineProcess, wait_until
from tests.support.phone import CREDENTIALS, to_phone
from tests.support.telegram import GROUP, Sent, Telegram, in_thread
from trader.domain.control import LiftHalt
from trader.port.local import Request, send

VIEWS = (
    *("status", "metrics", "guards", "why", "spread", "positions", "orders", "trades", "balance"),
    *("pnl", "alerts", "logs", "config", "audit", "health", "version", "whoami", "help", "live"),
)
"""Every command that only looks, but the charts and the summary with its pictures."""
_FLOOD_A_SECOND = 200
# None of it changes what the market has to do meanwhile.
_FLOOD = ("/status", "/paper", "/positions", "/guards")
_PHASE_S = 10.0
_NEXT_S = 0.02
_ANSWER_WITHIN_S = 10.0
_MOCK = ("--mock", "--interval", "0.25")

# The program, with a tick every 2 ms whose lateness is written down, and with no wait between
# messages: the pace is Telegram's rule and not the bot's doing. In a group, where an answer hangs
# under what it answers and so is told from everything else.
_PROBED = """
import asyncio, os, pathlib, runpy, time
import bot.pacing
bot.pacing.INTERVAL_NS, bot.pacing.is_group = 0, lambda _: False
EVERY_S, ticks = 0.002, []
run_forever = asyncio.SelectorEventLoop.run_forever
def probed(self):
    due = [self.time() + EVERY_S]
    def tick():
        now = self.time()
        ticks.append((time.monotonic_ns(), max(now - due[0], 0.0) * 1e3))
        due[0] = now + EVERY_S
        self.call_at(due[0], tick)
    self.call_at(due[0], tick)
    run_forever(self)
asyncio.SelectorEventLoop.run_forever = probed
try:
    runpy.run_module("trader", run_name="__main__", alter_sys=True)
finally:
    lines = (f"{at} {lag}" for at, lag in ticks)
    pathlib.Path("lag.txt").write_text("\\n".join(lines))
"""


def chat(scale: float) -> list[Figure]:
    """Answers on loopback, and the loop's lateness without a bot, with one, and with it flooded."""
    rounds, phase_s = scaled(150, scale), max(_PHASE_S * scale, 1.0)
    with tempfile.TemporaryDirectory(prefix="bench-") as directory, in_thread() as api:
        alone = _alone(Path(directory) / "alone", phase_s)
        home = EngineHome(
            Path(directory) / "bot", {"alert": to_phone(api.base), "bot": {"language": "en"}}
        )
        with _running(home) as engine:
            _first_answer(api)
            looked = [_looked(api, name, rounds // 10 + 2) for name in VIEWS]
            halted = _halted(api, home, rounds)
            quiet = _spans(lambda: time.sleep(phase_s))
            flooded = _spans(lambda: _flood(api, phase_s))
            wait_until(lambda: not api.waiting_updates)
        assert engine.code == 0, engine.err
        lags = _lags(home)
    views = [sample for samples in looked for sample in samples]
    worst = max(zip(looked, VIEWS, strict=True), key=lambda one: max(one[0]))
    said = f"{_FLOOD_A_SECOND} commands a second"
    late = "lateness of a tick of the engine's loop"
    return [
        summed_up(
            "chat.view",
            f"any of {len(VIEWS)} views, from its command to its answer at the Bot API",
            "ms",
            [views],
            Aim(300),
            aims_at_worst=True,
        ),
        summed_up("chat.slowest", f"the slowest of them, /{worst[1]}", "ms", [worst[0]]),
        summed_up(
            "chat.halt",
            "/halt to its answer at the Bot API, the synced commit included",
            "ms",
            [halted],
            Aim(100),
            aims_at_worst=True,
        ),
        *_lateness("chat.loop.alone", f"{late}, no bot", [lag for _, lag in alone]),
        *_lateness("chat.loop.quiet", f"{late}, a bot nobody asks", _within(lags, quiet)),
        *_lateness("chat.loop.flood", f"{late}, the bot told {said}", _within(lags, flooded)),
    ]


def _lateness(name: str, what: str, samples: list[float]) -> list[Figure]:
    worst = max(samples)
    return [
        summed_up(name, what, "ms", [samples]),
        Figure(f"{name}.worst", f"{what}: the worst", "ms", worst, worst, len(samples)),
    ]


@contextmanager
def _running(home: EngineHome) -> Iterator[EngineProcess]:
    environ = {**CREDENTIALS, "TELEGRAM_CHAT_ID": str(GROUP)}
    with home.start(*_MOCK, program=("-c", _PROBED), environ=environ) as engine:
        engine.wait_for("[METRICS]")
        yield engine
        engine.stop(SIGTERM)


def _alone(directory: Path, phase_s: float) -> list[tuple[int, float]]:
    home = EngineHome(directory)
    with _running(home):
        span = _spans(lambda: time.sleep(phase_s))
    return [(0, lag) for lag in _within(_lags(home), span)]


def _first_answer(api: Telegram) -> None:
    """Whatever is made at the first use has been made."""
    api.says("/status", GROUP)
    wait_until(lambda: any(one.reply_to is not None for one in list(api.sent)))


def _looked(api: Telegram, name: str, rounds: int) -> list[float]:
    return [_asked(api, f"/{name}")[0] for _ in range(rounds)]


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
    time.sleep(_NEXT_S)
    after, began = len(api.sent), time.monotonic_ns()
    api.says(text, GROUP)
    give_up_ns = began + int(_ANSWER_WITHIN_S * 1e9)
    while time.monotonic_ns() < give_up_ns:
        for sent in api.sent[after:]:
            if sent.reply_to is not None:
                return (sent.mono_ns - began) / 1e6, sent
        time.sleep(0.001)
    raise AssertionError(f"{text} was not answered within {_ANSWER_WITHIN_S} s")


def _flood(api: Telegram, phase_s: float) -> None:
    began, said = time.monotonic(), 0
    while (elapsed := time.monotonic() - began) < phase_s:
        while said < elapsed * _FLOOD_A_SECOND:
            api.says(_FLOOD[said % len(_FLOOD)], GROUP)
            said += 1
        time.sleep(0.001)


def _spans(act: Callable[[], None]) -> tuple[int, int]:
    began = time.monotonic_ns()
    act()
    return began, time.monotonic_ns()


def _lags(home: EngineHome) -> list[tuple[int, float]]:
    """When each tick came, and how many milliseconds late."""
    lines = (home.directory / "lag.txt").read_text(encoding="utf-8").splitlines()
    return [(int(at), float(lag)) for at, _, lag in (line.partition(" ") for line in lines)]


def _within(lags: Sequence[tuple[int, float]], span: tuple[int, int]) -> list[float]:
    return [lag for at, lag in lags if span[0] <= at <= span[1]]
