"""Clocks: what the host and the venues say the time is, and how late it surely is by now.

A host's clock may be set forward or back while the process runs, and a monotonic one may not. So
each time that was told is carried on by the monotonic clock, and the earlier of the two counts
wherever a step forward would end what must last.
"""

_SETTLES_NS = 60_000_000_000
"""So long after its start a process waits for a venue to confirm the host's clock."""


class Clocks:
    """The times last told, in UTC nanoseconds, each with the monotonic time it was told at.

    Simulated is a mock run: its venues live in another time, and its monotonic clock at another
    pace, so there the host's word alone counts.
    """

    def __init__(self, *, is_simulated: bool) -> None:
        self._is_simulated = is_simulated
        self._host: tuple[int, int] | None = None
        self._began_mono_ns: int | None = None
        # Plain, since both are written on every quote.
        self.venue_ns: int | None = None
        self.venue_mono_ns = 0

    @property
    def is_simulated(self) -> bool:
        """Whether the market's time is another than the host's."""
        return self._is_simulated

    def begin(self, mono_ns: int) -> None:
        """A process begins; what an earlier one measured is unknown here."""
        self._began_mono_ns = mono_ns

    def saw_host(self, at_ns: int, mono_ns: int) -> None:
        """The host's clock told its time; 0 is none."""
        if at_ns:
            self._host = (at_ns, mono_ns)

    def host_ns(self, now_ns: int, mono_ns: int) -> int:
        """The host's time as last told, carried on; ``now_ns`` where it never was."""
        if self._host is None:
            return now_ns
        at_ns, told_mono_ns = self._host
        return at_ns if self._is_simulated else at_ns + mono_ns - told_mono_ns

    def surely_ns(self, now_ns: int, mono_ns: int) -> int:
        """The host's time, or a venue's where that is earlier."""
        host_ns = self.host_ns(now_ns, mono_ns)
        if self._is_simulated or self.venue_ns is None:
            return host_ns
        return min(host_ns, self.venue_ns + mono_ns - self.venue_mono_ns)

    def are_settled(self, mono_ns: int) -> bool:
        """Whether a venue has told its time, or none did for a minute from the start."""
        if self._is_simulated or self.venue_ns is not None or self._began_mono_ns is None:
            return True
        return mono_ns - self._began_mono_ns >= _SETTLES_NS
