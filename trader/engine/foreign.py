"""Foreign orders: with our prefix, of an epoch that no start of this journal made.

Another engine on this account, or another state of this one: either would spoil our books and have
its own spoilt. One breaker for each maker, until a day has passed without its orders or an operator
has accepted them.
"""

from decimal import Decimal

from msgspec import Struct

from trader.domain.client_ids import ClientId, read
from trader.domain.facts import BreakerCleared, BreakerCode, BreakerTripped, EpochAccepted
from trader.domain.order import LedgerName
from trader.engine.state import State

GONE_NS = 24 * 3_600 * 1_000_000_000
"""So long after the newest order of it a foreign epoch counts as gone."""

_MOST = 20
"""So many makers stand at once; one is enough to stop live trading."""

_ZERO = Decimal(0)


class _Seen(Struct):
    """What was seen of one maker in this process."""

    made: ClientId
    highest: int
    newest_ns: int
    ids: int = 1


class Foreigners:
    """Trips and clears the breaker of foreign epochs."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._seen: dict[str, _Seen] = {}

    @property
    def makers(self) -> tuple[str, ...]:
        """Those whose breakers stand."""
        standing = self._state.breakers_of(LedgerName.LIVE)
        return tuple(subject for code, subject in standing if code is BreakerCode.FOREIGN_EPOCH)

    @property
    def is_own_installation(self) -> bool:
        """Whether one of them bears this journal's name: it was restored from a copy, or copied."""
        installation = self._state.identity.installation
        return bool(installation) and any(
            self._seen[maker].made.installation == installation
            for maker in self.makers
            if maker in self._seen
        )

    def saw(self, client_order_id: str, at_ns: int) -> None:
        """A venue showed a foreign order, dated ``at_ns`` (UTC)."""
        made = read(client_order_id)
        if made is None:
            return
        known = self._seen.get(made.maker)
        if known is None:
            if len(self._seen) >= _MOST:
                return
            known = self._seen[made.maker] = _Seen(made, made.number, at_ns)
        elif made.number > known.highest:
            known.highest, known.ids = made.number, known.ids + 1
        known.newest_ns = max(known.newest_ns, at_ns)
        state = self._state
        is_gone = state.now_ns - at_ns >= GONE_NS
        if made.maker not in self.makers and not is_gone:
            state.record(
                BreakerTripped(
                    state.now_ns,
                    LedgerName.LIVE,
                    BreakerCode.FOREIGN_EPOCH,
                    made.maker,
                    Decimal(known.ids),
                    _ZERO,
                )
            )

    def clear_gone(self) -> None:
        """Clear the breakers of those of whom nothing was seen for a day."""
        state = self._state
        for maker in self.makers:
            key = (LedgerName.LIVE, (BreakerCode.FOREIGN_EPOCH, maker))
            seen = self._seen.get(maker)
            newest_ns = max(state.breakers[key], seen.newest_ns if seen is not None else 0)
            if state.now_ns - newest_ns >= GONE_NS:
                self._clear(maker)

    def accept(self, maker: str, by: str, written_ns: int) -> bool:
        """An operator knows of a maker's orders so far; False where none was seen in this process,
        so that nobody knows up to which.
        """
        state, seen = self._state, self._seen.pop(maker, None)
        if seen is None:
            return False
        state.record(
            EpochAccepted(
                state.now_ns,
                by,
                seen.made.epoch,
                seen.highest,
                seen.made.engine,
                state.host_ns,
                written_ns,
            )
        )
        self._clear(maker)
        return True

    def _clear(self, maker: str) -> None:
        state = self._state
        state.record(
            BreakerCleared(state.now_ns, LedgerName.LIVE, BreakerCode.FOREIGN_EPOCH, maker)
        )
