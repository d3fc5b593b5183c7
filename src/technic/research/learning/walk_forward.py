"""Walk-forward forecasts: each is of a session that its model could not know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from technic.research.learning.folds import Fold
from technic.scanner.alpha.model import Model
from technic.scanner.alpha.samples import Float32, Samples

Progress = Callable[[int, int, str], None]


class Learner(Protocol):
    """What learns a model from samples."""

    @property
    def name(self) -> str:
        """The kind of model: "ridge" or "xgboost"."""
        ...

    def fit(self, features: tuple[str, ...], x: Float32, label: Float32, seed: int) -> Model:
        """Learn a model from the rows whose label is known.

        Parameters
        ----------
        features : names of the columns of `x`
        x : float32, shape (n_rows, n_features); ranks in −0.5 … 0.5, NaN is unknown
        label : float32, shape (n_rows,); standard deviations, NaN is unknown
        seed : of whatever is random in it; the same seed learns the same model
        """
        ...


def forecasts(
    samples: Samples,
    learner: Learner,
    folds: Sequence[Fold],
    seed: int,
    progress: Progress = lambda _done, _total, _what: None,
) -> Float32:
    """Forecast every test of some folds, each by a model that learned from the sessions before it.

    Parameters
    ----------
    folds : trainings and tests, ascending
    seed : of whatever is random in learning
    progress : is told how far the work is

    Returns
    -------
    ndarray
        float32, shape (n_rows,); NaN for rows of no test.
    """
    out = np.full(samples.n_rows, np.nan, dtype=np.float32)
    for k, fold in enumerate(folds):
        progress(k, len(folds), f"{learner.name}, fold {k + 1} of {len(folds)}")
        training = samples.until(fold.train_end)
        model = learner.fit(samples.features, samples.x[training], samples.label[training], seed)
        test = slice(int(samples.bounds[fold.test]), int(samples.bounds[fold.test_end]))
        out[test] = model.predict(samples.x[test])
    return out
