"""Every alert as a message: escaped, whole, within Telegram's bounds, in both languages."""

from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from bot.locales import sender_words
from bot.messenger import OutMessage
from bot.render import (
    BATCH_UNITS,
    MAX_UNITS,
    Speech,
    digest_message,
    infos_message,
    short_message,
    story_message,
    units_of,
)
from bot.stories import Story, begun
from tests.support.example_facts import TOLD_FACTS
from trader.alerts.rules import alerts_for
from trader.domain.control import Alert, AlertCode, Language, Severity
from trader.domain.delivery import Folded, StoredAlert
from trader.texts import VARIANT, placeholders, render, words_of

_NS = 1_000_000_000
NOW = 1_795_000_100 * _NS
NASTY = "_a*b_ & <i>\"c\"</i> 'd' [x](y) `z`"
LONG = "😀&<" * 900
SPEECHES = [Speech(language, ZoneInfo("Asia/Seoul"), "here") for language in Language]


def real_alerts() -> list[Alert]:
    """What the rules make of one fact of every told type, with names that look like markup."""
    alerts = []
    for alert in alerts_for(TOLD_FACTS):
        names = {
            name: NASTY if name in ("pair", "instrument", "by", "name", "where", "what") else value
            for name, value in alert.fields.items()
        }
        alerts.append(replace(alert, fields=names))
    return alerts


def made_alerts() -> list[Alert]:
    """Every text there is, each field as nasty, and as long, as a venue could make it."""
    alerts = []
    for name, text in words_of(Language.EN).texts.items():
        code, _, variant = name.partition(".")
        fields = dict.fromkeys(
            set().union(*map(placeholders, (text.title, *text.lines, text.action))), NASTY
        )
        base = Alert(AlertCode(code), Severity.CRITICAL, name, NOW, {VARIANT: variant} | fields)
        alerts.append(base)
        alerts.append(replace(base, fields={VARIANT: variant} | dict.fromkeys(fields, LONG)))
    return alerts


ALERTS = real_alerts() + made_alerts()


def a_story(alert: Alert, **changes: object) -> Story:
    """Its story, just told."""
    row = StoredAlert(5, alert, NOW - _NS, last_ns=NOW - _NS)
    return replace(begun(row, 7, NOW), **changes)


class _Text(HTMLParser):
    """What a chat shows of HTML; refuses what Telegram would."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert (tag, attrs) == ("b", [])
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def shown(message: OutMessage) -> str:
    """The text content of a message's HTML."""
    parser = _Text()
    parser.feed(message.html)
    parser.close()
    assert parser.open == []
    return parser.text


STATES: dict[str, dict[str, object]] = {
    "raised": {},
    "repeated": {"repeats": 12},
    "merged": {"count": 1_234, "last_ns": NOW},
    "over": {"over_ns": NOW + _NS},
    "was over": {"over_ns": NOW - 1, "count": 9},
    "seen": {"seen_ns": NOW + _NS, "seen_by": NASTY * 9},
    "late": {"first_ns": NOW - 7_200 * _NS},
}


class TestEveryAlert:
    def test_is_rendered_here(self) -> None:
        """No kind is missing."""
        assert {alert.code for alert in ALERTS} == set(AlertCode)

    @pytest.mark.parametrize("speech", SPEECHES, ids=str)
    @pytest.mark.parametrize("state", STATES)
    def test_is_well_formed_and_fits(self, state: str, speech: Speech) -> None:
        """The HTML shows the plain words, within the bound, with title and what to do whole."""
        for alert in ALERTS:
            message = story_message(a_story(alert, **STATES[state]), speech)

            assert shown(message) == message.plain
            assert units_of(message.plain) <= MAX_UNITS < 4_096
            assert message.html.startswith("<b>")
            lines = message.plain.splitlines()
            assert lines[-1].startswith(words_of(speech.language).to_do)
            assert "{" not in lines[0]

    @pytest.mark.parametrize("speech", SPEECHES, ids=str)
    def test_says_what_the_engine_said(self, speech: Speech) -> None:
        """A first telling is the engine's own text, line by line."""
        for alert in real_alerts():
            message = story_message(a_story(alert), speech)

            assert message.plain == render(alert, speech.language, speech.zone)

    @pytest.mark.parametrize("speech", SPEECHES, ids=str)
    def test_cleared_says_that_nothing_is_to_do(self, speech: Speech) -> None:
        """The clearing's own what-to-do takes the place of the alert's."""
        for alert in real_alerts():
            ending = replace(alert, clears=True, severity=Severity.INFO)
            if not ending.lasting:
                continue
            story = a_story(alert, over_ns=NOW + _NS, ending=ending)

            message = story_message(story, speech)

            assert message.plain.startswith("✅")
            assert message.severity is Severity.INFO
            assert (
                message.plain.splitlines()[-1]
                == render(ending, speech.language, speech.zone).splitlines()[-1]
            )
            assert shown(message) == message.plain

    @pytest.mark.parametrize("speech", SPEECHES, ids=str)
    def test_has_a_kind_for_digests_and_letters(self, speech: Speech) -> None:
        """Short forms fit and are well formed as well."""
        rows = [StoredAlert(n, alert, NOW - n * _NS) for n, alert in enumerate(ALERTS)]
        folded = [Folded(code, 10, NOW - 9_000 * _NS, NOW) for code in AlertCode]

        digest = digest_message(rows, folded, speech)
        letters = [short_message(row, speech) for row in rows]

        assert shown(digest) == digest.plain
        assert units_of(digest.plain) <= MAX_UNITS
        assert all(kind in digest.plain for kind in sender_words(speech.language).kinds.values())
        for message in letters:
            assert shown(message) == message.plain
            assert units_of(message.plain) < 300

    @pytest.mark.parametrize("speech", SPEECHES, ids=str)
    def test_goes_with_others_up_to_the_bound(self, speech: Speech) -> None:
        """Batches hold what fits, at least one, and lose none."""
        rows = [StoredAlert(n, alert, NOW) for n, alert in enumerate(ALERTS)]
        while rows:
            message, taken = infos_message(rows, speech, NOW)

            assert taken >= 1
            assert shown(message) == message.plain
            assert units_of(message.plain) <= (BATCH_UNITS if taken > 1 else MAX_UNITS)
            rows = rows[taken:]


class TestWords:
    def test_of_a_storm(self) -> None:
        """The counter and the time of the last stand right below the title."""
        alert = alerts_for(TOLD_FACTS)[0]
        story = a_story(alert, count=1_234, last_ns=NOW, first_ns=NOW)

        lines = story_message(story, SPEECHES[0]).plain.splitlines()

        assert lines[1] == "×1,234, last 20:08:20"

    def test_of_a_repeat_with_a_date_where_it_is_another_day(self) -> None:
        """A time alone would mislead after midnight."""
        alert = replace(alerts_for(TOLD_FACTS)[0], severity=Severity.CRITICAL, lasting=True)
        story = a_story(alert, repeats=3, first_ns=NOW - 12 * 3_600 * _NS, told_ns=NOW)

        lines = story_message(story, SPEECHES[0]).plain.splitlines()

        assert lines[0].startswith("🚨 Still: ")
        assert lines[1] == "Since 08:08:20, repeat 3"

        later = replace(story, first_ns=NOW - 24 * 3_600 * _NS)
        assert "Since 11-17 20:08:20" in story_message(later, SPEECHES[0]).plain

    def test_of_a_late_one(self) -> None:
        """After a minute the message says that it is late; before, it does not."""
        alert = alerts_for(TOLD_FACTS)[0]

        late = story_message(a_story(alert, first_ns=NOW - 3_720 * _NS), SPEECHES[0]).plain
        soon = story_message(a_story(alert, first_ns=NOW - 59 * _NS), SPEECHES[0]).plain

        assert "⏱ Told 1 h 2 min late: it happened at 19:06:20" in late
        assert "⏱" not in soon

    def test_of_a_digest(self) -> None:
        """How many of each kind with first and last, then the newest few."""
        alert = Alert(AlertCode.DUST, Severity.INFO, "dust:x", NOW, {"instrument": "upbit:X"})
        rows = [StoredAlert(n, alert, NOW - n * _NS) for n in range(9, 0, -1)]
        folded = [Folded(AlertCode.DUST, 1_000, NOW - 3_600 * _NS, NOW - 60 * _NS)]

        lines = digest_message(rows, folded, SPEECHES[0]).plain.splitlines()

        assert lines[0] == "ℹ️ 1,009 older notices in one"
        assert lines[1] == "• remainder kept as inventory: 1,009 (19:08:20 – 20:08:19)"
        assert lines[2] == "The newest:"
        assert len(lines) == 9

    def test_button_goes_with_an_open_critical_only(self) -> None:
        """What is over or seen needs nobody's word."""
        alert = Alert(AlertCode.HALTED, Severity.CRITICAL, "halted:x", NOW, {}, lasting=True)
        with_button = [
            bool(story_message(a_story(one, **changes), SPEECHES[1]).buttons)
            for one, changes in (
                (alert, {}),
                (alert, {"over_ns": NOW}),
                (alert, {"seen_ns": NOW}),
                (replace(alert, severity=Severity.WARNING), {}),
            )
        ]

        assert with_button == [True, False, False, False]
        ((button,),) = story_message(a_story(alert), SPEECHES[1]).buttons
        assert (button.text, button.data) == ("확인했음", "ack:here:5")
