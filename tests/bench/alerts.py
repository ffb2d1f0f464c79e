"""Alerts: from the event in the inbox to the Bot API's acceptance, under a full market."""

import asyncio
import random
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

from aiohttp import ClientSession
from msgspec.structs import replace

from bot.line import SystemClock
from bot.pacing import Pace
from bot.sender import Sender
from bot.store import Store
from bot.telegram import TelegramMessenger
from tests.bench.figures import Aim, Figure, collector_as_in_the_program, scaled, summed_up
from tests.bench.halt import flow, quotes_a_second
from tests.bench.scenes import quiet_engine
from tests.support.example_facts import DIRECTION, PAIR, a_refusal
from tests.support.telegram import PRIVATE, TOKEN, Sent, TelegramProcess, telegram_process
from trader.alerts.outbox import MIGRATIONS, Outbox
from trader.app.listeners import AlertDesk
from trader.credentials import Secret
from trader.domain.authority import Sight
from trader.domain.control import CheckName
from trader.domain.events import Event, FaultReported
from trader.domain.facts import Fact, StopLossTriggered
from trader.domain.order import ApprovedOrder, LedgerName, PairName, TradeId
from trader.engine.engine import Engine, Outcome
from trader.execution.journal import Journal
from trader.port.local import LocalPort
from trader.port.settings import BotSettings
from trader.runtime import Inbox, Runtime
from trader.runtime import SystemClock as EngineClock

_INBOX_BOUND = 100_000
_GAP_S = 0.06
_WITHIN_S = 10.0
_NAME = "bench"
_STOP, _BLOCK, _BARE = "stop", "block", "bare"


def alerts(scale: float) -> list[Figure]:
    """A stop-loss and a block, each to the chat; beside them a bare POST of as many bytes."""
    rounds = scaled(300, scale)
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as directory,
        telegram_process(Path(directory) / "telegram.jsonl") as telegram,
    ):
        began = asyncio.run(_told(rounds, Path(directory), telegram))
        sent = telegram.sent
    took = _milliseconds(began, sent)
    market = f"{quotes_a_second():,} quotes a second flowing, to the Bot API's acceptance"
    aim = Aim(1_000)
    return [
        summed_up(
            f"alerts.{kind}",
            f"{market}: {what}",
            "ms",
            [took[kind]],
            None if kind == _BARE else aim,
            aims_at_worst=kind != _BARE,
        )
        for kind, what in (
            (_STOP, "a stop-loss, from its event in the inbox"),
            (_BLOCK, "a guard block, from its event in the inbox"),
            (_BARE, "a bare POST on the same loop"),
        )
    ]


class _Unhurried(Pace):
    """Telegram's own limit is left out: alerts are seconds apart, the samples need not be."""

    def ready_ns(self, now_ns: int, *, critical: bool) -> int:  # noqa: ARG002 - whoever it is for
        """At once, unless the chat asked for a pause."""
        return max(now_ns, self.held_until_ns or 0)


class _Deciding:
    """The engine; of events that ask for it, the fact is made here, which costs it nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def process(self, event: Event) -> Outcome:
        """What the event led to."""
        if not isinstance(event, FaultReported):
            return self._engine.process(event)
        return Outcome((_fact(event.where, event.message, event.at_ns),))


def _fact(kind: str, name: str, at_ns: int) -> Fact:
    if kind == _BLOCK:
        refusal = a_refusal(CheckName.SLIPPAGE)
        decision = replace(refusal.decision, at_ns=at_ns)
        return replace(refusal, at_ns=at_ns, pair=PairName(name), decision=decision)
    return StopLossTriggered(
        at_ns, LedgerName.PAPER, TradeId(name), PAIR, DIRECTION, Decimal(-1_500), Decimal(-1_200)
    )


class _NoDoor:
    def dispatch(self, _orders: Sequence[ApprovedOrder], /) -> None:
        """Nothing."""

    def shut(self) -> None:
        """The run is over."""


async def _told(rounds: int, directory: Path, telegram: TelegramProcess) -> dict[str, int]:
    """When each name's event was put, or its POST begun: monotonic nanoseconds."""
    inbox, committed, clock = Inbox(_INBOX_BOUND), asyncio.Event(), EngineClock()
    settings = BotSettings(
        _NAME,
        str(directory),
        "Asia/Seoul",
        telegram_enabled=True,
        token=Secret(TOKEN),
        chat_id=str(PRIVATE),
        api_base=telegram.base,
    )
    messenger, store = TelegramMessenger(settings), Store(directory / "bot.db")
    with Journal.open(directory / "journal.db", migrations={"outbox": MIGRATIONS}) as journal:
        outbox = Outbox(journal, journal)
        port = LocalPort(
            _NAME,
            clock,
            inbox.put,
            lambda: Sight(0, None),
            lambda: None,
            {},
            alerts=outbox,
            committed=committed,
        )
        sender = Sender(port, messenger, store, settings, SystemClock(), pace=_Unhurried())
        engine = _Deciding(quiet_engine())
        desk = AlertDesk(outbox, committed)
        runtime = Runtime(inbox, engine, journal, desk, _NoDoor(), ())  # type: ignore[arg-type]  # of the engine only process is called
        tasks = [asyncio.create_task(part) for part in (runtime.run(), flow(inbox), sender.run())]
        async with ClientSession() as session:
            await _bare(session, telegram, "warm")
            with collector_as_in_the_program():
                began = await _rounds(rounds, inbox, session, telegram)
            async with asyncio.timeout(_WITHIN_S):
                while outbox.pending_count():  # noqa: ASYNC110 - news are for the sender alone
                    await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)
        await messenger.close()
        store.close()
    return began


async def _rounds(
    rounds: int, inbox: Inbox, session: ClientSession, telegram: TelegramProcess
) -> dict[str, int]:
    began: dict[str, int] = {}
    # At other moments of the market's slices each time.
    draw = random.Random(7)
    for number in range(rounds):
        for kind in (_STOP, _BLOCK):
            await asyncio.sleep(_GAP_S * draw.uniform(0.5, 1.5))
            name = f"{kind}-{number:06}"
            began[name] = time.monotonic_ns()
            inbox.put(FaultReported(time.time_ns(), began[name], kind, name))
        await asyncio.sleep(_GAP_S * draw.uniform(0.5, 1.5))
        name = f"{_BARE}-{number:06}"
        began[name] = time.monotonic_ns()
        await _bare(session, telegram, name)
    return began


async def _bare(session: ClientSession, telegram: TelegramProcess, name: str) -> None:
    body = {"chat_id": PRIVATE, "text": f"{name} {'x' * 300}"}
    async with session.post(f"{telegram.base}/bot{TOKEN}/sendMessage", json=body) as answer:
        assert answer.status == 200, await answer.text()


def _milliseconds(began: dict[str, int], sent: Sequence[Sent]) -> dict[str, list[float]]:
    """From each beginning to its acceptance, which the server's own record tells."""
    took: dict[str, list[float]] = {_STOP: [], _BLOCK: [], _BARE: []}
    left = dict(began)
    for message in sent:
        for name in [name for name in left if name in message.text]:
            took[name.partition("-")[0]].append((message.mono_ns - left.pop(name)) / 1e6)
    assert not left, f"{len(left)} never arrived"
    return took
