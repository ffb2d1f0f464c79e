"""What a chat makes of a message's HTML: strict about everything Telegram would refuse."""

from html.parser import HTMLParser

from bot.messenger import OutMessage
from bot.paging import MAX_UNITS, units
from bot.spoken import split_tap

ALLOWED = frozenset({"b", "i", "code", "pre"})


class Shown(HTMLParser):
    """The text a chat shows, and the tags it needed; unknown, nested wrong or left open fails."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.tags: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        assert tag in ALLOWED, f"Telegram knows no <{tag}>"
        assert not attrs
        self.tags.append(tag)
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Note that a tag ends."""
        assert self._open, f"</{tag}> ends nothing"
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.text += data


def check(message: OutMessage) -> str:
    """Fail on anything Telegram would refuse or show otherwise; the text as it is shown."""
    shown = Shown(message.html)
    assert shown.text == message.plain
    assert 0 < units(message.plain) <= MAX_UNITS
    assert message.plain.strip()
    message.html.encode("utf-8")
    assert len([button for row in message.buttons for button in row]) <= 100
    for row in message.buttons:
        assert 1 <= len(row) <= 3
        for button in row:
            assert button.text.strip()
            assert len(button.data.encode()) <= 64
            assert split_tap(button.data) is not None
    return message.plain
