"""Binance's account endpoints: balances, commissions, what the key may do, order counts."""

from decimal import Decimal

from trader.domain.instrument import BINANCE
from trader.sim import binance_limits as limits
from trader.sim.binance_call import Call
from trader.sim.binance_filters import text
from trader.sim.binance_render import Json, balances, ms
from trader.sim.model import ZERO, FeeRates, Permission

_YEAR_NS = 365 * 86_400 * 1_000_000_000
_BPS = Decimal(10_000)


def account(call: Call) -> Json:
    """``GET /api/v3/account``."""
    owner, fees = call.owner, call.exchange.fees(call.owner)
    can_trade = call.key is not None and call.key.may(Permission.TRADE)
    return {
        "makerCommission": int(fees.maker * _BPS),
        "takerCommission": int(fees.taker * _BPS),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": _rates(fees),
        "canTrade": can_trade,
        "canWithdraw": True,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": call.desk.now_ms,
        "accountType": "SPOT",
        "balances": balances(owner.balances.items(), omit_zero=call.flag("omitZeroBalances")),
        "permissions": ["SPOT"],
        "uid": 354937868,
    }


def commission(call: Call) -> Json:
    """``GET /api/v3/account/commission``: the fees of a symbol, taken in what a fill brings in."""
    listing = call.listing()
    none = _rates(FeeRates(ZERO, ZERO))
    return {
        "symbol": listing.symbol,
        "standardCommission": _rates(call.exchange.fees(call.owner)),
        "specialCommission": none,
        "taxCommission": none,
        "discount": {
            "enabledForAccount": False,
            "enabledForSymbol": False,
            "discountAsset": "BNB",
            "discount": text(Decimal("0.75")),
        },
    }


def order_counts(call: Call) -> list[Json]:
    """``GET /api/v3/rateLimit/order``: the account's unfilled orders in both intervals."""
    counts = call.desk.budgets.orders(call.owner.name).counts(call.desk.now_ms)
    rules = [rule for rule in limits.rules() if rule["rateLimitType"] == "ORDERS"]
    return [rule | {"count": count} for rule, count in zip(rules, counts, strict=True)]


def restrictions(call: Call) -> Json:
    """``GET /sapi/v1/account/apiRestrictions``: what this very key may do, and until when."""
    key = call.key
    assert key is not None, "a signed call has a key"
    answer: Json = {
        "ipRestrict": True,
        "createTime": ms(key.expires_ns - _YEAR_NS) if key.expires_ns else call.desk.now_ms,
        "enableReading": key.may(Permission.VIEW),
        "enableWithdrawals": key.may(Permission.WITHDRAW),
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableFutures": False,
        "permitsUniversalTransfer": False,
        "enableVanillaOptions": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
        "enableSpotAndMarginTrading": key.may(Permission.TRADE),
        "enablePortfolioMarginTrading": False,
    }
    if key.expires_ns:
        answer["tradingAuthorityExpirationTime"] = ms(key.expires_ns)
    return answer


def coins(call: Call) -> list[Json]:
    """``GET /sapi/v1/capital/config/getall``: every asset, with no network to move it over."""
    listed = call.exchange.listings(BINANCE)
    held = call.owner.balances
    assets = {
        *held,
        *(it.instrument.base for it in listed),
        *(it.instrument.quote for it in listed),
    }
    return [
        {
            "coin": asset,
            "name": asset,
            "depositAllEnable": False,
            "withdrawAllEnable": False,
            "free": text(held[asset].free if asset in held else ZERO),
            "locked": text(held[asset].locked if asset in held else ZERO),
            "freeze": "0",
            "withdrawing": "0",
            "ipoing": "0",
            "ipoable": "0",
            "storage": "0",
            "isLegalMoney": False,
            "trading": True,
            "networkList": [],
        }
        for asset in sorted(assets)
    ]


def margin_pairs(_call: Call) -> list[Json]:
    """``GET /sapi/v1/margin/allPairs`` and ``.../isolated/allPairs``: spot only, so none."""
    return []


def _rates(fees: FeeRates) -> Json:
    return {
        "maker": text(fees.maker),
        "taker": text(fees.taker),
        "buyer": text(ZERO),
        "seller": text(ZERO),
    }
