"""A venue made of raw sockets: what arrived is kept to the byte, what it answers is the test's.

Also the client half that a lane needs: requests and answers as plain as they can be.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.builders import UPBIT_BTC
from trader.domain.clock import Stamp
from trader.domain.events import Event, OrderReported
from trader.domain.order import (
    ApprovedOrder,
    ClientOrderId,
    Intent,
    LedgerName,
    OrderState,
    PairName,
    Purpose,
    Side,
    TradeId,
)
from trader.execution.lane import OrderLane
from trader.execution.venue import (
    Accepted,
    OrderView,
    Placement,
    Rejected,
    Throttled,
    Unknown,
    VenueClient,
)
from trader.runtime import SystemClock
from trader.wire.budget import Budget, Limit
from trader.wire.http import HttpAnswer, HttpRequest

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TIMEOUT_S = 5.0


class Guest:
    """One connection as the venue sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.requests: list[bytes] = []

    async def say(self, data: bytes) -> None:
        """Send bytes, as they are."""
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Break the connection off."""
        self.writer.transport.abort()


Answer = Callable[[Guest, bytes], Awaitable[None]]


async def say_ok(guest: Guest, request: bytes) -> None:
    """The plainest answer."""
    del request
    await guest.say(OK)


class RawVenue:
    """Keeps every request. ``on_order`` answers a POST, ``on_warming`` a GET."""

    def __init__(self) -> None:
        self.guests: list[Guest] = []
        self.on_order: Answer = say_ok
        self.on_warming: Answer = say_ok
        self.orders: list[bytes] = []
        self.url = ""

    @property
    def warmings(self) -> int:
        """How many warming requests came."""
        return sum(one.startswith(b"GET ") for guest in self.guests for one in guest.requests)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until it is closed."""
        guest = Guest(reader, writer)
        self.guests.append(guest)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = 0
                for line in head.split(b"\r\n"):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                request = head + await reader.readexactly(length)
                guest.requests.append(request)
                if request.startswith(b"POST "):
                    self.orders.append(request)
                    await self.on_order(guest, request)
                else:
                    await self.on_warming(guest, request)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def a_raw_venue(tls: ssl.SSLContext | None = None) -> AsyncIterator[RawVenue]:
    """A venue on a free loopback port."""
    venue = RawVenue()
    server = await asyncio.start_server(venue.serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    venue.url = f"http{'s' if tls else ''}://127.0.0.1:{port}"
    try:
        yield venue
    finally:
        server.close()
        for guest in venue.guests:
            guest.reset()


class PlainClient:
    """The half of a venue client that a lane uses; the rest is not there."""

    def __init__(self) -> None:
        self.signed = 0
        self.fails = False

    def placement(self, order: ApprovedOrder, stamp: Stamp) -> HttpRequest:
        """The order's id as the body."""
        del stamp
        if self.fails:
            raise RuntimeError("no key")
        self.signed += 1
        return HttpRequest(
            "POST", "/orders", body=order.client_order_id.encode(), group="order", weight=1
        )

    def warming(self) -> HttpRequest:
        """A ping."""
        return HttpRequest("GET", "/ping", group="public")

    def read_placement(self, order: ApprovedOrder, answer: HttpAnswer, stamp: Stamp) -> Placement:
        """By status alone; a body of ``?`` is one that the client cannot cope with."""
        del stamp
        if answer.body == b"?":
            raise KeyError("uuid")
        if answer.status == 200:
            view = OrderView(
                order.client_order_id,
                "1",
                order.intent.instrument,
                Side.BUY,
                OrderState.FILLED,
                Decimal("0.5"),
                reason=answer.body.decode(),
            )
            return Accepted(view)
        if answer.status in (418, 429):
            return Throttled("too_many_requests", 3.0, banned=answer.status == 418)
        if answer.status < 500:
            return Rejected("insufficient_funds_bid", "no money")
        return Unknown(f"status {answer.status}")


class Trader:
    """A lane, what it reported, and what it was told of placements."""

    def __init__(
        self,
        url: str,
        connections: int = 1,
        timeout_s: float = TIMEOUT_S,
        tls: ssl.SSLContext | None = None,
        warm_every_s: float = 15.0,
    ) -> None:
        self.clock = SystemClock()
        self.client = PlainClient()
        self.budget = Budget(
            [
                Limit("order", 8, 1.0, ("order",), reserve=2),
                Limit("public", 1000, 1.0, ("public",)),
            ],
            self.clock.now(),
        )
        self.events: list[OrderReported] = []
        self.placements: list[Placement] = []
        self.lane = OrderLane(
            cast(VenueClient, self.client),
            url,
            self.budget,
            self.clock,
            self._deliver,
            timeout_s,
            connections,
            lambda _, placement: self.placements.append(placement),
            tls,
            warm_every_s,
        )

    def _deliver(self, event: Event) -> None:
        assert isinstance(event, OrderReported)
        self.events.append(event)

    def send(self, *orders: ApprovedOrder) -> list[str]:
        """Prepare all and write what could be; why each could not."""
        reasons = [self.lane.prepare(order) for order in orders]
        self.lane.submit([one for one, why in zip(orders, reasons, strict=True) if not why])
        return reasons

    def states(self) -> dict[str, tuple[OrderState, str]]:
        """What was last reported of each order."""
        return {one.client_order_id: (one.state, one.reason) for one in self.events}

    @asynccontextmanager
    async def running(self, ready: int = 1) -> AsyncIterator["Trader"]:
        """Run the lane, from the moment so many connections are warm."""
        task = asyncio.create_task(self.lane.run())
        try:
            await until(lambda: self.lane.counts.connections.warmed >= ready)
            yield self
        finally:
            task.cancel()
            await asyncio.wait({task})


async def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Wait for a condition, and fail when it never comes."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - conditions of any kind, told by nobody
            await asyncio.sleep(0.002)


def an_order(name: str = "order-1", purpose: Purpose = Purpose.OPEN) -> ApprovedOrder:
    """An approved order of this id."""
    return ApprovedOrder(
        ClientOrderId(name),
        TradeId("trade"),
        PairName("upbit-binance"),
        LedgerName.LIVE,
        purpose,
        Intent(UPBIT_BTC, Side.BUY, Decimal("0.5"), Decimal(150_000_000)),
        generation=0,
        signal_ns=0,
    )


def a_certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The two ends' contexts of a certificate for 127.0.0.1 that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "venue")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "venue.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    client = ssl.create_default_context(
        cadata=certificate.public_bytes(serialization.Encoding.PEM).decode()
    )
    return server, client
