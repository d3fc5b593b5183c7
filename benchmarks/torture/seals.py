"""Files that are believed, changed on purpose.

1. `reports` changes one value of a report of every kind, anywhere in it, and verifies the file; half
   of them are sealed and digested anew by whoever changed them, where the answer itself was changed.
2. `believed` flips random bytes of cards, evidence, kept runs and saved scans, and reads them.
"""

from __future__ import annotations

import copy
import logging
import os
import random
import tempfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
from sqlalchemy import select, update

import technic as tc
from technic.data.simulated import simulate
from technic.data.store.catalog.tables import RUNS
from technic.data.store.evidence import FILE, load_evidence, save_evidence
from technic.errors import StoreError, TechnicError, VerifyError
from technic.interfaces.render.backtest import told
from technic.interfaces.render.backtest_page import backtest_page
from technic.interfaces.render.report_page import page
from technic.market.sessions import nyse
from technic.operations.saved_scans import content_of, save_scan, saved_scan
from technic.research.backtest.run import backtest, rerun_backtest
from technic.research.learning.train_file import TrainFile
from technic.research.track_record import record, rerun_record
from technic.runtime.settings import Settings
from technic.scanner.alpha.registry import card_of, models_folder
from technic.scanner.manifest import seal_of, with_digest
from technic.scanner.scan import rerun
from technic.scanner.scan_sessions import rerun_sessions, scan_sessions
from technic.scanner.spec.scan_file import ScanFile
from technic.scanner.verify import UNREPEATED, changed_line, compare, differences, read_sealed

ASKED = ScanFile(name="up", rank="ret(5)", universe="close > 2", top=20)
PER_KIND = {1: 100, 2: 850}  # of six kinds: 5,100 in all
FLIPS = {1: 200, 2: 3_000}


def checks_reports(tier, seed):
    """Reports of every kind with one value changed."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        answers, pages = _answers(place)
        same = count = 0
        for first, manifest, again in answers.values():
            places = list(_leaves(first))
            for k in range(PER_KIND[tier]):
                forged = _changed(first, rng.choice(places), rng, sealed_anew=bool(k % 2))
                path = place / "report.json"
                path.write_bytes(orjson.dumps(forged))
                same += _verified(
                    lambda p=path, m=manifest, a=again: differences(read_sealed(p), m, a)
                )
                count += 1
        for text, again, manifest in pages:
            for _ in range(PER_KIND[tier]):
                at = rng.randrange(len(text))
                letter = rng.choice([c for c in "0123456789ax<&" if c != text[at]])
                other = text[:at] + letter + text[at + 1 :]
                path = place / "page.html"
                path.write_text(other)
                same += _verified(lambda p=path, m=manifest, a=again: _page(p, m, a))
                count += 1
        yield ("reports with one value changed: verified as the same", same, count,
               "scans, spans, backtests, records as JSON; scans and backtests as pages")  # fmt: skip


def _answers(place):
    """By kind, what a file holds, and what comes out again; and the pages of two kinds."""
    store = tc.open_store(place / "store")
    market = simulate(seed=8, size=120, sessions=160)
    store.import_bars(market.bars, simulated=market.about)
    store.import_listings(market.listings)
    scanned = tc.scan(store, file=ASKED)
    last = nyse().ordinal(scanned.as_of)
    for back in range(8, 0, -1):
        night = tc.scan(store, file=ASKED, as_of=nyse().day(last - back))
        store.catalog.record_run("daily", "up", night.as_of, night.manifest, datetime.now(UTC))
    rules = {"rank": "ret(5)", "backtest": {"rebalance": "weekly", "hold": 5}}
    traded = backtest(store, ScanFile.of(rules, "up"))
    spanned = scan_sessions(store, scanned.as_of - timedelta(days=12), file=ASKED)
    kept = record(store, "up")
    again = rerun(store, scanned.manifest), rerun_backtest(store, traded.manifest)
    spanned_again = rerun_sessions(store, spanned.manifest)
    kept_again = rerun_record(store, kept.manifest)
    answers = {
        "scan": (_plain(scanned.as_dict()), again[0].manifest, again[0].as_dict()),
        "span": (_plain(spanned.as_dict()), spanned_again.manifest, spanned_again.as_dict()),
        "backtest": (_plain(told(traded)), dict(again[1].manifest), told(again[1])),
        "record": (_plain(kept.as_dict()), dict(kept_again.manifest), kept_again.as_dict()),
    }
    for first, manifest, other in answers.values():
        assert not compare(first["manifest"], manifest)
        assert first.keys() == other.keys()
    pages = [
        (page(scanned), page(again[0]), again[0].manifest),
        (backtest_page(traded), backtest_page(again[1]), dict(again[1].manifest)),
    ]
    assert all(text == other for text, other, _ in pages)
    return answers, pages


def _plain(content):
    return orjson.loads(orjson.dumps(content))


def _page(path, manifest, again):
    sealed = read_sealed(path)
    return compare(sealed.manifest, manifest) or changed_line(sealed.page, again)


def _verified(look):
    try:
        return not look()
    except VerifyError:
        return False


def _leaves(value, path=()):
    """The place of every value that holds no others."""
    for key, part in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(part, dict | list) and part:
            yield from _leaves(part, (*path, key))
        else:
            yield (*path, key)


def _changed(content, path, rng, *, sealed_anew):
    """A copy with another value at a place, and seals that fit it if they are made anew."""
    forged = copy.deepcopy(content)
    place = forged
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = _other(place[path[-1]], rng)
    if sealed_anew and path[0] not in UNREPEATED and path[-1] != "seal":
        if path[0] == "manifest":
            forged["manifest"]["seal"] = seal_of(forged["manifest"])
        forged = with_digest(forged)
    return forged


def _other(value, rng):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return rng.choice([value + 1, -value - 1e-9, value * (1 + 1e-12) + 1e-12, None, "0"])
    if isinstance(value, str):
        return rng.choice([f"{value} ", value[:-1] + "~", None, value.swapcase() + "x"])
    return rng.choice([0, "x", False, [1]])


def checks_believed(tier, seed):
    """Random bytes of what is believed, flipped."""
    logging.getLogger("technic").setLevel(logging.ERROR)  # each flip of the evidence is told
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        settings = Settings.load({**os.environ, "TECHNIC_HOME": str(place / "home")})
        store = tc.open_store(place / "store")
        market = simulate(seed=1, size=60, sessions=160)
        store.import_bars(market.bars, simulated=market.about)
        for name, path, read in _believed(store, settings):
            content, good = path.read_bytes(), read()
            accepted = sum(
                _differs(path, _flipped(content, rng), read, good) for _ in range(FLIPS[tier])
            )
            path.write_bytes(content)
            assert read() == good
            yield (f"bytes flipped in {name}: accepted with other content", accepted,
                   FLIPS[tier], "one to three bits each")  # fmt: skip
        yield _runs(store, FLIPS[tier], rng)


def _believed(store, settings):
    """Each kind of file: its name, where it lies, and what reads it."""
    asked = {"model": "ridge", "features": ["ret(5)"], "baselines": [], "universe": ""}
    digest = tc.train(store, TrainFile.of(asked, "small")).card.sha256
    card = models_folder(store) / f"{digest}.card.json"
    yield "cards", card, lambda: card_of(store, digest)
    evidence = {
        "columns": {"rsi(14)": {"ic": {"1": 0.03, "5": 0.04}}}, "as_of": "2026-01-02",
        "first": "2025-01-02", "sessions": 250, "universe": "", "store_version": store.require().name,
    }  # fmt: skip
    save_evidence(store, evidence, datetime.now(UTC))
    yield "evidence", store.folder / FILE, lambda: load_evidence(store)
    path = save_scan(settings, "leaders", content_of(ScanFile.preset("momentum-leaders")))
    yield "saved scans", path, lambda: saved_scan(settings, "leaders").file


def _flipped(content, rng):
    damaged = bytearray(content)
    for at in rng.sample(range(len(damaged)), rng.randint(1, 3)):
        damaged[at] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def _differs(path, content, read, good):
    """Whether something else than what was written is believed."""
    path.write_bytes(content)
    try:
        found = read()
    except TechnicError:
        return False
    return bool(found) and found != good


def _runs(store, flips, rng):
    """Texts of kept runs, in the database that holds them."""
    report = tc.scan(store, file=ASKED)
    catalog = store.catalog
    number = catalog.record_run("daily", "up", report.as_of, report.manifest, datetime.now(UTC))
    row = catalog.rows(select(RUNS).where(RUNS.c.id == number))[0]
    accepted = 0
    for _ in range(flips):
        name = rng.choice(["manifest", "manifest", "name", "kind", "seal", "store_version"])
        damaged = _flipped(row[name].encode(), rng) if len(row[name]) > 2 else b"down"
        values = {name: damaged.decode(errors="replace").replace("\0", "?")}
        catalog.write(
            lambda c, v=values: c.execute(update(RUNS).where(RUNS.c.id == number).values(**v))
        )
        with suppress(StoreError):
            accepted += catalog.run(number) is not None
        back = {name: row[name]}
        catalog.write(
            lambda c, v=back: c.execute(update(RUNS).where(RUNS.c.id == number).values(**v))
        )
    assert catalog.run(number) == report.manifest
    return ("bytes flipped in kept runs: accepted with other content", accepted, flips,
            "manifest, name, kind, seal and version")  # fmt: skip


CHECKS = {"reports": checks_reports, "believed": checks_believed}
