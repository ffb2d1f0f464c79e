"""A host, its engine, its bot and the people in the chat: any order of what they may do.

A sequence is a plan of steps, each with a seed of its own, so that one that fails can be made
shorter by leaving steps out. Everything runs on one loop, and nothing waits.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence
from random import Random

from bot.access import Kind, access_of, hear
from bot.acting import Acting
from bot.audit import Audit
from bot.controls import Controls
from bot.lane import Handler, Lane
from bot.messenger import OutMessage
from bot.mutes import Mutes
from bot.spoken import split_tap
from bot.updates import Denied, Heard
from tests.support.builders import UPBIT_BINANCE
from tests.support.chat_ground import Ground, WatchedDesk
from tests.support.chat_watch import HOST, Given, Watch, standing
from tests.support.live_desk import GOOD_PAIR, LiveDesk
from tests.support.updates import GROUP, ME, S_NS, Json, a_message, a_person, an_update, tapped
from trader.app.answers import AnswerGround, Answers
from trader.config import Settings
from trader.domain.authority import FileMark, Level, Sight
from trader.domain.clock import Stamp
from trader.domain.control import Command, Halt, LiftHalt
from trader.domain.events import CommandReceived, Event, ProcessStarted, ProcessStopping
from trader.domain.order import LedgerName
from trader.domain.readiness import PairReadiness
from trader.engine.engine import Engine
from trader.ops.redaction import Redactor
from trader.port.local import LocalPort, Questions
from trader.port.settings import BotSettings
from trader.portfolio.stoploss import StopLoss

STEPS_EACH = 30
ALICE, BOB, MALLORY = 1_001, 1_002, 6_666
ALLOWED = (ALICE, BOB)
AGES_S = (0, 0, 0, 0, 1, 5, 25, 35, 40, 300, 3_500, 7_200, 18_000, 80_000, 108_000, -40, -7_200)
WORDS = {
    10: (
        "/halt",
        "긴급정지",
        "정지",
        "halt",
        "/stop fire",
        "/halt now",
        "/HALT@spread_bot",
        "Halt",
    ),
    9: (
        "/pause",
        "일시정지",
        "신규진입 중지",
        "pause",
        "/pause 30m",
        "/pause upbit",
        "/pause Upbit 1m",
    ),
    8: ("/paper", "/paper night", "/pause upbit-binance 2h", "/pause kraken", "/pause a b c"),
    20: ("/resume", "/resume", "/resume", "/resume upbit", "/resume kraken", "/resume a b"),
    16: ("/flatten", "/flatten", "/close", "/close T1", "/close {trade}", "/flatten now"),
    4: ("/live", "/live now", "/status", "상태", "status", "/guards", "hello", "<b>&", "/nonsense"),
    3: ("/ack 1", "/ack", "/mute HALTED 1h", "/mute x", "/drill HALTED", "/positions", "/start"),
}
VIEWS = ("status", "guards", "positions", "orders", "pnl", "help", "start", "summary", "show")
Step = tuple[str, int]
Plan = tuple[Step, ...]


class World:
    """One sequence: ``run`` a plan; raises AssertionError where something must not be."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.watch = Watch()
        self.memory = ground.fresh()
        self.desk = WatchedDesk(self.watch)
        self.random = Random(0)
        self.replies = 0
        self._buttons: list[str] = []
        self._sent: list[Json] = []
        self._owed: list[Json] = []
        self._ids = 1_000
        self._faults: list[str] = []
        self._delivered: set[str] = set()
        self._questions: Questions = {}
        self._answers: Answers | None = None
        self._ask_engine(self.desk.engine)
        self._port = self._new_port()
        self._lane, self._running = self._new_bot()

    async def run(self, plan: Plan) -> None:
        """Go live, do what the plan says, and see that the facts tell the same."""
        try:
            self.desk.go_live()
            self.watch.ahead_ns = Random(plan[0][1]).choice((0, 0, 0, -1, 1, 10)) * S_NS
            for name, seed in plan:
                self.random = Random(seed)
                await getattr(self, name)()
                self.watch.counts["steps"] += 1
                assert not self._faults, self._faults[0]
            self._compare()
        finally:
            await self._stop_bot()
            if self._answers is not None:
                self._answers.close()

    # people

    async def talk(self) -> None:
        """One to four updates in one batch."""
        number = self.random.choice((1, 1, 1, 2, 3, 4))
        await self._deliver([self._update() for _ in range(number)])

    async def ask_and_tap(self) -> None:
        """Somebody asks for what must be confirmed, maybe something happens, and then taps."""
        user = self.random.choice((ALICE, ALICE, ALICE, BOB))
        words = self.random.choice(("/resume", "/resume", "/flatten", "/close {trade}"))
        first = len(self._buttons)
        await self._deliver([self._message(user, words, 0)])
        meanwhile = self.random.choice(
            (None, None, None, None, self.market, self.host, self.time, self.cycles, self.talk)
        )
        if meanwhile is not None:
            await meanwhile()
        offered = [one for one in self._buttons[first:] if one.startswith("confirm:")]
        if offered:
            tapper = self.random.choice((user, user, user, user, user, ALICE, BOB))
            taps = [self._tap(tapper, offered[0]) for _ in range(self.random.choice((1, 1, 2)))]
            await self._deliver(taps)

    async def strangers(self) -> None:
        """Others try what they can; nothing comes of it, and nobody answers."""
        before = (len(self.desk.history), self.replies)
        await self._deliver([self._stranger() for _ in range(self.random.choice((1, 2, 4)))])
        assert before == (len(self.desk.history), self.replies), "strangers did something"

    async def again(self) -> None:
        """Telegram delivers again what it delivered before, under other numbers."""
        if self._sent:
            some = self.random.choices(self._sent[-8:], k=self.random.choice((1, 2)))
            some = [one | {"update_id": self._id()} for one in some]
            await self._deliver(some + [self._update()] * self.random.choice((0, 0, 1)))

    # processes

    async def bot_dies(self) -> None:
        """In the middle of a batch, or idle; Telegram delivers what was not confirmed again."""
        batch = [self._update() for _ in range(self.random.choice((0, 1, 2, 3)))]
        await self._deliver(batch, dies_after=self.random.randrange(40))
        await self._restart_bot()

    async def engine_restarts(self) -> None:
        """Clean or by a crash; the bot dies with it, or stays and speaks with the next."""
        if self.random.random() < 0.5:
            self.desk.process(ProcessStopping(self.desk.at_ns, self.desk.mono_ns, "asked"))
        stays = self.random.random() < 0.3
        if not stays:
            await self._stop_bot()
        level = self.desk.level()
        was_clean = bool(self.desk.events) and isinstance(self.desk.events[-1], ProcessStopping)
        self.desk = self.desk.reborn(self.random.choice((1, 10, 120)) * S_NS)
        self._ask_engine(self.desk.engine)
        self.desk.process(
            ProcessStarted(self.desk.at_ns, self.desk.mono_ns, "0", sight=self.desk.sight)
        )
        assert self.desk.level() <= level, "a restart raised"
        assert was_clean or self.desk.level() is not Level.LIVE, "LIVE after a crash"
        self.desk.quiet_books()
        self._port = self._new_port()
        if stays:
            self._acting.port = self._port
        else:
            self._lane, self._running = self._new_bot()
            await self._redeliver()

    # the host and the market

    async def host(self) -> None:
        """Something is touched, lost, mended or lifted on the host."""
        desk = self.desk
        match self.random.randrange(11):
            case 0 | 1:
                self._touch()
            case 2:
                desk.sense(confirm_file=False, file_mark=None)
            case 3:
                desk.sense(env_flag=False)
            case 4:
                desk.sense(pairs={UPBIT_BINANCE: PairReadiness()}, fresh_pairs=0)
            case 5:
                desk.sense(breakers=("DAILY_LOSS",), safety_holds=False)
            case 6:
                self._halt_file(stands=True)
            case 7:
                desk.sense(confirm_file_safe=False)
            case 8:
                behind = self.random.choice((0, 0, 1))
                self._command(LiftHalt("host", desk.authority.revision - behind))
            case _:
                self._mend()
        if self.random.random() < 0.5:
            desk.wait(self.random.choice((1, 2)))

    async def ceremony(self) -> None:
        """The host sets all right, lifts, touches, and waits until it may trade live."""
        self._mend()
        self.desk.wait(1)
        if self.desk.level() is Level.HALT and self.random.random() < 0.7:
            self._command(LiftHalt("host", self.desk.authority.revision))
        self._touch()
        self.desk.wait(self.random.choice((1, 4)))

    async def market(self) -> None:
        """Prices move, and the venues answer what is out."""
        desk = self.desk
        self.random.choice(
            (desk.signal, desk.signal, desk.signal, desk.quiet_books, desk.even, desk.lose)
        )()
        if self.random.random() < 0.85:
            desk.settle_orders(self.random)
        if self.random.random() < 0.6:
            desk.quiet_books()

    async def cycles(self) -> None:
        """Seconds pass as they should."""
        self.desk.wait(self.random.choice((1, 2, 5)))

    async def time(self) -> None:
        """Time passes in which nothing is heard."""
        self.desk.pass_ms(
            self.random.choice((50, 300, 900, 5_000, 29_000, 31_000, 61_000, 600_000))
        )
        if self.random.random() < 0.7:
            self.desk.again()
            self.desk.tick()

    # inside, what is written and tapped

    def _update(self) -> Json:
        roll = self.random.random()
        user = self.random.choice((ALICE, ALICE, BOB))
        if roll < 0.55:
            some = self.random.choices(tuple(WORDS.values()), tuple(WORDS))[0]
            return self._message(user, self.random.choice(some), self.random.choice(AGES_S))
        if roll < 0.88:
            return self._tap(user, self._some_button())
        return self._stranger()

    def _message(self, user: int, words: str, age_s: int) -> Json:
        now_s = self.watch.messenger_ns(self.desk.at_ns) // S_NS
        trades = [one for ledger in (self.desk.live, self.desk.paper) for one in ledger.trades]
        words = words.format(trade=self.random.choice(trades) if trades else "T1")
        number = self._id()
        more = {"message_id": number, "date": now_s - age_s}
        message = a_message(words, GROUP, user, **more)
        message["from"]["language_code"] = self.random.choice(("en", "ko"))
        self.watch.given[f"message:{GROUP}:{number}"] = Given(user, words, (now_s - age_s) * S_NS)
        return self._keep(an_update(message, update_id=self._id()))

    def _tap(self, user: int, data: str) -> Json:
        number = str(self._id())
        self.watch.given[f"tap:{number}"] = Given(user, data, None)
        return self._keep(tapped(data, GROUP, user, id=number) | {"update_id": self._id()})

    def _some_button(self) -> str:
        own, random = self.memory.instance, self.random
        newest = self._buttons[-3:]
        forged = (
            f"halt:{own}:",
            f"pause:{own}:",
            f"confirm:{own}:AAAAAAAAAAA",
            f"confirm:{own}:",
            f"close:{own}:T1",
            f"resume:{own}:",
            f"prolong:{own}:{self.desk.at_ns // S_NS + 600}",
            "halt:elsewhere:",
            "confirm:elsewhere:AAAAAAAAAAA",
        )
        pool = (newest, newest, newest, self._buttons, forged)
        return random.choice(random.choice(pool) or forged)

    def _stranger(self) -> Json:
        random = self.random
        words = random.choice(("/halt", "긴급정지", "/resume", "/flatten", "/pause", "/paper"))
        chat, user = random.choice(((GROUP, MALLORY), (MALLORY, MALLORY), (MALLORY, ALICE)))
        if random.random() < 0.4:
            found = tapped(self._some_button(), chat, user, id=str(self._id()))
        else:
            marks: Sequence[Json] = (
                {"forward_origin": {"type": "hidden_user", "date": 1}},
                {"via_bot": a_person(9, is_bot=True)},
                {"sender_chat": {"id": GROUP, "type": "supergroup"}},
                {"edit_date": 1},
            )
            date_s = self.desk.at_ns // S_NS
            more = {"message_id": self._id(), "date": date_s}
            if random.random() < 0.4:
                chat, user = GROUP, ALICE
                more |= random.choice(marks)
            found = an_update(a_message(words, chat, user, **more))
        return found | {"update_id": self._id()}

    def _keep(self, update: Json) -> Json:
        self._sent.append(update)
        return update

    def _id(self) -> int:
        self._ids += 1
        return self._ids

    # inside, the chat

    async def _deliver(self, raws: Sequence[Json], dies_after: int | None = None) -> None:
        """As the poller does: the batch is confirmed once it was taken."""
        batch = [hear(raw, self._access) for raw in raws]
        said = [self.watch.given.get(one.identity) for one in batch if isinstance(one, Heard)]
        self.watch.trail.append(f"{self.desk.at_ns / S_NS:.2f} {said}")
        heard = {one.identity for one in batch if isinstance(one, Heard)}
        assert heard <= self.watch.given.keys(), "a stranger was heard"
        unheard = heard - self._delivered
        self._delivered |= heard
        self.watch.commands.clear()
        taking = asyncio.ensure_future(self._lane.take(batch))
        if dies_after is not None:
            for _ in range(dies_after):
                await asyncio.sleep(0)
            await self._stop_bot()
            if not taking.done():
                taking.cancel()
                self._owed += raws
            with contextlib.suppress(asyncio.CancelledError):
                await taking
            self.watch.crashed(one.identity for one in self.memory.unfinished())
            return
        await taking
        await self._drain()
        await self._views(heard - self.watch.settled)
        self.watch.settle(heard)
        self._check_halts(unheard)

    def _check_halts(self, unheard: set[str]) -> None:
        """A halt of this moment comes first, and leaves a halt behind whatever came with it."""
        for identity in unheard:
            given = self.watch.given[identity]
            fresh = given.written_ns == self.watch.messenger_ns(self.desk.at_ns)
            if given.verb == "halt" and fresh:
                first = self.watch.commands[0]
                assert isinstance(first, Halt), f"before a halt: {first}"
                assert self.desk.level() is Level.HALT, "a fresh halt did not outlast its batch"

    async def _drain(self) -> None:
        await self._lane.startup_report()
        for _ in range(4):
            await asyncio.sleep(0)
        assert not self._running.done(), "the lane has ended"

    async def _views(self, new: set[str]) -> None:
        """Views have a lane of their own, of which nobody says when it is empty."""
        given, replied = self.watch.given, self.watch.replied
        views = [one for one in new if given[one].verb not in _ACTS]
        for _ in range(_TURNS):
            if replied.issuperset(views):
                break
            await asyncio.sleep(0)

    async def _restart_bot(self) -> None:
        if self.random.random() < 0.1:
            self.memory = self.ground.again()
        self._lane, self._running = self._new_bot()
        await self._redeliver()

    async def _redeliver(self) -> None:
        await self._drain()
        owed, self._owed = self._owed, []
        unsure = [hear(raw, self._access) for raw in owed]
        open_still = {one.identity for one in unsure if isinstance(one, Heard)}
        # The rest was handled before the death or right after it.
        self.watch.settle(self._delivered - open_still)
        if owed:
            await self._deliver(owed)

    async def _stop_bot(self) -> None:
        self._running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._running

    def _new_bot(self) -> tuple[Lane, asyncio.Future[None]]:
        self.watch.instance = self.memory.instance
        settings = BotSettings("test", ".", "Asia/Seoul", chat_id=str(GROUP), user_ids=ALLOWED)
        self._access = access_of(settings, ME, self.memory.instance)
        audit = Audit(self.memory, self.now_ns)
        self._acting = Acting(self._port, self, self.memory, audit, settings, self)
        controls = Controls(self._acting, self, self.say, Mutes(self.memory, self.now_ns()))
        views: dict[str, tuple[Kind, Handler]] = dict.fromkeys(VIEWS, (Kind.VIEW, self._view))
        found = {**views, **controls.handlers()}
        lane = Lane(
            {name: (kind, self._told(run)) for name, (kind, run) in found.items()},
            pointer=self._told(self._view),
            halt_now=self._told(controls.halt_now),
            memory=self.memory,
            audit=audit,
            clock=self,
            patience_s=5.0,
            old_button=controls.old_button,
        )
        return lane, asyncio.ensure_future(lane.run())

    def _told(self, run: Handler) -> Handler:
        """The lane goes on after a handler that failed; a sequence must not."""

        async def told(heard: Heard, args: tuple[str, ...]) -> bool | None:
            try:
                return await run(heard, args)
            except Exception as error:
                self._faults.append(str(error) or repr(error))
                raise

        return told

    async def _view(self, heard: Heard, _: tuple[str, ...]) -> bool | None:
        await self._acting.status()
        await self.reply(heard, ())
        return None

    # what the bot has of the world: a chat, a clock, and whoever hears of alerts

    async def reply(
        self, heard: Heard, messages: Sequence[OutMessage], *, control: bool = False
    ) -> int | None:
        """A chat that takes everything."""
        assert control or not messages
        self.watch.answered(heard.identity)
        self.replies += 1
        for one in messages:
            for button in (button for row in one.buttons for button in row):
                self._buttons.append(button.data)
                tapped_by = split_tap(button.data)
                if tapped_by is not None and tapped_by[0] == "confirm":
                    state = self.desk.engine.state
                    self.watch.offered(tapped_by[2], heard.user_id, self.now_ns(), state)
        return self.replies

    async def callback(self, heard: Heard | Denied, text: str = "") -> None:
        """A toast; also for a button of another installation, if somebody allowed tapped it."""
        assert text is not None
        self.replies += 1
        identity = heard.identity if isinstance(heard, Heard) else f"tap:{heard.callback_id}"
        try:
            self.watch.answered(identity)
        except AssertionError as error:
            # The lane would only log it, where it answers an old button.
            self._faults.append(str(error))

    async def say(self, message: OutMessage) -> int:
        """A drill goes out."""
        assert message.plain
        return 1

    async def seen(self, alert_id: int, by: str) -> bool:
        """Somebody saw an alert."""
        return bool(by) and alert_id < 0

    def now(self) -> Stamp:
        """Both times."""
        return Stamp(self.desk.at_ns, self.desk.mono_ns)

    def now_ns(self) -> int:
        """UTC."""
        return self.desk.at_ns

    def mono_ns(self) -> int:
        """Monotonic."""
        return self.desk.mono_ns

    async def sleep(self, seconds: float) -> None:
        """Nothing here waits."""
        raise AssertionError(seconds)

    def call_later(self, delay_ns: int, _: object, /) -> None:
        """Nothing here waits."""
        raise AssertionError(delay_ns)

    # inside, the engine and its host

    def _ask_engine(self, engine: Engine) -> None:
        if self._answers is not None:
            self._answers.close()
        self._answers = Answers(
            AnswerGround(
                settings=_SETTINGS,
                engine=engine,
                stop=StopLoss(engine.state.rules.stop, engine.state.instruments),
                journal=self.ground.journal.path,
                alerts=self.ground.outbox,
                cycle=lambda: None,
                redact=Redactor(()),
                log_lines_lost=lambda: 0,
                version="0",
                now_ns=self.now_ns,
            )
        )
        self._questions = self._answers.questions()

    def _new_port(self) -> LocalPort:
        return LocalPort("test", self, self._take, self._sight, lambda: None, self._questions)

    def _take(self, event: Event) -> None:
        outcome = self.desk.process(event)
        if outcome.reply is not None:
            self._port.answered(outcome.reply)

    def _sight(self) -> Sight:
        return self.desk.sight

    def _command(self, command: Command) -> None:
        desk = self.desk
        desk.process(
            CommandReceived(desk.at_ns, desk.mono_ns, command, f"{HOST}{self._id()}", desk.sight)
        )

    def _touch(self) -> None:
        self.desk.touch()
        self.watch.touched()

    def _halt_file(self, *, stands: bool) -> None:
        self.desk.sense(halt_file=stands)
        self.watch.halt_file = stands

    def _mend(self) -> None:
        # Put back where it was gone, which is an act of the host's like a touch.
        mark = self.desk.host.file_mark
        if mark is None:
            self.watch.touched()
        self.desk.sense(
            env_flag=True,
            pairs={UPBIT_BINANCE: GOOD_PAIR},
            fresh_pairs=1,
            breakers=(),
            safety_holds=True,
            confirm_file_safe=True,
            confirm_file=True,
            file_mark=mark or FileMark(8, 21, 1, 1),
        )
        self._halt_file(stands=False)

    def _compare(self) -> None:
        """What the facts rebuild is what the engine knows."""
        again = LiveDesk(restored=self.desk.history, at_ns=self.desk.at_ns)
        ours, theirs = self.desk.engine.state, again.engine.state
        assert theirs.authority == ours.authority, "the facts tell of another authority"
        assert theirs.pauses.standing == ours.pauses.standing, "the facts tell of other pauses"
        assert standing(theirs) == standing(ours), "the facts tell of other trades"
        for name in LedgerName:
            one, other = ours.ledgers[name], theirs.ledgers[name]
            assert (one.balances, one.orders) == (other.balances, other.orders), name
            assert one.realised_krw == other.realised_krw, name
        assert theirs.breakers == ours.breakers, "the facts tell of other breakers"


_SETTINGS = Settings()
_ACTS = {"halt", "pause", "paper", "resume", "flatten", "close", "confirm", "prolong"}
_ACTS |= {"ack", "mute", "drill"}
_TURNS = 60
WEIGHTS = {
    "talk": 30,
    "ask_and_tap": 16,
    "strangers": 5,
    "again": 8,
    "bot_dies": 7,
    "engine_restarts": 3,
    "host": 7,
    "ceremony": 6,
    "market": 9,
    "cycles": 4,
    "time": 8,
}


def plan_of(seed: int, steps: int = STEPS_EACH) -> Plan:
    """What happens in the sequence of this seed."""
    random = Random(seed)
    names = random.choices(tuple(WEIGHTS), tuple(WEIGHTS.values()), k=steps)
    return tuple((name, random.randrange(2**32)) for name in names)


async def play(ground: Ground, plan: Plan) -> Counter[str]:
    """Play a plan from the beginning; what was seen on the way."""
    asyncio.get_running_loop().set_default_executor(ground.here)
    world = World(ground)
    await world.run(plan)
    return world.watch.counts


async def fault_of(ground: Ground, plan: Plan) -> tuple[str, list[str]]:
    """What a plan leads to that must not be, empty if nothing, and what was said on the way."""
    world = World(ground)
    try:
        await world.run(plan)
    except AssertionError as error:
        return str(error) or "an assertion", world.watch.trail
    return "", world.watch.trail


async def shortened(ground: Ground, plan: Plan) -> Plan:
    """The plan without the steps that it takes no part in, or as far as that is found."""
    fault, _ = await fault_of(ground, plan)
    number = len(plan)
    while number > 1:
        # The first one stays, as the clocks differ by it.
        number -= 1
        without = plan[:number] + plan[number + 1 :]
        if (await fault_of(ground, without))[0] == fault:
            plan = without
    return plan
