"""Reasons as text: a score taken apart down to the filings, and why another is not ranked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from technic.errors import counted
from technic.interfaces.render.numbers import number, ordinal
from technic.interfaces.render.terminal import quoted
from technic.interfaces.render.text import Command, console
from technic.market.sessions import NEW_YORK

if TYPE_CHECKING:
    from technic.scanner.inspect.explain import Explanation, Part
    from technic.scanner.inspect.provenance import Piece, ReportedFact
    from technic.scanner.inspect.why_not import WhyNot


def render_explanation(
    explanation: Explanation, command: Command, stream: TextIO, *, moment: str = ""
) -> None:
    """A score taken apart, and what moved.

    Parameters
    ----------
    command : a command that means the same store
    moment : the words of a command line that stand in the same session
    """
    out = console(stream)
    if explanation.simulated:
        out.print("SIMULATED MARKET", style="bold yellow")
    before = ""
    if explanation.score_before is not None:
        place = f"{explanation.rank_before}" if explanation.rank_before else "not ranked"
        before = f"  ({explanation.before}: {place}, {explanation.score_before:.2f})"
    name = f"  {explanation.name}" if explanation.name else ""
    out.print(
        Text.assemble(
            (f"{explanation.symbol}{name}", "bold"),
            f"  rank {explanation.rank} of {explanation.n_ranked:,}  score {explanation.score:.2f}{before}"
            f"  as of {explanation.as_of}",
        )
    )
    table = Table(box=None, pad_edge=False, padding=(0, 2), show_header=False)
    for _ in range(5):
        table.add_column(no_wrap=False)
    for part in explanation.parts:
        moved = "" if part.before is None else f"{part.contribution - part.before:+.2f}"
        made_of = "" if _takes_apart(part) else _briefly(part)
        table.add_row(
            Text(f"{part.contribution:+8.2f}"),
            Text(part.text, style="bold"),
            Text(made_of or f"value {number(part.value)}"),
            Text(ordinal(round(part.percentile))),
            Text(moved, style="dim"),
        )
        if _takes_apart(part):
            _add_pieces(table, part)
    out.print(table)
    out.print(f"{explanation.score:+8.2f}  exactly")
    _print_filings(explanation, out)
    if explanation.evidence is not None:
        out.print(_evidence(explanation.evidence), markup=False)
    for note in explanation.notes:
        out.print(f"Note: {note}", markup=False)
    if explanation.score_before is not None:
        out.print(
            f"Since {explanation.before} {explanation.score - explanation.score_before:+.2f}: the last column, "
            "term by term"
        )
    history = command(f"features 'rsi(14)' --symbols {quoted(explanation.symbol)}{moment}")
    out.print(f"Next: {history}", markup=False, soft_wrap=True)


def _takes_apart(part: Part) -> bool:
    """Whether a term shows what each of its pieces adds, or the filings behind it."""
    return any(piece.told or piece.percentile is not None for piece in part.pieces)


def _briefly(part: Part) -> str:
    """What a term is made of, on one line."""
    return ", ".join(f"{piece.text} {number(piece.value)}" for piece in part.pieces[:4])


def _unknown(piece: Piece) -> str:
    """A piece that is unknown, and for want of which filing."""
    return piece.text + (f" ({piece.why})" if piece.why else "")


def _add_pieces(table: Table, part: Part) -> None:
    """What each piece of a term adds, its value and where that stands; then what is unknown."""
    for piece in part.pieces:
        if piece.percentile is None and piece.contribution is None:
            continue
        adds = "" if piece.contribution is None else f"{piece.contribution:+.2f}"
        table.add_row(
            "",
            Text(f"  {adds:>7}  {piece.text}", style="dim"),
            Text(number(piece.value), style="dim"),
            Text("" if piece.percentile is None else ordinal(round(piece.percentile)), style="dim"),
            "",
        )
    silent = [_unknown(p) for p in part.pieces if p.percentile is None and p.contribution is None]
    if silent:
        table.add_row("", Text("  unknown", style="dim"), Text(", ".join(silent), style="dim"))


def _print_filings(explanation: Explanation, out: Console) -> None:
    """Every filing that gave a number, when it became known, and the numbers that count."""
    filings: dict[tuple[str, str, str], dict[str, None]] = {}
    for part in explanation.parts:
        for piece in part.pieces:
            for facts in piece.told if piece.value is not None else ():
                seen = str(facts.known_at.astimezone(NEW_YORK).date())
                key = (seen, str(facts.period_end), facts.form or "filing")
                filings.setdefault(key, {})[_said(facts)] = None
    if not filings:
        return
    out.print("Filings behind it, and the night each became known:")
    table = Table(box=None, pad_edge=False, padding=(0, 2), show_header=False)
    for (seen, end, form), numbers in sorted(filings.items(), reverse=True):
        table.add_row(Text(f"  {seen}"), Text(form), Text(f"to {end}"), Text(", ".join(numbers)))
    out.print(table)


def _evidence(evidence: dict[str, Any]) -> str:
    """What such a score has been worth, in one line."""
    part = evidence["ic"].get("5") or next(iter(evidence["ic"].values()))
    if part["mean"] is None or part["low"] is None:
        return "Evidence for this score: too little on this store to say anything"
    sure = "told from zero" if part["low"] * part["high"] > 0 else "not told from zero"
    return (
        f"Evidence for this score: rank IC at 5 sessions {part['mean']:+.3f}, 95 % interval "
        f"{part['low']:+.3f} … {part['high']:+.3f} over {counted(part['sessions'], 'session')}: {sure}"
    )


def _said(fact: ReportedFact) -> str:
    """A number of a filing: net income 788.0M (12 months)."""
    stretch = f" ({fact.months} months)" if fact.months else ""
    return f"{fact.item} {compact(fact.value)}{stretch}"


def compact(value: float) -> str:
    """A number as people write large ones.

    Examples
    --------
    >>> compact(122_641_000.0), compact(-0.28), compact(1.5e12)
    ('122.6M', '-0.28', '1.5T')
    """
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")):
        if abs(value) >= size:
            return f"{value / size:.1f}{letter}"
    return f"{value:.2f}"


def render_why_not(answer: WhyNot, stream: TextIO) -> None:
    """Each clause and how far it misses."""
    out = console(stream)
    if answer.simulated:
        out.print("SIMULATED MARKET", style="bold yellow")
    failing = [clause for clause in answer.clauses if clause.verdict != "ok"]
    if answer.rank is not None:
        out.print(f"{answer.symbol} is ranked: {answer.rank} as of {answer.as_of}")
    else:
        why = f" ({answer.detail})" if answer.detail and not answer.clauses else ""
        count = f": {len(failing)} of {counted(len(answer.clauses), 'clause')}" if failing else ""
        out.print(
            f"{answer.symbol} is not ranked as of {answer.as_of}: {answer.title}{why}{count}",
            markup=False,
        )
    table = Table(box=None, pad_edge=False, padding=(0, 2), show_header=False)
    for _ in range(3):
        table.add_column()
    for clause in answer.clauses:
        table.add_row(clause.verdict, Text(clause.text), Text(clause.detail))
    if answer.clauses:
        out.print(table)
    if answer.would_rank is not None and failing:
        met = "that clause" if len(failing) == 1 else "those clauses"
        out.print(f"With {met} met it would rank {ordinal(answer.would_rank)}.")
    elif answer.rank is None and answer.would_rank is None:
        why = f": {answer.detail}" if answer.bucket in {"unknown", "short_history"} else ""
        out.print(f"Its score is unknown{why}.", markup=False)
