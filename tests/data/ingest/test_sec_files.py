"""Files of the SEC into a store: by the company's number, as known on each night."""

from __future__ import annotations

import json
import zipfile
from datetime import date

import polars as pl
import pytest

import technic as tc
from technic.data.formats.sec_archives import sec_files_of
from technic.data.ingest import open_store, sec_files
from technic.errors import SchemaError
from technic.market.sessions import nyse

YEAR, SECOND = ("2022-01-01", "2022-12-31"), ("2023-04-01", "2023-06-30")
SESSIONS = [nyse().day(k) for k in range(nyse().ordinal(date(2022, 1, 3)), nyse().ordinal(date(2023, 9, 1)))]  # fmt: skip


def entry(span, value, filed, accn, form="10-K", fp="FY"):
    row = {"end": span[-1], "val": value, "accn": accn, "form": form, "fp": fp, "filed": filed}
    return row if len(span) == 1 else {**row, "start": span[0]}


def company(cik=77, scale=1.0):
    """A company's facts: a year that is restated, quarters, a sum since the year's start, counts."""
    first = {"filed": "2022-02-15", "accn": f"{cik}-1"}
    second = {"filed": "2023-02-14", "accn": f"{cik}-2"}
    quarter = {"filed": "2023-08-08", "accn": f"{cik}-3", "form": "10-Q", "fp": "Q2"}
    last = ("2021-01-01", "2021-12-31")
    return {
        "cik": cik, "entityName": "Widgets",
        "facts": {
            "us-gaap": {
                "Revenues": {"units": {"USD": [
                    entry(last, 800e6 * scale, **first), entry(last, 790e6 * scale, **second),
                    entry(YEAR, 880e6 * scale, **second), entry(SECOND, 240e6 * scale, **quarter),
                    entry(("2023-01-01", "2023-06-30"), 470e6 * scale, **quarter),
                    entry(("2022-01-01", "2022-06-30"), 430e6 * scale, **quarter),
                ]}},
                "StockholdersEquity": {"units": {
                    "USD": [entry(YEAR[1:], 410e6 * scale, **second), entry(SECOND[1:], 420e6 * scale, **quarter)],
                    "EUR": [entry(YEAR[1:], 384e6 * scale, **second)],
                }},
            },
            "dei": {"EntityCommonStockSharesOutstanding": {"units": {"shares": [
                entry(("2023-02-10",), 80e6, **second),
                entry(("2022-12-31",), 79e6, "2023-06-20", f"{cik}-9", "10-K/A"),
                entry(("2023-08-01",), 81e6, **quarter),
            ]}}},
        },
    }  # fmt: skip


@pytest.fixture
def store(tmp_path):
    made = open_store(tmp_path / "store")
    bars = pl.concat(
        pl.DataFrame({"symbol": symbol, "date": SESSIONS, "volume": 1e6}).with_columns(
            pl.lit(40.0).alias(name) for name in ("open", "high", "low", "close")
        )
        for symbol in ("ACME", "BOLT", "BOLT.B", "LONE")
    )
    made.import_bars(bars)
    made.import_listings(
        pl.DataFrame({"symbol": ["ACME", "BOLT", "BOLT.B"], "cik": ["77", "CIK0000000078", "78"], "name": ["Acme", "Bolt A", "Bolt B"]})
    )  # fmt: skip
    return made


def known(store, name, as_of=None, symbol="ACME"):
    shown = tc.scan(store, universe="all", rank="close", columns=[name], as_of=as_of, top=9).shown
    return next(row.values[name] for row in shown if row.symbol == symbol)


def written(tmp_path, content, name="CIK0000000077.json"):
    path = tmp_path / name
    path.write_text(json.dumps(content))
    return path


def test_company_facts_are_known_as_they_were_filed(store, tmp_path, kernels):
    taken = store.import_filings(written(tmp_path, company()))
    assert taken.recognised == "SEC company facts of 1 company"
    assert sum(taken.numbers.values()) == taken.rows == 12
    assert taken.numbers["new"] == taken.facts == 10
    assert taken.left_out["in another currency or unit"] == 1
    nights = {
        date(2022, 2, 14): None, date(2022, 2, 15): 800e6, date(2023, 2, 13): 800e6,
        date(2023, 2, 14): 880e6, date(2023, 8, 7): 880e6, date(2023, 8, 8): 880e6 + 470e6 - 430e6,
    }  # fmt: skip
    assert {night: known(store, "revenue_ttm", night) for night in nights} == nights
    assert known(store, "revenue_ttm_year_ago", date(2023, 2, 14)) == 790e6
    assert known(store, "revenue_q") == 240e6
    assert known(store, "equity") == 420e6
    shares = {date(2023, 2, 13): None, date(2023, 2, 14): 80e6, date(2023, 6, 21): 80e6, date(2023, 8, 8): 81e6}  # fmt: skip
    assert {night: known(store, "shares", night) for night in shares} == shares


def test_the_same_facts_again_are_known_already(store, tmp_path):
    path = written(tmp_path, company())
    first, again = store.import_filings(path), store.import_filings(path)
    assert (again.facts, again.filings, again.known) == (0, 0, first.facts)


def archive(tmp_path, members, name="companyfacts.zip"):
    path = tmp_path / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for member, content in members.items():
            made.writestr(member, content if isinstance(content, str | bytes) else json.dumps(content))  # fmt: skip
    return path


@pytest.mark.parametrize("portion", [1, 400_000])
def test_an_archive_of_companies_is_read_member_by_member(store, tmp_path, monkeypatch, portion):
    monkeypatch.setattr(sec_files, "PORTION", portion)
    path = archive(
        tmp_path,
        {
            "CIK0000000077.json": company(77), "CIK0000000078.json": company(78, 2.0),
            "CIK0000000079.json": company(79), "CIK0000000080.json": "no json, and nobody reads it",
        },
    )  # fmt: skip
    taken = store.import_filings(path)
    assert taken.recognised == "SEC company facts of 4 companies"
    assert (taken.companies, taken.unlisted, taken.damaged) == (2, 2, ())
    assert taken.symbols == 3
    facts = store.table("facts").collect().join(store.table("tickers").collect().select("security_id", "symbol"), on="security_id")  # fmt: skip
    years = facts.filter(pl.col("item") == "revenue", pl.col("value") > 850e6, pl.col("months") == 12)  # fmt: skip
    assert sorted(years.select("symbol", "value").unique().rows()) == [
        ("ACME", 880e6), ("BOLT", 1580e6), ("BOLT", 1600e6), ("BOLT", 1760e6),
        ("BOLT.B", 1580e6), ("BOLT.B", 1600e6), ("BOLT.B", 1760e6),
    ]  # fmt: skip


def test_a_member_that_cannot_be_read_is_named_and_the_others_are_kept(store, tmp_path):
    path = archive(tmp_path, {"CIK0000000077.json": company(77), "CIK0000000078.json": '{"cik": 78'})  # fmt: skip
    taken = store.import_filings(path)
    assert taken.companies == 1
    assert len(taken.damaged) == 1
    assert taken.damaged[0].startswith("CIK0000000078.json cannot be read as company facts")


def test_a_folder_is_read_as_an_archive_is(store, tmp_path):
    (tmp_path / "facts").mkdir()
    written(tmp_path / "facts", company())
    assert store.import_filings(tmp_path / "facts").companies == 1


SUB = "adsh\tcik\tname\tfye\tform\tperiod\tfy\tfp\tfiled\n"
NUM = "adsh\ttag\tversion\tcoreg\tddate\tqtrs\tuom\tvalue\tfootnote\n"


def dataset(tmp_path, sub, num, name="2023q1.zip"):
    return archive(tmp_path, {"sub.txt": SUB + sub, "num.txt": NUM + num, "readme.htm": "<html>"}, name)  # fmt: skip


def test_a_data_set_gives_the_same_numbers(store, tmp_path, kernels):
    path = dataset(
        tmp_path,
        "77-2\t77\tACME\t1231\t10-K\t20221231\t2022\tFY\t20230214\n99-1\t99\tNONE\t1231\t10-K\t20221231\t2022\tFY\t20230214\n",
        "77-2\tRevenues\tus-gaap/2022\t\t20221231\t4\tUSD\t880000000.0000\t\n"
        "77-2\tRevenues\tus-gaap/2022\tSubsidiary\t20221231\t4\tUSD\t7\t\n"
        "77-2\tStockholdersEquity\tus-gaap/2022\t\t20221231\t0\tEUR\t7\t\n"
        "77-2\tGoodwill\tus-gaap/2022\t\t20221231\t0\tUSD\t7\t\n"
        "99-1\tRevenues\tus-gaap/2022\t\t20221231\t4\tUSD\t9\t\n",
    )  # fmt: skip
    taken = store.import_filings(path)
    assert taken.recognised == "SEC data set of 2 companies"
    assert (taken.rows, taken.facts, taken.companies, taken.unlisted) == (5, 1, 1, 1)
    assert sum(taken.numbers.values()) == taken.rows
    assert known(store, "revenue_ttm", date(2023, 2, 13)) is None
    assert known(store, "revenue_ttm", date(2023, 2, 14)) == 880e6


def test_company_facts_after_a_data_set_add_only_what_it_lacked(store, tmp_path):
    sub = "77-2\t77\tACME\t1231\t10-K\t20221231\t2022\tFY\t20230214\n"
    store.import_filings(dataset(tmp_path, sub, "77-2\tRevenues\tus-gaap/2022\t\t20221231\t4\tUSD\t880000000\t\n"))  # fmt: skip
    taken = store.import_filings(written(tmp_path, company()))
    assert taken.known == 1


REFUSED = {
    "no facts": ({"cik": 77}, "company facts without facts"),
    "no object": ([1, 2], r"neither|no table of filings"),
    "nobody": (company(99), "its company has no listing here"),
    "nothing read": ({"cik": 77, "facts": {"us-gaap": {}}}, "0 numbers and nothing to keep: no number in it"),
    "no number": ({"facts": {}}, "no number of a company in it"),
    "tickers": ({"0": {"cik_str": 77, "ticker": "ACME"}}, "list of tickers: technic import-listings reads it"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_a_companys_facts_is_refused_in_one_line(store, tmp_path, name):
    content, why = REFUSED[name]
    before = store.version().number
    with pytest.raises(SchemaError, match=why) as refusal:
        store.import_filings(written(tmp_path, content, "facts.json"))
    assert "\n" not in str(refusal.value)
    assert store.version().number == before


def test_a_store_without_numbers_of_companies_says_where_to_get_them(tmp_path):
    bare = open_store(tmp_path / "bare")
    bare.import_bars(pl.DataFrame({"symbol": ["ACME"], "date": ["2024-03-08"], "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0, "volume": 1.0}))  # fmt: skip
    with pytest.raises(SchemaError, match=r"company_tickers.json.*technic import-listings"):
        bare.import_filings(written(tmp_path, company()))


def test_archives_that_are_damaged_or_half_there_are_refused(store, tmp_path):
    path = archive(tmp_path, {"sub.txt": SUB}, "half.zip")
    with pytest.raises(SchemaError, match=r"without num\.txt"):
        store.import_filings(path)
    path = dataset(tmp_path, "a\n" * 4_000, "b\n" * 4_000, "cut.zip")
    whole = path.read_bytes()
    path.write_bytes(whole[:60] + bytes(40) + whole[100:])
    with pytest.raises(SchemaError, match=r"damaged|no column|cannot"):
        store.import_filings(path)
    other = archive(tmp_path, {"a.csv": "x", "b.csv": "y"}, "tables.zip")
    assert sec_files_of(other) is None
    with pytest.raises(SchemaError, match="none of the SEC's layouts"):
        store.import_filings(other)


def test_an_archive_with_any_bytes_changed_is_read_or_refused(store, tmp_path):
    """A few bytes overwritten all along the file: heads, names, sizes, offsets, contents."""
    sub = "77-2\t77\tACME\t1231\t10-K\t20221231\t2022\tFY\t20230214\n"
    num = "77-2\tRevenues\tus-gaap/2022\t\t20221231\t4\tUSD\t880000000\t\n"
    paths = [archive(tmp_path, {"CIK0000000077.json": company()}), dataset(tmp_path, sub, num)]
    refused = 0
    for path in paths:
        whole = path.read_bytes()
        for at in range(0, len(whole), max(len(whole) // 40, 1)):
            path.write_bytes(whole[:at] + b"\xff\x00\xfe\x80" + whole[at + 4 :])
            try:
                store.import_filings(path)
            except SchemaError as error:
                refused += 1
                assert "\n" not in str(error)
    assert refused > 20
