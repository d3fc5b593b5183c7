"""From a store to a model with its evidence: learned, judged, carded and registered.

1. `dataset` reads or computes the samples.
2. `walk_forward` divides the history; what is too short is divided in the same proportions.
3. `walk` lets the model, the ridge and the baselines forecast, each session by a model that could
   not know it, and `measure_forecasts` holds the forecasts against what came after.
4. `_final` lets the model that is kept learn from everything before the vault, up to a last gap.
5. `verdict` holds it against the gate; `trials` counts what was ever tried on this store.
6. `make_card` writes down everything that must be known of it; `record_trial` and `keep_model`
   register it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from technic.data.store import Store
from technic.errors import StoreError
from technic.research.learning.canary import Canary
from technic.research.learning.dataset import dataset
from technic.research.learning.folds import PROTOCOL, Spans
from technic.research.learning.gate import TESTED, GateCase, ShipGate, judge
from technic.research.learning.store_canaries import CanarySubject, run_store_canaries
from technic.research.learning.train_file import TrainFile
from technic.research.learning.training_card import FinalModel, Judgement, make_card, measure_vault
from technic.research.learning.training_walk import Walked, walk
from technic.research.learning.walk_forward import Learner
from technic.research.trials import distinct_trials, record_trial, trials
from technic.runtime.executors import Progress, quiet
from technic.runtime.settings import Settings
from technic.scanner.alpha.card import Card
from technic.scanner.alpha.registry import keep_model
from technic.scanner.alpha.ridge import RidgeLearner


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
    card = make_card(version, file, walked, final, judgement)
    if open_vault:
        opened = len(trials(store, "vault"))
        card = replace(card, vault=measure_vault(walked, final.model, judgement.trials, opened))
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
) -> Judgement:
    """Step 5, and the canaries if they are asked for."""
    results: tuple[Canary, ...] = ()
    if canaries:
        subject = CanarySubject(file, walked.samples, learner, walked.spans)
        results = run_store_canaries(store, subject, settings, progress)
    count = distinct_trials(store, "train", with_digest=file.digest)
    green = all(canary.passed for canary in results) if results else None
    return Judgement(verdict(walked, file, count, green), count, results)


def learner_of(file: TrainFile, settings: Settings) -> Learner:
    """The learner that a training file asks for."""
    if file.model == "ridge":
        return RidgeLearner(strength=float(file.parameters["strength"]))
    from technic.research.learning.boosted_learner import BoostedLearner  # an optional dependency

    parameters: dict[str, Any] = dict(file.parameters)
    return BoostedLearner(**parameters, threads=settings.threads or 0)


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


def _final(walked: Walked, file: TrainFile, learner: Learner, progress: Progress) -> FinalModel:
    """Step 4: learn from everything before the vault, up to a last gap."""
    samples, spans = walked.samples, walked.spans
    gap = file.horizon + 1 + spans.embargo
    end = len(samples) - max(spans.vault, 1) - gap
    if end < 1:
        raise StoreError(f"{len(samples)} sessions leave nothing to learn from")
    progress(len(walked.folds), len(walked.folds), "the model that is kept")
    training = samples.until(end)
    model = learner.fit(samples.features, samples.x[training], samples.label[training], 0)
    return FinalModel(model, end)
