"""How the market as a whole stands, counted over its symbols: a source of `market_…` columns.

Counted over common stocks that traded on the session, and who was never said to be anything
else: how many stand above their means, make new highs and lows, and how far their
months lie apart. Volatility and trend are those of the market's own level, equal-weighted, and
weighted by market value where that is known.

References
----------
Breadth, new highs less new lows: any book on market technicians' work, e.g. Murphy (1999).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from technic.compute.benchmark import benchmark_closes, counted
from technic.compute.last_bar import columns_of
from technic.data.store.mapped_panel import MappedPanel
from technic.indicators.kernel.codegen import digest as kernel_digest
from technic.market.cross_section import percentile
from technic.market.panel import LANES
from technic.market.sessions import nyse
from technic.market.typing import BoolArray, FloatArray
from technic.query.names import REGIME
from technic.query.series import series_for
from technic.runtime.cache import key_of
from technic.scanner.columns.listings import last_sessions
from technic.scanner.columns.source import LoadedColumns, SessionView
from technic.scores.digest import digest as scores_digest

if TYPE_CHECKING:
    from datetime import date

    from technic.runtime.settings import Settings

READ = (
    "close",
    "high",
    "low",
    "sma(50)",
    "sma(200)",
    "highest(high, 252)",
    "lowest(low, 252)",
    "ret(21)",
)
FAST, SLOW = 50, 200  # sessions of the level's means
MONTH, YEAR = 20, 252  # sessions of its volatility, and of that volatility's history
UNIT = 2.0**40  # weights and weighted returns are whole numbers of it: their sums are exact
CUT = 0.5  # a single return beyond it is a bad tick more often than not
CALM, WILD = 33.0, 67.0  # percentiles of volatility below and above which it is not usual
TREND = {1.0: "up", 0.0: "mixed", -1.0: "down"}


@dataclass(frozen=True, slots=True)
class Regime:
    """The market on one session.

    Attributes
    ----------
    as_of : the session
    members : how many symbols were counted
    values : by the names that questions use; None is unknown. Shares are percents;
        `market_dispersion` is the standard deviation of 21-session returns, in percent;
        `market_volatility` that of daily returns of the level over 20 sessions, in percent a
        year, and `market_volatility_pct` its percentile in its own year; trends are 1 (level
        above its 200-session mean, and the 50-session mean too), −1 (both below) or 0
    """

    as_of: date
    members: int
    values: dict[str, float | None]

    def as_dict(self) -> dict[str, Any]:
        """As a report holds it."""
        return {"members": self.members, "values": self.values, "lines": self.lines}

    @property
    def lines(self) -> list[tuple[str, str]]:
        """The regime in words: what is measured, and how it stands."""
        highs, lows = (self._text(f"market_new_{what}", "{:.0f}") for what in ("highs", "lows"))
        volatility = self._text("market_volatility", "{:.0f} % a year") + self._mood()
        return [
            ("above 50-day mean", self._text("market_above_50", "{:.0f} %")),
            ("above 200-day mean", self._text("market_above_200", "{:.0f} %")),
            ("new highs / lows", f"{highs} / {lows}"),
            ("dispersion of 21 sessions", self._text("market_dispersion", "{:.1f} %")),
            ("volatility", volatility),
            ("trend, equal-weighted", self._trend("market_trend")),
            ("trend, by market value", self._trend("market_trend_cap")),
        ]

    def _text(self, name: str, form: str) -> str:
        value = self.values[name]
        return "unknown" if value is None else form.format(value)

    def _trend(self, name: str) -> str:
        value = self.values[name]
        return "unknown" if value is None else TREND[value]

    def _mood(self) -> str:
        """How today's volatility compares with that of the year."""
        place = self.values["market_volatility_pct"]
        if place is None:
            return ""
        return ", calm" if place < CALM else ", wild" if place > WILD else ", usual"


class MarketRegime:
    """How the market as a whole stands: the same value for every symbol of a session."""

    is_cacheable = False  # nine numbers, kept as such, not as columns

    def gives(self, name: str) -> bool:
        """Return whether a name is one of the market as a whole."""
        return name in REGIME

    def load(self, _names: Sequence[str], view: SessionView) -> LoadedColumns:
        """Load all columns of the regime; NaN where the market tells too little."""
        regime = regime_of(view)
        n_symbols = len(view.security_ids)
        values = {name: regime.values[name] for name in REGIME}
        return LoadedColumns(
            {
                name: np.full(n_symbols, np.nan if value is None else value)
                for name, value in values.items()
            }
        )


def regime_of(session: SessionView) -> Regime:
    """Return how the market stands on a session, from the cache if it was asked before.

    Parameters
    ----------
    session : its column `market_cap` is read only where the cache holds no answer
    """
    view, cache = session.panel_view, session.settings.cache
    key = key_of("regime", kernel_digest(), scores_digest(), view.name)
    content = cache.get(key)
    if content is not None:
        cached = orjson.loads(content)
        return Regime(view.as_of, cached["members"], cached["values"])
    regime = _compute_regime(view, session.settings, session.columns["market_cap"])
    content = orjson.dumps({"members": regime.members, "values": regime.values})
    cache.put(key, content, cost=100.0)
    return regime


def _compute_regime(view: MappedPanel, settings: Settings, market_cap: FloatArray) -> Regime:
    names, series = series_for(READ)
    values = columns_of(series, "market", view, settings).values
    counts = counted(view) & (last_sessions(view) == nyse().ordinal(view.as_of))
    # Whoever does not count is unknown from here on, and unknowns are never counted.
    column = {
        name: np.where(counts, values[s], np.nan) for name, s in zip(names, series, strict=True)
    }
    close, high, low = column["close"], column["high"], column["low"]
    level = benchmark_closes(view, "market")
    volatility, place = _volatility(level)
    return Regime(
        view.as_of,
        int(counts.sum()),
        {
            "market_above_50": _share(close > column["sma(50)"], column["sma(50)"]),
            "market_above_200": _share(close > column["sma(200)"], column["sma(200)"]),
            "market_new_highs": _count(
                high >= column["highest(high, 252)"], column["highest(high, 252)"]
            ),
            "market_new_lows": _count(
                low <= column["lowest(low, 252)"], column["lowest(low, 252)"]
            ),
            "market_dispersion": _dispersion(column["ret(21)"]),
            "market_volatility": volatility,
            "market_volatility_pct": place,
            "market_trend": _trend(level),
            "market_trend_cap": _trend(_weighted_level(view, counts, market_cap)),
        },
    )


def _share(claim: BoolArray, needed: FloatArray) -> float | None:
    n_known = int((~np.isnan(needed)).sum())
    return 100.0 * int(claim.sum()) / n_known if n_known else None


def _count(claim: BoolArray, needed: FloatArray) -> float | None:
    return float(claim.sum()) if (~np.isnan(needed)).any() else None


def _dispersion(returns: FloatArray) -> float | None:
    """Standard deviation of what lies between the first and the last percent, in percent."""
    finite = np.sort(returns[~np.isnan(returns)])
    cut = len(finite) // 100
    inner = finite[cut : len(finite) - cut]
    return 100.0 * float(inner.std()) if len(inner) > 1 else None


def _volatility(level: FloatArray) -> tuple[float | None, float | None]:
    """Of the newest month, in percent a year; and where it stands among those of a year."""
    levels = level[~np.isnan(level)]
    moves = np.diff(np.log(levels[-(YEAR + MONTH) :]))
    if len(moves) < MONTH:
        return None, None
    windows = np.lib.stride_tricks.sliding_window_view(moves, MONTH)
    months = 100.0 * np.sqrt(252.0) * windows.std(axis=1)
    place = float(percentile(months)[-1]) if len(months) >= YEAR // 2 else None
    return float(months[-1]), place


def _trend(level: FloatArray | None) -> float | None:
    levels = np.empty(0) if level is None else level[~np.isnan(level)]
    if len(levels) < SLOW:
        return None
    slow, fast = levels[-SLOW:].mean(), levels[-FAST:].mean()
    return float(int(levels[-1] > slow) + int(fast > slow) - 1)


@lru_cache(maxsize=2)
def level_by_value(view: MappedPanel, weights: bytes) -> FloatArray:
    """Return the market's level, each symbol weighing what it was worth the session before.

    Parameters
    ----------
    view : whose bars are added up
    weights : shares outstanding, float64 of shape (n_symbols,), as bytes so that the answer can be
        remembered; NaN counts nothing

    Returns
    -------
    FloatArray
        Per session ordinal, float64, grown from 100; NaN where nobody traded.
    """
    panel = view.panel
    shares = np.frombuffer(weights)
    close, session = (panel.bars[:, panel.fields.index(name)] for name in ("close", "session"))
    shares_by_place = np.zeros(panel.bars.shape[0] * LANES)
    shares_by_place[panel.places] = np.nan_to_num(shares)
    lengths = np.zeros(len(shares_by_place), dtype=np.int64)
    lengths[panel.places] = panel.lengths
    by_block, runs = shares_by_place.reshape(-1, LANES), lengths.reshape(-1, LANES)
    top = np.nansum(shares * panel.last("close"))
    gains, worth = np.zeros(len(nyse())), np.zeros(len(nyse()))
    for b in np.flatnonzero((by_block > 0.0).any(axis=1) & (runs.max(axis=1) > 1)):
        rows = int(runs[b].max())
        there = (np.arange(1, rows)[:, None] < runs[b]) & (by_block[b] > 0.0)
        before, now = close[b, : rows - 1], close[b, 1:rows]
        with np.errstate(all="ignore"):
            weight = np.where(there, before * by_block[b] / top, 0.0)
            move = np.clip(now / before - 1.0, -CUT, CUT)
        there &= np.isfinite(move) & np.isfinite(weight)
        at = session[b, 1:rows][there].astype(np.int64)
        gains += np.bincount(at, np.rint((weight * move)[there] * UNIT), len(gains))
        worth += np.bincount(at, np.rint(weight[there] * UNIT), len(worth))
    out = np.full(len(gains), np.nan)
    traded = np.flatnonzero(worth)
    out[traded] = 100.0 * np.multiply.accumulate(1.0 + gains[traded] / worth[traded])
    return out


def _weighted_level(
    view: MappedPanel, counts: BoolArray, market_cap: FloatArray
) -> FloatArray | None:
    """The level weighted by market value; None where less than half of the symbols tell theirs."""
    has_value = counts & (market_cap > 0.0)
    if 2 * has_value.sum() < counts.sum() or not has_value.any():
        return None
    with np.errstate(all="ignore"):
        shares = np.where(has_value, market_cap / view.panel.last("close"), np.nan)
    return level_by_value(view, shares.tobytes())
