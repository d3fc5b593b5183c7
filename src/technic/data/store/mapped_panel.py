"""A panel that is mapped into memory, and the securities in it; views of the past, kept a while."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from threading import Lock

import polars as pl

from technic.data.store.panel_bars import PanelBars
from technic.data.store.version import StoreVersion
from technic.market.panel import Panel

PAST_VIEWS = 4  # kept per process; each holds some tens of megabytes of its own
_GUARD = Lock()
_VIEWS: dict[Path, MappedPanel] = {}


@dataclass(frozen=True, slots=True, eq=False)
class MappedPanel:
    """A panel and the securities in it; two are equal if they show the same file.

    Attributes
    ----------
    bars : position `i` is row `i` of `who`; see `PanelBars`
    who : one row per security with a bar or a listing, see `tickers.directory`
    as_of : the session it stands in
    known_at : what was known before this instant; None for everything
    version : the store version it shows
    path : of its index
    content : digest of what the file held that it was made from
    provisional : names the bars of the day so far that it shows too; empty if it shows none
    anew : securities whose runs are not those of the file; only of a provisional view
    """

    bars: PanelBars
    who: pl.DataFrame
    as_of: date
    known_at: datetime | None
    version: StoreVersion
    path: Path
    content: str
    provisional: str = ""
    anew: tuple[int, ...] = ()

    def __len__(self) -> int:
        """How many securities it shows."""
        return len(self.bars.security_ids)

    @property
    def panel(self) -> Panel:
        """All bars, each held against its checksum; `bars` alone tells ids and lengths sooner."""
        return self.bars.panel()

    @property
    def data(self) -> str:
        """Names the file of its runs: a run that it shows at a place never changes."""
        return f"{self.version.identity}/{self.bars.data}" if self.bars.data else ""

    @property
    def name(self) -> str:
        """Names the view and all it was made from, by content: equal names, equal answers."""
        return f"{self.version.content}/{self.path.name}/{self.content}"

    def __hash__(self) -> int:
        return hash(self.path)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MappedPanel):
            return False
        return other.path == self.path and other.name == self.name


def view_at(path: Path, version: StoreVersion) -> MappedPanel | None:
    """The view of the past that an index of this path would show, if it is kept."""
    with _GUARD:
        view = _VIEWS.get(path.with_suffix(""))
    return view if view is not None and view.version.content == version.content else None


def keep_view(view: MappedPanel) -> MappedPanel:
    """Keep the last few views of the past, for whoever asks for the same once more."""
    with _GUARD:
        _VIEWS[view.path] = view
        while len(_VIEWS) > PAST_VIEWS:
            del _VIEWS[next(iter(_VIEWS))]
    return view
