"""A file that ends who reads it is one clear line, and the next file is read."""

from __future__ import annotations

import io
import os
import signal

import polars as pl
import pytest

from technic.data.formats import first_reader
from technic.data.formats.bars import read_bars
from technic.data.formats.first_reader import FirstReader, trouble_in_parquet
from technic.errors import TechnicError

# Ends at a file of one certain size, as native code does; says nothing to another.
ENDED = """
import json, os, signal, sys, time
for line in sys.stdin.buffer:
    order = json.loads(line)
    sys.stdin.buffer.read(0 if order["path"] else order["bytes"])
    if order["bytes"] == 13:
        os.kill(os.getpid(), signal.SIGABRT)
    if order["bytes"] == 14:
        time.sleep(60)
    print(json.dumps(""), flush=True)
"""


def table(n=20):
    days = pl.date_range(pl.date(2024, 1, 2), pl.date(2024, 1, 31), "1d", eager=True)
    days = days.filter(days.dt.weekday() <= 5).head(n)
    made = pl.DataFrame({"symbol": "ACME", "date": days})
    return made.with_columns(open=10.0, high=11.0, low=9.0, close=10.5, volume=1000)


def parquet(**about):
    buffer = io.BytesIO()
    table().write_parquet(buffer, **about)
    return buffer.getvalue()


@pytest.fixture
def ended(monkeypatch):
    kept = [FirstReader(ENDED)]
    monkeypatch.setattr(first_reader, "_kept", kept)
    monkeypatch.setattr(first_reader, "PATIENCE", 0.5)
    yield kept
    for one in kept:
        one.end()


@pytest.mark.parametrize("size", [13, 14])
def test_whoever_is_ended_by_a_file_or_hangs_over_it_is_followed_by_another(
    ended, size, tmp_path, monkeypatch
):
    path = tmp_path / "bars.parquet"
    path.write_bytes(b"x" * size)
    assert trouble_in_parquet(b"x" * 12) == ""
    assert trouble_in_parquet(path) == "whoever reads it is ended by it"
    monkeypatch.setattr(first_reader, "PATIENCE", 60.0)
    assert trouble_in_parquet(parquet()) == ""  # the one that follows is the real one


def test_one_reads_file_after_file_from_memory_and_from_disk(tmp_path):
    path = tmp_path / "bars.parquet"
    path.write_bytes(parquet())
    assert trouble_in_parquet(path) == ""
    reader = first_reader._kept[-1]
    assert "parquet" in trouble_in_parquet(b"no such thing").lower()
    assert trouble_in_parquet(parquet(compression="snappy")) == ""
    assert trouble_in_parquet(path) == ""
    assert first_reader._kept[-1] is reader


def test_a_fork_starts_one_of_its_own():
    assert trouble_in_parquet(parquet()) == ""
    own = first_reader._kept[-1]
    own.owner = os.getpid() + 1  # as a child of this process sees it
    assert trouble_in_parquet(parquet()) == ""
    assert first_reader._kept[-1] is not own
    assert own._process.poll() is None or own._process.wait() == 0, (
        "not ours to kill; it has no asker"
    )
    own._process.wait(10)


def test_a_file_that_is_cut_short_anywhere_is_refused_in_one_line(tmp_path, capfd):
    whole, path = parquet(), tmp_path / "bars.parquet"
    for size in range(4, len(whole), len(whole) // 40):
        path.write_bytes(whole[:size])
        with pytest.raises(TechnicError, match="nothing was imported") as caught:
            read_bars(path)
        assert "\n" not in str(caught.value)
    path.write_bytes(whole)
    assert read_bars(path).rows.height == 20
    assert capfd.readouterr().err == ""


def test_a_day_that_no_calendar_has_is_told_by_its_number(tmp_path):
    days = pl.Series("date", [19_724, 19_725, 2_000_000_000, 19_726], dtype=pl.Int32).cast(pl.Date)
    path = tmp_path / "bars.parquet"
    table(4).with_columns(days).write_parquet(path)
    file = read_bars(path)
    assert file.rows["date"].null_count() == 1
    assert "2000000000" in str(file)


def test_the_reader_leaves_with_who_started_it():
    assert trouble_in_parquet(parquet()) == ""
    process = first_reader._kept[-1]._process
    process.send_signal(signal.SIGTERM)
    process.wait(10)
    assert trouble_in_parquet(parquet()) == ""
