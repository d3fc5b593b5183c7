"""Trees on a graphics card against the same trees on this machine's processor, and against XGBoost.

    technic bench --gpu          # what this calls
    python benchmarks/gpu.py     # and XGBoost beside it, where it is installed

Needs a card, and numba-cuda.
"""

from __future__ import annotations

import importlib.util
from statistics import median

import numpy as np

from technic.operations.bench import milliseconds
from technic.operations.bench.card import DEPTH, FEATURES, SIZES, TREES, measure_card


def main():
    found = measure_card()
    print(found["card"] or found["why"])
    for row in found["rows"]:
        print(row)
    if importlib.util.find_spec("xgboost") is None:
        return
    import xgboost

    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60_000, FEATURES)).astype(np.float32)
    label = 0.1 * rows[:, 0] * rows[:, 1] + rng.normal(size=len(rows))
    about = {"max_depth": DEPTH, "eta": 0.05, "seed": 1}
    booster = xgboost.train(about, xgboost.DMatrix(rows, label), TREES)
    for size in SIZES:
        values = rng.normal(size=(size, FEATURES)).astype(np.float32)
        taken = median(milliseconds(lambda v=values: booster.inplace_predict(v), 5))
        print(f"{size:,} rows with XGBoost on the processor: {taken:.1f} ms")


if __name__ == "__main__":
    main()
