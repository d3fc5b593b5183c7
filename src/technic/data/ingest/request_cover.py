"""The fewest calls that bring in what is missing.

What is missing is a set of pairs (symbol, session). A whole-market call takes all pairs of a
session, a range call all pairs of a symbol: the cheapest choice is a minimum weighted vertex
cover of a bipartite graph, exact by one maximum flow (König). Symbols that miss the same
sessions are one node, and so are sessions that are missed by the same symbols.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

S = TypeVar("S", bound=Hashable)
D = TypeVar("D", bound=Hashable)
FOREVER = 1 << 60


@dataclass(frozen=True, slots=True)
class Cover:
    """Which whole-market days and which single symbols to ask for.

    Attributes
    ----------
    weight : what they cost together, by the largest flow: no cover costs less
    """

    days: frozenset[object]
    symbols: frozenset[object]
    weight: int


def cheapest(
    missing: Mapping[S, Iterable[D]],
    *,
    day_cost: int = 1,
    symbol_cost: int = 1,
    only_days: frozenset[S] = frozenset(),
    only_symbols: frozenset[D] = frozenset(),
) -> Cover:
    """The cheapest cover of what is missing, exact.

    Parameters
    ----------
    missing : sessions by symbol
    day_cost, symbol_cost : of one whole-market day, of one range of a symbol
    only_days : symbols that no range call covers
    only_symbols : sessions that no whole-market call covers

    Examples
    --------
    >>> cover = cheapest({"A": [1, 2], "B": [1], "C": [1]})
    >>> sorted(cover.days), sorted(cover.symbols), cover.weight
    ([1], ['A'], 2)
    """
    by_sessions: dict[tuple[frozenset[D], bool], list[S]] = {}
    for symbol, sessions in missing.items():
        wanted = frozenset(sessions)
        if wanted:
            by_sessions.setdefault((wanted, symbol in only_days), []).append(symbol)
    groups = list(by_sessions.items())
    by_groups: dict[D, list[int]] = {}
    for g, ((wanted, _), _) in enumerate(groups):
        for session in wanted:
            by_groups.setdefault(session, []).append(g)
    kinds: dict[tuple[frozenset[int], bool], list[D]] = {}
    for session, touched in by_groups.items():
        kinds.setdefault((frozenset(touched), session in only_symbols), []).append(session)
    columns = list(kinds.items())

    flow = Flow(2 + len(groups) + len(columns))
    for g, ((_, bound), symbols) in enumerate(groups):
        flow.link(0, 2 + g, FOREVER if bound else symbol_cost * len(symbols))
    for k, ((members, bound), sessions_of) in enumerate(columns):
        flow.link(2 + len(groups) + k, 1, FOREVER if bound else day_cost * len(sessions_of))
        for g in members:
            flow.link(2 + g, 2 + len(groups) + k, FOREVER)
    weight = flow.run(0, 1)
    reached = flow.reached(0)
    chosen = [s for g, (_, symbols) in enumerate(groups) if 2 + g not in reached for s in symbols]
    days = [
        d
        for k, (_, sessions_of) in enumerate(columns)
        if 2 + len(groups) + k in reached
        for d in sessions_of
    ]
    return Cover(frozenset(days), frozenset(chosen), weight)


class Flow:
    """Maximum flow by Dinic's algorithm: shortest paths first, level by level."""

    def __init__(self, nodes: int) -> None:
        self._links: list[list[int]] = [[] for _ in range(nodes)]
        self._to: list[int] = []
        self._room: list[int] = []

    def link(self, a: int, b: int, capacity: int) -> None:
        """Add an edge of a capacity, and its way back."""
        for start, end, room in ((a, b, capacity), (b, a, 0)):
            self._links[start].append(len(self._to))
            self._to.append(end)
            self._room.append(room)

    def run(self, source: int, sink: int) -> int:
        """The size of the largest flow."""
        total = 0
        while (level := self._levels(source))[sink] >= 0:
            at = [0] * len(self._links)
            while (pushed := self._push(source, sink, level, at)) > 0:
                total += pushed
        return total

    def reached(self, source: int) -> set[int]:
        """Nodes that can still be reached once the flow is largest."""
        return {node for node, level in enumerate(self._levels(source)) if level >= 0}

    def _levels(self, source: int) -> list[int]:
        level = [-1] * len(self._links)
        level[source] = 0
        queue = deque([source])
        while queue:
            node = queue.popleft()
            for edge in self._links[node]:
                if self._room[edge] > 0 and level[self._to[edge]] < 0:
                    level[self._to[edge]] = level[node] + 1
                    queue.append(self._to[edge])
        return level

    def _push(self, source: int, sink: int, level: list[int], at: list[int]) -> int:
        """Flow along one path, found without recursion; 0 if there is none left."""
        path: list[int] = []
        node = source
        while node != sink:
            while at[node] < len(self._links[node]):
                edge = self._links[node][at[node]]
                if self._room[edge] > 0 and level[self._to[edge]] == level[node] + 1:
                    path.append(edge)
                    node = self._to[edge]
                    break
                at[node] += 1
            else:
                if not path:
                    return 0
                edge = path.pop()
                node = self._to[edge ^ 1]
                at[node] += 1
        pushed = min(self._room[edge] for edge in path)
        for edge in path:
            self._room[edge] -= pushed
            self._room[edge ^ 1] += pushed
        return pushed
