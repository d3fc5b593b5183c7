"""What an import believes of rows, whatever order they come in."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

import technic as tc
from technic.data.formats.bar_file import FileHints
from technic.errors import SchemaError
from technic.market.sessions import nyse

DAYS = [dt.date(2024, 1, d) for d in (2, 3, 4, 5, 8, 9)]


def frame(close: float = 10.0, **more) -> pl.DataFrame:
    rows = {"symbol": "ACME", "date": DAYS, "open": close, "high": close * 1.02, "low": close * 0.98,
            "close": close, "volume": 1_000.0}  # fmt: skip
    return pl.DataFrame({**rows, **more})


@pytest.fixture
def store(tmp_path):
    return tc.open_store(tmp_path / "store")


def bars(store) -> pl.DataFrame:
    return store.table("bars").collect().sort("session", "known_at")


def test_no_bar_is_known_before_its_session_is_over(store):
    store.import_bars(frame(as_of=dt.date(2020, 1, 1)))
    known = bars(store)["known_at"].dt.date().to_list()
    assert known == DAYS


def test_what_is_known_only_later_than_now_is_set_aside(store):
    later = [None] * 5 + [dt.datetime(2090, 1, 1, tzinfo=dt.UTC)]
    outcome = store.import_bars(frame(as_of=later))
    assert outcome.quarantined == {"known_later": 1}
    assert store.learned_at() < dt.datetime.now(dt.UTC) + dt.timedelta(days=1)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_word_that_is_dated_last_counts_in_any_order_of_files(store, order):
    words = [frame(10.0, as_of=dt.date(2024, 1, 20)), frame(10.1, as_of=dt.date(2024, 1, 15))]
    for k in order:
        store.import_bars(words[k])
    report = tc.scan(store, where="close > 0", rank="close", universe="all")
    assert report.rows["score"].to_list() == [10.0]


@pytest.mark.parametrize("vwap", [12_345.0, -5.0, 0.0, float("inf"), float("nan")])
def test_an_average_that_cannot_be_of_its_bar_is_unknown(store, vwap):
    outcome = store.import_bars(frame(vwap=[10.0] * 5 + [vwap]))
    assert bars(store)["vwap"].to_list() == [10.0] * 5 + [None]
    assert outcome.file.unreadable.get("vwap", (0,))[0] == (0 if vwap != vwap else 1)
    assert outcome.cells.read == outcome.cells.stored + outcome.cells.set_aside


def test_silence_about_an_average_is_no_correction(store):
    store.import_bars(frame(vwap=10.0))
    assert store.import_bars(frame()).known == 6


def test_a_symbol_that_is_said_and_told_is_refused(store, tmp_path):
    frame().write_csv(tmp_path / "bars.csv")
    with pytest.raises(SchemaError, match="names the symbols"):
        store.import_bars(tmp_path / "bars.csv", hints=FileHints(symbol="ZZZ"))


def test_files_that_cannot_be_read_are_left_out_by_name(store, tmp_path):
    folder = tmp_path / "mixed"
    folder.mkdir()
    frame().write_csv(folder / "bars.csv")
    (folder / "empty.csv").write_bytes(b"")
    (folder / "page.csv").write_bytes(b"<!doctype html><html>sign in</html>")
    frame().with_columns(close=pl.lit([1.0], dtype=pl.List(pl.Float64))).write_parquet(folder / "l.parquet")  # fmt: skip
    outcome = store.import_bars(folder)
    assert outcome.added == 6
    assert set(outcome.file.left_out) == {"empty.csv", "page.csv", "l.parquet"}


def test_points_that_may_be_of_thousands_are_asked_about(store, tmp_path):
    text = "symbol;date;open;high;low;close;volume\nACME;2024-01-02;10;11;9;10;812.300\n"
    (tmp_path / "b.csv").write_text(text)
    with pytest.raises(SchemaError, match=r"--decimal point or --decimal comma"):
        store.import_bars(tmp_path / "b.csv")
    store.import_bars(tmp_path / "b.csv", hints=FileHints(decimal="comma"))
    assert bars(store)["volume"].to_list() == [812_300.0]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_preferred_share_is_not_the_common_stock_of_its_letters(store, order):
    files = [frame(14.0, symbol="TPC"), frame(20.0, symbol="TpC")]
    for k in order:
        store.import_bars(files[k])
    assert sorted(store.table("tickers").collect()["symbol"].unique()) == ["TPC", "TpC"]


def test_days_of_a_spreadsheet_from_1904_are_the_sessions_they_are(store, tmp_path):
    since = dt.date(1904, 1, 1)
    rows = frame().with_columns(date=pl.Series([(day - since).days for day in DAYS]))
    rows.write_csv(tmp_path / "b.csv")
    outcome = store.import_bars(tmp_path / "b.csv")
    assert outcome.file.days == "days of a spreadsheet, counted from 1904"
    assert bars(store)["session"].to_list() == DAYS


def test_files_of_both_kinds_of_spreadsheets_are_told_apart_by_the_user(store, tmp_path):
    for name, since in (("A", dt.date(1904, 1, 1)), ("B", dt.date(1899, 12, 30))):
        rows = frame(symbol=name).with_columns(date=pl.Series([(d - since).days for d in DAYS]))
        rows.write_csv(tmp_path / f"{name}.csv")
    with pytest.raises(SchemaError, match="count from 1904, others from 1900"):
        store.import_bars(tmp_path)
    assert store.version().last is None


@pytest.mark.parametrize("years", [(1962, 1993), (1985, 1991), (1980, 1989)])
def test_what_is_older_than_the_calendar_is_set_aside_as_that_and_refuses_nothing(
    store, tmp_path, years
):
    """Vendors give some names from 1962 on; that is no swapped day and month."""
    days = [
        dt.date(year, month, day)
        for year in range(*years)
        for month in range(1, 13)
        for day in (4, 11, 18, 25)
    ]
    days = [day for day in days if day.weekday() < 5 and not (day.month == 12 and day.day == 25)]
    known = [day for day in days if day.year >= 1990]
    known = [day for day in known if nyse().ordinals([day])[0] >= 0]
    days = [day for day in days if day.year < 1990] + known
    close = [20.0] * len(days)
    dividends = [0.01 if k % 9 == 0 else 0.0 for k in range(len(days))]
    rows = pl.DataFrame(
        {
            "symbol": "KO",
            "date": days,
            "open": close,
            "high": close,
            "low": close,
            "close": close,
            "volume": 1e6,
            "dividend": dividends,
        }
    )
    rows.write_csv(tmp_path / "KO.csv")
    if not known:
        with pytest.raises(SchemaError, match="the calendar of sessions here begins then"):
            store.import_bars(tmp_path / "KO.csv")
        return
    taken = store.import_bars(tmp_path / "KO.csv")
    assert taken.quarantined == {"before_calendar": len(days) - len(known)}
    assert taken.added == len(known)
    assert not any("is set aside" in line for line in taken.doubts)
    cells = taken.cells
    assert cells.read == cells.stored + cells.set_aside + cells.unused
