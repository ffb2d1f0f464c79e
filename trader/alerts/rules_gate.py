"""The process and what is permitted -> Alert or nothing: starts, gate, authority, pauses."""

from typing import assert_never

from trader.alerts.rules_form import over, told
from trader.domain.authority import HALT_LIFTED, Level
from trader.domain.control import Alert, AlertCode, Mode, Severity
from trader.domain.facts import (
    AuthorityChanged,
    EngineStarted,
    EngineStopped,
    EntriesPaused,
    EntriesResumed,
    FaultRecorded,
    GateChanged,
    PauseEndsSoon,
    PositionsUnguarded,
)
from trader.texts import VARIANT

_CRITICAL, _WARNING, _INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO

GateFact = (
    EngineStarted
    | EngineStopped
    | PositionsUnguarded
    | GateChanged
    | FaultRecorded
    | AuthorityChanged
    | EntriesPaused
    | EntriesResumed
    | PauseEndsSoon
)


def alert_of_gate(fact: GateFact) -> Alert | None:
    """What is worth telling of such a fact, or None."""
    match fact:
        case EngineStarted():
            # An engine that starts to trade live by itself is news that may wake somebody.
            severity = _WARNING if fact.mode is Mode.LIVE else _INFO
            return told(fact, AlertCode.STARTED, severity, fact.name)
        case PositionsUnguarded():
            return told(fact, AlertCode.POSITION_UNGUARDED, _CRITICAL, "live")
        case EngineStopped():
            return told(fact, AlertCode.STOPPED, _INFO, "engine")
        case GateChanged():
            if fact.mode is not Mode.LIVE or not fact.told:
                return None
            key = f"{AlertCode.LIVE_BLOCKED}:gate"
            if fact.live:
                # It sounds, unlike other good news: real money may move from here on.
                return told(fact, AlertCode.LIVE_ALLOWED, _WARNING, key=key, clears=True)
            return told(fact, AlertCode.LIVE_BLOCKED, _WARNING, key=key, lasting=True)
        case FaultRecorded():
            return told(fact, AlertCode.SYSTEM_ERROR, _WARNING, fact.where)
        case AuthorityChanged():
            return _authority(fact)
        case EntriesPaused():
            until = {"until_ns": fact.until_ns or None}
            return told(fact, AlertCode.PAUSED, _INFO, _paused(fact.scope), until, lasting=True)
        case PauseEndsSoon():
            variant = {VARIANT: "ends_soon"}
            subject = f"ends_soon:{fact.scope or 'entries'}:{fact.until_ns}"
            return told(fact, AlertCode.PAUSED, _WARNING, subject, variant)
        case EntriesResumed():
            key = f"{AlertCode.PAUSED}:{_paused(fact.scope)}"
            return told(fact, AlertCode.RESUMED, _INFO, key=key, clears=True)
        case _:
            assert_never(fact)


def _paused(scope: str) -> str:
    """The subject of a pause: each scope is a story of its own."""
    return f"entries:{scope}" if scope else "entries"


def _authority(fact: AuthorityChanged) -> Alert | None:
    authority, latch = fact.authority, fact.authority.latch
    if authority.level is Level.LIVE or latch is None:
        return over(fact, AlertCode.DEMOTED, "engine")
    extra: dict[str, object] = {"reason": latch.reason, "by": latch.who}
    if authority.level is Level.HALT:
        is_open = {**extra, "count": len(fact.open_trades)}
        return told(fact, AlertCode.HALTED, _CRITICAL, "engine", is_open, lasting=True)
    if latch.reason == HALT_LIFTED:
        return over(fact, AlertCode.HALTED, "engine", extra)
    if authority.used_up:
        # The demotion was told; that a touch came too early is for the banner and /guards.
        return None
    if fact.mode not in (None, Mode.LIVE):
        # No live trading was lost: it was not there, and nobody need bring it back.
        return told(fact, AlertCode.DEMOTED, _INFO, "engine", {**extra, VARIANT: "not_live"})
    return told(fact, AlertCode.DEMOTED, _CRITICAL, "engine", extra, lasting=True)
