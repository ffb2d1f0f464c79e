"""The second way out and the dead man's switch."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping

import pytest

from bot.backup import Address, Backup
from bot.messenger import SendFailed
from tests.support.fake_clock import FakeClock
from tests.support.fake_port import FakePort
from tests.support.sender_desk import a_critical, a_warning, some_settings
from trader.credentials import Secret
from trader.domain.delivery import DeliveryNote, NoteKind

_NS = 1_000_000_000
HOOK, SWITCH = "https://hook.example/s3cret", "https://switch.example/s3cret"


class FakeWeb:
    """Takes everything, unless ``broken``."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.posts: list[Mapping[str, object]] = []
        self.visits: list[int] = []
        self.requests = 0
        self.broken = False

    async def post(self, url: Address, payload: Mapping[str, object], timeout_s: float, /) -> None:
        assert (url.reveal(), timeout_s) == (HOOK, 5.0)
        self._answer()
        self.posts.append(payload)

    async def fetch(self, url: Address, timeout_s: float, /) -> None:
        assert (url.reveal(), timeout_s) == (SWITCH, 5.0)
        self._answer()
        self.visits.append(self._clock.mono_ns())

    def _answer(self) -> None:
        self._clock.busy += 1
        self.requests += 1
        if self.broken:
            raise SendFailed("webhook answered 500")


class FirstWay:
    """What the sender knows."""

    def __init__(self) -> None:
        self.answered_mono: int | None = None
        self.told: set[tuple[int, int]] = set()

    def has_told(self, alert_id: int, created_ns: int) -> bool:
        return (alert_id, created_ns) in self.told


class Desk:
    """A backup that runs."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.port = FakePort(self.clock)
        self.web = FakeWeb(self.clock)
        self.first = FirstWay()

    def backed_up(self) -> list[int]:
        """The alerts whose second way out is in the ledger."""
        return [note.alert_id for note in self.port.notes if note.kind is NoteKind.BACKUP]


@contextlib.asynccontextmanager
async def a_desk(**settings: object) -> AsyncIterator[Desk]:
    desk = Desk()
    urls = {"webhook_url": Secret(HOOK), "deadman_url": Secret(SWITCH)} | settings
    backup = Backup(desk.port, desk.web, desk.first, some_settings(**urls), desk.clock)
    task = asyncio.create_task(backup.run())
    try:
        yield desk
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class TestWebhook:
    async def test_takes_a_critical_that_waited_a_minute_once(self) -> None:
        """Not sooner, not twice, and the ledger knows; the alert still waits for Telegram."""
        async with a_desk() as desk:
            desk.port.tell(a_critical())
            desk.port.tell(a_warning())
            await desk.clock.advance(59)
            assert desk.web.posts == []
            await desk.clock.advance(4)
            await desk.clock.advance(600)

            (payload,) = desk.web.posts
            assert desk.backed_up() == [1]
            assert (await desk.port.alerts(9, "main")).total == 2
        assert payload["code"] == "leg_unhedged"
        assert payload["severity"] == "critical"
        assert payload["engine"] == "main"
        assert payload["id"] == 1
        assert str(payload["text"]).startswith(str(payload["title"]))

    async def test_is_not_asked_for_what_telegram_took(self) -> None:
        """Also where the engine does not know yet that it did."""
        async with a_desk() as desk:
            desk.port.tell(a_critical("a"))
            desk.port.tell(a_critical("b"))
            desk.first.told = {(2, (await desk.port.alerts(9, "main")).alerts[1].created_ns)}
            await desk.port.acknowledge([DeliveryNote(1, NoteKind.SENT, 0)], "main")
            await desk.clock.advance(300)

        assert desk.web.requests == 0

    async def test_takes_what_only_shares_its_number_with_a_told_one(self) -> None:
        """Told was number one of another outbox: this one nobody has heard of."""
        async with a_desk() as desk:
            desk.first.told = {(1, desk.clock.now_ns() - 1)}
            desk.port.tell(a_critical())
            await desk.clock.advance(70)

        assert len(desk.web.posts) == 1

    async def test_is_tried_again_with_back_off(self) -> None:
        """Nothing is lost when it is away, and it is not hammered."""
        async with a_desk() as desk:
            desk.web.broken = True
            desk.port.tell(a_critical("a"))
            desk.port.tell(a_critical("b"))
            await desk.clock.advance(60 + 600)
            assert 10 <= desk.web.requests <= 20

            desk.web.broken = False
            await desk.clock.advance(70)

        assert [payload["id"] for payload in desk.web.posts] == [1, 2]

    async def test_a_clock_that_steps_back_does_not_delay_it(self) -> None:
        """The minute is counted by the monotonic clock as well."""
        async with a_desk() as desk:
            desk.port.tell(a_critical())
            await desk.clock.advance(30)
            desk.clock.step_wall(-3_600)
            await desk.clock.advance(34)

        assert len(desk.web.posts) == 1

    async def test_is_not_asked_twice_by_a_deaf_engine(self) -> None:
        """It took the alert, and the engine hears of it when it can."""
        async with a_desk() as desk:
            desk.port.tell(a_critical())
            desk.port.deaf = True
            await desk.clock.advance(300)
            assert desk.backed_up() == []
            desk.port.deaf = False
            await desk.clock.advance(5)

        assert len(desk.web.posts) == 1
        assert desk.backed_up() == [1]

    async def test_reaches_past_those_it_took(self) -> None:
        """Hundreds that wait for Telegram alone do not hide the next one."""
        async with a_desk() as desk:
            for number in range(250):
                desk.port.tell(a_critical(f"t-{number}"))
            await desk.clock.advance(70)

        assert len(desk.web.posts) == 250

    async def test_without_an_address_nothing_runs(self) -> None:
        """Unset costs nothing."""
        async with a_desk(webhook_url=Secret(), deadman_url=Secret()) as desk:
            desk.port.tell(a_critical())
            await desk.clock.advance(300)

        assert desk.web.requests == 0


class TestDeadman:
    async def test_is_visited_each_minute_while_both_work(self) -> None:
        """An engine that answers and a Telegram that lately did."""
        async with a_desk() as desk:
            for _ in range(10):
                desk.first.answered_mono = desk.clock.mono_ns()
                await desk.clock.advance(60)

        assert 10 <= len(desk.web.visits) <= 11

    async def test_is_not_visited_while_telegram_is_silent(self) -> None:
        """Two minutes without an answer, or never one: somebody should look."""
        async with a_desk() as desk:
            await desk.clock.advance(300)
            assert desk.web.visits == []

            desk.first.answered_mono = desk.clock.mono_ns()
            await desk.clock.advance(600)

        assert len(desk.web.visits) == 2

    async def test_is_not_visited_while_the_engine_is_away(self) -> None:
        """A bot alone is not what is watched."""
        async with a_desk() as desk:
            desk.port.down = True
            for _ in range(5):
                desk.first.answered_mono = desk.clock.mono_ns()
                await desk.clock.advance(60)

        assert desk.web.visits == []

    async def test_without_telegram_is_not_visited_and_says_so_once(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A log that takes everything is no proof that the operator can be told."""
        desk = Desk()
        desk.first.answered_mono = desk.clock.mono_ns()
        settings = some_settings(deadman_url=Secret(SWITCH), telegram_enabled=False)
        backup = Backup(desk.port, desk.web, desk.first, settings, desk.clock)

        async with asyncio.timeout(5):
            await backup.run()
            await backup.run()

        assert desk.web.visits == []
        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        assert "dead man's switch" in record.getMessage()

    async def test_says_once_that_it_is_away(self, caplog: pytest.LogCaptureFixture) -> None:
        """A line when it begins, and never the address."""
        async with a_desk() as desk:
            desk.web.broken = True
            for _ in range(5):
                desk.first.answered_mono = desk.clock.mono_ns()
                await desk.clock.advance(60)

        assert len(caplog.records) == 1
        assert "s3cret" not in caplog.text
