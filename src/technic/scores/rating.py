"""The ratings: what the chart says, what the filings say, and both.

`fund_rating` is a weighted sum of value, quality, growth and safety. Where a company's filings
leave one of the four unknown (growth, for want of a year), its weight goes to the other three;
with less than three known, or without filings, the rating is unknown. It is written as a sum of
four parts that carry their weight with them, so that a score splits into exactly what each adds.
"""

from __future__ import annotations

import numpy as np

from technic.market.typing import FloatArray
from technic.scores.define import score
from technic.scores.technical import WEIGHTS as TECHNICAL

# mypy: disable-error-code="assignment"

WEIGHTS = {"value": 0.25, "quality": 0.35, "growth": 0.20, "safety": 0.20}
PARTS = {f"{name}_part": f"{name}_score" for name in WEIGHTS}
LEAST = 3  # of the four
SHARE = 0.5  # of the chart in the whole


def carried(mine: str, known: dict[str, FloatArray]) -> FloatArray:
    """What one part adds: its score times its weight among the parts that are known."""
    there = {name: ~np.isnan(values) for name, values in known.items()}
    total = np.zeros(len(known[mine]))
    for name, weight in WEIGHTS.items():
        total = total + np.where(there[name], weight, 0.0)
    enough = np.array(list(there.values())).sum(axis=0) >= LEAST
    own = np.where(there[mine], known[mine], 0.0)
    return np.where(enough, WEIGHTS[mine] / np.where(enough, total, 1.0) * own, np.nan)


def _part(mine: str) -> None:
    """Register what one of the four adds to `fund_rating`, under its own name."""

    def part(
        value: FloatArray = "value_score",
        quality: FloatArray = "quality_score",
        growth: FloatArray = "growth_score",
        safety: FloatArray = "safety_score",
    ) -> FloatArray:
        known = {"value": value, "quality": quality, "growth": growth, "safety": safety}
        return carried(mine, known)

    part.__name__ = f"{mine}_part"
    part.__doc__ = f"What {mine} adds to `fund_rating`; 0 where it alone is unknown."
    score(part=mine, bounds=(0.0, 100.0))(part)


for _name in WEIGHTS:
    _part(_name)

FUND_RATING = " + ".join(f"{name}_part" for name in WEIGHTS)
RATING = " + ".join(
    [f"{SHARE * weight:g} * {name}" for name, weight in TECHNICAL.items()]
    + [f"{1.0 - SHARE:g} * {name}_part" for name in WEIGHTS]
)
