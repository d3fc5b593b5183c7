"""Splits against the step of their night, dividends against the price: kept or told why not."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from technic.market.action_rules import judge_actions, steps_over
from technic.market.quality import REASONS

START = date(2024, 1, 1)
DAY = date(2024, 3, 5)


def events(*rows, kind="split", **more):
    """Rows of (security, day, value)."""
    return pl.DataFrame(
        [
            {"security_id": i, "symbol": f"S{i}", "date": day, "kind": kind, "value": value, **more}
            for i, day, value in rows
        ]
    )


def bars(*steps, day=DAY):
    """Per security the step over the night before the day: close 100, then open 100 / step."""
    rows = []
    for i, step in enumerate(steps, 1):
        rows.append((i, day - timedelta(days=1), 100.0, 100.0))
        rows.append((i, day, 100.0 / step, 100.0 / step))
    return pl.DataFrame(
        rows, schema=["security_id", "session", "open", "close"], orient="row"
    )  # fmt: skip


def reasons(judged):
    return dict(judged.bad.select("symbol", "reason").iter_rows())


def whole(judged, told):
    return judged.good.height + judged.merged + judged.bad.height + judged.repeated == told.height


@pytest.mark.parametrize(
    ("value", "step", "kept"),
    [
        (4.0, 4.05, True), (4.0, 1.01, False), (0.25, 4.05, False), (0.1, 0.098, True),
        (0.1, 0.17, True),  # a reverse split, and a fall by two fifths
        (40.0, 4.0, False), (8.0, 4.0, False), (10.0, 100.0, False), (1.05, 1.0, True),
        (3.0, 2.0, True), (2.0, 0.5, False),
    ],
)  # fmt: skip
def test_a_split_stands_if_prices_show_it(value, step, kept):
    told = events((1, DAY, value))
    judged = judge_actions(told, bars(step))
    assert (judged.good.height == 1) is kept
    assert whole(judged, told)
    if not kept:
        row = judged.bad.row(0, named=True)
        assert row["reason"] == "split_contradicted"
        assert row["seen"] == pytest.approx(step)
    # Adjusted prices show no split, and none is held against them.
    assert judge_actions(told, bars(step), as_traded=False).good.height == 1


@given(
    ratio=st.sampled_from([2.0, 3.0, 4.0, 10.0, 25.0, 1.5, 0.5, 0.2, 0.1, 0.01]),
    kind=st.sampled_from(["shown", "phantom", "inverted"]),
    seed=st.integers(0, 10_000),
    gap=st.integers(0, 3),
)
def test_any_split_on_any_walk_is_kept_where_prices_show_it_and_told_where_not(
    ratio, kind, seed, gap
):
    """A walk of 2 % a day; the split may fall on days without bars."""
    walk = 50.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.02, 40)))
    truth = {"shown": ratio, "phantom": 1.0, "inverted": 1.0 / ratio}[kind]
    prices = np.where(np.arange(40) < 20, walk, walk / truth)
    days = [START + timedelta(days=i) for i in range(40)]
    table = pl.DataFrame(
        {"security_id": [1] * 40, "session": days, "open": prices, "close": prices}
    ).filter(~pl.col("session").is_between(days[20], days[20] + timedelta(days=gap - 1)))
    told = events((1, days[20], ratio))
    judged = judge_actions(told, table)
    assert (judged.good.height, judged.bad.height) == ((1, 0) if kind == "shown" else (0, 1))
    assert whole(judged, told)
    assert judged.flat == (kind == "phantom")


@given(st.data())
def test_no_event_is_lost_in_silence(data):
    day = st.sampled_from([DAY, DAY + timedelta(days=1), date(1990, 1, 1), None])
    value = st.sampled_from([2.0, 0.5, 1.2, 40.0, 0.0, -1.0, float("nan"), float("inf"), None])
    row = st.tuples(
        st.sampled_from([1, 2]), day, st.sampled_from(["split", "dividend"]), value,
        st.sampled_from([None, "a", "b"]), st.sampled_from([None, "USD", "JPY"]),
    )  # fmt: skip
    names = ["security_id", "date", "kind", "value", "id", "currency"]
    schema = [pl.Int64, pl.Date, pl.String, pl.Float64, pl.String, pl.String]
    rows = data.draw(st.lists(row, max_size=8))
    told = pl.DataFrame(rows, schema=dict(zip(names, schema, strict=True)), orient="row")
    told = told.with_columns(symbol="S" + pl.col("security_id").cast(pl.String))
    for as_traded in (True, False):
        judged = judge_actions(told, bars(2.0, 1.0), as_traded=as_traded)
        assert whole(judged, told)
        assert set(judged.bad["reason"]) <= set(REASONS)
        assert not judged.good.select("security_id", "date", "kind").is_duplicated().any()


def test_without_bars_nothing_speaks_against_a_split_or_dividend():
    told = pl.concat([events((9, DAY, 4.0)), events((9, DAY, 40.0), kind="dividend")])
    assert judge_actions(told, bars(1.0)).good.height == 2
    assert judge_actions(told, bars(1.0).clear()).good.height == 2


def test_bars_far_away_say_nothing_about_a_night():
    told = events((1, DAY + timedelta(days=40), 4.0))
    assert judge_actions(told, bars(1.0)).good.height == 1


def hole(days, step, drift=1.0):
    """A close of 100, and behind a hole the open that a split and a move of the market leave."""
    rows = [(1, DAY - timedelta(days=days), 100.0, 100.0), (1, DAY, 100.0 * drift / step, 1.0)]
    return pl.DataFrame(rows, schema=["security_id", "session", "open", "close"], orient="row")


@pytest.mark.parametrize("days", [2, 15, 16, 40, 90, 200, 366])
@pytest.mark.parametrize("ratio", [2.0, 3.0, 4.0, 10.0, 0.1, 0.25])
@pytest.mark.parametrize("drift", [0.85, 1.0, 1.15])
def test_a_split_upside_down_is_seen_over_a_hole_too(days, ratio, drift):
    for told, kept in ((ratio, True), (1.0 / ratio, False)):
        judged = judge_actions(events((1, DAY, told)), hole(days, ratio, drift))
        assert judged.good.height == kept, told
        assert judged.bad["reason"].to_list() == ([] if kept else ["split_contradicted"])
    assert judge_actions(events((1, DAY, 1.0 / ratio)), hole(367 + days, ratio)).good.height == 1


@pytest.mark.parametrize(("days", "drift"), [(40, 0.6), (90, 0.5), (366, 0.3), (366, 2.5)])
def test_over_a_long_hole_a_market_may_move_far(days, drift):
    assert judge_actions(events((1, DAY, 4.0)), hole(days, 4.0, drift)).good.height == 1


@pytest.mark.parametrize("days", [10, 60])
def test_several_splits_of_one_hole_are_held_against_it_together(days):
    inside = DAY - timedelta(days=days // 2)
    told = events((1, inside, 10.0), (1, DAY, 4.0))
    assert judge_actions(told, hole(days, 40.0)).good.height == 2
    judged = judge_actions(events((1, inside, 0.1), (1, DAY, 4.0)), hole(days, 40.0))
    assert (judged.bad.height > 0) == (days == 10), "over a longer one a third may hide"


def test_over_a_hole_a_split_stands_beside_one_that_nobody_has_told_yet():
    """Prices show 10 where 4 is told: 2.5 may come with the bars between."""
    assert judge_actions(events((1, DAY, 4.0)), hole(20, 10.025)).good.height == 1
    assert judge_actions(events((1, DAY, 4.0)), hole(20, 1.0)).good.height == 0
    assert judge_actions(events((1, DAY, 4.0)), hole(20, 0.25)).good.height == 0


def test_of_a_split_reported_on_two_sessions_the_one_that_prices_show_stays():
    """NFLX 7:1 went ex on 2015-07-15; the vendor says 2015-07-14 too."""
    days = [date(2015, 7, 13), date(2015, 7, 14), date(2015, 7, 15)]
    table = pl.DataFrame(
        {
            "security_id": [1] * 3, "session": days,
            "open": [700.0, 705.0, 100.0], "close": [707.0, 702.0, 98.0],
        }
    )  # fmt: skip
    judged = judge_actions(events((1, days[1], 7.0), (1, days[2], 6.999997)), table)
    assert judged.good["date"].to_list() == [days[2]]
    assert judged.bad["reason"].to_list() == ["split_repeated"]


def test_two_splits_of_one_ratio_that_both_show_in_prices_are_two():
    days = [DAY + timedelta(days=k) for k in range(4)]
    table = pl.DataFrame(
        {"security_id": [1] * 4, "session": days, "open": [99.0, 25.2, 24.8, 6.1], "close": [100.0, 25.0, 24.0, 6.0]}
    )  # fmt: skip
    judged = judge_actions(events((1, days[1], 4.0), (1, days[3], 4.0)), table)
    assert (judged.good.height, judged.bad.height) == (2, 0)


def test_the_newest_word_on_a_bar_is_what_a_split_is_held_against():
    table = pl.concat([bars(1.0), bars(4.0).tail(1)]).with_columns(
        known_at=pl.Series([1, 2, 3]).cast(pl.Datetime("us", "UTC"))
    )
    assert steps_over(events((1, DAY, 4.0)), table)["seen"].to_list() == [4.0]
    assert steps_over(events((1, DAY, 4.0)), table.reverse())["seen"].to_list() == [4.0]


def test_two_dividends_of_one_day_are_added_up_and_one_told_twice_counts_once():
    told = pl.concat(
        [
            events((1, DAY, 0.25), (1, DAY, 0.25), kind="dividend", id="E1", currency="USD"),
            events((1, DAY, 1.5), kind="dividend", id="E2", currency="usd"),
            events((2, DAY, 84.0), kind="dividend", id="E3", currency="JPY"),
        ]
    )
    judged = judge_actions(told, bars(1.0, 1.0))
    assert judged.good["value"].to_list() == [1.75]
    assert (judged.repeated, judged.merged) == (1, 1)
    assert reasons(judged) == {"S2": "foreign_currency"}


def test_two_amounts_of_one_id_or_without_one_are_doubted():
    for more in ({"id": "E1"}, {}):
        told = events((1, DAY, 0.25), (1, DAY, 0.5), kind="dividend", **more)
        judged = judge_actions(told, bars(1.0))
        assert judged.bad["reason"].to_list() == ["conflicting_duplicate"] * 2


@pytest.mark.parametrize(
    ("days", "values", "kept"),
    [
        ((0, 1), (0.6, 0.6), (0,)),  # one that was told twice
        ((0, 5), (0.6, 0.6), (0,)),
        ((0, 7), (0.6, 0.6), (0, 7)),  # who pays by the week
        ((0, 1), (0.6, 0.2), (0, 1)),  # a special one beside the usual
        ((0, 1, 2, 5, 6), (2.4,) * 5, ()),  # a yearly rate beside every price
        ((0, 91, 92, 182), (0.6,) * 4, (0, 91, 182)),
    ],
)
def test_a_dividend_of_one_amount_is_not_paid_twice_in_a_week(days, values, kept):
    told = pl.concat(
        [
            events((1, DAY + timedelta(days=d), v), kind="dividend", id=f"{d}")
            for d, v in zip(days, values, strict=True)
        ]
    ).sample(fraction=1.0, shuffle=True, seed=3)
    judged = judge_actions(told, bars(1.0))
    assert sorted(judged.good["date"]) == [DAY + timedelta(days=d) for d in kept]
    assert set(judged.bad["reason"]) <= {"dividend_repeated"}
    assert whole(judged, told)


@pytest.mark.parametrize(
    ("values", "bad"), [((33.0,), 0), ((34.0,), 1), ((1.0, 165.0), 1), ((20.0, 20.0), 2)]
)
def test_a_dividend_above_a_third_of_the_price_is_doubted(values, bad):
    told = pl.concat(
        [events((1, DAY, v), kind="dividend", id=f"{k}") for k, v in enumerate(values)]
    )
    judged = judge_actions(told, bars(1.0))
    assert judged.bad["reason"].to_list() == ["dividend_too_large"] * bad
    assert judged.bad["seen"].to_list() == [100.0] * bad
    assert whole(judged, told)


def test_two_splits_of_one_night_are_judged_together():
    told = events((1, DAY, 2.0), (1, DAY, 3.0))
    assert judge_actions(told, bars(6.0)).good["value"].to_list() == [6.0]
    assert judge_actions(told, bars(1.0)).bad.height == 2
    assert judge_actions(told, bars(3.0)).good["value"].to_list() == [3.0]


def test_one_split_under_two_ids_is_not_multiplied():
    told = pl.concat([events((1, DAY, 4.0), id="E1"), events((1, DAY, 4.0), id="E2")])
    judged = judge_actions(told, bars(4.1))
    assert judged.good["value"].to_list() == [4.0]
    assert whole(judged, told)


def test_real_splits_pass_and_spoilt_ones_do_not(real_data):
    table = pl.read_parquet(real_data / "bars/us_2015_2016_as_traded.parquet")
    table = table.filter((pl.col("open") > 0) & (pl.col("close") > 0)).with_columns(
        security_id=pl.col("symbol").rank("dense").cast(pl.Int64), session="date"
    )
    told = table.filter(pl.col("split") > 0, pl.col("split") != 1.0).select(
        "security_id", "symbol", "date", kind=pl.lit("split"), value="split"
    )
    judged = judge_actions(told, table)
    assert judged.bad.height <= 0.06 * told.height, "the vendor's own wrong splits are among them"
    large = told.filter(pl.col("value").log().abs() > 0.4)
    spoilt = large.with_columns(value=1.0 / pl.col("value"))
    caught = judge_actions(spoilt, table).bad
    sound = spoilt.join(judged.good, on=["security_id", "date"], how="semi")
    assert caught.height >= 0.97 * sound.height
