"""From answers to one commit.

1. Listings tell who is who (`identity`).
2. Bars are read, dated, examined; rows that cannot be believed go to the quarantine.
3. Each row finds its security; what the store already says is left out (`intake.news`).
4. Splits and dividends are held against prices (`actions`).
5. One commit takes it all, with a row for every ask in `asked`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import polars as pl

from technic.data.ingest import actions
from technic.data.ingest.inbox import Answered
from technic.data.ingest.merge import News, as_bars, closes, news, next_opens
from technic.data.ingest.planning import is_final
from technic.data.ingest.securities import SecurityMap
from technic.data.providers.source import Source
from technic.data.store import Store, StoreVersion
from technic.market.quality import examine
from technic.market.schema import ACTIONS, ASKED, INSTANT
from technic.market.sessions import nyse

BAR_KINDS = ("day", "run", "many")
LARGE_EDIT = 0.18  # of a close, as a logarithm: about a fifth
MANY_EDITS = 20


@dataclass
class Tally:
    """What became of everything that was received.

    Attributes
    ----------
    edits : bars of the past that a vendor has changed, by session
    quarantined : rows set aside, by reason
    notes : what a user should know
    """

    bars: int = 0
    known: int = 0
    repeated: int = 0
    actions: int = 0
    edits: dict[date, int] = field(default_factory=dict)
    edits_shown: list[dict[str, Any]] = field(default_factory=list)
    quarantined: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Tell it once."""
        if text not in self.notes:
            self.notes.append(text)


def ingest(
    store: Store,
    answers: Sequence[Answered],
    sources: Mapping[str, Source],
    tally: Tally,
    simulated: dict[str, Any] | None,
) -> StoreVersion:
    """Take answers in; everything in one commit, or nothing."""
    version = store.version()
    answers = _after(store, version, answers)
    at = max(answered.at for answered in answers)
    vendor = answers[-1].provider
    directory = SecurityMap.of(
        store.table("tickers", version).collect(),
        store.table("listings", version).collect(),
        vendor,
    )
    _learn(store, version, directory, answers, sources)
    raw = [_bars_of(a, sources) for a in answers if a.ask.kind in BAR_KINDS]
    raw = [frame for frame in raw if not frame.is_empty()]
    bars, bad = pl.DataFrame(), pl.DataFrame()
    if raw:
        rows = pl.concat(raw)
        stray = rows.filter(pl.col("stray")).with_columns(reason=pl.lit("another_day"))
        judged = examine(rows.filter(~pl.col("stray")).drop("stray"))
        bad = pl.concat([judged.bad, stray.select(judged.bad.columns)])
        tally.repeated += judged.repeated
        identified = directory.identify(judged.good)
        bars = as_bars(identified, "seen")
    found = news(store, version, bars, at, current=True) if raw else None
    good_actions, bad_actions = _actions(store, version, directory, answers, sources, bars, tally)
    for part, label in ((bad, vendor), (bad_actions, f"{vendor} actions")):
        if not part.is_empty():
            for reason, count in part.group_by("reason").len().iter_rows():
                tally.quarantined[reason] = tally.quarantined.get(reason, 0) + count
            store.catalog.quarantine(part, label, at)
    tables = directory.tables(at)
    tables["actions"] = good_actions
    tables["asked"] = _asked(answers, sources, bad, _doubtful(found))
    if found is not None:
        tables["bars"] = found.bars
        _count(found.bars.height - found.revised, found.known, found.edits, identified, tally)
    tally.actions += good_actions.height
    for text in directory.notes:
        tally.note(text)
    return store.commit(
        tables, adjustment="none", simulated=simulated, settled=_settled(version, tables)
    )


def _after(store: Store, version: StoreVersion, answers: Sequence[Answered]) -> list[Answered]:
    """The answers, dated after everything that is stored: of two versions of a fact the later
    counts, and a clock that stands still or steps back must not make them tie.
    """
    newest = store.table("asked", version).select(pl.col("known_at").max()).collect().item()
    floor = newest + timedelta(microseconds=1) if newest else None
    return [a if floor is None else replace(a, at=max(a.at, floor)) for a in answers]


def _learn(
    store: Store,
    version: StoreVersion,
    directory: SecurityMap,
    answers: Sequence[Answered],
    sources: Mapping[str, Source],
) -> None:
    told = [a for a in answers if a.ask.kind == "tickers"]
    if not told:
        return
    last = dict(
        store.table("bars", version)
        .group_by("security_id")
        .agg(pl.col("session").max())
        .collect()
        .iter_rows()
    )
    first = version.first or min((a.ask.first for a in answers if a.ask.first), default=date.max)
    for answered in sorted(told, key=lambda a: (a.ask.on is not None, not a.ask.active)):
        table = answered.read(sources).table
        if not answered.ask.active:  # who left before our first bar is nobody here
            table = table.filter(pl.col("until") >= first)
        directory.learn(table, answered.at, last, answered.ask.on)


def _bars_of(answered: Answered, sources: Mapping[str, Source]) -> pl.DataFrame:
    """Rows of an answer with `known_at`, `assumed`, `seen`, and `stray` for another day's."""
    ask = answered.ask
    table = answered.read(sources).table
    inside = pl.col("date").is_between(pl.lit(ask.first), pl.lit(ask.last))
    table = table.with_columns(stray=~inside.fill_null(value=True))
    opened = pl.lit(answered.at).cast(INSTANT)
    late = next_opens(table).alias("next") <= answered.at
    return table.with_columns(
        known_at=pl.when(late.fill_null(value=True)).then(closes(table)).otherwise(opened),
        assumed=late.fill_null(value=True),
        seen=opened,
    )


def _actions(
    store: Store,
    version: StoreVersion,
    directory: SecurityMap,
    answers: Sequence[Answered],
    sources: Mapping[str, Source],
    bars: pl.DataFrame,
    tally: Tally,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Actions to add, and those that are set aside."""
    told = [a for a in answers if a.ask.kind in {"splits", "dividends"}]
    newest = max(_days(version.last, bars["session"].max() if len(bars) else None), default=None)
    if not told or newest is None:
        return pl.DataFrame(schema=ACTIONS), pl.DataFrame()
    frames = [
        a.read(sources).table.with_columns(kind=pl.lit(a.ask.kind.removesuffix("s"))) for a in told
    ]
    table = pl.concat(frames).filter(pl.col("date") <= newest)
    known = table.filter(pl.col("symbol").is_in(list(directory.eras)))
    unreadable = table.filter(pl.col("symbol").is_null() | pl.col("value").is_null())
    identified = directory.identify(known.drop_nulls(["symbol", "date"]))
    first = identified["date"].min()
    around = _around(store, version, bars, identified, first) if len(identified) else bars
    if around.is_empty():
        return pl.DataFrame(schema=ACTIONS), pl.DataFrame()
    good, bad = actions.judge(identified, around)
    for row in bad.filter(pl.col("reason") == "split_contradicted").iter_rows(named=True):
        tally.note(
            f"{row['symbol']}: a split of {row['value']:g} on {row['date']} is set aside: prices "
            f"show {row['seen']:.3f}"
        )
    asked = pl.DataFrame(
        [(a.ask.kind.removesuffix("s"), a.ask.first, a.ask.last) for a in told],
        schema={"kind": pl.String, "first": pl.Date, "last": pl.Date},
        orient="row",
    )
    rows, notes = actions.changes(
        store, version, good, bad, asked, max(a.at for a in told), told[-1].provider
    )
    for text in notes:
        tally.note(text)
    lost = unreadable.with_columns(reason=pl.lit("action_not_positive"))
    return rows, pl.concat([bad, lost], how="diagonal")


def _around(
    store: Store, version: StoreVersion, bars: pl.DataFrame, told: pl.DataFrame, first: Any
) -> pl.DataFrame:
    """Bars of the securities that acted, stored ones and new ones, the newest of each."""
    columns = ["security_id", "session", "open", "close", "known_at"]
    ids = told.filter(pl.col("kind") == "split")["security_id"].unique().implode()
    stored = (
        store.table("bars", version)
        .filter(pl.col("security_id").is_in(ids), pl.col("session") >= first - timedelta(days=15))
        .select(columns)
        .collect()
    )
    parts = [stored] if bars.is_empty() else [stored, bars.select(columns)]
    return (
        pl.concat(parts)
        .sort("known_at", maintain_order=True)
        .unique(["security_id", "session"], keep="last", maintain_order=True)
    )


def _asked(
    answers: Sequence[Answered],
    sources: Mapping[str, Source],
    bad: pl.DataFrame,
    doubtful: Mapping[date, int],
) -> pl.DataFrame:
    """A row for every ask; several for one that named several symbols."""
    rejected = dict(bad.group_by("date").len().iter_rows()) if not bad.is_empty() else {}
    rows: list[tuple[Any, ...]] = []
    for answered in answers:
        ask, at = answered.ask, answered.at
        reading = answered.read(sources)
        if ask.kind not in BAR_KINDS:
            today = at.date()
            kind = ask.kind
            if kind == "tickers":
                whole = ask.active and not ask.newest and ask.on is None
                kind = "listings" if whole else "changes" if ask.newest else "others"
            day = ask.last or nyse().day(nyse().last_finished(at))
            rows.append(
                (
                    kind,
                    ask.first or today,
                    day,
                    None,
                    answered.provider,
                    True,
                    reading.table.height,
                    0,
                    0.0,
                    at,
                )
            )
            continue
        volume = float(reading.table["volume"].sum() or 0.0)
        assert ask.last is not None
        settled = not reading.delayed and is_final(_session(ask.last), at)
        count = reading.table.height
        n_bad = rejected.get(ask.last, 0) + doubtful.get(ask.last, 0) if ask.kind == "day" else 0
        about = (ask.kind, ask.first, ask.last)
        said = (answered.provider, settled, count, n_bad, volume, at)
        names: tuple[str | None, ...] = (None,) if ask.kind == "day" else ask.symbols
        rows += [(*about, symbol, *said) for symbol in names]
    return pl.DataFrame(rows, schema=ASKED, orient="row")


def _doubtful(found: News | None) -> dict[date, int]:
    """Corrections so large, or so many, that the session is to be asked for once more."""
    if found is None or found.edits.is_empty():
        return {}
    moved = (pl.col("close") / pl.col("close_before")).log().abs() > LARGE_EDIT
    per_day = found.edits.group_by("session").agg(edits=pl.len(), large=moved.sum())
    whole = dict(found.bars.group_by("session").len().iter_rows())
    many = {d: n for d, n, _ in per_day.iter_rows() if n > MANY_EDITS and n > whole[d] - n}
    return many | {d: n for d, _, n in per_day.iter_rows() if n}


def _session(day: date) -> date:
    return nyse().day(nyse().last_until(day))


def _settled(version: StoreVersion, tables: Mapping[str, pl.DataFrame]) -> date | None:
    """The session until which bars are final."""
    days = tables["asked"].filter(pl.col("kind").is_in(BAR_KINDS), pl.col("settled"))
    newest = days["last"].max()
    return max(_days(version.settled, newest), default=None)


def _days(*found: object) -> list[date]:
    """Those that are dates: an empty column has none."""
    return [day for day in found if isinstance(day, date)]


def _count(added: int, known: int, edits: pl.DataFrame, rows: pl.DataFrame, tally: Tally) -> None:
    tally.bars += added
    tally.known += known
    if edits.is_empty():
        return
    names = dict(rows.select("security_id", "symbol").unique("security_id").iter_rows())
    for session, count in edits.group_by("session").len().sort("session").iter_rows():
        tally.edits[session] = tally.edits.get(session, 0) + count
    moved = edits.filter(pl.col("close") != pl.col("close_before"))
    for row in moved.head(20).iter_rows(named=True):
        tally.edits_shown.append(
            {
                "symbol": names.get(row["security_id"], ""),
                "session": row["session"],
                "close_before": row["close_before"],
                "close": row["close"],
            }
        )
