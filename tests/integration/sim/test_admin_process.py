"""``trader sim`` as a process: starts, says where it is, ends cleanly, names mistakes."""

import subprocess
import sys
import urllib.request
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGTERM, Signals

import msgspec
import pytest

from tests.support.engine_process import ROOT, EngineHome, EngineProcess, child_environment
from trader.config import load_settings
from trader.sim.greeting import READY

_PATIENCE_S = 60.0


def started(directory: Path, *arguments: str) -> EngineProcess:
    """The simulator on a free port, once it listens."""
    command = [sys.executable, "-m", "trader", "sim", "--port", "0", *arguments]
    process = EngineProcess(EngineHome(directory), command, child_environment())
    process.wait_for(READY)
    return process


class TestLife:
    """It ends with 0 and without a word on either signal."""

    @pytest.mark.parametrize("number", [SIGINT, SIGTERM])
    def test_ends_cleanly(self, tmp_path: Path, number: Signals) -> None:
        """While its market runs."""
        ready = tmp_path / "port"
        with started(tmp_path / "home", "--ready-file", str(ready)) as process:
            port = int(ready.read_text())
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/admin/state") as answer:
                assert answer.status == 200
            process.signal(number)
            assert process.wait() == 0
            assert not any("Traceback" in line for line in process.err)

    def test_ledger_survives_a_kill(self, tmp_path: Path) -> None:
        """What was answered is in the file."""
        ledger, ready = tmp_path / "ledger.jsonl", tmp_path / "port"
        arguments = ("--ledger", str(ledger), "--ready-file", str(ready))
        with started(tmp_path / "home", *arguments) as process:
            url = f"http://127.0.0.1:{ready.read_text().strip()}/admin/balances"
            body = b'{"venue":"upbit","asset":"KRW","delta":"1"}'
            with urllib.request.urlopen(urllib.request.Request(url, data=body)) as answer:
                assert answer.status == 200
            process.signal(SIGKILL)
            process.wait()

        (row,) = [msgspec.json.decode(line) for line in ledger.read_bytes().splitlines()]
        assert (row["what"], row["deltas"]) == ("moved", {"KRW": "1"})


class TestGreeting:
    def test_what_it_prints_is_all_that_live_needs(self, tmp_path: Path) -> None:
        """Pasted as it stands: addresses, keys, and that somebody vouches for them."""
        with started(tmp_path / "home") as process:
            lines = process.out
        config = tmp_path / "sim.yml"
        config.write_text("\n".join(lines[lines.index("# config") : lines.index("# environment")]))
        keys = dict(
            line.removeprefix("export ").split("=", 1) for line in lines if line[:7] == "export "
        )

        settings = load_settings(config, keys, {"mode.current": "live"})

        for venue in (settings.venues.upbit, settings.venues.bithumb):
            assert venue.api_key is not None
            assert venue.attested_fingerprint == venue.api_key.fingerprint()
        assert settings.venues.binance.attested_fingerprint is None
        assert settings.venues.binance.rest_url.startswith("http://127.0.0.1:")


class TestMistakes:
    """Exit 2 and one line: what, where, what is allowed."""

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("--port", "99999"), "--port"),
            (("--port", "http"), "--port"),
            (("--speed", "0"), "--speed"),
            (("--book-ms", "nan"), "--book-ms"),
            (("--candles", "one.csv"), "--candles"),
            (("--candles", "a.csv", "b.csv"), "--usdt-krw"),
            (("--candles", "a.csv", "b.csv", "--usdt-krw", "1390"), "a.csv"),
            (("--candles", "a", "b", "--usdt-krw", "1390", "--coin", "DOGE"), "DOGE"),
            (("--usdt-krw", "1390"), "--candles"),
            (("--captured", "kraken=x"), "upbit=FILE"),
            (("--captured", "upbit=/none"), "/none"),
            (("--scenario", "/none.yml"), "/none.yml"),
            (("--ledger", "/none/ledger"), "/none/ledger"),
            (("--ready-file", "/none/ready"), "/none/ready"),
            (("--prot", "1"), "--port"),
        ],
    )
    def test_is_one_line(self, arguments: tuple[str, ...], words: str) -> None:
        """And nothing was served."""
        ended = subprocess.run(
            [sys.executable, "-m", "trader", "sim", "--port", "0", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )

        assert (ended.returncode, ended.stdout) == (2, "")
        assert words in ended.stderr
        assert ended.stderr.count("\n") == 1
