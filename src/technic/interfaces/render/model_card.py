"""The card of a model in the terminal, and as a page with plots."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, TextIO

from rich.text import Text

from technic.errors import counted
from technic.interfaces.render.charts import PLOT_STYLE, bars
from technic.interfaces.render.evidence import briefly, intervals
from technic.interfaces.render.plain_console import WholeTable
from technic.interfaces.render.report_page import STYLE
from technic.interfaces.render.text import console
from technic.scanner.alpha.card import Card
from technic.scanner.svg import POLICY

TOP = "top_50"


def card_lines(card: Card) -> dict[str, Any]:
    """What a list of models says of one."""
    ic = card.result["model"]["ic"]
    return {
        "model": card.sha256,
        "name": card.name,
        "kind": card.kind,
        "horizon": card.horizon,
        "trained_from": card.trained_from,
        "trained_to": card.trained_to,
        "usable_from": card.usable_from,
        "universe": card.universe,
        "label": card.label,
        "gate": bool(card.gate["passed"]),
        "reason": card.gate["reason"],
        "why": card.why,
        "ic": ic,
        "trials": card.trials,
        "simulated": card.simulated,
    }


def render_card(card: Card, stream: TextIO) -> None:
    """The verdict first, then what it rests on."""
    out = console(stream)
    if card.simulated:
        out.print("SIMULATED MARKET", style="bold yellow")
    out.print(_heading(card), style="bold")
    out.print(f"Gate: {_verdict(card)}", markup=False)
    table = WholeTable(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("", "rank IC [95 %]", "t", "ICIR", "L/S net 10", "break-even"):
        table.add_column(name, justify="left" if not name else "right", no_wrap=True)
    for name, clauses in _judged(card):
        book = clauses["long_short"]
        table.add_row(
            Text(name),
            Text(briefly(clauses["ic"])),
            _number(clauses["t"], "+.2f"),
            _number(clauses["icir"], "+.2f"),
            _number(book["by_cost"]["10"]["sharpe"], "+.2f"),
            _number(book["break_even_bps"], "+.0f", " bps"),
        )
    out.print(table)
    out.print(
        "L/S: Sharpe ratio a year, highest less lowest decile, net of 10 basis points a side. "
        "* told from zero."
    )
    for clause in card.gate["clauses"]:
        mark = "✓" if clause["passed"] else "✗"
        out.print(f"  {mark} {clause['name']:9} {clause['said']}", markup=False)
    for canary in card.canaries:
        mark = "✓" if canary["passed"] else "✗"
        out.print(f"  {mark} {canary['name']:9} {canary['said']}", markup=False)
    out.print(_usable(card), markup=False)
    for note in card.notes:
        out.print(f"Note: {note}", markup=False)


def _heading(card: Card) -> str:
    spans = card.spans
    return (
        f"{card.name} · {card.kind} · {counted(len(card.features), 'feature')} · {card.horizon} sessions "
        f"ahead · judged on {spans['tested']:,} sessions, {spans['tested_from']} to "
        f"{spans['tested_to']}"
    )


def _verdict(card: Card) -> str:
    return "passed: a measured edge" if card.gate["passed"] else f"{card.label} — {card.why}"


def _usable(card: Card) -> str:
    return (
        f"Model {card.sha256[:12]} learned from {card.trained_from} to {card.trained_to}, and may "
        f"forecast from {card.usable_from} for {counted(card.max_age, 'session')} after that."
    )


def _judged(card: Card) -> list[tuple[str, Mapping[str, Any]]]:
    first = [name for name in ("model", "ridge") if name in card.result]
    rest = sorted(set(card.result) - {*first, "seeds"})
    return [(name, card.result[name]) for name in [*first, *rest]]


def _trials(count: int) -> str:
    return "the first trial" if count == 1 else f"{count:,} distinct trials"


def _number(value: float | None, form: str, unit: str = "") -> str:
    return "–" if value is None else f"{value:{form}}{unit}"


def card_page(card: Card) -> str:
    """A page of its own: no script, no file, no network."""
    mark = '<p><span class="mark">SIMULATED MARKET</span></p>' if card.simulated else ""
    notes = "".join(f"<p>Note: {escape(note)}</p>" for note in card.notes)
    model = card.result["model"]
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(card.name)} · {escape(card.label)}</title>
<style>{STYLE}{PLOT_STYLE}</style></head><body><main>
{mark}
<h1>{escape(card.name)}: {escape(card.label)}</h1>
<p>{escape(_verdict(card))}</p>
<p class="soft">{escape(_heading(card))} · {_trials(card.trials)} on this store</p>
<p>{escape(_usable(card))}</p>
{notes}
<h2>The gate</h2>{_checks(card.gate["clauses"])}
{f"<h2>Canaries</h2>{_checks(card.canaries)}" if card.canaries else ""}
<h2>Beside what it must beat</h2>{_table(card)}
<h2>The model by itself</h2>{_plots(model, card)}
<h2>What it hangs on</h2>{_hangs(card)}
<h2>How it was made</h2>{_made(card)}
</main></body></html>
"""


def _checks(clauses: Any) -> str:
    rows = "".join(
        f"<tr><td>{'✓' if clause['passed'] else '✗'}</td><td>{escape(clause['name'])}</td>"
        f'<td style="white-space:normal">{escape(clause["said"])}</td></tr>'
        for clause in clauses
    )
    return f'<div class="scroll"><table><tbody>{rows}</tbody></table></div>'


def _table(card: Card) -> str:
    head = [
        "",
        "rank IC, 95 %",
        "t",
        "ICIR",
        "hits",
        "top decile less bottom",
        *(f"L/S Sharpe, {cost} bps" for cost in (0, 5, 10, 20)),
        "break-even",
        "top 50, 10 bps",
        "turnover",
    ]
    rows = []
    for name, clauses in _judged(card):
        costs, spread = clauses["long_short"]["by_cost"], clauses["spread"]["mean"]
        cells = [
            escape(name),
            escape(briefly(clauses["ic"])),
            _number(clauses["t"], "+.2f"),
            _number(clauses["icir"], "+.2f"),
            _number(clauses["hits"], ".0%"),
            _number(spread, "+.2%"),
            *(_sharpe(costs[str(cost)]) for cost in (0, 5, 10, 20)),
            _number(clauses["long_short"]["break_even_bps"], "+.1f", " bps"),
            _sharpe(clauses[TOP]["by_cost"]["10"]),
            _number(clauses["long_short"]["turnover"], ".0%"),
        ]
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    titles = "".join(f"<th>{title}</th>" for title in head)
    return (
        f'<div class="scroll"><table><thead><tr>{titles}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
        "<p class=soft>L/S: highest less lowest decile, renewed by one part in the horizon each "
        "session, open to open; a Sharpe ratio a year with its 95 % interval by blocks. Borrowing "
        "is not paid for: whether a name could be borrowed is not known.</p>"
    )


def _sharpe(part: Mapping[str, Any]) -> str:
    if part["low"] is None:
        return _number(part["sharpe"], "+.2f")
    return f"{part['sharpe']:+.2f} [{part['low']:+.2f} {part['high']:+.2f}]"


def _plots(result: Mapping[str, Any], card: Card) -> str:
    shown = [
        intervals("Rank IC by horizon: how it decays", result["by_horizon"]),
        bars(
            f"Mean return by decile, {card.horizon} sessions, %",
            {str(k + 1): None if v is None else 100.0 * v for k, v in enumerate(result["deciles"])},
        ),
        bars("Rank IC by year", result["years"]),
    ]
    for name, values in result["by"].items():
        if any(value is not None for value in values.values()):
            tilt = name == "sector"
            shown.append(bars(f"Rank IC by {name}", dict(values), tilt=tilt))
    costs = {cost: part["sharpe"] for cost, part in result["long_short"]["by_cost"].items()}
    if all(value is not None for value in costs.values()):
        shown.append(bars("Sharpe ratio by cost, basis points a side", costs))
    return "".join(shown)


def _hangs(card: Card) -> str:
    lines = []
    if card.survivors:
        s = card.survivors
        lines.append(
            f"Among names that never vanish the rank IC is {s['ic']:+.4f}: "
            f"{s['difference']:+.4f} more than among all; {s['share_vanishing']:.1%} of the rows "
            "are of names that vanish later."
        )
    by = card.sensitivity.get("ic_by_delisting_return", {})
    if by:
        groups = ", ".join(f"{name}: {ic:+.4f}" for name, ic in by.items())
        lines.append(f"Rank IC by what a vanishing name is thought to return: {groups}.")
    if "seeds" in card.result:
        seeds = card.result["seeds"]
        lines.append(f"Over {len(seeds['ic'])} seeds the rank IC varies by {seeds['sd']:.4f}.")
    if card.vault is not None:
        before = card.vault["opened_before"]
        seen = f"; it was opened {before:,} times before, and is not unseen" if before else ""
        lines.append(f"In the vault: {briefly(card.vault['ic'])} since {card.vault['from']}{seen}.")
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


def _made(card: Card) -> str:
    rows = {
        "model": card.sha256,
        "kernel": card.kernel,
        "universe": card.universe or "everybody",
        "label": f"rank of the return from the next open over {card.horizon} sessions, total, less "
        f"the {card.demean}'s, as a normal score",
        "a vanishing name returns": f"{card.delisting:+.0%} from its last close",
        "spans": ", ".join(f"{k} {v}" for k, v in card.spans.items() if not isinstance(v, dict)),
        "asked": ", ".join(f"{k} {v}" for k, v in card.spans["asked"].items()),
        "parameters": ", ".join(f"{k} {v:g}" for k, v in card.parameters.items()),
        "seeds": ", ".join(map(str, card.seeds)),
        "store": card.store_version,
        "prices": "as traded" if card.adjustment == "none" else "adjusted by the vendor",
        "made with": card.made_with,
        "features": ", ".join(card.features),
    }
    cells = "".join(
        f'<tr><td>{name}</td><td style="white-space:normal">{escape(str(value))}</td></tr>'
        for name, value in rows.items()
    )
    return f"<table><tbody>{cells}</tbody></table>"
