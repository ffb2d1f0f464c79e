"""Facts about what is permitted: the live gate, authority, pauses, what an operator orders closed.

``host_ns`` is the host's UTC time, which is not ``at_ns`` where a mock run's time is simulated, and
``written_ns`` when a person wrote the command, by the messenger's clock; 0 is not known.
See ``domain.facts``.
"""

from msgspec import Struct

from trader.domain.authority import Authority
from trader.domain.control import BlockReason, Mode
from trader.domain.order import LedgerName, Purpose, TradeId
from trader.domain.trade_facts import OpenTrade


class GateChanged(Struct, frozen=True, tag=True):
    """The live gate opened or shut, or the reasons why it is shut changed.

    A suspension under 30 s is not ``told``, but counted by the fact that ends it, live and untold.
    """

    at_ns: int
    mode: Mode
    live: bool
    blocks: tuple[BlockReason, ...]
    told: bool = True


class AuthorityChanged(Struct, frozen=True, tag=True):
    """What people permit changed; synced before anybody is answered. A halt says what is open.

    ``mode`` is what the process was configured for; None is not known, and told as if live.
    """

    at_ns: int
    authority: Authority
    open_trades: tuple[OpenTrade, ...] = ()
    host_ns: int = 0
    written_ns: int = 0
    mode: Mode | None = None


class EntriesPaused(Struct, frozen=True, tag=True):
    """An operator blocked entries, or gave the pause of this scope another end.

    ``scope`` is empty for all, else a venue or a pair. ``until_ns`` is the host's UTC; 0 is no end.
    """

    at_ns: int
    by: str
    reason: str = ""
    scope: str = ""
    until_ns: int = 0
    host_ns: int = 0
    written_ns: int = 0


class EntriesResumed(Struct, frozen=True, tag=True):
    """The pause of this very scope is over: lifted by an operator, or by "engine" at its end."""

    at_ns: int
    by: str
    scope: str = ""
    host_ns: int = 0
    written_ns: int = 0


class PauseEndsSoon(Struct, frozen=True, tag=True):
    """A pause with an end has two minutes left; said once for each end."""

    at_ns: int
    scope: str
    until_ns: int


class ClosingOrdered(Struct, frozen=True, tag=True):
    """An operator ordered these trades closed; it holds until each of them is over."""

    at_ns: int
    ledger: LedgerName
    purpose: Purpose
    trades: tuple[TradeId, ...]
    by: str
    host_ns: int = 0
    written_ns: int = 0
