"""A sync as text and as JSON: what it would cost, and what it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TextIO

from technic.data.ingest.beginnings import PROOF
from technic.errors import counted, printable
from technic.market.quality import in_words

if TYPE_CHECKING:
    from technic.data.ingest.commit import Tally
    from technic.data.ingest.planning import SyncPlan
    from technic.data.ingest.sync import Synced

HOUR = 60.0  # minutes
NOTES_SHOWN = 12
FAILURES_SHOWN = 5


def plan_json(plan: SyncPlan) -> dict[str, Any]:
    """What a sync would cost, as JSON holds it."""
    return {
        "missing": plan.missing,
        "again": plan.again,
        "calls": plan.calls,
        "minutes": plan.minutes,
        "may_end": plan.may_end,
        "spared": plan.spared,
        "history_begins": {name: str(b.first) for name, b in plan.before.items()},
        "steps": [
            {"provider": s.provider, "ask": str(s.ask), "calls": s.calls} for s in plan.steps
        ],
        "options": [
            {"title": o.title, "calls": o.calls, "minutes": o.minutes, "bytes": o.bytes}
            for o in plan.options
        ],
    }


def render_plan(plan: SyncPlan, stream: TextIO) -> None:
    """What a sync would cost, by each way to ask."""
    for name, known in plan.before.items():
        left = f" {plan.spared:,} older sessions are left out," if plan.spared else ""
        print(
            f"{name}: its history begins on {known.first};{left} asked for once more after "
            f"{known.asked_again}, with another key or plan, or with --older.",
            file=stream,
        )
    if not plan.steps:
        print("Nothing is missing: no call is needed.", file=stream)
        return
    fresh = sum(o.calls for o in plan.options[:1])
    about = plan.calls - fresh - plan.again
    print(
        f"Missing: {counted(plan.missing, 'session')}. To ask again for late corrections: {plan.again}.",
        file=stream,
    )
    for j, option in enumerate(plan.options):
        mark = "  ← chosen" if j == 0 and len(plan.options) > 1 else ""
        print(
            f"  {'  ' if j == 0 else 'or'} {option.title:<52} {option.calls:>6,} calls · "
            f"{duration(option.minutes)} · {option.bytes / 1e6:,.0f} MB{mark}",
            file=stream,
        )
    print(
        f"  and listings, splits, dividends {about}, again {plan.again}: {counted(plan.calls, 'call')} in "
        f"all, {duration(plan.minutes)}",
        file=stream,
    )
    if plan.may_end:
        print(
            f"Fewer if the vendor's history begins later: {PROOF} empty sessions in a row end it.",
            file=stream,
        )


def duration(minutes: float) -> str:
    """Minutes as people say them.

    Examples
    --------
    >>> duration(0.2), duration(90.0), duration(300.0)
    ('12 s', '90 min', '5.0 h')
    """
    if minutes < 1.0:
        return f"{max(minutes * 60.0, 1.0):.0f} s"
    return f"{minutes:.0f} min" if minutes < 2 * HOUR else f"{minutes / HOUR:.1f} h"


def sync_json(done: Synced) -> dict[str, Any]:
    """What a sync did, as JSON holds it."""
    tally = done.tally
    return {
        "answered": done.answered,
        "resumed": done.resumed,
        "spared": done.spared + done.plan.spared,
        "failed": [{"ask": str(a), "why": why} for a, why in done.failed],
        "bars": tally.bars,
        "known": tally.known,
        "actions": tally.actions,
        "edits": {str(day): n for day, n in tally.edits.items()},
        "quarantined": tally.quarantined,
        "notes": tally.notes,
        "store_version": done.version.name,
    }


def render_sync(done: Synced, stream: TextIO, errors: TextIO) -> None:
    """What a sync did; what was not answered goes to `errors`."""
    tally = done.tally
    if done.resumed:
        print(
            f"{counted(done.resumed, 'answer')} of an interrupted sync were taken in first.",
            file=stream,
        )
    if not done.plan.steps and not done.resumed:
        print("Nothing was missing: no call was made.", file=stream)
    counts = {
        "new bars": tally.bars,
        "splits and dividends": tally.actions,
        "corrections of stored bars": sum(tally.edits.values()),
        "known already": tally.known,
    }
    for title, count in counts.items():
        if count:
            print(f"  {count:>11,}  {title}", file=stream)
    for reason, count in sorted(tally.quarantined.items()):
        print(f"  {count:>11,}  set aside: {in_words(reason)}", file=stream)
    for line in _noteworthy(tally):
        print(f"  {line}", file=stream)
    for ask, why in done.failed[:FAILURES_SHOWN]:
        print(printable(f"technic: {ask}: {why}"), file=errors)
    if len(done.failed) > FAILURES_SHOWN:
        more = len(done.failed) - FAILURES_SHOWN
        print(f"technic: … and {more} more were not answered", file=errors)


def _noteworthy(tally: Tally) -> list[str]:
    """Corrected prices and notes, as many as fit a screen."""
    lines = [
        f"{edit['symbol']} on {edit['session']}: close {edit['close_before']:g} is "
        f"{edit['close']:g} now"
        for edit in tally.edits_shown[:5]
    ]
    lines += tally.notes[:NOTES_SHOWN]
    if len(tally.notes) > NOTES_SHOWN:
        lines.append(f"… and {len(tally.notes) - NOTES_SHOWN} more notes; see --json")
    return lines
