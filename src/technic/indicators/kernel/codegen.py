"""All definitions, one kernel: the text of the module that runs any program over a panel.

Numba does not notice when a function that a compiled one calls has changed, and cannot keep
compiled closures. So the loop around the definitions is written out as a module of its own,
named by a digest of everything it depends on. It knows every definition and takes programs
and parameters as data: no question compiles anything.

1. `write` gives the text: per definition one function that walks a block's rows; `run`, which
   interprets a program (program.py) block by block, a block staying in the cache; and, for
   the compiling process, `entry`, the same under plain C types.
2. compile.py turns it into machine code, native.py loads that.
"""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from textwrap import indent

from technic.indicators.define import REGISTRY, Indicator
from technic.indicators.kernel.instructions import FIRST_DEFINITION, MOST_PARAMS

HEADER = """\
\"\"\"Written by technic.indicators.kernel.codegen; edits will be lost.\"\"\"
from technic.indicators import REGISTRY
from technic.indicators.lanes import COMPILING, address_of, inlined, inner, peek, poke, rows_at, where
from technic.indicators.kernel.instructions import *

if COMPILING:
    from numba import carray, cfunc, types

NAN = float("nan")
"""

WINDOW = """
step_{name} = inlined(REGISTRY["{name}"].function)


@inner
def do_{name}({arguments}, reach, begins, first, end):
    {rows}
    begin = begins[0]
    known = min(max(first, reach), end)
    for t in range(first, known):
        {unknown}
    for t in range(known, end):
        {values} = step_{name}({call})
        alive = begin <= t - reach
        {store}
"""

FOLD = """
step_{name} = inlined(REGISTRY["{name}"].function)


@inner
def do_{name}({arguments}, state, slot, begins, first, fresh, settled, end):
    {rows}
    begin = begins[0]
    k = state[slot]
    {load}
    for t in range(fresh, settled):
        {values} = step_{name}({call})
        live = (begin <= t){alive}
        {advance}
        k = where(live, k + 1.0, k)
        if t >= first:
            {store}
    for t in range(settled, end):
        {steady} = step_{name}({call})
        k = k + 1.0
        if t >= first:
            {steady_store}
    state[slot] = k
    {save}
"""

RUN = """

@inner
def run(
    program, params, bars, lengths, fresh_counts, state, scratch, edges, registers, used,
    span_of, last_of, benchmark, out, starts, counts, first_block, last_block,
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
        for frame in range(N_FRAMES):
            for lane in range(LANES):
                edges[frame, 0, lane] = end - lengths[b, lane]
                edges[frame, 1, lane] = end - (
                    fresh_counts[b, lane] if is_daily(frame) else lengths[b, lane]
                )
        fresh = end - longest_fresh
        for j in range(bars.shape[1]):
            registers[j] = address_of(bars[b, j])
            if shortest != end and used[j, 0]:
                first = max(0, min(end - used[j, 1], fresh - used[j, 2]))
                push_right(
                    rows_at(registers[j]), rows_at(address_of(scratch[j])), lengths[b], end, first
                )
                registers[j] = address_of(scratch[j])
        kept = rows_at(address_of(state[b]))
        for i in range(program.shape[0]):
            code = program[i]
            op, frame = code[OP], code[FRAME]
            firsts = rows_at(address_of(edges[frame, 0:1]))
            begins = rows_at(address_of(edges[frame, 1:2]))
            since = fresh if is_daily(frame) else 0
            first = first_row_wanted(code, end, since)
            session = rows_at(registers[frame * FRAME_REGISTERS + SESSION])
            if op >= FIRST_DEFINITION:
                if not is_daily(frame):
                    forget(kept, code[STATE], code[CARRIES])
                settled = end
                if code[PLAIN] and is_daily(frame):
                    settled = end - shortest_fresh
                given = code[PARAM]
                reach, slot = code[REACH], code[STATE]
                {operands} = (
                    {operand_values},
                )
{branches}
                for j in range(code[OUTPUTS] if code[TAIL] else 0):
                    tail = code[TAIL_SLOT] + j * code[TAIL]
                    series = rows_at(registers[code[OUT + j]])
                    recall(kept, tail, code[TAIL], series, begins, firsts)
                    remember(kept, tail, code[TAIL], series, firsts, end)
            elif op == EMIT:
                emit(rows_at(registers[code[IN]]), out[code[OUT]], starts[b], counts[b], end)
            elif op == CONSTANT:
                target = rows_at(registers[code[OUT]])
                for t in range(first, end):
                    target[t] = params[code[PARAM]]
            elif op == ALIGN:
                align(benchmark, session, rows_at(registers[code[OUT]]), firsts, first, end)
            elif op == RESAMPLE:
                base = frame * FRAME_REGISTERS
                for lane in range(LANES):
                    if lengths[b, lane] == 0:
                        continue
                    made = resample(
                        rows_at(registers[OPEN]), rows_at(registers[HIGH]),
                        rows_at(registers[LOW]), rows_at(registers[CLOSE]),
                        rows_at(registers[VOLUME]), rows_at(registers[SESSION]),
                        rows_at(registers[base + OPEN]), rows_at(registers[base + HIGH]),
                        rows_at(registers[base + LOW]), rows_at(registers[base + CLOSE]),
                        rows_at(registers[base + VOLUME]), rows_at(registers[base + SESSION]),
                        lane, span_of[frame], last_of[frame], end - lengths[b, lane], end,
                    )
                    edges[frame, 0, lane] = end - made
                    edges[frame, 1, lane] = end - made
            elif op == HOLD:
                slow = code[TAIL]
                slow_session = rows_at(registers[slow * FRAME_REGISTERS + SESSION])
                for lane in range(LANES):
                    if lengths[b, lane] > 0:
                        hold(
                            rows_at(registers[code[IN]]), slow_session, last_of[slow], session,
                            rows_at(registers[code[OUT]]), lane, int(edges[slow, 0, lane]),
                            max(first, end - lengths[b, lane]), end,
                        )
"""


ENTRY = """

if COMPILING:
    floats, numbers, addresses = (types.CPointer(t) for t in (types.float64, types.int64, types.uintp))
    size = types.int64

    @cfunc(
        types.void(
            numbers, size, size, floats, size, floats, size, size, size, numbers, numbers, floats,
            size, floats, size, floats, addresses, numbers, numbers, numbers, size, floats,
            floats, size, size, numbers, numbers, size, size,
        ),
        error_model="numpy",
    )
    def entry(
        program, n_instructions, instruction_width, params, n_params, bars, n_blocks, n_fields,
        n_rows, lengths, fresh_counts, state, width, scratch, n_registers, edges, registers, used,
        span_of, last_of, n_sessions, benchmark, out, n_columns, n_out, starts, counts,
        first_block, last_block,
    ):
        run(
            carray(program, (n_instructions, instruction_width)), carray(params, (n_params,)),
            carray(bars, (n_blocks, n_fields, n_rows, LANES)),
            carray(lengths, (n_blocks, LANES)), carray(fresh_counts, (n_blocks, LANES)),
            carray(state, (n_blocks, width, LANES)),
            carray(scratch, (n_registers, n_rows, LANES)), carray(edges, (N_FRAMES, 2, LANES)),
            carray(registers, (n_registers,)), carray(used, (N_FIELDS, 3)),
            carray(span_of, (N_FRAMES, n_sessions)), carray(last_of, (N_FRAMES, n_sessions)),
            carray(benchmark, (n_sessions,)), carray(out, (n_columns, n_out)),
            carray(starts, (n_blocks, LANES)), carray(counts, (n_blocks, LANES)),
            first_block, last_block,
        )
"""


def opcodes() -> dict[str, int]:
    """The instruction number of every definition that is compiled."""
    names = sorted(name for name, it in REGISTRY.items() if it.kind != "formula")
    return {name: FIRST_DEFINITION + j for j, name in enumerate(names)}


def write() -> str:
    """The text of the module: pure, so it can be read, diffed and tested."""
    ops = opcodes()
    kinds = [REGISTRY[name] for name in ops]
    reads = [f"i{j}" for j in range(max(len(it.inputs) for it in kinds))]
    writes = [f"o{j}" for j in range(max(len(it.outputs) for it in kinds))]
    numbers = [f"p{j}" for j in range(MOST_PARAMS)]
    branches: list[str] = []
    for name, op in ops.items():
        keyword = "elif" if branches else "if"
        branches.append(f"{keyword} op == {op}:")
        branches.append(f"    do_{name}({_operands_of(REGISTRY[name])})")
    values = [f"registers[code[IN + {j}]]" for j in range(len(reads))]
    values += [f"registers[code[OUT + {j}]]" for j in range(len(writes))]
    values += [f"params[given + {j}]" for j in range(len(numbers))]
    return (
        HEADER
        + "".join(_function(it) for it in kinds)
        + RUN.format(
            branches=indent("\n".join(branches), " " * 16),
            operands=", ".join([*reads, *writes, *numbers]),
            operand_values=", ".join(values),
        )
        + ENTRY
    )


def _operands_of(it: Indicator) -> str:
    """What `run` hands to one definition's walk."""
    reads = [f"i{j}" for j in range(len(it.inputs))]
    writes = [f"o{j}" for j in range(len(it.outputs))]
    numbers = [f"{type(default).__name__}(p{j})" for j, default in enumerate(it.defaults.values())]
    rest = (
        "kept, slot, begins, first, since, settled, end"
        if it.kind == "fold"
        else "reach, firsts, first, end"
    )
    return ", ".join([*reads, *writes, *numbers, rest])


def _function(it: Indicator) -> str:
    """One definition's walk over a block."""
    outputs = [f"o{j}" for j in range(len(it.outputs))]
    made = [f"v{j}" for j in range(len(it.outputs))]
    new = [f"new_{name}" for name in it.carries]
    leading = ["t", "k"] if it.kind == "fold" else ["t"]
    parts = {
        "name": it.name,
        "arguments": ", ".join([*it.inputs, *outputs, *it.defaults]),
        "rows": _lines([f"{x} = rows_at({x})" for x in [*it.inputs, *outputs]]),
        "values": ", ".join(made + new),
        "call": ", ".join([*leading, *it.inputs, *it.carries, *it.defaults]),
    }
    if it.kind == "window":
        store = [f"{o}[t] = where(alive, {v}, NAN)" for o, v in zip(outputs, made, strict=True)]
        unknown = _lines([f"{o}[t] = NAN" for o in outputs], 8)
        return WINDOW.format(**parts, unknown=unknown, store=_lines(store, 8))
    slots = [f"state[slot + {1 + j}]" for j in range(len(it.carries))]
    pairs = list(zip(it.carries, slots, strict=True))
    stored = [f"{o}[t] = where(live, {v}, NAN)" for o, v in zip(outputs, made, strict=True)]
    return FOLD.format(
        **parts,
        alive=_alive(it),
        load=_lines([f"{c} = {s}" for c, s in pairs]),
        advance=_lines([f"{c} = where(live, new_{c}, {c})" for c in it.carries], 8),
        store=_lines(stored, 12),
        steady=", ".join([*made, *it.carries]),
        steady_store=_lines([f"{o}[t] = {v}" for o, v in zip(outputs, made, strict=True)], 12),
        save=_lines([f"{s} = {c}" for c, s in pairs]),
    )


def _alive(it: Indicator) -> str:
    """When a bar counts: always, unless the input is itself computed and may be unknown."""
    if not it.takes_any_input:
        return ""
    looks_back = it.reach(*it.defaults.values()) > 0
    unknown = (
        [f"({name} == {name})" for name in (f"new_{c}" for c in it.carries)] if looks_back else []
    )
    return "".join(f" & {test}" for test in ["(x[t] == x[t])", *unknown])


def _lines(statements: list[str], depth: int = 4) -> str:
    return ("\n" + " " * depth).join(statements) or "pass"


@cache
def digest() -> str:
    """Names the kernel: its text, every definition, every file here, and Numba's version."""
    code = [path.read_bytes() for path in sorted(Path(__file__).parents[1].rglob("*.py"))]
    parts = [version("numba").encode(), version("llvmlite").encode(), write().encode(), *code]
    return blake2b(b"\0".join(parts), digest_size=8).hexdigest()
