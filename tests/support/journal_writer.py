"""A process that commits to a journal until it is killed, and says after each commit which it was.

Run as ``python -m tests.support.journal_writer PATH``. It goes on where the journal ends.
"""

import sys
from itertools import count
from pathlib import Path

from tests.support.facts import a_booking, an_approval
from trader.domain.facts import OrdersApproved
from trader.execution.journal import Journal


def write_for_ever(path: Path) -> None:
    """Commit an approval of two legs and a fill of each, number after number."""
    journal = Journal.open(path)
    done = sum(isinstance(fact, OrdersApproved) for fact in journal.replay())
    for number in count(done + 1):
        trade = f"t-{number}"
        fills = [a_booking(f"k-{number}-{leg}", trade=trade) for leg in ("a", "b")]
        with journal.transaction() as tx:
            journal.append(tx, [an_approval(number), *fills])
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    write_for_ever(Path(sys.argv[1]))
