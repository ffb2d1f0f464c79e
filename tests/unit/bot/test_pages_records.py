"""Alerts, logs, config, audit, health, version, figures: what needs care first, nothing claimed."""

import pytest

from bot.pages import (
    alerts_page,
    audit_page,
    config_page,
    health_page,
    logs_page,
    metrics_page,
    version_page,
)
from tests.support.chat_html import check
from tests.support.page_answers import (
    HOUR,
    NOW,
    a_health,
    a_version,
    a_view,
    an_alert,
    an_audit,
    an_origin,
    some_alerts,
    some_lines,
)
from trader.port import ActLine, AlertsAnswer, Language, Severity, TextAnswer

KO = Language.KO


class TestAlerts:
    def test_that_a_person_must_see_come_first_with_a_button(self) -> None:
        """Only criticals nobody acknowledged have one."""
        (message,) = alerts_page(some_alerts(), a_view())

        text = check(message)
        assert text.index("#481") < text.index("#480") < text.index("#479")
        assert [row[0].data for row in message.buttons] == [
            "ack:aB3_-x:481",
            "show:aB3_-x:1 alerts",
        ]

    def test_that_were_acknowledged_say_when(self) -> None:
        """And need no button any more."""
        seen = an_alert(acknowledged_ns=NOW)

        (message,) = alerts_page(AlertsAnswer(an_origin(), (seen,)), a_view(KO))

        assert "11-22 19:20 확인했음" in check(message)
        assert [row[0].data for row in message.buttons] == ["show:aB3_-x:1 alerts"]

    @pytest.mark.parametrize(
        ("language", "words"),
        [
            (Language.EN, "Still going on: entries paused (entries), feed stale (upbit:BTC-KRW)"),
            (KO, "계속되는 상태: 신규진입 중지 (entries), 호가 지연 (upbit:BTC-KRW)"),
        ],
    )
    def test_name_what_goes_on_in_words(self, language: Language, words: str) -> None:
        """A key is for programs; one of a kind nobody knows stays as it is."""
        keys = ("paused:entries", "feed_stale:upbit:BTC-KRW", "new:kind")

        (message,) = alerts_page(AlertsAnswer(an_origin(), (), keys), a_view(language))

        assert f"{words}, new:kind" in check(message)

    def test_say_how_they_were_delivered(self) -> None:
        """Told after how long, still waiting, or failing and why."""
        waiting = an_alert(7, severity=Severity.INFO, sent_ns=None, attempts=0)
        answer = AlertsAnswer(an_origin(), (*some_alerts().alerts, waiting))

        text = check(alerts_page(answer, a_view())[0])

        assert "#481 · told after 1.0 s" in text
        assert "#479 · not told after 3 tries: 502 Bad Gateway" in text
        assert "#7 · waits to be told" in text
        assert "⚠️ 11-22 18:49 · Stale quotes: bithumb:BTC-KRW · ×1,234" in text


class TestText:
    @pytest.mark.parametrize("make", [logs_page, config_page])
    def test_keeps_a_line_as_it_was_written(self, make: object) -> None:
        """Indentation has a meaning in a config."""
        assert callable(make)
        answer = TextAnswer(an_origin(), ("mode:", "  current: live  # <b>&"), 5)

        (message,) = make(answer, a_view())

        assert "\nmode:\n  current: live  # <b>&\n" in check(message)
        assert message.html.count("<pre>") == 1
        assert "… and 5 more" in message.plain

    def test_of_many_lines_is_turned_page_by_page(self) -> None:
        """With the command it was asked by."""
        page = logs_page(some_lines(100), a_view(command="logs 100"))

        assert len(page) > 1
        assert page[0].buttons[0][1].data == "show:aB3_-x:2 logs 100"


class TestAudit:
    def test_tells_engine_and_chat_apart(self) -> None:
        """Two records that may disagree."""
        chat = (ActLine(NOW - HOUR, "kim", "/pause 30m", "applied"),)

        (message,) = audit_page(an_audit(), a_view(KO), chat, "9f31c2ab77de0011")

        text = check(message)
        assert text.index("실거래 해제(모의로 전환)") < text.index("/pause 30m")
        assert text.endswith("기록 사슬의 끝 · 9f31c2ab77de")

    def test_begins_with_a_broken_chain(self) -> None:
        """Somebody wrote where only the bot writes."""
        (message,) = audit_page(an_audit(), a_view(), flaw="line 12")

        assert check(message).splitlines()[2] == "⚠️ The chat's record was changed: line 12"


class TestHealth:
    def test_begins_with_what_is_wrong(self) -> None:
        """With the command that says more."""
        answer = a_health(faults=2, alerts_unacknowledged=1, telegram_refused="409 Conflict")

        text = check(health_page(answer, a_view())[0])

        assert text.index("409 Conflict") < text.index("Errors: 2") < text.index("Program")
        assert "✅" not in text

    def test_says_so_where_nothing_is(self) -> None:
        """An empty top would look like a fault."""
        assert "✅ Nothing needs care." in check(health_page(a_health(), a_view())[0])

    def test_shows_figures_with_units_and_dashes(self) -> None:
        """Not sensed is not zero."""
        text = check(health_page(a_health(ws_lag_ms=None, worst_check=None), a_view())[0])

        rows = [" ".join(row.split()) for row in text.splitlines()]
        assert {"disk free 41,233.4 MB", "quotes arrive after –", "Refuses most: –"} <= set(rows)
        assert "up 3 d 4 h" in rows
        assert "last message taken 41.0 s ago" in rows


class TestVersion:
    def test_says_since_when_it_runs(self) -> None:
        """A restart nobody asked for shows here."""
        text = check(version_page(a_version(), a_view())[0])

        assert "Started 10:20:06 KST (9 h ago)" in text


class TestMetrics:
    def test_keep_the_names_of_the_json_form(self) -> None:
        """Null is a dash, zero is zero."""
        figures = {
            "name": "main",
            "mode": "live",
            "redis_heartbeat_age_ms": None,
            "num_live_trades_today": 0,
            "pnl_krw": -12345.4,
            "live": False,
        }

        text = check(metrics_page(figures, a_view())[0])

        for row in (
            "redis_heartbeat_age_ms: –",
            "num_live_trades_today: 0",
            "pnl_krw: -12,345.4",
            "live: false",
        ):
            assert f"\n{row}" in text

    def test_claim_no_mode_before_the_first_cycle(self) -> None:
        """There is nothing yet to go by."""
        text = check(metrics_page({}, a_view())[0])

        assert text.splitlines()[0] == "–"
