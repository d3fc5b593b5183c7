"""The track record of a saved scan: what its picks did since they were written down.

1. `record` runs every manifest that the nightly job kept of the scan again; one whose answer is not
   reproduced, byte for byte, is left out and counted.
2. `_night` holds the picks from the next open on, each horizon by itself, beside the universe that
   the scan had that night.
3. `_excess` takes the mean over nights; its interval is by blocks, because neighbouring nights hold
   much the same.
4. `_seal` makes the manifest: which reports were asked, on which store version, and what came out.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from technic.compute.code_used import code_used
from technic.data.store import Store, StoreVersion
from technic.errors import StoreError, VerifyError
from technic.indicators.define import every_series
from technic.market.sessions import nyse
from technic.market.typing import FloatArray, IntArray
from technic.research.forward_returns import dividends_of, forward_returns
from technic.research.learning.books import block_of
from technic.research.statistics.bootstrap import interval
from technic.research.statistics.figures import plain
from technic.runtime.executors import Progress, quiet
from technic.runtime.settings import Settings
from technic.runtime.version import __version__
from technic.scanner.ledger import BUCKETS
from technic.scanner.manifest import ManifestInput, canonical, make_manifest, seal_of, with_digest
from technic.scanner.report import Report
from technic.scanner.scan import rerun

LOG = logging.getLogger("technic.research.track_record")
HORIZONS = (1, 5, 21)
DELISTING = -0.30  # return from the last close of a name that vanishes
OUTSIDE = BUCKETS.index("not_in_universe")


@dataclass(frozen=True, slots=True)
class Record:
    """The picks of a saved scan, night after night, and what they did since.

    Attributes
    ----------
    scan : the name of the saved scan
    nights : one row for each report: `session`, `picks`, the number of names in the `universe`,
        and for each horizon h the mean returns `picks_h` and `universe_h`, shares of the price;
        None where it is not known yet
    by_horizon : of the picks' return less the universe's: `mean`, the bounds `low` and `high` of
        its 95 % interval, the number of `nights`, and the share of them `above` zero
    unproven : how many reports could not be reproduced, and are left out
    simulated : whether the market is a simulated one
    store_version : which state of the store was read
    manifest : sealed over the reports that were asked, and all that came out
    """

    scan: str
    nights: tuple[Mapping[str, Any], ...]
    by_horizon: Mapping[str, Mapping[str, Any]]
    unproven: int
    simulated: bool
    store_version: str
    manifest: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it, with a digest of all of it."""
        content = {
            "scan": self.scan,
            "nights": [dict(night) for night in self.nights],
            "by_horizon": {h: dict(part) for h, part in self.by_horizon.items()},
            "unproven": self.unproven,
            "simulated": self.simulated,
            "store_version": self.store_version,
            "manifest": dict(self.manifest),
        }
        return with_digest(content)


def record(
    store: Store, scan: str, settings: Settings | None = None, progress: Progress = quiet
) -> Record:
    """Compute what the picks of a saved scan did since each report that the nightly job kept.

    Each report is made again from its manifest; only one that comes out the same, byte for byte,
    counts.

    Parameters
    ----------
    store : where the bars and the manifests lie, as `open_store` gives it
    scan : the name of the saved scan
    settings : folders and numbers of threads; those of the user by default
    progress : is told how far the work is

    Returns
    -------
    Record
        Picks and returns by night, and their mean excess over the universe by horizon.

    Raises
    ------
    StoreError
        If no report of the scan was kept.

    Examples
    --------
    >>> import technic as tc
    >>> try:
    ...     tc.record(tc.open_store("demo"), "dips")
    ... except tc.TechnicError as error:
    ...     print(error)
    dips: the daily loop kept no report of it: save the scan, and let technic daily run
    """
    runs = kept_reports(store, scan)
    return _record(store, store.require(), runs, settings or Settings.load(), progress)


def kept_reports(store: Store, scan: str) -> list[dict[str, Any]]:
    """The runs of a saved scan that the nightly job kept, newest first.

    Raises
    ------
    StoreError
        If there is none.
    """
    runs = [r for r in store.catalog.runs() if r["kind"] == "daily" and r["name"] == scan]
    if not runs:
        raise StoreError(
            f"{scan}: the daily loop kept no report of it: save the scan, and let technic daily run"
        )
    return runs


def rerun_record(
    store: Store, manifest: Mapping[str, Any], settings: Settings | None = None
) -> Record:
    """The same record, computed again from the reports and the store version its manifest names.

    Raises
    ------
    VerifyError
        If one of the reports is no longer kept.
    """
    scan, seals = manifest["question"]["record"], manifest["question"]["reports"]
    kept = {r["id"]: r for r in store.catalog.runs() if r["kind"] == "daily" and r["name"] == scan}
    missing = [number for number, seal in seals if kept.get(number, {}).get("seal") != seal]
    if missing or not seals:
        raise VerifyError(f"{scan}: report {missing or 'of no number'} is not among those kept")
    runs = [kept[number] for number, _ in seals]
    version = store.version(int(manifest["store_number"]))
    return _record(store, version, runs, settings or Settings.load(), quiet)


def _record(
    store: Store,
    version: StoreVersion,
    runs: Sequence[Mapping[str, Any]],
    settings: Settings,
    progress: Progress,
) -> Record:
    """Steps 1 to 4, of the reports that were kept, newest first."""
    reports, unproven = _reproduced(store, runs, settings, progress)
    view = store.panel(None, version=version)
    ordinals = np.array([nyse().ordinal(day) for day in sorted(reports)], dtype=np.int64)
    empty = np.empty((len(HORIZONS), 0, 0))
    returns = _total_returns(store, version, ordinals) if len(ordinals) else empty
    nights = tuple(
        _night(reports[day], returns[:, k], view.panel.security_ids)
        for k, day in enumerate(sorted(reports))
    )
    by_horizon = {str(h): _excess(nights, h) for h in HORIZONS}
    answer = canonical({"nights": nights, "by_horizon": by_horizon, "unproven": unproven})
    return Record(
        runs[0]["name"],
        nights,
        by_horizon,
        unproven,
        version.simulated is not None,
        version.name,
        _seal(version, runs, answer),
    )


def _seal(
    version: StoreVersion, runs: Sequence[Mapping[str, Any]], answer: bytes
) -> Mapping[str, Any]:
    assert version.last is not None
    return make_manifest(
        ManifestInput(
            technic=__version__,
            store_version=version.name,
            store_number=version.number,
            code=code_used(every_series()),
            as_of=version.last.isoformat(),
            known_at=None,
            simulated=version.simulated is not None,
            question={
                "record": runs[0]["name"],
                "reports": [[run["id"], run["seal"]] for run in runs],
            },
            answer=answer,
        )
    )


def _reproduced(
    store: Store, runs: Sequence[Mapping[str, Any]], settings: Settings, progress: Progress
) -> tuple[dict[date, Report], int]:
    """Step 1: the reports that come out the same, by session, and how many do not."""
    reports: dict[date, Report] = {}
    unproven = 0
    for k, run in enumerate(reversed(runs)):
        progress(k, len(runs), f"report {k + 1} of {len(runs)}")
        manifest = _kept(store, run)
        if manifest is None:
            unproven += 1
            continue
        report = rerun(store, manifest, settings)
        if manifest.get("answer_digest") != report.manifest["answer_digest"]:
            unproven += 1
        else:
            reports[report.as_of] = report  # of one session the newest report
    return reports, unproven


def _kept(store: Store, run: Mapping[str, Any]) -> dict[str, Any] | None:
    """The manifest of a kept report, if it is what was written down."""
    try:
        manifest = store.catalog.run(run["id"])
    except StoreError as altered:
        LOG.warning("%s", altered)
        return None
    sealed = manifest is not None and seal_of(manifest) == run["seal"]
    return manifest if sealed else None


def _total_returns(store: Store, version: StoreVersion, ordinals: IntArray) -> FloatArray:
    """Total returns from the next open; shape (n_horizons, n_ordinals, n_symbols)."""
    view = store.panel(None, version=version)
    every = np.arange(int(ordinals.min()), nyse().ordinal(view.as_of) + 1)
    returns = forward_returns(
        view, every, HORIZONS, dividends=dividends_of(store, view), delisting=DELISTING
    )
    nights: FloatArray = returns[:, np.searchsorted(every, ordinals)]
    return nights


def _night(report: Report, returns: FloatArray, ids: np.ndarray) -> dict[str, Any]:
    """One report: its picks against its universe, by horizon."""
    who = np.array(report.security_ids)
    bucket = np.array(report.ledger_book.bucket)
    universe = who[(bucket >= 0) & (bucket != OUTSIDE)]
    place = {symbol: i for i, symbol in enumerate(report.symbols)}
    picks = np.array([who[place[row.symbol]] for row in report.shown], dtype=np.int64)
    figures: dict[str, Any] = {
        "session": report.as_of.isoformat(),
        "picks": [row.symbol for row in report.shown],
        "universe": len(universe),
    }
    for j, h in enumerate(HORIZONS):
        picked, everybody = (mean_return(returns[j], ids, who) for who in (picks, universe))
        figures[f"picks_{h}"], figures[f"universe_{h}"] = plain(picked), plain(everybody)
    return figures


def mean_return(returns: FloatArray, ids: IntArray, who: IntArray) -> float:
    """The mean return of some securities; NaN if none is known.

    Parameters
    ----------
    returns : float64, shape (n_symbols,); NaN is unknown
    ids : int64, shape (n_symbols,); securities of the returns, ascending
    who : int64; a security that is not among `ids` has left, and has no return
    """
    at = np.flatnonzero(np.isin(ids, who))
    finite = returns[at][~np.isnan(returns[at])]
    return float(finite.mean()) if len(finite) else float("nan")


def _excess(nights: tuple[Mapping[str, Any], ...], horizon: int) -> dict[str, Any]:
    """What the picks returned more than their universe, over the nights."""
    pairs = [(night[f"picks_{horizon}"], night[f"universe_{horizon}"]) for night in nights]
    series = np.array([a - b if a is not None and b is not None else np.nan for a, b in pairs])
    mean, low, high, _ = interval(series, block_of(len(series), horizon))
    finite = series[~np.isnan(series)]
    return {
        "mean": plain(mean),
        "low": plain(low),
        "high": plain(high),
        "nights": len(finite),
        "above": plain(float((finite > 0.0).mean())) if len(finite) else None,
    }
