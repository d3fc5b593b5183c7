"""What people save instead of a table is named, with what to export in its place."""

from __future__ import annotations

import json

import pytest

from technic.data.formats.bars import read_bars
from technic.data.formats.listings import read_listings
from technic.errors import SchemaError

BAR = {"1. open": "10", "2. high": "11", "3. low": "9", "4. close": "10", "5. volume": "1000"}
JSON = [
    ({"Meta Data": {"2. Symbol": "ACME"}, "Time Series (Daily)": {"2024-01-02": BAR}}, "Alpha Vantage's JSON.*datatype=csv"),
    ({"Meta Data": {"2. Symbol": "ACME"}, "Time Series (5min)": {}}, "Alpha Vantage's JSON.*datatype=csv"),
    ({"Information": "Our standard rate is 25 requests a day.\u001b[31m"}, "'Our standard rate is 25 requests a day. .31m'; ask for it again"),
    ({"chart": {"result": [{"meta": {}}], "error": None}}, "Yahoo's chart.*to_csv"),
    ({"ticker": "ACME", "queryCount": 1, "resultsCount": 1, "results": []}, "Massive's JSON of bars"),
    ({"bars": {"ACME": []}, "next_page_token": None}, "Alpaca's JSON of bars"),
    ({"dataset_data": {"column_names": []}}, "Nasdaq Data Link's JSON"),
    ([{"date": "2024-01-02T00:00:00.000Z", "adjClose": 1.0, "divCash": 0.0}], "Tiingo's JSON"),
    ({"anything": 1}, "JSON, and no bars"),
]  # fmt: skip
HEAD = '<!DOCTYPE html><html lang="en-US"><head>' + "<meta>" * 500
PAGES = [
    (f"{HEAD}<title>ACME (ACME) Historical Data - Yahoo Finance</title>", "saved page of Yahoo Finance.*to_csv"),
    ("<!-- saved from url=(0040)https://finance.yahoo.com/quote/ACME/history/ -->\n<html>", "saved page of Yahoo Finance"),
    (("From: <Saved by Blink>\nSnapshot-Content-Location: https://finance.yahoo.com/quote/ACME\nSubject: ACME\n"
     'MIME-Version: 1.0\nContent-Type: multipart/related;\n\ttype="text/html"\n'), "saved page of Yahoo Finance"),
    (f"{HEAD}<link href='https://stooq.com/q/d/'>", "saved page of Stooq"),
    ("<html><title>Sign in</title>", "a web page, not a table"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "word"), JSON)
def test_a_vendors_json_is_named(tmp_path, content, word):
    path = tmp_path / "ACME.json"
    path.write_text(json.dumps(content, indent=2))
    with pytest.raises(SchemaError, match=word) as refusal:
        read_bars(path)
    assert "\n" not in str(refusal.value)
    assert "\x1b" not in str(refusal.value)


@pytest.mark.parametrize(("page", "word"), PAGES)
@pytest.mark.parametrize("reader", [read_bars, read_listings])
def test_a_saved_page_is_named(tmp_path, page, word, reader):
    path = tmp_path / "ACME.csv"
    path.write_text(page)
    with pytest.raises(SchemaError, match=word) as refusal:
        reader(path)
    assert "\n" not in str(refusal.value)
