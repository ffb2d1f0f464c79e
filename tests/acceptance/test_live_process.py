"""A live process on stand-in venues: what lets its orders out, and what holds them back.

The engine, its files, its journal, its locks and its environment are real; only the venues are not.
"""

import json
import os
import socket
import sqlite3
import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from signal import SIGTERM
from typing import Any

import pytest

from tests.support.builders import BITHUMB, KRW, UPBIT
from tests.support.engine_process import EngineHome, EngineProcess, wait_until
from tests.support.stand_in import orders_of, steer
from trader.domain.facts import InventoryRebased
from trader.domain.instrument import Asset
from trader.domain.order import LedgerName
from trader.execution.journal import Journal

pytestmark = pytest.mark.slow

LIVE = {"LIVE_TRADING": "1"}
PROGRAM = ("-m", "tests.support.stand_in")
RICH, EVEN = 1.0, 0.0


class Host(EngineHome):
    """A host whose engine trades upbit against bithumb, quickly."""

    def __init__(self, directory: Path, lock_dir: Path, **sections: Mapping[str, Any]) -> None:
        lock_dir.mkdir(exist_ok=True)
        config: dict[str, Mapping[str, Any]] = {
            "engine": {"cycle_seconds": 0.1, "lock_dir": str(lock_dir), "min_disk_free_mb": 1},
            # These machines may stand still for a while; the loop's lag has tests of its own.
            "safety": {"max_loop_lag_ms": 10_000, "max_order_delay_ms": 5_000},
            "strategy": {
                "pairs": [
                    {"name": "pair", "first": "upbit:BTC-KRW", "second": "bithumb:BTC-KRW"},
                ],
                "usdt_krw": None,
            },
            **sections,
        }
        super().__init__(directory, config)
        self._give_balances()

    @property
    def journal(self) -> Path:
        """The journal of real venues."""
        return self.directory / "state" / "journal.db"

    @property
    def confirm_file(self) -> Path:
        """What must be touched."""
        return self.directory / ".live_trading_ok"

    def begin(self, *arguments: str, environ: Mapping[str, str] = LIVE) -> EngineProcess:
        """Start the engine on the stand-in."""
        return self.start(*arguments, program=PROGRAM, environ=environ)

    def orders(self) -> list[dict[str, Any]]:
        """What reached the venues."""
        return orders_of(self.directory)

    def ask(self, **request: Any) -> dict[str, Any]:
        """Ask the running engine by its socket."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(30)
            # A socket's path has about a hundred bytes, fewer than a test directory may need.
            before = Path.cwd()
            os.chdir(self.directory)
            try:
                link.connect("state/engine.sock")
            finally:
                os.chdir(before)
            link.sendall(json.dumps(request).encode() + b"\n")
            return dict(json.loads(link.makefile("rb").readline()))

    def _give_balances(self) -> None:
        (self.directory / "state").mkdir(mode=0o700, exist_ok=True)
        held = {Asset("BTC"): Decimal(1), KRW: Decimal(50_000_000)}
        with Journal.open(self.journal, migrations={}) as journal, journal.transaction() as tx:
            journal.append(
                tx,
                [
                    InventoryRebased(1, LedgerName.LIVE, venue, asset, quantity, "reconciled")
                    for venue in (UPBIT, BITHUMB)
                    for asset, quantity in held.items()
                ],
            )


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "engine", tmp_path / "locks")


class TestGoingLive:
    def test_takes_the_flag_and_a_touch_and_nothing_else(self, host: Host) -> None:
        """Before the touch trades are played on paper; after it and the dry run they are real."""
        steer(host.directory, premium_pct=RICH)
        with host.begin() as engine:
            engine.wait_for("LIVE TRADING BLOCKED")
            engine.wait_for("trade opened")
            assert host.orders() == []

            host.confirm_file.touch()
            engine.wait_for("LIVE TRADING ALLOWED")
            wait_until(lambda: len(host.orders()) >= 2)
            code, _ = engine.stop(SIGTERM)

        assert code == 0
        assert {order["purpose"] for order in host.orders()[:2]} == {"open"}
        assert {order["instrument"] for order in host.orders()[:2]} == {
            "upbit:BTC-KRW",
            "bithumb:BTC-KRW",
        }

    @pytest.mark.parametrize("flag", [{}, {"LIVE_TRADING": "true"}, {"LIVE_TRADING": " 1"}])
    def test_never_without_the_exact_flag(self, host: Host, flag: Mapping[str, str]) -> None:
        """Anything but 1 in the environment the process started with keeps everything on paper."""
        host.confirm_file.touch()
        steer(host.directory, premium_pct=RICH)
        with host.begin(environ=flag) as engine:
            engine.wait_for("trade opened")
            engine.wait_for("[METRICS]", count=10)

        assert host.orders() == []
        assert not engine.told("LIVE TRADING ALLOWED")

    def test_paper_mode_has_no_lane_at_all(self, host: Host) -> None:
        """With everything else in place, paper mode still trades on paper."""
        host.confirm_file.touch()
        steer(host.directory, premium_pct=RICH)
        with host.begin("--mode", "paper") as engine:
            engine.wait_for("trade opened")
            engine.wait_for("[METRICS]", count=10)

        assert host.orders() == []

    @pytest.mark.parametrize(
        "trouble",
        [
            {"reconciled": False},
            {"skew_ms": 900.0},
            {"skew_ms": None},
            {"cannot_withdraw": None},
            {"cannot_withdraw": False},
        ],
        ids=lambda trouble: "-".join(f"{key}={value}" for key, value in trouble.items()),
    )
    def test_waits_for_what_venues_say(self, host: Host, trouble: dict[str, Any]) -> None:
        """Unreconciled venues, a clock apart or unknown, keys that may withdraw: nothing goes."""
        host.confirm_file.touch()
        steer(host.directory, premium_pct=RICH, **trouble)
        with host.begin() as engine:
            engine.wait_for("trade opened")
            engine.wait_for("[METRICS]", count=10)

        assert host.orders() == []


class TestLosing:
    def test_the_file_stops_the_very_next_order_and_says_what_stands_open(self, host: Host) -> None:
        """No entry and no closing goes once the file is gone; the open legs are told as orders."""
        host.confirm_file.touch()
        steer(host.directory, premium_pct=RICH)
        with host.begin() as engine:
            wait_until(lambda: len(host.orders()) == 2)
            engine.wait_for("trade opened")
            host.confirm_file.unlink()
            engine.wait_for("LIVE TRADING BLOCKED")
            sent = len(host.orders())
            steer(host.directory, premium_pct=EVEN)
            engine.wait_for("[METRICS]", count=len(engine.told("[METRICS]")) + 10)

            assert len(host.orders()) == sent
            # A new touch is a demotion mended: it closes what it opened, live.
            host.confirm_file.touch()
            wait_until(lambda: len(host.orders()) == sent + 2)

        assert {order["purpose"] for order in host.orders()[sent:]} == {"exit"}

    def test_a_halt_by_the_socket_is_answered_once_nothing_can_leave(self, host: Host) -> None:
        """After the answer to a halt no order reaches a venue, whatever the market does."""
        host.confirm_file.touch()
        steer(host.directory, premium_pct=RICH)
        with host.begin() as engine:
            wait_until(lambda: len(host.orders()) >= 2)
            engine.wait_for("trade opened")

            answer = host.ask(command={"type": "Halt", "by": "test"})
            sent = len(host.orders())
            steer(host.directory, premium_pct=EVEN)
            engine.wait_for("[METRICS]", count=len(engine.told("[METRICS]")) + 10)

        assert answer["reply"]["level"] == "HALT"
        assert len(host.orders()) == sent

    def test_a_crash_costs_live_until_the_next_touch(self, host: Host) -> None:
        """After kill -9 nothing goes on the old touch; a new one lets it."""
        host.confirm_file.touch()
        steer(host.directory, premium_pct=RICH)
        with host.begin() as engine:
            wait_until(lambda: len(host.orders()) >= 2)
            engine.kill()
        sent = len(host.orders())

        with host.begin() as engine:
            engine.wait_for("LIVE TRADING BLOCKED")
            engine.wait_for("[METRICS]", count=10)
            assert not engine.told("LIVE TRADING ALLOWED")
            opened = [o for o in host.orders()[sent:] if o["purpose"] == "open"]
            assert opened == []

            host.confirm_file.touch()
            engine.wait_for("LIVE TRADING ALLOWED")

    def test_silent_books_suspend_and_come_back_by_themselves(self, host: Host) -> None:
        """Stale books shut the gate; fresh ones open it again after a dry run, without a touch."""
        host.confirm_file.touch()
        with host.begin() as engine:
            engine.wait_for("LIVE TRADING ALLOWED")
            steer(host.directory, silent=True)
            engine.wait_for("FEEDS_STALE", count=2)
            steer(host.directory)
            engine.wait_for("LIVE TRADING ALLOWED", count=2)


class TestAccountLock:
    def test_two_engines_never_trade_one_account_on_this_host(
        self, host: Host, tmp_path: Path
    ) -> None:
        """Another state directory with the same keys refuses at once; other keys do not."""
        other = Host(tmp_path / "other", tmp_path / "locks")
        with host.begin() as engine:
            engine.wait_for("[METRICS]")

            began = time.monotonic()
            second = other.run("--loops", "1", program=PROGRAM, environ=LIVE)
            took_s = time.monotonic() - began
            third = other.run("--loops", "1", "--account", "else", program=PROGRAM, environ=LIVE)

        assert second.code == 3, second.err
        assert "already running" in "".join(second.err)
        assert took_s < 60
        assert third.code == 0, third.err


class TestFailedCommit:
    def test_shuts_the_gate_tells_and_stops(self, host: Host) -> None:
        """A journal that cannot be written ends the process: nothing leaves off the record."""
        host.confirm_file.touch()
        with host.begin() as engine:
            engine.wait_for("LIVE TRADING ALLOWED")
            blocker = _lock_out(host.journal)
            try:
                steer(host.directory, premium_pct=RICH)
                code = engine.wait()
            finally:
                blocker.close()

        assert code == 1
        assert host.orders() == []
        assert engine.told("not journaled")


def _lock_out(journal: Path) -> Any:
    """Hold the database's write lock, as a broken disk would hold up every commit."""
    connection = sqlite3.connect(journal, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    return connection
