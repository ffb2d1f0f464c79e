"""A process that tells a storm of alerts and is killed for it, again and again.

``python -m tests.support.alert_storm DIRECTORY BASE EPOCH_NS`` imports everything once, then makes
one life of itself for each line ``<life> <seed> <what>`` on its input: a fork that opens journal,
outbox, store and messenger, commits the storm and sends it. It answers with the life's pid, with
``gone`` when that has ended, and after one more line with its exit code.

``what`` is ``storm``, which goes on until somebody ends it; ``deaf``, the same with an outbox that
can note nothing as told; or ``drain``, which clears what still stands, tells what waits and exits.
"""

import asyncio
import logging
import os
import sys
import traceback
from pathlib import Path
from random import Random

from bot.messenger import Messenger
from bot.telegram import TelegramMessenger
from tests.support.alert_chain import AlertChain, chain_settings
from tests.support.hurried_clock import HurriedClock
from trader.domain.control import Alert, AlertCode, Severity, Transaction

TIMES = 50.0
TIMEOUT_S = 0.6
STORM_KEYS = 5
MIGRATIONS = {
    "storm": (
        """
        CREATE TABLE storm (
            seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, cleared INTEGER
        ) STRICT;
        """,
    )
}
"""What was committed, written in the very transaction that commits it; cleared: 0 while it lasts,
1 after that, NULL where nothing lasts."""

_PER_LIFE = 1_000
_GAP_S = 0.04
_DRAIN_WITHIN_S = 300.0
_LASTING = {"c": 0.2, "w": 0.5}
_WEIGHTS = {"c": 15, "w": 20, "s": 25, "i": 30}
_CLEARS = 0.15


def main(arguments: list[str]) -> None:
    """Make lives until the input ends."""
    directory, base, epoch_ns = Path(arguments[0]), arguments[1], int(arguments[2])
    for line in sys.stdin:
        life, seed, what = line.split()
        pid = os.fork()
        if pid == 0:
            _live(directory, base, epoch_ns, int(life), int(seed), what)
        _say(str(pid))
        # Left unreaped until it is known to be gone, so that its pid cannot become somebody else's.
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        _say("gone")
        sys.stdin.readline()
        _, status = os.waitpid(pid, 0)
        _say(str(os.waitstatus_to_exitcode(status)))


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def _live(directory: Path, base: str, epoch_ns: int, life: int, seed: int, what: str) -> None:
    """One life; never returns."""
    code = 1
    try:
        logging.basicConfig(
            filename=directory / "log.txt", level=logging.INFO, format="%(levelname)s %(message)s"
        )
        asyncio.run(_Life(directory, base, epoch_ns, life, seed).run(what))
        code = 0
    except BaseException:
        with (directory / "log.txt").open("a") as log:
            log.write(traceback.format_exc())
        raise
    finally:
        # Not the zygote's own way out.
        os._exit(code)


class _Life:
    def __init__(self, directory: Path, base: str, epoch_ns: int, life: int, seed: int) -> None:
        settings = chain_settings(base, timeout_s=TIMEOUT_S)
        self._messenger: Messenger = TelegramMessenger(settings)
        self._chain = AlertChain(
            directory,
            settings,
            self._messenger,
            HurriedClock(TIMES, epoch_ns),
            migrations=MIGRATIONS,
        )
        self._random = Random(seed)
        self._next = life * _PER_LIFE
        # Appended in one write each: what is in here outlives a kill.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._confirmed = os.open(directory / "confirmed.txt", flags, 0o600)

    async def run(self, what: str) -> None:
        self._chain.port.deaf = what == "deaf"
        self._chain.start()
        if what != "drain":
            while True:
                self._commit_some()
                await asyncio.sleep(self._random.uniform(0, _GAP_S))
        for seq, kind in self._standing():
            self._clear(seq, kind)
        await self._chain.emptied(_DRAIN_WITHIN_S)
        await self._chain.stop()
        await self._messenger.close()
        self._chain.close()

    def _commit_some(self) -> None:
        """One transaction with up to three alerts, each noted beside it; then confirmed."""
        if self._random.random() < _CLEARS and (standing := self._standing()):
            self._clear(*self._random.choice(standing))
            return
        alerts, rows = [], []
        for _ in range(self._random.randint(1, 3)):
            (kind,) = self._random.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
            seq, self._next = self._next, self._next + 1
            lasts = self._random.random() < _LASTING.get(kind, 0)
            alert = an_alert(seq, kind, self._random.randrange(STORM_KEYS), lasting=lasts)
            alerts.append(alert)
            rows.append((seq, kind, alert.key, 0 if lasts else None))

        def note(tx: Transaction) -> None:
            tx.executemany("INSERT INTO storm VALUES (?, ?, ?, ?)", rows)

        self._chain.commit(*alerts, also=note)
        os.write(self._confirmed, "".join(f"{row[0]}\n" for row in rows).encode())

    def _standing(self) -> list[tuple[int, str]]:
        found = self._chain.journal.execute("SELECT seq, kind FROM storm WHERE cleared = 0")
        return [(int(seq), str(kind)) for seq, kind in found.fetchall()]

    def _clear(self, seq: int, kind: str) -> None:
        def note(tx: Transaction) -> None:
            tx.execute("UPDATE storm SET cleared = 1 WHERE seq = ?", (seq,))

        self._chain.commit(an_alert(seq, kind, 0, clears=True), also=note)


def an_alert(
    seq: int, kind: str, storm: int, *, lasting: bool = False, clears: bool = False
) -> Alert:
    """Kinds: c critical, w a warning by itself, s one of a few warnings that storm, i info.

    Its name, such as ``c-00012003``, stands in its text.
    """
    name = f"{kind}-{seq:08}"
    fields = {"pair": name, "trade_id": name, "instrument": name, "direction": "buys"}
    code, severity, key = {
        "c": (AlertCode.LEG_UNHEDGED, Severity.CRITICAL, name),
        "w": (AlertCode.FEED_STALE, Severity.WARNING, name),
        "s": (AlertCode.SAFETY_REJECTION, Severity.WARNING, f"storm-{storm}"),
        "i": (AlertCode.TRADE_OPENED, Severity.INFO, name),
    }[kind]
    severity = Severity.INFO if clears else severity
    return Alert(code, severity, key, seq, fields, lasting=lasting, clears=clears)


if __name__ == "__main__":
    main(sys.argv[1:])
