"""The dialect of Massive: splits and dividends.

Handlers as in `massive_api`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from technic.data.simulated.dialect import Answer, Request, event_id, page_of, sort_rows, within
from technic.data.simulated.publications import Publications


def splits(tape: Publications, request: Request, parts: tuple[str, ...]) -> Answer:
    """Splits; from the new endpoint with adjustment factors, from the old one without."""
    new = parts[0] == "stocks/v1"
    today, rows = request.today, []
    for listing, ex, ratio in tape.splits:
        symbol = tape.listings[listing].symbol(ex)
        low, high = fraction(ratio)
        row: dict[str, Any] = {
            "execution_date": ex.isoformat(),
            "split_from": low,
            "split_to": high,
            "ticker": symbol,
            "id": event_id("split", listing, ex),
        }
        if new:
            row["adjustment_type"] = "forward_split" if ratio > 1 else "reverse_split"
            factor = tape.factor(listing, ex - timedelta(days=1), today)
            row["historical_adjustment_factor"] = 1.0 / factor
        if _chosen(request, row, "execution_date") and ex <= today + timedelta(days=14):
            rows.append(row)
    limit = request.whole("limit", 100 if new else 10, 5000 if new else 1000)
    return page_of(request, sort_rows(rows, request, "execution_date", descending=True), limit)


def dividends(tape: Publications, request: Request, parts: tuple[str, ...]) -> Answer:
    """Dividends; amounts as paid."""
    new = parts[0] == "stocks/v1"
    today, rows = request.today, []
    for listing, ex, cash in tape.dividends:
        row: dict[str, Any] = {
            "cash_amount": cash,
            "currency": "USD",
            "ex_dividend_date": ex.isoformat(),
            "declaration_date": (ex - timedelta(days=20)).isoformat(),
            "frequency": 4,
            "record_date": ex.isoformat(),
            "pay_date": (ex + timedelta(days=15)).isoformat(),
            "ticker": tape.listings[listing].symbol(ex),
            "id": event_id("dividend", listing, ex),
        }
        if new:
            factor = tape.factor(listing, ex - timedelta(days=1), today)
            row |= {
                "distribution_type": "recurring",
                "historical_adjustment_factor": 1.0,
                "split_adjusted_cash_amount": cash / factor,
            }
        else:
            row["dividend_type"] = "CD"
        if _chosen(request, row, "ex_dividend_date") and ex <= today + timedelta(days=14):
            rows.append(row)
    limit = request.whole("limit", 100 if new else 10, 5000 if new else 1000)
    return page_of(request, sort_rows(rows, request, "ex_dividend_date", descending=True), limit)


def fraction(ratio: float) -> tuple[float, float]:
    """New shares per old one as (old, new) in whole numbers, where that is possible.

    Examples
    --------
    >>> fraction(1.5), fraction(0.05)
    ((2, 3), (20, 1))
    """
    for low in (1, 2, 3, 4, 5, 10, 20, 25, 50, 100):
        if abs(ratio * low - round(ratio * low)) < 1e-9:
            return low, round(ratio * low)
    return 1, ratio


def _chosen(request: Request, row: dict[str, Any], day: str) -> bool:
    return (
        row["ticker"] is not None
        and within(request, day, row[day])
        and within(request, "ticker", row["ticker"])
    )
