"""The dialect of Massive: quarterly statements, short interest and free float.

Handlers as in `massive_api`.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np

from technic.data.simulated.dialect import Answer, Request, page_of, sort_rows, within
from technic.data.simulated.publications import Publications

INCOME = {
    "revenue": 1.0,
    "cost_of_revenue": 0.6,
    "gross_profit": 0.4,
    "operating_income": 0.15,
    "income_before_income_taxes": 0.13,
    "income_taxes": 0.03,
    "net_income_loss_attributable_common_shareholders": 0.1,
    "ebitda": 0.2,
    "interest_expense": 0.02,
    "research_development": 0.05,
}
BALANCE = {
    "total_assets": 6.0,
    "total_current_assets": 2.0,
    "total_current_liabilities": 1.2,
    "total_liabilities": 3.2,
    "total_equity": 2.8,
    "cash_and_equivalents": 0.7,
    "long_term_debt_and_capital_lease_obligations": 1.5,
    "debt_current": 0.2,
    "receivables": 0.5,
    "inventories": 0.3,
    "retained_earnings_deficit": 1.1,
}
CASH = {
    "net_cash_from_operating_activities": 0.14,
    "net_cash_from_investing_activities": -0.06,
    "net_cash_from_financing_activities": -0.05,
    "purchase_of_property_plant_and_equipment": -0.05,
    "dividends": -0.02,
    "net_income": 0.1,
    "change_in_cash_and_equivalents": 0.03,
}


def statements(tape: Publications, request: Request, parts: tuple[str, ...]) -> Answer:
    """Quarterly statements of companies, visible from the day they were filed."""
    items = {"income-statements": INCOME, "balance-sheets": BALANCE, "cash-flow-statements": CASH}
    today, rows = request.today, []
    for i, listing in enumerate(tape.listings):
        for end, filed in statement_days(tape, i, today):
            symbol = listing.symbol(filed) or ""
            row: dict[str, Any] = {
                "tickers": [symbol],
                "cik": listing.cik,
                "period_end": end.isoformat(),
                "filing_date": filed.isoformat(),
                "fiscal_year": float(end.year),
                "fiscal_quarter": float((end.month - 1) // 3 + 1),
                "timeframe": "quarterly",
            }
            if within(request, "filing_date", row["filing_date"]) and _is_asked(request, symbol):
                rows.append(row | {"at": (i, end)})

    def finish(row: dict[str, Any]) -> dict[str, Any]:
        i, end = row.pop("at")
        return row | _figures(i, end, items[parts[0]], tape.listings[i].shares)

    rows = sort_rows(rows, request, "filing_date")
    return page_of(request, rows, request.whole("limit", 100, 50_000), finish)


def shorts(tape: Publications, request: Request, parts: tuple[str, ...]) -> Answer:
    """Short interest or free float: one row per listing."""
    today, rows = request.today, []
    for i, symbol in enumerate(tape.symbols(today)):
        if symbol is None or not within(request, "ticker", symbol):
            continue
        shares = tape.listings[i].shares
        rows.append(
            {
                "ticker": symbol,
                "settlement_date": today.replace(day=1).isoformat(),
                "short_interest": int(shares * 0.03),
                "avg_daily_volume": int(shares * 0.005),
                "days_to_cover": 6.0,
            }
            if parts[0] == "v1/short-interest"
            else {
                "ticker": symbol,
                "effective_date": today.replace(day=1).isoformat(),
                "free_float": int(shares * 0.8),
                "free_float_percent": 80.0,
            }
        )
    return page_of(request, sort_rows(rows, request, "ticker"), request.whole("limit", 10, 50_000))


def _is_asked(request: Request, symbol: str) -> bool:
    wanted = request.params.get("tickers") or request.params.get("tickers.any_of")
    return wanted is None or symbol in wanted.split(",")


def _quarters(first: date, last: date) -> list[date]:
    ends = [(3, 31), (6, 30), (9, 30), (12, 31)]
    return [
        day
        for year in range(first.year - 3, last.year + 1)
        for day in (date(year, m, d) for m, d in ends)
        if first - timedelta(days=850) <= day <= last
    ]


def statement_days(tape: Publications, i: int, today: date) -> list[tuple[date, date]]:
    """Ends of the quarters that a listing has reported by today, and when it filed each."""
    listing = tape.listings[i]
    if listing.type != "CS" or listing.cik is None:
        return []
    days = [(end, end + timedelta(days=25 + i % 20)) for end in _quarters(tape.sessions[0], today)]
    return [
        (end, filed) for end, filed in days if filed <= today and listing.symbol(filed) is not None
    ]


def figures(tape: Publications, i: int, end: date) -> dict[str, float]:
    """Every number of a listing's three statements for a quarter, by the vendor's name of it.

    Parameters
    ----------
    i : position of the listing
    end : last day of the quarter
    """
    shares = tape.listings[i].shares
    numbers: dict[str, float] = {}
    for items in (INCOME, BALANCE, CASH):
        numbers |= _figures(i, end, items, shares)
    return numbers


def _figures(i: int, end: date, items: dict[str, float], shares: float) -> dict[str, float]:
    rng = np.random.default_rng([i, end.toordinal()])
    scale = float(shares * np.random.default_rng(i).uniform(0.5, 20.0))
    values: dict[str, float] = {
        name: round(scale * share * float(rng.normal(1.0, 0.08))) for name, share in items.items()
    }
    if "revenue" in values:
        values["diluted_earnings_per_share"] = round(
            values["net_income_loss_attributable_common_shareholders"] / shares, 2
        )
        values["basic_shares_outstanding"] = int(shares)
        values["diluted_shares_outstanding"] = int(shares)
    return values
