"""The commands that bring data in: what became of every row, in lines and as JSON."""

from __future__ import annotations

import json
import os
import re

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
    assert lines[-1] == 'Next: technic scan --rank "ret(1)" --store store'


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
    assert lines[2] == "  types: 1 common, 1 etf"
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


def written(folder, name, **changes):
    table = pl.DataFrame({**BARS, "open": 1.0, "symbol": name[:-4].upper(), **changes})
    table.write_csv(folder / name)
    return name


def test_coverage_says_in_words_why_rows_were_set_aside(run):
    run("import", "bars.csv")
    lines = run("coverage").splitlines()
    at = lines.index("rows set aside         1")
    assert lines[at + 1].split(maxsplit=1) == ["1", "open, high, low or close is zero or less"]
    assert json.loads(run("coverage", "--json"))["quarantined"] == {"price_not_positive": 1}


ONE_OF_SEVERAL = re.compile(
    r"(?<![\d,.-])1 (?!of )(\w+ )?(symbols|rows|bars|sessions|days|listings|companies|numbers|cells|filings"
    r"|files|values|securities|clauses|features|lines|calls)\b"
)


def test_one_is_never_several_in_what_a_small_store_prints(run, tmp_path):
    one = {name: cells[:1] if isinstance(cells, list) else cells for name, cells in BARS.items()}
    pl.DataFrame(one).write_csv(tmp_path / "AAA.csv")
    pl.DataFrame({**one, "low": -1.0}).write_csv(tmp_path / "BBB.csv")
    (tmp_path / "l.csv").write_text("symbol,name,sector\nAAA,A Inc,Technology\n")
    (tmp_path / "f.csv").write_text(
        "symbol,as_of,period_end,form,period,revenue\nAAA,2024-03-07,2023-12-31,10-K,FY,1e9\n"
    )
    commands = [
        ("import", "AAA.csv", "--check"), ("import", "AAA.csv"), ("import-listings", "l.csv"),
        ("import-filings", "f.csv"), ("scan", "--rank", "close"), ("scan",), ("coverage",),
        ("why-not", "AAA", "-e", "close > 100"), ("explain", "AAA", "--rank", "close"),
        ("universe",), ("doctor",), ("scan", "--from", "2024-03-07", "--rank", "close"),
    ]  # fmt: skip
    said = [line for command in commands for line in run(*command).splitlines()]
    said += run("import", "BBB.csv", code=1).splitlines()
    assert len(said) > 60
    assert [line for line in said if ONE_OF_SEVERAL.search(line)] == []


BAD_LINES = """symbol,date,open,high,low,close,volume
AAA,2024-03-07,1,2,0.5,1.5,10
AAA,2024-03-08,1,2,0.5,o\x1b[2Jops,10
AAA,2024-03-09,1,2,0.5,1.5,10
AAA,2024-03-11,1,2,0.5,1.5,-10
AAA,2024-03-12,9,2,0.5,1.5,10
AAA,2024-03-13,0,2,0.5,1.5,10
{long},2024-03-14,1,2,0.5,1.5,10
AAA,2024-03-15,1,2,0.5,,10
"""
TOLD = [
    "line 3: close 'o\\\\u001b[2Jops'", "line 4: date '2024-03-09'", "line 5: volume '-10'",
    "line 6: open '9', high '2', low '0.5', close '1.5'", "line 7: open '0'", "line 8: symbol '!!!",
    "line 9: close ''",
]  # fmt: skip


def test_a_check_shows_where_each_bad_row_stands_and_what_stands_there(run, tmp_path):
    text = BAD_LINES.format(long="!" * 5_000)
    (tmp_path / "bad.csv").write_text(text)
    said = run("import", "bad.csv", "--check")
    for told in TOLD:
        assert f"    {told}" in said, said
    assert "\x1b" not in said
    assert max(map(len, said.splitlines())) < 200
    folder = tmp_path / "several"
    folder.mkdir()
    (folder / "one.csv").write_text("A title\n\n" + text)
    (folder / "two.csv").write_text("symbol;date;open;high;low;close;volume\nBBB;2024-03-07;1;2;0,5;x;10\n" + "BBB;2024-03-08;1;2;0,5;1,5;10\n" * 2)  # fmt: skip
    said = run("import", "several", "--check")
    assert "one.csv: line 6: date '2024-03-09'" in said
    assert "two.csv: line 2: close 'x'" in said
    (one,) = json.loads(run("import", "bad.csv", "--check", "--json"))
    assert one["places"][0]["where"] == "line 3"


def test_a_check_of_a_table_without_lines_shows_its_rows(run, tmp_path):
    pl.DataFrame(BARS).write_parquet(tmp_path / "b.parquet")
    assert "    row 3: open '0.0'" in run("import", "b.parquet", "--check")


WRONG = {
    "no such file": ("none.csv", "none.csv: there is no such file"),
    "a column less": ("less.csv", "less.csv: no column low"),
    "two days": ("days.csv", "days.csv: column date"),
    "closed days": ("closed.csv", "closed.csv: 5 of 5 rows stand on days"),
}


@pytest.fixture
def mixed(tmp_path):
    """A good file, four wrong ones, another good one."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    written(folder, "good.csv")
    pl.DataFrame(BARS).drop("low").write_csv(folder / "less.csv")
    written(folder, "days.csv", date=["03/02/2024", "04/03/2024", "05/04/2024"])
    saturdays = [f"2024-03-{day:02}" for day in (2, 9, 16, 23, 30)]
    pl.DataFrame({**{k: v for k, v in BARS.items() if k in {"high", "low", "close", "volume"}},
                  "open": 1.0, "symbol": "SAT", "date": saturdays}).write_csv(folder / "closed.csv")  # fmt: skip
    written(folder, "later.csv")
    return folder


def test_a_refused_file_does_not_keep_the_others_out(run, mixed):
    names = [f"mixed/{name}" for name, _ in WRONG.values()]
    files = ("mixed/good.csv", *names, "mixed/later.csv")
    said = run("import", *files, code=1).splitlines()
    for told in (told for _, told in WRONG.values()):
        assert sum(told in line for line in said) == 1, said
    assert said[-1].endswith(
        "4 files refused, the others are imported: none.csv, less.csv, days.csv, closed.csv"
    )
    assert "GOOD" in run("features", "close", "--symbols", "GOOD,LATER")


def test_a_folder_tells_each_refused_file_and_leaves_others_out_without_a_fault(run, mixed):
    (mixed / "README.md").write_text("# Prices\n\nof several vendors\n")
    (mixed / "names.csv").write_text("symbol,name\nGOOD,Good Inc\n")
    assert "3 files refused, the others are imported: closed.csv, days.csv, less.csv" in run(
        "import", "mixed", code=1
    )
    (one,) = json.loads(run("import", "mixed/good.csv", "--json"))
    assert one["known"] == 2
    for name, _ in list(WRONG.values())[1:]:
        (mixed / name).unlink()
    said = run("import", "mixed")
    assert "left out: README.md: " in said
    assert "left out: names.csv: " in said


def test_of_refused_files_alone_nothing_is_kept(run, mixed, tmp_path):
    said = run("import", "mixed/less.csv", "mixed/days.csv", code=1)
    assert said.splitlines()[-1].endswith(
        "2 files refused, nothing was imported: less.csv, days.csv"
    )
    assert "Next" not in said
    assert "no column low" in run("import", "mixed/less.csv", "mixed/good.csv", "--check", code=1)
    assert "holds no bars yet" in run("scan", code=1)


def test_a_check_of_listings_and_filings_shows_what_an_import_would_and_keeps_nothing(
    run, tmp_path
):
    run("import", "bars.csv")
    (tmp_path / "l.csv").write_text(
        "Ticker,Company,Sector,Rank\nAAA,A Inc,Technology,1\nCCC,C,,2\n"
    )
    (tmp_path / "f.csv").write_text(
        "symbol,as_of,period_end,form,period,revenue\nAAA,2024-03-08,2023-12-31,10-K,FY,1e9\n"
    )
    for command, file in (("import-listings", "l.csv"), ("import-filings", "f.csv")):
        checked = run(command, file, "--check").splitlines()
        assert checked[-1] == "Nothing was imported."
        assert "Nothing was imported." in run(command, file, "--check")
        kept = run(command, file).splitlines()
        assert checked[: len(kept) - 1] == kept[:-1], "the same lines, and nothing was new before"
        assert run(command, file).splitlines() != kept
    told = run("import-listings", "l.csv", "--check")
    assert "symbol     ticker                 AAA" in told
    assert "name       company                A Inc" in told
    assert "not used: rank" in told
