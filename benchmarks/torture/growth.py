"""A store that is imported into night after night: how large it gets, and what a night costs then.

1. The nights of a simulated market are imported one by one, each by a process of its own near the
   tenth and near the last, as a user would; by this process in between.
2. The bytes of the store are held against those of a store that took all of them at once.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from statistics import median

import polars as pl

import technic as tc
from technic.data.simulated.market import simulate

SYMBOLS = 500
WATCHED = 9  # imports whose cost is looked at, around the tenth and at the end
SIZE, COST = 1.5, 1.3  # times what one import takes, times what the tenth costs


def checks_growth(tier: int, seed: int):
    nights = 300 if tier == 2 else 80
    with tempfile.TemporaryDirectory(prefix="technic-growth-") as name:
        folder = Path(name)
        files = _nights(folder, nights, seed)
        early, late = range(5, 5 + WATCHED), range(nights - WATCHED, nights)
        cost: dict[int, float] = {}
        for k, file in enumerate(files):
            if k in early or k in late:
                cost[k] = _imported(file, folder / "many")
            else:
                tc.open_store(folder / "many").import_bars(file)
        tc.open_store(folder / "one").import_bars(folder / "all.parquet")
        many, one = _bytes(folder / "many"), _bytes(folder / "one")
    tenth, last = (median(cost[k] for k in span) for span in (early, late))
    text = f"{nights} imports of {SYMBOLS} symbols"
    yield f"{text}: more than {SIZE} × the bytes of one", int(many > SIZE * one), 1, f"{many / one:.2f} ×: {many / 1e6:.1f} MB, {one / 1e6:.1f} MB"  # fmt: skip
    yield (
        f"{text}: the last costs more than {COST} × the tenth",
        int(last > COST * tenth * (1 if tier == 2 else 1.5)),  # a busy machine is not a fault
        1,
        f"{last / tenth:.2f} ×: {last:.2f} s of CPU, {tenth:.2f} s; medians of {WATCHED}",
    )


def _nights(folder: Path, nights: int, seed: int) -> list[Path]:
    """A file for each night, and one for all."""
    bars = simulate(seed=seed, size=SYMBOLS, sessions=nights).bars
    bars.write_parquet(folder / "all.parquet")
    files = []
    for day in bars["date"].unique().sort():
        files.append(folder / f"{day}.parquet")
        bars.filter(pl.col("date") == day).write_parquet(files[-1])
    return files


def _imported(file: Path, store: Path) -> float:
    """Seconds of CPU that `technic import` takes, threads and the system's part included."""
    argv = [sys.executable, "-m", "technic", "import", str(file), "--store", str(store)]
    out = os.open(os.devnull, os.O_WRONLY)
    moves = [(os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, out, 2)]
    child = os.posix_spawn(sys.executable, argv, os.environ, file_actions=moves)
    _, status, used = os.wait4(child, 0)
    os.close(out)
    assert status == 0, f"{file} could not be imported"
    return used.ru_utime + used.ru_stime


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


CHECKS = {"growth": checks_growth}
