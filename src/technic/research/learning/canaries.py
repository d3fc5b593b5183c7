"""Canaries: what must not happen if a forecast is honest, each tried and counted.

    C2   labels dealt anew within each session: nothing is left to learn
    C3   a feature that knows the label: it is seen for what it is, and judged a leak
    C4   forecasts a session late: worth a little less, not nothing
    C5   a longer embargo: worth the same
    C8   columns of noise: none is among the most important
    C9   names and dates alone: worth nothing
    C10  forecasts are not all the same
    C11  who is in the universe does not tell who will vanish

C6 and C7 make their own worlds, see `world_canaries`; C1 and C12 need a store, see
`store_canaries`. Each function tries one. They all take the `samples` of a training and its
`folds`; a `score` is a forecast of every row, float32, NaN where nothing was forecast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite, sqrt

import numpy as np

from technic.market.typing import FloatArray, IntArray
from technic.research.learning.books import block_of
from technic.research.learning.canary import Canary
from technic.research.learning.folds import Fold, Spans, walk_forward
from technic.research.learning.measures import Measured, measure_forecasts
from technic.research.learning.synthetic_worlds import (
    lag_score,
    planted_score,
    shuffle_within_sessions,
)
from technic.research.learning.walk_forward import Learner, forecasts
from technic.research.statistics.bootstrap import interval
from technic.scanner.alpha.ridge import RidgeLearner
from technic.scanner.alpha.samples import Float32, Samples

LAGS = (1, 2, 5)
EMBARGOES = (0, 5, 10, 20, 40, 60)
HALF = 0.5
JUDGED = 50_000  # rows on which importance is measured


def mean_ic(samples: Samples, score: Float32, folds: Sequence[Fold]) -> Measured:
    """Measure a score on the tests of some folds."""
    return measure_forecasts(samples, {"model": score}, folds[0].test, folds[-1].test_end)["model"]


def shuffled_labels(samples: Samples, folds: Sequence[Fold], draws: int = 20) -> Canary:
    """C2: refit on labels that were dealt anew, and hold the forecasts against those labels.

    Parameters
    ----------
    draws : how often the labels are dealt
    """
    rng = np.random.default_rng(2)
    at = samples.horizons.index(samples.horizon)
    means = []
    for _ in range(draws):
        dealt = replace(samples, label=shuffle_within_sessions(samples.label, samples, rng))
        dealt.forward = samples.forward.copy()
        dealt.forward[at] = dealt.label
        means.append(
            float(np.nanmean(mean_ic(dealt, forecasts(dealt, RidgeLearner(), folds, 0), folds).ic))
        )
    first, last = folds[0].test, folds[-1].test_end
    sizes = np.diff(samples.bounds[first : last + 1])
    width = sqrt(float((1.0 / np.maximum(sizes - 1, 1)).sum())) / len(sizes)
    outside = sum(abs(value) > 3.0 * width for value in means)
    mean = float(np.mean(means))
    passed = outside <= max(1, draws // 20) and abs(mean) <= 3.0 * width / sqrt(draws)
    words = f"{draws} refits on labels dealt anew: mean IC {mean:+.5f}, ± {3 * width:.5f} is chance"
    return Canary("C2", passed, mean, words + f"; {outside} outside")


def knows_label(
    samples: Samples, folds: Sequence[Fold], ics: Sequence[float] = (0.9, 0.3, 0.1)
) -> Canary:
    """C3: a column that is made of the label shows its IC in full, where the gate can see it.

    The model learns from this column alone: how much of it other columns would drown says nothing
    of the judges. That such a column cannot come in is the language's doing: no text looks ahead.

    Parameters
    ----------
    ics : the rank correlations with the label that are planted, one after the other
    """
    recovered = []
    for k, ic in enumerate(ics):
        leak = planted_score(samples, ic, k)
        spread = np.where(np.isnan(leak), 0.0, leak) / 6.0
        injected = replace(
            samples,
            features=("leak",),
            x=spread.astype(np.float32)[:, None],
        )
        ic_by_session = mean_ic(
            injected, forecasts(injected, RidgeLearner(1e-4), folds, 0), folds
        ).ic
        recovered.append(float(np.nanmean(ic_by_session)) / ic)
    passed = min(recovered) >= 0.9  # noqa: PLR2004 -- of what was planted
    shares = ", ".join(f"{share:.0%}" for share in recovered)
    return Canary(
        "C3", passed, min(recovered), f"of a planted leak {shares} come to light; 90% must"
    )


def late_forecasts(samples: Samples, score: Float32, folds: Sequence[Fold]) -> Canary:
    """C4: hold forecasts against returns that begin some sessions later: a little less, not nothing."""
    base = mean_ic(samples, score, folds).ic
    mean, low, _, _ = interval(base, block_of(len(base), samples.horizon))
    ics = [
        float(np.nanmean(mean_ic(samples, lag_score(score, samples, k), folds).ic)) for k in LAGS
    ]
    tells = low > 0.0
    passed = not tells or ics[0] >= 0.2 * mean
    later = ", ".join(f"{value:+.4f}" for value in ics)
    words = f"IC {mean:+.4f}; {', '.join(map(str, LAGS))} sessions late {later}"
    return Canary("C4", passed, ics[0], words + ("" if tells else "; there is nothing to lose"))


def longer_embargo(samples: Samples, spans: Spans) -> Canary:
    """C5: leaving out more sessions before a test makes no difference beyond the horizon.

    All are judged on the sessions that the longest one leaves.
    """
    longest = max(EMBARGOES)
    room = replace(spans, train=max(spans.train - longest, 1), embargo=longest)
    base = walk_forward(len(samples), room, samples.horizon)
    series = []
    for embargo in EMBARGOES:
        folds = [replace(f, train_end=f.train_end + longest - embargo) for f in base]
        series.append(mean_ic(samples, forecasts(samples, RidgeLearner(), folds, 0), base).ic)
    gain = series[0] - series[-1]
    _, low, high, _ = interval(gain, block_of(len(gain), samples.horizon))
    passed = not low > 0.0
    ics = ", ".join(f"{np.nanmean(ic):+.4f}" for ic in series)
    words = f"embargo {', '.join(map(str, EMBARGOES))}: IC {ics}; first less last {low:+.4f} … {high:+.4f}"
    return Canary("C5", passed, float(np.nanmean(gain)), words)


def noise_columns(samples: Samples, learner: Learner, folds: Sequence[Fold]) -> Canary:
    """C8: add half as many columns of noise, and see how important each column is unseen."""
    rng = np.random.default_rng(8)
    extra = max(len(samples.features) // 2, 1)
    noisy = replace(
        samples,
        features=(*samples.features, *(f"noise_{k}" for k in range(extra))),
        x=np.column_stack(
            [samples.x, rng.random((samples.n_rows, extra), dtype=np.float32) - np.float32(0.5)]
        ),
    )
    fold = folds[-1]
    training = noisy.until(fold.train_end)
    model = learner.fit(noisy.features, noisy.x[training], noisy.label[training], 0)
    test = np.arange(noisy.bounds[fold.test], noisy.bounds[fold.test_end])
    test = test[~np.isnan(noisy.label[test])]
    if len(test) > JUDGED:
        test = np.sort(rng.choice(test, JUDGED, replace=False))
    x, label = noisy.x[test].copy(), noisy.label[test].astype(np.float64)
    base = _correlation(model.predict(x), label)
    lost = np.zeros(len(noisy.features))
    for j in range(x.shape[1]):
        column = x[:, j].copy()
        x[:, j] = rng.permutation(column)
        lost[j] = base - _correlation(model.predict(x), label)
        x[:, j] = column
    best = np.argsort(-lost)[: max(len(lost) // 10, 1)]
    among = int((best >= len(samples.features)).sum())
    learned = base > 3.0 / sqrt(len(test))
    words = f"{among} of {extra} columns of noise are among the {len(best)} most important"
    if not learned:
        words += f"; unseen the model explains nothing ({base:+.4f}), so that importance is chance"
    return Canary("C8", among == 0 or not learned, float(among), words)


def _correlation(first: Float32, second: FloatArray) -> float:
    spread = float(first.std())
    return float(np.corrcoef(first.astype(np.float64), second)[0, 1]) if spread > 0.0 else 0.0


def names_and_dates(samples: Samples, learner: Learner, folds: Sequence[Fold]) -> Canary:
    """C9: learn from a hash of the symbol and one of the date alone; that must be worth nothing."""
    session = np.repeat(samples.ordinals, np.diff(samples.bounds))
    x = np.stack([_hashed(samples.symbols), _hashed(session)], axis=1)
    only = replace(samples, features=("symbol", "date"), x=x)
    ic = mean_ic(only, forecasts(only, learner, folds, 0), folds).ic
    mean, _, _, error = interval(ic, block_of(len(ic), samples.horizon))
    passed = not isfinite(error) or abs(mean) <= 3.0 * error
    return Canary(
        "C9", passed, mean, f"names and dates alone: IC {mean:+.4f}, ± {3 * error:.4f} is chance"
    )


def _hashed(values: np.ndarray) -> Float32:
    """A number between −0.5 and 0.5 for each, without order."""
    mixed = (values.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return (
        (mixed >> np.uint64(40)).astype(np.float32) / np.float32(2**24) - np.float32(0.5)
    ).astype(np.float32)


def differing_forecasts(samples: Samples, score: Float32, folds: Sequence[Fold]) -> Canary:
    """C10: at least half of the forecasts of every session must be different numbers."""
    shares = []
    for session in range(folds[0].test, folds[-1].test_end):
        forecast = score[samples.rows(session)]
        forecast = forecast[~np.isnan(forecast)]
        if len(forecast):
            shares.append(len(np.unique(forecast)) / len(forecast))
    least = min(shares, default=0.0)
    return Canary(
        "C10",
        least >= HALF,
        least,
        f"at least {least:.0%} of a session's forecasts differ, half must",
    )


def membership(samples: Samples, order: IntArray) -> Canary:
    """C11: whether a symbol's number, by which the store knows it, tells that it will vanish.

    Parameters
    ----------
    order : the number of each symbol
    """
    assert samples.vanish is not None
    inside = np.unique(samples.symbols)
    gone = samples.vanish[inside]
    some, rest = int(gone.sum()), int((~gone).sum())
    if some < 20 or rest < 20:
        return Canary("C11", True, None, f"only {some} of the members ever vanish: nothing to tell")
    ranks = order[inside].argsort().argsort() + 1.0
    auc = float((ranks[gone].sum() - some * (some + 1) / 2.0) / (some * rest))
    width = 4.0 * sqrt((some + rest + 1) / (12.0 * some * rest))
    passed = abs(auc - 0.5) <= max(0.05, width)
    return Canary(
        "C11",
        passed,
        auc,
        f"a symbol's number tells who vanishes with an AUC of {auc:.3f}; 0.5 is chance",
    )
