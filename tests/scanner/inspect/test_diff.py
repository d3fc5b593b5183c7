"""Differences say who came and went, and the ledger says why."""

from __future__ import annotations

import pytest

from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.errors import StoreError
from technic.runtime.settings import Settings
from technic.scanner.inspect.diff import diff, difference, session_before
from technic.scanner.inspect.grid import funnel_of, grid_of
from technic.scanner.pipeline import evaluate_question
from technic.scanner.scan import scan
from technic.scanner.spec.question import resolve_question
from technic.scanner.spec.scan_file import ScanFile

ASKED = ScanFile(name="d", where="close > sma(20) and rsi(14) < 70", rank="ret(10)", top=15)


@pytest.fixture(scope="module")
def store(tmp_path_factory, kernels):
    market = simulate(seed=8, size=120, sessions=80)
    made = FileStore(tmp_path_factory.mktemp("diff") / "store")
    made.import_bars(market.bars, simulated=market.about)
    made.import_listings(market.listings)
    return made


def test_entered_left_and_stayed_are_sets_of_symbols(store):
    found = diff(store, ASKED)
    day = session_before(store, found.after)
    old = {row.symbol: row.rank for row in scan(store, as_of=day, file=ASKED).shown}
    new = {row.symbol: row.rank for row in scan(store, file=ASKED).shown}
    assert {c.symbol for c in found.entered} == set(new) - set(old)
    assert {c.symbol for c in found.left} == set(old) - set(new)
    assert {(c.symbol, c.before, c.after) for c in found.stayed} == {
        (s, old[s], new[s]) for s in set(old) & set(new)
    }
    assert found.entered
    assert found.left


def test_the_reason_is_that_of_the_ledger(store):
    found = diff(store, ASKED)
    after = scan(store, file=ASKED)
    buckets = {row["symbol"]: (row["bucket"], row["detail"]) for row in after.ledger.to_dicts()}
    for change in found.left:
        bucket, detail = buckets[change.symbol]
        if bucket == "ranked":
            assert change.after is not None
            assert change.why == f"ranked {change.after}, below the 15 shown"
        else:
            assert detail in change.why


def test_a_crossing_turns_from_false_to_true(store):
    text = "ret(1) > 0"
    file = ScanFile(rank="dollar_volume(20)", top=60, columns=("close", text))
    day = session_before(store, store.panel().as_of)
    before, after = scan(store, as_of=day, file=file), scan(store, file=file)
    then, now = ({r.symbol: r.values[text] for r in report.shown} for report in (before, after))
    expected = {s for s in then.keys() & now.keys() if then[s] == 0.0 and now[s] == 1.0}
    assert {c.symbol for c in difference(before, after, [text]).crossed} == expected
    assert expected


def test_a_renamed_security_neither_leaves_nor_enters(store):
    from dataclasses import replace

    before = scan(store, file=ASKED)
    row = before.shown[0]
    names = tuple("NEW" if s == row.symbol else s for s in before.symbols)
    after = replace(before, symbols=names, shown=(replace(row, symbol="NEW"), *before.shown[1:]))
    found = difference(before, after)
    assert not found.changes
    assert found.stayed[0].why == f"was {row.symbol}"


def test_the_first_session_has_nothing_before_it(store):
    first = store.require().first
    with pytest.raises(StoreError, match="first session"):
        session_before(store, first)


def test_the_grid_is_the_ranking_and_the_funnel_ends_with_it(store):
    section = evaluate_question(store, resolve_question(ASKED), settings=Settings.load())
    report = scan(store, file=ASKED)
    grid, funnel = grid_of(section), funnel_of(section)
    assert grid["symbol"][:15] == [row.symbol for row in report.shown]
    assert len(grid["symbol"]) == report.n_ranked == funnel[-1]["left"]
    assert funnel[0]["left"] == report.ledger_book.total
    lefts = [step["left"] for step in funnel]
    assert lefts == sorted(lefts, reverse=True)
    filtered = report.ledger_book.details("filtered")
    by_text = {step["text"]: step for step in funnel if step["part"] == "question"}
    first = next(iter(by_text))
    before = next(s["left"] for k, s in enumerate(funnel) if funnel[k + 1]["text"] == first)
    assert before - by_text[first]["left"] >= filtered.get(first, 0)
