"""Answers as text: one screen, plain in a pipe, honest about when and from what."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TextIO

from rich.table import Table
from rich.text import Text

from technic.errors import counted
from technic.interfaces.render.numbers import bar, number, price, sparkline
from technic.interfaces.render.plain_console import PlainConsole, WholeTable
from technic.interfaces.render.terminal import Sheet, beneath, quoted
from technic.scanner.ledger import TITLES

if TYPE_CHECKING:
    import polars as pl

    from technic.scanner.inspect.lint import Finding
    from technic.scanner.report import Report, Row

SMALL = 10.0  # scores below it are told to a thousandth
WIDTH = 100
Command = Callable[[str], str]


def console(stream: TextIO) -> PlainConsole:
    """A console of at most `WIDTH` columns; no colour in pipes or with NO_COLOR."""
    stream = beneath(stream)
    if isinstance(stream, Sheet):
        columns, variables = stream.columns, stream.variables
    else:
        columns = os.get_terminal_size().columns if stream.isatty() else None
        variables = os.environ
    width = WIDTH if columns is None else min(columns, WIDTH)
    return PlainConsole(
        file=stream, width=width, highlight=False, soft_wrap=False, _environ=variables
    )


def render_scan(
    report: Report, command: Command, stream: TextIO, *, asked: str = "", heading: bool = True
) -> None:
    """A scan: rows, ledger, timings, seal, what to do next.

    Parameters
    ----------
    command : a command that means the same store
    asked : the words of a command line that ask the same question
    """
    out = console(stream)
    if heading and report.simulated is not None:
        simulated = " ".join(
            f"{k} {v}" for k, v in report.simulated.items() if k in {"seed", "vendor"}
        )
        out.print(f"SIMULATED MARKET  {simulated}", style="bold yellow", markup=False)
    total = sum(report.timings.values())
    title = report.asked["name"]
    out.print(Text.assemble((title, "bold"), f"   as of {report.as_of} · close   {total:.0f} ms"))
    if report.regime is not None:
        lines = report.regime["lines"]
        stands = " · ".join(f"{what} {how}" for what, how in lines if how != "unknown")
        out.print(f"Market: {stands}", style="dim", markup=False)
    if report.shown:
        out.print(_rows(report))
    else:
        out.print("No symbol passes; the ledger says where they went.")
    for line in ledger_lines(report):
        out.print(line, style="dim")
    for note in report.notes:
        out.print(f"Note: {note}", markup=False)
    stages = " · ".join(f"{stage} {ms:.0f}" for stage, ms in report.timings.items())
    out.print(f"{stages} ms   sealed {report.manifest['seal'][:12]}", style="dim")
    if work := work_line(report):
        out.print(work, style="dim")
    out.print(f"Next: {hints(report, command, asked)}", markup=False, soft_wrap=True)


def work_line(report: Report) -> str:
    """What was computed and what was known already."""
    work = report.work
    if "computed" not in work:
        return "the same question on the same data: the report was kept"
    reused, computed = int(work["found"]), int(work["computed"])
    text = f"{counted(reused, 'feature')} known, {computed} computed"
    carried = {what: int(work.get(what, 0)) for what in ("advanced", "refolded", "unchanged")}
    if computed and any(carried.values()):
        text += ": symbols " + " · ".join(f"{what} {n:,}" for what, n in carried.items())
    if crossed := int(work.get("cross_sections", 0)):
        text += f" · {int(work['cross_sections_found'])} of {crossed} cross-sections reused"
    return text


def hints(report: Report, command: Command, asked: str) -> str:
    """Commands that run exactly as printed, mean the same question and store, and go on from here."""
    question = 'scan -e "rsi(14) < 30 and close > sma(200)"'
    if report.history <= 200:
        question = f"scan --rank {quoted(report.known_rank)}"
    commands = [] if question == f"scan{asked}" else [command(question)]
    if report.shown:
        commands.insert(0, command(f"explain {quoted(report.shown[0].symbol)}{asked}"))
    elif (symbol := _unranked(report)) is not None:
        commands.insert(0, command(f"why-not {quoted(symbol)}{asked}"))
    return " · ".join(commands)


def _unranked(report: Report) -> str | None:
    """A symbol that came as far as any; None if nobody is listed."""
    book = report.ledger_book
    furthest = max(range(len(book.bucket)), key=book.bucket.__getitem__, default=0)
    return report.symbols[furthest] if book.total else None


def _rows(report: Report) -> Table:
    """The rows as a table; the close is left out where it is the entry."""
    table = WholeTable(
        first=("sector", "name", "20 bars"),
        box=None,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    named = any(row.name for row in report.shown)
    table.add_column("#", justify="right", no_wrap=True, min_width=2)
    table.add_column("symbol", no_wrap=True, min_width=6)
    if named:
        table.add_column("name", no_wrap=True, max_width=14, overflow="ellipsis")
    classed = any(row.sector for row in report.shown)
    if classed:
        table.add_column("sector", no_wrap=True, max_width=8, overflow="ellipsis")
    table.add_column("score", no_wrap=True, min_width=10)
    estimated = report.asked["plan"]["entry"] == "next_open"
    columns = [n for n in report.shown[0].values if not (estimated and n == "close")]
    columns = columns[: 2 if named and classed else 3 if named else 4]
    for name in columns:
        table.add_column(_short(name), justify="right", no_wrap=True, max_width=8)
    table.add_column("20 bars", no_wrap=True, min_width=10)
    for name in ("entry", "stop", "target", "size"):
        table.add_column(name, justify="right", no_wrap=True, min_width=6)
    scale = max((abs(row.score) for row in report.shown), default=1.0) or 1.0
    digits = 1 if scale >= SMALL else 3  # returns are fractions
    for row in report.shown:
        cells = [str(row.rank), row.symbol]
        if named:
            cells.append(row.name or "")
        if classed:
            cells.append(row.sector or "Unknown")
        cells.append(f"{bar(row.score / scale, 4)} {row.score:5.{digits}f}")
        cells += [number(row.values[name]) for name in columns]
        cells.append(sparkline(row.closes[::2]))
        plan = row.plan
        cells += [price(plan.entry), price(plan.stop), price(plan.target), _size(row)]
        table.add_row(*(Text(cell) for cell in cells))
    return table


CAPS = {
    "buying_power": "no cash",
    "dollar_volume": "thin",
    "heat": "heat",
    "positions": "full",
    "risk": "no room",
    "stop": "no stop",
    "target": "no target",
}


def _size(row: Row) -> str:
    """Shares, or why there are none."""
    return f"{row.plan.size:,}" if row.plan.size else CAPS[row.plan.capped_by]


def _short(name: str) -> str:
    """A column's heading: known ones in the trade's shorthand, long ones cut."""
    heads = {
        "rsi(14)": "RSI",
        "atr_pct(14)": "ATR%",
        "dollar_volume(20)": "$/day",
        "from_high(252)": "off high",
        "volume_ratio(20)": "volume ×",
    }
    if name in heads:
        return heads[name]
    return name if len(name) <= 8 else f"{name[:7]}…"


def ledger_lines(report: Report) -> list[Text]:
    """Where every listed symbol went; the counts add up."""
    book = report.ledger_book
    counts = book.counts()
    parts = [f"{len(report.shown)} shown of {counts['ranked']:,} ranked"]
    for name, count in counts.items():
        if count and name != "ranked":
            why = _details(book.details(name))
            parts.append(f"{count:,} {TITLES[name]}{why}")
    return [Text(f"{book.total:,} listed: " + " · ".join(parts))]


def _details(details: dict[str, int]) -> str:
    named = [f"{text} {count:,}" for text, count in details.items() if text]
    if not named:
        return ""
    return f" ({', '.join(named[:4])}{', …' if len(named) > 4 else ''})"


def render_coverage(figures: dict[str, Any], stream: TextIO) -> None:
    """What a store holds."""
    from technic.market.quality import in_words  # brings frames

    out = console(stream)
    if figures["simulated"]:
        out.print("SIMULATED MARKET", style="bold yellow")
    adjusted = {"none": "as traded", "splits": "adjusted for splits by the vendor"}
    quarantined = sum(figures["quarantined"].values())
    lines = [
        ("store", figures["store"]),
        ("sessions", f"{figures['first']} to {figures['as_of']}: {figures['sessions']:,}"),
        ("without any bar", f"{figures['sessions_without_bars']:,}"),
        ("with few bars", ", ".join(map(str, figures["thin_sessions"][:6])) or "none"),
        ("prices", adjusted[figures["adjustment"]]),
        ("symbols", f"{figures['symbols']:,}"),
        ("bars", f"{figures['bars']:,}"),
        ("traded on the session", f"{figures['traded_on_session']:,}"),
        ("no bar on it", f"{figures['no_bar_on_session']:,}"),
        ("stale", f"{figures['stale']:,}"),
        ("less than a year old", f"{figures['short_history']:,}"),
        *((f"{name} known", f"{count:,}") for name, count in figures["known"].items()),
        *((f"{kind}s", f"{count:,}") for kind, count in figures["actions"].items()),
        ("filings", _filings(figures["filings"])),
        ("rows set aside", f"{quarantined:,}"),
        *((f"{count:>9,}", in_words(why)) for why, count in figures["quarantined"].items()),
    ]
    for title, text in lines:  # a path is one word to what reads it: never folded
        out.print(f"{title:22} {text}", markup=False, soft_wrap=True)


def _filings(figures: dict[str, Any]) -> str:
    if not figures["filings"]:
        return "none: technic import-filings or technic sync-filings"
    return f"{figures['filings']:,} of {counted(figures['securities'], 'security')}, to {figures['newest']}"


def render_findings(findings: Iterable[Finding], stream: TextIO) -> None:
    """What lint found."""
    out = console(stream)
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for title in ("", "check", "of", "share", "compared"):
        table.add_column(title, justify="right" if title in {"share", "compared"} else "left")
    for finding in findings:
        mark = "ok" if finding.ok else "look"
        table.add_row(
            mark,
            finding.check,
            Text(finding.subject),
            f"{finding.share:.2%}",
            f"{finding.compared:,}",
        )
    out.print(table)


def render_frame(table: pl.DataFrame, stream: TextIO) -> None:
    """A frame as a plain table."""
    out = console(stream)
    shown = Table(box=None, pad_edge=False, padding=(0, 1))
    for name in table.columns:
        shown.add_column(name, justify="left" if name in {"symbol", "session"} else "right")
    for row in table.head(200).iter_rows():
        shown.add_row(*(Text(number(v) if isinstance(v, float | None) else str(v)) for v in row))
    out.print(shown)
