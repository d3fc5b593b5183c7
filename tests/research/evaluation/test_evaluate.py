"""Evidence: against pandas, against the definition spelled out, and against what cannot be known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import technic as tc
from technic.data.simulated import simulate
from technic.data.store.evidence import evidence_for, save_evidence
from technic.errors import ConfigError, QuestionError, StoreError
from technic.market.sessions import nyse
from technic.research.evaluation.evaluate import default_columns, evaluate
from technic.research.forward_returns import forward_returns

HORIZONS = (1, 5, 21)


@pytest.fixture(scope="module")
def market(tmp_path_factory, kernels):
    made = simulate(seed=5, size=120, sessions=120)
    store = tc.open_store(tmp_path_factory.mktemp("evidence") / "store")
    store.import_bars(made.bars, simulated=made.about)
    store.import_listings(made.listings)
    return store


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("horizons", value) for value in
          [(-1,), (0,), (1.5,), (), (5, 1), (1, 1), (True,), ("1",), (10**9,), None, 5, "15"]),
        *(("last", value) for value in [0, -1, 1.5, True, "60"]),
    ],
)  # fmt: skip
def test_an_argument_that_counts_no_sessions_is_named(market, name, value):
    with pytest.raises(ConfigError, match=f"evaluate: {name}"):
        tc.evaluate(market, ["ret(5)"], **{name: value})


def test_forward_returns_go_from_the_next_open_to_the_open_after_the_horizon(market):
    """Reference: each symbol's bars in a dictionary of days."""
    view = market.panel()
    first = int(np.nanmin([view.panel.run(i, "session")[0] for i in range(len(view.panel))]))
    ordinals = np.arange(first, nyse().ordinal(view.as_of) + 1)
    found = forward_returns(view, ordinals, HORIZONS)
    rng = np.random.default_rng(2)
    for i in rng.choice(len(view.panel), 12, replace=False):
        days = view.panel.run(int(i), "session").astype(int)
        opens = dict(zip(days, view.panel.run(int(i), "open"), strict=True))
        closes = dict(zip(days, view.panel.run(int(i), "close"), strict=True))
        for j, h in enumerate(HORIZONS):
            for k, day in enumerate(ordinals):
                bought, leave = opens.get(day + 1), day + 1 + h
                if bought is None or leave > ordinals[-1]:
                    assert np.isnan(found[j, k, i])
                    continue
                before = [d for d in days if d < leave]
                sold = opens.get(leave, closes[before[-1]])
                assert found[j, k, i] == pytest.approx(min(sold / bought - 1.0, 1.0))


def test_who_knows_the_future_is_told_from_zero_and_noise_is_not(market):
    """Planted: yesterday's move continued by nothing; the return itself, shifted back, is perfect."""
    found = evaluate(market, ["ret(1)", "ret(5)"], universe="", horizons=(1, 2, 5))
    for evidence in found.evidence.values():
        part = evidence.summary()["ic"]["1"]
        assert abs(part["mean"]) < 0.1
        assert part["sessions"] > 90


def test_a_column_at_a_session_is_what_a_scan_as_of_it_gives(market):
    """The correlation of one session, from scans as of it and from the returns that followed."""
    texts = ["rsi(14)", "pct_rank(ret(21), by=sector or market)", "volatility_score"]
    universe = "coalesce(is_common, true) and close >= 5"
    found = evaluate(market, texts, universe=universe)
    view = market.panel()
    ordinals = np.array([nyse().ordinal(d) for d in _days(market)])
    returns = forward_returns(view, ordinals, HORIZONS)
    place = {s: i for i, s in enumerate(view.who["symbol"])}
    for t in (70, 95):
        for text in texts:
            report = tc.scan(
                market, universe=universe, rank=text, columns=[text], top=10_000,
                as_of=nyse().day(int(ordinals[t])),
            )  # fmt: skip
            rows = report.rows.select("symbol", "score")
            later = [returns[1, t, place[s]] for s in rows["symbol"]]
            frame = pd.DataFrame({"v": rows["score"].to_list(), "f": later}).dropna()
            want = frame["v"].corr(frame["f"], method="spearman")
            assert found.evidence[text].ic[t, 1] == pytest.approx(want, abs=1e-9)


def _days(store):
    bars = store.table("bars").select("session").unique().collect()
    return sorted(bars["session"].to_list())


def test_the_json_has_the_form_that_was_promised(market):
    found = evaluate(market, ["rating", "tech_rating"], universe="").as_dict()
    assert set(found) == {"rating", "tech_rating"}
    assert set(found["tech_rating"]["ic"]) == {"1", "5", "21"}
    assert {"mean", "low", "high", "sessions"} <= set(found["tech_rating"]["ic"]["5"])
    assert found["rating"]["ic"]["5"]["mean"] is None  # nothing was filed here


def test_a_simulated_or_survivors_market_is_said_to_be_one(market):
    notes = " ".join(evaluate(market, ["ret(1)"], universe="").notes)
    assert "simulated" in notes


def test_an_evaluation_is_remembered_beside_the_store(market):
    from datetime import UTC, datetime

    found = evaluate(market, ["ret(1)"], universe="")
    save_evidence(market, found.about(), datetime(2026, 1, 1, tzinfo=UTC))
    assert evidence_for(market, "ret(1)")["ic"] == found.as_dict()["ret(1)"]["ic"]
    assert evidence_for(market, "ret(2)") is None
    assert market.catalog.runs()[0]["kind"] == "evaluate"


def test_what_cannot_be_evaluated_is_refused(market, tmp_path):
    with pytest.raises(QuestionError, match="number is expected"):
        evaluate(market, ["close > 5"])
    short = tc.open_store(tmp_path / "short")
    bars = simulate(seed=1, size=20, sessions=15).bars
    short.import_bars(bars)
    with pytest.raises(StoreError, match="too few"):
        evaluate(short, ["ret(1)"])


def test_every_rating_and_score_is_evaluated_unless_named():
    from technic.scores import MACROS, SCORES

    columns = default_columns()
    assert set(MACROS) <= set(columns)
    assert {name for name in SCORES if not name.endswith("_part")} <= set(columns)


def test_a_renamed_security_has_its_old_name_until_the_day_it_changes(tmp_path):
    """Listings of the past, session by session, are those of the directory as of each."""
    from datetime import date

    import polars as pl

    from technic.market.schema import TICKERS
    from technic.scanner.columns.past_attributes import AttributeHistory

    days = [date(2024, 3, d) for d in (4, 5, 6, 7, 8)]
    bars = pl.concat([
        pl.DataFrame({"symbol": ["OLD", "OTHER"], "date": [day] * 2, "open": 1.0, "high": 1.0,
                      "low": 1.0, "close": 1.0, "volume": 5.0})
        for day in days
    ])  # fmt: skip
    store = tc.open_store(tmp_path / "store")
    store.import_bars(bars)
    known = nyse().closes(nyse().ordinal(days[2]))
    who = store.table("tickers").filter(pl.col("symbol") == "OLD").collect()["security_id"].item()
    rows = [
        (who, "OLD", days[0], days[2], 0, known, "x"),
        (who, "NEW", days[3], None, 1, known, "x"),
    ]
    store.commit({"tickers": pl.DataFrame(rows, schema=TICKERS, orient="row")})
    store.import_listings(
        pl.DataFrame({"symbol": ["OTHER"], "sector": ["Energy"], "as_of": [days[1]]})
    )
    view = store.panel()
    past = AttributeHistory(store, view, None)
    at = view.panel.security_ids.tolist().index(who)
    for day in days:
        seen = past.at(nyse().ordinal(day), np.array([at, 1 - at]), np.ones(2))
        then = store.panel(day).who.sort("security_id")
        assert seen["symbol"].tolist() == [then["symbol"][at], then["symbol"][1 - at]], day
        assert seen["sector"].tolist() == [then["sector"][at], then["sector"][1 - at]], day
