"""What each venue is made of: its codec to hear, its client to act, its rate limits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trader.config import OwnVenue, Settings, VenueSection, venues
from trader.config.venue_sections import Binance, Upbit
from trader.domain.clock import Clock
from trader.domain.errors import ConfigError
from trader.domain.instrument import BINANCE, BITHUMB, UPBIT, InstrumentId, Venue
from trader.execution.keys import Keys
from trader.execution.venue import Asking, VenueClient
from trader.feeds.codec import FeedCodec
from trader.wire.budget import Limit, Reader


@dataclass(frozen=True)
class VenueGround:
    """What a client is constructed on.

    ``restate`` takes a rate limit, by our name of it, and its tokens as the venue states them.
    """

    section: VenueSection
    keys: Keys | None
    instruments: tuple[InstrumentId, ...]
    ask: Asking
    clock: Clock
    restate: Callable[[str, int], None]


@dataclass(frozen=True)
class VenueParts:
    """How one venue is heard and acted at. Nothing in it holds a socket."""

    limits: Sequence[Limit]
    read_limits: Reader
    codec: Callable[[tuple[InstrumentId, ...]], FeedCodec]
    client: Callable[[VenueGround], VenueClient]


def parts_of(
    settings: Settings, venue: Venue, instruments: tuple[InstrumentId, ...], keys: Keys | None
) -> VenueParts:
    """The parts of a venue, its modules imported only now: nobody pays for one he does not use.

    A user's own classes are constructed here already, so that what is wrong with them is told
    before anything else happens.

    Raises:
        ConfigError: there is no such venue, or its classes do not do.
    """
    if venue == UPBIT:
        return _upbit()
    if venue == BITHUMB:
        return _bithumb()
    if venue == BINANCE:
        return _binance()
    section = settings.venues.own.get(venue)
    if section is None:
        raise ConfigError(f"venue {venue} is not known; allowed: {', '.join(venues(settings))}")
    return _own(venue, section, instruments, keys)


def _upbit() -> VenueParts:
    from trader.execution.jwt import Algorithm
    from trader.execution.upbit import UpbitClient
    from trader.execution.upbit_limits import UPBIT_LIMITS, read_upbit_limits
    from trader.feeds.upbit import UpbitFeed

    def client(ground: VenueGround) -> VenueClient:
        section = ground.section
        return UpbitClient(
            ground.keys,
            ground.instruments,
            ground.ask,
            ground.clock.now,
            section.taker_fee_pct,
            algorithm=Algorithm(section.jwt_algorithm if isinstance(section, Upbit) else "HS512"),
        )

    return VenueParts(UPBIT_LIMITS, read_upbit_limits, UpbitFeed, client)


def _bithumb() -> VenueParts:
    from trader.execution.bithumb import BithumbClient
    from trader.execution.bithumb_limits import BITHUMB_LIMITS, read_bithumb_limits
    from trader.feeds.bithumb import BithumbFeed

    def client(ground: VenueGround) -> VenueClient:
        return BithumbClient(
            ground.keys,
            ground.instruments,
            ground.ask,
            ground.clock.now,
            ground.section.taker_fee_pct,
        )

    return VenueParts(BITHUMB_LIMITS, read_bithumb_limits, BithumbFeed, client)


def _binance() -> VenueParts:
    from trader.execution.binance import BinanceClient
    from trader.execution.binance_limits import LIMITS, read_limits
    from trader.feeds.binance import BinanceFeed

    def client(ground: VenueGround) -> VenueClient:
        section = ground.section
        return BinanceClient(
            ground.keys,
            ground.instruments,
            ground.ask,
            ground.clock.now,
            section.taker_fee_pct,
            section.recv_window_ms if isinstance(section, Binance) else 2_000,
            ground.restate,
        )

    return VenueParts(LIMITS, read_limits, BinanceFeed, client)


def _own(
    venue: Venue, section: OwnVenue, instruments: tuple[InstrumentId, ...], keys: Keys | None
) -> VenueParts:
    from trader.app.own_venues import load_own_venue

    own = load_own_venue(venue, section, instruments, keys)

    def client(ground: VenueGround) -> VenueClient:
        own.line.connect(ground.ask, ground.clock)
        return own.client

    return VenueParts(own.limits, own.read_limits, lambda _: own.feed, client)
