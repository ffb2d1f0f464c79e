"""The engine is one synchronous function of its events: it changes none and waits for nothing."""

import ast
import copy
import inspect
from pathlib import Path

import pytest

import trader.engine
from tests.support.engine_harness import Desk, Rehearsal
from trader.engine.engine import Engine, Outcome

SOURCES = sorted(Path(trader.engine.__path__[0]).glob("*.py"))


def test_no_event_is_changed() -> None:
    """An event is what happened; a replay must find it as it was."""
    rehearsal = Rehearsal(1)
    rehearsal.run(3)
    before = copy.deepcopy(rehearsal.events)
    engine = Desk(strategy=rehearsal.engine.state.rules.strategy).engine

    for event in rehearsal.events:
        engine.process(event)

    assert rehearsal.events == before


def test_a_step_answers_at_once() -> None:
    """No await, no generator: what a step decides is decided when it returns."""
    desk = Desk()

    outcome = desk.start()

    assert isinstance(outcome, Outcome)
    assert not inspect.iscoroutinefunction(Engine.process)
    assert not inspect.isgeneratorfunction(Engine.process)


def test_an_outcome_cannot_be_changed() -> None:
    """What is committed is what was decided."""
    outcome = Desk().start()

    assert outcome.__struct_config__.frozen
    assert outcome.facts
    assert all(fact.__struct_config__.frozen for fact in outcome.facts)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_nothing_in_it_waits(source: Path) -> None:
    """The whole package is free of async code."""
    tree = ast.parse(source.read_text())
    waiting = (ast.AsyncFunctionDef, ast.Await, ast.AsyncWith, ast.AsyncFor, ast.Yield)

    assert not [node for node in ast.walk(tree) if isinstance(node, waiting)]
