"""The audit chain in a real file: lines follow from each other, and whoever changes one is seen."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import audit as audit_module
from bot.audit import GENESIS, KEEP_NS, Audit, AuditEntry, AuditFlaw, AuditHead
from bot.control_memory import CONTROL_NAME, ControlMemory, MemoryFailed
from tests.support.control_desk import HandClock

ENTRY = AuditEntry("telegram:1 Kim", "/halt now", "done", 3, "LIVE 7", "HALT 8")


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[ControlMemory]:
    made = ControlMemory(tmp_path / CONTROL_NAME)
    yield made
    made.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def chain(memory: ControlMemory, clock: HandClock) -> Audit:
    return Audit(memory, clock.now_ns)


def forged(memory: ControlMemory, sql: str) -> None:
    """As somebody does who may write the file: past the triggers."""
    with memory.writing() as db:
        db.execute("DROP TRIGGER IF EXISTS audit_stays")
        db.execute("DROP TRIGGER IF EXISTS audit_remains")
        db.execute(sql)


class TestChain:
    def test_begins_with_nothing(self, chain: Audit) -> None:
        """And is whole."""
        assert chain.head() == AuditHead(0, GENESIS)
        assert chain.verify() is None

    def test_keeps_what_was_said(self, chain: Audit, clock: HandClock) -> None:
        """Who, what, how old, decided, before and after, and when."""
        head = chain.note(ENTRY, AuditEntry("host", "resume", "done"))

        newest, first = chain.recent(10)
        assert (first.who, first.what, first.age_s, first.decision) == (
            "telegram:1 Kim",
            "/halt now",
            3,
            "done",
        )
        assert (first.before, first.after, first.at_ns) == ("LIVE 7", "HALT 8", clock.now)
        assert (first.seq, first.prev_hash) == (1, GENESIS)
        assert (newest.seq, newest.prev_hash, newest.hash) == (2, first.hash, head.hash)
        assert newest.age_s is None
        assert chain.verify() is None

    def test_goes_on_over_a_restart(self, chain: Audit, memory: ControlMemory) -> None:
        """From the head that was left."""
        before = chain.note(ENTRY)
        chain.note(ENTRY)

        assert Audit(memory, lambda: 5).note(ENTRY).seq == 3
        assert chain.verify(before) is None

    def test_bears_any_text(self, chain: Audit) -> None:
        """Cut where it is endless, mended where it is half a character."""
        chain.note(AuditEntry("x" * 10_000, "\ud800 한글 \x00\n", "d"))

        (line,) = chain.recent(1)
        assert len(line.who) == 500
        assert chain.verify() is None

    @pytest.mark.parametrize("sql", ["UPDATE audit SET who = 'x'", "DELETE FROM audit"])
    def test_lets_no_line_go(self, chain: Audit, memory: ControlMemory, sql: str) -> None:
        """Not by a mistake of ours."""
        chain.note(ENTRY)

        with pytest.raises(MemoryFailed, match="only ever added"), memory.writing() as db:
            db.execute(sql)

    @pytest.mark.parametrize(
        ("sql", "flaw"),
        [
            ("UPDATE audit SET what = '/status' WHERE seq = 3", AuditFlaw(3, "its content")),
            ("UPDATE audit SET at_ns = 1 WHERE seq = 3", AuditFlaw(3, "its content")),
            ("UPDATE audit SET age_s = NULL WHERE seq = 3", AuditFlaw(3, "its content")),
            ("DELETE FROM audit WHERE seq = 3", AuditFlaw(4, "line 3 is missing")),
            ("DELETE FROM audit WHERE seq < 3", AuditFlaw(3, "line 1 is missing")),
            ("UPDATE audit SET prev_hash = hash WHERE seq = 3", AuditFlaw(3, "it does not follow")),
        ],
    )
    def test_shows_what_was_changed(
        self, chain: Audit, memory: ControlMemory, sql: str, flaw: AuditFlaw
    ) -> None:
        """By the first line that does not fit."""
        chain.note(*[ENTRY] * 5)
        forged(memory, sql)

        found = chain.verify()

        assert found is not None
        assert found.seq == flaw.seq
        assert found.why.startswith(flaw.why)

    @pytest.mark.parametrize("more", [0, 3])
    def test_shows_a_shorter_or_rewritten_end_to_whoever_kept_the_head(
        self, chain: Audit, memory: ControlMemory, more: int
    ) -> None:
        """That is why the summary tells it."""
        head = chain.note(*[ENTRY] * 3)
        forged(memory, "DELETE FROM audit WHERE seq >= 2")
        chain.note(*[AuditEntry("x", "y", "z")] * more)

        assert chain.verify() is None
        assert chain.verify(head) is not None


class TestPruning:
    def test_leaves_a_chain_that_is_whole(
        self, chain: Audit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It begins where it was cut, and the cut is remembered."""
        monkeypatch.setattr(audit_module, "KEEP_ROWS", 100)
        monkeypatch.setattr(audit_module, "MOST_ROWS", 1_000)
        early = chain.note(ENTRY)
        for _ in range(50):
            chain.note(*[ENTRY] * 100)
        chain.prune()
        newest = chain.note(ENTRY)

        lines = chain.recent(10_000)
        assert 1_000 <= len(lines) <= 1_001
        assert chain.verify(newest) is None
        assert chain.verify(early) is None
        assert newest.seq == 5_002

    def test_keeps_a_year_or_the_newest_lines(
        self, chain: Audit, clock: HandClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whichever is more."""
        monkeypatch.setattr(audit_module, "KEEP_ROWS", 10)
        chain.note(*[ENTRY] * 50)

        chain.prune()
        assert len(chain.recent(100)) == 50
        clock.now += KEEP_NS + 1
        chain.prune()

        assert len(chain.recent(100)) == 10
        assert chain.verify() is None

    def test_of_everything_is_seen(self, chain: Audit, memory: ControlMemory) -> None:
        """A cut that somebody else made does not hold."""
        chain.note(*[ENTRY] * 5)
        forged(memory, "INSERT INTO audit_cut VALUES (1, 3, 'feed')")
        forged(memory, "DELETE FROM audit WHERE seq <= 3")

        assert chain.verify() is not None


def test_others_may_read_while_we_write(memory: ControlMemory, tmp_path: Path) -> None:
    """As whoever looks at the file on the host does."""
    chain = Audit(memory, lambda: 1)
    with memory.writing():
        reader = sqlite3.connect(tmp_path / CONTROL_NAME)
        assert reader.execute("SELECT count(*) FROM audit").fetchone() == (0,)
        reader.close()
    chain.note(ENTRY)
    assert chain.verify() is None
