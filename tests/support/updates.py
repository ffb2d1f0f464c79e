"""Updates as Telegram writes them, one builder for each shape that tests speak of."""

from typing import Any

from bot.access import Access
from bot.updates import Heard, HeardKind

Json = dict[str, Any]

CHAT = 1_001
GROUP = -1_001_000_000_001
OPERATOR = 1_001
OTHER = 1_002
ME = "spread_bot"
INSTANCE = "Ab3_-x"
WRITTEN_S = 1_790_000_000
S_NS = 1_000_000_000
WRITTEN_NS = WRITTEN_S * S_NS

PRIVATE_ACCESS = Access(str(CHAT), me=ME, instance=INSTANCE)
GROUP_ACCESS = Access(str(GROUP), (OPERATOR,), me=ME, instance=INSTANCE)


def a_person(user_id: int = OPERATOR, **more: Any) -> Json:
    """A User."""
    return {"id": user_id, "is_bot": False, "first_name": "Kim", "language_code": "ko"} | more


def sent_by(person: Json | None) -> dict[str, Any]:
    """The sender, as a keyword for the builders below; ``from`` is a word of Python's."""
    return {"from": person}


def a_chat(chat_id: int = CHAT) -> Json:
    """A Chat, private where the id is a person's."""
    return {"id": chat_id, "type": "private" if chat_id > 0 else "supergroup"}


def a_message(
    text: str = "/status", /, chat_id: int = CHAT, user_id: int = OPERATOR, **more: Any
) -> Json:
    """A Message; what is given as None is left out."""
    message = {
        "message_id": 7,
        "from": a_person(user_id),
        "chat": a_chat(chat_id),
        "date": WRITTEN_S,
        "text": text,
    } | more
    return {key: value for key, value in message.items() if value is not None}


def an_update(content: Json, kind: str = "message", update_id: int = 500) -> Json:
    """An Update of one kind."""
    return {"update_id": update_id, kind: content}


def said(
    text: str = "/status", /, chat_id: int = CHAT, user_id: int = OPERATOR, **more: Any
) -> Json:
    """The Update of a Message."""
    return an_update(a_message(text, chat_id, user_id, **more))


def tapped(
    data: Any = f"halt:{INSTANCE}:", chat_id: int = CHAT, user_id: int = OPERATOR, **more: Any
) -> Json:
    """The Update of a tap on a button under a message of the bot's."""
    query = {
        "id": "424242",
        "from": a_person(user_id),
        "message": a_message("card", chat_id, 99) | {"message_id": 70},
        "chat_instance": "1",
        "data": data,
    } | more
    return an_update(
        {key: value for key, value in query.items() if value is not None}, "callback_query"
    )


def a_heard(
    text: str = "/status",
    message_id: int = 7,
    written_ns: int | None = WRITTEN_NS,
    update_id: int = 500,
) -> Heard:
    """A message that was let in."""
    kind = HeardKind.COMMAND if text.startswith("/") else HeardKind.TEXT
    return Heard(
        kind, update_id, CHAT, OPERATOR, "Kim", "ko", None, message_id, written_ns, text, "", "", 0
    )


def a_tap(data: str, callback_id: str = "424242", update_id: int = 500) -> Heard:
    """A tap that was let in."""
    return Heard(
        HeardKind.TAP,
        update_id,
        CHAT,
        OPERATOR,
        "Kim",
        "ko",
        None,
        0,
        None,
        "",
        data,
        callback_id,
        70,
    )
