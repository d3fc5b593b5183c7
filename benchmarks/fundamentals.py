"""Figures of catalog, filings, percentiles, ratings and evidence."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import polars as pl

import technic as tc
from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.data.simulated.statements import statements
from technic.market.schema import SECTORS
from technic.query.evaluate import Evaluation
from technic.research.evaluation.evaluate import evaluate
from technic.runtime.settings import Setting, Settings
from technic.scanner.columns.attributes import Attributes
from technic.scanner.columns.percentile_cache import PercentileCache
from technic.scanner.spec.question import resolve_question

DATA = Path(os.environ.get("TECHNIC_TEST_DATA", "../shared/data"))
RATIOS = (
    "earnings_yield", "dividend_yield", "book_yield", "sales_yield", "cash_flow_yield",
    "ebit_yield", "gross_profitability", "roe", "roa", "-accruals", "cash_return",
    "gross_margin", "operating_margin", "net_margin", "piotroski_f", "revenue_growth",
    "revenue_growth_q", "income_growth", "eps_growth_q", "-asset_growth", "-leverage",
    "equity_share", "-debt_to_equity", "current_ratio", "cash_share", "interest_coverage",
    "altman_z", "size", "-pe", "-pb",
)  # fmt: skip
SECURITIES = 11_000
FILTERS = {"sectors": ["Information Technology", "Health Care", "Financials"],
           "min_market_cap": 1e9, "min_volume": 200_000.0}  # fmt: skip


def fundamental_rows(home, settings, runs, spread, env, process):
    """Rows of the table: what, on, measured, must, aim."""
    return [
        *_universes(home, runs, spread),
        *_percentiles(home, settings, runs, spread),
        *_ratings(home, settings, runs, spread, env, process),
        *_evidence(home, settings),
    ]


def _timed(work, runs):
    work()
    times = []
    for _ in range(runs):
        since = perf_counter()
        work()
        times.append(1e3 * (perf_counter() - since))
    return times


def _listings(store):
    """11,000 securities with three sessions of bars, drawn by seed."""
    rng = np.random.default_rng(1)
    symbols = [f"S{i:05d}" for i in range(SECURITIES)]
    days = [np.datetime64(f"2024-03-0{d}").astype(object) for d in (6, 7, 8)]
    volume = rng.integers(1, 2_000_000, SECURITIES).astype(float)
    store.import_bars(
        pl.concat([
            pl.DataFrame({"symbol": symbols, "date": [day] * SECURITIES, "open": 10.0, "high": 11.0,
                          "low": 9.0, "close": 10.0, "volume": volume})
            for day in days
        ])
    )  # fmt: skip
    told = pl.DataFrame(
        {
            "symbol": symbols, "name": [f"Company {i} Inc." for i in range(SECURITIES)],
            "type": rng.choice(["common", "etf", "preferred"], SECURITIES, p=[0.7, 0.2, 0.1]),
            "exchange": rng.choice(["XNYS", "XNAS", "XASE"], SECURITIES),
            "sector": rng.choice(SECTORS, SECURITIES),
            "market_cap": np.exp(rng.normal(20, 2, SECURITIES)),
        }
    )  # fmt: skip
    store.import_listings(told)
    return told.with_columns(volume=pl.Series(volume))


def _universes(home, runs, spread):
    folder = Path(home) / "universe"
    told = _listings(FileStore(folder))
    path = Path(home) / "universe.csv"
    told.write_csv(path)
    rows = []
    times = {"SQLite": _load(FileStore(folder), runs)}
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from support.servers import postgres

    with postgres() as url:
        store = FileStore(folder, url)
        times["PostgreSQL"] = _load(store, runs)
        store.catalog.close()
    plain = _timed(lambda: _iterrows(path), 3)
    fast = _timed(lambda: _by_polars(path), runs)
    found = FileStore(folder).load_universe(**FILTERS).height
    for name, must in (("SQLite", "≤ 5 ms"), ("PostgreSQL", "≤ 10 ms")):
        rows.append(
            (f"universe of three filters, {name}", f"{found:,} of {SECURITIES:,} securities",
             spread(times[name], "ms"), must, "")
        )  # fmt: skip
    note = "the same universe from a CSV file"
    rows.append((f"{note}, pandas row by row", "", spread(plain, "ms"), "slower", ""))
    rows.append((f"{note}, polars", "", spread(fast, "ms"), "", ""))
    return rows


def _load(store, runs):
    return _timed(lambda: store.load_universe(**FILTERS), 4 * runs)


def _iterrows(path):
    """As the system before this one did: pandas, row by row."""
    import pandas as pd

    kept = []
    for _, row in pd.read_csv(path).iterrows():
        wanted = row["sector"] in FILTERS["sectors"]
        if wanted and row["market_cap"] >= 1e9 and row["volume"] >= FILTERS["min_volume"]:
            kept.append(tuple(row))
    return kept


def _by_polars(path):
    return pl.read_csv(path).filter(
        pl.col("sector").is_in(FILTERS["sectors"]), pl.col("market_cap") >= 1e9,
        pl.col("volume") >= FILTERS["min_volume"],
    )  # fmt: skip


def _percentiles(home, settings, runs, spread):
    """Thirty ratios, everything known, in eleven sectors: the most there can be to do."""
    made = simulate(seed=7, size=7_330, sessions=260)
    store = FileStore(Path(home) / "filed")
    store.import_bars(made.bars, simulated=made.about)
    store.import_listings(made.listings)
    store.import_filings(statements(made.bars, made.listings, 7))
    texts = [f"pct_rank({ratio}, by=sector)" for ratio in RATIOS]
    asked = tc.ScanFile(columns=tuple(texts), rank="close")
    question = resolve_question(asked)
    view = store.panel()
    from technic.compute.last_bar import columns_of

    columns = columns_of(question.series, "market", view, settings).values  # noqa: PD011
    nodes = question.columns
    universe = (view.who["type"] == "common").fill_null(value=False).to_numpy()
    first, again = [], []
    for k in range(runs + 1):
        kept = Settings({**settings.given, "cache": Setting("cache", f"memory,file://{home}/p{k}", "")})  # fmt: skip
        known = Attributes(store, view, kept)
        known.prefetch(question.names & set(_facts()))
        for times in (first, again):
            evaluation = Evaluation(
                len(view.panel), columns, known, universe, lambda _n: frozenset()
            )
            since = perf_counter()
            crossed = PercentileCache.recall(question, evaluation, view, kept)
            for node in nodes:
                evaluation.value(node)
            times.append(1e3 * (perf_counter() - since))
            crossed.keep(evaluation)
    on = f"{len(nodes)} ratios × {int(universe.sum()):,} common stocks"
    return [
        ("sector percentiles, first", on, spread(first[1:], "ms"), "≤ 60 ms", ""),
        ("the same, reused by another scan", on, spread(again[1:], "ms"), "≤ 2 ms", ""),
    ]


def _facts():
    from technic.query.names import ATTRIBUTES, FACTS

    return {*FACTS, *ATTRIBUTES}


def _ratings(home, settings, runs, spread, env, process):
    path = DATA / "bars/us_2015_2016_as_traded.parquet"
    folder = Path(home) / "rated"
    store = FileStore(folder)
    if path.exists():
        store.import_bars(path)
        store.import_listings(DATA / "reference/listings_2015_2016.parquet")
        since = perf_counter()
        taken = store.import_filings(DATA / "filings/sec_facts_2015_2016.parquet")
        took = perf_counter() - since
        on = "real bars and filings of 2015 and 2016"
        rows = [
            ("import of filings", f"{taken.rows:,} filings, {taken.facts:,} numbers",
             f"{took:.1f} s", "", "")
        ]  # fmt: skip
    else:
        folder, rows, on = Path(home) / "filed", [], "a simulated market"
        store = FileStore(folder)
    plain = settings.uncached()
    warm = _timed(lambda: tc.scan(store, rank="rating", settings=plain), runs)
    symbols = len(store.panel().panel)
    rows.append(("scan by the composite rating, warm, nothing cached",
                 f"{symbols:,} symbols; {on}", spread(warm, "ms"), "≤ 150 ms", ""))  # fmt: skip
    _, peaks = process(["scan", "--rank", "rating", "--store", str(folder)], env, 1)
    rows.append(("peak memory of that scan as a process", "", f"{median(peaks):.1f} MB", "≤ 600 MB", ""))  # fmt: skip
    return rows


RATED = ("rating", "fund_rating", "tech_rating", "value_score", "quality_score", "growth_score",
         "safety_score", "momentum_12_1")  # fmt: skip


def evidence_table(home, settings):
    """What the ratings were worth on both real markets; star: the interval leaves zero out."""
    out = ["| rank IC, 95 % interval | 1 session | 5 sessions | 21 sessions | sessions needed |",
           "|---|---|---|---|---|"]  # fmt: skip
    for folder, columns, market in (
        ("rated", RATED, "2015–16"),
        ("store", ("tech_rating", "momentum_12_1"), "2021–24, survivors"),
    ):
        if (Path(home) / folder).exists():
            found = evaluate(FileStore(Path(home) / folder), columns, settings=settings)
            out += [_evidence_row(text, market, e) for text, e in found.evidence.items()]
    return out


def _evidence_row(text, market, evidence):
    cells = []
    for part in evidence.summary()["ic"].values():
        told = part["low"] is not None
        star = " *" if told and part["low"] * part["high"] > 0 else ""
        span = f" ({part['low']:+.3f} … {part['high']:+.3f})" if told else " (too few)"
        cells.append(f"{part['mean']:+.3f}{span}{star}")
    needed = evidence.summary()["ic"]["5"]["sessions_needed"]
    return f"| `{text}`, {market} | {' | '.join(cells)} | {needed:,} |"


def columns_to_evaluate():
    """A hundred columns: the technical rating and its parts, and features at many lengths."""
    scores = ["tech_rating", "trend_score", "momentum_score", "volume_score", "volatility_score",
              "oscillator_score", "breakout_score", "momentum_12_1"]  # fmt: skip
    lengths = {
        "ret({})": (1, 2, 3, 4, 5, 10, 15, 21, 42, 63, 84, 105, 126, 147, 168, 189, 210, 231, 252),
        "rsi({})": (2, 3, 5, 7, 9, 14, 21, 28), "close / sma({}) - 1": (5, 10, 20, 50, 100, 150, 200),
        "realized_vol({})": (10, 20, 40, 60, 120), "atr_pct({})": (5, 7, 14, 21, 28),
        "from_high({})": (20, 63, 126, 252), "from_low({})": (20, 63, 126, 252),
        "volume_ratio({})": (5, 10, 20, 50), "adx({})": (7, 14, 21), "cci({})": (10, 20, 40),
        "williams_r({})": (7, 14, 28), "mfi({})": (7, 14, 28), "roc({})": (5, 10, 20, 60),
        "slope({})": (20, 60), "r2({})": (20, 60), "cmf({})": (10, 20),
        "up_down_volume({})": (20, 50), "bb_pct({}, 2)": (10, 20), "bb_width({}, 2)": (20,),
        "dollar_volume({})": (5, 20, 60),
    }  # fmt: skip
    texts = [form.format(n) for form, numbers in lengths.items() for n in numbers]
    crossed = ["pct_rank(ret(126))", "pct_rank(-atr_pct(14))", "pct_rank(ret(21), by=sector or market)",
               "rank(ret(5))", "zscore(ret(21))", "macd_hist(12, 26, 9) / close"]  # fmt: skip
    return [*scores, *texts, *crossed][:100]


def _evidence(home, settings):
    store = FileStore(Path(home) / "store")
    columns = columns_to_evaluate()
    since = perf_counter()
    found = evaluate(store, columns, settings=settings)
    took = perf_counter() - since
    on = (
        f"{len(columns)} columns × {found.sessions} sessions × {len(store.panel().panel):,} symbols"
    )
    return [("technic evaluate", on, f"{took:.1f} s", "≤ 60 s", "")]
