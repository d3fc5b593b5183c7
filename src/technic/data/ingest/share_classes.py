"""Which facts per share, and which counts of shares, are those of a class.

Companies with several classes of shares tell earnings per share and a count of one of them, and
whoever sells the numbers puts them on all. Prices tell whose they are.

1. `_families` groups the securities of a company: by its number at the SEC, its name, or the
   root of its symbols (BRK.A, BRK.B). Preferred shares, warrants and the like have no such facts.
2. `_closes` gives the close of the night on which each fact became known.
3. A fact that is told alike for classes whose prices lie far apart stays with the one at whose
   price it is plausible; with none if that is so for several.
4. Nobody's share earns twenty times its price in a year: that is another class's, whoever it is.
   Losses may: prices fall faster than books.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, cast

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
SHARE = r"^[A-Z0-9]+([.\-/ ][A-QSTVX-Z])?$"
APART = 10.0  # times: prices of classes that may have the same facts lie closer
YIELD = (0.001, 2.0)  # earnings of a year over price, as they can be
WORTH = (0.01, 100.0)  # price of all shares over assets, equity or revenue
MOST_YIELD = 20.0  # times the price: earnings of a year that are another share's
WORTH_A_LOOK = 1.0  # USD a share in a year: below it, only shares of cents are in doubt
NEAR = timedelta(days=400)  # of a fact's night lies the close that it is held against


def of_their_class(
    store: Store, version: StoreVersion, facts: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The facts without those that are of another class of shares, and these with a `reason`.

    Parameters
    ----------
    facts : `security_id`, `item`, `months`, `value`, `period_end`, `filed`, `known_at`
    """
    families = _families(store, version)
    rows = facts.with_row_index("row").join(
        families, on="security_id", how="left", maintain_order="left"
    )
    per_share = rows.filter(pl.col("item").is_in(list(OF_A_CLASS)), pl.col("value") != 0.0)
    alone = rows.filter(pl.col("item").is_in(list(OF_A_CLASS)), _is_no_share())["row"]
    chosen = per_share.filter(~pl.col("row").is_in(alone.implode())).join(
        _sizes(rows), on=["security_id", "known_at", "period_end"], how="left"
    )
    wrong = pl.concat([alone, _elsewhere(store, version, chosen, families)])
    is_wrong = pl.col("row").is_in(wrong.implode())
    good = rows.filter(~is_wrong).select(facts.columns)
    reason = pl.lit("another_class")
    return good, rows.filter(is_wrong).select(facts.columns).with_columns(reason=reason)


def _is_no_share() -> pl.Expr:
    """Where a security is known to be none, or written like none beside its company's shares."""
    told = pl.col("type").is_in(list(NO_SHARES))
    # Unit Corporation and CVR Energy are shares, whatever their names sound like.
    by_name = pl.col("type").is_in(["unit", "right"])
    written = ~pl.col("is_share") & pl.col("type").is_null()
    beside = pl.col("members") > 0
    return (told & (beside | ~by_name)).fill_null(value=False) | (written & beside)


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
    root = pl.col("symbol").str.replace(r"(p|[.\-/ ]).*$", "").alias("root")
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
        members=pl.col("is_share").cast(pl.Int64).sum().over("family")
    )


def _elsewhere(
    store: Store, version: StoreVersion, chosen: pl.DataFrame, families: pl.DataFrame
) -> pl.Series:
    """The `row` of each chosen fact that cannot be of the class on which it was put."""
    classes = families.filter("is_share").select("family", other="security_id")
    same = ["known_at", "item", "period_end", "months", "value"]
    told = chosen.select(*same, other="security_id", other_row="row")
    related = chosen.filter(pl.col("members") > 1).join(classes, on="family").join(
        told, on=["other", *same]
    )  # fmt: skip
    own = chosen.filter(pl.col("row").is_in(related["row"].implode()) | _may_be_absurd())
    own = own.with_columns(other="security_id", other_row="row")
    columns = own.columns
    pairs = pl.concat([related.select(columns), own]).unique(["row", "other"])
    closes = _closes(store, version, pairs.select("other", "filed").unique())
    pairs = pairs.join(closes, on=["other", "filed"], how="left").with_columns(fits=_fits())
    mine = pairs.filter(pl.col("other") == pl.col("security_id"))
    absurd = mine.filter(_yield() > MOST_YIELD)["row"]
    beside = mine.select("row", own="close", own_fits=pl.col("fits").fill_null(value=False))
    others = pairs.filter(pl.col("other") != pl.col("security_id")).join(beside, on="row")
    ratio = pl.col("close") / pl.col("own")
    apart = others.filter((ratio > APART) | (ratio < 1.0 / APART))
    elsewhere = apart.filter(~pl.col("own_fits") | pl.col("fits").fill_null(value=True))["row"]
    return pl.concat([absurd, elsewhere]).unique()


def _may_be_absurd() -> pl.Expr:
    """Facts that say something of earnings, which a price can contradict."""
    a_year = pl.col("value") * 12.0 / pl.col("months")
    profit = (pl.col("item") == "shares") & (pl.col("earned") > WORTH_A_LOOK * pl.col("value"))
    return ((pl.col("item") == "eps") & (a_year > WORTH_A_LOOK)) | profit.fill_null(value=False)


def _yield() -> pl.Expr:
    """What a share earns in a year over its price, as its own profit or its company's says."""
    a_year = pl.col("value") * 12.0 / pl.col("months")
    of_all = pl.col("earned") / (pl.col("value") * pl.col("close"))
    return (
        pl.when(pl.col("item") == "eps")
        .then(a_year / pl.col("close"))
        .when(pl.col("item") == "shares")
        .then(of_all)
    )


def _sizes(rows: pl.DataFrame) -> pl.DataFrame:
    """What a company earned in a year, and how large it is, as each of its filings says; USD."""
    a_year = pl.col("value") * 12.0 / pl.col("months")
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
        .when(pl.col("earned") != 0.0)
        .then((pl.col("earned").abs() / worth).is_between(*YIELD))
        .when(pl.col("size") > 0.0)
        .then((worth / pl.col("size")).is_between(*WORTH))
    )


def _closes(store: Store, version: StoreVersion, asked: pl.DataFrame) -> pl.DataFrame:
    """A close of the last session until a day, or else of the first after it; null if none is near.

    Parameters
    ----------
    asked : `other`, a security, and `filed`, a day
    """
    if asked.is_empty():
        return asked.with_columns(close=pl.lit(None, dtype=pl.Float64))
    first, last = cast("date", asked["filed"].min()), cast("date", asked["filed"].max())
    bars = (
        store.table("bars", version)
        .filter(
            pl.col("session").is_between(first - NEAR, last + NEAR),
            pl.col("security_id").is_in(asked["other"].unique().implode()),
        )
        .group_by(other="security_id", filed="session")
        .agg(pl.col("close").max())  # revisions of a close are near enough to each other
        .collect()
        .sort("filed")
    )
    asked = asked.sort("filed")
    near = partial(
        asked.join_asof, bars, on="filed", by="other", tolerance=NEAR, check_sortedness=False
    )
    before, after = near(strategy="backward"), near(strategy="forward")
    return before.with_columns(close=pl.coalesce("close", after["close"]))
