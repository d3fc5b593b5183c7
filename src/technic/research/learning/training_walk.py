"""The walk-forward of a training: what was forecast of each test, and what that was worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from technic.research.learning.folds import Fold, Spans, walk_forward
from technic.research.learning.measures import Measured, measure_forecasts
from technic.research.learning.train_file import TrainFile
from technic.research.learning.walk_forward import Learner, forecasts
from technic.runtime.executors import Progress
from technic.scanner.alpha.ridge import RidgeLearner
from technic.scanner.alpha.samples import Float32, Samples


@dataclass(frozen=True, slots=True)
class Walked:
    """A walk-forward: what was forecast of each test, and what that was worth.

    Attributes
    ----------
    samples : what was learned from
    folds : trainings and tests, ascending
    spans : how the history was divided
    scores : forecasts by name ("model", "ridge", baselines); float32, shape (n_rows,), NaN where
        nothing was forecast
    measures : what each forecast was worth, by the same names
    by_seed : the mean rank IC of the model by seed; empty if there is only one
    """

    samples: Samples
    folds: list[Fold]
    spans: Spans
    scores: Mapping[str, Float32]
    measures: Mapping[str, Measured]
    by_seed: tuple[float, ...]

    @property
    def model(self) -> Measured:
        """What the model's forecasts were worth."""
        return self.measures["model"]

    @property
    def rivals(self) -> list[Measured]:
        """What all other forecasts were worth."""
        return [measure for name, measure in self.measures.items() if name != "model"]


def walk(samples: Samples, file: TrainFile, learner: Learner, progress: Progress) -> Walked:
    """Forecast every test of a history, and measure the forecasts.

    Parameters
    ----------
    file : how the history is divided, and which baselines stand beside the model
    learner : what the model is learned by, once for each fold and seed
    progress : is told how far the work is
    """
    spans = file.spans.fitted(len(samples))
    folds = walk_forward(len(samples), spans, file.horizon)
    scores: dict[str, Float32] = {}
    first, last = folds[0].test, folds[-1].test_end
    by_seed = []
    for seed in range(file.seeds):
        score = forecasts(samples, learner, folds, seed, progress)
        scores.setdefault("model", score)
        if file.seeds > 1:
            measure = measure_forecasts(samples, {"model": score}, first, last)["model"]
            by_seed.append(float(np.nanmean(measure.ic)))
    if file.model != "ridge":
        scores["ridge"] = forecasts(samples, RidgeLearner(), folds, 0, progress)
    for text in file.baselines:
        sign, name = (-1.0, text[1:]) if text.startswith("-") else (1.0, text)
        scores[text] = sign * samples.x[:, samples.features.index(name)]
    progress(len(folds), len(folds), "judging")
    measures = measure_forecasts(samples, scores, first, last)
    return Walked(samples, folds, spans, scores, measures, tuple(by_seed))
