"""Commands that inform: what there is, what is in force, whether it can be trusted."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from technic.errors import counted, printable
from technic.interfaces.cli import options
from technic.interfaces.cli.groups import StoreOptions, grouped
from technic.interfaces.render.terminal import quoted

ListArgument = Annotated[str, typer.Argument(metavar="LIST", help="Name of the watch-list.")]

if TYPE_CHECKING:
    from technic.compute.history import FeatureRequest


def presets(store: options.StoreOption = None, as_json: options.JsonOption = False) -> None:
    """List the scan files shipped with technic."""
    import tomllib

    from technic.scanner.spec.scan_file import presets as shipped

    contents = {name: tomllib.loads(text) for name, text in shipped().items()}
    if as_json:
        options.emit_json(contents)
        return
    for name, content in contents.items():
        print(f"{name:20} {content.get('description', '')}")
    desk = options.desk(store)
    print(f"Next: {desk.command(f'scan {next(iter(contents))}')}")


def coverage(
    as_of: options.AsOfOption = None,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Say what the store holds, and what is missing from it."""
    from technic.interfaces.render.text import render_coverage
    from technic.scanner.inspect.coverage import coverage as measure

    desk = options.desk(store)
    figures = measure(desk.store, options.day(as_of))
    if as_json:
        options.emit_json(figures)
        return
    render_coverage(figures, sys.stdout)
    if line := options.age_line(desk.store.version()):
        print(line)


@grouped
def features(
    question: Annotated[
        list[str], typer.Argument(metavar="FEATURE…", help="Such as 'rsi(14)' 'macd'.")
    ],
    symbols: options.SymbolsOption = None,
    last: Annotated[
        int, typer.Option("--last", min=1, max=1_000_000, help="Sessions to show.")
    ] = 5,
    as_of: options.AsOfOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE.parquet|DIR", help="All of it; a folder by year."),
    ] = None,
    executor: options.ExecutorOption = None,
    *,
    target: StoreOptions,
) -> None:
    """Show the history of features, for some symbols or for all."""
    from technic.compute.history import FeatureRequest, store_features
    from technic.interfaces.render.text import render_frame

    desk = target.desk(ready=True)
    request = FeatureRequest(question, options.symbols(symbols), options.day(as_of))
    if out is not None and out.suffix != ".parquet":
        _write_features(desk, request, out, executor)
        return
    shown = None if out is not None else last
    table = store_features(desk.store, request, last=shown, settings=desk.settings)
    if out is not None:
        table.write_parquet(out)
        print(f"{out}: {counted(table.height, 'row')}", file=sys.stderr)
    elif target.as_json:
        options.emit_json(table.to_dicts())
    else:
        render_frame(table, sys.stdout)


def _write_features(
    desk: options.Desk, request: FeatureRequest, out: Path, executor: str | None
) -> None:
    from technic.compute.parquet_export import write_features

    with (
        options.executor(executor, desk.settings) as runner,
        options.bar("Features") as advance,
    ):
        written = write_features(
            desk.store,
            request,
            out,
            settings=desk.settings,
            executor=runner,
            progress=advance,
        )
    print(
        f"{written.folder}: {counted(written.rows, 'row')} of {counted(len(written.columns), 'feature')} in "
        f"{counted(written.files, 'file')}, {written.size / 1e6:,.0f} MB, by year",
        file=sys.stderr,
    )


def indicators(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One of them; all without it.")
    ] = None,
    as_json: options.JsonOption = False,
) -> None:
    """List the indicators, or describe one."""
    from technic.interfaces.render.indicator_reference import describe, entries

    if name is not None:
        entry = describe(name)
        options.emit_json(entry) if as_json else print(entry["page"])
        return
    rows = entries()
    if as_json:
        options.emit_json(rows)
        return
    for entry in rows:
        print(f"{entry['text']:32} {entry['summary']}")


def lint(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE|PRESET]", help="A scan file, or a preset's name."),
    ] = None,
    where: Annotated[
        str | None, typer.Option("-e", "--where", metavar="QUESTION", help="Which symbols pass.")
    ] = None,
    as_of: options.AsOfOption = None,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Look for look-ahead, values that have not settled, and unknowns in a question."""
    from dataclasses import replace

    from technic.interfaces.render.text import render_findings
    from technic.scanner.inspect.lint import lint as run
    from technic.scanner.spec.scan_file import ScanFile

    desk = options.desk(store)
    desk.store.require()
    options.ensure_compiled(desk.settings)
    scan_file = ScanFile() if file is None else ScanFile.read(file)
    scan_file = replace(scan_file, where=where) if where is not None else scan_file
    findings = run(desk.store, scan_file, options.day(as_of), settings=desk.settings)
    if as_json:
        options.emit_json([finding.as_dict() for finding in findings])
    else:
        render_findings(findings, sys.stdout)
    if any(finding.check == "look-ahead" and not finding.ok for finding in findings):
        sys.exit(1)


def doctor(
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Hold every file against its digest; ask about untold splits."),
    ] = False,
    date: Annotated[
        bool, typer.Option("--date-rows", help="Let rows from the future be known from now on.")
    ] = False,
    conformance: Annotated[
        bool, typer.Option("--conformance", help="Ask your vendors whether they answer as assumed.")
    ] = False,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Check this installation and the store, and say what to do.

    Rows are from the future if the clock was ahead when they came in. They are named; with
    --date-rows they are known from now on, once the clock is right.

    With --conformance your vendors are asked a fixed set of small questions, with your key, and
    nothing else is checked: every answer is held against what readers assume, and kept without
    keys. The number of calls is printed first.
    """
    if conformance:
        from technic.interfaces.cli.conformance import run_conformance

        run_conformance(options.desk(store), as_json=as_json)
        return
    from technic.data.store.dating import date_rows
    from technic.operations.doctor import examine

    desk = options.desk(store, writing=date)
    if date:
        dated = date_rows(desk.store)
        told = ", ".join(f"{count:,} of {name}" for name, count in dated.items())
        print(f"rows dated anew: {told or 'none, no row is from the future'}", file=sys.stderr)
    checks = examine(desk.store, desk.settings, deep=deep)
    if as_json:
        options.emit_json(checks)
    else:
        for check in checks:
            print(f"{'ok  ' if check['ok'] else 'look'}  {check['what']:22} {check['detail']}")
    if not all(check["ok"] for check in checks):
        sys.exit(1)


def config_show(
    origin: Annotated[bool, typer.Option("--origin", help="Say where each comes from.")] = False,
    as_json: options.JsonOption = False,
) -> None:
    """Show every setting and its value."""
    from technic.runtime.setting_table import SETTINGS
    from technic.runtime.settings import Settings, without_password

    settings = Settings.load()
    store = settings.store()
    places = {"home": str(settings.stores.parent), "store": store.value}
    rows = []
    for name, info in SETTINGS.items():
        given = settings.given.get(name)
        source = given.origin if given else store.origin if name == "store" else "default"
        value = without_password(given.value) if given else places.get(name, info.default)
        rows.append(
            {
                "name": name,
                "value": value,
                "origin": source,
                "variable": info.variable,
                "about": info.meaning,
            }
        )
    if as_json:
        options.emit_json(rows)
        return
    for row in rows:
        where = f"   ({row['origin']}; {row['variable']})" if origin else ""
        print(f"{row['name']:8} {row['value']}{where}")


def plugins_list(as_json: options.JsonOption = False) -> None:
    """List the scores of your own that are installed, and which of them may run."""
    from dataclasses import asdict

    from technic.runtime.settings import Settings
    from technic.scanner.columns.plugin_registry import GROUP, installed_plugins

    every = installed_plugins(Settings.load())
    if as_json:
        options.emit_json([asdict(plugin) for plugin in every])
        return
    for plugin in every:
        state = "may run" if plugin.trusted else f"may not run: technic plugins trust {plugin.name}"
        print(f"{plugin.name:20} {plugin.target:36} {plugin.digest[:12]}  {state}")
    if not every:
        print(f"none: a package offers one as an entry point of the group {GROUP}")


def plugins_trust(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A plugin, as listed.")],
) -> None:
    """Let a score of your own run, as its files are now. It is code: read it first."""
    from technic.runtime.settings import Settings
    from technic.scanner.columns.plugin_registry import trust

    plugin = trust(Settings.load(), name)
    print(f"{plugin.name} may run as it is now ({plugin.target}, {plugin.digest[:12]})")
    print(f"""Next: technic scan --rank "python('{plugin.name}')\"""")


def plugins_forget(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A plugin, as listed.")],
) -> None:
    """Let a score of your own run no longer."""
    from technic.runtime.settings import Settings
    from technic.scanner.columns.plugin_registry import trust

    trust(Settings.load(), name, trusted=False)
    print(f"{name} may not run")


def list_add(
    name: ListArgument,
    symbols: Annotated[list[str], typer.Argument(metavar="SYMBOL…", help="Tickers.")],
    store: options.StoreOption = None,
) -> None:
    """Add symbols to a watch-list."""
    from technic.market.symbols import asked_symbols

    desk = options.desk(store)
    asked = asked_symbols(symbols, set(desk.store.panel().who["symbol"]))
    new = desk.store.catalog.watch(name, asked.values(), datetime.now(UTC))
    total = len(desk.store.catalog.watched(name))
    print(f"{printable(name)}: {new} added, {total} in all")
    question = f"in_list('{name}')"
    print(f"Next: {desk.command(f'scan -e {quoted(question)}')}")


def list_remove(
    name: ListArgument,
    symbols: Annotated[list[str], typer.Argument(metavar="SYMBOL…", help="Tickers.")],
    store: options.StoreOption = None,
) -> None:
    """Remove symbols from a watch-list."""
    from technic.market.symbols import known_symbol

    desk = options.desk(store)
    held = set(desk.store.catalog.watched(name))
    meant = [known_symbol(symbol, held) or symbol for symbol in symbols]
    gone = desk.store.catalog.unwatch(name, meant)
    print(f"{printable(name)}: {gone} removed, {len(held) - gone} left")


def list_show(
    name: Annotated[
        str | None, typer.Argument(metavar="[LIST]", help="A watch-list; all without it.")
    ] = None,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Show the symbols of a watch-list, or all watch-lists."""
    catalog = options.desk(store).store.catalog
    if name is None:
        lists = catalog.watchlists()
        if as_json:
            options.emit_json(lists)
        else:
            rows = (f"{printable(n):20} {count}" for n, count in lists.items())
            print("\n".join(rows) or "no watch-lists")
        return
    members = catalog.watched(name)
    if as_json:
        options.emit_json(members)
    else:
        print("\n".join(map(printable, members)) or f"{printable(name)}: empty")
