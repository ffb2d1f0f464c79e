"""Secrets come from where the operator put them, in one order, and never show themselves."""

import copy
import os
import pickle
from pathlib import Path

import pytest

from trader.credentials import (
    CredentialError,
    Credentials,
    Secret,
    mask_tokens,
    read_bounded,
    shown_path,
)

TOKEN = "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"


def a_file(path: Path, content: str | bytes) -> str:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


class TestWhereSecretsComeFrom:
    def test_is_none_when_no_source_has_it(self) -> None:
        """Not set is not an empty secret; the caller decides what that means."""
        assert Credentials({}).find("TELEGRAM_BOT_TOKEN") is None

    def test_reads_the_variable_without_surrounding_whitespace(self) -> None:
        """A line break pasted along must not become part of a signature."""
        found = Credentials({"TELEGRAM_BOT_TOKEN": f"  {TOKEN}\n"}).find("TELEGRAM_BOT_TOKEN")

        assert found == Secret(TOKEN)

    @pytest.mark.parametrize("content", [TOKEN, f"{TOKEN}\n", f"\ufeff \t{TOKEN} \r\n"])
    def test_reads_the_file_a_variable_points_to(self, tmp_path: Path, content: str) -> None:
        """``NAME_FILE`` holds a path; byte order mark and whitespace are no part of it."""
        environ = {"TELEGRAM_BOT_TOKEN_FILE": a_file(tmp_path / "token", content)}

        assert Credentials(environ).find("TELEGRAM_BOT_TOKEN") == Secret(TOKEN)

    @pytest.mark.parametrize("name", ["TELEGRAM_BOT_TOKEN", "telegram_bot_token"])
    def test_reads_systemds_directory_in_either_spelling(self, tmp_path: Path, name: str) -> None:
        """A unit's LoadCredential names the file; both usual spellings are found."""
        a_file(tmp_path / name, TOKEN)

        found = Credentials({"CREDENTIALS_DIRECTORY": str(tmp_path)}).find("TELEGRAM_BOT_TOKEN")

        assert found == Secret(TOKEN)

    def test_a_systemd_directory_without_the_file_is_no_fault(self, tmp_path: Path) -> None:
        """One unit may pass some secrets and not others."""
        assert (
            Credentials({"CREDENTIALS_DIRECTORY": str(tmp_path)}).find("UPBIT_SECRET_KEY") is None
        )

    def test_goes_variable_then_file_then_systemd(self, tmp_path: Path) -> None:
        """The nearest source wins, and taking it away uncovers the next."""
        a_file(tmp_path / "NAME", "from systemd")
        environ = {
            "NAME": "from variable",
            "NAME_FILE": a_file(tmp_path / "pointed-at", "from file"),
            "CREDENTIALS_DIRECTORY": str(tmp_path),
        }

        assert Credentials(environ).find("NAME") == Secret("from variable")
        del environ["NAME"]
        assert Credentials(environ).find("NAME") == Secret("from file")
        del environ["NAME_FILE"]
        assert Credentials(environ).find("NAME") == Secret("from systemd")

    def test_an_empty_variable_counts_as_not_set(self, tmp_path: Path) -> None:
        """``export NAME=`` is how people clear a variable."""
        environ = {"NAME": " ", "NAME_FILE": a_file(tmp_path / "file", "text")}

        assert Credentials(environ).find("NAME") == Secret("text")

    def test_keeps_the_lines_of_a_key_in_pem_form(self, tmp_path: Path) -> None:
        """Some venues hand out keys of several lines."""
        pem = "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----"
        environ = {"NAME_FILE": a_file(tmp_path / "key", f"{pem}\n")}

        assert Credentials(environ).find("NAME") == Secret(pem)

    def test_never_reads_a_dot_env_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What the process was started with is all there is."""
        a_file(tmp_path / ".env", f"TELEGRAM_BOT_TOKEN={TOKEN}\n")
        monkeypatch.chdir(tmp_path)

        assert Credentials({}).find("TELEGRAM_BOT_TOKEN") is None


class TestFilesThatCannotBeUsed:
    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "empty"),
            (b" \n", "empty"),
            (b"\xff\xfe secret", "not UTF-8 text"),
            (b"x" * 70_000, "larger than 65536 bytes"),
        ],
    )
    def test_names_variable_file_and_reason(
        self, tmp_path: Path, content: bytes, reason: str
    ) -> None:
        """One line, and nothing of the content in it."""
        path = a_file(tmp_path / "file", content)

        with pytest.raises(CredentialError) as raised:
            Credentials({"NAME_FILE": path}).find("NAME")

        assert str(raised.value) == f"NAME_FILE: {path}: {reason}"

    def test_a_missing_file_that_was_pointed_at_is_a_fault(self, tmp_path: Path) -> None:
        """Falling through to another source would hide the mistake."""
        path = tmp_path / "absent"

        with pytest.raises(CredentialError) as raised:
            Credentials({"NAME_FILE": str(path)}).find("NAME")

        assert str(raised.value) == f"NAME_FILE: {path}: No such file or directory"

    def test_a_directory_is_a_fault(self, tmp_path: Path) -> None:
        """Docker makes a directory where a mounted file is missing."""
        with pytest.raises(CredentialError, match=r"not a regular file|Is a directory"):
            Credentials({"NAME_FILE": str(tmp_path)}).find("NAME")

    def test_a_pipe_is_a_fault_and_does_not_hang(self, tmp_path: Path) -> None:
        """Nobody may ever write to it."""
        os.mkfifo(tmp_path / "pipe")

        with pytest.raises(CredentialError, match="not a regular file"):
            Credentials({"NAME_FILE": str(tmp_path / "pipe")}).find("NAME")

    def test_a_broken_systemd_credential_is_a_fault(self, tmp_path: Path) -> None:
        """A file that is there and unreadable is not the same as none."""
        (tmp_path / "NAME").symlink_to(tmp_path / "nowhere")

        with pytest.raises(CredentialError, match="No such file"):
            Credentials({"CREDENTIALS_DIRECTORY": str(tmp_path)}).find("NAME")

    def test_masks_a_secret_given_in_place_of_its_path(self) -> None:
        """``TELEGRAM_BOT_TOKEN_FILE=<token>`` is an easy slip."""
        with pytest.raises(CredentialError) as raised:
            Credentials({"TELEGRAM_BOT_TOKEN_FILE": TOKEN}).find("TELEGRAM_BOT_TOKEN")

        assert TOKEN not in str(raised.value)
        assert "TELEGRAM_BOT_TOKEN_FILE: ***" in str(raised.value)

    def test_a_variable_that_is_no_text_is_a_fault(self) -> None:
        """Stray bytes would only fail while signing; and the line does not repeat them."""
        with pytest.raises(CredentialError) as raised:
            Credentials({"NAME": "hunter2\udcff"}).find("NAME")

        assert str(raised.value) == "NAME: not UTF-8 text"

    def test_a_path_with_a_nul_is_a_fault(self) -> None:
        """No traceback for a variable that holds rubbish."""
        with pytest.raises(CredentialError, match="not a path"):
            Credentials({"NAME_FILE": "a\0b"}).find("NAME")


class TestSecret:
    def test_shows_itself_to_nobody(self) -> None:
        """Neither text, nor repr, nor a format, nor what holds it."""
        secret = Secret("hunter2")

        shown = f"{secret} {secret!r} {secret!s} {secret:>9} {[secret]} {(secret,)!r}"

        assert "hunter2" not in shown
        assert "***" in shown

    def test_reveals_only_when_asked(self) -> None:
        """Whoever signs asks by name."""
        assert Secret("hunter2").reveal() == "hunter2"

    def test_empty_is_false_and_shows_as_nothing(self) -> None:
        """An operator may see that a secret is missing."""
        assert not Secret()
        assert Secret("x")
        assert str(Secret()) == ""

    def test_equals_by_text_and_nothing_else(self) -> None:
        """Two readings of one file are one secret; a plain string is none."""
        assert Secret("a") == Secret("a")
        assert Secret("a") != Secret("b")
        assert Secret("a") != "a"
        assert len({Secret("a"), Secret("a")}) == 1

    def test_is_not_pickled(self) -> None:
        """It must not reach worker processes or files unnoticed."""
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(Secret("hunter2"))

    def test_copies_are_itself(self) -> None:
        """So that frozen settings can be copied with a change."""
        secret = Secret("hunter2")

        assert copy.copy(secret) is secret
        assert copy.deepcopy(secret) is secret

    def test_fingerprint_is_stable_and_tells_nothing(self) -> None:
        """The first digits of SHA-256, as the operator can compute them."""
        assert Secret("abc").fingerprint() == "ba7816bf8f01cfea"
        assert Secret("abd").fingerprint() != Secret("abc").fingerprint()


class TestHelpers:
    def test_masks_bot_tokens_inside_other_text(self) -> None:
        """Libraries put the whole URL into their errors."""
        assert mask_tokens(f"GET /bot{TOKEN}/getMe") == "GET /bot***/getMe"

    @pytest.mark.parametrize("text", ["09:00", "upbit:BTC-KRW", "2026-01-05T09:00:00+09:00"])
    def test_leaves_ordinary_text_alone(self, text: str) -> None:
        """What only resembles a token stays readable."""
        assert mask_tokens(text) == text

    def test_reads_a_file_of_exactly_the_bound(self, tmp_path: Path) -> None:
        """The bound may be reached, not passed."""
        a_file(tmp_path / "file", b"12345")

        assert read_bounded(tmp_path / "file", 5) == b"12345"
        with pytest.raises(OSError, match="larger than 4 bytes"):
            read_bounded(tmp_path / "file", 4)

    def test_shows_a_path_on_one_line(self) -> None:
        """A name with a line break would forge a second line."""
        assert "\n" not in shown_path(Path("a\nb"))
