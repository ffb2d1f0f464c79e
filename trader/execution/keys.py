"""Keys of a venue's account."""

from dataclasses import dataclass

from trader.credentials import Secret


@dataclass(frozen=True)
class Keys:
    """An access key and what signs with it; a secret's text leaves only into a signature."""

    access: Secret
    secret: Secret
