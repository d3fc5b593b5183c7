"""EDGAR, the SEC's own service: what companies filed, free, one company at a time.

The SEC asks every program to say who runs it and to stay under ten requests a second over all
machines; who does neither is shut out for a while. Without a contact nothing is asked.

References
----------
https://www.sec.gov/search-filings/edgar-application-programming-interfaces and
https://www.sec.gov/os/accessing-edgar-data
"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from technic.data.providers.http import Http, strict_json
from technic.data.providers.source import FACT_COLUMNS, Pace, VendorProfile, number, text
from technic.errors import AccessError, PageError
from technic.market.items import BALANCE, ITEMS, Item

DATA, FILES = "https://data.sec.gov", "https://www.sec.gov"
PACE = Pace(8, 1.0)
ABOUT = VendorProfile(
    "edgar",
    ("TECHNIC_EDGAR_CONTACT",),
    "free",
    "since 2009, when filers began to tag numbers",
    "10 calls a second over all machines",
    "public domain; say who you are",
)
FORMS = ("10-K", "10-Q", "20-F", "40-F", "10-K/A", "10-Q/A", "20-F/A")
SPANS = ((3, 80, 100), (6, 170, 192), (9, 260, 285), (12, 350, 380))  # months, days from and to
YEAR = 12
COMPANIES = pl.Schema({"symbol": pl.String(), "cik": pl.String(), "name": pl.String()})
EDGAR_FACTS = {**FACT_COLUMNS, "form": pl.String(), "accession": pl.String()}


def user_agent(contact: str) -> dict[str, str]:
    """The header that says who asks.

    Raises
    ------
    AccessError
        If there is no address in it: the SEC refuses such requests.
    """
    if "@" not in contact or not contact.isprintable() or not contact.isascii():
        raise AccessError(
            "edgar: the SEC wants to know who asks; set TECHNIC_EDGAR_CONTACT to a name and a mail "
            "address. Nothing was asked"
        )
    return {"User-Agent": f"technic {contact}"}


class Edgar:
    """Companies, their industries and their facts, from the SEC.

    Parameters
    ----------
    data, files : clients of data.sec.gov and www.sec.gov; they are ended by `close`
    """

    about = ABOUT

    def __init__(self, data: Http, files: Http) -> None:
        self._data, self._files = data, files

    @property
    def clients(self) -> tuple[Http, Http]:
        """The clients of both hosts, to look at answers as they come."""
        return self._data, self._files

    def close(self) -> None:
        """End the connections."""
        self._data.close()
        self._files.close()

    @property
    def simulated(self) -> bool:
        """Whether an answer came from a simulated vendor."""
        return self._data.simulated or self._files.simulated

    def companies(self) -> pl.DataFrame:
        """Every listed company, in one request: `COMPANIES`."""
        body = self._files.get("/files/company_tickers.json", {}, _object)
        rows = [
            (text(row.get("ticker")), _cik(row.get("cik_str")), text(row.get("title")))
            for row in _object(body).values()
            if isinstance(row, dict)
        ]
        return pl.DataFrame(rows, schema=COMPANIES, orient="row").drop_nulls(["symbol", "cik"])

    def industry(self, cik: str) -> tuple[str | None, str | None]:
        """A company's SIC code and what it stands for; None where EDGAR does not say.

        Parameters
        ----------
        cik : ten digits
        """
        body = self._data.get(f"/submissions/CIK{cik}.json", {}, _object, absent_is_empty=b"{}")
        content = _object(body)
        return text(content.get("sic")) or None, text(content.get("sicDescription")) or None

    def facts(self, cik: str) -> pl.DataFrame:
        """Every number that a company filed, with the day it was filed.

        Parameters
        ----------
        cik : ten digits

        Returns
        -------
        DataFrame
            `EDGAR_FACTS`; `symbol` is null: a company may have several.
        """
        path = f"/api/xbrl/companyfacts/CIK{cik}.json"
        body = self._data.get(path, {}, _object, absent_is_empty=b'{"facts":{}}')
        return company_facts(_object(body), cik)


def company_facts(content: dict[str, Any], cik: str) -> pl.DataFrame:
    """The numbers in one file of company facts, as `EDGAR_FACTS`.

    Of several tags for one item the most specific counts, per period and filing. Shares are
    told as of the cover page, and count for the period that the filing reports.

    Parameters
    ----------
    content : of the file, as JSON holds it
    cik : of the company

    Raises
    ------
    PageError
        If there are no facts in it.
    """
    tags = content.get("facts")
    if not isinstance(tags, dict):
        raise PageError("edgar: company facts without facts")
    reported: dict[str, date] = {}
    for row in _entries(tags, "Assets"):
        end, accession = _iso(row.get("end")), str(row.get("accn"))
        if end is not None:
            reported[accession] = max(end, reported.get(accession, end))
    facts: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for item in ITEMS.values():
        for tag in item.tags:
            for row in _entries(tags, tag):
                fact = _fact(row, item, cik, reported)
                if fact is not None:
                    facts.setdefault((item.name, fact[4], fact[7], fact[10]), fact)
    return pl.DataFrame(list(facts.values()), schema=EDGAR_FACTS, orient="row")


def _fact(
    row: dict[str, Any], item: Item, cik: str, reported: dict[str, date]
) -> tuple[Any, ...] | None:
    """One number as a row of `EDGAR_FACTS`; None where it is not one that we read."""
    accession, form, value = text(row.get("accn")), text(row.get("form")), number(row.get("val"))
    start, end, filed = (_iso(row.get(name)) for name in ("start", "end", "filed"))
    if value is None or end is None or filed is None or form not in FORMS:
        return None
    months = 0 if item.kind == BALANCE else _months(start, end)
    if months is None:
        return None
    if item.name == "shares":
        end = reported.get(str(accession), end)
    if item.name == "capex":
        value = -abs(value)
    period = "FY" if months == YEAR else text(row.get("fp"))
    return (
        None,
        cik,
        period,
        end.year,
        end,
        filed,
        item.name,
        months,
        value,
        form,
        accession,
    )


def _entries(tags: dict[str, Any], tag: str) -> list[dict[str, Any]]:
    """Every number under a tag, of whatever taxonomy and unit."""
    rows: list[dict[str, Any]] = []
    for taxonomy in ("us-gaap", "dei", "ifrs-full"):
        about = tags.get(taxonomy, {})
        units = about.get(tag, {}).get("units", {}) if isinstance(about, dict) else {}
        for unit in ("USD", "USD/shares", "shares"):
            rows += [row for row in units.get(unit, ()) if isinstance(row, dict)]
    return rows


def _months(start: date | None, end: date) -> int | None:
    """How many months a stretch covers; None if it is no number of quarters."""
    days = 0 if start is None else (end - start).days + 1
    return next((months for months, low, high in SPANS if low <= days <= high), None)


def _object(body: bytes) -> dict[str, Any]:
    content = strict_json(body, "edgar")
    if not isinstance(content, dict):
        raise PageError("edgar: an answer that is no object")
    return content


def _cik(value: Any) -> str | None:
    return f"{value:010d}" if type(value) is int and value > 0 else None


def _iso(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None
