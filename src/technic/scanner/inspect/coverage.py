"""What a store holds, and what is missing from it."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl

from technic.data.store import Store, StoreVersion
from technic.market.sessions import nyse
from technic.scanner.ledger import STALE_SESSIONS

THIN_SESSION = 0.5  # a session with fewer bars than this share of the usual is suspicious


def coverage(store: Store, as_of: date | None = None) -> dict[str, Any]:
    """Count symbols, bars, sessions, listings, filings and the rows set aside, as of a session.

    Parameters
    ----------
    store : the store to look into
    as_of : the session; the newest stored by default

    Returns
    -------
    dict
        Counts and dates by name, `thin_sessions` with few bars among them.
    """
    view = store.panel(as_of)
    panel, version = view.panel, view.version
    age = nyse().ordinal(view.as_of) - panel.last("session")
    n_known = {
        name: int(view.who[name].is_not_null().sum())
        for name in ("name", "type", "sector", "exchange", "market_cap")
    }
    bars = store.table("bars", version).filter(pl.col("session") <= view.as_of)
    daily = bars.group_by("session").agg(n=pl.col("security_id").n_unique()).collect()
    usual = float(daily["n"].median() or 0)  # type: ignore[arg-type]
    thin = daily.filter(pl.col("n") < THIN_SESSION * usual).sort("session")
    first = version.first or view.as_of
    span = nyse().ordinal(view.as_of) - nyse().ordinal(first) + 1
    return {
        "store": str(store.folder),
        "store_version": version.name,
        "simulated": version.simulated is not None,
        "adjustment": version.adjustment,
        "as_of": view.as_of,
        "first": first,
        "sessions": span,
        "sessions_without_bars": span - daily.height,
        "thin_sessions": thin["session"].to_list(),
        "symbols": len(panel),
        "bars": panel.n_bars,
        "traded_on_session": int((age == 0).sum()),
        "no_bar_on_session": int(((age > 0) & (age <= STALE_SESSIONS)).sum()),
        "stale": int((age > STALE_SESSIONS).sum() + np.isnan(age).sum()),
        "short_history": int((panel.lengths < 252).sum()),
        "known": n_known,
        "actions": dict(
            store.table("actions", version)
            .group_by("kind")
            .len()
            .sort("kind")
            .collect()
            .iter_rows()
        ),
        "filings": _filings(store, version, view.as_of),
        "quarantined": store.catalog.quarantined(),
    }


def _filings(store: Store, version: StoreVersion, as_of: date) -> dict[str, Any]:
    """How many filings of how many securities were known by a session, and the newest."""
    counts = (
        store.table("filings", version)
        .filter(pl.col("filed") <= as_of)
        .select(
            filings=pl.len(),
            securities=pl.col("security_id").n_unique(),
            newest=pl.col("filed").max(),
        )
        .collect()
    )
    return counts.row(0, named=True)
