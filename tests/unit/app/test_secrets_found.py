"""Which secrets are there and from where is told; what they say never is."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from trader.app.secrets_found import Found, secrets_found, source_of
from trader.config import load_settings
from trader.credentials import Secret

TEXTS = {
    "TELEGRAM_BOT_TOKEN": "12345:not-to-be-seen",
    "TELEGRAM_CHAT_ID": "-10077",
    "TRADER_WEBHOOK_URL": "https://hook.example/hidden",
    "TRADER_DEADMAN_URL": "https://dead.example/hidden",
    "TRADER_REDIS_URL": "redis://user:hidden@cache.example",
    **{
        f"{venue}_{half}_KEY": f"{venue}-{half}-hidden"
        for venue in ("UPBIT", "BITHUMB", "BINANCE")
        for half in ("ACCESS", "SECRET")
    },
}


def found_in(
    directory: Path, environ: Mapping[str, str], config: str = "", mode: str = "live"
) -> dict[str, Found]:
    """What is found with this environment and config, by name."""
    path = directory / "live.yml"
    path.write_text(config or "alert: {telegram_enabled: true}\n", encoding="utf-8")
    settings = load_settings(path, environ, {"mode.current": mode})
    return {found.name: found for found in secrets_found(settings, environ)}


class TestWhatIsFound:
    def test_all_that_the_config_reads(self, tmp_path: Path) -> None:
        """Each name is one that the settings take their value from."""
        found = found_in(tmp_path, TEXTS)

        assert found.keys() == TEXTS.keys()
        for one in found.values():
            assert (one.state, one.source) == ("pass", "environment"), one

    def test_never_what_it_says(self, tmp_path: Path) -> None:
        """Of a venue's access key there is a fingerprint, as an attestation needs it."""
        found = found_in(tmp_path, TEXTS)

        shown = repr(list(found.values()))
        for text in TEXTS.values():
            assert text not in shown
        key = found["UPBIT_ACCESS_KEY"]
        assert key.fingerprint == Secret(TEXTS["UPBIT_ACCESS_KEY"]).fingerprint()
        assert found["UPBIT_SECRET_KEY"].fingerprint == ""

    def test_what_is_needed_and_missing_fails(self, tmp_path: Path) -> None:
        """Live needs its venues' keys, an enabled Telegram its credentials; the rest may lack."""
        states = {name: one.state for name, one in found_in(tmp_path, {}).items()}

        for name in TEXTS:
            assert states[name] == ("unused" if name.startswith("TRADER_") else "fail"), name

    def test_what_is_not_asked_for_is_named_with_its_switch(self, tmp_path: Path) -> None:
        """Telegram off is neither good nor bad."""
        off = found_in(tmp_path, {}, "alert: {telegram_enabled: false}\n")
        silent = found_in(tmp_path, {}, "alert: {enabled: false, telegram_enabled: true}\n")

        token = off["TELEGRAM_BOT_TOKEN"]
        assert (token.state, token.note) == ("unused", "not asked (alert.telegram_enabled: false)")
        assert silent["TELEGRAM_BOT_TOKEN"].note == "not asked (alert.enabled: false)"

    @pytest.mark.parametrize("mode", ["mock", "paper"])
    def test_no_venue_key_is_looked_for_outside_live_mode(self, tmp_path: Path, mode: str) -> None:
        """Not even one that is there."""
        key = found_in(tmp_path, TEXTS, mode=mode)["BINANCE_ACCESS_KEY"]

        assert (key.state, key.fingerprint) == ("unused", "")
        assert key.note == "looked for in live mode only"

    def test_a_venue_of_ones_own_is_found_by_its_name(self, tmp_path: Path) -> None:
        """Where it is used; its keys are called as the venue is."""
        address = "https://mirror.example"
        own = {"feed": "a.B", "client": "a.C", "taker_fee_pct": 0.05, "rest_url": address}
        own |= dict.fromkeys(("ws_url", "private_ws_url"), "wss://mirror.example")
        pair = {"name": "a", "first": "mirror:BTC-KRW", "second": "bithumb:BTC-KRW"}
        config = {"venues": {"own": {"mirror": own}}, "strategy": {"pairs": [pair]}}
        environ = {"MIRROR_ACCESS_KEY": "hidden-a", "MIRROR_SECRET_KEY": "hidden-b"}

        found = found_in(tmp_path, environ, yaml.safe_dump(config))
        unused = found_in(tmp_path, environ, yaml.safe_dump({"venues": config["venues"]}))

        assert found["MIRROR_ACCESS_KEY"].what == "mirror access key"
        assert found["MIRROR_ACCESS_KEY"].fingerprint == Secret("hidden-a").fingerprint()
        assert found["MIRROR_SECRET_KEY"].source == "environment"
        assert "hidden" not in repr(found)
        assert "MIRROR_ACCESS_KEY" not in unused

    def test_it_says_where_somebody_must_look(self, tmp_path: Path) -> None:
        """Two venues do not tell what a key may do; live stays shut until the operator does."""
        found = found_in(tmp_path, TEXTS, "")

        assert found["UPBIT_ACCESS_KEY"].note.endswith("venues.upbit.attested_fingerprint")
        assert found["BITHUMB_ACCESS_KEY"].note.endswith("venues.bithumb.attested_fingerprint")
        assert found["BINANCE_ACCESS_KEY"].note == "rights are asked by a run"

    def test_an_attestation_is_compared(self, tmp_path: Path) -> None:
        """Of this key, or of another one."""
        print_of = Secret(TEXTS["UPBIT_ACCESS_KEY"]).fingerprint()
        config = "venues: {{upbit: {{attested_fingerprint: '{}'}}}}\n"

        same = found_in(tmp_path, TEXTS, config.format(print_of))["UPBIT_ACCESS_KEY"]
        other = found_in(tmp_path, TEXTS, config.format("0" * 16))["UPBIT_ACCESS_KEY"]

        assert same.note == "rights attested"
        assert other.note == "another key was attested"


class TestSource:
    def test_is_the_first_that_has_it(self, tmp_path: Path) -> None:
        """Environment, then the file pointed at, then systemd, then the config."""
        (tmp_path / "NAME").write_text("c", encoding="utf-8")
        environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
        assert source_of("NAME", environ) == "systemd credential"

        environ["NAME_FILE"] = str(tmp_path / "NAME")
        assert source_of("NAME", environ) == f"file {tmp_path / 'NAME'}"

        environ["NAME"] = "a"
        assert source_of("NAME", environ) == "environment"
        assert source_of("OTHER", environ) == "config"
