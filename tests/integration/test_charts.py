"""Pictures that can be read, from a worker process that can be trusted."""

import asyncio
import contextlib
import itertools
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from bot.charts import ChartFailed, Kind, Painter, Series
from bot.charts.painter import MOST_WAITING
from bot.charts.spec import HEIGHT_PX, MOST_BARS, WIDTH_PX
from tests.support.charts import a_chart, a_wave, every_chart
from trader.port import Language

ROOT = Path(__file__).parents[2]
LANGUAGES = tuple(Language)
SHAPES = tuple(every_chart(Language.EN))
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
GONE_WITHIN_S = 10.0
Corners = tuple[float, float, float, float]


@asynccontextmanager
async def a_painter(scratch_dir: Path, timeout_s: float = 60.0) -> AsyncIterator[Painter]:
    painter = Painter(scratch_dir=scratch_dir, timeout_s=timeout_s)
    try:
        yield painter
    finally:
        await painter.close()


def size_of(png: bytes) -> tuple[int, int]:
    assert png.startswith(PNG_SIGNATURE)
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def overlap(one: Corners, other: Corners) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


async def longest_turn_ms() -> float:
    """Until cancelled: the most that one turn of the loop took, in this thread's own time.

    Its own time, since a busy host takes the processor away for longer than any code here.
    """
    worst_s, last_s = 0.0, time.thread_time()
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            await asyncio.sleep(0)
            now_s = time.thread_time()
            worst_s, last_s = max(worst_s, now_s - last_s), now_s
    return worst_s * 1_000.0


def is_running(pid: int) -> bool:
    """Whether a process still does anything; a dead one that nobody collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def environment_of(pid: int | None) -> list[bytes]:
    return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")


def until_gone(pid: int) -> bool:
    deadline = time.monotonic() + GONE_WITHIN_S
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(pid)


class TestPicture:
    @pytest.fixture(autouse=True)
    def _scratch(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        # Here the figure is drawn in the test's own process, to see where its texts lie.
        monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path))

    @pytest.mark.parametrize("language", LANGUAGES)
    @pytest.mark.parametrize("shape", SHAPES)
    def test_nothing_overlaps_and_nothing_is_cut(self, shape: str, language: Language) -> None:
        """Every text lies wholly on the picture, clear of each other text and of the plot."""
        from bot.charts.figure import draw

        drawn = draw(every_chart(language)[shape])

        assert size_of(drawn.png) == (WIDTH_PX, HEIGHT_PX)
        for words, box in drawn.texts:
            assert box[0] >= 0, words
            assert box[1] >= 0, words
            assert box[2] <= WIDTH_PX, words
            assert box[3] <= HEIGHT_PX, words
            assert drawn.plot is None or not overlap(box, drawn.plot), words
        for (words, box), (others, other) in itertools.combinations(drawn.texts, 2):
            assert not overlap(box, other), (words, others)

    @pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != "empty"])
    def test_the_plot_keeps_most_of_the_picture(self, shape: str) -> None:
        """Rows of words must leave something to look at."""
        from bot.charts.figure import draw

        plot = draw(every_chart(Language.KO)[shape]).plot

        assert plot is not None
        assert (plot[2] - plot[0]) > WIDTH_PX * 0.6
        assert (plot[3] - plot[1]) > HEIGHT_PX * 0.4

    def test_axes_name_unit_zone_and_days(self) -> None:
        """A figure without its unit, or a time without its zone, tells nobody anything."""
        from bot.charts.figure import draw

        words = [words for words, _ in draw(every_chart(Language.EN)["two ledgers"]).texts]

        assert {"Equity", "last 24 h", "Paper", "Live", "10,100,000 ₩"} <= set(words)
        assert "2026-11-22 · Asia/Seoul" in words

    def test_nothing_yet_is_said(self) -> None:
        """An empty frame would look like a fault."""
        from bot.charts.figure import draw

        words = [words for words, _ in draw(every_chart(Language.KO)["empty"]).texts]

        assert "아직 표시할 내용이 없습니다" in words

    def test_the_won_the_minus_hangul_and_arrows_have_glyphs(self) -> None:
        """The font has every sign the bot's texts use, also in bold."""
        from bot.charts.figure import draw

        chart = msgspec.structs.replace(
            a_chart(a_wave("₩ − - % · – … → ← ↑ ↓ ± × ≥ 뷁")), title="₩ − → 힣"
        )

        assert draw(chart).png

    def test_a_sign_that_no_font_has_is_an_error(self) -> None:
        """Better no picture than one with a box where a word should be."""
        from bot.charts.figure import draw

        chart = msgspec.structs.replace(a_chart(a_wave("Paper")), title="\U00013000")

        with pytest.raises(ValueError, match=r"[Gg]lyph"):
            draw(chart)

    def test_times_that_go_back_are_an_error(self) -> None:
        """A line that doubles back would show what never was."""
        from bot.charts.figure import draw

        with pytest.raises(ValueError, match="go back"):
            draw(a_chart(Series("Paper", (2, 1), (1.0, 1.0))))

    def test_days_beyond_the_bound_are_an_error(self) -> None:
        """Two bars a century apart must not become an axis of a century of days."""
        from bot.charts.figure import draw

        far_apart = Series("Paper", (0, 3_000_000_000_000_000_000), (1.0, 1.0), Kind.BAR)

        with pytest.raises(ValueError, match=f"at most {MOST_BARS}"):
            draw(a_chart(far_apart))


class TestPainter:
    async def test_draws_in_a_process_of_its_own(self, tmp_path: Path) -> None:
        """The first picture starts the worker, the next finds it warm."""
        async with a_painter(tmp_path) as painter:
            first = await painter.draw(a_chart(a_wave("Paper")))
            pid = painter.pid
            second = await painter.draw(a_chart(a_wave("Live")))

            assert size_of(first) == size_of(second) == (WIDTH_PX, HEIGHT_PX)
            assert pid is not None
            assert painter.pid == pid != os.getpid()
        assert until_gone(pid)

    async def test_start_warms_it_and_a_second_start_changes_nothing(self, tmp_path: Path) -> None:
        """Whoever starts it early has the first picture at once."""
        async with a_painter(tmp_path) as painter:
            await painter.start()
            pid = painter.pid
            await painter.start()

            assert pid is not None
            assert painter.pid == pid

    async def test_says_why_a_chart_failed_and_draws_the_next(self, tmp_path: Path) -> None:
        """One bad chart costs one chart."""
        async with a_painter(tmp_path) as painter:
            unknown = msgspec.structs.replace(a_chart(a_wave("Paper")), zone="Mars/Olympus")
            with pytest.raises(ChartFailed, match="Mars/Olympus"):
                await painter.draw(unknown)
            pid = painter.pid

            assert await painter.draw(a_chart(a_wave("Paper")))
            assert painter.pid == pid

    async def test_says_why_it_does_not_come_up_and_tries_anew(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A library that will not load is named; once it is mended nothing must be restarted."""
        broken = tmp_path / "broken"
        broken.mkdir()
        (broken / "matplotlib.py").write_text("raise ImportError('no such\\nlibrary')")
        async with a_painter(tmp_path) as painter:
            with monkeypatch.context() as patch:
                patch.setenv("PYTHONPATH", str(broken))
                with pytest.raises(ChartFailed, match=r"^no such library$"):
                    await painter.start()
            assert painter.pid is None

            assert await painter.draw(a_chart(a_wave("Paper")))

    async def test_replaces_a_worker_that_died(self, tmp_path: Path) -> None:
        """Killed between two pictures, it is not missed."""
        async with a_painter(tmp_path) as painter:
            await painter.start()
            assert painter.pid is not None
            killed = painter.pid
            os.kill(killed, signal.SIGKILL)

            assert await painter.draw(a_chart(a_wave("Paper")))
            assert painter.pid not in (None, killed)

    async def test_ends_a_worker_that_hangs(self, tmp_path: Path) -> None:
        """A picture is waited for so long and no longer, and the next has a fresh worker."""
        async with a_painter(tmp_path, timeout_s=5.0) as painter:
            await painter.start()
            assert painter.pid is not None
            hanging = painter.pid
            os.kill(hanging, signal.SIGSTOP)

            with pytest.raises(ChartFailed, match="no picture within 5 s"):
                await painter.draw(a_chart(a_wave("Paper")))

            assert until_gone(hanging)
            assert await painter.draw(a_chart(a_wave("Paper")))

    async def test_a_caller_that_gives_up_leaves_no_answer_behind(self, tmp_path: Path) -> None:
        """Its late picture must not be handed to the next who asks."""
        async with a_painter(tmp_path) as painter:
            await painter.start()
            given_up = asyncio.create_task(painter.draw(a_chart(a_wave("Paper"))))
            await asyncio.sleep(0)
            given_up.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await given_up

            with pytest.raises(ChartFailed, match="go back"):
                await painter.draw(a_chart(Series("Paper", (2, 1), (1.0, 1.0))))

    async def test_few_may_wait(self, tmp_path: Path) -> None:
        """Who comes when the queue is full hears so at once; those before are all served."""
        async with a_painter(tmp_path) as painter:
            await painter.start()
            asked = [painter.draw(a_chart(a_wave("Paper"))) for _ in range(MOST_WAITING + 1)]

            answers = await asyncio.gather(*asked, return_exceptions=True)

            assert [type(answer) for answer in answers[:-1]] == [bytes] * MOST_WAITING
            assert str(answers[-1]) == f"{MOST_WAITING} charts already wait"

    async def test_closed_it_draws_no_more(self, tmp_path: Path) -> None:
        """Who still waits at the end is told, and no worker is started behind its back."""
        async with a_painter(tmp_path) as painter:
            await painter.start()
            waiting = asyncio.create_task(painter.draw(a_chart(a_wave("Paper", 4_000))))
            await asyncio.sleep(0)
            await painter.close()

            with pytest.raises(ChartFailed, match="closed"):
                await waiting
            with pytest.raises(ChartFailed, match="closed"):
                await painter.draw(a_chart(a_wave("Paper")))
            assert painter.pid is None

    async def test_refuses_more_points_than_it_may_take(self, tmp_path: Path) -> None:
        """The bound is told before a process is asked."""
        too_many = a_wave("Paper", MOST_BARS + 1, kind=Kind.BAR)
        async with a_painter(tmp_path) as painter:
            with pytest.raises(ChartFailed, match="367 points of Paper; at most 366"):
                await painter.draw(a_chart(too_many))
            assert painter.pid is None

    async def test_the_loop_is_not_held_up(self, tmp_path: Path) -> None:
        """Starting, thinning half a million points and drawing leave the engine its turns."""
        chart = a_chart(a_wave("Paper", 500_000, step_s=1))
        async with a_painter(tmp_path) as painter:
            watching = asyncio.create_task(longest_turn_ms())
            await asyncio.sleep(0)
            await painter.draw(chart)
            watching.cancel()

            # Thinning in one go takes more than 100 ms.
            assert await watching < 20.0

    async def test_keeps_its_files_in_its_place(self, tmp_path: Path) -> None:
        """The font list is the one file it leaves, and the worker has no secret around it."""
        async with a_painter(tmp_path / "charts") as painter:
            await painter.start()
            environment = environment_of(painter.pid)

            assert f"MPLCONFIGDIR={tmp_path / 'charts'}".encode() in environment
            assert not [entry for entry in environment if entry.startswith(b"HOME=")]
        assert all(path.name.startswith("fontlist") for path in (tmp_path / "charts").iterdir())


PARENT = """
import asyncio, sys
from pathlib import Path
from bot.charts import Painter
from tests.support.charts import a_chart, a_wave

async def main():
    painter = Painter(scratch_dir=Path(sys.argv[1]))
    print(len(await painter.draw(a_chart(a_wave("Paper")))), flush=True)
    print(painter.pid, flush=True)
    print(sorted({"matplotlib", "numpy"} & set(sys.modules)), flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(len(await painter.draw(a_chart(a_wave("Paper")))), flush=True)
    await painter.close()

asyncio.run(main())
"""


class TestItsParent:
    @pytest.fixture
    def parent(self, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
        """A process that has drawn one picture; it draws another for each line it gets."""
        with subprocess.Popen(
            [sys.executable, "-c", PARENT, str(tmp_path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            yield process
            process.kill()

    @staticmethod
    def lines(process: subprocess.Popen[str], count: int) -> list[str]:
        assert process.stdout is not None
        return [process.stdout.readline().strip() for _ in range(count)]

    def test_loads_no_drawing_library(self, parent: subprocess.Popen[str]) -> None:
        """A picture drawn, and the engine's process still knows nothing of how."""
        size, _, loaded = self.lines(parent, 3)

        assert int(size) > 1_000
        assert loaded == "[]"

    def test_killed_leaves_no_orphan(self, parent: subprocess.Popen[str]) -> None:
        """Even kill -9 of the engine takes the worker along."""
        _, pid, _ = self.lines(parent, 3)
        assert is_running(int(pid))

        parent.kill()

        assert until_gone(int(pid))

    def test_killed_while_the_worker_draws_leaves_no_orphan(
        self, parent: subprocess.Popen[str]
    ) -> None:
        """A picture half done is nobody's any more."""
        _, pid, _ = self.lines(parent, 3)
        os.kill(int(pid), signal.SIGSTOP)
        assert parent.stdin is not None
        parent.stdin.write("again\n")
        parent.stdin.flush()

        parent.kill()
        os.kill(int(pid), signal.SIGCONT)

        assert until_gone(int(pid))

    def test_the_worker_sleeps_through_an_interrupt(self, parent: subprocess.Popen[str]) -> None:
        """Ctrl+C is for the engine: the worker neither dies of it nor speaks."""
        _, pid, _ = self.lines(parent, 3)
        os.kill(int(pid), signal.SIGINT)

        assert os.getpgid(int(pid)) != os.getpgid(parent.pid)
        assert parent.stdin is not None
        parent.stdin.write("again\n")
        parent.stdin.flush()
        assert int(self.lines(parent, 1)[0]) > 1_000
        assert is_running(int(pid))

    def test_an_interrupt_of_the_group_ends_both(self, parent: subprocess.Popen[str]) -> None:
        """Only the engine has anything to say to Ctrl+C, and nothing stays behind."""
        _, pid, _ = self.lines(parent, 3)

        os.killpg(parent.pid, signal.SIGINT)
        # The thread that waits for a line lets go of it only now.
        _, errors = parent.communicate(timeout=30)

        assert "bot.charts.worker" not in errors
        assert "charts/worker.py" not in errors
        assert until_gone(int(pid))
