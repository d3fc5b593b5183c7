"""A report as one page of HTML: offline, self-contained, no script."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from technic.interfaces.render.numbers import number
from technic.scanner.ledger import TITLES
from technic.scanner.manifest import canonical
from technic.scanner.svg import POLICY, spark

if TYPE_CHECKING:
    from technic.scanner.report import Report, Row

STYLE = """
:root { --ink: #1d2430; --soft: #667085; --line: #e4e7ec; --fill: #2f6fde; --down: #c2410c;
        --paper: #ffffff; --wash: #f7f8fa; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #2b3240; --fill: #6ea0ff; --down: #fb923c;
          --paper: #12161d; --wash: #1a202b; } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink);
       font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif }
main { max-width: 1500px; margin: 0 auto; padding: 28px 20px 60px }
h1 { font-size: 22px; margin: 0 } h2 { font-size: 15px; margin: 34px 0 10px }
.soft { color: var(--soft) } .mark { display: inline-block; padding: 2px 10px; border-radius: 4px;
       background: #fde68a; color: #713f12; font-weight: 700; letter-spacing: .06em }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100%;
       font-variant-numeric: tabular-nums }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: 12px }
th, td { padding: 5px 10px 5px 0; border-bottom: 1px solid var(--line); vertical-align: middle;
       white-space: nowrap }
.n { text-align: right } .symbol { font-weight: 650 }
.parts { display: flex; height: 10px; width: 120px; background: var(--wash); border-radius: 2px;
       overflow: hidden } .parts span { display: block; height: 100% }
svg { display: block }
.bucket { display: grid; grid-template-columns: 170px 70px 1fr; gap: 10px; padding: 3px 0 }
.meter { height: 12px; background: var(--wash); border-radius: 2px; align-self: center }
.meter span { display: block; height: 100%; background: var(--fill); border-radius: 2px }
code, pre { font: 12px/1.5 ui-monospace, Menlo, Consolas, monospace }
td code { white-space: pre-wrap }
pre { background: var(--wash); padding: 12px; overflow-x: auto; border-radius: 6px }
.cards { display: flex; flex-wrap: wrap; gap: 8px 22px; margin-bottom: 18px } .card { padding: 4px 0 }
.key { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin: 0 5px 0 12px }
"""
REGIME = "<h2>The market,"
COLOURS = (
    "#2f6fde",
    "#0e9384",
    "#dc6803",
    "#7a5af8",
    "#c11574",
    "#4e5ba6",
    "#099250",
    "#b54708",
    "#84adff",
    "#eaaa08",
)


def page(report: Report) -> str:
    """The whole page; every text of a vendor or a user is escaped.

    The same report gives the same page, byte for byte.
    """
    mark = '<p><span class="mark">SIMULATED MARKET</span></p>' if report.simulated else ""
    question = report.asked
    terms = list(report.shown[0].contributions) if report.shown else []
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(report.asked["name"])} · {report.as_of}</title>
<style>{STYLE}</style></head><body><main>
{mark}
<h1>{escape(report.asked["name"])}</h1>
<p class="soft">as of {report.as_of}, close · {len(report.shown)} shown of {report.n_ranked:,}
ranked · {report.ledger_book.total:,} listed · sealed
<code>{report.manifest["seal"][:16]}</code></p>
{_notes(report)}
{_regime(report)}
{_table(report, terms)}
<p class="soft">Score made of:{_legend(terms)}</p>
<h2>Where every listed symbol went</h2>
{_ledger(report)}
<h2>The question</h2>
{_question(question)}
<h2>Manifest</h2>
{manifest_block(report.manifest)}
<p class="soft">Plans are arithmetic on past prices out of one account, not advice. Entries are
estimates until they trade.</p>
</main></body></html>
"""


def _notes(report: Report) -> str:
    return "".join(f"<p>Note: {escape(note)}</p>" for note in report.notes)


def _regime(report: Report) -> str:
    """How the market stands, as a row of small cards."""
    if report.regime is None:
        return ""
    cards = "".join(
        f'<div class="card"><span class="soft">{escape(what)}</span><br>{escape(how)}</div>'
        for what, how in report.regime["lines"]
    )
    return f'{REGIME} {report.regime["members"]:,} stocks</h2><div class="cards">{cards}</div>'


def _table(report: Report, terms: list[str]) -> str:
    if not report.shown:
        return "<p>No symbol passes; the ledger below says where they went.</p>"
    columns = list(report.shown[0].values)
    head = ["#", "symbol", "name", "sector", "score", "made of", "20 bars"]
    numeric = [*columns, "entry", "stop", "target", "size", "risk", "capped by"]
    cells = "".join(f"<th>{escape(title)}</th>" for title in head)
    cells += "".join(f'<th class="n">{escape(title)}</th>' for title in numeric)
    rows = "".join(_row(row, columns, terms) for row in report.shown)
    return f'<div class="scroll"><table><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table></div>'


def _row(row: Row, columns: list[str], terms: list[str]) -> str:
    plan = row.plan
    texts = [str(row.rank), row.name or "", row.sector or ""]
    numbers = [number(row.values[name]) for name in columns]
    numbers += [number(plan.entry), number(plan.stop), number(plan.target)]
    numbers += [f"{plan.size:,}", number(plan.risk), plan.capped_by.replace("_", " ")]
    return (
        f'<tr><td class="n">{texts[0]}</td><td class="symbol">{escape(row.symbol)}</td>'
        f"<td>{escape(texts[1])}</td><td>{escape(texts[2])}</td>"
        f'<td class="n">{row.score:.2f}</td><td>{_parts(row, terms)}</td>'
        f"<td>{spark(row.closes)}</td>"
        + "".join(f'<td class="n">{escape(cell)}</td>' for cell in numbers)
        + "</tr>"
    )


def _parts(row: Row, terms: list[str]) -> str:
    """The score's contributions as one bar; what takes away is not drawn."""
    total = sum(max(value, 0.0) for value in row.contributions.values()) or 1.0
    spans = []
    for j, term in enumerate(terms):
        value = row.contributions[term]
        width = 100.0 * max(value, 0.0) / total
        title = escape(f"{term}: {value:+.2f}", quote=True)
        colour = COLOURS[j % len(COLOURS)]
        spans.append(
            f'<span title="{title}" style="width:{width:.1f}%;background:{colour}"></span>'
        )
    return f'<div class="parts">{"".join(spans)}</div>'


def _legend(terms: list[str]) -> str:
    return "".join(
        f'<span class="key" style="background:{COLOURS[j % len(COLOURS)]}"></span>{escape(term)}'
        for j, term in enumerate(terms)
    )


def _ledger(report: Report) -> str:
    book = report.ledger_book
    rows = []
    for name, count in book.counts().items():
        if not count:
            continue
        share = 100.0 * count / max(book.total, 1)
        why = ", ".join(f"{text} {n:,}" for text, n in list(book.details(name).items())[:5] if text)
        rows.append(
            f'<div class="bucket"><span>{TITLES[name]}</span><span class="n">{count:,}</span>'
            f'<span><span class="meter" style="display:block"><span style="width:{share:.2f}%">'
            f'</span></span><span class="soft">{escape(why)}</span></span></div>'
        )
    return "".join(rows)


def _question(question: dict[str, Any]) -> str:
    parts = ("universe", "where", "rank", "benchmark")
    rows = [
        f"<tr><th>{name}</th><td><code>{escape(str(question[name]))}</code></td></tr>"
        for name in parts
        if question[name]
    ]
    plan = ", ".join(f"{k} {v}" for k, v in question["plan"].items())
    rows.append(f"<tr><th>plan</th><td><code>{escape(plan)}</code></td></tr>")
    return f'<div class="scroll"><table>{"".join(rows)}</table></div>'


def manifest_block(manifest: Mapping[str, Any]) -> str:
    """A manifest in a page, whole: `technic verify` reads it there."""
    text = escape(canonical(dict(manifest)).decode())
    return f'<div class="scroll"><pre class="manifest">{text}</pre></div>'
