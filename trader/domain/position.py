"""Position: signed quantity and average price; what one fill realises."""

from decimal import Decimal

from msgspec import Struct

# A share of a cost is cut here, so that every sum of shares stays exact: a quotient as long as the
# arithmetic's precision would lose its last digits to the next addition.
_STEP_KRW = Decimal("1e-12")


class Position(Struct, frozen=True):
    """What a trade changed at one instrument, signed: + bought, - sold out of inventory.

    ``cost_krw`` is the won value of the open quantity at its booked prices, signed like it, kept
    instead of an average so that nothing is lost to division.
    """

    quantity: Decimal = Decimal(0)
    cost_krw: Decimal = Decimal(0)

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
            closed_cost = (
                self.cost_krw
                if signed_quantity == -held
                else (self.cost_krw * (-signed_quantity) / held).quantize(_STEP_KRW)
            )
            after = Position(held + signed_quantity, self.cost_krw - closed_cost)
            # The open side cost closed_cost; the fill brought -signed_value in won.
            return after, -signed_value - closed_cost
        closing_value = (signed_value * (-held) / signed_quantity).quantize(_STEP_KRW)
        opened = Position(held + signed_quantity, signed_value - closing_value)
        return opened, -closing_value - self.cost_krw

    def unrealised_krw(self, mark_krw: Decimal) -> Decimal:
        """Value change in won were the open quantity closed at ``mark_krw`` a coin."""
        return self.quantity * mark_krw - self.cost_krw
