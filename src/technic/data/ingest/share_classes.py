"""Which facts per share, and which counts of shares, are those of a class.

Companies with several classes of shares tell earnings per share and a count of one of them, and
whoever sells the numbers puts them on all. Prices tell whose they are: what a share of one class
earns cannot be a hundred times the price of another.

1. `_families` groups the securities of a company: by its number at the SEC, its name, or the
   root of its symbols (BRK.A, BRK.B).
2. `_closes` gives the close of the night on which each fact became known.
3. A fact stays with the class at whose price it is plausible, if it is so at no other's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from technic.data.store.rows import newest_per
from technic.data.store.tickers import eras
from technic.market.items import ITEMS
from technic.market.listing_types import issuer_of

if TYPE_CHECKING:
    from technic.data.store import Store, StoreVersion

OF_A_CLASS = tuple(name for name, item in ITEMS.items() if item.unit in {"price", "count"})
NO_SHARES = ("preferred", "warrant", "unit", "right", "note")  # facts of the company are not theirs
# Written as a share or a class of it is; U, W and R are units, warrants and rights.
SHARE = r"^[A-Za-z]+([.\-/ ][A-QSTVX-Z])?$"
APART = 10.0  # times: prices of classes that may have the same facts lie closer
YIELD = (0.001, 2.0)  # earnings of a year over price, as they can be
WORTH = (0.01, 100.0)  # price of all shares over assets, equity or revenue
MOST_YIELD = 20.0  # times the price: earnings of a year that are another share's, whoever's
WORTH_A_LOOK = 20.0  # USD per share in a year


def of_their_class(
    store: Store, version: StoreVersion, facts: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The facts without those that are of another class of shares, and these with a `reason`.

    Parameters
    ----------
    facts : `security_id`, `item`, `months`, `value`, `period_end`, `filed`, `known_at`
    """
    families = _families(store, version)
    rows = facts.with_row_index("row").join(families, on="security_id", how="left")
    per_share = rows.filter(pl.col("item").is_in(list(OF_A_CLASS)))
    alone = per_share.filter(pl.col("type").is_in(list(NO_SHARES)))
    related = per_share.filter(pl.col("members") > 1, ~pl.col("row").is_in(alone["row"].implode()))
    a_year = pl.col("value").abs() * 12.0 / pl.col("months")
    dear = per_share.filter(pl.col("item") == "eps", a_year > WORTH_A_LOOK)
    chosen = pl.concat([related, dear]).unique("row")
    wrong = pl.concat([alone["row"], _elsewhere(store, version, chosen, rows, families)])
    reason = pl.lit("another_class")
    is_wrong = pl.col("row").is_in(wrong.implode())
    good = rows.filter(~is_wrong).select(facts.columns)
    return good, rows.filter(is_wrong).select(facts.columns).with_columns(reason=reason)


def _families(store: Store, version: StoreVersion) -> pl.DataFrame:
    """`security_id`, `family`, `type` and `members`, how many shares of one company there are."""
    named = (
        eras(store.table("tickers", version).collect())
        .sort("era")
        .group_by("security_id")
        .agg(pl.col("symbol").last())
    )
    about = newest_per(store.table("listings", version), "security_id").collect()
    table = named.join(
        about.select("security_id", "name", "type", "cik"), on="security_id", how="left"
    ).sort("security_id")
    issuers = [issuer_of(name, cik) for name, cik in table.select("name", "cik").iter_rows()]
    root = pl.col("symbol").str.replace(r"[.\-/ ].*$", "").alias("root")
    table = table.with_columns(root, family=pl.coalesce(pl.Series(issuers, dtype=pl.String), root))
    # A class that nobody listed belongs to the company whose other symbols begin alike.
    listed = (
        table.filter(pl.col("family") != pl.col("root"))
        .group_by("root")
        .agg(pl.col("family").first().alias("alike"))
    )
    table = table.join(listed, on="root", how="left").with_columns(
        family=pl.when(pl.col("family") == pl.col("root"))
        .then(pl.coalesce("alike", "family"))
        .otherwise("family")
    )
    told_otherwise = pl.col("type").is_in(list(NO_SHARES)).fill_null(value=False)
    is_share = pl.col("symbol").str.contains(SHARE) & ~told_otherwise
    return table.select("security_id", "family", "type", is_share=is_share).with_columns(
        members=pl.col("is_share").sum().over("family")
    )


def _elsewhere(
    store: Store,
    version: StoreVersion,
    chosen: pl.DataFrame,
    rows: pl.DataFrame,
    families: pl.DataFrame,
) -> pl.Series:
    """The `row` of each chosen fact that is implausible where it stands, or as plausible elsewhere."""
    if chosen.is_empty():
        return pl.Series("row", dtype=pl.UInt32)
    classes = families.filter("is_share").select("family", other="security_id")
    pairs = chosen.join(classes, on="family").join(_sizes(rows), on=["security_id", "known_at", "period_end"], how="left")  # fmt: skip
    closes = _closes(store, version, pairs.select("other", "filed").unique())
    pairs = pairs.join(closes, on=["other", "filed"], how="left").with_columns(fits=_fits())
    own = pairs.filter(pl.col("other") == pl.col("security_id")).select(
        "row", own="close", own_fits="fits"
    )
    others = pairs.filter(pl.col("other") != pl.col("security_id")).join(own, on="row")
    ratio = pl.col("close") / pl.col("own")
    apart = others.filter((ratio > APART) | (ratio < 1.0 / APART))
    told = rows.select(
        "known_at", "item", "period_end", "months", other="security_id", told="value"
    )
    apart = apart.join(
        told, on=["other", "known_at", "item", "period_end", "months"], how="left"
    ).with_columns(same=pl.col("told").is_null() | (pl.col("told") == pl.col("value")))
    twice = apart.filter(pl.col("same") & pl.col("fits").fill_null(value=True))["row"]
    misfits = apart.filter(~pl.col("own_fits").fill_null(value=False))["row"]
    a_year = pl.col("value").abs() * 12.0 / pl.col("months")
    absurd = pairs.filter(
        pl.col("other") == pl.col("security_id"),
        pl.col("item") == "eps",
        a_year > MOST_YIELD * pl.col("close"),
    )["row"]
    return pl.concat([twice, misfits, absurd]).unique()


def _sizes(rows: pl.DataFrame) -> pl.DataFrame:
    """What a company earned in a year, and how large it is, as each of its filings says; USD."""
    a_year = pl.col("value").abs() * 12.0 / pl.col("months")
    large = pl.col("item").is_in(["assets", "equity", "revenue"])
    return rows.group_by("security_id", "known_at", "period_end").agg(
        earned=a_year.filter(pl.col("item") == "net_income").max(),
        size=pl.col("value").filter(large).max(),
    )


def _fits() -> pl.Expr:
    """Whether a fact can be that of a share at a price; null where nothing says."""
    a_year = pl.col("value").abs() * 12.0 / pl.col("months")
    worth = pl.col("value") * pl.col("close")
    return (
        pl.when(pl.col("item") == "eps")
        .then((a_year / pl.col("close")).is_between(*YIELD))
        .when(pl.col("item") == "dividend_per_share")
        .then(a_year / pl.col("close") <= YIELD[1])
        .when(pl.col("earned") > 0.0)
        .then((pl.col("earned") / worth).is_between(*YIELD))
        .when(pl.col("size") > 0.0)
        .then((worth / pl.col("size")).is_between(*WORTH))
    )


def _closes(store: Store, version: StoreVersion, asked: pl.DataFrame) -> pl.DataFrame:
    """The close of the last session until a day, or of the first after it.

    Parameters
    ----------
    asked : `other`, a security, and `filed`, a day
    """
    bars = (
        store.table("bars", version)
        .filter(pl.col("security_id").is_in(asked["other"].unique().implode()))
        .sort("known_at")
        .group_by(other="security_id", filed="session")
        .agg(pl.col("close").last())
        .collect()
        .sort("filed")
    )
    asked = asked.sort("filed")
    before = asked.join_asof(bars, on="filed", by="other", check_sortedness=False)
    after = asked.join_asof(
        bars, on="filed", by="other", strategy="forward", check_sortedness=False
    )
    return before.with_columns(close=pl.coalesce("close", after["close"]))
