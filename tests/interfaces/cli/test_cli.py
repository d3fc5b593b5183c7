"""The commands as a person meets them, on a simulated market."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

import technic as tc
from support.commands import run_command
from technic.data.ingest import FileStore
from technic.market.sessions import nyse
from technic.runtime.settings import Settings
from technic.scanner.spec.scan_file import presets


@pytest.fixture(scope="session")
def home(tmp_path_factory, kernels):
    """A home of its own, which shares the compiled indicators."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "cache").mkdir()
    (folder / "cache/kernels").symlink_to(kernels, target_is_directory=True)
    return folder


@pytest.fixture(scope="session")
def technic(home, tmp_path_factory):
    """Run a command line; returns (exit code, standard output, standard error)."""
    here = tmp_path_factory.mktemp("cwd")

    def run(*arguments, code=0, cwd=None, **env):
        own = {**os.environ, "TECHNIC_HOME": str(home), "NO_COLOR": "1", **env}
        done = run_command(arguments, own, cwd or here)
        assert done.returncode == code, f"{arguments}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout, done.stderr

    run("demo", "--size", "300")
    return run


def test_demo_marks_itself_and_comes_back_at_once(technic):
    out, _ = technic("demo", "--size", "300")
    assert out.startswith("SIMULATED MARKET  seed 7 · 300 listings")
    assert "sealed" in out
    assert "made in" not in out, "the market is kept"


def test_without_a_store_of_ones_own_the_demo_is_named_on_the_first_line(technic):
    out, _ = technic("scan", "--top", "3")
    assert re.match(r"Store .*demo \(the demo store", out.splitlines()[0])
    assert "SIMULATED" in out.splitlines()[1]


@pytest.mark.parametrize("preset", presets())
def test_every_preset_runs(technic, home, preset):
    store = tc.open_store(home / "stores/demo")
    report = tc.scan(store, file=tc.ScanFile.preset(preset))
    assert report.ledger_book.total > 200
    assert report.simulated


def test_a_preset_is_asked_for_by_name(technic):
    report = json.loads(technic("scan", "momentum-leaders", "--json")[0])
    assert report["question"]["name"] == "Momentum leaders"


LAST = "2026-06-30"
QUESTIONS = [
    ("--top", "3"), ("momentum-leaders",), ("-e", "rsi(14) < 1"), ("-e", "close > 5\nand rsi(14) < 60"),
    ("momentum-leaders", "--rank", "ret(21)", "--universe", "all"), ("--universe", "liquid"),
    ("-e", "pct_rank(ret(5), by=sector) > 50", "--rank", "pct_rank(ret(21)) - 0.5*rsi(14)"), ("--as-of", LAST),
    ("--known-at", f"{LAST}T20:00Z", "--rank", "close"),
]  # fmt: skip


def _hints(out):
    lines = [line.removeprefix("Next: ") for line in out.splitlines() if line.startswith("Next: ")]
    return [shlex.split(hint) for line in lines for hint in line.split(" · ")]


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_hint_means_the_same_question_and_store(technic, home, question):
    named = QUESTIONS.index(question) % 2 == 0
    store = ("--store", str(home / "stores/demo")) if named else ()
    whole = json.loads(technic("scan", *question, *store, "--json")[0])
    explain, other = _hints(technic("scan", *question, *store)[0])
    for hint in (explain, other):
        assert hint[0] == "technic"
        assert tuple(hint[-2:]) == store or not named
    told = json.loads(technic(*explain[1:], "--json")[0])
    assert told["as_of"] == whole["as_of"]
    if whole["rows"]:
        assert explain[1] == "explain"
        ranked = whole["ledger"]["buckets"]["ranked"]
        best = whole["rows"][0]
        assert (told["symbol"], told["rank"], told["n_ranked"], told["score"]) == (
            best["symbol"], 1, ranked, best["score"])  # fmt: skip
    else:
        assert explain[1] == "why-not"
        assert told["bucket"] != "ranked"
    assert json.loads(technic(*other[1:], "--json")[0])["rows"]


def test_some_symbols_alone_are_explained_among_themselves(technic):
    first, second = (
        row["symbol"] for row in json.loads(technic("scan", "--top", "2", "--json")[0])["rows"]
    )
    explain, _ = _hints(technic("scan", "--symbols", f"{second},{first}")[0])
    told = json.loads(technic(*explain[1:], "--json")[0])
    assert (told["symbol"], told["rank"], told["n_ranked"]) == (first, 1, 2)


def test_small_scores_are_told_apart_and_the_question_just_asked_is_no_hint(technic, tmp_path):
    days = ["2026-03-02", "2026-03-03"]
    rows = [(f"S{k}", day, 1e6) for k in range(9) for day in days]
    closes = [10.0 + k * j / 50 for k in range(9) for j in range(2)]
    table = pl.DataFrame(rows, ("symbol", "date", "volume"), orient="row")
    prices = dict.fromkeys(("open", "high", "low", "close"), closes)
    table.with_columns(**{name: pl.Series(cells) for name, cells in prices.items()}).write_csv(
        tmp_path / "b.csv"
    )
    store = ("--store", str(tmp_path / "small"))
    technic("import", str(tmp_path / "b.csv"), *store)
    out = technic("scan", "--rank", "ret(1)", *store)[0]
    assert all(f" 0.{2 * k:03}" in out for k in range(1, 9)), out
    assert [hint[1] for hint in _hints(out)] == ["explain"]


def test_every_hint_printed_runs_exactly_as_printed(technic, home):
    store = str(home / "stores/demo")
    asked = [
        ("demo", "--size", "300"), ("scan", "--top", "3"), ("scan", "momentum-leaders"),
        ("scan", "--store", store), ("presets",), ("presets", "--store", store),
        ("scan", "-e", "rsi(14) < 1"), ("explain", _first(technic)),
        ("explain", _first(technic), "--store", store, "--as-of", LAST),
        ("list", "add", "mine", _first(technic)), ("list", "add", "my $own list", _first(technic)),
    ]  # fmt: skip
    hints = [hint for command in asked for hint in _hints(technic(*command)[0])]
    assert len({" ".join(hint) for hint in hints}) > 5
    for words in hints:
        assert words[0] == "technic"
        technic(*words[1:])


def test_a_store_that_is_too_short_for_the_question_says_so_and_offers_one_that_works(
    technic, home, tmp_path
):
    days = [f"2026-03-{day:02}" for day in (2, 3, 4, 5, 6, 9, 10, 11, 12)]
    rows = [
        (s, day, 9.0 + k, 11.0 + k, 8.0 + k, 10.0 + k, 1e6)
        for s in "AB"
        for k, day in enumerate(days)
    ]
    names = ("symbol", "date", "open", "high", "low", "close", "volume")
    for count, works in ((1, "close"), (2, "ret(1)"), (6, "ret(5)"), (9, "ret(5)")):
        table = pl.DataFrame([row for row in rows if row[1] in days[:count]], names, orient="row")
        table.write_csv(tmp_path / "b.csv")
        store = str(tmp_path / f"store {count}")
        imported = technic("import", str(tmp_path / "b.csv"), "--store", store)[0]
        out = technic("scan", "-e", "close > sma(50)", "--rank", "rsi(14)", "--store", store)[0]
        said = " ".join(out.split())
        assert (
            f"looks back over 50 sessions, and no symbol that traded has more than {count}:" in said
        )
        for hint in (_hints(out)[-1], _hints(imported)[-1]):
            assert hint[:2] == ["technic", "scan"]
            assert hint[2:4] == ["--rank", works]
            assert len(json.loads(technic(*hint[1:], "--json")[0])["rows"]) == 2


def _first(technic):
    return json.loads(technic("scan", "--top", "1", "--json")[0])["rows"][0]["symbol"]


def test_formats(technic, tmp_path):
    report = json.loads(technic("scan", "--top", "4", "--format", "json")[0])
    tickers = technic("scan", "--top", "4", "--format", "tickers")[0].split()
    assert tickers == [row["symbol"] for row in report["rows"]]
    csv = technic("scan", "--top", "4", "--format", "csv")[0].splitlines()
    assert len(csv) == 5
    assert csv[1].endswith("SIMULATED")
    technic("scan", "--top", "4", "--format", "parquet", "--out", str(tmp_path / "x.parquet"))
    assert pl.read_parquet(tmp_path / "x.parquet")["symbol"].to_list() == tickers
    page = technic("scan", "--top", "4", "--format", "html")[0]
    assert "SIMULATED MARKET" in page
    assert "<script" not in page
    assert not re.search(r"(src|href)=", page), "nothing is loaded from anywhere"
    text = technic("scan", "--top", "4", "--out", str(tmp_path / "x.txt"))
    assert text[0] == ""
    assert "sealed" in (tmp_path / "x.txt").read_text()


def test_verify_takes_a_report_or_a_bare_manifest_and_notices_a_change(technic, tmp_path):
    report = json.loads(technic("scan", "breakout-with-volume", "--json")[0])
    (tmp_path / "report.json").write_text(json.dumps(report))
    (tmp_path / "manifest.json").write_text(json.dumps(report["manifest"]))
    for name in ("report.json", "manifest.json"):
        assert "byte for byte" in technic("verify", str(tmp_path / name))[0]
    technic("scan", "breakout-with-volume", "--format", "html", "--out", str(tmp_path / "x.html"))
    assert "the same answer, byte for byte" in technic("verify", str(tmp_path / "x.html"))[0]
    swapped = json.loads(json.dumps(report))
    swapped["rows"][0], swapped["rows"][1] = swapped["rows"][1], swapped["rows"][0]
    swapped["rows"][0]["score"] = 99.9
    (tmp_path / "report.json").write_text(json.dumps(swapped))
    _, err = technic("verify", str(tmp_path / "report.json"), code=1)
    assert "rows[0].rank is 2 here, and 1 when it is run again" in err
    page = (tmp_path / "x.html").read_text().replace(report["rows"][0]["symbol"], "NVDA", 1)
    (tmp_path / "x.html").write_text(page)
    _, err = technic("verify", str(tmp_path / "x.html"), code=1)
    assert "NVDA" in err
    report["manifest"]["answer_digest"] = "0" * 32
    (tmp_path / "report.json").write_text(json.dumps(report))
    _, err = technic("verify", str(tmp_path / "report.json"), code=1)
    assert "changed after it was sealed" in err


def test_a_report_that_names_its_market_is_verified_on_a_past_session(technic, tmp_path):
    last = json.loads(technic("scan", "--top", "1", "--json")[0])["as_of"]
    past = str(date.fromisoformat(last) - timedelta(days=35))
    past = str(nyse().day(nyse().last_until(date.fromisoformat(past))))
    report = json.loads(technic("scan", "--as-of", past, "--json")[0])
    assert report["regime"]["members"]
    path = tmp_path / "past.json"
    path.write_text(json.dumps(report))
    assert "the same answer, byte for byte" in technic("verify", str(path))[0]
    report["regime"]["members"] += 1
    path.write_text(json.dumps(report))
    assert "regime.members" in technic("verify", str(path), code=1)[1]
    spanned = tmp_path / "span.json"
    technic("scan", "--from", past, "--to", past, "--format", "json", "--out", str(spanned))
    assert "the same answer, byte for byte" in technic("verify", str(spanned))[0]


def test_symbols_narrow_from_the_command_line_and_from_a_file(technic, tmp_path):
    chosen = json.loads(technic("scan", "--top", "3", "--json")[0])["rows"]
    names = [row["symbol"] for row in chosen]
    (tmp_path / "mine.txt").write_text("\n".join(names))
    for text in (",".join(names), f"@{tmp_path / 'mine.txt'}"):
        report = json.loads(technic("scan", "--symbols", text, "--json")[0])
        assert {row["symbol"] for row in report["rows"]} == set(names)
        assert report["ledger"]["buckets"]["not_in_universe"] > 100


def test_watch_lists_can_be_asked_about(technic):
    name = _first(technic)
    technic("list", "add", "good", name)
    assert technic("list", "show", "good")[0].split() == [name]
    report = json.loads(technic("scan", "-e", "in_list('good')", "--json")[0])
    assert [row["symbol"] for row in report["rows"]] == [name]
    technic("list", "remove", "good", name)
    assert json.loads(technic("list", "show", "good", "--json")[0]) == []


def test_a_scan_that_is_removed_forgets_whom_its_alerts_have_told(technic, home):
    from technic.operations.alerts import AlertBook
    from technic.operations.saved_scans import scan_file
    from technic.scanner.inspect.diff import session_before
    from technic.scanner.scan import scan

    technic("alerts", "add", "desk", "https://hooks.example.com/x")
    technic("scan", "-e", "close > sma(10)", "--save", "gone", "--alert", "desk")
    settings = Settings.load({"TECHNIC_HOME": str(home)})
    store, file = FileStore(home / "stores/demo"), scan_file(settings, "gone")
    book, now = AlertBook(store.catalog), datetime.now(UTC)
    before = scan(store, as_of=session_before(store, store.require().last), file=file)
    assert book.observe("gone", file, before, now) == []
    assert technic("saved", "remove", "gone", "--store", str(store.folder))[0] == "gone: deleted\n"
    assert book.observe("gone", file, scan(store, file=file), now) == []
    book.forget("gone")
    assert "there was none" in technic("saved", "remove", "gone")[0]


def test_informing_commands_speak_json(technic):
    for command in (
        ("coverage",), ("doctor",), ("indicators",), ("indicators", "rsi"), ("presets",),
        ("config", "show"), ("lint",), ("features", "rsi(14)", "--symbols", _first(technic)),
        ("explain", _first(technic)), ("why-not", _first(technic)), ("plugins", "list"),
        ("rollout", "status"),
    ):  # fmt: skip
        assert isinstance(json.loads(technic(*command, "--json")[0]), list | dict)
        assert technic(*command)[0].strip()


BAD = [
    (("scan", "-e", "rsii(14) < 30"), "did you mean rsi"),
    (("scan", "-e", "rsi(14 < 30"), "expected ')'"),
    (("scan", "-e", "sector == 'Tech nology'"), "is no sector"),
    (("scan", "-e", "close[-1] > 1"), "into the future"),
    (("scan", "--as-of", "1999-01-04"), "holds sessions from"),
    (("scan", "--as-of", "2026-11-21"), "outside the store"),
    (("scan", "--as-of", "2026-09-07"), "no session"),
    (("scan", "--as-of", "yesterday"), "--as-of: 'yesterday' is no date: write it as"),
    (("scan", "nosuch"), "neither a scan file nor a preset"),
    (("scan", "nosuch.toml"), "no such file"),
    (("scan", "--store", "/nonexistent/store"), "holds no bars yet"),
    (("scan", "--format", "xml"), "there are table"),
    (("scan", "--columns", "nosuch"), "not known here"),
    (("explain", "ZZZZZZ"), "not listed"),
    (("import", "nosuch.csv"), "no such file"),
    (("verify", "nosuch.json"), "cannot be read"),
    (("verify", "dccd64b64c07"), "is a seal; an answer is run again from a file"),
    (("list", "add", "x", "ZZZZZZ"), "no such symbol"),
    (("indicators", "rsii"), "did you mean rsi"),
    (("scan", "--symbols", "@nosuch"), "No such file"),
]


@pytest.mark.parametrize(
    ("command", "says"), BAD, ids=lambda v: " ".join(v)[:40] if isinstance(v, tuple) else None
)
def test_bad_input_gets_one_clear_line_and_a_failing_exit(technic, command, says):
    out, err = technic(*command, code=1)
    assert err.startswith("technic: ")
    assert says in err
    assert out == "" or out.startswith("Store")


def test_wrong_usage_is_exit_code_two(technic):
    technic("scan", "--nosuch", code=2)
    technic("nosuch", code=2)


def test_a_scan_file_with_an_unknown_key_says_which(technic, tmp_path):
    (tmp_path / "x.toml").write_text('wher = "close > 1"')
    _, err = technic("scan", str(tmp_path / "x.toml"), code=1)
    assert "wher means nothing here" in err


def test_a_scan_file_is_read_whole(technic, tmp_path):
    (tmp_path / "x.toml").write_text(
        """
        name = "Mine"
        top = 6
        columns = ["close", "aroon"]
        let.up = "close > sma($n)"
        where = "up"
        [params]
        n = { default = 10, min = 5, max = 50 }
        [rank]
        score = [{ expr = "pct_rank(ret(5))", weight = 2 }, { expr = "rsi(14)", weight = -1 }]
        missing = "zero_weight"
        [plan]
        account = 100_000
        risk = "0.5%"
        target = "3R"
        """
    )
    report = json.loads(technic("scan", str(tmp_path / "x.toml"), "--json")[0])
    assert report["question"]["where"] == "close > sma(10)"
    assert len(report["rows"]) == 6
    row = report["rows"][0]
    assert {"aroon_up(25)", "aroon_down(25)"} <= set(row)
    assert sum(row["contributions"].values()) == pytest.approx(row["score"])
    plan = next(r["plan"] for r in report["rows"] if r["plan"]["target"] is not None)
    assert plan["target"] - plan["entry"] == pytest.approx(3 * (plan["entry"] - plan["stop"]))


def test_import_tells_what_became_of_every_row(technic, tmp_path):
    table = pl.DataFrame(
        {"symbol": ["AAA", "AAA", "B D!"], "date": ["2024-03-07", "2024-03-08", "2024-03-08"],
         "open": [1.0, 0.0, 1.0], "high": 2.0, "low": 0.5, "close": 1.5, "volume": 10}
    )  # fmt: skip
    table.write_csv(tmp_path / "bars.csv")
    out, _ = technic("import", str(tmp_path / "bars.csv"), "--store", str(tmp_path / "s"))
    assert "1  new bars" in out
    assert out.count("set aside: ") == 2
    assert f"Next: technic scan --rank close --store {tmp_path / 's'}" in out  # of one session
    stale, _ = technic("scan", "--store", str(tmp_path / "s"))
    assert "finished sessions are missing" in stale


def test_help_needs_nothing_heavy(technic):
    program = (
        "import sys; from technic.interfaces import cli; "
        "print([m for m in ('numba', 'polars', 'numpy', 'sqlalchemy', 'deltalake', 'lark') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_page_and_tables_escape_hostile_names(tmp_path):
    from technic.interfaces.render.export import _cell
    from technic.interfaces.render.report_page import _row
    from technic.scanner.plan import Plan
    from technic.scanner.report import Row

    evil = Row(1, "A<b>", '<img src=x onerror="x">', "=cmd|'/C calc'!A0", 1.0, 50.0, {'a"b': 1.0},
               {"close": 1.0}, Plan("long", 1.0, 0.5, 2.0, 1, 0.5, "risk"), [1.0, 2.0], settled=True)  # fmt: skip
    html = _row(evil, ["close"], ['a"b'])
    assert "<img" not in html
    assert "<b>" not in html
    assert _cell(evil.sector).startswith("'=")
    assert _cell(-5.0) == -5.0


def test_config_show_names_the_origin(technic, tmp_path):
    (tmp_path / "technic.toml").write_text("threads = 1")
    out, _ = technic("config", "show", "--origin", cwd=tmp_path)
    assert "technic.toml" in out
    assert "TECHNIC_HOME" in out
    (tmp_path / "technic.toml").write_text("thread = 1")
    _, err = technic("config", "show", code=1, cwd=tmp_path)
    assert "thread is no setting" in err
