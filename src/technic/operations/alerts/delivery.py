"""Alerts on their way: sent until they are taken, one message per scan and evaluation."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from technic.data.store.catalog import Catalog
from technic.data.store.catalog.catalog import naive
from technic.data.store.catalog.tables import ALERTS, DELIVERIES
from technic.errors import ConfigError, DeliveryError, RefusedError, StoreError, first_line
from technic.operations.alerts.book import alert_of_row
from technic.operations.alerts.channels import Channel
from technic.runtime.files import alone

BACKOFF = (60, 300, 900, 3_600, 10_800)  # seconds; the last again and again
GIVE_UP = 40  # attempts: more than four days
LOG = logging.getLogger("technic.operations.alerts")


@dataclass
class Delivered:
    """What a round did, in messages and in alerts."""

    messages: int = 0
    alerts: int = 0
    failed: int = 0
    waiting: int = 0
    given_up: int = 0


def deliver(
    catalog: Catalog,
    channels: Mapping[str, Channel],
    folder: Path,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Delivered:
    """Send everything that waits and whose time has come.

    An alert is marked as delivered after it was taken: a process killed in between sends it
    again, under the same key.

    Parameters
    ----------
    folder : of the store; one process delivers at a time, others do nothing
    """
    done = Delivered()
    try:
        with alone(folder, "alerts"):
            for channel, rows in _messages(catalog, now()):
                _send(catalog, channels.get(channel), channel, rows, now(), done)
    except StoreError:
        LOG.debug("another process is delivering")
    done.waiting = _count(catalog, "waiting")
    return done


def _messages(catalog: Catalog, now: datetime) -> list[tuple[str, list[dict[str, Any]]]]:
    """What waits, gathered by channel, scan and evaluation: the same gathering every time."""
    query = (
        select(ALERTS, DELIVERIES.c.channel, DELIVERIES.c.attempts)
        .join(DELIVERIES, DELIVERIES.c.alert_id == ALERTS.c.id)
        .where(DELIVERIES.c.state == "waiting", DELIVERIES.c.not_before <= naive(now))
        .order_by(DELIVERIES.c.channel, ALERTS.c.scan, ALERTS.c.at, ALERTS.c.id)
    )
    rows = catalog.rows(query)
    grouped = groupby(rows, key=lambda row: (row["channel"], row["scan"], row["at"]))
    return [(key[0], list(group)) for key, group in grouped]


def _send(
    catalog: Catalog,
    channel: Channel | None,
    name: str,
    rows: list[dict[str, Any]],
    now: datetime,
    done: Delivered,
) -> None:
    alerts = [alert_of_row(row) for row in rows]
    key = blake2b("".join(a.key for a in alerts).encode(), digest_size=12).hexdigest()
    attempts = rows[0]["attempts"] + 1
    try:
        _there(channel, name).send(title_of(rows), alerts, key)
    except (DeliveryError, ConfigError) as error:
        final = isinstance(error, RefusedError) or attempts >= GIVE_UP
        wait = BACKOFF[min(attempts, len(BACKOFF)) - 1]
        _mark(
            catalog,
            name,
            rows,
            "given_up" if final else "waiting",
            attempts,
            now,
            now + timedelta(seconds=wait),
            first_line(error),
        )
        done.failed += len(rows)
        done.given_up += len(rows) if final else 0
        LOG.warning("%s alerts of %s to %s: %s", len(rows), rows[0]["scan"], name, error)
        return
    _mark(catalog, name, rows, "delivered", attempts, now, now, "")
    done.messages += 1
    done.alerts += len(rows)
    LOG.info("%s alerts of %s to %s", len(rows), rows[0]["scan"], name)


def _there(channel: Channel | None, name: str) -> Channel:
    if channel is None:
        raise DeliveryError(f"there is no channel {name}: technic alerts add {name} ADDRESS")
    return channel


def title_of(rows: list[dict[str, Any]]) -> str:
    """What a message is called.

    Examples
    --------
    >>> title_of([{"title": "Squeeze", "kind": "entered", "symbol": "ABC"}])
    'Squeeze: ABC entered'
    """
    if len(rows) == 1:
        return f"{rows[0]['title']}: {rows[0]['symbol']} {rows[0]['kind']}"
    kinds: dict[str, int] = {}
    for row in rows:
        kinds[row["kind"]] = kinds.get(row["kind"], 0) + 1
    return f"{rows[0]['title']}: " + ", ".join(f"{n} {kind}" for kind, n in kinds.items())


def _mark(
    catalog: Catalog,
    channel: str,
    rows: list[dict[str, Any]],
    state: str,
    attempts: int,
    now: datetime,
    not_before: datetime,
    note: str,
) -> None:
    numbers = [row["id"] for row in rows]
    values = {
        "state": state,
        "attempts": attempts,
        "at": naive(now),
        "not_before": naive(not_before),
        "note": note[:200],
    }
    statement = (
        update(DELIVERIES)
        .where(DELIVERIES.c.channel == channel, DELIVERIES.c.alert_id.in_(numbers))
        .values(**values)
    )
    catalog.write(lambda connection: connection.execute(statement))


def _count(catalog: Catalog, state: str) -> int:
    query = select(DELIVERIES.c.alert_id).where(DELIVERIES.c.state == state)
    return len(catalog.read(lambda connection: connection.execute(query).fetchall()))
