"""How a business would stand a bad year: its debts, its cash, how its price moves.

References
----------
Altman (1968), Financial ratios, discriminant analysis and the prediction of corporate
bankruptcy; Ang, Hodrick, Xing and Zhang (2006), The cross-section of volatility and expected
returns.
"""

from __future__ import annotations

import numpy as np

from technic.market.typing import FloatArray
from technic.scores.arithmetic import mean_of_known, per
from technic.scores.define import LOWER, score

# mypy: disable-error-code="assignment"


@score(part="safety", unit="ratio", better=LOWER)
def leverage(assets: FloatArray = "assets", equity: FloatArray = "equity") -> FloatArray:
    """Assets over equity; unknown where equity is negative."""
    return per(assets, equity)


@score(part="safety", unit="ratio")
def equity_share(equity: FloatArray = "equity", assets: FloatArray = "assets") -> FloatArray:
    """Equity over assets; negative where more is owed than owned."""
    return per(equity, assets)


@score(part="safety", unit="ratio", better=LOWER)
def debt_to_equity(
    debt: FloatArray = "debt_long", soon: FloatArray = "debt_current", equity: FloatArray = "equity"
) -> FloatArray:
    """Debt over equity; unknown where equity is negative."""
    return per(debt + soon, equity)


@score(part="safety", unit="ratio")
def current_ratio(
    assets: FloatArray = "current_assets", liabilities: FloatArray = "current_liabilities"
) -> FloatArray:
    """Current assets over current liabilities."""
    return per(assets, liabilities)


@score(part="safety", unit="ratio")
def cash_share(cash: FloatArray = "cash", assets: FloatArray = "assets") -> FloatArray:
    """Cash over assets."""
    return per(cash, assets)


@score(part="safety", unit="ratio")
def interest_coverage(
    income: FloatArray = "operating_income_ttm", interest: FloatArray = "interest_expense_ttm"
) -> FloatArray:
    """Operating income over interest, of four quarters; unknown without interest."""
    return per(income, np.abs(interest))


@score(part="safety", unit="plain")
def altman_z(
    current: FloatArray = "current_assets",
    owed_soon: FloatArray = "current_liabilities",
    retained: FloatArray = "retained_earnings",
    income: FloatArray = "operating_income_ttm",
    value: FloatArray = "market_cap",
    owed: FloatArray = "liabilities",
    revenue: FloatArray = "revenue_ttm",
    assets: FloatArray = "assets",
) -> FloatArray:
    """Altman's Z: below 1.8 distress was near, above 3 far, for manufacturers of the 1960s."""
    return (
        1.2 * per(current - owed_soon, assets)
        + 1.4 * per(retained, assets)
        + 3.3 * per(income, assets)
        + 0.6 * per(value, owed)
        + 1.0 * per(revenue, assets)
    )


@score(part="safety", bounds=(0.0, 100.0))
def safety_score(
    equity: FloatArray = "pct_rank(equity_share, by=sector or market)",
    current: FloatArray = "pct_rank(current_ratio, by=sector or market)",
    cash: FloatArray = "pct_rank(cash_share, by=sector or market)",
    coverage: FloatArray = "pct_rank(interest_coverage, by=sector or market)",
    distress: FloatArray = "pct_rank(altman_z, by=sector or market)",
    calm: FloatArray = "pct_rank(-realized_vol(120), by=sector or market)",
) -> FloatArray:
    """Safety, 0 to 100: mean percentile among sector peers; at least three of six must be known."""
    return mean_of_known(3, equity, current, cash, coverage, distress, calm)
