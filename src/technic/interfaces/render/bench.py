"""A bench as tables in the terminal, and as a page with plots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, TextIO

from rich.table import Table
from rich.text import Text

from technic.errors import install_hint
from technic.interfaces.render.charts import PLOT_STYLE, bars, lines
from technic.interfaces.render.report_page import STYLE
from technic.interfaces.render.text import console
from technic.scanner.svg import POLICY

MARKS = {True: "holds", False: "FAILS", None: "not run"}
VERDICTS = {True: "holds", False: "MISSED", None: "not measurable here"}
BUSY = 10.0  # percent of all cores that others use
LADDER = {
    "symbols": "symbols",
    "cold_s": "cold s",
    "fresh_ms": "fresh ms",
    "warm_ms": "again ms",
    "incremental_ms": "night ms",
    "us_per_symbol": "µs each",
    "calls": "calls",
    "hit_rate": "again hits %",
    "peak_mb": "peak MB",
    "cpu_pct": "CPU %",
    "errors": "errors",
    "off_reference": "off",
}
LEGEND = (
    "cold: a new process from its first line, nothing kept; fresh: nothing kept; again: the same question; night: after "
    "a new session; off: values that the slow reference does not give"
)
LEVERS = {
    "lever": "without …",
    "symbols": "symbols",
    "with_ms": "with ms",
    "without_ms": "without ms",
    "lost_s": "lost s",
}
POOLS = {"executor": "executor", "symbols": "symbols", "ms": "ms", "equal": "same bytes"}
TARGETS = {"what": "what", "hoped": "the plan hoped", "verdict": "", "measured": "measured"}
FILTERS = {"how": "5,277 symbols, three filters", "ms": "ms", "equal": "equal"}
REGRESSIONS = {"what": "figure", "before": "before", "now": "now", "ratio": "×"}


def render_bench(results: Mapping[str, Any], stream: TextIO) -> None:
    """Everything, as tables."""
    out = console(stream)
    about = results["about"]
    out.print(Text(f"{about['market']} · {about['symbols']:,} symbols", style="bold"))
    out.print(_where(about), highlight=False)
    if text := _load(results):
        out.print(Text(text, style="bold"))
    for figure in results["figures"]:
        line = f"{figure['what']:58} {figure['median']:10,.1f} {figure['unit']}"
        out.print(f"{line}  ({figure['minimum']:,.1f} – {figure['maximum']:,.1f})", highlight=False)
    _table(out, "The ladder", LADDER, results["ladder"])
    out.print(LEGEND, style="dim", highlight=False)
    _table(
        out,
        "Twelve checks",
        {"name": "check", "mark": "", "figure": "found", "target": "asked"},
        [{**check, "mark": MARKS[check["holds"]]} for check in results["checks"]],
    )
    _table(out, "The plan", TARGETS, _verdicts(results))
    out.print(_tally(results), highlight=False)
    _table(out, "Levers: a step switched off alone", LEVERS, results["levers"])
    _table(out, "Pools: pandas work that holds the GIL", POOLS, results["pools"])
    _table(out, "A universe filtered", FILTERS, results["filters"])
    out.print(_compared(results), highlight=False)
    if "regressions" in results:
        worse = [row for row in results["regressions"] if row["regression"]]
        if worse:
            _table(out, "Slower than before", REGRESSIONS, worse)
        else:
            out.print(
                f"{len(results['regressions'])} figures against the older run: none is slower "
                "beyond the noise",
                highlight=False,
            )


def _where(about: Mapping[str, Any]) -> str:
    return (
        f"technic {about['version']}, {about['at']}, {about['system']}, {about['cores']} cores, "
        f"Python {about['python']}"
    )


def _load(results: Mapping[str, Any]) -> str:
    """A line where others use this machine too; empty where they do not."""
    before, after = results["others_cpu_pct"]
    if max(before, after) <= BUSY:
        return ""
    return (
        f"A busy machine: others used {before:.0f} % of its cores before this and {after:.0f} % after "
        "it. Times say little; ratios, measured in turn, somewhat more"
    )


def _verdicts(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{**row, "verdict": VERDICTS[row["holds"]]} for row in results["targets"]]


def _tally(results: Mapping[str, Any]) -> str:
    held = [row["holds"] for row in results["targets"]]
    missed, unknown = held.count(False), held.count(None)
    parts = [f"{held.count(True)} of {len(held)} targets hold", f"{missed} missed"]
    return ", ".join([*parts, f"{unknown} not measurable here"] if unknown else parts)


def _compared(results: Mapping[str, Any]) -> str:
    old = results["baseline"]
    if old is None:
        return f"The scan before this one: not run; it needs pandas: {install_hint('bench')}"
    drawn = (
        f"{old['symbols']:,} symbols drawn by seed, scaled" if old["sampled"] else "every symbol"
    )
    before = f"The scan before this one, in pandas, on the same bars ({drawn}): "
    if not old["equal"]:
        return before + str(old["verdict"])
    return (
        f"{before}{old['B0']['us_per_symbol']:,.0f} µs a symbol and {old['b0_peak_mb']:,} MB; as "
        f"intended {old['B1']['us_per_symbol']:,.0f} µs. Ours {old['ours_us_per_symbol']:,.2f} µs: "
        f"{old['verdict']}"
    )


def _table(
    out: Any, title: str, columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]
) -> None:
    out.print(Text(title, style="bold"))
    shown = Table(box=None, pad_edge=False, padding=(0, 1))
    for name, head in columns.items():
        words = rows and isinstance(rows[0].get(name), str)
        shown.add_column(head, justify="left" if words else "right", overflow="fold")
    for row in rows:
        shown.add_row(*(cell(name, row.get(name)) for name in columns))
    out.print(shown)


def cell(name: str, value: Any) -> str:
    """A value as a table shows it; a dash where there is none."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 10 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and name != "year" else str(value)


def bench_page(results: Mapping[str, Any]) -> str:
    """The same as a page of its own, with plots."""
    about = results["about"]
    body = "".join(_section(*section) for section in sections(results) if section[2])
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>technic bench</title>
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width"><style>{STYLE}{PLOT_STYLE}</style></head><body><main>
<h1>What a scan takes</h1>
<p>{escape(str(about["market"]))}, {about["symbols"]:,} symbols. {escape(_where(about))}.</p>
{_paragraph(_load(results))}<p>{escape(_compared(results))}</p>
<p>{escape(_tally(results))}.</p>
{"".join(_plots(results))}
<p>{escape(LEGEND)}.</p>
{body}
</main></body></html>
"""


def _paragraph(text: str) -> str:
    return f"<p><b>{escape(text)}.</b></p>\n" if text else ""


def _plots(results: Mapping[str, Any]) -> list[str]:
    rungs = results["ladder"]
    sizes = [f"{rung['symbols']:,}" for rung in rungs]
    times = {"uncached": "fresh_ms", "cached": "warm_ms", "new session": "incremental_ms"}
    levers, pools = _largest(results["levers"]), _largest(results["pools"])
    return [
        lines(
            "ms by symbols: uncached, cached, new session",
            sizes,
            {name: [rung[field] for rung in rungs] for name, field in times.items()},
        ),
        bars("µs per symbol", {n: rung["us_per_symbol"] for n, rung in _by_size(sizes, rungs)}),
        bars("Peak MB", {n: float(rung["peak_mb"]) for n, rung in _by_size(sizes, rungs)}),
        bars(
            "Lost without it at 5,277 symbols, s",
            {row["lever"].split(":")[0]: row["lost_s"] for row in levers},
            step=90,
        ),
        bars(
            "100 symbols of pandas work, ms",
            {
                str(row["executor"]).replace("ray://local", "ray").rstrip(":"): row["ms"]
                for row in pools
                if row["ms"] is not None
            },
            step=82,
        ),
    ]


def _by_size(
    sizes: Sequence[str], rungs: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return zip(sizes, rungs, strict=True)


def _largest(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows of the largest market."""
    most = max((row["symbols"] for row in rows), default=0)
    return [row for row in rows if row["symbols"] == most]


def sections(
    results: Mapping[str, Any],
) -> list[tuple[str, Mapping[str, str], Sequence[Mapping[str, Any]]]]:
    """The tables of a bench: title, heads by key, rows."""
    checks = [{**check, "mark": MARKS[check["holds"]]} for check in results["checks"]]
    titles = {"name": "check", "mark": "", "figure": "found", "target": "asked"}
    slower = {**REGRESSIONS, "regression": "slower"}
    return [
        ("The ladder", LADDER, results["ladder"]),
        ("Twelve checks", titles, checks),
        ("The plan", TARGETS, _verdicts(results)),
        ("Levers: a step switched off alone", LEVERS, results["levers"]),
        ("Pools: pandas work that holds the GIL", POOLS, results["pools"]),
        ("A universe filtered", FILTERS, results["filters"]),
        ("Against the older run", slower, results.get("regressions", [])),
    ]


def _section(title: str, columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in columns.values())
    lines_ = "".join(
        "<tr>"
        + "".join(f"<td>{escape(cell(name, row.get(name)))}</td>" for name in columns)
        + "</tr>"
        for row in rows
    )
    return (
        f'<h2>{escape(title)}</h2><div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{lines_}</tbody></table></div>"
    )
