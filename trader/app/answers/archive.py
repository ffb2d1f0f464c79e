"""Archive: the journal's past, asked in a thread so that the loop goes on meanwhile."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from trader.domain.errors import JournalError
from trader.execution.history import History

_T = TypeVar("_T")


class Archive:
    """A reader of the journal at a path; opened when it is first asked, closed for good."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened yet."""
        self.path = path
        self._lock = threading.Lock()
        self._history: History | None = None
        self._is_closed = False

    async def ask(self, question: Callable[[History], _T]) -> _T:
        """What ``question`` finds. It runs in a thread and must touch nothing of the engine's.

        Raises:
            JournalError: the journal cannot be opened or read, or the archive is closed.
        """
        return await asyncio.to_thread(lambda: question(self._open()))

    def close(self) -> None:
        """Let go of the file; a question that runs still ends."""
        with self._lock:
            self._is_closed = True
            history, self._history = self._history, None
        if history is not None:
            history.close()

    def _open(self) -> History:
        with self._lock:
            if self._is_closed:
                raise JournalError(f"journal {self.path.name}: closed, the engine is stopping")
            if self._history is None:
                self._history = History(self.path)
            return self._history
