"""Upbit's errors by name. The published list says of itself that it is not complete."""

from trader.execution.korean_errors import Kind, Table

UPBIT_ERRORS: Table = {
    # this order
    "insufficient_funds_bid": Kind.REJECTED,
    "insufficient_funds_ask": Kind.REJECTED,
    "volume_too_large": Kind.REJECTED,
    "invalid_funds": Kind.REJECTED,
    "create_bid_error": Kind.REJECTED,
    "create_ask_error": Kind.REJECTED,
    "validation_error": Kind.REJECTED,
    "invalid_parameter": Kind.REJECTED,
    # what we know of the market
    "under_min_total_bid": Kind.STALE_RULES,
    "under_min_total_ask": Kind.STALE_RULES,
    "invalid_price_bid": Kind.STALE_RULES,
    "invalid_price_ask": Kind.STALE_RULES,
    "market_offline": Kind.STALE_RULES,
    # whatever we send
    "thirdparty_agreement_required": Kind.HALTS,
    "invalid_query_payload": Kind.HALTS,
    "jwt_verification": Kind.HALTS,
    "invalid_access_key": Kind.HALTS,
    "no_authorization_token": Kind.HALTS,
    "expired_access_key": Kind.HALTS,
    "no_authorization_ip": Kind.HALTS,
    "no_authorization_i_p": Kind.HALTS,
    "out_of_scope": Kind.HALTS,
    # no word on the order
    "order_not_found": Kind.ABSENT,
    "order_not_ready": Kind.NOT_READY,
    "too_many_requests": Kind.THROTTLED,
    # A nonce is ours alone: one seen before means that this very request arrived before.
    "nonce_used": Kind.UNKNOWN,
}
