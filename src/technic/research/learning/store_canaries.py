"""All canaries of a training: those of `canaries` and `world_canaries`, and the two that need a store.

C1   features at random points, once more without their future: the same bits
C12  what a model is given in a scan is what it learned from: the same bits
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from technic.compute.benchmark import benchmark_closes
from technic.data.store import Store
from technic.indicators.kernel.run import evaluate
from technic.market.sessions import nyse
from technic.query.series import single_series
from technic.research.learning import canaries, world_canaries
from technic.research.learning.canary import Canary
from technic.research.learning.folds import Spans, walk_forward
from technic.research.learning.train_file import TrainFile
from technic.research.learning.walk_forward import Learner, forecasts
from technic.runtime.executors import Progress
from technic.runtime.settings import Settings
from technic.scanner.alpha.samples import Samples
from technic.scanner.columns.attributes import Attributes
from technic.scanner.columns.model_forecast import members_of, rows_of

POINTS = 100_000
SESSIONS = 6  # on which training and serving are compared
WORLDS = 200
BATCH = 8  # features whose whole histories are held at once


@dataclass(frozen=True, slots=True)
class CanarySubject:
    """The training that the canaries look at.

    Attributes
    ----------
    file : what is learned
    samples : what it is learned from
    learner : what learns
    spans : how the history is divided
    """

    file: TrainFile
    samples: Samples
    learner: Learner
    spans: Spans


def run_store_canaries(
    store: Store,
    subject: CanarySubject,
    settings: Settings,
    progress: Progress,
    *,
    worlds: int = WORLDS,
    points: int = POINTS,
) -> tuple[Canary, ...]:
    """Try every canary, C1 to C12.

    Parameters
    ----------
    worlds : random walks that the gate is shown
    points : symbols and sessions at which features are computed without their future
    """
    file, samples, learner = subject.file, subject.samples, subject.learner
    folds = walk_forward(len(samples), subject.spans, file.horizon)
    results: list[Canary] = []

    def note(canary: Canary) -> None:
        results.append(canary)
        progress(len(results), 12, f"canary {canary.name}")

    note(truncated_histories(store, file, settings, points))
    note(canaries.shuffled_labels(samples, folds))
    note(canaries.knows_label(samples, folds))
    score = forecasts(samples, learner, folds, 0)
    note(canaries.late_forecasts(samples, score, folds))
    note(canaries.longer_embargo(samples, subject.spans))
    note(world_canaries.random_walks(worlds, progress))
    note(world_canaries.planted_worlds(max(worlds, 200)))
    note(canaries.noise_columns(samples, learner, folds))
    note(canaries.names_and_dates(samples, learner, folds))
    note(canaries.differing_forecasts(samples, score, folds))
    note(canaries.membership(samples, np.arange(samples.next_return.shape[1])))
    note(served_rows(store, file, samples, settings))
    return tuple(results)


def truncated_histories(
    store: Store, file: TrainFile, settings: Settings, points: int = POINTS
) -> Canary:
    """C1: compute every feature at random symbols and sessions with all later bars taken away.

    Parameters
    ----------
    file : names the features
    points : about how many symbols and sessions are tried
    """
    view = store.panel(None, version=store.require())
    panel, closes = view.panel, benchmark_closes(view, "market")
    rng = np.random.default_rng(1)
    chosen = np.flatnonzero(panel.lengths > 1)
    panel = panel.select(chosen)
    rounds = -(-points // max(len(panel), 1))
    cuts = [rng.integers(1, panel.lengths + 1) for _ in range(rounds)]
    starts = np.cumsum(panel.lengths) - panel.lengths
    series = single_series(file.features)
    changed = compared = 0
    for k in range(0, len(series), BATCH):
        batch = series[k : k + BATCH]
        whole = evaluate(batch, panel, settings.kernels, benchmark=closes, every_bar=True)
        for lengths in cuts:
            cut = replace(panel, lengths=lengths)
            last = evaluate(batch, cut, settings.kernels, benchmark=closes)
            then = whole[:, starts + lengths - 1]
            # Bits, not values: a difference in the last digit is a difference in what was read.
            differs = last.view(np.int64) != then.view(np.int64)
            changed += int(differs[~(np.isnan(last) & np.isnan(then))].sum())
            compared += last.size
    n = rounds * len(panel)
    words = f"{len(series)} features at {n:,} points without their future: {changed} of {compared:,} values change"
    return Canary("C1", changed == 0, float(changed), words)


def served_rows(store: Store, file: TrainFile, samples: Samples, settings: Settings) -> Canary:
    """C12: hold what a model learned from against what a scan of that session would give it.

    Parameters
    ----------
    samples : what was learned from; some sessions of it are compared, bit for bit
    settings : caches are left aside
    """
    version = store.require()
    newest = store.panel(None, version=version)
    plain = settings.uncached()
    chosen = np.unique(np.linspace(len(samples) // 4, len(samples) - 1, SESSIONS).astype(int))
    different = compared = strangers = 0
    for session in chosen:
        day = nyse().day(int(samples.ordinals[session]))
        view = store.panel(None if day == version.last else day, version=version)
        inside = members_of(file.universe, view, plain, Attributes(store, view, plain))
        rows = samples.rows(int(session))
        learned = newest.panel.security_ids[samples.symbols[rows]]
        scanned = view.panel.security_ids[inside]
        strangers += len(set(learned.tolist()) ^ set(scanned.tolist()))
        x = rows_of(samples.features, view, plain, inside)
        common, in_scan, in_samples = np.intersect1d(scanned, learned, return_indices=True)
        given, learned_x = x[in_scan], samples.x[rows][in_samples]
        same = (given.view(np.int32) == learned_x.view(np.int32)) | (
            np.isnan(given) & np.isnan(learned_x)
        )
        different += int((~same).sum())
        compared += len(common) * x.shape[1]
    words = (
        f"{len(chosen)} sessions as they were learned and as they are asked: {different} of "
        f"{compared:,} values differ, {strangers} symbols are in one only"
    )
    return Canary("C12", different == 0 and strangers == 0, float(different), words)
