"""Trees on a graphics card: the same arrays, one row per thread; data stays where it is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda

from technic.alpha.forest import COLUMN, INNER, UNKNOWN_RIGHT, Forest
from technic.errors import ConfigError

THREADS = 128  # of a block


def is_available() -> bool:
    """Whether a card is there that can be used."""
    try:
        return bool(cuda.is_available())
    except Exception:  # noqa: BLE001 -- a driver that is broken in its own way is no card
        return False


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
        made = cuda.device_array(n, np.float32) if out is None else out
        _walk[math.ceil(n / THREADS), THREADS](placed, *self._arrays, self._base, made)
        return made

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
