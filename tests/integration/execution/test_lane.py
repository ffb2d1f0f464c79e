"""The order lane against a venue of raw sockets: what leaves, once, and what each end means."""

import asyncio
import socket as sockets
from pathlib import Path

import pytest

from tests.integration.execution.lane_venue import (
    OK,
    Answer,
    Guest,
    Trader,
    a_certificate,
    a_raw_venue,
    an_order,
    until,
)
from trader.domain.errors import InvariantBroken, VenueUnavailable
from trader.domain.order import OrderState, Purpose
from trader.execution.lane import BANNED, LANE_BUSY, LANE_DOWN, LANE_UNSIGNED, THROTTLED
from trader.execution.venue import Rejected

F, R, U = OrderState.FILLED, OrderState.REJECTED, OrderState.UNKNOWN


def answers(data: bytes) -> Answer:
    """An answer of exactly these bytes."""

    async def answer(guest: Guest, request: bytes) -> None:
        del request
        await guest.say(data)

    return answer


async def never(guest: Guest, request: bytes) -> None:
    """No answer at all."""
    del request
    await guest.reader.read()


class TestSending:
    """Prepare takes, submit writes, release gives back; each order is written once."""

    async def test_an_order_leaves_whole_and_comes_back_as_reported(self) -> None:
        """The client reads the answer; the lane hands on what it says."""
        async with a_raw_venue() as venue, Trader(venue.url).running() as trader:
            assert trader.send(an_order()) == [""]
            await until(lambda: bool(trader.events))

        assert len(venue.orders) == 1
        assert venue.orders[0].endswith(b"Content-Length: 7\r\n\r\norder-1")
        assert trader.states() == {"order-1": (OrderState.FILLED, "ok")}
        assert trader.lane.counts.sent == trader.lane.counts.accepted == 1
        assert trader.lane.counts.round_trip_ms > 0

    async def test_nothing_is_on_the_wire_before_submit(self) -> None:
        """What is prepared and released was never there, and costs nothing."""
        async with a_raw_venue() as venue, Trader(venue.url).running() as trader:
            assert trader.lane.prepare(an_order("first")) == ""
            trader.lane.release(an_order("first"))
            assert trader.budget.used(trader.clock.now())["order"] == 0
            trader.send(an_order("second"))
            await until(lambda: bool(trader.events))

        assert [one.rpartition(b"\r\n")[2] for one in venue.orders] == [b"second"]
        assert [guest.requests[0][:9] for guest in venue.guests] == [b"GET /ping"]

    async def test_an_order_is_never_written_twice(self) -> None:
        """Who asks for it is wrong about something; the process must not go on."""
        async with a_raw_venue() as venue, Trader(venue.url, 2).running(2) as trader:
            trader.send(an_order())
            with pytest.raises(InvariantBroken, match="once"):
                trader.lane.prepare(an_order())
            with pytest.raises(VenueUnavailable, match="not prepared"):
                trader.lane.submit([an_order()])
            await until(lambda: bool(trader.events))

        assert len(venue.orders) == 1

    async def test_what_was_not_prepared_is_not_written(self) -> None:
        """Submit has no way of its own to a connection."""
        async with a_raw_venue() as venue, Trader(venue.url).running() as trader:
            with pytest.raises(VenueUnavailable, match="not prepared"):
                trader.lane.submit([an_order()])

        assert venue.orders == []

    async def test_one_order_in_flight_for_each_connection(self) -> None:
        """A second one on the same connection would hang on the answer to the first."""
        async with a_raw_venue() as venue, Trader(venue.url, 2).running(2) as trader:
            venue.on_order = never
            reasons = trader.send(an_order("1"), an_order("2"), an_order("3"))
            await until(lambda: len(venue.orders) == 2)

            assert reasons == ["", "", LANE_BUSY]
            assert trader.lane.in_flight == 2
            assert [sum(b"POST" in one for one in guest.requests) for guest in venue.guests] == [
                1,
                1,
            ]

    async def test_a_closing_may_use_the_reserve(self) -> None:
        """An entry leaves it alone, and then is refused with nothing taken."""
        async with a_raw_venue() as venue, Trader(venue.url, 9).running(9) as trader:
            reasons = [trader.lane.prepare(an_order(f"open-{number}")) for number in range(7)]
            closing = trader.lane.prepare(an_order("closing", Purpose.STOP_LOSS))

            assert reasons == [""] * 6 + [THROTTLED]
            assert closing == ""
            assert trader.lane.is_ready

    async def test_a_request_that_cannot_be_signed_takes_nothing(self) -> None:
        """The connection is free for the next."""
        async with a_raw_venue() as venue, Trader(venue.url).running() as trader:
            trader.client.fails = True
            assert trader.lane.prepare(an_order("1")) == LANE_UNSIGNED
            trader.client.fails = False
            assert trader.lane.prepare(an_order("2")) == ""

    async def test_without_a_venue_the_lane_is_down(self) -> None:
        """Neither before it runs nor where nobody listens."""
        async with a_raw_venue() as venue:
            trader = Trader(venue.url)
            assert trader.lane.prepare(an_order()) == LANE_DOWN
        async with trader.running(ready=0):
            await until(lambda: trader.lane.counts.connections.not_connected > 0)
            assert trader.lane.prepare(an_order()) == LANE_DOWN
            assert not trader.lane.is_ready

    async def test_of_several_one_that_cannot_be_written_is_blocked(self) -> None:
        """The first is on its way then, so nothing may be raised."""
        async with a_raw_venue() as venue, Trader(venue.url, 2).running(2) as trader:
            first, second = an_order("1"), an_order("2")
            assert trader.lane.prepare(first) == trader.lane.prepare(second) == ""
            trader.lane._prepared[second.client_order_id].connection.abort()

            trader.lane.submit([first, second])
            await until(lambda: len(trader.events) == 2)

        assert trader.states() == {
            "1": (OrderState.FILLED, "ok"),
            "2": (OrderState.BLOCKED, LANE_DOWN),
        }
        assert len(venue.orders) == 1

    async def test_the_first_that_cannot_be_written_raises_and_releases_all(self) -> None:
        """Nothing was written: whoever sends may say so."""
        async with a_raw_venue() as venue, Trader(venue.url, 2).running(2) as trader:
            first, second = an_order("1"), an_order("2")
            assert trader.lane.prepare(first) == trader.lane.prepare(second) == ""
            trader.lane._prepared[first.client_order_id].connection.abort()

            with pytest.raises(VenueUnavailable):
                trader.lane.submit([first, second])

            assert trader.budget.used(trader.clock.now())["order"] == 0
            assert trader.lane.in_flight == 0
        assert venue.orders == []
        assert trader.events == []


class TestAnswers:
    """Whole answers are read, in whatever pieces; anything else is unknown, and said once."""

    @pytest.mark.parametrize(
        ("answer", "state", "reason"),
        [
            (b"200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
             F, "hello"),
            (b"100 Continue\r\n\r\n" + OK, F, "ok"),
            (b"204 No Content\r\n\r\n", R, "insufficient_funds_bid"),
            (b"400 Bad\r\nContent-Length: 0\r\n\r\n", R, "insufficient_funds_bid"),
            (b"429 Slow\r\nContent-Length: 0\r\n\r\n", R, "THROTTLED:too_many_requests"),
            (b"408 Timeout\r\nContent-Length: 0\r\n\r\n", U, "status 408"),
            (b"502 Bad\r\nContent-Length: 4\r\n\r\noops", U, "status 502"),
            (b"200 OK\r\nContent-Length: 1\r\n\r\n?", U, "answer not understood: KeyError"),
            (b"2x0\r\n\r\n", U, "the answer is no HTTP: HttpParserInvalidStatusError"),
            (b"101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", U,
             "the answer is no HTTP: HttpParserUpgrade"),
            (b"200 OK\r\nContent-Length: 1048577\r\n\r\n" + b"x" * (1 << 20), U,
             "an answer of more than 1048576 bytes"),
        ],
    )  # fmt: skip
    async def test_each_answer_has_one_meaning(
        self, answer: bytes, state: OrderState, reason: str
    ) -> None:
        """One report for one order, whatever came."""
        async with a_raw_venue() as venue, Trader(venue.url).running() as trader:
            venue.on_order = answers(b"HTTP/1.1 " + answer)
            trader.send(an_order())
            await until(lambda: bool(trader.events))
            await until(lambda: trader.lane.is_ready)

        assert [(one.state, one.reason) for one in trader.events] == [(state, reason)]
        assert len(venue.orders) == 1
        assert len(trader.placements) == 1

    async def test_an_answer_in_single_bytes_is_one_answer(self) -> None:
        """Networks cut where they like."""

        async def slowly(guest: Guest, request: bytes) -> None:
            del request
            for byte in OK:
                await guest.say(bytes([byte]))
                await asyncio.sleep(0)

        async with a_raw_venue() as venue, Trader(venue.url).running() as trader:
            venue.on_order = slowly
            trader.send(an_order())
            await until(lambda: bool(trader.events))

        assert trader.states() == {"order-1": (OrderState.FILLED, "ok")}

    async def test_the_connection_serves_the_next_order(self) -> None:
        """Kept open: no handshake between two orders."""
        async with a_raw_venue() as venue, Trader(venue.url).running() as trader:
            for number in range(5):
                assert trader.send(an_order(str(number))) == [""]
                await until(lambda number=number: len(trader.events) == number + 1)

        assert len(venue.guests) == 1
        assert len(venue.orders) == 5

    async def test_a_connection_the_venue_closes_is_renewed(self) -> None:
        """What it answered counts; the next order leaves on another."""
        async with a_raw_venue() as venue, Trader(venue.url).running() as trader:
            venue.on_order = answers(
                b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
            )
            trader.send(an_order("1"))
            await until(lambda: trader.lane.counts.connections.warmed == 2)
            assert trader.send(an_order("2")) == [""]
            await until(lambda: len(trader.events) == 2)

        assert trader.states() == {
            "1": (OrderState.FILLED, "ok"),
            "2": (OrderState.FILLED, "ok"),
        }
        assert len(venue.guests) >= 2

    async def test_an_answer_too_many_ends_the_connection(self) -> None:
        """Were it kept, the next order would be given this one's answer."""
        async with a_raw_venue() as venue, Trader(venue.url).running() as trader:
            venue.on_order = answers(OK + b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n")
            trader.send(an_order("1"))
            await until(lambda: trader.lane.counts.connections.warmed == 2)
            venue.on_order = answers(OK)
            trader.send(an_order("2"))
            await until(lambda: len(trader.events) == 2)

        assert trader.states() == {
            "1": (OrderState.FILLED, "ok"),
            "2": (OrderState.FILLED, "ok"),
        }

    async def test_a_rejection_is_told_with_all_it_says(self) -> None:
        """Whether a key or a rule no longer holds is for somebody else to act on."""
        async with a_raw_venue() as venue, Trader(venue.url).running() as trader:
            venue.on_order = answers(b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n")
            trader.send(an_order())
            await until(lambda: bool(trader.placements))

        assert trader.placements == [Rejected("insufficient_funds_bid", "no money")]

    @pytest.mark.parametrize(
        ("status", "reason"), [(b"429 Slow", THROTTLED), (b"418 Teapot", BANNED)]
    )
    async def test_being_throttled_stops_what_comes_next(self, status: bytes, reason: str) -> None:
        """Who goes on asking is banned, who is banned asks nothing."""
        async with a_raw_venue() as venue, Trader(venue.url).running() as trader:
            venue.on_order = answers(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
            trader.send(an_order("1"))
            await until(lambda: bool(trader.placements))

            assert trader.lane.prepare(an_order("2", Purpose.STOP_LOSS)) == reason
            assert not trader.lane.takes_orders
        assert trader.budget.refusals == 1

    async def test_it_says_whether_an_order_could_leave(self) -> None:
        """What would be turned away is not to be approved; one busy connection is no reason."""
        trader = Trader("http://127.0.0.1:9")
        assert not trader.lane.takes_orders
        async with a_raw_venue() as venue, Trader(venue.url).running() as trader:
            assert trader.lane.takes_orders
            venue.on_order = never
            trader.send(an_order("1"))
            assert trader.lane.takes_orders


class TestNoAnswer:
    """Written and not answered is unknown, whatever the reason; it is never written again."""

    async def test_a_reset_before_the_answer(self) -> None:
        """Perhaps the venue took it."""

        async def reset(guest: Guest, request: bytes) -> None:
            del request
            guest.reset()

        async with a_raw_venue() as venue, Trader(venue.url).running() as trader:
            venue.on_order = reset
            trader.send(an_order())
            await until(lambda: bool(trader.events))
            await until(lambda: trader.lane.is_ready)

        ((state, reason),) = trader.states().values()
        assert state is OrderState.UNKNOWN
        assert reason.startswith(("lost: ", "closed before"))
        assert len(venue.orders) == 1

    @pytest.mark.parametrize("part", [b"HTTP/1.1 200", OK[:-1], b"HTTP/1.1 200 OK\r\n\r\nall?"])
    async def test_a_close_in_mid_answer(self, part: bytes) -> None:
        """Half an answer is none; nor is one whose end only the close would mark."""

        async def half(guest: Guest, request: bytes) -> None:
            del request
            await guest.say(part)
            guest.writer.close()

        async with a_raw_venue() as venue, Trader(venue.url).running() as trader:
            venue.on_order = half
            trader.send(an_order())
            await until(lambda: bool(trader.events))

        assert trader.states() == {"order-1": (OrderState.UNKNOWN, "closed before a whole answer")}

    async def test_an_answer_that_does_not_come_in_time(self) -> None:
        """The connection goes with it: a late answer must not meet the next order."""
        async with a_raw_venue() as venue, Trader(venue.url, timeout_s=0.3).running() as trader:
            venue.on_order = never
            trader.send(an_order("1"))
            await until(lambda: bool(trader.events))
            venue.on_order = answers(OK)
            await until(lambda: trader.lane.is_ready)
            trader.send(an_order("2"))
            await until(lambda: len(trader.events) == 2)

        assert trader.states() == {
            "1": (OrderState.UNKNOWN, "no answer in 0.3 s"),
            "2": (OrderState.FILLED, "ok"),
        }
        assert len(venue.orders) == 2

    async def test_a_shutdown_lets_nothing_out_and_says_what_is_unknown(self) -> None:
        """From the step of the cancellation on, also for what was prepared before."""
        async with a_raw_venue() as venue, Trader(venue.url, 2).running(2) as trader:
            venue.on_order = never
            trader.send(an_order("1"))
            await until(lambda: len(venue.orders) == 1)
            assert trader.lane.prepare(an_order("2")) == ""
        with pytest.raises(VenueUnavailable):
            trader.lane.submit([an_order("2")])

        assert trader.lane.prepare(an_order("3")) == LANE_DOWN
        assert trader.states() == {"1": (OrderState.UNKNOWN, "the lane was shut down")}
        assert len(venue.orders) == 1


class TestIdleConnections:
    """They are kept warm, and their end harms nothing."""

    async def test_an_idle_connection_is_warmed_again_and_again(self) -> None:
        """A way nobody used for a while may have closed without a word."""
        async with a_raw_venue() as venue:
            trader = Trader(venue.url, 2, warm_every_s=0.05)
            async with trader.running():
                await until(lambda: venue.warmings >= 8)

            assert len(venue.guests) == 2

    async def test_nothing_waits_for_a_fuller_packet(self) -> None:
        """An order leaves with the write, not with the next acknowledgement."""
        async with a_raw_venue() as venue, Trader(venue.url).running() as trader:
            (connection,) = trader.lane._pool._connections
            assert connection._transport is not None
            raw = connection._transport.get_extra_info("socket")

            assert raw.getsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY)

    async def test_one_that_hangs_does_not_delay_the_others(self) -> None:
        """Each is warmed as soon as it stands."""
        async with a_raw_venue() as venue:

            async def first_hangs(guest: Guest, request: bytes) -> None:
                if guest is venue.guests[0]:
                    await never(guest, request)
                await guest.say(OK)

            venue.on_warming = first_hangs
            async with Trader(venue.url, 3, timeout_s=30.0).running(2) as trader:
                assert trader.lane.is_ready

    async def test_one_the_venue_closes_is_renewed(self) -> None:
        """No order was on it, so nobody hears of it."""
        async with a_raw_venue() as venue, Trader(venue.url).running() as trader:
            venue.guests[0].writer.close()
            await until(lambda: trader.lane.counts.connections.warmed == 2)
            trader.send(an_order())
            await until(lambda: bool(trader.events))

        assert trader.states() == {"order-1": (OrderState.FILLED, "ok")}

    async def test_a_goodbye_not_read_yet_is_seen_before_the_order_leaves(self) -> None:
        """The loop has had no turn since the venue closed: the lane looks at the socket itself."""
        async with a_raw_venue() as venue, Trader(venue.url).running() as trader:
            raw = venue.guests[0].writer.get_extra_info("socket")
            # At once and past both loops: the peer's goodbye is in our kernel when we look.
            duplicate = sockets.socket(fileno=sockets.dup(raw.fileno()))
            duplicate.shutdown(sockets.SHUT_RDWR)
            duplicate.close()

            assert trader.lane.prepare(an_order("1")) in (LANE_BUSY, LANE_DOWN)
            await until(lambda: trader.lane.is_ready)
            trader.send(an_order("2"))
            await until(lambda: bool(trader.events))

        assert trader.states() == {"2": (OrderState.FILLED, "ok")}
        assert len(venue.orders) == 1

    async def test_bytes_nobody_asked_for_end_it(self) -> None:
        """They would be taken for the answer to the next order."""
        async with a_raw_venue() as venue, Trader(venue.url).running() as trader:
            await venue.guests[0].say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno")
            await until(lambda: trader.lane.counts.connections.warmed == 2)
            trader.send(an_order())
            await until(lambda: bool(trader.events))

        assert trader.states() == {"order-1": (OrderState.FILLED, "ok")}

    async def test_one_that_cannot_be_warmed_is_not_used(self) -> None:
        """A connection that answers nothing is none."""
        async with a_raw_venue() as venue:
            venue.on_warming = never
            trader = Trader(venue.url, timeout_s=0.1)
            async with trader.running(ready=0):
                await until(lambda: trader.lane.counts.connections.lost >= 2)
                assert not trader.lane.is_ready
                assert trader.lane.prepare(an_order()) in (LANE_BUSY, LANE_DOWN)

        assert venue.orders == []


class TestTls:
    """The same over TLS, and never past a certificate that does not hold."""

    async def test_orders_travel_over_tls(self, tmp_path: Path) -> None:
        """On one connection, kept open."""
        server, client = a_certificate(tmp_path)
        async with (
            a_raw_venue(server) as venue,
            Trader(venue.url, tls=client).running() as trader,
        ):
            for number in range(3):
                assert trader.send(an_order(str(number))) == [""]
                await until(lambda number=number: len(trader.events) == number + 1)
            venue.guests[0].writer.close()
            await until(lambda: trader.lane.counts.connections.warmed == 2)
            trader.send(an_order("3"))
            await until(lambda: len(trader.events) == 4)

        assert {state for state, _ in trader.states().values()} == {OrderState.FILLED}
        assert len(venue.orders) == 4

    async def test_an_unknown_certificate_is_no_connection(self, tmp_path: Path) -> None:
        """The system's trust store does not know it."""
        server, _ = a_certificate(tmp_path)
        async with a_raw_venue(server) as venue:
            trader = Trader(venue.url)
            async with trader.running(ready=0):
                await until(lambda: trader.lane.counts.connections.not_connected > 0)
                assert trader.lane.prepare(an_order()) == LANE_DOWN
