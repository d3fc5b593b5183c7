"""Writing commands killed at random moments: import, backup, restore, vacuum, train and backtest.

1. `Scene` makes a store with a model, kept runs and warm caches, and lets every command run once,
   undisturbed: how long it takes, and what a user sees afterwards.
2. `Scene.killed` copies all of it, runs one command in a process of its own, and kills that at a
   random moment.
3. Whatever is seen then must be what was seen before the command or after it; the deep doctor must
   find nothing; the same command, run again unless it was finished, must end where an undisturbed
   one ends.

Syncs are killed in `crashes`, with what was not yet on the disk lost.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import polars as pl

from technic.data.simulated.market import simulate
from technic.runtime.settings import Settings

from .patience import HUNG

TRAINING = """
model = "ridge"
features = ["ret(5)", "rsi(14)", "atr_pct(14)"]
universe = ""
baselines = ["-ret(5)"]
"""
BACKTEST = """
rank = "ret(5)"
top = 5

[backtest]
"""
# What a user sees: each is a command, and the same before and after whatever changes nothing.
SEEN = (
    ("scan", "--rank", "ret(5)", "--top", "5", "--json"),
    ("models", "--json"),
    ("trials", "--json"),
    ("runs", "--json"),
    ("list", "show", "mine"),
)
# Keys whose values hang on the instant, or on how an answer was come by.
TIMES = {"at", "used_at", "timings_ms", "work", "digest", "chain", "id"}
SERVANT = """
import io, json, os, runpy, sys, time
import technic as tc, technic.interfaces.cli, technic.compute.last_bar
import deltalake, llvmlite.binding, sqlalchemy, technic.research.learning.train
import technic.research.backtest, technic.data.store.catalog, technic.data.store.restore
from technic.indicators.kernel.run import spans
from technic.scanner.report_cache import code_digest
from technic.scores.digest import digest
from torture.warm import import_all

import_all()
code_digest(), digest(), spans()
for line in sys.stdin:
    order = json.loads(line)
    child = os.fork()
    if child == 0:
        out = os.open(order["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(out, 1), os.dup2(out, 2)
        os.environ["TECHNIC_HOME"] = order["home"]
        os.environ["TECHNIC_STORE"] = order["store"]
        os.chdir(order["cwd"])
        sys.argv = ["technic", *order["argv"]]
        code = 1
        try:
            if order["script"]:
                runpy.run_path(order["script"], run_name="__main__")
            else:
                technic.interfaces.cli.main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(bool(end.code))
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(code)
    since, status, kill = time.monotonic(), (0, None), order["kill"]
    while status[0] == 0:
        gone = time.monotonic() - since
        if gone > (kill or order["hung"]):
            os.kill(child, 9)
            status = os.waitpid(child, 0)
        else:
            status = os.waitpid(child, os.WNOHANG)
            time.sleep(0.0005)
    print(json.dumps([os.waitstatus_to_exitcode(status[1]), time.monotonic() - since]), flush=True)
"""


class Servant:
    """A process with everything imported, which forks another for every command."""

    def __enter__(self) -> Self:
        env = {k: v for k, v in os.environ.items() if not k.startswith("TECHNIC")}
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVANT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],  # from which it imports this package
            env={**env, "NO_COLOR": "1", "COLUMNS": "200"},
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._process.communicate("")

    def run(
        self, place: Place, *argv: str, kill: float | None = None, script: Path | None = None
    ) -> tuple[int, str, float]:
        """Exit status, what was printed, and seconds; of a command, or of a script instead."""
        out = place.folder / "out"
        order = {"argv": argv, "out": str(out), "home": str(place.home), "store": str(place.store),
                 "cwd": str(place.folder), "kill": kill, "hung": HUNG,
                 "script": str(script or "")}  # fmt: skip
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        status, seconds = json.loads(self._process.stdout.readline())
        return status, out.read_text(errors="replace"), seconds


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with a store and a home of its own."""

    folder: Path

    @property
    def store(self) -> Path:
        """The store of every command that names no other."""
        return self.folder / "store"

    @property
    def home(self) -> Path:
        """Where settings, caches and saved scans are."""
        return self.folder / "home"


@dataclass(frozen=True, slots=True)
class Command:
    """A command to be killed.

    Attributes
    ----------
    argv : as it is typed
    made : a folder that it makes, in which nothing of a killed one may be believed; "" if none
    look : a command that shows what is in there, run once it is there
    """

    argv: tuple[str, ...]
    made: str = ""
    look: tuple[str, ...] = ()


COMMANDS = {
    "import": Command(("import", "more.parquet")),
    "backup": Command(("backup", "copy"), "copy", ("restore", "copy", "--store", "again")),
    "restore": Command(
        ("restore", "whole", "--store", "new"), "new", ("coverage", "--store", "new")
    ),
    "vacuum": Command(("vacuum",)),
    "train": Command(("train", "other.toml")),
    "backtest": Command(("backtest", "plan.toml")),
}


class Scene:
    """A store to copy, and what every command makes of it."""

    def __init__(self, folder: Path, servant: Servant) -> None:
        self.folder, self.place = folder, Place(folder / "before")
        place = self.place
        (place.home / "cache").mkdir(parents=True)
        (place.home / "cache" / "kernels").symlink_to(Settings.load().kernels.absolute())
        self._write_files()
        for argv in (
            ("import", "first.parquet"), ("import", "second.parquet"),
            ("list", "add", "mine", "AAA", "BBB"), ("train", "one.toml"),
            ("scan", "--rank", "ret(5)", "--keep"), ("backup", "whole"),
        ):  # fmt: skip
            status, said, _ = servant.run(place, *argv)
            assert status == 0, (argv, said)
        self.before = self.seen(servant, place)
        self.after: dict[str, list[str]] = {}
        self.seconds: dict[str, float] = {}
        for name, command in COMMANDS.items():
            copy = self.copy(name)
            status, said, self.seconds[name] = servant.run(copy, *command.argv)
            assert status == 0, (name, said)
            self.after[name] = self.seen(servant, copy)
            shutil.rmtree(copy.folder)

    def _write_files(self) -> None:
        made = simulate(seed=5, size=12, sessions=100)
        days = made.bars["date"].unique().sort()
        names = dict(zip(made.bars["symbol"].unique().sort()[:2], ("AAA", "BBB"), strict=True))
        bars = made.bars.with_columns(pl.col("symbol").replace(names))
        spans = {"first": (0, 90), "second": (90, 95), "more": (95, 100)}
        for name, (low, high) in spans.items():
            bars.filter(pl.col("date").is_in(days[low:high].implode())).write_parquet(
                self.place.folder / f"{name}.parquet"
            )
        (self.place.folder / "one.toml").write_text(TRAINING)
        (self.place.folder / "other.toml").write_text(TRAINING + "[ridge]\nstrength = 0.3\n")
        (self.place.folder / "plan.toml").write_text(BACKTEST)

    def copy(self, name: str) -> Place:
        """A fresh copy of the store, its home and the files beside it."""
        folder = Path(tempfile.mkdtemp(prefix=name, dir=self.folder)) / "place"
        shutil.copytree(self.place.folder, folder, symlinks=True)
        return Place(folder)

    def seen(self, servant: Servant, place: Place) -> list[str]:
        """What a user is shown of a store, instants and times aside."""
        said = []
        for argv in SEEN:
            status, text, _ = servant.run(place, *argv)
            said.append(_timeless(text) if status == 0 else f"exit {status}: {text}")
        return said

    def killed(self, servant: Servant, name: str, share: float) -> str:
        """What is wrong after a command was killed at a share of its time; empty if nothing."""
        command, place = COMMANDS[name], self.copy(name)
        try:
            servant.run(place, *command.argv, kill=share * self.seconds[name])
            return self._judged(servant, name, command, place)
        finally:
            shutil.rmtree(place.folder.parent)

    def _judged(self, servant: Servant, name: str, command: Command, place: Place) -> str:
        seen = self.seen(servant, place)
        for got, old, new, argv in zip(seen, self.before, self.after[name], SEEN, strict=True):
            if got not in (old, new):
                return f"{' '.join(argv)}: neither as before nor as after: {got[:120]}"
        status, said, _ = servant.run(place, "doctor", "--deep")
        if status:
            return f"the doctor finds {_last_line(said)}"
        made = place.folder / command.made
        finished = made.exists() if command.made else seen == self.after[name] != self.before
        if not finished:
            status, said, _ = servant.run(place, *command.argv)
            if status:
                return f"cannot be run again: {_last_line(said)}"
        again = zip(self.seen(servant, place), self.after[name], strict=True)
        if any(_unnamed(got) != _unnamed(new) for got, new in again):
            return "run again, it does not end where an undisturbed one ends"
        if command.look:
            status, said, _ = servant.run(place, *command.look)
            if status:
                return f"what it made cannot be used: {_last_line(said)}"
        return ""


def _unnamed(text: str) -> str:
    """The text without the names of the store's version and of what is sealed with it.

    A version's name holds the numbers of its tables. One that was appended to and never recorded
    leaves such a number behind: the rows are the same under another name.
    """
    try:
        content = json.loads(text)
    except ValueError:
        return text
    return json.dumps(_without(content, TIMES | {"store_version", "seal"}), sort_keys=True)


def _timeless(text: str) -> str:
    """The text without what names an instant or counts seconds."""
    try:
        content = json.loads(text)
    except ValueError:
        return text
    return json.dumps(_without(content, TIMES), sort_keys=True)


def _without(content: object, names: set[str]) -> object:
    if isinstance(content, dict):
        return {k: _without(v, names) for k, v in content.items() if k not in names}
    return [_without(v, names) for v in content] if isinstance(content, list) else content


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["nothing"])[-1][:160]


def checks_killed(tier: int, seed: int):
    count = 1_000 if tier == 2 else 12
    workers = os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix="technic-killed-") as folder:
        with Servant() as servant:
            scene = Scene(Path(folder), servant)
        rng = np.random.default_rng(seed)
        jobs = [
            (list(COMMANDS)[k % len(COMMANDS)], float(rng.uniform(0.02, 1.05)))
            for k in range(count)
        ]

        def some(k: int) -> list[tuple[str, str]]:
            with Servant() as servant:
                return [
                    (name, scene.killed(servant, name, share)) for name, share in jobs[k::workers]
                ]

        with ThreadPoolExecutor(workers) as pool:
            outcomes = [one for part in pool.map(some, range(workers)) for one in part]
    bad = [f"{name}: {wrong}" for name, wrong in outcomes if wrong]
    for text in bad[:10]:
        print(f"  {text}", flush=True)
    counts = ", ".join(f"{name} {n}" for name, n in Counter(name for name, _ in outcomes).items())
    yield "writing commands killed at a random moment: torn, different or not to be run again", len(bad), count, counts  # fmt: skip


CHECKS = {"killed": checks_killed}
