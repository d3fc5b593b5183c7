"""Commands that ask: scan, explain, why-not."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

from technic.errors import ConfigError
from technic.interfaces.cli import options

if TYPE_CHECKING:
    from technic.scanner.spec.scan_file import ScanFile

FORMATS = ("table", "csv", "json", "parquet", "html", "tickers")
FileArgument = Annotated[
    Path | None, typer.Argument(metavar="[FILE|PRESET]", help="A scan file, or a preset's name.")
]
WhereOption = Annotated[
    str | None, typer.Option("-e", "--where", metavar="QUESTION", help="Which symbols pass.")
]
UniverseOption = Annotated[
    str | None,
    typer.Option(
        "--universe", metavar="NAME|QUESTION", help="Who is asked: all, common, liquid, large, …"
    ),
]
RankOption = Annotated[
    str | None, typer.Option("--rank", metavar="EXPRESSION", help="What they are ordered by.")
]


def scan(
    file: FileArgument = None,
    where: WhereOption = None,
    universe: UniverseOption = None,
    rank: RankOption = None,
    top: Annotated[int | None, typer.Option("--top", min=1, help="Rows to show.")] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", metavar="A,B", help="What to show of each row.")
    ] = None,
    as_of: options.AsOfOption = None,
    known_at: options.KnownAtOption = None,
    symbols: options.SymbolsOption = None,
    form: Annotated[str, typer.Option("--format", metavar="|".join(FORMATS))] = "table",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the manifest: technic runs.")] = False,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="Ask on every session from here …")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DATE", help="… to here.")] = None,
    executor: options.ExecutorOption = None,
    save: Annotated[
        str | None, typer.Option("--save", metavar="NAME", help="Keep the question: technic saved.")
    ] = None,
    alert: Annotated[
        str | None,
        typer.Option("--alert", metavar="A,B", help="With --save: channels that are told."),
    ] = None,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Rank the market by a question.

    Reads only what is stored; never touches the network.

      technic scan momentum-leaders --top 10
      technic scan -e "rsi(14) < 30 and close > sma(200)" --universe liquid
      technic scan -e "pct_rank(ret(126), by=sector) > 90" --format csv --out leaders.csv
      technic scan momentum-leaders --from 2023-01-01 --to 2023-12-31 --format parquet --out year.parquet
      technic scan -e "rsi(14) < 30" --universe liquid --save dips --alert desk
    """
    from technic.interfaces.render.export import write
    from technic.interfaces.render.text import render_scan
    from technic.scanner.columns.attributes import market_regime
    from technic.scanner.scan import scan as run

    chosen = "json" if as_json else form
    if chosen not in FORMATS:
        raise ConfigError(f"--format {form}: there are {', '.join(FORMATS)}")
    desk = options.desk(store)
    desk.store.require()
    options.ensure_compiled(desk.settings)
    if first is not None or last is not None:
        if as_of is not None or known_at is not None or keep:
            raise ConfigError("--from and --to stand alone: without --as-of, --known-at and --keep")
        asked = _with(_asked(file), where, universe, rank, top=top, columns=split_columns(columns))
        _every_session(desk, asked, options.symbols(symbols), (first, last), executor, chosen, out)
        return
    if save is not None or alert is not None:
        given = _with(_asked(file), where, universe, rank, top=top, columns=split_columns(columns))
        _keep(desk, given, save, alert)
    report = run(
        desk.store,
        where,
        universe,
        rank,
        top,
        split_columns(columns),
        options.day(as_of),
        known_at=options.instant(known_at),
        symbols=options.symbols(symbols),
        file=None if file is None else _asked(file),
        settings=desk.settings,
    )
    stands = market_regime(
        desk.store,
        report.as_of if as_of else None,
        known_at=options.instant(known_at),
        settings=desk.settings,
    )
    report = replace(report, regime=stands.as_dict())
    if keep:
        at = datetime.now(UTC)
        desk.store.catalog.record_run(
            "scan", report.asked["name"], report.as_of, report.manifest, at
        )
    if chosen != "table" or out is not None:
        write(report, chosen, out)
        return
    if store is None:
        print(f"Store {desk.store.folder} ({desk.origin})")
    if line := options.age_line(desk.store.version()):
        print(line)
    render_scan(report, desk.command, sys.stdout)


def _keep(desk: options.Desk, asked: ScanFile, name: str | None, alert: str | None) -> None:
    """Keep a question among the saved scans."""
    from technic.operations.alerts import channels_of
    from technic.operations.saved_scans import content_of, save_scan
    from technic.scanner.spec.alert_rules import AlertRules
    from technic.scanner.spec.scan_file import ScanFile

    if name is None:
        raise ConfigError("--alert needs --save NAME: what is told is a scan that is kept")
    if alert is not None:
        to = tuple(part.strip() for part in alert.split(",") if part.strip())
        if strange := sorted(set(to) - set(channels_of(desk.settings))):
            raise ConfigError(
                f"--alert {strange[0]}: there is no such channel; technic alerts add {strange[0]} ADDRESS"
            )
        asked = replace(asked, alert=replace(asked.alert or AlertRules(), to=to))
    if asked.name == ScanFile().name:  # nobody gave it a title
        asked = replace(asked, name=name)
    path = save_scan(desk.settings, name, content_of(asked))
    print(f"saved as {name}: {path}", file=sys.stderr)


def _every_session(
    desk: options.Desk,
    asked: ScanFile,
    symbols: tuple[str, ...] | None,
    between: tuple[str | None, str | None],
    executor: str | None,
    form: str,
    out: Path | None,
) -> None:
    """The question on every session of a span."""
    from technic.interfaces.render.sessions import render_sessions, write_sessions
    from technic.scanner.scan_sessions import scan_sessions

    first, last = options.day(between[0], "--from"), options.day(between[1], "--to")
    begin = first or desk.store.require().first
    assert begin is not None
    since = monotonic()
    with options.executor(executor, desk.settings) as runner, options.bar("Scanning") as advance:
        found = scan_sessions(
            desk.store,
            begin,
            last,
            file=asked,
            symbols=symbols,
            settings=desk.settings,
            executor=runner,
            progress=advance,
        )
    if form != "table" or out is not None:
        write_sessions(found, form, out)
    else:
        render_sessions(found, monotonic() - since, sys.stdout)
    if found.lost:
        sys.exit(1)


def explain(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL")],
    file: FileArgument = None,
    where: WhereOption = None,
    universe: UniverseOption = None,
    rank: RankOption = None,
    as_of: options.AsOfOption = None,
    known_at: options.KnownAtOption = None,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Take a symbol's score apart, and say what moved since the session before."""
    from technic.interfaces.render.explanation import render_explanation
    from technic.scanner.inspect.explain import explain as run

    desk = options.desk(store)
    desk.store.require()
    options.ensure_compiled(desk.settings)
    asked = _with(_asked(file), where, universe, rank)
    found = run(
        desk.store,
        symbol,
        asked,
        options.day(as_of),
        known_at=options.instant(known_at),
        settings=desk.settings,
    )
    if as_json:
        options.emit_json(found.as_dict())
    else:
        render_explanation(found, desk.command, sys.stdout)


def why_not(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL")],
    file: FileArgument = None,
    where: WhereOption = None,
    universe: UniverseOption = None,
    rank: RankOption = None,
    as_of: options.AsOfOption = None,
    known_at: options.KnownAtOption = None,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Say why a symbol is not ranked: each clause, its value, and how far it misses."""
    from technic.interfaces.render.explanation import render_why_not
    from technic.scanner.inspect.explain import why_not as run

    desk = options.desk(store)
    desk.store.require()
    options.ensure_compiled(desk.settings)
    asked = _with(_asked(file), where, universe, rank)
    found = run(
        desk.store,
        symbol,
        asked,
        options.day(as_of),
        known_at=options.instant(known_at),
        settings=desk.settings,
    )
    if as_json:
        options.emit_json(found.as_dict())
    else:
        render_why_not(found, sys.stdout)


def split_columns(text: str | None) -> tuple[str, ...] | None:
    """Column texts between the commas that stand in no bracket.

    Examples
    --------
    >>> split_columns("close, macd(12, 26, 9), rsi(14)")
    ('close', 'macd(12, 26, 9)', 'rsi(14)')
    """
    if text is None:
        return None
    parts, depth, start = [], 0, 0
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return tuple(part.strip() for part in [*parts, text[start:]] if part.strip())


def _asked(file: Path | None) -> ScanFile:
    from technic.scanner.spec.scan_file import ScanFile

    return ScanFile() if file is None else ScanFile.read(file)


def _with(
    asked: ScanFile, where: str | None, universe: str | None, rank: str | None, **more: Any
) -> ScanFile:
    from technic.scanner.spec.scan_file import UNIVERSES

    named = UNIVERSES.get(universe, universe) if universe is not None else None
    given = {"where": where, "universe": named, "rank": rank, **more}
    return replace(asked, **{k: v for k, v in given.items() if v is not None})
