"""A frame until its book stands, beside bare decoding of the same bytes at the same time."""

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from time import thread_time_ns

import msgspec

from tests.bench.clients import CcxtNotHad, ccxt_us
from tests.bench.figures import Aim, Figure, collector_as_in_the_program, scaled, summed_up
from tests.bench.frames import Stream, drawn, recorded
from trader.domain.clock import Stamp
from trader.domain.market import MarketView, OrderBook
from trader.feeds.codec import FeedCodec

_RUNS = 20
_FRAMES = 1_024
_TURN = 32
_STAMP = Stamp(0, 0)
_AIM = Aim(1.5)

Turns = tuple[list[float], list[float], list[float], list[float]]
"""Microseconds a frame of every turn: bare, typed, the codec alone, the codec and the book."""


def decode(scale: float) -> list[Figure]:
    """Every kind of stream; recorded ones, and ccxt beside, where there are any."""
    streams = [*drawn(scaled(_FRAMES, scale)), *recorded()]
    if not os.environ.get("CAPTURES_DIR"):
        print("decode: CAPTURES_DIR is not set: nothing recorded is measured", file=sys.stderr)
    figures, bare_us = [], {}
    for stream in streams:
        with collector_as_in_the_program():
            runs = [_run(stream) for _ in range(_RUNS)]
        figures += _figures(stream, runs)
        bare_us[stream.name] = median(median(run[0]) for run in runs)
    return figures + _beside(streams, bare_us)


def _figures(stream: Stream, runs: Sequence[Turns]) -> list[Figure]:
    name, what = f"decode.{stream.name}", stream.what
    whole = [run[3] for run in runs]
    return [
        summed_up(name, f"{what}: decode, take the book in", "µs", whole),
        summed_up(f"{name}.codec", "its codec alone", "µs", [run[2] for run in runs]),
        summed_up(f"{name}/bare", "in bare decodings to objects", "x", _ratios(runs, 0), _AIM),
        summed_up(f"{name}/typed", "in bare decodings to its structs", "x", _ratios(runs, 1)),
    ]


def _ratios(runs: Sequence[Turns], limit: int) -> list[list[float]]:
    return [[own / other for own, other in zip(run[3], run[limit], strict=True)] for run in runs]


def _run(stream: Stream) -> Turns:
    """All frames, a few dozen at a time, read in four ways that take turns in going first.

    So whoever finds the bytes in a cache is each of them as often, and a clock that stands still
    while others run keeps the machine's other work out of it.
    """
    alone, whole, view = stream.codec(), stream.codec(), MarketView()
    _take_in(whole, view, stream.first)
    _read_by(alone, stream.first)
    ways: tuple[Callable[[Sequence[bytes]], None], ...] = (
        partial(_read, msgspec.json.decode),
        partial(_read, stream.typed),
        partial(_read_by, alone),
        partial(_take_in, whole, view),
    )
    turns: Turns = ([], [], [], [])
    for number, at in enumerate(range(0, len(stream.frames), _TURN)):
        frames = stream.frames[at : at + _TURN]
        for turn in range(number, number + len(ways)):
            way = turn % len(ways)
            began = thread_time_ns()
            ways[way](frames)
            turns[way].append((thread_time_ns() - began) / len(frames) / 1e3)
    assert view.last_good, stream.name
    assert not view.flaws, stream.name
    return turns


def _read(read: Callable[[bytes], object], frames: Sequence[bytes]) -> None:
    for frame in frames:
        read(frame)


def _read_by(codec: FeedCodec, frames: Sequence[bytes]) -> None:
    read, stamp = codec.decode, _STAMP
    for frame in frames:
        read(frame, stamp)


def _take_in(codec: FeedCodec, view: MarketView, frames: Sequence[bytes]) -> None:
    read, update, stamp = codec.decode, view.update, _STAMP
    for frame in frames:
        book = read(frame, stamp)
        if type(book) is OrderBook:
            update(book)


def _beside(streams: Sequence[Stream], bare_us: dict[str, float]) -> list[Figure]:
    """What ccxt's own reading takes for the same bytes, of the streams it reads."""
    figures = []
    for stream in streams:
        if stream.ccxt is None:
            continue
        try:
            runs = ccxt_us(stream.ccxt, stream.frames)
        except CcxtNotHad as error:
            print(f"decode: {error}", file=sys.stderr)
            break
        name, bare = f"decode.{stream.name}.ccxt", bare_us[stream.name]
        ratios = [[one / bare for one in run] for run in runs]
        figures += [
            summed_up(name, "ccxt.pro on the same bytes", "µs", runs),
            summed_up(f"{name}/bare", "ccxt.pro in bare decodings to objects", "x", ratios),
        ]
    return figures
