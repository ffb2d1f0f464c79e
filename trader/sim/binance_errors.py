"""What the Binance face says no with: one exception, and a constructor per documented refusal."""

import msgspec


class BinanceRefusal(Exception):
    """A request that is answered with ``{"code": ..., "msg": ...}`` and this HTTP status."""

    def __init__(
        self, code: int, msg: str, *, status: int = 400, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(f"{code} {msg}")
        self.code = code
        self.msg = msg
        self.status = status
        self.headers = headers

    @property
    def body(self) -> bytes:
        """The JSON body, the same over HTTP and, as ``error``, over the WebSocket API."""
        return msgspec.json.encode({"code": self.code, "msg": self.msg})


def illegal_characters(name: str, legal: str) -> BinanceRefusal:
    """A parameter with characters it may not hold."""
    return BinanceRefusal(
        -1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'."
    )


def duplicate_parameter() -> BinanceRefusal:
    """One parameter given twice."""
    return BinanceRefusal(-1101, "Duplicate values for a parameter detected.")


def missing(name: str) -> BinanceRefusal:
    """A mandatory parameter that is absent, empty or not of its type."""
    return BinanceRefusal(
        -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    )


def missing_either(first: str, second: str) -> BinanceRefusal:
    """Neither of two parameters of which one is needed."""
    return BinanceRefusal(
        -1102,
        f"Param '{first}' or '{second}' must be sent, but both were empty/null!",
    )


def unread_parameters(read: int, sent: int) -> BinanceRefusal:
    """More parameters than the endpoint knows."""
    return BinanceRefusal(
        -1104,
        f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'.",
    )


def empty(name: str) -> BinanceRefusal:
    """A parameter that was sent without a value."""
    return BinanceRefusal(-1105, f"Parameter '{name}' was empty.")


def not_required(name: str) -> BinanceRefusal:
    """A parameter that does not belong to this type of order."""
    return BinanceRefusal(-1106, f"Parameter '{name}' sent when not required.")


def too_precise(name: str) -> BinanceRefusal:
    """A number with more digits than the asset has."""
    return BinanceRefusal(-1111, f"Parameter '{name}' has too much precision.")


def invalid_value(name: str) -> BinanceRefusal:
    """A value outside its set or range."""
    return BinanceRefusal(-1130, f"Data sent for parameter '{name}' is not valid.")


def unknown_symbol() -> BinanceRefusal:
    """No such symbol here."""
    return BinanceRefusal(-1121, "Invalid symbol.")


def filter_failure(name: str) -> BinanceRefusal:
    """The order broke a rule of its symbol and never reached the matching engine."""
    return BinanceRefusal(-1013, f"Filter failure: {name}")


def order_rejected(msg: str) -> BinanceRefusal:
    """The matching engine refused the order."""
    return BinanceRefusal(-2010, msg)


def cancel_rejected(msg: str = "Unknown order sent.") -> BinanceRefusal:
    """Nothing to cancel under that id."""
    return BinanceRefusal(-2011, msg)


def no_such_order() -> BinanceRefusal:
    """A look-up that found nothing."""
    return BinanceRefusal(-2013, "Order does not exist.")


def key_format() -> BinanceRefusal:
    """No key, or one that cannot be a key."""
    return BinanceRefusal(-2014, "API-key format invalid.", status=401)


def key_refused() -> BinanceRefusal:
    """A key nobody has, or without the permission this call needs."""
    return BinanceRefusal(-2015, "Invalid API-key, IP, or permissions for action.", status=401)


def bad_signature() -> BinanceRefusal:
    """The signature is not that of the payload as it arrived."""
    return BinanceRefusal(-1022, "Signature for this request is not valid.")


def outside_window() -> BinanceRefusal:
    """The timestamp is older than ``recvWindow`` allows."""
    return BinanceRefusal(-1021, "Timestamp for this request is outside of the recvWindow.")


def ahead_of_time() -> BinanceRefusal:
    """The timestamp lies a second or more in the venue's future."""
    return BinanceRefusal(
        -1021, "Timestamp for this request was 1000ms ahead of the server's time."
    )


def window_too_wide() -> BinanceRefusal:
    """A ``recvWindow`` beyond a minute."""
    return BinanceRefusal(-1131, "recvWindow must be less than 60000.")


def too_much_weight(limit: int, retry_after_s: int) -> BinanceRefusal:
    """This minute's weight is spent: HTTP 429."""
    return BinanceRefusal(
        -1003,
        f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API.",
        status=429,
        headers=(("Retry-After", str(retry_after_s)),),
    )


def banned(until_ms: int, retry_after_s: int) -> BinanceRefusal:
    """The address went on after a 429: HTTP 418."""
    return BinanceRefusal(
        -1003,
        f"Way too much request weight used; IP banned until {until_ms}. "
        "Please use WebSocket Streams for live updates to avoid bans.",
        status=418,
        headers=(("Retry-After", str(retry_after_s)),),
    )


def too_many_orders(limit: int, interval: str, retry_after_s: int) -> BinanceRefusal:
    """Too many unfilled orders in an interval."""
    return BinanceRefusal(
        -1015,
        f"Too many new orders; current limit is {limit} orders per {interval}.",
        status=429,
        headers=(("Retry-After", str(retry_after_s)),),
    )


def too_many_connections(retry_after_s: int) -> BinanceRefusal:
    """Too many attempts to open a WebSocket."""
    return BinanceRefusal(
        -1034,
        "Too many connections are connected.",
        status=429,
        headers=(("Retry-After", str(retry_after_s)),),
    )


def invalid_json() -> BinanceRefusal:
    """A frame of the WebSocket API that is no request."""
    return BinanceRefusal(-1135, "Invalid JSON Request")


def already_subscribed() -> BinanceRefusal:
    """One subscription to an account is the most a connection may have."""
    return BinanceRefusal(-2035, "User Data Stream subscription already active.")


def not_subscribed() -> BinanceRefusal:
    """There is nothing to end."""
    return BinanceRefusal(-2036, "User Data Stream subscription inactive.")


def not_logged_on() -> BinanceRefusal:
    """The session was not authenticated."""
    return BinanceRefusal(-1002, "You are not authorized to execute this request.", status=401)


def hmac_session() -> BinanceRefusal:
    """Sessions are for Ed25519 keys."""
    return BinanceRefusal(-4056, "HMAC_SHA256 API key is not supported.")


def unknown_method(name: str) -> BinanceRefusal:
    """A method that the WebSocket API does not have."""
    return BinanceRefusal(-1130, f"Unknown method {name}.")


def gone() -> BinanceRefusal:
    """A listen key: since 2026-02-20 there are none."""
    return BinanceRefusal(
        -1000, "This endpoint has been retired; use userDataStream.subscribe.", status=410
    )
