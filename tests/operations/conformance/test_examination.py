"""A vendor held against what is assumed of it: a twin that conforms, and twins that do not."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations
from random import Random

import orjson
import pytest

from support.vendors import FAST, at_evening, massive, record, vendor
from technic.data.providers.http import Endpoint, Http
from technic.data.providers.source import Pace
from technic.data.simulated.differences import DIFFERENCES
from technic.data.simulated.faults import FaultPlan, Rule
from technic.data.simulated.plans import VendorPlan
from technic.errors import AccessError, ProviderError
from technic.operations.conformance import alpaca, edgar
from technic.operations.conformance.archive import keep
from technic.operations.conformance.examination import examine, price, settled_session
from technic.operations.conformance.massive import TABLE
from technic.operations.conformance.table import Known
from technic.operations.conformance.verdicts import Examination, judge

# What each difference of a twin must be found as: by hand, from the words of both tables.
FOUND_AS = {
    "volume_as_text": "prices and volumes of bars are numbers",
    "no_vwap": "bars tell open, high, low, close, volume, vwap and stamp",
    "midnight_utc": "stamps of bars are of the session, in New York",
    "seconds": "stamps of bars are milliseconds",
    "newest_first": "a range goes up in time",
    "adjusted_always": "prices asked for as traded are not adjusted",
    "null_when_empty": "nothing is an answer without bars and with count 0",
    "short_next_url": "a full page names the next one at the vendor's, without a key",
    "other_status": "statuses are OK or DELAYED",
    "split_field": "splits have no other fields",
    "splits_inverted": "splits are new shares over old ones",
    "half_pages": "a page has as many rows as were asked for",
    "dividends_twice": "no dividend comes twice",
    "total_count": "count is the number of rows of the page",
    "other_types": "types of listings are known ones",
    "oldest_changes_first": "listings by change come newest first",
    "errors_as_200": "errors have the statuses of errors",
    "errors_as_html": "errors say why, in JSON",
}
# Of two that hide each other only one can be seen: adjusted prices show no split, and half a page
# that names no next one looks like the last.
HIDDEN = [{"adjusted_always", "splits_inverted"}, {"half_pages", "short_next_url"}]
TEN = (
    "volume_as_text", "no_vwap", "midnight_utc", "seconds", "newest_first", "adjusted_always",
    "null_when_empty", "other_status", "split_field", "dividends_twice",
)  # fmt: skip


@pytest.fixture(scope="module")
def made():
    with vendor(record(3, 300, 120)) as made:
        yield made


@pytest.fixture
def twin(made):
    twin, _, calls = made
    calls.clear()
    twin.faults = FaultPlan()
    at_evening(twin, -1)
    return twin


def examined(made, *names):
    """What is found in a twin with these differences."""
    twin, source, _ = made
    twin.faults = FaultPlan(differences=names)
    return examine(TABLE, source.http, Known(settled_session(twin.clock.now())))


def test_the_twin_conforms_and_everything_is_judged(made, twin):
    found = examined(made)
    assert found.differences == []
    assert found.unjudged == {}
    assert found.held == len(TABLE.assumptions)
    assert found.calls == len(made[2]) == len(TABLE.questions) == price(TABLE, Pace())[0]


def test_every_difference_of_the_twin_has_a_name_here():
    assert FOUND_AS.keys() == DIFFERENCES.keys()
    assert set(FOUND_AS.values()) <= {a.name for a in TABLE.assumptions}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_each_planted_difference_is_found_and_nothing_else(made, twin, name):
    (difference,) = examined(made, name).differences
    assert difference.assumed == FOUND_AS[name]
    assert difference.seen
    assert difference.breaks


def test_ten_planted_differences_are_found_as_ten(made, twin):
    found = examined(made, *TEN)
    assert sorted(d.assumed for d in found.differences) == sorted(FOUND_AS[n] for n in TEN)
    assert len(found.differences) == 10


def test_any_ten_are_found_as_those_ten(made, twin):
    rng = Random(9)
    drawn = [set(rng.sample(sorted(DIFFERENCES), 10)) for _ in range(12)]
    for names in [n for n in drawn if not any(pair <= n for pair in HIDDEN)]:
        found = examined(made, *names)
        assert {d.assumed for d in found.differences} == {FOUND_AS[n] for n in names}, names


def test_any_two_are_found_as_those_two(made, twin):
    pairs = [pair for pair in combinations(sorted(DIFFERENCES), 2) if set(pair) not in HIDDEN]
    for names in Random(4).sample(pairs, 12):
        found = examined(made, *names)
        assert {d.assumed for d in found.differences} == {FOUND_AS[n] for n in names}, names


@pytest.mark.parametrize(
    ("fault", "endpoint", "assumed"),
    [
        ("string_numbers", "/grouped/", "prices and volumes of bars are numbers"),
        ("count_mismatch", "/range/", "resultsCount is the number of bars"),
        ("foreign_next_url", "/tickers", "a full page names the next one"),
        ("http_500", "/news", "every question is answered"),
        ("html200", "/dividends", "answers are objects of JSON"),
        ("bad_gzip", "/dividends", "every question is answered"),
    ],
)
def test_faults_of_the_twin_are_differences_too(made, twin, fault, endpoint, assumed):
    twin.faults = FaultPlan((Rule((fault,), endpoint, attempts=99),), 5)
    found = examine(TABLE, made[1].http, Known(settled_session(twin.clock.now())))
    assert [d for d in found.differences if d.assumed.startswith(assumed)], found.differences


def test_what_a_plan_leaves_out_is_open_and_no_difference(made, twin):
    twin.plan = VendorPlan(snapshots=False)
    try:
        found = examined(made)
    finally:
        twin.plan = VendorPlan()
    assert found.differences == []
    (why,) = found.unjudged.values()
    assert why == "your key does not allow a snapshot (HTTP 403)"


def test_a_refused_key_ends_it_at_the_first_question(made, twin):
    twin.keys = ("another",)
    try:
        with pytest.raises(AccessError, match="nothing was judged"):
            examined(made)
    finally:
        twin.keys = ()
    assert len(made[2]) == 1


ODD = (None, True, -1, 1e300, "", "x", "\u202e", [], [[]], {}, {"a": []})


def altered(content, rng):
    """The same JSON with an odd value at some place in it."""
    if isinstance(content, dict) and content and rng.random() < 0.9:
        name = rng.choice(sorted(content))
        return {**content, name: altered(content[name], rng)}
    if isinstance(content, list) and content and rng.random() < 0.9:
        k = rng.randrange(len(content))
        return [*content[:k], altered(content[k], rng), *content[k + 1 :]]
    return rng.choice(ODD)


def test_odd_answers_are_differences_or_nothing_and_never_a_traceback(made, twin):
    known = Known(settled_session(twin.clock.now()))
    examine(TABLE, made[1].http, known)
    rng, told = Random(11), 0
    small = {n: r for n, r in known.replies.items() if len(r.body) < 20_000}
    for _ in range(400):
        name = rng.choice(sorted(small))
        reply = small[name]
        body = orjson.dumps(altered(reply.content, rng))
        odd = replace(reply, body=body)
        found = Examination("massive")
        judge(TABLE, Known(known.session, (), {**known.replies, name: odd}), found)
        assert found.held + len(found.differences) + len(found.unjudged) >= len(TABLE.assumptions)
        told += bool(found.differences)
    assert told > 100


def test_who_does_not_answer_is_no_conforming_vendor():
    with massive("http://127.0.0.1:9") as source, pytest.raises(ProviderError, match="no answer"):
        examine(TABLE, source.http, Known(settled_session(datetime(2026, 11, 20, 17, tzinfo=UTC))))


def test_answers_are_kept_short_and_without_keys(made, twin, tmp_path):
    secret = "canary-key"
    twin.faults = FaultPlan(differences=("short_next_url",))
    known = Known(settled_session(twin.clock.now()))
    found = examine(TABLE, made[1].http, known)
    first = known.replies["listings"]
    stained = first.body.replace(b"?cursor=", f"?apiKey={secret}&token=abc&cursor=".encode())
    known.replies["listings"] = type(first)(
        first.question, first.path, {"apiKey": secret}, 200, first.headers, stained
    )
    keep(found, known, tmp_path / "kept", [secret])
    text = found.kept.read_text()
    assert secret not in text
    assert "token=abc" not in text
    assert "token=•••" in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["question"] for line in lines[:-1]] == list(known.replies)
    assert lines[-1]["differences"][0]["assumed"] == FOUND_AS["short_next_url"]
    day = next(line for line in lines if line["question"] == "a day")["answer"]
    assert len(day["results"]) == 5
    assert day["results in all"] > 200
    assert len(text) < 60_000


def test_the_twin_of_alpaca_conforms(made, twin):
    http = Http(Endpoint("alpaca", twin.url, {"APCA-API-KEY-ID": "k"}), manners=FAST)
    symbols = sorted(s for s in twin.tape.symbols(twin.tape.sessions[-1]) if s)[:2]
    with closing(http):
        found = examine(
            alpaca.TABLE, http, Known(settled_session(twin.clock.now()), tuple(symbols))
        )
    assert found.differences == []
    assert found.held == len(alpaca.TABLE.assumptions), found.unjudged


def test_the_twin_of_edgar_conforms(made, twin):
    http = Http(Endpoint("edgar", twin.url, {"User-Agent": "technic a@b.org"}), manners=FAST)
    with closing(http):
        found = examine(edgar.TABLE, http, Known(settled_session(twin.clock.now())))
    assert found.differences == []
    assert found.held == len(edgar.TABLE.assumptions), found.unjudged
