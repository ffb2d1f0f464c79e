"""A user's own venue is loaded with care: whatever is wrong with it is one line, and no more."""

import re

import pytest

from tests.unit.app.own_desk import (
    KEYS,
    MIRROR,
    MIRROR_BTC,
    GoodClient,
    GoodFeed,
    a_section,
)
from trader.app.own_limits import CAUTIOUS_LIMITS, ORDER_GROUP
from trader.app.own_venues import OwnParts, load_own_venue
from trader.domain.clock import SimulatedClock, Stamp
from trader.domain.errors import ConfigError, VenueUnavailable
from trader.execution.keys import Keys
from trader.wire.budget import Budget, Left, Limit, tells_nothing
from trader.wire.http import HttpAnswer, HttpRequest


def loaded(keys: Keys | None = None, /, **changes: str) -> OwnParts:
    """The parts of mirror."""
    return load_own_venue(MIRROR, a_section(**changes), (MIRROR_BTC,), keys)


def complaint(keys: Keys | None = None, /, **changes: str) -> str:
    """Why it could not be loaded: one line that begins with the key and the path."""
    with pytest.raises(ConfigError) as raised:
        loaded(keys, **changes)
    message = str(raised.value)
    assert "\n" not in message
    ((name, path),) = changes.items()
    path = path if "." in path else f"tests.unit.app.own_desk.{path}"
    start = f"venues.own.mirror.{name} is {path}"
    assert message.startswith(start), message
    return message.removeprefix(start)


class TestConstruction:
    def test_the_feed_is_given_its_instruments(self) -> None:
        """Those the pairs name at its venue."""
        feed = loaded().feed

        assert feed.venue == MIRROR
        assert feed.instruments == (MIRROR_BTC,)
        assert feed.keepalive == "PING"
        assert "KRW-BTC" in feed.hello()[0]

    async def test_the_client_is_given_its_ground(self) -> None:
        """Keys, instruments, how to ask, the time, and the config's fee; and is made once."""
        GoodClient.grounds.clear()
        parts = loaded(KEYS)
        (ground,) = GoodClient.grounds

        assert ground.keys is KEYS
        assert ground.instruments == (MIRROR_BTC,)
        assert str(ground.taker_fee_pct) == "0.05"
        assert "hunter2" not in repr(ground)
        with pytest.raises(VenueUnavailable, match="nothing is connected yet"):
            await ground.ask(HttpRequest("GET", "/"))

        async def ask(request: HttpRequest) -> HttpAnswer:
            return HttpAnswer(200, {}, request.target.encode())

        parts.line.connect(ask, SimulatedClock(77))

        assert (await ground.ask(HttpRequest("GET", "/a"))).body == b"/a"
        assert ground.now() == Stamp(77, 0)

    def test_without_keys_there_is_none_and_no_private_stream_is_opened(self) -> None:
        """Paper mode: a stream that cannot be had without keys is not asked for."""
        assert loaded(client="DeafClient").client.venue == MIRROR


class TestWhatDoesNotDo:
    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"feed": "nowhere.Feed"}, ": ModuleNotFoundError: No module named 'nowhere'; allowed"),
            (
                {"feed": "Missing"},
                ": AttributeError: module .* has no attribute 'Missing'; allowed",
            ),
            ({"feed": "MIRROR_BTC"}, ": it is no class; allowed: a dotted path to a class"),
            (
                {"feed": "NoFeed"},
                ": it has no address, hello, decode, snapshot, read_snapshot; allowed: a class"
                " with the members of trader.feeds.codec.FeedCodec",
            ),
            ({"feed": "ForeignFeed"}, ": its venue is 'upbit'; allowed: 'mirror'"),
            ({"client": "nowhere.Client"}, ": ModuleNotFoundError"),
            (
                {"client": "NoClient"},
                ": it has no placement, read_placement, warming, cancel, find, open_orders,"
                " closed_orders, balances, instruments, fees, clock_skew_ms, key_scope, try_order,"
                " private_stream; allowed: a class with the members of"
                " trader.execution.venue.VenueClient",
            ),
            ({"client": "ForeignClient"}, ": its venue is 'mirror2'; allowed: 'mirror'"),
            ({"client": "ColdClient"}, ": its warming failed: LookupError: no address"),
            ({"client": "WordyClient"}, ": its warming gave str, not an HttpRequest"),
            ({"client": "NoLimitsClient"}, ": its limits gave no tuple of 1 to 100 Limits"),
            ({"client": "OddLimitsClient"}, ": its limits gave what is no Limit"),
            ({"client": "ShutLimitsClient"}, ": its limits gave the Limit 'all' without tokens"),
            ({"client": "TwinLimitsClient"}, ": its limits gave two Limits of one name"),
            (
                {"client": "NarrowLimitsClient"},
                ": its warming gave a request of the group 'default', which no limit of it names",
            ),
        ],
    )
    def test_is_said_with_key_path_and_what_is_allowed(
        self, changes: dict[str, str], expected: str
    ) -> None:
        """Members that are missing are all named."""
        said = complaint(**changes)

        assert re.match(expected, said), said

    @pytest.mark.parametrize(
        ("client", "expected"),
        [
            ("SilentClient", ".private_stream(): it has no keepalive, says_when_ready, address,"),
            ("DeafClient", ": its private_stream failed: RuntimeError: not today"),
        ],
    )
    def test_a_private_stream_is_looked_at_where_there_are_keys(
        self, client: str, expected: str
    ) -> None:
        """It would otherwise be found missing only when the first order is on its way."""
        assert complaint(KEYS, client=client).startswith(expected)

    def test_no_key_gets_into_what_is_said(self) -> None:
        """A class may put into its error whatever it was given."""
        assert complaint(KEYS, client="TalkativeClient") == (
            ": its constructor failed: ValueError: no such key: ***"
        )


class TestLimits:
    def test_are_cautious_where_the_class_says_nothing(self) -> None:
        """Five requests a second, two of them orders; looking around leaves orders their share."""
        parts = loaded()
        now = Stamp(0, 0)
        budget = Budget(parts.limits, now, parts.read_limits)

        assert parts.limits is CAUTIOUS_LIMITS
        assert parts.read_limits is tells_nothing
        assert [budget.take("default", 1, now) > 0 for _ in range(4)] == [False] * 3 + [True]
        assert budget.take(ORDER_GROUP, 1, now) == 0
        assert budget.take(ORDER_GROUP, 1, now) > 0
        assert budget.take(ORDER_GROUP, 1, now, urgent=True) == 0

    def test_are_the_class_s_own_where_it_names_them(self) -> None:
        """With what it reads from answers."""
        parts = loaded(client="LimitedClient")

        assert parts.limits == (Limit("all", 10, 1.0),)
        assert parts.read_limits(HttpAnswer(200, {}, b"")) == (Left("all", 5),)

    def test_the_reader_may_be_a_method(self) -> None:
        """Or a plain function, as above."""
        reader = loaded(client="BoundReaderClient").read_limits

        assert reader(HttpAnswer(200, {}, b"")) == (Left("all", 5),)

    @pytest.mark.parametrize("client", ["BrokenReaderClient", "BabblingReaderClient"])
    def test_a_reader_that_fails_tells_nothing(
        self, client: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The budget counts on by itself; it is said once."""
        reader = loaded(client=client).read_limits

        assert [reader(HttpAnswer(200, {}, b"")) for _ in range(3)] == [(), (), ()]
        assert capsys.readouterr().out.count("limits_not_read") == 1


def test_a_good_one_is_of_this_module() -> None:
    """So that the paths above name what one thinks."""
    assert GoodFeed.__module__ == GoodClient.__module__ == "tests.unit.app.own_desk"
