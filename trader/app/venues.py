"""RealVenues: the connectors of a process in paper or live mode, as the config names them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from trader.app.connected_venue import ConnectedVenue
from trader.app.connectors import KeySight, OurOrders, SeeAccount, VenueSight
from trader.app.venue_parts import VenueParts, parts_of
from trader.app.wiring import simulated_instruments
from trader.config import Settings, used_venues, venues
from trader.domain.clock import Clock
from trader.domain.control import Mode
from trader.domain.events import Event
from trader.domain.instrument import Instrument, InstrumentId, Venue
from trader.execution.gate import Lane
from trader.execution.keys import Keys
from trader.ops.around import VenueFigures


class RealVenues:
    """Constructed without a network; in paper mode also without a key, and then without a lane.

    Raises:
        ConfigError: the config names a venue that there is none of, or that cannot be spoken to.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._names = tuple(Venue(name) for name in used_venues(settings))
        is_live = settings.mode.current is Mode.LIVE
        self._keys = {name: keys_of(settings, name) if is_live else None for name in self._names}
        # What is published until a venue has stated its own rules; not to be traded on before.
        self._instruments = {
            name: replace(instrument, tradable=False)
            for name, instrument in simulated_instruments(settings).items()
            if instrument.venue in self._names
        }
        self._parts: dict[Venue, VenueParts] = {
            name: parts_of(settings, name, self._traded_at(name), self._keys[name])
            for name in self._names
        }
        self._venues: dict[Venue, ConnectedVenue] = {}

    @property
    def instruments(self) -> Mapping[InstrumentId, Instrument]:
        """The configured instruments, not tradable until their venues have stated their rules."""
        return self._instruments

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Each account by its access key, without telling it; sorted."""
        return tuple(sorted({k.access.fingerprint() for k in self._keys.values() if k}))

    def connect(
        self,
        clock: Clock,
        deliver: Callable[[Event], None],
        orders: OurOrders,
    ) -> None:
        """Make every connection ready to be run."""
        for name in self._names:
            self._venues[name] = ConnectedVenue(
                name,
                self._parts[name],
                self._settings,
                venues(self._settings)[name],
                self._traded_at(name),
                clock,
                deliver,
                self._keys[name],
                orders,
            )

    async def run(self) -> None:
        """Hear and act at every venue until cancelled."""
        async with asyncio.TaskGroup() as group:
            for venue in self._venues.values():
                group.create_task(venue.run())

    def lanes(self) -> Mapping[Venue, Lane]:
        """The order connections of the venues we have keys for."""
        return {name: venue.lane for name, venue in self._venues.items() if venue.lane is not None}

    def venue(self, venue: Venue) -> VenueSight:
        """What is known of a venue this instant."""
        connected = self._venues.get(venue)
        return VenueSight() if connected is None else connected.sight

    def keys(self) -> KeySight:
        """What is known of our keys: the worst answer, and the oldest."""
        watches = [venue.key for venue in self._venues.values()]
        answers = [None if watch is None else watch.cannot_withdraw for watch in watches]
        ages = [None if watch is None else watch.age_hours for watch in watches]
        if any(answer is False for answer in answers):
            return KeySight(False, _oldest(ages))
        if not answers or any(answer is None for answer in answers):
            return KeySight(None, _oldest(ages))
        return KeySight(True, _oldest(ages))

    def figures(self) -> Mapping[Venue, VenueFigures]:
        """What each venue's connections have counted."""
        return {name: venue.figures for name, venue in self._venues.items()}

    def accounts(self) -> Mapping[Venue, SeeAccount]:
        """How to see the account of each venue that we have keys for, without acting on it."""
        return {
            name: venue.see_account
            for name, venue in self._venues.items()
            if venue.see_account is not None
        }

    def saw(self, event: Event) -> None:
        """The engine has processed an event."""
        for venue in self._venues.values():
            venue.saw(event)

    def _traded_at(self, venue: Venue) -> tuple[InstrumentId, ...]:
        return tuple(one.id for one in self._instruments.values() if one.venue == venue)


def keys_of(settings: Settings, venue: Venue) -> Keys | None:
    """The keys of a venue; None where they were not given."""
    section = venues(settings)[venue]
    if not (section.api_key and section.secret_key):
        return None
    return Keys(section.api_key, section.secret_key)


def _oldest(ages: Sequence[float | None]) -> float | None:
    known = [age for age in ages if age is not None]
    return max(known) if known and len(known) == len(ages) else None
