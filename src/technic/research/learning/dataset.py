"""What models learn from: features, labels and groups of every member of every session, as Parquet.

1. `PanelHistory.read` finds who was in the universe on each session, and what came after.
2. `_write_rows` writes sessions, symbols, returns, labels and groups into `rows.parquet`;
   `_write_imputed` and `_write_market` write other returns beside it.
3. `every_bar` computes a few features at every bar; `_write_features` cuts them into sessions,
   turns values into ranks, and writes one shard of columns. Then the next few.
4. `read_samples` puts the shards side by side.

A dataset is named by a digest of what it depends on. It is a cache: deleting it loses nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import sha256
from logging import getLogger
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
from technic.data.store.mapped_panel import MappedPanel
from technic.indicators.kernel.codegen import digest as kernel_digest
from technic.market.typing import FloatArray
from technic.query.lower import series_of
from technic.query.resolve import Resolver
from technic.query.series import clauses_of, single_series
from technic.research.forward_returns import IMPUTED, dividends_of, forward_returns, vanished
from technic.research.history import HistoryRequest, PanelHistory, Workspace, needed_series
from technic.research.learning.dataset_folder import (
    FIFTHS,
    SEAL,
    digests_in,
    forget_old,
    is_whole,
    read_samples,
)
from technic.research.learning.train_file import HORIZONS, TrainFile
from technic.runtime.executors import Progress, quiet
from technic.runtime.files import close_to_others, make_folder
from technic.runtime.logs import log_mended
from technic.runtime.settings import Settings
from technic.scanner.alpha.samples import Samples, label_of, rank_features

LOG = getLogger(__name__)
FORM = 1  # of the files: what another technic wrote otherwise is not read
BATCH = 8  # features of a shard: about 40 MB each for a market of three years
LIQUIDITY = "dollar_volume(20)"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a dataset depends on besides the store.

    Attributes
    ----------
    features : canonical texts of the columns
    universe : a condition for being a member on a session
    horizon : sessions ahead that the label looks
    demean : "market" or "sector": whose mean is taken from the label
    delisting : the return from its last close that is imputed to a name that vanishes
    """

    features: tuple[str, ...]
    universe: str
    horizon: int
    demean: str
    delisting: float

    @classmethod
    def of(cls, file: TrainFile) -> Recipe:
        """The part of a training file that decides which data are made."""
        return cls(file.features, file.universe, file.horizon, file.demean, file.delisting)

    def digest(self, view: MappedPanel) -> str:
        """The name of the dataset of a view: 32 hexadecimal digits."""
        content = [
            FORM,
            view.name,
            kernel_digest(),
            *(getattr(self, name) for name in self.__slots__),
        ]
        return sha256(orjson.dumps(content)).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class _Job:
    """A dataset on its way into a folder."""

    store: Store
    view: MappedPanel
    recipe: Recipe
    folder: Path


def dataset(
    store: Store, file: TrainFile, settings: Settings, progress: Progress = quiet
) -> Samples:
    """The samples of a training file, read from disk or made anew.

    Parameters
    ----------
    settings : where datasets lie, and how many threads compute them
    progress : is told how far the work is

    Raises
    ------
    StoreError
        If the store has too few sessions.
    """
    ensure_compiled(settings.kernels)
    view = store.panel(None, version=store.require())
    recipe = Recipe.of(file)
    folder = settings.datasets / recipe.digest(view)
    if is_whole(folder):
        return read_samples(folder, recipe.features, recipe.horizon)
    if (folder / SEAL).exists():
        log_mended(LOG, f"{folder}: was damaged; it is made anew")
    make_folder(settings.datasets)
    scratch = Path(mkdtemp(prefix=".making-", dir=settings.datasets))
    try:
        _build(_Job(store, view, recipe, scratch), settings, progress)
        (scratch / SEAL).write_bytes(orjson.dumps([folder.name, digests_in(scratch)]))
        shutil.rmtree(folder, ignore_errors=True)
        close_to_others(scratch)
        scratch.rename(folder)  # at once: a reader sees all of a dataset or nothing
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    forget_old(settings.datasets)
    return read_samples(folder, recipe.features, recipe.horizon)


def _build(job: _Job, settings: Settings, progress: Progress) -> None:
    """Compute everything of a dataset and write it into the folder of the job."""
    store, view, recipe = job.store, job.view, job.recipe
    series = single_series(recipe.features)
    # What compares with the market goes together: a market as it was known is found once.
    order = sorted(range(len(series)), key=lambda j: is_relative([series[j]]))
    batches = [order[k : k + BATCH] for k in range(0, len(order), BATCH)]
    universe, liquidity = clauses_of(recipe.universe), Resolver().question(LIQUIDITY, "number")
    held = len(needed_series([*universe, liquidity]))
    room = np.empty((max(BATCH, held), view.panel.n_bars))
    progress(0, len(batches) + 1, "members of the universe, and their returns")
    request = HistoryRequest(HORIZONS, universe, delisting=recipe.delisting)
    workspace = Workspace(settings.kernels, settings.threads, room)
    history = PanelHistory.read(store, view, request, workspace)
    (traded,) = series_of(liquidity)
    wanted = PanelSeries(store, view, view.panel, (traded,), settings.kernels)
    value_traded = every_bar(wanted, room[:1])[0]
    _write_rows(history, recipe, value_traded, job.folder)
    _write_imputed(job, history)
    _write_market(job, history)
    for k, batch in enumerate(batches):
        progress(k + 1, len(batches) + 1, f"features, {k + 1} of {len(batches)}")
        wanted = replace(wanted, series=tuple(series[j] for j in batch))
        values = every_bar(wanted, room)
        names = [recipe.features[j] for j in batch]
        path = job.folder / f"features-{k:02}.parquet"
        _write_features(history, values[: len(batch)], names, path)
    progress(len(batches) + 1, len(batches) + 1, "done")


def _write_rows(
    history: PanelHistory, recipe: Recipe, value_traded: FloatArray, folder: Path
) -> None:
    """Everything but the features, row for row."""
    at = HORIZONS.index(recipe.horizon)
    labels, fifths, sizes = [], [], []
    for t in range(len(history.ordinals)):
        groups = None
        if recipe.demean == "sector":
            # Those of unknown sector are a group of their own, after the last.
            groups = np.where(history.groups[t] < 0, len(history.sectors), history.groups[t])
        labels.append(label_of(history.forward[t][at], groups))
        fifths.append(_fifths(value_traded[history.rows[t]]))
        sizes.append(_fifths(history.attributes[t]["market_cap"]))
    forward = np.concatenate(history.forward, axis=1)
    columns: dict[str, Any] = {
        "ordinal": np.repeat(history.ordinals, [len(r) for r in history.rows]).astype(np.int32),
        "symbol": np.concatenate(history.symbols).astype(np.int32),
        "label": np.concatenate(labels),
        "sector": np.concatenate(history.groups).astype(np.int16),
        "liquidity": np.concatenate(fifths),
        "size": np.concatenate(sizes),
        **{f"forward_{h}": forward[j].astype(np.float32) for j, h in enumerate(HORIZONS)},
    }
    pl.DataFrame(columns).write_parquet(folder / "rows.parquet")
    pl.DataFrame({"name": list(history.sectors)}, schema={"name": pl.String}).write_parquet(
        folder / "sectors.parquet"
    )


def _write_market(job: _Job, history: PanelHistory) -> None:
    """What every symbol returned from one open to the next, members or not; and who vanishes."""
    view, folder = job.view, job.folder
    returns = forward_returns(
        view,
        history.ordinals,
        (1,),
        dividends=dividends_of(job.store, view),
        delisting=job.recipe.delisting,
    )[0]
    market = pl.DataFrame({"value": returns.astype(np.float32).ravel()})
    symbols = pl.DataFrame({"security_id": view.panel.security_ids, "vanish": vanished(view)})
    market.write_parquet(folder / "market.parquet")
    symbols.write_parquet(folder / "symbols.parquet")
    pl.DataFrame({"ordinal": history.ordinals}).write_parquet(folder / "sessions.parquet")


def _write_imputed(job: _Job, history: PanelHistory) -> None:
    """Returns over the horizon, had the names that vanish returned something else."""
    paid = dividends_of(job.store, job.view)
    horizons = (job.recipe.horizon,)
    columns = {}
    for delisting in IMPUTED:
        returns = forward_returns(
            job.view, history.ordinals, horizons, dividends=paid, delisting=delisting
        )[0]
        members = [returns[t][symbols] for t, symbols in enumerate(history.symbols)]
        columns[f"{delisting:g}"] = np.concatenate(members).astype(np.float32)
    pl.DataFrame(columns).write_parquet(job.folder / "imputed.parquet")


def _fifths(values: FloatArray) -> np.ndarray:
    """Which fifth of its session each value is in, 0 the lowest; −1 where it is unknown."""
    share = rank_features(np.asarray(values, dtype=np.float64)) + 0.5
    return np.where(np.isnan(share), -1, np.minimum(share * FIFTHS, FIFTHS - 1)).astype(np.int16)


def _write_features(
    history: PanelHistory, values: FloatArray, names: Sequence[str], path: Path
) -> None:
    """Ranks of some features, row for row with `rows.parquet`."""
    bounds = np.concatenate([[0], np.cumsum([len(r) for r in history.rows])])
    ranks = np.empty((len(names), int(bounds[-1])), dtype=np.float32)

    def work(t: int) -> None:
        rows = history.rows[t]
        for j in range(len(names)):
            ranks[j, bounds[t] : bounds[t + 1]] = rank_features(values[j][rows])

    with ThreadPoolExecutor(cpu_count() or 1) as pool:
        list(pool.map(work, range(len(history.ordinals))))
    table = pl.DataFrame(dict(zip(names, ranks, strict=True)))
    # Quick to read rather than small: every training over the same data reads it again.
    table.write_parquet(path, compression="lz4", statistics=False)
