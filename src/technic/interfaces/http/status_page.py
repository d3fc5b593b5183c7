"""How the whole system does, on one page."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from technic.data.ingest import FileStore
from technic.data.ingest.vendors import FREE, PLANS
from technic.errors import TechnicError
from technic.interfaces.http.routes_symbols import about_of
from technic.interfaces.http.state import ServerState
from technic.market.quality import in_words
from technic.operations.metrics import history
from technic.operations.rollout.state import RolloutFile
from technic.scanner.inspect.coverage import coverage

DAY = timedelta(days=1)


def operations_of(hub: ServerState) -> dict[str, Any]:
    """Everything that the page of operations shows."""
    return {
        **hub.pulse(),
        "about": about_of(hub),
        "calls": _calls(hub),
        "coverage": _coverage(hub),
        "disk": _disk(hub),
        "rollout": _rollout(hub),
        "accuracy": _accuracy(hub),
        "alerts": _alerts(hub),
        "log": hub.observed.lines,
        "watches": hub.watches.list(),
        "sizes": [
            {"tier": tier.name, "values": held[0], "bytes": held[1]}
            for tier in hub.settings.cache.tiers
            if (held := tier.size()) is not None
        ],
    }


def _calls(hub: ServerState) -> dict[str, Any]:
    """What vendors were asked in the last day, beside what the plan allows."""
    now = datetime.now(UTC)
    rows = hub.store.catalog.calls(now - DAY)
    by_provider: dict[str, dict[str, Any]] = {}
    for row in rows:
        held = by_provider.setdefault(
            row["provider"], {"calls": 0, "failed": 0, "bytes": 0, "quota_left": None, "last": None}
        )
        held["calls"] += 1
        held["failed"] += row["status"] != 200
        held["bytes"] += row["bytes"]
        held["last"] = row["at"].replace(tzinfo=UTC).isoformat(timespec="seconds")
        if row["quota_left"] is not None:
            held["quota_left"] = row["quota_left"]
    for name, held in by_provider.items():
        plan = hub.settings.value("plan") or FREE.get(name, "")
        pace = PLANS.get(name, {}).get(plan)
        held["plan"] = plan
        held["allowed"] = f"{pace.calls} per {pace.period:.0f} s" if pace and pace.calls else ""
    newest = [
        {
            "at": row["at"].replace(tzinfo=UTC).isoformat(timespec="seconds"),
            "provider": row["provider"],
            "endpoint": row["endpoint"],
            "status": row["status"],
            "ms": row["ms"],
            "outcome": row["outcome"],
        }
        for row in rows[-12:]
    ]
    return {"providers": by_provider, "newest": newest[::-1]}


def _coverage(hub: ServerState) -> dict[str, Any]:
    """What the store's newest version holds, and what is missing from it."""
    return _covered(hub.store, hub.store.version().name)


@lru_cache(maxsize=2)
def _covered(store: FileStore, _version: str) -> dict[str, Any]:
    try:
        figures = coverage(store)
    except TechnicError:
        return {}
    names = (
        "symbols",
        "bars",
        "sessions",
        "sessions_without_bars",
        "traded_on_session",
        "no_bar_on_session",
        "stale",
        "short_history",
    )
    return {
        **{name: figures[name] for name in names},
        "thin_sessions": len(figures["thin_sessions"]),
        "set_aside": {in_words(why): count for why, count in figures["quarantined"].items()},
    }


def _disk(hub: ServerState) -> dict[str, Any]:
    about = shutil.disk_usage(hub.store.folder)
    sizes = {}
    for part in ("tables", "panels"):
        folder = hub.store.folder / part
        files = (path for path in folder.rglob("*") if path.is_file())
        sizes[part] = sum(path.stat().st_size for path in files)
    return {"free": about.free, "total": about.total, **sizes}


def _rollout(hub: ServerState) -> dict[str, Any]:
    held = RolloutFile(hub.settings.state / "rollout").read()
    return {
        "stable": held.stable,
        "candidate": held.candidate,
        "phase": held.phase,
        "share": held.share,
        "reason": held.reason,
    }


def _accuracy(hub: ServerState) -> dict[str, Any] | None:
    """What the newest daily check found."""
    since = datetime.now(UTC) - timedelta(days=30)
    measures = history(hub.store.catalog, ("accuracy_values", "accuracy_off"), since)
    if not measures["accuracy_values"]:
        return None
    at, values = measures["accuracy_values"][-1]
    off = measures["accuracy_off"][-1][1] if measures["accuracy_off"] else 0.0
    return {"at": at.isoformat(timespec="seconds"), "values": int(values), "off": int(off)}


def _alerts(hub: ServerState) -> dict[str, int]:
    counts = {"delivered": 0, "waiting": 0, "given_up": 0}
    for row in hub.book.alerts(200):
        for sent in row["deliveries"]:
            counts[sent["state"]] = counts.get(sent["state"], 0) + 1
    return counts
