"""What every script here shares: where the simulator is, no way elsewhere, one JSON object out."""

import json
import sys
from collections.abc import Sequence
from typing import Any

LOOPBACK = "127.0.0.1"


def spoken_by(arguments: Sequence[str]) -> dict[str, str]:
    """Address and keys, from the one argument; from here on no other host can be reached."""
    sys.addaudithook(stay_at_home)
    given: dict[str, str] = json.loads(arguments[1])
    return given


def stay_at_home(event: str, told: tuple[Any, ...]) -> None:
    """End the script before it asks a real venue for anything.

    Raises:
        PermissionError: a connection or a look-up that is not of this host.
    """
    if event == "socket.getaddrinfo" and told[0] not in (LOOPBACK, LOOPBACK.encode(), None):
        raise PermissionError(f"{told[0]} is not this host")
    if event == "socket.connect" and isinstance(told[1], tuple) and told[1][0] != LOOPBACK:
        raise PermissionError(f"{told[1][0]} is not this host")


def tell(result: dict[str, Any]) -> None:
    """Print what was seen, for the test to judge."""
    sys.stdout.write(json.dumps(result, default=str) + "\n")
