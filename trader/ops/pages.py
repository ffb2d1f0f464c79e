"""The four pages of the metrics server. Only ``server.py`` imports this, and late."""

import asyncio
import socket
from collections.abc import Callable, Iterable, Sequence

import msgspec
from aiohttp import web

from trader.ops.metrics import Metrics
from trader.ops.series import CONTENT_TYPE, Series

_BACKLOG = 64
_SHUTDOWN_SECONDS = 1.0


class Pages:
    """Answers ``/metrics``, ``/metrics.json``, ``/healthz``, ``/readyz``; anything else is 404."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        alive_within_s: float,
        not_ready: Callable[[], Sequence[str]],
        version: str,
    ) -> None:
        self._metrics = metrics
        self._alive_within_s = alive_within_s
        self._not_ready = not_ready
        self._series = Series(metrics, version)

    async def serve(self, listeners: Iterable[socket.socket]) -> None:
        """Answer on these listening sockets until cancelled; closes them at the end."""
        app = web.Application()
        app.router.add_get("/metrics", self._show_series)
        app.router.add_get("/metrics.json", self._show_json)
        app.router.add_get("/healthz", self._show_health)
        app.router.add_get("/readyz", self._show_readiness)
        runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN_SECONDS
        )
        try:
            await runner.setup()
            for listener in listeners:
                await web.SockSite(runner, listener, backlog=_BACKLOG).start()
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    async def _show_series(self, _: web.Request) -> web.Response:
        return web.Response(body=self._series.render(), headers={"Content-Type": CONTENT_TYPE})

    async def _show_json(self, _: web.Request) -> web.Response:
        return _json(200, self._metrics.to_json())

    async def _show_health(self, _: web.Request) -> web.Response:
        quiet_s = self._metrics.quiet_seconds()
        alive = quiet_s <= self._alive_within_s
        status = "ok" if alive else "stalled"
        return _json(200 if alive else 503, {"status": status, "quiet_seconds": round(quiet_s, 3)})

    async def _show_readiness(self, _: web.Request) -> web.Response:
        reasons = list(self._not_ready())
        if self._metrics.latest is None:
            reasons.append("NO_CYCLE_YET")
        elif self._metrics.quiet_seconds() > self._alive_within_s:
            reasons.append("LOOP_STALLED")
        return _json(503 if reasons else 200, {"ready": not reasons, "reasons": reasons})


def _json(status: int, body: dict[str, object]) -> web.Response:
    content = msgspec.json.encode(body)
    return web.Response(body=content, status=status, content_type="application/json")
