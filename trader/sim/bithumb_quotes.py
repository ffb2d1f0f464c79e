"""Bithumb's public requests over REST. Source: exchange fact sheet 2.3 and 2.9."""

from trader.domain.instrument import BITHUMB
from trader.sim.exchange import Exchange
from trader.sim.korean_market import as_float, orderbook_fields
from trader.sim.korean_params import Answer, Params, in_ms
from trader.sim.korean_quotes import CommonQuotes, coin_names

_LEVELS_OF_ONE = 30
_LEVELS_OF_SEVERAL = 15


class Quotes:
    """What anyone may ask of Bithumb alone."""

    def __init__(self, exchange: Exchange, common: CommonQuotes):
        """From the books of the exchange; ``common`` knows what is listed."""
        self._exchange = exchange
        self._common = common

    def markets(self, params: Params) -> Answer:
        """``GET /v1/market/all``; warnings only with ``isDetails``."""
        detailed = params.text("isDetails") == "true"
        rows: list[dict[str, object]] = []
        for listing in self._exchange.listings(BITHUMB):
            row: dict[str, object] = {
                "market": listing.symbol,
                **coin_names(listing.instrument.base),
            }
            if detailed:
                row["market_warning"] = "NONE"
            rows.append(row)
        return Answer(rows)

    def warnings(self, params: Params) -> Answer:
        """``GET /v1/market/virtual_asset_warning``: no coin is warned of."""
        del params
        return Answer([])

    def notices(self, params: Params) -> Answer:
        """``GET /v1/notices``: there is nothing to announce."""
        del params
        return Answer([])

    def orderbooks(self, params: Params) -> Answer:
        """``GET /v1/orderbook``: fewer levels when several are asked for."""
        listings = self._common.listings(params)
        depth = _LEVELS_OF_ONE if len(listings) == 1 else _LEVELS_OF_SEVERAL
        rows: list[dict[str, object]] = []
        for listing in listings:
            book = self._exchange.book(listing.id)
            if book is None:
                continue
            head = {"market": listing.symbol, "timestamp": in_ms(book.at_ns)}
            rows.append(head | orderbook_fields(book, depth, "0", as_float))
        return Answer(rows)
