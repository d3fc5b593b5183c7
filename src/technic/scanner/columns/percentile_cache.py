"""Percentiles in a cache: cross-sections that every scan of the same peers shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b

import numpy as np

from technic.compute.column_cache import ColumnCache
from technic.data.store.mapped_panel import MappedPanel
from technic.indicators.kernel.codegen import digest as kernel_digest
from technic.query.evaluate import Evaluation
from technic.query.names import ALPHA
from technic.query.tree import Call, Name
from technic.runtime.cache import key_of
from technic.runtime.settings import Settings
from technic.scanner.spec.question import Question
from technic.scores.digest import digest as scores_digest


@dataclass(frozen=True, slots=True)
class PercentileCache:
    """The cross-sections of a question: those that a cache held, and those to be kept in it.

    A percentile depends on the view, on who is in the universe and on nothing else; every scan
    of that view and universe shares it.

    Attributes
    ----------
    keys : per cross-sectional call, the key it is cached under
    missing : calls that the cache did not hold
    columns : the cache
    work : how many `cross_sections` there are, and how many were `cross_sections_found`
    """

    keys: Mapping[Call, str]
    missing: tuple[Call, ...]
    columns: ColumnCache
    work: Mapping[str, int]

    @classmethod
    def recall(
        cls, question: Question, evaluation: Evaluation, view: MappedPanel, settings: Settings
    ) -> PercentileCache:
        """Put the cached cross-sections of a question into its evaluation.

        Parameters
        ----------
        question : whose percentiles are needed
        evaluation : with its universe decided; gets the values that the cache holds
        view, settings : the session, and the cache
        """
        calls = [call for call in question.cross_sections if not _reads_changeable(call)]
        peers = blake2b(np.packbits(evaluation.universe).tobytes(), digest_size=16).hexdigest()
        about = (kernel_digest(), scores_digest(), view.name, peers, question.benchmark)
        keys = {call: key_of("cross-section", *about, str(call)) for call in calls}
        cache = ColumnCache(settings.cache, evaluation.n_symbols)
        for call, column in cache.recall(keys).items():
            evaluation.computed[call] = column
        missing = tuple(call for call in calls if call not in evaluation.computed)
        work = {"cross_sections_found": len(calls) - len(missing), "cross_sections": len(calls)}
        return cls(keys, missing, cache, work)

    def keep(self, evaluation: Evaluation) -> None:
        """Cache the cross-sections that had to be computed."""
        computed = {
            call: evaluation.computed[call] for call in self.missing if call in evaluation.computed
        }
        self.columns.keep(self.keys, computed, cost=float(len(computed)))

    def notes(self, evaluation: Evaluation) -> list[str]:
        """Say for how many symbols a comparison with the sector became one with the market."""
        calls: dict[tuple[str, int], int] = {}
        for call in self.keys:
            if count := evaluation.fallbacks(call):
                by = str(call.by).split()[0]
                calls[by, count] = calls.get((by, count), 0) + 1
        everybody = int(evaluation.universe.sum())
        return [
            f"{by} unknown for {count:,} of {everybody:,} in the universe "
            f"({100 * count / everybody:.0f} %): compared with all of it in {n_calls} percentiles"
            for (by, count), n_calls in calls.items()
        ]


@cache
def _reads_changeable(call: Call) -> bool:
    """Whether a call reads what is no part of the view: a list, code of the user's own, a model."""
    return any(
        (isinstance(part, Call) and part.name in {"in_list", "python"})
        or (isinstance(part, Name) and part.name in ALPHA)
        for part in call.walk()
    )
