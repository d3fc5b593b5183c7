"""Scores of a cross-section. Importing this package fills `SCORES`."""

from __future__ import annotations

from technic.scores import technical
from technic.scores.define import SCORES, Score
from technic.scores.technical import TECH_RATING

MACROS = {"tech_rating": TECH_RATING}

__all__ = ["MACROS", "SCORES", "TECH_RATING", "Score", "technical"]
