"""What every alert says in English. Names in braces are the alert's fields."""

from collections.abc import Mapping

from trader.texts.entry import AlertText, OrderWords, Words

_NOTHING = "Nothing."
_TRADE = "{pair}: {direction}"
_ID = "Trade {trade_id}"
_TRANSFER = "Transfer {amount} {asset} from {from_venue} to {to_venue}."

_TEXTS: Mapping[str, AlertText] = {
    "stop_loss": AlertText(
        title="Stop-loss: {pair}",
        lines=(_TRADE, "Value change {change_krw}, limit {limit_krw}", _ID),
        action="The closing is under way. Look for the message that the trade is closed; "
        "if it does not come, close both legs at the venues.",
    ),
    "stop_loss.price": AlertText(
        title="Stop-loss: {symbol}",
        lines=("{symbol} at {price} {unit}",),
        action="Check that the position is closed; if not, close it at the venue.",
    ),
    "live_blocked": AlertText(
        title="LIVE TRADING BLOCKED",
        lines=("No new trade goes live. Reasons:", "{blocks}"),
        action="Mend every reason named above.",
    ),
    "live_allowed": AlertText(
        title="LIVE TRADING ALLOWED",
        lines=("From now on orders move real money.",),
        action="Nothing, if you meant this. Otherwise halt.",
    ),
    "safety_rejection": AlertText(
        title="Refused: {check}",
        lines=(
            "{refused}",
            "{pair}: {direction}",
            "Measured {value}, limit {limit}",
            "Wrong with the input: {fault}",
            "Age of what was measured {age_ms}",
            "Decision {decision_id}",
        ),
        action="{mend}",
        cleared="No longer refused: {check}",
        cleared_lines=("{pair}: {direction}", "Refused {count} times in {lasted_ms}"),
    ),
    "daily_loss_limit": AlertText(
        title="Daily loss limit reached",
        lines=("Loss today {loss_krw}, limit {limit_krw}",),
        action="Find out what lost money. Entries of this ledger stay stopped until the loss is "
        "under its limit, at the latest at midnight in Seoul.",
        cleared="Daily loss under its limit again",
    ),
    "trade_opened": AlertText(
        title="Opened: {pair}",
        lines=(_TRADE, "Entry notional {entry_notional_krw}", "Spread {spread_pct}", _ID),
        action=_NOTHING,
    ),
    "trade_closed": AlertText(
        title="Closed: {pair} {pnl_krw}",
        lines=(
            _TRADE,
            "Realised {pnl_krw} ({pnl_pct}), fees {fees_krw} included",
            "Entry notional {entry_notional_krw}",
            "Held {held_ms}",
            "Reason: {reason}",
            _ID,
        ),
        action=_NOTHING,
    ),
    "rebalance": AlertText(
        title="Rebalancing: {pair}",
        lines=("Exposure {exposure_krw}, limit {limit_krw}", "Closing {share_pct} of it", _ID),
        action="Find out what took exposure past its limit: adopted orders or a lowered limit.",
    ),
    "leg_unhedged": AlertText(
        title="Unhedged leg: {pair}",
        lines=("{instrument}: {quantity} stands alone, worth {notional_krw}", _ID),
        action="Check the position at the venue. Close it there, or trade its other leg, "
        "if the engine does not within a minute.",
        cleared="Hedged again: {pair}",
        cleared_lines=(_ID,),
    ),
    "order_unknown": AlertText(
        title="Unknown order: {client_order_id}",
        lines=(
            "Nobody knows yet whether it filled.",
            "Executed so far {executed}",
            "{reason}",
            _ID,
        ),
        action="Look the order up at the venue by its client id. Never send it again.",
        cleared="Order settled: {client_order_id}",
        cleared_lines=("Now {state}, executed {executed}", _ID),
    ),
    "order_unknown.quarantined": AlertText(
        title="Quarantined order: {client_order_id}",
        lines=(
            "The venue did not tell what became of it.",
            "Executed so far {executed}",
            "{reason}",
            _ID,
        ),
        action="It counts at its worst until it is closed. Look it up at the venue by its client "
        "id, then on the host: deploy/run reconcile --accept {client_order_id}",
    ),
    "feed_stale": AlertText(
        title="Stale book: {instrument}",
        lines=("Last good {age_ms} ago", "Flaw: {flaw}"),
        action="Nothing at first: pairs that need this book rest until it is back. "
        "If it lasts, check the network and the venue's notices.",
    ),
    "feed_recovered": AlertText(
        title="Fresh again: {instrument}",
        lines=("It was silent for {silent_ms}",),
        action=_NOTHING,
    ),
    "heartbeat_lost": AlertText(
        title="Heartbeat lost: {subject}",
        lines=("Last heard {age_ms} ago",),
        action="Check that the process runs and its host answers; look at its positions.",
        cleared="Heartbeat back: {subject}",
    ),
    "reconciliation_mismatch": AlertText(
        title="Records differ from {venue}",
        lines=("{message}", "We count {expected} {asset}, the venue shows {found}"),
        action="Compare with the venue's history; accept it on the host once explained.",
        cleared="Records agree with {venue} again",
    ),
    "reconciliation_mismatch.balance": AlertText(
        title="{venue} holds less {asset} than we count",
        lines=(
            "Counted {expected}, the venue shows {found}",
            "Unexplained so far: {missing} {asset}",
            "Our guess: {cause}",
        ),
        action="Live entries that need it rest, closings go on. Look at the venue's withdrawals "
        "and orders; once explained, on the host: deploy/run reconcile --accept",
        cleared="{venue}: {asset} is back or accepted",
        cleared_lines=("By {by}",),
    ),
    "reconciliation_mismatch.adopted": AlertText(
        title="Adopted: orders the journal had lost",
        lines=("{orders}", _ID),
        action="Nothing: they count from now on, and the trade is looked after. "
        "A leg left alone is unwound.",
    ),
    "system_error": AlertText(
        title="Error in {where}",
        lines=("{message}",),
        action="Read the log around this time.",
    ),
    "system_error.fee_changed": AlertText(
        title="Fee changed: {instrument}",
        lines=("Before {before_pct}, now {after_pct}; it counts at once.",),
        action="Check your fee tier at the venue; a rise leaves fewer signals.",
    ),
    "started": AlertText(
        title="Started: {name}",
        lines=("Mode {mode}, version {version}", "Seed {seed}"),
        action="Nothing, if you started it.",
    ),
    "stopped": AlertText(
        title="Stopped",
        lines=("{reason}",),
        action="Start it again if positions are open: nothing guards them meanwhile.",
    ),
    "demoted": AlertText(
        title="Demoted: live trading lost",
        lines=("{reason}", "By {by}"),
        action="New trades go to paper. Mend the cause, then touch the confirm file on the host.",
        cleared="Demotion lifted",
    ),
    "demoted.not_live": AlertText(
        title="Demoted to paper",
        lines=("{reason}", "By {by}", "Mode {mode}: no live trading was lost"),
        action="Nothing now. Live trading later needs the confirm file touched again on the host.",
    ),
    "halted": AlertText(
        title="HALTED",
        lines=("{reason}", "By {by}", "Open live: {count}", "{open_trades}"),
        action="Nothing trades now: look after what is open. Resuming lifts it to paper at most.",
        cleared="Halt lifted",
    ),
    "halted.in_flight": AlertText(
        title="Halted with orders in flight: {count}",
        lines=("{in_flight}",),
        action="Wait: orders that are out finish, and a second message says how each ended.",
    ),
    "halted.ended": AlertText(
        title="Orders in flight at the halt: how each ended",
        lines=("{ends}",),
        action="Look after what is open now. An unknown outcome has an alert of its own "
        "until it is settled.",
    ),
    "summary": AlertText(
        title="Summary",
        lines=("{message}", "PnL {pnl_krw}", "Trades {trades}", "Exposure {exposure_krw}"),
        action="Read what needs care.",
    ),
    "breaker_tripped": AlertText(
        title="Breaker tripped: {breaker}",
        lines=("{tripped}", "About {subject}", "Measured {value}, limit {limit}"),
        action="{mend}",
        cleared="Breaker closed: {breaker}",
        cleared_lines=("About {subject}",),
    ),
    "closing_stuck": AlertText(
        title="Closing stuck: {pair}",
        lines=("{purpose} could not go out for {waited_ms}", "{checks}", _ID),
        action="The engine goes on trying. If it must be now, close both legs at the venues.",
        cleared="Closing went out: {pair}",
        cleared_lines=(_ID,),
    ),
    "direction_empty": AlertText(
        title="Out of inventory: {pair}",
        lines=(_TRADE, "One more trade is not covered."),
        action=_TRANSFER,
        cleared="Can trade again: {pair}",
        cleared_lines=(_TRADE,),
    ),
    "inventory_skew": AlertText(
        title="Inventory skewed: {asset}",
        lines=("One venue holds {share_pct} of it.",),
        action=_TRANSFER,
        cleared="Inventory level again: {asset}",
    ),
    "position_unguarded": AlertText(
        title="Nothing guards live positions",
        lines=("Live positions in the ledger: {count}", "{orders}", "{reason}"),
        action="Close them at the venues by hand, or bring live trading back.",
        cleared="Live positions are guarded again",
    ),
    "position_unguarded.revoked": AlertText(
        title="REVOKED: close by hand, legs open: {count}",
        lines=("{hand_orders}", "No live closing may leave: {why}"),
        action="Place these orders at the venues by hand, or mend the cause; never do both.",
        cleared="No order by hand is needed any more",
        cleared_lines=("Live legs still open: {legs}",),
    ),
    "dust": AlertText(
        title="Dust moved to inventory",
        lines=("{instrument}: {quantity}, cost {cost_krw}", _ID),
        action="Nothing; it was under the venue's minimum.",
    ),
    "paused": AlertText(
        title="Entries paused",
        lines=("By {by}", "{reason}", "Only {scope}", "Until {until_ns}"),
        action="Closings go on. Resume when you want new trades.",
    ),
    "paused.ends_soon": AlertText(
        title="The pause ends soon",
        lines=("Only {scope}", "Entries go again at {until_ns}."),
        action="Prolong it if it should go on.",
    ),
    "resumed": AlertText(
        title="Entries resumed",
        lines=("By {by}", "Only {scope}"),
        action=_NOTHING,
    ),
}

WORDS = Words(
    texts=_TEXTS,
    purposes={
        "open": "opening",
        "complete": "completion",
        "exit": "exit at the target",
        "stop_loss": "stop-loss",
        "unwind": "unwinding",
        "rebalance": "rebalancing",
        "flatten": "flatten by the operator",
        "close": "close by the operator",
    },
    ledgers={"live": "[LIVE]", "paper": "[paper]"},
    to_do="What to do: ",
    nothing=_NOTHING,
    direction="sell {sold}, buy {bought}",
    and_more="… and {count} more: {codes}",
    causes={
        "first": "nothing was counted before",
        "in_flight": "an order of ours is on its way or has just ended",
        "rounding": "rounding",
        "deposit": "a deposit, interest or a reward",
        "our_orders": "orders of ours moved it since it last agreed: compare the fills",
        "own_orders": "an order of your own, placed by hand",
        "withdrawal": "a withdrawal",
    },
    orders=OrderWords(
        order="{venue}: {side} {quantity} {asset}",
        sides={"buy": "buy", "sell": "sell"},
        at_limit="at {price} (limit)",
        at_mid="at {price} (last mid, {age} old)",
        at_market="at market (no price known)",
        filled="filled at {price} on average",
        filled_partly="filled {executed} of {quantity} at {price} on average, {state}",
        unfilled="{state}, nothing filled",
        states={
            "planned": "planned",
            "sending": "being sent",
            "acknowledged": "at the venue",
            "partial": "filled in part",
            "filled": "filled",
            "cancelled": "cancelled",
            "expired": "expired",
            "rejected": "rejected by the venue",
            "blocked": "blocked at the gate",
            "unknown": "outcome unknown",
            "quarantined": "outcome unknown",
        },
        more="… and {count} more",
    ),
)
