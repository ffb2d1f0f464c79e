"""Fault: the process is asked to stop while a trade's orders are out, or one of its legs is alone.

What is in flight ends, a half-filled trade is unwound once, and the process is gone within ten
seconds with exit 0; venues and journal agree on every order.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import SIGTERM
from typing import Any

import pytest
from msgspec import Struct

from tests.support.engine_process import wait_until
from tests.support.live_floor import RICH, LiveFloor

pytestmark = pytest.mark.slow

_WITHIN_S = 10.0
_PLACE = {"operation": "place"}
_ANSWERED_LATE = {"kind": "delay_answer", "delay_ms": 1_500, **_PLACE}
_WORKED_ON_LATE = {"kind": "delay", "venue": "binance", "delay_ms": 1_500, **_PLACE}
_NO_STREAM = {"kind": "gap", "stream": "private"}
_BINANCE_REJECTS = {"kind": "reject", "venue": "binance", **_PLACE}
_UPBIT_REJECTS_THE_SECOND = {"kind": "reject", "venue": "upbit", "skip": 1, **_PLACE}


class Stop(Struct, frozen=True):
    """What goes wrong, until when the stop waits, and what the live ledger has to say of it."""

    faults: Sequence[Mapping[str, Any]]
    rejections: int
    opened: int
    abandoned: int
    unwindings: int
    unhedged: int


STOPS = {
    "both legs out, both filled": Stop([_ANSWERED_LATE, _NO_STREAM], 0, 1, 0, 0, 0),
    "one leg out, to be rejected": Stop([_WORKED_ON_LATE, _BINANCE_REJECTS], 0, 0, 1, 1, 0),
    "and its unwinding, too": Stop(
        [_WORKED_ON_LATE, _BINANCE_REJECTS, _UPBIT_REJECTS_THE_SECOND], 0, 0, 0, 1, 1
    ),
    # Nothing is out, and the pace of a second keeps the unwinding back for the moment.
    "completion rejected just now": Stop([_BINANCE_REJECTS], 2, 0, 1, 1, 0),
}


@pytest.mark.parametrize("name", STOPS)
def test_a_trade_is_not_left_half_done(tmp_path: Path, name: str) -> None:
    """Whatever was going on when the stop came."""
    stop = STOPS[name]
    with LiveFloor(tmp_path) as floor:
        with floor.begin() as engine:
            floor.arm(engine)
            floor.faults(*stop.faults)
            floor.premium(RICH)
            if stop.rejections:
                engine.wait_for("order rejected", count=stop.rejections)
            else:
                wait_until(lambda: len(floor.orders()) >= 1)

            code, took_s = engine.stop(SIGTERM)

            assert code == 0, engine.err
            assert engine.err == []
            assert took_s < _WITHIN_S
        floor.faults()
        reader = floor.reader()
        purposes = [order["purpose"] for order in reader.orders().values()]
        assert floor.is_calm()
        assert purposes.count("unwind") == stop.unwindings
        assert len(reader.facts("TradeOpened")) == stop.opened
        assert len(reader.facts("TradeAbandoned")) == stop.abandoned
        assert len(reader.facts("LegUnhedged")) == stop.unhedged
        assert len(reader.facts("EngineStopped")) == 1
        floor.assert_agrees()
