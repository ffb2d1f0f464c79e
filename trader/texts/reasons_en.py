"""English sentences for every reason that blocks, refuses or trips."""

from collections.abc import Mapping

from trader.domain.control import BlockReason as Block
from trader.domain.control import CheckName as Check
from trader.domain.facts import BreakerCode as Breaker
from trader.texts.entry import Explanation

BLOCKS: Mapping[Block, Explanation] = {
    Block.MODE_NOT_LIVE: Explanation(
        "The config does not ask for live trading.", "Set mode.current: live and start again."
    ),
    Block.ENV_FLAG_MISSING: Explanation(
        "LIVE_TRADING is not 1 in the environment the process was started with.",
        "Stop, export LIVE_TRADING=1, start again.",
    ),
    Block.CONFIRM_FILE_MISSING: Explanation(
        "The confirm file is not there.", "touch .live_trading_ok in the working directory."
    ),
    Block.CONFIRM_FILE_UNSAFE: Explanation(
        "The confirm file is a link, belongs to another user, or others may write to it.",
        "Find out who made it, remove it, and touch a plain one as this user.",
    ),
    Block.CONFIRM_FILE_NOT_ARMED: Explanation(
        "The confirm file was not touched since live trading was last lost.",
        "Mend the cause first, then touch the confirm file again.",
    ),
    Block.CONFIRM_FILE_EXPIRED: Explanation(
        "The confirm file is older than live_guards.confirm_max_age_hours.",
        "Look at the state of things, then touch the confirm file again.",
    ),
    Block.LOCK_NOT_HELD: Explanation(
        "Another process on this host holds this account.",
        "Stop the other process; only one may trade an account.",
    ),
    Block.LEASE_NOT_HELD: Explanation(
        "Another host holds this account's lease.",
        "Stop the engine there, or leave this one standing by.",
    ),
    Block.KEY_SCOPE_TOO_WIDE: Explanation(
        "A venue key may withdraw or transfer.",
        "Make a key that may only view and order, and delete the old one.",
    ),
    Block.KEY_SCOPE_UNKNOWN: Explanation(
        "It is not known what a venue key may do.",
        "Check the venue's API; where it cannot be asked, attest the key in the config.",
    ),
    Block.KEY_SCOPE_STALE: Explanation(
        "No venue has said for 48 hours what its key may do.",
        "Check the venue's API and the network, then touch the confirm file.",
    ),
    Block.HALTED: Explanation(
        "An operator halted everything.",
        "Lift the halt on the host, then touch the confirm file.",
    ),
    Block.DEMOTED: Explanation(
        "Live trading was lost and is latched at paper.",
        "Mend the cause, then touch the confirm file.",
    ),
    Block.PAUSED: Explanation("An operator paused new entries.", "Resume entries."),
    Block.BREAKER_TRIPPED: Explanation(
        "A circuit breaker stands open.", "Look at what tripped it; it closes when that is over."
    ),
    Block.SAFETY_FAILED: Explanation(
        "A safety limit does not hold: loss today, exposure or open trades.",
        "Wait until it is below its limit, or close a trade.",
    ),
    Block.DISK_LOW: Explanation(
        "The disk has less room than engine.min_disk_free_mb.", "Free room on the disk."
    ),
    Block.OPERATOR_UNREACHABLE: Explanation(
        "Telegram has not answered for too long, so nobody could halt.",
        "Check the network and Telegram; it comes back by itself.",
    ),
    Block.OPERATOR_CREDENTIALS: Explanation(
        "Telegram is switched on but its token or chat id is missing or refused.",
        "Set TELEGRAM_BOT_TOKEN and TELEGRAM_CHAT_ID, and start again.",
    ),
    Block.FEEDS_STALE: Explanation(
        "No pair has all its order books fresh.",
        "Check the network and the venues; it comes back by itself.",
    ),
    Block.REDIS_STALE: Explanation(
        "Redis has not answered within its bound.", "Check Redis; it comes back by itself."
    ),
    Block.CLOCK_SKEWED: Explanation(
        "This clock differs from the venues' or jumped.", "Check time synchronisation (NTP)."
    ),
    Block.NOT_RECONCILED: Explanation(
        "Our records are not yet compared with the venues'.",
        "Wait; if it lasts, check the venue connections in the log.",
    ),
    Block.LOOP_SLOW: Explanation(
        "The control loop is slower than it may be.", "Take load off this host."
    ),
    Block.DRY_RUN: Explanation(
        "The dry run is not done.", "Wait: it runs by itself once everything else holds."
    ),
}

CHECKS: Mapping[Check, Explanation] = {
    Check.CONFIDENCE: Explanation(
        "The signal is not sure enough.", "Nothing; it waits for a better signal."
    ),
    Check.SLIPPAGE: Explanation(
        "Walking the book would cost too much.", "Wait, or lower strategy.position_size_krw."
    ),
    Check.POSITION_SIZE: Explanation(
        "One leg is as large as a position may be, or larger.",
        "Lower strategy.position_size_krw, or raise safety.max_position_size_krw.",
    ),
    Check.DAILY_LOSS: Explanation(
        "The loss today has reached its limit.",
        "Find out what lost money; entries return at midnight in Seoul at the latest.",
    ),
    Check.NET_PROFIT: Explanation(
        "After all costs too little would remain.", "Nothing; it waits for a wider spread."
    ),
    Check.LIQUIDITY: Explanation(
        "Too little stands on the book near its middle.", "Nothing; it waits for a deeper book."
    ),
    Check.ORDER_DELAY: Explanation(
        "Too much time passed between signal and order.",
        "Take load off this host; look at the loop latency.",
    ),
    Check.PRICE_COLLAR: Explanation(
        "The limit price is too far from the book's middle.",
        "Look at the venue's book; it may be thin or broken.",
    ),
    Check.EXIT_COLLAR: Explanation(
        "The closing price is too far from the book's middle.",
        "Look at the venue's book; close by hand if it must be now.",
    ),
    Check.VENUE_GAP: Explanation(
        "The venues' prices are too far apart to be true.",
        "Check deposits, withdrawals and notices of both venues.",
    ),
    Check.EXPOSURE: Explanation(
        "The exposure would pass its limit.", "Wait until a trade closes, or close one."
    ),
    Check.REBALANCER_EXPOSURE: Explanation(
        "The exposure would pass the rebalancer's limit.",
        "Wait until a trade closes, or close one.",
    ),
    Check.OPEN_TRADES: Explanation(
        "As many trades are open as may be.", "Wait until a trade closes, or close one."
    ),
    Check.ORDER_RATE: Explanation(
        "As many orders went out this minute as may.",
        "Wait a minute; if it repeats, find out what orders so often.",
    ),
    Check.BALANCE: Explanation(
        "The free balance does not cover the order.", "Move coin or money to the venue named."
    ),
    Check.STOP_RESERVE: Explanation(
        "Too little would stay free to close the open trades at their stops.",
        "Add won or dollars at the venue that buys back.",
    ),
    Check.VENUE_MINIMUM: Explanation(
        "The order is smaller than the venue takes.", "Raise strategy.position_size_krw."
    ),
    Check.TICK: Explanation(
        "The price is not on the venue's price steps.",
        "Report it: prices should be rounded before this check.",
    ),
    Check.LOT: Explanation(
        "The quantity is not in the venue's lots.",
        "Report it: quantities should be rounded before this check.",
    ),
    Check.BOOK_VALID: Explanation(
        "An order book is crossed, locked or one-sided.", "Nothing; it waits for a sound book."
    ),
    Check.BOOK_AGE: Explanation(
        "An order book was not confirmed in time.", "Check the network and the venue."
    ),
    Check.BOOK_SKEW: Explanation(
        "The two books are too far apart in time.", "Nothing; it waits for the slower venue."
    ),
    Check.POSITION: Explanation(
        "The closing is larger than what the trade still holds.",
        "Look for orders whose outcome is not known.",
    ),
    Check.TRADABLE: Explanation(
        "The instrument may not be traded at a venue now.",
        "Read the venue's notices: suspension, warning or delisting.",
    ),
    Check.BREAKERS: Explanation(
        "A circuit breaker stands open.", "Look at what tripped it; it closes when that is over."
    ),
    Check.LIVE_GATE: Explanation(
        "The live gate is shut for this order.", "The banner and check name every reason."
    ),
    Check.ENTRIES_PAUSED: Explanation(
        "An operator paused new entries.", "Resume entries when you want new trades."
    ),
}

BREAKERS: Mapping[Breaker, Explanation] = {
    Breaker.DAILY_LOSS: Explanation(
        "The loss today has reached its limit.",
        "Find out what lost money; it clears at midnight in Seoul at the latest.",
    ),
    Breaker.LEG_UNHEDGED: Explanation(
        "One leg stood alone for too long.", "Close the leg at the venue, or complete it."
    ),
    Breaker.ORDER_UNKNOWN: Explanation(
        "The outcome of an order stayed unknown for too long.",
        "Look the order up at the venue by its client id; if it is quarantined, on the host: "
        "deploy/run reconcile --accept ID.",
    ),
    Breaker.REJECT_RATE: Explanation(
        "A venue rejected over half of its last orders.",
        "Read the rejections in the log; check key, balance and the venue's notices.",
    ),
    Breaker.REPEATED_RESTS: Explanation(
        "One direction opened too often, three times within an hour.",
        "Check whether its spread is real before letting it go on.",
    ),
    Breaker.FOREIGN_EPOCH: Explanation(
        "An order with our prefix came from another engine, or from another state of this one.",
        "Find the second engine on this account and stop it. It clears after a day without one, or "
        "on the host: deploy/run reconcile --accept.",
    ),
    Breaker.BALANCE_SHORT: Explanation(
        "A venue holds less than the open trades need to close, or than our own orders explain.",
        "Compare balances and fills at the venue. It clears when the balance is back, or on the "
        "host: deploy/run reconcile --accept.",
    ),
}
