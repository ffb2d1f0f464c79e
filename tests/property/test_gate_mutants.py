"""Defects put into the shipped guard are caught: a seeded few here, all of them on demand.

All: ``python -m tests.property.gate_mutants``.
"""

from pathlib import Path

import pytest

from tests.property.gate_mutants import (
    MUTANTS,
    ROOT,
    copy_tree,
    inject,
    some,
    suites_for,
    try_all,
)


def test_every_defect_can_still_be_injected(tmp_path: Path) -> None:
    """Each text stands in its file exactly once, so a list gone stale cannot pass for a proof."""
    assert len(MUTANTS) >= 40
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    copy_tree(tmp_path)
    for mutant in MUTANTS:
        before = inject(tmp_path, mutant)
        assert (tmp_path / mutant.file).read_text() != before
        assert suites_for(mutant)
        (tmp_path / mutant.file).write_text(before)
    for file in {mutant.file for mutant in MUTANTS}:
        assert (tmp_path / file).read_text() == (ROOT / file).read_text()


@pytest.mark.slow
def test_some_defects_are_caught() -> None:
    """A seeded few; that nothing is caught without a defect is seen to first."""
    for caught in try_all(some(len(MUTANTS) // 3), workers=1):
        assert caught.by, caught.mutant
