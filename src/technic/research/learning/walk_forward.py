"""Learning and judging, by date: every forecast is of a session that its model could not know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from technic.research.learning.folds import Fold
from technic.scanner.alpha.model import Model
from technic.scanner.alpha.samples import Float32, Samples

Progress = Callable[[int, int, str], None]


class Learner(Protocol):
    """What makes models."""

    @property
    def name(self) -> str:
        """The kind of model: ridge, xgboost."""
        ...

    def fit(self, features: tuple[str, ...], x: Float32, label: Float32, seed: int) -> Model:
        """A model of the rows whose label is known."""
        ...


def forecasts(
    samples: Samples,
    learner: Learner,
    folds: Sequence[Fold],
    seed: int,
    progress: Progress = lambda _done, _total, _what: None,
) -> Float32:
    """A forecast for every row of every test; NaN for all other rows."""
    out = np.full(samples.n_rows, np.nan, dtype=np.float32)
    for k, fold in enumerate(folds):
        progress(k, len(folds), f"{learner.name}, fold {k + 1} of {len(folds)}")
        known = samples.until(fold.train_end)
        model = learner.fit(samples.features, samples.x[known], samples.label[known], seed)
        test = slice(int(samples.bounds[fold.test]), int(samples.bounds[fold.test_end]))
        out[test] = model.predict(samples.x[test])
    return out
