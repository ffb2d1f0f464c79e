"""The exception tree. Expected answers are values; these are faults, and say which value."""


class TraderError(Exception):
    """Any fault this program raises on purpose."""


class ConfigError(TraderError):
    """A setting, flag or file is wrong; the message names it and what is allowed."""


class FeedError(TraderError):
    """Market data could not be had."""


class FrameInvalid(FeedError):
    """A frame does not decode; it is counted and dropped, never guessed."""


class FeedSilent(FeedError):
    """A feed stayed silent beyond its bound."""


class VenueError(TraderError):
    """A venue did not do what was asked."""


class VenueRejected(VenueError):
    """The venue said no; nothing rests on its book."""


class VenueUnavailable(VenueError):
    """The request provably did not leave this machine."""


class HeldBack(VenueUnavailable):
    """Our own count of the venue's rate limits, or a ban, forbids the request for ``wait_s``."""

    def __init__(self, message: str, wait_s: float) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class OutcomeUnknown(VenueError):
    """The request left and no answer came; reconciliation settles it, never sending again."""


class JournalError(TraderError):
    """The journal could not be read or written."""


class PortError(TraderError):
    """The hatch between bot and trader failed."""


class PortTimeout(PortError):
    """No answer came through the hatch in time; nothing is claimed about the effect."""


class CommandExpired(PortError):
    """A command was older than it may be, and did nothing."""


class InvariantBroken(TraderError):
    """The program caught itself being wrong; the only safe state is the one on disk."""
