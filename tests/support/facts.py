"""Facts for tests: plain ones by builder, and any of any class by Hypothesis strategy."""

from decimal import Decimal
from types import UnionType
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st
from msgspec import Struct

from trader.domain.control import CheckName
from trader.domain.decision import CheckResult, Decision, QuoteSeen
from trader.domain.facts import (
    EquitySampled,
    Fact,
    FillBooked,
    OrdersApproved,
    RefusalBegan,
    TradeAbandoned,
    TradeClosed,
    TradeOpened,
)
from trader.domain.instrument import KRW, InstrumentId
from trader.domain.order import (
    ApprovedOrder,
    ClientOrderId,
    DecisionId,
    Evidence,
    Fill,
    Intent,
    LedgerName,
    PairName,
    Purpose,
    Side,
    TradeId,
)

AT_NS = 1_790_000_000_000_000_000
UPBIT_BTC = InstrumentId("upbit:BTC-KRW")
BITHUMB_BTC = InstrumentId("bithumb:BTC-KRW")
PAIR = PairName("btc")
DIRECTION = "upbit>bithumb"

FACT_KINDS: tuple[type[Struct], ...] = get_args(Fact)

# Nanoseconds reach 2**61; counts are added up in a 64-bit column, and must still fit by twos.
_SIXTY_BITS = 2**60
_PLAIN: dict[object, st.SearchStrategy[Any]] = {
    int: st.integers(-_SIXTY_BITS, _SIXTY_BITS),
    float: st.floats(allow_nan=False),
    str: st.text(max_size=20),
    bool: st.booleans(),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False),
    InstrumentId: st.sampled_from([UPBIT_BTC, BITHUMB_BTC]),
    type(None): st.none(),
}


def any_of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type as facts are annotated with: structs, enums, unions, tuples, NewTypes."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    if isinstance(hint, NewType):
        return any_of(hint.__supertype__)
    if get_origin(hint) in (Union, UnionType):
        return st.one_of([any_of(one) for one in get_args(hint)])
    if get_origin(hint) is tuple:
        element = get_args(hint)[0]
        # The journal takes an order id once only.
        identity = _client_order_id if element is ApprovedOrder else None
        return st.lists(any_of(element), max_size=2, unique_by=identity).map(tuple)
    if issubclass(hint, Struct):
        fields = get_type_hints(hint)
        return st.builds(hint, **{name: any_of(kind) for name, kind in fields.items()})
    return st.sampled_from(hint)


def a_decision(name: str = "d-1", *, at_ns: int = AT_NS, approved: bool = True) -> Decision:
    """A decision with a quote, evidence and one check."""
    quote = QuoteSeen(UPBIT_BTC, bid=100_000_000.0, ask=100_010_000.0, age_ms=12.5)
    check = CheckResult(CheckName.NET_PROFIT, approved, Decimal("0.12"), Decimal("0.05"))
    evidence = Evidence(
        Decimal("0.5"), Decimal("0.29"), Decimal("0.01"), Decimal("0.2"), Decimal("0.9")
    )
    return Decision(
        id=DecisionId(name),
        at_ns=at_ns,
        pair=PAIR,
        direction=DIRECTION,
        purpose=Purpose.OPEN,
        ledger=LedgerName.PAPER,
        quotes=(quote,),
        evidence=evidence,
        checks=(check,),
        approved=approved,
    )


def an_order(
    name: str, *, trade: str = "t-1", ledger: LedgerName = LedgerName.PAPER
) -> ApprovedOrder:
    """A sale of 0.01 at Upbit."""
    intent = Intent(UPBIT_BTC, Side.SELL, Decimal("0.01"), Decimal("100000000"))
    return ApprovedOrder(
        client_order_id=ClientOrderId(name),
        trade_id=TradeId(trade),
        pair=PAIR,
        ledger=ledger,
        purpose=Purpose.OPEN,
        intent=intent,
        generation=1,
        signal_ns=5,
    )


def an_approval(number: int = 1, *, ledger: LedgerName = LedgerName.PAPER) -> OrdersApproved:
    """Two legs, with names made from ``number``."""
    trade = f"t-{number}"
    orders = tuple(an_order(f"o-{number}-{leg}", trade=trade, ledger=ledger) for leg in ("a", "b"))
    return OrdersApproved(AT_NS + number, TradeId(trade), a_decision(f"d-{number}"), orders)


def a_booking(
    key: str = "k-1", *, trade: str = "t-1", ledger: LedgerName = LedgerName.PAPER
) -> FillBooked:
    """A fill of 0.01 at Upbit, one million won."""
    fill = Fill(
        key=key,
        client_order_id=ClientOrderId("o-1-a"),
        instrument=UPBIT_BTC,
        side=Side.SELL,
        price=Decimal("100000000"),
        quantity=Decimal("0.01"),
        fee=Decimal("500.10"),
        fee_asset=KRW,
        at_ns=AT_NS,
    )
    return FillBooked(AT_NS, ledger, TradeId(trade), fill, Decimal("1000000"), Decimal("500.10"))


def an_opening(
    trade: str = "t-1", *, ledger: LedgerName = LedgerName.PAPER, at_ns: int = AT_NS
) -> TradeOpened:
    """A trade of one million won stands."""
    notional = Decimal("1000000")
    return TradeOpened(at_ns, ledger, TradeId(trade), PAIR, DIRECTION, notional, Decimal("0.5"))


def a_closing(
    trade: str = "t-1",
    *,
    pnl_krw: str = "1200.50",
    ledger: LedgerName = LedgerName.PAPER,
    at_ns: int = AT_NS + 10,
) -> TradeClosed:
    """A trade went flat by an exit, at a fee of 1000 won."""
    return TradeClosed(
        at_ns=at_ns,
        ledger=ledger,
        trade_id=TradeId(trade),
        pair=PAIR,
        direction=DIRECTION,
        reason=Purpose.EXIT,
        pnl_krw=Decimal(pnl_krw),
        fees_krw=Decimal("1000"),
        entry_notional_krw=Decimal("1000000"),
        opened_ns=AT_NS,
    )


def an_abandonment(
    trade: str = "t-1", *, pnl_krw: str = "-300", ledger: LedgerName = LedgerName.PAPER
) -> TradeAbandoned:
    """An opening that ended with nothing held."""
    return TradeAbandoned(
        AT_NS + 10, ledger, TradeId(trade), PAIR, DIRECTION, pnl_krw=Decimal(pnl_krw)
    )


def a_refusal(name: str = "d-1", *, at_ns: int = AT_NS) -> RefusalBegan:
    """The net profit check began to refuse."""
    decision = a_decision(name, at_ns=at_ns, approved=False)
    check = decision.checks[0]
    return RefusalBegan(at_ns, PAIR, DIRECTION, check.check, check, decision)


def a_sample(at_ns: int = AT_NS, *, ledger: LedgerName = LedgerName.PAPER) -> EquitySampled:
    """An equity of five million won."""
    return EquitySampled(
        at_ns=at_ns,
        ledger=ledger,
        equity_krw=Decimal("5000000"),
        realised_krw=Decimal("10"),
        unrealised_krw=Decimal("-3.5"),
        exposure_krw=Decimal("0"),
        open_trades=0,
        loss_today_krw=Decimal("0"),
    )


def _client_order_id(order: ApprovedOrder) -> str:
    return order.client_order_id
