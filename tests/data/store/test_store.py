"""The store: what is committed is whole, what was known is remembered, panels are only a cache."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from technic.data.ingest import FileStore, open_store
from technic.data.store import commits
from technic.errors import SchemaError, StoreError
from technic.market.sessions import nyse

LAST = nyse().ordinal(date(2024, 3, 8))


def bars(symbols=("AAA", "BBB", "CCC"), sessions=40, until=LAST, seed=0, **more):
    rng = np.random.default_rng(seed)
    days = nyse().dates[until - sessions + 1 : until + 1]
    rows = []
    for k, symbol in enumerate(symbols):
        close = 20.0 * (k + 1) * np.exp(np.cumsum(rng.normal(0, 0.02, sessions)))
        for day, c in zip(days, close, strict=True):
            o = c * (1 + rng.normal(0, 0.005))
            rows.append(
                {
                    "symbol": symbol, "date": day.astype(object), "open": o,
                    "high": max(o, c) * 1.01, "low": min(o, c) * 0.99, "close": c,
                    "volume": float(rng.integers(1, 10_000)), **more,
                }
            )  # fmt: skip
    return pl.DataFrame(rows)


def split_at(table, day, ratio, shown=None):
    """The table with a split, and prices from its day on in new shares."""
    later = pl.col("date") >= day
    return table.with_columns(
        pl.when(later).then(pl.col(name) / (shown or ratio)).otherwise(name).alias(name)
        for name in ("open", "high", "low", "close")
    ).with_columns(split=pl.when(pl.col("date") == day).then(ratio).otherwise(1.0))


def closes(view, symbol):
    i = view.who["symbol"].to_list().index(symbol)
    return view.panel.run(i, "close")


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path / "market")


def test_a_second_import_of_the_same_rows_changes_nothing(store):
    first = store.import_bars(bars())
    again = store.import_bars(bars())
    assert first.added == 120
    assert (again.added, again.revised, again.known) == (0, 0, 120)
    assert again.version == first.version


def test_every_row_is_in_exactly_one_count(store):
    table = bars()
    bad = table.with_columns(symbol=pl.lit("BAD!"))
    both = pl.concat([table, table.head(7), bad.head(5)])
    found = store.import_bars(both)
    assert found.rows == 132
    assert found.added + found.repeated + sum(found.quarantined.values()) == found.rows
    assert store.catalog.quarantined() == {"bad_symbol": 5}


def test_hazard_tickers_survive_a_csv_file(store, tmp_path):
    names = ("NA", "NAN", "TRUE", "ON", "DEC", "NULL", "INF")
    path = tmp_path / "bars.csv"
    bars(names).write_csv(path)
    store.import_bars(path)
    assert sorted(store.panel().who["symbol"]) == sorted(names)


def test_yfinance_names_are_understood(store):
    table = bars(("AAA",)).rename(
        {"symbol": "Ticker", "date": "Date", "open": "Open", "high": "High", "low": "Low",
         "close": "Close", "volume": "Volume"}
    ).with_columns(pl.lit(0.0).alias("Stock Splits"), pl.lit(0.0).alias("Dividends"))  # fmt: skip
    assert store.import_bars(table).added == 40


def test_a_split_adjusts_what_lies_before_it_and_only_once_it_is_known(store):
    table = bars(("AAA",), 30)
    table = split_at(table, table["date"][20], 4.0)
    store.import_bars(table)
    raw = table["close"].to_numpy()
    today = closes(store.panel(), "AAA")
    np.testing.assert_array_equal(today[:20], raw[:20] / 4.0)
    np.testing.assert_array_equal(today[20:], raw[20:])
    before = closes(store.panel(as_of=table["date"][19]), "AAA")
    np.testing.assert_array_equal(before, raw[:20])


def test_a_correction_is_a_new_row_and_the_past_keeps_what_it_saw(store):
    store.import_bars(bars(("AAA", "BBB")))
    changed = bars(("AAA", "BBB")).with_columns(
        volume=pl.when((pl.col("symbol") == "AAA") & (pl.col("date") == pl.col("date").max()))
        .then(77.0)
        .otherwise("volume")
    )
    seen = datetime(2024, 3, 20, tzinfo=UTC)
    found = store.import_bars(changed, seen_at=seen)
    assert (found.added, found.revised) == (0, 1)
    day = date(2024, 3, 8)
    newest = store.panel().panel.last("volume")[0]
    then = store.panel(as_of=day).panel.last("volume")[0]
    later = store.panel(as_of=day, known_at=seen + timedelta(seconds=1)).panel.last("volume")[0]
    assert newest == later == 77.0
    assert then != 77.0


def test_as_of_is_given_by_the_file_where_it_has_it(store):
    table = bars(("AAA",), 5)
    late = table.with_columns(as_of=pl.col("date") + pl.duration(days=10))
    store.import_bars(late)
    days = table["date"].to_list()
    assert store.panel(as_of=days[-1]).panel.n_bars == 0
    assert store.panel().panel.n_bars == 5


def test_adjusted_and_raw_bars_are_never_mixed(store):
    store.import_bars(bars(), "splits")
    with pytest.raises(StoreError, match="never mixed and nothing was imported"):
        store.import_bars(bars(), "none")
    assert store.version().number == 1


def test_a_panel_that_was_extended_is_the_panel_built_from_nothing(store, tmp_path):
    """Append sessions, revise one bar, split another symbol, list a third: the same bits."""
    store.import_bars(bars(until=LAST - 3, sessions=37))
    first = store.panel()
    base = bars(sessions=40)
    more = base.filter(pl.col("date") > nyse().day(LAST - 3))
    others = more.filter(pl.col("symbol") != "BBB").with_columns(split=pl.lit(1.0))
    split = split_at(more.filter(pl.col("symbol") == "BBB"), nyse().day(LAST), 2.0)
    assert store.import_bars(pl.concat([others, split])).actions == 1
    store.import_bars(bars(("NEW",), 3))
    fixed = base.filter((pl.col("symbol") == "CCC") & (pl.col("date") == nyse().day(LAST - 20)))
    store.import_bars(fixed.with_columns(volume=pl.lit(5.0)))
    extended = store.panel()
    data = {path.name for path in (store.folder / "panels").glob("*.f64")}
    assert len(data) == 1, "it was extended, not rebuilt"

    shutil.copytree(store.folder, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "panels")
    rebuilt = FileStore(tmp_path / "copy").panel()
    assert extended.who.equals(rebuilt.who)
    for i in range(len(rebuilt.panel)):
        for name in rebuilt.panel.fields:
            np.testing.assert_array_equal(extended.panel.run(i, name), rebuilt.panel.run(i, name))
    # and the older index still shows what it showed
    again = FileStore(store.folder).panel(version=store.version(first.version.number))
    for i in range(len(first.panel)):
        np.testing.assert_array_equal(first.panel.run(i, "close"), again.panel.run(i, "close"))


def test_an_interrupted_import_leaves_the_old_version_whole(store, monkeypatch):
    store.import_bars(bars(until=LAST - 5))
    before = store.version()

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(commits, "write_version", killed)
        with pytest.raises(KeyboardInterrupt):
            store.import_bars(bars())
    fresh = FileStore(store.folder)
    assert fresh.version() == before
    assert fresh.table("bars").select(pl.len()).collect().item() == 120
    done = fresh.import_bars(bars())
    assert fresh.table("bars").select(pl.len()).collect().item() == 120 + done.added + done.revised


def test_a_reader_keeps_its_version_while_another_one_comes(store):
    store.import_bars(bars(until=LAST - 5))
    pinned = store.version()
    store.import_bars(bars(("ZZZ",)))
    assert store.table("tickers", pinned).collect().height == 3
    assert store.table("tickers").collect().height == 4


def test_a_store_of_a_newer_format_is_refused(store):
    store.import_bars(bars())
    path = store.folder / "versions/00000001.json"
    path.write_text(path.read_text().replace('"format": 5', '"format": 99'))
    with pytest.raises(StoreError, match="newer technic"):
        store.version()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    """As an ordinary user: root may write anywhere."""
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from technic.errors import StoreError\n"
        "from technic.runtime.files import writing\n"
        "if os.geteuid() == 0: os.seteuid(65534)\n"
        "try:\n"
        "    with writing(Path(sys.argv[1], 'x')): print('written')\n"
        "except StoreError as error: print(error)\n"
    )
    tmp_path.chmod(0o500)
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    tmp_path.chmod(0o700)
    assert "cannot be written" in done.stdout
    assert "nothing was changed" in done.stdout


def test_a_path_that_is_a_file_is_named(tmp_path):
    (tmp_path / "x").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        open_store(tmp_path / "x" / "y").import_bars(bars())


def test_a_file_without_a_column_says_which(store, tmp_path):
    path = tmp_path / "bars.csv"
    bars().drop("volume").write_csv(path)
    with pytest.raises(SchemaError, match=r"bars\.csv: no column volume"):
        store.import_bars(path)
    assert store.version().number == 0


def test_a_date_outside_the_store_names_what_it_holds(store):
    store.import_bars(bars())
    with pytest.raises(StoreError, match="holds sessions from"):
        store.panel(as_of=date(2020, 1, 2))


def test_listings_give_names_types_and_sectors(store):
    store.import_bars(bars())
    frame = pl.DataFrame(
        {"symbol": ["AAA", "BBB", "QQQQ"], "name": ["Alpha", "Beta", "Fund"],
         "type": ["CS", "Common Stock", "ETF"], "sector": ["Technology", "Nonsense", None]}
    )  # fmt: skip
    taken = store.import_listings(frame)
    assert (taken.rows, taken.new, taken.strange) == (3, 3, ("Nonsense",))
    assert taken.aliases == {"Technology": "Information Technology"}
    who = store.panel().who
    row = who.filter(pl.col("symbol") == "AAA").row(0, named=True)
    assert (row["name"], row["type"], row["sector"]) == (
        "Alpha",
        "common",
        "Information Technology",
    )
    assert who.filter(pl.col("symbol") == "QQQQ")["type"].to_list() == ["etf"]
    assert store.import_listings(frame).new == 0


def test_a_sector_is_known_from_the_day_it_was_told_and_not_before(store):
    """A name is for ever; a sector told today says nothing about last week."""
    days = [date(2024, 3, d) for d in (6, 7, 8)]
    store.import_bars(bars())
    frame = pl.DataFrame({"symbol": ["AAA"], "name": ["Alpha"], "sector": ["Energy"]})
    store.import_listings(frame, seen_at=datetime(2024, 3, 7, 18, tzinfo=UTC))
    sectors = {
        day: store.panel(as_of=day).who.filter(pl.col("symbol") == "AAA")["sector"].item()
        for day in days
    }
    assert sectors == {days[0]: None, days[1]: "Energy", days[2]: "Energy"}
    assert store.panel(as_of=days[0]).who["name"].drop_nulls().to_list() == ["Alpha"]


def test_a_store_named_relatively_takes_in_more_and_more(tmp_path, monkeypatch):
    """Delta tells whole paths, the user half of one."""
    monkeypatch.chdir(tmp_path)
    store = FileStore(Path("here"))
    store.import_bars(bars(until=LAST - 1))
    monkeypatch.chdir("/")
    store.import_bars(bars())
    assert store.panel().panel.n_bars == 3 * 41


def test_watch_lists_are_kept(store):
    store.import_bars(bars())
    now = datetime(2024, 3, 9, tzinfo=UTC)
    assert store.catalog.watch("mine", ["AAA", "BBB"], now) == 2
    assert store.catalog.watch("mine", ["AAA"], now) == 0
    assert store.catalog.unwatch("mine", ["BBB", "CCC"]) == 1
    assert FileStore(store.folder).catalog.watched("mine") == ["AAA"]
    assert store.catalog.watchlists() == {"mine": 1}


def test_the_index_is_rebuilt_from_the_tables_if_it_is_lost(store):
    store.import_bars(bars())
    assert store.catalog.mirrors() == 1
    (store.folder / "catalog.sqlite").unlink()
    assert FileStore(store.folder).catalog.mirrors() == 1


FUTURE = datetime(2028, 5, 1, tzinfo=UTC)  # what a clock said that was wrong once


def volume_of(store, symbol="AAA"):
    view = store.panel()
    return view.panel.last("volume")[view.who["symbol"].to_list().index(symbol)]


def with_volume(volume):
    newest = pl.col("date") == pl.col("date").max()
    return bars(("AAA", "BBB")).with_columns(
        volume=pl.when(newest).then(volume).otherwise("volume")
    )


@pytest.mark.parametrize("seen", [None, datetime(2024, 4, 1, tzinfo=UTC)], ids=["now", "said"])
def test_a_clock_that_was_wrong_once_hides_no_later_correction(store, seen):
    store.import_bars(bars(("AAA", "BBB")))
    store.import_bars(with_volume(11.0), seen_at=FUTURE)
    for volume in (22.0, 33.0):
        store.import_bars(with_volume(volume), seen_at=seen)
        assert volume_of(store) == volume
    known = store.table("bars").collect().filter(pl.col("volume").is_in([11.0, 22.0, 33.0]))
    assert known.sort("known_at")["volume"].to_list() == [11.0] * 2 + [22.0] * 2 + [33.0] * 2


def test_a_correction_with_the_clock_a_day_back_counts(store):
    at = datetime(2024, 4, 2, tzinfo=UTC)
    store.import_bars(bars(("AAA", "BBB")))
    store.import_bars(with_volume(11.0), seen_at=at)
    store.import_bars(with_volume(22.0), seen_at=at - timedelta(days=1))
    assert volume_of(store) == 22.0


def test_what_is_said_of_companies_and_splits_counts_though_the_clock_is_behind(store):
    table = bars(("AAA",), 30)

    def split(ratio):
        return split_at(table, table["date"][20], ratio, shown=5.0)

    def sector(name, seen):
        store.import_listings(pl.DataFrame({"symbol": ["AAA"], "sector": [name]}), seen_at=seen)
        newest = store.table("classifications").collect().sort("known_at")["sector"][-1]
        assert newest == name

    store.import_bars(split(4.0), seen_at=FUTURE)
    for ratio in (6.0, 5.0):  # each nearer to what prices show than the word before
        store.import_bars(split(ratio), seen_at=datetime(2024, 4, 1, tzinfo=UTC))
        assert closes(store.panel(), "AAA")[0] == table["close"][0] / ratio
    sector("Energy", FUTURE)
    sector("Utilities", datetime(2024, 4, 1, tzinfo=UTC))
    sector("Financials", None)


def test_nothing_is_learned_before_the_newest_word_and_a_clock_behind_it_is_told(store):
    now = datetime(2024, 4, 1, tzinfo=UTC)
    assert store.learned_at(now) == now
    assert store.clock_note(now) == ""
    store.import_bars(bars(("AAA", "BBB")))
    assert store.clock_note(now) == ""
    store.import_bars(with_volume(11.0), seen_at=FUTURE)
    assert store.learned_at(now) == FUTURE + timedelta(microseconds=1)
    note = store.clock_note(now)
    assert "2028-05-01" in note
    assert "technic doctor" in note
    assert "\n" not in note


@pytest.mark.parametrize("name", ["x" * 5_000, "loop", "file/within"])
def test_a_folder_that_cannot_be_looked_at_is_a_store_error_or_empty(tmp_path, name):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "file").touch()
    store = open_store(tmp_path / name)
    with pytest.raises(StoreError) as refused:
        store.require()
    assert len(str(refused.value)) < 600
