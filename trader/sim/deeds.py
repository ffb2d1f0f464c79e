"""What an operator, or a scenario, may do to the simulator while it runs."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import msgspec
import yaml
from msgspec import Meta, Struct

from trader.domain.errors import ConfigError
from trader.domain.instrument import Asset, Venue
from trader.sim.defaults import MAIN
from trader.sim.exchange import Exchange
from trader.sim.faults import VENUES, Fault, FaultKind, Faults
from trader.sim.files import why
from trader.sim.market import BentMarket, MarketChange
from trader.sim.model import MarketStatus, Refused
from trader.sim.referee import Referee, Row, plain

MAX_STEPS = 10_000
_MAX_SCENARIO_BYTES = 1 << 20


class BalanceChange(Struct, frozen=True, forbid_unknown_fields=True):
    """A deposit or withdrawal: by ``delta``, or until ``free`` is what is given."""

    venue: str
    asset: str
    delta: Decimal | None = None
    free: Decimal | None = None
    account: str = MAIN


class StatusChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What an instrument may do from now on; all of the venue's without ``symbol``.

    ``delisting_date`` (yyyy-MM-dd) is announced in the tickers of Upbit and Bithumb.
    """

    venue: str
    symbol: str = ""
    status: MarketStatus = MarketStatus.HALTED
    delisting_date: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None


class Step(Struct, frozen=True, forbid_unknown_fields=True):
    """One step of a scenario: ``at_s`` seconds after the start, whatever of these is given."""

    at_s: Annotated[float, Meta(ge=0, le=31_536_000)]
    fault: Fault | None = None
    market: MarketChange | None = None
    balances: BalanceChange | None = None
    halt: StatusChange | None = None
    clear: bool = False
    """End every fault first."""


class Operator:
    """Turns wishes into deeds. Every method raises ValueError with what is wrong and allowed."""

    def __init__(
        self, exchange: Exchange, faults: Faults, market: BentMarket, referee: Referee
    ) -> None:
        self._exchange = exchange
        self._faults = faults
        self._market = market
        self._referee = referee

    def set_fault(self, fault: Fault) -> int:
        """Put a fault in force; returns its number."""
        _known_venue(fault.venue, or_none=True)
        if not 0 <= fault.share <= 1:
            raise ValueError(f"share is {fault.share}; allowed: 0 to 1")
        if fault.status and fault.status < 400:
            raise ValueError(f"status is {fault.status}; allowed: 400 to 599")
        return self._faults.install(fault)

    def clear_faults(self, number: int | None = None) -> int:
        """End one fault, or all; returns how many."""
        return self._faults.remove(number)

    def change_market(self, change: MarketChange) -> None:
        """Pin a premium, let it go, jump, freeze or thaw."""
        self._market.apply(change)

    def change_balance(self, change: BalanceChange) -> None:
        """Let money come or go as if its owner had moved it elsewhere."""
        account = self._exchange.account(_known_venue(change.venue), change.account)
        if account is None:
            raise ValueError(f"account is {change.account!r}; allowed: {MAIN}")
        if (change.delta is None) == (change.free is None):
            raise ValueError("give one of delta and free")
        asset = Asset(change.asset)
        delta = change.delta
        if change.free is not None:
            delta = change.free - account.balance(asset).free
        if delta is None or not delta.is_finite() or abs(delta) > 10**15:
            raise ValueError("delta and free must be numbers, up to 1e15")
        if change.free is not None and change.free < 0:
            raise ValueError(f"free is {change.free}; allowed: 0 and above")
        try:
            self._exchange.adjust(account, asset, delta)
        except Refused as refused:
            raise ValueError(str(refused)) from refused

    def change_status(self, change: StatusChange) -> list[str]:
        """Halt or reopen; returns the symbols."""
        venue = _known_venue(change.venue)
        listings = self._exchange.listings(venue)
        wanted = [each for each in listings if change.symbol in ("", each.symbol)]
        if not wanted:
            known = ", ".join(each.symbol for each in listings)
            raise ValueError(f"symbol is {change.symbol!r}; allowed: {known}")
        for listing in wanted:
            # First the date: the tickers that tell of the change tell both.
            listing.delisting_date = change.delisting_date
            self._exchange.set_status(listing.id, change.status)
        return [listing.symbol for listing in wanted]

    def reset(self) -> None:
        """Opening balances, no orders, no faults, an unbent market, an empty ledger."""
        self._faults.remove()
        self._market.straighten()
        self._exchange.reset()
        self._referee.reset()

    def take(self, step: Step) -> None:
        """Do one step of a scenario."""
        if step.clear:
            self.clear_faults()
        if step.fault is not None:
            self.set_fault(step.fault)
        if step.market is not None:
            self.change_market(step.market)
        if step.balances is not None:
            self.change_balance(step.balances)
        if step.halt is not None:
            self.change_status(step.halt)

    async def play(self, steps: list[Step]) -> None:
        """Take every step at its time.

        Raises:
            ConfigError: a step cannot be taken, such as a withdrawal of more than there is.
        """
        begun_s = asyncio.get_running_loop().time()
        for step in sorted(steps, key=lambda each: each.at_s):
            await asyncio.sleep(begun_s + step.at_s - asyncio.get_running_loop().time())
            try:
                self.take(step)
            except ValueError as error:
                raise ConfigError(f"scenario: step at {step.at_s} s: {error}") from error

    def state(self) -> Row:
        """Faults, bends, what trades, best prices, open orders."""
        return {
            "faults": [
                {
                    "id": each.id,
                    "seen": each.seen,
                    "struck": each.struck,
                    "is_over": each.is_over,
                    "fault": _given(each.fault),
                }
                for each in self._faults.standing()
            ],
            "market": {"frozen": self._market.is_frozen, "premiums_pct": self._market.pins_pct},
            "venues": {venue: self._venue_state(venue) for venue in self._exchange.venues},
        }

    def _venue_state(self, venue: Venue) -> Row:
        markets: dict[str, Row] = {}
        for listing in self._exchange.listings(venue):
            book = self._exchange.book(listing.id)
            markets[listing.symbol] = {
                "status": listing.status,
                "best_bid": book.bids[0][0] if book and book.bids else None,
                "best_ask": book.asks[0][0] if book and book.asks else None,
                "sequence": book.sequence if book else 0,
            }
        return {
            "now_ns": self._exchange.now_ns(venue),
            "markets": markets,
            "open_orders": {
                account.name: len(self._exchange.open_orders(account))
                for account in self._exchange.accounts(venue)
            },
            "fees": {
                account.name: {
                    "maker": plain(account.fees.maker),
                    "taker": plain(account.fees.taker),
                }
                for account in self._exchange.accounts(venue)
            },
        }


def read_scenario(path: Path) -> list[Step]:
    """The steps of a scenario file, a YAML or JSON list.

    Raises:
        ConfigError: the file cannot be read or a step is wrong; names file, place and value.
    """
    try:
        with path.open("rb") as file:
            tree = yaml.safe_load(file.read(_MAX_SCENARIO_BYTES))
        steps = msgspec.convert(tree, list[Step], strict=False)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {why(error)}") from error
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise ConfigError(f"{path}: {' '.join(str(error).split())}") from error
    if len(steps) > MAX_STEPS:
        raise ConfigError(f"{path}: {len(steps)} steps; allowed: {MAX_STEPS}")
    for number, step in enumerate(steps):
        venues = [
            change.venue for change in (step.fault, step.market, step.balances, step.halt) if change
        ]
        for venue in venues:
            try:
                _known_venue(venue, or_none=True)
            except ValueError as error:
                raise ConfigError(f"{path}: step {number + 1}: {error}") from None
    return steps


def _known_venue(name: str, *, or_none: bool = False) -> Venue:
    if name in VENUES or (or_none and not name):
        return Venue(name)
    raise ValueError(f"venue is {name!r}; allowed: {', '.join(VENUES)}")


def _given(fault: Fault) -> Row:
    """A fault without what was left at its default."""
    plainest = Fault(FaultKind(fault.kind))
    return {
        name: getattr(fault, name)
        for name in fault.__struct_fields__
        if name == "kind" or getattr(fault, name) != getattr(plainest, name)
    }
