"""Position: signed quantity and average price; what one fill realises."""

from decimal import Decimal

from msgspec import Struct

# A share of a cost is cut here, so that every sum of shares stays exact: a quotient as long as the
# arithmetic's precision would lose its last digits to the next addition.
_STEP_KRW = Decimal("1e-12")


class Position(Struct, frozen=True):
    """What a trade changed at one instrument, signed: + bought, - sold out of inventory.

    ``cost_krw`` is the won value of the open quantity at its booked prices, signed like it, kept
    instead of an average so that nothing is lost to division. ``entry`` is the quantity and cost
    that closings take their shares of, None while nothing was closed: by it, what is left costs
    the same to the last digit in whatever order the fills of a closing are told.
    """

    quantity: Decimal = Decimal(0)
    cost_krw: Decimal = Decimal(0)
    entry: tuple[Decimal, Decimal] | None = None

    @property
    def average_krw(self) -> Decimal | None:
        """Average entry price in won of one coin, or None while flat."""
        return self.cost_krw / self.quantity if self.quantity else None

    def apply(self, signed_quantity: Decimal, value_krw: Decimal) -> tuple["Position", Decimal]:
        """Book a fill of ``signed_quantity`` worth ``value_krw`` (positive, won).

        Returns the position after it and the won realised, fees not included. A fill through zero
        closes the old side at its price and opens the new one.
        """
        held = self.quantity
        signed_value = value_krw if signed_quantity > 0 else -value_krw
        if held == 0 or (held > 0) == (signed_quantity > 0):
            return Position(held + signed_quantity, self.cost_krw + signed_value), Decimal(0)
        if abs(signed_quantity) <= abs(held):
            after = self._left(held + signed_quantity)
            # The fill brought -signed_value in won; what it closed had cost the difference.
            return after, -signed_value - (self.cost_krw - after.cost_krw)
        closing_value = (signed_value * (-held) / signed_quantity).quantize(_STEP_KRW)
        opened = Position(held + signed_quantity, signed_value - closing_value)
        return opened, -closing_value - self.cost_krw

    def unrealised_krw(self, mark_krw: Decimal) -> Decimal:
        """Value change in won were the open quantity closed at ``mark_krw`` a coin."""
        return self.quantity * mark_krw - self.cost_krw

    def share_krw(self, quantity: Decimal) -> Decimal:
        """What ``quantity`` (signed) of the open quantity costs, in won; all of it exactly."""
        if quantity == self.quantity:
            return self.cost_krw
        return (self.cost_krw * quantity / self.quantity).quantize(_STEP_KRW)

    def _left(self, quantity: Decimal) -> "Position":
        """What a closing leaves: so much of the entry, at that share of its cost."""
        if quantity == 0:
            return Position()
        entry = self.entry or (self.quantity, self.cost_krw)
        share = (entry[1] * quantity / entry[0]).quantize(_STEP_KRW)
        return Position(quantity, share, entry)
