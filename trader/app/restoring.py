"""Restoring: an engine from its journal, and what of it does not fit this start."""

import logging

from trader.domain.errors import ConfigError
from trader.domain.order import LedgerName
from trader.engine.engine import Engine
from trader.execution.journal import Journal

_LOG = logging.getLogger("trader")


def restore(engine: Engine, journal: Journal, seed: int) -> int:
    """Replay the journal into the engine; returns how many facts there were.

    Raises:
        ConfigError: a trade is open in an instrument the config no longer names.
        JournalError: the journal does not read back.
    """
    count = engine.restore(journal.replay())
    engine.trust(journal.authority())
    for trade_id, leg in engine.strangers():
        raise ConfigError(
            f"strategy.pairs no longer names {leg}, of which the journal holds the open trade"
            f" {trade_id}; allowed: pairs that name it until it is closed"
        )
    before = engine.state.last_seed
    if before not in (None, seed) and engine.state.ledgers[LedgerName.PAPER].trades:
        _LOG.warning(
            "mock.seed was %s and is %d: open trades of that market are priced on this one",
            before,
            seed,
        )
    return count
