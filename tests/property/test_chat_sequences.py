"""Any order of what a chat may say, against the real engine: LIVE is the host's, a halt stays.

Updates come as Telegram writes them and go through access, lane, controls and hatch; see
``tests.support.chat_sequences`` for what happens and ``chat_watch`` for what must hold. How many
sequences are tried is set by ``CHAT_SEQUENCES``; by hand:
``python -m tests.property.test_chat_sequences --sequences 10000 --seed 1``.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.chat_ground import some_ground
from tests.support.chat_sequences import Plan, fault_of, plan_of, play, shortened

SEQUENCES = int(os.environ.get("CHAT_SEQUENCES", "200"))
SEEN = (
    "raised to LIVE",
    "halts lifted",
    "halt did",
    "pause did",
    "paper did",
    "late did",
    "outdated",
    "offered",
    "Resume did",
    "LiftHalt did",
    "Flatten did",
    "CloseTrade did",
    "confirmed in vain",
    "answered",
)
"""What a hundred sequences or more lead to, so that finding nothing means something."""


class Found(AssertionError):
    """A sequence that led to what must not be, made as short as it goes."""

    def __init__(self, seed: int, fault: str, plan: Plan, trail: list[str]) -> None:
        lines = "\n  ".join(trail)
        super().__init__(f"sequence {seed}: {fault}\nsteps {plan}\n  {lines}")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nothing of what is refused by design is logged: it would be most of the output."""
    logger = logging.getLogger("bot")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


async def play_all(seed: int, sequences: int) -> Counter[str]:
    """Play so many sequences from this seed on; what was seen.

    Raises:
        Found: one of them led to what must not be.
    """
    counts: Counter[str] = Counter()
    with some_ground() as ground, quiet():
        for one in range(seed, seed + sequences):
            plan = plan_of(one)
            try:
                counts += await play(ground, plan)
            except AssertionError as error:
                plan = await shortened(ground, plan)
                _, trail = await fault_of(ground, plan)
                raise Found(one, str(error), plan, trail) from error
    return counts


@pytest.mark.slow
def test_whatever_is_said_live_is_the_hosts_and_a_halt_stays() -> None:
    """And the sequences led everywhere."""
    counts = asyncio.run(play_all(1, SEQUENCES))

    assert [one for one in SEEN if not counts[one]] == [], counts


def main() -> int:
    """Play as many as asked, say what was seen, and 1 where something must not have been."""
    parser = argparse.ArgumentParser(description="random sequences of what a chat may say")
    parser.add_argument("--sequences", type=int, default=SEQUENCES)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    began = time.perf_counter()
    try:
        counts = asyncio.run(play_all(asked.seed, asked.sequences))
    except Found as found:
        sys.stdout.write(f"{found}\n")
        return 1
    took_s = time.perf_counter() - began
    sys.stdout.write(f"{asked.sequences} sequences in {took_s:.1f} s: {dict(counts)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
