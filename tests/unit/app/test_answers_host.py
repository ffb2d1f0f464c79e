"""Log, config and alerts as they are shown: bounded, and without secrets."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from trader.app.answers.host import alert_line, config_lines, last_lines, megabytes
from trader.domain.answers import MAX_ROWS
from trader.domain.control import Alert, AlertCode, Language, Severity
from trader.domain.delivery import StoredAlert
from trader.ops.redaction import Redactor

SECRET = "s3cr3t-of-a-venue"
REDACT = Redactor((SECRET,))


def written(tmp_path: Path, text: str) -> Path:
    """A log file."""
    file = tmp_path / "live.log"
    file.write_text(text, encoding="utf-8")
    return file


class TestLastLines:
    def test_are_the_newest_in_their_order(self, tmp_path: Path) -> None:
        """As many as asked for, or as there are."""
        file = written(tmp_path, "".join(f"line {number}\n" for number in range(5)))

        assert last_lines(file, 2, REDACT) == ("line 3", "line 4")
        assert len(last_lines(file, 100, REDACT)) == 5

    def test_are_masked_once_more(self, tmp_path: Path) -> None:
        """Also what another program wrote there."""
        file = written(tmp_path, f"key {SECRET} end\n")

        assert last_lines(file, 1, REDACT) == ("key *** end",)

    def test_are_masked_before_they_are_cut(self, tmp_path: Path) -> None:
        """Half a secret is no secret that anybody would know."""
        file = written(tmp_path, "x" * 990 + SECRET + "\n")

        (line,) = last_lines(file, 1, REDACT)

        assert SECRET[:6] not in line
        assert len(line) <= 1_000

    def test_never_begin_in_the_middle_of_one(self, tmp_path: Path) -> None:
        """A long log is read from its end, and the first piece is dropped."""
        file = written(tmp_path, "".join(f"{number:06} {'x' * 93}\n" for number in range(5_000)))

        lines = last_lines(file, 10_000, REDACT)

        assert 2_000 < len(lines) < 5_000
        assert {len(line) for line in lines} == {100}
        assert lines[-1].startswith("004999")

    def test_of_one_endless_line_are_none(self, tmp_path: Path) -> None:
        """Nothing of it is whole."""
        assert last_lines(written(tmp_path, "x" * 400_000), 10, REDACT) == ()

    def test_of_no_file_are_none(self, tmp_path: Path) -> None:
        """Nor of one that is a directory."""
        assert last_lines(tmp_path / "none.log", 10, REDACT) == ()
        assert last_lines(tmp_path, 10, REDACT) == ()


class TestConfigLines:
    SHOWN = tuple((f"safety.key_{number}", str(number)) for number in range(130))

    def test_come_by_the_page(self) -> None:
        """``more`` says how many are left."""
        first, more = config_lines(self.SHOWN, "", 0, REDACT)
        rest, none_left = config_lines(self.SHOWN, "", MAX_ROWS, REDACT)

        assert (len(first), more) == (MAX_ROWS, 30)
        assert (len(rest), none_left) == (30, 0)
        assert (first[0], rest[-1]) == ("safety.key_0: 0", "safety.key_129: 129")

    def test_of_a_section_are_its_own(self) -> None:
        """``engine`` is not ``engine_room``."""
        shown = (("engine.name", "main"), ("engine_room.x", "1"), ("mode.current", "mock"))

        assert config_lines(shown, "engine", 0, REDACT) == (("engine.name: main",), 0)

    def test_are_masked(self) -> None:
        """Settings mask their own; this is the second net."""
        assert config_lines((("a.b", SECRET),), "", 0, REDACT) == (("a.b: ***",), 0)


class TestAlertLine:
    @pytest.mark.parametrize(
        ("language", "words"), [(Language.EN, "Entries paused"), (Language.KO, "신규진입 중지")]
    )
    def test_is_its_first_line_in_the_asked_language(self, language: Language, words: str) -> None:
        """With what became of it."""
        fields: Mapping[str, str] = {"by": "ann"}
        alert = Alert(AlertCode.PAUSED, Severity.WARNING, "paused", 5, fields)
        stored = StoredAlert(7, alert, 6, count=3, attempts=2, last_error="429", sent_ns=9)

        line = alert_line(stored, language)

        assert words in line.text
        assert "\n" not in line.text
        assert (line.id, line.code, line.key) == (7, AlertCode.PAUSED, "paused")
        assert (line.count, line.attempts, line.last_error) == (3, 2, "429")
        assert (line.created_ns, line.sent_ns, line.acknowledged_ns) == (6, 9, None)


def test_megabytes_are_of_the_database_and_what_waits_beside_it(tmp_path: Path) -> None:
    """Without opening either."""
    database = tmp_path / "journal.db"
    assert megabytes(database) == 0
    database.write_bytes(b"x" * 1_500_000)
    (tmp_path / "journal.db-wal").write_bytes(b"x" * 500_000)

    assert megabytes(database) == 2
