"""Company facts of the SEC: one JSON file per company, alone or thousands in an archive."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import polars as pl

from technic.data.formats.sec_facts import ENTRIES, TAGS, SecFacts, facts_of, spans_of

TAXONOMIES = ("us-gaap", "dei", "ifrs-full")
EXACT = 2**53  # whole numbers beyond it are not exact as float64
RAW = {**{k: v for k, v in ENTRIES.items() if k not in {"months", "calendar_end"}}, "start": pl.Date()}  # fmt: skip


def company_facts(content: dict[str, Any], cik: str) -> pl.DataFrame:
    """The numbers in one file of company facts that technic reads, as `SEC_FACTS`.

    Parameters
    ----------
    content : of the file, as JSON holds it
    cik : of the company, ten digits

    Raises
    ------
    ValueError
        If there are no facts in it.
    """
    return read_company_facts(content, cik).table


def read_company_facts(content: dict[str, Any], cik: str | None) -> SecFacts:
    """The same, with what was not used."""
    tags = content.get("facts")
    if cik is None or not isinstance(tags, dict):
        message = "company facts without facts" if cik else "no number of a company in it"
        if cik is None and any(
            "ticker" in row for row in content.values() if isinstance(row, dict)
        ):
            message = "it is the SEC's list of tickers: technic import-listings reads it"
        raise ValueError(message)
    columns: dict[str, list[Any]] = {name: [] for name in RAW}
    for tag in TAGS["tag"]:
        for unit, row in _entries(tags, tag):
            values = (
                cik, _text(row.get("accn")), _text(row.get("form")), _text(row.get("fp")),
                _iso(row.get("filed")), tag, unit, _iso(row.get("end")), _number(row.get("val")),
                _iso(row.get("start")),
            )  # fmt: skip
            for cells, value in zip(columns.values(), values, strict=True):
                cells.append(value)
    return facts_of(spans_of(pl.DataFrame(columns, schema=RAW)))


def cik_of(content: Any) -> str | None:
    """The company's number in ten digits, as its file says; None if it does not.

    Raises
    ------
    ValueError
        If the content is no object.
    """
    if not isinstance(content, dict):
        message = "no object"
        raise ValueError(message)  # noqa: TRY004 -- JSON of another shape is a wrong value
    told = content.get("cik")
    digits = str(told) if type(told) in {int, str} else ""
    return digits.zfill(10) if digits.isdecimal() and len(digits) <= 10 else None


def _entries(tags: dict[str, Any], tag: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every number under a tag, of whatever taxonomy, with its unit."""
    for taxonomy in TAXONOMIES:
        about = tags.get(taxonomy, {})
        under = about.get(tag, {}) if isinstance(about, dict) else {}
        units = under.get("units", {}) if isinstance(under, dict) else {}
        for unit, rows in units.items() if isinstance(units, dict) else ():
            for row in rows if isinstance(rows, list) else ():
                if isinstance(row, dict):
                    yield unit, row


def _number(value: Any) -> float | None:
    if type(value) not in {int, float} or abs(value) > EXACT:
        return None
    return float(value)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _iso(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None
