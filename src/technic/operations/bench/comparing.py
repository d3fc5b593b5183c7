"""Two benches compared: which figures are worse by more than the noise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

SLACK = 0.25  # of the older figure: shared machines vary by as much between hours
TIMES = ("cold_s", "warm_ms", "fresh_ms", "incremental_ms", "peak_mb")


def compare(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    """Compare the figures that two benches share.

    A figure has regressed if it is above the older one by more than `SLACK` and by more than
    the spread that either run showed; one below a millisecond or two says nothing.

    Parameters
    ----------
    old, new : benches, as `technic bench` writes them

    Returns
    -------
    list
        One row for each figure: `what`, its values `before` and `now` in ms or MB, their `ratio`,
        and whether it is a `regression`.
    """
    before = dict(_figures(old))
    rows = []
    for what, (now, noise) in _figures(new):
        if what not in before:
            continue
        was, other = before[what]
        worse = now > was * (1.0 + SLACK) and now - was > max(noise, other, 2.0)
        rows.append(
            {
                "what": what,
                "before": was,
                "now": now,
                "ratio": round(now / was, 2) if was else None,
                "regression": worse,
            }
        )
    return rows


def _figures(bench: dict[str, Any]) -> Iterator[tuple[str, tuple[float, float]]]:
    """Each figure, in ms or MB, with the spread of its runs."""
    for rung in bench.get("ladder", []):
        for name in TIMES:
            value = float(rung[name]) * (1e3 if name.endswith("_s") else 1.0)
            yield f"{rung['symbols']:,} symbols, {name}", (value, 0.0)
    for figure in bench.get("figures", []):
        spread = float(figure["maximum"]) - float(figure["minimum"])
        yield str(figure["what"]), (float(figure["median"]), spread)
