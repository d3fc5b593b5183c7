"""What was known when, asked at random; hostile texts; databases killed in the middle.

1. `lookahead` cuts the facts of a store at random sessions and compares every column.
2. `injection` puts made-up attacks into every text of the catalog, in both databases, and looks
   whether anything but text has changed.
3. `database` kills a process that commits and mirrors (or the server it writes to) at random
   moments; after each, the catalog must say what the store says.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
import tempfile
import time
from contextlib import nullcontext, suppress
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path

import numpy as np
import polars as pl
from sqlalchemy import func, inspect, select

from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.data.simulated.statements import statements
from technic.data.store.catalog.mirror import TABLE_MAKERS
from technic.data.store.catalog.tables import METADATA
from technic.errors import SchemaError, StoreError
from technic.market.items import COLUMNS
from technic.market.sessions import nyse
from technic.scores.split_facts import SPLITS
from technic.scores.statements import statements_of

DATA = Path(os.environ.get("TECHNIC_TEST_DATA", "../shared/data"))
NOW = datetime(2024, 3, 9, tzinfo=UTC)
# Processes that begin with everything imported and no thread running.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["torture.filings"])


def checks_lookahead(tier, seed):
    """Whole statements against those of facts cut at a session, value by value."""
    wanted = 20_000 if tier == 2 else 2_000
    with tempfile.TemporaryDirectory() as folder:
        store, real = _filed(Path(folder), tier)
        facts = store.table("facts").collect()
        splits = _splits(store)
        whole = statements_of(facts, splits)
        ids = store.panel().panel.security_ids
        version = store.version()
        rng = np.random.default_rng(seed)
        low, high = nyse().ordinal(version.first), nyse().ordinal(version.last)
        sessions = 40 if tier == 2 else 8
        points = values = failed = 0
        for ordinal in rng.integers(low, high + 1, sessions):
            cutoff = nyse().opens(int(ordinal) + 1)
            micros = int(cutoff.timestamp() * 1e6)
            cut = statements_of(
                facts.filter(pl.col("known_at") < cutoff),
                splits.filter((pl.col("known") < micros) & (pl.col("ex") < micros)),
            )
            chosen = np.sort(rng.choice(ids, min(len(ids), -(-wanted // sessions)), replace=False))
            rows, again = whole.rows(chosen, micros), cut.rows(chosen, None)
            points += len(chosen)
            failed += int(((rows >= 0) != (again >= 0)).sum())
            there = (rows >= 0) & (again >= 0)
            for name in COLUMNS:
                a, b = whole.column(name)[rows[there]], cut.column(name)[again[there]]
                same = (a == b) | (np.isnan(a) & np.isnan(b))
                failed += int((~same).sum())
                values += int(there.sum())
    market = "real filings of 2015 and 2016" if real else "a simulated market"
    yield ("a fact known later changes a value known before", failed, points,
           f"{values:,} values of {len(COLUMNS)} columns; {market}")  # fmt: skip


def _filed(folder, tier):
    """A store with filings: real ones if there are any, and the tier asks for all."""
    store = FileStore(folder / "store")
    path = DATA / "bars/us_2015_2016_as_traded.parquet"
    if path.exists():
        bars = pl.read_parquet(path)
        if tier == 1:
            names = bars["symbol"].unique().sort().gather_every(8)
            bars = bars.filter(pl.col("symbol").is_in(names.implode()))
        store.import_bars(bars)
        store.import_filings(DATA / "filings/sec_facts_2015_2016.parquet")
        return store, True
    made = simulate(seed=2, size=900, sessions=260)
    store.import_bars(made.bars, simulated=made.about)
    store.import_listings(made.listings)
    store.import_filings(statements(made.bars, made.listings, 2))
    return store, False


def _splits(store):
    rows = store.table("actions").filter(pl.col("kind") == "split").collect()
    opens = [int(nyse().opens(nyse().last_until(day)).timestamp() * 1e6) for day in rows["session"]]
    return rows.select(
        "security_id", known=pl.col("known_at").to_physical(), ratio="value"
    ).with_columns(ex=pl.Series(opens, dtype=pl.Int64)).select(list(SPLITS))  # fmt: skip


QUOTES = ("'", '"', "`", "''", "\\'", "$$", "%27", "’", "ʼ", "＇")
ENDS = ("--", "#", "/*", ";--", ");--", "", "\n--", "\x00", "%00")
BODIES = (
    " OR 1=1 ", " OR '1'='1' ", "; DROP TABLE tickers", "; DELETE FROM watchlists", " UNION SELECT 1",
    " UNION SELECT name FROM sqlite_master", "; SELECT pg_sleep(5)", "; COPY runs TO PROGRAM 'id'",
    " AND 1=(SELECT COUNT(*) FROM calls)", "; ATTACH DATABASE '/tmp/x' AS x", "||(SELECT version())||",
    "; UPDATE runs SET seal='x'", "; INSERT INTO calls DEFAULT VALUES", " LIKE '%'", ":name", "%(x)s",
    "?", "{0}", "; PRAGMA writable_schema=1", "; ALTER TABLE runs RENAME TO r",
)  # fmt: skip
PREFIXES = ("", "S001", "1", "%", "_", "\u202e", "a" * 40, "😀", "S001'||'", "()")


def payloads(seed, count):
    """Attacks put together from their parts, no two alike."""
    every = [p + q + b + e for p in PREFIXES for q in QUOTES for b in BODIES for e in ENDS]
    drawn = random.Random(seed)
    drawn.shuffle(every)
    return every[:count]


def checks_injection(tier, seed):
    """Every text field of the catalog, with every payload, in both databases."""
    count = 10_000 if tier == 2 else 300
    for name, url in _databases():
        with tempfile.TemporaryDirectory() as folder, url as address:
            store = _catalogued(Path(folder), address)
            before = _shape(store.catalog)
            failed = 0
            texts = payloads(seed, count)
            for k, text in enumerate(texts):
                failed += _attack(store, text)
                if k % 200 == 0 or k == len(texts) - 1:
                    failed += _shape(store.catalog) != before
            failed += store.load_universe().height != 40
            store.catalog.close()
        yield (f"texts with an effect, {name}", failed, len(texts), "7 fields each")


def _attack(store, text):
    """Put a text everywhere; says how often it did not come back as it was."""
    catalog, failed = store.catalog, 0
    clean = text.replace("\0", "")
    failed += store.load_universe(exchanges=[text]).height != 0
    for field in ("types", "sectors"):  # closed sets: what is none of them is refused
        with suppress(SchemaError):
            store.load_universe(**{field: [text]})
            failed += 1
    name, symbol = clean[:64], clean[:24]
    catalog.watch(name, [symbol], NOW)
    failed += symbol not in catalog.watched(name)
    failed += catalog.unwatch(name, [symbol]) != 1
    number = catalog.record_run(
        "scan", clean, None, {"seal": "x", "store_version": "y", "text": text}, NOW
    )
    failed += catalog.run(number)["text"] != text
    rows = pl.DataFrame({"symbol": [text], "date": [date(2024, 3, 6)], "reason": ["torture"]})
    catalog.quarantine(rows, clean, NOW)
    return failed


def _shape(catalog):
    """What no text may change: tables, and rows of the index."""
    with catalog._engine.connect() as connection:
        counts = {
            name: connection.execute(
                select(func.count()).select_from(METADATA.tables[name])
            ).scalar()
            for name in ("tickers", "universe", "securities", "calls", "actions")
        }
        schema = catalog._engine.get_execution_options().get("schema_translate_map", {}).get(None)
        return counts, sorted(inspect(connection).get_table_names(schema=schema))


def _databases():
    return [("SQLite", nullcontext(None)), ("PostgreSQL", _servers().postgres())]


def _servers():
    """The tests' own way to start servers."""
    folder = str(Path(__file__).parents[2] / "tests")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return import_module("support.servers")


def _catalogued(folder, url):
    store = FileStore(folder / "store", url)
    symbols = [f"S{i:03d}" for i in range(40)]
    store.import_bars(
        pl.DataFrame({"symbol": symbols, "date": [date(2024, 3, 6)] * 40, "open": 10.0, "high": 11.0,
                      "low": 9.0, "close": 10.0, "volume": 1e6})
    )  # fmt: skip
    store.import_listings(pl.DataFrame({"symbol": symbols, "sector": ["Energy"] * 40}))
    store.load_universe(min_volume=1.0)
    return store


def write_forever(folder, url, k, told):
    """In a process of its own: commit classes and keep an entry, until it or its server ends."""
    with suppress(StoreError):
        _write(folder, url, k, told)


def _write(folder, url, k, told):
    store = FileStore(Path(folder), url)
    told.send("ready")
    sectors = ("Energy", "Utilities", "Materials")
    while True:
        k += 1
        frame = pl.DataFrame(
            {
                "symbol": [f"S{i:03d}" for i in range(40)],
                "sector": [sectors[(k + i) % 3] for i in range(40)],
                "market_cap": [float(k + i) for i in range(40)],
            }
        )
        store.import_listings(frame)
        store.catalog.watch("mine", [f"W{k}"], datetime.now(UTC))
        told.send(k)


def checks_database(tier, seed):
    """A writer killed at random moments; in PostgreSQL also its server, and its connection."""
    rng = random.Random(seed)
    for name, url in _databases():
        kills = {("SQLite", 1): 25, ("SQLite", 2): 700, ("PostgreSQL", 1): 10, ("PostgreSQL", 2): 300}[name, tier]  # fmt: skip
        with tempfile.TemporaryDirectory() as folder, url as address:
            store = _catalogued(Path(folder), address)
            store.catalog.close()
            failed = lost = k = 0
            for _ in range(kills):
                done = _killed(Path(folder) / "store", address, k, rng)
                k = max(k, done) + 2
                disagree, missing = _compared(Path(folder) / "store", address, done)
                failed += disagree
                lost += missing
        yield (f"store and catalog disagree after a kill, {name}", failed, kills,
               f"{lost} confirmed entries of watch-lists lost")  # fmt: skip


def checks_server(tier, seed):
    """The server of the database killed under a writer, and started again."""
    postgres_to_crash = _servers().postgres_to_crash
    rng = random.Random(seed)
    kills = 40 if tier == 2 else 3
    with tempfile.TemporaryDirectory() as folder, postgres_to_crash() as (url, crash):
        store = _catalogued(Path(folder), url)
        store.catalog.close()
        failed = lost = k = 0
        for _ in range(kills):
            done = _killed(Path(folder) / "store", url, k, rng, crash)
            k = max(k, done) + 2
            disagree, missing = _compared(Path(folder) / "store", url, done)
            failed += disagree
            lost += missing
    yield ("store and catalog disagree after the server was killed, PostgreSQL", failed, kills,
           f"{lost} confirmed entries of watch-lists lost")  # fmt: skip


def _killed(folder, url, k, rng, crash=None):
    """Run the writer and kill it (or its server) after a random while.

    Returns what it last said was done.
    """
    hears, told = CONTEXT.Pipe(duplex=False)
    running = CONTEXT.Process(target=write_forever, args=(str(folder), url, k, told))
    running.start()
    told.close()
    assert hears.recv() == "ready"
    time.sleep(rng.uniform(0.0, 0.35))
    if crash is not None:
        crash()
    running.kill()
    running.join()
    done = 0
    try:
        while True:
            done = hears.recv()
    except EOFError:
        return done


def _compared(folder, url, done):
    """Whether the index says anything but the tables, and whether a confirmed entry is gone."""
    try:
        store = FileStore(folder, url)
        catalog, version = store.catalog, store.version()
        missing = int(bool(done) and f"W{done}" not in catalog.watched("mine"))
        wrong = catalog.mirrors() != version.number
        for name in ("universe", "tickers", "classifications"):
            table = METADATA.tables[name]
            names = [c.name for c in table.columns]
            want = TABLE_MAKERS[name](lambda n: store.table(n, version).collect()).select(names)
            with catalog._engine.connect() as connection:
                rows = connection.execute(select(table)).fetchall()
            wrong |= sorted(map(str, rows)) != sorted(str(row) for row in want.rows())
        catalog.close()
    except StoreError:
        return 1, 0
    return int(wrong), missing


CHECKS = {
    "lookahead": checks_lookahead,
    "injection": checks_injection,
    "database": checks_database,
    "server": checks_server,
}
