"""The stub: the very messages, as log lines."""

import logging
import threading

import pytest

from bot.messenger import LogMessenger, OutMessage
from trader.domain.control import Severity


class TestLogMessenger:
    @pytest.mark.parametrize(
        ("severity", "level"),
        [
            (Severity.CRITICAL, logging.ERROR),
            (Severity.WARNING, logging.WARNING),
            (Severity.INFO, logging.INFO),
        ],
    )
    async def test_is_one_line_as_loud_as_it_is_severe(
        self, severity: Severity, level: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A message of several lines is one record."""
        caplog.set_level(logging.INFO, logger="bot.messenger")

        await LogMessenger().send(OutMessage("<b>a</b>\n\nb", "a\n\nb", severity=severity))

        (record,) = caplog.records
        assert record.getMessage() == "Telegram (stub) | a | b"
        assert record.levelno == level

    async def test_marks_edits_and_pictures(self, caplog: pytest.LogCaptureFixture) -> None:
        """What would not be a message of its own is told apart."""
        caplog.set_level(logging.INFO, logger="bot.messenger")
        stub, message = LogMessenger(), OutMessage("a", "a")

        first = await stub.send(message)
        second = await stub.send_photo(b"png", message)
        await stub.edit(first, message)

        assert first != second
        assert [record.getMessage() for record in caplog.records][1:] == [
            "Telegram (stub) | picture of 3 bytes | a",
            f"Telegram (stub) | edit of message {first} | a",
        ]

    async def test_takes_a_message_once_its_line_is_written(self) -> None:
        """What is noted as told must not die with lines that still wait to be written."""
        writer = _Waiting()
        logging.getLogger().addHandler(writer)
        try:
            await LogMessenger().send(OutMessage("a", "a", severity=Severity.CRITICAL))
        finally:
            logging.getLogger().removeHandler(writer)

        assert writer.written == ["Telegram (stub) | a"]


class _Waiting(logging.Handler):
    """Writes when it is flushed, which must not hold up a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[str] = []
        self.written: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.waiting.append(record.getMessage())

    def flush(self) -> None:
        assert threading.current_thread() is not threading.main_thread()
        self.written += self.waiting
        self.waiting.clear()
