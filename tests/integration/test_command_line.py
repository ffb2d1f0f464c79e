"""The command line: every mistake is one line that says where, what and what is allowed instead."""

import os
import re
import socket
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.engine_process import EngineHome, EngineProcess
from trader.__main__ import main

RUN_OPTIONS = (
    "--config",
    "--once",
    "--mock",
    "--mode",
    "--loops",
    "--interval",
    "--seed",
    "--no-bot",
)


class Mistake(NamedTuple):
    """A config file's text and what the complaint must hold, besides the file's name."""

    text: str | bytes
    words: tuple[str, ...]


MISTAKES = {
    "a section mistyped": Mistake("safty:\n  min_confidence: 0.3\n", ("safty", "safety?")),
    "a key mistyped": Mistake(
        "safety:\n  min_confidense: 0.3\n", ("safety.min_confidense", "safety.min_confidence?")
    ),
    "a key in the wrong section": Mistake(
        "engine:\n  min_confidence: 0.3\n", ("engine.min_confidence", "safety.min_confidence?")
    ),
    "a key at the top": Mistake("port: 8001\n", ("port", "metrics_server.port?")),
    "text for a number": Mistake(
        "metrics_server:\n  port: http\n", ("metrics_server.port", "'http'", "from 1 to 65535")
    ),
    "a number for a flag": Mistake(
        "alert:\n  enabled: 1\n", ("alert.enabled", "is 1", "true or false")
    ),
    "a word for a flag": Mistake("alert:\n  enabled: yes\n", ("'yes'", "true or false")),
    "a fraction for a count": Mistake(
        "position_engine:\n  max_open_positions: 2.5\n",
        ("position_engine.max_open_positions", "2.5", "from 1 to 1000"),
    ),
    "a list for a section": Mistake("safety:\n  - 1\n", ("safety", "a list", "a mapping")),
    "NaN for a limit": Mistake(
        "safety:\n  max_daily_loss_krw: .nan\n", ("safety.max_daily_loss_krw", "nan", "above 0")
    ),
    "infinity for a limit": Mistake(
        "safety:\n  max_daily_loss_krw: .inf\n", ("safety.max_daily_loss_krw", "inf", "above 0")
    ),
    "a negative limit": Mistake(
        "safety:\n  max_position_size_krw: -300000\n",
        ("safety.max_position_size_krw", "-300000", "above 0"),
    ),
    "a limit of nothing": Mistake(
        "safety:\n  max_slippage_pct: 0\n", ("safety.max_slippage_pct", "is 0", "above 0 to 10")
    ),
    "no limit": Mistake(
        "safety:\n  max_daily_loss_krw: null\n", ("safety.max_daily_loss_krw", "null", "above 0")
    ),
    "an unknown mode": Mistake("mode:\n  current: test\n", ("mode.current", "'test'", "mock")),
    "a time zone nobody knows": Mistake(
        "schedule:\n  timezone: Asia/Seul\n", ("schedule.timezone", "'Asia/Seul'", "Asia/Seoul")
    ),
    "a key twice": Mistake(
        "engine:\n  name: a\n  name: b\n", ("line 3", "name is given twice, first in line 2")
    ),
    "YAML that ends too soon": Mistake("safety: [1\n", ("line 2", "not valid YAML", "not closed")),
    "YAML with a tab": Mistake("safety:\n\tx: 1\n", ("line 2", "not valid YAML")),
    "no mapping": Mistake("just words\n", ("a mapping of sections",)),
    "an empty file": Mistake("", ("is empty", "a mapping of sections")),
    "not text": Mistake(bytes(range(128, 256)), ("not UTF-8",)),
    "text with zero bytes": Mistake(b"safety:\n\x00\x00", ("characters that YAML does not allow",)),
    "an alias": Mistake("a: &x 1\nb: *x\n", ("line 1",)),
}

ARGUMENTS = {
    "an unknown command": (("frobnicate",), ("'frobnicate' is no command", "run")),
    "a command mistyped": (("rnu", "--once"), ("'rnu' is no command", "did you mean run?")),
    "no command": (("",), ("'' is no command", "run")),
    "an unknown flag": (("--wild",), ("--wild is not known", "see --help")),
    "a flag mistyped": (("--mok",), ("--mok is not known", "did you mean --mock?")),
    "a flag with a value mistyped": (("--sed=1",), ("--sed is not known", "did you mean --seed?")),
    "a flag shortened": (("--loop", "3"), ("--loop is not known", "did you mean --loops?")),
    "a word too many": (("run", "faster"), ("faster is not known",)),
    "no value": (("--loops",), ("--loops expected one argument",)),
    "no loops": (("--loops", "0"), ("--loops is '0'", "from 1")),
    "half a loop": (("--loops", "0.5"), ("--loops is '0.5'", "a whole number from 1")),
    "a word for loops": (("--loops", "many"), ("--loops is 'many'", "from 1")),
    "a negative interval": (("--interval", "-1"), ("--interval is '-1'", "seconds from 0")),
    "NaN for an interval": (("--interval", "nan"), ("--interval is 'nan'", "seconds from 0")),
    "an endless interval": (("--interval", "inf"), ("--interval is 'inf'", "to 86400")),
    "a negative seed": (("--seed", "-1"), ("--seed is '-1'", "from 0")),
    "a seed too large": (("--seed", str(2**63)), ("--seed is", "from 0")),
    "an unknown mode": (("--mode", "prod"), ("--mode is 'prod'", "mock, paper or live")),
    "no file": (("--config", ""), ("--config is ''", "the name of a file")),
    "two modes": (("--mock", "--mode", "live"), ("--mock contradicts --mode live",)),
    "two ends": (("--once", "--loops", "3"), ("--once contradicts --loops 3",)),
}


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and the signals and variables of a bare shell."""
    place = tmp_path / "work"
    place.mkdir()
    monkeypatch.chdir(place)
    for name in [one for one in os.environ if one.startswith(("TELEGRAM_", "TRADER_"))]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("LIVE_TRADING", raising=False)
    return place


def complaint(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """The one line about a mistake: exit 2, nothing on stdout, no traceback."""
    code = main(list(argv))

    told = capsys.readouterr()
    assert (code, told.out) == (2, "")
    assert told.err.endswith("\n")
    (line,) = told.err.splitlines()
    assert "Traceback" not in line
    return line


class TestMistakesInTheConfig:
    @pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
    def test_are_told_in_one_line(
        self, mistake: Mistake, workplace: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The file leads, then key, value and what is allowed; nothing is written anywhere."""
        text = mistake.text.encode() if isinstance(mistake.text, str) else mistake.text
        Path("my.yml").write_bytes(text)

        line = complaint(capsys, "--mock" if b"mode:" not in text else "--once", "--config=my.yml")

        assert line.startswith("my.yml: ")
        assert all(words in line for words in mistake.words), line
        assert [path.name for path in workplace.iterdir()] == ["my.yml"]

    def test_several_are_told_in_a_line_each(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Nobody has to start five times to hear of five."""
        Path("my.yml").write_text("safty: {}\nalert:\n  enabled: 3\n")

        code = main(["--config", "my.yml"])

        lines = capsys.readouterr().err.splitlines()
        assert code == 2
        assert len(lines) == 2
        assert all(line.startswith("my.yml: ") for line in lines)

    def test_the_default_file_is_named_too(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Who named no file is told which one was read."""
        Path("config").mkdir()
        Path("config/live.yml").write_text("safety:\n  min_confidence: 2\n")

        assert complaint(capsys, "--once").startswith("config/live.yml: safety.min_confidence is 2")

    def test_a_file_that_is_not_there(
        self, workplace: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Named and missing is a mistake; the defaults must not step in for it."""
        assert complaint(capsys, "--config", "mine.yml") == "mine.yml: No such file or directory"
        assert list(workplace.iterdir()) == []

    def test_a_directory(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Said as it is."""
        Path("config.d").mkdir()

        assert complaint(capsys, "--config", "config.d") == "config.d: Is a directory"

    def test_a_secret_in_the_wrong_place_is_not_repeated(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A terminal is often shared."""
        token = "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"
        Path("my.yml").write_text(f"alert:\n  telegram: {token}\n")

        line = complaint(capsys, "--config", "my.yml")

        assert "alert.telegram" in line
        assert token not in line


class TestMistakesInTheArguments:
    @pytest.mark.parametrize(("argv", "words"), ARGUMENTS.values(), ids=ARGUMENTS.keys())
    def test_are_told_in_one_line(
        self,
        argv: tuple[str, ...],
        words: tuple[str, ...],
        workplace: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """It begins with where, holds what was given and what is allowed; nothing is written."""
        line = complaint(capsys, *argv)

        assert line.startswith("command line: ")
        assert all(word in line for word in words), line
        assert list(workplace.iterdir()) == []


class TestHelp:
    def test_says_what_there_is(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Every command, the shortest way to a first run, and what each exit code means."""
        with pytest.raises(SystemExit) as ended:
            main(["--help"])

        told = capsys.readouterr().out
        assert ended.value.code == 0
        assert "run the engine" in told
        assert "python -m trader --once --mock" in told
        assert re.findall(r"^  (\d)  \w", told, re.MULTILINE) == ["0", "1", "2", "3"]
        assert max(len(line) for line in told.splitlines()) <= 100

    def test_of_run_explains_every_option(self, capsys: pytest.CaptureFixture[str]) -> None:
        """With its unit or its default, on lines that fit a terminal."""
        with pytest.raises(SystemExit):
            main(["run", "--help"])

        told = capsys.readouterr().out
        assert "Ctrl+C" in told
        for option in RUN_OPTIONS:
            (explained,) = re.findall(rf"^  {option} .*?  (\S.*)$", told, re.MULTILINE)
            assert len(explained.split()) >= 3, option
        assert max(len(line) for line in told.splitlines()) <= 100


def run(directory: Path, config: str, *arguments: str) -> EngineProcess:
    """A real process with this config file."""
    home = EngineHome(directory)
    home.config_path.write_text(config, encoding="utf-8")
    return home.run("--mock", "--once", *arguments)


class TestAsARealProcess:
    def test_a_taken_port_is_told_before_anything_is_done(self, tmp_path: Path) -> None:
        """Exit 2 and one line with the key, the port and the ways out; nothing was decided."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]

            ended = run(tmp_path, f"metrics_server:\n  port: {port}\n")

        (line,) = ended.err
        assert ended.code == 2
        assert line.startswith(f"{ended.home.config_path}: metrics_server.port: {port} is already")
        assert "choose another port from 1 to 65535" in line
        assert ended.home.facts() == []

    def test_a_coin_that_is_not_simulated(self, tmp_path: Path) -> None:
        """The key, the coin and those there are; nothing was decided."""
        pair = "{name: odd, first: 'upbit:NOPE-KRW', second: 'bithumb:NOPE-KRW'}"

        ended = run(tmp_path, f"strategy:\n  pairs:\n    - {pair}\n")

        (line,) = ended.err
        assert ended.code == 2
        assert line.startswith(f"{ended.home.config_path}: strategy.pairs names NOPE")
        assert "BTC" in line.partition("allowed: ")[2]

    def test_a_state_directory_that_cannot_be_made(self, tmp_path: Path) -> None:
        """Exit 2 and one line, not the traceback of a library."""
        (tmp_path / "file").touch()

        ended = run(tmp_path, "engine:\n  state_dir: file/state\n")

        (line,) = ended.err
        assert ended.code == 2
        assert "engine.state_dir" in line
        assert "file/state" in line

    def test_a_log_that_cannot_be_written(self, tmp_path: Path) -> None:
        """A run nobody could look into is not begun."""
        (tmp_path / "file").touch()

        ended = run(tmp_path, "logging:\n  file: file/live.log\n")

        (line,) = ended.err
        assert ended.code == 2
        assert "logging.file" in line
        assert "file/live.log" in line

    def test_a_journal_that_is_none(self, tmp_path: Path) -> None:
        """Exit 1 and no traceback: the file is named, and it is not overwritten."""
        state = tmp_path / "state"
        state.mkdir(mode=0o700)
        (state / "mock.db").write_bytes(b"no database at all, and long enough to be seen as none")

        ended = run(tmp_path, "metrics_server:\n  enabled: false\n")

        assert ended.code == 1
        assert not any("Traceback" in line for line in [*ended.err, *ended.out])
        assert any("mock.db" in line for line in [*ended.err, *ended.out])
        assert (state / "mock.db").read_bytes().startswith(b"no database at all")

    def test_a_mistake_is_one_line_there_too(self, tmp_path: Path) -> None:
        """What the tests above see in-process is what a shell sees."""
        ended = run(tmp_path, "safty: {}\n")

        assert (ended.code, ended.out) == (2, [])
        assert ended.err == [f"{ended.home.config_path}: safty: unknown key; did you mean safety?"]
        assert not (tmp_path / "state").exists()

    def test_it_runs_without_any_config(self, tmp_path: Path) -> None:
        """No file, no variable: the defaults are a whole config."""
        ended = EngineHome(tmp_path).run(program=("-c", WITHOUT_CONFIG))

        assert ended.code == 0, ended.err
        assert len(ended.told("[METRICS]")) == 1


# Only the port is not the default one, since somebody else may hold that.
WITHOUT_CONFIG = """
import sys
from trader.app import process
from trader.__main__ import main
class Elsewhere(process.MetricsServer):
    def __init__(self, metrics, *, port, **options):
        assert port == 8000
        super().__init__(metrics, port=0, **options)
process.MetricsServer = Elsewhere
sys.exit(main(["--once", "--mock"]))
"""
