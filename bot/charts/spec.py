"""What a chart shows, and how it crosses the pipe: values, their bounds, their thinning. Pure."""

import math
from collections.abc import Iterator, Sequence
from enum import StrEnum

import msgspec
from msgspec import Struct

from trader.port import Language

WIDTH_PX = 1_080
HEIGHT_PX = 720
MOST_POINTS = 5_000
"""Points of one chart that reach the worker, over all series; lines are thinned to these."""
MOST_GIVEN_POINTS = 1_000_000
"""Points of one series that are accepted at all."""
MOST_SERIES = 8
MOST_THRESHOLDS = 4
MOST_BARS = 366
"""Bars of one series; they are never thinned, since a day left out would be a lie."""
MOST_FRAME_BYTES = 8_000_000

HEADER_BYTES = 4

_KEPT_PER_BUCKET = 6


class ChartFailed(Exception):
    """There is no picture; the message says why in one line."""


class Kind(StrEnum):
    """How a series is drawn. One series of bars makes the time axis one of days."""

    LINE = "line"
    STEP = "step"
    """Each value holds until the next."""
    BAR = "bar"
    """One bar for a day; ``at_ns`` is any instant of it."""


class Unit(StrEnum):
    """What the values are."""

    KRW = "₩"
    PERCENT = "%"
    """Already in percent: 0.25 is a quarter of one."""


class Series(Struct, frozen=True):
    """Values over time. ``at_ns`` is UTC and ascending; a value that is not finite is a gap.

    Raises:
        ValueError: there are more times than values, or fewer.
    """

    label: str
    at_ns: tuple[int, ...]
    values: tuple[float, ...]
    kind: Kind = Kind.LINE

    def __post_init__(self) -> None:
        if len(self.at_ns) != len(self.values):
            raise ValueError(f"{len(self.at_ns)} times for {len(self.values)} values")


class Threshold(Struct, frozen=True):
    """A dashed horizontal line, such as the spread that is needed; the legend has its label."""

    label: str
    value: float


class ChartSpec(Struct, frozen=True):
    """All that a picture shows. Without a finite value in ``series`` it says there is nothing yet.

    ``zone`` is the IANA name of the time zone the time axis speaks.
    """

    title: str
    series: tuple[Series, ...]
    unit: Unit
    zone: str
    language: Language
    subtitle: str = ""
    thresholds: tuple[Threshold, ...] = ()


class Picture(Struct, frozen=True):
    """The worker's answer: a PNG, or in one line why there is none. It opens with an empty one."""

    png: bytes = b""
    failed: str = ""


def frame(message: ChartSpec | Picture) -> bytes:
    """A message as it crosses the pipe: its length in four bytes, then MessagePack.

    Raises:
        ChartFailed: it is longer than MOST_FRAME_BYTES.
    """
    body = msgspec.msgpack.encode(message)
    if len(body) > MOST_FRAME_BYTES:
        raise ChartFailed(f"a message of {len(body):,} bytes; at most {MOST_FRAME_BYTES:,}")
    return len(body).to_bytes(HEADER_BYTES, "big") + body


def only(series: Series, kept: Sequence[int]) -> Series:
    """The series reduced to the points at these indexes."""
    return Series(
        label=series.label,
        at_ns=tuple(series.at_ns[index] for index in kept),
        values=tuple(series.values[index] for index in kept),
        kind=series.kind,
    )


def kept_indexes(series: Series, most: int) -> Iterator[Sequence[int]]:
    """Which points to keep so that at most ``most``, never under 6, still look the same.

    Extremes, ends and gaps stay, and all of what is few enough or bars. The indexes ascend, and
    come bucket by bucket, so that a caller may pause.
    """
    values = series.values
    if series.kind is Kind.BAR or len(values) <= most:
        yield range(len(values))
        return
    buckets = most // _KEPT_PER_BUCKET
    for bucket in range(buckets):
        start = len(values) * bucket // buckets
        end = len(values) * (bucket + 1) // buckets
        finite = [index for index in range(start, end) if math.isfinite(values[index])]
        kept = set()
        if finite:
            lowest = min(finite, key=values.__getitem__)
            highest = max(finite, key=values.__getitem__)
            kept |= {finite[0], lowest, highest, finite[-1]}
        if len(finite) < end - start:
            gaps = [index for index in range(start, end) if not math.isfinite(values[index])]
            kept |= {gaps[0], gaps[-1]}
        yield sorted(kept)
