"""The controls over the real engine: what is said is what holds, and what was closed is closed."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.builders import UPBIT_BINANCE, UPBIT_BTC
from tests.support.engine_harness import Desk
from tests.support.live_desk import LiveDesk
from tests.support.steering import Steering
from trader.domain.authority import Level
from trader.domain.control import Resume
from trader.domain.events import CommandReceived
from trader.domain.order import Purpose


@pytest.fixture
def paper(tmp_path: Path) -> Iterator[Steering]:
    """An engine with one open paper trade."""
    desk = Desk()
    desk.opened()
    with closing(Steering(desk, tmp_path)) as made:
        yield made


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Steering]:
    """An engine that trades live."""
    desk = LiveDesk()
    desk.go_live()
    with closing(Steering(desk, tmp_path)) as made:
        yield made


def is_paused(steering: Steering) -> bool:
    """Whether the engine is, now."""
    return steering.desk.engine.state.paused


class TestPause:
    async def test_holds_until_it_is_lifted_by_a_confirmed_resume(self, paper: Steering) -> None:
        """Each reply says what the engine's own state says."""
        await paper.hear("/pause")
        assert is_paused(paper)
        assert "Entries paused" in paper.text
        assert "everything" in paper.text

        paper.desk.pass_ms(1_500)
        await paper.hear("/resume")
        assert is_paused(paper)
        await paper.tap(paper.button)

        assert not is_paused(paper)
        assert "Entries resumed" in paper.text

    async def test_a_repeat_says_since_when(self, paper: Steering) -> None:
        """The state already holds."""
        await paper.hear("/pause")
        paper.desk.pass_ms(5_000)

        await paper.hear("/pause")

        assert "Entries were paused already" in paper.text
        assert "since" in paper.text

    async def test_of_a_venue_blocks_that_alone(self, paper: Steering) -> None:
        """And an unknown one names those there are."""
        await paper.hear("/pause Upbit 30m")
        assert "upbit until" in paper.text
        assert not is_paused(paper)

        await paper.hear("/pause kraken")
        assert UPBIT_BINANCE in paper.text

    async def test_written_before_a_resume_does_nothing(self, paper: Steering) -> None:
        """It waited for half an hour while somebody resumed on purpose."""
        await paper.hear("/pause")
        paper.desk.pass_ms(60_000)
        await paper.hear("/resume")
        await paper.tap(paper.button)
        paper.desk.pass_ms(60_000)

        acted = await paper.hear("/pause", late_s=90)

        assert acted is False
        assert "resumed after this was written" in paper.text
        assert not is_paused(paper)

    async def test_that_came_after_the_question_is_not_lifted_by_its_answer(
        self, paper: Steering
    ) -> None:
        """Nobody confirmed to lift that one."""
        await paper.hear("/pause upbit")
        paper.desk.pass_ms(2_000)
        await paper.hear("/resume")
        button = paper.button
        paper.desk.pass_ms(2_000)
        await paper.hear("/pause")

        await paper.tap(button)

        assert is_paused(paper)
        assert "Changed since it was shown" in paper.text


class TestResume:
    async def test_with_nothing_to_lift_lifts_nothing(self, paper: Steering) -> None:
        """And says so, by the engine's own word."""
        await paper.hear("/resume")
        assert "Entries were not paused" in paper.text

        await paper.hear("/resume kraken")
        assert UPBIT_BINANCE in paper.text

    async def test_refused_as_its_pause_ends_is_one_command(self, live: Steering) -> None:
        """Halted again since, and the pause over in the step that refuses: no second command."""
        await live.hear("/pause upbit 1m")
        await live.hear("/halt")
        live.desk.wait(55)
        await live.hear("/resume upbit")
        button = live.button
        live.desk.pass_ms(2_000)
        await live.hear("/halt")
        live.desk.pass_ms(5_000)
        assert live.desk.engine.state.pauses.of("upbit") is not None
        given = len(live.desk.events)

        await live.tap(button)

        assert live.desk.engine.state.pauses.standing == ()
        (event,) = live.desk.events[given:]
        assert isinstance(event, CommandReceived)
        assert isinstance(event.command, Resume)
        assert "halted after this was written" in live.text

    async def test_lifts_a_halt_to_paper_and_never_to_live(self, live: Steering) -> None:
        """Live is the host's."""
        desk = live.desk
        assert isinstance(desk, LiveDesk)
        await live.hear("/halt")
        assert desk.level() is Level.HALT
        desk.wait(5)

        await live.hear("/resume")
        assert "to paper at most" in live.text
        await live.tap(live.button)

        assert desk.level() is Level.PAPER
        assert "Halt lifted to PAPER" in live.text
        desk.wait(10)
        assert desk.level() is Level.PAPER


class TestHalt:
    async def test_lists_what_is_open_and_says_so_again(self, paper: Steering) -> None:
        """With the trade by its id, and since when it holds."""
        trade = paper.desk.trade

        await paper.hear("/halt fat finger")
        assert paper.desk.engine.state.authority.level is Level.HALT
        assert trade.id in paper.text
        paper.desk.pass_ms(5_000)
        await paper.hear("/halt")

        assert "Already halted" in paper.text
        assert "since" in paper.text
        assert [line.decision for line in reversed(paper.audit.recent(9))] == [
            "HALTED",
            "ALREADY_HALTED",
        ]

    async def test_by_paper_is_told_to_be_the_stricter(self, paper: Steering) -> None:
        """A halt is not lowered by less."""
        await paper.hear("/halt")

        await paper.hear("/paper")

        assert "Halted, which is stricter" in paper.text


class TestPaper:
    async def test_demotes_and_a_repeat_says_so(self, live: Steering) -> None:
        """With nothing open there is nothing to guard."""
        desk = live.desk
        assert isinstance(desk, LiveDesk)

        await live.hear("/paper")
        assert desk.level() is Level.PAPER
        assert "No live position is open" in live.text

        await live.hear("/paper")
        assert "Already at PAPER" in live.text


class TestFlatten:
    async def test_closes_what_was_shown_and_confirmed(self, paper: Steering) -> None:
        """Both legs go out as closings of the operator's, and a repeat says that they do."""
        desk, trade = paper.desk, paper.desk.trade
        await paper.hear("/flatten")
        assert trade.id in paper.text
        assert "paper ledger" in paper.text
        assert desk.take_orders() == []

        await paper.tap(paper.button)

        assert "Closing" in paper.text
        assert desk.trade.closing is Purpose.FLATTEN
        assert len(desk.take_orders()) == 2
        await paper.hear("/flatten")
        await paper.tap(paper.button)
        assert "Already closing" in paper.text
        assert desk.take_orders() == []

    async def test_after_the_book_moved_against_it_asks_again(self, paper: Steering) -> None:
        """The loss grew by more than one accepts unasked; then the new figures are confirmed."""
        desk = paper.desk
        await paper.hear("/flatten")
        button = paper.button
        desk.book(UPBIT_BTC, 152_000_000, 152_010_000)

        await paper.tap(button)
        assert "Changed since it was shown" in paper.text
        assert desk.take_orders() == []

        await paper.tap(paper.button)
        assert len(desk.take_orders()) == 2

    async def test_twice_tapped_closes_once(self, paper: Steering) -> None:
        """The second tap finds the button used."""
        await paper.hear("/flatten")
        button = paper.button
        await paper.tap(button)
        paper.desk.take_orders()

        await paper.tap(button)

        assert paper.desk.take_orders() == []
        assert "Used already" in paper.told.toasts[-1]

    async def test_goes_live_also_in_a_halt(self, live: Steering) -> None:
        """What the engine closes no more by itself, the operator may still close."""
        desk = live.desk
        assert isinstance(desk, LiveDesk)
        desk.signal()
        for order in desk.take_orders():
            desk.answer(order)
        desk.quiet_books()
        await live.hear("/halt")
        (trade,) = desk.live.trades.values()
        assert trade.id in live.text
        desk.wait(1)

        await live.hear("/flatten")
        assert "Close ALL of the live ledger?" in live.text
        await live.tap(live.button)

        assert "Closing" in live.text
        assert len(desk.take_orders()) == 2

    async def test_with_nothing_open_says_so(self, live: Steering) -> None:
        """Of the live ledger, in live mode."""
        await live.hear("/flatten")

        assert "Nothing is open in the live ledger" in live.text


class TestClose:
    async def test_closes_the_one_that_was_named(self, paper: Steering) -> None:
        """By its id."""
        await paper.hear(f"/close {paper.desk.trade.id}")
        await paper.tap(paper.button)

        assert paper.desk.trade.closing is Purpose.CLOSE
        assert len(paper.desk.take_orders()) == 2

    async def test_of_an_unknown_id_shows_those_there_are(self, paper: Steering) -> None:
        """Each with its button, which asks."""
        await paper.hear("/close T99")
        assert "No open trade has this id" in paper.text

        await paper.tap(paper.button)

        assert f"Close {paper.desk.trade.id} of the paper ledger?" in paper.text
        assert paper.desk.take_orders() == []
