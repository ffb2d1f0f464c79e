"""The local Bot API as a process of its own: it outlives whoever is killed, and so does its record.

What was accepted is written to a file of JSON lines before it is answered; a server started again
with the same file goes on from there.
"""

import argparse
import asyncio
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import msgspec

from tests.support.telegram.faults import Fault
from tests.support.telegram.limits import Limits
from tests.support.telegram.rooms import Json, Person, Room, Sent, Version
from tests.support.telegram.server import TelegramServer
from tests.support.telegram.state import PRIVATE, Telegram

_ROOT = Path(__file__).parents[3]
_START_S = 20.0
_STOP_S = 5.0


def main(arguments: list[str]) -> None:
    """``--port N --state FILE [--limits]``: serve until SIGTERM; the port is the first line out."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.telegram")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--limits", action="store_true", help="keep to Telegram's real limits")
    chosen = parser.parse_args(arguments)
    api = Telegram(Limits() if chosen.limits else None)
    if chosen.state.exists():
        restore(api, chosen.state)
    with chosen.state.open("a", encoding="utf-8") as file:
        api.on_record.append(_writer(file))
        asyncio.run(_serve(api, chosen.port))


def restore(api: Telegram, path: Path) -> None:
    """Messages, edits and unconfirmed updates as ``path`` recorded them."""
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        match entry["e"]:
            case "room":
                api.add(msgspec.convert(entry["room"], Room))
            case "sent":
                api.restore(_sent(entry["sent"]))
            case "edit":
                sent = api.message(entry["chat_id"], entry["message_id"])
                assert sent is not None
                api.change(sent, msgspec.convert(entry["version"], Version))
            case "deleted":
                sent = api.message(entry["chat_id"], entry["message_id"])
                assert sent is not None
                sent.deleted = True
            case "update":
                api.updates.put(entry["id"], entry["at"], entry["content"])
                api.recall(entry["content"])
            case "offset":
                api.updates.take(entry["offset"], 100, api.now_s())


def recorded(path: Path) -> list[Sent]:
    """The bot's messages in a record, with their edits; also of a server that is gone."""
    api = Telegram()
    restore(api, path)
    return api.sent


class TelegramProcess:
    """A server process and how to steer it. Kill, stop and start it again on the same port."""

    def __init__(self, state: Path, *, limits: bool = False) -> None:
        self.state = state
        self.port = 0
        self._limits = limits
        self._process: subprocess.Popen[str] | None = None

    @property
    def base(self) -> str:
        """The address to give the program."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        command = [sys.executable, "-m", "tests.support.telegram", "--port", str(self.port)]
        command += ["--state", str(self.state), *(["--limits"] if self._limits else [])]
        self._process = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.strip().isdigit():
            raise RuntimeError(f"the local Bot API did not start: {line!r}")
        self.port = int(line)

    def stop(self) -> None:
        """End it as a service is ended; every connection breaks."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self._end(signal.SIGKILL)

    def says(self, text: str, chat_id: int = PRIVATE, **how: Any) -> int | None:
        """``Telegram.says``; a ``user`` is a ``Person``."""
        update_id: int | None = self._steer("says", text=text, chat_id=chat_id, **how)
        return update_id

    def taps_label(self, label: str, chat_id: int = PRIVATE, **how: Any) -> str:
        """``Telegram.taps_label``."""
        query_id: str = self._steer("taps_label", label=label, chat_id=chat_id, **how)
        return query_id

    def then(self, *faults: Fault | None, methods: tuple[str, ...] = ()) -> None:
        """``Faults.then``."""
        self._steer("then", faults=faults, methods=methods)

    def always(self, fault: Fault, methods: tuple[str, ...] = ()) -> None:
        """``Faults.always``."""
        self._steer("always", fault=fault, methods=methods)

    def at_random(
        self, chance: float, seed: int, drawn: tuple[Fault, ...], methods: tuple[str, ...] = ()
    ) -> None:
        """``Faults.at_random``."""
        self._steer("at_random", chance=chance, seed=seed, faults=drawn, methods=methods)

    def clear(self) -> None:
        """``Faults.clear``."""
        self._steer("clear")

    @property
    def sent(self) -> list[Sent]:
        """All messages of the bot's, from the record."""
        return recorded(self.state)

    def texts(self, chat_id: int = PRIVATE) -> list[str]:
        """What the bot's messages in a chat say now."""
        return [each.text for each in self.sent if each.chat_id == chat_id and not each.deleted]

    @property
    def waiting_updates(self) -> list[Json]:
        """Updates nobody confirmed yet."""
        waiting: list[Json] = self._steer("waiting_updates")
        return waiting

    def _steer(self, name: str, **given: Any) -> Any:
        request = urllib.request.Request(
            f"{self.base}/control/{name}",
            data=msgspec.json.encode(given),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=_START_S) as response:
                return json.loads(response.read())["result"]
        except urllib.error.HTTPError as error:
            with error:
                raise RuntimeError(error.read().decode()) from None

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()


@contextmanager
def telegram_process(state: Path, *, limits: bool = False) -> Iterator[TelegramProcess]:
    """A server process for the length of the block."""
    server = TelegramProcess(state, limits=limits)
    server.start()
    try:
        yield server
    finally:
        server.stop()


async def _serve(api: Telegram, port: int) -> None:
    server = TelegramServer(api, port, _steering(api))
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await _started(server)
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    await stopping.wait()
    await server.stop()


async def _started(server: TelegramServer) -> None:
    deadline = time.monotonic() + _STOP_S
    while True:
        try:
            await server.start()
        except OSError:
            # The port of a life just ended may be held for a moment.
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)
        else:
            return


def _steering(api: Telegram) -> Callable[[str, Mapping[str, Any]], Any]:
    def with_user(method: Callable[..., Any]) -> Callable[..., Any]:
        def act(**given: Any) -> Any:
            if "user" in given:
                given["user"] = msgspec.convert(given["user"], Person)
            return method(**given)

        return act

    def then(faults: list[Any], methods: list[str]) -> None:
        api.faults.then(*(_fault(each) for each in faults), methods=methods)

    def always(fault: Any, methods: list[str]) -> None:
        api.faults.always(msgspec.convert(fault, Fault), methods)

    def at_random(chance: float, seed: int, faults: list[Any], methods: list[str]) -> None:
        api.faults.at_random(chance, seed, msgspec.convert(faults, list[Fault]), methods)

    known: dict[str, Callable[..., Any]] = {
        "says": with_user(api.says),
        "taps": with_user(api.taps),
        "taps_label": with_user(api.taps_label),
        "rewrites": api.rewrites,
        "room": lambda room: api.add(msgspec.convert(room, Room)).id,
        "restart_update_ids": api.restart_update_ids,
        "then": then,
        "always": always,
        "at_random": at_random,
        "clear": api.faults.clear,
        "waiting_updates": lambda: api.waiting_updates,
        "callback_answers": lambda: api.callback_answers,
    }
    return lambda name, given: known[name](**given)


def _fault(given: Any) -> Fault | None:
    return None if given is None else msgspec.convert(given, Fault)


def _writer(file: TextIO) -> Callable[[Json], None]:
    def write(entry: Json) -> None:
        # Base64 is how msgspec writes bytes, and how ``restore`` reads them back.
        file.write(msgspec.json.encode(entry).decode() + "\n")
        file.flush()

    return write


def _sent(given: Any) -> Sent:
    return msgspec.convert(given, Sent)
