"""Prospects: trades left per direction, and the spread at which each of them breaks even.

Nothing is computed here that the engine does not compute itself: the strategy says what one trade
would be and cost, and the measuring of the pre-trade checks says whether the ledger covers it.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from msgspec.structs import replace

from trader.app.strategies import load_strategy
from trader.config import Settings
from trader.domain.control import Mode
from trader.domain.facts import Fact, OrdersApproved, RefusalBegan
from trader.domain.instrument import Instrument, InstrumentId
from trader.domain.market import MarketView, OrderBook
from trader.domain.order import Evidence, LedgerName, PairName, Proposal
from trader.engine.state import State
from trader.portfolio.stoploss import StopLoss
from trader.risk.measure import measure_entry

MOST_TRADES = 9_999
"""Trades left are counted up to here; more is as good as any number."""
# Below any spread there is: with it the strategy states every trade, worth it or not.
_ANY_PROFIT_PCT = Decimal(-1_000_000)
_ENDLESS = 1e12
# So long ago that no book with this stamp is ever taken for fresh.
_LONG_AGO_NS = -(10**18)


class Prospects:
    """Answers for one engine; its own copy of the strategy never meets the one that trades."""

    def __init__(self, settings: Settings, instruments: Mapping[InstrumentId, Instrument]) -> None:
        """Construct the strategy once more, with a bound no trade fails.

        Raises:
            ConfigError: the strategy cannot be constructed.
        """
        self._settings = settings
        section = settings.strategy.model_copy(update={"min_profit_pct": _ANY_PROFIT_PCT})
        asked = settings.model_copy(update={"strategy": section})
        self._strategy = load_strategy(asked, instruments)
        self._known = dict(instruments)
        self._flat = _flat_market(settings, instruments)

    @property
    def directions(self) -> Sequence[tuple[PairName, str, InstrumentId, InstrumentId]]:
        """Every (pair, direction, sold instrument, bought instrument) of the strategy."""
        return self._strategy.directions

    def opening(self, state: State, pair: PairName, direction: str) -> Proposal | None:
        """The trade this direction would be at the engine's books, whatever it is worth; None
        without prices.
        """
        self._take_over(state)
        return self._proposal(state.market, pair, direction)

    def figures(self, state: State, *, prices: str = "live", at_ns: int = 0) -> dict[str, object]:
        """Every direction at the engine's books: trades left, break-even in percent.

        ``prices`` says where the books come from: ``live``, ``journal`` (best prices only, so that
        slippage is not known) or ``none``; ``at_ns`` is when they were (UTC).
        """
        mode = self._settings.mode.current
        name = LedgerName.LIVE if mode is Mode.LIVE else LedgerName.PAPER
        self._take_over(state)
        return {
            "ledger": name.value,
            "prices": prices,
            "at_ns": at_ns or state.now_ns,
            "size_krw": str(self._settings.strategy.position_size_krw),
            "directions": [
                {
                    "pair": pair,
                    "direction": direction,
                    **self._left(state, name, pair, direction),
                    **self._break_even(state, pair, direction, walked=prices == "live"),
                }
                for pair, direction, _, _ in self._strategy.directions
            ],
        }

    def _take_over(self, state: State) -> None:
        """Know the rules and fees that the engine knows."""
        for name, instrument in state.instruments.items():
            if self._known.get(name) is not instrument:
                self._known[name] = instrument
                self._strategy.revise(instrument)

    def _left(
        self, state: State, name: LedgerName, pair: PairName, direction: str
    ) -> dict[str, object]:
        """How many more trades of the configured size the ledger covers, or what that waits for."""
        if not state.ledgers[name].balances:
            return {"left": None, "why": f"needs the {name.value} ledger's balances"}
        proposal = self._proposal(state.market, pair, direction)
        if proposal is None:
            return {"left": None, "why": "needs prices"}
        left = trades_left(state, name, proposal)
        empty = state.empty.get((name, pair, direction))
        if left or empty is None:
            return {"left": left, "why": ""}
        return {
            "left": 0,
            "why": f"move {empty.amount} {empty.asset} from {empty.from_venue} to {empty.to_venue}",
        }

    def _break_even(
        self, state: State, pair: PairName, direction: str, *, walked: bool
    ) -> dict[str, object]:
        """What the opening spread must exceed for a signal, and what that is made of, in percent.

        Without books deep enough to walk slippage is not known, and comes on top.
        """
        real = self._proposal(state.market, pair, direction) if walked else None
        proposal = real or self._proposal(self._flat, pair, direction)
        evidence = None if proposal is None else proposal.evidence
        if evidence is None:
            return {"needed_pct": None}
        wanted = self._settings.strategy.min_profit_pct
        return {
            "needed_pct": str(break_even_pct(evidence, wanted)),
            "fees_pct": str(evidence.fees_pct),
            "exit_pct": str(self._settings.strategy.exit_spread_pct),
            "min_profit_pct": str(wanted),
            "slippage_pct": None if real is None else str(evidence.slippage_pct),
            "spread_pct": None if real is None else str(evidence.spread_pct),
        }

    def _proposal(self, market: MarketView, pair: PairName, direction: str) -> Proposal | None:
        """The trade this direction would be at these books, whatever it is worth."""
        for known_pair, known, sold, _ in self._strategy.directions:
            if (known_pair, known) == (pair, direction):
                return self._strategy.propose(
                    sold, market, LedgerName.PAPER, lambda p, d: (p, d) == (pair, direction)
                )
        return None


def break_even_pct(evidence: Evidence, min_profit_pct: Decimal) -> Decimal:
    """The opening spread above which a strategy's expected net profit is above ``min_profit_pct``.

    By the strategy's own figures: all that its expectation takes off the spread, and the profit.
    """
    return evidence.spread_pct - evidence.expected_net_pct + min_profit_pct


def trades_left(state: State, name: LedgerName, one: Proposal) -> int:
    """How many trades like this the ledger covers at once, with what all need to close.

    Asked of the checks' own measuring, with orders that many times as large.
    """
    account = state.account(state.ledgers[name])
    stop_pct = StopLoss(state.rules.stop, state.instruments).distance_pct(one.pair)

    def covers(number: int) -> bool:
        larger = tuple(replace(i, quantity=i.quantity * number) for i in one.intents)
        measured = measure_entry(
            replace(one, intents=larger),
            account,
            state.instruments,
            state.market,
            stop_pct,
            state.now_mono_ns,
        )
        short = (*measured.balance_short, *measured.stop_reserve_short)
        return bool(short) and all(reading is not None and reading.value == 0 for reading in short)

    least, beyond = 0, MOST_TRADES + 1
    while beyond - least > 1:
        middle = (least + beyond) // 2
        least, beyond = (middle, beyond) if covers(middle) else (least, middle)
    return least


def last_known_books(facts: Iterable[Fact]) -> tuple[dict[InstrumentId, OrderBook], int]:
    """The newest best prices that decisions were made on, and when the newest was (UTC; 0: none).

    Only prices were journaled, so the books have one endless level, and are never fresh.
    """
    books: dict[InstrumentId, OrderBook] = {}
    at_ns = 0
    for fact in facts:
        if isinstance(fact, OrdersApproved | RefusalBegan):
            at_ns = fact.decision.at_ns
            for quote in fact.decision.quotes:
                books[quote.instrument] = _book(quote.instrument, quote.bid, quote.ask, at_ns)
    return books, at_ns


def _flat_market(settings: Settings, instruments: Mapping[InstrumentId, Instrument]) -> MarketView:
    """Endless books at a price of one, on which a trade has fees and no slippage."""
    dollar = settings.strategy.usdt_krw
    market = MarketView(None if dollar is None else InstrumentId(dollar))
    for instrument in instruments:
        market.update(_book(instrument, 1.0, 1.0001, 0))
    return market


def _book(instrument: InstrumentId, bid: float, ask: float, at_ns: int) -> OrderBook:
    return OrderBook(instrument, ((bid, _ENDLESS),), ((ask, _ENDLESS),), at_ns, _LONG_AGO_NS)
