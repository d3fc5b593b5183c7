"""The gate: what a forecast must show before it has earned a place in ratings.

`judge` holds it against one clause after the other; each `_…` function below is a clause. That a
model does not pass is the ordinary case, and is shown as such: "no measured edge".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import nan
from typing import Any

import numpy as np

from technic.research.learning.books import SHIPPED, block_of
from technic.research.learning.folds import PROTOCOL, Spans
from technic.research.learning.measures import Measured
from technic.research.statistics.bootstrap import interval
from technic.research.statistics.figures import plain
from technic.research.statistics.significance import chance_of_no_gain, deflated_sharpe, overfitting

HURDLE = 3.0  # Harvey, Liu and Zhu (2016): what a new factor's t must pass
SURE = 0.95  # the chance that a Sharpe ratio is more than luck
MOST_OVERFIT = 0.20  # the chance that the best is below the median unseen
YEARS = 0.70  # of the years must have a rank IC above zero
CHANCE = 0.05  # that a model is no better than the ridge
SUSPECT = 0.06  # a rank IC above this is treated as a leak
TESTED = 756  # sessions of test that the protocol's power asks for: three years


@dataclass(frozen=True, slots=True)
class GateClause:
    """One thing a forecast must show, and whether it does.

    Attributes
    ----------
    name : span, edge, interval, ridge, sharpe, overfit, years, leak or canaries
    passed : whether it is shown; what cannot be known is not
    found, needed : the number and its bound, in the clause's own unit; None where there is none
    said : both in words
    """

    name: str
    passed: bool
    found: float | None
    needed: float | None
    said: str


@dataclass(frozen=True, slots=True)
class ShipGate:
    """The verdict on a forecast.

    Attributes
    ----------
    passed : whether every clause is
    reason : the name of the first clause that fails; empty if none does
    clauses : in the order they are tried
    """

    passed: bool
    reason: str
    clauses: tuple[GateClause, ...]

    @property
    def detail(self) -> str:
        """The first failure in words."""
        return next((clause.said for clause in self.clauses if not clause.passed), "")

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "passed": self.passed,
            "reason": self.reason,
            "detail": self.detail,
            "clauses": [asdict(clause) for clause in self.clauses],
        }


@dataclass(frozen=True, slots=True)
class GateCase:
    """What a forecast is judged by.

    Attributes
    ----------
    model : the forecast
    rivals : what else could have been chosen: baselines, and the ridge
    ridge : None where the model is the ridge itself
    spans : how the history was divided
    trials : how many distinct things were tried on the store
    canaries : whether all of them were green; None if they were not run
    """

    model: Measured
    rivals: Sequence[Measured]
    ridge: Measured | None
    spans: Spans
    trials: int
    canaries: bool | None


def judge(case: GateCase, protocol: Spans = PROTOCOL, tested: int = TESTED) -> ShipGate:
    """Hold a forecast against every clause of the gate.

    Parameters
    ----------
    protocol : the spans that must be reached for the rest to mean anything
    tested : the sessions of test that must be reached
    """
    model = case.model
    clauses = [
        _span(case.spans, len(model.ordinals), protocol, tested),
        _edge(model),
        _interval(model),
        *([_ridge(model, case.ridge)] if case.ridge is not None else []),
        _sharpe(model, case.trials),
        _overfit([model, *case.rivals]),
        _years(model),
        _leak(model),
        _canaries(case.canaries),
    ]
    failing = next((clause.name for clause in clauses if not clause.passed), "")
    return ShipGate(not failing, failing, tuple(clauses))


def _span(spans: Spans, sessions: int, protocol: Spans, tested: int) -> GateClause:
    short = [
        f"{name} {have:,} of {need:,}"
        for name, have, need in (
            ("training", spans.train, protocol.train),
            ("test", sessions, tested),
            ("vault", spans.vault, protocol.vault),
            ("embargo", spans.embargo, protocol.embargo),
        )
        if have < need
    ]
    words = (
        f"too short to prove an edge, in sessions: {', '.join(short)}"
        if short
        else "spans are those of the protocol"
    )
    return GateClause("span", not short, float(sessions), float(tested), words)


def _edge(model: Measured) -> GateClause:
    t = model.t
    words = f"t of the mean rank IC is {t:.2f}, more than {HURDLE:g} is asked"
    return GateClause("edge", t > HURDLE, plain(t), HURDLE, words)


def _interval(model: Measured) -> GateClause:
    _, low, high, _ = interval(model.ic, block_of(len(model.ic), model.horizon))
    words = f"the 95 % interval of the rank IC is {low:+.4f} … {high:+.4f}"
    return GateClause("interval", low > 0.0, plain(low), 0.0, words)


def _ridge(model: Measured, ridge: Measured) -> GateClause:
    chance = chance_of_no_gain(model.ic, ridge.ic, block_of(len(model.ic), model.horizon))
    words = f"that it is no better than a ridge has a chance of {chance:.2f}, {CHANCE} at most"
    return GateClause("ridge", chance < CHANCE, plain(chance), CHANCE, words)


def _sharpe(model: Measured, trials: int) -> GateClause:
    chance = deflated_sharpe(model.spread_book.net(SHIPPED), trials)
    words = (
        f"after {SHIPPED} basis points a side and {trials:,} trials the Sharpe ratio is more than "
        f"luck with a chance of {chance:.2f}, {SURE} is asked"
    )
    return GateClause("sharpe", chance >= SURE, plain(chance), SURE, words)


def _overfit(candidates: Sequence[Measured]) -> GateClause:
    returns = np.stack([candidate.spread_book.net(SHIPPED) for candidate in candidates], axis=1)
    chance = overfitting(returns) if len(candidates) > 1 else nan
    words = f"the best of {len(candidates)} is below their median unseen: {chance:.2f}"
    words += f", at most {MOST_OVERFIT:g}"
    return GateClause("overfit", chance <= MOST_OVERFIT, plain(chance), MOST_OVERFIT, words)


def _years(model: Measured) -> GateClause:
    years = [mean for mean in model.years().values() if mean is not None]
    share = sum(mean > 0.0 for mean in years) / len(years) if years else nan
    words = f"rank IC above zero in {share:.0%} of the years" if years else "no year is known"
    return GateClause("years", share >= YEARS, plain(share), YEARS, words)


def _leak(model: Measured) -> GateClause:
    series = model.ic[~np.isnan(model.ic)]
    mean = float(series.mean()) if len(series) else nan
    words = f"a rank IC of {mean:+.3f} is within what daily bars have been seen to give"
    if not mean <= SUSPECT:
        words = f"a rank IC of {mean:+.3f} is treated as a leak until it is explained"
    return GateClause("leak", mean <= SUSPECT, plain(mean), SUSPECT, words)


def _canaries(green: bool | None) -> GateClause:
    words = {
        True: "every canary is green",
        False: "a canary sings: see the card",
        None: "the canaries were not run: technic train --canaries",
    }
    return GateClause("canaries", green is True, None, None, words[green])
