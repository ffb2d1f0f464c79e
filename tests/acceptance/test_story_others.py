"""A story: others write and tap, or the operator in a wrong place; and nothing comes of it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from tests.acceptance.stories import at_home, audited, playing, stop
from tests.support.phone import Phone
from tests.support.telegram import (
    CHANNEL,
    FORUM,
    MEMBER,
    OWNER,
    PRIVATE,
    STRANGER,
    SUPERGROUP,
    TOPIC,
)
from tests.support.telegram.rooms import Person, Room

pytestmark = pytest.mark.slow


class Words(Struct, frozen=True):
    """What the story hears and reads in one language."""

    halt: str
    quotes: str
    button: str
    halted: str
    not_ours: str


WORDS = {
    "en": Words(
        halt="halt",
        quotes="Quotes: ",
        button="🛑 HALT",
        halted="alted",
        not_ours="older installation",
    ),
    "ko": Words(
        halt="긴급정지",
        quotes="호가: ",
        button="🛑 긴급정지",
        halted="긴급정지했습니다",
        not_ours="예전 설치의 버튼입니다",
    ),
}


DENIED = (
    *("other_chat", "other_chat", "other_chat", "channel", "other_user", "other_topic"),
    *("forwarded", "via_bot", "anonymous", "anonymous", "edited", "other_instance"),
)
"""What is on record of it: a line for each person, place and reason, however often they try."""


class TestOthers:
    @pytest.mark.parametrize("spoken", ["command", "word"])
    def test_have_no_effect_and_hear_nothing(
        self, tmp_path: Path, phone: Phone, language: str, spoken: str
    ) -> None:
        """Wrong person, chat or topic, forwarded, edited, by a bot, an anonymous admin or a
        channel, a button of another installation or tapped by another member: silence.
        """
        words, api = WORDS[language], phone.api
        halt = words.halt if spoken == "word" else "/halt"
        api.add(Room(STRANGER.id, "private", STRANGER.first_name))
        only = {"chat_id": FORUM, "topic_id": TOPIC, "user_ids": [OWNER.id]}
        home = at_home(tmp_path, phone, language, **only)
        with playing(home, TELEGRAM_CHAT_ID=str(FORUM)) as engine:
            ours: Mapping[str, Any] = {"chat_id": FORUM, "topic_id": TOPIC}
            page = phone.says("/status", words.quotes, **ours)
            data = {b["text"]: b["callback_data"] for row in page.buttons for b in row}
            theirs = re.sub(r"^halt:[^:]*", "halt:AAAAAA", data[words.button])
            assert theirs != data[words.button]
            since = phone.seen

            api.says(halt, chat_id=STRANGER.id, user=STRANGER)
            api.says(halt, chat_id=PRIVATE)
            api.says(halt, chat_id=SUPERGROUP)
            api.says(halt, chat_id=CHANNEL)
            api.says(halt, user=MEMBER, **ours)
            api.says(halt, chat_id=FORUM)
            for how in ("forwarded", "via_bot", "anonymous", "as_channel"):
                api.says(halt, **{**ours, how: True})
            api.says(halt, user=Person(OWNER.id + 1, "Kim", "kim"), **ours)
            api.says("no command", **ours)
            numbers = range(api.rooms[FORUM].next_message_id - 1, 0, -1)
            written = next(one for one in numbers if api.heard(FORUM, one) is not None)
            api.rewrites(written, halt, chat_id=FORUM)
            silent, _ = api.taps(page.message_id, data[words.button], FORUM, MEMBER)
            old, _ = api.taps(page.message_id, theirs, FORUM)
            phone.says("/whoami", str(OWNER.id), **ours)
            stop(engine)

        assert home.facts("AuthorityChanged") == []
        assert {(one.chat_id, one.topic_id) for one in api.sent} == {(FORUM, TOPIC)}
        assert [one.text for one in api.sent[since:] if words.halted in one.text] == []
        assert silent not in api.callback_answers
        assert sorted(audited(home, "update %")) == sorted(f"denied: {why}" for why in DENIED)
        assert words.not_ours in str(api.callback_answers[old])
