"""Readiness: one record of all that is sensed on the host and at the venues, judged elsewhere."""

from collections.abc import Mapping

from msgspec import Struct

from trader.domain.authority import FileMark
from trader.domain.control import Mode
from trader.domain.order import PairName


class PairReadiness(Struct, frozen=True):
    """What is judged for each pair: a stale book refuses the pairs that need it, no others.

    ``takes_orders`` is no judgement of ours: a venue that has shut us out for a time, or to which
    no connection stands, takes none, and to approve any would only use up what is allowed.
    """

    fresh: bool = False
    reconciled: bool = False
    clock_holds: bool = False
    takes_orders: bool = True


class Readiness(Struct, frozen=True):
    """What is sensed now. None: not sensed since start, which never counts as good.

    ``halted``, ``demoted``, ``confirm_file_arms`` and ``dry_cycles_done`` follow from the record of
    authority and from what went before; the live guard fills them in. The figures that are judged
    for each pair (``fresh_pairs``, ``reconciled``, ``clock_skew_ms``) are those of the best pair.
    """

    mode: Mode
    env_flag: bool = False
    confirm_file: bool | None = None
    """True where the file is there; False absent."""
    confirm_file_safe: bool | None = None
    confirm_file_arms: bool | None = None
    confirm_file_age_hours: float | None = None
    lock_held: bool | None = None
    lease_held: bool | None = None
    keys_cannot_withdraw: bool | None = None
    halted: bool = False
    demoted: bool = False
    paused: bool = False
    breakers: tuple[str, ...] = ()
    safety_holds: bool | None = None
    disk_free_mb: float | None = None
    operator_reachable: bool | None = None
    operator_credentials: bool | None = None
    fresh_pairs: int | None = None
    redis_age_ms: float | None = None
    clock_skew_ms: float | None = None
    reconciled: bool | None = None
    loop_lag_ms: float | None = None
    dry_cycles_done: int = 0
    at_ns: int = 0
    file_mark: FileMark | None = None
    """Of whatever has the confirm file's name; None where nothing has."""
    halt_file: bool = False
    key_answer_age_hours: float | None = 0.0
    verdict_age_cycles: float | None = 0.0
    pairs: Mapping[PairName, PairReadiness] = {}
