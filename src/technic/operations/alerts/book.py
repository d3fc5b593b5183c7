"""The book of alerts: what of each scan was told, and what is to be told now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from hashlib import blake2b
from typing import Any

import orjson
from sqlalchemy import Connection, insert, select, update

from technic.data.store.catalog import Catalog
from technic.data.store.catalog.catalog import naive
from technic.data.store.catalog.tables import ALERT_MEMORIES, ALERTS, DELIVERIES
from technic.query.series import expand
from technic.scanner.inspect.diff import Side
from technic.scanner.report import Report
from technic.scanner.spec.alert_rules import (
    AlertRules,
    Memory,
    ScanChange,
    ScanMembers,
    decide,
    first_memory,
)
from technic.scanner.spec.scan_file import ScanFile


@dataclass(frozen=True, slots=True)
class Alert:
    """One change that is told.

    Attributes
    ----------
    key : names the change; the same one told twice has the same key
    scan, title : the saved scan's name, and what it calls itself
    kind : entered, left or crossed
    provisional : whether it rests on bars that are not final
    """

    key: str
    at: datetime
    scan: str
    title: str
    kind: str
    security_id: int
    symbol: str
    detail: str
    as_of: date
    provisional: bool

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**values, "at": self.at.isoformat(), "as_of": self.as_of.isoformat()}


def with_crossings(file: ScanFile) -> ScanFile:
    """A scan file that also evaluates what its alerts wait for."""
    if file.alert is None or not file.alert.crossed:
        return file
    extra = tuple(text for text in file.alert.crossed if text not in file.columns)
    return replace(file, columns=(*file.columns, *extra))


def crossings(file: ScanFile) -> list[str]:
    """The columns of a report of `with_crossings(file)` that say who has crossed."""
    return [] if file.alert is None else [str(expand(text)[0]) for text in file.alert.crossed]


class AlertBook:
    """Alerts and memories of one store's catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def observe(self, scan: str, file: ScanFile, report: Report, now: datetime) -> list[Alert]:
        """Take notice of an answer; returns the alerts that it gives rise to, which are kept.

        Parameters
        ----------
        scan : the name under which the scan is remembered
        report : of `with_crossings(file)`
        """
        rules = file.alert
        if rules is None:
            return []
        seen = seen_in(report, rules)
        question = _question_of(report, rules)

        def work(connection: Connection) -> list[Alert]:
            memory, evaluations = _recall(connection, scan, question)
            if memory is None:
                _remember(connection, scan, question, first_memory(seen), 1)
                return []
            told = decide(memory, seen, rules, now)
            alerts = [_alert(scan, report, one, now) for one in told]
            for alert in alerts:
                _keep(connection, alert, rules, now)
            _remember(connection, scan, question, memory, evaluations + 1)
            return alerts

        return self._catalog.write(work)

    def alerts(self, limit: int = 200, since: int = 0) -> list[dict[str, Any]]:
        """Alerts, newest first, each with where it went; those after number `since` only."""
        query = select(ALERTS).where(ALERTS.c.id > since).order_by(ALERTS.c.id.desc()).limit(limit)
        rows = self._catalog.rows(query)
        numbers = [row["id"] for row in rows]
        sent = self._catalog.rows(select(DELIVERIES).where(DELIVERIES.c.alert_id.in_(numbers)))
        by_alert: dict[int, list[dict[str, Any]]] = {}
        for row in sent:
            about = {k: row[k] for k in ("channel", "state", "attempts", "note")}
            by_alert.setdefault(row["alert_id"], []).append({**about, "at": _utc(row["at"])})
        return [
            {**row, "at": _utc(row["at"]), "deliveries": by_alert.get(row["id"], [])}
            for row in rows
        ]

    def newest(self) -> int:
        """The number of the newest alert; 0 if there is none."""
        query = select(ALERTS.c.id).order_by(ALERTS.c.id.desc()).limit(1)
        return int(self._catalog.read(lambda c: c.execute(query).scalar()) or 0)

    def forget(self, scan: str) -> None:
        """Start a scan's memory anew: nobody is told of what is on its list next time."""
        statement = ALERT_MEMORIES.delete().where(ALERT_MEMORIES.c.scan == scan)
        self._catalog.write(lambda connection: connection.execute(statement))


def seen_in(report: Report, rules: AlertRules) -> ScanMembers:
    """Who is on a report's list, and for whom of them the crossings hold."""
    rows = list(zip(report.ranked, report.shown, strict=False))
    members = {report.security_ids[i]: row.symbol for i, row in rows}
    true, known = {}, {}
    for text in rules.crossed:
        column = str(expand(text)[0])
        values = {report.security_ids[i]: row.values.get(column) for i, row in rows}
        true[text] = frozenset(k for k, v in values.items() if v == 1.0)
        known[text] = frozenset(k for k, v in values.items() if v is not None)
    return ScanMembers(members, true, known)


def _question_of(report: Report, rules: AlertRules) -> str:
    """A digest of what decides who is on the list: another question has another memory."""
    asked = {k: v for k, v in report.asked.items() if k not in {"name", "columns", "plan"}}
    text = orjson.dumps([asked, list(rules.crossed)], option=orjson.OPT_SORT_KEYS)
    return blake2b(text, digest_size=16).hexdigest()


def _recall(connection: Connection, scan: str, question: str) -> tuple[Memory | None, int]:
    query = select(ALERT_MEMORIES).where(ALERT_MEMORIES.c.scan == scan).with_for_update()
    row = connection.execute(query).mappings().first()
    if row is None:
        return None, 0
    if row["question"] != question:
        return None, int(row["evaluations"])
    return Memory.of(orjson.loads(row["memory"])), int(row["evaluations"])


def _remember(
    connection: Connection, scan: str, question: str, memory: Memory, evaluations: int
) -> None:
    values = {
        "question": question,
        "memory": orjson.dumps(memory.as_dict()).decode(),
        "evaluations": evaluations,
    }
    changed = connection.execute(
        update(ALERT_MEMORIES).where(ALERT_MEMORIES.c.scan == scan).values(**values)
    )
    if not changed.rowcount:
        connection.execute(insert(ALERT_MEMORIES).values(scan=scan, **values))


def _alert(scan: str, report: Report, told: ScanChange, now: datetime) -> Alert:
    about = f"{scan}|{told.kind}|{told.security_id}|{told.text}|{report.as_of}|{now.isoformat()}"
    return Alert(
        blake2b(about.encode(), digest_size=12).hexdigest(),
        now,
        scan,
        report.asked["name"],
        told.kind,
        told.security_id,
        told.symbol,
        _detail(report, told),
        report.as_of,
        bool(report.manifest.get("provisional")),
    )


def _detail(report: Report, told: ScanChange) -> str:
    """Where it stands now, in words."""
    if told.kind == "left":
        return Side(report).why(told.security_id)
    place = report.places().get(told.security_id)
    stands = "" if place is None else f"rank {place} of {report.n_ranked:,}"
    return f"{told.text}: {stands}" if told.text else stands


def _keep(connection: Connection, alert: Alert, rules: AlertRules, now: datetime) -> None:
    done = connection.execute(
        insert(ALERTS).values(
            key=alert.key,
            at=naive(alert.at),
            scan=alert.scan,
            title=alert.title,
            kind=alert.kind,
            security_id=alert.security_id,
            symbol=alert.symbol,
            detail=alert.detail,
            as_of=alert.as_of,
            provisional=alert.provisional,
        )
    )
    assert done.inserted_primary_key is not None
    number = int(done.inserted_primary_key[0])
    for channel in dict.fromkeys(rules.to):
        connection.execute(
            insert(DELIVERIES).values(
                alert_id=number,
                channel=channel,
                state="waiting",
                attempts=0,
                note="",
                not_before=naive(rules.deliverable_at(now)),
            )
        )


def alert_of_row(row: dict[str, Any]) -> Alert:
    """The alert that a row of the catalog keeps."""
    values = {name: row[name] for name in Alert.__dataclass_fields__}
    return Alert(**{**values, "at": _utc(row["at"])})


def _utc(kept: datetime | None) -> datetime | None:
    """An instant of the catalog, which keeps UTC without saying so."""
    return None if kept is None else kept.replace(tzinfo=UTC)
