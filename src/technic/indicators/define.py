"""What an indicator is: one function, whose signature is its definition.

Three forms, and only these. `t` is the row of the current bar; `x` is the one input that
may be any expression (the close unless said otherwise); inputs with the name of a field are
that field; names with a default are parameters.

    @window(lookback=lambda n: n - 1)
    def sma(t, x, n=20): ...                      reads x[t - lookback .. t], remembers nothing

    @fold(lookback=lambda n: n, carries="gain loss")
    def rsi(t, k, x, gain, loss, n=14): ...       carries floats from bar to bar
            |  |  |  '---------'-- what it carries; starts at 0.0 before the first bar
            |  |  '--------------- inputs
            |  '------------------ known bars so far, not counting this one
            '--------------------- returns (outputs..., carried...)

    @formula()
    def dema(x, n=20): ...                        other indicators, combined: see series.py

Windows and folds are written for one symbol and run on eight at once (lanes.py): choose with
`where`, never with `if`. What cannot be known is NaN. A window that touches a NaN must give
NaN; a fold passes over the bars where `x` is NaN as if they had not been.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import Parameter, signature
from typing import Any

from technic.errors import IndicatorError
from technic.indicators.series import DAILY, Series
from technic.indicators.series import field as field_series
from technic.market.panel import FIELDS

MAX_LOOKBACK = 2520
NEVER, ALWAYS = 0.0, 1.0  # decay of what forgets at once, and of what never forgets
REGISTRY: dict[str, Indicator] = {}
INPUTS = {*FIELDS, "benchmark", "x"}


@dataclass(frozen=True, slots=True)
class Indicator:
    """A definition with everything that its signature and its decorator say of it.

    Attributes
    ----------
    name : its text in questions
    kind : "window", "fold" or "formula"
    function : as written
    inputs, defaults, carries : read from its signature
    outputs : names of what it returns; its own unless it returns several
    lookback : bars before the first finite value, given the parameters
    reach : rows before `t` that the function reads
    at_its_row : inputs of which it reads row `t` alone, although it looks back in others
    absorbs : whether an unknown input, once the fold has settled, leaves unknown what it carries,
        from there on
    decay : share of the seed's weight left after each further bar, given the parameters:
        0 forgets at once, 1 never
    bounds : closed range of every output, if it has one
    scale_free : unchanged when every price is multiplied by a constant
    unit : price, ratio, percent, count, volume, money or truth
    oracle : independent answer for one symbol, `oracle(talib, bars, **params)`; without
        one, tests hold a slow reference of the same name
    source : where the formula comes from
    differs : what the oracle, or a usual form, says otherwise, and on which bars
    operator : part of the language's machinery rather than an indicator of its own
    """

    name: str
    kind: str
    function: Callable[..., Any]
    inputs: tuple[str, ...]
    defaults: dict[str, float]
    carries: tuple[str, ...]
    outputs: tuple[str, ...]
    lookback: Callable[..., int] | None
    reach: Callable[..., int]
    at_its_row: tuple[str, ...]
    absorbs: bool
    decay: Callable[..., float]
    bounds: tuple[float, float] | None
    scale_free: bool
    unit: str
    oracle: Callable[..., Any] | None
    source: str
    differs: str
    operator: bool

    def __call__(self, *arguments: Series | float, frame: int = DAILY) -> Series:
        """The series of the first output; `all` says what it takes."""
        return self.all(*arguments, frame=frame)[0]

    def all(self, *arguments: Series | float, frame: int = DAILY) -> tuple[Series, ...]:
        """One series per output.

        Parameters
        ----------
        arguments : leading series replace the inputs, in order; numbers are parameters, in
            order; what is left out keeps its default
        frame : DAILY, WEEKLY or MONTHLY, where no series says it

        Raises
        ------
        IndicatorError
            If the numbers cannot be its parameters.
        """
        replacements = [a for a in arguments if isinstance(a, Series)]
        numbers = [a for a in arguments if not isinstance(a, Series)]
        if replacements:
            frame = replacements[0].frame
        defaults = [field_series("close" if i == "x" else i, frame) for i in self.inputs]
        inputs = (*replacements, *defaults[len(replacements) :])
        params = self.parameters(numbers)
        if self.kind == "formula":
            outputs = self.function(*inputs, *params)
            return outputs if isinstance(outputs, tuple) else (outputs,)
        return tuple(Series(self.name, inputs, params, j, frame) for j in range(len(self.outputs)))

    def parameters(self, numbers: list[float]) -> tuple[float, ...]:
        """`numbers` followed by the defaults of those left out, checked.

        Raises
        ------
        IndicatorError
            If there are too many, one that counts bars is not a whole number of at least 1,
            or together they look back over more than `MAX_LOOKBACK` bars.
        """
        if len(numbers) > len(self.defaults):
            takes = ", ".join(self.defaults) or "no parameters"
            raise IndicatorError(f"{self.name} takes {takes}; got {len(numbers)} numbers")
        values = [*numbers, *list(self.defaults.values())[len(numbers) :]]
        for (name, default), value in zip(self.defaults.items(), values, strict=True):
            if isinstance(default, int) and (value != int(value) or value < 1):
                raise IndicatorError(
                    f"{self.name}: {name} counts bars and must be a whole number of at "
                    f"least 1; got {value:g}"
                )
            if isinstance(default, float) and not value > 0.0:
                raise IndicatorError(f"{self.name}: {name} must be above 0; got {value:g}")
        params = tuple(  # numbers of a text are floats; a definition gets the type it declares
            int(value) if isinstance(default, int) else float(value)
            for value, default in zip(values, self.defaults.values(), strict=True)
        )
        if self.lookback and self.lookback(*params) > MAX_LOOKBACK:
            raise IndicatorError(
                f"{self.name} would look back over {self.lookback(*params):,} bars; "
                f"the most is {MAX_LOOKBACK:,}"
            )
        return params

    @property
    def takes_any_input(self) -> bool:
        """Whether its first input may be any numeric expression."""
        return "x" in self.inputs


def every_series(*, benchmark: bool = True) -> tuple[Series, ...]:
    """Every output of every indicator at its defaults.

    Parameters
    ----------
    benchmark : whether those that compare with a benchmark are among them
    """
    return tuple(
        series
        for indicator in REGISTRY.values()
        if not indicator.operator and (benchmark or "benchmark" not in indicator.inputs)
        for series in indicator.all()
    )


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a definition declares beyond its signature.

    Attributes
    ----------
    outputs, decay, bounds, scale_free, unit, oracle, source, differs, operator, reach, at_its_row,
    absorbs, carries : as in `Indicator`, which gets them
    """

    outputs: tuple[str, ...] = ()
    decay: Callable[..., float] = lambda *_: NEVER
    bounds: tuple[float, float] | None = None
    scale_free: bool = False
    unit: str = "price"
    oracle: Callable[..., Any] | None = None
    source: str = ""
    differs: str = ""
    operator: bool = False
    reach: Callable[..., int] | None = None
    at_its_row: tuple[str, ...] = ()
    absorbs: bool = False
    carries: tuple[str, ...] = field(default_factory=tuple)


def window(
    *, lookback: Callable[..., int], **about: Any
) -> Callable[[Callable[..., Any]], Indicator]:
    """Register a function of the last `lookback` + 1 bars.

    Parameters
    ----------
    lookback : bars before the first finite value, given the parameters
    about : the fields of `Declaration`
    """
    return lambda function: _register("window", function, lookback, Declaration(**about))


def fold(
    *, lookback: Callable[..., int], carries: str, **about: Any
) -> Callable[[Callable[..., Any]], Indicator]:
    """Register a function that carries floats from bar to bar.

    Parameters
    ----------
    lookback : bars before the first finite value, given the parameters
    carries : the names of the floats, with spaces between
    about : the fields of `Declaration`
    """
    carried = Declaration(carries=tuple(carries.split()), **about)
    return lambda function: _register("fold", function, lookback, carried)


def formula(**about: Any) -> Callable[[Callable[..., Any]], Indicator]:
    """Register a combination of other indicators; its look-back follows from theirs.

    Parameters
    ----------
    about : the fields of `Declaration`
    """
    return lambda function: _register("formula", function, None, Declaration(**about))


def _register(
    kind: str,
    function: Callable[..., Any],
    lookback: Callable[..., int] | None,
    about: Declaration,
) -> Indicator:
    name, arguments = function.__name__.rstrip("_"), signature(function).parameters
    defaults = {a: p.default for a, p in arguments.items() if p.default is not Parameter.empty}
    inputs = tuple(a for a in arguments if a not in {"t", "k", *defaults, *about.carries})
    if name in REGISTRY:
        raise IndicatorError(f"{name} is defined twice")
    if not about.operator and (unknown := set(inputs) - INPUTS):
        raise IndicatorError(f"{name} reads {', '.join(unknown)}, which is no field")
    one_bar_back: Callable[..., int] = lambda *_: 1  # noqa: E731 -- a default, not a function
    REGISTRY[name] = Indicator(
        name=name,
        kind=kind,
        function=function,
        inputs=inputs,
        defaults=defaults,
        carries=about.carries,
        outputs=about.outputs or (name,),
        lookback=lookback,
        reach=about.reach or (one_bar_back if kind == "fold" else lookback or one_bar_back),
        at_its_row=about.at_its_row,
        absorbs=about.absorbs,
        decay=about.decay,
        bounds=about.bounds,
        scale_free=about.scale_free,
        unit=about.unit,
        oracle=about.oracle,
        source=about.source,
        differs=about.differs,
        operator=about.operator,
    )
    return REGISTRY[name]
