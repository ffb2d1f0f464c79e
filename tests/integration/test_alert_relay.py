"""The relay over a real journal: everything is delivered, in order, whatever the sink does."""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from trader.alerts import relay as relay_module
from trader.alerts.outbox import MIGRATIONS, Outbox
from trader.alerts.relay import DeliveryFailed, Relay, StubSink
from trader.domain.control import Alert, AlertCode, Language, Severity
from trader.domain.delivery import StoredAlert
from trader.domain.errors import JournalError
from trader.execution.database import open_reader
from trader.execution.journal import Journal

CRITICAL, WARNING, INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO


class Phone:
    """A sink that does as told: ``moods`` are raised one after the other, then all is taken."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.moods: list[Exception] = []
        self.hates: str | None = None
        self.sleeps = False
        self.on_taken: Callable[[], None] = lambda: None

    async def deliver(self, alert: StoredAlert) -> None:
        if self.sleeps:
            await asyncio.Event().wait()
        if self.moods:
            raise self.moods.pop(0)
        if alert.alert.key == self.hates:
            raise ValueError(alert.alert.key)
        self.taken.append(alert.alert.key)
        self.on_taken()


class Desk:
    """A journal with its outbox, a relay and a phone."""

    def __init__(self, journal: Journal, reader: sqlite3.Connection) -> None:
        self.journal = journal
        self.outbox = Outbox(journal, reader)
        self.wake = asyncio.Event()
        self.phone = Phone()
        self.relay = self.a_relay()

    def a_relay(self, deliver_timeout_s: float = 30) -> Relay:
        return Relay(
            self.outbox,
            self.phone,
            self.wake,
            first_backoff_s=0.001,
            deliver_timeout_s=deliver_timeout_s,
        )

    def enqueue(self, *keys: str, severity: Severity = INFO) -> None:
        alerts = [Alert(AlertCode.SUMMARY, severity, key, 0, {"message": key}) for key in keys]
        with self.journal.transaction() as tx:
            self.outbox.enqueue(tx, alerts)
        self.wake.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while True:
                if condition():
                    return
                await asyncio.sleep(0.001)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.relay.run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    path = tmp_path / "state" / "journal.db"
    with Journal.open(path, migrations={"outbox": MIGRATIONS}) as journal:
        reader = open_reader(journal.path, same_thread=True)
        yield Desk(journal, reader)
        reader.close()


class TestRun:
    async def test_delivers_what_waited_since_before_it_ran(self, desk: Desk) -> None:
        """A restart sends what the last process could not."""
        desk.enqueue("a", "b")
        desk.wake.clear()

        async with desk.running():
            await desk.until(lambda: desk.phone.taken == ["a", "b"])

        assert desk.outbox.pending_count() == 0
        assert desk.outbox.counts().sent == 2

    async def test_wakes_for_a_new_alert(self, desk: Desk) -> None:
        """Long before its bounded wait is over."""
        async with desk.running():
            await desk.until(lambda: not desk.wake.is_set())
            desk.enqueue("a")
            async with asyncio.timeout(relay_module.IDLE_S / 2):
                await desk.until(lambda: desk.phone.taken == ["a"])

    async def test_looks_by_itself_when_nobody_wakes_it(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A wake that got lost delays an alert and never strands it."""
        monkeypatch.setattr(relay_module, "IDLE_S", 0.001)
        async with desk.running():
            await asyncio.sleep(0)
            desk.enqueue("a")
            desk.wake.clear()
            await desk.until(lambda: desk.phone.taken == ["a"])

    async def test_a_critical_alert_overtakes_the_rest_of_a_batch(self, desk: Desk) -> None:
        """It came while infos were being sent, and goes next."""
        desk.enqueue("a", "b")
        alarm = iter([lambda: desk.enqueue("alarm", severity=CRITICAL)])
        desk.phone.on_taken = lambda: next(alarm, lambda: None)()

        await desk.relay.drain(10)

        assert desk.phone.taken == ["a", "alarm", "b"]

    async def test_tries_again_until_taken(
        self, desk: Desk, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Marked as delivered only then; the attempts are on record."""
        desk.phone.moods = [DeliveryFailed("no network"), DeliveryFailed("busy", 0.001)]
        desk.enqueue("a")

        async with desk.running():
            await desk.until(lambda: desk.phone.taken == ["a"])

        (stored,) = desk.outbox.recent(1)
        assert stored.attempts == 3
        assert "Telegram relay: alert 1 (summary) not delivered: no network" in caplog.text

    async def test_honours_retry_after(self, desk: Desk) -> None:
        """A sink that asks for an hour is left alone, however often it is woken."""
        desk.phone.moods = [DeliveryFailed("slow down", 3_600.0)]
        desk.enqueue("a")

        async with desk.running():
            await desk.until(lambda: not desk.phone.moods)
            desk.enqueue("b")
            for _ in range(20):
                await asyncio.sleep(0)

            assert desk.phone.taken == []

    async def test_survives_a_sink_that_breaks(
        self, desk: Desk, caplog: pytest.LogCaptureFixture
    ) -> None:
        """An alert it chokes on is logged and waits; the others are told."""
        desk.phone.hates = "poison"
        desk.enqueue("poison", severity=CRITICAL)
        desk.enqueue("a", "b")

        async with desk.running():
            await desk.until(lambda: desk.phone.taken == ["a", "b"])
            desk.phone.hates = None
            await desk.until(lambda: desk.phone.taken == ["a", "b", "poison"])

        assert "ValueError" in caplog.text

    async def test_survives_a_sink_that_never_answers(self, desk: Desk) -> None:
        """Each attempt has its bound."""
        desk.relay = desk.a_relay(deliver_timeout_s=0.01)
        desk.phone.sleeps = True
        desk.enqueue("a")

        async with desk.running():
            await desk.until(lambda: desk.outbox.recent(1)[0].attempts > 0)
            reason = desk.outbox.recent(1)[0].last_error
            desk.phone.sleeps = False
            await desk.until(lambda: desk.phone.taken == ["a"])

        assert reason == "not taken within 0.01 s"

    async def test_dies_with_its_database(self, desk: Desk) -> None:
        """A journal that cannot be written is the process's end, not a retry."""
        desk.enqueue("a")
        desk.phone.on_taken = desk.journal.close

        with pytest.raises(JournalError):
            await desk.relay.run()


class TestDrain:
    async def test_delivers_the_rest_before_the_end(self, desk: Desk) -> None:
        """Nothing is left for the next start without need."""
        desk.enqueue("a", "b")

        assert await desk.relay.drain(10) == 0
        assert desk.phone.taken == ["a", "b"]

    async def test_gives_up_at_the_first_failure(self, desk: Desk) -> None:
        """A shutdown does not wait for Telegram to come back."""
        desk.enqueue("a", "b")
        desk.phone.moods = [DeliveryFailed("no network", 3_600.0)]

        assert await desk.relay.drain(10) == 2

    async def test_gives_up_when_its_time_is_over(self, desk: Desk) -> None:
        """Even in the middle of a delivery."""
        desk.enqueue("a")
        desk.phone.sleeps = True

        assert await desk.relay.drain(0.01) == 1

    async def test_does_not_tell_twice_what_the_loop_is_telling(self, desk: Desk) -> None:
        """Drain and loop take turns."""
        desk.enqueue(*(str(n) for n in range(20)))

        async with desk.running():
            await desk.relay.drain(10)

        assert desk.phone.taken == [str(n) for n in range(20)]


class TestStubSink:
    @pytest.mark.parametrize(
        ("severity", "level"),
        [(CRITICAL, logging.ERROR), (WARNING, logging.WARNING), (INFO, logging.INFO)],
    )
    async def test_logs_each_alert_on_one_line(
        self, desk: Desk, caplog: pytest.LogCaptureFixture, severity: Severity, level: int
    ) -> None:
        """As it would have been sent, and delivered by that."""
        caplog.set_level(logging.INFO)
        desk.enqueue("오늘의 요약", severity=severity)

        left = await Relay(desk.outbox, StubSink(Language.KO), desk.wake).drain(10)

        assert left == 0
        (record,) = caplog.records
        assert (record.name, record.levelno) == ("trader.alerts", level)
        assert record.getMessage().startswith("Telegram (stub) | ")
        assert "| 오늘의 요약 |" in record.getMessage()
