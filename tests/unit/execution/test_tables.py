"""Facts as JSON, and the rows they add."""

from decimal import Decimal
from math import inf, isnan, nan

import msgspec
import pytest

from tests.support.facts import (
    AT_NS,
    FACT_KINDS,
    UPBIT_BTC,
    a_booking,
    a_closing,
    a_refusal,
    a_sample,
    an_abandonment,
    an_approval,
    an_opening,
)
from trader.domain.facts import (
    AuthorityChanged,
    ClosingOrdered,
    EntriesPaused,
    EntriesResumed,
    Fact,
    FaultRecorded,
    FeedWentStale,
)
from trader.domain.order import LedgerName, Purpose, TradeId
from trader.execution.tables import INSERT_FACT, MIGRATIONS, fact_from, rows_of

AN_ORDER = ClosingOrdered(AT_NS, LedgerName.LIVE, Purpose.FLATTEN, (TradeId("T1"),), by="kim")


def body_of(fact: Fact) -> str:
    """The JSON a fact is stored as."""
    return str(rows_of([fact])[INSERT_FACT][0][2])


class TestFactJson:
    def test_is_tagged_by_the_name_of_its_class(self) -> None:
        """The tag is how a later program knows what it reads."""
        tags = [kind.__struct_config__.tag for kind in FACT_KINDS]

        assert tags == [kind.__name__ for kind in FACT_KINDS]

    def test_keeps_an_age_that_is_infinite(self) -> None:
        """A book never confirmed has no finite age, and JSON has no word for that."""
        fact = FeedWentStale(AT_NS, UPBIT_BTC, age_ms=inf)

        assert fact_from(body_of(fact)) == fact

    def test_keeps_an_age_that_is_no_number(self) -> None:
        """Nonsense that was measured must not make the journal unreadable."""
        fact = fact_from(body_of(FeedWentStale(AT_NS, UPBIT_BTC, age_ms=nan)))

        assert isinstance(fact, FeedWentStale)
        assert isnan(fact.age_ms)

    def test_keeps_every_digit(self) -> None:
        """Money never passes through a float."""
        fact = a_closing(pnl_krw="0.1234567890123456789012345678901234567890")

        assert fact_from(body_of(fact)) == fact

    def test_reads_a_fact_written_before_a_field_was_added(self) -> None:
        """Fields are added with a default."""
        body = f'{{"type":"EntriesPaused","at_ns":{AT_NS},"by":"host"}}'

        assert fact_from(body) == EntriesPaused(AT_NS, by="host", reason="")

    def test_reads_what_was_permitted_before_scopes_and_host_times(self) -> None:
        """A pause was of everything then, and had no end."""
        authority = '{"level":0,"revision":1,"latch":null,"nothing_goes":false,"used_up":false}'
        resumed = fact_from(f'{{"type":"EntriesResumed","at_ns":{AT_NS},"by":"host"}}')
        halted = fact_from(
            f'{{"type":"AuthorityChanged","at_ns":{AT_NS},"authority":{authority},"open_trades":[]}}'
        )

        assert resumed == EntriesResumed(AT_NS, by="host", scope="", host_ns=0, written_ns=0)
        assert isinstance(halted, AuthorityChanged)
        assert (halted.host_ns, halted.written_ns) == (0, 0)

    def test_refuses_a_kind_it_does_not_know(self) -> None:
        """To skip a fact would be to rebuild another account."""
        with pytest.raises(msgspec.DecodeError):
            fact_from('{"type":"MoonLanded","at_ns":1}')


class TestRows:
    @pytest.mark.parametrize(
        ("fact", "table"),
        [
            (an_approval(), "intents"),
            (an_approval(), "decisions"),
            (a_refusal(), "decisions"),
            (a_refusal(), "refusals"),
            (a_booking(), "fills"),
            (an_opening(), "trades"),
            (an_abandonment(), "trades"),
            (a_closing(), "trades"),
            (a_sample(), "equity_samples"),
            (EntriesPaused(AT_NS, by="host"), "operator_actions"),
            (EntriesResumed(AT_NS, by="host"), "operator_actions"),
            (AN_ORDER, "operator_actions"),
        ],
    )
    def test_a_fact_that_is_asked_about_has_a_row(self, fact: Fact, table: str) -> None:
        """What a question reads is written with the fact it comes from."""
        statements = rows_of([fact])

        assert any(f"INTO {table} " in statement for statement in statements)

    def test_an_act_says_what_it_was_about(self) -> None:
        """The scope of a pause, the trades of an ordered closing, beside who and what."""
        pause = EntriesPaused(AT_NS, "kim", "lunch", scope="upbit")
        rows = rows_of([pause, EntriesResumed(AT_NS, "kim", "upbit"), AN_ORDER])

        (acts,) = [rows[sql] for sql in rows if "INTO operator_actions" in sql]

        assert acts == [
            (AT_NS, "pause", "kim", "upbit: lunch"),
            (AT_NS, "resume", "kim", "upbit"),
            (AT_NS, "flatten", "kim", "live T1"),
        ]

    def test_a_fact_nobody_asks_about_stands_alone(self) -> None:
        """It costs one row and no more."""
        assert list(rows_of([FaultRecorded(AT_NS, "here", "text")])) == [INSERT_FACT]

    def test_money_is_text(self) -> None:
        """A REAL column would lose digits."""
        (fill,) = next(rows for sql, rows in rows_of([a_booking()]).items() if "INTO fills" in sql)

        assert str(Decimal("500.10")) in fill
        assert not any(isinstance(value, float) for value in fill)

    def test_every_table_is_strict(self) -> None:
        """SQLite otherwise keeps whatever type it is handed."""
        script = "".join(MIGRATIONS)

        assert script.count("CREATE TABLE") == script.count(") STRICT")
