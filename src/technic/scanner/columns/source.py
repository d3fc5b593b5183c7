"""What a source of columns is: the protocol, what a source may read, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from technic.data.store import Store
    from technic.data.store.mapped_panel import MappedPanel
    from technic.market.typing import FloatArray, IntArray
    from technic.runtime.settings import Settings
    from technic.scores.statements import Statements

Values = Any  # float64, or objects for texts; one value per symbol


class SymbolView(Protocol):
    """Some symbols of one session, as they were known that night.

    Every source of listings, filings and market value reads this and nothing else, so that a past
    session and the newest one are answered by the same code.
    """

    @property
    def as_of(self) -> date:
        """The session."""
        ...

    @property
    def security_ids(self) -> IntArray:
        """Identity of each symbol; int64, shape (n_symbols,)."""
        ...

    @property
    def closes(self) -> FloatArray:
        """Close of the newest bar of each symbol, USD as traded; float64, NaN without a bar."""
        ...

    @property
    def statements(self) -> Statements:
        """What every company filed, event by event."""
        ...

    @property
    def events(self) -> IntArray:
        """Per symbol its newest visible event of `statements`, −1 where there is none; int64."""
        ...

    @property
    def columns(self) -> Mapping[str, Values]:
        """The columns of the same symbols by name, loaded when they are asked for."""
        ...

    def listing(self, name: str) -> Values:
        """Return one column of the listings, shape (n_symbols,)."""
        ...


class SessionView(SymbolView, Protocol):
    """Every symbol of a store on one session, with all that a source may need beside them."""

    @property
    def store(self) -> Store:
        """Tables of news, filings and actions; and models."""
        ...

    @property
    def panel_view(self) -> MappedPanel:
        """Bars and listings as of the session."""
        ...

    @property
    def settings(self) -> Settings:
        """Cache, kernels and executor; none of them changes a value."""
        ...

    @property
    def wanted_model(self) -> str | None:
        """Digest of the model to forecast with; None for the one in use."""
        ...


@dataclass(frozen=True, slots=True)
class LoadedColumns:
    """What a source gave.

    Attributes
    ----------
    values : per name, an array of shape (n_symbols,); float64 with NaN for unknown, or objects
        with None; may hold more names than were asked for
    notes : what whoever reads the columns should know, one line each
    model : digest of the model that a forecast came from; empty for every other column
    """

    values: Mapping[str, Values]
    notes: tuple[str, ...] = ()
    model: str = ""


ViewT_contra = TypeVar("ViewT_contra", contravariant=True)


class ColumnSource(Protocol[ViewT_contra]):
    """Where some columns of a cross-section come from."""

    @property
    def is_cacheable(self) -> bool:
        """Whether the view's name and the code of the scores decide every value.

        Where they do not, the source keeps its columns under a key that names the rest, or not at
        all.
        """
        ...

    def gives(self, name: str) -> bool:
        """Return whether a column of this name comes from here."""
        ...

    def load(self, names: Sequence[str], view: ViewT_contra) -> LoadedColumns:
        """Load columns of the symbols of a view.

        Parameters
        ----------
        names : columns that the source `gives`
        view : which symbols, on which session

        Returns
        -------
        LoadedColumns
            At least the columns named.
        """
        ...
