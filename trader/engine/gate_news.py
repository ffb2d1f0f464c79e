"""Which changes of the live gate are worth a message: a short suspension is only counted."""

from trader.domain.control import BlockReason

UNTOLD_NS = 30_000_000_000
"""A suspension that is over sooner than this is not told."""


class GateNews:
    """Judges one change of the gate after another, of one process; its first is always told.

    Grave is every reason that does more than suspend: it demotes, revokes, halts or pauses.
    """

    def __init__(self) -> None:
        self.suspensions = 0
        self._is_first = True
        self._is_open = False
        self._grave: frozenset[BlockReason] = frozenset()
        # Since when the gate has been shut without anybody having been told.
        self._untold_since_ns: int | None = None

    def is_told(self, is_open: bool, grave: frozenset[BlockReason], mono_ns: int) -> bool:
        """Whether the operator hears of a change; ``grave`` are the grave reasons that stand."""
        is_first, self._is_first = self._is_first, False
        was_open, self._is_open = self._is_open, is_open
        added, self._grave = grave - self._grave, grave
        if is_open:
            since, self._untold_since_ns = self._untold_since_ns, None
            is_short = since is not None and mono_ns - since < UNTOLD_NS
            self.suspensions += is_short
            return not is_short
        if is_first or added:
            self._untold_since_ns = None
            return True
        if was_open:
            self._untold_since_ns = mono_ns
        # Otherwise what suspends comes and goes inside a stretch that was told, or is being timed.
        return False

    def is_due(self, mono_ns: int) -> bool:
        """Whether the gate has been shut so long that it must be told now; true once."""
        since = self._untold_since_ns
        if since is None or mono_ns - since < UNTOLD_NS:
            return False
        self._untold_since_ns = None
        return True
