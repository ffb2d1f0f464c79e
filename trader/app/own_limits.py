"""How often a venue of the user's own may be asked: as it says, or cautiously."""

from collections.abc import Callable, Sequence

import structlog

from trader.app.dotted import broke
from trader.app.own_checks import Unsound, typed
from trader.domain.instrument import Venue
from trader.wire.budget import Left, Limit, Pause, Told, Used
from trader.wire.http import HttpAnswer

_log: structlog.stdlib.BoundLogger = structlog.get_logger("trader.venue")

ORDER_GROUP = "order"
CAUTIOUS_LIMITS = (
    # Looking around never uses up what an order needs, nor an entry what a closing needs.
    Limit("requests", 5, 1.0, reserve=2, reserve_for=(ORDER_GROUP,)),
    Limit("orders", 2, 1.0, (ORDER_GROUP,), reserve=1),
)
"""Those of a venue that says nothing of its limits."""

_MOST_LIMITS = 100
_LONGEST_INTERVAL_S = 30 * 86_400.0


def sound_limits(found: object) -> tuple[Limit, ...]:
    """The limits a client names, none where it names none.

    Raises:
        Unsound: they are no limits, or ones that let nothing through.
    """
    if found is None:
        return ()
    if not isinstance(found, list | tuple) or not 0 < len(found) <= _MOST_LIMITS:
        raise Unsound(f"no tuple of 1 to {_MOST_LIMITS} Limits")
    if not all(isinstance(one, Limit) for one in found):
        raise Unsound("what is no Limit of trader.wire.budget")
    limits = tuple(typed(one, Limit) for one in found)
    for one in limits:
        if one.tokens < 1 or not 0 <= one.reserve < one.tokens:
            raise Unsound(f"the Limit {one.name!r} without tokens beyond its reserve")
        if not 0 < one.interval_s <= _LONGEST_INTERVAL_S:
            raise Unsound(f"the Limit {one.name!r} with an interval_s that is no time")
    if len({one.name for one in limits}) < len(limits):
        raise Unsound("two Limits of one name")
    return limits


class ContainedReader:
    """A user's own reader of limits; what it breaks on tells nothing, and is said once."""

    def __init__(self, reader: Callable[[HttpAnswer], Sequence[Told]], venue: Venue) -> None:
        self._reader = reader
        self._venue = venue
        self._is_broken = False

    def __call__(self, answer: HttpAnswer) -> Sequence[Told]:
        """What an answer says of the limits."""
        try:
            return tuple(_told(one) for one in self._reader(answer))
        except Exception as error:  # noqa: BLE001 - the outer edge of somebody else's code
            if not self._is_broken:
                self._is_broken = True
                _log.error("limits_not_read", venue=self._venue, error=broke(error))
            return ()


def _told(one: object) -> Told:
    if isinstance(one, Pause):
        return typed(one, Pause)
    if isinstance(one, Used):
        return typed(one, Used)
    if isinstance(one, Left):
        return typed(one, Left)
    raise Unsound(f"{type(one).__name__}, not Used, Left or Pause")
