"""What the names of a question can mean: the whole vocabulary in one place."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from technic.indicators import REGISTRY
from technic.market.panel import FIELDS
from technic.scores import MACROS, SCORES

NUMBER, TRUTH, TEXT = "number", "truth", "text"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value is: number, truth or text, and the unit of a number if it has one."""

    what: str
    unit: str = ""


PRICE, VOLUME, MONEY, RATIO, PERCENT, COUNT = (
    Kind(NUMBER, unit) for unit in ("price", "volume", "money", "ratio", "percent", "count")
)
PLAIN, BOOL, STRING = Kind(NUMBER), Kind(TRUTH), Kind(TEXT)

BAR_FIELDS = {name: PRICE for name in FIELDS if name not in {"session", "volume"}}
BAR_FIELDS["volume"] = VOLUME

# What is known of a listing. `type` and `exchange` decide the claims below.
ATTRIBUTES = {
    "symbol": STRING,
    "name": STRING,
    "type": STRING,
    "exchange": STRING,
    "sector": STRING,
    "industry": STRING,
    "sic": STRING,
    "market_cap": MONEY,
    "is_common": BOOL,
    "is_etf": BOOL,
    "is_fund": BOOL,
    "is_adr": BOOL,
    "is_preferred": BOOL,
    "is_warrant": BOOL,
    "is_otc": BOOL,
    "bars": COUNT,
}
# Over one cross-section; the denominator is the scan's universe.
CROSS_SECTIONAL = {
    "rank": COUNT,
    "pct_rank": PERCENT,
    "zscore": RATIO,
    "winsorize": None,
    "demean": None,
    "quantile": COUNT,
}
ELEMENTWISE = ("abs", "sqrt", "min", "max", "coalesce", "is_known")
TEMPORAL = ("within", "count", "weekly", "monthly")
OTHER = ("in_list",)
PEERS = ("sector", "industry", "exchange", "type")
UNITS = {
    "price": PRICE,
    "volume": VOLUME,
    "money": MONEY,
    "ratio": RATIO,
    "percent": PERCENT,
    "count": COUNT,
}


@dataclass(frozen=True, slots=True)
class Output:
    """One output of an indicator, under the name it has in questions."""

    indicator: str
    position: int


def outputs() -> dict[str, Output]:
    """Every name that stands for an indicator's output.

    The bare name of an indicator with several outputs stands for the first.
    """
    found: dict[str, Output] = {}
    for it in REGISTRY.values():
        if it.operator:
            continue
        for position, name in enumerate(it.outputs):
            found[name] = Output(it.name, position)
    for it in REGISTRY.values():
        if not it.operator:
            found.setdefault(it.name, Output(it.name, 0))
    return found


OUTPUTS = outputs()


def everything() -> list[str]:
    """All names of the language, in order."""
    names = {
        *BAR_FIELDS,
        *ATTRIBUTES,
        *CROSS_SECTIONAL,
        *ELEMENTWISE,
        *TEMPORAL,
        *OTHER,
        *OUTPUTS,
        *SCORES,
        *MACROS,
    }
    return sorted(names)


def did_you_mean(name: str, known: list[str] | None = None) -> str:
    """A hint at the closest names; empty if nothing is close."""
    close = get_close_matches(name.lower(), known or everything(), n=3, cutoff=0.6)
    return f"did you mean {' or '.join(close)} ?" if close else ""
