"""What is known of every symbol of a session besides its bars: columns for a question.

Names of listings are there at once. What companies filed, what happened to them and how the
market as a whole stands is found when a question first asks for it, and kept by content: facts
of a view do not change.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from technic.compute.kernel import ensure_compiled
from technic.compute.last_bar import column_content, column_of
from technic.data.store import Store
from technic.data.store.panels import MappedPanel
from technic.market.sessions import nyse
from technic.market.typing import FloatArray, IntArray
from technic.query.names import ALPHA, REGIME
from technic.runtime.cache import key_of
from technic.runtime.settings import Settings
from technic.scanner.columns.filings import (
    days_since_1970,
    microseconds_since_1970,
    next_filing_days,
    statements_at,
)
from technic.scanner.columns.listings import attributes_of
from technic.scanner.columns.plugins import plugin_column
from technic.scanner.columns.regime import Regime, regime_of
from technic.scores.digest import digest as scores_digest
from technic.scores.statements import Statements, fresh

if TYPE_CHECKING:
    from technic.scanner.columns.forecast import ForecastPart


class Attributes(dict[str, Any]):
    """Columns by name, shape (n_symbols,) each; found when they are first asked for."""

    def __init__(
        self, store: Store, view: MappedPanel, settings: Settings, model: str | None = None
    ) -> None:
        super().__init__(attributes_of(view))
        self._store, self._view, self._settings = store, view, settings
        self._asked_model, self.model = model, ""
        self.notes: list[str] = []

    def __missing__(self, name: str) -> Any:
        self.prefetch([name])
        return self[name]

    def prefetch(self, names: Iterable[str]) -> None:
        """Find several columns at once: from the cache, else from the store."""
        wanted = {name for name in names if name not in self}
        cache = self._settings.cache
        kept = {
            name: key_of("known", scores_digest(), self._view.name, name)
            for name in sorted(wanted - set(REGIME) - set(ALPHA) - {"market_cap"})
            if not name.startswith("python(")  # keeps its own
        }
        for name in wanted - set(kept):
            if name.startswith("python("):
                self[name] = self._find(name)
        found = cache.get_many(kept.values())
        fresh_ones = {}
        for name, key in kept.items():
            column = column_of(found[key], len(self._view.panel)) if key in found else None
            if column is None:
                column = self._find(name)
                fresh_ones[key] = column_content(column)
            self[name] = column
        cache.put_many(fresh_ones, cost=50.0)
        if "market_cap" in wanted:
            self["market_cap"] = self._market_cap()
        if wanted & set(ALPHA):
            from technic.scanner.columns.forecast import forecast  # brings the compiler

            made = forecast(self._store, self._view, self._settings, self, self._asked_model)
            self |= dict(zip(ALPHA, (made.alpha, made.rank), strict=True))
            self.model = made.card.sha256
            self.notes.append(made.note)
        if wanted & set(REGIME):
            regime = regime_of(self._view, self._settings, lambda: self["market_cap"])
            for name in REGIME:
                value = regime.values[name]
                self[name] = np.full(len(self._view.panel), np.nan if value is None else value)

    @property
    def statements(self) -> Statements:
        """What was known of every company, event by event."""
        return statements_at(self._store, self._view.version)

    def event_rows(self) -> IntArray:
        """Of each symbol the newest event of `statements` that is visible; −1 where none is."""
        known_at = self._view.known_at
        before = None if known_at is None else microseconds_since_1970(known_at)
        return self.statements.rows(self._view.panel.security_ids, before)

    def forms(self) -> dict[tuple[int, str], str]:
        """What each filing was filed as, by security and accession."""
        table = self._store.table("filings", self._view.version)
        rows = table.select("security_id", "accession", "form").collect()
        return {(who, accession): form for who, accession, form in rows.iter_rows()}

    def forecast_parts(self, at: int) -> tuple[ForecastPart, ...]:
        """What the forecast of the symbol at a position is made of; see `forecasting`."""
        from technic.scanner.columns.forecast import forecast_parts  # brings the compiler

        return forecast_parts(self._store, self._view, self._settings, self, self.model, at)

    def _find(self, name: str) -> FloatArray:
        if name.startswith("python("):
            column, troubles = plugin_column(name[8:-2], self._view, self._settings)
            self.notes += troubles
            return column
        if name.startswith("news_count("):
            return self._news(int(name[len("news_count(") : -1]))
        return self._updated() if name == "is_updated" else self._of_filings(name)

    def _of_filings(self, name: str) -> FloatArray:
        """A column that comes from what was filed; unknown where nothing was."""
        statements, rows = self.statements, self.event_rows()
        there = rows >= 0
        if name == "has_filings":
            return there.astype(np.float64)
        if not len(statements):
            return np.full(len(rows), np.nan)
        if name == "days_since_filing":
            found = self._today() - days_since_1970(statements.filed[rows])
        elif name == "days_to_expected_filing":
            found = next_filing_days(statements)[rows] - self._today()
        else:
            found = statements.column(name)[rows]
            there &= fresh(statements.ends[rows], self._view.as_of)
        known: FloatArray = np.where(there, found, np.nan)
        return known

    def _market_cap(self) -> FloatArray:
        """USD: shares of the newest filing at the last close; else as it was told."""
        shares, close = self["shares"], self._view.panel.last("close")
        value: FloatArray = np.where(np.isnan(shares), self["market_cap_told"], shares * close)
        return value

    def _today(self) -> float:
        return float(np.datetime64(self._view.as_of, "D").astype(np.int64))

    def _window(self, sessions: int) -> tuple[datetime, datetime]:
        """From the open after the session `sessions` ago to the open after this one."""
        ordinal = nyse().ordinal(self._view.as_of)
        end = self._view.known_at or nyse().opens(ordinal + 1)
        return nyse().opens(max(ordinal + 1 - sessions, 0)), end

    def _count(self, table: str, sessions: int) -> FloatArray:
        """Rows of a table, per symbol, that became known in the last sessions."""
        low, high = self._window(sessions)
        rows = (
            self._store.table(table, self._view.version)
            .filter(pl.col("known_at") >= low, pl.col("known_at") < high)
            .group_by("security_id")
            .len()
            .collect()
        )
        counts = self._view.who.select("security_id").join(
            rows, on="security_id", how="left", maintain_order="left"
        )
        found: FloatArray = counts["len"].fill_null(0).cast(pl.Float64).to_numpy()
        return found

    def _news(self, sessions: int) -> FloatArray:
        """Unknown for all where the store holds no news: silence is not an absence of news."""
        if "news" not in self._view.version.tables:
            return np.full(len(self._view.panel), np.nan)
        return self._count("news", sessions)

    def _updated(self) -> FloatArray:
        """1 where a filing, a split, a dividend or news became known since the session before."""
        counts = [self._count(table, 1) for table in ("filings", "actions", "news")]
        happened: FloatArray = (np.add.reduce(counts) > 0).astype(np.float64)
        return happened


def market_regime(
    store: Store,
    as_of: date | None = None,
    *,
    known_at: datetime | None = None,
    settings: Settings | None = None,
) -> Regime:
    """How the market as a whole stands on a session; the newest stored by default.

    Examples
    --------
    >>> import technic as tc
    >>> tc.market_regime(tc.open_store("demo")).values["market_above_200"]  # doctest: +SKIP
    """
    settings = settings or Settings.load()
    ensure_compiled(settings.kernels)
    view = store.panel(as_of, known_at)
    return regime_of(view, settings, lambda: Attributes(store, view, settings)["market_cap"])
