"""What the simulator prints at start: where it is, and what to paste to use it."""

from trader.credentials import Secret
from trader.domain.instrument import BITHUMB, UPBIT
from trader.sim.defaults import ED25519_TEST_SECRET, test_key
from trader.sim.faults import VENUES
from trader.sim.server import Simulator

READY = "sim: ready"
"""The last line of the greeting; scripts wait for it."""
_TELL_NO_RIGHTS = (UPBIT, BITHUMB)
"""Venues that do not say whether a key may withdraw."""


def greeting(simulator: Simulator) -> str:
    """Addresses, config, environment, and the line that says it listens."""
    lines = [
        f"A local exchange at {simulator.url}, with its operator's pages under /admin.",
        "Its keys open nothing but this simulator.",
        "",
        "# config",
        "venues:",
    ]
    for venue in VENUES:
        url = simulator.venue_url(venue)
        stream = url.replace("http://", "ws://")
        lines += [
            f"  {venue}:",
            f'    rest_url: "{url}"',
            f'    ws_url: "{stream}"',
            f'    private_ws_url: "{stream}"',
        ]
        if venue in _TELL_NO_RIGHTS:
            # Live stays shut until somebody vouches for such a key, whatever it opens.
            fingerprint = Secret(test_key(venue)[0]).fingerprint()
            lines.append(f'    attested_fingerprint: "{fingerprint}"')
    lines += ["", "# environment"]
    for venue in VENUES:
        access, secret = test_key(venue)
        name = venue.upper()
        lines += [f"export {name}_ACCESS_KEY={access}", f"export {name}_SECRET_KEY={secret}"]
    lines += [
        "# Binance also knows SIM-BINANCE-ED25519-KEY, whose private key (PKCS8) is",
        f"#   {ED25519_TEST_SECRET}",
        "",
    ]
    return "\n".join([*lines, READY]) + "\n"
