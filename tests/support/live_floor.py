"""An engine that trades live on a simulator, both as processes, for faults of the host."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.engine_process import EngineProcess, wait_until
from tests.support.order_referee import Journal, all_differences, orders_of
from tests.support.sim_process import LIVE, SimHost, SimProcess
from tests.support.simulated_accounts import JournalReader
from tests.support.stepped_clock import PROGRAM, SteppedClock
from trader.credentials import Secret
from trader.domain.instrument import Venue
from trader.sim.defaults import test_key as sim_key

PAIR = {"name": "upbit-binance", "first": "upbit:BTC-KRW", "second": "binance:BTC-USDT"}
RICH, EVEN = 1.0, 0.0
"""Korea dearer than the world by so many percent: worth a trade, and worth closing it."""
OVER = frozenset({"filled", "cancelled", "expired", "rejected", "blocked"})


class LiveFloor:
    """A simulator and the home of an engine that trades one pair there, quickly.

    With a ``clock`` both go by that one.
    """

    def __init__(
        self, directory: Path, clock: SteppedClock | None = None, **sections: Mapping[str, Any]
    ) -> None:
        self._program = ("-m", "trader") if clock is None else PROGRAM
        self._environ = {} if clock is None else clock.environ
        self.sim = SimProcess(directory / "sim", program=self._program, environ=self._environ)
        attested = {
            venue: {"attested_fingerprint": Secret(sim_key(Venue(venue))[0]).fingerprint()}
            for venue in ("upbit", "bithumb")
        }
        self.host = SimHost(
            directory / "engine", self.sim, (PAIR,), **{"venues": attested, **sections}
        )
        # Prices that stand still: no order misses the book it was decided on.
        self.sim.admin("market", {"frozen": True})
        self.premium(EVEN)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.sim.__exit__(kind, error, traceback)

    def premium(self, percent: float) -> None:
        """Korea is so much dearer from now on."""
        self.sim.admin("market", {"premium_pct": percent})

    def faults(self, *faults: Mapping[str, Any]) -> None:
        """From now on these go wrong at the venues, and nothing else."""
        self.sim.admin("faults", method="DELETE")
        if faults:
            self.sim.admin("faults", [dict(one) for one in faults])

    def begin(
        self, *, program: Sequence[str] = (), environ: Mapping[str, str] = {}
    ) -> EngineProcess:
        """Start the engine in live mode, on the simulator's keys."""
        given = {**self.sim.keys, **LIVE, **self._environ, **environ}
        return self.host.start("--mode", "live", program=program or self._program, environ=given)

    def arm(self, engine: EngineProcess) -> None:
        """Touch the file and wait until the gate is open."""
        self.host.confirm_file.touch()
        engine.wait_for("live=✅")

    def open_trade(self, engine: EngineProcess) -> None:
        """One live trade, and no other after it."""
        self.premium(RICH)
        engine.wait_for("trade opened ledger=live")

    def orders(self) -> list[dict[str, Any]]:
        """Every order that any venue accepted."""
        return orders_of(self.sim.ledger())

    def reader(self) -> JournalReader:
        """What the journal says of the live ledger, now."""
        return JournalReader(self.host.journal, "live")

    def is_calm(self) -> bool:
        """Whether every live order in the journal has come to its end."""
        reader = self.reader()
        ends = reader.final_states()
        return all(ends.get(order, ("",))[0] in OVER for order in reader.orders())

    def assert_agrees(self) -> None:
        """Journal and referee: the same orders, fills and money, once nothing is on its way."""
        wait_until(self.is_calm)
        differences = all_differences(Journal(self.host.journal), self.sim.ledger(), ())
        assert differences == []
