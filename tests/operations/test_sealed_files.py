"""Saved scans are what was saved, and `doctor --deep` names what cannot be believed."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.data.store.evidence import FILE, save_evidence
from technic.errors import ConfigError
from technic.operations.alerts import keep_channel
from technic.operations.doctor import examine
from technic.operations.saved_scans import save_scan, saved_scan, scan_file
from technic.runtime.settings import Settings

AT = datetime(2026, 1, 2, tzinfo=UTC)
SCAN = {
    "name": "Dips", "where": "rsi(14) < 30", "top": 12, "alert": {"to": ["desk"]},
    "backtest": {"hold": 5},
}  # fmt: skip


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("TECHNIC_HOME", str(tmp_path / "home"))
    settings = Settings.load()
    keep_channel("desk", "https://hooks.example.com/x", settings)
    return settings


def test_a_saved_scan_with_any_bytes_flipped_is_never_another_scan(settings):
    """Property: one to three bytes, anywhere; it is refused, or says the same."""
    path = save_scan(settings, "dips", SCAN)
    content, file = path.read_bytes(), scan_file(settings, "dips")
    assert saved_scan(settings, "dips").content == SCAN
    rng = random.Random(1)
    for _ in range(400):
        damaged = bytearray(content)
        for at in rng.sample(range(len(damaged)), rng.randint(1, 3)):
            damaged[at] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        found = saved_scan(settings, "dips")
        assert found.trouble or found.file == file, bytes(damaged)


def test_one_may_edit_a_saved_scan_by_taking_its_seal_away(settings):
    path = save_scan(settings, "dips", SCAN)
    edited = path.read_text().replace("top = 12", "top = 13")
    path.write_text(edited)
    with pytest.raises(
        ConfigError, match=r"was changed after technic saved it.*delete its last line"
    ):
        scan_file(settings, "dips")
    path.write_text("".join(edited.splitlines(keepends=True)[:-1]))
    assert scan_file(settings, "dips").top == 13
    path.write_text('name = "mine"\nwhere = "rsi(14) < 30" # deadbeef\n')
    assert scan_file(settings, "dips").name == "mine"


def test_doctor_names_what_cannot_be_believed(settings, tmp_path):
    store = FileStore(tmp_path / "store")
    market = simulate(seed=1, size=20, sessions=30)
    store.import_bars(market.bars, simulated=market.about)
    path = save_scan(settings, "dips", SCAN)
    evidence = {
        "columns": {}, "as_of": "2026-01-02", "store_version": store.require().name,
        "first": "2026-01-02", "sessions": 9, "universe": "",
    }  # fmt: skip
    save_evidence(store, evidence, AT)
    number = store.catalog.record_run("scan", "x", None, {"store_version": "1", "seal": "s"}, AT)

    def seals():
        return [c for c in examine(store, settings, deep=True) if c["what"].startswith("seal")]

    assert [check["ok"] for check in seals()] == [True]
    path.write_text(path.read_text().replace("12", "21"))
    (store.folder / FILE).write_bytes(b"{}")
    store.catalog.write(
        lambda c: c.execute(text(f"update runs set name = 'y' where id = {number}"))
    )
    said = "\n".join(check["detail"] for check in seals())
    for words in (
        "dips.toml: was changed after",
        f"run {number}: is not what",
        "evidence.json: is not",
    ):
        assert words in said
    store.catalog.write(lambda c: c.execute(text("update seals set digest = 'f' where id = 1")))
    assert any("record of seals was altered" in check["detail"] for check in seals())
