"""From answers to one commit.

1. `_learn`: listings tell who is who (`securities.SecurityMap`).
2. `_examined_bars`: bars are read, dated, examined; each row finds its security.
3. `merge.news` leaves out what the store already says.
4. `_actions` holds splits and dividends against prices (`market.action_rules`).
5. `_set_aside`: rows that cannot be believed go to the quarantine.
6. `ingest` commits it all at once, with a row for every ask in `asked`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from technic.data.ingest import actions
from technic.data.ingest.inbox import Answered
from technic.data.ingest.merge import NewBars, as_bars, new_bars, next_opens, session_closes
from technic.data.ingest.planning import is_final
from technic.data.ingest.securities import SecurityMap
from technic.data.ingest.told_actions import standing, stored_words
from technic.data.providers.source import Ask, Source
from technic.data.store import Store, StoreVersion
from technic.data.store.rows import newest_word
from technic.market.action_rules import judge_actions
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
    bars : bars that are new
    known : bars that the store had already, word for word
    repeated : rows that an answer held more than once
    actions : splits and dividends that are new
    edits : bars of the past that a vendor has changed, by session
    edits_shown : some of them: symbol, session, close before and now
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
        """Keep a text for the user; the same is told once."""
        if text not in self.notes:
            self.notes.append(text)


def ingest(
    store: Store,
    answers: Sequence[Answered],
    sources: Mapping[str, Source],
    tally: Tally,
    simulated: dict[str, Any] | None,
) -> StoreVersion:
    """Take answers in; everything in one commit, or nothing.

    Parameters
    ----------
    answers : not empty; each of a vendor in `sources`
    tally : what became of the rows is added to it
    simulated : how the market was made; None for a real one
    """
    version = store.version()
    answers = _dated_after(store, version, answers)
    at = max(answered.at for answered in answers)
    vendor = answers[-1].provider
    securities = SecurityMap.of(
        store.table("tickers", version).collect(),
        store.table("listings", version).collect(),
        vendor,
        version.gone,
    )
    _learn(store, version, securities, answers, sources)
    good, bad = _examined_bars(securities, answers, sources, tally)
    bars = pl.DataFrame() if good.is_empty() else as_bars(good, "seen")
    merged = None if good.is_empty() else new_bars(store, version, bars, at, current=True)
    good_actions, bad_actions = _actions(store, version, securities, answers, sources, bars, tally)
    _set_aside(store, bad, vendor, at, tally)
    _set_aside(store, bad_actions, f"{vendor} actions", at, tally)
    tables = securities.tables(at)
    tables["actions"] = good_actions
    tables["asked"] = _asked_rows(answers, sources, bad, _doubtful(merged))
    if merged is not None:
        tables["bars"] = merged.bars
        _count(merged, good, tally)
    tally.actions += good_actions.height
    for text in securities.notes:
        tally.note(text)
    return store.commit(
        tables, adjustment="none", simulated=simulated, settled=_settled_until(version, tables)
    )


def _examined_bars(
    securities: SecurityMap,
    answers: Sequence[Answered],
    sources: Mapping[str, Source],
    tally: Tally,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Bars that can be believed, with their securities; and rows to set aside, with reasons."""
    tables = [_bars_of(a, sources) for a in answers if a.ask.kind in BAR_KINDS]
    tables = [table for table in tables if not table.is_empty()]
    if not tables:
        return pl.DataFrame(), pl.DataFrame()
    rows = securities.spelt(pl.concat(tables))
    stray = rows.filter(pl.col("stray")).with_columns(reason=pl.lit("another_day"))
    judged = examine(rows.filter(~pl.col("stray")).drop("stray"))
    tally.repeated += judged.repeated
    bad = pl.concat([judged.bad, stray.select(judged.bad.columns)])
    return securities.identify(judged.good), bad


def _set_aside(store: Store, rows: pl.DataFrame, label: str, at: datetime, tally: Tally) -> None:
    """Put rows into the quarantine, and count them by their reasons."""
    if rows.is_empty():
        return
    for reason, count in rows.group_by("reason").len().iter_rows():
        tally.quarantined[reason] = tally.quarantined.get(reason, 0) + count
    store.catalog.quarantine(rows, label, at)


def _dated_after(
    store: Store, version: StoreVersion, answers: Sequence[Answered]
) -> list[Answered]:
    """The answers, dated after everything that is stored: of two versions of a fact the later
    counts, and a clock that stands still or steps back must not make them tie.
    """
    newest = newest_word(store.tables, version)
    floor = newest + timedelta(microseconds=1) if newest else None
    return [a if floor is None else replace(a, at=max(a.at, floor)) for a in answers]


def _learn(
    store: Store,
    version: StoreVersion,
    securities: SecurityMap,
    answers: Sequence[Answered],
    sources: Mapping[str, Source],
) -> None:
    """Take in what listings say of names."""
    listings = [a for a in answers if a.ask.kind == "tickers"]
    if not listings:
        return
    last = dict(
        store.table("bars", version)
        .group_by("security_id")
        .agg(pl.col("session").max())
        .collect()
        .iter_rows()
    )
    first = version.first or min((a.ask.first for a in answers if a.ask.first), default=date.max)
    for answered in sorted(listings, key=lambda a: (a.ask.on is not None, not a.ask.active)):
        table = answered.read(sources).table
        if not answered.ask.active:  # who left before our first bar is nobody here
            table = table.filter(pl.col("until") >= first)
        securities.learn(table, answered.at, last, answered.ask.on)


def _bars_of(answered: Answered, sources: Mapping[str, Source]) -> pl.DataFrame:
    """Rows of an answer with `known_at`, `assumed`, `seen`, and `stray` for another day's."""
    ask = answered.ask
    table = answered.read(sources).table
    inside = pl.col("date").is_between(pl.lit(ask.first), pl.lit(ask.last))
    table = table.with_columns(stray=~inside.fill_null(value=True))
    opened = pl.lit(answered.at).cast(INSTANT)
    late = next_opens(table).alias("next") <= answered.at
    return table.with_columns(
        known_at=pl.when(late.fill_null(value=True)).then(session_closes(table)).otherwise(opened),
        assumed=late.fill_null(value=True),
        seen=opened,
    )


def _actions(
    store: Store,
    version: StoreVersion,
    securities: SecurityMap,
    answers: Sequence[Answered],
    sources: Mapping[str, Source],
    bars: pl.DataFrame,
    tally: Tally,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Actions to add, and those that are set aside."""
    reports = [a for a in answers if a.ask.kind in {"splits", "dividends"}]
    newest = max(_days(version.last, bars["session"].max() if len(bars) else None), default=None)
    if not reports or newest is None:
        return pl.DataFrame(schema=ACTIONS), pl.DataFrame()
    tables = [
        a.read(sources).table.with_columns(kind=pl.lit(a.ask.kind.removesuffix("s")))
        for a in reports
    ]
    on_days = (pl.col("date") <= newest).fill_null(value=True)
    table = securities.spelt(pl.concat(tables)).filter(on_days)
    ours = table.filter(pl.col("symbol").is_in(list(securities.eras)))
    nobodys = pl.concat(
        [table.filter(pl.col("symbol").is_null()), ours.filter(pl.col("date").is_null())]
    )
    identified = securities.identify(ours.drop_nulls(["symbol", "date"]))
    around = actions.bars_around(store, version, identified, bars)
    judged = judge_actions(identified, around)
    vendor = reports[-1].provider
    words = stored_words(store, version).filter(pl.col("source") != vendor)
    again = actions.told_elsewhere(judged.good, standing(words))
    good = judged.good.join(again, on=["security_id", "date", "kind"], how="anti")
    bad = pl.concat([judged.bad, again], how="diagonal")
    tally.repeated += judged.repeated
    for text in actions.doubts(bad):
        tally.note(text)
    spans = pl.DataFrame(
        [(a.ask.kind.removesuffix("s"), a.ask.first, a.ask.last) for a in reports],
        schema={"kind": pl.String, "first": pl.Date, "last": pl.Date},
        orient="row",
    )
    rows, notes = actions.action_changes(
        store, version, good, bad, spans, max(a.at for a in reports), vendor
    )
    for text in notes:
        tally.note(text)
    lost = nobodys.with_columns(reason=pl.lit("action_not_positive"))
    return rows, pl.concat([bad, lost], how="diagonal")


def _asked_rows(
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
            span = (ask.first or at.date(), ask.last or nyse().day(nyse().last_finished(at)))
            answer = (answered.provider, True, reading.table.height, 0, 0.0, at)
            rows.append((_asked_kind(ask), *span, None, *answer))
            continue
        volume = float(reading.table["volume"].sum() or 0.0)
        assert ask.last is not None
        settled = not reading.delayed and is_final(_session(ask.last), at)
        count = reading.table.height
        n_bad = rejected.get(ask.last, 0) + doubtful.get(ask.last, 0) if ask.kind == "day" else 0
        about = (ask.kind, ask.first, ask.last)
        answer = (answered.provider, settled, count, n_bad, volume, at)
        names: tuple[str | None, ...] = (None,) if ask.kind == "day" else ask.symbols
        rows += [(*about, symbol, *answer) for symbol in names]
    return pl.DataFrame(rows, schema=ASKED, orient="row")


def _asked_kind(ask: Ask) -> str:
    """The kind under which an ask is noted: questions about listings are of four kinds."""
    if ask.kind != "tickers":
        return ask.kind
    if ask.newest:
        return "changes"
    if ask.on is not None:
        return "listings_then"
    return "listings" if ask.active else "ended"


def _doubtful(merged: NewBars | None) -> dict[date, int]:
    """Corrections so large, or so many, that the session is to be asked for once more."""
    if merged is None or merged.edits.is_empty():
        return {}
    moved = (pl.col("close") / pl.col("close_before")).log().abs() > LARGE_EDIT
    per_day = merged.edits.group_by("session").agg(edits=pl.len(), large=moved.sum())
    whole = dict(merged.bars.group_by("session").len().iter_rows())
    many = {d: n for d, n, _ in per_day.iter_rows() if n > MANY_EDITS and n > whole[d] - n}
    return many | {d: n for d, _, n in per_day.iter_rows() if n}


def _session(day: date) -> date:
    return nyse().day(nyse().last_until(day))


def _settled_until(version: StoreVersion, tables: Mapping[str, pl.DataFrame]) -> date | None:
    """The session until which bars are final."""
    days = tables["asked"].filter(pl.col("kind").is_in(BAR_KINDS), pl.col("settled"))
    newest = days["last"].max()
    return max(_days(version.settled, newest), default=None)


def _days(*values: object) -> list[date]:
    """Those that are dates: an empty column has none."""
    return [day for day in values if isinstance(day, date)]


def _count(merged: NewBars, rows: pl.DataFrame, tally: Tally) -> None:
    """Add what is new, what was known and what was edited to the tally."""
    edits = merged.edits
    tally.bars += merged.bars.height - merged.revised
    tally.known += merged.known
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
