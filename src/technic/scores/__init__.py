"""Scores of a cross-section. Importing this package fills `SCORES`."""

from __future__ import annotations

from technic.scores import growth, price, quality, rating, safety, technical, value
from technic.scores.define import SCORES, Score
from technic.scores.rating import FUND_RATING, RATING
from technic.scores.technical import TECH_RATING

# Names that stand for a sum: ranking by one splits into its terms.
MACROS = {"tech_rating": TECH_RATING, "fund_rating": FUND_RATING, "rating": RATING}

__all__ = [
    "MACROS",
    "SCORES",
    "Score",
    "growth",
    "price",
    "quality",
    "rating",
    "safety",
    "technical",
    "value",
]
