"""A running engine's own answers, asked by a host command over its socket."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.engine_process import EngineHome
from trader.domain.answers import (
    ImpactAnswer,
    PnlAnswer,
    PositionsAnswer,
    Question,
    StatusAnswer,
    TradesAnswer,
)
from trader.domain.host_answers import (
    HealthAnswer,
    TextAnswer,
)
from trader.port.local import Request, send

ALONE = frozenset({Question.IMPACT, Question.SUMMARY})
"""They answer nothing without arguments."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineHome]:
    """A mock engine that has lived through a market day within seconds, and goes on slowly."""
    home = EngineHome(
        tmp_path_factory.mktemp("engine"), {"mock": {"seconds_per_cycle": 3_600, "step_ms": 20_000}}
    )
    home.run("--mock", "--loops", "8", "--interval", "0")
    with home.start("--mock", "--interval", "600") as engine:
        engine.wait_for("[METRICS]")
        yield home


def ask(home: EngineHome, kind: Any, question: str, **arguments: object) -> Any:
    """The answer that came over the socket."""
    path = home.directory / "state" / "engine.sock"
    answer = send(path, Request(question=question, arguments=arguments))
    assert answer is not None
    assert answer.error == ""
    return msgspec.convert(answer.figures, kind, strict=False)


def test_every_question_is_answered(home: EngineHome) -> None:
    """None is missing from the port."""
    for question in Question:
        if question not in ALONE:
            assert ask(home, dict[str, Any], question)


def test_status_agrees_with_metrics_json(home: EngineHome) -> None:
    """The cycles are ten minutes apart: both speak of the same instant."""
    status = ask(home, StatusAnswer, "status")
    code, body = home.get("/metrics.json")
    shown = json.loads(body)

    paper = status.ledgers[0]
    assert code == 200
    assert paper.open_trades == shown["open_pos"]
    assert paper.trades_today == shown["num_paper_trades_today"]
    assert round(float(paper.exposure_krw), 4) == shown["exposure_krw"]
    assert round(float(paper.unrealised_krw), 4) == shown["unrealized_pnl_krw"]
    assert round(float(paper.loss_today_krw), 4) == shown["loss_today_krw"]
    assert ";".join(status.blocks) == shown["live_block_reasons"]


def test_the_past_agrees_with_the_journal(home: EngineHome) -> None:
    """Every trade the facts closed, and the days that hold them."""
    closed = {fact["trade_id"]: fact["pnl_krw"] for fact in home.facts("TradeClosed")}
    trades = ask(home, TradesAnswer, "trades", limit=100).trades
    days = ask(home, PnlAnswer, "pnl", span="7d").lines

    assert {one.trade_id: str(one.pnl_krw) for one in trades if one.state == "closed"} == closed
    assert sum(day.trades for day in days) == len(closed) > 0


def test_what_would_close_is_what_is_open(home: EngineHome) -> None:
    """The same trades, and their notionals."""
    positions = ask(home, PositionsAnswer, "positions").positions
    impact = ask(home, ImpactAnswer, "impact", ledger="paper")

    assert {one.trade_id for one in impact.trades} == {one.trade_id for one in positions}
    assert impact.notional_krw == sum(one.notional_krw for one in positions)
    assert impact.may_go


def test_log_and_health_are_those_of_the_process(home: EngineHome) -> None:
    """The last line is in the file; the facts are counted."""
    lines = ask(home, TextAnswer, "logs", limit=5).lines
    health = ask(home, HealthAnswer, "health")

    assert lines[-1] in home.log.read_text(encoding="utf-8")
    assert health.journal_facts >= len(home.facts()) > 0
    assert health.loop_latency_ms is not None


def test_a_bad_argument_is_refused_in_one_line(home: EngineHome) -> None:
    """With what is allowed."""
    path: Path = home.directory / "state" / "engine.sock"
    answer = send(path, Request(question="trades", arguments={"limit": 0}))

    assert answer is not None
    assert "allowed: a whole number from 1 to 100" in answer.error
