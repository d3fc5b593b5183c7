"""Which rows of bars can be believed: every row that cannot is set aside whole, with a reason.

Nothing is repaired. Jumps, flat bars and bars without volume are kept: markets do that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from technic.market.schema import PRICES, SYMBOL_PATTERN
from technic.market.sessions import nyse

KEY = ["symbol", "date", "known_at"]
AT_ONCE = 250_000  # rows that are judged together
COUNTS = ("cells", "lost")  # of a row of a file: they say nothing of the bar
TOLERANCE = 1e-6  # how far, relative, open and close may lie outside [low, high]

REASONS = {
    "bad_symbol": "the symbol is not 1 to 24 of A-Z a-z 0-9 . - / + ^ and space",
    "null_value": "a value is missing, or cannot be read",
    "not_finite": "a value is infinite or not a number",
    "in_future": "that session was not over yet",
    "before_calendar": "it is before 1990, and the calendar of sessions here begins then",
    "no_session": "the NYSE was closed on that date",
    "price_not_positive": "open, high, low or close is zero or less",
    "negative_volume": "the volume is below zero",
    "outside_range": "open or close lies outside [low, high]",
    "conflicting_duplicate": "another row for the same symbol and session says otherwise",
    "known_later": "its as_of lies in the future",
    "another_interval": "it is no bar of a day",
    "ragged": "the row has more cells than the header",
    "another_day": "the vendor stamped it with another day than the one that was asked for",
    "split_contradicted": "prices show no such split",
    "action_not_positive": "a split or dividend is zero or less, or cannot be read",
    "split_repeated": "the same split a few sessions away is the one that prices show",
    "split_shown": "it takes a split back that prices show",
    "dividend_repeated": "a dividend of the same amount stands a few days away",
    "dividend_too_large": "a dividend is above a third of the price",
    "foreign_currency": "a dividend is not in US dollars",
    "split_overruled": "another word on the same split is the one that prices show",
    "without_bars": "a split or dividend of a symbol that has no bar yet: it waits for one",
    "another_scale": "prices of the same sessions differ by one ratio from those that are stored",
}
LIVE_REASONS = {  # of bars and minutes of the day so far, beside those above
    "unreadable": "no symbol, no instant, or a number that is none",
    "late": "it is older than what was known already",
    "early": "its time has not come yet",
    "absurd": "more than ten times the close before, or less than a tenth",
    "no_beginning": "nothing is known of the day before this minute",
}
ABSURD = 10.0  # times the close before


def in_words(reason: str) -> str:
    """Why rows were set aside, as a person reads it; reasons of filings are words already.

    Examples
    --------
    >>> in_words("outside_range"), in_words("too_small")
    ('open or close lies outside [low, high]', 'too small')
    """
    return REASONS.get(reason) or LIVE_REASONS.get(reason) or reason.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Sorted:
    """Rows of bars, sorted into good and bad.

    Attributes
    ----------
    good : rows to keep, one per symbol, date and `known_at`
    bad : rows set aside, with a column `reason`
    repeated : how many good rows were there more than once, word for word
    """

    good: pl.DataFrame
    bad: pl.DataFrame
    repeated: int


def examine(bars: pl.DataFrame, over: date | None = None, now: datetime | None = None) -> Sorted:
    """Sort rows of bars into those that can be believed and those that cannot.

    Parameters
    ----------
    bars : `symbol`, `date`, `open`, `high`, `low`, `close`, `volume` and `known_at`; one row per
        bar, as a vendor gives it
    over : the last session that was over; a later one has no bar. None where nobody can say
    now : what is said to become known later is not known; None where nobody can say
    """
    checks = _checks(bars, over)
    if now is not None:
        checks["known_later"] = (pl.col("known_at") > now).fill_null(value=False)
    fails = pl.any_horizontal(checks.values()).fill_null(value=True)
    # Slice by slice: what the checks need on their way is several times the rows.
    slices = [part.select(fails).to_series() for part in bars.iter_slices(AT_ONCE)]
    suspicious = pl.concat(slices) if slices else pl.Series([], dtype=pl.Boolean)
    chain: Any = pl.when(pl.lit(False)).then(pl.lit(None, dtype=pl.String))
    for reason, test in checks.items():
        chain = chain.when(test).then(pl.lit(reason))
    bad = bars.filter(suspicious).with_columns(reason=chain.otherwise(None))
    # Nearly always nothing is wrong, and to filter is to copy.
    good = bars if bad.is_empty() else bars.filter(~suspicious)
    return _separate_duplicates(good, bad)


def _checks(bars: pl.DataFrame, over: date | None) -> dict[str, pl.Expr]:
    """What speaks against a row, in order of precedence; unknown counts against it.

    Symbols and dates are judged once each, not once per row.
    """
    values = [*PRICES, "volume"]
    tall = pl.max_horizontal("high", "low") * TOLERANCE
    symbols = bars.select(pl.col("symbol").unique().drop_nulls())
    readable = symbols.filter(pl.col("symbol").str.contains(SYMBOL_PATTERN))["symbol"]
    unreadable = symbols.filter(~pl.col("symbol").is_in(readable.implode()))["symbol"]
    closed = closed_days(bars["date"])
    early = (bars["date"] < nyse().first).any()
    checks: dict[str, pl.Expr] = {
        "bad_symbol": pl.col("symbol").is_null() | pl.col("symbol").is_in(unreadable.implode()),
        "null_value": pl.any_horizontal(pl.col(n).is_null() for n in [*values, "date"]),
        "not_finite": pl.any_horizontal(~pl.col(name).is_finite() for name in values),
        "in_future": pl.lit(value=False) if over is None else pl.col("date") > over,
        "before_calendar": pl.col("date") < nyse().first,
        "no_session": pl.col("date").is_in(closed.implode()),
        "price_not_positive": pl.any_horizontal(pl.col(name) <= 0.0 for name in PRICES),
        "negative_volume": pl.col("volume") < 0.0,
        "outside_range": pl.any_horizontal(
            (pl.col(name) < pl.col("low") - tall) | (pl.col(name) > pl.col("high") + tall)
            for name in ("open", "close")
        ),
    }
    # Nearly always so, and a look-up of every row in an empty list is not free.
    if unreadable.is_empty():
        checks["bad_symbol"] = pl.col("symbol").is_null()
    if closed.is_empty():
        checks["no_session"] = pl.col("date").is_null()
    if not early:
        del checks["before_calendar"]
    return checks


def closed_days(days: pl.Series) -> pl.Series:
    """Those of some days, each once, on which there was no session; the calendar reaches them all.

    A day before the calendar is not one of them: nobody knows here what it was.
    """
    known = days.unique().drop_nulls()
    known = known.filter(known >= nyse().first)
    return known.filter(pl.Series(nyse().ordinals(known.to_numpy()) < 0, dtype=pl.Boolean))


def _separate_duplicates(good: pl.DataFrame, bad: pl.DataFrame) -> Sorted:
    """One row where all say the same; all set aside where they do not.

    A `known_at` that is not known yet is one instant, the same for all rows that lack it. Rows
    agree on what they have: a split that one of them does not mention is no contradiction.
    """
    if _all_different(good):
        return Sorted(good, bad, 0)
    doubled = good.filter(pl.struct(KEY).is_duplicated())
    if doubled.is_empty():
        return Sorted(good, bad, 0)
    about = [name for name in doubled.columns if name not in {*KEY, *COUNTS}]
    counts = [pl.col(name).first() for name in doubled.columns if name in COUNTS]
    ways = [pl.col(name).drop_nulls().n_unique().alias(f"{name} ways") for name in about]
    told = [pl.col(name).drop_nulls().first() for name in about]
    groups = doubled.group_by(KEY, maintain_order=True).agg(*told, *counts, *ways)
    is_clash = pl.any_horizontal(pl.col(f"{name} ways") > 1 for name in about)
    agreed = groups.filter(~is_clash).select(good.columns)
    clash = groups.filter(is_clash).select(KEY)
    set_aside = doubled.join(clash, on=KEY, how="semi", nulls_equal=True).with_columns(
        reason=pl.lit("conflicting_duplicate")
    )
    single_rows = good.join(groups.select(KEY), on=KEY, how="anti", nulls_equal=True)
    repeated = doubled.height - set_aside.height - agreed.height
    return Sorted(
        pl.concat([single_rows, agreed]), pl.concat([bad, set_aside.select(bad.columns)]), repeated
    )


def _all_different(rows: pl.DataFrame) -> bool:
    """Whether no symbol has two rows on one date; one integer per row, so that it is quick."""
    codes = rows["symbol"].rle_id() if rows["symbol"].is_sorted() else None
    if codes is None:
        codes = rows["symbol"].cast(pl.Categorical).to_physical()
    keys = codes.cast(pl.Int64) * (1 << 24) + rows["date"].to_physical()
    steps = keys.diff()
    ascending = bool((steps.slice(1) > 0).all())  # as most files are: then nothing is looked up
    return ascending or bool(keys.n_unique() == rows.height)
