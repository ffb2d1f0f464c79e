"""File, environment and command line become one ``Settings``, or lines that say what is wrong."""

import re
import stat
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from trader.config.complaints import Origins, complaints
from trader.config.consistency import venues
from trader.config.document import read_document
from trader.config.settings import OWN, Key, Settings, secret_keys
from trader.config.venue_sections import BUILT_IN, VENUE_NAME
from trader.credentials import CredentialError, Credentials, Secret, shown_path
from trader.domain.control import Mode
from trader.domain.errors import ConfigError

DEFAULT_PATH = Path("config/live.yml")
"""Read when no file is named; it may be missing."""

_COMMAND_LINE = "command line"
_DEFAULTS = "defaults"
_READABLE_BY_OTHERS = stat.S_IRGRP | stat.S_IROTH

_ALERT_SECRETS: Mapping[Key, str] = {
    ("alert", "telegram", "bot_token"): "TELEGRAM_BOT_TOKEN",
    ("alert", "telegram", "chat_id"): "TELEGRAM_CHAT_ID",
    ("alert", "webhook_url"): "TRADER_WEBHOOK_URL",
    ("alert", "deadman_url"): "TRADER_DEADMAN_URL",
    ("redis", "url"): "TRADER_REDIS_URL",
}
_VENUE_SECRETS = (("api_key", "ACCESS_KEY"), ("secret_key", "SECRET_KEY"))


def load_settings(
    path: Path | None,
    environ: Mapping[str, str],
    overrides: Mapping[str, object] | None = None,
) -> Settings:
    """Every setting: the file's, above them the environment's secrets, above all ``overrides``.

    ``overrides`` maps dotted keys to values; ``None`` there means not given. Without ``path`` the
    default file is read if it is there. Outside live mode no venue key is looked for, and those in
    the file are forgotten, so that nothing could sign an order.

    Raises:
        ConfigError: a line for each thing that is wrong: file, dotted key, value, what is allowed.
    """
    tree, origin = _file_tree(path)
    origins = Origins(origin)
    for dotted, value in (overrides or {}).items():
        if value is not None:
            _put(tree, tuple(dotted.split(".")), value, _COMMAND_LINE, origins)

    is_live = _asked_mode(tree) == Mode.LIVE
    wanted = {**_ALERT_SECRETS, **(_venue_secrets(tree) if is_live else {})}
    _put_secrets(tree, wanted, Credentials(environ), origins)

    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        # Not chained: pydantic's own text repeats values, and they may be secret.
        raise ConfigError("\n".join(complaints(error, origins))) from None
    return settings if is_live else _without_venue_keys(settings)


def secret_exposure(path: Path) -> str | None:
    """Why ``path`` must not serve live: it holds a secret and others than its owner may read it.

    ``None`` when it holds none, is not there, or only its owner may read it.

    Raises:
        ConfigError: it is there and cannot be read as a config file.
    """
    if not _is_there(path):
        return None
    tree = read_document(path)
    keys = secret_keys(_own_names(tree))
    exposed = sorted(".".join(key) for key in keys if _holds_secret(_at(tree, key)))
    if not exposed or not path.stat().st_mode & _READABLE_BY_OTHERS:
        return None
    shown = shown_path(path)
    return (
        f"{shown}: {exposed[0]} is a secret and others can read this file; run: chmod 600 {shown}"
    )


def config_origin(path: Path | None) -> str:
    """How messages name where the settings come from: the file, or ``defaults`` without one."""
    if path is None and not _is_there(DEFAULT_PATH):
        return _DEFAULTS
    return shown_path(path or DEFAULT_PATH)


def _file_tree(path: Path | None) -> tuple[dict[str, object], str]:
    origin = config_origin(path)
    if path is None and not _is_there(DEFAULT_PATH):
        return {}, origin
    return read_document(path or DEFAULT_PATH), origin


def _is_there(path: Path) -> bool:
    # Only a name that leads nowhere counts as absent; one that is barred must be reported instead.
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return True
    return True


def _put(tree: dict[str, object], key: Key, value: object, origin: str, origins: Origins) -> None:
    section = tree
    for name in key[:-1]:
        below = section.setdefault(name, {})
        if not isinstance(below, dict):
            # The file has a plain value where a section belongs; that is what will be reported.
            return
        section = below
    section[key[-1]] = value
    origins.note(key, origin)


def _put_secrets(
    tree: dict[str, object], wanted: Mapping[Key, str], credentials: Credentials, origins: Origins
) -> None:
    secret = secret_keys(_own_names(tree))
    for key, name in wanted.items():
        try:
            found = credentials.find(name)
        except CredentialError as error:
            raise ConfigError(f"environment: {error}") from error
        if found is not None:
            value = found if key in secret else found.reveal()
            _put(tree, key, value, f"environment {name}", origins)


def _venue_secrets(tree: Mapping[str, object]) -> dict[Key, str]:
    """Where each venue's keys belong, and what they are called in the environment."""
    places: dict[str, Key] = {venue: ("venues", venue) for venue in BUILT_IN}
    # A name that will be refused draws no keys, least of all another venue's.
    own = [name for name in _own_names(tree) if name not in places]
    places |= {name: (*OWN, name) for name in own if re.fullmatch(VENUE_NAME, name)}
    return {
        (*place, key): f"{venue.upper()}_{suffix}"
        for venue, place in places.items()
        for key, suffix in _VENUE_SECRETS
    }


def _own_names(tree: Mapping[str, object]) -> tuple[str, ...]:
    """What the user's own venues are called, as far as there are any."""
    own = _at(tree, OWN)
    return tuple(name for name in own if isinstance(name, str)) if isinstance(own, Mapping) else ()


def _asked_mode(tree: Mapping[str, object]) -> object:
    return _at(tree, ("mode", "current"))


def _at(tree: Mapping[str, object], key: Key) -> object:
    found: object = tree
    for name in key:
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found


def _holds_secret(value: object) -> bool:
    # A Redis address without user and password tells nobody anything.
    text = value.strip() if isinstance(value, str) else ""
    return bool(text) and not (text.startswith(("redis://", "rediss://")) and "@" not in text)


def _without_venue_keys(settings: Settings) -> Settings:
    nothing = {"api_key": Secret(), "secret_key": Secret()}
    cleared = {name: venue.model_copy(update=nothing) for name, venue in venues(settings).items()}
    own = MappingProxyType({name: cleared.pop(name) for name in settings.venues.own})
    kept = settings.venues.model_copy(update={**cleared, "own": own})
    return settings.model_copy(update={"venues": kept})
