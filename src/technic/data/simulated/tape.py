"""The publications of a simulated market: its listings, with renames and recycled tickers."""

from __future__ import annotations

from datetime import date, timedelta
from hashlib import blake2b
from typing import Any

import numpy as np
import polars as pl

from technic.data.simulated.market import SIZE, SimulatedMarket, simulate
from technic.data.simulated.publications import EPOCH, ListedSpan, Listing, Publications, Rows

PRICES = ("open", "high", "low", "close")
RENAMED_A_MONTH = 0.005  # of listings
RECYCLED = 0.02  # of new listings, how many take the ticker of one that has gone
NO_FIGI = 0.10  # of listings
TYPE_CODES = {"common": "CS", "etf": "ETF", "warrant": "WARRANT", "preferred": "PFD"}


def record(
    seed: int = 7, size: int = SIZE, sessions: int = 504, last: date | None = None
) -> Publications:
    """The publications of a simulated market, with renames and recycled tickers.

    Parameters
    ----------
    seed : the same one gives the same bits
    size : listings
    last : the last session; see `market.simulate`
    """
    market = simulate(seed, size, sessions, **({} if last is None else {"last": last}))
    rng = np.random.default_rng([seed, size, sessions, 1])
    symbols = market.listings["symbol"].to_list()
    rows = rows_of(market.bars, {symbol: i for i, symbol in enumerate(symbols)})
    days = [EPOCH + timedelta(days=int(d)) for d in np.unique(rows.session)]
    listings = _listings(market, days, rng)
    first_published = market.bars.filter(pl.col("as_of") == pl.col("date"))
    place = {symbol: i for i, symbol in enumerate(symbols)}
    return Publications(
        listings,
        rows,
        actions_of(first_published, "split", place, 1.0),
        actions_of(first_published, "dividend", place, 0.0),
        market.about,
    )


def rows_of(bars: pl.DataFrame, place: dict[str, int]) -> Rows:
    """Bars of a long frame as `Rows`.

    Parameters
    ----------
    bars : with `as_of`, the day of publication
    place : position of each listing, by symbol
    """
    table = bars.with_columns(
        listing=pl.col("symbol").replace_strict(place, return_dtype=pl.Int64)
    ).sort("date", "listing", "as_of")
    values = np.column_stack([table[name].to_numpy() for name in (*PRICES, "volume")])
    return Rows(
        table["listing"].to_numpy(),
        table["date"].to_physical().to_numpy().astype(np.int64),
        table["as_of"].to_physical().to_numpy().astype(np.int64),
        values.astype(np.float64),
    )


def actions_of(
    bars: pl.DataFrame, kind: str, place: dict[str, int], nothing: float
) -> list[tuple[int, date, float]]:
    """Splits or dividends that stand beside bars, by ex-date and listing.

    Parameters
    ----------
    kind : split or dividend, a column of `bars`
    place : position of each listing, by symbol
    nothing : the value that means none
    """
    rows = bars.filter(pl.col(kind).is_not_null(), pl.col(kind) != nothing)
    actions = [
        (place[s], d, float(v)) for s, d, v in rows.select("symbol", "date", kind).iter_rows()
    ]
    return sorted(actions, key=lambda action: (action[1], action[0]))


def figi(index: int, prefix: str = "BBG") -> str:
    """A made-up identifier of twelve characters that never changes."""
    return (
        prefix + blake2b(str(index).encode(), digest_size=8).hexdigest()[: 12 - len(prefix)].upper()
    )


def _listings(market: SimulatedMarket, days: list[date], rng: np.random.Generator) -> list[Listing]:
    """Listings with their symbols' eras: some are renamed, some take a dead one's ticker."""
    table = market.listings
    months = len(days) / 21
    taken = set(table["symbol"].to_list())
    dead: list[tuple[date, str]] = sorted(
        (r["to"], _full_symbol(r)) for r in table.iter_rows(named=True) if r["to"]
    )
    listings = []
    for i, row in enumerate(table.iter_rows(named=True)):
        symbol, since, until = _full_symbol(row), row["from"], row["to"]
        free = [d for d in dead if since and (since - d[0]).days > 30]
        if since and free and rng.random() < max(RECYCLED, 2 / len(table)):
            chosen = free[int(rng.integers(len(free)))]
            dead.remove(chosen)
            symbol = chosen[1]
        eras = [ListedSpan(symbol, since, until)]
        first = next((k for k, d in enumerate(days) if since is None or d >= since), 0)
        last = len(days) if until is None else days.index(until)
        if last - first > 20 and rng.random() < RENAMED_A_MONTH * months:
            at = days[int(rng.integers(first + 10, last - 5))]
            new = _unused_symbol(symbol, taken)
            eras = [
                ListedSpan(symbol, since, _session_before(days, at)),
                ListedSpan(new, at, until),
            ]
        has_figi = rng.random() >= NO_FIGI
        is_company = row["type"] in {"common", "preferred", "warrant"}
        listings.append(
            Listing(
                row["name"],
                TYPE_CODES[row["type"]],
                row["exchange"],
                f"{1_000_000 + i:010d}" if is_company else None,
                figi(i) if has_figi else None,
                figi(i, "BBG001") if has_figi else None,
                row["sector"],
                float((row["market_cap"] or 1e9) / 50.0),
                tuple(eras),
            )
        )
    return listings


def _full_symbol(row: dict[str, Any]) -> str:
    """Preferreds and warrants are told by what stands behind their letters."""
    ends = {"preferred": "pA", "warrant": ".WS"}
    return str(row["symbol"]) + ends.get(row["type"], "")


def _unused_symbol(symbol: str, taken: set[str]) -> str:
    letters = "XYZQVWKJ"
    tail = "".join(filter(str.isalpha, symbol))[:3].upper() or "N"
    for a in letters:
        for b in ("", *letters):
            new = f"{tail}{a}{b}"
            if new not in taken:
                taken.add(new)
                return new
    message = f"no ticker left for {symbol}"
    raise AssertionError(message)


def _session_before(days: list[date], day: date) -> date:
    return days[days.index(day) - 1]
