"""Numbers tagged for the SEC as facts: the same rules for company facts and for data sets."""

from __future__ import annotations

from contextlib import closing
from datetime import date, timedelta
from io import BytesIO

import polars as pl
import pytest

from technic.data.formats import sec_datasets
from technic.data.formats.company_facts import cik_of, read_company_facts
from technic.data.formats.sec_datasets import read_dataset
from technic.errors import SchemaError

CIK = "0000000077"


def entry(end, value, start=None, *, filed="2023-02-14", accn="a", form="10-K", fp="FY"):
    row = {"end": str(end), "val": value, "accn": accn, "form": form, "fp": fp, "filed": filed}
    return row if start is None else {**row, "start": str(start)}


def facts(**tags):
    """Company facts of tags: a list of entries in USD, or a list per unit."""
    units = {
        tag: {"units": rows if isinstance(rows, dict) else {"USD": rows}} for tag, rows in tags.items()
    }  # fmt: skip
    cover = {"EntityCommonStockSharesOutstanding": units.pop("EntityCommonStockSharesOutstanding")} if "EntityCommonStockSharesOutstanding" in units else {}  # fmt: skip
    return read_company_facts({"cik": 77, "facts": {"us-gaap": units, "dei": cover}}, CIK)


def values(found, item):
    rows = found.table.filter(pl.col("item") == item).sort("filed", "period_end", "months")
    return rows.select("period_end", "months", "value").rows()


def test_lengths_come_from_days_and_odd_stretches_are_left_out():
    found = facts(
        Revenues=[
            entry("2022-12-31", 800, "2022-01-01"), entry("2022-06-30", 470, "2022-01-01"),
            entry("2022-06-30", 240, "2022-04-01"), entry("2022-04-30", 7, "2022-01-01"),
            entry("2022-12-31", 7, "2021-01-01"), entry("2022-06-30", 7, "2022-03-10"),
        ]
    )  # fmt: skip
    assert {m: v for _, m, v in values(found, "revenue")} == {12: 800, 6: 470, 3: 240}
    assert found.left_out == {"over a stretch that is no number of quarters": 3}
    assert found.numbers == 6


@pytest.mark.parametrize("unit", ["EUR", "JPY", "USD/shares", "pure"])
def test_amounts_in_another_unit_are_not_used_and_counted(unit):
    found = facts(Assets={"USD": [entry("2022-12-31", 5)], unit: [entry("2022-12-31", 6)]})
    assert [v for *_, v in values(found, "assets")] == [5]
    assert found.left_out == {"in another currency or unit": 1}


@pytest.mark.parametrize("form", ["8-K", "S-1", "DEF 14A", None])
def test_other_forms_are_not_used_and_counted(form):
    found = facts(Assets=[entry("2022-12-31", 5, form=form), entry("2022-12-31", 6, accn="b")])
    assert [v for *_, v in values(found, "assets")] == [6]
    assert found.left_out == {"of another form": 1}


@pytest.mark.parametrize("change", [{"val": "5"}, {"val": None}, {"val": 2**60}, {"end": "soon"}, {"filed": None}, {"accn": 5}])  # fmt: skip
def test_what_cannot_be_read_is_counted(change):
    found = facts(Assets=[{**entry("2022-12-31", 5), **change}, entry("2022-12-31", 6)])
    assert [v for *_, v in values(found, "assets")] == [6]
    assert found.left_out == {"without a value or a date": 1}


def test_the_most_specific_tag_of_a_filing_counts():
    year = ("2022-12-31", 5, "2022-01-01")
    found = facts(
        SalesRevenueNet=[entry(*year)], Revenues=[entry("2022-12-31", 6, "2022-01-01")],
        RevenueFromContractWithCustomerExcludingAssessedTax=[entry("2022-12-31", 7, "2022-01-01")],
    )  # fmt: skip
    assert values(found, "revenue") == [(date(2022, 12, 31), 12, 7.0)]
    assert found.left_out == {"told twice, or a count that a later one replaces": 2}


COVER = "EntityCommonStockSharesOutstanding"


def test_a_count_on_the_cover_is_for_the_period_that_the_filing_reports():
    found = facts(
        Assets=[entry("2022-12-31", 5), entry("2021-12-31", 4)],
        EntityCommonStockSharesOutstanding={"shares": [entry("2023-02-10", 80)]},
    )
    assert values(found, "shares") == [(date(2022, 12, 31), 0, 80.0)]


def test_an_amendment_never_wins_by_being_later():
    """The cover of February, then an old one that is filed again in June; and a newer one."""
    late = {"filed": "2023-06-20", "accn": "z", "form": "10-K/A"}
    quarter = {"filed": "2023-05-09", "accn": "q", "form": "10-Q", "fp": "Q1"}
    common = {"Assets": [entry("2022-12-31", 5), entry("2023-03-31", 6, **quarter)]}
    counts = [entry("2023-02-10", 80), entry("2023-05-01", 81, **quarter)]
    old = facts(**common, **{COVER: {"shares": [*counts, entry("2022-12-31", 79, **late)]}})
    assert [v for *_, v in values(old, "shares")] == [80, 81]
    new = facts(**common, **{COVER: {"shares": [*counts, entry("2023-06-15", 82, **late)]}})
    assert values(new, "shares")[-1] == (date(2023, 3, 31), 0, 82.0)


def test_counts_of_balance_sheets_keep_their_own_days():
    found = facts(
        Assets=[entry("2022-12-31", 5), entry("2021-12-31", 4)],
        CommonStockSharesOutstanding={"shares": [entry("2021-12-31", 70), entry("2022-12-31", 78)]},
    )
    assert [(d, v) for d, _, v in values(found, "shares")] == [(date(2021, 12, 31), 70), (date(2022, 12, 31), 78)]  # fmt: skip


def test_what_was_spent_on_plant_is_negative():
    found = facts(PaymentsToAcquirePropertyPlantAndEquipment=[entry("2022-12-31", 5, "2022-01-01")])
    assert values(found, "capex") == [(date(2022, 12, 31), 12, -5.0)]


WEEKS = [(12, 12, 12, 16), (16, 12, 12, 12), (13, 13, 13, 13), (12, 12, 12, 17)]


@pytest.mark.parametrize("weeks", WEEKS)
@pytest.mark.parametrize("begin", [date(2022, 8, 29), date(2023, 1, 1), date(2023, 1, 29)])
def test_all_numbers_of_a_day_lie_on_one_even_calendar(weeks, begin):
    """Reference: three months per quarter since the month in which the year before ended."""
    first = (begin - timedelta(days=17)).month + 12 * (begin - timedelta(days=17)).year
    start = begin
    for k, n in enumerate(weeks[:3]):
        last = start + timedelta(days=7 * n - 1)
        more = {"form": "10-Q", "fp": f"Q{k + 1}", "filed": str(last + timedelta(days=40))}
        found = facts(
            Revenues=[entry(last, 1, begin, **more), entry(last, 2, start, **more)],
            Assets=[entry(last, 3, **more), entry(begin - timedelta(days=1), 4, **more)],
        )
        ends = found.table.filter(pl.col("period_end") == last).select(
            pl.coalesce("calendar_end", "period_end").dt.offset_by("-16d").alias("end")
        )["end"]
        assert {end.month + 12 * end.year for end in ends} == {first + 3 * (k + 1)}
        year_end = found.table.filter(pl.col("value") == 4.0)["calendar_end"]
        assert year_end.to_list() == [None]
        months = found.table.filter(pl.col("item") == "revenue").sort("value")["months"].to_list()
        assert months == ([3 * (k + 1), 3] if k else [3])
        start = last + timedelta(days=1)


@pytest.mark.parametrize(("told", "cik"), [(77, CIK), ("77", CIK), ("0000000077", CIK), (None, None), (True, None), ("x", None)])  # fmt: skip
def test_a_company_has_a_number_of_ten_digits(told, cik):
    assert cik_of({"cik": told}) == cik


def test_what_is_no_company_facts_is_refused():
    with pytest.raises(ValueError, match="without facts"):
        read_company_facts({"cik": 77}, CIK)
    with pytest.raises(ValueError, match="no object"):
        cik_of([1])


SUB = ("adsh", "cik", "name", "fye", "form", "period", "fy", "fp", "filed", "accepted", "instance")
NUM = ("adsh", "tag", "version", "ddate", "qtrs", "uom", "segments", "coreg", "value", "footnote")


def sub(**more):
    row = {"adsh": "a", "cik": "77", "name": "ACME", "fye": "1231", "form": "10-K",
           "period": "20221231", "fy": "2022", "fp": "FY", "filed": "20230214"}  # fmt: skip
    return {**row, **more}


def num(tag, value, **more):
    row = {"adsh": "a", "tag": tag, "version": "us-gaap/2022", "ddate": "20221231", "qtrs": "0",
           "uom": "USD", "value": str(value)}  # fmt: skip
    return {**row, **more}


def dataset(subs, nums, sub_names=SUB, num_names=NUM):
    def text(names, rows):
        lines = ["\t".join(names), *("\t".join(str(row.get(name, "")) for name in names) for row in rows)]  # fmt: skip
        return lambda: closing(BytesIO(("\n".join(lines) + "\n").encode()))

    return read_dataset(text(sub_names, subs), text(num_names, nums), "2023q1.zip")


def test_a_data_set_gives_what_company_facts_give():
    """One filing in both layouts: the same facts."""
    cover = {
        "tag": COVER,
        "version": "dei/2022",
        "ddate": "20230131",
        "uom": "shares",
        "value": "80",
    }
    mine = dataset(
        [sub()],
        [num("Revenues", 800, qtrs="4"), num("Revenues", 790, qtrs="4", ddate="20211231"),
         num("EarningsPerShareDiluted", 1.1, qtrs="4"), num("StockholdersEquity", 410), num("Assets", 5, uom="EUR"),
         {"adsh": "a", "qtrs": "0", **cover}],
    )  # fmt: skip
    theirs = facts(
        Revenues=[entry("2022-12-31", 800, "2022-01-01"), entry("2021-12-31", 790, "2021-01-01")],
        EarningsPerShareDiluted={"USD/shares": [entry("2022-12-31", 1.1, "2022-01-01")]},
        StockholdersEquity=[entry("2022-12-31", 410)], Assets={"EUR": [entry("2022-12-31", 5)]},
        EntityCommonStockSharesOutstanding={"shares": [entry("2023-02-10", 80)]},
    )  # fmt: skip
    key = ["item", "period_end", "months"]
    assert mine.table.sort(key).equals(theirs.table.sort(key))
    assert mine.left_out == theirs.left_out == {"in another currency or unit": 1}
    assert (mine.numbers, mine.companies) == (6, 1)


def test_only_numbers_of_the_whole_company_and_of_standard_tags_count():
    found = dataset(
        [sub()],
        [num("Assets", 5), num("Assets", 6, segments="Product=Widgets"), num("Assets", 7, coreg="Sub"),
         num("Assets", 8, version="a"), num("Widgets", 9), num("Assets", 10, adsh="lost"), num("Assets", "")],
    )  # fmt: skip
    assert [v for *_, v in values(found, "assets")] == [5]
    assert found.left_out == {
        "of tags that are not read": 2, "of a part of a company": 2,
        "of filings that sub.txt lacks": 1, "without a value or a date": 1,
    }  # fmt: skip
    assert found.numbers == found.table.height + sum(found.left_out.values())


def test_columns_may_stand_in_any_order_and_older_sets_have_no_segments():
    names = ("value", "uom", "qtrs", "ddate", "coreg", "version", "tag", "adsh")
    found = dataset([sub()], [num("Assets", 5)], SUB[::-1], names)
    assert [v for *_, v in values(found, "assets")] == [5]


def test_a_data_set_that_lacks_a_column_is_refused():
    with pytest.raises(SchemaError, match=r"2023q1.zip: num.txt: no column ddate; nothing was imported"):  # fmt: skip
        dataset([sub()], [num("Assets", 5)], SUB, [name for name in NUM if name != "ddate"])


def test_lines_are_whole_whatever_the_size_of_a_block(monkeypatch):
    nums = [num("Assets", k, ddate=f"{2000 + k % 20}1231", adsh=f"a{k}", footnote='a " quote') for k in range(200)]  # fmt: skip
    subs = [sub(adsh=f"a{k}", cik=str(k + 1)) for k in range(200)]
    whole = dataset(subs, nums)
    monkeypatch.setattr(sec_datasets, "BLOCK", 997)
    assert dataset(subs, nums).table.equals(whole.table)
    assert whole.table.height == 200


@pytest.mark.parametrize(
    ("fye", "period", "ends"),
    [
        ("0903", "20230131", [2]), ("0903", "20230430", [5]), ("1231", "20230831", [9]),
        ("0131", "20230531", [4]), ("1231", "20230331", [None]), ("0102", "20230331", [None]),
    ],
)  # fmt: skip
def test_rounded_days_of_odd_quarters_are_put_on_the_even_calendar(fye, period, ends):
    more = {"ddate": period, "qtrs": "1"}
    found = dataset([sub(fye=fye, period=period, form="10-Q", fp="Q2", filed="20231010")], [num("Revenues", 5, **more)])  # fmt: skip
    assert [day and day.month for day in found.table["calendar_end"]] == ends
