"""What Upbit and Bithumb tell an account of a market, and what both tell of wallets."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from trader.domain.instrument import (
    Asset,
    FeeIn,
    FeeSchedule,
    Instrument,
    InstrumentId,
    TickBand,
    split_id,
)
from trader.execution.korean_orders import amount

LOT = Decimal("0.00000001")
"""Eight decimals: neither venue states a lot, and both take these."""
PUBLISHED_MINIMUM_KRW = Decimal(5_000)
"""What both publish; the binding value is told to an account only."""

_PERCENT = Decimal(100)
_NEEDED_KIND = "limit_ioc"


class ChanceSide(Struct, frozen=True):
    """One side's limits of a market."""

    min_total: Decimal | None = None
    price_unit: Decimal | None = None


class ChanceMarket(Struct, frozen=True):
    """The market in an answer about the chances of an order."""

    bid: ChanceSide = ChanceSide()
    ask: ChanceSide = ChanceSide()
    state: str | None = None
    bid_types: list[str] | None = None
    ask_types: list[str] | None = None


class Chance(Struct, frozen=True):
    """What an account may do in a market, and at what cost (a share of one)."""

    bid_fee: Decimal
    ask_fee: Decimal
    market: ChanceMarket = ChanceMarket()

    @property
    def taker_pct(self) -> Decimal:
        """The dearer side's fee in percent."""
        return max(amount(self.bid_fee), amount(self.ask_fee)) * _PERCENT

    @property
    def min_notional(self) -> Decimal:
        """The larger of both sides' minimums, in the quote asset; the published one if untold."""
        told = max(amount(self.market.bid.min_total), amount(self.market.ask.min_total))
        return told or PUBLISHED_MINIMUM_KRW

    def check(self) -> None:
        """Look at every number once, so that whoever uses one meets none that is none.

        Raises:
            ValueError: one is no amount.
        """
        for side in (self.market.bid, self.market.ask):
            amount(side.min_total)
            amount(side.price_unit)

    @property
    def is_open(self) -> bool:
        """Whether the venue says nothing against trading this market now."""
        return self.market.state in (None, "active")

    @property
    def takes_immediate(self) -> bool:
        """Whether both sides take limit orders that cannot rest, where the venue lists them."""
        kinds = (self.market.bid_types, self.market.ask_types)
        return all(not names or _NEEDED_KIND in names for names in kinds)


class WalletState(Struct, frozen=True):
    """Whether an asset may be moved over one network."""

    currency: str
    wallet_state: str


def closed_wallets(states: Sequence[WalletState]) -> frozenset[Asset]:
    """Assets that can be moved over no network both ways."""
    told = {Asset(state.currency) for state in states}
    return frozenset(told - {Asset(s.currency) for s in states if s.wallet_state == "working"})


def instrument_of(
    name: InstrumentId,
    bands: tuple[TickBand, ...],
    fees: FeeSchedule,
    chance: Chance | None,
    *,
    tradable: bool,
    halted: bool = False,
) -> Instrument:
    """The instrument with what the venue told of it."""
    venue, base, quote = split_id(name)
    halted = halted or not (chance is None or chance.is_open)
    return Instrument(
        id=name,
        venue=venue,
        base=base,
        quote=quote,
        bands=bands,
        lot=LOT,
        min_notional=PUBLISHED_MINIMUM_KRW if chance is None else chance.min_notional,
        fees=fees,
        tradable=tradable and not halted,
        halted=halted,
    )


def fees_of(
    names: Sequence[InstrumentId], chances: Mapping[InstrumentId, Chance], fallback_pct: Decimal
) -> dict[InstrumentId, FeeSchedule]:
    """What each instrument costs: as told, or as configured. Both venues take it in won."""
    return {
        name: FeeSchedule(chances[name].taker_pct if name in chances else fallback_pct, FeeIn.QUOTE)
        for name in names
    }
