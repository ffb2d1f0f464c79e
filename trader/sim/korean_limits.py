"""How often may one ask? Request budgets per group, and the block that follows who goes on asking.

Pure: time is an argument. Source: exchange fact sheet 1.6 and 2.6.
"""

from collections.abc import Mapping

from msgspec import Struct

_SECOND_NS = 1_000_000_000
# The sheet says only that going on asking ends in a block of growing length.
_REFUSALS_BEFORE_BLOCK = 20
_FIRST_BLOCK_S = 5
_LONGEST_BLOCK_S = 600
_FORGIVEN_AFTER_S = 60


class RateGroup(Struct, frozen=True):
    """So many requests in each window of whole seconds, which starts on a whole second."""

    limit: int
    window_s: int = 1


class Spent(Struct, frozen=True):
    """What a request found: allowed with so many left in the window, refused, or blocked.

    ``blocked_s`` is for how long the caller is blocked; 0 unless it is.
    """

    allowed: bool
    remaining: int
    second: int
    blocked_s: int = 0


class _Window:
    __slots__ = ("number", "used")

    def __init__(self) -> None:
        self.number = -1
        self.used = 0


class _Conduct:
    """How a caller behaved: requests refused lately, and the blocks that earned."""

    __slots__ = ("blocked_until_ns", "blocks", "last_refused_ns", "refusals")

    def __init__(self) -> None:
        self.refusals = 0
        self.blocks = 0
        self.blocked_until_ns = 0
        self.last_refused_ns = 0


class Budgets:
    """The request budgets of one venue, per group and caller."""

    def __init__(self, groups: Mapping[str, RateGroup]):
        """Start full. Callers are access keys and addresses, which the configuration bounds."""
        self._groups = groups
        self._windows: dict[tuple[str, str], _Window] = {}
        self._conduct: dict[str, _Conduct] = {}

    def spend(self, group: str, caller: str, now_ns: int, cost: int = 1) -> Spent:
        """Count one request of ``caller`` at ``now_ns``, on any clock that never goes back."""
        rule = self._groups[group]
        seconds = now_ns // _SECOND_NS
        conduct = self._conduct.setdefault(caller, _Conduct())
        if now_ns < conduct.blocked_until_ns:
            left_s = -(-(conduct.blocked_until_ns - now_ns) // _SECOND_NS)
            return Spent(False, 0, seconds % 60, left_s)
        window = self._windows.setdefault((group, caller), _Window())
        if window.number != seconds // rule.window_s:
            window.number, window.used = seconds // rule.window_s, 0
        if window.used + cost > rule.limit:
            return self._refused(conduct, now_ns)
        window.used += cost
        return Spent(True, rule.limit - window.used, seconds % 60)

    def _refused(self, conduct: _Conduct, now_ns: int) -> Spent:
        if now_ns - conduct.last_refused_ns > _FORGIVEN_AFTER_S * _SECOND_NS:
            conduct.refusals = conduct.blocks = 0
        conduct.last_refused_ns = now_ns
        conduct.refusals += 1
        if conduct.refusals < _REFUSALS_BEFORE_BLOCK:
            return Spent(False, 0, now_ns // _SECOND_NS % 60)
        conduct.refusals = 0
        conduct.blocks += 1
        block_s = min(_FIRST_BLOCK_S * 2 ** (conduct.blocks - 1), _LONGEST_BLOCK_S)
        conduct.blocked_until_ns = now_ns + block_s * _SECOND_NS
        return Spent(False, 0, now_ns // _SECOND_NS % 60, block_s)
