"""The ledger: every listed symbol in exactly one bucket, with the reason.

The buckets are tried in this order, and the first that fits takes the symbol:

1. `not_in_universe`   the universe is false for it, or cannot be known
2. `stale`             its newest bar is more than `STALE_SESSIONS` old
3. `no_bar`            it did not trade on the session
4. `filtered`          the first clause of the question that is false; false beats unknown
5. `short_history`     something is unknown because the symbol has too few bars
6. `unknown`           something else is unknown; the first thing that is
7. `ranked`
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from technic.market.typing import BoolArray, FloatArray

STALE_SESSIONS = 5
BUCKETS = (
    "not_in_universe",
    "stale",
    "no_bar",
    "filtered",
    "short_history",
    "unknown",
    "ranked",
)
TITLES = {
    "not_in_universe": "not in the universe",
    "stale": "stale",
    "no_bar": "no bar today",
    "filtered": "filtered",
    "short_history": "short history",
    "unknown": "unknown",
    "ranked": "ranked",
}


@dataclass(frozen=True, slots=True)
class LedgerInput:
    """What the ledger is drawn up from; arrays of shape (n_symbols,).

    Attributes
    ----------
    listed : who counts at all
    universe : truth of the universe, NaN where unknown
    outside : per clause of the universe, its text and its truth
    age : sessions since the newest bar; NaN for a symbol without bars
    clauses : per top-level clause of the question, its text and its truth
    score : NaN where unknown
    unknowns : what may be unknown, in reading order: its text, for whom it is unknown, and
        for whom of them for want of bars
    """

    listed: BoolArray
    universe: FloatArray
    outside: Sequence[tuple[str, FloatArray]]
    age: FloatArray
    clauses: Sequence[tuple[str, FloatArray]]
    score: FloatArray
    unknowns: Sequence[tuple[str, BoolArray, BoolArray]]


@dataclass(frozen=True, slots=True)
class Ledger:
    """The bucket that each symbol went to, and the reason.

    Attributes
    ----------
    bucket : per listed symbol, its position in `BUCKETS`; -1 for who is not listed
    detail : the clause, or what is unknown; may be empty
    """

    bucket: list[int]
    detail: list[str]

    @property
    def total(self) -> int:
        """How many symbols are listed."""
        return sum(self.counts().values())

    def counts(self) -> dict[str, int]:
        """Count the symbols in each bucket; they add up to `total`."""
        found = Counter(self.bucket)
        return {name: found[j] for j, name in enumerate(BUCKETS)}

    def details(self, name: str) -> dict[str, int]:
        """Count the symbols of a bucket by detail, most first."""
        place = BUCKETS.index(name)
        inside = zip(self.bucket, self.detail, strict=True)
        counts = Counter(detail for bucket, detail in inside if bucket == place)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def frame(self, symbols: Sequence[str]) -> pl.DataFrame:
        """Return a frame with one row per listed symbol: `symbol`, `bucket`, `detail`."""
        import polars as pl  # a text answer needs no frame

        listed = [i for i, bucket in enumerate(self.bucket) if bucket >= 0]
        return pl.DataFrame(
            {
                "symbol": [symbols[i] for i in listed],
                "bucket": [BUCKETS[self.bucket[i]] for i in listed],
                "detail": [self.detail[i] for i in listed],
            },
            schema={"symbol": pl.String, "bucket": pl.String, "detail": pl.String},
        )


def draw_up(given: LedgerInput) -> Ledger:
    """Put every listed symbol into the first bucket that fits it; see the top of this module."""
    import numpy as np  # a kept ledger needs none

    n = len(given.listed)
    bucket = np.full(n, -1, dtype=np.int64)
    detail = np.full(n, "", dtype=object)
    undecided = given.listed.copy()

    def take(chosen: BoolArray, name: str, reason: str) -> None:
        nonlocal undecided
        taken = undecided & chosen
        bucket[taken] = BUCKETS.index(name)
        detail[taken] = reason
        undecided = undecided & ~chosen

    for text, truth in given.outside:
        take(truth == 0.0, "not_in_universe", text)
    take(given.universe == 0.0, "not_in_universe", "")
    for text, truth in given.outside:
        take(np.isnan(truth), "not_in_universe", f"unknown: {text}")
    take(np.isnan(given.universe), "not_in_universe", "unknown")
    take(np.isnan(given.age), "stale", "no bar at all")
    take(given.age > STALE_SESSIONS, "stale", "")
    take(given.age > 0.0, "no_bar", "")
    for text, truth in given.clauses:
        take(truth == 0.0, "filtered", text)
    unknown = np.isnan(given.score)
    for _, truth in given.clauses:
        unknown = unknown | np.isnan(truth)
    for text, missing, short in given.unknowns:
        take(unknown & missing & short, "short_history", text)
        take(unknown & missing, "unknown", text)
    take(~unknown, "ranked", "")
    if undecided.any():
        message = "a symbol fell through every bucket of the ledger"
        raise AssertionError(message)
    return Ledger(bucket.tolist(), detail.tolist())
