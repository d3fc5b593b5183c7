"""A disk without room: one clear line, no file left behind, the store as it was before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import technic as tc
from technic.data.simulated import simulate

resource = pytest.importorskip("resource")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ROOMS = (200, 5_000, 60_000, 250_000)  # bytes that any one file may have


def bars(size):
    table = simulate(seed=8, size=size, sessions=40).bars
    return table.select("symbol", "date", "open", "high", "low", "close", "volume")


def technic(home: Path, kernels: Path, *arguments, room=None):
    """A command in a process that may write files of at most `room` bytes."""
    (home / "cache").mkdir(parents=True, exist_ok=True)
    if not (home / "cache/kernels").exists():
        (home / "cache/kernels").symlink_to(kernels)

    def limited():
        if room is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    own = {"TECHNIC_HOME": str(home), "NO_COLOR": "1", "TECHNIC_DATABASE": "file"}
    return subprocess.run(
        [sys.executable, "-m", "technic", *map(str, arguments)], env={**os.environ, **own},
        capture_output=True, text=True, check=False, preexec_fn=limited,
    )  # fmt: skip


def held(folder: Path):
    """Every file that counts: not locks, and not the cache that the panels are."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(("lock", "-wal", "-shm"))
        and path.parts[len(folder.parts)] != "panels" and path.name != "catalog.sqlite"
    }  # fmt: skip


def one_line(said):
    """Deltalake's own threads may say on their way down that they panicked; we say one line."""
    ours = [line for line in said.splitlines() if line.startswith("technic: ")]
    return len(ours) == 1 and said.endswith(f"{ours[0]}\n") and "Traceback" not in said


@pytest.fixture
def kept(tmp_path):
    store = tc.open_store(tmp_path / "store")
    store.import_bars(bars(30))
    bars(60).write_parquet(tmp_path / "more.parquet")
    return store


@pytest.mark.parametrize("room", ROOMS)
def test_an_import_without_room_changes_nothing(kept, tmp_path, kernels, room):
    before, panel = held(kept.folder), kept.panel().panel.bars.tobytes()
    words = ("import", tmp_path / "more.parquet", "--store", kept.folder)
    done = technic(tmp_path / "home", kernels, *words, room=room)
    if done.returncode:
        assert done.returncode == 1, done.stderr
        assert one_line(done.stderr), done.stderr
        if kept.version().number == 1:
            assert held(kept.folder) == before
            assert kept.panel().panel.bars.tobytes() == panel
        else:
            assert "run the command again" in done.stderr
    assert technic(tmp_path / "home", kernels, *words).returncode == 0
    whole = tc.open_store(tmp_path / "whole")
    whole.import_bars(bars(30))
    whole.import_bars(pl.read_parquet(tmp_path / "more.parquet"))
    again = tc.open_store(kept.folder)
    assert again.table("bars").collect().height == whole.table("bars").collect().height
    said = technic(tmp_path / "home", kernels, "doctor", "--deep", "--store", kept.folder)
    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize("room", ROOMS)
def test_a_backup_or_restore_without_room_leaves_nothing(kept, tmp_path, kernels, room):
    home, copy, back = tmp_path / "home", tmp_path / "a/copy", tmp_path / "b/back"
    done = technic(home, kernels, "backup", copy, "--store", kept.folder, room=room)
    if done.returncode:
        assert one_line(done.stderr), done.stderr
        assert not (tmp_path / "a").exists()
        assert technic(home, kernels, "backup", copy, "--store", kept.folder).returncode == 0
    done = technic(home, kernels, "restore", copy, "--store", back, room=room)
    if done.returncode:
        assert one_line(done.stderr), done.stderr
        assert not (tmp_path / "b").exists()
        assert technic(home, kernels, "restore", copy, "--store", back).returncode == 0
    assert tc.open_store(back).version().name == kept.version().name
