"""Targets: what was hoped for, beside what was measured."""

from __future__ import annotations

from typing import Any

from technic.errors import install_hint


def targets(
    rungs: list[dict[str, Any]],
    speedup: float | None,
    pools: dict[str, float],
    calls: str,
    cpu: float,
    kernel: str,
    database: str,
) -> list[dict[str, Any]]:
    """Put what was measured beside what was hoped for.

    Parameters
    ----------
    rungs : rows of `ladder`
    speedup : over the baseline, per symbol; None where it was not run
    pools : the quickest of each kind of executor, ms
    calls, kernel, database : figures in words
    cpu : share of all cores in a full-history run, percent

    Returns
    -------
    list
        One row for each target: `what`, `hoped` and `measured`, in words.
    """
    by_size = {rung["symbols"]: rung for rung in rungs}
    hundred, full = by_size.get(100), by_size.get(5_277) or rungs[-1]
    rows = [
        ("100 symbols", "35, 28, 20, 18, 15 s", _cold(hundred)),
        (f"full universe, {full['symbols']:,} symbols", "54–65 s", _cold(full)),
        ("incremental, after a new session", "< 10 s", f"{full['incremental_ms']:.0f} ms"),
        ("calls", "< 30", calls),
        ("hits", "> 70 %", f"{full['hit_rate']} %"),
        ("CPU", "> 80 %", f"{cpu:.0f} % in a full-history run"),
        ("Numba, on the hot loops", "10–50 ×", kernel),
        ("Ray", "2–3 × a thread pool", _ratio(pools)),
        ("database faster than CSV", "yes", database),
        ("total, per symbol", "30–50 ×", "not run" if speedup is None else f"{speedup:,.0f} ×"),
    ]
    return [{"what": what, "hoped": hoped, "measured": measured} for what, hoped, measured in rows]


def _cold(rung: dict[str, Any] | None) -> str:
    if rung is None:
        return "not run"
    return f"{rung['cold_s']:.2f} s cold, {rung['fresh_ms']:.0f} ms in a warm process"


def _ratio(pools: dict[str, float]) -> str:
    if "threads" not in pools or "ray" not in pools:
        return f"not run: {install_hint('ray')}"
    return f"{pools['threads'] / pools['ray']:.1f} ×, {pools['inline'] / pools['ray']:.1f} × serial"
