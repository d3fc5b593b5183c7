"""All definitions, one kernel: the text of the module that runs any program over a panel.

Numba does not notice when a function that a compiled one calls has changed, and cannot keep
compiled closures. So the loop around the definitions is written out as a module of its own,
named by a digest of everything it depends on. It knows every definition and takes programs
and parameters as data: no question compiles anything.

1. `write` gives the text: per definition one function that walks a block's rows (`_definition`);
   `run`, which interprets a program (program.py) block by block, a block staying in the cache;
   and, for the compiling process, `entry`, the same under plain C types (`_entry`).
2. compile.py turns it into machine code, loader.py loads that.
"""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from textwrap import indent

from technic.indicators.define import REGISTRY, Indicator
from technic.indicators.kernel.arguments import ARGUMENTS, C_ARGUMENTS
from technic.indicators.kernel.fused import write_passes
from technic.indicators.kernel.instructions import FIRST_DEFINITION, MOST_PARAMS

HEADER = """\
\"\"\"Written by technic.indicators.kernel.codegen; edits will be lost.\"\"\"
from technic.indicators import REGISTRY
from technic.indicators.lanes import (
    COMPILING, address_of, everywhere, held, inlined, inner, lowest, peek, poke, rows_at, where,
)
from technic.indicators.kernel.instructions import *

if COMPILING:
    from numba import carray, cfunc, types

NAN, INFINITY = float("nan"), float("inf")
"""

WINDOW = """
step_{name} = inlined(REGISTRY["{name}"].function)


@inner
def do_{name}({arguments}, reach, begins, first, end):
    {rows}
    begin = begins[0]
    readable = min(max(first, reach), end)  # no row before it has `reach` rows behind it
    for t in range(first, readable):
        {unknown}
    for t in range(readable, end):
        {values} = step_{name}({call})
        alive = begin <= t - reach
        {store}
"""

FOLD = """
step_{name} = inlined(REGISTRY["{name}"].function)


@inner
def do_{name}({arguments}, state, slot, begins, first, fresh, settled, season, end):
    {rows}
    begin, forever = begins[0], everywhere(INFINITY)
    k = 0.0 + state[slot]
    {load}
    at = fresh
    while at < end:
        stop, masked = min(settled, end), at < settled
        if not masked:
            # All eight are live, and what they read is believed until it shows to be unknown.
            young = season - lowest(k)
            stop = {limit}
            {keep}
            if young > 0.0:
                stop = min(stop, at + int(young))
                for t in range(at, stop):
                    {steady} = step_{name}({call})
                    k = k + 1.0
                    {doubts}
                    if t >= first:
                        {steady_store}
            else:  # `k` is compared with numbers of bars, all of them behind: any other will do
                for t in range(at, stop):
                    {steady} = step_{name}({seasoned_call})
                    {doubts}
                    if t >= first:
                        {steady_store}
                k = k + float(stop - at)
            {restore}
        if masked:
            # A lane whose fresh bars have not begun, or whose input is unknown, keeps what it has.
            for t in range(at, stop):
                {values} = step_{name}({call})
                live = (begin <= t){alive}
                {advance}
                k = where(live, k + 1.0, k)
                if t >= first:
                    {store}
        at = stop
    state[slot] = k
    {save}
"""

RUN = """

@inner
def run(
    {arguments},
):
    for b in range(first_block, last_block):
        end, longest_fresh, shortest, shortest_fresh = 0, 0, 1 << 40, 1 << 40
        for lane in range(LANES):
            if lengths[b, lane] > 0:
                end = max(end, lengths[b, lane])
                shortest = min(shortest, lengths[b, lane])
                longest_fresh = max(longest_fresh, fresh_counts[b, lane])
                shortest_fresh = min(shortest_fresh, fresh_counts[b, lane])
        if end == 0:
            continue
        # The first row of each symbol, and its first fresh one: right-aligned, as all rows are.
        for frame in range(N_FRAMES):
            for lane in range(LANES):
                edges[frame, 0, lane] = end - lengths[b, lane]
                edges[frame, 1, lane] = end - (
                    fresh_counts[b, lane] if is_daily(frame) else lengths[b, lane]
                )
        fresh = end - longest_fresh
        for j in range(bars.shape[1]):
            registers[j] = address_of(bars[b, j])
            # Only a ragged block is copied, and of it only what somebody reads.
            if shortest != end and used[j, 0]:
                first = max(0, min(end - used[j, 1], fresh - used[j, 2]))
                push_right(
                    rows_at(registers[j]), rows_at(address_of(scratch[j])), lengths[b], end, first
                )
                registers[j] = address_of(scratch[j])
        carried = rows_at(address_of(state[b]))
        # Members of a pass are walked one after another over rows [low, high), until all of them
        # are seasoned, and wherever the pass has met an unknown value.
        i, head, low, high = 0, -1, 0, 0
        while i < program.shape[0]:
            code = program[i]
            op, frame = code[OP], code[FRAME]
            if op == PASS:
                if head < 0:
                    head, low = i, fresh
                    high = first_fused(
                        program, i, carried, end - shortest, end - shortest_fresh, end
                    )
                else:
                    low = high
                if low >= high:
                    wanted = first_stored(program, i, end, fresh)
                    low = fused(program, i, registers, params, carried, wanted, low, end)
                    high = min(low + CHUNK, end)
                if low < high:
                    i += 1
                    continue
                edge = address_of(edges[frame, 0:1]), address_of(edges[frame, 1:2])
                for j in range(i + 1, i + 1 + code[OUTPUTS]):
                    keep_tails(program[j], carried, registers, rows_at(edge[0]), rows_at(edge[1]), end)
                i, head = i + 1 + code[OUTPUTS], -1
                continue
            firsts = rows_at(address_of(edges[frame, 0:1]))
            begins = rows_at(address_of(edges[frame, 1:2]))
            since, stop = fresh if is_daily(frame) else 0, end
            first = first_row_wanted(code, end, since)
            if head >= 0:
                since, first, stop = low, low, high
            session = rows_at(registers[frame * FRAME_REGISTERS + SESSION])
            if op >= FIRST_DEFINITION:
                if not is_daily(frame):
                    forget(carried, code[STATE], code[CARRIES])
                settled = end
                if is_daily(frame):  # from there on all have begun, and know what they read
                    settled = max(end - shortest_fresh, end - shortest + code[KNOWN])
                season = float(code[SEASON])
                numbers = code[PARAM]
                reach, slot = code[REACH], code[STATE]
                # More than most definitions take: what one does not name, it does not read.
                {operands} = (
                    {operand_values},
                )
{branches}
                if head < 0:
                    keep_tails(code, carried, registers, firsts, begins, end)
            elif op == EMIT:
                emit(rows_at(registers[code[IN]]), out[code[OUT]], starts[b], counts[b], end)
            elif op == CONSTANT:
                target = rows_at(registers[code[OUT]])
                for t in range(first, stop):
                    target[t] = params[code[PARAM]]
            elif op == ALIGN:
                align(benchmark, session, rows_at(registers[code[OUT]]), firsts, first, end)
            elif op == RESAMPLE:
                resample(frame, registers, edges, span_of, last_of, lengths[b], end)
            elif op == HOLD:
                hold(code, registers, edges, last_of, lengths[b], first, end)
            i += 1
            if head >= 0 and i > head + program[head, OUTPUTS]:
                i = head
"""

ENTRY = """

if COMPILING:

    @cfunc(
        types.void(
            {types},
        ),
        error_model="numpy",
    )
    def entry(
        {names},
    ):
        run(
            {values},
        )
"""
# Our types as Numba spells them in a signature.
NUMBA = {
    "float64*": "types.CPointer(types.float64)",
    "int64*": "types.CPointer(types.int64)",
    "uintp*": "types.CPointer(types.uintp)",
    "int64": "types.int64",
}


def opcodes() -> dict[str, int]:
    """The instruction number of every definition that is compiled."""
    names = sorted(name for name, entry in REGISTRY.items() if entry.kind != "formula")
    return {name: FIRST_DEFINITION + j for j, name in enumerate(names)}


def write() -> str:
    """The text of the module: pure, so it can be read, diffed and tested."""
    compiled = {op: REGISTRY[name] for name, op in opcodes().items()}
    definitions = "".join(_definition(indicator) for indicator in compiled.values())
    return HEADER + definitions + write_passes() + _run(compiled) + _entry()


def _run(compiled: dict[int, Indicator]) -> str:
    """The interpreter: one branch for each definition, by its instruction number."""
    reads = _numbered("i", max(len(indicator.inputs) for indicator in compiled.values()))
    writes = _numbered("o", max(len(indicator.outputs) for indicator in compiled.values()))
    numbers = _numbered("p", MOST_PARAMS)
    branches: list[str] = []
    for op, indicator in compiled.items():
        keyword = "elif" if branches else "if"
        branches.append(f"{keyword} op == {op}:")
        branches.append(f"    do_{indicator.name}({_operands_of(indicator)})")
    values = [f"registers[code[IN + {j}]]" for j in range(len(reads))]
    values += [f"registers[code[OUT + {j}]]" for j in range(len(writes))]
    values += [f"params[numbers + {j}]" for j in range(len(numbers))]
    return RUN.format(
        arguments=", ".join(argument.name for argument in ARGUMENTS),
        branches=indent("\n".join(branches), " " * 16),
        operands=", ".join([*reads, *writes, *numbers]),
        operand_values=", ".join(values),
    )


def _entry() -> str:
    """`run` for C: addresses and sizes become arrays again."""
    arrays = [
        f"carray({argument.name}, ({', '.join(argument.sizes)},))"
        if argument.sizes
        else argument.name
        for argument in ARGUMENTS
    ]
    return ENTRY.format(
        types=_lines([f"{NUMBA[kind]}," for _, kind in C_ARGUMENTS], 12).removesuffix(","),
        names=", ".join(name for name, _ in C_ARGUMENTS),
        values=_lines([f"{array}," for array in arrays], 12).removesuffix(","),
    )


def _operands_of(indicator: Indicator) -> str:
    """What `run` hands to one definition's walk."""
    reads = _numbered("i", len(indicator.inputs))
    writes = _numbered("o", len(indicator.outputs))
    numbers = [
        f"{type(default).__name__}(p{j})" for j, default in enumerate(indicator.defaults.values())
    ]
    rest = (
        "carried, slot, begins, first, since, settled, season, stop"
        if indicator.kind == "fold"
        else "reach, firsts, first, stop"
    )
    return ", ".join([*reads, *writes, *numbers, rest])


def _definition(indicator: Indicator) -> str:
    """One definition's walk over a block."""
    outputs = _numbered("o", len(indicator.outputs))
    values = _numbered("v", len(indicator.outputs))
    new = [f"new_{name}" for name in indicator.carries]
    leading = ["t", "k"] if indicator.kind == "fold" else ["t"]
    parts = {
        "name": indicator.name,
        "arguments": ", ".join([*indicator.inputs, *outputs, *indicator.defaults]),
        "rows": _lines([f"{x} = rows_at({x})" for x in [*indicator.inputs, *outputs]]),
        "values": ", ".join(values + new),
        "call": ", ".join([*leading, *indicator.inputs, *indicator.carries, *indicator.defaults]),
    }
    stores = list(zip(outputs, values, strict=True))
    if indicator.kind == "window":
        store = [f"{output}[t] = where(alive, {value}, NAN)" for output, value in stores]
        unknown = _lines([f"{output}[t] = NAN" for output in outputs], 8)
        return WINDOW.format(**parts, unknown=unknown, store=_lines(store, 8))
    store = [f"{output}[t] = where(live, {value}, NAN)" for output, value in stores]
    steady_store = [f"{output}[t] = {value}" for output, value in stores]
    return FOLD.format(
        **parts,
        **_carrying(indicator),
        **_doubting(indicator),
        store=_lines(store, 20),
        steady=", ".join([*values, *indicator.carries]),
        steady_store=_lines(steady_store, 24),
        seasoned_call=parts["call"].replace("t, k,", "t, forever,", 1),
    )


def _carrying(indicator: Indicator) -> dict[str, str]:
    """How a fold's floats are loaded from the state, advanced and saved; its slot holds `k`."""
    slots = {name: f"state[slot + {1 + j}]" for j, name in enumerate(indicator.carries)}
    return {
        "load": _lines([f"{name} = {slot}" for name, slot in slots.items()]),
        "advance": _lines([f"{name} = where(live, new_{name}, {name})" for name in slots], 16),
        "save": _lines([f"{slot} = {name}" for name, slot in slots.items()]),
    }


def _doubting(indicator: Indicator) -> dict[str, str]:
    """When a bar counts: always, unless the input is itself computed and may be unknown.

    Rows are believed a chunk at a time. An unknown or infinite value in one of them makes `doubt`
    unknown; the chunk is then walked again behind a mask, from the state before it.
    """
    if not indicator.takes_any_input:
        return {"alive": "", "limit": "end", "keep": "pass", "doubts": "pass", "restore": "pass"}
    tests, watched = ["(x[t] == x[t])"], ["x[t]"]
    # A fold that looks back may meet an unknown behind a known bar: it shows in what it carries.
    if indicator.reach(*indicator.defaults.values()) > 0:
        tests += [f"(new_{name} == new_{name})" for name in indicator.carries]
        watched += indicator.carries
    floats = ["k", *indicator.carries]
    keep = [*(f"kept_{name} = {name}" for name in floats), "doubt = everywhere(0.0)"]
    restore = "masked = not lowest(doubt) == 0.0\n            if masked:\n                "
    return {
        "alive": "".join(f" & {test}" for test in tests),
        "limit": "min(at + CHUNK, end)",
        "keep": _lines(keep, 12),
        "doubts": _lines([f"doubt = doubt + 0.0 * {value}" for value in watched], 20),
        "restore": restore + _lines([f"{name} = kept_{name}" for name in floats], 16),
    }


def _numbered(letter: str, n: int) -> list[str]:
    return [f"{letter}{j}" for j in range(n)]


def _lines(statements: list[str], depth: int = 4) -> str:
    return ("\n" + " " * depth).join(statements) or "pass"


@cache
def digest() -> str:
    """The name of the kernel: of its text, every definition, every file here, and Numba's version.

    Returns
    -------
    str
        16 hexadecimal digits. Values under another digest may differ in their last bits.
    """
    code = [path.read_bytes() for path in sorted(Path(__file__).parents[1].rglob("*.py"))]
    parts = [version("numba").encode(), version("llvmlite").encode(), write().encode(), *code]
    return blake2b(b"\0".join(parts), digest_size=8).hexdigest()
