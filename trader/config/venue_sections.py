"""The venues in sections: those the program knows, and those a user brings."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from trader.config.rules import (
    choice,
    dotted_path,
    exact,
    flag,
    member,
    named_sections,
    optional,
    secret,
    text,
    web_address,
    whole,
)
from trader.config.section import Section
from trader.credentials import Secret
from trader.domain.instrument import BINANCE, BITHUMB, UPBIT, FeeIn

BUILT_IN = (UPBIT, BITHUMB, BINANCE)
VENUE_NAME = "[a-z][a-z0-9]{1,11}"
"""How a venue is named. A letter comes first: its keys' variables begin with its name."""

Flag = Annotated[bool, flag()]
FeePct = Annotated[Decimal, exact("percent of a fill's value", "0", "5")]
RestUrl = Annotated[str, web_address("https", "http")]
StreamUrl = Annotated[str, web_address("wss", "ws")]


class VenueSection(Section):
    """One venue: its keys, its fee until it has told, and where it is reached."""

    enabled: Flag = True
    api_key: Annotated[Secret, secret("the key's public half")] = Secret()
    secret_key: Annotated[Secret, secret("the key's secret half")] = Secret()
    attested_fingerprint: Annotated[str | None, optional(text("[0-9a-f]{16}", "16 hex digits"))] = (
        None
    )
    taker_fee_pct: FeePct
    rest_url: RestUrl
    ws_url: StreamUrl
    private_ws_url: StreamUrl


class Upbit(VenueSection):
    """Upbit's own defaults."""

    taker_fee_pct: FeePct = Decimal("0.05")
    rest_url: RestUrl = "https://api.upbit.com"
    ws_url: StreamUrl = "wss://api.upbit.com"
    private_ws_url: StreamUrl = "wss://api.upbit.com"
    jwt_algorithm: Annotated[Literal["HS512", "HS256"], choice("HS512", "HS256")] = "HS512"


class Bithumb(VenueSection):
    """Bithumb's own defaults; the fee is that of an account without a fee coupon."""

    taker_fee_pct: FeePct = Decimal("0.25")
    rest_url: RestUrl = "https://api.bithumb.com"
    ws_url: StreamUrl = "wss://ws-api.bithumb.com"
    private_ws_url: StreamUrl = "wss://ws-api.bithumb.com"


class Binance(VenueSection):
    """Binance's own defaults; its private stream is part of its WebSocket API, on another host."""

    taker_fee_pct: FeePct = Decimal("0.10")
    rest_url: RestUrl = "https://api.binance.com"
    ws_url: StreamUrl = "wss://stream.binance.com:9443"
    private_ws_url: StreamUrl = "wss://ws-api.binance.com:443"
    recv_window_ms: Annotated[int, whole("milliseconds", 100, 10_000)] = 2_000


class OwnVenue(VenueSection):
    """A venue of the user's own: how it is reached, and the two classes that speak to it."""

    fee_in: Annotated[FeeIn, member(FeeIn)] = FeeIn.QUOTE
    feed: Annotated[str, dotted_path()]
    client: Annotated[str, dotted_path()]


OwnName = Annotated[
    str,
    text(
        rf"(?!({'|'.join(BUILT_IN)})$){VENUE_NAME}",
        f"2 to 12 of a-z and 0-9, a letter first, and not {', '.join(BUILT_IN)}",
    ),
]


class Venues(Section):
    """Every venue the program speaks to."""

    upbit: Upbit = Upbit()
    bithumb: Bithumb = Bithumb()
    binance: Binance = Binance()
    own: Annotated[Mapping[OwnName, OwnVenue], named_sections()] = Field(
        default_factory=lambda: MappingProxyType({})
    )
