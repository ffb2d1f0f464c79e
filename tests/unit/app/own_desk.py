"""Classes of a user's own for the venue ``mirror``: some that do, and many that do not."""

from collections.abc import Sequence
from typing import Any, ClassVar, Never

from tests.support.fake_venue import FakeVenue
from trader.config import OwnVenue
from trader.credentials import Secret
from trader.domain.clock import Stamp
from trader.domain.instrument import InstrumentId, Venue
from trader.execution.keys import Keys
from trader.execution.venue import ClientGround
from trader.feeds.upbit import UpbitFeed
from trader.wire.budget import Left, Limit, Told
from trader.wire.http import HttpAnswer, HttpRequest

MIRROR = Venue("mirror")
MIRROR_BTC = InstrumentId("mirror:BTC-KRW")
KEYS = Keys(Secret("hunter2-access"), Secret("hunter2-secret"))
STAMP = Stamp(1_767_600_000_000_000_000, 5_000_000_000)


def a_section(**changes: Any) -> OwnVenue:
    """The config's section of the venue; paths are of classes in here."""
    keys = {"feed": "GoodFeed", "client": "GoodClient", **changes}
    for name in ("feed", "client"):
        if "." not in keys[name]:
            keys[name] = f"{__name__}.{keys[name]}"
    address = {"rest_url": "https://x", "ws_url": "wss://x", "private_ws_url": "wss://x"}
    return OwnVenue.model_validate({"taker_fee_pct": 0.05, **address, **keys})


class GoodFeed:
    """Speaks as Upbit does."""

    venue = MIRROR

    def __init__(self, instruments: tuple[InstrumentId, ...]) -> None:
        self.given = instruments
        self._upbit = UpbitFeed(instruments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._upbit, name)


class GoodClient:
    """Answers as a fake venue does; says nothing of limits. ``grounds`` are those it was given."""

    venue = MIRROR
    grounds: ClassVar[list[ClientGround]] = []

    def __init__(self, ground: ClientGround) -> None:
        self.grounds.append(ground)
        self.fake = FakeVenue()

    def __getattr__(self, name: str) -> Any:
        if name in ("limits", "read_limits"):
            raise AttributeError(name)
        return getattr(self.fake, name)


def read_left(answer: HttpAnswer) -> Sequence[Told]:
    """Half is left, whatever the answer."""
    del answer
    return (Left("all", 5),)


class LimitedClient(GoodClient):
    """Says how often it may be asked; its reader is a plain function."""

    limits = (Limit("all", 10, 1.0),)
    read_limits = read_left


class BoundReaderClient(GoodClient):
    """Its reader is a method."""

    limits = LimitedClient.limits

    def read_limits(self, answer: HttpAnswer) -> Sequence[Told]:
        """Half is left."""
        return read_left(answer)


class BrokenReaderClient(GoodClient):
    """Its reader fails."""

    limits = LimitedClient.limits

    @staticmethod
    def read_limits(answer: HttpAnswer) -> Sequence[Told]:
        """Not a header in sight."""
        return (Left("all", int(answer.headers["left"])),)


class BabblingReaderClient(GoodClient):
    """Its reader says what nobody can count."""

    limits = LimitedClient.limits

    @staticmethod
    def read_limits(answer: HttpAnswer) -> Sequence[Any]:
        """A word."""
        return (answer.status, "half")


class NoLimitsClient(GoodClient):
    """Its limits are none."""

    limits: Any = ()


class OddLimitsClient(GoodClient):
    """Its limits are numbers."""

    limits = (5, 10)


class ShutLimitsClient(GoodClient):
    """Its limits keep everything back."""

    limits = (Limit("all", 5, 1.0, reserve=5),)


class TwinLimitsClient(GoodClient):
    """Two limits of one name."""

    limits = (Limit("all", 5, 1.0), Limit("all", 9, 60.0))


class NarrowLimitsClient(GoodClient):
    """Its limits name orders only, and its warming is none."""

    limits = (Limit("orders", 5, 1.0, ("order",)),)


class NoFeed:
    """Has next to nothing."""

    venue = MIRROR
    instruments = ()
    keepalive = None

    def __init__(self, instruments: object) -> None: ...


class ForeignFeed(GoodFeed):
    """Says it is another venue's."""

    venue = Venue("upbit")


class NoClient:
    """Has next to nothing."""

    venue = MIRROR

    def __init__(self, ground: object) -> None: ...


class ForeignClient(GoodClient):
    """Says it is another venue's."""

    venue = Venue("mirror2")


class TalkativeClient(GoodClient):
    """Puts what it was given into its complaint."""

    def __init__(self, ground: ClientGround) -> None:
        raise ValueError(f"no such key: {ground.keys and ground.keys.secret.reveal()}")


class ColdClient(GoodClient):
    """Has no idea how to warm a connection."""

    def warming(self) -> HttpRequest:
        """Fails."""
        raise LookupError("no address")


class WordyClient(GoodClient):
    """Warms by a word."""

    def warming(self) -> Any:
        """No request."""
        return "GET /"


class SilentClient(GoodClient):
    """Its private stream is none."""

    def private_stream(self) -> Any:
        """Nothing to hear by."""
        return object()


class DeafClient(GoodClient):
    """Its private stream cannot be had."""

    def private_stream(self) -> Any:
        """Fails."""
        raise RuntimeError("not today")


class Odd:
    """Whatever it is asked for, it answers ``answer``, or raises it."""

    venue = MIRROR

    def __init__(self, answer: object) -> None:
        self._answer = answer

    async def _later(self, *_: object) -> Any:
        return self._now()

    def _now(self, *_: object) -> Any:
        if isinstance(self._answer, BaseException):
            raise self._answer
        return self._answer

    placement = read_placement = decode = snapshot = read_snapshot = _now
    is_ready = headers = hello = address = _now
    cancel = find = open_orders = closed_orders = balances = instruments = _later
    fees = clock_skew_ms = key_scope = try_order = _later
    keepalive = None
    says_when_ready = True

    def private_stream(self) -> Never:
        """It has none."""
        raise NotImplementedError
