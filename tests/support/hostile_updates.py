"""Updates by everybody but an operator: every shape there is, drawn from a seed."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from tests.support.updates import (
    GROUP,
    INSTANCE,
    ME,
    OPERATOR,
    WRITTEN_S,
    Json,
    a_chat,
    a_message,
    a_person,
    an_update,
    tapped,
)

_TEXTS: tuple[str, ...] = (
    "/halt",
    "/halt now",
    "/resume",
    "/flatten",
    "/paper",
    "/live",
    "/status",
    "긴급정지",
)
_TEXTS += ("halt", "일시정지", f"/resume@{ME}", "/mute all 1d", "hello", "<b>&", "' OR 1=1; --")
_MARKS: tuple[dict[str, Any], ...] = (
    {"forward_origin": {"type": "hidden_user", "date": 1}},
    {"forward_date": 1},
    {"is_automatic_forward": True},
    {"edit_date": WRITTEN_S},
    {"via_bot": a_person(9, is_bot=True)},
    {"sender_chat": a_chat(GROUP)},
    {"sender_chat": a_chat(-5)},
    {"business_connection_id": "b"},
    {"from": a_person(is_bot=True)},
    {"from": None},
    {"date": None},
    {"message_id": None},
    {"text": None},
)
_OTHER_KINDS = (
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "inline_query",
    "chosen_inline_result",
    "business_message",
    "edited_business_message",
    "message_reaction",
    "chat_member",
    "chat_join_request",
    "shipping_query",
    "a_kind_of_tomorrow",
)
_ODD: tuple[Any, ...] = (None, True, -1, 2**70, 1.5, "1001", "", [], {}, "\ud800\x00", float("inf"))


def hostile_updates(seed: int, number: int) -> Iterator[object]:
    """So many, the same for the same seed."""
    random = Random(seed)
    shapes = (_stranger, _marked, _other_kind, _tap, _other_user, _mutilated, _junk, _huge)
    weights = (20, 20, 15, 15, 15, 14, 5, 1)
    for update_id in range(number):
        (shape,) = random.choices(shapes, weights)
        update = shape(random)
        if isinstance(update, dict) and "update_id" in update and shape is not _mutilated:
            update["update_id"] = update_id
        yield update


def _stranger(random: Random) -> object:
    # A chat of their own, or any other that is not ours.
    user = random.randrange(5_000, 2**40)
    chat = user if random.random() < 0.5 else -random.randrange(1, 2**40)
    return an_update(_message(random, chat, user))


def _other_user(random: Random) -> object:
    return an_update(_message(random, GROUP, random.randrange(5_000, 2**40)))


def _marked(random: Random) -> object:
    mark = random.choice(_MARKS)
    message = _message(random, GROUP, OPERATOR) | mark
    return an_update({key: value for key, value in message.items() if value is not None})


def _other_kind(random: Random) -> object:
    return an_update(_message(random, GROUP, OPERATOR), random.choice(_OTHER_KINDS))


def _tap(random: Random) -> object:
    good = f"halt:{INSTANCE}:"
    wrong: Callable[[], Json] = random.choice(
        (
            lambda: tapped(good, GROUP, random.randrange(5_000, 2**40)),
            lambda: tapped(good, random.randrange(5_000, 2**40), OPERATOR),
            lambda: tapped(f"confirm:{random.randrange(2**30)}:x", GROUP, OPERATOR),
            lambda: tapped(random.choice(_TEXTS), GROUP, OPERATOR),
            lambda: tapped(good + "x" * random.randrange(60, 300), GROUP, OPERATOR),
            lambda: tapped(good, GROUP, OPERATOR, message=None),
            lambda: tapped(good, GROUP, OPERATOR, inline_message_id="i"),
            lambda: tapped(random.choice(_ODD), GROUP, OPERATOR),
        )
    )
    return wrong()


def _mutilated(random: Random) -> object:
    """A stranger's update with some value, anywhere in it, of another type."""
    update: Json = an_update(_message(random, GROUP, 6_666))
    target: Any = update
    for _ in range(random.randrange(3)):
        deeper = [value for value in target.values() if isinstance(value, dict) and value]
        target = random.choice(deeper) if deeper else target
    target[random.choice(list(target))] = random.choice(_ODD)
    return update


def _junk(random: Random) -> object:
    deep: Any = "x"
    for _ in range(random.randrange(50)):
        deep = [deep] if random.random() < 0.5 else {"message": deep}
    return random.choice((*_ODD, deep, {"update_id": 5, "message": deep}, {"update_id": deep}))


def _huge(random: Random) -> object:
    text = random.choice(("/halt ", "한", "\ud800", "x")) * 20_000
    return an_update(a_message(text, -77, 6_666, caption=text))


def _message(random: Random, chat_id: int, user_id: int) -> Json:
    return a_message(
        random.choice(_TEXTS),
        chat_id,
        user_id,
        message_id=random.randrange(1, 2**31),
        date=WRITTEN_S + random.randrange(-90_000, 90_000),
    )
