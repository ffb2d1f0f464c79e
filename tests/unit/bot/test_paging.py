"""Long answers: pages split between lines, markup whole on each, buttons with their rows."""

import pytest

from bot.messenger import Button
from bot.paging import (
    MAX_BUTTON_ROWS,
    MAX_PAGES,
    MAX_UNITS,
    Block,
    Footing,
    Part,
    bold,
    code,
    cut,
    file_of,
    goes_as_file,
    html_of,
    line,
    paged,
    plain_of,
    pre,
    units,
)
from tests.support.chat_html import check

HEAD = line("🟢 ", bold("main · live"))
FOOTING = Footing("trades 50", "inst")


def some_rows(count: int, text: str = "x" * 99) -> list[Block]:
    """So many blocks of one line, each of a hundred units with its line break."""
    return [Block((line(text),)) for _ in range(count)]


class TestMarkup:
    def test_escapes_everything(self) -> None:
        """A name may hold what HTML would take for a tag."""
        shown = html_of([line(bold("a<b>&"), code("x & y"))])

        assert shown == "<b>a&lt;b&gt;&amp;</b><code>x &amp; y</code>"

    def test_joins_fixed_lines_into_one_block(self) -> None:
        """Each line in a block of its own would stand apart in a chat."""
        lines = [line("table"), *pre(["a  1", "b  2"]), line("end")]

        assert html_of(lines) == "table\n<pre>a  1\nb  2</pre>\nend"
        assert plain_of(lines) == "table\na  1\nb  2\nend"


class TestSplitting:
    def test_leaves_a_short_answer_whole(self) -> None:
        """One page needs no number and nothing to turn."""
        (message,) = paged(HEAD, some_rows(3), FOOTING)

        assert message.plain.splitlines()[0] == "🟢 main · live"
        assert message.buttons == ()
        assert message.silent

    def test_keeps_every_line_in_order_under_the_limit(self) -> None:
        """Nothing is lost or doubled between pages."""
        blocks = [Block((line(f"row {number} " + "ㅎ" * 60),)) for number in range(200)]

        page = paged(HEAD, blocks, FOOTING)

        told = [row for message in page for row in check(message).splitlines()[1:]]
        assert told == [plain_of(block.lines) for block in blocks]
        assert len(page) > 2

    def test_begins_each_page_with_the_head_and_its_number(self) -> None:
        """A page in the middle of a chat must say whose figures it shows."""
        page = paged(HEAD, some_rows(100), FOOTING)

        heads = [message.plain.splitlines()[0] for message in page]
        assert heads == [f"🟢 main · live · {n}/{len(page)}" for n in range(1, len(page) + 1)]

    def test_closes_and_reopens_a_fixed_block(self) -> None:
        """Markup that ran over the end of a page would be refused."""
        blocks = [Block(pre((f"{number:04d} " + "x" * 90,))) for number in range(100)]

        page = paged(HEAD, blocks, FOOTING)

        assert len(page) > 1
        for message in page:
            check(message)
            assert message.html.count("<pre>") == 1
            assert message.html.endswith("</pre>")

    def test_moves_a_block_that_fits_on_the_next_page(self) -> None:
        """A trade's lines belong together."""
        filler = some_rows(38)
        whole = Block(tuple(line(f"{number} " + "y" * 40) for number in range(5)))

        first, second = paged(HEAD, [*filler, whole], FOOTING)

        assert "y" not in first.plain
        assert second.plain.count("\n") == 5

    def test_begins_a_block_that_fits_on_no_page_where_it_stands(self) -> None:
        """A page left half empty would only make more pages."""
        huge = Block(tuple(line("y" * 99) for _ in range(60)))

        first, second = paged(HEAD, [*some_rows(10), huge], FOOTING)

        assert "y" in first.plain
        assert "y" in second.plain

    @pytest.mark.parametrize("sign", ["x", "한", "🟢"])
    def test_cuts_a_line_longer_than_a_page_without_tearing_a_sign(self, sign: str) -> None:
        """An emoji is two units of which neither means anything alone."""
        text = sign * 5_001

        page = paged(HEAD, [Block((line("a", Part(text)),))], FOOTING)

        told = "".join(row for message in page for row in check(message).splitlines()[1:])
        assert told == f"a{text}"

    def test_says_something_even_of_nothing(self) -> None:
        """A message without text is refused."""
        (message,) = paged(HEAD, [], FOOTING)

        assert message.plain == "🟢 main · live"


class TestButtons:
    def test_turn_to_the_pages_beside(self) -> None:
        """The first page has no way back, the last none on."""
        first, *_, last = paged(HEAD, some_rows(100), FOOTING)

        assert [(one.text, one.data) for one in first.buttons[-1]] == [
            ("1/3", "show:inst:1 trades 50"),
            ("▶", "show:inst:2 trades 50"),
        ]
        assert [one.text for one in last.buttons[-1]] == ["◀", "3/3"]

    def test_stand_on_the_page_of_their_row(self) -> None:
        """A button without its row closes something nobody sees."""
        blocks = [
            Block((line(f"trade {n} " + "x" * 300),), ((Button(f"close {n}", f"close:inst:{n}"),),))
            for n in range(25)
        ]

        page = paged(HEAD, blocks, FOOTING)

        for message in page:
            check(message)
            for row in message.buttons:
                if row[0].text.startswith("close"):
                    assert f"trade {row[0].text.removeprefix('close ')} " in message.plain
        closing = [row for message in page for row in message.buttons if "close" in row[0].text]
        assert len(closing) == 25

    def test_are_few_enough_to_leave_the_page_in_sight(self) -> None:
        """Short rows would else pile up dozens of buttons."""
        blocks = [Block((line("x"),), ((Button("c", "close:inst:1"),),)) for _ in range(25)]

        page = paged(HEAD, blocks, FOOTING)

        assert max(sum(row[0].text == "c" for row in m.buttons) for m in page) == MAX_BUTTON_ROWS

    def test_are_left_out_where_nobody_answers_taps(self) -> None:
        """Without a chat to tap in, as in the stub, they would be dead."""
        button = ((Button("c", "close:inst:1"),),)

        page = paged(HEAD, [Block((line("x"),), button), *some_rows(100)], Footing("trades"))

        assert all(message.buttons == () for message in page)


class TestFiles:
    def test_are_sent_for_more_pages_than_anybody_turns(self) -> None:
        """Four pages are turned, five are a file."""
        four = paged(HEAD, some_rows(MAX_PAGES * 38), FOOTING)
        five = paged(HEAD, some_rows((MAX_PAGES + 1) * 38), FOOTING)

        assert (len(four), goes_as_file(four)) == (4, False)
        assert (len(five), goes_as_file(five)) == (5, True)

    def test_hold_everything_once(self) -> None:
        """The head stands on top alone, no page's number in between."""
        blocks = [Block((line(f"row {number}: " + "x" * 200),)) for number in range(200)]

        found = file_of(paged(HEAD, blocks, FOOTING), "Logs / 11", "all in the file <b>")

        assert found.name == "logs11.txt"
        assert found.text.splitlines() == ["🟢 main · live", *(plain_of(b.lines) for b in blocks)]
        assert check(found.caption) == "🟢 main · live\nall in the file <b>"


class TestCut:
    @pytest.mark.parametrize("text", ["", "abc", "한글한글", "🟢🟢🟢"])
    def test_never_passes_its_limit(self, text: str) -> None:
        """Units, not signs, are what Telegram counts."""
        for most in range(1, 8):
            assert units(cut(text, most)) <= most

    def test_leaves_what_fits(self) -> None:
        """Nothing is cut for nothing."""
        assert cut("🟢" * (MAX_UNITS // 2), MAX_UNITS) == "🟢" * (MAX_UNITS // 2)
