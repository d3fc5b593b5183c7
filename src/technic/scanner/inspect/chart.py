"""One symbol as a picture needs it: bars, indicators, what happened to it, what it filed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from technic.compute.benchmark import benchmark_closes
from technic.compute.kernel import ensure_compiled
from technic.compute.panel_series import is_relative
from technic.data.store import Store
from technic.data.store.mapped_panel import MappedPanel
from technic.indicators.kernel.run import evaluate
from technic.market.items import ITEMS
from technic.market.sessions import nyse
from technic.market.symbols import known_symbol
from technic.query.series import series_for
from technic.runtime.settings import Settings
from technic.scanner.columns.listings import listed_on, position_of
from technic.scanner.pipeline import evaluate_question
from technic.scanner.report import plain
from technic.scanner.spec.question import resolve_question
from technic.scanner.spec.scan_file import ScanFile
from technic.scanner.svg import Drawing, candles_drawing

PRICES = ("open", "high", "low", "close", "volume")
RATIOS = (
    "pe", "pb", "ps", "ev_ebit", "earnings_yield", "dividend_yield", "roe", "roa", "gross_margin",
    "operating_margin", "net_margin", "revenue_growth", "income_growth", "current_ratio",
    "debt_to_equity", "equity_share", "interest_coverage", "altman_z", "piotroski_f",
    "market_cap", "days_since_filing", "fund_rating",
)  # fmt: skip


def chart_data(
    store: Store,
    symbol: str,
    indicators: Sequence[str] = ("sma(50)", "sma(200)"),
    bars: int = 504,
    as_of: date | None = None,
    settings: Settings | None = None,
) -> dict[str, Any]:
    """Return the newest bars of a symbol with indicators, splits, dividends and filings.

    Bars, and indicators with them, are adjusted for the splits known as of the session: all in
    the terms of the newest bar.

    Parameters
    ----------
    store : the store to ask
    symbol : listed on the session
    indicators : texts such as "sma(50)"
    bars : how many of the newest
    as_of : the session to stand in; the newest stored by default
    settings : threads and kernels; none of them changes a value

    Returns
    -------
    dict
        Lists of like length, oldest first: `session`, `open`, `high`, `low`, `close` in USD,
        `volume` in shares, and per indicator numbers or None; `events`; and what is known of the
        symbol.

    Raises
    ------
    StoreError
        If the symbol is not listed; names those that are close.
    QuestionError
        If an indicator is none.
    """
    settings = settings or Settings.load()
    ensure_compiled(settings.kernels)
    view = store.panel(as_of)
    at = position_of(view, symbol)
    names, series = series_for(indicators)
    panel = view.panel.select(np.array([at]))
    run = {name: panel.run(0, name)[-bars:] for name in PRICES}
    days = nyse().dates[panel.run(0, "session")[-bars:].astype(np.int64)]
    lines: dict[str, Any] = {}
    if series:
        closes = benchmark_closes(view, "market") if is_relative(series) else None
        values = evaluate(series, panel, settings.kernels, benchmark=closes, every_bar=True)
        lines = {name: row[-bars:].tolist() for name, row in zip(names, values, strict=True)}
    who = view.who.row(at, named=True)
    first = days[0].astype(object) if len(days) else None
    return {
        "symbol": who["symbol"],
        "name": who["name"],
        "sector": who["sector"],
        "industry": who["industry"],
        "exchange": who["exchange"],
        "type": who["type"],
        "as_of": view.as_of.isoformat(),
        "simulated": view.version.simulated is not None,
        "adjustment": view.version.adjustment,
        "n_bars": int(view.panel.lengths[at]),
        "session": [str(day) for day in days],
        **{name: values.tolist() for name, values in run.items()},
        "indicators": {name: [plain(v) for v in row] for name, row in lines.items()},
        "events": _events(store, view, at, first),
    }


def chart(
    store: Store,
    symbol: str,
    indicators: Sequence[str] = ("sma(50)", "sma(200)"),
    bars: int = 252,
    *,
    as_of: date | None = None,
    settings: Settings | None = None,
) -> Drawing:
    """Draw candles of a symbol with volume, indicators and what happened to it.

    Parameters
    ----------
    store : the store to ask
    symbol : listed on the session
    indicators : texts such as "sma(50)"; drawn where they lie near the price
    bars : how many of the newest
    as_of : the session to stand in; the newest stored by default
    settings : threads and kernels; none of them changes a value

    Returns
    -------
    Drawing
        Shows itself in a notebook; `save("chart.html")` writes a page that needs nothing else.

    Raises
    ------
    StoreError
        If the symbol is not listed; names those that are close.
    QuestionError
        If an indicator is none.

    Examples
    --------
    >>> import technic as tc
    >>> store = tc.open_store("demo")
    >>> best = tc.scan(store).shown[0]
    >>> tc.chart(store, best.symbol, bars=60).save("chart.html").name
    'chart.html'
    """
    return candles_drawing(chart_data(store, symbol, indicators, bars, as_of, settings))


def fundamentals(
    store: Store, symbol: str, as_of: date | None = None, settings: Settings | None = None
) -> dict[str, Any]:
    """Return the ratios of a symbol and the newest number of every item it filed.

    Parameters
    ----------
    store : the store to ask
    symbol : listed on the session
    as_of : the session to stand in; the newest stored by default
    settings : cache, threads and kernels; none of them changes a value

    Returns
    -------
    dict
        `ratios` by name, None where unknown; `facts`, each with its period and the instant at
        which it became known.

    Raises
    ------
    StoreError
        If the symbol is not listed.
    """
    settings = settings or Settings.load()
    question = resolve_question(ScanFile(name="ratios", rank="close", columns=RATIOS, top=1))
    result = evaluate_question(store, question, as_of, settings=settings)
    view = result.view
    at = position_of(view, symbol)
    values = [result.evaluation.value(tree)[at] for tree in question.columns]
    ratios = {name: plain(value) for name, value in zip(RATIOS, values, strict=True)}
    return {
        "symbol": result.symbols[at],
        "as_of": view.as_of.isoformat(),
        "simulated": view.version.simulated is not None,
        "ratios": ratios,
        "facts": _facts(store, view, at),
    }


def last_closes(store: Store, symbols: Sequence[str], bars: int = 20) -> dict[str, list[float]]:
    """Return the last closes of some symbols, oldest first, for small pictures.

    Parameters
    ----------
    store : the store to ask
    symbols : those that the store does not know are left out
    bars : how many closes of each, at most
    """
    view = store.panel()
    place = {symbol: i for i, symbol in enumerate(view.who["symbol"])}
    meant = {symbol: known_symbol(symbol, place) for symbol in symbols}
    return {
        symbol: view.panel.run(place[name], "close")[-bars:].tolist()
        for symbol, name in meant.items()
        if name is not None
    }


def find_symbols(store: Store, text: str, limit: int = 20) -> list[dict[str, Any]]:
    """Find listed symbols whose ticker begins with a text, then those whose name holds it.

    Parameters
    ----------
    store : the store to ask
    text : in any case; empty finds the first symbols
    limit : how many to return
    """
    view = store.panel()
    who = view.who.filter(pl.Series(listed_on(view))).select(
        "symbol", "name", "type", "exchange", "sector"
    )
    wanted = text.strip()
    if not wanted:
        return who.head(limit).to_dicts()
    upper, lower = wanted.upper(), wanted.lower()
    meant = known_symbol(wanted, set(who["symbol"])) or upper
    begins = pl.any_horizontal(pl.col("symbol").str.starts_with(t) for t in {upper, meant})
    holds = pl.col("name").str.to_lowercase().str.contains(lower, literal=True)
    matches = (
        who.with_columns(
            order=pl.when(pl.col("symbol") == meant).then(0).when(begins).then(1).otherwise(2)
        )
        .filter(begins | holds.fill_null(value=False))
        .sort("order", "symbol")
    )
    return matches.drop("order").head(limit).to_dicts()


def _events(store: Store, view: MappedPanel, at: int, first: Any) -> list[dict[str, Any]]:
    """Splits, dividends and filings since the first bar shown, as known by the session."""
    security = int(view.panel.security_ids[at])
    if first is None:
        return []
    of_symbol = pl.col("security_id") == security
    cutoff = nyse().opens(nyse().ordinal(view.as_of) + 1)
    actions = (
        store.table("actions", view.version)
        .filter(
            of_symbol, pl.col("session").is_between(first, view.as_of), pl.col("known_at") < cutoff
        )
        .select(date="session", kind="kind", value="value")
        .unique()
        .collect()
    )
    filings = (
        store.table("filings", view.version)
        .filter(
            of_symbol, pl.col("filed").is_between(first, view.as_of), pl.col("known_at") < cutoff
        )
        .select(date="filed", kind=pl.lit("filing"), text="form", known_at="known_at")
        .unique()
        .collect()
    )
    events = [{**row, "date": str(row["date"])} for row in actions.to_dicts()]
    events += [
        {**row, "date": str(row["date"]), "known_at": row["known_at"].isoformat()}
        for row in filings.to_dicts()
    ]
    return sorted(events, key=lambda row: (row["date"], row["kind"]))


def _facts(store: Store, view: MappedPanel, at: int) -> list[dict[str, Any]]:
    """Of each item the newest number, as known by the session."""
    security = int(view.panel.security_ids[at])
    cutoff = nyse().opens(nyse().ordinal(view.as_of) + 1)
    rows = (
        store.table("facts", view.version)
        .filter(pl.col("security_id") == security, pl.col("known_at") < cutoff)
        .sort("period_end", "known_at", "months")
        .group_by("item")
        .last()
        .collect()
    )
    order = {name: j for j, name in enumerate(ITEMS)}
    return [
        {
            "item": row["item"],
            "value": row["value"],
            "months": row["months"],
            "period_end": str(row["period_end"]),
            "known_at": row["known_at"].isoformat(),
        }
        for row in sorted(rows.to_dicts(), key=lambda row: order.get(row["item"], 999))
    ]
