"""Who may speak to the bot, and how old a command may be. Pure.

Whoever is not let in is met with silence: a denied update reaches no handler and costs no request.
"""

from enum import StrEnum

from msgspec import Struct

from bot.spoken import split_command, split_tap
from bot.updates import (
    Denied,
    DenyReason,
    Heard,
    HeardKind,
    Incoming,
    Source,
    hash_of,
    read_update,
)
from trader.port.settings import BotSettings

_NS_PER_S = 1_000_000_000
GENERAL_TOPIC = 1
"""A forum's first topic, whose messages name no topic at all."""
HALT = "halt"
HALT_AGE_NS = 24 * 3_600 * _NS_PER_S
LOWERING_AGE_NS = 3_600 * _NS_PER_S
FRESH_NS = 30 * _NS_PER_S
"""What raises risk or closes money is no older; what lowers it and is older acts late."""
VIEW_AGE_NS = 120 * _NS_PER_S
_ALIASES = {"stop": HALT}
_OTHER_SOURCES = {
    Source.JUNK: DenyReason.MALFORMED,
    Source.OTHER: DenyReason.OTHER_KIND,
    Source.EDITED: DenyReason.EDITED,
    Source.CHANNEL: DenyReason.CHANNEL,
    Source.INLINE: DenyReason.INLINE,
    Source.BUSINESS: DenyReason.BUSINESS,
}


class Kind(StrEnum):
    """What a command does to risk; that decides how late it may act and in which lane it runs."""

    LOWERS = "lowers"
    RAISES = "raises"
    NOTES = "notes"
    """Neither, and yet no view: acknowledging, muting, drills."""
    VIEW = "view"


class Timing(StrEnum):
    """How a command's age stands to what its kind allows."""

    FRESH = "fresh"
    LATE = "late"
    TOO_OLD = "too_old"


class Access(Struct, frozen=True):
    """Who is let in. ``me`` is the bot's user name, ``instance`` the mark its buttons carry."""

    chat_id: str
    user_ids: tuple[int, ...] | None = None
    topic_id: int | None = None
    me: str = ""
    instance: str = ""


def access_of(settings: BotSettings, me: str, instance: str) -> Access:
    """The rules of the settings, for the bot called ``me`` with the buttons of ``instance``."""
    chat_id = settings.chat_id.strip()
    return Access(chat_id, settings.user_ids, settings.topic_id, me.lower(), instance)


def hear(raw: object, access: Access) -> Heard | Denied:
    """Narrow one update and judge whether anybody may act by it. Never raises."""
    incoming = read_update(raw)
    why = _why_not(incoming, access)
    if why is None:
        return _heard(incoming)
    by_operator = why is DenyReason.OTHER_INSTANCE
    return Denied(
        incoming.update_id,
        why,
        incoming.user_id,
        incoming.chat_id,
        hash_of(incoming.text or incoming.data),
        incoming.callback_id if by_operator else "",
    )


def canonical(name: str) -> str:
    """The one name of a command that goes by several."""
    return _ALIASES.get(name, name)


def timing(name: str, kind: Kind, written_ns: int | None, now_ns: int) -> Timing:
    """Whether a command written at ``written_ns`` may act at ``now_ns``, both UTC.

    A tap carries no time and counts as fresh here: a confirmation is judged by when its button was
    made, and a standing button that lowers risk may be tapped at any time.
    """
    if written_ns is None:
        return Timing.FRESH
    age_ns = now_ns - written_ns
    if age_ns > _most_age_ns(name, kind):
        return Timing.TOO_OLD
    if kind is Kind.RAISES and age_ns < -FRESH_NS:
        # One of the clocks is wrong, so nobody can say that it is fresh.
        return Timing.TOO_OLD
    return Timing.LATE if age_ns > FRESH_NS else Timing.FRESH


def _most_age_ns(name: str, kind: Kind) -> int:
    match kind:
        case Kind.LOWERS:
            return HALT_AGE_NS if name == HALT else LOWERING_AGE_NS
        case Kind.RAISES:
            return FRESH_NS
        case Kind.NOTES | Kind.VIEW:
            return VIEW_AGE_NS


def _why_not(incoming: Incoming, access: Access) -> DenyReason | None:
    if incoming.source in _OTHER_SOURCES:
        return _OTHER_SOURCES[incoming.source]
    if incoming.is_inline:
        return DenyReason.INLINE
    if incoming.chat_id is None or not incoming.message_id:
        return DenyReason.MALFORMED
    if not access.chat_id:
        return DenyReason.NO_CHAT
    if str(incoming.chat_id) != access.chat_id:
        return DenyReason.OTHER_CHAT
    return (
        _why_not_theirs(incoming)
        or _why_not_them(incoming, access)
        or _why_not_it(incoming, access)
    )


def _why_not_theirs(incoming: Incoming) -> DenyReason | None:
    """Words in our chat that may not be those of whoever shows as the sender."""
    if incoming.is_business:
        return DenyReason.BUSINESS
    if incoming.is_forwarded:
        return DenyReason.FORWARDED
    if incoming.is_edited:
        return DenyReason.EDITED
    if incoming.is_via_bot:
        return DenyReason.VIA_BOT
    if incoming.has_sender_chat:
        return DenyReason.ANONYMOUS
    if incoming.user_id is None:
        return DenyReason.MALFORMED
    if incoming.from_bot:
        # Without words it is most likely our own pinning, as the chat shows it.
        return DenyReason.FROM_BOT if incoming.text or incoming.data else DenyReason.WORDLESS
    return None


def _why_not_them(incoming: Incoming, access: Access) -> DenyReason | None:
    if access.user_ids is not None and incoming.user_id not in access.user_ids:
        return DenyReason.OTHER_USER
    if access.topic_id is None or incoming.unseen:
        return None
    topic = GENERAL_TOPIC if incoming.topic_id is None else incoming.topic_id
    return None if topic == access.topic_id else DenyReason.OTHER_TOPIC


def _why_not_it(incoming: Incoming, access: Access) -> DenyReason | None:
    if incoming.source is Source.TAP:
        tapped = split_tap(incoming.data)
        if tapped is None or not _is_callback_id(incoming.callback_id):
            return DenyReason.MALFORMED
        return None if tapped[1] == access.instance else DenyReason.OTHER_INSTANCE
    if incoming.written_ns is None:
        return DenyReason.MALFORMED
    if not incoming.text:
        return DenyReason.WORDLESS
    command = split_command(incoming.text)
    if command is not None and command[1] and command[1] != access.me:
        return DenyReason.OTHER_BOT
    return None


def _is_callback_id(text: str) -> bool:
    return 0 < len(text) <= 64 and text.isascii() and text.isprintable()


def _heard(incoming: Incoming) -> Heard:
    is_tap = incoming.source is Source.TAP
    if is_tap:
        kind = HeardKind.TAP
    else:
        kind = HeardKind.COMMAND if incoming.text.startswith("/") else HeardKind.TEXT
    return Heard(
        kind,
        incoming.update_id,
        incoming.chat_id or 0,
        incoming.user_id or 0,
        incoming.user_name,
        incoming.language,
        incoming.topic_id,
        0 if is_tap else incoming.message_id,
        incoming.written_ns,
        incoming.text,
        incoming.data,
        incoming.callback_id,
        incoming.message_id if is_tap else 0,
    )
