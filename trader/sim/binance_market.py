"""Binance's public endpoints: the venue's time and rules, books, prices and trades."""

from collections.abc import Callable, Mapping
from decimal import Decimal

import msgspec

from trader.domain.instrument import BINANCE
from trader.domain.market import exact
from trader.domain.order import Side
from trader.sim import binance_errors as errors
from trader.sim import binance_filters as filters
from trader.sim import binance_limits as limits
from trader.sim.binance_call import Call
from trader.sim.binance_render import Json, ms
from trader.sim.model import Book, Levels, Listing, MarketStatus, SimTrade

DEPTH_PARAMETERS = "symbol limit symbolStatus"
INFO_PARAMETERS = "symbol symbols permissions showPermissionSets symbolStatus"
SEVERAL_PARAMETERS = "symbol symbols symbolStatus"
_MAX_DEPTH = 5_000
_DEPTH_WEIGHTS = ((100, 5), (500, 25), (1_000, 50), (_MAX_DEPTH, 250))
_MAX_TRADES = 1_000
_MINUTE_MS = 60_000
_STATUS_WORDS = {
    "TRADING": MarketStatus.TRADING,
    "BREAK": MarketStatus.HALTED,
    "HALT": MarketStatus.HALTED,
    "CANCEL_ONLY": MarketStatus.CANCEL_ONLY,
}


def ping(_call: Call) -> Json:
    """``GET /api/v3/ping``: nothing, and the weight header."""
    return {}


def server_time(call: Call) -> Json:
    """``GET /api/v3/time``: the venue's clock, with the skew a fault gives it."""
    return {"serverTime": call.desk.now_ms}


def exchange_info(call: Call) -> Json:
    """``GET /api/v3/exchangeInfo``: rate limits and every symbol's rules."""
    chosen = _chosen(call)
    stated = call.params.get("symbolStatus")
    if stated is not None:
        status = _STATUS_WORDS.get(stated)
        if status is None:
            raise errors.invalid_value("symbolStatus")
        chosen = tuple(listing for listing in chosen if listing.status is status)
    return {
        "timezone": "UTC",
        "serverTime": call.desk.now_ms,
        "rateLimits": limits.rules(),
        "exchangeFilters": [],
        "symbols": [filters.describe(listing) for listing in chosen],
    }


def depth_weight(params: Mapping[str, str]) -> int:
    """What a book costs: more for more levels."""
    limit = params.get("limit", "100")
    wanted = int(limit) if limit.isascii() and limit.isdigit() and len(limit) < 9 else 100
    return next((weight for most, weight in _DEPTH_WEIGHTS if wanted <= most), 250)


def depth(call: Call) -> Json:
    """``GET /api/v3/depth``: the book; no symbol and no time in it, as ever."""
    listing = call.listing()
    limit = call.whole("limit")
    if limit == 0:
        raise errors.invalid_value("limit")
    return book_json(call.exchange.book(listing.id), min(limit or 100, _MAX_DEPTH))


def book_json(book: Book | None, limit: int) -> Json:
    """A partial book: ``lastUpdateId`` and both sides."""
    if book is None:
        return {"lastUpdateId": 0, "bids": [], "asks": []}
    return {
        "lastUpdateId": book.sequence,
        "bids": levels_json(book.bids[:limit]),
        "asks": levels_json(book.asks[:limit]),
    }


def levels_json(levels: Levels) -> list[tuple[str, str]]:
    """Levels as pairs of strings."""
    return [(number(price), number(quantity)) for price, quantity in levels]


def number(value: float) -> str:
    """A market number as Binance writes it: eight decimals of its shortest form."""
    return filters.text(exact(value))


def book_ticker(call: Call) -> Json | list[Json]:
    """``GET /api/v3/ticker/bookTicker``: the best level of both sides."""
    return _one_or_many(call, _best)


def price(call: Call) -> Json | list[Json]:
    """``GET /api/v3/ticker/price``: the last price, or the middle before any trade."""
    return _one_or_many(
        call, lambda call, it: {"symbol": it.symbol, "price": filters.text(_last_price(call, it))}
    )


def day_ticker(call: Call) -> Json | list[Json]:
    """``GET /api/v3/ticker/24hr``: the day as far as the simulator has one: its present price."""
    return _one_or_many(call, _day)


def trades(call: Call) -> list[Json]:
    """``GET /api/v3/trades``: the newest fills."""
    return [
        {
            "id": int(trade.id),
            "price": filters.text(trade.price),
            "qty": filters.text(trade.quantity),
            "quoteQty": filters.text(trade.funds),
            "time": ms(trade.at_ns),
            "isBuyerMaker": buyer_is_maker(trade),
            "isBestMatch": True,
        }
        for trade in _newest_trades(call)
    ]


def aggregate_trades(call: Call) -> list[Json]:
    """``GET /api/v3/aggTrades``: the same, each fill an aggregate of its own."""
    return [
        {
            "a": int(trade.id),
            "p": filters.text(trade.price),
            "q": filters.text(trade.quantity),
            "f": int(trade.id),
            "l": int(trade.id),
            "T": ms(trade.at_ns),
            "m": buyer_is_maker(trade),
            "M": True,
        }
        for trade in _newest_trades(call)
    ]


def average_price(call: Call) -> Json:
    """``GET /api/v3/avgPrice``."""
    listing = call.listing()
    return {
        "mins": 5,
        "price": filters.text(_last_price(call, listing)),
        "closeTime": call.desk.now_ms,
    }


def klines(call: Call) -> list[list[object]]:
    """``GET /api/v3/klines``: one candle, of this minute, at the present price."""
    listing = call.listing()
    if not call.params.get("interval"):
        raise errors.missing("interval")
    now_ms = call.desk.now_ms
    began = now_ms - now_ms % _MINUTE_MS
    at = filters.text(_last_price(call, listing))
    zero = filters.text(Decimal(0))
    return [[began, at, at, at, at, zero, began + _MINUTE_MS - 1, zero, 0, zero, zero, "0"]]


def system_status(_call: Call) -> Json:
    """``GET /sapi/v1/system/status``: maintenance itself answers with a page, so this is normal."""
    return {"status": 0, "msg": "normal"}


def retired(_call: Call) -> Json:
    """Listen keys, which ended on 2026-02-20."""
    raise errors.gone()


def buyer_is_maker(trade: SimTrade) -> bool:
    """Whether the buyer's order rested, so that the seller was the aggressor."""
    return (trade.side is Side.BUY) == trade.is_maker


def best_json(book: Book | None, symbol: str) -> Json:
    """Best bid and ask with their quantities; zeros where there is no book."""
    bid = book.bids[0] if book is not None and book.bids else (0.0, 0.0)
    ask = book.asks[0] if book is not None and book.asks else (0.0, 0.0)
    return {
        "symbol": symbol,
        "bidPrice": number(bid[0]),
        "bidQty": number(bid[1]),
        "askPrice": number(ask[0]),
        "askQty": number(ask[1]),
    }


def _best(call: Call, listing: Listing) -> Json:
    return best_json(call.exchange.book(listing.id), listing.symbol)


def _day(call: Call, listing: Listing) -> Json:
    last, zero = filters.text(_last_price(call, listing)), filters.text(Decimal(0))
    now_ms = call.desk.now_ms
    return _best(call, listing) | {
        "priceChange": zero,
        "priceChangePercent": "0.000",
        "weightedAvgPrice": last,
        "prevClosePrice": last,
        "lastPrice": last,
        "lastQty": zero,
        "openPrice": last,
        "highPrice": last,
        "lowPrice": last,
        "volume": zero,
        "quoteVolume": zero,
        "openTime": now_ms - 86_400_000,
        "closeTime": now_ms,
        "firstId": -1,
        "lastId": -1,
        "count": 0,
    }


def _last_price(call: Call, listing: Listing) -> Decimal:
    fills = call.exchange.recent_trades(listing.id)
    if fills:
        return fills[-1].price
    return call.reference_price(listing) or Decimal(0)


def _newest_trades(call: Call) -> list[SimTrade]:
    listing = call.listing()
    limit = call.whole("limit")
    newest = list(call.exchange.recent_trades(listing.id))
    return newest[-min(limit or 500, _MAX_TRADES) :]


def _one_or_many(call: Call, tell: Callable[[Call, Listing], Json]) -> Json | list[Json]:
    chosen = _chosen(call)
    if "symbol" in call.params:
        return tell(call, chosen[0])
    return [tell(call, listing) for listing in chosen]


def _chosen(call: Call) -> tuple[Listing, ...]:
    """What ``symbol`` or ``symbols`` name; everything where neither was sent."""
    if "symbol" in call.params:
        return (call.listing(),)
    several = call.params.get("symbols")
    if several is None:
        return call.exchange.listings(BINANCE)
    try:
        names = msgspec.json.decode(several, type=list[str])
    except msgspec.DecodeError:
        raise errors.illegal_characters(
            "symbols", r"^\[(\"[A-Z0-9-_.]{1,20}\"(,\"[A-Z0-9-_.]{1,20}\"){0,}){0,1}\]$"
        ) from None
    return tuple(call.listed(name) for name in names)
