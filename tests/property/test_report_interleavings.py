"""However the reports of private streams and REST interleave: the same ledger, to the last digit.

Two accounts trade the same stories. One hears every report in order; the other hears them
reordered, repeated, with gaps, with look-ups of any moment between, and answers that timed out.
Both use the real codecs, each with memories of its own, which a restart takes. ``python -m
tests.property.test_report_interleavings --runs 1000000`` proves it at full size.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from itertools import pairwise
from random import Random

import pytest
from msgspec import Struct

from tests.support.builders import (
    BINANCE_BTC,
    BITHUMB_BTC,
    UPBIT_BINANCE,
    UPBIT_BITHUMB,
    UPBIT_BTC,
    strategy_parameters,
)
from tests.support.engine_harness import Desk
from tests.support.told_orders import Ears, Look, Story, a_story, answer, frames, pages, word
from trader.domain.account import Holding
from trader.domain.events import OrderReported
from trader.domain.order import ApprovedOrder, OrderState
from trader.domain.trade import TradePhase
from trader.execution.venue import OrderView
from trader.strategy.protocol import StrategyPair

pytestmark = pytest.mark.slow

RUNS = int(os.environ.get("REPORT_RUNS", "6000"))
"""An interleaving is that of all reports of the orders out at a time; a trade has a few."""
PAIRS = (
    StrategyPair(UPBIT_BINANCE, UPBIT_BTC, BINANCE_BTC),
    StrategyPair(UPBIT_BITHUMB, UPBIT_BTC, BITHUMB_BTC),
)
_SHUFFLES = 4
"""Accounts that hear the same stories, each in an order of its own."""
_TRADES_PER_LOT = 250
"""Then come other desks: a ledger runs out of coins in the end."""
_MOST_ROUNDS = 80
_LAST_UNLUCKY = 6
"""Orders after this one of a trade fill whole, so that every trade comes to its end."""
_FORGETS = 0.02
"""How often the codecs lose what they remember of orders under way, as with their process."""
_APART_MS = 11 * 60_000
_LOTS = {UPBIT_BTC: "1e-8", BITHUMB_BTC: "1e-8", BINANCE_BTC: "1e-5"}

Message = Callable[[Ears], OrderView]


class Seen(Struct, frozen=True):
    """What an account came to, once everything was heard."""

    balances: dict[Holding, Decimal]
    realised_krw: Decimal
    fees_krw: Decimal
    trades: tuple[tuple[object, ...], ...]
    orders: tuple[tuple[object, ...], ...]


class Telling(Struct, frozen=True):
    """An order's messages: what happens anyhow, and what settles it should that not suffice."""

    messages: tuple[Message, ...]
    settling: Message | None


class Account:
    """A desk that trades by stories, and the ears it hears them with."""

    def __init__(self, pair: StrategyPair, chance: Random | None) -> None:
        """``chance`` shuffles what it hears; without one it hears everything in order."""
        self._desk = Desk(strategy=strategy_parameters(pairs=(pair,)))
        self._ears = Ears()
        self._chance = chance
        self._serial = 0
        self.heard = 0
        self._orders: list[ApprovedOrder] = []
        self._desk.begin()

    def trade(self, seed: str) -> list[Seen]:
        """One trade from its signal to its end; what it came to whenever reports were heard."""
        desk, seen = self._desk, []
        self._orders.clear()
        for past in (desk.events, desk.facts, desk.history):
            past.clear()
        desk.pass_ms(_APART_MS)
        desk.quiet_books()
        desk.signal()
        assert desk.sent, "no opening"
        for _ in range(_MOST_ROUNDS):
            if desk.sent:
                self._hear_out(seed)
                seen.append(self._look())
            if not desk.paper.trades:
                return seen
            trade = desk.trade
            if trade.phase is TradePhase.OPEN and trade.closing is None:
                desk.book(BITHUMB_BTC, 150_200_000, 150_210_000)
                desk.even()
            if not desk.sent:
                desk.wait(1)
        raise AssertionError("the trade does not end")

    def _hear_out(self, seed: str) -> None:
        """Hear what is told of every order sent, also of those sent meanwhile."""
        desk, waiting, settling = self._desk, list[Message](), list[tuple[ApprovedOrder, Message]]()
        while True:
            for order in desk.take_orders():
                telling = self._telling(order, seed)
                waiting += telling.messages
                if telling.settling is not None:
                    settling.append((order, telling.settling))
            if waiting:
                at = 0 if self._chance is None else self._chance.randrange(len(waiting))
                self._hear(waiting.pop(at))
                continue
            # As the settling of orders does: whatever has no end yet is looked up.
            due = [one for order, one in settling if not self._is_over(order)]
            if not due:
                return
            self._hear(due[0])

    def _hear(self, message: Message) -> None:
        if self._chance is not None and self._chance.random() < _FORGETS:
            self._ears = Ears()
        desk, view = self._desk, message(self._ears)
        self.heard += 1
        desk.pass_ms(1)
        desk.process(
            OrderReported(
                desk.at_ns,
                desk.mono_ns,
                view.client_order_id,
                view.state,
                view.executed,
                view.fills,
                view.reason,
            )
        )

    def _is_over(self, order: ApprovedOrder) -> bool:
        return self._desk.paper.orders[order.client_order_id].is_final

    def _telling(self, order: ApprovedOrder, seed: str) -> Telling:
        self._orders.append(order)
        self._serial += 1
        story = story_of(order, self._serial, Random(f"{seed}/{len(self._orders)}"), self._orders)
        return in_order(story) if self._chance is None else at_random(story, self._chance)

    def _look(self) -> Seen:
        ledger = self._desk.paper
        return Seen(
            dict(ledger.balances),
            ledger.realised_krw,
            ledger.fees_krw,
            tuple(
                (trade.phase, trade.closing, trade.legs, trade.realised_krw, trade.fees_krw)
                for trade in ledger.trades.values()
            ),
            tuple(
                (
                    order.intent,
                    ledger.orders[order.client_order_id].state,
                    ledger.orders[order.client_order_id].executed,
                    ledger.fill_keys.get(order.client_order_id, set()),
                )
                for order in self._orders
            ),
        )


class Fate(Struct, frozen=True):
    """What became of an order, whoever heard of it."""

    story: Story
    exists: bool = True
    is_rejected: bool = False


def story_of(
    order: ApprovedOrder, serial: int, chance: Random, so_far: list[ApprovedOrder]
) -> Fate:
    """What the venue does with an order: the same in every account that trades this seed."""
    luck = 1.0 if len(so_far) > _LAST_UNLUCKY else chance.random()
    if luck < 0.16:
        return Fate(a_story(order, serial, ()), exists=False, is_rejected=luck < 0.08)
    lot = Decimal(_LOTS[order.intent.instrument])
    lots = int(order.intent.quantity / lot)
    if luck < 0.28:
        cuts, most = [0], 0
    else:
        most = lots if luck > 0.6 else chance.randint(1, lots)
        cuts = sorted({0, most, *(chance.randint(1, most) for _ in range(chance.randint(0, 2)))})
    sign = -order.intent.side.sign
    pieces = [
        (_better(order, sign, chance), (after - before) * lot) for before, after in pairwise(cuts)
    ]
    if most == lots and pieces:
        # The rest below the lot goes with the last piece, so that the whole is whole.
        price, quantity = pieces[-1]
        pieces[-1] = price, quantity + order.intent.quantity - lots * lot
    return Fate(a_story(order, serial, pieces, in_bnb=chance.random() < 0.2))


def _better(order: ApprovedOrder, sign: int, chance: Random) -> Decimal:
    """A price within the limit, sometimes with as many digits as a cheap coin's amounts have."""
    tick = Decimal(1000) if order.intent.limit_price > 1_000_000 else Decimal("0.01")
    odd = Decimal(chance.randint(0, 9999)) / 10_000 if chance.random() < 0.3 else Decimal(0)
    return order.intent.limit_price + sign * (chance.randint(0, 40) * tick + odd)


def in_order(fate: Fate) -> Telling:
    """The answer, then the stream, then a look-up: each once, as they happen."""
    order, story = fate.story.order, fate.story
    if not fate.exists:
        return Telling((_saying(order, *_absence(fate)[-1]),), None)
    messages = [_answer(story), *(_frame(story, frame) for frame in frames(story))]
    return Telling((*messages, _look(story, _complete(story))), None)


def at_random(fate: Fate, chance: Random) -> Telling:
    """Any of it lost, late or told again, look-ups of any moment between."""
    order, story = fate.story.order, fate.story
    timed_out = _saying(order, OrderState.UNKNOWN, "timeout")
    if not fate.exists:
        words = [_saying(order, *said) for said in _absence(fate)]
        return Telling((timed_out, *words, words[-1]), None)
    messages = [timed_out if chance.random() < 0.3 else _answer(story)]
    lost = 0.0 if chance.random() < 0.5 else chance.random()
    for frame in frames(story, fee_lags=chance.random() < 0.2):
        told = (chance.random() >= lost) + (chance.random() < 0.2)
        messages += [_frame(story, frame)] * told
    for _ in range(chance.choice((0, 0, 1, 2))):
        look = Look(
            chance.randint(0, len(story.trades)),
            is_over=False,
            trades_lag=chance.random() < 0.3,
            fee_lags=chance.random() < 0.3,
        )
        messages.append(_look(story, look))
    if chance.random() < 0.3:
        messages.append(_look(story, _complete(story)))
    if story.trades and chance.random() < 0.2:
        lagging = Look(len(story.trades), is_over=True, trades_lag=True)
        messages.append(_look(story, lagging))
    return Telling(tuple(messages), _look(story, _complete(story)))


def _absence(fate: Fate) -> list[tuple[OrderState, str]]:
    """What is said of an order that no venue has; the last of it is the end."""
    if fate.is_rejected:
        return [(OrderState.REJECTED, "refused")]
    return [
        (OrderState.QUARANTINED, "the venue still knows it not"),
        (OrderState.EXPIRED, "never reached the venue"),
    ]


def _complete(story: Story) -> Look:
    return Look(len(story.trades), is_over=True)


def _answer(story: Story) -> Message:
    said = answer(story)
    return lambda ears: ears.answered(story.order, said)


def _frame(story: Story, frame: str) -> Message:
    return lambda ears: ears.heard(story.venue, frame)


def _look(story: Story, look: Look) -> Message:
    return lambda ears: ears.found(story.order, pages(story, look))


def _saying(order: ApprovedOrder, state: OrderState, reason: str) -> Message:
    return lambda _: word(order, state, reason=reason)


class Proof(Struct):
    """How much was proven."""

    interleavings: int = 0
    orders: int = 0
    reports: int = 0


def prove(runs: int, seed: str) -> Proof:
    """Compare so many interleavings with the stories told in order.

    Raises:
        AssertionError: one came to another ledger; the message names its seed.
    """
    proof, lot = Proof(), 0
    while proof.interleavings < runs:
        pair, name = PAIRS[lot % len(PAIRS)], f"{seed}/{lot}"
        canonical = Account(pair, None)
        shuffled = [Account(pair, Random(f"{name}/{at}")) for at in range(_SHUFFLES)]
        lot += 1
        for number in range(_TRADES_PER_LOT):
            told = canonical.trade(f"{name}/{number}")
            for account in shuffled:
                assert account.trade(f"{name}/{number}") == told, f"seed {name}/{number}"
                proof.interleavings += len(told)
                proof.orders += len(told[-1].orders)
            if proof.interleavings >= runs:
                break
        proof.reports += sum(account.heard for account in shuffled)
    return proof


def test_every_interleaving_ends_in_the_same_ledger() -> None:
    """Balances, positions, realised won, fees, keys of fills, quantities and ends of orders."""
    proof = prove(RUNS, "test")

    assert proof.interleavings >= RUNS
    assert proof.reports > 5 * proof.interleavings


def _prove_share(share: tuple[int, str]) -> Proof:
    return prove(*share)


def main(arguments: Sequence[str]) -> int:
    """Prove it at any size, on every core; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, metavar="N", help="interleavings")
    parser.add_argument("--seed", default="proof", metavar="TEXT", help="names the stories")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N")
    given = parser.parse_args(arguments)
    began = time.monotonic()
    # Parts of a few seconds each, so that the workers end together.
    parts = max(given.runs // 5_000, 1)
    size = -(-given.runs // parts)
    whole = Proof()
    with ProcessPoolExecutor(given.workers) as pool:
        shares = [(size, f"{given.seed}/{part}") for part in range(parts)]
        for done, proof in enumerate(pool.map(_prove_share, shares), 1):
            whole.interleavings += proof.interleavings
            whole.orders += proof.orders
            whole.reports += proof.reports
            if done * 20 // parts != (done - 1) * 20 // parts:
                _say(f"{whole.interleavings} interleavings, {time.monotonic() - began:.0f} s")
    _say(
        f"{whole.interleavings} interleavings of {whole.reports} reports on {whole.orders} orders:"
        f" the same ledger each time ({time.monotonic() - began:.0f} s)"
    )
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
