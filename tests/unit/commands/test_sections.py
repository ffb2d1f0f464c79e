"""The page of ``check``: what a person reads is what the figures say, with its units."""

from typing import Any

from trader.commands.sections import page

ROW: dict[str, Any] = {
    "code": "DISK_LOW",
    "name": "disk free",
    "state": "pass",
    "loss": "suspends",
    "value": "412345",
    "limit": "500",
    "bound": "above",
    "unit": "MB",
    "why": "",
    "mend": "",
}
DIRECTION: dict[str, Any] = {
    "pair": "upbit-binance",
    "direction": "upbit>binance",
    "left": 0,
    "why": "move 0.1 BTC from binance to upbit",
    "needed_pct": "0.4031",
    "fees_pct": "0.30",
    "exit_pct": "0.05",
    "min_profit_pct": "0.05",
    "slippage_pct": "0.0031",
    "spread_pct": "-0.12",
}
TRADES: dict[str, Any] = {
    "ledger": "paper",
    "prices": "live",
    "at_ns": 1_767_571_200_000_000_000,
    "size_krw": "100000",
    "directions": [DIRECTION],
}


def shown(**changes: Any) -> list[str]:
    """The lines of a page; ``changes`` are of its figures."""
    figures = {
        "engine": "running",
        "mode": "live",
        "authority": "PAPER",
        "revision": 2,
        "latch": None,
        "used_up": False,
        "entries": "paper",
        "closings": "live",
        "predicates": [ROW],
        "credentials": [],
        "key_rights": {"tick": ["view assets"], "never": ["withdraw"]},
        "limits": [],
        "trades": TRADES,
        "notes": [],
        "could_start": False,
    }
    return page(figures | changes).splitlines()


def line_with(words: str, lines: list[str]) -> str:
    """The one line with these words."""
    (line,) = [line for line in lines if words in line]
    return line


class TestTheGate:
    def test_figures_have_thousands_and_units(self) -> None:
        """And say how the one must stand to the other."""
        line = line_with("DISK_LOW", shown())

        assert line.endswith("disk free         412,345 MB  above 500 MB  suspends")

    def test_one_is_singular(self) -> None:
        """But one millisecond keeps its sign."""
        cycles = ROW | {"code": "DRY_RUN", "limit": "1", "bound": "at least", "unit": "cycles"}
        lag = ROW | {"code": "LOOP_SLOW", "limit": "1", "bound": "below", "unit": "ms"}

        lines = shown(predicates=[cycles, lag])

        assert "at least 1 cycle " in line_with("DRY_RUN", lines)
        assert "below 1 ms" in line_with("LOOP_SLOW", lines)

    def test_a_pass_has_no_advice(self) -> None:
        """Without a failure there is nothing to mend."""
        assert "HOW TO MEND" not in shown()
        failing = ROW | {"state": "fail", "why": "Too little.", "mend": "Free room."}
        assert "✗  DISK_LOW  Too little. Free room." in shown(predicates=[failing])

    def test_of_a_later_only_the_remedy_is_told(self) -> None:
        """Why it fails is not known, since nobody knows whether it does."""
        later = ROW | {"state": "later", "why": "Only a run.", "mend": "Free room."}

        assert "…  DISK_LOW  Free room." in shown(predicates=[later])

    def test_a_latch_says_why_and_who(self) -> None:
        """And a touch that came too early is named."""
        lines = shown(latch={"reason": "drill", "who": "7"}, used_up=True)

        assert lines[0].endswith("authority PAPER (revision 2, latched: drill by 7)")
        assert any("touch it again" in line for line in lines)


class TestTrades:
    def test_an_empty_direction_shows_its_transfer(self) -> None:
        """Zero is not unknown."""
        line = line_with("move 0.1", shown())

        assert line.split() == [
            *("upbit-binance", "upbit>binance", "0"),
            *DIRECTION["why"].split(),
        ]

    def test_a_break_even_is_shown_with_its_parts(self) -> None:
        """Next to the spread that stands now."""
        lines = shown()
        (line,) = [line for line in lines if "0.403 %" in line]

        assert line.endswith(" -0.120 %")
        assert "0.003 %" in line
        assert not any("comes on top" in line for line in lines)

    def test_slippage_that_is_not_known_is_named(self) -> None:
        """The figure alone would promise too much."""
        bare = DIRECTION | {"slippage_pct": None, "spread_pct": None}

        assert any(
            "comes on top" in line for line in shown(trades={**TRADES, "directions": [bare]})
        )

    def test_an_engine_that_does_not_say_is_believed(self) -> None:
        """Its own words stand there; nothing is made up."""
        lines = shown(trades={"directions": [], "why": "it stopped meanwhile"})

        assert "… later: it stopped meanwhile" in lines
        assert "BREAK-EVEN OF EACH PAIR" not in lines
