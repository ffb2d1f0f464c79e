"""The gate's figures: a name, a unit and words for each predicate; advice where it is needed."""

from typing import Any

import pytest

from trader.app.figures import SETTLED_BY_A_RUN, guard_figures, unasked
from trader.config import Settings
from trader.domain.authority import Authority
from trader.domain.control import BlockReason, Language, Mode
from trader.domain.readiness import Readiness
from trader.risk.live_guard import LiveGuard
from trader.risk.predicates import GuardRules

R = BlockReason
RULES, DEFAULTS = GuardRules(), Settings()
FORGOTTEN = Readiness(mode=Mode.LIVE, confirm_file=False, disk_free_mb=412_345.0, lock_held=True)


def rows(
    readiness: Readiness = FORGOTTEN,
    rules: GuardRules = RULES,
    settings: Settings = DEFAULTS,
    language: Language = Language.EN,
) -> dict[BlockReason, dict[str, Any]]:
    """Every predicate's row, as without an engine."""
    guard = LiveGuard(rules)
    figures: Any = guard_figures(
        guard,
        Authority(),
        guard.begin(),
        readiness,
        later=SETTLED_BY_A_RUN,
        unasked=unasked(settings),
        language=language,
    )
    return {R(row["code"]): row for row in figures["predicates"]}


class TestARow:
    def test_has_a_figure_with_its_unit_and_how_it_must_stand(self) -> None:
        """A bare number says nothing."""
        disk = rows()[R.DISK_LOW]

        assert (disk["value"], disk["bound"], disk["limit"]) == ("412345", "above", "500")
        assert disk["unit"] == "MB"

    def test_reads_a_yes_or_no_as_a_word(self) -> None:
        """Read with its name, not with its code."""
        found = rows()

        assert found[R.ENV_FLAG_MISSING]["value"] == "not set"
        assert found[R.CONFIRM_FILE_MISSING]["value"] == "absent"
        assert found[R.LOCK_NOT_HELD]["value"] == "held"
        assert {row["value"] for row in found.values()}.isdisjoint({"yes", "no", ""})

    def test_claims_nothing_of_what_is_not_there(self) -> None:
        """No file is neither safe nor old, and nobody was asked for the rights of a key."""
        found = rows()

        assert found[R.CONFIRM_FILE_UNSAFE]["value"] == "no file"
        assert found[R.CONFIRM_FILE_NOT_ARMED]["value"] == "no file"
        assert found[R.KEY_SCOPE_STALE]["value"] == "not known"

    def test_has_advice_only_where_something_is_to_be_done(self) -> None:
        """A pass has none; of what a run settles nothing is claimed."""
        for row in rows().values():
            assert bool(row["mend"]) == (row["state"] != "pass")
            assert bool(row["why"]) == (row["state"] != "pass")
        assert rows()[R.LOOP_SLOW]["why"] == "Only a run can settle this."
        assert "touch" in rows()[R.CONFIRM_FILE_MISSING]["mend"]

    def test_is_named_in_the_language_asked_for(self) -> None:
        """The code stays the same."""
        assert rows()[R.DISK_LOW]["name"] == "disk free"
        assert rows(language=Language.KO)[R.DISK_LOW]["name"] == "디스크 여유"


class TestTheOperator:
    @pytest.mark.parametrize(
        ("alert", "said"),
        [
            ({}, "(alert.telegram_enabled: false)"),
            ({"enabled": False, "telegram_enabled": True}, "(alert.enabled: false)"),
        ],
    )
    def test_is_not_asked_where_telegram_is_off(self, alert: dict[str, bool], said: str) -> None:
        """And the row names the setting that says so."""
        found = rows(settings=Settings.model_validate({"alert": alert}))

        for reason in (R.OPERATOR_CREDENTIALS, R.OPERATOR_UNREACHABLE):
            assert (found[reason]["state"], found[reason]["value"]) == ("pass", "not asked")
            assert found[reason]["limit"] == said

    def test_without_credentials_does_not_come_back_by_himself(self) -> None:
        """Both rows fail, and both say what to give."""
        asked = Settings.model_validate({"alert": {"telegram_enabled": True}})
        found = rows(
            Readiness(mode=Mode.LIVE, operator_credentials=False),
            GuardRules(operator_needed=True),
            asked,
        )

        assert found[R.OPERATOR_CREDENTIALS]["state"] == "fail"
        assert "TELEGRAM_BOT_TOKEN" in found[R.OPERATOR_CREDENTIALS]["mend"]
        assert found[R.OPERATOR_UNREACHABLE]["state"] == "fail"
        assert "by itself" not in found[R.OPERATOR_UNREACHABLE]["mend"]

    def test_with_credentials_is_left_to_a_run(self) -> None:
        """Only a run can try them."""
        asked = Settings.model_validate({"alert": {"telegram_enabled": True}})
        found = rows(Readiness(mode=Mode.LIVE), GuardRules(operator_needed=True), asked)

        assert found[R.OPERATOR_CREDENTIALS]["state"] == "later"
        assert found[R.OPERATOR_UNREACHABLE]["state"] == "later"


def test_what_fails_is_never_called_not_asked() -> None:
    """The setting explains a pass, nothing else."""
    found = rows(rules=GuardRules(redis_needed=True))

    assert found[R.REDIS_STALE]["value"] == "not known"
