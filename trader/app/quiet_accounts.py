"""Accounts of an engine that does not run: seen over REST with its locks held, and nothing traded.

What an operator accepts is judged by the engine's own rules and written to its journal.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from trader.alerts.outbox import Outbox
from trader.alerts.rules import alerts_for
from trader.app.connectors import SeeAccount
from trader.app.engine_orders import EngineOrders
from trader.app.inspection import Quiet, quiet
from trader.app.reconciling import DAY_NS, compared, see
from trader.app.venue_parts import VenueGround, parts_of
from trader.app.venues import keys_of
from trader.app.wiring import simulated_instruments
from trader.config import Settings, used_venues, venues
from trader.domain.answers import Origin
from trader.domain.clock import Clock
from trader.domain.control import Accept, Reply
from trader.domain.errors import InvariantBroken, PortError, VenueError
from trader.domain.events import AccountStated, CommandReceived, OrderReported
from trader.domain.facts import Fact
from trader.domain.instrument import Venue, split_id
from trader.domain.order import ClientOrderId, LedgerName, OrderState
from trader.domain.reconcile_answers import ReconcileAnswer
from trader.engine.engine import Outcome
from trader.execution.account_look import AccountSeen, first_since_ns, patiently, see_account
from trader.execution.keys import Keys
from trader.execution.venue import OrderView, VenueClient
from trader.ops.lease import HostLock
from trader.runtime import SystemClock
from trader.wire.budget import Budget
from trader.wire.client import HttpClient

BY_HOST = "host"
# Nobody else waits: thousands of orders may be asked for.
_ASK_WITHIN_S = 120.0


@dataclass(frozen=True)
class QuietAccounts:
    """A state whose locks are ours, and the keys to see its accounts."""

    settings: Settings
    state: Quiet
    keys: Mapping[Venue, Keys]

    def reconcile(self) -> ReconcileAnswer:
        """What every venue shows beside what the journal counts; nothing is written."""
        return asyncio.run(self._reconcile())

    def accept(self, subject: str) -> Reply:
        """Accept a difference, or all; a quarantined order by what its venue shows now.

        Raises:
            PortError: a venue that must be asked does not answer; nothing was written.
        """
        return asyncio.run(self._accept(subject))

    async def _reconcile(self) -> ReconcileAnswer:
        engine, rules = self.state.engine, self.state.engine.state.rules
        async with _clients(self.settings, self.keys) as clients:
            seen = await self._see(clients)
        missing = [name for name in map(Venue, used_venues(self.settings)) if name not in seen]
        seen |= dict.fromkeys(missing, "no keys were given")
        return compared(engine, Origin(rules.name, rules.mode, time.time_ns()), seen)

    async def _see(self, clients: Mapping[Venue, VenueClient]) -> dict[Venue, AccountSeen | str]:
        records, clock = EngineOrders(self.state.engine), SystemClock()
        now_ns = clock.now().at_ns
        since_ns = min(first_since_ns(now_ns, records.known_until_ns), now_ns - DAY_NS)

        def account(client: VenueClient) -> SeeAccount:
            return lambda since: see_account(client, records, since, clock)

        accounts = {name: account(client) for name, client in clients.items()}
        return await see(accounts, since_ns, _ASK_WITHIN_S)

    async def _accept(self, subject: str) -> Reply:
        engine = self.state.engine
        order = engine.state.ledgers[LedgerName.LIVE].orders.get(ClientOrderId(subject))
        async with _clients(self.settings, self.keys) as clients:
            if order is not None and order.state is OrderState.QUARANTINED:
                intent = order.approved.intent
                client = clients.get(split_id(intent.instrument)[0])
                return await self._accept_order(subject, client)
            return self._accept_seen(subject, await self._see(clients))

    async def _accept_order(self, subject: str, client: VenueClient | None) -> Reply:
        order_id = ClientOrderId(subject)
        order = self.state.engine.state.ledgers[LedgerName.LIVE].orders[order_id]
        if client is None:
            raise PortError(f"nothing done: no keys to ask {order.approved.intent.instrument} with")
        try:
            found = await patiently(
                lambda: client.find(order_id, order.approved.intent.instrument, 0)
            )
        except VenueError as error:
            raise PortError(f"nothing done: the venue does not answer: {error}") from error
        accepted = self._note(self._command(subject))
        now = SystemClock().now()
        report = OrderReported(
            now.at_ns,
            now.mono_ns,
            order_id,
            OrderState.QUARANTINED,
            order.executed,
            (),
            "the venue knows it not",
        )
        if isinstance(found, OrderView):
            report = OrderReported(
                now.at_ns,
                now.mono_ns,
                order_id,
                found.state,
                found.executed,
                found.fills,
                found.reason,
            )
        settled = self._note(report)
        self._write([*accepted.facts, *settled.facts])
        return _reply_of(accepted)

    def _accept_seen(self, subject: str, seen: Mapping[Venue, AccountSeen | str]) -> Reply:
        """Judge what was seen as a start would, and accept what it comes to."""
        silent = [f"{name}: {found}" for name, found in seen.items() if isinstance(found, str)]
        if silent:
            raise PortError(f"nothing done: {'; '.join(silent)}")
        facts: list[Fact] = []
        for venue, found in seen.items():
            if isinstance(found, AccountSeen):
                facts += self._note(_statement(venue, found)).facts
        accepted = self._note(self._command(subject))
        reply = _reply_of(accepted)
        if reply.changed:
            self._write([*facts, *accepted.facts])
        return reply

    def _note(self, event: AccountStated | CommandReceived | OrderReported) -> Outcome:
        return self.state.engine.note(event)

    def _command(self, subject: str) -> CommandReceived:
        now = SystemClock().now()
        sight = self.state.senses.sight()
        return CommandReceived(now.at_ns, now.mono_ns, Accept(BY_HOST, subject), BY_HOST, sight)

    def _write(self, facts: list[Fact]) -> None:
        journal = self.state.journal
        outbox = Outbox(journal, journal, enabled=self.settings.alert.enabled)
        with journal.transaction() as tx:
            journal.append(tx, facts)
            outbox.enqueue(tx, alerts_for(facts))
        journal.sync_now()


@contextmanager
def quiet_accounts(settings: Settings) -> Iterator[QuietAccounts]:
    """Hold state and accounts of an engine that does not run.

    Raises:
        AlreadyRunning: one runs, on this state or on one of these accounts.
        JournalError: its journal cannot be read.
    """
    found = {Venue(name): keys_of(settings, Venue(name)) for name in used_venues(settings)}
    keys = {name: one for name, one in found.items() if one is not None}
    with ExitStack() as held:
        state = held.enter_context(quiet(settings))
        for fingerprint in sorted({one.access.fingerprint() for one in keys.values()}):
            held.enter_context(HostLock.acquire(Path(settings.engine.lock_dir), fingerprint))
        yield QuietAccounts(settings, state, keys)


@asynccontextmanager
async def _clients(
    settings: Settings, keys: Mapping[Venue, Keys]
) -> AsyncIterator[dict[Venue, VenueClient]]:
    """REST clients of the venues there are keys for, each within its own budget."""
    clock: Clock = SystemClock()
    clients, https = {}, []
    try:
        for name, one in keys.items():
            http, clients[name] = _client(settings, name, one, clock)
            https.append(http)
        yield clients
    finally:
        for http in https:
            await http.close()


def _client(
    settings: Settings, venue: Venue, keys: Keys, clock: Clock
) -> tuple[HttpClient, VenueClient]:
    section = venues(settings)[venue]
    known = simulated_instruments(settings)
    instruments = tuple(one.id for one in known.values() if one.venue == venue)
    parts = parts_of(settings, venue, instruments, keys)
    bans = Path(settings.engine.state_dir) / f"ban-{venue}.json"
    budget = Budget(parts.limits, clock.now(), parts.read_limits, bans)
    http = HttpClient(section.rest_url, budget, clock, settings.execution.timeout_ms / 1_000)
    ground = VenueGround(section, keys, instruments, http, clock, budget.restate)
    return http, parts.client(ground)


def _statement(venue: Venue, found: AccountSeen) -> AccountStated:
    now = SystemClock().now()
    return AccountStated(
        now.at_ns,
        now.mono_ns,
        venue,
        found.asked_mono_ns,
        tuple((balance.asset, balance.total) for balance in found.balances),
        True,
        found.look.orders,
        found.look.others,
    )


def _reply_of(outcome: Outcome) -> Reply:
    if outcome.reply is None:
        raise InvariantBroken("a command was not replied to")
    return outcome.reply
