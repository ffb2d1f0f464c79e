"""Settings: all sections together, read once and never changed."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Self, get_args

from pydantic import BaseModel, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from trader.config.consistency import CONFLICTS, conflicts, notable
from trader.config.operation import (
    AlertSection,
    BotSection,
    EngineSection,
    JournalSection,
    LoggingSection,
    MetricsServer,
    Mock,
    Paper,
    RedisSection,
    Schedule,
)
from trader.config.rules import Rule
from trader.config.section import Section
from trader.config.trading import (
    Breakers,
    Execution,
    LiveGuards,
    ModeSection,
    PositionEngine,
    Rebalancer,
    Safety,
    Stoploss,
    StrategySection,
)
from trader.config.venue_sections import OwnVenue, Venues
from trader.credentials import Secret

Key = tuple[str, ...]
"""A key's place, from its section inwards: ``("safety", "max_slippage_pct")``."""

OWN: Key = ("venues", "own")
"""Where the user's own venues stand, each under its name."""


class Settings(Section):
    """Every setting of the program; without arguments, every default."""

    mode: ModeSection = ModeSection()
    live_guards: LiveGuards = LiveGuards()
    safety: Safety = Safety()
    breakers: Breakers = Breakers()
    execution: Execution = Execution()
    strategy: StrategySection = StrategySection()
    position_engine: PositionEngine = PositionEngine()
    stoploss: Stoploss = Stoploss()
    rebalancer: Rebalancer = Rebalancer()
    venues: Venues = Venues()
    alert: AlertSection = AlertSection()
    bot: BotSection = BotSection()
    schedule: Schedule = Schedule()
    journal: JournalSection = JournalSection()
    redis: RedisSection = RedisSection()
    metrics_server: MetricsServer = MetricsServer()
    logging: LoggingSection = LoggingSection()
    engine: EngineSection = EngineSection()
    mock: Mock = Mock()
    paper: Paper = Paper()

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        found = conflicts(self)
        if found:
            raise PydanticCustomError(CONFLICTS, "settings contradict each other", {"found": found})
        return self

    def warnings(self) -> tuple[str, ...]:
        """What is allowed but should not go unseen, a sentence each."""
        return notable(self)

    def secrets(self) -> Iterator[Secret]:
        """Every secret that is set, for whoever must keep them out of sight."""
        for key in secret_keys(self.venues.own):
            value: object = self
            for part in key:
                value = value[part] if isinstance(value, Mapping) else getattr(value, part)
            if isinstance(value, Secret) and value:
                yield value

    def shown(self) -> Iterator[tuple[str, str]]:
        """Every key, dotted, with its value as text; secrets masked."""
        return _shown(self, "")


def rules(model: type[BaseModel] = Settings, within: Key = ()) -> Iterator[tuple[Key, Rule]]:
    """Every key that has a rule, and the rule; keys of list entries are left out."""
    for key, field in fields(model, within):
        for rule in field.metadata:
            if isinstance(rule, Rule):
                yield key, rule


def fields(model: type[BaseModel] = Settings, within: Key = ()) -> Iterator[tuple[Key, FieldInfo]]:
    """Every key below ``model`` that holds a value, not a section, by the name the file uses."""
    for name, field in model.model_fields.items():
        key = (*within, field.alias or name)
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from fields(kind, key)
        else:
            yield key, field


def own_fields(name: str) -> Iterator[tuple[Key, FieldInfo]]:
    """Every key of the user's own venue of that name."""
    return fields(OwnVenue, (*OWN, name))


def secret_keys(own: Iterable[str] = ()) -> frozenset[Key]:
    """The keys whose values are never shown; those of the user's own venues where named."""
    found = [*fields(), *(one for name in own for one in own_fields(name))]
    return frozenset(key for key, field in found if _is_secret(field))


def _is_secret(field: FieldInfo) -> bool:
    return field.annotation is Secret or Secret in get_args(field.annotation)


def _shown(section: Section, within: str) -> Iterator[tuple[str, str]]:
    for name, field in type(section).model_fields.items():
        dotted = f"{within}{field.alias or name}"
        value: object = getattr(section, name)
        if isinstance(value, Section):
            yield from _shown(value, f"{dotted}.")
        else:
            yield from _shown_value(value, dotted)


def _shown_value(value: object, dotted: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, tuple) and any(isinstance(one, Section) for one in value):
        for place, one in enumerate(value):
            yield from _shown_value(one, f"{dotted}[{place}]")
    elif isinstance(value, Section):
        yield from _shown(value, f"{dotted}.")
    elif isinstance(value, Mapping) and any(isinstance(one, Section) for one in value.values()):
        for name, one in value.items():
            yield from _shown_value(one, f"{dotted}.{name}")
    elif isinstance(value, Mapping):
        # A strategy's own options may hold a key of its own; only their names are shown.
        yield dotted, ", ".join(value) or "none"
    elif isinstance(value, bool):
        yield dotted, "true" if value else "false"
    else:
        yield dotted, "unset" if value is None else str(value) or "unset"
