"""A venue of the user's own has a section like the built-in ones; every promise holds for it."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from trader.config import OwnVenue, Settings, load_settings, secret_exposure, used_venues, venues
from trader.config.settings import OWN, own_fields, rules
from trader.credentials import Secret
from trader.domain.control import Mode
from trader.domain.errors import ConfigError
from trader.domain.instrument import FeeIn

LIVE_YML = Path(__file__).parents[2] / "config" / "live.yml"
MIRROR: dict[str, Any] = {
    "feed": "my_venue.MirrorFeed",
    "client": "my_venue.MirrorClient",
    "taker_fee_pct": 0.04,
    "rest_url": "https://api.mirror.example",
    "ws_url": "wss://api.mirror.example",
    "private_ws_url": "wss://private.mirror.example",
}
PAIR = {"name": "mirror-bithumb", "first": "mirror:BTC-KRW", "second": "bithumb:BTC-KRW"}
RULES = {key[-1]: rule for key, rule in rules(OwnVenue, (*OWN, "mirror"))}
KEYS = sorted(key[-1] for key, _ in own_fields("mirror"))


def tree(name: str = "mirror", /, **changes: Any) -> dict[str, Any]:
    """A config with one own venue; a change to ``...`` leaves the key out."""
    section = {key: one for key, one in {**MIRROR, **changes}.items() if one is not ...}
    return {"venues": {"own": {name: section}}}


def written(directory: Path, *parts: dict[str, Any]) -> Path:
    path = directory / "live.yml"
    merged: dict[str, Any] = {}
    for part in parts:
        merged |= part
    path.write_text(yaml.safe_dump(merged))
    return path


def load(directory: Path, *parts: dict[str, Any], **environ: str) -> Settings:
    return load_settings(written(directory, *parts), environ)


def complaints(directory: Path, *parts: dict[str, Any], **environ: str) -> list[str]:
    """What is wrong, a line each, without the file's name, which must lead each."""
    with pytest.raises(ConfigError) as raised:
        load(directory, *parts, **environ)
    lines = str(raised.value).split("\n")
    prefix = f"{directory / 'live.yml'}: "
    assert all(line.startswith((prefix, "environment ")) for line in lines)
    return [line.removeprefix(prefix) for line in lines]


class TestSection:
    def test_is_read_like_those_of_the_built_in_venues(self, tmp_path: Path) -> None:
        """The usual keys, two paths, and what fees are taken in."""
        settings = load(tmp_path, tree(fee_in="received"))
        own = settings.venues.own["mirror"]

        assert own.enabled
        assert own.taker_fee_pct == Decimal("0.04")
        assert own.fee_in is FeeIn.RECEIVED
        assert own.feed == "my_venue.MirrorFeed"
        assert own.client == "my_venue.MirrorClient"
        assert venues(settings)["mirror"] is own
        assert list(venues(settings)) == ["upbit", "bithumb", "binance", "mirror"]

    def test_takes_fees_in_the_quote_asset_unless_told(self, tmp_path: Path) -> None:
        """As the Korean venues do."""
        assert load(tmp_path, tree()).venues.own["mirror"].fee_in is FeeIn.QUOTE

    def test_is_read_only(self, tmp_path: Path) -> None:
        """Settings never change after they were read."""
        own = load(tmp_path, tree()).venues.own

        with pytest.raises(TypeError):
            own["other"] = own["mirror"]  # type: ignore[index]  # the refusal is what is tested

    @pytest.mark.parametrize(
        "key", ["feed", "client", "taker_fee_pct", "rest_url", "ws_url", "private_ws_url"]
    )
    def test_nothing_is_assumed_of_an_unknown_venue(self, tmp_path: Path, key: str) -> None:
        """Addresses, classes and the fee are stated, or the start is refused."""
        assert complaints(tmp_path, tree(**{key: ...})) == [
            f"venues.own.mirror.{key} is missing; allowed: a value; it has no default"
        ]

    @pytest.mark.parametrize("name", ["ab", "mirror", "m1", "a2345678901z", "own"])
    def test_names_that_do(self, tmp_path: Path, name: str) -> None:
        """Short, in lower case."""
        assert list(load(tmp_path, tree(name)).venues.own) == [name]

    @pytest.mark.parametrize(
        "name",
        ["a", "Mirror", "my-venue", "my_venue", "1inch", "30m", "a23456789012x", "거래소", "a b"],
    )
    def test_names_that_do_not(self, tmp_path: Path, name: str) -> None:
        """One must be able to write it in an instrument, a variable and a chat."""
        assert complaints(tmp_path, tree(name)) == [
            f"venues.own.{name}: not a name; allowed: 2 to 12 of a-z and 0-9, a letter first,"
            " and not upbit, bithumb, binance"
        ]

    @pytest.mark.parametrize("name", ["upbit", "bithumb", "binance"])
    def test_a_built_in_name_is_taken(self, tmp_path: Path, name: str) -> None:
        """Its keys must never be signed with by somebody's class, in live least of all."""
        (line,) = complaints(
            tmp_path,
            tree(name),
            {"mode": {"current": "live"}},
            **{f"{name.upper()}_ACCESS_KEY": "hunter2", f"{name.upper()}_SECRET_KEY": "hunter2"},
        )

        assert line.startswith(f"venues.own.{name}: not a name; ")
        assert "hunter2" not in line

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (None, "venues.own is null; allowed: a mapping of names to sections"),
            ("hunter2", "venues.own is ***; allowed: a mapping of names to sections"),
            ({"mirror": None}, "venues.own.mirror is null; allowed: a mapping of keys"),
            ({"mirror": "hunter2"}, "venues.own.mirror is ***; allowed: a mapping of keys"),
        ],
    )
    def test_what_is_no_section_is_refused(
        self, tmp_path: Path, value: object, expected: str
    ) -> None:
        """And not shown: it may be a secret that slipped."""
        assert complaints(tmp_path, {"venues": {"own": value}}) == [expected]


class TestUnknownKeys:
    @pytest.mark.parametrize(
        ("part", "expected"),
        [
            (
                tree(rest_ulr="https://x"),
                "venues.own.mirror.rest_ulr: unknown key; did you mean venues.own.mirror.rest_url?",
            ),
            (
                tree(secret="hunter2"),
                "venues.own.mirror.secret: unknown key; did you mean venues.own.mirror.secret_key?",
            ),
            (
                tree(max_slippage_pct=1),
                "venues.own.mirror.max_slippage_pct: unknown key;"
                " did you mean safety.max_slippage_pct?",
            ),
            (
                tree(recv_window_ms=1),
                "venues.own.mirror.recv_window_ms: unknown key;"
                " did you mean venues.binance.recv_window_ms?",
            ),
            (
                {"venues": {"upbit": {"fee_in": "quote"}}},
                "venues.upbit.fee_in: unknown key; did you mean venues.own.NAME.fee_in?",
            ),
            (
                {"venues": {"mirror": {}}},
                "venues.mirror: unknown key; known here: binance, bithumb, own, upbit",
            ),
        ],
    )
    def test_name_the_nearest_known_key(
        self, tmp_path: Path, part: dict[str, Any], expected: str
    ) -> None:
        """Within the same venue first."""
        assert complaints(tmp_path, part) == [expected]


class TestRanges:
    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("enabled", "yes"),
            ("taker_fee_pct", -0.1),
            ("taker_fee_pct", 5.1),
            ("taker_fee_pct", float("nan")),
            ("fee_in", "coin"),
            ("feed", "MirrorFeed"),
            ("client", "my venue.Client"),
            ("client", 5),
            ("rest_url", "api.mirror.example"),
            ("rest_url", "wss://api.mirror.example"),
            ("ws_url", "https://api.mirror.example"),
            ("private_ws_url", "wss://user:word@api.mirror.example"),
            ("attested_fingerprint", "0123"),
        ],
    )
    def test_each_key_keeps_its_own(self, tmp_path: Path, key: str, value: object) -> None:
        """The same rules as for the built-in venues, said in the same words."""
        (line,) = complaints(tmp_path, tree(**{key: value}))

        assert line.startswith(f"venues.own.mirror.{key} is ")
        assert line.endswith(f"; allowed: {RULES[key].allowed}")

    def test_every_key_has_a_rule(self) -> None:
        """Nothing is left to a library's generous conversions."""
        assert sorted(RULES) == KEYS


class TestInstruments:
    def test_a_pair_may_name_it(self, tmp_path: Path) -> None:
        """At its own venue and at a built-in one."""
        settings = load(tmp_path, tree(), {"strategy": {"pairs": [PAIR]}})

        assert used_venues(settings) == ("mirror", "bithumb")

    def test_it_may_price_the_dollar(self, tmp_path: Path) -> None:
        """Where it has a book of KRW-USDT."""
        pair = {"name": "a", "first": "mirror:BTC-KRW", "second": "binance:BTC-USDT"}
        strategy = {"strategy": {"pairs": [pair], "usdt_krw": "mirror:USDT-KRW"}}

        assert used_venues(load(tmp_path, tree(), strategy)) == ("mirror", "binance")

    @pytest.mark.parametrize("mode", ["mock", "paper", "live"])
    @pytest.mark.parametrize("side", ["first", "second"])
    def test_an_unknown_venue_is_refused(self, tmp_path: Path, side: str, mode: str) -> None:
        """With the names of those that are known."""
        other = {"first": "upbit:BTC-KRW", "second": "upbit:BTC-KRW"}
        pair = {"name": "a", **other, side: "miror:BTC-KRW"}

        assert complaints(
            tmp_path, tree(), {"strategy": {"pairs": [pair]}, "mode": {"current": mode}}
        ) == [
            f"strategy.pairs[0].{side} is 'miror:BTC-KRW'; allowed: an instrument of a known venue"
            " (upbit, bithumb, binance, mirror)"
        ]

    def test_an_unknown_dollar_is_refused_even_if_nothing_needs_it(self, tmp_path: Path) -> None:
        """It would be looked for all the same."""
        strategy = {"strategy": {"pairs": [PAIR], "usdt_krw": "miror:USDT-KRW"}}

        assert complaints(tmp_path, tree(), strategy) == [
            "strategy.usdt_krw is 'miror:USDT-KRW'; allowed: an instrument of a known venue"
            " (upbit, bithumb, binance, mirror)"
        ]

    def test_a_disabled_one_is_refused(self, tmp_path: Path) -> None:
        """As everywhere else."""
        assert complaints(tmp_path, tree(enabled=False), {"strategy": {"pairs": [PAIR]}}) == [
            "strategy.pairs[0].first is 'mirror:BTC-KRW'; allowed: an instrument of an enabled"
            " venue (venues.own.mirror.enabled is false)"
        ]

    @pytest.mark.parametrize("name", ["mirror:btc-KRW", "mirror:BTC-EUR", "Mirror:BTC-KRW", "BTC"])
    def test_are_spelled_as_ever(self, tmp_path: Path, name: str) -> None:
        """Won or dollars, and nothing else, can be counted."""
        (line,) = complaints(tmp_path, tree(), {"strategy": {"pairs": [{**PAIR, "first": name}]}})

        assert line.startswith(f"strategy.pairs[0].first is '{name}'; allowed: venue:BASE-QUOTE")


LIVE = {"mode": {"current": "live"}}
FILE_KEYS = {"api_key": "file-key", "secret_key": "file-secret"}


class TestSecrets:
    def test_come_from_the_environment_under_its_name(self, tmp_path: Path) -> None:
        """NAME_ACCESS_KEY and NAME_SECRET_KEY, before the file."""
        own = load(
            tmp_path, tree(**FILE_KEYS), LIVE, MIRROR_ACCESS_KEY="a", MIRROR_SECRET_KEY="b"
        ).venues.own["mirror"]

        assert (own.api_key, own.secret_key) == (Secret("a"), Secret("b"))

    def test_come_from_files_and_systemd_too(self, tmp_path: Path) -> None:
        """All three ways, as for the built-in venues."""
        (tmp_path / "pointed").write_text("from-file\n")
        (tmp_path / "mirror_secret_key").write_text("from-systemd\n")

        own = load(
            tmp_path,
            tree(),
            LIVE,
            MIRROR_ACCESS_KEY_FILE=str(tmp_path / "pointed"),
            CREDENTIALS_DIRECTORY=str(tmp_path),
        ).venues.own["mirror"]

        assert (own.api_key, own.secret_key) == (Secret("from-file"), Secret("from-systemd"))

    def test_come_from_the_config_last(self, tmp_path: Path) -> None:
        """Where nothing else has them."""
        own = load(tmp_path, tree(**FILE_KEYS), LIVE).venues.own["mirror"]

        assert (own.api_key, own.secret_key) == (Secret("file-key"), Secret("file-secret"))

    @pytest.mark.parametrize("mode", ["mock", "paper"])
    def test_reach_neither_mock_nor_paper(self, tmp_path: Path, mode: str) -> None:
        """What cannot sign cannot trade: they are neither looked for nor kept."""
        own = load(
            tmp_path,
            tree(**FILE_KEYS),
            {"mode": {"current": mode}},
            MIRROR_ACCESS_KEY="a",
            MIRROR_SECRET_KEY_FILE="/nowhere",
        ).venues.own["mirror"]

        assert not own.api_key
        assert not own.secret_key
        assert own.rest_url == "https://api.mirror.example"

    def test_half_a_key_is_refused_in_live(self, tmp_path: Path) -> None:
        """It could only fail at the first order."""
        assert complaints(tmp_path, tree(), LIVE, MIRROR_ACCESS_KEY="hunter2") == [
            "venues.own.mirror.secret_key is null; allowed: both halves of the key, or neither"
        ]

    def test_are_masked_wherever_settings_are_shown(self, tmp_path: Path) -> None:
        """Whole, in a list, or dumped."""
        settings = load(tmp_path, tree(api_key="hunter2", secret_key="hunter2"), LIVE)

        text = f"{settings} {settings!r} {list(settings.shown())} {settings.model_dump()}"
        shown = dict(settings.shown())

        assert "hunter2" not in text
        assert shown["venues.own.mirror.secret_key"] == "***"
        assert shown["venues.own.mirror.feed"] == "my_venue.MirrorFeed"
        assert shown["venues.own.mirror.fee_in"] == "quote"
        assert dict(Settings().shown())["venues.own"] == "none"

    def test_are_handed_to_whoever_keeps_them_out_of_logs(self, tmp_path: Path) -> None:
        """Every secret that is set, those of own venues too."""
        settings = load(tmp_path, tree(**FILE_KEYS), LIVE)

        assert set(settings.secrets()) == {Secret("file-key"), Secret("file-secret")}

    @pytest.mark.parametrize(
        "part",
        [
            tree(secret_key=["hunter2"]),
            tree(api_key={"hunter2": "hunter2"}),
            tree(secret_kye="hunter2"),
        ],
    )
    def test_are_masked_in_errors(self, tmp_path: Path, part: dict[str, Any]) -> None:
        """Also of the wrong type and in the wrong place."""
        assert "hunter2" not in "\n".join(complaints(tmp_path, part))

    def test_a_wrong_one_is_told_by_its_variable(self, tmp_path: Path) -> None:
        """Blaming the file would send the operator to the wrong place."""
        (line,) = complaints(
            tmp_path, tree(), LIVE, MIRROR_ACCESS_KEY="x" * 70_000, MIRROR_SECRET_KEY="b"
        )

        assert line == (
            "environment MIRROR_ACCESS_KEY: venues.own.mirror.api_key is ***;"
            f" allowed: {RULES['api_key'].allowed}"
        )

    def test_in_a_file_others_can_read_they_are_exposed(self, tmp_path: Path) -> None:
        """Live refuses such a file."""
        path = written(tmp_path, tree(secret_key="hunter2"))
        path.chmod(0o644)

        assert secret_exposure(path) == (
            f"{path}: venues.own.mirror.secret_key is a secret and others can read this file;"
            f" run: chmod 600 {path}"
        )

    def test_without_one_the_file_may_be_read(self, tmp_path: Path) -> None:
        """A plain section is no secret."""
        path = written(tmp_path, tree())
        path.chmod(0o644)

        assert secret_exposure(path) is None


class TestLive:
    @pytest.mark.parametrize("key", ["rest_url", "ws_url", "private_ws_url"])
    def test_speaks_plainly_to_this_host_only(self, tmp_path: Path, key: str) -> None:
        """Keys must not cross a network in the clear."""
        scheme = "http" if key == "rest_url" else "ws"
        near, far = f"{scheme}://127.0.0.1:9000", f"{scheme}://mirror.example:9000"

        assert load(tmp_path, tree(**{key: near}), LIVE).mode.current is Mode.LIVE
        assert complaints(tmp_path, tree(**{key: far}), LIVE) == [
            f"venues.own.mirror.{key} is '{far}'; allowed: https or wss beyond this host in live"
            " mode"
        ]

    def test_without_a_key_is_worth_a_warning(self, tmp_path: Path) -> None:
        """Named by its place in the config."""
        settings = load(tmp_path, tree(), LIVE, {"strategy": {"pairs": [PAIR]}})

        assert any("venues.own.mirror has no key" in one for one in settings.warnings())


class TestTheCommentedExample:
    def test_names_every_key_and_loads(self, tmp_path: Path) -> None:
        """What is shown in a comment is held to the rules as if it were not one."""
        text = LIVE_YML.read_text()
        (found,) = re.findall(r"^  #   (mirror:\n(?:  #     .*\n)+)", text, re.MULTILINE)
        example = yaml.safe_load(re.sub(r"^  #   ", "", found, flags=re.MULTILINE))
        above = text[: text.index(found)].rpartition("# Venues of your own")[2]

        own = load(tmp_path, {"venues": {"own": example}}).venues.own["mirror"]

        assert own.taker_fee_pct == Decimal("0.05")
        assert all(key in example["mirror"] or key in above for key in KEYS)
        assert found.count(RULES["feed"].allowed) == 2
        assert RULES["fee_in"].allowed in found
