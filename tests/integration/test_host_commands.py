"""Commands on the host with the real program: ``check``, ``resume``, ``.halt``, the socket.

An engine runs or does not; what is asked goes through its socket, or to the state it left.
"""

import json
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from signal import SIGSTOP, SIGTERM
from typing import Any

import pytest

from tests.support.engine_process import EngineHome, EngineProcess, wait_until
from trader.domain.authority import Authority, Latch, Level
from trader.domain.control import Command, Halt, LiftHalt, Mode, Pause, Reply, Resume, ToPaper
from trader.domain.facts import AuthorityChanged, EngineStarted, Fact
from trader.execution.journal import Journal
from trader.ops.lease import StateLock
from trader.port.local import Answer, Request, send

PREDICATES = 25
WIDTH = 100
COLUMNS = {
    *("code", "name", "state", "loss", "value", "limit", "bound", "unit", "why", "mend"),
}
SECTIONS = (
    "LIVE GATE",
    "HOW TO MEND",
    "CREDENTIALS",
    "LIMITS",
    "TRADES LEFT PER DIRECTION",
    "BREAK-EVEN OF EACH PAIR",
    "NOTES",
)
SETS_THE_FLAG_LATER = """
import os, sys
import trader.app
from trader.__main__ import main
os.environ["LIVE_TRADING"] = "1"
sys.exit(main(sys.argv[1:]))
"""
LIVE = Authority(Level.LIVE, 1)
NOT_LIFTED = "not lifted: a .halt file stands; remove it first"


@pytest.fixture
def home(tmp_path: Path) -> EngineHome:
    return EngineHome(tmp_path / "home")


@pytest.fixture
def engine(home: EngineHome) -> Iterator[EngineProcess]:
    """An engine that runs and listens."""
    with home.start("--mock", "--interval", "0.05") as running:
        running.wait_for("[METRICS]")
        wait_until(socket_of(home).exists)
        yield running


def socket_of(home: EngineHome) -> Path:
    """Where its engine listens."""
    return home.directory / "state" / "engine.sock"


def checked(home: EngineHome, *arguments: str, code: int = 1) -> dict[str, Any]:
    """What ``check --json`` says."""
    run = home.run("check", "--json", *arguments)
    assert (run.code, run.err) == (code, []), run.err
    figures = json.loads("\n".join(run.out))
    assert isinstance(figures, dict)
    return figures


def write(home: EngineHome, *facts: Fact) -> None:
    """Facts of a live engine that is gone."""
    path = home.directory / "state" / "journal.db"
    with Journal.open(path) as journal, journal.transaction() as tx:
        journal.append(tx, facts)


def states(figures: dict[str, Any]) -> dict[str, str]:
    """Every predicate by its code: pass, fail or later."""
    return {row["code"]: row["state"] for row in figures["predicates"]}


def tell(home: EngineHome, command: Command) -> Reply:
    """Give the running engine a command over its socket."""
    answer = send(socket_of(home), Request(command=command))
    assert answer is not None
    assert answer.error == ""
    assert answer.reply is not None
    return answer.reply


def says(home: EngineHome) -> dict[str, Any]:
    """What the running engine says of its gate."""
    answer = send(socket_of(home), Request(question="guards"))
    assert answer is not None
    return dict(answer.figures)


class TestCheckWithoutAnEngine:
    def test_shows_every_predicate_and_how_to_mend_it(self, home: EngineHome) -> None:
        """A table for people; exit 1, since live could not start."""
        run = home.run("check", "--mode", "live")

        assert (run.code, run.err) == (1, [])
        shown = "\n".join(run.out)
        assert "engine not running, mode live, authority PAPER (revision 0)" in shown
        assert "✗  ENV_FLAG_MISSING" in shown
        assert "…  DRY_RUN" in shown
        assert "✓  HALTED" in shown
        assert "LIVE_TRADING=1" in shown
        assert "live could NOT start" in run.out[-1]
        assert "never withdraw" in shown
        for title in SECTIONS:
            assert run.out.count(title) == 1, title
        assert max(map(len, run.out)) <= WIDTH

    def test_says_the_same_as_json(self, home: EngineHome) -> None:
        """What only a run can settle is later, and does not count against a start."""
        figures = checked(home, "--mode", "live")

        found = states(figures)
        assert len(found) == PREDICATES
        assert set(found.values()) == {"pass", "fail", "later"}
        assert found["ENV_FLAG_MISSING"] == found["CONFIRM_FILE_MISSING"] == "fail"
        assert found["MODE_NOT_LIVE"] == found["LOCK_NOT_HELD"] == found["DISK_LOW"] == "pass"
        for code in ("FEEDS_STALE", "CLOCK_SKEWED", "NOT_RECONCILED", "LOOP_SLOW", "DRY_RUN"):
            assert found[code] == "later", code
        assert figures["could_start"] is False
        assert all(row.keys() == COLUMNS for row in figures["predicates"])
        assert all(row["name"] and row["value"] and row["limit"] for row in figures["predicates"])
        assert figures.keys() >= {"credentials", "key_rights", "limits", "trades", "notes"}

    def test_sees_what_the_host_is_like(self, home: EngineHome) -> None:
        """The flag in its environment, the file in the working directory."""
        (home.directory / ".live_trading_ok").touch(mode=0o600)
        run = home.run("check", "--json", "--mode", "live", environ={"LIVE_TRADING": "1"})

        found = states(json.loads("\n".join(run.out)))
        assert found["ENV_FLAG_MISSING"] == found["CONFIRM_FILE_MISSING"] == "pass"
        assert found["CONFIRM_FILE_NOT_ARMED"] == "pass"

    @pytest.mark.parametrize("value", ["true", " 1", "1 ", "01", "yes", ""])
    def test_takes_no_other_value_for_the_flag(self, home: EngineHome, value: str) -> None:
        """Exactly 1, in the environment the process was started with."""
        run = home.run("check", "--json", "--mode", "live", environ={"LIVE_TRADING": value})

        assert states(json.loads("\n".join(run.out)))["ENV_FLAG_MISSING"] == "fail"

    def test_takes_no_flag_that_came_later(self, home: EngineHome) -> None:
        """Neither a ``.env`` file beside it, nor one that code sets once the program runs."""
        (home.directory / ".env").write_text("LIVE_TRADING=1\n", encoding="utf-8")
        program = ("-c", SETS_THE_FLAG_LATER)
        run = home.run("check", "--json", "--mode", "live", program=program)

        assert states(json.loads("\n".join(run.out)))["ENV_FLAG_MISSING"] == "fail"

    def test_needs_the_credentials_that_alerts_need(self, home: EngineHome) -> None:
        """Missing ones are known to be missing; those that are there only a run can try."""
        home = EngineHome(home.directory, {"alert": {"telegram_enabled": True}})
        assert states(checked(home, "--mode", "live"))["OPERATOR_CREDENTIALS"] == "fail"

        token = {"TELEGRAM_BOT_TOKEN": "1:abc", "TELEGRAM_CHAT_ID": "7"}
        run = home.run("check", "--json", "--mode", "live", environ=token)
        assert states(json.loads("\n".join(run.out)))["OPERATOR_CREDENTIALS"] == "later"

    def test_tells_where_secrets_came_from_and_never_what_they_say(self, home: EngineHome) -> None:
        """Also not of one that is in the config or in a file."""
        (home.directory / "secret").write_text("hidden-2\n", encoding="utf-8")
        config = {"alert": {"telegram_enabled": True, "telegram": {"bot_token": "1:hidden-3"}}}
        home = EngineHome(home.directory, config)
        environ = {"UPBIT_ACCESS_KEY": "hidden-1", "UPBIT_SECRET_KEY_FILE": "secret"}

        page = home.run("check", "--mode", "live", environ=environ)
        run = home.run("check", "--mode", "live", "--json", environ=environ)

        assert "hidden" not in "\n".join([*page.out, *page.err, *run.out, *run.err])
        found = {row["name"]: row for row in json.loads("\n".join(run.out))["credentials"]}
        assert found["UPBIT_ACCESS_KEY"]["source"] == "environment"
        assert found["UPBIT_SECRET_KEY"]["source"] == "file secret"
        assert found["TELEGRAM_BOT_TOKEN"]["source"] == "config"
        assert found["BINANCE_ACCESS_KEY"]["state"] == "fail"
        assert len(found["UPBIT_ACCESS_KEY"]["fingerprint"]) == 16

    def test_leaves_trades_left_to_a_run_where_nothing_is_known(self, home: EngineHome) -> None:
        """The break-even needs no prices."""
        figures = checked(home)

        for row in figures["trades"]["directions"]:
            assert row["left"] is None
            assert row["why"]
            assert float(row["needed_pct"]) > float(row["fees_pct"]) > 0

    def test_counts_trades_left_at_the_last_known_prices(self, home: EngineHome) -> None:
        """From the inventory and the decisions of the run before."""
        assert home.run("--mock", "--loops", "10", "--interval", "0").code == 0

        trades = checked(home)["trades"]

        assert (trades["prices"], trades["ledger"]) == ("journal", "paper")
        assert any(row["left"] for row in trades["directions"])
        page = "\n".join(home.run("check").out)
        assert "at the last prices journaled, 2026-01-05" in page

    def test_sees_a_halt_file(self, home: EngineHome) -> None:
        """A start would be halted by it."""
        (home.directory / ".halt").touch()

        figures = checked(home)

        assert states(figures)["HALTED"] == "fail"
        assert figures["authority"] == "HALT"
        assert figures["halt_file"] is True

    def test_shows_what_a_start_would_make_of_a_crash(self, home: EngineHome) -> None:
        """The record still says LIVE; the next start will not."""
        write(home, EngineStarted(1, "one", Mode.LIVE, "0"), AuthorityChanged(2, LIVE))

        figures = checked(home, "--mode", "live")

        assert figures["authority"] == "PAPER"
        assert figures["latch"]["reason"] == "CRASH"
        assert states(figures)["DEMOTED"] == "fail"

    def test_leaves_it_to_a_run_to_take_a_demotion_back(self, home: EngineHome) -> None:
        """Latched it fails; touched after the latch nothing stands against a start any more."""
        latched = Authority(Level.PAPER, 3, Latch("PAPER", "7", 1, None))
        write(home, AuthorityChanged(2, latched))
        assert states(checked(home, "--mode", "live"))["DEMOTED"] == "fail"

        (home.directory / ".live_trading_ok").touch(mode=0o600)
        assert states(checked(home, "--mode", "live"))["DEMOTED"] == "later"

    def test_two_at_once_leave_each_other_alone(self, home: EngineHome) -> None:
        """Either answers, or is told that somebody is at work; none breaks."""
        with home.start("check") as first, home.start("check") as second:
            codes = {first.wait(), second.wait()}

        assert codes <= {1, 3}
        for run in (first, second):
            assert len(run.err) == (1 if run.code == 3 else 0), run.err

    def test_is_told_who_holds_the_state(self, home: EngineHome) -> None:
        """A process that holds the lock and does not listen: exit 3, one line."""
        home.directory.joinpath("state").mkdir()
        with StateLock.acquire(home.directory / "state"):
            runs = [home.run("check"), home.run("resume")]

        for run in runs:
            assert run.code == 3
            (line,) = run.err
            assert line.startswith("already running: process ")

    def test_passes_a_stale_socket_by(self, home: EngineHome, engine: EngineProcess) -> None:
        """What a killed engine left behind is nobody's socket."""
        engine.kill()
        assert stat.S_ISSOCK(socket_of(home).stat().st_mode)

        assert checked(home)["engine"] == "not running"


class TestCheckWithAnEngine:
    def test_asks_it(self, home: EngineHome, engine: EngineProcess) -> None:
        """Through a socket that is this user's alone, in a directory that is."""
        wait_until(lambda: states(says(home))["FEEDS_STALE"] == "pass")
        figures = checked(home)

        assert figures["engine"] == "running"
        assert figures["mode"] == "mock"
        assert "later" not in states(figures).values()
        assert states(figures)["MODE_NOT_LIVE"] == "fail"
        assert stat.S_IMODE(socket_of(home).stat().st_mode) == 0o600
        assert stat.S_IMODE(socket_of(home).parent.stat().st_mode) == 0o700
        assert engine.is_running

    def test_two_at_once_are_both_served(self, home: EngineHome, engine: EngineProcess) -> None:
        """And the engine goes on."""
        with home.start("check") as first, home.start("check") as second:
            assert (first.wait(), second.wait()) == (1, 1)

        assert first.err == second.err == []
        assert any("engine running" in line for line in first.out)
        assert engine.is_running

    def test_is_gone_with_it(self, home: EngineHome, engine: EngineProcess) -> None:
        """A clean stop leaves no socket, also with a client that never asks."""
        with socket.socket(socket.AF_UNIX) as idle:
            idle.connect(str(socket_of(home)))
            code, seconds = engine.stop(SIGTERM)

        assert code == 0
        assert seconds < 8
        assert not socket_of(home).exists()

    def test_gives_up_on_one_that_hangs(
        self, home: EngineHome, engine: EngineProcess, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One line, and no guess at what it would have said."""
        monkeypatch.setattr("trader.port.local.ANSWER_WITHIN_S", 0.1)
        engine.signal(SIGSTOP)

        with pytest.raises(Exception, match="does not answer"):
            send(socket_of(home), Request(question="guards"))


class TestTheSocket:
    @pytest.mark.parametrize(
        ("line", "error"),
        [
            (b"\n", "not a request"),
            (b"{}\n", "question '' is not known; allowed: alerts, "),
            (b'{"question": "money"}\n', "question 'money' is not known"),
            (b'{"command": {"type": "ToLive"}}\n', "not a request"),
            (b'{"command": {"type": "Halt"}}\n', "not a request"),
            (b"\xff\n", "not a request"),
        ],
    )
    def test_says_what_is_wrong_with_a_request(
        self, home: EngineHome, engine: EngineProcess, line: bytes, error: str
    ) -> None:
        """And nothing happens; raising is no command at all."""
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(socket_of(home)))
            link.sendall(line)
            answer = json.loads(link.makefile("rb").readline())

        assert error in answer["error"]
        assert answer["reply"] is None
        assert says(home)["revision"] == 0
        assert engine.is_running

    def test_drops_a_line_without_end(self, home: EngineHome, engine: EngineProcess) -> None:
        """Its bound is written down; the engine goes on."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(30)
            link.connect(str(socket_of(home)))
            with pytest.raises(ConnectionError):
                link.sendall(b"x" * 50_000_000)

        assert says(home)["authority"] == "PAPER"
        assert engine.is_running

    @pytest.mark.parametrize(
        "arguments",
        [
            pytest.param(("--once", "--mock"), id="run"),
            pytest.param(("check",), id="check"),
            pytest.param(("resume",), id="resume"),
        ],
    )
    def test_refuses_a_name_that_no_socket_can_have(
        self, tmp_path: Path, arguments: tuple[str, ...]
    ) -> None:
        """One line with the key, by the engine and by those who ask it; nothing was decided."""
        long = tmp_path / ("x" * 60) / ("y" * 60)
        home = EngineHome(tmp_path / "home", {"engine": {"state_dir": str(long)}})

        run = home.run(*arguments)

        assert run.code == 2
        (line,) = run.err
        assert "engine.state_dir" in line
        assert "at most 100 are allowed" in line


class TestCommandsOverTheSocket:
    def test_pause_and_resume(self, home: EngineHome, engine: EngineProcess) -> None:
        """Each changes once, is answered from the state, and is in the journal by then."""
        assert tell(home, Pause("7", "lunch")).note == "entries paused"
        assert [fact["by"] for fact in home.facts("EntriesPaused")] == ["7"]
        assert tell(home, Pause("7")).changed is False
        assert states(says(home))["PAUSED"] == "fail"
        assert tell(home, Resume("7")).paused is False
        assert states(says(home))["PAUSED"] == "pass"
        assert engine.is_running

    def test_halt_stands_until_it_is_lifted(self, home: EngineHome, engine: EngineProcess) -> None:
        """Durable when answered; after it no order is approved; lifted it is PAPER."""
        halted = tell(home, Halt("7", "drill"))
        assert (halted.changed, halted.level) == (True, "HALT")
        (fact,) = home.facts("AuthorityChanged")
        assert fact["authority"]["latch"]["reason"] == "drill"
        assert tell(home, ToPaper("7")).changed is False

        engine.wait_for("[METRICS]", count=len(engine.told("[METRICS]")) + 5)
        after = [f for f in home.facts() if f["at_ns"] > fact["at_ns"]]
        entries = [
            order
            for f in after
            if f["type"] == "OrdersApproved"
            for order in f["orders"]
            if order["purpose"] == "open"
        ]
        assert entries == []
        assert tell(home, LiftHalt("7", halted.revision - 1)).changed is False
        assert tell(home, LiftHalt("7", halted.revision)).level == "PAPER"

    def test_a_halt_file_halts_and_its_going_does_not_resume(
        self, home: EngineHome, engine: EngineProcess
    ) -> None:
        """Whatever it contains, or is."""
        (home.directory / ".halt").mkdir()
        wait_until(lambda: says(home)["authority"] == "HALT")
        blocked = home.run("resume")
        assert (blocked.code, blocked.out) == (1, [NOT_LIFTED])

        (home.directory / ".halt").rmdir()
        engine.wait_for("[METRICS]", count=len(engine.told("[METRICS]")) + 2)
        assert says(home)["authority"] == "HALT"
        assert home.run("resume").code == 0
        assert says(home)["authority"] == "PAPER"


class TestResume:
    def test_lifts_through_a_running_engine(self, home: EngineHome, engine: EngineProcess) -> None:
        """Exit 0 when something was lifted, 1 when there was nothing."""
        tell(home, Halt("7"))

        first, again = home.run("resume"), home.run("resume")

        assert (first.code, first.err) == (0, [])
        assert first.out == ["halt lifted to PAPER; for live, touch the confirm file now"]
        assert (again.code, again.out) == (1, ["nothing to lift: neither halted nor paused"])
        assert engine.is_running

    def test_lifts_no_other_mode_s_halt(self, home: EngineHome, engine: EngineProcess) -> None:
        """Asked for the live journal, it does not answer with the simulated one."""
        tell(home, Halt("7"))

        run = home.run("resume", "--mode", "live")

        assert run.code == 1
        assert run.out == ["not lifted: the engine that runs here is in mode mock"]
        assert says(home)["authority"] == "HALT"
        assert engine.is_running

    def test_lifts_what_a_killed_engine_left(self, home: EngineHome, engine: EngineProcess) -> None:
        """A halt outlives ``kill -9`` and a restart, and is lifted without an engine as well."""
        tell(home, Pause("7"))
        tell(home, Halt("7", "drill", now=True))
        engine.kill()

        assert checked(home)["latch"]["reason"] == "drill"
        assert home.run("--mock", "--loops", "2").code == 0
        assert checked(home)["authority"] == "HALT"

        (home.directory / ".halt").touch()
        assert (home.run("resume").code, home.run("resume").out) == (1, [NOT_LIFTED])
        (home.directory / ".halt").unlink()

        first, again = home.run("resume"), home.run("resume")
        assert first.code == 0
        assert first.out == ["halt lifted to PAPER; for live, touch the confirm file now"]
        assert (again.code, again.out) == (1, ["nothing to lift: neither halted nor paused"])
        assert checked(home)["authority"] == "PAPER"
        assert [fact["by"] for fact in home.facts("EntriesResumed")] == ["host"]

    def test_of_a_state_that_never_was(self, home: EngineHome) -> None:
        """There is nothing to lift, and that is no fault."""
        run = home.run("resume")

        assert (run.code, run.err) == (1, [])
        assert run.out == ["nothing to lift: neither halted nor paused"]


def test_nobody_listens_where_nothing_is(tmp_path: Path) -> None:
    """Neither a missing directory nor a file in its place is an engine."""
    (tmp_path / "file").touch()

    assert send(tmp_path / "none" / "engine.sock", Request(question="guards")) is None
    assert send(tmp_path / "file" / "engine.sock", Request(question="guards")) is None
    assert send(tmp_path / "file", Request(question="guards")) is None
    assert Answer().reply is None
