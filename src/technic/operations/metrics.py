"""Measurements of this installation over time, in the catalog, so that they outlast a restart."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from technic.data.store.catalog import Catalog
from technic.data.store.catalog.tables import MEASURES, naive

KEPT = timedelta(days=30)
MOST = 5_000  # rows read at once


def save_metrics(catalog: Catalog, values: Mapping[str, float], at: datetime) -> None:
    """Keep values of one instant; what is older than `KEPT` is forgotten.

    Parameters
    ----------
    values : by name; one of the same name and instant is replaced
    at : the instant, UTC
    """
    if not values:
        return

    def work(connection: Connection) -> None:
        stamp = naive(at)
        connection.execute(delete(MEASURES).where(MEASURES.c.at < naive(at - KEPT)))
        same = delete(MEASURES).where(MEASURES.c.at == stamp, MEASURES.c.name.in_(list(values)))
        connection.execute(same)
        rows = [{"at": stamp, "name": name, "value": float(v)} for name, v in values.items()]
        connection.execute(insert(MEASURES), rows)

    catalog.write(work)


def history(
    catalog: Catalog, names: Collection[str], since: datetime
) -> dict[str, list[tuple[datetime, float]]]:
    """Values since an instant, by name and oldest first; the newest `MOST` of all names together."""
    query = (
        select(MEASURES)
        .where(MEASURES.c.name.in_(list(names)), MEASURES.c.at >= naive(since))
        .order_by(MEASURES.c.at.desc())
        .limit(MOST)
    )
    series: dict[str, list[tuple[datetime, float]]] = {name: [] for name in names}
    for row in reversed(catalog.rows(query)):
        series[row["name"]].append((row["at"].replace(tzinfo=UTC), float(row["value"])))
    return series
