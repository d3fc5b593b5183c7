"""Vendors that misbehave: transport, answers, rows; and what their own clients make of it."""

from __future__ import annotations

import logging
import tempfile
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import polars as pl

from technic.data.ingest import open_store
from technic.data.ingest.planning import Wish
from technic.data.ingest.sync import SyncRequest, sync
from technic.data.providers.http import Endpoint, Http, Manners
from technic.data.providers.massive import HOSTS, Massive
from technic.data.providers.source import Ask
from technic.data.simulated.answer_faults import ANSWERS
from technic.data.simulated.dialect import Request
from technic.data.simulated.faults import TRANSPORT, Fault, FaultPlan, Rule, afflict, chaos
from technic.data.simulated.massive_api import answer
from technic.data.simulated.publications import evening
from technic.data.simulated.row_faults import ROWS, UNDETECTABLE
from technic.data.simulated.server import serving
from technic.data.simulated.tape import record
from technic.data.simulated.twin import Twin
from technic.data.store.tickers import eras
from technic.errors import PageError, ProviderError, TechnicError, counted

FAST = Manners(deadline=0.8, attempts=9, total=30.0, wait=0.005, wait_most=0.03)
SIMULATED = {"vendor": "the twin"}


def checks_transport(tier: int, seed: int):
    tape = record(3, 60, 30)
    seeds = 200 if tier == 2 else 12
    failed, asked, wasted = 0, 0, 0
    clean = synced(tape, [14], FaultPlan())[0]
    for k in range(seeds):
        plan = chaos(seed * 1000 + k, 0.2, (*TRANSPORT, *ANSWERS))
        got, calls = synced(tape, [14], plan)
        failed += got != clean
        asked += len(calls)
    yield (
        "chaos sync, transport and answers, 20 % of requests: stores that differ",
        failed,
        seeds,
        f"{asked:,} calls",
    )
    tally = [0, 0]
    for k in range(max(seeds // 10, 8)):
        _, calls = synced(tape, [14], chaos(seed * 77 + k, 0.05, (*TRANSPORT, *ANSWERS)))
        tally[0] += sum(c.outcome != "ok" for c in calls)
        tally[1] += len(calls)
    wasted = tally[0] / tally[1]
    yield (
        "calls wasted by retries at 5 % faults above 10 %",
        int(wasted > 0.10),
        1,
        f"{100 * wasted:.1f} % of {tally[1]:,}",
    )


def checks_rows(tier: int, seed: int):
    """Faulty nights, then healthy ones: the re-asks must heal what was not set aside."""
    tape = record(3, 80, 34)
    seeds = 200 if tier == 2 else 8
    clean = synced(tape, range(14, 26), FaultPlan(), view=newest)[0]
    failed, quarantined = 0, 0
    for k in range(seeds):
        got, _, store = synced(
            tape, range(14, 26), chaos(seed * 1000 + k, 0.2, tuple(ROWS)), view=newest,
            faulty=range(15, 20), keep=True,
        )  # fmt: skip
        failed += got != clean
        quarantined += sum(store.catalog.quarantined().values())
    yield (
        "chaos sync, faulty rows on five nights: stores not healed by the re-asks",
        failed,
        seeds,
        f"{quarantined:,} rows set aside",
    )


def checks_pages(tier: int, seed: int):
    """Bodies cut and garbled: never fewer rows than the vendor has, and no word of it."""
    tape = record(3, 60, 30)
    day, now = tape.sessions[-1], evening(tape.sessions[-1])
    ask = Ask("day", day, day)
    source = Massive(Http(Endpoint("massive", "http://127.0.0.1:1", {})))
    path = f"/v2/aggs/grouped/locale/us/market/stocks/{day}"
    request = Request(path, {"adjusted": "false"}, now)
    whole = answer(tape, request)
    rows = source.read(ask, [whole.body]).table.height
    names = ("truncated_json", "bad_json", "bom", "no_results", "null_results", "status_error",
             "count_mismatch", "empty200", "html200")  # fmt: skip
    count, silent = (100_000 if tier == 2 else 10_000), 0
    for k in range(count):
        body = afflict(whole, Fault(names[k % len(names)], seed * count + k), request).body
        if body == whole.body:
            continue
        try:
            source._bars_page(body, ask)
            silent += source.read(ask, [body]).table.height < rows
        except PageError:
            pass
    yield "pages silently truncated", silent, count, "; ".join(names)


def checks_matrix(tier: int, seed: int):
    """Every fault against a naive loop, the vendor's client and technic."""
    table = fault_matrix(seed)
    target = Path(__file__).parents[2] / "docs" / "explanation" / "faults.md"
    if tier == 2:
        target.write_text(matrix_page(target.read_text(encoding="utf-8"), table), encoding="utf-8")
    bad = [row for row in table if row[3].startswith("WRONG")]
    yield (
        "faults of one request that technic passes on as if healthy",
        len(bad),
        len(table),
        ", ".join(r[0] for r in bad),
    )


@contextmanager
def client(url, log=lambda _c: None, manners=FAST):
    source = Massive(
        Http(
            Endpoint("massive", url, {"Authorization": "Bearer k"}, hosts=HOSTS),
            log=log,
            manners=manners,
        )
    )
    try:
        yield source
    finally:
        source.close()


def synced(tape, nights, plan, view=None, faulty=None, keep=False):
    """A store synced on some evenings; its content, its calls."""
    nights = list(nights)
    view = view or content
    calls = []
    folder = tempfile.TemporaryDirectory(prefix="technic-chaos-")
    store = open_store(Path(folder.name) / "store")
    store._held = folder
    twin = Twin(tape, faults=plan)
    rules = plan.rules
    with serving(twin) as served, client(served.url, calls.append) as source:
        for night in nights:
            plan.rules = rules if faulty is None or night in faulty else ()
            twin.clock.set(evening(tape.sessions[night]) + timedelta(hours=1))
            for _ in range(8):
                try:
                    done = sync(
                        store,
                        SyncRequest(
                            {"massive": source},
                            Wish(tape.sessions[8], twin.clock.now()),
                            simulated=SIMULATED,
                        ),
                        clock=twin.clock.now,
                    )
                except TechnicError:
                    continue
                if not done.failed:
                    break
    plan.rules = rules
    found = view(store)
    return (found, calls, store) if keep else (found, calls)


def content(store):
    """Security, session, values, order of versions; securities by their names."""
    return _content(store, ["known_at"], None)


def newest(store):
    """Security, session and the newest values."""
    return _content(store, [], ["security", "session"])


def _content(store, drop, key):
    names = eras(store.table("tickers").collect()).sort("era")
    named = names.group_by("security_id").agg(security=pl.col("symbol").str.join("→"))
    bars = store.table("bars").collect().join(named, on="security_id")
    bars = bars.sort("security", "session", "known_at", maintain_order=True)
    if key:
        bars = bars.unique(key, keep="last", maintain_order=True)
    acts = store.table("actions").collect().join(named, on="security_id")
    acts = acts.sort("known_at", maintain_order=True).unique(
        ["security", "session", "kind"], keep="last", maintain_order=True
    )
    columns = ["security", "session", "open", "high", "low", "close", "volume", "vwap"]
    acts = acts.sort("security", "session", "kind").select("security", "session", "kind", "value")
    nothing = pl.when(pl.col("kind") == "split").then(1.0).otherwise(0.0)
    return bars.select(columns).rows(), acts.filter(pl.col("value") != nothing).rows()


def fault_matrix(seed):
    """Per fault: what a naive loop, the official client and technic return for paged bars."""
    import httpx2
    from massive import RESTClient

    tape = record(3, 60, 40)
    listing = next(
        i
        for i, l in enumerate(tape.listings)
        if l.since is None and l.until is None and len(l.eras) == 1
    )
    symbol = tape.listings[listing].eras[0].symbol
    first, last = tape.sessions[0], tape.sessions[-1]
    now = evening(last) + timedelta(hours=9)
    truth = [v[3] for v in tape.run_of(listing, first, last, now).values.tolist()]
    path = f"/v2/aggs/ticker/{symbol}/range/1/day/{first}/{last}"
    rows = []
    for name in (*TRANSPORT, *ANSWERS, *ROWS):
        results = []
        for who in ("naive", "official", "technic"):
            rule = Rule((name,), probability=1.0, attempts=1)
            twin = Twin(tape, faults=FaultPlan((rule,), seed), clock=now)
            with serving(twin) as served:
                try:
                    if who == "naive":
                        got, url = [], f"{served.url}{path}?adjusted=false&limit=12"
                        for _ in range(20):
                            page = httpx2.get(
                                url, headers={"Authorization": "Bearer k"}, timeout=1.0
                            ).json()
                            got += [bar.get("c") for bar in page.get("results") or []]
                            if not page.get("next_url"):
                                break
                            url = served.url + "/" + page["next_url"].split("/", 3)[3]
                    elif who == "official":
                        logging.getLogger("RESTClient").disabled = True
                        rest = RESTClient(
                            "k", base=served.url, read_timeout=1.0, connect_timeout=1.0, retries=1
                        )
                        got = []
                        for bar in rest.list_aggs(
                            symbol, 1, "day", first, last, adjusted=False, limit=12
                        ):
                            got.append(bar.close)
                            if len(got) > 500:
                                break
                    else:
                        with client(served.url) as source:
                            ask = Ask("run", first, last, (symbol,))
                            reading = source.read(ask, source.fetch(ask))
                            got = judged(reading.table, first, last)
                except Exception as error:  # noqa: BLE001 -- what they raise is what is reported
                    results.append(
                        f"error ({type(error).__name__})"
                        if not isinstance(error, ProviderError)
                        else "error, clear"
                    )
                    continue
            said = verdict(got, truth, who == "technic")
            if who == "technic" and name in UNDETECTABLE and said.startswith("WRONG"):
                said = "not visible in one answer; asking again heals it"
            results.append(said)
        rows.append((name, *results))
    return rows


def judged(table, first, last):
    """What technic would store: rows that its own examination passes."""
    from technic.data.ingest.merge import session_closes
    from technic.market.quality import examine

    inside = table.filter(pl.col("date").is_between(first, last).fill_null(value=True))
    dated = inside.with_columns(known_at=session_closes(inside), assumed=pl.lit(value=True))
    found = examine(dated)
    got = found.good.sort("date")["close"].to_list()
    return got, table.height - found.good.height - found.repeated


def verdict(got, truth, ours):
    aside = 0
    if ours:
        got, aside = got
    if got == truth:
        return "right"
    if aside and set(got) <= set(truth):
        return f"right but for {counted(aside, 'row')} set aside"
    lost = len(truth) - len(set(map(str, got)) & set(map(str, truth)))
    return (
        f"WRONG: {len(got)} bars for {len(truth)}"
        if len(got) != len(truth)
        else f"WRONG: {lost} values"
    )


MARK = "<!-- faults: written by make torture TIER=2 -->\n"
END = "<!-- /faults -->"


def matrix_page(page, table):
    """The page of faults with the table of vendors' faults made anew; the rest of it stays."""
    before, _, after = page.partition(MARK)
    head = "| fault | naive loop | official client | technic |\n|---|---|---|---|\n"
    rows = "".join(f"| `{a}` | {b} | {c} | {d} |\n" for a, b, c, d in table)
    return before + MARK + head + rows + END + after.partition(END)[2]


CHECKS = {
    "chaos": checks_transport,
    "rows": checks_rows,
    "pages": checks_pages,
    "matrix": checks_matrix,
}
