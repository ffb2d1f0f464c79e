"""python-binance at the simulated Binance: look, place, find, list and cancel, with both keys."""

import sys
from typing import Any

from binance.client import Client
from binance.exceptions import BinanceAPIException
from told import spoken_by, tell

SYMBOL = "BTCUSDT"


def main() -> None:
    """With the HMAC key everything; with the Ed25519 key one more order."""
    given = spoken_by(sys.argv)
    client = made(given, api_secret=given["secret"])
    info = client.get_symbol_info(SYMBOL)
    book = client.get_order_book(symbol=SYMBOL, limit=5)
    bid, ask = float(book["bids"][0][0]), float(book["asks"][0][0])
    seen: dict[str, Any] = {
        "ping": client.ping(),
        "time": client.get_server_time()["serverTime"],
        "status": info["status"],
        "bid": bid,
        "balance": client.get_asset_balance("USDT"),
        "may": client.get_account_api_permissions(),
        "system": client.get_system_status(),
        "fee": client.get_account()["commissionRates"]["taker"],
    }
    order = {"symbol": SYMBOL, "quantity": "0.001"}
    low, high = f"{bid * 0.9:.2f}", f"{ask * 1.01:.2f}"
    resting = client.order_limit_buy(price=low, newClientOrderId="pb-gtc-1", **order)
    found = client.get_order(symbol=SYMBOL, origClientOrderId="pb-gtc-1")
    seen["resting"], seen["found"] = resting["orderId"], [found["orderId"], found["status"]]
    seen["listed"] = [each["orderId"] for each in client.get_open_orders(symbol=SYMBOL)]
    seen["duplicate"] = refusal_of(client, price=low, newClientOrderId="pb-gtc-1", **order)
    seen["cancelled"] = client.cancel_order(symbol=SYMBOL, orderId=resting["orderId"])["status"]
    taking = client.order_limit_buy(
        price=high, timeInForce="IOC", newClientOrderId="pb-ioc-1", **order
    )
    seen["ioc"] = [taking["orderId"], taking["status"], taking["fills"]]
    trades = client.get_my_trades(symbol=SYMBOL, orderId=taking["orderId"])
    seen["trades"] = [trade["orderId"] for trade in trades]
    seen["all"] = [each["status"] for each in client.get_all_orders(symbol=SYMBOL)]
    seen["tested"] = client.create_test_order(
        side="BUY", type="LIMIT", timeInForce="GTC", price=low, **order
    )
    other = made(given, access=given["ed25519"], private_key=given["ed25519_key"])
    ended = other.order_limit_buy(price=high, timeInForce="IOC", **order)
    seen["ed25519"] = ended["status"]
    tell(seen)


def made(given: dict[str, str], access: str = "", **keys: str) -> Any:
    """A client of the simulator; the library knows no setting for another address."""

    class Local(Client):  # type: ignore[misc]
        API_URL = f"{given['url']}/api"
        MARGIN_API_URL = f"{given['url']}/sapi"

    client = Local(access or given["access"], ping=False, **keys)
    client.API_URL, client.MARGIN_API_URL = Local.API_URL, Local.MARGIN_API_URL
    return client


def refusal_of(client: Any, **order: str) -> list[Any]:
    """Code and words of a refused purchase."""
    try:
        client.order_limit_buy(**order)
    except BinanceAPIException as error:
        return [error.code, error.message]
    return []


if __name__ == "__main__":
    main()
