"""Pages are whole or they are failures; keys stay where they belong; nobody waits for ever."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from itertools import product

import pytest

from support.cases import mostly_slow
from support.vendors import tape, vendor
from technic.data.providers.allowance import Allowance
from technic.data.providers.http import Endpoint, Http
from technic.data.providers.massive import HOSTS, Massive
from technic.data.providers.source import Ask, Pace
from technic.data.simulated.answer_faults import ANSWERS
from technic.data.simulated.faults import TRANSPORT, FaultPlan, Rule
from technic.errors import AccessError, PageError, ProviderError


def day(market=None, back=2):
    session = (market or tape()).sessions[-back]
    return Ask("day", session, session)


def faulty(*names, attempts=1, **rule):
    return FaultPlan((Rule(names, attempts=attempts, **rule),), 7)


@pytest.mark.parametrize(
    ("name", "kind"),
    mostly_slow(
        product([*TRANSPORT, *ANSWERS], ["day", "tickers"]),
        daily=[*product([*TRANSPORT, *ANSWERS], ["day"]), ("trickle", "tickers")],
    ),
)
def test_a_struck_request_is_asked_again_and_then_right(name, kind):
    ask = day() if kind == "day" else Ask("tickers")
    with vendor() as (_, source, _):
        truth = source.read(ask, source.fetch(ask)).table
    with vendor(faults=faulty(name)) as (_, source, calls):
        got = source.read(ask, source.fetch(ask)).table
    assert got.equals(truth)
    assert sum(call.outcome != "ok" for call in calls) <= 2


def test_a_vendor_that_never_gets_well_is_one_clear_line():
    with vendor(faults=faulty("truncated_json", attempts=99)) as (_, source, calls):
        with pytest.raises(ProviderError, match="massive"):
            source.fetch(day())
    assert len(calls) == 6, "attempts are bounded"


@pytest.mark.parametrize(
    "name", mostly_slow(["hang_before", "hang_after", "trickle"], daily=["trickle"])
)
def test_a_deadline_is_wall_clock(name):
    with vendor(faults=faulty(name, attempts=99)) as (_, source, calls):
        with pytest.raises(ProviderError):
            source.fetch(day())
    assert max(call.ms for call in calls) < 1000.0 + 250.0, "a second, and a quarter beyond"


def test_two_threads_may_ask_at_once():
    """As a stream of minutes does while somebody looks at it."""
    from concurrent.futures import ThreadPoolExecutor

    with vendor() as (_, source, calls), ThreadPoolExecutor(4) as threads:
        tables = list(
            threads.map(lambda _: source.read(day(), source.fetch(day())).table, range(8))
        )
    assert all(table.equals(tables[0]) for table in tables)
    assert [call.outcome for call in calls] == ["ok"] * 8


def test_a_refused_key_fails_at_once_and_says_what_to_do():
    with vendor(keys=("another",)) as (_, source, calls):
        with pytest.raises(AccessError, match="technic init"):
            source.fetch(day())
    assert len(calls) == 1


def test_what_the_plan_lacks_is_not_asked_twice():
    market = tape()
    with vendor(plan="basic", clock=None) as (twin, source, calls):
        twin.clock.set(twin.clock.now().replace(year=2030))
        with pytest.raises(AccessError, match="timeframe"):
            source.fetch(Ask("day", market.sessions[0], market.sessions[0]))
    assert len(calls) == 1


def test_pages_never_lead_elsewhere():
    http = Http(Endpoint("massive", "http://127.0.0.1:1", {}, hosts=HOSTS))
    path, query = http.next_page("https://api.massive.com/v3/x?cursor=abc&apiKey=secret")
    assert (path, query) == ("/v3/x", {"cursor": "abc"})
    for bad in (
        "https://evil.example/v3/x", "http://api.massive.com/v3/x", "ftp://api.massive.com/x",
        "//evil.example/x", "https://api.massive.com.evil.example/x", "/v3/x", None, 7,
    ):  # fmt: skip
        with pytest.raises(PageError):
            http.next_page(bad)


def test_the_key_is_told_to_nobody(caplog, tmp_path):
    from technic.runtime.logs import set_up

    logger = logging.getLogger("technic")
    before = list(logger.handlers)
    logger.handlers.clear()
    try:
        set_up(tmp_path, ["canary-key"])
        logging.getLogger("technic.calls").warning("oops canary-key\nsecond line %s", "canary-key")
        with vendor(faults=faulty("http_500", attempts=99)) as (twin, source, calls):
            with pytest.raises(ProviderError) as raised:
                source.fetch(day())
        for handler in logger.handlers:
            handler.flush()
    finally:
        logger.handlers[:] = before
        logger.propagate = True
    text = "".join(p.read_text() for p in tmp_path.iterdir())
    assert "•••" in text
    assert "second line" in text.splitlines()[0], "one event is one line"
    told = [text, str(raised.value), repr(calls), repr(twin.requests), caplog.text]
    assert not any("canary-key" in part for part in told)


def test_an_allowance_is_shared_by_processes(tmp_path):
    path, pace = tmp_path / "rates.sqlite", Pace(4, 1.5)
    program = (
        "from technic.data.providers.allowance import Allowance; from technic.data.providers.source import Pace;"
        f"from pathlib import Path; a = Allowance(Pace(4, 1.5), Path({str(path)!r}), 'k');"
        "[a.take(20.0) for _ in range(4)]"
    )
    since = time.monotonic()
    workers = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(3)]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    taken = time.monotonic() - since
    assert taken >= 2 * 1.5 - 0.3, "twelve calls at four in a second and a half take three periods"
    assert Allowance(pace, path, "other").take(0.1) is not None, "another key has its own"


def test_whole_market_days_and_single_ranges_give_the_same_bars():
    market = tape(3, 160, 40)
    with vendor(market) as (_, source, _):
        days = {}
        for session in market.sessions[-25:]:
            table = source.read(ask := Ask("day", session, session), source.fetch(ask)).table
            days |= {(row[0], session): row[2:] for row in table.iter_rows()}
        symbols = sorted({symbol for symbol, _ in days})
        assert len(symbols) >= 100
        for count in (50, 100):
            for symbol in symbols[:count]:
                ask = Ask("run", market.sessions[-25], market.sessions[-1], (symbol,))
                table = source.read(ask, source.fetch(ask)).table
                alone = {(symbol, row[1]): row[2:] for row in table.iter_rows()}
                assert alone == {k: v for k, v in days.items() if k[0] == symbol}


def test_a_404_for_a_past_symbol_is_no_bars_not_an_error():
    with vendor() as (_, source, _):
        ask = Ask("run", tape().sessions[0], tape().sessions[-1], ("NOSUCH",))
        assert source.read(ask, source.fetch(ask)).table.is_empty()


def test_the_sources_name_what_they_need():
    for source in (Massive,):
        assert source.about.keys
        assert source.about.licence
