"""Whether a forecast has earned a place in ratings: every clause, and the first that fails.

That a model does not pass is the ordinary case, and is shown as such: "no measured edge".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import nan
from typing import Any

import numpy as np

from technic.research.learning.folds import PROTOCOL, Spans
from technic.research.learning.measures import SHIPPED, Measured, block_of
from technic.research.statistics.rank_ic import interval, plain
from technic.research.statistics.significance import better, deflated_sharpe, overfitting

HURDLE = 3.0  # Harvey, Liu and Zhu (2016): what a new factor's t must pass
SURE = 0.95
MOST_OVERFIT = 0.20
YEARS = 0.70
CHANCE = 0.05
SUSPECT = 0.06  # a rank IC above this is treated as a leak
TESTED = 756  # sessions of test that the protocol's power asks for: three years


@dataclass(frozen=True, slots=True)
class GateClause:
    """One thing a forecast must show.

    Attributes
    ----------
    found, needed : numbers; None where it cannot be known
    said : in words
    """

    name: str
    passed: bool
    found: float | None
    needed: float | None
    said: str


@dataclass(frozen=True, slots=True)
class ShipGate:
    """The verdict: passed only if every clause is.

    Attributes
    ----------
    reason : name of the first clause that fails; empty if none does
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


def judge(
    model: Measured,
    rivals: Sequence[Measured],
    ridge: Measured | None,
    spans: Spans,
    trials: int,
    canaries: bool | None,
    protocol: Spans = PROTOCOL,
    tested: int = TESTED,
) -> ShipGate:
    """Hold a forecast against every clause.

    Parameters
    ----------
    rivals : what else could have been chosen: baselines, and the ridge
    ridge : None where the model is the ridge itself
    canaries : whether all of them were green; None if they were not run
    protocol, tested : what spans must reach for the rest to mean anything
    """
    clauses = [
        _span(spans, len(model.ordinals), protocol, tested),
        _edge(model),
        _interval(model),
        *([_ridge(model, ridge)] if ridge is not None else []),
        _sharpe(model, trials),
        _overfit([model, *rivals]),
        _years(model),
        _leak(model),
        GateClause(
            "canaries",
            canaries is True,
            None,
            None,
            "every canary is green"
            if canaries
            else "a canary sings: see the card"
            if canaries is False
            else "the canaries were not run: technic train --canaries",
        ),
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
    said = (
        f"too short to prove an edge, in sessions: {', '.join(short)}"
        if short
        else "spans are those of the protocol"
    )
    return GateClause("span", not short, float(sessions), float(tested), said)


def _edge(model: Measured) -> GateClause:
    found = model.t
    said = f"t of the mean rank IC is {found:.2f}, more than {HURDLE:g} is asked"
    return GateClause("edge", found > HURDLE, plain(found), HURDLE, said)


def _interval(model: Measured) -> GateClause:
    _, low, high, _ = interval(model.ic, block_of(len(model.ic), model.horizon))
    said = f"the 95 % interval of the rank IC is {low:+.4f} … {high:+.4f}"
    return GateClause("interval", low > 0.0, plain(low), 0.0, said)


def _ridge(model: Measured, ridge: Measured) -> GateClause:
    chance = better(model.ic, ridge.ic, block_of(len(model.ic), model.horizon))
    said = f"that it is no better than a ridge has a chance of {chance:.2f}, {CHANCE} at most"
    return GateClause("ridge", chance < CHANCE, plain(chance), CHANCE, said)


def _sharpe(model: Measured, trials: int) -> GateClause:
    found = deflated_sharpe(model.spread_book.net(SHIPPED), trials)
    said = (
        f"after {SHIPPED} basis points a side and {trials:,} trials the Sharpe ratio is more than "
        f"luck with a chance of {found:.2f}, {SURE} is asked"
    )
    return GateClause("sharpe", found >= SURE, plain(found), SURE, said)


def _overfit(candidates: Sequence[Measured]) -> GateClause:
    returns = np.stack([one.spread_book.net(SHIPPED) for one in candidates], axis=1)
    found = overfitting(returns) if len(candidates) > 1 else nan
    said = f"the best of {len(candidates)} is below their median unseen: {found:.2f}"
    said += f", at most {MOST_OVERFIT:g}"
    return GateClause("overfit", found <= MOST_OVERFIT, plain(found), MOST_OVERFIT, said)


def _years(model: Measured) -> GateClause:
    years = [mean for mean in model.years().values() if mean is not None]
    found = sum(mean > 0.0 for mean in years) / len(years) if years else nan
    said = f"rank IC above zero in {found:.0%} of the years" if years else "no year is known"
    return GateClause("years", found >= YEARS, plain(found), YEARS, said)


def _leak(model: Measured) -> GateClause:
    known = model.ic[~np.isnan(model.ic)]
    mean = float(known.mean()) if len(known) else nan
    said = f"a rank IC of {mean:+.3f} is within what daily bars have been seen to give"
    if not mean <= SUSPECT:
        said = f"a rank IC of {mean:+.3f} is treated as a leak until it is explained"
    return GateClause("leak", mean <= SUSPECT, plain(mean), SUSPECT, said)
