"""What every operator's story begins with: a phone, and the language it is told in."""

from collections.abc import Iterator

import pytest

from tests.support.phone import Phone, a_phone


@pytest.fixture
def phone() -> Iterator[Phone]:
    """The operator's, for the length of a story."""
    with a_phone() as held:
        yield held


@pytest.fixture(params=["en", "ko"])
def language(request: pytest.FixtureRequest) -> str:
    """Each that the bot speaks: every story is told in both."""
    return str(request.param)
