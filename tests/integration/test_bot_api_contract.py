"""What a Bot API does, whoever serves it: the local one must not be kinder than Telegram's own.

Every rule here is one of Telegram's, in its words; only the people who write, tap, block and kick
are moved by the test's hand.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiogram.types import ChatFullInfo, InaccessibleMessage, Update

from tests.support.telegram import (
    CHANNEL,
    FORUM,
    GROUP,
    MEMBER,
    OWNER,
    PRIVATE,
    SUPERGROUP,
    TOKEN,
    TOPIC,
    Clock,
    Limits,
    Person,
    Room,
    Telegram,
    TelegramServer,
    faults,
    in_thread,
    recorded,
    served,
    telegram_process,
)
from tests.support.telegram.markup import units

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 64
NOBODY = 999_999_999


class HandClock(Clock):
    """A clock the test sets."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def now_ns(self) -> int:
        return super().now_ns() + int(self.passed_s * 1e9)

    def mono_ns(self) -> int:
        return int(self.passed_s * 1e9) + 10**9


@dataclass
class Answer:
    """What a request came back with."""

    status: int
    body: dict[str, Any]

    @property
    def result(self) -> Any:
        assert self.body["ok"] is True, self.body
        return self.body["result"]

    @property
    def error(self) -> tuple[int, str]:
        assert self.body["ok"] is False, self.body
        assert self.body["error_code"] == self.status
        return self.status, self.body["description"]


class Asker:
    """A client that knows nothing but HTTP."""

    def __init__(self, api: Telegram, session: aiohttp.ClientSession) -> None:
        self.api = api
        self.session = session

    async def __call__(self, method: str, *, token: str = TOKEN, **given: Any) -> Answer:
        url = f"{self.api.base}/bot{token}/{method}"
        async with self.session.post(url, json=given) as response:
            return Answer(response.status, await response.json())

    async def says(self, text: str, chat_id: int = PRIVATE, **given: Any) -> Answer:
        return await self("sendMessage", chat_id=chat_id, text=text, **given)

    async def uploads(self, method: str, field: str, content: bytes, **given: Any) -> Answer:
        form = aiohttp.FormData()
        for name, value in given.items():
            form.add_field(name, str(value))
        form.add_field(field, content, filename="file.png")
        url = f"{self.api.base}/bot{TOKEN}/{method}"
        async with self.session.post(url, data=form) as response:
            return Answer(response.status, await response.json())


@pytest_asyncio.fixture
async def clock() -> HandClock:
    return HandClock()


@pytest_asyncio.fixture
async def api(clock: HandClock) -> AsyncIterator[Telegram]:
    async with served(Telegram(clock=clock)) as world:
        yield world


@pytest_asyncio.fixture
async def ask(api: Telegram) -> AsyncIterator[Asker]:
    async with _client(api) as asker:
        yield asker


def keyboard(*data: str) -> dict[str, Any]:
    return {"inline_keyboard": [[{"text": "Halt", "callback_data": each}] for each in data]}


class TestWhoAsks:
    async def test_a_bot_may_ask_who_it_is(self, ask: Asker) -> None:
        """The id is the token's first part."""
        me = (await ask("getMe")).result

        assert me["is_bot"] is True
        assert me["id"] == int(TOKEN.split(":")[0])

    async def test_a_wrong_token_is_unauthorized(self, ask: Asker) -> None:
        """Well formed, and nobody's."""
        answer = await ask("getMe", token="7000000001:" + "A" * 35)

        assert answer.error == (401, "Unauthorized")

    async def test_a_malformed_token_is_not_found(self, ask: Asker) -> None:
        """Such an address is no bot's at all."""
        answer = await ask("getMe", token="hunter2")

        assert answer.error == (404, "Not Found")

    async def test_an_unknown_method_is_not_found(self, ask: Asker) -> None:
        """A misspelt method is an error of its own."""
        assert (await ask("sendMesage")).error == (404, "Not Found: method not found")

    async def test_the_case_of_a_method_does_not_matter(self, ask: Asker) -> None:
        """Telegram takes any."""
        assert (await ask("GETME")).result["is_bot"] is True

    async def test_parameters_may_come_in_the_address(self, ask: Asker) -> None:
        """As a query of a GET, the way a browser asks."""
        url = f"{ask.api.base}/bot{TOKEN}/getChat?chat_id={PRIVATE}"
        async with ask.session.get(url) as response:
            body = await response.json()

        assert body["result"]["id"] == PRIVATE


class TestSendMessage:
    async def test_answers_with_the_message_as_it_stands(self, ask: Asker, api: Telegram) -> None:
        """Text parsed, entities in UTF-16 units, keyboard, sender and chat."""
        markup = keyboard("halt")
        text = "🚨 <b>Stop &amp; loss</b> of <code>a&lt;b</code>"

        message = (await ask.says(text, parse_mode="HTML", reply_markup=markup)).result

        assert message["text"] == "🚨 Stop & loss of a<b"
        assert message["entities"] == [
            {"type": "bold", "offset": 3, "length": 11},
            {"type": "code", "offset": 18, "length": 3},
        ]
        assert message["reply_markup"] == markup
        assert message["from"]["id"] == api.bot.id
        assert message["chat"]["id"] == PRIVATE

    async def test_ids_rise_within_a_chat(self, ask: Asker) -> None:
        """Whoever writes takes the next."""
        first = (await ask.says("a")).result["message_id"]
        ask.api.says("hello")
        second = (await ask.says("b")).result["message_id"]

        assert second == first + 2

    async def test_what_was_accepted_is_kept_with_its_time_and_manner(
        self, ask: Asker, api: Telegram
    ) -> None:
        """Tests judge by this record and by nothing else."""
        preview = {"is_disabled": True}
        await ask.says("quiet", disable_notification=True, link_preview_options=preview)
        await ask.says("loud")

        quiet, loud = api.sent
        assert (quiet.silent, quiet.preview) == (True, False)
        assert (loud.silent, loud.preview) == (False, True)
        assert quiet.at_ns <= loud.at_ns
        assert quiet.mono_ns <= loud.mono_ns
        assert api.texts(PRIVATE) == ["quiet", "loud"]

    async def test_an_unknown_chat_is_not_found(self, ask: Asker) -> None:
        """And nothing is kept."""
        assert (await ask.says("a", NOBODY)).error == (400, "Bad Request: chat not found")
        assert ask.api.sent == []

    async def test_a_channel_may_be_named(self, ask: Asker) -> None:
        """@name stands for its id; its posts have no author."""
        message = (await ask("sendMessage", chat_id="@news_channel", text="a")).result

        assert message["chat"]["id"] == CHANNEL
        assert "from" not in message

    @pytest.mark.parametrize("text", ["", "  \n\t ", "<b> </b>"])
    async def test_nothing_to_say_is_an_error(self, ask: Asker, text: str) -> None:
        """Blanks and empty tags are nothing."""
        answer = await ask.says(text, parse_mode="HTML")

        assert answer.error == (400, "Bad Request: message text is empty")

    async def test_blanks_at_the_ends_are_cut(self, ask: Asker) -> None:
        """Entities move with the text."""
        message = (await ask.says("\n  <i>so</i>  \n", parse_mode="HTML")).result

        assert message["text"] == "so"
        assert message["entities"] == [{"type": "italic", "offset": 0, "length": 2}]

    async def test_the_limit_counts_units_after_parsing(self, ask: Asker) -> None:
        """4,096 of UTF-16: an emoji is two, a tag none."""
        fits = "<b>" + "😀" * 2_048 + "</b>"

        accepted = (await ask.says(fits, parse_mode="HTML")).result
        refused = await ask.says("😀" * 2_048 + "a")

        assert units(accepted["text"]) == 4_096
        assert refused.error == (400, "Bad Request: message is too long")

    @pytest.mark.parametrize("data", ["x" * 65, "긴급정지" * 6, ""])
    async def test_button_data_takes_64_bytes(self, ask: Asker, data: str) -> None:
        """Bytes, not characters, and at least one."""
        answer = await ask.says("a", reply_markup=keyboard(data))

        assert answer.error == (400, "Bad Request: BUTTON_DATA_INVALID")

    async def test_button_data_of_64_bytes_is_fine(self, ask: Asker) -> None:
        """The limit itself is allowed."""
        assert (await ask.says("a", reply_markup=keyboard("x" * 64))).result

    async def test_a_topic_must_be_there(self, ask: Asker) -> None:
        """A message goes into the topic named, or nowhere."""
        there = (await ask.says("a", FORUM, message_thread_id=TOPIC)).result
        gone = await ask.says("a", FORUM, message_thread_id=TOPIC + 1)

        assert there["message_thread_id"] == TOPIC
        assert gone.error == (400, "Bad Request: message thread not found")


class TestHtml:
    @pytest.mark.parametrize(
        ("markup", "words"),
        [
            ("a < b", 'Unsupported start tag "" at byte offset 2'),
            ("한 <x>", 'Unsupported start tag "x" at byte offset 4'),
            ("<b>a", 'Can\'t find end tag corresponding to start tag "b"'),
            (
                "<b><i>a</b></i>",
                'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"',
            ),
            ("a</b>", "Unexpected end tag at byte offset 1"),
            ("a <b", "Unclosed start tag at byte offset 2"),
            ("<b>a</b", "Unclosed end tag at byte offset 4"),
            ("<br>", 'Unsupported start tag "br" at byte offset 0'),
            (
                '<span class="x">a</span>',
                'Tag "span" must have class "tg-spoiler" at byte offset 0',
            ),
            ("<a href>x</a>", 'Expected equal sign in declaration of an attribute of the tag "a"'),
        ],
    )
    async def test_what_does_not_parse_is_refused(
        self, ask: Asker, markup: str, words: str
    ) -> None:
        """With the place, in bytes; and nothing is sent."""
        status, description = (await ask.says(markup, parse_mode="HTML")).error

        assert status == 400
        assert description.startswith(f"Bad Request: can't parse entities: {words}")
        assert ask.api.sent == []

    @pytest.mark.parametrize(
        ("markup", "text"),
        [
            ("a > b & c &copy; &", "a > b & c &copy; &"),
            ("&lt;&gt;&amp;&quot;", '<>&"'),
            ("&#54620;&#x1F600;", "한😀"),
            ("<B>a</B>", "a"),
            ("<b>a</>", "a"),
        ],
    )
    async def test_what_is_text_stays_text(self, ask: Asker, markup: str, text: str) -> None:
        """A bare ampersand or greater-than is no error; four names and numbers are decoded."""
        assert (await ask.says(markup, parse_mode="HTML")).result["text"] == text

    @pytest.mark.parametrize(
        ("markup", "kind"),
        [
            ("<b>a</b>", "bold"),
            ("<strong>a</strong>", "bold"),
            ("<em>a</em>", "italic"),
            ("<u>a</u>", "underline"),
            ("<s>a</s>", "strikethrough"),
            ("<code>a</code>", "code"),
            ("<pre>a</pre>", "pre"),
            ('<span class="tg-spoiler">a</span>', "spoiler"),
            ("<tg-spoiler>a</tg-spoiler>", "spoiler"),
            ("<blockquote>a</blockquote>", "blockquote"),
            ("<blockquote expandable>a</blockquote>", "expandable_blockquote"),
            ("<a href='https://example.com/?a=1&amp;b=2'>a</a>", "text_link"),
        ],
    )
    async def test_each_tag_has_its_meaning(self, ask: Asker, markup: str, kind: str) -> None:
        """The tags Telegram documents."""
        (entity,) = (await ask.says(markup, parse_mode="HTML")).result["entities"]

        assert (entity["type"], entity["offset"], entity["length"]) == (kind, 0, 1)
        if kind == "text_link":
            assert entity["url"] == "https://example.com/?a=1&b=2"

    async def test_without_a_parse_mode_markup_is_text(self, ask: Asker) -> None:
        """Whatever it looks like."""
        assert (await ask.says("<b>a")).result["text"] == "<b>a"


class TestEditing:
    async def test_gives_a_message_other_words_and_buttons(self, ask: Asker, api: Telegram) -> None:
        """An edit without buttons takes them away; the record keeps what was there."""
        sent = (await ask.says("one", reply_markup=keyboard("a"))).result["message_id"]

        edited = await ask("editMessageText", chat_id=PRIVATE, message_id=sent, text="two")

        assert edited.result["text"] == "two"
        assert "reply_markup" not in edited.result
        assert "edit_date" in edited.result
        assert api.texts(PRIVATE) == ["two"]
        assert api.sent[0].first_text == "one"
        assert [version.text for _, version in api.edits] == ["two"]

    async def test_the_same_again_is_not_modified(self, ask: Asker) -> None:
        """After parsing: other markup with the same outcome is the same."""
        sent = (await ask.says("a <b>b</b>", parse_mode="HTML")).result["message_id"]

        same = await ask(
            "editMessageText",
            chat_id=PRIVATE,
            message_id=sent,
            text="a <strong>b</strong> ",
            parse_mode="HTML",
        )

        status, description = same.error
        assert status == 400
        assert description.startswith("Bad Request: message is not modified: ")

    async def test_a_message_that_is_not_there_is_not_found(self, ask: Asker) -> None:
        """Nor is one that was deleted."""
        sent = (await ask.says("a")).result["message_id"]
        assert (await ask("deleteMessage", chat_id=PRIVATE, message_id=sent)).result is True

        for message_id in (sent, 4_242):
            edit = await ask("editMessageText", chat_id=PRIVATE, message_id=message_id, text="b")
            assert edit.error == (400, "Bad Request: message to edit not found")
        again = await ask("deleteMessage", chat_id=PRIVATE, message_id=sent)
        assert again.error == (400, "Bad Request: message to delete not found")

    async def test_what_others_wrote_cannot_be_edited(self, ask: Asker) -> None:
        """A bot edits its own messages only."""
        ask.api.says("mine")
        heard = (await ask("getUpdates")).result[0]["message"]["message_id"]

        edit = await ask("editMessageText", chat_id=PRIVATE, message_id=heard, text="b")

        assert edit.error == (400, "Bad Request: message can't be edited")

    async def test_an_edit_may_be_too_long_as_well(self, ask: Asker) -> None:
        """In other words than a new message that is."""
        sent = (await ask.says("a")).result["message_id"]

        edit = await ask("editMessageText", chat_id=PRIVATE, message_id=sent, text="b" * 4_097)

        assert edit.error == (400, "Bad Request: MESSAGE_TOO_LONG")

    async def test_buttons_may_be_changed_alone(self, ask: Asker) -> None:
        """The words stay; the same buttons again are not modified."""
        sent = (await ask.says("a", reply_markup=keyboard("x"))).result["message_id"]
        change = {"chat_id": PRIVATE, "message_id": sent, "reply_markup": keyboard("y")}

        changed = await ask("editMessageReplyMarkup", **change)
        same = await ask("editMessageReplyMarkup", **change)

        assert changed.result["text"] == "a"
        assert changed.result["reply_markup"] == keyboard("y")
        assert same.error[1].startswith("Bad Request: message is not modified")


class TestFiles:
    async def test_a_photo_goes_with_its_caption(self, ask: Asker, api: Telegram) -> None:
        """Uploaded as a part of the form; its caption is parsed like a text."""
        message = (
            await ask.uploads(
                "sendPhoto", "photo", PNG, chat_id=PRIVATE, caption="<b>7d</b>", parse_mode="HTML"
            )
        ).result

        assert message["caption"] == "7d"
        assert message["photo"]
        assert api.sent[0].content == PNG

    async def test_a_caption_takes_1024_units(self, ask: Asker) -> None:
        """A quarter of what a message takes."""
        answer = await ask.uploads("sendPhoto", "photo", PNG, chat_id=PRIVATE, caption="a" * 1_025)

        assert answer.error == (400, "Bad Request: message caption is too long")

    async def test_a_photo_must_be_a_picture(self, ask: Asker) -> None:
        """Anything else is a document."""
        refused = await ask.uploads("sendPhoto", "photo", b"a,b\n", chat_id=PRIVATE)
        accepted = await ask.uploads("sendDocument", "document", b"a,b\n", chat_id=PRIVATE)

        assert refused.error == (400, "Bad Request: IMAGE_PROCESS_FAILED")
        assert accepted.result["document"]["file_name"] == "file.png"

    async def test_a_missing_photo_is_an_error(self, ask: Asker) -> None:
        """The form must hold it."""
        answer = await ask("sendPhoto", chat_id=PRIVATE)

        assert answer.error == (400, "Bad Request: there is no photo in the request")

    async def test_a_photo_has_no_text_to_edit(self, ask: Asker) -> None:
        """Its words are a caption."""
        sent = (await ask.uploads("sendPhoto", "photo", PNG, chat_id=PRIVATE)).result

        edit = await ask(
            "editMessageText", chat_id=PRIVATE, message_id=sent["message_id"], text="b"
        )

        assert edit.error == (400, "Bad Request: there is no text in the message to edit")


class TestUnwelcome:
    async def test_a_user_may_block_the_bot(self, ask: Asker) -> None:
        """No word reaches them, though the chat can still be described."""
        ask.api.rooms[PRIVATE].blocked = True

        for answer in (
            await ask.says("a"),
            await ask("sendChatAction", chat_id=PRIVATE, action="typing"),
        ):
            assert answer.error == (403, "Forbidden: bot was blocked by the user")
        assert (await ask("getChat", chat_id=PRIVATE)).result["id"] == PRIVATE

    @pytest.mark.parametrize(("chat_id", "kind"), [(GROUP, "group"), (SUPERGROUP, "supergroup")])
    async def test_a_bot_may_be_kicked(self, ask: Asker, chat_id: int, kind: str) -> None:
        """It then may not even look."""
        ask.api.rooms[chat_id].blocked = True

        for answer in (await ask.says("a", chat_id), await ask("getChat", chat_id=chat_id)):
            assert answer.error == (403, f"Forbidden: bot was kicked from the {kind} chat")

    async def test_a_bot_never_speaks_first(self, ask: Asker) -> None:
        """Whoever has not written to it cannot be written to."""
        ask.api.add(Room(MEMBER.id, "private", MEMBER.first_name, started=False))

        answer = await ask.says("a", MEMBER.id)

        assert answer.error == (403, "Forbidden: bot can't initiate conversation with a user")

    async def test_a_group_that_moved_names_its_new_id(self, ask: Asker) -> None:
        """In the parameters, for programs to read."""
        ask.api.rooms[GROUP].moved_to = SUPERGROUP

        answer = await ask.says("a", GROUP)

        assert answer.error == (400, "Bad Request: group chat was upgraded to a supergroup chat")
        assert answer.body["parameters"] == {"migrate_to_chat_id": SUPERGROUP}

    async def test_a_bot_may_be_muted(self, ask: Asker) -> None:
        """It is in the group, and may not write."""
        ask.api.rooms[SUPERGROUP].may_write = False

        assert (await ask.says("a", SUPERGROUP)).error == (
            400,
            "Bad Request: not enough rights to send text messages to the chat",
        )


class TestPinning:
    async def test_a_pinned_message_is_told_with_its_chat(self, ask: Asker) -> None:
        """And the act comes back to the bot as a message of its own."""
        sent = (await ask.says("card")).result["message_id"]

        await ask("pinChatMessage", chat_id=PRIVATE, message_id=sent)

        chat = (await ask("getChat", chat_id=PRIVATE)).result
        (update,) = (await ask("getUpdates")).result
        assert chat["pinned_message"]["message_id"] == sent
        assert update["message"]["pinned_message"]["message_id"] == sent
        assert update["message"]["from"]["id"] == ask.api.bot.id

    async def test_unpinned_it_is_told_no_more(self, ask: Asker) -> None:
        """Without an id the newest goes."""
        sent = (await ask.says("card")).result["message_id"]
        await ask("pinChatMessage", chat_id=PRIVATE, message_id=sent)

        assert (await ask("unpinChatMessage", chat_id=PRIVATE)).result is True

        assert "pinned_message" not in (await ask("getChat", chat_id=PRIVATE)).result

    async def test_needs_a_right_in_a_group(self, ask: Asker) -> None:
        """And a message that is there."""
        sent = (await ask.says("card", SUPERGROUP)).result["message_id"]
        missing = await ask("pinChatMessage", chat_id=SUPERGROUP, message_id=4_242)
        ask.api.rooms[SUPERGROUP].may_pin = False
        forbidden = await ask("pinChatMessage", chat_id=SUPERGROUP, message_id=sent)

        assert missing.error == (400, "Bad Request: message to pin not found")
        assert forbidden.error == (
            400,
            "Bad Request: not enough rights to manage pinned messages in the chat",
        )


class TestCommandMenu:
    async def test_a_menu_belongs_to_its_scope(self, ask: Asker) -> None:
        """One chat's menu is not everybody's."""
        commands = [{"command": "halt", "description": "Stop now"}]
        scope = {"type": "chat", "chat_id": PRIVATE}

        await ask("setMyCommands", commands=commands, scope=scope)

        assert (await ask("getMyCommands", scope=scope)).result == commands
        assert (await ask("getMyCommands")).result == []

    async def test_a_command_is_lower_case(self, ask: Asker) -> None:
        """And ASCII."""
        commands = [{"command": "Halt", "description": "Stop now"}]

        answer = await ask("setMyCommands", commands=commands)

        assert answer.error == (400, "Bad Request: BOT_COMMAND_INVALID")


class TestUpdates:
    async def test_come_again_until_confirmed(self, ask: Asker) -> None:
        """Only an offset above an update's id forgets it; asking again does not."""
        ids = [ask.api.says(text) for text in ("a", "b", "c")]

        first = (await ask("getUpdates")).result
        again = (await ask("getUpdates", offset=ids[0])).result
        rest = (await ask("getUpdates", offset=ids[1])).result
        after = (await ask("getUpdates")).result

        assert [each["update_id"] for each in first] == ids
        assert again == first
        assert rest == first[1:]
        assert after == rest
        assert ask.api.waiting_updates == rest

    async def test_are_numbered_in_turn(self, ask: Asker) -> None:
        """From wherever they began."""
        first, second = ask.api.says("a"), ask.api.says("b")

        assert first is not None
        assert second == first + 1

    async def test_are_cut_to_the_limit(self, ask: Asker) -> None:
        """The oldest first; those left out still wait."""
        for text in "abc":
            ask.api.says(text)

        two = (await ask("getUpdates", limit=2)).result

        assert [each["message"]["text"] for each in two] == ["a", "b"]
        assert len(ask.api.waiting_updates) == 3

    async def test_a_negative_offset_counts_from_the_end_and_forgets_the_rest(
        self, ask: Asker
    ) -> None:
        """The way to skip a backlog."""
        for text in "abc":
            ask.api.says(text)

        last = (await ask("getUpdates", offset=-1)).result

        assert [each["message"]["text"] for each in last] == ["c"]
        assert ask.api.waiting_updates == last

    async def test_an_offset_far_in_the_future_confirms_nothing(self, ask: Asker) -> None:
        """Ids may start anew, below those a client remembers: it must not wait for the old."""
        update_id = ask.api.says("a")
        assert update_id is not None

        found = (await ask("getUpdates", offset=update_id + 1_000)).result

        assert [each["update_id"] for each in found] == [update_id]

    async def test_ids_may_start_anew(self, ask: Asker, api: Telegram) -> None:
        """After a quiet week, anywhere."""
        old = api.says("a")
        assert old is not None
        await ask("getUpdates", offset=old + 1)

        begins = api.restart_update_ids()
        api.says("b")

        assert [each["update_id"] for each in (await ask("getUpdates")).result] == [begins]

    async def test_may_be_delivered_again_though_confirmed(self, ask: Asker) -> None:
        """Rarely, and with the id they had: each must be handled once for all that."""
        ask.api.says("/halt")
        (update,) = (await ask("getUpdates")).result
        offset = update["update_id"] + 1
        assert (await ask("getUpdates", offset=offset, limit=1)).result == []

        ask.api.repeats(update)

        assert (await ask("getUpdates", offset=offset, limit=2)).result == [update]

    async def test_are_dropped_after_a_day(self, ask: Asker, clock: HandClock) -> None:
        """Telegram keeps them no longer."""
        ask.api.says("old")
        clock.passed_s = 86_000
        ask.api.says("new")
        clock.passed_s = 86_500

        found = (await ask("getUpdates")).result

        assert [each["message"]["text"] for each in found] == ["new"]

    async def test_a_long_poll_ends_with_the_first_update(self, ask: Asker) -> None:
        """Not with its timeout."""
        polling = asyncio.create_task(ask("getUpdates", timeout=50))
        await _until(lambda: _is_polled(ask.api))
        ask.api.says("a")

        found = (await asyncio.wait_for(polling, 5)).result

        assert [each["message"]["text"] for each in found] == ["a"]

    async def test_a_long_poll_ends_empty_when_its_time_is_up(self, ask: Asker) -> None:
        """Nothing came."""
        assert (await ask("getUpdates", timeout=1)).result == []

    async def test_a_second_poller_ends_the_first(self, ask: Asker) -> None:
        """The older one learns that somebody else holds the token."""
        older = asyncio.create_task(ask("getUpdates", timeout=50))
        await _until(lambda: _is_polled(ask.api))
        newer = asyncio.create_task(ask("getUpdates", timeout=50))

        answer = await asyncio.wait_for(older, 5)
        ask.api.says("a")
        found = (await asyncio.wait_for(newer, 5)).result

        assert answer.error == (
            409,
            "Conflict: terminated by other getUpdates request; "
            "make sure that only one bot instance is running",
        )
        assert len(found) == 1

    async def test_none_while_a_webhook_is_set(self, ask: Asker) -> None:
        """They go to one place only; deleting it brings them back."""
        await ask("setWebhook", url="https://example.com/hook")
        refused = await ask("getUpdates")
        assert (await ask("getWebhookInfo")).result["url"] == "https://example.com/hook"

        await ask("deleteWebhook")

        assert refused.error == (
            409,
            "Conflict: can't use getUpdates method while webhook is active; "
            "use deleteWebhook to delete the webhook first",
        )
        assert (await ask("getUpdates")).result == []

    async def test_a_webhook_ends_a_poll(self, ask: Asker) -> None:
        """With a conflict of its own."""
        polling = asyncio.create_task(ask("getUpdates", timeout=50))
        await _until(lambda: _is_polled(ask.api))

        await ask("setWebhook", url="https://example.com/hook")

        answer = await asyncio.wait_for(polling, 5)
        assert answer.error == (409, "Conflict: terminated by setWebhook request")

    async def test_deleting_the_webhook_may_drop_what_waits(self, ask: Asker) -> None:
        """Only when asked to."""
        ask.api.says("a")
        await ask("deleteWebhook")
        assert len(ask.api.waiting_updates) == 1

        await ask("deleteWebhook", drop_pending_updates=True)

        assert ask.api.waiting_updates == []

    async def test_kinds_not_asked_for_do_not_come(self, ask: Asker) -> None:
        """From then on, until asked otherwise; those that wait already still come."""
        ask.api.says("before")
        await ask("getUpdates", allowed_updates=["callback_query"])
        ask.api.says("after")

        found = (await ask("getUpdates")).result

        assert [each["message"]["text"] for each in found] == ["before"]


class TestWhatPeopleDo:
    async def test_a_command_is_marked_as_one(self, ask: Asker) -> None:
        """The entity covers the command and the bot's name, not the words after it."""
        ask.api.says("/pause@spread_test_bot 30m", SUPERGROUP, MEMBER)

        message = (await ask("getUpdates")).result[0]["message"]

        assert message["entities"] == [{"type": "bot_command", "offset": 0, "length": 22}]
        assert message["from"]["language_code"] == "ko"
        assert message["chat"]["type"] == "supergroup"

    async def test_each_disguise_shows(self, ask: Asker) -> None:
        """Forwarded, via a bot, anonymous, for a channel, in a topic: a field tells of each."""
        ask.api.says("a", forwarded=True)
        ask.api.says("a", via_bot=True)
        ask.api.says("a", SUPERGROUP, anonymous=True)
        ask.api.says("a", SUPERGROUP, as_channel=True)
        ask.api.says("a", FORUM, topic_id=TOPIC)

        found = [each["message"] for each in (await ask("getUpdates")).result]

        forwarded, via, anonymous, channel, topic = found
        assert forwarded["forward_origin"]["sender_user"]["id"] == OWNER.id
        assert via["via_bot"]["is_bot"] is True
        assert anonymous["sender_chat"]["id"] == SUPERGROUP
        assert anonymous["from"]["username"] == "GroupAnonymousBot"
        assert channel["sender_chat"]["id"] == CHANNEL
        assert (topic["message_thread_id"], topic["is_topic_message"]) == (TOPIC, True)

    async def test_an_edit_is_an_update_of_another_kind(self, ask: Asker) -> None:
        """With the same message id."""
        ask.api.says("/status")
        message = (await ask("getUpdates")).result[0]["message"]

        ask.api.rewrites(message["message_id"], "/resume")

        edited = (await ask("getUpdates")).result[1]["edited_message"]
        assert edited["message_id"] == message["message_id"]
        assert edited["text"] == "/resume"
        assert edited["edit_date"] >= message["date"]

    async def test_a_channel_post_has_no_author(self, ask: Asker) -> None:
        """Its kind differs as well."""
        ask.api.says("/halt", CHANNEL)

        post = (await ask("getUpdates")).result[0]["channel_post"]

        assert "from" not in post
        assert post["sender_chat"]["id"] == CHANNEL

    async def test_a_tap_brings_the_message_it_was_made_on(self, ask: Asker) -> None:
        """Who tapped, what hangs on the button, and where."""
        sent = (await ask.says("sure?", reply_markup=keyboard("yes:1"))).result
        ask.api.taps_label("Halt")

        query = (await ask("getUpdates")).result[0]["callback_query"]

        assert query["data"] == "yes:1"
        assert query["from"]["id"] == OWNER.id
        assert query["message"] == sent

    async def test_a_tap_is_answered_once(self, ask: Asker, api: Telegram) -> None:
        """After that, or with an id that never was, the query is too old."""
        sent = (await ask.says("sure?", reply_markup=keyboard("yes"))).result["message_id"]
        query_id, _ = api.taps(sent, "yes")

        first = await ask("answerCallbackQuery", callback_query_id=query_id, text="done")
        again = await ask("answerCallbackQuery", callback_query_id=query_id)

        assert first.result is True
        assert api.callback_answers[query_id]["text"] == "done"
        assert again.error == (
            400,
            "Bad Request: query is too old and response timeout expired or query ID is invalid",
        )

    async def test_a_tap_on_a_message_that_is_gone_still_names_it(self, ask: Asker) -> None:
        """With no more than its id and a date of 0."""
        ask.api.taps(4_242, "old")

        message = (await ask("getUpdates")).result[0]["callback_query"]["message"]

        assert (message["message_id"], message["date"]) == (4_242, 0)

    async def test_every_update_is_one_that_a_library_understands(self, ask: Asker) -> None:
        """aiogram's models take them all, and see in them what was meant."""
        sent = (await ask.says("sure?", reply_markup=keyboard("yes"))).result["message_id"]
        await ask("pinChatMessage", chat_id=PRIVATE, message_id=sent)
        for chat_id in (PRIVATE, GROUP, SUPERGROUP, CHANNEL):
            ask.api.says("/halt", chat_id)
        ask.api.says("/halt", FORUM, topic_id=TOPIC)
        ask.api.says("/halt", forwarded=True, via_bot=True)
        ask.api.says("/halt", SUPERGROUP, anonymous=True)
        ask.api.rewrites(sent + 2, "/resume")
        ask.api.taps(sent, "yes")
        ask.api.taps(4_242, "yes")

        found = [Update.model_validate(each) for each in (await ask("getUpdates")).result]

        assert [each.event_type for each in found] == [
            *["message"] * 4,
            "channel_post",
            *["message"] * 3,
            "edited_message",
            *["callback_query"] * 2,
        ]
        last_tap = found[-1].callback_query
        assert last_tap is not None
        assert isinstance(last_tap.message, InaccessibleMessage)
        assert ChatFullInfo.model_validate((await ask("getChat", chat_id=FORUM)).result).is_forum


class TestRates:
    async def test_more_than_the_burst_to_a_chat_waits_its_second(self, clock: HandClock) -> None:
        """One message a second with a burst on top; 429 says how long, and means it."""
        async with served(Telegram(Limits(burst=2), clock=clock)) as api, _client(api) as ask:
            assert (await ask.says("a")).result
            assert (await ask.says("b")).result
            # 0.4 s short of the next: told as one whole second, and held to it.
            clock.passed_s += 0.6
            refused = await ask.says("c")
            clock.passed_s += 0.5
            early = await ask.says("c")
            clock.passed_s += 0.5
            accepted = await ask.says("c")

        assert refused.error == (429, "Too Many Requests: retry after 1")
        assert refused.body["parameters"] == {"retry_after": 1}
        assert early.status == 429
        assert accepted.result

    async def test_a_group_takes_twenty_a_minute(self, clock: HandClock) -> None:
        """Edits count; another chat does not."""
        async with served(Telegram(Limits(), clock=clock)) as api, _client(api) as ask:
            last = 0
            for number in range(19):
                last = (await ask.says(f"m{number}", SUPERGROUP)).result["message_id"]
                clock.passed_s += 1
            edit: dict[str, Any] = {"chat_id": SUPERGROUP, "message_id": last, "text": "edited"}
            assert (await ask("editMessageText", **edit)).result
            clock.passed_s += 1
            refused = await ask.says("one more", SUPERGROUP)
            elsewhere = await ask.says("hello", GROUP)
            clock.passed_s += refused.body["parameters"]["retry_after"]
            accepted = await ask.says("one more", SUPERGROUP)

        assert refused.error == (429, "Too Many Requests: retry after 40")
        assert elsewhere.result
        assert accepted.result


class TestFaults:
    """The misfortunes a client meets, each of them as it looks from outside."""

    async def test_scripted_errors_meet_requests_in_turn(self, ask: Asker) -> None:
        """One each, then all is well again."""
        ask.api.faults.then(faults.too_many(7), None, faults.unauthorized())

        answers = [await ask.says("a") for _ in range(4)]

        assert [answer.status for answer in answers] == [429, 200, 401, 200]
        assert answers[0].body["parameters"] == {"retry_after": 7}
        assert [request.status for request in ask.api.requests] == [429, 200, 401, 200]

    async def test_a_proxy_answers_in_its_own_words(self, ask: Asker) -> None:
        """HTML and no JSON."""
        ask.api.faults.then(faults.bad_gateway())

        async with ask.session.get(f"{ask.api.base}/bot{TOKEN}/getMe") as response:
            body = await response.text()

        assert response.status == 502
        assert body.startswith("<html>")

    @pytest.mark.parametrize(
        ("fault", "accepted"),
        [(faults.RESET, []), (faults.ACCEPT_RESET, ["a"])],
    )
    async def test_a_connection_may_be_reset(
        self, ask: Asker, fault: faults.Fault, accepted: list[str]
    ) -> None:
        """Before the message was accepted, or after."""
        ask.api.faults.then(fault)

        with pytest.raises(aiohttp.ClientError):
            await ask.says("a")

        assert ask.api.texts(PRIVATE) == accepted

    @pytest.mark.parametrize(
        ("fault", "accepted"),
        [(faults.HANG, []), (faults.ACCEPT_HANG, ["a"])],
    )
    async def test_an_answer_may_never_come(
        self, ask: Asker, fault: faults.Fault, accepted: list[str]
    ) -> None:
        """Before the message was accepted, or after."""
        ask.api.faults.then(fault)

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask.says("a"), 0.2)

        assert ask.api.texts(PRIVATE) == accepted

    async def test_chance_is_drawn_from_a_seed(self, ask: Asker) -> None:
        """So that a failing run can be had again; only for the methods named."""
        seen = []
        for _ in range(2):
            ask.api.faults.at_random(0.5, 7, [faults.unauthorized()], methods=["sendMessage"])
            seen.append([(await ask.says("a")).status for _ in range(20)])
        ask.api.faults.at_random(1.0, 7, [faults.unauthorized()], methods=["sendMessage"])

        assert seen[0] == seen[1]
        assert set(seen[0]) == {200, 401}
        assert (await ask("getMe")).status == 200


class TestServing:
    async def test_an_outage_keeps_what_was_said(self) -> None:
        """Stopped, nobody answers; started again, the same port and the same chats do."""
        server = TelegramServer(Telegram())
        await server.start()
        base = server.api.base
        async with _client(server.api) as ask:
            await ask.says("before")
            await server.stop()
            with pytest.raises(aiohttp.ClientError):
                await ask.says("during")
            await server.start()
            await ask.says("after")
        await server.stop()

        assert server.api.base == base
        assert server.api.texts(PRIVATE) == ["before", "after"]

    async def test_a_thread_serves_a_test_that_blocks(self) -> None:
        """The world may be asked and moved from outside it."""
        with in_thread() as api:
            async with _client(api) as ask:
                polling = asyncio.create_task(ask("getUpdates", timeout=50))
                await _until(lambda: _is_polled(api))
                api.says("hello")
                found = (await asyncio.wait_for(polling, 5)).result

        assert [each["message"]["text"] for each in found] == ["hello"]

    async def test_a_process_keeps_its_record_through_a_kill(self, tmp_path: Path) -> None:
        """Messages, edits and unconfirmed updates; ids go on, and faults can be set from here."""
        with telegram_process(tmp_path / "telegram.jsonl") as server:
            api = Telegram()
            api.base = server.base
            async with _client(api) as ask:
                first = (await ask.says("one")).result["message_id"]
                edit = {"chat_id": PRIVATE, "message_id": first, "text": "uno"}
                await ask("editMessageText", **edit)
                confirmed = server.says("/status")
                assert confirmed is not None
                await ask("getUpdates", offset=confirmed + 1)
                waiting = server.says("/halt", user=Person(5, "Choi"))
                server.kill()
                server.start()
                server.then(faults.too_many(3))
            # Connections of the first life are gone, so a client of its own for the second.
            async with _client(api) as ask:
                refused = await ask.says("two")
                second = (await ask.says("two")).result["message_id"]
                found = (await ask("getUpdates")).result
            assert server.texts() == ["uno", "two"]
            assert [each["update_id"] for each in server.waiting_updates] == [waiting]

        assert refused.status == 429
        assert second == first + 3
        assert found[0]["message"]["from"]["first_name"] == "Choi"
        kept = recorded(tmp_path / "telegram.jsonl")
        assert [message.first_text for message in kept] == ["one", "two"]
        assert kept[0].mono_ns < kept[1].mono_ns


@asynccontextmanager
async def _client(api: Telegram) -> AsyncIterator[Asker]:
    async with aiohttp.ClientSession() as session:
        yield Asker(api, session)


def _is_polled(api: Telegram) -> bool:
    return api.polls > 0


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the condition is the server's, without an event
            await asyncio.sleep(0.005)
