"""How far our clock is ahead of a venue's, where only the Date header of its answers tells.

The header counts whole seconds. One answer says that the venue's clock stood somewhere in that
second while the request was on its way; answers asked for where the second is expected to change
halve what is possible each time.
"""

from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime

from trader.domain.clock import Stamp
from trader.domain.errors import OutcomeUnknown
from trader.execution.venue import Asking
from trader.wire.http import HttpAnswer, HttpRequest

_SAMPLES = 5
_SECOND_NS = 1_000_000_000
_ENOUGH_NS = 400_000_000
"""The midpoint of what is left is then less than 200 ms off."""
_MS = 1_000_000


async def skew_from_date(
    ask: Asking,
    request: HttpRequest,
    now: Callable[[], Stamp],
    sleep: Callable[[float], Awaitable[None]],
) -> float:
    """Milliseconds our clock is ahead, signed; at most five requests in about five seconds.

    Raises:
        VenueUnavailable: a request did not leave.
        OutcomeUnknown: an answer did not come, or without a date.
    """
    low_ns, high_ns = await _sample(ask, request, now)
    trip_ns = high_ns - low_ns - _SECOND_NS
    for _ in range(_SAMPLES - 1):
        if high_ns - low_ns <= _ENOUGH_NS:
            break
        # Were the middle true, the venue's second would change as the request arrives.
        expected_ns = now().at_ns + trip_ns // 2 - (low_ns + high_ns) // 2
        await sleep((-expected_ns % _SECOND_NS) / _SECOND_NS)
        low, high = await _sample(ask, request, now)
        trip_ns = high - low - _SECOND_NS
        if low < high_ns and low_ns < high:
            low_ns, high_ns = max(low, low_ns), min(high, high_ns)
        else:
            # A clock was set meanwhile, or another of the venue's hosts answered.
            low_ns, high_ns = low, high
    return (low_ns + high_ns) / 2 / _MS


async def _sample(ask: Asking, request: HttpRequest, now: Callable[[], Stamp]) -> tuple[int, int]:
    """The least and the most our clock can be ahead, by one answer, in nanoseconds."""
    asked = now()
    answer = await ask(request)
    answered_ns = asked.at_ns + now().mono_ns - asked.mono_ns
    date_ns = _date_ns(answer)
    return asked.at_ns - date_ns - _SECOND_NS, answered_ns - date_ns


def _date_ns(answer: HttpAnswer) -> int:
    text = answer.headers.get("date", "")
    try:
        moment = parsedate_to_datetime(text)
        return int(moment.timestamp()) * _SECOND_NS
    except (ValueError, TypeError, OverflowError):
        raise OutcomeUnknown(f"an answer without a date: {text[:40]!r}") from None
