"""From a store to a model with its evidence: learned, judged, carded and registered.

1. `dataset.dataset` makes or finds the samples.
2. `alpha.folds` divides the history; what is too short is divided in the same proportions.
3. `walk` lets the model, the ridge and the baselines forecast: each forecast is of a session that
   its model could not know.
4. `alpha.measuring` and `alpha.gate` judge; `trials` counts what was ever tried on this store.
5. The model that is kept learns from everything before the vault, up to a last gap.
6. `trials.record_trial` and `models.keep_model` register it with its card.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import numpy as np

from technic.data.store import Store, StoreVersion
from technic.data.store.version import SIMULATED_NOTE
from technic.errors import ConfigError, StoreError
from technic.indicators.kernel.codegen import digest as kernel_digest
from technic.market.sessions import nyse
from technic.research.forward_returns import survivors_only
from technic.research.learning.canaries import Canary
from technic.research.learning.dataset import dataset
from technic.research.learning.folds import PROTOCOL, Fold, Spans, walk_forward
from technic.research.learning.gate import TESTED, ShipGate, judge
from technic.research.learning.measures import Measured, measured
from technic.research.learning.store_canaries import run_store_canaries
from technic.research.learning.train_file import TrainFile
from technic.research.learning.walk_forward import Learner, forecasts
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
    """What a training made.

    Attributes
    ----------
    card : everything that must be known of the model, which is registered under `card.sha256`
    trial : its number in the table of trials
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
    """A walk-forward: what was forecast of each test, and how it is judged."""

    samples: Samples
    folds: list[Fold]
    spans: Spans
    scores: Mapping[str, Float32]
    found: Mapping[str, Measured]
    by_seed: tuple[float, ...]

    @property
    def model(self) -> Measured:
        """Of the model itself."""
        return self.found["model"]

    @property
    def rivals(self) -> list[Measured]:
        """Of everything else."""
        return [found for name, found in self.found.items() if name != "model"]


def train(
    store: Store,
    file: TrainFile | None = None,
    *,
    canaries: bool = False,
    open_vault: bool = False,
    settings: Settings | None = None,
    progress: Progress = quiet,
) -> Trained:
    """Learn, judge, card and register one model; the newest one forecasts.

    Parameters
    ----------
    canaries : look for leaks too, in full; without it the gate stays shut
    open_vault : judge the kept model on the vault as well; each time is logged, and told by the card

    Raises
    ------
    StoreError
        If the store holds too little.
    ConfigError
        If the spans leave no fold, or XGBoost is not installed.
    """
    settings = settings or Settings.load()
    file = file or TrainFile.read()
    version = store.require()
    learner = learner_of(file, settings)
    samples = dataset(store, file, settings, progress)
    walked = walk(samples, file, learner, progress)
    model, train_end = _final(walked, file, learner, progress)
    sung: tuple[Canary, ...] = ()
    if canaries:
        sung = run_store_canaries(store, file, samples, learner, walked.spans, settings, progress)
    tried = distinct_trials(store, "train", with_digest=file.digest)
    green = all(one.passed for one in sung) if sung else None
    gate = verdict(walked, file, tried, green)
    card = _card(version, file, walked, model, train_end, gate, tried, sung)
    if open_vault:
        card = replace(card, vault=_vault(walked, model, tried, len(trials(store, "vault"))))
    now = datetime.now(UTC)
    content = {"spec": file.as_dict(), "gate": gate.as_dict(), "ic": card.result["model"]["ic"]}
    number = record_trial(store, "train", file.digest, file.name, content, now, card.sha256)
    if open_vault:
        record_trial(store, "vault", file.digest, file.name, card.vault or {}, now, card.sha256)
    keep_model(store, card, model.content(), now)
    return Trained(card, gate, number)


def learner_of(file: TrainFile, settings: Settings) -> Learner:
    """What learns, as a training file says it."""
    if file.model == "ridge":
        return RidgeLearner(strength=float(file.parameters["strength"]))
    from technic.research.learning.boosted_learner import BoostedLearner  # an optional dependency

    parameters: dict[str, Any] = dict(file.parameters)
    return BoostedLearner(**parameters, threads=settings.threads or 0)


def walk(samples: Samples, file: TrainFile, learner: Learner, progress: Progress) -> Walked:
    """Steps 2 to 4."""
    spans = file.spans.fitted(len(samples))
    folds = walk_forward(len(samples), spans, file.horizon)
    scores: dict[str, Float32] = {}
    first, last = folds[0].test, folds[-1].test_end
    by_seed = []
    for seed in range(file.seeds):
        made = forecasts(samples, learner, folds, seed, progress)
        scores.setdefault("model", made)
        if file.seeds > 1:
            found = measured(samples, {"model": made}, first, last)["model"]
            by_seed.append(float(np.nanmean(found.ic)))
    if file.model != "ridge":
        scores["ridge"] = forecasts(samples, RidgeLearner(), folds, 0, progress)
    for text in file.baselines:
        sign, name = (-1.0, text[1:]) if text.startswith("-") else (1.0, text)
        scores[text] = sign * samples.x[:, samples.features.index(name)]
    progress(len(folds), len(folds), "judging")
    found_all = measured(samples, scores, first, last)
    return Walked(samples, folds, spans, scores, found_all, tuple(by_seed))


def verdict(
    walked: Walked,
    file: TrainFile,
    trials: int,
    canaries: bool | None,
    protocol: Spans = PROTOCOL,
    tested: int = TESTED,
) -> ShipGate:
    """The gate of a walk-forward."""
    return judge(
        walked.model,
        walked.rivals,
        walked.found.get("ridge"),
        walked.spans,
        trials,
        canaries,
        replace(protocol, embargo=max(protocol.embargo, file.horizon)),
        tested,
    )


def _final(
    walked: Walked, file: TrainFile, learner: Learner, progress: Progress
) -> tuple[Model, int]:
    """The model that is kept, and the session before which all it learned from lies."""
    samples, spans = walked.samples, walked.spans
    gap = file.horizon + 1 + spans.embargo
    end = len(samples) - max(spans.vault, 1) - gap
    if end < 1:
        raise StoreError(f"{len(samples)} sessions leave nothing to learn from")
    progress(len(walked.folds), len(walked.folds), "the model that is kept")
    known = samples.until(end)
    return learner.fit(samples.features, samples.x[known], samples.label[known], 0), end


def _card(
    version: StoreVersion,
    file: TrainFile,
    walked: Walked,
    model: Model,
    end: int,
    gate: ShipGate,
    trials: int,
    sung: tuple[Canary, ...],
) -> Card:
    samples = walked.samples
    content = model.content()
    usable = int(samples.ordinals[end - 1]) + file.horizon + 1 + walked.spans.embargo
    return Card(
        sha256=sha256(content).hexdigest(),
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
        members=float(np.diff(samples.bounds[: end + 1])[-min(end, 252) :].mean()),
        simulated=version.simulated is not None,
        adjustment=version.adjustment,
        store_version=version.name,
        store_identity=version.identity,
        spec=file.digest,
        seeds=tuple(range(file.seeds)),
        trials=trials,
        parameters=file.parameters,
        spans={
            **walked.spans.as_dict(),
            "asked": file.spans.as_dict(),
            "folds": len(walked.folds),
            "sessions": len(samples),
            "tested": len(walked.model.ordinals),
            "tested_from": _day(walked.model.ordinals[0]),
            "tested_to": _day(walked.model.ordinals[-1]),
        },
        result={
            **{name: found.summary(trials) for name, found in walked.found.items()},
            **(
                {"seeds": {"ic": walked.by_seed, "sd": float(np.std(walked.by_seed))}}
                if walked.by_seed
                else {}
            ),
        },
        gate=gate.as_dict(),
        canaries=tuple(one.as_dict() for one in sung),
        survivors=_survivors(walked),
        sensitivity=_sensitivity(walked, file),
        notes=_notes(walked, version),
        made_with=f"technic {__version__}",
    )


def _day(ordinal: int) -> str:
    return nyse().day(int(ordinal)).isoformat()


def _survivors(walked: Walked) -> dict[str, Any]:
    """The same forecast among names that never vanish, and what that flatters it by."""
    samples = walked.samples
    assert samples.vanish is not None
    gone = samples.vanish[samples.symbols]
    only = np.where(gone, np.float32(np.nan), walked.scores["model"])
    first, last = walked.folds[0].test, walked.folds[-1].test_end
    found = measured(samples, {"model": only}, first, last)["model"]
    every, those = float(np.nanmean(walked.model.ic)), float(np.nanmean(found.ic))
    tested = slice(int(samples.bounds[first]), int(samples.bounds[last]))
    return {
        "ic": those,
        "difference": those - every,
        "share_vanishing": float(gone[tested].mean()),
    }


def _sensitivity(walked: Walked, file: TrainFile) -> dict[str, Any]:
    """The rank IC of the same forecasts, had the names that vanish returned something else."""
    samples, found = walked.samples, {f"{file.delisting:+.0%}": float(np.nanmean(walked.model.ic))}
    first, last = walked.folds[0].test, walked.folds[-1].test_end
    at = samples.horizons.index(samples.horizon)
    for delisting, returns in samples.imputed.items():
        forward = samples.forward.copy()
        forward[at] = returns
        other = replace(samples, forward=forward, groups={})
        ic = measured(other, {"model": walked.scores["model"]}, first, last)["model"].ic
        found[f"{delisting:+.0%}"] = float(np.nanmean(ic))
    return {"ic_by_delisting_return": found}


def _vault(walked: Walked, model: Model, tried: int, opened: int) -> dict[str, Any]:
    """The kept model on the sessions kept back, and how often somebody has looked before.

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
    found = measured(samples, {"model": score}, first, len(samples))["model"]
    return {"from": _day(samples.ordinals[first]), "opened_before": opened, **found.summary(tried)}


def _notes(walked: Walked, version: StoreVersion) -> tuple[str, ...]:
    samples = walked.samples
    assert samples.vanish is not None
    notes = survivors_only(samples.vanish, len(samples))
    if version.adjustment == "splits":
        notes.append("prices were adjusted by the vendor, with splits that came later")
    if version.is_simulated:
        notes.append(SIMULATED_NOTE)
    if not (samples.groups["size"][1] >= 0).any():
        notes.append("no market value was known: nothing is said by size")
    return tuple(notes)
