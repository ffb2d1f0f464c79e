"""A Korean venue of the simulator on a real port, and a client made by hand from the fact sheet."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import aiohttp
from aiohttp import web
from yarl import URL

from trader.domain.instrument import BITHUMB, KRW, UPBIT, InstrumentId, Venue
from trader.sim.defaults import default_accounts, listings_of, test_key
from trader.sim.exchange import Exchange
from trader.sim.faults import Fault, FaultKind, Faults
from trader.sim.model import Account, Levels
from trader.sim.rules import RULES, VenueRules

Face = Callable[[Exchange, Faults], web.Application]
Pairs = Sequence[tuple[str, str]]

BIDS: Levels = ((150_000_000.0, 0.5), (149_999_000.0, 1.0), (149_990_000.0, 2.0))
ASKS: Levels = ((150_010_000.0, 0.5), (150_011_000.0, 1.0), (150_020_000.0, 2.0))
PATIENCE_S = 5.0


class Reply:
    """An answer: status, headers, and the body as it was sent and as JSON."""

    def __init__(self, status: int, headers: Mapping[str, str], text: str):
        """Parse the body where it is JSON; amounts stay strings, as they are sent."""
        self.status = status
        self.headers = headers
        self.text = text
        self.body: Any = json.loads(text) if text[:1] in "{[" else None

    @property
    def error(self) -> str | int:
        """The name of the error it is."""
        name: str | int = self.body["error"]["name"]
        return name


class Client:
    """Signs by the sheet: claims in order, the hash over the decoded query or the body's keys."""

    def __init__(self, floor: "Floor", session: aiohttp.ClientSession):
        """Use the floor's usual key."""
        self._session = session
        self._base = floor.url
        self.venue = floor.venue
        self.access, self.secret = test_key(floor.venue)
        self.algorithm = "HS256" if floor.venue == BITHUMB else "HS512"
        self.clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    def token(self, query: str = "", **claims: object) -> str:
        """A bearer token over a query; ``claims`` replace its own, None removes one."""
        made: dict[str, object] = {"access_key": self.access, "nonce": str(uuid4())}
        if self.venue == BITHUMB:
            made["timestamp"] = self.clock_ms()
        if query:
            made["query_hash"] = hashlib.sha512(query.encode()).hexdigest()
            made["query_hash_alg"] = "SHA512"
        made = {name: value for name, value in (made | claims).items() if value is not None}
        parts = ({"alg": self.algorithm, "typ": "JWT"}, made)
        signed = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
        digest = {"HS256": "sha256", "HS512": "sha512"}[self.algorithm]
        signature = hmac.new(self.secret.encode(), signed.encode(), digest).digest()
        return f"Bearer {signed}.{_encoded(signature)}"

    async def ask(
        self,
        method: str,
        path: str,
        pairs: Pairs = (),
        *,
        token: str | None = None,
        brackets: str = "[]",
    ) -> Reply:
        """A signed request with its parameters in the query."""
        hashed = "&".join(f"{name}={value}" for name, value in pairs)
        sent = "&".join(
            f"{name.replace('[]', brackets)}={quote(value, safe='')}" for name, value in pairs
        )
        headers = {"Authorization": token or self.token(hashed)}
        return await self._send(method, path, sent, headers)

    async def post(
        self, path: str, body: Mapping[str, object], *, token: str | None = None
    ) -> Reply:
        """A signed request with its parameters in a JSON body."""
        hashed = "&".join(_flat(body))
        headers = {
            "Authorization": token or self.token(hashed),
            "Content-Type": "application/json; charset=utf-8",
        }
        return await self._send("POST", path, "", headers, json.dumps(body).encode())

    async def open(self, path: str) -> Reply:
        """A request anyone may make."""
        place, _, query = path.partition("?")
        return await self._send("GET", place, query, {})

    async def socket(self, path: str, *, signed: bool = False) -> aiohttp.ClientWebSocketResponse:
        """A WebSocket, signed in its handshake or not."""
        headers = {"Authorization": self.token()} if signed else {}
        return await self._session.ws_connect(f"{self._base}{path}", headers=headers)

    async def _send(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Reply:
        url = URL(f"{self._base}{path}" + (f"?{query}" if query else ""), encoded=True)
        async with self._session.request(method, url, headers=headers, data=body or None) as answer:
            return Reply(answer.status, answer.headers, await answer.text())


class Floor:
    """The running venue with its exchange and faults in reach."""

    def __init__(self, venue: Venue, rules: Mapping[Venue, VenueRules]):
        """Listed: BTC and USDT in won, both with a book."""
        self.venue = venue
        self.url = ""
        self.faults = Faults(time.time_ns)
        listed = [InstrumentId(f"{venue}:{coin}-KRW") for coin in ("BTC", "USDT")]
        self.exchange = Exchange(
            listings_of(listed),
            default_accounts(time.time_ns()),
            rules,
            self.faults,
            time.time_ns,
            time.time_ns() // 1_000,
        )
        self.btc, self.usdt = listed
        # Enough for orders that eat whole levels.
        self.exchange.adjust(self.account, KRW, Decimal(450_000_000))
        self.state()
        self.exchange.state_book(self.usdt, ((1_390.0, 9_000.0),), ((1_391.0, 9_000.0),))

    def state(self, bids: Levels = BIDS, asks: Levels = ASKS) -> None:
        """State the book of BTC."""
        self.exchange.state_book(self.btc, bids, asks)

    def fault(self, kind: FaultKind, **others: Any) -> None:
        """Set a fault at this venue."""
        self.faults.install(Fault(kind, venue=self.venue, **others))

    @property
    def account(self) -> Account:
        """The account of the usual key."""
        found = self.exchange.account_of(self.venue, test_key(self.venue)[0])
        assert found is not None
        return found[0]


@asynccontextmanager
async def floor(
    face: Face, venue: Venue = UPBIT, rules: Mapping[Venue, VenueRules] = RULES
) -> AsyncIterator[tuple[Floor, Client]]:
    """Serve a face on 127.0.0.1, with a client."""
    made = Floor(venue, rules)
    runner = web.AppRunner(face(made.exchange, made.faults), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with aiohttp.ClientSession() as session:
            yield made, Client(made, session)
    finally:
        await runner.cleanup()


async def message(socket: aiohttp.ClientWebSocketResponse) -> Any:
    """The next frame as JSON, its numbers exact; fails when none comes."""
    frame = await socket.receive(PATIENCE_S)
    assert frame.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), frame
    return json.loads(frame.data, parse_float=Decimal)


async def messages(socket: aiohttp.ClientWebSocketResponse, count: int) -> list[Any]:
    """So many frames."""
    return [await message(socket) for _ in range(count)]


async def nothing_more(client: aiohttp.ClientWebSocketResponse) -> None:
    """Show that nothing waits: the answer to a PING is the next frame."""
    await client.send_str("PING")
    assert await message(client) == {"status": "UP"}


async def settled() -> None:
    """Let what is under way on this loop finish its step."""
    await asyncio.sleep(0)


def subscription(*types: Mapping[str, object], form: str = "DEFAULT") -> str:
    """A request array."""
    return json.dumps([{"ticket": str(uuid4())}, *types, {"format": form}])


def _flat(body: Mapping[str, object]) -> list[str]:
    flat: list[str] = []
    for name, value in body.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            flat += [
                f"{name}[{index}][{key}]={inner}"
                for index, entry in enumerate(value)
                for key, inner in entry.items()
            ]
        elif isinstance(value, list):
            flat += [f"{name}[]={inner}" for inner in value]
        else:
            flat.append(f"{name}={value}")
    return flat


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
