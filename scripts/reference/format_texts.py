"""What each column and key means, for docs/reference/file-formats.md."""

from __future__ import annotations

BARS = {
    "symbol": "the ticker",
    "date": "the session, by its New York date; text as YYYY-MM-DD. An instant with a zone is "
    "converted",
    "open": "USD per share",
    "high": "USD per share",
    "low": "USD per share",
    "close": "USD per share",
    "volume": "shares",
    "split": "new shares per old one, on the first session that trades without the right; 0 or 1 "
    "means none",
    "dividend": "USD per share, on the ex-date; 0 means none",
    "vwap": "USD per share: mean price weighted by volume",
    "as_of": "when the row became known. Without it, at the close of its session",
}
LISTINGS = {
    "symbol": "the ticker",
    "name": "name of the listing",
    "type": "kind of security: common, adr, etf, … or a vendor's code such as CS. Told from the "
    "name where it is missing",
    "exchange": "market identifier code: XNYS, XNAS, …",
    "sector": "one of the eleven GICS sectors, or an alias. Told from the SIC code where it is "
    "missing",
    "industry": "in the source's words",
    "sic": "standard industrial classification code",
    "market_cap": "USD",
    "cik": "the company's number at the SEC",
    "from": "first session of the listing",
    "to": "last session of the listing",
    "as_of": "the night from which sector, industry, SIC code and market value count",
}
FILINGS = {
    "symbol": "the ticker; two classes of one company may be written GOOG/GOOGL",
    "as_of": "when the filing was seen; a date alone is that night, an instant without a zone one of "
    "New York",
    "period_end": "last day of the period",
    "form": "10-Q, 10-K, 20-F, …",
    "period": "Q1, Q2, Q3 or FY",
    "fiscal_year": "the company's own year",
    "period_start": "first day of the period: says how long it is, where the label does not",
    "currency": "of the amounts; what is not USD is set aside",
    "amended": "true if it amends an earlier filing",
}
SCAN = {
    "name": "title of the scan",
    "description": "a sentence for whoever reads the file",
    "universe": "who is asked at all: [a name or a question](language.md#universes). Peers of "
    "percentiles are its members",
    "where": "which members pass: a question. Its parts joined by `and` are counted one by one",
    "rank": "what the rest is ordered by: an expression, or a section `[rank]` with `score` (an "
    "expression, or a list of `{ expr, weight }`) and `missing`: what an unknown term does. "
    '`"exclude"`: the score is unknown; `"zero_weight"`: the term counts 0; `"fill(50)"`: it has '
    "that value",
    "columns": "what is shown of each row: a list of expressions",
    "top": "how many rows are shown, and who counts as being on the list",
    "benchmark": 'what `beta`, `corr` and `rel_strength` compare with: `"market"` or a symbol',
    "let": "texts with a name that the language does not have, to be used in the others: "
    "`let.trend = …`",
    "params": "numbers with a name that the language does not have, used as `$name`: a number, or "
    "`{ default, min, max }`",
    "plan": "how plans are made: [[plan]](#plan)",
    "alert": "when a change is sent as an alert: [[alert]](#alert)",
    "backtest": "how it is traded on the past: [[backtest]](#backtest)",
}
PLAN = {
    "side": '`"long"` or `"short"`',
    "account": "USD, up to 1e12; one account for all rows",
    "risk": 'share of the account that one row may lose between entry and stop: 0.01 or `"1%"`',
    "max_heat": "share of the account that all rows together may lose",
    "max_adv": "share of a symbol's mean daily dollar volume that one row may be",
    "max_positions": "how many rows get a size; 0 to 10,000",
    "leverage": "buying power per dollar of account, up to 100",
    "entry": '`"next_open"`, which is estimated by the close until it trades; or an expression',
    "stop": "an expression. For a short the default adds instead of subtracting",
    "target": 'a multiple of the distance from entry to stop, `"2R"`; or an expression',
}
ALERT = {
    "on": "which changes are sent: `entered`, `left`, `crossed`",
    "crossed": "questions; who is on the list and turns from false to true has crossed; they may use names of `let` and `params`",
    "debounce": "evaluations in a row that must agree before a change is sent",
    "cooldown": "time before the same is sent again of the same security: 90s, 30m, 4h, 5d",
    "quiet": "hours in New York in which alerts are kept, and delivered afterwards",
    "to": "names of channels, see `technic alerts add`",
}
BACKTEST = {
    "from": "first session of decision; the first of the store by default",
    "to": "last session; the last of the store by default",
    "rebalance": "the scan is asked on the last session of every day, week or month: `daily`, "
    "`weekly`, `monthly`",
    "hold": "how many names at once, at equal shares of `plan.account`; 1 to 500",
    "buffer": "a name that is held stays while it ranks at least here; up to 5,000",
    "cost": '`"spread+impact"`, `"none"`, or basis points a side: `"10bps"`',
    "commission": "USD a share, up to 10",
    "borrow": 'USD a year per USD sold short: 0.01 or `"1%"`',
    "delisting": 'what a name that vanishes returns from its last close: −0.3 or `"-30%"`',
}
TRAIN = {
    "name": "title of the model",
    "model": '`"xgboost"`, boosted trees, or `"ridge"`, the baseline',
    "horizon": "sessions ahead, from the next open: 1, 5 or 21",
    "universe": "who is compared: a name or a question",
    "demean": 'what is taken off the return: the mean of the `"market"` or of the `"sector"`',
    "delisting": "what a name that vanishes is taken to return from its last close",
    "seeds": "how often it is learned anew, each time with another seed; the card says how far the results "
    "lie apart, and the first is kept",
    "max_age": "sessions after which the model refuses to forecast",
    "features": "what is learned from: scale-free indicators only",
    "baselines": "features, with a sign, that the model is held against",
}
SPANS = {
    "train": "of the first training; later ones begin at the same session and end later",
    "step": "between one training and the next, and the length of each test",
    "vault": "at the end of the history; nobody looks at it until `--open-vault`",
    "embargo": "left out between training and test, beyond the purge",
}
TREES = {
    "trees": "how many",
    "depth": "levels of each",
    "rate": "share of each tree that is added",
    "rows": "share of the rows that each tree sees",
    "columns": "share of the features that each tree sees",
    "least": "rows that a leaf needs, at least",
    "bins": "how finely features are cut",
    "penalty": "on large leaves (L2)",
}
RIDGE = {"strength": "the penalty, as a share of the mean diagonal of the normal equations"}
TABLES = {
    "bars": "Daily bars, every version of each.",
    "actions": "Splits and dividends.",
    "waiting": "Splits and dividends of symbols that had no bar when a file told them: they wait for one.",
    "tickers": "Which security traded under which symbol, and when.",
    "listings": "Names, types and exchanges of securities.",
    "classifications": "What a company was said to be, and to be worth.",
    "filings": "Which filing was made when.",
    "facts": "Single numbers of filings; a restatement is a new row.",
    "news": "Titles of articles, as their source gives them: text from outside, not to be trusted.",
    "asked": "What a vendor was asked for, and what it answered.",
}
# Of columns that several tables share, and of those the schema's own comments leave out.
STORED = {
    "security_id": "the security: keeps its number when the ticker changes",
    "session": "the session, by its New York date",
    "open": "USD per share, as traded unless the store says otherwise",
    "high": "USD per share, likewise",
    "low": "USD per share, likewise",
    "close": "USD per share, likewise",
    "known_at": "when the row became known",
    "assumed": "whether that instant is an assumption: the close of the session",
    "symbol": "the ticker",
    "since": "first session of it",
    "until": "last session of it; null while it lasts",
    "name": "name of the listing",
    "type": "kind of security, see [the language](language.md#listings)",
    "industry": "in the source's words",
    "period_end": "last day of the period",
    "calendar_end": "its end on a calendar of even quarters, where some have 12 and 16 weeks",
    "filed": "the day it was filed",
    "source": "who said so",
    "item": "which number, see [filings](#filings)",
    "accession": "the filing it came in",
    "first": "first session asked for",
    "last": "last session asked for, included",
    "provider": "who was asked",
}
