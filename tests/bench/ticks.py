"""One quote, one signal: what the engine takes for each, and what nothing could do without."""

import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from statistics import median

import msgspec

from tests.bench.figures import (
    Aim,
    Figure,
    clock_cost_ns,
    collector_as_in_the_program,
    scaled,
    summed_up,
    timed_each,
)
from tests.bench.scenes import (
    SignalScene,
    Stamps,
    drawn_books,
    facts_of_an_open_trade,
    quiet_engine,
    quotes,
)
from trader.domain.facts import Fact
from trader.domain.instrument import InstrumentId
from trader.domain.market import OrderBook
from trader.engine.engine import Engine

_RUNS = 5
_WARM_UP = 2_000


def tick(scale: float) -> list[Figure]:
    """A quote that leads to nothing, and a signal that is decided."""
    number = scaled(40_000, scale)
    idle = summed_up(
        "tick.quiet",
        "process a quote, no trade open, no signal",
        "µs",
        [_ticks(quiet_engine(), number) for _ in range(_RUNS)],
        Aim(4),
    )
    facts = facts_of_an_open_trade()
    holding = summed_up(
        "tick.holding",
        "process a quote, one trade open, no signal",
        "µs",
        [_ticks(_holding_engine(facts), number) for _ in range(_RUNS)],
        Aim(4),
    )
    signals = scaled(1_000, scale)
    approved = summed_up(
        "tick.approved",
        "a signal: all checks, two orders approved",
        "µs",
        [_approvals(signals) for _ in range(_RUNS)],
        Aim(60),
    )
    refused = summed_up(
        "tick.refused",
        "a signal refused by a refusal that stands",
        "µs",
        [_refusals(signals) for _ in range(_RUNS)],
        Aim(60),
    )
    return [idle, holding, approved, refused]


def limits(scale: float) -> list[Figure]:
    """What no engine in this language could do without, and how many times that a quote costs."""
    number = scaled(20_000, scale)
    ring = [OrderBook(name, *sides, 0, 0) for name, sides in drawn_books()]
    books = list(islice(cycle(ring), number))
    frames = list(islice(cycle([msgspec.json.encode(book) for book in ring]), number))
    decode = msgspec.json.Decoder(OrderBook).decode
    ticks, decoded, floor = [], [], []
    # In turns, so that whatever else the machine does falls on all of them alike.
    for _ in range(_RUNS):
        ticks.append(_ticks(quiet_engine(), number))
        with collector_as_in_the_program():
            decoded.append(timed_each(decode, frames))
            floor.append(timed_each(_bare_update(ring), books))
    return [
        summed_up("limits.decode", "decode the same book from JSON", "µs", decoded),
        summed_up("limits.floor", "store the book, compare one pair, no check", "µs", floor),
        _ratio("limits.tick/decode", "a quiet tick in decodings of its book", ticks, decoded),
        _ratio("limits.tick/floor", "a quiet tick in bare updates", ticks, floor),
    ]


def _ticks(engine: Engine, number: int) -> list[float]:
    events = quotes(Stamps(), _WARM_UP + number)
    for event in events[:_WARM_UP]:
        engine.process(event)
    measured = events[_WARM_UP:]
    with collector_as_in_the_program():
        samples = timed_each(engine.process, measured)
    assert engine.snapshot().signals == 0
    return samples


def _holding_engine(facts: Sequence[Fact]) -> Engine:
    engine = quiet_engine(facts)
    assert engine.snapshot().paper.open_trades == 1
    return engine


def _approvals(number: int) -> list[float]:
    scene, cost, samples = SignalScene(), clock_cost_ns(), []
    read, process = time.perf_counter_ns, scene.engine.process
    with collector_as_in_the_program():
        for _ in range(number):
            event = scene.signal()
            began = read()
            outcome = process(event)
            samples.append((read() - began - cost) / 1e3)
            scene.call_off(outcome)
            scene.show_all()
    return samples


def _refusals(number: int) -> list[float]:
    scene, cost, samples = SignalScene(refused=True), clock_cost_ns(), []
    read, process = time.perf_counter_ns, scene.engine.process
    process(scene.signal())
    with collector_as_in_the_program():
        for _ in range(number):
            event = scene.signal()
            began = read()
            process(event)
            samples.append((read() - began - cost) / 1e3)
            scene.show_all()
    assert scene.engine.snapshot().refusals > number
    return samples


def _bare_update(ring: Sequence[OrderBook]) -> Callable[[OrderBook], bool]:
    books: dict[InstrumentId, OrderBook] = {book.instrument: book for book in ring}
    first, second = list(books)[:2]

    def update(book: OrderBook) -> bool:
        books[book.instrument] = book
        return books[first].bids[0][0] / books[second].asks[0][0] > 1.003

    return update


def _ratio(
    name: str, what: str, ticks: Sequence[Sequence[float]], limit: Sequence[Sequence[float]]
) -> Figure:
    ratios = [median(one) / median(other) for one, other in zip(ticks, limit, strict=True)]
    return summed_up(name, what, "x", [ratios])
