"""Filings of the user's files: every cell is read with certainty, or counted and shown."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from technic.data.formats.filings import read_filings
from technic.errors import SchemaError

ROW = {
    "symbol": "ACME", "as_of": "2024-02-13", "period_end": "2023-12-31", "form": "10-K",
    "period": "FY", "fiscal_year": "2023", "revenue": "880000000", "eps": "1.1",
}  # fmt: skip
NIGHT = datetime(2024, 2, 14, 4, 59, 59, tzinfo=UTC)
AFTERNOON = datetime(2024, 2, 13, 21, 40, tzinfo=UTC)


def read(tmp_path, *rows, dates=None, items=("revenue", "eps")):
    path = tmp_path / "filings.csv"
    pl.DataFrame([{**ROW, **row} for row in rows]).write_csv(path)
    return read_filings(path, items, dates)


@pytest.mark.parametrize(
    ("as_of", "known"),
    [
        ("2024-02-13", NIGHT), ("20240213", NIGHT), ("13-Feb-2024", NIGHT), ("45335", NIGHT),
        ("2024-02-13T05:00:00Z", NIGHT), ("2024-02-13T00:00:00Z", NIGHT),
        ("2024-02-13T21:40:00Z", AFTERNOON), ("2024-02-13T16:40:00-05:00", AFTERNOON),
        ("2024-02-13 16:40:00", AFTERNOON), ("1707860400", AFTERNOON),
    ],
)  # fmt: skip
def test_a_night_is_a_night_and_an_instant_is_one_however_they_are_written(tmp_path, as_of, known):
    table = read(tmp_path, {"as_of": as_of}).table
    assert table["known_at"].to_list() == [known]
    assert table["period_end"].to_list() == [date(2023, 12, 31)]


@pytest.mark.parametrize(
    "stamps",
    [
        pl.Series([date(2024, 2, 13)]), pl.Series(["2024-02-13"]), pl.Series([20240213]),
        pl.Series([datetime(2024, 2, 13)]),  # noqa: DTZ001 -- a night without a zone
        pl.Series([datetime(2024, 2, 13, tzinfo=UTC)]),
    ],
)  # fmt: skip
def test_a_night_is_the_same_in_every_file_type(tmp_path, stamps):
    frame = pl.DataFrame([ROW]).with_columns(stamps.alias("as_of"))
    frame.write_parquet(tmp_path / "filings.parquet")
    for source in (frame, tmp_path / "filings.parquet"):
        assert read_filings(source, ("revenue",)).table["known_at"].to_list() == [NIGHT]


def test_days_between_slashes_are_refused_unless_the_column_or_the_user_decides(tmp_path):
    with pytest.raises(SchemaError, match=r"column as_of: .*'03/02/2024'.*--dates mdy"):
        read(tmp_path, {"as_of": "03/02/2024"})
    nights = [read(tmp_path, {"as_of": "03/02/2024"}, dates=o).table["known_at"][0].date() for o in ("mdy", "dmy")]  # fmt: skip
    assert nights == [date(2024, 3, 3), date(2024, 2, 4)]
    decided = read(tmp_path, {"period_end": "12/31/2023"}).table
    assert decided["period_end"].to_list() == [date(2023, 12, 31)]
    with pytest.raises(SchemaError, match="mdy, not dmy"):
        read(tmp_path, {"period_end": "12/31/2023"}, dates="dmy")


@pytest.mark.parametrize(
    ("cell", "value"),
    [("880,000,000", 880e6), ("$880,000,000.50", 880000000.5), ("(12.5)", -12.5), ("2.5B", 2.5e9),
     ("n/a", None), ("", None)],
)  # fmt: skip
def test_numbers_are_read_where_they_are_certain(tmp_path, cell, value):
    found = read(tmp_path, {"revenue": cell})
    assert found.table["revenue"].to_list() == [value]
    assert found.unreadable == {}


def test_what_cannot_be_read_is_counted_by_column_with_an_example(tmp_path):
    found = read(
        tmp_path,
        {},
        {"revenue": "twelve", "period_end": "the end", "fiscal_year": "?", "as_of": "soon"},
        {"revenue": "4%"},
    )
    assert found.unreadable["revenue"][0] == 2
    assert found.unreadable["revenue"][1] in {"twelve", "4%"}
    assert found.unreadable["period_end"] == (1, "the end")
    assert found.unreadable["as_of"] == (1, "soon")
    assert found.unreadable["fiscal_year"] == (1, "?")
    assert found.table["revenue"].to_list() == [880e6, None, None]


def test_nothing_is_inferred_from_the_first_rows(tmp_path):
    """Symbols that look like numbers or nothing, and a type that shows after 12,000 rows."""
    rows = [{"revenue": "1"}] * 12_000 + [{"revenue": "1.5", "symbol": "NA"}, {"symbol": "007"}]
    found = read(tmp_path, *rows).table
    assert found["revenue"][12_000] == 1.5
    assert found["symbol"].to_list()[-2:] == ["NA", "007"]


def test_other_tools_names_are_understood_and_columns_without_use_are_named(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text(
        "Ticker,filing_date,end_date,doc_type,fiscal_period,revenues,Unit,amend,mood\n"
        "ACME,2024-02-13,2023-12-31,10-k,fy,5,EUR,yes,good\n"
    )
    found = read_filings(path, ("revenue",))
    (row,) = found.table.iter_rows(named=True)
    assert (row["form"], row["period"], row["currency"], row["amended"]) == ("10-K", "FY", "EUR", True)  # fmt: skip
    assert found.unused == ("mood",)


def test_a_file_that_is_no_table_of_filings_is_refused_in_one_line(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(SchemaError, match=r"no column symbol, as_of.*it has a, b.*nothing was imported"):  # fmt: skip
        read_filings(path, ("revenue",))
    with pytest.raises(SchemaError, match="with a number of a statement"):
        read(tmp_path, {}, items=("assets",))
    with pytest.raises(SchemaError, match="there is no such file"):
        read_filings(tmp_path / "nowhere.csv", ("revenue",))


@pytest.mark.parametrize(("separator", "number"), [(";", "880000000,5"), ("\t", "880000000.5"), ("|", "880,000,000.5")])  # fmt: skip
def test_any_separator_and_decimal_mark_that_is_certain_is_read(tmp_path, separator, number):
    path = tmp_path / "filings.txt"
    cells = {**ROW, "revenue": number}
    path.write_text(separator.join(cells) + "\n" + separator.join(cells.values()) + "\n")
    found = read_filings(path, ("revenue",))
    assert found.table["revenue"].to_list() == [880000000.5]
    assert found.unreadable == {}


def test_files_that_are_no_text_are_refused_in_one_line(tmp_path):
    damaged = tmp_path / "filings.parquet"
    pl.DataFrame([ROW]).write_parquet(damaged)
    damaged.write_bytes(damaged.read_bytes()[:-40] + b"PAR1")
    with pytest.raises(SchemaError, match=r"filings.parquet: .*damaged") as refusal:
        read_filings(damaged, ("revenue",))
    assert str(refusal.value).isprintable()
    picture = tmp_path / "filings.csv"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0")
    with pytest.raises(SchemaError, match="binary"):
        read_filings(picture, ("revenue",))
    (tmp_path / "wide.csv").write_text(",".join(ROW) + "\n" + "1,2,3,4,5,6,7,8,9\n")
    with pytest.raises(SchemaError, match="line 2 has more cells"):
        read_filings(tmp_path / "wide.csv", ("revenue",))


@pytest.mark.parametrize("column", ["as_of", "period_end"])
@pytest.mark.parametrize("cell", ["9999-12-31", "0001-01-01", "2923-12-31"])
def test_years_that_nobody_means_are_not_read(tmp_path, column, cell):
    found = read(tmp_path, {}, {column: cell})
    assert found.unreadable == {column: (1, cell)}
