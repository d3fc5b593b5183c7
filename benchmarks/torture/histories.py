"""Carrying on against starting anew: random histories, and the real nights of 2015 and 2016."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from technic.compute.incremental_check import prove
from technic.compute.kernel import ensure_compiled
from technic.compute.last_bar import columns_of
from technic.data.ingest import open_store
from technic.indicators import Series
from technic.indicators.define import every_series
from technic.market.sessions import nyse
from technic.runtime.settings import Setting, Settings

DATA = Path(os.environ.get("TECHNIC_TEST_DATA", "../shared/data")) / "bars"


def checks_random(tier: int, seed: int):
    settings = Settings.load()
    ensure_compiled(settings.kernels)
    count = 1_000 if tier == 2 else 60
    failed, work = 0, dict.fromkeys(("advanced", "refolded", "unchanged"), 0)
    for k in range(count):
        differing, done = history(seed * 100_000 + k, settings)
        failed += differing > 0
        for what in work:
            work[what] += done[what]
    yield (
        "random histories (splits, revisions, gaps, renames, backfills): carried on ≠ anew",
        failed,
        count,
        ", ".join(f"{k} {v:,}" for k, v in work.items()),
    )


def checks_real(tier: int, seed: int):
    settings = Settings.load()
    ensure_compiled(settings.kernels)
    bars = DATA / "us_2015_2016_as_traded.parquet"
    if not bars.exists():
        yield "real nights of 2015–16", 0, 0, "no real bars here"
        return
    with tempfile.TemporaryDirectory(prefix="technic-nights-") as folder:
        store = open_store(Path(folder) / "store")
        table = pl.read_parquet(bars)
        if tier == 1:
            chosen = table["symbol"].unique().sort().gather_every(8)
            table = table.filter(pl.col("symbol").is_in(chosen.implode()))
        store.import_bars(table)
        edits = pl.read_parquet(bars.with_name("us_2015_2016_revisions.parquet"))
        edits = edits.select(
            "symbol",
            "date",
            as_of="as_of_re",
            **{n: f"{n}_re" for n in ("open", "high", "low", "close", "volume")},
        )
        known = table["symbol"].unique()
        told = store.import_bars(edits.filter(pl.col("symbol").is_in(known.implode())))
        proof = prove(store, settings, 300 if tier == 2 else 25)
    yield (
        "real nights of 2015–16 replayed with their revisions: values that differ",
        proof.differing,
        proof.values,
        f"{proof.nights} nights, {told.revised:,} revisions, {proof.symbols:,} symbols; {proof.work}",
    )


def history(seed: int, settings: Settings):
    """One random history of a few symbols, night by night; how many values differ at any night."""
    rng = np.random.default_rng(seed)
    sessions = nyse()
    start = int(rng.integers(3_000, 6_000))
    length, nights = int(rng.integers(25, 90)), 4
    names = [f"S{j}" for j in range(int(rng.integers(3, 10)))]
    bars = {name: walk(rng, start, length) for name in names}
    differing, work = 0, dict.fromkeys(("advanced", "refolded", "unchanged"), 0)
    with tempfile.TemporaryDirectory(
        prefix="technic-history-", ignore_cleanup_errors=True
    ) as folder:
        store = open_store(Path(folder) / "store")
        own = replace(
            settings,
            given={
                **settings.given,
                "cache": Setting("cache", f"memory,file://{folder}/values", "test"),
            },
        )
        anew = settings.uncached()
        series = every_series() if rng.random() < 0.1 else some(rng)
        for night in range(nights):
            at = sessions.closes(start + length + night) + timedelta(hours=5)
            rows = events(rng, names, bars, start, length, night)
            store.import_bars(pl.DataFrame(rows), seen_at=at)
            if rng.random() < 0.2:
                rename(store, rng, at, sessions.day(start + length + night))
            view = store.panel()
            done = columns_of(series, "market", view, own)
            for what in work:
                work[what] += done.work.get(what, 0)
            if night < nights - 1 and rng.random() < 0.7:
                continue  # anew costs most of the time; the last night holds all before it
            fresh_store = open_store(Path(folder) / "store")
            panels = Path(folder) / "store" / "panels"
            kept = panels.rename(Path(folder) / "kept")
            fresh = columns_of(series, "market", fresh_store.panel(), anew)
            shutil.rmtree(panels)
            kept.rename(panels)
            for one in series:
                differing += int(
                    (done.values[one].view(np.uint64) != fresh.values[one].view(np.uint64)).sum()
                )
    return differing, work


def some(rng) -> tuple[Series, ...]:
    everything = every_series()
    chosen = rng.choice(len(everything), 12, replace=False)
    return tuple(s for s in (everything[int(i)] for i in chosen) if not reads_vwap(s))


def reads_vwap(series: Series) -> bool:
    return series.name == "vwap" or any(map(reads_vwap, series.inputs))


def walk(rng, start, length):
    close = float(np.exp(rng.normal(3.0, 1.0)))
    found = {}
    for k in range(start, start + length + 10):
        close *= float(np.exp(rng.normal(0.0, 0.03)))
        if rng.random() < 0.95:
            found[k] = bar(rng, close)
    return found


def bar(rng, close):
    opens = close * float(np.exp(rng.normal(0.0, 0.01)))
    high, low = (
        max(opens, close) * (1.0 + rng.random() / 30),
        min(opens, close) * (1.0 - rng.random() / 30),
    )
    return {
        "open": opens,
        "high": high,
        "low": low,
        "close": close,
        "volume": float(rng.integers(0, 10**6)),
    }


def events(rng, names, bars, start, length, night):
    """The rows of one night: new bars, revisions at any depth, splits, backfills, new listings."""
    day = nyse().day
    rows = []
    newest = start + length + night
    for name in names:
        known = bars[name]
        late = rng.random() < 0.1 and night == 0
        for k in sorted(known):
            is_new = k == newest or (night == 0 and k < newest and not (late and k < start + 10))
            if is_new and k <= newest:
                split = (
                    float(rng.choice([2.0, 0.1, 3.0]))
                    if rng.random() < (0.05 if k == newest else 0.001)
                    else None
                )
                if split:
                    show(known, k, split)
                rows.append({"symbol": name, "date": day(k), **known[k], "split": split})
            elif night and k < newest and rng.random() < 0.004:
                rows.append(
                    {
                        "symbol": name,
                        "date": day(k),
                        **bar(rng, known[k]["close"] * 1.01),
                        "split": None,
                    }
                )
        if night == 2 and late:
            rows += [
                {"symbol": name, "date": day(k), **known[k], "split": None}
                for k in known
                if k < start + 10
            ]
    if night == 1 and rng.random() < 0.3:
        bars["NEW"] = walk(rng, newest, 3)
        names.append("NEW")
        rows.append(
            {
                "symbol": "NEW",
                "date": day(newest),
                **bars["NEW"].get(newest, bar(rng, 5.0)),
                "split": None,
            }
        )
    if not rows:
        rows.append({"symbol": names[0], "date": day(newest), **bar(rng, 10.0), "split": None})
    unique = {(row["symbol"], row["date"]): row for row in rows}
    schema = {"split": pl.Float64}
    return pl.DataFrame(list(unique.values()), schema_overrides=schema)


def show(known, k: int, split: float) -> None:
    """Let prices show a split from a session on: one that they do not show is set aside."""
    for j in known:
        if j >= k:
            known[j] = {n: v * split if n == "volume" else v / split for n, v in known[j].items()}


def rename(store, rng, at: datetime, day):
    """A security takes another ticker: its bars stay what they are."""
    tickers = store.table("tickers").collect()
    row = tickers.row(int(rng.integers(len(tickers))), named=True)
    if row["era"]:
        return
    new = {
        **row,
        "symbol": row["symbol"] + "X",
        "since": day,
        "era": 1,
        "known_at": at.astimezone(UTC),
    }
    store.commit(
        {
            "tickers": pl.DataFrame(
                [{**row, "until": day, "known_at": at.astimezone(UTC)}, new], schema=tickers.schema
            )
        }
    )


CHECKS = {"histories": checks_random, "nights": checks_real}
