"""What the words and buttons mean: commands by name, lone words, and the data of buttons. Pure."""

import re
import unicodedata

from msgspec import Struct

from bot.updates import MAX_DATA_BYTES, Heard, HeardKind

_MAX_LONE_CHARS = 64
_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@([A-Za-z0-9_]{1,64}))?(?=\s|\Z)")
_VERB = re.compile(r"[a-z_]{1,16}")
_INSTANCE = re.compile(r"[A-Za-z0-9_-]{1,16}")
_LONE_WORDS = {
    "긴급정지": "halt",
    "정지": "halt",
    "halt": "halt",
    "신규진입 중지": "pause",
    "일시정지": "pause",
    "pause": "pause",
    "상태": "status",
    "status": "status",
}


class Spoken(Struct, frozen=True):
    """A command by name, and what followed it."""

    name: str
    args: tuple[str, ...] = ()


def spoken(heard: Heard) -> Spoken | None:
    """The command in what was heard; None for other words, to be answered with a pointer."""
    match heard.kind:
        case HeardKind.TAP:
            found = split_tap(heard.data)
            if found is None:
                return None
            verb, _, argument = found
            return Spoken(verb, (argument,) if argument else ())
        case HeardKind.COMMAND:
            command = split_command(heard.text)
            return None if command is None else Spoken(command[0], command[2])
        case HeardKind.TEXT:
            word = lone_word(heard.text)
            return None if word is None else Spoken(word)


def split_command(text: str) -> tuple[str, str, tuple[str, ...]] | None:
    """Name, the bot it is addressed to (or empty) and words of ``/name@bot words``; else None."""
    found = _COMMAND.match(text)
    if found is None:
        return None
    return found[1].lower(), (found[2] or "").lower(), tuple(text[found.end() :].split())


def lone_word(text: str) -> str | None:
    """The command that a whole message of these words stands for."""
    if len(text) > _MAX_LONE_CHARS:
        return None
    # A phone may send Hangul decomposed, which compares unequal to the same word composed.
    return _LONE_WORDS.get(unicodedata.normalize("NFC", " ".join(text.split())).casefold())


def tap_data(verb: str, instance: str, argument: str = "") -> str:
    """What a button sends back: ``<verb>:<instance>:<argument>``.

    Raises:
        ValueError: a part has a form that could not be read back, or it is over 64 bytes.
    """
    data = f"{verb}:{instance}:{argument}"
    if split_tap(data) != (verb, instance, argument):
        raise ValueError(f"no button can carry {data!r}")
    return data


def split_tap(data: str) -> tuple[str, str, str] | None:
    """Verb, instance and argument of a button; None where it is none of ours."""
    if len(data) > MAX_DATA_BYTES or len(data.encode("utf-8", "replace")) > MAX_DATA_BYTES:
        return None
    verb, _, rest = data.partition(":")
    instance, colon, argument = rest.partition(":")
    if not colon or not _VERB.fullmatch(verb) or not _INSTANCE.fullmatch(instance):
        return None
    return verb, instance, argument
