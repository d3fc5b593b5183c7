"""Evidence as a table in the terminal, and as a page with plots."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, TextIO

from rich.text import Text

from technic.errors import counted
from technic.interfaces.render.charts import PLOT_STYLE, Scale, bars, plot
from technic.interfaces.render.plain_console import WholeTable
from technic.interfaces.render.report_page import STYLE
from technic.interfaces.render.text import console
from technic.scanner.svg import POLICY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from technic.research.evaluation.evaluate import Evaluated


def said(part: Mapping[str, Any]) -> str:
    """A mean with its interval: 0.031 (−0.006 … 0.063); n/a where too little is known."""
    if part["mean"] is None:
        return "unknown"
    if part["low"] is None:
        return f"{part['mean']:+.3f} (too few)"
    return f"{part['mean']:+.3f} ({part['low']:+.3f} … {part['high']:+.3f})"


def briefly(part: Mapping[str, Any]) -> str:
    """The same in few letters: +.031 [−.006 +.063], with a star where zero is left out."""
    if part["mean"] is None:
        return "unknown"
    mean, low, high = (
        None if v is None else f"{v:+.3f}".replace("0.", ".", 1)
        for v in (part["mean"], part["low"], part["high"])
    )
    return (
        f"{mean} too few" if low is None else f"{mean} [{low} {high}]{'*' if tells(part) else ''}"
    )


def tells(part: Mapping[str, Any]) -> bool:
    """Whether the interval leaves zero out."""
    return part["low"] is not None and (part["low"] > 0.0 or part["high"] < 0.0)


def _needed(part: Mapping[str, Any]) -> str:
    needed = part["sessions_needed"]
    if needed is None:
        return "–"
    return f"{needed:,}" if needed < 100_000 else ">100,000"


def render_evidence(evaluation: Evaluated, stream: TextIO) -> None:
    """One line per column; a star where the interval leaves zero out."""
    out = console(stream)
    if evaluation.simulated:
        out.print("SIMULATED MARKET", style="bold yellow")
    horizons = list(next(iter(evaluation.evidence.values())).horizons)
    middle = str(horizons[len(horizons) // 2])
    out.print(
        f"Rank IC with the return from the next open, 95 % interval by block bootstrap; "
        f"{counted(evaluation.sessions, 'session')}, {evaluation.first} to {evaluation.last}"
    )
    table = WholeTable(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("column", no_wrap=True, max_width=19, overflow="ellipsis")
    for h in horizons:
        table.add_column(f"{h} session" + ("s" if h > 1 else ""), no_wrap=True)
    table.add_column("spread", justify="right", no_wrap=True)
    table.add_column("needs", justify="right", no_wrap=True)
    silent = []
    for text, evidence in evaluation.evidence.items():
        summary = evidence.summary()
        if summary["ic"][middle]["mean"] is None:
            silent.append(text)
            continue
        spread = summary["spread"][middle]["mean"]
        table.add_row(
            Text(text),
            *(Text(briefly(summary["ic"][str(h)])) for h in horizons),
            "–" if spread is None else f"{100 * spread:+.2f}%",
            _needed(summary["ic"][middle]),
        )
    out.print(table)
    out.print(
        f"* told from zero. spread: top fifth less bottom fifth over {middle} sessions. needs: "
        "sessions to tell such an IC from zero."
    )
    if silent:
        out.print(f"Unknown on this store: {', '.join(silent)}", markup=False)
    tried = sum(len(horizons) for _ in evaluation.evidence)
    out.print(f"{tried} intervals were drawn; about {round(tried / 20)} leave zero out by chance.")
    for note in evaluation.notes:
        out.print(f"Note: {note}", markup=False)


def evidence_page(evaluation: Evaluated) -> str:
    """A page with the same table, and plots of every column that is known."""
    mark = '<p><span class="mark">SIMULATED MARKET</span></p>' if evaluation.simulated else ""
    notes = "".join(f"<p>Note: {escape(note)}</p>" for note in evaluation.notes)
    plots = "".join(_plots(text, e.summary()) for text, e in evaluation.evidence.items())
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Evidence · {evaluation.first} to {evaluation.last}</title>
<style>{STYLE}{PLOT_STYLE}</style></head><body><main>
{mark}
<h1>What each column said about what came after</h1>
<p class="soft">{evaluation.sessions:,} sessions, {evaluation.first} to {evaluation.last} · store
{escape(evaluation.store_version)} · universe <code>{escape(evaluation.universe)}</code></p>
<p>Rank IC: Spearman's correlation, over one session, of a column with the return from the next
open to the open some sessions later. The mean over sessions, with a 95 % interval by circular
block bootstrap. Nothing was fitted; names in blue are told from zero at that horizon.</p>
{notes}
{_table(evaluation)}
{plots}
</main></body></html>
"""


def _table(evaluation: Evaluated) -> str:
    horizons = list(next(iter(evaluation.evidence.values())).horizons)
    head = ["column", *(f"IC {h}" for h in horizons), *(f"spread {h}" for h in horizons)]
    head += ["turnover", "symbols", "sessions needed"]
    rows = []
    for text, evidence in evaluation.evidence.items():
        s = evidence.summary()
        cells = [f"<td>{escape(text)}</td>"]
        for h in horizons:
            part = s["ic"][str(h)]
            style = ' class="yes"' if tells(part) else ""
            cells.append(f"<td{style}>{escape(said(part))}</td>")
        for h in horizons:
            mean = s["spread"][str(h)]["mean"]
            cells.append(f"<td>{'–' if mean is None else f'{100 * mean:+.2f} %'}</td>")
        turnover, coverage = s["turnover"], s["coverage"]
        cells.append(f"<td>{'–' if turnover is None else f'{100 * turnover:.0f} %'}</td>")
        cells.append(f"<td>{'–' if coverage is None else f'{coverage:,.0f}'}</td>")
        cells.append(f"<td>{_needed(s['ic'][str(horizons[len(horizons) // 2])])}</td>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    titles = "".join(f"<th>{title}</th>" for title in head)
    return (
        f'<div class="scroll"><table><thead><tr>{titles}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _plots(text: str, summary: Mapping[str, Any]) -> str:
    horizons = list(summary["ic"])
    middle = horizons[len(horizons) // 2]
    if summary["ic"][middle]["mean"] is None:
        return ""
    parts = [
        intervals("IC by horizon", {h: summary["ic"][h] for h in horizons}),
        bars(
            f"Mean return by fifth, {middle} sessions, %",
            {
                f"{b + 1}": None if v is None else 100 * v
                for b, v in enumerate(summary["quantiles"][middle])
            },
        ),
        bars(f"IC by year, {middle} sessions", summary["years"]),
    ]
    if any(value is not None for value in summary["sectors"].values()):
        parts.append(bars(f"IC within sector, {middle} sessions", summary["sectors"], tilt=True))
    return f"<h2>{escape(text)}</h2>{''.join(parts)}"


def intervals(title: str, parts: Mapping[str, Mapping[str, Any]]) -> str:
    """A point with its interval for each horizon."""
    values = [v for p in parts.values() for v in (p["mean"], p["low"], p["high"]) if v is not None]
    scale = Scale([*values, 0.0])
    marks = []
    for k, (name, part) in enumerate(parts.items()):
        x = 60 + 70 * k
        if part["low"] is not None:
            marks.append(
                f'<line x1="{x}" x2="{x}" y1="{scale(part["low"]):.1f}" '
                f'y2="{scale(part["high"]):.1f}" stroke="var(--fill)" stroke-width="2"/>'
            )
        if part["mean"] is not None:
            marks.append(
                f'<circle cx="{x}" cy="{scale(part["mean"]):.1f}" r="4" fill="var(--fill)"/>'
            )
            marks.append(
                f'<text x="{x + 7}" y="{scale(part["mean"]) + 3:.1f}">{part["mean"]:+.3f}</text>'
            )
        marks.append(f'<text x="{x}" y="118" text-anchor="middle">{escape(name)}</text>')
    return plot(title, scale, "".join(marks), 60 + 70 * len(parts))
