"""A second start is refused before it reads a credential or loads anything heavy."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trader.commands.early import early_lock
from trader.ops.lease import AlreadyRunning, StateLock

ROOT = Path(__file__).resolve().parents[2]


def a_config(directory: Path, text: str) -> Path:
    """A config file with this text."""
    path = directory / "live.yml"
    path.write_text(text)
    return path


def test_a_state_in_use_is_refused(tmp_path: Path) -> None:
    """Whoever holds the lock works there."""
    config = a_config(tmp_path, f"engine: {{state_dir: {tmp_path / 'state'}}}")
    with StateLock.acquire(tmp_path / "state"), pytest.raises(AlreadyRunning):
        early_lock(config)


def test_a_state_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    """A mistaken config leaves no directory behind."""
    config = a_config(tmp_path, f"engine: {{state_dir: {tmp_path / 'state'}}}")

    assert early_lock(config) is None
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    "text", ["", "engine", "engine: {state_dir: [1]}", "a: [", "engine: 3", "x: \x00", "- 1"]
)
def test_a_config_that_is_wrong_is_left_to_its_reader(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Peeking says nothing of mistakes, and falls back to the default directory."""
    monkeypatch.chdir(tmp_path)

    assert early_lock(a_config(tmp_path, text)) is None


def test_nothing_heavy_is_loaded_before_the_refusal(tmp_path: Path) -> None:
    """Neither the settings' models nor the engine, and no credential file is opened."""
    config = a_config(tmp_path, f"engine: {{state_dir: {tmp_path / 'state'}}}")
    script = (
        "import sys\n"
        "opened = []\n"
        "hook = lambda name, args: opened.append(str(args[0])) if name == 'open' else None\n"
        "sys.addaudithook(hook)\n"
        "from trader.__main__ import main\n"
        f"code = main(['run', '--once', '--config', {str(config)!r}])\n"
        "heavy = [m for m in ('pydantic', 'trader.engine', 'aiohttp') if m in sys.modules]\n"
        "print(code, heavy, any('secret-token' in one for one in opened))\n"
    )
    environ = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TELEGRAM_BOT_TOKEN_FILE": str(tmp_path / "secret-token"),
    }
    with StateLock.acquire(tmp_path / "state"):
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=environ,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    assert done.stdout.splitlines()[-1] == "3 [] False", done.stderr
