"""A file of filings on its way into a store: what is kept, set aside, told, refused."""

from __future__ import annotations

import polars as pl
import pytest

import technic as tc
from technic.data.ingest import open_store
from technic.errors import SchemaError

DAYS = ["2024-02-09", "2024-02-12", "2024-02-13", "2024-02-14"]
BARS = pl.DataFrame({"symbol": ["ACME"] * 4, "date": DAYS, "open": 40.0, "high": 41.0, "low": 39.0,
                     "close": 40.0, "volume": 1e6})  # fmt: skip
ROW = {
    "symbol": "ACME", "as_of": "2024-02-12", "period_end": "2023-12-31", "form": "10-K",
    "period": "FY", "revenue": 880e6, "net_income": 88e6, "eps": 1.1, "equity": 410e6,
    "assets": 820e6, "shares": 80e6,
}  # fmt: skip


@pytest.fixture
def store(tmp_path):
    made = open_store(tmp_path / "store")
    made.import_bars(BARS)
    return made


def take(store, *rows, **more):
    return store.import_filings(pl.DataFrame([{**ROW, **row} for row in rows]), **more)


def known(store, name, as_of=None):
    (row,) = tc.scan(store, universe="all", rank="close", columns=[name], as_of=as_of).shown
    return row.values[name]


@pytest.mark.parametrize("currency", ["JPY", "eur", " GBP ", "CAD", "thousands"])
def test_amounts_in_another_currency_are_set_aside_and_counts_are_not(store, kernels, currency):
    taken = take(store, {"currency": currency})
    assert taken.quarantined == {"another_currency": 5}
    facts = store.table("facts").collect()
    assert facts["item"].to_list() == ["shares"]
    assert known(store, "ps") is None


@pytest.mark.parametrize("currency", ["USD", "usd", "US$", "$", "", None])
def test_dollars_are_dollars(store, currency):
    assert take(store, {"currency": currency}).quarantined == {}


@pytest.mark.parametrize(
    ("scale", "reason"), [(1e-3, "shares_contradict_profit"), (1e-6, "shares_impossible")]
)
def test_shares_in_thousands_are_caught_by_profit_and_earnings_per_share(store, scale, reason):
    taken = take(store, {"shares": 80e6 * scale})
    assert taken.quarantined == {reason: 1}
    assert "shares" not in store.table("facts").collect()["item"].to_list()


@pytest.mark.parametrize("profit", [-88e6, None])
def test_shares_in_millions_are_caught_without_a_profit_to_hold_them_against(store, profit):
    taken = take(store, {"shares": 80.0, "net_income": profit, "eps": None})
    assert taken.quarantined["shares_impossible"] == 1


def test_a_profit_in_thousands_is_caught_by_the_shares(store):
    taken = take(store, {"net_income": 88e3})
    assert taken.quarantined == {"shares_contradict_profit": 3}


@pytest.mark.parametrize("times", [10.0, 100.0])
@pytest.mark.parametrize("name", ["shares", "net_income", "eps"])
@pytest.mark.parametrize("up", [True, False])
def test_a_point_that_slipped_leaves_unknown_what_may_hold_it(store, kernels, name, times, up):
    """Shares, profit and earnings per share disagree by ten or a hundred: nobody says which is wrong."""
    row = {name: ROW[name] * times if up else ROW[name] / times}
    assert take(store, row).quarantined == {"shares_contradict_profit": 3}
    assert all(known(store, ratio) is None for ratio in ("ps", "pe", "market_cap"))


@pytest.mark.parametrize("shares", [11e6, 30e6, 79e6, 88e6, 300e6, 600e6])
def test_one_class_a_split_and_new_shares_are_no_slip(store, shares):
    assert take(store, {"shares": shares}).quarantined == {}


@pytest.mark.parametrize(
    "name",
    ["reportedCurrency", "Reported Currency", "reported_currency", "CCY", "currencyCode", "Unit", "ISO4217"],
)  # fmt: skip
def test_a_currency_is_a_currency_under_every_name(store, name):
    rows = pl.DataFrame([ROW]).with_columns(pl.lit("EUR").alias(name))
    assert store.import_filings(rows).quarantined == {"another_currency": 5}


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("Foreign Currency Translation Adjustments", -2.5), ("effectOfForeignCurrencyTranslation", 1e6),
        ("currencyId", 1), ("currency_gain", 3.0), ("unit", "ones"), ("units", "shares"), ("Unit", ""),
    ],
)  # fmt: skip
def test_what_only_speaks_of_currencies_or_counts_is_none(store, name, cell):
    rows = pl.DataFrame([ROW]).with_columns(pl.lit(cell).alias(name))
    assert store.import_filings(rows).quarantined == {}


@pytest.mark.parametrize("order", [("eps", "epsDiluted"), ("epsDiluted", "eps")])
def test_a_number_under_our_own_name_is_meant_first(store, order):
    rows = pl.DataFrame([ROW]).with_columns(epsDiluted=1.05).select(*order, *(set(ROW) - {"eps"}))
    store.import_filings(rows)
    assert store.table("facts").filter(pl.col("item") == "eps").collect()["value"].to_list() == [
        1.1
    ]


@pytest.mark.parametrize(("price", "reported"), [("USD", "EUR"), ("EUR", "USD"), (None, "EUR")])
def test_of_two_currencies_the_one_that_is_not_ours_counts(store, price, reported):
    taken = take(store, {"currency": price, "reportedCurrency": reported})
    assert taken.quarantined == {"another_currency": 5}


THOUSANDS = {
    name: ROW[name] / 1e3 for name in ("revenue", "net_income", "equity", "assets", "shares")
}


@pytest.mark.parametrize("count", ["told", "implied"])
def test_a_statement_in_thousands_is_caught_by_the_volume(store, count):
    """Profit over earnings per share agrees with its shares; a day's volume is twelve times both."""
    taken = take(store, {**THOUSANDS, **({} if count == "told" else {"shares": None})})
    assert taken.quarantined == {"in_thousands": 5 if count == "told" else 4}
    assert store.table("facts").collect()["item"].to_list() == ["eps"]
    assert len(taken.notes) == 1
    assert taken.notes[0].startswith(
        "ACME: the statement of 2023-12-31 is set aside: more than twice all"
    )
    assert sum(taken.numbers.values()) == 6 - (count == "implied")


def test_a_profit_alone_in_thousands_takes_no_other_number_with_it(store):
    taken = take(store, {"shares": None, "net_income": 88e3})
    assert taken.quarantined == {"in_thousands": 1}


def test_earnings_above_the_price_say_nothing_of_the_shares(store):
    assert take(store, {"shares": None, "eps": -500.0}).quarantined == {}


@pytest.mark.parametrize("volume", [1e3, 1e5, 4.9e6, 19e6])
def test_shares_of_which_fewer_are_traded_in_a_day_are_believed(tmp_path, volume):
    store = open_store(tmp_path / "store")
    store.import_bars(BARS.with_columns(volume=pl.lit(volume)))
    taken = take(store, {"shares": 20e6 if volume < 5e6 else 80e6})
    assert (taken.quarantined, taken.notes) == ({}, ())


def test_adjusted_volumes_are_no_evidence_against_old_statements(tmp_path):
    store = open_store(tmp_path / "store")
    store.import_bars(BARS.with_columns(volume=pl.lit(30e6)), "splits")
    assert take(store, {}).quarantined == {}
    old = BARS.with_columns(
        date=pl.Series(["2010-02-09", "2010-02-10", "2010-02-11", "2010-02-12"])
    )
    store.import_bars(old.with_columns(volume=pl.lit(900e6)), "splits")
    assert take(store, {"as_of": "2010-02-12", "period_end": "2009-12-31"}).quarantined == {}


@pytest.mark.parametrize("shares", [20e6, 80e6, 400e6])
def test_shares_that_differ_as_averages_do_are_believed(store, shares):
    assert take(store, {"shares": shares}).quarantined == {}


def test_a_stub_year_is_no_year(store, kernels):
    take(
        store,
        {"period_end": "2023-09-30", "as_of": "2023-12-05", "revenue": 900e6},
        {"form": "10-KT", "revenue": 200e6},
    )
    months = dict(
        store.table("facts").filter(pl.col("item") == "revenue").select("value", "months").collect().iter_rows()
    )  # fmt: skip
    assert months == {900e6: 12, 200e6: 3}
    assert known(store, "revenue_ttm") is None
    assert known(store, "revenue_q") == 200e6


def test_the_year_before_may_lie_in_the_store_already(store):
    take(store, {"period_end": "2023-09-30", "as_of": "2023-12-05", "revenue": 900e6})
    take(store, {"form": "10-KT", "revenue": 200e6})
    facts = store.table("facts").filter(pl.col("value") == 200e6).collect()
    assert facts["months"].to_list() == [3]


def test_a_transition_report_of_unknown_length_keeps_its_balances_alone(store):
    taken = take(store, {"form": "10-KT"})
    assert taken.quarantined == {"length_unclear": 3}
    assert set(store.table("facts").collect()["months"]) == {0}


@pytest.mark.parametrize("weeks", [(12, 12, 12, 16), (16, 12, 12, 12), (12, 12, 12, 17), (13, 13, 13, 13), (13, 13, 13, 14)])  # fmt: skip
def test_a_trailing_year_is_right_over_quarters_of_any_weeks(tmp_path, kernels, weeks):
    """Nine quarters and their years, told quarter by quarter; reference: the sum of the last four."""
    from datetime import date, timedelta

    store = open_store(tmp_path / "weeks")
    store.import_bars(BARS)
    end, rows, quarters = date(2021, 8, 29), [], []
    year = {"revenue": None, "form": "10-K", "period": "FY"}
    rows.append({**year, "revenue": 400e6, "period_end": end})
    for k in range(9):
        end += timedelta(days=7 * weeks[k % 4])
        quarters.append(1e6 * (50 + 7 * k))
        label = {"period": f"Q{k % 4 + 1}", "form": "10-Q", "revenue": quarters[-1]}
        if k % 4 == 3:
            label = {**year, "revenue": sum(quarters[-4:])}
        rows.append({**label, "period_end": end})
    filed = [{**ROW, **row, "as_of": row["period_end"] + timedelta(days=40), "net_income": None, "eps": None} for row in rows]  # fmt: skip
    store.import_filings(pl.DataFrame(filed, infer_schema_length=None))
    assert known(store, "revenue_q") == quarters[-1]
    assert known(store, "revenue_ttm") == pytest.approx(sum(quarters[-4:]))


@pytest.mark.parametrize("sums", [True, False])
def test_quarters_told_as_sums_are_quarters_once_the_year_shows_it(store, kernels, sums):
    quarters, ends = (
        [90e6, 110e6, 105e6, 130e6],
        ["2023-03-31", "2023-06-30", "2023-09-30", "2023-12-31"],
    )
    rows = [
        {
            "period_end": end, "form": "10-K" if k == 3 else "10-Q", "period": "FY" if k == 3 else f"Q{k + 1}",
            "as_of": "2024-02-12" if k == 3 else f"2023-{3 * k + 5:02}-08", "net_income": None, "eps": None,
            "revenue": sum(quarters[: k + 1]) if sums or k == 3 else quarters[k],
        }
        for k, end in enumerate(ends)
    ]  # fmt: skip
    taken = take(store, *rows)
    assert [line.split(":")[0] for line in taken.notes] == (["ACME"] if sums else [])
    assert (known(store, "revenue_q"), known(store, "revenue_ttm")) == (130e6, 435e6)
    months = store.table("facts").filter(pl.col("item") == "revenue").select("months").collect()
    assert sorted(months["months"]) == ([3, 6, 9, 12] if sums else [3, 3, 3, 12])


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([{"period_end": "the last day"}], "period_end cannot be read, such as 'the last day'"),
        ([{"as_of": "some day"}], "night unknown"),
        ([{"symbol": "*?*"}], "bad symbol"),
        ([dict.fromkeys(("revenue", "net_income", "eps", "equity", "assets", "shares"))], "it holds no number"),
    ],
)  # fmt: skip
def test_a_file_of_which_nothing_can_be_kept_is_refused_in_one_line(store, rows, why):
    before = store.version().number
    with pytest.raises(SchemaError, match=why) as refusal:
        take(store, *rows)
    assert "Nothing was imported" in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert store.version().number == before


def test_every_number_of_a_file_is_stored_known_or_set_aside(store):
    """Six numbers a row, one of them read only to hold another against, one that is no number."""
    rows = [
        {}, {}, {"symbol": "NOBODY"}, {"symbol": "??"}, {"currency": "EUR"},
        {"as_of": "2024-02-14", "revenue": 881e6}, {"as_of": "2024-02-14", "period_end": "soon"},
    ]  # fmt: skip
    text = [{name: str(value) for name, value in {**ROW, **row}.items()} for row in rows]
    frame = pl.DataFrame([{"currency": "", **row} for row in text]).with_columns(
        eps_basic=pl.lit("1.12"), cash=pl.lit("some")
    )
    taken = store.import_filings(frame)
    assert taken.numbers == {
        "new": 7, "known already": 6, "set aside": 20, "of unknown symbols": 7,
        "read to check others": 2, "repeated in the file": 7, "not read": 7,
    }  # fmt: skip
    assert sum(taken.numbers.values()) == 8 * len(rows)
    assert sum(taken.quarantined.values()) == taken.numbers["set aside"]
    assert taken.unreadable["cash"] == (7, "some")
    assert taken.strangers == ("NOBODY",)


def test_the_same_file_again_is_no_refusal(store):
    assert take(store, {}).facts == 6
    assert (take(store, {}).facts, take(store, {}).known) == (0, 6)


def test_a_restatement_counts_from_its_own_night(store, kernels):
    from datetime import date

    take(store, {}, {"as_of": "2024-02-14", "revenue": 870e6, "form": "10-K/A"})
    assert known(store, "revenue_ttm", date(2024, 2, 13)) == 880e6
    assert known(store, "revenue_ttm") == 870e6


@pytest.mark.parametrize("spelling", ["acme", " ACME ", "Acme"])
def test_symbols_of_filings_are_ours_in_every_spelling(store, spelling):
    assert take(store, {"symbol": spelling}).facts == 6


@pytest.mark.parametrize("symbol", ["brk-b", "BRK/B", "BRK B", " BRK.B "])
def test_a_filing_finds_its_security_in_any_spelling(tmp_path, symbol):
    store = tc.open_store(tmp_path / "classes")
    store.import_bars(BARS.with_columns(symbol=pl.lit("BRK.B")))
    taken = store.import_filings(pl.DataFrame([{**ROW, "symbol": symbol}]))
    assert (taken.symbols, taken.strangers) == (1, ())
