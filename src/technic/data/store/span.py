"""Between which sessions a store holds bars, and at which of them a question stands.

The newest is one that the market has. One symbol's bar of the next session is kept, and waits:
scans go on standing on the session before until a fair part of the market has one. So a file that
brings one symbol too far, or the first file of a folder with one for each symbol, does not make
everybody else stale.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl

from technic.data.store.tables import TableReader
from technic.data.store.version import StoreVersion
from technic.errors import SpanError
from technic.market.instants import instant_given
from technic.market.sessions import nyse

SHARE = 0.5  # of the usual number of bars: a session with less is none of the market yet
USUAL = 21  # sessions before it, of whose numbers of bars the median is the usual one
LOOK_BACK = timedelta(days=2 * USUAL)  # holds as many sessions


def span_with(
    tables: TableReader, version: StoreVersion, bars: pl.DataFrame | None
) -> tuple[date | None, date | None]:
    """The first and the last session of a version once it has more bars.

    Parameters
    ----------
    bars : rows of the bars table that come to it; None for none
    """
    if bars is None or bars.is_empty():
        return version.first, version.last
    low, high = bars.select(low=pl.col("session").min(), high=pl.col("session").max()).row(0)
    first = min(version.first or low, low)
    if version.last is None:
        counts = bars.group_by("session").agg(bars=pl.len())
        return first, newest_session(counts)
    if high <= version.last:
        return first, version.last
    since = pl.col("session") >= version.last - LOOK_BACK
    columns = ["security_id", "session"]
    stored = tables.table("bars", version).filter(since).select(columns).collect()
    rows = pl.concat([stored, bars.filter(since).select(columns)])
    counts = rows.group_by("session").agg(bars=pl.col("security_id").n_unique())
    return first, max(version.last, newest_session(counts))


def newest_session(counts: pl.DataFrame) -> date:
    """The newest session of the market: one with half as many bars as those before it, or more.

    Parameters
    ----------
    counts : `session` and `bars`, how many it has; not empty
    """
    ordered = counts.sort("session").with_columns(
        usual=pl.col("bars").shift(1).rolling_median(USUAL, min_samples=1)
    )
    enough = ordered.filter(pl.col("usual").is_null() | (pl.col("bars") >= SHARE * pl.col("usual")))
    newest: date = enough["session"][-1]
    return newest


def bounds_of(
    version: StoreVersion, as_of: date | None, known_at: datetime | None
) -> tuple[date, datetime | None]:
    """The session that a question about a version stands at, and before when things were known.

    Parameters
    ----------
    version : with bars
    as_of, known_at : as of `Store.panel`

    Returns
    -------
    session : date
    cutoff : datetime or None
        None for everything.

    Raises
    ------
    SpanError
        If `as_of` is no date or lies outside the version, or `known_at` is no instant with its
        zone or lies outside the calendar.
    """
    assert version.first is not None
    assert version.last is not None
    session = version.last if as_of is None else as_of
    if not isinstance(session, date) or isinstance(session, datetime):
        raise SpanError(f"as_of is a date, such as {version.last}; got {session!r:.60}")
    if not version.first <= session <= version.last:
        raise SpanError(
            f"{session} is outside the store, which holds sessions from {version.first} "
            f"to {version.last}"
        )
    ordinal = nyse().ordinal(session)
    if known_at is not None:
        try:
            instant_given(known_at)
        except ValueError as error:
            raise SpanError(f"known_at: {error}") from error
    if known_at is None and as_of is not None:
        return session, nyse().opens(ordinal + 1)
    return session, known_at
