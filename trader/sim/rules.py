"""What differs between the venues' matching: client ids, post-only, market orders, id spelling."""

from decimal import Decimal
from enum import StrEnum
from random import Random
from uuid import UUID

from msgspec import Struct

from trader.domain.instrument import BINANCE, BITHUMB, UPBIT, Venue


class ClientIds(StrEnum):
    """When a client id may be used again."""

    BURNED = "burned"
    """Never, not even when the order was refused (Upbit)."""
    RETURNS_EXISTING = "returns_existing"
    """The second request is answered with the first one's order (Bithumb, as its kit says)."""
    UNIQUE = "unique"
    """Refused once an order was accepted under it (Bithumb, as its documents could be read)."""
    FREE_WHEN_FINAL = "free_when_final"
    """Again as soon as the first order is final (Binance)."""


class IdStyle(StrEnum):
    """How a venue spells the ids of orders and trades."""

    UUID = "uuid"
    LETTERED = "lettered"
    NUMBER = "number"


class VenueRules(Struct, frozen=True):
    """How one venue treats orders. ``fee_step``: what fees are cut down to; None is exact."""

    client_ids: ClientIds
    ids: IdStyle
    refuses_taking_post_only: bool
    """Else such an order is accepted and cancelled at once."""
    refuses_market_beyond_book: bool
    fee_step: Decimal | None = None
    max_open_orders: int = 1_000


RULES: dict[Venue, VenueRules] = {
    UPBIT: VenueRules(ClientIds.BURNED, IdStyle.UUID, False, True),
    BITHUMB: VenueRules(ClientIds.RETURNS_EXISTING, IdStyle.LETTERED, False, False),
    BINANCE: VenueRules(
        ClientIds.FREE_WHEN_FINAL, IdStyle.NUMBER, True, False, Decimal("0.00000001")
    ),
}


class IdMaker:
    """Makes the ids of one venue, never one twice: ``first`` must be above all of earlier runs."""

    def __init__(self, style: IdStyle, first: int) -> None:
        self._style = style
        self._next = first
        self._random = Random(f"{style}/{first}")

    def make(self) -> str:
        """A new id."""
        self._next += 1
        match self._style:
            case IdStyle.UUID:
                return str(UUID(int=self._random.getrandbits(128), version=4))
            case IdStyle.LETTERED:
                return f"C0101{self._next:015d}"
            case IdStyle.NUMBER:
                return str(self._next)
