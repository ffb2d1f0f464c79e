"""The program in live mode, made to die at a named point: one life for each line on its input.

``python -m tests.support.crashing_engine DESCRIPTOR DIRECTORY CONFIG`` imports everything once.
Each line is a ``Life`` as JSON; it is lived by a fork that runs ``trader run`` there, and tells on
the descriptor what it committed, wrote and noted. Answered are the life's pid, ``gone`` when that
has ended, and after one more line its exit code.
"""

import os
import signal
import sys
import traceback
from pathlib import Path

import msgspec

# Whatever a life needs is imported before there is one.
import bot.app
import trader.app
import trader.app.summary
import trader.app.venues
import trader.execution.binance
import trader.execution.bithumb
import trader.execution.upbit
import trader.feeds.binance
import trader.feeds.bithumb
import trader.feeds.upbit
from tests.support.crash_points import CrashPoints
from tests.support.recorded_journal import install_recorder
from trader.__main__ import main as trader_main
from trader.execution import date_skew

__all__ = ["Life", "bot", "trader"]


class Life(msgspec.Struct, frozen=True):
    """How to live: where to die, the how manieth time.

    That is counted from the start where it is ``early``, else from a SIGUSR1.
    """

    number: int = 0
    point: str = ""
    at: int = 0
    early: bool = False
    recording: str = ""
    """Where to record what is written to the journal; empty is nowhere."""
    sync_s: float = 0.0
    """How much longer a sync takes while that is recorded."""


def main(events: int, directory: str, config: str) -> None:
    """Make lives until the input ends; ``events`` is the descriptor they tell on."""
    for line in sys.stdin:
        life = msgspec.json.decode(line, type=Life)
        pid = os.fork()
        if pid == 0:
            os.chdir(directory)
            _live(life, events, config)
        _say(str(pid))
        # Left unreaped until it is known to be gone, so that its pid cannot become somebody else's.
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        _say("gone")
        sys.stdin.readline()
        _, status = os.waitpid(pid, 0)
        _say(str(os.waitstatus_to_exitcode(status)))


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def _live(life: Life, events: int, config: str) -> None:
    """One life; never returns."""
    code = 1
    try:
        log = os.open("console.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        for standard in (1, 2):
            os.dup2(log, standard)
        os.close(log)

        def tell(what: dict[str, object]) -> None:
            os.write(events, msgspec.json.encode({"life": life.number, **what}) + b"\n")

        points = CrashPoints(tell, life.point, life.at)
        points.install()
        if life.recording:
            install_recorder(Path(life.recording), life.sync_s)
        signal.signal(signal.SIGUSR1, lambda *_: points.arm())
        if life.early:
            points.arm()
        # The first answer tells the venue's second; to halve it would take a second of every life.
        date_skew._SAMPLES = 1
        code = trader_main(["run", "--mode", "live", "--config", config])
    except BaseException:
        sys.stderr.write(traceback.format_exc())
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Not the zygote's own way out.
        os._exit(code)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:4])
