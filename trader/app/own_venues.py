"""A venue of the user's own: its two classes found, constructed and contained."""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from trader.app.dotted import class_at, demand_members, said
from trader.app.own_checks import Unsound, sound_request
from trader.app.own_client import ContainedClient
from trader.app.own_limits import CAUTIOUS_LIMITS, ORDER_GROUP, ContainedReader, sound_limits
from trader.app.own_streams import ContainedFeed, ContainedStream
from trader.config import OwnVenue
from trader.credentials import MASK
from trader.domain.clock import Clock, Stamp
from trader.domain.errors import ConfigError, VenueUnavailable
from trader.domain.instrument import InstrumentId, Venue
from trader.execution.keys import Keys
from trader.execution.venue import Asking, ClientGround, VenueClient
from trader.feeds.codec import FeedCodec
from trader.runtime import SystemClock
from trader.wire.budget import Limit, Reader, tells_nothing
from trader.wire.http import HttpAnswer, HttpRequest

_FEED = "trader.feeds.codec.FeedCodec"
_FEED_MEMBERS = (
    *("venue", "instruments", "keepalive", "address", "hello", "decode"),
    *("snapshot", "read_snapshot"),
)
_CLIENT = "trader.execution.venue.VenueClient"
_CLIENT_MEMBERS = (
    *("venue", "placement", "read_placement", "warming", "cancel", "find", "open_orders"),
    *("closed_orders", "balances", "instruments", "fees", "clock_skew_ms", "key_scope"),
    *("try_order", "private_stream"),
)
_STREAM = "trader.execution.venue.PrivateStream"
_STREAM_MEMBERS = (
    *("keepalive", "says_when_ready", "address", "headers", "hello", "is_ready", "decode"),
)


class Line:
    """What a client asks through and tells the time by; connected once the process is wired."""

    def __init__(self) -> None:
        self._asking: Asking | None = None
        self._clock: Clock = SystemClock()

    def connect(self, asking: Asking, clock: Clock) -> None:
        """From now on requests leave."""
        self._asking, self._clock = asking, clock

    async def ask(self, request: HttpRequest) -> HttpAnswer:
        """Send a request.

        Raises:
            VenueUnavailable: it did not leave.
            OutcomeUnknown: no answer came.
        """
        if self._asking is None:
            raise VenueUnavailable("nothing is connected yet")
        return await self._asking(request)

    def now(self) -> Stamp:
        """This instant."""
        return self._clock.now()


@dataclass(frozen=True)
class OwnParts:
    """What one of the user's own venues is made of; its client speaks once ``line`` does."""

    limits: Sequence[Limit]
    read_limits: Reader
    feed: FeedCodec
    client: VenueClient
    line: Line


def load_own_venue(
    venue: Venue, section: OwnVenue, instruments: tuple[InstrumentId, ...], keys: Keys | None
) -> OwnParts:
    """Find and construct the classes that a venue's section names.

    Raises:
        ConfigError: one cannot be found or constructed, or is not what its protocol says.
    """
    try:
        return _loaded(venue, section, instruments, keys)
    except ConfigError as error:
        # Not chained: whoever wrote the class may have put into an error what it was given.
        text = str(error)
        for secret in () if keys is None else (keys.access, keys.secret):
            text = text.replace(secret.reveal(), MASK)
        raise ConfigError(text) from None


def _loaded(
    venue: Venue, section: OwnVenue, instruments: tuple[InstrumentId, ...], keys: Keys | None
) -> OwnParts:
    key, path = f"venues.own.{venue}.feed", section.feed
    feed = _constructed(key, path, venue, (_FEED_MEMBERS, _FEED), instruments)
    with _trying(key, path, "keepalive"):
        contained_feed = ContainedFeed(feed, venue, instruments)

    key, path, line = f"venues.own.{venue}.client", section.client, Line()
    ground = ClientGround(keys, instruments, line.ask, line.now, section.taker_fee_pct)
    client = _constructed(key, path, venue, (_CLIENT_MEMBERS, _CLIENT), ground)
    with _trying(key, path, "limits"):
        limits = sound_limits(getattr(client, "limits", None))
    with _trying(key, path, "warming"):
        warming = sound_request(client.warming())
        if limits and not any(not one.groups or warming.group in one.groups for one in limits):
            raise Unsound(f"a request of the group {warming.group!r}, which no limit of it names")
    return OwnParts(
        limits or CAUTIOUS_LIMITS,
        _reader(client, venue) if limits else tells_nothing,
        contained_feed,
        ContainedClient(
            client,
            venue,
            instruments,
            warming,
            None if keys is None else _stream(key, path, client, instruments),
            None if limits else ORDER_GROUP,
        ),
        line,
    )


def _constructed(
    key: str, path: str, venue: Venue, protocol: tuple[Sequence[str], str], given: object
) -> Any:
    factory = class_at(key, path)
    with _trying(key, path, "constructor"):
        made = factory(given)
    members, name = protocol
    demand_members(key, path, made, members, name)
    if made.venue != venue:
        raise ConfigError(f"{key} is {path}: its venue is {made.venue!r}; allowed: {venue!r}")
    return made


def _stream(
    key: str, path: str, client: VenueClient, instruments: tuple[InstrumentId, ...]
) -> ContainedStream:
    with _trying(key, path, "private_stream"):
        stream = client.private_stream()
    demand_members(key, f"{path}.private_stream()", stream, _STREAM_MEMBERS, _STREAM)
    with _trying(key, path, "private_stream"):
        return ContainedStream(stream, instruments)


def _reader(client: object, venue: Venue) -> Reader:
    """What the client reads answers by; a plain function in its class is not taken for a method."""
    reader: Any = getattr(client, "read_limits", None)
    if reader is None:
        return tells_nothing
    plain = getattr(reader, "__func__", None)
    if plain is not None and not inspect.signature(reader).parameters:
        reader = plain
    return ContainedReader(reader, venue)


@contextmanager
def _trying(key: str, path: str, what: str) -> Iterator[None]:
    """Say in one line what went wrong while ``what`` of the class was asked.

    Raises:
        ConfigError: anything did.
    """
    try:
        yield
    except Unsound as error:
        raise ConfigError(f"{key} is {path}: its {what} gave {error}") from error
    except Exception as error:
        raise ConfigError(f"{key} is {path}: its {what} failed: {said(error)}") from error
