"""The commands that only look: asked of the engine, told as pages, a picture or a file.

Every one is answered, if only with a line that says why not. Nothing here changes anything.
"""

from collections.abc import Mapping
from functools import partial
from typing import Protocol
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from bot.access import Kind
from bot.answering import Answering
from bot.audit import Audit
from bot.buttons import SHOW
from bot.charts import ChartFailed
from bot.control_memory import ControlMemory
from bot.drawing import KINDS, SPANS, caption, drawn
from bot.lane import Handler
from bot.line import Clock
from bot.messenger import OutMessage
from bot.pages import Caller, Page, View, attached, pointer_page
from bot.paging import goes_as_file
from bot.query_words import language_for, one_line, say
from bot.schedule import Answers, Draws, SummaryParts
from bot.summary_sections import SummaryKind
from bot.updates import Heard, HeardKind
from bot.views import Asking, NotAllowed, Views, Wanted
from trader.port import ChartAnswer, Language, PortError, PortTimeout, Question
from trader.port.settings import BotSettings

CARD = "card"
_MAX_SHOWN_CHARS = 64


class TellsSummary(Protocol):
    """Makes the summary of the day, week or month that goes on."""

    async def summary_now(self, kind: SummaryKind) -> SummaryParts:
        """The summary so far.

        Raises:
            PortError: the engine does not answer.
        """
        ...


class KeepsCard(Protocol):
    """The pinned card, as far as its own button goes."""

    async def tapped(self, heard: Heard) -> None:
        """Show what is now, and end the waiting of whoever tapped."""
        ...


class Told(Struct, frozen=True):
    """Where else a view's parts come from."""

    summaries: TellsSummary
    painter: Draws
    card: KeepsCard | None = None


class Queries:
    """Answers every command that only looks."""

    def __init__(
        self,
        port: Answers,
        settings: BotSettings,
        answering: Answering,
        memory: ControlMemory,
        audit: Audit,
        clock: Clock,
        told: Told,
    ) -> None:
        self._settings = settings
        self._zone = ZoneInfo(settings.zone)
        self._answering = answering
        self._clock = clock
        self._told = told
        self._instance = memory.instance
        self._asking = Asking(port, settings.engine)
        self._makers = Views(self._asking, memory, audit).makers()

    def handlers(self) -> Mapping[str, tuple[Kind, Handler]]:
        """Every command and button answered here, for the lane."""
        found: dict[str, tuple[Kind, Handler]] = {
            name: (Kind.VIEW, partial(self._named, name)) for name in (*self._makers, *_OWN)
        }
        return found | {SHOW: (Kind.VIEW, self._show)}

    async def pointer(self, heard: Heard, args: tuple[str, ...]) -> bool | None:
        """Answer what nobody understands; in a group only what was meant for a bot."""
        del args
        language = self._language(heard)
        if heard.kind is HeardKind.TAP:
            await self._answering.callback(heard, say(language, "old_button"))
        elif heard.kind is HeardKind.COMMAND or heard.chat_id > 0:
            view = View(language, self._zone, self._clock.now_ns(), self._instance)
            await self._answering.reply(heard, pointer_page(view))
        return None

    async def _named(self, name: str, heard: Heard, args: tuple[str, ...]) -> bool | None:
        await self._look(heard, name, args, 1)
        return None

    async def _show(self, heard: Heard, args: tuple[str, ...]) -> bool | None:
        """A view again, or another page of it: ``<page> <command> <arguments>``."""
        words = " ".join(args)[:_MAX_SHOWN_CHARS].split()
        page, name = (words[0], words[1]) if len(words) > 1 else ("", "")
        if name == CARD and self._told.card is not None:
            await self._told.card.tapped(heard)
        elif page.isascii() and page.isdecimal() and (name in self._makers or name in _OWN):
            await self._look(heard, name, tuple(words[2:]), int(page))
        else:
            await self._answering.callback(heard, say(self._language(heard), "old_button"))
        return None

    async def _look(self, heard: Heard, name: str, args: tuple[str, ...], page: int) -> None:
        trouble = ""
        try:
            if name in self._makers:
                await self._tell(heard, name, args, page)
            elif name == "chart":
                await self._chart(heard, args)
            else:
                await self._summary(heard, args)
        except (NotAllowed, PortError, ChartFailed, msgspec.ValidationError) as error:
            trouble = self._trouble(error, name, args, self._language(heard))
            if heard.kind is not HeardKind.TAP:
                await self._answering.reply(heard, (one_line(trouble),))
        finally:
            # Whatever became of it, the phone must stop waiting; a page is left as it was.
            await self._answering.callback(heard, trouble)

    async def _tell(self, heard: Heard, name: str, args: tuple[str, ...], number: int) -> None:
        wanted = self._wanted(heard, name, args)
        page = await self._makers[name](wanted)
        is_tap = heard.kind is HeardKind.TAP
        if is_tap and (number > 1 or not goes_as_file(page)):
            await self._answering.edit(heard, page[min(max(number, 1), len(page)) - 1])
        elif goes_as_file(page):
            file = attached(page, wanted.view, name)
            content = file.text.encode("utf-8", "replace")
            await self._answering.file(heard, file.name, content, file.caption)
        else:
            await self._answering.reply(heard, page[:1] if _turns(page) else page)

    async def _chart(self, heard: Heard, args: tuple[str, ...]) -> None:
        asked = _chart_asked(args)
        await self._answering.typing("upload_photo")
        answer = await self._asking.ask(Question.CHART, ChartAnswer, asked)
        view = self._wanted(heard, "chart", args).view
        view = msgspec.structs.replace(view, effective=await self._asking.effective())
        png = await self._told.painter.draw(drawn(answer, view, self._settings.zone))
        await self._answering.photo(heard, png, caption(answer, view))

    async def _summary(self, heard: Heard, args: tuple[str, ...]) -> None:
        allowed = tuple(kind.value for kind in SummaryKind)
        asked = self._wanted(heard, "summary", args).choice("kind", *allowed)
        await self._answering.typing()
        kind = SummaryKind(str(asked.get("kind", SummaryKind.DAILY.value)))
        parts = await self._told.summaries.summary_now(kind)
        told: OutMessage | None = parts.text
        if parts.png is not None and parts.caption is not None:
            sent = await self._answering.photo(heard, parts.png, parts.caption)
            # A picture that is not taken must not cost the words.
            told = told or (parts.caption if sent is None else None)
        if told is not None:
            await self._answering.reply(heard, (told,))

    def _wanted(self, heard: Heard, name: str, args: tuple[str, ...]) -> Wanted:
        view = View(
            self._language(heard),
            self._zone,
            self._clock.now_ns(),
            self._instance,
            " ".join((name, *args)),
        )
        caller = Caller(
            heard.user_id, heard.user_name, heard.chat_id, heard.topic_id, heard.language
        )
        return Wanted(view, caller, args)

    def _language(self, heard: Heard) -> Language:
        return language_for(self._settings.language, heard.language)

    def _trouble(
        self, error: Exception, name: str, args: tuple[str, ...], language: Language
    ) -> str:
        match error:
            case NotAllowed():
                given = " ".join(args)[:_MAX_SHOWN_CHARS]
                return say(language, "allowed", command=name, given=given, allowed=error)
            case PortTimeout():
                return say(language, "timeout")
            case PortError():
                return say(language, "away", why=error)
            case ChartFailed():
                return say(language, "chart.failed", why=error)
        return say(language, "odd")


_OWN = ("chart", "summary")
"""Views that are no pages."""


def _chart_asked(args: tuple[str, ...]) -> Mapping[str, object]:
    """What to draw and over which time, in any order.

    Raises:
        NotAllowed: a word is neither, or there are two of one sort.
    """
    asked: dict[str, object] = {}
    for word in (arg.lower() for arg in args):
        name = "kind" if word in KINDS else "span"
        if name in asked or word not in (*KINDS, *SPANS):
            raise NotAllowed(f"{', '.join(KINDS)}; {', '.join(SPANS)}")
        asked[name] = word
    return asked


def _turns(page: Page) -> bool:
    """Whether the first message has the buttons that lead to the others."""
    return any(
        button.data.startswith(f"{SHOW}:") for row in page[0].buttons for button in row
    ) and (len(page) > 1)
