"""Ten real companies: every trailing figure is that of a slow reference, or unknown.

The reference knows days, not months: it goes from the end of one quarter to the next and adds up
what the file says. A second check is by hand: figures of the companies' own annual reports.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from technic.data.ingest import open_store
from technic.scanner.columns.filings import statements_at

TEN = ("AAPL", "COST", "HD", "INTC", "JNJ", "KO", "KR", "MSFT", "PEP", "WMT")
FLOWS = {"revenue": "revenues", "net_income": "net_income", "eps": "eps_diluted"}
# From annual reports: the night on which the file first has it, USD million and USD per share.
REPORTED = {
    "AAPL": ("2015-10-28", 233_715, 53_394, 9.22), "COST": ("2015-10-13", 113_666, 2_377, 5.37),
    "HD": ("2016-03-24", 88_519, 7_009, 5.46), "INTC": ("2016-02-12", 55_355, 11_420, 2.33),
    "JNJ": ("2016-02-24", 70_074, 15_409, 5.48), "KO": ("2016-02-25", 44_294, 7_351, 1.67),
    "KR": ("2016-03-29", 109_830, 2_039, 2.06), "MSFT": ("2015-07-31", 93_580, 12_193, 1.48),
}  # fmt: skip


@pytest.fixture(scope="module")
def filed(real_data, tmp_path_factory):
    """The filings of ten companies, and what a store makes of them: rows, and statements by symbol."""
    path = real_data / "filings/sec_facts_2015_2016.parquet"
    rows = pl.read_parquet(path).filter(pl.col("symbol").is_in(list(TEN)))
    store = open_store(tmp_path_factory.mktemp("ten") / "store")
    store.import_bars(
        pl.DataFrame({"symbol": TEN, "date": "2016-06-30", "volume": 1e6}).with_columns(
            pl.lit(90.0).alias(name) for name in ("open", "high", "low", "close")
        )
    )
    store.import_filings(rows)
    ids = dict(store.table("tickers").collect().select("symbol", "security_id").iter_rows())
    return rows, ids, statements_at(store, store.version())


def night(day):
    return datetime.combine(day, time(23, 59, 59), ZoneInfo("America/New_York"))


def told(rows, symbol, column, until):
    """What was known: value by the end of the period, of quarters and of years."""
    quarters, years = {}, {}
    for row in rows.filter(pl.col("symbol") == symbol).sort("as_of").iter_rows(named=True):
        if night(row["as_of"]) > until or row[column] is None:
            continue
        kind = years if row["period_focus"] == "FY" else quarters
        kind[row["end_date"]] = row[column]
    return quarters, years


def earlier(values, end, low, high):
    """The end among `values` that lies so many days before."""
    found = [other for other in values if low <= (end - other).days <= high]
    return found[0] if len(found) == 1 else None


def trailing(quarters, years, end):
    """Every sum of twelve months until `end` that the values allow."""
    sums = [years[end]] if end in years else []
    chain = [end] if end in quarters else []
    while chain and len(chain) < 4:
        before = earlier(quarters, chain[-1], 77, 126)
        if before is None:
            break
        chain.append(before)
    if len(chain) == 4:
        sums.append(sum(quarters[day] for day in chain))
    for k in range(1, len(chain) + 1):
        year = earlier(years, chain[k - 1], 77, 126)
        before = [earlier(quarters, day, 357, 373) for day in chain[:k]]
        if year is not None and None not in before:
            now = sum(quarters[day] for day in chain[:k])
            sums.append(years[year] + now - sum(quarters[day] for day in before))
    return sums


@pytest.mark.parametrize("symbol", TEN)
def test_trailing_years_are_those_of_the_slow_reference_or_unknown(filed, symbol):
    rows, ids, statements = filed
    events = np.flatnonzero(statements.security_ids == ids[symbol])
    assert len(events) >= 4
    known = 0
    for event in events:
        until = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(statements.instants[event]))  # fmt: skip
        for item, column in FLOWS.items():
            value = statements.column(f"{item}_ttm")[event]
            if np.isnan(value):
                continue
            quarters, years = told(rows, symbol, column, until)
            sums = trailing(quarters, years, max([*quarters, *years]))
            assert any(value == pytest.approx(total) for total in sums), (symbol, until, item)
            known += 1
    assert known >= 3


@pytest.mark.parametrize("symbol", REPORTED)
def test_years_are_those_of_the_annual_reports(filed, symbol):
    _, ids, statements = filed
    day, revenue, income, eps = REPORTED[symbol]
    instant = int(night(datetime.fromisoformat(day).date()).timestamp() * 1e6)
    (event,) = statements.rows(np.array([ids[symbol]]), instant + 1)
    assert statements.column("revenue_ttm")[event] == pytest.approx(revenue * 1e6)
    assert statements.column("net_income_ttm")[event] == pytest.approx(income * 1e6)
    assert statements.column("eps_ttm")[event] == pytest.approx(eps)
    (before,) = statements.rows(np.array([ids[symbol]]), instant)
    assert before < event


def test_quarters_of_weeks_are_known_where_even_ones_would_be(filed):
    """Costco: 12, 12, 12 and 16 weeks; cash since August less that until November is a quarter's."""
    rows, ids, statements = filed
    (event,) = statements.rows(np.array([ids["COST"]]), None)
    cash = rows.filter(pl.col("symbol") == "COST").sort("end_date", "as_of").unique("end_date", keep="first", maintain_order=True)  # fmt: skip
    since = dict(cash.select("end_date", "cash_flow_op").iter_rows())
    ends = sorted(since)
    assert statements.column("cash_flow_op_q")[event] == pytest.approx(since[ends[-1]] - since[ends[-2]])  # fmt: skip
