"""What makes a book unsound, written for clarity and independently of what runs."""

from itertools import pairwise
from math import isfinite

from trader.domain.market import BookFlaw, Level

Side = tuple[Level, ...]


def is_sound(bids: Side, asks: Side) -> bool:
    """Both sides there, all finite and above zero, sorted, and the bid below the ask."""
    levels = (*bids, *asks)
    return (
        bool(bids and asks)
        and all(isfinite(x) and x > 0 for level in levels for x in level)
        and all(better[0] >= worse[0] for better, worse in pairwise(bids))
        and all(better[0] <= worse[0] for better, worse in pairwise(asks))
        and bids[0][0] < asks[0][0]
    )


def first_flaw(bids: Side, asks: Side) -> BookFlaw | None:
    """Sides missing, then how their best prices stand, then the levels: bids first, best first."""
    if not bids or not asks:
        return BookFlaw.ONE_SIDED
    if bids[0][0] == asks[0][0]:
        return BookFlaw.LOCKED
    if bids[0][0] > asks[0][0]:
        return BookFlaw.CROSSED
    for side, sign in ((bids, -1), (asks, 1)):
        for at, level in enumerate(side):
            if not all(isfinite(number) and number > 0 for number in level):
                return BookFlaw.NOT_A_NUMBER
            if at and sign * level[0] < sign * side[at - 1][0]:
                return BookFlaw.UNSORTED
    return None


def laid_over(best: Level, side: Side, *, falling: bool) -> Side:
    """``best``, then what stands on ``side`` from the first level on that is worse; () without."""
    if best[0] == 0:
        return ()
    for at, (price, _) in enumerate(side):
        if (price < best[0]) if falling else (price > best[0]):
            return (best, *side[at:])
    return (best,)
