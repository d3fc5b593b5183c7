"""One contract over both databases: a file, and a PostgreSQL of the test's own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from sqlalchemy import event, inspect

from support.servers import postgres
from technic.data.ingest import FileStore
from technic.data.store.catalog import Catalog
from technic.data.store.catalog.migrations import MIGRATIONS, STEPS
from technic.data.store.catalog.tables import KEPT, METADATA
from technic.errors import SchemaError, StoreError
from technic.market.schema import SECTORS

NOW = datetime(2024, 3, 9, tzinfo=UTC)
DAYS = [date(2024, 3, d) for d in (6, 7, 8)]


@pytest.fixture(scope="module")
def server():
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    return None if request.param == "sqlite" else request.getfixturevalue("server")


@pytest.fixture
def store(tmp_path, database):
    store = FileStore(tmp_path / "store", database)
    yield store
    if store._catalog is not None:
        store._catalog.close()


def names(n=60):
    return [f"S{i:03d}" for i in range(n)]


def fill(store, n=60, seed=1):
    """Three sessions, listings told on the first evening, classes told twice."""
    rng = np.random.default_rng(seed)
    volumes = rng.integers(1, 2_000_000, n).astype(float)
    rows = [
        pl.DataFrame({"symbol": names(n), "date": [day] * n, "open": 10.0, "high": 11.0,
                      "low": 9.0, "close": 10.0, "volume": volumes})
        for day in DAYS
    ]  # fmt: skip
    store.import_bars(pl.concat(rows))
    told = pl.DataFrame(
        {
            "symbol": names(n), "name": [f"Company {i} Inc." for i in range(n)],
            "type": rng.choice(["common", "etf", "preferred"], n),
            "exchange": rng.choice(["XNYS", "XNAS"], n), "sector": rng.choice(SECTORS, n),
            "market_cap": np.exp(rng.normal(20, 2, n)),
        }
    )  # fmt: skip
    store.import_listings(told, seen_at=datetime(2024, 3, 6, 20, tzinfo=UTC))
    moved = told.head(10).with_columns(sector=pl.lit("Energy"), market_cap=pl.lit(5e9))
    store.import_listings(moved, seen_at=datetime(2024, 3, 8, 20, tzinfo=UTC))
    return told, moved, dict(zip(names(n), volumes, strict=True))


def wanted(told, volumes, **filters):
    """The oracle: the same filters over a plain frame."""
    rows = told
    if "sectors" in filters:
        rows = rows.filter(pl.col("sector").is_in(filters["sectors"]))
    if "types" in filters:
        rows = rows.filter(pl.col("type").is_in(filters["types"]))
    if "exchanges" in filters:
        rows = rows.filter(pl.col("exchange").is_in(filters["exchanges"]))
    if "min_market_cap" in filters:
        rows = rows.filter(pl.col("market_cap") >= filters["min_market_cap"])
    kept = rows["symbol"].to_list()
    return sorted(s for s in kept if volumes[s] >= filters.get("min_volume", 0.0))


FILTERS = [
    {},
    {"sectors": ["Energy", "Utilities", "Financials"]},
    {"types": ["common"], "exchanges": ["XNYS"]},
    {"min_market_cap": 4e8, "min_volume": 5e5},
    {"sectors": ["Energy"], "min_market_cap": 4.9e9, "types": ["common", "etf"], "min_volume": 1.0},
]


@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_a_universe_is_what_a_plain_filter_finds(store, filters):
    told, moved, volumes = fill(store)
    now = pl.concat([moved, told.filter(~pl.col("symbol").is_in(moved["symbol"].implode()))])
    assert store.load_universe(**filters)["symbol"].to_list() == wanted(now, volumes, **filters)
    past = store.load_universe(as_of=DAYS[1], **filters)
    assert past["symbol"].to_list() == wanted(told, volumes, **filters)


def test_before_anything_was_told_a_universe_knows_symbols_and_no_more(store):
    fill(store)
    at_first = store.load_universe(as_of=DAYS[0])
    assert at_first.height == 60
    assert store.load_universe(sectors=["Energy"], as_of=DAYS[0]).height > 0  # told that evening
    store.import_listings(pl.DataFrame({"symbol": ["S000"], "sector": ["Energy"]}), seen_at=NOW)


def test_aliases_of_sectors_are_understood_and_strangers_are_not(store):
    fill(store)
    alias = store.load_universe(sectors=["Technology", "healthcare"])
    plain = store.load_universe(sectors=["Information Technology", "Health Care"])
    assert alias.equals(plain)
    with pytest.raises(SchemaError, match="Communication Services, Consumer Discretionary"):
        store.load_universe(sectors=["Widgets"])


@pytest.mark.parametrize(
    ("types", "says"),
    [(["etff"], "did you mean etf?"), (["commonn"], "did you mean common?"), (["preferrd"], "preferred"),
     (["warants"], "did you mean warrant?"), (["nosuch"], "the types are common, adr, etf"), ([""], "'' is no type"),
     ([3], "3 is no type"), ([None], "None is no type"), ("etf", "types is a list of texts: ['etf']")],
)  # fmt: skip
def test_a_type_that_there_is_not_is_refused_with_those_there_are(store, types, says):
    fill(store)
    with pytest.raises(SchemaError) as told:
        store.load_universe(types=types)
    assert says in str(told.value)


def test_codes_of_vendors_are_types(store):
    fill(store)
    ours = store.load_universe(types=["common"])
    assert store.load_universe(types=["CS"]).equals(ours)
    assert ours.height


def test_what_lives_only_here_is_kept_and_moves_along(store, tmp_path, server):
    fill(store)
    catalog = store.catalog
    assert catalog.watch("mine", ["S001", "S002"], NOW) == 2
    assert catalog.watch("mine", ["S002", "S003"], NOW) == 1
    assert catalog.unwatch("mine", ["S001", "nobody"]) == 1
    manifest = {"store_version": "3-x", "seal": "abc", "question": {"where": "it's"}}
    number = catalog.record_run("scan", "a name; --", DAYS[2], manifest, NOW)
    assert catalog.run(number) == manifest
    assert [run["name"] for run in catalog.runs()] == ["a name; --"]
    catalog.log_call(
        {"provider": "x", "endpoint": "/", "status": 200, "bytes": 5_000_000_000, "ms": 1.5,
         "attempt": 1, "outcome": "ok", "quota_left": None}, NOW,
    )  # fmt: skip
    assert catalog.calls()[0]["bytes"] == 5_000_000_000
    other = Catalog.of(tmp_path / "other", None, "")
    other.take_over(catalog)
    assert other.watched("mine") == ["S002", "S003"]
    assert other.run(number) == manifest
    other.close()


def test_a_new_database_takes_over_what_the_file_kept(tmp_path, server):
    plain = FileStore(tmp_path / "store")
    fill(plain)
    plain.catalog.watch("mine", ["S001"], NOW)
    plain.catalog.close()
    moved = FileStore(tmp_path / "store", server)
    assert moved.catalog.watched("mine") == ["S001"]
    assert moved.load_universe().height == 60
    moved.catalog.close()


VALUES = {
    "String": lambda k: f"text {k}"[:16], "Integer": lambda k: k + 1, "BigInteger": lambda k: k + 1,
    "Float": lambda k: k + 0.1, "Boolean": lambda k: k % 2 == 0, "Date": lambda k: date(2024, 1, k + 1),
    "DateTime": lambda k: datetime(2024, 1, k + 1, 3, 4, 5, 678901),  # noqa: DTZ001 -- as kept
}  # fmt: skip


def write_to_every_table(catalog, k):
    """One row more in every table that lives only in a catalog, numbered by the database."""
    from sqlalchemy import insert

    for table in KEPT:
        row = {
            column.name: VALUES[type(column.type).__name__](k)
            for column in table.columns
            if column is not table.autoincrement_column
        }
        catalog.write(lambda c, t=table, r=row: c.execute(insert(t).values(**r)))


@pytest.mark.parametrize("way", ["sqlite to postgresql", "postgresql to sqlite"])
def test_after_a_move_every_table_holds_what_it_did_and_can_be_written_to(way, tmp_path, server):
    file = Catalog(f"sqlite:///{tmp_path / 'catalog.sqlite'}")
    database = Catalog(server, "ab" * 4 + ("00" if way.startswith("sqlite") else "11"))
    old, new = (file, database) if way.startswith("sqlite") else (database, file)
    for k in range(3):
        write_to_every_table(old, k)
    new.move_in(old)
    assert new.kept_digest() == old.kept_digest()
    for k in range(3, 5):  # the first write failed, once for every row that was moved
        write_to_every_table(new, k)
    rows = new.kept_rows()
    assert {name: len(held) for name, held in rows.items()} == dict.fromkeys(rows, 5)
    assert [row["id"] for row in rows["runs"]] == [1, 2, 3, 4, 5]
    new.move_in(old)  # done already: nothing comes twice
    assert {len(held) for held in new.kept_rows().values()} == {5}
    file.close()
    database.close()


def test_numbers_that_an_earlier_move_left_behind_are_mended_when_it_is_opened(server):
    from sqlalchemy import delete, text

    catalog = Catalog(server, "cd" * 5)
    for k in range(2):
        write_to_every_table(catalog, k)

    def undo(connection):
        schema = connection.get_execution_options()["schema_translate_map"][None]
        connection.execute(text(f"SELECT setval('{schema}.runs_id_seq', 1, false)"))
        connection.execute(delete(STEPS).where(STEPS.c.number == len(MIGRATIONS)))

    catalog.write(undo)
    catalog.close()
    catalog = Catalog(server, "cd" * 5)
    write_to_every_table(catalog, 2)
    catalog.close()


def preloaded():
    """Processes of their own that have everything imported: there is one for every statement."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "technic.data.store.catalog.postgres"])
    return context


def _move_and_die(url, folder, statement):
    """In a process of its own: killed at the n-th statement of a move from a file."""
    from technic.data.store.catalog import catalog as module

    seen = 0
    opened = module.open_engine

    def listening(*about):
        made = opened(*about)
        if made.dialect.name != "sqlite":

            @event.listens_for(made, "before_cursor_execute")
            def count(*_):
                nonlocal seen
                seen += 1
                if seen == statement:
                    os.kill(os.getpid(), signal.SIGKILL)

        return made

    module.open_engine = listening
    Catalog.of(folder, url, "ef" * 4 + f"{statement:02x}").close()


@pytest.mark.slow
def test_a_move_that_is_killed_is_made_at_the_next_opening(tmp_path, server):
    file = Catalog.of(tmp_path, None, "")
    for k in range(3):
        write_to_every_table(file, k)
    want = file.kept_digest()
    file.close()
    context = preloaded()
    survived, statement = False, 30
    while not survived:
        child = context.Process(target=_move_and_die, args=(server, tmp_path, statement))
        child.start()
        child.join(60)
        survived = child.exitcode == 0
        assert survived or child.exitcode == -signal.SIGKILL, child.exitcode
        moved = Catalog.of(tmp_path, server, "ef" * 4 + f"{statement:02x}")
        assert moved.kept_digest() == want, statement
        moved.close()
        statement += 9
    assert statement > 60


def test_two_stores_in_one_database_do_not_see_each_other(tmp_path, server):
    stores = [FileStore(tmp_path / name, server) for name in ("a", "b")]
    for k, store in enumerate(stores):
        fill(store, 20 + k)
        store.catalog.watch("mine", [f"S00{k}"], NOW)
    assert [store.load_universe().height for store in stores] == [20, 21]
    assert [store.catalog.watched("mine") for store in stores] == [["S000"], ["S001"]]
    for store in stores:
        store.catalog.close()


def test_a_backup_holds_what_only_the_database_had(store, tmp_path):
    from technic.data.store.backup import backup

    fill(store)
    store.catalog.watch("mine", ["S007"], NOW)
    backup(store, tmp_path / "copy")
    copy = FileStore(tmp_path / "copy")
    assert copy.catalog.watched("mine") == ["S007"]
    assert copy.load_universe().height == 60


PAYLOADS = [
    "'; DROP TABLE tickers; --", '" OR 1=1 --', "S001' OR '1'='1", "%' UNION SELECT * FROM calls --",
    "'); DELETE FROM watchlists; --", "\\'; SELECT pg_sleep(9); --", "$$; DROP SCHEMA public; $$",
    "' || (SELECT version()) || '", "x\x00y", "\u202e'; --", ":name", "%(name)s", "{0}", "?", "😀",
]  # fmt: skip


def test_text_stays_text_in_every_field(store):
    fill(store)
    before = shape(store.catalog)
    for payload in PAYLOADS:
        write_everywhere(store, payload)
        assert shape(store.catalog) == before, payload
    assert store.load_universe().height == 60


def write_everywhere(store, payload):
    """A text in every field that takes one; each gives back what went in."""
    catalog = store.catalog
    assert store.load_universe(exchanges=[payload]).is_empty()
    for field in ("types", "sectors"):
        with pytest.raises(SchemaError):
            store.load_universe(**{field: [payload]})
    clean = payload.replace("\0", "")
    assert catalog.watch(clean, [clean[:24]], NOW) == 1
    assert catalog.watched(clean) == [clean[:24]]
    assert catalog.unwatch(clean, [clean[:24]]) == 1
    rows = pl.DataFrame({"symbol": [payload], "date": [DAYS[0]], "reason": ["test"]})
    catalog.quarantine(rows, clean, NOW)
    number = catalog.record_run(
        "scan", clean, None, {"seal": "x", "store_version": "y", "text": payload}, NOW
    )
    assert catalog.run(number)["text"] == payload


def shape(catalog):
    """Tables, and how many rows of the index there are."""
    from sqlalchemy import func, select

    counts = {}
    with catalog._engine.connect() as connection:
        for name in ("tickers", "universe", "securities", "calls", "watchlists"):
            table = METADATA.tables[name]
            counts[name] = connection.execute(select(func.count()).select_from(table)).scalar()
        schema = catalog._engine.get_execution_options().get("schema_translate_map", {}).get(None)
        return counts, sorted(inspect(connection).get_table_names(schema=schema))


def test_a_catalog_lost_is_made_again(store, tmp_path):
    fill(store)
    want = store.load_universe()
    if store.database is None:
        store.catalog.close()
        (store.folder / "catalog.sqlite").unlink()
    else:
        from sqlalchemy import delete

        from technic.data.store.catalog.engine import writing

        with writing(store.catalog._engine) as connection:
            for name in ("universe", "tickers", "mirror"):
                connection.execute(delete(METADATA.tables[name]))
        store.catalog.close()
    again = FileStore(store.folder, store.database)
    assert again.load_universe().equals(want)
    again.catalog.close()


def _migrate_and_die(url, identity, statement):
    """In a process of its own: killed at the n-th statement of the making of a catalog."""
    from technic.data.store.catalog import engine as engines

    seen = 0
    opened = engines.open_engine

    def listening(*about):
        made = opened(*about)

        @event.listens_for(made, "before_cursor_execute")
        def count(*_):
            nonlocal seen
            seen += 1
            if seen == statement:
                os.kill(os.getpid(), signal.SIGKILL)

        return made

    import technic.data.store.catalog.catalog as module

    module.open_engine = listening
    Catalog(url, identity).close()


@pytest.mark.slow
def test_a_migration_killed_at_a_statement_is_taken_up_again(tmp_path, database):
    """Some statements in turn, until the making of a catalog outlives the number."""
    _kill_at(tmp_path, database, 9 if database else 7)


@pytest.mark.slow
@pytest.mark.timeout(1500)  # a process for each of a hundred statements
def test_a_migration_killed_at_any_statement_is_taken_up_again(tmp_path, database):
    _kill_at(tmp_path, database, 1)


def _kill_at(tmp_path, database, step):
    context = preloaded()
    statement, survived = 1, 0
    while survived < 1:
        name = f"{step:04x}{statement:08x}"
        url = database or f"sqlite:///{tmp_path / name}.sqlite"
        child = context.Process(target=_migrate_and_die, args=(url, name, statement))
        child.start()
        child.join(60)
        survived += child.exitcode == 0
        assert survived or child.exitcode == -signal.SIGKILL, child.exitcode
        catalog = Catalog(url, name)
        assert catalog.watch("mine", ["A"], NOW) == 1
        with catalog._engine.connect() as connection:
            from sqlalchemy import func, select

            done = connection.execute(select(func.max(STEPS.c.number))).scalar()
        assert done == len(MIGRATIONS)
        catalog.close()
        statement += step
    assert statement > step + 1


def test_a_catalog_of_a_newer_technic_is_refused(store):
    from sqlalchemy import insert

    from technic.data.store.catalog.engine import writing

    fill(store)
    with writing(store.catalog._engine) as connection:
        connection.execute(insert(STEPS).values(number=99, at=NOW.replace(tzinfo=None)))
    store.catalog.close()
    with pytest.raises(StoreError, match="newer technic"):
        FileStore(store.folder, store.database).catalog  # noqa: B018


def test_a_database_that_is_not_there_is_named_without_its_password(tmp_path):
    store = FileStore(tmp_path / "store", "postgresql://me:canary@127.0.0.1:1/none")
    store.import_bars(
        pl.DataFrame({"symbol": ["A"], "date": [DAYS[0]], "open": 1.0, "high": 1.0, "low": 1.0,
                      "close": 1.0, "volume": 1.0})
    )  # fmt: skip
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        store.catalog  # noqa: B018
    assert "canary" not in str(caught.value)
    assert store.panel().panel.n_bars == 1


def test_every_table_is_an_index_or_kept():
    assert {table.name for table in KEPT} == {
        "quarantine", "watchlists", "calls", "runs", "alerts", "deliveries", "alert_memories",
        "api_keys", "measures", "trials", "models", "seals",
    }  # fmt: skip
    for table in METADATA.tables.values():
        for column in table.columns:
            assert column.name.islower()


def test_what_is_written_stays_while_others_come_and_go(tmp_path):
    """SQLite's locks belong to the process: closing the file beside it would drop them all, and the
    next process to leave would take away the log that this one goes on writing to.
    """
    store = FileStore(tmp_path / "store")
    catalog = store.catalog
    catalog.watch("one", ["AAA"], datetime(2026, 1, 5, tzinfo=UTC))
    with catalog._engine.connect() as first, catalog._engine.connect() as second:  # as a server has
        for connection in (first, second):
            connection.exec_driver_sql("select count(*) from watchlists")
    program = (
        "import sys; from pathlib import Path; from technic.data.store import Store;"
        "print(sorted(Store(Path(sys.argv[1])).catalog.watchlists()))"
    )

    def another():
        done = subprocess.run(
            [sys.executable, "-c", program, str(store.folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    another()
    catalog.watch("two", ["BBB"], datetime(2026, 1, 6, tzinfo=UTC))
    assert "two" in another()
    assert "two" in str(catalog.watchlists())
