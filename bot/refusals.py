"""What Telegram's words mean when it refuses: this message, this chat, or only its markup. Pure."""

from bot.messenger import MessageGone, MessengerError, Refused, Unsendable

_BAD_REQUEST = 400
_MASK = "***"
_MAX_WORDS = 300

_MARKUP = "can't parse entities"
_NOT_MODIFIED = "message is not modified"
_GONE = (
    "message to edit not found",
    "message can't be edited",
    "message_id_invalid",
    "message identifier is not specified",
    "there is no text in the message to edit",
    "message to pin not found",
    "message to unpin not found",
)
# These speak of the chat and not of the message: no other message would fare better.
_ABOUT_THE_CHAT = (
    "chat not found",
    "chat_id is empty",
    "message thread not found",
    "rights to send text",
    "rights to send a message",
    "need administrator rights in the channel",
    "chat_write_forbidden",
    "chat_restricted",
    "peer_id_invalid",
    "topic_closed",
    "topic_deleted",
)


class MarkupRefused(Unsendable):
    """The markup does not parse; as plain text it may go."""


class NotModified(Unsendable):
    """The message says this already."""


def bad_request(description: str, token: str) -> MessengerError:
    """What a 400 with this description is to a sender."""
    words = description.lower()
    reason = f"Telegram answered {_BAD_REQUEST}: {printable(description, token)}"
    if _MARKUP in words:
        return MarkupRefused(reason)
    if _NOT_MODIFIED in words:
        return NotModified(reason)
    if any(known in words for known in _GONE):
        return MessageGone(reason)
    if any(known in words for known in _ABOUT_THE_CHAT):
        hint = "check the chat id and the topic, and what the bot may do there"
        return Refused(f"{reason}; {hint}", _BAD_REQUEST)
    return Unsendable(reason)


def printable(words: str, token: str) -> str:
    """Somebody else's words fit for a log: one line, of bounded length, without the token."""
    masked = words.replace(token, _MASK) if token else words
    return "".join(char if char.isprintable() else " " for char in masked)[:_MAX_WORDS]
