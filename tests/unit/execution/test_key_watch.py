"""What a key may do is asked, remembered, and never assumed."""

import asyncio
from pathlib import Path

from tests.support.builders import AT_NS
from tests.support.fake_venue import FakeVenue
from tests.support.waiting import eventually
from trader.domain.clock import SimulatedClock
from trader.domain.errors import VenueRejected
from trader.domain.events import Event, FaultReported
from trader.execution.key_watch import KeyWatch
from trader.execution.venue import KeyScope

HOUR_NS = 3_600_000_000_000
KEY, OTHER = "0123456789abcdef", "fedcba9876543210"


class Desk:
    """One venue's key on a host whose state directory is ``directory``."""

    def __init__(self, directory: Path, *, key: str = KEY, attested: bool = False) -> None:
        self.clock = SimulatedClock(AT_NS)
        self.venue = FakeVenue()
        self.events: list[Event] = []
        self.watch = KeyWatch(
            self.venue,
            key,
            self.clock,
            self.events.append,
            attested=attested,
            remembered=directory / "key.json",
        )

    async def ask(self) -> None:
        """Once."""
        task = asyncio.create_task(self.watch.run())
        await eventually(lambda: "key" in self.venue.asked)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})

    @property
    def faults(self) -> list[str]:
        """What was told."""
        return [event.message for event in self.events if isinstance(event, FaultReported)]


class TestAnswer:
    async def test_is_the_venue_s_own(self, tmp_path: Path) -> None:
        """A key that can withdraw is known for what it is, whatever was attested."""
        desk = Desk(tmp_path, attested=True)
        assert desk.watch.cannot_withdraw is None
        desk.venue.scope = KeyScope(can_withdraw=True)

        await desk.ask()

        assert desk.watch.cannot_withdraw is False
        assert desk.watch.age_hours == 0

    async def test_is_missing_where_nobody_says(self, tmp_path: Path) -> None:
        """A venue that does not tell, and no word of the operator's: nothing is known."""
        desk = Desk(tmp_path)

        await desk.ask()

        assert desk.watch.cannot_withdraw is None

    async def test_is_the_operator_s_where_the_venue_does_not_tell(self, tmp_path: Path) -> None:
        """Attested by this key's fingerprint."""
        desk = Desk(tmp_path, attested=True)

        await desk.ask()

        assert desk.watch.cannot_withdraw is True

    async def test_is_the_operator_s_where_the_venue_refuses_the_question(
        self, tmp_path: Path
    ) -> None:
        """A key that may not ask about keys; not one whose venue is only away."""
        desk, away = Desk(tmp_path, attested=True), Desk(tmp_path, attested=True)
        desk.venue.refusal = VenueRejected("out_of_scope")
        away.venue.is_away = True

        await desk.ask()
        await away.ask()

        assert desk.watch.cannot_withdraw is True
        assert away.watch.cannot_withdraw is None

    async def test_a_refused_question_takes_nothing_back(self, tmp_path: Path) -> None:
        """What the venue once said of this key outweighs any attestation."""
        before = Desk(tmp_path)
        before.venue.scope = KeyScope(can_withdraw=True)
        await before.ask()
        after = Desk(tmp_path, attested=True)
        after.venue.refusal = VenueRejected("out_of_scope")

        await after.ask()

        assert after.watch.cannot_withdraw is False

    async def test_a_failed_question_keeps_the_last_one_and_its_age(self, tmp_path: Path) -> None:
        """Also across a restart; the gate judges its age."""
        first = Desk(tmp_path)
        first.venue.scope = KeyScope(can_withdraw=False)
        await first.ask()

        second = Desk(tmp_path)
        second.clock.advance(30 * HOUR_NS)
        second.venue.is_away = True
        await second.ask()

        assert second.watch.cannot_withdraw is True
        assert second.watch.age_hours == 30

    async def test_of_another_key_is_no_answer(self, tmp_path: Path) -> None:
        """Whoever changes a key starts anew."""
        first = Desk(tmp_path)
        first.venue.scope = KeyScope(can_withdraw=False)
        await first.ask()

        assert Desk(tmp_path, key=OTHER).watch.cannot_withdraw is None

    async def test_an_attestation_is_not_remembered(self, tmp_path: Path) -> None:
        """It holds for as long as it stands in the config."""
        await Desk(tmp_path, attested=True).ask()

        assert Desk(tmp_path).watch.cannot_withdraw is None

    def test_an_unreadable_file_is_no_answer(self, tmp_path: Path) -> None:
        """Whatever is in it."""
        (tmp_path / "key.json").write_text("{")

        assert Desk(tmp_path).watch.cannot_withdraw is None

    async def test_the_file_is_its_owner_s_alone(self, tmp_path: Path) -> None:
        """As everything in the state directory."""
        desk = Desk(tmp_path)
        desk.venue.scope = KeyScope(can_withdraw=False)
        await desk.ask()

        assert (tmp_path / "key.json").stat().st_mode & 0o777 == 0o600


class TestWarnings:
    async def test_of_a_key_that_expires_soon(self, tmp_path: Path) -> None:
        """Two weeks ahead; a year's key runs out on somebody's holiday."""
        desk = Desk(tmp_path)
        desk.venue.scope = KeyScope(expires_ns=AT_NS + 100 * HOUR_NS)

        await desk.ask()

        assert desk.faults == ["the key expires in 4 days"]

    async def test_of_a_key_that_may_not_trade(self, tmp_path: Path) -> None:
        """Every order would be refused."""
        desk = Desk(tmp_path)
        desk.venue.scope = KeyScope(can_trade=False)

        await desk.ask()

        assert desk.faults == ["the key may not place orders"]
