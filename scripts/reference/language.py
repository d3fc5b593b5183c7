"""docs/reference/language.md: hand-written prose around tables of every name there is."""

from __future__ import annotations

from collections.abc import Mapping

from reference.markdown import code, codes, complete, fill, table
from technic.indicators.define import MAX_LOOKBACK
from technic.market.items import FLOW, ITEMS
from technic.market.schema import SECTORS
from technic.query import names
from technic.query.parse import MAX_BYTES, MAX_DEPTH, MAX_NESTED, MAX_NODES
from technic.query.resolve import MAX_LETS, MAX_WRITTEN_OUT
from technic.scanner.spec.scan_file import UNIVERSES
from technic.scores import MACROS, SCORES

HERE = "scripts/reference/language.py"
FIELDS = {
    "open": "first price of the session",
    "high": "highest price",
    "low": "lowest price",
    "close": "last price",
    "volume": "shares traded",
    "vwap": "mean price, weighted by volume",
}
ATTRIBUTES = {
    "symbol": "the ticker",
    "name": "the name of the listing",
    "type": "common, adr, etf, fund, preferred, warrant, unit, right, note, spac, test or other",
    "exchange": "market identifier code: XNYS, XNAS, …",
    "sector": "one of the eleven GICS sectors",
    "industry": "the industry, in the source's words",
    "sic": "standard industrial classification code",
    "market_cap": "USD: the shares of the newest filing at the close; else as the source gave it",
    "is_common": "a common stock",
    "is_etf": "an exchange-traded fund",
    "is_fund": "a fund, exchange-traded ones among them",
    "is_adr": "a depositary receipt",
    "is_preferred": "a preferred stock",
    "is_warrant": "a warrant",
    "is_unit": "a unit of several securities",
    "is_right": "a right",
    "is_note": "a note or bond",
    "is_spac": "a blank-check company",
    "is_otc": "traded over the counter",
    "issuer": "a text that is equal for all classes of one company",
    "bars": "how many bars the symbol has",
    "days_since_filing": "calendar days since the newest filing became known",
    "days_to_expected_filing": "an estimate: a year after the filing for the same quarter of last "
    "year, or 91 days after the newest",
    "is_updated": "a filing, split, dividend or news became known since the session before",
}
REGIME = {
    "market_above_50": "common stocks above their 50-day mean",
    "market_above_200": "common stocks above their 200-day mean",
    "market_new_highs": "common stocks at a high of 252 bars",
    "market_new_lows": "common stocks at a low of 252 bars",
    "market_dispersion": "standard deviation across symbols of the 21-bar returns",
    "market_volatility": "of the market's daily returns over 20 sessions, as percent a year",
    "market_volatility_pct": "percentile of that volatility among those of the last year",
    "market_trend": "1: the market stands above its 200-session mean, and so does its 50-session "
    "mean; −1: both below; 0: neither. Equally weighted",
    "market_trend_cap": "the same, weighted by market value",
}
ALPHA = {
    "alpha": "forecast of the relative return, in standard deviations; it is not a return",
    "alpha_rank": "its percentile in the model's own universe",
}
CROSS = {
    "rank": ("rank(x)", "1 is the highest"),
    "pct_rank": ("pct_rank(x)", "percentile by mid-rank, 0 to 100; 100 is the highest"),
    "zscore": ("zscore(x)", "distance from the mean, in standard deviations"),
    "demean": ("demean(x)", "distance from the mean"),
    "winsorize": ("winsorize(x, 1%)", "x, with the tails of that share pulled in"),
    "quantile": ("quantile(x, 5)", "the number of its bin out of 5; 1 is the lowest"),
}
FUNCTIONS = {
    "abs": ("abs(x)", "x without its sign"),
    "sqrt": ("sqrt(x)", "the square root; unknown below zero"),
    "min": ("min(a, b)", "the smaller"),
    "max": ("max(a, b)", "the larger"),
    "coalesce": ("coalesce(a, b)", "a; b where a is unknown"),
    "is_known": ("is_known(x)", "true where x is known, false elsewhere; never unknown"),
    "within": ("within(5, claim)", "the claim held at one of the last 5 bars or more"),
    "count": ("count(claim, 10)", "at how many of the last 10 bars the claim held"),
    "weekly": ("weekly(x)", "x over completed weeks: `weekly(close) > weekly(sma(50))`"),
    "monthly": ("monthly(x)", "x over completed months"),
    "in_list": ("in_list('mine')", "the symbol is on a watch-list of that name"),
    "news_count": ("news_count(5)", ("articles of the last 5 sessions; unknown before any news "
                   "were brought in")),
    "total_ret": ("total_ret(21)", ("return over 21 bars with dividends, as a ratio: each is put into "
                  "shares at the close of its ex-date; unknown in a store without dividends")),
    "python": ("python('name')", "a score of your own, which you have trusted"),
}  # fmt: skip


def language() -> str:
    """The page."""
    functions = (*names.ELEMENTWISE, *names.TEMPORAL, *names.OTHER)
    complete(functions, FUNCTIONS, "function", HERE)
    complete(names.CROSS_SECTIONAL, CROSS, "function", HERE)
    return fill(
        "language.md",
        bytes=f"{MAX_BYTES:,}",
        parts=f"{MAX_NODES:,}",
        depth=str(MAX_NESTED),
        levels=str(MAX_DEPTH),
        lets=str(MAX_LETS),
        written_out=f"{MAX_WRITTEN_OUT:,}",
        lookback=f"{MAX_LOOKBACK:,}",
        fields=_described(names.BAR_FIELDS, FIELDS, "field"),
        attributes=_described(names.ATTRIBUTES, ATTRIBUTES, "attribute"),
        regime=_described(names.REGIME, REGIME, "name of the market"),
        alpha=_described(names.ALPHA, ALPHA, "name of a model"),
        functions=_calls(FUNCTIONS),
        cross=_calls(CROSS),
        peers=", ".join(code(name) for name in names.PEERS),
        sectors=", ".join(SECTORS),
        facts=_facts(),
        scores=codes(sorted({*SCORES, *MACROS})) + ".",
        universes=table(
            ("name", "question"),
            [(code(name), code(text) if text else "everybody") for name, text in UNIVERSES.items()],
        ),
        everything=codes(names.everything()) + ".",
    )


def _described(kinds: Mapping[str, names.Kind], meanings: Mapping[str, str], what: str) -> str:
    """A table of names: what each is, and its kind."""
    complete(kinds, meanings, what, HERE)
    rows = [
        (code(name), kind.unit if kind.unit not in {"", "plain"} else _what(kind), meanings[name])
        for name, kind in kinds.items()
    ]
    return table(("name", "kind", "meaning"), rows)


def _what(kind: names.Kind) -> str:
    return {names.TRUTH: "claim", names.TEXT: "text"}.get(kind.what, "number")


def _calls(calls: Mapping[str, tuple[str, str]]) -> str:
    return table(("written", "means"), [(code(text), about) for text, about in calls.values()])


def _facts() -> str:
    rows = [
        (codes(item.columns), {"money": "USD", "price": "USD per share", "count": "shares"}[item.unit],
         item.text)
        for item in sorted(ITEMS.values(), key=lambda item: (item.kind != FLOW, item.name))
    ]  # fmt: skip
    return table(("names", "unit", "meaning"), rows)
