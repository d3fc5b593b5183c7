"""Commands that bring data in."""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from technic.errors import ConfigError, SchemaError, StoreError, counted
from technic.interfaces.cli import options
from technic.interfaces.render.terminal import named

if TYPE_CHECKING:
    from technic.data.formats.bar_file import FileHints
    from technic.data.ingest import FileStore, Imported

FilesArgument = Annotated[
    list[Path], typer.Argument(metavar="FILE|DIR|ZIP…", help="Bars in any layout that is known.")
]
AdjustedOption = Annotated[
    str | None,
    typer.Option(
        "--adjusted",
        metavar="none|splits",
        help="Whether the vendor adjusted prices for splits; by default as the layout says.",
    ),
]
SymbolOption = Annotated[
    str | None, typer.Option("--symbol", metavar="ACME", help="Of a file that names none.")
]
DatesOption = Annotated[
    str | None,
    typer.Option("--dates", metavar="mdy|dmy", help="How 03/02/2024 is meant."),
]
CheckOption = Annotated[
    bool, typer.Option("--check", help="Show what would be imported, and import nothing.")
]
DecimalOption = Annotated[
    str | None,
    typer.Option("--decimal", metavar="point|comma", help="How 1,234 is meant."),
]


def demo(
    size: Annotated[int, typer.Option(help="Listings to simulate.", min=20, max=50_000)] = 5_800,
    seed: Annotated[int, typer.Option(help="Another seed, another market.")] = 7,
    fresh: Annotated[bool, typer.Option("--fresh", help="Make the market anew.")] = False,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Scan a simulated market: no key, no network, no data of yours."""
    from technic.interfaces.render.text import render_scan
    from technic.runtime.settings import Settings
    from technic.scanner.scan import scan as run
    from technic.scanner.spec.scan_file import ScanFile

    settings = Settings.load()
    folder = Path(store) if store else settings.stores / "demo"
    compiled = options.compiling(settings)  # beside the market: a fresh machine waits for both
    target, seconds = _simulated_store(folder, seed, size, fresh)
    compiled()
    report = run(target, file=ScanFile.preset("momentum-leaders"), settings=settings)
    if as_json:
        options.emit_json(report.as_dict())
        return
    about = report.simulated or {}
    took = f"   made in {seconds:.1f} s" if seconds else ""
    print(
        f"SIMULATED MARKET  seed {about['seed']} · {counted(about['size'], 'listing')} · "
        f"{counted(about['sessions'], 'session')} to {about['last']}{took}"
    )
    is_default = options.desk(None).store.folder == folder
    chosen = options.desk(None if is_default else str(folder))
    render_scan(report, chosen.command, sys.stdout, asked=" momentum-leaders", heading=False)


def _simulated_store(folder: Path, seed: int, size: int, fresh: bool) -> tuple[FileStore, float]:
    """The store of a simulated market, and the seconds that making it took; 0 if it was there."""
    import shutil

    from technic.data.ingest import FileStore
    from technic.data.simulated import simulate
    from technic.data.simulated.market import FORM
    from technic.data.simulated.statements import statements

    target, wanted = FileStore(folder), {"seed": seed, "size": size, "form": FORM}
    version = target.version()
    about = version.simulated or {}
    if version.last is not None and version.simulated is None:
        raise StoreError(
            f"{folder}: holds a real market, which a demo must not touch; choose another "
            "place with --store"
        )
    if not fresh and all(about.get(key) == value for key, value in wanted.items()):
        return target, 0.0
    since = perf_counter()
    if version.number:
        shutil.rmtree(folder)
    show = options.progress("Simulating a market")
    show("drawing bars")
    market = simulate(seed=seed, size=size)
    target = FileStore(folder)
    target.import_bars(market.bars, simulated=market.about, progress=show)
    target.import_listings(market.listings)
    show("drawing statements")
    target.import_filings(statements(market.bars, market.listings, seed))
    options.progress_done()
    return target, perf_counter() - since


def import_(
    files: FilesArgument,
    adjusted: AdjustedOption = None,
    symbol: SymbolOption = None,
    dates: DatesOption = None,
    decimal: DecimalOption = None,
    check: CheckOption = False,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Import bars from files, folders or zips of any known layout.

    Tiingo, Alpha Vantage, Stooq, yfinance, Sharadar, WIKI, Nasdaq, Massive, Databento, LEAN, or
    columns symbol, date, open, high, low, close, volume; optional split, dividend, vwap, as_of.
    Rows that cannot be believed are set aside with a reason; nothing is repaired.
    """
    from technic.data.formats.bar_file import FileHints

    order = _one_of("--dates", dates, ("mdy", "dmy"))
    hints = FileHints(symbol, order, _one_of("--decimal", decimal, ("point", "comma")))
    desk = options.desk(store, writing=True)
    if check:
        _check(files, adjusted, hints, desk, as_json)
        return
    _import_all(files, adjusted, hints, desk, as_json=as_json)


def _import_all(
    files: list[Path], adjusted: str | None, hints: FileHints, desk: options.Desk, *, as_json: bool
) -> None:
    """Import one file after the other; one that is refused does not keep the others out."""
    outcomes: list[dict[str, object]] = []
    refused: list[str] = []
    for path in files:
        show = options.progress(f"Importing {path.name}")
        since = perf_counter()
        try:
            outcome = desk.store.import_bars(path, adjusted, hints=hints, progress=show)
        except (SchemaError, StoreError) as error:
            if len(files) == 1:
                raise
            options.progress_done()
            print(f"technic: {error}", file=sys.stderr)
            outcomes.append({"file": path.name, "refusal": str(error)})
            refused.append(path.name)
            continue
        options.progress_done()
        outcomes.append(_outcome(path, outcome))
        refused += outcome.file.refused if outcome.file else ()
        if not as_json:
            _print_outcome(path, outcome, perf_counter() - since)
    is_any = any("refusal" not in told for told in outcomes)
    if as_json:
        options.emit_json(outcomes)
    elif is_any:
        _print_store(desk)
    if refused:
        kept = "the others are imported" if is_any else "nothing was imported"
        raise SchemaError(f"{counted(len(refused), 'file')} refused, {kept}: {named(refused)}")


def _one_of(option: str, given: str | None, allowed: tuple[str, ...]) -> str | None:
    if given is not None and given not in allowed:
        raise ConfigError(f"{option} is {' or '.join(allowed)}; got {given!r}")
    return given


def _check(
    files: list[Path], adjusted: str | None, hints: FileHints, desk: options.Desk, as_json: bool
) -> None:
    from technic.data.ingest.checking import check_bars
    from technic.interfaces.render.bar_files import as_dict, render_check

    told: list[dict[str, object]] = []
    for path in files:
        try:
            checked = check_bars(desk.store, path, adjusted, hints)
        except SchemaError as error:
            if len(files) == 1:
                raise
            print(f"technic: {error}", file=sys.stderr)
            told.append({"file": path.name, "refusal": str(error)})
            continue
        told.append(as_dict(path.name, checked))
        if not as_json:
            render_check(path.name, checked, sys.stdout)
    if as_json:
        options.emit_json(told)
    else:
        print("Nothing was imported.")
    if any(one["refusal"] or one.get("refused") for one in told):
        raise typer.Exit(1)


def _outcome(path: Path, outcome: Imported) -> dict[str, object]:
    from dataclasses import asdict

    file, cells = outcome.file, outcome.cells
    return {
        "file": path.name,
        "layouts": file.layouts if file else {},
        "rows": outcome.rows,
        "added": outcome.added,
        "revised": outcome.revised,
        "known": outcome.known,
        "repeated": outcome.repeated,
        "quarantined": outcome.quarantined,
        "splits_set_aside": outcome.splits_set_aside,
        "doubts": outcome.doubts,
        "told": outcome.told,
        "actions": outcome.actions,
        "symbols": outcome.symbols,
        "cells": asdict(cells) if cells else {},
        "unused": file.unused if file else {},
        "unreadable": file.unreadable if file else {},
        "left_out": file.left_out if file else {},
        "refused": file.refused if file else (),
        "store_version": outcome.version.name,
    }


def _print_outcome(path: Path, outcome: Imported, seconds: float) -> None:
    from technic.interfaces.render.bar_files import render_import

    render_import(path.name, outcome, seconds, sys.stdout)


def _print_store(desk: options.Desk) -> None:
    """What the store holds now, and a question that it is enough for."""
    version = desk.store.version()
    print(
        f"Store {desk.store.folder} holds sessions {version.first} to {version.last}, "
        f"prices {'as traded' if version.adjustment == 'none' else 'adjusted for splits'}."
    )
    print(f"Next: {desk.command(options.scan_for(version))}")


def import_yahoo(
    symbols: Annotated[str, typer.Argument(metavar="A,B|@FILE", help="At most 200 symbols.")],
    sessions: Annotated[
        int, typer.Option("--history", min=1, max=1_000_000, help="Sessions to bring in.")
    ] = 504,
    store: options.StoreOption = None,
) -> None:
    """Bring in a few symbols from Yahoo, one request a second; needs the extra `yahoo`.

    Yahoo allows personal use only, and adjusts prices for splits: they need a store of their own.
    """
    from datetime import UTC, datetime

    from technic.data.ingest.vendors import import_extra
    from technic.market.sessions import nyse

    desk = options.desk(store, writing=True)
    names = options.symbols(symbols) or ()
    newest = nyse().last_finished(datetime.now(UTC))
    first, last = nyse().day(newest - sessions + 1), nyse().day(newest)
    bars = import_extra("yahoo").download(names, first, last)
    since = perf_counter()
    outcome = desk.store.import_bars(bars, "splits")
    _print_outcome(Path("yahoo"), outcome, perf_counter() - since)
    _print_store(desk)


def import_listings(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file, a folder or a zip.")],
    dates: DatesOption = None,
    check: CheckOption = False,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Import names, types and sectors from a file of any known layout.

    Nasdaq's directories, the SEC's company_tickers, Alpha Vantage, Sharadar, or columns symbol,
    name, type, exchange, sector, industry, sic, market_cap, cik, from, to, as_of. Sectors and
    market values count from the night of as_of, or from now on.
    """
    from technic.interfaces.render.listing_files import (
        listings_as_dict,
        render_columns,
        render_listings,
    )

    desk = options.desk(store, writing=True)
    order = _one_of("--dates", dates, ("mdy", "dmy"))
    taken = desk.store.import_listings(file, dates=order, keep=not check)
    if as_json:
        options.emit_json(listings_as_dict(taken))
        return
    render_listings(file.name, taken, sys.stdout)
    if check:
        render_columns(taken, sys.stdout)
        print("Nothing was imported.")
        return
    if desk.store.version().last is not None:
        print(f"Next: {desk.command('coverage')}")
    else:
        print(f"Their bars are missing yet: {desk.command('import FILE')}")
