"""The checklists as an operator calls them: plain scripts, from any directory."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.checklist import go_through
from tests.support.engine_process import child_environment

HERE = Path(__file__).parent
SCRIPTS = ("test_d10_live_guard.py", "test_d10_alert.py", "test_d8_safety.py")


@pytest.mark.parametrize("name", SCRIPTS)
def test_goes_through_its_list(name: str, tmp_path: Path) -> None:
    """Every item with a mark, the sum of them at the end, exit 0; no path has to be set."""
    environ = child_environment()
    del environ["PYTHONPATH"]

    done = subprocess.run(
        [sys.executable, str(HERE / name)],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )

    title, *items, total = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert title
    assert len(items) >= 5
    assert all(line.startswith("✅ ") for line in items)
    assert total == f"{len(items)} of {len(items)} hold"
    assert list(tmp_path.iterdir()) == []


def test_an_item_that_does_not_hold_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    """One failure neither hides the others nor passes for success."""

    def fails() -> None:
        raise AssertionError("on purpose")

    code = go_through("A list", [("first", fails), ("second", lambda: None)])

    assert code == 1
    told = capsys.readouterr()
    assert told.out.splitlines() == ["A list", "❌ first", "✅ second", "1 of 2 hold"]
    assert "on purpose" in told.err
