"""Upbit's own rules for the known instruments: ticks, minimums, fees, and whether they trade."""

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from trader.domain.clock import Stamp
from trader.domain.errors import OutcomeUnknown
from trader.domain.instrument import Instrument, InstrumentId, TickBand, split_id
from trader.domain.order import ApprovedOrder
from trader.execution.korean_account import KoreanAccount
from trader.execution.korean_errors import NOT_OURS_TO_READ
from trader.execution.korean_orders import amount
from trader.execution.korean_rules import fees_of, instrument_of
from trader.execution.upbit_limits import MARKET, ORDERBOOK

_OFFLINE = "market_offline"
_OFFLINE_NS = 120_000_000_000
"""A market that was refused as offline is left alone for so long, or until a test passes: the
order that was refused, put to the venue's own test whenever the rules are asked for."""


class _Event(Struct, frozen=True):
    warning: bool = False


class _Market(Struct, frozen=True):
    market: str
    market_event: _Event = _Event()


class _Tick(Struct):
    """``tick_size`` is that of the price band the market is in now."""

    market: str
    tick_size: Decimal


class _Offline(Struct, frozen=True):
    """An order that was refused, and until when its market is left alone for it."""

    order: ApprovedOrder
    until_ns: int


class UpbitRules:
    """Asks for them. Remembers which markets an order was refused for as offline."""

    def __init__(self, account: KoreanAccount, fee_pct: Decimal) -> None:
        self._account = account
        self._fee_pct = fee_pct
        self._offline: dict[InstrumentId, _Offline] = {}

    def refused(self, order: ApprovedOrder, code: str, stamp: Stamp) -> None:
        """An order was refused with this code."""
        if code == _OFFLINE:
            until_ns = stamp.mono_ns + _OFFLINE_NS
            self._offline[order.intent.instrument] = _Offline(order, until_ns)

    def judged(self, instrument: InstrumentId) -> None:
        """The venue would take an order in this instrument."""
        self._offline.pop(instrument, None)

    @property
    def turned_away(self) -> tuple[ApprovedOrder, ...]:
        """The last order refused in each market that counts as offline."""
        now_ns = self._account.now().mono_ns
        return tuple(one.order for one in self._offline.values() if one.until_ns > now_ns)

    async def instruments(self) -> tuple[Instrument, ...]:
        """Those the venue lists; one it no longer lists is left out."""
        account, symbols = self._account, self._account.symbols
        request = account.requests.public("/v1/market/all", (("is_details", "true"),), MARKET)
        markets = {row.market: row for row in await account.fetch(request, list[_Market])}
        listed = [name for name in symbols.instruments if symbols.name(name) in markets]
        if not listed:
            return ()
        ticks = await self._ticks(listed)
        chances = await account.chances(listed)
        closed = await account.closed_wallets()
        fees = fees_of(listed, chances, self._fee_pct)
        offline = {order.intent.instrument for order in self.turned_away}
        found = []
        for name in listed:
            symbol, chance = symbols.name(name), chances.get(name)
            if symbol not in ticks:
                continue
            tradable = (
                not markets[symbol].market_event.warning
                and split_id(name)[1] not in closed
                and (chance is None or chance.takes_immediate)
            )
            bands = (TickBand(Decimal(0), ticks[symbol]),)
            halted = name in offline
            found.append(
                instrument_of(name, bands, fees[name], chance, tradable=tradable, halted=halted)
            )
        return tuple(found)

    async def _ticks(self, listed: Sequence[InstrumentId]) -> dict[str, Decimal]:
        account = self._account
        pairs = (("markets", ",".join(account.symbols.name(name) for name in listed)),)
        request = account.requests.public("/v1/orderbook/instruments", pairs, ORDERBOOK)
        rows = await account.fetch(request, list[_Tick])
        try:
            return {row.market: tick for row in rows if (tick := amount(row.tick_size)) > 0}
        except NOT_OURS_TO_READ as error:
            raise OutcomeUnknown(f"a tick that does not read: {error}") from None
