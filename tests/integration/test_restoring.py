"""What a start says of a journal that does not fit it."""

import logging
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.support.builders import engine_rules, some_instruments, strategy_parameters
from tests.support.engine_harness import Rehearsal, an_engine
from trader.app.restoring import restore
from trader.domain.errors import ConfigError
from trader.domain.facts import EngineStarted, TradeOpened
from trader.domain.instrument import BINANCE
from trader.execution.journal import Journal


@pytest.fixture(scope="module")
def with_an_open_trade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal that ends with a trade just opened between Upbit and Binance."""
    run = Rehearsal(1)
    run.run(60)
    opened = next(
        number
        for number, fact in enumerate(run.facts)
        if isinstance(fact, TradeOpened) and fact.pair == "upbit-binance"
    )
    facts = [
        replace(fact, seed=1) if isinstance(fact, EngineStarted) else fact
        for fact in run.facts[: opened + 1]
    ]
    path = tmp_path_factory.mktemp("state") / "mock.db"
    with Journal.open(path) as journal, journal.transaction() as tx:
        journal.append(tx, facts)
    return path


@pytest.mark.parametrize(("seed", "said"), [(1, False), (2, True)])
def test_another_seed_is_another_market(
    with_an_open_trade: Path, seed: int, said: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """An open trade is then priced on a market it was not opened in; that is said."""
    engine = an_engine(engine_rules())
    with Journal.open(with_an_open_trade) as journal, caplog.at_level(logging.WARNING):
        restore(engine, journal, seed)

    assert ("mock.seed was 1" in caplog.text) is said


def test_an_open_trade_in_what_is_no_longer_named_stops_the_start(
    with_an_open_trade: Path,
) -> None:
    """It could neither be priced nor closed: one line, and what would do."""
    kept = {name: one for name, one in some_instruments().items() if one.venue != BINANCE}
    pairs = tuple(pair for pair in strategy_parameters().pairs if pair.name == "upbit-bithumb")
    engine = an_engine(engine_rules(strategy=strategy_parameters(pairs=pairs)), kept)

    with (
        Journal.open(with_an_open_trade) as journal,
        pytest.raises(ConfigError, match=r"no longer names binance:BTC-USDT.*T\d+; allowed"),
    ):
        restore(engine, journal, 1)
