"""What the other columns of a file say of its prices: adjusted, or as traded."""

from __future__ import annotations

import polars as pl
import pytest

from technic.data.formats.bars import read_bars
from technic.data.ingest import open_store
from technic.data.ingest.checking import check_bars

DAYS = ["2024-01-02", "2024-01-03", "2024-01-04"]
CLOSE = [19.875, 20.1, 20.3]


def file(path, **more):
    made = pl.DataFrame({"symbol": ["ACME"] * 3, "date": DAYS, "close": CLOSE})
    made = made.with_columns(pl.col("close").alias(name) for name in ("open", "high", "low"))
    made = made.with_columns(volume=1000).with_columns(**{k: pl.Series(v) for k, v in more.items()})
    made.write_csv(path / "bars.csv")
    return path / "bars.csv"


@pytest.mark.parametrize(
    "name",
    ["Unadjusted Close", "uClose", "close_unadj", "unadjustedClose", "closeunadj", "Raw Close", "close_raw"],
)  # fmt: skip
def test_a_close_as_traded_beside_another_close_tells_that_prices_are_adjusted(tmp_path, name):
    read = read_bars(file(tmp_path, **{name: [39.75, 20.1, 20.3]}))
    assert read.adjusted == "splits"
    assert f"its close is not its {name.lower()}: prices are adjusted" in read.notes


@pytest.mark.parametrize(
    "others", [CLOSE, [19.88, 20.1, 20.3], [None, 20.1, 20.3], [0.0, 20.1, 20.3]]
)
def test_one_that_is_the_same_tells_nothing(tmp_path, others):
    read = read_bars(file(tmp_path, **{"unadjusted close": others}))
    assert (read.adjusted, read.notes) == ("", ())


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["true"] * 3, "splits"), (["Yes", "", "yes"], "splits"), (["1"] * 3, "splits"),
        (["false"] * 3, "none"), (["N"] * 3, "none"), (["true", "false", "true"], ""),
        (["1.25"] * 3, ""), ([""] * 3, ""),
    ],
)  # fmt: skip
def test_a_flag_tells_it(tmp_path, cells, kind):
    assert read_bars(file(tmp_path, adjusted=cells)).adjusted == kind


def test_who_says_otherwise_is_obeyed_and_sees_what_the_file_says(tmp_path):
    path = file(tmp_path, uclose=[39.75, 20.1, 20.3])
    checked = check_bars(open_store(tmp_path / "store"), path, "none")
    assert checked.adjusted == "none"
    assert "its close is not its uclose: prices are adjusted" in checked.file.notes
