"""What people save instead of a table: whose it is, and what to export in its place."""

from __future__ import annotations

import json
import re

CSV_OF_ALPHA = (
    "ask for it as CSV (function=TIME_SERIES_DAILY_ADJUSTED&outputsize=full&datatype=csv)"
)
LONGEST = 1 << 16  # bytes of an answer that holds no data
# Names at the beginning of a JSON, by whose it is, and what to do instead.
ANSWERS: tuple[tuple[bytes, str, str], ...] = (
    (rb'"Meta Data"\s*:|"Time Series \(', "Alpha Vantage's JSON", CSV_OF_ALPHA),
    (rb'"chart"\s*:\s*\{', "the JSON of Yahoo's chart", "write it as CSV (yfinance: to_csv)"),
    (
        rb'"(resultsCount|queryCount)"\s*:',
        "Massive's JSON of bars",
        "import its flat files (.csv.gz), or ask for it yourself: technic sync",
    ),
    (rb'"(bars|next_page_token)"\s*:', "Alpaca's JSON of bars", "write it as CSV or Parquet"),
    (rb'"datatable"\s*:|"dataset_data"\s*:', "Nasdaq Data Link's JSON", "ask for it as .csv"),
    (rb'"(priceDate|adjClose|divCash)"\s*:', "Tiingo's JSON", "ask for it with format=csv"),
)
MESSAGES = ("Information", "Note", "Error Message", "detail", "error", "message")
PAGES: tuple[tuple[bytes, str, str], ...] = (
    (
        rb"finance\.yahoo\.|yahoo finance",
        "a saved page of Yahoo Finance",
        (
            "a page is no file of bars: write CSV with yfinance (download(…).to_csv), or download the CSV "
            "that its table offers"
        ),
    ),
    (rb"stooq\.", "a saved page of Stooq", "take the CSV that its page of history offers"),
    (
        rb"nasdaq\.com",
        "a saved page of Nasdaq",
        "take the CSV behind its button Download Historical Data",
    ),
    (
        rb"investing\.com",
        "a saved page of Investing.com",
        "take the CSV behind its button Download",
    ),
)
ARCHIVED = re.compile(rb"(?im)^(snapshot-content-location|content-location|mime-version)\s*:")


def json_in_words(content: bytes) -> str:
    """Whose a JSON is that holds no listings and no filings, and what to export instead.

    Parameters
    ----------
    content : of the file, or its beginning
    """
    for pattern, whose, remedy in ANSWERS:
        if re.search(pattern, content[:LONGEST]):
            return f"{whose}; {remedy} and import that"
    if said := _message_of(content):
        return f"a vendor's answer without data, which says {said!r}; ask for it again"
    return (
        "JSON, and no bars: technic import-filings reads company facts, technic import-listings "
        "lists of companies"
    )


def _message_of(content: bytes) -> str:
    """What a small answer says instead of data; empty if it is none."""
    if len(content) > LONGEST:
        return ""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    told = [answer[name] for name in MESSAGES if name in answer] if isinstance(answer, dict) else []
    words = next((text for text in told if isinstance(text, str)), "")
    plain = " ".join(re.sub(r"[^ -~]", " ", words).split())
    return plain[:80] + ("…" if len(plain) > 80 else "")


def page_in_words(head: bytes) -> str:
    """Whose page the beginning of a file is, and what to export instead; empty if it is no page."""
    plain = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    is_page = plain.startswith((b"<!doctype html", b"<html", b"<!-- saved from url"))
    if not is_page and not (ARCHIVED.search(head) and b"multipart/related" in plain):
        return ""
    for pattern, whose, remedy in PAGES:
        if re.search(pattern, plain):
            return f"{whose}; {remedy}"
    return (
        "a web page, not a table: the download was answered with a page. Open it in a browser to "
        "see what it says"
    )
