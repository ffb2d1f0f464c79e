"""The operator looks at a running engine: with curl, with Prometheus, with tail and grep."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from signal import SIGTERM
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.engine_process import EngineHome, EngineProcess, message

# One cycle of two hours of market, in which trades open, close and stop, then a pause without end.
TWO_HOURS = {"mock": {"seconds_per_cycle": 7_200}}
REQUIRED_NAMES = {
    "loop_latency_ms",
    "ws_lag_ms",
    "redis_heartbeat_age_ms",
    "num_live_trades_today",
    "num_paper_trades_today",
    "last_live_trade_ts",
    "live_block_reasons",
    "pnl_krw",
    "realized_pnl_krw",
    "trades",
    "open_pos",
    "exposure_krw",
    "signals",
    "exec_rate_pct",
    "safety_rejections",
    "sl_triggers",
    "alerts_sent",
    "errors",
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """An engine at rest after its first cycle."""
    home = EngineHome(tmp_path_factory.mktemp("watched"), TWO_HOURS)
    with home.start("--mock", "--interval", "3600") as engine:
        engine.wait_for("[METRICS]")
        yield engine


@pytest.fixture(scope="module")
def line(engine: EngineProcess) -> dict[str, str]:
    """The figures of the engine's only line of them, by name, without their units."""
    words = message(engine.told("[METRICS]")[0]).split()[1:]
    return {name: value.rstrip("₩%") for name, _, value in (word.partition("=") for word in words)}


def figures(engine: EngineProcess) -> dict[str, Any]:
    """What ``/metrics.json`` says."""
    status, body = engine.home.get("/metrics.json")
    assert status == 200
    found: dict[str, Any] = json.loads(body)
    return found


def series(engine: EngineProcess) -> dict[tuple[str, str], float]:
    """What ``/metrics`` says of the process and the paper ledger, by name and ledger."""
    status, body = engine.home.get("/metrics")
    assert status == 200
    return {
        (sample.name, sample.labels.get("ledger", "")): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }


class TestFigures:
    def test_json_has_every_documented_name(self, engine: EngineProcess) -> None:
        """Whoever wrote a script against the documentation finds each field."""
        assert figures(engine).keys() >= REQUIRED_NAMES

    def test_json_agrees_with_the_line_of_its_cycle(
        self, engine: EngineProcess, line: dict[str, str]
    ) -> None:
        """One engine tells one story, whichever way it is asked."""
        found = figures(engine)

        assert int(line["trades"]) >= 1, "the cycle was to hold trades"
        assert round(found["pnl_krw"]) == int(line["pnl"])
        assert round(found["realized_pnl_krw"]) == int(line["realized_pnl"])
        assert round(found["exposure_krw"]) == int(line["exposure"])
        names = ("trades", "open_pos", "signals", "safety_rejections", "sl_triggers")
        assert {n: found[n] for n in names} == {n: int(line[n]) for n in names}
        assert f"{found['exec_rate_pct']:.1f}" == line["exec_rate"]
        assert f"{found['loop_latency_ms']:.1f}" == line["loop_ms"]

    def test_json_says_why_live_is_blocked(self, engine: EngineProcess) -> None:
        """The same codes as in the banner, joined by semicolons."""
        (banner,) = engine.told("LIVE TRADING BLOCKED")

        assert figures(engine)["live_block_reasons"] == banner.partition("reasons=")[2]
        assert figures(engine)["live"] is False

    def test_json_says_what_is_not_there(self, engine: EngineProcess) -> None:
        """Without Redis and without a live trade there is no figure that could be taken for one."""
        found = figures(engine)

        assert found["redis_heartbeat_age_ms"] is None
        assert (found["num_live_trades_today"], found["last_live_trade_ts"]) == (0, "")
        assert found["num_paper_trades_today"] == found["trades"]

    def test_prometheus_agrees_with_the_line(
        self, engine: EngineProcess, line: dict[str, str]
    ) -> None:
        """Prometheus' own parser reads the page, and finds the same figures."""
        found = series(engine)

        assert round(found["trader_pnl_krw", "paper"]) == int(line["pnl"])
        assert round(found["trader_exposure_krw", "paper"]) == int(line["exposure"])
        assert found["trader_open_trades", "paper"] == int(line["open_pos"])
        assert found["trader_trades_opened_total", "paper"] == int(line["trades"])
        assert found["trader_signals_total", ""] == int(line["signals"])
        assert found["trader_refusals_total", ""] == int(line["safety_rejections"])
        assert found["trader_stop_losses_total", ""] == int(line["sl_triggers"])
        assert (found["trader_live", ""], found["trader_pnl_krw", "live"]) == (0, 0)

    def test_every_series_is_explained(self, engine: EngineProcess) -> None:
        """Each has a type and a text, and no name stands twice."""
        families = list(text_string_to_metric_families(engine.home.get("/metrics")[1]))

        assert all(family.documentation and family.type != "unknown" for family in families)
        names = [family.name for family in families]
        assert len(names) == len(set(names))


class TestHealth:
    def test_it_is_alive_and_ready(self, engine: EngineProcess) -> None:
        """Both say yes once a cycle is done."""
        assert engine.home.get("/healthz")[0] == 200
        assert engine.home.get("/readyz") == (200, '{"ready":true,"reasons":[]}')

    @pytest.mark.parametrize("path", ["/", "/metrics/", "/state/mock.db", "/..%2fengine.yml"])
    def test_there_is_nothing_else(self, engine: EngineProcess, path: str) -> None:
        """Four pages, and no way to a file."""
        assert engine.home.get(path)[0] == 404

    def test_it_answers_amid_a_cycle_and_is_not_ready_yet(self, tmp_path: Path) -> None:
        """A cycle that takes seconds keeps nobody waiting."""
        home = EngineHome(tmp_path, {"mock": {"seconds_per_cycle": 86_400}})
        with home.start("--mock") as engine:
            engine.wait_for("trade opened")
            ready, alive = home.get("/readyz"), home.get("/healthz")

            assert engine.told("[METRICS]") == []
            assert ready == (503, '{"ready":false,"reasons":["NO_CYCLE_YET"]}')
            assert alive[0] == 200
            engine.stop(SIGTERM)


class TestLog:
    def test_the_file_holds_what_the_console_showed(self, tmp_path: Path) -> None:
        """Line by line, banner and summary included."""
        run = EngineHome(tmp_path, TWO_HOURS).run("--mock", "--once")

        assert run.home.log.read_text(encoding="utf-8").splitlines() == run.out

    def test_grep_shows_the_state_at_a_glance(self, engine: EngineProcess) -> None:
        """The documented filter finds the banner, the figures and every stop-loss alert."""
        wanted = re.compile("METRICS|LIVE|ERROR")
        found = [line for line in engine.out if wanted.search(line)]

        kinds = [
            next((kind for kind in ("[METRICS]", "[LIVE]", "Stop-loss") if kind in line), line)
            for line in found
        ]
        assert set(kinds) == {"[METRICS]", "[LIVE]", "Stop-loss"}

    def test_every_line_about_telegram_says_so(self, tmp_path: Path) -> None:
        """Whatever the alerts' own logger says is found by searching for one word."""
        home = EngineHome(tmp_path, {**TWO_HOURS, "logging": {"format": "json"}})

        run = home.run("--mock", "--once")

        records = [json.loads(line) for line in run.out]
        tellers = ("trader.alerts", "bot")
        about = [one["event"] for one in records if one["logger"].startswith(tellers)]
        assert len(about) > 3
        assert [event for event in about if "Telegram" not in event] == []

    @pytest.mark.parametrize("token", ["123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"])
    def test_no_secret_is_in_any_of_it(self, tmp_path: Path, token: str) -> None:
        """A token in the environment shows neither in the log nor on a page nor on the disk."""
        # Telegram is off, and were it on, it would be nobody's.
        nobody = {"telegram_enabled": False, "telegram": {"api_base": "http://127.0.0.1:9"}}
        home = EngineHome(tmp_path, {**TWO_HOURS, "alert": nobody})
        secrets = {"TELEGRAM_BOT_TOKEN": token, "TELEGRAM_CHAT_ID": "987654321"}
        with home.start("--mock", "--interval", "3600", environ=secrets) as engine:
            engine.wait_for("[METRICS]")
            pages = [home.get(path)[1] for path in ("/metrics", "/metrics.json")]
            engine.stop(SIGTERM)

        files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
        assert home.journal in tmp_path.rglob("*")
        for text in ("\n".join([*engine.out, *engine.err, *pages]).encode(), *files):
            assert token.encode() not in text
            assert token.partition(":")[2].encode() not in text
