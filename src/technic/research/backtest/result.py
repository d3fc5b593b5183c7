"""What trading a scan would have come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from technic.market.typing import FloatArray
from technic.scanner.manifest import with_digest
from technic.scanner.spec.backtest_rules import BacktestRules


@dataclass(frozen=True, slots=True)
class Backtest:
    """What trading a scan would have come to.

    Attributes
    ----------
    name : of the scan file
    asked : the question, as JSON holds it
    rules : how its answers were traded
    first, last : the first and the last session
    decisions : on how many sessions the scan was asked
    trials : how many distinct questions were ever tried on the store, this one among them
    summary : figures by group: `performance`, `gross` (without costs), `benchmark`, `trading`,
        `capacity` (USD), `years`, `survivors`, `delisting`, `ranked`. Returns are shares, Sharpe
        ratios are yearly, None is what cannot be known
    days : the session of each row, as YYYY-MM-DD
    equity : float64, shape (n_sessions,); USD at each close
    benchmark : float64, shape (n_sessions,); USD, scaled to the account, NaN is unknown
    exposure : float64, shape (n_sessions,); value of all shares as a share of the equity, below
        zero if short
    trades : one row for each name held, in order of their exits; USD
    manifest : sealed over question, rules, trials and answer
    simulated : whether the market is a simulated one
    store_version : which state of the store was read
    notes : what a reader should know, one line each
    """

    name: str
    asked: Mapping[str, Any]
    rules: BacktestRules
    first: date
    last: date
    decisions: int
    trials: int
    summary: Mapping[str, Any]
    days: tuple[str, ...]
    equity: FloatArray
    benchmark: FloatArray
    exposure: FloatArray
    trades: tuple[Mapping[str, Any], ...]
    manifest: Mapping[str, Any]
    simulated: bool
    store_version: str
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Everything, as JSON holds it; what is unknown is None. A digest covers all of it."""
        content = {
            "name": self.name,
            "question": dict(self.asked),
            "rules": self.rules.as_dict(),
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "decisions": self.decisions,
            "trials": self.trials,
            **self.summary,
            "equity": [
                {"session": day, "equity": e, "benchmark": b, "exposure": x}
                for day, e, b, x in zip(
                    self.days,
                    self.equity.tolist(),
                    [None if np.isnan(v) else float(v) for v in self.benchmark],
                    self.exposure.tolist(),
                    strict=True,
                )
            ],
            "trades": [dict(row) for row in self.trades],
            "simulated": self.simulated,
            "store_version": self.store_version,
            "notes": list(self.notes),
            "manifest": dict(self.manifest),
        }
        return with_digest(content)
