"""Commands that look at the whole market and at what scores were worth, in processes."""

from __future__ import annotations

import json
import os

import polars as pl
import pytest

from support.commands import run_command
from technic.query.names import REGIME
from technic.scores import MACROS, SCORES


@pytest.fixture(scope="module")
def technic(tmp_path_factory, kernels):
    home = tmp_path_factory.mktemp("home")
    (home / "cache").mkdir()
    (home / "cache/kernels").symlink_to(kernels, target_is_directory=True)

    def run(*arguments, code=0, **env):
        own = {**os.environ, "TECHNIC_HOME": str(home), "NO_COLOR": "1", **env}
        done = run_command(arguments, own, home)
        assert done.returncode == code, f"{arguments}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout if not code else done.stderr

    run("demo", "--size", "250")
    run.home = home
    return run


def test_a_rated_row_is_explained_down_to_its_filings(technic):
    rows = json.loads(technic("scan", "--rank", "rating", "--json"))["rows"]
    assert len(rows) == 20
    text = technic("explain", rows[0]["symbol"], "--rank", "rating")
    assert "Filings behind it" in text
    assert "10-Q" in text
    assert "quality_part" in text
    assert "earnings_yield" in text


@pytest.mark.slow
def test_evaluate_says_what_it_found_in_a_table_as_json_and_on_a_page(technic):
    page = technic.home / "evidence.html"
    text = technic("evaluate", "rating", "ret(21)", "-o", str(page))
    assert "SIMULATED" in text
    assert "rating" in text
    assert "leave zero out by chance" in text
    found = json.loads(technic("evaluate", "rating", "fund_rating", "--json"))
    part = found["rating"]["ic"]["5"]
    assert part["low"] <= part["mean"] <= part["high"]
    assert abs(part["mean"]) < 0.05, "filings of a simulated market know nothing of its prices"
    html = page.read_text()
    assert "<svg" in html
    assert "SIMULATED MARKET" in html
    assert "<script" not in html
    assert "Evidence" in technic("explain", _first(technic), "--rank", "rating")


def _first(technic):
    report = json.loads(technic("scan", "--rank", "rating", "--top", "1", "--json"))
    return report["rows"][0]["symbol"]


def test_the_market_stands_in_the_terminal_and_in_every_report(technic):
    text = technic("regime")
    assert "above 200-day mean" in text
    found = json.loads(technic("regime", "--json"))
    assert set(found["values"]) == set(REGIME)
    report = json.loads(technic("scan", "--json"))
    assert report["regime"]["values"] == found["values"]
    assert "Market: above 50-day mean" in technic("scan", "--top", "2")
    assert "The market," in technic("scan", "--top", "2", "--format", "html")


def test_a_universe_by_sector_size_and_volume(technic):
    found = json.loads(
        technic("universe", "--sectors", "Technology,Energy", "--min-market-cap", "300M",
                "--min-volume", "10K", "--json")
    )  # fmt: skip
    assert {row["sector"] for row in found} <= {"Information Technology", "Energy"}
    assert all(row["market_cap"] >= 3e8 for row in found)
    assert "the sectors are Communication" in technic("universe", "--sectors", "Widgets", code=1)
    assert "write a number such as 300M" in technic("universe", "--min-volume", "x", code=1)


def test_a_kept_run_can_be_verified_later(technic):
    technic("scan", "momentum-leaders", "--keep")
    runs = json.loads(technic("runs", "--json"))
    kept = next(run for run in runs if run["kind"] == "scan")
    manifest = technic("runs", str(kept["id"]))
    (technic.home / "manifest.json").write_text(manifest)
    assert "byte for byte" in technic("verify", "manifest.json")
    assert "no such run" in technic("runs", "99999", code=1)


def test_every_score_has_a_page(technic):
    listed = technic("scores")
    for name in (*SCORES, *MACROS):
        assert name in listed
    page = technic("scores", "piotroski_f")
    assert "Piotroski (2000)" in page
    assert "did you mean" in technic("scores", "piotrosky", code=1)


def test_filings_come_in_from_a_file_with_one_line_for_what_was_set_aside(technic):
    report = json.loads(technic("scan", "--top", "1", "--json"))
    symbol = report["rows"][0]["symbol"]
    table = pl.DataFrame(
        {
            "symbol": [symbol, symbol, "NOBODY"], "as_of": ["2026-11-10"] * 3,
            "period_end": ["2026-09-30", "2027-09-30", "2026-09-30"], "form": ["10-Q"] * 3,
            "period": ["Q3"] * 3, "revenue": [1e9, 2e9, 3e9],
        }
    )  # fmt: skip
    table.write_csv(technic.home / "filings.csv")
    text = technic("import-filings", "filings.csv", "--store", "stores/demo")
    assert "set aside: 1 number, period after filing" in text
    assert "left out: 1 symbol" in text
    held = json.loads(technic("coverage", "--json"))["filings"]
    assert held["filings"] > 100
    assert held["newest"] >= "2026-11-10"
    (technic.home / "bad.csv").write_text("a,b\n1,2\n")
    assert "nothing was imported" in technic(
        "import-filings", "bad.csv", "--store", "stores/demo", code=1
    )


def test_asking_edgar_needs_a_contact(technic):
    assert "TECHNIC_EDGAR_CONTACT" in technic(
        "sync-filings", "--from", "edgar", "--store", "stores/demo", code=1
    )
    assert "there are massive and edgar" in technic(
        "sync-filings", "--from", "x", "--store", "stores/demo", code=1
    )


def test_a_password_of_a_database_is_never_shown(technic):
    url = "postgresql://me:canary@127.0.0.1:1/none"
    shown = technic("config", "show", DATABASE_URL=url)
    assert "canary" not in shown
    assert "me:***@127.0.0.1" in shown
    assert "canary" not in technic("list", "show", code=1, DATABASE_URL=url)
