"""The bot's part of the config, as plain values: filled by whoever read the config."""

from msgspec import Struct

from trader.credentials import Secret
from trader.domain.control import Language

__all__ = ["BotSettings", "Secret"]


class BotSettings(Struct, frozen=True):
    """What the bot goes by; the meaning, unit and range of each is that of its key in the config.

    ``engine`` is the instance's name, ``mode`` what its config asks for, and ``zone`` the time zone
    of summaries and quiet hours.
    """

    engine: str
    state_dir: str
    zone: str
    mode: str = ""
    alerts_enabled: bool = True
    telegram_enabled: bool = False
    language: Language | None = None
    token: Secret = Secret()
    chat_id: str = ""
    topic_id: int | None = None
    user_ids: tuple[int, ...] | None = None
    api_base: str = "https://api.telegram.org"
    timeout_s: float = 5.0
    quiet_hours: str | None = None
    webhook_url: Secret = Secret()
    deadman_url: Secret = Secret()
    unreachable_minutes: float = 10.0
    daily_summary: str = "09:00"
    weekly_summary: str = "mon 09:05"
    monthly_summary: str = "1 09:10"

    @property
    def speaks(self) -> bool:
        """Whether messages go to Telegram rather than to the log."""
        return self.telegram_enabled and bool(self.token) and bool(self.chat_id)
