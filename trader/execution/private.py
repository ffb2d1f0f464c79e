"""PrivateLink: the connection on which a venue tells of our orders and balances."""

from collections.abc import Callable, Mapping

from trader.domain.clock import Clock, Stamp
from trader.domain.events import Event, FaultReported
from trader.domain.instrument import Venue
from trader.execution.session import VenueSession
from trader.execution.venue import PrivateStream
from trader.wire.connection import Ending, Heard, Send, SocketRules


class PrivateLink:
    """What a socket's keeper calls; hands everything to the session."""

    def __init__(
        self,
        venue: Venue,
        session: VenueSession,
        ws_url: str,
        clock: Clock,
        deliver: Callable[[Event], None],
    ) -> None:
        self._venue = venue
        self._session = session
        self._ws_url = ws_url
        self._clock = clock
        self._deliver = deliver

    def address(self) -> str:
        """Where to connect."""
        return self._session.stream.address(self._ws_url)

    def headers(self) -> Mapping[str, str]:
        """Signed anew for each connection."""
        return self._session.stream.headers(self._clock.now())

    def on_open(self, send: Send) -> None:
        """Subscribe; where the venue does not confirm it, the stream stands from now on."""
        for frame in self._session.stream.hello(self._clock.now()):
            send(frame)
        self._session.opened()

    def on_frame(self, frame: bytes | str, stamp: Stamp) -> Heard | Ending:
        """Take in one frame.

        Raises:
            FrameInvalid: it does not decode.
        """
        ending = self._session.heard(frame, stamp)
        return Heard.DATA if ending is None else Ending(ending.reason)

    def on_lost(self, reason: str) -> None:
        """What it would have told must be asked for."""
        self._session.lost(reason)

    def on_fault(self, error: Exception) -> None:
        """A part of ours broke on what was heard; the connection is renewed."""
        now = self._clock.now()
        self._deliver(
            FaultReported(
                now.at_ns, now.mono_ns, self._venue, f"private stream: {type(error).__name__}"
            )
        )


def private_rules(stream: PrivateStream) -> SocketRules:
    """How a private stream is kept: silent for hours where nothing is traded, so never for that.

    Connections do not overlap: each is followed by a reconciliation of its own.
    """
    return SocketRules(silence_s=None, keepalive=stream.keepalive)
