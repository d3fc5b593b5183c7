"""The parts of a bench, each on a market small enough for every day; no time is asserted."""

from __future__ import annotations

import sys
from dataclasses import replace
from time import sleep

import numpy as np
import polars as pl
import pytest

from technic.errors import ConfigError
from technic.operations.bench import baseline, baseline_symbol, checks, levers, versus
from technic.operations.bench import run as whole
from technic.operations.bench.card import DEPTH, TREES, measure_card, random_forest
from technic.operations.bench.ladder import ladder
from technic.operations.bench.markets import Bench, sample
from technic.operations.bench.pools import every_kind, pools
from technic.operations.bench.ratios import ROUNDS, Ratio, compared
from technic.operations.bench.targets import Measurement, Measurements, targets
from technic.operations.bench.timing import Figure, busy, cpu_share, milliseconds, run_in_process
from technic.runtime.settings import Settings

LISTINGS, SESSIONS = 20, 170
HEALTHY = {"symbols": 100, "cold_s": 0.4, "peak_mb": 150, "warm_ms": 1.0, "hit_rate": 100.0,
           "fresh_ms": 9.0, "incremental_ms": 12.0, "errors": 0, "ranked": 40}  # fmt: skip


@pytest.fixture(scope="module")
def market(kernels):
    with Bench(None, Settings.load(), LISTINGS, SESSIONS) as market:
        yield market
    assert not market.folder.exists(), "a bench leaves nothing behind"


def test_a_market_is_simulated_where_there_is_no_store_and_used_where_there_is_one(market):
    assert market.source.startswith("a SIMULATED market, seed 7, 20 listings × 170 sessions")
    assert set(market.bars["symbol"].unique()) <= set(market.symbols)
    assert market.bars.columns[:2] == ["symbol", "date"]
    with Bench(market.store, market.settings, 1, 1) as own:
        assert own.store is market.store
        assert own.source == f"simulated, simulated bars to {market.store.version().last}"
        assert own.settings.kernels.resolve() == market.settings.kernels.resolve()


def test_a_market_comes_in_sizes_and_a_store_of_a_size_is_made_once(market):
    small, large = market.sized(10), market.sized(70)
    names = large.panel().who["symbol"].to_list()
    assert len(small.panel().who) == 10
    assert len(names) == len(set(names)) == 70
    assert {name.partition(".")[0] for name in names} <= set(market.symbols)
    assert market.sized(10).version().name == small.version().name
    short = market.sized(10, without_last=1)
    assert short.version().last < small.version().last


def test_a_sample_is_the_same_every_time():
    names = [f"S{k}" for k in range(50)]
    assert sample(names, 7) == sample(names, 7)
    assert len(set(sample(names, 7))) == 7


def test_a_rung_accounts_for_every_symbol(market):
    (rung,) = ladder(market, (40,), runs=1)
    assert rung["symbols"] == 40
    assert rung["errors"] == rung["off_reference"] == rung["calls"] == 0
    assert 0 < rung["ranked"] <= 40
    assert rung["hit_rate"] == 100.0, "the same question again is answered from what is kept"


def test_every_executor_gives_the_same_bytes(market):
    rows = pools(market, (2, 4), 1, ("inline:", "threads:2"))
    assert all(len(row["rounds"]) == ROUNDS for row in rows)
    assert [(row["executor"], row["symbols"]) for row in rows] == [
        ("inline:", 2), ("inline:", 4), ("threads:2", 2), ("threads:2", 4),
    ]  # fmt: skip
    assert all(row["equal"] for row in rows)
    assert {"inline:", "threads:1", "processes:1"} <= set(every_kind())


def test_every_lever_has_a_row_at_every_size(market):
    rows = levers.levers(market, sizes=(20,), runs=1)
    names = [row["lever"].partition(":")[0] for row in rows]
    assert names == [
        "batching", "static cache", "incremental", "threads", "fused kernel", "mapped panel",
    ]  # fmt: skip
    for row in rows:
        assert row["symbols"] == 20
        assert min(row["with_ms"], row["without_ms"]) >= 0.0
        lost = (row["without_ms"] - row["with_ms"]) / 1e3
        assert row["lost_s"] == pytest.approx(lost, abs=1e-4)


def test_a_loop_a_pool_and_arrays_filter_alike():
    rows = levers.filter_three_ways(400)
    assert [row["how"] for row in rows] == ["a loop", "processes", "vectorised"]
    assert all(row["equal"] and row["symbols"] == 400 for row in rows)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("_errors", "7 of 7 told in a line"),
        ("_invalidation", "changed the answer: True; as computed anew: True"),
        ("_consistency", "1 answer in 5 scans of 20 symbols"),
        ("_server", "the same seal: True"),
    ],
)
def test_what_must_be_right_is_right_on_a_small_market_too(market, name, says):
    check = getattr(checks, name)(market)
    assert check.holds
    assert says in check.figure


def test_processes_and_threads_compute_the_same_history(market):
    check = checks._parallel(market)
    assert "equal: True" in check.figure  # whether it gains is for a quiet machine to say


@pytest.mark.parametrize(
    ("name", "worse", "says"),
    [
        ("_cold", {"errors": 1}, "0.40 s and 150 MB for 100 symbols, 40 ranked"),
        ("_cold", {"peak_mb": 900}, "0.40 s and 900 MB"),
        ("_warm", {"hit_rate": None}, "1.0 ms, hit rate None %"),
        ("_warm", {"warm_ms": 900.0}, "900.0 ms, hit rate 100.0 %"),
        ("_speedup", {"warm_ms": 300.0}, "1 × from cold to warm"),
    ],
)
def test_a_check_of_a_rung_fails_by_one_figure_alone(name, worse, says):
    check = getattr(checks, name)
    assert check(HEALTHY).holds
    failed = check({**HEALTHY, **worse})
    assert failed.holds is False
    assert says in failed.figure


FOUND = Measurements(
    [HEALTHY], calls=Measurement("5 calls", 5), hits=Measurement("80 %", 80.0), cpu=Measurement("91 %", 91.4),
    loop=Measurement("20 ×", 20.0), ray=Measurement("2.1 ×", 2.1), database=Measurement("30 ×", 30.0),
    total=Measurement("1,234 ×", 1_234.0), card=Measurement("6 ×", 6.0),
)  # fmt: skip


def test_a_target_is_held_against_what_was_measured():
    rows = targets(FOUND)
    assert [row["holds"] for row in rows] == [True] * 11
    said = {row["what"]: row["measured"] for row in rows}
    assert said["100 symbols"] == "0.40 s cold, 9 ms in a warm process"
    assert said["full universe, 100 symbols"] == said["100 symbols"]


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("calls", 30, "calls of a first scan"),
        ("hits", 70.0, "hits, questions new and repeated"),
        ("cpu", 80.0, "CPU"),
        ("loop", 9.9, "Numba, on the hot loops"),
        ("ray", 1.99, "Ray, against as many threads"),
        ("database", 1.0, "database faster than CSV"),
        ("total", 29.0, "total, per symbol"),
        ("card", 4.9, "graphics card, a million forecasts"),
        ("rungs", [{**HEALTHY, "cold_s": 15.5}], "100 symbols"),
        ("rungs", [HEALTHY, {**HEALTHY, "symbols": 5_277, "cold_s": 54.1}], "full universe, 5,277 symbols"),
        ("rungs", [{**HEALTHY, "incremental_ms": 10_000.0}], "incremental, after a new session"),
    ],
)  # fmt: skip
def test_a_target_can_be_missed_and_can_be_unknown(field, value, what):
    missed = targets(
        replace(FOUND, **{field: value if field == "rungs" else Measurement("", value)})
    )
    assert [row["what"] for row in missed if row["holds"] is False] == [what]
    if field == "rungs":
        return
    unknown = targets(replace(FOUND, **{field: Measurement("no card")}))
    assert [row["what"] for row in unknown if row["holds"] is None] == [what]


def test_without_a_market_of_that_size_its_target_is_unknown():
    rows = targets(replace(FOUND, rungs=[{**HEALTHY, "symbols": 50}]))
    assert (rows[0]["what"], rows[0]["holds"]) == ("100 symbols", None)


def test_a_ratio_whose_rounds_differ_means_nothing():
    assert str(Ratio((2.0, 2.2))) == "2.10 ×"
    assert Ratio((2.0, 2.2)).value == pytest.approx(2.1)
    assert Ratio((0.5, 0.8)).value is None
    assert (
        str(Ratio((0.5, 0.8))) == "0.50 to 0.80 ×: its rounds differ by 60 %, so it means nothing"
    )
    waits = iter([0.02, 0.0] * 4)
    assert compared(lambda: sleep(next(waits)), lambda: sleep(next(waits)), 1).rounds[0] > 0


def test_ray_is_held_against_as_many_threads_and_as_many_symbols():
    def row(url, symbols, *rounds):
        return {"executor": url, "symbols": symbols, "rounds": list(rounds)}

    rows = [
        row("threads:1", 100, 10.0, 10.0), row("threads:2", 100, 90.0, 90.0),
        row("ray://local:1", 100, 1.0, 1.0), row("ray://local:2", 100, 100.0, 101.0),
        row("threads:2", 10, 500.0, 500.0), row("threads:4", 100, 999.0, 999.0),
    ]  # fmt: skip
    found = versus.ray_against_threads(rows)
    assert found.value == pytest.approx(0.9, abs=0.01), "one worker less would be 10 ×"
    assert found.text == "2 workers, 100 symbols of pandas work: 0.90 ×"
    assert versus.ray_against_threads(rows[:2]).value is None


def test_a_loop_is_held_against_itself_uncompiled(market):
    found = versus.compiled_against_plain(market, 1)
    assert "itself as plain Python, the same bits" in found.text


def test_hits_are_those_of_a_mix(market):
    found = versus.hits_of_a_mix(market)
    assert 0.0 < found.value < 100.0, "not the same question again"


def named_na(bars, symbol):
    name = pl.when(pl.col("symbol") == symbol).then(pl.lit("NA")).otherwise("symbol")
    return bars.with_columns(symbol=name)


def test_a_database_and_a_file_must_give_the_same_symbols(market, monkeypatch):
    assert "symbols either way" in versus.database_against_csv(market).text
    universe = market.store.load_universe
    chosen = max(universe(min_volume=versus.VOLUME)["symbol"])
    bars = named_na(market.bars, chosen)

    def named(**asked):
        return named_na(universe(**asked), chosen)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(market.store, "load_universe", named)
        patch.setitem(market.__dict__, "bars", bars)
        assert "not compared" not in versus.database_against_csv(market).text
    monkeypatch.setattr(versus, "VOLUME", 1e5)
    other = market.bars.with_columns(volume=0.0)
    monkeypatch.setitem(market.__dict__, "bars", other)
    assert versus.database_against_csv(market).text == "not compared: the two give other symbols"


def test_the_older_scan_is_not_timed_where_it_gives_other_values(market):
    cache = baseline.market_cache(market.view.panel, market.symbols)
    values, differing = versus.shared_values(market, cache)
    assert values > 50
    assert not differing
    wrong = cache.assign(Close=cache["Close"] * 1.001)
    assert versus.shared_values(market, wrong)[1] > 0
    assert versus.older_against_ours([(9.0, 3.0)] * 2, 50, 0).value == pytest.approx(3.0)
    assert versus.older_against_ours([(9.0, 3.0)] * 2, 50, 1).value is None


def test_the_older_scan_gives_rows_as_executed_and_as_intended(market):
    found = whole._baseline(market, full=True, runs=1)
    assert found["symbols"] == len(market.symbols)
    assert not found["sampled"]
    assert found["equal"]
    assert 0 < found["B0"]["rows"] == found["B1"]["rows"] <= found["symbols"]


def test_the_older_scan_computes_what_its_description_says(market):
    cache = baseline.market_cache(market.view.panel, market.symbols)
    symbol = max(market.symbols, key=lambda s: (cache["Symbol"] == s).sum())
    bars = cache[cache["Symbol"] == symbol].set_index("Date")
    executed, intended = (
        baseline_symbol.features(bars),
        baseline_symbol.features(bars, intended=True),
    )
    close = bars["Close"].to_numpy()
    assert executed["SMA20"] == pytest.approx(close[-20:].mean())
    assert executed["ret_5d"] == pytest.approx(close[-1] / close[-6] - 1)
    assert np.isnan(executed["SMA200"]), "the cache holds 150 sessions"
    assert executed["RSI14"] != intended["RSI14"]
    scored = baseline_symbol.scores(executed)
    parts = {name: scored[f"{name.title()}Score"] for name in baseline_symbol.WEIGHTS}
    assert scored["TechRating_raw"] == sum(baseline_symbol.WEIGHTS[k] * v for k, v in parts.items())
    assert baseline_symbol.factors(bars)["reversal_5"] == pytest.approx(-executed["ret_5d"])
    assert not baseline_symbol.passes(bars.tail(19))
    assert not baseline_symbol.passes(bars.assign(Close=0.5))
    assert baseline.finalize([]).empty
    table = baseline.scan(cache, market.symbols[:8], intended=True, workers=2)
    assert table["TechRating"].is_monotonic_decreasing
    assert (table["StopPrice"] < table["EntryPrice"]).all()
    assert {"mom_21", "PlayStyle", "PositionSize"} <= set(table.columns)


def test_its_universe_is_filtered_by_name_and_as_executed_by_sector_too():
    import pandas as pd

    rows = pd.DataFrame(
        {
            "symbol": ["abc", "BRK.B", "F", "TOOLONG", "GICS"],
            "sector": ["Energy", "Energy", "Energy", "Energy", "Information Technology"],
        }
    )
    assert baseline.universe(rows) == ["ABC"]
    assert baseline.universe(rows, intended=True) == ["ABC", "F", "GICS"]


def test_figures_hold_their_spread(market):
    figures = whole._figures(market, 1)
    assert figures[0].what.startswith(
        f"{len(levers.every_series(benchmark=False))} last-bar features of "
    )
    assert all(f.minimum <= f.median <= f.maximum and f.unit == "ms" for f in figures)
    assert whole._cpu(market) >= 0.0
    assert set(whole.machine()) == {"version", "at", "python", "system", "cores"}
    figure = Figure.of("it", "s", [0.5, 0.25, 0.75])
    assert figure.as_dict() == {"what": "it", "unit": "s", "median": 0.5, "minimum": 0.25,
                                "maximum": 0.75, "runs": 3}  # fmt: skip


def test_the_first_call_is_not_counted():
    done = []
    assert len(milliseconds(lambda: done.append(1), 4)) == 4
    assert len(done) == 5
    assert cpu_share(lambda: None) >= 0.0
    assert 0.0 <= busy() <= 100.0
    answer = run_in_process("result = [1, 'a']", {"TECHNIC_HOME": "/nowhere"})
    assert answer["result"] == [1, "a"]
    assert answer["peak_mb"] > 1


def test_a_forest_of_the_bench_is_full_and_drawn_by_seed():
    forest = random_forest()
    size = 2 ** (DEPTH + 1) - 1
    children = forest.nodes.reshape(TREES, size, 4)[:, : size // 2, 2] - forest.roots[:, None]
    assert (children == 2 * np.arange(size // 2) + 1).all(), "every inner node leads to two more"
    assert np.array_equal(forest.nodes, random_forest().nodes)
    assert not np.array_equal(forest.nodes, random_forest(1).nodes)


def test_without_a_card_its_measure_says_why():
    found = measure_card(1)
    if found["card"] is None:
        assert found["rows"] == []
        assert "no graphics card" in found["why"]
    else:
        assert all(row["equal"] for row in found["rows"])


def test_without_pandas_the_baseline_is_left_out(market, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigError, match="the baseline is written in pandas"):
        baseline_symbol.pandas_or_refuse()
    assert whole._baseline(market, full=False, runs=1) is None
    assert versus.database_against_csv(market).text.startswith("no pandas here: ")
