"""How well a business earns: on its assets, its sales, and in cash. Ratios of USD to USD.

Balances are those at the end of the newest period. Unknown where a filing does not give the
number, or where assets, equity or sales are not positive.

References
----------
Novy-Marx (2013), The other side of value: the gross profitability premium; Sloan (1996), Do
stock prices fully reflect information in accruals and cash flows; Piotroski (2000), Value
investing.
"""

from __future__ import annotations

from functools import reduce

import numpy as np

from technic.market.typing import FloatArray
from technic.scores.arithmetic import mean_of_known, per, truth
from technic.scores.define import LOWER, score

# mypy: disable-error-code="assignment"


@score(part="quality", unit="ratio")
def gross_profitability(
    profit: FloatArray = "gross_profit_ttm", assets: FloatArray = "assets"
) -> FloatArray:
    """Gross profit of four quarters over assets."""
    return per(profit, assets)


@score(part="quality", unit="ratio")
def roe(income: FloatArray = "net_income_ttm", equity: FloatArray = "equity") -> FloatArray:
    """Return on equity: net income of four quarters over equity."""
    return per(income, equity)


@score(part="quality", unit="ratio")
def roa(income: FloatArray = "net_income_ttm", assets: FloatArray = "assets") -> FloatArray:
    """Return on assets: net income of four quarters over assets."""
    return per(income, assets)


@score(part="quality", unit="ratio", better=LOWER)
def accruals(
    income: FloatArray = "net_income_ttm",
    cash_flow: FloatArray = "cash_flow_op_ttm",
    assets: FloatArray = "assets",
) -> FloatArray:
    """Profit that was not cash: net income less cash from operations, over assets."""
    return per(income - cash_flow, assets)


@score(part="quality", unit="ratio")
def cash_return(
    cash_flow: FloatArray = "cash_flow_op_ttm", assets: FloatArray = "assets"
) -> FloatArray:
    """Cash from operations of four quarters over assets."""
    return per(cash_flow, assets)


@score(part="quality", unit="ratio")
def gross_margin(
    profit: FloatArray = "gross_profit_ttm", revenue: FloatArray = "revenue_ttm"
) -> FloatArray:
    """Gross profit over revenue, of four quarters."""
    return per(profit, revenue)


@score(part="quality", unit="ratio")
def operating_margin(
    income: FloatArray = "operating_income_ttm", revenue: FloatArray = "revenue_ttm"
) -> FloatArray:
    """Operating income over revenue, of four quarters."""
    return per(income, revenue)


@score(part="quality", unit="ratio")
def net_margin(
    income: FloatArray = "net_income_ttm", revenue: FloatArray = "revenue_ttm"
) -> FloatArray:
    """Net income over revenue, of four quarters."""
    return per(income, revenue)


@score(part="quality", unit="count", bounds=(0.0, 9.0))
def piotroski_f(  # noqa: PLR0913, PLR0917 -- nine signs read these
    income: FloatArray = "net_income_ttm",
    income_before: FloatArray = "net_income_ttm_year_ago",
    cash_flow: FloatArray = "cash_flow_op_ttm",
    assets: FloatArray = "assets",
    assets_before: FloatArray = "assets_year_ago",
    debt: FloatArray = "debt_long",
    debt_before: FloatArray = "debt_long_year_ago",
    current: FloatArray = "current_assets / current_liabilities",
    current_before: FloatArray = "current_assets_year_ago / current_liabilities_year_ago",
    shares: FloatArray = "shares",
    shares_before: FloatArray = "shares_year_ago",
    gross: FloatArray = "gross_profit_ttm",
    gross_before: FloatArray = "gross_profit_ttm_year_ago",
    revenue: FloatArray = "revenue_ttm",
    revenue_before: FloatArray = "revenue_ttm_year_ago",
) -> FloatArray:
    """Piotroski's F: how many of nine signs of strength hold; unknown unless all are known.

    Profitable; cash from operations positive, and above profit; return on assets, current
    ratio, gross margin and turnover of assets rising; long-term debt to assets falling; no more
    shares than a year ago.
    """
    roa_now, roa_then = per(income, assets), per(income_before, assets_before)
    debt_now, debt_then = per(debt, assets), per(debt_before, assets_before)
    margin_now, margin_then = per(gross, revenue), per(gross_before, revenue_before)
    turnover, turnover_then = per(revenue, assets), per(revenue_before, assets_before)
    signs = (
        truth(income > 0.0, income),
        truth(cash_flow > 0.0, cash_flow),
        truth(cash_flow > income, cash_flow, income),
        truth(roa_now > roa_then, roa_now, roa_then),
        truth(debt_now <= debt_then, debt_now, debt_then),
        truth(current > current_before, current, current_before),
        truth(shares <= shares_before, shares, shares_before),
        truth(margin_now > margin_then, margin_now, margin_then),
        truth(turnover > turnover_then, turnover, turnover_then),
    )
    return reduce(np.add, signs)


@score(part="quality", bounds=(0.0, 100.0))
def quality_score(
    gross: FloatArray = "pct_rank(gross_profitability, by=sector or market)",
    equity: FloatArray = "pct_rank(roe, by=sector or market)",
    assets: FloatArray = "pct_rank(roa, by=sector or market)",
    accrual: FloatArray = "pct_rank(-accruals, by=sector or market)",
    cash: FloatArray = "pct_rank(cash_return, by=sector or market)",
    margin: FloatArray = "pct_rank(operating_margin, by=sector or market)",
) -> FloatArray:
    """Quality, 0 to 100: mean percentile among sector peers; at least three of six must be known."""
    return mean_of_known(3, gross, equity, assets, accrual, cash, margin)
