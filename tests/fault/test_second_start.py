"""Fault: the program is started a second time on the same state directory."""

import time
from collections.abc import Iterator
from pathlib import Path
from signal import SIGTERM

import pytest

from tests.support.engine_process import EngineHome, EngineProcess

AT_ONCE_S = 5.0
"""Far more than it takes, and far less than any wait for the first one would."""


@pytest.fixture
def home(tmp_path: Path) -> EngineHome:
    return EngineHome(tmp_path)


@pytest.fixture
def first(home: EngineHome) -> Iterator[EngineProcess]:
    """An engine that runs."""
    with home.start("--mock", "--interval", "0.05") as engine:
        engine.wait_for("[METRICS]")
        yield engine


class TestWhileTheFirstRuns:
    def test_a_second_start_is_refused_at_once(
        self, home: EngineHome, first: EngineProcess
    ) -> None:
        """Exit 3 and one line that names the process that holds the state."""
        began = time.monotonic()
        second = home.run("--mock", "--once")
        took_s = time.monotonic() - began

        assert second.code == 3
        assert took_s < AT_ONCE_S
        (line,) = second.err
        assert line == f"already running: process {first.pid} holds {home.directory}/state/lock"
        assert second.out == []

    def test_the_first_does_not_notice(self, home: EngineHome, first: EngineProcess) -> None:
        """It goes on with its cycles, and the refused one has left nothing in the journal."""
        home.run("--mock", "--once")

        first.wait_for("[METRICS]", count=len(first.told("[METRICS]")) + 3)
        code, _ = first.stop(SIGTERM)

        assert code == 0
        assert len(home.facts("EngineStarted")) == 1

    def test_another_state_is_nobodys_concern(self, first: EngineProcess, tmp_path: Path) -> None:
        """Two simulated markets may run side by side."""
        other = EngineHome(tmp_path / "other").run("--mock", "--once")

        assert other.code == 0, other.err
        assert first.is_running


class TestAfterTheFirst:
    def test_a_clean_stop_frees_the_state(self, home: EngineHome, first: EngineProcess) -> None:
        """The next start needs no clearing up by hand."""
        first.stop(SIGTERM)

        assert home.run("--mock", "--once").code == 0

    def test_so_does_kill_9(self, home: EngineHome, first: EngineProcess) -> None:
        """A lock of the dead holds nobody up, although its file and process id are still there."""
        first.kill()
        assert (home.directory / "state" / "lock").read_text().strip() == str(first.pid)

        again = home.run("--mock", "--once")

        assert again.code == 0, again.err
        assert len(home.facts("EngineStarted")) == 2
