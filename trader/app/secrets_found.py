"""Secrets found: which of them are there and from where, never what they say."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from trader.config import Settings, used_venues, venues
from trader.credentials import Credentials, Secret, shown_path
from trader.domain.control import Mode
from trader.domain.instrument import BITHUMB, UPBIT

RIGHTS_TO_TICK = ("view assets", "view orders", "place orders")
RIGHTS_NEVER = ("withdraw",)
"""What a venue key may do, and what it must never be able to."""

_TELL_NO_RIGHTS = (UPBIT, BITHUMB)
"""Venues that do not say whether a key may withdraw: somebody must look, and vouch for it."""
_SYSTEMD = "CREDENTIALS_DIRECTORY"


class Found(Struct, frozen=True):
    """One secret. ``state`` is pass, fail (needed and missing), or unused.

    ``source`` is where it came from; ``fingerprint`` names a venue key without telling it.
    """

    name: str
    what: str
    state: str
    source: str = ""
    fingerprint: str = ""
    note: str = ""


def secrets_found(settings: Settings, environ: Mapping[str, str]) -> list[Found]:
    """Every secret the program may read: Telegram's, each used venue's, and the optional ones."""
    return [
        *_telegram(settings, environ),
        *_venue_keys(settings, environ),
        *_optional(settings, environ),
    ]


def source_of(name: str, environ: Mapping[str, str]) -> str:
    """Where the secret called ``name`` would be found; ``config`` where nothing else has it.

    Raises:
        CredentialError: a file that was pointed at cannot be read or is empty.
    """
    # Each source by itself, in the order in which they win.
    if Credentials({name: environ.get(name, "")}).find(name) is not None:
        return "environment"
    pointed_at = environ.get(f"{name}_FILE", "")
    if Credentials({f"{name}_FILE": pointed_at}).find(name) is not None:
        return f"file {shown_path(Path(pointed_at.strip()))}"
    if Credentials({_SYSTEMD: environ.get(_SYSTEMD, "")}).find(name) is not None:
        return "systemd credential"
    return "config"


def _telegram(settings: Settings, environ: Mapping[str, str]) -> Iterator[Found]:
    alert = settings.alert
    is_needed = alert.enabled and alert.telegram_enabled
    switch = "alert.telegram_enabled" if alert.enabled else "alert.enabled"
    for name, what, value in (
        ("TELEGRAM_BOT_TOKEN", "Telegram bot token", alert.telegram.bot_token),
        ("TELEGRAM_CHAT_ID", "Telegram chat id", alert.telegram.chat_id),
    ):
        if value:
            note = "" if is_needed else f"not used ({switch}: false)"
            yield Found(name, what, "pass", source_of(name, environ), note=note)
        elif is_needed:
            yield Found(name, what, "fail", note="not found; alerts are only logged")
        else:
            yield Found(name, what, "unused", note=f"not asked ({switch}: false)")


def _venue_keys(settings: Settings, environ: Mapping[str, str]) -> Iterator[Found]:
    is_live = settings.mode.current is Mode.LIVE
    for venue in used_venues(settings):
        section = venues(settings)[venue]
        names = (f"{venue.upper()}_ACCESS_KEY", f"{venue.upper()}_SECRET_KEY")
        for name, half, value in zip(
            names, ("access", "secret"), (section.api_key, section.secret_key), strict=True
        ):
            what = f"{venue} {half} key"
            if not is_live:
                yield Found(name, what, "unused", note="looked for in live mode only")
            elif not value:
                yield Found(name, what, "fail", note="not found; no live order can be placed")
            elif half == "secret":
                yield Found(name, what, "pass", source_of(name, environ))
            else:
                source = source_of(name, environ)
                note = "rights are asked by a run"
                if venue in _TELL_NO_RIGHTS:
                    note = f"rights are not told: look, then venues.{venue}.attested_fingerprint"
                yield _access_key(name, what, source, value, section.attested_fingerprint, note)


def _access_key(
    name: str, what: str, source: str, key: Secret, attested: str | None, note: str
) -> Found:
    fingerprint = key.fingerprint()
    if attested is not None:
        note = "rights attested" if attested == fingerprint else "another key was attested"
    return Found(name, what, "pass", source, fingerprint, note)


def _optional(settings: Settings, environ: Mapping[str, str]) -> Iterator[Found]:
    for name, what, value in (
        ("TRADER_WEBHOOK_URL", "alert webhook", settings.alert.webhook_url),
        ("TRADER_DEADMAN_URL", "dead man's switch", settings.alert.deadman_url),
        ("TRADER_REDIS_URL", "Redis address", settings.redis.url),
    ):
        if value:
            yield Found(name, what, "pass", source_of(name, environ))
        else:
            yield Found(name, what, "unused", note="not set; optional")
