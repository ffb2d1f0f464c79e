"""Defects put into copies of the shipped guard, to show that its tests would notice each of them.

``python -m tests.property.gate_mutants`` injects all; the tests a seeded few. Each defect is a
text, replaced where it stands exactly once; one that stands nowhere any more is an error.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
GUARD = "trader/risk/live_guard.py"
AUTHORITY = "trader/risk/authority.py"
PREDICATES = "trader/risk/predicates.py"
GATE = "trader/execution/gate.py"

SUITES = {
    "authority": ("tests/unit/risk/test_authority.py",),
    "guard": ("tests/unit/risk/test_live_guard.py",),
    "space": ("tests/property/test_gate_state_space.py",),
    "keeper": ("tests/unit/execution/test_guard_keeper.py",),
    "gate": ("tests/unit/execution/test_gate.py", "tests/unit/execution/test_live_gate.py"),
}
"""What may catch a defect, in the order in which it is asked."""
EARLY = "(causes or _from_the_future(sight) or latch.seen == UNSEEN)"
SCALE = "200"
SECONDS = 120


class Mutant(NamedTuple):
    """One defect: what it is, where, and the text before and after."""

    name: str
    file: str
    old: str
    new: str


MUTANTS = (
    # --- predicates: dropped, loosened, a missing value passing
    Mutant("env flag not asked", PREDICATES, "r.env_flag is True", "True"),
    Mutant("any truthy flag", PREDICATES, "return value is True", "return bool(value)"),
    Mutant("unknown passes", PREDICATES, "return value is True", "return value is not False"),
    Mutant("any mode", PREDICATES, "r.mode is Mode.LIVE", "r.mode is not Mode.MOCK"),
    Mutant("limit may be reached", PREDICATES, "0 <= value < limit", "0 <= value <= limit"),
    Mutant("negative passes", PREDICATES, "and 0 <= value < limit", "and value < limit"),
    Mutant("NaN passes", PREDICATES, "0 <= value < limit", "not (value < 0 or value >= limit)"),
    Mutant(
        "no figure passes",
        PREDICATES,
        "return value is not None and 0 <=",
        "return value is None or 0 <=",
    ),
    Mutant("least disk may be reached", PREDICATES, "limit < value < inf", "limit <= value < inf"),
    Mutant("infinite disk", PREDICATES, "limit < value < inf", "limit < value"),
    Mutant("answers last longer", PREDICATES, "_HOURS = 48.0", "_HOURS = 49.0"),
    Mutant(
        "widest key passes", PREDICATES, "r.keys_cannot_withdraw is not False", "r.mode is not None"
    ),
    Mutant("breakers ignored", PREDICATES, "r.breakers == ()", "len(r.breakers) < 2"),
    Mutant("no pair needed", PREDICATES, "r.fresh_pairs >= 1", "r.fresh_pairs >= 0"),
    Mutant(
        "old verdict passes",
        PREDICATES,
        " and _under(r.verdict_age_cycles, 2.0)",
        "",
    ),
    Mutant(
        "one cycle less",
        PREDICATES,
        "r.dry_cycles_done >= g.dry_run_cycles",
        "r.dry_cycles_done >= g.dry_run_cycles - 1",
    ),
    Mutant("pause ignored", PREDICATES, "r.paused is False", "r.paused is not None"),
    Mutant(
        "Redis never needed",
        PREDICATES,
        "lambda r, g: not g.redis_needed or _under",
        "lambda r, g: g.redis_needed or _under",
    ),
    Mutant(
        "safety only suspends",
        PREDICATES,
        "_R.SAFETY_FAILED,\n        _L.DEMOTES",
        "_R.SAFETY_FAILED,\n        _L.SUSPENDS",
    ),
    Mutant(
        "lock only demotes",
        PREDICATES,
        "_R.LOCK_NOT_HELD,\n        _L.REVOKES",
        "_R.LOCK_NOT_HELD,\n        _L.DEMOTES",
    ),
    Mutant(
        "unknown costs as much as lost",
        PREDICATES,
        "loss = row.loss if known else Loss.SUSPENDS",
        "loss = row.loss",
    ),
    # --- authority: a latch not sticky, a touch that is none, a raise by something else
    Mutant(
        "chmod arms",
        AUTHORITY,
        "mark.ctime_ns != latch.seen.ctime_ns and mark",
        "mark.ctime_ns != latch.seen.ctime_ns or mark",
    ),
    Mutant(
        "only mtime looked at",
        AUTHORITY,
        "mark.ctime_ns != latch.seen.ctime_ns and mark.mtime_ns",
        "mark.mtime_ns",
    ),
    Mutant(
        "clocks compared",
        AUTHORITY,
        "mark.mtime_ns != latch.seen.mtime_ns",
        "mark.mtime_ns > latch.seen.mtime_ns",
    ),
    Mutant("any file arms", AUTHORITY, "return sight.stands and _is", "return _is"),
    Mutant("any file raises", AUTHORITY, "if not (ready and sight.stands):", "if not ready:"),
    Mutant(
        "raised before ready", AUTHORITY, "if not (ready and sight.stands):", "if not sight.stands:"
    ),
    Mutant("early touch waits", AUTHORITY, EARLY, "False"),
    Mutant("first sight arms", AUTHORITY, EARLY, "(causes or _from_the_future(sight))"),
    Mutant("unreadable touches", AUTHORITY, "mark is None or mark == UNSEEN", "mark is None"),
    Mutant(
        "touch under a cause arms later",
        AUTHORITY,
        EARLY,
        "_from_the_future(sight)",
    ),
    Mutant("future passes", AUTHORITY, EARLY, "causes"),
    Mutant("future ctime passes", AUTHORITY, "max(mark.ctime_ns, mark.mtime_ns)", "mark.mtime_ns"),
    Mutant(
        "spent touch forgotten", AUTHORITY, "latch.at_ns, sight.mark)", "latch.at_ns, latch.seen)"
    ),
    Mutant("spent touch not told", AUTHORITY, "used_up or authority.used_up", "authority.used_up"),
    Mutant(
        "loss not latched", AUTHORITY, "        if lost:\n", "        if lost and causes is None:\n"
    ),
    Mutant(
        "crash keeps live",
        AUTHORITY,
        "if crashed and authority.level is Level.LIVE:",
        "if crashed and authority.level is Level.HALT:",
    ),
    Mutant(
        "crash lifts a halt",
        AUTHORITY,
        "if crashed and authority.level is Level.LIVE:",
        "if crashed:",
    ),
    Mutant("any revision lifts", AUTHORITY, " or revision != authority.revision", ""),
    Mutant(
        "newer revision lifts",
        AUTHORITY,
        "revision != authority.revision",
        "revision < authority.revision",
    ),
    Mutant("lifted under a halt file", AUTHORITY, "or sight.halt_file or revision", "or revision"),
    Mutant(
        "lift is no latch",
        AUTHORITY,
        "_latched(authority, who, HALT_LIFTED, sight.at_ns, sight.mark)",
        "Authority(Level.PAPER, authority.revision + 1, authority.latch)",
    ),
    Mutant(
        "paper lifts a halt",
        AUTHORITY,
        'a halt stays a halt."""\n    if authority.level is Level.HALT:',
        'a halt stays a halt."""\n    if authority.level is None:',
    ),
    Mutant("now is forgotten", AUTHORITY, "_revised(authority, nothing_goes=True)", "authority"),
    Mutant(
        "a second halt is milder",
        AUTHORITY,
        "if authority.level is Level.HALT and (authority.nothing_goes or not now):",
        "if authority.level is Level.HALT and authority.nothing_goes and now:",
    ),
    Mutant(
        "revision stands still",
        AUTHORITY,
        "authority.level,\n        authority.revision + 1,",
        "authority.level,\n        authority.revision,",
    ),
    # --- the guard: the table, the memory, the generation
    Mutant(
        "revoked may close",
        GUARD,
        "Loss.REVOKES: (Route.PAPER, Route.NONE)",
        "Loss.REVOKES: (Route.PAPER, Route.LIVE)",
    ),
    Mutant(
        "demoted may not close",
        GUARD,
        "Loss.DEMOTES: (Route.PAPER, Route.LIVE)",
        "Loss.DEMOTES: (Route.PAPER, Route.NONE)",
    ),
    Mutant(
        "suspended still enters", GUARD, "Loss.SUSPENDS: (Route.PAPER", "Loss.SUSPENDS: (Route.LIVE"
    ),
    Mutant("paused on paper", GUARD, "Loss.PAUSES: (Route.NONE", "Loss.PAUSES: (Route.PAPER"),
    Mutant("halt on paper", GUARD, "Loss.HALTS: (Route.NONE, ", "Loss.HALTS: (Route.PAPER, "),
    Mutant("mildest entry wins", GUARD, "entries = min(", "entries = max("),
    Mutant("mildest closing wins", GUARD, "closings = min(", "closings = max("),
    Mutant(
        "never demoted at paper",
        GUARD,
        "if authority.level is not Level.LIVE:\n            #",
        "if authority.level is Level.HALT:\n            #",
    ),
    Mutant("halt now unwinds", GUARD, " and stands and not authority.nothing_goes", " and stands"),
    Mutant("revoked unwinds", GUARD, "may_move and Loss.REVOKES not in losses", "may_move"),
    Mutant(
        "closes where no file stands",
        GUARD,
        "            closings = Route.NONE\n",
        "            pass\n",
    ),
    Mutant(
        "all operators close in no halt",
        GUARD,
        "is_halted = Loss.HALTS in losses",
        "is_halted = True",
    ),
    Mutant(
        "unreconciled closing", GUARD, "not pair.reconciled or not pair.fresh", "not pair.fresh"
    ),
    Mutant("stale closing", GUARD, "not pair.reconciled or not pair.fresh", "not pair.reconciled"),
    Mutant("entry as a closing", GUARD, "if not purpose.is_closing or pair", "if pair"),
    Mutant("unreconciled entry", GUARD, "        and pair.reconciled\n", ""),
    Mutant("entry at a skewed venue", GUARD, "        and pair.clock_holds\n", ""),
    Mutant("entry at a venue that shut us out", GUARD, "        and pair.takes_orders\n", ""),
    Mutant("half a closing", GUARD, "not pair.takes_orders and purpose", "False and purpose"),
    Mutant("any closing unwinds", GUARD, "return purpose is Purpose.UNWIND and", "return"),
    Mutant("never held is lost", GUARD, "not f.holds and f.reason in memory.held", "not f.holds"),
    Mutant(
        "unknown is lost",
        GUARD,
        "if f.known and not f.holds and f.reason",
        "if not f.holds and f.reason",
    ),
    Mutant("nothing asked has held", GUARD, " - _not_asked(readiness)", ""),
    Mutant("unasked keys raise", GUARD, " and readiness.keys_cannot_withdraw is True", ""),
    Mutant("latches in every mode", GUARD, "if readiness.mode is Mode.LIVE:", "if readiness.mode:"),
    Mutant(
        "halt file needs live mode", GUARD, "elif readiness.halt_file:", "elif not readiness.mode:"
    ),
    Mutant("halt file not seen", GUARD, " or readiness.halt_file", ""),
    Mutant(
        "generation stands still", GUARD, "(1 if newly or lowered else 0)", "(1 if lowered else 0)"
    ),
    Mutant(
        "generation skips a halt", GUARD, "(1 if newly or lowered else 0)", "(1 if newly else 0)"
    ),
    Mutant(
        "every failure a loss", GUARD, "failing - memory.failing - _ENTAILED", "failing - _ENTAILED"
    ),
    Mutant(
        "what follows is a loss",
        GUARD,
        "failing - memory.failing - _ENTAILED",
        "failing - memory.failing",
    ),
    Mutant("dry run never counts", GUARD, "max(dry_left - 1, 0)", "dry_left"),
    Mutant("dry run not reset", GUARD, "and dry_left == 0 else full", "else dry_left"),
    Mutant("latch keeps the dry run", GUARD, "dry_left, broke = full, None", "broke = None"),
    Mutant("short is long", GUARD, "_SUSPENSION_NS = 30_", "_SUSPENSION_NS = 31_"),
    Mutant("short may be reached", GUARD, "mono_ns - broke < _SHORT", "mono_ns - broke <= _SHORT"),
    Mutant("backwards is short", GUARD, "0 <= mono_ns - broke", "mono_ns - broke"),
    Mutant(
        "done though broken",
        GUARD,
        " - memory.dry_left if memory.is_whole else 0",
        " - memory.dry_left",
    ),
    Mutant(
        "a pause breaks the dry run",
        GUARD,
        "{BlockReason.DRY_RUN, BlockReason.PAUSED}",
        "{BlockReason.DRY_RUN}",
    ),
    Mutant(
        "a break voids nothing",
        GUARD,
        "else memory.broke_mono_ns,\n        generation=memory.generation + 1",
        "else memory.broke_mono_ns,\n        generation=memory.generation",
    ),
    Mutant(
        "an act voids nothing",
        GUARD,
        "broke_mono_ns=None,\n        generation=memory.generation + 1",
        "broke_mono_ns=None,\n        generation=memory.generation",
    ),
    Mutant(
        "an act keeps the stretch",
        GUARD,
        "is_whole=False,\n        broke_mono_ns=None",
        "broke_mono_ns=None",
    ),
    Mutant(
        "begins with the dry run done",
        GUARD,
        "Memory(dry_left=self._rules.dry_run_cycles)",
        "Memory(dry_left=0, is_whole=True)",
    ),
    Mutant(
        "an unsafe file stands",
        GUARD,
        "confirm_file is True and readiness.confirm_file_safe is True,\n        halt",
        "confirm_file is True,\n        halt",
    ),
    # --- the gate's last question
    Mutant("generation not compared", GATE, "order.generation != memory.generation or ", ""),
    Mutant(
        "older generations pass",
        GATE,
        "order.generation != memory.generation",
        "order.generation > memory.generation",
    ),
    Mutant("halting not asked", GATE, "if self._is_halting:", "if self._is_halting and False:"),
    Mutant(
        "closings pass the gate as entries",
        GATE,
        "if order.is_closing:",
        "if not order.is_closing:",
    ),
    Mutant(
        "any verdict will do",
        GATE,
        "        if may_leave:\n",
        "        if may_leave or verdict.blocks:\n",
    ),
    Mutant("blocked without a reason", GATE, " or PAIR_NOT_READY", ""),
    Mutant(
        "keeper not heard",
        GATE,
        "self._keeper.why_not(order)\n            )\n            if reason:",
        "self._keeper.why_not(order)\n            )\n            if not reason:",
    ),
    Mutant(
        "no keeper, no question",
        GATE,
        "BlockReason.MODE_NOT_LIVE if self._keeper is None",
        '"" if self._keeper is None',
    ),
    Mutant(
        "a leg goes without the other",
        GATE,
        "                self._release(live[:place])\n                return reason",
        '                self._release(live[:place])\n                return ""',
    ),
    Mutant(
        "what was prepared stays taken",
        GATE,
        "            if reason:\n                self._release(live)\n",
        "            if reason:\n",
    ),
    Mutant("an old signal passes", GATE, "if not all(0 <= now", "if not any(0 <= now"),
    Mutant("a signal of tomorrow passes", GATE, "all(0 <= now - order", "all(now - order"),
    Mutant("open though shut", GATE, "if self._is_shut:", "if self._is_shut and False:"),
    Mutant(
        "live filled on paper", GATE, "order for order in group if not _is_live(order)", "*group"
    ),
)
"""Every defect tried."""


class Caught(NamedTuple):
    """What became of a defect; ``by`` is empty where nothing noticed it."""

    mutant: Mutant
    by: str


def inject(tree: Path, mutant: Mutant) -> str:
    """Put the defect into a copy of the tree; returns the text that was there.

    Raises LookupError when the text is not there exactly once.
    """
    path = tree / mutant.file
    text = path.read_text()
    if text.count(mutant.old) != 1:
        found = text.count(mutant.old)
        raise LookupError(f"{mutant.name}: {found} times in {mutant.file}: {mutant.old!r}")
    path.write_text(text.replace(mutant.old, mutant.new))
    return text


def copy_tree(target: Path) -> None:
    """What the tests need of this tree, without caches and state."""
    for name in ("trader", "tests"):
        unwanted = shutil.ignore_patterns("__pycache__", "data", "bench", "acceptance", "fault")
        shutil.copytree(ROOT / name, target / name, ignore=unwanted)
    shutil.copy(ROOT / "pyproject.toml", target)


def failing_suite(tree: Path, suites: tuple[str, ...]) -> str:
    """The first suite that fails in this tree; empty when all pass."""
    environment = dict(os.environ, GATE_SCALE=SCALE, HYPOTHESIS_PROFILE="quick")
    # A stale cache would hide a defect of the same length written within the same second.
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    for suite in suites:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*command, *SUITES[suite]],
            cwd=tree,
            env=environment,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        if done.returncode not in (0, 1, 2):
            raise RuntimeError(f"{suite} did not run: {done.stdout.decode()[-2000:]}")
        if done.returncode:
            return suite
    return ""


def suites_for(mutant: Mutant) -> tuple[str, ...]:
    """Which tests a defect may be caught by, the likeliest first."""
    if mutant.file == GATE:
        return ("keeper", "gate")
    return {
        AUTHORITY: ("authority", "space"),
        PREDICATES: ("guard", "space"),
        GUARD: ("space", "guard"),
    }[mutant.file]


def try_all(mutants: tuple[Mutant, ...], workers: int) -> list[Caught]:
    """Inject each by itself, run the tests, take it out again.

    Raises RuntimeError when the tests fail without any defect: they would then catch anything.
    """

    def take(share: tuple[Mutant, ...]) -> list[Caught]:
        with tempfile.TemporaryDirectory(prefix="gate-mutants-") as directory:
            tree = Path(directory)
            copy_tree(tree)
            suites = {suite for mutant in share for suite in suites_for(mutant)}
            if failing := failing_suite(tree, tuple(sorted(suites))):
                raise RuntimeError(f"{failing} fails without a defect")
            found = []
            for mutant in share:
                text = inject(tree, mutant)
                found.append(Caught(mutant, failing_suite(tree, suites_for(mutant))))
                (tree / mutant.file).write_text(text)
            return found

    shares = [mutants[number::workers] for number in range(workers)]
    with ThreadPoolExecutor(workers) as pool:
        return [caught for share in pool.map(take, shares) for caught in share]


def some(share: int, seed: int = 20) -> tuple[Mutant, ...]:
    """A seeded choice of one in ``share``."""
    return tuple(random.Random(seed).sample(MUTANTS, max(1, len(MUTANTS) // share)))


def main() -> int:
    """Try the defects and print a table; 1 when one was missed."""
    parser = argparse.ArgumentParser(description="Show that each defect of the gate is caught.")
    parser.add_argument("--share", type=int, default=1, help="one in this many, seeded")
    parser.add_argument("--workers", type=int, default=min(4, os.cpu_count() or 1))
    arguments = parser.parse_args()
    chosen = MUTANTS if arguments.share == 1 else some(arguments.share)
    began = time.monotonic()
    found = try_all(chosen, arguments.workers)
    width = max(len(caught.mutant.name) for caught in found)
    for caught in sorted(found, key=lambda one: MUTANTS.index(one.mutant)):
        file = Path(caught.mutant.file).name
        sys.stdout.write(f"{caught.mutant.name:{width}}  {file:14}  {caught.by or 'MISSED'}\n")
    missed = sum(not caught.by for caught in found)
    seconds = time.monotonic() - began
    sys.stdout.write(f"{len(found)} defects, {missed} missed, {seconds:.0f} s\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
