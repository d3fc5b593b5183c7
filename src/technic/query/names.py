"""What the names of a question can mean: the whole vocabulary in one place."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from technic.indicators import REGISTRY
from technic.market.items import COLUMNS
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
    "is_unit": BOOL,
    "is_right": BOOL,
    "is_note": BOOL,
    "is_spac": BOOL,
    "is_otc": BOOL,
    "issuer": STRING,
    "bars": COUNT,
    "days_since_filing": COUNT,
    "days_to_expected_filing": COUNT,  # an estimate
    "is_updated": BOOL,
}
# Of the whole market: the same for every symbol of a session.
REGIME = {
    "market_above_50": PERCENT,
    "market_above_200": PERCENT,
    "market_new_highs": COUNT,
    "market_new_lows": COUNT,
    "market_dispersion": PERCENT,
    "market_volatility": PERCENT,
    "market_volatility_pct": PERCENT,
    "market_trend": PLAIN,
    "market_trend_cap": PLAIN,
}
# Of a model that was trained on the store, see `forecasting`.
ALPHA = {"alpha": PLAIN, "alpha_rank": PERCENT}
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
OTHER = ("in_list", "news_count", "python")
PEERS = ("sector", "industry", "exchange", "type")
UNITS = {
    "price": PRICE,
    "volume": VOLUME,
    "money": MONEY,
    "ratio": RATIO,
    "percent": PERCENT,
    "count": COUNT,
    "plain": PLAIN,
}
# What filings told, as of the session.
FACTS = {name: UNITS[item.unit] for name, item in COLUMNS.items()}


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
        *FACTS,
        *REGIME,
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
