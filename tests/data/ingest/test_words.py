"""Of several words on one split or dividend: the one that counts, in whichever order they come."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.data.ingest.test_file_actions import AT, N, day, held, table

from technic.data.ingest import open_store

WORDS = [4.0, 3.8, 4.5]


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path / "market")


def steady(told, ratio=4.0):
    """Prices that show just the ratio."""
    return table(ratio=ratio, told=told).with_columns(
        pl.lit(80.0 / np.where(np.arange(N) < AT, 1.0, ratio)).alias(name)
        for name in ("open", "high", "low", "close")
    )


@pytest.mark.parametrize("order", list(permutations(WORDS)))
def test_of_words_on_one_split_the_one_that_prices_show_counts(store, order):
    found = [store.import_bars(steady(value)) for value in order]
    assert held(store) == {day(): 4.0}
    at = order.index(4.0)
    assert all(f.splits_set_aside == 1 for f in found[at + 1 :])
    for later, value in zip(found[at + 1 :], order[at + 1 :], strict=True):
        assert (
            f"a split of {value:g} on {day()} is set aside: prices show 4.000" in (later.doubts[0])
        )
    assert store.import_bars(steady(4.0)).actions == 0


@pytest.mark.parametrize("order", list(permutations(WORDS)))
def test_words_told_before_their_night_was_are_judged_when_it_comes(store, order):
    for value in order:
        store.import_bars(steady(value).tail(N - AT))
    assert held(store) == {day(): order[-1]}, "prices show nothing: the newest word"
    found = store.import_bars(steady(None).drop("split", strict=False).head(AT))
    assert held(store) == {day(): 4.0}
    if order[-1] != 4.0:
        assert (
            f"the split of {order[-1]:g} on {day()} is overruled by that of 4" in (found.doubts[0])
        )


def test_the_history_with_the_better_word_overrules_though_it_said_so_before(store):
    store.import_bars(steady(4.0).tail(N - AT))
    store.import_bars(steady(3.8).tail(N - AT))
    store.import_bars(steady(4.0))
    assert held(store) == {day(): 4.0}


def test_the_better_word_can_be_taken_back_and_then_the_other_counts(store):
    flat = steady(4.0, ratio=1.0).tail(N - AT)
    store.import_bars(flat)
    store.import_bars(flat.with_columns(split=pl.lit(1.0)))
    assert held(store) == {day(): 1.0}
    store.import_bars(flat.with_columns(split=pl.when(pl.col("date") == day()).then(3.8)))
    assert held(store) == {day(): 3.8}


def test_a_ratio_that_is_rounded_is_no_other_word(store):
    store.import_bars(steady(7.0, ratio=7.0))
    assert store.import_bars(steady(6.999997, ratio=7.0)).splits_set_aside == 0


def told_at(values, dividends=None):
    """Rows whose one day is told again on the evenings after, each time with another word."""
    rows = steady(None, ratio=1.0).drop("split", strict=False).tail(N - AT)
    first = rows.head(1)
    more = [
        first.with_columns(
            split=pl.lit(value, dtype=pl.Float64),
            dividend=pl.lit(paid, dtype=pl.Float64),
            as_of=pl.lit(str(day(AT + k))),
        )
        for k, (value, paid) in enumerate(zip(values, dividends or [None] * 9, strict=False))
    ]
    rest = rows.tail(-1).with_columns(
        split=pl.lit(1.0),
        dividend=pl.lit(0.0),
        as_of=pl.lit(None, dtype=pl.String),
    )
    return pl.concat([*more, rest])


def stored(store):
    rows = store.table("actions").collect().sort("kind", "session", "known_at")
    return rows.select("session", "kind", "value", "known_at", "assumed").rows()


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    values=st.lists(st.sampled_from([None, 1.0, 2.0, 4.0]), min_size=1, max_size=5),
    paid=st.lists(st.sampled_from([None, 0.0, 0.5, 1.0]), min_size=5, max_size=5),
    seed=st.integers(0, 1000),
)
def test_chains_of_words_go_by_their_instants_and_not_by_their_rows(
    tmp_path_factory, values, paid, seed
):
    rows = told_at(values, paid)
    plain = open_store(tmp_path_factory.mktemp("plain") / "s")
    plain.import_bars(rows)
    mixed = open_store(tmp_path_factory.mktemp("mixed") / "s")
    mixed.import_bars(rows.sample(fraction=1.0, shuffle=True, seed=seed))
    assert stored(mixed) == stored(plain)
    for kind, told in (("split", values), ("dividend", paid[: len(values)])):
        last = next((v for v in reversed(told) if v is not None), None)
        some = any(v not in {None, 0.0, 1.0} or (kind == "dividend" and v == 1.0) for v in told)
        assert held(plain, kind) == ({day(): last} if some else {})
    assert plain.import_bars(rows.reverse()).actions == 0, "and the same file again says nothing"


def test_what_a_file_states_of_an_earlier_evening_stays_behind(store):
    store.import_bars(told_at([2.0, None, 1.0]))
    assert held(store) == {day(): 1.0}
    found = store.import_bars(told_at([None, 2.0]))
    assert (found.actions, held(store)) == (0, {day(): 1.0}), "it was said, and is older"
    store.import_bars(told_at([None, None, None, 2.0]))
    assert held(store) == {day(): 2.0}, "a later evening restores it"


def test_a_split_of_a_symbol_without_a_bar_waits_for_one(store):
    rows = table("LATE", ratio=4.0, told=4.0, dividend=[0.3 if i == AT else 0.0 for i in range(N)])
    alone = rows.slice(AT, 1).with_columns(high=pl.lit(0.5))
    found = store.import_bars(pl.concat([table(dividend=[0.0] * N, told=1.0), alone]))
    assert (found.actions, found.splits_set_aside) == (0, 2)
    assert (
        f"LATE: a split of 4 on {day()} is set aside: its symbol has no bar yet"
        in (found.doubts[0])
    )
    again = store.import_bars(pl.concat([table(dividend=[0.0] * N, told=1.0), alone]))
    assert again.splits_set_aside == 2
    assert store.table("waiting").collect().height == 2, "the same waits once"
    rest = rows.drop("split", "dividend").filter(pl.col("date") != day())
    came = store.import_bars(rest)
    assert (came.actions, came.doubts) == (2, [])
    assert held(store) == {day(): 4.0}
    assert held(store, "dividend") == {day(): 0.3}
    assert store.import_bars(rest).actions == 0


def test_what_waited_is_judged_like_any_other_and_can_be_taken_back(store):
    rows = table("LATE", told=4.0)
    alone = rows.slice(AT, 1).with_columns(high=pl.lit(0.5))
    store.import_bars(pl.concat([table(told=1.0), alone]))
    contradicted = store.import_bars(rows.drop("split"))
    assert (contradicted.actions, contradicted.splits_set_aside, held(store)) == (0, 1, {})
    assert contradicted.cells.set_aside == 0, "its cell stood in the file before"
    flat = table("FLAT", told=4.0).tail(N - AT)
    store.import_bars(pl.concat([table(told=1.0), flat.head(1).with_columns(high=pl.lit(0.5))]))
    found = store.import_bars(flat.with_columns(split=pl.lit(1.0)))
    assert held(store) == {day(): 1.0}
    assert any("is taken back: the file says 1" in text for text in found.doubts)


@pytest.mark.parametrize(
    ("paid", "kept"), [(165.0, False), (36.0, False), (25.0, True), (0.3, True)]
)
def test_a_dividend_on_the_first_row_is_held_against_its_own_price(store, paid, kept):
    rows = table(close=66.0, dividend=[paid if i == 0 else 0.0 for i in range(N)])
    found = store.import_bars(rows)
    assert held(store, "dividend") == ({day(0): paid} if kept else {})
    assert found.splits_set_aside == (not kept)
    if not kept:
        assert (
            f"a dividend of {paid:g} on {day(0)} is set aside: that is above a third"
            in (found.doubts[0])
        )


@pytest.mark.parametrize("hole", [2, 6, 12])
@pytest.mark.parametrize("fill_first", [False, True])
def test_a_split_that_later_rows_show_to_be_wrong_was_never_believed(tmp_path, hole, fill_first):
    """Told on the first bar behind a hole, and on its own day by the file that fills it.

    Every session, also one of before the second import, has the panel of one whole file.
    """
    whole = steady(4.0).sort("date")
    inside = np.arange(AT - hole // 2, AT + hole // 2)
    fill = whole[inside]
    outside = whole.with_row_index("k").filter(~pl.col("k").is_in(inside.tolist()))
    first_behind = pl.col("k") == int(inside[-1]) + 1
    told = pl.when(first_behind).then(4.0).otherwise(None).alias("split")
    outside = outside.with_columns(told).drop("k")
    right, pieces = open_store(tmp_path / "right"), open_store(tmp_path / "pieces")
    right.import_bars(whole)
    for part in (fill, outside) if fill_first else (outside, fill):
        pieces.import_bars(part)
    standing = {night: ratio for night, ratio in held(pieces).items() if ratio != 1.0}
    assert standing == held(right)
    for session in whole["date"].to_list()[int(inside[-1]) + 1 :]:
        ours, theirs = pieces.panel(session).panel, right.panel(session).panel
        np.testing.assert_array_equal(ours.run(0, "close"), theirs.run(0, "close"))
