"""The dialect of EDGAR: companies, their industries, their facts, for those who say who they are."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import orjson

from technic.data.simulated.dialect import Answer, Refusal, Request
from technic.data.simulated.fundamentals_api import figures as figures_of
from technic.data.simulated.fundamentals_api import statement_days
from technic.data.simulated.publications import Publications
from technic.data.simulated.reference_api import SICS
from technic.market.items import BALANCE, ITEMS

PATHS = ("/files/company_tickers.json", "/submissions/", "/api/xbrl/companyfacts/")
UNITS = {"money": "USD", "price": "USD/shares", "count": "shares"}


def answer(tape: Publications, request: Request) -> Answer:
    """What EDGAR answers to a request."""
    if request.path == PATHS[0]:
        return _json(_companies(tape, request))
    cik = request.path.rsplit("CIK", 1)[-1].removesuffix(".json")
    listing = next((i for i, x in enumerate(tape.listings) if x.cik == cik), None)
    if listing is None:
        raise Refusal(404, {"message": "Not Found"})
    if request.path.startswith(PATHS[1]):
        return _json(_submissions(tape, listing))
    return _json(_facts(tape, request, listing))


def _companies(tape: Publications, request: Request) -> dict[str, Any]:
    today = request.now.date()
    rows = [
        {"cik_str": int(listing.cik), "ticker": symbol, "title": listing.name}
        for listing, symbol in zip(tape.listings, tape.symbols(today), strict=True)
        if listing.cik is not None and symbol is not None
    ]
    return {str(k): row for k, row in enumerate(rows)}


def _submissions(tape: Publications, i: int) -> dict[str, Any]:
    listing = tape.listings[i]
    sic, words = SICS.get(listing.sector or "", ("", ""))
    return {"cik": listing.cik, "name": listing.name, "sic": sic, "sicDescription": words}


def _facts(tape: Publications, request: Request, i: int) -> dict[str, Any]:
    """Numbers of every quarter that was filed by now, under the first tag of each item."""
    tags: dict[str, dict[str, Any]] = {"us-gaap": {}, "dei": {}}
    for end, filed in statement_days(tape, i, request.now.date()):
        figures = figures_of(tape, i, end)
        accession = (
            f"{int(tape.listings[i].cik or 0):010d}-{end:%y}-{end.toordinal() % 1_000_000:06d}"
        )
        for item in ITEMS.values():
            field = "diluted_shares_outstanding" if item.name == "shares" else item.massive
            if field not in figures or not item.tags:
                continue
            row = {
                "end": f"{end}",
                "val": figures[field],
                "accn": accession,
                "fy": end.year,
                "fp": f"Q{(end.month - 1) // 3 + 1}",
                "form": "10-Q",
                "filed": f"{filed}",
            }
            if item.kind != BALANCE:
                row["start"] = f"{_quarter_start(end)}"
            taxonomy = "dei" if item.tags[0].startswith("Entity") else "us-gaap"
            units = tags[taxonomy].setdefault(item.tags[0], {"units": {}})["units"]
            units.setdefault(UNITS[item.unit], []).append(row)
    return {"cik": int(tape.listings[i].cik or 0), "facts": tags}


def _quarter_start(end: date) -> date:
    month = end.month - 2
    return date(end.year, month, 1) if month > 0 else end - timedelta(days=90)


def _json(content: dict[str, Any]) -> Answer:
    return Answer(200, orjson.dumps(content))
