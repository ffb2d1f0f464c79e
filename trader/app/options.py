"""What the command line may say about one run, beyond the config."""

from msgspec import Struct


class RunOptions(Struct, frozen=True):
    """``loops`` ends the run after so many cycles; ``interval_s`` is real seconds between them.

    Without ``with_bot`` nothing here delivers alerts: they wait in the outbox.
    """

    loops: int | None = None
    interval_s: float | None = None
    with_bot: bool = True
    version: str = "0"
