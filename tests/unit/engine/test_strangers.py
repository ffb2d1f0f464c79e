"""A journal outlives the config that named its instruments."""

from tests.support.builders import engine_rules, some_instruments, strategy_parameters
from tests.support.engine_harness import Rehearsal, an_engine
from trader.domain.facts import TradeClosed, TradeOpened
from trader.domain.instrument import BINANCE
from trader.domain.order import LedgerName
from trader.engine.engine import Engine


def narrowed() -> Engine:
    """An engine whose config dropped everything at Binance."""
    kept = {name: one for name, one in some_instruments().items() if one.venue != BINANCE}
    pairs = tuple(pair for pair in strategy_parameters().pairs if pair.name == "upbit-bithumb")
    return an_engine(engine_rules(strategy=strategy_parameters(pairs=pairs)), kept)


def test_what_was_traded_once_is_still_counted() -> None:
    """The money of a pair that is no longer traded stays in the ledger."""
    whole = Rehearsal(1)
    whole.run(60)
    closed = {fact.trade_id for fact in whole.facts if isinstance(fact, TradeClosed)}
    assert any(
        fact.pair == "upbit-binance" for fact in whole.facts if isinstance(fact, TradeClosed)
    )
    upto = max(
        number
        for number, fact in enumerate(whole.facts)
        if not isinstance(fact, TradeOpened) or fact.trade_id in closed
    )

    engine = narrowed()
    engine.restore(whole.facts[: upto + 1])

    paper = whole.engine.state.ledgers[LedgerName.PAPER]
    restored = engine.state.ledgers[LedgerName.PAPER]
    assert restored.balances == paper.balances
    assert restored.booked_krw == paper.booked_krw


def test_an_open_trade_in_what_is_no_longer_named_is_found() -> None:
    """It could neither be priced nor closed, so nobody may start without knowing."""
    whole = Rehearsal(1)
    whole.run(60)
    opened = next(
        number
        for number, fact in enumerate(whole.facts)
        if isinstance(fact, TradeOpened) and fact.pair == "upbit-binance"
    )
    engine = narrowed()
    engine.restore(whole.facts[: opened + 1])

    assert [str(leg) for _, leg in engine.strangers()] == ["binance:BTC-USDT"]
    assert not whole.engine.strangers()
