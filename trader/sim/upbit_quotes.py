"""Upbit's quotations over REST, whose errors go by numbers. Source: fact sheet 1.5 and 1.9."""

from decimal import Decimal

from trader.domain.instrument import UPBIT
from trader.sim.exchange import Exchange
from trader.sim.korean_market import (
    as_float,
    candle_row,
    gathered,
    orderbook_fields,
    ticker_row,
    trade_row,
)
from trader.sim.korean_params import Answer, Failure, Params, in_ms, plain
from trader.sim.korean_tape import Tapes
from trader.sim.model import ZERO, Listing
from trader.sim.upbit_views import malformed_public

_CAUTIONS = (
    "PRICE_FLUCTUATIONS",
    "TRADING_VOLUME_SOARING",
    "DEPOSIT_AMOUNT_SOARING",
    "GLOBAL_PRICE_DIFFERENCES",
    "CONCENTRATION_OF_SMALL_ACCOUNTS",
)
_NAMES = {
    "BTC": ("비트코인", "Bitcoin"),
    "ETH": ("이더리움", "Ethereum"),
    "SOL": ("솔라나", "Solana"),
    "XRP": ("엑스알피(리플)", "XRP"),
    "USDT": ("테더", "Tether"),
}
_MINUTE_UNITS = (1, 3, 5, 10, 15, 30, 60, 240)
_MOST_LEVELS = 30


class Quotes:
    """What anyone may ask."""

    def __init__(self, exchange: Exchange, tapes: Tapes):
        """From the books of the exchange and what was noted of them."""
        self._exchange = exchange
        self._tapes = tapes

    def markets(self, params: Params) -> Answer:
        """``GET /v1/market/all``; warnings only with ``is_details``."""
        detailed = (params.text("is_details") or params.text("isDetails")) == "true"
        rows: list[dict[str, object]] = []
        for listing in self._exchange.listings(UPBIT):
            base = listing.instrument.base
            korean, english = _NAMES.get(base, (base, base))
            row: dict[str, object] = {
                "market": listing.symbol,
                "korean_name": korean,
                "english_name": english,
            }
            if detailed:
                row["market_event"] = {
                    "warning": False,
                    "caution": dict.fromkeys(_CAUTIONS, False),
                }
            rows.append(row)
        return Answer(rows)

    def orderbooks(self, params: Params) -> Answer:
        """``GET /v1/orderbook``."""
        depth = params.integer("count", _MOST_LEVELS, _MOST_LEVELS)
        level = plain(params.decimal("level") or ZERO) if params.text("level") != "0" else "0"
        rows: list[dict[str, object]] = []
        for listing in self._listings(params, "markets"):
            book = self._exchange.book(listing.id)
            if book is None:
                continue
            fields = orderbook_fields(book, depth, level, as_float)
            head = {"market": listing.symbol, "timestamp": in_ms(book.at_ns)}
            rows.append(head | fields | {"level": float(level)})
        return Answer(rows)

    def instruments(self, params: Params) -> Answer:
        """``GET /v1/orderbook/instruments``: the tick of the pair's present price band."""
        return Answer(
            [
                {
                    "market": listing.symbol,
                    "quote_currency": listing.instrument.quote,
                    "tick_size": plain(tick := self._tick(listing)),
                    "supported_levels": ["0", *(plain(tick * 10**power) for power in (1, 2, 3))],
                }
                for listing in self._listings(params, "markets")
            ]
        )

    def tickers(self, params: Params) -> Answer:
        """``GET /v1/ticker``."""
        return self._tickers(self._listings(params, "markets"))

    def tickers_by_quote(self, params: Params) -> Answer:
        """``GET /v1/ticker/all``."""
        quotes = params.listed("quote_currencies") or ("KRW",)
        found = self._exchange.listings(UPBIT)
        return self._tickers([each for each in found if each.instrument.quote in quotes])

    def trades(self, params: Params) -> Answer:
        """``GET /v1/trades/ticks``, newest first."""
        listing = self._listing(params.required("market"))
        count = params.integer("count", 1, 500)
        tape = self._tapes.of(listing.symbol)
        newest = [*tape.trades][-count:][::-1]
        return Answer([{"market": listing.symbol} | trade_row(tape, trade) for trade in newest])

    def minutes(self, params: Params) -> Answer:
        """``GET /v1/candles/minutes/{unit}``, newest first."""
        unit = params.integer("unit", 1, 240)
        if unit not in _MINUTE_UNITS:
            raise malformed_public("unit")
        listing = self._listing(params.required("market"))
        count = params.integer("count", 1, 200)
        candles = gathered(self._tapes.of(listing.symbol).candles, unit)[:count]
        return Answer([candle_row(listing.symbol, candle, unit) for candle in candles])

    def _tickers(self, listings: list[Listing]) -> Answer:
        now_ns = self._exchange.now_ns(UPBIT)
        return Answer(
            [ticker_row(each.symbol, self._tapes.of(each.symbol), now_ns) for each in listings]
        )

    def _tick(self, listing: Listing) -> Decimal:
        price = self._tapes.of(listing.symbol).price
        return listing.instrument.tick_at(Decimal(repr(price)))

    def _listings(self, params: Params, name: str) -> list[Listing]:
        symbols = params.listed(name)
        if not symbols:
            raise malformed_public(name)
        return [self._listing(symbol) for symbol in symbols]

    def _listing(self, symbol: str) -> Listing:
        found = self._exchange.listing(UPBIT, symbol)
        if found is None:
            raise Failure(404, 404, "Code not found")
        return found
