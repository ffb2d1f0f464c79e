"""The Bot API's methods on the local world, in Telegram's own answers and words. No socket here."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from tests.support.telegram.markup import Entity, MarkupError, parse_html, trimmed, units
from tests.support.telegram.rooms import Json, Room, Sent, Version
from tests.support.telegram.state import Telegram

MAX_TEXT = 4_096
MAX_CAPTION = 1_024
MAX_BUTTON_DATA_BYTES = 64
_IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


class ApiError(Exception):
    """An answer other than ok."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.parameters = parameters


class Upload(Struct, frozen=True):
    """A file of a multipart request."""

    filename: str
    content: bytes


class Call(Struct, frozen=True):
    """One request: its parameters as text or decoded JSON, and its files by field name."""

    given: Mapping[str, Any]
    files: Mapping[str, Upload] = {}

    def text(self, name: str) -> str:
        """A parameter as text; empty when not given."""
        value = self.given.get(name)
        return "" if value is None else str(value)

    def flag(self, name: str) -> bool:
        """A Boolean in any of the spellings Telegram takes."""
        return self.text(name).lower() in ("true", "yes", "1")

    def number(self, name: str, default: int = 0) -> int:
        """A whole number; ``default`` where it is none."""
        try:
            return int(self.text(name))
        except ValueError:
            return default

    def structure(self, name: str) -> Any:
        """A parameter that is JSON, given as such or as text; None when not given."""
        value = self.given.get(name)
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise ApiError(400, "Bad Request: object expected as " + name) from None


def call(api: Telegram, method: str, request: Call) -> Any:
    """The result of a method, by any spelling of its case.

    Raises:
        ApiError: Telegram would refuse it.
    """
    answer = METHODS.get(method.lower())
    if answer is None:
        raise ApiError(404, "Not Found: method not found")
    with api.lock:
        return answer(api, request)


def get_me(api: Telegram, _: Call) -> Json:
    return api.bot.json() | {
        "can_join_groups": True,
        "can_read_all_group_messages": True,
        "supports_inline_queries": False,
    }


def get_chat(api: Telegram, request: Call) -> Json:
    room = _readable(api, request)
    found = room.json() | {
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": {
            "unlimited_gifts": False,
            "limited_gifts": False,
            "unique_gifts": False,
            "premium_subscription": False,
            "gifts_from_channels": False,
        },
    }
    if room.pinned and (top := api.message(room.id, room.pinned[-1])) is not None:
        found["pinned_message"] = top.json(room, api.bot)
    return found


def send_message(api: Telegram, request: Call) -> Json:
    text, entities = _formatted(request, "text")
    if not text:
        raise ApiError(400, "Bad Request: message text is empty")
    buttons = _buttons(request)
    room = _writable(api, request)
    if units(text) > MAX_TEXT:
        raise ApiError(400, "Bad Request: message is too long")
    return _accept(api, request, room, "sendMessage", _version(api, text, entities, buttons))


def send_photo(api: Telegram, request: Call) -> Json:
    return _send_file(api, request, "sendPhoto", "photo")


def send_document(api: Telegram, request: Call) -> Json:
    return _send_file(api, request, "sendDocument", "document")


def send_chat_action(api: Telegram, request: Call) -> bool:
    room = _writable(api, request)
    action = request.text("action")
    if not action:
        raise ApiError(400, "Bad Request: wrong parameter action in request")
    api.actions.append((room.id, action))
    return True


def edit_message_text(api: Telegram, request: Call) -> Json:
    text, entities = _formatted(request, "text")
    if not text:
        raise ApiError(400, "Bad Request: message text is empty")
    buttons = _buttons(request)
    room, sent = _editable(api, request)
    if sent.method != "sendMessage":
        raise ApiError(400, "Bad Request: there is no text in the message to edit")
    if units(text) > MAX_TEXT:
        raise ApiError(400, "Bad Request: MESSAGE_TOO_LONG")
    return _change(api, room, sent, _version(api, text, entities, buttons))


def edit_message_reply_markup(api: Telegram, request: Call) -> Json:
    buttons = _buttons(request)
    room, sent = _editable(api, request)
    return _change(api, room, sent, _version(api, sent.text, sent.entities, buttons))


def delete_message(api: Telegram, request: Call) -> bool:
    room = _writable(api, request, topic=False)
    sent = api.message(room.id, request.number("message_id"))
    if sent is None:
        raise ApiError(400, "Bad Request: message to delete not found")
    sent.deleted = True
    if sent.message_id in room.pinned:
        room.pinned.remove(sent.message_id)
    api.record({"e": "deleted", "chat_id": room.id, "message_id": sent.message_id})
    return True


def pin_chat_message(api: Telegram, request: Call) -> bool:
    room = _writable(api, request, topic=False)
    sent = api.message(room.id, request.number("message_id"))
    if sent is None:
        raise ApiError(400, "Bad Request: message to pin not found")
    _may_pin(room)
    if sent.message_id not in room.pinned:
        room.pinned.append(sent.message_id)
        api.service(room, {"pinned_message": sent.json(room, api.bot)})
    return True


def unpin_chat_message(api: Telegram, request: Call) -> bool:
    room = _writable(api, request, topic=False)
    _may_pin(room)
    message_id = request.number("message_id") or (room.pinned[-1] if room.pinned else 0)
    if message_id in room.pinned:
        room.pinned.remove(message_id)
    elif request.text("message_id") and api.message(room.id, message_id) is None:
        raise ApiError(400, "Bad Request: message to unpin not found")
    return True


def answer_callback_query(api: Telegram, request: Call) -> bool:
    query_id = request.text("callback_query_id")
    if query_id not in api.open_callbacks:
        raise ApiError(
            400,
            "Bad Request: query is too old and response timeout expired or query ID is invalid",
        )
    if units(request.text("text")) > 200:
        raise ApiError(400, "Bad Request: MESSAGE_TOO_LONG")
    api.open_callbacks.discard(query_id)
    answer = {"text": request.text("text"), "show_alert": request.flag("show_alert")}
    api.callback_answers[query_id] = answer
    return True


def set_my_commands(api: Telegram, request: Call) -> bool:
    commands = request.structure("commands")
    if not isinstance(commands, list):
        raise ApiError(400, "Bad Request: can't parse commands: expected an Array of BotCommand")
    for command in commands:
        name = str(command.get("command", "")).removeprefix("/")
        # Whatever else it forbids, Telegram has no capitals and no other alphabet in a command.
        if not (1 <= len(name) <= 32 and name.isascii() and name == name.lower()):
            raise ApiError(400, "Bad Request: BOT_COMMAND_INVALID")
        if not 1 <= len(str(command.get("description", ""))) <= 256:
            raise ApiError(400, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
    scope = request.structure("scope") or {"type": "default"}
    if "chat_id" in scope:
        _room(api, str(scope["chat_id"]))
    api.commands[_scope_key(scope, request)] = commands
    return True


def get_my_commands(api: Telegram, request: Call) -> list[Json]:
    scope = request.structure("scope") or {"type": "default"}
    return api.commands.get(_scope_key(scope, request), [])


def set_webhook(api: Telegram, request: Call) -> bool:
    url = request.text("url")
    if url and not url.startswith("https://"):
        raise ApiError(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
    return _webhook(api, request, url)


def delete_webhook(api: Telegram, request: Call) -> bool:
    return _webhook(api, request, "")


def get_webhook_info(api: Telegram, _: Call) -> Json:
    return {
        "url": api.webhook_url,
        "has_custom_certificate": False,
        "pending_update_count": len(api.waiting_updates),
    }


METHODS: dict[str, Callable[[Telegram, Call], Any]] = {
    "getme": get_me,
    "getchat": get_chat,
    "sendmessage": send_message,
    "sendphoto": send_photo,
    "senddocument": send_document,
    "sendchataction": send_chat_action,
    "editmessagetext": edit_message_text,
    "editmessagereplymarkup": edit_message_reply_markup,
    "deletemessage": delete_message,
    "pinchatmessage": pin_chat_message,
    "unpinchatmessage": unpin_chat_message,
    "answercallbackquery": answer_callback_query,
    "setmycommands": set_my_commands,
    "getmycommands": get_my_commands,
    "setwebhook": set_webhook,
    "deletewebhook": delete_webhook,
    "getwebhookinfo": get_webhook_info,
}


def _send_file(api: Telegram, request: Call, method: str, field: str) -> Json:
    caption, entities = _formatted(request, "caption")
    buttons = _buttons(request)
    upload = _upload(request, field)
    room = _writable(api, request)
    if units(caption) > MAX_CAPTION:
        raise ApiError(400, "Bad Request: message caption is too long")
    if field == "photo" and not upload.content.startswith(_IMAGES):
        raise ApiError(400, "Bad Request: IMAGE_PROCESS_FAILED")
    version = _version(api, caption, entities, buttons)
    return _accept(api, request, room, method, version, upload)


def _accept(
    api: Telegram,
    request: Call,
    room: Room,
    method: str,
    version: Version,
    upload: Upload | None = None,
) -> Json:
    _spend(api, room)
    preview = request.structure("link_preview_options") or {}
    shown = not preview.get("is_disabled", request.flag("disable_web_page_preview"))
    topic_id = request.number("message_thread_id") or None
    silent = request.flag("disable_notification")
    sent = Sent(room.id, 0, method, silent, topic_id, shown)
    sent.reply_to = (request.structure("reply_parameters") or {}).get("message_id")
    if upload is not None:
        sent.content, sent.filename = upload.content, upload.filename
    api.accept(sent, version)
    api.record({"e": "sent", "sent": sent})
    return sent.json(room, api.bot)


def _change(api: Telegram, room: Room, sent: Sent, version: Version) -> Json:
    same = (version.text, version.entities, version.buttons)
    if same == (sent.text, sent.entities, sent.buttons):
        raise ApiError(
            400,
            "Bad Request: message is not modified: specified new message content and reply markup "
            "are exactly the same as a current content and reply markup of the message",
        )
    _spend(api, room)
    api.change(sent, version)
    api.record({"e": "edit", "chat_id": room.id, "message_id": sent.message_id, "version": version})
    return sent.json(room, api.bot)


def _spend(api: Telegram, room: Room) -> None:
    wait_s = api.flood.wait_s(room.id, room.id < 0, api.clock.mono_ns() / 1e9)
    if wait_s:
        raise ApiError(429, f"Too Many Requests: retry after {wait_s}", retry_after=wait_s)


def _version(
    api: Telegram, text: str, entities: list[Entity], buttons: list[list[Json]]
) -> Version:
    return Version(text, entities, buttons, api.clock.now_ns(), api.clock.mono_ns())


def _formatted(request: Call, field: str) -> tuple[str, list[Entity]]:
    text = request.text(field)
    mode = request.text("parse_mode").lower()
    entities: list[Entity] = []
    if mode == "html":
        try:
            text, entities = parse_html(text)
        except MarkupError as error:
            raise ApiError(400, f"Bad Request: can't parse entities: {error}") from None
    elif mode not in ("", "none"):
        # Markdown is not modelled: nothing here writes it, and an answer would be a guess.
        raise ApiError(400, "Bad Request: unsupported parse_mode")
    return trimmed(text, entities)


def _buttons(request: Call) -> list[list[Json]]:
    markup = request.structure("reply_markup")
    if markup is None:
        return []
    if not isinstance(markup, dict):
        raise ApiError(400, "Bad Request: object expected as reply markup")
    rows: list[list[Json]] = [row for row in markup.get("inline_keyboard", []) if row]
    for button in (button for row in rows for button in row):
        if not isinstance(button.get("text"), str) or not button["text"].strip():
            raise ApiError(400, "Bad Request: text buttons are unallowed in the inline keyboard")
        data = button.get("callback_data")
        if data is None and "url" not in button:
            raise ApiError(400, "Bad Request: text buttons are unallowed in the inline keyboard")
        if data is not None and not 1 <= len(data.encode()) <= MAX_BUTTON_DATA_BYTES:
            raise ApiError(400, "Bad Request: BUTTON_DATA_INVALID")
    return rows


def _upload(request: Call, field: str) -> Upload:
    name = request.text(field)
    found = request.files.get(name.removeprefix("attach://") if name else field)
    if found is None or not found.content:
        raise ApiError(400, f"Bad Request: there is no {field} in the request")
    return found


def _room(api: Telegram, chat_id: str) -> Room:
    if not chat_id:
        raise ApiError(400, "Bad Request: chat_id is empty")
    for room in api.rooms.values():
        public = room.username and room.kind != "private"
        if str(room.id) == chat_id or (public and chat_id.lower() == f"@{room.username.lower()}"):
            return room
    raise ApiError(400, "Bad Request: chat not found")


def _readable(api: Telegram, request: Call) -> Room:
    room = _room(api, request.text("chat_id"))
    if room.blocked and room.kind != "private":
        raise ApiError(403, f"Forbidden: bot was kicked from the {room.kind} chat")
    return room


def _writable(api: Telegram, request: Call, *, topic: bool = True) -> Room:
    room = _room(api, request.text("chat_id"))
    if room.moved_to is not None:
        raise ApiError(
            400,
            "Bad Request: group chat was upgraded to a supergroup chat",
            migrate_to_chat_id=room.moved_to,
        )
    if room.kind == "private":
        if not room.started:
            raise ApiError(403, "Forbidden: bot can't initiate conversation with a user")
        if room.blocked:
            raise ApiError(403, "Forbidden: bot was blocked by the user")
    _readable(api, request)
    if not room.may_write:
        words = "not enough rights to send text messages to the chat"
        raise ApiError(400, f"Bad Request: {words}")
    thread = request.number("message_thread_id")
    if topic and thread and thread not in room.topics:
        raise ApiError(400, "Bad Request: message thread not found")
    return room


def _editable(api: Telegram, request: Call) -> tuple[Room, Sent]:
    room = _writable(api, request, topic=False)
    message_id = request.number("message_id")
    if not message_id:
        raise ApiError(400, "Bad Request: message identifier is not specified")
    sent = api.message(room.id, message_id)
    if sent is not None:
        return room, sent
    if api.heard(room.id, message_id) is not None:
        raise ApiError(400, "Bad Request: message can't be edited")
    raise ApiError(400, "Bad Request: message to edit not found")


def _may_pin(room: Room) -> None:
    if room.kind != "private" and not room.may_pin:
        raise ApiError(400, "Bad Request: not enough rights to manage pinned messages in the chat")


def _scope_key(scope: Json, request: Call) -> str:
    return json.dumps([scope, request.text("language_code")], sort_keys=True)


def _webhook(api: Telegram, request: Call, url: str) -> bool:
    if request.flag("drop_pending_updates"):
        api.updates.clear()
    api.webhook_url = url
    return True
