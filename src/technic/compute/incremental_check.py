"""A check on the user's own nights: state carried on gives what starting anew gives.

1. `_bring` builds a scratch store night by night from the rows of a real one, and `columns_of`
   carries the state of every indicator from each night to the next through the cache, as in scans.
2. `_fresh` lets another process read the same rows, with no panel and no cache, from nothing.
3. `prove` holds both against each other, bit by bit.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from technic.compute.last_bar import columns_of
from technic.data.store import Store
from technic.data.store.backup import backup
from technic.errors import StoreError, VerifyError
from technic.indicators import Series
from technic.indicators.define import every_series
from technic.market.sessions import nyse
from technic.market.typing import FloatArray
from technic.runtime.settings import Setting, Settings

Tamper = Callable[[Settings, int], None]


def _untouched(_settings: Settings, _night: int) -> None:
    """Nobody touches the state between two nights, except a test."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What the check compared.

    Attributes
    ----------
    nights, symbols : how many were carried on
    values : how many were compared; `differing` of them have other bits
    work : symbols advanced, refolded and unchanged, over all nights
    """

    nights: int
    symbols: int
    values: int
    differing: int
    work: dict[str, int]


def prove(
    store: Store,
    settings: Settings,
    nights: int = 10,
    *,
    between: Tamper = _untouched,
) -> Proof:
    """Advance the last nights one by one, and compare with a store built anew.

    Parameters
    ----------
    store : whose rows are replayed; is only read
    settings : threads and kernels
    nights : how many; all of them, if the store holds fewer
    between : is called after each night; a test tampers with the state there

    Raises
    ------
    StoreError
        If the store is empty.
    VerifyError
        If the other process fails.
    """
    version = store.require()
    with tempfile.TemporaryDirectory(prefix="technic-verify-") as folder:
        scratch = Store(Path(folder) / "nightly")
        apart = _apart(settings, Path(folder))
        work: dict[str, int] = {}
        carried = np.empty((0, 0))
        count = 0
        for count, night in enumerate(_nights(store, nights), start=1):
            _bring(store, scratch, night, version.adjustment)
            apart.cache.flush()
            between(apart, count)
            view = scratch.panel()
            done = columns_of(_readable(view.panel.fields), "market", view, apart)
            carried = np.array(list(done.values.values()))
            for what in ("advanced", "refolded", "unchanged"):
                work[what] = work.get(what, 0) + done.work.get(what, 0)
        copy = Path(folder) / "fresh"
        backup(scratch, copy)
        fresh = _fresh(copy, Path(folder), settings)
        if fresh.shape != carried.shape:
            raise VerifyError(f"{store.folder}: the store built anew has other symbols")
        differing = int((fresh.view(np.uint64) != carried.view(np.uint64)).sum())
        return Proof(count, carried.shape[1], carried.size, differing, work)


def _apart(settings: Settings, folder: Path) -> Settings:
    """The same settings with a cache of their own."""
    cache = Setting("cache", f"file://{folder / 'values'}", "verify")
    return replace(settings, given={**settings.given, "cache": cache})


def _nights(store: Store, nights: int) -> list[tuple[datetime | None, datetime | None]]:
    """From which instant to which each night's rows became known; the first has all before."""
    version = store.require()
    assert version.first is not None
    assert version.last is not None
    last = nyse().ordinal(version.last)
    nights = min(nights, last - nyse().ordinal(version.first))  # there are no earlier ones
    bounds = [nyse().opens(k + 1) for k in range(last - nights, last)]
    edges: list[datetime | None] = [None, *bounds, None]
    return list(pairwise(edges))


def _bring(
    store: Store, scratch: Store, night: tuple[datetime | None, datetime | None], adjustment: str
) -> None:
    """The rows that became known in one night."""
    after, until = night
    tables: dict[str, pl.DataFrame] = {}
    for name in ("bars", "actions", "tickers", "listings"):
        rows = store.table(name)
        known_at = pl.col("known_at")
        if name in {"tickers", "listings"}:  # who is who changes no bar; all of it at once
            tables[name] = rows.collect() if after is None else rows.collect().clear()
            continue
        if after is not None:
            rows = rows.filter(known_at >= after)
        if until is not None:
            rows = rows.filter(known_at < until)
        table = rows.collect()
        if name == "bars":
            table = table.with_columns(year=pl.col("session").dt.year())
        tables[name] = table
    scratch.commit(tables, adjustment=adjustment)


def _readable(fields: tuple[str, ...]) -> tuple[Series, ...]:
    """The series that bars with these fields can answer."""

    def reads(series: Series) -> bool:
        return series.name == "vwap" or any(reads(read) for read in series.inputs)

    return tuple(s for s in every_series() if "vwap" in fields or not reads(s))


def _fresh(copy: Path, folder: Path, settings: Settings) -> FloatArray:
    """The same columns, computed by another process from nothing."""
    target = folder / "fresh.arrow"
    done = subprocess.run(  # noqa: S603 -- our own module, by our own interpreter
        [
            sys.executable,
            "-m",
            "technic.compute.incremental_check",
            str(copy),
            str(target),
            str(settings.kernels),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise VerifyError(f"{copy}: the process that builds anew failed: {lines[-1]}")
    return pl.read_ipc(target).to_numpy().T.copy()


def _answer(copy: str, target: str, kernels: str) -> None:
    """What the other process does."""
    home = Path(kernels).parent.parent
    given = {
        "cache": Setting("cache", "none", "verify"),
        "home": Setting("home", str(home), "verify"),
    }
    store, settings = Store(Path(copy)), Settings(given)
    if settings.kernels != Path(kernels):
        settings = Settings({"cache": given["cache"], **Settings.load().given})
    view = store.panel()
    done = columns_of(_readable(view.panel.fields), "market", view, settings)
    table = pl.DataFrame({f"c{j}": column for j, column in enumerate(done.values.values())})
    table.write_ipc(target)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise StoreError("technic.compute.incremental_check is run by technic verify --incremental")
    _answer(*sys.argv[1:])
