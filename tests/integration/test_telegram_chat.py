"""What a chat can do beyond sending, against the local Bot API: answer, pin, menus, files."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from bot.buttons import Rows
from bot.menu import Menu
from bot.messenger import Button, Chat, MessageGone, OutMessage, Refused, SendFailed, Unsendable
from bot.pages import menu
from bot.telegram import TelegramMessenger
from tests.integration.test_telegram_messenger import HELLO, failure_of, some_settings
from tests.support.fake_clock import FakeClock
from tests.support.fake_messenger import FakeMessenger
from tests.support.telegram import FORUM, GROUP, PRIVATE, TOPIC, Telegram, faults, served
from tests.support.telegram.rooms import Room
from trader.domain.control import Language

BUTTON: Rows = ((Button("Refresh", "show:x:1 status"),),)
Call = Callable[[Chat], Awaitable[object]]


@pytest_asyncio.fixture
async def api() -> AsyncIterator[Telegram]:
    async with served() as world:
        yield world


@pytest_asyncio.fixture
async def chat(api: Telegram) -> AsyncIterator[TelegramMessenger]:
    speaker = TelegramMessenger(some_settings(api.base))
    yield speaker
    await speaker.close()


async def reply(chat: Chat) -> object:
    return await chat.reply(HELLO, 3)


async def send_file(chat: Chat) -> object:
    return await chat.send_file("a.txt", b"x", HELLO)


async def callback(chat: Chat) -> None:
    await chat.callback("1")


async def typing(chat: Chat) -> None:
    await chat.typing()


async def pin(chat: Chat) -> None:
    await chat.pin(1)


async def unpin(chat: Chat) -> None:
    await chat.unpin(1)


async def set_commands(chat: Chat) -> None:
    await chat.set_commands([("status", "how it stands")])


EVERY_CALL = pytest.mark.parametrize(
    "call", [reply, send_file, callback, typing, pin, unpin, set_commands]
)


class TestAnswers:
    async def test_a_reply_hangs_under_what_it_answers(
        self, api: Telegram, chat: TelegramMessenger
    ) -> None:
        """As the chat shows it."""
        message_id = await chat.reply(HELLO, 41)

        (sent,) = api.sent
        assert (sent.message_id, sent.reply_to, sent.text) == (message_id, 41, HELLO.plain)

    async def test_a_reply_whose_markup_does_not_parse_goes_plain(
        self, api: Telegram, chat: TelegramMessenger
    ) -> None:
        """And still under what it answers."""
        await chat.reply(OutMessage("<b>open", "open"), 41)

        assert (api.sent[-1].text, api.sent[-1].reply_to) == ("open", 41)

    async def test_a_file_has_its_name_and_words(
        self, api: Telegram, chat: TelegramMessenger
    ) -> None:
        """Whole, and silent where its words are."""
        await chat.send_file(
            "logs.txt", "한글\n".encode(), OutMessage("<b>a</b>", "a", silent=True)
        )

        (sent,) = api.sent
        assert (sent.method, sent.filename, sent.text) == ("sendDocument", "logs.txt", "a")
        assert sent.content.decode() == "한글\n"
        assert sent.silent

    async def test_a_tap_is_answered_once(self, api: Telegram, chat: TelegramMessenger) -> None:
        """A second answer is refused for itself, and is no trouble of the chat's."""
        message_id = await chat.send(OutMessage("a", "a", buttons=BUTTON))
        query_id, _ = api.taps(message_id, "show:x:1 status")

        await chat.callback(query_id, "up to date")

        assert api.callback_answers[query_id]["text"] == "up to date"
        assert isinstance(await failure_of(chat.callback(query_id)), Unsendable)

    async def test_an_action_is_shown(self, api: Telegram, chat: TelegramMessenger) -> None:
        """Until the answer comes."""
        await chat.typing("upload_photo")

        assert api.actions == [(PRIVATE, "upload_photo")]


class TestPins:
    async def test_a_message_is_pinned_and_unpinned(
        self, api: Telegram, chat: TelegramMessenger
    ) -> None:
        """By its id."""
        message_id = await chat.send(HELLO)

        await chat.pin(message_id)
        assert api.rooms[PRIVATE].pinned == [message_id]
        await chat.unpin(message_id)

        assert api.rooms[PRIVATE].pinned == []

    async def test_what_is_gone_cannot_be_pinned(self, chat: TelegramMessenger) -> None:
        """Somebody deleted it."""
        assert isinstance(await failure_of(chat.pin(99)), MessageGone)
        assert isinstance(await failure_of(chat.unpin(99)), MessageGone)

    async def test_where_the_bot_may_not_pin_only_pinning_fails(self, api: Telegram) -> None:
        """The chat itself is as good as before, so alerts must go on."""
        api.add(Room(GROUP, "group", "Desk", may_pin=False))
        chat = TelegramMessenger(some_settings(api.base, chat_id=str(GROUP)))
        message_id = await chat.send(HELLO)

        error = await failure_of(chat.pin(message_id))
        await chat.close()

        assert isinstance(error, Unsendable)


class TestMenus:
    async def test_belong_to_this_chat_alone(self, api: Telegram, chat: TelegramMessenger) -> None:
        """Strangers who find the bot see none."""
        await Menu(chat, None, FakeClock()).run()

        assert len(api.commands) == 2
        assert all(str(PRIVATE) in str(scope) for scope in api.commands)
        english, korean = api.commands.values()
        assert [one["command"] for one in english] == [name for name, _ in menu(Language.EN)]
        assert english != korean

    async def test_are_in_the_configs_language_for_everyone(self) -> None:
        """Also for whoever has a phone in Korean."""
        chat = FakeMessenger(FakeClock())

        await Menu(chat, Language.EN, FakeClock()).run()

        assert chat.menus == {"": menu(Language.EN), "ko": menu(Language.EN)}

    async def test_are_set_once_telegram_can_be_reached(self) -> None:
        """It may be away at the start."""
        clock = FakeClock()
        chat = FakeMessenger(clock)
        chat.broken = SendFailed("no network")

        task = asyncio.ensure_future(Menu(chat, None, clock).run())
        await clock.advance(40)
        chat.broken = None
        await clock.advance(200)

        assert task.done()
        assert len(chat.menus) == 2

    async def test_that_are_refused_are_left(self) -> None:
        """A bot without a menu does everything it did."""
        chat = FakeMessenger(FakeClock())
        chat.broken = Refused("403", 403)

        await Menu(chat, None, FakeClock()).run()

        assert chat.requests == 1


class TestFailures:
    @EVERY_CALL
    async def test_of_every_call_are_told_by_their_kind(
        self, api: Telegram, chat: TelegramMessenger, call: Call
    ) -> None:
        """And none of their renderings shows the token."""
        api.faults.then(faults.too_many(7), faults.unauthorized(), faults.bad_gateway())

        limited, refused, trouble = [await failure_of(call(chat)) for _ in range(3)]

        assert isinstance(limited, SendFailed)
        assert limited.retry_after_s == 7.0
        assert isinstance(refused, Refused)
        assert isinstance(trouble, SendFailed)

    async def test_in_a_topic_everything_goes_there(self, api: Telegram) -> None:
        """Files as well."""
        settings = some_settings(api.base, chat_id=str(FORUM), topic_id=TOPIC)
        chat = TelegramMessenger(settings)

        await chat.reply(HELLO, 3)
        await chat.send_file("a.txt", b"x", HELLO)
        await chat.close()

        assert [sent.topic_id for sent in api.sent] == [TOPIC, TOPIC]
