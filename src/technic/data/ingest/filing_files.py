"""Filings from the user's files into a store.

1. `formats.filings.read_filings` reads the file, one row per filing.
2. `_facts` makes one row per number, with the stretch it covers and the night it was seen.
3. `market.filings.examine_filings` sets aside what cannot be.
4. `filing_facts.keep_facts` commits what is new.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from technic.data.formats.filings import FilingRows, read_filings
from technic.data.ingest.filers import holders, spelt_as_ours
from technic.data.ingest.filing_facts import TakenFilings, keep_facts
from technic.errors import SchemaError, counted
from technic.market.filing_spans import with_lengths
from technic.market.filings import CASH_FLOWS, cash_flow_months, examine_filings, months_of
from technic.market.items import ITEMS
from technic.market.schema import SYMBOL_PATTERN
from technic.market.year_sums import above_their_year, told_as_sums

if TYPE_CHECKING:
    from technic.data.store import Store

YEAR = 12  # months
NAMED = 5  # symbols of a line; the others are counted
CHECKS = ("eps_basic",)  # read, to hold others against, and not kept


def take_filings(
    store: Store,
    source: Path | pl.DataFrame,
    seen: datetime,
    dates: str | None = None,
    *,
    keep: bool = True,
) -> TakenFilings:
    """Import a file of filings; all that can be believed, or nothing.

    Parameters
    ----------
    dates : order of day and month between slashes, "dmy" or "mdy"; None to let the file decide
    keep : whether it is stored; otherwise it is only found out what would become of it

    Raises
    ------
    SchemaError
        If it cannot be read, no filing in it belongs to a symbol of the store, or none of its
        numbers can be believed.
    """
    read = read_filings(source, (*ITEMS, *CHECKS), dates)
    label = source.name if isinstance(source, Path) else "frame"
    table = spelt_as_ours(store, _each_class(read.table), store.version())
    table = table.with_columns(sums=told_as_sums(table) if "revenue" in table.columns else False)
    facts = _facts(table, _years_known(store, table))
    is_symbol = pl.col("symbol").str.contains(SYMBOL_PATTERN).fill_null(value=False)
    good, bad = examine_filings(facts.filter(is_symbol))
    nameless = facts.filter(~is_symbol).with_columns(reason=pl.lit("bad_symbol"))
    bad = pl.concat([bad, nameless], how="diagonal")
    _refuse_if_empty(label, read, good, bad)
    repeated = facts.height - good.height - bad.height
    good = cash_flow_months(good)
    taken = keep_facts(store, good, bad, rows=read.table.height, label=label, seen=seen, keep=keep)
    lost = sum(count for name, (count, _) in read.unreadable.items() if name in {*ITEMS, *CHECKS})
    numbers = {**taken.numbers, "repeated in the file": repeated, "not read": lost}
    notes = (*_sums_lines(table), *taken.notes)
    return replace(
        taken, unreadable=read.unreadable, unused=read.unused, numbers=numbers, notes=notes
    )


def _sums_lines(table: pl.DataFrame) -> list[str]:
    """What a user is told of companies whose quarters are sums since the start of the year, or may be."""
    read, lines = table.filter("sums")["symbol"].unique().sort().to_list(), []
    more = "three quarters have more revenue than their year"
    if read:
        lines.append(
            f"{_named(read)}: {more}: the flows of quarters without a period_start are read as sums "
            "since the start of the year"
        )
    open_ = above_their_year(table) if "revenue" in table.columns else []
    if asked := [symbol for symbol in open_ if symbol not in read]:
        lines.append(
            f"{_named(asked)}: {more}, and are no sums since its start: are quarters and year of one "
            "kind? Trailing figures may be wrong; period_start says what a number covers"
        )
    return lines


def _named(symbols: list[str]) -> str:
    more = f" and {len(symbols) - NAMED:,} more" if len(symbols) > NAMED else ""
    return f"{', '.join(symbols[:NAMED])}{more}"


def _refuse_if_empty(label: str, read: FilingRows, good: pl.DataFrame, bad: pl.DataFrame) -> None:
    """Refuse a file of which nothing can be kept, with the reason.

    Raises
    ------
    SchemaError
        If there is no believable number.
    """
    if not good.is_empty():
        return
    reasons = bad.group_by("reason").len().sort("len", "reason", descending=[True, False])
    told = [
        f"{counted(n, 'number')} {reason.replace('_', ' ')}" for reason, n in reasons.iter_rows()
    ]
    told += [
        f"{name} cannot be read, such as {cell!r}" for name, (_, cell) in read.unreadable.items()
    ]
    why = "; ".join(told) or "it holds no number"
    raise SchemaError(
        f"{label}: {counted(read.table.height, 'filing')} and nothing to keep: {why}. Nothing was imported"
    )


def _years_known(store: Store, table: pl.DataFrame) -> pl.DataFrame:
    """Ends of fiscal years that the store knows: `symbol`, `year_end`, `year_known`."""
    version = store.version()
    symbols = table["symbol"].drop_nulls().unique().sort()
    named = holders(
        store,
        pl.DataFrame(
            {"symbol": symbols, "day": pl.Series([date.max] * len(symbols), dtype=pl.Date)}
        ),
        "day",
        version,
    ).drop_nulls("security_id")
    years = (
        store.table("facts", version)
        .filter(pl.col("months") == YEAR)
        .group_by("security_id", year_end="period_end")
        .agg(year_known=pl.col("known_at").min())
        .collect()
    )
    return named.join(years, on="security_id").select("symbol", "year_end", "year_known")


def _each_class(raw: pl.DataFrame) -> pl.DataFrame:
    """A row per class of shares where a filing names two, such as GOOG/GOOGL."""
    first, second = (pl.col("symbol").str.split("/").list.get(k, null_on_oob=True) for k in (0, 1))
    both = second.str.starts_with(first) & (first.str.len_chars() > 2)
    parts = pl.when(both.fill_null(value=False)).then(pl.col("symbol").str.split("/"))
    return raw.with_columns(parts.otherwise(pl.concat_list("symbol")).alias("symbol")).explode(
        "symbol"
    )


def _facts(raw: pl.DataFrame, years: pl.DataFrame) -> pl.DataFrame:
    """One row per number, with the stretch that it covers.

    Parameters
    ----------
    raw : as `read_filings` gives it
    years : ends of fiscal years known before, as `with_lengths` takes them
    """
    items = [name for name in (*ITEMS, *CHECKS) if name in raw.columns]
    amended = pl.col("amended").fill_null(value=False) & ~pl.col("form").str.ends_with("/A")
    wide = with_lengths(raw, years).with_columns(
        filed=pl.col("known_at").dt.convert_time_zone("America/New_York").dt.date(),
        form=pl.when(amended).then(pl.col("form") + "/A").otherwise("form"),
    )
    index = [name for name in wide.columns if name not in {*items, "amended"}]
    long = wide.unpivot(items, index=index, variable_name="item").drop_nulls("value")
    return long.with_columns(months=_months(), assumed=pl.lit(value=False)).drop(
        "period_start", "since_start", "since_year", "stub", "sums"
    )


def _months() -> pl.Expr:
    """The months each number covers: as the dates of its report say, else as such reports are written."""
    kinds = {name: item.kind for name, item in ITEMS.items()} | dict.fromkeys(CHECKS, "flow")
    kind = pl.col("item").replace_strict(kinds, return_dtype=pl.String)
    is_cash, is_year = pl.col("item").is_in(CASH_FLOWS), pl.col("period") == "FY"
    written = months_of(kind, is_cash, pl.col("period"))
    # Where label and days contradict each other, cash flows may run since either.
    since_year = pl.when(pl.col("since_year").is_null() | (pl.col("since_year") == written)).then(
        written
    )
    of_year = (
        pl.when(~pl.col("stub")).then(written).otherwise(pl.coalesce("since_start", "since_year"))
    )
    told = (
        pl.when(is_year)
        .then(of_year)
        .when(pl.col("period_start").is_not_null())
        .then("since_start")
        .when(pl.col("stub"))
        .then(pl.lit(None, dtype=pl.Int8))
        .when(pl.col("sums"))
        .then(3 * pl.col("period").str.slice(1, 1).cast(pl.Int8, strict=False))
        .when(is_cash)
        .then(since_year)
        .otherwise(written)
    )
    return pl.when(kind == "balance").then(written).otherwise(told)
