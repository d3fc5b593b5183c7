"""Commands that keep the market: sync, vendors, the twin, caches, backups."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from technic.interfaces.cli import options

if TYPE_CHECKING:
    from technic.store import Store
    from technic.sync.ingest import Tally
    from technic.sync.planning import Plan
    from technic.sync.syncing import Synced

HOUR = 60.0  # minutes
NOTES_SHOWN = 12
SymbolsOption = Annotated[
    str | None, typer.Option("--symbols", metavar="A,B|@FILE", help="Only these, not the market.")
]
HistoryOption = Annotated[
    int | None, typer.Option("--history", min=1, help="Sessions that the store should hold.")
]


def sync(
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what it would cost; ask nothing.")
    ] = False,
    symbols: SymbolsOption = None,
    history: HistoryOption = None,
    repair: Annotated[bool, typer.Option("--repair", help="Fetch again what is damaged.")] = False,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Bring in what the store lacks: newest sessions first, as few calls as possible.

    Can be stopped at any moment, and goes on without asking anything twice.
    """
    from technic.sync.repairing import set_aside_damage
    from technic.sync.syncing import plan_sync
    from technic.sync.syncing import sync as run
    from technic.vendors import connected, wish_of

    desk = options.desk(store, writing=True)
    names = ",".join(options.symbols(symbols) or ())
    with connected(desk.settings, _ledger(desk.store)) as vendors:
        now = vendors.now()
        ahead = now - datetime.now(UTC) if vendors.foreign else timedelta()
        wish = wish_of(desk.settings, now, names, history)
        if plan:
            _show_plan(
                plan_sync(desk.store, vendors.sources_of(), wish, vendors.paces), desk, as_json
            )
            return
        if repair:
            _say_repair(set_aside_damage(desk.store))
        with options.bar("Syncing") as advance:
            done = run(
                desk.store,
                vendors.sources_of(),
                wish,
                paces=vendors.paces,
                clock=lambda: datetime.now(UTC) + ahead,
                progress=advance,
                simulated=vendors.simulated,
            )
    _show_sync(done, desk, as_json)
    if done.failed:
        raise typer.Exit(1)


def _ledger(store: Store) -> Any:
    """Writes every call down, in the catalog and in the log."""
    import logging
    from dataclasses import asdict

    log = logging.getLogger("technic.calls")

    def note(call: Any) -> None:
        store.catalog.log_call(asdict(call), datetime.now(UTC))
        log.info(
            "%s %s %s %s bytes %.0f ms attempt %s: %s",
            call.provider, call.endpoint, call.status, call.bytes, call.ms, call.attempt,
            call.outcome,
        )  # fmt: skip

    return note


def _show_plan(plan: Plan, desk: options.Desk, as_json: bool) -> None:
    if as_json:
        options.emit_json(
            {
                "missing": plan.missing, "again": plan.again, "calls": plan.calls,
                "steps": [{"provider": s.provider, "ask": str(s.ask), "calls": s.calls} for s in plan.steps],
                "options": [
                    {"title": o.title, "calls": o.calls, "minutes": o.minutes, "bytes": o.bytes}
                    for o in plan.options
                ],
            }
        )  # fmt: skip
        return
    version = desk.store.version()
    held = f"holds sessions {version.first} to {version.last}" if version.last else "is empty"
    print(f"Store {desk.store.folder} {held}.")
    if not plan.steps:
        print("Nothing is missing: no call is needed.")
        return
    fresh = sum(o.calls for o in plan.options[:1])
    about = plan.calls - fresh - plan.again
    print(f"Missing: {plan.missing} sessions. To ask again for late corrections: {plan.again}.")
    for j, option in enumerate(plan.options):
        mark = "  ← chosen" if j == 0 and len(plan.options) > 1 else ""
        print(
            f"  {'  ' if j == 0 else 'or'} {option.title:<52} {option.calls:>6,} calls · "
            f"{_minutes(option.minutes)} · {option.bytes / 1e6:,.0f} MB{mark}"
        )
    print(
        f"  and listings, splits, dividends {about}, again {plan.again}: {plan.calls:,} calls in all"
    )
    print(f"Newest first: a scan is good after the first few. Run it: {desk.command('sync')}")


def _minutes(minutes: float) -> str:
    if minutes < 1.0:
        return f"{max(minutes * 60.0, 1.0):.0f} s"
    return f"{minutes:.0f} min" if minutes < 2 * HOUR else f"{minutes / 60.0:.1f} h"


def _show_sync(done: Synced, desk: options.Desk, as_json: bool) -> None:
    tally = done.tally
    if as_json:
        options.emit_json(
            {
                "answered": done.answered, "resumed": done.resumed,
                "failed": [{"ask": str(a), "why": why} for a, why in done.failed],
                "bars": tally.bars, "known": tally.known, "actions": tally.actions,
                "edits": {str(day): n for day, n in tally.edits.items()},
                "quarantined": tally.quarantined, "notes": tally.notes,
                "store_version": done.version.name,
            }
        )  # fmt: skip
        return
    _print_sync(done)
    version = done.version
    if version.last is not None:
        mark = "SIMULATED: " if version.simulated else ""
        print(f"{mark}store {desk.store.folder} holds sessions {version.first} to {version.last}.")
        print(f"Next: {desk.command('scan')}")


def _print_sync(done: Synced) -> None:
    from technic.market.quality import REASONS

    tally = done.tally
    if done.resumed:
        print(f"{done.resumed} answers of an interrupted sync were taken in first.")
    if not done.plan.steps and not done.resumed:
        print("Nothing was missing: no call was made.")
    counts = {
        "new bars": tally.bars,
        "splits and dividends": tally.actions,
        "corrections of stored bars": sum(tally.edits.values()),
        "known already": tally.known,
    }
    for title, count in counts.items():
        if count:
            print(f"  {count:>11,}  {title}")
    for reason, count in sorted(tally.quarantined.items()):
        print(f"  {count:>11,}  set aside: {REASONS.get(reason, reason)}")
    for line in _noteworthy(tally):
        print(f"  {line}")
    for ask, why in done.failed[:5]:
        print(f"technic: {ask}: {why}", file=sys.stderr)
    if len(done.failed) > 5:  # noqa: PLR2004
        print(f"technic: … and {len(done.failed) - 5} more were not answered", file=sys.stderr)


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


def _say_repair(lost: list[str]) -> None:
    for text in lost:
        print(text)


def providers(
    probe: Annotated[
        bool, typer.Option("--probe", help="Ask what your key allows: a few calls.")
    ] = False,
    as_json: options.JsonOption = False,
) -> None:
    """List vendors: key, cost, history, rate, licence, and what your key was found to allow."""
    from technic.config import Settings
    from technic.probing import known_verdict, probed
    from technic.vendors import VENDORS

    settings = Settings.load()
    rows = []
    for name, about in VENDORS.items():
        verdict = probed(name, settings) if probe else known_verdict(name, settings)
        rows.append(
            {
                "name": name, "keys": list(about.keys), "cost": about.cost,
                "history": about.history, "rate": about.rate, "licence": about.licence,
                "yours": verdict,
            }
        )  # fmt: skip
    if as_json:
        options.emit_json(rows)
        return
    for row in rows:
        print(f"{row['name']:<10} {row['cost']} · {row['history']} · {row['rate']}")
        print(
            f"           {row['licence']}"
            + (f" · key: {', '.join(row['keys'])}" if row["keys"] else "")
        )
        print(f"           yours: {row['yours']}")


def init(
    provider: Annotated[str | None, typer.Option(help="massive, alpaca or massive,alpaca.")] = None,
    plan: Annotated[str | None, typer.Option(help="basic, starter, developer, advanced.")] = None,
    history: HistoryOption = None,
    universe: Annotated[str | None, typer.Option(help="all, or symbols A,B,C.")] = None,
) -> None:
    """Choose a vendor, history and universe; keep the key in a file only you can read."""
    from technic import keys
    from technic.config import Settings, write_settings
    from technic.market.sessions import nyse
    from technic.sync.planning import choose, newest_session
    from technic.vendors import FREE, PLANS, VENDORS, pace_of

    asks = sys.stdin.isatty()
    settings = Settings.load()
    provider = provider or (typer.prompt("Provider", default="massive") if asks else "massive")
    first = provider.split(",")[0].strip()
    if first not in PLANS:
        from technic.errors import ConfigError

        raise ConfigError(f"provider {first}: there are {', '.join(PLANS)}; files need no set-up")
    plan = plan or (typer.prompt("Plan", default=FREE[first]) if asks else FREE[first])
    if history is None:
        history = int(typer.prompt("Sessions of history", default=504)) if asks else 504
    universe = universe or (typer.prompt("Universe", default="all") if asks else "all")
    for name in (n.strip() for n in provider.split(",")):
        for secret in ("alpaca", "alpaca_secret") if name == "alpaca" else (name,):
            if keys.find(secret, settings) is None:
                if not asks:
                    print(f"{secret}: no key yet; set {' or '.join(VENDORS[name].keys)}")
                    continue
                value = typer.prompt(f"Key for {secret}", hide_input=True)
                print(f"Kept in {keys.keep(secret, value, settings)}, readable by you only.")
    path = write_settings(
        settings, provider=provider, plan=plan, history=str(history), universe=universe
    )
    now = datetime.now(UTC)
    table = nyse()
    newest = table.ordinal(newest_session(now))
    days = {table.day(k) for k in range(newest - history + 1, newest + 1)}
    symbols = None if universe == "all" else tuple(universe.split(","))
    missing: dict[str | None, set[Any]] = dict.fromkeys(symbols or (None,), days)
    chosen = Settings.load()
    print(f"Kept in {path}.")
    count = 11_000 if symbols is None else len(symbols)
    print(f"{history} sessions of {'the whole market' if symbols is None else f'{count} symbols'}:")
    from technic.providers.alpaca import Alpaca
    from technic.providers.massive import Massive

    kinds: dict[str, Any] = {"massive": Massive, "alpaca": Alpaca}
    sources = {n.strip(): kinds[n.strip()].__new__(kinds[n.strip()]) for n in provider.split(",")}
    for option in choose(missing, sources, {n: pace_of(n, chosen) for n in sources}):
        disk = count * history * (15 + 56) / 1e6
        print(
            f"  {option.title}: {option.calls:,} calls, {_minutes(option.minutes)}, {disk:,.0f} MB of disk"
        )
    print("Next: technic sync --plan")


def serve(
    port: Annotated[int, typer.Option(help="Loopback port.")] = 8700,
    seed: Annotated[int, typer.Option(help="Another seed, another market.")] = 7,
    size: Annotated[int, typer.Option(help="Listings.", min=20, max=50_000)] = 5_800,
    sessions: Annotated[int, typer.Option(help="Sessions of history.", min=30, max=2_000)] = 504,
    clock: Annotated[
        str | None,
        typer.Option(metavar="INSTANT", help="Where its time stands, e.g. 2026-11-20T21:00."),
    ] = None,
    rate: Annotated[float, typer.Option(help="Virtual seconds per second; 0 stands still.")] = 0.0,
    plan: Annotated[
        str, typer.Option(help="none, basic, starter, …, or 20/60: calls/seconds.")
    ] = "none",
    faults: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A plan of faults, JSON.")
    ] = None,
    replay: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Serve these bars instead.")
    ] = None,
    log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write every request here.")
    ] = None,
) -> None:
    """Serve a simulated vendor on loopback: Massive's dialect, and Alpaca's bars. Needs no key."""
    import time

    from technic.simulate.faults import read_plan
    from technic.simulate.replay import replay as tape_of_file
    from technic.simulate.server import Twin, serving
    from technic.simulate.tape import record

    show = options.progress("Simulating a vendor")
    show("drawing bars" if replay is None else f"reading {replay.name}")
    tape = record(seed, size, sessions) if replay is None else tape_of_file(replay)
    options.progress_done()
    instant = options.instant(clock, "--clock")
    twin = Twin(
        tape, clock=instant, plan=plan, faults=read_plan(faults) if faults else None, log=log
    )
    twin.clock.rate = rate
    with serving(twin, port) as served:
        print(
            f"SIMULATED VENDOR at {served.url}   (control {served.control}, token {served.token})"
        )
        print(f"{len(tape.listings):,} listings, sessions {tape.sessions[0]} to {tape.sessions[-1]}, "
              f"its time is {twin.clock.now():%Y-%m-%d %H:%M} UTC")  # fmt: skip
        print("Use it from another terminal:")
        print(f"  export TECHNIC_MASSIVE__BASE_URL={served.url} MASSIVE_API_KEY=any")
        print("  technic sync --store twin")
        print("Ctrl-C ends it.", flush=True)
        while True:
            time.sleep(1.0)


def cache_stats(as_json: options.JsonOption = False) -> None:
    """What the caches hold."""
    from technic.config import Settings

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
            says = f"{row['values']:,} values, {row['megabytes']:,.1f} MB"
        print(f"{row['tier']:<8} {says}")


def cache_clear(
    prefix: Annotated[
        str, typer.Option("--prefix", help="Only this kind: report, column, state.")
    ] = "",
) -> None:
    """Forget what the caches hold; it is made again when it is needed."""
    from technic.config import Settings

    for name, count in Settings.load().cache.clear(prefix).items():
        print(f"{name:<8} " + ("cleared" if count is None else f"{count:,} values cleared"))


def backup(
    target: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is not there yet.")],
    store: options.StoreOption = None,
) -> None:
    """Copy the store as it is now, whole, while others go on using it."""
    from technic.store.backup import backup as run

    desk = options.desk(store)
    version = run(desk.store, target)
    print(f"{target}: version {version.number} of {desk.store.folder}, to {version.last}")
    print(f"Check it: technic doctor --deep --store {target}")


def calls(
    last: Annotated[int, typer.Option(help="How many to show.")] = 20,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """The ledger of requests to vendors."""
    rows = options.desk(store).store.catalog.calls()
    if as_json:
        options.emit_json(rows)
        return
    for row in rows[-last:]:
        print(
            f"{row['at']:%Y-%m-%d %H:%M:%S}  {row['provider']:<8} {row['status']:>3} "
            f"{row['bytes'] / 1e3:>8,.0f} kB {row['ms']:>7,.0f} ms  {row['outcome']:<12} {row['endpoint']}"
        )
    print(f"{len(rows):,} calls in all, {sum(r['outcome'] != 'ok' for r in rows):,} of them failed")
