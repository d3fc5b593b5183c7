"""Whose layout a file of bars has: one table, and the one place to add the next.

A dialect is known by column names that no other layout has. It says which columns are ours,
where the symbol stands, and whether the vendor adjusts prices; what it leaves out it names.
Layouts as their vendors document them, November 2026.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from unicodedata import combining, normalize

REQUIRED = ("symbol", "date", "open", "high", "low", "close", "volume")
OPTIONAL = ("split", "dividend", "vwap", "as_of")
ADJUSTED_CLOSE = "adjusted values follow from splits and dividends"
# What others call our columns, in lower case; every dialect may add to it.
NAMES: Mapping[str, str] = {
    "ticker": "symbol",
    "trade_date": "date",
    "trading_date": "date",
    "session": "date",
    "datetime": "date",
    "timestamp": "date",
    "time": "date",
    "vol": "volume",
    "stock splits": "split",
    "stock_splits": "split",
    "splits": "split",
    "split_ratio": "split",
    "split ratio": "split",
    "splitfactor": "split",
    "split_factor": "split",
    "split_coefficient": "split",
    "dividends": "dividend",
    "ex-dividend": "dividend",
    "ex_dividend": "dividend",
    "divcash": "dividend",
    "dividend_amount": "dividend",
    "knowledge_date": "as_of",
}
# What is left out on purpose, and why.
LEFT_OUT: Mapping[str, str] = dict.fromkeys(
    (
        *("adj close", "adj_close", "adjclose", "adjusted_close", "adjusted close", "closeadj"),
        *("adjopen", "adjhigh", "adjlow", "adjvolume"),
        *("adj_open", "adj_high", "adj_low", "adj_volume"),
    ),
    ADJUSTED_CLOSE,
)


def plain_name(column: str) -> str:
    """A column's name without accents, as every table here spells it.

    Examples
    --------
    >>> plain_name("eröffnung"), plain_name("stücke"), plain_name("größe")
    ('eroffnung', 'stucke', 'grosse')
    """
    if column.isascii():
        return column
    parts = normalize("NFKD", column.replace("ß", "ss"))
    return "".join(c for c in parts if not combining(c))


def bare_name(column: str) -> str:
    """The letters and digits of a column's name: `Split Factor` and `splitFactor` are one.

    Examples
    --------
    >>> bare_name("Split Factor"), bare_name("adj_close"), bare_name("%Chg")
    ('splitfactor', 'adjclose', 'chg')
    """
    return re.sub(r"[\W_]", "", plain_name(column).lower())


# The same whatever blanks, signs and capitals stand in a name: `Split Factor` is `split_factor`.
BARE = {
    **{bare_name(theirs): ours for theirs, ours in NAMES.items()},
    **{bare_name(ours): ours for ours in (*REQUIRED, *OPTIONAL)},
}
BARE_LEFT_OUT = {bare_name(theirs): why for theirs, why in LEFT_OUT.items()}


@dataclass(frozen=True, slots=True)
class Dialect:
    """A vendor's layout.

    Attributes
    ----------
    name : as a user would say it
    marks : column names, in lower case, that together only this layout has
    columns : ours by theirs, beside `NAMES`
    adjusted : "none" if prices are as traded, "splits" if adjusted for splits; "" if the layout
        does not say it
    symbol : pattern of the file's stem in which the symbol is the group `symbol`; "" if a column
        holds it, or the stem alone in capitals is it
    suffix : what symbols end in here, which is no part of them
    left_out : why columns of this layout are not used
    only : what a column must hold for a row to be a day's bar, by its name
    order : of day and month between points or slashes, where no date decides it: "dmy"
    unit : prices are whole numbers of which this many are a dollar
    note : what a user should know
    """

    name: str
    marks: frozenset[str]
    columns: Mapping[str, str] = field(default_factory=dict)
    adjusted: str = ""
    symbol: str = ""
    suffix: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    order: str | None = None
    unit: float = 1.0
    note: str = ""

    def ours(self, column: str) -> str:
        """Our name of a column, given in lower case; its own if it has none."""
        plain = plain_name(column)
        return self.columns.get(plain) or NAMES.get(plain) or BARE.get(bare_name(plain), plain)

    def rank(self, column: str) -> int:
        """How surely a column, given in lower case, is ours: its own names first, then the table's."""
        plain = plain_name(column)
        if plain in self.columns:
            return 0
        names = list(BARE)
        bare = bare_name(plain)
        return 1 + names.index(bare) if bare in BARE else len(names) + 1

    def why_left_out(self, column: str) -> str:
        """Why a column, given in lower case, is not used; empty if it may be."""
        plain = plain_name(column)
        return self.left_out.get(plain) or BARE_LEFT_OUT.get(bare_name(plain), "")


def _dialect(name: str, marks: str, **more: object) -> Dialect:
    return Dialect(name, frozenset(marks.split("|")), **more)  # type: ignore[arg-type]


def _words(text: str) -> dict[str, str]:
    """Our columns by another language's names, written `ours: theirs, theirs; …`."""
    groups = (group.split(":") for group in text.split(";"))
    return {name.strip(): ours.strip() for ours, names in groups for name in names.split(",")}


GERMAN = _words(
    "date: datum, handelstag; open: eroffnung, eroeffnung, eroffnungskurs, eroeffnungskurs, erster, "
    "eroffn.; high: hoch, tageshoch, hochst, hochstkurs; low: tief, tagestief, tiefst, tiefstkurs; "
    "close: schluss, schlusskurs, letzter; volume: volumen, stucke, stuecke, stuck; "
    "symbol: kurzel, kuerzel; dividend: dividende"
)
FRENCH = _words(
    "open: ouverture, ouv, ouv.; high: haut, plus haut; low: bas, plus bas; "
    "close: cloture, clot, dernier; volume: volumes, vol, vol.; symbol: symbole, code"
)
SPANISH = _words(
    "date: fecha, data; open: apertura, abertura; high: maximo; low: minimo; "
    "close: cierre, ultimo, fechamento; volume: volumen, vol., volume; symbol: simbolo"
)
ITALIAN = _words(
    "date: data; open: apertura; high: massimo; low: minimo; close: chiusura, ultimo; "
    "volume: volumi, vol.; symbol: simbolo"
)
DUTCH = _words(
    "date: datum; open: opening, openingskoers; high: hoog; low: laag; "
    "close: slot, slotkoers, laatste; volume: omzet in stuks, vol."
)
BARCHART = r"(?P<symbol>[A-Za-z.]{1,7})_(price-history|daily_historical-data)-.*"
CRSP = {
    "permno": "CRSP's number of the security",
    "permco": "CRSP's number of the company",
    "ret": "follows from prices and dividends",
    "dlyret": "follows from prices and dividends",
    "dlyprc": "the close, or the middle of bid and ask",
}
TURNOVER = {"umsatz": "the turnover in money", "devise": "the currency"}
LONG = Dialect("one row per symbol and date", frozenset())
LEAN = Dialect(
    "LEAN daily bars",
    frozenset({"lean"}),
    adjusted="none",
    symbol=r"(?P<symbol>[A-Za-z][A-Za-z0-9.\-]{0,9})",
    unit=1e4,
    note="splits and dividends lie in LEAN's factor files: import their folder with the bars",
)
WIDE = Dialect(
    "yfinance table of several tickers",
    frozenset({"wide"}),
    adjusted="splits",
    note="yfinance adjusts prices for splits, and for dividends too unless auto_adjust=False",
)
LEAN_COLUMNS = ("date", "open", "high", "low", "close", "volume")
# The most particular first.
DIALECTS: tuple[Dialect, ...] = (
    _dialect("Tiingo daily prices", "adjclose|divcash|splitfactor", adjusted="none"),
    _dialect(
        "Alpha Vantage daily adjusted",
        "adjusted_close|dividend_amount|split_coefficient",
        adjusted="none",
        symbol=r"daily_adjusted_(?P<symbol>[A-Za-z][A-Za-z0-9.\-]{0,11})",
    ),
    _dialect(
        "WIKI and Quandl end-of-day prices", "ex-dividend|split_ratio|adj_close", adjusted="none"
    ),
    _dialect(
        "Sharadar SEP",
        "closeunadj|lastupdated",
        adjusted="splits",
        left_out={
            "closeunadj": "the close as traded, with no open, high and low beside it",
            "lastupdated": "when the vendor wrote the row last, not when it was known",
        },
    ),
    _dialect(
        "Stooq bulk text",
        "<ticker>|<per>|<date>",
        columns={
            **{f"<{name}>": name for name in ("date", "open", "high", "low", "close")},
            "<ticker>": "symbol",
            "<vol>": "volume",
        },
        adjusted="splits",
        suffix=".US",
        only={"<per>": ("D",)},
        left_out={"<time>": "a day's bar has none", "<openint>": "shares have none"},
    ),
    _dialect(
        "Massive flat file of days",
        "window_start|transactions",
        columns={"window_start": "date"},
        adjusted="none",
        left_out={"transactions": "not asked about here"},
    ),
    _dialect(
        "Databento OHLCV-1d",
        "ts_event|instrument_id",
        columns={"ts_event": "date"},
        adjusted="none",
        only={"rtype": ("35", "ohlcv-1d")},
        left_out={
            "publisher_id": "the venue",
            "instrument_id": "the vendor's number of the day",
        },
    ),
    _dialect(
        "Nasdaq historical data",
        "close/last",
        columns={"close/last": "close"},
        adjusted="splits",
        symbol=r"(?P<symbol>[A-Z][A-Z.\-]{0,6})",
    ),
    _dialect(
        "yfinance history",
        "dividends|stock splits|date",
        adjusted="splits",
        left_out={"capital gains": "of funds; not used"},
        note="yfinance adjusts prices for splits, and for dividends too unless auto_adjust=False",
    ),
    _dialect(
        "Yahoo daily prices",
        "adj close|close|date",
        adjusted="splits",
        note="Yahoo adjusts open, high, low and close for splits",
    ),
    _dialect(
        "CRSP daily stock file",
        "prc|askhi",
        columns={
            "openprc": "open",
            "askhi": "high",
            "bidlo": "low",
            "prc": "close",
            "tic": "symbol",
        },
        adjusted="none",
        left_out=CRSP,
        note="a negative price of CRSP is the middle of bid and ask: such rows are set aside",
    ),
    _dialect(
        "CRSP daily stock file",
        "dlycaldt|dlyclose",
        columns={
            "dlycaldt": "date",
            "dlyopen": "open",
            "dlyhigh": "high",
            "dlylow": "low",
            "dlyclose": "close",
            "dlyvol": "volume",
            "tradingsymbol": "symbol",
        },
        adjusted="none",
        left_out=CRSP,
    ),
    _dialect(
        "Barchart history",
        "last|change|%chg",
        columns={"last": "close"},
        symbol=BARCHART,
        left_out={"change": "follows from the closes", "%chg": "follows from the closes"},
    ),
    _dialect(
        "Barchart history",
        "latest|change|%change",
        columns={"latest": "close"},
        symbol=BARCHART,
        left_out={"change": "follows from the closes", "%change": "follows from the closes"},
    ),
    _dialect(
        "bars under single letters",
        "t|c|v",
        columns={
            "t": "date",
            "o": "open",
            "h": "high",
            "l": "low",
            "c": "close",
            "v": "volume",
            "vw": "vwap",
            "s": "symbol",
        },
        left_out={"n": "the number of trades"},
    ),
    _dialect(
        "Investing.com history",
        "price|vol.|change %",
        columns={"price": "close", "vol.": "volume"},
        adjusted="splits",
        symbol=r"(?P<symbol>[A-Z]{1,6}) .*",
        left_out={"change %": "follows from the closes"},
    ),
    _dialect(
        "Investing.com history, in German",
        "zuletzt|vol.",
        columns={
            "datum": "date",
            "zuletzt": "close",
            "eroffn.": "open",
            "hoch": "high",
            "tief": "low",
            "vol.": "volume",
        },
        adjusted="splits",
        symbol=r"(?P<symbol>[A-Z]{1,6}) .*",
        order="dmy",
        left_out={"+/- %": "follows from the closes"},
    ),
    *(
        _dialect(
            f"ariva.de history, {pieces}",
            f"erster|schlusskurs|{pieces}",
            columns={**GERMAN, pieces: "volume"},
            order="dmy",
            left_out={"volumen": "the turnover in money"},
        )
        for pieces in ("stuecke", "stucke")
    ),
    _dialect("German names", "hoch", columns=GERMAN, order="dmy", left_out=TURNOVER),
    _dialect("French names", "haut", columns=FRENCH, order="dmy", left_out=TURNOVER),
    _dialect("French names", "plus haut", columns=FRENCH, order="dmy"),
    _dialect("Spanish names", "maximo", columns=SPANISH, order="dmy"),
    _dialect("Italian names", "massimo", columns=ITALIAN, order="dmy"),
    _dialect("Dutch names", "hoog", columns=DUTCH, order="dmy"),
)


def dialect_of(columns: set[str]) -> Dialect:
    """The layout that column names, in lower case, belong to."""
    plain = {plain_name(column) for column in columns}
    return next((d for d in DIALECTS if d.marks <= plain), LONG)
