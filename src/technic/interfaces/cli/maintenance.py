"""Commands beside the market: the simulated vendor, caches, backups."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from technic.errors import counted
from technic.interfaces.cli import options
from technic.interfaces.cli.groups import grouped
from technic.interfaces.render.terminal import quoted

if TYPE_CHECKING:
    from technic.data.simulated.publications import Publications


@dataclass(frozen=True)
class MarketOptions:
    """The market that a simulated vendor knows."""

    seed: Annotated[int, typer.Option(help="Another seed, another market.")] = 7
    size: Annotated[int, typer.Option(help="Listings.", min=20, max=50_000)] = 5_800
    sessions: Annotated[int, typer.Option(help="Sessions of history.", min=30, max=2_000)] = 504
    replay: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Serve these bars instead.")
    ] = None

    def publications(self) -> Publications:
        """What the vendor knows, and since when."""
        from technic.data.simulated.replay import replay
        from technic.data.simulated.tape import record

        show = options.progress("Simulating a vendor")
        if self.replay is None:
            show("drawing bars")
            market = record(self.seed, self.size, self.sessions)
        else:
            show(f"reading {self.replay.name}")
            market = replay(self.replay)
        options.progress_done()
        return market


@dataclass(frozen=True)
class VendorOptions:
    """How a simulated vendor behaves."""

    clock: Annotated[
        str | None,
        typer.Option(metavar="INSTANT", help="Where its time stands, e.g. 2026-11-20T21:00."),
    ] = None
    rate: Annotated[float, typer.Option(help="Virtual seconds per second; 0 stands still.")] = 0.0
    plan: Annotated[str, typer.Option(help="none, basic, starter, …, or 20/60: calls/seconds.")] = (
        "none"
    )
    faults: Annotated[Path | None, typer.Option(metavar="FILE", help="A plan of faults, JSON.")] = (
        None
    )
    log: Annotated[Path | None, typer.Option(metavar="FILE", help="Write every request here.")] = (
        None
    )


@grouped
def serve(
    market: MarketOptions,
    vendor: VendorOptions,
    port: Annotated[int, typer.Option(help="Loopback port.")] = 8700,
) -> None:
    """Serve a simulated vendor on loopback: Massive's dialect, and Alpaca's bars. Needs no key."""
    import time

    from technic.data.simulated.faults import read_plan
    from technic.data.simulated.server import serving
    from technic.data.simulated.twin import Twin

    publications = market.publications()
    twin = Twin(
        publications,
        clock=options.instant(vendor.clock, "--clock"),
        plan=vendor.plan,
        faults=read_plan(vendor.faults) if vendor.faults else None,
        log=vendor.log,
    )
    twin.clock.rate = vendor.rate
    with serving(twin, port) as served:
        print(
            f"SIMULATED VENDOR at {served.url}   (control {served.control}, token {served.token})"
        )
        sessions = publications.sessions
        print(
            f"{counted(len(publications.listings), 'listing')}, sessions {sessions[0]} to {sessions[-1]}, "
            f"its time is {twin.clock.now():%Y-%m-%d %H:%M} UTC"
        )
        print("Use it from another terminal:")
        print(f"  export TECHNIC_MASSIVE__BASE_URL={served.url} MASSIVE_API_KEY=any")
        print("  technic sync --store twin")
        print("Ctrl-C ends it.", flush=True)
        while True:
            time.sleep(1.0)


def cache_stats(as_json: options.JsonOption = False) -> None:
    """What the caches hold."""
    from technic.runtime.settings import Settings

    rows = []
    for tier in Settings.load().cache.tiers:
        held = tier.size()
        rows.append(
            {
                "tier": tier.name,
                "values": held[0] if held else None,
                "megabytes": held[1] / 1e6 if held else None,
                "says": tier.check() if hasattr(tier, "check") else "",
            }
        )
    if as_json:
        options.emit_json(rows)
        return
    for row in rows:
        says = str(row["says"] or "in this process only")
        if row["tier"] == "files":
            says = f"{counted(int(row['values'] or 0), 'value')}, {row['megabytes']:,.1f} MB"
        print(f"{row['tier']:<8} {says}")


def cache_clear(
    prefix: Annotated[
        str, typer.Option("--prefix", help="Only this kind: report, column, state.")
    ] = "",
) -> None:
    """Forget what the caches hold; it is made again when it is needed."""
    from technic.runtime.settings import Settings

    for name, count in Settings.load().cache.clear(prefix).items():
        print(
            f"{name:<8} " + ("cleared" if count is None else f"{counted(count, 'value')} cleared")
        )


def backup(
    target: Annotated[
        str,
        typer.Argument(metavar="DIR|URL", help="A folder that is not there yet, or s3://bucket/x."),
    ],
    store: options.StoreOption = None,
) -> None:
    """Copy the store as it is now, whole, and all that belongs to it, while others go on using it.

    Bars and versions, watch-lists, keys, runs, trials, alerts, models, evidence, saved scans, kept
    reports, rollouts and settings. Secrets stay behind. To object storage only what is new goes,
    and the store can be read there: --store s3://bucket/x.
    """
    from technic.data.store.backup import backup as run
    from technic.data.store.backup_manifest import read_manifest
    from technic.data.store.remote import is_remote
    from technic.data.store.remote_backup import push

    desk = options.desk(store)
    if is_remote(target):
        sent = push(desk.store, target, desk.settings)
        print(f"{target}: version {desk.store.version().number}, {counted(sent, 'file')} sent")
        print(f"Read it anywhere: technic scan --store {quoted(target)}")
    else:
        run(desk.store, Path(target), desk.settings)
        manifest = read_manifest(Path(target))
        print(f"{target}: version {manifest.version} of {desk.store.folder}; {manifest.summary}")
        if manifest.left_out:
            left_out = ", ".join(manifest.left_out)
            print(f"Left out, as a backup holds no secrets: {left_out}; keep them elsewhere")
        print(f"Check it: technic doctor --deep --store {quoted(target)}")
    print(f"Bring it back: technic restore {quoted(target)} --store DIR")


def vacuum(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be taken away.")
    ] = False,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Take away what the store no longer needs: old panels, and versions that nothing names.

    Versions go that are older than the setting retention and that no kept report, run, model or
    rollout names; small files are merged. It happens by itself: panels and small files at every
    import and sync, versions in the daily loop.
    """
    from technic.data.store.vacuum import tidy
    from technic.data.store.vacuum import vacuum as run

    desk = options.desk(store)
    desk.store.require()
    if not dry_run:
        tidy(desk.store)
    found = run(desk.store, desk.settings, dry_run=dry_run)
    if as_json:
        counts = {"files": len(found.files), "panels": len(found.panels)}
        options.emit_json({**counts, "versions": list(found.versions), "bytes": found.bytes})
        return
    print(f"{'Would free' if dry_run else 'Freed'} {found.summary}")


def restore(
    source: Annotated[
        str, typer.Argument(metavar="DIR|URL", help="A folder or address of technic backup.")
    ],
    store: options.StoreOption = None,
) -> None:
    """Bring back a store, and all that belongs to it, from a backup; whole, or not at all.

    The store comes into a folder that is not there yet. Saved scans, kept reports, rollouts and
    settings come back where there are none; what is there is never written over.
    """
    from technic.data.store.remote_backup import restore_from
    from technic.runtime.settings import Settings

    settings = Settings.load()
    folder = Path(settings.store(store, writing=True).value)
    restored = restore_from(source, folder, settings)
    manifest = restored.manifest
    print(f"{folder}: version {manifest.version}, backed up {manifest.made}; {manifest.summary}")
    for text in restored.notes:
        print(text)
    if restored.untouched:
        print(f"There already, and left as they are: {', '.join(restored.untouched)}")
    if manifest.left_out:
        print(f"Not in the backup, enter them again: {', '.join(manifest.left_out)}")
