"""Has charts drawn by one warm worker process; the event loop only moves bytes."""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from pathlib import Path

import msgspec

from bot.charts.spec import (
    HEADER_BYTES,
    MOST_BARS,
    MOST_FRAME_BYTES,
    MOST_GIVEN_POINTS,
    MOST_POINTS,
    MOST_SERIES,
    MOST_THRESHOLDS,
    ChartFailed,
    ChartSpec,
    Kind,
    Picture,
    frame,
    kept_indexes,
    only,
)

MOST_WAITING = 8
"""Charts that may wait for the worker, the one being drawn included."""

_EXIT_WITHIN_S = 2.0
_ROOT = Path(__file__).resolve().parents[2]
# The worker gets what an interpreter needs to start, and none of the secrets around it.
_PASSED_ON = (
    "LANG",
    "LD_LIBRARY_PATH",
    "PATH",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONTZPATH",
    "TZDIR",
    "VIRTUAL_ENV",
)


class Painter:
    """Has charts drawn, one at a time, by a worker process that it starts, bounds and replaces.

    The event loop only moves bytes. The worker ends with this process, however that ends.
    """

    def __init__(self, *, scratch_dir: Path, timeout_s: float = 20.0) -> None:
        """``scratch_dir`` is made if need be; the drawing library keeps its font list there.

        ``timeout_s`` bounds a picture from the call to the answer, waiting and start included.
        """
        self._scratch_dir = scratch_dir
        self._timeout_s = timeout_s
        self._worker: Process | None = None
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The worker's process id; None while there is none."""
        alive = self._worker is not None and self._worker.returncode is None
        return self._worker.pid if self._worker is not None and alive else None

    async def start(self) -> None:
        """Start the worker and return once it is warm; without this, the first picture waits.

        Raises:
            ChartFailed: it did not come up; the next call tries anew.
        """
        await self._in_turn(None)

    async def draw(self, spec: ChartSpec) -> bytes:
        """Draw a chart of WIDTH_PX × HEIGHT_PX and return its PNG.

        Raises:
            ChartFailed: not drawn in time, too many wait, or the worker said why not.
        """
        return await self._in_turn(spec)

    async def close(self) -> None:
        """End the worker; whoever waits for a picture gets ChartFailed. Safe to call twice."""
        self._closed = True
        worker, self._worker = self._worker, None
        if worker is not None:
            await _end(worker, kindly=True)

    async def _in_turn(self, spec: ChartSpec | None) -> bytes:
        if self._waiting >= MOST_WAITING:
            raise ChartFailed(f"{self._waiting} charts already wait")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._timeout_s):
                request = b"" if spec is None else frame(await _thinned(spec))
                async with self._turn:
                    return await self._ask(request)
        except TimeoutError as error:
            raise ChartFailed(f"no picture within {self._timeout_s:g} s") from error
        finally:
            self._waiting -= 1

    async def _ask(self, request: bytes) -> bytes:
        if self.pid is not None and not request:
            return b""
        if self._worker is not None and request:
            try:
                return await self._exchange(self._worker, request)
            except (OSError, EOFError):
                # It died since the last picture; a fresh one deserves a try of its own.
                pass
        try:
            worker = await self._start_worker()
            return await self._exchange(worker, request) if request else b""
        except (OSError, EOFError) as error:
            raise ChartFailed(f"the drawing process failed: {str(error) or 'it ended'}") from error

    async def _start_worker(self) -> Process:
        self._check_open()
        self._scratch_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot.charts.worker"),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            cwd=_ROOT,
            env=_environment(os.environ, self._scratch_dir.resolve()),
            # Out of the terminal's group: its Ctrl+C is for the engine to answer.
            start_new_session=True,
        )
        self._worker = worker
        try:
            # It may have been closed while the process was being made.
            self._check_open()
            await self._exchange(worker, b"")
        except ChartFailed:
            self._worker = None
            await _end(worker, kindly=False)
            raise
        return worker

    def _check_open(self) -> None:
        if self._closed:
            raise ChartFailed("the painter is closed")

    async def _exchange(self, worker: Process, request: bytes) -> bytes:
        """One question and its answer; an empty one waits for the words a worker opens with."""
        whole = False
        try:
            assert worker.stdin is not None
            assert worker.stdout is not None
            if request:
                worker.stdin.write(request)
                await worker.stdin.drain()
            picture = await _read_picture(worker.stdout)
            whole = True
        finally:
            # An answer that comes late would be taken for the next one's, so this one goes.
            if not whole:
                if self._worker is worker:
                    self._worker = None
                await _end(worker, kindly=False)
        if picture.failed:
            raise ChartFailed(picture.failed)
        return picture.png


async def _read_picture(stream: asyncio.StreamReader) -> Picture:
    length = int.from_bytes(await stream.readexactly(HEADER_BYTES), "big")
    if length > MOST_FRAME_BYTES:
        raise OSError(f"an answer of {length:,} bytes")
    body = await stream.readexactly(length)
    try:
        return msgspec.msgpack.decode(body, type=Picture)
    except msgspec.MsgspecError as error:
        raise OSError(f"an answer that cannot be read: {error}") from error


async def _end(worker: Process, *, kindly: bool) -> None:
    """See the worker out: by closing its input if ``kindly``, else and at the latest by SIGKILL."""
    if kindly and worker.stdin is not None:
        worker.stdin.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(worker.wait(), _EXIT_WITHIN_S)
    with contextlib.suppress(ProcessLookupError):
        worker.kill()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(worker.wait(), _EXIT_WITHIN_S)


def _environment(environ: Mapping[str, str], scratch_dir: Path) -> dict[str, str]:
    passed_on = {name: value for name, value in environ.items() if name in _PASSED_ON}
    return passed_on | {
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": str(scratch_dir),
        # A chart needs no linear algebra on every core.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


async def _thinned(spec: ChartSpec) -> ChartSpec:
    """The chart in few enough points, thinned in slices so that the loop is never held up."""
    if len(spec.series) > MOST_SERIES or len(spec.thresholds) > MOST_THRESHOLDS:
        raise ChartFailed(f"{len(spec.series)} series and {len(spec.thresholds)} thresholds")
    most = MOST_POINTS // max(1, len(spec.series))
    thinned = []
    for series in spec.series:
        given = len(series.values)
        allowed = MOST_BARS if series.kind is Kind.BAR else MOST_GIVEN_POINTS
        if given > allowed:
            raise ChartFailed(f"{given:,} points of {series.label}; at most {allowed:,}")
        kept: list[int] = []
        for indexes in kept_indexes(series, most):
            kept.extend(indexes)
            await asyncio.sleep(0)
        thinned.append(only(series, kept))
    return msgspec.structs.replace(spec, series=tuple(thinned))
