"""What the tickers of Upbit and Bithumb say against a market: its state, a halt, a delisting.

Nothing else is read of them. REST does not tell a date of delisting at either venue.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw, Struct

from trader.domain.errors import FrameInvalid
from trader.domain.instrument import InstrumentId
from trader.feeds.codec import MarketTold

TICKER = "ticker"

_OPEN = "ACTIVE"
_SHUT = frozenset({"PREVIEW", "DELISTED"})
"""States in which no order is taken: not yet, and no more."""
_NOTHING = (b"", b"null", b'""')
_SHOWN = 40


class _Simple(
    Struct,
    gc=False,
    rename={"code": "cd", "state": "ms", "suspended": "its", "delisting": "dd"},
):
    """What is read of a ticker in the short names."""

    code: str
    state: str | None = None
    suspended: bool | None = None
    delisting: Raw = Raw()


class _Full(
    Struct,
    gc=False,
    rename={
        "state": "market_state",
        "suspended": "is_trading_suspended",
        "delisting": "delisting_date",
    },
):
    """What is read of a ticker in the long names."""

    code: str
    state: str | None = None
    suspended: bool | None = None
    delisting: Raw = Raw()


_read_simple = msgspec.json.Decoder(_Simple, strict=False).decode
_read_full = msgspec.json.Decoder(_Full, strict=False).decode


def read_ticker(
    frame: bytes | str, symbols: Mapping[str, InstrumentId], *, simple: bool
) -> MarketTold:
    """What a ticker says against its market. ``simple`` where it is in the short names.

    Raises:
        FrameInvalid: it names an instrument that was not asked for.
        msgspec.MsgspecError: it does not decode. Other errors of what is no JSON, too.
    """
    said = _read_simple(frame) if simple else _read_full(frame)
    instrument = symbols.get(said.code)
    if instrument is None:
        raise FrameInvalid(f"a ticker nobody asked for: {said.code[:_SHOWN]!r}")
    against = []
    if said.suspended:
        against.append("trading suspended")
    if said.state not in (None, _OPEN):
        against.append(f"market state {said.state[:_SHOWN]!r}")
    delisting = bytes(said.delisting)
    if delisting not in _NOTHING:
        # A date, in whichever form: that there is one is all that counts.
        against.append(f"delisting {delisting[:_SHOWN].decode('ascii', 'replace')}")
    halted = bool(said.suspended) or said.state in _SHUT
    return MarketTold(instrument, ", ".join(against), halted)
