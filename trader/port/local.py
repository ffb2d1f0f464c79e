"""The hatch in one process, and over a socket in the state directory for host commands.

The socket is a Unix socket of mode 0600; a request is one line of JSON and so is its answer.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from uuid import uuid4

import msgspec

from trader.domain.authority import Sight
from trader.domain.clock import Clock
from trader.domain.control import Command, Halt, Reply
from trader.domain.errors import ConfigError, PortError, PortTimeout
from trader.domain.events import CommandReceived, Event

ANSWER_WITHIN_S = 5.0
_MAX_LINE_BYTES = 65_536
_MAX_CLIENTS = 16
# A little below what the systems allow, of which the shortest is 104 with its end.
_MAX_PATH_BYTES = 100

Questions = Mapping[str, Callable[[], Mapping[str, object]]]


class Request(msgspec.Struct, frozen=True):
    """What a host command sends: a command, or a question by its name."""

    command: Command | None = None
    question: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What it gets back: the reply, the figures, or why there is neither."""

    reply: Reply | None = None
    figures: Mapping[str, object] = {}
    error: str = ""


class LocalPort:
    """A :class:`TraderPort` for the engine in this process."""

    def __init__(
        self,
        name: str,
        clock: Clock,
        deliver: Callable[[Event], None],
        sight: Callable[[], Sight],
        halt_at_once: Callable[[], None],
        questions: Questions,
    ) -> None:
        self._name = name
        self._clock = clock
        self._deliver = deliver
        self._sight = sight
        self._halt_at_once = halt_at_once
        self._questions = questions
        self._process = uuid4().hex[:8]
        self._numbers = count(1)
        self._waiting: dict[str, asyncio.Future[Reply]] = {}

    async def engines(self) -> tuple[str, ...]:
        """This one."""
        return (self._name,)

    async def command(self, command: Command, to: str = "") -> Reply:
        """Give a command and wait for its reply.

        A halt shuts the gate here and now, before it queues behind anything.

        Raises:
            PortTimeout: the engine did not answer in time.
        """
        self._known(to)
        if isinstance(command, Halt):
            self._halt_at_once()
        command_id = f"{self._process}-{next(self._numbers)}"
        waiting: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[command_id] = waiting
        now = self._clock.now()
        self._deliver(CommandReceived(now.at_ns, now.mono_ns, command, command_id, self._sight()))
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await waiting
        except TimeoutError:
            raise PortTimeout(
                f"engine {self._name} did not answer in {ANSWER_WITHIN_S} s"
            ) from None
        finally:
            self._waiting.pop(command_id, None)

    async def ask(self, question: str, to: str = "") -> Mapping[str, object]:
        """Ask for figures as they are now.

        Raises:
            PortError: no such question.
        """
        self._known(to)
        answer = self._questions.get(question)
        if answer is None:
            known = ", ".join(sorted(self._questions))
            raise PortError(f"question {question!r} is not known; allowed: {known}")
        return answer()

    def answered(self, reply: Reply) -> None:
        """Take in the engine's reply, once what it says is on disk."""
        waiting = self._waiting.get(reply.command_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)

    def _known(self, to: str) -> None:
        if to not in ("", self._name):
            raise PortError(f"engine {to!r} is not here; this is {self._name}")


class PortSocket:
    """Serves a :class:`LocalPort` on a socket, one line for one answer."""

    def __init__(self, port: LocalPort, path: Path) -> None:
        """Nothing is bound yet.

        Raises:
            ConfigError: no socket can have a name as long as this.
        """
        _refuse_long(path)
        self._port = port
        self._path = path
        self._clients: set[asyncio.StreamWriter] = set()

    async def run(self) -> None:
        """Serve until cancelled; the socket file is gone afterwards.

        Raises:
            ConfigError: nothing can listen there.
        """
        server = await asyncio.start_unix_server(
            self._serve, sock=self._bound(), limit=_MAX_LINE_BYTES
        )
        try:
            # Not serve_forever, which would wait for clients that stall when it is cancelled.
            await asyncio.get_running_loop().create_future()
        finally:
            server.close()
            for client in self._clients:
                client.transport.abort()
            self._path.unlink(missing_ok=True)

    def _bound(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # In one step, with no await: nobody else may make a file under this umask.
        before = os.umask(0o177)
        try:
            # The lock of the state directory is ours, so whatever lies here is of a dead process.
            self._path.unlink(missing_ok=True)
            listener.bind(str(self._path))
        except OSError as error:
            listener.close()
            raise ConfigError(
                f"engine.state_dir: nothing can listen at {self._path}: {error.strerror}"
            ) from error
        finally:
            os.umask(before)
        return listener

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            async with asyncio.timeout(2 * ANSWER_WITHIN_S):
                if len(self._clients) <= _MAX_CLIENTS:
                    answer = await self._answer(await reader.readline())
                else:
                    answer = Answer(error=f"{_MAX_CLIENTS} others are being served; try again")
                writer.write(msgspec.json.encode(answer) + b"\n")
                await writer.drain()
        except (TimeoutError, ConnectionError, ValueError):
            # A client that hangs up, stalls or sends a line without end gets no answer.
            return
        finally:
            self._clients.discard(writer)
            writer.close()

    async def _answer(self, line: bytes) -> Answer:
        try:
            request = msgspec.json.decode(line, type=Request)
            if request.command is not None:
                return Answer(reply=await self._port.command(request.command))
            return Answer(figures=await self._port.ask(request.question))
        except msgspec.DecodeError as error:
            return Answer(error=f"not a request: {error}")
        except PortError as error:
            return Answer(error=str(error))


def send(path: Path, request: Request) -> Answer | None:
    """Ask the engine whose socket is at ``path``; None where none listens. Blocks, bounded.

    Raises:
        ConfigError: no socket can have a name as long as this.
        PortTimeout: it listens and does not answer.
        PortError: it cannot be reached, or what it answered is no answer.
    """
    _refuse_long(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(2 * ANSWER_WITHIN_S)
        try:
            link.connect(str(path))
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            return None
        except OSError as error:
            # A stranger's socket, or one whose queue is full.
            raise PortError(f"the engine at {path} cannot be reached: {error}") from error
        try:
            link.sendall(msgspec.json.encode(request) + b"\n")
            with link.makefile("rb") as stream:
                line = stream.readline(16 * _MAX_LINE_BYTES)
        except TimeoutError:
            raise PortTimeout(f"the engine at {path} does not answer") from None
        except OSError as error:
            raise PortError(f"the engine at {path} hung up: {error.strerror}") from error
    if not line:
        raise PortError(f"the engine at {path} hung up without an answer; it may be stopping")
    try:
        return msgspec.json.decode(line, type=Answer)
    except msgspec.DecodeError as error:
        raise PortError(f"the engine at {path} answered nonsense: {error}") from error


def _refuse_long(path: Path) -> None:
    length = len(os.fsencode(path))
    if length > _MAX_PATH_BYTES:
        raise ConfigError(
            f"engine.state_dir: the socket {path} has a name of {length} bytes;"
            f" at most {_MAX_PATH_BYTES} are allowed, so name a directory with a shorter path"
        )
