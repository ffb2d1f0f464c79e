"""Read frames from standard input as ccxt.pro would from a socket; print microseconds a frame.

Runs in the environment of ``deploy/clients.lock``, which has nothing of ours. No socket is opened.
"""

import asyncio
import gc
import json
import sys
from time import thread_time_ns

import ccxt.pro

_RUNS = 5
_TURN = 32
_MARKETS = {"bithumb": ("KRW-BTC", "BTC", "KRW"), "binance": ("BTCUSDT", "BTC", "USDT")}


async def measured(venue: str, frames: list[bytes]) -> list[list[float]]:
    """Of every run, the turns."""
    runs = []
    for _ in range(_RUNS):
        exchange = getattr(ccxt.pro, venue)()
        name, base, quote = _MARKETS[venue]
        market = {"id": name, "symbol": f"{base}/{quote}", "base": base, "quote": quote}
        exchange.set_markets(
            [exchange.safe_market_structure({**market, "type": "spot", "spot": True})]
        )
        client = exchange.client("ws://127.0.0.1:9/stream")
        turns = []
        gc.collect()
        gc.freeze()
        for at in range(0, len(frames), _TURN):
            turn = [frame.decode() for frame in frames[at : at + _TURN]]
            read = client.handle_text_or_binary_message
            began = thread_time_ns()
            for frame in turn:
                read(frame)
            turns.append((thread_time_ns() - began) / len(turn) / 1e3)
        gc.unfreeze()
        seen = exchange.bidsasks if venue == "binance" else exchange.orderbooks
        assert f"{base}/{quote}" in seen, f"{venue} took no book in"
        runs.append(turns)
        await exchange.close()
    return runs


if __name__ == "__main__":
    told = sys.stdin.buffer.read().split(b"\n")
    print(json.dumps(asyncio.run(measured(sys.argv[1], told))))
