"""Client order ids: how ours are spelled, and what an id that a venue shows says of its maker.

``tr-<engine>-<epoch>-<number>``. The epoch is new with every start of a process and is on disk
before the first order of it leaves, so that an id is never used twice, whatever a power cut took.
Its first characters name the journal it was started on.
"""

import re
from enum import StrEnum

from msgspec import Struct

from trader.domain.order import ClientOrderId

PREFIX = "tr-"
"""How every client order id of this program begins, whatever engine made it."""

INSTALLATION_CHARS = 4
DRAW_CHARS = 8
"""So many characters of base 36 are drawn for a start: a name for a journal that has none yet, and
as many again for the epoch."""

MAX_CHARS = 36
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_EPOCH = re.compile(r"[0-9a-z]{8,10}")
# Numbers are whole and not padded; more digits than these no journal ever counts to.
_NUMBER = re.compile(r"[1-9][0-9]{0,11}")


class ClientId(Struct, frozen=True):
    """An id of this program's, taken apart. No ``epoch``: as its first versions wrote them."""

    engine: str
    epoch: str
    number: int

    @property
    def installation(self) -> str:
        """Names the journal of the engine that made it."""
        return self.epoch[:INSTALLATION_CHARS]

    @property
    def maker(self) -> str:
        """Engine and epoch, as a breaker names them."""
        return f"{self.engine}-{self.epoch}" if self.epoch else self.engine


class Whose(StrEnum):
    """Whose order it is that a venue shows."""

    OURS = "ours"
    """This journal's, and it knows it."""
    LOST = "lost"
    """This journal's, which does not know it: a power cut took the commit."""
    FOREIGN = "foreign"
    """Another engine's, or another journal's of this engine."""
    ACCEPTED = "accepted"
    """Foreign, and an operator said that he knows of it."""
    OTHERS = "others"
    """Nothing of this program's: the operator's own, or another program's."""


def spelled(engine: str, epoch: str, number: int) -> ClientOrderId:
    """The id of an order."""
    return ClientOrderId(f"{PREFIX}{engine}-{epoch}-{number}")


def read(client_order_id: str) -> ClientId | None:
    """What an id says; None where it is none of this program's."""
    if not client_order_id.startswith(PREFIX) or len(client_order_id) > MAX_CHARS:
        return None
    engine, dash, number = client_order_id.removeprefix(PREFIX).rpartition("-")
    if not dash or not engine or not _NUMBER.fullmatch(number):
        return None
    name, dash, epoch = engine.rpartition("-")
    if dash and name and _EPOCH.fullmatch(epoch):
        return ClientId(name, epoch, int(number))
    return ClientId(engine, "", int(number))


def number_of(client_order_id: str) -> int:
    """The number an id ends in, by which ids are sorted; 0 where there is none."""
    number = client_order_id.rpartition("-")[2]
    return int(number) if _NUMBER.fullmatch(number) else 0


def base36(value: int) -> str:
    """A whole number from zero on, in digits and small letters."""
    text = ""
    while value:
        value, digit = divmod(value, 36)
        text = _DIGITS[digit] + text
    return text or "0"
