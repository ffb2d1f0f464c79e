"""A desk whose engine is in live mode: the test says what the host and the venues look like."""

from typing import Any

from msgspec.structs import replace

from tests.support.builders import AT_NS, UPBIT_BINANCE, some_balances
from tests.support.engine_harness import Desk
from trader.domain.authority import Authority, FileMark, Level, Sight
from trader.domain.control import Command, Mode
from trader.domain.events import CommandReceived, CycleTicked, OrderReported, ProcessStarted
from trader.domain.facts import Fact, InventoryRebased
from trader.domain.order import ApprovedOrder, LedgerName, OrderState
from trader.domain.readiness import PairReadiness, Readiness
from trader.engine.engine import Outcome
from trader.portfolio.ledger import Ledger
from trader.risk.live_guard import GuardRules, sight_of

DRY_RUN_CYCLES = 3
GUARD = GuardRules(dry_run_cycles=DRY_RUN_CYCLES)
MARK = FileMark(8, 21, 1_000, 1_000)
GOOD_PAIR = PairReadiness(fresh=True, reconciled=True, clock_holds=True)
READY = Readiness(
    mode=Mode.LIVE,
    env_flag=True,
    confirm_file=True,
    confirm_file_safe=True,
    confirm_file_age_hours=0.0,
    lock_held=True,
    keys_cannot_withdraw=True,
    safety_holds=True,
    disk_free_mb=10_000.0,
    fresh_pairs=1,
    clock_skew_ms=10.0,
    reconciled=True,
    loop_lag_ms=1.0,
    file_mark=MARK,
    pairs={UPBIT_BINANCE: GOOD_PAIR},
)
"""A host where everything holds and the confirm file stands."""


class LiveDesk(Desk):
    """An engine in live mode on a host where everything holds, until the test says otherwise."""

    def __init__(self, *, restored: list[Fact] | None = None, **rules: Any) -> None:
        funds = [
            InventoryRebased(AT_NS, LedgerName.LIVE, venue, asset, quantity, "reconciled")
            for (venue, asset), quantity in some_balances().items()
        ]
        super().__init__(
            restored=funds if restored is None else restored,
            **{"mode": Mode.LIVE, "guard": GUARD, **rules},
        )
        self.host = READY

    @property
    def live(self) -> Ledger:
        """The live ledger."""
        return self.engine.state.ledgers[LedgerName.LIVE]

    @property
    def authority(self) -> Authority:
        """What people permit, as the engine knows it."""
        return self.engine.state.authority

    def level(self) -> Level:
        """What is permitted, now."""
        return self.engine.state.authority.level

    def entries(self) -> LedgerName:
        """Where a new trade would be booked, now."""
        return self.engine.state.entry_ledger

    def sense(self, **changes: Any) -> Readiness:
        """Change what the host looks like; returns all of it."""
        self.host = replace(self.host, **changes)
        return self.host

    def touch(self) -> None:
        """The confirm file is touched, now."""
        mark = FileMark(8, 21, self.at_ns, self.at_ns)
        self.sense(confirm_file=True, confirm_file_safe=True, file_mark=mark)

    @property
    def sight(self) -> Sight:
        """The host's files, now."""
        return replace(sight_of(self.host), at_ns=self.at_ns)

    def start(self) -> Outcome:
        """The process begins to decide."""
        return self.process(ProcessStarted(self.at_ns, self.mono_ns, "0", sight=self.sight))

    def tick(self) -> Outcome:
        """A cycle of the control loop, with everything sensed."""
        sensed = replace(self.host, at_ns=self.at_ns, paused=self.engine.state.paused)
        return self.process(CycleTicked(self.at_ns, self.mono_ns, 1, sensed))

    def command(self, command: Command) -> Outcome:
        """An operator says something."""
        return self.process(
            CommandReceived(self.at_ns, self.mono_ns, command, "c-1", sight=self.sight)
        )

    def go_live(self) -> None:
        """Begin, and wait until the dry run is done."""
        self.begin()
        self.wait(DRY_RUN_CYCLES)
        assert self.engine.state.entry_ledger is LedgerName.LIVE, self.engine.state.blocks

    def answer(
        self, order: ApprovedOrder, state: OrderState = OrderState.FILLED, reason: str = ""
    ) -> Outcome:
        """A live order ends: filled whole, or with nothing of it executed."""
        whole = state is OrderState.FILLED
        quantity = order.intent.quantity
        return self.process(
            OrderReported(
                self.at_ns,
                self.mono_ns,
                order.client_order_id,
                state,
                quantity if whole else quantity * 0,
                (self.fill(order, quantity),) if whole else (),
                reason,
            )
        )
