"""The bot's own file: what it keeps, who may read it, and what becomes of it when it breaks."""

import logging
import os
import sqlite3
import time
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
    store.record("main", {alert_id: Told(3, over=True, created_ns=at_ns)}, story, 7, at_ns)


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

        assert again.told("main", {1: NOW, 2: NOW}) == {1: Told(3, over=True, created_ns=NOW)}
        assert again.stories("main") == [story]
        assert again.stories_of("main", [a_critical().key, "x"]) == [story]
        assert again.folded("main") == (folded,)
        assert again.summary_sent("daily", "2026-11-22")

    def test_keeps_engines_apart(self, tmp_path: Path) -> None:
        """Ids count from one in each engine."""
        store = a_store(tmp_path)
        noted(store, 1, a_critical())

        assert store.told("other", {1: NOW}) == {}
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


class TestOtherOutboxes:
    """Alerts are numbered from one in each, and one bot's file outlives many."""

    def test_the_same_number_is_another_alert(self, tmp_path: Path) -> None:
        """Only number and time of entry together say that it was told."""
        store = a_store(tmp_path)
        noted(store, 1, a_critical())

        assert store.told("main", {1: NOW + 1}) == {}

    def test_both_of_one_number_are_remembered(self, tmp_path: Path) -> None:
        """A journal that is put back in its place finds what was told of it."""
        store = a_store(tmp_path)
        noted(store, 1, a_critical())
        noted(store, 1, a_warning(), NOW + 5)

        assert store.told("main", {1: NOW}).keys() == {1}
        assert store.told("main", {1: NOW + 5}).keys() == {1}

    def test_scopes_share_nothing(self, tmp_path: Path) -> None:
        """A run on made-up prices leaves nothing behind that a run for real money believes."""
        path = tmp_path / "bot.db"
        mock = Store(path, scope="mock")
        noted(mock, 1, a_critical())
        mock.note_folded("main", [Folded(AlertCode.DUST, 4, NOW, NOW + 1)])
        mock.note_summary("daily", "2026-11-22", NOW)
        mock.close()

        live = Store(path, scope="live")

        assert live.told("main", {1: NOW}) == {}
        assert live.stories("main") == live.stories_of("main", [a_critical().key]) == []
        assert live.story_of("main", 1) is None
        assert live.folded("main") == ()
        assert not live.summary_sent("daily", "2026-11-22")
        assert live.last_summary("daily") is None
        live.forget_folded("main")
        assert Store(path, scope="mock").folded("main") != ()

    def test_what_an_older_file_says_was_told_is_not_believed(self, tmp_path: Path) -> None:
        """It never noted of which outbox; its summaries were sent, whoever asks."""
        path = tmp_path / "bot.db"
        old = sqlite3.connect(path)
        old.executescript(store_module._MIGRATIONS[0])
        old.execute("INSERT INTO told VALUES ('main', 1, 7, 1, 0, ?)", (NOW,))
        old.execute("INSERT INTO stories VALUES ('main', 'k', 1, ?, '{}')", (NOW,))
        old.execute("INSERT INTO summaries_sent VALUES ('daily', '2026-11-22', ?)", (NOW,))
        old.execute("PRAGMA user_version = 1")
        old.commit()
        old.close()

        store = Store(path, scope="live")

        assert store.told("main", {1: NOW}) == store.told("main", {1: 0}) == {}
        assert store.stories("main") == []
        assert store.summary_sent("daily", "2026-11-22")
        assert store.last_summary("daily") == ("2026-11-22", NOW)
        assert not list(tmp_path.glob("*.broken-*"))
        noted(store, 1, a_critical())
        assert store.told("main", {1: NOW})


class TestBounds:
    def test_old_rows_go(self, tmp_path: Path) -> None:
        """What is older than thirty days before the newest is dropped."""
        store = a_store(tmp_path)
        noted(store, 1, a_warning("old"))
        noted(store, 2, a_warning("new"), NOW + KEEP_NS + 2)
        store.close()

        again = a_store(tmp_path)

        assert again.told("main", {1: NOW, 2: NOW + KEEP_NS + 2}).keys() == {2}
        assert [story.alert_id for story in again.stories("main")] == [2]

    def test_rows_beyond_the_bound_go(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The oldest of too many are dropped while the program runs."""
        monkeypatch.setattr(store_module, "MAX_ROWS", 500)
        store = a_store(tmp_path)
        for number in range(2_000):
            store.record("main", {number: Told(1)}, None, 7, NOW + number)

        kept = store.told("main", dict.fromkeys(range(2_000), 0))

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

        assert store.told("main", {1: NOW})
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

        assert store.told("main", {1: NOW})
        assert list((tmp_path / "state").glob("bot.db.broken-*Z"))

    def test_where_nothing_can_be_written_memory_serves(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Alerts go out all the same, and the log says what that costs."""
        (tmp_path / "state").write_text("a file where the directory should be")

        store = a_store(tmp_path)
        noted(store, 1, a_critical())

        assert store.told("main", {1: NOW})
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

    def test_another_process_does_not_hold_up_the_loop(self, tmp_path: Path) -> None:
        """Alerts and the engine wait with it: a lock is an error within a blink."""
        store = a_store(tmp_path)
        other = sqlite3.connect(tmp_path / "state" / "bot.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        began = time.perf_counter()

        with pytest.raises(StoreError, match="locked"):
            noted(store, 1, a_critical())

        assert time.perf_counter() - began < 0.5
        other.close()

    def test_errors_later_are_said_in_one_type(self, tmp_path: Path) -> None:
        """Whoever uses it needs to catch one thing."""
        store = a_store(tmp_path)
        other = sqlite3.connect(tmp_path / "state" / "bot.db")
        other.execute("DROP TABLE told")
        other.close()

        with pytest.raises(StoreError):
            store.told("main", {1: NOW})
        with pytest.raises(StoreError):
            noted(store, 1, replace(a_critical(), key="k"))
        assert store.stories("main") == []
