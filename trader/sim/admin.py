"""The operator's pages under ``/admin``: faults, market, balances, halts, the referee's ledger."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from aiohttp import web

from trader.sim.deeds import BalanceChange, Operator, StatusChange
from trader.sim.faults import Fault
from trader.sim.market import MarketChange
from trader.sim.referee import Referee

MAX_BODY_BYTES = 1 << 20
_LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
_Wish = TypeVar("_Wish")
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def app(operator: Operator, referee: Referee) -> web.Application:
    """The application of ``/admin``. It answers this host only, and no browser's script."""
    pages = _Pages(operator, referee)
    made = web.Application(middlewares=[_guarded], client_max_size=MAX_BODY_BYTES)
    made.router.add_get("/state", pages.state)
    made.router.add_get("/ledger", pages.ledger)
    made.router.add_post("/faults", pages.set_faults)
    made.router.add_delete("/faults", pages.clear_faults)
    made.router.add_post("/market", pages.change_market)
    made.router.add_post("/balances", pages.change_balances)
    made.router.add_post("/halt", pages.change_status)
    made.router.add_post("/reset", pages.reset)
    return made


class _Pages:
    def __init__(self, operator: Operator, referee: Referee) -> None:
        self._operator = operator
        self._referee = referee

    async def state(self, _: web.Request) -> web.Response:
        """Faults, market, venues."""
        return _json(self._operator.state())

    async def ledger(self, _: web.Request) -> web.Response:
        """All that was accepted, filled, refused and asked."""
        return _json(self._referee.ledger())

    async def set_faults(self, request: web.Request) -> web.Response:
        """One fault or a list; answers their numbers."""
        wishes = await _wishes(request, Fault)
        return _json({"ids": [self._operator.set_fault(wish) for wish in wishes]})

    async def clear_faults(self, request: web.Request) -> web.Response:
        """All faults, or the one that ``id`` names."""
        wanted = request.query.get("id")
        if wanted is not None and not wanted.isdecimal():
            raise ValueError(f"id is {wanted!r}; allowed: the number of a fault")
        number = None if wanted is None else int(wanted)
        return _json({"removed": self._operator.clear_faults(number)})

    async def change_market(self, request: web.Request) -> web.Response:
        """Pin a premium, let it go, jump, freeze or thaw."""
        for wish in await _wishes(request, MarketChange):
            self._operator.change_market(wish)
        return _json({"done": True})

    async def change_balances(self, request: web.Request) -> web.Response:
        """Deposits and withdrawals."""
        for wish in await _wishes(request, BalanceChange):
            self._operator.change_balance(wish)
        return _json({"done": True})

    async def change_status(self, request: web.Request) -> web.Response:
        """Halts and reopenings."""
        wishes = await _wishes(request, StatusChange)
        return _json({"symbols": [self._operator.change_status(wish) for wish in wishes]})

    async def reset(self, _: web.Request) -> web.Response:
        """Begin anew."""
        self._operator.reset()
        return _json({"done": True})


@web.middleware
async def _guarded(request: web.Request, handler: _Handler) -> web.StreamResponse:
    # A page in a browser on this host could post here as well; it cannot hide its origin.
    if request.remote not in _LOOPBACK or "Origin" in request.headers:
        return _json({"error": "only for programs on this host"}, status=403)
    try:
        return await handler(request)
    except (ValueError, msgspec.MsgspecError) as error:
        return _json({"error": str(error)}, status=400)


async def _wishes(request: web.Request, kind: type[_Wish]) -> list[_Wish]:
    """What the body asks for: one thing or a list of them."""
    body = await request.read()
    if body.lstrip().startswith(b"["):
        return msgspec.json.decode(body, type=list[kind])  # type: ignore[valid-type]
    return [msgspec.json.decode(body, type=kind)]


def _json(content: object, status: int = 200) -> web.Response:
    body = msgspec.json.encode(content)
    return web.Response(body=body, status=status, content_type="application/json")
