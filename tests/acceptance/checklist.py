"""A test file as a plain script: every item in words, a mark beside it, exit 0 when all hold."""

import sys
import traceback
from collections.abc import Callable, Sequence

Item = tuple[str, Callable[[], None]]
"""What is checked, in words, and the check; it raises AssertionError where it does not hold."""


def go_through(title: str, items: Sequence[Item]) -> int:
    """Check every item, say what came of each, and return the exit code."""
    say = sys.stdout.write
    say(f"{title}\n")
    failed = 0
    for words, check in items:
        try:
            check()
        except AssertionError:
            failed += 1
            say(f"❌ {words}\n")
            traceback.print_exc()
        else:
            say(f"✅ {words}\n")
    say(f"{len(items) - failed} of {len(items)} hold\n")
    return 1 if failed else 0
