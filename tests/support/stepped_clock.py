"""The program by a wall clock that a test sets: ``python -m tests.support.stepped_clock ...``.

Whatever reads one file goes by one clock, so that a host's is wrong alone, or all are right
together. The monotonic clock goes on as it does.
"""

import os
import runpy
import time
from collections.abc import Mapping
from pathlib import Path

PROGRAM = ("-m", "tests.support.stepped_clock")
_NAMED_BY = "STEPPED_CLOCK"
_NS = 1_000_000_000


class SteppedClock:
    """A wall clock, in a file: by how many seconds it is ahead of the right one."""

    def __init__(self, file: Path, seconds: int = 0) -> None:
        self._file = file
        self.set(seconds)

    @property
    def environ(self) -> Mapping[str, str]:
        """What a process needs to go by it."""
        return {_NAMED_BY: str(self._file)}

    def set(self, seconds: int) -> None:
        """It is so much ahead, from now on; at once for all that read it."""
        new = self._file.with_suffix(".new")
        new.write_text(str(seconds), encoding="utf-8")
        os.replace(new, self._file)


def _step() -> None:
    named, time_ns, seconds = os.environ[_NAMED_BY], time.time_ns, time.time

    def ahead() -> int:
        with open(named, encoding="utf-8") as file:
            return int(file.read())

    time.time_ns = lambda: time_ns() + ahead() * _NS
    time.time = lambda: seconds() + ahead()


if __name__ == "__main__":
    _step()
    runpy.run_module("trader", run_name="__main__", alter_sys=True)
