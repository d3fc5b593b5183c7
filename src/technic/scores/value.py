"""What a dollar of price buys: earnings, assets, sales, cash. Higher is cheaper.

Yields rather than multiples, because they order losses too; the multiples people know are here
under their own names. Everything is USD over USD, or per share over the last close; unknown
where a filing, the number of shares or a price is.

References
----------
Fama and French (1992), The cross-section of expected stock returns; Greenblatt (2006) for
operating income over enterprise value; Gray and Vogel (2012) for the comparison of yields.
"""

from __future__ import annotations

from technic.market.typing import FloatArray
from technic.scores.arithmetic import mean_of_known, per
from technic.scores.define import LOWER, score

# mypy: disable-error-code="assignment"


@score(part="value", unit="ratio")
def earnings_yield(eps: FloatArray = "eps_ttm", close: FloatArray = "close") -> FloatArray:
    """Earnings per share of four quarters over the close."""
    return per(eps, close)


@score(part="value", unit="ratio")
def dividend_yield(
    dividend: FloatArray = "dividend_per_share_ttm", close: FloatArray = "close"
) -> FloatArray:
    """Dividends declared per share in four quarters over the close."""
    return per(dividend, close)


@score(part="value", unit="ratio")
def book_yield(equity: FloatArray = "equity", value: FloatArray = "market_cap") -> FloatArray:
    """Book value of the equity over its market value."""
    return per(equity, value)


@score(part="value", unit="ratio")
def sales_yield(
    revenue: FloatArray = "revenue_ttm", value: FloatArray = "market_cap"
) -> FloatArray:
    """Revenue of four quarters over market value."""
    return per(revenue, value)


@score(part="value", unit="ratio")
def cash_flow_yield(
    cash_flow: FloatArray = "cash_flow_op_ttm", value: FloatArray = "market_cap"
) -> FloatArray:
    """Cash from operations of four quarters over market value."""
    return per(cash_flow, value)


@score(part="value", unit="plain")
def enterprise_value(
    value: FloatArray = "market_cap",
    debt: FloatArray = "debt_long",
    soon: FloatArray = "debt_current",
    cash: FloatArray = "cash",
) -> FloatArray:
    """What the whole company costs, in USD: market value and debt, less cash."""
    return value + debt + soon - cash


@score(part="value", unit="ratio")
def ebit_yield(
    income: FloatArray = "operating_income_ttm", value: FloatArray = "enterprise_value"
) -> FloatArray:
    """Operating income of four quarters over enterprise value; EV/EBIT turned over."""
    return per(income, value)


@score(part="value", unit="ratio", better=LOWER)
def pe(close: FloatArray = "close", eps: FloatArray = "eps_ttm") -> FloatArray:
    """Price over earnings per share of four quarters; unknown for losses."""
    return per(close, eps)


@score(part="value", unit="ratio", better=LOWER)
def pb(value: FloatArray = "market_cap", equity: FloatArray = "equity") -> FloatArray:
    """Market value over book value; unknown where the book value is negative."""
    return per(value, equity)


@score(part="value", unit="ratio", better=LOWER)
def ps(value: FloatArray = "market_cap", revenue: FloatArray = "revenue_ttm") -> FloatArray:
    """Market value over revenue of four quarters."""
    return per(value, revenue)


@score(part="value", unit="ratio", better=LOWER)
def ev_ebit(
    value: FloatArray = "enterprise_value", income: FloatArray = "operating_income_ttm"
) -> FloatArray:
    """Enterprise value over operating income of four quarters; unknown for losses."""
    return per(value, income)


@score(part="value", bounds=(0.0, 100.0))
def value_score(
    earnings: FloatArray = "pct_rank(earnings_yield, by=sector or market)",
    dividend: FloatArray = "pct_rank(dividend_yield, by=sector or market)",
    book: FloatArray = "pct_rank(book_yield, by=sector or market)",
    sales: FloatArray = "pct_rank(sales_yield, by=sector or market)",
    cash_flow: FloatArray = "pct_rank(cash_flow_yield, by=sector or market)",
    ebit: FloatArray = "pct_rank(ebit_yield, by=sector or market)",
) -> FloatArray:
    """Value, 0 to 100: mean percentile among sector peers; at least two of six must be known."""
    return mean_of_known(2, earnings, dividend, book, sales, cash_flow, ebit)
