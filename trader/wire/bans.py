"""BanRecord: a venue's ban, kept in a small file so that a restart does not run into it again."""

import os
from pathlib import Path

import msgspec
import structlog
from msgspec import Struct

from trader.domain.clock import Stamp

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
_NS = 1_000_000_000
LONGEST_BAN_S = 3 * 24 * 3600.0
"""No venue here bans for longer; a file that says more is the work of a wrong clock."""
UNREADABLE_S = 60.0
"""How long a venue is left alone when nobody can say whether it banned us."""
_MAX_BYTES = 4096
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class _Ban(Struct, frozen=True):
    """When a ban ends, on both clocks, and how long it was when it was written (nanoseconds).

    The monotonic clock outlives a process but not a boot of the host, hence ``boot``.
    """

    ends_at_ns: int
    ends_mono_ns: int
    length_ns: int
    boot: str


class BanRecord:
    """Reads and writes the file at ``path``. Never raises: what fails is logged."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def remaining_s(self, now: Stamp) -> float:
        """For how long the venue is still banned, as far as the file tells; 0 without one.

        The longer of both clocks' answers, so that a clock set forward shortens nothing as long as
        the host runs; never longer than the ban was when it was written.
        """
        try:
            with self._path.open("rb") as file:
                ban = msgspec.json.decode(file.read(_MAX_BYTES), type=_Ban)
        except FileNotFoundError:
            return 0.0
        except (OSError, msgspec.MsgspecError) as error:
            _log.error(
                "ban_unreadable",
                path=str(self._path),
                error=type(error).__name__,
                wait_s=UNREADABLE_S,
            )
            return UNREADABLE_S
        remaining_ns = ban.ends_at_ns - now.at_ns
        if ban.boot and ban.boot == _boot():
            remaining_ns = max(remaining_ns, ban.ends_mono_ns - now.mono_ns)
        longest_ns = min(ban.length_ns, int(LONGEST_BAN_S * _NS))
        return max(min(remaining_ns, longest_ns), 0) / _NS

    def keep(self, wait_s: float, now: Stamp) -> None:
        """Write down that the venue is banned for ``wait_s`` from now."""
        wait_ns = int(min(wait_s, LONGEST_BAN_S) * _NS)
        ban = _Ban(now.at_ns + wait_ns, now.mono_ns + wait_ns, wait_ns, _boot())
        beside = self._path.with_name(self._path.name + ".new")
        try:
            # Written beside and then moved: whoever reads finds the old record or the new one.
            beside.unlink(missing_ok=True)
            descriptor = os.open(
                beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
            )
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(ban))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        except OSError as error:
            _log.error("ban_not_kept", path=str(self._path), error=type(error).__name__)
        _log.error("venue_banned_us", path=str(self._path), wait_s=round(wait_s, 1))


def _boot() -> str:
    """Names this boot of the host; empty where the system does not tell."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
