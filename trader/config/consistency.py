"""What no single key can say: settings that contradict each other, and those worth a warning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trader.domain.control import Mode

if TYPE_CHECKING:
    from trader.config.settings import Settings
    from trader.config.trading import Pair
    from trader.config.venue_sections import VenueSection

CONFLICTS = "conflicts"
"""The type of the one error that carries conflicts; its context holds them as ``found``."""

Conflict = tuple[str, object, str]
"""A dotted key, its value, and what it may be beside the other settings."""


def conflicts(settings: Settings) -> tuple[Conflict, ...]:
    """Every combination that would trade wrongly, or never."""
    return (
        *_live(settings),
        *_sizes(settings),
        *_closings(settings),
        *_pairs(settings),
        *_dollar(settings),
        *_keys(settings),
        *_places(settings),
    )


def notable(settings: Settings) -> tuple[str, ...]:
    """What is allowed but should not go unseen, a sentence each; the most dangerous first."""
    return (*_notable_live(settings), *_notable_alerts(settings), *_notable_rest(settings))


def venues(settings: Settings) -> dict[str, VenueSection]:
    """The venues by name, enabled or not."""
    known = settings.venues
    built_in = {"upbit": known.upbit, "bithumb": known.bithumb, "binance": known.binance}
    return {**built_in, **known.own}


def section_of(settings: Settings, venue: str) -> str:
    """Where a venue's keys stand in the config, dotted."""
    return f"venues.own.{venue}" if venue in settings.venues.own else f"venues.{venue}"


def used_venues(settings: Settings) -> tuple[str, ...]:
    """The venues that the pairs and the dollar's price need, in the order they are first named."""
    named = [leg for pair in settings.strategy.pairs for leg in (pair.first, pair.second)]
    if settings.strategy.usdt_krw is not None and any(one.endswith("-USDT") for one in named):
        named.append(settings.strategy.usdt_krw)
    return tuple(dict.fromkeys(one.partition(":")[0] for one in named))


def _live(settings: Settings) -> Iterator[Conflict]:
    if settings.mode.current is not Mode.LIVE:
        return
    guards = settings.live_guards
    for name in ("require_env_flag", "require_manual_confirm_file", "require_safety_pass"):
        if getattr(guards, name) is not True:
            yield f"live_guards.{name}", False, "only true while mode.current is live"
    for name, venue in venues(settings).items():
        for key in ("rest_url", "ws_url", "private_ws_url"):
            address: str = getattr(venue, key)
            if venue.enabled and _is_plain_and_far(address):
                where = f"{section_of(settings, name)}.{key}"
                yield where, address, "https or wss beyond this host in live mode"


def _sizes(settings: Settings) -> Iterator[Conflict]:
    size = settings.strategy.position_size_krw
    key = "strategy.position_size_krw"
    most = settings.safety.max_position_size_krw
    if size >= most:
        yield key, size, f"below safety.max_position_size_krw ({most}), or nothing would trade"
    for where, limit in (
        ("position_engine", settings.position_engine.max_exposure_krw),
        ("rebalancer", settings.rebalancer.max_exposure_krw),
    ):
        if size > limit:
            yield key, size, f"up to {where}.max_exposure_krw ({limit}), or nothing would trade"
    safety = settings.safety
    # A trade sends two orders at once, so fewer than two would leave entries none.
    if safety.max_orders_per_minute - safety.orders_kept_for_closings < 2:
        yield (
            "safety.orders_kept_for_closings",
            safety.orders_kept_for_closings,
            f"at least 2 below safety.max_orders_per_minute ({safety.max_orders_per_minute})",
        )


def _closings(settings: Settings) -> Iterator[Conflict]:
    collar = settings.safety.exit_collar_pct
    slippage = settings.execution.max_unwind_slippage_pct
    if collar <= slippage:
        yield (
            "safety.exit_collar_pct",
            collar,
            f"above execution.max_unwind_slippage_pct ({slippage}), or closings would be refused",
        )
    timeout_ms = settings.execution.timeout_ms
    latch_seconds = settings.execution.unknown_latch_seconds
    if timeout_ms >= latch_seconds * 1_000:
        yield (
            "execution.timeout_ms",
            timeout_ms,
            f"below execution.unknown_latch_seconds ({latch_seconds:g} s)",
        )


def _pairs(settings: Settings) -> Iterator[Conflict]:
    seen: set[str] = set()
    for place, pair in enumerate(settings.strategy.pairs):
        key = f"strategy.pairs[{place}]"
        if pair.name in seen:
            yield f"{key}.name", pair.name, "a name no other pair has"
        seen.add(pair.name)
        yield from _legs(pair, key, settings)


def _legs(pair: Pair, key: str, settings: Settings) -> Iterator[Conflict]:
    first_venue, _, first_symbol = pair.first.partition(":")
    second_venue, _, second_symbol = pair.second.partition(":")
    if first_venue == second_venue:
        yield f"{key}.second", pair.second, "an instrument at another venue than the first's"
    base = first_symbol.partition("-")[0]
    if base != second_symbol.partition("-")[0]:
        yield f"{key}.second", pair.second, f"an instrument of the first's coin ({base})"
    for side, instrument in (("first", pair.first), ("second", pair.second)):
        yield from _unknown(f"{key}.{side}", instrument, settings)
        yield from _disabled(f"{key}.{side}", instrument, settings)


def _dollar(settings: Settings) -> Iterator[Conflict]:
    source = settings.strategy.usdt_krw
    if source is not None:
        yield from _unknown("strategy.usdt_krw", source, settings)
    legs = [leg for pair in settings.strategy.pairs for leg in (pair.first, pair.second)]
    if not any(leg.endswith("-USDT") for leg in legs):
        return
    if source is None:
        yield "strategy.usdt_krw", None, "an instrument, since a pair is priced in dollars"
    else:
        yield from _disabled("strategy.usdt_krw", source, settings)


def _disabled(key: str, instrument: str, settings: Settings) -> Iterator[Conflict]:
    name = instrument.partition(":")[0]
    venue = venues(settings).get(name)
    if venue is not None and not venue.enabled:
        where = section_of(settings, name)
        yield key, instrument, f"an instrument of an enabled venue ({where}.enabled is false)"


def _unknown(key: str, instrument: str, settings: Settings) -> Iterator[Conflict]:
    known = venues(settings)
    if instrument.partition(":")[0] not in known:
        yield key, instrument, f"an instrument of a known venue ({', '.join(known)})"


def _keys(settings: Settings) -> Iterator[Conflict]:
    for name, venue in venues(settings).items():
        if bool(venue.api_key) != bool(venue.secret_key):
            missing = "secret_key" if venue.api_key else "api_key"
            where = f"{section_of(settings, name)}.{missing}"
            yield where, None, "both halves of the key, or neither"


def _places(settings: Settings) -> Iterator[Conflict]:
    if settings.live_guards.confirm_file == ".halt":
        yield "live_guards.confirm_file", ".halt", "any name but the one that halts"
    if settings.safety.require_redis_heartbeat and not settings.redis.url:
        yield "redis.url", None, "a URL, since safety.require_redis_heartbeat is true"
    quiet = settings.alert.quiet_hours
    if quiet is not None and quiet[:5] == quiet[6:]:
        yield "alert.quiet_hours", quiet, "a span with two different ends"


def _notable_live(settings: Settings) -> Iterator[str]:
    if settings.mode.current is not Mode.LIVE:
        return
    if not settings.live_guards.dry_run_on_startup:
        yield "live_guards.dry_run_on_startup is false: real orders may leave in the first cycle"
    if not (settings.alert.enabled and settings.alert.telegram_enabled):
        yield "Telegram is off: nobody can halt this engine from a phone"
    for name in used_venues(settings):
        if not venues(settings)[name].api_key:
            yield f"{section_of(settings, name)} has no key: no live order can be placed there"
    if settings.engine.on_shutdown == "flatten":
        yield "engine.on_shutdown is flatten: stopping the engine closes every position"
    if settings.strategy.max_holding_minutes == 0:
        yield "strategy.max_holding_minutes is 0: a trade whose spread stays open is never closed"


def _notable_alerts(settings: Settings) -> Iterator[str]:
    alert = settings.alert
    if not alert.enabled:
        yield "alert.enabled is false: no alert goes anywhere"
        return
    if not alert.telegram_enabled:
        return
    lacking = [
        name
        for name, value in (
            ("TELEGRAM_BOT_TOKEN", alert.telegram.bot_token),
            ("TELEGRAM_CHAT_ID", alert.telegram.chat_id),
        )
        if not value
    ]
    if lacking:
        yield f"Telegram is enabled without {' and '.join(lacking)}: alerts are only logged"
    if _is_plain_and_far(alert.telegram.api_base):
        yield "alert.telegram.api_base is not https: the bot's token travels in the clear"


def _notable_rest(settings: Settings) -> Iterator[str]:
    server = settings.metrics_server
    if server.enabled and not _is_this_host(server.host):
        yield f"metrics_server.host is {server.host}: other hosts can read figures and health"
    if settings.strategy.usdt_krw is None:
        yield "strategy.usdt_krw is unset: nothing can be priced in dollars"


def _is_plain_and_far(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme in ("http", "ws") and not _is_this_host(parts.hostname or "")


def _is_this_host(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")
