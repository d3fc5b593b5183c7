"""Trees on a graphics card: the same arrays, one row per thread; data stays where it is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda

from technic.errors import ConfigError
from technic.scanner.alpha.forest import COLUMN, INNER, UNKNOWN_RIGHT, Forest

THREADS = 128  # of a block


def is_available() -> bool:
    """Whether a card is there that can be used."""
    try:
        return bool(cuda.is_available())
    except Exception:  # noqa: BLE001 -- a driver that is broken in its own way is no card
        return False


def name_of_card() -> str:
    """What it calls itself."""
    name = cuda.get_current_device().name
    return name.decode() if isinstance(name, bytes) else str(name)


def free_memory() -> int:
    """Bytes of the card that nobody holds."""
    return int(cuda.current_context().get_memory_info()[0])


class DeviceForest:
    """A forest that lies on the card.

    Raises
    ------
    ConfigError
        If there is none.
    """

    def __init__(self, forest: Forest) -> None:
        if not is_available():
            raise ConfigError("no graphics card can be used here; predictions are made by the CPU")
        self.features = forest.features
        self._arrays = [cuda.to_device(array) for array in forest.arrays]
        self._base = np.float32(forest.base)

    def put(self, rows: Any) -> Any:
        """Rows on the card, feature after feature, so that neighbouring threads read side by side.

        Parameters
        ----------
        rows : float32, shape (n_rows, n_features); NaN is unknown
        """
        return cuda.to_device(np.ascontiguousarray(np.asarray(rows, dtype=np.float32).T))

    def predict(self, placed: Any, out: Any = None) -> Any:
        """The forecast of each row that `put` placed; it stays on the card.

        `copy_to_host` brings it back; the call returns before the card is done.
        """
        n = placed.shape[1]
        forecasts = cuda.device_array(n, np.float32) if out is None else out
        _walk[math.ceil(n / THREADS), THREADS](placed, *self._arrays, self._base, forecasts)
        return forecasts

    def forecast(self, values: Any) -> tuple[Any, Any]:
        """The forecast of each symbol of one session, and its percentile; all in between stays there.

        Parameters
        ----------
        values : float64, shape (n_features, n_symbols), as indicators give them; NaN is unknown

        Returns
        -------
        float32 and float64 arrays of shape (n_symbols,), the same bits as without a card.
        """
        n_features, n = values.shape
        given = cuda.to_device(np.ascontiguousarray(values, dtype=np.float64))
        placed = cuda.device_array((n_features, n), np.float32)
        _places[(n_features, math.ceil(n / THREADS)), (1, THREADS)](given, placed)
        alpha = self.predict(placed)
        rank = cuda.device_array(n, np.float64)
        _percentiles[math.ceil(n / THREADS), THREADS](alpha, rank)
        return alpha.copy_to_host(), rank.copy_to_host()

    @staticmethod
    def wait() -> None:
        """Until the card is done."""
        cuda.synchronize()


@cuda.jit  # type: ignore[untyped-decorator]
def _walk(
    rows: Any, roots: Any, depths: Any, nodes: Any, numbers: Any, base: Any, out: Any
) -> None:
    i = cuda.grid(1)
    if i >= out.shape[0]:
        return
    total = base
    for k in range(roots.shape[0]):
        node = roots[k]
        for _ in range(depths[k]):
            code = nodes[node, 0]
            if code & INNER == 0:
                break
            value = rows[code & COLUMN, i]
            right = value >= numbers[node, 1]
            if value != value:  # noqa: PLR0124 -- a NaN is not itself
                right = code & UNKNOWN_RIGHT != 0
            node = nodes[node, 2] + (1 if right else 0)
        total += numbers[node, 3]
    out[i] = total


@cuda.jit  # type: ignore[untyped-decorator]
def _places(values: Any, out: Any) -> None:
    """A feature and a symbol per thread: its place among the known, from −0.5 to 0.5."""
    j, i = cuda.grid(2)
    if j >= values.shape[0] or i >= values.shape[1]:
        return
    value = values[j, i]
    below, through, size = 0, 0, 0
    for k in range(values.shape[1]):
        other = values[j, k]
        if other == other:  # noqa: PLR0124 -- a NaN is not itself
            size += 1
            below += 1 if other < value else 0
            through += 1 if other <= value else 0
    if value == value:  # noqa: PLR0124
        out[j, i] = np.float32(50.0 * (below + through) / size / 100.0 - 0.5)
    else:
        out[j, i] = np.float32(np.nan)


@cuda.jit  # type: ignore[untyped-decorator]
def _percentiles(values: Any, out: Any) -> None:
    """A symbol per thread: its percentile among all, which are known."""
    i = cuda.grid(1)
    if i >= values.shape[0]:
        return
    value = values[i]
    below, through = 0, 0
    for k in range(values.shape[0]):
        below += 1 if values[k] < value else 0
        through += 1 if values[k] <= value else 0
    out[i] = 50.0 * (below + through) / values.shape[0]
