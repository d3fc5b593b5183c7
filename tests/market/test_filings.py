"""Which facts can be believed."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from technic.market.filings import cash_flow_months, examine_filings, months_of

NIGHT = datetime(2016, 5, 6, 3, 59, 59, tzinfo=UTC)


def fact(item, value, **more):
    row = {
        "symbol": "AAA", "form": "10-Q", "period": "Q1", "fiscal_year": 2016,
        "period_end": date(2016, 3, 31), "item": item, "months": 3, "value": value,
        "filed": date(2016, 5, 5), "known_at": NIGHT,
    }  # fmt: skip
    return {**row, **more}


def examined(*rows):
    good, bad = examine_filings(pl.DataFrame(rows))
    return good["item"].to_list(), dict(bad.select("item", "reason").iter_rows())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"fiscal_year": 1216}, "fiscal_year_impossible"),
        ({"period_end": date(2016, 5, 6)}, "period_after_filing"),
        ({"form": "10-K"}, "form_contradicts_period"),
        ({"period": "FY"}, "form_contradicts_period"),
        ({"period": "??"}, "period_unknown"),
        ({"value": float("inf")}, "not_a_number"),
    ],
)
def test_an_impossible_filing_is_set_aside(change, reason):
    assert examined({**fact("revenue", 5.0), **change}) == ([], {"revenue": reason})


def test_earnings_of_a_million_a_share_are_set_aside():
    assert examined(fact("eps", -1.367e6), fact("revenue", 9.0))[1] == {"eps": "eps_impossible"}


def test_profit_and_earnings_that_contradict_each_other_are_both_set_aside():
    good, bad = examined(
        fact("net_income", 0.93), fact("eps", 816.28), fact("assets", 5e9, months=0)
    )
    assert good == ["assets"]
    assert set(bad) == {"net_income", "eps"}


def test_diluted_earnings_may_differ_from_basic_ones_but_not_by_hundreds():
    assert examined(fact("eps", 262.57), fact("eps_basic", 0.38), fact("net_income", 2.6e7))[1].keys() == {"eps", "eps_basic"}  # fmt: skip
    assert not examined(fact("eps", -0.04), fact("eps_basic", 0.0), fact("net_income", -4e6))[1]


def test_a_part_larger_than_its_whole_is_set_aside_with_it():
    good, bad = examined(
        fact("assets", 10.0, months=0), fact("cash", 11.0, months=0), fact("equity", 3.0, months=0)
    )
    assert good == ["equity"]
    assert set(bad.values()) == {"part_exceeds_whole"}


def test_two_values_in_one_night_are_both_set_aside_and_one_told_twice_is_not():
    assert examined(fact("revenue", 1e6), fact("revenue", 2e6))[0] == []
    assert examined(fact("revenue", 1e6), fact("revenue", 1e6))[0] == ["revenue"]


def test_real_filings_lose_less_than_one_in_a_hundred(real_data):
    """Known answers on the real file: what is impossible there, and no more."""
    from technic.data.formats.filings import read_filings
    from technic.data.ingest.filing_files import CHECKS, _facts
    from technic.market.items import ITEMS

    read = read_filings(real_data / "filings/sec_facts_2015_2016.parquet", (*ITEMS, *CHECKS))
    nothing = pl.DataFrame(
        schema={
            "symbol": pl.String,
            "year_end": pl.Date,
            "year_known": read.table["known_at"].dtype,
        }
    )
    table = read.table.with_columns(sums=False)
    good, bad = examine_filings(_facts(table, nothing))
    reasons = dict(bad.group_by("reason").len().iter_rows())
    assert reasons["period_after_filing"] > 0
    assert reasons["fiscal_year_impossible"] > 0
    assert bad.height / (good.height + bad.height) < 0.01
    assert good["value"].is_finite().all()


@pytest.mark.parametrize(("alone", "months"), [(True, 3), (False, 6)])
def test_the_change_in_cash_tells_over_which_stretch_the_flows_run(alone, months):
    """Cash 100 at the year's end, 110 after one quarter, 125 after two."""
    flows = (9.0, 4.0, 2.0) if alone else (15.0, 6.0, 4.0)
    later = {"period": "Q2", "period_end": date(2016, 6, 30), "known_at": NIGHT.replace(month=8)}
    first = {"period_end": date(2015, 12, 31), "known_at": NIGHT.replace(month=2), "period": "FY"}
    rows = [
        fact("cash", 100.0, months=0, **first),
        fact("cash", 110.0, months=0),
        fact("cash", 125.0, months=0, **later),
        *(fact(f"cash_flow_{k}", v, **{**later, "months": 6})
          for k, v in zip(("op", "inv", "fin"), flows, strict=True)),
    ]  # fmt: skip
    flows = cash_flow_months(pl.DataFrame(rows)).filter(pl.col("item").str.starts_with("cash_flow"))
    assert flows["months"].unique().to_list() == [months]


def test_without_earlier_balances_flows_run_since_the_start_of_the_year():
    rows = [fact(f"cash_flow_{k}", 1.0, months=9, period="Q3") for k in ("op", "inv", "fin")]
    assert cash_flow_months(pl.DataFrame(rows))["months"].unique().to_list() == [9]


def test_stretches_by_kind_and_period():
    table = pl.DataFrame(
        {"kind": ["balance", "flow", "flow", "flow"], "cash": [False, False, True, True],
         "period": ["Q1", "Q3", "Q3", "FY"]}
    )  # fmt: skip
    stretches = table.select(months_of(pl.col("kind"), pl.col("cash"), pl.col("period")).alias("m"))
    assert stretches["m"].to_list() == [0, 3, 9, 12]
