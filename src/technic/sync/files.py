"""From the user's files into a store.

1. `providers.files` reads the file under our names.
2. `_dated` gives every row the instant it became known.
3. `market.quality` sets aside what cannot be believed.
4. `_identified` finds or gives each symbol its security.
5. `intake.news` leaves out what the store already says.
6. One commit takes bars, actions and tickers; the rows set aside go to the quarantine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from technic.errors import SchemaError, StoreError
from technic.market.quality import contradicted_splits, examine
from technic.market.schema import (
    ACTIONS,
    INSTANT,
    LISTINGS,
    SYMBOL_PATTERN,
    TICKERS,
    canonical_sector,
    conform,
)
from technic.providers.files import read_bars, read_listings
from technic.store import Store, StoreVersion
from technic.store.directory import eras
from technic.sync.intake import as_bars, closes, listing_type, news

ADJUSTMENTS = ("none", "splits")


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file: every row is in exactly one of the counts.

    Attributes
    ----------
    rows : in the file
    added : bars that are new
    revised : bars that say something else than the store did, and now count
    known : bars the store already had, word for word
    repeated : rows that stood in the file more than once
    quarantined : rows set aside, by reason
    actions : splits and dividends that are new
    symbols : how many symbols the good rows have
    version : the store version afterwards
    """

    rows: int
    added: int
    revised: int
    known: int
    repeated: int
    quarantined: dict[str, int]
    actions: int
    symbols: int
    version: StoreVersion
    splits_set_aside: int = 0
    notes: list[str] = field(default_factory=list)


def _silent(_stage: str) -> None:
    """No progress is shown unless an interface asks for it."""


class FileStore(Store):
    """A store that takes in files and frames."""

    def import_bars(
        self,
        source: pl.DataFrame | Path | str | Any,
        adjusted: str = "none",
        *,
        seen_at: datetime | None = None,
        simulated: dict[str, Any] | None = None,
        progress: Callable[[str], None] = _silent,
    ) -> Imported:
        """Import bars from a file or a frame; all good rows, or nothing.

        Parameters
        ----------
        source : Parquet or CSV file, or a Polars or pandas frame
        adjusted : "none" if prices are as traded, "splits" if the vendor adjusted them
        seen_at : the instant corrections of stored bars became known; now by default

        Raises
        ------
        SchemaError
            If a column is missing or the file cannot be read.
        StoreError
            If the store holds bars of the other kind, or cannot be written.
        """
        if adjusted not in ADJUSTMENTS:
            raise SchemaError(f"adjusted is one of {', '.join(ADJUSTMENTS)}; got {adjusted!r}")
        before = self.version()
        self._same_kind(before, adjusted, simulated)
        name = source.name if isinstance(source, Path) else Path(str(source)).name
        label = name if isinstance(source, str | Path) else "frame"
        progress("reading")
        raw = read_bars(_as_source(source))
        seen = seen_at or datetime.now(UTC)
        progress("checking")
        sorted_rows = examine(_dated(raw))
        progress("comparing with the store")
        good, tickers = self._identified(sorted_rows.good, sorted_rows.bad, before)
        found = news(self, before, as_bars(good), seen)
        new, revised, known = found.bars, found.revised, found.known
        actions, refused = self._actions(good, before, adjusted)
        progress("writing")
        after = before
        if not (new.is_empty() and actions.is_empty() and tickers.is_empty()):
            after = self.commit(
                {"bars": new, "actions": actions, "tickers": tickers},
                adjustment=adjusted,
                simulated=simulated,
                settled=_settled(before, new),
            )
        bad = pl.concat([sorted_rows.bad, refused], how="diagonal")
        if not bad.is_empty():
            self.catalog.quarantine(bad, label, seen)
        if after.last is not None:
            progress("mapping")
            self.panel()
        reasons = bad.group_by("reason").len().sort("len", descending=True)
        return Imported(
            rows=raw.height,
            added=new.height - revised,
            revised=revised,
            known=known,
            repeated=sorted_rows.repeated,
            quarantined=dict(sorted_rows.bad.group_by("reason").len().sort("reason").iter_rows()),
            actions=actions.height,
            symbols=good["symbol"].n_unique(),
            version=after,
            splits_set_aside=refused.height,
            notes=[str(reason) for reason, _ in reasons.iter_rows()],
        )

    def import_listings(
        self, source: pl.DataFrame | Path | str, *, seen_at: datetime | None = None
    ) -> tuple[int, int, list[str]]:
        """Import names, types and sectors.

        Returns
        -------
        tuple
            How many listings the file has, how many of them are new or say something new,
            and the sectors that are none of the eleven and were left unknown.
        """
        raw = read_listings(_as_source(source)).filter(
            pl.col("symbol").str.contains(SYMBOL_PATTERN)
        )
        if raw.is_empty():
            raise SchemaError("no listing with a readable symbol; nothing was imported")
        before, seen = self.version(), seen_at or datetime.now(UTC)
        rows = _classified(raw.unique("symbol", keep="first", maintain_order=True))
        dated = rows.with_columns(
            since_any=pl.coalesce("since", pl.lit(before.first), pl.lit(seen.date()))
        )
        named = dated.select("symbol", date="since_any")
        identified, tickers = self._identified(named, named.clear(), before)
        joined = dated.join(identified.select("symbol", "security_id"), on="symbol")
        # A listing file describes its names for all time unless it says since when.
        known_at = pl.coalesce(
            pl.col("since").cast(INSTANT), pl.lit(datetime(1990, 1, 1, tzinfo=UTC)).cast(INSTANT)
        )
        table = conform(
            joined.with_columns(
                known_at=known_at,
                assumed=pl.lit(True),
                figi=pl.lit(None, dtype=pl.String),
                cik=pl.lit(None, dtype=pl.String),
            ),
            LISTINGS,
            "listings",
        )
        stored = self.table("listings", before).collect()
        about = [name for name in LISTINGS if name not in {"known_at", "assumed"}]
        new = table.join(stored.select(about), on=about, how="anti", nulls_equal=True)
        if not stored.is_empty():
            again = pl.col("security_id").is_in(stored["security_id"].unique().implode())
            new = new.with_columns(
                known_at=pl.when(again).then(pl.lit(seen)).otherwise("known_at").cast(INSTANT)
            )
        if not new.is_empty():
            after = self.commit({"listings": new, "tickers": tickers})
            if after.last is not None:
                self.panel()
        strange = raw["sector"].drop_nulls().unique().to_list()
        return raw.height, new.height, sorted(s for s in strange if not canonical_sector(s))

    def _same_kind(
        self, version: StoreVersion, adjusted: str, simulated: dict[str, Any] | None
    ) -> None:
        """Adjusted and raw bars, simulated and real ones, never share a store."""
        if version.last is None:
            return
        if version.adjustment != adjusted:
            words = {"none": "as traded", "splits": "adjusted for splits by the vendor"}
            raise StoreError(
                f"{self.folder}: holds bars {words[version.adjustment]}, and these are "
                f"{words[adjusted]}; the two are never mixed and nothing was imported. Use "
                "another store: --store DIR"
            )
        if bool(version.simulated) != bool(simulated):
            raise StoreError(
                f"{self.folder}: holds {'a simulated' if version.simulated else 'a real'} "
                "market; the two are never mixed and nothing was imported. Use another "
                "store: --store DIR"
            )

    def _identified(
        self, rows: pl.DataFrame, bad: pl.DataFrame, version: StoreVersion
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """`rows` with `security_id`, and the tickers that are new.

        A symbol belongs to the security that trades under it now; one never seen gets the
        next number, in order of symbols. A symbol all of whose rows are `bad` is listed too:
        the ledger has to account for it.
        """
        readable = bad.filter(
            pl.col("symbol").str.contains(SYMBOL_PATTERN), pl.col("date").is_not_null()
        )
        seen = pl.concat([rows.select("symbol", "date"), readable.select("symbol", "date")])
        stored = eras(self.table("tickers", version).collect())
        current = stored.filter(pl.col("until").is_null()).select("symbol", "security_id")
        top = stored["security_id"].max() if not stored.is_empty() else 0
        strangers = (
            seen.group_by("symbol")
            .agg(since=pl.col("date").min())
            .join(current, on="symbol", how="anti")
            .sort("symbol")
            .with_row_index("security_id", offset=int(top or 0) + 1)  # type: ignore[arg-type]
            .with_columns(
                until=pl.lit(None, dtype=pl.Date),
                era=pl.lit(0),
                known_at=pl.col("since").cast(INSTANT),
                source=pl.lit("file"),
            )
        )
        tickers = conform(strangers, TICKERS, "tickers")
        everyone = pl.concat([current, tickers.select("symbol", "security_id")])
        return rows.join(everyone, on="symbol", how="left", maintain_order="left"), tickers

    def _actions(
        self, good: pl.DataFrame, version: StoreVersion, adjusted: str
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """New splits and dividends, and the splits that prices contradict."""
        parts = []
        for kind, nothing in (("split", (0.0, 1.0)), ("dividend", (0.0,))):
            if kind in good.columns:
                told = pl.col(kind).is_not_null() & ~pl.col(kind).is_in(nothing)
                parts.append(
                    good.filter(told).select(
                        "security_id",
                        "symbol",
                        "date",
                        "known_at",
                        "assumed",
                        kind=pl.lit(kind),
                        value=pl.col(kind),
                    )
                )
        empty = pl.DataFrame(schema={"symbol": pl.String, "date": pl.Date, "reason": pl.String})
        if not parts:
            return pl.DataFrame(schema=ACTIONS), empty
        events = pl.concat(parts)
        wrong = events.filter(~((pl.col("value") > 0) & pl.col("value").is_finite()))
        events = events.join(
            wrong.select("symbol", "date", "kind"), on=["symbol", "date", "kind"], how="anti"
        )
        repeated = contradicted_splits(events, good) if adjusted == "none" else events.clear()
        refused = pl.concat(
            [
                wrong.with_columns(reason=pl.lit("split_not_positive")),
                repeated.with_columns(reason=pl.lit("split_repeated")),
            ]
        ).select("symbol", "date", "kind", "value", "reason")
        key = ["symbol", "date", "kind"]
        kept = events.join(repeated.select(key), on=key, how="anti")
        named = kept.rename({"date": "session"}).with_columns(source=pl.lit("file"))
        table = conform(named, ACTIONS, "actions")
        about = ["security_id", "session", "kind", "value"]
        stored = self.table("actions", version).select(about).collect()
        return table.join(stored, on=about, how="anti"), refused


def _settled(before: StoreVersion, new: pl.DataFrame) -> date | None:
    """Files hold sessions that are over; a store that never synced tells nothing."""
    newest = new["session"].max()
    if before.settled is None or not isinstance(newest, date):
        return before.settled
    return max(before.settled, newest)


def _as_source(source: Any) -> Path | pl.DataFrame:
    """A path or a Polars frame; pandas and Arrow frames are converted."""
    if isinstance(source, str | Path):
        return Path(source)
    if isinstance(source, pl.DataFrame):
        return source
    if hasattr(source, "__arrow_c_stream__"):
        return pl.DataFrame(source)
    return pl.from_pandas(source)


def _dated(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with `known_at` and `assumed`: as told, or the close of their own session."""
    close = closes(rows)
    if "as_of" not in rows.columns:
        return rows.with_columns(known_at=close, assumed=pl.lit(True))
    told = pl.col("as_of")
    dtype = rows.schema["as_of"]
    if dtype == pl.String:
        told, dtype = told.str.to_datetime(strict=False), pl.Datetime("us")
    if dtype == pl.Date:  # that night: the last second of the day in New York
        told = told.cast(pl.Datetime("us")).dt.offset_by("1d").dt.offset_by("-1s")
    if not (isinstance(dtype, pl.Datetime) and dtype.time_zone):
        told = told.dt.replace_time_zone("America/New_York", ambiguous="earliest")
    instant = told.dt.convert_time_zone("UTC").cast(INSTANT)
    return rows.drop("as_of").with_columns(
        known_at=pl.coalesce(rows.select(instant.alias("told"))["told"], close),
        assumed=rows["as_of"].is_null(),
    )


def _classified(raw: pl.DataFrame) -> pl.DataFrame:
    """Listings with our sector names and types; what we cannot place is null."""
    sectors = {s: canonical_sector(s) for s in raw["sector"].drop_nulls().unique()}
    types = {t: listing_type(t) for t in raw["type"].drop_nulls().unique()}
    return raw.with_columns(
        pl.col("sector").replace_strict(sectors, default=None, return_dtype=pl.String),
        pl.col("type").replace_strict(types, default=None, return_dtype=pl.String),
    ).rename({"from": "since", "to": "until"})
