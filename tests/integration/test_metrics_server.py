"""The metrics server over real HTTP on a free loopback port."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.snapshots import a_snapshot
from trader.domain.errors import ConfigError
from trader.ops.metrics import Metrics
from trader.ops.server import MetricsServer

ALIVE_WITHIN_S = 5.0


class FakeClock:
    """Monotonic time that moves only when told."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


class Engine:
    """What the server shows, as far as a test sets it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.metrics = Metrics(monotonic_ns=self.clock)
        self.not_ready: list[str] = []

    def cycle(self) -> None:
        """One cycle passes."""
        self.metrics.observe_cycle(
            a_snapshot(), loop_latency_ms=1.0, ws_lag_ms=None, redis_heartbeat_age_ms=None
        )

    def server(self, host: str = "127.0.0.1", port: int = 0) -> MetricsServer:
        """A server that shows this engine."""
        return MetricsServer(
            self.metrics,
            host=host,
            port=port,
            alive_within_s=ALIVE_WITHIN_S,
            not_ready=lambda: self.not_ready,
            version="1.2.3",
        )


@asynccontextmanager
async def serving(engine: Engine) -> AsyncIterator[str]:
    """The server's base URL while it runs."""
    server = engine.server()
    await server.bind()
    task = asyncio.create_task(server.run())
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def engine() -> Engine:
    """An engine before its first cycle."""
    return Engine()


@pytest.fixture
async def web() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client that waits at most thirty seconds."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield session


class TestPages:
    async def test_metrics_are_prometheus_text(
        self, engine: Engine, web: aiohttp.ClientSession
    ) -> None:
        """In the type Prometheus asks for, readable by its parser."""
        engine.cycle()
        async with serving(engine) as url, web.get(f"{url}/metrics") as answer:
            text = await answer.text()

        families = {family.name for family in text_string_to_metric_families(text)}
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert {"trader_live", "trader_cycles", "trader_build_info"} <= families

    async def test_metrics_json_are_the_same_figures(
        self, engine: Engine, web: aiohttp.ClientSession
    ) -> None:
        """By the names of the JSON form."""
        engine.cycle()
        async with serving(engine) as url, web.get(f"{url}/metrics.json") as answer:
            figures = await answer.json()

        assert answer.status == 200
        assert figures == engine.metrics.to_json()

    async def test_health_follows_the_age_of_the_last_cycle(
        self, engine: Engine, web: aiohttp.ClientSession
    ) -> None:
        """A start has as long as a cycle may take; a loop that stopped is told."""
        seen = []
        async with serving(engine) as url:
            for seconds, cycle in ((0, False), (5, False), (1, False), (0, True), (6, False)):
                engine.clock.now_ns += seconds * 1_000_000_000
                if cycle:
                    engine.cycle()
                async with web.get(f"{url}/healthz") as answer:
                    seen.append((answer.status, (await answer.json())["status"]))

        ok, stalled = (200, "ok"), (503, "stalled")
        assert seen == [ok, ok, stalled, ok, stalled]

    async def test_readiness_names_every_reason(
        self, engine: Engine, web: aiohttp.ClientSession
    ) -> None:
        """Ready is: started, a cycle passed and still passing, and nothing the caller names."""
        engine.not_ready = ["STARTING"]
        seen = []

        async with serving(engine) as url:

            async def ask() -> None:
                async with web.get(f"{url}/readyz") as answer:
                    seen.append((answer.status, (await answer.json())["reasons"]))

            await ask()
            engine.not_ready = []
            await ask()
            engine.cycle()
            await ask()
            engine.not_ready = ["JOURNAL_FAILED"]
            engine.clock.now_ns += 6_000_000_000
            await ask()

        assert seen == [
            (503, ["STARTING", "NO_CYCLE_YET"]),
            (503, ["NO_CYCLE_YET"]),
            (200, []),
            (503, ["JOURNAL_FAILED", "LOOP_STALLED"]),
        ]

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("HEAD", "/metrics", 200),
            ("HEAD", "/healthz", 200),
            ("GET", "/", 404),
            ("GET", "/metrics/..%2f..%2fetc/passwd", 404),
            ("POST", "/metrics", 405),
            ("DELETE", "/readyz", 405),
        ],
    )
    async def test_nothing_else_is_answered(
        self,
        engine: Engine,
        web: aiohttp.ClientSession,
        method: str,
        path: str,
        status: int,
    ) -> None:
        """Read only, and only what is named."""
        async with serving(engine) as url, web.request(method, f"{url}{path}") as answer:
            assert answer.status == status


class TestPort:
    async def test_a_taken_one_is_one_clear_line(self, engine: Engine) -> None:
        """Key, value, and what to do; and nothing of ours stays open."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            server = engine.server(port=port)

            with pytest.raises(ConfigError) as refused:
                await server.bind()

        message = str(refused.value)
        assert message.startswith(f"metrics_server.port: {port} is already in use on 127.0.0.1;")
        assert "metrics_server.enabled: false" in message
        assert "\n" not in message

    async def test_a_host_of_another_machine_is_named(self, engine: Engine) -> None:
        """The address is what is wrong then, not the port."""
        with pytest.raises(ConfigError, match=r"^metrics_server\.host: '192\.0\.2\.1' cannot be"):
            await engine.server(host="192.0.2.1").bind()

    async def test_is_on_loopback_alone_and_free_again_after_the_end(self, engine: Engine) -> None:
        """Nobody else on the network reads what we hold; a restart finds its port."""
        server = engine.server()
        await server.bind()
        port = server.port
        task = asyncio.create_task(server.run())
        # Another address of this machine, on the same port, would be ours if we listened on all.
        with socket.create_server(("127.0.0.2", port)):
            pass
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        first = await asyncio.wait_for(reader.readline(), 30)
        # An open connection must not hold up the end of the engine.
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)
        writer.close()

        again = engine.server(port=port)
        await again.bind()
        again.close()
        assert first == b"HTTP/1.1 200 OK\r\n"

    async def test_is_let_go_when_cancelled_before_it_served(self, engine: Engine) -> None:
        """A start that fails elsewhere at once."""
        server = engine.server()
        await server.bind()
        port = server.port
        task = asyncio.create_task(server.run())
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

        again = engine.server(port=port)
        await again.bind()
        again.close()


def test_the_web_library_is_not_loaded_before_it_serves() -> None:
    """It takes longer to import than a first cycle may wait."""
    slow = {"aiohttp", "prometheus_client"}
    asked = f"import sys, trader.ops.server; sys.exit(bool({slow} & set(sys.modules)))"

    found = subprocess.run(
        [sys.executable, "-c", asked], cwd=Path(__file__).parents[2], timeout=60, check=False
    )

    assert found.returncode == 0
