"""An engine in live mode that is scraped a hundred times a second: it goes on, and tells all."""

from pathlib import Path
from signal import SIGTERM

import pytest

from tests.support.engine_process import wait_until
from tests.support.scraping import Scraping, samples_of
from tests.support.sim_process import SimHost, SimProcess
from trader.credentials import Secret
from trader.domain.instrument import Venue
from trader.sim.defaults import test_key as sim_key

pytestmark = pytest.mark.slow

PAIR = {"name": "upbit-binance", "first": "upbit:BTC-KRW", "second": "binance:BTC-USDT"}
VENUES = {"upbit", "binance"}
SCRAPES = 500
"""At a hundred a second, five seconds' worth."""

Samples = dict[str, dict[tuple[tuple[str, str], ...], float]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Samples, Samples, Scraping]:
    """The first and the last answer of five hundred, and the scraping itself."""
    directory = tmp_path_factory.mktemp("scraping")
    with SimProcess(directory / "sim") as sim:
        host = SimHost(directory / "engine", sim, [PAIR])
        with host.begin("--mode", "live") as engine:
            engine.wait_for("[METRICS]")
            with Scraping(host.port, 100) as scraping:
                wait_until(lambda: all_is_known(scraping.last))
                first, counted = samples_of(scraping.last), scraping.count
                wait_until(lambda: scraping.count >= counted + SCRAPES or not scraping.goes_on)
            code, _ = engine.stop(SIGTERM)
            assert code == 0, engine.err
    return first, samples_of(scraping.last), scraping


def all_is_known(text: str) -> bool:
    """Whether every venue was heard, reconciled and has an order connection, and its clock is
    known.
    """
    read = samples_of(text)
    names = ("trader_venue_reconciled", "trader_feed_connected", "trader_lane_connections_ready")
    return len(read.get("trader_venue_clock_skew_seconds", {})) == len(VENUES) and all(
        sum(value > 0 for value in read.get(name, {}).values()) == len(VENUES) for name in names
    )


class TestScrapedAHundredTimesASecond:
    def test_every_scrape_is_answered(self, told: tuple[Samples, Samples, Scraping]) -> None:
        """None fails, none is cut short."""
        scraping = told[2]

        assert scraping.error is None
        assert set(scraping.statuses) == {200}

    def test_the_engine_goes_on(self, told: tuple[Samples, Samples, Scraping]) -> None:
        """Cycles and frames come in meanwhile, and nothing fails."""
        first, last, _ = told

        for name in ("trader_cycles_total", "trader_feed_frames_total"):
            assert last[name].keys() == first[name].keys()
            for labels, count in last[name].items():
                assert count > first[name][labels], (name, labels)
        assert last["trader_errors_total"] == {(): 0.0}

    def test_every_venue_has_its_series(self, told: tuple[Samples, Samples, Scraping]) -> None:
        """Those of its feed, its rules and its order connection, labelled by the venue's name."""
        last = told[1]

        for name in (
            *("feed_connected", "feed_frames_total", "feed_invalid_frames_total"),
            *("feed_reconnects_total", "feed_snapshots_total", "feed_snapshots_failed_total"),
            *("venue_reconciled", "venue_clock_skew_seconds", "venue_rate_limit_used_ratio"),
            *("venue_throttled_total", "venue_bans_total", "venue_shut_out_seconds"),
            *("lane_connections_ready", "private_connected", "private_reconnects_total"),
            "orders_unknown",
        ):
            named = {dict(labels)["venue"] for labels in last[f"trader_{name}"]}
            assert named == VENUES, name
        asked = last["trader_feed_snapshots_total"].values()
        assert min(asked) > 0
        assert max(last["trader_venue_rate_limit_used_ratio"].values()) <= 1.0
        assert last["trader_loop_lag_seconds"][()] >= 0.0

    def test_no_key_and_no_balance_is_told(self, told: tuple[Samples, Samples, Scraping]) -> None:
        """An account is nobody's who may scrape."""
        text = told[2].last
        keys = [Secret(part) for venue in VENUES for part in sim_key(Venue(venue))]

        assert "balance" not in text
        for key in keys:
            assert key.reveal() not in text
            assert key.fingerprint() not in text


class TestOrdersOfALiveTrade:
    def test_are_counted_by_their_ends_and_by_the_venues_answers(self, tmp_path: Path) -> None:
        """One trade opened: a filled order at either venue, each accepted on its lane."""
        with SimProcess(tmp_path / "sim") as sim:
            sim.admin("market", {"premium_pct": 0.0})
            access = Secret(sim_key(Venue("upbit"))[0])
            attested = {"upbit": {"attested_fingerprint": access.fingerprint()}}
            host = SimHost(tmp_path / "engine", sim, [PAIR], venues=attested)
            with host.begin("--mode", "live") as engine:
                host.confirm_file.touch()
                engine.wait_for("LIVE TRADING ALLOWED")
                engine.wait_for("live=✅")
                sim.admin("market", {"premium_pct": 1.0})
                engine.wait_for("trade opened ledger=live")
                wait_until(lambda: filled(host) >= VENUES)
                last = samples_of(host.get("/metrics")[1])
                engine.stop(SIGTERM)

        for venue in VENUES:
            accepted = (("outcome", "accepted"), ("venue", venue))
            assert last["trader_lane_orders_total"][accepted] >= 1.0
            assert last["trader_lane_round_trip_seconds"][("venue", venue),] > 0.0
            assert last["trader_orders_unknown"][("venue", venue),] == 0.0
        assert last["trader_authority"][("level", "LIVE"),] == 1.0
        assert last["trader_nearest_stop_ratio"][("ledger", "live"),] > 0.0
        assert last["trader_legs_unhedged"][("ledger", "live"),] == 0.0


def filled(host: SimHost) -> set[str]:
    """The venues at which a live order was counted as filled."""
    counts = samples_of(host.get("/metrics")[1]).get("trader_orders_total", {})
    told = [(dict(labels), count) for labels, count in counts.items()]
    return {
        labels["venue"]
        for labels, count in told
        if count and (labels["ledger"], labels["outcome"]) == ("live", "filled")
    }
