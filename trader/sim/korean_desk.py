"""The counter of a Korean venue: budgets, tokens, faults and error bodies round plain handlers.

Handlers are synchronous and raise ``Failure``; this file holds what is HTTP about them.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from email.utils import formatdate

import msgspec
from aiohttp import web
from msgspec import Struct

from trader.domain.instrument import Venue
from trader.sim.exchange import Exchange
from trader.sim.faults import Before, Faults, Operation, Twist, Verdict
from trader.sim.faulty import answer
from trader.sim.korean_auth import (
    Nonces,
    TokenRules,
    Unauthorised,
    body_texts,
    check_hash,
    check_time,
    parsed_body,
    query_texts,
    read_token,
)
from trader.sim.korean_limits import Budgets, RateGroup, Spent
from trader.sim.korean_params import Answer, Call, Failure, Params, body_params
from trader.sim.model import Account, ApiKey, Permission

_ENCODER = msgspec.json.Encoder(decimal_format="string")
_NS_PER_S = 1_000_000_000
_TOO_MANY_STATUS = 429
_BLOCKED_STATUS = 418
_ORIGIN = "origin"

PublicHandler = Callable[[Params], Answer]
PrivateHandler = Callable[[Call], Answer]


class PublicRoute(Struct, frozen=True):
    """A request anyone may make, and the budget it draws on."""

    method: str
    path: str
    group: str
    work: PublicHandler


class PrivateRoute(Struct, frozen=True):
    """A signed request: what it is about, the permission it takes, the budget it draws on."""

    method: str
    path: str
    group: str
    operation: Operation
    permission: Permission
    work: PrivateHandler


class Manners(Struct, frozen=True):
    """How a venue differs at the counter.

    ``per_account`` counts signed requests per account instead of per address;
    ``tells_remaining`` adds the header with what is left; ``hashes_encoded`` takes query hashes
    over the encoded form too; ``malformed`` makes the failure for a bad parameter of that name,
    ``malformed_public`` the same for requests anyone may make.
    """

    venue: Venue
    tokens: TokenRules
    groups: Mapping[str, RateGroup]
    malformed: Callable[[str], Failure]
    malformed_public: Callable[[str], Failure]
    per_account: bool
    tells_remaining: bool
    hashes_encoded: bool


class Desk:
    """Serves the routes of one venue, and lets sockets in."""

    def __init__(self, exchange: Exchange, faults: Faults, manners: Manners):
        """Start with full budgets and no nonce seen."""
        self.exchange = exchange
        self.faults = faults
        self.manners = manners
        self._budgets = Budgets(manners.groups)
        self._nonces = Nonces()

    @property
    def venue(self) -> Venue:
        """Whose desk this is."""
        return self.manners.venue

    def serve(
        self, application: web.Application, routes: Sequence[PublicRoute | PrivateRoute]
    ) -> None:
        """Add the routes to an application."""
        for route in routes:
            application.router.add_route(route.method, route.path, self._handler(route))

    def _handler(
        self, route: PublicRoute | PrivateRoute
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """What aiohttp is to call for a route."""

        async def handle(request: web.Request) -> web.StreamResponse:
            body = await request.read()

            async def work(twist: Twist) -> web.Response:
                spent: list[Spent] = []
                try:
                    done = self._worked(route, request, body, twist, spent)
                except Failure as failure:
                    return self._respond(route.group, spent, failed(failure))
                return self._respond(route.group, spent, done)

            operation = route.operation if isinstance(route, PrivateRoute) else Operation.PUBLIC
            return await answer(request, self.faults, self.venue, operation, work, self.refusal)

        return handle

    def refusal(self, verdict: Verdict) -> web.Response:
        """What a fault on demand looks like here."""
        match verdict.before:
            case Before.TOO_MANY:
                failure = _too_many()
            case Before.BANNED:
                failure = _blocked(verdict.retry_after_s)
            case _:
                failure = Failure(verdict.status or 500, "server_error", "서버 오류입니다.")
        return self._respond("default", [], failed(failure))

    def admit(self, request: web.Request, group: str, caller: str | None = None) -> Spent:
        """Count a request against a budget.

        Raises:
            Failure: the budget is spent (429), or the caller is blocked (418).
        """
        now_ns = time.monotonic_ns()
        address = request.remote or ""
        if "Origin" in request.headers and _ORIGIN in self.manners.groups:
            # A browser is let through once in ten seconds; a program must not look like one.
            _granted(self._budgets.spend(_ORIGIN, address, now_ns))
        return _granted(self._budgets.spend(group, caller or address, now_ns))

    def holder(self, request: web.Request, texts: frozenset[str]) -> tuple[Account, ApiKey]:
        """Whose token this is, checked in full.

        Raises:
            Failure: it does not entitle.
        """
        rules = self.manners.tokens
        now_ns = self.exchange.now_ns(self.venue)
        try:
            token = read_token(request.headers.get("Authorization"), rules)
            found = self.exchange.account_of(self.venue, token.access_key)
            if found is None:
                raise Unauthorised("invalid_access_key", "잘못된 엑세스 키입니다.")
            account, key = found
            if not token.is_signed_with(key.secret):
                raise Unauthorised("jwt_verification", "JWT 토큰 검증에 실패했습니다.")
            check_time(token, rules, now_ns // 1_000_000)
            if key.expires_ns <= now_ns:
                raise Unauthorised("expired_access_key", "만료된 API 키입니다.")
            if not self._nonces.is_new(token.access_key, token.nonce):
                raise Unauthorised("nonce_used", "이미 요청한 nonce값이 다시 사용되었습니다.")
            check_hash(token, texts)
        except Unauthorised as denial:
            raise Failure(401, denial.name, denial.message) from denial
        return account, key

    def entitled(self, key: ApiKey, permission: Permission) -> None:
        """Let a key through that carries the permission.

        Raises:
            Failure: it does not.
        """
        if not key.may(permission):
            raise Failure(401, "out_of_scope", "허가되지 않은 기능입니다.")

    def _worked(
        self,
        route: PublicRoute | PrivateRoute,
        request: web.Request,
        body: bytes,
        twist: Twist,
        spent: list[Spent],
    ) -> Answer:
        if isinstance(route, PublicRoute):
            spent.append(self.admit(request, route.group))
            return route.work(_query_params(request, self.manners.malformed_public))
        texts, params = self._signed(request, body)
        account, key = self.holder(request, texts)
        caller = f"account/{account.name}" if self.manners.per_account else None
        spent.append(self.admit(request, route.group, caller))
        self.entitled(key, route.permission)
        now_ns = self.exchange.now_ns(self.venue)
        return route.work(Call(params, account, key, now_ns, twist))

    def _signed(self, request: web.Request, body: bytes) -> tuple[frozenset[str], Params]:
        """What the token must have hashed, and the parameters it stands for."""
        if not body:
            query = request.raw_path.partition("?")[2]
            texts = query_texts(query, encoded_too=self.manners.hashes_encoded)
            return texts, _query_params(request, self.manners.malformed)
        if request.content_type != "application/json":
            raise Failure(400, "invalid_parameter", "JSON 형식의 본문만 지원합니다.")
        try:
            return body_texts(body), body_params(parsed_body(body), self.manners.malformed)
        except ValueError as error:
            raise Failure(400, "invalid_parameter", "본문이 올바른 JSON이 아닙니다.") from error

    def _respond(self, group: str, spent: Sequence[Spent], done: Answer) -> web.Response:
        now_ns = self.exchange.now_ns(self.venue)
        headers = {"Date": formatdate(now_ns / _NS_PER_S, usegmt=True)}
        if self.manners.tells_remaining and (spent or done.status == _TOO_MANY_STATUS):
            # "min" is a dead letter that only keeps its place.
            left = spent[-1].remaining if spent else 0
            headers["Remaining-Req"] = f"group={group}; min=1800; sec={left}"
        return web.Response(
            status=done.status,
            body=_ENCODER.encode(done.body),
            content_type="application/json",
            charset="utf-8",
            headers=headers,
        )


def failed(failure: Failure) -> Answer:
    """The error body both venues use."""
    body = {"error": {"name": failure.name, "message": failure.message}}
    return Answer(body, failure.status)


def _query_params(request: web.Request, malformed: Callable[[str], Failure]) -> Params:
    texts = {name: tuple(request.query.getall(name)) for name in request.query}
    texts |= {name: (value,) for name, value in request.match_info.items()}
    return Params(texts, malformed)


def _granted(spent: Spent) -> Spent:
    if spent.allowed:
        return spent
    raise _blocked(spent.blocked_s) if spent.blocked_s else _too_many()


def _too_many() -> Failure:
    return Failure(_TOO_MANY_STATUS, "too_many_requests", "요청 수 제한을 초과했습니다.")


def _blocked(seconds: int) -> Failure:
    message = f"과도한 요청으로 차단되었습니다. {seconds}초 후에 다시 시도해 주세요."
    return Failure(_BLOCKED_STATUS, "blocked", message)
