"""What EDGAR is asked, and what `data.providers.edgar` and the simulated vendor assume."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from technic.operations.conformance.table import (
    Assumption,
    Known,
    Path,
    Reply,
    Table,
    UnsaidError,
    VendorQuestion,
    first_of,
    shown,
)

COMPANIES = "companies"
FACTS = "a company's facts"
INDUSTRY = "a company's industry"
NOBODY = "9999999999"  # a company that does not exist
TAXONOMIES = ("us-gaap", "dei", "ifrs-full")
ABSENT = 404  # of HTTP
LENGTH = 10  # digits of a company's number in addresses


def _first(known: Known) -> str | None:
    """The first company that is listed, by its number of ten digits."""
    for row in _companies(known.replies[COMPANIES]):
        if type(row.get("cik_str")) is int:
            return f"{row['cik_str']:0{LENGTH}d}"
    return None


def _of_first(address: str) -> Any:
    def ask(known: Known) -> Path | None:
        cik = _first(known)
        return None if cik is None else (address.format(cik), {})

    return ask


QUESTIONS = (
    VendorQuestion(COMPANIES, lambda _known: ("/files/company_tickers.json", {})),
    VendorQuestion(INDUSTRY, _of_first("/submissions/CIK{}.json")),
    VendorQuestion(FACTS, _of_first("/api/xbrl/companyfacts/CIK{}.json")),
    VendorQuestion(
        "a company that is none",
        lambda _known: (f"/api/xbrl/companyfacts/CIK{NOBODY}.json", {}),
        wrong=True,
    ),
)


def _companies(reply: Reply) -> list[dict[str, Any]]:
    rows = reply.content.values() if isinstance(reply.content, dict) else ()
    return [row for row in rows if isinstance(row, dict)]


def _listed(replies: Sequence[Reply], _known: Known) -> str | None:
    rows = _companies(replies[0])
    if not rows:
        return f"no companies: {shown(replies[0].content)}"
    kinds = {"cik_str": int, "ticker": str, "title": str}
    return first_of(
        [
            f"{name} = {shown(row.get(name))}"
            for row in rows
            for name, kind in kinds.items()
            if type(row.get(name)) is not kind
        ]
    )


def _industry(replies: Sequence[Reply], _known: Known) -> str | None:
    wrong = [n for n in ("sic", "sicDescription") if not isinstance(replies[0].get(n), str)]
    return first_of([f"{name} = {shown(replies[0].get(name))}" for name in wrong])


def _entries(reply: Reply) -> list[dict[str, Any]]:
    """Every number in a file of company facts.

    Raises
    ------
    UnsaidError
        If there is none.
    """
    facts = reply.get("facts")
    entries = [
        entry
        for taxonomy in TAXONOMIES
        for tag in (facts.get(taxonomy, {}) if isinstance(facts, dict) else {}).values()
        for unit in (tag.get("units", {}) if isinstance(tag, dict) else {}).values()
        for entry in (unit if isinstance(unit, list) else ())
        if isinstance(entry, dict)
    ]
    if not entries:
        raise UnsaidError("no numbers in the answer")
    return entries


def _taxonomies(replies: Sequence[Reply], _known: Known) -> str | None:
    facts = replies[0].get("facts")
    if not isinstance(facts, dict):
        return f"facts = {shown(facts)}"
    return None if set(facts) & set(TAXONOMIES) else f"taxonomies {', '.join(map(str, facts))}"


def _fields(replies: Sequence[Reply], _known: Known) -> str | None:
    entries = _entries(replies[0])
    missing = {
        name: sum(entry.get(name) is None for entry in entries)
        for name in ("end", "val", "accn", "form", "filed")
    }
    return first_of(
        [f"no {name} in {n:,} of {len(entries):,} numbers" for name, n in missing.items() if n]
    )


def _values(replies: Sequence[Reply], _known: Known) -> str | None:
    wrong = [
        f"val = {shown(entry['val'])}"
        for entry in _entries(replies[0])
        if "val" in entry and type(entry["val"]) not in {int, float}
    ]
    return first_of(wrong)


def _days(replies: Sequence[Reply], _known: Known) -> str | None:
    wrong = [
        f"{name} = {shown(entry[name])}"
        for entry in _entries(replies[0])
        for name in ("start", "end", "filed")
        if name in entry and not _is_day(entry[name])
    ]
    return first_of(wrong)


def _is_day(value: Any) -> bool:
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return True


def _absent(replies: Sequence[Reply], _known: Known) -> str | None:
    return None if replies[0].status == 404 else f"HTTP {replies[0].status}"


ASSUMPTIONS = (
    Assumption(
        "companies tell number, ticker and title", (COMPANIES,), "filings find no security", _listed
    ),
    Assumption(
        "a company tells its industry's code and words",
        (INDUSTRY,),
        "sectors are unknown",
        _industry,
    ),
    Assumption(
        "facts are grouped by taxonomies that are known", (FACTS,), "facts are unknown", _taxonomies
    ),
    Assumption(
        "facts tell value, end, filing, form and day of filing",
        (FACTS,),
        "facts are left out",
        _fields,
    ),
    Assumption("values of facts are numbers", (FACTS,), "facts are left out", _values),
    Assumption("days of facts are written YYYY-MM-DD", (FACTS,), "facts are left out", _days),
    Assumption(
        "who files nothing is not found",
        ("a company that is none",),
        "a company without facts stops the sync of filings",
        _absent,
    ),
)
TABLE = Table("edgar", QUESTIONS, ASSUMPTIONS)
