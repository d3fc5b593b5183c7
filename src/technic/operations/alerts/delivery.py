"""Alerts on their way: sent until they are taken, one message per scan and evaluation.

1. `_messages` gathers what waits and whose time has come by channel, scan and evaluation.
2. `_send` sends one message and marks its alerts as delivered once the channel has taken it. What
   was not taken waits for the next of `BACKOFF`, and is given up after `GIVE_UP` attempts.

An alert is marked after it was taken, so a process killed in between sends it again: at least
once, never silently not at all. The message then has the same key, by which a receiver knows it.
"""

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
from technic.data.store.catalog.tables import ALERTS, DELIVERIES, naive
from technic.errors import ConfigError, DeliveryError, RefusedError, StoreError, first_line
from technic.operations.alerts.book import alert_of_row
from technic.operations.alerts.channels import Channel
from technic.runtime.files import alone

BACKOFF = (60, 300, 900, 3_600, 10_800)  # seconds; the last again and again
GIVE_UP = 40  # attempts: more than four days
LOG = logging.getLogger("technic.operations.alerts")


@dataclass
class Delivered:
    """What a round of deliveries did.

    Attributes
    ----------
    messages : messages that were taken
    alerts : alerts in them
    failed : alerts that were not taken this time
    waiting : alerts that still wait after the round, those whose time has not come among them
    given_up : alerts that will not be sent again
    """

    messages: int = 0
    alerts: int = 0
    failed: int = 0
    waiting: int = 0
    given_up: int = 0


@dataclass(frozen=True, slots=True)
class _Message:
    """Alerts of one evaluation on their way to one channel.

    Attributes
    ----------
    channel : its name; the channel itself may be gone
    rows : of the catalog, one for each alert
    """

    channel: str
    rows: list[dict[str, Any]]

    @property
    def attempts(self) -> int:
        """How often it was sent, this time included."""
        return int(self.rows[0]["attempts"]) + 1


def deliver(
    catalog: Catalog,
    channels: Mapping[str, Channel],
    folder: Path,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Delivered:
    """Send everything that waits and whose time has come.

    Parameters
    ----------
    channels : by name
    folder : of the store; one process delivers at a time, others do nothing
    now : the clock

    Returns
    -------
    Delivered
        What was sent; nothing, where another process is delivering.
    """
    totals = Delivered()
    try:
        with alone(folder, "alerts"):
            for message in _messages(catalog, now()):
                _send(catalog, channels.get(message.channel), message, now(), totals)
    except StoreError:
        LOG.debug("another process is delivering")
    totals.waiting = _count(catalog, "waiting")
    return totals


def _messages(catalog: Catalog, now: datetime) -> list[_Message]:
    """What waits, gathered by channel, scan and evaluation: the same gathering every time."""
    query = (
        select(ALERTS, DELIVERIES.c.channel, DELIVERIES.c.attempts)
        .join(DELIVERIES, DELIVERIES.c.alert_id == ALERTS.c.id)
        .where(DELIVERIES.c.state == "waiting", DELIVERIES.c.not_before <= naive(now))
        .order_by(DELIVERIES.c.channel, ALERTS.c.scan, ALERTS.c.at, ALERTS.c.id)
    )
    rows = catalog.rows(query)
    grouped = groupby(rows, key=lambda row: (row["channel"], row["scan"], row["at"]))
    return [_Message(key[0], list(group)) for key, group in grouped]


def _send(
    catalog: Catalog,
    channel: Channel | None,
    message: _Message,
    now: datetime,
    totals: Delivered,
) -> None:
    """Send one message, and write down what became of it."""
    rows, name = message.rows, message.channel
    alerts = [alert_of_row(row) for row in rows]
    key = blake2b("".join(a.key for a in alerts).encode(), digest_size=12).hexdigest()
    try:
        _required(channel, name).send(title_of(rows), alerts, key)
    except (DeliveryError, ConfigError) as error:
        final = isinstance(error, RefusedError) or message.attempts >= GIVE_UP
        wait = timedelta(seconds=BACKOFF[min(message.attempts, len(BACKOFF)) - 1])
        state = "given_up" if final else "waiting"
        _mark(catalog, message, state, now, wait=wait, note=first_line(error))
        totals.failed += len(rows)
        totals.given_up += len(rows) if final else 0
        LOG.warning("%s alerts of %s to %s: %s", len(rows), rows[0]["scan"], name, error)
        return
    _mark(catalog, message, "delivered", now)
    totals.messages += 1
    totals.alerts += len(rows)
    LOG.info("%s alerts of %s to %s", len(rows), rows[0]["scan"], name)


def _required(channel: Channel | None, name: str) -> Channel:
    if channel is None:
        raise DeliveryError(f"there is no channel {name}: technic alerts add {name} ADDRESS")
    return channel


def title_of(rows: list[dict[str, Any]]) -> str:
    """The title of a message: the scan, and who entered, left or crossed.

    Parameters
    ----------
    rows : of the catalog, one for each alert; all of one scan

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
    message: _Message,
    state: str,
    now: datetime,
    *,
    wait: timedelta = timedelta(0),
    note: str = "",
) -> None:
    """Write down what became of a message; it is not sent again before `wait` is over."""
    values = {
        "state": state,
        "attempts": message.attempts,
        "at": naive(now),
        "not_before": naive(now + wait),
        "note": note[:200],
    }
    numbers = [row["id"] for row in message.rows]
    of_message = (DELIVERIES.c.channel == message.channel, DELIVERIES.c.alert_id.in_(numbers))
    statement = update(DELIVERIES).where(*of_message).values(**values)
    catalog.write(lambda connection: connection.execute(statement))


def _count(catalog: Catalog, state: str) -> int:
    query = select(DELIVERIES.c.alert_id).where(DELIVERIES.c.state == state)
    return len(catalog.read(lambda connection: connection.execute(query).fetchall()))
