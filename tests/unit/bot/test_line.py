"""The line to the chat, by itself."""

from bot.line import Line
from bot.messenger import LogMessenger, OutMessage
from tests.support.fake_clock import FakeClock


class TestFortune:
    async def test_changes_with_the_first_message_taken_and_the_first_poll(self) -> None:
        """The engine waits for both before it lets live orders go; each is told at once."""
        clock = FakeClock()
        line = Line(LogMessenger(), clock, 5.0, None)
        fortunes = [line.fortune]

        line.polled(clock.now_ns())
        fortunes.append(line.fortune)
        await line.send(OutMessage("a", "a"))
        fortunes.append(line.fortune)

        assert len(set(fortunes)) == 3
