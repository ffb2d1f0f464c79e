"""Order books, trades, tickers and candles as Upbit and Bithumb show them, over REST and sockets.

Pure. ``number`` writes a float: as it is over REST, as an exact decimal on sockets.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation

from trader.domain.order import Side
from trader.sim.korean_params import in_ms, korean_date, utc_date
from trader.sim.korean_tape import Candle, Tape, TapeTrade, grouped
from trader.sim.model import Book

Number = Callable[[float], object]
Fields = dict[str, object]

_SIDES = {Side.BUY: "BID", Side.SELL: "ASK"}


def as_float(value: float) -> object:
    """A number as REST writes it."""
    return value


def as_decimal(value: float) -> object:
    """A number as sockets write it, exact in its shortest form."""
    return Decimal(repr(value))


def orderbook_fields(book: Book, depth: int, level: str, number: Number) -> Fields:
    """Totals and units of a book; a side that ends first is filled with zeros."""
    try:
        step = Decimal(level)
    except InvalidOperation:
        step = Decimal(0)
    asks = grouped(book.asks, step, upwards=True)[:depth]
    bids = grouped(book.bids, step, upwards=False)[:depth]
    units: list[Fields] = []
    for index in range(max(len(asks), len(bids))):
        ask = asks[index] if index < len(asks) else (0.0, 0.0)
        bid = bids[index] if index < len(bids) else (0.0, 0.0)
        units.append(
            {
                "ask_price": number(ask[0]),
                "bid_price": number(bid[0]),
                "ask_size": number(ask[1]),
                "bid_size": number(bid[1]),
            }
        )
    return {
        "total_ask_size": number(_total(asks)),
        "total_bid_size": number(_total(bids)),
        "orderbook_units": units,
    }


def trade_fields(tape: Tape, trade: TapeTrade, number: Number) -> Fields:
    """A trade as the public stream tells it."""
    change, moved = _change(tape, trade.price)
    at = utc_date(trade.at_ns)
    fields: Fields = {
        "trade_date": f"{at:%Y-%m-%d}",
        "trade_time": f"{at:%H:%M:%S}",
        "trade_timestamp": in_ms(trade.at_ns),
        "trade_price": number(trade.price),
        "trade_volume": number(trade.volume),
        "ask_bid": _SIDES[trade.side],
        "prev_closing_price": number(tape.opening),
        "change": change,
        "change_price": number(abs(moved)),
        "sequential_id": trade.id,
    }
    if tape.book is not None and tape.book.asks and tape.book.bids:
        (ask, ask_size), (bid, bid_size) = tape.book.asks[0], tape.book.bids[0]
        fields |= {
            "best_ask_price": number(ask),
            "best_ask_size": number(ask_size),
            "best_bid_price": number(bid),
            "best_bid_size": number(bid_size),
        }
    return fields


def trade_row(tape: Tape, trade: TapeTrade) -> Fields:
    """A trade as ``/v1/trades/ticks`` lists it."""
    at = utc_date(trade.at_ns)
    return {
        "trade_date_utc": f"{at:%Y-%m-%d}",
        "trade_time_utc": f"{at:%H:%M:%S}",
        "timestamp": in_ms(trade.at_ns),
        "trade_price": trade.price,
        "trade_volume": trade.volume,
        "prev_closing_price": tape.opening,
        "change_price": trade.price - tape.opening,
        "ask_bid": _SIDES[trade.side],
        "sequential_id": trade.id,
    }


def ticker_fields(tape: Tape, now_ns: int, number: Number) -> Fields:
    """What REST and socket tickers share."""
    price = tape.price
    change, moved = _change(tape, price)
    rate = round(moved / tape.opening, 10) if tape.opening else 0.0
    last_ns = tape.last.at_ns if tape.last is not None else now_ns
    volume = sum(tape.volume.values())
    today = f"{utc_date(now_ns):%Y-%m-%d}"
    return {
        "opening_price": number(tape.opening),
        "high_price": number(tape.high),
        "low_price": number(tape.low),
        "trade_price": number(price),
        "prev_closing_price": number(tape.opening),
        "change": change,
        "change_price": number(abs(moved)),
        "signed_change_price": number(moved),
        "change_rate": number(abs(rate)),
        "signed_change_rate": number(rate),
        "trade_volume": number(tape.last.volume if tape.last is not None else 0.0),
        "trade_date": f"{utc_date(last_ns):%Y%m%d}",
        "trade_time": f"{utc_date(last_ns):%H%M%S}",
        "trade_timestamp": in_ms(last_ns),
        "acc_trade_price": number(tape.funds),
        "acc_trade_price_24h": number(tape.funds),
        "acc_trade_volume": number(volume),
        "acc_trade_volume_24h": number(volume),
        "highest_52_week_price": number(tape.high),
        "highest_52_week_date": today,
        "lowest_52_week_price": number(tape.low),
        "lowest_52_week_date": today,
        "timestamp": in_ms(now_ns),
    }


def ticker_row(symbol: str, tape: Tape, now_ns: int) -> Fields:
    """A ticker as REST lists it, with the Korean date beside the other."""
    last_ns = tape.last.at_ns if tape.last is not None else now_ns
    at = korean_date(last_ns)
    return {
        "market": symbol,
        "trade_date_kst": f"{at:%Y%m%d}",
        "trade_time_kst": f"{at:%H%M%S}",
    } | ticker_fields(tape, now_ns, as_float)


def ticker_message(tape: Tape, now_ns: int) -> Fields:
    """What a socket's ticker adds: the last side, volumes per side, and the market's state."""
    side = tape.last.side if tape.last is not None else Side.SELL
    return ticker_fields(tape, now_ns, as_decimal) | {
        "ask_bid": _SIDES[side],
        "acc_ask_volume": as_decimal(tape.volume[Side.SELL]),
        "acc_bid_volume": as_decimal(tape.volume[Side.BUY]),
        "market_state": "ACTIVE",
        "delisting_date": None,
    }


def candle_row(symbol: str, candle: Candle, unit: int) -> Fields:
    """A minute candle as REST lists it."""
    return {
        "market": symbol,
        "candle_date_time_utc": f"{utc_date(candle.start_ns):%Y-%m-%dT%H:%M:%S}",
        "candle_date_time_kst": f"{korean_date(candle.start_ns):%Y-%m-%dT%H:%M:%S}",
        "opening_price": candle.opening,
        "high_price": candle.high,
        "low_price": candle.low,
        "trade_price": candle.closing,
        "timestamp": in_ms(candle.start_ns),
        "candle_acc_trade_price": candle.funds,
        "candle_acc_trade_volume": candle.volume,
        "unit": unit,
    }


def gathered(candles: Sequence[Candle], minutes: int) -> list[Candle]:
    """Minute candles put together to longer ones; newest first, as venues list them."""
    span_ns = minutes * 60_000_000_000
    longer: list[Candle] = []
    for candle in candles:
        start_ns = candle.start_ns - candle.start_ns % span_ns
        if not longer or longer[-1].start_ns != start_ns:
            longer.append(Candle(start_ns, candle.opening, candle.high, candle.low, candle.closing))
            longer[-1].volume, longer[-1].funds = candle.volume, candle.funds
            continue
        last = longer[-1]
        last.high, last.low = max(last.high, candle.high), min(last.low, candle.low)
        last.closing = candle.closing
        last.volume += candle.volume
        last.funds += candle.funds
    return longer[::-1]


def _change(tape: Tape, price: float) -> tuple[str, float]:
    moved = price - tape.opening
    if not moved:
        return "EVEN", 0.0
    return ("RISE" if moved > 0 else "FALL"), moved


def _total(levels: Sequence[tuple[float, float]]) -> float:
    return round(sum(size for _, size in levels), 8)
