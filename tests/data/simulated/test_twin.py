"""The twin speaks the vendor's dialect: the vendor's own clients understand it."""

from __future__ import annotations

import json
from datetime import timedelta
from importlib import import_module

import httpx2
import pytest

from support.cases import mostly_slow
from support.vendors import at_evening, tape, vendor
from technic.data.simulated.answer_faults import ANSWERS
from technic.data.simulated.dialect import Request
from technic.data.simulated.faults import TRANSPORT, FaultPlan, Rule
from technic.data.simulated.massive_api import answer
from technic.data.simulated.publications import evening
from technic.data.simulated.replay import replay
from technic.data.simulated.row_faults import ROWS
from technic.data.simulated.server import serving
from technic.data.simulated.tape import record
from technic.data.simulated.twin import Twin

HEADERS = {"Authorization": "Bearer any"}


@pytest.fixture(scope="module")
def served():
    with vendor(record(3, 400, 60)) as (twin, _, _):
        yield twin


def old_symbol(market):
    """A symbol that was there all the time, under one name."""
    return next(
        x.eras[0].symbol
        for x in market.listings
        if x.since is None and x.until is None and len(x.eras) == 1 and x.type == "CS"
    )


@pytest.mark.parametrize("package", ["massive", "polygon"])
def test_the_official_clients_run_unmodified(served, package):
    client = import_module(package).RESTClient("any", base=served.url)
    market, day = served.tape, served.tape.sessions[-1]
    symbol = old_symbol(market)
    grouped = client.get_grouped_daily_aggs(day, adjusted=False)
    assert len(grouped) > 40
    assert all(bar.ticker and bar.open and bar.timestamp for bar in grouped)
    bars = list(client.list_aggs(symbol, 1, "day", market.sessions[0], day, limit=7))
    assert len(bars) >= 35, "pages are followed"
    assert len(list(client.list_tickers(market="stocks", limit=20))) > 40
    assert client.get_ticker_details(symbol).name
    assert client.get_previous_close_agg(symbol)[0].close == bars[-1].close
    assert client.get_daily_open_close_agg(symbol, day).close == bars[-1].close
    assert client.get_ticker_events(symbol).events
    assert client.get_market_status().market == "closed"
    assert any(day.exchange == "NYSE" for day in client.get_market_holidays())
    assert len(client.get_snapshot_all("stocks")) > 40
    assert client.get_snapshot_ticker("stocks", symbol).prev_day.close
    assert len(client.get_snapshot_direction("stocks", "gainers")) == 20
    assert list(client.list_dividends(limit=10))
    assert list(client.list_splits(limit=10))
    assert client.get_ticker_types()
    assert client.get_exchanges()
    assert next(client.list_ticker_news(symbol)).title


def test_the_newer_endpoints_too(served):
    client = import_module("massive").RESTClient("any", base=served.url)
    assert next(client.list_stocks_dividends(limit=5)).cash_amount > 0
    splits = list(client.list_stocks_splits(limit=5))
    assert splits
    assert all(split.historical_adjustment_factor > 0 for split in splits)
    statement = next(client.list_financials_income_statements(limit=3))
    assert statement.filing_date > statement.period_end
    assert next(client.list_financials_balance_sheets(limit=3)).total_assets
    assert next(client.list_financials_cash_flow_statements(limit=3)).period_end
    assert next(client.list_short_interest(limit=3)).short_interest


@pytest.mark.filterwarnings("ignore:websockets.legacy")  # the client's own import
def test_the_other_vendors_client_reads_its_bars(served):
    data = import_module("alpaca.data")
    client = data.StockHistoricalDataClient("key", "secret", url_override=served.url)
    names = [s for s in served.tape.symbols(served.tape.sessions[-1]) if s and s.isalpha()][:5]
    asked = data.StockBarsRequest(
        symbol_or_symbols=names,
        timeframe=data.TimeFrame.Day,
        start=served.tape.sessions[0].isoformat(),
        limit=None,
    )
    bars = client.get_stock_bars(asked)
    assert set(bars.data) <= set(names)
    assert sum(map(len, bars.data.values())) > 100


RECORDED = {
    "v2_aggs_grouped_locale_us_market_stocks_2005-04-04_adjusted_true.json": "/v2/aggs/grouped/locale/us/market/stocks/{day}",
    "v2_aggs_ticker_AAPL_range_1_day_2005-04-01_2005-04-04.json": "/v2/aggs/ticker/{symbol}/range/1/day/{first}/{day}",
    "v2_aggs_ticker_AAPL_prev.json": "/v2/aggs/ticker/{symbol}/prev",
    "v1_open-close_AAPL_2005-04-01_adjusted_true.json": "/v1/open-close/{symbol}/{day}",
    "v3_reference_splits.json": "/v3/reference/splits",
    "v3_reference_tickers.json": "/v3/reference/tickers?limit=2",
    "v3_reference_tickers_types.json": "/v3/reference/tickers/types",
    "vX_reference_tickers_META_events_types_ticker_change.json": "/vX/reference/tickers/{symbol}/events",
    "v1_marketstatus_now.json": "/v1/marketstatus/now",
    "v1_marketstatus_upcoming.json": "/v1/marketstatus/upcoming",
    "v2_snapshot_locale_us_markets_stocks_gainers.json": "/v2/snapshot/locale/us/markets/stocks/gainers",
}
# What the recorded answers have and the twin leaves out on purpose.
OMITTED = {"fmv", "lastQuote", "lastTrade", "T", "vw", "otc"}


@pytest.mark.parametrize("name", RECORDED)
def test_shapes_agree_key_by_key_with_recorded_answers(name, real_data):
    recorded = json.loads((real_data / "vendor/massive/rest" / name).read_bytes())
    market = record(3, 400, 60)
    day = market.sessions[-1]
    path, _, query = (
        RECORDED[name]
        .format(day=day, first=market.sessions[0], symbol=old_symbol(market))
        .partition("?")
    )
    asked = Request(path, dict(p.split("=") for p in query.split("&") if p), evening(day))
    given = json.loads(answer(market, asked).body)
    assert not (differences(recorded, given) - OMITTED)


def differences(recorded, given):
    """Keys of the recorded answer that ours lacks, or has as another kind of value."""
    if isinstance(recorded, list):
        if not recorded or not given:
            return set()
        theirs = {k for row in recorded if isinstance(row, dict) for k in row}
        every = [row for row in recorded if isinstance(row, dict)]
        always = {k for k in theirs if all(k in row for row in every)}
        return {k for k in always if not any(k in row for row in given)} | set().union(
            *(differences(recorded[0].get(k), given[0].get(k)) for k in always if k in given[0])
        )
    if not isinstance(recorded, dict):
        return set()
    found = {k for k in recorded if k not in given}
    for key in recorded.keys() & given.keys():
        kinds = {type(recorded[key]), type(given[key])}
        if len(kinds - {int, float}) > 1:
            found.add(key)
        found |= differences(recorded[key], given[key])
    return found


def test_same_seed_same_bytes():
    path = "/v3/reference/tickers"
    bodies = {answer(record(5, 50, 30), Request(path, {}, NOW)).body for _ in range(2)}
    assert len(bodies) == 1
    assert answer(record(6, 50, 30), Request(path, {}, NOW)).body not in bodies


NOW = evening(tape().sessions[-1])


def test_a_session_appears_in_parts_and_is_final_in_the_evening():
    market = tape()
    day = market.sessions[-1]
    path = f"/v2/aggs/grouped/locale/us/market/stocks/{day}"
    seen = []
    for hours in (-11.5, -8.0, -3.0, 0.0, 10.0):
        got = json.loads(
            answer(market, Request(path, {}, evening(day) + timedelta(hours=hours))).body
        )
        seen.append((got["status"], sum(r["v"] for r in got.get("results", []))))
    statuses, volumes = zip(*seen, strict=True)
    assert statuses == ("DELAYED", "DELAYED", "DELAYED", "OK", "OK")
    assert volumes[0] == 0 < volumes[1] < volumes[2] < volumes[3] == volumes[4]


def test_a_holiday_has_no_results_at_all():
    got = json.loads(
        answer(tape(), Request("/v2/aggs/grouped/locale/us/market/stocks/2026-10-18", {}, NOW)).body
    )
    assert got["resultsCount"] == 0
    assert "results" not in got


def test_adjustment_happens_when_asked_and_follows_the_clock():
    market = record(3, 400, 60)
    listing, ex, ratio = next(s for s in market.splits if market.sessions.index(s[1]) > 5)
    symbol, before = (
        market.listings[listing].symbol(ex),
        market.sessions[market.sessions.index(ex) - 3],
    )
    path = f"/v2/aggs/ticker/{symbol}/range/1/day/{before}/{before}"

    def close(adjusted, now):
        body = answer(market, Request(path, {"adjusted": adjusted}, now)).body
        return json.loads(body)["results"][0]["c"]

    assert close("true", evening(before)) == close("false", evening(before))
    assert close("true", evening(ex)) == pytest.approx(close("false", evening(ex)) / ratio)


def test_keys_and_plans_are_kept():
    with vendor(keys=("right",), plan="2/60") as (twin, _, _):
        get = lambda key: httpx2.get(  # noqa: E731
            f"{twin.url}/v1/marketstatus/now",
            headers={"Authorization": f"Bearer {key}"} if key else {},
        )
        assert get("").status_code == 401
        assert get("wrong").json()["error"] == "Unknown API Key"
        assert [get("right").status_code for _ in range(3)] == [200, 200, 429]
    with vendor(plan="basic") as (twin, _, _):
        today = twin.clock.now().date()
        answered = httpx2.get(
            f"{twin.url}/v2/aggs/grouped/locale/us/market/stocks/{today}", headers=HEADERS
        )
        assert answered.status_code == 403
        assert answered.json()["status"] == "NOT_AUTHORIZED"


def test_the_clock_is_set_on_a_second_port_with_its_token():
    with vendor() as (twin, _, _):
        url, token = f"{twin.served.control}/__sim/clock", twin.served.token
        at = {"now": "2026-11-18T21:00"}
        assert httpx2.post(url, json=at).status_code == 401
        said = httpx2.post(url, json=at, headers={"Authorization": f"Bearer {token}"}).json()
        assert said["now"] == "2026-11-19T02:00:00+00:00"
        httpx2.get(f"{twin.url}/v1/marketstatus/now", headers=HEADERS)
        told = httpx2.get(
            f"{twin.served.control}/__sim/requests", headers={"Authorization": f"Bearer {token}"}
        )
        assert told.json()["requests"][-1]["target"] == "/v1/marketstatus/now"


def test_flat_files_come_the_day_after_and_carry_a_tag():
    market = tape()
    day = market.sessions[-2]
    path = f"/flatfiles/us_stocks_sip/day_aggs_v1/{day:%Y/%m}/{day}.csv.gz"
    assert answer(market, Request(path, {}, evening(day))).status == 404
    got = answer(market, Request(path, {}, evening(day) + timedelta(hours=20)))
    assert got.status == 200
    again = Request(
        path, {"if-none-match": got.headers["ETag"]}, evening(day) + timedelta(hours=20)
    )
    assert answer(market, again).status == 304


@pytest.mark.parametrize(
    "name", mostly_slow([*TRANSPORT, *ANSWERS, *ROWS], daily=[*ANSWERS, *ROWS])
)
def test_every_fault_changes_what_a_client_sees(name):
    market = record(3, 60, 40)
    listing = next(i for i, x in enumerate(market.listings) if market.splits and x.until is None)
    if name == "corrupt_ticker":
        path, query = f"/v2/aggs/grouped/locale/us/market/stocks/{market.sessions[-1]}", {}
    elif "split" in name:
        path, query = "/stocks/v1/splits", {"limit": "50"}
        market = record(3, 900, 40)
    else:
        path = f"/v2/aggs/ticker/{market.listings[listing].eras[-1].symbol}/range/1/day/{market.sessions[0]}/{market.sessions[-1]}"
        query = {"limit": "9"}
        if name == "cursor_expired":
            first = json.loads(answer(market, Request(path, query, NOW)).body)["next_url"]
            query = {"cursor": first.split("cursor=")[1]}
    twin = Twin(
        market,
        faults=FaultPlan((Rule((name,), attempts=1),), 4),
        clock=evening(market.sessions[-1]),
    )
    seen = []
    with serving(twin) as served:
        for _ in range(2):
            try:
                got = httpx2.get(served.url + path, params=query, headers=HEADERS, timeout=0.3)
                seen.append((got.status_code, got.content, got.headers.get("retry-after")))
            except httpx2.HTTPError as error:
                seen.append(type(error).__name__)
    if name in {"slow_accept", "trickle"}:  # late, but whole for who waits without a deadline
        assert seen[1][0] == 200
        return
    assert seen[0] != seen[1], "the first request is struck, the second is not"
    assert seen[1][0] == 200


def test_a_real_file_is_replayed_with_its_revisions(real_data):
    market = replay(real_data / "bars/us_2015_2016_as_traded.parquet")
    assert len(market.listings) > 6_000
    rows = market.rows
    revised = rows.at(rows.published > rows.session)
    assert len(revised) > 10_000
    day = market.sessions[100]
    early, late = (
        market.bars_of(day, evening(day)),
        market.bars_of(day, evening(market.sessions[110])),
    )
    assert len(early) > 3_000
    assert early.values.tolist() != late.values.tolist()


def test_at_evening_is_after_the_publication():
    twin = Twin(tape())
    assert at_evening(twin, 10) > evening(twin.tape.sessions[10])
