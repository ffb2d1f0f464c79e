"""Identity: the ids this journal has given out, and whose order it is that a venue shows.

A power cut takes the newest commits and no others. So of an epoch of ours whatever is numbered
beyond the highest order that the journal saw approved was lost with them, and nothing below it was.
Orders that were adopted are known one by one: their venues may show them in any order.
"""

from trader.domain.client_ids import (
    DRAW_CHARS,
    INSTALLATION_CHARS,
    Whose,
    base36,
    read,
    spelled,
)
from trader.domain.facts import (
    EngineStarted,
    EpochAccepted,
    Fact,
    OrderIdsReserved,
    OrdersAdopted,
    OrdersApproved,
)
from trader.domain.order import ClientOrderId

_UNNAMED = "0" * INSTALLATION_CHARS
_COUNTED_CHARS = DRAW_CHARS - INSTALLATION_CHARS
_AGAIN = 36**2


class Identity:
    """Folds facts. ``numbers_end`` is the highest number reserved, ``epoch`` the newest start's."""

    __slots__ = (
        "_accepted",
        "_adopted",
        "_engines",
        "_highest",
        "_starts",
        "epoch",
        "numbers_end",
        "regained",
    )

    def __init__(self) -> None:
        self.epoch = ""
        self.numbers_end = 0
        self.regained = 0
        """How many epochs became ours because an operator said that they are."""
        self._starts = 0
        self._engines: set[str] = set()
        # The highest number of an order that was approved, and those adopted beyond it, by epoch.
        self._highest: dict[str, int] = {}
        self._adopted: set[tuple[str, int]] = set()
        self._accepted: dict[tuple[str, str], int] = {}

    @property
    def installation(self) -> str:
        """Names this journal; empty until its first start that gave it a name."""
        return self.epoch[:INSTALLATION_CHARS]

    def next_epoch(self, draw: str) -> str:
        """The epoch of a process about to start: this journal's name, and what no start had."""
        installation = self.installation or draw[:INSTALLATION_CHARS] or _UNNAMED
        counted = base36(self._starts + 1)
        own = draw[INSTALLATION_CHARS:DRAW_CHARS] or counted.rjust(_COUNTED_CHARS, "0")
        epoch = installation + own[-_COUNTED_CHARS:]
        if epoch in self._highest:
            # Drawn before, by a chance of one in a million or by a copied generator.
            epoch += base36((self._starts + 1) % _AGAIN).rjust(2, "0")
        return epoch

    def order_id(self, engine: str, number: int) -> ClientOrderId:
        """The id of an order of this process."""
        return spelled(engine, self.epoch or _UNNAMED + "0" * _COUNTED_CHARS, number)

    def whose(self, client_order_id: str) -> Whose:
        """Whose order this is. One that a ledger holds is ours; asked for any other."""
        made = read(client_order_id)
        if made is None:
            return Whose.OTHERS
        highest = self._highest.get(made.epoch)
        if not made.epoch and made.engine in self._engines and made.number <= self.numbers_end:
            return Whose.OURS
        if made.epoch and highest is not None:
            is_known = made.number <= highest or (made.epoch, made.number) in self._adopted
            return Whose.OURS if is_known else Whose.LOST
        if made.number <= self._accepted.get((made.engine, made.epoch), 0):
            return Whose.ACCEPTED
        return Whose.FOREIGN

    def apply(self, fact: Fact) -> None:
        """Fold one fact in, new or replayed."""
        match fact:
            case OrdersApproved():
                for order in fact.orders:
                    self._approved(order.client_order_id)
            case OrdersAdopted():
                made = [read(order.client_order_id) for order in fact.orders]
                self._adopted.update((one.epoch, one.number) for one in made if one is not None)
            case OrderIdsReserved():
                self.numbers_end = max(self.numbers_end, fact.upto)
            case EngineStarted():
                self._starts += 1
                self._engines.add(fact.name)
                if fact.epoch:
                    self.epoch = fact.epoch
                    self._highest.setdefault(fact.epoch, 0)
            case EpochAccepted():
                if fact.epoch and fact.epoch[:INSTALLATION_CHARS] == self.installation:
                    self._highest.setdefault(fact.epoch, 0)
                    self.regained += 1
                else:
                    self._accepted[fact.engine, fact.epoch] = fact.upto
            case _:
                pass

    def _approved(self, client_order_id: ClientOrderId) -> None:
        made = read(client_order_id)
        if made is not None and made.epoch:
            before = self._highest.get(made.epoch, 0)
            self._highest[made.epoch] = max(before, made.number)
