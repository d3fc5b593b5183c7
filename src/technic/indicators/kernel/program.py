"""From a graph of series to a program: a table of numbers that the fused kernel runs.

1. `order_of` puts the nodes below the roots in an order in which inputs come first; equal
   series are one node. `best_fit` finds the pass that walks most of their folds together; its
   members come first.
2. `_demands` goes back through that order and says how many rows of each are read: windows
   widen the demand for their inputs by their reach, folds need every fresh bar.
3. `_Writer` writes the rows in that order: `_allocate` gives each output a register that is
   free by then, `_release` takes it back behind the last reader.
4. `_used` says which fields of the bars are read at all, and over how many rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from technic.errors import IndicatorError
from technic.indicators.define import REGISTRY
from technic.indicators.kernel import instructions as ins
from technic.indicators.kernel.codegen import opcodes
from technic.indicators.kernel.graph import Operation, known_after, order_of
from technic.indicators.kernel.passes import Pass, all_passes, best_fit
from technic.indicators.series import DAILY, Series
from technic.market.panel import FIELDS
from technic.market.typing import FloatArray, IntArray

NONE, ALL = -(1 << 40), 1 << 40


@dataclass(slots=True)
class Demand:
    """The rows of an operation that its readers read.

    Attributes
    ----------
    back : how many of the last rows
    before : from how many rows before the first fresh one on; `NONE` if nobody needs fresh rows
    """

    back: int = 0
    before: int = NONE

    def widen(self, back: int, before: int) -> None:
        """Serve one more reader."""
        self.back, self.before = max(self.back, back), max(self.before, before)

    @property
    def wanted(self) -> bool:
        """Whether anybody reads any of them."""
        return self.back > 0 or self.before > NONE // 2

    @property
    def tail(self) -> int:
        """Rows that the next run will read once more although they are not fresh then."""
        return max(self.back, self.before, 0)


@dataclass(frozen=True, slots=True)
class FoldState:
    """Where a fold's floats lie in the state of a program.

    Attributes
    ----------
    node : the fold
    slot, width : of its first float, and how many there are: its count of bars, what it carries,
        and the `tail` newest values of each output, newest first
    """

    node: Operation
    slot: int = field(compare=False)
    width: int
    tail: int


@dataclass(frozen=True, slots=True)
class Program:
    """A table of numbers that the kernel runs.

    Attributes
    ----------
    code : int64, shape (n_instructions, WIDTH); the columns are those of instructions.py
    params : float64, shape (n_params,); the numbers of all definitions, one after another
    n_columns, n_registers, state_width : how many series it answers, how many it works with at
        once, and how many floats each symbol carries
    used : int64, shape (n_fields, 3); whether each field is read, and its demand
    folds : the daily ones that its series are made of: what is worth keeping
    every_bar : whether it answers every fresh bar, rather than the last one only
    """

    code: IntArray
    params: FloatArray
    n_columns: int
    n_registers: int
    state_width: int
    used: IntArray
    folds: tuple[FoldState, ...] = ()
    every_bar: bool = False

    def reads(self, name: str) -> bool:
        """Whether it reads a field of the bars."""
        return bool(self.used[FIELDS.index(name), 0])


def compile_program(
    roots: Sequence[Series],
    *,
    every_bar: bool = False,
    fusing: bool = True,
    tails: Mapping[Operation, int] | None = None,
) -> Program:
    """The program that evaluates `roots`, one column each.

    Parameters
    ----------
    roots : the series that are answered; what they share is computed once
    every_bar : answer every fresh bar, rather than the last one only
    fusing : whether folds may be walked together; never changes the answer
    tails : how many of their newest values folds keep at least, for other programs to read

    Raises
    ------
    IndicatorError
        If a series reads a field that its frame does not have.
    """
    order = order_of(roots)
    asked = set(order)
    fit = best_fit(order) if fusing else None
    members: tuple[Operation, ...] = ()
    if fit is not None:
        members = fit[1]
        fields = [node for node in order if node.kind == "field"]
        order = list(dict.fromkeys([*fields, *members, *order]))
    demands = _demands(order, roots, members, every_bar=every_bar)
    for node, tail in (tails or {}).items():
        if node in asked:
            demands[node].widen(tail, NONE)
    writer = _Writer(order, demands, list(roots), every_bar)
    program = writer.program(fit)
    return replace(program, folds=tuple(f for f in program.folds if f.node in asked))


def _demands(
    order: list[Operation],
    roots: Sequence[Series],
    members: Iterable[Operation],
    *,
    every_bar: bool,
) -> dict[Operation, Demand]:
    """How many rows of each operation are read, from the roots back to the fields.

    What members of a pass read of each other is held in registers, and counts for nothing.
    """
    fused = set(members)
    demands = {node: Demand() for node in order}
    for root in roots:
        demands[Operation.of(root)].widen(0 if every_bar else 1, 0 if every_bar else NONE)
    for node in reversed(order):
        own = demands[node]
        for j, series in enumerate(node.inputs):
            source, reach = Operation.of(series), node.reach_of(j)
            read = demands[source]
            held = node in fused and source in fused
            if not held and (node.kind == "fold" or node in fused):
                read.widen(0, reach)
            if node.kind != "fold":
                read.widen(own.back + reach if own.back else 0, own.before + reach)
    return demands


@dataclass(slots=True)
class _Writer:
    """Writes the rows of one program."""

    order: list[Operation]
    demands: dict[Operation, Demand]
    roots: list[Series]
    every_bar: bool
    rows: list[list[int]] = field(default_factory=list)
    params: list[float] = field(default_factory=list)
    register: dict[Series, int] = field(default_factory=dict)
    free: list[int] = field(default_factory=list)
    n_registers: int = ins.FIRST_FREE
    n_slots: int = 0
    resampled: set[int] = field(default_factory=set)
    folds: list[FoldState] = field(default_factory=list)
    written: set[Operation] = field(default_factory=set)

    def program(self, fit: tuple[Pass, tuple[Operation, ...]] | None) -> Program:
        """Every node in turn; its registers are free again behind its last reader."""
        ops = opcodes()
        columns: dict[Operation, list[int]] = {}
        for column, root in enumerate(self.roots):
            columns.setdefault(Operation.of(root), []).append(column)
        rest = self.order if fit is None else self._write_pass(*fit, ops)
        unread_after = self._last_readers(rest)
        for node in rest:
            if node not in self.written:
                self._write(node, ops)
            for column in columns.get(node, []):
                inputs = [self.register[self.roots[column]]]
                self._row(ins.EMIT, node, inputs=inputs, outputs=[column])
            for operation in unread_after.get(node, []):
                self._release(operation)
        return Program(
            code=np.array(self.rows, dtype=np.int64).reshape(-1, ins.WIDTH),
            params=np.array([*self.params, *[0.0] * ins.MOST_PARAMS]),
            n_columns=len(self.roots),
            n_registers=self.n_registers,
            state_width=self.n_slots,
            used=self._used(),
            folds=tuple(self.folds),
            every_bar=self.every_bar,
        )

    def _write_pass(
        self, one: Pass, members: tuple[Operation, ...], ops: dict[str, int]
    ) -> list[Operation]:
        """A pass and its members; returns what is still to be written or answered.

        The arithmetic between its folds is theirs alone: who else reads it computes it again, also
        at old bars, from what the folds keep.
        """
        for node in self.order:
            if node.kind == "field":
                self._write(node, ops)
        head = [0] * ins.WIDTH
        head[ins.OP], head[ins.PARAM] = ins.PASS, all_passes().index(one)
        head[ins.OUTPUTS] = len(members)
        self.rows.append(head)
        for node in members:
            self._write(node, ops)
        between = [node for node in members if node.kind != "fold"]
        for node in between:
            self._release(node)
        self.written = {node for node in self.order if node.kind == "field"}
        self.written |= {node for node in members if node.kind == "fold"}
        unread = {node for node in between if not self.demands[node].wanted}
        return [node for node in self.order if node not in unread]

    def _last_readers(self, rest: list[Operation]) -> dict[Operation, list[Operation]]:
        """What each operation is the last to read; nobody reads a root but its own row."""
        readers = [node for node in rest if node not in self.written]
        last_reader = {Operation.of(s): node for node in readers for s in node.inputs}
        unread_after: dict[Operation, list[Operation]] = {}
        for operation, reader in last_reader.items():
            unread_after.setdefault(reader, []).append(operation)
        for node in rest:
            if node not in last_reader:
                unread_after.setdefault(node, []).append(node)
        return unread_after

    def _write(self, node: Operation, ops: dict[str, int]) -> None:
        kind = node.kind
        # Who holds a slow series looks at the slow sessions, also if nothing else of them is read.
        if node.frame != DAILY and node.frame not in self.resampled:
            self.resampled.add(node.frame)
            self._row(ins.RESAMPLE, node)
        if kind in {"field", "benchmark"}:
            self._read_bars(node)
            return
        outputs = self._allocate(node)
        inputs = [self.register[series] for series in node.inputs]
        if kind == "hold":
            self._row(ins.HOLD, node, inputs=inputs, outputs=outputs, tail=node.inputs[0].frame)
        elif kind == "constant":
            self._row(ins.CONSTANT, node, outputs=outputs)
        else:
            tail = self.demands[node].tail if kind == "fold" and node.frame == DAILY else 0
            self._row(ops[node.name], node, inputs=inputs, outputs=outputs, tail=tail)

    def _read_bars(self, node: Operation) -> None:
        base = node.frame * ins.FRAME_REGISTERS
        if node.kind == "field":
            if node.frame != DAILY and node.name == "vwap":
                raise IndicatorError("vwap is known for daily bars only")
            self.register[Series(node.name, frame=node.frame)] = base + FIELDS.index(node.name)
            return
        self.register[Series(node.name, frame=node.frame)] = base + ins.BENCHMARK
        self._row(ins.ALIGN, node, outputs=[base + ins.BENCHMARK])

    def _row(
        self,
        op: int,
        node: Operation,
        *,
        inputs: Sequence[int] = (),
        outputs: Sequence[int] = (),
        tail: int = 0,
    ) -> None:
        demand = self.demands[node]
        row = [0] * ins.WIDTH
        row[ins.OP], row[ins.FRAME], row[ins.REACH] = op, node.frame, node.reach
        row[ins.BACK], row[ins.BEFORE] = demand.back, demand.before
        row[ins.PARAM] = len(self.params)
        row[ins.TAIL], row[ins.OUTPUTS] = tail, len(outputs)
        for j, register in enumerate(inputs):
            row[ins.IN + j] = register
        for j, register in enumerate(outputs):
            row[ins.OUT + j] = register
        if op not in {ins.EMIT, ins.RESAMPLE, ins.ALIGN, ins.HOLD}:
            self.params.extend(node.params)
        if node.kind == "fold" and op not in {ins.EMIT, ins.RESAMPLE}:
            carries = 1 + len(REGISTRY[node.name].carries)
            row[ins.STATE], row[ins.CARRIES] = self.n_slots, carries
            row[ins.KNOWN] = max(known_after(series) for series in node.inputs)
            row[ins.SEASON] = node.lookback + 1
            row[ins.TAIL_SLOT] = self.n_slots + carries
            self.n_slots = row[ins.TAIL_SLOT] + tail * len(outputs)
            if node.frame == DAILY:
                width = self.n_slots - row[ins.STATE]
                self.folds.append(FoldState(node, row[ins.STATE], width, tail))
        self.rows.append(row)

    def _allocate(self, node: Operation) -> list[int]:
        registers = []
        for j in range(node.n_outputs):
            if self.free:
                register = self.free.pop()
            else:
                register, self.n_registers = self.n_registers, self.n_registers + 1
            self.register[Series(node.name, node.inputs, node.params, j, node.frame)] = register
            registers.append(register)
        return registers

    def _release(self, node: Operation) -> None:
        for j in range(node.n_outputs):
            series = Series(node.name, node.inputs, node.params, j, node.frame)
            if self.register[series] >= ins.FIRST_FREE:
                self.free.append(self.register[series])

    def _used(self) -> IntArray:
        """Which daily fields are read, and over how many rows."""
        used = np.zeros((len(FIELDS), 3), dtype=np.int64)
        used[:, 2] = NONE
        reads = [
            (node.name if node.kind == "field" else "session", self.demands[node])
            for node in self.order
            if node.kind in {"field", "benchmark", "hold"} and node.frame == DAILY
        ]
        if self.resampled:  # weeks and months are merged from all bars, in every run
            reads += [(name, Demand(ALL, NONE)) for name in FIELDS if name != "vwap"]
        for name, demand in reads:
            row = used[FIELDS.index(name)]
            row[0] = 1
            row[1], row[2] = max(row[1], demand.back), max(row[2], demand.before)
        return used
