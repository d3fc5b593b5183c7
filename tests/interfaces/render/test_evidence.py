"""Evidence in the terminal and on a page: every mean with its interval, and what is unknown."""

from __future__ import annotations

import json
import os

import pytest

import technic as tc
from support.commands import run_command
from technic.data.simulated import simulate
from technic.interfaces.render.evidence import briefly, intervals, said, tells


@pytest.fixture(scope="module")
def technic(tmp_path_factory, home):
    made = simulate(seed=5, size=40, sessions=90)
    store = tc.open_store(tmp_path_factory.mktemp("evidence") / "store")
    store.import_bars(made.bars, simulated=made.about)
    store.import_listings(made.listings)

    def run(*arguments, code=0):
        own = {**os.environ, "TECHNIC_HOME": str(home), "NO_COLOR": "1", "COLUMNS": "120"}
        done = run_command([*arguments, "--store", store.folder], own, home)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if not code else done.stderr

    return run


@pytest.mark.parametrize(
    ("mean", "low", "high", "long", "short", "told"),
    [
        (None, None, None, "unknown", "unknown", False),
        (0.031, None, None, "+0.031 (too few)", "+.031 too few", False),
        (0.031, -0.006, 0.063, "+0.031 (-0.006 … +0.063)", "+.031 [-.006 +.063]", False),
        (0.04, 0.01, 0.07, "+0.040 (+0.010 … +0.070)", "+.040 [+.010 +.070]*", True),
        (-0.04, -0.07, -0.01, "-0.040 (-0.070 … -0.010)", "-.040 [-.070 -.010]*", True),
    ],
)
def test_a_mean_is_never_without_its_interval(mean, low, high, long, short, told):
    part = {"mean": mean, "low": low, "high": high}
    assert said(part) == long
    assert briefly(part) == short
    assert tells(part) is told


def test_a_plot_of_intervals_has_a_point_where_a_mean_is_known():
    known = {"mean": 0.1, "low": 0.0, "high": 0.2}
    few = {"mean": 0.1, "low": None, "high": None}
    none = {"mean": None, "low": None, "high": None}
    drawn = intervals("IC", {"1": known, "5": few, "21": none})
    assert drawn.count("<circle") == 2
    assert drawn.count("stroke-width") == 1
    assert all(f">{name}</text>" in drawn for name in ("1", "5", "21"))


def test_evidence_in_the_terminal_as_json_and_on_a_page(technic, home):
    page = home / "evidence.html"
    columns = ("ret(21)", "fund_rating")
    text = technic("evaluate", *columns, "--universe", "all", "-o", page)
    assert text.startswith("SIMULATED MARKET")
    assert "Unknown on this store: fund_rating" in text
    assert "6 intervals were drawn; about 0 leave zero out by chance." in text
    assert "Note: " in text
    assert text.endswith(f"Plots: {page}\n")
    manifest = json.loads(technic("runs", "1"))
    part = manifest["columns"]["ret(21)"]["ic"]["5"]
    assert f"{part['mean']:+.3f}".replace("0.", ".", 1) in text
    html = page.read_text()
    assert "SIMULATED MARKET" in html
    assert f"{part['mean']:+.3f}" in html
    assert html.count("<h3>IC by horizon</h3>") == 1, "a plot for each column that is known"
    assert "IC by year" in html
    assert "<script" not in html
    assert "evaluate" in technic("runs").splitlines()[0]
    assert technic("runs").splitlines()[-1] == "1 runs kept"


def test_a_page_of_anything_but_html_is_refused(technic):
    assert "a page of plots is HTML: x.html" in technic("evaluate", "close", "-o", "x.pdf", code=1)


def test_the_market_and_who_is_in_it_are_told_in_lines(technic):
    lines = technic("regime").splitlines()
    assert lines[0].startswith("The market as of ")
    assert lines[-1].startswith("In questions: ")
    found = json.loads(technic("universe", "--json"))
    said = technic("universe", "--types", "common,etf", "--exchanges", "XNYS,XNAS").splitlines()
    assert len(said) == 21
    assert "securities; 20 shown, all with technic universe --json --store " in said[-1]
    assert int(said[-1].split()[0]) <= len(found)
    assert "write a number such as 300M" in technic("universe", "--min-volume", "x", code=1)
    assert "no such run" in technic("runs", "99", code=1)
