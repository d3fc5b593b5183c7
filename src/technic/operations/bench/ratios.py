"""Ratios that can be believed: measured in several rounds, and told as nothing where those differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from technic.operations.bench.timing import milliseconds

ROUNDS = 2
APART = 0.15  # by which the rounds of a ratio may differ


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as long one thing takes as another.

    Attributes
    ----------
    rounds : the ratio of each round, measured anew from beginning to end
    """

    rounds: tuple[float, ...]

    @property
    def is_steady(self) -> bool:
        """Whether the rounds are near enough to each other to mean something."""
        return max(self.rounds) <= (1.0 + APART) * min(self.rounds)

    @property
    def value(self) -> float | None:
        """The middle of the rounds; None where they are too far apart."""
        return median(self.rounds) if self.is_steady else None

    def __str__(self) -> str:
        if self.is_steady:
            return f"{_figure(median(self.rounds))} ×"
        low, high = min(self.rounds), max(self.rounds)
        apart = 100.0 * (high / low - 1.0)
        return (
            f"{_figure(low)} to {_figure(high)} ×: its rounds differ by {apart:.0f} %, so it means "
            "nothing"
        )


def compared(
    slow: Callable[[], Any], quick: Callable[[], Any], runs: int, rounds: int = ROUNDS
) -> Ratio:
    """How many times as long one call takes as another; medians of each round, in turn."""
    return Ratio(
        tuple(
            median(milliseconds(slow, runs)) / median(milliseconds(quick, runs))
            for _ in range(rounds)
        )
    )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
