"""Bithumb's own rules for the known instruments: ticks, minimums, fees, and whether they trade."""

from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from trader.domain.errors import OutcomeUnknown, VenueError
from trader.domain.instrument import Instrument, InstrumentId, TickBand, split_id
from trader.execution.bithumb_limits import PUBLIC
from trader.execution.korean_account import KoreanAccount
from trader.execution.korean_errors import NOT_OURS_TO_READ
from trader.execution.korean_orders import amount, ns_of
from trader.execution.korean_rules import Chance, fees_of, instrument_of

BITHUMB_BANDS: tuple[TickBand, ...] = tuple(
    TickBand(Decimal(from_price), Decimal(tick))
    for from_price, tick in (
        ("0", "0.0001"),
        ("1", "0.001"),
        ("10", "0.01"),
        ("100", "1"),
        ("5000", "5"),
        ("10000", "10"),
        ("50000", "50"),
        ("100000", "100"),
        ("500000", "500"),
        ("1000000", "1000"),
    )
)
"""The published ticks of won markets; what an account is told of a market comes first."""

_CAUTION_FREE = "NONE"


class _Market(Struct):
    market: str
    market_warning: str = _CAUTION_FREE


class _Alert(Struct):
    """A warning for a while; its end is in Korean time."""

    market: str
    end_date: str = ""


class _Price(Struct):
    market: str
    trade_price: Decimal


class BithumbRules:
    """Asks for them."""

    def __init__(self, account: KoreanAccount, fee_pct: Decimal) -> None:
        self._account = account
        self._fee_pct = fee_pct
        self._alerts: list[_Alert] = []

    async def instruments(self) -> tuple[Instrument, ...]:
        """Those the venue lists; one it no longer lists is left out."""
        account, symbols = self._account, self._account.symbols
        request = account.requests.public("/v1/market/all", (("isDetails", "true"),), PUBLIC)
        markets = {row.market: row for row in await account.fetch(request, list[_Market])}
        listed = [name for name in symbols.instruments if symbols.name(name) in markets]
        chances = await account.chances(listed)
        prices = await self._prices(listed) if chances else {}
        alerted = await self._alerted()
        closed = await account.closed_wallets()
        fees = fees_of(listed, chances, self._fee_pct)
        found = []
        for name in listed:
            symbol, chance = symbols.name(name), chances.get(name)
            tradable = (
                markets[symbol].market_warning == _CAUTION_FREE
                and symbol not in alerted
                and split_id(name)[1] not in closed
            )
            bands = bands_of(prices.get(symbol), chance)
            found.append(instrument_of(name, bands, fees[name], chance, tradable=tradable))
        return tuple(found)

    async def _prices(self, listed: Sequence[InstrumentId]) -> dict[str, Decimal]:
        """Last prices, to know which band an account was told the tick of."""
        account = self._account
        markets = ",".join(account.symbols.name(name) for name in listed)
        request = account.requests.public("/v1/ticker", (("markets", markets),), PUBLIC)
        rows = await account.fetch(request, list[_Price])
        try:
            return {row.market: amount(row.trade_price) for row in rows}
        except NOT_OURS_TO_READ as error:
            raise OutcomeUnknown(f"a price that does not read: {error}") from None

    async def _alerted(self) -> frozenset[str]:
        """Markets under a warning that has not ended; by the last answer where none comes."""
        account = self._account
        request = account.requests.public("/v1/market/virtual_asset_warning", (), PUBLIC)
        # The caution of the market itself is known; this one only adds to it.
        with suppress(VenueError):
            self._alerts = await account.fetch(request, list[_Alert])
        now_ns = account.now().at_ns
        return frozenset(
            alert.market
            for alert in self._alerts
            if (ends_ns := ns_of(alert.end_date)) is None or ends_ns > now_ns
        )


def bands_of(price: Decimal | None, chance: Chance | None) -> tuple[TickBand, ...]:
    """The published ticks, corrected at ``price`` by the one an account was told.

    The coarser of two that differ: a price on its grid lies on the finer one too.
    """
    told = [] if chance is None else [chance.market.bid.price_unit, chance.market.ask.price_unit]
    unit = max((amount(unit) for unit in told), default=Decimal(0))
    if price is None or not unit:
        return BITHUMB_BANDS
    place = max(at for at, band in enumerate(BITHUMB_BANDS) if band.from_price <= price)
    band = BITHUMB_BANDS[place]
    if unit <= band.tick:
        return BITHUMB_BANDS
    bands = list(BITHUMB_BANDS)
    bands[place] = replace(band, tick=unit)
    return tuple(bands)
