"""A bench in the terminal and on a page: every figure, what failed, and what is slower than it was."""

from __future__ import annotations

import copy
import io
import json
import os

import pytest

from support.commands import run_command
from technic.interfaces.render.bench import bench_page, render_bench

RUNG = {"symbols": 5_277, "cold_s": 0.91, "fresh_ms": 31.4, "warm_ms": 1.25, "incremental_ms": 44.0,
        "us_per_symbol": 5.95, "calls": 0, "hit_rate": 100.0, "peak_mb": 210, "cpu_pct": 88,
        "errors": 0, "off_reference": 0}  # fmt: skip
FOUND = {
    "about": {"market": "a SIMULATED market", "symbols": 5_277, "version": "1.2", "at": "now",
              "system": "Linux x86_64", "cores": 4, "python": "3.11"},
    "figures": [{"what": "scan, warm", "unit": "ms", "median": 31.4, "minimum": 30.0,
                 "maximum": 1_040.5, "runs": 5}],
    "ladder": [{**RUNG, "symbols": 100, "hit_rate": None}, RUNG],
    "checks": [
        {"name": "memory", "holds": True, "figure": "210 MB", "target": "≤ 500 MB"},
        {"name": "consistency", "holds": False, "figure": "2 answers", "target": "one seal"},
        {"name": "server", "holds": None, "figure": "no server", "target": "the same seal"},
    ],
    "targets": [
        {"what": "calls", "hoped": "< 30", "measured": "5 calls", "holds": True},
        {"what": "CPU", "hoped": "> 80 %", "measured": "50 %", "holds": False},
        {"what": "card", "hoped": "≥ 5 ×", "measured": "no card", "holds": None},
    ],
    "others_cpu_pct": [1.0, 2.0],
    "levers": [{"lever": "threads: all cores", "symbols": 5_277, "with_ms": 10.0,
                "without_ms": 30.0, "lost_s": 0.02}],
    "pools": [{"executor": "threads:2", "symbols": 100, "ms": 90.0, "equal": True},
              {"executor": "ray://local:2", "symbols": 100, "ms": None, "equal": False}],
    "filters": [{"how": "a loop", "symbols": 5_277, "ms": 12.5, "equal": True}],
    "baseline": {"symbols": 300, "sampled": True, "B0": {"us_per_symbol": 20_000.0},
                 "B1": {"us_per_symbol": 22_000.0}, "b0_peak_mb": 800, "ours_us_per_symbol": 5.95,
                 "equal": True, "verdict": "3,361 ×; 200 of 200 shared values are equal"},
    "speedup": 3_361.3,
}  # fmt: skip


@pytest.fixture
def found():
    return copy.deepcopy(FOUND)


def lines_of(found):
    stream = io.StringIO()
    render_bench(found, stream)
    return [" ".join(line.split()) for line in stream.getvalue().splitlines()]


def test_every_part_has_a_table(found):
    lines = lines_of(found)
    assert lines[0] == "a SIMULATED market · 5,277 symbols"
    assert lines[1] == "technic 1.2, now, Linux x86_64, 4 cores, Python 3.11"
    assert "scan, warm 31.4 ms (30.0 – 1,040.5)" in lines
    assert "100 0.91 31 1.25 44 5.95 0 – 210 88 0 0" in lines
    assert "memory holds 210 MB ≤ 500 MB" in lines
    assert "consistency FAILS 2 answers one seal" in lines
    assert "server not run no server the same seal" in lines
    assert "calls < 30 holds 5 calls" in lines
    assert "CPU > 80 % MISSED 50 %" in lines
    assert "card ≥ 5 × not measurable here no card" in lines
    assert "1 of 3 targets hold, 1 missed, 1 not measurable here" in lines
    assert "ray://local:2 100 – NO" in lines
    assert "threads: all cores 5,277 10 30 0.02" in lines
    assert "a loop 12 yes" in lines or "a loop 13 yes" in lines


def test_the_older_scan_is_said_to_be_a_sample_or_whole_or_missing(found):
    said = " ".join(lines_of(found))
    assert "(300 symbols drawn by seed, scaled)" in said
    assert "Ours 5.95 µs: 3,361 ×; 200 of 200 shared values are equal" in said
    found["baseline"]["sampled"] = False
    assert "(every symbol)" in " ".join(lines_of(found))
    found["baseline"] = None
    assert "The scan before this one: not run; it needs pandas" in " ".join(lines_of(found))


def test_of_what_gives_other_values_no_time_is_told(found):
    found["baseline"] |= {"equal": False, "verdict": "not compared: 3 of 200 shared values differ"}
    said = " ".join(lines_of(found))
    assert "not compared: 3 of 200 shared values differ" in said
    assert "20,000 µs" not in said


def test_a_busy_machine_is_said_to_be_busy(found):
    assert not any("busy" in line for line in lines_of(found))
    found["others_cpu_pct"] = [4.0, 65.0]
    assert any(
        "others used 4 % of its cores before this and 65 % after" in line
        for line in lines_of(found)
    )
    assert "others used 4 %" in bench_page(found)


def test_what_is_slower_than_before_has_a_table_and_nothing_has_a_line(found):
    row = {"what": "scan", "before": 10.0, "now": 20.0, "ratio": 2.0, "regression": False}
    found["regressions"] = [row, row]
    assert any(
        x.startswith("2 figures against the older run: none is slower") for x in lines_of(found)
    )
    found["regressions"] = [row, {**row, "what": "warm", "regression": True}]
    lines = lines_of(found)
    assert "Slower than before" in lines
    assert "warm 10 20 2" in lines
    assert "scan 10 20 2" not in lines


def test_the_page_has_every_table_and_a_plot_of_each_kind(found):
    page = bench_page(found)
    assert page.count("<svg") == 5
    assert page.count("<table>") == 6
    assert "Against the older run" not in page
    assert "<td>FAILS</td>" in page
    found["regressions"] = [
        {"what": "scan", "before": 1.0, "now": 2.0, "ratio": 2.0, "regression": True}
    ]
    assert "Against the older run" in bench_page(found)


@pytest.fixture
def technic(tmp_path):
    def run(*arguments, code=0):
        done = run_command(
            ["bench", *arguments], {**os.environ, "TECHNIC_HOME": str(tmp_path)}, tmp_path
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if not code else done.stderr

    return run


@pytest.mark.parametrize("content", [None, "no json", "[]", "{}"])
def test_only_an_older_bench_can_be_compared_with(technic, tmp_path, content):
    if content is not None:
        (tmp_path / "old.json").write_text(content)
    said = technic("--against", "old.json", code=1)
    assert said == "technic: --against old.json: is no result of technic bench --json\n"


def test_a_page_is_html(technic):
    assert "a page of plots is HTML: x.html" in technic("--out", "x.txt", code=1)


def test_the_card_alone_is_measured_or_said_to_be_missing(technic):
    found = json.loads(technic("--gpu", "--runs", "1", "--json"))
    said = technic("--gpu", "--runs", "1")
    if found["card"] is None:
        assert said == f"No graphics card: {found['why']}\n"
    else:
        assert said.count("the same bits") == len(found["rows"])
