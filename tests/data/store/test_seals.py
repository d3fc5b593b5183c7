"""What is believed is what was written down: runs and evidence, on a chained record."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime

import orjson
import pytest
from sqlalchemy import text

from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.data.store.evidence import FILE, evidence_trouble, load_evidence, save_evidence
from technic.errors import StoreError

AT = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    made = FileStore(tmp_path / "store")
    market = simulate(seed=1, size=20, sessions=30)
    made.import_bars(market.bars, simulated=market.about)
    return made


def evidence(store):
    column = {"ic": {"1": 0.03}, "text": "rsi(14)"}
    return {
        "columns": {"rsi(14)": column}, "as_of": "2026-01-02", "first": "2025-01-02",
        "sessions": 250, "universe": "", "store_version": store.require().name,
    }  # fmt: skip


def test_evidence_is_read_as_it_was_written_and_never_otherwise(store, caplog):
    """Property: any byte of the file flipped, and it says nothing."""
    save_evidence(store, evidence(store), AT)
    whole = load_evidence(store)
    assert whole["columns"]["rsi(14)"]["ic"] == {"1": 0.03}
    assert evidence_trouble(store) == ""
    path = store.folder / FILE
    content = path.read_bytes()
    rng = random.Random(1)
    for _ in range(200):
        at = rng.randrange(len(content))
        path.write_bytes(
            content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :]
        )
        assert load_evidence(store) == {}
    assert "technic evaluate" in caplog.text
    path.write_bytes(orjson.dumps(orjson.loads(content) | {"sessions": 10**6}))
    assert load_evidence(store) == {}
    assert "is not what an evaluation wrote" in evidence_trouble(store)
    path.write_bytes(content)
    assert load_evidence(store) == whole


@pytest.mark.parametrize(
    "change",
    [
        "manifest = '{}'", "manifest = replace(manifest, 'x', 'y')", "name = 'other'", "kind = 'scan'",
        "as_of = '2020-01-02'", "at = '2020-01-02 00:00:00.000000'", "seal = 'f'", "store_version = '1-x'",
    ],
)  # fmt: skip
def test_a_run_that_was_altered_is_refused(store, change):
    catalog = store.catalog
    manifest = {"store_version": "1-a", "seal": "s", "about": "x"}
    number = catalog.record_run("daily", "up", date(2026, 1, 2), manifest, AT)
    assert catalog.run(number) == manifest
    catalog.write(lambda c: c.execute(text(f"update runs set {change} where id = {number}")))
    with pytest.raises(StoreError, match=f"run {number}: is not what was written down"):
        catalog.run(number)


@pytest.mark.parametrize(
    "change",
    [
        "update seals set digest = 'f' where id = 2", "delete from seals where id = 2",
        "update seals set what = 'card/x' where id = 1", "delete from seals where id = 1",
        "update seals set chain = 'f' where id = 3",
    ],
)  # fmt: skip
def test_the_record_of_seals_is_chained(store, change):
    for what in ("one", "two", "three"):
        store.catalog.seal(what, what.encode())
    assert store.catalog.check_seals() == 3
    store.catalog.write(lambda c: c.execute(text(change)))
    with pytest.raises(StoreError, match="record of seals was altered"):
        store.catalog.check_seals()


def test_a_row_of_the_record_that_was_put_in_by_hand_is_not_believed(store):
    store.catalog.seal("one", b"true")
    digest = "c" * 64
    store.catalog.write(lambda c: c.execute(text(
        f"insert into seals (what, digest, chain) values ('two', '{digest}', 'x')"
    )))  # fmt: skip
    assert store.catalog.is_sealed("one", b"true")
    assert not store.catalog.is_sealed("two", b"true")
    with pytest.raises(StoreError, match="altered"):
        store.catalog.check_seals()


def test_runs_of_an_older_catalog_are_sealed_as_they_are(store):
    catalog = store.catalog
    number = catalog.record_run("daily", "up", None, {"store_version": "1-a", "seal": "s"}, AT)
    for statement in ("drop table seals", "delete from migrations where number >= 5"):
        catalog.write(lambda c, s=statement: c.execute(text(s)))
    again = FileStore(store.folder)
    assert again.catalog.run(number) == {"store_version": "1-a", "seal": "s"}
    assert again.catalog.check_seals() == 1
