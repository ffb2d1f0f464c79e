"""Troubles of venues: a real live engine on a real simulator that misbehaves in every way it can.

One story per kind of trouble, several to a process. After each the referee's ledger and the journal
agree to the last digit: no order went twice, none whose outcome was unknown was sent again, every
fill was booked once; and the engine trades as before.
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from signal import SIGTERM

import pytest

from tests.support.troubled_venues import (
    SYMBOLS,
    UPBIT_BINANCE,
    UPBIT_BITHUMB,
    Floor,
    SharedFloor,
    a_floor,
)

pytestmark = pytest.mark.slow

LOST_ANSWERS = (
    ("drop_after", {}),
    ("reset_after", {}),
    ("error_after", {}),
    ("hang_after", {"delay_ms": 1_200}),
    ("delay", {"delay_ms": 1_200}),
    ("delay_answer", {"delay_ms": 1_200}),
)
"""The order was taken and nobody said so in time."""
LEGS = (("upbit", "binance"), ("binance", "binance"), ("bithumb", "bithumb"))
"""A venue, and the one whose book is moved for a trade that has a leg there."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedFloor]:
    """One process for all stories that leave it as they found it."""
    directories = (tmp_path_factory.mktemp("floor") for _ in count())
    found = SharedFloor(directories, UPBIT_BINANCE, UPBIT_BITHUMB)
    yield found
    found.close()


@pytest.fixture
def floor(shared: SharedFloor) -> Floor:
    """The simulator and a live engine on it, calm."""
    return shared.take()


def one_trade_through(floor: Floor, lifted: str) -> None:
    """A trade begins, whatever comes of it, and is over; no fault stands any more."""
    ended = floor.ended
    floor.lift(lifted)
    floor.wait(lambda: bool(_struck(floor)), "the fault struck")
    floor.wait(lambda: _settled(floor), "every order of it has an end")
    floor.settle(lifted)
    floor.clear()
    floor.calm()
    assert floor.ended > ended


def demoted(floor: Floor) -> None:
    """A leg alone for too long behind an order nobody knows of: live is lost, nothing more sent."""
    floor.line("🚨 [LIVE] Quarantined order")
    floor.line("🚨 [LIVE] Unhedged leg")
    floor.line("🚨 Demoted")
    placed = {venue: floor.requests(venue).get("place", 0) for venue in SYMBOLS}
    floor.settle("bithumb")
    floor.lift("bithumb")
    floor.line("trade opened ledger=paper")
    assert placed == {venue: floor.requests(venue).get("place", 0) for venue in SYMBOLS}
    floor.nothing_was_sent_again()


def _struck(floor: Floor) -> bool:
    faults = floor.sim.admin("state")["faults"]
    return all(fault["is_over"] for fault in faults if fault["fault"].get("operation") == "place")


def _settled(floor: Floor) -> bool:
    journal = floor.journal
    moved = journal.final_states()
    return all(
        moved.get(order, ("",))[0] not in ("", "unknown", "acknowledged")
        for order in journal.orders()
    )


class TestOrders:
    """What may happen to an order between our socket and the venue's book, and back."""

    def test_an_answer_that_is_lost(self, floor: Floor) -> None:
        """The order is unknown at once, looked up and found; the stream tells nothing of it.

        The operator hears of each. None shuts the gate.
        """
        for venue, partner in LEGS:
            for kind, details in LOST_ANSWERS:
                unknown = floor.lines("order unknown")
                floor.fault("silence", venue, stream="private")
                floor.place_fault(kind, venue, **details)
                one_trade_through(floor, partner)
                # More where this host stood still for longer than an answer may take.
                assert floor.lines("order unknown") > unknown, kind
                floor.line("🚨 [LIVE] Unknown order", unknown + 1)
            floor.agree()
            floor.trade(partner)
            floor.agree()
        assert not floor.losses

    def test_a_leg_that_fails(self, floor: Floor) -> None:
        """Rejected, it is completed or the other leg unwound, once; filled in part, completed."""
        for venue, partner in LEGS:
            for share in ("0.4", "0"):
                floor.place_fault("partial", venue, share=share)
                one_trade_through(floor, partner)
            other = partner if venue == "upbit" else "upbit"
            known = floor.rejected_trades()
            # The opening's leg and its completion, or two legs where nothing was to be completed.
            floor.fault("reject", venue, operation="place", count=2)
            floor.lift(partner)
            floor.wait(lambda: bool(_struck(floor)), "both were rejected")
            floor.settle(partner)
            floor.clear()
            floor.calm()
            sent = [floor.sent_for(trade) for trade in floor.rejected_trades() - known]
            assert sum(each[venue] for each in sent) == 2
            assert {each[other] for each in sent} == {2}, (
                "the leg that went alone, and its way back"
            )
            floor.trade(partner)
            floor.agree()
        assert not floor.losses

    def test_too_many_requests(self, floor: Floor) -> None:
        """Nothing goes there until the told second is over; nothing is approved meanwhile."""
        for number, (venue, partner) in enumerate(LEGS, start=1):
            floor.place_fault("too_many", venue, retry_after_s=1)
            one_trade_through(floor, partner)
            floor.trade(partner)
            floor.agree()
            assert floor.lines("reason=THROTTLED:") == number
        assert floor.lines("order blocked") <= 6, "at tick rate there were dozens"
        assert not floor.losses

    def test_an_order_that_never_arrived(self, tmp_path: Path) -> None:
        """It is looked up and not sent again. Binance proves its absence; the other leg goes back.

        Upbit never can: the order is quarantined for an operator, and its leg alone is told.
        """
        sections = {
            "execution": {"quarantine_seconds": 1, "max_unhedged_seconds": 16},
            "venues": {"binance": {"recv_window_ms": 500}},
        }
        with a_floor(tmp_path, UPBIT_BINANCE, UPBIT_BITHUMB, **sections) as floor, floor.live():
            floor.place_fault("error_before", "upbit")
            floor.lift("bithumb")
            floor.line("order quarantined")
            floor.clear()
            floor.place_fault("drop_before", "binance")
            floor.lift("binance")
            floor.line("order quarantined", 2)
            floor.settle("binance")
            floor.line("never reached the venue")
            floor.line("trade abandoned")
            assert not floor.losses
            demoted(floor)

    def test_an_order_that_never_arrived_at_bithumb(self, tmp_path: Path) -> None:
        """Its absence is no proof either. Once an operator has accepted it the leg is unwound.

        A touch of the file, and it trades as before.
        """
        sections = {"execution": {"quarantine_seconds": 1, "max_unhedged_seconds": 2}}
        with a_floor(tmp_path, UPBIT_BITHUMB, **sections) as floor, floor.live():
            floor.place_fault("reset_before", "bithumb")
            floor.lift("bithumb")
            demoted(floor)
            floor.settle("bithumb")
            (lost,) = floor.quarantined
            floor.accept(lost)
            floor.line("leg hedged")
            floor.line("breaker cleared")
            floor.host.confirm_file.touch()
            floor.line("LIVE TRADING ALLOWED")
            floor.trade("bithumb")
            floor.agree()


class TestBans:
    def test_a_ban_is_waited_out_also_by_the_next_process(self, tmp_path: Path) -> None:
        """From the 418 until it ends nothing whatever reaches the venue; the operator is told."""
        with a_floor(tmp_path, UPBIT_BINANCE) as floor:
            with floor.live():
                floor.fault("banned", "upbit", operation="place", retry_after_s=6, count=1)
                floor.lift("binance")
                floor.line("Error in upbit | shut us out for 6 s")
                asked = floor.requests("upbit")
                floor.line("trade abandoned")
                floor.settle("binance")
                floor.calm()
                code, _ = floor.engine.stop(SIGTERM)
                assert code == 0
            with floor.running():
                floor.line("fault where=upbit")
                floor.line("reconciled venue=binance")
                assert floor.requests("upbit") == asked
                floor.line("live=✅")
                assert floor.requests("upbit")["place"] == asked["place"]
                floor.trade("binance")
                floor.agree()


class TestPrivateStreams:
    """What may happen to what a venue tells of our orders."""

    def test_reports_told_twice_late_or_never(self, floor: Floor) -> None:
        """Each fill is booked once, by whichever road it came; a look-up finds what is missing."""
        for kind in ("duplicate", "reorder", "silence"):
            floor.fault(kind, "", stream="private")
            floor.trade("binance")
            floor.trade("bithumb")
            floor.clear()
            floor.agree()
        assert not floor.losses

    def test_a_stream_that_is_cut_while_an_order_is_under_way(self, floor: Floor) -> None:
        """What it would have told is asked for, and nothing goes before the account is compared."""
        for venue in ("upbit", "binance"):
            floor.place_fault("delay", venue, delay_ms=300)
            floor.lift("binance")
            floor.wait(lambda: bool(_struck(floor)), "an order is under way")
            floor.cut(venue, "private")
            floor.line(f"reconciled venue={venue}")
            floor.settle("binance")
            floor.clear()
            floor.calm()
            floor.agree()
        floor.trade("binance")
        floor.agree()


class TestBooks:
    """What may happen to what a venue tells of its market. Only pairs that need it suffer."""

    def test_silence_is_bridged_by_rest_and_where_it_is_not_the_pair_rests(
        self, floor: Floor
    ) -> None:
        """Pongs keep no book fresh: REST confirms it, or the pair does without live entries."""
        floor.fault("silence", "binance", stream="public")
        floor.trade("binance")
        assert not floor.lines("feed stale")

        floor.fault("error_before", "binance", operation="public")
        floor.line("feed stale instrument=binance:BTC-USDT")
        opened = floor.orders_at("binance")
        floor.lift("binance")
        floor.trade("bithumb")
        assert floor.orders_at("binance") == opened
        assert not floor.losses, "the other pair was live throughout"

        floor.clear()
        floor.line("feed fresh again instrument=binance:BTC-USDT")
        floor.settle("binance")
        floor.calm()
        floor.trade("binance")
        floor.agree()

    def test_frames_lost_doubled_or_swapped_and_connections_cut(self, floor: Floor) -> None:
        """A book is whatever the newest whole frame says; a new connection begins anew."""
        for kind, details in (
            ("gap", {"probability": 0.5}),
            ("duplicate", {}),
            ("reorder", {}),
        ):
            floor.fault(kind, "", stream="public", **details)
            floor.trade("binance")
            floor.clear()
            floor.agree()
        for venue in ("upbit", "bithumb", "binance"):
            floor.cut(venue, "public")
        floor.trade("bithumb")
        floor.trade("binance")
        floor.agree()

    def test_maintenance(self, floor: Floor) -> None:
        """Streams close and every request is answered with a page; the rest of the world goes on.

        When it is over the account is compared anew before anything goes there.
        """
        floor.fault("maintenance", "binance")
        floor.line("feed stale instrument=binance:BTC-USDT")
        placed = floor.requests("binance").get("place", 0)
        floor.lift("binance")
        floor.trade("bithumb")
        assert floor.requests("binance").get("place", 0) == placed
        assert not floor.losses

        floor.clear()
        floor.settle("binance")
        floor.line("reconciled venue=binance")
        floor.line("feed fresh again instrument=binance:BTC-USDT")
        floor.trade("binance")
        floor.agree()

    def test_a_clock_that_is_off(self, tmp_path: Path) -> None:
        """Its pairs rest as soon as the skew is known, and come back when it is gone.

        Where it is so large that an order shows it, the order was refused, the other leg unwound.
        """
        with a_floor(tmp_path, UPBIT_BINANCE, UPBIT_BITHUMB) as floor, floor.live():
            floor.fault("skew", "binance", skew_ms=900)
            floor.cut("binance", "public")
            floor.line("venue clock venue=binance")
            placed = floor.orders_at("binance")
            floor.lift("binance")
            floor.line("refused check=LIVE_GATE pair=upbit-binance")
            floor.trade("bithumb")
            assert floor.orders_at("binance") == placed
            floor.settle("binance")
            floor.clear()
            floor.cut("binance", "public")
            floor.line("venue clock venue=binance", 2)
            floor.trade("binance")
            floor.agree()

            floor.fault("skew", "binance", skew_ms=60_000)
            floor.lift("binance")
            floor.line("reason=-1021")
            floor.line("venue clock venue=binance", 3)
            floor.settle("binance")
            floor.calm()
            floor.clear()
            floor.cut("binance", "public")
            floor.line("venue clock venue=binance", 4)
            floor.trade("binance")
            floor.agree()
            assert not floor.losses


class TestMarkets:
    """What a venue may do to a market."""

    def test_halts(self, tmp_path: Path) -> None:
        """No entries, exits wait and say so, and both go once it trades again.

        A halt that nobody announced shows in a refusal: the other leg is unwound, once.
        """
        with a_floor(tmp_path, UPBIT_BINANCE, UPBIT_BITHUMB) as floor, floor.live():
            # Announced in Bithumb's tickers, while a trade is open.
            floor.open("bithumb")
            floor.halt("bithumb")
            floor.line("halted=True")
            placed = floor.requests("bithumb")["place"]
            floor.settle("bithumb")
            floor.line("closing stuck")
            assert floor.requests("bithumb")["place"] == placed
            floor.trade("binance")
            floor.halt("bithumb", "trading")
            floor.calm()

            # Met by an order at Upbit and Binance; known from then on.
            for venue in ("upbit", "binance"):
                abandoned, shut = floor.abandoned, floor.lines("halted=True")
                trading = floor.lines("halted=False")
                floor.halt(venue)
                floor.lift("binance")
                floor.wait_abandoned(abandoned + 1)
                floor.line("halted=True", shut + 1)
                refused = floor.refused(venue)
                floor.line("refused check=TRADABLE pair=upbit-binance")
                floor.settle("binance")
                floor.halt(venue, "trading")
                floor.cut(venue, "public")
                floor.line("halted=False", trading + 1)
                assert floor.refused(venue) == refused <= 2, "the leg and its completion"
                floor.trade("binance")
                floor.agree()
            assert floor.lines("⚠️ [LIVE] Refused: TRADABLE")

    def test_a_delisting(self, tmp_path: Path) -> None:
        """From its announcement on nothing is entered; what is open is closed."""
        with a_floor(tmp_path, UPBIT_BINANCE, UPBIT_BITHUMB) as floor, floor.live():
            for venue, partner in (("upbit", "binance"), ("bithumb", "bithumb")):
                floor.open(partner)
                floor.halt(venue, "trading", "2027-01-31")
                floor.line(f"market told of instrument={venue}:BTC-KRW")
                floor.settle(partner)
                floor.calm()

                floor.lift(partner)
                floor.line(f"refused check=TRADABLE pair=upbit-{partner}")
                floor.settle(partner)
                floor.halt(venue, "trading")
                floor.line(f"market told of instrument={venue}:BTC-KRW", 2)
                floor.trade(partner)
                floor.agree()
            assert not floor.losses


class TestAccounts:
    """What may happen to an account besides our orders."""

    def test_deposits_and_withdrawals_from_outside(self, tmp_path: Path) -> None:
        """More than we count is taken as it is; less is told, and its coin rests till accepted."""
        with a_floor(tmp_path, UPBIT_BINANCE) as floor, floor.live():
            floor.move_money("binance", "BTC", "-0.1")
            floor.line("⚠️ [LIVE] binance holds less BTC than we count")
            floor.accept("binance:BTC")
            floor.trade("binance")
            floor.agree()

            before = floor.journal.holdings()["upbit", "KRW"]
            floor.move_money("upbit", "KRW", "1234567")
            floor.wait(
                lambda: floor.journal.holdings()["upbit", "KRW"] == before + 1_234_567, "counted"
            )
            floor.trade("binance")
            floor.agree()
            assert not floor.losses
