"""The sender against the local Bot API with Telegram's own limits, on clocks that run together.

Both run ten or twenty times as fast as the host's, so a minute takes seconds; the requests are real
ones. What is asserted of times is what the chat saw, by its own clock.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.backup import ANSWERED_WITHIN_S, Backup
from bot.messenger import OutMessage
from bot.telegram import TelegramMessenger
from bot.web import fetch, post
from tests.support.alert_chain import AlertChain, a_chain, chain_settings
from tests.support.fake_clock import FakeClock
from tests.support.hurried_clock import HurriedClock
from tests.support.telegram import (
    PRIVATE,
    SUPERGROUP,
    TOKEN,
    Limits,
    Room,
    Sent,
    Telegram,
    faults,
    served,
)
from tests.support.telegram.faults import Fault
from trader.credentials import Secret
from trader.domain.control import Alert, AlertCode, Severity

MINUTE_S = 60.0
SOON_S = 30.0
TIMES = 10.0
STORM = 10_000
MOVED_TO = -1_009_999_999_999
_NS_PER_S = 1_000_000_000
_COUNTER = re.compile(r"×([\d,]+), last")


def told(severity: Severity, code: AlertCode, name: str, **more: Any) -> Alert:
    fields = {"pair": name, "trade_id": name, "instrument": name, "direction": "buys"}
    return Alert(code, severity, f"{code}:{name}", 1, fields, **more)


def a_critical(name: str, code: AlertCode = AlertCode.STOP_LOSS, **more: Any) -> Alert:
    return told(Severity.CRITICAL, code, name, **more)


def a_warning(name: str, **more: Any) -> Alert:
    return told(Severity.WARNING, AlertCode.FEED_STALE, name, **more)


def an_info(name: str) -> Alert:
    return told(Severity.INFO, AlertCode.TRADE_OPENED, name)


def a_block(number: int) -> Alert:
    """The same refusal as ever, with newer figures."""
    fields = {"check": "exposure", "pair": "BTC", "direction": "buys", "decision_id": f"d-{number}"}
    return Alert(
        AlertCode.SAFETY_REJECTION,
        Severity.WARNING,
        "safety_rejection:BTC:buys:exposure",
        1,
        fields,
        lasting=True,
    )


class Desk:
    """A chain, the Telegram at its end, and the clock of both."""

    def __init__(self, chain: AlertChain, api: Telegram, chat_id: int, times: float) -> None:
        self.chain, self.api, self.chat_id, self.times = chain, api, chat_id, times

    @property
    def sent(self) -> Sequence[Sent]:
        """What stands in the chat."""
        return self.api.messages(self.chat_id)

    def times_s(self) -> list[float]:
        """When the chat took each message and each edit, in seconds of its clock."""
        found = [version.mono_ns for message in self.sent for version in message.versions]
        return sorted(at / _NS_PER_S for at in found)

    def statuses(self, *methods: str) -> list[int]:
        """What requests were answered with."""
        return [one.status for one in self.api.requests if not methods or one.method in methods]

    async def pass_s(self, seconds: float) -> None:
        """Let so many seconds of the desk's clock pass."""
        await asyncio.sleep(seconds / self.times)


@asynccontextmanager
async def a_desk(
    path: Path, *, chat_id: int = PRIVATE, times: float = TIMES, limits: Limits | None = None
) -> AsyncIterator[Desk]:
    """A sender that sends to a local Bot API with its real limits."""
    clock = HurriedClock(times)
    api = Telegram(limits or Limits(), clock=clock)
    async with served(api):
        settings = chain_settings(api.base, chat_id=str(chat_id))
        messenger = TelegramMessenger(settings)
        async with a_chain(path, settings, messenger, clock) as chain:
            yield Desk(chain, api, chat_id, times)
        await messenger.close()


async def until(holds: Callable[[], bool], within_s: float = SOON_S) -> None:
    """Wait for what has no event of its own: another loop's or library's doing."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - nothing tells when a server has been asked
            await asyncio.sleep(0.005)


def most_within(times_s: Sequence[float], span_s: float) -> int:
    """The most that any span of this length holds."""
    return max(sum(at <= one < at + span_s for one in times_s) for at in times_s)


class TestRates:
    async def test_a_message_a_second_to_a_chat(self, tmp_path: Path) -> None:
        """Messages, edits and criticals in between: the chat never has to say 429."""
        async with a_desk(tmp_path) as desk:
            for number in range(12):
                desk.chain.commit(a_warning(f"w-{number}", lasting=True))
            await until(lambda: len(desk.sent) == 3)
            desk.chain.commit(a_critical("c-1"), a_critical("c-2"))
            for number in range(4):
                desk.chain.commit(_end_of(a_warning(f"w-{number}")))
            await desk.chain.emptied()

            times = desk.times_s()
            assert set(desk.statuses("sendMessage", "editMessageText")) == {200}
            # The one in reserve for what is critical is paid back by what follows.
            assert most_within(times, 10) <= 11
            assert times[-1] - times[0] > 0.95 * (len(times) - 2)

    @pytest.mark.slow
    async def test_twenty_a_minute_to_a_group(self, tmp_path: Path) -> None:
        """Three minutes' worth of messages, and never a 429."""
        async with a_desk(tmp_path, chat_id=SUPERGROUP, times=40.0) as desk:
            for number in range(45):
                desk.chain.commit(a_warning(f"w-{number:02}"))
            await until(lambda: len(desk.sent) == 20)
            desk.chain.commit(a_critical("c-1"))
            await desk.chain.emptied()

            assert set(desk.statuses("sendMessage")) == {200}
            assert len(desk.sent) == 46
            assert most_within(desk.times_s(), MINUTE_S) <= 20
            titles = [message.text.splitlines()[0] for message in desk.sent]
            assert titles[20:23].count("🚨 Stop-loss: c-1") == 1

    async def test_retry_after_is_obeyed_to_the_second(self, tmp_path: Path) -> None:
        """Nothing at all goes while it lasts, not even a critical; then that goes first."""
        async with a_desk(tmp_path) as desk:
            desk.api.faults.then(faults.too_many(9), methods=("sendMessage",))
            desk.chain.commit(a_warning("w-1"))
            await until(lambda: 429 in desk.statuses("sendMessage"))
            asked = len(desk.api.requests)
            refused_ns = desk.api.requests[-1].mono_ns
            desk.chain.commit(a_critical("c-1"))
            await until(lambda: len(desk.api.requests) > asked)

            waited_s = (desk.api.requests[asked].mono_ns - refused_ns) / _NS_PER_S
            await desk.chain.emptied()
            assert 9.0 <= waited_s < 10.0
            assert [message.text[0] for message in desk.sent] == ["🚨", "⚠"]


def _end_of(alert: Alert) -> Alert:
    return Alert(alert.code, Severity.INFO, alert.key, 2, alert.fields, clears=True)


class TestAStormOfBlocks:
    async def test_is_one_message_whose_counter_is_edited(self, tmp_path: Path) -> None:
        """10,000 equal guard blocks within a minute: one message, few edits, the number right."""
        async with a_desk(tmp_path, times=20.0) as desk:
            rounds = 100
            for turn in range(rounds):
                first = turn * STORM // rounds
                desk.chain.commit(*map(a_block, range(first, first + STORM // rounds)))
                await desk.pass_s(MINUTE_S / rounds)
            await desk.chain.emptied()

            (only,) = desk.sent
            found = _COUNTER.search(only.text)
            assert found is not None
            assert int(found[1].replace(",", "")) == STORM
            assert f"d-{STORM - 1}" in only.text
            took_s = (only.versions[-1].mono_ns - only.mono_ns) / _NS_PER_S
            assert 5 <= len(only.edits) <= took_s / 5 + 1
            gaps = [b.mono_ns - a.mono_ns for a, b in zip(only.versions, only.edits, strict=False)]
            assert min(gaps) > 4.5 * _NS_PER_S

            desk.chain.commit(_end_of(a_block(0)))
            await desk.chain.emptied()
            (only,) = desk.sent
            assert only.text.startswith("✅")
            assert "×10,000" in only.text


URGENT = (
    a_critical("engine", AlertCode.HALTED, lasting=True),
    a_critical("engine", AlertCode.DEMOTED, lasting=True),
    a_critical("revoked", AlertCode.POSITION_UNGUARDED, lasting=True),
)


class TestOvertaking:
    @pytest.mark.parametrize("urgent", URGENT, ids=lambda alert: str(alert.code))
    async def test_what_is_critical_overtakes_a_thousand(
        self, tmp_path: Path, urgent: Alert
    ) -> None:
        """500 warnings and 500 infos wait; it is the very next message, within a second."""
        async with a_desk(tmp_path, times=2.0) as desk:
            for number in range(500):
                desk.chain.commit(a_warning(f"w-{number}"), an_info(f"i-{number}"))
            await until(lambda: len(desk.sent) >= 3)
            before = len(desk.sent)
            desk.chain.commit(urgent)
            at_ns = desk.chain.clock.mono_ns()
            await until(lambda: any(one.text[0] == "🚨" for one in desk.sent))

            place = next(n for n, one in enumerate(desk.sent) if one.text[0] == "🚨")
            assert place <= before + 1
            assert desk.sent[place].mono_ns - at_ns < _NS_PER_S
            assert not desk.sent[place].silent


class TestRefusals:
    @pytest.mark.parametrize(
        ("fault", "status"),
        [
            (faults.unauthorized(), 401),
            (faults.error(403, "Forbidden: bot was blocked by the user"), 403),
            (faults.error(404, "Not Found"), 404),
        ],
        ids=["401", "403", "404"],
    )
    async def test_keep_the_queue_and_say_so_once(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: Fault, status: int
    ) -> None:
        """One line, no token in it, a question a minute; all goes once Telegram has us again."""
        caplog.set_level(logging.INFO, logger="bot.sender")
        async with a_desk(tmp_path, times=100.0) as desk:
            await until(lambda: len(desk.statuses("sendChatAction")) == 1)
            desk.api.faults.always(fault)
            desk.chain.commit(a_critical("c-1"), a_warning("w-1"), an_info("i-1"))
            await until(lambda: desk.statuses().count(status) >= 4)

            assert desk.statuses("sendMessage") == [status]
            assert desk.chain.waiting == 3
            errors = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
            assert len(errors) == 1
            assert "Telegram" in errors[0]
            assert str(status) in errors[0]

            desk.api.faults.clear()
            await desk.chain.emptied()
            assert [one.text[0] for one in desk.sent] == ["🚨", "⚠", "ℹ"]
        assert TOKEN.split(":")[1] not in caplog.text

    async def test_a_group_that_moved_names_its_new_id(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Sending stops for good; the line has the id to write, and where; the queue stays."""
        async with a_desk(tmp_path, chat_id=SUPERGROUP, times=100.0) as desk:
            await until(lambda: len(desk.statuses("sendChatAction")) == 1)
            desk.api.add(Room(SUPERGROUP, "supergroup", "Desk", moved_to=MOVED_TO))
            desk.chain.commit(a_critical("c-1"), a_critical("c-2"))
            await until(lambda: 400 in desk.statuses("sendMessage"))
            asked = len(desk.api.requests)
            await desk.pass_s(3 * MINUTE_S)

            assert len(desk.api.requests) == asked
            assert desk.chain.waiting == 2
        errors = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
        assert len(errors) == 1
        assert str(MOVED_TO) in errors[0]
        assert "alert.telegram.chat_id" in errors[0]


class TestMarkupThatTelegramRefuses:
    async def test_goes_as_plain_text(self, tmp_path: Path) -> None:
        """Broken markup costs the bold type, not the alert."""
        async with a_desk(tmp_path) as desk:
            message = OutMessage("<b>1 < 2 <i>", "1 < 2", severity=Severity.CRITICAL)
            await desk.chain.sender.say(message)

            assert desk.statuses("sendMessage") == [400, 200]
            (only,) = desk.sent
            assert (only.text, only.entities) == ("1 < 2", [])

    async def test_an_alert_s_own_words_never_break_it(self, tmp_path: Path) -> None:
        """Names with the characters of the markup arrive as they are, at the first attempt."""
        async with a_desk(tmp_path) as desk:
            desk.chain.commit(a_critical("A_B&<b>C</i>"))
            await desk.chain.emptied()

            assert desk.statuses("sendMessage") == [200]
            assert "A_B&<b>C</i>" in desk.sent[0].text

    async def test_a_parser_that_refuses_everything_stops_nothing(self, tmp_path: Path) -> None:
        """Should Telegram find fault with ours, the plain words go."""
        async with a_desk(tmp_path) as desk:
            words = "Bad Request: can't parse entities: unsupported start tag"
            desk.api.faults.then(faults.error(400, words), methods=("sendMessage",))
            desk.chain.commit(a_critical("c-1"))
            await desk.chain.emptied()

            (only,) = desk.sent
            assert only.entities == []
            assert "c-1" in only.text


class Outside:
    """The operator's webhook and dead man's switch: what came there, and whether they answer."""

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []
        self.visits = 0
        self.status = 200
        self.base = ""

    async def take(self, request: web.Request) -> web.Response:
        """A POST to the webhook."""
        self.posted.append(await request.json())
        return web.Response(status=self.status)

    async def visit(self, _: web.Request) -> web.Response:
        """A GET of the switch."""
        self.visits += 1
        return web.Response(text="ok")


@asynccontextmanager
async def outside() -> AsyncIterator[Outside]:
    """Both, on a loopback port."""
    there = Outside()
    app = web.Application()
    app.router.add_post("/hook", there.take)
    app.router.add_get("/alive", there.visit)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    there.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield there
    finally:
        await runner.cleanup()


class _Web:
    post = staticmethod(post)
    fetch = staticmethod(fetch)


class TestSecondWayOut:
    async def test_takes_a_critical_after_a_minute_and_the_switch_falls_silent(
        self, tmp_path: Path
    ) -> None:
        """On 502 the webhook has the critical after 60 s, once, and nobody says that all is well.

        The alert still goes to Telegram when that is back. Time is told; the requests are real.
        """
        clock = FakeClock()
        api = Telegram()
        async with served(api), outside() as there:
            settings = chain_settings(
                api.base,
                timeout_s=1.0,
                webhook_url=Secret(f"{there.base}/hook"),
                deadman_url=Secret(f"{there.base}/alive"),
            )
            messenger = TelegramMessenger(settings)
            async with a_chain(tmp_path, settings, messenger, clock) as chain:
                backup = Backup(chain.port, _Web(), chain.sender, settings, clock)
                await until(lambda: chain.sender.answered_mono is not None)
                await backup.visit()
                assert there.visits == 1

                api.faults.always(faults.bad_gateway())
                chain.commit(a_critical("c-1"), a_warning("w-1"))
                await _advance(clock, 58)
                await backup.look()
                assert chain.outbox.counts().failed_attempts > 3
                assert there.posted == []
                await _advance(clock, 2)
                await backup.look()
                await backup.look()
                (taken,) = there.posted
                assert (taken["code"], taken["severity"]) == ("stop_loss", "critical")
                assert "c-1" in taken["text"]

                await _advance(clock, ANSWERED_WITHIN_S)
                await backup.visit()
                assert there.visits == 1

                api.faults.clear()
                await _until_by(clock, lambda: not chain.waiting)
                await backup.visit()
                assert there.visits == 2
            await messenger.close()
        assert [one.text[0] for one in api.messages(PRIVATE)] == ["🚨", "⚠"]
        assert len(there.posted) == 1

    async def test_is_taken_again_where_it_fails(self, tmp_path: Path) -> None:
        """A webhook that answers 500 is asked again; the ledger knows who took it."""
        clock = FakeClock()
        api = Telegram()
        api.faults.always(faults.bad_gateway())
        async with served(api), outside() as there:
            settings = chain_settings(api.base, webhook_url=Secret(f"{there.base}/hook"))
            messenger = TelegramMessenger(settings)
            async with a_chain(tmp_path, settings, messenger, clock) as chain:
                backup = Backup(chain.port, _Web(), chain.sender, settings, clock)
                chain.commit(a_critical("c-1"))
                await _advance(clock, 61)
                there.status = 500
                await backup.look()
                there.status = 200
                await _advance(clock, 5)
                await backup.look()

                assert len(there.posted) == 2
                assert chain.outbox.recent(1)[0].backup_ns is not None
                assert chain.waiting == 1
            await messenger.close()


async def _advance(clock: FakeClock, seconds: float) -> None:
    """Let told time pass in small steps, with real requests in between."""
    for _ in range(int(seconds * 2)):
        await clock.advance(0.5)
        await asyncio.sleep(0.002)


async def _until_by(clock: FakeClock, holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON_S):
        while not holds():
            await clock.advance(0.5)
            await asyncio.sleep(0.002)
