"""What a store holds and lacks: counted by hand on a market of five."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

import technic as tc
from technic.market.sessions import nyse
from technic.scanner.inspect.coverage import coverage

LAST = nyse().ordinal(date(2026, 3, 13))
DAYS = [nyse().day(LAST - 19 + k) for k in range(20)]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Four symbols with twenty sessions, one of which three missed and one nobody traded; and one that stopped."""
    store = tc.open_store(tmp_path_factory.mktemp("coverage") / "store")
    rows = []
    for symbol in ("AAA", "BBB", "CCC", "DDD", "EEE"):
        for k, day in enumerate(DAYS):
            missed = k == 7 or (k == 11 and symbol in {"BBB", "CCC", "DDD"})
            stopped = (symbol == "EEE" and k > 8) or (symbol == "DDD" and k > 17)
            if not missed and not stopped:
                price = 10.0 + k
                rows.append((symbol, day, price, price, price, price, 1e6))
    names = ["symbol", "date", "open", "high", "low", "close", "volume"]
    bars = pl.DataFrame(rows, schema=names, orient="row")
    strange = bars[:1].with_columns(date=pl.lit(DAYS[7]), high=pl.lit(1.0))
    store.import_bars(pl.concat([bars, strange]))
    listings = {
        "symbol": ["AAA", "BBB", "CCC"], "name": ["Alpha", "Beta", None],
        "type": ["common", "common", "etf"], "sector": ["Energy", None, None],
        "exchange": ["NYSE", "NYSE", "NASDAQ"],
    }  # fmt: skip
    store.import_listings(pl.DataFrame(listings), seen_at=datetime(2026, 2, 1, tzinfo=UTC))
    return store


def test_everything_is_counted(store):
    found = coverage(store)
    assert (found["first"], found["as_of"], found["sessions"]) == (DAYS[0], DAYS[-1], 20)
    assert found["sessions_without_bars"] == 1
    assert found["thin_sessions"] == [DAYS[11]], "one bar where four are usual"
    assert found["symbols"] == 5
    assert found["bars"] == 4 * 19 + 8 - 3 - 2
    assert (found["traded_on_session"], found["no_bar_on_session"], found["stale"]) == (3, 1, 1)
    assert found["short_history"] == 5
    known = found["known"]
    assert (known["name"], known["sector"], known["market_cap"]) == (2, 1, 0)
    assert found["simulated"] is False
    assert found["filings"] == {"filings": 0, "securities": 0, "newest": None}
    assert sum(found["quarantined"].values()) == 1


def test_a_past_session_is_counted_as_of_then(store):
    found = coverage(store, DAYS[5])
    assert (found["as_of"], found["sessions"]) == (DAYS[5], 6)
    assert (found["bars"], found["traded_on_session"], found["stale"]) == (30, 5, 0)
    assert found["sessions_without_bars"] == 0
    assert found["thin_sessions"] == []


def test_filings_are_those_that_were_known(store, tmp_path_factory):
    rows = [
        {
            "symbol": symbol, "as_of": filed, "period_end": date(2025, 12, 31), "form": "10-K",
            "period": "FY", "fiscal_year": 2025, "net_income": 5e6, "assets": 1e8,
        }
        for symbol, filed in (("AAA", DAYS[2]), ("BBB", DAYS[15]))
    ]  # fmt: skip
    other = tc.open_store(tmp_path_factory.mktemp("filed") / "store")
    bars = store.table("bars").collect()
    names = dict(zip(store.panel().who["security_id"], store.panel().who["symbol"], strict=True))
    again = bars.select(
        pl.col("security_id").replace_strict(names).alias("symbol"), pl.col("session").alias("date"),
        "open", "high", "low", "close", "volume",
    )  # fmt: skip
    other.import_bars(again)
    other.import_filings(pl.DataFrame(rows))
    assert coverage(other, DAYS[10])["filings"] == {
        "filings": 1, "securities": 1, "newest": DAYS[2],
    }  # fmt: skip
    assert coverage(other)["filings"]["securities"] == 2
