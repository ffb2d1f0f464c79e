"""Faults strike whom they name, as often as they say, and the same for the same seed."""

import asyncio

import pytest

from tests.support.sim_floor import Floor
from trader.domain.instrument import BINANCE, BITHUMB, UPBIT
from trader.sim.faults import (
    CLEAN,
    After,
    Before,
    Fault,
    FaultKind,
    Faults,
    Lane,
    Operation,
    StreamKind,
    Verdict,
)
from trader.sim.model import Code

PLACE, CANCEL, QUERY = Operation.PLACE, Operation.CANCEL, Operation.QUERY
SECOND_NS = 1_000_000_000


class TestScope:
    """Venue and operation narrow a fault; nothing else is touched."""

    def test_without_faults_all_is_clean(self) -> None:
        """The usual case."""
        assert Floor().faults.on_request(UPBIT, PLACE) is CLEAN

    def test_venue_and_operation(self) -> None:
        """A fault on cancels at Upbit."""
        faults = Floor().faults
        faults.install(Fault(FaultKind.DROP_AFTER, "upbit", CANCEL))

        assert faults.on_request(UPBIT, CANCEL).after is After.CLOSE
        assert faults.on_request(UPBIT, PLACE) == CLEAN
        assert faults.on_request(BINANCE, CANCEL) == CLEAN

    def test_order_faults_strike_orders_only(self) -> None:
        """A rejection needs an order."""
        faults = Floor().faults
        faults.install(Fault(FaultKind.REJECT, code=Code.INSUFFICIENT_FUNDS, count=1))

        assert faults.on_request(UPBIT, QUERY) == CLEAN
        assert faults.on_request(UPBIT, PLACE).twist.reject is Code.INSUFFICIENT_FUNDS
        assert faults.on_request(UPBIT, PLACE) == CLEAN

    @pytest.mark.parametrize(
        ("kind", "verdict"),
        [
            (FaultKind.DELAY, Verdict(delay_ms=1_000)),
            (FaultKind.DELAY_ANSWER, Verdict(answer_delay_ms=1_000)),
            (FaultKind.DROP_BEFORE, Verdict(before=Before.CLOSE)),
            (FaultKind.DROP_AFTER, Verdict(after=After.CLOSE)),
            (FaultKind.HANG_AFTER, Verdict(after=After.HANG, answer_delay_ms=1_000)),
            (FaultKind.RESET_BEFORE, Verdict(before=Before.RESET)),
            (FaultKind.RESET_AFTER, Verdict(after=After.RESET)),
            (FaultKind.ERROR_BEFORE, Verdict(before=Before.ERROR, status=503)),
            (FaultKind.ERROR_AFTER, Verdict(after=After.ERROR, status=502)),
            (FaultKind.TOO_MANY, Verdict(before=Before.TOO_MANY, retry_after_s=1)),
            (FaultKind.BANNED, Verdict(before=Before.BANNED, retry_after_s=1)),
            (FaultKind.MAINTENANCE, Verdict(before=Before.MAINTENANCE)),
        ],
    )
    def test_every_kind_has_its_verdict(self, kind: FaultKind, verdict: Verdict) -> None:
        """One kind, one verdict."""
        faults = Floor().faults
        faults.install(Fault(kind))

        assert faults.on_request(UPBIT, PLACE) == verdict

    def test_two_faults_add_up(self) -> None:
        """A delay and a lost answer at once."""
        faults = Floor().faults
        faults.install(Fault(FaultKind.DELAY, delay_ms=20))
        faults.install(Fault(FaultKind.DROP_AFTER))

        assert faults.on_request(UPBIT, PLACE) == Verdict(delay_ms=20, after=After.CLOSE)


class TestCounting:
    """Skip, count, probability and time bound a fault."""

    def test_skip_then_count(self) -> None:
        """The second and third of four."""
        faults = Floor().faults
        faults.install(Fault(FaultKind.TOO_MANY, skip=1, count=2))

        struck = [faults.on_request(UPBIT, PLACE) != CLEAN for _ in range(4)]

        assert struck == [False, True, True, False]
        assert faults.standing()[0].is_over

    def test_probability_repeats_by_seed(self) -> None:
        """The same seed strikes the same requests, another one others."""

        def strikes(seed: int) -> list[bool]:
            faults = Floor().faults
            faults.install(Fault(FaultKind.RESET_AFTER, probability=0.4, seed=seed))
            return [faults.on_request(UPBIT, PLACE) != CLEAN for _ in range(200)]

        assert strikes(1) == strikes(1)
        assert strikes(1) != strikes(2)
        assert 50 < sum(strikes(1)) < 110

    def test_ends_with_its_time(self) -> None:
        """``for_ms`` counts from when it was set."""
        floor = Floor()
        floor.faults.install(Fault(FaultKind.TOO_MANY, for_ms=1_000))

        assert floor.faults.on_request(UPBIT, PLACE) != CLEAN
        floor.now_ns += SECOND_NS
        assert floor.faults.on_request(UPBIT, PLACE) == CLEAN

    def test_a_ban_lasts_whatever_is_asked(self) -> None:
        """One strike, then every request of that venue until it ends, with the seconds left."""
        floor = Floor()
        floor.faults.install(Fault(FaultKind.BANNED, "binance", count=1, retry_after_s=120))
        floor.faults.on_request(BINANCE, PLACE)
        floor.now_ns += 30 * SECOND_NS

        assert floor.faults.on_request(BINANCE, QUERY) == Verdict(
            before=Before.BANNED, retry_after_s=90
        )
        floor.now_ns += 90 * SECOND_NS
        assert floor.faults.on_request(BINANCE, QUERY) == CLEAN

    def test_removal(self) -> None:
        """One by number, or all."""
        faults = Floor().faults
        first = faults.install(Fault(FaultKind.DELAY))
        faults.install(Fault(FaultKind.TOO_MANY))

        assert faults.remove(first) == 1
        assert faults.on_request(UPBIT, PLACE).delay_ms == 0
        assert faults.remove() == 1
        assert faults.on_request(UPBIT, PLACE) == CLEAN


class TestClock:
    """A skewed venue tells another time; the others do not."""

    def test_skew(self) -> None:
        """Three seconds behind, until removed."""
        floor = Floor()
        floor.faults.install(Fault(FaultKind.SKEW, "binance", skew_ms=-3_000))

        assert floor.exchange.now_ns(BINANCE) == floor.now_ns - 3 * SECOND_NS
        assert floor.exchange.now_ns(UPBIT) == floor.now_ns
        floor.faults.remove()
        assert floor.exchange.now_ns(BINANCE) == floor.now_ns


def a_lane(faults: Faults, got: list[int], cuts: list[int]) -> Lane[int]:
    """A private lane of Bithumb's."""
    return faults.lane(BITHUMB, StreamKind.PRIVATE, got.append, cuts.append)


class TestLanes:
    """Frames of a stream are lost, doubled, swapped; the order of the rest is kept."""

    @pytest.mark.parametrize(
        ("fault", "expected"),
        [
            (Fault(FaultKind.DUPLICATE, count=1), [1, 1, 2, 3]),
            (Fault(FaultKind.REORDER, count=1), [2, 1, 3]),
            (Fault(FaultKind.GAP, count=1), [2, 3]),
            (Fault(FaultKind.GAP, skip=1, count=1), [1, 3]),
            (Fault(FaultKind.SILENCE), []),
            (Fault(FaultKind.SILENCE, stream=StreamKind.PUBLIC), [1, 2, 3]),
            (Fault(FaultKind.SILENCE, "upbit"), [1, 2, 3]),
        ],
    )
    async def test_frames(self, fault: Fault, expected: list[int]) -> None:
        """Three frames under one fault."""
        faults, got = Floor().faults, list[int]()
        lane = a_lane(faults, got, [])
        faults.install(fault)

        for frame in (1, 2, 3):
            lane.push(frame)

        assert got == expected

    def test_cut_closes_open_lanes_once(self) -> None:
        """A reconnect afterwards is welcome; a closed lane is not cut again."""
        faults, cuts = Floor().faults, list[int]()
        lane = a_lane(faults, [], cuts)
        faults.install(Fault(FaultKind.CUT, close_code=1012))
        lane.close()
        faults.install(Fault(FaultKind.CUT))

        assert cuts == [1012]

    def test_maintenance_cuts_too(self) -> None:
        """Nothing of the venue remains reachable."""
        faults, cuts = Floor().faults, list[int]()
        a_lane(faults, [], cuts)

        faults.install(Fault(FaultKind.MAINTENANCE))

        assert cuts == [1001]

    async def test_a_held_frame_does_not_wait_for_ever(self) -> None:
        """Without a successor it comes by itself, after a moment."""
        faults, came = Floor().faults, asyncio.Event()
        lane: Lane[int] = faults.lane(
            BITHUMB, StreamKind.PRIVATE, lambda _: came.set(), lambda _: None
        )
        faults.install(Fault(FaultKind.REORDER, count=1))

        lane.push(1)

        assert not came.is_set()
        await asyncio.wait_for(came.wait(), timeout=10)
