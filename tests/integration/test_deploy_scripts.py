"""deploy/run starts from any directory, or says in one line what is missing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# All that the scripts call besides Python.
_TOOLS = ("bash", "cmp", "cp", "env", "readlink", "rm", "sleep")

_WITHOUT_VENV = '#!/bin/sh\ncase "$2" in *ensurepip*) echo "without venv";; *) exit 1;; esac\n'
_BROKEN_SHIM = "#!/bin/sh\necho 'shim: no such version' >&2\nexit 127\n"
# Stands in for the interpreter of a finished .venv, and tells how it was called.
_TELLTALE = '#!/bin/sh\npwd\nprintf "%s\\n" "$@"\n'


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with the start scripts and nothing else, at a path with a space in it."""
    root = tmp_path / "a clone"
    (root / "deploy").mkdir(parents=True)
    for name in ("run", "environment.sh", "requirements.lock"):
        shutil.copy2(ROOT / "deploy" / name, root / "deploy" / name)
    return root


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A directory to be the whole PATH: the tools the scripts call, and no Python."""
    directory = tmp_path / "tools"
    directory.mkdir()
    for name in _TOOLS:
        found = shutil.which(name)
        assert found is not None, f"{name} is not on PATH"
        (directory / name).symlink_to(found)
    return directory


def run(clone: Path, path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Call deploy/run from the root directory with ``path`` as the whole PATH."""
    return subprocess.run(
        [str(clone / "deploy" / "run"), *arguments],
        cwd="/",
        env={**os.environ, "PATH": str(path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def finish_venv(clone: Path) -> None:
    """Leave a .venv that is complete as far as the scripts can tell."""
    (clone / ".venv" / "bin").mkdir(parents=True)
    put_executable(clone / ".venv" / "bin" / "python", _TELLTALE)
    shutil.copy(
        clone / "deploy" / "requirements.lock", clone / ".venv" / "made-from-requirements.lock"
    )


def put_executable(path: Path, text: str) -> None:
    """Write a script that can be run."""
    path.write_text(text)
    path.chmod(0o755)


class TestWithoutPython:
    def test_says_in_one_line_what_to_install(self, clone: Path, tools: Path) -> None:
        """Exit 2 and the package's name; no traceback, and nothing is begun."""
        result = run(clone, tools)

        assert result.returncode == 2
        assert result.stdout == ""
        assert len(result.stderr.splitlines()) == 1
        assert "install the Debian packages python3 and python3-venv" in result.stderr
        assert not (clone / ".venv").exists()

    def test_a_shim_that_does_not_run_is_no_python(self, clone: Path, tools: Path) -> None:
        """A version manager leaves such shims; its own complaint is not shown."""
        put_executable(tools / "python3", _BROKEN_SHIM)

        result = run(clone, tools)

        assert result.returncode == 2
        assert len(result.stderr.splitlines()) == 1
        assert "shim" not in result.stderr

    def test_names_the_package_of_the_python_that_lacks_venv(
        self, clone: Path, tools: Path
    ) -> None:
        """Debian ships Python without the module that makes virtual environments."""
        put_executable(tools / "python3", _WITHOUT_VENV)

        result = run(clone, tools)

        assert result.returncode == 2
        assert len(result.stderr.splitlines()) == 1
        assert "install the Debian package python3-venv" in result.stderr


class TestWithACompleteEnvironment:
    def test_starts_in_the_project_root_with_the_callers_arguments(
        self, clone: Path, tools: Path
    ) -> None:
        """Neither a Python on PATH nor a word of its own is needed."""
        finish_venv(clone)

        result = run(clone, tools, "check", "--config", "a b.yml")

        told = ["-m", "trader", "check", "--config", "a b.yml"]
        assert result.stdout.splitlines() == [str(clone), *told]
        assert result.stderr == ""
        assert result.returncode == 0

    def test_may_be_called_through_a_symlink(self, clone: Path, tools: Path) -> None:
        """A link from a directory on PATH leads to the clone it points into."""
        finish_venv(clone)
        (clone.parent / "deploy").mkdir()
        (clone.parent / "deploy" / "run").symlink_to(clone / "deploy" / "run")

        result = run(clone.parent, tools)

        assert result.stdout.splitlines() == [str(clone), "-m", "trader"]

    def test_another_lock_makes_it_incomplete(self, clone: Path, tools: Path) -> None:
        """After an update of the clone the old packages are not simply used."""
        finish_venv(clone)
        with (clone / "deploy" / "requirements.lock").open("a") as lock:
            lock.write("one-more==1.0\n")

        result = run(clone, tools)

        assert result.returncode == 2
        assert result.stdout == ""


class TestLocks:
    @pytest.mark.parametrize("name", ["requirements.lock", "requirements-test.lock"])
    def test_hold_hashes_and_no_place(self, name: str) -> None:
        """A lock names what to install, never from where, and every pin has its hash."""
        blocks = (ROOT / "deploy" / name).read_text().replace("\\\n", " ").splitlines()

        assert blocks
        for block in blocks:
            assert "--hash=sha256:" in block
            assert not {"@", "--index-url", "--extra-index-url", "--find-links"} & set(
                block.split()
            )
            assert "://" not in block

    def test_the_tests_run_what_the_host_runs(self) -> None:
        """Every line of the runtime lock stands in the test lock: one .venv serves both."""
        runtime = (ROOT / "deploy" / "requirements.lock").read_text().splitlines()
        test = (ROOT / "deploy" / "requirements-test.lock").read_text().splitlines()

        assert set(runtime) <= set(test)
