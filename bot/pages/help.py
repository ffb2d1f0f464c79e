"""What the bot can do, who asks, and what it never does. Pure."""

from datetime import UTC

from msgspec import Struct

from bot.buttons import HALT, SHOW, buttons, rows
from bot.pages.pen import MAX_NAME_CHARS, Pen, View, clean, joined
from bot.paging import GAP, Block, Line, Page, bold, code, line
from trader.port import UNKNOWN, BlockReason, Language, Origin, explain_block

MAX_MENU_CHARS = 256
_MAX_BLOCKS = 6

WATCH = (
    ("status", ""),
    ("positions", ""),
    ("pnl", "[1d|7d|30d]"),
    ("guards", ""),
    ("why", "[id]"),
    ("spread", "[pair]"),
    ("orders", ""),
    ("trades", "[n]"),
    ("balance", ""),
    ("chart", "[equity|spread|pnl] [1d]"),
    ("summary", ""),
)
ACT = (
    ("halt", "[now] [reason]"),
    ("stop", ""),
    ("pause", "[venue|pair] [30m]"),
    ("resume", ""),
    ("paper", ""),
    ("flatten", ""),
    ("close", "<id>"),
    ("ack", "<id>"),
    ("mute", "<type> <2h>"),
    ("drill", "<type>"),
    ("live", ""),
)
RECORDS = (
    ("alerts", ""),
    ("metrics", ""),
    ("logs", "[n]"),
    ("config", ""),
    ("audit", "[n]"),
    ("health", ""),
    ("version", ""),
    ("whoami", ""),
    ("help", ""),
    ("start", ""),
)
COMMANDS = (("watch", WATCH), ("act", ACT), ("records", RECORDS))
"""Every command with its arguments, group by group."""


class Caller(Struct, frozen=True):
    """Who wrote, and where."""

    user_id: int
    user_name: str
    chat_id: int
    topic_id: int | None = None
    language: str = ""


def help_page(view: View, origin: Origin | None = None) -> Page:
    """All commands, one line each, grouped by what they are for."""
    pen = Pen(view)
    blocks = []
    for group, commands in COMMANDS:
        lines = [line(*_command(name, arguments, pen)) for name, arguments in commands]
        blocks.append(Block((GAP, pen.title(f"help.{group}"), *lines)))
    blocks.append(Block((GAP, line(pen.say("help.words")))))
    return pen.page("help", _head(origin, pen, "help.title"), blocks)


def start_page(view: View, origin: Origin | None = None) -> Page:
    """A greeting: what it can do, what it can never do, and the button that stops everything."""
    pen = Pen(view)
    blocks = [
        Block((GAP, line(pen.say("start.hello")))),
        Block((GAP, pen.title("start.can"), *(_bullets("start.can", 4, pen)))),
        Block((GAP, pen.title("start.never"), *(_bullets("start.never", 3, pen)))),
        Block((GAP, line(pen.say("start.halt")))),
    ]
    status = buttons(pen.words["button.status"], SHOW, view.instance, "1 status")
    helped = buttons(pen.words["button.help"], SHOW, view.instance, "1 help")
    halt = buttons(pen.words["button.halt"], HALT, view.instance)
    standing = rows((*status, *helped), halt)
    return pen.page("start", _head(origin, pen, "start.title"), blocks, standing)


def whoami_page(caller: Caller, view: View, origin: Origin | None = None) -> Page:
    """The ids that the config may name."""
    pen = Pen(view)
    topic = UNKNOWN if caller.topic_id is None else str(caller.topic_id)
    lines = (
        joined(pen.say("whoami.name"), clean(caller.user_name, MAX_NAME_CHARS) or UNKNOWN),
        joined(pen.say("whoami.user"), code(str(caller.user_id))),
        joined(pen.say("whoami.chat"), code(str(caller.chat_id))),
        joined(pen.say("whoami.topic"), topic),
        joined(pen.say("whoami.language"), clean(caller.language, MAX_NAME_CHARS) or UNKNOWN),
    )
    return pen.page("whoami", _head(origin, pen, "whoami.title"), [Block((GAP, *lines))])


def pointer_page(view: View, origin: Origin | None = None) -> Page:
    """What is answered to words nobody understands."""
    pen = Pen(view)
    lines = [line(pen.say("pointer")), line(pen.say("pointer.halt"))]
    if origin is not None:
        lines.insert(0, line(pen.say("pointer.title")))
    return pen.page("help", _head(origin, pen, "pointer.title"), [Block((GAP, *lines))])


def live_page(
    view: View, origin: Origin | None = None, blocks: tuple[BlockReason, ...] = ()
) -> Page:
    """No, and what the host must do; ``blocks`` are the reasons why the gate is shut now."""
    pen = Pen(view)
    steps = tuple(line(f"{n}. {pen.say(f'live.step.{n}')}") for n in (1, 2, 3, 4))
    found = [Block((GAP, line(bold(pen.say("live.no")))))]
    found.append(Block((GAP, pen.title("live.host"), *steps)))
    shown = blocks[:_MAX_BLOCKS]
    if shown:
        lines: list[Line] = []
        for reason in shown:
            words = explain_block(reason, view.language)
            lines += [line(f"✗ {words.sentence}"), line(f"→ {words.mend}")]
        rest = len(blocks) - len(shown)
        if rest > 0:
            lines.append(line(pen.say("care.more", count=pen.count(rest))))
        found.append(Block((GAP, pen.title("live.blocks"), *lines)))
    return pen.page("live", _head(origin, pen, "live.title"), found)


def menu(language: Language) -> list[tuple[str, str]]:
    """Commands and their descriptions for the chat's menu, in the order of ``/help``."""
    pen = Pen(View(language, UTC, 0))
    return [
        (name, pen.say(f"command.{name}")[:MAX_MENU_CHARS])
        for _, commands in COMMANDS
        for name, _ in commands
    ]


def _head(origin: Origin | None, pen: Pen, key: str) -> Line:
    return line(bold(pen.say(key))) if origin is None else pen.headline(origin)


def _command(name: str, arguments: str, pen: Pen) -> tuple[str, ...]:
    asked = f"/{name} {arguments}".rstrip()
    return (f"{asked} – {pen.say(f'command.{name}')}",)


def _bullets(key: str, count: int, pen: Pen) -> tuple[Line, ...]:
    return tuple(line(f"• {pen.say(f'{key}.{number}')}") for number in range(1, count + 1))
