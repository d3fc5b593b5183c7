"""Which sessions a model learns from and which it is judged on: never by row, always by date.

A label of session t ends at the open `horizon` + 1 sessions later, so the sessions just before a
test are left out of the training (purge), and some more (embargo), because what moved their labels
still moves the first sessions of the test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from technic.errors import ConfigError
from technic.market.typing import IntArray

LEAST_STEP = 5  # sessions


@dataclass(frozen=True, slots=True)
class Spans:
    """How a history is divided, in sessions.

    Attributes
    ----------
    train : of the first training; later ones begin at the same session and end later
    step : between one training and the next
    vault : at the end of the history, never looked at until it is opened
    embargo : left out between training and test, beyond the purge
    """

    train: int = 1260
    step: int = 63
    vault: int = 378
    embargo: int = 10

    def __post_init__(self) -> None:
        """Refuse spans that cannot be."""
        if self.train < 1 or self.step < 1 or self.vault < 0 or self.embargo < 0:
            raise ConfigError("spans: train and step are at least 1, vault and embargo at least 0")

    def fitted(self, sessions: int) -> Spans:
        """The same proportions on a history that is too short for them.

        The history must hold the training, twice as much test as vault, and the vault.
        """
        whole = self.train + 2 * self.vault + self.vault
        share = min(1.0, sessions / whole)
        if share == 1.0:
            return self
        return replace(
            self,
            train=max(int(self.train * share), 1),
            step=max(min(self.step, int(self.vault * share / 2)), LEAST_STEP),
            vault=int(self.vault * share),
        )

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)


PROTOCOL = Spans()  # five years, a quarter, eighteen months, two weeks


@dataclass(frozen=True, slots=True)
class Fold:
    """One training and its test: sessions by position; the ends are not included."""

    train_end: int
    test: int
    test_end: int


def walk_forward(sessions: int, spans: Spans, horizon: int) -> list[Fold]:
    """Expanding folds over the sessions before the vault, and none whose labels reach into it.

    Raises
    ------
    ConfigError
        If not even one fold fits.

    Examples
    --------
    >>> walk_forward(106, Spans(train=40, step=20, vault=10, embargo=3), horizon=5)
    [Fold(train_end=40, test=49, test_end=69), Fold(train_end=60, test=69, test_end=89)]
    """
    end = sessions - spans.vault - (horizon + 1 if spans.vault else 0)
    gap = horizon + 1 + spans.embargo
    folds = []
    test = spans.train + gap
    while test + spans.step <= end:
        folds.append(Fold(test - gap, test, test + spans.step))
        test += spans.step
    if not folds:
        raise ConfigError(
            f"{sessions} sessions hold no fold of {spans.train} to learn from, {gap} left out, "
            f"{spans.step} to be judged on and a vault of {spans.vault}: bring in more history, "
            "or say shorter spans"
        )
    return folds


def combinatorial(
    sessions: int, n_folds: int, n_test: int, purge: int, embargo: int
) -> Iterator[tuple[IntArray, IntArray]]:
    """Every choice of `n_test` out of `n_folds` stretches as test; training is what is left.

    Around each stretch of test `purge` sessions are left out of the training on either side, and
    `embargo` more after it.

    References
    ----------
    López de Prado (2018), Advances in Financial Machine Learning, chapter 12.
    """
    stretches = np.array_split(np.arange(sessions), n_folds)
    for chosen in combinations(range(n_folds), n_test):
        test = np.concatenate([stretches[k] for k in chosen])
        free = np.ones(sessions, dtype=bool)
        free[test] = False
        for k in chosen:
            first, last = int(stretches[k][0]), int(stretches[k][-1])
            free[max(first - purge, 0) : first] = False
            free[last + 1 : last + 1 + purge + embargo] = False
        yield np.flatnonzero(free), test
