"""How a series is made: one value, or one for each value of a label."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric


def gauge(name: str, text: str, value: Decimal | float) -> Metric:
    """A gauge without labels."""
    return GaugeMetricFamily(f"trader_{name}", text, value=float(value))


def labelled(
    name: str, text: str, label: str, values: Iterable[tuple[str, Decimal | float | None]]
) -> Metric:
    """A gauge of one label; what is None is left out."""
    family = GaugeMetricFamily(f"trader_{name}", text, labels=[label])
    for value, reading in values:
        if reading is not None:
            family.add_metric([value], float(reading))
    return family


def counted(
    name: str, text: str, labels: Sequence[str], values: Iterable[tuple[Sequence[str], int]]
) -> Metric:
    """A counter; ``name`` ends in ``_total``."""
    family = CounterMetricFamily(f"trader_{name}", text, labels=labels)
    for value, count in values:
        family.add_metric(value, count)
    return family
