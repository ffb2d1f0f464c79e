"""Balances as Upbit and Bithumb list them, and what a key may place in a pair.

Pure. Source: exchange fact sheet 1.3 and 2.3.
"""

from trader.domain.instrument import KRW, Asset
from trader.sim.korean_params import plain
from trader.sim.model import Account, Balance, FeeRates, Listing

_FORCED_TYPES = ("best_fok", "best_ioc", "limit_fok", "limit_ioc", "limit_post_only")

Fields = dict[str, object]

WITHDRAWAL_PATHS = ("/v1/withdraws", "/v1/withdraws/chance", "/v1/withdraws/coin_addresses")
"""Requests that only read, and that a key without the right to withdraw may not make."""


def account_view(asset: Asset, balance: Balance) -> Fields:
    """One balance; what the coin was bought at is not kept here."""
    return {
        "currency": asset,
        "balance": plain(balance.free),
        "locked": plain(balance.locked),
        "avg_buy_price": "0",
        "avg_buy_price_modified": False,
        "unit_currency": KRW,
    }


def held_views(account: Account) -> list[Fields]:
    """Every balance that is not nothing, won first."""
    held = [(asset, each) for asset, each in account.balances.items() if each.total]
    held.sort(key=lambda entry: (entry[0] != KRW, entry[0]))
    return [account_view(asset, balance) for asset, balance in held]


def chance_view(account: Account, fees: FeeRates, listing: Listing, of_sides: Fields) -> Fields:
    """Fees, order types, bounds and balances of a pair; ``of_sides`` is what each side adds."""
    instrument, held = listing.instrument, account.balances
    sides = {"min_total": plain(instrument.min_notional)} | of_sides
    return {
        "bid_fee": plain(fees.taker),
        "ask_fee": plain(fees.taker),
        "maker_bid_fee": plain(fees.maker),
        "maker_ask_fee": plain(fees.maker),
        "market": {
            "id": listing.symbol,
            "name": f"{instrument.base}/{instrument.quote}",
            "order_types": ["limit"],
            "order_sides": ["ask", "bid"],
            "bid_types": ["limit", "price", *_FORCED_TYPES],
            "ask_types": ["limit", "market", *_FORCED_TYPES],
            "bid": {"currency": instrument.quote} | sides,
            "ask": {"currency": instrument.base} | sides,
            "max_total": plain(listing.max_notional),
            "state": "active",
        },
        "bid_account": account_view(instrument.quote, held.get(instrument.quote, Balance())),
        "ask_account": account_view(instrument.base, held.get(instrument.base, Balance())),
    }
