"""How the program runs, tells and rehearses, in sections; fields are named as the config's keys."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Literal

from trader.config.rules import (
    chat_number,
    choice,
    duration,
    exact,
    flag,
    many,
    moment,
    optional,
    secret,
    text,
    time_zone,
    web_address,
    whole,
)
from trader.config.section import Section
from trader.credentials import Secret

_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_PATH = text(r"[^\0\n]{1,400}", "a path")

Flag = Annotated[bool, flag()]


class Telegram(Section):
    """The chat that is told and that commands."""

    bot_token: Annotated[Secret, secret("the token BotFather gave", pattern=r"[^\s/?#]{1,200}")] = (
        Secret()
    )
    chat_id: Annotated[str, chat_number()] = ""
    timeout_seconds: Annotated[float, duration("seconds", "0", "60", above=True)] = 5.0
    api_base: Annotated[str, web_address("https", "http")] = "https://api.telegram.org"
    user_ids: Annotated[
        tuple[int, ...] | None, optional(many(whole("a user's number", 1, 10**15), 50))
    ] = None
    topic_id: Annotated[int | None, optional(whole("a topic's number", 1, 10**12))] = None


class AlertSection(Section):
    """Whether and where alerts go."""

    enabled: Flag = True
    telegram_enabled: Flag = False
    telegram: Telegram = Telegram()
    webhook_url: Annotated[
        Secret, secret("a URL that begins https:// or http://", "https", "http")
    ] = Secret()
    deadman_url: Annotated[
        Secret, secret("a URL that begins https:// or http://", "https", "http")
    ] = Secret()
    quiet_hours: Annotated[
        str | None, optional(text(f"{_CLOCK}-{_CLOCK}", 'a span of the day, "HH:MM-HH:MM"'))
    ] = None


class BotSection(Section):
    """How the bot speaks, and how long it may be out of reach."""

    language: Annotated[Literal["en", "ko"] | None, optional(choice("en", "ko"))] = None
    unreachable_minutes: Annotated[float, duration("minutes", "0", "1440", above=True)] = 10.0


class Schedule(Section):
    """When summaries are sent."""

    timezone: Annotated[str, time_zone()] = "Asia/Seoul"
    daily_summary: Annotated[str, text(_CLOCK, 'a time of day, "HH:MM"')] = "09:00"
    weekly_summary: Annotated[
        str,
        text(f"(mon|tue|wed|thu|fri|sat|sun) {_CLOCK}", 'a weekday and a time of day, "mon HH:MM"'),
    ] = "mon 09:05"
    monthly_summary: Annotated[
        str,
        text(f"([1-9]|1[0-9]|2[0-8]) {_CLOCK}", 'a day from 1 to 28 and a time of day, "1 HH:MM"'),
    ] = "1 09:10"


class JournalSection(Section):
    """How soon a commit is on the disk."""

    sync: Annotated[Literal["after", "before"], choice("after", "before")] = "after"


class RedisSection(Section):
    """What joins several machines, when there are several."""

    url: Annotated[Secret, secret("a URL that begins redis:// or rediss://", "redis", "rediss")] = (
        Secret()
    )


class MetricsServer(Section):
    """Where figures and health are read."""

    enabled: Flag = True
    host: Annotated[str, text(r"[A-Za-z0-9.:_-]{1,253}", "a host name or an address")] = "127.0.0.1"
    port: Annotated[int, whole("port", 1, 65_535)] = 8_000


class LoggingSection(Section):
    """What is logged, how and where."""

    level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], choice("DEBUG", "INFO", "WARNING", "ERROR")
    ] = "INFO"
    format: Annotated[Literal["text", "json"], choice("text", "json")] = "text"
    file: Annotated[str, _PATH] = "logs/live.log"
    max_megabytes: Annotated[int, whole("megabytes", 1, 10_000)] = 20
    backups: Annotated[int, whole("files", 1, 100)] = 5


class EngineSection(Section):
    """The loop, its place on the disk and its end."""

    name: Annotated[str, text(r"[A-Za-z0-9-]{1,12}", "1 to 12 of A-Z, a-z, 0-9 and -")] = "main"
    cycle_seconds: Annotated[float, duration("seconds", "0.01", "3600")] = 1.0
    on_shutdown: Annotated[Literal["leave", "flatten"], choice("leave", "flatten")] = "leave"
    min_disk_free_mb: Annotated[int, whole("megabytes", 1, 1_000_000)] = 500
    state_dir: Annotated[str, _PATH] = "state"
    # One place for every process of the host, also for a unit with a private /tmp; empty at boot.
    lock_dir: Annotated[str, text(r"/[^\0\n]{0,399}", "an absolute path")] = "/var/lock"
    max_inbox_events: Annotated[int, whole("events", 1_000, 10_000_000)] = 100_000


class Mock(Section):
    """The simulated market of mock mode."""

    seed: Annotated[int, whole("any number", 0, 2**63 - 1)] = 1
    seconds_per_cycle: Annotated[int, whole("seconds of market", 1, 86_400)] = 300
    step_ms: Annotated[int, whole("milliseconds of market", 1, 3_600_000)] = 1_000
    start: Annotated[datetime, moment()] = datetime(
        2026, 1, 5, 9, tzinfo=timezone(timedelta(hours=9))
    )


class Paper(Section):
    """The simulated account of paper and mock."""

    balances: Annotated[Decimal, exact("won", "0", "1000000000000")] = Decimal(5_000_000)
    latency_ms: Annotated[int, whole("milliseconds", 0, 60_000)] = 80
