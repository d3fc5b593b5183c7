"""What is assumed of the answers of Massive, by its reader and by the simulated vendor."""

from __future__ import annotations

from technic.operations.conformance import massive_checks as checks
from technic.operations.conformance.massive_questions import QUESTIONS
from technic.operations.conformance.table import (
    Assumption,
    Table,
    named,
    of_types,
    once,
    one_of,
    ordered,
    unknown_fields,
    with_fields,
)

NUMBER = (int, float)
BARS = ("a day", "a range")
LISTS = ("listings", "more listings", "listings by change", "listings that ended")
ROWS = (*LISTS, "splits", "dividends", "income statements", "news")
ERRORS = tuple(checks.STATUSES)
KINDS = named(
    "CS ADRC ADRP ADRR ADRW AGEN BASKET BOND EQLK ETF ETN ETS ETV FUND GDR INDEX LT "
    "NYRS OS OTHER PFD RIGHT SP UNIT WARRANT"
)
LISTING = named(
    "active base_currency_name base_currency_symbol cik composite_figi "
    "currency_name currency_symbol delisted_utc last_updated_utc locale market name "
    "primary_exchange share_class_figi ticker type"
)
SPLIT = named(
    "adjustment_type execution_date historical_adjustment_factor id split_from split_to ticker"
)
DIVIDEND = named(
    "cash_amount currency declaration_date distribution_type ex_dividend_date "
    "frequency historical_adjustment_factor id pay_date record_date "
    "split_adjusted_cash_amount ticker"
)
ASIDE = "such rows are set aside"
UNREAD = "nothing yet: it is not read; it may change what other fields mean"
REFUSES = "every such answer is refused as broken, and asked for again"

ASSUMPTIONS = (
    Assumption(
        "statuses are OK or DELAYED", (*BARS, "a closed day", *ROWS), REFUSES, checks.statuses
    ),
    Assumption(
        "the clock tells an instant with its zone",
        ("the clock",),
        "a simulated vendor's clock cannot be followed",
        checks.time,
    ),
    Assumption("resultsCount is the number of bars", BARS, REFUSES, checks.bar_counts),
    Assumption("count is the number of rows of the page", ROWS, REFUSES, checks.page_counts),
    Assumption(
        "adjusted=false is confirmed", (*BARS, "a split, as traded"), REFUSES, checks.said_adjusted
    ),
    Assumption(
        "prices and volumes of bars are numbers",
        BARS,
        ASIDE,
        of_types(o=NUMBER, h=NUMBER, l=NUMBER, c=NUMBER, v=NUMBER, vw=NUMBER),
    ),
    Assumption(
        "bars tell open, high, low, close, volume, vwap and stamp",
        BARS,
        ASIDE,
        with_fields("o", "h", "l", "c", "v", "vw", "t"),
    ),
    Assumption("prices are above 0, and within low and high", BARS, ASIDE, checks.sane),
    Assumption(
        "splits are new shares over old ones",
        ("a split, as traded",),
        "splits are set aside, as prices contradict them",
        checks.ratio,
    ),
    Assumption(
        "bars have no other fields",
        BARS,
        UNREAD,
        unknown_fields("T", "o", "h", "l", "c", "v", "vw", "t", "n", "otc"),
    ),
    Assumption(
        "stamps of bars are milliseconds",
        BARS,
        "every bar is set aside as another day's",
        checks.milliseconds,
    ),
    Assumption(
        "stamps of bars are of the session, in New York",
        BARS,
        "every bar is set aside as another day's",
        checks.sessions,
    ),
    Assumption(
        "a range goes up in time", ("a range",), "pages of a range are refused", ordered("t")
    ),
    Assumption(
        "no symbol comes twice in a day",
        ("a day",),
        "both rows are set aside where they differ",
        once("T"),
    ),
    Assumption(
        "a day and a range tell the same bar",
        BARS,
        "stored bars change with the question that brought them",
        checks.agree,
        every=True,
    ),
    Assumption(
        "prices asked for as traded are not adjusted",
        ("a split, as traded", "a split, adjusted"),
        "splits are applied twice: returns over a split are wrong",
        checks.as_traded,
        every=True,
    ),
    Assumption(
        "nothing is an answer without bars and with count 0",
        ("a closed day", "a symbol nobody has"),
        "closed days and new symbols are refused as broken, each night",
        checks.empty,
    ),
    Assumption(
        "a full page names the next one at the vendor's, without a key",
        ("listings",),
        "listings beyond the first page are refused",
        checks.next_url,
    ),
    Assumption(
        "a page has as many rows as were asked for",
        ("listings", "more listings"),
        "more calls than a plan says",
        checks.page_size,
    ),
    Assumption(
        "pages go on where the one before ended",
        ("listings", "more listings"),
        "listings are refused as a page that repeats",
        checks.goes_on,
        every=True,
    ),
    Assumption(
        "listings are sorted by ticker",
        ("listings", "more listings"),
        "pages are refused, as they seem to repeat",
        ordered("ticker"),
    ),
    Assumption(
        "listings by change come newest first",
        ("listings by change",),
        "renamed and new listings are missed until the next week",
        ordered("last_updated_utc", down=True),
    ),
    Assumption(
        "listings that ended say when",
        ("listings that ended",),
        "dead securities count as listed",
        checks.ended,
    ),
    Assumption(
        "listings tell ticker, name, type and exchange",
        LISTS[:3],
        "universes leave them out",
        with_fields("ticker", "name", "type", "primary_exchange"),
    ),
    Assumption(
        "types of listings are known ones",
        LISTS,
        "a type is not understood",
        one_of("type", *KINDS),
    ),
    Assumption("listings have no other fields", LISTS, UNREAD, unknown_fields(*LISTING)),
    Assumption(
        "splits tell ticker, day and both numbers",
        ("splits",),
        ASIDE,
        with_fields("ticker", "execution_date", "split_from", "split_to"),
    ),
    Assumption(
        "numbers of splits are numbers",
        ("splits",),
        ASIDE,
        of_types(split_from=NUMBER, split_to=NUMBER),
    ),
    Assumption("splits have no other fields", ("splits",), UNREAD, unknown_fields(*SPLIT)),
    Assumption(
        "kinds of splits are known ones",
        ("splits",),
        "a kind may not mean what a split does",
        one_of("adjustment_type", "forward_split", "reverse_split", "stock_dividend"),
    ),
    Assumption("no split comes twice", ("splits",), ASIDE, once("id", "ticker", "execution_date")),
    Assumption(
        "splits go up in time", ("splits",), "pages may be refused", ordered("execution_date")
    ),
    Assumption(
        "dividends tell ticker, day and amount",
        ("dividends",),
        ASIDE,
        with_fields("ticker", "ex_dividend_date", "cash_amount", "currency"),
    ),
    Assumption(
        "amounts of dividends are numbers",
        ("dividends",),
        ASIDE,
        of_types(cash_amount=NUMBER, currency=str),
    ),
    Assumption("dividends have no other fields", ("dividends",), UNREAD, unknown_fields(*DIVIDEND)),
    Assumption(
        "no dividend comes twice",
        ("dividends",),
        "both are set aside, or it counts twice",
        once("id", "ticker", "ex_dividend_date", "cash_amount"),
    ),
    Assumption(
        "dividends go up in time",
        ("dividends",),
        "pages may be refused",
        ordered("ex_dividend_date"),
    ),
    Assumption(
        "statements tell company, period and day of filing",
        ("income statements",),
        "filings are left out",
        with_fields("tickers", "cik", "period_end", "filing_date", "timeframe"),
    ),
    Assumption(
        "figures of statements are numbers",
        ("income statements",),
        "facts are unknown",
        of_types(revenue=NUMBER, tickers=list, fiscal_quarter=NUMBER, fiscal_year=NUMBER),
    ),
    Assumption(
        "news tell id, title, tickers and instant",
        ("news",),
        "news are left out",
        with_fields("id", "title", "tickers", "published_utc"),
    ),
    Assumption(
        "snapshots tell the day so far, the day before and when, in nanoseconds",
        ("a snapshot",),
        "a watch sees nothing",
        checks.snapshot_shape,
    ),
    Assumption(
        "errors have the statuses of errors",
        ERRORS,
        "a refused key or a bad question is asked again, or read as an answer",
        checks.error_statuses,
    ),
    Assumption(
        "errors say why, in JSON", ERRORS, "the vendor's reason is not shown", checks.error_words
    ),
)
TABLE = Table("massive", QUESTIONS, ASSUMPTIONS)
