"""The documented example through the real pieces: entry, round trip, stop-loss, to the last digit.

Upbit takes 0.05 %, Binance 0.10 %; KRW-USDT 1,389 / 1,390; a hundred thousand won in lots of
0.00001. Percentages are documented rounded to four places, everything else is exact.
"""

from decimal import Decimal

import pytest

from tests.support.builders import BINANCE_BTC, BTC, UPBIT_BTC, a_book
from tests.support.trading_floor import TradingFloor
from trader.domain.instrument import BINANCE, KRW, UPBIT, USDT
from trader.domain.order import Purpose, Side

QUANTITY = Decimal("0.00066")
ENTRY_NOTIONAL_KRW = Decimal(99_594)


@pytest.fixture
def floor() -> TradingFloor:
    """The floor with the example's trade just opened."""
    floor = TradingFloor()
    floor.open()
    return floor


def rounded(percent: Decimal) -> Decimal:
    """A percentage as the document prints it."""
    return percent.quantize(Decimal("0.0001"))


class TestEntry:
    def test_signal(self) -> None:
        """The spread is 0.5196 %; after exit spread and four fees 0.1696 % is expected."""
        evidence = TradingFloor().open().evidence

        assert evidence is not None
        spread = (Decimal(150_900_000) / (108_000 * 1_390) - 1) * 100
        assert evidence.spread_pct == spread
        assert rounded(evidence.spread_pct) == Decimal("0.5196")
        assert evidence.fees_pct == Decimal("0.30")
        assert evidence.slippage_pct == 0
        assert evidence.expected_net_pct == spread - Decimal("0.35")
        assert rounded(evidence.expected_net_pct) == Decimal("0.1696")
        assert evidence.confidence == 1
        assert evidence.usdt_krw == 1_390

    def test_orders(self) -> None:
        """Both legs in the coarser lot, each limited at the last level walked."""
        sell, buy = TradingFloor().open().intents

        assert (sell.instrument, sell.side) == (UPBIT_BTC, Side.SELL)
        assert (sell.quantity, sell.limit_price) == (QUANTITY, Decimal(150_900_000))
        assert (buy.instrument, buy.side) == (BINANCE_BTC, Side.BUY)
        assert (buy.quantity, buy.limit_price) == (QUANTITY, Decimal(108_000))

    def test_fills(self, floor: TradingFloor) -> None:
        """Dollars are booked at the mid of KRW-USDT, the coin fee at the coin's price."""
        sold, bought = floor.booked

        assert sold.value_krw == Decimal(99_594)
        assert sold.fill.fee == sold.fee_krw == Decimal("49.797")
        assert sold.fill.fee_asset == KRW
        assert sold.usdt_krw is None
        assert bought.fill.price * bought.fill.quantity == Decimal("71.28")
        assert bought.value_krw == Decimal("99043.56")
        assert bought.fill.fee == Decimal("0.00000066")
        assert bought.fill.fee_asset == BTC
        assert bought.fee_krw == Decimal("99.04356")
        assert bought.usdt_krw == Decimal("1389.5")

    def test_legs(self, floor: TradingFloor) -> None:
        """Each leg keeps the filled quantity at its average entry in won."""
        short, long = floor.trade.position(UPBIT_BTC), floor.trade.position(BINANCE_BTC)

        assert (short.quantity, short.average_krw) == (-QUANTITY, Decimal(150_900_000))
        assert (long.quantity, long.average_krw) == (QUANTITY, Decimal(150_066_000))

    def test_exposure_is_the_larger_leg(self, floor: TradingFloor) -> None:
        """A hedged trade counts once, by its larger leg at entry."""
        assert floor.trade.entry_krw == ENTRY_NOTIONAL_KRW
        assert floor.trade.notional_krw == ENTRY_NOTIONAL_KRW
        assert floor.ledger.exposure_krw == ENTRY_NOTIONAL_KRW

    def test_realised_and_unrealised(self, floor: TradingFloor) -> None:
        """Fees are realised at once; the legs are marked on their closing sides."""
        assert floor.ledger.booked_krw == Decimal("-148.84056")
        assert floor.mark().unrealised_krw == Decimal("-6.6") + Decimal("-9.1707")
        assert floor.mark().unrealised_krw == Decimal("-15.7707")


class TestRoundTrip:
    @pytest.fixture
    def even(self, floor: TradingFloor) -> TradingFloor:
        """The premium is gone: the closing spread is 0.0394 %."""
        floor.show(
            a_book(UPBIT_BTC, 150_200_000, 150_210_000), a_book(BINANCE_BTC, 108_100, 108_110)
        )
        return floor

    def test_it_closes(self, even: TradingFloor) -> None:
        """0.0394 % is at or under the exit spread of 0.05 %."""
        spread = (Decimal(150_210_000) / (108_100 * 1_389) - 1) * 100

        assert rounded(spread) == Decimal("0.0394")
        assert even.strategy.wants_exit(even.trade, even.market)

    def test_fills(self, even: TradingFloor) -> None:
        """What the closing pays, brings and costs."""
        even.close(Purpose.EXIT)

        bought, sold = even.booked[2:]
        assert (bought.value_krw, bought.fee_krw) == (Decimal("99138.6"), Decimal("49.5693"))
        assert sold.fill.price * sold.fill.quantity == Decimal("71.346")
        assert sold.value_krw == Decimal("99135.267")
        assert (sold.fill.fee, sold.fill.fee_asset) == (Decimal("0.071346"), USDT)
        assert sold.fee_krw == Decimal("99.135267")

    def test_profit(self, even: TradingFloor) -> None:
        """Legs +455.4 and +91.707, fees 297.545127: a profit of 249.561873 won, 0.2506 %."""
        closed = even.close(Purpose.EXIT)

        assert closed.is_flat
        assert closed.realised_krw == Decimal("455.4") + Decimal("91.707")
        assert closed.fees_krw == Decimal("297.545127")
        assert closed.pnl_krw == Decimal("249.561873")
        assert even.ledger.booked_krw == Decimal("249.561873")
        assert rounded(closed.pnl_krw / ENTRY_NOTIONAL_KRW * 100) == Decimal("0.2506")
        assert even.ledger.exposure_krw == 0

    def test_balances(self, even: TradingFloor) -> None:
        """What the venues hold afterwards, against what they held before."""
        even.close(Purpose.EXIT)

        assert even.changed() == {
            (UPBIT, KRW): Decimal("356.0337"),
            (BINANCE, USDT): Decimal("-0.005346"),
            (BINANCE, BTC): Decimal("-0.00000066"),
        }

    def test_nothing_is_held_back(self, even: TradingFloor) -> None:
        """With every order final, all that is held is free again."""
        even.close(Purpose.EXIT)

        assert even.ledger.free() == even.ledger.balances


class TestStopLoss:
    @pytest.fixture
    def apart(self, floor: TradingFloor) -> TradingFloor:
        """Both prices rose, Upbit's by more."""
        floor.show(a_book(BINANCE_BTC, 108_700, 108_710))
        return floor

    def test_limit(self, apart: TradingFloor) -> None:
        """1.2 % of the entry notional, both legs together."""
        assert apart.stop.limit_krw(apart.trade) == Decimal("-1195.128")

    def test_one_tick_before(self, apart: TradingFloor) -> None:
        """At 153,683,000 the trade has lost 1,194.831: no stop."""
        apart.show(a_book(UPBIT_BTC, 153_673_000, 153_683_000))

        reading = apart.stop.read(apart.trade, apart.market, 0)

        assert reading is not None
        assert reading.change_krw == Decimal("-1836.78") + Decimal("641.949")
        assert reading.change_krw == Decimal("-1194.831")
        assert not reading.is_reached

    def test_at_the_stop(self, apart: TradingFloor) -> None:
        """At 153,684,000 it has lost 1,195.491: stop."""
        apart.show(a_book(UPBIT_BTC, 153_674_000, 153_684_000))

        reading = apart.stop.read(apart.trade, apart.market, 0)

        assert reading is not None
        assert reading.change_krw == Decimal("-1837.44") + Decimal("641.949")
        assert reading.change_krw == Decimal("-1195.491")
        assert reading.is_reached
        assert apart.stop.is_near(apart.trade, apart.market)

    def test_closing(self, apart: TradingFloor) -> None:
        """Fees of 299.241789 in all, a loss of 1,494.732789 won, 1.5008 %."""
        apart.show(a_book(UPBIT_BTC, 153_674_000, 153_684_000))

        closed = apart.close(Purpose.STOP_LOSS)

        bought, sold = apart.booked[2:]
        assert (bought.value_krw, bought.fee_krw) == (Decimal("101431.44"), Decimal("50.71572"))
        assert sold.fill.price * sold.fill.quantity == Decimal("71.742")
        assert (sold.value_krw, sold.fee_krw) == (Decimal("99685.509"), Decimal("99.685509"))
        assert closed.fees_krw == Decimal("299.241789")
        assert closed.pnl_krw == Decimal("-1494.732789")
        assert rounded(closed.pnl_krw / ENTRY_NOTIONAL_KRW * 100) == Decimal("-1.5008")
