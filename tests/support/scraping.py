"""Scraping: somebody who asks an engine for its series again and again, at an even pace."""

import http.client
import threading
import time
from types import TracebackType
from typing import Self

from prometheus_client.parser import text_string_to_metric_families

_TIMEOUT_S = 30.0


class Scraping:
    """Scrapes ``/metrics`` on a thread of its own for as long as it is entered."""

    def __init__(self, port: int, per_second: int) -> None:
        self._port = port
        self._gap_s = 1 / per_second
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.statuses: dict[int, int] = {}
        """How many answers there were of each status."""
        self.took_ms: list[float] = []
        """What each answer took, in milliseconds."""
        self.last = ""
        """The newest answer."""
        self.error: Exception | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join(_TIMEOUT_S)

    @property
    def count(self) -> int:
        """How many answers came."""
        return len(self.took_ms)

    @property
    def goes_on(self) -> bool:
        """Whether nothing has failed so far."""
        return self.error is None

    def _run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_S)
        due = time.perf_counter()
        try:
            while not self._over.is_set():
                began = time.perf_counter()
                connection.request("GET", "/metrics")
                answer = connection.getresponse()
                self.last = answer.read().decode()
                self.took_ms.append((time.perf_counter() - began) * 1e3)
                self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
                # What was missed is not made up for: the pace is a bound, not an average.
                due = max(due + self._gap_s, time.perf_counter())
                self._over.wait(due - time.perf_counter())
        except (OSError, http.client.HTTPException) as error:
            self.error = error
        finally:
            connection.close()


def samples_of(text: str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """The samples of an answer by name, then by labels in order."""
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found
