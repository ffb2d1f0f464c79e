"""One simulator, one engine's home, and an engine on them that dies and is begun again.

The steersman does what an operator would: he touches the confirm file after each crash, lifts
halts, and bends the market so that trades open and close all the time. Each life is left to itself
until all is calm; then its journal is compared with the referee, and only then it may trade.
"""

import time
from pathlib import Path
from random import Random
from signal import SIGKILL, SIGTERM

import msgspec

from tests.support.crashing_engine import Life
from tests.support.kill_host import COINS, killable_host
from tests.support.kill_lives import Lives
from tests.support.kill_watch import Row, Watch, Way
from tests.support.operator_hand import OperatorHand
from tests.support.order_referee import Journal, all_differences
from tests.support.sim_process import LIVE as LIVE_FLAG
from tests.support.sim_process import SimProcess
from tests.support.told_alerts import untold
from tests.support.torn_files import Disk, Tear
from tests.support.write_recorder import read_recording

PREMIUM_PCT = 2.0
AGREES_WITHIN_S = 15.0
"""How long the two ledgers may differ once all is calm."""
RECOVERS_WITHIN_S = 75.0
"""A venue that was connected to too often lets half a minute pass."""
_LOOK_EVERY_S = 0.05
_FEWEST_WAYS = 2
_REST_S, _RICH_AT_MOST_S = 0.1, 0.6


class Plan(msgspec.Struct, frozen=True):
    """How a life ends: at a point, or killed from outside ``after_s``.

    That counts from its start where it is ``early``, else from when it may trade. A point that is
    not reached ``within_s`` of that is given up, and the life killed where it is.
    """

    name: str
    point: str = ""
    at: int = 0
    after_s: float = 0.0
    early: bool = False
    commands: bool = False
    within_s: float = 3.0
    tear: Tear | None = None
    """Whether the power goes with it, and what that makes of what was not synced."""
    sync_s: float = 0.0
    """How much longer a sync takes then."""


class Death(msgspec.Struct, frozen=True):
    """Where a life ended, after how many seconds, and what was found wrong in it."""

    at: str
    seconds: float
    compared: bool
    trades: int
    wrong: tuple[str, ...]


class KillFloor:
    """Use as a context: all it started is ended on the way out."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.sim = SimProcess(
            directory / "sim",
            *("--ledger", str(directory / "ledger.jsonl"), "--book-ms", "50"),
            *("--bithumb-duplicate", "refused", "--seed", str(seed)),
        )
        self.host = killable_host(directory / "engine", self.sim)
        self.watch = Watch()
        self.hand = OperatorHand(self.host, Random(seed))
        self.acknowledged: dict[int, Row] = {}
        """What a life told to have committed since the last comparison, by its number."""
        self.forgotten: set[str] = set()
        """Orders that were sent and whose commits a power cut may have taken."""
        self._random = Random(seed)
        self._bent: Way | None = None
        self.sim.admin("market", {"premium_pct": 0.0})
        environ = {**self.sim.keys, **LIVE_FLAG}
        self.lives = Lives(self.host.directory, self.host.config_path, environ)

    def __enter__(self) -> "KillFloor":
        return self

    def __exit__(self, *_: object) -> None:
        self.lives.close()
        self.sim.__exit__(None, None, None)

    def live(self, plan: Plan, recording: Path | None = None) -> Death:
        """One life, as planned; its writes are recorded where that is named."""
        if plan.tear is not None:
            recording = self.host.directory / "writes"
        self.bend(None)
        self.watch.begin()
        recorded = "" if recording is None else str(recording)
        life = Life(
            point=plan.point, at=plan.at, early=plan.early, recording=recorded, sync_s=plan.sync_s
        )
        self.lives.begin(life)
        steersman = _Steersman(self, plan)
        died = ""
        while True:
            news = self.lives.news(0.01)
            if news is not None:
                if "gone" in news:
                    break
                died = str(news.get("died", died))
                self._take(news)
            if steersman.steer(time.monotonic()):
                self.lives.kill()
        code = self.lives.end()
        wrong = [*steersman.wrong]
        if code != -SIGKILL:
            wrong.append(f"it ended by itself with {code}")
        if plan.tear is not None and recording is not None:
            wrong += self._cut_power(recording, plan.tear)
        return steersman.death(died or ("late" if plan.point else plan.name), wrong)

    def settle(self) -> list[str]:
        """A last life that ends as it should; what is wrong after it."""
        self.bend(None)
        self.watch.begin()
        self.lives.begin(Life())
        steersman = _Steersman(self, Plan("settle", within_s=0.0))
        is_stopping = False
        while True:
            news = self.lives.news(0.01)
            if news is not None:
                if "gone" in news:
                    break
                self._take(news)
            if not is_stopping and steersman.steer(time.monotonic()):
                is_stopping = True
                self.lives.signal(SIGTERM)
        code = self.lives.end()
        found = [*steersman.wrong, *self.differences(), *untold(self.host.journal, self.host.log)]
        return found if code == 0 else [*found, f"the last life ended with {code}"]

    def differences(self) -> list[str]:
        """What differs between journal and referee now, and what was told and is not there."""
        journal = Journal(self.host.journal)
        found = [
            f"fact {seq} was committed and is gone: {fact['type']}"
            for seq, fact in self.acknowledged.items()
            if seq > len(journal.facts) or journal.facts[seq - 1] != fact
        ]
        found += all_differences(journal, self.sim.ledger(), self.hand.acts, self.forgotten)
        if not found:
            self.acknowledged.clear()
        return found

    def bend(self, way: Way | None) -> None:
        """Let one coin be worth a trade, in one direction, and nothing else."""
        if self._bent is not None and way != self._bent:
            self.sim.admin("market", {"coin": self._bent[0], "premium_pct": 0.0})
        if way is not None and way != self._bent:
            premium_pct = PREMIUM_PCT if way[1] else -PREMIUM_PCT
            self.sim.admin("market", {"coin": way[0], "premium_pct": premium_pct})
        self._bent = way

    @property
    def is_spent(self) -> bool:
        """Whether so many orders wait for an operator that hardly a trade can open."""
        return self.watch.is_stuck or len(self.ways) < _FEWEST_WAYS

    @property
    def ways(self) -> list[Way]:
        """Where trades can open: no unknown order of an earlier one stands in the way."""
        every = [(coin, sold) for coin in COINS for sold in (True, False)]
        return [way for way in every if way not in self.watch.blocked]

    def _cut_power(self, recording: Path, tear: Tear) -> list[str]:
        """Leave of the journal what a power cut would; what was promised too early before it."""
        disk = Disk()
        for event in read_recording(recording):
            disk.take(event)
        if not disk.written:
            return []
        disk.cut(self._random, tear).put(self.host.journal)
        self.forgotten |= disk.sent
        self.acknowledged = {
            seq: fact for seq, fact in self.acknowledged.items() if seq <= disk.promised
        }
        # What it knew may be no more; the next life's first commit has the journal read anew.
        self.watch = Watch()
        return disk.broken

    def _take(self, news: Row) -> None:
        if "facts" not in news:
            return
        facts, upto = news["facts"], news["upto"]
        first = upto - len(facts) + 1
        if first > self.watch.seen + 1:
            # The life before died between a commit and its telling.
            known = Journal(self.host.journal).facts
            self.watch.take(len(known), known)
        self.watch.take(upto, facts)
        self.acknowledged.update(enumerate(facts, first))


class _Steersman:
    """What is done to one life, and when it is to end."""

    def __init__(self, floor: KillFloor, plan: Plan) -> None:
        self._floor, self._plan = floor, plan
        self._began = time.monotonic()
        self._trades_since: float | None = None
        self._calm_since: float | None = None
        self._next_look = self._bent = 0.0
        self._is_rich = False
        self._random = Random(f"{plan.name}/{floor.lives.number}")
        self.wrong: list[str] = []

    def steer(self, now: float) -> bool:
        """Do what is to be done at this moment; whether the life is to be killed."""
        floor = self._floor
        floor.hand.tend(floor.watch, now)
        if self._trades_since is None:
            self._recover(now)
        else:
            self._trade(now)
        return self._is_over(now)

    def death(self, at: str, wrong: list[str]) -> Death:
        """What to say of it."""
        seconds = time.monotonic() - self._began
        compared = self._trades_since is not None and not self.wrong
        return Death(at, seconds, compared, self._floor.watch.closed, tuple(wrong))

    def _is_over(self, now: float) -> bool:
        plan = self._plan
        since = self._began if plan.early else self._trades_since
        if since is None:
            return now - self._began > RECOVERS_WITHIN_S
        return now - since > (plan.within_s if plan.point else plan.after_s)

    def _recover(self, now: float) -> None:
        watch = self._floor.watch
        may_compare = watch.has_started and (watch.is_open or watch.is_stuck) and watch.is_calm
        if now < self._next_look or not may_compare:
            if now - self._began > RECOVERS_WITHIN_S - 1 and not self.wrong:
                self.wrong.append(
                    f"not live and calm within {RECOVERS_WITHIN_S - 1} s: open={watch.is_open}"
                    f" level={watch.level} alive={watch.alive} trades={watch.trades}"
                )
            return
        self._calm_since = self._calm_since or now
        self._next_look = now + _LOOK_EVERY_S
        found = self._floor.differences()
        if found and now - self._calm_since < AGREES_WITHIN_S:
            return
        self.wrong += found
        self._trades_since = time.monotonic()
        self._floor.lives.arm()
        if self._plan.commands:
            self._floor.hand.intend(self._trades_since)

    def _trade(self, now: float) -> None:
        floor = self._floor
        if self._is_rich and (floor.watch.standing or now - self._bent > _RICH_AT_MOST_S):
            floor.bend(None)
            self._is_rich, self._bent = False, now
        elif not self._is_rich and not floor.watch.standing and now - self._bent > _REST_S:
            if floor.ways:
                floor.bend(self._random.choice(floor.ways))
            self._is_rich, self._bent = True, now
