"""The hatch in one process, and over a socket in the state directory for host commands.

The socket is a Unix socket of mode 0600; a request is one line of JSON and so is its answer.
"""

import asyncio
import contextlib
import inspect
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from uuid import uuid4

import msgspec

from trader.domain.authority import Sight
from trader.domain.clock import Clock
from trader.domain.control import Command, Halt, Reply
from trader.domain.delivery import BotHealth, DeliveryNote, Folded, StoredAlert, Waiting
from trader.domain.errors import ConfigError, JournalError, PortError, PortTimeout, TraderError
from trader.domain.events import CommandReceived, Event
from trader.port import NO_ARGUMENTS
from trader.port.alert_book import AlertBook, NoAlerts

_LOG = logging.getLogger("trader.port")

ANSWER_WITHIN_S = 5.0
_MAX_LINE_BYTES = 65_536
_MAX_ANSWER_BYTES = 16 * _MAX_LINE_BYTES
_MAX_CLIENTS = 16
# A little below what the systems allow, of which the shortest is 104 with its end.
_MAX_PATH_BYTES = 100

Figures = Mapping[str, object]
Question = Callable[[Mapping[str, object]], Figures | Awaitable[Figures]]
"""Answers with figures, by the arguments given; what it raises is the asker's to read."""
Questions = Mapping[str, Question]

# What a question makes of arguments that are missing, misspelt, of another type or out of range.
_BAD_ARGUMENTS = (ValueError, TypeError, LookupError, ArithmeticError, msgspec.MsgspecError)


class Request(msgspec.Struct, frozen=True):
    """What a host command sends: a command, or a question by its name with what it takes."""

    command: Command | None = None
    question: str = ""
    arguments: Mapping[str, object] = {}


class Answer(msgspec.Struct, frozen=True):
    """What it gets back: the reply, the figures, or why there is neither."""

    reply: Reply | None = None
    figures: Mapping[str, object] = {}
    error: str = ""


class LocalPort:
    """A :class:`TraderPort` for the engine in this process.

    ``alerts`` is its outbox, ``committed`` is set whenever alerts were committed, and ``reported``
    takes what the bot says of itself. Without them nothing ever waits to be told.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        deliver: Callable[[Event], None],
        sight: Callable[[], Sight],
        halt_at_once: Callable[[], None],
        questions: Questions,
        *,
        alerts: AlertBook | None = None,
        committed: asyncio.Event | None = None,
        reported: Callable[[BotHealth], None] = lambda _: None,
    ) -> None:
        self._name = name
        self._clock = clock
        self._deliver = deliver
        self._sight = sight
        self._halt_at_once = halt_at_once
        self._questions = questions
        self._alerts = NoAlerts() if alerts is None else alerts
        self._committed = asyncio.Event() if committed is None else committed
        self._reported = reported
        self._process = uuid4().hex[:8]
        self._numbers = count(1)
        self._waiting: dict[str, list[asyncio.Future[Reply]]] = {}

    async def engines(self) -> tuple[str, ...]:
        """This one."""
        return (self._name,)

    async def command(
        self,
        command: Command,
        to: str = "",
        id: str = "",  # noqa: A002 - what events and replies call it
    ) -> Reply:
        """Give a command and wait for its reply.

        A halt shuts the gate here and now, before it queues behind anything.

        Raises:
            PortTimeout: the engine did not answer in time.
        """
        self._known(to)
        if isinstance(command, Halt):
            self._halt_at_once()
        command_id = id or f"{self._process}-{next(self._numbers)}"
        waiting: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        waiters = self._waiting.setdefault(command_id, [])
        waiters.append(waiting)
        now = self._clock.now()
        try:
            self._deliver(
                CommandReceived(now.at_ns, now.mono_ns, command, command_id, self._sight())
            )
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await waiting
        except TimeoutError:
            raise PortTimeout(
                f"engine {self._name} did not answer in {ANSWER_WITHIN_S} s"
            ) from None
        finally:
            waiters.remove(waiting)
            if not waiters:
                self._waiting.pop(command_id, None)

    async def ask(
        self, question: str, to: str = "", arguments: Mapping[str, object] = NO_ARGUMENTS
    ) -> Mapping[str, object]:
        """Ask for figures as they are now.

        Raises:
            PortTimeout: the answer took too long.
            PortError: no such question, or not with these arguments.
        """
        self._known(to)
        answer = self._questions.get(question)
        if answer is None:
            known = ", ".join(sorted(self._questions))
            raise PortError(f"question {question!r} is not known; allowed: {known}")
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                figures = answer(arguments)
                return await figures if inspect.isawaitable(figures) else figures
        except PortError:
            raise
        except TimeoutError:
            raise PortTimeout(f"question {question!r}: no answer in {ANSWER_WITHIN_S} s") from None
        except TraderError as error:
            raise PortError(f"question {question!r}: {error}") from error
        except _BAD_ARGUMENTS as error:
            # The asker reads one line; should the fault be ours, the log shows where.
            _LOG.warning("question %r was not answered", question, exc_info=error)
            raise PortError(f"question {question!r}: {type(error).__name__}: {error}") from error

    async def alerts(self, most: int, to: str = "") -> Waiting:
        """What waits to be told, at most ``most`` alerts.

        Raises:
            PortError: the database does not read.
        """
        with self._book(to) as book:
            return book.waiting(most)

    async def news(self, timeout_s: float, to: str = "") -> None:
        """Return once alerts were committed since the last call, or after ``timeout_s``.

        It is for one waiter: what wakes it is news no more.
        """
        self._known(to)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._committed.wait()
        self._committed.clear()

    async def acknowledge(self, notes: Sequence[DeliveryNote], to: str = "") -> None:
        """Note what became of alerts; committed when it returns.

        Raises:
            PortError: it could not be written.
        """
        with self._book(to) as book:
            book.acknowledge(notes)

    async def folded_told(self, folded: Sequence[Folded], to: str = "") -> None:
        """Note that these numbers were told in a digest; committed when it returns.

        Raises:
            PortError: it could not be written.
        """
        with self._book(to) as book:
            book.folded_told(folded)

    async def conditions(self, to: str = "") -> frozenset[str]:
        """Keys of the lasting conditions that stand.

        Raises:
            PortError: the database does not read.
        """
        with self._book(to) as book:
            return book.conditions()

    async def standing(self, most: int, to: str = "") -> tuple[StoredAlert, ...]:
        """Of conditions that stand, the newest critical that was told and nobody has seen.

        At most ``most``, the newest first.

        Raises:
            PortError: the database does not read.
        """
        with self._book(to) as book:
            return book.standing(most)

    async def report(self, health: BotHealth, to: str = "") -> None:
        """Tell the engine whether its operator can be reached."""
        self._known(to)
        self._reported(health)

    def answered(self, reply: Reply) -> None:
        """Take in the engine's reply, once what it says is on disk."""
        # Of those who wait under one id the first is answered first.
        for waiting in self._waiting.get(reply.command_id, ()):
            if not waiting.done():
                waiting.set_result(reply)
                return

    @contextlib.contextmanager
    def _book(self, to: str) -> Iterator[AlertBook]:
        self._known(to)
        try:
            yield self._alerts
        except JournalError as error:
            raise PortError(f"engine {self._name}: {error}") from error

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
                writer.write(_line_of(answer))
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
            figures = await self._port.ask(request.question, arguments=request.arguments)
            return Answer(figures=figures)
        except msgspec.DecodeError as error:
            return Answer(error=f"not a request: {error}")
        except RecursionError:
            return Answer(error="not a request: nested too deep")
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
                line = stream.readline(_MAX_ANSWER_BYTES)
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


def _line_of(answer: Answer) -> bytes:
    try:
        line = msgspec.json.encode(answer) + b"\n"
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        _LOG.warning("an answer is no JSON", exc_info=error)
        return _line_of(Answer(error=f"the answer is no JSON: {error}"))
    if len(line) > _MAX_ANSWER_BYTES:
        return _line_of(
            Answer(error=f"the answer has {len(line)} bytes; allowed: {_MAX_ANSWER_BYTES}")
        )
    return line


def _refuse_long(path: Path) -> None:
    length = len(os.fsencode(path))
    if length > _MAX_PATH_BYTES:
        raise ConfigError(
            f"engine.state_dir: the socket {path} has a name of {length} bytes;"
            f" at most {_MAX_PATH_BYTES} are allowed, so name a directory with a shorter path"
        )
