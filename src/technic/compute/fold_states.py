"""What each fold carries, kept from session to session by itself.

A state belongs to a node of the graph, not to the question that asked for it: a new question of
known features is carried on by one bar like an old one. A fold's state does not depend on what
else a program computes.

A value in the cache is one table of whole numbers of eight bytes, row after row: which bars the
state has seen (security, place of its run, length), then the floats of the state by their bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from technic.data.store.mapped_panel import MappedPanel
from technic.indicators.kernel.codegen import digest as kernel_digest
from technic.indicators.kernel.program import FoldState
from technic.market.typing import FloatArray, IntArray
from technic.runtime.cache import TieredCache, key_of


@dataclass(frozen=True, slots=True, eq=False)
class Stamp:
    """Which bars a state has seen.

    Attributes
    ----------
    security_ids, places, lengths : int64, shape (n_symbols,), as in the panel it was made from;
        ids rise
    """

    security_ids: IntArray
    places: IntArray
    lengths: IntArray

    def same_as(self, other: Stamp) -> bool:
        """Whether both have seen the same bars of the same symbols."""
        return (
            np.array_equal(self.lengths, other.lengths)
            and np.array_equal(self.places, other.places)
            and np.array_equal(self.security_ids, other.security_ids)
        )


@dataclass(frozen=True, slots=True, eq=False)
class SavedStates:
    """States of folds that have all seen the same bars.

    Attributes
    ----------
    stamp : which bars
    states : float64, shape (n_symbols, fold.width), per fold
    """

    stamp: Stamp
    states: Mapping[FoldState, FloatArray]


def recall(folds: Iterable[FoldState], view: MappedPanel, cache: TieredCache) -> list[SavedStates]:
    """The states that are kept, those of the same bars together.

    Parameters
    ----------
    folds : wanted ones; those that are not there are left out
    view : whose data they must belong to, at whatever session

    Returns
    -------
    list of SavedStates
        Those of most folds first.
    """
    keys = {fold: _key(fold, view) for fold in folds}
    contents = cache.get_many(keys.values()) if keys else {}
    groups: list[tuple[Stamp, dict[FoldState, FloatArray]]] = []
    for fold, key in keys.items():
        found = _read(contents[key], fold.width) if key in contents else None
        if found is None:
            continue
        stamp, state = found
        for known, states in groups:
            if known.same_as(stamp):
                states[fold] = state
                break
        else:
            groups.append((stamp, {fold: state}))
    groups.sort(key=lambda group: -len(group[1]))
    return [SavedStates(stamp, states) for stamp, states in groups]


def keep(
    folds: Sequence[FoldState],
    stamp: Stamp,
    state: FloatArray,
    view: MappedPanel,
    cache: TieredCache,
    cost: float,
) -> None:
    """Keep what a program carries, fold by fold.

    Parameters
    ----------
    folds : of the program
    stamp : the bars it has seen
    state : float64, shape (n_symbols, state_width), as the program lays it out
    cost : milliseconds that all of it took
    """
    if not folds or not cache.tiers:
        return
    about = np.stack([stamp.security_ids, stamp.places, stamp.lengths])
    contents = {}
    for fold in folds:
        floats = state[:, fold.slot : fold.slot + fold.width].T
        table = np.concatenate([about, np.ascontiguousarray(floats).view(np.int64)])
        contents[_key(fold, view)] = table.tobytes()
    cache.put_many(contents, cost=cost / len(folds))


def _key(fold: FoldState, view: MappedPanel) -> str:
    return key_of("state", kernel_digest(), _text(fold), str(fold.tail), view.data)


@lru_cache(maxsize=4096)
def _text(fold: FoldState) -> str:
    return repr(fold.node)


def _read(content: bytes, width: int) -> tuple[Stamp, FloatArray] | None:
    """A kept state; None if it is none of that width."""
    rows = 3 + width
    if not content or len(content) % (8 * rows):
        return None
    table = np.frombuffer(content, dtype=np.int64).reshape(rows, -1)
    if (np.diff(table[0]) <= 0).any():
        return None
    return Stamp(table[0], table[1], table[2]), table[3:].view(np.float64).T
