"""From the user's files into a store.

1. `providers.files` reads the file under our names.
2. `_dated` gives every row the instant it became known.
3. `market.quality` sets aside what cannot be believed.
4. `holders.identified` finds or gives each symbol its security.
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

from technic.data.ingest.filers import identified
from technic.data.ingest.filing_files import TakenFilings, take_filings
from technic.data.ingest.listing_files import TakenListings, take_listings
from technic.data.ingest.merge import as_bars, as_source, closes, news, told_instants
from technic.data.providers.files import read_bars
from technic.data.store import Store, StoreVersion
from technic.errors import SchemaError, StoreError
from technic.market.quality import contradicted_splits, examine
from technic.market.schema import ACTIONS, conform

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
        raw = read_bars(as_source(source))
        seen = seen_at or datetime.now(UTC)
        progress("checking")
        sorted_rows = examine(_dated(raw))
        progress("comparing with the store")
        good, tickers = identified(self, sorted_rows.good, sorted_rows.bad, before)
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
        self, source: pl.DataFrame | Path | str | Any, *, seen_at: datetime | None = None
    ) -> TakenListings:
        """Import names, types and classes; see `sync.listing_files`."""
        return take_listings(self, as_source(source), seen_at or datetime.now(UTC))

    def import_filings(
        self, source: pl.DataFrame | Path | str | Any, *, seen_at: datetime | None = None
    ) -> TakenFilings:
        """Import what companies filed; see `sync.filing_files`."""
        return take_filings(self, as_source(source), seen_at or datetime.now(UTC))

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


def _dated(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with `known_at` and `assumed`: as told, or the close of their own session."""
    close = closes(rows)
    if "as_of" not in rows.columns:
        return rows.with_columns(known_at=close, assumed=pl.lit(True))
    return rows.drop("as_of").with_columns(
        known_at=pl.coalesce(told_instants(rows, "as_of"), close),
        assumed=rows["as_of"].is_null(),
    )
