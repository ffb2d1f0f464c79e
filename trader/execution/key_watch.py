"""KeyWatch: what a venue says our key may do, asked at start and daily, remembered across restarts.

Never on the order path. Where a venue does not tell, the operator's own word counts, given in the
config by the key's fingerprint.
"""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog
from msgspec import Struct

from trader.domain.clock import Clock
from trader.domain.errors import VenueError, VenueRejected
from trader.domain.events import Event, FaultReported
from trader.execution.repeating import Pace, repeat
from trader.execution.venue import VenueClient

_log: structlog.stdlib.BoundLogger = structlog.get_logger("trader.venue")
_DAILY = Pace(every_s=24 * 3600.0, first_retry_s=5.0, last_retry_s=900.0)
_HOUR_NS = 3_600_000_000_000
_DAY_NS = 24 * _HOUR_NS
_WARN_DAYS = 14
_MAX_BYTES = 4_096


class KeyAnswer(Struct, frozen=True):
    """What a key may do, as last answered; ``at_ns`` (UTC) is when. It names the key, no more."""

    fingerprint: str
    cannot_withdraw: bool
    at_ns: int


class KeyWatch:
    """One venue's key. ``attested`` where its operator vouches for this very key."""

    def __init__(
        self,
        client: VenueClient,
        fingerprint: str,
        clock: Clock,
        deliver: Callable[[Event], None],
        *,
        attested: bool,
        remembered: Path,
    ) -> None:
        self._client = client
        self._fingerprint = fingerprint
        self._clock = clock
        self._deliver = deliver
        self._attested = attested
        self._remembered = remembered
        self._answer = self._recall()
        self._is_vouched = False

    @property
    def cannot_withdraw(self) -> bool | None:
        """Whether it is certain that the key can move nothing out; None where nobody ever said."""
        return None if self._answer is None else self._answer.cannot_withdraw

    @property
    def age_hours(self) -> float | None:
        """How old that answer is; None without one."""
        if self._answer is None:
            return None
        return max(self._clock.now().at_ns - self._answer.at_ns, 0) / _HOUR_NS

    async def run(self) -> None:
        """Ask until cancelled."""
        await repeat(self._ask, _DAILY, self._failed)

    async def _ask(self) -> None:
        scope = await self._client.key_scope()
        now_ns = self._clock.now().at_ns
        if scope.can_withdraw is not None:
            self._answer = KeyAnswer(self._fingerprint, not scope.can_withdraw, now_ns)
            self._is_vouched = False
            self._keep(self._answer)
        elif self._attested:
            self._vouch()
        if scope.can_trade is False:
            self._tell("the key may not place orders")
        if scope.expires_ns is not None:
            days = (scope.expires_ns - now_ns) // _DAY_NS
            if days < _WARN_DAYS:
                self._tell(f"the key expires in {max(days, 0)} days")

    def _vouch(self) -> None:
        """Take the operator's word. Not kept: it holds for as long as it stands in the config."""
        now_ns = self._clock.now().at_ns
        self._answer = KeyAnswer(self._fingerprint, cannot_withdraw=True, at_ns=now_ns)
        self._is_vouched = True

    def _failed(self, error: VenueError, failures: int) -> None:
        if (
            isinstance(error, VenueRejected)
            and self._attested
            and (self._answer is None or self._is_vouched)
        ):
            # It may not even be asked by this key. What a venue did say of it counts all the same.
            self._vouch()
        if failures & (failures - 1) == 0:
            _log.warning(
                "key not asked", venue=self._client.venue, failures=failures, error=str(error)
            )

    def _tell(self, what: str) -> None:
        now = self._clock.now()
        self._deliver(FaultReported(now.at_ns, now.mono_ns, self._client.venue, what))

    def _recall(self) -> KeyAnswer | None:
        """The remembered answer about this key; an unreadable file is no answer."""
        try:
            with self._remembered.open("rb") as file:
                answer = msgspec.json.decode(file.read(_MAX_BYTES), type=KeyAnswer)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            _log.warning("key answer unreadable", error=type(error).__name__)
            return None
        return answer if answer.fingerprint == self._fingerprint else None

    def _keep(self, answer: KeyAnswer) -> None:
        beside = self._remembered.with_name(self._remembered.name + ".new")
        try:
            descriptor = os.open(
                beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
            )
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(answer))
            beside.replace(self._remembered)
        except OSError as error:
            _log.warning("key answer not kept", error=type(error).__name__)
