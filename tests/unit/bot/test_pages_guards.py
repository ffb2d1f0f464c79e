"""What ``/guards`` shows in full, what in brief, and never on more than two pages."""

import pytest

from bot.pages import guards_page
from bot.pages.guards import MOST_PAGES, GuardLatch, GuardRow, Guards
from tests.support.chat_html import check
from tests.support.page_answers import (
    MINUTE,
    NOW,
    a_view,
    an_extreme_row,
    guards_of_the_engine,
)
from trader.domain.readiness import Readiness
from trader.port import BlockReason, Language, Mode, explain_block, name_block

EN, KO = Language.EN, Language.KO


def told(guards: Guards, language: Language = EN) -> str:
    """The text of all its pages."""
    return "\n".join(check(message) for message in guards_page(guards, a_view(language)))


class TestFailing:
    @pytest.mark.parametrize("language", Language)
    def test_comes_first_with_why_and_how_to_mend(self, language: Language) -> None:
        """Also where the engine itself explains in the other language."""
        text = told(guards_of_the_engine(Language.EN), language)

        words = explain_block(BlockReason.CONFIRM_FILE_MISSING, language)
        assert f"{words.sentence}\n→ {words.mend}" in text
        assert text.index("✗") < text.index("✓")
        assert f"✗ {name_block(BlockReason.CONFIRM_FILE_MISSING, language)}" in text

    def test_shows_figure_limit_and_unit(self) -> None:
        """A number without what it must be says nothing."""
        text = told(guards_of_the_engine())

        assert "✗ dry run done · 0 (needs ≥ 3 cycles)" in text

    def test_says_since_when_and_how_often_where_it_is_known(self) -> None:
        """Where it is not, nothing is claimed."""
        row = GuardRow("DISK_LOW", since_ns=NOW - 5 * MINUTE, blocks_today=3)

        text = told(guards_of_the_engine(predicates=[row]))

        assert "since 19:15:06 KST · blocked 3× today" in text
        assert "since" not in told(guards_of_the_engine(predicates=[GuardRow("DISK_LOW")]))

    def test_names_what_only_a_run_can_settle_apart(self) -> None:
        """Later is neither good nor bad."""
        row = GuardRow("FEEDS_STALE", state="later")

        text = told(guards_of_the_engine(predicates=[row]))

        assert "Only a run can settle: 1\n… order books fresh" in text
        assert "✗" not in text


class TestPassing:
    def test_takes_a_line_each(self) -> None:
        """All of them, since a person may look for one."""
        guards = guards_of_the_engine()

        text = told(guards)

        passing = [row for row in guards.predicates if row.state == "pass"]
        assert f"Hold: {len(passing)}" in text
        assert sum(line.startswith("✓ ") for line in text.splitlines()) == len(passing)
        assert "✓ disk free · 41,233.4 (> 500 MB)" in text
        assert "✓ clock skew to the venues · 12 ms (< 500 ms)" in text

    def test_says_no_more_than_that_where_its_name_says_all(self) -> None:
        """“keys cannot withdraw: cannot” is no sentence."""
        text = told(guards_of_the_engine())

        assert "✓ keys cannot withdraw\n" in text
        assert "✓ confirm file is safe · no file" in text

    @pytest.mark.parametrize("language", Language)
    def test_speaks_no_english_word_in_korean(self, language: Language) -> None:
        """The engine's words for what it saw are English."""
        text = told(guards_of_the_engine(readiness=Readiness(mode=Mode.LIVE)), language)

        assert ("not known" in text) is (language is Language.EN)


class TestTheGate:
    def test_says_what_goes_and_on_whose_authority(self) -> None:
        """Entries and closings differ."""
        text = told(guards_of_the_engine())

        assert "Live gate shut\nEntries: paper · closings: none\nAuthority PAPER" in text

    def test_says_what_latched_it(self) -> None:
        """Who, when, why."""
        latch = GuardLatch("CRASH", "host", NOW - MINUTE)

        assert "By host, 19:19:06 KST · The program crashed." in told(
            guards_of_the_engine(latch=latch)
        )

    def test_warns_of_a_used_up_touch_and_a_halt_file(self) -> None:
        """Both look from outside as if everything were done."""
        text = told(guards_of_the_engine(used_up=True, halt_file=True))

        assert "It is used up." in text
        assert ".halt" in text


class TestLength:
    @pytest.mark.parametrize("language", Language)
    def test_is_two_pages_with_everything_failing(self, language: Language) -> None:
        """Every predicate in full still fits."""
        guards = guards_of_the_engine(readiness=Readiness(mode=Mode.PAPER))

        page = guards_page(guards, a_view(language))

        assert len(page) <= MOST_PAGES
        failing = [row for row in guards.predicates if row.state == "fail"]
        text = told(guards, language)
        assert sum(line.startswith("✗ ") for line in text.splitlines()) == len(failing)

    def test_drops_the_reasons_before_it_drops_what_holds(self) -> None:
        """How to mend it stays, cut where it must be."""
        rows = tuple(an_extreme_row(number) for number in range(22))
        passing = tuple(row for row in guards_of_the_engine().predicates if row.state == "pass")

        text = told(guards_of_the_engine(predicates=rows + passing))

        assert "why why" not in text
        assert text.count("→ do this") == len(rows)
        assert text.count("✓ ") == len(passing)
        assert "🕘" in text

    def test_says_less_of_each_before_it_needs_a_third_page(self) -> None:
        """Sixty rows that a config might ask for one day."""
        rows = tuple(an_extreme_row(number) for number in range(60))

        page = guards_page(guards_of_the_engine(predicates=rows), a_view())

        assert len(page) == MOST_PAGES
