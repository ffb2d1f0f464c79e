"""The runbook: an entry for every alert and every rule, the same in both languages."""

import re
from pathlib import Path

import pytest
import yaml

from bot.pages import menu
from trader.config.settings import rules as settings_rules
from trader.domain.control import AlertCode, Language

DEPLOY = Path(__file__).parents[3] / "deploy"
PARTS = {
    "en": ("Means:", "Look at:", "Do:", "Halt when:"),
    "ko": ("뜻:", "볼 곳:", "할 일:", "긴급정지할 때:"),
}
_ENTRY = re.compile(r"^### (\S+)\n\n(.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`]+)`")


def book(language: str) -> str:
    """The runbook in a language."""
    name = "runbook.md" if language == "en" else f"runbook.{language}.md"
    return (DEPLOY / name).read_text()


def entries(language: str) -> dict[str, str]:
    """Heading and body of every entry, in order."""
    return dict(_ENTRY.findall(book(language)))


def prometheus_rules() -> list[str]:
    """The names of Prometheus' rules, in order."""
    groups = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text())["groups"]
    return [rule["alert"] for group in groups for rule in group["rules"]]


NAMES = [*AlertCode, *prometheus_rules(), "trader-failed"]


@pytest.mark.parametrize("language", PARTS)
class TestEachLanguage:
    def test_has_an_entry_for_every_alert_and_every_rule(self, language: str) -> None:
        """In their order, once each, and none for what there is not."""
        headings = re.findall(r"^### (\S+)$", book(language), re.MULTILINE)

        assert headings == [str(name) for name in NAMES]

    @pytest.mark.parametrize("name", NAMES)
    def test_says_in_each_what_it_means_and_what_to_do(self, language: str, name: str) -> None:
        """Meaning, where to look, what to do, when to halt; all of them, each with a text."""
        body = entries(language)[name]

        found = re.findall(r"^- \*\*(.+?)\*\* (.+?)(?=^- |\Z)", body, re.MULTILINE | re.DOTALL)

        assert tuple(part for part, _ in found) == PARTS[language]
        # Where to look may be a command and no more.
        spoken = [text for part, text in found if part not in ("Look at:", "볼 곳:")]
        assert all(bool(re.search("[가-힣]", text)) is (language == "ko") for text in spoken)


class TestBothLanguages:
    def test_are_built_alike(self) -> None:
        """The same headings, level by level; those of the sections in their own language."""
        shapes = [
            [line.split(" ")[0] for line in book(language).splitlines() if line.startswith("#")]
            for language in PARTS
        ]

        assert shapes[0] == shapes[1]

    @pytest.mark.parametrize("name", NAMES)
    def test_name_the_same_commands_keys_and_codes(self, name: str) -> None:
        """What stands in code is not translated, so a difference is a forgotten sentence."""
        english, korean = (sorted(_SPAN.findall(entries(language)[name])) for language in PARTS)

        assert english == korean


class TestWhatItNames:
    SPANS = frozenset(_SPAN.findall(book("en") + book("ko")))

    def test_are_settings_that_there_are(self) -> None:
        """A key that was renamed would send an operator looking."""
        known = {".".join(key) for key, _ in settings_rules()}
        sections = {key.partition(".")[0] for key in known}
        named = {
            span
            for span in self.SPANS
            if re.fullmatch(r"[a-z_]+\.[a-z_]+", span) and span.partition(".")[0] in sections
        }

        assert named
        assert named <= known

    def test_are_commands_that_there_are(self) -> None:
        """Of the bot."""
        named = {span[1:].split()[0] for span in self.SPANS if re.match(r"/[a-z]+( |$)", span)}

        assert named
        assert named <= {name for name, _ in menu(Language.EN)}

    def test_are_entries_that_there_are(self) -> None:
        """Where one entry refers to another."""
        referred = {span for span in self.SPANS if span in set(AlertCode)}
        see = set(re.findall(r"[Ss]ee `(\w+)`|`(\w+)` 참조", book("en") + book("ko")))

        assert referred
        assert {one or other for one, other in see} <= set(AlertCode)
