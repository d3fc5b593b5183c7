"""Targets: what was hoped for, beside what was measured, and whether it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Measurement:
    """Something measured that a target can be held against.

    Attributes
    ----------
    text : what was found, or why it could not be measured here, for a reader
    value : the number that counts; None where there is none to be believed
    """

    text: str
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Goal:
    """What was hoped for, and whether it holds.

    Attributes
    ----------
    what, hoped : what was hoped for
    measured : what was found
    holds : whether it was reached; None where that could not be measured here
    """

    what: str
    hoped: str
    measured: str
    holds: bool | None

    @classmethod
    def of(
        cls, what: str, hoped: str, finding: Measurement, wanted: Callable[[float], bool]
    ) -> Goal:
        """A target held against a measurement.

        Parameters
        ----------
        wanted : whether a value is as it was hoped for
        """
        holds = None if finding.value is None else wanted(finding.value)
        return cls(what, hoped, finding.text, holds)

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it; `holds` is null where it could not be measured here."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Measurements:
    """What the targets are held against.

    Attributes
    ----------
    rungs : rows of `ladder`
    calls : to a vendor, for a first scan
    hits : percent of the look-ups of a mix of questions that found something kept
    cpu : percent of all cores that a full-history run uses
    loop : a loop compiled, against itself uncompiled, ×
    ray : pandas work on Ray against a thread pool of as many workers, ×
    database : a universe from the catalog against a CSV file, ×
    total : the scan that was there before against this one, per symbol, ×
    card : a model on the graphics card against this machine's processor, ×
    """

    rungs: list[dict[str, Any]]
    calls: Measurement
    hits: Measurement
    cpu: Measurement
    loop: Measurement
    ray: Measurement
    database: Measurement
    total: Measurement
    card: Measurement


def targets(found: Measurements) -> list[dict[str, Any]]:
    """Hold what was measured against what was hoped for.

    Returns
    -------
    list
        One row for each target, as `Goal.as_dict` gives it.
    """
    by_size = {rung["symbols"]: rung for rung in found.rungs}
    hundred, full = by_size.get(100), by_size.get(5_277) or found.rungs[-1]
    night = Measurement(f"{full['incremental_ms']:.0f} ms", full["incremental_ms"])
    rows = [
        Goal.of("100 symbols", "≤ 15 s", _cold(hundred), lambda s: s <= 15.0),
        Goal.of(
            f"full universe, {full['symbols']:,} symbols",
            "≤ 54 s",
            _cold(full),
            lambda s: s <= 54.0,
        ),
        Goal.of("incremental, after a new session", "< 10 s", night, lambda ms: ms < 1e4),
        Goal.of("calls of a first scan", "< 30", found.calls, lambda n: n < 30),
        Goal.of("hits, questions new and repeated", "> 70 %", found.hits, lambda p: p > 70.0),
        Goal.of("CPU", "> 80 %", found.cpu, lambda p: p > 80.0),
        Goal.of("Numba, on the hot loops", "≥ 10 ×", found.loop, lambda x: x >= 10.0),
        Goal.of("Ray, against as many threads", "≥ 2 ×", found.ray, lambda x: x >= 2.0),
        Goal.of("database faster than CSV", "> 1 ×", found.database, lambda x: x > 1.0),
        Goal.of("total, per symbol", "≥ 30 ×", found.total, lambda x: x >= 30.0),
        Goal.of("graphics card, a million forecasts", "≥ 5 ×", found.card, lambda x: x >= 5.0),
    ]
    return [row.as_dict() for row in rows]


def _cold(rung: dict[str, Any] | None) -> Measurement:
    if rung is None:
        return Measurement("no market of that size")
    text = f"{rung['cold_s']:.2f} s cold, {rung['fresh_ms']:.0f} ms in a warm process"
    return Measurement(text, rung["cold_s"])
