"""Whatever Telegram delivers is narrowed to a few plain values; nothing makes that fail."""

import pytest

from bot.updates import MAX_TEXT_CHARS, Source, hash_of, read_update
from tests.support.updates import (
    CHAT,
    OPERATOR,
    WRITTEN_NS,
    Json,
    a_heard,
    a_message,
    a_person,
    a_tap,
    an_update,
    said,
    sent_by,
    tapped,
)


class TestReading:
    def test_takes_what_matters_of_a_message(self) -> None:
        """Who, where, when and what; everything else is not looked at."""
        update = said("/halt now", **sent_by(a_person(username="kim")))

        found = read_update(update)

        assert (found.source, found.update_id) == (Source.MESSAGE, 500)
        assert (found.chat_id, found.user_id, found.user_name) == (CHAT, OPERATOR, "@kim")
        assert (found.message_id, found.written_ns) == (7, WRITTEN_NS)
        assert (found.text, found.language) == ("/halt now", "ko")

    def test_takes_what_matters_of_a_tap(self) -> None:
        """A tap has the message it was made on, and no time of its own."""
        found = read_update(tapped("pause:Ab3_-x:"))

        assert (found.source, found.chat_id, found.user_id) == (Source.TAP, CHAT, OPERATOR)
        assert (found.data, found.callback_id, found.message_id) == ("pause:Ab3_-x:", "424242", 70)
        assert found.written_ns is None

    @pytest.mark.parametrize(
        "raw",
        [
            None,
            7,
            "text",
            [],
            {},
            {"message": {}},
            {"update_id": True},
            {"update_id": "5"},
            {"update_id": -1, "message": a_message()},
            {"update_id": 2**60, "message": {}},
        ],
    )
    def test_calls_junk_what_is_no_update(self, raw: object) -> None:
        """Without an id of the right kind there is nothing to confirm."""
        assert read_update(raw).source is Source.JUNK

    def test_calls_junk_what_is_two_things_at_once(self) -> None:
        """Telegram sends one content; with two, nobody can say which was meant."""
        update = said("/halt") | {"edited_message": a_message("/resume")}

        assert read_update(update).source is Source.JUNK

    def test_bears_fields_nobody_knows_yet(self) -> None:
        """A new field of the Bot API must not take the halt away."""
        update = said("/halt", some_new_field={"deep": [1]}) | {"another": 1}

        assert read_update(update).source is Source.MESSAGE

    @pytest.mark.parametrize(
        "content",
        [
            None,
            5,
            "halt",
            ["/halt"],
            {"chat": 5},
            {"chat": {"id": "1001"}},
            {"from": [], "text": 5},
        ],
    )
    @pytest.mark.parametrize("kind", ["message", "callback_query", "edited_message"])
    def test_bears_any_type_in_any_place(self, kind: str, content: object) -> None:
        """What has the wrong type counts as absent."""
        found = read_update({"update_id": 5, kind: content})

        assert (found.chat_id, found.user_id, found.text) == (None, None, "")

    @pytest.mark.parametrize("wrong", [True, 1.5, "7", 2**53, -(2**80), None])
    def test_takes_no_id_that_is_none(self, wrong: object) -> None:
        """Ids are whole numbers of 52 bits; others could not even be stored."""
        found = read_update(said("/halt", **sent_by(a_person() | {"id": wrong})))

        assert found.user_id is None

    @pytest.mark.parametrize("date", [0, -5, 2**40, "now", True, 1.5])
    def test_takes_no_time_that_is_none(self, date: object) -> None:
        """A command whose age cannot be told is none."""
        assert read_update(said("/halt", date=date)).written_ns is None

    def test_cuts_what_is_too_long(self) -> None:
        """Telegram sends no more; whoever does shall not fill our memory."""
        found = read_update(said("x" * 1_000_000))

        assert len(found.text) == MAX_TEXT_CHARS

    def test_never_cuts_button_data_into_something_else(self) -> None:
        """What is cut is still recognised as too long."""
        found = read_update(tapped("halt:Ab3_-x:" + "9" * 100))

        assert len(found.data) > 64

    def test_replaces_half_characters(self) -> None:
        """A lone surrogate could neither be hashed nor stored."""
        found = read_update(said("/halt \ud800"))

        assert found.text.encode() == b"/halt ?"

    def test_keeps_names_on_one_line(self) -> None:
        """A name ends up in logs, where it must not begin a line."""
        found = read_update(said(**sent_by(a_person(first_name="Eve\nERROR all is lost\x1b[2J"))))

        assert found.user_name.isprintable()

    @pytest.mark.parametrize("mark", [{"is_topic_message": True}, {}])
    def test_knows_a_topic_from_a_chain_of_replies(self, mark: Json) -> None:
        """Both carry a thread's id; only a topic says so."""
        found = read_update(an_update(a_message(message_thread_id=7, **mark)))

        assert found.topic_id == (7 if mark else None)


class TestIdentity:
    def test_is_the_message_whatever_the_update(self) -> None:
        """Update ids start again at random, so they identify nothing."""
        assert a_heard(update_id=1).identity == a_heard(update_id=900).identity
        assert a_heard(message_id=8).identity != a_heard(message_id=9).identity

    def test_is_the_query_for_a_tap(self) -> None:
        """Two taps on one button are two acts."""
        assert a_tap("halt:a:", "1").identity != a_tap("halt:a:", "2").identity


class TestHash:
    def test_tells_texts_apart_without_keeping_them(self) -> None:
        """A denied text may hold anything, a password too."""
        assert hash_of("/halt") != hash_of("/resume")
        assert hash_of("") == ""
        assert "halt" not in hash_of("/halt")
