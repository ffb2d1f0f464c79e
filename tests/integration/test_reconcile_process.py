"""Recovery and reconciliation with real processes: the engine, the simulator, ``trader reconcile``.

The simulator's ledger, in its own process, is the referee.
"""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from signal import SIGTERM
from typing import Any

import pytest

from tests.support.engine_process import EngineProcess, wait_until
from tests.support.facts import a_decision
from tests.support.sim_process import SimHost, SimProcess
from tests.support.simulated_accounts import JournalReader, referee_holdings
from trader.credentials import Secret
from trader.domain.control import Mode
from trader.domain.facts import EngineStarted, EngineStopped, OrderMoved, OrdersApproved
from trader.domain.instrument import InstrumentId, Venue
from trader.domain.order import (
    ApprovedOrder,
    ClientOrderId,
    Intent,
    LedgerName,
    OrderState,
    PairName,
    Purpose,
    Side,
    TradeId,
)
from trader.execution.journal import Journal
from trader.sim.defaults import test_key as sim_key

pytestmark = pytest.mark.slow

PAIR = {"name": "upbit-binance", "first": "upbit:BTC-KRW", "second": "binance:BTC-USDT"}
RICH, EVEN = 1.0, 0.0
AT_NS = 1_795_000_000_000_000_000
QUARANTINED = ClientOrderId("tr-main-k3x9aaaa-7")


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[SimProcess]:
    """A simulator whose venues are even."""
    with SimProcess(tmp_path / "sim") as running:
        premium(running, EVEN)
        yield running


@pytest.fixture
def host(tmp_path: Path, sim: SimProcess) -> SimHost:
    """A host whose keys are vouched for."""
    attested = {
        venue: {"attested_fingerprint": Secret(sim_key(Venue(venue))[0]).fingerprint()}
        for venue in ("upbit", "bithumb")
    }
    return SimHost(tmp_path / "engine", sim, (PAIR,), venues=attested)


def premium(sim: SimProcess, percent: float) -> None:
    """Korea is so much dearer than Binance from now on."""
    sim.admin("market", {"premium_pct": percent})


def go_live(engine: EngineProcess, host: SimHost) -> None:
    """Touch the file and wait until the gate is open."""
    host.confirm_file.touch()
    engine.wait_for("live=✅")


def saved(host: SimHost) -> Path:
    """The journal as a power cut would leave it now: whole, up to this commit."""
    copy = host.directory / "saved.db"
    copy.unlink(missing_ok=True)
    with closing(sqlite3.connect(host.journal)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def put_back(host: SimHost, copy: Path) -> None:
    """What was committed after that is gone."""
    for name in (host.journal, *host.journal.parent.glob("journal.db-*")):
        name.unlink(missing_ok=True)
    shutil.copy(copy, host.journal)


def reconcile(host: SimHost, *arguments: str) -> EngineProcess:
    """``trader reconcile`` on this host."""
    return host.run("reconcile", "--mode", "live", *arguments, environ=host.sim.keys)


def compared(host: SimHost, code: int) -> dict[str, Any]:
    """What ``reconcile --json`` says."""
    run = reconcile(host, "--json")
    assert (run.code, run.err) == (code, []), (run.out, run.err)
    figures = json.loads("\n".join(run.out))
    assert isinstance(figures, dict)
    return figures


def sent_to(sim: SimProcess) -> list[dict[str, Any]]:
    """Every order any venue accepted."""
    return [order for page in sim.ledger()["venues"].values() for order in page["orders"]]


class TestPowerCut:
    def test_an_opening_whose_commit_was_lost_is_adopted_and_closed(
        self, host: SimHost, sim: SimProcess
    ) -> None:
        """Both legs enter the ledger with their fills, once; then the trade is closed as any is."""
        with host.begin("--mode", "live") as engine:
            go_live(engine, host)
            journal = saved(host)
            premium(sim, RICH)
            engine.wait_for("trade opened ledger=live")
            opened = {order["client_id"] for order in sent_to(sim)}
            engine.kill()
        put_back(host, journal)

        with host.begin("--mode", "live") as engine:
            adopted = engine.wait_for("order adopted", count=len(opened))
            engine.wait_for("trade opened ledger=live")
            premium(sim, EVEN)
            engine.wait_for("trade closed ledger=live")
            wait_until(lambda: sum(map(len, held_in_flight(host))) == 0)
            code, _ = engine.stop(SIGTERM)
        assert code == 0

        # A leg that filled in part was completed by a third order; that one is adopted as well.
        assert len(opened) >= 2
        assert all(any(order in line for line in adopted) for order in opened)
        held = JournalReader(host.journal, "live").holdings()
        theirs = referee_holdings(sim.ledger())
        assert {place: theirs[place] for place in held} == held
        ids = [order["client_id"] for order in sent_to(sim)]
        assert len(ids) == len(set(ids)) >= 4
        assert compared(host, 0)["differs"] is False

    def test_a_journal_restored_from_before_the_start_waits_for_a_word(
        self, host: SimHost, sim: SimProcess
    ) -> None:
        """It may be a copy that trades elsewhere: told, held, and adopted once it is accepted."""
        with host.begin("--mode", "live", "--loops", "5") as engine:
            engine.wait()
        journal = saved(host)
        with host.begin("--mode", "live") as engine:
            go_live(engine, host)
            premium(sim, RICH)
            engine.wait_for("trade opened ledger=live")
            engine.kill()
        put_back(host, journal)

        with host.begin("--mode", "live") as engine:
            engine.wait_for("breaker tripped ledger=live breaker=FOREIGN_EPOCH")
            figures = compared(host, 1)
            run = reconcile(host, "--accept")
            assert run.code == 0, run.err
            engine.wait_for("order adopted", count=2)
            engine.wait_for("trade opened ledger=live")
            assert engine.told("breaker cleared ledger=live breaker=FOREIGN_EPOCH")

        assert [one["kind"] for one in figures["standing"]] == ["foreign"]
        whose = {order["whose"] for venue in figures["venues"] for order in venue["recent"]}
        assert whose == {"foreign"}
        assert "foreign" not in "\n".join(run.out)


class TestWithoutAnEngine:
    def test_a_withdrawal_is_shown_with_its_size_and_a_guess(
        self, host: SimHost, sim: SimProcess
    ) -> None:
        """Exit 1; accepted, exit 0, and then nothing differs."""
        with host.begin("--mode", "live", "--loops", "10") as engine:
            engine.wait_for("reconciled venue=", count=2)
            engine.wait()
        assert compared(host, 0)["differs"] is False
        sim.admin("balances", {"venue": "upbit", "asset": "BTC", "delta": "-0.25"})

        figures = compared(host, 1)
        shown = reconcile(host)
        accepted = reconcile(host, "--accept", "upbit:BTC")

        upbit = next(one for one in figures["venues"] if one["venue"] == "upbit")
        btc = next(one for one in upbit["balances"] if one["asset"] == "BTC")
        assert (btc["cause"], Decimal(btc["stated"]), Decimal(btc["counted"])) == (
            "withdrawal",
            Decimal("0.75"),
            Decimal(1),
        )
        line = next(line for line in shown.out if line.startswith("✗") and "BTC" in line)
        assert "-0.25" in line
        assert "a withdrawal" in line
        assert (accepted.code, accepted.out) == (0, ["accepted: upbit:BTC"])
        assert compared(host, 0)["differs"] is False

    def test_it_asks_and_changes_nothing(self, host: SimHost, sim: SimProcess) -> None:
        """No fact, no order, and the locks are let go of."""
        with host.begin("--mode", "live", "--loops", "10") as engine:
            engine.wait_for("reconciled venue=", count=2)
            engine.wait()
        before = host.facts()
        sim.admin("balances", {"venue": "upbit", "asset": "BTC", "delta": "-0.25"})

        for _ in range(2):
            assert reconcile(host).code == 1

        assert host.facts() == before
        assert sent_to(sim) == []

    def test_only_live_has_an_account(self, host: SimHost) -> None:
        """One line, exit 2."""
        run = host.run("reconcile", environ=host.sim.keys)

        assert run.code == 2
        assert run.err == [
            "mode.current is mock: only live has an account to reconcile; allowed: --mode live"
        ]

    def test_a_venue_that_does_not_answer_is_said(self, host: SimHost, sim: SimProcess) -> None:
        """And nothing can be accepted meanwhile."""
        sim.process.kill()

        figures = compared(host, 1)
        accepted = reconcile(host, "--accept")

        assert all(one["error"] for one in figures["venues"])
        assert accepted.code == 1
        assert accepted.err[0].startswith("nothing done: ")


class TestQuarantined:
    def test_is_closed_by_what_its_venue_shows_without_an_engine(self, host: SimHost) -> None:
        """Asked once more it knows nothing: unexecuted, and the operator is named."""
        quarantine(host)

        shown = compared(host, 1)
        run = reconcile(host, "--accept", QUARANTINED)

        assert [one["state"] for one in shown["unsettled"]] == ["quarantined"]
        assert run.code == 0, run.err
        assert moved(host) == ("expired", "accepted by host: the venue knows it not")

    def test_and_by_the_running_engine(self, host: SimHost) -> None:
        """Which asks at once, and the command tells what came of it."""
        quarantine(host)
        with host.begin("--mode", "live") as engine:
            engine.wait_for("reconciled venue=", count=2)

            run = reconcile(host, "--accept", QUARANTINED)
            again = reconcile(host, "--accept", QUARANTINED)

        assert run.code == 0, (run.out, run.err)
        assert run.out[-1].startswith(f"{QUARANTINED}: expired, 0 of 0.001 executed")
        assert again.code == 1
        assert moved(host)[0] == "expired"

    def test_no_other_order_is(self, host: SimHost) -> None:
        """Nothing of this name stands."""
        run = reconcile(host, "--accept", "tr-main-k3x9aaaa-99")

        assert run.code == 1
        assert run.out == ["nothing to accept: no such difference stands"]


def quarantine(host: SimHost) -> None:
    """A journal whose engine left an order in quarantine that its venue never saw."""
    trade, ledger = TradeId("T7"), LedgerName.LIVE
    intent = Intent(InstrumentId("upbit:BTC-KRW"), Side.BUY, Decimal("0.001"), Decimal(150_000_000))
    order = ApprovedOrder(
        QUARANTINED, trade, PairName("upbit-binance"), ledger, Purpose.OPEN, intent, 1, 0
    )
    facts = (
        EngineStarted(AT_NS, "main", Mode.LIVE, "0", None, "k3x9aaaa"),
        OrdersApproved(AT_NS, trade, a_decision(), (order,)),
        *(
            OrderMoved(AT_NS, ledger, QUARANTINED, trade, state, Decimal(0))
            for state in (OrderState.UNKNOWN, OrderState.QUARANTINED)
        ),
        EngineStopped(AT_NS, "test"),
    )
    host.journal.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with Journal.open(host.journal) as journal, journal.transaction() as tx:
        journal.append(tx, facts)


def moved(host: SimHost) -> tuple[str, str]:
    """Where the quarantined order ended, and why."""
    last = [f for f in host.facts("OrderMoved") if f["client_order_id"] == QUARANTINED][-1]
    return last["state"], last["reason"]


def held_in_flight(host: SimHost) -> list[list[str]]:
    """Live orders in the journal that have no end yet."""
    reader = JournalReader(host.journal, "live")
    over = {"filled", "cancelled", "expired", "rejected", "blocked"}
    ends = reader.final_states()
    return [[order for order in reader.orders() if ends.get(order, ("",))[0] not in over]]
