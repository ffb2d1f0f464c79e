"""The shape of the bot's own words. Names in braces are filled in."""

from collections.abc import Mapping

from msgspec import Struct


class SenderWords(Struct, frozen=True):
    """What the sender of alerts says around them; ``kinds`` goes by alert code, for digests."""

    counter: str
    still: str
    repeat: str
    over: str
    was: str
    seen: str
    late: str
    short: str
    acknowledge: str
    digest: str
    digest_kind: str
    digest_newest: str
    digest_line: str
    digest_to_do: str
    kinds: Mapping[str, str]
