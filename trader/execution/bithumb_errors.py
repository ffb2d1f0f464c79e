"""Bithumb's errors by name."""

from trader.execution.korean_errors import Kind, Table

BITHUMB_ERRORS: Table = {
    # this order
    "invalid_parameter": Kind.REJECTED,
    "cross_trading": Kind.REJECTED,
    "currency does not have a valid value": Kind.REJECTED,
    # Expected after Upbit's; not published by Bithumb.
    "insufficient_funds_bid": Kind.REJECTED,
    "insufficient_funds_ask": Kind.REJECTED,
    # what we know of the market
    "invalid_price": Kind.STALE_RULES,
    "invalid_price_bid": Kind.STALE_RULES,
    "invalid_price_ask": Kind.STALE_RULES,
    "under_price_limit_bid": Kind.STALE_RULES,
    "under_price_limit_ask": Kind.STALE_RULES,
    "under_min_total_bid": Kind.STALE_RULES,
    "under_min_total_ask": Kind.STALE_RULES,
    # whatever we send
    "bank_account_required": Kind.HALTS,
    "two_factor_auth_required": Kind.HALTS,
    "invalid_query_payload": Kind.HALTS,
    "jwt_verification": Kind.HALTS,
    "expired_jwt": Kind.HALTS,
    "NotAllowIP": Kind.HALTS,
    "out_of_scope": Kind.HALTS,
    "blocked_member_id": Kind.HALTS,
    # no word on the order
    "order_not_found": Kind.ABSENT,
    "order_not_ready": Kind.NOT_READY,
    "too_many_requests": Kind.THROTTLED,
    "nonce_used": Kind.UNKNOWN,
}
