"""The local Bot API's world: chats, messages, updates, limits. What tests play with and ask.

No socket in here. Safe to use from several threads: tests act on it while a server answers from it.
"""

import time
from collections import deque
from collections.abc import Callable
from random import Random
from threading import RLock
from typing import Any

from tests.support.telegram.faults import Faults
from tests.support.telegram.limits import Flood, Limits
from tests.support.telegram.markup import Entity, units
from tests.support.telegram.rooms import (
    ANONYMOUS_ADMIN,
    CHANNEL_BOT,
    INLINE_BOT,
    Json,
    Person,
    Request,
    Room,
    Sent,
    Version,
)
from tests.support.telegram.updates import UpdateQueue

TOKEN = "7000000001:AAEhBP0av28FrI3wTtMzUeRvc8DyB2kXy9o"
BOT = Person(7_000_000_001, "Spread", "spread_test_bot", is_bot=True)
OWNER = Person(1_001, "Kim", "kim")
MEMBER = Person(1_002, "Lee", "lee", "ko")
STRANGER = Person(6_666, "Eve", "eve")

PRIVATE = OWNER.id
GROUP = -4_001
SUPERGROUP = -1_001_000_000_001
FORUM = -1_001_000_000_002
CHANNEL = -1_001_000_000_003
TOPIC = 7

_MAX_REQUESTS = 500_000


class Clock:
    """UTC and monotonic nanoseconds; tests may hand in their own."""

    def now_ns(self) -> int:
        """UTC."""
        return time.time_ns()

    def mono_ns(self) -> int:
        """Monotonic; the same for every process of a host."""
        return time.monotonic_ns()


class Telegram:
    """One bot's Telegram. Starts with OWNER's private chat, GROUP, SUPERGROUP, FORUM and CHANNEL.

    ``base`` is the address to give the program; a server sets it.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        token: str = TOKEN,
        clock: Clock | None = None,
        seed: int = 1,
    ) -> None:
        self.lock = RLock()
        self.token = token
        self.bot = BOT
        self.base = ""
        self.faults = Faults()
        self.clock = clock or Clock()
        self.random = Random(seed)
        self.flood = Flood(limits)
        self.updates = UpdateQueue(self.random.randrange(1, 2**30))
        self.rooms: dict[int, Room] = {}
        self.sent: list[Sent] = []
        self.edits: list[tuple[Sent, Version]] = []
        self.requests: deque[Request] = deque(maxlen=_MAX_REQUESTS)
        self.callback_answers: dict[str, Json] = {}
        self.open_callbacks: set[str] = set()
        self.commands: dict[str, list[Json]] = {}
        self.actions: list[tuple[int, str]] = []
        self.webhook_url = ""
        self.polls = 0  # long polls waiting right now
        self.on_update: list[Callable[[], None]] = []
        self.on_record: list[Callable[[Json], None]] = []
        self._said: dict[tuple[int, int], Json] = {}
        self._by_id: dict[tuple[int, int], Sent] = {}
        for room in (
            Room(PRIVATE, "private", OWNER.first_name, OWNER.username),
            Room(GROUP, "group", "Desk"),
            Room(SUPERGROUP, "supergroup", "Desk"),
            Room(FORUM, "supergroup", "Forum", topics=frozenset({TOPIC})),
            Room(CHANNEL, "channel", "News", "news_channel"),
        ):
            self.rooms[room.id] = room

    # What tests ask.

    def messages(self, chat_id: int) -> list[Sent]:
        """The bot's messages in a chat that were not deleted, in order of acceptance."""
        with self.lock:
            return [each for each in self.sent if each.chat_id == chat_id and not each.deleted]

    def texts(self, chat_id: int) -> list[str]:
        """What they say now."""
        return [message.text for message in self.messages(chat_id)]

    def message(self, chat_id: int, message_id: int) -> Sent | None:
        """One message of the bot's that still stands."""
        found = self._by_id.get((chat_id, message_id))
        return found if found is not None and not found.deleted else None

    def heard(self, chat_id: int, message_id: int) -> Json | None:
        """One message somebody else wrote."""
        return self._said.get((chat_id, message_id))

    @property
    def waiting_updates(self) -> list[Json]:
        """Updates nobody confirmed yet."""
        with self.lock:
            return self.updates.waiting(self.now_s())

    def now_s(self) -> float:
        """UTC seconds."""
        return self.clock.now_ns() / 1e9

    # What people do.

    def add(self, room: Room) -> Room:
        """A further chat, or a known one in another state."""
        with self.lock:
            self.rooms[room.id] = room
            self.record({"e": "room", "room": room})
        return room

    def says(
        self,
        text: str,
        chat_id: int = PRIVATE,
        user: Person = OWNER,
        *,
        topic_id: int | None = None,
        date: int | None = None,
        forwarded: bool = False,
        via_bot: bool = False,
        anonymous: bool = False,
        as_channel: bool = False,
    ) -> int | None:
        """``user`` writes ``text``; the update's id, or None where such updates are not allowed.

        ``date`` is the UTC second it was written at, else now. In a channel it is a channel post.
        """
        with self.lock:
            room = self.rooms[chat_id]
            message = self._message(room, user, text, date)
            if topic_id is not None:
                message |= {"message_thread_id": topic_id, "is_topic_message": True}
            if forwarded:
                origin = {"type": "user", "date": message["date"] - 60, "sender_user": user.json()}
                message["forward_origin"] = origin
            if via_bot:
                message["via_bot"] = INLINE_BOT.json()
            if anonymous:
                message |= {"from": ANONYMOUS_ADMIN.json(), "sender_chat": room.json()}
            if as_channel:
                channel = self.rooms[CHANNEL].json()
                message |= {"from": CHANNEL_BOT.json(), "sender_chat": channel}
            if room.kind == "channel":
                message.pop("from", None)
                message["sender_chat"] = room.json()
            self._said[chat_id, message["message_id"]] = message
            return self._deliver(_kind(room, "message"), message)

    def rewrites(self, message_id: int, text: str, chat_id: int = PRIVATE) -> int | None:
        """Whoever wrote a message edits it."""
        with self.lock:
            old = self._said[chat_id, message_id]
            new = {**old, "text": text, "edit_date": int(self.now_s())}
            new["entities"] = _commands_in(text)
            self._said[chat_id, message_id] = new
            return self._deliver(_kind(self.rooms[chat_id], "edited_message"), new)

    def taps(
        self,
        message_id: int,
        data: str,
        chat_id: int = PRIVATE,
        user: Person = OWNER,
    ) -> tuple[str, int | None]:
        """``user`` taps a button with ``data``, even one that hangs there no more.

        The query's id, to look up in ``callback_answers``, and the update's.
        """
        with self.lock:
            room = self.rooms[chat_id]
            sent = self.message(chat_id, message_id)
            unseen = {"chat": room.json(), "message_id": message_id, "date": 0}
            query_id = str(self.random.randrange(10**17, 10**18))
            query = {
                "id": query_id,
                "from": user.json(),
                "message": unseen if sent is None else sent.json(room, self.bot),
                "chat_instance": str(self.random.randrange(10**17, 10**18)),
                "data": data,
            }
            self.open_callbacks.add(query_id)
            return query_id, self._deliver("callback_query", query)

    def taps_label(self, label: str, chat_id: int = PRIVATE, user: Person = OWNER) -> str:
        """``user`` taps the newest button called ``label``; the query's id.

        Raises:
            LookupError: no button of that name hangs there.
        """
        with self.lock:
            for message in reversed(self.messages(chat_id)):
                for button in (button for row in message.buttons for button in row):
                    if button["text"] == label:
                        data = button["callback_data"]
                        return self.taps(message.message_id, data, chat_id, user)[0]
        raise LookupError(f"no button {label!r}")

    def repeats(self, update: Json) -> None:
        """Telegram delivers an update again, as when it lost what was confirmed."""
        with self.lock:
            self.updates.repeat(update)
            self._woken()

    def restart_update_ids(self) -> int:
        """Update ids go on from somewhere else; the next one."""
        with self.lock:
            return self.updates.restart_ids(self.random)

    # What the methods do.

    def accept(self, sent: Sent, version: Version) -> Sent:
        """A message of the bot's is in its chat."""
        room = self.rooms[sent.chat_id]
        sent.message_id = self._next_id(room)
        sent.versions.append(version)
        self.sent.append(sent)
        self._by_id[sent.chat_id, sent.message_id] = sent
        return sent

    def change(self, sent: Sent, version: Version) -> None:
        """A message of the bot's says something else now."""
        sent.versions.append(version)
        self.edits.append((sent, version))

    def service(self, room: Room, content: Json) -> None:
        """What the bot did shows in the chat as a message of its own, and comes back to it."""
        message = self._message(room, self.bot, "", None) | content
        self._deliver(_kind(room, "message"), message)

    def restore(self, sent: Sent) -> None:
        """A message of an earlier life of this server."""
        room = self.rooms[sent.chat_id]
        room.next_message_id = max(room.next_message_id, sent.message_id + 1)
        self.sent.append(sent)
        self._by_id[sent.chat_id, sent.message_id] = sent

    def recall(self, content: Json) -> None:
        """What somebody said in an earlier life of this server."""
        for message in content.values():
            if "message_id" in message:
                room = self.rooms[message["chat"]["id"]]
                room.next_message_id = max(room.next_message_id, message["message_id"] + 1)
                self._said[room.id, message["message_id"]] = message

    def record(self, entry: Json) -> None:
        """Tell whoever keeps a file."""
        for listener in self.on_record:
            listener(entry)

    def _next_id(self, room: Room) -> int:
        message_id = room.next_message_id
        room.next_message_id += 1
        return message_id

    def _message(self, room: Room, user: Person, text: str, date: int | None) -> Json:
        message: Json = {
            "message_id": self._next_id(room),
            "from": user.json(),
            "chat": room.json(),
            "date": int(self.now_s()) if date is None else date,
        }
        if text:
            message["text"] = text
            if entities := _commands_in(text):
                message["entities"] = entities
        return message

    def _deliver(self, kind: str, payload: Json) -> int | None:
        update_id = self.updates.add(kind, payload, self.now_s())
        if update_id is not None:
            content = {kind: payload}
            self.record({"e": "update", "id": update_id, "at": self.now_s(), "content": content})
            self._woken()
        return update_id

    def _woken(self) -> None:
        for wake in self.on_update:
            wake()


def _kind(room: Room, kind: str) -> str:
    return kind.replace("message", "channel_post") if room.kind == "channel" else kind


def _commands_in(text: str) -> list[Entity]:
    word: Any = text.split(maxsplit=1)[0] if text.startswith("/") and len(text) > 1 else ""
    return [{"type": "bot_command", "offset": 0, "length": units(word)}] if word else []
