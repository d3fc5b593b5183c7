"""A seeded market: factor returns, clustering volatility, corporate actions, dirty data.

1. `_lives`     which listing trades when: new listings, delistings, halts
2. `_prices`    log return = beta × market + sector + own, all with volatility that clusters
3. `_splits`    splits (forward where prices ran high, reverse where they fell) and dividends
4. `_bars`      open, high, low, close and volume, as traded, in cents
5. `_spoil`     flat bars, bars without volume, bad ticks, later revisions, at the measured rates
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from technic.data.simulated import names
from technic.market.schema import SECTORS
from technic.market.sessions import nyse
from technic.market.typing import BoolArray, FloatArray, IntArray

SIZE = 5_800  # listings: about 5,300 common stocks, the rest funds, warrants and preferreds
SESSIONS = 504
FORM = 2  # of what a market brings: 1 had neither statements nor dated sectors
LAST = date(2026, 11, 20)
SECTOR_SHARES = (0.05, 0.12, 0.05, 0.05, 0.17, 0.19, 0.13, 0.12, 0.05, 0.05, 0.02)

# Shares of bars, measured on two real markets (5,000 symbols, 2015–2016 and 2021–2024).
NO_VOLUME = 0.023
FLAT = 0.016
BAD_TICK = 30e-6
JUMP = 280e-6
REVISED = 0.0116


@dataclass(frozen=True, slots=True)
class SimulatedMarket:
    """What `simulate` returns.

    Attributes
    ----------
    bars : long format, as `technic import` reads it, as traded
    listings : symbol, name, type, exchange, sector, industry, market_cap, from, to, as_of
    about : how it was made: seed, size, sessions
    """

    bars: pl.DataFrame
    listings: pl.DataFrame
    about: dict[str, Any]


def simulate(
    seed: int = 7, size: int = SIZE, sessions: int = SESSIONS, last: date = LAST
) -> SimulatedMarket:
    """Simulate a market.

    Parameters
    ----------
    seed : the same one gives the same bits
    size : listings
    sessions : how many there are
    last : the last of them
    """
    rng = np.random.default_rng([seed, size, sessions])
    end = nyse().ordinal(last)
    days = nyse().dates[end - sessions + 1 : end + 1]
    sector = rng.choice(len(SECTORS), size=size, p=np.array(SECTOR_SHARES))
    kind = rng.choice(
        ["common", "etf", "warrant", "preferred"], size=size, p=[0.915, 0.06, 0.015, 0.01]
    )
    alive = _lives(rng, sessions, size)
    close = _prices(rng, sector, kind, sessions, size)
    ratio = _splits(rng, close, alive)
    table = _bars(rng, close, ratio, alive)
    symbols = names.tickers(size, rng)
    flat = _long(rng, table, alive, ratio, days, symbols)
    listings = _listings(rng, symbols, sector, kind, alive, days, close)
    about = {
        "seed": seed,
        "size": size,
        "sessions": sessions,
        "last": last.isoformat(),
        "form": FORM,
    }
    return SimulatedMarket(flat, listings, about)


def _volatility(rng: np.random.Generator, sessions: int, count: int) -> FloatArray:
    """A slowly wandering multiple around 1 for each of `count` series; (sessions, count)."""
    level = np.zeros(count)
    out = np.empty((sessions, count))
    shocks = rng.normal(0.0, 0.12, (sessions, count))
    for t in range(sessions):
        level = 0.96 * level + shocks[t]
        out[t] = level
    multiple: FloatArray = np.exp(out - 0.5 * out.var(axis=0))
    return multiple


def _prices(
    rng: np.random.Generator, sector: IntArray, kind: np.ndarray, sessions: int, size: int
) -> FloatArray:
    """Closes adjusted to the last session, in USD; (sessions, size)."""
    market = 0.0003 + 0.009 * _volatility(rng, sessions, 1) * rng.standard_t(5, (sessions, 1)) / 1.3
    sectors = 0.006 * rng.standard_normal((sessions, len(SECTORS)))
    calm = np.where(kind == "etf", 0.25, 1.0)
    beta = rng.normal(1.0, 0.35, size)
    own_size = 0.011 * np.exp(rng.normal(0.35, 0.55, size)) * calm
    drift = rng.normal(0.0, 0.0006, size)
    shared = _volatility(rng, sessions, 40)[:, rng.integers(40, size=size)]
    own = own_size * shared * rng.standard_t(5, (sessions, size)) / 1.3
    moves = beta * market + sectors[:, sector] + own + drift
    jumps = rng.random((sessions, size)) < JUMP
    moves[jumps] += rng.choice([-1.0, 1.0], int(jumps.sum())) * rng.uniform(
        0.72, 1.6, int(jumps.sum())
    )
    start = np.exp(rng.normal(3.0, 1.15, size))
    return np.asarray(start * np.exp(np.cumsum(moves, axis=0)))


def _lives(rng: np.random.Generator, sessions: int, size: int) -> BoolArray:
    """Where each listing has a bar: from its first session to its last, less halts."""
    t = np.arange(sessions)[:, None]
    since = np.where(rng.random(size) < 0.08, rng.integers(0, sessions, size), 0)
    until = np.where(rng.random(size) < 0.07, rng.integers(0, sessions, size), sessions)
    alive = (t >= since) & (t < np.maximum(until, since + 1))
    halts = np.flatnonzero(rng.random(size) < 0.03)
    for i in halts:
        start = rng.integers(sessions)
        alive[start : start + rng.integers(1, 15), i] = False
    return np.asarray(alive & (rng.random((sessions, size)) > 0.0015))


def _splits(rng: np.random.Generator, close: FloatArray, alive: BoolArray) -> FloatArray:
    """New shares per old one on the session from which they trade; 1 elsewhere."""
    sessions, size = close.shape
    ratio = np.ones((sessions, size))
    for i in np.flatnonzero(rng.random(size) < 0.02 * sessions / 252):
        t = int(rng.integers(1, sessions))
        high = close[t, i] > 15.0
        choices = [2.0, 3.0, 1.5, 4.0, 10.0] if high else [0.1, 0.05, 0.2, 0.04]
        if alive[t, i] and alive[t - 1, i]:
            ratio[t, i] = rng.choice(choices)
    return ratio


def _bars(
    rng: np.random.Generator, close: FloatArray, ratio: FloatArray, alive: BoolArray
) -> dict[str, FloatArray]:
    """Bars as traded, in cents, each (sessions, size)."""
    sessions, size = close.shape
    later = np.cumprod(ratio[::-1], axis=0)[::-1]
    factor = np.vstack([later[1:], np.ones((1, size))])
    before = np.vstack([close[:1], close[:-1]])
    opens = before * np.exp(0.004 * rng.standard_normal((sessions, size)))
    reach = 0.009 * rng.exponential(1.0, (sessions, size))
    depth = 0.009 * rng.exponential(1.0, (sessions, size))
    high, low = np.maximum(opens, close) * (1.0 + reach), np.minimum(opens, close) / (1.0 + depth)
    size_of = np.exp(rng.normal(12.2, 2.0, size))
    moved = np.abs(np.log(close / before))
    volume = size_of * np.exp(0.45 * rng.standard_normal((sessions, size))) * (1.0 + 12.0 * moved)
    table = {"open": opens, "high": high, "low": low, "close": close}
    raw = {name: np.maximum(np.round(prices * factor, 2), 0.01) for name, prices in table.items()}
    raw["volume"] = np.maximum(np.round(volume / factor), 100.0)
    return _spoil(rng, raw, alive)


def _spoil(
    rng: np.random.Generator, raw: dict[str, FloatArray], alive: BoolArray
) -> dict[str, FloatArray]:
    """Dirty data at the measured rates; illiquid names get most of it."""
    typical = np.median(raw["volume"], axis=0)
    order = np.argsort(np.argsort(typical)) / len(typical)
    thin = np.where(order < 0.15, 5.0, 0.3)  # weights whose mean is close to one
    draw = rng.random(alive.shape)
    idle = draw < NO_VOLUME * thin
    flat = (draw >= NO_VOLUME * thin) & (draw < (NO_VOLUME + FLAT) * thin)
    for name in ("open", "high", "low"):
        raw[name] = np.where(idle | flat, raw["close"], raw[name])
    raw["volume"] = np.where(idle, 0.0, raw["volume"])
    ticks = rng.random(alive.shape) < BAD_TICK
    for name in ("open", "high", "low", "close"):
        raw[name] = np.where(ticks, np.round(raw[name] * 10.0, 2), raw[name])
    return raw


def _long(
    rng: np.random.Generator,
    table: dict[str, FloatArray],
    alive: BoolArray,
    ratio: FloatArray,
    days: np.ndarray,
    symbols: list[str],
) -> pl.DataFrame:
    """One row per bar, by symbol and date; revised bars have a second one, known later."""
    owner, row = np.nonzero(alive.T)
    columns: dict[str, Any] = {name: values.T[owner, row] for name, values in table.items()}
    columns["split"] = ratio.T[owner, row]
    payers = rng.random(len(symbols)) < 0.35
    pays = payers[owner] & ((row + owner) % 63 == 20)
    columns["dividend"] = np.where(pays, np.round(0.006 * columns["close"], 2), 0.0)
    frame = pl.DataFrame(
        {
            "symbol": pl.Series(symbols)[owner],
            "date": pl.Series(days[row]).cast(pl.Date),
            **columns,
        }
    ).with_columns(as_of=pl.col("date"))
    chosen = np.flatnonzero(rng.random(len(owner)) < REVISED)
    revised = frame[chosen].with_columns(
        volume=(
            pl.col("volume") * pl.Series(1.0 + np.abs(rng.normal(0.0, 0.04, len(chosen))))
        ).round(),
        as_of=pl.col("date")
        + pl.Series(rng.integers(1, 5, len(chosen)) * 86_400_000).cast(pl.Duration("ms")),
    )
    newest = pl.lit(days[-1]).cast(pl.Date)
    return pl.concat([frame, revised.filter(pl.col("as_of") <= newest)])


def _listings(
    rng: np.random.Generator,
    symbols: list[str],
    sector: IntArray,
    kind: np.ndarray,
    alive: BoolArray,
    days: np.ndarray,
    close: FloatArray,
) -> pl.DataFrame:
    """Names, types, sectors, first and last session of every listing."""
    sessions = len(days)
    first = alive.argmax(axis=0)
    last = sessions - 1 - alive[::-1].argmax(axis=0)
    gone = last < sessions - 20
    rows = []
    for i, symbol in enumerate(symbols):
        is_fund = kind[i] == "etf"
        area = SECTORS[sector[i]]
        shares = float(np.exp(rng.normal(17.8, 1.3)))
        rows.append(
            {
                "symbol": symbol,
                "name": names.fund(rng) if is_fund else names.company(area, rng),
                "type": str(kind[i]),
                "exchange": str(rng.choice(["XNAS", "XNYS", "XASE"], p=[0.58, 0.36, 0.06])),
                "sector": None if is_fund else area,
                "industry": None,
                "market_cap": round(shares * float(close[last[i], i]))
                if kind[i] == "common"
                else None,
                "from": days[first[i]].astype(object) if first[i] > 0 else None,
                "to": days[last[i]].astype(object) if gone[i] else None,
                "as_of": days[max(first[i] - 1, 0)].astype(object),
            }
        )
    return pl.DataFrame(
        rows,
        schema={
            "symbol": pl.String,
            "name": pl.String,
            "type": pl.String,
            "exchange": pl.String,
            "sector": pl.String,
            "industry": pl.String,
            "market_cap": pl.Float64,
            "from": pl.Date,
            "to": pl.Date,
            "as_of": pl.Date,
        },
    )
