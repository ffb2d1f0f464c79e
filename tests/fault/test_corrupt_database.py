"""Fault: the journal's files are damaged, or some of them are gone.

The engine does not trade on what is left: it says in one line what is wrong and what mends it, ends
with exit 1, and leaves every byte as it found it, so that nothing stands in the way of a rescue.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.support.engine_process import EngineHome
from trader.domain.errors import JournalError
from trader.execution.journal import Journal

_PAGE = 4_096
_BUSY = ("--mock", "--interval", "0")
_RESTORE = "restore a backup, or move it"


def _garbage(size: int) -> bytes:
    return Random(size).randbytes(size)


def _replace(database: Path, content: bytes) -> None:
    database.write_bytes(content)


def _overwrite(database: Path, page: int, content: bytes) -> None:
    with database.open("r+b") as file:
        file.seek(page * _PAGE)
        file.write(content)


def _cut(database: Path, size: int) -> None:
    with database.open("r+b") as file:
        file.truncate(size)


def _last_page(database: Path) -> int:
    return database.stat().st_size // _PAGE - 1


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of a run that was killed amid trading: much of it is in the log alone."""
    home = EngineHome(tmp_path_factory.mktemp("killed"))
    with home.start(*_BUSY) as engine:
        engine.wait_for("trade closed")
        engine.kill()
    return home.journal.parent


@pytest.fixture(scope="module")
def stopped(killed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after a clean end: all of it in the one file."""
    state = tmp_path_factory.mktemp("stopped") / "state"
    _copy(killed, state)
    with Journal.open(state / "mock.db") as journal:
        assert len(list(journal.replay())) > 100
    assert _files(state) == {"mock.db"}
    return state


def _copy(state: Path, to: Path) -> None:
    shutil.copytree(state, to, ignore=lambda _, names: [n for n in names if "mock.db" not in n])


def _files(state: Path) -> set[str]:
    return {file.name for file in state.iterdir() if file.name.startswith("mock.db")}


def _content(state: Path) -> dict[str, bytes]:
    return {name: (state / name).read_bytes() for name in _files(state)}


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "another file": (lambda db: _replace(db, _garbage(50_000)), "not a database"),
    "a few bytes": (lambda db: _replace(db, b"journal"), "not a database"),
    "cut in half": (lambda db: _cut(db, _last_page(db) // 2 * _PAGE), "malformed"),
    "cut amid a page": (lambda db: _cut(db, _last_page(db) * _PAGE + 1_000), "it is damaged"),
    "emptied": (lambda db: _cut(db, 0), "the file is empty"),
    "a page of garbage": (lambda db: _overwrite(db, 40, _garbage(_PAGE)), "it is damaged"),
    "a page of zeros": (lambda db: _overwrite(db, _last_page(db), bytes(_PAGE)), "damaged"),
}
"""What was done to the file, and what is said of it."""


def assert_refused(directory: Path, *said: str) -> None:
    """A start says in one line what is wrong, ends with 1, and has changed nothing."""
    home = EngineHome(directory)
    before = _content(home.journal.parent)

    run = home.run("--mock", "--once")

    assert run.code == 1, run.out
    (line,) = run.told("stopped: ")
    assert "journal state/mock.db" in line
    for words in said:
        assert words in line
    assert run.err == []
    assert run.told("[METRICS]") == []
    assert _content(home.journal.parent) == before


class TestAStart:
    @pytest.mark.parametrize("name", DAMAGE)
    def test_on_a_damaged_file_is_refused(self, stopped: Path, tmp_path: Path, name: str) -> None:
        """Whatever became of it: nothing is guessed, and nothing written over."""
        damage, said = DAMAGE[name]
        _copy(stopped, tmp_path / "state")
        damage(tmp_path / "state" / "mock.db")

        assert_refused(tmp_path, said, _RESTORE)

    def test_without_the_log_of_a_killed_run_is_refused(self, killed: Path, tmp_path: Path) -> None:
        """The file alone is sound, and old: positions would be missing."""
        _copy(killed, tmp_path / "state")
        (tmp_path / "state" / "mock.db-wal").unlink()

        assert_refused(tmp_path, "mock.db-wal is missing", "put it back")

    def test_with_the_log_alone_is_refused(self, killed: Path, tmp_path: Path) -> None:
        """An empty database beside it would be taken for the truth."""
        _copy(killed, tmp_path / "state")
        (tmp_path / "state" / "mock.db").unlink()

        assert_refused(tmp_path, "the file is missing", "put the file back")

    def test_goes_on_once_the_log_is_back(self, killed: Path, tmp_path: Path) -> None:
        """The refusal has cost nothing."""
        _copy(killed, tmp_path / "state")
        log = tmp_path / "state" / "mock.db-wal"
        kept = log.rename(tmp_path / "kept")
        home = EngineHome(tmp_path)
        assert home.run("--mock", "--once").code == 1
        kept.rename(log)

        assert home.run("--mock", "--once").code == 0
        assert len(home.facts("TradeClosed")) >= 1


def test_no_page_is_so_unimportant_that_its_loss_goes_unseen(stopped: Path, tmp_path: Path) -> None:
    """Each in turn is overwritten: the journal does not open, or its facts do not read back."""
    for page in range(_last_page(stopped / "mock.db") + 1):
        state = tmp_path / f"p{page}"
        _copy(stopped, state)
        _overwrite(state / "mock.db", page, _garbage(_PAGE + page)[:_PAGE])

        with pytest.raises(JournalError), Journal.open(state / "mock.db") as journal:
            list(journal.replay())
