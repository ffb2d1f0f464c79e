"""One order connection without a network: what is written, how, and what bytes may mean."""

import socket

import pytest

from trader.domain.errors import ConfigError, VenueUnavailable
from trader.execution.lane_connection import LaneConnection, Origin
from trader.wire.http import HttpAnswer, HttpRequest

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Wire:
    """A transport that keeps every write apart, on a socket pair whose other end is ``peer``."""

    def __init__(self) -> None:
        self.ours, self.peer = socket.socketpair()
        self.writes: list[bytes] = []
        self.unsent = 0
        self.is_closed = False

    def get_extra_info(self, name: str) -> socket.socket:
        """The socket."""
        assert name == "socket"
        return self.ours

    def write(self, data: bytes) -> None:
        """Keep it."""
        self.writes.append(data)

    def get_write_buffer_size(self) -> int:
        """What has not left yet."""
        return self.unsent

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self.is_closed

    def abort(self) -> None:
        """Close it."""
        self.is_closed = True


@pytest.fixture
def wire():  # type: ignore[no-untyped-def]
    """A wire whose sockets are closed in the end."""
    made = Wire()
    yield made
    made.ours.close()
    made.peer.close()


def connected(wire: Wire) -> LaneConnection:
    """A connection that has been warmed."""
    connection = LaneConnection(lambda: 0.0)
    connection.connection_made(wire)  # type: ignore[arg-type]
    assert connection.claim()
    connection.give_up_claim()
    return connection


class TestWriting:
    """One write, whole, on a claimed connection; otherwise none."""

    def test_a_request_is_one_write(self, wire: Wire) -> None:
        """A second one could be held back, and half an order is the worst of both."""
        connection = connected(wire)
        ended: list[HttpAnswer | str] = []
        assert connection.claim()

        connection.exchange(b"x" * 5_000, ended.append)
        connection.data_received(OK)

        assert wire.writes == [b"x" * 5_000]
        assert ended == [HttpAnswer(200, {"content-length": "2"}, b"ok")]
        assert connection.is_free()

    def test_one_that_waits_takes_no_second_request(self, wire: Wire) -> None:
        """Nothing is ever pipelined."""
        connection = connected(wire)
        connection.claim()
        connection.exchange(b"first", lambda _: None)

        assert not connection.claim()
        with pytest.raises(VenueUnavailable):
            connection.exchange(b"second", lambda _: None)
        assert wire.writes == [b"first"]

    def test_an_unclaimed_or_closed_one_writes_nothing(self, wire: Wire) -> None:
        """It says so, and provably nothing left."""
        connection = connected(wire)
        with pytest.raises(VenueUnavailable):
            connection.exchange(b"unclaimed", lambda _: None)
        connection.claim()
        wire.abort()
        with pytest.raises(VenueUnavailable):
            connection.exchange(b"closed", lambda _: None)

        assert wire.writes == []

    def test_one_that_has_bytes_to_send_is_not_free(self, wire: Wire) -> None:
        """What is written would wait behind them."""
        connection = connected(wire)
        wire.unsent = 1

        assert not connection.is_free()
        assert not connection.claim()

    def test_one_with_something_to_read_is_not_free(self, wire: Wire) -> None:
        """Bytes nobody asked for."""
        connection = connected(wire)
        wire.peer.send(b"?")

        assert not connection.is_free()

    def test_one_whose_peer_has_hung_up_is_not_free(self, wire: Wire) -> None:
        """Though the loop has not noticed yet."""
        connection = connected(wire)
        wire.peer.close()

        assert not connection.is_free()
        assert not connection.claim()


class TestReading:
    """Each request ends once: with its answer or with a reason."""

    def test_it_ends_once(self, wire: Wire) -> None:
        """Whatever comes afterwards."""
        connection = connected(wire)
        ended: list[HttpAnswer | str] = []
        connection.claim()
        connection.exchange(b"x", ended.append)

        connection.data_received(OK)
        connection.data_received(OK)
        connection.connection_lost(ConnectionResetError(104, "reset"))

        assert len(ended) == 1
        assert wire.is_closed
        assert connection.closed.is_set()

    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (None, "closed before a whole answer"),
            (ConnectionResetError(104, "reset"), "lost: ConnectionResetError errno 104"),
        ],
    )
    def test_a_loss_is_the_end(self, wire: Wire, error: Exception | None, reason: str) -> None:
        """With what the system says of it."""
        connection = connected(wire)
        ended: list[HttpAnswer | str] = []
        connection.claim()
        connection.exchange(b"x", ended.append)

        connection.data_received(OK[:20])
        connection.connection_lost(error)

        assert ended == [reason]

    def test_an_answer_may_be_cut_anywhere(self, wire: Wire) -> None:
        """It is whole with its last byte and not before."""
        answer = (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n1\r\ny\r\n0\r\n\r\n"
        )
        connection = connected(wire)
        for cut in range(1, len(answer)):
            ended: list[HttpAnswer | str] = []
            assert connection.claim()
            connection.exchange(b"x", ended.append)
            connection.data_received(answer[:cut])
            assert ended == []
            connection.data_received(answer[cut:])
            assert ended == [HttpAnswer(200, {"transfer-encoding": "chunked"}, b"hey")]

    def test_nothing_of_one_answer_is_left_in_the_next(self, wire: Wire) -> None:
        """Neither headers nor body."""
        connection = connected(wire)
        ended: list[HttpAnswer | str] = []
        for answer in (b"HTTP/1.1 200 OK\r\nX: 1\r\nContent-Length: 3\r\n\r\none", OK):
            connection.claim()
            connection.exchange(b"x", ended.append)
            connection.data_received(answer)

        assert ended[1] == HttpAnswer(200, {"content-length": "2"}, b"ok")


class TestOnTheWire:
    """A request is encoded as it stands, and can never be taken for two."""

    def test_a_post_has_its_length(self) -> None:
        """Also where it has no body."""
        origin = Origin("https://api.upbit.com")
        request = HttpRequest("POST", "/v1/orders", (("Authorization", "Bearer x"),), b"{}")

        assert origin.encode(request) == (
            b"POST /v1/orders HTTP/1.1\r\nHost: api.upbit.com\r\nAuthorization: Bearer x\r\n"
            b"User-Agent: trader\r\nContent-Length: 2\r\n\r\n{}"
        )
        assert b"Content-Length: 0\r\n\r\n" in origin.encode(HttpRequest("POST", "/v1/orders"))
        assert (origin.host, origin.port, origin.is_tls) == ("api.upbit.com", 443, True)

    def test_a_base_address_may_have_a_path_and_a_port(self) -> None:
        """The simulator serves three venues on one port."""
        origin = Origin("http://127.0.0.1:8801/upbit/")

        encoded = origin.encode(HttpRequest("GET", "/v1/x?a[]=1&b=%20"))

        assert encoded.startswith(
            b"GET /upbit/v1/x?a[]=1&b=%20 HTTP/1.1\r\nHost: 127.0.0.1:8801\r\n"
        )

    @pytest.mark.parametrize(
        "request_",
        [
            HttpRequest("GET", "/a b"),
            HttpRequest("GET", "/a\r\nX: y"),
            HttpRequest("GET", "a"),
            HttpRequest("GET", "/\uac00"),
            HttpRequest("GET", "/", (("X", "y\r\nZ: z"),)),
            HttpRequest("GET", "/", (("X\n", "y"),)),
            HttpRequest("GET /x HTTP/1.1\r\nX:", "/"),
        ],
    )
    def test_what_could_be_taken_for_two_is_refused(self, request_: HttpRequest) -> None:
        """A line break in a header would be the end of it."""
        with pytest.raises(ValueError, match="plain ASCII"):
            Origin("http://x").encode(request_)

    @pytest.mark.parametrize("url", ["", "api.upbit.com", "ftp://x", "wss://x", "https://"])
    def test_an_address_that_is_none_is_refused(self, url: str) -> None:
        """When the lane is made, not when the first order leaves."""
        with pytest.raises(ConfigError):
            Origin(url)
