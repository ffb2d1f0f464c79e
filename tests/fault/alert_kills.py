"""Kills the alert storm's process at bad moments and adds up what arrived.

``python -m tests.fault.alert_kills [--kills 500] [--seed N]`` prints the figures.
"""

import argparse
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from msgspec import Struct

from tests.support.alert_storm import TIMES
from tests.support.hurried_clock import HurriedClock
from tests.support.telegram import PRIVATE, Sent, Telegram, faults, in_thread
from tests.support.telegram.faults import Fault, FaultKind, Faults

ROOT = Path(__file__).parents[2]
FAULTS = (
    faults.too_many(1),
    faults.too_many(3),
    faults.error(500, "Internal Server Error"),
    faults.bad_gateway(),
    faults.RESET,
    faults.ACCEPT_RESET,
    faults.ACCEPT_HANG,
    faults.HANG,
)
CHANCE = 0.15
MOMENTS = ("start", "commit", "accept", "accept", "random", "late", "deaf")
"""``start`` while files are opened, ``commit`` just after one, ``accept`` between Telegram's taking
a message and its answer, ``late`` after more than a request's timeout, ``deaf`` in a life in which
only the bot's own store learns what was told."""

_NAME = re.compile(r"\b([cwsi])-(\d{8})\b")
_COUNTER = re.compile(r"×([\d,]+), last")
_DIGEST = re.compile(r"older notices in one")
_DIGEST_KIND = re.compile(r"• trade opened: ([\d,]+) \(")
_KILL_WITHIN_S = 1.5
_DRAIN_WITHIN_S = 330.0


class Tally(Struct, frozen=True):
    """What was committed, what arrived, and what it cost."""

    kills: int
    kills_by_moment: dict[str, int]
    kills_at_acceptance: int
    seconds: float
    committed: dict[str, int]
    confirmed: int
    unconfirmed: int
    faults: dict[str, int]
    unanswered: int
    messages: int
    edits: int
    repeats: int
    digests: int
    duplicates: int
    """Messages of which an earlier one had told something already; repeats are none."""
    lost: tuple[str, ...]
    """Confirmed alerts that no message tells."""
    unexplained: tuple[str, ...]
    """Told, but committed nowhere."""
    disordered: tuple[str, ...]
    """Criticals, and warnings by themselves, told first after a later one of their kind was."""
    not_over: tuple[str, ...]
    """Cleared alerts whose last message does not say so."""
    complaints: tuple[str, ...]
    """Lines of the log that no fault explains."""

    @property
    def allowed_duplicates(self) -> int:
        """One for each kill, and one for each request that was accepted and never answered."""
        return self.kills + self.unanswered


class _Counted(Faults):
    """Counts what it draws, and what of it was accepted without an answer."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: Counter[str] = Counter()
        self.unanswered = 0

    def draw(self, method: str) -> Fault | None:
        fault = super().draw(method)
        if fault is not None:
            name = f"{fault.kind} {fault.status}" if fault.status else str(fault.kind)
            self.drawn[name] += 1
            is_accepted = fault.kind in (FaultKind.ACCEPT_HANG, FaultKind.ACCEPT_RESET)
            self.unanswered += is_accepted and method.lower() == "sendmessage"
        return fault


def storm(directory: Path, kills: int, seed: int) -> Tally:
    """Kill the process ``kills`` times, let the last life tell the rest, and add it all up."""
    api, counted = Telegram(), _Counted()
    api.faults = counted
    counted.at_random(CHANCE, seed, FAULTS, ("sendMessage", "editMessageText"))
    began = time.monotonic()
    with in_thread(api):
        killer = _Killer(directory, api)
        try:
            random = Random(seed)
            for life in range(1, kills + 1):
                killer.live_and_die(life, random)
            counted.clear()
            counted.at_random(0, 0, ())
            killer.drain(kills + 1, random)
        finally:
            killer.close()
    return _added_up(directory, api, counted, killer, time.monotonic() - began)


class _Killer:
    """One zygote, and one life of it at a time."""

    def __init__(self, directory: Path, api: Telegram) -> None:
        self.moments: Counter[str] = Counter()
        self.at_acceptance = 0
        self._directory = directory
        self._lock = threading.Lock()
        self._dead = threading.Event()
        self._pid: int | None = None
        self._accepted = self._deadly = 0
        api.on_record.append(self._recorded)
        epoch_ns = HurriedClock(TIMES).epoch_ns
        command = [sys.executable, "-m", "tests.support.alert_storm"]
        self._zygote = subprocess.Popen(
            [*command, str(directory), api.base, str(epoch_ns)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def live_and_die(self, life: int, random: Random) -> None:
        """Begin a life and end it at a bad moment."""
        moment = random.choice(MOMENTS)
        confirmed = self._directory / "confirmed.txt"
        before = confirmed.stat().st_size if confirmed.exists() else 0
        what = "deaf" if moment == "deaf" else "storm"
        self._begin(life, random, what, random.randint(1, 6) if moment == "accept" else 0)
        self.moments[moment] += 1
        give_up_at = time.monotonic() + _KILL_WITHIN_S
        if moment == "start":
            time.sleep(random.uniform(0, 0.03))
        elif moment == "random":
            time.sleep(random.uniform(0.02, 0.4))
        elif moment == "deaf":
            time.sleep(random.uniform(0.3, 0.6))
        elif moment == "late":
            time.sleep(random.uniform(0.6, 1.0))
        elif moment == "commit":
            after = before + 9 * random.randint(0, 12)
            while time.monotonic() < give_up_at:
                if confirmed.exists() and confirmed.stat().st_size > after:
                    break
                time.sleep(0.0002)
        else:
            self._dead.wait(_KILL_WITHIN_S)
        self._kill()
        self._end(-signal.SIGKILL)

    def drain(self, life: int, random: Random) -> None:
        """A life that tells the rest and ends by itself."""
        self._begin(life, random, "drain", 0)
        self._end(0)

    def close(self) -> None:
        """End the zygote, and what may be left of its last life."""
        self._kill()
        assert self._zygote.stdin is not None
        assert self._zygote.stdout is not None
        self._zygote.stdin.close()
        self._zygote.wait(10)
        self._zygote.stdout.close()

    def _begin(self, life: int, random: Random, what: str, deadly: int) -> None:
        assert self._zygote.stdin is not None
        with self._lock:
            # A request that the life before left behind may count for this one, which only moves
            # the moment of its end.
            self._accepted, self._deadly = 0, deadly
            self._dead.clear()
            self._zygote.stdin.write(f"{life} {random.randrange(2**31)} {what}\n")
            self._zygote.stdin.flush()
            self._pid = int(self._line())

    def _end(self, expected: int) -> None:
        """Read how the life ended.

        Raises:
            AssertionError: not as expected.
        """
        assert self._zygote.stdin is not None
        gone = self._line()
        with self._lock:
            self._pid = None
        self._zygote.stdin.write("\n")
        self._zygote.stdin.flush()
        code = self._line()
        if (gone, code) != ("gone", str(expected)):
            log = (self._directory / "log.txt").read_text()[-3_000:]
            raise AssertionError(f"a life ended with {code!r}, not {expected}\n{log}")

    def _line(self) -> str:
        assert self._zygote.stdout is not None
        return self._zygote.stdout.readline().strip()

    def _recorded(self, entry: dict[str, Any]) -> None:
        """In the server's thread, after it took a message and before it answers."""
        if entry["e"] not in ("sent", "edit"):
            return
        with self._lock:
            self._accepted += 1
            if self._deadly and self._accepted == self._deadly and self._pid is not None:
                self.at_acceptance += 1
                os.kill(self._pid, signal.SIGKILL)
                self._dead.set()

    def _kill(self) -> None:
        # Its parent reaps it only once we have let go of the pid, so it is nobody else's.
        with self._lock:
            if self._pid is not None:
                os.kill(self._pid, signal.SIGKILL)


def _added_up(
    directory: Path, api: Telegram, counted: _Counted, killer: _Killer, seconds: float
) -> Tally:
    rows = _committed(directory / "journal.db")
    names = {f"{kind}-{seq:08}": (kind, key) for seq, kind, key, _ in rows}
    confirmed = {int(line) for line in (directory / "confirmed.txt").read_text().split()}
    messages = api.messages(PRIVATE)
    digests = [one for one in messages if _DIGEST.search(one.first_text)]
    repeats = [one for one in messages if "Still:" in one.first_text]
    plain = [one for one in messages if one not in digests and one not in repeats]
    firsts, duplicates = _first_tellings(plain)
    kinds = Counter(kind for kind, _ in names.values())
    lost = [f"{seq} is confirmed and not committed" for seq in confirmed - {row[0] for row in rows}]
    lost += _lost(names, firsts, plain, digests)
    return Tally(
        kills=sum(killer.moments.values()),
        kills_by_moment=dict(killer.moments),
        kills_at_acceptance=killer.at_acceptance,
        seconds=seconds,
        committed=dict(kinds),
        confirmed=len(confirmed),
        unconfirmed=len(rows) - len(confirmed),
        faults=dict(counted.drawn),
        unanswered=counted.unanswered,
        messages=len(messages),
        edits=len(api.edits),
        repeats=len(repeats),
        digests=len(digests),
        duplicates=duplicates,
        lost=tuple(lost),
        unexplained=tuple(sorted(set(firsts) - names.keys())),
        disordered=tuple(_disordered(firsts, "c") + _disordered(firsts, "w")),
        not_over=tuple(_not_over(rows, messages)),
        complaints=tuple(_complaints(directory / "log.txt")),
    )


def _committed(journal: Path) -> list[tuple[int, str, str, int | None]]:
    with sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT seq, kind, key, cleared FROM storm").fetchall()
    connection.close()
    return rows


def _names_in(text: str) -> list[str]:
    return list(dict.fromkeys(found.group() for found in _NAME.finditer(text)))


def _first_tellings(messages: Sequence[Sent]) -> tuple[dict[str, int], int]:
    """By which message each alert was told first, and how many messages told one again."""
    firsts: dict[str, int] = {}
    duplicates = 0
    for number, message in enumerate(messages):
        told = _names_in(message.first_text)
        duplicates += any(name in firsts for name in told)
        for name in told:
            firsts.setdefault(name, number)
    return firsts, duplicates


def _lost(
    names: dict[str, tuple[str, str]],
    firsts: dict[str, int],
    messages: Sequence[Sent],
    digests: Sequence[Sent],
) -> list[str]:
    """What no message tells: by name, or of those that are counted, by number."""
    lost = [name for name, (kind, _) in names.items() if kind in "cw" and name not in firsts]
    counted: Counter[str] = Counter()
    for message in messages:
        told = _names_in(message.first_text)
        if told and told[0].startswith("s-") and told[0] in names:
            found = _COUNTER.search(message.text)
            counted[names[told[0]][1]] += int(found[1].replace(",", "")) if found else 1
    storms = Counter(key for kind, key in names.values() if kind == "s")
    lost += [f"{key}: {n - counted[key]}" for key, n in storms.items() if counted[key] < n]
    # The newest of each storm is what its last message shows.
    newest = {key: name for name, (kind, key) in sorted(names.items()) if kind == "s"}
    shown = {name for message in messages for name in _names_in(message.text)}
    lost += [name for name in newest.values() if name not in shown]
    infos = [name for name, (kind, _) in names.items() if kind == "i"]
    in_digests = sum(
        int(found[1].replace(",", ""))
        for digest in digests
        if (found := _DIGEST_KIND.search(digest.first_text))
    )
    untold = [name for name in infos if name not in firsts]
    if len(untold) > in_digests:
        lost.append(f"infos: {len(untold)} not told singly, {in_digests} in digests")
    return lost


def _disordered(firsts: dict[str, int], kind: str) -> list[str]:
    told = sorted((number, name) for name, number in firsts.items() if name.startswith(f"{kind}-"))
    found, newest = [], ""
    for _, name in told:
        if name < newest:
            found.append(f"{name} after {newest}")
        newest = max(newest, name)
    return found


def _not_over(
    rows: Sequence[tuple[int, str, str, int | None]], messages: Sequence[Sent]
) -> list[str]:
    last = {name: message.text for message in messages for name in _names_in(message.text)}
    cleared = [f"{kind}-{seq:08}" for seq, kind, _, cleared in rows if cleared == 1]
    return [name for name in cleared if not last.get(name, "").startswith("✅")]


def _complaints(log: Path) -> list[str]:
    if not log.exists():
        return []
    lines = log.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith(("ERROR", "CRITICAL", "Traceback"))][:10]


def main(arguments: Sequence[str]) -> int:
    """Print the figures; 1 where something was lost, or told too often."""
    parser = argparse.ArgumentParser(prog="python -m tests.fault.alert_kills")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="storm-") as directory:
        tally = storm(Path(directory), chosen.kills, chosen.seed)
    for name in (*tally.__struct_fields__, "allowed_duplicates"):
        sys.stdout.write(f"{name}: {getattr(tally, name)}\n")
    wrong = tally.lost + tally.unexplained + tally.disordered + tally.not_over + tally.complaints
    return 1 if wrong or tally.duplicates > tally.allowed_duplicates else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
