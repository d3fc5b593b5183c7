"""Whose layout a file of listings has: one table, and the one place to add the next.

Layouts as their publishers document them, November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LISTING_COLUMNS = (
    "symbol",
    "name",
    "type",
    "exchange",
    "sector",
    "industry",
    "sic",
    "market_cap",
    "cik",
    "from",
    "to",
    "as_of",
)
# What others call our columns, in lower case; every layout may add to it.
NAMES: Mapping[str, str] = {
    "ticker": "symbol",
    "company": "name",
    "company name": "name",
    "security": "name",
    "security name": "name",
    "title": "name",
    "assettype": "type",
    "asset type": "type",
    "listing exchange": "exchange",
    "primary_exchange": "exchange",
    "gics sector": "sector",
    "gics sub-industry": "industry",
    "sub_industry": "industry",
    "marketcap": "market_cap",
    "market cap": "market_cap",
    "siccode": "sic",
    "sic_code": "sic",
    "cik_str": "cik",
    "first_seen": "from",
    "last_seen": "to",
    "ipo_date": "from",
    "ipodate": "from",
    "list_date": "from",
    "delistingdate": "to",
    "delisting_date": "to",
    "delisted_utc": "to",
    "knowledge_date": "as_of",
}
# Market identifier codes by what publishers write, in small letters.
EXCHANGES: Mapping[str, str] = {
    "nyse": "XNYS",
    "new york stock exchange": "XNYS",
    "nasdaq": "XNAS",
    "nasdaqgs": "XNAS",
    "nasdaqgm": "XNAS",
    "nasdaqcm": "XNAS",
    "amex": "XASE",
    "nyse american": "XASE",
    "nyse mkt": "XASE",
    "nysemkt": "XASE",
    "nyse arca": "ARCX",
    "nysearca": "ARCX",
    "arca": "ARCX",
    "bats": "BATS",
    "cboe": "BATS",
    "cboe bzx": "BATS",
    "iex": "IEXG",
    "otc": "OTC",
}
LETTERS: Mapping[str, str] = {  # of Nasdaq's directories
    "q": "XNAS",
    "n": "XNYS",
    "a": "XASE",
    "p": "ARCX",
    "z": "BATS",
    "v": "IEXG",
    "m": "XCHI",
}
KINDS: Mapping[str, str] = {  # Sharadar's categories, by a part of them; the first that is there
    "preferred": "preferred",
    "warrant": "warrant",
    "adr": "adr",
    "common": "common",
    "etf": "etf",
    "etn": "note",
    "cef": "fund",
    "etmf": "fund",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """A publisher's layout.

    Attributes
    ----------
    name : as a user would say it
    marks : column names, in lower case, that together only this layout has
    columns : ours by theirs, beside `NAMES`; one that is left out on purpose is ""
    exchanges : market identifier codes by what it writes, in small letters, beside `EXCHANGES`
    exchange : of every line, where no column says it
    kind : our type of every line; "" if a column or the name says it
    kinds : our types by a part of what it writes, in small letters; "" leaves it to the name
    yes : our type of lines that have Y in a column; the first that does
    ended : column and value without which `to` is only the newest day so far
    only : column and values of the lines that are listings; others say the same once more
    caret : whether `^` at the end is a preferred share, and no right
    """

    name: str
    marks: frozenset[str]
    columns: Mapping[str, str] = field(default_factory=dict)
    exchanges: Mapping[str, str] = field(default_factory=dict)
    exchange: str = ""
    kind: str = ""
    kinds: Mapping[str, str] = field(default_factory=dict)
    yes: Mapping[str, str] = field(default_factory=dict)
    ended: tuple[str, str] | None = None
    only: tuple[str, tuple[str, ...]] | None = None
    caret: bool = False

    def ours(self, column: str) -> str:
        """Our name of a column, given in lower case; its own if it has none."""
        return self.columns.get(column, NAMES.get(column, column))


def _layout(name: str, marks: str, **more: object) -> Layout:
    return Layout(name, frozenset(marks.split("|")), **more)  # type: ignore[arg-type]


FLAGS = {"test issue": "test", "etf": "etf"}
PLAIN = Layout("one row per listing", frozenset())
# The most particular first.
LAYOUTS: tuple[Layout, ...] = (
    _layout(
        "Nasdaq's directory of other exchanges",
        "act symbol|security name|exchange|test issue",
        columns={"act symbol": "symbol", "cqs symbol": "", "nasdaq symbol": ""},
        exchanges=LETTERS,
        yes=FLAGS,
    ),
    _layout(
        "Nasdaq's directory of all that trade there",
        "nasdaq traded|symbol|security name|listing exchange|test issue",
        columns={"cqs symbol": "", "nasdaq symbol": ""},
        exchanges=LETTERS,
        yes=FLAGS,
    ),
    _layout(
        "Nasdaq's directory of its listings",
        "symbol|security name|market category|test issue",
        exchange="XNAS",
        yes=FLAGS,
    ),
    _layout("the SEC's tickers of funds", "cik|seriesid|classid|symbol", kind="fund"),
    _layout("the SEC's tickers with exchanges", "cik|name|ticker|exchange"),
    _layout("the SEC's tickers", "cik_str|ticker|title"),
    _layout(
        "Sharadar tickers",
        "permaticker|ticker|isdelisted|category|firstpricedate|lastpricedate",
        columns={
            "category": "type",
            "firstpricedate": "from",
            "lastpricedate": "to",
            "secfilings": "cik",
        },
        kinds=KINDS,
        ended=("isdelisted", "Y"),
        only=("table", ("SEP", "SFP")),
    ),
    _layout(
        "Alpha Vantage listing status",
        "symbol|assettype|ipodate|delistingdate|status",
        kinds={"etf": "etf", "stock": ""},
    ),
    _layout(
        "Nasdaq's stock screener",
        "symbol|name|country|sector|industry|url",
        columns={"ipoyear": "", "ipo year": ""},
        caret=True,
    ),
)


def layout_of(columns: set[str]) -> Layout:
    """The layout of a table with these columns, in lower case; `PLAIN` if it is nobody's."""
    return next((layout for layout in LAYOUTS if layout.marks <= columns), PLAIN)
