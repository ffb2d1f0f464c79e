"""The simulator as a process of its own, and an engine whose venues are there."""

import json
import re
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.engine_process import EngineHome, EngineProcess, child_environment
from trader.sim.defaults import test_key as sim_key
from trader.sim.faults import VENUES
from trader.sim.greeting import READY

LIVE = {"LIVE_TRADING": "1"}
_HTTP_TIMEOUT_S = 30.0
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


class SimProcess:
    """A running simulator; the referee of what reached its venues."""

    def __init__(
        self,
        directory: Path,
        *arguments: str,
        program: Sequence[str] = ("-m", "trader"),
        environ: Mapping[str, str] = {},
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, *program, "sim", "--port", "0", *arguments]
        self.process = EngineProcess(EngineHome(directory), command, child_environment(environ))
        self.process.wait_for(READY)
        self.url = next(
            found.group() for line in self.process.out if (found := _ADDRESS.search(line))
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.__exit__(kind, error, traceback)

    @property
    def venues(self) -> dict[str, dict[str, str]]:
        """The config's section that points every venue here."""
        stream = self.url.replace("http://", "ws://")
        return {
            venue: {
                "rest_url": f"{self.url}/{venue}",
                "ws_url": f"{stream}/{venue}",
                "private_ws_url": f"{stream}/{venue}",
            }
            for venue in VENUES
        }

    @property
    def keys(self) -> dict[str, str]:
        """The environment that opens every venue here."""
        found = {}
        for venue in VENUES:
            access, secret = sim_key(venue)
            found[f"{venue.upper()}_ACCESS_KEY"] = access
            found[f"{venue.upper()}_SECRET_KEY"] = secret
        return found

    def admin(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """Ask or tell the operator's pages."""
        sent = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/admin/{path}", data=sent, method=method)
        with urllib.request.urlopen(request, timeout=_HTTP_TIMEOUT_S) as answer:
            return json.load(answer)

    def ledger(self) -> dict[str, Any]:
        """Every order and fill it accepted."""
        return dict(self.admin("ledger"))


class SimHost(EngineHome):
    """An engine's home whose venues are a simulator's."""

    def __init__(
        self,
        directory: Path,
        sim: SimProcess,
        pairs: Sequence[Mapping[str, str]],
        **sections: Mapping[str, Any],
    ) -> None:
        locks = directory / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        self.sim = sim
        config: dict[str, dict[str, Any]] = {
            "engine": {
                "cycle_seconds": 0.2,
                "lock_dir": str(locks),
                "min_disk_free_mb": 1,
            },
            # These machines may stand still for a while; the loop's lag has tests of its own.
            "safety": {"max_loop_lag_ms": 10_000, "max_order_delay_ms": 5_000},
            "strategy": {"pairs": [dict(pair) for pair in pairs]},
            "venues": {venue: dict(keys) for venue, keys in sim.venues.items()},
        }
        for name, keys in sections.items():
            for key, value in keys.items():
                place = config.setdefault(name, {})
                if isinstance(value, Mapping) and isinstance(place.get(key), dict):
                    place[key] = {**place[key], **value}
                else:
                    place[key] = value
        super().__init__(directory, config)

    @property
    def journal(self) -> Path:
        """The journal of real venues."""
        return self.directory / "state" / "journal.db"

    @property
    def confirm_file(self) -> Path:
        """What must be touched."""
        return self.directory / ".live_trading_ok"

    def begin(self, *arguments: str, environ: Mapping[str, str] = LIVE) -> EngineProcess:
        """Start the engine with the simulator's keys."""
        return self.start(*arguments, environ={**self.sim.keys, **environ})
