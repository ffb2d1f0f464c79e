"""Fault: ``kill -9`` while authority is written, and a record of it that does not read back."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.support.builders import engine_rules
from tests.support.engine_harness import an_engine
from tests.support.engine_process import EngineHome
from trader.domain.authority import UNREADABLE, Authority, Level
from trader.domain.control import Mode
from trader.domain.facts import AuthorityChanged
from trader.engine.engine import Engine
from trader.execution.journal import Journal

ROOT = Path(__file__).parents[2]
KILLS = 12


def change_until_killed(path: Path, answers: int, random: Random) -> tuple[int, Level]:
    """Start a writer, kill it around an answer; returns the last one told: revision and level."""
    command = [sys.executable, "-m", "tests.support.authority_writer", str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [writer.stdout.readline() for _ in range(answers)]
        # Anywhere in the next write: what takes how long is the disk's to say.
        for _ in range(random.randrange(2_000)):
            pass
        writer.kill()
        told += writer.stdout.readlines()
    whole = [line.split() for line in told if line.endswith("\n")]
    assert whole, "the writer died before its first answer"
    assert all(changed == "True" for _, _, changed in whole)
    revision, level, _ = whole[-1]
    return int(revision), Level[level]


def start(path: Path) -> Engine:
    """An engine restored from the journal, as the app does it."""
    with Journal.open(path) as journal:
        engine = an_engine(engine_rules(mode=Mode.LIVE))
        engine.restore(journal.replay())
        engine.trust(journal.authority())
    return engine


@pytest.mark.slow
def test_kill_9_loses_no_answer_and_raises_nothing(tmp_path: Path) -> None:
    """What was answered stands; at most the one change that was under way stands as well."""
    path = tmp_path / "state" / "journal.db"
    random = Random(2)
    seen: set[Level] = set()

    for _ in range(KILLS):
        revision, level = change_until_killed(path, random.randint(1, 25), random)
        with Journal.open(path) as journal:
            facts = [f.authority for f in journal.replay() if isinstance(f, AuthorityChanged)]
            row = journal.authority()

        assert row == facts[-1]
        assert revision <= row.revision <= revision + 1
        if row.revision == revision:
            assert row.level is level
        assert [one.revision for one in facts] == list(range(1, row.revision + 1))
        assert max(one.level for one in facts) is Level.PAPER
        assert start(path).state.authority == row
        seen.add(level)

    assert seen == {Level.HALT, Level.PAPER}


# a record that does not read back

LIVE_BODY = '{"level": 2, "revision": 9, "latch": null, "nothing_goes": false, "used_up": false}'
DAMAGES: dict[str, Callable[[sqlite3.Connection], object]] = {
    "row gone": lambda db: db.execute("DELETE FROM authority"),
    "table gone": lambda db: db.execute("DROP TABLE authority"),
    "empty": lambda db: db.execute("UPDATE authority SET body = ''"),
    "no JSON": lambda db: db.execute("UPDATE authority SET body = '{\"level\": 2,'"),
    "no such level": lambda db: db.execute("UPDATE authority SET body = '{\"level\": 3}'"),
    "another shape": lambda db: db.execute("UPDATE authority SET body = '[]'"),
    "raised by hand": lambda db: db.execute("UPDATE authority SET body = ?", (LIVE_BODY,)),
    "older": lambda db: db.execute("UPDATE authority SET body = '{}'"),
    "last fact gone": lambda db: db.executescript(
        "DROP TRIGGER facts_remain; DELETE FROM facts WHERE seq = (SELECT MAX(seq) FROM facts)"
    ),
}


@pytest.fixture
def lowered(tmp_path: Path) -> Path:
    """A journal in which somebody demoted to paper."""
    path = tmp_path / "state" / "journal.db"
    with Journal.open(path) as journal, journal.transaction() as tx:
        journal.append(tx, [AuthorityChanged(1, Authority(Level.PAPER, 1))])
        journal.append(tx, [AuthorityChanged(2, Authority(Level.PAPER, 2))])
    return path


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
def test_a_record_that_does_not_read_back_is_a_halt(
    lowered: Path, damage: Callable[[sqlite3.Connection], object]
) -> None:
    """Whatever it says, whoever made it say so: damage permits nothing."""
    assert start(lowered).state.authority == Authority(Level.PAPER, 2)
    connection = sqlite3.connect(lowered)
    damage(connection)
    connection.commit()
    connection.close()

    assert start(lowered).state.authority.latch == UNREADABLE.latch


# the program on such a state


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> EngineHome:
    """A home whose engine ran once."""
    home = EngineHome(tmp_path_factory.mktemp("ran"))
    assert home.run("--mock", "--once").code == 0
    return home


@pytest.fixture
def home(ran: EngineHome, tmp_path: Path) -> EngineHome:
    """A copy of it, to be damaged."""
    copy = EngineHome(tmp_path / "copy")
    shutil.copytree(ran.directory / "state", copy.directory / "state")
    return copy


def garble(path: Path) -> None:
    """Write over the middle of every page."""
    content = bytearray(path.read_bytes())
    for place in range(0, len(content), 4_096):
        content[place + 20 : place + 2_000] = b"\xa5" * 1_980
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    "damage",
    [garble, lambda path: path.write_bytes(b"not a database" * 1_000)],
    ids=["garbled pages", "another file"],
)
@pytest.mark.parametrize("command", [("--once", "--mock"), ("check",), ("resume",)])
def test_a_corrupt_database_is_refused_in_one_line(
    home: EngineHome, damage: Callable[[Path], object], command: tuple[str, ...]
) -> None:
    """No engine, no table of predicates and no lifted halt on a store that cannot be read."""
    damage(home.journal)

    run = home.run(*command)

    assert run.code == 1
    # The engine logs it, and tells Telegram's stand-in; a command writes it to stderr.
    told = [line for line in run.out if "Telegram" not in line]
    (line,) = run.err or [line for line in told if "stopped:" in line]
    assert "journal state/mock.db" in line
    assert "restore a backup" in line
    assert len(told) <= 1 + len([line for line in told if "WARN" in line])


def test_a_garbled_row_halts_the_program(home: EngineHome) -> None:
    """It runs, halted; the halt is a fact of its own, told, and lifted on the host only."""
    connection = sqlite3.connect(home.journal)
    connection.execute("INSERT OR REPLACE INTO authority VALUES (1, 'x')")
    connection.commit()
    connection.close()

    assert home.run("--mock", "--once").code == 0

    (changed,) = home.facts("AuthorityChanged")
    assert changed["authority"]["level"] == Level.HALT
    assert changed["authority"]["latch"]["reason"] == "STORE_UNREADABLE"
    check = json.loads("\n".join(home.run("check", "--json").out))
    assert check["authority"] == "HALT"
    lifted = home.run("resume")
    assert (lifted.code, lifted.err) == (0, [])
    assert "halt lifted to PAPER" in lifted.out[0]
