"""Who trades at a simulated venue: accounts, their keys, fees and balances."""

import copy
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from trader.domain.instrument import Asset, Venue

ZERO = Decimal(0)


class Permission(StrEnum):
    """What a key may be used for."""

    VIEW = "view"
    ORDERS = "orders"
    TRADE = "trade"
    WITHDRAW = "withdraw"


class KeyKind(StrEnum):
    """How a key signs."""

    HMAC = "hmac"
    ED25519 = "ed25519"


class ApiKey(Struct, frozen=True):
    """One key of an account. Test keys: they are printed at start and open nothing anywhere.

    ``secret`` is the shared secret, or for Ed25519 the private key (PKCS8, base64) as its user
    holds it; ``public`` is then the raw public key that signatures are checked with.
    """

    access: str
    secret: str
    permissions: frozenset[Permission]
    expires_ns: int
    kind: KeyKind = KeyKind.HMAC
    public: bytes = b""

    def may(self, permission: Permission) -> bool:
        """Whether the key carries this permission."""
        return permission in self.permissions

    def __repr__(self) -> str:
        """Say which key it is, without its secret."""
        return f"ApiKey({self.access!r}, {sorted(self.permissions)})"


class Balance(Struct):
    """What an account holds of one asset; ``locked`` is reserved by open orders."""

    free: Decimal = ZERO
    locked: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """Free and locked together."""
        return self.free + self.locked


class FeeRates(Struct, frozen=True):
    """Fees of an account as shares of one (0.0005 is 0.05 %)."""

    maker: Decimal
    taker: Decimal

    @property
    def reserve(self) -> Decimal:
        """The share set aside for an order that may become either."""
        return max(self.maker, self.taker)


class Account(Struct):
    """One account (a pocket) at one venue with its keys, fees and balances."""

    venue: Venue
    name: str
    keys: dict[str, ApiKey]
    fees: FeeRates
    balances: dict[Asset, Balance]

    def balance(self, asset: Asset) -> Balance:
        """The balance of an asset, made at zero where there was none."""
        found = self.balances.get(asset)
        if found is None:
            found = self.balances[asset] = Balance()
        return found


def copied(balances: Mapping[Asset, Balance]) -> dict[Asset, Balance]:
    """Balances that no later change reaches."""
    return {asset: copy.copy(balance) for asset, balance in balances.items()}
