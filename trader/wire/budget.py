"""Budget: how much of a venue's rate limits is left, so that no request of ours is one too many.

The limits are data and stand in the venue's own files; here is only the counting. What the venue
tells in its answers corrects the count, upwards at once: others may draw on the same limit.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from trader.domain.clock import Stamp
from trader.wire.bans import LONGEST_BAN_S, BanRecord
from trader.wire.http import HttpAnswer
from trader.wire.windows import CalendarWindow, SlidingWindow, Window

_NS = 1_000_000_000
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_FIRST_BAN_S = 120.0
_BAN_STATUS = 418
_PAUSE_STATUSES = frozenset({429, _BAN_STATUS})


class Limit(Struct, frozen=True):
    """One limit of a venue: so many ``tokens`` in any ``interval_s``.

    ``groups`` are the request groups that draw on it, empty for all. ``reserve`` tokens are left to
    the groups of ``reserve_for`` and to what is urgent (closings). An ``aligned`` limit starts anew
    with every calendar interval (UTC), any other slides. Where ``by_weight`` is False a request
    counts as one, whatever its weight.
    """

    name: str
    tokens: int
    interval_s: float
    groups: tuple[str, ...] = ()
    reserve: int = 0
    reserve_for: tuple[str, ...] = ()
    aligned: bool = False
    by_weight: bool = True


class Used(Struct, frozen=True, tag=True):
    """The venue says how much of a limit's present interval is spent."""

    limit: str
    tokens: int


class Left(Struct, frozen=True, tag=True):
    """The venue says how much of a limit is left at this moment."""

    limit: str
    tokens: int


class Pause(Struct, frozen=True, tag=True):
    """The venue tells us to stop for ``wait_s``: one group, or everything where ``group`` is ''."""

    wait_s: float
    group: str = ""
    banned: bool = False


Told = Used | Left | Pause
Reader = Callable[[HttpAnswer], Sequence[Told]]
"""What an answer's headers (or a refusal's body) say of the limits. Must not raise."""


def tells_nothing(answer: HttpAnswer) -> Sequence[Told]:
    """The reader of a venue that names no limits in its answers."""
    del answer
    return ()


class Budget:
    """What may be asked of one venue now. One for all connections that share its limits.

    ``bans`` is where a ban is kept across restarts, None where nothing is kept; ``banned`` hears
    how many seconds a ban will last when one begins.
    """

    def __init__(
        self,
        limits: Sequence[Limit],
        now: Stamp,
        reader: Reader = tells_nothing,
        bans: Path | None = None,
        banned: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._limits = {limit.name: limit for limit in limits}
        self._windows: dict[str, Window] = {
            limit.name: (CalendarWindow if limit.aligned else SlidingWindow)(
                int(limit.interval_s * _NS)
            )
            for limit in limits
        }
        self._reader = reader
        self._pauses: dict[str, int] = {}
        self._refusals_in_a_row = 0
        self._banned = banned
        self._bans = None if bans is None else BanRecord(bans)
        ban_s = 0.0 if self._bans is None else self._bans.remaining_s(now)
        self._banned_until_ns = now.mono_ns + int(ban_s * _NS)
        self.refusals = 0
        """How often the venue answered that it was asked too often."""
        self.bans = 0
        """How often it shut us out altogether for a time."""

    def take(self, group: str, weight: int, now: Stamp, *, urgent: bool = False) -> float:
        """Take what one request draws: 0, or the seconds after which to try, nothing taken then.

        Infinite for a group that no limit names, and for what never fits: it may never leave.
        """
        wait_s = self.wait_s(group, weight, now, urgent=urgent)
        if wait_s <= 0:
            for limit, amount in self._drawn(group, weight):
                self._windows[limit.name].add(amount, now)
        return wait_s

    def wait_s(self, group: str, weight: int, now: Stamp, *, urgent: bool = False) -> float:
        """What ``take`` would answer; takes nothing."""
        drawn = self._drawn(group, weight)
        if not drawn:
            return math.inf
        return max(
            self._pause_s(group, now),
            *(
                self._windows[limit.name].wait_ns(amount, self._open_to(limit, group, urgent), now)
                / _NS
                for limit, amount in drawn
            ),
        )

    def give_back(self, group: str, weight: int, taken: Stamp) -> None:
        """Undo a ``take`` of that instant, for a request that never left."""
        for limit, amount in self._drawn(group, weight):
            self._windows[limit.name].remove(amount, taken)

    def heard(self, group: str, answer: HttpAnswer, asked: Stamp, now: Stamp) -> None:
        """Learn from the answer to a request of ``group`` that was sent at ``asked``."""
        told = self.learn(answer, asked, now)
        if answer.status not in _PAUSE_STATUSES:
            self._refusals_in_a_row = 0
            return
        pauses = [one for one in told if isinstance(one, Pause)]
        banned = answer.status == _BAN_STATUS
        for pause in pauses or [
            Pause(retry_after_s(answer) or 0.0, "" if banned else group, banned)
        ]:
            self.throttled(pause.group, pause.wait_s, now, banned=pause.banned or banned)

    def learn(self, answer: HttpAnswer, asked: Stamp, now: Stamp) -> Sequence[Told]:
        """Correct the counts by what an answer tells of them; the rest is for the caller."""
        told = self._reader(answer)
        for one in told:
            limit = None if isinstance(one, Pause) else self._limits.get(one.limit)
            if isinstance(one, Pause) or limit is None:
                continue
            used = one.tokens if isinstance(one, Used) else limit.tokens - one.tokens
            self._windows[limit.name].raise_to(min(used, limit.tokens), asked, now)
        return told

    def throttled(self, group: str, wait_s: float, now: Stamp, *, banned: bool = False) -> None:
        """Stop ``group`` ('' for everything) for ``wait_s``, longer where nothing was told.

        A refusal that follows a refusal doubles the shortest wait: who goes on asking is banned.
        """
        self.refusals += 1
        least_s = (
            _FIRST_BAN_S if banned else _FIRST_PAUSE_S * 2.0 ** min(self._refusals_in_a_row, 8)
        )
        self._refusals_in_a_row += 1
        # A told wait may be anything, also not a number.
        told_s = min(wait_s, LONGEST_BAN_S) if wait_s > 0 else 0.0
        if banned:
            self._ban(told_s or least_s, now)
            return
        wait_ns = int(max(told_s, min(least_s, _LONGEST_PAUSE_S)) * _NS)
        self._pauses[group] = max(self._pauses.get(group, 0), now.mono_ns + wait_ns)

    def restate(self, name: str, tokens: int) -> None:
        """Replace a limit's tokens with what the venue itself stated. Unknown names are ignored."""
        limit = self._limits.get(name)
        if limit is not None and tokens > 0:
            self._limits[name] = Limit(
                limit.name,
                tokens,
                limit.interval_s,
                limit.groups,
                min(limit.reserve, tokens // 2),
                limit.reserve_for,
                limit.aligned,
                limit.by_weight,
            )

    def banned_s(self, now: Stamp) -> float:
        """For how long the venue has shut us out altogether; 0 when it has not."""
        return max(self._banned_until_ns - now.mono_ns, 0) / _NS

    def used(self, now: Stamp) -> Mapping[str, int]:
        """What each limit's present interval has seen, for metrics."""
        return {name: window.used(now) for name, window in self._windows.items()}

    def used_ratio(self, now: Stamp) -> float:
        """The used share of the limit that is nearest to its end; 0 where there is none."""
        used = self.used(now)
        shares = (used[one.name] / one.tokens for one in self._limits.values() if one.tokens)
        return max(shares, default=0.0)

    def _drawn(self, group: str, weight: int) -> list[tuple[Limit, int]]:
        return [
            (limit, max(weight, 1) if limit.by_weight else 1)
            for limit in self._limits.values()
            if not limit.groups or group in limit.groups
        ]

    def _open_to(self, limit: Limit, group: str, urgent: bool) -> int:
        return limit.tokens - (0 if urgent or group in limit.reserve_for else limit.reserve)

    def _pause_s(self, group: str, now: Stamp) -> float:
        until = max(self._banned_until_ns, self._pauses.get(group, 0), self._pauses.get("", 0))
        return max(until - now.mono_ns, 0) / _NS

    def _ban(self, wait_s: float, now: Stamp) -> None:
        is_new = self.banned_s(now) <= 0
        until = now.mono_ns + int(wait_s * _NS)
        self._banned_until_ns = max(self._banned_until_ns, until)
        if self._bans is not None:
            self._bans.keep(self.banned_s(now), now)
        if is_new:
            self.bans += 1
            self._banned(wait_s)


def retry_after_s(answer: HttpAnswer) -> float | None:
    """The ``Retry-After`` of an answer in seconds; None where it tells none or a date."""
    text = answer.headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
