"""Every line and every branch of the live gate is gone through by its own tests."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KERNEL = (
    "trader/domain/authority.py",
    "trader/domain/readiness.py",
    "trader/execution/gate.py",
    "trader/risk/authority.py",
    "trader/risk/live_guard.py",
    "trader/risk/predicates.py",
)
TESTS = (
    "tests/unit/risk/test_authority.py",
    "tests/unit/risk/test_live_guard.py",
    "tests/unit/execution/test_gate.py",
    "tests/unit/execution/test_guard_keeper.py",
    "tests/property/test_gate_state_space.py",
)
SECONDS = 300


@pytest.mark.slow
def test_every_branch_of_the_gate_is_tested(tmp_path: Path) -> None:
    """By a few tests made for it; what only a long run happens to touch does not count."""
    settings = tmp_path / "coverage.ini"
    settings.write_text("[run]\nbranch = true\ninclude =\n" + "".join(f"  {f}\n" for f in KERNEL))
    environment = dict(os.environ, COVERAGE_FILE=str(tmp_path / "data"), GATE_SCALE="2000")
    environment.pop("PYTEST_ADDOPTS", None)

    def coverage(*arguments: str) -> None:
        command = (sys.executable, "-m", "coverage", *arguments)
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, timeout=SECONDS, check=False
        )
        assert done.returncode == 0, (done.stdout + done.stderr).decode()[-3_000:]

    report = tmp_path / "report.json"
    options = f"--rcfile={settings}"
    coverage("run", options, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS)
    coverage("json", options, "-o", str(report))

    files = json.loads(report.read_text())["files"]
    assert set(files) == set(KERNEL)
    for name, found in files.items():
        assert not found["missing_lines"], name
        assert not found["missing_branches"], name
