"""Against a benchmark, aligned by session.

`benchmark` holds, at each of a symbol's own bars, the benchmark's close of that session; it
is unknown where the benchmark had none, and so is every value whose window touches it.
"""

from __future__ import annotations

from typing import Any

from technic.indicators.define import window
from technic.indicators.lanes import larger, root, smaller
from technic.indicators.reading import DUST, growth, none_below, ratio


@window(
    lookback=lambda n: n,
    scale_free=True,
    unit="ratio",
    source="covariance of daily returns over the benchmark's variance",
)
def beta(t: int, x: Any, benchmark: Any, n: int = 60) -> Any:
    """Move that came with one percent of the benchmark's, over `n` returns.

    Unknown where the benchmark's returns are all the same.
    """
    own, theirs = 0.0 * x[t], 0.0 * x[t]
    for j in range(t - n + 1, t + 1):
        own = own + growth(x[j], x[j - 1])
        theirs = theirs + growth(benchmark[j], benchmark[j - 1])
    own, theirs = own / n, theirs / n
    together, alone = 0.0 * own, 0.0 * own
    for j in range(t - n + 1, t + 1):
        away = growth(benchmark[j], benchmark[j - 1]) - theirs
        together = together + (growth(x[j], x[j - 1]) - own) * away
        alone = alone + away * away
    return ratio(together, alone, n * DUST * DUST)


@window(
    lookback=lambda n: n,
    bounds=(-1.0, 1.0),
    scale_free=True,
    unit="ratio",
    source="Pearson correlation of daily returns",
)
def corr(t: int, x: Any, benchmark: Any, n: int = 60) -> Any:
    """Correlation of daily returns with the benchmark's over `n` returns.

    Unknown where either side's returns are all the same.
    """
    own, theirs = 0.0 * x[t], 0.0 * x[t]
    for j in range(t - n + 1, t + 1):
        own = own + growth(x[j], x[j - 1])
        theirs = theirs + growth(benchmark[j], benchmark[j - 1])
    own, theirs = own / n, theirs / n
    together, squares, alone = 0.0 * own, 0.0 * own, 0.0 * own
    for j in range(t - n + 1, t + 1):
        here = growth(x[j], x[j - 1]) - own
        away = growth(benchmark[j], benchmark[j - 1]) - theirs
        together = together + here * away
        squares = squares + here * here
        alone = alone + away * away
    least = n * DUST * DUST
    both = root(none_below(squares, least)) * root(none_below(alone, least))
    return larger(smaller(ratio(together, both, 0.0), 1.0), -1.0)


@window(
    lookback=lambda n: n,
    scale_free=True,
    unit="ratio",
    source="growth over the benchmark's growth",
)
def rel_strength(t: int, x: Any, benchmark: Any, n: int = 126) -> Any:
    """Growth over `n` bars relative to the benchmark's, as a ratio: 0.1 is ten percent better."""
    return growth(x[t] / x[t - n], benchmark[t] / benchmark[t - n])
