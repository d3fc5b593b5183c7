"""Small work for executors, and what came of it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from technic.runtime.executors import Work

N = 100
NUMBERS = np.arange(N, dtype=np.float64)
DOUBLED = Work("works:doubled", {}, {"numbers": NUMBERS})


def whole(done):
    """The values of pieces, which must lie end to end."""
    done = list(done)
    bounds = [(d.first, d.last) for d in done]
    assert all(a[1] == b[0] for a, b in pairwise(bounds))
    return np.concatenate([d.answer["values"] for d in done if d.answer is not None])
