"""The milliseconds of each stage of a scan."""

from __future__ import annotations

from time import perf_counter

from technic.runtime.deadline import check


class StageTimer:
    """Measures the milliseconds of each stage of a scan.

    Parameters
    ----------
    laps : milliseconds of the stages before, by name

    Attributes
    ----------
    laps : milliseconds by stage
    """

    def __init__(self, laps: dict[str, float] | None = None) -> None:
        self.laps = dict(laps or {})
        self._since = perf_counter()

    def lap(self, stage: str) -> None:
        """End a stage: what passed since the one before is its time."""
        check()  # where a stage of a scan ends, it can end
        now = perf_counter()
        self.laps[stage] = round(1e3 * (now - self._since), 3)
        self._since = now
