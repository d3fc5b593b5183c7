"""Models on a graphics card against the same models on this machine's processor."""

from __future__ import annotations

from statistics import median
from typing import Any

import numpy as np

from technic.errors import ConfigError, first_line
from technic.operations.bench.timing import milliseconds
from technic.scanner.alpha.forest import INNER, LEAF, THRESHOLD, UNKNOWN_RIGHT, Forest, predict

FEATURES, TREES, DEPTH = 60, 300, 6
SIZES = (6_717, 100_000, 1_000_000)


def random_forest(seed: int = 0) -> Forest:
    """A forest of full trees with random splits: as much work as a trained one, without a trainer."""
    rng = np.random.default_rng(seed)
    inner, size = 2**DEPTH - 1, 2 ** (DEPTH + 1) - 1
    nodes = np.zeros((TREES, size, 4), dtype=np.int32)
    numbers = nodes.view(np.float32)
    at = np.arange(size)
    columns = rng.integers(0, FEATURES, (TREES, inner))
    nodes[:, :inner, 0] = (
        columns | INNER | np.where(rng.random(columns.shape) < 0.5, UNKNOWN_RIGHT, 0)
    )
    numbers[:, :inner, THRESHOLD] = rng.normal(size=(TREES, inner))
    nodes[:, :inner, 2] = 2 * at[:inner] + 1
    nodes[:, inner:, 2] = at[inner:]
    numbers[:, inner:, LEAF] = 0.01 * rng.normal(size=(TREES, size - inner))
    roots = (np.arange(TREES) * size).astype(np.int32)
    nodes[:, :, 2] += roots[:, None]
    names = tuple(f"f{k}" for k in range(FEATURES))
    return Forest(
        names,
        roots,
        np.full(TREES, DEPTH, np.int32),
        np.ascontiguousarray(nodes.reshape(-1, 4)),
        0.0,
    )


def measure_card(runs: int = 5) -> dict[str, Any]:
    """Measure the predictions of one model on the graphics card and on the processor.

    Parameters
    ----------
    runs : how often each is repeated; medians are given

    Returns
    -------
    dict
        `card`, its name; `model`; and `rows`, one for each number of rows: `cpu_ms`, `card_ms`
        with the data on the card already, how many `times` as fast the card is, the `bytes` it
        takes there, and whether the results are `equal`. Where there is no card, `card` is None
        and `why` says so.
    """
    forest = random_forest()
    try:
        from technic.scanner.alpha.cuda import DeviceForest, free_memory, name_of_card

        card = DeviceForest(forest)
    except (ConfigError, ImportError) as error:
        return {"card": None, "why": first_line(error), "rows": []}
    rng, rows = np.random.default_rng(1), []
    before = free_memory()
    for size in SIZES:
        values = rng.normal(size=(size, FEATURES)).astype(np.float32)
        values[rng.random(values.shape) < 0.05] = np.nan
        placed = card.put(values)
        predicted = card.predict(placed)

        def on_card(placed: Any = placed, predicted: Any = predicted) -> None:
            card.predict(placed, predicted)
            card.wait()

        on_card()
        cpu_ms = median(milliseconds(lambda v=values: predict(forest, v), runs))  # type: ignore[misc]
        card_ms = median(milliseconds(on_card, runs))
        rows.append(
            {
                "rows": size,
                "cpu_ms": cpu_ms,
                "card_ms": card_ms,
                "times": cpu_ms / card_ms,
                "bytes": before - free_memory(),
                "equal": bool(np.array_equal(predicted.copy_to_host(), predict(forest, values))),
            }
        )
    about = f"{TREES} trees of depth {DEPTH} × {FEATURES} features"
    return {"card": name_of_card(), "model": about, "rows": rows}
