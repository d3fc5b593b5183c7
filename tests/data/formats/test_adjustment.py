"""What the other columns of a file say of its prices: adjusted, or as traded."""

from __future__ import annotations

import polars as pl
import pytest

from technic.data.formats.bars import read_bars
from technic.data.ingest import open_store
from technic.data.ingest.checking import check_bars
from technic.errors import SchemaError

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


@pytest.mark.parametrize("place", [1, 2])
def test_one_odd_cell_is_no_adjustment(tmp_path, place):
    """What comes later changes what came before: prices are adjusted from the oldest row on."""
    traded = list(CLOSE)
    traded[place] += 0.4
    assert read_bars(file(tmp_path, close_raw=traded)).adjusted == ""


@pytest.mark.parametrize("names", [("adjusted", "close_unadj"), ("close_unadj", "adjusted")])
def test_columns_that_say_different_things_refuse_the_file_in_any_order(tmp_path, names):
    cells = {"adjusted": ["no"] * 3, "close_unadj": [4 * close for close in CLOSE]}
    with pytest.raises(SchemaError, match=r"says that prices are as traded, and its close is not"):
        read_bars(file(tmp_path, **{name: cells[name] for name in names}))


@pytest.mark.parametrize("split_first", [True, False])
def test_a_stock_that_never_split_fits_beside_one_that_did(tmp_path, split_first):
    """A vendor's folder, one file a symbol, each with its close as traded."""
    for name, times in (("AAA", 4.0 if split_first else 1.0), ("BBB", 1.0 if split_first else 4.0)):
        made = pl.read_csv(file(tmp_path, unadjustedClose=[times * close for close in CLOSE]))
        (tmp_path / "all").mkdir(exist_ok=True)
        made.with_columns(symbol=pl.lit(name)).write_csv(tmp_path / "all" / f"{name}.csv")
    read = read_bars(tmp_path / "all")
    assert (read.adjusted, read.rows["symbol"].n_unique()) == ("splits", 2)
    assert read_bars(tmp_path / "all", adjusted="splits").left_out == {}
