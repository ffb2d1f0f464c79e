"""Prometheus' and Alertmanager's files: what is scraped, which rules there are, what they name."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.promql import QueryInvalid, read_query
from tests.support.series_known import exported, pending
from trader.domain.control import BlockReason
from trader.domain.facts import BreakerCode

DEPLOY = Path(__file__).parents[3] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
_PROMTOOL = shutil.which("promtool")
# What Prometheus adds to every sample of a job, and to its own series.
_ADDED = frozenset({"job", "instance"})
_ITS_OWN = {"up": frozenset[str](), "ALERTS": frozenset({"alertname", "alertstate", "severity"})}
_VALUES = {"reason": set(BlockReason), "breaker": set(BreakerCode)}


def document(path: Path) -> Any:
    """A YAML file."""
    return yaml.safe_load(path.read_text())


def rules() -> list[dict[str, Any]]:
    """Every alerting rule."""
    return [
        rule for group in document(PROMETHEUS / "rules.yml")["groups"] for rule in group["rules"]
    ]


def dashboard_queries() -> list[str]:
    """Every query of the dashboard, with Grafana's variables filled in."""
    board = json.loads((DEPLOY / "grafana" / "trader.json").read_text())
    found = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    found += [one["expr"] for one in board["annotations"]["list"]]
    return [query.replace("$__rate_interval", "1m").replace("$instance", ".+") for query in found]


QUERIES = [rule["expr"] for rule in rules()] + dashboard_queries()


class TestEveryQuery:
    @pytest.mark.parametrize("text", QUERIES)
    def test_names_only_series_and_labels_that_there_are(self, text: str) -> None:
        """Exported today, or declared for later in pending-series.md; nothing misspelt."""
        known = {**_ITS_OWN, **pending(), **exported()}
        query = read_query(text)

        labels = set(_ADDED)
        for selector in query.selectors:
            assert selector.name in known, f"{selector.name} is neither exported nor declared"
            labels |= known[selector.name]
            for label, operator, value in selector.matchers:
                assert label in known[selector.name] | _ADDED, f"{selector.name} has no {label}"
                if operator == "=~" and label in _VALUES:
                    assert set(value.split("|")) <= _VALUES[label]
                if operator == "=" and label in _VALUES:
                    assert value in _VALUES[label]
        assert query.labels <= labels

    def test_a_misspelt_one_would_be_noticed(self) -> None:
        """The reader refuses what Prometheus would."""
        for text in (
            "sum by (x) (a",
            "increase(a)",
            "a >",
            "a{b=c}",
            "absent(a[5m])",
            "a b",
            "1 +",
        ):
            with pytest.raises(QueryInvalid):
                read_query(text)

    def test_what_is_exported_is_pending_no_more(self) -> None:
        """Take the row out of pending-series.md once the series is there."""
        assert set(pending()) & set(exported()) == set()

    def test_what_is_pending_is_used(self) -> None:
        """The table lists what somebody waits for."""
        named = {one.name for text in QUERIES for one in read_query(text).selectors}

        assert set(pending()) <= named


class TestTheRules:
    def test_cover_what_the_engine_cannot_tell_itself(self) -> None:
        """What an operator relies on; each with its own name."""
        names = [rule["alert"] for rule in rules()]

        assert len(names) == len(set(names))
        assert set(names) >= {
            f"Trader{what}"
            for what in (
                "Silent",
                "Stalled",
                "Restarting",
                "OutboxOld",
                "LiveBlocked",
                "LossNearLimit",
                "LoopSlow",
                "OrdersUnknown",
                "LegUnhedged",
                "FeedStale",
                "DiskLow",
                "TelegramUnreachable",
                "ErrorsRising",
            )
        }

    @pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
    def test_each_says_what_happened_in_both_languages_and_where_to_read_on(
        self, rule: dict[str, Any]
    ) -> None:
        """Severity, two summaries, a description, and the runbook's entry."""
        annotations = rule["annotations"]

        assert rule["labels"]["severity"] in ("critical", "warning")
        assert set(annotations) == {"summary", "summary_ko", "description", "runbook"}
        assert re.search("[가-힣]", annotations["summary_ko"])
        assert annotations["runbook"] == f"deploy/runbook.md#{rule['alert'].lower()}"


class TestTheScrape:
    def test_reads_the_engine_by_the_name_that_the_rules_go_by(self) -> None:
        """`job="trader"` stands in rules and dashboard."""
        config = document(PROMETHEUS / "prometheus.yml")
        jobs = {job["job_name"]: job for job in config["scrape_configs"]}

        assert jobs["trader"]["static_configs"] == [{"targets": ["engine:8000"]}]
        assert config["rule_files"] == ["rules.yml"]


class TestAlertmanager:
    CONFIG = DEPLOY / "alertmanager" / "alertmanager.yml"

    def test_takes_its_secrets_from_files(self) -> None:
        """No address and no token stands in the config."""
        (receiver,) = document(self.CONFIG)["receivers"]

        assert receiver["webhook_configs"] == [
            {"url_file": "/run/secrets/alertmanager_webhook_url", "send_resolved": True}
        ]
        assert not re.search(r"https?://|bot_token:|password", self.CONFIG.read_text())

    def test_tells_critical_ones_again_soon(self) -> None:
        """And every alert has a receiver that exists."""
        config = document(self.CONFIG)
        (critical,) = config["route"]["routes"]

        assert critical["matchers"] == ['severity = "critical"']
        assert config["route"]["receiver"] in {one["name"] for one in config["receivers"]}

    def test_names_only_rules_that_there_are(self) -> None:
        """An inhibition by a rule that was renamed inhibits nothing."""
        names = {rule["alert"] for rule in rules()}
        named = set(re.findall(r"Trader\w+", self.CONFIG.read_text()))

        assert named - {"Trader"} <= names


@pytest.mark.skipif(_PROMTOOL is None, reason="promtool is not on this machine")
class TestPromtool:
    def test_takes_the_config_and_the_rules(self) -> None:
        """The real parser, templates included."""
        self.promtool("check", "config", str(PROMETHEUS / "prometheus.yml"))

    def test_finds_each_rule_firing_when_it_should(self) -> None:
        """Figures in, alerts out: rules_test.yml."""
        self.promtool("test", "rules", str(PROMETHEUS / "rules_test.yml"))

    def test_takes_every_query_of_the_dashboard(self, tmp_path: Path) -> None:
        """As recording rules, since it reads no dashboards."""
        recorded = [
            {"record": f"query:{number}", "expr": query}
            for number, query in enumerate(dashboard_queries())
        ]
        path = tmp_path / "queries.yml"
        path.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": recorded}]}))

        self.promtool("check", "rules", str(path))

    def promtool(self, *arguments: str) -> None:
        """Run it; its own words say what is wrong."""
        result = subprocess.run(
            [str(_PROMTOOL), *arguments], capture_output=True, text=True, timeout=60, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr


def test_every_rule_is_tested_with_figures() -> None:
    """A rule that is in no test of rules_test.yml might never fire."""
    tested = (PROMETHEUS / "rules_test.yml").read_text()

    assert [rule["alert"] for rule in rules() if rule["alert"] not in tested] == []
