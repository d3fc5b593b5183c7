"""Splits and dividends of vendors: from an answer's bytes to the actions table."""

from __future__ import annotations

from datetime import UTC, date, datetime

import orjson
import polars as pl
import pytest
from tests.support.vendors import massive

from technic.data.ingest import open_store
from technic.data.ingest.commit import Tally, ingest
from technic.data.ingest.inbox import Answered
from technic.data.providers.source import Ask
from technic.data.store.rows import newest_per
from technic.market.sessions import nyse

DAYS = [nyse().day(nyse().ordinal(date(2023, 10, 12)) + k) for k in range(10)]
EX = DAYS[4]
AT = datetime(2023, 11, 2, 23, tzinfo=UTC)
NAMES = {"SPLT": 196.0, "FRGN": 90.0, "TINY": 9.5}


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path / "market")


def bars(split=1.0):
    """Answers of one session each; SPLT falls by its split on the ex-date."""
    for day in DAYS:
        rows = []
        for name, price in NAMES.items():
            p = price / (split if name == "SPLT" and day >= EX else 1.0)
            stamp = int(datetime(day.year, day.month, day.day, 20, tzinfo=UTC).timestamp()) * 1000
            rows.append({"T": name, "t": stamp, "v": 1e6, "o": p, "h": p, "l": p, "c": p})
        page = {"status": "OK", "adjusted": False, "resultsCount": len(rows), "results": rows}
        yield Answered("massive", Ask("day", day, day), AT, [orjson.dumps(page)])


def told(kind, *rows):
    page = {"status": "OK", "results": list(rows)}
    return Answered("massive", Ask(kind, DAYS[0], DAYS[-1]), AT, [orjson.dumps(page)])


def dividend(ticker, cash, currency="USD", **more):
    return {"ticker": ticker, "cash_amount": cash, "currency": currency,
            "ex_dividend_date": str(EX), **more}  # fmt: skip


def taken(store, *answers, split=1.0):
    tally = Tally()
    with massive("http://127.0.0.1:1") as source:
        ingest(store, [*bars(split), *answers], {"massive": source}, tally, None)
    rows = newest_per(store.table("actions"), "security_id", "session", "kind").collect()
    names = store.table("tickers").select("security_id", "symbol").collect()
    held = rows.join(names, on="security_id").select("symbol", "kind", "value")
    return tally, {(symbol, kind): value for symbol, kind, value in held.iter_rows()}


def test_two_dividends_of_one_ex_date_add_up_and_yen_are_no_dollars(store):
    rows = (
        dividend("SPLT", 0.25, id="E1", dividend_type="CD"),
        dividend("SPLT", 1.5, id="E2", dividend_type="SC"),
        dividend("SPLT", 1.5, id="E2", dividend_type="SC"),
        dividend("FRGN", 84.0, "JPY", id="E3"),
        dividend("TINY", 165.0, id="E4"),
    )
    tally, held = taken(store, told("dividends", *rows))
    assert held == {("SPLT", "dividend"): 1.75}
    assert tally.quarantined == {"foreign_currency": 1, "dividend_too_large": 1}
    assert tally.repeated == 1
    assert any("FRGN: a dividend of 84" in note and "JPY" in note for note in tally.notes)
    assert any("TINY: a dividend of 165" in note for note in tally.notes)
    again, held = taken(store, told("dividends", *rows))
    assert held == {("SPLT", "dividend"): 1.75}
    assert again.actions == 0


def test_without_ids_the_kind_tells_two_dividends_apart(store):
    rows = (dividend("SPLT", 0.25, dividend_type="CD"), dividend("SPLT", 1.5, dividend_type="SC"))
    assert taken(store, told("dividends", *rows))[1] == {("SPLT", "dividend"): 1.75}


@pytest.mark.parametrize(
    ("low", "high", "shown", "held"),
    [(1, 4, 4.0, {("SPLT", "split"): 4.0}), (4, 1, 4.0, {}), (1, 4, 1.0, {}), (1, 40, 4.0, {})],
)
def test_a_split_is_held_against_the_prices_of_its_night(store, low, high, shown, held):
    row = {"ticker": "SPLT", "execution_date": str(EX), "split_from": low, "split_to": high}
    tally, found = taken(store, told("splits", row), split=shown)
    assert found == held
    assert tally.quarantined == ({} if held else {"split_contradicted": 1})


def test_what_has_no_day_or_no_number_is_counted(store):
    rows = (
        dividend("SPLT", 0.25) | {"ex_dividend_date": "soon"},
        dividend("SPLT", "0.25"),
        dividend(None, 0.25),
        dividend("SPLT", -1.0),
    )
    tally, held = taken(store, told("dividends", *rows))
    assert held == {}
    assert tally.quarantined == {"action_not_positive": 4}


def test_a_dividend_that_no_bar_came_with_is_kept(store):
    """The bars came with an earlier sync; this one only asks for dividends."""
    taken(store)
    tally = Tally()
    with massive("http://127.0.0.1:1") as source:
        answer = told("dividends", dividend("SPLT", 0.25, id="E1"))
        ingest(store, [answer], {"massive": source}, tally, None)
    assert tally.actions == 1
    assert store.table("actions").select(pl.col("value")).collect().item() == 0.25
