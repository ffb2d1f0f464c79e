"""Fault: Telegram is away for a day, in which 100,000 alerts are raised.

On a clock that passes when told; journal, outbox, store and sender are the real ones, with the real
files. ``ALERT_OUTAGE`` is how many alerts; of a thousand one is critical and nine are warnings.
"""

import gc
import os
import re
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
import pytest_asyncio

from bot.messenger import SendFailed
from tests.support.alert_chain import AlertChain, chain_settings
from tests.support.fake_clock import FakeClock
from tests.support.fake_messenger import FakeMessenger, Taken
from tests.support.telegram import PRIVATE, SUPERGROUP
from trader.alerts.outbox import FOLD_ROWS, MAX_PENDING_INFO, TIDY_EVERY
from trader.domain.control import Alert, AlertCode, Severity

pytestmark = pytest.mark.slow

ALERTS = int(os.environ.get("ALERT_OUTAGE", "100000"))
DAY_S = 24 * 3_600
STEPS = 24 * 12
MAX_TABLES_BYTES = 2_000_000
MAX_FILES_BYTES = 45_000_000
"""While they are open: the write-ahead logs have bounds of 33 and 4 MB, which commits of a day
within ten seconds reach."""
MAX_GROWTH_BYTES = 10_000_000
MAX_NEW_OBJECTS = 20_000
_LAST_STEPS = 12

_DIGEST_KIND = re.compile(r"• (.+): ([\d,]+) \((.+) – (.+)\)")
_COUNTER = re.compile(r"×([\d,]+), last")


class Plan(NamedTuple):
    """How many alerts there are; ``keys`` is how many of the warnings differ, the others join."""

    alerts: int

    @property
    def criticals(self) -> int:
        return self.alerts // 1_000

    @property
    def warnings(self) -> int:
        return self.alerts * 9 // 1_000

    @property
    def infos(self) -> int:
        return self.alerts - self.criticals - self.warnings

    @property
    def keys(self) -> int:
        return self.warnings // 3

    @property
    def messages(self) -> int:
        """Each critical, each different warning, and the digest."""
        return self.criticals + self.keys + 1

    def of(self, step: int) -> list[Alert]:
        """What is raised in one step of the day, all kinds mixed."""

        def part(number: int) -> range:
            return range(number * step // STEPS, number * (step + 1) // STEPS)

        queues = [
            [a_critical(number) for number in part(self.criticals)],
            [a_warning(number, self.keys) for number in part(self.warnings)],
            [an_info(number) for number in part(self.infos)],
        ]
        # Shuffled among each other, but each kind in the order of its numbers.
        turns = [kind for kind, queue in enumerate(queues) for _ in queue]
        Random(step).shuffle(turns)
        each = [iter(queue) for queue in queues]
        return [next(each[kind]) for kind in turns]


class Day(NamedTuple):
    """What the outage left, and what came of it. ``told_s`` is how long all the telling took."""

    plan: Plan
    taken: Sequence[Taken]
    files_bytes: int
    tables_bytes: int
    growth_bytes: int
    new_objects: int
    most_waiting: int
    left: int
    sent: int
    told_s: float


def a_critical(number: int) -> Alert:
    """A stop-loss."""
    name = f"c-{number:06}"
    fields = {"pair": name, "trade_id": name, "direction": "buys", "change_krw": "-1500"}
    return Alert(AlertCode.STOP_LOSS, Severity.CRITICAL, f"stop_loss:{name}", number, fields)


def a_warning(number: int, keys: int) -> Alert:
    """One of so many stale feeds."""
    name = f"w-{number % keys:06}"
    fields = {"instrument": name, "age_ms": "3200"}
    return Alert(AlertCode.FEED_STALE, Severity.WARNING, f"feed_stale:{name}", number, fields)


def an_info(number: int) -> Alert:
    """A trade that was opened or closed, in turn."""
    name = f"i-{number:06}"
    fields = {"pair": name, "trade_id": name, "direction": "buys"}
    code = AlertCode.TRADE_CLOSED if number % 2 else AlertCode.TRADE_OPENED
    return Alert(code, Severity.INFO, f"{code}:{name}", number, fields)


async def a_day_without(path: Path, chat_id: int, plan: Plan) -> Day:
    """A day's alerts with Telegram away, then Telegram back until all is told."""
    clock = FakeClock()
    chat = FakeMessenger(clock)
    chain = AlertChain(path, chain_settings("", chat_id=str(chat_id)), chat, clock)
    chain.start()
    try:
        await clock.advance(1)
        chat.broken = SendFailed("away")
        objects, most = len(gc.get_objects()), 0
        for step in range(STEPS):
            if step == STEPS - _LAST_STEPS:
                # Of what was kept until here the objects tell; tracing all day would take minutes.
                new_objects = len(gc.get_objects()) - objects
                tracemalloc.start()
            alerts = plan.of(step)
            for start in range(0, len(alerts), 25):
                chain.commit(*alerts[start : start + 25])
                most = max(most, chain.outbox.pending_count())
            await clock.advance(DAY_S / STEPS)
        chat.broken = None
        back = clock.mono_ns()
        for _ in range(400):
            await clock.advance(10)
            if not chain.waiting:
                break
        _, peak = tracemalloc.get_traced_memory()
        counts = chain.outbox.counts()
    finally:
        tracemalloc.stop()
        await chain.stop()
        files = _size_of(path)
        chain.close()
    told_s = (chat.taken[-1].mono_ns - back) / 1e9
    left = counts.pending + counts.folded
    tables = _size_of(path)
    return Day(plan, chat.taken, files, tables, peak, new_objects, most, left, counts.sent, told_s)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def private(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Day]:
    """The day told to one person."""
    yield await a_day_without(tmp_path_factory.mktemp("private"), PRIVATE, Plan(ALERTS))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def group(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Day]:
    """A tenth of it told to a group."""
    yield await a_day_without(tmp_path_factory.mktemp("group"), SUPERGROUP, Plan(ALERTS // 10))


class TestADayWithoutTelegram:
    def test_keeps_files_small(self, private: Day) -> None:
        """As large as what is worth keeping, not as what happened."""
        kept = private.plan.criticals + private.plan.keys

        assert private.files_bytes < MAX_FILES_BYTES
        assert private.tables_bytes < MAX_TABLES_BYTES
        assert private.most_waiting <= MAX_PENDING_INFO + TIDY_EVERY + FOLD_ROWS + kept

    def test_keeps_memory_small(self, private: Day) -> None:
        """The queue lives on disk."""
        assert private.growth_bytes < MAX_GROWTH_BYTES
        assert private.new_objects < MAX_NEW_OBJECTS

    def test_tells_criticals_first_and_singly(self, private: Day) -> None:
        """Each in a message of its own, with sound, in their order."""
        criticals = private.plan.criticals
        first = private.taken[:criticals]

        expected = [f"c-{number:06}" for number in range(criticals)]
        assert [_names(one.message.plain) for one in first] == [[name] for name in expected]
        assert all(one.kind == "send" and not one.message.silent for one in first)

    def test_tells_warnings_next_with_their_counters(self, private: Day) -> None:
        """Equal ones are one message that says how many they are."""
        plan = private.plan
        next_ones = private.taken[plan.criticals : plan.messages - 1]

        assert all(one.kind == "send" for one in next_ones)
        names = [_names(one.message.plain) for one in next_ones]
        assert names == [[f"w-{number:06}"] for number in range(plan.keys)]
        counters = [_COUNTER.search(one.message.plain) for one in next_ones]
        counts = [int(found[1].replace(",", "")) if found else 1 for found in counters]
        assert sum(counts) == plan.warnings

    def test_tells_the_low_ones_in_one_digest_that_adds_up(self, private: Day) -> None:
        """One message, silent, the last of all: how many of each kind, and when."""
        plan = private.plan
        (digest,) = private.taken[plan.messages - 1 :]

        assert digest.kind == "send"
        assert digest.message.silent
        kinds = {found[1]: found for found in _DIGEST_KIND.finditer(digest.message.plain)}
        counts = {kind: int(found[2].replace(",", "")) for kind, found in kinds.items()}
        assert counts == {
            "trade opened": plan.infos - plan.infos // 2,
            "trade closed": plan.infos // 2,
        }
        assert f"{plan.infos:,} older notices in one" in digest.title

    def test_leaves_nothing_behind(self, private: Day) -> None:
        """The ledger agrees: everything that was created was sent."""
        assert (private.left, private.sent) == (0, private.plan.alerts)

    def test_keeps_to_one_message_a_second(self, private: Day) -> None:
        """No second sees more than one, but for the one in reserve; it takes no longer than that.

        The back-off of a minute may lie between Telegram's return and the first message.
        """
        times = [one.mono_ns for one in private.taken]

        assert _most_within(times, 1.0) <= 2
        assert all(_most_within(times, span) <= span + 1 for span in (5.0, 30.0, 120.0))
        assert private.told_s < private.plan.messages * 1.05 + 62


class TestADayWithoutTelegramForAGroup:
    def test_keeps_to_twenty_a_minute(self, group: Day) -> None:
        """No minute sees more than twenty messages; what is critical still comes first."""
        plan, times = group.plan, [one.mono_ns for one in group.taken]

        assert len(group.taken) == plan.messages
        assert all("🚨" in one.title for one in group.taken[: plan.criticals])
        assert _most_within(times, 60.0) <= 20
        assert group.told_s < plan.messages * 3.4 + 62
        assert (group.left, group.sent) == (0, plan.alerts)


def _size_of(directory: Path) -> int:
    return sum(one.stat().st_size for one in directory.iterdir())


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"\b[cwi]-\d{6}\b", text)))


def _most_within(times_ns: Sequence[int], seconds: float) -> int:
    """The most messages that any span of this length holds."""
    most = first = 0
    for last, at_ns in enumerate(times_ns):
        while times_ns[first] <= at_ns - seconds * 1e9:
            first += 1
        most = max(most, last - first + 1)
    return most
