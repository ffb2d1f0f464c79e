"""What Binance states of its instruments, of fees and of our account, and what it is to us."""

from collections.abc import Collection, Mapping
from decimal import Decimal

from msgspec import Struct, field

from trader.domain.instrument import (
    BINANCE,
    Asset,
    FeeIn,
    FeeSchedule,
    Instrument,
    InstrumentId,
    TickBand,
    split_id,
)
from trader.execution.binance_limits import RateLimitRow
from trader.execution.binance_orders import MS_NS, require_amounts
from trader.execution.venue import Balance, KeyScope

_ZERO = Decimal(0)
_HUNDRED = Decimal(100)


class FilterRow(Struct, rename="camel"):
    """One filter of a symbol; which fields it has depends on its type. Zero disables a rule."""

    filter_type: str
    tick_size: Decimal = _ZERO
    step_size: Decimal = _ZERO
    min_notional: Decimal = _ZERO

    def __post_init__(self) -> None:
        require_amounts(self.tick_size, self.step_size, self.min_notional)


class SymbolRow(Struct, rename="camel"):
    """One symbol of exchangeInfo."""

    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    base_asset_precision: int
    quote_asset_precision: int
    is_spot_trading_allowed: bool
    filters: tuple[FilterRow, ...]
    order_types: tuple[str, ...] = ()
    allowed_self_trade_prevention_modes: tuple[str, ...] = ()


class ExchangeInfo(Struct, rename="camel"):
    """The answer to exchangeInfo."""

    symbols: tuple[SymbolRow, ...]
    rate_limits: tuple[RateLimitRow, ...] = ()


class Rates(Struct):
    """Shares of one, by the role in a trade."""

    taker: Decimal = _ZERO
    buyer: Decimal = _ZERO
    seller: Decimal = _ZERO

    def __post_init__(self) -> None:
        require_amounts(self.taker, self.buyer, self.seller)


class Commission(Struct, rename="camel"):
    """The answer to account/commission. What is not stated is not charged."""

    symbol: str
    standard_commission: Rates
    special_commission: Rates = field(default_factory=Rates)
    tax_commission: Rates = field(default_factory=Rates)


class BalanceRow(Struct):
    """One asset of an account."""

    asset: str
    free: Decimal
    locked: Decimal

    def __post_init__(self) -> None:
        require_amounts(self.free, self.locked)


class Account(Struct):
    """The answer to account, as far as it is used."""

    balances: tuple[BalanceRow, ...]


class ApiRestrictions(Struct, rename="camel"):
    """What the wallet API says a key may do."""

    enable_withdrawals: bool | None = None
    enable_internal_transfer: bool | None = None
    permits_universal_transfer: bool | None = None
    enable_spot_and_margin_trading: bool | None = None
    trading_authority_expiration_time: int | None = None


def symbol_of(instrument: InstrumentId) -> str:
    """How the venue spells an instrument."""
    _, base, quote = split_id(instrument)
    return f"{base}{quote}"


def instrument_of(row: SymbolRow, name: InstrumentId, fees: FeeSchedule) -> Instrument:
    """An instrument by the venue's own rules.

    Raises:
        ValueError: it is another pair than its name says, or states neither tick nor lot.
    """
    _, base, quote = split_id(name)
    if (row.base_asset, row.quote_asset) != (base, quote):
        raise ValueError(f"{row.symbol} is {row.base_asset}-{row.quote_asset}")
    filters = {one.filter_type: one for one in row.filters}
    if "PRICE_FILTER" not in filters or "LOT_SIZE" not in filters:
        raise ValueError(f"{row.symbol} states no tick or no lot")
    # A filter that is disabled leaves the number of decimals the venue keeps.
    tick = filters["PRICE_FILTER"].tick_size or Decimal(1).scaleb(-row.quote_asset_precision)
    lot = filters["LOT_SIZE"].step_size or Decimal(1).scaleb(-row.base_asset_precision)
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL")
    takes_orders = _takes_orders(row)
    return Instrument(
        id=name,
        venue=BINANCE,
        base=base,
        quote=quote,
        bands=(TickBand(_ZERO, tick),),
        lot=lot,
        min_notional=_ZERO if notional is None else notional.min_notional,
        fees=fees,
        # The venue knows no mere warning: where it does not trade, no order of ours is taken.
        tradable=takes_orders,
        halted=not takes_orders,
    )


def instruments_of(
    said: ExchangeInfo,
    wanted: Mapping[str, InstrumentId],
    fees: Mapping[InstrumentId, FeeSchedule],
) -> tuple[Instrument, ...]:
    """The wanted instruments, by their symbols.

    Raises:
        ValueError: one is missing, or not stated as it must be.
    """
    found = {
        row.symbol: instrument_of(row, wanted[row.symbol], fees[wanted[row.symbol]])
        for row in said.symbols
        if row.symbol in wanted
    }
    missing = sorted(wanted.keys() - found.keys())
    if missing:
        raise ValueError(f"does not state {', '.join(missing)}")
    return tuple(found.values())


def fees_of(commission: Commission) -> FeeSchedule:
    """What a taker pays, the worse of buying and selling, without any discount for paying in BNB.

    Each kind is charged on top of the others. Where fees are paid in BNB the fills say so.
    """
    share = _ZERO
    for rates in (
        commission.standard_commission,
        commission.special_commission,
        commission.tax_commission,
    ):
        share += rates.taker + max(rates.buyer, rates.seller)
    return FeeSchedule(share * _HUNDRED, FeeIn.RECEIVED)


def balances_of(account: Account) -> tuple[Balance, ...]:
    """What is free and what orders hold, together; nothing of what is empty."""
    return tuple(
        Balance(Asset(row.asset), row.free + row.locked, row.locked)
        for row in account.balances
        if row.free + row.locked > 0
    )


def scope_of(said: ApiRestrictions) -> KeyScope:
    """What the key may do. Any right to move money off the account counts as withdrawing."""
    rights = (
        said.enable_withdrawals,
        said.enable_internal_transfer,
        said.permits_universal_transfer,
    )
    can_withdraw = True if any(rights) else said.enable_withdrawals
    expires_ms = said.trading_authority_expiration_time
    return KeyScope(
        can_withdraw=can_withdraw,
        can_trade=said.enable_spot_and_margin_trading,
        expires_ns=expires_ms * MS_NS if expires_ms else None,
    )


def prevention_mode(allowed: Collection[str]) -> str:
    """How our order may not trade with another of the same account; empty leaves the default.

    Ours never rest, so the other order is the operator's own: ours expires, theirs is left alone.
    """
    return "EXPIRE_TAKER" if "EXPIRE_TAKER" in allowed else ""


def _takes_orders(row: SymbolRow) -> bool:
    return (
        row.status == "TRADING"
        and row.is_spot_trading_allowed
        and (not row.order_types or "LIMIT" in row.order_types)
    )
