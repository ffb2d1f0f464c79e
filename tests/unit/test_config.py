"""Settings are read strictly and once; every mistake is told on one line, with what is allowed."""

import re
import subprocess
import sys
import typing
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from trader.config import Settings, load_settings, secret_exposure, used_venues
from trader.config.document import read_document
from trader.config.rules import Rule
from trader.config.settings import OWN, Key, fields, rules, secret_keys
from trader.credentials import Secret
from trader.domain.control import Mode
from trader.domain.errors import ConfigError

ROOT = Path(__file__).parents[2]
LIVE_YML = ROOT / "config" / "live.yml"
TOKEN = "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"

RULES = dict(rules())
NUMERIC = sorted(
    key
    for key, field in fields()
    if {int, float, Decimal} & {field.annotation, *typing.get_args(field.annotation)}
    and key != ("alert", "telegram", "user_ids")
)


def written(directory: Path, text: str | bytes) -> Path:
    path = directory / "live.yml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def load(directory: Path, text: str | bytes, **environ: str) -> Settings:
    return load_settings(written(directory, text), environ)


def complaint(directory: Path, text: str | bytes, **environ: str) -> str:
    """The error that ``text`` raises, without the path of its file, which must lead every line."""
    with pytest.raises(ConfigError) as raised:
        load(directory, text, **environ)
    message = str(raised.value)
    # No chained exception may carry what the message masks into a traceback.
    assert raised.value.__cause__ is None or not isinstance(
        raised.value.__cause__, ValidationError | yaml.YAMLError | UnicodeError
    )
    prefix = f"{directory / 'live.yml'}: "
    assert all(line.startswith(prefix) for line in message.split("\n"))
    return message.replace(prefix, "")


def nested(key: Key, value: object) -> dict[str, object]:
    tree: object = value
    for name in reversed(key):
        tree = {name: tree}
    assert isinstance(tree, dict)
    return tree


def overriding(key: Key, value: object) -> Settings:
    return load_settings(None, {}, {".".join(key): value})


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")


class TestWhichFileIsRead:
    def test_defaults_when_none_is_named_and_none_is_there(self) -> None:
        """A fresh clone runs, in mock."""
        settings = load_settings(None, {})

        assert settings == Settings()
        assert settings.mode.current is Mode.MOCK

    def test_reads_the_default_file_when_it_is_there(self) -> None:
        """config/live.yml of the working directory."""
        Path("config").mkdir()
        Path("config/live.yml").write_text("mode: {current: paper}\n")

        assert load_settings(None, {}).mode.current is Mode.PAPER

    def test_a_named_file_must_be_there(self, tmp_path: Path) -> None:
        """Starting on defaults instead would trade with limits nobody chose."""
        with pytest.raises(ConfigError) as raised:
            load_settings(tmp_path / "absent.yml", {})

        assert str(raised.value) == f"{tmp_path / 'absent.yml'}: No such file or directory"

    def test_a_default_file_that_leads_nowhere_is_told(self) -> None:
        """A dangling link is a file somebody wanted read."""
        Path("config").mkdir()
        Path("config/live.yml").symlink_to("nowhere.yml")

        with pytest.raises(ConfigError, match=r"^config/live\.yml: No such file"):
            load_settings(None, {})


class TestFilesThatAreNoConfig:
    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (b"", "is empty; allowed: a mapping of sections"),
            (b"# nothing but a comment\n", "is empty; allowed: a mapping of sections"),
            (b"- mode\n", "no mapping at the top; allowed: a mapping of sections"),
            (b"mock\n", "no mapping at the top; allowed: a mapping of sections"),
            (b"mode: \xff\n", "not UTF-8 text (byte 6)"),
            (b"\x7fELF\x02\x01\x00\x00", "holds characters that YAML does not allow"),
            (b"# " + b"x" * 1_048_576, "larger than 1048576 bytes"),
            (b"mode: {current: mock\n", None),
            (b"mode:\n\tcurrent: mock\n", None),
            (b"mode: {}\n---\nmode: {}\n", None),
            (b"a: " + b"[" * 50_000, "line 1: more than 20 levels deep"),
            (b"a: [" + b"1," * 30_000 + b"]", "line 1: more than 20000 values"),
        ],
    )
    def test_are_refused_on_one_line(
        self, tmp_path: Path, content: bytes, expected: str | None
    ) -> None:
        """Whatever the file holds, one line and no traceback."""
        message = complaint(tmp_path, content)

        assert "\n" not in message
        if expected is None:
            assert re.match(r"line \d: not valid YAML: \w", message)
        else:
            assert message == expected

    def test_a_directory_is_refused(self, tmp_path: Path) -> None:
        """Docker makes one where a mounted file is missing."""
        with pytest.raises(ConfigError, match=r"not a regular file|Is a directory"):
            load_settings(tmp_path, {})

    def test_reads_a_file_with_a_byte_order_mark(self, tmp_path: Path) -> None:
        """Some editors write one."""
        assert load(tmp_path, "\ufeffmode: {current: paper}").mode.current is Mode.PAPER

    def test_a_syntax_error_does_not_repeat_the_line(self, tmp_path: Path) -> None:
        """The line may hold the token."""
        message = complaint(tmp_path, f'alert: {{telegram: {{bot_token: "{TOKEN}}}}}\n')

        assert TOKEN not in message
        assert TOKEN[7:] not in message


class TestPlainYaml:
    def test_a_key_given_twice_is_refused_with_both_lines(self, tmp_path: Path) -> None:
        """Which of the two would count is nothing to guess."""
        text = "safety:\n  max_slippage_pct: 0.1\n  min_confidence: 0.5\n  max_slippage_pct: 0.2\n"

        message = complaint(tmp_path, text)

        assert message == "line 4: max_slippage_pct is given twice, first in line 2"

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("safety: &a {}\n", "line 1: anchors and aliases are not allowed"),
            ("mode: {}\nsafety: *a\n", "line 2: anchors and aliases are not allowed"),
            ("mode: {current: !!str mock}\n", "line 1: tags are not allowed"),
            ("mode: !!python/object:os.system {}\n", "line 1: tags are not allowed"),
            ("8000: {}\n", "line 1: a key must be a name"),
            ("true: {}\n", "line 1: a key must be a name"),
            ("[a]: {}\n", "line 1: a key must be a name"),
        ],
    )
    def test_more_than_plain_data_is_refused(
        self, tmp_path: Path, text: str, expected: str
    ) -> None:
        """Nothing may mean something else than it seems to."""
        assert complaint(tmp_path, text) == expected

    def test_a_merge_key_is_an_ordinary_unknown_key(self, tmp_path: Path) -> None:
        """``<<`` would bring in keys that do not stand there."""
        assert complaint(tmp_path, "mode: {<<: {current: live}}").startswith(
            "mode.<<: unknown key;"
        )

    @pytest.mark.parametrize(
        ("written_as", "read_as"),
        [
            ("09:00", "09:00"),
            ("12:30", "12:30"),
            ("1:30:00", "1:30:00"),
            ("2026-01-05", "2026-01-05"),
            ("2026-01-05T09:00:00+09:00", "2026-01-05T09:00:00+09:00"),
            ("yes", "yes"),
            ("off", "off"),
            ("007", "007"),
            ("0x10", "0x10"),
            ("1_0", "1_0"),
            ("1e3", 1000.0),
            ("300_000", 300_000),
            ("-5", -5),
            ("0", 0),
            ("0.30", 0.3),
            ("~", None),
            ("true", True),
        ],
    )
    def test_values_are_what_they_look_like(
        self, tmp_path: Path, written_as: str, read_as: object
    ) -> None:
        """Times and dates stay strings; only true and false are booleans; no octal, no base 60."""
        found = read_document(written(tmp_path, f"value: {written_as}\n"))["value"]

        assert found == read_as
        assert type(found) is type(read_as)


class TestUnknownKeys:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (
                "safety: {max_slipage_pct: 0.1}",
                "safety.max_slipage_pct: unknown key; did you mean safety.max_slippage_pct?",
            ),
            ("saftey: {}", "saftey: unknown key; did you mean safety?"),
            (
                "safety: {max_open_positions: 3}",
                "safety.max_open_positions: unknown key;"
                " did you mean position_engine.max_open_positions?",
            ),
            (
                "max_exposure_krw: 3",
                "max_exposure_krw: unknown key; did you mean"
                " position_engine.max_exposure_krw or rebalancer.max_exposure_krw?",
            ),
            ("journal: {qqq: 1}", "journal.qqq: unknown key; known here: sync"),
            (
                "strategy: {class_path: a.B}",
                "strategy.class_path: unknown key; did you mean strategy.class?",
            ),
            (
                "venues: {upbit: {apikey: x}}",
                "venues.upbit.apikey: unknown key; did you mean venues.upbit.api_key?",
            ),
            (
                "strategy: {pairs: [{name: a, first: 'upbit:BTC-KRW',"
                " second: 'binance:BTC-USDT', frist: x}]}",
                "strategy.pairs[0].frist: unknown key; did you mean strategy.pairs.first?",
            ),
        ],
    )
    def test_name_the_nearest_known_key(self, tmp_path: Path, text: str, expected: str) -> None:
        """A typo is mended without opening a manual."""
        assert complaint(tmp_path, text) == expected

    def test_never_show_the_value(self, tmp_path: Path) -> None:
        """The misspelled key may be that of a secret."""
        message = complaint(tmp_path, "venues: {upbit: {secret_kye: hunter2}}")

        assert "hunter2" not in message


class TestOneLineShape:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (
                "safety: {max_slippage_pct: -1}",
                "safety.max_slippage_pct is -1; allowed: percent, above 0 to 10",
            ),
            (
                "safety: {max_slippage_pct: .nan}",
                "safety.max_slippage_pct is nan; allowed: percent, above 0 to 10",
            ),
            (
                "safety: {max_slippage_pct: 'NaN'}",
                "safety.max_slippage_pct is 'NaN'; allowed: percent, above 0 to 10",
            ),
            (
                "safety: {max_slippage_pct: true}",
                "safety.max_slippage_pct is true; allowed: percent, above 0 to 10",
            ),
            (
                "safety: {max_slippage_pct: }",
                "safety.max_slippage_pct is null; allowed: percent, above 0 to 10",
            ),
            (
                "safety: {max_order_delay_ms: 2500.0}",
                "safety.max_order_delay_ms is 2500.0; allowed: milliseconds, from 1 to 60000",
            ),
            (
                "safety: {max_order_delay_ms: '2500'}",
                "safety.max_order_delay_ms is '2500'; allowed: milliseconds, from 1 to 60000",
            ),
            (
                "engine: {cycle_seconds: '1'}",
                "engine.cycle_seconds is '1'; allowed: seconds, from 0.01 to 3600",
            ),
            ("mode: {current: Live}", "mode.current is 'Live'; allowed: mock, paper or live"),
            ("alert: {enabled: yes}", "alert.enabled is 'yes'; allowed: true or false"),
            ("alert: {enabled: 1}", "alert.enabled is 1; allowed: true or false"),
            ("safety: [1]", "safety is a list; allowed: a mapping of keys"),
            ("safety:", "safety is null; allowed: a mapping of keys"),
            ("strategy: {pairs: {}}", "strategy.pairs is a mapping; allowed: a list"),
            (
                "strategy: {pairs: []}",
                "strategy.pairs is a list; allowed: a list with at least 1 entry",
            ),
            (
                "strategy: {pairs: [{name: a, first: 'upbit:BTC-KRW'}]}",
                "strategy.pairs[0].second is missing; allowed: a value; it has no default",
            ),
            (
                "strategy: {usdt_krw: 'upbit:BTC-KRW'}",
                "strategy.usdt_krw is 'upbit:BTC-KRW';"
                " allowed: upbit:USDT-KRW, bithumb:USDT-KRW or your own venue's, or null",
            ),
            (
                "schedule: {daily_summary: 9:00}",
                "schedule.daily_summary is '9:00'; allowed: a time of day, \"HH:MM\"",
            ),
            (
                "schedule: {timezone: Asia/Seol}",
                "schedule.timezone is 'Asia/Seol';"
                " allowed: the name of a time zone, such as Asia/Seoul or UTC",
            ),
            (
                "metrics_server: {port: 65536}",
                "metrics_server.port is 65536; allowed: port, from 1 to 65535",
            ),
            (
                "engine: {name: main_engine}",
                "engine.name is 'main_engine'; allowed: 1 to 12 of A-Z, a-z, 0-9 and -",
            ),
            (
                "mock: {start: '2026-01-05T09:00:00'}",
                "mock.start is '2026-01-05T09:00:00';"
                " allowed: ISO 8601 with an offset, from the years 2000 to 2099",
            ),
            (
                "alert: {telegram: {chat_id: your_chat_id}}",
                "alert.telegram.chat_id is 'your_chat_id';"
                " allowed: a chat's number (a group's begins with -), or empty",
            ),
        ],
    )
    def test_names_key_value_and_what_is_allowed(
        self, tmp_path: Path, text: str, expected: str
    ) -> None:
        """File, dotted key, value, allowed: nothing else, and on one line."""
        assert complaint(tmp_path, text) == expected

    def test_every_mistake_has_its_own_line(self, tmp_path: Path) -> None:
        """One start is enough to find them all."""
        message = complaint(tmp_path, "mode: {current: x}\nsafety: {min_confidence: 2}\nbott: {}\n")

        assert [line.partition(" ")[0] for line in message.split("\n")] == [
            "mode.current",
            "safety.min_confidence",
            "bott:",
        ]

    def test_a_flood_of_mistakes_is_cut(self, tmp_path: Path) -> None:
        """A file of another program must not fill the screen."""
        message = complaint(tmp_path, "".join(f"key{number}: 1\n" for number in range(500)))

        assert len(message.split("\n")) == 20

    def test_long_and_multi_line_values_stay_on_one_short_line(self, tmp_path: Path) -> None:
        """Else a value could forge a second line."""
        message = complaint(tmp_path, f'mode: {{current: "a\\nb{"x" * 500}"}}')

        assert "\n" not in message
        assert len(message) < 150


class TestEveryKey:
    def test_has_a_rule(self) -> None:
        """Nothing is validated by a library's own generous conversions."""
        without = {key for key, _ in fields()} - set(RULES)

        assert without == {("strategy", "pairs")}

    @pytest.mark.parametrize("key", NUMERIC, ids=".".join)
    @pytest.mark.parametrize(
        "value",
        [
            float("nan"),
            float("inf"),
            float("-inf"),
            -1,
            -0.5,
            True,
            "NaN",
            "-1",
            "x",
            [],
            {},
            1e400,
        ],
        ids=repr,
    )
    def test_a_number_refuses_what_is_none(self, key: Key, value: object) -> None:
        """Not a number, infinite, negative, boolean, text, list: all on one line with the range."""
        with pytest.raises(ConfigError) as raised:
            overriding(key, value)

        dotted = ".".join(key)
        message = str(raised.value)
        assert message.startswith(f"command line: {dotted} is ")
        assert message.endswith(f"; allowed: {RULES[key].allowed}")
        assert "\n" not in message

    @pytest.mark.parametrize("key", NUMERIC, ids=".".join)
    def test_a_number_keeps_its_stated_bounds(self, key: Key) -> None:
        """The range in the error is the range in force: bounds in, and what lies beyond out."""
        rule = RULES[key]
        stated = re.search(r"(above|from) ([\d.]+) to (below )?([\d.]+)", rule.allowed)
        assert stated is not None
        above, low, below, high = stated.groups()
        is_whole = key_type(key) is int
        step = Decimal(1) if is_whole else Decimal("0.001")

        def allows(number: Decimal) -> bool:
            try:
                rule.read(int(number) if is_whole else float(number))
            except ValueError:
                return False
            return True

        assert allows(Decimal(low)) is (above == "from")
        assert allows(Decimal(high)) is (below is None)
        assert allows(Decimal(low) + step)
        assert allows(Decimal(high) - step)
        assert not allows(Decimal(low) - step)
        assert not allows(Decimal(high) + step)

    @pytest.mark.parametrize("key", sorted(RULES), ids=".".join)
    def test_refuses_a_mapping_or_says_it_takes_one(self, key: Key) -> None:
        """No section may slip in where a value belongs."""
        if key == ("strategy", "options"):
            return

        with pytest.raises(ConfigError, match=re.escape(".".join(key))):
            overriding(key, {"a": 1})

    def test_won_and_percent_are_exact(self, tmp_path: Path) -> None:
        """0.1 in the file is a tenth, however it is written."""
        for spelling in ("0.1", "'0.1'", "0.10", "1e-1"):
            settings = load(tmp_path, f"safety: {{max_slippage_pct: {spelling}}}")
            assert settings.safety.max_slippage_pct == Decimal("0.1")
            assert isinstance(settings.safety.max_slippage_pct, Decimal)

        assert load(tmp_path, "paper: {balances: 3000000}").paper.balances == Decimal(3_000_000)

    def test_minus_zero_is_zero(self, tmp_path: Path) -> None:
        """It is within the bounds, and would be printed."""
        settings = load(tmp_path, "strategy: {exit_spread_pct: -0.0}")

        assert str(settings.strategy.exit_spread_pct) == "0.0"

    def test_text_must_be_printable(self, tmp_path: Path) -> None:
        """A file name with an escape sequence would take over the terminal it is shown in."""
        assert complaint(tmp_path, r'logging: {file: "a\e[2J"}') == (
            r"logging.file is 'a\x1b[2J'; allowed: a path"
        )

    def test_durations_are_floats(self, tmp_path: Path) -> None:
        """So that a test may ask for a tenth of a second."""
        settings = load(tmp_path, "execution: {max_unhedged_seconds: 0.1}")

        assert settings.execution.max_unhedged_seconds == 0.1
        assert type(load(tmp_path, "engine: {cycle_seconds: 2}").engine.cycle_seconds) is float


def key_type(key: Key) -> object:
    field = dict(fields())[key]
    return next(
        kind
        for kind in (field.annotation, *typing.get_args(field.annotation))
        if kind in (int, float, Decimal)
    )


class TestCommandLine:
    def test_wins_over_the_file(self, tmp_path: Path) -> None:
        """--mode and --interval hold for one run."""
        path = written(tmp_path, "mode: {current: paper}\nengine: {cycle_seconds: 5}\n")

        settings = load_settings(path, {}, {"mode.current": "mock", "engine.cycle_seconds": 0.5})

        assert settings.mode.current is Mode.MOCK
        assert settings.engine.cycle_seconds == 0.5

    def test_none_means_not_given(self, tmp_path: Path) -> None:
        """An option nobody typed changes nothing."""
        path = written(tmp_path, "mode: {current: paper}\n")

        assert load_settings(path, {}, {"mode.current": None}).mode.current is Mode.PAPER

    def test_is_named_where_it_is_wrong(self, tmp_path: Path) -> None:
        """Blaming the file would send the operator to the wrong place."""
        path = written(tmp_path, "mode: {current: paper}\n")

        with pytest.raises(ConfigError) as raised:
            load_settings(path, {}, {"mode.current": "real"})

        assert str(raised.value) == (
            "command line: mode.current is 'real'; allowed: mock, paper or live"
        )

    def test_an_unknown_key_is_refused(self) -> None:
        """A caller's typo must not be a silent no-op."""
        with pytest.raises(ConfigError, match=r"^command line: mode\.curent: unknown key"):
            load_settings(None, {}, {"mode.curent": "live"})

    def test_does_not_hide_a_section_that_is_none(self, tmp_path: Path) -> None:
        """The file's own mistake is still told."""
        path = written(tmp_path, "mode: paper\n")

        with pytest.raises(ConfigError, match="mode is 'paper'; allowed: a mapping of keys"):
            load_settings(path, {}, {"mode.current": "mock"})


class TestSecrets:
    KEYS = "venues: {upbit: {api_key: file-key, secret_key: file-secret}}\nmode: {current: live}\n"

    def test_environment_goes_before_the_file(self, tmp_path: Path) -> None:
        """A secret rarely belongs into a file that is copied around."""
        settings = load(
            tmp_path,
            "alert: {telegram: {bot_token: '1:file', chat_id: '11'}}",
            TELEGRAM_BOT_TOKEN=TOKEN,
            TELEGRAM_CHAT_ID=" -100987 ",
        )

        assert settings.alert.telegram.bot_token == Secret(TOKEN)
        assert settings.alert.telegram.chat_id == "-100987"

    def test_files_and_systemd_credentials_count_as_environment(self, tmp_path: Path) -> None:
        """All three ways end in the same setting."""
        (tmp_path / "token").write_text(f"{TOKEN}\n")
        (tmp_path / "telegram_chat_id").write_text("987654321\n")

        telegram = load(
            tmp_path,
            "mode: {current: mock}",
            TELEGRAM_BOT_TOKEN_FILE=str(tmp_path / "token"),
            CREDENTIALS_DIRECTORY=str(tmp_path),
        ).alert.telegram

        assert telegram.bot_token == Secret(TOKEN)
        assert telegram.chat_id == "987654321"

    def test_an_unreadable_secret_file_is_a_config_error(self, tmp_path: Path) -> None:
        """One line that names variable and file."""
        with pytest.raises(ConfigError) as raised:
            load_settings(None, {"TELEGRAM_BOT_TOKEN_FILE": str(tmp_path / "absent")})

        assert str(raised.value) == (
            f"environment: TELEGRAM_BOT_TOKEN_FILE: {tmp_path / 'absent'}:"
            " No such file or directory"
        )

    def test_the_environment_is_named_where_it_is_wrong(self) -> None:
        """And the value of a secret is not."""
        with pytest.raises(ConfigError) as raised:
            load_settings(None, {"TELEGRAM_BOT_TOKEN": "two words", "TELEGRAM_CHAT_ID": "me"})

        assert str(raised.value).split("\n") == [
            "environment TELEGRAM_BOT_TOKEN: alert.telegram.bot_token is ***;"
            " allowed: the token BotFather gave, or empty",
            "environment TELEGRAM_CHAT_ID: alert.telegram.chat_id is 'me';"
            " allowed: a chat's number (a group's begins with -), or empty",
        ]

    def test_venue_keys_come_from_environment_then_file_in_live(self, tmp_path: Path) -> None:
        """Live is the one mode that may sign."""
        from_file = load(tmp_path, self.KEYS).venues.upbit
        from_both = load(tmp_path, self.KEYS, UPBIT_ACCESS_KEY="a", UPBIT_SECRET_KEY="b")

        assert from_file.api_key == Secret("file-key")
        assert from_both.venues.upbit.api_key == Secret("a")
        assert from_both.venues.upbit.secret_key == Secret("b")

    @pytest.mark.parametrize("mode", ["mock", "paper"])
    def test_no_venue_key_reaches_mock_or_paper(self, tmp_path: Path, mode: str) -> None:
        """What cannot sign cannot trade: keys are neither looked for nor kept."""
        environ = {"UPBIT_ACCESS_KEY": "a", "UPBIT_SECRET_KEY_FILE": "/nowhere"}
        path = written(tmp_path, self.KEYS)

        upbit = load_settings(path, environ, {"mode.current": mode}).venues.upbit

        assert not upbit.api_key
        assert not upbit.secret_key

    def test_a_key_in_pem_form_fits(self, tmp_path: Path) -> None:
        """Long and of several lines, as some venues hand them out."""
        pem = "\n".join(
            ["-----BEGIN PRIVATE KEY-----", *["x" * 64] * 50, "-----END PRIVATE KEY-----"]
        )
        (tmp_path / "key.pem").write_text(pem)

        upbit = load(
            tmp_path, self.KEYS, UPBIT_SECRET_KEY_FILE=str(tmp_path / "key.pem")
        ).venues.upbit

        assert upbit.secret_key == Secret(pem)

    def test_half_a_key_is_refused_in_live(self, tmp_path: Path) -> None:
        """It could only fail at the first order."""
        message = complaint(tmp_path, "mode: {current: live}\nvenues: {upbit: {api_key: k}}")

        assert message == (
            "venues.upbit.secret_key is null; allowed: both halves of the key, or neither"
        )

    def test_the_addresses_that_carry_secrets_have_variables_too(self) -> None:
        """Webhook, dead man's switch and Redis."""
        settings = load_settings(
            None,
            {
                "TRADER_WEBHOOK_URL": "https://hooks.example/abc",
                "TRADER_DEADMAN_URL": "https://ping.example/abc",
                "TRADER_REDIS_URL": "redis://:pw@127.0.0.1:6379/0",
            },
        )

        assert settings.alert.webhook_url.reveal() == "https://hooks.example/abc"
        assert settings.alert.deadman_url.reveal() == "https://ping.example/abc"
        assert settings.redis.url.reveal() == "redis://:pw@127.0.0.1:6379/0"

    def test_are_masked_in_repr_and_in_what_is_shown(self, tmp_path: Path) -> None:
        """Settings may be logged whole."""
        settings = load(
            tmp_path,
            "mode: {current: live}\n"
            "redis: {url: 'redis://:hunter2@host/0'}\n"
            "alert: {webhook_url: 'https://x/hunter2', telegram: {bot_token: '1:hunter2'}}\n"
            "venues: {upbit: {api_key: hunter2, secret_key: hunter2}}\n",
        )

        shown = f"{settings} {settings!r} {list(settings.shown())} {settings.model_dump()}"

        assert "hunter2" not in shown
        assert ("venues.upbit.secret_key", "***") in list(settings.shown())
        assert ("venues.binance.secret_key", "unset") in list(settings.shown())

    @pytest.mark.parametrize(
        "text",
        [
            "alert: {telegram: {bot_token: [hunter2]}}",
            "alert: {telegram: {bot_token: 'hunter2 hunter2'}}",
            "alert: {telegram: hunter2}",
            "alert: {webhook_url: 'ftp://hunter2'}",
            "venues: {upbit: hunter2}",
            "venues: {upbit: {secret_key: {hunter2: hunter2}}}",
            "redis: {url: 'http://:hunter2@x'}",
            "redis: hunter2",
        ],
    )
    def test_are_masked_in_errors(self, tmp_path: Path, text: str) -> None:
        """Also where a secret stands in the wrong place or has the wrong type."""
        message = complaint(tmp_path, text)

        assert "hunter2" not in message

    @pytest.mark.parametrize("text", [f"mode: {{current: '{TOKEN}'}}", f"mode: '{TOKEN}'"])
    def test_a_token_in_any_place_is_masked(self, tmp_path: Path, text: str) -> None:
        """It is known by its shape."""
        message = complaint(tmp_path, text)

        assert TOKEN[8:] not in message
        assert "***" in message

    def test_are_the_keys_one_would_expect(self) -> None:
        """A new secret has to be of the type that hides itself."""
        assert {".".join(key) for key in secret_keys()} == {
            "alert.telegram.bot_token",
            "alert.webhook_url",
            "alert.deadman_url",
            "redis.url",
            *(f"venues.{venue}.{half}_key" for venue in VENUES for half in ("api", "secret")),
        }


VENUES = ("upbit", "bithumb", "binance")


class TestSecretExposure:
    SECRET = "alert: {telegram: {bot_token: '1:hunter2'}}\n"

    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o666])
    def test_is_told_when_others_can_read_a_secret(self, tmp_path: Path, mode: int) -> None:
        """Live refuses such a file, with the command that mends it."""
        path = written(tmp_path, self.SECRET)
        path.chmod(mode)

        assert secret_exposure(path) == (
            f"{path}: alert.telegram.bot_token is a secret and others can read this file;"
            f" run: chmod 600 {path}"
        )

    @pytest.mark.parametrize("mode", [0o600, 0o400])
    def test_is_none_when_only_the_owner_can(self, tmp_path: Path, mode: int) -> None:
        """The one safe way to keep a secret in it."""
        path = written(tmp_path, self.SECRET)
        path.chmod(mode)

        assert secret_exposure(path) is None

    @pytest.mark.parametrize(
        ("text", "is_exposed"),
        [
            ("alert: {telegram: {bot_token: '', chat_id: '12'}}", False),
            ("alert: {telegram: {bot_token: }}", False),
            ("redis: {url: 'redis://127.0.0.1:6379/0'}", False),
            ("redis: {url: 'redis://:pw@127.0.0.1:6379/0'}", True),
            ("venues: {binance: {secret_key: k}}", True),
            ("alert: {webhook_url: 'https://hooks.example/abc'}", True),
        ],
    )
    def test_counts_only_what_is_secret(self, tmp_path: Path, text: str, is_exposed: bool) -> None:
        """A plain config may stay readable."""
        path = written(tmp_path, text)
        path.chmod(0o644)

        assert (secret_exposure(path) is not None) is is_exposed

    def test_is_none_without_a_file(self, tmp_path: Path) -> None:
        """Defaults hold no secret."""
        assert secret_exposure(tmp_path / "absent.yml") is None


class TestWhatContradicts:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (
                "strategy: {position_size_krw: 300000}",
                "strategy.position_size_krw is 300000;"
                " allowed: below safety.max_position_size_krw (300000), or nothing would trade",
            ),
            (
                "rebalancer: {max_exposure_krw: 99999}",
                "strategy.position_size_krw is 100000;"
                " allowed: up to rebalancer.max_exposure_krw (99999), or nothing would trade",
            ),
            (
                "position_engine: {max_exposure_krw: 99999}",
                "strategy.position_size_krw is 100000;"
                " allowed: up to position_engine.max_exposure_krw (99999), or nothing would trade",
            ),
            (
                "safety: {max_orders_per_minute: 11}",
                "safety.orders_kept_for_closings is 10;"
                " allowed: at least 2 below safety.max_orders_per_minute (11)",
            ),
            (
                "safety: {exit_collar_pct: 0.5}",
                "safety.exit_collar_pct is 0.5; allowed: above"
                " execution.max_unwind_slippage_pct (0.50), or closings would be refused",
            ),
            (
                "execution: {unknown_latch_seconds: 5}",
                "execution.timeout_ms is 5000;"
                " allowed: below execution.unknown_latch_seconds (5 s)",
            ),
            (
                "venues: {bithumb: {enabled: false}}",
                "strategy.pairs[1].second is 'bithumb:BTC-KRW'; allowed: an instrument of an"
                " enabled venue (venues.bithumb.enabled is false)",
            ),
            (
                "strategy: {usdt_krw: null}",
                "strategy.usdt_krw is null;"
                " allowed: an instrument, since a pair is priced in dollars",
            ),
            (
                "safety: {require_redis_heartbeat: true}",
                "redis.url is null; allowed: a URL, since safety.require_redis_heartbeat is true",
            ),
            (
                "live_guards: {confirm_file: .halt}",
                "live_guards.confirm_file is '.halt'; allowed: any name but the one that halts",
            ),
            (
                "alert: {quiet_hours: '07:00-07:00'}",
                "alert.quiet_hours is '07:00-07:00'; allowed: a span with two different ends",
            ),
            (
                "strategy: {pairs: ["
                "{name: a, first: 'upbit:BTC-KRW', second: 'bithumb:BTC-KRW'},"
                "{name: a, first: 'upbit:ETH-KRW', second: 'bithumb:ETH-KRW'}]}",
                "strategy.pairs[1].name is 'a'; allowed: a name no other pair has",
            ),
            (
                "strategy: {pairs: [{name: a, first: 'upbit:BTC-KRW', second: 'bithumb:ETH-KRW'}]}",
                "strategy.pairs[0].second is 'bithumb:ETH-KRW';"
                " allowed: an instrument of the first's coin (BTC)",
            ),
            (
                "strategy: {pairs: [{name: a, first: 'upbit:BTC-KRW', second: 'upbit:BTC-USDT'}]}",
                "strategy.pairs[0].second is 'upbit:BTC-USDT';"
                " allowed: an instrument at another venue than the first's",
            ),
        ],
    )
    def test_is_refused_with_both_keys(self, tmp_path: Path, text: str, expected: str) -> None:
        """Each key alone is fine; together they would trade wrongly, or never."""
        assert complaint(tmp_path, text) == expected

    @pytest.mark.parametrize(
        "guard", ["require_env_flag", "require_manual_confirm_file", "require_safety_pass"]
    )
    def test_live_needs_every_guard(self, tmp_path: Path, guard: str) -> None:
        """In the mode that counts: the file's, or the command line's over it."""
        text = f"live_guards: {{{guard}: false}}\n"
        expected = f"live_guards.{guard} is false; allowed: only true while mode.current is live"

        assert complaint(tmp_path, f"{text}mode: {{current: live}}\n") == expected
        path = written(tmp_path, f"{text}mode: {{current: live}}\n")
        assert load_settings(path, {}, {"mode.current": "mock"}).mode.current is Mode.MOCK
        path = written(tmp_path, text)
        with pytest.raises(ConfigError, match=re.escape(expected)):
            load_settings(path, {}, {"mode.current": "live"})

    @pytest.mark.parametrize("key", ["rest_url", "ws_url", "private_ws_url"])
    def test_live_speaks_plainly_to_this_host_only(self, tmp_path: Path, key: str) -> None:
        """Keys must not cross a network in the clear; the local exchange may do without."""
        scheme = "http" if key == "rest_url" else "ws"
        text = "mode: {current: live}\nvenues: {upbit: {%s: '%s://%s:9000'}}\n"

        assert load(tmp_path, text % (key, scheme, "127.0.0.1")).mode.current is Mode.LIVE
        assert complaint(tmp_path, text % (key, scheme, "example.com")) == (
            f"venues.upbit.{key} is '{scheme}://example.com:9000';"
            " allowed: https or wss beyond this host in live mode"
        )

    def test_the_dollar_is_not_needed_without_dollar_legs(self, tmp_path: Path) -> None:
        """A pair of two Korean venues trades in won alone."""
        settings = load(
            tmp_path,
            "strategy: {usdt_krw: null,"
            " pairs: [{name: a, first: 'upbit:BTC-KRW', second: 'bithumb:BTC-KRW'}]}\n"
            "venues: {binance: {enabled: false}}\n",
        )

        assert used_venues(settings) == ("upbit", "bithumb")

    def test_used_venues_are_those_of_pairs_and_dollar(self) -> None:
        """In the order they are first named, each once."""
        assert used_venues(Settings()) == ("upbit", "binance", "bithumb")


class TestWarnings:
    def test_defaults_have_none(self) -> None:
        """A warning that always stands is not read."""
        assert Settings().warnings() == ()

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (
                "mode: {current: live}\nlive_guards: {dry_run_on_startup: false}",
                "dry_run_on_startup is false",
            ),
            ("mode: {current: live}", "Telegram is off"),
            ("mode: {current: live}", "venues.upbit has no key"),
            ("mode: {current: live}\nengine: {on_shutdown: flatten}", "closes every position"),
            ("mode: {current: live}\nstrategy: {max_holding_minutes: 0}", "max_holding_minutes"),
            ("alert: {enabled: false}", "no alert goes anywhere"),
            (
                "alert: {telegram_enabled: true}",
                "without TELEGRAM_BOT_TOKEN and TELEGRAM_CHAT_ID: alerts are only logged",
            ),
            (
                "alert: {telegram: {api_base: 'http://bot-api:8081'}}\n",
                "",
            ),
            (
                "alert: {telegram_enabled: true, telegram: {api_base: 'http://bot-api:8081'}}\n",
                "travels in the clear",
            ),
            ("metrics_server: {host: 0.0.0.0}", "other hosts can read"),
        ],
    )
    def test_say_what_is_allowed_but_notable(
        self, tmp_path: Path, text: str, expected: str
    ) -> None:
        """One sentence each, shown at start."""
        warnings = load(tmp_path, text).warnings()

        assert any(expected in one for one in warnings) if expected else warnings == ()


class TestTelegramMapping:
    def test_takes_empty_strings_as_unset(self, tmp_path: Path) -> None:
        """The mapping people copy has empty strings for what the environment holds."""
        settings = load(
            tmp_path,
            "alert:\n  enabled: true\n  telegram_enabled: false\n  quiet_hours: ''\n  telegram:\n"
            "    bot_token: ''\n    chat_id: ''\n    timeout_seconds: 5\n"
            "    user_ids: ''\n    topic_id: ''\n",
        )

        assert settings.alert == Settings().alert

    @pytest.mark.parametrize("written_as", ["987654321", "'987654321'", "-1001234", "'-1001234'"])
    def test_takes_a_chat_id_as_number_or_text(self, tmp_path: Path, written_as: str) -> None:
        """People write both."""
        telegram = load(tmp_path, f"alert: {{telegram: {{chat_id: {written_as}}}}}").alert.telegram

        assert telegram.chat_id == written_as.strip("'")

    def test_narrows_to_users_and_topic(self, tmp_path: Path) -> None:
        """Lists become tuples."""
        telegram = load(
            tmp_path, "alert: {telegram: {user_ids: [1, 2], topic_id: 7}}"
        ).alert.telegram

        assert telegram.user_ids == (1, 2)
        assert telegram.topic_id == 7

    @pytest.mark.parametrize("users", ["[]", "[1, 1]", "[-1]", "['1']", "[true]", "5"])
    def test_refuses_a_list_that_cannot_be_meant(self, tmp_path: Path, users: str) -> None:
        """An empty list answers nobody, which is not what unset means."""
        assert "alert.telegram.user_ids is " in complaint(
            tmp_path, f"alert: {{telegram: {{user_ids: {users}}}}}"
        )


class TestOptions:
    def test_are_handed_over_read_only(self, tmp_path: Path) -> None:
        """A strategy must not change what the journal says it ran with."""
        options = load(
            tmp_path, "strategy: {options: {window: 5, names: [a, b], deep: {x: 1.5}}}"
        ).strategy.options

        assert options == {"window": 5, "names": ("a", "b"), "deep": {"x": 1.5}}
        with pytest.raises(TypeError):
            options["window"] = 6  # type: ignore[index]  # the refusal is what is tested

    def test_are_named_but_not_shown(self, tmp_path: Path) -> None:
        """They may hold a key of the strategy's own."""
        settings = load(tmp_path, "strategy: {options: {feed_key: hunter2}}")

        assert ("strategy.options", "feed_key") in list(settings.shown())


class TestSettings:
    def test_are_frozen(self) -> None:
        """Read once, never changed."""
        with pytest.raises(ValidationError):
            Settings().mode.current = Mode.LIVE  # type: ignore[misc]  # the refusal is tested

    def test_urls_lose_their_last_slash(self, tmp_path: Path) -> None:
        """Clients add paths that begin with one."""
        settings = load(tmp_path, "venues: {upbit: {rest_url: 'http://127.0.0.1:9000/upbit/'}}")

        assert settings.venues.upbit.rest_url == "http://127.0.0.1:9000/upbit"
        assert settings.venues.upbit.taker_fee_pct == Decimal("0.05")

    @pytest.mark.parametrize(
        "address",
        ["api.upbit.com", "ftp://x", "https://", "https://u:p@x", "https://x y", "https://x:99999"],
    )
    def test_refuse_what_is_no_address(self, tmp_path: Path, address: str) -> None:
        """Nor one that carries a password into logs."""
        message = complaint(tmp_path, f"venues: {{upbit: {{rest_url: '{address}'}}}}")

        assert message.startswith("venues.upbit.rest_url is ")

    def test_load_fast(self) -> None:
        """The first cycle is due within 1.5 s, and no slow library is needed for a config."""
        heavy = "aiohttp aiogram redis matplotlib numpy apscheduler email_validator websockets"
        program = (
            "import sys; from trader.config import load_settings; load_settings(None, {});"
            f"print([name for name in '{heavy}'.split() if name in sys.modules])"
        )

        ran = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )

        assert ran.stdout.strip() == "[]"


class TestTheCommentedExample:
    def test_loads_to_exactly_the_defaults(self) -> None:
        """What is read in the file is what runs without it."""
        settings = load_settings(LIVE_YML, {})

        assert settings == Settings()
        assert settings.warnings() == ()

    def test_has_every_key_and_no_other(self) -> None:
        """A setting nobody can find is not one."""
        assert set(leaves(read_document(LIVE_YML))) == {key for key, _ in fields()}

    def test_lists_sections_in_the_order_of_the_settings(self) -> None:
        """So that reading one finds one's way in the other."""
        assert list(read_document(LIVE_YML)) == list(Settings.model_fields)

    @pytest.mark.parametrize("key", sorted(RULES), ids=".".join)
    def test_states_default_and_range_beside_each_key(self, key: Key) -> None:
        """The comment is the rule's own sentence, so it cannot grow old."""
        assert RULES[key].allowed in comments()[key]
        assert "default " in comments()[key]

    def test_says_in_each_section_when_it_matters(self) -> None:
        """One line is enough to know whether to read on."""
        notes = comments()

        assert [name for name in Settings.model_fields if "atter" not in notes[(name,)]] == []

    def test_holds_no_secret(self) -> None:
        """It is in the repository."""
        tree = read_document(LIVE_YML)

        assert all(at(tree, key) == "" for key in secret_keys())


def leaves(tree: Mapping[str, object], within: Key = ()) -> list[Key]:
    found: list[Key] = []
    for name, value in tree.items():
        key = (*within, name)
        if isinstance(value, dict) and value:
            found += leaves(value, key)
        else:
            found.append(key)
    return found


def at(tree: object, key: Key) -> object:
    for name in key:
        assert isinstance(tree, dict)
        tree = tree[name]
    return tree


def comments() -> dict[Key, str]:
    """The comment lines above each key of the example, with the one behind it."""
    found: dict[Key, str] = {}
    path: list[str] = []
    above: list[str] = []
    for line in LIVE_YML.read_text().splitlines():
        text = line.strip()
        if text.startswith("#"):
            above.append(text[1:].strip())
            continue
        named = re.match(r"( *)(\w+):", line)
        if named:
            path = [*path[: len(named[1]) // 2], named[2]]
            found[tuple(path)] = " ".join([*above, text.partition("  # ")[2]])
        above = []
    return found


def test_every_section_is_frozen_and_closed() -> None:
    """No part of the settings may grow keys or change after it was read."""

    def sections(model: type[BaseModel]) -> list[type[BaseModel]]:
        below: list[type[BaseModel]] = [model]
        for field in model.model_fields.values():
            kinds: tuple[Any, ...] = (field.annotation, *typing.get_args(field.annotation))
            for kind in kinds:
                if isinstance(kind, type) and issubclass(kind, BaseModel):
                    below += sections(kind)
        return below

    for section in sections(Settings):
        assert section.model_config["frozen"] is True
        assert section.model_config["extra"] == "forbid"


def test_a_rule_never_leaks_a_librarys_error() -> None:
    """Whatever is thrown at a rule, the answer is a value or one refusal."""
    odd = [object(), b"x", 10**5000, "9" * 5000, "1e999", -0.0, {1: 2}, [[]], float, "\0", "é" * 50]

    for key, rule in RULES.items():
        assert isinstance(rule, Rule)
        # What is no mapping below the name of an own venue is refused as any section would be.
        sections = {"model_type"} if key == OWN else set()
        for value in odd:
            assert refusals(nested(key, value)) <= {"not_allowed", "conflicts"} | sections


def refusals(tree: Mapping[str, object]) -> set[str]:
    try:
        Settings.model_validate(tree)
    except ValidationError as error:
        return {one["type"] for one in error.errors()}
    return set()
