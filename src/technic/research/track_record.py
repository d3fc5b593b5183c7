"""What the picks of every kept daily report did since: written down before anything was known.

1. Every manifest that the daily loop kept of a scan is run again; one whose answer is not reproduced,
   byte for byte, is left out and counted.
2. Its picks are held from the next open on, each horizon by itself, and less the mean of the
   universe that the scan had that night.
3. The mean over nights has an interval by blocks: neighbouring nights hold much the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from technic.data.store import Store
from technic.errors import StoreError
from technic.market.sessions import nyse
from technic.market.typing import FloatArray, IntArray
from technic.research.forward_returns import dividends_of, forward_returns
from technic.research.learning.measures import block_of
from technic.research.statistics.rank_ic import interval, plain
from technic.runtime.executors import Progress, quiet
from technic.runtime.settings import Settings
from technic.scanner.ledger import BUCKETS
from technic.scanner.report import Report
from technic.scanner.scan import rerun

HORIZONS = (1, 5, 21)
DELISTING = -0.30
OUTSIDE = BUCKETS.index("not_in_universe")


@dataclass(frozen=True, slots=True)
class Record:
    """The picks of a scan, night after night, and what they did.

    Attributes
    ----------
    nights : one row for each report: session, picks, and by horizon the mean return of the picks
        and of the universe; None where it is not known yet
    by_horizon : of the excess: mean, interval, nights
    unproven : reports that could not be reproduced, and are left out
    """

    scan: str
    nights: tuple[Mapping[str, Any], ...]
    by_horizon: Mapping[str, Mapping[str, Any]]
    unproven: int
    simulated: bool
    store_version: str

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "scan": self.scan,
            "nights": [dict(night) for night in self.nights],
            "by_horizon": {h: dict(part) for h, part in self.by_horizon.items()},
            "unproven": self.unproven,
            "simulated": self.simulated,
            "store_version": self.store_version,
        }


def record(
    store: Store, scan: str, settings: Settings | None = None, progress: Progress = quiet
) -> Record:
    """What the kept daily reports of a saved scan came to.

    Raises
    ------
    StoreError
        If no daily report of it was kept.
    """
    settings = settings or Settings.load()
    version = store.require()
    kept = [r for r in store.catalog.runs() if r["kind"] == "daily" and r["name"] == scan]
    if not kept:
        raise StoreError(
            f"{scan}: the daily loop kept no report of it: save the scan, and let technic daily run"
        )
    reports: dict[date, Report] = {}
    unproven = 0
    for k, run in enumerate(reversed(kept)):
        progress(k, len(kept), f"report {k + 1} of {len(kept)}")
        manifest = store.catalog.run(run["id"]) or {}
        again = rerun(store, manifest, settings)
        if manifest.get("answer_digest") != again.manifest["answer_digest"]:
            unproven += 1
        else:
            reports[again.as_of] = again  # of one session the newest report
    view = store.panel(None, version=version)
    ordinals = np.array([nyse().ordinal(day) for day in sorted(reports)], dtype=np.int64)
    returns = _returns(store, ordinals) if len(ordinals) else np.empty((len(HORIZONS), 0, 0))
    nights = tuple(
        _night(reports[day], returns[:, k], view.panel.security_ids)
        for k, day in enumerate(sorted(reports))
    )
    return Record(
        scan,
        nights,
        {str(h): _excess(nights, h) for h in HORIZONS},
        unproven,
        version.simulated is not None,
        version.name,
    )


def _returns(store: Store, ordinals: IntArray) -> FloatArray:
    """Total returns from the next open; shape (n_horizons, n_ordinals, n_symbols)."""
    view = store.panel(None, version=store.require())
    every = np.arange(int(ordinals.min()), nyse().ordinal(view.as_of) + 1)
    found = forward_returns(
        view, every, HORIZONS, dividends=dividends_of(store, view), delisting=DELISTING
    )
    mine: FloatArray = found[:, np.searchsorted(every, ordinals)]
    return mine


def _night(report: Report, returns: FloatArray, ids: np.ndarray) -> dict[str, Any]:
    """One report: its picks against its universe, by horizon."""
    who = np.array(report.security_ids)
    bucket = report.ledger_book.bucket
    universe = who[(bucket >= 0) & (bucket != OUTSIDE)]
    place = {symbol: i for i, symbol in enumerate(report.symbols)}
    picks = np.array([who[place[row.symbol]] for row in report.shown], dtype=np.int64)
    found: dict[str, Any] = {
        "session": report.as_of.isoformat(),
        "picks": [row.symbol for row in report.shown],
        "universe": len(universe),
    }
    for j, h in enumerate(HORIZONS):
        mine, theirs = _mean(returns[j], ids, picks), _mean(returns[j], ids, universe)
        found[f"picks_{h}"], found[f"universe_{h}"] = plain(mine), plain(theirs)
    return found


def _mean(returns: FloatArray, ids: np.ndarray, who: np.ndarray) -> float:
    at = np.searchsorted(ids, who)
    at = at[at < len(ids)]
    known = returns[at][~np.isnan(returns[at])]
    return float(known.mean()) if len(known) else float("nan")


def _excess(nights: tuple[Mapping[str, Any], ...], horizon: int) -> dict[str, Any]:
    pairs = [(night[f"picks_{horizon}"], night[f"universe_{horizon}"]) for night in nights]
    series = np.array([a - b if a is not None and b is not None else np.nan for a, b in pairs])
    mean, low, high, _ = interval(series, block_of(len(series), horizon))
    known = series[~np.isnan(series)]
    return {
        "mean": plain(mean),
        "low": plain(low),
        "high": plain(high),
        "nights": len(known),
        "above": plain(float((known > 0.0).mean())) if len(known) else None,
    }
