"""A Binance face on a loopback port, and a client of the tests' own that signs by hand."""

import asyncio
import base64
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import aiohttp
from aiohttp import web
from cryptography.hazmat.primitives.serialization import load_der_private_key
from yarl import URL

from trader.domain.instrument import BINANCE, Asset, InstrumentId
from trader.sim import binance
from trader.sim.binance_socket import USUAL, Timing
from trader.sim.defaults import ED25519_TEST_SECRET, default_accounts, listings_of, test_key
from trader.sim.exchange import Exchange
from trader.sim.faults import Faults
from trader.sim.rules import RULES

BTC = InstrumentId("binance:BTC-USDT")
ETH = InstrumentId("binance:ETH-USDT")
ACCESS, SECRET = test_key(BINANCE)
READ_ONLY = "SIM-BINANCE-READ-ONLY-KEY"
EXPIRED = "SIM-BINANCE-EXPIRED-KEY"
ED25519 = "SIM-BINANCE-ED25519-KEY"
BIDS = ((99_990.0, 1.0), (99_980.0, 2.0), (99_970.0, 3.0))
ASKS = ((100_000.0, 0.5), (100_010.0, 1.0), (100_020.0, 2.0))
WITHIN_S = 10.0


class Answer:
    """What came back over HTTP."""

    def __init__(self, status: int, headers: Mapping[str, str], text: str) -> None:
        self.status, self.headers, self.text = status, headers, text

    @property
    def body(self) -> Any:
        """The JSON of it."""
        return json.loads(self.text)

    @property
    def refusal(self) -> tuple[int, int]:
        """HTTP status and Binance's code."""
        return self.status, self.body["code"]


class Ground:
    """The face, the exchange behind it, and the ways to talk to it."""

    def __init__(
        self, exchange: Exchange, faults: Faults, address: str, session: aiohttp.ClientSession
    ) -> None:
        self.exchange, self.faults = exchange, faults
        self.address, self.session = address, session

    def state(self, bids: Any = BIDS, asks: Any = ASKS, instrument: InstrumentId = BTC) -> None:
        """Say what the market displays."""
        self.exchange.state_book(instrument, bids, asks)

    def free(self, asset: str) -> Decimal:
        """What the account may spend of an asset."""
        account = self.exchange.account(BINANCE, "main")
        assert account is not None
        return account.balance(Asset(asset)).free

    async def get(self, path: str, **params: object) -> Answer:
        """An unsigned request."""
        return await self.send("GET", path, encoded(params), key=None)

    async def signed(
        self,
        method: str,
        path: str,
        *,
        key: str | None = ACCESS,
        in_body: bool = False,
        **params: object,
    ) -> Answer:
        """A signed request; a timestamp is added unless given."""
        text = encoded({"timestamp": now_ms(), **params})
        text += f"&signature={quote(sign(text, key), safe='')}"
        return await self.send(method, path, text, key=key, in_body=in_body)

    async def send(
        self, method: str, path: str, text: str, *, key: str | None = ACCESS, in_body: bool = False
    ) -> Answer:
        """Send parameters exactly as they are."""
        headers = {} if key is None else {"X-MBX-APIKEY": key}
        target = path if in_body or not text else f"{path}?{text}"
        body = text.encode() if in_body else None
        if in_body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        url = URL(f"{self.address}{target}", encoded=True)
        async with self.session.request(method, url, headers=headers, data=body) as answer:
            return Answer(answer.status, answer.headers, await answer.text())

    async def order(self, **changes: object) -> Answer:
        """A small limit order at the best ask, IOC unless changed."""
        usual: dict[str, Any] = {
            "symbol": "BTCUSDT",
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "IOC",
            "quantity": "0.01",
            "price": "100000.00",
        }
        params = {name: value for name, value in (usual | changes).items() if value is not None}
        return await self.signed("POST", "/api/v3/order", **params)

    def socket(self, path: str) -> Any:
        """A WebSocket to the face."""
        return self.session.ws_connect(f"{self.address}{path}", autoping=True)


def encoded(params: Mapping[str, Any]) -> str:
    """Parameters percent-encoded, in the order given."""
    return "&".join(f"{name}={quote(str(value), safe='')}" for name, value in params.items())


def sign(payload: str, key: str | None) -> str:
    """The signature of the key's owner."""
    if key == ED25519:
        private = load_der_private_key(base64.b64decode(ED25519_TEST_SECRET), None)
        return base64.b64encode(private.sign(payload.encode())).decode()  # type: ignore[union-attr, call-arg]
    return hmac.new(SECRET.encode(), payload.encode(), "sha256").hexdigest()


def sign_params(params: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Parameters of the WebSocket API with key, time and signature."""
    whole: dict[str, Any] = {"apiKey": key, "timestamp": now_ms(), **params}
    text = "&".join(f"{name}={value}" for name, value in sorted(whole.items()))
    return {**whole, "signature": sign(text, key)}


def now_ms() -> int:
    """The host's time, which is the face's unless a fault skews it."""
    return time.time_ns() // 1_000_000


async def next_json(ws: aiohttp.ClientWebSocketResponse) -> Any:
    """The next message of data."""
    return json.loads(await ws.receive_str(timeout=WITHIN_S))


async def until(ws: aiohttp.ClientWebSocketResponse, holds: Any) -> Any:
    """The first message for which it holds."""
    async with asyncio.timeout(WITHIN_S):
        while not holds(message := await next_json(ws)):
            pass
    return message


@asynccontextmanager
async def binance_ground(timing: Timing = USUAL) -> AsyncIterator[Ground]:
    """Serve the face while the block runs."""
    faults = Faults(time.time_ns)
    exchange = Exchange(
        listings_of([BTC, ETH]),
        default_accounts(time.time_ns()),
        RULES,
        faults,
        time.time_ns,
        1_000,
    )
    exchange.state_book(BTC, BIDS, ASKS)
    runner = web.AppRunner(binance.app(exchange, faults, timing), shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession() as session:
        yield Ground(exchange, faults, f"http://127.0.0.1:{port}", session)
    await runner.cleanup()
