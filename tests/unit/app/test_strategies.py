"""A user's strategy may be wrong in any way and still take nothing else down."""

import logging
from collections.abc import Sequence

import pytest

from tests.support.builders import a_market, a_strategy, a_trade, some_instruments
from trader.app.strategies import Contained, load_strategy
from trader.config import Settings
from trader.domain.instrument import InstrumentId
from trader.domain.order import LedgerName
from trader.strategy.spread import SpreadStrategy

UPBIT_BTC = InstrumentId("upbit:BTC-KRW")


class Raises:
    """Fails at whatever it is asked, and counts how often it was."""

    def __init__(self) -> None:
        self.asked = 0

    @property
    def directions(self) -> Sequence[object]:
        """None."""
        return ()

    def propose(self, *_: object) -> object:
        """Divide by zero."""
        self.asked += 1
        return 1 / 0

    wants_exit = is_signal = complete = revise = propose


class Talks(Raises):
    """Proposes something that is no proposal."""

    def propose(self, *_: object) -> object:
        """A word."""
        self.asked += 1
        return "sell"


@pytest.mark.parametrize("broken", [Raises(), Talks()])
def test_an_error_ends_its_proposals_and_is_said_once(
    broken: Raises, caplog: pytest.LogCaptureFixture
) -> None:
    """At tick rate neither the log nor the engine may drown in it."""
    contained = Contained(broken, "my.Strategy")  # type: ignore[arg-type]  # it is no strategy
    with caplog.at_level(logging.ERROR, logger="trader.strategy"):
        asked = [
            contained.propose(UPBIT_BTC, a_market(), LedgerName.PAPER, lambda *_: True)
            for _ in range(5)
        ]

    assert asked == [None] * 5
    assert broken.asked == 1
    assert len(caplog.records) == 1
    assert "my.Strategy" in caplog.text


def test_a_broken_strategy_holds_what_is_open() -> None:
    """Without its word a trade stays until its stop or its holding time; a leg is unwound."""
    contained = Contained(Raises(), "my.Strategy")  # type: ignore[arg-type]  # it is no strategy

    assert contained.wants_exit(a_trade(), a_market()) is False
    assert contained.complete(a_trade(), a_market(), 0) is None


def test_a_sound_strategy_is_only_passed_through() -> None:
    """What it wishes for is what the engine hears."""
    strategy = a_strategy()
    contained = Contained(strategy, "my.Strategy")

    assert contained.directions == strategy.directions
    asked = (UPBIT_BTC, a_market(), LedgerName.PAPER, lambda *_: True)
    assert contained.propose(*asked) == strategy.propose(*asked)


def test_the_built_in_strategy_runs_bare() -> None:
    """It is on the hot path, and its errors are ours to hear of."""
    assert type(load_strategy(Settings(), some_instruments())) is SpreadStrategy
