"""Cross-sections of a question, kept by content and shared by every scan of the same peers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b

import numpy as np

from technic.compute.last_bar import column_content, column_of
from technic.data.store.panels import MappedPanel
from technic.indicators.kernel.codegen import digest as kernel_digest
from technic.query.evaluate import Evaluation
from technic.query.names import ALPHA
from technic.query.tree import Call, Name
from technic.runtime.cache import TieredCache, key_of
from technic.runtime.settings import Settings
from technic.scanner.spec.question import Question
from technic.scores.digest import digest as scores_digest


@dataclass(frozen=True, slots=True)
class PercentileCache:
    """Cross-sections of a question: those a cache held, and those to be kept in it.

    A percentile depends on the view, on who is in the universe and on nothing else; every scan
    of that view and universe shares it.
    """

    keys: Mapping[Call, str]
    missing: tuple[Call, ...]
    cache: TieredCache
    work: Mapping[str, int]

    @classmethod
    def recall(
        cls, question: Question, evaluation: Evaluation, view: MappedPanel, settings: Settings
    ) -> PercentileCache:
        """What is kept of a question's cross-sections goes into the evaluation."""
        calls = [call for call in question.cross_sections if not _reads_beside(call)]
        peers = blake2b(np.packbits(evaluation.universe).tobytes(), digest_size=16).hexdigest()
        about = (kernel_digest(), scores_digest(), view.name, peers, question.benchmark)
        keys = {call: key_of("cross-section", *about, str(call)) for call in calls}
        found = settings.cache.get_many(keys.values())
        for call, key in keys.items():
            column = column_of(found[key], evaluation.n_symbols) if key in found else None
            if column is not None:
                evaluation.computed[call] = column
        missing = tuple(call for call in calls if call not in evaluation.computed)
        work = {"cross_sections_found": len(calls) - len(missing), "cross_sections": len(calls)}
        return cls(keys, missing, settings.cache, work)

    def keep(self, evaluation: Evaluation) -> None:
        """Keep what had to be computed."""
        made = {
            self.keys[call]: column_content(evaluation.computed[call])
            for call in self.missing
            if call in evaluation.computed
        }
        if made:
            self.cache.put_many(made, cost=float(len(made)))

    def notes(self, evaluation: Evaluation) -> list[str]:
        """For how many symbols a comparison with the sector became one with the market."""
        found: dict[tuple[str, int], int] = {}
        for call in self.keys:
            if count := evaluation.fallbacks(call):
                by = str(call.by).split()[0]
                found[by, count] = found.get((by, count), 0) + 1
        everybody = int(evaluation.universe.sum())
        return [
            f"{by} unknown for {count:,} of {everybody:,} in the universe "
            f"({100 * count / everybody:.0f} %): compared with all of it in {calls} percentiles"
            for (by, count), calls in found.items()
        ]


@cache
def _reads_beside(call: Call) -> bool:
    """Whether it reads what is not part of the view: a list, code of the user's own, a model."""
    return any(
        (isinstance(part, Call) and part.name in {"in_list", "python"})
        or (isinstance(part, Name) and part.name in ALPHA)
        for part in call.walk()
    )
