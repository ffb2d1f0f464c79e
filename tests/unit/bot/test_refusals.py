"""What Telegram's words are taken for, one kind of refusal at a time."""

import pytest

from bot.messenger import MessageGone, Refused, Unsendable
from bot.refusals import MarkupRefused, NotModified, bad_request, printable

TOKEN = "7000000001:AAEhBP0av28FrI3wTtMzUeRvc8DyB2kXy9o"


class TestBadRequest:
    @pytest.mark.parametrize(
        ("words", "kind"),
        [
            ("can't parse entities: Unsupported start tag", MarkupRefused),
            ("message is not modified: specified new message content", NotModified),
            ("message to edit not found", MessageGone),
            ("message can't be edited", MessageGone),
            ("chat not found", Refused),
            ("message thread not found", Refused),
            ("not enough rights to send text messages to the chat", Refused),
            ("CHAT_WRITE_FORBIDDEN", Refused),
            ("message is too long", Unsendable),
            ("MESSAGE_TOO_LONG", Unsendable),
            ("BUTTON_DATA_INVALID", Unsendable),
            ("not enough rights to send photos to the chat", Unsendable),
            ("something nobody has heard of", Unsendable),
        ],
    )
    def test_is_the_chats_the_messages_or_the_markups(self, words: str, kind: type) -> None:
        """Only what no other message would survive stops the sending."""
        error = bad_request(f"Bad Request: {words}", TOKEN)

        assert type(error) is kind
        assert error.reason.startswith(f"Telegram answered 400: Bad Request: {words}")


class TestPrintable:
    def test_is_one_bounded_line_without_the_token(self) -> None:
        """The words are somebody else's."""
        shown = printable(f"a\r\nb\x1b[31m {TOKEN} " + "x" * 1_000, TOKEN)

        assert shown.isprintable()
        assert TOKEN not in shown
        assert len(shown) == 300

    def test_leaves_words_alone_without_a_token(self) -> None:
        """An empty token stands nowhere, not between any two letters."""
        assert printable("chat not found", "") == "chat not found"
