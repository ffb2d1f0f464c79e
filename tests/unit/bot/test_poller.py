"""What is asked of Telegram after each answer, and how long is waited after each failure."""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from bot.messenger import Refused, SendFailed
from bot.polling import BATCH, TRIES, Batch, Conflict, Hearing, Poller, Unreadable
from bot.updates import Denied, Heard
from tests.support.fake_clock import FakeClock
from tests.support.updates import CHAT, INSTANCE, Json, an_update, said
from trader.port import BotHealth
from trader.port.settings import BotSettings

SETTINGS = BotSettings("engine", "state", "UTC", chat_id=str(CHAT))
RIVAL = Conflict("terminated by other getUpdates request", by_webhook=False)
WEBHOOK = Conflict("can't use getUpdates method while webhook is active", by_webhook=True)
GONE = Refused("Telegram answered 401: Unauthorized", 401)
AWAY = SendFailed("Telegram not reached: ClientOSError")

Answer = Sequence[object] | Exception


class Script:
    """A hearing that answers as written and then never again."""

    def __init__(self, clock: FakeClock, answers: Sequence[Answer]) -> None:
        self._clock = clock
        self._answers = list(answers)
        self.asked: list[tuple[int | None, int, int]] = []
        self.at_s: list[float] = []
        self.webhooks_dropped = 0
        self.closed = 0

    async def me(self) -> str:
        return "Spread_Bot"

    async def updates(
        self, offset: int | None, most: int, wait_s: int, timeout_s: float
    ) -> Sequence[object]:
        assert timeout_s == 30
        self._clock.busy += 1
        self.asked.append((offset, most, wait_s))
        self.at_s.append(self._clock.mono_ns() / 1e9 - 5)
        if not self._answers:
            await asyncio.Event().wait()
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def drop_webhook(self) -> None:
        self.webhooks_dropped += 1

    async def close(self) -> None:
        self.closed += 1


class Listener:
    """A poller over a script, and what came of it."""

    def __init__(self, *answers: Answer) -> None:
        self.clock = FakeClock()
        self.script = Script(self.clock, answers)
        self.batches: list[Batch] = []
        self.reports: list[BotHealth] = []
        self.skipped: list[tuple[int, str]] = []
        self.poison: dict[int, int] = {}
        self.poller = Poller(
            SETTINGS,
            INSTANCE,
            self._on_batch,
            self.reports.append,
            self._skip,
            self.clock,
            connect_to=self._connect,
        )

    async def _connect(self, settings: BotSettings) -> Hearing:
        assert settings is SETTINGS
        return self.script

    async def _on_batch(self, batch: Batch) -> None:
        self.clock.busy += 1
        for update in batch:
            if self.poison.get(update.update_id, 0) > 0:
                self.poison[update.update_id] -= 1
                raise KeyError(update.update_id)
        self.batches.append(batch)

    async def _skip(self, update: Heard | Denied, why: str) -> None:
        self.skipped.append((update.update_id, why))


@asynccontextmanager
async def listening(*answers: Answer, seconds: float = 600) -> AsyncIterator[Listener]:
    """A poller that has listened for so long."""
    listener = Listener(*answers)
    task = asyncio.ensure_future(listener.poller.run())
    await listener.clock.advance(seconds)
    try:
        yield listener
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert listener.script.closed == 1


def numbered(*ids: int) -> list[Json]:
    return [said("/status") | {"update_id": number} for number in ids]


class TestOffset:
    async def test_confirms_what_was_handled_and_no_more(self) -> None:
        """The next poll names the id after the last one that was handed over."""
        async with listening(numbered(70, 71), numbered(72), []) as found:
            assert [offset for offset, _, _ in found.script.asked] == [None, 72, 73, None]

    async def test_is_left_out_after_an_empty_answer(self) -> None:
        """Ids go on from anywhere after a quiet week, also from below."""
        async with listening(numbered(900), [], numbered(5), []) as found:
            assert [offset for offset, _, _ in found.script.asked] == [None, 901, None, 6, None]
            assert len(found.batches) == 2

    async def test_stays_through_an_outage(self) -> None:
        """What was handled and not confirmed is confirmed by the next poll that gets through."""
        async with listening(numbered(70), AWAY, AWAY, []) as found:
            assert [offset for offset, _, _ in found.script.asked] == [None, 71, 71, 71, None]

    async def test_is_forgotten_with_the_updates_themselves(self) -> None:
        """Telegram keeps nothing over a day; ids that began anew must not be taken for old."""
        away = [AWAY] * 4_000
        async with listening(numbered(70), *away, seconds=25 * 3_600) as found:
            offsets = [offset for offset, _, _ in found.script.asked]
            assert offsets[1] == 71
            assert offsets[-1] is None

    async def test_passes_what_has_no_meaning_to_us(self) -> None:
        """An odd update is one denied update; those around it are heard."""
        odd = [{"update_id": 71, "strange": 1}, "junk", {"update_id": 73}]
        async with listening([*numbered(70), *odd, *numbered(74)], []) as found:
            (batch,) = found.batches
            assert [type(update) for update in batch] == [Heard, Denied, Denied, Denied, Heard]
            assert found.script.asked[1][0] == 75

    async def test_of_nothing_but_junk_is_no_progress(self) -> None:
        """It could never be confirmed, so it is waited out and not asked for in a circle."""
        async with listening(*[["junk"]] * 5, seconds=10) as found:
            assert found.batches == []
            assert 2 <= len(found.script.asked) <= 6


class TestHealth:
    async def test_is_reported_with_every_answer(self) -> None:
        """An empty one says as much as a full one."""
        async with listening([], [], numbered(5)) as found:
            assert len(found.reports) == 3
            assert all(report.polled_ns and not report.refused for report in found.reports)

    async def test_waits_for_the_end_of_what_is_queued(self) -> None:
        """A halt may be in the next batch; only then are we back."""
        full = numbered(*range(1, BATCH + 1))
        async with listening(full, numbered(BATCH + 1)) as found:
            assert [len(batch) for batch in found.batches] == [BATCH, 1]
            assert len(found.reports) == 1

    async def test_asks_for_an_answer_at_once_at_a_start_and_after_trouble(self) -> None:
        """In a quiet chat a long poll would take its full time to say that all is well."""
        async with listening([], AWAY, [], []) as found:
            assert [wait for _, _, wait in found.script.asked] == [0, 25, 0, 25, 25]

    async def test_says_why_we_are_refused(self) -> None:
        """And when we are not any more."""
        async with listening([], GONE, []) as found:
            first, second, third = found.reports
            assert second == BotHealth(polled_ns=first.polled_ns, refused=GONE.reason)
            assert third.refused == ""
            assert (third.polled_ns or 0) > (first.polled_ns or 0)


class TestFailures:
    async def test_network_and_servers_back_off_to_half_a_minute(self) -> None:
        """With a little chance in it, from a second on."""
        async with listening(*[AWAY] * 20, seconds=300) as found:
            at_s = found.script.at_s
            gaps = [after - before for before, after in itertools.pairwise(at_s)]
            assert 0.5 <= gaps[0] <= 1.0
            assert all(15 <= gap <= 30 for gap in gaps[6:])

    async def test_a_success_ends_the_back_off(self) -> None:
        """The next trouble starts from a second again."""
        async with listening(*[AWAY] * 6, [], AWAY, [], seconds=300) as found:
            assert found.script.at_s[8] - found.script.at_s[7] <= 1.0

    async def test_is_told_how_long_to_wait(self) -> None:
        """429 with a number of seconds, of which a minute counts at most."""
        async with listening(SendFailed("wait", 20.0), SendFailed("wait", 9e9), []) as found:
            assert found.script.at_s[1] >= 20
            assert found.script.at_s[2] - found.script.at_s[1] == pytest.approx(60)

    async def test_a_refusal_is_probed_every_minute(self, caplog: pytest.LogCaptureFixture) -> None:
        """With one line when it begins and one when it ends."""
        with caplog.at_level(logging.INFO, "bot.polling"):
            async with listening(GONE, GONE, GONE, []) as found:
                assert found.script.at_s[:4] == pytest.approx([0, 60, 120, 180], abs=0.01)
        assert len(caplog.records) == 2
        assert all("Telegram" in record.getMessage() for record in caplog.records)

    async def test_a_rival_is_loud_and_kept_at(self, caplog: pytest.LogCaptureFixture) -> None:
        """From five seconds to a minute, and refused in health meanwhile."""
        async with listening(*[RIVAL] * 12) as found:
            at_s = found.script.at_s
            gaps = [after - before for before, after in itertools.pairwise(at_s)]
            assert 2.5 <= gaps[0] <= 5
            assert all(30 <= gap <= 60 for gap in gaps[5:])
            assert found.reports[0].refused == RIVAL.reason
            assert {wait for _, _, wait in found.script.asked[1:]} == {25}
        assert "someone else polls with this token" in caplog.text
        assert caplog.records[0].levelno == logging.ERROR

    async def test_a_webhook_is_removed_once(self, caplog: pytest.LogCaptureFixture) -> None:
        """Whoever sets it again means it: then we say so."""
        async with listening(WEBHOOK, [], WEBHOOK, WEBHOOK, []) as found:
            assert found.script.webhooks_dropped == 1
            assert [bool(report.refused) for report in found.reports] == [False, True, True, False]
        assert "a webhook takes the updates" in caplog.text

    async def test_an_unreadable_answer_is_asked_for_in_pieces(self) -> None:
        """So that whatever stands before the culprit still gets through."""
        answers: list[Answer] = [Unreadable("no JSON"), numbered(5), numbered(6)]
        async with listening(*answers) as found:
            asked = [(offset, most) for offset, most, _ in found.script.asked]
            assert asked == [(None, BATCH), (None, 1), (6, BATCH), (7, BATCH)]

    async def test_a_fault_of_our_own_ends_nothing(self) -> None:
        """Whatever it is: not to listen would be worse."""
        listener = Listener(ValueError("a bug"), numbered(5))
        task = asyncio.ensure_future(listener.poller.run())
        await listener.clock.advance(10)

        assert len(listener.batches) == 1
        task.cancel()
        await asyncio.wait([task])


class TestPoison:
    async def test_is_tried_again_and_then_passed_over(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The others of its batch are handled, and it is confirmed with them."""
        listener = Listener(numbered(5, 6, 7))
        listener.poison = {6: 99}
        task = asyncio.ensure_future(listener.poller.run())
        await listener.clock.advance(60)

        assert [[update.update_id for update in batch] for batch in listener.batches] == [[5], [7]]
        assert listener.skipped == [(6, "KeyError")]
        assert listener.poison[6] == 99 - TRIES - 1
        assert listener.script.asked[-1][0] == 8
        assert "update 6 is passed over: KeyError" in caplog.text
        task.cancel()
        await asyncio.wait([task])

    async def test_may_heal(self) -> None:
        """What fails twice and then does not was handled."""
        listener = Listener(numbered(5, 6))
        listener.poison = {6: 3}
        task = asyncio.ensure_future(listener.poller.run())
        await listener.clock.advance(60)

        assert [[update.update_id for update in batch] for batch in listener.batches] == [[5], [6]]
        assert listener.skipped == []
        task.cancel()
        await asyncio.wait([task])


async def test_knows_its_own_name() -> None:
    """A command addressed to the bot counts, one to another does not."""
    update = said("/halt@spread_bot")
    other = an_update(said("/halt@someone")["message"], update_id=501)
    async with listening([update, other]) as found:
        assert [type(each) for each in found.batches[0]] == [Heard, Denied]
