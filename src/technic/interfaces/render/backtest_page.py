"""A backtest as a page of its own, with plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from technic.interfaces.render.backtest import HEAD, YEAR_HEAD, figures, hangs, story, year_rows
from technic.interfaces.render.charts import PLOT_STYLE, bars, curves
from technic.interfaces.render.report_page import STYLE, manifest_block
from technic.scanner.svg import POLICY

if TYPE_CHECKING:
    from technic.research.backtest.result import Backtest


def backtest_page(backtest: Backtest) -> str:
    """A page of its own: no script, no file, no network."""
    mark = '<p><span class="mark">SIMULATED MARKET</span></p>' if backtest.simulated else ""
    words = "".join(f"<p>{escape(line)}</p>" for line in story(backtest))
    notes = "".join(f"<p>Note: {escape(note)}</p>" for note in backtest.notes)
    hanging = "".join(f"<p>{escape(line)}</p>" for line in hangs(backtest))
    by_year = {str(y["year"]): 100.0 * y["return"] for y in backtest.summary["years"]}
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(backtest.name)} · {backtest.first} to {backtest.last}</title>
<style>{STYLE}{PLOT_STYLE}</style></head><body><main>
{mark}
<h1>{escape(backtest.name)}</h1>
<p class="soft">{backtest.first} to {backtest.last} · store {escape(backtest.store_version)}</p>
{words}{notes}
{_plots(backtest)}
{_table(HEAD, figures(backtest))}
<h2>By year</h2>
{_table(YEAR_HEAD, year_rows(backtest))}
{bars("Return by year, %", by_year)}
<h2>What it hangs on</h2>{hanging}
<h2>Trades</h2><details><summary>{len(backtest.trades):,} trades</summary>{
        _trades(backtest.trades)
    }</details>
<h2>The question</h2><pre>{escape(_question(backtest))}</pre>
<p class="soft">Sealed <code>{escape(backtest.manifest["seal"])}</code></p>
{manifest_block(backtest.manifest)}
</main></body></html>
"""


def _plots(backtest: Backtest) -> str:
    heights = np.maximum.accumulate(backtest.equity)
    falls = 100.0 * (backtest.equity / heights - 1.0)
    days = list(backtest.days)
    return "".join(
        (
            curves(
                "Account and benchmark, USD",
                days,
                {"account": backtest.equity, "benchmark": backtest.benchmark},
            ),
            curves("Fall from the height, %", days, {"account": falls}, height=90),
            curves("Invested, % of the account", days, {"": 100.0 * backtest.exposure}, height=90),
        )
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    titles = "".join(f'<th class="{"n" if k else ""}">{t}</th>' for k, t in enumerate(head))
    body = "".join(
        "<tr>"
        + "".join(f'<td class="{"n" if k else ""}">{escape(c)}</td>' for k, c in enumerate(r))
        + "</tr>"
        for r in rows
    )
    return f'<div class="scroll"><table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>'


def _trades(trades: Sequence[Mapping[str, Any]], most: int = 200) -> str:
    head = (
        "symbol",
        "entry",
        "exit",
        "shares",
        "bought at",
        "sold at",
        "costs",
        "dividends",
        "profit",
        "why",
    )
    rows = [
        (
            t["symbol"],
            t["entry"],
            t["exit"],
            f"{t['shares']:,.0f}",
            f"{t['entry_price']:,.2f}",
            f"{t['exit_price']:,.2f}",
            f"{t['costs']:,.2f}",
            f"{t['dividends']:,.2f}",
            f"{t['profit']:+,.2f}",
            t["reason"],
        )
        for t in trades[-most:]
    ]
    more = f"<p class=soft>The last {most} of {len(trades):,}; all of them with --json.</p>"
    return _table(head, rows) + (more if len(trades) > most else "")


def _question(backtest: Backtest) -> str:
    question = backtest.asked
    lines = [f"{k} = {question[k]}" for k in ("universe", "where", "rank", "missing", "benchmark")]
    rules = ", ".join(f"{k} = {v}" for k, v in backtest.rules.as_dict().items())
    return "\n".join([*lines, f"backtest: {rules}"])
