"""Splits and dividends that a file tells: which can stand, which are new, which are taken back.

A row of bars that is set aside does not take its split or dividend with it. A split of 0, a
dividend or split that is empty say nothing. A split of 1 and a dividend of 0 say that there is
none: where the store, or an earlier row of the file, has one that a file told, they take it
back; everywhere else they say nothing new. What prices show is not taken back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from technic.data.ingest.actions import bars_around, doubts
from technic.data.ingest.told_actions import FILE, KEY, NONE, TOLD, is_none, stored_by_files
from technic.data.store import Store, StoreVersion
from technic.data.store.rows import dated_after
from technic.data.store.tickers import eras
from technic.errors import SchemaError
from technic.market.action_rules import (
    EVENT,
    REACH,
    JudgedActions,
    contradicted,
    judge_actions,
    steps_over,
)
from technic.market.schema import ACTIONS, conform
from technic.market.sessions import nyse

HINT = "; are the prices adjusted for splits? Then import them with --adjusted splits"


@dataclass(frozen=True, slots=True)
class FileActions:
    """What became of the splits and dividends of a file.

    Attributes
    ----------
    rows : of the actions table, to add
    bad : set aside, with `reason` and `seen`
    of_kept : how many of those stand in rows of bars that are good
    notes : a line for each that prices speak against or that is taken back
    """

    rows: pl.DataFrame
    bad: pl.DataFrame
    of_kept: int = 0
    notes: list[str] = field(default_factory=list)


def take_actions(
    store: Store,
    version: StoreVersion,
    told: pl.DataFrame,
    bars: pl.DataFrame,
    seen: datetime,
    *,
    as_traded: bool,
    label: str = FILE,
) -> FileActions:
    """Judge what a file tells of splits and dividends, and find what is new of it.

    Parameters
    ----------
    told : the columns of `TOLD`; perhaps `id` and `currency`, as `judge_actions` takes them, and
        `reason`: why an event was set aside already
    bars : rows of the bars table: what is good in the file
    seen : the instant from which what corrects the store counts
    as_traded : whether prices are; against adjusted ones no split is held
    label : the file, for the message

    Raises
    ------
    SchemaError
        If prices show none of most splits: they are adjusted for splits already.
    """
    none = is_none()
    owned = pl.col("security_id").is_not_null()
    if "reason" not in told.columns:
        told = told.with_columns(reason=pl.lit(None, dtype=pl.String))
    refused = told.filter(pl.col("reason").is_not_null())  # their symbol was set aside already
    told = told.filter(pl.col("reason").is_null()).drop("reason")
    nobodys, all_own = told.filter(~owned), told.filter(owned)
    closed = _on_closed_days(all_own)
    own = all_own.join(closed, on="date", how="anti")
    around = bars_around(store, version, own, bars)
    judged = judge_actions(own.filter(~none), around, as_traded=as_traded)
    if as_traded:
        refuse_adjusted(judged, label)
    back, shown, notes = _taken_back(store, version, own.filter(none), judged.good, around)
    if as_traded:
        late, more = _judged_late(store, version, back, bars)
        back, notes = pl.concat([back, late.select(back.columns)]), notes + more
    else:  # adjusted prices show no split, and speak against nothing
        back, shown = pl.concat([back, shown.select(back.columns)]), shown.clear()
    lost = [
        refused.filter(~none).select(*EVENT, "reason"),
        _unheld(nobodys.filter(~none), "without_bars"),
        _unheld(all_own.filter(~none).join(closed, on="date", how="semi"), "no_session"),
        shown,
    ]
    bad = pl.concat([judged.bad, *lost], how="diagonal")
    rows = _new(store, version, pl.concat([judged.good, back], how="diagonal"), seen)
    return FileActions(
        rows=rows,
        bad=bad,
        of_kept=_of_kept(bad, bars),
        notes=[*doubts(bad, HINT), *notes],
    )


def refuse_adjusted(judged: JudgedActions, label: str) -> None:
    """Refuse a file that lists splits which its prices no longer show.

    Raises
    ------
    SchemaError
        If that holds for two splits or more, and for most.
    """
    if judged.flat < 2 or 2 * judged.flat <= judged.judged:
        return
    first = judged.bad.filter(pl.col("reason") == "split_contradicted").row(0, named=True)
    raise SchemaError(
        f"{label}: prices show none of {judged.flat} of {judged.judged} splits "
        f"({first['symbol']} {first['value']:g} on {first['date']}): they are adjusted for splits "
        "already; nothing was imported. Import them with --adjusted splits, into a store of "
        "their own"
    )


def _on_closed_days(told: pl.DataFrame) -> pl.DataFrame:
    """The dates on which there was no session."""
    days = told.select(pl.col("date").unique().drop_nulls())
    return days.filter(pl.Series(nyse().ordinals(days["date"].to_numpy()) < 0, dtype=pl.Boolean))


def _unheld(rows: pl.DataFrame, reason: str) -> pl.DataFrame:
    return rows.select(*EVENT).with_columns(reason=pl.lit(reason))


def _of_kept(bad: pl.DataFrame, bars: pl.DataFrame) -> int:
    """How many events set aside stand in rows of good bars."""
    near = bars.filter(pl.col("security_id").is_in(bad["security_id"].unique().implode()))
    return bad.join(near, left_on=["security_id", "date"], right_on=KEY[:2], how="semi").height


def _taken_back(
    store: Store,
    version: StoreVersion,
    nones: pl.DataFrame,
    good: pl.DataFrame,
    bars: pl.DataFrame,
) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    """Rows that take an event back; those that would, but prices show it; and a line for each."""
    earlier = good.select(
        "security_id", "kind", "date", was="value", was_at="known_at", held=pl.lit(value=False)
    )
    stored = stored_by_files(store, version).select(
        "security_id",
        "kind",
        date="session",
        was="value",
        was_at="known_at",
        held=pl.lit(value=True),
    )
    key = ["security_id", "kind", "date"]
    known = pl.concat([stored, earlier]).unique(key, keep="first", maintain_order=True)
    claims = (
        nones.unique(key, keep="last", maintain_order=True)
        .join(known, on=key)
        .filter(pl.col("held") | (pl.col("known_at") > pl.col("was_at")))
        .join(steps_over(nones, bars), on=["security_id", "date"], how="left")
    )
    # Nearer to the split than to none: prices show it.
    shown = (pl.col("kind") == "split") & ~contradicted(pl.col("was"), pl.col("seen"))
    shown &= (pl.col("seen").log() - pl.col("was").log()).abs() < pl.col("seen").log().abs()
    judged = claims.with_columns(shown=shown.fill_null(value=False))
    back = judged.filter(~pl.col("shown"))
    refused = judged.filter("shown").with_columns(reason=pl.lit("split_shown"))
    notes = [
        f"{row['symbol']}: the {row['kind']} of {row['was']:g} on {row['date']} is taken back: "
        f"the file says {row['value']:g}"
        for row in back.iter_rows(named=True)
    ]
    return back.select(nones.columns), refused.select(*nones.columns, "reason", "seen"), notes


def _judged_late(
    store: Store, version: StoreVersion, back: pl.DataFrame, bars: pl.DataFrame
) -> tuple[pl.DataFrame, list[str]]:
    """Stored splits that the bars of this file show to be none: rows that take them back, and why.

    A split on the first row of a file is judged when the rows before it come.
    """
    spans = bars.group_by("security_id").agg(
        low=pl.col("session").min(), high=pl.col("session").max()
    )
    near = pl.duration(days=REACH)
    stored = (
        stored_by_files(store, version)
        .filter(pl.col("kind") == "split")
        .rename({"session": "date"})
        .join(spans, on="security_id")
        .filter(pl.col("low") <= pl.col("date") + near, pl.col("high") >= pl.col("date") - near)
        .join(back, on=["security_id", "date", "kind"], how="anti")
    )
    if stored.is_empty():
        return back.clear(), []
    names = eras(store.table("tickers", version).collect()).unique("security_id", keep="last")
    named = stored.join(names.select("security_id", "symbol"), on="security_id")
    events = conform(named.with_columns(assumed=pl.lit(value=False)), TOLD, "splits")
    judged = judge_actions(events.drop("known_at"), bars_around(store, version, events, bars))
    wrong = judged.bad.filter(pl.col("reason") == "split_contradicted")
    notes = [
        f"{row['symbol']}: the split of {row['value']:g} on {row['date']}, told before its night "
        f"was, is taken back: prices show {row['seen']:.3f}"
        for row in wrong.iter_rows(named=True)
    ]
    late = events.join(wrong, on=["security_id", "date", "kind"], how="semi")
    return late.with_columns(value=pl.lit(NONE["split"])), notes


def _new(store: Store, version: StoreVersion, events: pl.DataFrame, seen: datetime) -> pl.DataFrame:
    """Rows for the actions table: what no file has said before."""
    named = events.rename({"date": "session"}).with_columns(source=pl.lit(FILE))
    table = conform(named, ACTIONS, "actions")
    about = [*KEY, "value"]
    stored = store.table("actions", version).select(*about, "known_at").collect()
    new = table.join(stored, on=about, how="anti")
    return dated_after(new, stored, seen, *KEY)
