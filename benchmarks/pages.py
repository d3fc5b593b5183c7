"""Figures of the pages, the HTTP API and the watch: a server process, a browser, a load, one machine.

python benchmarks/pages.py STORE [--seconds 60]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median
from time import monotonic, perf_counter, sleep

import httpx2
import psutil

RATE = 20  # requests a second
KNOWN = ("rsi(14)", "atr_pct(14)", "ret(21)", "ret(126)", "close", "dollar_volume(20)")
LISTEN = "addEventListener('input', () => { window.typedAt = performance.now() }, true)"


@contextmanager
def server(store, home):
    """`technic serve` as a process of its own; yields its address and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = str(Path(sys.executable).parent / "technic")
    environment = {**os.environ, "TECHNIC_HOME": str(home)}
    with tempfile.TemporaryFile() as said:
        running = subprocess.Popen(
            [program, "serve", "--port", str(port), "--store", str(store)], env=environment,
            stdout=said, stderr=said,
        )  # fmt: skip
        base, until = f"http://127.0.0.1:{port}", monotonic() + 60
        while monotonic() < until:
            try:
                if httpx2.get(f"{base}/readyz", timeout=5).is_success:
                    break
            except httpx2.HTTPError:
                sleep(0.1)
        try:
            yield base, psutil.Process(running.pid)
        finally:
            running.terminate()
            running.wait(20)


def own(process):
    info = process.memory_info()
    return (info.rss - info.shared) / 1e6


@contextmanager
def browser(urls):
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as engine:
        opened = engine.chromium.launch(executable_path=path, args=["--no-sandbox"])
        made = opened.new_context(viewport={"width": 1440, "height": 950})
        made.on("request", lambda request: urls.append(request.url))
        yield made
        opened.close()


def until(page, claim):
    while not page.evaluate(claim):
        page.wait_for_timeout(5)


def paints(made, base, runs):
    """Milliseconds from the navigation to the first paint, and to 5,000 rows ready."""
    first, ready, rows = [], [], 0
    for k in range(runs + 1):
        page = made.new_page()
        page.goto(f"{base}/#/scan?q=close%20%3E%200&universe=all", wait_until="commit")
        until(page, "document.documentElement.dataset.painted === '1'")
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        grid = page.evaluate("performance.getEntriesByName('technic-painted-1')[0].startTime")
        rows = page.evaluate("document.querySelector('.grid').getAttribute('aria-rowcount')")
        if k:
            first.append(paint)
            ready.append(grid)
        page.close()
    return first, ready, int(rows) - 1


def keystrokes(made, base, runs):
    """Milliseconds from a key to the new result on the screen, whole market."""
    page = made.new_page()
    page.add_init_script(LISTEN)
    page.goto(f"{base}/#/scan?universe=all")
    until(page, "document.documentElement.dataset.painted >= '1'")
    area = page.get_by_label("Question: which symbols pass")
    area.fill("rsi(14) < 4")
    page.wait_for_timeout(500)
    taken = []
    for k in range(runs):
        before = int(page.evaluate("document.documentElement.dataset.painted"))
        area.press("Backspace" if k % 2 else str(k % 10))
        until(page, f"Number(document.documentElement.dataset.painted) > {before}")
        now = page.evaluate("document.documentElement.dataset.painted")
        taken.append(
            page.evaluate(
                f"performance.getEntriesByName('technic-painted-{now}')[0].startTime - window.typedAt"
            )
        )
        page.wait_for_timeout(40)
    page.close()
    return taken


def loads(made, base, process, count):
    """Megabytes by which the server grew over `count` loads, after it has warmed up."""
    sizes = []
    for k in range(count + 30):
        page = made.new_page()
        page.goto(f"{base}/#/{('today', 'scan', 'market', 'operations')[k % 4]}")
        page.wait_for_selector("main[data-view]")
        page.close()
        if k == 30:
            sizes.append(own(process))
    sleep(1.0)
    return own(process) - sizes[0]


def question(chance, fixed):
    if chance.random() < 0.8:
        return {"where": f"rsi(14) < {30 + fixed % 10}", "rank": "ret(126)", "top": 20}
    name = chance.choice(KNOWN)
    return {"where": f"{name} > {chance.uniform(0.5, 60.0):.6f}", "rank": "ret(126)", "top": 20}


async def load(base, seconds):
    """Latencies in ms at RATE requests a second, and how many failed."""
    chance, taken, failed = random.Random(1), [], 0

    async def ask(client, body):
        nonlocal failed
        since = perf_counter()
        try:
            answer = await client.post(f"{base}/api/v1/scan", json=body)
            failed += not answer.is_success
        except httpx2.HTTPError:
            failed += 1
        taken.append(1e3 * (perf_counter() - since))

    async with httpx2.AsyncClient(timeout=30, limits=httpx2.Limits(max_connections=64)) as client:
        await asyncio.gather(
            *(client.post(f"{base}/api/v1/scan", json=question(chance, k)) for k in range(40))
        )
        begin, tasks = perf_counter(), []
        for k in range(int(RATE * seconds)):
            await asyncio.sleep(max(begin + k / RATE - perf_counter(), 0.0))
            tasks.append(asyncio.create_task(ask(client, question(chance, k))))
        await asyncio.gather(*tasks)
    return sorted(taken), failed


def scans(base, process, count):
    """Megabytes by which the server grew over `count` scans of new questions."""
    chance = random.Random(2)
    with httpx2.Client(timeout=30) as client:

        def ask(k):
            body = {
                "where": f"{KNOWN[k % len(KNOWN)]} > {chance.uniform(0, 50):.8f}",
                "rank": "ret(126)",
                "top": 20,
            }
            assert client.post(f"{base}/api/v1/scan", json=body).is_success

        for k in range(600):  # until the cache in memory is full
            ask(k)
        before = own(process)
        for k in range(count):
            ask(k)
    return own(process) - before


def looks(runs):
    """Milliseconds from a snapshot's arrival to the differences, and with asking for it."""
    from technic.data.ingest import FileStore
    from technic.data.ingest.planning import Wish
    from technic.data.ingest.sync import SyncRequest, sync
    from technic.data.providers.http import Endpoint, Http, Manners
    from technic.data.providers.massive import HOSTS, Massive
    from technic.data.simulated.publications import evening
    from technic.data.simulated.server import serving
    from technic.data.simulated.tape import record
    from technic.data.simulated.twin import Twin
    from technic.market.sessions import nyse
    from technic.operations.feed import Snapshots
    from technic.operations.intraday import Watch
    from technic.runtime.settings import Settings
    from technic.scanner.spec.scan_file import ScanFile

    tape = record(7, 11_000, 120)
    twin, home = Twin(tape), Path(tempfile.mkdtemp(prefix="technic-look-"))
    settings = Settings.load()
    try:
        with serving(twin) as served:
            http = Http(
                Endpoint("massive", served.url, {"Authorization": "Bearer k"}, hosts=HOSTS),
                manners=Manners(),
            )
            source = Massive(http)
            twin.clock.set(evening(tape.sessions[-2]) + timedelta(hours=1))
            store = FileStore(home)
            sync(
                store,
                SyncRequest(
                    {"massive": source},
                    Wish(tape.sessions[5], twin.clock.now()),
                    simulated={"vendor": "the twin"},
                ),
                clock=twin.clock.now,
            )
            file = ScanFile(where="close > sma(50)", rank="ret(21)", top=50)
            watch = Watch(store, Snapshots(source, twin.clock.now), file, settings=settings)
            opens = nyse().opens(nyse().ordinal(tape.sessions[-1]))
            shown, asked, bars = [], [], 0
            for k in range(runs + 1):
                twin.clock.set(opens + timedelta(minutes=10 + 30 * k))
                glance = watch.glance()
                bars = glance.bars
                if k:
                    shown.append(sum(v for n, v in glance.timings.items() if n != "asked"))
                    asked.append(glance.timings["asked"])
            source.close()
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return shown, asked, bars


def page_rows(store, runs, seconds=60.0, loaded=200, scanned=1_000):
    """Rows of the table: what, on, measured, must, aim."""
    home = Path(tempfile.mkdtemp(prefix="technic-pages-"))
    from technic.runtime.settings import Settings

    (home / "cache").mkdir()
    (home / "cache/kernels").symlink_to(Settings.load().kernels)
    urls = []
    try:
        with server(store.folder, home) as (base, process):
            with browser(urls) as made:
                first, ready, rows = paints(made, base, runs)
                keys = keystrokes(made, base, 4 * runs)
                grown = loads(made, base, process, loaded)
            taken, failed = asyncio.run(load(base, seconds))
            more = scans(base, process, scanned)
            size = own(process)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    foreign = [url for url in urls if not url.startswith((base, "data:", "blob:"))]
    shown, asked, bars = looks(runs)

    def told(values):
        return f"{median(values):,.0f} ms ({min(values):,.0f} – {max(values):,.0f})"

    market = f"{len(store.panel().panel):,} symbols × 800 sessions"
    return [
        ("page, first painted", "Chromium, loopback", told(first), "≤ 1.5 s", "≤ 1 s"),
        (f"page, grid of {rows:,} rows ready", market, told(ready), "≤ 2.5 s", "≤ 1.5 s"),
        ("keystroke to new result on screen", market, told(keys), "≤ 400 ms", "≤ 200 ms"),
        ("API scan, warm, p50", f"{RATE} a second for {seconds:.0f} s, 20 % new, load on the same cores",
         f"{median(taken):.1f} ms", "≤ 100 ms", "≤ 30 ms"),
        ("the same, p99", f"{len(taken):,} requests, {failed} failed", f"{taken[int(0.99 * len(taken))]:.1f} ms", "≤ 500 ms", "≤ 200 ms"),
        ("snapshot to differences shown", f"{bars:,} bars of the day so far", told(shown), "≤ 1 s", "≤ 300 ms"),
        ("the same, with asking for the snapshot", "the twin, which makes it anew", told(asked), "", ""),
        (f"memory after {loaded} page loads", "growth of the server", f"{grown:+.1f} MB", "within 20 MB", ""),
        (f"memory after {scanned:,} new scans", f"growth of the server, of {size:.0f} MB", f"{more:+.1f} MB", "within 20 MB", ""),
        ("requests to other hosts", f"{len(urls):,} requests", f"{len(foreign)}", "0", ""),
    ]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    from technic.data.ingest import open_store

    for row in page_rows(open_store(options.store), options.runs, options.seconds):
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
