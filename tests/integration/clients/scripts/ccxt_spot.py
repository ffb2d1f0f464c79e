"""ccxt at one venue: look, place, find, list and cancel. The venue's name comes with the keys."""

import re
import sys
import time
from typing import Any

import ccxt
from told import spoken_by, tell

_SETTLED_WITHIN_S = 10.0


def main() -> None:
    """Use ccxt's unified calls only."""
    given = spoken_by(sys.argv)
    client = made(given)
    symbol, amount = given["symbol"], 0.001
    client.load_markets()
    book = client.fetch_order_book(symbol, 5)
    bid, ask = book["bids"][0][0], book["asks"][0][0]
    seen: dict[str, Any] = {
        "markets": sorted(client.markets),
        "bid": bid,
        "last": client.fetch_ticker(symbol)["last"],
        "balances": client.fetch_balance()["free"],
    }
    low, high = (round(price / 1_000) * 1_000 for price in (bid * 0.9, ask * 1.01))
    resting = client.create_order(symbol, "limit", "buy", amount, low)
    seen["resting"] = resting["id"]
    found = patiently(client, resting["id"], symbol)
    seen["found"] = [found["id"], found["status"], found["price"]]
    seen["listed"] = [order["id"] for order in client.fetch_open_orders(symbol)]
    client.cancel_order(resting["id"], symbol)
    seen["cancelled"] = patiently(client, resting["id"], symbol, "canceled")["status"]
    taking = client.create_order(symbol, "limit", "buy", amount, high, {"timeInForce": "IOC"})
    filled = patiently(client, taking["id"], symbol, "closed")
    # As the venue said it: ccxt 4.5.90 reads no filled quantity out of Bithumb's orders.
    told = filled["info"]
    seen["ioc"] = [
        filled["id"],
        filled["status"],
        told.get("executed_volume") or told["executedQty"],
    ]
    seen["refused"] = refusal_of(client, symbol)
    tell(seen)


def patiently(client: Any, order: str, symbol: str, status: str = "open") -> Any:
    """The order once it has this status: Bithumb carries out only after it has answered."""
    give_up_at = time.monotonic() + _SETTLED_WITHIN_S
    while True:
        try:
            found = client.fetch_order(order, symbol)
        except ccxt.ExchangeError:
            found = None
        is_over = time.monotonic() > give_up_at
        if is_over or (found is not None and found["status"] == status):
            return found
        time.sleep(0.05)


def made(given: dict[str, str]) -> Any:
    """The venue's client, pointed at the simulator."""
    options: dict[str, Any] = {"fetchMarkets": {"types": ["spot"]}}
    client = getattr(ccxt, given["venue"])(
        {
            "apiKey": given["access"],
            "secret": given["secret"],
            "options": options if given["venue"] == "binance" else {},
            "maxRetriesOnFailure": 0,
        }
    )
    for name, address in client.urls["api"].items():
        client.urls["api"][name] = re.sub("^https://[^/]+", given["url"], address)
    return client


def refusal_of(client: Any, symbol: str) -> str:
    """What ccxt makes of a purchase nobody could pay."""
    low = round(client.fetch_order_book(symbol, 5)["bids"][0][0] / 2_000) * 1_000
    try:
        client.create_order(symbol, "limit", "buy", 10, low)
    except ccxt.BaseError as error:
        return type(error).__name__
    return "taken"


if __name__ == "__main__":
    main()
