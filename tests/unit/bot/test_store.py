"""The bot's own file: what it keeps, who may read it, and what becomes of it when it breaks."""

import logging
import os
import sqlite3
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot import store as store_module
from bot.store import KEEP_NS, Store, StoreError
from bot.stories import Told, begun
from tests.support.sender_desk import a_critical, a_warning
from trader.domain.control import Alert, AlertCode
from trader.domain.delivery import Folded, StoredAlert

NOW = 1_795_000_000_000_000_000


def a_store(path: Path) -> Store:
    return Store(path / "state" / "bot.db")


def noted(store: Store, alert_id: int, alert: Alert, at_ns: int = NOW) -> None:
    story = begun(StoredAlert(alert_id, alert, at_ns), 7, at_ns)
    store.record("main", {alert_id: Told(3, over=True)}, story, 7, at_ns)


class TestKeeping:
    def test_survives_a_restart(self, tmp_path: Path) -> None:
        """Tellings, stories, folded numbers and summaries are there again, whole."""
        store = a_store(tmp_path)
        noted(store, 1, a_critical())
        folded = Folded(AlertCode.DUST, 4, NOW, NOW + 1)
        store.note_folded("main", [folded])
        store.note_summary("daily", "2026-11-22", NOW)
        story = store.story_of("main", 1)
        store.close()

        again = a_store(tmp_path)

        assert again.told("main", [1, 2]) == {1: Told(3, over=True)}
        assert again.stories("main") == [story]
        assert again.stories_of("main", [a_critical().key, "x"]) == [story]
        assert again.folded("main") == (folded,)
        assert again.summary_sent("daily", "2026-11-22")

    def test_keeps_engines_apart(self, tmp_path: Path) -> None:
        """Ids count from one in each engine."""
        store = a_store(tmp_path)
        noted(store, 1, a_critical())

        assert store.told("other", [1]) == {}
        assert store.stories("other") == []
        assert store.story_of("other", 1) is None

    def test_a_story_is_replaced_by_its_newer_self(self, tmp_path: Path) -> None:
        """One row for each condition."""
        store = a_store(tmp_path)
        noted(store, 1, a_critical())
        noted(store, 2, a_critical(), NOW + 1)

        assert [story.alert_id for story in store.stories("main")] == [2]

    def test_knows_the_last_summary_of_each_kind(self, tmp_path: Path) -> None:
        """Whether one was missed is asked by kind."""
        store = a_store(tmp_path)
        store.note_summary("daily", "2026-11-21", NOW)
        store.note_summary("daily", "2026-11-22", NOW + 5)
        store.note_summary("weekly", "2026-W47", NOW + 9)

        assert store.last_summary("daily") == ("2026-11-22", NOW + 5)
        assert store.last_summary("monthly") is None
        assert not store.summary_sent("daily", "2026-11-20")

    def test_folded_numbers_are_forgotten_when_settled(self, tmp_path: Path) -> None:
        """They are kept only until the engine knows."""
        store = a_store(tmp_path)
        store.note_folded("main", [Folded(AlertCode.DUST, 4, 0, 1)])
        store.forget_folded("main")

        assert store.folded("main") == ()

    def test_is_private_to_its_owner(self, tmp_path: Path) -> None:
        """Whatever the umask says, and the companions SQLite makes, too."""
        before = os.umask(0)
        try:
            store = a_store(tmp_path)
            noted(store, 1, a_critical())
        finally:
            os.umask(before)

        files = list((tmp_path / "state").iterdir())
        assert len(files) >= 2
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


class TestBounds:
    def test_old_rows_go(self, tmp_path: Path) -> None:
        """What is older than thirty days before the newest is dropped."""
        store = a_store(tmp_path)
        noted(store, 1, a_warning("old"))
        noted(store, 2, a_warning("new"), NOW + KEEP_NS + 2)
        store.close()

        again = a_store(tmp_path)

        assert again.told("main", [1, 2]).keys() == {2}
        assert [story.alert_id for story in again.stories("main")] == [2]

    def test_rows_beyond_the_bound_go(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The oldest of too many are dropped while the program runs."""
        monkeypatch.setattr(store_module, "MAX_ROWS", 500)
        store = a_store(tmp_path)
        for number in range(2_000):
            store.record("main", {number: Told(1)}, None, 7, NOW + number)

        kept = store.told("main", list(range(2_000)))

        assert 500 <= len(kept) <= 1_000
        assert 1_999 in kept


class TestDamage:
    @pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0junk"])
    def test_is_put_aside(
        self, tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A broken file is renamed with a line in the log, and a new one begun."""
        path = tmp_path / "state" / "bot.db"
        path.parent.mkdir()
        path.write_bytes(content)

        store = a_store(tmp_path)
        noted(store, 1, a_critical())

        assert store.told("main", [1])
        (aside,) = path.parent.glob("bot.db.broken-*Z")
        assert aside.read_bytes() == content
        assert len(caplog.records) == 1
        assert caplog.records[0].levelno == logging.WARNING

    def test_a_newer_version_is_put_aside(self, tmp_path: Path) -> None:
        """Written by a later program, it might be misread."""
        a_store(tmp_path).close()
        other = sqlite3.connect(tmp_path / "state" / "bot.db")
        other.execute("PRAGMA user_version = 99")
        other.close()

        store = a_store(tmp_path)
        noted(store, 1, a_critical())

        assert store.told("main", [1])
        assert list((tmp_path / "state").glob("bot.db.broken-*Z"))

    def test_where_nothing_can_be_written_memory_serves(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Alerts go out all the same, and the log says what that costs."""
        (tmp_path / "state").write_text("a file where the directory should be")

        store = a_store(tmp_path)
        noted(store, 1, a_critical())

        assert store.told("main", [1])
        assert caplog.records[-1].levelno == logging.ERROR

    def test_a_story_of_another_shape_is_left_out(self, tmp_path: Path) -> None:
        """It costs an edit, never an alert."""
        store = a_store(tmp_path)
        noted(store, 1, a_critical())
        other = sqlite3.connect(tmp_path / "state" / "bot.db")
        other.execute("""UPDATE stories SET story = '{"key": 5}'""")
        other.commit()
        other.close()

        assert store.stories("main") == []

    def test_errors_later_are_said_in_one_type(self, tmp_path: Path) -> None:
        """Whoever uses it needs to catch one thing."""
        store = a_store(tmp_path)
        other = sqlite3.connect(tmp_path / "state" / "bot.db")
        other.execute("DROP TABLE told")
        other.close()

        with pytest.raises(StoreError):
            store.told("main", [1])
        with pytest.raises(StoreError):
            noted(store, 1, replace(a_critical(), key="k"))
        assert store.stories("main") == []
