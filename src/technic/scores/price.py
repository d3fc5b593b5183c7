"""Size and momentum: what a price alone says of a company.

References
----------
Banz (1981), The relationship between return and market value; Jegadeesh and Titman (1993),
Returns to buying winners and selling losers, for the year less its last month.
"""

from __future__ import annotations

import numpy as np

from technic.market.typing import FloatArray
from technic.scores.arithmetic import per
from technic.scores.define import score

# mypy: disable-error-code="assignment"


@score(part="size", unit="plain")
def size(value: FloatArray = "market_cap") -> FloatArray:
    """Natural logarithm of the market value in USD."""
    return np.log(np.where(value > 0.0, value, np.nan))


@score(part="momentum", unit="ratio")
def momentum_12_1(
    recent: FloatArray = "close[21]", year_ago: FloatArray = "close[252]"
) -> FloatArray:
    """Return of the year before the last month: from 252 to 21 bars ago."""
    return per(recent, year_ago) - 1.0
