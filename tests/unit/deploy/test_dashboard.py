"""The dashboard: what an operator looks for first is at its top, and everything on it can be read.

What its queries name is checked with the rules', in test_prometheus.py.
"""

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.promql import read_query

GRAFANA = Path(__file__).parents[3] / "deploy" / "grafana"
BOARD: dict[str, Any] = json.loads((GRAFANA / "trader.json").read_text())
PANELS: list[dict[str, Any]] = BOARD["panels"]
SHOWN = [panel for panel in PANELS if panel["type"] != "row"]
_COLUMNS = 24
_FIRST_SCREEN = 12


def series(panel: dict[str, Any]) -> set[str]:
    """The series a panel shows."""
    return {
        selector.name
        for target in panel["targets"]
        for selector in read_query(
            target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".+")
        ).selectors
    }


class TestTheFirstScreen:
    @pytest.mark.parametrize(
        "wanted",
        [
            "trader_live",
            "trader_live_blocked",
            "trader_pnl_today_krw",
            "trader_loss_today_krw",
            "trader_exposure_krw",
            "trader_open_trades",
            "trader_nearest_stop_ratio",
            "trader_breaker_tripped",
            "trader_quiet_seconds",
            "ALERTS",
        ],
    )
    def test_shows_what_is_looked_for_first(self, wanted: str) -> None:
        """Live or not and why, money against its limits, and whether it is alive at all."""
        first = [panel for panel in SHOWN if panel["gridPos"]["y"] < _FIRST_SCREEN]

        assert any(wanted in series(panel) for panel in first)


class TestTheRest:
    @pytest.mark.parametrize(
        "wanted",
        [
            "trader_feed_age_seconds",
            "trader_loop_latency_seconds",
            "trader_oldest_pending_alert_age_seconds",
            "trader_alerts_sent_total",
            "trader_orders_total",
            "trader_checks_failed_total",
            "trader_errors_total",
            "trader_redis_heartbeat_age_seconds",
            "process_resident_memory_bytes",
        ],
    )
    def test_shows_data_loop_alerts_orders_and_host(self, wanted: str) -> None:
        """Data age per venue, loop latency, outbox age, alerts, orders by outcome."""
        assert any(wanted in series(panel) for panel in SHOWN)


class TestEveryPanel:
    @pytest.mark.parametrize("panel", SHOWN, ids=lambda panel: panel["title"])
    def test_says_what_it_shows(self, panel: dict[str, Any]) -> None:
        """A title in both languages, a sentence, a legend for each line, the chosen source."""
        assert " · " in panel["title"]
        assert panel["description"].endswith(".")
        assert all(target["legendFormat"] for target in panel["targets"])
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}

    def test_has_a_place_and_a_number_of_its_own(self) -> None:
        """Panels that overlap are moved by Grafana, and never to where they were meant."""
        numbers = [panel["id"] for panel in PANELS]
        assert len(numbers) == len(set(numbers))

        for panel in PANELS:
            at = panel["gridPos"]
            assert at["x"] + at["w"] <= _COLUMNS
        for one, other in combinations(PANELS, 2):
            assert not overlap(one["gridPos"], other["gridPos"]), (one["title"], other["title"])

    @pytest.mark.parametrize("panel", SHOWN, ids=lambda panel: panel["title"])
    def test_shows_only_the_chosen_engine(self, panel: dict[str, Any]) -> None:
        """Two engines on one host must not be mixed up."""
        for target in panel["targets"]:
            query = read_query(
                target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".+")
            )
            for selector in query.selectors:
                assert ("job", "=", "trader") in selector.matchers
                assert ("instance", "=~", ".+") in selector.matchers


class TestProvisioning:
    def test_gives_the_board_its_source(self) -> None:
        """Found by the board's variable, at the name compose gives it."""
        (source,) = yaml.safe_load((GRAFANA / "datasource.yml").read_text())["datasources"]
        (variable,) = [v for v in BOARD["templating"]["list"] if v["type"] == "datasource"]

        assert source["type"] == variable["query"] == "prometheus"
        assert source["url"] == "http://prometheus:9090"

    def test_finds_the_board_where_compose_mounts_it(self) -> None:
        """And nobody edits it in the browser: the file is the truth."""
        (provider,) = yaml.safe_load((GRAFANA / "dashboards.yml").read_text())["providers"]
        compose = yaml.safe_load((GRAFANA.parent / "compose.yml").read_text())
        mounted = {
            one["target"]
            for one in compose["services"]["grafana"]["volumes"]
            if isinstance(one, dict)
        }

        assert f"{provider['options']['path']}/trader.json" in mounted
        assert provider["allowUiUpdates"] is False
        assert BOARD["editable"] is False


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    """Whether two places share a cell."""
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )
