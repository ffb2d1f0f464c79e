"""The operator's pages: what they change, what the referee tells, and who may ask."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from trader.domain.errors import ConfigError
from trader.domain.instrument import BINANCE, BITHUMB, KRW, UPBIT, InstrumentId, Venue
from trader.domain.order import Side
from trader.sim.deeds import BalanceChange, Step, read_scenario
from trader.sim.defaults import MAIN
from trader.sim.faults import Fault, FaultKind, Operation
from trader.sim.market import SeededMarket
from trader.sim.model import Kind, NewOrder, OrderState
from trader.sim.server import Setup, Simulator

UPBIT_BTC = InstrumentId("upbit:BTC-KRW")
QUIET_S = 3_600.0
"""No book is stated twice within a test."""


class Desk:
    """A simulator in this process and a client of its operator's pages."""

    def __init__(self, simulator: Simulator, session: aiohttp.ClientSession) -> None:
        self.simulator = simulator
        self._session = session

    async def ask(self, method: str, path: str, body: object = None, **kwargs: Any) -> Any:
        """The answer of a page, and its status."""
        url = f"{self.simulator.url}/admin/{path}"
        sent = None if body is None else msgspec.json.encode(body)
        async with self._session.request(method, url, data=sent, **kwargs) as answer:
            return answer.status, await answer.json()

    def buy(self, quantity: str = "0.001") -> Any:
        """Buy at market at Upbit."""
        account = self.simulator.exchange.account(UPBIT, MAIN)
        assert account is not None
        best = self.simulator.exchange.book(UPBIT_BTC)
        assert best is not None
        order = NewOrder(
            UPBIT_BTC,
            Side.BUY,
            Kind.LIMIT,
            quantity=Decimal(quantity),
            price=Decimal(repr(best.asks[-1][0])),
            client_id=f"desk-{quantity}",
        )
        return self.simulator.exchange.place(account, order)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A simulator whose market stands still."""
    setup = Setup(
        SeededMarket(5), book_interval_s=QUIET_S, ledger=tmp_path / "ledger.jsonl", is_separate=True
    )
    simulator = Simulator(setup)
    await simulator.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Desk(simulator, session)
    finally:
        await simulator.stop()


class TestLedger:
    """The referee knows every order, fill, refusal and balance, and writes them down at once."""

    async def test_tells_orders_fills_and_balances(self, desk: Desk) -> None:
        """One purchase: the fills add up to what is missing."""
        order = desk.buy()
        assert order.state is OrderState.DONE

        status, ledger = await desk.ask("GET", "ledger")

        assert status == 200
        venue = ledger["venues"]["upbit"]
        (row,) = venue["orders"]
        assert (row["id"], row["client_id"], row["state"]) == (order.id, "desk-0.001", "done")
        spent = sum(Decimal(t["price"]) * Decimal(t["quantity"]) for t in row["trades"])
        fees = sum(Decimal(trade["fee"]) for trade in row["trades"])
        assert Decimal(venue["balances"]["main"]["KRW"]["free"]) == 50_000_000 - spent - fees

    async def test_file_holds_every_entry_at_once(self, desk: Desk, tmp_path: Path) -> None:
        """It is read while the simulator runs, as if that had been killed."""
        order = desk.buy()

        lines = (tmp_path / "ledger.jsonl").read_bytes().splitlines()

        rows = [msgspec.json.decode(line) for line in lines]
        assert [row["what"] for row in rows] == ["accepted", "filled", "ended"]
        assert {row.get("order_id", row["id"]) for row in rows} == {order.id}

    async def test_counts_requests(self, desk: Desk) -> None:
        """Whatever became of them."""
        desk.simulator.faults.install(Fault(FaultKind.DROP_BEFORE))
        desk.simulator.faults.on_request(UPBIT, Operation.PLACE)

        _, ledger = await desk.ask("GET", "ledger")

        assert ledger["venues"]["upbit"]["requests"] == {"place": 1}

    async def test_reset_begins_anew(self, desk: Desk) -> None:
        """Opening balances, no orders, no faults."""
        desk.buy()
        await desk.ask("POST", "faults", {"kind": "delay"})

        await desk.ask("POST", "reset")

        _, ledger = await desk.ask("GET", "ledger")
        _, state = await desk.ask("GET", "state")
        assert ledger["venues"]["upbit"]["orders"] == []
        assert ledger["venues"]["upbit"]["balances"]["main"]["KRW"]["free"] == "50000000"
        assert state["faults"] == []


class TestDeeds:
    """What is asked for happens; what cannot be is said in one line, and nothing happens."""

    async def test_faults_come_and_go(self, desk: Desk) -> None:
        """Two at once, one removed by number, then all."""
        faults = [{"kind": "delay", "venue": "upbit"}, {"kind": "too_many", "count": 2}]
        assert await desk.ask("POST", "faults", faults) == (200, {"ids": [1, 2]})
        desk.simulator.faults.on_request(UPBIT, Operation.PLACE)

        _, state = await desk.ask("GET", "state")
        assert [(each["id"], each["struck"]) for each in state["faults"]] == [(1, 1), (2, 1)]
        assert await desk.ask("DELETE", "faults?id=1") == (200, {"removed": 1})
        assert await desk.ask("DELETE", "faults") == (200, {"removed": 1})

    async def test_balances_move_from_outside(self, desk: Desk) -> None:
        """By so much, or to so much; never below zero."""
        money = {"venue": "upbit", "asset": "KRW"}
        await desk.ask("POST", "balances", money | {"delta": "-1000000"})
        await desk.ask("POST", "balances", {"venue": "binance", "asset": "BTC", "free": "0.25"})
        status, answer = await desk.ask("POST", "balances", money | {"delta": "-60000000"})

        assert status == 400
        assert "insufficient_funds" in answer["error"]
        _, ledger = await desk.ask("GET", "ledger")
        assert ledger["venues"]["upbit"]["balances"]["main"]["KRW"]["free"] == "49000000"
        assert ledger["venues"]["binance"]["balances"]["main"]["BTC"]["free"] == "0.25"
        assert ledger["venues"]["upbit"]["moved"][0]["deltas"] == {"KRW": "-1000000"}

    async def test_halt_and_reopen(self, desk: Desk) -> None:
        """One symbol, then all of them back."""
        one = {"venue": "upbit", "symbol": "KRW-BTC", "status": "halted"}
        assert await desk.ask("POST", "halt", one) == (200, {"symbols": [["KRW-BTC"]]})
        _, state = await desk.ask("GET", "state")
        assert state["venues"]["upbit"]["markets"]["KRW-BTC"]["status"] == "halted"
        assert state["venues"]["upbit"]["markets"]["KRW-ETH"]["status"] == "trading"

        await desk.ask("POST", "halt", {"venue": "upbit", "status": "trading"})

        _, state = await desk.ask("GET", "state")
        assert state["venues"]["upbit"]["markets"]["KRW-BTC"]["status"] == "trading"

    async def test_a_delisting_is_announced(self, desk: Desk) -> None:
        """The market trades on until then; a date that is none is refused."""
        wish = {"venue": "bithumb", "symbol": "KRW-BTC", "status": "trading"}
        status, answer = await desk.ask("POST", "halt", wish | {"delisting_date": "soon"})
        assert status == 400
        assert "delisting_date" in answer["error"]

        await desk.ask("POST", "halt", wish | {"delisting_date": "2026-12-24"})

        listing = desk.simulator.exchange.listing(BITHUMB, "KRW-BTC")
        assert listing is not None
        assert (listing.status, listing.delisting_date) == ("trading", "2026-12-24")

    async def test_market_bends(self, desk: Desk) -> None:
        """A premium is held from the next book on."""
        await desk.ask("POST", "market", {"coin": "BTC", "premium_pct": 3.0, "frozen": True})
        desk.simulator.pump.state_all()

        _, state = await desk.ask("GET", "state")

        assert state["market"] == {"frozen": True, "premiums_pct": {"BTC": 3.0}}
        markets = {venue: each["markets"] for venue, each in state["venues"].items()}
        korea = markets["upbit"]["KRW-BTC"]["best_bid"]
        dollar = markets["upbit"]["KRW-USDT"]
        abroad = markets["binance"]["BTCUSDT"]["best_bid"]
        rate = (dollar["best_bid"] + dollar["best_ask"]) / 2
        assert korea / (abroad * rate) == pytest.approx(1.03, rel=1e-3)

    @pytest.mark.parametrize(
        ("path", "body", "words"),
        [
            ("faults", {"kind": "meteor"}, "meteor"),
            ("faults", {"kind": "delay", "venu": "upbit"}, "venu"),
            ("faults", {"kind": "delay", "venue": "kraken"}, "kraken"),
            ("faults", {"kind": "delay", "probability": 2}, "probability"),
            ("faults", {"kind": "partial", "share": "1.5"}, "share"),
            ("market", {"jump_pct": -100}, "jump_pct"),
            ("balances", {"venue": "upbit", "asset": "KRW"}, "delta"),
            ("balances", {"venue": "upbit", "asset": "KRW", "delta": "NaN"}, "delta"),
            ("halt", {"venue": "upbit", "symbol": "BTCUSDT"}, "KRW-BTC"),
        ],
    )
    async def test_mistakes_are_told(self, desk: Desk, path: str, body: object, words: str) -> None:
        """Status 400, and what was wrong by its name."""
        status, answer = await desk.ask("POST", path, body)

        assert status == 400
        assert words in answer["error"]

    async def test_no_browser_may_ask(self, desk: Desk) -> None:
        """A page of another site can reach this port, but says where it comes from."""
        status, _ = await desk.ask("POST", "reset", headers={"Origin": "https://example.org"})

        assert status == 403


class TestPorts:
    """Every venue answers under its path and, where asked for, at the root of a port of its own."""

    @pytest.mark.parametrize(
        ("venue", "path"),
        [(UPBIT, "/v1/market/all"), (BITHUMB, "/v1/market/all"), (BINANCE, "/api/v3/time")],
    )
    async def test_both_addresses(self, desk: Desk, venue: Venue, path: str) -> None:
        """The same answer from both."""
        simulator = desk.simulator
        for base in (f"{simulator.url}/{venue}", simulator.venue_url(venue)):
            async with aiohttp.ClientSession() as session, session.get(base + path) as answer:
                assert answer.status == 200
        assert simulator.venue_url(venue) != f"{simulator.url}/{venue}"


class TestScenario:
    """A scenario file is a list of steps by the second."""

    async def test_steps_are_taken_at_their_time(self, tmp_path: Path) -> None:
        """The last one proves that those before were taken."""
        path = tmp_path / "scenario.yml"
        path.write_text(
            "- {at_s: 0, fault: {kind: partial, share: 0.3, venue: upbit}}\n"
            "- {at_s: 0.01, halt: {venue: bithumb}}\n"
            "- {at_s: 0.02, balances: {venue: upbit, asset: KRW, delta: -1}}\n"
        )
        setup = Setup(SeededMarket(5), book_interval_s=QUIET_S, scenario=read_scenario(path))
        simulator = Simulator(setup)
        await simulator.operator.play(list(setup.scenario))

        state: Any = simulator.operator.state()
        assert state["faults"][0]["fault"]["share"] == Decimal("0.3")
        assert state["venues"]["bithumb"]["markets"]["KRW-BTC"]["status"] == "halted"
        account = simulator.exchange.account(UPBIT, MAIN)
        assert account is not None
        assert account.balances[KRW].free == 49_999_999

    async def test_a_step_that_cannot_be_taken_ends_it(self) -> None:
        """With its time and the reason, as a mistake in the scenario."""
        step = Step(at_s=0.0, balances=BalanceChange("upbit", "KRW", delta=Decimal(-(10**9))))
        simulator = Simulator(Setup(SeededMarket(5), book_interval_s=QUIET_S))

        with pytest.raises(ConfigError, match=r"step at 0.0 s: insufficient_funds"):
            await simulator.operator.play([step])

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("- {at_s: -1}", "at_s"),
            ("- {at_s: 1, fualt: {}}", "fualt"),
            ("- {at_s: 1, halt: {venue: mars}}", "step 1"),
            ("at_s: 1", "array"),
            ("[", "expected"),
        ],
    )
    def test_a_mistake_names_the_file(self, tmp_path: Path, text: str, words: str) -> None:
        """Before anything starts."""
        path = tmp_path / "scenario.yml"
        path.write_text(text)

        with pytest.raises(ConfigError, match=words) as caught:
            read_scenario(path)

        assert str(path) in str(caught.value)

    def test_steps_are_plain_values(self) -> None:
        """Scenarios can be written in a test as well."""
        assert Step(at_s=1.0, clear=True).fault is None
