"""A whole scan: everybody accounted for, exactly explained, reproducible."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date

import numpy as np
import polars as pl
import pytest

import technic as tc
from technic.data.simulated import simulate
from technic.errors import StoreError, UnlistedError
from technic.market.sessions import nyse
from technic.runtime.settings import Settings
from technic.scanner.ledger import BUCKETS
from technic.scanner.scan import rerun
from technic.scanner.spec.scan_file import ScanFile, presets
from technic.scanner.verify import compare


@pytest.fixture(scope="session")
def market(tmp_path_factory, kernels):
    store = tc.open_store(tmp_path_factory.mktemp("market") / "store")
    made = simulate(seed=3, size=400, sessions=330)
    store.import_bars(made.bars, simulated=made.about)
    store.import_listings(made.listings)
    return store


@pytest.mark.parametrize("preset", [None, *presets()])
def test_every_listed_symbol_is_in_exactly_one_bucket(market, preset):
    asked = ScanFile() if preset is None else ScanFile.preset(preset)
    report = tc.scan(market, file=asked)
    ledger = report.ledger
    assert sum(report.as_dict()["ledger"]["buckets"].values()) == report.ledger_book.total
    assert ledger["symbol"].n_unique() == ledger.height == report.ledger_book.total
    assert set(ledger["bucket"]) <= set(BUCKETS)
    assert (ledger["bucket"] == "ranked").sum() == report.n_ranked


def test_contributions_added_from_left_to_right_are_exactly_the_score(market):
    for text in ("tech_rating", "3 * pct_rank(ret(21)) - 2 * pct_rank(atr_pct) + 0.1 * rsi"):
        report = tc.scan(market, rank=text, top=50)
        for row in report.shown:
            total = None
            for part in row.contributions.values():
                total = part if total is None else total + part
            assert total == row.score


def test_the_order_is_total_and_best_first(market):
    report = tc.scan(market, rank="0 * close", top=400)
    liquidity = [row.values["dollar_volume(20)"] or -1.0 for row in report.shown]
    assert liquidity == sorted(liquidity, reverse=True), "ties go to the more liquid"
    report = tc.scan(market, top=400)
    scores = [row.score for row in report.shown]
    assert scores == sorted(scores, reverse=True)
    assert [row.rank for row in report.shown] == list(range(1, len(scores) + 1))


def test_one_account_is_filled_down_the_ranking(market):
    report = tc.scan(market, top=100)
    rules = report.question.plan
    spent = sum(row.plan.size * row.plan.entry for row in report.shown if row.plan.size)
    heat = sum(row.plan.risk for row in report.shown)
    assert 0 < spent <= rules.account * rules.leverage
    assert heat <= rules.account * rules.max_heat * (1 + 1e-12)
    assert sum(row.plan.size > 0 for row in report.shown) <= rules.max_positions
    assert {row.plan.capped_by for row in report.shown[-20:]} <= {
        "buying_power",
        "positions",
        "heat",
        "stop",
    }


def test_a_sealed_scan_runs_again_to_the_same_bytes(market):
    for options in (
        {"where": "rsi(14) < 45 and beta(60) > 0.5"},
        {"universe": "liquid", "rank": "pct_rank(ret(63), by=sector or market)"},
        {"as_of": date(2026, 10, 1), "symbols": ("ON", "NA")},
        {"file": ScanFile.preset("breakdown-short")},
    ):
        report = tc.scan(market, **options)
        for threads in ("1", "3"):
            settings = Settings.load({**os.environ, "TECHNIC_THREADS": threads})
            again = rerun(market, json.loads(json.dumps(report.manifest)), settings)
            assert compare(report.manifest, again.manifest) == []
            assert again.manifest == report.manifest


def test_another_definition_is_named_and_one_that_was_not_used_is_none(market):
    manifest = tc.scan(market, where="rsi(14) < 45", rank="ret(5)").manifest
    used = manifest["definitions"]
    assert {"rsi", "ret", "atr", "sma"} <= set(used), "its plan and its liquidity are of the answer"
    assert "adx" not in used
    other = {**manifest, "definitions": {**used, "rsi": "0" * 16}}
    assert compare(other, manifest) == ["another definition of rsi"]
    more = {**manifest, "definitions": {**used, "adx": "0" * 16}}
    assert compare(more, manifest) == ["another definition of adx"]
    assert compare({**manifest, "graph": "0" * 16}, manifest)[0].startswith("other indicators (")


def test_what_reads_more_than_it_names_holds_all_definitions(market):
    reads = tc.scan(market, where="market_trend > 0", rank="ret(5)").manifest["definitions"]
    assert {"adx", "psar", "vortex"} <= set(reads)
    own = [
        tc.scan(market, where=f"market_trend > 0 and count(close > hma({n}), 7) > 2").manifest
        for n in (20, 21)
    ]
    assert "count" in own[0]["definitions"], "what it names itself is there too"
    assert own[0]["graph"] != own[1]["graph"]


def test_as_of_sees_nothing_later(market, tmp_path):
    """A store that ends at a session and a scan as of it give the same rows."""
    day = date(2026, 9, 15)
    made = simulate(seed=3, size=400, sessions=330)
    known = made.bars.filter((pl.col("date") <= day) & (pl.col("as_of") <= day))
    short = tc.open_store(tmp_path / "short")
    short.import_bars(known, simulated=made.about)
    short.import_listings(made.listings)
    ask = {"where": "close > sma(50)", "rank": "tech_rating", "top": 60}
    then, now = tc.scan(short, **ask), tc.scan(market, as_of=day, **ask)
    rows = [[(r.symbol, r.score, r.values["close"]) for r in x.shown] for x in (then, now)]
    assert rows[0] == rows[1]
    assert len(rows[0]) == 60


def test_false_beats_unknown_in_the_ledger(market):
    report = tc.scan(market, where="sma(320) > 0 and close < 0")
    details = report.ledger_book.details("filtered")
    assert details == {"close < 0": details["close < 0"]}
    assert report.ledger_book.counts()["short_history"] == 0


def test_simulated_is_said_everywhere(market):
    report = tc.scan(market)
    assert report.as_dict()["simulated"] is True
    assert "SIMULATED" in repr(report)
    assert "SIMULATED" in report._repr_html_()
    assert report.manifest["simulated"] is True


def test_the_json_has_the_names_that_others_build_on(market):
    found = tc.scan(market, top=3).as_dict()
    assert {
        "as_of",
        "simulated",
        "store_version",
        "question",
        "rows",
        "ledger",
        "timings_ms",
        "manifest",
    } <= set(found)
    row = found["rows"][0]
    assert {"rank", "symbol", "score", "percentile", "contributions", "plan", "close"} <= set(row)
    assert list(row["plan"]) == ["side", "entry", "stop", "target", "size", "risk", "capped_by"]
    assert set(found["ledger"]) >= {"total", "buckets"}


def test_frames_for_everybody(market):
    report = tc.scan(market, top=5)
    assert report.rows.height == 5
    assert pl.DataFrame(report).equals(report.rows)
    assert len(report.to_pandas()) == 5
    assert "tickers" not in report.rows.columns


def test_features_are_row_for_row_with_the_input(kernels):
    rng = np.random.default_rng(0)
    n = 60
    frame = pl.DataFrame(
        {"symbol": ["B"] * n + ["A"] * n, "open": 10.0, "high": 11.0, "low": 9.0,
         "close": 10 + rng.normal(0, 0.1, 2 * n), "volume": 5.0}
    )  # fmt: skip
    out = tc.features(frame, ["rsi(14)", "macd(12, 26, 9)"])
    assert out.columns == [
        "rsi(14)",
        "macd(12, 26, 9)",
        "macd_signal(12, 26, 9)",
        "macd_hist(12, 26, 9)",
    ]
    assert out.height == frame.height
    alone = tc.features(frame.filter(pl.col("symbol") == "A"), ["rsi(14)"])
    assert out["rsi(14)"][n:].to_list() == alone["rsi(14)"].to_list()
    assert out["rsi(14)"][:14].is_null().all()


def test_the_history_of_a_feature_is_what_scans_as_of_each_session_give(market):
    """Across splits too, and where a bar was told late or corrected since: by what was known then."""
    from technic.compute.history import FeatureRequest, store_features
    from technic.indicators.kernel.run import evaluate
    from technic.query.series import series_for

    texts = ["close", "sma(20)", "rsi(14)", "atr(14)", "obv"]
    splits = market.table("actions").filter(pl.col("kind") == "split").collect()
    tickers = market.table("tickers").collect()
    names = tickers.join(splits, on="security_id", how="semi")["symbol"].to_list()
    assert len(names) > 3
    table = store_features(market, FeatureRequest(texts, names))
    kernels = Settings.load().kernels
    for day in (date(2026, 2, 3), date(2026, 6, 16), date(2026, 11, 20)):
        view = market.panel(as_of=None if day == market.version().last else day)
        last = evaluate(series_for(texts)[1], view.panel, kernels)
        symbols = view.who["symbol"].to_list()
        rows = table.filter(pl.col("session") == day)
        assert rows.height > 2
        for row in rows.iter_rows():
            wanted = last[:, symbols.index(row[0])]
            found = [np.nan if value is None else value for value in row[2:]]
            np.testing.assert_array_equal(found, wanted)


def test_no_question_compiles_anything(market):
    """Fifty random questions: no machine code comes to be, and the compiler is not even there."""
    folder = Settings.load().kernels
    before = sorted(path.name for path in folder.iterdir())
    rng = np.random.default_rng(5)
    for _ in range(50):
        a, b = rng.integers(2, 200, 2)
        name = rng.choice(["sma", "ema", "rsi", "atr", "kama", "highest", "slope", "cci", "adx"])
        tc.scan(market, where=f"{name}({a}) > {b}", rank=f"roc({b})")
    assert sorted(path.name for path in folder.iterdir()) == before
    program = (
        "import sys, technic as tc; tc.scan(tc.open_store(sys.argv[1]), rank='rating'); "
        "print([name for name in ('numba', 'sqlalchemy', 'httpx2') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(market.folder)], capture_output=True, text=True,
        check=True, env={**os.environ, "TECHNIC_CACHE": "none"},
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


def test_why_not_and_explain_agree_with_the_scan(market):
    where = "close > sma(50) and rsi(14) < 60"
    report = tc.scan(market, where=where, top=400)
    ranked = {row.symbol: row for row in report.shown}
    asked = ScanFile(where=where)
    first = report.shown[0].symbol
    told = tc.explain(market, first, asked)
    assert told.score == ranked[first].score
    total = None
    for part in told.parts:
        total = part.contribution if total is None else total + part.contribution
    assert total == told.score
    ledger = report.ledger.filter(pl.col("bucket") == "filtered")
    for symbol, detail in ledger.select("symbol", "detail").head(10).iter_rows():
        found = tc.why_not(market, symbol, asked)
        failing = [clause.text for clause in found.clauses if clause.verdict == "fails"]
        assert failing[0] == detail
        assert found.rank is None
    assert tc.why_not(market, first, asked).rank == 1


def test_an_unknown_symbol_is_met_with_a_hint(market):
    with pytest.raises(StoreError, match="not listed"):
        tc.why_not(market, "ZZZZZZZ")


def test_a_symbol_that_is_listed_no_more_is_met_with_its_last_session(market):
    view = market.panel()
    gone = view.who.filter(pl.col("until") < view.as_of).sort("until").row(-1, named=True)
    last = nyse().day(nyse().last_until(gone["until"]))
    with pytest.raises(UnlistedError, match=f"it was until {last}: ask as of") as told:
        tc.why_not(market, gone["symbol"])
    assert told.value.last == last
    assert "did you mean" not in str(told.value)
    assert tc.why_not(market, gone["symbol"], as_of=last).symbol == gone["symbol"]
    if nyse().ordinal(last) + 1 < nyse().ordinal(view.as_of):
        with pytest.raises(UnlistedError):
            tc.why_not(market, gone["symbol"], as_of=nyse().day(nyse().ordinal(last) + 1))


def test_built_in_questions_never_look_ahead(market):
    for asked in (ScanFile(), *(ScanFile.preset(name) for name in presets())):
        for finding in tc.lint(market, asked):
            assert finding.check != "look-ahead" or finding.ok, finding


@pytest.mark.slow
def test_a_plain_processor_gives_the_same_bits(market, tmp_path):
    """Without the vector instructions of this machine: compiled anew, the same seal."""
    program = (
        "import sys, technic as tc; "
        "r = tc.scan(tc.open_store(sys.argv[1]), where='close > sma(50)'); "
        "print(r.manifest['answer_digest'])"
    )
    seals = []
    for cpu in ("generic", "host"):
        env = {**os.environ, "NUMBA_CPU_NAME": cpu, "TECHNIC_HOME": str(tmp_path / cpu)}
        env |= {"NUMBA_CPU_FEATURES": ""} if cpu == "generic" else {}
        done = subprocess.run(
            [sys.executable, "-c", program, str(market.folder)],
            env=env, capture_output=True, text=True, check=True,
        )  # fmt: skip
        seals.append(done.stdout.strip())
    assert (
        seals[0] == seals[1] == tc.scan(market, where="close > sma(50)").manifest["answer_digest"]
    )
