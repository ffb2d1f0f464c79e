"""Who and what the local Bot API knows: people, chats, and what was said in them. Pure."""

from typing import Any

from msgspec import Struct, field

Json = dict[str, Any]


class Person(Struct, frozen=True):
    """A Telegram account."""

    id: int
    first_name: str = "Kim"
    username: str = ""
    language_code: str = "en"
    is_bot: bool = False

    def json(self) -> Json:
        """As the Bot API writes a User."""
        found: Json = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        if self.username:
            found["username"] = self.username
        if not self.is_bot and self.language_code:
            found["language_code"] = self.language_code
        return found


ANONYMOUS_ADMIN = Person(1_087_968_824, "Group", "GroupAnonymousBot", is_bot=True)
CHANNEL_BOT = Person(136_817_688, "Channel", "Channel_Bot", is_bot=True)
INLINE_BOT = Person(107_705_060, "Gif", "gif", is_bot=True)


class Room(Struct):
    """A chat the bot is in. ``kind`` is private, group, supergroup or channel."""

    id: int
    kind: str
    title: str = ""
    username: str = ""
    topics: frozenset[int] = frozenset()
    blocked: bool = False  # private: the user blocked the bot; others: the bot was kicked
    may_write: bool = True
    may_pin: bool = True
    moved_to: int | None = None
    started: bool = True  # private: the user has written to the bot once
    pinned: list[int] = []
    next_message_id: int = 1

    def json(self) -> Json:
        """As the Bot API writes a Chat."""
        found: Json = {"id": self.id, "type": self.kind}
        found["first_name" if self.kind == "private" else "title"] = self.title
        if self.username:
            found["username"] = self.username
        if self.topics:
            found["is_forum"] = True
        return found


class Version(Struct, frozen=True):
    """What a message said from ``at_ns`` (UTC) and ``mono_ns`` on."""

    text: str
    entities: list[Json]
    buttons: list[list[Json]]
    at_ns: int
    mono_ns: int


class Sent(Struct):
    """A message of the bot's that was accepted. ``versions`` begins with it as first accepted."""

    chat_id: int
    message_id: int
    method: str
    silent: bool
    topic_id: int | None
    preview: bool
    versions: list[Version] = field(default_factory=list)
    content: bytes = b""
    filename: str = ""
    deleted: bool = False
    reply_to: int | None = None

    @property
    def text(self) -> str:
        """The text, or caption, as it stands now."""
        return self.versions[-1].text

    @property
    def entities(self) -> list[Json]:
        """Where its markup stands now."""
        return self.versions[-1].entities

    @property
    def buttons(self) -> list[list[Json]]:
        """Its inline keyboard now."""
        return self.versions[-1].buttons

    @property
    def first_text(self) -> str:
        """The text as first accepted."""
        return self.versions[0].text

    @property
    def edits(self) -> list[Version]:
        """What edits made of it, in order."""
        return self.versions[1:]

    @property
    def at_ns(self) -> int:
        """When it was accepted, UTC."""
        return self.versions[0].at_ns

    @property
    def mono_ns(self) -> int:
        """When it was accepted, by this host's monotonic clock."""
        return self.versions[0].mono_ns

    def json(self, room: Room, bot: Person) -> Json:
        """As the Bot API writes a Message."""
        found: Json = {"message_id": self.message_id}
        if room.kind == "channel":
            found["sender_chat"] = room.json()
        else:
            found["from"] = bot.json()
        found |= {"chat": room.json(), "date": self.at_ns // 1_000_000_000}
        if self.edits:
            found["edit_date"] = self.versions[-1].at_ns // 1_000_000_000
        if self.topic_id is not None:
            found |= {"message_thread_id": self.topic_id, "is_topic_message": True}
        found |= self._body()
        if self.buttons:
            found["reply_markup"] = {"inline_keyboard": self.buttons}
        return found

    def _body(self) -> Json:
        caption = self.method != "sendMessage"
        found: Json = {}
        if self.text or not caption:
            found["caption" if caption else "text"] = self.text
        if self.entities:
            found["caption_entities" if caption else "entities"] = self.entities
        file = {"file_id": f"F{self.message_id}", "file_unique_id": f"U{self.message_id}"}
        if self.method == "sendPhoto":
            found["photo"] = [{**file, "width": 640, "height": 480, "file_size": len(self.content)}]
        elif self.method == "sendDocument":
            found["document"] = {**file, "file_name": self.filename}
        return found


class Request(Struct):
    """One request, and when it came in; ``status`` 0 is no answer, or none yet."""

    method: str
    chat_id: str
    mono_ns: int
    status: int = 0
