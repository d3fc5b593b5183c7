"""Checks of a question, made by running it: look-ahead, warm-up, unknowns.

- *Look-ahead*: every series of the question is evaluated over whole histories, and again on
  histories cut off at random sessions. A value that changes when its future is taken away
  looked at it.
- *Warm-up*: evaluated again without the oldest quarter of the history. Averages that still
  remember it differ: their values are not settled.
- *Unknowns*: for how many symbols each clause and each term of the score is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from technic.compute.benchmark import benchmark_closes
from technic.compute.kernel import ensure_compiled
from technic.data.store import Store
from technic.indicators.kernel.run import evaluate
from technic.market.panel import Panel, pack
from technic.market.typing import FloatArray, IntArray
from technic.runtime.settings import Settings
from technic.scanner.pipeline import evaluate_question
from technic.scanner.spec.question import resolve_question
from technic.scanner.spec.scan_file import ScanFile

CUTS = 8  # sessions at which histories are cut off
SYMBOLS = 400  # drawn by seed
MOST_UNKNOWN, MOST_UNSETTLED = 0.2, 0.05  # shares of the values above which a check fails
TOLERANCE = 1e-3  # relative change that counts as not settled


@dataclass(frozen=True, slots=True)
class Finding:
    """One check of one part of a question.

    Attributes
    ----------
    check : "look-ahead", "warm-up" or "unknown"
    subject : the text it is about
    share : of the values that failed, 0 to 1
    compared : how many values were looked at
    ok : whether that is fine
    """

    check: str
    subject: str
    share: float
    compared: int
    ok: bool

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {name: getattr(self, name) for name in Finding.__dataclass_fields__}


def lint(
    store: Store,
    file: ScanFile | None = None,
    as_of: date | None = None,
    *,
    seed: int = 0,
    settings: Settings | None = None,
) -> list[Finding]:
    """Check a question for look-ahead, values that are not settled, and unknowns.

    Parameters
    ----------
    store : on whose bars the question is tried
    file : the question; everything by technical rating by default
    as_of : the session to stand in; the newest stored by default
    seed : draws the symbols and the sessions at which histories are cut off
    settings : cache, threads and kernels; none of them changes a finding

    Returns
    -------
    list of Finding
        One per check and part of the question, fine or not.

    Raises
    ------
    QuestionError
        If a text cannot be understood.
    StoreError
        If the store is empty or `as_of` lies outside it.

    Examples
    --------
    >>> import technic as tc
    >>> findings = tc.lint(tc.open_store("demo"), tc.ScanFile(where="rsi(14) < 60"))
    >>> sorted({finding.check for finding in findings})
    ['look-ahead', 'unknown', 'warm-up']
    >>> all(finding.ok for finding in findings if finding.check == "look-ahead")
    True
    """
    settings = settings or Settings.load()
    ensure_compiled(settings.kernels)
    question = resolve_question(file or ScanFile())
    result = evaluate_question(store, question, as_of, settings=settings)
    rng = np.random.default_rng(seed)
    panel = result.view.panel
    chosen = np.sort(rng.choice(len(panel), min(SYMBOLS, len(panel)), replace=False))
    small = _copied(panel, chosen[panel.lengths[chosen] > 1], 0)
    closes = benchmark_closes(result.view, question.benchmark)
    roots = list(question.series)
    names = [str(series.name) for series in roots]

    whole = evaluate(roots, small, settings.kernels, benchmark=closes, every_bar=True)
    looked = _look_ahead(rng, small, roots, whole, closes, settings)
    findings = [
        Finding("look-ahead", _named(names[j], roots[j].params), bad / max(n, 1), n, bad == 0)
        for j, (bad, n) in enumerate(looked)
    ]
    findings += _warm_up(small, roots, names, closes, settings)
    for tree in [*question.where_clauses, *(term.node for term in question.terms)]:
        unknown = np.isnan(result.evaluation.value(tree)) & result.evaluation.universe
        among = int(result.evaluation.universe.sum())
        share = float(unknown.sum()) / max(among, 1)
        findings.append(Finding("unknown", str(tree), share, among, share < MOST_UNKNOWN))
    return findings


def _look_ahead(
    rng: np.random.Generator,
    panel: Panel,
    roots: list[Any],
    whole: FloatArray,
    closes: FloatArray,
    settings: Settings,
) -> list[tuple[int, int]]:
    """Per root: values that differ once the future is gone, and values compared."""
    ends = np.cumsum(panel.lengths)
    starts = ends - panel.lengths
    result = [(0, 0)] * len(roots)
    for cut in rng.integers(1, int(panel.lengths.max()), CUTS):
        lengths = np.minimum(panel.lengths, int(cut))
        truncated = replace(panel, lengths=lengths)
        last = evaluate(roots, truncated, settings.kernels, benchmark=closes)
        then = whole[:, starts + lengths - 1]
        differ = ~((last == then) | (np.isnan(last) & np.isnan(then)))
        result = [
            (bad + int(row.sum()), n + len(row))
            for (bad, n), row in zip(result, differ, strict=True)
        ]
    return result


def _warm_up(
    panel: Panel, roots: list[Any], names: list[str], closes: FloatArray, settings: Settings
) -> list[Finding]:
    """How many values remember the oldest quarter of the history."""
    full = evaluate(roots, panel, settings.kernels, benchmark=closes)
    short = _copied(panel, np.arange(len(panel)), 4)
    late = evaluate(roots, short, settings.kernels, benchmark=closes)
    findings = []
    for j, root in enumerate(roots):
        both = np.isfinite(full[j]) & np.isfinite(late[j])
        moved = np.abs(full[j] - late[j]) > TOLERANCE * np.maximum(np.abs(full[j]), 1e-12)
        share = float((moved & both).sum()) / max(int(both.sum()), 1)
        findings.append(
            Finding(
                "warm-up",
                _named(names[j], root.params),
                share,
                int(both.sum()),
                share < MOST_UNSETTLED,
            )
        )
    return findings


def _copied(panel: Panel, chosen: IntArray, dropped: int) -> Panel:
    """A panel of some symbols; with `dropped` = 4, without the oldest quarter of each."""
    skip = panel.lengths[chosen] // dropped if dropped else np.zeros(len(chosen), np.int64)
    columns = {
        name: np.concatenate(
            [panel.run(int(i), name)[s:] for i, s in zip(chosen, skip, strict=True)]
        )
        for name in panel.fields
    }
    return pack(panel.security_ids[chosen], panel.lengths[chosen] - skip, columns)


def _named(name: str, params: tuple[float, ...]) -> str:
    return f"{name}({', '.join(f'{p:g}' for p in params)})" if params else name
