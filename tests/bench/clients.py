"""ccxt.pro beside the decoding benchmark: a script in the environment of ``deploy/clients.lock``.

Nothing is installed for it: where that environment does not stand, nothing is measured.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tests.support.client_environment import HOME

_SCRIPT = Path(__file__).with_name("ccxt_script.py")
_WITHIN_S = 120.0


class CcxtNotHad(RuntimeError):
    """There is no ccxt here, or it could not read the frames; the message says which."""


def ccxt_us(venue: str, frames: Sequence[bytes]) -> list[list[float]]:
    """Microseconds a frame of every turn, of several runs.

    Raises:
        CcxtNotHad: it is not installed, or failed.
    """
    python = HOME / "bin" / "python"
    if not python.exists():
        raise CcxtNotHad(f"ccxt is not installed in {HOME.name}: nothing stands beside")
    done = subprocess.run(
        [python, _SCRIPT, venue],
        input=b"\n".join(frames),
        capture_output=True,
        timeout=_WITHIN_S,
        check=False,
    )
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise CcxtNotHad(f"ccxt could not be measured: {''.join(last)[:200]}")
    return msgspec.json.decode(done.stdout, type=list[list[float]])
