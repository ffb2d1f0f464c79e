"""The flag is of the environment a process was started with, not of what was set since."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ASKED = "import os{then}; from trader.ops.sensors import env_flag_at_start as f; print(f())"


def answer(then: str = "", **environ: str) -> str:
    """What a process says of its flag that was started so and then did that."""
    run = subprocess.run(
        [sys.executable, "-c", ASKED.format(then=then)],
        env={"PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return run.stdout.strip()


class TestTheFlag:
    def test_given_at_the_start_counts(self) -> None:
        """Exactly 1."""
        assert answer(LIVE_TRADING="1") == "True"

    @pytest.mark.parametrize("value", ["", "true", " 1", "1 ", "01", "2"])
    def test_anything_else_does_not(self, value: str) -> None:
        """No other spelling."""
        assert answer(LIVE_TRADING=value) == "False"

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps what was given")
    def test_set_later_does_not_even_before_anything_of_ours_is_loaded(self) -> None:
        """A script that loads a .env file first permits nothing."""
        assert answer("; os.environ['LIVE_TRADING'] = '1'") == "False"

    def test_taken_away_later_no_longer_counts(self) -> None:
        """Less is always allowed."""
        assert answer("; del os.environ['LIVE_TRADING']", LIVE_TRADING="1") == "False"
