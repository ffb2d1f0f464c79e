"""The poller against the local Bot API: outages, rivals, stalls, crashes; it always comes back."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from bot.line import SystemClock
from bot.messenger import Refused
from bot.polling import Batch, Pauses, Poller, connect
from bot.updates import Denied, DenyReason, Heard
from tests.support.control_desk import ControlDesk, control_desk
from tests.support.telegram import (
    CHANNEL,
    PRIVATE,
    STRANGER,
    SUPERGROUP,
    TOKEN,
    Telegram,
    TelegramServer,
    faults,
    served,
)
from trader.credentials import Secret
from trader.port import BotHealth
from trader.port.settings import BotSettings

PAUSES = Pauses(
    poll_s=1,
    margin_s=4.0,
    probe_s=0.2,
    trouble_s=(0.02, 0.1),
    conflict_s=(0.05, 0.2),
    retry_s=0.01,
)
SECRET_PART = TOKEN.split(":")[1]
POLL = ("getUpdates",)


class Ear:
    """A poller at work, and what it heard. ``mood`` may fail or wait before a batch is taken."""

    def __init__(self, base: str, token: str = TOKEN, pauses: Pauses = PAUSES) -> None:
        self.heard: list[str] = []
        self.denied: list[DenyReason] = []
        self.reports: list[BotHealth] = []
        self.skipped: list[str] = []
        self.mood: Callable[[Batch], None] = lambda _: None
        self.changed = asyncio.Event()
        self.settings = some_settings(base, token)
        self.poller = Poller(
            self.settings,
            "inst",
            self._on_batch,
            self._report,
            self._skip,
            SystemClock(),
            pauses=pauses,
        )

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until what was heard or reported makes this true."""
        async with asyncio.timeout(20):
            while not holds():
                self.changed.clear()
                await self.changed.wait()

    @property
    def well(self) -> bool:
        """Whether the newest report says so."""
        return bool(self.reports) and not self.reports[-1].refused

    async def _on_batch(self, batch: Batch) -> None:
        self.changed.set()
        self.mood(batch)
        self.heard += [update.text for update in batch if isinstance(update, Heard)]
        self.denied += [update.why for update in batch if isinstance(update, Denied)]

    def _report(self, health: BotHealth) -> None:
        self.reports.append(health)
        self.changed.set()

    async def _skip(self, update: Heard | Denied, why: str) -> None:
        assert isinstance(update, Heard)
        self.skipped.append(f"{update.text}: {why}")
        self.changed.set()


def some_settings(base: str, token: str = TOKEN) -> BotSettings:
    return BotSettings(
        "engine",
        "state",
        "UTC",
        telegram_enabled=True,
        token=Secret(token),
        chat_id=str(PRIVATE),
        api_base=base,
    )


@asynccontextmanager
async def listening(base: str, token: str = TOKEN, pauses: Pauses = PAUSES) -> AsyncIterator[Ear]:
    ear = Ear(base, token, pauses)
    task = asyncio.ensure_future(ear.poller.run())
    try:
        yield ear
    finally:
        await ended(task)


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest_asyncio.fixture
async def api() -> AsyncIterator[Telegram]:
    async with served() as world:
        yield world


@pytest.fixture(autouse=True)
def no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever goes wrong, the token is not in a log."""
    caplog.set_level(logging.INFO)
    yield
    assert SECRET_PART not in caplog.text


class TestHearing:
    async def test_hears_operators_and_takes_note_of_strangers(self, api: Telegram) -> None:
        """In order; each update arrives, and none twice."""
        api.says("/halt now")
        message_id = api.rooms[PRIVATE].next_message_id - 1
        api.says("/halt", SUPERGROUP, STRANGER)
        api.says("/halt", CHANNEL)
        api.rewrites(message_id, "/resume")
        api.says("/halt", forwarded=True)
        api.says("긴급정지")

        async with listening(api.base) as ear:
            await ear.until(lambda: len(ear.heard) == 2)
            api.says("/status")
            await ear.until(lambda: len(ear.heard) == 3)

            assert ear.heard == ["/halt now", "긴급정지", "/status"]
            assert ear.denied == [
                DenyReason.OTHER_CHAT,
                DenyReason.CHANNEL,
                DenyReason.EDITED,
                DenyReason.FORWARDED,
            ]
            await ear.until(lambda: not api.waiting_updates)

    async def test_hears_a_tap_with_its_message(self, api: Telegram) -> None:
        """As Telegram writes it."""
        async with listening(api.base) as ear:
            await ear.until(lambda: ear.well)
            api.taps(5, "halt:inst:")
            await ear.until(lambda: len(ear.heard) == 1)

    async def test_confirms_only_what_was_handled(self, api: Telegram) -> None:
        """While a batch is in hand it still waits at Telegram."""
        waiting: list[int] = []
        api.says("/halt")
        async with listening(api.base) as ear:
            ear.mood = lambda _: waiting.append(len(api.waiting_updates))
            await ear.until(lambda: len(ear.heard) == 1)

            assert waiting == [1]
            await ear.until(lambda: not api.waiting_updates)

    async def test_hears_on_after_ids_began_anew(self, api: Telegram) -> None:
        """As they do after a quiet week, also below the last one."""
        async with listening(api.base) as ear:
            api.says("first")
            await ear.until(lambda: ear.heard == ["first"] and not api.waiting_updates)
            await polled_again(api, 2)
            api.updates.next_id = 3
            api.says("second")

            await ear.until(lambda: ear.heard == ["first", "second"])


class TestTrouble:
    async def test_away_at_start(self, caplog: pytest.LogCaptureFixture) -> None:
        """Nobody listens at the port; then somebody does, with what was written meanwhile."""
        server = TelegramServer(Telegram())
        await server.start()
        await server.stop()
        server.api.says("/halt")
        async with listening(server.api.base) as ear:
            await eventually(lambda: "not reached" in caplog.text)
            assert ear.reports == []
            await server.start()

            await ear.until(lambda: ear.heard == ["/halt"])
            await ear.until(lambda: ear.well)
        await server.stop()

    @pytest.mark.parametrize(
        "fault",
        [
            faults.bad_gateway(),
            faults.error(500, "Internal Server Error"),
            faults.error(400, "Bad Request: whatever"),
            faults.too_many(1),
            faults.RESET,
            faults.raw(200, b"<html>login to this wireless network"),
            faults.raw(200, b'{"ok": true, "result": 5}'),
            faults.raw(200, b'{"ok": true, "result": [{"update_id": 1'),
            faults.raw(200, b"\xff\xfe"),
            faults.raw(302, b""),
        ],
    )
    async def test_comes_back_after_any_bad_answer(
        self, api: Telegram, fault: faults.Fault
    ) -> None:
        """Nothing is lost and nothing comes twice."""
        async with listening(api.base) as ear:
            await ear.until(lambda: ear.well)
            api.faults.then(fault, fault, methods=POLL)
            api.says("/pause")
            api.says("/resume")

            await ear.until(lambda: len(ear.heard) == 2)
            assert ear.heard == ["/pause", "/resume"]

    async def test_a_stalled_poll_is_given_up(self, api: Telegram) -> None:
        """An answer that never comes costs its time and a margin, no more."""
        pauses = Pauses(poll_s=1, margin_s=0.2, trouble_s=(0.02, 0.1))
        api.faults.then(faults.HANG, methods=POLL)
        api.says("/halt")
        async with listening(api.base, pauses=pauses) as ear:
            await ear.until(lambda: ear.heard == ["/halt"])

    async def test_a_revoked_token_is_probed(
        self, api: Telegram, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Refused in health, one line, and back when it is good again."""
        async with listening(api.base) as ear:
            await ear.until(lambda: ear.well)
            api.faults.always(faults.unauthorized())
            api.says("/halt")
            await ear.until(lambda: not ear.well)
            await ear.until(lambda: len([r for r in ear.reports if r.refused]) > 3)
            api.faults.clear()

            await ear.until(lambda: ear.heard == ["/halt"] and ear.well)
            refused = [line for line in caplog.messages if "refused" in line]
            assert refused == ["Telegram: updates are refused: Telegram answered 401: Unauthorized"]

    @pytest.mark.parametrize("token", ["no token", "7000000001:" + "x" * 35])
    async def test_a_wrong_token_is_refused(self, api: Telegram, token: str) -> None:
        """One without the form of a token, and one that nobody knows."""
        async with listening(api.base, token) as ear:
            await ear.until(lambda: len(ear.reports) > 1)

            assert all(report.refused and report.polled_ns is None for report in ear.reports)

    async def test_a_rival_with_our_token(
        self, api: Telegram, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Loud, refused in health, and we go on as soon as it is gone."""
        async with listening(api.base) as ear:
            await ear.until(lambda: ear.well)
            rival = await connect(some_settings(api.base))

            async def poll() -> None:
                while True:
                    with contextlib.suppress(Refused):
                        await rival.updates(None, 50, 1, 10.0)

            polling = asyncio.ensure_future(poll())
            await ear.until(lambda: not ear.well)
            assert "someone else polls with this token" in caplog.text
            await ended(polling)
            await rival.close()

            api.says("/halt")
            await ear.until(lambda: "/halt" in ear.heard and ear.well)

    async def test_a_webhook_is_removed(self, api: Telegram) -> None:
        """It was left by another program, and would keep everything from us."""
        api.webhook_url = "https://example.invalid/hook"
        api.says("/halt")
        async with listening(api.base) as ear:
            await ear.until(lambda: ear.heard == ["/halt"])

        assert api.webhook_url == ""

    async def test_a_poisonous_update_is_passed_over(self, api: Telegram) -> None:
        """It stops neither those before nor those after it."""

        def choke(batch: Batch) -> None:
            if any(isinstance(update, Heard) and update.text == "poison" for update in batch):
                raise ZeroDivisionError

        for text in ("/pause", "poison", "/halt"):
            api.says(text)
        async with listening(api.base) as ear:
            ear.mood = choke
            await ear.until(lambda: ear.heard == ["/pause", "/halt"])

            assert ear.skipped == ["poison: ZeroDivisionError"]
            await ear.until(lambda: not api.waiting_updates)


class TestSecrecy:
    async def test_the_token_is_in_nothing_that_is_said(
        self, api: Telegram, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Not even where an answer repeats it."""
        api.faults.then(faults.error(403, f"Forbidden: bot{TOKEN} is blocked"))
        async with listening(api.base) as ear:
            await ear.until(lambda: bool(ear.reports))

            assert ear.reports[0].refused.endswith("bot*** is blocked")
        assert "bot*** is blocked" in caplog.text

    async def test_no_redirect_is_followed(self) -> None:
        """Whoever redirects is not Telegram, and must not lead the token elsewhere."""
        asked: list[str] = []

        async def answer(request: web.Request) -> web.Response:
            asked.append(request.path)
            raise web.HTTPTemporaryRedirect(f"/elsewhere{request.path}")

        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with listening(f"http://127.0.0.1:{runner.addresses[0][1]}"):
            await eventually(lambda: len(asked) >= 2)
        await runner.cleanup()

        assert not any("elsewhere" in path for path in asked)


class TestEnd:
    async def test_a_cancelled_poller_leaves_nothing_behind(self, api: Telegram) -> None:
        """No task, no connection, no poll that would take the next one's updates."""
        before = asyncio.all_tasks()
        async with listening(api.base) as ear:
            await ear.until(lambda: ear.well)
            await polled_again(api, 2)
        api.says("/halt")

        async with listening(api.base) as second:
            await second.until(lambda: second.heard == ["/halt"])
            assert ear.heard == []
            assert all(not report.refused for report in second.reports)
        ours = [task for task in asyncio.all_tasks() - before if "bot" in repr(task.get_coro())]
        assert ours == []

    async def test_touches_no_signal(self, api: Telegram) -> None:
        """They are the engine's; a poller off the main thread could not even try."""
        results: list[list[str]] = []

        def elsewhere() -> None:
            async def work() -> None:
                async with listening(api.base) as ear:
                    await ear.until(lambda: bool(ear.heard))
                    results.append(ear.heard)

            asyncio.run(work())

        api.says("/halt")
        thread = threading.Thread(target=elsewhere)
        thread.start()
        await asyncio.to_thread(thread.join)

        assert results == [["/halt"]]


class TestWithTheLane:
    async def test_a_crash_before_the_confirmation_repeats_nothing(
        self, api: Telegram, tmp_path: Path
    ) -> None:
        """Handled, not confirmed, delivered again to the next start: one halt in all."""
        api.says("/halt")
        api.says("/pause")
        halts = 0
        for confirms in (False, False, True):
            api.faults.clear()
            async with control_desk(tmp_path) as desk:
                desk.clock.now = SystemClock().now_ns()
                async with lane_listening(api, desk, confirms=confirms):
                    if confirms:
                        await eventually(lambda: not api.waiting_updates)
                assert confirms or len(api.waiting_updates) == 2
                await desk.lane.startup_report()
                halts += len(desk.halts)
                assert desk.done == (["pause"] if desk.halts else [])

        assert halts == 1


@asynccontextmanager
async def lane_listening(
    api: Telegram, desk: ControlDesk, *, confirms: bool
) -> AsyncIterator[None]:
    """A poller that feeds the desk's lane and has done so once; no poll follows unless it may."""
    taken = asyncio.Event()

    async def take(batch: Batch) -> None:
        await desk.lane.take(batch)
        if not confirms:
            api.faults.always(faults.HANG, POLL)
        taken.set()

    poller = Poller(
        some_settings(api.base),
        desk.memory.instance,
        take,
        lambda _: None,
        desk.lane.passed_over,
        SystemClock(),
        pauses=PAUSES,
    )
    task = asyncio.ensure_future(poller.run())
    try:
        async with asyncio.timeout(20):
            await taken.wait()
        yield
    finally:
        await ended(task)


async def polled_again(api: Telegram, times: int) -> None:
    """Wait until so many further polls have come in and been answered."""
    seen = len(api.requests)
    await eventually(lambda: len(api.requests) >= seen + times)


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait for what somebody knows who tells nobody, such as the local Bot API."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - it has no event to wait for
            await asyncio.sleep(0.01)
