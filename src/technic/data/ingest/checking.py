"""What an import would do with a file, found out without storing anything."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from technic.data.formats.bar_file import BarFile, FileHints
from technic.data.formats.bars import read_bars
from technic.data.ingest.bar_files import believed, refuse_closed, refuse_unbelievable
from technic.data.ingest.filers import spelt_as_ours
from technic.data.ingest.held import hold_against_store
from technic.data.ingest.merge import as_source, refuse_mixture
from technic.data.ingest.row_places import RowPlace, places_of
from technic.errors import SchemaError, StoreError
from technic.market.quality import Sorted

if TYPE_CHECKING:
    from technic.data.store import Store


SHOWN = 3  # rows of each reason


@dataclass(frozen=True, slots=True)
class Checked:
    """What would become of a file.

    Attributes
    ----------
    file : what was recognised; its rows in the order of the file
    adjusted : "none" or "splits": how its prices would be taken
    judged : its rows, those that would be kept and those that would be set aside
    refusal : why it would be refused as a whole; empty if it would not be
    doubts : a line for each symbol, split or dividend that would not be taken as the file tells
        it, and for nights that look like a split which nobody told
    told : what would be learnt of who is who
    places : where the first rows of each reason stand that would be set aside
    """

    file: BarFile
    adjusted: str
    judged: Sorted
    refusal: str = ""
    doubts: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    places: tuple[RowPlace, ...] = ()


def check_bars(
    store: Store,
    source: pl.DataFrame | Path | str,
    adjusted: str | None = None,
    hints: FileHints | None = None,
) -> Checked:
    """Look at a file as an import would, and store nothing.

    Parameters
    ----------
    store : that it would be imported into; it may hold nothing yet
    source, adjusted, hints : as in `FileStore.import_bars`

    Raises
    ------
    SchemaError
        If it cannot be read as bars at all.
    """
    placed = replace(hints or FileHints(), placed=True)
    file = read_bars(as_source(source), placed, adjusted, refuse_closed)
    file = replace(file, rows=spelt_as_ours(store, file.rows, store.version()))
    kind = adjusted or file.adjusted or "none"
    judged = believed(file, datetime.now(UTC))
    refusal, doubts, told = "", tuple[str, ...](), tuple[str, ...]()
    version = store.version()
    label = Path(source).name if isinstance(source, str | Path) else "the frame"
    try:
        refuse_mixture(store, "imported", adjustment=kind, simulated=version.is_simulated)
        refuse_unbelievable(judged, file.rows, label)
        held = hold_against_store(
            store, version, judged, store.learned_at(), as_traded=kind == "none", label=label
        )
        judged, doubts, told = held.judged, tuple(held.doubts), tuple(held.told)
    except (SchemaError, StoreError) as error:
        refusal = str(error)
    places = places_of(file, judged.bad, SHOWN)
    return Checked(file, kind, judged, refusal, doubts, told, places)
