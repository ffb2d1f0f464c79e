"""The page of ``reconcile``: every venue, what differs with a mark, and the verdict."""

from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from tests.support.builders import AT_NS, UPBIT_BTC
from trader.commands.reconcile_page import page
from trader.commands.table import WIDTH
from trader.domain.answers import OrderLine, Origin
from trader.domain.client_ids import Whose
from trader.domain.control import Mode
from trader.domain.facts import Cause
from trader.domain.instrument import BINANCE, UPBIT, Asset
from trader.domain.order import (
    ClientOrderId,
    LedgerName,
    OrderState,
    Purpose,
    Side,
    TradeId,
)
from trader.domain.reconcile_answers import (
    ReconcileAnswer,
    SeenBalance,
    SeenOrder,
    SeenVenue,
    Standing,
    StandingKind,
)

BTC, KRW = Asset("BTC"), Asset("KRW")
AGREES = SeenBalance(KRW, Decimal(5_000_000), Decimal(5_000_000), None, Decimal(0), Decimal(0))
MISSED = SeenBalance(
    BTC, Decimal("0.3"), Decimal("0.5"), Cause.WITHDRAWAL, Decimal("0.00066"), Decimal(0)
)


def an_order(whose: Whose = Whose.OURS, order_id: str = "tr-main-k3x9a7q2-5") -> SeenOrder:
    """An order that was filled whole."""
    return SeenOrder(
        ClientOrderId(order_id),
        UPBIT_BTC,
        Side.SELL,
        OrderState.FILLED,
        Decimal("0.00066"),
        Decimal("0.00066"),
        AT_NS,
        whose,
    )


def an_answer(*venues: SeenVenue, **changes: Any) -> ReconcileAnswer:
    """An engine in live mode where nothing differs."""
    calm = ReconcileAnswer(Origin("main", Mode.LIVE, AT_NS), venues, (), (), False)
    return replace(calm, **changes)


def lines(answer: ReconcileAnswer) -> list[str]:
    """The page, none of it too wide."""
    shown = page(answer).splitlines()
    assert all(len(line) <= WIDTH for line in shown)
    return shown


def test_says_in_its_last_line_that_nothing_differs() -> None:
    """Whoever only reads that line knows."""
    shown = lines(an_answer(SeenVenue(UPBIT, since_ns=AT_NS, balances=(AGREES,))))

    assert shown[0] == "engine main, mode live"
    assert "UPBIT" in shown
    assert any(line.startswith("✓  KRW    5,000,000") for line in shown)
    assert shown[-1] == "nothing differs"


def test_a_difference_has_a_mark_its_size_and_a_guess() -> None:
    """And the way to accept it stands below."""
    shown = lines(an_answer(SeenVenue(UPBIT, balances=(MISSED, AGREES)), differs=True))

    (line,) = [line for line in shown if line.startswith("✗")]
    assert "-0.2" in line
    assert line.endswith("a withdrawal")
    assert "deploy/run reconcile --accept" in shown[-1]


def test_what_was_missed_before_and_counts_already_is_still_shown() -> None:
    """The ledger follows the venue; the question stays open until it is accepted."""
    missed = replace(MISSED, counted=Decimal("0.3"), missing=Decimal("0.2"))

    shown = lines(an_answer(SeenVenue(UPBIT, balances=(missed,)), differs=True))

    assert any("0.2 missed" in line for line in shown)


def test_orders_that_are_not_known_are_named_with_whose_they_are() -> None:
    """Ours that are known are few lines, however many they were."""
    known = tuple(an_order(order_id=f"tr-main-k3x9a7q2-{n}") for n in range(5, 45))
    recent = (an_order(Whose.LOST, "tr-main-k3x9a7q2-99"), *known)

    shown = lines(an_answer(SeenVenue(UPBIT, recent=recent, more=7, others=3), differs=True))

    assert sum("tr-main" in line for line in shown) == 11
    assert any("LOST from the journal" in line for line in shown)
    assert any("of others: 3; 37 more of ours" in line for line in shown)


def test_a_venue_that_did_not_answer_says_why() -> None:
    """It is not passed over in silence."""
    shown = lines(an_answer(SeenVenue(BINANCE, error="no answer within 4 s"), differs=True))

    assert shown[shown.index("BINANCE") + 1] == "✗ not asked: no answer within 4 s"


def test_what_stands_is_named_as_accept_takes_it() -> None:
    """Quarantined orders, balances, foreign makers."""
    quarantined = OrderLine(
        ClientOrderId("tr-main-k3x9a7q2-7"),
        LedgerName.LIVE,
        TradeId("T7"),
        UPBIT_BTC,
        Side.SELL,
        Decimal("0.00066"),
        Decimal(150_900_000),
        Decimal(0),
        OrderState.QUARANTINED,
        Purpose.OPEN,
        AT_NS,
    )
    standing = (
        Standing(StandingKind.BALANCE, "upbit:BTC", AT_NS, Decimal("0.2")),
        Standing(StandingKind.FOREIGN, "desk-zzzz0000", AT_NS, Decimal(0)),
    )

    shown = lines(an_answer(unsettled=(quarantined,), standing=standing, differs=True))

    assert any(line.startswith("✗  tr-main-k3x9a7q2-7") for line in shown)
    assert any(line.startswith("✗  upbit:BTC      0.2") for line in shown)
    assert any(line.startswith("✗  desk-zzzz0000") for line in shown)
