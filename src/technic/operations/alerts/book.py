"""The book of alerts: what was told of each scan, and what is to be told now.

The rules are those of `scanner/spec/alert_rules.py`; the book remembers, and asks its `decide`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from hashlib import blake2b
from typing import Any

import orjson
from sqlalchemy import Connection, insert, select, update

from technic.data.store.catalog import Catalog
from technic.data.store.catalog.tables import ALERT_MEMORIES, ALERTS, DELIVERIES, naive
from technic.query.resolve import Resolver
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
    """One change of a scan that people are told of.

    Attributes
    ----------
    key : names the change; told twice, it has the same key
    at : when it was noticed, UTC
    scan, title : the saved scan's name, and what it calls itself
    kind : "entered", "left" or "crossed"
    security_id, symbol : whom it is about
    detail : where the security stands now, in words
    as_of : the session of the report
    provisional : whether the report rests on bars that are not final
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
    """The same scan file with the conditions that its alerts wait for as columns."""
    if file.alert is None or not file.alert.crossed:
        return file
    extra = tuple(text for text in file.alert.crossed if text not in file.columns)
    return replace(file, columns=(*file.columns, *extra))


def crossings(file: ScanFile) -> list[str]:
    """The columns that say for whom the conditions hold, in a report of `with_crossings(file)`."""
    resolver = Resolver(file.lets, file.params)
    texts = file.alert.crossed if file.alert else ()
    return [str(resolver.question(text)) for text in texts]


class AlertBook:
    """The alerts of one store's catalog, and what it remembers of each scan."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def observe(
        self,
        scan: str,
        file: ScanFile,
        report: Report,
        now: datetime,
        unseen: frozenset[int] = frozenset(),
    ) -> list[Alert]:
        """Compare a report with what is remembered of its scan, and keep what has changed as alerts.

        The first report of a scan, or of another question under its name, only begins the memory.
        A report of an older session than the one remembered tells nothing: what it says is past.

        Parameters
        ----------
        scan : the name under which the scan is remembered
        file : whose section [alert] says what is told, and where
        report : of `with_crossings(file)`
        now : the instant at which the report is looked at, UTC
        unseen : securities without a bar yet on a session that is not over: nothing is told of them

        Returns
        -------
        list
            The alerts that the report gives rise to; empty if nothing has changed.
        """
        rules = file.alert
        if rules is None:
            return []
        members = replace(members_of_report(report, file), unseen=unseen)
        question = _question_of(report, crossings(file))

        def work(connection: Connection) -> list[Alert]:
            memory, evaluations = _recall(connection, scan, question)
            if memory is None:
                first = replace(first_memory(members), as_of=report.as_of)
                _remember(connection, scan, question, first, 1)
                return []
            if memory.as_of is not None and report.as_of < memory.as_of:
                return []
            memory.as_of = report.as_of
            changes = decide(memory, members, rules, now)
            alerts = [_alert(scan, report, change, now) for change in changes]
            for alert in alerts:
                _keep(connection, alert, rules, now)
            _remember(connection, scan, question, memory, evaluations + 1)
            return alerts

        return self._catalog.write(work)

    def alerts(self, limit: int = 200, since: int = 0) -> list[dict[str, Any]]:
        """Rows of alerts, newest first, each with its `deliveries`.

        Parameters
        ----------
        limit : how many at most
        since : the number of an alert; only later ones are given
        """
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
        """Forget a scan: its next report begins a new memory, and tells nobody of anything."""
        statement = ALERT_MEMORIES.delete().where(ALERT_MEMORIES.c.scan == scan)
        self._catalog.write(lambda connection: connection.execute(statement))


def members_of_report(report: Report, file: ScanFile) -> ScanMembers:
    """Who is on a report's list, and for whom of them the crossings of its scan file hold."""
    rows = list(zip(report.ranked, report.shown, strict=False))
    members = {report.security_ids[i]: row.symbol for i, row in rows}
    true, answered = {}, {}
    texts = file.alert.crossed if file.alert else ()
    for text, column in zip(texts, crossings(file), strict=True):
        values = {report.security_ids[i]: row.values.get(column) for i, row in rows}
        true[text] = frozenset(k for k, v in values.items() if v == 1.0)
        answered[text] = frozenset(k for k, v in values.items() if v is not None)
    return ScanMembers(members, true, answered, is_cut=report.n_ranked > len(members))


def _question_of(report: Report, crossings: list[str]) -> str:
    """A digest of what decides who is on the list: another question has another memory."""
    question = {k: v for k, v in report.asked.items() if k not in {"name", "columns", "plan"}}
    # Sorted, so that the order in which a file names its sections does not matter.
    text = orjson.dumps([question, crossings], option=orjson.OPT_SORT_KEYS)
    return blake2b(text, digest_size=16).hexdigest()


def _recall(connection: Connection, scan: str, question: str) -> tuple[Memory | None, int]:
    # The row is locked: two processes that look at one scan take turns, and tell a change once.
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


def _alert(scan: str, report: Report, change: ScanChange, now: datetime) -> Alert:
    about = (
        f"{scan}|{change.kind}|{change.security_id}|{change.text}|{report.as_of}|{now.isoformat()}"
    )
    return Alert(
        blake2b(about.encode(), digest_size=12).hexdigest(),
        now,
        scan,
        report.asked["name"],
        change.kind,
        change.security_id,
        change.symbol,
        _detail(report, change),
        report.as_of,
        bool(report.manifest.get("provisional")),
    )


def _detail(report: Report, change: ScanChange) -> str:
    """Where the security stands now, in words."""
    if change.kind == "left":
        return Side(report).why(change.security_id)
    place = report.places().get(change.security_id)
    stands = "" if place is None else f"rank {place} of {report.n_ranked:,}"
    return f"{change.text}: {stands}" if change.text else stands


def _keep(connection: Connection, alert: Alert, rules: AlertRules, now: datetime) -> None:
    inserted = connection.execute(
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
    assert inserted.inserted_primary_key is not None
    number = int(inserted.inserted_primary_key[0])
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


def _utc(stored: datetime | None) -> datetime | None:
    """An instant of the catalog, which keeps UTC without saying so."""
    return None if stored is None else stored.replace(tzinfo=UTC)
