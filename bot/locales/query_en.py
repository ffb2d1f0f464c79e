"""What is said around answers in English: trouble, pictures, the card, the setup."""

from collections.abc import Mapping

_VIEWS: Mapping[str, str] = {
    "timeout": "The engine did not answer in time.",
    "away": "The engine does not answer: {why}",
    "odd": "The engine's answer could not be read.",
    "allowed": "/{command} {given}: does not fit. Allowed: {allowed}",
    "allowed.count": "a whole number from 1 to {most}",
    "allowed.id": "one id of at most {most} characters",
    "allowed.nothing": "nothing, or one word",
    "old_button": "This button is out of date. Ask anew: /status",
    "audit.unread": "it cannot be read ({why})",
    "chart.failed": "No picture: {why}",
    "chart.equity": "Equity",
    "chart.spread": "Spread",
    "chart.pnl": "PnL by day",
    "chart.needed": "needed: {label}",
    "chart.caption": "{title}, {span}",
    "chart.since": "Figures since {at}.",
    "chart.part": "{count} more are left out.",
    "span.1h": "1 hour",
    "span.6h": "6 hours",
    "span.1d": "1 day",
    "span.7d": "7 days",
    "span.30d": "30 days",
}

_CARD: Mapping[str, str] = {
    "card.pnl": "PnL today, {ledger}: {pnl}",
    "card.stop": "Nearest stop: {distance} away",
    "card.flat": "Nothing is open.",
    "card.guards": "Guards: {count} do not hold",
    "card.guards.hold": "Guards: all hold",
    "card.guards.unknown": "Guards: not known",
    "card.data": "Quotes: {fresh} of {total} fresh, oldest {oldest}",
    "card.data.none": "Quotes: none yet",
    "card.away": "The engine does not answer.",
    "card.taken": "As of {at}. Older than 6 min: nobody keeps this card.",
}

_SETUP: Mapping[str, str] = {
    "setup.token": "Bot token from @BotFather (it is not shown): ",
    "setup.no_token": "there is no bot token: type it in, or set TELEGRAM_BOT_TOKEN",
    "setup.me": "The token is good: this is @{me}.",
    "setup.write": "Now write a message to the bot, in the chat it is to serve: open "
    "https://t.me/{me} and send /start, or add it to a group and write /start@{me} there. "
    "Waiting {minutes} min …",
    "setup.heard": "{name} (user id {user}) wrote in {chat}: {text}",
    "setup.chat.private": "the private chat {chat}",
    "setup.chat.group": "the group {chat}",
    "setup.chat.topic": "the group {chat}, topic {topic}",
    "setup.confirm": "Is this you, and the chat the bot is to serve? [y/N] ",
    "setup.not_you": "Then that chat is left alone. Waiting for another message …",
    "setup.yes": "y yes",
    "setup.silence": "nobody wrote to the bot within {minutes} min",
    "setup.aborted": "stopped before anything was set up",
    "setup.first.title": "This chat is now the bot's.",
    "setup.first.can": "Once the engine runs with it, I tell its alerts here and obey: /status, "
    "/pause, /paper, /halt.",
    "setup.first.never": "I can never switch live trading on; only the host can.",
    "setup.first.halt": "The button below stops everything, also late, once the engine runs.",
    "setup.sent": "A first message is in the chat. Now, on the host:",
    "setup.put": "Set both where the engine starts, in its environment and in no file of git:",
    "setup.put.token": "  TELEGRAM_BOT_TOKEN=(the token you gave)",
    "setup.put.chat": "  TELEGRAM_CHAT_ID={chat}",
    "setup.change": "In config/live.yml:",
    "setup.change.enabled": "  alert.telegram_enabled: true",
    "setup.change.topic": "  alert.telegram.topic_id: {topic}",
    "setup.change.users": "  alert.telegram.user_ids: [{user}]   # else everybody in the group may",
    "setup.then": "Then: python -m trader alert-test",
    "setup.failed": "Telegram: {why}",
}

WORDS: Mapping[str, str] = {**_VIEWS, **_CARD, **_SETUP}
