"""Acknowledging, muting, drills, and the two refusals: live from chat, and old buttons."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.line import NotNow
from bot.mutes import ALWAYS_CRITICAL, MUTABLE, Mutes
from bot.updates import Denied, DenyReason
from tests.support.steered_desk import (
    ORIGIN,
    SECOND_NS,
    SteeredDesk,
    a_status,
    an_alert_line,
    steered_desk,
)
from tests.support.updates import INSTANCE, WRITTEN_NS
from trader.domain.control import AlertCode, BlockReason, Severity
from trader.domain.errors import PortError
from trader.domain.host_answers import (
    AlertsAnswer,
)
from trader.texts.samples import samples

HOUR_NS = 3_600 * SECOND_NS


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[SteeredDesk]:
    with steered_desk(tmp_path) as made:
        yield made


class TestAcknowledge:
    @pytest.mark.parametrize(
        ("language", "words"), [("en", "Acknowledged: #5"), ("ko", "확인했음: #5")]
    )
    async def test_ends_the_repeating(self, desk: SteeredDesk, language: str, words: str) -> None:
        """And says which alert it was, as it was written."""
        await desk.hear("/ack #5", language)

        assert desk.seen == [(5, "Kim")]
        assert words in desk.text
        assert "Halted <b>" in desk.text

    async def test_its_button_does_the_same(self, desk: SteeredDesk) -> None:
        """And the phone stops waiting."""
        await desk.tap(f"ack:{INSTANCE}:5")

        assert desk.seen == [(5, "Kim")]
        assert desk.told.toasts == [""]

    async def test_a_repeat_says_since_when(self, desk: SteeredDesk) -> None:
        """It holds already."""
        line = an_alert_line(acknowledged_ns=WRITTEN_NS - HOUR_NS)
        desk.port.answers["alerts"] = AlertsAnswer(ORIGIN, (line,))

        await desk.hear("/ack 5")

        assert desk.seen == []
        assert "already" in desk.text
        assert "since" in desk.text

    async def test_an_old_alert_may_still_be_acknowledged(self, desk: SteeredDesk) -> None:
        """Though it is not among the latest any more."""
        await desk.hear("/ack 4")

        assert desk.seen == [(4, "Kim")]
        assert "not among the latest" in desk.text

    async def test_an_engine_that_cannot_note_it_is_told(self, desk: SteeredDesk) -> None:
        """The repeating ends all the same."""
        desk.seen_error = PortError("away")
        desk.port.answers["alerts"] = PortError("away")

        await desk.hear("/ack 5")

        assert "could not note it" in desk.text

    async def test_without_a_number_lists_what_is_open(self, desk: SteeredDesk) -> None:
        """Each with its button."""
        await desk.hear("/ack")

        assert "Not acknowledged yet" in desk.text
        assert desk.button.data.endswith(":5")

    async def test_without_a_number_does_not_claim_what_it_cannot_see(
        self, desk: SteeredDesk
    ) -> None:
        """An engine that is away may have an alert open."""
        desk.port.answers["alerts"] = PortError("away")

        await desk.hear("/ack")

        assert "All is acknowledged" not in desk.text


class TestMute:
    async def test_keeps_quiet_for_a_while(self, desk: SteeredDesk) -> None:
        """Counted from when it was written."""
        await desk.hear("/mute feed_stale 2h")

        assert "Muted" in desk.text
        assert desk.mutes.is_muted(AlertCode.FEED_STALE, WRITTEN_NS + 2 * HOUR_NS - 1)
        assert not desk.mutes.is_muted(AlertCode.FEED_STALE, WRITTEN_NS + 2 * HOUR_NS)
        assert not desk.mutes.is_muted(AlertCode.REBALANCE, WRITTEN_NS)

    async def test_survives_a_restart(self, desk: SteeredDesk) -> None:
        """It is on disk."""
        await desk.hear("/mute feed_stale 2h")

        assert Mutes(desk.memory, WRITTEN_NS).is_muted(AlertCode.FEED_STALE, WRITTEN_NS)

    async def test_never_mutes_what_is_critical(self, desk: SteeredDesk) -> None:
        """Of a kind that can be either, the critical one is told."""
        await desk.hear("/mute breaker_tripped 2h")

        code = AlertCode.BREAKER_TRIPPED
        assert desk.mutes.is_muted(code, WRITTEN_NS, Severity.WARNING)
        assert not desk.mutes.is_muted(code, WRITTEN_NS, Severity.CRITICAL)

    @pytest.mark.parametrize(
        ("language", "words"), [("en", "cannot be muted"), ("ko", "끌 수 없습니다")]
    )
    async def test_says_that_a_critical_kind_cannot_be_muted(
        self, desk: SteeredDesk, language: str, words: str
    ) -> None:
        """And what to do instead."""
        await desk.hear("/mute halted 2h", language)

        assert words in desk.text
        assert "/ack" in desk.text
        assert not desk.mutes.is_muted(AlertCode.HALTED, WRITTEN_NS)

    async def test_a_repeat_says_until_when(self, desk: SteeredDesk) -> None:
        """It holds already, and nothing is written twice."""
        await desk.hear("/mute feed_stale 2h")
        lines = len(desk.lines())

        await desk.hear("/mute feed_stale 2h")

        assert "Already muted" in desk.text
        assert len(desk.lines()) == lines

    async def test_off_ends_it(self, desk: SteeredDesk) -> None:
        """And once more says that nothing was muted."""
        await desk.hear("/mute feed_stale 2h")

        await desk.hear("/mute feed_stale off", "ko")
        assert "다시 알림" in desk.text
        assert not desk.mutes.is_muted(AlertCode.FEED_STALE, WRITTEN_NS)
        await desk.hear("/mute feed_stale off")
        assert "Not muted" in desk.text

    @pytest.mark.parametrize(
        "words", ["", "feed_stale", "feed_stale 8d", "feed_stale soon", "nonsense 2h", "a b c"]
    )
    async def test_bad_words_get_what_is_allowed(self, desk: SteeredDesk, words: str) -> None:
        """The kinds among it."""
        await desk.hear(f"/mute {words}".rstrip())

        assert "Allowed: /mute" in desk.text
        assert "feed_stale" in desk.text
        assert "halted" not in desk.text
        assert desk.mutes.standing(WRITTEN_NS) == {}

    def test_no_kind_that_is_always_critical_is_mutable(self) -> None:
        """As the engine's own samples grade them."""
        found = samples(WRITTEN_NS)
        critical = {one.code for one in found if one.severity is Severity.CRITICAL}
        mixed = {AlertCode.BREAKER_TRIPPED, AlertCode.DAILY_LOSS_LIMIT}

        assert critical - mixed == ALWAYS_CRITICAL
        assert set(MUTABLE) == set(AlertCode) - ALWAYS_CRITICAL


class TestDrill:
    @pytest.mark.parametrize(("language", "words"), [("en", "DRILL: "), ("ko", "훈련: ")])
    async def test_sounds_and_says_that_it_is_one(
        self, desk: SteeredDesk, language: str, words: str
    ) -> None:
        """It goes the way of the alerts and carries their own words."""
        await desk.hear("/drill leg_unhedged", language)

        (drill,) = desk.drills
        assert drill.plain.splitlines()[0].startswith(f"🔔 {words}")
        assert not drill.silent
        assert drill.severity is Severity.CRITICAL
        assert "🚨" in drill.plain

    async def test_keeps_the_time_until_it_was_acknowledged(self, desk: SteeredDesk) -> None:
        """In the audit."""
        await desk.hear("/drill halted")
        desk.clock.now += 12 * SECOND_NS

        await desk.tap(desk.drills[0].buttons[0][0])

        assert "after 12.0 s" in desk.text
        last = desk.lines()[-1]
        assert (last.decision, last.age_s) == ("acknowledged", 12)

    async def test_a_second_tap_says_so(self, desk: SteeredDesk) -> None:
        """The first time counts."""
        await desk.hear("/drill halted")
        button = desk.drills[0].buttons[0][0]
        await desk.tap(button)
        lines = len(desk.lines())

        await desk.tap(button)

        assert "already" in desk.told.toasts[-1]
        assert len(desk.lines()) == lines

    async def test_that_cannot_be_sent_says_why(self, desk: SteeredDesk) -> None:
        """It was a drill of this, too."""
        desk.drill_error = NotNow("nothing may be sent for 30 s")

        await desk.hear("/drill halted")

        assert "nothing may be sent for 30 s" in desk.text

    @pytest.mark.parametrize("words", ["/drill", "/drill nonsense"])
    async def test_bad_words_get_the_kinds(self, desk: SteeredDesk, words: str) -> None:
        """All of them may be drilled."""
        await desk.hear(words)

        assert desk.drills == []
        for code in AlertCode:
            assert code in desk.text

    @pytest.mark.parametrize("argument", ["", "halted", "halted soon", "nonsense 17"])
    async def test_an_invented_button_does_nothing(self, desk: SteeredDesk, argument: str) -> None:
        """It was never sent."""
        await desk.tap(f"drilled:{INSTANCE}:{argument}")

        await desk.hear(f"/drilled halted {WRITTEN_NS // 1_000_000}")

        assert desk.lines() == []
        assert "nothing was done" in desk.told.toasts[0]

    @pytest.mark.parametrize("code", list(AlertCode))
    async def test_every_kind_fits_a_button(self, desk: SteeredDesk, code: AlertCode) -> None:
        """Of 64 bytes."""
        await desk.hear(f"/drill {code}")

        assert desk.drills[0].buttons


class TestRefusals:
    @pytest.mark.parametrize(
        ("language", "words"), [("en", "LIVE_TRADING=1"), ("ko", "LIVE_TRADING=1")]
    )
    async def test_live_is_always_refused_with_what_the_host_must_do(
        self, desk: SteeredDesk, language: str, words: str
    ) -> None:
        """And with what keeps the gate shut now."""
        desk.port.answers["status"] = a_status(blocks=(BlockReason.ENV_FLAG_MISSING,))

        acted = await desk.hear("/live now", language)

        assert acted is False
        assert words in desk.text
        assert desk.port.commands == []
        assert desk.lines()[-1].decision == "refused: only the host raises"

    async def test_live_is_refused_also_by_an_engine_that_is_away(self, desk: SteeredDesk) -> None:
        """The answer needs no engine."""
        desk.port.answers["status"] = PortError("away")

        await desk.hear("/live")

        assert "LIVE_TRADING=1" in desk.text

    async def test_a_button_of_an_old_installation_does_nothing(self, desk: SteeredDesk) -> None:
        """And says so, once, on the phone that tapped."""
        denied = Denied(1, DenyReason.OTHER_INSTANCE, 1_001, 1_001, "", "cb")

        await desk.controls.old_button(denied)

        assert "older installation" in desk.told.toasts[0]
        assert desk.port.commands == []
