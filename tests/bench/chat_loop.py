"""The engine's loop while the bot works: how late it is without one, asked much, and in trouble."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM

from tests.bench.figures import Figure, summed_up
from tests.support.engine_process import EngineHome, EngineProcess, wait_until
from tests.support.phone import CREDENTIALS, to_phone
from tests.support.telegram import GROUP, Telegram, faults, in_thread

_FLOOD_A_SECOND = 200
# None of it changes what the market has to do meanwhile.
_FLOOD = ("/status", "/paper", "/positions", "/guards")
# The first raises, the second outlasts everybody's patience.
_FAILING = ("/version", "/health")
_FAILING_A_SECOND = 20
_PHASE_S = 10.0
_MOCK = ("--mock", "--interval", "0.25")
_TROUBLES = {
    "away": (faults.RESET, ()),
    "stalled": (faults.HANG, ()),
    "401": (faults.unauthorized(), ("getUpdates",)),
    "409": (faults.conflict(), ("getUpdates",)),
}

# The program, with a tick every 2 ms whose lateness is written down, with no wait between messages
# and hardly one between attempts: the pace is Telegram's rule and not the bot's doing. In a group,
# where an answer hangs under what it answers and so is told from everything else.
PROBED = """
import asyncio, os, pathlib, runpy, time
import bot.line, bot.pacing, bot.polling
from bot.queries import Queries
bot.pacing.INTERVAL_NS, bot.pacing.is_group = 0, lambda _: False
if os.environ.get("IN_TROUBLE"):
    bot.polling.Poller.__init__.__kwdefaults__["pauses"] = bot.polling.Pauses(
        poll_s=1, margin_s=0.5, probe_s=0.2, trouble_s=(0.05, 0.2), conflict_s=(0.05, 0.2),
        retry_s=0.1,
    )
    bot.line.PROBE_EVERY_S = bot.line.MAX_BACKOFF_S = 0.5
    look = Queries._look
    async def failing(self, heard, name, *more):
        if name == "version":
            raise RuntimeError("broken")
        if name == "health":
            await asyncio.sleep(3_600)
        await look(self, heard, name, *more)
    Queries._look = failing
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

Span = tuple[int, int]


def chat_loop(scale: float) -> list[Figure]:
    """The lateness of a tick: no bot, one nobody asks, one flooded, one whose Telegram fails."""
    phase_s = max(_PHASE_S * scale, 1.0)
    with tempfile.TemporaryDirectory(prefix="bench-") as directory, in_thread() as api:
        root = Path(directory)
        alone = EngineHome(root / "alone")
        with running(alone):
            span_alone = _span(lambda: time.sleep(phase_s))
        home = _home(root / "bot", api)
        with running(home):
            first_answer(api)
            quiet = _span(lambda: time.sleep(phase_s))
            flooded = _span(lambda: _say(api, _FLOOD, _FLOOD_A_SECOND, phase_s))
            wait_until(lambda: not api.waiting_updates)
        troubled = _home(root / "troubled", api)
        with running(troubled, IN_TROUBLE="1"):
            first_answer(api)
            spans = _troubles(api, phase_s / 2)
        late = "lateness of a tick of the engine's loop"
        said = f"{_FLOOD_A_SECOND} commands a second"
        trouble = "Telegram away, stalled, 401, 409; handlers that raise and hang"
        return [
            *_lateness("chat.loop.alone", f"{late}, no bot", _within(alone, [span_alone])),
            *_lateness("chat.loop.quiet", f"{late}, a bot nobody asks", _within(home, [quiet])),
            *_lateness("chat.loop.flood", f"{late}, the bot told {said}", _within(home, [flooded])),
            *_lateness("chat.loop.trouble", f"{late}, {trouble}", _within(troubled, spans)),
        ]


@contextmanager
def running(home: EngineHome, **environ: str) -> Iterator[EngineProcess]:
    """The probed program, from its first cycle on; it must end well."""
    given = {**CREDENTIALS, "TELEGRAM_CHAT_ID": str(GROUP), **environ}
    with home.start(*_MOCK, program=("-c", PROBED), environ=given) as engine:
        engine.wait_for("[METRICS]")
        yield engine
        engine.stop(SIGTERM)
    assert engine.code == 0, engine.err


def first_answer(api: Telegram) -> None:
    """Whatever is made at the first use has been made."""
    before = len(api.sent)
    api.says("/status", GROUP)
    wait_until(lambda: any(one.reply_to is not None for one in list(api.sent[before:])))


def _home(path: Path, api: Telegram) -> EngineHome:
    return EngineHome(path, {"alert": to_phone(api.base), "bot": {"language": "en"}})


def _troubles(api: Telegram, phase_s: float) -> list[Span]:
    spans = []
    for fault, methods in _TROUBLES.values():
        api.faults.always(fault, methods)
        spans.append(_span(lambda: _say(api, _FLOOD, 1, phase_s)))
        api.faults.clear()
    spans.append(_span(lambda: _say(api, _FAILING, _FAILING_A_SECOND, phase_s)))
    return spans


def _say(api: Telegram, words: Sequence[str], a_second: int, phase_s: float) -> None:
    began, said = time.monotonic(), 0
    while (elapsed := time.monotonic() - began) < phase_s:
        while said < elapsed * a_second:
            api.says(words[said % len(words)], GROUP)
            said += 1
        time.sleep(0.001)


def _span(act: Callable[[], None]) -> Span:
    began = time.monotonic_ns()
    act()
    return began, time.monotonic_ns()


def _within(home: EngineHome, spans: Sequence[Span]) -> list[float]:
    """How many milliseconds late each tick within these spans came."""
    lines = (home.directory / "lag.txt").read_text(encoding="utf-8").splitlines()
    ticks = [(int(at), float(lag)) for at, _, lag in (line.partition(" ") for line in lines)]
    return [lag for at, lag in ticks if any(first <= at <= last for first, last in spans)]


def _lateness(name: str, what: str, samples: list[float]) -> list[Figure]:
    worst = max(samples)
    return [
        summed_up(name, what, "ms", [samples]),
        Figure(f"{name}.worst", f"{what}: the worst", "ms", worst, worst, len(samples)),
    ]
