"""The operator's first evening: one cycle, then a whole simulated night, then the same again."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.engine_process import EngineHome, EngineProcess, message

METRICS_LINE = re.compile(
    r"\[METRICS\] pnl=(?P<pnl>-?\d+)₩ trades=(?P<trades>\d+) open_pos=(?P<open>\d+)"
    r" exposure=(?P<exposure>\d+)₩ realized_pnl=(?P<realised>-?\d+)₩ signals=(?P<signals>\d+)"
    r" exec_rate=(?P<rate>\d+\.\d)% safety_rejections=(?P<refusals>\d+)"
    r" sl_triggers=(?P<stops>\d+) loop_ms=\d+\.\d live=❌"
)
SUMMARY_LINE = re.compile(
    r"\[SUMMARY\] ledger=paper cycles=(?P<cycles>\d+) pnl=(?P<pnl>-?[\d.]+)₩"
    r" \(realised (?P<realised>-?[\d.]+)₩, fees (?P<fees>[\d.]+)₩\) trades=(?P<trades>\d+)"
    r" closed=(?P<closed>\d+) open=(?P<open>\d+) .*"
)
NIGHT_CYCLES = 200
EVENING_CYCLES = 60
SECONDS_PER_CYCLE = 300
DECISIVE = ("OrdersApproved", "FillBooked", "TradeClosed")
# Two roundings, each of half a won.
ONE_WON = Decimal(1)

# Records every try to reach anybody, and lets only the metrics server's own address be looked up.
WATCHED_PROGRAM = """
import sys
tried = []
def watch(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        tried.append(f"{event} {args[1]!r}")
        raise PermissionError(f"no network here: {event}")
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        if args[0] != "127.0.0.1":
            tried.append(f"{event} {args[0]!r}")
            raise PermissionError(f"no network here: {event}")
sys.addaudithook(watch)
from trader.__main__ import main
code = main(sys.argv[1:])
print("TRIED", tried)
print("LOADED", sorted({"aiogram", "websockets", "redis"} & sys.modules.keys()))
sys.exit(code)
"""


def figures(line: str, pattern: re.Pattern[str]) -> dict[str, Decimal]:
    """The figures in a line that must have exactly this form."""
    found = pattern.fullmatch(message(line))
    assert found is not None, f"not in the documented form: {line}"
    return {name: Decimal(value) for name, value in found.groupdict().items()}


def decisions(facts: list[dict[str, Any]], before_ns: int) -> list[dict[str, Any]]:
    """What was decided and came of it, each fact in full, before an instant of the market."""
    return [fact for fact in facts if fact["type"] in DECISIVE and fact["at_ns"] < before_ns]


def end_of_cycle(facts: list[dict[str, Any]], number: int) -> int:
    """The market's instant at which a cycle of the first run ends."""
    began: int = facts[0]["at_ns"]
    return began + number * SECONDS_PER_CYCLE * 1_000_000_000


def traded_krw(fills: list[dict[str, Any]]) -> Decimal:
    """Won that came in less won that went out, fees off."""
    signs = {"sell": 1, "buy": -1}
    return sum(
        (
            signs[fill["fill"]["side"]] * Decimal(fill["value_krw"]) - Decimal(fill["fee_krw"])
            for fill in fills
        ),
        Decimal(0),
    )


def realised_krw(home: EngineHome) -> Decimal:
    """What the facts say was earned: trades that ended, and the fees of those that stand."""
    ended = home.facts("TradeClosed", "TradeAbandoned")
    ids = {fact["trade_id"] for fact in ended}
    standing = [fill for fill in home.facts("FillBooked") if fill["trade_id"] not in ids]
    fees = sum((Decimal(fill["fee_krw"]) for fill in standing), Decimal(0))
    return sum((Decimal(fact["pnl_krw"]) for fact in ended), Decimal(0)) - fees


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> EngineProcess:
    """One run with no config at all but the port."""
    return EngineHome(tmp_path_factory.mktemp("once")).run("--once", "--mock")


class TestOneCycle:
    def test_ends_by_itself_without_a_complaint(self, once: EngineProcess) -> None:
        """Exit 0, and nothing on stderr."""
        assert (once.code, once.err) == (0, [])

    def test_the_banner_names_every_reason_and_its_mending(self, once: EngineProcess) -> None:
        """Nobody has to guess why no real order can leave."""
        (banner,) = once.told("LIVE TRADING BLOCKED")
        reasons = banner.partition("reasons=")[2].split(";")

        assert "mode=mock" in banner
        assert {"MODE_NOT_LIVE", "ENV_FLAG_MISSING", "CONFIRM_FILE_MISSING"} <= set(reasons)
        for reason in reasons:
            (explained,) = once.told(f"[LIVE]   {reason}: ")
            assert len(explained.partition(f"{reason}: ")[2].split()) > 5

    def test_the_banner_comes_before_the_figures(self, once: EngineProcess) -> None:
        """Who reads from the top reads first what this run may do."""
        lines = once.out

        assert lines.index(once.told("[LIVE]")[0]) < lines.index(once.told("[METRICS]")[0])

    def test_one_line_of_figures_in_the_documented_form(self, once: EngineProcess) -> None:
        """Scripts read this line, so its form is exact and it shows that live is off."""
        (line,) = once.told("[METRICS]")

        assert set(figures(line, METRICS_LINE)) == {
            "pnl",
            "trades",
            "open",
            "exposure",
            "realised",
            "signals",
            "rate",
            "refusals",
            "stops",
        }

    def test_it_ends_with_a_summary(self, once: EngineProcess) -> None:
        """The last line is what is left to know."""
        assert figures(once.out[-1], SUMMARY_LINE)["cycles"] == 1


class TestNetwork:
    def test_a_mock_run_reaches_for_nobody(self, tmp_path: Path) -> None:
        """No connection, no datagram, no name looked up; not even for alerts or time."""
        home = EngineHome(tmp_path)

        run = home.run("--once", "--mock", program=("-c", WATCHED_PROGRAM))

        assert run.code == 0, run.err
        assert run.told("TRIED") == ["TRIED []"]

    def test_a_mock_run_loads_no_client_of_anybody(self, tmp_path: Path) -> None:
        """Without a token no bot library is imported, and without a venue no stream."""
        run = EngineHome(tmp_path).run("--once", "--mock", program=("-c", WATCHED_PROGRAM))

        assert run.told("LOADED") == ["LOADED []"]

    def test_the_watch_would_see_a_connection(self, tmp_path: Path) -> None:
        """The two above can fail: the same watch catches a try."""
        reach = (
            "import socket\ntry: socket.create_connection(('127.0.0.1', 9))\nexcept OSError: 0\n"
        )
        program = WATCHED_PROGRAM.replace("from trader", f"{reach}from trader", 1)

        run = EngineHome(tmp_path).run("--once", "--mock", program=("-c", program))

        assert "socket.connect" in run.told("TRIED")[0]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> EngineProcess:
    """Two hundred cycles of five minutes, run once for every test that reads them."""
    home = EngineHome(tmp_path_factory.mktemp("night"))
    run = home.run("--mock", "--loops", str(NIGHT_CYCLES), "--interval", "0")
    assert run.code == 0, run.err
    return run


@pytest.mark.slow
class TestASimulatedNight:
    def test_shows_all_that_the_engine_does(self, night: EngineProcess) -> None:
        """Signals, trades opened and closed, a stop-loss, a refusal: nothing stays theory."""
        last = figures(night.told("[METRICS]")[-1], METRICS_LINE)

        assert last["signals"] >= last["trades"] > 1
        assert last["stops"] >= 1
        assert last["refusals"] >= 1
        assert night.told("trade opened")
        assert night.told("reason=exit")
        assert night.told("reason=stop_loss")
        assert night.told("refused check=")

    def test_every_cycle_leaves_its_line(self, night: EngineProcess) -> None:
        """Two hundred lines, each in the documented form."""
        lines = night.told("[METRICS]")

        assert len(lines) == NIGHT_CYCLES
        assert all(figures(line, METRICS_LINE) for line in lines)

    def test_says_nothing_that_alarms_without_need(self, night: EngineProcess) -> None:
        """An error in a healthy night is an alert about money, and nothing goes to stderr."""
        errors = [line for line in night.out if " ERROR " in line or " CRIT " in line]

        assert all("Telegram (stub)" in line for line in errors)
        assert night.err == []

    def test_the_last_figures_are_the_journals(self, night: EngineProcess) -> None:
        """What the screen shows can be counted again from the facts, to the won."""
        last = figures(night.told("[METRICS]")[-1], METRICS_LINE)
        opened = night.home.facts("TradeOpened")
        ended = {fact["trade_id"] for fact in night.home.facts("TradeClosed")}
        standing = [fact for fact in opened if fact["trade_id"] not in ended]

        assert last["trades"] == len(opened)
        assert last["open"] == len(standing)
        assert last["stops"] == len(night.home.facts("StopLossTriggered"))
        assert abs(last["realised"] - realised_krw(night.home)) < ONE_WON
        exposure = sum(Decimal(fact["entry_notional_krw"]) for fact in standing)
        assert abs(last["exposure"] - exposure) < ONE_WON

    def test_the_summary_is_the_journals(self, night: EngineProcess) -> None:
        """The last line agrees with the facts, to the hundredth of a won."""
        summary = figures(night.told("[SUMMARY]")[0], SUMMARY_LINE)
        fees = sum(Decimal(fill["fee_krw"]) for fill in night.home.facts("FillBooked"))

        assert summary["cycles"] == NIGHT_CYCLES
        assert summary["trades"] == len(night.home.facts("TradeOpened"))
        assert summary["closed"] == len(night.home.facts("TradeClosed"))
        assert abs(summary["realised"] - realised_krw(night.home)) <= Decimal("0.01")
        assert abs(summary["fees"] - fees) <= Decimal("0.01")

    def test_every_closed_trade_earned_what_its_fills_say(self, night: EngineProcess) -> None:
        """Won in less won out, less fees: counted from the fills and by nobody's ledger."""
        dusty = {fact["trade_id"] for fact in night.home.facts("DustMoved")}
        fills = night.home.facts("FillBooked")
        closed = [fact for fact in night.home.facts("TradeClosed") if fact["trade_id"] not in dusty]

        assert closed
        for fact in closed:
            own = [fill for fill in fills if fill["trade_id"] == fact["trade_id"]]
            assert abs(traded_krw(own) - Decimal(fact["pnl_krw"])) < Decimal("0.000001"), fact

    def test_every_alert_was_told(self, night: EngineProcess) -> None:
        """A line about every opening and closing, and nothing left waiting at the end."""
        assert len(night.told("] Opened: ")) == len(night.home.facts("TradeOpened"))
        assert len(night.told("] Closed: ")) == len(night.home.facts("TradeClosed"))
        assert night.out[-1].endswith(" waiting=0")

    def test_the_same_seed_decides_the_same(self, night: EngineProcess, tmp_path: Path) -> None:
        """Another host load, another pace, other ports: every decision and fill to the digit."""
        again = EngineHome(tmp_path)

        run = again.run("--mock", "--loops", str(EVENING_CYCLES), "--interval", "0.005")

        assert run.code == 0
        first, second = night.home.facts(), again.facts()
        before_ns = end_of_cycle(first, EVENING_CYCLES)
        expected = decisions(first, before_ns)
        assert {fact["type"] for fact in expected} == set(DECISIVE)
        assert decisions(second, before_ns) == expected

    def test_another_seed_decides_otherwise(self, night: EngineProcess, tmp_path: Path) -> None:
        """The market comes from the seed and is no fixed script."""
        other = EngineHome(tmp_path)

        run = other.run("--mock", "--seed", "7", "--loops", str(EVENING_CYCLES), "--interval", "0")

        assert run.code == 0
        first, second = night.home.facts(), other.facts()
        before_ns = end_of_cycle(first, EVENING_CYCLES)
        assert decisions(second, before_ns)
        assert decisions(second, before_ns) != decisions(first, before_ns)


@pytest.fixture(scope="module")
def evenings(tmp_path_factory: pytest.TempPathFactory) -> tuple[EngineProcess, EngineProcess]:
    """Two runs on one state, the first ended in the middle of a trade."""
    # The third trade of the default seed is open then.
    home = EngineHome(tmp_path_factory.mktemp("evenings"))
    first = home.run("--mock", "--loops", "18", "--interval", "0")
    second = home.run("--mock", "--loops", "20", "--interval", "0")
    assert (first.code, second.code) == (0, 0)
    return first, second


@pytest.mark.slow
class TestTheNextEvening:
    def test_begins_where_the_first_ended(
        self, evenings: tuple[EngineProcess, EngineProcess]
    ) -> None:
        """The ledger's money goes on, with the trade that was left open."""
        first, second = evenings
        home = second.home
        left = figures(first.told("[METRICS]")[-1], METRICS_LINE)
        found = figures(second.told("[METRICS]")[0], METRICS_LINE)

        assert left["open"] >= 1, "the first evening was to end in the middle of a trade"
        assert left["realised"] != 0
        assert found["trades"] >= left["trades"]
        summary = figures(second.told("[SUMMARY]")[0], SUMMARY_LINE)
        assert summary["trades"] == len(home.facts("TradeOpened")) > left["trades"]
        assert abs(summary["realised"] - realised_krw(home)) <= Decimal("0.01")

    def test_what_was_open_is_looked_after(
        self, evenings: tuple[EngineProcess, EngineProcess]
    ) -> None:
        """A trade of the first evening is closed in the second."""
        home = evenings[1].home
        restart = home.facts("EngineStarted")[1]["at_ns"]
        closed = home.facts("TradeClosed")

        assert any(fact["opened_ns"] < restart < fact["at_ns"] for fact in closed)

    def test_the_date_never_goes_back(self, evenings: tuple[EngineProcess, EngineProcess]) -> None:
        """Simulated time goes on from the newest fact; the facts are in the order of time."""
        home = evenings[1].home
        times = [fact["at_ns"] for fact in home.facts()]

        assert len(home.facts("EngineStarted")) == 2
        assert times == sorted(times)

    def test_no_id_is_used_twice(self, evenings: tuple[EngineProcess, EngineProcess]) -> None:
        """Orders, trades, decisions and fills: each name is given once for ever."""
        home = evenings[1].home
        approvals = home.facts("OrdersApproved")
        orders = [order["client_order_id"] for one in approvals for order in one["orders"]]
        opened = [fact["trade_id"] for fact in home.facts("TradeOpened")]
        chosen = [fact["decision"]["id"] for fact in approvals]
        fills = [fact["fill"]["key"] for fact in home.facts("FillBooked")]

        for names in (orders, opened, chosen, fills):
            assert len(names) == len(set(names))
