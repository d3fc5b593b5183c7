"""From a store to a model with its evidence: learned, judged, carded and registered.

1. `dataset` reads or computes the samples.
2. `walk_forward` divides the history; what is too short is divided in the same proportions.
3. `walk` lets the model, the ridge and the baselines forecast, each session by a model that could
   not know it, and `measure_forecasts` holds the forecasts against what came after.
4. `_final` lets the model that is kept learn from everything before the vault, up to a last gap.
5. `verdict` holds it against the gate; `trials` counts what was ever tried on this store.
6. `_card` writes down everything that must be known of it; `record_trial` and `keep_model`
   register it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import numpy as np

from technic.data.store import Store, StoreVersion
from technic.errors import ConfigError, StoreError
from technic.indicators.kernel.codegen import digest as kernel_digest
from technic.market.sessions import nyse
from technic.research.forward_returns import survivors_only
from technic.research.learning.canaries import Canary
from technic.research.learning.dataset import dataset
from technic.research.learning.folds import PROTOCOL, Fold, Spans, walk_forward
from technic.research.learning.gate import TESTED, GateCase, ShipGate, judge
from technic.research.learning.measures import Measured, measure_forecasts
from technic.research.learning.store_canaries import CanarySubject, run_store_canaries
from technic.research.learning.train_file import TrainFile
from technic.research.learning.walk_forward import Learner, forecasts
from technic.research.statistics.significance import YEAR
from technic.research.trials import distinct_trials, record_trial, trials
from technic.runtime.executors import Progress, quiet
from technic.runtime.settings import Settings
from technic.runtime.version import __version__
from technic.scanner.alpha.card import Card
from technic.scanner.alpha.model import Model
from technic.scanner.alpha.registry import keep_model
from technic.scanner.alpha.ridge import RidgeLearner
from technic.scanner.alpha.samples import Float32, Samples


@dataclass(frozen=True, slots=True)
class Trained:
    """What came out of a training.

    Attributes
    ----------
    card : everything that must be known of the model, which is registered under `card.sha256`
    gate : whether its forecasts have earned a place in ratings, and if not why
    trial : the number of this training in the table of trials
    """

    card: Card
    gate: ShipGate
    trial: int

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        card = self.card
        return {
            "gate": self.gate.as_dict(),
            "model": card.sha256,
            "trial": self.trial,
            "name": card.name,
            "kind": card.kind,
            "label": card.label,
            "horizon": card.horizon,
            "trained_from": card.trained_from,
            "trained_to": card.trained_to,
            "usable_from": card.usable_from,
            "trials": card.trials,
            "spans": dict(card.spans),
            "result": dict(card.result),
            "survivors": dict(card.survivors),
            "sensitivity": dict(card.sensitivity),
            "canaries": list(card.canaries),
            "vault": card.vault,
            "notes": list(card.notes),
            "simulated": card.simulated,
            "store_version": card.store_version,
        }


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


@dataclass(frozen=True, slots=True)
class _FinalModel:
    """The model that is kept, and the session before which all it learned from lies."""

    model: Model
    train_end: int


@dataclass(frozen=True, slots=True)
class _Judgement:
    """What is thought of a walk-forward, after how many trials, and how the canaries fared."""

    gate: ShipGate
    trials: int
    canaries: tuple[Canary, ...]


def train(
    store: Store,
    file: TrainFile | None = None,
    *,
    canaries: bool = False,
    open_vault: bool = False,
    settings: Settings | None = None,
    progress: Progress = quiet,
) -> Trained:
    """Train a model that forecasts returns, judge it, and register it; the newest one forecasts.

    Parameters
    ----------
    store : where the bars lie, as `open_store` gives it
    file : what is learned and from what; the training file of the package by default
    canaries : look for leaks too, in full; without it the gate stays shut
    open_vault : judge the model on the sessions kept back as well; each time is recorded, and the
        card tells it
    settings : folders and numbers of threads; those of the user by default
    progress : is told how far the work is

    Returns
    -------
    Trained
        The model's card, the gate's verdict and the number of the trial.

    Raises
    ------
    StoreError
        If the store holds too little.
    ConfigError
        If the spans leave no fold, or XGBoost is not installed.

    Examples
    --------
    >>> import technic as tc
    >>> from technic.data.simulated import simulate
    >>> from technic.research.learning.train_file import TrainFile
    >>> from tempfile import TemporaryDirectory
    >>> folder = TemporaryDirectory()
    >>> store = tc.open_store(folder.name)
    >>> market = simulate(seed=1, size=60, sessions=160)
    >>> _ = store.import_bars(market.bars, simulated=market.about)
    >>> content = {"model": "ridge", "features": ["ret(5)"], "baselines": [], "universe": ""}
    >>> tc.train(store, TrainFile.of(content, "small")).gate.reason
    'span'
    >>> folder.cleanup()
    """
    settings = settings or Settings.load()
    file = file or TrainFile.read()
    version = store.require()
    learner = learner_of(file, settings)
    samples = dataset(store, file, settings, progress)
    walked = walk(samples, file, learner, progress)
    final = _final(walked, file, learner, progress)
    judgement = _judge(store, file, walked, learner, settings, progress, canaries=canaries)
    card = _card(version, file, walked, final, judgement)
    if open_vault:
        opened = len(trials(store, "vault"))
        card = replace(card, vault=_vault(walked, final.model, judgement.trials, opened))
    now = datetime.now(UTC)
    gate = judgement.gate
    content = {"spec": file.as_dict(), "gate": gate.as_dict(), "ic": card.result["model"]["ic"]}
    number = record_trial(store, "train", file.digest, file.name, content, now, card.sha256)
    if open_vault:
        record_trial(store, "vault", file.digest, file.name, card.vault or {}, now, card.sha256)
    keep_model(store, card, final.model.content(), now)
    return Trained(card, gate, number)


def _judge(
    store: Store,
    file: TrainFile,
    walked: Walked,
    learner: Learner,
    settings: Settings,
    progress: Progress,
    *,
    canaries: bool,
) -> _Judgement:
    """Step 5, and the canaries if they are asked for."""
    results: tuple[Canary, ...] = ()
    if canaries:
        subject = CanarySubject(file, walked.samples, learner, walked.spans)
        results = run_store_canaries(store, subject, settings, progress)
    tried = distinct_trials(store, "train", with_digest=file.digest)
    green = all(canary.passed for canary in results) if results else None
    return _Judgement(verdict(walked, file, tried, green), tried, results)


def learner_of(file: TrainFile, settings: Settings) -> Learner:
    """The learner that a training file asks for."""
    if file.model == "ridge":
        return RidgeLearner(strength=float(file.parameters["strength"]))
    from technic.research.learning.boosted_learner import BoostedLearner  # an optional dependency

    parameters: dict[str, Any] = dict(file.parameters)
    return BoostedLearner(**parameters, threads=settings.threads or 0)


def walk(samples: Samples, file: TrainFile, learner: Learner, progress: Progress) -> Walked:
    """Steps 2 and 3: forecast every test, and measure the forecasts."""
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


def verdict(
    walked: Walked,
    file: TrainFile,
    trials: int,
    canaries: bool | None,
    protocol: Spans = PROTOCOL,
    tested: int = TESTED,
) -> ShipGate:
    """The gate's verdict on a walk-forward.

    Parameters
    ----------
    trials : how many distinct things were tried on the store
    canaries : whether all of them were green; None if they were not run
    protocol, tested : the spans and the sessions of test that must be reached
    """
    case = GateCase(
        walked.model,
        walked.rivals,
        walked.measures.get("ridge"),
        walked.spans,
        trials,
        canaries,
    )
    needed = replace(protocol, embargo=max(protocol.embargo, file.horizon))
    return judge(case, needed, tested)


def _final(walked: Walked, file: TrainFile, learner: Learner, progress: Progress) -> _FinalModel:
    """Step 4: learn from everything before the vault, up to a last gap."""
    samples, spans = walked.samples, walked.spans
    gap = file.horizon + 1 + spans.embargo
    end = len(samples) - max(spans.vault, 1) - gap
    if end < 1:
        raise StoreError(f"{len(samples)} sessions leave nothing to learn from")
    progress(len(walked.folds), len(walked.folds), "the model that is kept")
    training = samples.until(end)
    model = learner.fit(samples.features, samples.x[training], samples.label[training], 0)
    return _FinalModel(model, end)


def _card(
    version: StoreVersion,
    file: TrainFile,
    walked: Walked,
    final: _FinalModel,
    judgement: _Judgement,
) -> Card:
    samples, end = walked.samples, final.train_end
    usable = int(samples.ordinals[end - 1]) + file.horizon + 1 + walked.spans.embargo
    return Card(
        sha256=sha256(final.model.content()).hexdigest(),
        name=file.name,
        kind=file.model,
        features=samples.features,
        kernel=kernel_digest(),
        universe=file.universe,
        horizon=file.horizon,
        demean=file.demean,
        delisting=file.delisting,
        trained_from=_day(samples.ordinals[0]),
        trained_to=_day(samples.ordinals[end - 1]),
        usable_from=_day(usable),
        max_age=file.max_age + walked.spans.vault,
        members=float(np.diff(samples.bounds[: end + 1])[-min(end, YEAR) :].mean()),
        simulated=version.simulated is not None,
        adjustment=version.adjustment,
        store_version=version.name,
        store_identity=version.identity,
        spec=file.digest,
        seeds=tuple(range(file.seeds)),
        trials=judgement.trials,
        parameters=file.parameters,
        spans=_spans(walked, file),
        result=_results(walked, judgement.trials),
        gate=judgement.gate.as_dict(),
        canaries=tuple(canary.as_dict() for canary in judgement.canaries),
        survivors=_survivors(walked),
        sensitivity=_sensitivity(walked, file),
        notes=_notes(walked, version),
        made_with=f"technic {__version__}",
    )


def _spans(walked: Walked, file: TrainFile) -> dict[str, Any]:
    """How the history was divided, and how it was asked to be; sessions."""
    ordinals = walked.model.ordinals
    return {
        **walked.spans.as_dict(),
        "asked": file.spans.as_dict(),
        "folds": len(walked.folds),
        "sessions": len(walked.samples),
        "tested": len(ordinals),
        "tested_from": _day(ordinals[0]),
        "tested_to": _day(ordinals[-1]),
    }


def _results(walked: Walked, trials: int) -> dict[str, Any]:
    """Everything measured, by forecast; and how much chance there is in a seed."""
    results: dict[str, Any] = {
        name: measure.summary(trials) for name, measure in walked.measures.items()
    }
    if walked.by_seed:
        results["seeds"] = {"ic": walked.by_seed, "sd": float(np.std(walked.by_seed))}
    return results


def _day(ordinal: int) -> str:
    return nyse().day(int(ordinal)).isoformat()


def _survivors(walked: Walked) -> dict[str, Any]:
    """Measure the same forecast among names that never vanish, and what that flatters it by."""
    samples = walked.samples
    assert samples.vanish is not None
    gone = samples.vanish[samples.symbols]
    only = np.where(gone, np.float32(np.nan), walked.scores["model"])
    first, last = walked.folds[0].test, walked.folds[-1].test_end
    survivors = measure_forecasts(samples, {"model": only}, first, last)["model"]
    every, those = float(np.nanmean(walked.model.ic)), float(np.nanmean(survivors.ic))
    tested = slice(int(samples.bounds[first]), int(samples.bounds[last]))
    return {
        "ic": those,
        "difference": those - every,
        "share_vanishing": float(gone[tested].mean()),
    }


def _sensitivity(walked: Walked, file: TrainFile) -> dict[str, Any]:
    """The rank IC of the same forecasts, had the names that vanish returned something else."""
    samples, ics = walked.samples, {f"{file.delisting:+.0%}": float(np.nanmean(walked.model.ic))}
    first, last = walked.folds[0].test, walked.folds[-1].test_end
    at = samples.horizons.index(samples.horizon)
    for delisting, returns in samples.imputed.items():
        forward = samples.forward.copy()
        forward[at] = returns
        other = replace(samples, forward=forward, groups={})
        ic = measure_forecasts(other, {"model": walked.scores["model"]}, first, last)["model"].ic
        ics[f"{delisting:+.0%}"] = float(np.nanmean(ic))
    return {"ic_by_delisting_return": ics}


def _vault(walked: Walked, model: Model, trials: int, opened: int) -> dict[str, Any]:
    """Measure the final model on the sessions kept back; says how often somebody has looked before.

    Raises
    ------
    ConfigError
        If no session was kept back.
    """
    samples, first = walked.samples, len(walked.samples) - walked.spans.vault
    if not walked.spans.vault:
        raise ConfigError("the spans keep back no vault that could be opened")
    rows = slice(int(samples.bounds[first]), samples.n_rows)
    score = np.full(samples.n_rows, np.nan, dtype=np.float32)
    score[rows] = model.predict(samples.x[rows])
    measure = measure_forecasts(samples, {"model": score}, first, len(samples))["model"]
    return {
        "from": _day(samples.ordinals[first]),
        "opened_before": opened,
        **measure.summary(trials),
    }


def _notes(walked: Walked, version: StoreVersion) -> tuple[str, ...]:
    samples = walked.samples
    assert samples.vanish is not None
    notes = survivors_only(samples.vanish, len(samples))
    if version.adjustment == "splits":
        notes.append("prices were adjusted by the vendor, with splits that came later")
    if version.simulated is not None:
        notes.append("this market is simulated: its figures say nothing about a real one")
    if not (samples.groups["size"][1] >= 0).any():
        notes.append("no market value was known: nothing is said by size")
    return tuple(notes)
