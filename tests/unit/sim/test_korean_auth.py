"""Bearer tokens are taken and refused as Upbit and Bithumb do; vectors of the fact sheet."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping

import pytest

from trader.sim.korean_auth import (
    BITHUMB_TOKENS,
    UPBIT_TOKENS,
    Nonces,
    TokenRules,
    Unauthorised,
    body_texts,
    check_hash,
    check_time,
    query_texts,
    read_token,
)

ACCESS_KEY = "TEST-ACCESS-KEY-0001"
SECRET = "TEST-SECRET-KEY-0001-padding-to-make-it-longer-than-64-bytes-abcdef"
NONCE = "11111111-2222-4333-8444-555555555555"
MADE_MS = 1_763_800_000_000

UPBIT_ORDER = (
    b'{"market":"KRW-BTC","side":"bid","volume":"0.01","price":"140000000",'
    b'"ord_type":"limit","identifier":"arb-20261122-0001"}'
)
UPBIT_ORDER_TOKEN = (
    "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJhY2Nlc3Nfa2V5IjoiVEVTVC1BQ0NFU1MtS0VZLTAwMDEiLCJub25jZ"
    "SI6IjExMTExMTExLTIyMjItNDMzMy04NDQ0LTU1NTU1NTU1NTU1NSIsInF1ZXJ5X2hhc2giOiJkNzA3NTFhZmJkOGMxNWRj"
    "ZmM4NjI3MmM0YWY3YTMxNjdiZmFjNTg5NTgzMTRmODgxY2ZjNjA2MDgwNTQzYTk0NDMzMWQwZDUwMGNjMzczZDM3ZTAxZTF"
    "mYzdmNjlkN2Y2NzhhYzcxMjE1NThlZmY3MWQxNjM3ZTA3NjAxNjg4YSIsInF1ZXJ5X2hhc2hfYWxnIjoiU0hBNTEyIn0.9l"
    "6xtJckUmu_fdDcItEzgDCEeIY7zKk2MCKfB2BCK76pvV0G0BHwD8olpx5T2lbwEB1XTdr1pKnfhrrVcKfxXg"
)
BITHUMB_ORDER = (
    b'{"market":"KRW-BTC","side":"bid","order_type":"limit","price":"140000000",'
    b'"volume":"0.01","client_order_id":"arb-20261122-0001"}'
)
BITHUMB_HASH = (
    "0d8250e004628a89f66388725b6df62cbe756ac9874c341eb5e6d9bc68c7d34e"
    "9d78f669470ee8fd8f69a65248e03b5f1dd388388c994277285f0a42819ad3eb"
)


def a_token(claims: Mapping[str, object], algorithm: str = "HS256", secret: str = SECRET) -> str:
    """A bearer header with these claims, in their order."""
    header = {"alg": algorithm, "typ": "JWT"}
    signed = ".".join(_part(json.dumps(part, separators=(",", ":"))) for part in (header, claims))
    digest = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}[algorithm]
    made = hmac.new(secret.encode(), signed.encode(), digest).digest()
    return f"Bearer {signed}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


def _part(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def claims(**others: object) -> dict[str, object]:
    """The claims every token carries, and others."""
    return {"access_key": ACCESS_KEY, "nonce": NONCE} | others


def refusal(authorization: str | None, rules: TokenRules) -> str:
    """The name a venue refuses this token with."""
    with pytest.raises(Unauthorised) as caught:
        read_token(authorization, rules)
    return caught.value.name


class TestSignature:
    """A token entitles only with the signature of the key's own secret, as plain text."""

    def test_takes_the_hs512_token_of_the_fact_sheet(self) -> None:
        """The order of the sheet, with its body hashed in the order of its keys."""
        token = read_token(f"Bearer {UPBIT_ORDER_TOKEN}", UPBIT_TOKENS)

        check_hash(token, body_texts(UPBIT_ORDER))
        assert token.is_signed_with(SECRET)
        assert (token.access_key, token.nonce) == (ACCESS_KEY, NONCE)

    def test_takes_the_hs256_signature_of_the_fact_sheet(self) -> None:
        """The other algorithm over the same claims."""
        digest = hashlib.sha512(next(iter(body_texts(UPBIT_ORDER))).encode()).hexdigest()
        made = a_token(claims(query_hash=digest, query_hash_alg="SHA512"))

        assert made.endswith(".GyB87eiwPf5gz9KJiv_n4v78jHCHIuzw7ECm8os-RbQ")
        assert read_token(made, UPBIT_TOKENS).is_signed_with(SECRET)

    def test_another_secret_is_seen(self) -> None:
        """Whoever does not know the secret is not let in."""
        token = read_token(f"Bearer {UPBIT_ORDER_TOKEN}", UPBIT_TOKENS)

        assert not token.is_signed_with(SECRET + "x")

    def test_bithumb_takes_hs256_only(self) -> None:
        """HS512 is refused although it is correctly made."""
        made = a_token(claims(timestamp=MADE_MS), algorithm="HS512")

        assert refusal(made, BITHUMB_TOKENS) == "jwt_verification"

    def test_no_token_has_a_name_of_its_own(self) -> None:
        """Upbit tells a missing token from a bad one."""
        assert refusal(None, UPBIT_TOKENS) == "no_authorization_token"
        assert refusal("Bearer a.b", UPBIT_TOKENS) == "jwt_verification"
        assert refusal("Bearer ä.ö.ü", UPBIT_TOKENS) == "jwt_verification"

    @pytest.mark.parametrize(
        "parts",
        [
            ({"alg": ["HS256"]}, claims()),
            ({"alg": None}, claims()),
            ({"alg": "none"}, claims()),
            ({"alg": "HS256"}, claims(access_key=["x"])),
            ({"alg": "HS256"}, claims(nonce="")),
            ([], claims()),
        ],
    )
    def test_survives_what_is_no_token(self, parts: tuple[object, object]) -> None:
        """Whatever its parts say."""
        text = ".".join(_part(json.dumps(part)) for part in parts)

        assert refusal(f"Bearer {text}.AA", UPBIT_TOKENS) == "jwt_verification"

    def test_a_hash_of_other_letters_is_a_wrong_one(self) -> None:
        """And no crash."""
        token = read_token(a_token(claims(query_hash="é", query_hash_alg="SHA512")), UPBIT_TOKENS)

        with pytest.raises(Unauthorised, match="invalid_query_payload"):
            check_hash(token, query_texts("a=1", encoded_too=False))

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (b"[" * 100_000, "too deeply"),
            (b"[1]", "no JSON object"),
            (b"\xff", "decode"),
            (b'{"a":"\\ud800"}', "encode"),
        ],
    )
    def test_a_body_that_cannot_be_read_is_told(self, body: bytes, words: str) -> None:
        """As one kind of error, however it is broken."""
        with pytest.raises(ValueError, match=words):
            body_texts(body)

    def test_shows_no_part_of_a_token(self) -> None:
        """What entitles is not for logs."""
        token = read_token(f"Bearer {UPBIT_ORDER_TOKEN}", UPBIT_TOKENS)

        assert ACCESS_KEY not in repr(token)


class TestTime:
    """Bithumb tokens say when they were made; Upbit's do not."""

    def test_bithumb_wants_an_integer_timestamp(self) -> None:
        """Without it, or as text, the token is none."""
        assert refusal(a_token(claims()), BITHUMB_TOKENS) == "jwt_verification"
        assert refusal(a_token(claims(timestamp=str(MADE_MS))), BITHUMB_TOKENS) == (
            "jwt_verification"
        )

    @pytest.mark.parametrize("off_ms", [-20_001, 20_001])
    def test_an_old_or_early_token_is_expired(self, off_ms: int) -> None:
        """Twenty seconds either way are tolerated, and no more."""
        token = read_token(a_token(claims(timestamp=MADE_MS)), BITHUMB_TOKENS)
        check_time(token, BITHUMB_TOKENS, MADE_MS + 20_000)

        with pytest.raises(Unauthorised) as caught:
            check_time(token, BITHUMB_TOKENS, MADE_MS + off_ms)

        assert caught.value.name == "expired_jwt"

    def test_upbit_does_not_look_at_the_time(self) -> None:
        """Its tokens carry none."""
        token = read_token(a_token(claims()), UPBIT_TOKENS)

        check_time(token, UPBIT_TOKENS, 0)


class TestQueryHash:
    """What was sent is what was signed."""

    def test_hashes_the_bithumb_order_of_the_fact_sheet(self) -> None:
        """The keys of the body in their order."""
        made = a_token(claims(timestamp=MADE_MS, query_hash=BITHUMB_HASH, query_hash_alg="SHA512"))

        check_hash(read_token(made, BITHUMB_TOKENS), body_texts(BITHUMB_ORDER))
        assert made.endswith(".noz4TCG1BxV6sX94jH1o6zAGVO4yN5hOd0lt24muo40")

    def test_brackets_may_travel_either_way(self) -> None:
        """Literal and percent-encoded brackets are hashed as brackets."""
        expected = "states[]=wait&states[]=watch&page=1&market=KRW-BTC"

        assert query_texts(expected, encoded_too=False) == {expected}
        assert query_texts(expected.replace("[]", "%5B%5D"), encoded_too=False) == {expected}

    def test_order_and_value_matter(self) -> None:
        """The same parameters in another order are other parameters."""
        digest = hashlib.sha512(b"a=1&b=2").hexdigest()
        token = read_token(
            a_token(claims(query_hash=digest, query_hash_alg="SHA512")), UPBIT_TOKENS
        )

        check_hash(token, query_texts("a=1&b=2", encoded_too=False))
        for sent in ("b=2&a=1", "a=1&b=3"):
            with pytest.raises(Unauthorised, match="invalid_query_payload"):
                check_hash(token, query_texts(sent, encoded_too=False))

    @pytest.mark.parametrize("algorithm", [None, "SHA256"])
    def test_the_algorithm_must_be_named(self, algorithm: str | None) -> None:
        """A hash that does not say what it is proves nothing."""
        others: dict[str, object] = {"query_hash": hashlib.sha512(b"a=1").hexdigest()}
        if algorithm is not None:
            others["query_hash_alg"] = algorithm
        token = read_token(a_token(claims(**others)), UPBIT_TOKENS)

        with pytest.raises(Unauthorised, match="invalid_query_payload"):
            check_hash(token, query_texts("a=1", encoded_too=False))

    def test_numbers_and_lists_of_a_body_are_hashed_as_written(self) -> None:
        """A number keeps its digits; lists repeat their name; batches are numbered."""
        body = b'{"a":1.10,"ids":["x","y"],"batch_orders":[{"m":"1"},{"m":"2"}],"ok":true}'

        assert body_texts(body) == {
            "a=1.10&ids[]=x&ids[]=y&batch_orders[0][m]=1&batch_orders[1][m]=2&ok=true"
        }


class TestNonces:
    """A nonce works once."""

    def test_a_second_use_is_seen(self) -> None:
        """Per key, as another account may draw the same."""
        nonces = Nonces()

        assert nonces.is_new("key", "one")
        assert not nonces.is_new("key", "one")
        assert nonces.is_new("other", "one")

    def test_the_memory_is_bounded(self) -> None:
        """The oldest are forgotten first."""
        nonces = Nonces(kept=2)

        assert all(nonces.is_new("key", nonce) for nonce in ("one", "two", "three"))
        assert nonces.is_new("key", "one")
        assert not nonces.is_new("key", "three")
