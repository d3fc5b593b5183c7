"""Folders of datasets: sealed when they are whole, read back as samples, forgotten when they are old."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path

import numpy as np
import orjson
import polars as pl

from technic.data.store.version import digest_of
from technic.research.learning.train_file import HORIZONS
from technic.scanner.alpha.samples import Samples

SEAL = "digests.json"  # of the other files of a dataset
MOST_KEPT = 3
FIFTHS = 5


def digests_in(folder: Path) -> dict[str, str]:
    """The digest of every file of a dataset, by name."""
    paths = sorted(path for path in folder.iterdir() if path.name != SEAL)
    with ThreadPoolExecutor(cpu_count() or 1) as pool:
        return dict(zip((path.name for path in paths), pool.map(digest_of, paths), strict=True))


def is_whole(folder: Path) -> bool:
    """Whether a dataset is there, and every file of it holds what was written."""
    try:
        sealed = orjson.loads((folder / SEAL).read_bytes())
        return bool(sealed == [folder.name, digests_in(folder)])
    except (OSError, orjson.JSONDecodeError):
        return False


def read_samples(folder: Path, features: tuple[str, ...], horizon: int) -> Samples:
    """The samples as they lie in a folder.

    Parameters
    ----------
    features : in the order of the samples' columns
    horizon : of the label, sessions ahead

    Raises
    ------
    ValueError
        If a feature does not lie there.
    """
    rows = pl.read_parquet(folder / "rows.parquet")
    ordinals = pl.read_parquet(folder / "sessions.parquet")["ordinal"].to_numpy()
    symbols = pl.read_parquet(folder / "symbols.parquet")
    sectors = tuple(pl.read_parquet(folder / "sectors.parquet")["name"])
    x = np.empty((rows.height, len(features)), dtype=np.float32)
    missing = set(features)
    for path in sorted(folder.glob("features-*.parquet")):
        for column in pl.read_parquet(path).iter_columns():
            x[:, features.index(column.name)] = column.to_numpy()
            missing.discard(column.name)
    if missing:
        raise ValueError(f"{folder.name}: holds no {', '.join(sorted(missing))}")
    fifths = tuple(f"{k + 1} of {FIFTHS}" for k in range(FIFTHS))
    groups = {
        "sector": (sectors, rows["sector"].to_numpy()),
        "liquidity": (fifths, rows["liquidity"].to_numpy()),
        "size": (fifths, rows["size"].to_numpy()),
    }
    market = pl.read_parquet(folder / "market.parquet")["value"].to_numpy()
    return Samples(
        features=features,
        ordinals=ordinals,
        bounds=np.searchsorted(rows["ordinal"].to_numpy(), np.append(ordinals, ordinals[-1] + 1)),
        symbols=rows["symbol"].to_numpy(),
        x=x,
        label=rows["label"].to_numpy(),
        horizon=horizon,
        horizons=HORIZONS,
        forward=np.stack([rows[f"forward_{h}"].to_numpy() for h in HORIZONS]),
        next_return=market.reshape(len(ordinals), symbols.height),
        groups=groups,
        vanish=symbols["vanish"].to_numpy(),
        imputed={
            float(column.name): column.to_numpy()
            for column in pl.read_parquet(folder / "imputed.parquet").iter_columns()
        },
    )


def forget_old(folder: Path) -> None:
    """Keep only the newest few datasets."""
    datasets = sorted(
        (path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")),
        key=lambda path: path.stat().st_mtime,
    )
    for path in datasets[: max(len(datasets) - MOST_KEPT, 0)]:
        shutil.rmtree(path, ignore_errors=True)
