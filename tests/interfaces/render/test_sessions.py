"""One question on many sessions, as a table and as files."""

from __future__ import annotations

import io
import json
import os
from dataclasses import replace

import polars as pl
import pytest

import technic as tc
from support.commands import run_command
from technic.data.simulated import simulate
from technic.interfaces.render.sessions import render_sessions
from technic.market.sessions import nyse
from technic.runtime.settings import Settings
from technic.scanner.scan_sessions import scan_sessions
from technic.scanner.spec.scan_file import ScanFile

ASKED = ("-e", "close > sma(5)", "--rank", "ret(5)", "--executor", "inline:")


@pytest.fixture(scope="module")
def store(tmp_path_factory, kernels):
    made = simulate(seed=4, size=40, sessions=60)
    store = tc.open_store(tmp_path_factory.mktemp("span") / "store")
    store.import_bars(made.bars, simulated=made.about)
    return store


@pytest.fixture
def run(home, store):
    def go(*arguments, code=0):
        own = {**os.environ, "TECHNIC_HOME": str(home), "NO_COLOR": "1"}
        done = run_command([*arguments, "--store", store.folder], own, home)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if not code else done.stderr

    return go


def days(store, back):
    return nyse().day(nyse().ordinal(store.version().last) - back)


def test_a_span_in_the_terminal_and_as_every_kind_of_file(run, store, tmp_path):
    span = ("--from", days(store, 24), "--to", days(store, 1))
    lines = run("scan", *ASKED, *span).splitlines()
    found = json.loads(run("scan", *ASKED, *span, "--format", "json"))
    assert any(line == "SIMULATED MARKET" for line in lines)
    shown = [line for line in lines if line[:4].isdigit()]
    assert len(shown) == 20
    assert "The last 20 of 24; all with --format csv|parquet|json" in lines
    assert len(found["sessions"]) == 24
    newest = found["sessions"][-1]
    assert shown[-1].startswith(str(newest["session"])[:10])
    assert newest["first"] in shown[-1].split()
    assert f"sealed {found['seal'][:12]}" in lines[-1]
    tables = []
    for form, read in (("csv", pl.read_csv), ("parquet", pl.read_parquet)):
        out = tmp_path / f"span.{form}"
        run("scan", *ASKED, *span, "--format", form, "--out", out)
        tables.append(read(out))
        assert set(tables[-1]["simulated"]) == {"SIMULATED"}
    assert tables[0].height == tables[1].height == len(found["rows"])
    assert tables[0]["symbol"].to_list() == tables[1]["symbol"].to_list()


def test_what_a_span_cannot_be_is_refused(run, store):
    span = ("--from", days(store, 3))
    said = run("scan", *ASKED, *span, "--format", "html", code=1)
    assert "of many sessions there are csv, json, parquet" in said


def test_sessions_without_a_row_and_lost_ones_are_said(store):
    reports = scan_sessions(
        store, days(store, 2), file=ScanFile(where="close < 0"), settings=Settings.load()
    )
    stream = io.StringIO()
    render_sessions(replace(reports, lost=(days(store, 1),)), 0.5, stream)
    said = stream.getvalue().splitlines()
    assert sum(line.endswith("   none") for line in said) == 3
    assert f"lost: {days(store, 1)}: no worker survived them" in said
