"""Listings in the layouts of their publishers: each line is read, or counted."""

from __future__ import annotations

import gzip
import json
import zipfile
from datetime import UTC, date, datetime

import polars as pl
import pytest

from technic.data.formats.listings import read_listings
from technic.errors import SchemaError

NASDAQ = """Symbol|Security Name|Market Category|Test Issue|Financial Status|Round Lot Size|ETF|NextShares
ACME|Acme Corp. - Common Stock|Q|N|N|100|N|N
TRUE|Truly Inc. - Common Stock|S|N|N|100|N|N
QFND|Quiet Index|G|N|N|100|Y|N
ZVZZT|ANYTHING|Q|Y|N|100|N|N
File Creation Time: 0102202421:31|||||||
"""
OTHER = """ACT Symbol|Security Name|Exchange|CQS Symbol|ETF|Round Lot Size|Test Issue|NASDAQ Symbol
BRK.B|Berk Class B|N|BRK.B|N|1|N|BRK.B
ARB$D|Arbor Series D Preferred|A|ARBpD|N|100|N|ARB-D
ARES.U|Ares Units|Z|ARES.U|N|100|N|ARES=
PFND|Plain|P|PFND|Y|100|N|PFND
IEXX|Iex Co|V|IEXX|N|100|N|IEXX
File Creation Time: 0102202421:31|||||||
"""
TRADED = """Nasdaq Traded|Symbol|Security Name|Listing Exchange|Market Category|ETF|Round Lot Size|Test Issue|Financial Status|CQS Symbol|NASDAQ Symbol|NextShares
Y|A|Agile Inc|N| |N|100|N||A|A|N
Y|ACME|Acme Corp|Q|Q|N|100|N|N||ACME|N
File Creation Time: 0102202421:31||||||||||
"""
ALPHA = """symbol,name,exchange,assetType,ipoDate,delistingDate,status
A,Agile Inc,NYSE,Stock,1999-11-18,null,Active
AAAU,Gold Trust,BATS,ETF,2018-08-15,null,Active
OLDC,Old Co,NYSE MKT,Stock,2001-01-02,2012-06-29,Delisted
"""
SHARADAR = """table,permaticker,ticker,name,exchange,isdelisted,category,cusips,siccode,sector,industry,lastupdated,firstpricedate,lastpricedate,secfilings
SF1,199059,ACME,Acme Corp,NASDAQ,N,Domestic Common Stock,000000000,3571,Technology,Consumer Electronics,2023-11-03,1986-01-01,2023-11-03,https://www.sec.gov/cgi-bin/browse-edgar?action=getcompany&CIK=0009000001
SEP,199059,ACME,Acme Corp,NASDAQ,N,Domestic Common Stock,000000000,3571,Technology,Consumer Electronics,2023-11-03,1986-01-01,2023-11-03,https://www.sec.gov/cgi-bin/browse-edgar?action=getcompany&CIK=0009000001
SEP,199060,GONE,Gone Inc,NYSE,Y,ADR Common Stock,000000001,100,Energy,Oil,2023-11-03,1990-01-02,2012-06-29,
SFP,199061,PFND,Plain Fund,NYSEARCA,N,ETF,000000002,,,,2023-11-03,2010-01-04,2023-11-03,
"""


def written(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def of(rows, *names):
    return rows.select("symbol", *names).rows()


def test_nasdaqs_directory_of_its_listings(tmp_path):
    file = read_listings(written(tmp_path, "nasdaqlisted.txt", NASDAQ))
    assert (file.layouts, file.lines) == ({"Nasdaq's directory of its listings": 4}, 4)
    assert of(file.rows, "type", "exchange") == [
        ("ACME", None, "XNAS"),
        ("TRUE", None, "XNAS"),
        ("QFND", "etf", "XNAS"),
        ("ZVZZT", "test", "XNAS"),
    ]


def test_nasdaqs_directory_of_other_exchanges(tmp_path):
    file = read_listings(written(tmp_path, "otherlisted.txt", OTHER))
    assert file.lines == 5
    assert of(file.rows, "type", "exchange") == [
        ("BRK.B", None, "XNYS"),
        ("ARB$D", None, "XASE"),
        ("ARES.U", None, "BATS"),
        ("PFND", "etf", "ARCX"),
        ("IEXX", None, "IEXG"),
    ]
    both = read_listings(written(tmp_path, "nasdaqtraded.txt", TRADED))
    assert of(both.rows, "exchange") == [("A", "XNYS"), ("ACME", "XNAS")]


@pytest.mark.parametrize("shape", ["tickers", "exchange", "funds"])
def test_the_secs_tickers(tmp_path, shape):
    content = {
        "tickers": {
            "0": {"cik_str": 9000001, "ticker": "ACME", "title": "Acme Corp."},
            "1": {"cik_str": 9000002, "ticker": "BRK-B", "title": "BERK &amp; CO"},
        },
        "exchange": {
            "fields": ["cik", "name", "ticker", "exchange"],
            "data": [
                [9000001, "Acme Corp.", "ACME", "Nasdaq"],
                [9000002, "BERK & CO", "BRK-B", None],
            ],
        },
        "funds": {
            "fields": ["cik", "seriesId", "classId", "symbol"],
            "data": [[9000001, "S1", "C1", "ACME"], [9000002, "S2", "C2", "BRK-B"]],
        },
    }[shape]
    file = read_listings(written(tmp_path, "company_tickers.json", json.dumps(content)))
    assert of(file.rows, "cik") == [("ACME", "9000001"), ("BRK-B", "9000002")]
    names = ["Acme Corp.", "BERK & CO"] if shape != "funds" else [None, None]
    assert file.rows["name"].to_list() == names
    exchanges = {"tickers": [None] * 2, "exchange": ["XNAS", None], "funds": [None] * 2}
    assert file.rows["exchange"].to_list() == exchanges[shape]
    assert file.rows["type"].to_list() == (["fund"] * 2 if shape == "funds" else [None] * 2)


def test_alpha_vantages_listing_status(tmp_path):
    file = read_listings(written(tmp_path, "listing_status.csv", ALPHA))
    assert of(file.rows, "type", "exchange", "from", "to") == [
        ("A", None, "XNYS", date(1999, 11, 18), None),
        ("AAAU", "etf", "BATS", date(2018, 8, 15), None),
        ("OLDC", None, "XASE", date(2001, 1, 2), date(2012, 6, 29)),
    ]
    assert file.unreadable == {}


def test_sharadars_tickers_are_one_listing_however_many_tables_name_them(tmp_path):
    file = read_listings(written(tmp_path, "TICKERS.csv", SHARADAR))
    assert (file.lines, file.strange) == (4, {"said once more, for another table": 1})
    assert of(file.rows, "type", "exchange", "to", "cik") == [
        ("ACME", "common", "XNAS", None, "9000001"),
        ("GONE", "adr", "XNYS", date(2012, 6, 29), None),
        ("PFND", "etf", "ARCX", None, None),
    ]
    assert file.rows["sic"].to_list() == ["3571", "100", None]


def test_a_caret_alone_is_a_preferred_share_on_nasdaqs_pages(tmp_path):
    row = {
        "symbol": "PHXE^",
        "name": "Phoenix",
        "country": "",
        "sector": "",
        "industry": "",
        "url": "/",
    }
    packed = tmp_path / "nyse.json.gz"
    packed.write_bytes(gzip.compress(json.dumps([row, {**row, "symbol": "ABR^D"}]).encode()))
    file = read_listings(packed)
    assert file.rows["symbol"].to_list() == ["PHXE-P", "ABR^D"]


@pytest.mark.parametrize(
    ("cell", "value"),
    [("$2.5B", 2.5e9), ('"1,234,567"', 1234567.0), ("1e9", 1e9), ("n/a", None), ("many", None)],
)
def test_market_values_are_read_with_certainty_or_counted(tmp_path, cell, value):
    text = f"symbol,market_cap,from\nACME,{cell},01/15/2001\nBOLT,5,02/01/2001\n"
    file = read_listings(written(tmp_path, "list.csv", text))
    assert file.rows["market_cap"].to_list() == [value, 5.0]
    assert file.rows["from"].to_list() == [date(2001, 1, 15), date(2001, 2, 1)]
    assert file.days == "month/day/year"
    assert file.unreadable == ({"market_cap": (1, "many")} if cell == "many" else {})


def test_days_that_are_two_are_refused_unless_the_user_says(tmp_path):
    path = written(tmp_path, "list.csv", "symbol,from\nACME,03/02/2001\n")
    with pytest.raises(SchemaError, match=r"list\.csv: column from: .*--dates"):
        read_listings(path)
    assert read_listings(path, "dmy").rows["from"].item() == date(2001, 2, 3)


def test_a_night_is_a_night(tmp_path):
    text = "symbol,sector,as_of\nACME,Energy,2024-03-04\nBOLT,Energy,2024-03-04T15:00:00Z\n"
    known = read_listings(written(tmp_path, "list.csv", text)).rows["as_of"].to_list()
    assert known == [
        datetime(2024, 3, 5, 4, 59, 59, tzinfo=UTC),
        datetime(2024, 3, 4, 15, tzinfo=UTC),
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_every_line_is_counted(tmp_path, separator):
    lines = ["symbol,name,sic", "NA,Nano Corp,0700", "NULL,Null Inc,", ",nobody,", "ACME,Acme,1,2"]
    text = "\n".join(line.replace(",", separator) for line in lines)
    file = read_listings(written(tmp_path, "list.txt", text))
    assert of(file.rows, "sic") == [("NA", "0700"), ("NULL", None)]
    assert file.strange == {"more cells than the header": 1, "no symbol": 1}
    assert file.lines == file.rows.height + sum(file.strange.values()) == 4


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xls", b"\xd0\xcf\x11\xe0rest", "an Excel workbook"),
        ("a.bin", b"ab\0\1\2cd", "binary"),
        ("a.csv", b"", "the file is empty"),
        ("a.json", b'{"facts": {}, "cik": 1}', "technic import-filings reads them"),
        ("a.json", b"[1, 2]", "no list of listings"),
        ("a.json", b'{"a": ', "cut short or damaged"),
        ("a.csv", b"date,open,high,low,close\n2024-01-02,1,1,1,1\n", "it looks like bars"),
        ("a.csv", b"1,2\n3,4\n", "no header"),
        ("a.csv", b"symbol,symbol\nA,B\n", "stands twice"),
    ],
)  # fmt: skip
def test_what_is_no_listing_is_refused_in_one_line(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SchemaError, match=message) as caught:
        read_listings(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).isprintable()


def test_the_files_of_an_archive_are_read_together(tmp_path):
    path = tmp_path / "lists.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("nasdaqlisted.txt", NASDAQ)
        archive.writestr("otherlisted.txt", OTHER)
        archive.writestr("readme.txt", "nothing here")
    file = read_listings(path)
    assert (file.lines, file.rows.height, list(file.left_out)) == (9, 9, ["lists.zip: readme.txt"])


def test_frames_are_read_alike():
    frame = pl.DataFrame({"Ticker": ["ACME"], "MarketCap": [2.5e9], "from": [date(2001, 1, 15)]})
    rows = read_listings(frame).rows
    assert rows.select("symbol", "market_cap", "from").row(0) == ("ACME", 2.5e9, date(2001, 1, 15))


@pytest.mark.parametrize(
    "never",
    ["9999-12-31", "12/31/9999", "31-Dec-9999", "99991231", "2999-12-31 00:00:00", "2099-12-31"],
)
def test_an_end_that_is_never_is_no_end(tmp_path, never):
    text = f"symbol,name,from,to\nACME,Acme,2001-01-15,{never}\nGONE,Gone,2001-01-15,12/30/2019\n"
    file = read_listings(written(tmp_path, "l.csv", text))
    assert file.rows["to"].to_list() == [None, date(2019, 12, 30)]
    assert file.unreadable == {}
