"""The dialect of Massive: bars, of a day or of a symbol, as JSON and as files.

Handlers as in `massive_api`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from gzip import compress
from hashlib import md5
from io import BytesIO
from typing import Any

import numpy as np
import orjson
import polars as pl

from technic.data.simulated.dialect import (
    Answer,
    Refusal,
    Request,
    envelope,
    envelope_around,
    next_url,
    parse_day,
)
from technic.data.simulated.publications import EPOCH, PUBLISHED, Publications, Rows
from technic.market.sessions import NEW_YORK

MOST_BARS = 50_000
SPAN_DAYS = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}


def grouped(tape: Publications, request: Request, parts: tuple[str, ...]) -> Answer:
    """Every symbol's bar of one day; `t` is the end of the session."""
    day, adjusted = parse_day(parts[0]), request.flag("adjusted", default=True)
    rows = tape.bars_of(day, request.now)
    about: dict[str, Any] = {
        "queryCount": len(rows),
        "resultsCount": len(rows),
        "adjusted": adjusted,
        "status": "DELAYED" if is_unfinished(day, request.now) else "OK",
    }
    if not len(rows):
        return envelope(request, **about)
    table = aggregates(tape, rows, request, adjusted=adjusted)
    stamp = milliseconds(datetime.combine(day, time(16), NEW_YORK))
    names = pl.Series([tape.symbols(day)[i] for i in rows.listing.tolist()])
    table = table.select(
        names.alias("T"), "v", "vw", "o", "c", "h", "l", pl.lit(stamp).alias("t"), "n"
    ).filter(pl.col("T").is_not_null())
    about |= {"queryCount": len(table), "resultsCount": len(table), "count": len(table)}
    return envelope_around(request, as_json(table), **about)


def bars_range(tape: Publications, request: Request, parts: tuple[str, ...]) -> Answer:
    """One symbol's bars between two dates; `t` is midnight in New York."""
    symbol, multiplier, span = parts[0], int(parts[1]), parts[2]
    first, last = (moment(text) for text in parts[3:5])
    if span not in SPAN_DAYS:
        raise Refusal(400, {"error": f"timespan {span} is not simulated: ask for days or longer"})
    limit = request.whole("limit", 5_000, MOST_BARS)
    adjusted = request.flag("adjusted", default=True)
    first, last = _whole_spans(first, last, span)
    runs = [
        tape.run_of(i, max(first, since or first), min(last, until or last), request.now)
        for i, since, until in holders(tape, symbol, first, last)
    ]
    rows = [r for r in runs if len(r)]
    daily = [aggregates(tape, r, request, adjusted=adjusted) for r in rows]
    table = pl.concat(daily) if daily else pl.DataFrame()
    if not table.is_empty() and (span != "day" or multiplier != 1):
        table = _longer_bars(table, span, multiplier)
    if request.params.get("sort", "asc") == "desc":
        table = table.reverse()
    start = int(request.params.get("page_marker", "0"))
    page = table.slice(start, limit)
    about: dict[str, Any] = {
        "ticker": symbol,
        "queryCount": len(page),
        "resultsCount": len(page),
        "adjusted": adjusted,
    }
    about["status"] = "DELAYED" if is_unfinished(last, request.now) else "OK"
    if page.is_empty():
        return envelope(request, **about)
    about["count"] = len(page)
    if start + limit < len(table):
        about["next_url"] = next_url(request, start + limit)
    return envelope_around(
        request, as_json(page.select("v", "vw", "o", "c", "h", "l", "t", "n")), **about
    )


def previous(tape: Publications, request: Request, parts: tuple[str, ...]) -> Answer:
    """The last finished bar of one symbol."""
    today = request.today
    listing = tape.holder(parts[0], today)
    adjusted = request.flag("adjusted", default=True)
    about = {"ticker": parts[0], "adjusted": adjusted, "queryCount": 0, "resultsCount": 0}
    if listing is None:
        return envelope(request, **about)
    rows = tape.run_of(listing, today - timedelta(days=30), today, request.now)
    rows = rows.at(slice(-1, None))
    if not len(rows):
        return envelope(request, **about)
    table = aggregates(tape, rows, request, adjusted=adjusted).with_columns(T=pl.lit(parts[0]))
    about |= {"queryCount": 1, "resultsCount": 1, "count": 1}
    return envelope_around(request, as_json(table), **about)


def open_close(tape: Publications, request: Request, parts: tuple[str, ...]) -> Answer:
    """One symbol's bar of one day, flat."""
    day = parse_day(parts[1])
    listing = tape.holder(parts[0], day)
    rows = None if listing is None else tape.run_of(listing, day, day, request.now)
    if rows is None or not len(rows):
        raise Refusal(404, {"status": "NOT_FOUND", "message": "Data not found."})
    bar = aggregates(tape, rows, request, adjusted=request.flag("adjusted", default=True)).row(
        0, named=True
    )
    content = {
        "status": "OK",
        "from": day.isoformat(),
        "symbol": parts[0],
        "open": bar["o"],
        "high": bar["h"],
        "low": bar["l"],
        "close": bar["c"],
        "volume": bar["v"],
        "afterHours": bar["c"],
        "preMarket": bar["o"],
    }
    return Answer(200, orjson.dumps(content))


def flat_file(tape: Publications, request: Request, parts: tuple[str, ...]) -> Answer:
    """One day as a gzipped CSV, as traded; there from 11:00 on the day after."""
    day = parse_day(parts[0])
    ready = datetime.combine(day + timedelta(days=1), time(11), NEW_YORK)
    rows = tape.bars_of(day, request.now)
    if request.now < ready or not len(rows):
        return Answer(404, b"<Error><Code>NoSuchKey</Code></Error>", "application/xml")
    start = milliseconds(datetime.combine(day, time(), NEW_YORK)) * 1_000_000
    names = pl.Series([tape.symbols(day)[i] for i in rows.listing.tolist()])
    table = (
        aggregates(tape, rows, request, adjusted=False)
        .select(
            names.alias("ticker"),
            pl.col("v").cast(pl.Int64).alias("volume"),
            pl.col("o").alias("open"),
            pl.col("c").alias("close"),
            pl.col("h").alias("high"),
            pl.col("l").alias("low"),
            pl.lit(start).alias("window_start"),
            pl.col("n").alias("transactions"),
        )
        .drop_nulls("ticker")
        .sort("ticker")
    )
    body = compress(table.write_csv().encode(), mtime=0)
    etag = f'"{md5(body, usedforsecurity=False).hexdigest()}"'
    if request.params.get("if-none-match") == etag:
        return Answer(304, b"", headers={"ETag": etag})
    return Answer(200, body, "application/gzip", {"ETag": etag, "Accept-Ranges": "bytes"})


def aggregates(tape: Publications, rows: Rows, request: Request, *, adjusted: bool) -> pl.DataFrame:
    """Bars under the vendor's letters.

    Parameters
    ----------
    adjusted : whether for the splits known at the instant of the request
    """
    values = rows.values
    if adjusted:
        today = request.today
        split = [
            tape.factor(i, EPOCH + timedelta(days=s), today) if i in tape.splits_of else 1.0
            for i, s in zip(rows.listing.tolist(), rows.session.tolist(), strict=True)
        ]
        factor = np.array(split)[:, None]
        values = np.hstack([np.round(values[:, :4] / factor, 6), values[:, 4:] * factor])
    opens, high, low, close, volume = values.T
    stamps = {
        int(s): milliseconds(datetime.combine(EPOCH + timedelta(days=int(s)), time(), NEW_YORK))
        for s in np.unique(rows.session)
    }
    return pl.DataFrame(
        {
            "v": volume,
            "vw": np.round((opens + high + low + close) / 4.0, 4),
            "o": opens,
            "c": close,
            "h": high,
            "l": low,
            "t": np.array([stamps[s] for s in rows.session.tolist()], dtype=np.int64),
            "n": np.maximum(volume // 137, 1.0).astype(np.int64),
        }
    )


def holders(
    tape: Publications, symbol: str, first: date, last: date
) -> list[tuple[int, date | None, date | None]]:
    """Listings that bore a symbol between two dates: position, since and until."""
    spans = [
        (i, era.since, era.until)
        for i, listing in enumerate(tape.listings)
        for era in listing.eras
        if era.symbol == symbol
        and (era.since is None or era.since <= last)
        and (era.until is None or era.until >= first)
    ]
    return sorted(spans, key=lambda h: h[1] or date.min)


def is_unfinished(day: date, now: datetime) -> bool:
    """Whether a day's bars can still change tonight."""
    local = now.astimezone(NEW_YORK)
    return day == local.date() and local.time() < PUBLISHED


def milliseconds(instant: datetime) -> int:
    """Milliseconds since 1970."""
    return int(instant.timestamp() * 1000)


def moment(text: str) -> date:
    """A date, or milliseconds since 1970, as a New York date."""
    if text.isdecimal():
        return datetime.fromtimestamp(int(text) / 1000, UTC).astimezone(NEW_YORK).date()
    return parse_day(text)


def as_json(table: pl.DataFrame) -> bytes:
    """Rows as a JSON array."""
    buffer = BytesIO()
    table.write_json(buffer)
    return buffer.getvalue()


def _whole_spans(first: date, last: date, span: str) -> tuple[date, date]:
    """Bounds moved outward to whole spans; weeks start on Sunday."""
    if span == "week":
        first -= timedelta(days=(first.weekday() + 1) % 7)
        last += timedelta(days=5 - last.weekday() if last.weekday() < 6 else 6)
    elif span != "day":
        first = first.replace(day=1)
        last = (last.replace(day=1) + timedelta(days=SPAN_DAYS[span])).replace(day=1)
    return first, last


def _longer_bars(table: pl.DataFrame, span: str, multiplier: int) -> pl.DataFrame:
    """Daily bars as longer ones."""
    every = f"{multiplier}{ {'week': 'w', 'month': 'mo', 'quarter': 'q', 'year': 'y', 'day': 'd'}[span] }"
    when = pl.from_epoch("t", "ms").dt.convert_time_zone("America/New_York").dt.date()
    return (
        table.with_columns(when=when)
        .group_by_dynamic("when", every=every)
        .agg(
            pl.col("v").sum(),
            pl.col("vw").mean(),
            pl.col("o").first(),
            pl.col("c").last(),
            pl.col("h").max(),
            pl.col("l").min(),
            pl.col("t").first(),
            pl.col("n").sum(),
        )
        .drop("when")
    )
