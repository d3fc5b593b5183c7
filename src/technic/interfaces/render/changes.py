"""Differences, looks at the market and nights, as a terminal shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from rich.table import Table
from rich.text import Text

from technic.errors import counted, printable
from technic.interfaces.render.numbers import bar, number, price, sparkline
from technic.interfaces.render.plain_console import WholeTable
from technic.interfaces.render.text import console

if TYPE_CHECKING:
    from rich.console import RenderableType

    from technic.operations.intraday import Glance
    from technic.operations.nightly import Night, Scanned
    from technic.scanner.inspect.diff import Change, Difference

SHOWN = 12
SIGNS = {"entered": "+", "left": "−", "crossed": "×"}
STYLES = {"entered": "green", "left": "red", "crossed": "yellow"}


def render_difference(difference: Difference, stream: TextIO) -> None:
    """Who entered, left, crossed, and why."""
    out = console(stream)
    if difference.simulated:
        out.print("SIMULATED MARKET", style="bold yellow")
    sessions = f"   {difference.before} → {difference.after}"
    out.print(Text.assemble((difference.name, "bold"), sessions))
    if not difference.changes:
        out.print(f"Nothing changed: the same {counted(len(difference.stayed), 'symbol')}.")
        return
    for change in difference.changes:
        out.print(_line(change))
    out.print(
        f"{len(difference.entered)} entered, {len(difference.left)} left, {len(difference.stayed)} stayed"
    )


def _line(change: Change) -> Text:
    ranks = f"{change.before or '–'} → {change.after or '–'}"
    name = printable(change.name or "")[:24]
    text = f"{SIGNS[change.kind]} {printable(change.symbol):<8} {ranks:>12}  {name:<24}  "
    line = Text(text, STYLES[change.kind])
    why = printable(change.why if change.kind != "entered" else f"was {change.why}")
    return line.append(why, "dim")


def glance_line(glance: Glance) -> str:
    """One line about one look."""
    at = f"{glance.at:%Y-%m-%d %H:%M:%S}"
    if glance.difference is None or glance.report is None:
        said = {"closed": "the market is closed", "stored": "the session is stored already"}
        told = ": nobody is told" if glance.expected else ""
        return f"{at}  {said.get(glance.state, printable(glance.state))}{told}{_set_aside(glance)}"
    parts = [f"{len(getattr(glance.difference, kind))} {kind}" for kind in SIGNS]
    took = sum(ms for name, ms in glance.timings.items() if name != "asked")
    alerts = f" · {counted(len(glance.alerts), 'alert')}" if glance.alerts else ""
    return (
        f"{at}  {counted(glance.bars, 'bar')} so far · {glance.report.n_ranked:,} ranked · "
        f"{', '.join(parts)}{alerts} · {took:.0f} ms{_set_aside(glance)}"
    )


def _set_aside(glance: Glance) -> str:
    """How many rows were not believed, and why."""
    named = ", ".join(
        f"{count:,} {reason.replace('_', ' ')}" for reason, count in glance.aside.items()
    )
    return f" · set aside: {named}" if named else ""


def glance_lines(glance: Glance) -> list[Text]:
    """What changed at one look."""
    if glance.difference is None:
        return []
    return [_line(change) for change in glance.difference.changes]


def glance_panel(glance: Glance, recent: list[Text]) -> RenderableType:
    """The list as it stands, and what changed lately."""
    from rich.console import Group

    parts: list[RenderableType] = [Text(glance_line(glance), "dim")]
    if glance.report is not None:
        parts = [*_marks(glance), _table(glance), *parts]
    if recent:
        parts += [Text(), *recent[-SHOWN:]]
    return Group(*parts)


def _marks(glance: Glance) -> list[Text]:
    assert glance.report is not None
    mark = "SIMULATED MARKET   " if glance.report.simulated else ""
    title = f"{mark}{glance.report.asked['name']}   {glance.report.as_of}, provisional"
    return [Text(title, "bold"), *(Text(f"Note: {n}", "dim") for n in glance.report.notes[1:])]


def _table(glance: Glance) -> Table:
    report = glance.report
    assert report is not None
    table = WholeTable(first=("name", "20 bars"), box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for title in ("#", "symbol", "name", "score", ""):
        table.add_column(title, justify="right" if title == "#" else "left", no_wrap=True)
    names = report.asked["columns"][:3]
    for name in names:
        table.add_column(name[:12], justify="right", no_wrap=True)
    for title in ("20 bars", "entry", "stop"):
        table.add_column(title, justify="left" if title == "20 bars" else "right")
    news = {c.symbol for c in glance.difference.entered} if glance.difference else set()
    for row in report.shown[:20]:
        table.add_row(
            str(row.rank),
            Text(row.symbol),
            Text((row.name or "")[:18]),
            bar(row.percentile / 100, 5),
            f"{row.score:.1f}",
            *(Text(number(row.values[name])) for name in names),
            sparkline(row.closes[::2]),
            price(row.plan.entry),
            price(row.plan.stop),
            style="green" if row.symbol in news else None,
        )
    return table


def night_lines(night: Night, store: str) -> list[str]:
    """A night in twenty lines at most."""
    lines = [f"{'Done' if night.ok else 'Look at this'}: {night.as_of} · {store}"]
    if night.synced is not None:
        tally = night.synced.tally
        failed = f", {len(night.synced.failed)} not answered" if night.synced.failed else ""
        lines.append(
            f"sync     {counted(night.synced.answered, 'answer')}{failed}, {counted(tally.bars, 'bar')} new, "
            f"{sum(tally.edits.values()):,} corrected"
        )
    lines += [f"{step:<8} {why}" for step, why in night.trouble.items()]
    lines += [_scan_line(one) for one in night.scans[:SHOWN]]
    if len(night.scans) > SHOWN:
        lines.append(f"         … and {len(night.scans) - SHOWN} more scans")
    if not night.scans and "scan" not in night.trouble:
        lines.append('scan     none is saved yet: technic scan -e "rsi(14) < 30" --save dips')
    if night.accuracy is not None:
        lines.append(
            f"check    {counted(night.accuracy.values, 'value')} of {counted(night.accuracy.symbols, 'symbol')} "
            f"recomputed slowly: {night.accuracy.off or 'none'} off"
        )
    if night.delivered is not None and (sent := night.delivered):
        lines.append(
            f"alerts   {sent.alerts} delivered in {counted(sent.messages, 'message')}, {sent.waiting} waiting"
            + (f", {sent.given_up} given up" if sent.given_up else "")
        )
    took = ", ".join(f"{name} {seconds:.1f}" for name, seconds in night.seconds.items())
    lines.append(f"took     {took} s")
    return [printable(line) for line in lines[:20]]


def _scan_line(one: Scanned) -> str:
    if one.report is None:
        return f"scan     {one.name}: {one.trouble}"
    parts = [f"{len(one.report.shown)} of {one.report.n_ranked:,}"]
    if one.difference is not None:
        parts += [f"{len(one.difference.entered)} entered", f"{len(one.difference.left)} left"]
    if one.alerts:
        parts.append(f"{counted(len(one.alerts), 'alert')}")
    return f"scan     {one.name}: {', '.join(parts)}" + (f"; {one.trouble}" if one.trouble else "")
