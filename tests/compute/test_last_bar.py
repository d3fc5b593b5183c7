"""Carried on or computed anew, found or made: the same bits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import technic as tc
from technic.compute import last_bar
from technic.compute.incremental_check import prove
from technic.compute.last_bar import columns_of
from technic.data.simulated import simulate
from technic.indicators import REGISTRY
from technic.indicators.define import every_series
from technic.market.sessions import nyse
from technic.runtime.cache import FileCache
from technic.runtime.settings import Setting, Settings
from technic.scanner.spec.scan_file import ScanFile


def with_cache(folder):
    settings = Settings.load()
    own = Setting("cache", f"memory,file://{folder}", "test")
    return replace(settings, given={**settings.given, "cache": own})


@pytest.fixture
def nightly(tmp_path, kernels):
    """A store that grew night by night, its bars by night, and settings with a cache of its own."""
    made = simulate(seed=9, size=150, sessions=140).bars
    days = made["date"].unique().sort()
    store = tc.open_store(tmp_path / "store")
    store.import_bars(made.filter(pl.col("as_of") <= days[-6]))
    nights = [made.filter(pl.col("as_of") == day) for day in days[-5:]]
    return store, nights, with_cache(tmp_path / "values")


def plain(series):
    def vwap(one):
        return one.name == "vwap" or any(map(vwap, one.inputs))

    return tuple(s for s in series if not vwap(s))


def differing(a, b):
    return sum(
        int((a.values[s].view(np.uint64) != b.values[s].view(np.uint64)).sum()) for s in a.values
    )


def test_nights_carried_on_equal_nights_from_nothing(nightly):
    store, nights, settings = nightly
    series = plain(every_series())
    first = columns_of(series, "market", store.panel(), settings)
    assert first.work["refolded"] == len(store.panel().panel)
    for night in nights:
        store.import_bars(night)
        view = store.panel()
        carried = columns_of(series, "market", view, settings)
        assert carried.work["advanced"] > 100
        assert 0 < carried.work["refolded"] < 30, "only who was revised or split"
        assert differing(carried, columns_of(series, "market", view, settings.uncached())) == 0
    proof = prove(store, settings, 4)
    assert proof.differing == 0
    assert proof.work["advanced"] > 300


def test_a_new_combination_of_known_features_is_carried_on_by_one_bar(nightly):
    store, nights, settings = nightly
    ema, rsi, atr = REGISTRY["ema"], REGISTRY["rsi"], REGISTRY["atr"]
    for asked in ((ema(20), rsi(14)), (ema(50) / ema(20), atr(14)), (ema(ema(20), 9),)):
        columns_of(asked, "market", store.panel(), settings)
    store.import_bars(nights[0])
    view = store.panel()
    combined = (rsi(14) - ema(50), ema(ema(20), 9) / atr(14), REGISTRY["sma"](7))
    done = columns_of(combined, "market", view, settings)
    assert done.work["advanced"] > 100
    assert done.work["refolded"] < 30
    assert differing(done, columns_of(combined, "market", view, settings.uncached())) == 0


def test_only_what_nobody_has_asked_for_starts_from_nothing(nightly, monkeypatch):
    store, nights, settings = nightly
    ema, rsi = REGISTRY["ema"], REGISTRY["rsi"]
    slope = REGISTRY["slope"]
    columns_of((ema(20), slope(ema(30), 5)), "market", store.panel(), settings)
    bars = []
    run = last_bar.advance_last_bars

    def watched(program, panel, kernels, **about):
        since = about.get("since")
        names = {fold.node.params for fold in program.folds}
        bars.append((names, int((panel.lengths if since is None else since.fresh).max())))
        return run(program, panel, kernels, **about)

    monkeypatch.setattr(last_bar, "advance_last_bars", watched)
    for k, night in enumerate(nights[:2]):
        store.import_bars(night)
        view = store.panel()
        asked = (ema(20), rsi(9) + ema(20), slope(ema(30), 5), ema(30))
        done = columns_of(asked, "market", view, settings)
        assert differing(done, columns_of(asked, "market", view, settings.uncached())) == 0
        mine = bars[: 2 - k]
        if k == 0:
            assert mine[0][0] == {(20,), (30,)}
            assert mine[1][0] == {(9,), (20,)}
        else:
            assert mine[0][0] == {(20,), (30,), (9,)}
        bars.clear()


def test_one_planted_bit_is_found(nightly):
    store, nights, settings = nightly
    for night in nights:
        store.import_bars(night)

    def plant(own, night):
        """Flip one bit of one number of state, in an envelope that is right."""
        if night != 3:
            return
        cache = own.cache.tiers[0]
        assert isinstance(cache, FileCache)
        for path in (cache.folder / "state").rglob("*"):
            if path.is_file():
                key = f"state/{path.name}"
                content = cache.get_many([key])[key]
                table = np.frombuffer(content[4:], dtype=np.int64).copy()
                symbols = int(np.argmax(np.diff(table) <= 0)) + 1  # ids rise
                table[4 * symbols + 3] ^= 1 << 30  # an average: what is in it never quite leaves
                cache.put_many({key: content[:4] + table.tobytes()})

    assert prove(store, settings, 4, between=plant).differing > 0


def test_a_question_over_known_features_computes_none(nightly):
    store, _, settings = nightly
    tc.scan(store, where="rsi(14) < 50", rank="close", settings=settings)
    report = tc.scan(store, where="rsi(14) < 40 and rsi(14) > 10", rank="close", settings=settings)
    assert report.work["computed"] == 0
    assert report.work["found"] >= 3
    assert report.n_ranked > 3
    again = tc.scan(store, where="rsi(14) < 40 and rsi(14) > 10", rank="close", settings=settings)
    assert again.work["memory hits"] == 2  # what the text means, and the report
    assert "computed" not in again.work
    bare = tc.scan(
        store, where="rsi(14) < 40 and rsi(14) > 10", rank="close", settings=settings.uncached()
    )
    assert again.manifest == report.manifest == bare.manifest
    assert again.as_dict()["rows"] == bare.as_dict()["rows"]
    assert again.ledger.equals(bare.ledger)
    assert again.question == report.question


def test_reports_are_kept_apart_by_everything_that_matters(nightly):
    store, nights, settings = nightly
    seals = {tc.scan(store, settings=settings).manifest["seal"]}
    seals.add(tc.scan(store, top=3, settings=settings).manifest["seal"])
    seals.add(tc.scan(store, symbols=["NA"], settings=settings).manifest["seal"])
    day = nyse().day(nyse().ordinal(store.version().last) - 3)
    seals.add(tc.scan(store, as_of=day, settings=settings).manifest["seal"])
    store.import_bars(nights[0])
    seals.add(tc.scan(store, settings=settings).manifest["seal"])
    seals.add(
        tc.scan(store, file=ScanFile.preset("momentum-leaders"), settings=settings).manifest["seal"]
    )
    assert len(seals) == 6


def test_a_watch_list_that_is_edited_is_read_again(nightly):
    from datetime import UTC, datetime

    store, _, settings = nightly
    symbols = store.panel().who["symbol"].to_list()
    store.catalog.watch("mine", symbols[:5], datetime.now(UTC))
    first = tc.scan(store, where="in_list('mine')", rank="close", settings=settings)
    store.catalog.watch("mine", symbols[5:9], datetime.now(UTC))
    second = tc.scan(store, where="in_list('mine')", rank="close", settings=settings)
    assert first.n_ranked < second.n_ranked
    assert first.manifest["seal"] != second.manifest["seal"]


def test_damage_in_the_cache_changes_nothing(nightly, tmp_path):
    store, _, settings = nightly
    expected = tc.scan(store, settings=settings).manifest
    settings.cache.flush()
    for path in (tmp_path / "values").rglob("*"):
        if path.is_file():
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 4
            path.write_bytes(content)
    apart = with_cache(tmp_path / "values" / ".." / "values")
    assert tc.scan(store, settings=apart).manifest == expected


def test_the_market_level_does_not_depend_on_where_symbols_lie(nightly):
    from technic.compute.benchmark import benchmark_closes

    store, nights, _ = nightly
    store.panel()
    for night in nights:
        store.import_bars(night)
    grown = benchmark_closes(store.panel(), "market")
    import shutil

    shutil.rmtree(store.folder / "panels")
    fresh = benchmark_closes(tc.open_store(store.folder).panel(), "market")
    assert np.array_equal(grown.view(np.uint64), fresh.view(np.uint64))
