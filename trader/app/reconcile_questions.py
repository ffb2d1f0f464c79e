"""What the host asks a running engine about its reconciliation: all of it, or one order."""

from trader.app.answers.arguments import Given
from trader.app.answers.ground import figures
from trader.app.connectors import Connectors
from trader.app.reconciling import DAY_NS, compared, known_order, see
from trader.domain.answers import Origin
from trader.domain.clock import Clock
from trader.domain.errors import PortError
from trader.engine.engine import Engine
from trader.port.local import Figures, Questions

RECONCILE, ORDER = "reconcile", "order"


def reconcile_questions(engine: Engine, connectors: Connectors | None, clock: Clock) -> Questions:
    """``reconcile`` asks the venues anew; without ``connectors`` there is no account to ask."""

    def origin() -> Origin:
        rules = engine.state.rules
        return Origin(rules.name, rules.mode, clock.now().at_ns)

    async def reconcile(arguments: Figures) -> Figures:
        Given(RECONCILE, arguments)
        if connectors is None:
            mode = engine.state.rules.mode.value
            raise PortError(f"the engine that runs here is in mode {mode}, without an account")
        seen = await see(connectors.accounts(), clock.now().at_ns - DAY_NS)
        return figures(compared(engine, origin(), seen))

    def order(arguments: Figures) -> Figures:
        given = Given(ORDER, arguments, ("id",))
        return figures(known_order(engine, origin(), given.text("id")))

    return {RECONCILE: reconcile, ORDER: order}
