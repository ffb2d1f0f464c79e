"""Only the operators' own fresh words in the one chat are commands; everything else is denied."""

from typing import Any

import pytest
from msgspec.structs import replace

from bot.access import Access, Kind, Timing, access_of, canonical, hear, timing
from bot.updates import Denied, DenyReason, Heard, HeardKind
from tests.support.updates import (
    CHAT,
    GROUP,
    GROUP_ACCESS,
    INSTANCE,
    ME,
    OPERATOR,
    OTHER,
    PRIVATE_ACCESS,
    S_NS,
    WRITTEN_NS,
    Json,
    a_message,
    a_person,
    an_update,
    said,
    sent_by,
    tapped,
)
from trader.port.settings import BotSettings

HOUR_S = 3_600
THEIRS = {"id": -77, "type": "channel", "title": "News"}


def why(update: Json, access: Access = PRIVATE_ACCESS) -> DenyReason | None:
    found = hear(update, access)
    return found.why if isinstance(found, Denied) else None


class TestWhoIsHeard:
    @pytest.mark.parametrize(
        ("update", "kind"),
        [
            (said("/halt"), HeardKind.COMMAND),
            (said(f"/halt@{ME}"), HeardKind.COMMAND),
            (said("긴급정지"), HeardKind.TEXT),
            (tapped(), HeardKind.TAP),
        ],
    )
    def test_an_operator_in_the_chat(self, update: Json, kind: HeardKind) -> None:
        """Commands, words and taps."""
        found = hear(update, PRIVATE_ACCESS)

        assert isinstance(found, Heard)
        assert (found.kind, found.chat_id, found.user_id) == (kind, CHAT, OPERATOR)

    def test_anyone_in_the_chat_unless_it_is_narrowed(self) -> None:
        """Without user ids every member of the chat is an operator."""
        update = said("/halt", GROUP, OTHER)

        assert why(update, replace(GROUP_ACCESS, user_ids=None)) is None
        assert why(update, GROUP_ACCESS) is DenyReason.OTHER_USER
        assert why(update, replace(GROUP_ACCESS, user_ids=())) is DenyReason.OTHER_USER

    def test_a_tap_says_which_message_it_was_on(self) -> None:
        """So that its answer can change that message."""
        found = hear(tapped(), PRIVATE_ACCESS)

        assert isinstance(found, Heard)
        assert (found.message_id, found.tapped_message_id, found.written_ns) == (0, 70, None)

    def test_what_settings_say(self) -> None:
        """Id, users and topic of the config; the bot's name in any case."""
        settings = BotSettings("e", "state", "UTC", chat_id=" 1001 ", user_ids=(5,), topic_id=3)

        assert access_of(settings, "Spread_Bot", "i") == Access("1001", (5,), 3, "spread_bot", "i")


OUR_CHAT_BUT: list[tuple[dict[str, Any], DenyReason]] = [
    ({"forward_origin": {"type": "user"}}, DenyReason.FORWARDED),
    ({"forward_date": 1}, DenyReason.FORWARDED),
    ({"forward_from": a_person()}, DenyReason.FORWARDED),
    ({"forward_sender_name": "Kim"}, DenyReason.FORWARDED),
    ({"forward_from_chat": THEIRS}, DenyReason.FORWARDED),
    ({"is_automatic_forward": True}, DenyReason.FORWARDED),
    ({"edit_date": 1}, DenyReason.EDITED),
    ({"via_bot": a_person(5, is_bot=True)}, DenyReason.VIA_BOT),
    ({"sender_chat": THEIRS}, DenyReason.ANONYMOUS),
    ({"business_connection_id": "x"}, DenyReason.BUSINESS),
    ({"from": a_person(is_bot=True)}, DenyReason.FROM_BOT),
    ({"from": a_person(is_bot="yes")}, DenyReason.FROM_BOT),
    ({"from": None}, DenyReason.MALFORMED),
    ({"from": a_person() | {"id": "1001"}}, DenyReason.MALFORMED),
    ({"date": None}, DenyReason.MALFORMED),
    ({"message_id": None}, DenyReason.MALFORMED),
    ({"chat": None}, DenyReason.MALFORMED),
    ({"chat": {"id": "1001"}}, DenyReason.MALFORMED),
    ({"text": "/halt@other_bot"}, DenyReason.OTHER_BOT),
    ({"text": None}, DenyReason.WORDLESS),
    ({"text": None, "caption": "/halt"}, DenyReason.WORDLESS),
    ({"text": ["/halt"]}, DenyReason.WORDLESS),
]


class TestWhoIsNot:
    @pytest.mark.parametrize(("how", "reason"), OUR_CHAT_BUT)
    def test_words_that_are_not_an_operators_own(
        self, how: dict[str, Any], reason: DenyReason
    ) -> None:
        """In our chat, by our operator, and yet no command."""
        assert why(said("/halt", **how)) is reason

    @pytest.mark.parametrize(
        ("kind", "reason"),
        [
            ("edited_message", DenyReason.EDITED),
            ("channel_post", DenyReason.CHANNEL),
            ("edited_channel_post", DenyReason.CHANNEL),
            ("inline_query", DenyReason.INLINE),
            ("chosen_inline_result", DenyReason.INLINE),
            ("business_message", DenyReason.BUSINESS),
            ("edited_business_message", DenyReason.BUSINESS),
            ("message_reaction", DenyReason.OTHER_KIND),
            ("my_chat_member", DenyReason.OTHER_KIND),
            ("poll_answer", DenyReason.OTHER_KIND),
            ("nobody_knows_yet", DenyReason.OTHER_KIND),
        ],
    )
    def test_other_kinds_of_update(self, kind: str, reason: DenyReason) -> None:
        """The same words in any other wrapping."""
        assert why(an_update(a_message("/halt"), kind)) is reason

    @pytest.mark.parametrize("chat_id", [GROUP, CHAT + 1, -CHAT, 0])
    def test_another_chat(self, chat_id: int) -> None:
        """The very operator, elsewhere."""
        assert why(said("/halt", chat_id)) is DenyReason.OTHER_CHAT

    @pytest.mark.parametrize("chat_id", ["", "@spread", "01001", "1001.0", "+1001", "１００１"])
    def test_anyone_where_the_config_names_no_chat(self, chat_id: str) -> None:
        """An empty id answers nobody, nor does one that is not the plain number."""
        access = replace(PRIVATE_ACCESS, chat_id=chat_id)

        assert isinstance(hear(said("/halt"), access), Denied)
        assert isinstance(hear(tapped(), access), Denied)

    def test_says_who_and_what_without_the_words(self) -> None:
        """For one audit line."""
        found = hear(said("my password", GROUP, OTHER), PRIVATE_ACCESS)

        assert isinstance(found, Denied)
        assert (found.update_id, found.user_id, found.chat_id) == (500, OTHER, GROUP)
        assert found.text_hash
        assert "password" not in repr(found)


class TestTopic:
    ACCESS = replace(GROUP_ACCESS, topic_id=7)

    @pytest.mark.parametrize(
        ("how", "reason"),
        [
            ({"message_thread_id": 7, "is_topic_message": True}, None),
            ({"message_thread_id": 8, "is_topic_message": True}, DenyReason.OTHER_TOPIC),
            ({"message_thread_id": 7}, DenyReason.OTHER_TOPIC),
            ({}, DenyReason.OTHER_TOPIC),
        ],
    )
    def test_narrows_the_chat(self, how: dict[str, Any], reason: DenyReason | None) -> None:
        """Only the topic of the config is heard."""
        assert why(said("/halt", GROUP, **how), self.ACCESS) is reason

    def test_the_general_one_has_no_number_in_messages(self) -> None:
        """It is topic 1, and its messages do not say so."""
        assert why(said("/halt", GROUP), replace(GROUP_ACCESS, topic_id=1)) is None

    def test_of_an_old_message_is_not_asked_for(self) -> None:
        """Telegram sends a tap on it without its topic; its mark says that the button is ours."""
        old = {"chat": {"id": GROUP}, "message_id": 70, "date": 0}

        assert why(tapped(chat_id=GROUP, message=old), self.ACCESS) is None


class TestTaps:
    @pytest.mark.parametrize(
        ("update", "reason"),
        [
            (tapped(f"halt:{INSTANCE}:"), None),
            (tapped("halt:other1:"), DenyReason.OTHER_INSTANCE),
            (tapped("halt"), DenyReason.MALFORMED),
            (tapped(f"halt:{INSTANCE}:" + "9" * 60), DenyReason.MALFORMED),
            (tapped(None), DenyReason.MALFORMED),
            (tapped(id=""), DenyReason.MALFORMED),
            (tapped(id="x" * 65), DenyReason.MALFORMED),
            (tapped(message=None), DenyReason.MALFORMED),
            (tapped(inline_message_id="x"), DenyReason.INLINE),
            (tapped(**sent_by(None)), DenyReason.MALFORMED),
            (tapped(**sent_by(a_person(is_bot=True))), DenyReason.FROM_BOT),
            (tapped(chat_id=GROUP), DenyReason.OTHER_CHAT),
        ],
    )
    def test_count_by_an_operator_on_our_own_buttons(
        self, update: Json, reason: DenyReason | None
    ) -> None:
        """Everything else about them may be forged or old."""
        assert why(update) is reason

    def test_by_another_member_are_no_commands(self) -> None:
        """In a group everybody sees the buttons."""
        assert why(tapped(chat_id=GROUP, user_id=OTHER), GROUP_ACCESS) is DenyReason.OTHER_USER

    def test_may_be_answered_only_to_an_operator(self) -> None:
        """A stranger is not told that anybody is here."""
        ours = hear(tapped("halt:other1:"), PRIVATE_ACCESS)
        theirs = hear(tapped("halt:other1:", GROUP, OTHER), GROUP_ACCESS)

        assert isinstance(ours, Denied)
        assert isinstance(theirs, Denied)
        assert (ours.callback_id, theirs.callback_id) == ("424242", "")

    def test_need_an_instance(self) -> None:
        """Before the instance is known no button is ours."""
        assert why(tapped("halt::"), replace(PRIVATE_ACCESS, instance="")) is DenyReason.MALFORMED


class TestAge:
    @pytest.mark.parametrize(
        ("name", "kind", "age_s", "verdict"),
        [
            ("halt", Kind.LOWERS, 0, Timing.FRESH),
            ("halt", Kind.LOWERS, 30, Timing.FRESH),
            ("halt", Kind.LOWERS, 31, Timing.LATE),
            ("halt", Kind.LOWERS, 5 * HOUR_S, Timing.LATE),
            ("halt", Kind.LOWERS, 24 * HOUR_S, Timing.LATE),
            ("halt", Kind.LOWERS, 24 * HOUR_S + 1, Timing.TOO_OLD),
            ("halt", Kind.LOWERS, -HOUR_S, Timing.FRESH),
            ("pause", Kind.LOWERS, HOUR_S, Timing.LATE),
            ("pause", Kind.LOWERS, HOUR_S + 1, Timing.TOO_OLD),
            ("paper", Kind.LOWERS, HOUR_S, Timing.LATE),
            ("paper", Kind.LOWERS, HOUR_S + 1, Timing.TOO_OLD),
            ("resume", Kind.RAISES, 30, Timing.FRESH),
            ("resume", Kind.RAISES, 31, Timing.TOO_OLD),
            ("resume", Kind.RAISES, 40, Timing.TOO_OLD),
            ("flatten", Kind.RAISES, 31, Timing.TOO_OLD),
            ("resume", Kind.RAISES, -30, Timing.FRESH),
            ("resume", Kind.RAISES, -31, Timing.TOO_OLD),
            ("status", Kind.VIEW, 120, Timing.LATE),
            ("status", Kind.VIEW, 121, Timing.TOO_OLD),
            ("ack", Kind.NOTES, 120, Timing.LATE),
            ("ack", Kind.NOTES, 121, Timing.TOO_OLD),
        ],
    )
    def test_decides_by_what_a_command_does_to_risk(
        self, name: str, kind: Kind, age_s: int, verdict: Timing
    ) -> None:
        """What lowers risk may be late, what raises it may not, by either clock's error."""
        assert timing(name, kind, WRITTEN_NS, WRITTEN_NS + age_s * S_NS) is verdict

    @pytest.mark.parametrize("kind", list(Kind))
    def test_is_not_known_of_a_tap(self, kind: Kind) -> None:
        """Its button's own time decides, where there is one."""
        assert timing("x", kind, None, WRITTEN_NS) is Timing.FRESH

    def test_stop_is_a_halt(self) -> None:
        """Under both its names it may be a day late."""
        assert (canonical("stop"), canonical("status")) == ("halt", "status")
