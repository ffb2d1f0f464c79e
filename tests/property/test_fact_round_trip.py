"""Whatever becomes true reads back from the journal as it was written."""

from collections.abc import Iterator
from contextlib import suppress
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from tests.support.facts import FACT_KINDS, any_of
from trader.domain.facts import Fact
from trader.execution.journal import Journal


class _UndoneError(Exception):
    """Raised to roll back, so that no example stands in the next one's way."""


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    """One journal for all examples."""
    with Journal.open(tmp_path_factory.mktemp("state") / "live.db") as journal:
        yield journal


@pytest.mark.parametrize("kind", FACT_KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_fact_reads_back_as_it_was(
    journal: Journal, kind: type[Struct], data: st.DataObject
) -> None:
    """Every class of the union, with any content, infinite ages included."""
    fact = cast(Fact, data.draw(any_of(kind)))

    read = read_back(journal, [fact])

    assert read == [fact]
    assert type(read[0]) is kind


@given(facts=st.lists(any_of(Fact), max_size=8, unique_by=lambda fact: type(fact).__name__))
def test_facts_read_back_in_their_order(journal: Journal, facts: list[Fact]) -> None:
    """The order of facts is part of the truth."""
    assert read_back(journal, facts) == facts


def read_back(journal: Journal, facts: list[Fact]) -> list[Fact]:
    """What the journal replays after ``facts`` were appended; they are rolled back then."""
    read: list[Fact] = []
    with suppress(_UndoneError), journal.transaction() as tx:
        journal.append(tx, facts)
        read.extend(journal.replay())
        raise _UndoneError
    return read
