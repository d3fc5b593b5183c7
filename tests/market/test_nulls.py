"""A value is taken away where that is known to be meant, from columns of every type."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from technic.market.nulls import emptied


@pytest.mark.parametrize(
    "values",
    [[1, 2, 3], [1.5, 2.5, 3.5], ["a", "", "c"], [date(2024, 1, 2), None, date(2024, 1, 4)]],
    ids=["counts", "numbers", "text", "days"],
)
def test_only_where_it_is_known_to_be_meant(values):
    column = pl.Series("cells", values)
    left = emptied(column, pl.Series([True, None, False]))
    assert left.to_list() == [None, *values[1:]]
    assert (left.name, left.dtype) == ("cells", column.dtype)


def test_of_nothing_nothing_is_taken():
    empty = pl.Series("cells", [], dtype=pl.String)
    assert emptied(empty, pl.Series([], dtype=pl.Boolean)).to_list() == []
