"""Client order ids: within what venues take, and read back for what they are."""

import re

import pytest

from trader.domain.client_ids import MAX_CHARS, ClientId, base36, number_of, read, spelled

TAKEN_BY_VENUES = re.compile(r"[A-Za-z0-9-]{1,36}")


class TestSpelled:
    def test_the_longest_is_short_enough(self) -> None:
        """An engine's name has at most 12 characters, an epoch 10; a number then has nine."""
        longest = spelled("M" * 12, "z" * 10, 999_999_999)

        assert TAKEN_BY_VENUES.fullmatch(longest)
        assert len(longest) == MAX_CHARS

    def test_reads_back(self) -> None:
        """Also where the engine's name has dashes of its own."""
        for engine in ("main", "my-desk", "-", "a-1"):
            made = ClientId(engine, "k3x9a7q2", 1042)
            assert read(spelled(engine, "k3x9a7q2", 1042)) == made


class TestRead:
    def test_an_epoch_begins_with_its_installation(self) -> None:
        """So that a copy of a journal is told from a stranger's."""
        made = read("tr-main-k3x9a7q2-1042")

        assert made is not None
        assert (made.installation, made.maker) == ("k3x9", "main-k3x9a7q2")

    @pytest.mark.parametrize("engine", ["main", "my-desk"])
    def test_ids_of_old_journals_stay_readable(self, engine: str) -> None:
        """They had no epoch."""
        assert read(f"tr-{engine}-17") == ClientId(engine, "", 17)

    @pytest.mark.parametrize(
        "strange",
        [
            "",
            "tr-",
            "tr-main",
            "tr--1",
            "tr-main-k3x9a7q2-",
            "tr-main-k3x9a7q2-x",
            "tr-main-k3x9a7q2-007",
            "tr-main-k3x9a7q2-0",
            "my-order-1",
            "TR-main-k3x9a7q2-1",
            "tr-main-k3x9a7q2-١",
            f"tr-main-k3x9a7q2-{'1' * 40}",
        ],
    )
    def test_what_is_none_of_ours_is_none(self, strange: str) -> None:
        """An operator may name his own orders as he likes."""
        assert read(strange) is None


def test_ids_are_sorted_by_their_number() -> None:
    """Epochs are drawn; the number alone counts on."""
    ids = ["tr-main-zzzz0000-9", "tr-main-aaaa0000-10", "tr-main-7", "by hand"]

    assert sorted(ids, key=number_of) == ["by hand", "tr-main-7", ids[0], ids[1]]


def test_base36() -> None:
    """Digits, then small letters."""
    assert [base36(n) for n in (0, 9, 10, 35, 36, 46_655)] == ["0", "9", "a", "z", "10", "zzz"]
