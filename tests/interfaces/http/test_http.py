"""The HTTP API: the answers of the library, guarded, bounded, and wrong in one form only."""

from __future__ import annotations

import io
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event
from time import monotonic, sleep

import orjson
import polars as pl
import pytest

from support.commands import run_command
from support.serving import listed_symbol, served
from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.data.simulated.statements import statements
from technic.interfaces.http import static
from technic.interfaces.http.api_keys import create_key, revoke_key
from technic.interfaces.http.requests import ScanRequest
from technic.operations.alerts import AlertBook, keep_channel
from technic.operations.alerts.channels import forget_channel
from technic.runtime.settings import Settings
from technic.scanner.inspect.chart import chart_data
from technic.scanner.inspect.diff import diff, session_before
from technic.scanner.inspect.explain import explain
from technic.scanner.inspect.why_not import why_not
from technic.scanner.scan import scan
from technic.scanner.spec.alert_rules import AlertRules
from technic.scanner.spec.scan_file import ScanFile

ASKED = {"where": "close > sma(50)", "rank": "ret(21)", "top": 7, "columns": ["close", "rsi(14)"]}
FILE = ScanFile(
    name="everything by ret(21)", where="close > sma(50)", rank="ret(21)", top=7,
    columns=("close", "rsi(14)"),
)  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory, kernels):
    market = simulate(seed=4, size=150, sessions=300)
    made = FileStore(tmp_path_factory.mktemp("http") / "store")
    made.import_bars(market.bars, simulated=market.about)
    made.import_listings(market.listings)
    made.import_filings(statements(market.bars, market.listings, 4))
    return made


@pytest.fixture(scope="module")
def settings(home):
    return Settings.load({"TECHNIC_HOME": str(home)})


@pytest.fixture(scope="module")
def client(store, settings):
    with served(store, settings=settings) as made:
        yield made


def post(client, path, content, **options):
    return client.post(f"/api/v1/{path}", json=content, **options)


def problem(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    content = answer.json()
    assert content["status"] == status
    assert content["detail"]
    assert "Traceback" not in answer.text
    assert "/home" not in answer.text
    return content


def test_a_scan_is_the_scan_of_the_library(client, store):
    found, wanted = post(client, "scan", ASKED).json(), scan(store, file=FILE).as_dict()
    assert found["rows"] == orjson.loads(orjson.dumps(wanted["rows"]))
    assert found["manifest"] == wanted["manifest"]
    assert found["ledger"] == wanted["ledger"]


@pytest.mark.parametrize(
    ("accept", "read"),
    [("application/vnd.apache.arrow.stream", pl.read_ipc_stream),
     ("application/vnd.apache.parquet", pl.read_parquet), ("text/csv", pl.read_csv)],
)  # fmt: skip
def test_rows_come_as_tables_too(client, store, accept, read):
    answer = post(client, "scan", ASKED, headers={"Accept": accept})
    table = read(io.BytesIO(answer.content))
    assert table["symbol"].to_list() == [row.symbol for row in scan(store, file=FILE).shown]
    assert answer.headers["X-Technic-Sim"] == "1"
    assert re.fullmatch(r'attachment; filename="[\w.-]+"', answer.headers["content-disposition"])


def test_explain_why_not_diff_and_features_are_those_of_the_library(client, store):
    symbol = scan(store, file=FILE).shown[2].symbol
    found = post(client, "explain", {**ASKED, "symbol": symbol}).json()
    assert found == orjson.loads(orjson.dumps(explain(store, symbol, FILE).as_dict(), default=str))
    found = post(client, "why-not", {**ASKED, "symbol": symbol}).json()
    assert found == orjson.loads(orjson.dumps(why_not(store, symbol, FILE).as_dict()))
    found = post(client, "diff", ASKED).json()
    assert found == orjson.loads(orjson.dumps(diff(store, FILE).as_dict(), default=str))
    found = post(
        client, "features", {"features": ["rsi(14)"], "symbols": [symbol], "last": 9}
    ).json()
    assert len(found["rsi(14)"]) == 9


def test_the_grid_holds_everybody_ranked_and_says_what_is_wrong_as_an_answer(client, store):
    found = post(client, "grid", {**ASKED, "top": 5000}).json()
    report = scan(store, file=FILE)
    assert len(found["grid"]["symbol"]) == report.n_ranked
    assert found["funnel"][-1]["left"] == report.n_ranked
    assert found["ledger"] == report.ledger_book.counts()
    wrong = post(client, "grid", {"where": "rsi(14 < 30"}).json()
    assert not wrong["ok"]
    assert wrong["problem"]["start"] == 7


def test_a_symbol_is_charted_with_what_was_filed(client, store, settings):
    symbol = scan(store, file=FILE).shown[0].symbol
    found = client.get(f"/api/v1/symbols/{symbol}?bars=50&indicator=rsi(14)").json()
    wanted = chart_data(store, symbol, ["rsi(14)"], 50, None, settings)
    assert found == orjson.loads(orjson.dumps(wanted))
    assert len(found["close"]) == 50
    told = client.get(f"/api/v1/symbols/{symbol}/fundamentals").json()
    assert "pe" in told["ratios"]
    listed = client.get(f"/api/v1/symbols?q={symbol.lower()}").json()
    assert listed[0]["symbol"] == symbol


@pytest.mark.parametrize("column", ["close * 1e308 * 10", "1e16 + close / 1e9", "close * 0"])
def test_any_column_is_counted(client, column):
    found = post(client, "distribution", {"column": column, "universe": "all"}).json()
    assert sum(found["counts"]) + found["below"] + found["above"] == found["known"]


def test_the_market_and_distributions_count_the_universe(client, store):
    found = post(client, "market", {"universe": "common"}).json()
    moves = found["advancing"] + found["declining"] + found["unchanged"]
    assert 0 < moves <= found["universe"]
    assert sum(s["members"] for s in found["sectors"]) == found["universe"]
    spread = post(client, "distribution", {"column": "rsi(14)", "universe": "common"}).json()
    inside = sum(spread["counts"]) + spread["below"] + spread["above"]
    assert inside == spread["known"]
    assert spread["known"] + spread["unknown"] == found["universe"]


def test_compiling_says_the_canonical_form_or_what_is_wrong_and_where(client):
    good = post(client, "compile", {"where": "rsi < 30", "rank": "ret(5)"}).json()
    assert good["ok"]
    assert good["canonical"]["where"] == "rsi(14) < 30"
    bad = post(client, "compile", {"where": "rsii(14) < 30"}).json()
    assert not bad["ok"]
    assert bad["problems"][0]["field"] == "where"
    assert "rsi" in bad["problems"][0]["hint"]


# -- what is kept


def test_a_scan_that_tells_nobody_there_is_is_refused_and_not_kept(client):
    body = {**ASKED, "alert": {"to": ["nosuch"]}}
    told = problem(client.put("/api/v1/scans/ups", json=body), 422)
    assert "technic alerts add nosuch" in told["detail"]
    problem(client.get("/api/v1/scans/ups"), 404)


def test_a_scan_is_saved_run_today_and_deleted(client, settings):
    keep_channel("desk", "https://hooks.example.com/x", settings)
    body = {**ASKED, "name": "Ups", "alert": {"to": ["desk"], "debounce": 2}}
    made = client.put("/api/v1/scans/ups", json=body).json()
    assert made["file"]["alert"] == {"to": ["desk"], "debounce": 2}
    cards = client.get("/api/v1/today").json()["scans"]
    assert [card["name"] for card in cards] == ["ups"]
    assert cards[0]["difference"]["after"] == cards[0]["as_of"]
    assert (settings.scans / "ups.toml").exists()
    assert client.get("/api/v1/scans/ups").json()["title"] == "Ups"
    assert client.delete("/api/v1/scans/ups").status_code == 204
    problem(client.get("/api/v1/scans/ups"), 404)
    problem(client.delete("/api/v1/scans/ups"), 404)
    forget_channel("desk", settings)
    assert client.get("/api/v1/today").json()["suggested"]


def test_presets_are_scans_too(client, store):
    found = post(client, "scan", {"preset": "momentum-leaders", "top": 3}).json()
    from dataclasses import replace

    wanted = scan(store, file=replace(ScanFile.preset("momentum-leaders"), top=3))
    assert found["manifest"]["seal"] == wanted.manifest["seal"]
    problem(post(client, "scan", {"preset": "nosuch"}), 422)


def test_watch_lists_hold_known_symbols_only(client, store):
    symbols = [row.symbol for row in scan(store, file=FILE).shown[:3]]
    assert client.put("/api/v1/lists/mine", json={"symbols": symbols}).json()["symbols"] == sorted(
        symbols
    )
    assert (
        client.put("/api/v1/lists/mine", json={"symbols": symbols[:1]}).json()["symbols"]
        == symbols[:1]
    )
    problem(client.put("/api/v1/lists/mine", json={"symbols": ["NOSUCH"]}), 422)
    found = post(client, "scan", {"where": "in_list('mine')", "rank": "close"}).json()
    assert [row["symbol"] for row in found["rows"]] == symbols[:1]
    assert client.delete("/api/v1/lists/mine").status_code == 204
    assert client.get("/api/v1/lists/mine").json()["symbols"] == []


# -- long work


def wait(client, job, state="done"):
    for _ in range(600):
        now = client.get(f"/api/v1/jobs/{job['id']}").json()
        if now["state"] in {"done", "failed", "cancelled"}:
            assert now["state"] == state, now
            return now
        sleep(0.05)
    raise AssertionError(now)


def test_sessions_are_a_job_whose_result_is_a_table(client, store):
    version = store.require()
    begun = post(client, "sessions", {**ASKED, "first": "2026-11-10", "last": str(version.last)})
    assert begun.status_code == 202
    assert begun.headers["location"].startswith("/api/v1/jobs/")
    wait(client, begun.json())
    found = client.get(f"{begun.headers['location']}/result").json()
    assert (
        found["sessions"][-1]["seal"] == scan(store, file=FILE, as_of=version.last).manifest["seal"]
    )
    table = client.get(f"{begun.headers['location']}/result", headers={"Accept": "text/csv"})
    assert pl.read_csv(io.BytesIO(table.content)).height == len(found["rows"])


def test_a_model_is_trained_looked_at_and_used(client, store):
    assert client.get("/api/v1/models").json() == []
    assert "technic train" in problem(post(client, "scan", {"rank": "alpha"}), 409)["detail"]
    body = {"model": "ridge", "features": ["ret(5)", "rsi(14)"], "universe": ""}
    job = post(client, "train", body).json()
    wait(client, job)
    found = client.get(f"/api/v1/jobs/{job['id']}/result").json()
    assert found["gate"]["reason"] == "span"
    (one,) = client.get("/api/v1/models").json()
    assert (one["model"], one["used"], one["label"]) == (found["model"], True, "no measured edge")
    card = client.get(f"/api/v1/models/{one['model'][:12]}").json()
    assert card["sha256"] == one["model"]
    page = client.get(f"/api/v1/models/{one['model'][:12]}/page")
    assert page.headers["content-disposition"].startswith("attachment")
    assert "no measured edge" in page.text
    assert client.get(f"/api/v1/jobs/{job['id']}/page").text == page.text
    assert client.post(f"/api/v1/models/{one['model']}/use").status_code == 204
    problem(client.get("/api/v1/models/abcdef123456"), 409)
    problem(post(client, "train", {"features": ["close"]}), 422)
    asked = {"rank": "alpha", "columns": ["alpha_rank"], "top": 3}
    report = post(client, "scan", asked).json()
    assert report["manifest"]["question"]["model"] == one["model"]
    assert any(note.startswith("alpha: no measured edge") for note in report["notes"])
    symbol = report["rows"][0]["symbol"]
    told = post(client, "explain", {"rank": "alpha", "symbol": symbol}).json()
    assert {piece["text"] for piece in told["parts"][0]["pieces"]} == {"ret(5)", "rsi(14)", "base"}


def test_a_backtest_is_a_job_with_a_verdict_and_a_page(client, store):
    from technic.research.backtest.run import backtest

    body = {**ASKED, "rebalance": "monthly", "hold": 5}
    job = post(client, "backtest", body).json()
    wait(client, job)
    found = client.get(f"/api/v1/jobs/{job['id']}/result").json()
    file = replace(FILE, backtest=replace(FILE.backtest, rebalance="monthly", hold=5))
    assert found["manifest"] == backtest(store, file).manifest
    assert found["verdict"]
    page = client.get(f"/api/v1/jobs/{job['id']}/page")
    assert found["verdict"] in page.text
    kinds = [row["kind"] for row in client.get("/api/v1/trials").json()]
    assert "backtest" in kinds
    problem(post(client, "backtest", {**ASKED, "cost": "free"}), 422)
    problem(post(client, "backtest", {**ASKED, "hold": 0}), 422)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("ranks", {"as_of": "9999-12-31"}, 404),
        ("ranks", {"as_of": "2010-01-04"}, 404),
        ("ranks", {"symbol": "NOSUCH"}, 404),
        ("ranks", {"rank": "((("}, 422),
        ("ranks", {"missing": "nope"}, 422),
        ("sessions", {"first": "2010-01-04", "last": "2010-02-01"}, 404),
        ("sessions", {"first": "9999-01-04", "last": "9999-12-31"}, 422),
        ("sessions", {"first": "2026-11-16", "last": "2026-11-20", "where": "((("}, 422),
    ],
)
def test_what_no_scan_would_answer_is_refused_before_a_job(client, path, body, status):
    named = {"symbol": listed_symbol(client)} if path == "ranks" else {}
    before = len(client.get("/api/v1/jobs").json())
    problem(post(client, path, named | body), status)
    assert len(client.get("/api/v1/jobs").json()) == before


def test_ranks_as_of_a_day_without_a_session_name_its_neighbours(client, store):
    first = store.require().first
    day = next(d for k in range(9) if (d := first + timedelta(k)).weekday() == 5)  # a Saturday
    body = {"symbol": listed_symbol(client), "as_of": str(day)}
    assert "the sessions around it are" in problem(post(client, "ranks", body), 422)["detail"]


def test_a_job_is_cancelled_and_says_so(client):
    job = post(
        client, "ranks", {"rank": "ret(5)", "symbol": listed_symbol(client), "sessions": 250}
    ).json()
    second = post(client, "evaluate", {"columns": ["ret(5)"]}).json()
    assert client.delete(f"/api/v1/jobs/{second['id']}").json()["state"] == "cancelled"
    client.delete(f"/api/v1/jobs/{job['id']}")
    wait(client, job, "cancelled")
    problem(client.get(f"/api/v1/jobs/{job['id']}/result"), 409)
    problem(client.get("/api/v1/jobs/nosuch"), 404)


def test_the_events_of_a_job_end_with_its_end(client):
    job = post(
        client, "ranks", {"rank": "ret(5)", "symbol": listed_symbol(client), "sessions": 5}
    ).json()
    with client.stream("GET", f"/api/v1/jobs/{job['id']}/events") as answer:
        lines = [line for line in answer.iter_lines() if line.startswith("data: ")]
    assert orjson.loads(lines[-1][6:])["state"] == "done"


def test_one_job_too_many_is_told_to_come_back(client):
    bodies = [
        post(client, "ranks", {"symbol": listed_symbol(client), "sessions": 200}) for _ in range(12)
    ]
    busy = [answer for answer in bodies if answer.status_code == 429]
    assert busy
    assert all(answer.headers["retry-after"] for answer in busy)
    for answer in bodies:
        if answer.status_code == 202:
            client.delete(f"/api/v1/jobs/{answer.json()['id']}")
    for answer in bodies:
        if answer.status_code == 202:
            wait(client, answer.json(), "cancelled")


def test_events_greet_and_tell_of_new_sessions_and_alerts(tmp_path, settings):
    market = simulate(seed=6, size=40, sessions=60)
    store = FileStore(tmp_path / "store")
    last = market.bars["date"].max()
    store.import_bars(market.bars.filter(pl.col("date") < last), simulated=market.about)
    with (
        served(store, settings=settings) as client,
        client.stream("GET", "/api/v1/events") as answer,
    ):
        lines = answer.iter_lines()
        assert next(lines) == "event: hello"
        sleep(1.0)  # a tick has looked
        store.import_bars(market.bars.filter(pl.col("date") == last), simulated=market.about)
        file = ScanFile(name="t", rank="ret(5)", top=5, alert=AlertRules())
        book = AlertBook(store.catalog)
        book.observe(
            "t", file, scan(store, file=file, as_of=session_before(store, last)), datetime.now(UTC)
        )
        book.observe("t", file, scan(store, file=file), datetime.now(UTC))
        seen, kind = {}, "hello"
        for line in lines:
            if line.startswith("event: "):
                kind = line[7:]
            elif line.startswith("data: "):
                seen.setdefault(kind, orjson.loads(line[6:]))
            if {"store", "alert"} <= seen.keys():
                break
    assert seen["store"]["as_of"] == str(last)
    assert seen["alert"]["scan"] == "t"
    assert datetime.fromisoformat(seen["alert"]["at"]).utcoffset() == timedelta()


def test_a_round_that_fails_is_not_the_last(tmp_path, settings, monkeypatch):
    market = simulate(seed=6, size=20, sessions=40)
    store, last = FileStore(tmp_path / "store"), market.bars["date"].max()
    store.import_bars(market.bars.filter(pl.col("date") < last), simulated=market.about)
    with served(store, settings=settings) as client:
        look, failed = client.hub._look, []

        def failing(newest):
            if len(failed) < 2:
                failed.append(newest)
                raise (OSError, ZeroDivisionError)[len(failed) - 1]
            return look(newest)

        monkeypatch.setattr(client.hub, "_look", failing)
        with client.stream("GET", "/api/v1/events") as answer:
            until(lambda: len(failed) == 2)
            sleep(1.0)  # a tick has looked
            store.import_bars(market.bars.filter(pl.col("date") == last), simulated=market.about)
            assert next(line for line in answer.iter_lines() if line == "event: store")
        found = client.get("/api/v1/operations").text
        assert "OSError" in found
        assert "ZeroDivisionError" in found


def test_a_job_is_told_of_to_the_pages_of_its_owner_alone(tmp_path, settings):
    """Owners 1 and 12: a number that begins with another's is nobody's relative."""
    market = simulate(seed=6, size=20, sessions=40)
    store, now = FileStore(tmp_path / "store"), datetime.now(UTC)
    store.import_bars(market.bars, simulated=market.about)
    keys = [create_key(store.catalog, f"k{n}", "scan", 1, now) for n in range(12)]
    heads = [{"Authorization": f"Bearer {keys[n]}"} for n in (0, 11)]
    with served(store, keyed=True, settings=settings) as client, ExitStack() as open_:
        streams = [
            open_.enter_context(client.stream("GET", "/api/v1/events", headers=head))
            for head in heads
        ]
        lines = [stream.iter_lines() for stream in streams]
        for each in lines:
            assert next(each) == "event: hello"
        body = {"symbol": listed_symbol(client), "sessions": 3}
        jobs = [post(client, "ranks", body, headers=head).json() for head in reversed(heads)][::-1]
        for job, each in zip(jobs, lines, strict=True):
            assert jobs_until_the_end_of(job, each) == {job["id"]}


def jobs_until_the_end_of(job, lines):
    """The numbers of the jobs that a stream of events tells of, until one has ended."""
    told, kind = set(), ""
    for line in lines:
        kind = line[7:] if line.startswith("event: ") else kind
        if kind == "job" and line.startswith("data: "):
            content = orjson.loads(line[6:])
            told.add(content["id"])
            if content["id"] == job["id"] and content["state"] == "done":
                return told
    raise AssertionError(told)


def test_a_scan_that_is_deleted_forgets_whom_its_alerts_have_told(client, store):
    asked = {"rank": "ret(5)", "top": 5, "alert": {"on": ["entered"]}}
    file = ScanFile(name="again", rank="ret(5)", top=5, alert=AlertRules(on=("entered",)))
    book, now = AlertBook(store.catalog), datetime.now(UTC)
    before = scan(store, file=file, as_of=session_before(store, store.require().last))
    assert client.put("/api/v1/scans/again", json=asked).is_success
    book.observe("again", file, before, now)
    assert client.delete("/api/v1/scans/again").status_code == 204
    assert book.observe("again", file, scan(store, file=file), now) == []
    book.forget("again")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"missing": "nope"}, "rank.missing is exclude"),
        ({"missing": "fill(x)"}, "holds no"),
        ({"alert": {"crossed": ["((("]}}, "("),
        ({"alert": {"crossed": [""]}}, "empty"),
        ({"alert": {"crossed": ["close > 1", "close"]}}, "close"),
        ({"alert": {"crossed": ["nosuch > 1"]}}, "nosuch"),
        ({"plan": {"stop": "((("}}, "("),
        ({"columns": ["((("]}, "("),
    ],
)
def test_a_scan_that_could_not_be_run_is_not_kept(client, body, says):
    told = problem(client.put("/api/v1/scans/never", json=ASKED | body), 422)
    assert says in told["detail"] + told.get("text", "")
    assert client.get("/api/v1/scans/never").status_code == 404


def test_a_scan_with_a_crossing_is_kept(client):
    body = ASKED | {"missing": "fill(50)", "alert": {"crossed": ["close > sma(20)"]}}
    assert client.put("/api/v1/scans/crosses", json=body).is_success
    assert client.delete("/api/v1/scans/crosses").status_code == 204


# -- wrong requests


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("scan", {"where": "rsii(14) < 30"}, 422, "no function of this language"),
        ("scan", {"where": "close[-1] > 1"}, 422, "future"),
        ("scan", {"nosuch": 1}, 422, "nosuch"),
        ("scan", {"top": 0}, 422, "top"),
        ("scan", {"top": 10**9}, 422, "top"),
        ("scan", {"as_of": "2026-11-21"}, 404, "outside the store"),
        ("scan", {"as_of": "1800-01-01"}, 404, "outside the store"),
        ("scan", {"as_of": "soon"}, 422, "as_of"),
        ("backtest", {"first": "2026-11-02", "last": "2026-11-02"}, 422, "must lie after from"),
        ("scan", {"as_of": "20240102"}, 422, "write it as 2026-11-20"),
        ("scan", {"as_of": "2026-W47"}, 422, "write it as 2026-11-20"),
        ("scan", {"as_of": 0}, 422, "a date is a text"),
        ("scan", {"known_at": 0}, 422, "an instant is a text"),
        ("scan", {"known_at": "20240102"}, 422, "is no instant"),
        ("scan", {"top": True}, 422, "top"),
        ("scan", {"top": "5"}, 422, "top"),
        ("scan", {"top": 5.0}, 422, "top"),
        ("scan", {"params": {"n": True}}, 422, "params.n"),
        ("scan", {"plan": {"risk": True}}, 422, "risk"),
        ("scan", {"plan": {"risk": "0.01"}}, 422, "risk"),
        ("train", {"horizon": True}, 422, "horizon"),
        ("train", {"canaries": 1}, 422, "canaries"),
        ("watches", {"scan": "squeeze", "every": "60"}, 422, "every"),
        ("scan", {"where": "a" * 5_000}, 422, "where"),
        ("scan", {"where": "close > 1\0"}, 422, "NUL"),
        ("scan", {"plan": {"side": "up"}}, 422, "side"),
        ("explain", {"symbol": "NOSUCH"}, 404, "not listed"),
        ("explain", {}, 422, "symbol"),
        ("features", {"features": ["close >"], "symbols": ["A"]}, 422, ""),
        ("distribution", {"column": "sector"}, 422, ""),
        ("watches", {"scan": "momentum-leaders"}, 409, "no vendor"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(client, path, body, status, says):
    assert says in orjson.dumps(problem(post(client, path, body), status)).decode()


QUESTIONS = [
    ({"where": "rsii(14) < 30"}, "no function of this language"),
    ({"rank": "ret(5"}, "ret(5"),
    ({"rank": "python('nosuch')"}, "no such plugin"),
    ({"universe": "close"}, "a truth is expected"),
    ({"let": {"a": "b + 1"}, "rank": "a"}, "b"),
    ({"preset": "nosuch"}, "nosuch"),
]


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        *(("backtest", body, says) for body, says in QUESTIONS),
        ("evaluate", {"columns": ["rsii(14)"]}, "no function of this language"),
        ("evaluate", {"columns": ["close > 5"]}, "a number is expected"),
        ("evaluate", {"universe": "close"}, "a truth is expected"),
        ("evaluate", {"universe": "nosuch"}, "nosuch"),
        ("evaluate", {"last": 3}, "last"),
        ("train", {"universe": "rsii(14) < 30"}, "no function of this language"),
        ("train", {"universe": "close"}, "a truth is expected"),
        ("train", {"features": ["close"]}, "without a scale"),
        ("train", {"features": ["rsii(14)"]}, "rsii"),
    ],
)
def test_what_no_job_could_answer_is_refused_before_it_is_one(client, path, body, says):
    before = client.get("/api/v1/jobs").json()
    told = problem(post(client, path, body), 422)
    assert says in orjson.dumps(told).decode()
    assert client.get("/api/v1/jobs").json() == before


def test_a_span_outside_the_store_and_a_record_of_nothing_are_no_jobs(client):
    before = client.get("/api/v1/jobs").json()
    problem(post(client, "backtest", {"first": "1990-01-02", "last": "1990-03-01"}), 404)
    problem(post(client, "record/nosuch", None), 404)
    assert client.get("/api/v1/jobs").json() == before


@pytest.mark.parametrize("path", ["scan", "grid", "explain", "why-not"])
@pytest.mark.parametrize("known_at", ["2024-01-02", "2024-01-02T00:00:00"])
def test_an_instant_without_a_zone_is_told_to_write_it(client, path, known_at):
    symbol = {"symbol": "X"} if path in {"explain", "why-not"} else {}
    told = problem(post(client, path, {"known_at": known_at} | symbol), 422)["detail"]
    assert "write one, such as 2024-01-02T00:00:00Z" in told


def test_values_of_the_right_kind_are_still_taken(client, store):
    newest = store.require().last
    asked = {"where": "close > $low", "params": {"low": 1}, "top": 3, "as_of": str(newest),
             "known_at": None, "plan": {"risk": 0.02, "account": 50_000}}  # fmt: skip
    assert len(post(client, "scan", asked).json()["rows"]) == 3
    known = datetime.now(UTC).isoformat()
    assert post(client, "scan", {"known_at": known}).is_success


@pytest.mark.parametrize("as_of", ["0", "20240102", "2026-W47"])
def test_days_in_addresses_are_written_as_those_in_bodies(client, as_of):
    told = problem(client.get("/api/v1/coverage", params={"as_of": as_of}), 422)
    assert "write it as 2026-11-20" in told["detail"]


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"top": NaN}', "application/json", 400),
        (b'{"top": 1, "top": 2}', "application/json", 400),
        (b'{"where": "\xff"}', "application/json", 400),
        (b'{"top" :1,"top":2,"where":"close > 1"}', "application/json", 400),
        (b"[" * 40 + b"]" * 40, "application/json", 400),
        (b"[" * 1_000 + b"]" * 1_000, "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "multipart/form-data; boundary=x", 415),
        (b" " * (1 << 20) + b"{}", "application/json", 413),
    ],
)
def test_bodies_are_strict_json_of_a_bearable_size(client, content, kind, status):
    answer = client.post("/api/v1/scan", content=content, headers={"Content-Type": kind})
    problem(answer, status)


def test_a_body_that_hides_its_length_is_cut_off(client):
    def endless():
        for _ in range(40):
            yield b" " * 65_536

    answer = client.post(
        "/api/v1/scan", content=endless(), headers={"Content-Type": "application/json"}
    )
    problem(answer, 413)


def test_only_our_own_name_is_answered(client):
    for host in ("evil.example", "127.0.0.1", "localhost:1", "127.0.0.1.evil.example"):
        problem(client.get("/healthz", headers={"Host": host}), 421)


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
     {"Sec-Fetch-Site": "same-site"}],
)  # fmt: skip
def test_other_pages_change_nothing(client, headers):
    problem(post(client, "scan", ASKED, headers=headers), 403)
    problem(client.delete("/api/v1/scans/x", headers=headers), 403)
    assert post(
        client, "scan", ASKED, headers={"Origin": str(client.base_url).rstrip("/")}
    ).is_success


def test_every_answer_carries_the_policy_and_is_not_kept(client):
    for path in ("/", "/healthz", "/api/v1/about", "/nosuch"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "no-" in headers["cache-control"]
        assert "server" not in headers


def test_reading_routes_read_with_get_only(client):
    for path in ("/api/v1/coverage", "/metrics", "/api/v1/operations"):
        answer = client.post(path, json={})
        problem(answer, 405)
        assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("text/*", "text/csv"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "application/json"),
        ("application/json;q=0.5, text/csv", "text/csv"),
        ("text/csv, application/json", "text/csv"),
        ("application/json; charset=utf-8", "application/json"),
        ("application/json;q=0, text/csv;q=0.1", "text/csv"),
        ("*/*, application/json;q=0", "application/vnd.apache.arrow.stream"),
        ("application/json, */*;q=0", "application/json"),
        ("application/json;q=0", None),
        ("*/*;q=0.000", None),
        ("text/html", None),
    ],
)
def test_the_form_is_the_one_that_is_accepted_most_gladly(client, accept, given):
    answer = post(client, "scan", ASKED, headers={"Accept": accept})
    if given is None:
        problem(answer, 406)
    else:
        assert answer.headers["content-type"].startswith(given)


def test_no_error_tells_where_our_files_lie(client, store, settings):
    first, folder = store.require().first, str(store.folder.parent)
    broken = settings.scans / "broken.toml"
    broken.parent.mkdir(parents=True, exist_ok=True)
    broken.write_text("where = (((", encoding="utf-8")
    try:
        answers = [
            post(client, "diff", {"after": str(first)}),
            post(client, "scan", {"preset": "broken"}),
            client.get("/api/v1/scans"),
            client.get("/api/v1/scans/broken"),
            client.get("/api/v1/today"),
        ]
    finally:
        broken.unlink()
    assert "is its first session" in problem(answers[0], 404)["detail"]
    problem(answers[1], 422)
    for answer in answers:
        assert folder not in answer.text
        assert str(settings.scans.parent) not in answer.text


def test_the_error_of_a_job_is_one_line_without_a_folder(tmp_path, settings, kernels):
    market = simulate(seed=4, size=10, sessions=20)  # too few to look 21 ahead
    small = FileStore(tmp_path / "store")
    small.import_bars(market.bars, simulated=market.about)
    with served(small, settings=settings) as client:
        job = wait(client, post(client, "evaluate", {"columns": ["ret(5)"]}).json(), "failed")
    assert "too few" in job["error"]
    assert "\n" not in job["error"]
    assert str(tmp_path) not in job["error"]


@pytest.mark.parametrize(
    "body", [{"x" * 10_000: 1}, {"params": {"x" * 10_000: 1}}, {"preset": "x" * 10_000}]
)
def test_an_error_quotes_no_more_than_the_beginning(client, body):
    assert len(problem(post(client, "scan", body), 422)["detail"]) < 400


# -- keys


def test_with_keys_nothing_is_answered_without_one(store, settings):
    now, catalog = datetime.now(UTC), store.catalog
    keys = {
        scope: create_key(catalog, f"k-{scope}", scope, 1, now)
        for scope in ("read", "scan", "admin")
    }
    with served(store, keyed=True, settings=settings) as client:
        head = {scope: {"Authorization": f"Bearer {key}"} for scope, key in keys.items()}
        assert client.get("/healthz").is_success
        assert client.get("/").is_success
        assert problem(client.get("/api/v1/about"), 401)
        assert client.get("/api/v1/about").headers["www-authenticate"] == "Bearer"
        problem(client.get("/metrics"), 401)
        problem(client.get(f"/api/v1/about?key={keys['admin']}"), 401)
        assert client.get("/api/v1/about", headers=head["read"]).is_success
        problem(post(client, "scan", ASKED, headers=head["read"]), 403)
        assert post(client, "scan", ASKED, headers=head["scan"]).is_success
        problem(client.put("/api/v1/scans/x", json=ASKED, headers=head["scan"]), 403)
        assert client.put("/api/v1/scans/x", json=ASKED, headers=head["admin"]).is_success
        assert client.delete("/api/v1/scans/x", headers=head["admin"]).status_code == 204
        revoke_key(catalog, "k-scan", now)
        sleep(5.2)  # a key is remembered for five seconds
        problem(post(client, "scan", ASKED, headers=head["scan"]), 401)
        job = post(
            client, "ranks", {"symbol": listed_symbol(client), "sessions": 3}, headers=head["admin"]
        ).json()
        problem(client.get(f"/api/v1/jobs/{job['id']}", headers=head["read"]), 404)


def test_a_session_of_a_page_begins_with_a_key_and_ends(store, settings):
    key = create_key(store.catalog, "page", "scan", None, datetime.now(UTC))
    with served(store, keyed=True, settings=settings) as client:
        answer = client.post("/login", json={"key": key})
        cookie = answer.headers["set-cookie"]
        for word in ("__Host-technic=", "HttpOnly", "Secure", "SameSite=strict", "Path=/"):
            assert word in cookie
        head = {"Cookie": cookie.partition(";")[0]}
        assert client.get("/api/v1/about", headers=head).is_success
        assert client.post("/logout", headers=head).status_code == 204
        problem(client.get("/api/v1/about", headers=head), 401)
        for _ in range(8):
            last = client.post("/login", json={"key": "tk_wrong"})
        assert problem(last, 429)
        assert int(last.headers["retry-after"]) > 0


def test_a_key_is_kept_as_a_digest_and_shown_to_nobody(store):
    key = create_key(store.catalog, "hidden", "read", None, datetime.now(UTC))
    assert key.encode() not in (store.folder / "catalog.sqlite").read_bytes()


def test_a_key_that_asks_too_fast_is_told_to_wait(store, settings, monkeypatch):
    monkeypatch.setattr("technic.interfaces.http.middleware.RATE", 1.0)  # however slow this is
    key = create_key(store.catalog, "fast", "read", None, datetime.now(UTC))
    head = {"Authorization": f"Bearer {key}"}
    with served(store, keyed=True, settings=settings) as client:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: client.get("/healthz", headers=head), range(240)))
    codes = {answer.status_code for answer in answers}
    assert codes == {200, 429}
    assert all(a.headers["retry-after"] for a in answers if a.status_code == 429)


def test_the_gate_turns_away_what_it_cannot_hold(store, settings, monkeypatch):
    """All places taken: two wait, the next is told at once, the two when they lose patience."""
    free = Event()

    def held(*given, **options):
        assert free.wait(20)
        return diff(*given, **options)

    monkeypatch.setattr("technic.interfaces.http.routes_scans.diff", held)
    with served(store, settings=settings) as client, ThreadPoolExecutor(32) as pool:
        gate = client.hub.gate
        gate.most_waiting, gate.patience = 2, 60.0
        working = [pool.submit(post, client, "diff", ASKED) for _ in range(gate.workers)]
        until(lambda: gate.working == gate.workers)
        gate.patience = 2.0
        waiting = [pool.submit(post, client, "diff", ASKED) for _ in range(2)]
        until(lambda: gate.waiting == 2)
        turned = [post(client, "diff", ASKED)] + [one.result() for one in waiting]
        for answer in turned:
            problem(answer, 503)
            assert int(answer.headers["retry-after"]) > 0
        assert client.get("/healthz").is_success  # which asks for no place
        free.set()
        assert all(one.result().is_success for one in working)
        assert gate.turned_away == 3
        assert post(client, "diff", ASKED).is_success


def until(true, seconds=10.0):
    end = monotonic() + seconds
    while not true():
        assert monotonic() < end
        sleep(0.01)


# -- signs


def test_signs_of_life_and_metrics(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}
    client.post("/api/v1/scan", json={"rank": "ret(7)"})
    text = client.get("/metrics").text
    for name in ("technic_request_seconds_bucket", "technic_stage_seconds_bucket", "technic_cache_hits_total",
                 "technic_store_version", "technic_process_resident_bytes", "technic_scans_total"):  # fmt: skip
        assert name in text
    found = client.get("/api/v1/operations").json()
    assert found["scans"]["count"] > 0
    assert found["scans"]["stages"]["features"]["p50_ms"] >= 0


def test_measures_are_kept_of_a_minute_and_not_of_a_start(tmp_path, settings, monkeypatch):
    store, market = FileStore(tmp_path / "store"), simulate(seed=6, size=20, sessions=40)
    store.import_bars(market.bars, simulated=market.about)
    monkeypatch.setattr("technic.interfaces.http.state.KEPT", 4.0)
    with served(store, settings=settings) as client:
        assert client.get("/api/v1/operations/history").json()["rss_mb"] == []
        until(lambda: client.get("/api/v1/operations/history").json()["rss_mb"])


def test_an_empty_store_is_alive_and_not_ready(tmp_path, settings):
    with served(FileStore(tmp_path / "none"), settings=settings) as client:
        assert client.get("/healthz").is_success
        answer = client.get("/readyz")
        problem(answer, 503)
        assert answer.headers["retry-after"]
        problem(post(client, "scan", ASKED), 404)


def test_the_pages_are_ours_and_name_nobody_else(client):
    version, found = static.assets()
    text = client.get("/").text
    assert f"/assets/{version}/main.js" in text
    for name, page in found.items():
        if name != "index.html":
            answer = client.get(f"/assets/{version}/{name}")
            assert answer.content == page.body
            assert "immutable" in answer.headers["cache-control"]
        told = re.findall(rb"https?://[\w.-]+", page.body)
        assert set(told) <= {b"http://www.w3.org"}, name
        for forbidden in (
            b"innerHTML",
            b"insertAdjacentHTML",
            b"document.write",
            b"eval(",
            b"outerHTML",
        ):
            assert forbidden not in page.body, name
    problem(client.get(f"/assets/{version}/nosuch.js"), 404)
    problem(client.get("/assets/old/main.js"), 404)
    problem(client.get(f"/assets/{version}/..%2f..%2fapp.py"), 404)


def test_the_description_names_every_route_and_answers_fit_it(client):
    found = client.get("/api/v1/openapi.json").json()
    assert {"/api/v1/scan", "/api/v1/grid", "/api/v1/jobs/{number}", "/metrics"} <= set(
        found["paths"]
    )
    for path in found["paths"].values():
        for about in path.values():
            assert about["description"]
            for status, response in about["responses"].items():
                if int(status) >= 400:
                    assert list(response["content"]) == ["application/problem+json"]


def test_a_question_over_http_is_the_scan_file_it_stands_for(settings):
    made = ScanRequest(preset="momentum-leaders", top=5, missing="zero_weight").file(settings)
    base = ScanFile.preset("momentum-leaders")
    assert (made.where, made.rank, made.top, made.missing) == (
        base.where,
        base.rank,
        5,
        "zero_weight",
    )
    assert ScanRequest(rank="ret(5)").file(settings).name == "everything by ret(5)"


def test_a_scan_is_watched_while_the_market_trades_and_its_looks_are_pushed(tmp_path, settings):
    from contextlib import contextmanager
    from datetime import timedelta

    from support.vendors import at_evening, run_sync, tape, vendor
    from technic.market.sessions import nyse
    from technic.operations.feed import Snapshots

    with vendor(tape(3, 60, 40)) as (twin, source, _):
        at_evening(twin, 30)
        store = FileStore(tmp_path / "store")
        run_sync(store, twin, source)
        opens = nyse().opens(nyse().ordinal(twin.tape.sessions[31]))
        twin.clock.set(opens + timedelta(minutes=90))

        @contextmanager
        def feed():
            yield Snapshots(source, twin.clock.now)

        with served(store, settings=settings, feed=feed) as client:
            assert client.get("/api/v1/about").json()["can_watch"]
            client.put("/api/v1/scans/live", json={"rank": "ret(5)", "top": 10})
            with client.stream("GET", "/api/v1/events") as answer:
                assert post(client, "watches", {"scan": "live", "every": 5}).is_success
                kind = ""
                for line in answer.iter_lines():
                    kind = line[7:] if line.startswith("event: ") else kind
                    if kind == "glance" and line.startswith("data: "):
                        glance = orjson.loads(line[6:])
                        break
            assert glance["state"] == "trading"
            assert glance["as_of"] == str(twin.tape.sessions[31])
            assert len(glance["rows"]) == 10
            assert client.get("/api/v1/watches").json()[0]["name"] == "live"
            problem(post(client, "watches", {"scan": "nosuch"}), 422)
            assert client.delete("/api/v1/watches/live").status_code == 204
            problem(client.delete("/api/v1/watches/live"), 404)
            client.delete("/api/v1/scans/live")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("serve", "--host", "0.0.0.0"), "--host 0.0.0.0:"),
        (("serve", "--watch", "nosuch"), "no scan is saved"),
        (("keys", "create", "Bad Name"), "small letters"),
        (("keys", "create", "x", "--scope", "root"), "there are read, scan, admin"),
        (("alerts", "add", "desk", "http://x.example"), "https://"),
        (("alerts", "test", "desk"), "no such channel"),
        (("diff", "nosuch"), "no scan is saved"),
        (("schedule", "vms"), "there are cron"),
        (("schedule", "--at", "25:00"), "time of day"),
        (("watch", "momentum-leaders", "--every", "soon"), "length of time"),
        (("scan", "--alert", "desk"), "--save"),
    ],
)
def test_commands_that_cannot_be_done_say_why(tmp_path, store, settings, arguments, says):
    import os

    env = {
        k: v for k, v in os.environ.items() if not k.startswith(("TECHNIC", "MASSIVE", "POLYGON"))
    }
    home = settings.given["home"].value
    place = tmp_path / "s" if "keys" in arguments else store.folder
    own = {**env, "TECHNIC_HOME": home, "TECHNIC_STORE": str(place)}
    done = run_command(arguments, own, tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_schedules_name_the_loop_and_new_york(tmp_path):
    from technic.interfaces.cli.schedules import SYSTEMS, schedule_for

    for system in SYSTEMS:
        text = schedule_for(system, 20, 30)
        assert "daily" in text
    assert "CRON_TZ=America/New_York" in schedule_for("cron", 20, 30)
    assert "30 20 * * 1-5" in schedule_for("cron", 20, 30)
    assert "20:30:00 America/New_York" in schedule_for("systemd", 20, 30)


def test_other_machines_are_let_in_only_with_keys_and_over_https(tmp_path, kernels, monkeypatch):
    from technic.errors import ConfigError
    from technic.interfaces.cli import options, serve

    market = simulate(seed=1, size=20, sessions=40)
    fresh = FileStore(tmp_path / "store")
    fresh.import_bars(market.bars, simulated=market.about)
    desk = options.Desk(str(fresh.folder), Settings.load(), "", "")
    secure = serve.ListenOptions("0.0.0.0", 8600, ["scans.example.com"], behind_tls=True)
    with pytest.raises(ConfigError, match="only with keys"):
        serve.check_listening(desk, secure)
    create_key(fresh.catalog, "one", "read", 1, datetime.now(UTC))
    with pytest.raises(ConfigError, match="in the clear"):
        serve.check_listening(desk, serve.ListenOptions("0.0.0.0"))
    serve.check_listening(desk, secure)
    serve.check_listening(desk, serve.ListenOptions("127.0.0.1"))
    exposed = serve.exposure_of(secure)
    assert exposed.keyed
    assert "scans.example.com" in exposed.hosts
    assert exposed.origins == {f"https://{host}" for host in exposed.hosts}
