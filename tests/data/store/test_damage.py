"""A file that is not what was written gives the same answer, made anew, or one clear error."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import orjson
import polars as pl
import pytest

import technic as tc
from technic.compute.last_bar import columns_of
from technic.data.simulated.market import simulate
from technic.data.store import mapped_panel, panels, recorded, tables
from technic.data.store.integrity import examine_files
from technic.data.store.panel_index import read_index, write_index
from technic.data.store.version import read_version
from technic.errors import StoreError
from technic.indicators import Series
from technic.market.sessions import nyse
from technic.operations.intraday import merge
from technic.runtime.settings import Setting, Settings

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


def forget():
    """What a process remembers of files it found whole: tests strike within one process."""
    tables._WHOLE.clear()
    tables._LOGS.clear()
    recorded._BELIEVED.clear()
    recorded._KNOWN.clear()
    mapped_panel._VIEWS.clear()
    panels._BARS.clear()


@pytest.fixture
def store(tmp_path):
    made = simulate(seed=2, size=21, sessions=40)
    store = tc.open_store(tmp_path / "store")
    last = made.bars["date"].max()
    store.import_bars(made.bars.filter(pl.col("date") < last), simulated=made.about)
    store.panel()
    store.import_bars(made.bars, simulated=made.about)
    store.panel()
    yield store
    forget()


def flip(path, at, bit=3):
    content = bytearray(path.read_bytes())
    content[at] ^= 1 << bit
    path.write_bytes(content)


def flip_close(store, symbol=5, back=3, bit=61):
    """Make one close of the mapped panel another number."""
    view = store.panel()
    bars = np.memmap(
        view.path.parent / view.bars.data, np.float64, "r+", shape=view.panel.bars.shape
    )
    block, lane = divmod(int(view.panel.places[symbol]), 8)
    bars.view(np.uint64)[block, 3, view.panel.lengths[symbol] - back, lane] ^= np.uint64(1 << bit)
    bars.flush()
    forget()


def closes(view):
    return [view.panel.run(i, "close").tolist() for i in range(len(view))]


def test_a_flipped_bit_of_a_panel_is_never_shown(store, kernels, caplog):
    before, values = tc.scan(store), closes(store.panel())
    flip_close(store)
    assert [d.path[-4:] for d in damage_seen(store)] == [".f64"]
    after = tc.scan(store, settings=Settings.load().uncached())
    assert after.manifest == before.manifest
    assert closes(store.panel()) == values
    assert sum("made anew" in record.message for record in caplog.records) == 1
    assert not damage_seen(store)


def flat(runs):
    return list(chain.from_iterable(runs))


def damage_seen(store):
    return examine_files(store, contents=False).damage


def test_closes_beside_a_row_are_checked_although_its_columns_are_cached(store, kernels, tmp_path):
    kept = Setting("cache", f"file://{tmp_path}/values", "test")
    settings = Settings({**Settings.load().given, "cache": kept})
    first = tc.scan(store, rank="close", top=3, settings=settings)
    settings.cache.flush()
    shutil.rmtree(tmp_path / "values/report")
    at = list(first.symbols).index(first.shown[0].symbol)
    flip_close(store, symbol=at, back=5)
    again = tc.scan(store, rank="close", top=3, settings=settings)
    assert again.work["computed"] == 0
    assert [row.closes for row in again.shown] == [row.closes for row in first.shown]


def test_a_past_session_and_a_day_so_far_stand_on_checked_bars(store):
    version = store.version()
    day = nyse().day(nyse().ordinal(version.last) - 4)
    before = closes(store.panel(day))
    flip_close(store, back=20)
    assert closes(store.panel(day)) == before
    flip_close(store, back=20)
    view = store.panel()
    ordinal = nyse().ordinal(version.last) + 1
    close = view.who.select("symbol").with_columns(
        **{name: pl.Series(view.panel.last("close")) for name in ("open", "high", "low", "close")},
        volume=pl.lit(5.0),
        vwap=pl.lit(None, pl.Float64),
        before=pl.Series(view.panel.last("close")),
    )
    merged = merge(store, view, close.head(3), nyse().day(ordinal)).view
    now, then = closes(merged), closes(view)
    assert [run[: len(old)] for run, old in zip(now, then, strict=True)] == then


def test_an_extension_goes_on_from_bars_it_has_not_blessed(store):
    """A bit that flipped before newer bars were written behind is found after it too."""
    made = simulate(seed=2, size=21, sessions=40).bars
    flip_close(store, back=10)
    day = nyse().day(nyse().ordinal(store.version().last) + 1)
    more = made.filter(pl.col("date") == made["date"].max()).with_columns(date=pl.lit(day))
    store.import_bars(more, simulated=store.version().simulated)
    want = store.fresh_bars(store.version())
    assert flat(closes(store.panel())) == want["close"].to_list()


def test_an_older_index_of_an_extended_file_is_whole(store):
    for number in (1, 2):
        version = store.version(number)
        assert flat(closes(store.panel(version=version))) == (
            store.fresh_bars(version)["close"].to_list()
        )
    assert len(list((store.folder / "panels").glob("*.f64"))) == 1
    assert not damage_seen(store)


def test_every_flipped_byte_of_an_index_is_seen(store):
    path = store.panel().path.with_suffix(".arrow")
    for part in (path, path.with_suffix(".json")):
        content = part.read_bytes()
        for at in {*range(0, len(content), 37), len(content) - 1}:
            flip(part, at, at % 8)
            assert read_index(path) is None, (part, at)
            part.write_bytes(content)
    assert read_index(path) is not None
    for cut in (0, 1, len(content) // 2):
        part.write_bytes(content[:cut])
        assert read_index(path) is None
    part.write_bytes(content)


@pytest.mark.parametrize(
    "lie",
    [
        lambda i: {"places": np.where(i.places == 3, 10**9, i.places)},
        lambda i: {"places": np.where(i.places == 3, -1, i.places)},
        lambda i: {"places": np.where(i.places == 3, 2, i.places)},
        lambda i: {"lengths": i.lengths + i.n_rows},
        lambda i: {"lengths": i.lengths - 1_000},
        lambda i: {"n_rows": i.n_rows * 1_000},
        lambda i: {"n_blocks": i.n_blocks + 1},
        lambda i: {"n_blocks": -1},
        lambda i: {"data": "../" + i.data},
        lambda i: {"data": "none.f64"},
        lambda i: {"who": i.who.reverse()},
    ],
)
def test_an_index_with_right_seals_and_impossible_numbers_is_not_read(store, lie):
    path = store.panel().path.with_suffix(".arrow")
    index = read_index(path)
    write_index(path, replace(index, **lie(index)))
    assert read_index(path) is None
    forget()
    assert closes(store.panel())


def test_a_panel_that_was_cut_or_removed_is_made_anew(store):
    values, folder = closes(store.panel()), store.folder / "panels"
    data = next(folder.glob("*.f64"))
    data.write_bytes(data.read_bytes()[:-9])
    forget()
    assert closes(store.panel()) == values
    next(folder.glob("*.f64")).unlink()
    forget()
    assert closes(store.panel()) == values


def test_a_damaged_table_is_one_clear_error_before_it_is_believed(store):
    files = [*(store.folder / "tables").rglob("*.parquet")]
    files += (store.folder / "tables/bars/_delta_log").glob("*.json")
    shutil.rmtree(store.folder / "panels")
    bars = [p for p in files if "/bars/" in str(p)]
    assert len(bars) > 3
    for path in bars:
        content = path.read_bytes()
        flip(path, len(content) // 3)
        forget()
        with pytest.raises(StoreError) as caught:
            store.panel()
        text = str(caught.value)
        assert path.name in text
        assert "technic doctor --deep" in text
        assert "technic sync --repair" in text
        assert "\n" not in text
        path.write_bytes(content)
    forget()
    store.panel()


def test_nothing_is_appended_to_a_damaged_log(store):
    log = store.folder / "tables/bars/_delta_log/00000000000000000001.json"
    version = store.version()
    flip(log, 300)
    forget()
    made = simulate(seed=2, size=21, sessions=40).bars.with_columns(volume=pl.lit(3.0))
    with pytest.raises(StoreError, match="damaged"):
        store.import_bars(made, simulated=version.simulated)
    assert store.version() == version


def test_a_mark_of_a_checkpoint_that_is_not_there_is_dropped(store):
    """Readers never look at it; who writes would find no version of the table."""
    mark = store.folder / "tables/bars/_delta_log/_last_checkpoint"
    mark.write_bytes(b'{"version":1,"size":3,"sizeInBytes":15359,"numOfAddFiles":1}\n')
    forget()
    tables._files_of_version.cache_clear()
    assert store.table("bars").collect().height
    made = simulate(seed=9, size=30, sessions=40).bars.with_columns(volume=pl.lit(3.0))
    store.import_bars(made, simulated=store.version().simulated)
    assert not mark.exists()


def test_a_record_in_the_place_of_another_is_damage(store):
    one, two = (store.folder / f"versions/{n:08d}.json" for n in (1, 2))
    content = two.read_bytes()
    two.write_bytes(one.read_bytes())
    with pytest.raises(StoreError, match=r"00000002\.json: is damaged"):
        store.version()
    two.write_bytes(content)
    told = orjson.loads(one.read_bytes())
    one.write_bytes(orjson.dumps({**told, "format": 1, "adjustment": "splits"}))
    with pytest.raises(StoreError, match=r"00000001\.json: is damaged"):
        read_version(store.folder, 1)
    del told["seal"]
    one.write_bytes(orjson.dumps({**told, "format": 1, "added": {}}))
    forget()
    with pytest.raises(StoreError, match=r"00000001\.json: is damaged"):
        store.table("bars")  # the record that follows names another


def test_a_damaged_name_of_the_store_is_written_anew(store):
    path = store.folder / "store.json"
    content = path.read_bytes()
    for bad in (b"", b"{", content.replace(b"identity", b"idextity"), content[:-3] + b'0"}'):
        path.write_bytes(bad)
        tc.open_store(store.folder).import_bars(
            simulate(seed=2, size=21, sessions=40).bars.with_columns(
                volume=pl.lit(float(len(bad)))
            ),
            simulated=store.version().simulated,
        )
        assert store.version().identity == orjson.loads(content)["identity"]


def test_names_of_views_hold_what_they_were_made_from(tmp_path, kernels):
    """The same version of the same store, made of other bars: nothing kept is found again."""
    settings = Settings(
        {**Settings.load().given, "cache": Setting("cache", f"file://{tmp_path}/values", "test")}
    )
    made = simulate(seed=2, size=21, sessions=40)
    views = []
    for factor in (1.0, 2.0):
        store = tc.open_store(tmp_path / "store")
        (tmp_path / "store").mkdir(exist_ok=True)
        (tmp_path / "store" / "store.json").write_bytes(orjson.dumps({"identity": "0123456789"}))
        bars = made.bars.with_columns(pl.col("open", "high", "low", "close") * factor)
        store.import_bars(bars, simulated=made.about)
        view = store.panel()
        views.append(view)
        series = (Series("close"),)
        done = columns_of(series, "market", view, settings)
        assert done.work["computed"] == 1
        assert np.array_equal(done.values[series[0]], view.panel.last("close"), equal_nan=True)
        report = tc.scan(store, rank="close", settings=settings)
        at = report.symbols.index(report.shown[0].symbol)
        assert report.shown[0].closes[-1] == view.panel.last("close")[at]
        settings.cache.flush()
        shutil.rmtree(tmp_path / "store")
        forget()
    assert views[0].version.name == views[1].version.name
    assert views[0].name != views[1].name
    assert views[0].version.content != views[1].version.content


@pytest.mark.slow
def test_files_struck_at_random_give_the_same_answer_or_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from torture.damage import Victim, strike

    found = list(strike(Victim(tmp_path), range(48), 2))
    counts = Counter(outcome.verdict for outcome in found)
    assert [outcome for outcome in found if outcome.is_bad] == []
    assert counts["error"]
    assert counts["mended"]
