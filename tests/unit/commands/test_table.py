"""Tables fit the terminal they are made for, whatever they hold."""

from trader.commands.table import table, wrapped


class TestTable:
    def test_columns_are_as_wide_as_what_they_hold(self) -> None:
        """Two spaces between them, and nothing at the end of a line."""
        shown = table(("a", "b"), [("long", "x"), ("y", "")])

        assert shown.splitlines() == ["a     b", "long  x", "y"]

    def test_counts_hangul_double(self) -> None:
        """A terminal shows it in two columns."""
        assert table(("이름", "b"), [("x", "y")]).splitlines() == ["이름  b", "x     y"]

    def test_narrows_the_widest_of_the_columns_that_may_wrap(self) -> None:
        """What does not fit goes on below, in its own column."""
        rows = [("KEY", "one two three four five six", "end")]

        lines = table(("code", "text", "last"), rows, wraps=(1,), width=26).splitlines()

        assert lines == [
            "code  text            last",
            "KEY   one two three   end",
            "      four five six",
        ]

    def test_leaves_other_columns_alone(self) -> None:
        """A code is never broken, though the line grows too long."""
        (line,) = table(("", ""), [("A_LONG_CODE", "b")], width=5).splitlines()

        assert line == "A_LONG_CODE  b"

    def test_has_no_line_for_an_empty_head(self) -> None:
        """A list of advice needs none."""
        assert table(("", ""), [("a", "b")]).splitlines() == ["a  b"]


class TestWrapped:
    def test_breaks_between_words(self) -> None:
        """No line is wider than it may be."""
        assert wrapped("one two three", 7) == ["one two", "three"]

    def test_breaks_a_word_that_no_line_could_hold(self) -> None:
        """Nothing is lost of it, Hangul included."""
        assert wrapped("x abcdefgh", 3) == ["x", "abc", "def", "gh"]
        assert wrapped("가나다", 5) == ["가나", "다"]

    def test_nothing_is_one_empty_line(self) -> None:
        """An empty cell still takes its place."""
        assert wrapped("", 10) == [""]
