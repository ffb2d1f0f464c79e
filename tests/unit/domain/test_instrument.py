"""Instruments: ticks by price band, lots, fees, and ids that can be taken apart."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.support.builders import BINANCE_BTC, UPBIT_BTC, an_instrument, some_instruments
from trader.domain.instrument import (
    BINANCE,
    USDT,
    Asset,
    FeeSchedule,
    InstrumentId,
    Rounding,
    TickBand,
    coarser_lot,
    instrument_id,
    split_id,
)

BANDED = replace(
    an_instrument(),
    bands=(
        TickBand(Decimal(0), Decimal(1)),
        TickBand(Decimal(500_000), Decimal(500)),
        TickBand(Decimal(1_000_000), Decimal(1_000)),
    ),
)


class TestTick:
    @pytest.mark.parametrize(
        ("price", "tick"),
        [("499999", 1), ("500000", 500), ("999999", 500), ("1000000", 1_000), ("5e8", 1_000)],
    )
    def test_a_band_begins_at_its_price(self, price: str, tick: int) -> None:
        """At and above it."""
        assert BANDED.tick_at(Decimal(price)) == tick

    def test_rounding_goes_the_way_it_is_told(self) -> None:
        """Down and up, and not at all where the price is on the grid."""
        assert BANDED.round_price(Decimal(1_000_999), Rounding.DOWN) == 1_000_000
        assert BANDED.round_price(Decimal(1_000_001), Rounding.UP) == 1_001_000
        assert BANDED.round_price(Decimal(1_001_000), Rounding.UP) == 1_001_000

    def test_rounding_up_into_the_next_band_is_on_its_grid(self) -> None:
        """Bands divide each other."""
        rounded = BANDED.round_price(Decimal(999_501), Rounding.UP)

        assert rounded == 1_000_000
        assert BANDED.is_on_tick(rounded)

    @pytest.mark.parametrize(
        ("price", "on"), [(1_000_500, False), (999_500, True), (999_501, False)]
    )
    def test_a_price_is_judged_by_its_own_band(self, price: int, on: bool) -> None:
        """What is on the grid below is off it above."""
        assert BANDED.is_on_tick(Decimal(price)) is on


class TestLot:
    def test_quantities_are_cut_never_raised(self) -> None:
        """0.00001 at Binance."""
        binance = some_instruments()[BINANCE_BTC]

        assert binance.floor_quantity(Decimal("0.000669999")) == Decimal("0.00066")
        assert binance.floor_quantity(Decimal("0.000009")) == 0

    def test_a_whole_number_of_lots(self) -> None:
        """Nothing else is taken."""
        binance = some_instruments()[BINANCE_BTC]

        assert binance.is_on_lot(Decimal("0.00066"))
        assert not binance.is_on_lot(Decimal("0.000661"))

    def test_the_coarser_of_two(self) -> None:
        """Both venues take it."""
        instruments = some_instruments()

        lot = coarser_lot(instruments[UPBIT_BTC], instruments[BINANCE_BTC])
        assert lot == Decimal("0.00001")


class TestId:
    def test_there_and_back(self) -> None:
        """Made and taken apart."""
        name = instrument_id(BINANCE, Asset("BTC"), USDT)

        assert name == "binance:BTC-USDT"
        assert split_id(name) == (BINANCE, "BTC", USDT)

    @pytest.mark.parametrize(
        "text", ["", "upbit", "upbit:BTC", "upbit:-KRW", ":BTC-KRW", "BTC-KRW"]
    )
    def test_anything_else_is_refused(self, text: str) -> None:
        """It names what it was given."""
        with pytest.raises(ValueError, match="is not venue:BASE-QUOTE"):
            split_id(InstrumentId(text))


def test_a_fee_in_percent_is_a_share_of_one() -> None:
    """0.05 % of a fill."""
    assert FeeSchedule(Decimal("0.05")).taker_share == Decimal("0.0005")
