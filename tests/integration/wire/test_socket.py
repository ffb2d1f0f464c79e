"""SocketKeeper against a real WebSocket server: connects, hears, notices, renews, ends."""

import asyncio
import time
from contextlib import suppress
from itertools import pairwise

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from tests.integration.execution.lane_venue import until
from tests.integration.wire.socket_venue import Listener, a_socket_venue, kept
from trader.domain.clock import Stamp
from trader.domain.errors import InvariantBroken
from trader.runtime import SystemClock
from trader.wire.connection import Loss
from trader.wire.socket import Ending, Heard, SocketKeeper, SocketRules

PATIENT = SocketRules(silence_s=None)
QUICK = SocketRules(silence_s=None, send_gap_s=0.01)


class TestHearing:
    """Frames of both kinds are handed over in order, stamped as they are read."""

    async def test_text_and_binary_frames_are_heard(self) -> None:
        """Upbit sends binary frames that hold text."""
        async with a_socket_venue() as venue:
            user = Listener(venue.url)
            async with kept(user, PATIENT) as keeper:
                await until(lambda: keeper.is_open and bool(venue.peers))
                before = time.monotonic_ns()
                await venue.say("data 1", b"data 2", "\ub370\uc774\ud130")
                await until(lambda: len(user.stamps) == 3)

        assert user.log[:4] == ["open", "data 1", "data 2", "\ub370\uc774\ud130"]
        assert all(before <= stamp.mono_ns <= time.monotonic_ns() for stamp in user.stamps)
        assert keeper.counts.frames == 3

    async def test_headers_and_hello_are_made_for_each_connection(self) -> None:
        """A signature is used once. No Origin: a venue would slow us for it."""
        async with a_socket_venue() as venue:
            user = Listener(venue.url)
            user.hello = ("subscribe",)
            async with kept(user, QUICK):
                await until(lambda: bool(venue.peers and venue.last.frames))
                await venue.last.connection.close()
                await until(lambda: len(venue.peers) == 2 and bool(venue.last.frames))

        assert [peer.headers["authorization"] for peer in venue.peers] == ["Bearer 0", "Bearer 1"]
        assert [peer.path for peer in venue.peers] == ["/ws/0", "/ws/1"]
        assert [peer.frames[0][1] for peer in venue.peers] == ["subscribe"] * 2
        assert all("origin" not in peer.headers for peer in venue.peers)

    async def test_frames_leave_at_the_pace_a_venue_allows(self) -> None:
        """Five in a second is what both bound us to."""
        async with a_socket_venue() as venue:
            user = Listener(venue.url)
            user.hello = ("1", "2", "3")
            async with kept(user, SocketRules(silence_s=None, send_gap_s=0.1)):
                await until(lambda: bool(venue.peers) and len(venue.last.frames) == 3)
            times = [at for at, _ in venue.last.frames]

        assert times[2] - times[0] >= 0.19

    async def test_an_idle_connection_is_kept_alive(self) -> None:
        """With the text a venue understands, again and again."""
        rules = SocketRules(silence_s=None, keepalive="PING", keepalive_s=0.05, send_gap_s=0.01)
        async with a_socket_venue() as venue, kept(Listener(venue.url), rules):
            await until(lambda: bool(venue.peers) and len(venue.last.frames) >= 3)

        assert {frame for _, frame in venue.last.frames} == {"PING"}

    async def test_an_invalid_frame_is_counted_and_dropped(self) -> None:
        """The next one is heard on the same connection."""
        async with a_socket_venue() as venue:
            user = Listener(venue.url)
            async with kept(user, PATIENT) as keeper:
                await until(lambda: keeper.is_open and bool(venue.peers))
                await venue.say("bad", "bad", "data")
                await until(lambda: "data" in user.log)

        assert keeper.counts.invalid == 2
        assert len(venue.peers) == 1
        assert user.faults == []

    async def test_a_flood_does_not_keep_others_from_their_turn(self) -> None:
        """What is already read would otherwise be handed over in one long stretch."""
        async with a_socket_venue() as venue:
            venue.greeting = ["data"] * 3_000
            user = Listener(venue.url)
            turns = 0
            async with kept(user, PATIENT):
                while len(user.stamps) < 3_000:
                    turns += 1
                    await asyncio.sleep(0)

        assert turns >= 3_000 / 32


class TestEnds:
    """Every end is noticed, told before anything of the next connection, and renewed."""

    @pytest.mark.parametrize(
        ("code", "reason"),
        [(CloseCode.GOING_AWAY, "code 1001"), (CloseCode.NORMAL_CLOSURE, "code 1000")],
    )
    async def test_the_venue_closes(self, code: CloseCode, reason: str) -> None:
        """It says so; a new connection follows at once."""
        async with a_socket_venue() as venue:
            user = Listener(venue.url)
            async with kept(user, PATIENT) as keeper:
                await until(lambda: keeper.is_open and bool(venue.peers))
                await venue.last.connection.close(code)
                await until(lambda: user.opened == 2)

        assert user.log == ["open", f"lost: closed by the venue, {reason}", "open"]
        assert keeper.counts.lost == 1

    async def test_the_connection_breaks(self) -> None:
        """Without a word."""
        async with a_socket_venue() as venue:
            user = Listener(venue.url)
            async with kept(user, PATIENT) as keeper:
                await until(lambda: keeper.is_open and bool(venue.peers))
                venue.last.connection.transport.abort()
                await until(lambda: user.opened == 2)

        assert user.log[1].startswith("lost: ")

    async def test_a_frame_says_it_is_over(self) -> None:
        """The connection is left at once, whatever is still on its way."""
        async with a_socket_venue() as venue:
            user = Listener(venue.url)
            async with kept(user, PATIENT) as keeper:
                await until(lambda: keeper.is_open and bool(venue.peers))
                await venue.say("data", "end", "data never heard")
                await until(lambda: user.opened == 2)
                await until(lambda: not venue.peers[0].is_open)

        assert user.log[:4] == ["open", "data", "lost: the venue said so", "open"]

    async def test_silence_is_the_absence_of_data(self) -> None:
        """Pongs flow and other frames come: it is dead all the same."""
        rules = SocketRules(silence_s=0.4, ping_s=0.05, keepalive="PING", keepalive_s=0.05)
        async with a_socket_venue() as venue:
            user = Listener(venue.url)
            async with kept(user, rules) as keeper:
                await until(lambda: keeper.is_open and bool(venue.peers))
                with suppress(ConnectionClosed):
                    while True:
                        await venue.say('{"status":"UP"}')
                        await asyncio.sleep(0.02)
                await until(lambda: user.opened == 2)

        assert "lost: no data for 0.4 s" in user.log

    async def test_a_peer_that_answers_no_ping_is_dead(self) -> None:
        """Also where silence is usual."""
        async with a_socket_venue() as venue:
            user = Listener(venue.url)
            async with kept(user, SocketRules(silence_s=None, ping_s=0.1)) as keeper:
                await until(lambda: keeper.is_open and bool(venue.peers))
                venue.last.connection.transport.pause_reading()
                await until(lambda: user.opened == 2)

        assert user.log[1].startswith("lost: broke: ServerTimeoutError")

    async def test_data_keeps_it(self) -> None:
        """A connection that speaks is never renewed for silence."""
        rules = SocketRules(silence_s=0.4)
        async with a_socket_venue() as venue:
            user = Listener(venue.url)
            async with kept(user, rules) as keeper:
                await until(lambda: keeper.is_open and bool(venue.peers))
                for _ in range(30):
                    await venue.say("data")
                    await asyncio.sleep(0.02)

        assert user.opened == 1

    async def test_a_frame_too_large_ends_it(self) -> None:
        """Memory is bounded, whatever the venue sends."""
        rules = SocketRules(silence_s=None, max_frame_bytes=1_000)
        async with a_socket_venue() as venue:
            user = Listener(venue.url)
            async with kept(user, rules) as keeper:
                await until(lambda: keeper.is_open and bool(venue.peers))
                await venue.say("data" + "x" * 2_000)
                await until(lambda: user.opened == 2)

        assert not any(line.startswith("data") for line in user.log)

    async def test_too_much_to_send_ends_it(self) -> None:
        """The queue is bounded, too."""
        async with a_socket_venue() as venue:
            user = Listener(venue.url)
            user.hello = ("x",) * 66
            async with kept(user, SocketRules(silence_s=None, send_gap_s=1.0)):
                await until(lambda: "lost: more than 64 frames to send" in user.log)

    async def test_a_fault_of_the_user_is_told_once_and_survived(self) -> None:
        """The same again on the next connection is no news."""
        async with a_socket_venue() as venue:
            venue.greeting = ["bug"]
            user = Listener(venue.url)
            async with kept(user, PATIENT):
                await until(lambda: user.opened >= 3)
                venue.greeting = ["data"]
                await until(lambda: "data" in user.log)

        assert [repr(fault) for fault in user.faults] == ["KeyError('bug')"]
        assert user.log[:3] == ["open", "lost: fault: KeyError", "open"]

    async def test_what_the_process_must_not_survive_ends_the_keeper(self) -> None:
        """It reaches whoever runs it."""

        class Full(Listener):
            def on_frame(self, frame: bytes | str, stamp: Stamp) -> Heard | Ending:
                super().on_frame(frame, stamp)
                raise InvariantBroken("inbox is full")

        async with a_socket_venue() as venue:
            venue.greeting = ["data"]
            keeper = SocketKeeper("test", Full(venue.url), PATIENT, SystemClock())
            with pytest.raises(InvariantBroken, match="inbox"):
                await asyncio.wait_for(keeper.run(), 5)

    async def test_cancelled_it_closes_within_a_second(self) -> None:
        """Even where the venue streams on and answers no goodbye."""
        async with a_socket_venue() as venue:
            user = Listener(venue.url)
            async with kept(user, PATIENT) as keeper:
                await until(lambda: keeper.is_open and bool(venue.peers))
                began = time.monotonic()
            took_s = time.monotonic() - began
            await until(lambda: not venue.last.is_open)

        assert took_s < 1.0
        assert user.log == ["open"]


class TestConnecting:
    """Attempts that fail follow one another ever more slowly."""

    async def test_refusals_are_waited_out(self) -> None:
        """A handshake that is refused was no connection, so nothing was lost."""
        async with a_socket_venue() as venue:
            venue.refusals = [(503, {}), (401, {}), (200, {})]
            user = Listener(venue.url)
            async with kept(user, PATIENT) as keeper:
                await until(lambda: keeper.is_open and bool(venue.peers))

        gaps = [after - before for before, after in pairwise(venue.attempts)]
        assert keeper.counts.failed == 3
        assert user.log == ["open"]
        assert gaps[0] >= 0.1
        assert gaps[1] >= 0.2
        assert gaps[2] >= 0.4

    async def test_nothing_is_connected_while_shut_out(self) -> None:
        """Every knock at a door that was shut makes the ban longer."""
        ends = time.monotonic() + 0.2

        def shut_out_s() -> float:
            return max(ends - time.monotonic(), 0.0)

        async with a_socket_venue() as venue:
            user = Listener(venue.url)
            keeper = SocketKeeper("test", user, PATIENT, SystemClock(), shut_out_s=shut_out_s)
            task = asyncio.create_task(keeper.run())
            await until(lambda: bool(venue.peers))
            opened = time.monotonic()
            task.cancel()
            await asyncio.wait({task})

        assert opened >= ends

    async def test_a_redirect_is_not_followed(self) -> None:
        """Keys in the handshake go where they were meant to."""
        async with a_socket_venue() as venue:
            venue.refusals = [(302, {"Location": venue.url.replace("ws", "http") + "/other"})]
            user = Listener(venue.url)
            async with kept(user, PATIENT) as keeper:
                await until(lambda: keeper.is_open and bool(venue.peers))

        assert keeper.counts.failed == 1
        assert [peer.path for peer in venue.peers] == ["/ws/0"]

    async def test_a_venue_says_how_long_to_stay_away(self) -> None:
        """And is believed."""
        async with a_socket_venue() as venue:
            venue.refusals = [(503, {"Retry-After": "1"})]
            async with kept(Listener(venue.url), PATIENT) as keeper:
                await until(lambda: keeper.is_open and bool(venue.peers))

        assert venue.attempts[1] - venue.attempts[0] >= 1.0

    @pytest.mark.parametrize(
        ("losses", "low_s", "high_s"), [(1, 0.1, 0.2), (3, 0.4, 0.8), (12, 15.0, 30.0)]
    )
    def test_the_pause_grows_up_to_half_a_minute(
        self, losses: int, low_s: float, high_s: float
    ) -> None:
        """Jittered, so that many never come back at once; a minute of life makes it short again."""
        keeper = SocketKeeper("test", Listener("ws://x"), PATIENT, SystemClock())
        loss = Loss("x", was_open=True)
        pause_s = 0.0
        for _ in range(losses):
            pause_s = keeper._pause_s(loss, 5.0)

        assert low_s <= pause_s <= high_s
        assert keeper._pause_s(loss, 61.0) <= 0.2


class TestRotation:
    """A connection has a longest life; where it may overlap, nothing is missed at its end."""

    async def test_the_next_one_speaks_before_the_old_one_is_closed(self) -> None:
        """No loss is told, for there was none."""
        rules = SocketRules(silence_s=None, max_life_s=0.3, overlaps=True)
        async with a_socket_venue() as venue:
            venue.greeting = ["data"]
            user = Listener(venue.url)
            async with kept(user, rules) as keeper:
                await until(lambda: keeper.counts.rotated >= 2)
                assert sum(peer.is_open for peer in venue.peers) <= 2
                assert keeper.is_open

        assert not any(line.startswith("lost") for line in user.log)
        assert user.log[:4] == ["open", "data", "open", "data"]

    async def test_where_the_next_one_fails_the_old_one_goes_on(self) -> None:
        """It is worth more than none."""
        rules = SocketRules(silence_s=None, max_life_s=0.2, overlaps=True)
        async with a_socket_venue() as venue:
            venue.greeting = ["data"]
            user = Listener(venue.url)
            async with kept(user, rules) as keeper:
                await until(lambda: keeper.is_open and bool(venue.peers))
                venue.refusals = [(503, {})]
                await until(lambda: not venue.refusals)
                await asyncio.sleep(0.1)
                await venue.say("data still heard")
                await until(lambda: "data still heard" in user.log)

        assert keeper.counts.rotated == 0
        assert not any(line.startswith("lost") for line in user.log)

    async def test_where_they_may_not_overlap_the_end_is_a_loss(self) -> None:
        """What was missed in between must be asked for."""
        rules = SocketRules(silence_s=None, max_life_s=0.2)
        async with a_socket_venue() as venue:
            user = Listener(venue.url)
            async with kept(user, rules):
                await until(lambda: user.opened == 2)

        assert user.log[:3] == ["open", "lost: end of its life", "open"]
