"""Only the checks make an approved order: nobody else in the tree calls its constructor."""

import ast
from pathlib import Path

TREE = Path(__file__).parents[3]
ALLOWED = Path("trader/risk/safety.py")


def constructions(source: str, name: str) -> int:
    """How often ``name`` is called, by itself or as an attribute of a module or an alias."""
    tree = ast.parse(source)
    names = {name}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {found.asname for found in node.names if found.name == name and found.asname}
    count = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            count += isinstance(called, ast.Name) and called.id in names
            count += isinstance(called, ast.Attribute) and called.attr == name
    return count


def test_only_the_checks_construct_an_approved_order() -> None:
    """Whoever holds one may trust that every check passed."""
    found = {
        path.relative_to(TREE)
        for folder in ("trader", "bot")
        for path in (TREE / folder).rglob("*.py")
        if constructions(path.read_text("utf-8"), "ApprovedOrder")
    }

    assert found == {ALLOWED}


def test_the_search_finds_what_it_looks_for() -> None:
    """By name, through a module and under another name."""
    assert constructions("ApprovedOrder(1)", "ApprovedOrder") == 1
    assert constructions("order.ApprovedOrder(1)", "ApprovedOrder") == 1
    assert constructions("from a import ApprovedOrder as X\nX(1)", "ApprovedOrder") == 1
    assert constructions("def f(order: ApprovedOrder): ...", "ApprovedOrder") == 0
