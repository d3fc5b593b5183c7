"""Syncs killed at every system call that changes the store, at random moments, and by power cuts.

1. `counted` runs a sync under strace and lists which calls touch the store: (call, n) per thread.
2. `points` runs it again for each, killed there (KILL), or with an error put in (EIO, ENOSPC).
3. After each the store must open at the old version or the new one, with every digest right, and
   the same sync, run again, must end where an undisturbed one ends.
   Only the run that is struck is a process of its own from the start: all others are forked from one
   that has imported everything, and at random moments such a fork is killed, in the midst of work.
4. A power cut also takes what was never forced to the disk: any subset of such files is dropped.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from technic.data.ingest import open_store
from technic.data.ingest.inbox import Answered, Inbox
from technic.data.ingest.planning import Wish
from technic.data.ingest.sync import SyncRequest, sync
from technic.data.providers.source import Ask
from technic.data.simulated.faults import FaultPlan
from technic.data.simulated.publications import evening
from technic.data.simulated.server import serving
from technic.data.simulated.tape import record
from technic.data.simulated.twin import Twin
from technic.data.store import Store
from technic.data.store.integrity import examine_files
from technic.errors import StoreError

from .chaos import SIMULATED, client, content
from .killed import Place, Servant
from .patience import HUNG

CALLS = ("write", "pwrite64", "rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat",
         "mkdir", "mkdirat", "fsync", "fdatasync", "ftruncate")  # fmt: skip
WORKERS = os.cpu_count() or 1
STRACE = ("strace", "-f", "-y", "-qq")
# Stopping at none but the calls that are looked at takes half the time; but strace delivers no
# signal then, so that what is to be killed stops at every call.
QUICK = "--seccomp-bpf"
VICTIM = """
import sys
from pathlib import Path
from datetime import UTC, datetime
from technic.data.ingest import open_store
from technic.data.ingest.planning import Wish
from technic.data.ingest.sync import SyncRequest, SyncRun
from technic.data.providers.massive import Massive
from technic.data.providers.http import Endpoint, Http
from technic.runtime.files import alone
store, now = open_store(Path(sys.argv[1])), datetime.now(UTC)
source = Massive(Http(Endpoint("massive", "http://127.0.0.1:1", {})))
request = SyncRequest({"massive": source}, Wish(now.date(), now), simulated={"vendor": "the twin"})
with alone(store.folder, "sync"):
    SyncRun(store, request, lambda: now).resume()
    store.panel()
"""


def checks_points(tier: int, seed: int):
    if shutil.which("strace") is None:
        yield "sync killed at every point", 0, 0, "strace is not installed here"
        return
    with scene_of(WORKERS) as scene:
        found = scene.counted()
        step = 1 if tier == 2 else max(len(found) // 24, 1)
        chosen = found[::step]
        rng = np.random.default_rng(seed)
        jobs = [(call, n, "signal=KILL", bool(rng.random() < 0.5)) for call, n in chosen]
        more = found[:: 1 if tier == 2 else max(len(found) // 8, 1)]
        jobs += [
            (call, n, f"error={kind}", False)
            for call, n in more
            for kind in ("EIO", "ENOSPC")
            if call not in {"unlink", "unlinkat"}
        ]
        with ThreadPoolExecutor(WORKERS) as pool:
            outcomes = list(pool.map(lambda job: scene.struck(*job, seed), jobs))
        kills = [o for j, o in zip(jobs, outcomes, strict=True) if "KILL" in j[2]]
        errors = [o for j, o in zip(jobs, outcomes, strict=True) if "KILL" not in j[2]]
        by_call = {c: sum(1 for j in chosen if j[0] == c) for c in CALLS}
        points = ", ".join(f"{c} {n}" for c, n in by_call.items() if n)
        hit = sum(o[1] for o in kills)
        bad = [o[0] for o in outcomes if o[0]]
        yield (
            "sync killed at every call that changes the store (half of them with unsynced files lost): torn stores",
            sum(bool(o[0]) for o in kills) + (not hit),  # a strike that never strikes shows nothing
            len(kills),
            f"{hit} killed there; {points}; {'; '.join(bad[:3])}",
        )
        yield (
            "sync with EIO or ENOSPC at every call: torn stores",
            sum(bool(o[0]) for o in errors),
            len(errors),
            "",
        )


def checks_moments(tier: int, seed: int):
    count = 1_000 if tier == 2 else 30
    with scene_of(WORKERS) as scene:
        usual = scene.duration()
        rng = np.random.default_rng(seed)
        delays = rng.uniform(0.02, 1.05, count) * usual
        with ThreadPoolExecutor(WORKERS) as pool:
            outcomes = list(pool.map(scene.killed_after, delays.tolist()))
    bad = [o for o in outcomes if o]
    yield "sync killed at a random moment: torn stores", len(bad), count, "; ".join(bad[:3])


@contextmanager
def scene_of(workers: int) -> Iterator[Scene]:
    """A scene in a folder of its own, with a servant for each worker."""
    with ExitStack() as held:
        folder = held.enter_context(tempfile.TemporaryDirectory(prefix="technic-crash-"))
        servants = SimpleQueue[Servant]()
        for _ in range(workers):
            servants.put(held.enter_context(Servant()))
        yield Scene(Path(folder), servants)


class Scene:
    """A store with answers in its inbox, and what becomes of it undisturbed.

    Parameters
    ----------
    folder : for the stores
    servants : who runs what is not struck by a system call; one is taken for each run
    """

    def __init__(self, folder: Path, servants: SimpleQueue[Servant]) -> None:
        self.folder, self._servants = folder, servants
        self.victim = folder / "victim.py"
        self.victim.write_text(VICTIM)
        self.before = folder / "before"
        tape = record(3, 40, 24)
        twin = Twin(tape, faults=FaultPlan(), clock=evening(tape.sessions[20]) + timedelta(hours=1))
        store = open_store(self.before)
        with serving(twin) as served, client(served.url) as source:
            sync(
                store,
                SyncRequest(
                    {"massive": source},
                    Wish(tape.sessions[10], twin.clock.now()),
                    simulated=SIMULATED,
                ),
                clock=twin.clock.now,
            )
            twin.clock.set(evening(tape.sessions[21]) + timedelta(hours=1))
            now = twin.clock.now()
            inbox = Inbox(self.before / "inbox")
            newest = tape.sessions[21]
            for ask in (
                Ask("tickers", newest=True), Ask("day", newest, newest),
                Ask("splits", tape.sessions[12], newest), Ask("dividends", tape.sessions[12], newest),
            ):  # fmt: skip
                inbox.put(Answered("massive", ask, now, source.fetch(ask)))
        self.old = content(open_store(self.before))
        after = self.copy()
        self.plainly(after)
        self.new = content(open_store(after))
        assert self.old != self.new

    def plainly(self, store: Path, kill: float | None = None) -> tuple[int, str, float]:
        """Exit status, what was printed, and seconds, of a sync that is not struck by a call."""
        servant = self._servants.get()
        try:
            place = Place(store.parent)
            return servant.run(place, str(store), kill=kill, script=self.victim)
        finally:
            self._servants.put(servant)

    def traced(self, store: Path, *wrapped: str, patience: float = HUNG):
        """The victim's outcome; one that hangs is ended with all it started, as a user would."""
        env = {**os.environ, "RUST_BACKTRACE": "0", "POLARS_MAX_THREADS": "2"}
        command = [*wrapped, sys.executable, str(self.victim), str(store)]
        victim = subprocess.Popen(
            command,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            _, said = victim.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            os.killpg(victim.pid, signal.SIGKILL)
            _, said = victim.communicate()
        return subprocess.CompletedProcess(command, victim.returncode, "", said)

    def copy(self) -> Path:
        place = Path(tempfile.mkdtemp(dir=self.folder)) / "store"
        shutil.copytree(self.before, place)
        return place

    def duration(self) -> float:
        return self.plainly(self.copy())[2]

    def counted(self):
        """(call, n) such that the n-th such call of some thread touches the store."""
        place = self.copy()
        log = place.parent / "log"
        self.traced(place, *STRACE, QUICK, "-e", "trace=" + ",".join(CALLS), "-o", str(log))
        seen: dict[tuple[str, str], int] = {}
        found = set()
        for line in log.read_text(errors="replace").splitlines():
            hit = re.match(r"(\d+)\s+(\w+)\(", line)
            if not hit:
                continue
            key = (hit[1], hit[2])
            seen[key] = seen.get(key, 0) + 1
            if str(place) in line:
                found.add((hit[2], seen[key]))
        return sorted(found)

    def struck(self, call: str, n: int, what: str, lose: bool, seed: int):
        """What is wrong after one strike (empty if nothing), and whether it struck."""
        place = self.copy()
        log = place.parent / "log"
        quick = () if "signal" in what else (QUICK,)
        done = self.traced(
            place, *STRACE, *quick, "-e", "trace=openat," + ",".join(CALLS),
            "-e", f"inject={call}:{what}:when={n}", "-o", str(log), patience=20.0,
        )  # fmt: skip
        if lose:
            drop_unsynced(log, place, np.random.default_rng([seed, n]))
        wrong = self.judged(place)
        if (
            "KILL" not in what
            and done.returncode
            and "Traceback" in done.stderr
            and "technic.errors" not in done.stderr
            and "OSError" not in done.stderr
        ):
            last = done.stderr.strip().splitlines()[-1]
            if not wrong and not re.search(
                r"(EIO|ENOSPC|Input/output|No space|disk I/O|disk is full|database)", done.stderr
            ):
                wrong = f"unclear error: {last[:80]}"
        shutil.rmtree(place.parent)
        return (f"{call}#{n} {what}: {wrong}" if wrong else "", done.returncode in {-9, 137})

    def killed_after(self, delay: float) -> str:
        place = self.copy()
        self.plainly(place, kill=delay)
        wrong = self.judged(place)
        shutil.rmtree(place.parent)
        return f"after {delay:.3f} s: {wrong}" if wrong else ""

    def judged(self, place: Path) -> str:
        """Old or new, whole, and able to go on."""
        try:
            found = content(open_store(place))
            if found not in (self.old, self.new):
                return "neither the old content nor the new"
            damage = examine_files(Store(place)).damage
            if damage:
                return f"damage: {damage[0]}"
            store = Store(place)
            if store.version().last is not None:
                store.panel()
            status, said, _ = self.plainly(place)
            if status:
                return "cannot go on: " + (said.strip().splitlines() or ["it hangs"])[-1][:120]
            if content(open_store(place)) != self.new:
                return "does not end where an undisturbed sync ends"
            damage = examine_files(Store(place)).damage
            return f"damage later: {damage[0]}" if damage else ""
        except StoreError as error:
            return str(error)[:160]


def drop_unsynced(log: Path, place: Path, rng) -> None:
    """Lose a random subset of the files that were written and not forced to the disk."""
    dirty: dict[str, bool] = {}
    unlisted: dict[str, str] = {}
    for line in log.read_text(errors="replace").splitlines():
        paths = re.findall(r'[<"](/[^">]*)[">]', line)
        mine = [p for p in paths if p.startswith(str(place))]
        call = re.match(r"\d+\s+(\w+)\(", line)
        if not mine or not call or "= -1" in line:
            continue
        if call[1] in {"write", "pwrite64", "ftruncate"}:
            dirty[mine[0]] = True
        elif call[1] == "openat" and "O_CREAT" in line:
            unlisted.setdefault(mine[0], str(Path(mine[0]).parent))
        elif call[1] in {"fsync", "fdatasync"}:
            dirty.pop(mine[0], None)
            for path, parent in list(unlisted.items()):
                if parent == mine[0]:
                    del unlisted[path]
        elif call[1].startswith(("rename", "link")) and len(mine) >= 2:
            if mine[0] in dirty:
                dirty[mine[1]] = dirty[mine[0]]
            if call[1].startswith("rename"):
                dirty.pop(mine[0], None)
                unlisted.pop(mine[0], None)
            unlisted[mine[1]] = str(Path(mine[1]).parent)
    for path in {*dirty, *unlisted}:
        target = Path(path)
        if "sqlite" in path or path.endswith(".lock") or not target.is_file() or rng.random() < 0.5:
            continue
        if path in unlisted and rng.random() < 0.5:
            target.unlink()
        elif path in dirty:
            content_ = target.read_bytes()
            target.write_bytes(content_[: int(rng.integers(len(content_) + 1))])


CHECKS = {"points": checks_points, "moments": checks_moments}
