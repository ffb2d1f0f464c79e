"""Upbit's quotations over REST, whose errors go by numbers. Source: fact sheet 1.5 and 1.9."""

from decimal import Decimal

from trader.domain.instrument import UPBIT
from trader.sim.exchange import Exchange
from trader.sim.korean_market import as_float, orderbook_fields
from trader.sim.korean_params import Answer, Params, in_ms, plain
from trader.sim.korean_quotes import CommonQuotes, coin_names
from trader.sim.korean_tape import Tapes
from trader.sim.model import ZERO, Listing

_CAUTIONS = (
    "PRICE_FLUCTUATIONS",
    "TRADING_VOLUME_SOARING",
    "DEPOSIT_AMOUNT_SOARING",
    "GLOBAL_PRICE_DIFFERENCES",
    "CONCENTRATION_OF_SMALL_ACCOUNTS",
)
_MOST_LEVELS = 30


class Quotes:
    """What anyone may ask of Upbit alone."""

    def __init__(self, exchange: Exchange, tapes: Tapes, common: CommonQuotes):
        """From the books of the exchange and what was noted of them."""
        self._exchange = exchange
        self._tapes = tapes
        self._common = common

    def markets(self, params: Params) -> Answer:
        """``GET /v1/market/all``; warnings only with ``is_details``."""
        detailed = (params.text("is_details") or params.text("isDetails")) == "true"
        rows: list[dict[str, object]] = []
        for listing in self._exchange.listings(UPBIT):
            row: dict[str, object] = {
                "market": listing.symbol,
                **coin_names(listing.instrument.base),
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
        for listing in self._common.listings(params):
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
                for listing in self._common.listings(params)
            ]
        )

    def tickers_by_quote(self, params: Params) -> Answer:
        """``GET /v1/ticker/all``."""
        quotes = params.listed("quote_currencies") or ("KRW",)
        found = self._exchange.listings(UPBIT)
        return self._common.tickers_of([each for each in found if each.instrument.quote in quotes])

    def _tick(self, listing: Listing) -> Decimal:
        price = self._tapes.of(listing.symbol).price
        return listing.instrument.tick_at(Decimal(repr(price)))
