"""Workers killed, engines with planted faults, rollouts taken back, memory over a thousand scans.

1. `workers` kills a worker every 200 ms while scans of many sessions run on processes.
2. `faults` routes questions past engines that are wrong, slow, hang, leak or end.
3. `rollouts` simulates whole rollouts of an engine against itself, and of bad ones.
4. `rollback` takes a canary at 100 % back under load, and times the last answer it gave.
5. `memory` scans a thousand times in one process.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from importlib import import_module
from pathlib import Path

import orjson

import technic as tc
from technic.data.simulated import simulate
from technic.market.sessions import nyse
from technic.operations.rollout import Observation, RolloutFile, Router, judge
from technic.operations.rollout.health import ENOUGH
from technic.operations.rollout.router import DEADLINE
from technic.operations.rollout.state import STEPS, register
from technic.operations.rollout.trial import read_record
from technic.runtime.executors import open_executor
from technic.runtime.settings import Settings
from technic.scanner.scan_sessions import scan_sessions
from technic.scanner.spec.scan_file import ScanFile

from .patience import BUSY

DATA = Path(os.environ.get("TECHNIC_TEST_DATA", "../shared/data"))
SOON = 1.5  # seconds within which a user has an answer, whatever the candidate does
NOTICED = {"slow": 200, "leak": 200}


def _store(folder, size=200, sessions=120):
    made = simulate(seed=3, size=size, sessions=sessions)
    store = tc.open_store(folder / "store")
    store.import_bars(made.bars, simulated=made.about)
    store.import_listings(made.listings)
    return store


def checks_workers(tier, seed):
    """Rows of scans over many sessions while workers die."""
    rng = random.Random(seed)
    scans = 200 if tier == 2 else 20
    with tempfile.TemporaryDirectory() as folder:
        store = _store(Path(folder), 900 if tier == 2 else 400)
        last = nyse().ordinal(store.version().last)
        first = nyse().day(last - 19)
        asked = ScanFile(where="close > sma(20)", rank="ret(20)", top=20)
        wanted = scan_sessions(store, first, file=asked)
        lost = differing = 0
        slowest = 0.0
        with closing(open_executor("processes:2")) as runner:
            list(runner.map(_nothing(), [(0, 1), (1, 2)]))
            since = time.monotonic()
            scan_sessions(store, first, file=asked, executor=runner)
            calm = time.monotonic() - since
            stop = threading.Event()

            def killer():
                while not stop.wait(0.2):
                    pids = runner.pids()
                    if pids:
                        os.kill(rng.choice(pids), signal.SIGKILL)

            thread = threading.Thread(target=killer)
            thread.start()
            try:
                for _ in range(scans):
                    since = time.monotonic()
                    found = scan_sessions(store, first, file=asked, executor=runner)
                    slowest = max(slowest, time.monotonic() - since)
                    lost += wanted.rows.height - found.rows.height
                    differing += found.seal != wanted.seal
            finally:
                stop.set()
                thread.join()
            killed = runner.lost
    yield ("a worker killed every 200 ms: rows lost", lost, scans,
           f"{differing} answers differ; {killed} workers died; slowest {slowest:.1f} s, undisturbed {calm:.1f} s")  # fmt: skip


def _nothing():
    from technic.runtime.executors import Work

    return Work("torture.scale:nothing")


def nothing(_shared, _first, _last):
    """No work."""
    return {}


def _engines():
    folder = str(Path(__file__).parents[2] / "tests" / "operations" / "rollout")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return import_module("engines")


def checks_faults(tier, seed):
    """Each planted fault, in shadow and in a canary at 100 %."""
    kinds = ("ulp", "row", "order", "exception", "hang", "exit", "slow", "leak")
    seen_by_users = late = trials = 0
    told = []
    with tempfile.TemporaryDirectory() as folder:
        store = _store(Path(folder), 60, 60)
        for kind in kinds:
            for share in (0, 100):
                trials += 1
                limit = NOTICED.get(kind, 20)
                answers, wrong = _trial(
                    Path(folder) / f"{kind}{share}", store, kind, share, limit, SOON * BUSY[tier]
                )
                seen_by_users += wrong
                late += answers is None
                told.append(f"{kind} {answers}")
    yield ("planted faults not noticed within 20 (slow, leak: 200) answers", late, trials,
           f"answers until noticed, in shadow and at 100 %: {', '.join(told)}")  # fmt: skip
    yield ("wrong, missing or late answers that a user was given", seen_by_users, trials, "")


def _trial(folder, store, kind, share, limit, soon):
    """How many answers it took until it was rolled back; None if it was not; and wrong answers."""
    engines = _engines()
    folder.mkdir()
    file = RolloutFile(folder / "rollout")
    engine = register("candidate", engines.program(folder, kind))
    file.change(lambda now: now.with_engine(engine).shadowing("candidate"))
    if share:
        file.change(lambda now: now.sharing(share))
    router = Router(file, deadline=1.0)
    bare = Settings.load().uncached()
    wrong = 0
    try:
        for k in range(limit):
            asked = engines.question(k, store.folder)
            since = time.monotonic()
            answer = router.answer(asked)
            took = time.monotonic() - since
            report = tc.scan(store, file=ScanFile.of(asked["scan"]["file"], "q"), settings=bare)
            right = orjson.loads(orjson.dumps(report.as_dict()["rows"]))
            wrong += answer.get("report", {}).get("rows") != right or (took > soon and k > 0)
            router.settle()
            if file.read().phase == "rolled back":
                return len(read_record(file, 1)), wrong
    finally:
        router.close()
    return None, wrong


def checks_rollouts(tier, seed):
    """Whole rollouts by the rules alone: shadow, 10, 50, 100 %, two hundred answers each."""
    count = 10_000 if tier == 2 else 500
    rng = random.Random(seed)
    false = sum(_whole(rng, "good") for _ in range(count))
    missed = sum(not _whole(rng, "bad") for _ in range(count // 10))
    yield (f"rollouts of an engine against itself taken back, of {count:,}: more than 1 %",
           int(false > count // 100), 1, f"{false} taken back; latency with spikes, 0.2 % of answers lost, memory in jumps")  # fmt: skip
    yield (
        "bad engines (2 % of answers differ, or 3 × slow, or 8 MB an answer) promoted",
        missed,
        count // 10,
        "",
    )


def _whole(rng, kind):
    """Whether it was rolled back before it could be promoted."""
    seen = []
    fault = rng.choice(["differs", "slow", "leak"]) if kind == "bad" else ""
    mine, theirs = 200e6, 200e6
    for share in (0, *STEPS):
        for k in range(ENOUGH):
            spike = rng.random() < 0.02
            base = 20.0 * rng.lognormvariate(0.0, 0.4) * (15.0 if spike else 1.0)
            jump = 30e6 if rng.random() < 0.01 else 0.0
            mine += jump * rng.random() + (8e6 if fault == "leak" else 0.0)
            theirs += jump * rng.random()
            lost = rng.random() < 0.002
            seen.append(
                Observation(
                    error="hung" if lost else "",
                    same=not lost and not (fault == "differs" and rng.random() < 0.02),
                    ms=base * rng.lognormvariate(0.0, 0.5) * (3.0 if fault == "slow" else 1.0),
                    stable_ms=base * rng.lognormvariate(0.0, 0.5),
                    rss=int(mine),
                    stable_rss=int(theirs),
                    pid=1,
                    share=share,
                )
            )
            if k % 10 == 9 and judge(seen, share).what == "roll back":
                return True
    return False


def checks_rollback(tier, seed):
    """From the command's end to the last answer of the new engine, under load."""
    times = 200 if tier == 2 else 20
    engines = _engines()
    rng = random.Random(seed)
    after = []
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = _store(folder, 200, 80)
        file = RolloutFile(folder / "rollout")
        engine = register("candidate", engines.program(folder, "none"))
        file.change(lambda now: now.with_engine(engine))
        router = Router(file, deadline=DEADLINE * BUSY[tier])
        answers = []
        stop = threading.Event()

        def load():
            k = 0
            while not stop.is_set():
                k += 1
                asked = engines.question(k, store.folder)
                try:
                    answer = router.answer(asked)
                except Exception as error:  # noqa: BLE001 -- counted
                    answers.append((time.monotonic(), f"failed: {error}"))
                    continue
                answers.append((time.monotonic(), answer["engine"]))

        thread = threading.Thread(target=load)
        thread.start()
        try:
            for _ in range(times):
                file.change(lambda now: now.shadowing("candidate").sharing(100))
                until = time.monotonic() + 20 * BUSY[tier]
                while not any(who == "candidate" for _, who in answers[-3:]):
                    if time.monotonic() > until:
                        failed += 1
                        break
                    time.sleep(0.01)
                time.sleep(rng.uniform(0.0, 0.1))
                RolloutFile(folder / "rollout").change(lambda now: now.rolled_back("by hand"))
                done = time.monotonic()
                time.sleep(0.25)
                said = len(answers)  # what was under way is over once two more have come
                while len(answers) < said + 2 and time.monotonic() < done + 20 * BUSY[tier]:
                    time.sleep(0.01)
                late = [at for at, who in answers if who == "candidate" and at > done]
                after.append(max((at - done for at in late), default=0.0))
        finally:
            stop.set()
            thread.join()
            router.close()
        failed += sum(str(who).startswith("failed") for _, who in answers)
    worst = sorted(after)[int(0.99 * (len(after) - 1))]
    yield ("rollback under load: the new engine answers longer than 1 s (p99), or an answer fails",
           int(worst > 1.0 * BUSY[tier]) + failed, times, f"p99 {1e3 * worst:.0f} ms after the command, {len(answers):,} answers")  # fmt: skip


PROGRAM = """
import gc, sys, orjson, psutil
import technic as tc
from technic.runtime.settings import Settings
from technic.market.sessions import nyse
store = tc.open_store(sys.argv[1])
bare = Settings.load().uncached() if sys.argv[2] == "none" else Settings.load()
last = nyse().ordinal(store.version().last)
process = psutil.Process()
held = []
for k in range(int(sys.argv[3])):
    as_of = None if k % 4 else nyse().day(last - k % 40)
    tc.scan(store, where=f"rsi(14) < {30 + k % 40}", rank="ret(20)", as_of=as_of, settings=bare)
    if k % 20 == 0:
        gc.collect()
        held.append(process.memory_full_info().uss)
print(orjson.dumps(held).decode())
"""


def checks_memory(tier, seed):
    """Memory of its own, over a thousand scans of one process: of the last 800, first against last."""
    count = 1_000 if tier == 2 else 300
    with tempfile.TemporaryDirectory() as folder:
        store = _store(Path(folder), 400, 200)
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(store.folder), "none", str(count)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    held = [value / 1e6 for value in orjson.loads(done.stdout)]
    settled = held[len(held) // 5 :]
    part = max(len(settled) // 4, 1)
    grown = sum(settled[-part:]) / part - sum(settled[:part]) / part
    yield ("memory over many scans of one process: grown by more than 10 MB", int(grown > 10.0 * (1 if tier == 2 else 3)), 1,
           f"{grown:+.1f} MB over {count:,} scans, a quarter of them of past sessions; {held[0]:.0f} MB at first, {held[-1]:.0f} at last")  # fmt: skip


CHECKS = {
    "workers": checks_workers,
    "faults": checks_faults,
    "rollouts": checks_rollouts,
    "rollback": checks_rollback,
    "memory": checks_memory,
}
