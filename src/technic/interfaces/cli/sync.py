"""Commands that bring the market in: sync, vendors, the ledger of calls."""

from __future__ import annotations

import shlex
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from technic.errors import ConfigError, counted
from technic.interfaces.cli import options
from technic.interfaces.cli.groups import StoreOptions, grouped

if TYPE_CHECKING:
    from technic.data.ingest.planning import SyncPlan, Wish
    from technic.data.ingest.sync import Synced
    from technic.data.store import Store
    from technic.runtime.settings import Settings

SymbolsOption = Annotated[
    str | None, typer.Option("--symbols", metavar="A,B|@FILE", help="Only these, not the market.")
]
HistoryOption = Annotated[
    int | None,
    typer.Option("--history", min=1, max=1_000_000, help="Sessions that the store should hold."),
]


@dataclass(frozen=True)
class WishOptions:
    """What the store should hold."""

    symbols: SymbolsOption = None
    history: HistoryOption = None
    older: Annotated[
        bool, typer.Option("--older", help="Ask once more what lies before a vendor's history.")
    ] = False

    def wish(self, settings: Settings, now: datetime) -> Wish:
        """What to ask for, by the settings and these options."""
        from technic.data.ingest.vendors import wish_of

        names = ",".join(options.symbols(self.symbols) or ())
        wish = wish_of(settings, now, names, self.history)
        return replace(wish, older=self.older)

    def __str__(self) -> str:
        said = f" --symbols {shlex.quote(self.symbols)}" if self.symbols else ""
        said += f" --history {self.history}" if self.history else ""
        return said + (" --older" if self.older else "")


@grouped
def sync(
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what it would cost; ask nothing.")
    ] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Fetch again what is damaged.")] = False,
    executor: Annotated[
        str | None,
        typer.Option("--executor", metavar="threads:N", help="Ask several questions at once."),
    ] = None,
    *,
    asked: WishOptions,
    target: StoreOptions,
) -> None:
    """Bring in what the store lacks: newest sessions first, as few calls as possible.

    Can be stopped at any moment, and goes on without asking anything twice. Where a vendor's
    history begins is found by its empty days and remembered for 30 days; --older asks again.
    """
    from technic.data.ingest.fetch_ahead import asking_ahead
    from technic.data.ingest.repair import set_aside_damage
    from technic.data.ingest.sync import SyncRequest, plan_sync
    from technic.data.ingest.sync import sync as run
    from technic.data.ingest.vendors import connect_vendors

    desk = options.desk(target.store, writing=True)
    with connect_vendors(desk.settings, ledger(desk.store)) as vendors:
        clock = vendors.clock()
        wish = asked.wish(desk.settings, clock())
        request = SyncRequest(
            vendors.sources_of(), wish, vendors.paces, vendors.simulated, vendors.marks
        )
        if plan:
            _show_plan(plan_sync(desk.store, request), desk, asked, as_json=target.as_json)
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
    _show_sync(done, desk, as_json=target.as_json)
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


def _show_plan(plan: SyncPlan, desk: options.Desk, asked: WishOptions, *, as_json: bool) -> None:
    from technic.interfaces.render.syncing import plan_json, render_plan

    if as_json:
        options.emit_json(plan_json(plan))
        return
    version = desk.store.version()
    held = f"holds sessions {version.first} to {version.last}" if version.last else "is empty"
    print(f"Store {desk.store.folder} {held}.")
    render_plan(plan, sys.stdout)
    if plan.steps:
        run = desk.command(f"sync{asked}")
        print(f"Newest first: a scan is good after the first few. Run it: {run}")


def _show_sync(done: Synced, desk: options.Desk, *, as_json: bool) -> None:
    from technic.interfaces.render.syncing import render_sync, sync_json

    if as_json:
        options.emit_json(sync_json(done))
        return
    render_sync(done, sys.stdout, sys.stderr)
    version = done.version
    if version.last is not None:
        mark = "SIMULATED: " if version.simulated else ""
        print(f"{mark}store {desk.store.folder} holds sessions {version.first} to {version.last}.")
        print(f"Next: {desk.command(options.scan_for(version))}")


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
    from technic.data.ingest.planning import newest_session
    from technic.data.ingest.vendors import pace_of
    from technic.data.ingest.ways import compare_options
    from technic.data.providers.alpaca import Alpaca
    from technic.data.providers.massive import Massive
    from technic.interfaces.render.syncing import duration
    from technic.market.sessions import nyse
    from technic.runtime.settings import Settings

    newest = nyse().ordinal(newest_session(datetime.now(UTC)))
    days = {nyse().day(k) for k in range(newest - history + 1, newest + 1)}
    symbols = None if universe == "all" else tuple(universe.split(","))
    missing: dict[str | None, set[Any]] = dict.fromkeys(symbols or (None,), days)
    count = 11_000 if symbols is None else len(symbols)
    whom = "the whole market" if symbols is None else counted(count, "symbol")
    print(f"{counted(history, 'session')} of {whom}:")
    kinds: dict[str, Any] = {"massive": Massive, "alpaca": Alpaca}
    names = [name.strip() for name in provider.split(",")]
    sources = {name: kinds[name].__new__(kinds[name]) for name in names}  # asked nothing yet
    chosen = Settings.load()
    for option in compare_options(
        missing, sources, {name: pace_of(name, chosen) for name in names}
    ):
        disk = count * history * (15 + 56) / 1e6  # bytes of a bar in tables and in the panel
        print(
            f"  {option.title}: {counted(option.calls, 'call')}, {duration(option.minutes)}, "
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
    print(
        f"{counted(len(rows), 'call')} in all, {sum(r['outcome'] != 'ok' for r in rows):,} of them failed"
    )
