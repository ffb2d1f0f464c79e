"""How does a message leave? Short names, list wrapping, and numbers as each venue writes them.

Pure. Messages are built once under their long names. Source: exchange fact sheet 1.7 and 2.7.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from trader.sim.korean_params import plain
from trader.sim.korean_requests import PRIVATE_TYPES, Format

Message = Mapping[str, object]

_COMMON = {
    "type": "ty",
    "code": "cd",
    "timestamp": "tms",
    "stream_type": "st",
    "trade_timestamp": "ttms",
    "order_timestamp": "otms",
    "ask_bid": "ab",
    # order books
    "total_ask_size": "tas",
    "total_bid_size": "tbs",
    "orderbook_units": "obu",
    "ask_price": "ap",
    "bid_price": "bp",
    "ask_size": "as",
    "bid_size": "bs",
    "level": "lv",
    # trades and tickers
    "trade_price": "tp",
    "trade_volume": "tv",
    "sequential_id": "sid",
    "best_ask_price": "bap",
    "best_ask_size": "bas",
    "best_bid_price": "bbp",
    "best_bid_size": "bbs",
    "prev_closing_price": "pcp",
    "change": "c",
    "change_price": "cp",
    "signed_change_price": "scp",
    "change_rate": "cr",
    "signed_change_rate": "scr",
    "opening_price": "op",
    "high_price": "hp",
    "low_price": "lp",
    "acc_trade_price": "atp",
    "acc_trade_volume": "atv",
    "acc_trade_price_24h": "atp24h",
    "acc_trade_volume_24h": "atv24h",
    "acc_ask_volume": "aav",
    "acc_bid_volume": "abv",
    "highest_52_week_price": "h52wp",
    "highest_52_week_date": "h52wdt",
    "lowest_52_week_price": "l52wp",
    "lowest_52_week_date": "l52wdt",
    "market_state": "ms",
    "delisting_date": "dd",
    "is_trading_suspended": "its",
    "market_warning": "mw",
    # assets
    "asset_uuid": "astuid",
    "asset_timestamp": "asttms",
    "assets": "ast",
    "currency": "cu",
    "balance": "b",
    "locked": "l",
}
# A ticker shortens its date and time otherwise than a trade does.
_OF_TRADES = {"trade_date": "td", "trade_time": "ttm"}
_OF_TICKERS = {"trade_date": "tdt", "trade_time": "ttm"}

_UPBIT_ORDERS = {
    "uuid": "uid",
    "identifier": "id",
    "order_type": "ot",
    "state": "s",
    "trade_uuid": "tuid",
    "price": "p",
    "avg_price": "ap",
    "volume": "v",
    "remaining_volume": "rv",
    "executed_volume": "ev",
    "trades_count": "tc",
    "reserved_fee": "rsf",
    "remaining_fee": "rmf",
    "paid_fee": "pf",
    "executed_funds": "ef",
    "trade_fee": "tf",
    "is_maker": "im",
    "time_in_force": "tif",
    "smp_type": "smpt",
    "prevented_volume": "pv",
    "prevented_locked": "pl",
}
_BITHUMB_ORDERS = {
    "order_id": "oid",
    "client_order_id": "coid",
    "side": "sd",
    "order_type": "ot",
    "state": "s",
    "time_in_force": "tif",
    "order_price": "op",
    "order_quantity": "oq",
    "order_amount": "oa",
    "trade_id": "tid",
    "trade_price": "tp",
    "trade_quantity": "tq",
    "trade_amount": "ta",
    "executed_quantity": "eq",
    "remaining_quantity": "rq",
    "executed_amount": "ea",
    "reserved_fee": "rsf",
    "remaining_fee": "rmf",
    "paid_fee": "pf",
    "cancel_type": "ct",
    "canceling_order_id": "cnoid",
}

Names = Mapping[str, Mapping[str, str]]
UPBIT_NAMES: Names = {
    "orderbook": _COMMON,
    "trade": _COMMON | _OF_TRADES,
    "ticker": _COMMON | _OF_TICKERS,
    "myOrder": _COMMON | _UPBIT_ORDERS,
    "myAsset": _COMMON,
}
BITHUMB_NAMES: Names = {**UPBIT_NAMES, "myOrder": _COMMON | _BITHUMB_ORDERS}

_AS_NUMBERS = msgspec.json.Encoder(decimal_format="number")
_AS_STRINGS = msgspec.json.Encoder(decimal_format="string")


def rendered(message: Message, form: Format, names: Names, *, strings: bool = False) -> bytes:
    """The frame of a message. ``strings`` writes its decimals as text instead of numbers."""
    shaped: object = _tidied(message) if message["type"] in PRIVATE_TYPES else message
    if form.is_simple:
        shaped = _shortened(shaped, names[str(message["type"])])
    encoder = _AS_STRINGS if strings else _AS_NUMBERS
    return encoder.encode([shaped] if form.is_list else shaped)


def _tidied(value: object) -> object:
    """Money without the zeros and exponents that sums leave behind; no venue writes ``0E-8``."""
    match value:
        case Mapping():
            return {key: _tidied(inner) for key, inner in value.items()}
        case list():
            return [_tidied(inner) for inner in value]
        case Decimal():
            return Decimal(plain(value))
        case _:
            return value


def _shortened(value: object, names: Mapping[str, str]) -> object:
    if isinstance(value, Mapping):
        return {names.get(key, key): _shortened(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shortened(inner, names) for inner in value]
    return value
