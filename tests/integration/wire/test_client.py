"""HttpClient against raw sockets: asked once, as written, within the budget; what ends mean."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.integration.execution.lane_venue import (
    OK,
    Answer,
    Guest,
    RawVenue,
    a_certificate,
    a_raw_venue,
    until,
)
from trader.domain.errors import OutcomeUnknown, VenueUnavailable
from trader.runtime import SystemClock
from trader.wire.budget import Budget, Limit
from trader.wire.client import HttpClient
from trader.wire.http import HttpRequest

GET = HttpRequest("GET", "/v1/accounts", (("Authorization", "Bearer secret-token"),))


def a_budget(tokens: int = 100) -> Budget:
    """So much a minute."""
    return Budget([Limit("all", tokens, 60.0)], SystemClock().now())


@asynccontextmanager
async def a_client(
    url: str, budget: Budget | None = None, timeout_s: float = 5.0
) -> AsyncIterator[HttpClient]:
    """A client that is closed in the end."""
    client = HttpClient(url, budget or a_budget(), SystemClock(), timeout_s)
    try:
        yield client
    finally:
        await client.close()


def requests_of(venue: RawVenue) -> list[bytes]:
    """Every request that arrived, on whatever connection."""
    return [request for guest in venue.guests for request in guest.requests]


class TestAsking:
    """A request arrives as it was written; the answer is handed back as it is."""

    async def test_the_answer_comes_back_whole(self) -> None:
        """Whatever its status; header names in lower case."""
        async with a_raw_venue() as venue, a_client(venue.url) as client:
            venue.on_warming = says(
                b"HTTP/1.1 404 Not Found\r\nDate: now\r\nX-One: 1\r\nX-ONE: 2\r\n"
                b"Content-Length: 4\r\n\r\nnone"
            )
            answer = await client(GET)

        assert (answer.status, answer.body) == (404, b"none")
        assert answer.headers["x-one"] == "2"
        assert answer.headers["date"] == "now"

    @pytest.mark.parametrize(
        "target",
        [
            "/v1/orders/open?states[]=wait&states[]=watch",
            "/v1/orders/open?states%5B%5D=wait",
            "/api/v3/order?signature=a%2Bb%2Fc%3D%3D&symbol=%EF%BC%91",
            "/v1/order?identifier=a+b&x=%20",
        ],
    )
    async def test_the_target_is_not_encoded_again(self, target: str) -> None:
        """A signature counts every byte of it."""
        async with a_raw_venue() as venue, a_client(venue.url + "/sim/") as client:
            await client(HttpRequest("GET", target))

        assert requests_of(venue)[0].startswith(f"GET /sim{target} HTTP/1.1\r\n".encode())

    async def test_nothing_is_added_that_a_venue_minds(self) -> None:
        """No Origin (one request in ten seconds then), no cookie, no content type of aiohttp's."""
        async with a_raw_venue() as venue, a_client(venue.url) as client:
            venue.on_warming = says(
                b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 0\r\n\r\n"
            )
            await client(GET)
            await client(HttpRequest("POST", "/x", (("Content-Type", "application/json"),), b"{}"))
            await client(GET)

        text = b"".join(requests_of(venue)).lower()
        for header in (b"origin:", b"cookie:", b"accept-encoding:", b"octet-stream"):
            assert header not in text
        assert text.count(b"content-type: application/json\r\n") == 1
        assert len(venue.guests) == 1

    async def test_proxies_of_the_environment_are_not_used(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Keys travel to the venue and to nobody else."""
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        async with a_raw_venue() as venue, a_client(venue.url) as client:
            assert (await client(GET)).status == 200

    async def test_a_redirect_is_not_followed(self) -> None:
        """The request has left, and its answer is none."""
        async with a_raw_venue() as venue, a_client(venue.url) as client:
            venue.on_warming = says(
                b"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n"
            )
            with pytest.raises(OutcomeUnknown, match="redirected"):
                await client(GET)

        assert len(requests_of(venue)) == 1

    async def test_tls_is_verified(self, tmp_path: Path) -> None:
        """A certificate nobody vouches for is no connection."""
        server, trusting = a_certificate(tmp_path)
        async with a_raw_venue(server) as venue:
            async with a_client(venue.url) as client:
                with pytest.raises(VenueUnavailable):
                    await client(GET)
            client = HttpClient(venue.url, a_budget(), SystemClock(), 5.0, trusting)
            assert (await client(GET)).status == 200
            await client.close()

        assert len(requests_of(venue)) == 1


def says(data: bytes) -> Answer:
    """An answer of exactly these bytes."""

    async def answer(guest: Guest, request: bytes) -> None:
        del request
        await guest.say(data)

    return answer


async def hangs_up(guest: Guest, request: bytes) -> None:
    """Read the request, answer nothing, close."""
    del request
    guest.writer.close()


async def breaks_off(guest: Guest, request: bytes) -> None:
    """Read the request, answer nothing, reset."""
    del request
    guest.reset()


class TestNothingIsSentTwice:
    """aiohttp sends GET, PUT and DELETE again when a kept connection was closed; we do not."""

    @pytest.mark.parametrize("end", [hangs_up, breaks_off])
    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PUT"])
    @pytest.mark.parametrize("kept", [True, False])
    async def test_a_connection_that_closes_without_an_answer(
        self, method: str, kept: bool, end: Answer
    ) -> None:
        """The venue may have acted; that is unknown, whatever the method and the connection."""
        async with a_raw_venue() as venue, a_client(venue.url) as client:
            if kept:
                await client(GET)
            venue.on_warming = venue.on_order = end
            with pytest.raises(OutcomeUnknown):
                await client(HttpRequest(method, "/once", body=b"{}"))
            await asyncio.sleep(0.05)

        assert sum(b" /once " in request for request in requests_of(venue)) == 1

    async def test_a_kept_connection_closed_meanwhile(self) -> None:
        """Seen before sending it is replaced; the request is sent on the new one alone."""
        async with a_raw_venue() as venue, a_client(venue.url) as client:
            await client(GET)
            venue.guests[0].writer.close()
            await asyncio.sleep(0.05)
            assert (await client(HttpRequest("DELETE", "/once"))).status == 200

        assert len(requests_of(venue)) == 2


class TestEnds:
    """What provably did not leave is unavailable; whatever may have left is unknown."""

    async def test_nobody_listens(self) -> None:
        """And what it would have cost is given back."""
        budget = a_budget()
        async with a_raw_venue() as venue:
            url = venue.url
        async with a_client(url, budget) as client:
            with pytest.raises(VenueUnavailable, match="GET /v1/accounts: no connection"):
                await client(GET)

        assert budget.used(SystemClock().now()) == {"all": 0}

    async def test_the_budget_forbids(self) -> None:
        """Nothing reaches the venue."""
        async with a_raw_venue() as venue, a_client(venue.url, a_budget(1)) as client:
            await client(GET)
            with pytest.raises(VenueUnavailable, match="held back"):
                await client(GET)

        assert len(requests_of(venue)) == 1

    async def test_a_refusal_for_haste_holds_the_next_one_back(self) -> None:
        """The answer's headers reach the budget."""
        async with a_raw_venue() as venue, a_client(venue.url) as client:
            venue.on_warming = says(
                b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"
            )
            assert (await client(GET)).status == 429
            with pytest.raises(VenueUnavailable, match=r"held back for [67]\.\d s"):
                await client(GET)

    async def test_no_answer_in_time(self) -> None:
        """It left; the connection is not used again."""

        async def waits(guest: Guest, request: bytes) -> None:
            del request
            await guest.reader.read()

        async with a_raw_venue() as venue, a_client(venue.url, timeout_s=0.2) as client:
            venue.on_warming = waits
            with pytest.raises(OutcomeUnknown, match="TimeoutError"):
                await client(GET)
            venue.on_warming = says(OK)
            assert (await client(GET)).status == 200

        assert len(venue.guests) == 2

    async def test_an_answer_without_end(self) -> None:
        """Memory is bounded, whatever the venue sends."""

        async def floods(guest: Guest, request: bytes) -> None:
            del request
            await guest.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                await guest.say(b"10000\r\n" + bytes(0x10000) + b"\r\n")

        async with a_raw_venue() as venue, a_client(venue.url) as client:
            venue.on_warming = floods
            with pytest.raises(OutcomeUnknown, match="more than 8388608 bytes"):
                await client(GET)

    @pytest.mark.parametrize(
        "half", [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", b"HTTP/1.1 200"]
    )
    async def test_half_an_answer(self, half: bytes) -> None:
        """It is none."""

        async def says_half(guest: Guest, request: bytes) -> None:
            del request
            await guest.say(half)
            guest.writer.close()

        async with a_raw_venue() as venue, a_client(venue.url) as client:
            venue.on_warming = says_half
            with pytest.raises(OutcomeUnknown):
                await client(GET)

    async def test_errors_tell_no_signature(self) -> None:
        """Nor the address it stands in."""
        async with a_raw_venue() as venue:
            url = venue.url
        async with a_client(url) as client:
            with pytest.raises(VenueUnavailable) as caught:
                await client(HttpRequest("GET", "/api/v3/account?signature=0123abcd"))

        told = f"{caught.value!r} {caught.value.__cause__!r}"
        assert "0123abcd" not in told
        assert caught.value.__suppress_context__

    async def test_it_can_be_cancelled(self) -> None:
        """And says nothing of the outcome then; whoever cancels knows."""

        async def waits(guest: Guest, request: bytes) -> None:
            del request
            await guest.reader.read()

        async with a_raw_venue() as venue, a_client(venue.url) as client:
            venue.on_warming = waits
            task = asyncio.create_task(client(GET))  # type: ignore[arg-type]
            await until(lambda: bool(requests_of(venue)))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task


def test_the_libraries_are_imported_when_first_needed() -> None:
    """A start that asks nothing does not wait for aiohttp, which takes longer than all of ours."""
    script = (
        "import trader.wire.client, trader.wire.socket, trader.feeds.stream, trader.execution.lane,"
        "sys; print('aiohttp' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.strip() == "False"
