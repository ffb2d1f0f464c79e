"""What the hatch needs of the outbox: what waits to be told, and what became of it."""

from collections.abc import Sequence
from typing import Protocol

from trader.domain.delivery import DeliveryNote, Folded, StoredAlert, Waiting


class AlertBook(Protocol):
    """The outbox, as far as whoever tells alerts may use it. Each may raise JournalError."""

    def waiting(self, most: int, /) -> Waiting:
        """What waits to be told, the most urgent first."""
        ...

    def acknowledge(self, notes: Sequence[DeliveryNote]) -> None:
        """Note what became of alerts; committed when it returns."""
        ...

    def folded_told(self, folded: Sequence[Folded]) -> None:
        """Note that a digest told these numbers."""
        ...

    def conditions(self) -> frozenset[str]:
        """Keys of the lasting conditions that stand."""
        ...

    def standing(self, most: int, /) -> tuple[StoredAlert, ...]:
        """Of conditions that stand, the newest critical that was told and nobody has seen."""
        ...


class NoAlerts:
    """An alert book with nothing in it."""

    def waiting(self, _: int, /) -> Waiting:
        """Nothing."""
        return Waiting(())

    def acknowledge(self, notes: Sequence[DeliveryNote]) -> None:
        """Nothing is noted."""

    def folded_told(self, folded: Sequence[Folded]) -> None:
        """Nothing is noted."""

    def conditions(self) -> frozenset[str]:
        """None."""
        return frozenset()

    def standing(self, _: int, /) -> tuple[StoredAlert, ...]:
        """None."""
        return ()
