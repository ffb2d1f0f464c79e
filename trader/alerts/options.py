"""The settings of an AlertSystem: a mapping like the ``alert`` section, and the environment."""

import difflib
from collections.abc import Mapping

from msgspec import Struct

from trader.alerts.direct import TELEGRAM_API
from trader.credentials import CredentialError, Credentials, Secret
from trader.domain.control import Language
from trader.domain.errors import ConfigError

MAX_TIMEOUT_S = 60.0

_TOKEN = "TELEGRAM_BOT_TOKEN"
_CHAT = "TELEGRAM_CHAT_ID"
# The last three are for the engine and the bot; a whole alert section may be handed over as it is.
_KEYS = (
    "enabled",
    "telegram_enabled",
    "telegram",
    "language",
    "api_base",
    "webhook_url",
    "deadman_url",
    "quiet_hours",
)
_TELEGRAM_KEYS = ("bot_token", "chat_id", "timeout_seconds", "api_base", "topic_id", "user_ids")


class AlertOptions(Struct, frozen=True):
    """What an AlertSystem goes by. ``missing`` names the credentials nobody gave."""

    enabled: bool = True
    telegram_enabled: bool = False
    language: Language = Language.EN
    token: Secret = Secret()
    chat_id: str = ""
    topic_id: int | None = None
    timeout_s: float = 5.0
    api_base: str = TELEGRAM_API
    missing: tuple[str, ...] = ()


def read_options(config: Mapping[str, object], environ: Mapping[str, str]) -> AlertOptions:
    """Check the mapping and complete it from the environment, which goes first.

    Raises:
        ConfigError: a key is unknown or a value is not what it may be; one line, without secrets.
    """
    if not isinstance(config, Mapping):
        raise ConfigError(f"alert: {type(config).__name__} is no mapping of keys to values")
    _refuse_unknown(config, _KEYS, "alert")
    telegram = config.get("telegram")
    if telegram is None:
        telegram = {}
    if not isinstance(telegram, Mapping):
        raise ConfigError("alert.telegram: a mapping of keys to values is needed")
    _refuse_unknown(telegram, _TELEGRAM_KEYS, "alert.telegram")

    enabled = _flag(config, "enabled", default=True)
    telegram_enabled = _flag(config, "telegram_enabled", default=False)
    token, chat_id = _word(telegram, "bot_token"), _word(telegram, "chat_id")
    # A file that cannot be read is no reason to fail for somebody who will send nothing.
    if enabled and telegram_enabled:
        token, chat_id = _from_environment(environ, token, chat_id)
    return AlertOptions(
        enabled=enabled,
        telegram_enabled=telegram_enabled,
        language=_language(config),
        token=Secret(token),
        chat_id=chat_id,
        topic_id=_topic(telegram),
        timeout_s=_timeout(telegram),
        api_base=_api_base(telegram, config),
        missing=tuple(
            f"{name} (or alert.telegram.{key})"
            for name, key, value in ((_TOKEN, "bot_token", token), (_CHAT, "chat_id", chat_id))
            if not value
        ),
    )


def _from_environment(environ: Mapping[str, str], token: str, chat_id: str) -> tuple[str, str]:
    credentials = Credentials(environ)
    try:
        found_token, found_chat = credentials.find(_TOKEN), credentials.find(_CHAT)
    except CredentialError as error:
        raise ConfigError(str(error)) from None
    return (
        found_token.reveal() if found_token else token,
        found_chat.reveal() if found_chat else chat_id,
    )


def _refuse_unknown(config: Mapping[str, object], known: tuple[str, ...], where: str) -> None:
    for key in config:
        if key not in known:
            nearest = difflib.get_close_matches(str(key), known, n=1)
            advice = f"did you mean {nearest[0]}?" if nearest else f"known: {', '.join(known)}"
            raise ConfigError(f"{where}.{str(key)[:40]!r}: unknown key; {advice}")


def _flag(config: Mapping[str, object], key: str, *, default: bool) -> bool:
    value = config.get(key, default)
    if not isinstance(value, bool):
        raise ConfigError(f"alert.{key}: {value!r} is neither True nor False")
    return value


def _word(telegram: Mapping[str, object], key: str) -> str:
    value = telegram.get(key)
    if value is None:
        return ""
    # People write a chat id as the number it is.
    if isinstance(value, int) and not isinstance(value, bool) and key == "chat_id":
        return str(value)
    if isinstance(value, Secret):
        return value.reveal()
    if not isinstance(value, str):
        raise ConfigError(f"alert.telegram.{key}: text is needed, not {type(value).__name__}")
    return value.strip()


def _topic(telegram: Mapping[str, object]) -> int | None:
    value = telegram.get("topic_id")
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"alert.telegram.topic_id: {value!r} is no whole number above 0")
    return value


def _timeout(telegram: Mapping[str, object]) -> float:
    value = telegram.get("timeout_seconds", 5)
    # A NaN is in no range, so this refuses it as well.
    if isinstance(value, bool) or not (
        isinstance(value, int | float) and 0 < value <= MAX_TIMEOUT_S
    ):
        raise ConfigError(
            f"alert.telegram.timeout_seconds: {value!r} is no number of seconds "
            f"above 0 and up to {MAX_TIMEOUT_S:g}"
        )
    return float(value)


def _api_base(telegram: Mapping[str, object], config: Mapping[str, object]) -> str:
    value = telegram.get("api_base") or config.get("api_base") or TELEGRAM_API
    if not isinstance(value, str) or not value.startswith(("https://", "http://")):
        raise ConfigError("alert.telegram.api_base: an address that begins https:// is needed")
    return value


def _language(config: Mapping[str, object]) -> Language:
    value = config.get("language") or Language.EN
    if value not in tuple(Language):
        raise ConfigError(f"alert.language: {value!r} is neither 'en' nor 'ko'")
    return Language(str(value))
