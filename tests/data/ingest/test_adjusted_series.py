"""Random series with splits and dividends, in files of any order: one panel, the right one."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.data.ingest.test_file_actions import FIRST

from technic.data.ingest import open_store
from technic.data.store.rows import newest_per
from technic.market.sessions import nyse

SESSIONS = 64
PART = 16  # sessions of a file: more days than a night reaches over
PAID = (0.002, 0.01, 0.2)  # of the price
RATIOS = (4.0, 2.0, 1.5, 10.0, 0.1, 0.25, 7.0)
FIELDS = ("open", "high", "low", "close", "volume")


def traded(seed, splits, dividends):
    """Bars as traded of a walk of 1 % a day, with the splits and dividends that made them."""
    rng = np.random.default_rng(seed)
    price = 60.0 * np.exp(np.cumsum(rng.normal(0, 0.01, SESSIONS)))
    volume = 1e6 * np.exp(rng.normal(0, 0.3, SESSIONS))
    for row, ratio in splits.items():
        price[row:] /= ratio
        volume[row:] *= ratio
    return pl.DataFrame(
        {
            "symbol": ["ACME"] * SESSIONS,
            "date": [nyse().day(FIRST + i) for i in range(SESSIONS)],
            "open": price * 0.998, "high": price * 1.01, "low": price * 0.99, "close": price,
            "volume": volume,
            "split": [splits.get(i, 1.0) for i in range(SESSIONS)],
            "dividend": [dividends.get(i, 0.0) * price[i] for i in range(SESSIONS)],
        }
    )  # fmt: skip


def by_hand(rows):
    """The series in shares of the last day, bar by bar and split by split."""
    table = {name: rows[name].to_list() for name in FIELDS}
    for row, ratio in enumerate(rows["split"]):
        for earlier in range(row):
            for name in FIELDS:
                table[name][earlier] *= ratio if name == "volume" else 1.0 / ratio
    return table


def files(rows, order, seed):
    """The rows as files: whole or in parts, the history or the newest first, and shuffled."""
    parts = [rows.slice(k, PART) for k in range(0, SESSIONS, PART)]
    days = [rows.slice(k, 1) for k in range(SESSIONS - 6, SESSIONS)]
    mixed = [part.sample(fraction=1.0, shuffle=True, seed=seed) for part in parts]
    return {
        "whole": [rows],
        "upside down": [rows.reverse()],
        "history first": parts,
        "newest first": parts[::-1],
        "any order": [mixed[k] for k in np.random.default_rng(seed).permutation(len(parts))],
        "day by day": [rows.head(SESSIONS - 6), *days],
        "days before": [rows.tail(6), *(rows.slice(k, 1) for k in (57, 56, 55)), rows.head(55)],
    }[order]


ORDERS = (
    "whole", "upside down", "history first", "newest first", "any order", "day by day",
    "days before",
)  # fmt: skip


def drawn(seed):
    """Splits and dividends by row; some splits stand on the first row of a file."""
    rng = np.random.default_rng(seed)
    rows = [*rng.integers(1, SESSIONS, 2), *rng.choice([PART, 2 * PART, 3 * PART, 55, 58], 2)]
    splits = {int(row): float(rng.choice(RATIOS)) for row in rows}
    paid = {int(row): float(rng.choice(PAID)) for row in [0, *rng.integers(1, SESSIONS, 3)]}
    return splits, paid


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("order", ORDERS)
def test_in_whichever_files_a_series_comes_its_panel_is_that_by_hand(tmp_path, seed, order):
    splits, dividends = drawn(seed)
    rows = traded(seed, splits, dividends)
    right = by_hand(rows)
    store = open_store(tmp_path / "s")
    for part in files(rows, order, seed):
        found = store.import_bars(part)
        assert (found.splits_set_aside, found.doubts) == (0, [])
    assert store.import_bars(rows).actions == 0, "and again"
    panel = store.panel().panel
    for name in FIELDS:
        np.testing.assert_allclose(panel.run(0, name), right[name], rtol=1e-12)
    told = newest_per(store.table("actions"), "security_id", "session", "kind").collect()
    dividend = told.filter(pl.col("kind") == "dividend").select("session", "value")
    assert dict(dividend.iter_rows()) == {rows["date"][i]: rows["dividend"][i] for i in dividends}
