"""The image and the compose file: who runs in them, what they may do, what is never in them."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from trader import __version__
from trader.app.secrets_found import secrets_found
from trader.config import Settings, load_settings
from trader.domain.control import Mode

DEPLOY = Path(__file__).parents[3] / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
_HAS_COMPOSE = (
    shutil.which("docker") is not None
    and subprocess.run(
        ["docker", "compose", "version"], capture_output=True, check=False
    ).returncode
    == 0
)
_PINNED = re.compile(r"[a-z/]+:v?\d+\.\d+\.\d+[\w.-]*")


def instructions(text: str) -> list[tuple[str, str]]:
    """Every instruction of a Containerfile with its arguments, continued lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    pairs = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(word, " ".join(rest.split())) for word, rest in pairs]


def said(word: str, stage: int = -1) -> list[str]:
    """What an instruction is given in a stage, the last one by default."""
    stages: list[list[tuple[str, str]]] = [[]]
    for name, rest in instructions((DEPLOY / "Containerfile").read_text()):
        if name == "FROM":
            stages.append([])
        stages[-1].append((name, rest))
    return [rest for name, rest in stages[stage] if name == word]


class TestTheImage:
    def test_runs_as_nobody_special(self) -> None:
        """A number, so that a runtime can see that it is not root."""
        assert said("USER") == ["10001:10001"]

    def test_is_built_from_the_lock_by_its_hashes(self) -> None:
        """Wheels of the lock and nothing else; whichever index serves them is not our choice."""
        (build,) = said("RUN", stage=1)[:1]

        assert said("COPY", stage=1)[0].startswith("deploy/requirements.lock ")
        for option in ("--require-hashes", "--no-deps", "--only-binary :all:"):
            assert option in build

    def test_has_neither_compiler_nor_installer(self) -> None:
        """One package is added to a slim base, and pip is taken away."""
        (install,) = said("RUN")

        assert re.findall(r"install --yes --no-install-recommends ([^&]+?) *&&", install) == [
            "tini"
        ]
        assert "pip uninstall --yes" in install
        assert "rm -rf /var/lib/apt/lists/*" in install
        assert said("ARG", stage=0) == ["PYTHON_IMAGE=python:3.13.7-slim-bookworm"]
        assert said("FROM", stage=1) == ["${PYTHON_IMAGE} AS build"]
        assert said("FROM") == ["${PYTHON_IMAGE}"]

    def test_is_alive_while_cycles_end(self) -> None:
        """By /healthz, which knows cycles, not by the process."""
        (check,) = said("HEALTHCHECK")

        assert "/healthz" in check
        assert "127.0.0.1" in check

    def test_stops_kindly(self) -> None:
        """The signal reaches the engine, through a first process that passes it on."""
        assert said("STOPSIGNAL") == ["SIGTERM"]
        assert said("ENTRYPOINT") == ['["tini", "--", "python", "-m", "trader"]']

    def test_keeps_state_and_log_outside(self) -> None:
        """The working directory holds the state and the confirm file."""
        assert said("VOLUME") == ['["/var/lib/trader", "/var/log/trader"]']
        assert said("WORKDIR") == ["/var/lib/trader"]

    def test_pipes_no_download_into_a_shell(self) -> None:
        """And adds nothing by address."""
        text = (DEPLOY / "Containerfile").read_text()

        assert not re.search(r"curl|wget|https?://(?!127)|^ADD ", text, re.MULTILINE)

    def test_is_sent_nothing_but_what_it_copies(self) -> None:
        """Everything is left out but what is named: no state, no secret, no history."""
        ignored = (DEPLOY / "Containerfile.dockerignore").read_text().splitlines()
        rules = [line for line in ignored if line and not line.startswith("#")]
        copied = {
            source
            for stage in (1, 2)
            for rest in said("COPY", stage=stage)
            if not rest.startswith("--from")
            for source in rest.split()[:-1]
        }

        assert rules[0] == "*"
        assert {rule[1:] for rule in rules if rule.startswith("!")} == copied
        assert all((DEPLOY.parent / source).exists() for source in copied)

    def test_brings_a_config_that_holds(self) -> None:
        """Simulated, reachable from beside it, logging to its volume."""
        settings = load_settings(DEPLOY / "container" / "live.yml", {})

        assert settings.mode.current is Mode.MOCK
        assert settings.metrics_server.host == "0.0.0.0"
        assert settings.metrics_server.port == 8000
        assert settings.logging.file.startswith("/var/log/trader/")
        # Compose publishes it on loopback alone; the warning is for whoever runs it otherwise.
        assert settings.warnings() == (
            "metrics_server.host is 0.0.0.0: other hosts can read figures and health",
        )


@pytest.mark.parametrize("name", SERVICES)
class TestEveryService:
    def test_is_confined(self, name: str) -> None:
        """Read-only, without capabilities, without new ones, bounded, and as no root."""
        service = SERVICES[name]

        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "cap_add" not in service
        assert "privileged" not in service
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["mem_limit"]
        assert service["pids_limit"]
        assert int(service["user"].split(":")[0]) > 0

    def test_is_pinned_to_an_exact_version(self, name: str) -> None:
        """No tag that moves."""
        image = SERVICES[name]["image"]

        assert _PINNED.fullmatch(image)
        assert "latest" not in image

    def test_is_reached_from_this_host_alone(self, name: str) -> None:
        """What is published is published on loopback; Redis not even there."""
        ports = SERVICES[name].get("ports", [])

        assert all(port.startswith("127.0.0.1:") for port in ports)
        assert bool(ports) is (name != "redis")

    def test_mounts_the_clone_read_only(self, name: str) -> None:
        """What it writes is in a volume; only the host's locks are shared for writing."""
        for mount in SERVICES[name].get("volumes", []):
            if isinstance(mount, dict) and mount["source"] != "/run/lock":
                assert mount["read_only"] is True

    def test_mounts_what_there_is(self, name: str) -> None:
        """A name that leads nowhere would become an empty folder."""
        for mount in SERVICES[name].get("volumes", []):
            if isinstance(mount, dict) and mount["source"].startswith("./"):
                made_by_the_operator = mount["source"].startswith("./secrets/")
                assert made_by_the_operator or (DEPLOY / mount["source"]).exists()


class TestTheEngine:
    ENGINE = SERVICES["engine"]

    def test_starts_without_a_profile_and_all_else_with_one(self) -> None:
        """The plain command starts the engine alone."""
        assert [name for name, service in SERVICES.items() if "profiles" not in service] == [
            "engine"
        ]

    def test_restarts_a_crash_and_no_mistake(self) -> None:
        """Exits 2 and 3 become 0, which `on-failure` leaves alone; a crash loop ends."""
        assert self.ENGINE["entrypoint"] == [
            *("tini", "-e", "2", "-e", "3", "--"),
            *("python", "-m", "trader"),
        ]
        assert self.ENGINE["restart"] == "on-failure:5"

    def test_is_given_the_time_a_stop_takes(self) -> None:
        """Ten seconds are promised."""
        assert self.ENGINE["stop_signal"] == "SIGTERM"
        assert self.ENGINE["stop_grace_period"] == "15s"

    def test_shares_the_locks_of_the_host(self) -> None:
        """Two containers of one account must meet."""
        assert {"type": "bind", "source": "/run/lock", "target": "/run/lock"} in self.ENGINE[
            "volumes"
        ]

    def test_finds_its_secrets_in_files(self, tmp_path: Path) -> None:
        """By the directory the program looks in; each alone, none needed."""
        assert self.ENGINE["environment"] == {"CREDENTIALS_DIRECTORY": "/run/secrets"}

        (tmp_path / "telegram_bot_token").write_text("1:token\n")
        settings = load_settings(
            DEPLOY / "container" / "live.yml", {"CREDENTIALS_DIRECTORY": str(tmp_path)}
        )

        assert settings.alert.telegram.bot_token.reveal() == "1:token"

    def test_is_the_version_of_this_clone(self) -> None:
        """An image of another version would be taken for this one."""
        assert self.ENGINE["image"] == f"trader:{__version__}"


class TestSecrets:
    def test_of_other_services_come_from_files_too(self) -> None:
        """No password in the environment, in an argument or in a config."""
        for name, service in SERVICES.items():
            for key, value in service.get("environment", {}).items():
                if re.search("PASSWORD|SECRET|TOKEN", key):
                    assert key.endswith("__FILE"), f"{name}: {key}"
                    assert value.startswith("/run/secrets/")
        used = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
        assert used == set(COMPOSE["secrets"])
        assert all(one["file"].startswith("./secrets/") for one in COMPOSE["secrets"].values())

    def test_are_not_in_git(self) -> None:
        """The folder they are in is ignored."""
        assert "/deploy/secrets/" in (DEPLOY.parent / ".gitignore").read_text().splitlines()

    def test_none_is_set_in_any_file(self) -> None:
        """Nor is the flag that permits live trading; a comment may name them."""
        names = {"LIVE_TRADING", *(found.name for found in secrets_found(Settings(), {}))}
        for path in sorted(DEPLOY.rglob("*")):
            if path.suffix in (".yml", ".conf", ".service", "") and path.is_file():
                for line in path.read_text().splitlines():
                    code = line.partition("#")[0]
                    assert not [name for name in names if re.search(rf"\b{name}\b *[=:]", code)], (
                        f"{path.name}: {line}"
                    )


@pytest.mark.skipif(not _HAS_COMPOSE, reason="docker compose is not on this machine")
def test_compose_itself_takes_the_file() -> None:
    """With every profile; it needs no daemon for that."""
    every = [argument for name in ("redis", "watch") for argument in ("--profile", name)]
    result = subprocess.run(
        ["docker", "compose", "--file", str(DEPLOY / "compose.yml"), *every, "config", "--quiet"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert result.returncode == 0, result.stderr


class TestNoFile:
    def test_names_a_package_index(self) -> None:
        """Where packages come from is the host's choice."""
        for path in sorted(DEPLOY.rglob("*")):
            if path.is_file() and path.suffix != ".lock":
                text = path.read_text()
                assert not re.search(r"(?<!emit)-index-url|PIP_INDEX|pypi", text), path.name
