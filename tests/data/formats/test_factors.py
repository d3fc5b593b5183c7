"""LEAN's factor files beside its bars: splits and dividends, as they were told."""

from __future__ import annotations

import zipfile
from datetime import date

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import technic as tc
from technic.data.formats.bars import read_bars
from technic.errors import SchemaError
from technic.market.sessions import nyse

N = 12
FIRST = nyse().ordinal(date(2024, 1, 2))


def day(k):
    return nyse().day(FIRST + k)


def lean(folder, splits, dividends, closes=None, references=True):
    """A LEAN folder of ACME: bars as traded, and the factors that its splits and dividends make."""
    scale, prices = 1.0, []
    for k in range(N):
        scale /= splits.get(k, 1.0)
        prices.append(closes[k] if closes else round(80.0 * scale, 4))
    for name in ("daily", "factor_files", "map_files"):
        (folder / name).mkdir(parents=True)
    lines = [f"{day(k):%Y%m%d} 00:00," + ",".join([f"{round(p * 1e4)}"] * 4) + ",1000000"
             for k, p in enumerate(prices)]  # fmt: skip
    with zipfile.ZipFile(folder / "daily" / "acme.zip", "w") as archive:
        archive.writestr("acme.csv", "\n".join(lines))
    rows, price, split = ["20501231,1,1,0"], 1.0, 1.0
    for k in range(N - 1, 0, -1):
        ratio, paid = splits.get(k, 1.0), dividends.get(k, 0.0)
        if ratio != 1.0 or paid:
            price *= 1.0 - paid * ratio / prices[k - 1]
            split /= ratio
            reference = prices[k - 1] if references else 0
            rows.append(f"{day(k - 1):%Y%m%d},{price:.7f},{split:.7f},{reference:g}")
    rows.append(f"19980102,{price:.7f},{split:.7f},1.5")
    (folder / "factor_files" / "acme.csv").write_text("\n".join(reversed(rows)) + "\n")
    (folder / "map_files" / "acme.csv").write_text("19980102,acme,Q\n20501231,acme,Q\n")
    return folder


@pytest.mark.parametrize("references", [True, False])
def test_splits_and_dividends_stand_on_their_ex_dates(tmp_path, references):
    folder = lean(tmp_path / "equity", {4: 2.0, 9: 0.1}, {6: 0.24}, references=references)
    file = read_bars(folder)
    rows = file.rows.sort("date")
    splits = rows.filter(pl.col("split") != 1.0).select("date", "split").rows()
    assert splits == [(day(4), 2.0), (day(9), 0.1)]
    dividends = rows.filter(pl.col("dividend").is_not_null()).select("date", "dividend").rows()
    assert dividends == [(day(6), 0.24)]
    assert "map file" in next(iter(file.left_out.values()))
    store = tc.open_store(tmp_path / "store")
    outcome = store.import_bars(folder)
    assert (outcome.actions, outcome.splits_set_aside) == (3, 0)
    cells = outcome.cells
    assert cells.read == cells.stored + cells.set_aside + cells.unused
    assert cells.read == N * 6 + 5 * 4


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    splits=st.dictionaries(
        st.integers(1, N - 1),
        st.sampled_from([2.0, 3.0, 1.5, 7.0, 20.0, 0.5, 0.1, 0.04]),
        max_size=2,
    ),
    dividends=st.dictionaries(
        st.integers(1, N - 1), st.sampled_from([0.01, 0.24, 0.2475]), max_size=3
    ),
)
def test_what_made_the_factors_is_what_is_read(tmp_path_factory, splits, dividends):
    closes = [40.0 + k for k in range(N)]
    file = read_bars(lean(tmp_path_factory.mktemp("lean") / "e", splits, dividends, closes))
    rows = file.rows.sort("date")
    found = {k: v for k, v in enumerate(rows["split"].to_list()) if v not in {None, 1.0}}
    assert found == pytest.approx(splits, rel=1e-12)
    paid = {k: v for k, v in enumerate(rows["dividend"].to_list()) if v is not None}
    assert paid == pytest.approx(dividends, abs=1e-4)
    assert int(rows["cells"].sum()) + file.cells_unused == file.cells


def test_a_factor_file_alone_says_what_it_is(tmp_path):
    folder = lean(tmp_path / "e", {4: 2.0}, {})
    with pytest.raises(SchemaError, match="LEAN factor file, and no bars: import the folder"):
        read_bars(folder / "factor_files" / "acme.csv")
    with pytest.raises(SchemaError, match="map file"):
        read_bars(folder / "map_files" / "acme.csv")


def test_a_broken_factor_file_is_left_out_by_name(tmp_path):
    folder = lean(tmp_path / "e", {4: 2.0}, {})
    (folder / "factor_files" / "acme.csv").write_text("20240105,1,0\n20501231,1,1\n")
    file = read_bars(folder)
    assert any("factor of zero" in why for why in file.left_out.values())
    assert "split" not in file.rows.columns
