"""Alerts in words: every kind, every severity, both languages, one screen."""

import pytest

from trader.domain.control import Alert, AlertCode, BlockReason, CheckName, Language, Severity
from trader.texts import MAX_CHARS, VARIANT, placeholders, render, sample, words_of

ENGLISH, KOREAN = words_of(Language.EN), words_of(Language.KO)
VARIANTS = sorted(ENGLISH.texts)


def an_alert(
    code: AlertCode,
    fields: dict[str, str] | None = None,
    severity: Severity = Severity.WARNING,
    *,
    clears: bool = False,
) -> Alert:
    return Alert(code, severity, f"{code}:x", 0, fields or {}, clears=clears)


class TestTables:
    def test_both_languages_know_the_same_texts(self) -> None:
        """The languages are equals."""
        assert ENGLISH.texts.keys() == KOREAN.texts.keys()
        assert ENGLISH.purposes.keys() == KOREAN.purposes.keys()
        assert ENGLISH.ledgers.keys() == KOREAN.ledgers.keys() == {"live", "paper"}

    def test_every_code_has_a_text(self) -> None:
        """A kind of alert without words would be no alert."""
        assert set(AlertCode) <= ENGLISH.texts.keys()

    def test_every_text_belongs_to_a_code(self) -> None:
        """A text no code leads to would never be seen."""
        assert {name.partition(".")[0] for name in ENGLISH.texts} == set(AlertCode)

    @pytest.mark.parametrize("name", VARIANTS)
    def test_both_languages_are_filled_from_the_same_fields(self, name: str) -> None:
        """A number told in one language is told in the other."""
        english, korean = ENGLISH.texts[name], KOREAN.texts[name]

        assert placeholders(english.title) == placeholders(korean.title)
        assert placeholders(english.action) == placeholders(korean.action)
        assert placeholders(english.cleared) == placeholders(korean.cleared)
        assert bool(english.cleared) == bool(korean.cleared)
        assert [placeholders(line) for line in english.lines] == [
            placeholders(line) for line in korean.lines
        ]
        assert [placeholders(line) for line in english.cleared_lines] == [
            placeholders(line) for line in korean.cleared_lines
        ]


class TestRender:
    @pytest.mark.parametrize("language", Language)
    @pytest.mark.parametrize("severity", Severity)
    @pytest.mark.parametrize("name", VARIANTS)
    def test_says_what_happened_and_what_to_do(
        self, name: str, severity: Severity, language: Language
    ) -> None:
        """The first line is the title with its severity, the last what to do."""
        words = words_of(language)
        code, _, variant = name.partition(".")
        text = words.texts[name]
        names = set().union(*map(placeholders, (text.title, *text.lines, text.action)))
        fields = dict.fromkeys(names, "7") | {VARIANT: variant, "ledger": "live"}

        lines = render(an_alert(AlertCode(code), fields, severity), language).splitlines()

        mark = {"critical": "🚨", "warning": "⚠️", "info": "ℹ️"}[severity]
        assert lines[0].startswith(f"{mark} {words.ledgers['live']} ")
        assert len(lines[0]) > len(mark) + len(words.ledgers["live"]) + 2
        assert lines[-1].startswith(words.to_do)
        assert "{" not in "".join(lines)
        assert "–" not in "".join(lines)

    @pytest.mark.parametrize("language", Language)
    @pytest.mark.parametrize("name", VARIANTS)
    def test_never_outgrows_a_message(self, name: str, language: Language) -> None:
        """Whatever a venue or a library had to say, it fits, and what to do stays readable."""
        code, _, variant = name.partition(".")
        text = words_of(language).texts[name]
        names = set().union(*map(placeholders, (text.title, *text.lines, text.action)))
        fields = dict.fromkeys(names, "긴 글 " * 2_000) | {VARIANT: variant}

        rendered = render(an_alert(AlertCode(code), fields), language)

        assert len(rendered) < 3_000
        assert len(rendered) <= MAX_CHARS + 1
        assert rendered.splitlines()[-1].startswith(words_of(language).to_do)

    @pytest.mark.parametrize("language", Language)
    @pytest.mark.parametrize("code", AlertCode)
    def test_never_fails_for_want_of_a_field(self, code: AlertCode, language: Language) -> None:
        """An alert told poorly is better than none."""
        assert render(an_alert(code), language)

    def test_figures_carry_their_units(self) -> None:
        """Fields are exact; people read them rounded, with units."""
        fields = {
            "ledger": "paper",
            "pair": "upbit-binance",
            "direction": "upbit>binance",
            "reason": "stop_loss",
            "pnl_krw": "-1494.732789",
            "pnl_pct": "-1.5008",
            "fees_krw": "299.241789",
            "held_ms": "3200",
        }

        lines = render(an_alert(AlertCode.TRADE_CLOSED, fields), Language.EN).splitlines()

        assert lines == [
            "⚠️ [paper] Closed: upbit-binance -1,495 ₩",
            "upbit-binance: sell upbit, buy binance",
            "Realised -1,495 ₩ (-1.50 %), fees 299 ₩ included",
            "Held 3.2 s",
            "Reason: stop-loss",
            "1970-01-01 09:00:00 KST",
            "What to do: Nothing.",
        ]

    def test_the_korean_title_tells_the_ledger(self) -> None:
        """Whose money it is about stands first in either language."""
        alert = an_alert(AlertCode.STOP_LOSS, {"ledger": "live", "pair": "p"}, Severity.CRITICAL)

        assert render(alert, Language.KO).startswith("🚨 [실거래] 손절: p\n")

    def test_a_cleared_condition_says_so_and_asks_for_nothing(self) -> None:
        """What is over needs no hands."""
        fields = {"pair": "p", "ledger": "live"}
        alert = an_alert(AlertCode.LEG_UNHEDGED, fields, Severity.INFO, clears=True)

        lines = render(alert, Language.EN).splitlines()

        assert lines[0] == "✅ [LIVE] Hedged again: p"
        assert lines[-1] == "What to do: Nothing."

    def test_a_refusal_shows_both_numbers_in_the_unit_of_its_check(self) -> None:
        """0.35 of what? Percent, for slippage; won, for size."""
        fields = {"check": "SLIPPAGE", "value": "0.35", "limit": "0.30"}
        by_size = {"check": "POSITION_SIZE", "value": "300000", "limit": "300000"}

        slippage = render(an_alert(AlertCode.SAFETY_REJECTION, fields), Language.EN)
        size = render(an_alert(AlertCode.SAFETY_REJECTION, by_size), Language.EN)

        assert "Measured 0.3500 %, limit 0.3000 %" in slippage
        assert "Measured 300,000 ₩, limit 300,000 ₩" in size

    @pytest.mark.parametrize("language", Language)
    def test_every_block_reason_is_named_even_all_at_once(self, language: Language) -> None:
        """No reason is dropped silently, and the rest still fits."""
        alert = an_alert(AlertCode.LIVE_BLOCKED, {"blocks": ";".join(BlockReason)})

        text = render(alert, language)

        assert all(reason in text for reason in BlockReason)
        assert len(text) < 3_000

    @pytest.mark.parametrize("language", Language)
    def test_every_check_of_a_stuck_closing_is_named(self, language: Language) -> None:
        """All that refuses it must be known to mend it."""
        alert = an_alert(AlertCode.CLOSING_STUCK, {"checks": ";".join(CheckName)})

        text = render(alert, language)

        assert all(check in text for check in CheckName)

    def test_a_code_of_another_version_is_shown_as_it_is(self) -> None:
        """An outbox may hold alerts that a newer program wrote."""
        alert = an_alert(AlertCode.LIVE_BLOCKED, {"blocks": "MOON_PHASE"})

        assert "• MOON_PHASE" in render(alert, Language.EN)

    @pytest.mark.parametrize(
        ("code", "reason", "words"),
        [
            (AlertCode.DEMOTED, "BREAKER_TRIPPED", "차단기가 작동했습니다. (BREAKER_TRIPPED)"),
            (AlertCode.HALTED, "HALT_FILE", "호스트에 .halt 파일이 있습니다."),
            (AlertCode.STOPPED, "asked to stop", "종료 요청을 받았습니다."),
            (AlertCode.STOPPED, "loops done", "정해진 횟수만큼 실행을 마쳤습니다."),
            (AlertCode.ORDER_UNKNOWN, "timeout", "제때 응답이 없었습니다."),
            (AlertCode.HALTED, "뉴스 발표", "뉴스 발표"),
        ],
    )
    def test_a_known_reason_is_told_in_words(
        self, code: AlertCode, reason: str, words: str
    ) -> None:
        """A code says little to whom it wakes; an operator's own words stay as they are."""
        assert words in render(an_alert(code, {"reason": reason}), Language.KO).splitlines()

    @pytest.mark.parametrize("language", Language)
    @pytest.mark.parametrize(
        ("code", "reason"), [(AlertCode.HALTED, "HALT"), (AlertCode.DEMOTED, "PAPER")]
    )
    def test_a_reason_that_says_no_more_than_the_title_is_left_out(
        self, code: AlertCode, reason: str, language: Language
    ) -> None:
        """Nobody gave one."""
        alert, bare = an_alert(code, {"reason": reason}), an_alert(code)

        assert render(alert, language) == render(bare, language)

    @pytest.mark.parametrize("language", Language)
    def test_no_sample_speaks_of_what_it_does_not_show(self, language: Language) -> None:
        """Whoever is woken by it would look for orders that are not there."""
        text = render(sample(AlertCode.POSITION_UNGUARDED, 0), language)

        assert not any(word in text for word in ("above", "위의"))

    def test_control_characters_cannot_forge_lines(self) -> None:
        """A venue's words stay on their own line."""
        fields = {"where": "x", "message": "a\n🚨 b\x1b[31m"}

        lines = render(an_alert(AlertCode.SYSTEM_ERROR, fields), Language.EN).splitlines()

        assert lines[1] == "a 🚨 b [31m"
        assert len(lines) == 4
