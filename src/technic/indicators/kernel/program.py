"""From a graph of series to a program: a table of numbers that the fused kernel runs.

1. `_order` puts the nodes below the roots in an order in which inputs come first; equal
   series are one node.
2. `_demands` goes back through that order and says how many rows of each are read: windows
   widen the demand for their inputs by their reach, folds need every fresh bar.
3. `_registers` gives each output a register that is free by then.
4. `compile_program` writes the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from technic.errors import IndicatorError
from technic.indicators.define import REGISTRY
from technic.indicators.kernel import instructions as m
from technic.indicators.kernel.codegen import opcodes
from technic.indicators.series import DAILY, Series
from technic.market.panel import FIELDS
from technic.market.typing import FloatArray, IntArray

NONE, ALL = -(1 << 40), 1 << 40


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: what series that differ only in `output` have in common."""

    name: str
    inputs: tuple[Series, ...]
    params: tuple[float, ...]
    frame: int

    @classmethod
    def of(cls, series: Series) -> Operation:
        """The node that computes `series`."""
        return cls(series.name, series.inputs, series.params, series.frame)

    @property
    def kind(self) -> str:
        """field, benchmark, constant, hold, window or fold."""
        if self.name in FIELDS:
            return "field"
        if self.name in {"benchmark", "constant", "hold"}:
            return self.name
        return REGISTRY[self.name].kind

    @property
    def reach(self) -> int:
        """Rows before its own that it reads of its inputs."""
        return REGISTRY[self.name].reach(*self.params) if self.kind in {"window", "fold"} else 0

    @property
    def n_outputs(self) -> int:
        """How many series it writes."""
        return len(REGISTRY[self.name].outputs) if self.kind in {"window", "fold"} else 1


@dataclass(slots=True)
class Demand:
    """Rows of a node that are read: the last `back`, and from `before` fresh ones on."""

    back: int = 0
    before: int = NONE

    def widen(self, back: int, before: int) -> None:
        """Serve one more reader."""
        self.back, self.before = max(self.back, back), max(self.before, before)

    @property
    def tail(self) -> int:
        """Rows that the next run will read again although they are not fresh then."""
        return max(self.back, self.before, 0)


@dataclass(frozen=True, slots=True)
class Program:
    """What the kernel runs.

    Attributes
    ----------
    code : int64, shape (n_instructions, WIDTH)
    params : float64, shape (n_params,)
    n_columns, n_registers, state_width : sizes of what it works with
    used : int64, shape (n_fields, 3); whether each field is read, and its demand
    needs_benchmark : whether it reads the benchmark's closes
    """

    code: IntArray
    params: FloatArray
    n_columns: int
    n_registers: int
    state_width: int
    used: IntArray
    needs_benchmark: bool

    def reads(self, name: str) -> bool:
        """Whether it reads a field of the bars."""
        return bool(self.used[FIELDS.index(name), 0])


def compile_program(roots: Sequence[Series], *, every_bar: bool = False) -> Program:
    """The program that evaluates `roots`, one column each.

    Parameters
    ----------
    every_bar : evaluate at every fresh bar, rather than at the last one only
    """
    order = _order(roots)
    demands = _demands(order, roots, every_bar=every_bar)
    return _Writer(order, demands, list(roots)).program()


def _order(roots: Iterable[Series]) -> list[Operation]:
    ordered: dict[Operation, None] = {}
    frames: set[int] = set()

    def visit(series: Series) -> None:
        node = Operation.of(series)
        if node in ordered:
            return
        for read in series.inputs:
            visit(read)
        if node.kind in {"field", "benchmark"} and node.frame != DAILY:
            frames.add(node.frame)
        ordered[node] = None

    for root in roots:
        visit(root)
    return list(ordered)


def _demands(
    order: list[Operation], roots: Sequence[Series], *, every_bar: bool
) -> dict[Operation, Demand]:
    demands = {node: Demand() for node in order}
    for root in roots:
        demands[Operation.of(root)].widen(0 if every_bar else 1, 0 if every_bar else NONE)
    for node in reversed(order):
        own = demands[node]
        for series in node.inputs:
            read = demands[Operation.of(series)]
            if node.kind == "fold":
                read.widen(0, node.reach)
            else:
                read.widen(own.back + node.reach if own.back else 0, own.before + node.reach)
    return demands


@dataclass(slots=True)
class _Writer:
    """Writes the rows of one program."""

    order: list[Operation]
    demands: dict[Operation, Demand]
    roots: list[Series]
    rows: list[list[int]] = field(default_factory=list)
    params: list[float] = field(default_factory=list)
    register: dict[Series, int] = field(default_factory=dict)
    free: list[int] = field(default_factory=list)
    n_registers: int = m.FIRST_FREE
    n_slots: int = 0
    resampled: set[int] = field(default_factory=set)

    def program(self) -> Program:
        """Every node in turn; its registers are free again behind its last reader."""
        ops = opcodes()
        last_reader = {Operation.of(s): i for i, node in enumerate(self.order) for s in node.inputs}
        columns: dict[Operation, list[int]] = {}
        for column, root in enumerate(self.roots):
            columns.setdefault(Operation.of(root), []).append(column)
        ending: dict[int, list[Operation]] = {}
        for node, i in last_reader.items():
            ending.setdefault(i, []).append(node)
        for i, node in enumerate(self.order):
            self._write(node, ops)
            for column in columns.get(node, []):
                self._row(
                    m.EMIT, node, inputs=[self.register[self.roots[column]]], outputs=[column]
                )
            for done in [*ending.get(i, []), *([node] if node not in last_reader else [])]:
                self._release(done)
        return Program(
            code=np.array(self.rows, dtype=np.int64).reshape(-1, m.WIDTH),
            params=np.array([*self.params, *[0.0] * m.MOST_PARAMS]),
            n_columns=len(self.roots),
            n_registers=self.n_registers,
            state_width=self.n_slots,
            used=self._used(),
            needs_benchmark=any(node.kind == "benchmark" for node in self.order),
        )

    def _write(self, node: Operation, ops: dict[str, int]) -> None:
        kind = node.kind
        if kind in {"field", "benchmark"}:
            self._read_bars(node)
            return
        outputs = self._allocate(node)
        inputs = [self.register[series] for series in node.inputs]
        if kind == "hold":
            self._row(m.HOLD, node, inputs=inputs, outputs=outputs, tail=node.inputs[0].frame)
        elif kind == "constant":
            self._row(m.CONSTANT, node, outputs=outputs)
        else:
            tail = self.demands[node].tail if kind == "fold" and node.frame == DAILY else 0
            self._row(ops[node.name], node, inputs=inputs, outputs=outputs, tail=tail)

    def _read_bars(self, node: Operation) -> None:
        base = node.frame * m.FRAME_REGISTERS
        if node.frame != DAILY and node.frame not in self.resampled:
            self.resampled.add(node.frame)
            self._row(m.RESAMPLE, node)
        if node.kind == "field":
            if node.frame != DAILY and node.name == "vwap":
                raise IndicatorError("vwap is known for daily bars only")
            self.register[Series(node.name, frame=node.frame)] = base + FIELDS.index(node.name)
            return
        self.register[Series(node.name, frame=node.frame)] = base + m.BENCHMARK
        self._row(m.ALIGN, node, outputs=[base + m.BENCHMARK])

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
        row = [0] * m.WIDTH
        row[m.OP], row[m.FRAME], row[m.REACH] = op, node.frame, node.reach
        row[m.BACK], row[m.BEFORE] = demand.back, demand.before
        row[m.PARAM] = len(self.params)
        row[m.TAIL], row[m.OUTPUTS] = tail, len(outputs)
        for j, register in enumerate(inputs):
            row[m.IN + j] = register
        for j, register in enumerate(outputs):
            row[m.OUT + j] = register
        if op not in {m.EMIT, m.RESAMPLE, m.ALIGN, m.HOLD}:
            self.params.extend(node.params)
        if node.kind == "fold" and op != m.EMIT:
            carries = 1 + len(REGISTRY[node.name].carries)
            row[m.STATE], row[m.CARRIES] = self.n_slots, carries
            row[m.PLAIN] = all(Operation.of(series).kind == "field" for series in node.inputs)
            row[m.TAIL_SLOT] = self.n_slots + carries
            self.n_slots = row[m.TAIL_SLOT] + tail * len(outputs)
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
            if self.register[series] >= m.FIRST_FREE:
                self.free.append(self.register[series])

    def _used(self) -> IntArray:
        """Which daily fields are read, and over how many rows."""
        used = np.zeros((len(FIELDS), 3), dtype=np.int64)
        used[:, 2] = NONE
        wanted = [
            (n.name, self.demands[n]) for n in self.order if n.kind == "field" and n.frame == DAILY
        ]
        slow = [name for name in FIELDS[:6] if self.resampled]
        everything = Demand(ALL, NONE)
        sessions = [n for n in self.order if n.kind in {"benchmark", "hold"} and n.frame == DAILY]
        wanted += [(name, everything) for name in slow]
        wanted += [("session", self.demands[n]) for n in sessions]
        for name, demand in wanted:
            row = used[FIELDS.index(name)]
            row[0] = 1
            row[1], row[2] = max(row[1], demand.back), max(row[2], demand.before)
        return used
