"""Statements and news in the dialect of Massive: by the day they were filed or published."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl

from technic.data.providers.source import FACT_COLUMNS, NEWS_COLUMNS, Ask, number, text
from technic.market.items import BALANCE, ITEMS

STATEMENTS = {
    "income": "income-statements",
    "balance": "balance-sheets",
    "cash": "cash-flow-statements",
}
PAGE = 20_000  # about 20 MB
NEWS_PAGE = 1_000
SPANS = {"quarterly": 3, "annual": 12}
# Numbers that a statement has besides the items named like them.
MORE = {"diluted_shares_outstanding": "shares"}


def request(ask: Ask) -> tuple[str, dict[str, str]]:
    """Path and parameters of a question for statements or news."""
    if ask.kind == "news":
        span = {"published_utc.gte": f"{ask.first}", "published_utc.lte": f"{ask.last}T23:59:59Z"}
        return "/v2/reference/news", {
            **span,
            "sort": "published_utc",
            "order": "asc",
            "limit": f"{NEWS_PAGE}",
        }
    span = {"filing_date.gte": f"{ask.first}", "filing_date.lte": f"{ask.last}"}
    path = f"/stocks/financials/v1/{STATEMENTS[ask.kind]}"
    return path, {**span, "sort": "filing_date.asc", "limit": f"{PAGE}"}


def facts(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Read statements: a row of `FACT_COLUMNS` per number and ticker.

    Rows for trailing years are left out: we add up quarters ourselves.
    """
    named = {item.massive: item for item in ITEMS.values() if item.massive}
    named |= {field: ITEMS[item] for field, item in MORE.items()}
    records = []
    for row in rows:
        span = SPANS.get(str(row.get("timeframe")))
        tickers = row.get("tickers")
        if span is None or not isinstance(tickers, list):
            continue
        quarter = number(row.get("fiscal_quarter"))
        period = "FY" if span == SPANS["annual"] else f"Q{int(quarter)}" if quarter else None
        head = (text(row.get("cik")), period, _whole(row.get("fiscal_year")))
        days = (_iso(row.get("period_end")), _iso(row.get("filing_date")))
        for field, item in named.items():
            value = number(row.get(field))
            if value is not None:
                months = 0 if item.kind == BALANCE else span
                records += [
                    (text(symbol), *head, *days, item.name, months, value) for symbol in tickers
                ]
    return pl.DataFrame(records, schema=FACT_COLUMNS, orient="row").unique(maintain_order=True)


def news(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Read news: a row of `NEWS_COLUMNS` per article and ticker that it names."""
    articles = []
    for row in rows:
        tickers = row.get("tickers")
        if isinstance(tickers, list):
            key, title = text(row.get("id")), text(row.get("title"))
            articles += [(text(s), key, title, _instant(row.get("published_utc"))) for s in tickers]
    return pl.DataFrame(articles, schema=NEWS_COLUMNS, orient="row")


def _whole(value: Any) -> int | None:
    amount = number(value)
    return None if amount is None else int(amount)


def _iso(value: Any) -> Any:
    try:
        return datetime.fromisoformat(str(value)[:10]).date()
    except ValueError:
        return None


def _instant(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value)).astimezone(UTC)
    except ValueError:
        return None
