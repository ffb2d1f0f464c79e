"""Accepting: an operator explains what no record of ours could, and what follows from it.

Accepted differences are over at once. A quarantined order is closed by its venue's own word: it is
asked once more, and only if it still knows nothing does the operator's word stand.
"""

from trader.domain.control import Accept, ReplyCode
from trader.domain.facts import OrderAccepted
from trader.domain.order import ClientOrderId, LedgerName, Order, OrderState
from trader.engine.balances import Balances, subject_of
from trader.engine.foreign import Foreigners
from trader.engine.said import Said, order_line, short
from trader.engine.state import State

EVERYTHING = ""
"""What names every difference that stands; a quarantined order must be named by its id."""


class Accepting:
    """Does what ``Accept`` asks."""

    def __init__(self, state: State, balances: Balances, foreigners: Foreigners) -> None:
        self._state = state
        self._balances = balances
        self._foreigners = foreigners

    def accept(self, command: Accept) -> Said:
        """Accept one difference, or all that stand."""
        subject = command.subject
        order = self._state.ledgers[LedgerName.LIVE].orders.get(ClientOrderId(subject))
        if order is not None:
            return self._accept_order(order, command)
        holdings = {*self._state.discrepancies.missing, *self._balances.short}
        wanted = sorted(h for h in holdings if subject in (EVERYTHING, subject_of(h)))
        for holding in wanted:
            self._balances.settle(holding, command.by, command.written_ns)
        makers = [one for one in self._foreigners.makers if subject in (EVERYTHING, one)]
        accepted = [
            maker
            for maker in makers
            if self._foreigners.accept(maker, command.by, command.written_ns)
        ]
        lines = short([*map(subject_of, wanted), *accepted])
        if lines:
            return Said(ReplyCode.ACCEPTED, details=lines, did_something=True)
        # Nothing was seen of them since the start, so nobody knows how far they went.
        code = ReplyCode.NOT_SENSED if makers else ReplyCode.NOTHING_TO_ACCEPT
        return Said(code, ledger=LedgerName.LIVE)

    def _accept_order(self, order: Order, command: Accept) -> Said:
        state, details = self._state, (order_line(order),)
        order_id = order.approved.client_order_id
        if order.state is not OrderState.QUARANTINED:
            return Said(ReplyCode.NOT_QUARANTINED, details=details, ledger=LedgerName.LIVE)
        is_new = order_id not in state.discrepancies.accepted
        if is_new:
            state.record(
                OrderAccepted(state.now_ns, command.by, order_id, state.host_ns, command.written_ns)
            )
        return Said(
            ReplyCode.ASKING_VENUE,
            details=details,
            ledger=LedgerName.LIVE,
            did_something=is_new,
        )
