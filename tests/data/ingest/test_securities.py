"""What a vendor's listings say of securities, held against the bars there are."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from technic.data.ingest.securities import SecurityMap
from technic.data.providers.source import TICKER_COLUMNS
from technic.market.schema import LISTINGS, TICKERS

AT = datetime(2024, 3, 8, 2, tzinfo=UTC)


def knowing(*symbols):
    known = SecurityMap.of(pl.DataFrame(schema=TICKERS), pl.DataFrame(schema=LISTINGS), "test")
    days = {"symbol": list(symbols), "date": [date(2024, 1, 2)] * len(symbols)}
    known.identify(known.spelt(pl.DataFrame(days)))
    return known


def ended(symbol, until):
    row = (symbol, "Name", "CS", "XNAS", None, None, False, until, None)
    return pl.DataFrame([row], schema=TICKER_COLUMNS, orient="row")


@pytest.mark.parametrize(
    ("last", "open_again"), [(date(2024, 2, 1), False), (date(2024, 2, 9), False), (None, False), (date(2024, 3, 7), True)]
)  # fmt: skip
def test_a_listing_that_ended_closes_nobody_who_trades(last, open_again):
    known = knowing("ACME")
    known.learn(ended("ACME", date(2024, 2, 1)), AT, {1: last} if last else {})
    assert (known.eras["ACME"][0].until is None) is open_again
    assert any("trades until 2024-03-07" in note for note in known.notes) is open_again


def test_a_vendors_spelling_is_one_security_and_test_issues_are_known():
    known = knowing("BRK-B", "ZVZZT", "ABR$D")
    assert sorted(known.eras) == ["ABRpD", "BRK.B", "ZVZZT"]
    rows = pl.DataFrame({"symbol": ["BRK/B", "ABR PRD"], "date": [date(2024, 1, 3)] * 2})
    assert known.identify(known.spelt(rows))["security_id"].to_list() == [2, 1]
    row = ("ZVZZT", "Anything", "CS", "XNAS", None, None, True, None, date(2024, 1, 2))
    known.learn(pl.DataFrame([row], schema=TICKER_COLUMNS, orient="row"), AT, {})
    assert known.about[known.eras["ZVZZT"][0].security_id]["type"] == "test"
