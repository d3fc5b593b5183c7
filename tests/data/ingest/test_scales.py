"""One scale per security: what is told on another one is refused, or taken whole."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.data.ingest.test_file_actions import AT, N, day, table

from technic.data.ingest import open_store
from technic.errors import SchemaError

PRICES = ("open", "high", "low", "close")


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path / "market")


def scaled(rows, ratio):
    return rows.with_columns(pl.col(name) / ratio for name in PRICES)


def closes(store, symbol="ACME"):
    view = store.panel()
    return view.panel.run(view.who["symbol"].to_list().index(symbol), "close")


def others(count=6):
    return [table(f"X{k}", seed=k + 2) for k in range(count)]


@pytest.mark.parametrize("ratio", [10.0, 4.0, 1.5, 0.1, 0.25])
def test_new_rows_behind_a_split_that_an_adjusted_store_does_not_know_are_refused(store, ratio):
    rows = table(ratio=ratio, told=ratio)
    store.import_bars(rows.head(AT), "splits")
    before = store.version()
    with pytest.raises(SchemaError, match=rf"ACME: .* by a split of {ratio:g}.*whole history"):
        store.import_bars(rows.tail(N - AT), "splits")
    assert store.version() == before
    # The vendor's whole history, adjusted anew, is one scale.
    whole = table(told=ratio)
    found = store.import_bars(scaled(whole, ratio), "splits")
    assert found.revised == AT
    assert "taken anew" in found.doubts[0]
    np.testing.assert_allclose(closes(store), whole["close"].to_numpy() / ratio)


def test_a_store_that_is_adjusted_for_the_split_already_takes_what_follows_it(store):
    rows = table(told=4.0)
    store.import_bars(rows.head(AT), "splits")
    assert store.import_bars(rows.tail(N - AT), "splits").added == N - AT


@pytest.mark.parametrize("ratio", [10.0, 0.2, 1.02, 0.97])
@pytest.mark.parametrize("adjusted", ["none", "splits"])
def test_sessions_told_again_on_another_scale_are_refused_with_the_symbol_and_the_ratio(
    store, ratio, adjusted
):
    rows = pl.concat([table(), *others()])
    store.import_bars(rows.filter(pl.col("date") < day(16)), adjusted)
    late = pl.concat([scaled(table(), ratio), *others()]).filter(pl.col("date") >= day(10))
    found = store.import_bars(late, adjusted)
    assert found.quarantined == {"another_scale": N - 10}
    assert (
        f"ACME: 6 of 6 sessions that the store has differ by a steady ratio, {ratio:.4g} to 1"
        in (found.doubts[0])
    )
    np.testing.assert_array_equal(closes(store), table()["close"].to_numpy()[:16])
    assert len(closes(store, "X0")) == N, "the other symbols are taken"


def test_an_adjusted_file_for_a_store_as_traded_is_refused_as_a_whole(store):
    names = [table(name, ratio=4.0, told=4.0, seed=k) for k, name in enumerate("ABCDEF")]
    store.import_bars(pl.concat(names))
    before = store.version()
    adjusted = [
        table(name, close=20.0, seed=k).with_columns(split=pl.lit(0.0))
        for k, name in enumerate("ABCDEF")
    ]
    with pytest.raises(SchemaError, match=r"6 of 6 symbols.*--adjusted splits"):
        store.import_bars(pl.concat(adjusted))
    assert store.version() == before


def test_prices_that_are_adjusted_for_dividends_too_differ_by_steps_of_ratios(store):
    store.import_bars(table())
    steps = np.where(np.arange(N) < 6, 0.97, np.where(np.arange(N) < 14, 0.98, 0.99))
    paid = table().with_columns(pl.col(name) * pl.Series(steps) for name in PRICES)
    with pytest.raises(SchemaError, match=r"22 of 22 sessions.*1.02 to 1"):
        store.import_bars(pl.concat([paid.tail(N - 2)]))


@pytest.mark.parametrize("adjusted", ["none", "splits"])
def test_a_whole_history_on_another_scale_takes_the_place_of_the_stored_one(store, adjusted):
    store.import_bars(table().head(16), adjusted)
    anew = scaled(table(), 100.0)
    found = store.import_bars(anew, adjusted)
    assert (found.revised, found.added) == (16, N - 16)
    np.testing.assert_array_equal(closes(store), anew["close"].to_numpy())


def test_a_whole_adjusted_history_is_not_taken_for_one_as_traded(store):
    store.import_bars(table(ratio=4.0, told=4.0))
    with pytest.raises(SchemaError, match="as traded"):
        store.import_bars(table(close=20.0))


def test_corrections_are_no_other_scale(store):
    rows = table()
    store.import_bars(rows)
    rng = np.random.default_rng(3)
    noise = np.where(np.arange(N) % 2 == 0, 1.0, np.exp(rng.normal(0, 0.03, N)))
    mended = rows.with_columns(pl.col(name) * pl.Series(noise) for name in PRICES)
    assert store.import_bars(mended).revised == N // 2
    one = scaled(rows.slice(5, 1), 10.0)
    assert store.import_bars(one).revised == 1, "a single row is a correction"


@pytest.mark.parametrize("ratio", [10.0, 4.0, 1.5, 0.1])
@pytest.mark.parametrize("adjusted", ["none", "splits"])
def test_one_session_told_again_on_the_scale_of_a_split_asks_for_the_history_too(
    store, ratio, adjusted
):
    """Its four prices differ by one ratio, and the file goes on from there."""
    rows = table()
    store.import_bars(pl.concat([rows.head(AT), *others()]), adjusted)
    late = pl.concat([scaled(rows, ratio).tail(N - AT + 1), *others()])
    found = store.import_bars(late, adjusted)
    assert found.quarantined == {"another_scale": N - AT + 1}
    assert (
        f"ACME: 1 of 1 sessions that the store has differ by a steady ratio, {ratio:g} to 1"
        in (found.doubts[0])
    )
    np.testing.assert_array_equal(closes(store), rows["close"].to_numpy()[:AT])
    assert store.import_bars(scaled(rows, ratio), adjusted).revised == AT, "and takes it"


def test_one_session_that_is_corrected_is_no_other_scale(store):
    """A slip of one session stands beside neighbours on the same scale as its correction."""
    rows = table()
    slip = pl.col("date") == day(AT - 1)
    wrong = rows.with_columns(
        pl.when(slip).then(pl.col(name) * 10.0).otherwise(name) for name in PRICES
    )
    store.import_bars(wrong.head(AT))
    assert store.import_bars(rows.tail(N - AT + 1)).revised == 1
    np.testing.assert_array_equal(closes(store), rows["close"].to_numpy())


@pytest.mark.parametrize("again", [1, 2, 4])
@pytest.mark.parametrize("ratio", [1.0013, 1.005, 1.03, 0.99, 1.15])
@pytest.mark.parametrize("decimals", [2, 8])
def test_a_few_sessions_that_were_adjusted_anew_for_a_dividend_ask_for_the_history(
    store, again, ratio, decimals
):
    rows = table(close=300.0)
    store.import_bars(pl.concat([rows.head(AT), *others()]), "splits")
    anew = scaled(rows, ratio).with_columns(pl.col(name).round(decimals) for name in PRICES)
    late = pl.concat([anew.slice(AT - again, 1 + again), rows.tail(N - AT - 1), *others()])
    found = store.import_bars(late, "splits")
    assert found.quarantined == {"another_scale": N - AT + again}
    assert f"ACME: {again} of {again} sessions that the store has differ" in found.doubts[0]
    assert "import its whole history" in found.doubts[0]
    np.testing.assert_array_equal(closes(store), rows["close"].to_numpy()[:AT])


@pytest.mark.parametrize("change", ["volume", "one price", "in between", "alone"])
def test_a_small_correction_of_a_session_is_no_other_scale(store, change):
    rows = table(close=300.0)
    store.import_bars(rows.head(AT))
    told = {"in between": slice(AT - 3, None), "alone": slice(AT - 1, AT)}
    late = rows[told.get(change, slice(AT - 1, None))]
    at = pl.col("date") == day(AT - 1)
    names = {"volume": (*PRICES, "volume"), "one price": ("high",)}.get(change, PRICES)
    late = late.with_columns(pl.when(at).then(pl.col(n) * 1.004).otherwise(n) for n in names)
    found = store.import_bars(late)
    assert (found.revised, found.quarantined) == (1, {})


@pytest.mark.parametrize("ratio", [1.37, 337.0])
def test_one_session_told_again_by_no_ratio_of_a_split_is_a_correction(store, ratio):
    rows = table()
    store.import_bars(rows.head(AT))
    late = pl.concat([scaled(rows.slice(AT - 1, 1), ratio), rows.tail(N - AT)])
    assert store.import_bars(late).revised == 1


def test_prices_as_traded_are_not_taken_for_adjusted_ones(store):
    rows = pl.concat([table(name, ratio=4.0, told=4.0, seed=k) for k, name in enumerate("AB")])
    with pytest.raises(SchemaError, match=r"2 of 2 splits.*--adjusted none"):
        store.import_bars(rows, "splits")
    with pytest.raises(SchemaError, match=r"ACME: .*by a split of 4: are they as traded\?"):
        store.import_bars(table(ratio=4.0, told=4.0), "splits")


def test_every_row_and_event_of_a_refused_symbol_is_counted(store):
    rows = table(ratio=4.0, told=4.0)
    store.import_bars(pl.concat([rows.head(AT), *others()], how="diagonal"), "splits")
    late = pl.concat([rows.tail(N - AT), table("NEW", seed=9)], how="diagonal")
    found = store.import_bars(late, "splits")
    assert found.rows == found.added + sum(found.quarantined.values())
    assert (found.splits_set_aside, found.actions) == (1, 0)
    assert found.cells.read == found.cells.stored + found.cells.set_aside + found.cells.unused
    assert store.import_bars(late, "splits").known == N, "and again"
