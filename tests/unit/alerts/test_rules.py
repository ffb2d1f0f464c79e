"""Which facts are told, how loudly, under which key."""

from decimal import Decimal
from typing import get_args

import pytest

from tests.support.example_facts import (
    A_FLIGHT,
    A_HALT,
    AT_NS,
    DIRECTION,
    PAIR,
    PAPER,
    SILENT_FACTS,
    THEIR_ENDS,
    TOLD_FACTS,
    UPBIT_BTC,
    a_breaker,
    a_refusal,
    an_order_moved,
)
from trader.alerts.rules import UNTOLD_CHECKS, alert_for, alerts_for
from trader.domain.authority import Authority, Latch, Level
from trader.domain.control import Alert, AlertCode, CheckName, Language, Mode, Severity
from trader.domain.facts import (
    AuthorityChanged,
    BreakerCleared,
    BreakerCode,
    EngineStarted,
    EntriesPaused,
    Fact,
    FeeChanged,
    GateChanged,
    OrderIdsReserved,
    PauseEndsSoon,
    RefusalEnded,
)
from trader.domain.order import FINAL_STATES, LedgerName, OrderState
from trader.domain.trade_facts import OpenTrade
from trader.texts import render

A_DEMOTION = Authority(Level.PAPER, 2, Latch("PAPER", "7", AT_NS, None))
CRITICAL, WARNING, INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO
# Type of the fact, then code, severity, lasting, clears, and the key.
EXPECTED = [
    ("EngineStarted", "started", WARNING, False, False, "started:main"),
    ("EngineStopped", "stopped", INFO, False, False, "stopped:engine"),
    ("PositionsUnguarded", "position_unguarded", CRITICAL, False, False, "position_unguarded:live"),
    ("AuthorityChanged", "halted", CRITICAL, True, False, "halted:engine"),
    ("AuthorityChanged", "halted", INFO, False, True, "halted:engine"),
    ("AuthorityChanged", "demoted", CRITICAL, True, False, "demoted:engine"),
    ("AuthorityChanged", "demoted", INFO, False, True, "demoted:engine"),
    ("GateChanged", "live_blocked", WARNING, True, False, "live_blocked:gate"),
    ("GateChanged", "live_allowed", WARNING, False, True, "live_blocked:gate"),
    ("OrderMoved", "order_unknown", CRITICAL, True, False, "order_unknown:tr-1-1"),
    ("OrderMoved", "order_unknown", CRITICAL, True, False, "order_unknown:tr-1-1"),
    ("OrderMoved", "order_unknown", INFO, False, True, "order_unknown:tr-1-1"),
    (
        "RefusalBegan",
        "safety_rejection",
        WARNING,
        True,
        False,
        "safety_rejection:upbit-binance:upbit>binance:SLIPPAGE",
    ),
    (
        "RefusalEnded",
        "safety_rejection",
        INFO,
        False,
        True,
        "safety_rejection:upbit-binance:upbit>binance:SLIPPAGE",
    ),
    ("TradeOpened", "trade_opened", INFO, False, False, "trade_opened:t-1"),
    ("TradeClosed", "trade_closed", INFO, False, False, "trade_closed:t-1"),
    ("StopLossTriggered", "stop_loss", CRITICAL, False, False, "stop_loss:t-1"),
    ("ClosingStuck", "closing_stuck", CRITICAL, True, False, "closing_stuck:t-1"),
    ("ClosingFreed", "closing_stuck", INFO, False, True, "closing_stuck:t-1"),
    ("LegUnhedged", "leg_unhedged", CRITICAL, True, False, "leg_unhedged:t-1"),
    ("LegHedged", "leg_unhedged", INFO, False, True, "leg_unhedged:t-1"),
    ("DustMoved", "dust", INFO, False, False, "dust:t-1:upbit:BTC-KRW"),
    ("RebalanceBegan", "rebalance", WARNING, False, False, "rebalance:t-1"),
    (
        "DirectionEmptied",
        "direction_empty",
        INFO,
        True,
        False,
        "direction_empty:live:upbit-binance:upbit>binance",
    ),
    (
        "DirectionRefilled",
        "direction_empty",
        INFO,
        False,
        True,
        "direction_empty:live:upbit-binance:upbit>binance",
    ),
    ("InventorySkewed", "inventory_skew", INFO, True, False, "inventory_skew:live:BTC"),
    ("InventoryLevelled", "inventory_skew", INFO, False, True, "inventory_skew:live:BTC"),
    (
        "BreakerTripped",
        "breaker_tripped",
        CRITICAL,
        True,
        False,
        "breaker_tripped:live:REJECT_RATE:upbit",
    ),
    ("BreakerTripped", "daily_loss_limit", CRITICAL, True, False, "daily_loss_limit:live"),
    (
        "BreakerCleared",
        "breaker_tripped",
        INFO,
        False,
        True,
        "breaker_tripped:live:REJECT_RATE:upbit",
    ),
    ("BreakerCleared", "daily_loss_limit", INFO, False, True, "daily_loss_limit:live"),
    ("FeedWentStale", "feed_stale", WARNING, True, False, "feed_stale:upbit:BTC-KRW"),
    ("FeedRecovered", "feed_recovered", INFO, False, True, "feed_stale:upbit:BTC-KRW"),
    ("FeeChanged", "system_error", WARNING, False, False, "system_error:fee_changed:upbit:BTC-KRW"),
    ("EntriesPaused", "paused", INFO, True, False, "paused:entries"),
    ("EntriesPaused", "paused", INFO, True, False, "paused:entries:upbit"),
    (
        "PauseEndsSoon",
        "paused",
        WARNING,
        False,
        False,
        f"paused:ends_soon:upbit:{AT_NS + 120_000_000_000}",
    ),
    ("EntriesResumed", "resumed", INFO, False, True, "paused:entries"),
    ("EntriesResumed", "resumed", INFO, False, True, "paused:entries:upbit"),
    ("FaultRecorded", "system_error", WARNING, False, False, "system_error:feeds.upbit"),
    ("ClosingsRevoked", "position_unguarded", CRITICAL, True, False, "position_unguarded:revoked"),
    ("ClosingsRestored", "position_unguarded", INFO, False, True, "position_unguarded:revoked"),
    ("OrdersAtHalt", "halted", CRITICAL, False, False, "halted:in_flight:5"),
    ("OrdersAtHaltEnded", "halted", WARNING, False, False, "halted:ended:5"),
    (
        "OrdersAdopted",
        "reconciliation_mismatch",
        WARNING,
        False,
        False,
        "reconciliation_mismatch:adopted:t-1",
    ),
    (
        "BalanceMissed",
        "reconciliation_mismatch",
        WARNING,
        True,
        False,
        "reconciliation_mismatch:upbit:BTC",
    ),
    (
        "BalanceSettled",
        "reconciliation_mismatch",
        INFO,
        False,
        True,
        "reconciliation_mismatch:upbit:BTC",
    ),
]


def told(fact: Fact) -> Alert:
    alert = alert_for(fact)
    assert alert is not None
    return alert


class TestEveryFact:
    def test_is_either_told_or_silent_on_purpose(self) -> None:
        """A new fact must be decided about."""
        told_types = {type(fact) for fact in TOLD_FACTS}

        assert told_types | SILENT_FACTS == set(get_args(Fact))
        assert not told_types & SILENT_FACTS

    def test_that_is_told_has_its_code_severity_and_key(self) -> None:
        """Keys are what alerts of one story share, so they must not drift."""
        found = [
            (type(fact).__name__, a.code, a.severity, a.lasting, a.clears, a.key)
            for fact in TOLD_FACTS
            for a in [told(fact)]
        ]

        assert found == EXPECTED

    def test_that_is_silent_raises_nothing(self) -> None:
        """Facts for replay and counting would drown the others."""
        assert alerts_for((OrderIdsReserved(AT_NS, 5), OrderIdsReserved(AT_NS, 9))) == ()

    @pytest.mark.parametrize("language", Language)
    @pytest.mark.parametrize("fact", TOLD_FACTS, ids=lambda fact: type(fact).__name__)
    def test_fills_its_whole_text(self, fact: Fact, language: Language) -> None:
        """No figure is missing where the fact is complete."""
        text = render(told(fact), language)

        assert "–" not in text
        assert "{" not in text

    @pytest.mark.parametrize("fact", TOLD_FACTS, ids=lambda fact: type(fact).__name__)
    def test_about_money_names_its_ledger(self, fact: Fact) -> None:
        """Play money must never look like real money."""
        if hasattr(fact, "ledger"):
            assert told(fact).fields["ledger"] == fact.ledger

    def test_keeps_its_order(self) -> None:
        """Alerts follow their facts."""
        alerts = alerts_for(TOLD_FACTS)

        assert [alert.key for alert in alerts] == [key for *_, key in EXPECTED]


class TestPauses:
    @pytest.mark.parametrize("language", Language)
    def test_say_what_they_are_of_and_until_when(self, language: Language) -> None:
        """Beside who and why; the times of the command are no news."""
        until_ns = 1_767_571_500_000_000_000
        pause = EntriesPaused(AT_NS, "kim", "lunch", "upbit", until_ns, AT_NS, AT_NS)

        alert = told(pause)
        text = render(alert, language)

        assert alert.fields.keys() == {"by", "reason", "scope", "until_ns"}
        assert "upbit" in text
        assert "09:05" in text

    @pytest.mark.parametrize("language", Language)
    def test_of_everything_without_end_name_neither(self, language: Language) -> None:
        """No line is left with nothing in it."""
        text = render(told(EntriesPaused(AT_NS, "kim")), language)

        assert len(text.splitlines()) == 4

    def test_that_end_soon_carry_what_prolonging_needs(self) -> None:
        """The scope and the end that is near."""
        fields = told(PauseEndsSoon(AT_NS, "upbit", 7)).fields

        assert fields == {"scope": "upbit", "until_ns": "7", "variant": "ends_soon"}


class TestProcess:
    def test_a_start_in_mock_is_quiet(self) -> None:
        """Only an engine that may trade live is news at night."""
        assert told(EngineStarted(AT_NS, "main", Mode.MOCK, "0.1.0")).severity is INFO

    @pytest.mark.parametrize("mode", [Mode.MOCK, Mode.PAPER])
    @pytest.mark.parametrize("live", [True, False])
    def test_the_gate_is_told_in_live_mode_only(self, mode: Mode, live: bool) -> None:
        """Elsewhere it is shut by design."""
        assert alert_for(GateChanged(AT_NS, mode, live, ())) is None

    @pytest.mark.parametrize("live", [True, False])
    def test_a_suspension_that_is_only_counted_is_not_told(self, live: bool) -> None:
        """Neither that it began nor that it is over."""
        assert alert_for(GateChanged(AT_NS, Mode.LIVE, live, (), told=False)) is None

    def test_a_halt_says_what_is_open(self) -> None:
        """Nobody should have to ask for it first."""
        trades = (OpenTrade(PAIR, DIRECTION, Decimal(99594)),) * 2
        some, none = AuthorityChanged(AT_NS, A_HALT, trades), AuthorityChanged(AT_NS, A_HALT)

        text = render(told(some), Language.EN)
        assert "Open live: 2" in text
        assert text.count("• upbit-binance: sell upbit, buy binance, 99,594 ₩") == 2
        assert "Open live: 0" in render(told(none), Language.EN)

    @pytest.mark.parametrize("mode", [Mode.MOCK, Mode.PAPER])
    def test_a_demotion_is_no_emergency_where_nothing_is_live(self, mode: Mode) -> None:
        """No live trading was lost, and nothing lasts that anybody should end."""
        alert = told(AuthorityChanged(AT_NS, A_DEMOTION, mode=mode))

        assert (alert.code, alert.severity) == (AlertCode.DEMOTED, INFO)
        assert (alert.lasting, alert.clears) == (False, False)
        assert "no live trading was lost" in render(alert, Language.EN)

    @pytest.mark.parametrize("mode", [None, Mode.LIVE])
    def test_a_demotion_lasts_where_live_trading_is_lost(self, mode: Mode | None) -> None:
        """Also where the record is older than the mode in it."""
        alert = told(AuthorityChanged(AT_NS, A_DEMOTION, mode=mode))

        assert (alert.severity, alert.lasting) == (CRITICAL, True)

    @pytest.mark.parametrize("mode", Mode)
    def test_a_halt_is_critical_in_every_mode(self, mode: Mode) -> None:
        """It stops everything, on paper as well."""
        alert = told(AuthorityChanged(AT_NS, A_HALT, mode=mode))

        assert (alert.severity, alert.lasting) == (CRITICAL, True)

    def test_both_messages_of_a_halt_stay_apart(self) -> None:
        """The second would be folded into the first, and nobody would read it."""
        assert told(A_FLIGHT).key != told(THEIR_ENDS).key


class TestRefusals:
    @pytest.mark.parametrize("check", sorted(UNTOLD_CHECKS))
    def test_a_market_below_our_thresholds_is_not_told(self, check: CheckName) -> None:
        """A healthy system refuses so all day long."""
        ended = RefusalEnded(AT_NS, PAIR, DIRECTION, check, 3, AT_NS)

        assert alerts_for((a_refusal(check), ended)) == ()

    @pytest.mark.parametrize("check", list(CheckName))
    def test_a_stale_book_is_told_once_and_by_itself(self, check: CheckName) -> None:
        """Nine checks look at it; nine messages beside the one that says so would hide that one."""
        assert alert_for(a_refusal(check, fault="stale")) is None

    @pytest.mark.parametrize("check", sorted(UNTOLD_CHECKS))
    def test_an_input_at_fault_is_told_whatever_the_check(self, check: CheckName) -> None:
        """A limit that is unset or a number that is none is no market; nothing clears it."""
        alert = told(a_refusal(check, fault="limit unset"))

        assert alert.fields["fault"] == "limit unset"
        assert not alert.lasting

    @pytest.mark.parametrize("check", sorted(set(CheckName) - UNTOLD_CHECKS))
    def test_every_other_refusal_is_told_and_cleared(self, check: CheckName) -> None:
        """It says the numbers when it begins and how often when it ends."""
        ended = RefusalEnded(AT_NS, PAIR, DIRECTION, check, 3, AT_NS - 2_000_000)

        began, over = alerts_for((a_refusal(check), ended))

        assert (began.fields["value"], began.fields["limit"]) == ("0.35", "0.30")
        assert began.fields["ledger"] == "paper"
        assert began.key == over.key
        assert (over.fields["count"], over.fields["lasted_ms"]) == ("3", "2")


class TestOrders:
    @pytest.mark.parametrize("state", sorted(FINAL_STATES))
    def test_any_final_state_clears(self, state: OrderState) -> None:
        """What is final is known."""
        assert told(an_order_moved(state)).clears

    @pytest.mark.parametrize(
        "state",
        sorted(set(OrderState) - FINAL_STATES - {OrderState.UNKNOWN, OrderState.QUARANTINED}),
    )
    def test_everyday_states_are_not_told(self, state: OrderState) -> None:
        """Orders come and go."""
        assert alert_for(an_order_moved(state)) is None

    def test_a_quarantined_order_has_a_text_of_its_own(self) -> None:
        """What to do about it differs."""
        unknown = render(told(an_order_moved(OrderState.UNKNOWN)), Language.EN)
        quarantined = render(told(an_order_moved(OrderState.QUARANTINED)), Language.EN)

        assert unknown.startswith("🚨 [LIVE] Unknown order: tr-1-1")
        assert quarantined.startswith("🚨 [LIVE] Quarantined order: tr-1-1")


class TestBreakers:
    @pytest.mark.parametrize("breaker", BreakerCode)
    @pytest.mark.parametrize(
        ("ledger", "severity"), [(LedgerName.LIVE, CRITICAL), (LedgerName.PAPER, WARNING)]
    )
    def test_are_critical_for_live_money_alone(
        self, breaker: BreakerCode, ledger: LedgerName, severity: Severity
    ) -> None:
        """The paper ledger's limits touch nothing live."""
        assert told(a_breaker(breaker, ledger)).severity is severity

    @pytest.mark.parametrize("breaker", BreakerCode)
    def test_are_cleared_under_the_key_they_were_told(self, breaker: BreakerCode) -> None:
        """Otherwise the story would never end."""
        cleared = BreakerCleared(AT_NS, PAPER, breaker, "upbit")

        assert told(cleared).key == told(a_breaker(breaker, PAPER)).key

    def test_ledgers_do_not_clear_each_other(self) -> None:
        """Two ledgers, two stories."""
        paper = BreakerCleared(AT_NS, PAPER, BreakerCode.DAILY_LOSS, "")

        assert told(paper).key != told(a_breaker(BreakerCode.DAILY_LOSS)).key

    def test_the_daily_loss_shows_loss_and_limit(self) -> None:
        """In won, both."""
        alert = told(a_breaker(BreakerCode.DAILY_LOSS))

        assert alert.code is AlertCode.DAILY_LOSS_LIMIT
        assert "Loss today 11 ₩, limit 10 ₩" in render(alert, Language.EN)


def test_only_a_risen_fee_sounds() -> None:
    """A lower fee costs no signal."""
    fell = FeeChanged(AT_NS, UPBIT_BTC, Decimal("0.139"), Decimal("0.05"))

    assert told(fell).severity is INFO
