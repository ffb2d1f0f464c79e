"""Request arrays of the Korean sockets are read as the venues read them."""

import json

import pytest

from trader.sim.korean_requests import (
    PRIVATE_TYPES,
    PUBLIC_TYPES,
    Format,
    Wanted,
    WrongRequest,
    read_request,
)


def a_request(*parts: object) -> str:
    """A request array with a ticket."""
    return json.dumps([{"ticket": "t"}, *parts])


class TestReading:
    """Types, codes, depths, kinds and formats."""

    def test_reads_every_type_of_one_request(self) -> None:
        """Depths belong to order books alone, and are 1, 5, 15 or 30."""
        request = read_request(
            a_request(
                {"type": "orderbook", "codes": ["KRW-BTC.5", "KRW-ETH.6"], "level": 10_000},
                {"type": "trade", "codes": ["KRW-BTC"], "is_only_realtime": True},
                {"format": "SIMPLE"},
            ),
            PUBLIC_TYPES,
        )

        assert request.format is Format.SIMPLE
        assert [(each.type, each.code, each.depth) for each in request.wanted] == [
            ("orderbook", "KRW-BTC", 5),
            ("orderbook", "KRW-ETH", 30),
            ("trade", "KRW-BTC", 30),
        ]
        assert request.wanted[0].level == "10000"
        assert (request.wanted[2].snapshot, request.wanted[2].realtime) == (False, True)

    def test_private_types_need_no_codes(self) -> None:
        """Orders may name some; assets may not."""
        request = read_request(
            a_request({"type": "myOrder"}, {"type": "myAsset"}).encode(), PRIVATE_TYPES
        )

        assert request.wanted == (Wanted("myOrder", None), Wanted("myAsset", None))

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("[]", "NO_TICKET"),
            ('[{"ticket":""}]', "NO_TICKET"),
            ("[1]", "WRONG_FORMAT"),
            (a_request({"type": "myOrder", "codes": ["KRW-BTC"]}), "WRONG_FORMAT"),
            (a_request({"type": "ticker", "codes": []}), "NO_CODES"),
            (a_request({"type": "ticker", "codes": "KRW-BTC"}), "INVALID_PARAM"),
            (
                a_request({"type": "orderbook", "codes": ["KRW-BTC"], "level": "much"}),
                "INVALID_PARAM",
            ),
            (a_request({"type": "ticker", "codes": ["A"], "is_only_snapshot": 1}), "INVALID_PARAM"),
            (a_request({"method": "UNSUBSCRIBE"}), "WRONG_FORMAT"),
        ],
    )
    def test_refuses_by_name(self, text: str, name: str) -> None:
        """On a public socket, where a private type is an unknown one."""
        with pytest.raises(WrongRequest) as caught:
            read_request(text, PUBLIC_TYPES)

        assert caught.value.name == name
