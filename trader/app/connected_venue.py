"""ConnectedVenue: one venue of a process, everything of it wired and run together."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from trader.app.connectors import OurOrders, SeeAccount, VenueSight
from trader.app.venue_parts import VenueGround, VenueParts
from trader.config import Settings, VenueSection
from trader.domain.clock import Clock
from trader.domain.events import Event, FaultReported, FeedLost
from trader.domain.instrument import InstrumentId, Venue
from trader.domain.order import ApprovedOrder
from trader.execution.account_look import AccountSeen, see_account
from trader.execution.key_watch import KeyWatch
from trader.execution.keys import Keys
from trader.execution.lane import OrderLane
from trader.execution.private import PrivateLink, private_rules
from trader.execution.session import VenueSession
from trader.execution.settling import Settling
from trader.execution.venue import Placement, Rejected, VenueClient
from trader.execution.watching import VenueWatch
from trader.feeds.codec import MarketTold
from trader.feeds.stream import FeedStream
from trader.ops.around import LaneFigures, VenueFigures
from trader.wire.budget import Budget
from trader.wire.client import HttpClient
from trader.wire.socket import SocketKeeper


class ConnectedVenue:
    """Books, rules and clock of one venue; with keys its account and its order lane, too."""

    def __init__(
        self,
        venue: Venue,
        parts: VenueParts,
        settings: Settings,
        section: VenueSection,
        instruments: tuple[InstrumentId, ...],
        clock: Clock,
        deliver: Callable[[Event], None],
        keys: Keys | None,
        orders: OurOrders,
    ) -> None:
        state_dir = Path(settings.engine.state_dir)
        timeout_s = settings.execution.timeout_ms / 1_000
        self.venue = venue
        self._deliver = deliver
        self._clock = clock
        self._budget = Budget(
            parts.limits,
            clock.now(),
            parts.read_limits,
            state_dir / f"ban-{venue}.json",
            self._banned,
        )
        self._http = HttpClient(section.rest_url, self._budget, clock, timeout_s)
        client = parts.client(
            VenueGround(section, keys, instruments, self._http, clock, self._budget.restate)
        )
        self._watch = VenueWatch(client, clock, deliver)
        self._feed = FeedStream(
            parts.codec(instruments),
            section.ws_url,
            self._http,
            clock,
            self._heard_feed,
            float(settings.safety.max_ws_age_ms),
            told=self._told_of_market,
            shut_out_s=self._shut_out_s,
        )
        self._account = (
            None
            if keys is None
            else _Account(
                client,
                settings,
                section,
                clock,
                deliver,
                self._budget,
                keys,
                orders,
                self._watch,
            )
        )

    @property
    def sight(self) -> VenueSight:
        """What is known of it this instant."""
        account = self._account
        if account is None:
            return VenueSight(skew_ms=self._watch.skew_ms)
        reconciled = account.session.is_reconciled and self._watch.knows_rules
        return VenueSight(reconciled, self._watch.skew_ms, account.lane.takes_orders)

    @property
    def figures(self) -> VenueFigures:
        """What its connections have counted, and how they stand this instant."""
        now, feed, sight = self._clock.now(), self._feed.counts, self.sight
        return VenueFigures(
            connected=self._feed.is_open,
            frames=feed.socket.frames,
            invalid_frames=feed.socket.invalid,
            reconnects=feed.socket.lost,
            snapshots=feed.snapshots,
            snapshots_failed=feed.snapshots_failed,
            reconciled=sight.reconciled,
            clock_skew_s=None if sight.skew_ms is None else sight.skew_ms / 1_000,
            limit_used_ratio=self._budget.used_ratio(now),
            refusals=self._budget.refusals,
            bans=self._budget.bans,
            shut_out_s=self._budget.banned_s(now),
            lane=None
            if self._account is None
            else _lane_figures(self._account.lane, self._account.stream),
        )

    @property
    def lane(self) -> OrderLane | None:
        """Its order connection; None without keys."""
        return None if self._account is None else self._account.lane

    @property
    def key(self) -> KeyWatch | None:
        """What is known of our key; None without one."""
        return None if self._account is None else self._account.key

    @property
    def see_account(self) -> SeeAccount | None:
        """How to see its account; None without keys."""
        return None if self._account is None else self._account.see

    def saw(self, event: Event) -> None:
        """The engine has processed an event."""
        if self._account is not None:
            self._account.session.saw(event)

    async def run(self) -> None:
        """Connect, hear and act until cancelled."""
        if self._shut_out_s() > 0:
            self._banned(self._shut_out_s())
        parts: list[Callable[[], Awaitable[None]]] = [self._feed.run, self._watch.run]
        if self._account is not None:
            parts += self._account.parts
        try:
            async with asyncio.TaskGroup() as group:
                for part in parts:
                    group.create_task(_run(part))
        finally:
            await self._http.close()

    def _shut_out_s(self) -> float:
        return self._budget.banned_s(self._clock.now())

    def _banned(self, wait_s: float) -> None:
        now = self._clock.now()
        what = f"shut us out for {wait_s:.0f} s: nothing is asked and no order leaves until then"
        self._deliver(FaultReported(now.at_ns, now.mono_ns, self.venue, what))

    def _told_of_market(self, told: MarketTold) -> None:
        self._watch.told(told.instrument, told.barred, halted=told.halted)

    def _heard_feed(self, event: Event) -> None:
        self._deliver(event)
        if isinstance(event, FeedLost):
            # Fees and rules are read anew on every reconnect.
            self._watch.refresh_soon()


class _Account:
    """Our account at one venue: session, lane and key."""

    def __init__(
        self,
        client: VenueClient,
        settings: Settings,
        section: VenueSection,
        clock: Clock,
        deliver: Callable[[Event], None],
        budget: Budget,
        keys: Keys,
        orders: OurOrders,
        watch: VenueWatch,
    ) -> None:
        fingerprint = keys.access.fingerprint()
        self._client = client
        self._orders = orders
        self._clock = clock
        self._watch = watch
        self.lane = OrderLane(
            client,
            section.rest_url,
            budget,
            clock,
            deliver,
            settings.execution.timeout_ms / 1_000,
            heard=self._answered,
        )
        settling = Settling(
            client,
            clock,
            deliver,
            lambda: orders.unsettled(client.venue),
            self.lane.awaits,
            settings.execution.quarantine_seconds,
        )
        self.session = VenueSession(client, settling, clock, deliver, orders)
        link = PrivateLink(client.venue, self.session, section.private_ws_url, clock, deliver)
        self.stream = SocketKeeper(
            f"{client.venue} private",
            link,
            private_rules(self.session.stream),
            clock,
            shut_out_s=lambda: budget.banned_s(clock.now()),
        )
        self.key = KeyWatch(
            client,
            fingerprint,
            clock,
            deliver,
            attested=section.attested_fingerprint == fingerprint,
            remembered=Path(settings.engine.state_dir) / f"key-{client.venue}.json",
        )
        self.parts: tuple[Callable[[], Awaitable[None]], ...] = (
            self.lane.run,
            self.session.run,
            self.stream.run,
            self.key.run,
        )

    async def see(self, since_ns: int) -> AccountSeen:
        """What the venue shows of it now.

        Raises:
            VenueError: something could not be asked for.
        """
        return await see_account(self._client, self._orders, since_ns, self._clock)

    def _answered(self, _order: ApprovedOrder, placement: Placement) -> None:
        if not isinstance(placement, Rejected):
            return
        if placement.stale_rules:
            self._watch.refresh_soon()
        if placement.halts:
            self.session.refused(placement)


def _lane_figures(lane: OrderLane, stream: SocketKeeper) -> LaneFigures:
    counts = lane.counts
    return LaneFigures(
        connections_ready=lane.connections_ready,
        round_trip_s=counts.round_trip_ms / 1_000 if counts.round_trip_ms else None,
        stream_connected=stream.is_open,
        stream_reconnects=stream.counts.lost,
        accepted=counts.accepted,
        rejected=counts.rejected,
        throttled=counts.throttled,
        unknown=counts.unknown,
    )


async def _run(part: Callable[[], Awaitable[None]]) -> None:
    await part()


Venues = Mapping[Venue, ConnectedVenue]
