"""The commands that bring data in: what became of every row, in lines and as JSON."""

from __future__ import annotations

import json
import os

import polars as pl
import pytest

from support.commands import run_command

BARS = {
    "symbol": ["AAA", "AAA", "BBB"], "date": ["2024-03-07", "2024-03-08", "2024-03-08"],
    "open": [1.0, 1.0, 0.0], "high": 2.0, "low": 0.5, "close": 1.5, "volume": 10,
}  # fmt: skip


@pytest.fixture
def run(home, tmp_path):
    def go(*arguments, code=0):
        own = {**os.environ, "TECHNIC_HOME": str(home), "NO_COLOR": "1"}
        done = run_command([*arguments, "--store", "store"], own, tmp_path)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if not code else done.stderr

    pl.DataFrame(BARS).write_csv(tmp_path / "bars.csv")
    return go


def test_bars_are_told_row_by_row(run):
    (said,) = json.loads(run("import", "bars.csv", "--json"))
    assert (said["rows"], said["added"], said["symbols"]) == (3, 2, 1)
    assert sum(said["quarantined"].values()) == 1
    lines = run("import", "bars.csv").splitlines()
    assert lines[0].startswith("bars.csv: one row per symbol and date: 3 rows of 1 symbol in ")
    assert "            2  known already" in lines
    assert any("set aside: " in line for line in lines)
    assert lines[-2].endswith("holds sessions 2024-03-07 to 2024-03-08, prices as traded.")
    assert lines[-1] == "Next: technic scan --store store"


def test_listings_say_which_sectors_are_ours_and_which_are_nobodys(run, tmp_path):
    run("import", "bars.csv")
    pl.DataFrame(
        {
            "symbol": ["AAA", "BBB"], "name": ["A", "B"], "type": ["common", "etf"],
            "sector": ["Technology", "Widgets"],
        }
    ).write_csv(tmp_path / "listings.csv")  # fmt: skip
    lines = run("import-listings", "listings.csv").splitlines()
    assert lines[0] == "listings.csv: one row per listing"
    assert lines[1] == "  listings 2 = 2 kept + 0 set aside; 2 of them new or changed"
    assert "  1 listing has no bars: BBB" in lines
    assert "  sector Technology is Information Technology here" in lines
    assert "  sectors left unknown, as they are none of the eleven: Widgets" in lines
    assert lines[-1] == "Next: technic coverage --store store"
    said = json.loads(run("import-listings", "listings.csv", "--json"))
    assert said["listings"] == 2
    assert said["unknown_sectors"] == ["Widgets"]
    assert said["aliases"] == {"Technology": "Information Technology"}


def test_filings_are_counted_and_strangers_left_out(run, tmp_path):
    run("import", "bars.csv")
    pl.DataFrame(
        {
            "symbol": ["AAA", "NOBODY"], "as_of": ["2024-03-08"] * 2,
            "period_end": ["2023-12-31"] * 2, "form": ["10-K"] * 2, "period": ["FY"] * 2,
            "revenue": [1e9, 2e9],
        }
    ).write_csv(tmp_path / "filings.csv")  # fmt: skip
    said = json.loads(run("import-filings", "filings.csv", "--json"))
    assert (said["rows"], said["filings"], said["symbols"]) == (2, 1, 1)
    assert list(said["strangers"]) == ["NOBODY"]
    assert "1 known already" in run("import-filings", "filings.csv").splitlines()[0]


def test_a_simulated_market_is_made_once_anew_when_asked_and_never_over_a_real_one(run, tmp_path):
    run("import", "bars.csv")
    said = run("demo", "--size", "20", code=1)
    assert "holds a real market, which a demo must not touch" in said
    (tmp_path / "store").rename(tmp_path / "real")
    first = json.loads(run("demo", "--size", "20", "--json"))
    assert first["simulated"] is True
    head = run("demo", "--size", "20").splitlines()[0]
    assert head.startswith("SIMULATED MARKET  seed 7 · 20 listings · ")
    assert "made in" not in head, "it was there"
    assert "made in" in run("demo", "--size", "20", "--seed", "8").splitlines()[0]
    assert "made in" in run("demo", "--size", "20", "--seed", "8", "--fresh").splitlines()[0]
