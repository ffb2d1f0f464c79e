"""A live engine on a simulator that is told to misbehave, and a referee who compares the two.

Prices stand still but for what a test moves: a venue's book is lifted off Upbit's and a trade
begins; it is brought back and the trade ends.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.support.engine_process import LINE_WITHIN_S, EngineProcess
from tests.support.sim_process import SimHost, SimProcess
from tests.support.simulated_accounts import JournalReader, referee_holdings
from trader.credentials import Secret
from trader.domain.instrument import Venue
from trader.sim.defaults import test_key as sim_key

UPBIT_BINANCE = {
    "name": "upbit-binance",
    "first": "upbit:BTC-KRW",
    "second": "binance:BTC-USDT",
}
UPBIT_BITHUMB = {
    "name": "upbit-bithumb",
    "first": "upbit:BTC-KRW",
    "second": "bithumb:BTC-KRW",
}
SYMBOLS = {"upbit": "KRW-BTC", "bithumb": "KRW-BTC", "binance": "BTCUSDT"}
LIFTS_PCT = {"binance": -1.0, "bithumb": 1.0}
"""By how much a book is moved so that a trade with Upbit pays."""
_LOOK_EVERY_S = 0.03
_BLOCKED = "[LIVE] LIVE TRADING BLOCKED"
OVER = frozenset({"filled", "cancelled", "expired", "rejected", "blocked"})

_HASTE: dict[str, dict[str, Any]] = {
    "execution": {"timeout_ms": 600, "unwind_interval_ms": 200, "closing_alarm_seconds": 1},
    "strategy": {"max_repeats": 1_000},
    "safety": {"max_orders_per_minute": 600},
    # Rejections by the dozen are the point here; the breaker has tests of its own.
    "breakers": {"reject_window_orders": 1_000},
}


class Floor:
    """Simulator and host; ``engine`` is the process that runs now."""

    def __init__(self, sim: SimProcess, host: SimHost) -> None:
        self.sim = sim
        self.host = host
        self.engine: EngineProcess
        self._mark = 0
        self.moved: set[str] = set()
        sim.admin("market", {"frozen": True})
        venues = sim.admin("state")["venues"]
        at_upbit, dollar = (_mid(venues, "upbit", symbol) for symbol in ("KRW-BTC", "KRW-USDT"))
        # How far each book is off Upbit's now, as a factor.
        self._off = {
            "binance": _mid(venues, "binance", "BTCUSDT") * dollar / at_upbit,
            "bithumb": _mid(venues, "bithumb", "KRW-BTC") / at_upbit,
        }
        for venue in LIFTS_PCT:
            self.settle(venue)

    # the engine

    @contextmanager
    def running(self) -> Iterator[None]:
        """While an engine runs in live mode, whatever its gate says."""
        with self.host.begin("--mode", "live") as engine:
            self.engine, self._mark = engine, 0
            yield
            assert engine.is_running or engine.code == 0, engine.err

    @contextmanager
    def live(self) -> Iterator[None]:
        """While an engine runs whose gate was opened."""
        self.host.confirm_file.touch()
        with self.running():
            self.line("live=✅")
            self.begin_story()
            yield

    def begin_story(self) -> None:
        """Of what the engine writes only what comes from now on counts."""
        self._mark = len(self.engine.out)

    @property
    def is_well(self) -> bool:
        """Whether another story may begin: live, nothing open, nothing wrong any more."""
        self.clear()
        for venue in LIFTS_PCT:
            self.settle(venue)
        if not self.engine.is_running:
            return False
        try:
            self.calm()
            self.begin_story()
            self.line("live=✅")
        except AssertionError:
            return False
        return True

    @property
    def losses(self) -> list[str]:
        """Each time the gate was shut in this story, as the log has it.

        Not for a loop that was slow, which is this host's trouble and no venue's.
        """
        return [line for line in self._told(_BLOCKED) if "LOOP_SLOW" not in line]

    @property
    def journal(self) -> JournalReader:
        """What the live ledger's journal says now."""
        return JournalReader(self.host.journal, "live")

    @property
    def ended(self) -> int:
        """How many live trades have begun and ended, whichever way."""
        journal = self.journal
        return len(journal.facts("TradeClosed")) + len(journal.facts("TradeAbandoned"))

    def _stood(self, venue: str) -> tuple[int, int]:
        """How many trades with a venue are open, and how many were closed."""
        journal, pair = self.journal, f"upbit-{venue}"
        opened, closed = (
            sum(fact["pair"] == pair for fact in journal.facts(kind))
            for kind in ("TradeOpened", "TradeClosed")
        )
        return opened - closed, closed

    @property
    def abandoned(self) -> int:
        """How many live trades never came to stand."""
        return len(self.journal.facts("TradeAbandoned"))

    def rejected_trades(self) -> set[str]:
        """Trades of which a venue rejected an order."""
        journal = self.journal
        ends = journal.final_states()
        return {
            order["trade_id"]
            for name, order in journal.orders().items()
            if ends.get(name, ("",))[0] == "rejected"
        }

    def sent_for(self, trade_id: str) -> dict[str, int]:
        """How many orders of a trade left for each venue."""
        journal = self.journal
        ends = journal.final_states()
        return Counter(
            order["intent"]["instrument"].partition(":")[0]
            for name, order in journal.orders().items()
            if order["trade_id"] == trade_id and ends.get(name, ("",))[0] != "blocked"
        )

    def wait_abandoned(self, count: int) -> None:
        """Until so many live trades were given up."""
        self.wait(lambda: self.abandoned >= count, f"{count} trades given up")

    def wait(self, holds: Callable[[], bool], what: str) -> None:
        """Until it holds.

        Raises:
            AssertionError: it did not in time; with the last lines of the log.
        """
        give_up_at = time.monotonic() + LINE_WITHIN_S
        while not holds():
            # To look means to read a whole journal: not as often as could be.
            time.sleep(_LOOK_EVERY_S)
            if time.monotonic() > give_up_at:
                lines = [line for line in self.engine.out if "[METRICS]" not in line]
                raise AssertionError(f"not within time: {what}\n" + "\n".join(lines[-40:]))

    def line(self, words: str, count: int = 1) -> None:
        """Wait until it has written so many lines with these words."""
        self.wait(lambda: self.lines(words) >= count, words)

    def lines(self, words: str) -> int:
        """How many lines with these words it wrote in this story."""
        return len(self._told(words))

    def _told(self, words: str) -> list[str]:
        return [line for line in self.engine.out[self._mark :] if words in line]

    def accept(self, what: str) -> None:
        """An operator looks at a difference with a venue and accepts it, on the host."""
        command = self.host.run("reconcile", "--accept", what, "--mode", "live")
        assert command.code == 0, command.out

    @property
    def quarantined(self) -> list[str]:
        """Orders of which nobody knows what became of them."""
        states = self.journal.final_states()
        return [name for name, (state, _) in states.items() if state == "quarantined"]

    # the market

    def lift(self, venue: str) -> None:
        """Move a venue's book off Upbit's, so that a trade between the two pays."""
        self._move(venue, LIFTS_PCT[venue])

    def settle(self, venue: str) -> None:
        """Bring it back, so that such a trade closes."""
        self._move(venue, 0.0)

    def _move(self, venue: str, percent: float) -> None:
        aim = 1 + percent / 100
        jump = (aim / self._off[venue] - 1) * 100
        self._off[venue] = aim
        self.sim.admin("market", {"venue": venue, "coin": "BTC", "jump_pct": jump})

    def open(self, venue: str) -> None:
        """A trade with this venue begins and stands."""
        self.lift(venue)
        self.wait(lambda: self._stood(venue)[0] > 0, f"opened at {venue}")

    def trade(self, venue: str) -> None:
        """A trade with this venue that opens and closes as if nothing had ever been wrong."""
        _, before = self._stood(venue)
        self.open(venue)
        self.settle(venue)

        def is_over() -> bool:
            still_open, closed = self._stood(venue)
            return not still_open and closed > before

        self.wait(is_over, f"closed at {venue}")

    def calm(self) -> None:
        """Wait until no trade is open and every order has come to its end."""

        def is_calm() -> bool:
            journal = self.journal
            ends = journal.final_states()
            orders = journal.orders()
            begun = {order["trade_id"] for order in orders.values()}
            all_over = all(ends.get(order, ("",))[0] in OVER for order in orders)
            return all_over and len(begun) == self.ended

        self.wait(is_calm, "calm")

    # troubles

    def fault(self, kind: str, venue: str, **details: object) -> None:
        """Have the simulator misbehave."""
        self.sim.admin("faults", {"kind": kind, "venue": venue, **details})

    def place_fault(self, kind: str, venue: str, **details: object) -> None:
        """The next order this venue gets fares ill."""
        self.fault(kind, venue, operation="place", count=1, **details)

    def clear(self) -> None:
        """No more faults."""
        self.sim.admin("faults", method="DELETE")

    def cut(self, venue: str, stream: str) -> None:
        """Close a venue's stream once and wait until it is opened anew.

        Its rules and its clock are asked for, too, after a public one.
        """
        opened = self.requests(venue)["stream"]
        self.fault("cut", venue, stream=stream)
        self.wait(lambda: self.requests(venue)["stream"] > opened, f"{venue} opened anew")

    def halt(self, venue: str, status: str = "halted", date: str | None = None) -> None:
        """Let a venue's market trade or not."""
        wish = {"venue": venue, "symbol": SYMBOLS[venue], "status": status}
        self.sim.admin("halt", wish if date is None else wish | {"delisting_date": date})

    def move_money(self, venue: str, asset: str, delta: str) -> None:
        """Let somebody deposit or withdraw."""
        self.moved.add("increase at the venue" if Decimal(delta) > 0 else "decrease at the venue")
        self.sim.admin("balances", {"venue": venue, "asset": asset, "delta": delta})

    def refused(self, venue: str) -> int:
        """How many orders a venue refused so far."""
        return len(self.sim.ledger()["venues"][venue]["refused"])

    def requests(self, venue: str) -> dict[str, int]:
        """What reached a venue so far, by kind."""
        return dict(self.sim.ledger()["venues"][venue]["requests"])

    # the referee

    def agree(self) -> None:
        """Journal and referee say the same, to the last digit, of every order, fill and balance."""
        journal, ledger = self.journal, self.sim.ledger()
        orders, ends = journal.orders(), journal.final_states()
        told = [order for page in ledger["venues"].values() for order in page["orders"]]
        names = Counter(order["client_id"] for order in told)
        assert set(names.values()) <= {1}, "an id twice"
        assert names.keys() <= orders.keys()
        for order in told:
            intent = orders[order["client_id"]]["intent"]
            assert order["instrument"] == intent["instrument"]
            assert Decimal(order["quantity"]) == Decimal(intent["quantity"])
            assert Decimal(order["price"]) == Decimal(intent["limit_price"])
            assert Decimal(order["executed"]) == ends[order["client_id"]][1], order
        for name, (_, executed) in ends.items():
            assert name in names or not executed, f"{name} never reached a venue"
        self.nothing_was_sent_again(ledger)
        assert Counter(map(_booked, journal.fills)) == Counter(
            _made(trade) for order in told for trade in order["trades"]
        )
        # A balance taken as the venue states it would hide a fill that was never booked.
        rebased = {fact["reason"] for fact in journal.facts("InventoryRebased")}
        assert rebased <= {"first reconciliation", *self.moved}
        held, theirs = journal.holdings(), referee_holdings(ledger)
        assert {place: theirs[place] for place in held} == held

    def nothing_was_sent_again(self, ledger: Mapping[str, Any] | None = None) -> None:
        """As many orders reached each venue as the journal says left for it, or fewer."""
        journal = self.journal
        ends, written = journal.final_states(), Counter[str]()
        for name, order in journal.orders().items():
            if ends.get(name, ("",))[0] != "blocked":
                written[order["intent"]["instrument"].partition(":")[0]] += 1
        for venue, page in (ledger or self.sim.ledger())["venues"].items():
            assert page["requests"].get("place", 0) <= written[venue], venue

    def orders_at(self, venue: str) -> int:
        """How many orders a venue accepted so far."""
        return len(self.sim.ledger()["venues"][venue]["orders"])


@contextmanager
def a_floor(
    directory: Path, *pairs: Mapping[str, str], **sections: Mapping[str, Any]
) -> Iterator[Floor]:
    """A simulator, and a host whose engine trades these pairs on it; nothing runs there yet."""
    attested = {
        venue: {"attested_fingerprint": Secret(sim_key(Venue(venue))[0]).fingerprint()}
        for venue in ("upbit", "bithumb")
    }
    venues = {
        venue: {**attested.get(venue, {}), **sections.get("venues", {}).get(venue, {})}
        for venue in SYMBOLS
    }
    chosen = {
        name: {**_HASTE.get(name, {}), **sections.get(name, {})}
        for name in {*_HASTE, *sections} - {"venues"}
    }
    with SimProcess(directory / "sim") as sim:
        host = SimHost(directory / "engine", sim, pairs, venues=venues, **chosen)
        yield Floor(sim, host)


class SharedFloor:
    """A floor for many stories, one after the other; a new one where a story left it in ruins."""

    def __init__(self, directories: Iterator[Path], *pairs: Mapping[str, str]) -> None:
        self._directories = directories
        self._pairs = pairs
        self._held = ExitStack()
        self._floor: Floor | None = None

    def take(self) -> Floor:
        """The floor, live and calm, for the next story."""
        if self._floor is None or not self._floor.is_well:
            self.close()
            floor = self._held.enter_context(a_floor(next(self._directories), *self._pairs))
            self._held.enter_context(floor.live())
            self._floor = floor
        self._floor.begin_story()
        return self._floor

    def close(self) -> None:
        """End what runs there, however it stands."""
        self._floor = None
        with suppress(AssertionError):
            self._held.close()


def _mid(venues: Mapping[str, Any], venue: str, symbol: str) -> float:
    market = venues[venue]["markets"][symbol]
    return float((market["best_bid"] + market["best_ask"]) / 2)


def _booked(fact: Mapping[str, Any]) -> tuple[object, ...]:
    fill = fact["fill"]
    numbers = (Decimal(fill[name]) for name in ("price", "quantity", "fee"))
    return (fill["client_order_id"], *numbers, fill["fee_asset"])


def _made(trade: Mapping[str, Any]) -> tuple[object, ...]:
    numbers = (Decimal(trade[name]) for name in ("price", "quantity", "fee"))
    return (trade["client_id"], *numbers, trade["fee_asset"])
