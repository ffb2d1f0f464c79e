"""What a simulator holds unless told otherwise: instruments, accounts and test keys.

The keys are no secrets: they are printed at start and open nothing but a simulator.
"""

from collections.abc import Iterable
from decimal import Decimal

from trader.domain.instrument import (
    BINANCE,
    BITHUMB,
    KRW,
    UPBIT,
    USDT,
    Asset,
    FeeIn,
    FeeSchedule,
    Instrument,
    InstrumentId,
    TickBand,
    Venue,
    split_id,
)
from trader.sim.model import (
    Account,
    ApiKey,
    Balance,
    FeeRates,
    KeyKind,
    Listing,
    Permission,
)

MAIN = "main"
"""The account every default key belongs to."""
ED25519_TEST_SECRET = "MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
_ED25519_TEST_PUBLIC = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
_DAY_NS = 86_400 * 1_000_000_000

_SHARED_BANDS = (
    (1_000_000, "1000"),
    (500_000, "500"),
    (100_000, "100"),
    (50_000, "50"),
    (10_000, "10"),
    (5_000, "5"),
    (100, "1"),
)
_BELOW_100 = {
    UPBIT: (("10", "0.1"), ("1", "0.01"), ("0", "0.001")),
    BITHUMB: (("10", "0.01"), ("1", "0.001"), ("0", "0.0001")),
}
_KOREAN_FEES = {UPBIT: Decimal("0.0005"), BITHUMB: Decimal("0.0004")}
_BINANCE_FEE = Decimal("0.001")
_KRW_LOT, _KRW_MINIMUM, _KRW_MAXIMUM = Decimal("0.00000001"), Decimal(5_000), Decimal(10**9)
_USDT_MINIMUM, _USDT_MAXIMUM = Decimal(5), Decimal(9_000_000)
# Tick and lot of Binance, as the seeded market draws them.
_BINANCE_GRID = {
    "BTC": ("0.01", "0.00001"),
    "ETH": ("0.01", "0.0001"),
    "SOL": ("0.01", "0.001"),
    "XRP": ("0.0001", "0.1"),
}
_COINS = {"BTC": "1", "ETH": "20", "SOL": "300", "XRP": "20000"}
_OPENING = {
    UPBIT: {"KRW": "50000000", "USDT": "20000"} | _COINS,
    BITHUMB: {"KRW": "50000000", "USDT": "20000"} | _COINS,
    BINANCE: {"USDT": "50000"} | _COINS,
}
FEES: dict[Venue, FeeRates] = {
    UPBIT: FeeRates(_KOREAN_FEES[UPBIT], _KOREAN_FEES[UPBIT]),
    BITHUMB: FeeRates(_KOREAN_FEES[BITHUMB], _KOREAN_FEES[BITHUMB]),
    BINANCE: FeeRates(_BINANCE_FEE, _BINANCE_FEE),
}


def listings_of(instruments: Iterable[InstrumentId]) -> list[Listing]:
    """How the venues list these instruments.

    Raises:
        ValueError: a coin whose tick and lot are not known here.
    """
    return [_listing(*split_id(instrument), instrument) for instrument in instruments]


def default_accounts(now_ns: int) -> list[Account]:
    """One account per venue, generously filled, with keys of every kind a test may need."""
    return [
        Account(
            venue=venue,
            name=MAIN,
            keys={key.access: key for key in _keys(venue, now_ns)},
            fees=FEES[venue],
            balances={Asset(asset): Balance(Decimal(amount)) for asset, amount in opening.items()},
        )
        for venue, opening in _OPENING.items()
    ]


def test_key(venue: Venue) -> tuple[str, str]:
    """Access key and secret of the key with view, orders and trade: what the operator pastes."""
    name = venue.upper()
    # Long enough for HS512 without a complaint of the signing library.
    secret = f"SIM-{name}-SECRET-KEY-0001-for-the-local-simulator-only-it-opens-nothing-else"
    return f"SIM-{name}-ACCESS-KEY-0001", secret


def _keys(venue: Venue, now_ns: int) -> list[ApiKey]:
    """Of use, read only, expired, able to withdraw; at Binance also one that signs Ed25519."""
    access, secret = test_key(venue)
    usual = frozenset({Permission.VIEW, Permission.ORDERS, Permission.TRADE})
    year, past = now_ns + 365 * _DAY_NS, now_ns - _DAY_NS
    stem = access.removesuffix("ACCESS-KEY-0001")
    keys = [
        ApiKey(access, secret, usual, year),
        ApiKey(f"{stem}READ-ONLY-KEY", secret, usual - {Permission.TRADE}, year),
        ApiKey(f"{stem}EXPIRED-KEY", secret, usual, past),
        ApiKey(f"{stem}WITHDRAW-KEY", secret, usual | {Permission.WITHDRAW}, year),
    ]
    if venue == BINANCE:
        public = bytes.fromhex(_ED25519_TEST_PUBLIC)
        ed25519 = KeyKind.ED25519
        keys.append(ApiKey(f"{stem}ED25519-KEY", ED25519_TEST_SECRET, usual, year, ed25519, public))
    return keys


def _listing(venue: Venue, base: Asset, quote: Asset, instrument: InstrumentId) -> Listing:
    if venue == BINANCE and quote == USDT and base in _BINANCE_GRID:
        tick, lot = _BINANCE_GRID[base]
        bands: tuple[TickBand, ...] = (TickBand(Decimal(0), Decimal(tick)),)
        fees = FeeSchedule(_BINANCE_FEE * 100, FeeIn.RECEIVED)
        rules = Instrument(instrument, venue, base, quote, bands, Decimal(lot), _USDT_MINIMUM, fees)
        return Listing(rules, f"{base}{quote}", _USDT_MAXIMUM)
    if quote != KRW or venue not in _BELOW_100:
        raise ValueError(f"{instrument} is not known to the simulator")
    fees = FeeSchedule(_KOREAN_FEES[venue] * 100)
    rules = Instrument(
        instrument, venue, base, quote, _won_bands(venue), _KRW_LOT, _KRW_MINIMUM, fees
    )
    return Listing(rules, f"{quote}-{base}", _KRW_MAXIMUM)


def _won_bands(venue: Venue) -> tuple[TickBand, ...]:
    shared = [(str(floor), tick) for floor, tick in _SHARED_BANDS]
    bands = [*shared, *_BELOW_100[venue]]
    return tuple(TickBand(Decimal(floor), Decimal(tick)) for floor, tick in reversed(bands))
