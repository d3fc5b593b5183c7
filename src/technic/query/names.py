"""What the names of a question can mean: the whole vocabulary in one place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from technic.errors import QuestionError
from technic.indicators import REGISTRY
from technic.market.items import COLUMNS
from technic.market.panel import FIELDS
from technic.scores import MACROS, SCORES

NUMBER, TRUTH, TEXT = "number", "truth", "text"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value is.

    Attributes
    ----------
    what : NUMBER, TRUTH or TEXT
    unit : of a number, "price" or "percent" for example; empty if it has none
    """

    what: str
    unit: str = ""


PRICE, VOLUME, MONEY, RATIO, PERCENT, COUNT = (
    Kind(NUMBER, unit) for unit in ("price", "volume", "money", "ratio", "percent", "count")
)
PLAIN, BOOL, STRING = Kind(NUMBER), Kind(TRUTH), Kind(TEXT)

BAR_FIELDS = {name: PRICE for name in FIELDS if name not in {"session", "volume"}}
BAR_FIELDS["volume"] = VOLUME

# What is known of a listing. `type` and `exchange` decide what is said of it by `is_…`.
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
# Of a model that was trained on the store: see scanner/columns/forecast.py.
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
OTHER = ("in_list", "news_count", "total_ret", "python")
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
WORDS = (
    "and",
    "or",
    "not",
    "in",
    "between",
    "true",
    "false",
    "crosses_above",
    "crosses_below",
    "by",
)
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}", re.ASCII)  # as in the grammar
# What filings said, as of the session.
FACTS = {name: UNITS[item.unit] for name, item in COLUMNS.items()}


@dataclass(frozen=True, slots=True)
class Output:
    """One output of an indicator.

    Attributes
    ----------
    indicator : its name in the registry
    position : among its outputs
    """

    indicator: str
    position: int


def _outputs() -> dict[str, Output]:
    indicators = [indicator for indicator in REGISTRY.values() if not indicator.operator]
    by_name = {
        name: Output(indicator.name, position)
        for indicator in indicators
        for position, name in enumerate(indicator.outputs)
    }
    for indicator in indicators:
        by_name.setdefault(indicator.name, Output(indicator.name, 0))
    return by_name


# Every name that stands for an indicator's output. The bare name of an indicator with several
# outputs stands for the first.
OUTPUTS = _outputs()


def everything() -> list[str]:
    """All names of the language, in order."""
    vocabulary = {
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
    return sorted(vocabulary)


@cache
def _taken() -> frozenset[str]:
    return frozenset([*everything(), *WORDS])


def require_name(name: str, where: str) -> None:
    """Refuse a name of one's own that nobody could write.

    Parameters
    ----------
    name : the name
    where : what gives it: "let" or "params"

    Raises
    ------
    QuestionError
        If it is no name.
    """
    if not NAME.fullmatch(name):
        raise QuestionError(
            f"{where}: {name[:60]!r} is no name; one is letters, digits and _, at most 100, and "
            "begins with no digit"
        )


def require_free(name: str) -> None:
    """Refuse a name of let that nobody could write, or that means something already.

    Raises
    ------
    QuestionError
        If it is no name, or one of the language.
    """
    require_name(name, "let")
    if name in _taken():
        raise QuestionError(
            f"let.{name}: {name} means something in the language already; take another name"
        )


def did_you_mean(name: str, vocabulary: list[str] | None = None) -> str:
    """A hint at the closest names; empty if nothing is close.

    Parameters
    ----------
    name : that means nothing
    vocabulary : names that would; all names of the language if omitted
    """
    close = get_close_matches(name.lower(), vocabulary or everything(), n=3, cutoff=0.6)
    return f"did you mean {' or '.join(close)} ?" if close else ""
