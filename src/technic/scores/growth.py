"""How fast a business grows, against the same stretch a year before; ratios, 0.1 is 10 %.

Unknown unless both years are known: the first year of filings says nothing about growth.

References
----------
Cooper, Gulen and Schill (2008), Asset growth and the cross-section of stock returns, for the
growth that is not rewarded.
"""

from __future__ import annotations

from technic.market.typing import FloatArray
from technic.scores.arithmetic import change, mean_of_known
from technic.scores.define import LOWER, score

# mypy: disable-error-code="assignment"


@score(part="growth", unit="ratio")
def revenue_growth(
    now: FloatArray = "revenue_ttm", then: FloatArray = "revenue_ttm_year_ago"
) -> FloatArray:
    """Revenue of four quarters against the four before."""
    return change(now, then)


@score(part="growth", unit="ratio")
def revenue_growth_q(
    now: FloatArray = "revenue_q", then: FloatArray = "revenue_q_year_ago"
) -> FloatArray:
    """Revenue of the newest quarter against the same quarter a year before."""
    return change(now, then)


@score(part="growth", unit="ratio")
def income_growth(
    now: FloatArray = "net_income_ttm", then: FloatArray = "net_income_ttm_year_ago"
) -> FloatArray:
    """Net income of four quarters against the four before; a shrinking loss is growth."""
    return change(now, then)


@score(part="growth", unit="ratio")
def eps_growth_q(now: FloatArray = "eps_q", then: FloatArray = "eps_q_year_ago") -> FloatArray:
    """Earnings per share of the newest quarter against the same quarter a year before."""
    return change(now, then)


@score(part="growth", unit="ratio", better=LOWER)
def asset_growth(now: FloatArray = "assets", then: FloatArray = "assets_year_ago") -> FloatArray:
    """Assets against a year before; companies that swell have tended to disappoint."""
    return change(now, then)


@score(part="growth", bounds=(0.0, 100.0))
def growth_score(
    revenue: FloatArray = "pct_rank(revenue_growth, by=sector or market)",
    quarter: FloatArray = "pct_rank(revenue_growth_q, by=sector or market)",
    income: FloatArray = "pct_rank(income_growth, by=sector or market)",
    earnings: FloatArray = "pct_rank(eps_growth_q, by=sector or market)",
    assets: FloatArray = "pct_rank(-asset_growth, by=sector or market)",
) -> FloatArray:
    """Growth, 0 to 100: mean percentile among sector peers; at least two of five must be known."""
    return mean_of_known(2, revenue, quarter, income, earnings, assets)
