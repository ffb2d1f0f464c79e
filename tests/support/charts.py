"""Charts for tests: every shape a picture may have to take, in both languages."""

import math

from bot.charts import ChartSpec, Kind, Series, Threshold, Unit
from bot.charts.scales import NS_PER_S
from trader.port import Language

START_NS = 1_795_305_600 * NS_PER_S
_WORDS = {
    Language.EN: ("Equity", "Paper", "Live", "Needed", "Upbit → Binance", "last 24 h"),
    Language.KO: ("자산 추이", "모의", "실거래", "필요 수준", "업비트 → 바이낸스", "최근 24시간"),
}
_DAY_S = 86_400


def a_chart(
    *series: Series,
    unit: Unit = Unit.KRW,
    language: Language = Language.EN,
    thresholds: tuple[Threshold, ...] = (),
    stretch: int = 1,
) -> ChartSpec:
    """A chart of ``series``; ``stretch`` repeats its words until they are too long."""
    title, *_, direction, subtitle = _WORDS[language]
    return ChartSpec(
        title=" ".join([title] + [direction] * (stretch - 1)),
        subtitle=" ".join([subtitle] * stretch),
        series=series,
        thresholds=thresholds,
        unit=unit,
        zone="Asia/Seoul",
        language=language,
    )


def a_wave(
    label: str,
    points: int = 60,
    *,
    step_s: int = 600,
    around: float = 1e7,
    height: float = 1e4,
    kind: Kind = Kind.LINE,
) -> Series:
    """A series that swings by ``height`` around ``around``."""
    return Series(
        label=label,
        at_ns=tuple(START_NS + number * step_s * NS_PER_S for number in range(points)),
        values=tuple(around + height * math.sin(number / 3) for number in range(points)),
        kind=kind,
    )


def every_chart(language: Language) -> dict[str, ChartSpec]:
    """One chart of each shape, by name."""
    _, paper, live, needed, direction, _ = _WORDS[language]
    bars = [
        a_wave(label, 30, step_s=_DAY_S, around=0.0, kind=Kind.BAR)
        for label in (paper, live, needed)
    ]
    shapes = {
        "two ledgers": [a_wave(paper), a_wave(live, around=1.01e7)],
        "one point": [a_wave(paper, 1)],
        "few points": [a_wave(paper, 4, kind=Kind.STEP)],
        "many points": [a_wave(paper, 4_000, step_s=60)],
        "flat": [a_wave(paper, height=0.0)],
        "zero": [a_wave(paper, around=0.0, height=0.0)],
        "huge": [a_wave(paper, around=9.8e9, height=4e9)],
        "astronomic": [a_wave(paper, around=9.8e15, height=4e14)],
        "tiny": [a_wave(paper, around=0.0, height=1e-6)],
        "a year": [a_wave(paper, 365, step_s=_DAY_S)],
        "seconds": [a_wave(paper, 20, step_s=1)],
        "days": bars,
        "one day": [a_wave(paper, 1, step_s=_DAY_S, around=5e4, kind=Kind.BAR)],
        "a year of days": [a_wave(paper, 365, step_s=_DAY_S, kind=Kind.BAR)],
        "six": [a_wave(f"{direction} {number}", around=number * 1e4) for number in range(6)],
    }
    charts = {name: a_chart(*series, language=language) for name, series in shapes.items()}
    charts["spread"] = a_chart(
        a_wave(direction, around=0.2, height=0.3),
        unit=Unit.PERCENT,
        language=language,
        thresholds=(Threshold(needed, 0.35),),
    )
    charts["long words"] = a_chart(
        a_wave(" ".join([direction] * 9)), a_wave("_$x_1$ & <b>"), language=language, stretch=20
    )
    charts["empty"] = a_chart(a_wave(paper, 0), language=language)
    return charts
