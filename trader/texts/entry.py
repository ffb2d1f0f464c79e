"""The shape of a text: what an alert says, and what a reason means with the way to mend it."""

from collections.abc import Mapping

from msgspec import Struct


class AlertText(Struct, frozen=True):
    """What one kind of alert says in one language; ``{names}`` are filled from the alert's fields.

    A line whose fields are not all known is left out, so one text serves richer and poorer records.
    ``cleared`` is the title once the condition is over; kinds that end nothing leave it empty.
    """

    title: str
    lines: tuple[str, ...]
    action: str
    cleared: str = ""
    cleared_lines: tuple[str, ...] = ()


class Explanation(Struct, frozen=True):
    """Why something stands in the way, as a sentence, and what mends it."""

    sentence: str
    mend: str


class OrderWords(Struct, frozen=True):
    """How an order and its end are told in a line; ``states`` by the state it is in."""

    order: str
    sides: Mapping[str, str]
    at_limit: str
    at_mid: str
    at_market: str
    filled: str
    filled_partly: str
    unfilled: str
    states: Mapping[str, str]
    more: str


class Words(Struct, frozen=True):
    """All that one language needs to tell alerts.

    ``texts`` goes by alert code, or code and variant with a dot between; ``purposes`` by the
    purpose of an order, ``causes`` by our guess at why a balance differs; ``ledgers`` are the tags
    that say whose money it is about.
    """

    texts: Mapping[str, AlertText]
    purposes: Mapping[str, str]
    ledgers: Mapping[str, str]
    to_do: str
    nothing: str
    direction: str
    and_more: str
    causes: Mapping[str, str]
    orders: OrderWords
