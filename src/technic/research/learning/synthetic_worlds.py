"""Markets made up to test the judges: random walks with nothing in them, and planted forecasts.

A world is bars of a seeded random walk with what real bars have: fat tails, a common move, names
that come late, vanish, and miss sessions. Nothing in it can be forecast. A planted world has a
forecast whose rank correlation with what follows is known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from technic.market.typing import FloatArray, IntArray
from technic.scanner.alpha.samples import Float32, Samples, label_of, rank_features

FREEDOM = 4.0  # degrees, of Student's t: the tails of daily returns
MISSING = 0.01  # of the sessions of a name
LATE, GONE = 0.2, 0.1  # of the names come after the beginning, vanish before the end
MARKET, OWN = 0.01, 0.02  # standard deviations of a session
FIRST = 5_000  # an ordinal in the middle of the table of sessions


@dataclass(frozen=True, slots=True)
class World:
    """Bars of a market that is made up.

    Attributes
    ----------
    opens, closes : float64, shape (n_sessions, n_symbols); USD, NaN where nothing traded
    """

    opens: FloatArray
    closes: FloatArray


def random_walk(seed: int, symbols: int = 200, sessions: int = 1_000) -> World:
    """A market of random walks, in which nothing can be forecast.

    Parameters
    ----------
    seed : the same seed gives the same market
    """
    rng = np.random.default_rng(seed)
    scale = OWN * np.exp(rng.normal(0.0, 0.4, symbols))
    market = MARKET * rng.standard_t(FREEDOM, (2 * sessions, 1))
    moves = market + scale * rng.standard_t(FREEDOM, (2 * sessions, symbols))
    # Two steps a session, one to the open and one to the close: gaps are as random as days.
    path = 50.0 * np.exp(np.cumsum(np.clip(moves / np.sqrt(2.0 * FREEDOM), -0.5, 0.5), axis=0))
    opens, closes = path[0::2].copy(), path[1::2].copy()
    at = np.arange(sessions)[:, None]
    late = np.where(rng.random(symbols) < LATE, rng.integers(0, sessions, symbols), 0)
    gone = np.where(rng.random(symbols) < GONE, rng.integers(0, sessions, symbols), sessions)
    silent = (at < late) | (at >= gone) | (rng.random((sessions, symbols)) < MISSING)
    opens[silent], closes[silent] = np.nan, np.nan
    return World(opens, closes)


def samples_of(world: World, horizon: int = 5) -> Samples:
    """The samples of a world: ten plain features, labels, and the returns that followed.

    Parameters
    ----------
    horizon : sessions ahead that the label looks: 1, 5 or 21
    """
    close = world.closes
    n, symbols = close.shape
    with np.errstate(all="ignore"):
        columns = {
            **{f"ret({k})": close / _lag(close, k) - 1.0 for k in (1, 2, 5, 10, 21, 63)},
            **{f"realized_vol({k})": _deviation(close, k) for k in (5, 20, 60)},
            "gap": world.opens / _lag(close, 1) - 1.0,
        }
    horizons = (1, 5, 21)
    forward = np.stack([_forward(world.opens, h) for h in horizons])
    inside = ~np.isnan(close)
    rows = [np.flatnonzero(inside[t]) for t in range(n)]
    x = np.concatenate(
        [
            np.stack([rank_features(v[t][rows[t]]) for v in columns.values()], axis=1)
            for t in range(n)
        ]
    )
    at = horizons.index(horizon)
    label = np.concatenate([label_of(forward[at, t][rows[t]]) for t in range(n)])
    last = np.array([np.flatnonzero(inside[:, i]).max(initial=-1) for i in range(symbols)])
    return Samples(
        features=tuple(columns),
        ordinals=np.arange(FIRST, FIRST + n),
        bounds=np.concatenate([[0], np.cumsum([len(r) for r in rows])]),
        symbols=np.concatenate(rows).astype(np.int32),
        x=np.ascontiguousarray(x),
        label=label,
        horizon=horizon,
        horizons=horizons,
        forward=np.concatenate([forward[:, t][:, rows[t]] for t in range(n)], axis=1).astype(
            np.float32
        ),
        next_return=forward[0].astype(np.float32),
        groups={},
        vanish=last < n - 6,
    )


def _lag(values: FloatArray, k: int) -> FloatArray:
    out = np.full_like(values, np.nan)
    out[k:] = values[:-k]
    return out


def _deviation(close: FloatArray, k: int) -> FloatArray:
    """Standard deviation of the last k moves; NaN where one is missing."""
    moves = np.log(close / _lag(close, 1))
    out = np.full_like(close, np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(moves, k, axis=0)
    out[k - 1 :] = windows.std(axis=-1)
    return out


def _forward(opens: FloatArray, h: int) -> FloatArray:
    """From the open after each session to the open `h` later; a gain counts at most +100 %."""
    out = np.full_like(opens, np.nan)
    if h + 1 < len(opens):
        with np.errstate(all="ignore"):
            out[: -h - 1] = np.minimum(opens[h + 1 :] / opens[1:-h] - 1.0, 1.0)
    return out


def planted_score(samples: Samples, correlation: float, seed: int) -> Float32:
    """A score whose rank correlation with the label is, in the mean, a given one.

    The label is mixed with noise. Where two normal variables are correlated by r, their ranks are
    correlated by 6 / π · asin(r / 2).

    Parameters
    ----------
    correlation : the rank correlation, −1 to 1

    Returns
    -------
    ndarray
        float32, shape (n_rows,); NaN where the label is unknown.
    """
    rng = np.random.default_rng(seed)
    r = 2.0 * np.sin(np.pi * correlation / 6.0)
    noise = rng.normal(size=samples.n_rows)
    mixed = r * np.nan_to_num(samples.label, nan=0.0) + np.sqrt(1.0 - r * r) * noise
    return np.where(np.isnan(samples.label), np.nan, mixed).astype(np.float32)


def shuffle_within_sessions(values: Float32, samples: Samples, rng: np.random.Generator) -> Float32:
    """The same values, dealt anew within each session among the rows where they are known.

    Parameters
    ----------
    values : float32, shape (n_rows,); NaN is unknown, and stays where it is
    """
    out = values.copy()
    for session in range(len(samples)):
        rows = samples.rows(session)
        finite = np.flatnonzero(~np.isnan(values[rows])) + rows.start
        out[finite] = values[rng.permutation(finite)]
    return out


def lag_score(score: Float32, samples: Samples, sessions: int) -> Float32:
    """The score that each symbol had some sessions before; float32, NaN where it had none.

    Parameters
    ----------
    score : float32, shape (n_rows,)
    """
    n_symbols = samples.next_return.shape[1]
    session = np.repeat(np.arange(len(samples)), np.diff(samples.bounds))
    table = np.full((len(samples), n_symbols), np.nan, dtype=np.float32)
    table[session, samples.symbols] = score
    earlier: IntArray = session - sessions
    out: Float32 = np.where(
        earlier >= 0, table[np.maximum(earlier, 0), samples.symbols], np.float32(np.nan)
    )
    return out
