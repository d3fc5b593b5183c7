"""Splits and dividends that a file tells: which can stand, which are new, which are taken back.

A row of bars that is set aside does not take its split or dividend with it; one of a symbol that
has no bar yet waits for it. A split of 0, a dividend or split that is empty say nothing. A split
of 1 and a dividend of 0 say that there is none: where the store, or an earlier row of the file,
has one that a file told, they take it back; everywhere else they say nothing new. What prices
show is not taken back. Of two words on one split the better one counts: see `words`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

import polars as pl

from technic.data.ingest.actions import bars_around, doubts, told_elsewhere
from technic.data.ingest.told_actions import (
    ABOUT,
    FILE,
    KEY,
    TOLD,
    is_none,
    new_waiting,
    standing,
    stored_words,
    waiting_words,
)
from technic.data.ingest.words import better_words, judged_late, new_rows, taken_back
from technic.data.store import Store, StoreVersion
from technic.errors import SchemaError
from technic.market.action_rules import EVENT, JudgedActions, judge_actions
from technic.market.quality import closed_days
from technic.market.sessions import nyse

HINT = "; are the prices adjusted for splits? Then import them with --adjusted splits"


@dataclass(frozen=True, slots=True)
class FileActions:
    """What became of the splits and dividends of a file.

    Attributes
    ----------
    rows : of the actions table, to add
    bad : set aside, with `reason` and `seen`
    waiting : rows of the waiting table, to add: of symbols that have no bar yet; also in `bad`
    of_kept : how many of those in `bad` stand in rows of bars that are good
    notes : a line for each that prices speak against or that is taken back
    """

    rows: pl.DataFrame
    bad: pl.DataFrame
    waiting: pl.DataFrame
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
    nobodys, all_own = told.filter(~owned & ~none), told.filter(owned)
    early = all_own.filter(pl.col("date") < nyse().first)
    closed = closed_days(all_own["date"]).to_frame()
    own = all_own.join(closed, on="date", how="anti").join(early, on="date", how="anti")
    lost = [
        refused.filter(~none).select(*EVENT, "reason"),
        _unheld(nobodys, "without_bars"),
        _unheld(all_own.filter(~none).join(closed, on="date", how="semi"), "no_session"),
        _unheld(early.filter(~none), "before_calendar"),
    ]
    counted = _counted(store, version, own, bars, seen, as_traded=as_traded, label=label)
    bad = pl.concat([counted.bad, *lost], how="diagonal")
    return FileActions(
        rows=counted.rows,
        bad=bad,
        waiting=new_waiting(store, version, nobodys),
        of_kept=_of_kept(bad.join(waiting_words(own), on=ABOUT, how="anti"), bars),
        notes=[*doubts(bad, HINT), *counted.notes],
    )


@dataclass(frozen=True, slots=True)
class _Counted:
    """Rows of the actions table to add; rows set aside; a line for each that is taken back."""

    rows: pl.DataFrame
    bad: pl.DataFrame
    notes: list[str]


def _counted(
    store: Store,
    version: StoreVersion,
    own: pl.DataFrame,
    bars: pl.DataFrame,
    seen: datetime,
    *,
    as_traded: bool,
    label: str,
) -> _Counted:
    """Of events of known securities, on sessions, what counts from now on."""
    none = is_none()
    around = bars_around(store, version, own, bars)
    judged = judge_actions(own.filter(~none), around, as_traded=as_traded)
    words = stored_words(store, version)
    before = pl.concat([words, waiting_words(own)])
    back = taken_back(before, own.filter(none).select(list(TOLD)), judged.good, around)
    again = told_elsewhere(judged.good, standing(words).join(back.rows, on=ABOUT, how="anti"))
    good = judged.good.join(again.select(*ABOUT, "known_at"), on=[*ABOUT, "known_at"], how="anti")
    judged = replace(judged, good=good, bad=pl.concat([judged.bad, again], how="diagonal"))
    if not as_traded:  # adjusted prices show no split, and speak against nothing
        events = pl.concat(
            [judged.good.select(list(TOLD)), back.rows, back.shown.select(list(TOLD))]
        )
        nothing = events.clear()
        rows = new_rows(words, events, nothing, nothing, seen)
        return _Counted(rows, judged.bad, back.notes)
    refuse_adjusted(judged, label)
    kept, worse = better_words(words, back.rows, judged.good, around)
    settled = pl.concat([part.select("security_id", "kind", "date") for part in (kept, back.rows)])
    late, notes = judged_late(store, version, words, settled, bars)
    again = kept.filter("again").select(list(TOLD))
    events = pl.concat([kept.filter(~pl.col("again")).select(list(TOLD)), back.rows])
    bad = pl.concat([judged.bad, worse, back.shown], how="diagonal")
    return _Counted(new_rows(words, events, again, late, seen), bad, back.notes + notes)


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


def _unheld(rows: pl.DataFrame, reason: str) -> pl.DataFrame:
    return rows.select(*EVENT).with_columns(reason=pl.lit(reason))


def _of_kept(bad: pl.DataFrame, bars: pl.DataFrame) -> int:
    """How many events set aside stand in rows of good bars."""
    near = bars.filter(pl.col("security_id").is_in(bad["security_id"].unique().implode()))
    return bad.join(near, left_on=["security_id", "date"], right_on=KEY[:2], how="semi").height
