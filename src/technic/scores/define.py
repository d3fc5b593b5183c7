"""What a score is: a pure function whose signature is its definition.

    @score(part="quality", unit="ratio")
    def roa(income="net_income_ttm", assets="assets"):

Each argument's default is the text of what it reads, in the scan language: fields, features,
facts of filings, other scores. The function gets one float64 array per argument, one value per
symbol with NaN for unknown, and returns such an array. A score of something unknown is unknown,
unless its text says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature

from technic.errors import IndicatorError
from technic.market.typing import FloatArray

SCORES: dict[str, Score] = {}
HIGHER, LOWER = "higher", "lower"


@dataclass(frozen=True, slots=True)
class Score:
    """A definition with everything that its signature and its decorator say of it.

    Attributes
    ----------
    name, function : as written
    inputs : texts of what it reads, in the order of its arguments
    bounds : closed range of its values
    better : "higher" or "lower"
    unit : "percent", "ratio", "count" or "plain"
    part : what it speaks of: technical, value, quality, growth, safety, size or momentum
    """

    name: str
    function: Callable[..., FloatArray]
    inputs: tuple[str, ...]
    bounds: tuple[float, float]
    better: str
    unit: str
    part: str


def score(
    *,
    part: str = "technical",
    unit: str = "percent",
    bounds: tuple[float, float] = (float("-inf"), float("inf")),
    better: str = HIGHER,
) -> Callable[[Callable[..., FloatArray]], Callable[..., FloatArray]]:
    """Register the decorated function under its own name; it stays an ordinary function.

    Parameters
    ----------
    part, unit, bounds, better : as in `Score`

    Raises
    ------
    IndicatorError
        If the name is taken.
    """

    def register(function: Callable[..., FloatArray]) -> Callable[..., FloatArray]:
        name = function.__name__
        if name in SCORES:
            raise IndicatorError(f"{name} is defined twice")
        inputs = tuple(str(p.default) for p in signature(function).parameters.values())
        SCORES[name] = Score(name, function, inputs, bounds, better, unit, part)
        return function

    return register
