"""The card of a model: everything that must be known of it, measured and written down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np

from technic.data.store import StoreVersion
from technic.data.store.version import SIMULATED_NOTE
from technic.errors import ConfigError
from technic.indicators.kernel.codegen import digest as kernel_digest
from technic.market.sessions import nyse
from technic.research.forward_returns import survivors_only
from technic.research.learning.canary import Canary
from technic.research.learning.gate import ShipGate
from technic.research.learning.measures import measure_forecasts
from technic.research.learning.train_file import TrainFile
from technic.research.learning.training_walk import Walked
from technic.research.statistics.significance import YEAR
from technic.runtime.version import __version__
from technic.scanner.alpha.card import Card
from technic.scanner.alpha.model import Model


@dataclass(frozen=True, slots=True)
class FinalModel:
    """The model that is kept.

    Attributes
    ----------
    model : learned from everything before the vault, up to a gap
    train_end : the position of the session before which all it learned from lies
    """

    model: Model
    train_end: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is thought of a walk-forward.

    Attributes
    ----------
    gate : the verdict
    trials : how many distinct things were tried on the store, this one among them
    canaries : how each fared; empty if they were not run
    """

    gate: ShipGate
    trials: int
    canaries: tuple[Canary, ...]


def make_card(
    version: StoreVersion,
    file: TrainFile,
    walked: Walked,
    final: FinalModel,
    judgement: Judgement,
) -> Card:
    """Write the card of a model.

    Parameters
    ----------
    version : the state of the store that was learned from
    file : what was to be learned
    walked : what the same learner's forecasts were worth
    """
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


def measure_vault(walked: Walked, model: Model, trials: int, opened: int) -> dict[str, Any]:
    """Measure the final model on the sessions kept back; says how often somebody has looked before.

    Parameters
    ----------
    trials : how many distinct things were tried on the store; deflates Sharpe ratios
    opened : how often the vault was opened before

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
    if version.is_simulated:
        notes.append(SIMULATED_NOTE)
    if not (samples.groups["size"][1] >= 0).any():
        notes.append("no market value was known: nothing is said by size")
    return tuple(notes)
