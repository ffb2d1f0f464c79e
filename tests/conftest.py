"""What every test may ask for: Hypothesis profiles, the shared material, a real Redis."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.redis_server import RedisNotFound, RedisServer, find_redis_server, redis_server

# No deadline anywhere: a busy machine is not a counterexample. "full" draws the same examples on
# every host, so that a red build means a change and not a lucky draw; "dev" looks for new ones.
_ON_SLOW_HOSTS = (HealthCheck.too_slow,)
settings.register_profile("dev", deadline=None, max_examples=100)
settings.register_profile(
    "quick",
    deadline=None,
    max_examples=25,
    derandomize=True,
    suppress_health_check=_ON_SLOW_HOSTS,
)
settings.register_profile(
    "full",
    deadline=None,
    max_examples=200,
    derandomize=True,
    suppress_health_check=_ON_SLOW_HOSTS,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

_UNIT = Path(__file__).parent / "unit"
_REDIS_START = timedelta(seconds=10)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every unit test as fast: it has to be, so it need not say so."""
    for item in items:
        if _UNIT in item.path.parents and item.get_closest_marker("slow") is None:
            item.add_marker(pytest.mark.fast)


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The shared material that ``SHARED_DIR`` names; when unset the test is skipped."""
    return _directory_from("SHARED_DIR")


@pytest.fixture(scope="session")
def captures_dir() -> Path:
    """The recorded market data that ``CAPTURES_DIR`` names; when unset the test is skipped."""
    return _directory_from("CAPTURES_DIR")


@pytest.fixture
def local_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test's own, empty, on a free loopback port; on a host without one, a skip."""
    try:
        find_redis_server()
    except RedisNotFound as error:
        pytest.skip(str(error))
    with redis_server(tmp_path / "redis", start_within=_REDIS_START) as server:
        yield server


def _directory_from(variable: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} is not set")
    directory = Path(value)
    # Set and wrong is a mistake to mend, not a reason to test less.
    assert directory.is_dir(), f"{variable} names no directory: {directory}"
    return directory
