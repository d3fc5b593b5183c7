"""Commands that look again: diff, watch, the daily loop, its schedule."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from technic.errors import ConfigError, printable
from technic.interfaces.cli import options

if TYPE_CHECKING:
    from technic.data.ingest.sync import Synced
    from technic.scanner.inspect.diff import Difference
    from technic.scanner.report import Report
    from technic.scanner.spec.scan_file import ScanFile

ScanArgument = Annotated[
    str, typer.Argument(metavar="FILE|NAME", help="A scan file, a saved scan, or a preset.")
]


def named_scan(text: str, settings: Any) -> tuple[str, ScanFile]:
    """A scan by the name of a file, of a saved scan or of a preset; and what to call it."""
    from technic.operations.saved_scans import scan_file
    from technic.scanner.spec.scan_file import ScanFile

    path = Path(text)
    if path.suffix == ".toml":
        return path.stem, ScanFile.read(path)
    return text, scan_file(settings, text)


def diff(
    scan: ScanArgument,
    before: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="The session before, by default.")
    ] = None,
    after: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="The newest session, by default.")
    ] = None,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Say who entered and who left a scan between two sessions, and why."""
    from technic.interfaces.render.changes import render_difference
    from technic.scanner.inspect.diff import diff as run

    desk = options.desk(store)
    desk.store.require()
    options.ensure_compiled(desk.settings)
    _, file = named_scan(scan, desk.settings)
    days = options.day(before, "--from"), options.day(after, "--to")
    difference = run(desk.store, file, *days, settings=desk.settings)
    if as_json:
        options.emit_json(difference.as_dict())
    else:
        render_difference(difference, sys.stdout)


def watch(
    scan: ScanArgument,
    every: Annotated[str, typer.Option(metavar="TIME", help="Between looks: 15s, 1m.")] = "60s",
    looks: Annotated[
        int | None, typer.Option(help="End after so many.", min=1, max=1_000_000)
    ] = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="Minute bars by websocket, instead of snapshots.")
    ] = False,
    store: options.StoreOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON per look.")] = False,
) -> None:
    """Look at a scan again and again while the market trades, and say what changes.

    The bars of the day so far are merged in memory; the store never sees them.
    """
    import time

    from technic.data.ingest.vendors import connect_vendors, open_stream
    from technic.interfaces.cli.sync import ledger
    from technic.operations.alerts import AlertBook, channels_of, deliver
    from technic.operations.feed import Snapshots
    from technic.operations.intraday import Watch, watch_repeatedly
    from technic.scanner.spec.alert_rules import duration

    desk = options.desk(store)
    desk.store.require()
    options.ensure_compiled(desk.settings)
    name, file = named_scan(scan, desk.settings)
    pause = duration(every, "--every")
    channels = channels_of(desk.settings)
    with connect_vendors(desk.settings, ledger(desk.store)) as vendors, ExitStack() as stack:
        source = vendors.snapshot_source()
        feed: Any = Snapshots(source, vendors.now)
        if stream:
            feed = open_stream(desk.settings, feed)
            stack.callback(feed.close)
        book = AlertBook(desk.store.catalog)
        watched = Watch(desk.store, feed, file, name, settings=desk.settings, book=book)
        with shown(as_json) as show:
            for glance in watch_repeatedly(watched, pause, sleep=time.sleep, looks=looks):
                show(glance)
                if glance.alerts:
                    deliver(desk.store.catalog, channels, desk.store.folder)


class shown:  # noqa: N801 -- a context that gives a function
    """How looks are shown: a screen that changes, or line after line in a pipe."""

    def __init__(self, as_json: bool) -> None:
        self._as_json, self._live, self._recent = as_json, None, []  # type: Any, Any, list[Any]

    def __enter__(self) -> Any:
        if not self._as_json and sys.stdout.isatty():
            from rich.live import Live

            from technic.interfaces.render.text import console

            self._live = Live(console=console(sys.stdout), refresh_per_second=8)
            self._live.start()
        return self._show

    def __exit__(self, *_error: object) -> None:
        if self._live is not None:
            self._live.stop()

    def _show(self, glance: Any) -> None:
        from technic.interfaces.render.changes import glance_line, glance_lines, glance_panel

        if self._as_json:
            import orjson

            text = orjson.dumps(glance.as_dict(), default=str).decode()
            print(printable(text), flush=True)
            return
        lines = glance_lines(glance)
        if self._live is not None:
            self._recent = [*self._recent, *lines][-40:]
            self._live.update(glance_panel(glance, self._recent))
            return
        print(glance_line(glance))
        for line in lines:
            print(line.plain)
        sys.stdout.flush()


def daily(
    no_sync: Annotated[
        bool, typer.Option("--no-sync", help="Go by what is stored; ask no vendor.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where reports are written.")
    ] = None,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Sync, run every saved scan, compare with the session before, tell who wants to know.

    Safe to repeat, and to stop. Exit code 0 if all went well, 1 if something needs a look.
    """
    from technic.interfaces.render.changes import night_lines
    from technic.operations.alerts import channels_of
    from technic.operations.nightly import daily as run

    desk = options.desk(store, writing=not no_sync)
    options.ensure_compiled(desk.settings)
    folder = out or desk.settings.reports
    night = run(
        desk.store,
        desk.settings,
        sync=None if no_sync else lambda: _sync(desk),
        channels=channels_of(desk.settings),
        keep=lambda name, report, change: _write(folder, name, report, change),
    )
    if as_json:
        options.emit_json(_as_dict(night))
    else:
        print("\n".join(night_lines(night, str(desk.store.folder))))
    if not night.ok:
        raise typer.Exit(1)


def _sync(desk: options.Desk) -> Synced:
    from technic.data.ingest.sync import SyncRequest, sync
    from technic.data.ingest.vendors import connect_vendors, wish_of
    from technic.interfaces.cli.sync import ledger

    with connect_vendors(desk.settings, ledger(desk.store)) as vendors:
        clock = vendors.clock()
        with options.bar("Syncing") as advance:
            return sync(
                desk.store,
                SyncRequest(
                    vendors.sources_of(),
                    wish_of(desk.settings, clock()),
                    paces=vendors.paces,
                    simulated=vendors.simulated,
                    marks=vendors.marks,
                ),
                clock=clock,
                progress=advance,
            )


def _write(folder: Path, name: str, report: Report, change: Difference | None) -> None:
    """A night's report, as a page and as JSON; the same night again writes the same files."""
    from dataclasses import replace

    import orjson

    from technic.interfaces.render.report_page import page
    from technic.runtime.files import write_atomically
    from technic.scanner.manifest import with_digest

    place = folder / report.as_of.isoformat()
    report = replace(report, timings={}, work={})  # what it took is not part of the answer
    difference = change.as_dict() if change else None
    content = with_digest({**report.as_dict(), "difference": difference})
    write_atomically(place / f"{name}.html", page(report).encode())
    write_atomically(place / f"{name}.json", orjson.dumps(content, default=str) + b"\n")


def _as_dict(night: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "ok": night.ok,
        "as_of": night.as_of,
        "scans": [
            {
                "name": one.name,
                "trouble": one.trouble,
                "shown": len(one.report.shown) if one.report else None,
                "seal": one.report.manifest["seal"] if one.report else None,
                "difference": one.difference.as_dict() if one.difference else None,
                "alerts": [alert.as_dict() for alert in one.alerts],
            }
            for one in night.scans
        ],
        "accuracy": asdict(night.accuracy) if night.accuracy else None,
        "delivered": asdict(night.delivered) if night.delivered else None,
        "trouble": night.trouble,
        "seconds": night.seconds,
    }


def schedule(
    system: Annotated[
        str | None,
        typer.Argument(metavar="[cron|systemd|launchd|windows]", help="This system's, by default."),
    ] = None,
    at: Annotated[str, typer.Option(metavar="HH:MM", help="In New York.")] = "20:30",
) -> None:
    """Print what makes the daily loop run by itself; changes nothing.

    20:30 in New York is a quarter of an hour after vendors have the day's bars.
    """
    from datetime import time

    from technic.interfaces.cli.schedules import schedule_for, this_system

    try:
        moment = time.fromisoformat(at)
    except ValueError as error:
        raise ConfigError(f"--at {at}: write a time of day as 20:30") from error
    print(schedule_for(system or this_system(), moment.hour, moment.minute))
