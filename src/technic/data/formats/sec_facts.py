"""Numbers that companies tagged for the SEC, as facts: one rule book, whichever way they come.

1. A tag is one of our items, or nothing; of several for one item the most specific counts, per
   filing and stretch.
2. Amounts are in USD, counts in shares; whatever is in another unit is not used.
3. A flow covers a number of quarters, told by its days, or it is not used.
4. Shares on a cover count for the period that the filing reports. Of two counts for one period
   the later counted wins, whenever it was filed: an amendment repeats the old cover.

References
----------
https://www.sec.gov/search-filings/edgar-application-programming-interfaces and
https://www.sec.gov/data-research/sec-markets-data/financial-statement-data-sets
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from technic.market.filing_spans import even_end, is_even, months_in
from technic.market.items import BALANCE, ITEMS

FIRST_FORMS = ("10-K", "10-Q", "20-F", "40-F", "10-KT", "10-QT")
FORMS = (*FIRST_FORMS, *(f"{form}/A" for form in FIRST_FORMS))
UNITS = {"money": ("USD",), "price": ("USD", "USD/shares"), "count": ("shares",)}
COVER = "EntityCommonStockSharesOutstanding"  # counted on the cover, weeks after the period
YEAR = 12  # months
TAGS = pl.DataFrame(
    [
        (tag, item.name, item.kind == BALANCE, item.unit, rank)
        for item in ITEMS.values()
        for rank, tag in enumerate(item.tags)
    ],
    schema={"tag": pl.String, "item": pl.String, "balance": pl.Boolean, "kind": pl.String, "rank": pl.Int8},
    orient="row",
)  # fmt: skip
ENTRIES = {  # one row per number, as it was tagged
    "cik": pl.String(),  # ten digits
    "accession": pl.String(),
    "form": pl.String(),
    "fp": pl.String(),  # Q1 to Q3, FY: of the filing
    "filed": pl.Date(),
    "tag": pl.String(),
    "unit": pl.String(),
    "end": pl.Date(),
    "months": pl.Int8(),  # 0 on a day; null if it is no number of quarters
    "calendar_end": pl.Date(),  # on a calendar of even quarters; null where `end` says it
    "value": pl.Float64(),
}
SEC_FACTS = {
    "symbol": pl.String(),  # null: a company may have several
    "cik": pl.String(),
    "period": pl.String(),
    "fiscal_year": pl.Int64(),
    "period_end": pl.Date(),
    "filed": pl.Date(),
    "item": pl.String(),
    "months": pl.Int8(),
    "value": pl.Float64(),
    "form": pl.String(),
    "accession": pl.String(),
    "calendar_end": pl.Date(),
}


@dataclass(frozen=True, slots=True)
class SecFacts:
    """Facts of companies, and what was not used.

    Attributes
    ----------
    table : `SEC_FACTS`
    left_out : how many numbers were not used, by the reason in words
    numbers : how many there were
    companies : how many companies they are of
    """

    table: pl.DataFrame
    left_out: dict[str, int] = field(default_factory=dict)
    numbers: int = 0
    companies: int = 0


def spans_of(entries: pl.DataFrame) -> pl.DataFrame:
    """The entries with `months` and `calendar_end`, as their `start` and `end` say.

    The longest stretch of a filing that ends on a day runs since the start of the fiscal year,
    and says for all numbers of that day where it lies on a calendar of even quarters.
    """
    start, end = pl.col("start"), pl.col("end")
    months = months_in((end - start).dt.total_days() + 1)
    table = entries.with_columns(
        months=pl.when(start.is_null()).then(pl.lit(0, dtype=pl.Int8)).otherwise(months)
    )
    even = pl.when(is_even(start, end, pl.col("months")).fill_null(value=True)).then("months")
    table = table.with_columns(months=even, stray=even_end(start, end, pl.col("months")))
    longest = pl.col("months") == pl.col("months").max().over("accession", "end")
    stray = pl.col("stray").filter(longest).first().over("accession", "end")
    return table.with_columns(calendar_end=stray).drop("start", "stray")


def facts_of(entries: pl.DataFrame) -> SecFacts:
    """Facts that technic reads, of numbers as they were tagged.

    Parameters
    ----------
    entries : `ENTRIES`
    """
    tagged = entries.join(TAGS, on="tag", maintain_order="left").with_columns(why=_why_not())
    left_out = dict(tagged.drop_nulls("why").group_by("why").len().sort("why").iter_rows())
    used = tagged.filter(pl.col("why").is_null())
    counted = _counts_by_period(used.filter(pl.col("tag") == COVER), _reported(used))
    rows = pl.concat([used.filter(pl.col("tag") != COVER), counted], how="diagonal")
    newest = _newest_counts(rows)
    once = newest.sort("rank", maintain_order=True).unique(
        ["cik", "item", "end", "months", "accession"], keep="first", maintain_order=True
    )
    left_out["told twice, or a count that a later one replaces"] = used.height - once.height
    value = pl.when(pl.col("item") == "capex").then(-pl.col("value").abs()).otherwise("value")
    table = once.select(
        symbol=pl.lit(None, dtype=pl.String),
        cik="cik",
        period=pl.when(pl.col("months") == YEAR).then(pl.lit("FY")).otherwise("fp"),
        fiscal_year=pl.col("end").dt.year().cast(pl.Int64),
        period_end="end",
        filed="filed",
        item="item",
        months="months",
        value=value,
        form="form",
        accession="accession",
        calendar_end="calendar_end",
    )
    counts = {why: n for why, n in left_out.items() if n}
    return SecFacts(table, counts, entries.height, entries["cik"].n_unique())


def _why_not() -> pl.Expr:
    """Why a number is not used, in words; null where it is."""
    in_our_unit = pl.lit(value=False)
    for kind, units in UNITS.items():
        in_our_unit = in_our_unit | ((pl.col("kind") == kind) & pl.col("unit").is_in(list(units)))
    told = pl.all_horizontal(pl.col("value", "end", "filed", "accession").is_not_null())
    of_its_kind = pl.col("balance") == (pl.col("months") == 0)
    reasons = (
        (~told, "without a value or a date"),
        (~pl.col("form").is_in(list(FORMS)).fill_null(value=False), "of another form"),
        (~in_our_unit.fill_null(value=False), "in another currency or unit"),
        (~of_its_kind.fill_null(value=False), "over a stretch that is no number of quarters"),
    )
    return pl.coalesce(pl.when(test).then(pl.lit(why)) for test, why in reasons)


def _reported(used: pl.DataFrame) -> pl.DataFrame:
    """The newest period that each filing reports: `cik`, `accession`, `filed`, `reported`, `even`."""
    own = used.filter(pl.col("tag") != COVER, pl.col("end") <= pl.col("filed"))
    return (
        own.group_by("cik", "accession", "filed")
        .agg(
            reported=pl.col("end").max(),
            even=pl.col("calendar_end").sort_by("end").last(),
        )
        .sort("filed", "reported")
    )


def _counts_by_period(counts: pl.DataFrame, reported: pl.DataFrame) -> pl.DataFrame:
    """Counts on covers with the period that they are for as `end`, and their own day as `counted`.

    A filing that reports no numbers counts for the newest period that was reported by then.
    """
    own = counts.join(reported.drop("filed"), on=["cik", "accession"], how="left")
    alone = own.filter(pl.col("reported").is_null()).drop("reported", "even").sort("filed")
    newest = reported.with_columns(
        pl.col("reported").cum_max().over("cik"),
        even=pl.col("even").sort_by("reported").last().over("cik", "reported"),
    ).drop("accession")
    late = alone.join_asof(newest, on="filed", by="cik", check_sortedness=False)
    both = pl.concat([own.drop_nulls("reported"), late.drop_nulls("reported")])
    return both.with_columns(counted="end", end="reported", calendar_end="even").drop(
        "reported", "even"
    )


def _newest_counts(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows without counts of shares older than one of the same period that was known before."""
    if "counted" not in rows.columns:
        rows = rows.with_columns(counted=pl.lit(None, dtype=pl.Date))
    is_count = pl.col("item") == "shares"
    counts = rows.filter(is_count).with_columns(pl.coalesce("counted", "end").alias("counted"))
    newest = pl.col("counted").cum_max().over("cik", "end")
    kept = counts.sort("filed", "accession", "counted", descending=[False, False, True]).filter(
        pl.col("counted") >= newest
    )
    return pl.concat([rows.filter(~is_count), kept], how="diagonal")
