"""The drawing process, ``python -m bot.charts.worker``: chart in on stdin, picture out on stdout.

It ends when stdin does, in the middle of a picture too, so it never outlives who started it.
"""

import contextlib
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import msgspec

from bot.charts.spec import (
    HEADER_BYTES,
    MOST_FRAME_BYTES,
    ChartFailed,
    ChartSpec,
    Picture,
    Series,
    Unit,
    frame,
)
from trader.port import Language

_LONGEST_DRAWING_S = 60
_NICENESS = 10
_LONGEST_REASON = 300
# Drawn once before the first is asked for, so that fonts and libraries are at hand.
_SMALL = ChartSpec(
    title="가 −",
    series=(Series(label="₩", at_ns=(0, 1), values=(0.0, 1.0)),),
    unit=Unit.KRW,
    zone="UTC",
    language=Language.KO,
)


def main() -> None:
    """Say when warm, or why not; then answer each chart with its picture until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _stand_back()
    answers = os.fdopen(os.dup(1), "wb")
    # A stray print of a library must not be taken for an answer.
    os.dup2(2, 1)
    requests: queue.Queue[bytes] = queue.Queue(maxsize=1)
    reader = threading.Thread(target=_read, args=(sys.stdin.buffer, requests), daemon=True)
    reader.start()
    try:
        # Loading takes a second or two; by now the end of stdin is being watched for.
        from bot.charts.figure import draw_png

        draw_png(_SMALL)
    except Exception as error:  # noqa: BLE001 - the outer edge of a process that has no log
        _answer(answers, Picture(failed=_reason(error)))
        return
    _answer(answers, Picture())
    while True:
        body = requests.get()
        # The kernel's own alarm: it ends even a drawing that never returns to Python.
        signal.alarm(_LONGEST_DRAWING_S)
        picture = _picture(draw_png, body)
        signal.alarm(0)
        _answer(answers, picture)


def _stand_back() -> None:
    """Trading comes first, for the processor and when memory runs out."""
    os.nice(_NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _read(stream: BinaryIO, requests: queue.Queue[bytes]) -> None:
    while True:
        header = stream.read(HEADER_BYTES)
        length = int.from_bytes(header, "big")
        body = (
            stream.read(length)
            if len(header) == HEADER_BYTES and length <= MOST_FRAME_BYTES
            else b""
        )
        if not body or len(body) < length:
            os._exit(0)
        requests.put(body)


def _picture(draw: Callable[[ChartSpec], bytes], body: bytes) -> Picture:
    try:
        return Picture(png=draw(msgspec.msgpack.decode(body, type=ChartSpec)))
    except Exception as error:  # noqa: BLE001 - the outer edge of a process that has no log
        # Whatever a chart brings on, its caller hears of it and the next one is drawn.
        return Picture(failed=_reason(error))


def _reason(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:_LONGEST_REASON]


def _answer(answers: BinaryIO, picture: Picture) -> None:
    try:
        answers.write(frame(picture))
    except ChartFailed as error:
        answers.write(frame(Picture(failed=str(error))))
    answers.flush()


if __name__ == "__main__":
    try:
        main()
    finally:
        # The interpreter's own way out would stumble over the thread that still reads stdin.
        os._exit(1)
