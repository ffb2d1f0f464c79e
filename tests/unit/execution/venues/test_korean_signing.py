"""Signatures of the Korean venues, against known answers."""

import hashlib
import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest

from tests.support.builders import BITHUMB_BTC
from tests.unit.execution.venues.korean_desk import (
    KEYS,
    NONCE,
    STAMP,
    an_order,
    bithumb,
    upbit,
)
from trader.domain.clock import Stamp
from trader.domain.errors import VenueUnavailable
from trader.execution.jwt import Algorithm, Pairs
from trader.execution.korean_requests import Requests, Signing
from trader.wire.http import HttpRequest

UPBIT_ORDER: Pairs = (
    ("market", "KRW-BTC"),
    ("side", "bid"),
    ("volume", "0.01"),
    ("price", "140000000"),
    ("ord_type", "limit"),
    ("identifier", "arb-20261122-0001"),
)
BITHUMB_ORDER: Pairs = (
    ("market", "KRW-BTC"),
    ("side", "bid"),
    ("order_type", "limit"),
    ("price", "140000000"),
    ("volume", "0.01"),
    ("client_order_id", "arb-20261122-0001"),
)
UPBIT_LIST: Pairs = (
    ("states[]", "wait"),
    ("states[]", "watch"),
    ("page", "1"),
    ("market", "KRW-BTC"),
)
BITHUMB_LIST: Pairs = (
    ("uuids[]", "C0101000000001799625"),
    ("uuids[]", "C0101000000001799626"),
    ("limit", "100"),
)
THEN = Stamp(1_763_800_000_000_000_000, 0)


def requests(algorithm: Algorithm, *, is_bithumb: bool = False) -> Requests:
    return Requests(KEYS, Signing(algorithm, is_bithumb, is_bithumb), lambda: NONCE)


def token_of(request: HttpRequest) -> str:
    return dict(request.headers)["Authorization"].removeprefix("Bearer ")


def claims_of(request: HttpRequest) -> dict[str, Any]:
    body = token_of(request).split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


class TestUpbit:
    """HS512 by default, HS256 where it is asked for; no time in the token."""

    def test_without_parameters(self) -> None:
        """The whole token, to the last character."""
        assert requests(Algorithm.HS512).bearer(THEN) == (
            "Bearer eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJhY2Nlc3Nfa2V5IjoiVEVTVC1BQ0NFU1MtS0VZ"
            "LTAwMDEiLCJub25jZSI6IjExMTExMTExLTIyMjItNDMzMy04NDQ0LTU1NTU1NTU1NTU1NSJ9.EfUIFvChjZc"
            "Kox7unK2cT99e8jZzUIbY77qh9PnHbEBRJ0_9Mi-duAD3ak4R4OTBPKdgF34PHqCBlOaiSyCD2A"
        )

    def test_an_order(self) -> None:
        """The hash is of the body's fields in their order, the signature of all claims."""
        request = requests(Algorithm.HS512).posted("/v1/orders", UPBIT_ORDER, THEN, "order")

        assert json.loads(request.body) == dict(UPBIT_ORDER)
        assert claims_of(request)["query_hash"] == (
            "d70751afbd8c15dcfc86272c4af7a3167bfac58958314f881cfc606080543a944331d0d500cc373d37e01e"
            "1fc7f69d7f678ac7121558eff71d1637e07601688a"
        )
        assert token_of(request).split(".")[2] == (
            "9l6xtJckUmu_fdDcItEzgDCEeIY7zKk2MCKfB2BCK76pvV0G0BHwD8olpx5T2lbwEB1XTdr1pKnfhrrVcKfxXg"
        )

    def test_an_order_by_the_other_algorithm(self) -> None:
        """The same claims under HS256."""
        request = requests(Algorithm.HS256).posted("/v1/orders", UPBIT_ORDER, THEN, "order")

        assert token_of(request).split(".")[2] == "GyB87eiwPf5gz9KJiv_n4v78jHCHIuzw7ECm8os-RbQ"

    def test_a_list(self) -> None:
        """Brackets of array names are hashed and sent as they are."""
        request = requests(Algorithm.HS512).signed(
            "GET", "/v1/orders/open", UPBIT_LIST, THEN, "default"
        )

        assert request.target == (
            "/v1/orders/open?states[]=wait&states[]=watch&page=1&market=KRW-BTC"
        )
        assert claims_of(request)["query_hash"] == (
            "9e669bae1f33642a9c675f8c1a47f9bbe81bfb584a4c7f70a8074d8eaa07755bdd183154ba28bc823f0204"
            "229da22bfa9a3ab10f0518442eb1ba5975662a38f2"
        )
        assert token_of(request).split(".")[2] == (
            "DorSTwdgP4Yq_IbvGmQ94RKxZFXG_TxkFzjPP7HtO0f0Q9MT16xz9hk8mvVBqG1G-azZdblhzt2k9y2yFhMxpg"
        )


class TestBithumb:
    """HS256 alone, and the time in every token."""

    def test_without_parameters(self) -> None:
        """The whole token, to the last character."""
        assert requests(Algorithm.HS256, is_bithumb=True).bearer(THEN) == (
            "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhY2Nlc3Nfa2V5IjoiVEVTVC1BQ0NFU1MtS0VZLT"
            "AwMDEiLCJub25jZSI6IjExMTExMTExLTIyMjItNDMzMy04NDQ0LTU1NTU1NTU1NTU1NSIsInRpbWVzdGFtcCI6M"
            "Tc2MzgwMDAwMDAwMH0.UmmdSs8DC6PvG6gS0ilNbJA0hZ1kCUOREtqp8cTrE4s"
        )

    def test_an_order(self) -> None:
        """Hash and signature of an order."""
        request = requests(Algorithm.HS256, is_bithumb=True).posted(
            "/v2/orders", BITHUMB_ORDER, THEN, "order"
        )

        assert claims_of(request)["query_hash"] == (
            "0d8250e004628a89f66388725b6df62cbe756ac9874c341eb5e6d9bc68c7d34e9d78f669470ee8fd8f69a6"
            "5248e03b5f1dd388388c994277285f0a42819ad3eb"
        )
        assert token_of(request).split(".")[2] == "noz4TCG1BxV6sX94jH1o6zAGVO4yN5hOd0lt24muo40"

    def test_a_list(self) -> None:
        """Hash and signature of a question with an array."""
        request = requests(Algorithm.HS256, is_bithumb=True).signed(
            "GET", "/v1/orders", BITHUMB_LIST, THEN, "default"
        )

        assert claims_of(request)["query_hash"] == (
            "209aeaf9eb58a347e2ae9502f216adcfe31b3a7aed610d2a979ac0e88b0fbcdf99c9f41696d3573f5485cd"
            "59e8c7e0bbc17c476b3db5c8e3f5d94de78ca51b09"
        )
        assert token_of(request).split(".")[2] == "2ms59ATCAXPq_hiv_rh6RIPj02r3ZtRUIluKO8X-b_s"


class TestPlacements:
    """What leaves for an order is what was approved, and what was hashed is what leaves."""

    @pytest.mark.parametrize("is_bithumb", [False, True])
    def test_the_body_is_what_was_hashed(self, is_bithumb: bool) -> None:
        """Field by field, in the order of the body."""
        client = bithumb() if is_bithumb else upbit()
        order = an_order(BITHUMB_BTC) if is_bithumb else an_order()

        request = client.placement(order, STAMP)

        query = "&".join(f"{name}={value}" for name, value in json.loads(request.body).items())
        hashed = hashlib.sha512(query.encode()).hexdigest()
        assert claims_of(request)["query_hash"] == hashed
        assert request.group == "order"

    def test_upbit_says_what_its_defaults_would_decide(self) -> None:
        """Time in force and self-trade prevention are explicit, the id is ours."""
        request = upbit().placement(an_order(), STAMP)

        assert (request.method, request.target) == ("POST", "/v1/orders")
        assert json.loads(request.body) == {
            "market": "KRW-BTC",
            "side": "bid",
            "volume": "0.01",
            "price": "140000000",
            "ord_type": "limit",
            "time_in_force": "ioc",
            "smp_type": "cancel_taker",
            "identifier": "tr-test-1",
        }

    def test_bithumb_calls_its_fields_otherwise(self) -> None:
        """``order_type`` and ``client_order_id``, and nothing of self-trades."""
        request = bithumb().placement(an_order(BITHUMB_BTC), STAMP)

        assert (request.method, request.target) == ("POST", "/v2/orders")
        assert json.loads(request.body) == {
            "market": "KRW-BTC",
            "side": "bid",
            "volume": "0.01",
            "price": "140000000",
            "order_type": "limit",
            "time_in_force": "ioc",
            "client_order_id": "tr-test-1",
        }

    def test_without_keys_nothing_is_signed(self) -> None:
        """Paper needs none and can send nothing."""
        with pytest.raises(VenueUnavailable):
            upbit(keys=None).placement(an_order(), STAMP)

    def test_no_secret_in_a_request(self) -> None:
        """The access key and the secret stand in no readable part but the token's claims."""
        request = upbit().placement(an_order(), STAMP)

        assert KEYS.secret.reveal() not in repr(request)
        assert KEYS.access.reveal() not in repr(request)

    def test_every_token_has_its_own_nonce(self) -> None:
        """A nonce seen twice would be refused, and hide the real answer."""
        own = Requests(KEYS, Signing(Algorithm.HS512))

        assert own.bearer(STAMP) != own.bearer(STAMP)
