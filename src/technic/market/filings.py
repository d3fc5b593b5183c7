"""Which facts of filings can be believed, and over which stretch cash flows run.

Facts come here long: one row per number, with `symbol`, `form`, `period` (Q1 to Q3, FY),
`fiscal_year`, `period_end`, `item`, `months`, `value`, `filed` (a date) and `known_at`; perhaps
with `currency`, as the source has it. Nothing is repaired: what cannot be is set aside with a
reason.
"""

from __future__ import annotations

from typing import TypeVar

import polars as pl

from technic.market.filing_spans import month_of_end
from technic.market.items import ITEMS

Column = TypeVar("Column", pl.Expr, pl.Series)
FILING = ("symbol", "known_at", "form", "period_end", "period")
CASH_FLOWS = ("cash_flow_op", "cash_flow_inv", "cash_flow_fin")
MOST_PER_SHARE = 100_000.0  # USD; the dearest American share earned about 50,000 a year
FEWEST_SHARES = 20_000.0  # profit over earnings per share; nobody listed has fewer
# Shares and what profit and earnings per share say of them: so far apart, one is in other units.
# Of 37,697 real statements 0.6 % lie this far from their company's others.
SHARES_APART = 8.0
SLIPS = (10.0, 100.0)  # so many times apart a point has slipped, and nobody says in which number
SLIPPED = 1.18  # about: shares at the end of a period are not their mean over it
# A unit of counts says nothing of the amounts beside them.
PLAIN = ("ones", "one", "units", "unit", "shares", "pure", "actual", "1")
DOLLARS = ("", "usd", "$", "us$", "us dollar", "us dollars", "u.s. dollar", "u.s. dollars", "usd/shares")  # fmt: skip
CLOSES = 0.02  # of the larger cash balance: how far the change in cash may miss the flows


def months_of(item_kind: pl.Expr, cash_flow: pl.Expr, period: pl.Expr) -> pl.Expr:
    """The months a number covers, as quarterly reports are written.

    Parameters
    ----------
    item_kind : "flow" or "balance"
    cash_flow : whether it is a cash flow, which companies report since the start of their year
    period : Q1 to Q3, or FY

    Returns
    -------
    Expr
        Int8: 0 for balances; 12 for a year's report; of a quarter's 3 for income, and 3, 6 or 9
        for cash flows.
    """
    quarter = period.str.slice(1, 1).cast(pl.Int8, strict=False)
    return (
        pl.when(item_kind == "balance")
        .then(0)
        .when(period == "FY")
        .then(12)
        .when(cash_flow)
        .then(3 * quarter)
        .otherwise(3)
        .cast(pl.Int8)
    )


def examine_filings(
    facts: pl.DataFrame, *, labelled: bool = True
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Facts that can be believed, and the others with a `reason`.

    Whole filings are set aside for a fiscal year more than one off the year of its period; a
    period that ends after the night it was filed; a form that contradicts its period. Single
    facts for another currency; a stretch that is no number of quarters; two values in one night;
    earnings per share nobody has, or that contradict the profit; shares that both contradict; a
    part larger than its whole.

    Parameters
    ----------
    facts : one row per number, with the columns that the module names
    labelled : whether `period` and `fiscal_year` are of the fact, and not of the filing that
        repeats it

    Returns
    -------
    good, bad
        The rows of `facts` that can be believed, and the others with a column `reason`.
    """
    facts = facts.unique(maintain_order=True)
    verdicts = facts.with_columns(
        reason=pl.coalesce(*_of_filings(labelled=labelled), *_of_facts(facts.columns))
    )
    bad = verdicts.filter(pl.col("reason").is_not_null())
    good = verdicts.filter(pl.col("reason").is_null()).drop("reason")
    wide = _side_by_side(good)
    for reason, items, test in _contradictions(wide):
        filings = wide.filter(test).select(FILING).unique()
        wrong = good.filter(pl.col("item").is_in(items)).join(
            filings, on=list(FILING), how="semi", nulls_equal=True
        )
        bad = pl.concat([bad, wrong.with_columns(reason=pl.lit(reason))], how="diagonal")
        keys = [*FILING, "item"]
        good = good.join(wrong.select(keys), on=keys, how="anti", nulls_equal=True)
    return good, bad


def _side_by_side(facts: pl.DataFrame) -> pl.DataFrame:
    """The numbers of each filing as columns: a row per stretch, with the balances beside."""
    index = list(FILING)
    is_balance = pl.col("months") == 0
    balances = facts.filter(is_balance).pivot(
        "item", index=index, values="value", aggregate_function="first"
    )
    flows = facts.filter(~is_balance).pivot(
        "item", index=[*index, "months"], values="value", aggregate_function="first"
    )
    return flows.join(balances, on=index, how="full", coalesce=True, nulls_equal=True)


def _of_filings(*, labelled: bool) -> list[pl.Expr]:
    """Reasons to set a whole filing aside."""
    ends = _reason(pl.col("period_end") > pl.col("filed"), "period_after_filing")
    night = _reason(pl.col("known_at").is_null(), "night_unknown")
    if not labelled:
        return [night, ends]
    year = pl.col("period_end").dt.year()
    quarterly = pl.col("form").str.starts_with("10-Q")
    yearly = pl.col("form").str.starts_with("10-K")
    return [
        night,
        _reason(pl.col("period_end").is_null(), "period_unknown"),
        _reason((pl.col("fiscal_year") - year).abs() > 1, "fiscal_year_impossible"),
        ends,
        _reason(quarterly & (pl.col("period") == "FY"), "form_contradicts_period"),
        _reason(yearly & (pl.col("period") != "FY"), "form_contradicts_period"),
        _reason(~pl.col("period").is_in(["Q1", "Q2", "Q3", "Q4", "FY"]), "period_unknown"),
    ]


def _of_facts(columns: list[str]) -> list[pl.Expr]:
    """Reasons to set one fact aside, whatever else the filing says."""
    value = pl.col("value")
    foreign = pl.lit(value=False)
    if "currency" in columns:
        counts = [name for name, item in ITEMS.items() if item.unit == "count"]
        foreign = ~are_dollars(pl.col("currency")) & ~pl.col("item").is_in(counts)
    key = ["symbol", "known_at", "item", "period_end", "months"]
    ours = pl.when(~foreign).then(value).drop_nulls()
    positive = ("assets", "current_assets", "current_liabilities", "liabilities", "cash", "shares")
    return [
        _reason(foreign, "another_currency"),
        _reason(pl.col("months").is_null(), "length_unclear"),
        _reason(~value.is_finite(), "not_a_number"),
        _reason(ours.n_unique().over(key) > 1, "two_values_in_one_night"),
        _reason((pl.col("item") == "eps") & (value.abs() > MOST_PER_SHARE), "eps_impossible"),
        _reason(pl.col("item").is_in(positive) & (value < 0.0), "negative"),
        _reason((pl.col("item") == "shares") & (value < FEWEST_SHARES), "shares_impossible"),
        _reason((pl.col("item") == "assets") & (value <= 0.0), "negative"),
    ]


def are_dollars(currency: Column) -> Column:
    """Whether amounts in a currency are ours; where none is told they are."""
    return currency.str.strip_chars().str.to_lowercase().fill_null("").is_in([*DOLLARS, *PLAIN])


def _contradictions(wide: pl.DataFrame) -> list[tuple[str, list[str], pl.Expr]]:
    """Facts of one filing that cannot both be right: a reason, the items, where it holds."""
    contradictions = []
    if {"eps", "net_income"} <= set(wide.columns):
        shares = (pl.col("net_income") / pl.col("eps")).abs()
        few = (pl.col("eps") != 0.0) & (pl.col("net_income") != 0.0) & (shares < FEWEST_SHARES)
        contradictions.append(("profit_contradicts_eps", ["net_income", "eps"], few))
        if "shares" in wide.columns:
            apart = shares / pl.col("shares")
            known = (pl.col("eps") != 0.0) & (pl.col("net_income") != 0.0) & ~few
            slipped = pl.any_horizontal(
                apart.is_between(times / SLIPPED, times * SLIPPED) for times in SLIPS
            )
            any_of_them = (apart < 1.0 / SHARES_APART) | slipped
            contradictions += [
                ("shares_contradict_profit", ["shares"], known & (apart > SHARES_APART)),
                (
                    "shares_contradict_profit",
                    ["shares", "net_income", "eps"],
                    known & any_of_them,
                ),
            ]
    if {"eps", "eps_basic"} <= set(wide.columns):
        eps, basic = pl.col("eps").abs(), pl.col("eps_basic").abs()
        apart = (pl.max_horizontal(eps, basic) > 1.0) & (
            pl.max_horizontal(eps, basic) > 20.0 * pl.min_horizontal(eps, basic)
        )
        contradictions.append(("eps_contradicts_basic", ["eps", "eps_basic"], apart))
    for part in ("current_assets", "cash"):
        if {part, "assets"} <= set(wide.columns):
            larger = pl.col(part) > 1.001 * pl.col("assets")
            contradictions.append(("part_exceeds_whole", [part, "assets"], larger))
    return contradictions


def _reason(test: pl.Expr, name: str) -> pl.Expr:
    return pl.when(test).then(pl.lit(name))


def cash_flow_months(facts: pl.DataFrame) -> pl.DataFrame:
    """The facts, with `months` 3 where a filing's cash flows are of the quarter alone.

    Nothing in a flat file says which it is. The identity does: cash rises by the sum of the
    three flows. If that closes from the quarter before and not from the year before, the flows
    are the quarter's; wherever it cannot tell, they run since the start of the year, as the
    form prescribes. Only balances of earlier periods are looked at.

    1. `_flows_of_filings` adds up the three flows of each second and third quarter.
    2. `_with_cash` puts the cash of its end, of the quarter before and of the year before beside.
    3. `_of_one_quarter` says which filings close from the quarter before alone.

    Parameters
    ----------
    facts : `symbol`, `known_at`, `period`, `period_end`, `item`, `months`, `value`

    Returns
    -------
    DataFrame
        The rows of `facts` in their order, `months` as Int8.
    """
    flows = _with_cash(_flows_of_filings(facts), _cash_by_month(facts))
    quarterly = flows.filter(_of_one_quarter()).select(
        "symbol", "known_at", "period_end", quarterly=pl.lit(value=True)
    )
    keys = ["symbol", "known_at", "period_end"]
    return (
        facts.join(quarterly, on=keys, how="left", maintain_order="left")
        .with_columns(
            months=pl.when(pl.col("quarterly") & pl.col("item").is_in(CASH_FLOWS))
            .then(pl.lit(3, dtype=pl.Int8))
            .otherwise("months")
        )
        .drop("quarterly")
    )


def _flows_of_filings(facts: pl.DataFrame) -> pl.DataFrame:
    """The sum of the three cash flows of each later quarter, and the months that bound it."""
    quarter = pl.col("period").str.slice(1, 1).cast(pl.Int32)
    return (
        facts.filter(pl.col("item").is_in(CASH_FLOWS), pl.col("period").is_in(["Q2", "Q3"]))
        .group_by("symbol", "known_at", "period_end", "period")
        .agg(flows=pl.col("value").sum(), n=pl.col("item").n_unique())
        .filter(pl.col("n") == len(CASH_FLOWS))
        .with_columns(month=month_of_end(pl.col("period_end")))
        .with_columns(before=pl.col("month") - 3, start=pl.col("month") - 3 * quarter)
    )


def _cash_by_month(facts: pl.DataFrame) -> pl.DataFrame:
    """Cash at the end of each month, as the first filing gives it, and when that was known."""
    return (
        facts.filter(pl.col("item") == "cash")
        .with_columns(month=month_of_end(pl.col("period_end")))
        .sort("known_at")
        .unique(["symbol", "month"], keep="first", maintain_order=True)
        .select("symbol", "month", "known_at", "value")
    )


def _with_cash(flows: pl.DataFrame, cash: pl.DataFrame) -> pl.DataFrame:
    """The cash at each of the three months of a filing; null where it was not known by then."""
    for month, name in (("month", "now"), ("before", "then"), ("start", "first")):
        balances = cash.select(
            "symbol",
            pl.col("month").alias(month),
            pl.col("value").alias(name),
            pl.col("known_at").alias(f"{name}_at"),
        )
        was_known = pl.col(f"{name}_at") <= pl.col("known_at")
        flows = flows.join(balances, on=["symbol", month], how="left").with_columns(
            pl.when(was_known).then(name).alias(name)
        )
    return flows


def _of_one_quarter() -> pl.Expr:
    """Where the change in cash is the flows' from the quarter before, and not from the year before."""
    size = pl.max_horizontal("now", "then", pl.col("flows").abs())
    miss_quarter = (pl.col("now") - pl.col("then") - pl.col("flows")).abs()
    miss_year = (pl.col("now") - pl.col("first") - pl.col("flows")).abs()
    return (miss_quarter < CLOSES * size) & (miss_year.is_null() | (miss_year > 5.0 * miss_quarter))
