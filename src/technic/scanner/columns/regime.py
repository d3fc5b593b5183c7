"""How the market as a whole stands, from the market itself.

Counted over common stocks that traded on the session, and who was never said to be anything
else: how many stand above their means, make new highs and lows, and how far their
months lie apart. Volatility and trend are those of the market's own level, equal-weighted, and
weighted by market value where that is known.

References
----------
Breadth, new highs less new lows: any book on market technicians' work, e.g. Murphy (1999).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from technic.compute.benchmark import benchmark_closes, counted
from technic.compute.last_bar import columns_of
from technic.data.store.panels import MappedPanel
from technic.indicators.kernel.codegen import digest as kernel_digest
from technic.market.cross_section import percentile
from technic.market.panel import LANES
from technic.market.sessions import nyse
from technic.market.typing import BoolArray, FloatArray
from technic.query.series import series_for
from technic.runtime.cache import key_of
from technic.scanner.columns.listings import last_sessions
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
        """The panel in words: what, and how it stands."""
        v = self.values

        def said(name: str, text: str) -> str:
            return "unknown" if v[name] is None else text.format(v[name])

        calm = v["market_volatility_pct"]
        state = (
            ""
            if calm is None
            else ", " + ("calm" if calm < CALM else "wild" if calm > WILD else "usual")
        )
        return [
            ("above 50-day mean", said("market_above_50", "{:.0f} %")),
            ("above 200-day mean", said("market_above_200", "{:.0f} %")),
            (
                "new highs / lows",
                f"{said('market_new_highs', '{:.0f}')} / {said('market_new_lows', '{:.0f}')}",
            ),
            ("dispersion of 21 sessions", said("market_dispersion", "{:.1f} %")),
            ("volatility", said("market_volatility", "{:.0f} % a year") + state),
            ("trend, equal-weighted", TREND.get(v["market_trend"], "unknown")),  # type: ignore[arg-type]
            ("trend, by market value", TREND.get(v["market_trend_cap"], "unknown")),  # type: ignore[arg-type]
        ]


def regime_of(
    view: MappedPanel, settings: Settings, market_cap: Callable[[], FloatArray]
) -> Regime:
    """How the market stands on the session of a view; found in the cache if it was asked before.

    Parameters
    ----------
    market_cap : gives USD, shape (n_symbols,); NaN where unknown
    """
    key = key_of("regime", kernel_digest(), scores_digest(), view.name)
    held = settings.cache.get(key)
    if held is not None:
        found = orjson.loads(held)
        return Regime(view.as_of, found["members"], found["values"])
    made = _regime(view, settings, market_cap())
    settings.cache.put(
        key, orjson.dumps({"members": made.members, "values": made.values}), cost=100.0
    )
    return made


def _regime(view: MappedPanel, settings: Settings, market_cap: FloatArray) -> Regime:
    names, series = series_for(READ)
    values = columns_of(series, "market", view, settings).values
    column = dict(zip(names, (values[s] for s in series), strict=True))
    mine = counted(view) & (last_sessions(view) == nyse().ordinal(view.as_of))
    own = {name: np.where(mine, column[name], np.nan) for name in names}
    close = own["close"]
    level = benchmark_closes(view, "market")
    weighted = _weighted(view, mine, market_cap)
    volatility, place = _volatility(level)
    values_by_name = {
        "market_above_50": _share(close > own["sma(50)"], own["sma(50)"]),
        "market_above_200": _share(close > own["sma(200)"], own["sma(200)"]),
        "market_new_highs": _count(
            own["high"] >= own["highest(high, 252)"], own["highest(high, 252)"]
        ),
        "market_new_lows": _count(own["low"] <= own["lowest(low, 252)"], own["lowest(low, 252)"]),
        "market_dispersion": _spread(own["ret(21)"]),
        "market_volatility": volatility,
        "market_volatility_pct": place,
        "market_trend": _trend(level),
        "market_trend_cap": _trend(weighted),
    }
    return Regime(view.as_of, int(mine.sum()), values_by_name)


def _share(claim: BoolArray, needed: FloatArray) -> float | None:
    known = int((~np.isnan(needed)).sum())
    return 100.0 * int(claim.sum()) / known if known else None


def _count(claim: BoolArray, needed: FloatArray) -> float | None:
    return float(claim.sum()) if (~np.isnan(needed)).any() else None


def _spread(returns: FloatArray) -> float | None:
    """Standard deviation of what lies between the first and the last percent, in percent."""
    known = np.sort(returns[~np.isnan(returns)])
    cut = len(known) // 100
    inner = known[cut : len(known) - cut]
    return 100.0 * float(inner.std()) if len(inner) > 1 else None


def _volatility(level: FloatArray) -> tuple[float | None, float | None]:
    """Of the newest month, in percent a year; and where it stands among those of a year."""
    known = level[~np.isnan(level)]
    moves = np.diff(np.log(known[-(YEAR + MONTH) :]))
    if len(moves) < MONTH:
        return None, None
    windows = np.lib.stride_tricks.sliding_window_view(moves, MONTH)
    months = 100.0 * np.sqrt(252.0) * windows.std(axis=1)
    place = float(percentile(months)[-1]) if len(months) >= YEAR // 2 else None
    return float(months[-1]), place


def _trend(level: FloatArray | None) -> float | None:
    known = np.empty(0) if level is None else level[~np.isnan(level)]
    if len(known) < SLOW:
        return None
    slow, fast = known[-SLOW:].mean(), known[-FAST:].mean()
    return float(int(known[-1] > slow) + int(fast > slow) - 1)


@lru_cache(maxsize=2)
def _level(view: MappedPanel, weights: bytes) -> FloatArray:
    """The market's level, each symbol weighing what it was worth the session before.

    Parameters
    ----------
    weights : shares outstanding, float64 of shape (n_symbols,), as bytes; NaN counts nothing
    """
    panel = view.panel
    shares = np.frombuffer(weights)
    close, session = (panel.bars[:, panel.fields.index(name)] for name in ("close", "session"))
    held = np.zeros(panel.bars.shape[0] * LANES)
    held[panel.places] = np.nan_to_num(shares)
    lengths = np.zeros(len(held), dtype=np.int64)
    lengths[panel.places] = panel.lengths
    by_block, runs = held.reshape(-1, LANES), lengths.reshape(-1, LANES)
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


def _weighted(view: MappedPanel, mine: BoolArray, market_cap: FloatArray) -> FloatArray | None:
    """The level weighted by market value; None where less than half of the symbols tell theirs."""
    known = mine & (market_cap > 0.0)
    if 2 * known.sum() < mine.sum() or not known.any():
        return None
    with np.errstate(all="ignore"):
        shares = np.where(known, market_cap / view.panel.last("close"), np.nan)
    return _level(view, shares.tobytes())
