"""Upbit's official SDK, refusing every answer that is not exactly what its models say."""

import sys
from decimal import Decimal
from typing import Any

from told import spoken_by, tell
from upbit import Upbit

MARKET = "KRW-BTC"
_THOUSAND = Decimal(1_000)


def main() -> None:
    """Look, hear, place, find, list and cancel."""
    given = spoken_by(sys.argv)
    client = Upbit(
        access_key=given["access"],
        secret_key=given["secret"],
        base_url=given["url"],
        websocket_base_url=given["url"].replace("http", "ws", 1),
        # The SDK would send an order again after a failure; nothing here may.
        max_retries=0,
        _strict_response_validation=True,
    )
    (book,) = client.orderbooks.list(markets=MARKET)
    best = book.orderbook_units[0]
    seen: dict[str, Any] = {
        "bid": best.bid_price,
        "heard_bid": heard(client).orderbook_units[0].bid_price,
        "fee": client.orders.retrieve_chance(market=MARKET).bid_fee,
        "tick": client.orderbooks.list_instruments(markets=MARKET)[0].tick_size,
        "balances": {each.currency: each.balance for each in client.accounts.list()},
        "keys": [key.access_key for key in client.api_keys.list()],
        "markets": [pair.market for pair in client.trading_pairs.list()],
    }
    low, high = on_tick(best.bid_price, "0.9"), on_tick(best.ask_price, "1.01")
    with client.ws_private.connect_private() as private:
        private.send([{"ticket": "clients"}, {"type": "myOrder", "codes": [MARKET]}])  # type: ignore
        resting = placed(client, low, "sdk-gtc-1", smp_type="cancel_maker")
        seen["told"] = [private.recv().state for _ in range(1)]
    seen["resting"] = [resting.uuid, resting.state]
    seen["found"] = client.orders.retrieve(identifier="sdk-gtc-1").uuid
    seen["listed"] = [order.uuid for order in client.orders.list_open(market=MARKET)]
    seen["by_ids"] = [each.uuid for each in client.orders.list_by_uuids(uuids=[resting.uuid])]
    client.orders.cancel(uuid=resting.uuid)
    seen["cancelled"] = client.orders.retrieve(uuid=resting.uuid).state
    taking = placed(client, high, "sdk-ioc-1", time_in_force="ioc", smp_type="cancel_taker")
    filled = client.orders.retrieve(uuid=taking.uuid)
    seen["ioc"] = [filled.uuid, filled.executed_volume, len(filled.trades or [])]
    seen["closed"] = [order.uuid for order in client.orders.list_closed(market=MARKET)]
    tell(seen)


def placed(client: Upbit, price: str, identifier: str, **more: Any) -> Any:
    """A small purchase."""
    return client.orders.create(
        market=MARKET,
        side="bid",
        ord_type="limit",
        price=price,
        volume="0.001",
        identifier=identifier,
        **more,
    )


def heard(client: Upbit) -> Any:
    """The first order book of the public stream."""
    with client.ws_public.connect_public() as stream:
        stream.send([{"ticket": "clients"}, {"type": "orderbook", "codes": [f"{MARKET}.5"]}])  # type: ignore
        return stream.recv()


def on_tick(price: str, factor: str) -> str:
    """A price some way off, on the tick of a million won and above."""
    return str((Decimal(price) * Decimal(factor) // _THOUSAND * _THOUSAND).normalize().__int__())


if __name__ == "__main__":
    main()
