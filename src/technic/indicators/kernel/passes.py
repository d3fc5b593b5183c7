"""Passes: the folds of common questions, walked in one loop with their values in registers.

A fold waits for itself: each row needs the row before. Several of them in one loop fill each
other's waits, and read the bars once. Which ones stand together is fixed when the kernel is
compiled; their parameters are not, so that one pass serves every length.

1. `all_passes` lists them: each made of the folds of some series (`Pass.of`), and of the
   arithmetic between them.
2. `Pass.fit` finds the members among the operations of a question. What a question lacks is
   computed all the same, so a pass is taken only where most of it is wanted.

A member reads fields, of any row, and other members at the row in hand alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from technic.indicators.define import REGISTRY, every_series
from technic.indicators.kernel.graph import Operation, order_of
from technic.indicators.series import DAILY, Series

ENOUGH = 2 / 3  # of a pass's work: below that, one fold after another is quicker


@dataclass(frozen=True, slots=True)
class Pass:
    """Operations that are walked together.

    Attributes
    ----------
    name : of its function in the kernel
    members : folds and what they read, in an order in which inputs come first
    """

    name: str
    members: tuple[Operation, ...]

    @classmethod
    def of(cls, name: str, roots: Iterable[Series]) -> Pass:
        """All folds below `roots` that can be walked together."""
        able: dict[Operation, None] = {}
        order = order_of(roots)
        for node in order:
            if _can_join(node, able):
                able[node] = None
        wanted = {node for node in able if node.kind == "fold"}
        for node in reversed(able):
            if node in wanted:
                wanted |= {Operation.of(read) for read in node.inputs} & set(able)
        return cls(name, tuple(node for node in able if node in wanted))

    def fit(self, nodes: Sequence[Operation]) -> dict[Operation, Operation]:
        """Which operation of a question takes the place of which member.

        Members with the very same parameters come first, then those that read most: a chain
        of averages is found from its end.
        """
        there = set(nodes)
        found = {member: member for member in self.members if member in there}
        for member in reversed(self.members):
            if member in found:
                continue
            for node in nodes:
                match = _matched(member, node, found)
                if match is not None:
                    found |= match
                    break
        return found

    def filled(self, found: Mapping[Operation, Operation]) -> tuple[Operation, ...] | None:
        """What stands in each place; None if nothing of its own can stand where nobody does."""
        placed: dict[Operation, Operation] = {}
        for member in self.members:
            node = found.get(member) or _reading(member, placed)
            if node in placed.values():
                return None
            placed[member] = node
        return tuple(placed.values())

    def work(self, of: Iterable[Operation] | None = None) -> int:
        """What its members cost at a row, about: more the more they carry."""
        return sum(_work(member) for member in (self.members if of is None else of))


def best_fit(nodes: Sequence[Operation]) -> tuple[Pass, tuple[Operation, ...]] | None:
    """The pass that saves a question most, and the operation in each of its places."""
    best, most = None, 0.0
    for one in all_passes():
        found = one.fit(nodes)
        wanted = one.work(found)
        if wanted >= ENOUGH * one.work() and wanted > most:
            members = one.filled(found)
            if members is not None:
                best, most = (one, members), wanted
    return best


@cache
def all_passes() -> tuple[Pass, ...]:
    """The passes that are compiled."""
    return (Pass.of("every", every_series(benchmark=False)),)


def _can_join(node: Operation, able: Mapping[Operation, object]) -> bool:
    """Whether all it reads are fields, or members at the same row."""
    if node.frame != DAILY:
        return False
    if node.kind == "constant":
        return True
    if node.kind not in {"fold", "window"}:
        return False
    for j, read in enumerate(node.inputs):
        source = Operation.of(read)
        if source.kind != "field" and (source not in able or node.reach_of(j) > 0):
            return False
    return True


def _matched(
    member: Operation, node: Operation, found: Mapping[Operation, Operation]
) -> dict[Operation, Operation] | None:
    """The places that `node` and what it reads take if it is to be `member`; None if it cannot."""
    if member in found:
        return {} if found[member] == node else None
    if member.kind == "field" or node.kind == "field":
        return {} if member == node else None
    alike = (member.name, member.frame) == (node.name, node.frame)
    if not alike or node in found.values() or len(member.inputs) != len(node.inputs):
        return None
    taken: dict[Operation, Operation] = {}
    for ours, theirs in zip(member.inputs, node.inputs, strict=True):
        if ours.output != theirs.output:
            return None
        below = _matched(Operation.of(ours), Operation.of(theirs), {**found, **taken})
        if below is None:
            return None
        taken |= below
    return {**taken, member: node}


def _reading(member: Operation, placed: Mapping[Operation, Operation]) -> Operation:
    """A member that reads what stands in the places it reads."""

    def read(series: Series) -> Series:
        node = Operation.of(series)
        by = placed.get(node, node)
        return Series(by.name, by.inputs, by.params, series.output, by.frame)

    return replace(member, inputs=tuple(read(series) for series in member.inputs))


def _work(member: Operation) -> int:
    return 1 + len(REGISTRY[member.name].carries) if member.kind == "fold" else 0
