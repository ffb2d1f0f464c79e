"""LiveGuard: may a live order leave this instant, and every reason why not. Pure transitions.

``LIVE`` holds when authority is LIVE, every readiness predicate holds, the dry run is done and
nothing is paused. What is remembered between looks is a value, so every step can be enumerated.
"""

from enum import IntEnum

from msgspec import Struct
from msgspec.structs import replace

from trader.domain.authority import Authority, Level, Sight
from trader.domain.control import BlockReason, Mode
from trader.domain.order import PairName, Purpose
from trader.domain.readiness import PairReadiness, Readiness
from trader.risk.authority import after_look, arms, halt
from trader.risk.predicates import PREDICATES, Finding, GuardRules, Loss, judge

__all__ = [
    "PREDICATES",
    "Finding",
    "GuardRules",
    "LiveGuard",
    "Loss",
    "Memory",
    "Readiness",
    "Route",
    "Verdict",
]

_SHORT_SUSPENSION_NS = 30_000_000_000
_LOWERING = frozenset({Loss.DEMOTES, Loss.REVOKES, Loss.HALTS})
# These say what authority is; a loss is something sensed.
_OF_AUTHORITY = frozenset(
    {BlockReason.HALTED, BlockReason.DEMOTED, BlockReason.CONFIRM_FILE_NOT_ARMED}
)
_BESIDE_DRY_RUN = frozenset({BlockReason.DRY_RUN, BlockReason.PAUSED})
# What a loss entails in the next look; it is no loss of its own, and its closings must go.
_ENTAILED = _OF_AUTHORITY | {BlockReason.DRY_RUN}
_BY_OPERATOR = frozenset({Purpose.FLATTEN, Purpose.CLOSE})


class Route(IntEnum):
    """Where orders of a kind go; the strictest first."""

    NONE = 0
    PAPER = 1
    LIVE = 2


_STILL_GOES: dict[Loss, tuple[Route, Route]] = {
    Loss.PAUSES: (Route.NONE, Route.LIVE),
    Loss.SUSPENDS: (Route.PAPER, Route.LIVE),
    Loss.DEMOTES: (Route.PAPER, Route.LIVE),
    Loss.REVOKES: (Route.PAPER, Route.NONE),
    Loss.HALTS: (Route.NONE, Route.NONE),
}
"""Entries and closings for each kind of loss; where several hold, each takes the strictest."""


class Memory(Struct, frozen=True):
    """What the guard remembers of this process between two looks.

    ``held`` are the predicates that held since start: only what held can be lost. ``failing`` is
    what failed at the last look. ``dry_left`` are the whole cycles still to come; ``broke_mono_ns``
    is when the last whole stretch ended. ``generation`` rises with every loss, halt and reconnect.
    """

    dry_left: int
    held: frozenset[BlockReason] = frozenset()
    failing: frozenset[BlockReason] = frozenset(BlockReason)
    is_whole: bool = False
    broke_mono_ns: int | None = None
    generation: int = 0


class Verdict(Struct, frozen=True):
    """What may go now, and every reason why not everything may.

    ``unwinds`` and ``operator_closes`` hold in a halt only, which forbids every other closing.
    """

    entries: Route
    closings: Route
    unwinds: bool
    operator_closes: bool
    blocks: tuple[BlockReason, ...]
    suspended: bool

    @property
    def is_open(self) -> bool:
        """Whether live entries go."""
        return self.entries is Route.LIVE


class LiveGuard:
    """Judges readiness and authority by the tables. Holds the rules and nothing else."""

    def __init__(self, rules: GuardRules) -> None:
        self._rules = rules

    def begin(self) -> Memory:
        """What is remembered at the start of a process: nothing held yet, the whole dry run."""
        return Memory(dry_left=self._rules.dry_run_cycles)

    def findings(self, readiness: Readiness) -> tuple[Finding, ...]:
        """Every predicate with what was seen and what is allowed, holding or not."""
        return tuple(judge(row, readiness, self._rules) for row in PREDICATES)

    def blocks(self, readiness: Readiness) -> tuple[BlockReason, ...]:
        """Every reason why no live order may leave now; empty means it may."""
        return tuple(row.reason for row in PREDICATES if not row.holds(readiness, self._rules))

    def view(self, authority: Authority, memory: Memory, readiness: Readiness) -> Readiness:
        """``readiness`` with what follows from authority and from what went before filled in."""
        done = self._rules.dry_run_cycles - memory.dry_left if memory.is_whole else 0
        return replace(
            readiness,
            halted=authority.level is Level.HALT or readiness.halt_file,
            demoted=authority.level is Level.PAPER and authority.latch is not None,
            confirm_file_arms=(
                authority.level is Level.LIVE or arms(authority, sight_of(readiness))
            ),
            dry_cycles_done=done,
        )

    def look(
        self, authority: Authority, memory: Memory, readiness: Readiness, mono_ns: int
    ) -> tuple[Authority, Memory]:
        """One cycle of the control loop: authority and memory after it.

        Outside live mode no predicate latches and no dry run counts; what fails is only remembered.
        A ``.halt`` file halts in every mode, as it does at the start.
        """
        found = self.findings(self.view(authority, memory, readiness))
        sensed = [f for f in found if f.reason not in _OF_AUTHORITY | _BESIDE_DRY_RUN]
        lowering = [f for f in sensed if _loss_of(f) in _LOWERING]
        lost = tuple(
            f.reason for f in lowering if f.known and not f.holds and f.reason in memory.held
        )
        after = authority
        if readiness.mode is Mode.LIVE:
            after = after_look(
                authority,
                sight_of(readiness),
                lost=lost,
                causes=any(f.known and not f.holds for f in lowering),
                # No answer yet only suspends, but a key that may withdraw never raises.
                ready=all(f.holds for f in lowering) and readiness.keys_cannot_withdraw is True,
            )
        elif readiness.halt_file:
            after = halt(authority, "host", "HALT_FILE", sight_of(readiness), now=False)
        held = memory.held | {f.reason for f in found if f.holds} - _not_asked(readiness)
        memory = replace(memory, held=held)
        return after, self._remember(memory, found, authority, after, mono_ns)

    def verdict(self, authority: Authority, memory: Memory, readiness: Readiness) -> Verdict:
        """What may go this instant."""
        failing = [f for f in self.findings(self.view(authority, memory, readiness)) if not f.holds]
        losses = {f.loss for f in failing}
        if authority.level is not Level.LIVE:
            # Paper without a latch is a host that never was live: shut, as a demoted one is.
            losses.add(Loss.HALTS if authority.level is Level.HALT else Loss.DEMOTES)
        entries = min((_STILL_GOES[loss][0] for loss in losses), default=Route.LIVE)
        closings = min((_STILL_GOES[loss][1] for loss in losses), default=Route.LIVE)
        stands = (
            readiness.env_flag is True
            and readiness.confirm_file is True
            and readiness.confirm_file_safe is True
        )
        if losses - {Loss.PAUSES, Loss.SUSPENDS} and not stands:
            closings = Route.NONE
        blocks = tuple(f.reason for f in failing)
        if losses and not blocks:
            # Nothing sensed forbids it, but authority has not been raised yet: the next look does.
            blocks = (BlockReason.CONFIRM_FILE_NOT_ARMED,)
        is_halted = Loss.HALTS in losses
        may_move = is_halted and stands and not authority.nothing_goes
        may_move = may_move and Loss.REVOKES not in losses
        return Verdict(
            entries=entries,
            closings=closings,
            unwinds=may_move,
            operator_closes=may_move,
            blocks=blocks,
            suspended=Loss.SUSPENDS in losses,
        )

    def _remember(
        self,
        memory: Memory,
        found: tuple[Finding, ...],
        before: Authority,
        after: Authority,
        mono_ns: int,
    ) -> Memory:
        full = self._rules.dry_run_cycles
        failing = frozenset(f.reason for f in found if not f.holds)
        lowered = after.level < before.level
        is_whole = after.level is Level.LIVE and not failing - _BESIDE_DRY_RUN - (
            # Raised in this very look: what said otherwise was said of the record before it.
            _OF_AUTHORITY if before.level is not Level.LIVE else frozenset()
        )
        dry_left, broke = memory.dry_left, memory.broke_mono_ns
        if lowered or before.revision != after.revision:
            dry_left, broke = full, None
        if is_whole:
            if not memory.is_whole or before.revision != after.revision:
                is_short = broke is not None and 0 <= mono_ns - broke < _SHORT_SUSPENSION_NS
                dry_left = min(1, full) if is_short and dry_left == 0 else full
            dry_left, broke = max(dry_left - 1, 0), None
        elif memory.is_whole and broke is None and not lowered:
            broke = mono_ns
        newly = failing - memory.failing - _ENTAILED
        return Memory(
            dry_left=dry_left,
            held=memory.held,
            failing=failing,
            is_whole=is_whole,
            broke_mono_ns=broke,
            generation=memory.generation + (1 if newly or lowered else 0),
        )


def may_enter(verdict: Verdict, pair: PairReadiness | None) -> bool:
    """Whether a live entry of this pair may leave now."""
    return (
        verdict.entries is Route.LIVE
        and pair is not None
        and pair.fresh
        and pair.reconciled
        and pair.clock_holds
        and pair.takes_orders
    )


def may_close(verdict: Verdict, purpose: Purpose, pair: PairReadiness | None) -> bool:
    """Whether a live closing may leave now: never before its venues are reconciled.

    One of both legs waits until both venues take orders. A leg alone needs only its own, and which
    one that is shows when it is sent.
    """
    if not purpose.is_closing or pair is None or not pair.reconciled or not pair.fresh:
        return False
    if not pair.takes_orders and purpose is not Purpose.UNWIND:
        return False
    if verdict.closings is Route.LIVE:
        return True
    if purpose in _BY_OPERATOR:
        return verdict.operator_closes
    return purpose is Purpose.UNWIND and verdict.unwinds


def after_break(memory: Memory, mono_ns: int) -> Memory:
    """A loss met outside a look: at the gate, by a pause, a halt or a reconnect."""
    return replace(
        memory,
        is_whole=False,
        broke_mono_ns=mono_ns if memory.is_whole else memory.broke_mono_ns,
        generation=memory.generation + 1,
    )


def after_act(memory: Memory, full_dry_run: int) -> Memory:
    """An act of a person changed authority: everything approved before it is void."""
    return replace(
        memory,
        dry_left=full_dry_run,
        is_whole=False,
        broke_mono_ns=None,
        generation=memory.generation + 1,
    )


def sight_of(readiness: Readiness) -> Sight:
    """What readiness says of the host's files."""
    return Sight(
        at_ns=readiness.at_ns,
        mark=readiness.file_mark,
        stands=readiness.confirm_file is True and readiness.confirm_file_safe is True,
        halt_file=readiness.halt_file,
    )


def pair_of(readiness: Readiness, pair: PairName) -> PairReadiness | None:
    """How one pair stands; None where nothing was sensed of it."""
    return readiness.pairs.get(pair)


def _not_asked(readiness: Readiness) -> frozenset[BlockReason]:
    """What passes only because its question does not arise; it has not held."""
    without_file = _OF_THE_FILE if readiness.confirm_file is False else frozenset()
    return without_file | (_OF_AN_ANSWER if readiness.keys_cannot_withdraw is None else frozenset())


def _loss_of(finding: Finding) -> Loss:
    """The loss a predicate would cost were it known to fail."""
    return _LOSS[finding.reason]


_LOSS = {row.reason: row.loss for row in PREDICATES}
_OF_THE_FILE = frozenset({BlockReason.CONFIRM_FILE_UNSAFE, BlockReason.CONFIRM_FILE_EXPIRED})
_OF_AN_ANSWER = frozenset({BlockReason.KEY_SCOPE_TOO_WIDE, BlockReason.KEY_SCOPE_STALE})
