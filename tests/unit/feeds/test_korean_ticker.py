"""What tickers of Upbit and Bithumb say against a market; their prices are nobody's concern."""

import json

import pytest

from tests.support.builders import AT_NS, BITHUMB_BTC, UPBIT_BTC
from trader.domain.clock import Stamp
from trader.domain.errors import FrameInvalid
from trader.feeds.bithumb import BithumbFeed
from trader.feeds.codec import FeedCodec, MarketTold
from trader.feeds.upbit import UpbitFeed

STAMP = Stamp(AT_NS, 7)
UPBIT, BITHUMB = UpbitFeed((UPBIT_BTC,)), BithumbFeed((BITHUMB_BTC,))


def told(codec: FeedCodec, **said: object) -> MarketTold:
    """What a ticker in the long names comes to."""
    found = codec.decode(json.dumps({"type": "ticker", "code": "KRW-BTC", **said}), STAMP)
    assert isinstance(found, MarketTold)
    return found


@pytest.mark.parametrize("codec", [UPBIT, BITHUMB], ids=["upbit", "bithumb"])
class TestTicker:
    """One that says nothing says that nothing is against the market."""

    def test_an_everyday_one(self, codec: FeedCodec) -> None:
        """As both venues send them all day."""
        everyday = told(codec, market_state="ACTIVE", delisting_date=None, trade_price="1")

        assert everyday == told(codec) == MarketTold(everyday.instrument)
        assert everyday.instrument == codec.instruments[0]

    @pytest.mark.parametrize("date", ["2026-12-24", {"year": 2026, "month": 12, "day": 24}, 7])
    def test_a_date_of_delisting_bars_entries(self, codec: FeedCodec, date: object) -> None:
        """In whichever form it comes. What is open may still be closed until then."""
        found = told(codec, market_state="ACTIVE", delisting_date=date)

        assert found.barred.startswith("delisting ")
        assert not found.halted

    @pytest.mark.parametrize("state", ["PREVIEW", "DELISTED"])
    def test_a_market_that_is_shut_takes_no_order(self, codec: FeedCodec, state: str) -> None:
        """Not yet, and no more."""
        assert told(codec, market_state=state) == MarketTold(
            codec.instruments[0], f"market state '{state}'", halted=True
        )

    def test_an_unknown_state_bars_entries(self, codec: FeedCodec) -> None:
        """Nobody knows what it means, so nothing new is begun; a way out is not given up."""
        found = told(codec, market_state="CLOSE_ONLY")

        assert found.barred
        assert not found.halted

    @pytest.mark.parametrize("word", [True, "true"])
    def test_a_suspension_takes_no_order(self, codec: FeedCodec, word: object) -> None:
        """Bithumb says so in words of its own."""
        assert told(codec, is_trading_suspended=word).halted
        assert not told(codec, is_trading_suspended=False).barred

    def test_in_the_short_names(self, codec: FeedCodec) -> None:
        """Upbit sends these."""
        frame = json.dumps({"ty": "ticker", "cd": "KRW-BTC", "ms": "ACTIVE", "dd": "2026-12-24"})

        found = codec.decode(frame.encode(), STAMP)

        assert isinstance(found, MarketTold)
        assert found.barred == 'delisting "2026-12-24"'

    @pytest.mark.parametrize(
        "changes", [{"code": "KRW-XRP"}, {"code": None}, {"market_state": 7, "code": "KRW-BTC"}]
    )
    def test_what_is_no_ticker_of_ours(self, codec: FeedCodec, changes: dict[str, object]) -> None:
        """It is counted and dropped."""
        with pytest.raises(FrameInvalid):
            told(codec, **changes)
