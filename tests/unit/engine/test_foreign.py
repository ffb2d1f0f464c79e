"""An order of a foreign epoch: another engine on this account, or another state of this one."""

from decimal import Decimal

from tests.support.account_looks import a_stated, look
from tests.support.builders import SECOND_NS, UPBIT_BTC
from tests.support.live_desk import LiveDesk
from trader.domain.authority import Level
from trader.domain.control import Accept, ReplyCode
from trader.domain.events import OrderReported, StatedOrder
from trader.domain.facts import (
    BreakerCleared,
    BreakerCode,
    BreakerTripped,
    EpochAccepted,
    FaultRecorded,
    OrdersAdopted,
)
from trader.domain.order import ClientOrderId, LedgerName, OrderState

HOUR_S = 3_600
STRANGER = "tr-desk-zzzz0000-5"


def stranger(desk: LiveDesk, order_id: str = STRANGER, age_s: int = 60) -> StatedOrder:
    """A foreign order that was filled a minute ago."""
    return a_stated(order_id, created_ns=desk.at_ns - age_s * SECOND_NS)


def standing(desk: LiveDesk) -> list[str]:
    """Whose breakers stand."""
    keys = desk.engine.state.breakers_of(LedgerName.LIVE)
    return [subject for code, subject in keys if code is BreakerCode.FOREIGN_EPOCH]


class TestTrips:
    def test_and_demotes(self) -> None:
        """Two engines on one account would trade with each other's money."""
        desk = LiveDesk()
        desk.go_live()

        look(desk, stranger(desk))
        desk.tick()

        (tripped,) = desk.all(BreakerTripped)
        assert (tripped.breaker, tripped.subject) == (BreakerCode.FOREIGN_EPOCH, "desk-zzzz0000")
        desk.sense(breakers=(BreakerCode.FOREIGN_EPOCH.value,))
        desk.tick()
        assert desk.level() is Level.PAPER

    def test_once_for_each_maker(self) -> None:
        """Not with every look, and not for every order."""
        desk = LiveDesk()
        desk.begin()

        for number in range(5, 9):
            look(desk, stranger(desk, f"tr-desk-zzzz0000-{number}"))
        look(desk, stranger(desk, "tr-main-yyyy0000-5"))

        assert [fact.subject for fact in desk.all(BreakerTripped)] == [
            "desk-zzzz0000",
            "main-yyyy0000",
        ]

    def test_on_what_the_stream_tells_at_once(self) -> None:
        """Not only at the next look."""
        desk = LiveDesk()
        desk.begin()

        desk.process(
            OrderReported(
                desk.at_ns, desk.mono_ns, ClientOrderId(STRANGER), OrderState.FILLED, Decimal(1)
            )
        )

        assert standing(desk) == ["desk-zzzz0000"]
        assert desk.all(FaultRecorded) == []

    def test_not_on_an_order_of_the_operator_s_own(self) -> None:
        """Whoever trades by hand is free to; a look only counts them."""
        desk = LiveDesk()
        desk.begin()

        look(desk, others=[UPBIT_BTC])

        assert standing(desk) == []

    def test_nothing_foreign_is_ever_adopted(self) -> None:
        """Its money is not counted here."""
        desk = LiveDesk()
        desk.begin()
        before = dict(desk.live.balances)

        look(desk, stranger(desk))

        assert desk.all(OrdersAdopted) == []
        assert {h: q for h, q in desk.live.balances.items() if q} == before

    def test_at_most_so_many_makers_stand(self) -> None:
        """One is enough to stop; a thousand would only be noise."""
        desk = LiveDesk()
        desk.begin()

        look(desk, *(stranger(desk, f"tr-desk-zzzz{n:04d}-5") for n in range(1_000)))

        assert len(standing(desk)) == 20


class TestClears:
    def test_when_a_day_has_passed_without_any(self) -> None:
        """It is gone."""
        desk = LiveDesk()
        desk.begin()
        look(desk, stranger(desk))

        desk.pass_ms(23 * HOUR_S * 1_000)
        look(desk)
        early = standing(desk)
        desk.pass_ms(HOUR_S * 1_000)
        look(desk)

        assert early == ["desk-zzzz0000"]
        assert standing(desk) == []
        assert [fact.breaker for fact in desk.all(BreakerCleared)] == [BreakerCode.FOREIGN_EPOCH]

    def test_not_while_it_goes_on(self) -> None:
        """Each order begins the day anew."""
        desk = LiveDesk()
        desk.begin()
        for number in range(30):
            look(desk, stranger(desk, f"tr-desk-zzzz0000-{5 + number}"))
            desk.pass_ms(HOUR_S * 1_000)
        look(desk)

        assert standing(desk) == ["desk-zzzz0000"]

    def test_one_that_was_gone_before_it_was_found_never_trips(self) -> None:
        """A fresh journal may look back further than a day."""
        desk = LiveDesk()
        desk.begin()

        look(desk, stranger(desk, age_s=25 * HOUR_S))

        assert standing(desk) == []

    def test_one_that_its_venue_does_not_date_counts_as_new(self) -> None:
        """In doubt it is there."""
        desk = LiveDesk()
        desk.begin()

        look(desk, a_stated(STRANGER))

        assert standing(desk) == ["desk-zzzz0000"]

    def test_over_a_restart_too(self) -> None:
        """Nothing of it was seen since; the breaker itself says since when."""
        desk = LiveDesk()
        desk.begin()
        look(desk, stranger(desk))
        later = LiveDesk(restored=desk.history, at_ns=desk.at_ns + 24 * HOUR_S * SECOND_NS)
        later.start()

        look(later)

        assert standing(later) == []


class TestAccepted:
    def test_is_over_at_once_and_not_told_again(self) -> None:
        """The operator knows of what there was."""
        desk = LiveDesk()
        desk.begin()
        look(desk, stranger(desk))

        reply = desk.command(Accept("host")).reply
        look(desk, stranger(desk))

        assert reply is not None
        assert (reply.code, reply.details) == (ReplyCode.ACCEPTED, ("desk-zzzz0000",))
        assert standing(desk) == []
        assert [(f.epoch, f.upto, f.by) for f in desk.all(EpochAccepted)] == [
            ("zzzz0000", 5, "host")
        ]

    def test_a_further_order_trips_again(self) -> None:
        """The second engine was not stopped."""
        desk = LiveDesk()
        desk.begin()
        look(desk, stranger(desk))
        desk.command(Accept("host"))

        look(desk, stranger(desk, "tr-desk-zzzz0000-6"))

        assert standing(desk) == ["desk-zzzz0000"]

    def test_not_before_anything_was_seen(self) -> None:
        """Right after a start nobody knows up to which order."""
        desk = LiveDesk()
        desk.begin()
        look(desk, stranger(desk))
        later = LiveDesk(restored=desk.history)
        later.start()

        reply = later.command(Accept("host")).reply

        assert reply is not None
        assert reply.code is ReplyCode.NOT_SENSED
        assert standing(later) == ["desk-zzzz0000"]

    def test_where_nothing_stands_nothing_is_accepted(self) -> None:
        """And the reply says so."""
        desk = LiveDesk()
        desk.begin()

        reply = desk.command(Accept("host", "upbit:BTC")).reply

        assert reply is not None
        assert (reply.code, reply.changed) == (ReplyCode.NOTHING_TO_ACCEPT, False)
