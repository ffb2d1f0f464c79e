"""The messenger against the local Bot API: what goes out, and what each answer is taken for."""

import asyncio
import logging
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from bot import web as plain_http
from bot.messenger import (
    Button,
    MessageGone,
    Messenger,
    MessengerError,
    Moved,
    OutMessage,
    Refused,
    SendFailed,
    Unsendable,
)
from bot.telegram import TelegramMessenger
from tests.support.telegram import (
    CHANNEL,
    FORUM,
    GROUP,
    PRIVATE,
    SUPERGROUP,
    TOKEN,
    TOPIC,
    Telegram,
    faults,
    served,
)
from tests.support.telegram.faults import Fault
from trader.credentials import Secret
from trader.port.settings import BotSettings

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 64
HELLO = OutMessage("<b>stop</b> at 1&lt;2", "stop at 1<2")
SECRET_PART = TOKEN.split(":")[1]
Call = Callable[[Messenger], Awaitable[object]]


@pytest_asyncio.fixture
async def api() -> AsyncIterator[Telegram]:
    async with served() as world:
        yield world


@pytest_asyncio.fixture
async def messenger(api: Telegram) -> AsyncIterator[TelegramMessenger]:
    speaker = TelegramMessenger(some_settings(api.base))
    yield speaker
    await speaker.close()


def some_settings(base: str, **changed: Any) -> BotSettings:
    given: dict[str, Any] = {
        "engine": "spread",
        "state_dir": "state",
        "zone": "Asia/Seoul",
        "telegram_enabled": True,
        "token": Secret(TOKEN),
        "chat_id": str(PRIVATE),
        "api_base": base,
        "timeout_s": 5.0,
    }
    return BotSettings(**(given | changed))


async def send(messenger: Messenger) -> int:
    return await messenger.send(HELLO)


async def edit(messenger: Messenger) -> None:
    await messenger.edit(1, HELLO)


async def send_photo(messenger: Messenger) -> int:
    return await messenger.send_photo(PNG, HELLO)


async def probe(messenger: Messenger) -> None:
    await messenger.probe()


EVERY_CALL = pytest.mark.parametrize("call", [send, edit, send_photo, probe])


async def failure_of(awaitable: Awaitable[object]) -> MessengerError:
    """What it raised, after making sure that no rendering of it shows the token."""
    with pytest.raises(MessengerError) as raised:
        await awaitable
    error = raised.value
    assert error.__cause__ is None
    assert error.__context__ is None
    shown = traceback.TracebackException.from_exception(error, capture_locals=False)
    for text in ("".join(shown.format()), str(error), repr(error), error.reason):
        assert SECRET_PART not in text
    return error


class TestWhatGoesOut:
    async def test_a_message_is_html_with_buttons_and_no_preview(
        self, api: Telegram, messenger: TelegramMessenger
    ) -> None:
        """As the chat shows it; the id is Telegram's."""
        message = OutMessage(
            "<b>a&amp;b</b>", "a&b", silent=True, buttons=((Button("Halt", "h"),),)
        )

        message_id = await messenger.send(message)

        (sent,) = api.sent
        assert sent.message_id == message_id
        assert sent.text == "a&b"
        assert [entity["type"] for entity in sent.entities] == ["bold"]
        assert (sent.silent, sent.preview, sent.topic_id) == (True, False, None)
        assert sent.buttons == [[{"text": "Halt", "callback_data": "h"}]]

    async def test_a_message_sounds_unless_it_is_silent(
        self, api: Telegram, messenger: TelegramMessenger
    ) -> None:
        """The default of a message is to be heard."""
        await messenger.send(HELLO)

        assert api.sent[0].silent is False

    async def test_an_edit_changes_words_and_buttons(
        self, api: Telegram, messenger: TelegramMessenger
    ) -> None:
        """Of the message it names."""
        message_id = await messenger.send(HELLO)

        await messenger.edit(message_id, OutMessage("<i>over</i>", "over"))

        assert api.texts(PRIVATE) == ["over"]
        assert api.sent[0].entities[0]["type"] == "italic"

    async def test_a_photo_goes_with_its_caption(
        self, api: Telegram, messenger: TelegramMessenger
    ) -> None:
        """Byte for byte."""
        caption = OutMessage("<b>7d</b>", "7d", silent=True)

        message_id = await messenger.send_photo(PNG, caption)

        (sent,) = api.sent
        assert (sent.message_id, sent.method) == (message_id, "sendPhoto")
        assert (sent.content, sent.text, sent.silent) == (PNG, "7d", True)

    async def test_a_topic_gets_its_messages(self, api: Telegram) -> None:
        """Words and pictures alike."""
        settings = some_settings(api.base, chat_id=str(FORUM), topic_id=TOPIC)
        messenger = TelegramMessenger(settings)

        await messenger.send(HELLO)
        await messenger.send_photo(PNG, HELLO)
        await messenger.probe()
        await messenger.close()

        assert [sent.topic_id for sent in api.sent] == [TOPIC, TOPIC]

    @pytest.mark.parametrize(
        ("chat_id", "meant"), [(str(SUPERGROUP), SUPERGROUP), ("@news_channel", CHANNEL)]
    )
    async def test_a_chat_is_a_number_or_a_name(
        self, api: Telegram, chat_id: str, meant: int
    ) -> None:
        """Both come as text from the config."""
        messenger = TelegramMessenger(some_settings(api.base, chat_id=chat_id))

        await messenger.send(HELLO)
        await messenger.close()

        assert api.texts(meant) == [HELLO.plain]

    async def test_a_probe_says_nothing(self, api: Telegram, messenger: TelegramMessenger) -> None:
        """It asks who we are and where, and whether we may write."""
        await messenger.probe()

        assert api.sent == []
        assert [each.method for each in api.requests] == ["getMe", "getChat", "sendChatAction"]


class TestMarkup:
    """Words that Telegram cannot parse must arrive as words."""

    BROKEN = OutMessage("<b>1 < 2", "1 < 2", silent=True, buttons=((Button("Ok", "ok"),),))

    async def test_a_message_goes_again_without_markup(
        self, api: Telegram, messenger: TelegramMessenger
    ) -> None:
        """Once, with everything else as it was."""
        message_id = await messenger.send(self.BROKEN)

        (sent,) = api.sent
        assert (sent.message_id, sent.text, sent.entities) == (message_id, "1 < 2", [])
        assert sent.silent is True
        assert sent.buttons
        assert len(api.requests) == 2

    async def test_an_edit_and_a_caption_do_too(
        self, api: Telegram, messenger: TelegramMessenger
    ) -> None:
        """The same rule for each way to say something."""
        message_id = await messenger.send(HELLO)

        await messenger.edit(message_id, self.BROKEN)
        await messenger.send_photo(PNG, self.BROKEN)

        assert api.texts(PRIVATE) == ["1 < 2", "1 < 2"]

    async def test_a_failure_of_the_second_try_counts(
        self, api: Telegram, messenger: TelegramMessenger
    ) -> None:
        """It is a request like any other."""
        api.faults.then(None, faults.too_many(9))

        error = await failure_of(messenger.send(self.BROKEN))

        assert isinstance(error, SendFailed)
        assert error.retry_after_s == 9.0


class TestTryAgainLater:
    @EVERY_CALL
    async def test_too_many_requests_tell_how_long(
        self, api: Telegram, messenger: TelegramMessenger, call: Call
    ) -> None:
        """To the second; and nothing is tried again in here."""
        api.faults.then(faults.too_many(37))

        error = await failure_of(call(messenger))

        assert isinstance(error, SendFailed)
        assert error.retry_after_s == 37.0
        assert len(api.requests) == 1

    @pytest.mark.parametrize(
        "fault",
        [
            faults.bad_gateway(),
            faults.error(500, "Internal Server Error"),
            faults.error(502, "Bad Gateway: restart"),
            faults.raw(500, b'{"ok": false, "error_code": 500}'),
            faults.raw(200, b"not json"),
            faults.raw(200, b"\xff\xfe\x00"),
            faults.raw(200, b""),
            faults.raw(200, b"[1, 2]"),
            faults.raw(200, b'{"ok": true, "result": {}}'),
            faults.raw(200, b'{"ok": true}'),
            faults.raw(404, b"<html>no such page</html>"),
            faults.raw(429, b'{"ok": false, "error_code": 429, "description": "slow down"}'),
            faults.RESET,
            faults.ACCEPT_RESET,
        ],
    )
    @pytest.mark.parametrize("call", [send, probe])
    async def test_trouble_on_the_way_is_worth_another_try(
        self, api: Telegram, messenger: TelegramMessenger, fault: Fault, call: Call
    ) -> None:
        """Whatever it was; once, and with Telegram's name in the reason."""
        api.faults.then(fault)

        error = await failure_of(call(messenger))

        assert isinstance(error, SendFailed)
        assert error.retry_after_s is None
        assert "Telegram" in error.reason
        assert len(api.requests) == 1

    @pytest.mark.parametrize("fault", [faults.HANG, faults.ACCEPT_HANG])
    @EVERY_CALL
    async def test_no_answer_is_waited_for_so_long_only(
        self, api: Telegram, fault: Fault, call: Call
    ) -> None:
        """``timeout_s`` bounds each request, accepted or not."""
        messenger = TelegramMessenger(some_settings(api.base, timeout_s=0.2))
        api.faults.then(fault)
        began = asyncio.get_running_loop().time()

        error = await failure_of(call(messenger))

        took = asyncio.get_running_loop().time() - began
        await messenger.close()
        assert isinstance(error, SendFailed)
        assert error.reason == "Telegram did not answer within 0.2 s"
        assert 0.19 < took < 2.0

    async def test_nobody_there(self) -> None:
        """The operating system's words, and no address."""
        messenger = TelegramMessenger(some_settings(f"http://127.0.0.1:{_free_port()}"))

        error = await failure_of(messenger.send(HELLO))
        await messenger.close()

        assert isinstance(error, SendFailed)
        assert error.reason == "Telegram not reached: Connection refused"

    async def test_an_address_that_is_none(self) -> None:
        """aiohttp's error would show it, token and all."""
        messenger = TelegramMessenger(some_settings("http://"))

        error = await failure_of(messenger.send(HELLO))
        await messenger.close()

        assert isinstance(error, SendFailed)

    async def test_a_redirect_is_not_followed(self, api: Telegram) -> None:
        """Whoever redirects is not Telegram; the message goes nowhere else."""
        async with _answering(_redirecting_to(api.base)) as base:
            messenger = TelegramMessenger(some_settings(base))
            error = await failure_of(messenger.send(HELLO))
            await messenger.close()

        assert isinstance(error, SendFailed)
        assert not api.requests

    async def test_an_endless_answer_is_not_read(self) -> None:
        """Memory is not Telegram's to fill."""
        written: list[int] = []
        async with _answering(_endless(written)) as base:
            messenger = TelegramMessenger(some_settings(base))
            error = await failure_of(messenger.send(HELLO))
            await messenger.close()

        assert isinstance(error, SendFailed)
        assert sum(written) < 32_000_000

    async def test_an_accepted_message_in_a_form_not_known_is_accepted(
        self, api: Telegram, messenger: TelegramMessenger
    ) -> None:
        """Telegram adds to its answers; to send again for that would never end."""
        api.faults.then(faults.raw(200, b'{"ok": true, "result": {"message_id": 77, "date": []}}'))

        assert await messenger.send(HELLO) == 77


class TestStop:
    @pytest.mark.parametrize(
        ("fault", "status"),
        [
            (faults.unauthorized(), 401),
            (faults.error(403, "Forbidden: bot was blocked by the user"), 403),
            (faults.error(404, "Not Found"), 404),
            (faults.conflict(), 409),
            (faults.error(400, "Bad Request: chat not found"), 400),
            (faults.error(400, "Bad Request: TOPIC_CLOSED"), 400),
        ],
    )
    @EVERY_CALL
    async def test_whoever_will_not_have_us_is_named(
        self, api: Telegram, messenger: TelegramMessenger, fault: Fault, status: int, call: Call
    ) -> None:
        """With the status, Telegram's words and what to check."""
        api.faults.then(fault)

        error = await failure_of(call(messenger))

        assert isinstance(error, Refused)
        assert error.status == status
        assert error.reason.startswith(f"Telegram answered {status}: {fault.description}; ")
        assert len(api.requests) == 1

    async def test_a_wrong_token(self, api: Telegram) -> None:
        """The real refusal; the wrong token is a token as well."""
        wrong = "7000000001:" + "W" * 35
        messenger = TelegramMessenger(some_settings(api.base, token=Secret(wrong)))

        error = await failure_of(messenger.probe())
        await messenger.close()

        assert isinstance(error, Refused)
        assert error.status == 401
        assert "W" * 35 not in error.reason

    @pytest.mark.parametrize(
        "token", ["hunter2", "12345:", "a b:c", "x:AAEhBP0av28FrI3wTtMzUeRvc8"]
    )
    async def test_a_token_that_is_none(self, api: Telegram, token: str) -> None:
        """The start goes on; the sender stops and says why."""
        messenger = TelegramMessenger(some_settings(api.base, token=Secret(token)))

        error = await failure_of(messenger.probe())
        await messenger.close()

        assert isinstance(error, Refused)
        assert error.status == 401
        assert token not in error.reason
        assert not api.requests

    async def test_a_block_shows_in_a_probe(
        self, api: Telegram, messenger: TelegramMessenger
    ) -> None:
        """Though Telegram still describes the chat; or a probe would say all is well."""
        api.rooms[PRIVATE].blocked = True

        error = await failure_of(messenger.probe())

        assert isinstance(error, Refused)
        assert error.status == 403

    async def test_an_unknown_chat_and_an_unknown_topic(self, api: Telegram) -> None:
        """Every other message would fare the same, so these are no message's own fault."""
        nowhere = TelegramMessenger(some_settings(api.base, chat_id="99"))
        no_topic = TelegramMessenger(some_settings(api.base, chat_id=str(FORUM), topic_id=99))

        errors = [await failure_of(each.send(HELLO)) for each in (nowhere, no_topic)]
        await nowhere.close()
        await no_topic.close()

        assert all(isinstance(error, Refused) for error in errors)

    async def test_a_group_that_moved(self, api: Telegram) -> None:
        """Its new id comes along; also from a probe."""
        api.rooms[GROUP].moved_to = SUPERGROUP
        messenger = TelegramMessenger(some_settings(api.base, chat_id=str(GROUP)))

        errors = [await failure_of(call(messenger)) for call in (send, send_photo, probe)]
        await messenger.close()

        assert all(isinstance(error, Moved) for error in errors)
        assert {error.new_chat_id for error in errors if isinstance(error, Moved)} == {SUPERGROUP}


class TestOneMessage:
    async def test_the_same_content_again_is_done(
        self, api: Telegram, messenger: TelegramMessenger
    ) -> None:
        """The chat shows what it should."""
        message_id = await messenger.send(HELLO)

        await messenger.edit(message_id, HELLO)

        assert api.edits == []

    @pytest.mark.parametrize(
        "words",
        [
            "Bad Request: message can't be edited",
            "Bad Request: MESSAGE_ID_INVALID",
            "Bad Request: there is no text in the message to edit",
        ],
    )
    async def test_a_message_that_cannot_be_edited(
        self, api: Telegram, messenger: TelegramMessenger, words: str
    ) -> None:
        """For any of Telegram's reasons."""
        api.faults.then(faults.error(400, words))

        assert isinstance(await failure_of(messenger.edit(1, HELLO)), MessageGone)

    async def test_a_message_that_is_gone(self, messenger: TelegramMessenger) -> None:
        """Deleted by its reader, say."""
        assert isinstance(await failure_of(messenger.edit(4_242, HELLO)), MessageGone)

    @pytest.mark.parametrize(
        "message",
        [
            OutMessage("x" * 4_097, "x" * 4_097),
            OutMessage(" ", " "),
            OutMessage("a", "a", buttons=((Button("b", "x" * 65),),)),
        ],
    )
    async def test_a_message_not_taken_for_itself(
        self, api: Telegram, messenger: TelegramMessenger, message: OutMessage
    ) -> None:
        """Too long, empty, a bad button: the next one may do."""
        error = await failure_of(messenger.send(message))

        assert isinstance(error, Unsendable)
        assert await messenger.send(HELLO)
        assert len(api.sent) == 1

    async def test_half_a_character_holds_nothing_up(
        self, api: Telegram, messenger: TelegramMessenger
    ) -> None:
        """What no encoding can carry is replaced."""
        half = OutMessage("a\ud83db", "a\ud83db")

        await messenger.send(half)
        await messenger.send_photo(PNG, half)

        assert api.texts(PRIVATE) == ["a?b", "a?b"]

    async def test_a_picture_not_taken_for_itself(self, messenger: TelegramMessenger) -> None:
        """No picture, or one too large for a proxy on the way."""
        assert isinstance(await failure_of(messenger.send_photo(b"GIF", HELLO)), Unsendable)

    async def test_too_large(self, api: Telegram, messenger: TelegramMessenger) -> None:
        """413 is about the request, not about us."""
        api.faults.then(faults.error(413, "Request Entity Too Large"))

        assert isinstance(await failure_of(messenger.send_photo(PNG, HELLO)), Unsendable)


class TestSecrecy:
    async def test_telegrams_own_words_are_cleaned(
        self, api: Telegram, messenger: TelegramMessenger
    ) -> None:
        """A description with the token, line breaks and no end."""
        words = f"Bad Request: /bot{TOKEN}/send\r\nfake line " + "x" * 5_000
        api.faults.then(faults.error(400, words))

        error = await failure_of(messenger.send(HELLO))

        assert error.reason.isprintable()
        assert len(error.reason) < 400

    async def test_nothing_logs_the_token(
        self, api: Telegram, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Whatever any library says at its most talkative, the loop's debug mode included."""
        caplog.set_level(logging.DEBUG)
        asyncio.get_running_loop().set_debug(True)
        messenger = TelegramMessenger(some_settings(api.base, timeout_s=0.2))
        for fault in (None, faults.RESET, faults.HANG, faults.unauthorized(), faults.bad_gateway()):
            api.faults.then(fault)
            try:
                await messenger.send(HELLO)
            except MessengerError as error:
                logging.getLogger("test").exception("not sent", exc_info=error)
        await messenger.close()

        assert "not sent" in caplog.text
        assert SECRET_PART not in caplog.text

    async def test_a_cancelled_send_is_cancelled(
        self, api: Telegram, messenger: TelegramMessenger
    ) -> None:
        """Shutdown must not be taken for trouble on the way."""
        api.faults.then(faults.HANG)
        sending = asyncio.create_task(messenger.send(HELLO))
        await asyncio.sleep(0.05)

        sending.cancel()

        with pytest.raises(asyncio.CancelledError):
            await sending


class TestPlainHttp:
    """The webhook and the dead man's switch: their addresses are secrets, too."""

    @pytest.mark.parametrize("status", [200, 201, 204])
    async def test_any_2xx_is_acceptance(self, status: int) -> None:
        """What was posted is the payload, as JSON."""
        got: list[Any] = []

        async def take(request: web.Request) -> web.Response:
            got.append(await request.json() if request.method == "POST" else request.path)
            return web.Response(status=status)

        async with _answering(take) as base:
            await plain_http.post(Secret(f"{base}/hook"), {"code": "stop", "won": 5}, 5.0)
            await plain_http.fetch(Secret(f"{base}/alive"), 5.0)

        assert got == [{"code": "stop", "won": 5}, "/alive"]

    @pytest.mark.parametrize("status", [302, 307, 400, 404, 429, 500])
    async def test_anything_else_is_none(self, status: int, api: Telegram) -> None:
        """A redirect, too: it is not followed."""

        async def refuse(_: web.Request) -> web.Response:
            return web.Response(status=status, headers={"Location": api.base})

        async with _answering(refuse) as base:
            posted = await _refusal(plain_http.post(Secret(f"{base}/k3y"), {}, 5.0))
            fetched = await _refusal(plain_http.fetch(Secret(f"{base}/k3y"), 5.0))

        assert posted.reason == f"webhook answered {status}"
        assert fetched.reason == f"dead man's switch answered {status}"

    @pytest.mark.parametrize(
        "scheme", ["nonsense/k3y", "ftp://127.0.0.1/k3y", "http://:0x/k3y", ""]
    )
    async def test_an_address_that_is_none(self, scheme: str) -> None:
        """Said without showing it."""
        await _refusal(plain_http.post(Secret(scheme), {}, 5.0))

    async def test_nobody_there(self) -> None:
        """The operating system's words, and no address."""
        url = Secret(f"http://127.0.0.1:{_free_port()}/k3y")

        error = await _refusal(plain_http.post(url, {}, 5.0))

        assert error.reason == "webhook not reached: Connection refused"

    async def test_no_answer(self) -> None:
        """The wait has its bound."""

        async def hang(_: web.Request) -> web.Response:
            await asyncio.Event().wait()
            raise AssertionError

        async with _answering(hang) as base:
            error = await _refusal(plain_http.fetch(Secret(f"{base}/k3y"), 0.2))

        assert error.reason == "dead man's switch did not answer within 0.2 s"


async def _refusal(awaitable: Awaitable[object]) -> SendFailed:
    with pytest.raises(SendFailed) as raised:
        await awaitable
    error = raised.value
    assert error.__cause__ is None
    assert error.__context__ is None
    assert "k3y" not in "".join(traceback.format_exception(error))
    return error


def _free_port() -> int:
    with socket.socket() as probe_socket:
        probe_socket.bind(("127.0.0.1", 0))
        port: int = probe_socket.getsockname()[1]
    return port


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def _answering(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _redirecting_to(base: str) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": f"{base}{request.path}"})

    return answer


def _endless(written: list[int]) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        # Far more than any answer of Telegram's; whoever stops reading ends this.
        for _ in range(2_048):
            await response.write(b" " * 65_536)
            written.append(65_536)
        return response

    return answer
