"""The spread now, direction by direction, and how it went since this process started."""

import asyncio
from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from math import isfinite, nan

from trader.app.answers.standing import ledgers_of, transfer
from trader.app.prospects import Prospects, break_even_pct, trades_left
from trader.domain.answers import ChartLine, SpreadLine
from trader.domain.events import CycleTicked, Event
from trader.domain.instrument import InstrumentId
from trader.domain.order import LedgerName, PairName, Proposal
from trader.engine.engine import Outcome
from trader.engine.state import State
from trader.execution.digest import thinned

SAMPLE_EVERY_NS = 10_000_000_000
MAX_SAMPLES = 8_640
"""A day of samples; in simulated time, where cycles are far apart, more than that."""
MAX_POINTS = 480

_Sample = tuple[int, tuple[float, ...]]


class Spreads:
    """Answers by the strategy's own evidence. As a listener it keeps a sample every ten seconds.

    A sample is taken with a cycle of the control loop, never on a quote.
    """

    def __init__(self, state: State, prospects: Prospects, min_profit_pct: Decimal) -> None:
        self._state = state
        self._prospects = prospects
        self._min_profit_pct = min_profit_pct
        self._samples: deque[_Sample] = deque(maxlen=MAX_SAMPLES)
        self._next_mono_ns = 0

    @property
    def pairs(self) -> tuple[PairName, ...]:
        """The pairs that can be asked for."""
        return tuple(dict.fromkeys(pair for pair, _, _, _ in self._prospects.directions))

    @property
    def since_ns(self) -> int:
        """When the oldest sample was taken (UTC); 0 before any."""
        return self._samples[0][0] if self._samples else 0

    def __call__(self, event: Event, _outcome: Outcome) -> None:
        """Take a sample with a cycle, once it is due."""
        if type(event) is not CycleTicked or event.mono_ns < self._next_mono_ns:
            return
        self._next_mono_ns = event.mono_ns + SAMPLE_EVERY_NS
        seen = tuple(
            _spread_of(self._opening(pair, direction, (sold, bought)))
            for pair, direction, sold, bought in self._prospects.directions
        )
        self._samples.append((self._state.now_ns, seen))

    async def lines(self, pair: str) -> tuple[SpreadLine, ...]:
        """Every direction of ``pair``, or of all; the loop goes on between two of them."""
        found = []
        for known, direction, sold, bought in self._prospects.directions:
            if pair in ("", known):
                found.append(self.line(known, direction, (sold, bought)))
                await asyncio.sleep(0)
        return tuple(found)

    def line(
        self, pair: PairName, direction: str, legs: tuple[InstrumentId, InstrumentId]
    ) -> SpreadLine:
        """One direction as it is now."""
        state, route = self._state, (ledgers_of(self._state)[0].name, pair, direction)
        proposal = self._prospects.opening(state, pair, direction)
        evidence = None if proposal is None else proposal.evidence
        left = None
        if proposal is not None and state.ledgers[route[0]].balances:
            left = trades_left(state, route[0], proposal)
        empty, rests = state.empty.get(route), state.rests.get(route, 0)
        return SpreadLine(
            pair=pair,
            direction=direction,
            spread_pct=None if evidence is None else evidence.spread_pct,
            costs_pct=None if evidence is None else evidence.spread_pct - evidence.expected_net_pct,
            net_pct=None if evidence is None else evidence.expected_net_pct,
            needed_pct=None if evidence is None else break_even_pct(evidence, self._min_profit_pct),
            trades_left=left,
            age_ms=self._age_ms(pair, legs),
            fault=self._fault(proposal, left, pair, legs) or self._unexplained(route[0], legs),
            transfer=None if empty is None else transfer(empty),
            rests_until_ns=rests if rests > state.now_ns else 0,
        )

    def curves(self, since_ns: int) -> Iterator[ChartLine]:
        """The samples from ``since_ns`` (UTC) on, a curve for each direction."""
        for place, (pair, direction, _, _) in enumerate(self._prospects.directions):
            points = [
                (at_ns, seen[place])
                for at_ns, seen in self._samples
                if at_ns >= since_ns and isfinite(seen[place])
            ]
            kept = thinned(points, MAX_POINTS)
            yield ChartLine(
                f"{pair} {direction}",
                tuple(at_ns for at_ns, _ in kept),
                tuple(value for _, value in kept),
            )

    def needed(self) -> Iterator[tuple[str, float]]:
        """The spread that each direction must exceed now, where that is known."""
        for pair, direction, sold, bought in self._prospects.directions:
            proposal = self._opening(pair, direction, (sold, bought))
            if proposal is not None and proposal.evidence is not None:
                needed = break_even_pct(proposal.evidence, self._min_profit_pct)
                yield f"{pair} {direction}", float(needed)

    def _opening(
        self, pair: PairName, direction: str, legs: tuple[InstrumentId, InstrumentId]
    ) -> Proposal | None:
        """What the direction would open, unless a book is stale: that shows no spread of today."""
        if not all(self._state.is_fresh(book) for book in self._books(pair, legs)):
            return None
        return self._prospects.opening(self._state, pair, direction)

    def _books(
        self, pair: PairName, legs: tuple[InstrumentId, InstrumentId]
    ) -> tuple[InstrumentId, ...]:
        for known in self._state.rules.strategy.pairs:
            if known.name == pair:
                return self._state.books_of(known)
        # A user's own strategy may name pairs as it likes.
        return legs

    def _age_ms(self, pair: PairName, legs: tuple[InstrumentId, InstrumentId]) -> float | None:
        state = self._state
        ages = [state.market.age_ms(one, state.now_mono_ns) for one in self._books(pair, legs)]
        known = [age for age in ages if age is not None]
        return max(known) if len(known) == len(ages) else None

    def _fault(
        self,
        proposal: Proposal | None,
        left: int | None,
        pair: PairName,
        legs: tuple[InstrumentId, InstrumentId],
    ) -> str:
        if proposal is None:
            return "no_price"
        if not all(self._state.is_fresh(book) for book in self._books(pair, legs)):
            return "stale"
        return "no_balance" if left is None else ""

    def _unexplained(self, ledger: LedgerName, legs: tuple[InstrumentId, InstrumentId]) -> str:
        """Live entries rest where a balance that they need is missed."""
        is_live = ledger is LedgerName.LIVE
        return "unexplained" if is_live and self._state.discrepancies.concern(legs) else ""


def _spread_of(proposal: Proposal | None) -> float:
    if proposal is None or proposal.evidence is None:
        return nan
    return float(proposal.evidence.spread_pct)
