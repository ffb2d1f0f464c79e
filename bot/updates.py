"""What Telegram delivers, narrowed to the little that is looked at. Pure, and never raises.

Updates are plain JSON values here, so that one of a kind nobody foresaw is one denied update and
never the end of a batch.
"""

import hashlib
from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

MAX_TEXT_CHARS = 4_096
MAX_DATA_BYTES = 64
MAX_NAME_CHARS = 64

_MAX_ID = 2**53
_MAX_DATE_S = 2**33
_MAX_CALLBACK_ID_CHARS = 64
_MAX_LANGUAGE_CHARS = 16
_NS_PER_S = 1_000_000_000
_FORWARD_MARKS = (
    "forward_origin",
    "forward_date",
    "forward_from",
    "forward_from_chat",
    "forward_from_message_id",
    "forward_sender_name",
    "forward_signature",
    "is_automatic_forward",
)
_BUSINESS_MARKS = ("business_connection_id", "sender_business_bot")


class Source(StrEnum):
    """Which kind of update it is, as far as that matters."""

    MESSAGE = "message"
    TAP = "tap"
    EDITED = "edited"
    CHANNEL = "channel"
    INLINE = "inline"
    BUSINESS = "business"
    OTHER = "other"
    JUNK = "junk"


_SOURCES = {
    "message": Source.MESSAGE,
    "callback_query": Source.TAP,
    "edited_message": Source.EDITED,
    "channel_post": Source.CHANNEL,
    "edited_channel_post": Source.CHANNEL,
    "inline_query": Source.INLINE,
    "chosen_inline_result": Source.INLINE,
    "business_connection": Source.BUSINESS,
    "business_message": Source.BUSINESS,
    "edited_business_message": Source.BUSINESS,
    "deleted_business_messages": Source.BUSINESS,
}


class HeardKind(StrEnum):
    """How somebody spoke to the bot."""

    COMMAND = "command"
    TEXT = "text"
    TAP = "tap"


class DenyReason(StrEnum):
    """Why an update is no command. Those of REPEATED were one, the first time."""

    MALFORMED = "malformed"
    NO_CHAT = "no_chat_configured"
    OTHER_CHAT = "other_chat"
    OTHER_USER = "other_user"
    OTHER_TOPIC = "other_topic"
    OTHER_BOT = "other_bot"
    OTHER_INSTANCE = "other_instance"
    FORWARDED = "forwarded"
    EDITED = "edited"
    VIA_BOT = "via_bot"
    ANONYMOUS = "anonymous"
    FROM_BOT = "from_bot"
    CHANNEL = "channel"
    INLINE = "inline"
    BUSINESS = "business"
    OTHER_KIND = "other_kind"
    WORDLESS = "wordless"
    REPEATED = "repeated"


class Heard(Struct, frozen=True):
    """Something an operator said. ``written_ns`` is UTC by Telegram's clock; a tap has none.

    ``message_id`` is 0 for a tap, and ``tapped_message_id`` is 0 for anything else.
    """

    kind: HeardKind
    update_id: int
    chat_id: int
    user_id: int
    user_name: str
    language: str
    topic_id: int | None
    message_id: int
    written_ns: int | None
    text: str
    data: str
    callback_id: str
    tapped_message_id: int

    @property
    def identity(self) -> str:
        """What stays the same when it is delivered again, whatever the update's id."""
        if self.kind is HeardKind.TAP:
            return f"tap:{self.callback_id}"
        return f"message:{self.chat_id}:{self.message_id}"

    @property
    def who(self) -> str:
        """The speaker, for records."""
        return f"telegram:{self.user_id} {self.user_name}".rstrip()


class Denied(Struct, frozen=True):
    """An update that acts on nothing. Ids are None where they could not be made out.

    ``callback_id`` is given only where an operator tapped a button of another instance: such a tap
    may be answered, a stranger's may not.
    """

    update_id: int
    why: DenyReason
    user_id: int | None
    chat_id: int | None
    text_hash: str
    callback_id: str = ""


class Incoming(Struct, frozen=True):
    """One update, narrowed and not judged. ``update_id`` is -1 where it has none.

    ``unseen`` marks a tap on a message too old for Telegram to show: it comes without its topic.
    """

    source: Source
    update_id: int = -1
    chat_id: int | None = None
    user_id: int | None = None
    user_name: str = ""
    language: str = ""
    topic_id: int | None = None
    message_id: int = 0
    written_ns: int | None = None
    text: str = ""
    data: str = ""
    callback_id: str = ""
    from_bot: bool = False
    has_sender_chat: bool = False
    is_forwarded: bool = False
    is_edited: bool = False
    is_via_bot: bool = False
    is_business: bool = False
    is_inline: bool = False
    unseen: bool = False


def read_update(raw: object) -> Incoming:
    """Narrow one element of what getUpdates answered, whatever it is."""
    update = _mapping(raw)
    update_id = _integer(update.get("update_id"))
    update_id = -1 if update_id is None or update_id < 0 else update_id
    named = [key for key in _SOURCES if key in update]
    if update_id < 0 or len(named) > 1:
        return Incoming(Source.JUNK, update_id)
    if not named:
        return Incoming(Source.OTHER, update_id)
    source = _SOURCES[named[0]]
    content = _mapping(update[named[0]])
    if source is Source.TAP:
        return _tap(update_id, content)
    return _message(source, update_id, content)


def hash_of(text: str) -> str:
    """A short mark to tell denied texts apart by, without keeping them; empty for no text."""
    if not text:
        return ""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def _message(source: Source, update_id: int, content: Mapping[str, object]) -> Incoming:
    user = _mapping(content.get("from"))
    date = _integer(content.get("date"))
    dated = date is not None and 0 < date < _MAX_DATE_S
    return Incoming(
        source,
        update_id,
        chat_id=_integer(_mapping(content.get("chat")).get("id")),
        user_id=_integer(user.get("id")),
        user_name=_name(user),
        language=_text(user.get("language_code"), _MAX_LANGUAGE_CHARS),
        topic_id=_topic(content),
        message_id=_integer(content.get("message_id")) or 0,
        written_ns=date * _NS_PER_S if dated and date is not None else None,
        text=_text(content.get("text"), MAX_TEXT_CHARS).strip(),
        from_bot=user.get("is_bot") not in (None, False),
        has_sender_chat="sender_chat" in content,
        is_forwarded=any(mark in content for mark in _FORWARD_MARKS),
        is_edited="edit_date" in content,
        is_via_bot="via_bot" in content,
        is_business=any(mark in content for mark in _BUSINESS_MARKS),
    )


def _tap(update_id: int, content: Mapping[str, object]) -> Incoming:
    user = _mapping(content.get("from"))
    message = _mapping(content.get("message"))
    data = content.get("data")
    return Incoming(
        Source.TAP,
        update_id,
        chat_id=_integer(_mapping(message.get("chat")).get("id")),
        user_id=_integer(user.get("id")),
        user_name=_name(user),
        language=_text(user.get("language_code"), _MAX_LANGUAGE_CHARS),
        topic_id=_topic(message),
        message_id=_integer(message.get("message_id")) or 0,
        # Cut data could name something else; what is too long is none of ours and stays unread.
        data=_text(data, MAX_DATA_BYTES + 1),
        callback_id=_text(content.get("id"), _MAX_CALLBACK_ID_CHARS + 1),
        from_bot=user.get("is_bot") not in (None, False),
        is_business=any(mark in message for mark in _BUSINESS_MARKS),
        is_inline="inline_message_id" in content,
        unseen=message.get("date") == 0,
    )


def _topic(message: Mapping[str, object]) -> int | None:
    # Outside of forums this id names a chain of replies and no topic.
    if message.get("is_topic_message") is not True:
        return None
    return _integer(message.get("message_thread_id"))


def _name(user: Mapping[str, object]) -> str:
    username = _text(user.get("username"), MAX_NAME_CHARS)
    name = f"@{username}" if username else _text(user.get("first_name"), MAX_NAME_CHARS)
    # It ends up in logs and records, where it must not begin a line of its own.
    return "".join(char if char.isprintable() else " " for char in name).strip()


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _integer(value: object) -> int | None:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return value if is_integer and isinstance(value, int) and abs(value) < _MAX_ID else None


def _text(value: object, most: int) -> str:
    if not isinstance(value, str):
        return ""
    text = value[:most]
    # A lone surrogate is legal in JSON's escapes and in nothing that comes after.
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
