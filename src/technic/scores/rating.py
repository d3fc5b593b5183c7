"""The ratings: what the chart says, what the filings say, and both.

`fund_rating` is a weighted sum of value, quality, growth and safety. Where a company's filings
leave one of the four unknown (growth, for want of a year), its weight goes to the other three;
with less than three known, or without filings, the rating is unknown. It is written as a sum of
four parts that carry their weight with them, so that a score splits into exactly what each adds.

`FUND_RATING` and `RATING` are those sums, as texts in the scan language; `TECH_RATING` is in
technical.py. The package binds the three to their names, in `MACROS`.
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


def weighted_part(name: str, scores: dict[str, FloatArray]) -> FloatArray:
    """What one part adds: its score times its weight among the parts that are known.

    Parameters
    ----------
    name : of the part, one of `WEIGHTS`
    scores : of all four, by name; float64, shape (n_symbols,), NaN is unknown

    Returns
    -------
    array of float64
        Shape (n_symbols,): 0 where this part alone is unknown, NaN where fewer than `LEAST` are
        known.
    """
    known = {other: ~np.isnan(values) for other, values in scores.items()}
    total = np.zeros(len(scores[name]))
    for other, weight in WEIGHTS.items():
        total = total + np.where(known[other], weight, 0.0)
    enough = np.array(list(known.values())).sum(axis=0) >= LEAST
    own = np.where(known[name], scores[name], 0.0)
    return np.where(enough, WEIGHTS[name] / np.where(enough, total, 1.0) * own, np.nan)


def _register_part(name: str) -> None:
    """Register what one of the four adds to `fund_rating`, under its own name."""

    def part(
        value: FloatArray = "value_score",
        quality: FloatArray = "quality_score",
        growth: FloatArray = "growth_score",
        safety: FloatArray = "safety_score",
    ) -> FloatArray:
        scores = {"value": value, "quality": quality, "growth": growth, "safety": safety}
        return weighted_part(name, scores)

    part.__name__ = f"{name}_part"
    part.__doc__ = f"What {name} adds to `fund_rating`; 0 where it alone is unknown."
    score(part=name, bounds=(0.0, 100.0))(part)


for _name in WEIGHTS:
    _register_part(_name)

FUND_RATING = " + ".join(f"{name}_part" for name in WEIGHTS)
RATING = " + ".join(
    [f"{SHARE * weight:g} * {name}" for name, weight in TECHNICAL.items()]
    + [f"{1.0 - SHARE:g} * {name}_part" for name in WEIGHTS]
)
