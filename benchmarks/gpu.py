"""Trees on a graphics card against the same trees on this machine's processor.

    python benchmarks/gpu.py [MODEL.json]

Needs a card, and numba-cuda; XGBoost too, if it is to be held against it and no model is given.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from statistics import median

import numpy as np
from numba import cuda

from technic.alpha.forest import forest_of, predict
from technic.bench import milliseconds
from technic.extras.gpu import DeviceForest

FEATURES, TREES, DEPTH = 60, 300, 6
SIZES = (6_717, 100_000, 1_000_000)


def trained():
    """A model of the size that is asked for, on noise with a little signal."""
    import xgboost

    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60_000, FEATURES)).astype(np.float32)
    label = 0.1 * rows[:, 0] * rows[:, 1] + rng.normal(size=len(rows))
    names = [f"f{k}" for k in range(FEATURES)]
    about = {"max_depth": DEPTH, "eta": 0.05, "seed": 1}
    return xgboost.train(about, xgboost.DMatrix(rows, label, feature_names=names), TREES)


def main():
    booster = None
    if len(sys.argv) > 1:
        forest = forest_of(Path(sys.argv[1]).read_bytes())
    else:
        booster = trained()
        forest = forest_of(bytes(booster.save_raw("json")))
    if booster is None and importlib.util.find_spec("xgboost"):
        import xgboost

        booster = xgboost.Booster(model_file=sys.argv[1])
    card = DeviceForest(forest)
    device = cuda.get_current_device()
    print(f"card {device.name.decode() if isinstance(device.name, bytes) else device.name}; "
          f"{len(forest.roots)} trees, {len(forest.nodes):,} nodes, {len(forest.features)} features")  # fmt: skip
    rng = np.random.default_rng(5)
    for size in SIZES:
        rows = rng.normal(size=(size, FEATURES)).astype(np.float32)
        rows[rng.random(rows.shape) < 0.05] = np.nan
        placed, out = card.put(rows), cuda.device_array(size, np.float32)

        def on_card(placed=placed, out=out):
            card.predict(placed, out)
            card.wait()

        def both_ways(rows=rows):
            card.predict(card.put(rows)).copy_to_host()

        ours = median(milliseconds(lambda r=rows: predict(forest, r), 9))
        gpu, way = median(milliseconds(on_card, 9)), median(milliseconds(both_ways, 5))
        equal = np.array_equal(card.predict(placed).copy_to_host(), predict(forest, rows))
        free, total = cuda.current_context().get_memory_info()
        line = f"{size:>9,} rows: card {gpu:.2f} ms, with both ways {way:.2f} ms, processor {ours:.2f} ms ({ours / gpu:.1f} x)"
        if booster is not None:
            asked = lambda r=rows: booster.inplace_predict(r, missing=np.nan)  # noqa: E731
            theirs = median(milliseconds(asked, 5))
            same = np.array_equal(
                booster.inplace_predict(rows, missing=np.nan), predict(forest, rows)
            )
            line += f", XGBoost on the processor {theirs:.2f} ms ({theirs / gpu:.1f} x; same bits {same})"
        print(
            f"{line}; same bits {equal}; {(total - free) / 1e6:,.0f} MB of the card in use",
            flush=True,
        )


if __name__ == "__main__":
    main()
