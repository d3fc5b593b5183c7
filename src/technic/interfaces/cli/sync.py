"""Commands that bring the market in: sync, vendors, the ledger of calls."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from technic.errors import ConfigError, printable
from technic.interfaces.cli import options

if TYPE_CHECKING:
    from technic.data.ingest.commit import Tally
    from technic.data.ingest.planning import SyncPlan
    from technic.data.ingest.sync import Synced
    from technic.data.store import Store
    from technic.runtime.settings import Settings

HOUR = 60.0  # minutes
NOTES_SHOWN = 12
SymbolsOption = Annotated[
    str | None, typer.Option("--symbols", metavar="A,B|@FILE", help="Only these, not the market.")
]
HistoryOption = Annotated[
    int | None,
    typer.Option("--history", min=1, max=1_000_000, help="Sessions that the store should hold."),
]


def sync(
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what it would cost; ask nothing.")
    ] = False,
    symbols: SymbolsOption = None,
    history: HistoryOption = None,
    repair: Annotated[bool, typer.Option("--repair", help="Fetch again what is damaged.")] = False,
    executor: Annotated[
        str | None,
        typer.Option("--executor", metavar="threads:N", help="Ask several questions at once."),
    ] = None,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Bring in what the store lacks: newest sessions first, as few calls as possible.

    Can be stopped at any moment, and goes on without asking anything twice.
    """
    from technic.data.ingest.fetch_ahead import asking_ahead
    from technic.data.ingest.repair import set_aside_damage
    from technic.data.ingest.sync import SyncRequest, plan_sync
    from technic.data.ingest.sync import sync as run
    from technic.data.ingest.vendors import connect_vendors, wish_of

    desk = options.desk(store, writing=True)
    names = ",".join(options.symbols(symbols) or ())
    with connect_vendors(desk.settings, ledger(desk.store)) as vendors:
        clock = vendors.clock()
        wish = wish_of(desk.settings, clock(), names, history)
        request = SyncRequest(vendors.sources_of(), wish, vendors.paces, vendors.simulated)
        if plan:
            _show_plan(plan_sync(desk.store, request), desk, as_json)
            return
        if repair:
            _say_repair(set_aside_damage(desk.store))
        with ExitStack() as stack:
            advance, several = stack.enter_context(options.bar("Syncing")), None
            if executor is not None:
                runner = stack.enter_context(options.executor(executor, desk.settings))
                several = stack.enter_context(
                    asking_ahead(desk.settings, runner, ledger(desk.store))
                )
            done = run(desk.store, request, clock=clock, progress=advance, ahead=several)
    _show_sync(done, desk, as_json)
    if done.failed:
        raise typer.Exit(1)


def ledger(store: Store) -> Any:
    """Writes every call down, in the catalog and in the log."""
    import logging
    from dataclasses import asdict

    log = logging.getLogger("technic.calls")

    def note(call: Any) -> None:
        store.catalog.log_call(asdict(call), datetime.now(UTC))
        log.info(
            "%s %s %s %s bytes %.0f ms attempt %s: %s",
            call.provider,
            call.endpoint,
            call.status,
            call.bytes,
            call.ms,
            call.attempt,
            call.outcome,
        )

    return note


def _show_plan(plan: SyncPlan, desk: options.Desk, as_json: bool) -> None:
    if as_json:
        options.emit_json(
            {
                "missing": plan.missing,
                "again": plan.again,
                "calls": plan.calls,
                "steps": [
                    {"provider": s.provider, "ask": str(s.ask), "calls": s.calls}
                    for s in plan.steps
                ],
                "options": [
                    {"title": o.title, "calls": o.calls, "minutes": o.minutes, "bytes": o.bytes}
                    for o in plan.options
                ],
            }
        )
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
                "answered": done.answered,
                "resumed": done.resumed,
                "failed": [{"ask": str(a), "why": why} for a, why in done.failed],
                "bars": tally.bars,
                "known": tally.known,
                "actions": tally.actions,
                "edits": {str(day): n for day, n in tally.edits.items()},
                "quarantined": tally.quarantined,
                "notes": tally.notes,
                "store_version": done.version.name,
            }
        )
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
        print(printable(f"technic: {ask}: {why}"), file=sys.stderr)
    if len(done.failed) > 5:
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
    from technic.data.ingest.entitlements import probe_vendor, stored_verdict
    from technic.data.ingest.vendors import VENDORS
    from technic.runtime.settings import Settings

    settings = Settings.load()
    rows = []
    for name, about in VENDORS.items():
        verdict = probe_vendor(name, settings) if probe else stored_verdict(name, settings)
        rows.append(
            {
                "name": name,
                "keys": list(about.keys),
                "cost": about.cost,
                "history": about.history,
                "rate": about.rate,
                "licence": about.licence,
                "yours": verdict,
            }
        )
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
    from technic.data.ingest.vendors import FREE, PLANS
    from technic.runtime.settings import Settings, write_settings

    asks = sys.stdin.isatty()
    provider = provider or _prompted("Provider", "massive", asks)
    first = provider.split(",")[0].strip()
    if first not in PLANS:
        raise ConfigError(f"provider {first}: there are {', '.join(PLANS)}; files need no set-up")
    plan = plan or _prompted("Plan", FREE[first], asks)
    history = history or int(_prompted("Sessions of history", "504", asks))
    universe = universe or _prompted("Universe", "all", asks)
    settings = Settings.load()
    for name in provider.split(","):
        _keep_keys(name.strip(), settings, asks)
    path = write_settings(
        settings, provider=provider, plan=plan, history=str(history), universe=universe
    )
    print(f"Kept in {path}.")
    _say_costs(provider, history, universe)
    print("Next: technic sync --plan")


def _prompted(what: str, default: str, asks: bool) -> str:
    """What the user answers; the default where nobody sits at the terminal."""
    return str(typer.prompt(what, default=default)) if asks else default


def _keep_keys(vendor: str, settings: Settings, asks: bool) -> None:
    """Ask for the keys of a vendor that are not there yet, and keep them."""
    from technic.data.ingest.vendors import VENDORS
    from technic.runtime import secrets

    for secret in ("alpaca", "alpaca_secret") if vendor == "alpaca" else (vendor,):
        if secrets.find(secret, settings) is not None:
            continue
        if not asks:
            print(f"{secret}: no key yet; set {' or '.join(VENDORS[vendor].keys)}")
            continue
        value = typer.prompt(f"Key for {secret}", hide_input=True)
        print(f"Kept in {secrets.keep(secret, value, settings)}, readable by you only.")


def _say_costs(provider: str, history: int, universe: str) -> None:
    """What the first sync takes: calls, minutes, disk, by each way to ask."""
    from technic.data.ingest.planning import compare_options, newest_session, plural
    from technic.data.ingest.vendors import pace_of
    from technic.data.providers.alpaca import Alpaca
    from technic.data.providers.massive import Massive
    from technic.market.sessions import nyse
    from technic.runtime.settings import Settings

    newest = nyse().ordinal(newest_session(datetime.now(UTC)))
    days = {nyse().day(k) for k in range(newest - history + 1, newest + 1)}
    symbols = None if universe == "all" else tuple(universe.split(","))
    missing: dict[str | None, set[Any]] = dict.fromkeys(symbols or (None,), days)
    count = 11_000 if symbols is None else len(symbols)
    print(f"{history} sessions of {'the whole market' if symbols is None else f'{count} symbols'}:")
    kinds: dict[str, Any] = {"massive": Massive, "alpaca": Alpaca}
    names = [name.strip() for name in provider.split(",")]
    sources = {name: kinds[name].__new__(kinds[name]) for name in names}  # asked nothing yet
    chosen = Settings.load()
    for option in compare_options(
        missing, sources, {name: pace_of(name, chosen) for name in names}
    ):
        disk = count * history * (15 + 56) / 1e6  # bytes of a bar in tables and in the panel
        print(
            f"  {option.title}: {plural(option.calls, 'call')}, {_minutes(option.minutes)}, "
            f"{disk:,.0f} MB of disk"
        )


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
