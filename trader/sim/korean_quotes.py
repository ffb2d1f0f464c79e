"""Quotations over REST that Upbit and Bithumb answer alike: tickers, trades, candles, names."""

from collections.abc import Callable, Sequence

from trader.domain.instrument import Asset, Venue
from trader.sim.exchange import Exchange
from trader.sim.korean_market import candle_row, gathered, ticker_row, trade_row
from trader.sim.korean_params import Answer, Failure, Params
from trader.sim.korean_tape import Tapes
from trader.sim.model import Listing

_NAMES = {
    "BTC": ("비트코인", "Bitcoin"),
    "ETH": ("이더리움", "Ethereum"),
    "SOL": ("솔라나", "Solana"),
    "XRP": ("엑스알피(리플)", "XRP"),
    "USDT": ("테더", "Tether"),
}
_MINUTE_UNITS = (1, 3, 5, 10, 15, 30, 60, 240)


class CommonQuotes:
    """What anyone may ask of either venue."""

    def __init__(
        self,
        exchange: Exchange,
        venue: Venue,
        tapes: Tapes,
        malformed: Callable[[str], Failure],
    ):
        """From what was noted of a venue's books."""
        self._exchange = exchange
        self._venue = venue
        self._tapes = tapes
        self._malformed = malformed

    def tickers(self, params: Params) -> Answer:
        """``GET /v1/ticker``."""
        return self.tickers_of(self.listings(params))

    def tickers_of(self, listings: Sequence[Listing]) -> Answer:
        """The tickers of these."""
        now_ns = self._exchange.now_ns(self._venue)
        return Answer(
            [ticker_row(each.symbol, self._tapes.of(each.symbol), now_ns) for each in listings]
        )

    def trades(self, params: Params) -> Answer:
        """``GET /v1/trades/ticks``, newest first."""
        listing = self.listing(params.required("market"))
        count = params.integer("count", 1, 500)
        tape = self._tapes.of(listing.symbol)
        newest = [*tape.trades][-count:][::-1]
        return Answer([{"market": listing.symbol} | trade_row(tape, trade) for trade in newest])

    def minutes(self, params: Params) -> Answer:
        """``GET /v1/candles/minutes/{unit}``, newest first."""
        unit = params.integer("unit", 1, 240)
        if unit not in _MINUTE_UNITS:
            raise self._malformed("unit")
        listing = self.listing(params.required("market"))
        count = params.integer("count", 1, 200)
        candles = gathered(self._tapes.of(listing.symbol).candles, unit)[:count]
        return Answer([candle_row(listing.symbol, candle, unit) for candle in candles])

    def listings(self, params: Params) -> list[Listing]:
        """Those that ``markets`` names.

        Raises:
            Failure: none is named, or one is not listed.
        """
        symbols = params.listed("markets")
        if not symbols:
            raise self._malformed("markets")
        return [self.listing(symbol) for symbol in symbols]

    def listing(self, symbol: str) -> Listing:
        """The one of that name.

        Raises:
            Failure: it is not listed; the name of that error is a number.
        """
        found = self._exchange.listing(self._venue, symbol)
        if found is None:
            raise Failure(404, 404, "Code not found")
        return found


def coin_names(base: Asset) -> dict[str, object]:
    """A coin's name in both languages; its code where it has none here."""
    korean, english = _NAMES.get(base, (str(base), str(base)))
    return {"korean_name": korean, "english_name": english}
