"""Ranking: what is no finite number is no score."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import technic as tc
from technic.errors import ConfigError
from technic.query import Resolver
from technic.scanner.rank import combine, order_by, terms_of
from technic.scanner.spec.scan_file import ScanFile

VALUES = np.array([1.0, np.nan, 2.0])


def combined(text, values, missing="exclude"):
    terms = terms_of(Resolver().question(text, "number"))
    return combine(terms, [values] * len(terms), missing)[0]


@pytest.mark.parametrize(
    ("missing", "filled"), [("fill(50)", 50), ("fill( -1.5e1 )", -15), ("zero_weight", 0)]
)
def test_what_is_missing_is_filled(missing, filled):
    assert combined("close", VALUES, missing).tolist() == [1.0, filled, 2.0]


@pytest.mark.parametrize(
    "missing",
    [
        "fill(1e999)",
        "fill(nan)",
        "fill(inf)",
        "fill(5_0)",
        "fill(٥)",
        "fill()",
        "fill(1",
        "none",
        "",
    ],
)
def test_what_is_filled_in_is_a_plain_finite_number(missing):
    with pytest.raises(ConfigError, match=r"rank\.missing"):
        combined("close", VALUES, missing)


@given(st.lists(st.floats(), min_size=1, max_size=6), st.sampled_from(["close", "close * 1e308",
       "close * 1e308 + close * 1e308", "close * 1e308 - close * 1e308"]))  # fmt: skip
def test_whoever_is_ranked_has_a_finite_score(values, text):
    array = np.array(values)
    score = combined(text, array)
    passed = np.ones(len(array), dtype=bool)
    names = [f"S{i}" for i in range(len(array))]
    ranking = order_by(score, np.zeros((1, len(array))), passed, passed * 1.0, names)
    assert np.isfinite(score[ranking.order]).all()
    assert not np.isinf(score).any()


@pytest.mark.parametrize(
    "rank", ["close * 1e308", "-1 * close * 1e308", "close * 1e308 * 10 - close * 1e308 * 10"]
)
def test_a_score_that_overflows_is_unknown_and_the_ledger_says_which(kernels, tmp_path, rank):
    from technic.data.simulated import simulate

    store = tc.open_store(tmp_path / "store")
    made = simulate(seed=3, size=20, sessions=40)
    store.import_bars(made.bars, simulated=made.about)
    file = ScanFile(rank=rank, universe="")
    report = tc.scan(store, file=file)
    assert report.n_ranked == 0
    counts = report.ledger_book.counts()
    assert counts["unknown"] > 0
    assert sum(counts.values()) == report.ledger_book.total
    assert all("1e+308" in text or "e308" in text for text in report.ledger_book.details("unknown"))
