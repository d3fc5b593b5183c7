"""Several words on one split or dividend: which one counts.

Of two words on a split the one that agrees better with its night counts, whichever came last;
where prices show nothing, and for dividends, the one that became known last. A word that there is
none ends all words before it. Order is that of instants: rows of a file may stand in any.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from technic.data.ingest.actions import bars_around
from technic.data.ingest.told_actions import ABOUT, FILE, NONE, TOLD, is_none
from technic.data.store import Store, StoreVersion
from technic.data.store.rows import right_after
from technic.data.store.tickers import eras
from technic.market.action_rules import HOLE, REACH, SAME_SPLIT, contradicted, shown_by, steps_over
from technic.market.schema import ACTIONS, conform

NIGHT = ["security_id", "date"]
NO_BETTER = 1e-9  # two misses of a night that differ by less are one


@dataclass(frozen=True, slots=True)
class TakenBack:
    """Words that there is no such split or dividend.

    Attributes
    ----------
    rows : those that take an event back
    shown : those that would, but prices show it; with `reason` and `seen`
    notes : a line for each of `rows`
    """

    rows: pl.DataFrame
    shown: pl.DataFrame
    notes: list[str]


def taken_back(
    words: pl.DataFrame, nones: pl.DataFrame, good: pl.DataFrame, bars: pl.DataFrame
) -> TakenBack:
    """What becomes of the words of a file that there is none.

    One counts if the last word before it was that there is one: of what files told, by the
    instants that rows state; one without an instant of its own comes after all that is stored.

    Parameters
    ----------
    words : as `stored_words` gives them
    nones, good : rows of `TOLD`; what the file says of events, those that can stand
    bars : around the events, as `bars_around` gives them
    """
    columns = [*ABOUT, "value", "known_at"]
    ours = words.filter(pl.col("source") == FILE)
    nones = nones.unique([*ABOUT, "known_at"], maintain_order=True)
    every = pl.concat([ours.select(columns), good.select(columns), nones.select(columns)])
    before = pl.col("known_at") < pl.col("at")
    said = every.rename({"value": "was"}).join(
        nones.select(*ABOUT, at="known_at", assumed="assumed"), on=ABOUT
    )
    newest = ours.group_by(ABOUT, maintain_order=True).agg(was=pl.col("value").last())
    stated = (
        said.filter(before, ~pl.col("assumed"))
        .sort("known_at", maintain_order=True)
        .group_by([*ABOUT, "at"], maintain_order=True)
        .agg(pl.col("was").last())
    )
    claims = pl.concat(
        [
            nones.filter("assumed").join(newest, on=ABOUT),
            nones.filter(~pl.col("assumed")).join(
                stated, left_on=[*ABOUT, "known_at"], right_on=[*ABOUT, "at"]
            ),
        ]
    ).filter(pl.col("was") != pl.col("value"))
    judged = _held_against(claims, bars)
    refused = judged.filter("shown").with_columns(reason=pl.lit("split_shown"))
    back = judged.filter(~pl.col("shown")).sort("symbol", "date", "kind", "known_at")
    notes = [
        f"{row['symbol']}: the {row['kind']} of {row['was']:g} on {row['date']} is taken back: "
        f"the file says {row['value']:g}"
        for row in back.iter_rows(named=True)
    ]
    return TakenBack(
        back.select(nones.columns), refused.select(*nones.columns, "reason", "seen"), notes
    )


def _held_against(claims: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """Claims that there is no such event, with `seen` and whether prices have `shown` it."""
    table = claims.join(steps_over(claims, bars), on=NIGHT, how="left")
    # Nearer to the split than to none: prices show it.
    shown = (pl.col("kind") == "split") & ~contradicted(pl.col("was"), pl.col("seen"))
    shown &= (pl.col("seen").log() - pl.col("was").log()).abs() < pl.col("seen").log().abs()
    return table.with_columns(shown=shown.fill_null(value=False))


def better_words(
    words: pl.DataFrame, back: pl.DataFrame, good: pl.DataFrame, bars: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Splits of a file that no better word overrules; and the others, with a reason.

    Parameters
    ----------
    words, bars : as in `taken_back`
    back : the words of the file that take something back
    good : splits and dividends that can stand

    Returns
    -------
    tuple
        `good` with `again`: whether it overrules what is stored, though it is no newer; and rows
        with `reason` and `seen`.
    """
    splits = good.filter(pl.col("kind") == "split")
    columns = [*ABOUT, "value", "known_at"]
    every = pl.concat([words.select(columns), splits.select(columns)])
    ends = pl.concat([words.filter(is_none()).select(columns), back.select(columns)])
    rows = splits.select(*columns, "assumed").join(steps_over(splits, bars), on=NIGHT)
    rows = rows.with_columns(miss=_miss("value")).drop_nulls("miss")
    pairs = rows.join(
        every.filter(~is_none()).rename({"value": "other", "known_at": "other_at"}), on=ABOUT
    )
    ended = pairs.join(ends.select(*ABOUT, end="known_at"), on=ABOUT).filter(
        pl.col("end") >= pl.col("other_at"),
        pl.col("assumed") | (pl.col("end") <= pl.col("known_at")),
    )
    row = [*ABOUT, "known_at"]
    pairs = pairs.join(ended, on=[*row, "other", "other_at"], how="anti").filter(
        (pl.col("value") / pl.col("other") - 1.0).abs() > SAME_SPLIT
    )
    lost = _miss("other") < pl.col("miss") - NO_BETTER
    earlier = pl.col("assumed") | (pl.col("other_at") <= pl.col("known_at"))
    worse = pairs.filter(lost, earlier).unique(row).select(*row, "seen")
    wins = pairs.filter(_miss("other") > pl.col("miss") + NO_BETTER).select(*row, "other_at")
    newest = words.group_by(ABOUT).agg(other_at=pl.col("known_at").max())
    again = wins.join(newest, on=[*ABOUT, "other_at"], how="semi").unique(row)
    kept = good.join(worse, on=row, how="anti").join(
        again.select(*row, again=pl.lit(value=True)), on=row, how="left"
    )
    return kept.with_columns(pl.col("again").fill_null(value=False)), good.join(
        worse, on=row
    ).with_columns(reason=pl.lit("split_overruled"))


def judged_late(
    store: Store,
    version: StoreVersion,
    words: pl.DataFrame,
    settled: pl.DataFrame,
    bars: pl.DataFrame,
) -> tuple[pl.DataFrame, list[str]]:
    """Stored splits of files that the bars of this one speak against: rows to add, and why.

    A split on the first row of a file is judged when the rows before it come: it is taken back,
    or overruled by an older word that agrees better. That counts from when the bars were known
    that show it: whoever had them then would not have believed the word.

    Parameters
    ----------
    words : as `stored_words` gives them
    settled : events of the file, whose nights were judged with them
    bars : rows of the bars table: what is good in the file

    Returns
    -------
    tuple
        Rows of `TOLD`, and lines.
    """
    spans = bars.group_by("security_id").agg(
        low=pl.col("session").min(), high=pl.col("session").max()
    )
    live = (
        _live(words.filter(pl.col("kind") == "split"))
        .join(spans, on="security_id")
        .join(_beginnings(store, version), on="security_id", how="left")
        .filter(_touched())
        .join(settled, on=ABOUT, how="anti")
    )
    if live.is_empty():
        return pl.DataFrame(schema=TOLD), []
    around = steps_over(live, bars_around(store, version, live, bars)).with_columns(**shown_by())
    table = live.join(around, on=NIGHT).with_columns(
        miss=_miss("value"), wrong=contradicted(pl.col("value"), pl.col("seen"), pl.col("slack"))
    )
    seen = table.drop_nulls("miss").sort("wrong", "miss", maintain_order=True)
    best = seen.group_by(ABOUT, maintain_order=True).agg(
        pl.col("value", "wrong", "seen").first(),
        now=pl.col("value").sort_by("known_at").last(),
        known_at=pl.col("known_at").max(),
    )
    changed = best.filter(
        pl.col("wrong") | ((pl.col("value") / pl.col("now") - 1.0).abs() > SAME_SPLIT)
    )
    names = eras(store.table("tickers", version).collect()).unique("security_id", keep="last")
    named = changed.join(names.select("security_id", "symbol"), on="security_id")
    shown_at = named.join(_shown_at(named, bars), on=NIGHT, how="left")
    rows = shown_at.with_columns(
        value=pl.when("wrong").then(pl.lit(NONE["split"])).otherwise("value"),
        known_at=pl.max_horizontal("known_at", "shown_at"),
        assumed=pl.lit(value=False),
    )
    return conform(rows, TOLD, "splits"), [_late_line(row) for row in rows.iter_rows(named=True)]


def _shown_at(splits: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """`security_id`, `date`, and when those of some bars were known that show a split's night."""
    pairs = splits.select(NIGHT).join(
        bars.select("security_id", "session", at="known_at"), on="security_id"
    )
    until, behind = pl.col("session") <= pl.col("date"), pl.col("session") > pl.col("date")
    return pairs.group_by(NIGHT).agg(
        shown_at=pl.coalesce(pl.col("at").filter(until).max(), pl.col("at").filter(behind).min())
    )


def _beginnings(store: Store, version: StoreVersion) -> pl.DataFrame:
    """`security_id` and `since`, the first day of each security so far."""
    named = eras(store.table("tickers", version).collect())
    return named.group_by("security_id").agg(pl.col("since").min())


def _touched() -> pl.Expr:
    """Whether a split's night is near the rows of a file, or they are the first to lie before it."""
    near, far = pl.duration(days=REACH), pl.duration(days=HOLE)
    day, low, high = (pl.col(name) for name in ("date", "low", "high"))
    first = (day - pl.col("since")).is_between(-near, near) & (high < day) & (high >= day - far)
    return ((low <= day + near) & (high >= day - near)) | first.fill_null(value=False)


def new_rows(
    words: pl.DataFrame,
    events: pl.DataFrame,
    again: pl.DataFrame,
    late: pl.DataFrame,
    seen: datetime,
) -> pl.DataFrame:
    """Rows for the actions table: what no file has said before, and what counts again.

    Parameters
    ----------
    words : as `stored_words` gives them
    events : rows of `TOLD`
    again : rows of `TOLD` that count from now on, whether they were said before or not
    late : as `judged_late` gives them; they count from the instants they name
    seen : the instant from which what corrects the store counts
    """
    rows = pl.concat(
        [  # of two of one instant the later counts: what takes back stands behind what it is about
            events.select(*TOLD, again=pl.lit(value=False), late=pl.lit(value=False)),
            again.select(*TOLD, again=pl.lit(value=True), late=pl.lit(value=False)),
            late.select(*TOLD, again=pl.lit(value=True), late=pl.lit(value=True)),
        ]
    )
    newest = words.group_by(ABOUT, maintain_order=True).agg(
        stored_at=pl.col("known_at").last(), now=pl.col("value").last()
    )
    said = words.select(*ABOUT, "value").unique().with_columns(said=pl.lit(value=True))
    table = rows.join(newest, on=ABOUT, how="left", maintain_order="left").join(
        said, on=[*ABOUT, "value"], how="left", maintain_order="left"
    )
    known_at, stored_at = pl.col("known_at"), pl.col("stored_at")
    later = ~pl.col("assumed") & (known_at > stored_at) & (pl.col("value") != pl.col("now"))
    fresh = table.filter(pl.col("again") | pl.col("said").is_null() | later)
    # A file that states an earlier instant tells what was believed before, and stays behind.
    restated = pl.col("again") | pl.col("assumed") | (known_at == stored_at)
    dated = fresh.with_columns(
        known_at=pl.when((known_at <= stored_at) & restated)
        .then(right_after(pl.when("late").then(known_at).otherwise(pl.lit(seen)), stored_at))
        .otherwise(known_at)
    )
    named = dated.rename({"date": "session"}).with_columns(source=pl.lit(FILE))
    return conform(named, ACTIONS, "actions")


def _live(words: pl.DataFrame) -> pl.DataFrame:
    """Words of files that no later one has ended, of events on which a file had the last one."""
    ends = words.filter(is_none()).group_by(ABOUT).agg(end=pl.col("known_at").max())
    last = words.group_by(ABOUT, maintain_order=True).agg(by=pl.col("source").last())
    return (
        words.join(ends, on=ABOUT, how="left")
        .join(last.filter(pl.col("by") == FILE), on=ABOUT, how="semi")
        .filter(
            ~is_none(),
            pl.col("source") == FILE,
            pl.col("end").is_null() | (pl.col("known_at") > pl.col("end")),
        )
    )


def _late_line(row: dict[str, object]) -> str:
    """What became of a stored split that prices speak against now."""
    about = f"{row['symbol']}: the split of {row['now']:g} on {row['date']}"
    if row["wrong"]:
        why = f", told before its night was, is taken back: prices show {row['seen']:.3f}"
    else:
        why = f" is overruled by that of {row['value']:g}: prices show {row['seen']:.3f}"
    return about + why


def _miss(value: str) -> pl.Expr:
    """How far, as a logarithm, a split is from the step that prices show; null without one."""
    return (pl.col("seen").log() - pl.col(value).log()).abs()
