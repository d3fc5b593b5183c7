"""What models learn from: features, labels and groups of every member of every session, as Parquet.

1. `aftermath.Sessions` finds who was in the universe on each session, and what came after.
2. `_write_rows` writes sessions, symbols, returns, labels and groups: `rows.parquet`.
3. `every_bar` gives a few features at every bar; `_write_features` cuts them into
   sessions, turns values into places, and writes one shard of columns. Then the next few.
4. `_read` puts the shards side by side.

A dataset is named by what it depends on, and is a cache: deleting it loses nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import sha256
from os import cpu_count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import orjson
import polars as pl

from technic.compute.history import every_bar
from technic.compute.kernel import ensure_compiled
from technic.compute.panel_series import PanelSeries, is_relative
from technic.data.store import Store
from technic.data.store.panels import MappedPanel
from technic.indicators.kernel.codegen import digest as kernel_digest
from technic.market.typing import FloatArray
from technic.query.lower import series_of
from technic.query.resolve import Resolver
from technic.query.series import clauses_of, single_series
from technic.research.forward_returns import IMPUTED, dividends_of, forward_returns, vanished
from technic.research.history import PanelHistory, needed_series
from technic.research.learning.train_file import HORIZONS, TrainFile
from technic.runtime.executors import Progress, quiet
from technic.runtime.settings import Settings
from technic.scanner.alpha.samples import Samples, label_of, rank_features

FORM = 1  # of the files: what another technic wrote otherwise is not read
BATCH = 8  # features of a shard: about 40 MB each for a market of three years
MOST_KEPT = 3
FIFTHS = 5
LIQUIDITY = "dollar_volume(20)"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a dataset depends on besides the store."""

    features: tuple[str, ...]
    universe: str
    horizon: int
    demean: str
    delisting: float

    @classmethod
    def of(cls, file: TrainFile) -> Recipe:
        """The part of a training file that data are made by."""
        return cls(file.features, file.universe, file.horizon, file.demean, file.delisting)

    def digest(self, view: MappedPanel) -> str:
        """Names the dataset of a view."""
        content = [
            FORM,
            view.name,
            kernel_digest(),
            *(getattr(self, name) for name in self.__slots__),
        ]
        return sha256(orjson.dumps(content)).hexdigest()[:32]


def dataset(
    store: Store, file: TrainFile, settings: Settings, progress: Progress = quiet
) -> Samples:
    """The samples of a training file: as they lie on disk, else made.

    Raises
    ------
    StoreError
        If the store has too few sessions.
    """
    ensure_compiled(settings.kernels)
    view = store.panel(None, version=store.require())
    recipe = Recipe.of(file)
    folder = settings.datasets / recipe.digest(view)
    try:
        return _read(folder, recipe)
    except (OSError, pl.exceptions.PolarsError, ValueError):
        pass  # there is none, or what there is cannot be read
    settings.datasets.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = Path(mkdtemp(prefix=".making-", dir=settings.datasets))
    try:
        _make(store, view, recipe, settings, scratch, progress)
        shutil.rmtree(folder, ignore_errors=True)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    _forget_old(settings.datasets)
    return _read(folder, recipe)


def _make(
    store: Store,
    view: MappedPanel,
    recipe: Recipe,
    settings: Settings,
    folder: Path,
    progress: Progress,
) -> None:
    asked = clauses_of(recipe.universe)
    series = single_series(recipe.features)
    # What compares with the market goes together: a market as it was known is found once.
    order = sorted(range(len(series)), key=lambda j: is_relative([series[j]]))
    batches = [order[k : k + BATCH] for k in range(0, len(order), BATCH)]
    liquidity = Resolver().question(LIQUIDITY, "number")
    series_held = needed_series([*asked, liquidity])
    room = np.empty((max(BATCH, len(series_held)), view.panel.n_bars))
    progress(0, len(batches) + 1, "who was there, and what came after")
    sessions = PanelHistory.of(
        store,
        view,
        HORIZONS,
        asked,
        None,
        settings.kernels,
        settings.threads,
        room,
        delisting=recipe.delisting,
    )
    traded = next(series_of(liquidity))
    wanted = PanelSeries(store, view, view.panel, (traded,), settings.kernels)
    held = every_bar(wanted, room[:1])[0].copy()
    _write_rows(sessions, recipe, held, folder)
    _write_imputed(store, view, sessions, recipe, folder)
    _write_market(store, view, sessions, recipe, folder)
    for k, batch in enumerate(batches):
        progress(k + 1, len(batches) + 1, f"features, {k + 1} of {len(batches)}")
        wanted = replace(wanted, series=tuple(series[j] for j in batch))
        values = every_bar(wanted, room)
        names = [recipe.features[j] for j in batch]
        _write_features(sessions, values[: len(batch)], names, folder / f"features-{k:02}.parquet")
    progress(len(batches) + 1, len(batches) + 1, "done")


def _write_rows(sessions: PanelHistory, recipe: Recipe, traded: FloatArray, folder: Path) -> None:
    """Everything but the features, row for row."""
    at = HORIZONS.index(recipe.horizon)
    labels, fifths, sizes = [], [], []
    for t in range(len(sessions.ordinals)):
        groups = None
        if recipe.demean == "sector":
            groups = np.where(sessions.groups[t] < 0, len(sessions.sectors), sessions.groups[t])
        labels.append(label_of(sessions.forward[t][at], groups))
        fifths.append(_fifths(traded[sessions.rows[t]]))
        sizes.append(_fifths(sessions.known[t]["market_cap"]))
    forward = np.concatenate(sessions.forward, axis=1)
    columns: dict[str, Any] = {
        "ordinal": np.repeat(sessions.ordinals, [len(r) for r in sessions.rows]).astype(np.int32),
        "symbol": np.concatenate(sessions.symbols).astype(np.int32),
        "label": np.concatenate(labels),
        "sector": np.concatenate(sessions.groups).astype(np.int16),
        "liquidity": np.concatenate(fifths),
        "size": np.concatenate(sizes),
        **{f"forward_{h}": forward[j].astype(np.float32) for j, h in enumerate(HORIZONS)},
    }
    pl.DataFrame(columns).write_parquet(folder / "rows.parquet")
    pl.DataFrame({"name": list(sessions.sectors)}, schema={"name": pl.String}).write_parquet(
        folder / "sectors.parquet"
    )


def _write_market(
    store: Store, view: MappedPanel, sessions: PanelHistory, recipe: Recipe, folder: Path
) -> None:
    """What every symbol returned from one open to the next, members or not; and who vanishes."""
    after = forward_returns(
        view,
        sessions.ordinals,
        (1,),
        dividends=dividends_of(store, view),
        delisting=recipe.delisting,
    )[0]
    pl.DataFrame({"value": after.astype(np.float32).ravel()}).write_parquet(
        folder / "market.parquet"
    )
    pl.DataFrame({"security_id": view.panel.security_ids, "vanish": vanished(view)}).write_parquet(
        folder / "symbols.parquet"
    )
    pl.DataFrame({"ordinal": sessions.ordinals}).write_parquet(folder / "sessions.parquet")


def _write_imputed(
    store: Store, view: MappedPanel, sessions: PanelHistory, recipe: Recipe, folder: Path
) -> None:
    """Returns over the horizon, had the names that vanish returned something else."""
    paid = dividends_of(store, view)
    columns = {}
    for delisting in IMPUTED:
        found = forward_returns(
            view, sessions.ordinals, (recipe.horizon,), dividends=paid, delisting=delisting
        )[0]
        mine = [found[t][who] for t, who in enumerate(sessions.symbols)]
        columns[f"{delisting:g}"] = np.concatenate(mine).astype(np.float32)
    pl.DataFrame(columns).write_parquet(folder / "imputed.parquet")


def _fifths(values: FloatArray) -> np.ndarray:
    """Which fifth of its session each value is in, 0 the lowest; −1 where it is unknown."""
    share = rank_features(np.asarray(values, dtype=np.float64)) + 0.5
    return np.where(np.isnan(share), -1, np.minimum(share * FIFTHS, FIFTHS - 1)).astype(np.int16)


def _write_features(
    sessions: PanelHistory, values: FloatArray, names: Sequence[str], path: Path
) -> None:
    """Places of some features, row for row with `rows.parquet`."""
    bounds = np.concatenate([[0], np.cumsum([len(r) for r in sessions.rows])])
    made = np.empty((len(names), int(bounds[-1])), dtype=np.float32)

    def work(t: int) -> None:
        rows = sessions.rows[t]
        for j in range(len(names)):
            made[j, bounds[t] : bounds[t + 1]] = rank_features(values[j][rows])

    with ThreadPoolExecutor(cpu_count() or 1) as pool:
        list(pool.map(work, range(len(sessions.ordinals))))
    table = pl.DataFrame(dict(zip(names, made, strict=True)))
    table.write_parquet(path, compression="lz4", statistics=False)


def _read(folder: Path, recipe: Recipe) -> Samples:
    """The samples as they lie there; ValueError if a feature does not."""
    rows = pl.read_parquet(folder / "rows.parquet")
    ordinals = pl.read_parquet(folder / "sessions.parquet")["ordinal"].to_numpy()
    symbols = pl.read_parquet(folder / "symbols.parquet")
    sectors = tuple(pl.read_parquet(folder / "sectors.parquet")["name"])
    x = np.empty((rows.height, len(recipe.features)), dtype=np.float32)
    missing = set(recipe.features)
    for path in sorted(folder.glob("features-*.parquet")):
        for column in pl.read_parquet(path).iter_columns():
            x[:, recipe.features.index(column.name)] = column.to_numpy()
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
        features=recipe.features,
        ordinals=ordinals,
        bounds=np.searchsorted(rows["ordinal"].to_numpy(), np.append(ordinals, ordinals[-1] + 1)),
        symbols=rows["symbol"].to_numpy(),
        x=x,
        label=rows["label"].to_numpy(),
        horizon=recipe.horizon,
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


def _forget_old(folder: Path) -> None:
    """Keep only the newest few datasets."""
    made = sorted(
        (path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")),
        key=lambda path: path.stat().st_mtime,
    )
    for path in made[: max(len(made) - MOST_KEPT, 0)]:
        shutil.rmtree(path, ignore_errors=True)
