"""Who is asked about: symbols as a user writes them, and those that nobody knows."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

import technic as tc
from technic.errors import TechnicError, UnknownSymbolError

DAYS = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"]


def bars(symbol, days=DAYS, price=10.0):
    price = [price + k / 100 for k in range(len(days))]
    prices = dict.fromkeys(("open", "high", "low", "close"), price)
    return pl.DataFrame({"symbol": [symbol] * len(days), "date": days, **prices, "volume": 1e6})


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = tc.open_store(tmp_path_factory.mktemp("asked") / "store")
    rows = [bars("ACME"), bars("BRK-B"), bars("ABRpD"), bars("ZVZZT"), bars("LATE", DAYS[2:])]
    store.import_bars(pl.concat(rows))
    return store


def asked(store, symbols, **more):
    report = tc.scan(store, rank="close", symbols=symbols, **more)
    return sorted(row.symbol for row in report.shown)


@pytest.mark.parametrize("text", ["brk-b", "BRK.B", "BRK/B", "BRK B", " brk.b "])
def test_a_symbol_is_meant_in_any_spelling(store, text):
    assert asked(store, ["acme", text], universe="all") == ["ACME", "BRK.B"]
    assert tc.explain(store, text, tc.ScanFile(rank="close")).symbol == "BRK.B"
    assert tc.why_not(store, text, tc.ScanFile(rank="close")).symbol == "BRK.B"


def test_a_symbol_that_nobody_knows_is_refused_by_scan_as_by_features(store):
    with pytest.raises(UnknownSymbolError, match=r"^ACMEE: no such .* did you mean ACME \?$"):
        asked(store, ["ACME", "ACMEE"])
    with pytest.raises(TechnicError, match=r"ACMEE is not listed .* did you mean ACME"):
        tc.explain(store, "ACMEE")


def test_a_symbol_that_is_listed_later_is_known_and_not_listed_yet(store):
    assert asked(store, ["ACME", "LATE"], as_of=date(2024, 1, 3)) == ["ACME"]
    assert asked(store, ["ACME", "LATE"]) == ["ACME", "LATE"]


def test_what_exchanges_test_with_is_in_no_universe_but_all(store):
    universes = ("all", "common", "coalesce(is_common, true)", "close > 0 and type != 'test'")
    ranked = {text: asked(store, None, universe=text) for text in universes}
    assert "ZVZZT" in ranked.pop("all")
    assert not any("ZVZZT" in symbols for symbols in ranked.values())
