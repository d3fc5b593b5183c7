"""What is to be thought of a candidate, from what was seen of it.

Answers are a function of the store and the question: where identical ones are demanded, one that
differs is proof. Time and memory are noisy: the candidate is only ever compared with the stable
engine on the very same questions, and must be worse nearly always, or by the median of many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

ENOUGH = 200  # answers before a step is over
FAILURES, AMONG = 3, 20  # so many of the last so many: one may be the machine's
SLOWER, NEARLY, PAIRS = 2.0, 0.9, 30  # twice as slow on nine of ten of at least thirty questions
SLOW_MEDIAN, MANY = 1.5, 100  # or half as slow again, by the median of at least a hundred
LEAK, PER_ANSWER, SETTLED = 200e6, 4e6, 5  # bytes; answers after which memory is compared
OVERLAPS = 10  # answers before an overlap that was declared is judged
LOOKED_AT = 200  # the newest answers


@dataclass(frozen=True, slots=True)
class Observation:
    """One question that both engines were asked.

    Attributes
    ----------
    error : why the candidate gave no answer; empty if it did
    same : whether the digests agree
    overlap : share of the first 50 (or fewer) that both have
    correlation : of the ranks of those that both have; None if fewer than three
    ms, stable_ms : what each took
    rss, stable_rss : bytes each held afterwards
    pid : of the candidate: its memory starts anew with every process
    given : whether its answer was given to who asked
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
    """`roll back`, `hold` or `advance`, and why."""

    what: str
    why: str


def judge(seen: Sequence[Observation], share: int, overlap: float | None = None) -> Verdict:
    """What to do with a candidate.

    Parameters
    ----------
    seen : of this trial, oldest first
    share : the step it is on, in percent
    overlap : what was declared; None demands identical answers
    """
    recent = seen[-LOOKED_AT:]
    why = _failing(recent) or _differing(recent, overlap) or _slow(recent) or _leaking(recent)
    if why:
        return Verdict("roll back", why)
    here = sum(one.share == share for one in seen)
    if here < ENOUGH:
        return Verdict("hold", f"{here} of {ENOUGH} answers at this step")
    return Verdict("advance", f"{here} answers at this step, healthy")


def _failing(recent: Sequence[Observation]) -> str:
    failed = [one.error for one in recent[-AMONG:] if one.error]
    if len(failed) < FAILURES:
        return ""
    return f"{len(failed)} of the last {min(len(recent), AMONG)} answers failed: {failed[-1]}"


def _differing(recent: Sequence[Observation], overlap: float | None) -> str:
    answered = [one for one in recent if not one.error]
    if overlap is None:
        differing = sum(not one.same for one in answered)
        return f"{differing} answers differ from the stable ones" if differing else ""
    if len(answered) < OVERLAPS:
        return ""
    mean = sum(one.overlap for one in answered) / len(answered)
    return f"overlap {mean:.2f} where {overlap:.2f} was declared" if mean < overlap else ""


def _slow(recent: Sequence[Observation]) -> str:
    pairs = [(one.ms, one.stable_ms) for one in recent if not one.error and one.stable_ms > 0.0]
    if len(pairs) < PAIRS:
        return ""
    ratios = [mine / theirs for mine, theirs in pairs]
    clearly = sum(ratio > SLOWER for ratio in ratios) >= NEARLY * len(ratios)
    if not clearly and (len(ratios) < MANY or median(ratios) <= SLOW_MEDIAN):
        return ""
    return f"{median(ratios):.1f} × as slow as the stable engine on the same {len(pairs)} questions"


def _leaking(recent: Sequence[Observation]) -> str:
    """Growth beyond that of the stable engine since this process of the candidate had settled."""
    mine = [one for one in recent if one.rss and recent and one.pid == recent[-1].pid]
    if len(mine) <= 2 * SETTLED:
        return ""
    first, last, answers = mine[SETTLED - 1], mine[-1], len(mine) - SETTLED
    grown = (last.rss - first.rss) - max(last.stable_rss - first.stable_rss, 0)
    if grown < LEAK or grown < PER_ANSWER * answers:
        return ""
    return f"{grown / 1e6:,.0f} MB more than the stable engine after {answers} answers"


def compared(mine: dict[str, Any], stable: dict[str, Any]) -> dict[str, Any]:
    """How near two answers are: fields of an observation."""
    ours, theirs = (_order(one)[:50] for one in (mine, stable))
    both = [symbol for symbol in ours if symbol in set(theirs)]
    size = max(len(ours), len(theirs))
    return {
        "same": mine.get("digest") == stable.get("digest"),
        "overlap": len(both) / size if size else 1.0,
        "correlation": _correlation([theirs.index(symbol) for symbol in both]),
    }


def _order(answer: dict[str, Any]) -> list[str]:
    return [str(row["symbol"]) for row in answer.get("report", {}).get("rows", [])]


def _correlation(places: list[int]) -> float | None:
    """Spearman's, of places that stand in the candidate's order."""
    n = len(places)
    if n < 3:
        return None
    ranks = {place: k for k, place in enumerate(sorted(places))}
    apart = sum((k - ranks[place]) ** 2 for k, place in enumerate(places))
    return 1.0 - 6.0 * apart / (n * (n * n - 1))
