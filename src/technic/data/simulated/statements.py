"""Quarterly statements of the companies of a simulated market, seeded like the market.

Each company has a size, margins and debts of its own; revenue grows and wavers from quarter to
quarter, and what is reported of it arrives three to seven weeks later. Prices know nothing of
these numbers: no score can be worth anything here.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from technic.market.typing import FloatArray

QUARTERS_BEFORE = 9  # filed before the first session, so that growth is known from its start
FIRST_DAYS, LAST_DAYS = 20, 50  # between a quarter's end and its filing


def statements(bars: pl.DataFrame, listings: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Make filings as `technic import-filings` reads them, one row each, until the last bar.

    Parameters
    ----------
    bars, listings : of a `SimulatedMarket`
    """
    companies = listings.filter(pl.col("type") == "common", pl.col("market_cap").is_not_null())
    first, last = (bars["date"].min(), bars["date"].max())
    assert isinstance(first, date)
    assert isinstance(last, date)
    ends = _quarter_ends(first, last)
    rng = np.random.default_rng([seed, companies.height, len(ends)])
    numbers = _numbers(rng, companies, len(ends), _last_closes(bars, companies))
    lag = rng.integers(FIRST_DAYS, LAST_DAYS, (companies.height, 1))
    n = companies.height
    days = np.array(ends, dtype="datetime64[D]")
    filed = days[None, :] + lag.astype("timedelta64[D]")
    table = pl.DataFrame(
        {
            "symbol": np.repeat(companies["symbol"].to_numpy(), len(ends)),
            "as_of": filed.ravel(),
            "period_end": np.tile(days, n),
            "form": np.where(np.tile(_is_year_end(ends), n), "10-K", "10-Q"),
            "period": np.tile(_labels(ends), n),
            "fiscal_year": np.tile([end.year for end in ends], n),
            **{name: values.ravel() for name, values in numbers.items()},
        }
    )
    until = listings.select("symbol", "to")
    return (
        table.join(until, on="symbol", how="left", maintain_order="left")
        .filter(pl.col("as_of") <= last, pl.col("to").is_null() | (pl.col("as_of") <= pl.col("to")))
        .drop("to")
    )


def _quarter_ends(first: date, last: date) -> list[date]:
    """Ends of calendar quarters, from well before the first session to the last."""
    start = first - timedelta(days=92 * QUARTERS_BEFORE)
    months = ((3, 31), (6, 30), (9, 30), (12, 31))
    days = [date(y, m, d) for y in range(start.year, last.year + 1) for m, d in months]
    return [day for day in days if date(start.year, 1, 1) <= day <= last]


def _is_year_end(ends: list[date]) -> np.ndarray:
    return np.array([end.month == 12 for end in ends])


def _labels(ends: list[date]) -> list[str]:
    """Q1 to Q3, and FY where a year ends."""
    return ["FY" if end.month == 12 else f"Q{end.month // 3}" for end in ends]


def _last_closes(bars: pl.DataFrame, companies: pl.DataFrame) -> FloatArray:
    closes = bars.sort("date").group_by("symbol").agg(pl.col("close").last())
    joined = companies.select("symbol").join(closes, on="symbol", how="left", maintain_order="left")
    return joined["close"].fill_null(1.0).to_numpy()


def _numbers(
    rng: np.random.Generator, companies: pl.DataFrame, quarters: int, closes: FloatArray
) -> dict[str, FloatArray]:
    """Every number of every company and quarter, shape (n_companies, n_quarters).

    Flows of a fourth quarter are those of the year, as annual reports give them.
    """
    n = companies.height
    worth = companies["market_cap"].to_numpy()[:, None]
    sales = worth * np.exp(rng.normal(-1.6, 0.7, (n, 1)))  # of a quarter: about a fifth of worth
    growth = np.cumsum(rng.normal(0.012, 0.03, (n, 1)) + rng.normal(0.0, 0.06, (n, quarters)), 1)
    revenue = sales * np.exp(growth - growth[:, -1:])
    gross = np.clip(rng.normal(0.38, 0.18, (n, 1)) + rng.normal(0, 0.02, (n, quarters)), 0.03, 0.92)
    operating = gross * np.clip(rng.normal(0.35, 0.3, (n, 1)), -0.8, 0.8)
    operating = operating + rng.normal(0.0, 0.02, (n, quarters))
    assets = 4.0 * revenue * np.exp(rng.normal(0.4, 0.5, (n, 1)))
    debt = assets * np.clip(rng.normal(0.25, 0.18, (n, 1)), 0.0, 0.8)
    owed = debt + assets * np.clip(rng.normal(0.3, 0.12, (n, 1)), 0.05, 0.7)
    interest = 0.012 * debt
    net = 0.79 * (operating * revenue - interest)
    shares = worth / closes[:, None] * np.ones((n, quarters))
    year = np.array([k % 4 == 3 for k in range(quarters)])
    flows = {
        "revenue": revenue,
        "gross_profit": gross * revenue,
        "operating_income": operating * revenue,
        "net_income": net,
        "interest_expense": interest,
        "depreciation": 0.01 * assets,
        "eps": net / shares,
    }
    cash_flow = net + 0.01 * assets + 0.03 * revenue * rng.normal(0.0, 1.0, (n, quarters))
    so_far = {"cash_flow_op": cash_flow, "capex": -0.012 * assets}
    table = {name: np.where(year, _trailing_sum(values), values) for name, values in flows.items()}
    table |= {name: _sum_since_start(values) for name, values in so_far.items()}
    return table | {
        "assets": assets,
        "current_assets": 0.4 * assets,
        "current_liabilities": 0.45 * owed,
        "liabilities": owed,
        "cash": assets * np.clip(rng.normal(0.12, 0.08, (n, 1)), 0.01, 0.4),
        "equity": assets - owed,
        "retained_earnings": 0.5 * (assets - owed),
        "debt_long": 0.85 * debt,
        "debt_current": 0.15 * debt,
        "shares": shares,
    }


def _trailing_sum(values: FloatArray) -> FloatArray:
    """The sum of each quarter and the three before it."""
    padded = np.concatenate([np.repeat(values[:, :1], 3, axis=1), values], axis=1)
    total: FloatArray = np.add.reduce([padded[:, k : k + values.shape[1]] for k in range(4)])
    return total


def _sum_since_start(values: FloatArray) -> FloatArray:
    """The sum of each quarter and those before it in its year; columns start with a first quarter."""
    out = values.copy()
    for k in range(values.shape[1]):
        if k % 4:
            out[:, k] += out[:, k - 1]
    return out
