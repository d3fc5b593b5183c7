"""EDGAR, the SEC's own service: what companies filed, free, one company at a time.

The SEC asks every program to say who runs it and to stay under ten requests a second over all
machines; who does neither is shut out for a while. Without a contact nothing is asked.

References
----------
https://www.sec.gov/search-filings/edgar-application-programming-interfaces and
https://www.sec.gov/os/accessing-edgar-data
"""

from __future__ import annotations

from typing import Any

import polars as pl

from technic.data.formats.company_facts import company_facts
from technic.data.providers.answers import strict_json
from technic.data.providers.http import Http
from technic.data.providers.source import Pace, VendorProfile, text
from technic.errors import AccessError, PageError

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
COMPANIES = pl.Schema({"symbol": pl.String(), "cik": pl.String(), "name": pl.String()})


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
            `sec_facts.SEC_FACTS`; `symbol` is null: a company may have several.

        Raises
        ------
        PageError
            If there are no facts in the answer.
        """
        path = f"/api/xbrl/companyfacts/CIK{cik}.json"
        body = self._data.get(path, {}, _object, absent_is_empty=b'{"facts":{}}')
        try:
            return company_facts(_object(body), cik)
        except ValueError as error:
            raise PageError(f"edgar: {error}") from error


def _object(body: bytes) -> dict[str, Any]:
    content = strict_json(body, "edgar")
    if not isinstance(content, dict):
        raise PageError("edgar: an answer that is no object")
    return content


def _cik(value: Any) -> str | None:
    return f"{value:010d}" if type(value) is int and value > 0 else None
