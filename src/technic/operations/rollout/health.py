"""Whether a candidate is healthy, judged by the questions that both engines were asked.

Answers are a function of the store and the question: where identical ones are demanded, one that
differs is proof. Time and memory are noisy: the candidate is only ever compared with the stable
engine on the very same questions, and must be worse nearly always, or by the median of many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from technic.scanner.manifest import canonical, digest, seal_of

ENOUGH = 200  # answers before a step is over
FAILURES, AMONG = 3, 20  # so many of the last so many: one may be the machine's
SLOWER, NEARLY, PAIRS = 2.0, 0.9, 30  # twice as slow on nine of ten of at least thirty questions
SLOW_MEDIAN, MANY = 1.5, 100  # or half as slow again, by the median of at least a hundred
LEAK, PER_ANSWER, SETTLED = 200e6, 4e6, 5  # bytes; answers after which memory is compared
OVERLAPS = 10  # answers before an overlap that was declared is judged
LOOKED_AT = 200  # the newest answers
SHOWN = ("as_of", "simulated", "store_version", "question", "rows", "ledger", "notes", "regime")
WHOSE = frozenset(
    ["technic", "kernel", "definitions", "graph", "seal"]
)  # in a manifest: the code that answered


@dataclass(frozen=True, slots=True)
class Observation:
    """One question that both engines were asked, and how their answers compare.

    Attributes
    ----------
    error : why the candidate gave no answer; empty if it did
    same : whether the digests agree
    overlap : share of the first 50 rows (or fewer) that both answers have, 0 to 1
    correlation : Spearman's, of the ranks of those rows; None if fewer than three are in both
    ms, stable_ms : milliseconds that each engine took
    rss, stable_rss : bytes of memory that each held afterwards; 0 is unknown
    pid : of the candidate: its memory starts anew with every process
    given : whether the candidate's answer was given to whoever asked
    share : the step of the canary, in percent; 0 in shadow
    """

    error: str = ""
    same: bool = True
    overlap: float = 1.0
    correlation: float | None = None
    ms: float = 0.0
    stable_ms: float = 0.0
    rss: int = 0
    stable_rss: int = 0
    pid: int = 0
    given: bool = False
    share: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with a candidate.

    Attributes
    ----------
    what : "roll back", "hold" or "advance"
    why : in words
    """

    what: str
    why: str


def judge(observations: Sequence[Observation], share: int, overlap: float | None = None) -> Verdict:
    """Say what to do with a candidate.

    Parameters
    ----------
    observations : of this trial, oldest first
    share : the step it is on, in percent
    overlap : what was declared; None demands identical answers
    """
    recent = observations[-LOOKED_AT:]
    why = _failing(recent) or _differing(recent, overlap) or _slow(recent) or _leaking(recent)
    if why:
        return Verdict("roll back", why)
    answers = sum(observation.share == share for observation in observations)
    if answers < ENOUGH:
        return Verdict("hold", f"{answers} of {ENOUGH} answers at this step")
    return Verdict("advance", f"{answers} answers at this step, healthy")


def _failing(recent: Sequence[Observation]) -> str:
    failed = [observation.error for observation in recent[-AMONG:] if observation.error]
    if len(failed) < FAILURES:
        return ""
    return f"{len(failed)} of the last {min(len(recent), AMONG)} answers failed: {failed[-1]}"


def _differing(recent: Sequence[Observation], overlap: float | None) -> str:
    answered = [observation for observation in recent if not observation.error]
    if overlap is None:
        differing = sum(not observation.same for observation in answered)
        return f"{differing} answers differ from the stable ones" if differing else ""
    if len(answered) < OVERLAPS:
        return ""
    mean = sum(observation.overlap for observation in answered) / len(answered)
    return f"overlap {mean:.2f} where {overlap:.2f} was declared" if mean < overlap else ""


def _slow(recent: Sequence[Observation]) -> str:
    pairs = [
        (observation.ms, observation.stable_ms)
        for observation in recent
        if not observation.error and observation.stable_ms > 0.0
    ]
    if len(pairs) < PAIRS:
        return ""
    ratios = [candidate_ms / stable_ms for candidate_ms, stable_ms in pairs]
    clearly = sum(ratio > SLOWER for ratio in ratios) >= NEARLY * len(ratios)
    if not clearly and (len(ratios) < MANY or median(ratios) <= SLOW_MEDIAN):
        return ""
    return f"{median(ratios):.1f} × as slow as the stable engine on the same {len(pairs)} questions"


def _leaking(recent: Sequence[Observation]) -> str:
    """Growth beyond that of the stable engine since this process of the candidate had settled."""
    settled = [
        observation
        for observation in recent
        if observation.rss and recent and observation.pid == recent[-1].pid
    ]
    if len(settled) <= 2 * SETTLED:
        return ""
    first, last, answers = settled[SETTLED - 1], settled[-1], len(settled) - SETTLED
    grown = (last.rss - first.rss) - max(last.stable_rss - first.stable_rss, 0)
    if grown < LEAK or grown < PER_ANSWER * answers:
        return ""
    return f"{grown / 1e6:,.0f} MB more than the stable engine after {answers} answers"


def nonsense(answer: dict[str, Any]) -> str:
    """What is wrong with the form of an answer, in words; empty if nothing.

    Parameters
    ----------
    answer : one line of an engine, as JSON holds it
    """
    if "error" in answer:
        error = answer["error"]
        well = isinstance(error, dict) and isinstance(error.get("text"), str)
        return "" if well else "an error without words"
    report = answer.get("report")
    if not isinstance(report, dict) or not isinstance(report.get("rows"), list):
        return "a report without rows"
    manifest = report.get("manifest")
    if not isinstance(manifest, dict) or manifest.get("seal") != seal_of(manifest):
        return "a manifest that is not as it was sealed"
    if any(not _is_number(answer.get(name, 0.0)) for name in ("ms", "rss")):
        return "a time or a size that is no number"
    if not all(_is_row(row) for row in report["rows"]):
        return "a row without a symbol or a score"
    return ""


def _is_row(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and isinstance(row.get("symbol"), str)
        and all(_is_number(row.get(name, "")) for name in ("rank", "score", "percentile"))
    )


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def compare_answers(candidate: dict[str, Any], stable: dict[str, Any]) -> dict[str, Any]:
    """How near two answers are: `same`, `overlap` and `correlation` of an observation.

    Two are the same if all that they show is; what a candidate says of itself proves nothing.

    Parameters
    ----------
    candidate, stable : answers in which `nonsense` finds nothing
    """
    order, stable_order = (_order(answer)[:50] for answer in (candidate, stable))
    common = [symbol for symbol in dict.fromkeys(order) if symbol in set(stable_order)]
    size = max(len(order), len(stable_order))
    return {
        "same": shown_digest(candidate) == shown_digest(stable),
        "overlap": len(common) / size if size else 1.0,
        "correlation": _correlation([stable_order.index(symbol) for symbol in common]),
    }


def shown_digest(answer: dict[str, Any]) -> str:
    """A digest over all that an answer shows, and over those it claims; not over whose code it is."""
    report = answer["report"]
    manifest = {k: v for k, v in report["manifest"].items() if k not in WHOSE}
    shown = {name: report.get(name) for name in SHOWN}
    return digest(canonical([shown, manifest, answer.get("digest")]))


def _order(answer: dict[str, Any]) -> list[str]:
    return [row["symbol"] for row in answer["report"]["rows"]]


def _correlation(places: list[int]) -> float | None:
    """Spearman's correlation of places that stand in the candidate's order; None of fewer than three."""
    n = len(places)
    if n < 3:
        return None
    ranks = {place: k for k, place in enumerate(sorted(places))}
    apart = sum((k - ranks[place]) ** 2 for k, place in enumerate(places))
    return 1.0 - 6.0 * apart / (n * (n * n - 1))
