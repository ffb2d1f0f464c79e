"""The trading rules of a Binance symbol: saying them in ``exchangeInfo``, holding orders to them.

The numbers of a symbol come from the exchange's instrument; the rest are Binance's usual ones.
"""

from decimal import Decimal

from trader.domain.instrument import Instrument
from trader.sim import binance_errors as errors
from trader.sim.model import Listing, MarketStatus

DIGITS = 8
"""Decimals of every asset's amounts and of every symbol's quote amounts."""
MAX_PRICE = Decimal("1000000.00")
MAX_QUANTITY = Decimal(90_000)
MAX_OPEN_ORDERS = 200
PERCENT_UP, PERCENT_DOWN = Decimal(5), Decimal("0.2")
ORDER_TYPES = ("LIMIT", "LIMIT_MAKER", "MARKET")
STP_MODES = ("EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH")
DEFAULT_STP = "EXPIRE_MAKER"
_STATUS = {
    MarketStatus.TRADING: "TRADING",
    MarketStatus.HALTED: "BREAK",
    MarketStatus.CANCEL_ONLY: "CANCEL_ONLY",
}


def text(value: Decimal) -> str:
    """An amount as Binance writes it: a string with eight decimals."""
    return f"{value:.{DIGITS}f}"


def check_price(instrument: Instrument, price: Decimal, reference: Decimal) -> None:
    """Whether a limit price may be asked for, with the market at ``reference``.

    Raises:
        BinanceRefusal: -1111 too many digits, -1013 off the tick, out of range or too far away.
    """
    _check_digits("price", price)
    tick = _tick(instrument)
    if not tick <= price <= MAX_PRICE or price % tick != 0:
        raise errors.filter_failure("PRICE_FILTER")
    # Binance states one pair of factors for bids and one for asks; here they are equal.
    if not reference * PERCENT_DOWN <= price <= reference * PERCENT_UP:
        raise errors.filter_failure("PERCENT_PRICE_BY_SIDE")


def check_quantity(instrument: Instrument, quantity: Decimal) -> None:
    """Whether this much may be ordered.

    Raises:
        BinanceRefusal: -1111 too many digits, -1013 off the lot or out of range.
    """
    _check_digits("quantity", quantity)
    if not instrument.lot <= quantity <= MAX_QUANTITY or quantity % instrument.lot != 0:
        raise errors.filter_failure("LOT_SIZE")


def check_notional(listing: Listing, notional: Decimal, *, is_market: bool) -> None:
    """Whether the order's value (quote asset) is neither too small nor too large.

    Raises:
        BinanceRefusal: -1013.
    """
    too_large = notional > listing.max_notional and not is_market
    if notional < listing.instrument.min_notional or too_large:
        raise errors.filter_failure("NOTIONAL")


def check_open_orders(already: int) -> None:
    """Whether one more order may rest.

    Raises:
        BinanceRefusal: -1013.
    """
    if already >= MAX_OPEN_ORDERS:
        raise errors.filter_failure("MAX_NUM_ORDERS")


def describe(listing: Listing) -> dict[str, object]:
    """The symbol's entry in ``exchangeInfo``."""
    instrument = listing.instrument
    return {
        "symbol": listing.symbol,
        "status": _STATUS[listing.status],
        "baseAsset": instrument.base,
        "baseAssetPrecision": DIGITS,
        "quoteAsset": instrument.quote,
        "quotePrecision": DIGITS,
        "quoteAssetPrecision": DIGITS,
        "baseCommissionPrecision": DIGITS,
        "quoteCommissionPrecision": DIGITS,
        "orderTypes": list(ORDER_TYPES),
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "amendAllowed": False,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(listing),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": DEFAULT_STP,
        "allowedSelfTradePreventionModes": list(STP_MODES),
    }


def _filters(listing: Listing) -> list[dict[str, object]]:
    instrument = listing.instrument
    tick, lot = _tick(instrument), instrument.lot
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": text(tick),
            "maxPrice": text(MAX_PRICE),
            "tickSize": text(tick),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": text(lot),
            "maxQty": text(MAX_QUANTITY),
            "stepSize": text(lot),
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": text(Decimal(0)),
            "maxQty": text(MAX_QUANTITY),
            "stepSize": text(Decimal(0)),
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": str(PERCENT_UP),
            "bidMultiplierDown": str(PERCENT_DOWN),
            "askMultiplierUp": str(PERCENT_UP),
            "askMultiplierDown": str(PERCENT_DOWN),
            "avgPriceMins": 5,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": text(instrument.min_notional),
            "applyMinToMarket": True,
            "maxNotional": text(listing.max_notional),
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": MAX_OPEN_ORDERS},
    ]


def _tick(instrument: Instrument) -> Decimal:
    # Binance has one tick for a symbol, whatever its price.
    return instrument.bands[0].tick


def _check_digits(name: str, value: Decimal) -> None:
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > DIGITS:
        raise errors.too_precise(name)
