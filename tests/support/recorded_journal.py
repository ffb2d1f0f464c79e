"""Has this process record what it writes to its journal; nothing of the program knows of it."""

import os
import sqlite3
import time
from pathlib import Path
from typing import Any

from tests.support.crash_points import around, nothing
from tests.support.write_recorder import WriteRecorder
from trader.execution import wal
from trader.execution.journal import Journal
from trader.execution.lane import OrderLane
from trader.execution.wal import WalSync
from trader.port.local import LocalPort

COMMITS_PER_CHECKPOINT = 25
"""Fewer than the program's, so that a short life has several."""


def install_recorder(path: Path, sync_s: float) -> None:
    """Record into ``path`` from the next opening of a journal on; each sync takes so much longer.

    Raises:
        AttributeError: the program has no function of such a name any more.
    """
    recorder = WriteRecorder(path)
    opened, checkpoint = Journal.open, wal._checkpoint
    wal._COMMITS_PER_CHECKPOINT = COMMITS_PER_CHECKPOINT
    last: list[Journal] = []

    def upto(journal: Journal) -> int:
        ((number,),) = journal.execute("SELECT MAX(seq) FROM facts").fetchall()
        return int(number or 0)

    def open_journal(*arguments: Any, **named: Any) -> Journal:
        flush = named.get("flush", os.fdatasync)

        def flushed(descriptor: int) -> None:
            mark = recorder.mark()
            time.sleep(sync_s)
            flush(descriptor)
            recorder.synced(mark)

        journal = opened(*arguments, **{**named, "flush": flushed})
        recorder.opened(journal.path, upto(journal))
        last.append(journal)
        return journal

    def committed(_: WalSync) -> None:
        # The very first thing after a commit: whoever syncs has not been told yet.
        recorder.committed(upto(last[-1]))

    def answered(_: LocalPort, reply: Any) -> None:
        if reply.changed:
            recorder.answered(reply.command_id)

    def written(_: OrderLane, order: Any) -> None:
        recorder.sent(order.client_order_id)

    Journal.open = open_journal  # type: ignore[method-assign]
    around(WalSync, "committed", committed, nothing)
    around(LocalPort, "answered", answered, nothing)
    around(OrderLane, "_write", written, nothing)
    wal._checkpoint = lambda connection: checkpoint(_Told(connection, recorder))  # type: ignore[arg-type]


class _Told:
    """A connection for checkpoints that tells of each."""

    def __init__(self, connection: sqlite3.Connection, recorder: WriteRecorder) -> None:
        self._connection = connection
        self._recorder = recorder

    def execute(self, sql: str) -> "_Told":
        generation = self._recorder.generation()
        self._row = self._connection.execute(sql).fetchone()
        _, frames, copied = self._row
        self._recorder.checkpointed(generation, frames, copied)
        return self

    def fetchone(self) -> Any:
        return self._row
