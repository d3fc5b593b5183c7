"""Facts per share stay with the class at whose price they are plausible, or with none."""

from __future__ import annotations

import polars as pl
import pytest

from technic.data.ingest import open_store
from technic.market.symbols import canonical_symbol

A, B = 540_000.0, 350.0


def bars(prices):
    days = ["2023-05-16", "2023-05-17", "2023-05-18", "2023-05-19"]
    rows = [(symbol, day, p, p, p, p, 1e6) for symbol, p in prices.items() for day in days]
    return pl.DataFrame(rows, ["symbol", "date", "open", "high", "low", "close", "volume"], orient="row")  # fmt: skip


def filing(symbol, **numbers):
    return {
        "symbol": symbol, "as_of": "2023-05-18", "period_end": "2022-12-31", "form": "10-K",
        "period": "FY", "revenue": 364e9, "net_income": 96e9, "equity": 561e9,
        "assets": 1070e9, **numbers,
    }  # fmt: skip


@pytest.fixture
def imported(tmp_path):
    """What is stored of shares and earnings per share, by symbol, and what was set aside."""

    def go(prices, *filings, listings=None):
        store = open_store(tmp_path / "store")
        store.import_bars(bars(prices))
        if listings is not None:
            store.import_listings(pl.DataFrame(listings))
        taken = store.import_filings(pl.DataFrame(filings))
        names = store.table("tickers").collect().select("security_id", "symbol")
        facts = store.table("facts").collect().join(names, on="security_id")
        kept = facts.filter(pl.col("item").is_in(["eps", "shares", "dividend_per_share"]))
        return set(kept.select("symbol", "item").iter_rows()), taken.quarantined

    return go


OF_A = {"eps": 66_700.0, "shares": 1.44e6}
OF_B = {"eps": 44.5, "shares": 2.16e9}


@pytest.mark.parametrize(("first", "second"), [("BRK.A", "BRK.B"), ("BRK-A", "BRK-B"), ("XY", "XY.B"), ("BRK A", "BRK B")])  # fmt: skip
def test_facts_of_one_class_told_for_both_stay_where_the_price_allows(imported, first, second):
    kept, aside = imported({first: A, second: B}, filing(first, **OF_A), filing(second, **OF_A))
    ours = canonical_symbol(first)
    assert kept == {(ours, "eps"), (ours, "shares")}
    assert aside == {"another_class": 2}


def test_facts_of_the_other_class_told_for_both_stay_with_the_other(imported):
    kept, aside = imported({"BRK.A": A, "BRK.B": B}, filing("BRK.A", **OF_B), filing("BRK.B", **OF_B))  # fmt: skip
    assert kept == {("BRK.B", "eps"), ("BRK.B", "shares")}
    assert aside == {"another_class": 2}


def test_facts_told_class_by_class_stay(imported):
    kept, aside = imported({"BRK.A": A, "BRK.B": B}, filing("BRK.A", **OF_A), filing("BRK.B", **OF_B))  # fmt: skip
    assert len(kept) == 4
    assert aside == {}


def test_a_class_alone_in_the_file_is_held_against_the_other_in_the_store(imported):
    kept, aside = imported({"BRK.A": A, "BRK.B": B}, filing("BRK.B", **OF_A))
    assert kept == set()
    assert aside == {"another_class": 2}


def test_a_class_alone_in_the_store_cannot_earn_a_hundred_times_its_price(imported):
    kept, aside = imported({"BRK.B": B}, filing("BRK.B", eps=66_700.0))
    assert kept == set()
    assert aside == {"another_class": 1}


def test_classes_of_like_prices_share_their_facts(imported):
    both = {"eps": 4.5, "shares": 12.6e9, "net_income": 60e9}
    kept, aside = imported({"GOOG": 105.0, "GOOGL": 104.0}, filing("GOOG", **both), filing("GOOGL", **both))  # fmt: skip
    assert len(kept) == 4
    assert aside == {}


def test_one_company_is_known_by_its_number_whatever_its_symbols(imported):
    listings = {"symbol": ["AAA", "ZZZ"], "cik": ["9000002", "0009000002"]}
    kept, _ = imported({"AAA": A, "ZZZ": B}, filing("AAA", **OF_A), filing("ZZZ", **OF_A), listings=listings)  # fmt: skip
    assert {symbol for symbol, _ in kept} == {"AAA"}


@pytest.mark.parametrize("kind", ["preferred", "warrant", "unit", "right", "note"])
def test_what_is_no_share_has_no_facts_of_one_and_hides_none(imported, kind):
    listings = {"symbol": ["ABR", "ABR-D"], "type": ["common", kind]}
    both = {"eps": 0.4, "shares": 180e6, "net_income": 72e6, "equity": 2e9, "assets": 9e9, "revenue": 1e9}  # fmt: skip
    kept, _ = imported({"ABR": 2.0, "ABR-D": 25.0}, filing("ABR", **both), filing("ABR-D", **both), listings=listings)  # fmt: skip
    assert kept == {("ABR", "eps"), ("ABR", "shares")}


def test_an_unlisted_preferred_takes_nothing_from_the_common_share(imported):
    both = {"eps": 0.4, "shares": 180e6, "net_income": 72e6, "equity": 2e9, "assets": 9e9, "revenue": 1e9}  # fmt: skip
    kept, aside = imported({"ABR": 2.0, "ABR-PD": 25.0}, filing("ABR", **both))
    assert kept == {("ABR", "eps"), ("ABR", "shares")}
    assert aside == {}


def test_a_loss_of_many_times_the_price_is_believed(imported):
    """Prices of the failing fall faster than their books: nine dollars a share lost, at ten cents."""
    kept, aside = imported({"COAL": 0.1}, filing("COAL", eps=-9.0, net_income=-2e9, shares=222e6))
    assert kept == {("COAL", "eps"), ("COAL", "shares")}
    assert aside == {}


def test_facts_told_of_one_class_alone_are_not_doubted_for_another_that_stands_by(imported):
    both = {"eps": 0.4, "net_income": 72e6, "equity": 2e9, "assets": 9e9, "revenue": 1e9}
    kept, aside = imported({"FTR": 5.0, "FTR.B": 100.0}, filing("FTR", dividend_per_share=0.0, **both))  # fmt: skip
    assert kept == {("FTR", "eps"), ("FTR", "dividend_per_share")}
    assert aside == {}


def test_what_is_written_like_no_share_has_no_facts_of_one(imported):
    both = {"eps": 0.4, "shares": 180e6, "net_income": 72e6, "equity": 2e9, "assets": 9e9, "revenue": 1e9}  # fmt: skip
    kept, _ = imported({"ABR": 12.0, "ABR-PD": 25.0}, filing("ABR", **both), filing("ABR-PD", **both))  # fmt: skip
    assert kept == {("ABR", "eps"), ("ABR", "shares")}
