"""Nothing is awaited between the gate's last look and the write; nobody else writes to a lane.

Read from the source: an await there would let a loss come between the answer and the send, and no
run would show it but the one that costs money.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "trader"
GATE = PACKAGE / "execution" / "gate.py"
# What paper takes in is no live order; the gate hands it over, and the venue defines it.
DEFINES_SUBMIT = {"execution/gate.py", "execution/paper.py", "execution/lane.py"}
LETS_OTHERS_RUN = (
    ast.AsyncFor,
    ast.AsyncFunctionDef,
    ast.AsyncWith,
    ast.Await,
    ast.Yield,
    ast.YieldFrom,
)
ON_THE_WAY = {
    "dispatch",
    "_why_not",
    "_prepare",
    "_asked",
    "_submit",
    "why_not",
    "_may_leave",
    "shut",
    "halt_at_once",
}


def tree_of(path: Path) -> ast.Module:
    """The module's syntax."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def what_lets_others_run(tree: ast.AST) -> list[str]:
    """Every place at which another task could get its turn, or a caller defer the rest."""
    found = [
        f"line {node.lineno}: {type(node).__name__}"
        for node in ast.walk(tree)
        if isinstance(node, LETS_OTHERS_RUN)
    ]
    # A comprehension is asynchronous by a flag and not by its kind.
    found += [
        "asynchronous comprehension"
        for node in ast.walk(tree)
        if isinstance(node, ast.comprehension) and node.is_async
    ]
    return found


def calls_of(name: str, tree: ast.AST) -> list[ast.Call]:
    """Every call of a method or function of this name."""
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Attribute) and node.func.attr == name)
            or (isinstance(node.func, ast.Name) and node.func.id == name)
        )
    ]


def test_nothing_in_the_gate_lets_others_run() -> None:
    """No await, no async function, no generator: from the question to the write it is one step."""
    assert what_lets_others_run(tree_of(GATE)) == []


def test_all_on_the_way_are_plain_functions_of_the_gate() -> None:
    """They are where this file looks for them; nothing of the way was moved elsewhere unseen."""
    found = {function.name: function for function in functions(tree_of(GATE))}

    assert found.keys() >= ON_THE_WAY
    for name in ON_THE_WAY:
        assert isinstance(found[name], ast.FunctionDef)
        assert found[name].decorator_list == []


def test_the_gate_defers_nothing() -> None:
    """No task, thread, timer or callback either, which would be an await by another name."""
    tree = tree_of(GATE)
    imported = {
        name
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    deferring = ("create_task", "ensure_future", "call_soon", "call_later", "submit_later", "run")

    assert not {name.split(".")[0] for name in imported} & {"asyncio", "threading", "concurrent"}
    assert [name for name in deferring if calls_of(name, tree)] == []


def test_dispatch_asks_before_it_sends() -> None:
    """The write stands in one branch of the answer, the refusal in the other, nothing between."""
    (dispatch,) = [f for f in functions(tree_of(GATE)) if f.name == "dispatch"]
    (loop,) = [node for node in ast.walk(dispatch) if isinstance(node, ast.For)]
    (asking,) = calls_of("_why_not", loop)
    (sending,) = calls_of("_submit", loop)
    (branch,) = [node for node in loop.body if isinstance(node, ast.If)]

    assert isinstance(branch.test, ast.Name)
    assert calls_of("_block", ast.Module(branch.body, []))
    assert calls_of("_submit", ast.Module(branch.orelse, [])) == [sending]
    # The statement with the answer is the one just before the branch on it.
    before = loop.body[loop.body.index(branch) - 1]
    assert calls_of("_why_not", before) == [asking]


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_only_the_gate_submits(path: Path) -> None:
    """A second way to a venue would be a way past every question."""
    if path == GATE:
        assert len(calls_of("submit", tree_of(path))) == 2
        return

    assert calls_of("submit", tree_of(path)) == []


def test_only_the_loop_dispatches() -> None:
    """And after the commit: orders that reach the gate another way were never journaled."""
    callers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if calls_of("dispatch", tree_of(path))
    }

    assert callers == {"runtime.py"}


def test_submit_is_synchronous_wherever_it_is_defined() -> None:
    """A lane that returned an awaitable would send later than it was asked."""
    for path in PACKAGE.rglob("*.py"):
        for function in functions(tree_of(path)):
            if function.name == "submit":
                assert path.relative_to(PACKAGE).as_posix() in DEFINES_SUBMIT
                assert isinstance(function, ast.FunctionDef)
                assert what_lets_others_run(function) == []


@pytest.mark.parametrize(
    "source",
    [
        "async def f():\n    pass",
        "def f():\n    yield 1",
        "def f():\n    yield from g()",
        "async def f():\n    await g()",
        "async def f():\n    return [x async for x in g()]",
    ],
)
def test_what_lets_others_run_is_seen(source: str) -> None:
    """The test above can fail."""
    assert what_lets_others_run(ast.parse(source)) != []
