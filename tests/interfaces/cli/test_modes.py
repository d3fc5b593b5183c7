"""A store and its home are their owner's alone, whatever the umask and whoever writes."""

from __future__ import annotations

import os
import stat

import pytest

from support.commands import run_command
from support.vendors import at_evening, run_sync, tape, vendor
from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.runtime.files import make_folder, sync_to_disk, write_atomically

SPEC = """
model = "ridge"
universe = ""
features = ["ret(5)", "ret(21)", "rsi(14)", "realized_vol(20)"]
baselines = ["-ret(5)"]
"""
SCAN = 'name = "mine"\nrank = "ret(5)"\n[alert]\n'


@pytest.fixture(params=[0o022, 0o000], ids=["022", "000"])
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def open_to_others(*folders):
    """Paths below some folders that anybody but their owner may touch."""
    found = {}
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            mode = stat.S_IMODE(path.lstat().st_mode)
            if not path.is_symlink() and mode != (0o700 if path.is_dir() else 0o600):
                found[str(path.relative_to(folder.parent))] = oct(mode)
    return found


def test_whatever_writes_a_store_it_is_the_owners_alone(tmp_path, umask, kernels):
    """The commands of a day: import, listings, scan, save, list, night, key, backup."""
    home = tmp_path / "home"
    for folder in (home, home / "cache"):
        folder.mkdir(mode=0o700)
    (home / "cache/kernels").symlink_to(kernels, target_is_directory=True)
    env = {**os.environ, "TECHNIC_HOME": str(home), "NO_COLOR": "1"}

    def technic(*arguments, codes=(0,)):
        done = run_command((*arguments, "--store", "deep/er/store"), env, tmp_path)
        assert done.returncode in codes, f"{arguments}\n{done.stdout}\n{done.stderr}"

    market = simulate(seed=4, size=40, sessions=60)
    market.bars.write_parquet(tmp_path / "bars.parquet")
    market.listings.write_parquet(tmp_path / "listings.parquet")
    (tmp_path / "mine.toml").write_text(SCAN)
    technic("import", "bars.parquet")
    technic("import-listings", "listings.parquet")
    technic("scan", "mine.toml", "--save", "mine")
    technic("scan", "--as-of", str(market.bars["date"].unique().sort()[-3]))
    technic("list", "add", "mine", market.bars["symbol"][0])
    technic("daily", "--no-sync")
    technic("keys", "create", "me")
    technic("doctor", codes=(0, 1))
    technic("backup", str(tmp_path / "backup"))
    assert open_to_others(tmp_path / "deep", home, tmp_path / "backup") == {}
    assert len(list((tmp_path / "deep").rglob("*"))) > 20


def test_a_sync_leaves_nothing_open(tmp_path, umask):
    with vendor(tape(3, 60, 40)) as (twin, source, _):
        at_evening(twin, 12)
        run_sync(FileStore(tmp_path / "store"), twin, source)
    assert open_to_others(tmp_path / "store") == {}


@pytest.mark.slow
def test_a_model_and_its_evidence_are_the_owners_alone(tmp_path, umask, kernels):
    home = tmp_path / "home"
    for folder in (home, home / "cache"):
        folder.mkdir(mode=0o700)
    (home / "cache/kernels").symlink_to(kernels, target_is_directory=True)
    (tmp_path / "spec.toml").write_text(SPEC)
    env = {**os.environ, "TECHNIC_HOME": str(home), "NO_COLOR": "1"}
    for arguments in (
        ("demo", "--size", "120", "--store", "store"),
        ("train", "spec.toml", "--store", "store"),
        ("evaluate", "--store", "store"),
    ):
        done = run_command(arguments, env, tmp_path)
        assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
    assert open_to_others(home, tmp_path / "store") == {}


def test_a_file_of_the_users_own_keeps_the_users_umask(tmp_path, umask, kernels):
    """A folder that was there is not ours to close, and neither is the page it is to hold."""
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    mode = stat.S_IMODE(shared.stat().st_mode)
    write_atomically(shared / "own.json", b"{}")
    assert stat.S_IMODE(shared.stat().st_mode) == mode
    assert open_to_others(shared / "own.json") == {}


def test_files_are_closed_when_they_are_made_known(tmp_path, umask):
    store = tmp_path / "store"
    make_folder(store)
    (store / "tables/bars").mkdir(parents=True)
    path = store / "tables/bars/part"
    path.write_bytes(b"x")
    sync_to_disk(path, root=store)
    assert open_to_others(store) == {}
