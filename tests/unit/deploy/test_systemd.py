"""The systemd units: who may do what, how a crash loop ends, and what is never set in them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from trader.app.secrets_found import secrets_found
from trader.config import Settings

UNITS = Path(__file__).parents[3] / "deploy" / "systemd"
SERVICES = ("trader.service", "trader-bot.service", "trader-failed@.service")
LASTING = SERVICES[:2]
_ANALYZE = shutil.which("systemd-analyze")
_MOST_EXPOSED = 2.0

_CONFINED = {
    "ProtectSystem": "strict",
    "PrivateTmp": "yes",
    "ProtectHome": "yes",
    "PrivateDevices": "yes",
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6",
    "RestrictNamespaces": "yes",
    "RestrictSUIDSGID": "yes",
    "MemoryDenyWriteExecute": "yes",
    "SystemCallArchitectures": "native",
    "UMask": "0077",
    "LimitCORE": "0",
}

Unit = dict[tuple[str, str], list[str]]


def unit(name: str) -> Unit:
    """Every setting of a unit file, by section and name, in order."""
    settings: Unit = {}
    section = ""
    for line in (UNITS / name).read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals, f"{name}: {line!r} is no setting"
            settings.setdefault((section, key), []).append(value)
    return settings


def one(found: Unit, key: str, section: str = "Service") -> str:
    """The value of a setting that is given once."""
    (value,) = found[section, key]
    return value


@pytest.mark.parametrize("name", SERVICES)
class TestEveryUnit:
    def test_confines_its_process(self, name: str) -> None:
        """It may write its own state, call what a service calls, and gain nothing."""
        found = unit(name)

        assert {key: one(found, key) for key in _CONFINED} == _CONFINED
        assert found["Service", "SystemCallFilter"] == ["@system-service", "~@privileged"]

    def test_runs_as_a_user_of_its_own(self, name: str) -> None:
        """Root is nobody's user here, and the users are declared beside the units."""
        declared = (UNITS / "trader.sysusers.conf").read_text()

        user = one(unit(name), "User")

        assert f"\nu {user} " in declared

    def test_never_permits_live_trading(self, name: str) -> None:
        """That is an act of the operator on the host, by a drop-in of their own."""
        assert not [
            setting for setting in unit(name).values() if "LIVE_TRADING" in " ".join(setting)
        ]

    def test_runs_what_is_in_the_clone(self, name: str) -> None:
        """The interpreter of the locked environment, on modules or files that exist."""
        program, *arguments = one(unit(name), "ExecStart").split()

        assert program == "/opt/trader/.venv/bin/python"
        root = UNITS.parents[1]
        if arguments[0] == "-m":
            assert (root / arguments[1] / "__main__.py").is_file()
        else:
            assert (root / Path(arguments[0]).relative_to("/opt/trader")).is_file()


@pytest.mark.parametrize("name", LASTING)
class TestALastingService:
    def test_does_not_restart_a_mistake_or_a_second_start(self, name: str) -> None:
        """Exit 2 and 3 do not mend themselves."""
        found = unit(name)

        assert one(found, "Restart") == "on-failure"
        assert one(found, "RestartPreventExitStatus") == "2 3"

    def test_ends_a_crash_loop_stopped_and_told(self, name: str) -> None:
        """Bounded starts, and one message when the last of them failed."""
        found = unit(name)
        interval = int(one(found, "StartLimitIntervalSec", "Unit"))
        burst = int(one(found, "StartLimitBurst", "Unit"))

        assert one(found, "OnFailure", "Unit") == "trader-failed@%p.service"
        # Even one that dies at the very start uses the starts up within the interval.
        assert burst * int(one(found, "RestartSec")) < interval

    def test_leaves_a_stop_the_time_it_promises(self, name: str) -> None:
        """Ten seconds for the engine, by SIGTERM to it alone, and then some."""
        found = unit(name)

        assert one(found, "KillSignal") == "SIGTERM"
        assert one(found, "KillMode") == "mixed"
        assert one(found, "TimeoutStopSec") == "15"


class TestTheEngine:
    def test_is_watched_by_its_cycles(self) -> None:
        """Up with the first cycle, and ended when none comes any more."""
        found = unit("trader.service")

        assert one(found, "Type") == "notify"
        assert one(found, "NotifyAccess") == "main"
        assert int(one(found, "WatchdogSec")) == 30

    def test_shares_the_locks_of_the_host(self) -> None:
        """Two services of one account must meet; `engine.lock_dir` is not in a private /tmp."""
        assert one(unit("trader.service"), "ReadWritePaths") == "-/run/lock"

    def test_is_given_every_secret_by_a_credential(self) -> None:
        """By the names the program looks for; what is not there is skipped, not an error."""
        expected = {found.name.lower() for found in secrets_found(Settings(), {})}

        given = unit("trader.service")["Service", "LoadCredential"]

        assert len(given) == len(set(given))
        # Without a path: looked for in the credential stores.
        assert set(given) == expected


class TestTheBotAlone:
    def test_gets_no_venue_key_and_another_user(self) -> None:
        """What cannot be read cannot be told."""
        found = unit("trader-bot.service")

        assert one(found, "User") != one(unit("trader.service"), "User")
        assert not [name for name in found["Service", "LoadCredential"] if "_key" in name]
        assert ("Service", "ReadWritePaths") not in found


@pytest.mark.skipif(_ANALYZE is None, reason="systemd-analyze is not on this machine")
class TestSystemdItself:
    @pytest.fixture
    def verifiable(self, tmp_path: Path) -> list[str]:
        """The units with an interpreter that exists here."""
        for name in SERVICES:
            text = (UNITS / name).read_text()
            text = text.replace("/opt/trader/.venv/bin/python", sys.executable)
            (tmp_path / name).write_text(text)
        return [str(tmp_path / name) for name in SERVICES]

    def test_understands_every_line(self, verifiable: list[str]) -> None:
        """No unknown setting, no unit that is not there; a warning counts as a failure."""
        result = subprocess.run(
            [str(_ANALYZE), "verify", "--man=no", *verifiable],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        ours = [line for line in result.stderr.splitlines() if "trader" in line]
        assert (result.returncode, ours) == (0, [])

    def test_finds_little_exposed(self, verifiable: list[str]) -> None:
        """Its own measure: 0 is sealed, 10 wide open."""
        result = subprocess.run(
            [
                str(_ANALYZE),
                "security",
                "--offline=yes",
                f"--threshold={int(_MOST_EXPOSED * 10)}",
                *verifiable[:2],
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        assert result.returncode == 0, result.stdout[-400:] + result.stderr
