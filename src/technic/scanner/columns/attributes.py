"""Columns of a session besides its series: a mapping that loads them from a table of sources.

1. `Attributes.prefetch` takes what the cache holds, in one batch.
2. Each of `SOURCES` loads what is missing of what it gives, in the order of the table.
3. What was loaded is kept by the name of the view, where the source allows that: facts of a view
   do not change.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from technic.compute.column_cache import ColumnCache
from technic.compute.kernel import ensure_compiled
from technic.data.store import Store
from technic.data.store.mapped_panel import MappedPanel
from technic.market.typing import FloatArray, IntArray
from technic.runtime.cache import key_of
from technic.runtime.settings import Settings
from technic.scanner.columns.bar_counts import BarCounts
from technic.scanner.columns.filings import (
    FilingDates,
    Filings,
    microseconds_since_1970,
    statements_at,
)
from technic.scanner.columns.forecast import Forecast
from technic.scanner.columns.listings import Listings, listings_of
from technic.scanner.columns.market_value import MarketValue
from technic.scanner.columns.news import RecentEvents
from technic.scanner.columns.plugins import Plugins
from technic.scanner.columns.regime import MarketRegime, Regime, regime_of
from technic.scanner.columns.source import ColumnSource, LoadedColumns, SessionView
from technic.scanner.columns.total_return import TotalReturns
from technic.scores.digest import digest as scores_digest
from technic.scores.statements import Statements

if TYPE_CHECKING:
    from technic.scanner.columns.model_forecast import ForecastPart

# No name is given by two of them; their notes are shown in this order.
SOURCES: tuple[ColumnSource[SessionView], ...] = (
    Listings(),
    BarCounts(),
    Filings(),
    FilingDates(),
    RecentEvents(),
    TotalReturns(),
    MarketValue(),
    Plugins(),
    Forecast(),
    MarketRegime(),
)


class Attributes(dict[str, Any]):
    """Columns of every symbol of a view by name, loaded when they are first asked for.

    Numbers are float64 with NaN for unknown, texts are objects with None; shape (n_symbols,) each.
    It is itself the `SessionView` that its sources read.

    Parameters
    ----------
    store : where sources read what the panel does not hold
    panel_view : bars and listings as of the session
    settings : cache, kernels and executor; none of them changes a value
    wanted_model : digest of the model to forecast with; None for the one in use

    Attributes
    ----------
    notes : what a reader of the columns should know, one line each
    model : digest of the model that gave a forecast; empty before one was asked for
    """

    def __init__(
        self,
        store: Store,
        panel_view: MappedPanel,
        settings: Settings,
        wanted_model: str | None = None,
    ) -> None:
        super().__init__()
        self.store, self.panel_view, self.settings = store, panel_view, settings
        self.wanted_model = wanted_model
        self.notes: list[str] = []
        self.model = ""

    def __missing__(self, name: str) -> Any:
        """Load a column; KeyError where no source gives it."""
        self.prefetch([name])
        if name not in self:
            raise KeyError(name)
        return self[name]

    def prefetch(self, names: Iterable[str]) -> None:
        """Load several columns at once: from the cache, else from their sources.

        Parameters
        ----------
        names : columns that may be asked for; those that no source gives are passed over
        """
        wanted = sorted({name for name in names if name not in self})
        by_source = {source: [name for name in wanted if source.gives(name)] for source in SOURCES}
        keys = {
            name: key_of("attribute", scores_digest(), self.panel_view.name, name)
            for source, given in by_source.items()
            if source.is_cacheable
            for name in given
        }
        cache = ColumnCache(self.settings.cache, len(self.security_ids))
        self |= cache.recall(keys)
        for source, given in by_source.items():
            missing = [name for name in given if name not in self]
            if not missing:
                continue
            loaded = source.load(missing, self)
            self._add(loaded)
            if source.is_cacheable:
                cache.keep(keys, {name: loaded.values[name] for name in missing}, cost=50.0)

    def _add(self, loaded: LoadedColumns) -> None:
        self |= loaded.values
        self.notes += loaded.notes
        self.model = loaded.model or self.model

    @property
    def as_of(self) -> date:
        """The session."""
        return self.panel_view.as_of

    @property
    def security_ids(self) -> IntArray:
        """Identity of each symbol; int64, shape (n_symbols,), ascending."""
        return self.panel_view.bars.security_ids

    @property
    def closes(self) -> FloatArray:
        """Close of each symbol's newest bar, USD; NaN without a bar."""
        return self.panel_view.panel.last("close")

    @property
    def columns(self) -> Attributes:
        """These columns, for the sources that read others."""
        return self

    @property
    def statements(self) -> Statements:
        """What was known of every company, event by event."""
        return statements_at(self.store, self.panel_view.version)

    @cached_property
    def events(self) -> IntArray:
        """Per symbol its newest visible event of `statements`; −1 where there is none."""
        known_at = self.panel_view.known_at
        before = None if known_at is None else microseconds_since_1970(known_at)
        return self.statements.rows(self.security_ids, before)

    def listing(self, name: str) -> Any:
        """Return one column of the listings, shape (n_symbols,)."""
        return listings_of(self.panel_view)[name]

    def forms(self) -> dict[tuple[int, str], str]:
        """Return what each filing was filed as, by security and accession."""
        table = self.store.table("filings", self.panel_view.version)
        rows = table.select("security_id", "accession", "form").collect()
        return {(security, accession): form for security, accession, form in rows.iter_rows()}

    def forecast_parts(self, at: int) -> tuple[ForecastPart, ...]:
        """Take the forecast of the symbol at a position apart; see `forecast_parts`."""
        from technic.scanner.columns.model_forecast import forecast_parts  # brings the compiler

        return forecast_parts(self, self.model, at)


def market_regime(
    store: Store,
    as_of: date | None = None,
    *,
    known_at: datetime | None = None,
    settings: Settings | None = None,
) -> Regime:
    """Measure how the market as a whole stands on a session.

    Parameters
    ----------
    store : whose common stocks are counted
    as_of : the session to stand in; the newest stored by default
    known_at : only what was known before this instant; everything by default
    settings : cache, threads and kernels; none of them changes a value

    Returns
    -------
    Regime
        Breadth in percent, counts of new highs and lows, dispersion and volatility in percent,
        trends; a value that the bars do not tell is None.

    Raises
    ------
    StoreError
        If the store is empty or `as_of` lies outside it.

    Examples
    --------
    >>> import technic as tc
    >>> store = tc.open_store("demo")
    >>> regime = tc.market_regime(store)
    >>> regime.members <= 120, sorted(regime.values)[:2]
    (True, ['market_above_200', 'market_above_50'])
    """
    settings = settings or Settings.load()
    ensure_compiled(settings.kernels)
    view = store.panel(as_of, known_at)
    return regime_of(Attributes(store, view, settings))
