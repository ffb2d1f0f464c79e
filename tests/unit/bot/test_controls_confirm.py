"""What raises risk or closes money: shown first, done by a button good for one tap."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.control_memory import BUTTON_LIFE_NS
from tests.support.steered_desk import (
    ORIGIN,
    SECOND_NS,
    SteeredDesk,
    a_pause,
    a_reply,
    a_status,
    an_impact,
    steered_desk,
    timed_out,
)
from tests.support.updates import INSTANCE, OTHER, WRITTEN_NS
from trader.domain.answers import Effective
from trader.domain.control import (
    BlockReason,
    CloseTrade,
    Flatten,
    LiftHalt,
    Mode,
    ReplyCode,
    Resume,
)
from trader.domain.errors import PortError
from trader.domain.order import LedgerName, TradeId

BY = "telegram:1001 Kim"
LATER_NS = WRITTEN_NS + 5 * SECOND_NS
HALTED = a_status(effective=Effective.HALTED, level="HALT", live=False, revision=8)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[SteeredDesk]:
    with steered_desk(tmp_path) as made:
        made.port.answers["status"] = a_status(pauses=(a_pause(), a_pause("upbit")))
        yield made


class TestResume:
    @pytest.mark.parametrize(
        ("language", "words"),
        [
            ("en", ["Resume?", "pause of everything", "pause of upbit", "LIVE again"]),
            ("ko", ["재개할까요?", "전체", "upbit", "다시 실거래로"]),
        ],
    )
    async def test_asks_first_and_shows_what_it_would_do(
        self, desk: SteeredDesk, language: str, words: list[str]
    ) -> None:
        """Nothing is sent before the tap."""
        await desk.hear("/resume", language)

        assert desk.port.commands == []
        for word in words:
            assert word in desk.text
        assert desk.lines()[-1].decision == "asked to confirm"

    async def test_the_tap_lifts_what_was_shown(self, desk: SteeredDesk) -> None:
        """With the revision it answers, dated when it was shown."""
        desk.port.replies = [a_reply(ReplyCode.RESUMED)]
        await desk.hear("/resume")
        desk.clock.now = LATER_NS

        await desk.tap(desk.button)

        assert desk.port.commands == [Resume(BY, "", 7, WRITTEN_NS)]
        assert "Entries resumed" in desk.text
        assert "No pause stands" in desk.text
        last = desk.lines()[-1]
        assert (last.what, last.decision, last.age_s) == ("confirmed /resume", "RESUMED", 5)
        assert last.before == "LIVE r7, paused: all, upbit"
        assert last.after == "LIVE r7"

    async def test_is_dated_by_the_clock_that_is_ahead(self, desk: SteeredDesk) -> None:
        """The pause it answers was dated by the messenger, whose clock may run before ours."""
        ahead_ns = WRITTEN_NS + 3 * SECOND_NS
        await desk.hear("/resume", written_ns=ahead_ns)

        await desk.tap(desk.button)

        assert desk.port.commands == [Resume(BY, "", 7, ahead_ns)]

    async def test_of_a_scope_keeps_the_others(self, desk: SteeredDesk) -> None:
        """And says so before."""
        await desk.hear("/resume upbit")
        assert "keeps the pause of everything" in desk.text

        await desk.tap(desk.button)

        assert desk.port.commands == [Resume(BY, "upbit", 7, WRITTEN_NS)]

    async def test_lifts_a_halt_to_paper_at_most(self, desk: SteeredDesk) -> None:
        """By its own command, which cannot do more."""
        desk.port.answers["status"] = replace(HALTED, pauses=(a_pause(), a_pause("upbit")))
        desk.port.replies = [a_reply(ReplyCode.HALT_LIFTED, level="PAPER", revision=9)]

        await desk.hear("/resume")
        assert "to paper at most" in desk.text
        assert "keeps the pause of upbit" in desk.text
        await desk.tap(desk.button)

        assert desk.port.commands == [LiftHalt(BY, 8, WRITTEN_NS)]
        assert "Halt lifted to PAPER" in desk.text

    async def test_of_a_scope_leaves_a_halt_alone(self, desk: SteeredDesk) -> None:
        """A venue's pause is no halt, and it says which of both stays."""
        desk.port.answers["status"] = replace(HALTED, pauses=(a_pause("upbit"),))
        desk.port.replies = [a_reply(ReplyCode.RESUMED, level="HALT", revision=8)]

        await desk.hear("/resume upbit")
        assert "still halted" in desk.text
        await desk.tap(desk.button)

        assert desk.port.commands == [Resume(BY, "upbit", 8, WRITTEN_NS)]
        assert "It stays halted" in desk.text

    async def test_with_nothing_to_lift_only_says_what_stands(self, desk: SteeredDesk) -> None:
        """Read back from the engine by a command that can lift nothing, whatever comes between."""
        desk.port.answers["status"] = a_status()
        desk.port.replies = [a_reply(ReplyCode.NOT_PAUSED, changed=False)]

        await desk.hear("/resume")

        (command,) = desk.port.commands
        assert isinstance(command, Resume)
        assert command.revision == -2
        assert "Entries were not paused" in desk.text
        assert desk.told.messages[-1].buttons == ()

    async def test_a_state_that_changed_is_shown_and_asked_about_again(
        self, desk: SteeredDesk
    ) -> None:
        """Somebody halted since: nobody confirmed to lift that."""
        await desk.hear("/resume")
        first = desk.button
        desk.port.answers["status"] = HALTED

        await desk.tap(first)

        assert desk.port.commands == []
        assert "Changed since it was shown" in desk.text
        assert "lifts the halt" in desk.text
        assert desk.button.data != first.data

    @pytest.mark.parametrize(
        "change",
        [
            {"pauses": (a_pause(), a_pause("upbit"), a_pause("bithumb"))},
            {"pauses": (a_pause(since_ns=LATER_NS), a_pause("upbit"))},
            {"revision": 9},
        ],
    )
    async def test_any_change_counts(self, desk: SteeredDesk, change: dict[str, object]) -> None:
        """Another pause, the same one anew, another revision."""
        await desk.hear("/resume")
        shown = a_status(pauses=(a_pause(), a_pause("upbit")))
        desk.port.answers["status"] = replace(shown, **change)

        await desk.tap(desk.button)

        assert desk.port.commands == []

    async def test_what_the_engine_finds_changed_is_asked_about_again(
        self, desk: SteeredDesk
    ) -> None:
        """It has the last word, and a pause came in the same instant."""
        desk.port.replies = [a_reply(ReplyCode.PAUSED_SINCE, changed=False, details=("host",))]
        await desk.hear("/resume")

        await desk.tap(desk.button)

        assert "Nothing done" in desk.told.messages[-2].plain
        assert "Resume?" in desk.text

    @pytest.mark.parametrize(
        "code",
        [
            ReplyCode.HALTED_SINCE,
            ReplyCode.PAUSED_SINCE,
            ReplyCode.DEMOTED_SINCE,
            ReplyCode.HALTED_AGAIN,
            ReplyCode.AUTHORITY_CHANGED,
        ],
    )
    async def test_a_confirmation_is_one_command_also_where_nothing_is_left(
        self, desk: SteeredDesk, code: ReplyCode
    ) -> None:
        """It was refused, and the pause ended by itself in that instant: the reply said it all."""
        desk.port.replies = [a_reply(code, changed=False, details=("host",))]
        await desk.hear("/resume upbit")
        told = len(desk.told.messages)
        desk.port.afterwards["status"] = a_status(pauses=(a_pause(),))

        await desk.tap(desk.button)

        assert desk.port.commands == [Resume(BY, "upbit", 7, WRITTEN_NS)]
        assert len(desk.told.messages) == told + 1
        assert desk.told.messages[-1].buttons == ()
        assert desk.lines()[-1].decision == code

    async def test_what_changed_to_nothing_is_said_by_one_command(self, desk: SteeredDesk) -> None:
        """Somebody resumed before the tap: the engine says so, once, and nothing is lifted."""
        await desk.hear("/resume")
        desk.port.answers["status"] = a_status()
        desk.port.replies = [a_reply(ReplyCode.NOT_PAUSED, changed=False)]

        await desk.tap(desk.button)

        (command,) = desk.port.commands
        assert isinstance(command, Resume)
        assert command.revision == -2
        assert "Entries were not paused" in desk.text

    @pytest.mark.parametrize(
        ("language", "words"), [("en", "does not answer"), ("ko", "응답하지 않습니다")]
    )
    async def test_of_an_engine_that_is_away_does_nothing(
        self, desk: SteeredDesk, language: str, words: str
    ) -> None:
        """What stands cannot be shown, so nothing can be confirmed."""
        desk.port.answers["status"] = PortError("away")

        await desk.hear("/resume", language)

        assert words in desk.text
        assert desk.told.messages[-1].buttons == ()

    async def test_bad_words_get_one_line(self, desk: SteeredDesk) -> None:
        """No scope has two words."""
        await desk.hear("/resume upbit bithumb")

        assert "Allowed: /resume" in desk.text
        assert desk.lines()[-1].decision == "nothing done: not understood"


class TestButton:
    @pytest.mark.parametrize(
        ("language", "words"), [("en", "Used already"), ("ko", "이미 누른 버튼")]
    )
    async def test_a_second_tap_does_nothing(
        self, desk: SteeredDesk, language: str, words: str
    ) -> None:
        """It counted once."""
        await desk.hear("/flatten")
        button = desk.button
        desk.port.replies = [a_reply(ReplyCode.CLOSING)]
        await desk.tap(button)

        await desk.tap(button, language)

        assert len(desk.port.commands) == 1
        assert words in desk.told.toasts[-1]
        assert desk.lines()[-1].decision == "nothing done: used"

    @pytest.mark.parametrize(
        ("language", "words"), [("en", "Expired"), ("ko", "시간이 지났습니다")]
    )
    async def test_a_minute_later_it_does_nothing(
        self, desk: SteeredDesk, language: str, words: str
    ) -> None:
        """Prices have moved on."""
        await desk.hear("/flatten")
        desk.clock.now += BUTTON_LIFE_NS + 1

        await desk.tap(desk.button, language)

        assert desk.port.commands == []
        assert words in desk.told.toasts[-1]

    async def test_another_users_tap_does_nothing_and_says_nothing(self, desk: SteeredDesk) -> None:
        """And does not use the button up."""
        await desk.hear("/flatten")
        button = desk.button

        await desk.tap(button, user_id=OTHER)

        assert desk.port.commands == []
        assert desk.told.toasts == [""]
        assert desk.lines()[-1].decision == "nothing done: other_user"
        await desk.tap(button)
        assert len(desk.port.commands) == 1

    async def test_an_invented_one_does_nothing(self, desk: SteeredDesk) -> None:
        """No token is guessed."""
        await desk.tap(f"confirm:{INSTANCE}:AAAAAAAAAAA")
        await desk.hear("/confirm")

        assert desk.port.commands == []
        assert "not known any more" in desk.told.toasts[0]
        assert "not known any more" in desk.text

    async def test_without_an_answer_nothing_is_claimed(self, desk: SteeredDesk) -> None:
        """Nobody knows whether it closes, and the button is used up."""
        await desk.hear("/flatten")
        desk.port.replies = [timed_out()]

        await desk.tap(desk.button)

        assert "is not known" in desk.text
        assert "/status" in desk.text


class TestFlatten:
    @pytest.mark.parametrize(
        ("language", "words"),
        [
            (
                "en",
                [
                    "Close ALL of the live ledger?",
                    "main · mode live · live ledger",
                    "Result: -1,205 ₩ of 199,000 ₩ (-0.61 %)",
                    "sell 0.00066 upbit:BTC-KRW ≈ 99,500,000, slippage 0.05 %, limit 99,000,000",
                    "of it 0.0001 in further orders",
                ],
            ),
            (
                "ko",
                ["실거래 장부를 전량 청산할까요?", "-1,205 ₩", "0.00066 매도", "슬리피지 0.05 %"],
            ),
        ],
    )
    async def test_shows_what_it_would_do_to_the_books(
        self, desk: SteeredDesk, language: str, words: list[str]
    ) -> None:
        """Result, prices and slippage of each leg, and whose money it is."""
        await desk.hear("/flatten", language)

        for word in words:
            assert word in desk.text
        assert desk.port.commands == []

    @pytest.mark.parametrize(
        ("mode", "ledger"),
        [(Mode.LIVE, "live"), (Mode.PAPER, "paper"), (Mode.MOCK, "paper")],
    )
    async def test_is_of_the_modes_own_ledger(
        self, desk: SteeredDesk, mode: Mode, ledger: str
    ) -> None:
        """Live in live mode, else paper."""
        desk.port.answers["status"] = a_status(origin=replace(ORIGIN, mode=mode))

        await desk.hear("/flatten")

        assert desk.port.asked == ["status", f"impact ledger={ledger}"]

    async def test_the_tap_carries_what_was_shown(self, desk: SteeredDesk) -> None:
        """Fingerprint and loss, for the engine to compare."""
        desk.port.replies = [a_reply(ReplyCode.CLOSING, details=("LIVE T12 x 199,000 ₩",))]
        await desk.hear("/flatten")
        desk.clock.now = LATER_NS

        await desk.tap(desk.button)

        expected = Flatten(BY, LedgerName.LIVE, "f1", Decimal(-1_205), WRITTEN_NS)
        assert desk.port.commands == [expected]
        assert "Closing" in desk.text
        assert "T12" in desk.text

    async def test_without_prices_it_says_so(self, desk: SteeredDesk) -> None:
        """And the command carries that none was shown."""
        desk.port.answers["impact"] = an_impact(result_krw=None)
        await desk.hear("/flatten")
        assert "Result: not known" in desk.text

        await desk.tap(desk.button)

        (command,) = desk.port.commands
        assert isinstance(command, Flatten)
        assert command.loss_krw is None

    @pytest.mark.parametrize(
        "code", [ReplyCode.CHANGED_SINCE, ReplyCode.LOSS_GREW, ReplyCode.NO_PRICES]
    )
    async def test_what_changed_is_shown_and_asked_about_again(
        self, desk: SteeredDesk, code: ReplyCode
    ) -> None:
        """New figures, a new button, and nothing closed."""
        await desk.hear("/flatten")
        first = desk.button
        desk.port.replies = [a_reply(code, changed=False)]
        desk.port.answers["impact"] = an_impact(fingerprint="f2", result_krw=Decimal(-9_000))

        await desk.tap(first)

        assert "Changed since it was shown" in desk.text
        assert "-9,000 ₩" in desk.text
        await desk.tap(desk.button)
        command = desk.port.commands[-1]
        assert isinstance(command, Flatten)
        assert (command.fingerprint, command.loss_krw) == ("f2", Decimal(-9_000))

    async def test_names_what_keeps_the_gate_shut(self, desk: SteeredDesk) -> None:
        """And how to mend it."""
        desk.port.answers["impact"] = an_impact(
            may_go=False, blocks=(BlockReason.ENV_FLAG_MISSING,)
        )

        await desk.hear("/flatten")

        assert "would not let it out" in desk.text
        assert "LIVE_TRADING" in desk.text

    async def test_with_nothing_open_there_is_no_button(self, desk: SteeredDesk) -> None:
        """There is nothing to confirm."""
        desk.port.answers["impact"] = an_impact(trades=(), result_krw=Decimal(0))

        await desk.hear("/flatten")

        assert "Nothing is open in the live ledger" in desk.text
        assert desk.told.messages[-1].buttons == ()

    async def test_takes_no_words(self, desk: SteeredDesk) -> None:
        """Whoever wrote one trade's id must not close all."""
        await desk.hear("/flatten T12")

        assert desk.port.asked == []
        assert "/close" in desk.text
        assert desk.lines()[-1].decision == "nothing done: not understood"

    async def test_shows_an_average_to_the_digits_a_book_has(self, desk: SteeredDesk) -> None:
        """What walking the book divides out is no price that anybody can read."""
        (trade,) = an_impact().trades
        leg = replace(trade.legs[0], average_price=Decimal("151414796.490579408728874921"))
        desk.port.answers["impact"] = an_impact(trades=(replace(trade, legs=(leg,)),))

        await desk.hear("/flatten")

        assert "≈ 151,414,796, slippage" in desk.text

    async def test_many_trades_fit_one_message(self, desk: SteeredDesk) -> None:
        """The rest is counted."""
        (trade,) = an_impact().trades
        desk.port.answers["impact"] = an_impact(trades=(trade,) * 40, more=3)

        await desk.hear("/flatten")

        assert "37" in desk.text
        assert "Good once" in desk.text


class TestClose:
    async def test_the_tap_closes_the_one_that_was_shown(self, desk: SteeredDesk) -> None:
        """By its id."""
        desk.port.replies = [a_reply(ReplyCode.CLOSING)]
        await desk.hear("/close T12")
        assert "Close T12 of the live ledger?" in desk.text
        assert desk.port.asked == ["impact trade_id=T12"]

        await desk.tap(desk.button)

        expected = CloseTrade(BY, TradeId("T12"), "f1", Decimal(-1_205), WRITTEN_NS)
        assert desk.port.commands == [expected]

    async def test_its_button_asks_as_well(self, desk: SteeredDesk) -> None:
        """A row of the positions is no confirmation."""
        await desk.tap(f"close:{INSTANCE}:T12")

        assert desk.port.commands == []
        assert "Close T12" in desk.text

    async def test_without_an_id_lists_what_is_open(self, desk: SteeredDesk) -> None:
        """Each with its button."""
        await desk.hear("/close", "ko")

        assert "T12" in desk.text
        assert desk.button.data.startswith("close:")

    async def test_of_an_unknown_id_says_so(self, desk: SteeredDesk) -> None:
        """And lists those there are."""
        desk.port.answers["impact"] = PortError("trade 'T9' is not open; allowed: T12")

        await desk.hear("/close T9")

        assert "No open trade has this id" in desk.text
        assert "T12" in desk.text

    async def test_of_an_engine_that_is_away_does_nothing(self, desk: SteeredDesk) -> None:
        """It cannot show what it would do."""
        desk.port.answers["impact"] = timed_out()

        await desk.hear("/close T12")

        assert "does not answer" in desk.text


class TestDisk:
    async def test_what_cannot_be_noted_is_not_offered(self, desk: SteeredDesk) -> None:
        """A button that nobody remembers could be tapped twice."""
        with desk.memory.writing() as db:
            db.execute("DROP TABLE buttons")

        await desk.hear("/flatten")
        await desk.tap(f"confirm:{INSTANCE}:AAAAAAAAAAA")

        assert [one.plain.startswith("Not done") for one in desk.told.messages] == [True, True]
        assert desk.port.commands == []

    async def test_what_lowers_acts_without_a_record(self, desk: SteeredDesk) -> None:
        """A full disk must not stand between an operator and a pause."""
        with desk.memory.writing() as db:
            db.execute("DROP TABLE audit")

        await desk.hear("/pause")

        assert len(desk.port.commands) == 1
        assert "Entries paused" in desk.text
