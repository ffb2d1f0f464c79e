"""An operator's hand: touches the confirm file, commands, lifts what was commanded, accepts."""

import contextlib
import threading
from collections.abc import Callable
from random import Random

from tests.support.kill_watch import HALT, LIVE, Watch
from tests.support.order_referee import OperatorAct
from tests.support.sim_process import SimHost
from trader.domain.control import Accept, Command, Halt, LiftHalt, Pause, Resume, ToPaper
from trader.domain.errors import TraderError
from trader.port.local import Request, send

_TOUCH_EVERY_S = 0.15
_ACCEPT_EVERY_S = 0.2
_COMMAND_WITHIN_S = 0.3


class OperatorHand:
    """Keeps an engine allowed to trade; now and then commands it to stop."""

    def __init__(self, host: SimHost, random: Random) -> None:
        self.acts: list[OperatorAct] = []
        """Every command that was answered."""
        self._host, self._random = host, random
        self._socket = host.directory / "state" / "engine.sock"
        self._number = 0
        self._next_touch = self._next_accept = 0.0
        self._command_at: float | None = None
        self._commanding: threading.Thread | None = None

    def intend(self, now: float) -> None:
        """Command something soon."""
        self._command_at = now + self._random.uniform(0, _COMMAND_WITHIN_S)

    def tend(self, watch: Watch, now: float) -> None:
        """Do what is due, as far as the engine has told where it stands."""
        if not watch.has_started:
            self._command_at = None
            return
        if self._command_at is not None and now >= self._command_at:
            self._command_at = None
            self._give(self._random.choice((_pause, _halt, _to_paper)))
        elif watch.quarantined and now >= self._next_accept:
            self._next_accept = now + _ACCEPT_EVERY_S
            order = self._random.choice(watch.quarantined)
            self._give(lambda by: Accept(by, order))
        elif watch.level == HALT:
            revision = watch.revision
            self._give(lambda by: LiftHalt(by, revision))
        elif watch.paused:
            self._give(Resume)
        elif watch.level != LIVE and now >= self._next_touch:
            self._next_touch = now + _TOUCH_EVERY_S
            self._host.confirm_file.touch()

    def _give(self, made: Callable[[str], Command]) -> None:
        """One at a time; whoever dies meanwhile answers nobody."""
        if self._commanding is not None and self._commanding.is_alive():
            return
        self._number += 1
        command = made(f"op-{self._number}")
        self._commanding = threading.Thread(target=self._send, args=(command,), daemon=True)
        self._commanding.start()

    def _send(self, command: Command) -> None:
        with contextlib.suppress(TraderError, OSError):
            answer = send(self._socket, Request(command=command))
            if answer is not None and answer.reply is not None:
                kind = type(command).__name__
                self.acts.append(OperatorAct(command.by, kind, answer.reply.changed))


def _pause(by: str) -> Command:
    return Pause(by)


def _halt(by: str) -> Command:
    return Halt(by)


def _to_paper(by: str) -> Command:
    return ToPaper(by)
