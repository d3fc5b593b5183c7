"""Bytes flipped, files cut, exchanged or blanked, anywhere in a store and in the caches beside it.

1. `Victim` makes a store of several versions, with a split, a revision and warm caches, and asks
   it four questions: one whose report is kept, one over kept columns, one that computes, one past.
2. `Victim.struck` copies all of it, damages one file, and asks again in a process of its own.
3. The answer must be the same, or one clear error; anything else is a failure: another answer,
   an exception that is not ours, a signal, a hang.

Compiled indicators are left out: half a minute each to make anew. A test strikes one of them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import polars as pl

import technic as tc
from technic.data.simulated.market import simulate
from technic.market.sessions import nyse
from technic.runtime.settings import Settings

from .patience import HUNG

KINDS = ("flip", "flip", "flip", "cut", "swap", "blank")
PLACES = ("store/panels", "store/versions", "store/tables", "store/store.json", "home/cache/values")

# Forks one process per order: nothing of it has run before, and importing is paid for once. The
# parent reads no table, so that no thread is lost in a fork.
SERVANT = """
import json, os, sys, time
import technic as tc, technic.compute.last_bar, deltalake, llvmlite.binding
from dataclasses import asdict
from datetime import date
from hashlib import blake2b
from technic.errors import TechnicError
from technic.indicators.kernel.loader import object_path, processor
from technic.indicators.kernel.run import spans
from technic.runtime.settings import Settings
from technic.scanner.report_cache import code_digest
from technic.scanner.spec.question import resolve_question
from technic.scanner.spec.scan_file import ScanFile
from technic.scores.digest import digest
from pathlib import Path

from torture.warm import import_all

import_all()
code_digest(), digest(), spans(), object_path(Path()), resolve_question(ScanFile(), None)

def answers(order):
    os.environ["TECHNIC_HOME"] = order["home"]
    said = []
    for how in order["asked"]:
        how = {**how, "as_of": how.get("as_of") and date.fromisoformat(how["as_of"])}
        try:
            report = tc.scan(tc.open_store(order["store"]), **how)
            text = json.dumps([report.manifest, [asdict(r) for r in report.shown], report.symbols],
                              sort_keys=True, default=str)
            said.append(blake2b(text.encode(), digest_size=12).hexdigest())
        except TechnicError as error:
            said.append("error: " + str(error))
    Settings.load().cache.flush()
    return said

for line in sys.stdin:
    order, (out, into) = json.loads(line), os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(os.open(order["err"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
        code = 1
        try:
            os.write(into, json.dumps(answers(order)).encode())
            code = 0
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(into)
    since, status = time.monotonic(), (0, None)
    while status[0] == 0:
        status = os.waitpid(child, os.WNOHANG)
        if status[0] == 0 and time.monotonic() - since > order["patience"]:
            os.kill(child, 9)
            status = os.waitpid(child, 0)
        time.sleep(0.002)
    with os.fdopen(out, "rb") as pipe:
        said = pipe.read()
    print(json.dumps([os.waitstatus_to_exitcode(status[1]), said.decode()]), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one trial: `same`, `error` (clear), `mended`, or what must not be."""

    verdict: str
    what: str
    detail: str = ""

    @property
    def is_bad(self) -> bool:
        """Whether it must not be."""
        return self.verdict not in {"same", "error", "mended"}


class Servant:
    """A process that forks another for every order."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVANT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],  # from which it imports this package
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._process.communicate("")

    def ask(self, folder: Path, asked: list[dict]) -> tuple[int, list[str], str]:
        """Exit status, answers, and what was written on standard error."""
        err = folder / "stderr"
        order = {"store": str(folder / "store"), "home": str(folder / "home"), "err": str(err),
                 "asked": asked, "patience": HUNG}  # fmt: skip
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        status, said = json.loads(self._process.stdout.readline())
        return status, json.loads(said) if status == 0 and said else [], err.read_text()


class Victim:
    """A store with its caches, what it answers, and what it answers once damaged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        home = folder / "whole" / "home"
        kernels = Settings.load().kernels
        (home / "cache").mkdir(parents=True)
        (home / "cache" / "kernels").symlink_to(kernels.absolute())
        self._fill(tc.open_store(folder / "whole" / "store"))
        day = nyse().day(nyse().ordinal(self.last) - 9).isoformat()
        ask = {"where": "rsi(14) < 70", "rank": "roc(20)", "top": 6}
        self.asked = [
            {"rank": "tech_rating", "top": 5},
            {**ask, "columns": ["close", "sma(20)"]},
            {"where": "close > sma(17)", "rank": "atr_pct(11)", "top": 7},
            {"rank": "roc(10)", "top": 5, "as_of": day},
        ]
        with Servant() as servant:
            warm = [
                self.asked[0],
                {**ask, "columns": ["sma(20)", "close"], "top": 4},
                self.asked[3],
            ]
            status, _, err = servant.ask(folder / "whole", warm)
            assert status == 0, err
            shutil.copytree(folder / "whole", folder / "try", symlinks=True)
            status, self.expected, err = servant.ask(folder / "try", self.asked)
        assert status == 0, err
        assert not any(said.startswith("error") for said in self.expected), self.expected
        self.files = [
            path.relative_to(folder / "whole")
            for place in PLACES
            for path in sorted([*(folder / "whole" / place).rglob("*"), folder / "whole" / place])
            if path.is_file() and path.name != ".lock" and path.stat().st_size
        ]

    def _fill(self, store) -> None:
        """Four versions: bars, listings, newer bars with a split, and a revision."""
        made = simulate(seed=5, size=19, sessions=60)
        days = made.bars["date"].unique().sort()
        self.last = days[-1]
        until = pl.col("date") < days[-4]
        at = nyse().closes(nyse().ordinal(days[-5])) + timedelta(hours=3)
        store.import_bars(made.bars.filter(until), simulated=made.about, seen_at=at)
        names = made.bars["symbol"].unique().sort()
        store.import_listings(
            pl.DataFrame({"symbol": names, "name": [f"{n} Inc" for n in names], "type": "CS"})
        )
        tc.scan(store)
        one = pl.col("symbol") == names[3]
        splits = pl.when(one & (pl.col("date") == days[-2])).then(2.0).otherwise(1.0)
        at = nyse().closes(nyse().ordinal(days[-1])) + timedelta(hours=3)
        store.import_bars(
            made.bars.filter(~until).with_columns(split=splits), simulated=made.about, seen_at=at
        )
        tc.scan(store)
        revised = made.bars.filter((pl.col("symbol") == names[4]) & (pl.col("date") == days[-8]))
        store.import_bars(
            revised.with_columns(volume=pl.lit(77.0)),
            simulated=made.about,
            seen_at=at + timedelta(hours=1),
        )

    def struck(self, servant: Servant, place: Path, seed: int) -> Outcome:
        """Damage one file of a fresh copy, and ask."""
        rng = np.random.default_rng(seed)
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.folder / "whole", place, symlinks=True)
        what = f"seed {seed}: {self._damage(place, rng)}"
        if rng.random() < 0.7:  # with the report kept, nothing else is read
            shutil.rmtree(place / "home/cache/values/report", ignore_errors=True)
        status, said, err = servant.ask(place, self.asked)
        return self._judge(what, status, said, err)

    def _judge(self, what: str, status: int, said: list[str], err: str) -> Outcome:
        if status < 0:
            return Outcome("signal", what, f"{-status}")
        if status or "Traceback" in err:
            return Outcome("traceback", what, err.strip().splitlines()[-1] if err.strip() else "")
        errors = [text for text in said if text.startswith("error: ")]
        if any("\n" in text or len(text) < 30 for text in errors):
            return Outcome("unclear", what, errors[0])
        if any(
            a != b for a, b in zip(said, self.expected, strict=True) if not a.startswith("error: ")
        ):
            return Outcome("different", what)
        return Outcome("error" if errors else "mended" if err else "same", what, *errors[:1])

    def _damage(self, place: Path, rng: np.random.Generator) -> str:
        name, kind = self.files[rng.integers(len(self.files))], KINDS[rng.integers(len(KINDS))]
        path = place / name
        content = bytearray(path.read_bytes())
        if kind == "flip":
            for _ in range(int(rng.integers(1, 4))):
                content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
        elif kind == "cut":
            del content[int(rng.integers(len(content))) :]
        elif kind == "blank":
            at = int(rng.integers(len(content)))
            content[at : at + 512] = bytes(len(content[at : at + 512]))
        else:
            alike = [f for f in self.files if f.suffix == name.suffix and f != name]
            alike = [f for f in alike if f.parts[:2] == name.parts[:2]] or alike
            if not alike:
                return f"{name} left alone"
            other = place / alike[rng.integers(len(alike))]
            path.write_bytes(other.read_bytes())
            other.write_bytes(content)
            return f"{name} and {other.relative_to(place)} exchanged"
        path.write_bytes(content)
        return f"{name} {kind}"


def strike(victim: Victim, seeds: range, workers: int) -> Iterator[Outcome]:
    """What comes of each seed."""

    def some(k: int) -> list[Outcome]:
        with Servant() as servant:
            place = victim.folder / f"struck{k}"
            return [victim.struck(servant, place, seed) for seed in seeds[k::workers]]

    with ThreadPoolExecutor(workers) as pool:
        for outcomes in pool.map(some, range(workers)):
            yield from outcomes


def checks_damage(tier: int, seed: int):
    count = 10_000 if tier == 2 else 500
    with tempfile.TemporaryDirectory(prefix="technic-damage-") as folder:
        victim = Victim(Path(folder))
        first = seed * 1_000_000
        found = list(strike(victim, range(first, first + count), os.cpu_count() or 1))
    counts = Counter(outcome.verdict for outcome in found)
    bad = [outcome for outcome in found if outcome.is_bad]
    for one in bad[:20]:
        print(f"  {one.verdict}: {one.what}: {one.detail}"[:300], flush=True)
    what = "bytes flipped, files cut, exchanged or blanked in a store and its caches"
    what += ": another answer, traceback, signal or hang"
    more = f"same {counts['same']:,}, mended with a line {counts['mended']:,}"
    more += f", one clear error {counts['error']:,}; {len(victim.files)} files, four questions each"
    yield what, len(bad), count, more


CHECKS = {"damage": checks_damage}
