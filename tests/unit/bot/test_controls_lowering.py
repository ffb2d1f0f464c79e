"""What lowers risk: acts without a question, also late, and says what the engine replied."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.prolonging import prolong_buttons
from tests.support.steered_desk import (
    SECOND_NS,
    SteeredDesk,
    a_pause,
    a_reply,
    a_status,
    steered_desk,
    timed_out,
)
from tests.support.updates import INSTANCE, WRITTEN_NS, a_heard
from trader.domain.answers import Effective
from trader.domain.control import (
    Alert,
    AlertCode,
    Halt,
    Language,
    Pause,
    ReplyCode,
    Severity,
    ToPaper,
)
from trader.domain.errors import PortTimeout

HOUR_NS = 3_600 * SECOND_NS
BY = "telegram:1001 Kim"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[SteeredDesk]:
    with steered_desk(tmp_path) as made:
        yield made


class TestHalt:
    async def test_reaches_the_engine_before_anything_is_asked(self, desk: SteeredDesk) -> None:
        """Not even how things stand: that could take its time."""
        await desk.halt_now("/halt now fat finger")

        assert desk.port.commands == [Halt(BY, "fat finger", True, WRITTEN_NS)]
        assert desk.port.asked == []
        assert desk.port.ids == ["message:1001:50"]

    @pytest.mark.parametrize(
        ("language", "words"),
        [
            ("en", ["Halted", "Still open", "live T12", "HALT"]),
            ("ko", ["긴급정지했습니다", "열려 있는", "실거래"]),
        ],
    )
    async def test_lists_what_is_open(
        self, desk: SteeredDesk, language: str, words: list[str]
    ) -> None:
        """The operator learns at once what is left to look after."""
        details = ("LIVE T12 upbit-binance 99,594 ₩", "+3")
        desk.port.replies = [a_reply(ReplyCode.HALTED, level="HALT", details=details)]

        await desk.halt_now(language=language)

        for word in words[:3]:
            assert word in desk.text
        assert "T12 upbit-binance" in desk.text

    async def test_says_that_nothing_is_open(self, desk: SteeredDesk) -> None:
        """An empty list could also be a list that was forgotten."""
        desk.port.replies = [a_reply(ReplyCode.HALTED, level="HALT")]

        await desk.halt_now()

        assert "Nothing is open" in desk.text

    async def test_names_engine_mode_ledger_and_authority(self, desk: SteeredDesk) -> None:
        """What holds is read back, and of which engine it is said."""
        desk.port.replies = [a_reply(ReplyCode.HALTED, level="HALT", revision=8)]

        await desk.halt_now()

        assert "main · mode live · live ledger · halted (revision 8)" in desk.text

    async def test_a_repeat_says_since_when(self, desk: SteeredDesk) -> None:
        """It holds already, and that is the answer."""
        since = WRITTEN_NS - HOUR_NS
        desk.port.replies = [
            a_reply(ReplyCode.ALREADY_HALTED, changed=False, level="HALT", since_ns=since)
        ]

        await desk.halt_now()

        assert "Already halted" in desk.text
        assert "since " in desk.text

    async def test_a_late_one_says_how_late(self, desk: SteeredDesk) -> None:
        """It waited where nobody heard it."""
        desk.clock.now += 5 * HOUR_NS
        desk.port.replies = [a_reply(ReplyCode.HALTED, level="HALT")]

        await desk.halt_now()

        assert "applied 5 h" in desk.text
        assert desk.lines()[-1].age_s == 5 * 3_600

    async def test_a_newer_act_is_named(self, desk: SteeredDesk) -> None:
        """Somebody lifted a halt after this was written; nothing is done, and it says so."""
        desk.clock.now += 5 * HOUR_NS
        desk.port.replies = [
            a_reply(
                ReplyCode.LIFTED_SINCE, changed=False, since_ns=WRITTEN_NS + 1, details=("host",)
            )
        ]

        heard_acted = await desk.hear("/halt")

        assert heard_acted is False
        assert "Nothing done" in desk.text
        assert "by host" in desk.text
        assert "applied" not in desk.text

    @pytest.mark.parametrize(
        ("language", "words"), [("en", "is not known"), ("ko", "알 수 없습니다")]
    )
    async def test_without_an_answer_nothing_is_claimed(
        self, desk: SteeredDesk, language: str, words: str
    ) -> None:
        """It says that it does not know, what to look at, and lets the lane halt again."""
        desk.port.replies = [timed_out()]

        with pytest.raises(PortTimeout):
            await desk.halt_now(language=language)

        assert words in desk.text
        assert "/status" in desk.text
        assert "touch .halt" in desk.text
        assert desk.lines()[-1].decision == "not known: PortTimeout"

    async def test_its_second_run_is_silent_where_the_halt_holds(self, desk: SteeredDesk) -> None:
        """It was answered already."""
        desk.port.replies = [
            a_reply(ReplyCode.HALTED, level="HALT"),
            a_reply(ReplyCode.ALREADY_HALTED, changed=False, level="HALT"),
        ]
        heard = await desk.halt_now()

        await desk.controls.halt(heard, ())

        assert len(desk.port.commands) == 2
        assert len(desk.told.messages) == 1

    async def test_its_second_run_speaks_where_it_halted_again(self, desk: SteeredDesk) -> None:
        """Something had lifted it in between."""
        desk.port.replies = [a_reply(ReplyCode.HALTED, level="HALT")]
        heard = await desk.halt_now()

        await desk.controls.halt(heard, ())

        assert len(desk.told.messages) == 2

    async def test_its_second_run_speaks_where_the_first_knew_nothing(
        self, desk: SteeredDesk
    ) -> None:
        """The person still waits for an answer."""
        desk.port.replies = [
            timed_out(),
            a_reply(ReplyCode.ALREADY_HALTED, changed=False, level="HALT"),
        ]
        heard = replace(a_heard("/halt", 60), language="en")
        with pytest.raises(PortTimeout):
            await desk.controls.halt_now(heard, ())

        await desk.controls.halt(heard, ())

        assert "Already halted" in desk.text

    async def test_its_button_halts(self, desk: SteeredDesk) -> None:
        """And the phone stops waiting."""
        desk.port.replies = [a_reply(ReplyCode.HALTED, level="HALT")]

        await desk.tap(f"halt:{INSTANCE}:")

        assert desk.port.commands == [Halt(BY, "", False, 0)]
        assert desk.port.ids == ["tap:cb1"]
        assert desk.told.toasts == [""]

    async def test_a_reason_is_shown_as_it_was_written(self, desk: SteeredDesk) -> None:
        """Markup in it is none."""
        desk.port.replies = [
            a_reply(ReplyCode.HALTED, level="HALT", details=("LIVE <b>T1</b> & co",))
        ]

        await desk.halt_now("/halt <i>now</i>")

        assert "<b>T1</b> & co" in desk.text


class TestPause:
    async def test_counts_from_when_it_was_written(self, desk: SteeredDesk) -> None:
        """Ten minutes late, half an hour ends twenty minutes from now."""
        desk.clock.now += 600 * SECOND_NS

        await desk.hear("/pause upbit 30m")

        until = WRITTEN_NS + 1_800 * SECOND_NS
        assert desk.port.commands == [Pause(BY, "", "upbit", until, WRITTEN_NS)]

    async def test_of_a_tap_counts_from_now(self, desk: SteeredDesk) -> None:
        """A tap does not say when it was made, and has no end here."""
        await desk.tap(f"pause:{INSTANCE}:")

        assert desk.port.commands == [Pause(BY, "", "", 0, 0)]

    @pytest.mark.parametrize(
        ("language", "words"), [("en", "Allowed: /pause"), ("ko", "가능: /pause")]
    )
    async def test_bad_words_get_one_line_of_what_is_allowed(
        self, desk: SteeredDesk, language: str, words: str
    ) -> None:
        """Nothing is guessed and nothing is sent."""
        acted = await desk.hear("/pause upbit for <b>ever</b>", language)

        assert acted is False
        assert desk.port.commands == []
        assert words in desk.text
        assert "\n" not in desk.text

    async def test_an_unknown_scope_names_those_there_are(self, desk: SteeredDesk) -> None:
        """As the engine knows them."""
        desk.port.replies = [
            a_reply(ReplyCode.SCOPE_UNKNOWN, changed=False, details=("upbit", "binance"))
        ]

        await desk.hear("/pause kraken")

        assert "upbit, binance" in desk.text

    async def test_a_capital_letter_is_no_other_scope(self, desk: SteeredDesk) -> None:
        """Phones make them by themselves."""
        desk.port.replies = [
            a_reply(ReplyCode.SCOPE_UNKNOWN, changed=False, details=("upbit",)),
            a_reply(ReplyCode.PAUSED, details=("upbit",)),
        ]

        await desk.hear("/pause Upbit")

        assert [one.scope for one in desk.port.commands if isinstance(one, Pause)] == [
            "Upbit",
            "upbit",
        ]
        assert "Entries paused" in desk.text

    @pytest.mark.parametrize(
        ("language", "words"),
        [
            ("en", ["everything", "upbit until 10-01 09:00 KST"]),
            ("ko", ["전체", "upbit, 10-01 09:00 KST까지"]),
        ],
    )
    async def test_names_the_pauses_that_stand(
        self, desk: SteeredDesk, language: str, words: list[str]
    ) -> None:
        """With their ends in the operator's own time."""
        details = ("all", "upbit until 2026-10-01T00:00:00Z")
        desk.port.replies = [a_reply(ReplyCode.PAUSED, paused=True, details=details)]

        await desk.hear("/pause", language)

        for word in words:
            assert word in desk.text

    async def test_records_before_and_after(self, desk: SteeredDesk) -> None:
        """Who, what, how old, what was decided, and what it changed."""
        desk.port.answers["status"] = a_status(pauses=(a_pause("upbit"),))
        desk.port.replies = [a_reply(ReplyCode.PAUSED, paused=True, details=("all", "upbit"))]
        desk.clock.now += 40 * SECOND_NS

        await desk.hear("/pause")

        (line,) = desk.lines()
        assert (line.who, line.what, line.age_s) == (BY, "/pause", 40)
        assert line.decision == "PAUSED"
        assert line.before == "LIVE r7, paused: upbit"
        assert line.after == "LIVE r7, paused: all, upbit"

    async def test_acts_also_where_nobody_says_what_stood_before(self, desk: SteeredDesk) -> None:
        """What lowers risk waits for no question."""
        desk.port.answers["status"] = timed_out()

        await desk.hear("/pause")

        assert len(desk.port.commands) == 1
        assert desk.lines()[-1].before == "not known"

    async def test_without_an_answer_nothing_is_claimed(self, desk: SteeredDesk) -> None:
        """Neither paused nor not paused."""
        desk.port.replies = [timed_out()]

        await desk.hear("/pause")

        assert "is not known" in desk.text
        assert "paused" not in desk.text.lower()
        assert desk.lines()[-1].after == "not known"

    async def test_speaks_the_language_of_the_settings_first(self, tmp_path: Path) -> None:
        """Else the sender's."""
        with steered_desk(tmp_path / "ko", Language.KO) as desk:
            await desk.hear("/pause", "en")
            assert "신규진입을 중지했습니다" in desk.text
        with steered_desk(tmp_path / "user") as desk:
            await desk.hear("/pause", "ko-KR")
            assert "신규진입을 중지했습니다" in desk.text
            await desk.hear("/pause", "fr")
            assert "Entries paused" in desk.text


class TestProlonging:
    async def test_the_button_names_the_end_so_two_taps_prolong_once(
        self, desk: SteeredDesk
    ) -> None:
        """The second finds that the state already holds."""
        until = WRITTEN_NS + 120 * SECOND_NS
        fields = {"variant": "ends_soon", "scope": "upbit", "until_ns": str(until)}
        alert = Alert(AlertCode.PAUSED, Severity.WARNING, "k", WRITTEN_NS, fields)
        view = desk.view()
        ((half, two),) = prolong_buttons(alert, view)

        await desk.tap(half)
        await desk.tap(half)

        assert half.text == "⏸ 30 min longer"
        assert two.text == "⏸ 2 h longer"
        wanted = Pause(BY, "", "upbit", until + 1_800 * SECOND_NS)
        assert desk.port.commands == [wanted, wanted]

    async def test_other_alerts_have_no_such_button(self, desk: SteeredDesk) -> None:
        """Least of all the one that says that it is paused."""
        fields = {"until_ns": str(WRITTEN_NS)}
        alert = Alert(AlertCode.PAUSED, Severity.INFO, "k", WRITTEN_NS, fields)

        assert prolong_buttons(alert, desk.view()) == ()

    async def test_a_button_without_a_time_does_nothing(self, desk: SteeredDesk) -> None:
        """Whoever made it, it was not this bot."""
        await desk.tap(f"prolong:{INSTANCE}:soon upbit")
        await desk.hear(f"/prolong {WRITTEN_NS // SECOND_NS + 60}")

        assert desk.port.commands == []
        assert "nothing was done" in desk.told.toasts[0]


class TestPaper:
    @pytest.mark.parametrize(
        ("code", "words"),
        [
            (ReplyCode.DEMOTED_GUARDED, "stops and exits of live positions go on live"),
            (ReplyCode.DEMOTED_UNGUARDED, "close them by hand"),
        ],
    )
    async def test_says_what_remains_and_what_guards_it(
        self, desk: SteeredDesk, code: ReplyCode, words: str
    ) -> None:
        """By the engine's own verdict."""
        details = ("LIVE T12 upbit-binance 99,594 ₩",)
        desk.port.replies = [a_reply(code, level="PAPER", revision=8, details=details)]

        await desk.hear("/paper")

        assert desk.port.commands == [ToPaper(BY, "", WRITTEN_NS)]
        assert words in desk.text
        assert "T12" in desk.text
        assert desk.port.asked == ["status"]

    @pytest.mark.parametrize(
        ("effective", "words"),
        [
            (Effective.DEMOTED, "Guarded: "),
            (Effective.HALTED, "Not guarded: in a halt"),
            (Effective.REVOKED, "Not guarded: no live closing"),
            (Effective.PAPER, "Not guarded: no live closing"),
        ],
    )
    async def test_a_repeat_says_it_as_well(
        self, desk: SteeredDesk, effective: Effective, words: str
    ) -> None:
        """The engine says then only that it was at paper already."""
        desk.port.answers["status"] = a_status(effective=effective, level="PAPER")
        desk.port.replies = [
            a_reply(ReplyCode.ALREADY_PAPER, changed=False, details=("LIVE T12 x 1 ₩",))
        ]

        await desk.hear("/paper")

        assert "Already at PAPER" in desk.text
        assert words in desk.text

    async def test_says_that_no_live_position_is_open(self, desk: SteeredDesk) -> None:
        """And asks nothing about what guards them."""
        desk.port.replies = [a_reply(ReplyCode.DEMOTED, level="PAPER")]

        await desk.hear("/paper", "ko")

        assert "모의로 전환했습니다" in desk.text
        assert "열린 실거래 포지션이 없습니다" in desk.text


def test_every_control_has_a_kind_and_a_handler(tmp_path: Path) -> None:
    """The verbs of the buttons among them."""
    with steered_desk(tmp_path) as desk:
        names = set(desk.controls.handlers())
    assert names == {
        *("halt", "pause", "prolong", "paper", "resume", "flatten", "close", "confirm"),
        *("ack", "mute", "drill", "drilled", "live"),
    }
