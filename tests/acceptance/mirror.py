"""A venue of one's own: Mirror, which speaks Upbit's dialect under a name of its own."""

from typing import Any

from trader.domain.instrument import InstrumentId, Venue
from trader.execution.upbit import UpbitClient
from trader.execution.upbit_limits import UPBIT_LIMITS, read_upbit_limits
from trader.execution.venue import ClientGround
from trader.feeds.upbit import UpbitFeed


class MirrorFeed:
    """Hears: where to connect, what to ask for, and what a frame says of a book."""

    venue = Venue("mirror")

    def __init__(self, instruments: tuple[InstrumentId, ...]) -> None:
        self._upbit = UpbitFeed(instruments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._upbit, name)


class MirrorClient:
    """Acts: signs orders and reads their answers; asks for rules, balances, orders, the clock."""

    venue = Venue("mirror")
    limits = UPBIT_LIMITS
    read_limits = read_upbit_limits

    def __init__(self, ground: ClientGround) -> None:
        self._upbit = UpbitClient(
            ground.keys, ground.instruments, ground.ask, ground.now, ground.taker_fee_pct
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._upbit, name)
